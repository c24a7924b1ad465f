//! rosbag2 recordings: one SQLite or MCAP file or several, with or without their `metadata.yaml`.

use super::decode::{Decoder, Decoders, Schema};
use super::error::Error;
use super::known;
use super::mcap::{self, McapRecords};
use super::records::{Channel, Ledger, Record, Records};
use super::source::{Recording, by_number, name_of};
use super::sqlite::{self, Cell, Database, Rows, Table};
use std::collections::{HashMap, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The longest `metadata.yaml` that is read, bytes.
const MAX_METADATA_BYTES: u64 = 16 << 20;

/// What `metadata.yaml` states.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Metadata {
    files: Vec<String>,
    messages: Option<u64>,
}

/// Reads the two keys of `metadata.yaml` that matter: the order of the files, and how many messages there are.
fn metadata(text: &str) -> Metadata {
    let mut found = Metadata::default();
    let mut in_files = false;
    for line in text.lines() {
        let indent = line.len() - line.trim_start().len();
        let line = line.trim();
        if let Some(file) = line.strip_prefix("- ").filter(|_| in_files) {
            found.files.push(file.trim_matches(['"', '\'']).to_owned());
            continue;
        }
        in_files = line == "relative_file_paths:";
        if let Some(count) = line.strip_prefix("message_count:").filter(|_| indent == 2) {
            found.messages = count.trim().parse().ok();
        }
    }
    found
}

/// The recording that a folder is, where it is one of rosbag2.
pub(crate) fn recording(folder: &Path, files: &[PathBuf]) -> Option<Recording> {
    let name = fs::canonicalize(folder).map_or_else(|_| name_of(folder), |folder| name_of(&folder));
    if folder.join("metadata.yaml").is_file() {
        let stated = read_metadata(folder).files;
        let beside = |file: &String| folder.join(name_of(Path::new(file)));
        let mut files: Vec<PathBuf> = stated.iter().map(beside).collect();
        files.extend([folder.join("metadata.yaml")]);
        return (files.len() > 1).then_some(Recording { name, files, extent: None });
    }
    // Without it, files that bear the folder's name and a number are parts of one recording.
    let number = |path: &PathBuf| {
        let stem = path.file_stem()?.to_string_lossy().into_owned();
        stem.strip_prefix(&name)?.strip_prefix('_')?.parse::<u64>().ok()
    };
    let mut parts: Vec<PathBuf> = files.to_vec();
    parts.sort_by_cached_key(|path| by_number(&name_of(path)));
    (!parts.is_empty() && parts.iter().all(|path| number(path).is_some())).then_some(Recording {
        name,
        files: parts,
        extent: None,
    })
}

fn read_metadata(folder: &Path) -> Metadata {
    let path = folder.join("metadata.yaml");
    let is_small = fs::metadata(&path).is_ok_and(|found| found.len() <= MAX_METADATA_BYTES);
    let text = if is_small { fs::read_to_string(&path).ok() } else { None };
    text.map(|text| metadata(&text)).unwrap_or_default()
}

/// Reads the parts of a recording one after the other.
pub(crate) struct Parts {
    rest: VecDeque<PathBuf>,
    current: Option<Box<dyn Records>>,
    stated: Option<u64>,
    name: String,
    ledger: Ledger,
}

impl Parts {
    /// Opens a recording; parts that are not there are told.
    pub(crate) fn open(recording: &Recording) -> Self {
        let is_metadata = |path: &&PathBuf| path.ends_with("metadata.yaml");
        let stated = recording.files.iter().find(is_metadata).and_then(|path| path.parent());
        let stated = stated.and_then(|folder| read_metadata(folder).messages);
        let rest = recording.files.iter().filter(|path| !is_metadata(path)).cloned().collect();
        let mut parts =
            Self { rest, current: None, stated, name: recording.name.clone(), ledger: Ledger::default() };
        parts.advance();
        parts
    }

