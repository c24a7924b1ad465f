//! What lies in a dataset beside its tables and videos: GR00T's modality.json, `RoboCOIN`'s annotations, `RoboDriver`'s records.
//!
//! Small texts are kept with each episode as attachments, and the words that they give numbers as notes. Whatever else lies
//! there is named, folder by folder.

use super::error::Error;
use super::info::{Info, read_text};
use super::modality::{self, MODALITY};
use super::source::{Source, json_lines};
use crate::problem::Problem;
use etude_episode::Attachment;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Longest text that is kept as an attachment, in bytes.
const TEXT_MAX: u64 = 1 << 20;

/// Most that is kept of one dataset's texts with each episode, in bytes.
const TEXTS_MAX: u64 = 4 << 20;

/// Longest value of info.json that is kept as a note, in bytes.
const NOTE_MAX: usize = 4096;

/// Most entries of folders that are looked at.
const ENTRIES_MAX: usize = 100_000;

/// Most folders that are named one by one.
const NAMED_MAX: usize = 100;

/// Texts that variants have, besides those of `annotations`.
const TEXTS: [&str; 4] =
    [MODALITY, "meta/common_record.json", "device/device_info.json", "label/data_annotation.json"];

/// Files of `meta` that are read, or that follow from what is read.
const META: [&str; 14] = [
    "info.json",
    "tasks.jsonl",
    "tasks.parquet",
    "episodes.jsonl",
    "episodes",
    "episodes_stats.jsonl",
    "stats.json",
    "modality.json",
    "common_record.json",
    "op_dataid.jsonl",
    "etude.json",
    "alignment.json",
    "alignment.parquet",
    "card.toml",
];

/// Keys of info.json that every dataset has.
const INFO: [&str; 18] = [
    "codebase_version",
    "robot_type",
    "total_episodes",
    "total_frames",
    "total_tasks",
    "total_videos",
    "total_chunks",
    "chunks_size",
    "fps",
    "splits",
    "data_path",
    "video_path",
    "image_path",
    "features",
    "license",
    "licence",
    "data_files_size_in_mb",
    "video_files_size_in_mb",
];

/// Words for a column's numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Words {
    /// Where they stand.
    pub(super) from: String,
    /// Words by number.
    pub(super) words: BTreeMap<i64, String>,
}

/// What lies beside the tables.
#[derive(Debug, Default)]
pub(super) struct Beside {
    /// Texts that every episode keeps.
    pub(super) attachments: Vec<Attachment>,
    /// The files that these texts are from.
    pub(super) files: Vec<PathBuf>,
    /// Notes of the whole dataset.
    pub(super) notes: BTreeMap<String, String>,
    /// Words for numbers, by column.
    pub(super) words: BTreeMap<String, Words>,
    /// `RoboDriver`'s record of each episode, as JSON.
    pub(super) records: BTreeMap<u64, String>,
    /// Episodes that info.json calls discarded.
    pub(super) discarded: BTreeSet<u64>,
}

impl Beside {
    /// Reads what lies beside the tables; features get the parts that modality.json states.
    pub(super) fn read(source: &mut Source, problems: &mut Vec<Problem>) -> Result<Self, Error> {
        let mut beside = Self::default();
        beside.info(&source.info_json()?, problems);
        let root = source.root().to_owned();
        let mut names: Vec<String> = TEXTS.iter().map(|name| (*name).to_owned()).collect();
        let annotations = listed(&root.join("annotations"));
        names.extend(annotations.iter().filter(|path| path.is_file()).map(|path| name_in(&root, path)));
        let mut kept = 0;
        for name in names {
            let Some(text) = beside.keep(&root, &name, &mut kept, problems) else { continue };
            if name == MODALITY {
                let columns = modality::apply(&text, &mut source.info, problems);
                let words = Words { from: "the tasks".to_owned(), words: source.tasks.clone() };
                beside.words.extend(columns.into_iter().map(|column| (column, words.clone())));
            } else if name.starts_with("annotations/") {
                beside.annotation(&root.join(&name), &name, &source.info, problems);
            }
        }
        beside.op_records(&root, problems);
        left_out(&root, &source.info, problems);
        Ok(beside)
    }

