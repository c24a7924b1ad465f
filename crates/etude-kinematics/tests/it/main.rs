//! Behaviour of the crate, from outside.

mod allocation;
mod chains;
mod changed;
mod data;
mod enrol;
mod formats;
mod hand;
mod hand_data;
mod hand_retarget;
#[path = "../support/hands.rs"]
mod hands;
mod ik;
mod models;
mod person;
mod qp;
#[path = "../support/recordings.rs"]
mod recordings;
mod truth;
