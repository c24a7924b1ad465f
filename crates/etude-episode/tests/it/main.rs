//! The episode file's behaviour, from the outside.

mod aligning;
mod common;
mod conformance;
mod faults;
mod recovery;
mod round_trip;
