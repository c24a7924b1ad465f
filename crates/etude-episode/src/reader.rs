//! Reading a closed episode: by its indexes, only the chunks of the streams asked for, in bounded memory.
//!
//! Nothing in the file is trusted: lengths are checked against the file's size before anything is read or reserved,
//! chunks against their CRC, and decompressed sizes against a limit.

mod chunk;
mod error;
mod index;
mod messages;

use crate::count::StreamCount;
use crate::record::{AttachmentRecord, Body, op};
use crate::source::Source;
use crate::writer::StreamIndex;
use etude_model::{Digest, Gap, Label, LogTime, Manifest, Sample, StreamSpec, Topic};
use index::Index;
use std::fs::File;
use std::ops::RangeBounds;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

pub use error::ReadError;
pub use messages::{Message, Messages, RawMessage, RawMessages, RawRef};

pub(crate) use chunk::unpack;
pub(crate) use index::{ManifestError, parse_manifest, parse_spec};

/// The largest chunk that is read, bytes, packed or unpacked.
pub const MAX_CHUNK_BYTES: u64 = 160 << 20;

/// A stream of an episode.
#[derive(Clone, Debug, PartialEq)]
pub struct StreamInfo {
    /// What it is.
    pub spec: StreamSpec,
    /// How many messages it has, and how many it should have.
    pub count: StreamCount,
}

/// A closed episode, open for reading. Any number of threads may read it at once.
pub struct Episode {
    source: Box<dyn Source>,
    name: String,
    bytes_read: AtomicU64,
    manifest: Manifest,
    streams: Vec<StreamInfo>,
    index: Index,
}

impl Episode {
    /// Opens an episode's file.
    pub fn open(path: &Path) -> Result<Self, ReadError> {
        let name = path.display().to_string();
        let file =
            File::open(path).map_err(|source| ReadError::Io { name: name.clone(), offset: 0, source })?;
        Self::from_source(Box::new(file), name)
    }

