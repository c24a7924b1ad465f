//! ROS 1 bags (version 2.0), record by record from the front: their indexes are neither used nor trusted.

use super::bytes::{BytesError, Cursor};
use super::decode::{Decoders, MAX_NAME_BYTES, Schema};
use super::error::Error;
use super::packed::{MAX_CHUNK_BYTES, unpack};
use super::records::{Channel, Ledger, MAX_MESSAGE_BYTES, Record, Records};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What a bag begins with.
pub(crate) const MAGIC: [u8; 13] = *b"#ROSBAG V2.0\n";
/// The longest header of a record, bytes; a connection's holds its topic, its definition is data.
const MAX_HEADER_BYTES: u32 = 1 << 20;
/// Connections of a bag.
const MAX_CONNECTIONS: usize = 65_536;

mod op {
    pub(super) const MESSAGE: u8 = 0x02;
    pub(super) const BAG: u8 = 0x03;
    pub(super) const CHUNK: u8 = 0x05;
    pub(super) const CONNECTION: u8 = 0x07;
}

/// The fields of a record's header.
struct Header<'h>(Vec<(&'h [u8], &'h [u8])>);

impl<'h> Header<'h> {
    fn parse(bytes: &'h [u8]) -> Result<Self, BytesError> {
        let mut cursor = Cursor::new(bytes);
        let mut fields = Vec::new();
        while cursor.left() > 0 {
            let field = cursor.sized("a header field")?;
            let at = field.iter().position(|byte| *byte == b'=');
            let at = at.ok_or_else(|| cursor.error("a field with `=`", "none"))?;
            let (name, value) = field.split_at(at);
            fields.push((name, value.get(1..).unwrap_or_default()));
        }
        Ok(Self(fields))
    }

    fn get(&self, name: &'static str) -> Result<&'h [u8], BytesError> {
        let found = self.0.iter().find(|(key, _)| *key == name.as_bytes()).map(|(_, value)| *value);
        found.ok_or_else(|| BytesError {
            at: 0,
            expected: format!("a field `{name}`"),
            found: "none".to_owned(),
        })
    }

    fn text(&self, name: &'static str) -> Result<String, BytesError> {
        Ok(String::from_utf8_lossy(self.get(name)?).into_owned())
    }

    fn u32(&self, name: &'static str) -> Result<u32, BytesError> {
        Cursor::new(self.get(name)?).u32()
    }

    fn op(&self) -> Result<u8, BytesError> {
        Cursor::new(self.get("op")?).u8()
    }
}

/// A record of the file itself.
struct Top {
    header: Vec<u8>,
    data: Vec<u8>,
    /// Whether the file ends within it.
    is_short: bool,
}

/// Reads one bag.
pub(crate) struct BagRecords {
    name: String,
    input: BufReader<File>,
    offset: u64,
    length: u64,
    connections: HashMap<u32, Channel>,
    decoders: Decoders,
    chunk: Vec<u8>,
    chunk_at: usize,
    chunk_offset: u64,
    ended: bool,
    ledger: Ledger,
}

impl BagRecords {
    /// Opens a bag.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let file = File::open(path).map_err(Error::file("opening", path))?;
        let length = file.metadata().map_err(Error::file("opening", path))?.len();
        let mut input = BufReader::with_capacity(256 << 10, file);
        let mut magic = [0; MAGIC.len()];
        if input.read_exact(&mut magic).is_err() || magic != MAGIC {
            return Err(Error::content(path, "a ROS 1 bag of version 2.0", "other bytes"));
        }
        Ok(Self {
            name: path.file_name().map(PathBuf::from).unwrap_or_default().display().to_string(),
            input,
            offset: MAGIC.len() as u64,
            length,
            connections: HashMap::new(),
            decoders: Decoders::default(),
            chunk: Vec::new(),
            chunk_at: 0,
            chunk_offset: 0,
            ended: false,
            ledger: Ledger::default(),
        })
    }

    fn end(&mut self, found: &str) {
        self.ended = true;
        let left = self.length - self.offset;
        let message = format!("{found} at byte {}; {left} bytes from there on are lost", self.offset);
        self.ledger.loss(self.name.clone(), message);
    }

