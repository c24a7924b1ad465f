//! What went wrong without ending the work: partial success is a value, `(T, Vec<Problem>)`.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Something that was lost, left out or odd; the work went on without it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// What it concerns: a file, an episode, a feature.
    pub subject: String,
    /// What was expected, what was found and what was done about it, in a sentence.
    pub message: String,
    /// Whether data of the source are not in the result.
    pub loss: bool,
}

impl Problem {
    /// Data of the source are not in the result.
    pub fn loss(subject: impl Into<String>, message: impl Into<String>) -> Self {
        Self { subject: subject.into(), message: message.into(), loss: true }
    }

    /// Odd, but nothing is missing from the result.
    pub fn note(subject: impl Into<String>, message: impl Into<String>) -> Self {
        Self { subject: subject.into(), message: message.into(), loss: false }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.subject, self.message)
    }
}
