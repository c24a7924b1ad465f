//! What can end an export.

use std::io;
use std::path::{Path, PathBuf};

/// What can end an export.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder.
    #[error("{}: {doing}: {source}", path.display())]
    File {
        /// What was being done.
        doing: &'static str,
        /// To which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file that could not be written in its format.
    #[error("{}: {message}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What was expected and what was found.
        message: String,
    },
    /// An episode that cannot be read.
    #[error("{}: {message}", path.display())]
    Episode {
        /// Its file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// A camera's video.
    #[error("{subject}: {message}")]
    Video {
        /// Episode and topic.
        subject: String,
        /// What is wrong.
        message: String,
    },
    /// Episodes that cannot be rows of one dataset.
    #[error("{subject}: expected {expected}, found {found}")]
    Mixed {
        /// The episode.
        subject: String,
        /// What the episodes before it have.
        expected: String,
        /// What it has.
        found: String,
    },
    /// A rule that a stream cannot have.
    #[error("{topic}: expected {expected}, found the rule {found}")]
    Rule {
        /// The stream.
        topic: String,
        /// Which rules it can have.
        expected: &'static str,
        /// The rule asked for.
        found: &'static str,
    },
    /// A stream that was named and that the episode has not, or that cannot stand in rows.
    #[error("{subject}: expected {expected}, found {topic}")]
    Stream {
        /// The episode.
        subject: String,
        /// Which streams can be named.
        expected: String,
        /// The stream that was named.
        topic: String,
    },
    /// No numbers that rows could have without being asked for.
    #[error("{subject}: it has neither states nor commands of the card's joints; it has {streams}")]
    NoJoints {
        /// The episode.
        subject: String,
        /// Its streams.
        streams: String,
    },
    /// Nothing was left to export.
    #[error("no episode has a row that can be exported; the problems say why:\n{}", problems.join("\n"))]
    Nothing {
        /// What went wrong with each.
        problems: Vec<String>,
    },
    /// The folder to export to is in use.
    #[error("{} exists and is not empty; choose another folder", path.display())]
    Exists {
        /// The folder.
        path: PathBuf,
    },
    /// A rate that a table of rows cannot have.
    #[error("{subject}: a rate of {found} Hz cannot be exported: a whole number above 0 is needed")]
    Rate {
        /// The episode.
        subject: String,
        /// The rate found.
        found: f64,
    },
    /// A table could not be built.
    #[error("could not build a table: {0}")]
    Arrow(#[from] arrow_schema::ArrowError),
}

impl Error {
    pub(crate) fn file(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { doing, path, source }
    }

    pub(crate) fn content(path: &Path, message: impl Into<String>) -> Self {
        Self::Content { path: path.to_owned(), message: message.into() }
    }

    pub(crate) fn parquet(path: &Path) -> impl Fn(parquet::errors::ParquetError) -> Self {
        let path = path.to_owned();
        move |source| Self::Content { path: path.clone(), message: source.to_string() }
    }

    pub(crate) fn episode(name: &str, message: impl Into<String>) -> Self {
        Self::Episode { path: name.into(), message: message.into() }
    }

    /// What the person could do about it, where that is known.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Rate { .. } => Some("give a rate with --fps"),
            Self::Mixed { .. } => Some("choose episodes of one kind with --where when making the release"),
            Self::NoJoints { .. } => Some(
                "--with TOPIC makes a feature of a stream; parquet, mcap-ros2 and rrd keep every stream as it is",
            ),
            Self::Rule { .. } => Some("rules are given as --rule TOPIC=previous, nearest, linear or slerp"),
            _ => None,
        }
    }
}
