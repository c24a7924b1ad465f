//! A LeRobot dataset on disk: which episode lies in which files.

use super::error::Error;
use super::info::{Info, Version, fill, read_text};
use crate::columns;
use crate::problem::Problem;
use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{Array, RecordBatch};
use etude_model::rights::Rights;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Component, Path, PathBuf};

/// Longest value of the list of episodes that is kept as a note, in bytes.
const FURTHER_MAX: usize = 1 << 16;

/// One episode of a dataset.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceEpisode {
    /// Its number in the dataset.
    pub index: u64,
    /// Its tasks, as texts.
    pub tasks: Vec<String>,
    /// Rows, as stated.
    pub length: u64,
    /// The file with its rows.
    pub data: PathBuf,
    /// Its first row within that file.
    pub first_row: u64,
    /// Its part of each camera's video, by the feature's key.
    pub videos: BTreeMap<String, VideoPart>,
    /// The folder with its pictures of each camera that has a file for each row, by the feature's key.
    pub pictures: BTreeMap<String, PathBuf>,
    /// What the list of episodes says of it beyond that (versions 2.x), by key: a text, or JSON.
    pub further: BTreeMap<String, String>,
}

/// An episode's part of a video file.
#[derive(Clone, Debug, PartialEq)]
pub struct VideoPart {
    /// The file.
    pub path: PathBuf,
    /// Where the part begins in the file, s.
    pub from_s: f64,
    /// Where it ends, s; absent: at the file's end.
    pub to_s: Option<f64>,
}

/// A dataset on disk.
#[derive(Clone, Debug)]
pub struct Source {
    /// What it says of itself.
    pub info: Info,
    /// Tasks by their number.
    pub tasks: BTreeMap<i64, String>,
    /// Its episodes in the order of the dataset.
    pub episodes: Vec<SourceEpisode>,
    root: PathBuf,
}

impl Source {
    /// Reads what a dataset says of itself; the data are not touched.
    pub fn open(root: &Path) -> Result<(Self, Vec<Problem>), Error> {
        let info = Info::read(root)?;
        let mut problems = Vec::new();
        let (tasks, episodes) = if info.version == Version::V30 {
            (tasks_table(root)?, episodes_table(root, &info)?)
        } else {
            (tasks_lines(root, &mut problems), episodes_lines(root, &info, &mut problems)?)
        };
        if let Some(stated) = info.total_episodes.filter(|stated| *stated != episodes.len() as u64) {
            let message =
                format!("info.json states {stated} episodes, the list of episodes has {}", episodes.len());
            problems.push(Problem::note("meta/info.json", message));
        }
        Ok((Self { info, tasks, episodes, root: root.to_owned() }, problems))
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// `meta/info.json` as it is.
    pub(super) fn info_json(&self) -> Result<Map<String, Value>, Error> {
        let path = self.root.join("meta/info.json");
        serde_json::from_str(&read_text(&path)?).map_err(|error| Error::content(&path, error.to_string()))
    }

    /// What the dataset says of its rights: `license` of info.json or of the README's head, or the first line and the
    /// holder of its LICENSE. Nothing is concluded from anything else.
    pub fn rights(&self) -> Rights {
        let readme = read_text(&self.root.join("README.md")).unwrap_or_default();
        let head = readme.strip_prefix("---").and_then(|text| text.split("\n---").next()).unwrap_or_default();
        let from_readme =
            head.lines().find_map(|line| line.strip_prefix("license:")).map(|text| text.trim().to_owned());
        let licence = read_text(&self.root.join("LICENSE")).unwrap_or_default();
        let lines =
            || licence.lines().map(str::trim).filter(|line| !line.is_empty() && line.chars().count() <= 120);
        let holder = lines().find(|line| line.starts_with("Copyright")).map(str::to_owned);
        Rights {
            licence: self.info.licence.clone().or(from_readme).or_else(|| lines().next().map(str::to_owned)),
            holder,
            consent: None,
        }
    }
}

/// A path below the dataset, out of a pattern that the dataset itself gave.
fn below(root: &Path, relative: &str) -> Result<PathBuf, Error> {
    let inside = Path::new(relative).components().all(|part| matches!(part, Component::Normal(_)));
    if inside && !relative.contains('{') {
        return Ok(root.join(relative));
    }
    let message = format!("expected a path below the dataset, found {relative:?}");
    Err(Error::content(&root.join("meta/info.json"), message))
}

pub(super) fn json_lines(path: &Path, problems: &mut Vec<Problem>) -> Result<Vec<Value>, Error> {
    let text = read_text(path)?;
    let mut values = Vec::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        match serde_json::from_str(line) {
            Ok(value) => values.push(value),
            Err(error) => {
                let subject = format!("{} line {}", path.display(), number + 1);
                problems.push(Problem::loss(subject, format!("cannot be read and is left out: {error}")));
            }
        }
    }
    Ok(values)
}

