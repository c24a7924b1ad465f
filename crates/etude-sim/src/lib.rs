//! MuJoCo: scenes, sensors, cameras, tasks with success tests, randomisation.
//!
//! A [`Scene`] (an environment of our own with its tasks) and a robot's card become one [`Simulation`]: the robot's own
//! model with the card's servos, limits, sensors and cameras, at a work surface that suits its arms. A driver sets joint
//! targets, steps and reads; a [`Renderer`] draws the cameras; [`task`] says whether the task is done; [`plan`] holds the
//! way a person would do it. Everything is deterministic: the same scene, card, seed and commands give the same bytes.
//!
//! This crate knows nothing of recorders, trainers or takes. Frames: *world* is the station's frame (on the floor, x
//! towards the work, z up); *work* is the middle of the work surface; a *grasp frame* is the one on the card.
//!
//! Reading order: [`scene`], [`compose`], [`simulation`], [`renderer`], [`task`], [`plan`].

pub mod compose;
mod frame;
pub mod plan;
pub mod renderer;
pub mod scene;
pub mod simulation;
pub mod task;

pub use compose::{ComposeError, SimOptions};
pub use renderer::{Picture, Renderer};
pub use scene::Scene;
pub use simulation::{SimError, Simulation, Snapshot};
pub use task::Progress;
