//! The catalogue of a centre: episodes, layers, verdicts and releases in SQLite, files in a folder.
//!
//! The files are the truth and the catalogue is an index over them: an episode's file is in its place before its row
//! is written. This crate knows no HTTP and opens no episode: what it files is told to it.
//!
//! Reading order: [`layout`] (what lies where), [`record`] (what is kept of an episode), [`filter`] (how episodes are
//! asked for), [`catalogue`] (the tables), [`centre`] (the whole, blocking, for commands).

pub mod catalogue;
pub mod centre;
pub mod error;
pub mod filter;
pub mod layout;
pub mod record;

pub use centre::{Added, Audit, Centre, Intake};
pub use error::Error;
pub use filter::{Filter, FilterError};
pub use record::{EpisodeRow, NewEpisode, Page, ReleaseRow, VerdictLayer, VerdictRow};
