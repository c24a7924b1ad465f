//! The vocabulary of Etude: what a robot is, what a take records, and what is said of it afterwards.
//!
//! Plain types with their units, frames and clocks; serde for the ones that are written down. This crate does no I/O: it
//! turns text into cards and manifests and back, and never opens a file.
//!
//! Reading order: [`id`] and [`time`] (what everything is keyed by), [`pose`], [`unit`] and [`slot`] (what numbers
//! mean), [`card`] (a robot model described), [`stream`] and [`sample`] (what is recorded), [`gap`], [`manifest`] and
//! [`rights`] (an episode's head), [`task`], [`take`], [`label`] and [`verdict`] (what becomes of it).

pub mod card;
pub mod digest;
pub mod gap;
pub mod id;
pub mod label;
pub mod manifest;
pub mod pose;
pub mod rights;
pub mod sample;
pub mod slot;
pub mod stream;
pub mod take;
pub mod task;
pub mod time;
pub mod unit;
pub mod verdict;

pub use card::{Card, CardError};
pub use digest::Digest;
pub use gap::{Gap, GapReason};
pub use label::Label;
pub use manifest::{ClockKind, Manifest, Origin};
pub use pose::Pose;
pub use sample::Sample;
pub use stream::{Channel, StreamKind, StreamSpec, Topic};
pub use task::Task;
pub use time::{DeviceTime, HostTime, LogTime, Span, Stamp};
pub use unit::Unit;
pub use verdict::{Measurement, Verdict};
