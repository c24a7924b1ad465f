//! What a dataset states of an episode's pictures; version 2.0 says nothing of single episodes.

use super::super::super::error::Error;
use super::super::super::info::Version;
use super::super::super::source::{Source, batches, episode_files, json_lines};
use crate::columns;
use crate::problem::Problem;
use crate::stats::{QUANTILES, Summary};
use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::DataType;
use serde_json::Value;
use std::collections::BTreeMap;

/// Statistics of pictures by episode, in the order of the cameras; empty of a camera that some episode says nothing of.
pub(super) struct Stated {
    episodes: BTreeMap<u64, Vec<Summary>>,
}

impl Stated {
    pub(super) fn read(
        source: &Source,
        cameras: &[String],
        problems: &mut Vec<Problem>,
    ) -> Result<Self, Error> {
        if cameras.is_empty() {
            return Ok(Self { episodes: BTreeMap::new() });
        }
        let mut episodes = match source.info.version {
            Version::V30 => of_table(source, cameras)?,
            Version::V20 | Version::V21 => of_lines(source, cameras, problems)?,
        };
        for (place, key) in cameras.iter().enumerate() {
            let says = |index: u64| {
                episodes.get(&index).and_then(|own| own.get(place)).is_some_and(|summary| summary.count > 0)
            };
            let silent = source.episodes.iter().find(|episode| !says(episode.index));
            let Some(silent) = silent.map(|episode| episode.index) else { continue };
            let message = format!(
                "its pictures have no statistics in episode {silent}, so the dataset has none of that camera"
            );
            problems.push(Problem::note(key.clone(), message));
            for own in episodes.values_mut().filter_map(|own| own.get_mut(place)) {
                *own = Summary::default();
            }
        }
        Ok(Self { episodes })
    }

    /// Of each camera.
    pub(super) fn of(&self, episode: u64, cameras: usize) -> Vec<Summary> {
        self.episodes.get(&episode).cloned().unwrap_or_else(|| vec![Summary::default(); cameras])
    }
}

type Summaries = BTreeMap<u64, Vec<Summary>>;

/// `episodes_stats.jsonl`.
fn of_lines(source: &Source, cameras: &[String], problems: &mut Vec<Problem>) -> Result<Summaries, Error> {
    let path = source.root().join("meta/episodes_stats.jsonl");
    if !path.is_file() {
        return Ok(BTreeMap::new());
    }
    let mut episodes = BTreeMap::new();
    for line in json_lines(&path, problems)? {
        let Some(index) = line.get("episode_index").and_then(Value::as_u64) else { continue };
        let of =
            |key: &String| line.get("stats").and_then(|stats| summary(stats.get(key)?)).unwrap_or_default();
        episodes.insert(index, cameras.iter().map(of).collect());
    }
    Ok(episodes)
}

/// The columns `stats/` of the table of episodes.
fn of_table(source: &Source, cameras: &[String]) -> Result<Summaries, Error> {
    let mut episodes = BTreeMap::new();
    let wanted = |name: &str| {
        let key = name.strip_prefix("stats/").and_then(|rest| rest.rsplit_once('/')).map(|(key, _)| key);
        name == "episode_index" || key.is_some_and(|key| cameras.iter().any(|camera| camera == key))
    };
    for path in episode_files(source.root())? {
        for batch in batches(&path, &wanted, None)? {
            let batch = batch?;
            let indexes =
                batch.column_by_name("episode_index").and_then(columns::integers).unwrap_or_default();
            for (row, index) in indexes.into_iter().enumerate() {
                let of = |key: &String| of_row(&batch, key, row).unwrap_or_default();
                episodes.insert(u64::try_from(index).unwrap_or(0), cameras.iter().map(of).collect());
            }
        }
    }
    Ok(episodes)
}

fn of_row(batch: &RecordBatch, key: &str, row: usize) -> Option<Summary> {
    let numbers = |what: &str| {
        let column = batch.column_by_name(&format!("stats/{key}/{what}"))?;
        let mut numbers = Vec::new();
        leaves(&column.slice(row, 1), &mut numbers)?;
        (!numbers.is_empty()).then_some(numbers)
    };
    let quantile = |name| numbers(name).unwrap_or_default();
    Some(Summary {
        min: numbers("min")?,
        max: numbers("max")?,
        mean: numbers("mean")?,
        std: numbers("std")?,
        count: *numbers("count")?.first()? as u64,
        quantiles: QUANTILES.map(|(name, _)| quantile(name)),
    })
}

/// The numbers of lists of lists.
fn leaves(array: &ArrayRef, numbers: &mut Vec<f64>) -> Option<()> {
    match array.data_type() {
        DataType::List(_) => {
            let list = array.as_list::<i32>();
            (0..list.len()).try_for_each(|row| leaves(&list.value(row), numbers))
        }
        DataType::FixedSizeList(..) => {
            let list = array.as_fixed_size_list();
            (0..list.len()).try_for_each(|row| leaves(&list.value(row), numbers))
        }
        _ => columns::append(array, 1, numbers).ok(),
    }
}

/// `{"min": [[[0.1]], [[0.2]], [[0.3]]], …, "count": [12]}`.
fn summary(value: &Value) -> Option<Summary> {
    let numbers = |name: &str| {
        let mut numbers = Vec::new();
        flat(value.get(name)?, &mut numbers)?;
        Some(numbers)
    };
    let summary = Summary {
        min: numbers("min")?,
        max: numbers("max")?,
        mean: numbers("mean")?,
        std: numbers("std")?,
        count: *numbers("count")?.first()? as u64,
        quantiles: Default::default(),
    };
    let width = summary.mean.len();
    let even = [&summary.min, &summary.max, &summary.std].iter().all(|other| other.len() == width);
    (even && width > 0).then_some(summary)
}

fn flat(value: &Value, numbers: &mut Vec<f64>) -> Option<()> {
    match value {
        Value::Array(values) => values.iter().try_for_each(|value| flat(value, numbers)),
        other => {
            numbers.push(other.as_f64()?);
            Some(())
        }
    }
}
