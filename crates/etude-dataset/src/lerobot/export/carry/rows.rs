//! Columns that stay what they were.

use super::super::super::error::Error;
use super::super::super::info::{Feature, Info};
use crate::columns;
use crate::problem::Problem;
use crate::stats::Accumulator;
use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, FixedSizeListArray, Int64Array, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::metadata::KeyValue;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

/// Rows that are in memory at a time.
const ROWS_AT_ONCE: usize = 16_384;

/// Columns that only count.
const COUNTED: [&str; 3] = ["frame_index", "episode_index", "index"];

/// A column as it is carried.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Column {
    pub(super) key: String,
    /// Numbers of a row.
    pub(super) width: usize,
    /// Whether it numbers rows, such as `frame_index`.
    pub(super) is_numbering: bool,
    pub(super) dtype: String,
    kind: DataType,
}

/// Where a batch's rows go.
pub(super) struct At<'t> {
    /// The episode's number.
    pub(super) episode: u64,
    /// The number of the episode's first row in the whole dataset.
    pub(super) first: u64,
    /// That of the batch's.
    pub(super) row: u64,
    /// New numbers of tasks by their old ones.
    pub(super) tasks: &'t BTreeMap<i64, i64>,
}

impl Column {
    /// The columns of a dataset's tables: features in their order, those that number rows last.
    pub(super) fn all(info: &Info) -> Result<Vec<Self>, String> {
        let stored = info.features.iter().filter(|feature| feature.dtype != "video");
        let mut columns = stored.map(Self::of).collect::<Result<Vec<_>, _>>()?;
        columns.sort_by_key(|column| column.is_numbering);
        for key in ["timestamp", "task_index"] {
            if !columns.iter().any(|column| column.key == key) {
                return Err(format!("expected the feature {key}, which version 3.0 needs, found none"));
            }
        }
        for key in COUNTED {
            if !columns.iter().any(|column| column.key == key) {
                let (key, dtype) = (key.to_owned(), "int64".to_owned());
                columns.push(Self { key, width: 1, is_numbering: true, dtype, kind: DataType::Int64 });
            }
        }
        Ok(columns)
    }

    fn of(feature: &Feature) -> Result<Self, String> {
        let kind = match feature.dtype.as_str() {
            "float16" => DataType::Float16,
            "float32" => DataType::Float32,
            "float64" => DataType::Float64,
            "int8" => DataType::Int8,
            "int16" => DataType::Int16,
            "int32" => DataType::Int32,
            "int64" => DataType::Int64,
            "uint8" => DataType::UInt8,
            "uint16" => DataType::UInt16,
            "uint32" => DataType::UInt32,
            "bool" => DataType::Boolean,
            "string" => DataType::Utf8,
            other => {
                return Err(format!(
                    "the feature {} is of the type {other}, which cannot be carried as it is",
                    feature.key
                ));
            }
        };
        let [width] = *feature.shape.as_slice() else {
            let message = "expected one dimension, which alone can be carried as it is";
            return Err(format!("the feature {} has the shape {:?}, {message}", feature.key, feature.shape));
        };
        Ok(Self {
            key: feature.key.clone(),
            width: width.max(1),
            is_numbering: feature.is_numbering(),
            dtype: feature.dtype.clone(),
            kind,
        })
    }

    /// Whether statistics can be said of it.
    pub(super) fn has_numbers(&self) -> bool {
        self.kind != DataType::Utf8
    }

    fn element(&self) -> Arc<Field> {
        Arc::new(Field::new("element", self.kind.clone(), true))
    }

    fn field(&self) -> Field {
        let kind = match self.width {
            1 => self.kind.clone(),
            width => DataType::FixedSizeList(self.element(), width as i32),
        };
        Field::new(&self.key, kind, true)
    }

    /// The same numbers in the form of version 3.0: a number, or a list of the feature's length.
    fn array(&self, array: &ArrayRef) -> Result<ArrayRef, String> {
        let values = match array.data_type() {
            DataType::List(_) => {
                let list = array.as_list::<i32>();
                self.even((0..list.len()).map(|row| list.value_length(row) as usize), array)?;
                let from = list.value_offsets().first().copied().unwrap_or(0) as usize;
                list.values().slice(from, list.len() * self.width)
            }
            DataType::LargeList(_) => {
                let list = array.as_list::<i64>();
                self.even((0..list.len()).map(|row| list.value_length(row) as usize), array)?;
                let from = list.value_offsets().first().copied().unwrap_or(0) as usize;
                list.values().slice(from, list.len() * self.width)
            }
            DataType::FixedSizeList(_, width) => {
                let list = array.as_fixed_size_list();
                self.even(std::iter::once(*width as usize), array)?;
                list.values().slice(list.value_offset(0) as usize, list.len() * self.width)
            }
            _ => {
                self.even(std::iter::once(1), array)?;
                array.clone()
            }
        };
        if *values.data_type() != self.kind {
            return Err(format!("{}: expected {}, found {}", self.key, self.dtype, values.data_type()));
        }
        if self.width == 1 {
            return Ok(values);
        }
        let list = FixedSizeListArray::try_new(self.element(), self.width as i32, values, None);
        list.map(|list| Arc::new(list) as ArrayRef).map_err(|error| format!("{}: {error}", self.key))
    }

