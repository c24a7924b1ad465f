//! Plain Parquet: a table per stream, a line per message, all three times.
//!
//! `<topic>.parquet` below the episode's folder: `device_time_ns` (i64, absent where the device says none),
//! `host_time_ns`, `log_time_ns` (i64), then the fields. What the stream is (kind, rate, frame, names and units of its channels) stands in the table's metadata as
//! `etude.stream`, where the episode came from as `etude.provenance`. Frames of video are the bytes of their access
//! units. The card is `card.toml`.

use super::cells::{Cell, cells};
use super::{Source, silent};
use crate::export::Error;
use crate::problem::Problem;
use arrow_array::builder::{
    ArrayBuilder, BinaryBuilder, BooleanBuilder, Float32Builder, Float64Builder, Int64Builder, ListBuilder,
    StringBuilder, UInt16Builder, UInt64Builder,
};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use etude_model::{DeviceTime, Stamp, StreamSpec};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use std::collections::HashMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Messages that are written at once.
const ROWS_AT_ONCE: usize = 2048;
/// Bytes of messages that are written at once.
const BYTES_AT_ONCE: usize = 4 << 20;

/// Writes an episode; returns how many messages.
pub(super) fn write(source: &Source<'_>, folder: &Path, problems: &mut Vec<Problem>) -> Result<u64, Error> {
    fs::create_dir_all(folder).map_err(Error::file("making the folder", folder))?;
    let card = folder.join("card.toml");
    fs::write(&card, source.card_toml).map_err(Error::file("writing", &card))?;
    let mut all = 0;
    for stream in source.episode.streams() {
        let count = write_stream(source, &stream.spec, folder)?;
        if count == 0 {
            silent(source, &stream.spec, problems);
        }
        all += count;
    }
    Ok(all)
}

fn write_stream(source: &Source<'_>, spec: &StreamSpec, folder: &Path) -> Result<u64, Error> {
    let failed = |error: etude_episode::ReadError| Error::episode(source.episode.name(), error.to_string());
    let mut table: Option<Table> = None;
    let mut count = 0;
    for message in source.episode.messages(&[spec.topic.as_str()], ..).map_err(failed)? {
        let message = message.map_err(failed)?;
        let cells = cells(&message.sample);
        let table = match &mut table {
            Some(table) => table,
            None => table.insert(Table::create(source, spec, folder, &cells)?),
        };
        table.push(message.stamp, cells)?;
        count += 1;
    }
    table.map_or(Ok(()), Table::close)?;
    Ok(count)
}

/// `/robot/joint_states` becomes `robot/joint_states.parquet`; nothing leaves the folder.
fn path_of(topic: &str, folder: &Path) -> PathBuf {
    let legal = |c: char| if c.is_alphanumeric() || matches!(c, '_' | '-' | '.') { c } else { '_' };
    let parts = topic.split('/').filter(|part| !part.is_empty() && !part.chars().all(|c| c == '.'));
    let mut parts: Vec<String> = parts.map(|part| part.chars().map(legal).collect()).collect();
    let name = parts.pop().unwrap_or_else(|| "stream".to_owned());
    folder.join(parts.iter().collect::<PathBuf>()).join(format!("{name}.parquet"))
}

struct Table {
    path: PathBuf,
    schema: SchemaRef,
    writer: ArrowWriter<File>,
    times: [Int64Builder; 3],
    columns: Vec<Column>,
    rows: usize,
    bytes: usize,
}

