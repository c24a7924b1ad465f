//! Releases, and import and export of foreign formats.
//!
//! A release names episodes by digest and never changes; an import turns a foreign dataset into episode files, an
//! export turns episode files into a foreign dataset. This crate knows files and folders; it knows no catalogue and no
//! HTTP.
//!
//! Reading order: [`release`], [`stats`] (what a dataset says of its numbers), [`problem`] (what was lost or odd),
//! [`foreign`] (recordings of other formats by a mapping), [`export`] (what every export has in common), [`streams`]
//! (streams out as they are: Parquet, ROS 2, Rerun), `lerobot` (the LeRobotDataset formats 2.0, 2.1 and 3.0; with the
//! feature `ffmpeg`, because their video needs it), `hdf` (HDF5 out) and `rlds` (the layout of TensorFlow Datasets),
//! [`convert`] (from one format into another).

mod columns;
pub mod convert;
pub mod export;
pub mod files;
pub mod foreign;
#[cfg(feature = "ffmpeg")]
pub mod hdf;
mod hdf5;
#[cfg(feature = "ffmpeg")]
pub mod lerobot;
pub mod problem;
pub mod release;
#[cfg(feature = "ffmpeg")]
pub mod rlds;
mod slug;
pub mod stats;
pub mod streams;

pub use problem::Problem;
pub use release::Release;
