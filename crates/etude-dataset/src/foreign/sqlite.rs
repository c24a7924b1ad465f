//! Tables of an SQLite file, page by page and without SQL: a file that was cut off or damaged gives the rows of its
//! whole pages, where a database engine would refuse all of it.
//!
//! Follows the SQLite file format, version 3 (sqlite.org/fileformat2.html). Only tables with row ids are read; indexes,
//! triggers and the write-ahead log are not.

use super::bytes::{BytesError, Cursor, Endian};
use super::error::Error;
use super::records::MAX_MESSAGE_BYTES;
use std::collections::HashSet;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// What an SQLite file begins with.
pub(crate) const MAGIC: [u8; 16] = *b"SQLite format 3\0";
/// Levels of a table's tree; 2^63 rows need fewer.
const MAX_LEVELS: usize = 24;
/// Columns of a table.
const MAX_COLUMNS: usize = 64;

/// One value of a row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell {
    Null,
    Integer(i64),
    Real(f64),
    Text(String),
    Blob(Vec<u8>),
}

impl Cell {
    pub(crate) fn integer(&self) -> Option<i64> {
        match self {
            Self::Integer(value) => Some(*value),
            _ => None,
        }
    }

    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// A table: its root page and its columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Table {
    pub(crate) root: u32,
    pub(crate) columns: Vec<String>,
}

impl Table {
    pub(crate) fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.eq_ignore_ascii_case(name))
    }
}

/// An SQLite file.
pub(crate) struct Database {
    file: File,
    page_bytes: usize,
    usable: usize,
    pages: u32,
    /// Pages that the file should have and has not.
    pub(crate) lost_pages: u32,
}

impl Database {
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let file = File::open(path).map_err(Error::file("opening", path))?;
        let length = file.metadata().map_err(Error::file("opening", path))?.len();
        let mut head = [0; 100];
        if length < 100 || file.read_exact_at(&mut head, 0).is_err() || !head.starts_with(&MAGIC) {
            return Err(Error::content(path, "an SQLite file", "other bytes"));
        }
        let mut cursor = Cursor::with_endian(&head, Endian::Big);
        let fields = (|| {
            cursor.take(16, "the magic")?;
            let page = cursor.u16()?;
            cursor.take(2, "versions")?;
            let reserved = cursor.u8()?;
            cursor.take(7, "counters")?;
            let pages = cursor.u32()?;
            cursor.take(24, "counters")?;
            Ok((page, reserved, pages, cursor.u32()?))
        })();
        let (page, reserved, stated, encoding) =
            fields.map_err(|error: BytesError| Error::content(path, error.expected, error.found))?;
        let page_bytes = if page == 1 { 65536 } else { usize::from(page) };
        let usable = page_bytes.saturating_sub(reserved.into());
        if page_bytes < 512 || !page_bytes.is_power_of_two() || usable < 480 {
            return Err(Error::content(path, "pages of 512 to 65536 bytes", page_bytes.to_string()));
        }
        if encoding > 1 {
            return Err(Error::content(path, "text in UTF-8", "UTF-16"));
        }
        let pages = u32::try_from(length / page_bytes as u64).unwrap_or(u32::MAX);
        Ok(Self { file, page_bytes, usable, pages, lost_pages: stated.saturating_sub(pages) })
    }

    /// The table of a name, with its columns as its definition lists them.
    pub(crate) fn table(&self, name: &str, problems: &mut Vec<String>) -> Option<Table> {
        let mut rows = Rows::new(Table { root: 1, columns: Vec::new() });
        while let Some((_, row)) = rows.next(self, problems) {
            if let [kind, found, _, root, sql, ..] = row.as_slice()
                && kind.text() == Some("table")
                && found.text() == Some(name)
            {
                let root = u32::try_from(root.integer()?).ok()?;
                return Some(Table { root, columns: columns(sql.text()?) });
            }
        }
        None
    }

    fn page(&self, number: u32) -> Result<Vec<u8>, String> {
        if number == 0 || number > self.pages {
            return Err(format!("the file has no page {number}"));
        }
        let mut page = vec![0; self.page_bytes];
        let offset = u64::from(number - 1) * self.page_bytes as u64;
        self.file.read_exact_at(&mut page, offset).map_err(|error| error.to_string())?;
        page.truncate(self.usable);
        Ok(page)
    }

    /// A cell's payload: its beginning stands in the cell, the rest on overflow pages, which are added to those visited.
    fn payload(
        &self,
        cursor: &mut Cursor<'_>,
        length: u64,
        visited: &mut HashSet<u32>,
    ) -> Result<Vec<u8>, String> {
        if length > MAX_MESSAGE_BYTES {
            return Err(format!("expected a row of at most {MAX_MESSAGE_BYTES} bytes, found {length}"));
        }
        let (length, usable) = (length as usize, self.usable);
        let most = usable - 35;
        let least = (usable - 12) * 32 / 255 - 23;
        let local = if length <= most {
            length
        } else {
            let local = least + (length - least) % (usable - 4);
            if local <= most { local } else { least }
        };
        let mut payload = cursor.take(local, "a row").map_err(|error| error.to_string())?.to_vec();
        if length == local {
            return Ok(payload);
        }
        let mut next = cursor.u32().map_err(|error| error.to_string())?;
        while payload.len() < length {
            // A page that stands in two rows is damage, and might go round in circles.
            if !visited.insert(next) {
                return Err(format!("its page {next} stands twice in its table"));
            }
            let page = self.page(next)?;
            let mut cursor = Cursor::with_endian(&page, Endian::Big);
            next = cursor.u32().map_err(|error| error.to_string())?;
            let part = (length - payload.len()).min(usable - 4);
            payload.extend_from_slice(cursor.take(part, "a row").map_err(|error| error.to_string())?);
        }
        Ok(payload)
    }
}