    fn advance(&mut self) {
        while let Some(path) = self.rest.pop_front() {
            match open_part(&path) {
                Ok(records) => {
                    self.current = Some(records);
                    return;
                }
                Err(error) => self.ledger.loss(name_of(&path), format!("this part is lost: {error}")),
            }
        }
        self.current = None;
        let found: u64 = self.ledger.topics.values().map(|count| count.messages).sum();
        if let Some(stated) = self.stated.filter(|stated| *stated != found) {
            let message = format!("metadata.yaml states {stated} messages, {found} were found");
            if found < stated {
                self.ledger.loss(self.name.clone(), message);
            } else {
                self.ledger.note(self.name.clone(), message);
            }
        }
    }
}

fn open_part(path: &Path) -> Result<Box<dyn Records>, Error> {
    let mut head = [0; 16];
    let mut file = fs::File::open(path).map_err(Error::file("opening", path))?;
    let read = std::io::Read::read(&mut file, &mut head).map_err(Error::file("reading", path))?;
    let head = head.get(..read).unwrap_or_default();
    if head.starts_with(&mcap::MAGIC) {
        Ok(Box::new(McapRecords::open(path)?))
    } else if head.starts_with(&sqlite::MAGIC) {
        Ok(Box::new(SqliteRecords::open(path)?))
    } else {
        Err(Error::content(path, "an SQLite or MCAP file", "other bytes"))
    }
}

impl Records for Parts {
    fn next(&mut self, wanted: &dyn Fn(&str) -> bool) -> Option<Record> {
        while let Some(current) = &mut self.current {
            if let Some(record) = current.next(wanted) {
                return Some(record);
            }
            let ledger = current.ledger().clone();
            self.ledger.absorb(&ledger);
            self.advance();
        }
        None
    }

    fn ledger(&self) -> &Ledger {
        &self.ledger
    }
}

/// Reads one SQLite file of a recording.
struct SqliteRecords {
    name: String,
    database: Database,
    rows: Rows,
    /// Places of topic, time and data in a row.
    places: [usize; 3],
    channels: HashMap<i64, Channel>,
    ledger: Ledger,
}

impl SqliteRecords {
    fn open(path: &Path) -> Result<Self, Error> {
        let database = Database::open(path)?;
        let name = name_of(path);
        let mut ledger = Ledger::default();
        let mut problems = Vec::new();
        if database.lost_pages > 0 {
            problems.push(format!("its last {} pages are missing", database.lost_pages));
        }
        let wal = path.with_file_name(format!("{name}-wal"));
        if let Some(bytes) = fs::metadata(&wal).ok().map(|found| found.len()).filter(|bytes| *bytes > 32) {
            problems.push(format!(
                "its write-ahead log of {bytes} bytes is not read; what only stands there is lost"
            ));
        }
        let channels = channels(&database, &mut problems);
        let messages = database.table("messages", &mut problems);
        let lost = || Error::content(path, "a table `messages`", "none that can be read");
        let messages = messages.ok_or_else(lost)?;
        let places = ["topic_id", "timestamp", "data"].map(|column| messages.column(column));
        let [Some(topic), Some(time), Some(data)] = places else {
            let expected = "columns topic_id, timestamp and data of `messages`";
            return Err(Error::content(path, expected, messages.columns.join(", ")));
        };
        for problem in problems {
            ledger.loss(name.clone(), problem);
        }
        let rows = Rows::new(messages);
        Ok(Self { name, database, rows, places: [topic, time, data], channels, ledger })
    }
}

/// A row's id and cells.
type Row = (i64, Vec<Cell>);

/// All rows of a table, where it is there; those are few.
fn all(database: &Database, name: &str, problems: &mut Vec<String>) -> Option<(Table, Vec<Row>)> {
    const MAX_ROWS: usize = 4096;
    let table = database.table(name, problems)?;
    let mut rows = Rows::new(table.clone());
    let mut found = Vec::new();
    while let Some(row) = rows.next(database, problems).filter(|_| found.len() < MAX_ROWS) {
        found.push(row);
    }
    Some((table, found))
}

