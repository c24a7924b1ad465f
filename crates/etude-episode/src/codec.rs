//! A sample and its times as the bytes of one message, and back.
//!
//! Every number keeps each of its bits, NaN and negative zero included. Writing appends to the caller's buffer and
//! allocates nothing else; arrays must have the lengths that the stream's channels say.

mod read;
mod signals;
mod supplemented;

use crate::wire::{self, WireError};
use etude_model::gap::{Gap, GapReason};
use etude_model::sample::{
    ActionApplied, ClockSample, Contact, DepthImage, HandPose, Imu, JointCommand, JointStates, SafetyEvent,
    SafetyKind, Tactile, TakeEvent, TrainerInput, Wrench,
};
use etude_model::{Pose, Sample, Stamp, StreamKind, StreamSpec};

pub use read::decode;

/// A sample that does not fit its stream, or bytes that are no message of its kind.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CodecError {
    /// The sample is of another kind than its stream.
    #[error("expected a sample of kind {expected:?}, found {found:?}")]
    Kind {
        /// The stream's kind.
        expected: StreamKind,
        /// The sample's kind.
        found: StreamKind,
    },
    /// An array has another length than it must have.
    #[error("expected {expected} numbers in {field}, found {found}")]
    Length {
        /// The array.
        field: &'static str,
        /// Numbers that the stream's channels (or rows and columns) ask for.
        expected: usize,
        /// Numbers that are there.
        found: usize,
    },
    /// The bytes are not Protobuf.
    #[error("{field}: {source}")]
    Wire {
        /// What was read.
        field: &'static str,
        /// What was met.
        source: WireError,
    },
    /// The bytes are not this message.
    #[error("expected {expected}, found bytes that are none: {reason}")]
    Message {
        /// The message's name.
        expected: &'static str,
        /// What the decoder says.
        reason: String,
    },
    /// A field without which the message means nothing is absent.
    #[error("{field} is missing")]
    Missing {
        /// The field.
        field: &'static str,
    },
    /// A field holds what no version of the format knows.
    #[error("{field} holds {found}, which no known version means anything by")]
    Value {
        /// The field.
        field: &'static str,
        /// What it holds.
        found: String,
    },
}

/// The kind of stream that a sample belongs to.
pub const fn kind_of(sample: &Sample) -> StreamKind {
    match sample {
        Sample::JointStates(_) => StreamKind::JointStates,
        Sample::JointCommand(_) => StreamKind::JointCommand,
        Sample::ActionApplied(_) => StreamKind::ActionApplied,
        Sample::Pose(_) => StreamKind::Pose,
        Sample::Wrench(_) => StreamKind::Wrench,
        Sample::Tactile(_) => StreamKind::Tactile,
        Sample::Imu(_) => StreamKind::Imu,
        Sample::Contact(_) => StreamKind::Contact,
        Sample::HandPose(_) => StreamKind::HandPose,
        Sample::TrainerInput(_) => StreamKind::TrainerInput,
        Sample::Video(_) => StreamKind::Video,
        Sample::Depth(_) => StreamKind::Depth,
        Sample::Calibration(_) => StreamKind::Calibration,
        Sample::Safety(_) => StreamKind::Safety,
        Sample::Take(_) => StreamKind::Take,
        Sample::Clock(_) => StreamKind::Clock,
        Sample::Gap(_) => StreamKind::Gap,
    }
}

