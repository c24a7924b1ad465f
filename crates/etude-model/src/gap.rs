//! Declared absences: messages that were expected and are not in the episode.

use crate::stream::Topic;
use crate::time::LogTime;
use serde::{Deserialize, Serialize};

/// An absence in one stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gap {
    /// The stream.
    pub topic: Topic,
    /// Log time of the last message before it (or the start of the take).
    pub from: LogTime,
    /// Log time of the first message after it (or the end of the take).
    pub to: LogTime,
    /// How many messages are missing.
    pub missing: u64,
    /// Why.
    pub reason: GapReason,
}

/// Why messages are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GapReason {
    /// The source sent nothing.
    SourceSilent,
    /// The recorder's queue was full.
    QueueOverflow,
    /// The encoder was late.
    EncoderLate,
    /// The source's own counter jumped: lost on the way.
    LostOnTheWay,
    /// A message was refused, such as a frame that does not decode.
    Refused,
    /// The recorder was cut off; what came after the last flush is unknown.
    Interrupted,
}

impl GapReason {
    /// The reason as it is written in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SourceSilent => "source_silent",
            Self::QueueOverflow => "queue_overflow",
            Self::EncoderLate => "encoder_late",
            Self::LostOnTheWay => "lost_on_the_way",
            Self::Refused => "refused",
            Self::Interrupted => "interrupted",
        }
    }

    /// The reason of a name in a file.
    pub fn from_name(name: &str) -> Option<Self> {
        [
            Self::SourceSilent,
            Self::QueueOverflow,
            Self::EncoderLate,
            Self::LostOnTheWay,
            Self::Refused,
            Self::Interrupted,
        ]
        .into_iter()
        .find(|reason| reason.name() == name)
    }
}
