//! An episode's rows: which instants become rows, and what stands in them.

use super::error::Error;
use super::layout::{Feature, Field, Layout, Source};
use super::options::{RowOptions, Stale};
use crate::columns;
use crate::problem::Problem;
use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, UInt64Type};
use arrow_array::{ArrayRef, RecordBatch};
use etude_episode::{AlignOptions, Clock, Episode, Grid, Rule, align};
use etude_model::{ClockKind, Span, Topic};
use serde::Serialize;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// A run of rows shorter than this is no episode.
pub(crate) const ROWS_MIN: usize = 2;

/// An episode on the dataset's grid.
#[derive(Clone, Debug)]
pub struct Table {
    /// Instants, \[row\], ns of the episode's host clock.
    pub time_ns: Vec<i64>,
    /// Numbers per feature of the layout, \[row, number\]; NaN where there is none.
    pub features: Vec<Vec<f64>>,
    /// Frames per camera of the layout, \[row\]: places in the camera's stream, from 0.
    pub frames: Vec<Vec<Option<u64>>>,
    /// Whether everything of the row is there.
    pub valid: Vec<bool>,
    /// Per stream, \[row\]: the row's time less that of the message used, ns; negative where the message is later,
    /// absent where there is no value. Between two messages it is the age of the earlier one.
    pub ages_ns: BTreeMap<Topic, Vec<Option<i64>>>,
    /// Whether actions are what the governor let through (and not what was asked).
    pub is_granted: bool,
}

/// How far a stream's values are from the rows that use them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Age {
    /// Greatest distance in time, ms.
    pub max_ms: f64,
    /// Mean distance in time, ms.
    pub mean_ms: f64,
}

/// Rows that make an episode of the dataset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Rows of the table, ascending.
    pub rows: Vec<usize>,
}

/// Instants within a piece that have no row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Hole {
    /// The row of the piece that it follows.
    pub after_row: usize,
    /// Instants without a row.
    pub missing_rows: usize,
}

impl Piece {
    /// Whether it is too short for an episode of which `more` rows are left out; then that is said.
    pub fn is_too_short(&self, more: usize, name: &str, problems: &mut Vec<Problem>) -> bool {
        if self.len() >= ROWS_MIN + more {
            return false;
        }
        let ends = (self.rows.first().unwrap_or(&0), self.rows.last().map_or(0, |row| row + 1));
        let message = format!("the rows {} to {} are too few for an episode", ends.0, ends.1);
        problems.push(Problem::loss(name, message));
        true
    }

    /// How many rows it has.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Where instants are missing between its rows.
    pub fn holes(&self) -> Vec<Hole> {
        let hole = |(after_row, pair): (usize, &[usize])| match pair {
            [a, b] if a + 1 < *b => Some(Hole { after_row, missing_rows: b - a - 1 }),
            _ => None,
        };
        self.rows.windows(2).enumerate().filter_map(hole).collect()
    }
}

impl Table {
    /// Aligns an episode's streams.
    pub fn of(episode: &Episode, layout: &Layout, options: &RowOptions) -> Result<Self, Error> {
        let failed = |message: String| Error::episode(episode.name(), message);
        let align_options = AlignOptions {
            grid: grid(episode, layout),
            streams: layout.rules.keys().cloned().collect(),
            rule: Rule::Previous,
            rules: layout.rules.iter().map(|(topic, rule)| (topic.clone(), rule.aligned())).collect(),
            max_age: options.max_age.unwrap_or_else(|| default_max_age(layout.fps)),
            clock: Clock::Host,
        };
        let table = align(episode, &align_options).map_err(|error| failed(error.to_string()))?.batch;
        let rows = table.num_rows();
        let mut valid = vec![true; rows];
        let mut ages_ns = BTreeMap::new();
        for topic in layout.rules.keys() {
            let column = column(&table, topic, "age_ns").map_err(failed)?;
            let found = column
                .as_primitive_opt::<Int64Type>()
                .ok_or_else(|| failed(format!("{topic} has no ages")))?;
            for (valid, age) in valid.iter_mut().zip(found) {
                *valid &= age.is_some();
            }
            ages_ns.insert(topic.clone(), found.iter().collect());
        }
        let time = table.column_by_name("time_ns").and_then(|column| column.as_primitive_opt::<Int64Type>());
        let mut found = Self {
            time_ns: time.map(|time| time.values().to_vec()).unwrap_or_default(),
            features: Vec::new(),
            frames: Vec::new(),
            valid,
            ages_ns,
            is_granted: is_granted(&table, layout),
        };
        for feature in &layout.features {
            found.features.push(numbers(&table, &feature.sources, found.is_granted).map_err(failed)?);
        }
        for camera in &layout.cameras {
            // A camera without a single frame has no column, and no row is valid.
            let column = column(&table, &camera.topic, "frame_index").ok();
            let frames = column.and_then(|column| column.as_primitive_opt::<UInt64Type>());
            found.frames.push(frames.map_or_else(|| vec![None; rows], |frames| frames.iter().collect()));
        }
        Ok(found)
    }