impl Table {
    fn create(
        source: &Source<'_>,
        spec: &StreamSpec,
        folder: &Path,
        first: &[(&'static str, Cell)],
    ) -> Result<Self, Error> {
        let path = path_of(spec.topic.as_str(), folder);
        let parent = path.parent().unwrap_or(folder);
        fs::create_dir_all(parent).map_err(Error::file("making the folder", parent))?;
        let columns: Vec<Column> = first.iter().map(|(_, cell)| Column::of(cell)).collect();
        let time = |name: &str| Field::new(name, DataType::Int64, name == "device_time_ns");
        let mut fields = vec![time("device_time_ns"), time("host_time_ns"), time("log_time_ns")];
        fields.extend(
            first
                .iter()
                .zip(&columns)
                .map(|((name, _), column)| Field::new(*name, column.data_type(), false)),
        );
        let stream = serde_json::to_string(spec).map_err(|error| Error::content(&path, error.to_string()))?;
        let metadata = HashMap::from([
            ("etude.stream".to_owned(), stream),
            ("etude.provenance".to_owned(), source.provenance.to_json()),
        ]);
        let schema = Arc::new(Schema::new_with_metadata(fields, metadata));
        let file = File::create_new(&path).map_err(Error::file("making the table", &path))?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_created_by(format!("etude {}", env!("CARGO_PKG_VERSION")))
            .build();
        let writer =
            ArrowWriter::try_new(file, schema.clone(), Some(properties)).map_err(Error::parquet(&path))?;
        let times = std::array::from_fn(|_| Int64Builder::new());
        Ok(Self { path, schema, writer, times, columns, rows: 0, bytes: 0 })
    }

    fn push(&mut self, stamp: Stamp, cells: Vec<(&'static str, Cell)>) -> Result<(), Error> {
        let device = stamp.device.map(DeviceTime::ns);
        let times = [device, Some(stamp.host.ns()), Some(stamp.log.ns())];
        self.times.iter_mut().zip(times).for_each(|(column, time)| column.append_option(time));
        for (column, (name, cell)) in self.columns.iter_mut().zip(cells) {
            self.bytes += column.push(cell).ok_or_else(|| {
                Error::content(&self.path, format!("the messages change the type of {name}"))
            })?;
        }
        self.rows += 1;
        if self.rows >= ROWS_AT_ONCE || self.bytes >= BYTES_AT_ONCE { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), Error> {
        if self.rows == 0 {
            return Ok(());
        }
        let times = self.times.iter_mut().map(|time| -> ArrayRef { Arc::new(time.finish()) });
        let mut arrays: Vec<ArrayRef> = times.collect();
        arrays.extend(self.columns.iter_mut().map(Column::finish));
        let batch = RecordBatch::try_new(self.schema.clone(), arrays)?;
        self.writer.write(&batch).map_err(Error::parquet(&self.path))?;
        // Pictures are large: a row group of them is written as soon as it has some.
        if self.writer.in_progress_size() >= BYTES_AT_ONCE * 4 {
            self.writer.flush().map_err(Error::parquet(&self.path))?;
        }
        (self.rows, self.bytes) = (0, 0);
        Ok(())
    }

    fn close(mut self) -> Result<(), Error> {
        self.flush()?;
        self.writer.close().map(drop).map_err(Error::parquet(&self.path))
    }
}

/// A field's column that is being filled.
enum Column {
    F64(Float64Builder),
    F64s(ListBuilder<Float64Builder>),
    F32s(ListBuilder<Float32Builder>),
    U16s(ListBuilder<UInt16Builder>),
    U64(UInt64Builder),
    I64(Int64Builder),
    Flag(BooleanBuilder),
    Text(StringBuilder),
    Bytes(BinaryBuilder),
}

fn element(kind: DataType) -> Field {
    Field::new("element", kind, false)
}

fn list<B: ArrayBuilder>(values: B, kind: DataType) -> ListBuilder<B> {
    ListBuilder::new(values).with_field(element(kind))
}

impl Column {
    fn of(cell: &Cell) -> Self {
        match cell {
            Cell::F64(_) => Self::F64(Float64Builder::new()),
            Cell::F64s(_) => Self::F64s(list(Float64Builder::new(), DataType::Float64)),
            Cell::F32s(_) => Self::F32s(list(Float32Builder::new(), DataType::Float32)),
            Cell::U16s(_) => Self::U16s(list(UInt16Builder::new(), DataType::UInt16)),
            Cell::U64(_) => Self::U64(UInt64Builder::new()),
            Cell::I64(_) => Self::I64(Int64Builder::new()),
            Cell::Flag(_) => Self::Flag(BooleanBuilder::new()),
            Cell::Text(_) => Self::Text(StringBuilder::new()),
            Cell::Bytes(_) => Self::Bytes(BinaryBuilder::new()),
        }
    }

    fn data_type(&self) -> DataType {
        let list = |kind| DataType::List(Arc::new(element(kind)));
        match self {
            Self::F64(_) => DataType::Float64,
            Self::F64s(_) => list(DataType::Float64),
            Self::F32s(_) => list(DataType::Float32),
            Self::U16s(_) => list(DataType::UInt16),
            Self::U64(_) => DataType::UInt64,
            Self::I64(_) => DataType::Int64,
            Self::Flag(_) => DataType::Boolean,
            Self::Text(_) => DataType::Utf8,
            Self::Bytes(_) => DataType::Binary,
        }
    }

    /// Appends a cell and returns its bytes; `None` where it is of another type.
    fn push(&mut self, cell: Cell) -> Option<usize> {
        match (self, cell) {
            (Self::F64(column), Cell::F64(value)) => column.append_value(value),
            (Self::F64s(column), Cell::F64s(values)) => {
                column.values().append_slice(&values);
                column.append(true);
                return Some(values.len() * 8);
            }
            (Self::F32s(column), Cell::F32s(values)) => {
                column.values().append_slice(&values);
                column.append(true);
                return Some(values.len() * 4);
            }
            (Self::U16s(column), Cell::U16s(values)) => {
                column.values().append_slice(&values);
                column.append(true);
                return Some(values.len() * 2);
            }
            (Self::U64(column), Cell::U64(value)) => column.append_value(value),
            (Self::I64(column), Cell::I64(value)) => column.append_value(value),
            (Self::Flag(column), Cell::Flag(value)) => column.append_value(value),
            (Self::Text(column), Cell::Text(text)) => column.append_value(text),
            (Self::Bytes(column), Cell::Bytes(bytes)) => {
                column.append_value(&bytes);
                return Some(bytes.len());
            }
            _ => return None,
        }
        Some(8)
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::F64(column) => Arc::new(column.finish()),
            Self::F64s(column) => Arc::new(column.finish()),
            Self::F32s(column) => Arc::new(column.finish()),
            Self::U16s(column) => Arc::new(column.finish()),
            Self::U64(column) => Arc::new(column.finish()),
            Self::I64(column) => Arc::new(column.finish()),
            Self::Flag(column) => Arc::new(column.finish()),
            Self::Text(column) => Arc::new(column.finish()),
            Self::Bytes(column) => Arc::new(column.finish()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_stays_in_its_folder() {
        let folder = Path::new("/out");
        assert_eq!(path_of("/robot/joint_states", folder), Path::new("/out/robot/joint_states.parquet"));
        assert_eq!(path_of("/../../etc/x y", folder), Path::new("/out/etc/x_y.parquet"));
        assert_eq!(path_of("/imported/next.reward", folder), Path::new("/out/imported/next.reward.parquet"));
        assert_eq!(path_of("//", folder), Path::new("/out/stream.parquet"));
    }
}
