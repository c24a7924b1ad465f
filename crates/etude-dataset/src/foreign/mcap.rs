//! MCAP files, record by record from the front: no index and no summary is trusted or needed.

use super::bytes::{BytesError, Cursor};
use super::decode::{Decoders, MAX_NAME_BYTES, MAX_SCHEMA_BYTES, Schema};
use super::error::Error;
use super::packed::{MAX_CHUNK_BYTES, unpack};
use super::records::{Channel, Ledger, MAX_MESSAGE_BYTES, Record, Records};
use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What an MCAP file begins and ends with.
pub(crate) const MAGIC: [u8; 8] = *b"\x89MCAP0\r\n";

mod op {
    pub(super) const FOOTER: u8 = 0x02;
    pub(super) const SCHEMA: u8 = 0x03;
    pub(super) const CHANNEL: u8 = 0x04;
    pub(super) const MESSAGE: u8 = 0x05;
    pub(super) const CHUNK: u8 = 0x06;
    pub(super) const ATTACHMENT: u8 = 0x09;
    pub(super) const METADATA: u8 = 0x0c;
    pub(super) const DATA_END: u8 = 0x0f;
}

struct StoredSchema {
    name: String,
    encoding: String,
    data: Vec<u8>,
}

/// A chunk that is being read.
#[derive(Default)]
struct Open {
    bytes: Vec<u8>,
    at: usize,
    offset: u64,
}

/// Reads one MCAP file.
pub(crate) struct McapRecords {
    name: String,
    input: BufReader<File>,
    offset: u64,
    length: u64,
    schemas: HashMap<u16, StoredSchema>,
    /// Bytes of these schemas.
    schema_bytes: usize,
    decoders: Decoders,
    channels: HashMap<u16, Channel>,
    chunk: Open,
    body: Vec<u8>,
    ended: bool,
    ledger: Ledger,
}

