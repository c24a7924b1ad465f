//! Behaviour of the crate, from outside.

mod allocation;
mod chains;
mod changed;
mod data;
mod enrol;
mod formats;
mod hand;
mod ik;
mod models;
mod qp;
mod truth;
