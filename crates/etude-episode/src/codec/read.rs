//! The bytes of one message as a sample and its times.

use super::{CodecError, GAP_REASONS, SAFETY_KINDS, area, signals, supplemented};
use crate::schema::proto;
use etude_model::gap::Gap;
use etude_model::sample::{
    ActionApplied, ClockSample, Contact, DepthImage, HandPose, Imu, SafetyEvent, TakeEvent, TrainerInput,
};
use etude_model::{DeviceTime, HostTime, LogTime, Pose, Sample, Span, Stamp, StreamKind, Topic};
use std::sync::Arc;

/// Reads one message of a stream of `kind`; `log` is the log time that its record carries.
pub fn decode(kind: StreamKind, log: LogTime, bytes: &[u8]) -> Result<(Stamp, Sample), CodecError> {
    Ok(match kind {
        StreamKind::JointStates => {
            let (stamp, sample) = signals::joint_states(log, bytes)?;
            (stamp, Sample::JointStates(sample))
        }
        StreamKind::JointCommand => {
            let (stamp, sample) = signals::joint_command(log, bytes)?;
            (stamp, Sample::JointCommand(sample))
        }
        StreamKind::ActionApplied => action_applied(log, bytes)?,
        StreamKind::Pose => {
            let (stamp, pose) = supplemented::read_pose(log, bytes)?;
            (stamp, Sample::Pose(pose))
        }
        StreamKind::Wrench => {
            let (stamp, sample) = signals::wrench(log, bytes)?;
            (stamp, Sample::Wrench(sample))
        }
        StreamKind::Tactile => {
            let (stamp, sample) = signals::tactile(log, bytes)?;
            (stamp, Sample::Tactile(sample))
        }
        StreamKind::Imu => imu(log, bytes)?,
        StreamKind::Contact => contact(log, bytes)?,
        StreamKind::HandPose => hand_pose(log, bytes)?,
        StreamKind::TrainerInput => trainer_input(log, bytes)?,
        StreamKind::Video => {
            let (stamp, video) = supplemented::read_video(log, bytes)?;
            (stamp, Sample::Video(video))
        }
        StreamKind::Depth => depth_image(log, bytes)?,
        StreamKind::Calibration => {
            let (stamp, calibration) = supplemented::read_calibration(log, bytes)?;
            (stamp, Sample::Calibration(calibration))
        }
        StreamKind::Safety => safety_event(log, bytes)?,
        StreamKind::Take => take_event(log, bytes)?,
        StreamKind::Clock => clock_sample(log, bytes)?,
        StreamKind::Gap => gap(log, bytes)?,
    })
}

type Decoded = Result<(Stamp, Sample), CodecError>;

fn message<M: prost::Message + Default>(bytes: &[u8], expected: &'static str) -> Result<M, CodecError> {
    M::decode(bytes).map_err(|error| CodecError::Message { expected, reason: error.to_string() })
}

const fn stamp(device_ns: Option<i64>, host_ns: i64, log: LogTime) -> Stamp {
    let device = match device_ns {
        Some(ns) => Some(DeviceTime(ns)),
        None => None,
    };
    Stamp { device, host: HostTime(host_ns), log }
}

fn action_applied(log: LogTime, bytes: &[u8]) -> Decoded {
    let read: proto::ActionApplied = message(bytes, "etude.v1.ActionApplied")?;
    let applied =
        ActionApplied { sequence: read.sequence, latency: Span(read.latency_ns), accepted: read.accepted };
    Ok((stamp(read.device_time_ns, read.host_time_ns, log), Sample::ActionApplied(applied)))
}

fn vector(field: &'static str, value: Option<proto::Vector3>) -> Result<[f64; 3], CodecError> {
    value.map(|v| [v.x, v.y, v.z]).ok_or(CodecError::Missing { field })
}

fn imu(log: LogTime, bytes: &[u8]) -> Decoded {
    let read: proto::Imu = message(bytes, "etude.v1.Imu")?;
    let imu = Imu {
        angular_velocity_rad_s: vector("angular_velocity", read.angular_velocity)?,
        linear_acceleration_m_s2: vector("linear_acceleration", read.linear_acceleration)?,
    };
    Ok((stamp(read.device_time_ns, read.host_time_ns, log), Sample::Imu(imu)))
}

fn contact(log: LogTime, bytes: &[u8]) -> Decoded {
    let read: proto::Contact = message(bytes, "etude.v1.Contact")?;
    let contact = Contact { body: read.body, other: read.other, force_n: read.force_n, begins: read.begins };
    Ok((stamp(read.device_time_ns, read.host_time_ns, log), Sample::Contact(contact)))
}

