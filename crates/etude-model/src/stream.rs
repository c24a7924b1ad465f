//! Streams: what a take is made of, each at its own rate.

use crate::unit::Unit;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A stream's name within an episode, such as `/robot/joint_states`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Topic(String);

impl Topic {
    /// What the robot's joints did.
    pub const JOINT_STATES: &'static str = "/robot/joint_states";
    /// What the governor let through to the joints.
    pub const JOINT_COMMANDS: &'static str = "/robot/joint_commands";
    /// What the robot acknowledged.
    pub const ACTION_APPLIED: &'static str = "/robot/action_applied";
    /// Events of the safety governor.
    pub const SAFETY: &'static str = "/safety";
    /// Events of the take.
    pub const TAKE: &'static str = "/take";
    /// Clock samples.
    pub const CLOCK: &'static str = "/clock";
    /// Declared gaps.
    pub const GAP: &'static str = "/gap";

    /// Takes any text as a topic.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The topic as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The camera's name in `/camera/<name>/…`.
    pub fn camera(&self) -> Option<&str> {
        self.0.strip_prefix("/camera/")?.split('/').next()
    }
}

impl From<&str> for Topic {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a stream's messages are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StreamKind {
    /// [`crate::sample::JointStates`]: positions, velocities, efforts.
    JointStates,
    /// [`crate::sample::JointCommand`]: what was asked of the joints and what was let through.
    JointCommand,
    /// [`crate::sample::ActionApplied`].
    ActionApplied,
    /// [`crate::sample::PoseSample`].
    Pose,
    /// [`crate::sample::Wrench`].
    Wrench,
    /// [`crate::sample::Tactile`].
    Tactile,
    /// [`crate::sample::Imu`].
    Imu,
    /// [`crate::sample::Contact`].
    Contact,
    /// [`crate::sample::HandPose`].
    HandPose,
    /// [`crate::sample::TrainerInput`].
    TrainerInput,
    /// [`crate::sample::VideoFrame`].
    Video,
    /// [`crate::sample::DepthImage`].
    Depth,
    /// [`crate::sample::Calibration`].
    Calibration,
    /// [`crate::sample::SafetyEvent`].
    Safety,
    /// [`crate::sample::TakeEvent`].
    Take,
    /// [`crate::sample::ClockSample`].
    Clock,
    /// [`crate::gap::Gap`].
    Gap,
}

impl StreamKind {
    /// Whether messages come at a steady rate, so that what is missing can be known.
    pub const fn is_periodic(self) -> bool {
        !matches!(
            self,
            Self::Calibration | Self::Safety | Self::Take | Self::Clock | Self::Gap | Self::Contact
        )
    }
}

/// One number of a stream's arrays.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Channel {
    /// Its name; for joints the name on the card.
    pub name: String,
    /// Its unit.
    pub unit: Unit,
}

/// A stream, described.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StreamSpec {
    /// Its topic.
    pub topic: Topic,
    /// What its messages are.
    pub kind: StreamKind,
    /// Expected messages per second; absent for streams of events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_hz: Option<f64>,
    /// How far the rate may be off before it counts as a fault, a share (0.05 is 5 %).
    #[serde(default = "default_tolerance")]
    pub rate_tolerance: f64,
    /// Frame that its numbers are expressed in; absent where the kind has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frame: Option<String>,
    /// The numbers of its arrays, in order; empty where the kind fixes them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub channels: Vec<Channel>,
    /// The vendor's own topic and type, for a driver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub native: Option<String>,
}

const fn default_tolerance() -> f64 {
    0.05
}

impl StreamSpec {
    /// A stream without channels, frame or native name.
    pub fn new(topic: impl Into<String>, kind: StreamKind, rate_hz: Option<f64>) -> Self {
        Self {
            topic: Topic::new(topic),
            kind,
            rate_hz,
            rate_tolerance: default_tolerance(),
            frame: None,
            channels: Vec::new(),
            native: None,
        }
    }

    /// The same with channels.
    #[must_use]
    pub fn with_channels(mut self, channels: Vec<Channel>) -> Self {
        self.channels = channels;
        self
    }

    /// The same with a frame.
    #[must_use]
    pub fn with_frame(mut self, frame: impl Into<String>) -> Self {
        self.frame = Some(frame.into());
        self
    }
}
