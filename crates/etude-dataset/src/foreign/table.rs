//! Tables of text: comma-separated values and their kin, a row at a time.

use super::error::Error;
use super::mapping::{TableRule, TableTake};
use super::records::{Facts, Ledger, Record, Records};
use super::source::{Recording, name_of};
use super::value::Value;
use std::cell::Cell;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

/// The topic of a table's rows.
pub(crate) const TOPIC: &str = "table";
/// The longest row that is read, bytes.
const MAX_ROW_BYTES: u64 = 4 << 20;
/// Takes that one table may be cut into.
const MAX_TAKES: usize = 1_000_000;
/// Columns.
const MAX_COLUMNS: usize = 10_000;

/// A part of a table: from its first byte to the one after its last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Where the first row begins.
    pub from: u64,
    /// Where the last row ends.
    pub to: u64,
    /// The line above it, where takes have one.
    pub label: Option<String>,
}

/// Bytes of a file, as long as no row of them is too long.
struct Guard {
    input: io::Take<File>,
    /// Bytes read since the last row was whole.
    since: Rc<Cell<u64>>,
}

impl Read for Guard {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.since.get() > MAX_ROW_BYTES {
            return Err(io::Error::other(format!(
                "expected rows of at most {MAX_ROW_BYTES} bytes, found a longer one"
            )));
        }
        let read = self.input.read(into)?;
        self.since.set(self.since.get() + read as u64);
        Ok(read)
    }
}

struct Reader {
    csv: csv::Reader<Guard>,
    since: Rc<Cell<u64>>,
    from: u64,
}

impl Reader {
    fn open(path: &Path, rule: &TableRule, from: u64, to: u64) -> Result<Self, Error> {
        let delimiter = match rule.delimiter {
            None => b',',
            Some(letter) => u8::try_from(letter).ok().filter(u8::is_ascii).ok_or_else(|| Error::Mapping {
                file: "the mapping".to_owned(),
                problems: vec![format!("table delimiter: expected an ASCII character, found `{letter}`")],
            })?,
        };
        let mut file = File::open(path).map_err(Error::file("opening", path))?;
        file.seek(SeekFrom::Start(from)).map_err(Error::file("reading", path))?;
        let since = Rc::new(Cell::new(0));
        let guard = Guard { input: file.take(to.saturating_sub(from)), since: since.clone() };
        let csv = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .has_headers(false)
            .flexible(true)
            .from_reader(guard);
        Ok(Self { csv, since, from })
    }

    /// The next row that has a word, and where it begins.
    fn next(&mut self) -> Option<Result<(u64, Vec<String>), csv::Error>> {
        let mut row = csv::ByteRecord::new();
        loop {
            let at = self.from + self.csv.position().byte();
            match self.csv.read_byte_record(&mut row) {
                Err(error) => return Some(Err(error)),
                Ok(false) => return None,
                Ok(true) => {}
            }
            self.since.set(0);
            let cells: Vec<String> =
                row.iter().map(|cell| String::from_utf8_lossy(cell).trim().to_owned()).collect();
            if cells.iter().any(|cell| !cell.is_empty()) {
                return Some(Ok((at, cells)));
            }
        }
    }
}

/// The takes of a table.
pub(crate) fn recordings(path: &Path, rule: &TableRule) -> Result<Vec<Recording>, Error> {
    let name = name_of(path);
    let length = path.metadata().map_err(Error::file("opening", path))?.len();
    let recording = |name: String, extent| Recording { name, files: vec![path.to_owned()], extent };
    if rule.take == TableTake::File {
        return Ok(vec![recording(name, None)]);
    }
    let mut reader = Reader::open(path, rule, 0, length)?;
    let mut starts: Vec<(u64, Option<String>)> = Vec::new();
    let mut is_head = rule.columns.is_empty() && rule.take == TableTake::Row;
    // A table that is damaged further down gives its takes up to there; reading them says what is wrong.
    while let Some(Ok((at, cells))) = reader.next() {
        if std::mem::take(&mut is_head) {
            continue;
        }
        let mut words = cells.iter().filter(|cell| !cell.is_empty());
        let label = words.next().filter(|_| words.next().is_none()).cloned();
        match (rule.take, label) {
            (TableTake::Row, _) => starts.push((at, None)),
            (_, Some(label)) if label.parse::<f64>().is_err() => {
                starts.push((reader.from + reader.csv.position().byte(), Some(label)));
            }
            _ => {}
        }
        if starts.len() > MAX_TAKES {
            return Err(Error::content(path, format!("at most {MAX_TAKES} takes"), "more"));
        }
    }
    let ends: Vec<u64> = starts.iter().skip(1).map(|(at, _)| *at).chain([length]).collect();
    let takes = (1..).zip(starts.into_iter().zip(ends)).map(|(number, ((from, label), to))| {
        recording(format!("{name} {number}"), Some(Extent { from, to, label }))
    });
    Ok(takes.collect())
}

