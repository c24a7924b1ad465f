//! A dataset in the making: episodes go in one after another.

use super::super::error::Error;
use super::super::tables::{Column, NumberType, ShardedTable, data_schema, write_tasks};
use super::grid::GridRows;
use super::meta::{EpisodeTable, Record, Sidecar, SidecarEpisode, Written, write_info, write_stats};
use super::plan::Plan;
use super::video::{CameraWriter, FrameFacts, Placed};
use super::{ExportOptions, Exported};
use crate::problem::Problem;
use crate::stats::image::ImageAccumulator;
use crate::stats::{Accumulator, Summary};
use arrow_array::{ArrayRef, RecordBatch};
use etude_episode::Episode;
use etude_model::{Digest, Manifest};
use etude_video::FrameRate;
use parquet::file::metadata::KeyValue;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// A run of rows shorter than this is no episode.
const ROWS_MIN: usize = 2;

/// The five columns that number rows, in LeRobot's order.
pub(super) const NUMBERING: [(&str, NumberType); 5] = [
    ("timestamp", NumberType::F32),
    ("frame_index", NumberType::I64),
    ("episode_index", NumberType::I64),
    ("index", NumberType::I64),
    ("task_index", NumberType::I64),
];

/// A dataset in the making.
pub(super) struct Export {
    pub(super) plan: Plan,
    pub(super) folder: PathBuf,
    pub(super) options: ExportOptions,
    pub(super) columns: Vec<Column>,
    pub(super) cameras: Vec<CameraWriter>,
    pub(super) tasks: Vec<String>,
    pub(super) rows: u64,
    pub(super) episodes: u64,
    data: ShardedTable,
    table: EpisodeTable,
    stats: Vec<Accumulator>,
    images: Vec<ImageAccumulator>,
    sidecar: Sidecar,
    copied: u64,
    encoded: u64,
}

impl Export {
    /// Plans the dataset by its first episode and makes its folder.
    pub(super) fn begin(first: &Episode, folder: &Path, options: &ExportOptions) -> Result<Self, Error> {
        let plan = Plan::of(first, options)?;
        let meta = folder.join("meta");
        fs::create_dir_all(&meta).map_err(Error::file("making the folder", &meta))?;
        let numbers = plan.features.iter().map(|feature| feature.column.clone());
        let numbering = NUMBERING.iter().map(|(key, number)| Column::new(key, *number, 1));
        let columns: Vec<Column> = numbers.chain(numbering).collect();
        let (schema, metadata): (_, KeyValue) = data_schema(&columns);
        let data = ShardedTable::new(folder.join("data"), schema, Some(metadata), options.data_file_bytes);
        let frame_rate = FrameRate::from_hz(plan.fps)
            .ok_or_else(|| Error::Rate { subject: first.name().to_owned(), found: f64::from(plan.fps) })?;
        let cameras = plan.cameras.iter().map(|camera| {
            let folder = folder.join("videos").join(&camera.key);
            CameraWriter::new(folder, frame_rate, options.video_file_bytes, options.image_samples)
        });
        Ok(Self {
            folder: folder.to_owned(),
            options: options.clone(),
            cameras: cameras.collect(),
            tasks: Vec::new(),
            rows: 0,
            episodes: 0,
            data,
            table: EpisodeTable::new(folder, &columns, &plan.cameras, options.data_file_bytes),
            stats: columns.iter().map(|column| Accumulator::new(column.width)).collect(),
            images: vec![ImageAccumulator::default(); plan.cameras.len()],
            sidecar: Sidecar::new(&plan.card, options),
            columns,
            plan,
            copied: 0,
            encoded: 0,
        })
    }

    pub(super) fn has_rows(&self) -> bool {
        self.rows > 0
    }

