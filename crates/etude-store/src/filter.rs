//! How episodes are asked for: `task = 'lift_can' and accepted and duration_s > 5`.
//!
//! ```text
//! expression = all { "or" all }
//! all        = term { "and" term }
//! term       = "not" term | "(" expression ")" | column test
//! test       = ( "=" | "!=" | "<>" | "<" | "<=" | ">" | ">=" ) value
//!            | [ "not" ] "in" "(" value { "," value } ")"
//!            | [ "not" ] "contains" text
//!            | "is" [ "not" ] "null"
//!            | nothing, for a column that is true or false
//! value      = 'text' | "text" | number | true | false
//! ```
//!
//! Words are read without regard to case. A test of something that is absent fails, and so its `not` holds:
//! `task != 'a'` includes episodes without a task. Nothing of the expression's text reaches the database: columns are
//! looked up in a table of known ones and values are bound.

mod column;
mod lexer;
mod parser;
mod sql;
mod time;

use crate::record::EpisodeRow;
pub use column::{COLUMNS, Column, ColumnKind};
use std::cmp::Ordering;
use std::fmt;

/// Longest expression, in characters.
pub const LENGTH_MAX: usize = 4096;

/// Deepest nesting of parentheses and `not`.
pub const DEPTH_MAX: usize = 64;

/// Which episodes are meant.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter {
    pub(crate) expression: Option<Expression>,
    text: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Expression {
    Any(Vec<Expression>),
    All(Vec<Expression>),
    Not(Box<Expression>),
    Compare(&'static Column, Comparison, Value),
    In(&'static Column, Vec<Value>),
    Contains(&'static Column, String),
    Absent(&'static Column),
    True(&'static Column),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    Different,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Text(String),
    /// In the column's stored unit.
    Number(f64),
    /// µs since 1970-01-01 UTC.
    Time(i64),
}

/// An expression that cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterError {
    /// The whole expression.
    pub text: String,
    /// Where it went wrong, in characters from 0.
    pub position: usize,
    /// What was expected and what was found.
    pub message: String,
    /// What could be written instead.
    pub hint: String,
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} at character {} of the expression", self.message, self.position + 1)?;
        writeln!(f, "  {}", self.text.replace(char::is_control, " "))?;
        write!(f, "  {:>1$}", "^", self.position + 1)
    }
}

impl std::error::Error for FilterError {}

impl Filter {
    /// Every episode.
    pub fn all() -> Self {
        Self::default()
    }

    /// Reads an expression.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        let expression = parser::parse(text)?;
        Ok(Self { expression: Some(expression), text: Some(text.trim().to_owned()) })
    }

    /// The expression as it was written; absent for every episode.
    pub fn text(&self) -> Option<&str> {
        self.text.as_deref()
    }

    /// Whether a row that is already in memory is meant.
    pub fn matches(&self, row: &EpisodeRow) -> bool {
        self.expression.as_ref().is_none_or(|expression| expression.holds(row))
    }
}

impl Expression {
    fn holds(&self, row: &EpisodeRow) -> bool {
        match self {
            Self::Any(parts) => parts.iter().any(|part| part.holds(row)),
            Self::All(parts) => parts.iter().all(|part| part.holds(row)),
            Self::Not(part) => !part.holds(row),
            Self::Compare(column, Comparison::Different, value) => !column.equals(row, value),
            Self::Compare(column, comparison, value) => {
                column.compare(row, value).is_some_and(|order| comparison.accepts(order))
            }
            Self::In(column, values) => values.iter().any(|value| column.equals(row, value)),
            Self::Contains(column, part) => {
                column.text_of(row).is_some_and(|text| text.contains(part.as_str()))
            }
            Self::Absent(column) => column.is_absent(row),
            Self::True(column) => column.is_true(row),
        }
    }
}

impl Comparison {
    fn accepts(self, order: Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::Different => order.is_ne(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
        }
    }

    pub(crate) const fn sql(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::Different => "<>",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }

    pub(crate) const fn negated(self) -> Self {
        match self {
            Self::Equal => Self::Different,
            Self::Different => Self::Equal,
            Self::Less => Self::GreaterOrEqual,
            Self::LessOrEqual => Self::Greater,
            Self::Greater => Self::LessOrEqual,
            Self::GreaterOrEqual => Self::Less,
        }
    }
}
