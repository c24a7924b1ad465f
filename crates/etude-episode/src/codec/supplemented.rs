//! Messages in foxglove's schemas with `etude.v1.Supplement` appended.
//!
//! foxglove's messages have one `timestamp`, which holds host time here. What they have no field for follows in field
//! 1000, which decoders that do not know it skip.

use super::{CodecError, pose_fields, times};
use crate::schema::SUPPLEMENT_FIELD;
use crate::schema::proto::Supplement;
use crate::wire::{self, Fields, Value, WireError, read_doubles};
use etude_model::sample::{Calibration, PoseSample, VideoFormat, VideoFrame};
use etude_model::{DeviceTime, HostTime, LogTime, Pose, Stamp};
use prost::Message as _;
use std::sync::Arc;

fn timestamp(buffer: &mut Vec<u8>, host: HostTime) {
    wire::nested(buffer, 1, |buffer| {
        wire::uint(buffer, 1, host.ns().div_euclid(1_000_000_000) as u64);
        wire::uint(buffer, 2, host.ns().rem_euclid(1_000_000_000) as u64);
    });
}

fn supplement(buffer: &mut Vec<u8>, stamp: Stamp, tracked: bool, key: bool) {
    wire::nested(buffer, SUPPLEMENT_FIELD, |buffer| {
        times(buffer, stamp);
        wire::boolean(buffer, 3, tracked);
        wire::boolean(buffer, 4, key);
    });
}

pub(super) fn pose(buffer: &mut Vec<u8>, stamp: Stamp, frame: &str, sample: &PoseSample) {
    timestamp(buffer, stamp.host);
    wire::bytes(buffer, 2, frame.as_bytes());
    pose_fields(buffer, 3, &sample.pose);
    supplement(buffer, stamp, sample.tracked, false);
}

pub(super) fn video(buffer: &mut Vec<u8>, stamp: Stamp, frame: &str, sample: &VideoFrame) {
    timestamp(buffer, stamp.host);
    wire::bytes(buffer, 2, frame.as_bytes());
    wire::bytes(buffer, 3, &sample.data);
    wire::bytes(buffer, 4, sample.format.name().as_bytes());
    supplement(buffer, stamp, false, sample.is_key);
}

pub(super) fn calibration(buffer: &mut Vec<u8>, stamp: Stamp, frame: &str, sample: &Calibration) {
    let k = &sample.k;
    let rectification = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0];
    let projection = [k[0], k[1], k[2], 0.0, k[3], k[4], k[5], 0.0, k[6], k[7], k[8], 0.0];
    timestamp(buffer, stamp.host);
    wire::fixed32(buffer, 2, sample.width);
    wire::fixed32(buffer, 3, sample.height);
    wire::bytes(buffer, 4, sample.distortion_model.as_bytes());
    wire::doubles(buffer, 5, &sample.distortion);
    wire::doubles(buffer, 6, k);
    wire::doubles(buffer, 7, &rectification);
    wire::doubles(buffer, 8, &projection);
    wire::bytes(buffer, 9, frame.as_bytes());
    supplement(buffer, stamp, false, false);
}

fn wired<T>(field: &'static str, result: Result<T, WireError>) -> Result<T, CodecError> {
    result.map_err(|source| CodecError::Wire { field, source })
}

fn read_supplement(value: Value<'_>) -> Result<Supplement, CodecError> {
    let bytes = wired("supplement", value.bytes())?;
    Supplement::decode(bytes)
        .map_err(|error| CodecError::Message { expected: "etude.v1.Supplement", reason: error.to_string() })
}

fn stamp_of(supplement: &Supplement, log: LogTime) -> Stamp {
    Stamp { device: supplement.device_time_ns.map(DeviceTime), host: HostTime(supplement.host_time_ns), log }
}

/// Reads `N` doubles that are fields 1 to `N` of a message.
fn read_vector<const N: usize>(value: Value<'_>) -> Result<[f64; N], WireError> {
    let mut vector = [0.0; N];
    for field in Fields::new(value.bytes()?) {
        let (number, value) = field?;
        if let Some(place) = (number as usize).checked_sub(1).and_then(|axis| vector.get_mut(axis)) {
            *place = value.double()?;
        }
    }
    Ok(vector)
}

