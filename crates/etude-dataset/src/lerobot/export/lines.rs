//! What a dataset of version 2.1 says of itself: lines of JSON, and for GR00T which numbers are which part of the body.

use super::super::error::Error;
use super::super::tables::{CHUNK_FILES, Column};
use super::episode::Export;
use super::meta::{Record, described, nested, write_json};
use crate::export::{Camera, Feature, Layout, Role};
use crate::stats::Summary;
use serde_json::{Map, Value, json};
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// `episodes.jsonl` and `episodes_stats.jsonl`, an episode a line.
pub(super) struct EpisodeLines {
    columns: Vec<String>,
    cameras: Vec<String>,
    episodes: (BufWriter<File>, PathBuf),
    stats: (BufWriter<File>, PathBuf),
}

impl EpisodeLines {
    /// `meta`: the folder of metadata, which is there.
    pub(super) fn create(meta: &Path, columns: &[Column], cameras: &[Camera]) -> Result<Self, Error> {
        let create = |name: &str| -> Result<_, Error> {
            let path = meta.join(name);
            let file = File::create(&path).map_err(Error::file("making the list", &path))?;
            Ok((BufWriter::new(file), path))
        };
        Ok(Self {
            columns: columns.iter().map(|column| column.key.clone()).collect(),
            cameras: cameras.iter().map(|camera| camera.key.clone()).collect(),
            episodes: create("episodes.jsonl")?,
            stats: create("episodes_stats.jsonl")?,
        })
    }

    pub(super) fn push(&mut self, record: &Record) -> Result<(), Error> {
        let episode = json!({"episode_index": record.index, "tasks": record.tasks, "length": record.length});
        line(&mut self.episodes, &episode)?;
        let mut stats = Map::new();
        for (key, summary) in self.columns.iter().zip(&record.numbers) {
            stats.insert(key.clone(), without_quantiles(summary, &|values| json!(values)));
        }
        for (key, summary) in self.cameras.iter().zip(&record.images).filter(|(_, summary)| summary.count > 0)
        {
            stats.insert(key.clone(), without_quantiles(summary, &nested));
        }
        line(&mut self.stats, &json!({"episode_index": record.index, "stats": stats}))
    }

    pub(super) fn close(&mut self) -> Result<(), Error> {
        for (file, path) in [&mut self.episodes, &mut self.stats] {
            file.flush().map_err(Error::file("writing", path))?;
        }
        Ok(())
    }
}

fn line((file, path): &mut (BufWriter<File>, PathBuf), value: &Value) -> Result<(), Error> {
    writeln!(file, "{value}").map_err(Error::file("writing", path))
}

/// Version 2.1 knows count, extremes, mean and deviation.
fn without_quantiles(summary: &Summary, list: &dyn Fn(&[f64]) -> Value) -> Value {
    let mut all = described(summary, list);
    if let Some(stats) = all.as_object_mut() {
        stats.retain(|name, _| !name.starts_with('q'));
    }
    all
}

/// Writes `tasks.jsonl`.
pub(super) fn write_tasks(path: &Path, tasks: &[String]) -> Result<(), Error> {
    let line = |(index, task)| format!("{}\n", json!({"task_index": index, "task": task}));
    let lines: Vec<String> = tasks.iter().enumerate().map(line).collect();
    fs::write(path, lines.concat()).map_err(Error::file("writing", path))
}

/// `info.json` of version 2.1.
pub(super) fn info_v21(export: &Export, features: &Map<String, Value>) -> Value {
    let plan = &export.plan;
    let video_path = (!plan.cameras.is_empty())
        .then_some("videos/chunk-{episode_chunk:03d}/{video_key}/episode_{episode_index:06d}.mp4");
    json!({
        "codebase_version": "v2.1",
        "robot_type": plan.card.title(),
        "total_episodes": export.episodes,
        "total_frames": export.rows,
        "total_tasks": export.tasks.len(),
        "total_videos": export.episodes * plan.cameras.len() as u64,
        "total_chunks": export.episodes.div_ceil(CHUNK_FILES),
        "chunks_size": CHUNK_FILES,
        "fps": plan.fps,
        "splits": {"train": format!("0:{}", export.episodes)},
        "data_path": "data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet",
        "video_path": video_path,
        "features": features,
    })
}

/// Writes GR00T's `modality.json`: which numbers of state and action are which part of the body, by the card's slots.
///
/// A part whose joints do not stand side by side becomes several, `left_arm`, `left_arm_2`; joints without a slot are
/// `other`.
pub(super) fn write_modality(path: &Path, layout: &Layout) -> Result<(), Error> {
    let parts = |role| layout.feature(role).map(|feature| parts(feature, layout)).unwrap_or_default();
    let further: Map<String, Value> = layout
        .features
        .iter()
        .filter(|feature| !matches!(feature.role, Role::State | Role::Action))
        .map(|feature| {
            let name = feature.key.trim_start_matches("observation.").replace('.', "_");
            (name, json!({"original_key": feature.key, "start": 0, "end": feature.width()}))
        })
        .collect();
    let mut state = parts(Role::State);
    state.extend(further);
    let video: Map<String, Value> = layout
        .cameras
        .iter()
        .map(|camera| (camera.name.clone(), json!({"original_key": camera.key})))
        .collect();
    let modality = json!({
        "state": state,
        "action": parts(Role::Action),
        "video": video,
        "annotation": {"human.task_description": {"original_key": "task_index"}},
    });
    write_json(path, &modality)
}

fn parts(feature: &Feature, layout: &Layout) -> Map<String, Value> {
    let part_of = |name: &str| {
        let joint = layout.card.joints.iter().find(|joint| joint.name == name);
        let part = joint.and_then(|joint| joint.slot.as_ref()).map(|slot| slot.part.name());
        part.unwrap_or("other").to_owned()
    };
    let mut runs: Vec<(String, usize, usize)> = Vec::new();
    for (place, name) in feature.names().into_iter().enumerate() {
        let part = part_of(name);
        match runs.last_mut() {
            Some((last, _, end)) if *last == part => *end = place + 1,
            _ => runs.push((part, place, place + 1)),
        }
    }
    let mut parts: Map<String, Value> = Map::new();
    for (part, start, end) in runs {
        let again = (2..).map(|number| format!("{part}_{number}"));
        let name = std::iter::once(part.clone()).chain(again).find(|name| !parts.contains_key(name));
        let mut described = json!({"start": start, "end": end, "original_key": feature.key});
        if feature.role == Role::Action
            && let Some(described) = described.as_object_mut()
        {
            // Commands are targets of joints, not differences from where they are.
            described.insert("absolute".to_owned(), json!(true));
        }
        parts.insert(name.unwrap_or(part), described);
    }
    parts
}