/// Appends a sample of a stream as a message to `buffer`. After an error the buffer's end is not a message.
pub fn encode(
    spec: &StreamSpec,
    stamp: Stamp,
    sample: &Sample,
    buffer: &mut Vec<u8>,
) -> Result<(), CodecError> {
    let found = kind_of(sample);
    if found != spec.kind {
        return Err(CodecError::Kind { expected: spec.kind, found });
    }
    let frame = spec.frame.as_deref().unwrap_or_default();
    match sample {
        Sample::Pose(pose) => {
            supplemented::pose(buffer, stamp, frame, pose);
            return Ok(());
        }
        Sample::Video(video) => {
            supplemented::video(buffer, stamp, frame, video);
            return Ok(());
        }
        Sample::Calibration(calibration) => {
            supplemented::calibration(buffer, stamp, frame, calibration);
            return Ok(());
        }
        _ => times(buffer, stamp),
    }
    match sample {
        Sample::JointStates(states) => joint_states(buffer, spec, states)?,
        Sample::JointCommand(command) => joint_command(buffer, spec, command)?,
        Sample::ActionApplied(applied) => action_applied(buffer, applied),
        Sample::Wrench(wrench) => put_wrench(buffer, wrench),
        Sample::Tactile(tactile) => put_tactile(buffer, tactile)?,
        Sample::Imu(imu) => put_imu(buffer, imu),
        Sample::Contact(contact) => put_contact(buffer, contact),
        Sample::HandPose(hand) => hand_pose(buffer, hand),
        Sample::TrainerInput(input) => trainer_input(buffer, input),
        Sample::Depth(depth) => depth_image(buffer, depth)?,
        Sample::Safety(event) => safety_event(buffer, event),
        Sample::Take(event) => take_event(buffer, event),
        Sample::Clock(clock) => clock_sample(buffer, clock),
        Sample::Gap(gap) => put_gap(buffer, gap),
        Sample::Pose(_) | Sample::Video(_) | Sample::Calibration(_) => unreachable!("returned above"),
    }
    Ok(())
}

fn times(buffer: &mut Vec<u8>, stamp: Stamp) {
    if let Some(device) = stamp.device {
        wire::fixed64(buffer, 1, device.ns() as u64);
    }
    wire::sfixed64(buffer, 2, stamp.host.ns());
}

/// Checks an array against the stream's channels; an empty one is always allowed, as is any where there are none.
fn fits(spec: &StreamSpec, field: &'static str, found: usize) -> Result<(), CodecError> {
    let expected = spec.channels.len();
    if found == 0 || expected == 0 || found == expected {
        Ok(())
    } else {
        Err(CodecError::Length { field, expected, found })
    }
}

fn joint_states(buffer: &mut Vec<u8>, spec: &StreamSpec, states: &JointStates) -> Result<(), CodecError> {
    fits(spec, "position", states.position.len())?;
    fits(spec, "velocity", states.velocity.len())?;
    fits(spec, "effort", states.effort.len())?;
    wire::doubles(buffer, 3, &states.position);
    wire::doubles(buffer, 4, &states.velocity);
    wire::doubles(buffer, 5, &states.effort);
    Ok(())
}

fn joint_command(buffer: &mut Vec<u8>, spec: &StreamSpec, command: &JointCommand) -> Result<(), CodecError> {
    fits(spec, "asked", command.asked.len())?;
    fits(spec, "granted", command.granted.len())?;
    wire::uint(buffer, 3, command.sequence);
    wire::doubles(buffer, 4, &command.asked);
    wire::doubles(buffer, 5, &command.granted);
    Ok(())
}

fn action_applied(buffer: &mut Vec<u8>, applied: &ActionApplied) {
    wire::uint(buffer, 3, applied.sequence);
    wire::sfixed64(buffer, 4, applied.latency.0);
    wire::boolean(buffer, 5, applied.accepted);
}

fn vector(buffer: &mut Vec<u8>, field: u32, values: &[f64]) {
    wire::nested(buffer, field, |buffer| {
        for (axis, &value) in (1..).zip(values) {
            wire::double(buffer, axis, value);
        }
    });
}

fn put_wrench(buffer: &mut Vec<u8>, wrench: &Wrench) {
    vector(buffer, 3, &wrench.force_n);
    vector(buffer, 4, &wrench.torque_n_m);
    wire::boolean(buffer, 5, wrench.tared);
}

fn put_tactile(buffer: &mut Vec<u8>, tactile: &Tactile) -> Result<(), CodecError> {
    let expected = area(tactile.rows, tactile.columns);
    let found = tactile.values.len();
    if expected != found {
        return Err(CodecError::Length { field: "values", expected, found });
    }
    wire::uint(buffer, 3, u64::from(tactile.rows));
    wire::uint(buffer, 4, u64::from(tactile.columns));
    wire::floats(buffer, 5, &tactile.values);
    Ok(())
}

/// Rows times columns; an array cannot have as many as overflow.
const fn area(rows: u32, columns: u32) -> usize {
    (rows as usize).saturating_mul(columns as usize)
}

