//! Exports that keep each stream at its own rate and with its own clocks: no grid, no rule, no value without its time.
//!
//! [`export`](export()) writes an episode after another into a folder: as plain Parquet tables, one per stream; as an
//! MCAP file of ROS 2 messages; or as a Rerun recording. Messages pass one after another; what a format has no room
//! for is said. Where each episode came from stands in its file and in `etude.json` beside them.

mod cdr;
mod cells;
mod parquet;
mod rerun;
mod rerun_frame;
mod ros2;
mod ros2_messages;

use crate::export::{Episodes, Error, ExportEpisode, Filed, Provenance, each, into_new_folder};
use crate::problem::Problem;
use etude_episode::Episode;
use etude_model::{Card, StreamKind, StreamSpec};
use serde::Serialize;
use std::fs;
use std::path::{Path, PathBuf};

/// A format that keeps streams as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamFormat {
    /// A folder per episode with a Parquet table per stream.
    Parquet,
    /// An MCAP file per episode, profile `ros2`.
    Ros2Mcap,
    /// A Rerun recording (`.rrd`) per episode.
    Rerun,
}

/// What was written.
#[derive(Clone, Debug)]
pub struct ExportedStreams {
    /// Its folder.
    pub folder: PathBuf,
    /// Episodes.
    pub episodes: u64,
    /// Messages of all streams.
    pub messages: u64,
    /// What was left out or odd.
    pub problems: Vec<Problem>,
}

/// Where everything came from; `etude.json` beside the episodes.
#[derive(Serialize)]
struct Sidecar<'p> {
    format: u32,
    software: String,
    problems: &'p [Problem],
    episodes: Vec<SidecarEpisode>,
}

#[derive(Serialize)]
struct SidecarEpisode {
    /// Its file or folder.
    file: String,
    /// Messages of all streams.
    messages: u64,
    #[serde(flatten)]
    provenance: Provenance,
}

/// What each format gets of an episode.
struct Source<'e> {
    episode: &'e Episode,
    provenance: &'e Provenance,
    card_toml: &'e str,
}

/// Says that a stream has nothing to export; of gaps, which are none in most takes, it is not said.
fn silent(source: &Source<'_>, spec: &StreamSpec, problems: &mut Vec<Problem>) {
    if spec.kind != StreamKind::Gap {
        let message = format!("{} has no message, and nothing of it is in the export", spec.topic);
        problems.push(Problem::note(source.episode.name(), message));
    }
}

/// Exports episodes into a folder that does not exist or is empty; they need not share a card.
///
/// `progress` is called with the episodes done and the episodes in all.
pub fn export(
    episodes: &[ExportEpisode],
    out: &Path,
    format: StreamFormat,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<ExportedStreams, Error> {
    export_each(&mut Filed::new(episodes), out, format, progress)
}

/// The same with episodes that come to be one after another.
pub fn export_each(
    episodes: &mut dyn Episodes,
    out: &Path,
    format: StreamFormat,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<ExportedStreams, Error> {
    into_new_folder(out, |folder| {
        fs::create_dir_all(folder).map_err(Error::file("making the folder", folder))?;
        let mut problems = Vec::new();
        let mut written = Vec::new();
        each(episodes, &mut problems, progress, |opened, digest, problems| {
            let provenance = Provenance::of(&opened, digest)?;
            let card_toml =
                opened.card_toml().map_err(|error| Error::episode(opened.name(), error.to_string()))?;
            Card::from_toml(&card_toml).map_err(|error| Error::episode(opened.name(), error.to_string()))?;
            let source = Source { episode: &opened, provenance: &provenance, card_toml: &card_toml };
            let name = format!("episode_{:06}", written.len());
            let (file, messages) = match format {
                StreamFormat::Parquet => {
                    (name.clone(), parquet::write(&source, &folder.join(&name), problems)?)
                }
                StreamFormat::Ros2Mcap => {
                    let file = format!("{name}.mcap");
                    let messages = ros2::write(&source, &folder.join(&file), problems)?;
                    (file, messages)
                }
                StreamFormat::Rerun => {
                    let file = format!("{name}.rrd");
                    let messages = rerun::write(&source, &folder.join(&file), problems)?;
                    (file, messages)
                }
            };
            written.push(SidecarEpisode { file, messages, provenance });
            Ok::<(), Error>(())
        })?;
        if written.is_empty() {
            return Err(Error::Nothing { problems: problems.iter().map(ToString::to_string).collect() });
        }
        let (count, messages) = (written.len() as u64, written.iter().map(|episode| episode.messages).sum());
        let sidecar = Sidecar {
            format: 1,
            software: format!("etude {}", env!("CARGO_PKG_VERSION")),
            problems: &problems,
            episodes: written,
        };
        let path = folder.join("etude.json");
        let text =
            serde_json::to_vec_pretty(&sidecar).map_err(|error| Error::content(&path, error.to_string()))?;
        fs::write(&path, text).map_err(Error::file("writing", &path))?;
        Ok(ExportedStreams { folder: out.to_owned(), episodes: count, messages, problems })
    })
}