    /// Refuses rows of another length, and rows that are not there.
    fn even(&self, mut lengths: impl Iterator<Item = usize>, array: &ArrayRef) -> Result<(), String> {
        let expected = format!("expected {} numbers in every row", self.width);
        if self.width > 1 && array.null_count() > 0 {
            return Err(format!("{}: {expected}, found {} rows without", self.key, array.null_count()));
        }
        match lengths.find(|length| *length != self.width) {
            Some(found) => Err(format!("{}: {expected}, found {found}", self.key)),
            None => Ok(()),
        }
    }

    /// How the `datasets` library describes it.
    fn described(&self) -> Value {
        let number = json!({"dtype": self.dtype, "_type": "Value"});
        match self.width {
            1 => number,
            width => json!({"feature": number, "length": width, "_type": "List"}),
        }
    }
}

/// The schema of the data table with the metadata that the `datasets` library reads.
pub(super) fn schema(columns: &[Column]) -> (SchemaRef, KeyValue) {
    let described: Map<String, Value> =
        columns.iter().map(|column| (column.key.clone(), column.described())).collect();
    let metadata = json!({"info": {"features": described}}).to_string();
    let fields: Vec<Field> = columns.iter().map(Column::field).collect();
    (Arc::new(Schema::new(fields)), KeyValue::new("huggingface".to_owned(), metadata))
}

/// The rows of a table, some at a time; of a part, from its first row on as many as it has.
pub(super) fn batches(
    path: &Path,
    part: Option<(u64, u64)>,
) -> Result<impl Iterator<Item = Result<RecordBatch, Error>> + use<>, Error> {
    let file = File::open(path).map_err(Error::file("opening", path))?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(Error::parquet(path))?;
    let builder = match part {
        Some((first, count)) => builder.with_offset(first as usize).with_limit(count as usize),
        None => builder,
    };
    let reader = builder.with_batch_size(ROWS_AT_ONCE).build().map_err(Error::parquet(path))?;
    let path = path.to_owned();
    Ok(reader.map(move |batch| batch.map_err(|error| Error::content(&path, error.to_string()))))
}

/// A batch in the form of version 3.0. `own` takes what there is to say of its numbers, in the order of the columns that
/// have some.
pub(super) fn carried(
    columns: &[Column],
    batch: &RecordBatch,
    at: &At<'_>,
    own: &mut [Accumulator],
) -> Result<RecordBatch, String> {
    for name in batch.schema().fields().iter().map(|field| field.name().as_str()) {
        if !columns.iter().any(|column| column.key == name) {
            return Err(format!("the column {name} is no feature of info.json, so it would be lost"));
        }
    }
    let (count, mut arrays) = (batch.num_rows(), Vec::with_capacity(columns.len()));
    let mut own = own.iter_mut();
    let mut values = Vec::new();
    for column in columns {
        let array = match column.key.as_str() {
            "episode_index" => counted(std::iter::repeat_n(at.episode, count)),
            "index" => counted(at.row..at.row + count as u64),
            "frame_index" if batch.column_by_name("frame_index").is_none() => {
                counted(at.row - at.first..at.row - at.first + count as u64)
            }
            key => {
                let found = batch
                    .column_by_name(key)
                    .ok_or_else(|| format!("expected a column {key}, found none"))?;
                let array = column.array(found)?;
                if key == "task_index" { tasks(&array, at)? } else { array }
            }
        };
        if column.has_numbers()
            && let Some(own) = own.next()
        {
            values.clear();
            columns::append(&array, column.width, &mut values)?;
            values.chunks(column.width).for_each(|row| own.push(row.iter().copied()));
        }
        arrays.push(array);
    }
    let (schema, _) = schema(columns);
    RecordBatch::try_new(schema, arrays).map_err(|error| error.to_string())
}

/// Says where the times of an episode do not begin at 0, as LeRobot reads them.
pub(super) fn tell_times(batch: &RecordBatch, name: &str, problems: &mut Vec<Problem>) {
    let mut times = Vec::new();
    let is_read =
        batch.column_by_name("timestamp").is_some_and(|array| columns::append(array, 1, &mut times).is_ok());
    if let Some(first) = times.first().filter(|first| is_read && first.abs() > 1e-3) {
        let message = format!(
            "its timestamps begin at {first:.4} s and are carried so; LeRobot looks there for its first frame"
        );
        problems.push(Problem::note(name, message));
    }
}

fn counted(values: impl Iterator<Item = u64>) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(values.map(|value| value as i64)))
}

/// The new numbers of tasks.
fn tasks(array: &ArrayRef, at: &At<'_>) -> Result<ArrayRef, String> {
    let old = columns::integers(array).ok_or("task_index: expected a whole number in every row")?;
    let new = old.iter().map(|old| {
        let new = at.tasks.get(old);
        new.copied().ok_or_else(|| format!("task_index: {old} is no task of tasks.jsonl"))
    });
    Ok(Arc::new(Int64Array::from(new.collect::<Result<Vec<_>, _>>()?)))
}