fn put_imu(buffer: &mut Vec<u8>, imu: &Imu) {
    vector(buffer, 3, &imu.angular_velocity_rad_s);
    vector(buffer, 4, &imu.linear_acceleration_m_s2);
}

fn put_contact(buffer: &mut Vec<u8>, contact: &Contact) {
    wire::bytes(buffer, 3, contact.body.as_bytes());
    wire::bytes(buffer, 4, contact.other.as_bytes());
    wire::double(buffer, 5, contact.force_n);
    wire::boolean(buffer, 6, contact.begins);
}

fn pose_fields(buffer: &mut Vec<u8>, field: u32, pose: &Pose) {
    wire::nested(buffer, field, |buffer| {
        vector(buffer, 1, &pose.position_m);
        vector(buffer, 2, &pose.orientation_xyzw);
    });
}

fn hand_pose(buffer: &mut Vec<u8>, hand: &HandPose) {
    for joint in &hand.joints {
        pose_fields(buffer, 3, joint);
    }
    wire::floats(buffer, 4, &hand.radius_m);
    wire::boolean(buffer, 5, hand.tracked);
}

fn trainer_input(buffer: &mut Vec<u8>, input: &TrainerInput) {
    wire::boolean(buffer, 3, input.clutch);
    wire::double(buffer, 4, input.closure);
    wire::floats(buffer, 5, &input.buttons);
    wire::floats(buffer, 6, &input.axes);
}

fn depth_image(buffer: &mut Vec<u8>, depth: &DepthImage) -> Result<(), CodecError> {
    let expected = area(depth.height, depth.width);
    let found = depth.depth_mm.len();
    if expected != found {
        return Err(CodecError::Length { field: "depth_mm", expected, found });
    }
    wire::uint(buffer, 3, u64::from(depth.width));
    wire::uint(buffer, 4, u64::from(depth.height));
    wire::shorts(buffer, 5, &depth.depth_mm);
    Ok(())
}

/// Kinds of safety events in the order of their numbers in the schema, from 1.
const SAFETY_KINDS: [SafetyKind; 8] = [
    SafetyKind::PositionLimit,
    SafetyKind::VelocityLimit,
    SafetyKind::AccelerationLimit,
    SafetyKind::NotANumber,
    SafetyKind::Timeout,
    SafetyKind::Force,
    SafetyKind::Stop,
    SafetyKind::Resumed,
];

/// Reasons of gaps in the order of their numbers in the schema, from 1.
const GAP_REASONS: [GapReason; 6] = [
    GapReason::SourceSilent,
    GapReason::QueueOverflow,
    GapReason::EncoderLate,
    GapReason::LostOnTheWay,
    GapReason::Refused,
    GapReason::Interrupted,
];

/// The number of an enumeration's value in the schema.
fn number_of<T: PartialEq>(values: &[T], value: &T) -> u64 {
    let position = values.iter().position(|known| known == value);
    position.expect("the table names every value") as u64 + 1
}

fn safety_event(buffer: &mut Vec<u8>, event: &SafetyEvent) {
    wire::uint(buffer, 3, number_of(&SAFETY_KINDS, &event.kind));
    wire::uint(buffer, 4, event.sequence);
    wire::bytes(buffer, 5, event.subject.as_bytes());
    wire::double(buffer, 6, event.asked);
    wire::double(buffer, 7, event.granted);
}

fn take_event(buffer: &mut Vec<u8>, event: &TakeEvent) {
    wire::bytes(buffer, 3, event.name.as_bytes());
    wire::bytes(buffer, 4, event.detail.as_bytes());
}

fn clock_sample(buffer: &mut Vec<u8>, clock: &ClockSample) {
    wire::bytes(buffer, 3, clock.device.as_bytes());
    wire::sfixed64(buffer, 4, clock.device_time.ns());
    wire::sfixed64(buffer, 5, clock.host_time.ns());
    wire::sfixed64(buffer, 6, clock.uncertainty.0);
}

fn put_gap(buffer: &mut Vec<u8>, gap: &Gap) {
    wire::bytes(buffer, 3, gap.topic.as_str().as_bytes());
    wire::sfixed64(buffer, 4, gap.from.ns());
    wire::sfixed64(buffer, 5, gap.to.ns());
    wire::uint(buffer, 6, gap.missing);
    wire::uint(buffer, 7, number_of(&GAP_REASONS, &gap.reason));
}