    fn u32(&mut self) -> io::Result<u32> {
        let mut bytes = [0; 4];
        self.input.read_exact(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    /// As many bytes as the file still has of those that are wanted.
    fn bytes(&mut self, length: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.input.by_ref().take(length).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Reads the next record of the file itself.
    fn advance(&mut self, wanted: &dyn Fn(&str) -> bool) -> Option<Record> {
        if self.offset == self.length {
            self.ended = true;
            return None;
        }
        match self.top() {
            Ok(Some(Top { header, data, is_short })) => {
                let record = self.take(&header, &data, is_short, wanted).unwrap_or_else(|error| {
                    let message = format!("the record before byte {} is lost: {error}", self.offset);
                    self.ledger.loss(self.name.clone(), message);
                    None
                });
                if is_short && !self.ended {
                    self.end("it ends within a record");
                }
                record
            }
            Ok(None) => None,
            Err(error) => {
                self.end(&format!("it cannot be read further ({error})"));
                None
            }
        }
    }

    /// The next record; of those that are of no use, `None`.
    fn top(&mut self) -> io::Result<Option<Top>> {
        let left = self.length - self.offset;
        let header = self.u32()?;
        if header > MAX_HEADER_BYTES || u64::from(header) + 8 > left {
            self.end(&format!("a header of {header} bytes"));
            return Ok(None);
        }
        let header = self.bytes(header.into())?;
        let stated = u64::from(self.u32()?);
        let opcode = Header::parse(&header).and_then(|header| header.op());
        let there = stated.min(left - 8 - header.len() as u64);
        if opcode.is_err() || stated > MAX_CHUNK_BYTES {
            self.end(&format!("a record of {stated} bytes that is none"));
            return Ok(None);
        }
        if !matches!(opcode, Ok(op::MESSAGE | op::BAG | op::CHUNK | op::CONNECTION)) {
            self.input.seek_relative(there as i64)?;
            self.offset += 8 + header.len() as u64 + there;
            return Ok(None);
        }
        let data = self.bytes(there)?;
        self.chunk_offset = self.offset;
        self.offset += 8 + header.len() as u64 + there;
        Ok(Some(Top { header, data, is_short: there < stated }))
    }

    fn take(
        &mut self,
        header: &[u8],
        data: &[u8],
        is_short: bool,
        wanted: &dyn Fn(&str) -> bool,
    ) -> Result<Option<Record>, BytesError> {
        let header = Header::parse(header)?;
        match header.op()? {
            op::CHUNK => {
                let (compression, size) = (header.text("compression")?, header.u32("size")?);
                let (bytes, problem) = unpack(&compression, data, size.into());
                if let Some(problem) = problem {
                    let message = format!("the chunk at byte {} is damaged: {problem}", self.chunk_offset);
                    self.ledger.loss(self.name.clone(), message);
                }
                (self.chunk, self.chunk_at) = (bytes, 0);
                Ok(None)
            }
            op::BAG => {
                if header.get("index_pos").and_then(|bytes| Cursor::new(bytes).u64()) == Ok(0) {
                    self.ledger
                        .loss(self.name.clone(), "it was not closed: what came after its end is not known");
                }
                Ok(None)
            }
            _ if is_short => Ok(None),
            _ => self.record(&header, data, wanted),
        }
    }

    fn in_chunk(&mut self, wanted: &dyn Fn(&str) -> bool) -> Option<Record> {
        let chunk = std::mem::take(&mut self.chunk);
        let mut found = None;
        while found.is_none() && self.chunk_at < chunk.len() {
            let mut cursor = Cursor::new(chunk.get(self.chunk_at..).unwrap_or_default());
            let read = (|| {
                let header = Header::parse(cursor.sized("a header")?)?;
                let data = cursor.sized("a record")?;
                self.record(&header, data, wanted)
            })();
            match read {
                Ok(record) => {
                    found = record;
                    self.chunk_at += cursor.at();
                }
                Err(error) => {
                    let (offset, at, length) = (self.chunk_offset, self.chunk_at, chunk.len());
                    let message = format!(
                        "the chunk at byte {offset} is lost from its byte {at} of {length} on: {error}"
                    );
                    self.ledger.loss(self.name.clone(), message);
                    self.chunk_at = chunk.len();
                }
            }
        }
        self.chunk = chunk;
        found
    }

    fn record(
        &mut self,
        header: &Header<'_>,
        data: &[u8],
        wanted: &dyn Fn(&str) -> bool,
    ) -> Result<Option<Record>, BytesError> {
        match header.op()? {
            op::CONNECTION => {
                let id = header.u32("conn")?;
                let count = self.connections.len();
                if let Entry::Vacant(vacant) = self.connections.entry(id) {
                    let topic = header.text("topic")?;
                    let stated = Header::parse(data)?;
                    let type_name = stated.text("type")?;
                    let longest = topic.len().max(type_name.len());
                    if longest > MAX_NAME_BYTES || count >= MAX_CONNECTIONS {
                        return Err(BytesError {
                            at: 0,
                            expected: format!(
                                "at most {MAX_CONNECTIONS} connections with names of {MAX_NAME_BYTES} bytes"
                            ),
                            found: format!("{} with one of {longest}", count + 1),
                        });
                    }
                    let schema = Schema {
                        name: &type_name,
                        encoding: "ros1msg",
                        data: stated.get("message_definition")?,
                    };
                    let decoder = self.decoders.get("ros1", Some(schema));
                    vacant.insert(Channel { topic: Arc::from(topic), type_name, decoder });
                }
                Ok(None)
            }
            op::MESSAGE => {
                let id = header.u32("conn")?;
                let mut time = Cursor::new(header.get("time")?);
                let log_ns = i64::from(time.u32()?) * 1_000_000_000 + i64::from(time.u32()?);
                if data.len() as u64 > MAX_MESSAGE_BYTES {
                    let found = format!("{} bytes", data.len());
                    return Err(time.error(format!("a message of at most {MAX_MESSAGE_BYTES} bytes"), found));
                }
                let connection = self.connections.get(&id);
                let connection = connection
                    .ok_or_else(|| time.error("a connection that was described", id.to_string()))?;
                Ok(connection.read(&mut self.ledger, wanted, (Some(log_ns), None), data))
            }
            _ => Ok(None),
        }
    }
}

impl Records for BagRecords {
    fn next(&mut self, wanted: &dyn Fn(&str) -> bool) -> Option<Record> {
        loop {
            let record = if self.chunk_at < self.chunk.len() {
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
