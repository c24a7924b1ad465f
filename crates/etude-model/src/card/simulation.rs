//! How a robot is set up in simulation: what its model file leaves open.

use super::Side;
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
    /// Half the edges of a column that the model's root stands on, m; absent where it stands by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stand_half_m: Option<[f64; 3]>,
    /// How this body takes hold of things, per task.
    #[serde(default, rename = "grasp", skip_serializing_if = "Vec::is_empty")]
    pub grasps: Vec<GraspHint>,
}

/// How a body takes hold of the object of one task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GraspHint {
    /// The task's id.
    pub task: String,
    /// The arm that does it.
    pub side: Side,
    /// Heading of the grasp frame's x axis about the vertical, rad; 0 is away from the robot.
    pub yaw_rad: f64,
    /// The same where the object is put down; absent: as where it is taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place_yaw_rad: Option<f64>,
    /// How far the x axis points down, rad; 0: from the side, pi/2: from above.
    pub pitch_rad: f64,
    /// Turn about the x axis, rad; pi/2 has the palm of a right hand face left, -pi/2 that of a left hand face right.
    pub roll_rad: f64,
    /// Where the grasp frame's origin is held relative to the object's middle, in the grasp frame, m.
    #[serde(default)]
    pub offset_m: [f64; 3],
    /// How far back along x the hand waits before it reaches in, m.
    pub approach_m: f64,
    /// How far the hand closes, 0 open .. 1 closed on itself.
    #[serde(default = "fully")]
    pub closure: f64,
    /// Share of the object's own turn about the vertical that the hand follows, 0..1.
    #[serde(default)]
    pub follow_yaw: f64,
}

const fn fully() -> f64 {
    1.0
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
