//! Writes episodes as a LeRobotDataset v3.0.
//!
//! Everything is written into a folder beside the target and renamed when it is whole. Numbers keep their bits where
//! the grid is that of their own messages; coded video is copied where each row has a frame of its own in order, and
//! coded anew where not. A row exists only where every value is there and young enough: nothing is filled in.

mod episode;
mod grid;
mod meta;
mod plan;
mod video;

use super::error::Error;
use crate::files;
use crate::problem::Problem;
use crate::release::Release;
use episode::Export;
use etude_model::{Digest, Span};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// How numbers are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FloatType {
    /// f32, as LeRobot's policies expect; f64 for imported features that were f64.
    #[default]
    Auto,
    /// Always f32.
    F32,
    /// Always f64.
    F64,
}

/// How to export.
#[derive(Clone, Debug)]
pub struct ExportOptions {
    /// Rows per second; absent: the rate of the first episode's first camera (or of its joints, where it has none).
    pub fps: Option<u32>,
    /// Values older than this are not used; absent: one and a half rows.
    pub max_age: Option<Span>,
    /// How numbers are stored.
    pub float: FloatType,
    /// Frames per episode and camera that image statistics are taken of; 0: none.
    pub image_samples: usize,
    /// Size at which a new data file begins, bytes; LeRobot's own is 100 MB.
    pub data_file_bytes: u64,
    /// Size at which a new video file begins, bytes; LeRobot's own is 200 MB.
    pub video_file_bytes: u64,
    /// Rows at the beginning that may be left out so that video can be copied from a key frame.
    pub trim_rows: usize,
}

impl Default for ExportOptions {
    fn default() -> Self {
        Self {
            fps: None,
            max_age: None,
            float: FloatType::Auto,
            image_samples: 16,
            data_file_bytes: 100 << 20,
            video_file_bytes: 200 << 20,
            trim_rows: 15,
        }
    }
}

/// An episode to be exported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportEpisode {
    /// Its file.
    pub path: PathBuf,
    /// Its digest; a file that has another is refused.
    pub digest: Digest,
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
    /// Video parts that had to be decoded and coded anew.
    pub videos_encoded: u64,
    /// What was left out or odd.
    pub problems: Vec<Problem>,
}

/// Exports a release: into `out` itself where its episodes have one card, into `out/<embodiment>` where several,
/// because a LeRobot dataset has one shape of features. `root`: the centre's folder.
///
/// `progress` is called with the episodes done and the episodes in all.
pub fn export_release(
    release: &Release,
    root: &Path,
    out: &Path,
    options: &ExportOptions,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Vec<Exported>, Error> {
    let mut cards: BTreeMap<Digest, (String, Vec<ExportEpisode>)> = BTreeMap::new();
    for episode in &release.episodes {
        let path = episode.path_in(root).map_err(|error| Error::content(root, error.to_string()))?;
        let group = cards.entry(episode.card).or_insert_with(|| (episode.embodiment.clone(), Vec::new()));
        group.1.push(ExportEpisode { path, digest: episode.digest });
    }
    let folders = folders(&cards, out);
    let all = release.episodes.len();
    let mut before = 0;
    let mut exported = Vec::new();
    for (folder, (_, episodes)) in folders.iter().zip(cards.values()) {
        exported.push(export(episodes, folder, options, &mut |done, _| progress(before + done, all))?);
        before += episodes.len();
    }
    Ok(exported)
}

/// A folder per card, named after the embodiment; with a part of the digest where two cards have one name.
fn folders(cards: &BTreeMap<Digest, (String, Vec<ExportEpisode>)>, out: &Path) -> Vec<PathBuf> {
    if cards.len() == 1 {
        return vec![out.to_owned()];
    }
    let slug = |title: &str| -> String {
        title.to_lowercase().chars().map(|c| if c.is_alphanumeric() { c } else { '_' }).collect()
    };
    let name = |digest: &Digest, title: &str| {
        let same = cards.values().filter(|(other, _)| slug(other) == slug(title)).count();
        if same > 1 { format!("{}_{}", slug(title), digest.short()) } else { slug(title) }
    };
    cards.iter().map(|(digest, (title, _))| out.join(name(digest, title))).collect()
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
    let is_free = fs::read_dir(out).map_or(!out.exists(), |mut entries| entries.next().is_none());
    if !is_free {
        return Err(Error::Exists { path: out.to_owned() });
    }
    if let Some(parent) = out.parent() {
        fs::create_dir_all(parent).map_err(Error::file("making the folder", parent))?;
    }
    let temporary = files::temporary_beside(out);
    let written = write(episodes, &temporary, options, progress).and_then(|exported| {
        if out.exists() {
            fs::remove_dir(out).map_err(Error::file("replacing the empty folder", out))?;
        }
        fs::rename(&temporary, out).map_err(Error::file("naming the dataset", out))?;
        Ok(Exported { folder: out.to_owned(), ..exported })
    });
    if written.is_err() {
        drop(fs::remove_dir_all(&temporary));
    }
    written
}

fn write(
    episodes: &[ExportEpisode],
    folder: &Path,
    options: &ExportOptions,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Exported, Error> {
    let mut export: Option<Export> = None;
    let mut problems = Vec::new();
    for (number, episode) in episodes.iter().enumerate() {
        progress(number, episodes.len());
        let found = files::digest_file(&episode.path).map_err(Error::file("reading", &episode.path))?;
        if found != episode.digest {
            return Err(Error::Mixed {
                subject: episode.path.display().to_string(),
                expected: format!("the digest {}", episode.digest),
                found: found.to_string(),
            });
        }
        let opened = etude_episode::Episode::open(&episode.path);
        let opened = opened
            .map_err(|error| Error::Episode { path: episode.path.clone(), message: error.to_string() })?;
        let export = match &mut export {
            Some(export) => export,
            None => export.insert(Export::begin(&opened, folder, options)?),
        };
        export.add(&opened, episode.digest, &mut problems)?;
    }
    progress(episodes.len(), episodes.len());
    let nothing = |problems: &[Problem]| Error::Nothing {
        problems: problems.iter().map(ToString::to_string).collect(),
    };
    match export {
        Some(export) if export.has_rows() => export.finish(problems),
        _ => Err(nothing(&problems)),
    }
}
