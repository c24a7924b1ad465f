//! Hands: a person's hand to the joints of any hand or gripper.
//!
//! [`HandSkeleton`] is the person's hand as XR gives it, [`HandModel`] says what a robot's hand has to follow it with, and
//! [`HandRetarget`] turns one into joint positions of the other, frame by frame. [`GripperRetarget`] does so for what has
//! one opening, [`HandClosure`] for what has one number. [`FingertipSolver`] is the solver beneath: fingertips to joints.
//!
//! **Palm frame.** A person's and a robot's palm have the same axes, those of a WebXR wrist: `-z` along the fingers, `y` out
//! of the back of the hand, so the thumb is at `-x` of a right hand and at `+x` of a left one. Where a hand and its
//! follower are of different sides, `x` is mirrored.

mod box_newton;
mod chain;
mod closure;
mod error;
mod filter;
mod gripper;
mod model;
mod retarget;
mod size;
mod skeleton;
mod solver;
mod targets;

pub use closure::{FingerRange, HandClosure};
pub use error::HandError;
pub use filter::Smoothing;
pub use gripper::{GripSource, Gripped, GripperModel, GripperRetarget};
pub use model::{FingerModel, HandModel, Tip};
pub use retarget::{
    Followed, HandRetarget, HandRetargetOptions, HandStatus, HoldReason, PinchOptions, Scaling,
};
pub use size::HandSize;
pub use skeleton::{HandSkeleton, HumanFinger, JOINT_NAMES};
pub use solver::{FingertipSolver, PinchTarget, SolverOptions, TipTarget};