fn pose(read: proto::Pose) -> Result<Pose, CodecError> {
    let orientation = read.orientation.ok_or(CodecError::Missing { field: "orientation" })?;
    Ok(Pose {
        position_m: vector("position", read.position)?,
        orientation_xyzw: [orientation.x, orientation.y, orientation.z, orientation.w],
    })
}

/// The longest message of a hand, bytes; 25 joints take about 2000. A joint takes two bytes on the wire and fifty times
/// as many in memory, so bytes that are no hand are not let grow.
const MAX_HAND_BYTES: usize = 1 << 16;

fn hand_pose(log: LogTime, bytes: &[u8]) -> Decoded {
    if bytes.len() > MAX_HAND_BYTES {
        let reason = format!("{} bytes are too many for a hand", bytes.len());
        return Err(CodecError::Message { expected: "etude.v1.HandPose", reason });
    }
    let read: proto::HandPose = message(bytes, "etude.v1.HandPose")?;
    let joints = read.joints.into_iter().map(pose).collect::<Result<_, _>>()?;
    let hand = HandPose { joints, radius_m: read.radius_m, tracked: read.tracked };
    Ok((stamp(read.device_time_ns, read.host_time_ns, log), Sample::HandPose(hand)))
}

fn trainer_input(log: LogTime, bytes: &[u8]) -> Decoded {
    let read: proto::TrainerInput = message(bytes, "etude.v1.TrainerInput")?;
    let input =
        TrainerInput { clutch: read.clutch, closure: read.closure, buttons: read.buttons, axes: read.axes };
    Ok((stamp(read.device_time_ns, read.host_time_ns, log), Sample::TrainerInput(input)))
}

fn depth_image(log: LogTime, bytes: &[u8]) -> Decoded {
    let read: proto::DepthImage = message(bytes, "etude.v1.DepthImage")?;
    let expected = area(read.height, read.width);
    if Some(read.depth_mm.len()) != expected.checked_mul(2) {
        return Err(CodecError::Length { field: "depth_mm", expected, found: read.depth_mm.len() / 2 });
    }
    let depth_mm: Arc<[u16]> =
        read.depth_mm.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
    let depth = DepthImage { width: read.width, height: read.height, depth_mm };
    Ok((stamp(read.device_time_ns, read.host_time_ns, log), Sample::Depth(depth)))
}

/// The value of an enumeration that has a number in the schema.
fn value_of<T: Copy>(values: &[T], field: &'static str, number: i32) -> Result<T, CodecError> {
    let position = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
    let value = position.and_then(|position| values.get(position)).copied();
    value.ok_or_else(|| CodecError::Value { field, found: number.to_string() })
}

fn safety_event(log: LogTime, bytes: &[u8]) -> Decoded {
    let read: proto::SafetyEvent = message(bytes, "etude.v1.SafetyEvent")?;
    let event = SafetyEvent {
        kind: value_of(&SAFETY_KINDS, "kind", read.kind)?,
        sequence: read.sequence,
        subject: read.subject,
        asked: read.asked,
        granted: read.granted,
    };
    Ok((stamp(read.device_time_ns, read.host_time_ns, log), Sample::Safety(event)))
}

fn take_event(log: LogTime, bytes: &[u8]) -> Decoded {
    let read: proto::TakeEvent = message(bytes, "etude.v1.TakeEvent")?;
    let event = TakeEvent { name: read.name, detail: read.detail };
    Ok((stamp(read.device_time_ns, read.host_time_ns, log), Sample::Take(event)))
}

fn clock_sample(log: LogTime, bytes: &[u8]) -> Decoded {
    let read: proto::ClockSample = message(bytes, "etude.v1.ClockSample")?;
    let clock = ClockSample {
        device: read.device,
        device_time: DeviceTime(read.sampled_device_time_ns),
        host_time: HostTime(read.sampled_host_time_ns),
        uncertainty: Span(read.uncertainty_ns),
    };
    Ok((stamp(read.device_time_ns, read.host_time_ns, log), Sample::Clock(clock)))
}

fn gap(log: LogTime, bytes: &[u8]) -> Decoded {
    let read: proto::Gap = message(bytes, "etude.v1.Gap")?;
    let gap = Gap {
        topic: Topic::new(read.topic),
        from: LogTime(read.from_log_time_ns),
        to: LogTime(read.to_log_time_ns),
        missing: read.missing,
        reason: value_of(&GAP_REASONS, "reason", read.reason)?,
    };
    Ok((stamp(read.device_time_ns, read.host_time_ns, log), Sample::Gap(gap)))
}
