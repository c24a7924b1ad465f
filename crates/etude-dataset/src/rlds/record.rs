//! `tf.train.Example` written into `TFRecord` shards. Columns of pictures wait in files, so that an episode needs no more
//! memory than its numbers.

use crate::export::{Error, NumberType};
use crate::foreign::tfrecord::{Checksum, checksum};
use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Which list of a feature: `BytesList`, `FloatList` or `Int64List`, by its number in `tf.train.Feature`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum List {
    Bytes = 1,
    Floats = 2,
    Ints = 3,
}

/// A feature of an example: its name and the bytes of its list.
pub(super) struct Column {
    name: String,
    list: List,
    body: Body,
}

enum Body {
    Memory(Vec<u8>),
    /// A file without a name, and how many bytes it has.
    Spooled(BufWriter<File>, u64),
}

fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// The front of a field with a length.
fn field(number: u64, length: u64, out: &mut Vec<u8>) {
    varint(number << 3 | 2, out);
    varint(length, out);
}

impl Column {
    pub(super) fn ints(name: &str, values: &[i64]) -> Self {
        let mut packed = Vec::new();
        for value in values {
            varint(value.cast_unsigned(), &mut packed);
        }
        Self::packed(name.to_owned(), List::Ints, &packed)
    }

    pub(super) fn texts<'t>(name: &str, texts: impl IntoIterator<Item = &'t [u8]>) -> Self {
        let mut body = Vec::new();
        for text in texts {
            field(1, text.len() as u64, &mut body);
            body.extend(text);
        }
        Self { name: name.to_owned(), list: List::Bytes, body: Body::Memory(body) }
    }

    /// Numbers, \[row, number\].
    pub(super) fn numbers(name: String, number: NumberType, width: usize, values: &[f64]) -> Self {
        match number {
            NumberType::F32 => {
                let packed: Vec<u8> = values.iter().flat_map(|value| (*value as f32).to_le_bytes()).collect();
                Self::packed(name, List::Floats, &packed)
            }
            NumberType::F64 => {
                let row = |row: &[f64]| row.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
                let rows: Vec<Vec<u8>> = values.chunks(width.max(1)).map(row).collect();
                Self::texts(&name, rows.iter().map(Vec::as_slice))
            }
            NumberType::I64 | NumberType::Bool => {
                let whole: Vec<i64> = values.iter().map(|value| *value as i64).collect();
                Self::ints(&name, &whole)
            }
        }
    }

    fn packed(name: String, list: List, packed: &[u8]) -> Self {
        let mut body = Vec::new();
        if !packed.is_empty() {
            field(1, packed.len() as u64, &mut body);
            body.extend(packed);
        }
        Self { name, list, body: Body::Memory(body) }
    }

    /// A column of bytes that waits in a file, which goes away by itself.
    pub(super) fn spooled(name: String, folder: &Path) -> Result<Self, Error> {
        let path = folder.join(format!("{}.waiting", name.replace('/', "_")));
        let mut options = File::options();
        let file = options.read(true).write(true).create(true).truncate(true).open(&path);
        let file = file.map_err(Error::file("making the file", &path))?;
        fs::remove_file(&path).map_err(Error::file("letting go of the file", &path))?;
        Ok(Self { name, list: List::Bytes, body: Body::Spooled(BufWriter::new(file), 0) })
    }

    /// Adds bytes to a column that waits in a file.
    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let mut head = Vec::new();
        field(1, bytes.len() as u64, &mut head);
        match &mut self.body {
            Body::Memory(body) => {
                body.extend(head);
                body.extend(bytes);
            }
            Body::Spooled(file, length) => {
                *length += (head.len() + bytes.len()) as u64;
                let written = file.write_all(&head).and_then(|()| file.write_all(bytes));
                written.map_err(Error::file("writing pictures of", Path::new(&self.name)))?;
            }
        }
        Ok(())
    }

    const fn length(&self) -> u64 {
        match &self.body {
            Body::Memory(body) => body.len() as u64,
            Body::Spooled(_, length) => *length,
        }
    }

    /// What stands before its list in the map of features.
    fn front(&self) -> Vec<u8> {
        let length = self.length();
        let mut list = Vec::new();
        field(self.list as u64, length, &mut list);
        let mut feature = Vec::new();
        field(2, list.len() as u64 + length, &mut feature);
        feature.extend(list);
        let mut name = Vec::new();
        field(1, self.name.len() as u64, &mut name);
        name.extend(self.name.as_bytes());
        let mut front = Vec::new();
        field(1, (name.len() + feature.len()) as u64 + length, &mut front);
        front.extend(name);
        front.extend(feature);
        front
    }
}