/// The topics of a file by their ids, each with a decoder for its type.
fn channels(database: &Database, problems: &mut Vec<String>) -> HashMap<i64, Channel> {
    let mut definitions: HashMap<String, (String, String)> = HashMap::new();
    if let Some((table, rows)) = all(database, "message_definitions", problems) {
        let place = |name| table.column(name);
        if let (Some(kind), Some(encoding), Some(text)) =
            (place("topic_type"), place("encoding"), place("encoded_message_definition"))
        {
            let word = |row: &Vec<Cell>, at: usize| row.get(at).and_then(Cell::text).map(str::to_owned);
            for (_, row) in &rows {
                if let (Some(kind), Some(encoding), Some(text)) =
                    (word(row, kind), word(row, encoding), word(row, text))
                {
                    definitions.insert(kind, (encoding, text));
                }
            }
        }
    }
    let Some((table, rows)) = all(database, "topics", problems) else { return HashMap::new() };
    let (Some(name), Some(kind)) = (table.column("name"), table.column("type")) else {
        return HashMap::new();
    };
    let format = table.column("serialization_format");
    let (mut channels, mut decoders) = (HashMap::new(), Decoders::default());
    for (id, row) in &rows {
        let word = |at: usize| row.get(at).and_then(Cell::text);
        let (Some(topic), Some(type_name)) = (word(name), word(kind)) else { continue };
        let encoding = format.and_then(word).unwrap_or("cdr");
        channels.insert(
            *id,
            Channel {
                topic: Arc::from(topic),
                type_name: type_name.to_owned(),
                decoder: decoder(&mut decoders, encoding, type_name, definitions.get(type_name)),
            },
        );
    }
    channels
}

fn decoder(
    decoders: &mut Decoders,
    encoding: &str,
    name: &str,
    stated: Option<&(String, String)>,
) -> Result<Decoder, String> {
    if let Some((schema, text)) = stated.filter(|(_, text)| !text.is_empty()) {
        return decoders.get(encoding, Some(Schema { name, encoding: schema, data: text.as_bytes() }));
    }
    let text = known::definition(name).ok_or_else(|| format!("the file does not define its type {name}"))?;
    decoders.get(encoding, Some(Schema { name, encoding: "ros2msg", data: text.as_bytes() }))
}

impl Records for SqliteRecords {
    fn next(&mut self, wanted: &dyn Fn(&str) -> bool) -> Option<Record> {
        loop {
            let mut problems = Vec::new();
            let row = self.rows.next(&self.database, &mut problems);
            for problem in problems {
                self.ledger.loss(self.name.clone(), problem);
            }
            let (id, row) = row?;
            let [topic, time, data] = self.places.map(|place| row.get(place));
            let (Some(Cell::Integer(topic)), Some(Cell::Integer(time)), Some(Cell::Blob(data))) =
                (topic, time, data)
            else {
                self.ledger.loss(self.name.clone(), format!("the message {id} is not one and is lost"));
                continue;
            };
            let Some(channel) = self.channels.get(topic) else {
                self.ledger.loss(
                    self.name.clone(),
                    format!("the message {id} is of the topic {topic}, which nothing describes"),
                );
                continue;
            };
            if let Some(record) = channel.read(&mut self.ledger, wanted, (Some(*time), None), data) {
                return Some(record);
            }
        }
    }

    fn ledger(&self) -> &Ledger {
        &self.ledger
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_files_and_the_count_are_read() {
        let text = "rosbag2_bagfile_information:\n  version: 4\n  relative_file_paths:\n    - b_1.db3\n    - \"b_0.db3\"\n  \
                    duration:\n    nanoseconds: 4\n  message_count: 12\n  topics_with_message_count:\n    - topic_metadata:\n        \
                    name: a\n      message_count: 7\n";
        assert_eq!(
            metadata(text),
            Metadata { files: vec!["b_1.db3".to_owned(), "b_0.db3".to_owned()], messages: Some(12) }
        );
    }
}
