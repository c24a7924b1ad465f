//! What an episode's manifest notes of its dataset.

use super::super::info::Version;
use super::super::rows::Rows;
use super::super::source::SourceEpisode;
use super::Importer;
use crate::problem::Problem;
use std::collections::{BTreeMap, BTreeSet};

/// Most numbers of a column whose words are noted.
const WORDS_MAX: usize = 1000;

impl Importer {
    pub(super) fn notes(
        &self,
        episode: &SourceEpisode,
        rows: &Rows,
        task: Option<String>,
        problems: &mut Vec<Problem>,
    ) -> BTreeMap<String, String> {
        let info = &self.source.info;
        let version = match info.version {
            Version::V20 => "2.0",
            Version::V21 => "2.1",
            Version::V30 => "3.0",
        };
        let mut notes = self.beside.notes.clone();
        notes.extend([
            ("lerobot.version".to_owned(), version.to_owned()),
            ("lerobot.fps".to_owned(), info.fps.to_string()),
            ("lerobot.episode_index".to_owned(), episode.index.to_string()),
        ]);
        let mut note = |key: &str, value: Option<String>| {
            notes.extend(value.map(|value| (format!("lerobot.{key}"), value)));
        };
        note("first_timestamp", rows.timestamp_s.first().map(f64::to_string));
        note("index", rows.first_index.map(|index| index.to_string()));
        note("task_index", rows.task_index.first().map(ToString::to_string));
        note("task", task);
        note("robot_type", info.robot_type.clone());
        note("op_dataid", self.beside.records.get(&episode.index).cloned());
        if episode.tasks.len() > 1 {
            note("tasks", serde_json::to_string(&episode.tasks).ok());
        }
        for (key, value) in &episode.further {
            note(&format!("episode.{key}"), Some(value.clone()));
        }
        for feature in self.features() {
            note(&format!("dtype.{}", feature.key), Some(feature.dtype));
        }
        for (key, words) in self.words(episode, rows, problems) {
            note(&format!("words.{key}"), serde_json::to_string(&words).ok());
        }
        if self.beside.discarded.contains(&episode.index) {
            note("discarded", Some("true".to_owned()));
            let message = "info.json lists it as discarded; it is imported and noted as such";
            problems.push(Problem::note(format!("episode {}", episode.index), message));
        }
        notes
    }

    /// The words for the numbers that the episode's annotations have, by column.
    fn words(
        &self,
        episode: &SourceEpisode,
        rows: &Rows,
        problems: &mut Vec<Problem>,
    ) -> BTreeMap<String, BTreeMap<i64, String>> {
        let mut of_columns = BTreeMap::new();
        for (key, known) in &self.beside.words {
            let Some(values) = rows.features.get(key) else { continue };
            let whole = values.iter().filter(|value| value.fract() == 0.0).map(|value| *value as i64);
            let numbers: BTreeSet<i64> = whole.collect();
            let (found, open): (BTreeSet<i64>, BTreeSet<i64>) =
                numbers.into_iter().partition(|number| known.words.contains_key(number));
            if !open.is_empty() {
                let shown: Vec<&i64> = open.iter().take(10).collect();
                let message = format!("{} has no words for {shown:?}; the numbers are kept", known.from);
                problems.push(Problem::note(format!("episode {} {key}", episode.index), message));
            }
            if found.is_empty() {
                continue;
            }
            if found.len() > WORDS_MAX {
                let message = format!("has {} numbers with words; no words are noted", found.len());
                problems.push(Problem::loss(format!("episode {} {key}", episode.index), message));
                continue;
            }
            let words =
                found.into_iter().filter_map(|number| Some((number, known.words.get(&number)?.clone())));
            of_columns.insert(key.clone(), words.collect());
        }
        of_columns
    }
}
