//! The embodiment card: one robot model described, so that every number of a take resolves to a joint, a unit and a frame.
//!
//! A card is a TOML file beside (or naming) a URDF or MJCF model. [`Card::from_toml`] refuses unknown keys and checks
//! that what it says hangs together; it does not look at the model itself (that is `etude-kinematics`' work).

mod doubt;
mod simulation;
mod tendon;

use crate::digest::Digest;
use crate::pose::Pose;
use crate::slot::Slot;
use crate::stream::StreamSpec;
use crate::unit::Unit;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

pub use doubt::{AnswerError, Doubt, OTHER_SIDE, Settled};
pub use simulation::{GraspHint, ServoGain, Simulation};
pub use tendon::Tendon;

/// One robot model, described.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Card {
    /// Version of this format; 1.
    pub schema: u32,
    /// Who makes it, such as `Unitree`.
    pub vendor: String,
    /// The model, such as `G1 Dex3`.
    pub model: String,
    /// The vendor's revision, or the revision of the description.
    pub revision: String,
    /// Where the numbers come from: documents, SDK, model file.
    pub source: String,
    /// The kinematic model that belongs to it; absent for a robot known only by its channels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kinematics: Option<KinematicModel>,
    /// Joints in wire order: the order of every joint array of a take.
    #[serde(default, rename = "joint")]
    pub joints: Vec<Joint>,
    /// Ends of arms.
    #[serde(default, rename = "end_effector", skip_serializing_if = "Vec::is_empty")]
    pub end_effectors: Vec<EndEffector>,
    /// Hands and grippers.
    #[serde(default, rename = "hand", skip_serializing_if = "Vec::is_empty")]
    pub hands: Vec<Hand>,
    /// Joints that take one command together; a joint stands in one of them at most.
    #[serde(default, rename = "tendon", skip_serializing_if = "Vec::is_empty")]
    pub tendons: Vec<Tendon>,
    /// Sensors beyond the joints' own.
    #[serde(default, rename = "sensor", skip_serializing_if = "Vec::is_empty")]
    pub sensors: Vec<Sensor>,
    /// What the robot is expected to send, and how often.
    #[serde(default, rename = "stream", skip_serializing_if = "Vec::is_empty")]
    pub streams: Vec<StreamSpec>,
    /// Bounds that every command is held to.
    #[serde(default)]
    pub safety: SafetyEnvelope,
    /// How it is set up in simulation; absent for a robot that has no model there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub simulation: Option<Simulation>,
    /// What a drafted card was not sure of. While one is open the card is a draft: see [`Card::confirmed`].
    #[serde(default, rename = "doubt", skip_serializing_if = "Vec::is_empty")]
    pub doubts: Vec<Doubt>,
}

/// The kinematic model a card belongs to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KinematicModel {
    /// Path of the URDF or MJCF, relative to the folder of robot models. Set-up fetches some of them; others are put there
    /// by whoever uses that robot.
    pub path: String,
    /// The package that ships it, by name and version, such as `openarm-mujoco==2.3.0` from PyPI; where no package does,
    /// the public repository and commit, such as `unitreerobotics/xr_teleoperate@d1510db0ab` on GitHub.
    pub package: String,
    /// The licence of the model, SPDX.
    pub licence: String,
    /// Body that carries both arms; hand poses are expressed in its frame.
    pub torso_body: String,
    /// From shoulder to wrist with the arm stretched, m; trainers' motion is scaled by it.
    pub arm_length_m: f64,
}

/// How a joint moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JointKind {
    /// Turns within limits.
    Revolute,
    /// Slides within limits.
    Prismatic,
    /// Turns without limits.
    Continuous,
}

