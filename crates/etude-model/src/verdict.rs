//! Measurements, and the verdict that a rule set makes of them.

use crate::stream::Topic;
use crate::time::LogTime;
use serde::{Deserialize, Serialize};

/// One measured value of one stream (or of the whole episode), over a span of time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// What was measured, such as `rate` or `frozen`; defined on the reference page of inspection.
    pub name: String,
    /// The stream; absent for the whole episode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<Topic>,
    /// The channel within the stream, such as a joint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// The value; absent where it could not be measured, and `detail` says why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// Its unit, such as `Hz`, `ms`, `ratio`.
    pub unit: String,
    /// From when, where it concerns a part of the take.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<LogTime>,
    /// Until when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<LogTime>,
    /// Words for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

/// How grave a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// To be looked at.
    Warning,
    /// The take does not count.
    Fault,
}

/// A rule that a measurement did not meet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The rule's name.
    pub rule: String,
    /// How grave.
    pub severity: Severity,
    /// What was found, in a sentence with its numbers.
    pub message: String,
    /// The measurement.
    pub measurement: Measurement,
}

/// What a rule set says of an episode.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// The rule set's name and version.
    pub rules: String,
    /// Whether the take counts: no finding is a fault.
    pub accepted: bool,
    /// What was found, gravest first.
    pub findings: Vec<Finding>,
}

/// What becomes of a take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// It counts: nothing that was found is more than worth knowing.
    Accepted,
    /// It counts, and a person is to look at what was found.
    Review,
    /// It does not count.
    Rejected,
}

impl Standing {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Review => "review",
            Self::Rejected => "rejected",
        }
    }
}

impl Verdict {
    /// What becomes of the take, by the gravest of what was found.
    pub fn standing(&self) -> Standing {
        let is_grave = |finding: &Finding| finding.severity >= Severity::Warning;
        match self.accepted {
            false => Standing::Rejected,
            true if self.findings.iter().any(is_grave) => Standing::Review,
            true => Standing::Accepted,
        }
    }
}