fn tasks_lines(root: &Path, problems: &mut Vec<Problem>) -> BTreeMap<i64, String> {
    let path = root.join("meta/tasks.jsonl");
    let lines = json_lines(&path, problems).unwrap_or_else(|error| {
        problems
            .push(Problem::note(path.display().to_string(), format!("tasks stay without words: {error}")));
        Vec::new()
    });
    let task =
        |line: &Value| Some((line.get("task_index")?.as_i64()?, line.get("task")?.as_str()?.to_owned()));
    lines.iter().filter_map(task).collect()
}

fn episodes_lines(
    root: &Path,
    info: &Info,
    problems: &mut Vec<Problem>,
) -> Result<Vec<SourceEpisode>, Error> {
    let path = root.join("meta/episodes.jsonl");
    let mut episodes = Vec::new();
    for line in json_lines(&path, problems)? {
        let Some(index) = line.get("episode_index").and_then(Value::as_u64) else {
            problems.push(Problem::loss(
                path.display().to_string(),
                format!("an episode without its index: {line}"),
            ));
            continue;
        };
        let tasks = line.get("tasks").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let numbers = [("episode_chunk", index / info.chunks_size), ("episode_index", index)];
        let mut videos = BTreeMap::new();
        for camera in info.features.iter().filter(|feature| feature.dtype == "video") {
            let pattern = info
                .video_path
                .as_deref()
                .unwrap_or("videos/chunk-{episode_chunk:03d}/{video_key}/episode_{episode_index:06d}.mp4");
            let path = below(root, &fill(pattern, &numbers, &camera.key))?;
            videos.insert(camera.key.clone(), VideoPart { path, from_s: 0.0, to_s: None });
        }
        let pattern = info.image_path.as_deref().and_then(|pattern| pattern.rsplit_once('/'));
        let mut pictures = BTreeMap::new();
        for (camera, (folder, _)) in info.in_files().filter_map(|camera| Some((camera, pattern?))) {
            let folder = folder.replace("{image_key}", &camera.key);
            pictures.insert(camera.key.clone(), below(root, &fill(&folder, &numbers, &camera.key))?);
        }
        episodes.push(SourceEpisode {
            index,
            tasks: tasks.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            length: line.get("length").and_then(Value::as_u64).unwrap_or(0),
            data: below(root, &fill(&info.data_path, &numbers, ""))?,
            first_row: 0,
            videos,
            pictures,
            further: further(&line, index, problems),
        });
    }
    Ok(episodes)
}

/// What a line says beyond the format; an episode's notes hold it.
fn further(line: &Value, index: u64, problems: &mut Vec<Problem>) -> BTreeMap<String, String> {
    let known = ["episode_index", "tasks", "length"];
    let mut kept = BTreeMap::new();
    for (key, value) in
        line.as_object().into_iter().flatten().filter(|(key, _)| !known.contains(&key.as_str()))
    {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        if text.len() <= FURTHER_MAX {
            kept.insert(key.clone(), text);
        } else {
            let message = format!("{key} has {} bytes, more than a note holds; it is left out", text.len());
            problems.push(Problem::loss(format!("meta/episodes.jsonl episode {index}"), message));
        }
    }
    kept
}

/// Every batch of a parquet file, only the columns that `wanted` accepts.
pub(crate) fn batches(
    path: &Path,
    wanted: &dyn Fn(&str) -> bool,
    rows: Option<(u64, u64)>,
) -> Result<impl Iterator<Item = Result<RecordBatch, Error>> + use<>, Error> {
    let file = File::open(path).map_err(Error::file("opening", path))?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(Error::parquet(path))?;
    let fields = builder.schema().fields().clone();
    let roots = fields.iter().enumerate().filter(|(_, field)| wanted(field.name())).map(|(root, _)| root);
    let mask = ProjectionMask::roots(builder.parquet_schema(), roots);
    let mut builder = builder.with_projection(mask).with_batch_size(1024);
    if let Some((offset, limit)) = rows {
        builder = builder.with_offset(offset as usize).with_limit(limit as usize);
    }
    let path = path.to_owned();
    let reader = builder.build().map_err(Error::parquet(&path))?;
    Ok(reader.map(move |batch| batch.map_err(|error| Error::content(&path, error.to_string()))))
}

