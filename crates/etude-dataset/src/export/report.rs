//! The alignment report: the age of every value that an export uses, beside the export.
//!
//! A table in Parquet with a line per row and stream, and a summary in JSON.

use super::error::Error;
use super::layout::Layout;
use super::options::{RowOptions, RowRule, Stale};
use super::table::{Age, Hole, Piece, Table, default_max_age};
use arrow_array::{ArrayRef, DictionaryArray, Int32Array, Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use etude_episode::Episode;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// An alignment report in the making.
pub struct AlignmentReport {
    table: PathBuf,
    summary_path: PathBuf,
    schema: SchemaRef,
    writer: ArrowWriter<File>,
    rules: BTreeMap<String, RowRule>,
    summary: AlignmentSummary,
}

/// What an alignment report says in short.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AlignmentSummary {
    /// Rows per second.
    pub rate_hz: u32,
    /// Values further from their row than this were not used, ns.
    pub max_age_ns: i64,
    /// What became of episodes in which rows lack a value.
    pub stale: Stale,
    /// The clock of rows and ages.
    pub clock: &'static str,
    /// Per stream, the rule by which a row gets its value.
    pub rules: BTreeMap<String, RowRule>,
    /// Streams that no row carries.
    pub streams_not_carried: Vec<String>,
    /// The episodes of the export.
    pub episodes: Vec<EpisodeAlignment>,
}

/// An exported episode's rows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EpisodeAlignment {
    /// Its number in the export.
    pub episode_index: u64,
    /// The take.
    pub episode: String,
    /// Whether the source had no clocks, so that times were computed from its rate.
    pub synthetic_time: bool,
    /// Its rows.
    pub rows: usize,
    /// Instants of the whole take, with those that became no row or went to another episode.
    pub instants: usize,
    /// Time of its first row on the take's host clock, ns.
    pub first_row_ns: Option<i64>,
    /// Where instants are missing between its rows.
    pub holes: Vec<Hole>,
    /// Per stream, how far the values used are from their rows.
    pub ages: BTreeMap<String, Age>,
}

impl AlignmentReport {
    /// Begins a report: `<stem>.parquet` and `<stem>.json`. By custom the stem is `alignment` in the export's folder
    /// (or its folder of metadata), and the export's own name with `.alignment` for an export of one file.
    pub fn create(stem: &Path, layout: &Layout, options: &RowOptions) -> Result<Self, Error> {
        let name = stem.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let table = stem.with_file_name(format!("{name}.parquet"));
        let folder = table.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder).map_err(Error::file("making the folder", folder))?;
        let file = File::create(&table).map_err(Error::file("making the table", &table))?;
        let words = || DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
        let schema = Arc::new(Schema::new(vec![
            Field::new("episode_index", DataType::Int64, false),
            Field::new("row", DataType::Int64, false),
            Field::new("time_ns", DataType::Int64, false),
            Field::new("stream", words(), false),
            Field::new("age_ns", DataType::Int64, false),
            Field::new("rule", words(), false),
        ]));
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_created_by(format!("etude {}", env!("CARGO_PKG_VERSION")))
            .build();
        let writer =
            ArrowWriter::try_new(file, schema.clone(), Some(properties)).map_err(Error::parquet(&table))?;
        let rules: BTreeMap<String, RowRule> =
            layout.rules.iter().map(|(topic, rule)| (topic.to_string(), *rule)).collect();
        let summary = AlignmentSummary {
            rate_hz: layout.fps,
            max_age_ns: options.max_age.unwrap_or_else(|| default_max_age(layout.fps)).0,
            stale: options.stale,
            clock: "host",
            rules: rules.clone(),
            streams_not_carried: layout.left_out.iter().map(ToString::to_string).collect(),
            episodes: Vec::new(),
        };
        let summary_path = stem.with_file_name(format!("{name}.json"));
        Ok(Self { table, summary_path, schema, writer, rules, summary })
    }

    /// Adds an episode of the export: `piece` of `table`, in which every row is whole.
    pub fn push(
        &mut self,
        episode_index: u64,
        episode: &Episode,
        table: &Table,
        piece: &Piece,
    ) -> Result<(), Error> {
        let times = table.times_of(piece);
        let mut ages = BTreeMap::new();
        for (topic, all) in &table.ages_ns {
            let used: Vec<i64> =
                piece.rows.iter().filter_map(|row| all.get(*row).copied().flatten()).collect();
            ages.insert(topic.to_string(), Age::of(used.iter().copied()));
            let rule = self.rules.get(topic.as_str()).map_or("", |rule| rule.name());
            let count = used.len();
            let arrays: Vec<ArrayRef> = vec![
                Arc::new(Int64Array::from(vec![episode_index as i64; count])),
                Arc::new(Int64Array::from_iter_values(0..count as i64)),
                Arc::new(Int64Array::from(times.clone())),
                word(topic.as_str(), count)?,
                Arc::new(Int64Array::from(used)),
                word(rule, count)?,
            ];
            let batch = RecordBatch::try_new(self.schema.clone(), arrays)?;
            self.writer.write(&batch).map_err(Error::parquet(&self.table))?;
        }
        self.summary.episodes.push(EpisodeAlignment {
            episode_index,
            episode: episode.manifest().episode.to_string(),
            synthetic_time: matches!(episode.manifest().clock, etude_model::ClockKind::Synthetic { .. }),
            rows: piece.len(),
            instants: table.time_ns.len(),
            first_row_ns: times.first().copied(),
            holes: piece.holes(),
            ages,
        });
        Ok(())
    }

    /// Completes both files.
    pub fn finish(self) -> Result<AlignmentSummary, Error> {
        self.writer.close().map_err(Error::parquet(&self.table))?;
        let path = &self.summary_path;
        let text = serde_json::to_vec_pretty(&self.summary)
            .map_err(|error| Error::content(path, error.to_string()))?;
        fs::write(path, text).map_err(Error::file("writing", path))?;
        Ok(self.summary)
    }
}

/// The same word in every line.
fn word(text: &str, count: usize) -> Result<ArrayRef, Error> {
    let keys = Int32Array::from(vec![0; count]);
    Ok(Arc::new(DictionaryArray::try_new(keys, Arc::new(StringArray::from(vec![text])))?))
}
