//! The tables of LeRobotDataset v3.0: files that roll over at a size, one row group per write, in pyarrow's form.

use super::error::Error;
use crate::export::NumberType;
use arrow_array::builder::{Float64Builder, ListBuilder};
use arrow_array::{
    ArrayRef, BooleanArray, FixedSizeListArray, Float32Array, Float64Array, Int64Array, ListArray,
    RecordBatch, StringArray,
};
use arrow_schema::{DataType, Field, FieldRef, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::schema::types::ColumnPath;
use serde_json::{Map, Value, json};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Files of one folder, by LeRobot's default.
pub(crate) const CHUNK_FILES: u64 = 1000;

const fn arrow(number: NumberType) -> DataType {
    match number {
        NumberType::F32 => DataType::Float32,
        NumberType::F64 => DataType::Float64,
        NumberType::I64 => DataType::Int64,
        NumberType::Bool => DataType::Boolean,
    }
}

/// A column of the data table.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Column {
    pub(crate) key: String,
    pub(crate) number: NumberType,
    pub(crate) width: usize,
}

impl Column {
    pub(crate) fn new(key: &str, number: NumberType, width: usize) -> Self {
        Self { key: key.to_owned(), number, width }
    }

    fn field(&self) -> Field {
        let number = arrow(self.number);
        let kind = if self.width == 1 {
            number
        } else {
            DataType::FixedSizeList(Arc::new(Field::new("element", number, true)), self.width as i32)
        };
        Field::new(&self.key, kind, true)
    }

    /// The column of these numbers, \[row, number\].
    pub(crate) fn array(&self, values: &[f64]) -> Result<ArrayRef, Error> {
        let numbers: ArrayRef = match self.number {
            // Exact for what came from f32; the nearest f32 for what was measured in f64.
            NumberType::F32 => {
                Arc::new(Float32Array::from_iter_values(values.iter().map(|value| *value as f32)))
            }
            NumberType::F64 => Arc::new(Float64Array::from_iter_values(values.iter().copied())),
            NumberType::I64 => {
                Arc::new(Int64Array::from_iter_values(values.iter().map(|value| *value as i64)))
            }
            NumberType::Bool => {
                Arc::new(BooleanArray::from(values.iter().map(|value| *value != 0.0).collect::<Vec<bool>>()))
            }
        };
        if self.width == 1 {
            return Ok(numbers);
        }
        let element = Arc::new(Field::new("element", arrow(self.number), true));
        Ok(Arc::new(FixedSizeListArray::try_new(element, self.width as i32, numbers, None)?))
    }

    /// What a reader of the table gets for this number: statistics are those of the stored values.
    pub(crate) fn stored(&self, value: f64) -> f64 {
        if self.number == NumberType::F32 { f64::from(value as f32) } else { value }
    }

    /// How the `datasets` library describes it.
    fn described(&self) -> Value {
        let number = json!({"dtype": self.number.name(), "_type": "Value"});
        if self.width == 1 {
            number
        } else {
            json!({"feature": number, "length": self.width, "_type": "List"})
        }
    }
}

/// The schema of the data table with the metadata that the `datasets` library reads.
pub(crate) fn data_schema(columns: &[Column]) -> (SchemaRef, KeyValue) {
    let described: Map<String, Value> =
        columns.iter().map(|column| (column.key.clone(), column.described())).collect();
    let metadata = json!({"info": {"features": described}}).to_string();
    let fields: Vec<Field> = columns.iter().map(Column::field).collect();
    (Arc::new(Schema::new(fields)), KeyValue::new("huggingface".to_owned(), metadata))
}

/// How the files of a dataset are named by their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Naming {
    /// Version 3.0: several episodes in a file.
    Files,
    /// Version 2.1: a file for each episode, whose number it bears.
    Episodes,
}

impl Naming {
    /// A table's path below its folder.
    fn table(self, number: u64) -> String {
        let (chunk, file) = (number / CHUNK_FILES, number % CHUNK_FILES);
        match self {
            Self::Files => format!("chunk-{chunk:03}/file-{file:03}.parquet"),
            Self::Episodes => format!("chunk-{chunk:03}/episode_{number:06}.parquet"),
        }
    }

    /// A video's path below the folder of videos; `key`: its camera's feature.
    pub(crate) fn video(self, key: &str, number: u64) -> String {
        let (chunk, file) = (number / CHUNK_FILES, number % CHUNK_FILES);
        match self {
            Self::Files => format!("{key}/chunk-{chunk:03}/file-{file:03}.mp4"),
            Self::Episodes => format!("chunk-{chunk:03}/{key}/episode_{number:06}.mp4"),
        }
    }

    /// The size at which a new file begins: at once where each episode has its own.
    pub(crate) const fn limit_bytes(self, asked: u64) -> u64 {
        match self {
            Self::Files => asked,
            Self::Episodes => 0,
        }
    }
}

