//! What can end an import of a foreign recording, and what is wrong with a mapping.

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

/// What can end an import of a foreign recording.
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
    /// A file that is not what it should be.
    #[error("{}: expected {expected}, found {found}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What was expected.
        expected: String,
        /// What was found.
        found: String,
    },
    /// A mapping that is no mapping.
    #[error("{file}: {}", joined(problems))]
    Mapping {
        /// The mapping's name, for people.
        file: String,
        /// What is wrong, one line each: place, expected, found.
        problems: Vec<String>,
    },
    /// What neither the source nor the mapping says.
    #[error("it is not known what these numbers are:\n{}", questions.join("\n"))]
    Questions {
        /// What would have to be answered.
        questions: Vec<String>,
    },
    /// An episode that cannot be written.
    #[error("{}: {source}", path.display())]
    Episode {
        /// The episode.
        path: PathBuf,
        /// What is wrong.
        source: etude_episode::WriteError,
    },
    /// Nothing that the mapping names is in the recording.
    #[error("{recording}: nothing that the mapping names could be read{}", told(problems))]
    Nothing {
        /// The recording.
        recording: String,
        /// What went wrong on the way.
        problems: Vec<String>,
    },
}

fn joined(problems: &[String]) -> String {
    match problems {
        [only] => only.clone(),
        many => many.iter().fold(String::new(), |mut text, problem| {
            let _ = write!(text, "\n- {problem}");
            text
        }),
    }
}

fn told(problems: &[String]) -> String {
    if problems.is_empty() { String::new() } else { format!(":\n- {}", problems.join("\n- ")) }
}

impl Error {
    pub(crate) fn file(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { doing, path, source }
    }

    pub(crate) fn content(path: &Path, expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self::Content { path: path.to_owned(), expected: expected.into(), found: found.into() }
    }

    /// What the person could do about it, where that is known.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Questions { .. } => Some(
                "`--draft-mapping` drafts a mapping with the evidence beside each line; settle what it asks and give \
                 it with --mapping FILE",
            ),
            Self::Nothing { .. } => Some("`--draft-mapping` lists what the recording has"),
            _ => None,
        }
    }
}
