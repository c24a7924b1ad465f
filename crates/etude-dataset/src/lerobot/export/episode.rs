//! A dataset in the making: episodes go in one after another.

use super::super::error::Error;
use super::super::tables::{Column, ShardedTable, data_schema, write_tasks};
use super::lines::{self, EpisodeLines};
use super::meta::{EpisodeTable, Record, Sidecar, SidecarEpisode, Written, write_info, write_stats};
use super::video::{CameraWriter, Placed};
use super::{DatasetLayout, ExportOptions, Exported};
use crate::export::pictures::FrameFacts;
use crate::export::{AlignmentReport, Layout, NumberType, Piece, Provenance, Table};
use crate::problem::Problem;
use crate::stats::image::ImageAccumulator;
use crate::stats::{Accumulator, Summary};
use arrow_array::{ArrayRef, RecordBatch};
use etude_episode::Episode;
use etude_model::Digest;
use etude_video::FrameRate;
use parquet::file::metadata::KeyValue;
use std::fs;
use std::path::{Path, PathBuf};

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
    pub(super) plan: Layout,
    pub(super) folder: PathBuf,
    pub(super) options: ExportOptions,
    pub(super) columns: Vec<Column>,
    pub(super) cameras: Vec<CameraWriter>,
    pub(super) tasks: Vec<String>,
    pub(super) rows: u64,
    pub(super) episodes: u64,
    data: ShardedTable,
    list: EpisodeList,
    stats: Vec<Accumulator>,
    images: Vec<ImageAccumulator>,
    sidecar: Sidecar,
    report: AlignmentReport,
    copied: u64,
    encoded: u64,
    frames: (u64, u64),
}

/// The list of episodes: a table in version 3.0, lines in version 2.1.
enum EpisodeList {
    Table(Box<EpisodeTable>),
    Lines(Box<EpisodeLines>),
}

impl EpisodeList {
    fn begin(
        folder: &Path,
        columns: &[Column],
        plan: &Layout,
        options: &ExportOptions,
    ) -> Result<Self, Error> {
        Ok(match options.layout {
            DatasetLayout::V30 => Self::Table(Box::new(EpisodeTable::new(
                folder,
                columns.iter().map(|column| column.key.clone()).collect(),
                plan.cameras.iter().map(|camera| camera.key.clone()).collect(),
                columns.len() - NUMBERING.len(),
                options.data_file_bytes,
            ))),
            DatasetLayout::V21 | DatasetLayout::Groot => {
                Self::Lines(Box::new(EpisodeLines::create(&folder.join("meta"), columns, &plan.cameras)?))
            }
        })
    }

    fn push(&mut self, record: Record) -> Result<(), Error> {
        match self {
            Self::Table(table) => table.push(record),
            Self::Lines(lines) => lines.push(&record),
        }
    }

    fn close(&mut self) -> Result<(), Error> {
        match self {
            Self::Table(table) => table.close(),
            Self::Lines(lines) => lines.close(),
        }
    }
}

