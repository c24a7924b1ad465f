//! `tf.train.Example` in a file: where each feature's values are, and the values in order. Only the places are kept in
//! memory, so that an episode may have as many pictures as it likes.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};

/// Features of an example.
const MAX_FEATURES: usize = 4096;
/// The longest name of a feature, bytes.
const MAX_NAME_BYTES: u64 = 1024;
/// Places that are kept of one example.
const MAX_SPANS: usize = 4 << 20;
/// The longest text or picture, bytes; numbers taken at once.
const MAX_VALUE: u64 = 64 << 20;

/// What a feature's values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Bytes,
    Floats,
    Ints,
}

/// Values taken from a column.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Values {
    Bytes(Vec<Vec<u8>>),
    Floats(Vec<f32>),
    Ints(Vec<i64>),
}

/// Where a feature's values are.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub(crate) kind: Kind,
    /// How many values there are.
    pub(crate) values: u64,
    /// First byte and the byte after the last, of one value of bytes or of packed numbers.
    spans: Vec<(u64, u64)>,
    /// The next value: which span, and where in it.
    next: (usize, u64),
}

/// The features of one example.
pub(crate) struct Example {
    input: BufReader<File>,
    /// Where `input` stands.
    at: u64,
    pub(crate) columns: BTreeMap<String, Column>,
    spans: usize,
}

impl Example {
    /// Looks through the example in these bytes of the file.
    pub(crate) fn open(file: File, (from, to): (u64, u64)) -> Result<Self, String> {
        let input = BufReader::with_capacity(16 << 10, file);
        let mut example = Self { input, at: u64::MAX, columns: BTreeMap::new(), spans: 0 };
        example.seek(from)?;
        // Example { features = 1 }, Features { map<string, Feature> feature = 1 }
        example.each(to, &mut |example, field, end| match field {
            1 => example.each(end, &mut |example, field, end| match field {
                1 => example.entry(end),
                _ => Ok(()),
            }),
            _ => Ok(()),
        })?;
        Ok(example)
    }

    fn seek(&mut self, to: u64) -> Result<(), String> {
        let step = i128::from(to) - i128::from(self.at);
        let moved = match i64::try_from(step) {
            _ if self.at == u64::MAX => self.input.seek(SeekFrom::Start(to)).map(|_| ()),
            Ok(step) => self.input.seek_relative(step),
            Err(_) => self.input.seek(SeekFrom::Start(to)).map(|_| ()),
        };
        self.at = to;
        moved.map_err(|error| error.to_string())
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let mut bytes = [0; N];
        self.input.read_exact(&mut bytes).map_err(|error| error.to_string())?;
        self.at += N as u64;
        Ok(bytes)
    }

