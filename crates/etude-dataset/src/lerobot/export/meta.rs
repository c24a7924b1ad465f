//! What a dataset says of itself: info.json, stats.json, the table of episodes, and where each episode came from.

use super::super::error::Error;
use super::super::tables::{CHUNK_FILES, Naming, ShardedTable, list_f64, list_i64, list_image, list_texts};
use super::episode::Export;
use super::lines::info_v21;
use super::video::Placed;
use super::{DatasetLayout, ExportOptions};
use crate::export::{Age, Layout, Piece, Provenance, Table};
use crate::problem::Problem;
use crate::stats::quantile::EXACT;
use crate::stats::{QUANTILES, Summary};
use arrow_array::{ArrayRef, Float64Array, Int64Array, RecordBatch};
use arrow_schema::{Field, Schema};
use etude_model::{Card, Digest};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

/// Rows of the episodes table that are written at once.
const EPISODES_AT_ONCE: usize = 100;

/// One row of the episodes table.
pub(super) struct Record {
    pub(super) index: u64,
    pub(super) tasks: Vec<String>,
    pub(super) length: u64,
    pub(super) from_row: u64,
    pub(super) data: (u64, u64),
    pub(super) videos: Vec<Placed>,
    pub(super) numbers: Vec<Summary>,
    pub(super) images: Vec<Summary>,
}

/// The episodes table.
pub(super) struct EpisodeTable {
    columns: Vec<String>,
    cameras: Vec<String>,
    /// Numbers of features that come before the cameras.
    features: usize,
    table: Option<ShardedTable>,
    folder: std::path::PathBuf,
    limit_bytes: u64,
    rows: Vec<Record>,
}

impl EpisodeTable {
    /// `columns`: keys of what has numbers, the first `features` of them before the cameras; `cameras`: theirs.
    pub(super) fn new(
        folder: &Path,
        columns: Vec<String>,
        cameras: Vec<String>,
        features: usize,
        limit_bytes: u64,
    ) -> Self {
        Self {
            columns,
            cameras,
            features,
            table: None,
            folder: folder.join("meta/episodes"),
            limit_bytes,
            rows: Vec::new(),
        }
    }

    pub(super) fn push(&mut self, record: Record) -> Result<(), Error> {
        self.rows.push(record);
        if self.rows.len() >= EPISODES_AT_ONCE { self.flush() } else { Ok(()) }
    }

    pub(super) fn close(&mut self) -> Result<(), Error> {
        self.flush()?;
        self.table.as_mut().map_or(Ok(()), ShardedTable::close)
    }

