//! How a robot is set up in simulation: what its model file leaves open.

use serde::{Deserialize, Serialize};

/// How a robot is set up in simulation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Simulation {
    /// Whether a floating base is held where it stands.
    #[serde(default)]
    pub pin_base: bool,
    /// Where the model's root stands relative to the station's origin (on the floor, x towards the work), m.
    #[serde(default)]
    pub base_position_m: [f64; 3],
    /// Turn of the root about the vertical, rad.
    #[serde(default)]
    pub base_yaw_rad: f64,
    /// Height of the station's work surface that suits its arms, m above the floor.
    pub work_height_m: f64,
    /// Distance of the work surface's middle in front of the station's origin, m.
    pub work_distance_m: f64,
    /// Position servos that replace the model's own; first match wins.
    #[serde(default, rename = "servo")]
    pub servos: Vec<ServoGain>,
    /// Bodies whose collision shapes are finger pads: they get the friction that a soft pad has.
    #[serde(default)]
    pub pad_bodies: Vec<String>,
}

/// A position servo for every joint whose name begins with `joints`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServoGain {
    /// Beginning of the joints' names.
    pub joints: String,
    /// Torque per angle error, N m/rad (or N/m).
    pub stiffness: f64,
    /// Torque per speed, N m s/rad (or N s/m).
    pub damping: f64,
}
