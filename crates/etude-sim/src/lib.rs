//! MuJoCo: scenes, sensors, cameras, tasks with success tests, randomisation.
//!
//! A [`Scene`] (an environment of our own with its tasks) and the cards of one or more robots become one
//! [`Simulation`]: each robot's own model with its card's servos, limits, sensors and cameras. A driver sets joint
//! targets, steps and reads; a [`Renderer`] draws the cameras; [`task`] says whether the task is done; [`plan`] holds the
//! way a person would do it. Everything is deterministic: the same scene, cards, seed and commands give the same bytes.
//!
//! [`Simulation::compose`] puts one robot before the work surface, at a height that suits its arms.
//! [`Simulation::compose_many`] takes several, each with a prefix of its own before all its names and, where the caller
//! says, a place of its own. The task stays with the first of them, and so do the methods of [`Simulation`] that name no
//! robot; [`Simulation::robot`] and [`Simulation::robot_mut`] reach each of them.
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

pub use compose::{ComposeError, Placed, SimOptions};
pub use renderer::{Picture, Renderer};
pub use scene::Scene;
pub use simulation::{RobotMut, RobotView, SimError, Simulation, Snapshot};
pub use task::Progress;