    /// The rows that make episodes, with what is left out said: before the first and after the last whole row that is
    /// usual, in between it is loss.
    pub fn pieces(&self, name: &str, stale: Stale, problems: &mut Vec<Problem>) -> Vec<Piece> {
        let mut runs: Vec<Piece> = Vec::new();
        for row in (0..self.valid.len()).filter(|row| self.valid.get(*row) == Some(&true)) {
            match runs.last_mut() {
                Some(run) if run.rows.last().is_some_and(|last| last + 1 == row) => run.rows.push(row),
                _ => runs.push(Piece { rows: vec![row] }),
            }
        }
        self.report_missing(name, stale, &runs, problems);
        match stale {
            Stale::Drop if !runs.is_empty() => {
                vec![Piece { rows: runs.into_iter().flat_map(|run| run.rows).collect() }]
            }
            _ => runs,
        }
    }

    fn report_missing(&self, name: &str, stale: Stale, runs: &[Piece], problems: &mut Vec<Problem>) {
        let all = self.time_ns.len();
        let ends = |run: &Piece| Some((*run.rows.first()?, *run.rows.last()?));
        let (Some((first, _)), Some((_, last))) = (runs.first().and_then(ends), runs.last().and_then(ends))
        else {
            let message = format!("none of its {all} rows has every value young enough; it is left out");
            problems.push(Problem::loss(name, message));
            return;
        };
        let edges = first + (all - last - 1);
        if edges > 0 {
            let message = format!("{edges} of {all} rows at its ends lack a value and are left out");
            problems.push(Problem::note(name, message));
        }
        let becomes = match stale {
            Stale::Split => "the dataset has an episode before and one after them",
            Stale::Drop => "they are left out, and the episode goes on after a marked hole",
        };
        for pair in runs.windows(2) {
            let [before, after] = pair else { continue };
            if let (Some((_, before)), Some((after, _))) = (ends(before), ends(after)) {
                let message = format!("the rows {} to {} lack a value; {becomes}", before + 1, after - 1);
                problems.push(Problem::loss(name, message));
            }
        }
    }

    /// A feature's numbers in a piece, \[row, number\]; `feature`: its place in the layout.
    pub fn numbers_of(&self, feature: usize, layout: &Layout, piece: &Piece) -> Vec<f64> {
        let width = layout.features.get(feature).map_or(0, Feature::width);
        let values = self.features.get(feature).map(Vec::as_slice).unwrap_or_default();
        let row =
            |row: &usize| values.get(row * width..(row + 1) * width).unwrap_or_default().iter().copied();
        piece.rows.iter().flat_map(row).collect()
    }

    /// The frames of a camera in a piece, \[row\]; `camera`: its place in the layout.
    pub fn frames_of(&self, camera: usize, piece: &Piece) -> Vec<u64> {
        let frames = self.frames.get(camera).map(Vec::as_slice).unwrap_or_default();
        piece.rows.iter().filter_map(|row| frames.get(*row).copied().flatten()).collect()
    }

    /// The instants of a piece, \[row\], ns of the episode's host clock.
    pub fn times_of(&self, piece: &Piece) -> Vec<i64> {
        piece.rows.iter().filter_map(|row| self.time_ns.get(*row).copied()).collect()
    }

    /// How far values are from their rows, per stream, over all rows that have one.
    pub fn ages(&self) -> BTreeMap<String, Age> {
        let age = |ages: &Vec<Option<i64>>| Age::of(ages.iter().flatten().copied());
        self.ages_ns.iter().map(|(topic, ages)| (topic.to_string(), age(ages))).collect()
    }
}

/// One and a half rows.
pub(super) fn default_max_age(fps: u32) -> Span {
    Span::from_s(1.5 / f64::from(fps))
}

/// Rows are the messages of the source's own rows where times are synthetic, the first camera's frames where it has
/// the dataset's rate, and a steady grid otherwise.
fn grid(episode: &Episode, layout: &Layout) -> Grid {
    let fps = f64::from(layout.fps);
    let rate_of = |topic: &Topic| {
        episode.stream(topic.as_str()).and_then(|stream| episode.stream_info(stream).spec.rate_hz)
    };
    let first = layout.features.first().and_then(|feature| feature.sources.first());
    match (episode.manifest().clock, first) {
        (ClockKind::Synthetic { rate_hz }, Some(source)) if rate_hz == fps => {
            return Grid::Stream(source.topic.clone());
        }
        _ => {}
    }
    let camera = layout.cameras.first().map(|camera| &camera.topic);
    match camera.filter(|topic| rate_of(topic).is_some_and(|rate| (rate - fps).abs() < 1e-6 * fps)) {
        Some(topic) => Grid::Stream(topic.clone()),
        None => Grid::Rate { rate_hz: fps, from_ns: None, to_ns: None },
    }
}