fn read_pose_fields(value: Value<'_>) -> Result<Pose, WireError> {
    let mut pose = Pose { position_m: [0.0; 3], orientation_xyzw: [0.0; 4] };
    for field in Fields::new(value.bytes()?) {
        match field? {
            (1, value) => pose.position_m = read_vector(value)?,
            (2, value) => pose.orientation_xyzw = read_vector(value)?,
            _ => {}
        }
    }
    Ok(pose)
}

pub(super) fn read_pose(log: LogTime, bytes: &[u8]) -> Result<(Stamp, PoseSample), CodecError> {
    let (mut pose, mut supplement) = (None, None);
    for field in Fields::new(bytes) {
        match wired("foxglove.PoseInFrame", field)? {
            (3, value) => pose = Some(wired("pose", read_pose_fields(value))?),
            (SUPPLEMENT_FIELD, value) => supplement = Some(read_supplement(value)?),
            _ => {}
        }
    }
    let pose = pose.ok_or(CodecError::Missing { field: "pose" })?;
    let supplement = supplement.ok_or(CodecError::Missing { field: "supplement" })?;
    Ok((stamp_of(&supplement, log), PoseSample { pose, tracked: supplement.tracked }))
}

pub(super) fn read_video(log: LogTime, bytes: &[u8]) -> Result<(Stamp, VideoFrame), CodecError> {
    let (mut data, mut format, mut supplement): (&[u8], &[u8], _) = (&[], &[], None);
    for field in Fields::new(bytes) {
        match wired("foxglove.CompressedVideo", field)? {
            (3, value) => data = wired("data", value.bytes())?,
            (4, value) => format = wired("format", value.bytes())?,
            (SUPPLEMENT_FIELD, value) => supplement = Some(read_supplement(value)?),
            _ => {}
        }
    }
    let supplement = supplement.ok_or(CodecError::Missing { field: "supplement" })?;
    let name = String::from_utf8_lossy(format);
    let format = VideoFormat::from_name(&name)
        .ok_or_else(|| CodecError::Value { field: "format", found: format!("{name:?}") })?;
    Ok((stamp_of(&supplement, log), VideoFrame { format, is_key: supplement.key, data: Arc::from(data) }))
}

pub(super) fn read_calibration(log: LogTime, bytes: &[u8]) -> Result<(Stamp, Calibration), CodecError> {
    let (mut calibration, mut intrinsics, mut supplement) = (Calibration::default(), Vec::new(), None);
    for field in Fields::new(bytes) {
        let name = "foxglove.CameraCalibration";
        match wired(name, field)? {
            (2, value) => calibration.width = wired("width", value.fixed32())?,
            (3, value) => calibration.height = wired("height", value.fixed32())?,
            (4, value) => {
                let text = wired("distortion_model", value.bytes())?;
                calibration.distortion_model = String::from_utf8(text.to_vec())
                    .map_err(|error| CodecError::Message { expected: name, reason: error.to_string() })?;
            }
            (5, value) => wired("D", read_doubles(value, &mut calibration.distortion))?,
            (6, value) => wired("K", read_doubles(value, &mut intrinsics))?,
            (SUPPLEMENT_FIELD, value) => supplement = Some(read_supplement(value)?),
            _ => {}
        }
    }
    let supplement = supplement.ok_or(CodecError::Missing { field: "supplement" })?;
    let found = intrinsics.len();
    calibration.k =
        intrinsics.try_into().map_err(|_| CodecError::Length { field: "K", expected: 9, found })?;
    Ok((stamp_of(&supplement, log), calibration))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::vector;

    #[test]
    fn a_vector_keeps_negative_zero_and_nan() {
        let values = [-0.0, f64::from_bits(0x7ff8_dead_beef_0001), f64::MIN_POSITIVE / 2.0];
        let mut buffer = Vec::new();
        vector(&mut buffer, 3, &values);
        let (_, value) = Fields::new(&buffer).next().expect("one field").expect("which is whole");
        let read: [f64; 3] = read_vector(value).expect("three doubles");
        assert_eq!(read.map(f64::to_bits), values.map(f64::to_bits));
    }
}
