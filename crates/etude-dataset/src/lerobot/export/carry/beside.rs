//! Files that are no part of the format: licences, cards of datasets, what other software keeps there.

use super::super::super::error::Error;
use super::super::super::info::read_text;
use crate::problem::Problem;
use serde_json::Value;
use std::fs;
use std::path::Path;

/// Files of the format, which are written anew.
const REPLACED: [&str; 5] =
    ["info.json", "episodes_stats.jsonl", "tasks.jsonl", "tasks.parquet", "stats.json"];
/// Folders of the format.
const FOLDERS: [&str; 4] = ["data", "meta", "videos", "episodes"];
/// What our own export says of single rows by the numbers of their episodes.
const NUMBERED: [&str; 2] = ["alignment.json", "alignment.parquet"];
/// Where our own export says where each episode came from.
const SIDECAR: &str = "etude.json";
/// What every line of the list of episodes has.
const OF_EPISODES: [&str; 3] = ["episode_index", "tasks", "length"];
/// Largest file that is carried, bytes.
const LARGEST: u64 = 64 << 20;

/// Copies what lies beside the format's own files. `indexes`: the number that each episode had; `is_whole`: whether every one
/// is there.
pub(super) fn copy_others(
    source: &Path,
    folder: &Path,
    indexes: &[u64],
    is_whole: bool,
    problems: &mut Vec<Problem>,
) -> Result<(), Error> {
    for (from, to) in [(source.to_owned(), folder.to_owned()), (source.join("meta"), folder.join("meta"))] {
        let is_root = from == source;
        let entries = fs::read_dir(&from).map_err(Error::file("listing", &from))?;
        let mut paths: Vec<_> = entries
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<Result<_, _>>()
            .map_err(Error::file("listing", &from))?;
        paths.sort();
        for path in paths {
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
            if path.is_dir() {
                if !FOLDERS.contains(&name) {
                    let message = "a folder that is no part of the format; it is not carried";
                    problems.push(Problem::note(path.display().to_string(), message));
                }
            } else if !is_root && name == SIDECAR && !is_whole {
                let bytes = of_episodes(&path, indexes)?;
                fs::write(to.join(name), bytes).map_err(Error::file("writing", &to.join(name)))?;
            } else if is_root || is_carried(&path, name, is_whole, problems) {
                copy(&path, &to.join(name), problems)?;
            }
        }
    }
    Ok(())
}

/// What is said of the episodes that are still there, by their new numbers.
fn of_episodes(path: &Path, indexes: &[u64]) -> Result<Vec<u8>, Error> {
    let failed = |error: serde_json::Error| Error::content(path, error.to_string());
    let mut sidecar: Value = serde_json::from_str(&read_text(path)?).map_err(failed)?;
    let episodes = sidecar.get_mut("episodes").and_then(Value::as_array_mut);
    let episodes = episodes.ok_or_else(|| Error::content(path, "expected a list of episodes, found none"))?;
    let mut kept = Vec::new();
    for (new, old) in indexes.iter().enumerate() {
        let of = |episode: &&Value| episode.get("episode_index").and_then(Value::as_u64) == Some(*old);
        let found = episodes.iter().find(of).and_then(Value::as_object);
        let mut episode = found
            .cloned()
            .ok_or_else(|| Error::content(path, format!("it says nothing of episode {old}")))?;
        episode.insert("episode_index".to_owned(), new.into());
        kept.push(Value::Object(episode));
    }
    *episodes = kept;
    serde_json::to_vec_pretty(&sidecar).map_err(failed)
}

fn is_carried(path: &Path, name: &str, is_whole: bool, problems: &mut Vec<Problem>) -> bool {
    if NUMBERED.contains(&name) && !is_whole {
        let message = "it numbers episodes that are now others; it is not carried";
        problems.push(Problem::loss(path.display().to_string(), message));
        return false;
    }
    if name == "episodes.jsonl" {
        return says_more(path);
    }
    !REPLACED.contains(&name)
}

/// Whether a line of the list says something for which version 3.0 has no place.
fn says_more(path: &Path) -> bool {
    let text = read_text(path).unwrap_or_default();
    let mut lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.any(|line| {
        line.as_object().is_some_and(|line| line.keys().any(|key| !OF_EPISODES.contains(&key.as_str())))
    })
}

fn copy(from: &Path, to: &Path, problems: &mut Vec<Problem>) -> Result<(), Error> {
    let length = fs::metadata(from).map_err(Error::file("reading", from))?.len();
    if length > LARGEST {
        let message = format!(
            "has {length} bytes, expected at most {LARGEST} of a file beside the format's own; it is not carried"
        );
        problems.push(Problem::loss(from.display().to_string(), message));
        return Ok(());
    }
    let bytes = fs::read(from).map_err(Error::file("reading", from))?;
    fs::write(to, bytes).map_err(Error::file("writing", to))
}
