//! The end of the file: the streams' accounts, then what an indexed reader needs to find everything else.

use super::error::WriteError;
use super::output::Output;
use crate::count::StreamCount;
use crate::record::{MAGIC, PREFIX, op, put, put_bytes, put_map, put_u16, put_u32, put_u64};
use crate::sink::Sink;
use std::collections::BTreeMap;

/// Name of the metadata record that holds the streams' accounts.
pub(crate) const STREAMS: &str = "etude.streams";

/// What gathers while the file is written.
#[derive(Default)]
pub(super) struct Summary {
    /// Schema and channel records, as they stand at the head.
    pub(super) schemas: Vec<u8>,
    pub(super) schema_count: u16,
    pub(super) channels: Vec<u8>,
    pub(super) channel_count: u32,
    pub(super) attachment_indexes: Vec<u8>,
    pub(super) attachment_count: u32,
    metadata_indexes: Vec<u8>,
    metadata_count: u32,
    chunk_indexes: Vec<u8>,
    chunk_count: u32,
    message_count: u64,
    range: Option<(u64, u64)>,
    counts: BTreeMap<u16, u64>,
}

impl Summary {
    /// Notes a chunk. `body` appends its index, tells each channel's messages, and returns its time range.
    pub(super) fn chunk(&mut self, body: impl FnOnce(&mut Vec<u8>, &mut dyn FnMut(u16, u64)) -> (u64, u64)) {
        let (counts, message_count) = (&mut self.counts, &mut self.message_count);
        let mut range = (0, 0);
        put(&mut self.chunk_indexes, op::CHUNK_INDEX, |index| {
            range = body(index, &mut |channel, count| {
                *counts.entry(channel).or_default() += count;
                *message_count += count;
            });
        });
        self.chunk_count += 1;
        let (start, end) = self.range.unwrap_or(range);
        self.range = Some((start.min(range.0), end.max(range.1)));
    }

    /// Writes a metadata record and notes it.
    pub(super) fn metadata<S: Sink>(
        &mut self,
        output: &mut Output<S>,
        name: &str,
        entries: &[(&str, &str)],
    ) -> Result<(), WriteError> {
        let mut record = Vec::new();
        put(&mut record, op::METADATA, |body| {
            put_bytes(body, name.as_bytes());
            put_map(body, entries.iter().copied());
        });
        put(&mut self.metadata_indexes, op::METADATA_INDEX, |body| {
            put_u64(body, output.offset());
            put_u64(body, record.len() as u64);
            put_bytes(body, name.as_bytes());
        });
        self.metadata_count += 1;
        output.write_data(&record)
    }

    /// Writes everything after the last chunk.
    pub(super) fn close<S: Sink>(
        &mut self,
        output: &mut Output<S>,
        streams: &[StreamCount],
    ) -> Result<(), WriteError> {
        let mut entries: Vec<(&str, String)> = streams
            .iter()
            .map(|stream| {
                let account = serde_json::to_string(stream).expect("numbers can be written as JSON");
                (stream.topic.as_str(), account)
            })
            .collect();
        entries.sort();
        let entries: Vec<_> = entries.iter().map(|(topic, account)| (*topic, account.as_str())).collect();
        self.metadata(output, STREAMS, &entries)?;
        let mut end = Vec::new();
        put(&mut end, op::DATA_END, |body| put_u32(body, output.data_crc()));
        output.write(&end)?;
        output.write(&self.tail(output.offset()))
    }

    /// Summary, summary offsets, footer and magic; the summary begins at `start` of the file.
    fn tail(&self, start: u64) -> Vec<u8> {
        let mut statistics = Vec::new();
        put(&mut statistics, op::STATISTICS, |body| self.statistics(body));
        let groups = [
            (op::SCHEMA, &self.schemas),
            (op::CHANNEL, &self.channels),
            (op::STATISTICS, &statistics),
            (op::CHUNK_INDEX, &self.chunk_indexes),
            (op::ATTACHMENT_INDEX, &self.attachment_indexes),
            (op::METADATA_INDEX, &self.metadata_indexes),
        ];
        let (mut tail, mut offsets) = (Vec::new(), Vec::new());
        for (opcode, records) in groups.into_iter().filter(|(_, records)| !records.is_empty()) {
            put(&mut offsets, op::SUMMARY_OFFSET, |body| {
                body.push(opcode);
                put_u64(body, start + tail.len() as u64);
                put_u64(body, records.len() as u64);
            });
            tail.extend_from_slice(records);
        }
        let offsets_start = start + tail.len() as u64;
        tail.extend_from_slice(&offsets);
        put(&mut tail, op::FOOTER, |body| {
            put_u64(body, start);
            put_u64(body, offsets_start);
            put_u32(body, 0);
        });
        // The CRC covers the summary and the footer up to the CRC itself.
        let crc_at = tail.len() - 4;
        debug_assert!(crc_at > PREFIX);
        let crc = crc32fast::hash(&tail[..crc_at]);
        tail[crc_at..].copy_from_slice(&crc.to_le_bytes());
        tail.extend_from_slice(&MAGIC);
        tail
    }

    fn statistics(&self, body: &mut Vec<u8>) {
        let (start, end) = self.range.unwrap_or_default();
        put_u64(body, self.message_count);
        put_u16(body, self.schema_count);
        put_u32(body, self.channel_count);
        put_u32(body, self.attachment_count);
        put_u32(body, self.metadata_count);
        put_u32(body, self.chunk_count);
        put_u64(body, start);
        put_u64(body, end);
        put_u32(body, 10 * self.counts.len() as u32);
        for (&channel, &count) in &self.counts {
            put_u16(body, channel);
            put_u64(body, count);
        }
    }
}
