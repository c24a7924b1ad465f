//! Behaviour of the simulation with real robots. Needs MuJoCo and the robot models that `cargo xtask setup` unpacks.

mod compose;
mod determinism;
mod player;
mod robots;
mod sensors;
mod support;
mod tasks;
