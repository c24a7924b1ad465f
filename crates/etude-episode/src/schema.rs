//! The schema of each kind of stream, as an MCAP schema record carries it.

use etude_model::StreamKind;
use foxglove::Encode as _;
use foxglove::messages::{CameraCalibration, CompressedVideo, PoseInFrame};
use std::borrow::Cow;

/// The generated message types.
#[expect(unreachable_pub, clippy::pedantic, reason = "generated from proto/, where they are documented")]
pub(crate) mod proto {
    include!(concat!(env!("OUT_DIR"), "/etude.v1.rs"));
}

/// A schema as MCAP wants it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schema {
    /// The message's full name, such as `etude.v1.Wrench`.
    pub name: &'static str,
    /// An encoded `google.protobuf.FileDescriptorSet`: the message's file and those that it imports.
    pub data: Cow<'static, [u8]>,
}

/// How every schema of an episode is encoded.
pub const ENCODING: &str = "protobuf";

/// Field number of `etude.v1.Supplement` in foxglove's messages.
pub const SUPPLEMENT_FIELD: u32 = 1000;

macro_rules! own {
    ($name:literal, $file:literal) => {
        Schema {
            name: concat!("etude.v1.", $name),
            data: Cow::Borrowed(include_bytes!(concat!(env!("OUT_DIR"), "/", $file, ".fds"))),
        }
    };
}

/// The schema of a kind of stream.
pub fn schema(kind: StreamKind) -> Schema {
    match kind {
        StreamKind::JointStates => own!("JointStates", "joint_states"),
        StreamKind::JointCommand => own!("JointCommand", "joint_command"),
        StreamKind::ActionApplied => own!("ActionApplied", "action_applied"),
        StreamKind::Pose => foxglove("foxglove.PoseInFrame", PoseInFrame::get_schema()),
        StreamKind::Wrench => own!("Wrench", "wrench"),
        StreamKind::Tactile => own!("Tactile", "tactile"),
        StreamKind::Imu => own!("Imu", "imu"),
        StreamKind::Contact => own!("Contact", "contact"),
        StreamKind::HandPose => own!("HandPose", "hand_pose"),
        StreamKind::TrainerInput => own!("TrainerInput", "trainer_input"),
        StreamKind::Video => foxglove("foxglove.CompressedVideo", CompressedVideo::get_schema()),
        StreamKind::Depth => own!("DepthImage", "depth_image"),
        StreamKind::Calibration => foxglove("foxglove.CameraCalibration", CameraCalibration::get_schema()),
        StreamKind::Safety => own!("SafetyEvent", "safety_event"),
        StreamKind::Take => own!("TakeEvent", "take_event"),
        StreamKind::Clock => own!("ClockSample", "clock_sample"),
        StreamKind::Gap => own!("Gap", "gap"),
    }
}

fn foxglove(name: &'static str, schema: Option<foxglove::Schema>) -> Schema {
    Schema { name, data: schema.expect("foxglove's messages all have a schema").data }
}

/// Whether a schema in a file is one of this version's, byte for byte.
pub(crate) fn is_known(name: &str, data: &[u8]) -> bool {
    KINDS.into_iter().map(schema).any(|schema| schema.name == name && schema.data == data)
}

/// Every kind of stream.
const KINDS: [StreamKind; 17] = [
    StreamKind::JointStates,
    StreamKind::JointCommand,
    StreamKind::ActionApplied,
    StreamKind::Pose,
    StreamKind::Wrench,
    StreamKind::Tactile,
    StreamKind::Imu,
    StreamKind::Contact,
    StreamKind::HandPose,
    StreamKind::TrainerInput,
    StreamKind::Video,
    StreamKind::Depth,
    StreamKind::Calibration,
    StreamKind::Safety,
    StreamKind::Take,
    StreamKind::Clock,
    StreamKind::Gap,
];
