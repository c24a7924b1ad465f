//! The columns that can be asked for, and what they are in a row.

use super::Value;
use crate::record::EpisodeRow;
use std::cmp::Ordering;

/// A column that can be asked for.
#[derive(Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name in expressions.
    pub name: &'static str,
    /// Its name in the database.
    pub(crate) sql: &'static str,
    /// What it holds.
    pub kind: ColumnKind,
    /// What it is, for people.
    pub about: &'static str,
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    /// Any text.
    Text,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A number; expressions are in units of so many stored ones.
    Number {
        /// Stored units in one unit of the expression.
        scale: u32,
    },
    /// A point in time, written `'2026-01-31'` or `'2026-01-31T08:00:00Z'`.
    Time,
    /// True or false.
    Truth,
}

const fn text(name: &'static str, about: &'static str) -> Column {
    Column { name, sql: name, kind: ColumnKind::Text, about }
}

const ORIGINS: &[&str] =
    &["teleoperated", "autonomous", "intervention", "retargeted", "imported", "simulated"];

/// Every column that can be asked for.
pub const COLUMNS: &[Column] = &[
    text("task", "what was to be done"),
    text("embodiment", "vendor and model of the robot"),
    Column {
        name: "accepted",
        sql: "accepted",
        kind: ColumnKind::Truth,
        about: "whether the latest verdict accepts it",
    },
    Column {
        name: "inspected",
        sql: "accepted",
        kind: ColumnKind::Truth,
        about: "whether there is a verdict",
    },
    Column {
        name: "outcome",
        sql: "outcome",
        kind: ColumnKind::Word(&["success", "failure", "unknown"]),
        about: "how the take went",
    },
    Column {
        name: "duration_s",
        sql: "duration_us",
        kind: ColumnKind::Number { scale: 1_000_000 },
        about: "length in seconds",
    },
    Column {
        name: "origin",
        sql: "origin",
        kind: ColumnKind::Word(ORIGINS),
        about: "how the motion came about",
    },
    Column {
        name: "clock",
        sql: "clock",
        kind: ColumnKind::Word(&["measured", "simulated", "synthetic"]),
        about: "how the times came about",
    },
    text("trainer", "the trainer's pseudonym"),
    text("robot", "the robot's serial number"),
    text("scene", "the staged environment"),
    text("station", "the station"),
    text("campaign", "the order it was made for"),
    text("licence", "the licence"),
    text("rules", "the rule set of the latest verdict"),
    text("episode", "the take's id"),
    text("digest", "the file's digest"),
    text("card", "the card's digest"),
    Column { name: "bytes", sql: "bytes", kind: ColumnKind::Number { scale: 1 }, about: "size of the file" },
    Column { name: "started", sql: "started_us", kind: ColumnKind::Time, about: "when the take began" },
    Column { name: "added", sql: "added_us", kind: ColumnKind::Time, about: "when it was filed" },
];

/// A column by the name of expressions.
pub(crate) fn by_name(name: &str) -> Option<&'static Column> {
    COLUMNS.iter().find(|column| column.name.eq_ignore_ascii_case(name))
}

impl Column {
    pub(crate) fn text_of(&self, row: &EpisodeRow) -> Option<String> {
        match self.name {
            "task" => row.task.clone(),
            "embodiment" => Some(row.embodiment.clone()),
            "outcome" => Some(row.outcome.clone()),
            "origin" => Some(row.origin.clone()),
            "clock" => Some(row.clock.clone()),
            "trainer" => row.trainer.clone(),
            "robot" => row.robot.clone(),
            "scene" => row.scene.clone(),
            "station" => row.station.clone(),
            "campaign" => row.campaign.clone(),
            "licence" => row.licence.clone(),
            "rules" => row.rules.clone(),
            "episode" => Some(row.episode.as_str().to_owned()),
            "digest" => Some(row.digest.to_string()),
            "card" => Some(row.card.to_string()),
            _ => None,
        }
    }

    fn integer_of(&self, row: &EpisodeRow) -> Option<i64> {
        match self.name {
            "duration_s" => Some(row.duration_us),
            "bytes" => Some(row.bytes),
            "started" => row.started_us,
            "added" => Some(row.added_us),
            _ => None,
        }
    }

    pub(crate) fn compare(&self, row: &EpisodeRow, value: &Value) -> Option<Ordering> {
        match value {
            Value::Text(text) => self.text_of(row).map(|found| found.as_str().cmp(text)),
            Value::Time(time) => self.integer_of(row).map(|found| found.cmp(time)),
            Value::Number(number) => {
                self.integer_of(row).and_then(|found| (found as f64).partial_cmp(number))
            }
        }
    }

    pub(crate) fn equals(&self, row: &EpisodeRow, value: &Value) -> bool {
        self.compare(row, value).is_some_and(Ordering::is_eq)
    }

    pub(crate) fn is_absent(&self, row: &EpisodeRow) -> bool {
        match self.kind {
            ColumnKind::Text | ColumnKind::Word(_) => self.text_of(row).is_none(),
            ColumnKind::Number { .. } | ColumnKind::Time => self.integer_of(row).is_none(),
            ColumnKind::Truth => row.accepted.is_none(),
        }
    }

    pub(crate) fn is_true(&self, row: &EpisodeRow) -> bool {
        if self.name == "inspected" { row.accepted.is_some() } else { row.accepted == Some(true) }
    }
}
