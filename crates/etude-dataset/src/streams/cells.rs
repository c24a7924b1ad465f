//! A message as named cells, the same for every format that has no type of its own for it.

use etude_model::{Pose, Sample};
use serde::Serialize;
use std::sync::Arc;

/// One field of a message.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cell {
    F64(f64),
    F64s(Vec<f64>),
    F32s(Vec<f32>),
    U16s(Arc<[u16]>),
    U64(u64),
    I64(i64),
    Flag(bool),
    Text(String),
    Bytes(Arc<[u8]>),
}

/// The fields of a message, by name with their unit; the same names and types for the same kind.
pub(super) fn cells(sample: &Sample) -> Vec<(&'static str, Cell)> {
    let numbers = |values: &[f64]| Cell::F64s(values.to_vec());
    let text = |text: &str| Cell::Text(text.to_owned());
    match sample {
        Sample::JointStates(joints) => vec![
            ("position", numbers(&joints.position)),
            ("velocity", numbers(&joints.velocity)),
            ("effort", numbers(&joints.effort)),
        ],
        Sample::JointCommand(command) => vec![
            ("sequence", Cell::U64(command.sequence)),
            ("asked", numbers(&command.asked)),
            ("granted", numbers(&command.granted)),
        ],
        Sample::ActionApplied(applied) => vec![
            ("sequence", Cell::U64(applied.sequence)),
            ("latency_ns", Cell::I64(applied.latency.0)),
            ("accepted", Cell::Flag(applied.accepted)),
        ],
        Sample::Pose(pose) => vec![
            ("position_m", numbers(&pose.pose.position_m)),
            ("orientation_xyzw", numbers(&pose.pose.orientation_xyzw)),
            ("tracked", Cell::Flag(pose.tracked)),
        ],
        Sample::Wrench(wrench) => vec![
            ("force_n", numbers(&wrench.force_n)),
            ("torque_n_m", numbers(&wrench.torque_n_m)),
            ("tared", Cell::Flag(wrench.tared)),
        ],
        Sample::Tactile(touch) => vec![
            ("rows", Cell::U64(touch.rows.into())),
            ("columns", Cell::U64(touch.columns.into())),
            ("values", Cell::F32s(touch.values.clone())),
        ],
        Sample::Imu(imu) => vec![
            ("angular_velocity_rad_s", numbers(&imu.angular_velocity_rad_s)),
            ("linear_acceleration_m_s2", numbers(&imu.linear_acceleration_m_s2)),
        ],
        Sample::Contact(contact) => vec![
            ("body", text(&contact.body)),
            ("other", text(&contact.other)),
            ("force_n", Cell::F64(contact.force_n)),
            ("begins", Cell::Flag(contact.begins)),
        ],
        Sample::HandPose(hand) => {
            let of = |numbers: fn(&Pose) -> &[f64]| {
                Cell::F64s(hand.joints.iter().flat_map(|joint| numbers(joint).iter().copied()).collect())
            };
            vec![
                ("position_m", of(|joint| &joint.position_m)),
                ("orientation_xyzw", of(|joint| &joint.orientation_xyzw)),
                ("radius_m", Cell::F32s(hand.radius_m.clone())),
                ("tracked", Cell::Flag(hand.tracked)),
            ]
        }
        Sample::TrainerInput(input) => vec![
            ("clutch", Cell::Flag(input.clutch)),
            ("closure", Cell::F64(input.closure)),
            ("buttons", Cell::F32s(input.buttons.clone())),
            ("axes", Cell::F32s(input.axes.clone())),
        ],
        other => pictures(other),
    }
}

fn pictures(sample: &Sample) -> Vec<(&'static str, Cell)> {
    match sample {
        Sample::Video(frame) => vec![
            ("format", Cell::Text(frame.format.name().to_owned())),
            ("is_key", Cell::Flag(frame.is_key)),
            ("data", Cell::Bytes(frame.data.clone())),
        ],
        Sample::Depth(image) => vec![
            ("width_px", Cell::U64(image.width.into())),
            ("height_px", Cell::U64(image.height.into())),
            ("depth_mm", Cell::U16s(image.depth_mm.clone())),
        ],
        Sample::Calibration(calibration) => vec![
            ("width_px", Cell::U64(calibration.width.into())),
            ("height_px", Cell::U64(calibration.height.into())),
            ("intrinsics_px", Cell::F64s(calibration.k.to_vec())),
            ("distortion_model", Cell::Text(calibration.distortion_model.clone())),
            ("distortion", Cell::F64s(calibration.distortion.clone())),
        ],
        other => events(other),
    }
}

fn events(sample: &Sample) -> Vec<(&'static str, Cell)> {
    let text = |text: &str| Cell::Text(text.to_owned());
    match sample {
        Sample::Safety(event) => vec![
            ("kind", Cell::Text(word(&event.kind))),
            ("sequence", Cell::U64(event.sequence)),
            ("subject", text(&event.subject)),
            ("asked", Cell::F64(event.asked)),
            ("granted", Cell::F64(event.granted)),
        ],
        Sample::Take(event) => vec![("name", text(&event.name)), ("detail", text(&event.detail))],
        Sample::Clock(clock) => vec![
            ("device", text(&clock.device)),
            ("device_time_ns", Cell::I64(clock.device_time.ns())),
            ("host_time_ns", Cell::I64(clock.host_time.ns())),
            ("uncertainty_ns", Cell::I64(clock.uncertainty.0)),
        ],
        Sample::Gap(gap) => vec![
            ("stream", text(gap.topic.as_str())),
            ("from_log_ns", Cell::I64(gap.from.ns())),
            ("to_log_ns", Cell::I64(gap.to.ns())),
            ("missing", Cell::U64(gap.missing)),
            ("reason", text(gap.reason.name())),
        ],
        _ => Vec::new(),
    }
}

/// The word for a value, as files spell it.
fn word(value: &impl Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}
