//! One stream, message by message, placed by the chosen clock.

use super::{AlignError, Clock};
use crate::codec;
use crate::reader::{Episode, RawMessages};
use etude_model::{LogTime, Sample, StreamKind, Topic};
use std::ops::RangeFull;

/// A message that may give a value.
pub(super) struct Point {
    pub(super) at_ns: i64,
    pub(super) log: LogTime,
    /// Its place in the stream's log-time order, from 0.
    pub(super) number: u64,
    /// `None` for video and depth, which are not decoded: their value is their number.
    pub(super) sample: Option<Sample>,
}

pub(super) struct Cursor<'e> {
    messages: RawMessages<'e>,
    topic: Topic,
    kind: StreamKind,
    clock: Clock,
    number: u64,
}

impl<'e> Cursor<'e> {
    pub(super) fn new(episode: &'e Episode, topic: &Topic, clock: Clock) -> Result<Self, AlignError> {
        let kind = super::kind(episode, topic)?;
        let messages = episode.raw_messages(&[topic.as_str()], RangeFull)?;
        Ok(Self { messages, topic: topic.clone(), kind, clock, number: 0 })
    }

    /// The next message's time, without its value.
    pub(super) fn step(&mut self) -> Result<Option<i64>, AlignError> {
        if self.clock == Clock::Log {
            return Ok(self.messages.advance()?.map(|message| message.log.ns()));
        }
        Ok(self.messages.advance()?.map(|message| message.host.ns()))
    }

    /// The next message.
    pub(super) fn next(&mut self) -> Result<Option<Point>, AlignError> {
        let Some(message) = self.messages.advance()? else { return Ok(None) };
        let at_ns = if self.clock == Clock::Log { message.log.ns() } else { message.host.ns() };
        let sample = match self.kind {
            StreamKind::Video | StreamKind::Depth => None,
            kind => {
                let decoded = codec::decode(kind, message.log, message.data);
                let (_, sample) =
                    decoded.map_err(|source| AlignError::Codec { topic: self.topic.clone(), source })?;
                Some(sample)
            }
        };
        self.number += 1;
        Ok(Some(Point { at_ns, log: message.log, number: self.number - 1, sample }))
    }
}
