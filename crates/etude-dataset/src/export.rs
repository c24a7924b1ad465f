//! What every export does around its format.
//!
//! A [`Layout`] says which numbers and pictures a dataset's rows have, by the card and the first episode; a [`Table`]
//! holds an episode's rows; [`Table::pieces`] says which of them make an episode of the dataset; [`Provenance`] says
//! where it came from and what may be done with it; an [`AlignmentReport`] keeps the age of every value used, and
//! stands beside every export. [`into_new_folder`], [`open`] and [`by_card`] are the same for all.
//!
//! It knows no foreign format, and nothing is filled in: a row exists only where every value is there and young enough.
//!
//! Reading order: [`options`], [`layout`], [`table`], [`pictures`] (with the feature `ffmpeg`), [`report`],
//! [`provenance`], [`files`].

mod error;
pub mod files;
mod further;
pub mod layout;
pub mod options;
#[cfg(feature = "ffmpeg")]
pub mod pictures;
pub mod provenance;
pub mod report;
pub mod table;

pub use error::Error;
pub use files::{Episodes, ExportEpisode, Filed, Group, Labels, by_card, each, into_new_folder, open};
pub use layout::{Camera, Feature, Field, Layout, Number, Role, Source};
pub use options::{FloatType, NumberType, RowOptions, RowRule, Stale};
pub use provenance::{CameraCalibration, Provenance};
pub use report::{AlignmentReport, AlignmentSummary};
pub use table::{Age, Hole, Piece, Table};
