//! Inspection seen from outside: every measurement on signals whose truth is known.

mod dataset;
mod defects;
mod file;
mod fixture;
#[cfg(feature = "ffmpeg")]
mod pictures;
mod truth;