/// Bytes on their way into a shard, with their checksum.
struct Guarded<'w> {
    output: &'w mut BufWriter<File>,
    checksum: Checksum,
}

impl Write for Guarded<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.output.write(bytes)?;
        self.checksum.update(bytes.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.output.flush()
    }
}

/// A shard that was written.
pub(super) struct Shard {
    pub(super) records: u64,
    /// Bytes of its records, without their frames.
    pub(super) bytes: u64,
}

/// The shards of a dataset; their names count how many there are, and so are given at the end.
pub(super) struct Shards {
    folder: PathBuf,
    limit_bytes: u64,
    open: Option<(PathBuf, BufWriter<File>)>,
    written: Vec<Shard>,
}

impl Shards {
    pub(super) fn new(folder: &Path, limit_bytes: u64) -> Self {
        Self { folder: folder.to_owned(), limit_bytes, open: None, written: Vec::new() }
    }

    fn waiting(&self, number: usize) -> PathBuf {
        self.folder.join(format!("shard-{number:05}.waiting"))
    }

    /// Writes an episode.
    pub(super) fn push(&mut self, columns: Vec<Column>) -> Result<(), Error> {
        let fronts: Vec<Vec<u8>> = columns.iter().map(Column::front).collect();
        let inner: u64 =
            columns.iter().zip(&fronts).map(|(column, front)| front.len() as u64 + column.length()).sum();
        let mut head = Vec::new();
        field(1, inner, &mut head);
        let length = head.len() as u64 + inner;
        let is_full = self.written.last().is_some_and(|shard| shard.bytes >= self.limit_bytes);
        if self.open.is_none() || is_full {
            self.close()?;
            let path = self.waiting(self.written.len());
            let file = File::create(&path).map_err(Error::file("making the shard", &path))?;
            self.open = Some((path, BufWriter::with_capacity(1 << 20, file)));
            self.written.push(Shard { records: 0, bytes: 0 });
        }
        let Some((path, output)) = &mut self.open else { return Ok(()) };
        write(output, length, &head, fronts, columns).map_err(Error::file("writing the shard", path))?;
        if let Some(shard) = self.written.last_mut() {
            shard.records += 1;
            shard.bytes += length;
        }
        Ok(())
    }

    fn close(&mut self) -> Result<(), Error> {
        let Some((path, mut output)) = self.open.take() else { return Ok(()) };
        output.flush().map_err(Error::file("writing the shard", &path))
    }

    /// Gives the shards their names.
    pub(super) fn finish(mut self, name: &str, split: &str) -> Result<Vec<Shard>, Error> {
        self.close()?;
        let of = self.written.len();
        for number in 0..of {
            let to = self.folder.join(format!("{name}-{split}.tfrecord-{number:05}-of-{of:05}"));
            fs::rename(self.waiting(number), &to).map_err(Error::file("naming the shard", &to))?;
        }
        Ok(self.written)
    }
}

fn write(
    output: &mut BufWriter<File>,
    length: u64,
    head: &[u8],
    fronts: Vec<Vec<u8>>,
    columns: Vec<Column>,
) -> std::io::Result<()> {
    let stated = length.to_le_bytes();
    output.write_all(&stated)?;
    output.write_all(&checksum(&stated).to_le_bytes())?;
    let mut guarded = Guarded { output, checksum: Checksum::new() };
    guarded.write_all(head)?;
    for (front, column) in fronts.into_iter().zip(columns) {
        guarded.write_all(&front)?;
        match column.body {
            Body::Memory(body) => guarded.write_all(&body)?,
            Body::Spooled(file, length) => {
                let mut file = file.into_inner().map_err(std::io::IntoInnerError::into_error)?;
                file.seek(SeekFrom::Start(0))?;
                let copied = std::io::copy(&mut BufReader::new(file).take(length), &mut guarded)?;
                if copied != length {
                    return Err(std::io::Error::other(
                        "a column that waited in a file is shorter than it was",
                    ));
                }
            }
        }
    }
    let checksum = guarded.checksum.finish();
    output.write_all(&checksum.to_le_bytes())
}
