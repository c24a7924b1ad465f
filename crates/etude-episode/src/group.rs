//! Which streams share chunks.
//!
//! A reader of one stream reads every chunk that the stream has a message in, so a fast stream fills chunks of its own.
//! Slow streams share theirs: a chunk is closed every 100 ms however little is in it, and each costs about 200 bytes of
//! heads and indexes. `docs/decisions/` has the figures.

use etude_model::{StreamKind, StreamSpec};

/// From this rate on a stream fills chunks of its own, Hz.
pub const OWN_CHUNKS_FROM_HZ: f64 = 50.0;

/// Whether a stream fills chunks of its own.
pub fn has_own_chunks(spec: &StreamSpec) -> bool {
    matches!(spec.kind, StreamKind::Video | StreamKind::Depth)
        || spec.kind.is_periodic() && spec.rate_hz.is_some_and(|rate_hz| rate_hz >= OWN_CHUNKS_FROM_HZ)
}

/// Whether a stream's chunks are compressed; video already is.
pub fn is_compressed(spec: &StreamSpec) -> bool {
    spec.kind != StreamKind::Video
}