/// The names of the columns that `CREATE TABLE name (…)` lists.
fn columns(sql: &str) -> Vec<String> {
    let from = sql.find('(').map_or(sql.len(), |at| at + 1);
    let to = sql.rfind(')').unwrap_or(sql.len()).max(from);
    let list = sql.get(from..to).unwrap_or_default();
    let (mut names, mut depth, mut start) = (Vec::new(), 0i32, true);
    let mut word = String::new();
    for letter in list.chars().chain([',']) {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                names.push(std::mem::take(&mut word));
                start = true;
                continue;
            }
            _ => {}
        }
        if start && depth == 0 {
            if letter.is_whitespace() && !word.is_empty() {
                start = false;
            } else if !letter.is_whitespace() && !matches!(letter, '"' | '`' | '[' | ']' | '\'') {
                word.push(letter);
            }
        }
    }
    names.truncate(MAX_COLUMNS);
    names
}

struct Level {
    page: Vec<u8>,
    /// Bytes of it that its rows have taken so far.
    taken: usize,
    number: u32,
    /// The next cell.
    at: u16,
}

/// The rows of a table, in the order of their ids.
pub(crate) struct Rows {
    table: Table,
    levels: Vec<Level>,
    begun: bool,
    visited: HashSet<u32>,
}

impl Rows {
    pub(crate) fn new(table: Table) -> Self {
        Self { table, levels: Vec::new(), begun: false, visited: HashSet::new() }
    }

    /// The next row: its id and its cells. Pages and rows that cannot be read are told and stepped over.
    pub(crate) fn next(
        &mut self,
        database: &Database,
        problems: &mut Vec<String>,
    ) -> Option<(i64, Vec<Cell>)> {
        if !self.begun {
            self.begun = true;
            let root = self.table.root;
            self.descend(database, root, problems);
        }
        while let Some(level) = self.levels.last_mut() {
            let (number, at) = (level.number, level.at);
            level.at += 1;
            let found = step(&level.page, number, at);
            match found {
                Ok(Step::Row(offset)) => {
                    let row = level.page.get(offset..).ok_or_else(|| "a row outside of its page".to_owned());
                    match row.and_then(|bytes| self::row(database, bytes, &mut self.visited)) {
                        Ok((row, bytes)) => {
                            level.taken += bytes;
                            if level.taken <= level.page.len() {
                                return Some(row);
                            }
                            let lost = "its rows lie over one another";
                            problems.push(format!("page {number} is lost from its row {at} on: {lost}"));
                            self.levels.pop();
                        }
                        Err(error) => problems.push(format!("row {at} of page {number} is lost: {error}")),
                    }
                }
                Ok(Step::Down(child)) => self.descend(database, child, problems),
                Ok(Step::End) => {
                    self.levels.pop();
                }
                Err(error) => {
                    problems.push(format!("page {number} is lost from its cell {at} on: {error}"));
                    self.levels.pop();
                }
            }
        }
        None
    }

