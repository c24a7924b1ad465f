//! The messages that come a thousand times a second, read from their fields in place.
//!
//! The generated types grow their arrays number by number; here an array is made in one piece.

use super::{CodecError, area};
use crate::wire::{Fields, Value, WireError, read_doubles, read_floats};
use etude_model::sample::{JointCommand, JointStates, Tactile, Wrench};
use etude_model::{DeviceTime, HostTime, LogTime, Stamp};

/// Device and host time, fields 1 and 2 of every `etude.v1` message.
#[derive(Default)]
struct Times {
    device_ns: Option<i64>,
    host_ns: i64,
}

impl Times {
    fn stamp(&self, log: LogTime) -> Stamp {
        Stamp { device: self.device_ns.map(DeviceTime), host: HostTime(self.host_ns), log }
    }
}

/// Reads the times and hands every other field to `other`.
fn fields<'a>(
    bytes: &'a [u8],
    message: &'static str,
    mut other: impl FnMut(u32, Value<'a>) -> Result<(), WireError>,
) -> Result<Times, CodecError> {
    let mut times = Times::default();
    let mut read = |number, value: Value<'a>| {
        match number {
            1 => times.device_ns = Some(value.sfixed64()?),
            2 => times.host_ns = value.sfixed64()?,
            _ => other(number, value)?,
        }
        Ok(())
    };
    for field in Fields::new(bytes) {
        let read = field.and_then(|(number, value)| read(number, value));
        read.map_err(|source| CodecError::Wire { field: message, source })?;
    }
    Ok(times)
}

pub(super) fn joint_states(log: LogTime, bytes: &[u8]) -> Result<(Stamp, JointStates), CodecError> {
    let mut states = JointStates::default();
    let times = fields(bytes, "etude.v1.JointStates", |number, value| match number {
        3 => read_doubles(value, &mut states.position),
        4 => read_doubles(value, &mut states.velocity),
        5 => read_doubles(value, &mut states.effort),
        _ => Ok(()),
    })?;
    Ok((times.stamp(log), states))
}

pub(super) fn joint_command(log: LogTime, bytes: &[u8]) -> Result<(Stamp, JointCommand), CodecError> {
    let mut command = JointCommand::default();
    let times = fields(bytes, "etude.v1.JointCommand", |number, value| {
        match number {
            3 => command.sequence = value.varint()?,
            4 => read_doubles(value, &mut command.asked)?,
            5 => read_doubles(value, &mut command.granted)?,
            _ => {}
        }
        Ok(())
    })?;
    Ok((times.stamp(log), command))
}

pub(super) fn tactile(log: LogTime, bytes: &[u8]) -> Result<(Stamp, Tactile), CodecError> {
    let mut tactile = Tactile { rows: 0, columns: 0, values: Vec::new() };
    let times = fields(bytes, "etude.v1.Tactile", |number, value| {
        match number {
            3 => tactile.rows = value.varint()? as u32,
            4 => tactile.columns = value.varint()? as u32,
            5 => read_floats(value, &mut tactile.values)?,
            _ => {}
        }
        Ok(())
    })?;
    let (expected, found) = (area(tactile.rows, tactile.columns), tactile.values.len());
    if expected != found {
        return Err(CodecError::Length { field: "values", expected, found });
    }
    Ok((times.stamp(log), tactile))
}

pub(super) fn wrench(log: LogTime, bytes: &[u8]) -> Result<(Stamp, Wrench), CodecError> {
    let (mut force_n, mut torque_n_m, mut tared) = (None, None, false);
    let times = fields(bytes, "etude.v1.Wrench", |number, value| {
        match number {
            3 => vector(value, force_n.get_or_insert([0.0; 3]))?,
            4 => vector(value, torque_n_m.get_or_insert([0.0; 3]))?,
            5 => tared = value.varint()? != 0,
            _ => {}
        }
        Ok(())
    })?;
    let force_n = force_n.ok_or(CodecError::Missing { field: "force" })?;
    let torque_n_m = torque_n_m.ok_or(CodecError::Missing { field: "torque" })?;
    Ok((times.stamp(log), Wrench { force_n, torque_n_m, tared }))
}

/// Fields 1 to 3 of a vector.
fn vector(value: Value<'_>, into: &mut [f64; 3]) -> Result<(), WireError> {
    for field in Fields::new(value.bytes()?) {
        let (number, value) = field?;
        if let Some(place) = (number as usize).checked_sub(1).and_then(|axis| into.get_mut(axis)) {
            *place = value.double()?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::proto;
    use prost::Message as _;

    const LOG: LogTime = LogTime(9);

    /// The same message by the generated types.
    #[test]
    fn what_the_generated_types_write_reads_the_same() {
        let states = proto::JointStates {
            device_time_ns: Some(-4),
            host_time_ns: 5,
            position: vec![1.5, f64::NEG_INFINITY],
            velocity: vec![-0.0, 2.0],
            effort: Vec::new(),
        };
        let (stamp, read) = joint_states(LOG, &states.encode_to_vec()).expect("a message");
        assert_eq!(stamp, Stamp { device: Some(DeviceTime(-4)), host: HostTime(5), log: LOG });
        assert_eq!((read.position, read.velocity, read.effort), (states.position, states.velocity, vec![]));

        let touch = proto::Tactile {
            device_time_ns: None,
            host_time_ns: 0,
            rows: 1,
            columns: 3,
            values: vec![0.0, 1.0, -2.0],
        };
        let (stamp, read) = tactile(LOG, &touch.encode_to_vec()).expect("a message");
        assert_eq!(stamp.device, None);
        assert_eq!((read.rows, read.columns, read.values), (1, 3, touch.values));

        let force = Some(proto::Vector3 { x: 1.0, y: 0.0, z: -3.0 });
        let wrench_message = proto::Wrench {
            device_time_ns: None,
            host_time_ns: 1,
            force,
            torque: Some(proto::Vector3::default()),
            tared: true,
        };
        let (_, read) = wrench(LOG, &wrench_message.encode_to_vec()).expect("a message");
        assert_eq!(read, Wrench { force_n: [1.0, 0.0, -3.0], torque_n_m: [0.0; 3], tared: true });
    }

    #[test]
    fn bytes_that_are_no_message_are_refused() {
        let cut = proto::JointStates { position: vec![1.0; 4], ..Default::default() }.encode_to_vec();
        for end in 1..cut.len() {
            assert!(joint_states(LOG, &cut[..end]).is_err(), "{end} bytes");
        }
        assert!(tactile(LOG, &[0x1a, 0]).is_err(), "rows are a varint");
        assert!(matches!(wrench(LOG, &[]), Err(CodecError::Missing { field: "force" })));
        let uneven = proto::Tactile { rows: 2, columns: 2, values: vec![1.0], ..Default::default() };
        assert!(matches!(tactile(LOG, &uneven.encode_to_vec()), Err(CodecError::Length { .. })));
    }
}
