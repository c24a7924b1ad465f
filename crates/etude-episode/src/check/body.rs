//! Chunks and their messages.

use super::Checker;
use super::summary::SeenChunk;
use crate::codec;
use crate::reader::unpack;
use crate::record::{Body, ChunkHead, MessageHead, PREFIX, op};
use etude_model::{GapReason, LogTime, Sample, StreamSpec, Topic};

/// Frames from one key frame to the next, at most.
const KEY_FRAME_DISTANCE: u64 = 10;

/// A stream as far as it was read.
pub(super) struct StreamState {
    pub(super) spec: StreamSpec,
    received: u64,
    missing: u64,
    /// Whether a gap says that the recording was cut off and that what the stream lacks since then is unknown.
    pub(super) is_interrupted: bool,
    /// Messages that gaps of reason `interrupted` count: chunks that were damaged when the file was recovered.
    interrupted: u64,
    /// Numbers that no message has, and the first such place: chunk, number expected and number found.
    skipped: u64,
    first_skip: Option<(u64, u32, u32)>,
    range: Option<(LogTime, LogTime)>,
    /// Log time and number of the last message.
    last: Option<(LogTime, u32)>,
    /// Frames since the last key frame; `None` before the first.
    since_key: Option<u64>,
}

impl StreamState {
    pub(super) fn new(spec: StreamSpec) -> Self {
        Self {
            spec,
            received: 0,
            missing: 0,
            is_interrupted: false,
            interrupted: 0,
            skipped: 0,
            first_skip: None,
            range: None,
            last: None,
            since_key: None,
        }
    }

    pub(super) fn account(&self) -> (Topic, u64, u64, Option<(LogTime, LogTime)>) {
        (self.spec.topic.clone(), self.received, self.missing, self.range)
    }

    /// Where numbers are missing that no damage accounts for: chunk, expectation and finding.
    pub(super) fn holes(&self) -> Option<(u64, String, String)> {
        let (chunk, expected, found) = self.first_skip.filter(|_| self.skipped > self.interrupted)?;
        Some((chunk, format!("{}: message {expected}", self.spec.topic), found.to_string()))
    }

    /// Takes a message in; what is wrong with it, as expectation and finding.
    fn take(
        &mut self,
        chunk: u64,
        head: &MessageHead,
        log: LogTime,
        data: &[u8],
    ) -> (Vec<(String, String)>, Option<Sample>) {
        let topic = &self.spec.topic;
        let mut wrong = Vec::new();
        if let Some((last, _)) = self.last
            && log < last
        {
            wrong.push((format!("{topic}: log times in order"), format!("{} after {}", log.ns(), last.ns())));
        }
        let next = self.last.map_or(0, |(_, number)| number.wrapping_add(1));
        if head.sequence < next {
            wrong.push((format!("{topic}: message {next}"), head.sequence.to_string()));
        } else if head.sequence > next {
            self.skipped += u64::from(head.sequence - next);
            self.first_skip.get_or_insert((chunk, next, head.sequence));
        }
        self.last = Some((log, head.sequence));
        self.received += 1;
        let (first, last) = self.range.unwrap_or((log, log));
        self.range = Some((first.min(log), last.max(log)));
        let sample = match codec::decode(self.spec.kind, log, data) {
            Ok((stamp, sample)) => {
                if u64::try_from(stamp.host.ns()).unwrap_or(0) != head.publish_ns {
                    wrong.push((format!("{topic}: publish time = host time"), head.publish_ns.to_string()));
                }
                Some(sample)
            }
            Err(error) => {
                wrong.push((format!("{topic}: a message of kind {:?}", self.spec.kind), error.to_string()));
                None
            }
        };
        if let Some(Sample::Video(frame)) = &sample {
            wrong.extend(self.key_frame(frame.is_key));
        }
        (wrong, sample)
    }

