//! What became of a stream's messages: received + declared missing = expected.

use etude_model::{LogTime, StreamSpec, Topic};
use serde::{Deserialize, Serialize};

/// How many messages a stream should have brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Expected {
    /// Nobody says.
    #[default]
    Unknown,
    /// So many, as the source's own counter or the caller's says; held to exactly.
    Count(u64),
    /// As many as the stream's rate gives in a span of log time; held to within the stream's tolerance, or one message.
    Rate {
        /// When the stream was to begin.
        from: LogTime,
        /// When it was to end.
        to: LogTime,
    },
}

/// A stream's account, as it stands in the metadata record `etude.streams`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StreamCount {
    /// The stream.
    #[serde(skip, default = "no_topic")]
    pub topic: Topic,
    /// Messages in the file.
    pub received: u64,
    /// Messages that gaps declare to be missing.
    pub missing: u64,
    /// Messages that should be there; absent where nobody said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<u64>,
    /// Whether the three agree; a periodic stream of which nobody said what to expect is not accounted for.
    pub accounted: bool,
    /// Log time of the earliest message.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "first_log_ns")]
    pub first_log: Option<LogTime>,
    /// Log time of the latest message.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "last_log_ns")]
    pub last_log: Option<LogTime>,
}

fn no_topic() -> Topic {
    Topic::new("")
}

/// A stream's account while it is being written.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) received: u64,
    pub(crate) missing: u64,
    pub(crate) expected: Expected,
    pub(crate) range: Option<(i64, i64)>,
    /// What an earlier account said of the same messages: what was expected, and whether that was met.
    pub(crate) adopted: Option<(Option<u64>, bool)>,
}

impl Tally {
    pub(crate) fn receive(&mut self, log_ns: i64) {
        self.received += 1;
        self.range = Some(match self.range {
            None => (log_ns, log_ns),
            Some((first, last)) => (first.min(log_ns), last.max(log_ns)),
        });
    }

    pub(crate) fn close(&self, spec: &StreamSpec) -> StreamCount {
        let total = self.received.saturating_add(self.missing);
        let (expected, tolerance) = match (self.expected, spec.rate_hz) {
            (Expected::Count(count), _) => (Some(count), 0),
            (Expected::Rate { from, to }, Some(rate_hz)) => {
                let count = ((to - from).as_s() * rate_hz).round().max(0.0);
                (Some(count as u64), ((count * spec.rate_tolerance).floor() as u64).max(1))
            }
            (Expected::Unknown, _) | (Expected::Rate { .. }, None) => (None, 0),
        };
        let accounted = match expected {
            Some(expected) => total.abs_diff(expected) <= tolerance,
            None => !spec.kind.is_periodic(),
        };
        let (expected, accounted) = self.adopted.unwrap_or((expected, accounted));
        StreamCount {
            topic: spec.topic.clone(),
            received: self.received,
            missing: self.missing,
            expected,
            accounted,
            first_log: self.range.map(|(first, _)| LogTime(first)),
            last_log: self.range.map(|(_, last)| LogTime(last)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use etude_model::StreamKind;

    fn tally(received: u64, missing: u64, expected: Expected) -> Tally {
        Tally { received, missing, expected, ..Tally::default() }
    }

    #[test]
    fn an_exact_count_allows_nothing() {
        let spec = StreamSpec::new("/robot/joint_states", StreamKind::JointStates, Some(1000.0));
        assert!(tally(990, 10, Expected::Count(1000)).close(&spec).accounted);
        assert!(!tally(990, 9, Expected::Count(1000)).close(&spec).accounted);
        assert!(!tally(990, 0, Expected::Unknown).close(&spec).accounted);
    }

    #[test]
    fn a_rate_allows_its_tolerance() {
        let spec = StreamSpec::new("/robot/joint_states", StreamKind::JointStates, Some(1000.0));
        let minute = Expected::Rate { from: LogTime(0), to: LogTime::from_s(60.0) };
        assert!(tally(57_000, 0, minute).close(&spec).accounted);
        assert!(!tally(56_999, 0, minute).close(&spec).accounted);
    }

    #[test]
    fn events_need_no_expectation() {
        let spec = StreamSpec::new("/safety", StreamKind::Safety, None);
        assert!(tally(3, 0, Expected::Unknown).close(&spec).accounted);
    }
}
