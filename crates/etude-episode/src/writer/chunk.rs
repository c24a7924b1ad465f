//! Chunks: messages of one or several streams that are packed, indexed and written as one.

use super::error::WriteError;
use super::output::Output;
use super::summary::Summary;
use crate::group::{has_own_chunks, is_compressed};
use crate::record::{ChunkHead, PREFIX, op, put, put_u16, put_u32, put_u64};
use crate::sink::Sink;
use etude_model::StreamSpec;
use zstd::bulk::Compressor;

const ZSTD: &str = "zstd";
const STORED: &str = "";

/// Room for a chunk's prefix and head before its data.
const fn room(compression: &str) -> usize {
    PREFIX + ChunkHead::length(compression)
}

/// Streams that share chunks, and the chunk that is open.
pub(super) struct Group {
    /// The open chunk's messages; in a group that is not compressed, room for the chunk's head stands before them.
    pub(super) buffer: Vec<u8>,
    compressed: bool,
    /// Per stream: its channel, and log time and offset of each message.
    slots: Vec<(u16, Vec<(u64, u64)>)>,
    range: Option<(u64, u64)>,
}

impl Group {
    fn new(compressed: bool) -> Self {
        let mut group = Self { buffer: Vec::new(), compressed, slots: Vec::new(), range: None };
        group.reset();
        group
    }

    fn front(&self) -> usize {
        if self.compressed { 0 } else { room(STORED) }
    }

    fn reset(&mut self) {
        self.buffer.clear();
        self.buffer.resize(self.front(), 0);
        self.slots.iter_mut().for_each(|(_, entries)| entries.clear());
        self.range = None;
    }

    /// Bytes of messages in the open chunk.
    pub(super) fn length(&self) -> usize {
        self.buffer.len() - self.front()
    }

    pub(super) fn oldest_ns(&self) -> Option<i64> {
        self.range.map(|(oldest, _)| oldest as i64)
    }

    /// Notes a message whose record begins at `start` of the buffer.
    pub(super) fn note(&mut self, slot: usize, log_ns: u64, start: usize) {
        let offset = (start - self.front()) as u64;
        self.slots[slot].1.push((log_ns, offset));
        self.range = Some(match self.range {
            None => (log_ns, log_ns),
            Some((oldest, latest)) => (oldest.min(log_ns), latest.max(log_ns)),
        });
    }
}

/// The groups of an episode's streams, and each stream's group and slot in it.
pub(super) fn groups(specs: &[StreamSpec]) -> (Vec<Group>, Vec<(usize, usize)>) {
    let mut groups: Vec<Group> = Vec::new();
    let mut shared = None;
    let places = (1..).zip(specs).map(|(channel, spec)| {
        let mut begin = || {
            groups.push(Group::new(is_compressed(spec)));
            groups.len() - 1
        };
        let group = if has_own_chunks(spec) { begin() } else { *shared.get_or_insert_with(begin) };
        groups[group].slots.push((channel, Vec::new()));
        (group, groups[group].slots.len() - 1)
    });
    let places = places.collect();
    (groups, places)
}

/// Packs chunks; its buffers are reused.
pub(super) struct Packer {
    compressor: Compressor<'static>,
    packed: Vec<u8>,
}

impl Packer {
    pub(super) fn new(level: i32) -> Result<Self, WriteError> {
        let compressor = Compressor::new(level).map_err(|source| WriteError::Compress { source })?;
        Ok(Self { compressor, packed: Vec::new() })
    }

    /// Writes the open chunk of a group with its indexes and begins another.
    pub(super) fn pack<S: Sink>(
        &mut self,
        group: &mut Group,
        output: &mut Output<S>,
        summary: &mut Summary,
    ) -> Result<(), WriteError> {
        let Some((start_ns, end_ns)) = group.range else { return Ok(()) };
        let messages = &group.buffer[group.front()..];
        let uncompressed = messages.len() as u64;
        let mut crc = crc32fast::Hasher::new();
        crc.update(messages);
        let length = messages.len();
        let (compression, bytes) = if group.compressed {
            self.compress(messages)?;
            (ZSTD, &mut self.packed)
        } else {
            (STORED, &mut group.buffer)
        };
        let compressed = (bytes.len() - room(compression)) as u64;
        ChunkHead { start_ns, end_ns, uncompressed, crc: crc.clone().finalize(), compression, compressed }
            .write(bytes);
        let record = bytes.len() as u64;
        let offset = output.offset();
        summary.chunk(|index, counts| {
            put_u64(index, start_ns);
            put_u64(index, end_ns);
            put_u64(index, offset);
            put_u64(index, record);
            let channels = group.slots.iter().filter(|(_, entries)| !entries.is_empty());
            put_u32(index, 10 * channels.clone().count() as u32);
            for (channel, entries) in channels {
                put_u16(index, *channel);
                put_u64(index, offset + bytes.len() as u64);
                message_index(bytes, *channel, entries);
                counts(*channel, entries.len() as u64);
            }
            put_u64(index, bytes.len() as u64 - record);
            put_u32(index, compression.len() as u32);
            index.extend_from_slice(compression.as_bytes());
            put_u64(index, compressed);
            put_u64(index, uncompressed);
            (start_ns, end_ns)
        });
        if group.compressed {
            output.write_data(bytes)?;
        } else {
            output.write_data_knowing(bytes, room(STORED), (&crc, length))?;
        }
        group.reset();
        Ok(())
    }

    fn compress(&mut self, messages: &[u8]) -> Result<(), WriteError> {
        let room = room(ZSTD);
        self.packed.resize(room + zstd::zstd_safe::compress_bound(messages.len()), 0);
        let length = self.compressor.compress_to_buffer(messages, &mut self.packed[room..]);
        let length = length.map_err(|source| WriteError::Compress { source })?;
        self.packed.truncate(room + length);
        Ok(())
    }
}

fn message_index(bytes: &mut Vec<u8>, channel: u16, entries: &[(u64, u64)]) {
    put(bytes, op::MESSAGE_INDEX, |body| {
        put_u16(body, channel);
        put_u32(body, 16 * entries.len() as u32);
        for &(log_ns, offset) in entries {
            put_u64(body, log_ns);
            put_u64(body, offset);
        }
    });
}