/// One joint, or one channel of a hand whose joints the vendor does not expose.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Joint {
    /// The vendor's name.
    pub name: String,
    /// Where it sits in a body, whatever the vendor calls it; absent where nobody has confirmed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot: Option<Slot>,
    /// How it moves.
    pub kind: JointKind,
    /// Unit of its numbers on the wire.
    pub unit: Unit,
    /// `canonical = sign * wire + offset`; 1 or -1. Canonical is the position in the kinematic model that the card names, with the
    /// model's zero and direction: the ground on which kinematics and simulation stand. So 1 and 0 say that the wire speaks
    /// the model's own coordinates. They say nothing of how one robot's joint compares with another's: bodies are compared by
    /// where links are, not by angles. Of a card without a model, canonical is the position in whatever model of that robot
    /// its takes are read with.
    #[serde(default = "one")]
    pub sign: f64,
    /// See `sign`; in the unit of the wire.
    #[serde(default)]
    pub offset: f64,
    /// Lowest and highest position, in the unit of the wire.
    pub position: [f64; 2],
    /// Highest speed, unit of the wire per second.
    pub velocity: f64,
    /// Highest force (N) or torque (N m).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effort: Option<f64>,
    /// Comfortable position to start from, in the unit of the wire.
    #[serde(default)]
    pub home: f64,
    /// Joint that this one follows, with ratio and offset; it then takes no command of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mimic: Option<Mimic>,
}

/// A joint that follows another: `position = ratio * other + offset`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mimic {
    /// The joint it follows.
    pub joint: String,
    /// Ratio to it.
    pub ratio: f64,
    /// Offset, in the unit of the wire.
    #[serde(default)]
    pub offset: f64,
}

/// Left or right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The robot's own left.
    Left,
    /// The robot's own right.
    Right,
}

impl Side {
    /// Both, left first.
    pub const BOTH: [Self; 2] = [Self::Left, Self::Right];

    /// `left` or `right`, as in topics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::Right => "right",
        }
    }
}

/// The end of an arm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EndEffector {
    /// Which arm.
    pub side: Side,
    /// Body (or site) of the model at the wrist.
    pub body: String,
    /// Grasp frame in that body: x out of the palm along the fingers, y across the closing direction's axis to the
    /// robot's left when the palm faces down, z from the palm's back; origin where a grasped object's centre lies.
    pub grasp_in_body: Pose,
}

/// How a hand closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HandKind {
    /// Two fingers driven as one.
    Gripper,
    /// Fingers driven one by one.
    Fingers,
}

/// A hand or gripper.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hand {
    /// Which arm it is on.
    pub side: Side,
    /// How it closes.
    pub kind: HandKind,
    /// Its joints, by the names of [`Card::joints`].
    pub joints: Vec<String>,
    /// Positions when open, in the order of `joints` and the unit of the wire.
    pub open: Vec<f64>,
    /// Positions when closed on itself, in the order of `joints` and the unit of the wire.
    pub closed: Vec<f64>,
    /// Widest opening, m.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aperture_m: Option<f64>,
}

/// A sensor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sensor {
    /// Its name, the last part of its topic.
    pub name: String,
    /// Body of the model that carries it.
    pub body: String,
    /// Where it sits in that body. A camera looks along its frame's -z with +y up (OpenGL's convention, as in MJCF).
    #[serde(default)]
    pub pose_in_body: Pose,
    /// What it is.
    #[serde(flatten)]
    pub kind: SensorKind,
}

/// What a sensor measures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum SensorKind {
    /// Force and torque in the sensor's frame, N and N m.
    Wrench {
        /// Samples per second.
        rate_hz: f64,
    },
    /// Touch: one number per taxel.
    Tactile {
        /// Samples per second.
        rate_hz: f64,
        /// The layout's name; taxels are numbered row by row.
        layout: String,
        /// Rows of taxels.
        rows: u32,
        /// Columns of taxels.
        columns: u32,
        /// Unit of a taxel.
        unit: Unit,
        /// Half the edge of the touch zone around the sensor's origin, m.
        radius_m: f64,
    },
    /// Angular velocity and linear acceleration in the sensor's frame.
    Imu {
        /// Samples per second.
        rate_hz: f64,
    },
    /// A camera.
    Camera {
        /// Frames per second.
        rate_hz: f64,
        /// Pixels across.
        width: u32,
        /// Pixels down.
        height: u32,
        /// Vertical field of view, rad.
        fovy_rad: f64,
        /// Whether it measures depth too.
        #[serde(default)]
        depth: bool,
    },
}

