//! Measurements over episodes and datasets; rule sets that turn them into verdicts.
//!
//! Measurements come first and are kept: each has a name, a formula, a unit, a stream, a channel and a span of time
//! ([`definition`]). A rule set ([`rules`]) then says what they mean; another one judges the same measurements again.
//!
//! Reading order: [`definition`], [`accumulator`] (messages in, measurements out, the same live and from a file),
//! [`correlation`] (lags), [`rules`], [`report`], [`inspect`](mod@inspect), [`dataset`], [`render`].
//!
//! This crate does not touch a database, changes no episode, draws no random numbers and reads no clock: the same episode,
//! card, options and rule set give the same report, byte for byte.

pub mod accumulator;
pub mod correlation;
pub mod dataset;
pub mod definition;
pub mod inspect;
pub mod options;
pub mod render;
pub mod report;
pub mod rules;

mod array;
mod channel;
mod histogram;
mod joints;
mod offset;
mod scale;
mod series;
mod stream;
mod timing;
mod video;
mod windows;

pub use accumulator::{Accumulator, Measured};
pub use dataset::{DatasetReport, inspect_dataset};
pub use definition::{DEFINITIONS, Definition};
pub use inspect::{inspect, inspect_episode, inspect_with_card};
pub use options::{Options, VideoDepth};
pub use report::Report;
pub use rules::{RuleSet, judge};
