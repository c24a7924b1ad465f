//! Messages of several streams in log-time order, holding only the chunks that cover the present instant.

use super::Episode;
use super::chunk::{Loaded, Loader};
use super::error::ReadError;
use super::index::ChunkPlace;
use crate::codec;
use crate::writer::StreamIndex;
use etude_model::{HostTime, LogTime, Sample, Stamp};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::{Bound, RangeBounds};

/// The most that is held of chunks that overlap in time, bytes.
const MAX_HELD_BYTES: usize = 1 << 30;

/// One message, decoded.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Its stream.
    pub stream: StreamIndex,
    /// Its times.
    pub stamp: Stamp,
    /// What it holds.
    pub sample: Sample,
}

/// One message as it stands in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawMessage {
    /// Its stream.
    pub stream: StreamIndex,
    /// Its number within the stream.
    pub sequence: u32,
    /// When the recorder took it.
    pub log: LogTime,
    /// Host time, 0 where that is before 1970; the exact one is in the data.
    pub host: HostTime,
    /// What it holds, as [`crate::codec::encode`] makes it.
    pub data: Vec<u8>,
}

/// The same, its data where the chunk was unpacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawRef<'a> {
    /// Its stream.
    pub stream: StreamIndex,
    /// Its number within the stream.
    pub sequence: u32,
    /// When the recorder took it.
    pub log: LogTime,
    /// Host time, 0 where that is before 1970; the exact one is in the data.
    pub host: HostTime,
    /// What it holds.
    pub data: &'a [u8],
}

/// A held chunk's next message: log time, stream, the chunk's offset in the file, its place in `held`, the entry.
type Next = (LogTime, StreamIndex, u64, usize, usize);

/// Messages in log-time order, not decoded.
pub struct RawMessages<'e> {
    episode: &'e Episode,
    /// Per stream, whether it was asked for.
    wanted: Vec<bool>,
    range: (Bound<LogTime>, Bound<LogTime>),
    /// Chunks still to load, the next one last.
    ahead: Vec<ChunkPlace>,
    loader: Loader,
    held: Vec<Loaded>,
    /// Places in `held` that are free.
    free: Vec<usize>,
    held_bytes: usize,
    /// The next message of each held chunk.
    next: BinaryHeap<Reverse<Next>>,
}

impl<'e> RawMessages<'e> {
    pub(super) fn new(
        episode: &'e Episode,
        streams: &[StreamIndex],
        range: &impl RangeBounds<LogTime>,
    ) -> Self {
        let range = (range.start_bound().cloned(), range.end_bound().cloned());
        let mut wanted = vec![false; episode.streams.len()];
        for stream in streams {
            wanted[stream.index()] = true;
        }
        let overlaps = |chunk: &&ChunkPlace| {
            let after = match range.0 {
                Bound::Included(from) => chunk.end >= from,
                Bound::Excluded(from) => chunk.end > from,
                Bound::Unbounded => true,
            };
            let before = match range.1 {
                Bound::Included(to) => chunk.start <= to,
                Bound::Excluded(to) => chunk.start < to,
                Bound::Unbounded => true,
            };
            after && before && streams.iter().any(|stream| episode.index.holds(chunk, *stream))
        };
        let ahead = episode.index.chunks.iter().rev().filter(overlaps).copied().collect();
        Self {
            episode,
            wanted,
            range,
            ahead,
            loader: Loader::new(),
            held: Vec::new(),
            free: Vec::new(),
            held_bytes: 0,
            next: BinaryHeap::new(),
        }
    }

    /// The next message, without a copy of its data. After an error there is none.
    pub fn advance(&mut self) -> Result<Option<RawRef<'_>>, ReadError> {
        let place = self.step();
        if place.is_err() {
            self.ahead.clear();
            self.next.clear();
        }
        Ok(place?.map(|(place, entry)| {
            let loaded = &self.held[place];
            let entry = &loaded.entries[entry];
            RawRef {
                stream: entry.stream,
                sequence: entry.sequence,
                log: entry.log,
                host: HostTime(i64::try_from(entry.publish_ns).unwrap_or(i64::MAX)),
                data: &loaded.bytes[entry.start..entry.end],
            }
        }))
    }

    /// Place of the next message: a held chunk and an entry of it. The chunk stays as it is until the next step.
    fn step(&mut self) -> Result<Option<(usize, usize)>, ReadError> {
        while let Some(chunk) = self.ahead.last().copied() {
            if self.next.peek().is_some_and(|Reverse((log, ..))| *log < chunk.start) {
                break;
            }
            self.ahead.pop();
            self.load(&chunk)?;
        }
        let Some(Reverse((_, _, offset, place, entry))) = self.next.pop() else { return Ok(None) };
        match self.held[place].entries.get(entry + 1) {
            Some(following) => {
                self.next.push(Reverse((following.log, following.stream, offset, place, entry + 1)));
            }
            None => self.free.push(place),
        }
        Ok(Some((place, entry)))
    }

    fn load(&mut self, chunk: &ChunkPlace) -> Result<(), ReadError> {
        let place = self.free.pop().unwrap_or_else(|| {
            self.held.push(Loaded::default());
            self.held.len() - 1
        });
        let buffers = std::mem::take(&mut self.held[place]);
        self.held_bytes -= buffers.bytes.len();
        let (wanted, range) = (&self.wanted, self.range);
        let loaded = self.loader.load(self.episode, chunk, buffers, |stream, log| {
            wanted[stream.index()] && range.contains(&log)
        })?;
        self.held_bytes += loaded.bytes.len();
        if self.held_bytes > MAX_HELD_BYTES {
            return Err(ReadError::Overlap { name: self.episode.name.clone(), limit: MAX_HELD_BYTES });
        }
        match loaded.entries.first() {
            Some(entry) => self.next.push(Reverse((entry.log, entry.stream, chunk.offset, place, 0))),
            None => self.free.push(place),
        }
        self.held[place] = loaded;
        Ok(())
    }
}

impl Iterator for RawMessages<'_> {
    type Item = Result<RawMessage, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        let message = self.advance().transpose()?;
        Some(message.map(|message| RawMessage {
            stream: message.stream,
            sequence: message.sequence,
            log: message.log,
            host: message.host,
            data: message.data.to_vec(),
        }))
    }
}

/// Messages in log-time order.
pub struct Messages<'e> {
    raw: RawMessages<'e>,
}

impl<'e> Messages<'e> {
    pub(super) fn new(raw: RawMessages<'e>) -> Self {
        Self { raw }
    }

    /// The next message that is wanted by its stream and its host time (0 where that is before 1970). The others are not
    /// decoded.
    pub fn next_where(
        &mut self,
        mut wanted: impl FnMut(StreamIndex, HostTime) -> bool,
    ) -> Option<Result<Message, ReadError>> {
        let episode = self.raw.episode;
        let message = loop {
            match self.raw.advance().transpose()? {
                Ok(message) if !wanted(message.stream, message.host) => {}
                Ok(message) => break message,
                Err(error) => return Some(Err(error)),
            }
        };
        let spec = &episode.streams[message.stream.index()].spec;
        let decoded = codec::decode(spec.kind, message.log, message.data);
        Some(decoded.map(|(stamp, sample)| Message { stream: message.stream, stamp, sample }).map_err(
            |source| ReadError::Codec {
                name: episode.name.clone(),
                topic: spec.topic.clone(),
                sequence: message.sequence,
                source,
            },
        ))
    }
}

impl Iterator for Messages<'_> {
    type Item = Result<Message, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_where(|_, _| true)
    }
}
