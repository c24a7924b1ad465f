//! Recordings of foreign formats: each as a row of records, and by a mapping as an episode.
//!
//! A [`Source`] is what lies at a path, in one [`Format`]; it has recordings, each of which becomes one episode. A
//! recording is read from front to back as [`Record`]s: a topic, times, and a tree of values, whatever the format. A
//! [`Mapping`] says which field is which stream, in which unit, order and frame, and which clock is the time; what it
//! does not settle is asked and never guessed, and what it leaves out is named. [`draft()`] writes a first mapping from
//! what a recording shows. An [`Importer`] does the work.
//!
//! Reading order: [`source`], [`records`], [`value`], [`mapping`], `plan`, `fill`, [`import`].
//! Nothing here trusts a length, an index or a checksum that a file states.

pub(crate) mod bytes;
mod calibration;
mod coverage;
mod decode;
mod definition;
mod depth;
pub mod draft;
pub mod error;
mod fill;
mod flatbuffer;
mod hdf;
mod idl;
pub mod import;
mod known;
pub mod mapping;
mod mcap;
mod motion;
mod numbers;
mod packed;
mod picture;
mod plan;
pub mod records;
mod rlds;
mod ros;
mod rosbag1;
mod rosbag2;
pub mod source;
mod sqlite;
mod survey;
pub mod table;
pub(crate) mod tfrecord;
pub mod value;
mod xr;
mod zarr;

pub use draft::draft;
pub use error::Error;
pub use import::{Imported, Importer};
pub use mapping::Mapping;
pub use records::{Facts, Ledger, Record, Records};
pub use source::{Format, Recording, Source};
