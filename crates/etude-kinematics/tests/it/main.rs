//! Behaviour of the crate, from outside.

mod allocation;
mod cards;
mod chains;
mod changed;
mod constraints;
mod data;
mod drafted;
mod enrol;
mod formats;
mod geometry;
mod hand;
mod hand_data;
mod hand_retarget;
#[path = "../support/hands.rs"]
mod hands;
mod ik;
mod models;
mod oracle;
mod person;
mod posture;
mod qp;
#[path = "../support/recordings.rs"]
mod recordings;
mod retarget;
mod storm;
mod truth;
