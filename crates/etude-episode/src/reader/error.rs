//! What can be wrong with a file that is read.

use crate::codec::CodecError;
use crate::record::RecordError;
use etude_model::Topic;
use std::io;

/// Why an episode, or part of it, could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file could not be read.
    #[error("could not read {name} at byte {offset}")]
    Io {
        /// The file.
        name: String,
        /// Where.
        offset: u64,
        /// What the system said.
        source: io::Error,
    },
    /// The file does not end as a closed episode does: it was cut off, or never closed.
    #[error(
        "{name} is not a closed episode: expected {expected}, found {found}; `recover` closes a file that was cut off"
    )]
    NotClosed {
        /// The file.
        name: String,
        /// What was expected.
        expected: &'static str,
        /// What was found.
        found: String,
    },
    /// The file is not what the specification says.
    #[error("{name} at byte {offset}: expected {expected}, found {found}")]
    Format {
        /// The file.
        name: String,
        /// Where.
        offset: u64,
        /// What was expected.
        expected: &'static str,
        /// What was found.
        found: String,
    },
    /// A record is too short or holds what it cannot.
    #[error("{name}, record at byte {offset}: {source}")]
    Record {
        /// The file.
        name: String,
        /// Where the record begins.
        offset: u64,
        /// What is wrong in it.
        source: RecordError,
    },
    /// Bytes are not those that were written.
    #[error("{name} at byte {offset}: the {of}'s CRC is not that of its bytes")]
    Crc {
        /// The file.
        name: String,
        /// Where the record begins.
        offset: u64,
        /// What is damaged.
        of: &'static str,
    },
    /// The file is of a version that this program does not know.
    #[error("{name} is of format version {found}; this program reads versions up to {known}")]
    Version {
        /// The file.
        name: String,
        /// Its version.
        found: u32,
        /// The newest version known.
        known: u32,
    },
    /// The episode has no such stream.
    #[error("{name} has no stream {topic}")]
    Topic {
        /// The file.
        name: String,
        /// The topic asked for.
        topic: String,
    },
    /// A message is not what its stream says.
    #[error("{name}, {topic}, message {sequence}: {source}")]
    Codec {
        /// The file.
        name: String,
        /// The stream.
        topic: Topic,
        /// The message's number within the stream.
        sequence: u32,
        /// What is wrong.
        source: CodecError,
    },
    /// So many chunks cover the same instant that they cannot be held at once.
    #[error("{name}: more than {limit} bytes of chunks overlap in time")]
    Overlap {
        /// The file.
        name: String,
        /// The most that is held, bytes.
        limit: usize,
    },
}