    fn descend(&mut self, database: &Database, number: u32, problems: &mut Vec<String>) {
        // A page that stands twice in a tree is damage, and might go round in circles.
        let result = if self.levels.len() >= MAX_LEVELS {
            Err(format!("expected at most {MAX_LEVELS} levels"))
        } else if self.visited.insert(number) {
            database.page(number)
        } else {
            Err("it stands twice in its table".to_owned())
        };
        match result {
            Ok(page) => self.levels.push(Level { page, taken: 0, number, at: 0 }),
            Err(error) => problems.push(format!("page {number} and the rows on it are lost: {error}")),
        }
    }
}

enum Step {
    /// A row at this place of the page.
    Row(usize),
    /// A page below.
    Down(u32),
    End,
}

/// What the cell `at` of a page leads to.
fn step(page: &[u8], number: u32, at: u16) -> Result<Step, String> {
    let failed = |error: BytesError| error.to_string();
    let start = if number == 1 { 100 } else { 0 };
    let mut head = Cursor::with_endian(page.get(start..).unwrap_or_default(), Endian::Big);
    let kind = head.u8().map_err(failed)?;
    head.take(2, "a free block").map_err(failed)?;
    let cells = head.u16().map_err(failed)?;
    head.take(3, "a page's head").map_err(failed)?;
    let last = match kind {
        0x0d => None,
        0x05 => Some(head.u32().map_err(failed)?),
        other => return Err(format!("expected a page of a table, found kind {other:#04x}")),
    };
    if at >= cells {
        return Ok(match last {
            Some(last) if at == cells => Step::Down(last),
            _ => Step::End,
        });
    }
    head.take(2 * usize::from(at), "cell pointers").map_err(failed)?;
    let offset = usize::from(head.u16().map_err(failed)?);
    if last.is_none() {
        return Ok(Step::Row(offset));
    }
    let mut cell = Cursor::with_endian(page.get(offset..).unwrap_or_default(), Endian::Big);
    cell.u32().map(Step::Down).map_err(failed)
}

