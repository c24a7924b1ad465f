//! Tasks: what is to be done in a take.

use crate::id::{SceneId, TaskId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Task {
    /// Its id.
    pub id: TaskId,
    /// Where it is done.
    pub scene: SceneId,
    /// The instruction per language (BCP 47 tag → sentence).
    pub instruction: BTreeMap<String, String>,
    /// What counts as success, for people.
    pub success: String,
    /// Steps in order, for people and for labels.
    #[serde(default)]
    pub steps: Vec<String>,
    /// A take that lasts longer than this has failed, s.
    pub time_limit_s: f64,
}
