//! What can end an import or an export.

use std::io;
use std::path::{Path, PathBuf};

/// What can end an import or an export.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What can end every export.
    #[error(transparent)]
    Export(#[from] crate::export::Error),
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
    /// A file that is not what it should be.
    #[error("{}: {message}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What was expected and what was found.
        message: String,
    },
    /// What neither the dataset nor the card says.
    #[error("the dataset does not say what its numbers are:\n{}", questions.join("\n"))]
    Questions {
        /// What would have to be answered.
        questions: Vec<String>,
    },
    /// A table that cannot be read or written.
    #[error("{}: {source}", path.display())]
    Parquet {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: parquet::errors::ParquetError,
    },
    /// Arrays that do not fit together.
    #[error("a table cannot be built: {0}")]
    Arrow(#[from] arrow_schema::ArrowError),
    /// An episode that cannot be written.
    #[error("{}: {message}", path.display())]
    Episode {
        /// The episode.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// Video that cannot be copied or made.
    #[error("{subject}: {message}")]
    Video {
        /// The episode and camera.
        subject: String,
        /// What is wrong.
        message: String,
    },
}

impl Error {
    pub(crate) fn file(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { doing, path, source }
    }

    pub(crate) fn parquet(path: &Path) -> impl Fn(parquet::errors::ParquetError) -> Self {
        let path = path.to_owned();
        move |source| Self::Parquet { path: path.clone(), source }
    }

    pub(crate) fn content(path: &Path, message: impl Into<String>) -> Self {
        Self::Content { path: path.to_owned(), message: message.into() }
    }

    /// What the person could do about it, where that is known.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Questions { .. } => Some(
                "answer on the card: joints by the dataset's names, or a [[stream]] with native = \
                 \"lerobot:FEATURE\" (\"lerobot:FEATURE[from:to]\" where the dataset has no names)",
            ),
            Self::Export(error) => error.hint(),
            _ => None,
        }
    }
}