    /// Opens an episode that is in memory.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, ReadError> {
        Self::from_source(Box::new(bytes), "memory".to_owned())
    }

    /// Opens an episode from any source; `name` is what errors call it.
    pub fn from_source(source: Box<dyn Source>, name: String) -> Result<Self, ReadError> {
        index::open(source, name)
    }

    /// What errors call the episode: its path.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The manifest, with the streams that the file has.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The same episode under a label: its manifest says what the label says. The file stays as it is.
    #[must_use]
    pub fn labelled(mut self, label: &Label) -> Self {
        label.apply(&mut self.manifest);
        self
    }

    /// The streams; a stream's place is its [`StreamIndex`].
    pub fn streams(&self) -> &[StreamInfo] {
        &self.streams
    }

    /// The stream of a topic.
    pub fn stream(&self, topic: &str) -> Option<StreamIndex> {
        let position = self.streams.iter().position(|stream| stream.spec.topic.as_str() == topic);
        position.map(|position| StreamIndex(position as u16))
    }

    /// A stream that this episode gave the index of.
    ///
    /// # Panics
    /// When the index is another episode's and this one has fewer streams.
    pub fn stream_info(&self, stream: StreamIndex) -> &StreamInfo {
        &self.streams[stream.index()]
    }

    /// Whether of each stream received and declared missing messages add up to those expected.
    pub fn is_accounted(&self) -> bool {
        self.streams.iter().all(|stream| stream.count.accounted)
    }

    /// Log times of the first and the last message.
    pub fn log_range(&self) -> Option<(LogTime, LogTime)> {
        let first = self.streams.iter().filter_map(|stream| stream.count.first_log).min()?;
        let last = self.streams.iter().filter_map(|stream| stream.count.last_log).max()?;
        Some((first, last))
    }

    /// The embodiment card, as TOML.
    pub fn card_toml(&self) -> Result<String, ReadError> {
        let card = self.attachment(crate::writer::CARD)?;
        let card = card.ok_or_else(|| self.bad(0, "the attachment card.toml", "none"))?;
        String::from_utf8(card).map_err(|_| self.bad(0, "a card that is text", "other bytes"))
    }

    /// Names of the attachments.
    pub fn attachments(&self) -> impl Iterator<Item = &str> {
        self.index.attachments.iter().map(|attachment| attachment.name.as_str())
    }

    /// An attachment's bytes; `None` where there is none of that name.
    pub fn attachment(&self, name: &str) -> Result<Option<Vec<u8>>, ReadError> {
        let Some(place) = self.index.attachments.iter().find(|attachment| attachment.name == name) else {
            return Ok(None);
        };
        let record = self.read_record(place.offset, place.length, op::ATTACHMENT)?;
        let attachment = AttachmentRecord::read(&record).map_err(|error| self.broken(place.offset, error))?;
        if !attachment.intact {
            return Err(ReadError::Crc { name: self.name.clone(), offset: place.offset, of: "attachment" });
        }
        Ok(Some(attachment.data.to_vec()))
    }

    /// The gaps that the episode declares, in log-time order.
    pub fn gaps(&self) -> Result<Vec<Gap>, ReadError> {
        if self.stream(Topic::GAP).is_none() {
            return Ok(Vec::new());
        }
        let messages = self.messages(&[Topic::GAP], ..)?;
        messages
            .filter_map(|message| {
                message
                    .map(|message| match message.sample {
                        Sample::Gap(gap) => Some(gap),
                        _ => None,
                    })
                    .transpose()
            })
            .collect()
    }

    /// The messages of some streams (of all, where none is named) in a range of log times, in log-time order.
    ///
    /// Messages of the same log time come in the streams' order, and within a stream as they were written.
    pub fn messages(
        &self,
        topics: &[&str],
        range: impl RangeBounds<LogTime>,
    ) -> Result<Messages<'_>, ReadError> {
        self.raw_messages(topics, range).map(Messages::new)
    }

    /// The same without decoding.
    pub fn raw_messages(
        &self,
        topics: &[&str],
        range: impl RangeBounds<LogTime>,
    ) -> Result<RawMessages<'_>, ReadError> {
        let streams = if topics.is_empty() {
            (0..self.streams.len()).map(|index| StreamIndex(index as u16)).collect()
        } else {
            let find = |topic: &&str| {
                let topic = *topic;
                self.stream(topic)
                    .ok_or_else(|| ReadError::Topic { name: self.name.clone(), topic: topic.to_owned() })
            };
            topics.iter().map(find).collect::<Result<Vec<_>, _>>()?
        };
        Ok(RawMessages::new(self, &streams, &range))
    }

    /// How many bytes of the file were read so far.
    pub fn bytes_read(&self) -> u64 {
        self.bytes_read.load(Ordering::Relaxed)
    }

    /// Bytes of the summary and of the records read to open the file.
    pub fn summary_bytes(&self) -> u64 {
        self.index.opened_with
    }

    /// Packed bytes of the chunks that hold messages of a stream.
    pub fn chunk_bytes(&self, stream: StreamIndex) -> u64 {
        let chunks = self.index.chunks.iter().filter(|chunk| self.index.holds(chunk, stream));
        chunks.map(|chunk| chunk.length).sum()
    }

    /// Computes the episode's content address, which takes reading the whole file.
    pub fn digest(&self) -> Result<Digest, ReadError> {
        let mut hasher = blake3::Hasher::new();
        let mut block = vec![0; 1 << 20];
        let mut offset = 0;
        while offset < self.index.file_length {
            let length = (self.index.file_length - offset).min(block.len() as u64) as usize;
            self.read_into(&mut block[..length], offset)?;
            hasher.update(&block[..length]);
            offset += length as u64;
        }
        Ok(hasher.finalize().into())
    }

    /// Fills `into`; the caller has checked that the file is long enough.
    fn read_into(&self, into: &mut [u8], offset: u64) -> Result<(), ReadError> {
        self.source.read_exact_at(into, offset).map_err(|source| ReadError::Io {
            name: self.name.clone(),
            offset,
            source,
        })?;
        self.bytes_read.fetch_add(into.len() as u64, Ordering::Relaxed);
        Ok(())
    }

    /// The body of a record that an index points to.
    fn read_record(&self, offset: u64, length: u64, opcode: u8) -> Result<Vec<u8>, ReadError> {
        let inside = offset.checked_add(length).is_some_and(|end| end <= self.index.file_length);
        if !inside || length > MAX_CHUNK_BYTES {
            return Err(self.bad(offset, "a record within the file", &format!("{length} bytes")));
        }
        let mut bytes = vec![0; length as usize];
        self.read_into(&mut bytes, offset)?;
        let (found, body) = Body::new(&bytes).record().map_err(|error| self.broken(offset, error))?;
        if found != opcode {
            let found = format!("{found:#04x}");
            return Err(self.bad(offset, "the record that the index names", &found));
        }
        Ok(body.to_vec())
    }

    fn bad(&self, offset: u64, expected: &'static str, found: &str) -> ReadError {
        ReadError::Format { name: self.name.clone(), offset, expected, found: found.to_owned() }
    }

    fn broken(&self, offset: u64, source: crate::record::RecordError) -> ReadError {
        ReadError::Record { name: self.name.clone(), offset, source }
    }
}