    fn varint(&mut self, end: u64) -> Result<u64, String> {
        let mut value = 0u64;
        for shift in (0..70).step_by(7) {
            if self.at >= end {
                return Err(format!("expected a number before byte {end}"));
            }
            let [byte] = self.take()?;
            value |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(format!("expected a number of at most 10 bytes before byte {}", self.at))
    }

    /// Goes through the fields of a message; of those with a length it calls `each` with their number and end.
    fn each(
        &mut self,
        end: u64,
        each: &mut dyn FnMut(&mut Self, u64, u64) -> Result<(), String>,
    ) -> Result<(), String> {
        while self.at < end {
            let key = self.varint(end)?;
            let length = match key & 7 {
                0 => {
                    self.varint(end)?;
                    continue;
                }
                1 => 8,
                2 => self.varint(end)?,
                5 => 4,
                other => {
                    return Err(format!("expected a field before byte {}, found the type {other}", self.at));
                }
            };
            let to = self.at.checked_add(length).filter(|to| *to <= end);
            let to = to.ok_or_else(|| format!("a field at byte {} is longer than what holds it", self.at))?;
            if key & 7 == 2 {
                each(self, key >> 3, to)?;
            }
            self.seek(to)?;
        }
        Ok(())
    }

    /// One entry of the map: a name and its feature. As protobuf has it, the last of a name counts.
    fn entry(&mut self, end: u64) -> Result<(), String> {
        let (mut name, mut column) = (String::new(), None);
        self.each(end, &mut |example, field, to| {
            match field {
                1 => {
                    let length = to - example.at;
                    if length > MAX_NAME_BYTES {
                        return Err(format!(
                            "expected a name of at most {MAX_NAME_BYTES} bytes, found {length}"
                        ));
                    }
                    let bytes = example.bytes((example.at, to))?;
                    name = String::from_utf8_lossy(&bytes).into_owned();
                }
                2 => {
                    example.each(to, &mut |example, field, to| {
                        let kind = match field {
                            1 => Kind::Bytes,
                            2 => Kind::Floats,
                            3 => Kind::Ints,
                            _ => return Ok(()),
                        };
                        column = Some(example.column(kind, to)?);
                        Ok(())
                    })?;
                }
                _ => {}
            }
            Ok(())
        })?;
        if self.columns.len() >= MAX_FEATURES {
            return Err(format!("expected at most {MAX_FEATURES} features, found more"));
        }
        // A feature without a list is an empty one.
        if let Some(column) = column {
            self.columns.insert(name, column);
        }
        Ok(())
    }

    /// A list of values: `repeated bytes`, or numbers, packed or one by one.
    fn column(&mut self, kind: Kind, end: u64) -> Result<Column, String> {
        let mut column = Column { kind, values: 0, spans: Vec::new(), next: (0, 0) };
        while self.at < end {
            let key = self.varint(end)?;
            let from = self.at;
            let (span, values) = match (key >> 3, key & 7, kind) {
                (1, 0, Kind::Ints) => {
                    self.varint(end)?;
                    ((from, self.at), 1)
                }
                (1, 5, Kind::Floats) => ((from, from.saturating_add(4)), 1),
                (1, 2, _) => {
                    let length = self.varint(end)?;
                    let span = (self.at, self.at.saturating_add(length));
                    if span.1 > end {
                        return Err(format!("values at byte {} are longer than what holds them", self.at));
                    }
                    let values = match kind {
                        Kind::Bytes => 1,
                        Kind::Floats if length % 4 != 0 => {
                            return Err(format!(
                                "expected 32-bit numbers at byte {}, found {length} bytes",
                                self.at
                            ));
                        }
                        Kind::Floats => length / 4,
                        Kind::Ints => self.whole_numbers(span)?,
                    };
                    (span, values)
                }
                _ => return Err(format!("expected a list of values at byte {from}, found the field {key}")),
            };
            if span.1 > end {
                return Err(format!("a value at byte {from} is longer than what holds it"));
            }
            self.spans += 1;
            if self.spans > MAX_SPANS {
                return Err(format!("expected at most {MAX_SPANS} texts and pictures, found more"));
            }
            if values > 0 || kind == Kind::Bytes {
                column.spans.push(span);
            }
            column.values += values;
            self.seek(span.1)?;
        }
        column.next = (0, column.spans.first().map_or(0, |span| span.0));
        Ok(column)
    }

    /// How many packed numbers stand in these bytes: each ends with a byte below 128.
    fn whole_numbers(&mut self, (from, to): (u64, u64)) -> Result<u64, String> {
        let failed = |error: io::Error| error.to_string();
        let (mut values, mut left, mut last) = (0, to - from, 0);
        let mut buffer = [0; 4096];
        while left > 0 {
            let part = buffer.get_mut(..left.min(4096) as usize).unwrap_or_default();
            self.input.read_exact(part).map_err(failed)?;
            values += part.iter().filter(|byte| **byte < 0x80).count() as u64;
            last = part.last().copied().unwrap_or(0);
            left -= part.len() as u64;
        }
        self.at = to;
        if last >= 0x80 { Err(format!("a number ends early at byte {to}")) } else { Ok(values) }
    }

    fn bytes(&mut self, (from, to): (u64, u64)) -> Result<Vec<u8>, String> {
        let length = to.saturating_sub(from);
        if length > MAX_VALUE {
            return Err(format!("expected at most {MAX_VALUE} bytes, found {length}"));
        }
        self.seek(from)?;
        let mut bytes = vec![0; length as usize];
        self.input.read_exact(&mut bytes).map_err(|error| error.to_string())?;
        self.at = to;
        Ok(bytes)
    }

    /// The next values of a column; fewer than asked for where it ends.
    pub(crate) fn next(&mut self, name: &str, count: u64) -> Result<Values, String> {
        let Some(mut column) = self.columns.remove(name) else { return Ok(Values::Bytes(Vec::new())) };
        let values = self.read(&mut column, count);
        self.columns.insert(name.to_owned(), column);
        values
    }

    /// Passes by values. Coded pictures are not even read.
    pub(crate) fn skip(&mut self, name: &str, count: u64) -> Result<(), String> {
        match self.columns.get_mut(name) {
            Some(column) if column.kind == Kind::Bytes => {
                let count = usize::try_from(count).unwrap_or(usize::MAX);
                column.next.0 = column.next.0.saturating_add(count);
                Ok(())
            }
            _ => self.next(name, count).map(drop),
        }
    }

    /// All texts of a column, which stays where it is.
    pub(crate) fn texts(&mut self, name: &str) -> Result<Vec<String>, String> {
        let Some(mut column) = self.columns.get(name).cloned() else { return Ok(Vec::new()) };
        let count = column.values;
        match self.read(&mut column, count)? {
            Values::Bytes(texts) => {
                Ok(texts.iter().map(|text| String::from_utf8_lossy(text).into_owned()).collect())
            }
            _ => Ok(Vec::new()),
        }
    }

    fn read(&mut self, column: &mut Column, count: u64) -> Result<Values, String> {
        if count > MAX_VALUE / 8 {
            return Err(format!("expected at most {} numbers in a step, found {count}", MAX_VALUE / 8));
        }
        let (mut texts, mut floats, mut ints, mut total) = (Vec::new(), Vec::new(), Vec::new(), 0u64);
        for _ in 0..count {
            let (mut span, mut at) = column.next;
            // The next value stands at the front of the next span where this one is used up.
            while column.kind != Kind::Bytes && column.spans.get(span).is_some_and(|(_, to)| at >= *to) {
                span += 1;
                at = column.spans.get(span).map_or(0, |span| span.0);
            }
            let Some((from, to)) = column.spans.get(span).copied() else { break };
            column.next = match column.kind {
                Kind::Bytes => {
                    total = total.saturating_add(to - from);
                    if total > MAX_VALUE {
                        return Err(format!("expected at most {MAX_VALUE} bytes in a step, found more"));
                    }
                    texts.push(self.bytes((from, to))?);
                    (span + 1, 0)
                }
                Kind::Floats => {
                    self.seek(at)?;
                    floats.push(f32::from_le_bytes(self.take()?));
                    (span, self.at)
                }
                Kind::Ints => {
                    self.seek(at)?;
                    ints.push(self.varint(to)?.cast_signed());
                    (span, self.at)
                }
            };
        }
        Ok(match column.kind {
            Kind::Bytes => Values::Bytes(texts),
            Kind::Floats => Values::Floats(floats),
            Kind::Ints => Values::Ints(ints),
        })
    }
}
