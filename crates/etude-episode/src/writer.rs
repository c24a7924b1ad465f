//! Writing an episode: messages gather in chunks, a chunk goes out whole, and the file is closed with its indexes.
//!
//! What is written depends on the calls alone: the writer reads no clock, and the same calls give the same bytes.

mod chunk;
mod error;
mod head;
mod output;
mod summary;

use crate::codec;
use crate::count::{Expected, StreamCount, Tally};
use crate::record::MessageHead;
use crate::sink::{FileSink, Sink};
use chunk::Group;
use etude_model::{Digest, Gap, LogTime, Manifest, Sample, Span, Stamp, StreamKind, StreamSpec, Topic};
use output::Output;
use std::path::Path;
use summary::Summary;

pub use error::WriteError;

pub(crate) use head::{CARD, EPISODE, STREAM};
pub(crate) use summary::STREAMS;

/// A stream of an episode: its place in the manifest's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamIndex(pub u16);

impl StreamIndex {
    /// The place as an index of arrays.
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// The id of the stream's channel in the file.
    pub(crate) const fn channel(self) -> u16 {
        self.0 + 1
    }
}

/// How chunks are closed and packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriterOptions {
    /// A chunk that holds this many bytes (before compression) is closed.
    pub chunk_bytes: usize,
    /// A chunk whose oldest message is this much older, by log time, than the message being written is closed.
    pub chunk_age: Span,
    /// zstd level of all streams but video.
    pub compression_level: i32,
    /// Whether closing waits until the file outlives a loss of power.
    pub sync_on_close: bool,
}

impl Default for WriterOptions {
    fn default() -> Self {
        Self {
            chunk_bytes: 1 << 20,
            chunk_age: Span::from_ms(100),
            compression_level: 1,
            sync_on_close: true,
        }
    }
}

/// A file within the episode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// Its name, such as `model.xml`.
    pub name: String,
    /// Its media type, such as `application/xml`.
    pub media_type: String,
    /// What it holds.
    pub data: Vec<u8>,
}

/// What stands at the front of an episode.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// The manifest; its streams are those that can be written to.
    pub manifest: &'a Manifest,
    /// The embodiment card, as TOML.
    pub card_toml: &'a str,
    /// Further files, such as the kinematic model.
    pub attachments: &'a [Attachment],
}

/// What was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Closed {
    /// The episode's content address.
    pub digest: Digest,
    /// The file's size, bytes.
    pub bytes: u64,
    /// The account of each stream, in the manifest's order (and `/gap` last where the manifest does not name it).
    pub streams: Vec<StreamCount>,
    /// The gaps, in the order they were declared in.
    pub gaps: Vec<Gap>,
}

impl Closed {
    /// Whether of each stream received and declared missing messages add up to those expected.
    pub fn is_accounted(&self) -> bool {
        self.streams.iter().all(|stream| stream.accounted)
    }
}

/// The longest message that is written or read, bytes.
pub const MAX_MESSAGE_BYTES: usize = 64 << 20;

struct Stream {
    spec: StreamSpec,
    group: usize,
    slot: usize,
    sequence: u32,
    tally: Tally,
}

/// Writes one episode.
///
/// ```
/// use etude_episode::{EpisodeWriter, Head, StreamIndex, WriterOptions};
/// use etude_model::sample::{Sample, Wrench};
/// use etude_model::{Stamp, StreamKind, StreamSpec};
/// # let manifest: etude_model::Manifest = serde_json::from_str(&format!(r#"{{"format_version": 1, "episode": "e",
/// #   "card": "{}", "embodiment": "none", "software": "doc", "clock": {{"kind": "measured"}},
/// #   "origin": "simulated"}}"#, "0".repeat(64)))?;
/// let wrist = StreamSpec::new("/robot/wrench/left", StreamKind::Wrench, Some(1000.0)).with_frame("left_wrist");
/// let manifest = etude_model::Manifest { streams: vec![wrist], ..manifest };
/// let head = Head { manifest: &manifest, card_toml: "", attachments: &[] };
/// let mut bytes = Vec::new();
/// let mut writer = EpisodeWriter::with_sink(&mut bytes, &head, WriterOptions::default())?;
/// writer.write(StreamIndex(0), Stamp::at(1_000_000), &Sample::Wrench(Wrench::default()))?;
/// let closed = writer.finish()?;
/// assert_eq!(closed.streams[0].received, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct EpisodeWriter<S: Sink> {
    output: Output<S>,
    options: WriterOptions,
    streams: Vec<Stream>,
    groups: Vec<Group>,
    /// Log time from which on the oldest chunk is due, ns.
    due_ns: i64,
    packer: chunk::Packer,
    summary: Summary,
    gaps: Vec<Gap>,
    gap_stream: StreamIndex,
}

