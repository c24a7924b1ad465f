//! The rows that a release states: so that everybody who exports it gets the same.

use super::{Error, Release};
use crate::export::{RowOptions, RowRule, Stale};
use etude_model::{Span, Topic};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How rows are made of a release's streams, in every format that has rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rows {
    /// Rows per second.
    pub fps: u32,
    /// Values further from their row than this (ns) are not used; absent: one and a half rows.
    #[serde(default, rename = "max_age_ns", skip_serializing_if = "Option::is_none")]
    pub max_age: Option<Span>,
    /// Rules of single streams; the others have `previous`, and cameras `nearest`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rules: BTreeMap<Topic, RowRule>,
    /// What becomes of an episode in which rows lack a value.
    #[serde(default)]
    pub stale: Stale,
}

impl Rows {
    /// Writes what is stated into an export's options; how numbers are stored and which further streams go along is the
    /// export's.
    pub fn apply(&self, options: &mut RowOptions) {
        options.fps = Some(self.fps);
        options.max_age = self.max_age;
        options.rules = self.rules.clone();
        options.stale = self.stale;
    }
}

impl Release {
    /// The same episodes, which every export makes into these rows. No episode is read or written: its streams stay at
    /// their own rates, and rows are made of them, not of other rows.
    pub fn resampled(&self, name: &str, rows: Rows) -> Result<Self, Error> {
        if rows.fps == 0 {
            return Err(Error::Rate);
        }
        let how = format!("rows at {} Hz", rows.fps);
        let release = Self::derived(name, how, vec![self.digest()], self.episodes.clone(), None)?;
        Ok(Self { rows: Some(rows), ..release })
    }
}
