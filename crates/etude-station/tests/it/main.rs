//! The recorder against what happens to recordings: kills, full disks, sources that misbehave, and a full robot.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by its panic")]

mod apart;
mod cameras;
mod common;
mod crossing;
mod disk;
mod fingers;
mod full_robot;
mod kill;
mod session;
mod sources;
mod stop;
