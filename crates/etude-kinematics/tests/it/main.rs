//! Behaviour of the crate, from outside.

mod allocation;
mod chains;
mod data;
mod enrol;
mod formats;
mod hand;
mod ik;
mod models;
mod qp;
mod truth;