    fn flush(&mut self) -> Result<(), Error> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let rows = std::mem::take(&mut self.rows);
        let mut columns = self.places(&rows);
        self.statistics(&rows, &mut columns);
        let bytes: usize = columns.iter().map(|(_, array)| array.get_array_memory_size()).sum();
        let place = match &mut self.table {
            Some(table) => table.place(bytes as u64)?,
            None => (0, 0),
        };
        for (name, number) in [("meta/episodes/chunk_index", place.0), ("meta/episodes/file_index", place.1)]
        {
            columns.push((name.to_owned(), integers(std::iter::repeat_n(number, rows.len()))));
        }
        let fields: Vec<Field> =
            columns.iter().map(|(name, array)| Field::new(name, array.data_type().clone(), true)).collect();
        let schema = Arc::new(Schema::new(fields));
        let batch =
            RecordBatch::try_new(schema.clone(), columns.into_iter().map(|(_, array)| array).collect())?;
        let (folder, limit) = (self.folder.clone(), self.limit_bytes);
        self.table
            .get_or_insert_with(|| ShardedTable::new(folder, Naming::Files, schema, None, limit))
            .write(&batch)
    }

    fn places(&self, rows: &[Record]) -> Vec<(String, ArrayRef)> {
        let mut columns = vec![
            ("episode_index".to_owned(), integers(rows.iter().map(|row| row.index))),
            ("tasks".to_owned(), list_texts(&rows.iter().map(|row| row.tasks.clone()).collect::<Vec<_>>())),
            ("length".to_owned(), integers(rows.iter().map(|row| row.length))),
            ("data/chunk_index".to_owned(), integers(rows.iter().map(|row| row.data.0))),
            ("data/file_index".to_owned(), integers(rows.iter().map(|row| row.data.1))),
            ("dataset_from_index".to_owned(), integers(rows.iter().map(|row| row.from_row))),
            ("dataset_to_index".to_owned(), integers(rows.iter().map(|row| row.from_row + row.length))),
        ];
        for (number, key) in self.cameras.iter().enumerate() {
            let videos = || rows.iter().filter_map(|row| row.videos.get(number));
            let seconds = |value: fn(&Placed) -> f64| -> ArrayRef {
                Arc::new(Float64Array::from_iter_values(videos().map(value)))
            };
            columns
                .push((format!("videos/{key}/chunk_index"), integers(videos().map(|placed| placed.chunk))));
            columns.push((format!("videos/{key}/file_index"), integers(videos().map(|placed| placed.file))));
            columns.push((format!("videos/{key}/from_timestamp"), seconds(|placed| placed.from_s)));
            columns.push((format!("videos/{key}/to_timestamp"), seconds(|placed| placed.to_s)));
        }
        columns
    }

    /// Statistics in the order of info.json's features: features, cameras, numbering.
    fn statistics(&self, rows: &[Record], columns: &mut Vec<(String, ArrayRef)>) {
        let numbers = |columns: &mut Vec<(String, ArrayRef)>, from: usize, to: usize| {
            for number in from..to {
                let Some(key) = self.columns.get(number) else { continue };
                let summaries: Vec<&Summary> =
                    rows.iter().filter_map(|row| row.numbers.get(number)).collect();
                columns.extend(summary_columns(key, &summaries, list_f64));
            }
        };
        numbers(columns, 0, self.features);
        for (number, key) in self.cameras.iter().enumerate() {
            let summaries: Vec<&Summary> = rows.iter().filter_map(|row| row.images.get(number)).collect();
            columns.extend(summary_columns(key, &summaries, list_image));
        }
        numbers(columns, self.features, self.columns.len());
    }
}

fn integers(values: impl Iterator<Item = u64>) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(values.map(|value| value as i64)))
}

fn summary_columns(
    key: &str,
    rows: &[&Summary],
    list: fn(&[Vec<f64>]) -> ArrayRef,
) -> Vec<(String, ArrayRef)> {
    let numbers =
        |value: &dyn Fn(&Summary) -> Vec<f64>| list(&rows.iter().map(|row| value(row)).collect::<Vec<_>>());
    if rows.iter().all(|row| row.count == 0) {
        return Vec::new();
    }
    let mut columns = vec![
        (format!("stats/{key}/min"), numbers(&|row| row.min.clone())),
        (format!("stats/{key}/max"), numbers(&|row| row.max.clone())),
        (format!("stats/{key}/mean"), numbers(&|row| row.mean.clone())),
        (format!("stats/{key}/std"), numbers(&|row| row.std.clone())),
        (format!("stats/{key}/count"), list_i64(&rows.iter().map(|row| row.count).collect::<Vec<_>>())),
    ];
    for (number, (name, _)) in QUANTILES.iter().enumerate() {
        if rows.iter().all(|row| row.quantiles.get(number).is_none_or(Vec::is_empty)) {
            continue;
        }
        let values = numbers(&|row| row.quantiles.get(number).cloned().unwrap_or_default());
        columns.push((format!("stats/{key}/{name}"), values));
    }
    columns
}

/// Statistics of the whole dataset, in the order of the columns and cameras.
pub(super) struct Written {
    pub(super) numbers: Vec<Summary>,
    pub(super) images: Vec<Summary>,
}

