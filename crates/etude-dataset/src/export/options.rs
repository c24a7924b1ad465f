//! How rows are made of streams.

use etude_model::{Span, Topic};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// How rows are made of streams.
#[derive(Clone, Debug, Default)]
pub struct RowOptions {
    /// Rows per second; absent: the rate of the first episode's first camera (or of its joints, where it has none).
    pub fps: Option<u32>,
    /// Values further from their row than this are not used; absent: one and a half rows.
    pub max_age: Option<Span>,
    /// Rules of single streams; the others have `previous`, and cameras `nearest`.
    pub rules: BTreeMap<Topic, RowRule>,
    /// What becomes of an episode in which rows lack a value.
    pub stale: Stale,
    /// How numbers are stored.
    pub float: FloatType,
    /// Further streams whose numbers become features, besides joints, their commands and imported features.
    pub with: Vec<Topic>,
}

/// Which value of a stream a row gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowRule {
    /// That of the last message at or before the row.
    Previous,
    /// That of the nearest message, before or after.
    Nearest,
    /// Between the messages before and after, in proportion; orientations along the shorter arc.
    Linear,
    /// The same, for a stream with orientations; refused for one without.
    Slerp,
}

impl RowRule {
    /// The rule as it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Previous => "previous",
            Self::Nearest => "nearest",
            Self::Linear => "linear",
            Self::Slerp => "slerp",
        }
    }

    pub(crate) const fn aligned(self) -> etude_episode::Rule {
        match self {
            Self::Previous => etude_episode::Rule::Previous,
            Self::Nearest => etude_episode::Rule::Nearest,
            Self::Linear | Self::Slerp => etude_episode::Rule::Linear,
        }
    }

    /// Whether values lie between those of two messages.
    pub const fn is_between(self) -> bool {
        matches!(self, Self::Linear | Self::Slerp)
    }
}

impl fmt::Display for RowRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for RowRule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Previous, Self::Nearest, Self::Linear, Self::Slerp]
            .into_iter()
            .find(|rule| rule.name() == text)
            .ok_or_else(|| format!("expected previous, nearest, linear or slerp, found {text:?}"))
    }
}

/// What becomes of an episode in which rows lack a value that is young enough.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stale {
    /// It becomes several episodes: one before the hole and one after.
    #[default]
    Split,
    /// The rows are left out, and the episode goes on after a hole that the alignment report marks.
    Drop,
}

/// How measured numbers are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FloatType {
    /// f32, as policies expect; f64 for imported features that were f64.
    #[default]
    Auto,
    /// Always f32.
    F32,
    /// Always f64.
    F64,
}

/// How a number is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberType {
    /// IEEE single.
    F32,
    /// IEEE double.
    F64,
    /// Signed, 64 bits.
    I64,
    /// A flag.
    Bool,
}

impl NumberType {
    /// The `numpy` name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::F32 => "float32",
            Self::F64 => "float64",
            Self::I64 => "int64",
            Self::Bool => "bool",
        }
    }
}