impl Export {
    /// Plans the dataset by its first episode and makes its folder.
    pub(super) fn begin(first: &Episode, folder: &Path, options: &ExportOptions) -> Result<Self, Error> {
        let plan = Layout::of(first, &options.rows)?;
        let meta = folder.join("meta");
        fs::create_dir_all(&meta).map_err(Error::file("making the folder", &meta))?;
        let numbers = plan.features.iter();
        let numbers = numbers.map(|feature| Column::new(&feature.key, feature.number, feature.width()));
        let numbering = NUMBERING.iter().map(|(key, number)| Column::new(key, *number, 1));
        let columns: Vec<Column> = numbers.chain(numbering).collect();
        let (schema, metadata): (_, KeyValue) = data_schema(&columns);
        let data = ShardedTable::new(
            folder.join("data"),
            options.layout.naming(),
            schema,
            Some(metadata),
            options.data_file_bytes,
        );
        let frame_rate = FrameRate::from_hz(plan.fps).ok_or_else(|| rate_error(first, plan.fps))?;
        let cameras = plan.cameras.iter().map(|camera| {
            let naming = options.layout.naming();
            let limits = (naming.limit_bytes(options.video_file_bytes), options.image_samples);
            CameraWriter::new(folder.join("videos"), &camera.key, naming, frame_rate, limits)
        });
        Ok(Self {
            folder: folder.to_owned(),
            options: options.clone(),
            cameras: cameras.collect(),
            tasks: Vec::new(),
            rows: 0,
            episodes: 0,
            data,
            list: EpisodeList::begin(folder, &columns, &plan, options)?,
            stats: columns.iter().map(|column| Accumulator::new(column.width)).collect(),
            images: vec![ImageAccumulator::default(); plan.cameras.len()],
            sidecar: Sidecar::new(&plan.card, options),
            report: AlignmentReport::create(&meta.join("alignment"), &plan, &options.rows)?,
            columns,
            plan,
            copied: 0,
            encoded: 0,
            frames: (0, 0),
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
        let plan = Layout::of(episode, &self.options.rows)?;
        if let Some((expected, found)) = self.plan.difference(&plan) {
            return Err(
                crate::export::Error::Mixed { subject: episode.name().to_owned(), expected, found }.into()
            );
        }
        let table = Table::of(episode, &plan, &self.options.rows)?;
        let facts = plan
            .cameras
            .iter()
            .map(|camera| FrameFacts::of(episode, &camera.topic))
            .collect::<Result<Vec<_>, _>>()?;
        for piece in table.pieces(episode.name(), self.options.rows.stale, problems) {
            let piece = trimmed(piece, &table, &facts, self.options.trim_rows, episode.name(), problems);
            if piece.is_too_short(0, episode.name(), problems) {
                continue;
            }
            self.add_piece(episode, digest, &plan, &table, &facts, &piece)?;
        }
        Ok(())
    }

    fn add_piece(
        &mut self,
        episode: &Episode,
        digest: Digest,
        plan: &Layout,
        table: &Table,
        facts: &[FrameFacts],
        piece: &Piece,
    ) -> Result<(), Error> {
        let provenance = Provenance::of(episode, digest)?;
        let task = provenance.task_text();
        let task_index = self.task_index(&task);
        let videos = self.write_videos(episode, plan, table, facts, piece)?;
        let (arrays, summaries) = self.arrays(table, piece, task_index)?;
        let bytes: usize = arrays.iter().map(|array| array.get_array_memory_size()).sum();
        let (chunk, file) = self.data.place(bytes as u64)?;
        let (schema, _) = data_schema(&self.columns);
        self.data.write(&RecordBatch::try_new(schema, arrays)?)?;
        let images: Vec<Summary> = videos.iter().map(|placed| placed.images.summary()).collect();
        for (all, placed) in self.images.iter_mut().zip(&videos) {
            all.merge(&placed.images);
        }
        self.copied += videos.iter().filter(|placed| placed.encoded == 0).count() as u64;
        self.encoded += videos.iter().filter(|placed| placed.encoded > 0).count() as u64;
        self.frames.0 += videos.iter().map(|placed| placed.copied).sum::<u64>();
        self.frames.1 += videos.iter().map(|placed| placed.encoded).sum::<u64>();
        self.report.push(self.episodes, episode, table, piece)?;
        self.sidecar.push(SidecarEpisode::new(self.episodes, provenance, table, piece, &videos, plan));
        let record = Record {
            index: self.episodes,
            tasks: vec![task],
            length: piece.len() as u64,
            from_row: self.rows,
            data: (chunk, file),
            videos,
            numbers: summaries,
            images,
        };
        self.list.push(record)?;
        self.rows += piece.len() as u64;
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
        plan: &Layout,
        table: &Table,
        facts: &[FrameFacts],
        piece: &Piece,
    ) -> Result<Vec<Placed>, Error> {
        let mut placed = Vec::new();
        for (number, ((writer, camera), facts)) in
            self.cameras.iter_mut().zip(&plan.cameras).zip(facts).enumerate()
        {
            let wanted = table.frames_of(number, piece);
            placed.push(writer.write(episode, &camera.topic, &wanted, facts)?);
        }
        Ok(placed)
    }

    /// The columns of a run of rows, with what is to be said of each; the whole dataset's statistics grow with them.
    fn arrays(
        &mut self,
        table: &Table,
        piece: &Piece,
        task_index: usize,
    ) -> Result<(Vec<ArrayRef>, Vec<Summary>), Error> {
        let fps = f64::from(self.plan.fps);
        let (episode, first) = (self.episodes as f64, self.rows);
        let count = piece.len();
        let mut arrays = Vec::new();
        let mut summaries = Vec::new();
        for (number, (column, all)) in self.columns.iter().zip(&mut self.stats).enumerate() {
            let values: Vec<f64> = match self.plan.features.get(number) {
                Some(_) => table.numbers_of(number, &self.plan, piece),
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
        self.list.close()?;
        let meta = self.folder.join("meta");
        match self.options.layout {
            DatasetLayout::V30 => write_tasks(&meta.join("tasks.parquet"), &self.tasks)?,
            DatasetLayout::V21 => lines::write_tasks(&meta.join("tasks.jsonl"), &self.tasks)?,
            DatasetLayout::Groot => {
                lines::write_tasks(&meta.join("tasks.jsonl"), &self.tasks)?;
                lines::write_modality(&meta.join("modality.json"), &self.plan)?;
            }
        }
        let rank_error = self.stats.iter().map(Accumulator::rank_error).fold(0.0, f64::max);
        let written = Written {
            numbers: self.stats.iter().map(Accumulator::summary).collect(),
            images: self.images.iter().map(ImageAccumulator::summary).collect(),
        };
        if self.options.layout != DatasetLayout::V21 {
            write_stats(&self, &written)?;
        }
        write_info(&self)?;
        let card = meta.join("card.toml");
        fs::write(&card, self.plan.card.to_toml()).map_err(Error::file("writing", &card))?;
        self.sidecar.write(&meta.join("etude.json"), rank_error, &problems)?;
        self.report.finish()?;
        Ok(Exported {
            folder: self.folder,
            embodiment: self.plan.card.title(),
            episodes: self.episodes,
            rows: self.rows,
            fps: self.plan.fps,
            videos_copied: self.copied,
            videos_encoded: self.encoded,
            frames_copied: self.frames.0,
            frames_encoded: self.frames.1,
            problems,
        })
    }
}

fn rate_error(episode: &Episode, fps: u32) -> Error {
    let (subject, found) = (episode.name().to_owned(), f64::from(fps));
    crate::export::Error::Rate { subject, found }.into()
}

/// Leaves out a few rows at the beginning where every camera then begins at a key frame and can be copied.
fn trimmed(
    mut piece: Piece,
    table: &Table,
    facts: &[FrameFacts],
    trim_rows: usize,
    name: &str,
    problems: &mut Vec<Problem>,
) -> Piece {
    let all_at_key = |row: usize| {
        facts.iter().enumerate().all(|(camera, facts)| {
            let frame = table.frames.get(camera).and_then(|frames| frames.get(row).copied().flatten());
            frame.is_some_and(|frame| facts.starts_at_key(frame))
        })
    };
    match piece.rows.iter().take(trim_rows + 1).position(|row| all_at_key(*row)) {
        Some(before) if before > 0 => {
            let message = format!("{before} rows before the cameras' first key frame are left out");
            problems.push(Problem::note(name, message));
            piece.rows.drain(..before);
        }
        _ => {}
    }
    piece
}