/// Writes `meta/stats.json`.
pub(super) fn write_stats(export: &Export, written: &Written) -> Result<(), Error> {
    let path = export.folder.join("meta/stats.json");
    let mut stats = Map::new();
    let features = export.plan.features.len();
    let numbers: Vec<(&String, &Summary)> =
        export.columns.iter().map(|column| &column.key).zip(&written.numbers).collect();
    let (first, last) = numbers.split_at(features.min(numbers.len()));
    for (key, summary) in first {
        stats.insert((*key).clone(), described(summary, |values| json!(values)));
    }
    for (camera, summary) in
        export.plan.cameras.iter().zip(&written.images).filter(|(_, summary)| summary.count > 0)
    {
        stats.insert(camera.key.clone(), described(summary, nested));
    }
    for (key, summary) in last {
        stats.insert((*key).clone(), described(summary, |values| json!(values)));
    }
    for (key, value) in &stats {
        if value.get("mean").is_some_and(has_null) {
            return Err(Error::content(&path, format!("{key} has a channel without a single number")));
        }
    }
    write_json(&path, &Value::Object(stats))
}

fn has_null(value: &Value) -> bool {
    value.is_null() || value.as_array().is_some_and(|values| values.iter().any(has_null))
}

/// Numbers of pictures have the shape (channel, 1, 1).
pub(super) fn nested(values: &[f64]) -> Value {
    json!(values.iter().map(|value| [[*value]]).collect::<Vec<_>>())
}

pub(super) fn described(summary: &Summary, list: impl Fn(&[f64]) -> Value) -> Value {
    let mut stats = Map::new();
    stats.insert("min".to_owned(), list(&summary.min));
    stats.insert("max".to_owned(), list(&summary.max));
    stats.insert("mean".to_owned(), list(&summary.mean));
    stats.insert("std".to_owned(), list(&summary.std));
    stats.insert("count".to_owned(), json!([summary.count]));
    for ((name, _), values) in
        QUANTILES.iter().zip(&summary.quantiles).filter(|(_, values)| !values.is_empty())
    {
        stats.insert((*name).to_owned(), list(values));
    }
    Value::Object(stats)
}

/// Writes `meta/info.json`, keys in LeRobot's order.
pub(super) fn write_info(export: &Export) -> Result<(), Error> {
    let plan = &export.plan;
    let fps = plan.fps;
    let mut features = Map::new();
    for feature in &plan.features {
        let described =
            json!({"dtype": feature.number.name(), "shape": [feature.width()], "names": feature.names()});
        features.insert(feature.key.clone(), described);
    }
    for (camera, writer) in plan.cameras.iter().zip(&export.cameras) {
        let Some((width, height, codec)) = writer.shape else { continue };
        let codec = match codec.foxglove_name() {
            "h265" => "hevc",
            name => name,
        };
        let depth = match export.options.layout {
            DatasetLayout::V30 => "is_depth_map",
            DatasetLayout::V21 | DatasetLayout::Groot => "video.is_depth_map",
        };
        let described = json!({
            "dtype": "video",
            "shape": [height, width, 3],
            "names": ["height", "width", "channels"],
            "info": {
                "video.height": height, "video.width": width, "video.codec": codec, "video.pix_fmt": "yuv420p",
                "video.fps": fps, "video.channels": 3, "has_audio": false, depth: false,
            },
        });
        features.insert(camera.key.clone(), described);
    }
    for (key, number) in super::episode::NUMBERING {
        features.insert(key.to_owned(), json!({"dtype": number.name(), "shape": [1], "names": null}));
    }
    let info = match export.options.layout {
        DatasetLayout::V30 => info_v30(export, &features),
        DatasetLayout::V21 | DatasetLayout::Groot => info_v21(export, &features),
    };
    write_json(&export.folder.join("meta/info.json"), &info)
}

pub(super) fn write_json(path: &Path, value: &impl Serialize) -> Result<(), Error> {
    let mut bytes = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, formatter);
    value.serialize(&mut serializer).map_err(|error| Error::content(path, error.to_string()))?;
    fs::write(path, bytes).map_err(Error::file("writing", path))
}

