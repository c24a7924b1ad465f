//! Whether a file keeps the specification: every record, checksum, index and account.
//!
//! It says what is wrong and where, and goes on as long as the records can be told apart. Whether a take is any good is
//! not asked here.

mod body;
mod summary;

use crate::count::StreamCount;
use crate::record::{AttachmentRecord, Body, ChannelRecord, MAGIC, PREFIX, op, read_metadata};
use crate::scan::{Scanned, Scanner};
use crate::source::Source;
use crate::writer::{CARD, EPISODE, STREAMS};
use crate::{PROFILE, schema};
use body::StreamState;
use etude_model::{Digest, Manifest};
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::Path;
use summary::SeenChunk;

/// What was found out about a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conformance {
    /// What is wrong, in the file's order; the first 1000.
    pub problems: Vec<Problem>,
    /// Problems beyond those.
    pub further: u64,
    /// What the file says of itself that a reader should know, and that is no deviation; one line each.
    pub remarks: Vec<String>,
    /// Messages read.
    pub messages: u64,
    /// Chunks read.
    pub chunks: u64,
}

impl Conformance {
    /// Whether nothing is wrong.
    pub fn is_conformant(&self) -> bool {
        self.problems.is_empty()
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where the record that it was found in begins, bytes from the file's start.
    pub offset: u64,
    /// What the specification asks for.
    pub expected: String,
    /// What is there.
    pub found: String,
}

/// The most problems that are listed.
const MAX_PROBLEMS: usize = 1000;

/// Checks the file at `path`. Only a file that cannot be read is an error.
pub fn check(path: &Path) -> io::Result<Conformance> {
    check_source(&File::open(path)?)
}

/// The same for any source.
pub fn check_source(source: &dyn Source) -> io::Result<Conformance> {
    let mut checker = Checker::default();
    let Some(mut scanner) = Scanner::begin(source)? else {
        checker.problem(0, "MCAP's magic", "other bytes");
        return Ok(checker.report);
    };
    let mut crc = DataCrc { hasher: crc32fast::Hasher::new(), done: false };
    crc.hasher.update(&MAGIC);
    loop {
        let at = scanner.offset();
        match scanner.next()? {
            Scanned::Record { opcode, offset } => {
                crc.record(&mut checker, opcode, offset, scanner.body());
                checker.record(opcode, offset, scanner.body());
                if opcode == op::FOOTER {
                    checker.tail(source, &scanner)?;
                    break;
                }
            }
            Scanned::Cut { opcode, offset } => {
                checker.problem(
                    offset,
                    "a whole record",
                    format!("one of opcode {opcode:#04x} that is cut off"),
                );
                break;
            }
            Scanned::Noise { offset, found } => {
                checker.problem(offset, "a record", found);
                break;
            }
            Scanned::End => {
                checker.problem(at, "a footer", "the file's end");
                break;
            }
        }
    }
    checker.finish();
    Ok(checker.report)
}

/// The data section's checksum, up to the record that holds it.
struct DataCrc {
    hasher: crc32fast::Hasher,
    done: bool,
}

impl DataCrc {
    fn record(&mut self, checker: &mut Checker, opcode: u8, offset: u64, body: &[u8]) {
        if self.done {
            return;
        }
        if opcode == op::DATA_END {
            self.done = true;
            let found = Body::new(body).u32("a CRC").ok();
            if found != Some(self.hasher.clone().finalize()) {
                checker.problem(offset, "the data section's CRC", format!("{found:08x?}"));
            }
            return;
        }
        let mut prefix = [0; PREFIX];
        prefix[0] = opcode;
        prefix[1..].copy_from_slice(&(body.len() as u64).to_le_bytes());
        self.hasher.update(&prefix);
        self.hasher.update(body);
    }
}

#[derive(Default)]
struct Checker {
    report: Conformance,
    /// Records read.
    records: u64,
    manifest: Option<Manifest>,
    has_card: bool,
    schemas: BTreeMap<u16, String>,
    streams: Vec<StreamState>,
    accounts: Option<(u64, Vec<StreamCount>)>,
    chunks: Vec<SeenChunk>,
    indexed: usize,
    in_summary: bool,
    last_offset: u64,
    buffer: Vec<u8>,
    decompressor: Option<zstd::bulk::Decompressor<'static>>,
    statistics: bool,
}

impl Checker {
    fn problem(&mut self, offset: u64, expected: impl Into<String>, found: impl Into<String>) {
        if self.report.problems.len() == MAX_PROBLEMS {
            self.report.further += 1;
            return;
        }
        self.report.problems.push(Problem { offset, expected: expected.into(), found: found.into() });
    }

