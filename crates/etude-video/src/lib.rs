//! Video frames in and out: encode, decode, copy without re-encoding.
//!
//! The currency is the [`AccessUnit`]: the coded bytes of one frame in the form that `foxglove.CompressedVideo`
//! prescribes, so that an episode file holds exactly what a headset, a viewer and an MP4 file can be given.
//! Key units carry their parameter sets, hence any stream can be entered at any key unit without outside knowledge.
//!
//! - [`H264Encoder`] turns RGB frames into access units with the bundled `OpenH264`.
//! - [`decode_jpeg`] and [`decode_png`] read the pictures that cameras of foreign recordings send; [`decode_png_grey16`]
//!   those of 16 bits, such as distances.
//! - [`annexb`], [`sps`] and [`obu`] look into coded bytes without decoding them.
//! - `Mp4Reader` and `Mp4Writer` move access units between MP4 files and anything else, bit by bit the same.
//! - `Mp4Table` and `Mp4Join` put frames of several MP4 files into one without looking at them.
//! - `Decoder` and `FrameReader` turn access units and files into pictures; [`StillStats`] measures a picture.
//!
//! With the feature `ffmpeg` (on by default) MP4 files and decoding are available through FFmpeg's libraries;
//! without it, encoding and the bitstream tools remain. The crate knows nothing of robots, episodes or clocks.

pub mod annexb;
mod bits;
mod encoder;
mod frame;
mod jpeg;
pub mod obu;
pub mod parameter_sets;
mod png;
pub mod sps;
mod still;
mod unit;

#[cfg(feature = "ffmpeg")]
mod decoder;
#[cfg(feature = "ffmpeg")]
mod ffi;
#[cfg(feature = "ffmpeg")]
mod frame_reader;
#[cfg(feature = "ffmpeg")]
mod mp4_join;
#[cfg(feature = "ffmpeg")]
mod mp4_reader;
#[cfg(feature = "ffmpeg")]
mod mp4_table;
#[cfg(feature = "ffmpeg")]
mod mp4_writer;

pub use encoder::{EncodeError, H264Encoder, H264Settings};
pub use frame::{FrameError, RgbFrame, RgbImage};
pub use jpeg::{JpegError, decode_jpeg};
pub use png::{
    Grey16, Grey16Error, PngError, decode_png, decode_png_grey16, encode_png, encode_png_grey16, is_png,
};
pub use still::StillStats;
pub use unit::{AccessUnit, Codec, FrameRate};

#[cfg(feature = "ffmpeg")]
pub use decoder::{DecodeError, DecodedFrame, Decoder, FrameHash};
#[cfg(feature = "ffmpeg")]
pub use frame_reader::{FrameReader, ReadError, decode_file, hash_file};
#[cfg(feature = "ffmpeg")]
pub use mp4_join::Mp4Join;
#[cfg(feature = "ffmpeg")]
pub use mp4_reader::{Mp4Error, Mp4Reader, VideoInfo, VideoPacket};
#[cfg(feature = "ffmpeg")]
pub use mp4_table::{Mp4Table, TableSample};
#[cfg(feature = "ffmpeg")]
pub use mp4_writer::{Mp4Writer, Summary, VideoTrack, WriteError};
