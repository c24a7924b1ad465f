//! What one message of a stream holds, in SI units unless its stream's channels say otherwise.

use crate::gap::Gap;
use crate::pose::Pose;
use crate::time::{DeviceTime, HostTime, Span};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// One message's content.
#[derive(Clone, Debug, PartialEq)]
pub enum Sample {
    /// What joints did.
    JointStates(JointStates),
    /// What was asked of joints.
    JointCommand(JointCommand),
    /// What the robot acknowledged.
    ActionApplied(ActionApplied),
    /// A pose.
    Pose(PoseSample),
    /// Force and torque.
    Wrench(Wrench),
    /// Touch.
    Tactile(Tactile),
    /// Inertial measurement.
    Imu(Imu),
    /// A contact begins or ends.
    Contact(Contact),
    /// A person's hand.
    HandPose(HandPose),
    /// Buttons and axes of the trainer's controllers.
    TrainerInput(TrainerInput),
    /// One frame of compressed video.
    Video(VideoFrame),
    /// One depth image.
    Depth(DepthImage),
    /// A camera's calibration.
    Calibration(Calibration),
    /// What the governor did.
    Safety(SafetyEvent),
    /// What happened to the take.
    Take(TakeEvent),
    /// A clock compared with the host's.
    Clock(ClockSample),
    /// A declared absence.
    Gap(Gap),
}

/// What joints did; arrays in the order of the stream's channels. An empty array: the robot does not measure it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JointStates {
    /// Positions, \[joint\], unit of the channel; NaN: missing.
    pub position: Vec<f64>,
    /// Velocities, \[joint\], unit of the channel per second.
    pub velocity: Vec<f64>,
    /// Efforts, \[joint\], N m or N.
    pub effort: Vec<f64>,
}

/// What was asked of joints and what the governor let through; arrays in the order of the stream's channels.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JointCommand {
    /// Number of the command within the take, from 0.
    pub sequence: u64,
    /// Positions asked for, \[joint\], unit of the channel.
    pub asked: Vec<f64>,
    /// Positions let through, \[joint\], unit of the channel.
    pub granted: Vec<f64>,
}

/// What the robot acknowledged.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ActionApplied {
    /// Number of the command, as in [`JointCommand::sequence`].
    pub sequence: u64,
    /// From command sent to acknowledgement.
    pub latency: Span,
    /// Whether the robot took it as it was.
    pub accepted: bool,
}

/// A pose; the stream's frame is the reference frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PoseSample {
    /// The pose.
    pub pose: Pose,
    /// Whether the source tracks it; an untracked pose is its last guess.
    pub tracked: bool,
}

/// Force and torque in the stream's frame.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Wrench {
    /// Force, x y z, N.
    pub force_n: [f64; 3],
    /// Torque about the frame's origin, x y z, N m.
    pub torque_n_m: [f64; 3],
    /// Whether the sensor's zero was taken off.
    pub tared: bool,
}

/// Touch: an array of taxels.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tactile {
    /// Rows.
    pub rows: u32,
    /// Columns.
    pub columns: u32,
    /// Values, \[row, column\], f32, unit of the stream's only channel.
    pub values: Vec<f32>,
}

/// Inertial measurement in the stream's frame.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Imu {
    /// Angular velocity, x y z, rad/s.
    pub angular_velocity_rad_s: [f64; 3],
    /// Linear acceleration with gravity, x y z, m/s².
    pub linear_acceleration_m_s2: [f64; 3],
}

/// A contact begins or ends.
#[derive(Clone, Debug, PartialEq)]
pub struct Contact {
    /// Body of the robot.
    pub body: String,
    /// What it touches.
    pub other: String,
    /// Force along the normal, N.
    pub force_n: f64,
    /// Begins (true) or ends.
    pub begins: bool,
}

/// Number of joints of a hand in WebXR and OpenXR without the palm.
pub const HAND_JOINTS: usize = 25;

