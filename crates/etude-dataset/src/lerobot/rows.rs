//! One episode's rows out of a dataset's tables.

use super::error::Error;
use super::info::Feature;
use super::source::{SourceEpisode, batches};
use crate::columns;
use crate::problem::Problem;
use arrow_array::RecordBatch;
use std::cell::RefCell;
use std::collections::BTreeMap;

/// Columns that number rows.
pub(crate) const NUMBERING: [&str; 5] = ["timestamp", "frame_index", "episode_index", "index", "task_index"];

/// One episode's rows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rows {
    /// How many there are.
    pub(crate) count: usize,
    /// Numbers by feature, \[row, number\], as they are stored.
    pub(crate) features: BTreeMap<String, Vec<f64>>,
    /// Every column of the table.
    pub(crate) columns: Vec<String>,
    /// The `timestamp` column, \[row\], s.
    pub(crate) timestamp_s: Vec<f64>,
    /// The `frame_index` column, \[row\]; counted where the dataset has none.
    pub(crate) frame_index: Vec<i64>,
    /// The `index` column's first value.
    pub(crate) first_index: Option<i64>,
    /// The `task_index` column, \[row\]; may be empty.
    pub(crate) task_index: Vec<i64>,
}

impl Rows {
    /// One row of a feature.
    pub(crate) fn row(&self, feature: &Feature, row: usize) -> &[f64] {
        let width = feature.width();
        let values = self.features.get(&feature.key).map(Vec::as_slice).unwrap_or_default();
        values.get(row * width..(row + 1) * width).unwrap_or_default()
    }
}

/// Reads an episode's rows; where the table is damaged, the rows before the damage.
pub(crate) fn read(episode: &SourceEpisode, features: &[&Feature]) -> Result<(Rows, Vec<Problem>), Error> {
    let mut rows = Rows::default();
    let mut problems = Vec::new();
    let subject = || episode.data.display().to_string();
    let columns = RefCell::new(Vec::new());
    let wanted = |name: &str| {
        columns.borrow_mut().push(name.to_owned());
        NUMBERING.contains(&name) || features.iter().any(|feature| feature.key == name)
    };
    let range = (episode.length > 0).then_some((episode.first_row, episode.length));
    // A file of one episode is read whole, so that rows beyond the stated length are seen.
    let range = range.filter(|_| episode.first_row > 0 || !is_single(episode));
    for batch in batches(&episode.data, &wanted, range)? {
        let batch = match batch {
            Ok(batch) => batch,
            Err(error) => {
                problems
                    .push(Problem::loss(subject(), format!("rows from {} on are lost: {error}", rows.count)));
                break;
            }
        };
        if let Err(message) = append(&mut rows, &batch, features) {
            return Err(Error::content(&episode.data, message));
        }
        if let Some(other) = foreign_row(&batch, episode.index) {
            let message = format!("expected rows of the episode {}, found one of {other}", episode.index);
            return Err(Error::content(&episode.data, message));
        }
    }
    rows.columns = columns.into_inner();
    if rows.count as u64 != episode.length {
        let message = format!(
            "the episode's length is stated as {}, its table has {} rows",
            episode.length, rows.count
        );
        let is_short = (rows.count as u64) < episode.length;
        problems.push(Problem { subject: subject(), message, loss: is_short });
    }
    if rows.frame_index.is_empty() {
        rows.frame_index = (0..rows.count as i64).collect();
    }
    Ok((rows, problems))
}

/// Datasets of version 2 have one file per episode, named after it.
fn is_single(episode: &SourceEpisode) -> bool {
    episode.data.file_name().is_some_and(|name| name.to_string_lossy().starts_with("episode_"))
}

fn append(rows: &mut Rows, batch: &RecordBatch, features: &[&Feature]) -> Result<(), String> {
    for feature in features {
        let column =
            batch.column_by_name(&feature.key).ok_or_else(|| format!("has no column {}", feature.key))?;
        let values = rows.features.entry(feature.key.clone()).or_default();
        columns::append(column, feature.width(), values)
            .map_err(|message| format!("{}: {message}", feature.key))?;
    }
    let time = batch.column_by_name("timestamp").ok_or("has no column timestamp")?;
    columns::append(time, 1, &mut rows.timestamp_s).map_err(|message| format!("timestamp: {message}"))?;
    let integers = |name: &str| batch.column_by_name(name).and_then(columns::integers);
    rows.frame_index.extend(integers("frame_index").unwrap_or_default());
    rows.task_index.extend(integers("task_index").unwrap_or_default());
    if rows.first_index.is_none() {
        rows.first_index = integers("index").and_then(|values| values.first().copied());
    }
    rows.count += batch.num_rows();
    Ok(())
}

fn foreign_row(batch: &RecordBatch, episode: u64) -> Option<i64> {
    let numbers = batch.column_by_name("episode_index").and_then(columns::integers)?;
    numbers.into_iter().find(|number| u64::try_from(*number) != Ok(episode))
}
