//! An episode's rows: which instants become rows, and what stands in them.

use super::super::columns;
use super::super::error::Error;
use super::ExportOptions;
use super::plan::Plan;
use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, UInt64Type};
use arrow_array::{ArrayRef, RecordBatch};
use etude_episode::{AlignOptions, Clock, Episode, Grid, Rule, align};
use etude_model::{ClockKind, Span, Topic};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// An episode on the dataset's grid.
pub(super) struct GridRows {
    /// Instants, \[row\], ns.
    pub(super) time_ns: Vec<i64>,
    /// Numbers per feature, \[row, number\].
    pub(super) features: Vec<Vec<f64>>,
    /// Frames per camera, \[row\].
    pub(super) frames: Vec<Vec<Option<u64>>>,
    /// Whether everything of the row is there.
    valid: Vec<bool>,
    /// How old the values used are, per stream.
    pub(super) ages: BTreeMap<Topic, Age>,
    /// Whether actions are what the governor let through (and not what was asked).
    pub(super) is_granted: bool,
}

/// How old the values of a stream are when they are used.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Age {
    /// Greatest distance in time, ms.
    pub(super) max_ms: f64,
    /// Mean distance in time, ms.
    pub(super) mean_ms: f64,
}

impl GridRows {
    pub(super) fn of(episode: &Episode, plan: &Plan, options: &ExportOptions) -> Result<Self, Error> {
        let failed = |message: String| Error::Episode { path: episode.name().into(), message };
        let topics = topics(plan);
        let align_options = AlignOptions {
            grid: grid(episode, plan),
            streams: topics.iter().cloned().collect(),
            rule: Rule::Previous,
            // Causal for what is measured; a frame is the nearest one, so that clocks that differ by a breath do not
            // repeat one and skip the next.
            rules: plan.cameras.iter().map(|camera| (camera.topic.clone(), Rule::Nearest)).collect(),
            max_age: options.max_age.unwrap_or_else(|| Span::from_s(1.5 / f64::from(plan.fps))),
            clock: Clock::Host,
        };
        let table = align(episode, &align_options).map_err(|error| failed(error.to_string()))?.batch;
        let rows = table.num_rows();
        let mut valid = vec![true; rows];
        let mut ages = BTreeMap::new();
        for topic in &topics {
            let column = column(&table, topic, "age_ns").map_err(failed)?;
            let found = column
                .as_primitive_opt::<Int64Type>()
                .ok_or_else(|| failed(format!("{topic} has no ages")))?;
            for (valid, age) in valid.iter_mut().zip(found) {
                *valid &= age.is_some();
            }
            ages.insert(topic.clone(), age(found.iter().flatten()));
        }
        let time = table.column_by_name("time_ns").and_then(|column| column.as_primitive_opt::<Int64Type>());
        let mut found = Self {
            time_ns: time.map(|time| time.values().to_vec()).unwrap_or_default(),
            features: Vec::new(),
            frames: Vec::new(),
            valid,
            ages,
            is_granted: is_granted(&table, plan),
        };
        for feature in &plan.features {
            let field = match (feature.is_command, found.is_granted) {
                (true, true) => "granted",
                (true, false) => "asked",
                (false, _) => "position",
            };
            found.features.push(numbers(&table, &feature.sources, field).map_err(failed)?);
        }
        for camera in &plan.cameras {
            // A camera without a single frame has no column, and no row is valid.
            let column = column(&table, &camera.topic, "frame_index").ok();
            let frames = column.and_then(|column| column.as_primitive_opt::<UInt64Type>());
            found.frames.push(frames.map_or_else(|| vec![None; rows], |frames| frames.iter().collect()));
        }
        Ok(found)
    }

    /// Runs of rows without a missing value.
    pub(super) fn runs(&self) -> Vec<Range<usize>> {
        let mut runs: Vec<Range<usize>> = Vec::new();
        for row in (0..self.valid.len()).filter(|row| self.valid.get(*row) == Some(&true)) {
            match runs.last_mut() {
                Some(run) if run.end == row => run.end = row + 1,
                _ => runs.push(row..row + 1),
            }
        }
        runs
    }

