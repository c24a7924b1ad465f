//! Behaviour of the crate as its callers see it.

mod any_bytes;
mod encode;
#[cfg(feature = "ffmpeg")]
mod ffprobe;
#[cfg(feature = "ffmpeg")]
mod files;
#[cfg(feature = "ffmpeg")]
mod join;
#[cfg(feature = "ffmpeg")]
mod real_data;
mod scene;