    /// Keeps what info.json says beyond the format.
    fn info(&mut self, info: &Map<String, Value>, problems: &mut Vec<Problem>) {
        for (key, value) in info.iter().filter(|(key, _)| !INFO.contains(&key.as_str())) {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            if text.len() <= NOTE_MAX {
                self.notes.insert(format!("lerobot.info.{key}"), text);
            } else {
                let message =
                    format!("{key} has {} bytes, more than a note holds; it is left out", text.len());
                problems.push(Problem::loss("meta/info.json", message));
            }
        }
        let discarded = info.get("discarded_episode_indices").and_then(Value::as_array);
        self.discarded = discarded.into_iter().flatten().filter_map(Value::as_u64).collect();
    }

    /// Keeps a text, where it is there and not too long.
    fn keep(
        &mut self,
        root: &Path,
        name: &str,
        kept: &mut u64,
        problems: &mut Vec<Problem>,
    ) -> Option<String> {
        let path = root.join(name);
        let length = fs::metadata(&path).ok().filter(fs::Metadata::is_file)?.len();
        if length > TEXT_MAX || *kept + length > TEXTS_MAX {
            let message = format!("has {length} bytes, more than is kept with every episode; it is left out");
            problems.push(Problem::loss(name, message));
            return None;
        }
        match read_text(&path) {
            Ok(text) => {
                *kept += length;
                let media_type = if path.extension().is_some_and(|end| end == "jsonl") {
                    "application/jsonl"
                } else {
                    "application/json"
                };
                self.attachments.push(Attachment {
                    name: name.to_owned(),
                    media_type: media_type.to_owned(),
                    data: text.clone().into_bytes(),
                });
                self.files.push(path);
                Some(text)
            }
            Err(error) => {
                problems.push(Problem::loss(name, format!("cannot be read and is left out: {error}")));
                None
            }
        }
    }

    /// `RoboCOIN`'s words: `subtask_annotations.jsonl` has lines of `subtask_index` and `subtask`, for the columns
    /// `subtask_annotation`, `subtask_state` and `subtask_action`.
    fn annotation(&mut self, path: &Path, name: &str, info: &Info, problems: &mut Vec<Problem>) {
        let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let stem = stem.strip_suffix("_annotations").or_else(|| stem.strip_suffix("_annotation"));
        let columns: Vec<String> = stem
            .into_iter()
            .flat_map(|stem| ["annotation", "state", "action"].map(|end| format!("{stem}_{end}")))
            .filter(|column| info.feature(column).is_some())
            .collect();
        let (Some(stem), false) = (stem, columns.is_empty()) else {
            problems.push(Problem::note(name, "no column has its numbers; its text is kept"));
            return;
        };
        let mut words: BTreeMap<i64, String> = BTreeMap::new();
        let mut open = BTreeSet::new();
        let lines = json_lines(path, problems).unwrap_or_default();
        let index = format!("{stem}_index");
        for line in &lines {
            let number = line.get(&index).and_then(Value::as_i64);
            let Some((number, text)) = number.zip(line.get(stem).and_then(Value::as_str)) else {
                let message = format!("expected lines of {index} and {stem}, found {line}; its text is kept");
                problems.push(Problem::note(name, message));
                break;
            };
            let other = words.entry(number).or_insert_with(|| text.to_owned());
            if other != text && open.insert(number) {
                let message = format!("{index} {number} is both {other:?} and {text:?}; it gets no words");
                problems.push(Problem::note(name, message));
            }
        }
        words.retain(|number, _| !open.contains(number));
        let words = Words { from: name.to_owned(), words };
        self.words.extend(columns.into_iter().map(|column| (column, words.clone())));
    }

