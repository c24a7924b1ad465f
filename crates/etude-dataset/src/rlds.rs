//! Writes episodes as an RLDS dataset in the layout of TensorFlow Datasets: `features.json`, `dataset_info.json` and
//! `TFRecord` shards, an episode a record.
//!
//! A step has `observation` (numbers and pictures), `action`, `is_first`, `is_last`, `is_terminal`, `language_instruction`
//! and `time_ns`; `episode_metadata` has the take and its whole provenance. There is no reward and no discount, because
//! nobody measured any. Pictures are PNG, so that nothing is lost of a decoded frame. Doubles are packed as bytes: the lists
//! of an example hold 32 bits only.
//!
//! Everything is written into a folder beside the target and renamed when it is whole. One picture is in memory at a time.

mod describe;
mod record;

use crate::export::pictures::{FrameFacts, pictures};
use crate::export::table::ROWS_MIN;
use crate::export::{
    AlignmentReport, Episodes, Error, ExportEpisode, Filed, Layout, Piece, Provenance, Role, RowOptions,
    Table, each, into_new_folder,
};
use crate::problem::Problem;
use describe::{Described, Step};
use etude_episode::Episode;
use etude_model::Digest;
use record::{Column, Shards};
use std::fs;
use std::path::{Path, PathBuf};

/// The only split.
const SPLIT: &str = "train";
/// The version that TensorFlow Datasets wants a dataset to have.
const VERSION: &str = "1.0.0";

/// How to export.
#[derive(Clone, Debug)]
pub struct ExportOptions {
    /// How rows are made of streams.
    pub rows: RowOptions,
    /// Size at which a new shard begins, bytes.
    pub shard_bytes: u64,
}

impl Default for ExportOptions {
    fn default() -> Self {
        Self { rows: RowOptions::default(), shard_bytes: 256 << 20 }
    }
}

/// A dataset that was written.
#[derive(Clone, Debug)]
pub struct Exported {
    /// Its folder, which `tfds.builder_from_directory` takes.
    pub folder: PathBuf,
    /// Vendor and model of the robot.
    pub embodiment: String,
    /// Episodes of the dataset; an episode with a gap in it becomes several.
    pub episodes: u64,
    /// Steps.
    pub rows: u64,
    /// Steps per second.
    pub fps: u32,
    /// Pictures, each coded as PNG.
    pub pictures: u64,
    /// Shards.
    pub shards: usize,
    /// What was left out or odd.
    pub problems: Vec<Problem>,
}

