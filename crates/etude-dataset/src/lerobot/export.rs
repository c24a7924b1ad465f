//! Writes episodes as a LeRobotDataset: version 3.0, 2.1, or 2.1 with what GR00T adds.
//!
//! Everything is written into a folder beside the target and renamed when it is whole. Numbers keep their bits where
//! the grid is that of their own messages; coded video is copied where each row has a frame of its own in order, and
//! coded anew where not. A row exists only where every value is there and young enough: nothing is filled in.

mod carry;
mod episode;
mod lines;
mod meta;
mod segments;
mod video;

pub use carry::{Carried, carry};

use super::error::Error;
use super::tables::Naming;
use crate::export::{Episodes, ExportEpisode, Filed, Labels, RowOptions, by_card, each, into_new_folder};
use crate::problem::Problem;
use crate::release::Release;
use episode::Export;
use std::path::{Path, PathBuf};

/// Which layout a dataset gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DatasetLayout {
    /// LeRobotDataset 3.0.
    #[default]
    V30,
    /// LeRobotDataset 2.1: a table and a video per episode and camera.
    V21,
    /// The same with GR00T's `modality.json` and the statistics of the whole.
    Groot,
}

impl DatasetLayout {
    pub(super) const fn naming(self) -> Naming {
        match self {
            Self::V30 => Naming::Files,
            Self::V21 | Self::Groot => Naming::Episodes,
        }
    }
}

/// How to export.
#[derive(Clone, Debug)]
pub struct ExportOptions {
    /// The layout.
    pub layout: DatasetLayout,
    /// How rows are made of streams.
    pub rows: RowOptions,
    /// Frames per episode and camera that image statistics are taken of; 0: none.
    pub image_samples: usize,
    /// Size at which a new data file begins, bytes; LeRobot's own is 100 MB. Version 2.1 has a file per episode.
    pub data_file_bytes: u64,
    /// Size at which a new video file begins, bytes; LeRobot's own is 200 MB.
    pub video_file_bytes: u64,
    /// Rows at the beginning that may be left out so that video can be copied from a key frame.
    pub trim_rows: usize,
}

impl Default for ExportOptions {
    fn default() -> Self {
        Self {
            layout: DatasetLayout::V30,
            rows: RowOptions::default(),
            image_samples: 16,
            data_file_bytes: 100 << 20,
            video_file_bytes: 200 << 20,
            trim_rows: 15,
        }
    }
}

/// A dataset that was written.
#[derive(Clone, Debug)]
pub struct Exported {
    /// Its folder.
    pub folder: PathBuf,
    /// Vendor and model of the robot.
    pub embodiment: String,
    /// Episodes of the dataset; an episode with a gap in it becomes several.
    pub episodes: u64,
    /// Rows.
    pub rows: u64,
    /// Rows per second.
    pub fps: u32,
    /// Video parts that were copied packet by packet.
    pub videos_copied: u64,
    /// Video parts of which some frames had to be decoded and coded anew.
    pub videos_encoded: u64,
    /// Frames that were copied packet by packet.
    pub frames_copied: u64,
    /// Frames that were decoded and coded anew.
    pub frames_encoded: u64,
    /// What was left out or odd.
    pub problems: Vec<Problem>,
}

/// Exports a release: into `out` itself where its episodes have one card, into `out/<embodiment>` where several,
/// because a LeRobot dataset has one shape of features. `root`: the centre's folder; `labels`: every label that the release
/// names. Where the release states its rows, they are as it states.
///
/// `progress` is called with the episodes done and the episodes in all.
pub fn export_release(
    release: &Release,
    root: &Path,
    labels: &Labels,
    out: &Path,
    options: &ExportOptions,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Vec<Exported>, Error> {
    let mut options = options.clone();
    if let Some(rows) = &release.rows {
        rows.apply(&mut options.rows);
    }
    let all = release.episodes.len();
    let mut before = 0;
    let mut exported = Vec::new();
    for group in by_card(release, root, labels, out)? {
        let episodes = &group.episodes;
        exported
            .push(export(episodes, &group.folder, &options, &mut |done, _| progress(before + done, all))?);
        before += episodes.len();
    }
    Ok(exported)
}

/// Exports episodes of one embodiment into a folder that does not exist or is empty.
///
/// `progress` is called with the episodes done and the episodes in all.
pub fn export(
    episodes: &[ExportEpisode],
    out: &Path,
    options: &ExportOptions,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Exported, Error> {
    export_each(&mut Filed::new(episodes), out, options, progress)
}

/// The same with episodes that come to be one after another.
pub fn export_each(
    episodes: &mut dyn Episodes,
    out: &Path,
    options: &ExportOptions,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Exported, Error> {
    let write = |folder: &Path| write(episodes, folder, options, progress);
    into_new_folder(out, write).map(|exported| Exported { folder: out.to_owned(), ..exported })
}

fn write(
    episodes: &mut dyn Episodes,
    folder: &Path,
    options: &ExportOptions,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Exported, Error> {
    let mut export: Option<Export> = None;
    let mut problems = Vec::new();
    each(episodes, &mut problems, progress, |episode, digest, problems| {
        let export = match &mut export {
            Some(export) => export,
            None => export.insert(Export::begin(&episode, folder, options)?),
        };
        export.add(&episode, digest, problems)
    })?;
    let nothing = |problems: &[Problem]| crate::export::Error::Nothing {
        problems: problems.iter().map(ToString::to_string).collect(),
    };
    match export {
        Some(export) if export.has_rows() => export.finish(problems),
        _ => Err(nothing(&problems).into()),
    }
}