    /// `RoboDriver`'s `op_dataid.jsonl`: a line for each episode.
    fn op_records(&mut self, root: &Path, problems: &mut Vec<Problem>) {
        let path = root.join("meta/op_dataid.jsonl");
        if !path.is_file() {
            return;
        }
        let lines = json_lines(&path, problems).unwrap_or_else(|error| {
            problems.push(Problem::loss("meta/op_dataid.jsonl", format!("is left out: {error}")));
            Vec::new()
        });
        for line in lines {
            match line.get("episode_index").and_then(Value::as_u64) {
                Some(index) => drop(self.records.insert(index, line.to_string())),
                None => problems.push(Problem::loss(
                    "meta/op_dataid.jsonl",
                    format!("expected a line with episode_index, found {line}; it is left out"),
                )),
            }
        }
    }
}

fn name_in(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).display().to_string()
}

/// A folder's entries in order; links are not followed.
fn listed(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let hidden = |path: &Path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
    let mut paths: Vec<PathBuf> = entries
        .take(ENTRIES_MAX)
        .filter(|entry| entry.file_type().is_ok_and(|kind| !kind.is_symlink()))
        .map(|entry| entry.path())
        .filter(|path| !hidden(path))
        .collect();
    paths.sort();
    paths
}

/// Names what is not read. Folders that begin with `meta` are what tools keep of a dataset before they changed it.
fn left_out(root: &Path, info: &Info, problems: &mut Vec<Problem>) {
    let mut found: BTreeMap<String, u64> = BTreeMap::new();
    let mut left = ENTRIES_MAX;
    for path in listed(root).into_iter().filter(|path| path.is_dir()) {
        let name = name_in(root, &path);
        if name == "data" || name == "videos" || name.starts_with("meta") {
            continue;
        }
        walk(root, &path, 0, &mut left, &mut found);
    }
    for path in listed(&root.join("meta")) {
        let known = path.file_name().is_some_and(|name| META.iter().any(|known| name == *known));
        if !known {
            found.insert(name_in(root, &path), u64::from(path.is_file()));
        }
    }
    let more = found.len().saturating_sub(NAMED_MAX);
    for (name, files) in found.into_iter().take(NAMED_MAX) {
        let what = match files {
            0 | 1 => String::new(),
            files => format!(" ({files} files)"),
        };
        let meant = info.features.iter().find(|feature| name.ends_with(&format!("/{}", feature.key)));
        if meant.is_some_and(|meant| name.starts_with("images/") && info.in_files().any(|read| read == meant))
        {
            continue;
        }
        let of = meant.map(|feature| format!(" of {}", feature.key)).unwrap_or_default();
        problems.push(Problem::loss(
            name.clone(),
            format!("{}{of} is not read; it is left out{what}", kind(&name)),
        ));
    }
    if more > 0 || left == 0 {
        let message = "has more that is not read and is not named here; it is left out";
        problems.push(Problem::loss(root.display().to_string(), message));
    }
}

fn kind(name: &str) -> &'static str {
    match name.split('/').next() {
        Some("audio") => "sound, for which an episode has no stream,",
        Some("depth") => "depth as a video",
        Some("images") => "a folder of pictures",
        _ => "it",
    }
}

/// Counts files that are not read, by folder.
fn walk(root: &Path, folder: &Path, depth: usize, left: &mut usize, found: &mut BTreeMap<String, u64>) {
    for path in listed(folder) {
        if *left == 0 {
            return;
        }
        *left -= 1;
        let name = name_in(root, &path);
        if path.is_dir() && depth < 3 {
            walk(root, &path, depth + 1, left, found);
        } else if !(TEXTS.contains(&name.as_str()) || (depth == 0 && name.starts_with("annotations/"))) {
            let at = if depth == 0 { name } else { named_folder(root, folder) };
            *found.entry(at).or_default() += 1;
        }
    }
}

/// The folder as it is named: one of a single episode goes by the folder above.
fn named_folder(root: &Path, folder: &Path) -> String {
    let is_episode = folder.file_name().is_some_and(|name| name.to_string_lossy().starts_with("episode_"));
    let of_episode = folder.parent().filter(|_| is_episode);
    name_in(root, of_episode.unwrap_or(folder))
}
