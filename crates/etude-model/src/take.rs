//! A take's states and its end.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Where a take stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TakeState {
    /// Nothing is going on.
    Idle,
    /// Checks passed: streams are live, the robot is at home, there is room on the disk.
    Ready,
    /// Counting down.
    Countdown,
    /// Recording.
    Recording,
    /// Stopped and inspected; the verdict is out.
    Judged,
    /// Kept.
    Saved,
    /// Not kept, with a reason.
    Discarded,
}

impl fmt::Display for TakeState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Idle => "idle",
            Self::Ready => "ready",
            Self::Countdown => "countdown",
            Self::Recording => "recording",
            Self::Judged => "judged",
            Self::Saved => "saved",
            Self::Discarded => "discarded",
        })
    }
}

/// How a take went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The task's success criterion was met.
    Success,
    /// It was not.
    Failure,
    /// Nobody and nothing has said.
    Unknown,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Unknown => "unknown",
        })
    }
}
