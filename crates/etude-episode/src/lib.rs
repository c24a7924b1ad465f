//! The episode file: one take as one MCAP file of profile `etude`.
//!
//! Reading order: [`codec`] and [`schema`] (a sample as bytes), [`group`] (which streams share chunks), [`sink`] and
//! [`writer`], [`source`] and [`reader`], [`recover`](mod@recover) (a file that was cut off), [`check`](mod@check)
//! (does a file keep the specification), [`align`](mod@align) (streams at one rate, as an Arrow table).
//!
//! The specification is `docs/reference/episode.md`. This crate knows how an episode is laid out; it does not judge
//! what is in it, it reads no clock and it draws no random numbers.

pub mod align;
pub mod check;
pub mod codec;
pub mod count;
pub mod group;
pub mod reader;
pub mod recover;
pub mod schema;
pub mod sink;
pub mod source;
pub mod writer;

mod record;
mod scan;
mod wire;

pub use align::{AlignError, AlignOptions, AlignedColumn, AlignedTable, Clock, Grid, Rule, align};
pub use check::{Conformance, Problem, check};
pub use codec::CodecError;
pub use count::{Expected, StreamCount};
pub use reader::{Episode, Message, Messages, RawMessage, RawMessages, ReadError, StreamInfo};
pub use recover::{Damage, RecoverError, Recovered, recover};
pub use sink::{FileSink, Sink};
pub use source::Source;
pub use writer::{Attachment, Closed, EpisodeWriter, Head, StreamIndex, WriteError, WriterOptions};

/// The version of the episode format that this crate writes and the newest that it reads.
pub const FORMAT_VERSION: u32 = 1;

/// The MCAP profile of an episode.
pub const PROFILE: &str = "etude";
