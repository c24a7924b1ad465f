//! Robots behind one trait, and the safety governor that every command passes.
//!
//! Knows nothing of trainers, takes or files: a [`Robot`] takes granted commands and gives readings, and the
//! [`Governor`] stands between whoever asks and the robot.
//!
//! Reading order: [`robot`] (the trait), [`governor`] (what a command passes), [`simulated`] (a robot in physics).

pub mod governor;
pub mod robot;
pub mod simulated;

pub use governor::{Governor, GovernorError, GovernorEvent};
pub use robot::{Picture, Reading, ReadingSink, Robot, RobotError};
pub use simulated::SimulatedRobot;
