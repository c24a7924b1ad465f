//! Reading an unknown robot: which joint is which, from the tree's shape, its axes at rest and its limits.
//!
//! [`draft`] looks at how the tree branches, which branches come twice, where axes point and what the ranges of joints
//! allow. What a joint is called is heard last, as a second witness: it never decides against clear geometry, but where
//! both disagree the draft is less sure. No rule knows a maker or a model. `docs/reference/enrolment.md` tells the rules.

mod arm;
pub mod card;
mod chain;
pub mod check;
mod clear;
mod grasp;
mod grip;
mod gripper;
mod hand;
mod head;
mod home;
mod jaw;
mod leg;
mod linkage;
mod mirror;
mod names;
mod naming;
mod orient;
mod pairs;
mod parts;
pub mod posture;
mod single;
mod skeleton;
mod slots;
mod wheels;
mod witness;
mod write;

use etude_model::card::Side;
use etude_model::slot::Slot;

use crate::body::{Body, JointId};

pub use clear::{HomeClearance, clear_home};
pub use grasp::fit_grippers;
pub use orient::Directions;

/// A joint of which the draft is at least this confident counts as known; what is below is asked.
pub const SURE: f64 = 0.8;

/// What a robot is, as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RobotKind {
    /// Two legs and two arms.
    Humanoid,
    /// Two arms without legs or wheels.
    Bimanual,
    /// Arms on a base with wheels.
    MobileManipulator,
    /// Legs without arms.
    Legged,
    /// One arm.
    Arm,
    /// A hand alone.
    Hand,
    /// A gripper alone.
    Gripper,
    /// None of these.
    Other,
}

impl RobotKind {
    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Humanoid => "humanoid",
            Self::Bimanual => "bimanual",
            Self::MobileManipulator => "mobile_manipulator",
            Self::Legged => "legged",
            Self::Arm => "arm",
            Self::Hand => "hand",
            Self::Gripper => "gripper",
            Self::Other => "other",
        }
    }
}

/// What was found for one joint.
#[derive(Debug, Clone)]
pub struct JointDraft {
    /// The joint.
    pub joint: JointId,
    /// Its slot; `None` where it is no part of the canonical body (a gear, a spring, a rod, a sensor's tilt).
    pub slot: Option<Slot>,
    /// How sure that is: 0.5 a guess, 1 certain. See [`SURE`].
    pub confidence: f64,
    /// The slot that comes next in likelihood.
    pub instead: Option<Slot>,
    /// How sure the joint's own place is, if part and side are as drafted. Never below `confidence`.
    pub within_part: f64,
    /// What speaks for it, in words.
    pub evidence: Vec<String>,
}

/// An arm that was found.
#[derive(Debug, Clone)]
pub struct ArmDraft {
    /// Its side; a single arm is drafted as the right one.
    pub side: Side,
    /// Joints from the torso outwards, those of the hand left out.
    pub joints: Vec<JointId>,
    /// Where shoulder, elbow and wrist are at rest, in the root frame, m.
    pub points_m: Vec<[f64; 3]>,
    /// From the shoulder by the elbow to the wrist, m; `None` where there is no elbow or nothing beyond it.
    pub length_m: Option<f64>,
    /// The joint that carries the wrist.
    pub wrist: Option<JointId>,
}

/// A finger, or a jaw of a gripper.
#[derive(Debug, Clone)]
pub struct FingerDraft {
    /// As in slots: `thumb`, `index`, `finger_a`; `gripper` for a jaw.
    pub name: String,
    /// Joints from the palm outwards.
    pub joints: Vec<JointId>,
    /// Where it ends at rest, in the root frame, m.
    pub tip_m: [f64; 3],
}

/// A hand or gripper that was found.
#[derive(Debug, Clone)]
pub struct HandDraft {
    /// Its side.
    pub side: Side,
    /// Two jaws driven as one, and not fingers.
    pub is_gripper: bool,
    /// Fingers or jaws.
    pub fingers: Vec<FingerDraft>,
    /// Where it grasps at rest, in the root frame: x along the fingers, z from the back of the palm.
    pub grasp: nalgebra::Isometry3<f64>,
    /// The joints that are told where to go, with their positions open and closed, rad or m.
    pub ranges: Vec<crate::FingerRange>,
    /// Widest opening between two jaws, m.
    pub aperture_m: Option<f64>,
}

/// What was found of a robot.
#[derive(Debug, Clone)]
pub struct Draft {
    /// What it is.
    pub kind: RobotKind,
    /// Up, left and forward.
    pub directions: Directions,
    /// Every joint that moves, in the order of the tree.
    pub joints: Vec<JointDraft>,
    /// The joint that carries what both arms hang on; `None` for the base.
    pub torso: Option<JointId>,
    /// Arms, left first.
    pub arms: Vec<ArmDraft>,
    /// Hands and grippers, left first.
    pub hands: Vec<HandDraft>,
    /// A comfortable posture inside the limits, in the layout of the body's positions.
    pub home: Vec<f64>,
    /// By what share of an arm's length the hands miss their place before the body at home, in the order of `arms`.
    pub home_missed: Vec<f64>,
    /// Whether links reach into each other at home; `None` until [`clear_home`] has looked.
    pub home_clearance: Option<HomeClearance>,
}

impl Draft {
    /// What was found for a joint.
    pub fn joint(&self, joint: JointId) -> Option<&JointDraft> {
        self.joints.iter().find(|draft| draft.joint == joint)
    }
}

/// Reads a body. Its free joints count as fixed: read it with [`crate::BodyOptions::freeze_free_joints`].
pub fn draft(body: &Body) -> Draft {
    write::draft(body)
}