fn info_v30(export: &Export, features: &Map<String, Value>) -> Value {
    let plan = &export.plan;
    let video_path = (!plan.cameras.is_empty())
        .then_some("videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4");
    json!({
        "codebase_version": "v3.0",
        "fps": plan.fps,
        "features": features,
        "total_episodes": export.episodes,
        "total_frames": export.rows,
        "total_tasks": export.tasks.len(),
        "chunks_size": CHUNK_FILES,
        "data_files_size_in_mb": (export.options.data_file_bytes >> 20).max(1),
        "video_files_size_in_mb": (export.options.video_file_bytes >> 20).max(1),
        "data_path": "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet",
        "video_path": video_path,
        "robot_type": plan.card.title(),
        "splits": {"train": format!("0:{}", export.episodes)},
    })
}

/// `meta/etude.json`: where each episode came from and how its rows were made; LeRobot does not read it.
#[derive(Serialize)]
pub(super) struct Sidecar {
    format: u32,
    software: String,
    embodiment: String,
    card: Digest,
    statistics: String,
    quantile_rank_error: f64,
    problems: Vec<Problem>,
    episodes: Vec<SidecarEpisode>,
}

/// One episode's provenance.
#[derive(Serialize)]
pub(super) struct SidecarEpisode {
    episode_index: u64,
    #[serde(flatten)]
    provenance: Provenance,
    /// Time of the first row on the episode's clock, ns.
    first_row_ns: Option<i64>,
    /// `granted` (let through by the governor) or `asked`.
    action: &'static str,
    /// Per camera: `copied`, `encoded`, or `mixed` where some groups of pictures are the one and some the other.
    videos: BTreeMap<String, &'static str>,
    /// Frames of all cameras that were copied packet by packet.
    frames_copied: u64,
    /// Frames of all cameras that were decoded and coded anew.
    frames_encoded: u64,
    /// Per stream: how far values are from their rows.
    ages: BTreeMap<String, Age>,
}

impl Sidecar {
    pub(super) fn new(card: &Card, options: &ExportOptions) -> Self {
        Self {
            format: 1,
            software: format!("etude {}", env!("CARGO_PKG_VERSION")),
            embodiment: card.title(),
            card: card.digest(),
            statistics: format!(
                "count, min, max, mean and std are exact; quantiles are exact up to {EXACT} rows and off by at most \
                 quantile_rank_error of all ranks beyond. Images: at most {} frames per episode and camera, key \
                 frames evenly spread where video is copied, every n-th frame where it is coded anew; of large pictures every \
                 n-th pixel of every n-th row, so that 150 or a few more stand on the longer side.",
                options.image_samples
            ),
            quantile_rank_error: 0.0,
            problems: Vec::new(),
            episodes: Vec::new(),
        }
    }

    pub(super) fn push(&mut self, episode: SidecarEpisode) {
        self.episodes.push(episode);
    }

    pub(super) fn write(mut self, path: &Path, rank_error: f64, problems: &[Problem]) -> Result<(), Error> {
        self.quantile_rank_error = rank_error;
        self.problems = problems.to_vec();
        write_json(path, &self)
    }
}

impl SidecarEpisode {
    pub(super) fn new(
        index: u64,
        provenance: Provenance,
        table: &Table,
        piece: &Piece,
        videos: &[Placed],
        plan: &Layout,
    ) -> Self {
        Self {
            episode_index: index,
            provenance,
            first_row_ns: table.times_of(piece).first().copied(),
            action: if table.is_granted { "granted" } else { "asked" },
            videos: plan
                .cameras
                .iter()
                .map(|camera| camera.key.clone())
                .zip(videos.iter().map(Placed::how))
                .collect(),
            frames_copied: videos.iter().map(|placed| placed.copied).sum(),
            frames_encoded: videos.iter().map(|placed| placed.encoded).sum(),
            ages: table.ages(),
        }
    }
}