fn tasks_table(root: &Path) -> Result<BTreeMap<i64, String>, Error> {
    let path = root.join("meta/tasks.parquet");
    let mut tasks = BTreeMap::new();
    for batch in batches(&path, &|_| true, None)? {
        let batch = batch?;
        let numbers = batch.column_by_name("task_index").and_then(columns::integers);
        // The text is the index of a pandas frame, whose column has either of two names.
        let texts = batch.column_by_name("task").or_else(|| batch.column_by_name("__index_level_0__"));
        let (Some(numbers), Some(texts)) = (numbers, texts.and_then(columns::texts)) else {
            return Err(Error::content(&path, "expected the columns task_index and task"));
        };
        tasks.extend(numbers.into_iter().zip(texts));
    }
    Ok(tasks)
}

/// The files of the table of episodes, in their order.
pub(super) fn episode_files(root: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut files = Vec::new();
    for chunk in sorted(&root.join("meta/episodes"))? {
        files.extend(
            sorted(&chunk)?.into_iter().filter(|path| path.extension().is_some_and(|e| e == "parquet")),
        );
    }
    Ok(files)
}

fn episodes_table(root: &Path, info: &Info) -> Result<Vec<SourceEpisode>, Error> {
    let mut found = Vec::new();
    for path in episode_files(root)? {
        for batch in batches(&path, &|name| !name.starts_with("stats/"), None)? {
            episodes_of(root, info, &path, &batch?, &mut found)?;
        }
    }
    // A file's first row is the lowest index of the episodes in it.
    let mut first: BTreeMap<PathBuf, u64> = BTreeMap::new();
    for episode in &found {
        let lowest = first.entry(episode.data.clone()).or_insert(episode.first_row);
        *lowest = (*lowest).min(episode.first_row);
    }
    for episode in &mut found {
        episode.first_row -= first.get(&episode.data).copied().unwrap_or(0);
    }
    Ok(found)
}

fn sorted(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let entries = fs::read_dir(folder).map_err(Error::file("listing", folder))?;
    let mut paths = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(Error::file("listing", folder))?;
    paths.sort();
    Ok(paths)
}

fn episodes_of(
    root: &Path,
    info: &Info,
    path: &Path,
    batch: &RecordBatch,
    found: &mut Vec<SourceEpisode>,
) -> Result<(), Error> {
    let integers = |name: &str| {
        batch
            .column_by_name(name)
            .and_then(columns::integers)
            .map(|column| {
                column.into_iter().map(|value| u64::try_from(value).unwrap_or(0)).collect::<Vec<u64>>()
            })
            .ok_or_else(|| Error::content(path, format!("expected a column {name} of whole numbers")))
    };
    let seconds = |name: &str| {
        batch
            .column_by_name(name)
            .and_then(|column| column.as_primitive_opt::<Float64Type>())
            .map(|column| column.values().to_vec())
            .ok_or_else(|| Error::content(path, format!("expected a column {name} of f64")))
    };
    let index = integers("episode_index")?;
    let (length, from) = (integers("length")?, integers("dataset_from_index")?);
    let (chunk, file) = (integers("data/chunk_index")?, integers("data/file_index")?);
    let tasks = task_lists(batch);
    let mut cameras = Vec::new();
    for camera in info.features.iter().filter(|feature| feature.dtype == "video") {
        let column = |part: &str| format!("videos/{}/{part}", camera.key);
        let places = (integers(&column("chunk_index"))?, integers(&column("file_index"))?);
        let times = (seconds(&column("from_timestamp"))?, seconds(&column("to_timestamp"))?);
        cameras.push((camera.key.clone(), places, times));
    }
    let at = |column: &[u64], row: usize| column.get(row).copied().unwrap_or(0);
    for row in 0..batch.num_rows() {
        let numbers = [("chunk_index", at(&chunk, row)), ("file_index", at(&file, row))];
        let mut videos = BTreeMap::new();
        for (key, (chunks, files), (begins, ends)) in &cameras {
            let pattern = info.video_path.as_deref().unwrap_or_default();
            let numbers = [("chunk_index", at(chunks, row)), ("file_index", at(files, row))];
            let part = VideoPart {
                path: below(root, &fill(pattern, &numbers, key))?,
                from_s: begins.get(row).copied().unwrap_or(0.0),
                to_s: ends.get(row).copied(),
            };
            videos.insert(key.clone(), part);
        }
        found.push(SourceEpisode {
            index: at(&index, row),
            tasks: tasks.get(row).cloned().unwrap_or_default(),
            length: at(&length, row),
            data: below(root, &fill(&info.data_path, &numbers, ""))?,
            first_row: at(&from, row),
            videos,
            pictures: BTreeMap::new(),
            further: BTreeMap::new(),
        });
    }
    Ok(())
}

fn task_lists(batch: &RecordBatch) -> Vec<Vec<String>> {
    let Some(lists) = batch.column_by_name("tasks").and_then(|column| column.as_list_opt::<i32>().cloned())
    else {
        return Vec::new();
    };
    (0..lists.len()).map(|row| columns::texts(&lists.value(row)).unwrap_or_default()).collect()
}