impl McapRecords {
    /// Opens a file.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let file = File::open(path).map_err(Error::file("opening", path))?;
        let length = file.metadata().map_err(Error::file("opening", path))?.len();
        let mut input = BufReader::with_capacity(256 << 10, file);
        let mut magic = [0; MAGIC.len()];
        if length < MAGIC.len() as u64 || input.read_exact(&mut magic).is_err() || magic != MAGIC {
            return Err(Error::content(path, "an MCAP file", "other bytes"));
        }
        Ok(Self {
            name: path.file_name().map(PathBuf::from).unwrap_or_default().display().to_string(),
            input,
            offset: MAGIC.len() as u64,
            length,
            schemas: HashMap::new(),
            schema_bytes: 0,
            decoders: Decoders::default(),
            channels: HashMap::new(),
            chunk: Open::default(),
            body: Vec::new(),
            ended: false,
            ledger: Ledger::default(),
        })
    }

    /// Ends with what is lost of the file from here on.
    fn end(&mut self, found: &str) {
        self.ended = true;
        let left = self.length - self.offset;
        let message = format!(
            "it was not closed: {found} at byte {}; {left} bytes from there on are lost",
            self.offset
        );
        self.ledger.loss(self.name.clone(), message);
    }

    /// Reads the next record of the file itself; its body is in `self.body` where it is of use.
    fn advance(&mut self, wanted: &dyn Fn(&str) -> bool) -> Option<Record> {
        let left = self.length - self.offset;
        if left < 9 {
            self.end("no record");
            return None;
        }
        let mut head = [0; 9];
        if let Err(error) = self.input.read_exact(&mut head) {
            self.end(&error.to_string());
            return None;
        }
        let [opcode, length @ ..] = head;
        let length = u64::from_le_bytes(length);
        let is_short = length > left - 9;
        if opcode == 0 || (is_short && opcode != op::CHUNK) || length > MAX_CHUNK_BYTES {
            self.end(&format!("a record {opcode:#04x} of {length} bytes"));
            return None;
        }
        let there = length.min(left - 9);
        match opcode {
            op::FOOTER | op::DATA_END => {
                self.ended = true;
                return None;
            }
            op::SCHEMA | op::CHANNEL | op::MESSAGE | op::CHUNK | op::METADATA | op::ATTACHMENT => {
                self.body.resize(there as usize, 0);
                if let Err(error) = self.input.read_exact(&mut self.body) {
                    self.end(&error.to_string());
                    return None;
                }
            }
            _ => {
                if self.input.seek_relative(there as i64).is_err() {
                    self.end("an unreadable record");
                    return None;
                }
            }
        }
        let offset = self.offset;
        self.offset += 9 + there;
        let body = std::mem::take(&mut self.body);
        let record = match opcode {
            op::CHUNK => {
                self.open_chunk(offset, &body, is_short);
                None
            }
            op::METADATA | op::ATTACHMENT => {
                self.leave(opcode, &body);
                None
            }
            opcode => self.record(opcode, &body, wanted).unwrap_or_else(|error| {
                self.ledger.loss(self.name.clone(), format!("the record at byte {offset} is lost: {error}"));
                None
            }),
        };
        self.body = body;
        if is_short && !self.ended {
            self.end("the end of the file within a chunk");
        }
        record
    }

    fn open_chunk(&mut self, offset: u64, body: &[u8], is_short: bool) {
        match chunk(body, is_short) {
            Ok((bytes, problem)) => {
                if let Some(problem) = problem {
                    let message = format!("the chunk at byte {offset} is damaged: {problem}");
                    self.ledger.loss(self.name.clone(), message);
                }
                self.chunk = Open { bytes, at: 0, offset };
            }
            Err(error) => {
                self.ledger.loss(self.name.clone(), format!("the chunk at byte {offset} is lost: {error}"));
            }
        }
    }

    fn leave(&mut self, opcode: u8, body: &[u8]) {
        let mut cursor = Cursor::new(body);
        let what = if opcode == op::METADATA { "metadata record" } else { "attachment" };
        if opcode == op::ATTACHMENT && cursor.take(16, "times").is_err() {
            return;
        }
        let name = cursor.text("a name").unwrap_or("?").to_owned();
        self.ledger.loss(self.name.clone(), format!("its {what} `{name}` is left out"));
    }

    /// The next record of the open chunk.
    fn in_chunk(&mut self, wanted: &dyn Fn(&str) -> bool) -> Option<Record> {
        let bytes = std::mem::take(&mut self.chunk.bytes);
        let mut found = None;
        while found.is_none() && self.chunk.at < bytes.len() {
            let mut cursor = Cursor::new(bytes.get(self.chunk.at..).unwrap_or_default());
            let read = inner(&mut cursor).and_then(|(opcode, body)| self.record(opcode, body, wanted));
            match read {
                Ok(record) => {
                    found = record;
                    self.chunk.at += cursor.at();
                }
                Err(error) => {
                    let offset = self.chunk.offset;
                    let place = self.chunk.at;
                    let message = format!(
                        "the chunk at byte {offset} is lost from its byte {place} of {} on: {error}",
                        bytes.len()
                    );
                    self.ledger.loss(self.name.clone(), message);
                    self.chunk.at = bytes.len();
                }
            }
        }
        self.chunk.bytes = bytes;
        found
    }

    fn schema(&mut self, cursor: &mut Cursor<'_>) -> Result<(), BytesError> {
        let id = cursor.u16()?;
        let name = cursor.text("a schema's name")?;
        let encoding = cursor.text("a schema's encoding")?;
        let data = cursor.sized("a schema")?;
        if self.schemas.contains_key(&id) {
            return Ok(());
        }
        let bytes = name.len() + encoding.len() + data.len();
        if self.schema_bytes + bytes > MAX_SCHEMA_BYTES {
            let message =
                format!("its schema {id} is left out: all together may have {MAX_SCHEMA_BYTES} bytes");
            self.ledger.loss(self.name.clone(), message);
            return Ok(());
        }
        self.schema_bytes += bytes;
        let (name, encoding) = (name.to_owned(), encoding.to_owned());
        self.schemas.insert(id, StoredSchema { name, encoding, data: data.to_vec() });
        Ok(())
    }

    fn channel(&mut self, cursor: &mut Cursor<'_>) -> Result<(), BytesError> {
        let (id, schema) = (cursor.u16()?, cursor.u16()?);
        let topic = cursor.text("a topic")?;
        let encoding = cursor.text("a message encoding")?;
        if self.channels.contains_key(&id) {
            return Ok(());
        }
        let schema = self.schemas.get(&schema);
        let type_name = schema.map_or(encoding, |schema| &schema.name);
        let longest = topic.len().max(encoding.len()).max(type_name.len());
        if longest > MAX_NAME_BYTES {
            let expected = format!("names of at most {MAX_NAME_BYTES} bytes");
            return Err(cursor.error(expected, format!("{longest} bytes")));
        }
        let stated = schema.map(|schema| Schema {
            name: &schema.name,
            encoding: &schema.encoding,
            data: &schema.data,
        });
        let decoder = self.decoders.get(encoding, stated);
        let channel = Channel { topic: Arc::from(topic), type_name: type_name.to_owned(), decoder };
        self.channels.insert(id, channel);
        Ok(())
    }

    fn record(
        &mut self,
        opcode: u8,
        body: &[u8],
        wanted: &dyn Fn(&str) -> bool,
    ) -> Result<Option<Record>, BytesError> {
        let mut cursor = Cursor::new(body);
        match opcode {
            op::SCHEMA => self.schema(&mut cursor)?,
            op::CHANNEL => self.channel(&mut cursor)?,
            op::MESSAGE => {
                let id = cursor.u16()?;
                cursor.u32()?;
                let times = (i64::try_from(cursor.u64()?).ok(), i64::try_from(cursor.u64()?).ok());
                let data = cursor.take(cursor.left(), "a message")?;
                if data.len() as u64 > MAX_MESSAGE_BYTES {
                    let found = format!("{} bytes", data.len());
                    return Err(
                        cursor.error(format!("a message of at most {MAX_MESSAGE_BYTES} bytes"), found)
                    );
                }
                let channel = self.channels.get(&id);
                let channel =
                    channel.ok_or_else(|| cursor.error("a channel that was described", id.to_string()))?;
                return Ok(channel.read(&mut self.ledger, wanted, times, data));
            }
            _ => {}
        }
        Ok(None)
    }
}

