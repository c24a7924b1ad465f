//! DROID's raw episodes: `trajectory.h5`, `metadata_*.json` and videos in `recordings/MP4`.

use super::super::records::{Facts, Ledger};
use super::super::source::name_of;
use super::layout::text;
use serde_json::Value as Json;
use std::fs;
use std::path::{Path, PathBuf};

/// Files of an episode that are looked at.
const MAX_FILES: usize = 1000;
/// What the metadata says that does not name a person.
const FACTS: [&str; 10] = [
    "uuid",
    "lab",
    "date",
    "timestamp",
    "building",
    "scene_id",
    "success",
    "robot_serial",
    "droid_version",
    "trajectory_length",
];

/// The videos of the episode that a file belongs to.
pub(super) fn videos(path: &Path) -> Vec<PathBuf> {
    let folder = path.parent().unwrap_or(Path::new("")).join("recordings/MP4");
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().take(MAX_FILES);
    let mut found: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|end| end == "mp4"))
        .collect();
    found.sort();
    found
}

/// The camera whose frames a dataset gives the times of.
pub(super) fn camera(path: &str) -> Option<&str> {
    path.strip_prefix("observation/timestamp/cameras/")?.strip_suffix("_frame_received")
}

/// A video's name with the camera's place instead of its serial number, where the metadata tells it.
#[cfg(feature = "ffmpeg")]
pub(super) fn named(stem: &str, facts: &Facts) -> String {
    let place = ["wrist", "ext1", "ext2"].into_iter().find_map(|place| {
        let serial = facts.notes.get(&format!("droid.{place}_cam_serial"))?;
        let rest = stem.strip_prefix(serial.as_str())?;
        (!rest.starts_with(|letter: char| letter.is_ascii_digit())).then(|| format!("{place}{rest}"))
    });
    place.unwrap_or_else(|| stem.to_owned())
}

/// What the metadata says; the user's name and id stay out.
pub(super) fn facts(path: &Path, facts: &mut Facts, ledger: &mut Ledger) {
    let folder = path.parent().unwrap_or(Path::new(""));
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().take(MAX_FILES);
    let found = entries.map(|entry| entry.path()).find(|path| {
        name_of(path).starts_with("metadata_") && path.extension().is_some_and(|end| end == "json")
    });
    let Some(found) = found else {
        return ledger.note(name_of(folder), "it has no metadata: what was to be done is not known");
    };
    if folder.join("recordings/SVO").is_dir() {
        ledger.loss("recordings/SVO", "the stereo cameras' own files are not carried");
    }
    let parsed = text(&found).and_then(|text| serde_json::from_str(&text).map_err(|error| error.to_string()));
    let metadata: Json = match parsed {
        Ok(metadata) => metadata,
        Err(why) => return ledger.loss(name_of(&found), why),
    };
    let words = |key: &str| match metadata.get(key)? {
        Json::String(text) if !text.is_empty() => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        Json::Bool(value) => Some(value.to_string()),
        _ => None,
    };
    facts.instruction = words("current_task");
    let said = FACTS.iter().filter_map(|key| Some((format!("droid.{key}"), words(key)?)));
    facts.notes.extend(said);
    for key in ["wrist_cam_serial", "ext1_cam_serial", "ext2_cam_serial"] {
        facts.notes.extend(words(key).map(|serial| (format!("droid.{key}"), serial)));
    }
    for key in ["wrist_cam_extrinsics", "ext1_cam_extrinsics", "ext2_cam_extrinsics"] {
        facts.notes.extend(metadata.get(key).map(|value| (format!("droid.{key}"), value.to_string())));
    }
    if let Some(success) = metadata.get("success").and_then(Json::as_bool) {
        let outcome = if success { "success" } else { "failure" };
        facts.notes.insert("outcome".to_owned(), outcome.to_owned());
    }
}