impl EpisodeWriter<FileSink> {
    /// Begins an episode at `path`; until it is finished the file is called `<path>.partial`.
    pub fn create(path: &Path, head: &Head<'_>, options: WriterOptions) -> Result<Self, WriteError> {
        let sink = FileSink::create(path).map_err(|source| WriteError::Io {
            name: path.display().to_string(),
            doing: "create",
            source,
        })?;
        Self::with_sink(sink, head, options)
    }
}

impl<S: Sink> EpisodeWriter<S> {
    /// Begins an episode in any sink.
    pub fn with_sink(sink: S, head: &Head<'_>, options: WriterOptions) -> Result<Self, WriteError> {
        let specs = head::specs(head.manifest)?;
        let gap_stream = specs.iter().position(|spec| spec.topic.as_str() == Topic::GAP);
        let gap_stream = gap_stream.expect("specs has a stream of gaps") as u16;
        let (groups, places) = chunk::groups(&specs);
        let mut output = Output::new(sink);
        let summary = head::write(&mut output, head, &specs)?;
        let streams = specs
            .into_iter()
            .zip(places)
            .map(|(spec, (group, slot))| Stream { spec, group, slot, sequence: 0, tally: Tally::default() })
            .collect();
        Ok(Self {
            output,
            options,
            streams,
            groups,
            due_ns: i64::MAX,
            packer: chunk::Packer::new(options.compression_level)?,
            summary,
            gaps: Vec::new(),
            gap_stream: StreamIndex(gap_stream),
        })
    }

    /// The stream of a topic.
    pub fn stream(&self, topic: &str) -> Option<StreamIndex> {
        let position = self.streams.iter().position(|stream| stream.spec.topic.as_str() == topic);
        position.map(|position| StreamIndex(position as u16))
    }

    /// How a stream was described.
    pub fn spec(&self, stream: StreamIndex) -> Option<&StreamSpec> {
        self.streams.get(stream.index()).map(|stream| &stream.spec)
    }

    /// Writes one sample. It reaches the sink when its chunk is closed.
    pub fn write(&mut self, stream: StreamIndex, stamp: Stamp, sample: &Sample) -> Result<(), WriteError> {
        if let Sample::Gap(gap) = sample {
            self.stream_of(gap)?;
        }
        let sequence = self.sequence(stream)?;
        self.put(stream, stamp, sequence, |spec, buffer| {
            codec::encode(spec, stamp, sample, buffer)
                .map_err(|source| WriteError::Codec { topic: spec.topic.clone(), source })
        })?;
        if let Sample::Gap(gap) = sample {
            self.note_gap(gap)?;
        }
        Ok(())
    }

    /// Writes one message whose bytes are those of [`codec::encode`], as when messages are copied between episodes.
    pub fn write_raw(&mut self, stream: StreamIndex, stamp: Stamp, bytes: &[u8]) -> Result<(), WriteError> {
        let sequence = self.sequence(stream)?;
        self.write_numbered(stream, stamp, sequence, bytes)
    }

    /// The same, with the message's number within its stream.
    pub(crate) fn write_numbered(
        &mut self,
        stream: StreamIndex,
        stamp: Stamp,
        sequence: u32,
        bytes: &[u8],
    ) -> Result<(), WriteError> {
        let kind = self.spec(stream).map(|spec| spec.kind);
        let gap =
            if kind == Some(StreamKind::Gap) { Some(self.read_gap(stream, stamp.log, bytes)?) } else { None };
        self.put(stream, stamp, sequence, |_, buffer| {
            buffer.extend_from_slice(bytes);
            Ok(())
        })?;
        gap.map_or(Ok(()), |gap| self.note_gap(&gap))
    }

    /// Declares messages of a stream to be missing: writes a message on `/gap` and counts them.
    pub fn declare_gap(&mut self, gap: &Gap, at: Stamp) -> Result<(), WriteError> {
        self.write(self.gap_stream, at, &Sample::Gap(gap.clone()))
    }

    /// Says how many messages a stream should have brought; checked when the episode is finished.
    pub fn expect(&mut self, stream: StreamIndex, expected: Expected) -> Result<(), WriteError> {
        let stream = self.streams.get_mut(stream.index()).ok_or(WriteError::Stream { index: stream })?;
        stream.tally.expected = expected;
        Ok(())
    }

    /// Takes over what an earlier account of the same messages says of a stream.
    pub(crate) fn adopt(&mut self, count: &StreamCount) {
        if let Some(stream) = self.stream(count.topic.as_str()) {
            self.streams[stream.index()].tally.adopted = Some((count.expected, count.accounted));
        }
    }