/// Bounds that every command is held to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SafetyEnvelope {
    /// Highest speed at which teleoperation moves a hand's target, m/s.
    pub hand_speed_m_s: f64,
    /// Share of the joints' own speed limits that may be used, 0..1.
    pub joint_speed_share: f64,
    /// Highest acceleration of a joint, rad/s² or m/s².
    pub joint_acceleration: f64,
    /// The robot holds its pose when no command came for this long, ms.
    pub command_timeout_ms: f64,
    /// Force at a wrist at which the robot holds its pose, N.
    pub wrist_force_n: f64,
}

impl Default for SafetyEnvelope {
    fn default() -> Self {
        Self {
            hand_speed_m_s: 1.5,
            joint_speed_share: 0.8,
            joint_acceleration: 40.0,
            command_timeout_ms: 200.0,
            wrist_force_n: 120.0,
        }
    }
}

/// What is wrong with a card.
#[derive(Debug, thiserror::Error)]
pub enum CardError {
    /// The text is no TOML, or has a key that a card does not have.
    #[error("the card cannot be read: {0}")]
    Syntax(#[from] toml::de::Error),
    /// Written by another version of Etude.
    #[error("the card has schema {found}, expected 1")]
    Schema {
        /// The number found.
        found: u32,
    },
    /// A draft, where a card is needed that somebody answers for.
    #[error("the card is a draft: {} open, the first: {first}", questions(*.open))]
    Draft {
        /// How many questions are open.
        open: usize,
        /// The first of them.
        first: String,
    },
    /// Two entries of one name.
    #[error("{what} `{name}` stands twice in the card")]
    Twice {
        /// Kind of entry.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// A name that nothing in the card bears.
    #[error("{whole} names the joint `{name}`, which the card does not have")]
    NoSuchJoint {
        /// Where the name stands.
        whole: String,
        /// The name.
        name: String,
    },
    /// A number that cannot be.
    #[error("{whole}: expected {expected}, found {found}")]
    Number {
        /// Where the number stands.
        whole: String,
        /// What it should be.
        expected: &'static str,
        /// What it is.
        found: String,
    },
}

fn questions(count: usize) -> String {
    if count == 1 { "1 question is".to_owned() } else { format!("{count} questions are") }
}

const fn one() -> f64 {
    1.0
}

impl Card {
    /// Reads and checks a card.
    pub fn from_toml(text: &str) -> Result<Self, CardError> {
        let card: Self = toml::from_str(text)?;
        card.check()?;
        Ok(card)
    }

    /// The card as TOML, the form that digests are taken of.
    pub fn to_toml(&self) -> String {
        toml::to_string_pretty(self).expect("a card holds only what TOML can write")
    }

    /// The digest of [`Card::to_toml`]: the same card always has the same one, however its file was laid out.
    pub fn digest(&self) -> Digest {
        Digest::of(self.to_toml().as_bytes())
    }

    /// `vendor model`, such as `Unitree G1 Dex3`.
    pub fn title(&self) -> String {
        format!("{} {}", self.vendor, self.model)
    }

    /// Where a joint stands in the wire order.
    pub fn joint_index(&self, name: &str) -> Option<usize> {
        self.joints.iter().position(|joint| joint.name == name)
    }

    /// The hand on one side.
    pub fn hand(&self, side: Side) -> Option<&Hand> {
        self.hands.iter().find(|hand| hand.side == side)
    }

    /// The end of the arm on one side.
    pub fn end_effector(&self, side: Side) -> Option<&EndEffector> {
        self.end_effectors.iter().find(|end| end.side == side)
    }

    fn check(&self) -> Result<(), CardError> {
        if self.schema != 1 {
            return Err(CardError::Schema { found: self.schema });
        }
        unique("the joint", self.joints.iter().map(|joint| joint.name.as_str()))?;
        unique("the sensor", self.sensors.iter().map(|sensor| sensor.name.as_str()))?;
        let slots: Vec<String> =
            self.joints.iter().filter_map(|joint| joint.slot.as_ref().map(ToString::to_string)).collect();
        unique("the slot", slots.iter().map(String::as_str))?;
        self.joints.iter().try_for_each(|joint| self.check_joint(joint))?;
        self.check_tendons()?;
        self.hands.iter().try_for_each(|hand| self.check_hand(hand))
    }

    fn check_joint(&self, joint: &Joint) -> Result<(), CardError> {
        let whole = format!("joint `{}`", joint.name);
        let number = |expected, found: String| CardError::Number { whole: whole.clone(), expected, found };
        let [low, high] = joint.position;
        if low >= high || low.is_nan() || high.is_nan() {
            return Err(number("position limits [low, high] with low < high", format!("[{low}, {high}]")));
        }
        if joint.velocity.is_nan() || joint.velocity <= 0.0 {
            return Err(number("a velocity limit above 0", joint.velocity.to_string()));
        }
        if joint.sign.abs() != 1.0 {
            return Err(number("a sign of 1 or -1", joint.sign.to_string()));
        }
        if !(low..=high).contains(&joint.home) {
            return Err(number("a home position within the limits", joint.home.to_string()));
        }
        match &joint.mimic {
            Some(mimic) if self.joint_index(&mimic.joint).is_none() => {
                Err(CardError::NoSuchJoint { whole, name: mimic.joint.clone() })
            }
            _ => Ok(()),
        }
    }

    fn check_hand(&self, hand: &Hand) -> Result<(), CardError> {
        let whole = format!("the {} hand", hand.side.name());
        if let Some(name) = hand.joints.iter().find(|name| self.joint_index(name).is_none()) {
            return Err(CardError::NoSuchJoint { whole, name: name.clone() });
        }
        if hand.open.len() != hand.joints.len() || hand.closed.len() != hand.joints.len() {
            let found = format!(
                "{} joints, {} open, {} closed",
                hand.joints.len(),
                hand.open.len(),
                hand.closed.len()
            );
            return Err(CardError::Number {
                whole,
                expected: "an open and a closed position per joint",
                found,
            });
        }
        Ok(())
    }
}

fn unique<'a>(what: &'static str, names: impl Iterator<Item = &'a str>) -> Result<(), CardError> {
    let mut seen = HashSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(CardError::Twice { what, name: name.to_owned() });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = r#"
        schema = 1
        vendor = "Maker"
        model = "One"
        revision = "a"
        source = "made up for a test"
        [[joint]]
        name = "elbow"
        slot = "left_arm.elbow"
        kind = "revolute"
        unit = "rad"
        position = [0.0, 2.0]
        velocity = 3.0
        [[hand]]
        side = "left"
        kind = "gripper"
        joints = ["elbow"]
        open = [0.0]
        closed = [1.0]
        [[sensor]]
        name = "head"
        body = "torso"
        kind = "camera"
        rate_hz = 30.0
        width = 320
        height = 240
        fovy_rad = 1.0
    "#;

    #[test]
    fn written_and_read_again_is_the_same() {
        let card = Card::from_toml(SMALL).expect("a card");
        let again = Card::from_toml(&card.to_toml()).expect("own text");
        assert_eq!(card, again);
        assert_eq!(card.digest(), again.digest());
    }

    #[test]
    fn says_what_is_wrong() {
        for (from, to, expected) in [
            ("schema = 1", "schema = 2", "schema 2"),
            ("velocity = 3.0", "velocity = 0.0", "velocity limit above 0"),
            ("[0.0, 2.0]", "[2.0, 0.0]", "low < high"),
            ("joints = [\"elbow\"]", "joints = [\"knee\"]", "knee"),
            ("closed = [1.0]", "closed = []", "an open and a closed position"),
            ("vendor =", "colour = 3\nvendor =", "colour"),
        ] {
            let text = SMALL.replace(from, to);
            assert_ne!(text, SMALL);
            let error = Card::from_toml(&text).expect_err("a broken card").to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
