//! Hands: a person's hand to the joints of any hand or gripper.
//!
//! [`HandSkeleton`] is the person's hand as XR gives it, [`HandModel`] says what a robot's hand has to follow it with, and
//! [`HandRetarget`] turns one into joint positions of the other, frame by frame. [`GripperRetarget`] does so for what has
//! one opening, [`HandClosure`] for what has one number. [`FingertipSolver`] is the solver beneath: fingertips to joints.
//!
//! **Palm frame.** A person's and a robot's palm have the same axes, those of a WebXR wrist: `-z` along the fingers, `y` out
//! of the back of the hand, so the thumb is at `-x` of a right hand and at `+x` of a left one. Where a hand and its
//! follower are of different sides, `x` is mirrored.
//!
//! ```
//! use etude_kinematics::hand::{HandModel, HandRetarget, HandRetargetOptions, HandSkeleton, HandStatus, HumanFinger, Tip};
//! use etude_kinematics::{Body, BodyOptions};
//! use etude_model::card::Side;
//! use nalgebra::Vector3;
//!
//! let mjcf = r#"<mujoco><worldbody><body name="palm">
//!   <body name="thumb" pos="0.02 0.03 -0.02"><joint name="thumb" axis="0 1 0" range="-90 20"/></body>
//!   <body name="index" pos="0.09 0 0"><joint name="index" axis="0 1 0" range="0 90"/></body>
//! </body></worldbody></mujoco>"#;
//! let body = Body::from_text(mjcf, "hand.xml", &BodyOptions::default())?;
//! let tip = |frame| Ok::<_, Box<dyn std::error::Error>>(Tip { frame: body.frame(frame)?, offset_m: Vector3::x() * 0.08 });
//! let tips = [(HumanFinger::Thumb, tip("thumb")?), (HumanFinger::Index, tip("index")?)];
//! let model = HandModel::from_tips(&body, body.frame("palm")?, &tips)?;
//! let mut retarget = HandRetarget::new(&body, &model, HandRetargetOptions::default())?;
//!
//! let lost = HandSkeleton::unknown(Side::Right);
//! assert!(matches!(retarget.follow(&lost, 0.011).status, HandStatus::Held(_)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod box_newton;
mod chain;
mod closure;
mod error;
mod filter;
mod fold;
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
pub(crate) use model::carried;
pub use model::{FingerModel, HandModel, Tip};
pub use retarget::{
    Followed, HandRetarget, HandRetargetOptions, HandStatus, HoldReason, PinchOptions, Scaling,
};
pub use size::HandSize;
pub use skeleton::{HandSkeleton, HumanFinger, JOINT_NAMES};
pub use solver::{FingertipSolver, PinchTarget, SolverOptions, TipTarget};