    /// Closes every chunk whose oldest message has this log time or an earlier one.
    pub fn flush_older_than(&mut self, log: LogTime) -> Result<(), WriteError> {
        self.due_ns = i64::MAX;
        for group in 0..self.groups.len() {
            match self.groups[group].oldest_ns() {
                Some(oldest_ns) if oldest_ns <= log.ns() => self.close_chunk(group)?,
                Some(oldest_ns) => self.due_ns = self.due_ns.min(self.due_after(oldest_ns)),
                None => {}
            }
        }
        Ok(())
    }

    /// Closes every chunk.
    pub fn flush_all(&mut self) -> Result<(), WriteError> {
        self.flush_older_than(LogTime(i64::MAX))
    }

    /// Returns when all closed chunks outlive a loss of power.
    pub fn sync(&mut self) -> Result<(), WriteError> {
        self.output.sync()
    }

    /// Bytes that the sink took so far.
    pub fn bytes_written(&self) -> u64 {
        self.output.offset()
    }

    /// Closes the episode: the last chunks, the streams' accounts, the indexes; then gives the file its name.
    pub fn finish(mut self) -> Result<Closed, WriteError> {
        self.flush_all()?;
        let streams: Vec<StreamCount> =
            self.streams.iter().map(|stream| stream.tally.close(&stream.spec)).collect();
        self.summary.close(&mut self.output, &streams)?;
        let (digest, bytes) = self.output.commit(self.options.sync_on_close)?;
        Ok(Closed { digest, bytes, streams, gaps: self.gaps })
    }

    fn due_after(&self, oldest_ns: i64) -> i64 {
        oldest_ns.saturating_add(self.options.chunk_age.0)
    }

    fn sequence(&self, stream: StreamIndex) -> Result<u32, WriteError> {
        let found = self.streams.get(stream.index()).ok_or(WriteError::Stream { index: stream })?;
        Ok(found.sequence)
    }

    fn put(
        &mut self,
        index: StreamIndex,
        stamp: Stamp,
        sequence: u32,
        encode: impl FnOnce(&StreamSpec, &mut Vec<u8>) -> Result<(), WriteError>,
    ) -> Result<(), WriteError> {
        self.output.check()?;
        let log_ns = stamp.log.ns();
        let Ok(record_log_ns) = u64::try_from(log_ns) else {
            return Err(WriteError::Time { log: stamp.log });
        };
        if log_ns >= self.due_ns {
            self.flush_older_than(LogTime(log_ns.saturating_sub(self.options.chunk_age.0)))?;
        }
        let stream = self.streams.get_mut(index.index()).ok_or(WriteError::Stream { index })?;
        let group = &mut self.groups[stream.group];
        let start = group.buffer.len();
        let head = MessageHead {
            channel: index.channel(),
            sequence,
            log_ns: record_log_ns,
            publish_ns: u64::try_from(stamp.host.ns()).unwrap_or(0),
        };
        let length_at = head.open(&mut group.buffer);
        let encoded = encode(&stream.spec, &mut group.buffer);
        let length = group.buffer.len() - start;
        if let Err(error) = encoded {
            group.buffer.truncate(start);
            return Err(error);
        }
        if length > MAX_MESSAGE_BYTES {
            group.buffer.truncate(start);
            return Err(WriteError::TooLong { topic: stream.spec.topic.clone(), length });
        }
        MessageHead::close(&mut group.buffer, length_at);
        group.note(stream.slot, record_log_ns, start);
        stream.sequence = sequence.wrapping_add(1);
        stream.tally.receive(log_ns);
        let full = group.length() >= self.options.chunk_bytes.min(MAX_MESSAGE_BYTES);
        let place = stream.group;
        self.due_ns = self.due_ns.min(self.due_after(log_ns));
        if full { self.close_chunk(place) } else { Ok(()) }
    }

    fn close_chunk(&mut self, group: usize) -> Result<(), WriteError> {
        self.packer.pack(&mut self.groups[group], &mut self.output, &mut self.summary)
    }

    fn read_gap(&self, stream: StreamIndex, log: LogTime, bytes: &[u8]) -> Result<Gap, WriteError> {
        let topic = || self.streams[stream.index()].spec.topic.clone();
        match codec::decode(StreamKind::Gap, log, bytes) {
            Ok((_, Sample::Gap(gap))) => self.stream_of(&gap).map(|_| gap),
            Ok(_) => unreachable!("a message of kind gap decodes to a gap"),
            Err(source) => Err(WriteError::Codec { topic: topic(), source }),
        }
    }

    fn stream_of(&self, gap: &Gap) -> Result<StreamIndex, WriteError> {
        self.stream(gap.topic.as_str()).ok_or_else(|| WriteError::GapTopic { topic: gap.topic.clone() })
    }

    fn note_gap(&mut self, gap: &Gap) -> Result<(), WriteError> {
        let stream = self.stream_of(gap)?;
        let tally = &mut self.streams[stream.index()].tally;
        tally.missing = tally.missing.saturating_add(gap.missing);
        self.gaps.push(gap.clone());
        Ok(())
    }
}