    fn record(&mut self, opcode: u8, offset: u64, body: &[u8]) {
        self.records += 1;
        self.last_offset = offset;
        if self.records == 1 && opcode != op::HEADER {
            self.problem(offset, "the header first", format!("opcode {opcode:#04x}"));
        }
        if self.records == 2 && opcode != op::METADATA {
            self.problem(offset, "the manifest right after the header", format!("opcode {opcode:#04x}"));
        }
        match opcode {
            op::HEADER => self.header(offset, body),
            op::METADATA => self.metadata(offset, body),
            op::ATTACHMENT => self.attachment(offset, body),
            op::SCHEMA if !self.in_summary => self.schema(offset, body),
            op::CHANNEL if !self.in_summary => self.channel(offset, body),
            op::CHUNK => self.chunk(offset, body),
            op::MESSAGE_INDEX => self.message_index(offset, body),
            op::MESSAGE => self.problem(offset, "messages in chunks", "one outside"),
            op::DATA_END => self.in_summary = true,
            op::CHUNK_INDEX => self.chunk_index(offset, body),
            op::STATISTICS => self.check_statistics(offset, body),
            _ => {}
        }
    }

    fn header(&mut self, offset: u64, body: &[u8]) {
        let profile = Body::new(body).text("a profile");
        if profile != Ok(PROFILE) {
            self.problem(offset, "the profile etude", format!("{profile:?}"));
        }
    }

    fn metadata(&mut self, offset: u64, body: &[u8]) {
        let (name, entries) = match read_metadata(body) {
            Ok(record) => record,
            Err(error) => return self.problem(offset, "a metadata record", error.to_string()),
        };
        if self.records == 2 && name != EPISODE.0 {
            self.problem(offset, "the manifest right after the header", format!("the record {name}"));
        }
        if name == EPISODE.0 {
            self.read_manifest(offset, &entries);
        } else if name == STREAMS {
            self.read_accounts(offset, &entries);
        }
    }

    fn read_manifest(&mut self, offset: u64, entries: &[(String, String)]) {
        use crate::reader::{ManifestError, parse_manifest};
        let json = entries.iter().find(|(key, _)| key == EPISODE.1).map(|(_, json)| json.as_str());
        match parse_manifest(json.unwrap_or_default()) {
            Ok(manifest) if manifest.streams.is_empty() => self.manifest = Some(manifest),
            Ok(manifest) => {
                self.problem(offset, "streams in the channels alone", "streams in the manifest");
                self.manifest = Some(manifest);
            }
            Err(ManifestError::Json(found)) => self.problem(offset, "a manifest", found),
            Err(ManifestError::Version(found)) => {
                self.problem(offset, "format version 1", format!("version {found}"));
            }
        }
    }

    fn read_accounts(&mut self, offset: u64, entries: &[(String, String)]) {
        let mut accounts = Vec::new();
        for (topic, json) in entries {
            match serde_json::from_str::<StreamCount>(json) {
                Ok(count) => {
                    accounts.push(StreamCount { topic: etude_model::Topic::new(topic), ..count });
                }
                Err(error) => self.problem(offset, format!("an account of {topic}"), error.to_string()),
            }
        }
        self.accounts = Some((offset, accounts));
    }

    fn attachment(&mut self, offset: u64, body: &[u8]) {
        let attachment = match AttachmentRecord::read(body) {
            Ok(attachment) => attachment,
            Err(error) => return self.problem(offset, "an attachment", error.to_string()),
        };
        if !attachment.intact {
            self.problem(offset, "the attachment's CRC", "that of other bytes");
        }
        if attachment.name == CARD {
            self.has_card = true;
            self.card(offset, attachment.data);
        }
    }