fn column<'t>(table: &'t RecordBatch, topic: &Topic, field: &str) -> Result<&'t ArrayRef, String> {
    table.column_by_name(&format!("{topic}.{field}")).ok_or_else(|| format!("{topic} has no {field}"))
}

/// Commands carry what was let through where the robot was led by a governor, and only what was asked elsewhere.
fn is_granted(table: &RecordBatch, layout: &Layout) -> bool {
    let sources = layout.features.iter().flat_map(|feature| &feature.sources);
    let mut commands = sources.filter(|source| source.field == Field::Command);
    commands.all(|source| column(table, &source.topic, "granted").is_ok_and(|column| width(column) > 0))
}

fn width(column: &ArrayRef) -> usize {
    column.as_fixed_size_list_opt().map_or(1, |list| list.value_length() as usize)
}

/// One feature's numbers, \[row, number\], gathered from its streams.
fn numbers(table: &RecordBatch, sources: &[Source], is_granted: bool) -> Result<Vec<f64>, String> {
    let name = |source: &Source| match source.field {
        Field::Named(name) => name,
        Field::Command if is_granted => "granted",
        Field::Command => "asked",
    };
    let mut arrays: BTreeMap<(&Topic, &str), (usize, Vec<f64>)> = BTreeMap::new();
    for source in sources {
        let (topic, field) = (&source.topic, name(source));
        if let Entry::Vacant(entry) = arrays.entry((topic, field)) {
            let Ok(column) = column(table, topic, field) else {
                // A stream without a single message has no column, and no row is valid.
                return Ok(vec![f64::NAN; table.num_rows() * sources.len()]);
            };
            let mut values = Vec::with_capacity(table.num_rows() * width(column));
            columns::append(column, width(column), &mut values)?;
            entry.insert((width(column), values));
        }
    }
    let mut numbers = Vec::with_capacity(table.num_rows() * sources.len());
    for row in 0..table.num_rows() {
        for source in sources {
            let array = arrays.get(&(&source.topic, name(source)));
            let value = array.and_then(|(width, values)| values.get(row * width + source.place));
            let missing = || format!("{} has no number {} in {}", source.topic, source.place, name(source));
            numbers.push(*value.ok_or_else(missing)?);
        }
    }
    Ok(numbers)
}

impl Age {
    /// Of ages in ns, whatever their sign.
    pub fn of(ages_ns: impl Iterator<Item = i64>) -> Self {
        let (mut max, mut sum, mut count) = (0i64, 0f64, 0u64);
        for age in ages_ns {
            max = max.max(age.saturating_abs());
            sum += age.saturating_abs() as f64;
            count += 1;
        }
        Self { max_ms: max as f64 * 1e-6, mean_ms: if count > 0 { sum / count as f64 * 1e-6 } else { 0.0 } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(valid: &[bool]) -> Table {
        Table {
            time_ns: (0..valid.len() as i64).collect(),
            features: Vec::new(),
            frames: Vec::new(),
            valid: valid.to_vec(),
            ages_ns: BTreeMap::new(),
            is_granted: false,
        }
    }

    #[test]
    fn a_hole_splits_or_is_marked() {
        let table = table(&[false, true, true, false, false, true, true, true]);
        let mut problems = Vec::new();
        let split = table.pieces("e", Stale::Split, &mut problems);
        assert_eq!(
            split.iter().map(|piece| piece.rows.clone()).collect::<Vec<_>>(),
            [vec![1, 2], vec![5, 6, 7]]
        );
        assert!(problems.iter().any(|p| p.loss && p.message.contains("the rows 3 to 4 lack a value")));
        let dropped = table.pieces("e", Stale::Drop, &mut problems);
        assert_eq!(dropped.len(), 1);
        assert_eq!(dropped[0].rows, [1, 2, 5, 6, 7]);
        assert_eq!(dropped[0].holes(), [Hole { after_row: 1, missing_rows: 2 }]);
        assert!(split[1].holes().is_empty());
    }

    #[test]
    fn without_a_whole_row_there_is_no_piece() {
        let mut problems = Vec::new();
        assert!(table(&[false, false]).pieces("e", Stale::Drop, &mut problems).is_empty());
        assert!(problems.iter().any(|problem| problem.loss));
    }
}