    /// Adds an episode: as one, or as several where values are missing in between.
    pub(super) fn add(
        &mut self,
        episode: &Episode,
        digest: Digest,
        problems: &mut Vec<Problem>,
    ) -> Result<(), Error> {
        let plan = Plan::of(episode, &self.options)?;
        if let Some((expected, found)) = self.plan.difference(&plan) {
            return Err(Error::Mixed { subject: episode.name().to_owned(), expected, found });
        }
        let grid = GridRows::of(episode, &plan, &self.options)?;
        let facts = plan
            .cameras
            .iter()
            .map(|camera| FrameFacts::of(episode, &camera.topic))
            .collect::<Result<Vec<_>, _>>()?;
        let runs = grid.runs();
        report_missing(episode, &grid, &runs, problems);
        for run in runs {
            let run = trimmed(run, &grid, &facts, self.options.trim_rows, episode.name(), problems);
            if run.len() < ROWS_MIN {
                let message = format!("the rows {} to {} are too few for an episode", run.start, run.end);
                problems.push(Problem::loss(episode.name(), message));
                continue;
            }
            self.add_run(episode, digest, &plan, &grid, &facts, run)?;
        }
        Ok(())
    }

    fn add_run(
        &mut self,
        episode: &Episode,
        digest: Digest,
        plan: &Plan,
        grid: &GridRows,
        facts: &[FrameFacts],
        run: Range<usize>,
    ) -> Result<(), Error> {
        let task = task(episode.manifest());
        let task_index = self.task_index(&task);
        let videos = self.write_videos(episode, plan, grid, facts, &run)?;
        let (arrays, summaries) = self.arrays(grid, &run, task_index)?;
        let bytes: usize = arrays.iter().map(|array| array.get_array_memory_size()).sum();
        let (chunk, file) = self.data.place(bytes as u64)?;
        let (schema, _) = data_schema(&self.columns);
        self.data.write(&RecordBatch::try_new(schema, arrays)?)?;
        let images: Vec<Summary> = videos.iter().map(|placed| placed.images.summary()).collect();
        for (all, placed) in self.images.iter_mut().zip(&videos) {
            all.merge(&placed.images);
        }
        self.copied += videos.iter().filter(|placed| placed.is_copied).count() as u64;
        self.encoded += videos.iter().filter(|placed| !placed.is_copied).count() as u64;
        self.sidecar.push(SidecarEpisode::new(self.episodes, episode, digest, grid, &run, &videos, plan));
        let record = Record {
            index: self.episodes,
            tasks: vec![task],
            length: run.len() as u64,
            from_row: self.rows,
            data: (chunk, file),
            videos,
            numbers: summaries,
            images,
        };
        self.table.push(record)?;
        self.rows += run.len() as u64;
        self.episodes += 1;
        Ok(())
    }

    fn task_index(&mut self, task: &str) -> usize {
        self.tasks.iter().position(|known| known == task).unwrap_or_else(|| {
            self.tasks.push(task.to_owned());
            self.tasks.len() - 1
        })
    }

    fn write_videos(
        &mut self,
        episode: &Episode,
        plan: &Plan,
        grid: &GridRows,
        facts: &[FrameFacts],
        run: &Range<usize>,
    ) -> Result<Vec<Placed>, Error> {
        let mut placed = Vec::new();
        for (number, ((writer, camera), facts)) in
            self.cameras.iter_mut().zip(&plan.cameras).zip(facts).enumerate()
        {
            let wanted = grid.frames_of(number, run);
            placed.push(writer.write(episode, &camera.topic, &wanted, facts)?);
        }
        Ok(placed)
    }

    /// The columns of a run of rows, with what is to be said of each; the whole dataset's statistics grow with them.
    fn arrays(
        &mut self,
        grid: &GridRows,
        run: &Range<usize>,
        task_index: usize,
    ) -> Result<(Vec<ArrayRef>, Vec<Summary>), Error> {
        let fps = f64::from(self.plan.fps);
        let (episode, first) = (self.episodes as f64, self.rows);
        let count = run.len();
        let mut arrays = Vec::new();
        let mut summaries = Vec::new();
        for (number, (column, all)) in self.columns.iter().zip(&mut self.stats).enumerate() {
            let values: Vec<f64> = match grid.features.get(number) {
                Some(values) => {
                    let range = run.start * column.width..run.end * column.width;
                    values.get(range).unwrap_or_default().to_vec()
                }
                None => match column.key.as_str() {
                    "timestamp" => (0..count).map(|row| f64::from((row as f64 / fps) as f32)).collect(),
                    "frame_index" => (0..count).map(|row| row as f64).collect(),
                    "episode_index" => vec![episode; count],
                    "index" => (0..count as u64).map(|row| (first + row) as f64).collect(),
                    _ => vec![task_index as f64; count],
                },
            };
            let mut own = Accumulator::new(column.width);
            for row in values.chunks(column.width.max(1)) {
                let stored = row.iter().map(|value| column.stored(*value));
                own.push(stored.clone());
                all.push(stored);
            }
            arrays.push(column.array(&values)?);
            summaries.push(own.summary());
        }
        Ok((arrays, summaries))
    }

