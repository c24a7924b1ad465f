//! What can go wrong with a centre.

use crate::filter::FilterError;
use etude_model::Digest;
use std::io;
use std::path::{Path, PathBuf};

/// What can go wrong with a centre.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder of the centre.
    #[error("{}: {doing}: {source}", path.display())]
    File {
        /// What was being done.
        doing: &'static str,
        /// To which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// No centre there.
    #[error("{} is no centre: it has no `centre.toml`", path.display())]
    NoCentre {
        /// The folder.
        path: PathBuf,
    },
    /// A settings file that cannot be read.
    #[error("{}: {message}", path.display())]
    Settings {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// The database.
    #[error("the catalogue: {doing}: {source}")]
    Database {
        /// What was being done.
        doing: &'static str,
        /// What the database said.
        source: sqlx::Error,
    },
    /// The database's tables could not be brought to this version.
    #[error("the catalogue cannot be brought to this version: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// A row that this version cannot have written.
    #[error("the catalogue has {found:?} as {column} of {whole}, expected {expected}")]
    Row {
        /// Which row.
        whole: String,
        /// Which column.
        column: &'static str,
        /// What it should be.
        expected: &'static str,
        /// What it is.
        found: String,
    },
    /// The same take with other content.
    #[error(
        "the episode {episode} is in the catalogue as {known}, and now came as {found}: one take has one file"
    )]
    Conflict {
        /// The take.
        episode: String,
        /// Digest in the catalogue.
        known: Digest,
        /// Digest of the file that came.
        found: Digest,
    },
    /// The file is not what its digest says.
    #[error("{}: expected the digest {expected}, found {found}", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
        /// The digest that was told.
        expected: Digest,
        /// The digest of its bytes.
        found: Digest,
    },
    /// No such episode.
    #[error("the catalogue has no episode with the digest {0}")]
    NoEpisode(Digest),
    /// No such release.
    #[error("the centre has no release `{0}`")]
    NoRelease(String),
    /// The name is taken by a release of other content.
    #[error(
        "the release `{name}` exists with other content ({known}); releases never change, choose another name"
    )]
    ReleaseExists {
        /// The name.
        name: String,
        /// The digest of the release that bears it.
        known: Digest,
    },
    /// A release that cannot be made or read.
    #[error(transparent)]
    Release(#[from] etude_dataset::release::Error),
    /// An expression that cannot be understood.
    #[error(transparent)]
    Filter(#[from] FilterError),
    /// The runtime of the database could not be started.
    #[error("the database's runtime could not be started: {0}")]
    Runtime(io::Error),
}

impl Error {
    pub(crate) fn file(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { doing, path, source }
    }

    pub(crate) fn database(doing: &'static str) -> impl FnOnce(sqlx::Error) -> Self {
        move |source| Self::Database { doing, source }
    }

    /// What the person could do about it, where that is known.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoCentre { .. } => {
                Some("`etude import SRC --into CENTRE` and recording make a centre; is the path right?".to_owned())
            }
            Self::Conflict { .. } => Some(
                "was the file changed, or imported by another version? The first one stays; keep the other outside"
                    .to_owned(),
            ),
            Self::Filter(error) => Some(error.hint.clone()),
            Self::ReleaseExists { .. } => Some("name the new release differently, such as `NAME-2`".to_owned()),
            _ => None,
        }
    }
}