/// A table in files `chunk-000/file-000.parquet` and so on below one folder.
pub(crate) struct ShardedTable {
    folder: PathBuf,
    naming: Naming,
    schema: SchemaRef,
    metadata: Option<KeyValue>,
    limit_bytes: u64,
    number: u64,
    open: Option<(ArrowWriter<File>, PathBuf)>,
}

impl ShardedTable {
    pub(crate) fn new(
        folder: PathBuf,
        naming: Naming,
        schema: SchemaRef,
        metadata: Option<KeyValue>,
        limit_bytes: u64,
    ) -> Self {
        let limit_bytes = naming.limit_bytes(limit_bytes);
        Self { folder, naming, schema, metadata, limit_bytes, number: 0, open: None }
    }

    /// Chunk and file that the next `bytes` bytes will go to; begins a new file where they would not fit.
    pub(crate) fn place(&mut self, bytes: u64) -> Result<(u64, u64), Error> {
        let is_full = self
            .open
            .as_ref()
            .is_some_and(|(writer, _)| writer.bytes_written() as u64 + bytes > self.limit_bytes);
        if is_full {
            self.close()?;
            self.number += 1;
        }
        Ok((self.number / CHUNK_FILES, self.number % CHUNK_FILES))
    }

    /// Writes rows as a row group of their own.
    pub(crate) fn write(&mut self, batch: &RecordBatch) -> Result<(), Error> {
        if self.open.is_none() {
            let path = self.folder.join(self.naming.table(self.number));
            self.open = Some((create(&path, &self.schema, self.metadata.clone())?, path));
        }
        let (writer, path) = self.open.as_mut().expect("it was opened");
        writer.write(batch).and_then(|()| writer.flush()).map_err(Error::parquet(path))
    }

    /// Completes the last file.
    pub(crate) fn close(&mut self) -> Result<(), Error> {
        let Some((writer, path)) = self.open.take() else { return Ok(()) };
        writer.close().map(drop).map_err(Error::parquet(&path))
    }
}

/// The path of a column of floating-point numbers, single ones or lists of a fixed size.
fn measured(field: &Field) -> Option<ColumnPath> {
    let name = field.name().clone();
    match field.data_type() {
        kind if kind.is_floating() => Some(ColumnPath::new(vec![name])),
        DataType::FixedSizeList(item, _) if item.data_type().is_floating() => {
            Some(ColumnPath::new(vec![name, "list".to_owned(), item.name().clone()]))
        }
        _ => None,
    }
}

/// The metadata stands in the file's own pairs and in the Arrow schema within it: pyarrow reads only the latter.
fn create(path: &Path, schema: &SchemaRef, metadata: Option<KeyValue>) -> Result<ArrowWriter<File>, Error> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(Error::file("making the folder", folder))?;
    let file = File::create(path).map_err(Error::file("making the table", path))?;
    // What sensors measure hardly repeats: a dictionary of it makes files a third larger and costs most of the time.
    let measured = schema.fields().iter().filter_map(|field| measured(field));
    let properties = measured.fold(WriterProperties::builder(), |properties, column| {
        properties.set_column_dictionary_enabled(column, false)
    });
    let properties = properties
        .set_compression(Compression::SNAPPY)
        .set_created_by(format!("etude {}", env!("CARGO_PKG_VERSION")))
        .set_key_value_metadata(metadata.clone().map(|pair| vec![pair]))
        .build();
    let pairs = metadata.into_iter().filter_map(|pair| Some((pair.key, pair.value?))).collect();
    let schema = Arc::new(Schema::new_with_metadata(schema.fields().clone(), pairs));
    ArrowWriter::try_new(file, schema, Some(properties)).map_err(Error::parquet(path))
}

/// Writes `tasks.parquet`: the text is the index of a pandas frame, without whose metadata LeRobot takes the number
/// for the text.
pub(crate) fn write_tasks(path: &Path, tasks: &[String]) -> Result<(), Error> {
    let schema = Arc::new(Schema::new(vec![
        Field::new("task_index", DataType::Int64, true),
        Field::new("task", DataType::Utf8, true),
    ]));
    let pandas = json!({
        "index_columns": ["task"],
        "column_indexes": [{"name": null, "field_name": null, "pandas_type": "unicode", "numpy_type": "object",
            "metadata": {"encoding": "UTF-8"}}],
        "columns": [
            {"name": "task_index", "field_name": "task_index", "pandas_type": "int64", "numpy_type": "int64",
                "metadata": null},
            {"name": "task", "field_name": "task", "pandas_type": "unicode", "numpy_type": "object",
                "metadata": null},
        ],
        "creator": {"library": "etude", "version": env!("CARGO_PKG_VERSION")},
        "pandas_version": "2.2.0",
    });
    let metadata = KeyValue::new("pandas".to_owned(), pandas.to_string());
    let batch = RecordBatch::try_new(
        schema.clone(),
        vec![
            Arc::new(Int64Array::from_iter_values(0..tasks.len() as i64)),
            Arc::new(StringArray::from_iter_values(tasks)),
        ],
    )?;
    let mut writer = create(path, &schema, Some(metadata))?;
    writer.write(&batch).map_err(Error::parquet(path))?;
    writer.close().map(drop).map_err(Error::parquet(path))
}