fn varint(cursor: &mut Cursor<'_>) -> Result<u64, BytesError> {
    let mut value = 0u64;
    for _ in 0..8 {
        let byte = cursor.u8()?;
        value = value << 7 | u64::from(byte & 0x7f);
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Ok(value << 8 | u64::from(cursor.u8()?))
}

/// A row, and how many bytes of its page it takes.
fn row(
    database: &Database,
    bytes: &[u8],
    visited: &mut HashSet<u32>,
) -> Result<((i64, Vec<Cell>), usize), String> {
    let failed = |error: BytesError| error.to_string();
    let mut cursor = Cursor::with_endian(bytes, Endian::Big);
    let length = varint(&mut cursor).map_err(failed)?;
    let id = varint(&mut cursor).map_err(failed)? as i64;
    let payload = database.payload(&mut cursor, length, visited)?;
    let mut head = Cursor::with_endian(&payload, Endian::Big);
    let head_bytes = varint(&mut head).map_err(failed)? as usize;
    let mut body = Cursor::with_endian(&payload, Endian::Big);
    body.take(head_bytes, "a row's head").map_err(failed)?;
    let mut cells = Vec::new();
    while head.at() < head_bytes && cells.len() < MAX_COLUMNS {
        let kind = varint(&mut head).map_err(failed)?;
        cells.push(cell(&mut body, kind).map_err(failed)?);
    }
    Ok(((id, cells), cursor.at()))
}

fn cell(body: &mut Cursor<'_>, kind: u64) -> Result<Cell, BytesError> {
    let integer = |body: &mut Cursor<'_>, bytes: usize| {
        let bytes = body.take(bytes, "an integer")?;
        let negative = bytes.first().is_some_and(|byte| byte & 0x80 != 0);
        let start = if negative { -1i64 } else { 0 };
        Ok(Cell::Integer(bytes.iter().fold(start, |value, byte| value << 8 | i64::from(*byte))))
    };
    let length = |from: u64| usize::try_from((kind - from) / 2).unwrap_or(usize::MAX);
    match kind {
        0 => Ok(Cell::Null),
        1..=4 => integer(body, kind as usize),
        5 => integer(body, 6),
        6 => integer(body, 8),
        7 => Ok(Cell::Real(body.f64()?)),
        8 => Ok(Cell::Integer(0)),
        9 => Ok(Cell::Integer(1)),
        10 | 11 => Err(body.error("a value of a known kind", kind.to_string())),
        even if even % 2 == 0 => Ok(Cell::Blob(body.take(length(12), "a blob")?.to_vec())),
        _ => Ok(Cell::Text(String::from_utf8_lossy(body.take(length(13), "text")?).into_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_read_off_a_definition() {
        let sql =
            "CREATE TABLE messages(id INTEGER PRIMARY KEY,\n \"topic_id\" INT(3, 4) NOT NULL, data BLOB)";
        assert_eq!(columns(sql), ["id", "topic_id", "data"]);
    }

    #[test]
    fn integers_of_every_length_keep_their_sign() {
        let mut body = Cursor::with_endian(&[0xff, 0xfe, 0x7f, 0, 1], Endian::Big);
        assert_eq!(cell(&mut body, 2).expect("two bytes"), Cell::Integer(-2));
        assert_eq!(cell(&mut body, 3).expect("three bytes"), Cell::Integer(0x7f_0001));
    }

    /// A page of 512 bytes: rows at these places, and what stands there.
    fn leaf(start: usize, places: &[u16], bytes: &[(usize, &[u8])]) -> Vec<u8> {
        let mut page = vec![0; 512];
        page[start] = 0x0d;
        page[start + 4] = places.len() as u8;
        for (number, place) in places.iter().enumerate() {
            page[start + 8 + 2 * number..][..2].copy_from_slice(&place.to_be_bytes());
        }
        for (at, bytes) in bytes {
            page[*at..at + bytes.len()].copy_from_slice(bytes);
        }
        page
    }

    fn read(pages: &[Vec<u8>]) -> (usize, Vec<String>) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("made.db3");
        let mut bytes = pages.concat();
        bytes[..16].copy_from_slice(&MAGIC);
        bytes[16..18].copy_from_slice(&512u16.to_be_bytes());
        std::fs::write(&path, bytes).expect("a file");
        let database = Database::open(&path).expect("a database");
        let mut rows = Rows::new(Table { root: 1, columns: Vec::new() });
        let (mut count, mut problems) = (0, Vec::new());
        while rows.next(&database, &mut problems).is_some() {
            count += 1;
        }
        (count, problems)
    }

    #[test]
    fn rows_share_no_bytes_and_no_pages() {
        // A row of 102 bytes, to which six places lead: five of it are as much as a page has.
        let row = [&[100, 1, 2, 0][..], &[0; 98]].concat();
        let page = leaf(100, &[300; 6], &[(300, &row)]);
        let (count, problems) = read(&[page]);
        assert_eq!(count, 5);
        assert!(problems[0].contains("from its row 5 on: its rows lie over one another"), "{problems:?}");
        // A row of 64 MiB: 39 bytes stand here, the others on a page that leads to itself.
        let row = [&[0xa0, 0x80, 0x80, 0x00, 1][..], &[0; 39], &2u32.to_be_bytes()].concat();
        let next = [&2u32.to_be_bytes()[..], &[0; 508]].concat();
        let (count, problems) = read(&[leaf(100, &[200], &[(200, &row)]), next]);
        assert_eq!(count, 0);
        assert!(problems[0].contains("its page 2 stands twice in its table"), "{problems:?}");
    }
}