/// A person's hand: 25 joints in WebXR's order (wrist, then thumb, index, middle, ring and little finger from the palm
/// outward).
#[derive(Clone, Debug, PartialEq)]
pub struct HandPose {
    /// Poses, \[joint\], in the stream's frame.
    pub joints: Vec<Pose>,
    /// Radii, \[joint\], m.
    pub radius_m: Vec<f32>,
    /// Whether the hand is tracked.
    pub tracked: bool,
}

/// Buttons and axes of one of the trainer's controllers, or what a hand's pinch stands for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TrainerInput {
    /// Whether the clutch is closed: the robot follows only then.
    pub clutch: bool,
    /// How far the hand is closed, 0 open .. 1 closed.
    pub closure: f64,
    /// Buttons in WebXR's order, 0..1.
    pub buttons: Vec<f32>,
    /// Axes in WebXR's order, -1..1.
    pub axes: Vec<f32>,
}

/// How video is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VideoFormat {
    /// H.264, Annex B, one picture per message, no B frames.
    H264,
    /// H.265, Annex B.
    H265,
    /// AV1, low-overhead bitstream.
    Av1,
    /// VP9.
    Vp9,
}

impl VideoFormat {
    /// The name in `foxglove.CompressedVideo`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::H264 => "h264",
            Self::H265 => "h265",
            Self::Av1 => "av1",
            Self::Vp9 => "vp9",
        }
    }

    /// The format of a name in `foxglove.CompressedVideo`.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::H264, Self::H265, Self::Av1, Self::Vp9].into_iter().find(|format| format.name() == name)
    }
}

/// One frame of compressed video.
#[derive(Clone, Debug, PartialEq)]
pub struct VideoFrame {
    /// How it is compressed.
    pub format: VideoFormat,
    /// Whether it can be decoded without those before it.
    pub is_key: bool,
    /// The access unit.
    pub data: Arc<[u8]>,
}

/// One depth image.
#[derive(Clone, Debug, PartialEq)]
pub struct DepthImage {
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// Distance along the optical axis, \[row, column\], u16, mm; 0: not measured.
    pub depth_mm: Arc<[u16]>,
}

/// A camera's calibration (pinhole, no distortion unless given).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Calibration {
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// Intrinsic matrix, row by row, px.
    pub k: [f64; 9],
    /// Distortion model, such as `plumb_bob`; empty where there is none.
    pub distortion_model: String,
    /// Its coefficients.
    pub distortion: Vec<f64>,
}

/// What the governor did.
#[derive(Clone, Debug, PartialEq)]
pub struct SafetyEvent {
    /// What it met.
    pub kind: SafetyKind,
    /// Number of the command it met it in.
    pub sequence: u64,
    /// The joint or hand concerned.
    pub subject: String,
    /// What was asked for.
    pub asked: f64,
    /// What was let through.
    pub granted: f64,
}

/// What the governor met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SafetyKind {
    /// A position outside the joint's limits, cut to them.
    PositionLimit,
    /// Faster than the joint may, slowed.
    VelocityLimit,
    /// More acceleration than the joint may, smoothed.
    AccelerationLimit,
    /// A number that is none (NaN or infinite): the last command is held.
    NotANumber,
    /// No command for too long: the pose is held.
    Timeout,
    /// A wrist's force beyond the envelope: the pose is held.
    Force,
    /// Somebody pressed stop.
    Stop,
    /// Back to following commands.
    Resumed,
}

/// What happened to the take.
#[derive(Clone, Debug, PartialEq)]
pub struct TakeEvent {
    /// The state it entered or the thing that happened, such as `recording`, `judged`, `queue_overflow`.
    pub name: String,
    /// Further words, for people.
    pub detail: String,
}

/// A device's clock compared with the host's.
#[derive(Clone, Debug, PartialEq)]
pub struct ClockSample {
    /// Whose clock.
    pub device: String,
    /// What it said.
    pub device_time: DeviceTime,
    /// The host's clock at that instant.
    pub host_time: HostTime,
    /// Half the round trip: the offset is known to this.
    pub uncertainty: Span,
}
