//! `AgiBot` World: `proprio_stats/TASK/EPISODE/proprio_stats.h5`, videos in `observations/TASK/EPISODE/videos`, and what was
//! done in `task_info/task_TASK.json`.

use super::super::records::{Facts, Ledger};
use super::super::source::name_of;
use super::layout::text;
use serde_json::Value as Json;
use std::fs;
use std::path::{Path, PathBuf};

/// Videos of an episode.
const MAX_VIDEOS: usize = 64;

/// The dataset's folder, the task and the episode of a file.
fn place(path: &Path) -> Option<(&Path, String, String)> {
    let episode = path.parent()?;
    let task = episode.parent()?;
    let root = task.parent()?.parent()?;
    Some((root, name_of(task), name_of(episode)))
}

/// The recording's name: its task and episode.
pub(super) fn name(path: &Path) -> String {
    place(path).map_or_else(|| name_of(path), |(_, task, episode)| format!("{task} {episode}"))
}

/// The files with pictures and touch that belong to a file.
pub(super) fn videos(path: &Path) -> Vec<PathBuf> {
    let Some((root, task, episode)) = place(path) else { return Vec::new() };
    let folder = root.join("observations").join(task).join(episode);
    let mut found: Vec<PathBuf> = ["videos", "tactile"]
        .iter()
        .filter_map(|part| fs::read_dir(folder.join(part)).ok())
        .flat_map(|entries| entries.flatten().take(MAX_VIDEOS).map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|end| end == "mp4"))
        .collect();
    found.sort();
    found
}

/// The folder with the pictures of distances that belong to a file.
pub(super) fn depths(path: &Path) -> Option<PathBuf> {
    let (root, task, episode) = place(path)?;
    Some(root.join("observations").join(task).join(episode).join("depth"))
}

/// The folder with the parameters of the cameras.
pub(super) fn parameters(path: &Path) -> Option<PathBuf> {
    let (root, task, episode) = place(path)?;
    Some(root.join("parameters").join(task).join(episode))
}

/// What the task's own account says of an episode.
pub(super) fn facts(path: &Path, facts: &mut Facts, ledger: &mut Ledger) {
    let Some((root, task, episode)) = place(path) else { return };
    facts.notes.insert("agibot.task".to_owned(), task.clone());
    facts.notes.insert("agibot.episode".to_owned(), episode.clone());
    let path = root.join("task_info").join(format!("task_{task}.json"));
    if !path.is_file() {
        return ledger.note(name_of(&path), "it is not there: what was done is not known");
    }
    let parsed = text(&path).and_then(|text| serde_json::from_str(&text).map_err(|error| error.to_string()));
    let all: Json = match parsed {
        Ok(all) => all,
        Err(why) => return ledger.loss(name_of(&path), why),
    };
    let is_it = |entry: &&Json| match entry.get("episode_id") {
        Some(Json::Number(number)) => number.to_string() == episode,
        Some(Json::String(text)) => *text == episode,
        _ => false,
    };
    let Some(entry) = all.as_array().and_then(|entries| entries.iter().find(is_it)) else {
        return ledger.note(name_of(&path), format!("it does not name episode {episode}"));
    };
    let said = |key: &str| entry.get(key).and_then(Json::as_str).map(str::to_owned);
    facts.instruction = said("task_name");
    facts.notes.extend(said("init_scene_text").map(|text| ("agibot.init_scene_text".to_owned(), text)));
    let label = entry.get("label_info").map(|label| ("agibot.label_info".to_owned(), label.to_string()));
    facts.notes.extend(label);
}