fn element(kind: DataType) -> FieldRef {
    Arc::new(Field::new("element", kind, true))
}

/// Lists of numbers, \[row\]\[number\].
pub(crate) fn list_f64(rows: &[Vec<f64>]) -> ArrayRef {
    let mut builder = ListBuilder::new(Float64Builder::new()).with_field(element(DataType::Float64));
    for row in rows {
        builder.values().append_slice(row);
        builder.append(true);
    }
    Arc::new(builder.finish())
}

/// Lists of one whole number, \[row\].
pub(crate) fn list_i64(rows: &[u64]) -> ArrayRef {
    let values = rows.iter().map(|value| Some(vec![Some(*value as i64)]));
    let list = ListArray::from_iter_primitive::<arrow_array::types::Int64Type, _, _>(values);
    renamed(&list, DataType::Int64)
}

/// The same list with its elements named as pyarrow names them.
fn renamed(list: &ListArray, kind: DataType) -> ArrayRef {
    let (_, offsets, values, nulls) = list.clone().into_parts();
    Arc::new(ListArray::new(element(kind), offsets, values, nulls))
}

/// Lists of texts, \[row\]\[text\].
pub(crate) fn list_texts(rows: &[Vec<String>]) -> ArrayRef {
    let mut builder =
        ListBuilder::new(arrow_array::builder::StringBuilder::new()).with_field(element(DataType::Utf8));
    for row in rows {
        for text in row {
            builder.values().append_value(text);
        }
        builder.append(true);
    }
    Arc::new(builder.finish())
}

/// Numbers of images, \[row\]\[channel\], as lists of the shape (channel, 1, 1).
pub(crate) fn list_image(rows: &[Vec<f64>]) -> ArrayRef {
    let numbers = ListBuilder::new(Float64Builder::new()).with_field(element(DataType::Float64));
    let inner = DataType::List(element(DataType::Float64));
    let middle = ListBuilder::new(numbers).with_field(element(inner.clone()));
    let mut outer = ListBuilder::new(middle).with_field(element(DataType::List(element(inner))));
    for row in rows {
        for value in row {
            let middle = outer.values();
            middle.values().values().append_value(*value);
            middle.values().append(true);
            middle.append(true);
        }
        outer.append(true);
    }
    Arc::new(outer.finish())
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::Array;

    #[test]
    fn lists_have_the_form_of_pyarrow() {
        let image = list_image(&[vec![0.1, 0.2, 0.3]]);
        let text = format!("{}", image.data_type());
        assert_eq!(text.matches("element").count(), 3, "{text}");
        assert_eq!(list_i64(&[5, 6]).len(), 2);
        assert!(format!("{}", list_i64(&[5]).data_type()).contains("element"));
    }

    #[test]
    fn tasks_carry_their_metadata_where_pyarrow_looks() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("tasks.parquet");
        write_tasks(&path, &["lift".to_owned()]).expect("a table");
        let file = File::open(&path).expect("a file");
        let reader =
            parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file).expect("a table");
        assert!(
            reader
                .schema()
                .metadata()
                .get("pandas")
                .is_some_and(|text| text.contains("\"index_columns\":[\"task\"]"))
        );
        let pairs = reader.metadata().file_metadata().key_value_metadata().expect("pairs");
        assert!(pairs.iter().any(|pair| pair.key == "pandas"));
    }

    #[test]
    fn a_table_rolls_over_at_its_limit() {
        let folder = tempfile::tempdir().expect("a folder");
        let column = Column::new("action", NumberType::F32, 2);
        let (schema, metadata) = data_schema(std::slice::from_ref(&column));
        let mut table =
            ShardedTable::new(folder.path().to_owned(), Naming::Files, schema.clone(), Some(metadata), 1500);
        let mut places = Vec::new();
        for part in 0..3 {
            let values: Vec<f64> = (0..200).map(|i| f64::from(part * 1000 + i) * 0.37).collect();
            places.push(table.place(1000).expect("a place"));
            let array = column.array(&values).expect("an array");
            table
                .write(&RecordBatch::try_new(schema.clone(), vec![array]).expect("a batch"))
                .expect("written");
        }
        table.close().expect("closed");
        assert_eq!(places, [(0, 0), (0, 1), (0, 2)]);
        assert!(folder.path().join("chunk-000/file-002.parquet").exists());
    }
}