/// An opcode and a body out of a chunk.
fn inner<'c>(cursor: &mut Cursor<'c>) -> Result<(u8, &'c [u8]), BytesError> {
    let opcode = cursor.u8()?;
    let length = cursor.u64()?;
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    Ok((opcode, cursor.take(length, "a record")?))
}

/// A chunk's records, as far as they can be unpacked, and why not further.
fn chunk(body: &[u8], is_short: bool) -> Result<(Vec<u8>, Option<String>), BytesError> {
    let mut cursor = Cursor::new(body);
    cursor.take(16, "times")?;
    let stated = cursor.u64()?;
    let crc = cursor.u32()?;
    let compression = cursor.text("a compression")?;
    let length = cursor.u64()?;
    let there = if is_short { cursor.left() } else { usize::try_from(length).unwrap_or(usize::MAX) };
    let packed = cursor.take(there, "a chunk")?;
    let (bytes, problem) = unpack(compression, packed, stated);
    if problem.is_none() && crc != 0 && crc32(&bytes) != crc && !cfg!(fuzzing) {
        // Which of its numbers are wrong cannot be known, so none of them is taken.
        return Err(cursor.error(format!("the checksum {crc:08x}"), "another: its bytes were changed"));
    }
    Ok((bytes, problem))
}

fn crc32(bytes: &[u8]) -> u32 {
    crc32fast::hash(bytes)
}

impl Records for McapRecords {
    fn next(&mut self, wanted: &dyn Fn(&str) -> bool) -> Option<Record> {
        loop {
            let record = if self.chunk.at < self.chunk.bytes.len() {
                self.in_chunk(wanted)
            } else if self.ended {
                return None;
            } else {
                self.advance(wanted)
            };
            if record.is_some() {
                return record;
            }
        }
    }

    fn ledger(&self) -> &Ledger {
        &self.ledger
    }
}