    /// Completes every file.
    pub(super) fn finish(mut self, problems: Vec<Problem>) -> Result<Exported, Error> {
        self.data.close()?;
        for camera in &mut self.cameras {
            camera.close()?;
        }
        self.table.close()?;
        let meta = self.folder.join("meta");
        write_tasks(&meta.join("tasks.parquet"), &self.tasks)?;
        let rank_error = self.stats.iter().map(Accumulator::rank_error).fold(0.0, f64::max);
        let written = Written {
            numbers: self.stats.iter().map(Accumulator::summary).collect(),
            images: self.images.iter().map(ImageAccumulator::summary).collect(),
        };
        write_stats(&self, &written)?;
        write_info(&self)?;
        let card = meta.join("card.toml");
        fs::write(&card, self.plan.card.to_toml()).map_err(Error::file("writing", &card))?;
        self.sidecar.write(&meta.join("etude.json"), rank_error, &problems)?;
        Ok(Exported {
            folder: self.folder,
            embodiment: self.plan.card.title(),
            episodes: self.episodes,
            rows: self.rows,
            fps: self.plan.fps,
            videos_copied: self.copied,
            videos_encoded: self.encoded,
            problems,
        })
    }
}

/// The instruction that LeRobot gets: English, else what has no language, else any; else the task's id.
fn task(manifest: &Manifest) -> String {
    let instruction = &manifest.instruction;
    let text =
        instruction.get("en").or_else(|| instruction.get("und")).or_else(|| instruction.values().next());
    let id = || manifest.task.as_ref().map(ToString::to_string);
    text.cloned().or_else(id).unwrap_or_else(|| "unknown".to_owned())
}

/// Says which instants have no row: before the first and after the last whole one that is usual, in between it is loss.
fn report_missing(episode: &Episode, grid: &GridRows, runs: &[Range<usize>], problems: &mut Vec<Problem>) {
    let name = episode.name();
    let all = grid.time_ns.len();
    let (Some(first), Some(last)) = (runs.first(), runs.last()) else {
        let message = format!("none of its {all} rows has every value young enough; it is left out");
        problems.push(Problem::loss(name, message));
        return;
    };
    let edges = first.start + (all - last.end);
    if edges > 0 {
        let message = format!("{edges} of {all} rows at its ends lack a value and are left out");
        problems.push(Problem::note(name, message));
    }
    for pair in runs.windows(2) {
        if let [before, after] = pair {
            let message = format!(
                "the rows {} to {} lack a value; the dataset has an episode before and one after them",
                before.end,
                after.start - 1
            );
            problems.push(Problem::loss(name, message));
        }
    }
}

/// Leaves out a few rows at the beginning where every camera then begins at a key frame and can be copied.
fn trimmed(
    run: Range<usize>,
    grid: &GridRows,
    facts: &[FrameFacts],
    trim_rows: usize,
    name: &str,
    problems: &mut Vec<Problem>,
) -> Range<usize> {
    let all_at_key = |row: usize| {
        facts.iter().enumerate().all(|(camera, facts)| {
            let frame = grid.frames.get(camera).and_then(|frames| frames.get(row).copied().flatten());
            frame.is_some_and(|frame| facts.starts_at_key(frame))
        })
    };
    let rows = run.start..run.end.min(run.start + trim_rows + 1);
    match rows.into_iter().find(|row| all_at_key(*row)) {
        Some(row) if row > run.start => {
            let message =
                format!("{} rows before the cameras' first key frame are left out", row - run.start);
            problems.push(Problem::note(name, message));
            row..run.end
        }
        _ => run,
    }
}
