//! `RoboMIND`: which robot and task a file is of, what its annotators said of it, and the clock of its simulations.
//!
//! The annotations are files of `language_description_annotation_json`, `[{id, response: {task_summary, steps}}]`; an `id` is
//! the folder of a recording from its `h5_` on.

use super::super::records::{Facts, Ledger};
use super::super::value::Value;
use super::layout::text;
use crate::hdf5::File;
use crate::hdf5::dataset::Rows;
use crate::hdf5::object::Kind;
use serde_json::Value as Json;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The folder of the annotations.
const FOLDER: &str = "language_description_annotation_json";
/// The simulations' clock.
const CLOCK: &str = "sim_time_seq";
/// Files of annotations that are looked through, and folders above the robot's that may hold them.
const MAX_FILES: usize = 64;
const MAX_ABOVE: usize = 3;
/// Times that are read, and the longest step between two of them that a clock of a simulation makes, s.
const MAX_TIMES: u64 = 10_000_000;
const MAX_STEP_S: f64 = 10.0;

/// The parts of a file's path from the folder of the robot on, and that folder.
fn place(path: &Path) -> Option<(PathBuf, Vec<&str>)> {
    let robot = path.ancestors().filter(|above| {
        above.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with("h5_"))
    });
    let robot = robot.last()?;
    let inner = path.strip_prefix(robot.parent()?).ok()?;
    Some((robot.to_owned(), inner.components().filter_map(|part| part.as_os_str().to_str()).collect()))
}

/// What a file's path and the annotations say of it.
pub(super) fn facts(path: &Path, facts: &mut Facts, ledger: &mut Ledger) {
    let Some((robot, parts)) = place(path) else { return };
    for (key, part) in [("embodiment", parts.first()), ("task", parts.get(1))] {
        facts.notes.extend(part.map(|part| (format!("robomind.{key}"), (*part).to_owned())));
    }
    let id = parts.split_last().map(|(_, folders)| folders.join("/")).unwrap_or_default();
    let files = files(&robot);
    if files.is_empty() {
        return;
    }
    for file in &files {
        match annotation(file, &id) {
            Ok(Some(said)) => return note(&said, facts),
            Ok(None) => {}
            Err(why) => ledger.loss(FOLDER, why),
        }
    }
    ledger.note(FOLDER, format!("none of its {} files names {id}", files.len()));
}

/// The files of annotations that lie above the robot's folder.
fn files(robot: &Path) -> Vec<PathBuf> {
    let above = robot.ancestors().skip(1).take(MAX_ABOVE);
    let entries = above.filter_map(|above| fs::read_dir(above.join(FOLDER)).ok()).flatten().flatten();
    let paths = entries.map(|entry| entry.path());
    let mut found: Vec<PathBuf> =
        paths.filter(|path| path.extension().is_some_and(|end| end == "json")).take(MAX_FILES).collect();
    found.sort();
    found
}

/// What a file says of the recording with this id.
fn annotation(file: &Path, id: &str) -> Result<Option<Json>, String> {
    let text = text(file)?;
    // Most files are of other robots, and looking is cheaper than reading.
    if !text.contains(id) {
        return Ok(None);
    }
    let all: Json = serde_json::from_str(&text).map_err(|error| format!("{}: {error}", file.display()))?;
    let is_it = |entry: &&Json| entry.get("id").and_then(Json::as_str) == Some(id);
    Ok(all.as_array().and_then(|entries| entries.iter().find(is_it)).cloned())
}

fn note(said: &Json, facts: &mut Facts) {
    let Some(response) = said.get("response") else { return };
    facts.instruction = response.get("task_summary").and_then(Json::as_str).map(str::to_owned);
    let steps = response.get("steps").map(|steps| ("robomind.steps".to_owned(), steps.to_string()));
    facts.notes.extend(steps);
}

/// The simulation's times, ns, where they are a clock: seconds from 0 on that do not go back.
pub(super) fn times(file: &File, datasets: &[(String, u64)], ledger: &mut Ledger) -> Option<Arc<[i64]>> {
    let is_clock = |path: &str| path.rsplit('/').next() == Some(CLOCK);
    let (path, at) = datasets.iter().find(|(path, _)| is_clock(path))?;
    match read(file, *at) {
        Ok(times) => {
            let (first, last) = (times.first()?, times.last()?);
            let [first, last] = [first, last].map(|ns| *ns as f64 * 1e-9);
            ledger.note(
                path.clone(),
                format!(
                    "its {} numbers, {first:.3} to {last:.3}, are taken for seconds of the simulation; they are the log \
                     times of what has as many rows",
                    times.len()
                ),
            );
            Some(times)
        }
        Err(why) => {
            ledger.note(path.clone(), format!("it is taken for no clock: {why}"));
            None
        }
    }
}

fn read(file: &File, at: u64) -> Result<Arc<[i64]>, String> {
    let Kind::Dataset(dataset) = file.object(at).map_err(|damage| damage.to_string())?.kind else {
        return Err("it is no dataset".to_owned());
    };
    let count = dataset.rows().min(MAX_TIMES);
    let (mut rows, _) = Rows::open(file, *dataset).map_err(|damage| damage.to_string())?;
    let mut times: Vec<i64> = Vec::new();
    let mut before = None;
    for row in 0..count {
        let time_s = match rows.value(row).map_err(|lost| lost.why)? {
            Value::Float(time_s) => time_s,
            Value::Numbers(numbers) if numbers.len() == 1 => numbers.first().copied().unwrap_or(f64::NAN),
            other => return Err(format!("row {row} is {}, expected a number", other.kind())),
        };
        let step_s = before.map_or(0.0, |before| time_s - before);
        if !(0.0..1e9).contains(&time_s) || !(0.0..=MAX_STEP_S).contains(&step_s) {
            return Err(format!("row {row} is {time_s} s, {step_s} s after the one before it"));
        }
        before = Some(time_s);
        times.push((time_s * 1e9).round() as i64);
    }
    let moves = times.first() != times.last();
    if moves { Ok(times.into()) } else { Err("it never changes".to_owned()) }
}
