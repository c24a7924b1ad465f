//! One chunk unpacked: checked, and its messages found.

use super::error::ReadError;
use super::index::ChunkPlace;
use super::{Episode, MAX_CHUNK_BYTES};
use crate::record::{Body, ChunkHead, MessageHead, PREFIX, op};
use crate::writer::StreamIndex;
use etude_model::LogTime;
use std::io::Read as _;
use zstd::bulk::Decompressor;
use zstd::zstd_safe;

/// A message of a loaded chunk.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) log: LogTime,
    pub(super) stream: StreamIndex,
    pub(super) sequence: u32,
    pub(super) publish_ns: u64,
    /// Where its data lie in the chunk.
    pub(super) start: usize,
    pub(super) end: usize,
}

/// A chunk's bytes and those of its messages that were asked for, in log-time order.
#[derive(Default)]
pub(super) struct Loaded {
    pub(super) bytes: Vec<u8>,
    pub(super) entries: Vec<Entry>,
}

/// Reads chunks; keeps a buffer and a zstd context.
pub(super) struct Loader {
    packed: Vec<u8>,
    decompressor: Option<Decompressor<'static>>,
}

impl Loader {
    pub(super) fn new() -> Self {
        Self { packed: Vec::new(), decompressor: None }
    }

    /// Loads a chunk into buffers that are reused; `wanted` says of a stream and a log time whether it was asked for.
    pub(super) fn load(
        &mut self,
        episode: &Episode,
        place: &ChunkPlace,
        mut loaded: Loaded,
        wanted: impl Fn(StreamIndex, LogTime) -> bool,
    ) -> Result<Loaded, ReadError> {
        self.packed.resize(place.length as usize, 0);
        episode.read_into(&mut self.packed, place.offset)?;
        let broken = |error| episode.broken(place.offset, error);
        let (opcode, body) = Body::new(&self.packed).record().map_err(broken)?;
        if opcode != op::CHUNK || body.len() + PREFIX != self.packed.len() {
            return Err(episode.bad(place.offset, "the chunk that the index names", "another record"));
        }
        let (head, data) = ChunkHead::read(body).map_err(broken)?;
        unpack(&head, data, &mut self.decompressor, &mut loaded.bytes).map_err(|problem| match problem {
            Unpack::Crc => ReadError::Crc { name: episode.name.clone(), offset: place.offset, of: "chunk" },
            Unpack::Other { expected, found } => episode.bad(place.offset, expected, &found),
        })?;
        loaded.entries.clear();
        let mut records = Body::new(&loaded.bytes);
        while !records.is_empty() {
            let (opcode, body) = records.record().map_err(broken)?;
            if opcode != op::MESSAGE {
                continue;
            }
            let (head, data) = MessageHead::read(body).map_err(broken)?;
            let stream = head.channel.checked_sub(1).map(StreamIndex);
            let stream = stream.filter(|stream| stream.index() < episode.streams.len());
            let stream = stream.ok_or_else(|| {
                episode.bad(place.offset, "messages of known channels", &format!("channel {}", head.channel))
            })?;
            let log = i64::try_from(head.log_ns)
                .map(LogTime)
                .map_err(|_| episode.bad(place.offset, "log times of 63 bits", &head.log_ns.to_string()))?;
            if wanted(stream, log) {
                let end = records.offset();
                loaded.entries.push(Entry {
                    log,
                    stream,
                    sequence: head.sequence,
                    publish_ns: head.publish_ns,
                    start: end - data.len(),
                    end,
                });
            }
        }
        // Stable: messages of one stream and one time stay as they were written.
        loaded.entries.sort_by_key(|entry| (entry.log, entry.stream));
        Ok(loaded)
    }
}

/// Why a chunk cannot be unpacked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unpack {
    /// Its bytes are not those that were written.
    #[error("the CRC is not that of the bytes")]
    Crc,
    /// It is not what it should be.
    #[error("expected {expected}, found {found}")]
    Other { expected: &'static str, found: String },
}

/// Unpacks a chunk's data into `into` and checks its CRC.
pub(crate) fn unpack(
    head: &ChunkHead<'_>,
    data: &[u8],
    decompressor: &mut Option<Decompressor<'static>>,
    into: &mut Vec<u8>,
) -> Result<(), Unpack> {
    let other = |expected, found: String| Unpack::Other { expected, found };
    if head.compressed != data.len() as u64 || head.uncompressed > MAX_CHUNK_BYTES {
        let found = format!("{} of {} bytes, {} unpacked", data.len(), head.compressed, head.uncompressed);
        return Err(other("a chunk within bounds", found));
    }
    into.clear();
    match head.compression {
        "" => into.extend_from_slice(data),
        "zstd" => {
            let bad = |error: std::io::Error| other("zstd data", error.to_string());
            if decompressor.is_none() {
                *decompressor = Some(Decompressor::new().map_err(bad)?);
            }
            let decompressor = decompressor.as_mut().expect("made just now");
            // What the chunk claims to hold is reserved only where the frame itself claims it too.
            if matches!(zstd_safe::get_frame_content_size(data), Ok(Some(size)) if size == head.uncompressed)
            {
                into.reserve_exact(head.uncompressed as usize);
                decompressor.decompress_to_buffer(data, into).map_err(bad)?;
            } else {
                let decoder = zstd::stream::Decoder::new(data).map_err(bad)?;
                decoder.take(head.uncompressed.saturating_add(1)).read_to_end(into).map_err(bad)?;
            }
        }
        unknown => return Err(other("compression zstd or none", format!("{unknown:?}"))),
    }
    if into.len() as u64 != head.uncompressed {
        let found = format!("{} bytes", into.len());
        return Err(other("as many bytes as the chunk says", found));
    }
    if crc32fast::hash(into) == head.crc || cfg!(fuzzing) { Ok(()) } else { Err(Unpack::Crc) }
}