/// Exports episodes of one embodiment as the dataset `name` into a folder that does not exist or is empty.
///
/// `progress` is called with the episodes done and the episodes in all.
pub fn export(
    episodes: &[ExportEpisode],
    name: &str,
    out: &Path,
    options: &ExportOptions,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Exported, Error> {
    export_each(&mut Filed::new(episodes), name, out, options, progress)
}

/// The same with episodes that come to be one after another.
pub fn export_each(
    episodes: &mut dyn Episodes,
    name: &str,
    out: &Path,
    options: &ExportOptions,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Exported, Error> {
    let write = |folder: &Path| write(episodes, name, folder, options, progress);
    into_new_folder(out, write).map(|exported| Exported { folder: out.to_owned(), ..exported })
}

fn write(
    episodes: &mut dyn Episodes,
    name: &str,
    folder: &Path,
    options: &ExportOptions,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Exported, Error> {
    let mut export: Option<Export> = None;
    let mut problems = Vec::new();
    each(episodes, &mut problems, progress, |episode, digest, problems| {
        let export = match &mut export {
            Some(export) => export,
            None => export.insert(Export::begin(&episode, name, folder, options)?),
        };
        export.add(&episode, digest, problems)
    })?;
    match export {
        Some(export) if export.episodes > 0 => export.finish(problems),
        _ => Err(Error::Nothing { problems: problems.iter().map(ToString::to_string).collect() }),
    }
}

/// A dataset in the making.
struct Export {
    name: String,
    folder: PathBuf,
    options: ExportOptions,
    layout: Layout,
    shards: Shards,
    report: AlignmentReport,
    episodes: u64,
    rows: u64,
    /// Size of each camera's pictures, columns and rows.
    sizes: Vec<Option<(u32, u32)>>,
}

impl Export {
    fn begin(first: &Episode, name: &str, folder: &Path, options: &ExportOptions) -> Result<Self, Error> {
        let layout = Layout::of(first, &options.rows)?;
        fs::create_dir_all(folder).map_err(Error::file("making the folder", folder))?;
        let report = AlignmentReport::create(&folder.join("alignment"), &layout, &options.rows)?;
        let sizes = vec![None; layout.cameras.len()];
        Ok(Self {
            name: name.to_owned(),
            folder: folder.to_owned(),
            options: options.clone(),
            shards: Shards::new(folder, options.shard_bytes),
            layout,
            report,
            episodes: 0,
            rows: 0,
            sizes,
        })
    }

    /// Adds an episode: as one, or as several where values are missing in between.
    fn add(&mut self, episode: &Episode, digest: Digest, problems: &mut Vec<Problem>) -> Result<(), Error> {
        let layout = Layout::of(episode, &self.options.rows)?;
        if let Some((expected, found)) = self.layout.difference(&layout) {
            return Err(Error::Mixed { subject: episode.name().to_owned(), expected, found });
        }
        let table = Table::of(episode, &layout, &self.options.rows)?;
        let facts: Vec<FrameFacts> = layout
            .cameras
            .iter()
            .map(|camera| FrameFacts::of(episode, &camera.topic))
            .collect::<Result<_, _>>()?;
        for piece in table.pieces(episode.name(), self.options.rows.stale, problems) {
            if piece.len() < ROWS_MIN {
                let message = format!("a run of {} rows is too short for an episode", piece.len());
                problems.push(Problem::loss(episode.name(), message));
                continue;
            }
            let provenance = Provenance::of(episode, digest)?;
            let mut columns = self.numbers(&table, &piece);
            columns.extend(marks(&table, &piece, &provenance, self.episodes));
            self.pictures(episode, &layout, &table, &facts, &piece, &mut columns)?;
            self.shards.push(columns)?;
            self.report.push(self.episodes, episode, &table, &piece)?;
            self.episodes += 1;
            self.rows += piece.len() as u64;
        }
        Ok(())
    }

    fn numbers(&self, table: &Table, piece: &Piece) -> Vec<Column> {
        let features = self.layout.features.iter().enumerate();
        features
            .map(|(number, feature)| {
                let values = table.numbers_of(number, &self.layout, piece);
                let name = format!("steps/{}", describe::place(feature));
                Column::numbers(name, feature.number, feature.width(), &values)
            })
            .collect()
    }

    /// Each camera's pictures as PNG, spooled to a file.
    fn pictures(
        &mut self,
        episode: &Episode,
        layout: &Layout,
        table: &Table,
        facts: &[FrameFacts],
        piece: &Piece,
        columns: &mut Vec<Column>,
    ) -> Result<(), Error> {
        for (number, (camera, facts)) in layout.cameras.iter().zip(facts).enumerate() {
            let name = format!("steps/observation/{}", describe::plain(&camera.name));
            let mut column = Column::spooled(name, &self.folder)?;
            let wanted = table.frames_of(number, piece);
            let size = self.sizes.get_mut(number);
            let mut first = size.as_ref().and_then(|size| **size);
            pictures::<Error>(episode, &camera.topic, facts, &wanted, &mut |_, image| {
                let found = (image.width(), image.height());
                let expected = *first.get_or_insert(found);
                if expected != found {
                    return Err(Error::Mixed {
                        subject: format!("{} {}", episode.name(), camera.topic),
                        expected: format!("pictures of {} x {}", expected.0, expected.1),
                        found: format!("{} x {}", found.0, found.1),
                    });
                }
                let png = etude_video::encode_png(image).map_err(|error| Error::Video {
                    subject: format!("{} {}", episode.name(), camera.topic),
                    message: error.to_string(),
                })?;
                column.append(&png)
            })?;
            if let Some(size) = size {
                *size = first;
            }
            columns.push(column);
        }
        Ok(())
    }

    fn finish(self, mut problems: Vec<Problem>) -> Result<Exported, Error> {
        let written = self.shards.finish(&self.name, SPLIT)?;
        self.report.finish()?;
        let steps = self.layout.features.iter().map(Step::Numbers);
        let cameras = self.layout.cameras.iter().zip(&self.sizes);
        let steps =
            steps.chain(cameras.map(|(camera, size)| Step::Pictures(camera, size.unwrap_or_default())));
        let described = Described { name: &self.name, version: VERSION, split: SPLIT };
        described.write(&self.folder, &self.layout, steps.collect(), &written)?;
        for topic in &self.layout.left_out {
            problems.push(Problem::note(topic.to_string(), "no step carries it".to_owned()));
        }
        if self.layout.feature(Role::Action).is_none() {
            problems.push(Problem::note(
                self.name.clone(),
                "its steps have no action: no stream of commands fits the card",
            ));
        }
        Ok(Exported {
            folder: self.folder,
            embodiment: self.layout.card.title(),
            episodes: self.episodes,
            rows: self.rows,
            fps: self.layout.fps,
            pictures: self.rows * self.layout.cameras.len() as u64,
            shards: written.len(),
            problems,
        })
    }
}

/// What every step and episode has.
fn marks(table: &Table, piece: &Piece, provenance: &Provenance, number: u64) -> Vec<Column> {
    let rows = piece.len();
    let flags = |at: Option<usize>| (0..rows).map(|row| i64::from(Some(row) == at)).collect::<Vec<_>>();
    let times = table.times_of(piece);
    let from = times.first().copied().unwrap_or(0);
    let task = provenance.task_text();
    vec![
        Column::ints("steps/is_first", &flags(Some(0))),
        Column::ints("steps/is_last", &flags(rows.checked_sub(1))),
        // Whether the environment ended the episode nobody has said.
        Column::ints("steps/is_terminal", &flags(None)),
        Column::ints("steps/time_ns", &times.iter().map(|time| time - from).collect::<Vec<_>>()),
        Column::texts("steps/language_instruction", std::iter::repeat_n(task.as_bytes(), rows)),
        Column::ints("episode_metadata/episode_index", &[number as i64]),
        Column::texts("episode_metadata/episode_id", [provenance.episode.as_bytes()]),
        Column::texts("episode_metadata/provenance", [provenance.to_json().as_bytes()]),
    ]
}
