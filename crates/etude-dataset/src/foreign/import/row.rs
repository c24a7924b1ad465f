//! One stream of an episode on its way into the file: its samples, its refusals, its account.

use super::super::depth::DepthOdd;
use super::super::fill::{Fill, Oddities};
use super::super::plan::Planned;
use super::super::value::Value;
use crate::problem::Problem;
use etude_episode::{EpisodeWriter, Expected, FileSink, StreamIndex, WriteError};
use etude_model::{Gap, GapReason, HostTime, LogTime, Sample, Stamp};
use std::collections::BTreeSet;

/// One stream that is being filled.
pub(super) struct Row {
    pub(super) planned: Planned,
    stream: StreamIndex,
    written: u64,
    /// Messages refused since the last that was written.
    refused: u64,
    refused_in_all: u64,
    reason: Option<String>,
    last_ns: Option<i64>,
    backward: u64,
    inexact: u64,
    not_unit: u64,
    /// Pictures that were coded anew, and what they were.
    recoded: (u64, &'static str),
    depth: DepthOdd,
    nameless: BTreeSet<String>,
    last_names: usize,
}

impl Row {
    pub(super) fn new(stream: StreamIndex, planned: Planned) -> Self {
        Self {
            planned,
            stream,
            written: 0,
            refused: 0,
            refused_in_all: 0,
            reason: None,
            last_ns: None,
            backward: 0,
            inexact: 0,
            not_unit: 0,
            recoded: (0, ""),
            depth: DepthOdd::default(),
            nameless: BTreeSet::new(),
            last_names: 0,
        }
    }

    /// Writes a message's sample; one that cannot be made is counted and declared missing.
    pub(super) fn take(
        &mut self,
        writer: &mut EpisodeWriter<FileSink>,
        stamp: &Result<Stamp, String>,
        message: &Value,
    ) -> Result<(), WriteError> {
        let made =
            stamp.clone().and_then(|stamp| Ok((stamp, self.planned.fill.sample(message, self.written)?)));
        let made = made.and_then(|(stamp, (sample, odd))| match &sample {
            Sample::Video(frame) if self.written == 0 && !frame.is_key => {
                Err("it needs frames before it, and there are none".to_owned())
            }
            _ => Ok((stamp, sample, odd)),
        });
        let (stamp, sample, odd) = match made {
            Ok(made) => made,
            Err(reason) => {
                self.refused += 1;
                self.refused_in_all += 1;
                self.reason.get_or_insert(reason);
                return Ok(());
            }
        };
        self.names(message);
        let ns = stamp.log.ns();
        self.declare(writer, self.refused, ns)?;
        self.refused = 0;
        self.backward += u64::from(self.last_ns.is_some_and(|last| ns < last));
        self.last_ns = Some(self.last_ns.map_or(ns, |last| last.max(ns)));
        let Oddities { inexact, not_unit, recoded, depth } = odd;
        self.depth.add(depth);
        if let Some(kind) = recoded {
            self.recoded = (self.recoded.0 + 1, kind);
        }
        self.inexact += u64::from(inexact);
        self.not_unit += u64::from(not_unit);
        writer.write(self.stream, stamp, &sample)?;
        self.written += 1;
        Ok(())
    }

    /// Notes names whose numbers no channel takes.
    fn names(&mut self, message: &Value) {
        const MAX_NAMES: usize = 200;
        if !matches!(self.planned.fill, Fill::Joints { .. } | Fill::Command { .. }) {
            return;
        }
        let names = self.planned.fill.left_out(message);
        if names.len() != self.last_names && self.nameless.len() < MAX_NAMES {
            self.last_names = names.len();
            self.nameless.extend(names);
        }
    }

    fn declare(
        &self,
        writer: &mut EpisodeWriter<FileSink>,
        missing: u64,
        until_ns: i64,
    ) -> Result<(), WriteError> {
        if missing == 0 {
            return Ok(());
        }
        let from = self.last_ns.unwrap_or(until_ns).min(until_ns);
        let gap = Gap {
            topic: self.planned.spec.topic.clone(),
            from: LogTime(from),
            to: LogTime(until_ns),
            missing,
            reason: GapReason::Refused,
        };
        writer.declare_gap(&gap, Stamp { device: None, host: HostTime(until_ns), log: LogTime(until_ns) })
    }

    /// Declares what is still missing and says what was odd; `unread`: messages that could not even be taken apart.
    pub(super) fn close(
        &mut self,
        writer: &mut EpisodeWriter<FileSink>,
        unread: u64,
        range: Option<(i64, i64)>,
        problems: &mut Vec<Problem>,
    ) -> Result<(), WriteError> {
        let end_ns = range.map_or(0, |(_, to)| to);
        self.declare(writer, self.refused + unread, end_ns)?;
        let total = self.written + self.refused_in_all + unread;
        writer.expect(self.stream, Expected::Count(total))?;
        let topic = self.planned.spec.topic.as_str();
        let from = &self.planned.from;
        let mut say = |loss: bool, message: String| {
            problems.push(Problem { subject: format!("{topic} from {from}"), message, loss });
        };
        if self.refused_in_all > 0 {
            let reason = self.reason.as_deref().unwrap_or("no reason");
            say(true, format!("{} of {total} messages are no sample of it: {reason}", self.refused_in_all));
        }
        if self.backward > 0 {
            say(false, format!("{} samples are stamped earlier than the one before them", self.backward));
        }
        if self.inexact > 0 {
            say(true, format!("{} samples have a number that is not kept exactly", self.inexact));
        }
        let (recoded, kind) = self.recoded;
        if recoded > 0 {
            say(
                true,
                format!("{recoded} {kind} pictures were coded anew as H.264: near, and no longer the same"),
            );
        }
        let DepthOdd { rounded, most_mm, unmeasured, beyond } = self.depth;
        if rounded > 0 {
            say(true, format!("{rounded} distances were rounded to whole mm, by {most_mm:.3} mm at most"));
        }
        if beyond > 0 {
            say(
                true,
                format!("{beyond} distances do not fit into 1 to 65535 mm; they are kept as not measured"),
            );
        }
        if unmeasured > 0 {
            say(
                false,
                format!("{unmeasured} distances are none (NaN, infinite or negative); kept as not measured"),
            );
        }
        if self.not_unit > 0 {
            say(
                false,
                format!("{} quaternions are not of unit length; kept as they are, untracked", self.not_unit),
            );
        }
        if !self.nameless.is_empty() {
            let names = self.nameless.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            say(true, format!("{names} left out: no channel of the mapping takes them"));
        }
        Ok(())
    }
}