    fn key_frame(&mut self, is_key: bool) -> Option<(String, String)> {
        let topic = &self.spec.topic;
        let since = if is_key { Some(0) } else { self.since_key.map(|since| since + 1) };
        let was = std::mem::replace(&mut self.since_key, since.or(Some(0)));
        if was.is_none() && !is_key {
            return Some((format!("{topic}: a key frame first"), "another frame".to_owned()));
        }
        // Said once per stretch without a key frame.
        (since == Some(KEY_FRAME_DISTANCE)).then(|| {
            (
                format!("{topic}: a key frame at least every {KEY_FRAME_DISTANCE}th frame"),
                "a longer distance".to_owned(),
            )
        })
    }
}

impl Checker {
    pub(super) fn chunk(&mut self, offset: u64, body: &[u8]) {
        self.report.chunks += 1;
        let (head, data) = match ChunkHead::read(body) {
            Ok(chunk) => chunk,
            Err(error) => return self.problem(offset, "a chunk", error.to_string()),
        };
        let length = (PREFIX + body.len()) as u64;
        let mut seen = SeenChunk::new(offset, length, (head.start_ns, head.end_ns));
        let mut buffer = std::mem::take(&mut self.buffer);
        if let Err(problem) = unpack(&head, data, &mut self.decompressor, &mut buffer) {
            self.problem(offset, "a chunk that can be unpacked", problem.to_string());
        } else {
            self.messages(&mut seen, &buffer);
        }
        self.buffer = buffer;
        self.chunks.push(seen);
    }

    fn messages(&mut self, seen: &mut SeenChunk, bytes: &[u8]) {
        let mut records = Body::new(bytes);
        let mut range: Option<(u64, u64)> = None;
        while !records.is_empty() {
            let at = records.offset() as u64;
            let (opcode, body) = match records.record() {
                Ok(record) => record,
                Err(error) => return self.problem(seen.offset, "records in the chunk", error.to_string()),
            };
            if opcode != op::MESSAGE {
                self.problem(seen.offset, "messages in the chunk", format!("opcode {opcode:#04x}"));
                continue;
            }
            let (head, data) = match MessageHead::read(body) {
                Ok(message) => message,
                Err(error) => return self.problem(seen.offset, "a message", error.to_string()),
            };
            let (start, end) = range.unwrap_or((head.log_ns, head.log_ns));
            range = Some((start.min(head.log_ns), end.max(head.log_ns)));
            seen.entries.entry(head.channel).or_default().push((head.log_ns, at));
            self.message(seen.offset, &head, data);
        }
        if range != Some(seen.range) {
            self.problem(
                seen.offset,
                format!("the chunk's time range {range:?}"),
                format!("{:?}", seen.range),
            );
        }
    }

    fn message(&mut self, offset: u64, head: &MessageHead, data: &[u8]) {
        self.report.messages += 1;
        let stream = usize::from(head.channel).checked_sub(1).and_then(|index| self.streams.get_mut(index));
        let Some(stream) = stream else {
            return self.problem(offset, "messages of known channels", format!("channel {}", head.channel));
        };
        let Ok(log_ns) = i64::try_from(head.log_ns) else {
            return self.problem(offset, "log times of 63 bits", head.log_ns.to_string());
        };
        let (wrong, sample) = stream.take(offset, head, LogTime(log_ns), data);
        for (expected, found) in wrong {
            self.problem(offset, expected, found);
        }
        let Some(Sample::Gap(gap)) = sample else { return };
        match self.streams.iter_mut().find(|stream| stream.spec.topic == gap.topic) {
            Some(stream) => {
                stream.missing = stream.missing.saturating_add(gap.missing);
                if gap.reason == GapReason::Interrupted {
                    stream.interrupted = stream.interrupted.saturating_add(gap.missing);
                }
                stream.is_interrupted |= gap.reason == GapReason::Interrupted && gap.missing == 0;
            }
            None => self.problem(offset, "gaps of known streams", gap.topic.to_string()),
        }
        if gap.to < gap.from {
            self.problem(
                offset,
                "gaps that end after they begin",
                format!("{} to {}", gap.from.ns(), gap.to.ns()),
            );
        }
    }
}
