//! The codecs of zarr's chunks that are read: blosc, zstd, lz4, zlib, gzip and bz2. None of them unpacks to more than a
//! chunk should hold.

use super::blosc;
use bzip2::read::BzDecoder;
use flate2::read::{GzDecoder, ZlibDecoder};
use serde::Deserialize;
use std::io::Read;

/// What `.zarray` says of its compressor.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Codec {
    /// Its name, numcodecs' own.
    pub(super) id: String,
}

impl Codec {
    /// Refuses a codec that is not read.
    pub(super) fn check(&self) -> Result<(), String> {
        match self.id.as_str() {
            "blosc" | "zstd" | "lz4" | "zlib" | "gzip" | "bz2" => Ok(()),
            other => Err(format!("its chunks are in the codec {other}, which is not read")),
        }
    }
}

/// Unpacks a chunk that should have so many bytes.
pub(super) fn decode(codec: &Codec, packed: &[u8], expected: usize) -> Result<Vec<u8>, String> {
    let failed = |error: std::io::Error| error.to_string();
    let whole = |input: &mut dyn Read| {
        let mut plain = Vec::new();
        input.take(expected as u64 + 1).read_to_end(&mut plain).map_err(failed)?;
        Ok(plain)
    };
    match codec.id.as_str() {
        "blosc" => blosc::decode(packed, expected),
        "zstd" => whole(&mut zstd::Decoder::new(packed).map_err(failed)?),
        "zlib" => whole(&mut ZlibDecoder::new(packed)),
        "gzip" => whole(&mut GzDecoder::new(packed)),
        "bz2" => whole(&mut BzDecoder::new(packed)),
        // numcodecs writes the length first.
        "lz4" => {
            let (length, block) = packed.split_first_chunk::<4>().ok_or("its length is missing")?;
            let length = u32::from_le_bytes(*length) as usize;
            if length != expected {
                return Err(format!("expected {expected} bytes, found {length}"));
            }
            lz4_flex::block::decompress(block, expected).map_err(|error| error.to_string())
        }
        other => Err(format!("the codec {other} is not read")),
    }
}
