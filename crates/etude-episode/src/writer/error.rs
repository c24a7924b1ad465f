//! What can go wrong while an episode is written.

use super::StreamIndex;
use crate::codec::CodecError;
use etude_model::{LogTime, Topic};
use std::io;

/// Why an episode, or one message of it, could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The disk is full. What was flushed before is in the file, and `recover` closes it.
    #[error("the disk is full: {name} ends after {written} bytes; recover it when there is room")]
    DiskFull {
        /// The file.
        name: String,
        /// Bytes that are certainly in it.
        written: u64,
        /// What the system said.
        source: io::Error,
    },
    /// The file could not be written.
    #[error("could not {doing} {name}")]
    Io {
        /// The file.
        name: String,
        /// What was being done.
        doing: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// An earlier write failed, and nothing more is taken, so that the file stays as it was.
    #[error("{name} took no more after an earlier failure")]
    Failed {
        /// The file.
        name: String,
    },
    /// The sample does not fit its stream.
    #[error("{topic}: {source}")]
    Codec {
        /// The stream.
        topic: Topic,
        /// How it does not fit.
        source: CodecError,
    },
    /// The message is longer than any reader takes.
    #[error("{topic}: expected at most 64 MiB in a message, found {length} bytes")]
    TooLong {
        /// The stream.
        topic: Topic,
        /// The message's length with its head, bytes.
        length: usize,
    },
    /// Log times before 1970 have no place in the file.
    #[error("expected a log time from 1970 on, found {} ns", .log.ns())]
    Time {
        /// The log time.
        log: LogTime,
    },
    /// The episode has no such stream.
    #[error("the episode has no stream of index {}", .index.0)]
    Stream {
        /// The index.
        index: StreamIndex,
    },
    /// A gap names a stream that the episode does not have.
    #[error("a gap names {topic}, which is no stream of the episode")]
    GapTopic {
        /// The stream named.
        topic: Topic,
    },
    /// The manifest cannot be that of an episode.
    #[error("manifest: expected {expected}, found {found}")]
    Manifest {
        /// What it should say.
        expected: &'static str,
        /// What it says.
        found: String,
    },
    /// zstd failed.
    #[error("could not compress a chunk")]
    Compress {
        /// What it said.
        source: io::Error,
    },
}