/// Reads the rows of one take.
pub(crate) struct TableRecords {
    name: String,
    reader: Reader,
    columns: Vec<Arc<str>>,
    label: Option<String>,
    topic: Arc<str>,
    number: u64,
    ended: bool,
    ledger: Ledger,
}

impl TableRecords {
    pub(crate) fn open(recording: &Recording, rule: &TableRule) -> Result<Self, Error> {
        let path = recording.files.first().map_or(Path::new(""), |path| path.as_path());
        let length = path.metadata().map_err(Error::file("opening", path))?.len();
        let mut reader = Reader::open(path, rule, 0, length)?;
        let mut columns = rule.columns.clone();
        if columns.is_empty() {
            columns = match reader.next() {
                Some(Ok((_, cells))) => cells,
                Some(Err(error)) => {
                    return Err(Error::content(path, "a row with the columns' names", error.to_string()));
                }
                None => return Err(Error::content(path, "a row with the columns' names", "no row")),
            };
        }
        if columns.len() > MAX_COLUMNS {
            return Err(Error::content(
                path,
                format!("at most {MAX_COLUMNS} columns"),
                columns.len().to_string(),
            ));
        }
        let mut label = None;
        if let Some(extent) = &recording.extent {
            reader = Reader::open(path, rule, extent.from, extent.to)?;
            label.clone_from(&extent.label);
        }
        Ok(Self {
            name: recording.name.clone(),
            reader,
            columns: columns.iter().map(|column| Arc::from(column.as_str())).collect(),
            label,
            topic: Arc::from(TOPIC),
            number: 0,
            ended: false,
            ledger: Ledger::default(),
        })
    }

    fn record(&mut self, cells: &[String]) -> Result<Value, String> {
        // Empty cells beyond the last column say nothing.
        let width = cells.iter().rposition(|cell| !cell.is_empty()).map_or(0, |last| last + 1);
        if width > self.columns.len() || cells.len() < self.columns.len() {
            return Err(format!("expected {} cells, found {}", self.columns.len(), cells.len()));
        }
        let named =
            self.columns.iter().zip(cells).filter(|(column, cell)| !(column.is_empty() && cell.is_empty()));
        Ok(Value::Struct(named.map(|(column, cell)| (column.clone(), value(cell))).collect()))
    }
}

fn value(cell: &str) -> Value {
    if cell.is_empty() {
        return Value::Null;
    }
    let number = cell.parse().map(Value::Int).or_else(|_| cell.parse().map(Value::Float));
    number.unwrap_or_else(|_| Value::Text(cell.to_owned()))
}

impl Records for TableRecords {
    fn next(&mut self, wanted: &dyn Fn(&str) -> bool) -> Option<Record> {
        while !self.ended {
            let cells = match self.reader.next() {
                Some(Ok((_, cells))) => cells,
                Some(Err(error)) => {
                    self.ended = true;
                    let message = format!("rows from {} on are lost: {error}", self.number + 1);
                    self.ledger.loss(self.name.clone(), message);
                    break;
                }
                None => break,
            };
            // The line above the next take ends this one's rows.
            if self.label.is_some() && cells.iter().filter(|cell| !cell.is_empty()).count() == 1 {
                continue;
            }
            let number = self.number;
            self.number += 1;
            let topic = self.topic.clone();
            self.ledger.saw(&topic, "row");
            if !wanted(TOPIC) {
                continue;
            }
            match self.record(&cells) {
                Ok(value) => {
                    return Some(Record {
                        topic,
                        log_ns: None,
                        publish_ns: None,
                        number: Some(number),
                        value,
                    });
                }
                Err(error) => self.ledger.unread(&topic, format!("row {}: {error}", number + 1)),
            }
        }
        None
    }

    fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    fn facts(&self) -> Facts {
        let label = self.label.iter().map(|label| ("table.label".to_owned(), label.clone()));
        Facts { notes: label.collect(), ..Facts::default() }
    }
}