    /// A card that can be read must be the one that the manifest names.
    fn card(&mut self, offset: u64, data: &[u8]) {
        let Some(named) = self.manifest.as_ref().map(|manifest| manifest.card) else { return };
        let text = String::from_utf8_lossy(data);
        let card = etude_model::Card::from_toml(&text).map(|card| card.digest());
        if Digest::of(data) != named && card.as_ref().ok() != Some(&named) {
            self.problem(offset, format!("the card of digest {named}"), "another card");
        }
    }

    fn schema(&mut self, offset: u64, bytes: &[u8]) {
        let mut body = Body::new(bytes);
        let mut read = || -> Result<_, crate::record::RecordError> {
            Ok((body.u16("an id")?, body.text("a name")?, body.text("an encoding")?, body.bytes("a schema")?))
        };
        match read() {
            Ok((id, name, encoding, data)) => {
                if encoding != schema::ENCODING || !schema::is_known(name, data) {
                    self.problem(offset, "a schema of this version", format!("{encoding} {name}"));
                }
                self.schemas.insert(id, name.to_owned());
            }
            Err(error) => self.problem(offset, "a schema", error.to_string()),
        }
    }

    fn channel(&mut self, offset: u64, body: &[u8]) {
        let channel = match ChannelRecord::read(body) {
            Ok(channel) => channel,
            Err(error) => return self.problem(offset, "a channel", error.to_string()),
        };
        if usize::from(channel.id) != self.streams.len() + 1 {
            self.problem(offset, "channels numbered from 1", format!("channel {}", channel.id));
        }
        match crate::reader::parse_spec(&channel) {
            Ok(spec) => {
                let schema = self.schemas.get(&channel.schema).map(String::as_str);
                if schema != Some(schema::schema(spec.kind).name) || channel.encoding != schema::ENCODING {
                    let found = format!("{schema:?} in {}", channel.encoding);
                    self.problem(offset, format!("the schema of kind {:?}", spec.kind), found);
                }
                self.streams.push(StreamState::new(spec));
            }
            Err(found) => self.problem(offset, "a described stream", found),
        }
    }

    /// What can only be said when all has been read.
    fn finish(&mut self) {
        let end = self.last_offset;
        if self.manifest.is_none() {
            self.problem(end, "a manifest", "none");
        }
        if !self.has_card {
            self.problem(end, "the attachment card.toml", "none");
        }
        if self.in_summary && !self.statistics {
            self.problem(end, "statistics", "none");
        }
        if self.indexed != self.chunks.len() && self.in_summary {
            let found = format!("{} indexes of {} chunks", self.indexed, self.chunks.len());
            self.problem(end, "an index of each chunk", found);
        }
        let holes: Vec<_> = self.streams.iter().filter_map(StreamState::holes).collect();
        for (chunk, expected, found) in holes {
            self.problem(chunk, expected, found);
        }
        let Some((offset, accounts)) = self.accounts.take() else {
            return self.problem(end, "the metadata record etude.streams", "none");
        };
        let expected: Vec<_> = self.streams.iter().map(StreamState::account).collect();
        for (topic, received, missing, range) in expected {
            let Some(account) = accounts.iter().find(|account| account.topic == topic) else {
                self.problem(offset, format!("an account of {topic}"), "none");
                continue;
            };
            let found_range = account.first_log.zip(account.last_log);
            if (account.received, account.missing, found_range) != (received, missing, range) {
                let found = format!("{} and {} missing, {found_range:?}", account.received, account.missing);
                self.problem(offset, format!("{topic}: {received} and {missing} missing, {range:?}"), found);
            }
        }
        for account in accounts.iter().filter(|account| !account.accounted) {
            // A recording that was cut off cannot say how much was to come; that it declares so is all one can ask of it.
            let is_interrupted =
                self.streams.iter().any(|stream| stream.spec.topic == account.topic && stream.is_interrupted);
            if is_interrupted && account.expected.is_none() {
                self.report.remarks.push(format!(
                    "{}: interrupted, {} received, {} known to be missing; how many more there were to be is unknown",
                    account.topic, account.received, account.missing
                ));
                continue;
            }
            let expected = format!("{}: received + missing = expected", account.topic);
            let found =
                format!("{} + {}, {:?} expected", account.received, account.missing, account.expected);
            self.problem(offset, expected, found);
        }
    }
}