    /// The frames of a camera in a run of rows.
    pub(super) fn frames_of(&self, camera: usize, run: &Range<usize>) -> Vec<u64> {
        let frames = self.frames.get(camera).and_then(|frames| frames.get(run.clone()));
        frames.unwrap_or_default().iter().flatten().copied().collect()
    }
}

fn topics(plan: &Plan) -> BTreeSet<Topic> {
    let numbers = plan.features.iter().flat_map(|feature| &feature.sources).map(|(topic, _)| topic.clone());
    numbers.chain(plan.cameras.iter().map(|camera| camera.topic.clone())).collect()
}

/// Rows are the messages of the source's own rows where times are synthetic, the first camera's frames where it has
/// the dataset's rate, and a steady grid otherwise.
fn grid(episode: &Episode, plan: &Plan) -> Grid {
    let fps = f64::from(plan.fps);
    let rate_of = |topic: &Topic| {
        episode.stream(topic.as_str()).and_then(|stream| episode.stream_info(stream).spec.rate_hz)
    };
    let first = plan.features.first().and_then(|feature| feature.sources.first()).map(|(topic, _)| topic);
    match (episode.manifest().clock, first) {
        (ClockKind::Synthetic { rate_hz }, Some(topic)) if rate_hz == fps => {
            return Grid::Stream(topic.clone());
        }
        _ => {}
    }
    let camera = plan.cameras.first().map(|camera| &camera.topic);
    match camera.filter(|topic| rate_of(topic).is_some_and(|rate| (rate - fps).abs() < 1e-6 * fps)) {
        Some(topic) => Grid::Stream(topic.clone()),
        None => Grid::Rate { rate_hz: fps, from_ns: None, to_ns: None },
    }
}

fn column<'t>(table: &'t RecordBatch, topic: &Topic, field: &str) -> Result<&'t ArrayRef, String> {
    table.column_by_name(&format!("{topic}.{field}")).ok_or_else(|| format!("{topic} has no {field}"))
}

/// Commands carry what was let through where the robot was led by a governor, and only what was asked elsewhere.
fn is_granted(table: &RecordBatch, plan: &Plan) -> bool {
    let mut topics =
        plan.features.iter().filter(|f| f.is_command).flat_map(|f| &f.sources).map(|(topic, _)| topic);
    topics.all(|topic| column(table, topic, "granted").is_ok_and(|column| width(column) > 0))
}

fn width(column: &ArrayRef) -> usize {
    column.as_fixed_size_list_opt().map_or(1, |list| list.value_length() as usize)
}

/// One feature's numbers, \[row, number\], gathered from its streams.
fn numbers(table: &RecordBatch, sources: &[(Topic, usize)], field: &str) -> Result<Vec<f64>, String> {
    let mut streams: BTreeMap<&Topic, (usize, Vec<f64>)> = BTreeMap::new();
    for (topic, _) in sources {
        if !streams.contains_key(topic) {
            let Ok(column) = column(table, topic, field) else {
                // A stream without a single message has no column, and no row is valid.
                return Ok(vec![f64::NAN; table.num_rows() * sources.len()]);
            };
            let mut values = Vec::with_capacity(table.num_rows() * width(column));
            columns::append(column, width(column), &mut values)?;
            streams.insert(topic, (width(column), values));
        }
    }
    let mut numbers = Vec::with_capacity(table.num_rows() * sources.len());
    for row in 0..table.num_rows() {
        for (topic, place) in sources {
            let value = streams.get(topic).and_then(|(width, values)| values.get(row * width + place));
            numbers.push(*value.ok_or_else(|| format!("{topic} has no number {place} in {field}"))?);
        }
    }
    Ok(numbers)
}

fn age(ages: impl Iterator<Item = i64>) -> Age {
    let (mut max, mut sum, mut count) = (0i64, 0f64, 0u64);
    for age in ages {
        max = max.max(age.saturating_abs());
        sum += age.saturating_abs() as f64;
        count += 1;
    }
    Age { max_ms: max as f64 * 1e-6, mean_ms: if count > 0 { sum / count as f64 * 1e-6 } else { 0.0 } }
}
