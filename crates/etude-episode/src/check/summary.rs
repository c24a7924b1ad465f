//! Indexes: those after each chunk, and the summary at the end.

use super::Checker;
use crate::record::{Body, MAGIC, PREFIX, RecordError};
use crate::scan::Scanner;
use crate::source::Source;
use std::collections::BTreeMap;
use std::io;

/// A chunk as it was read.
pub(super) struct SeenChunk {
    pub(super) offset: u64,
    length: u64,
    pub(super) range: (u64, u64),
    /// Per channel: log time and offset of each message.
    pub(super) entries: BTreeMap<u16, Vec<(u64, u64)>>,
    /// Where each channel's index stands.
    indexes: BTreeMap<u16, u64>,
}

impl SeenChunk {
    pub(super) fn new(offset: u64, length: u64, range: (u64, u64)) -> Self {
        Self { offset, length, range, entries: BTreeMap::new(), indexes: BTreeMap::new() }
    }
}

impl Checker {
    pub(super) fn message_index(&mut self, offset: u64, bytes: &[u8]) {
        let mut body = Body::new(bytes);
        let mut entries = Vec::new();
        let mut read = || -> Result<u16, RecordError> {
            let channel = body.u16("a channel's id")?;
            let mut list = Body::new(body.bytes("entries")?);
            while !list.is_empty() {
                entries.push((list.u64("a log time")?, list.u64("an offset")?));
            }
            Ok(channel)
        };
        let channel = match read() {
            Ok(channel) => channel,
            Err(error) => return self.problem(offset, "a message index", error.to_string()),
        };
        let Some(chunk) = self.chunks.last_mut() else {
            return self.problem(offset, "a chunk before its index", "none");
        };
        // The entries themselves are not needed any more once they agree.
        let agrees = chunk.entries.remove(&channel).is_some_and(|seen| seen == entries);
        chunk.indexes.insert(channel, offset);
        if !agrees {
            self.problem(offset, format!("the messages of channel {channel} in the chunk"), "others");
        }
    }

    pub(super) fn chunk_index(&mut self, offset: u64, bytes: &[u8]) {
        let mut body = Body::new(bytes);
        let mut read = || -> Result<_, RecordError> {
            let range = (body.u64("a start")?, body.u64("an end")?);
            let place = (body.u64("an offset")?, body.u64("a length")?);
            let mut map = Body::new(body.bytes("message index offsets")?);
            let mut indexes = BTreeMap::new();
            while !map.is_empty() {
                indexes.insert(map.u16("a channel's id")?, map.u64("an offset")?);
            }
            Ok((range, place, indexes))
        };
        let (range, place, indexes) = match read() {
            Ok(index) => index,
            Err(error) => return self.problem(offset, "a chunk index", error.to_string()),
        };
        let Some(chunk) = self.chunks.get(self.indexed) else {
            return self.problem(offset, "an index of each chunk", "one more");
        };
        let agrees = (chunk.range, (chunk.offset, chunk.length), &chunk.indexes) == (range, place, &indexes);
        let (at, forgotten) = (chunk.offset, chunk.entries.keys().copied().collect::<Vec<_>>());
        self.indexed += 1;
        if !agrees {
            self.problem(offset, format!("the index of the chunk at byte {at}"), format!("one of {place:?}"));
        }
        if !forgotten.is_empty() {
            self.problem(
                at,
                "an index of each channel's messages",
                format!("none of channels {forgotten:?}"),
            );
        }
    }

    pub(super) fn check_statistics(&mut self, offset: u64, bytes: &[u8]) {
        self.statistics = true;
        let mut body = Body::new(bytes);
        let mut read = || -> Result<_, RecordError> {
            let messages = body.u64("messages")?;
            body.take(2 + 4, "schemas and channels")?;
            body.take(4 + 4, "attachments and metadata")?;
            Ok((messages, u64::from(body.u32("chunks")?)))
        };
        let found = read().ok();
        let expected = (self.report.messages, self.report.chunks);
        if found != Some(expected) {
            self.problem(
                offset,
                format!("{} messages in {} chunks", expected.0, expected.1),
                format!("{found:?}"),
            );
        }
    }

    /// The summary's CRC and the magic after the footer, which the scanner has just read.
    pub(super) fn tail(&mut self, source: &dyn Source, scanner: &Scanner<'_>) -> io::Result<()> {
        let at = self.last_offset;
        let mut body = Body::new(scanner.body());
        let fields = (body.u64("start"), body.u64("offsets"), body.u32("crc"));
        let (Ok(start), Ok(_), Ok(crc)) = fields else {
            self.problem(at, "a footer", format!("{} bytes", scanner.body().len()));
            return Ok(());
        };
        let end = at + PREFIX as u64 + 16;
        if start > at {
            self.problem(at, "a summary before the footer", format!("one at {start}"));
        } else {
            let mut hasher = crc32fast::Hasher::new();
            let (mut block, mut offset) = (vec![0; 1 << 20], start);
            while offset < end {
                let part = &mut block[..(end - offset).min(1 << 20) as usize];
                source.read_exact_at(part, offset)?;
                hasher.update(part);
                offset += part.len() as u64;
            }
            if hasher.finalize() != crc {
                self.problem(at, "the summary's CRC", format!("{crc:08x}"));
            }
        }
        let mut magic = [0; MAGIC.len()];
        if scanner.left() == MAGIC.len() as u64 {
            source.read_exact_at(&mut magic, scanner.offset())?;
        }
        if magic != MAGIC {
            self.problem(
                scanner.offset(),
                "MCAP's magic, and then nothing",
                format!("{} bytes", scanner.left()),
            );
        }
        Ok(())
    }
}
