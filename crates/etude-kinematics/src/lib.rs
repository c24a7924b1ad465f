//! A robot's body from URDF or MJCF: forward and inverse kinematics, an unknown robot read, hands and takes moved to others.
//!
//! [`Body`] is a flat kinematic tree. [`Poses`] holds where every part of it is for one set of joint positions,
//! [`Selection`] says which joints may move and gives Jacobians over them, and [`Ik`] moves them so that frames reach
//! their targets without leaving the limits of position, velocity and acceleration and without links that collide
//! ([`Geometry`], [`SelfCollision`]). [`enrol`] finds which joint is which, [`hand`] moves fingers after a person's, and
//! [`retarget`] moves paths of hands to another body. The control path (forward kinematics, Jacobians, [`Ik::solve`]) does
//! not allocate.
//!
//! Units are SI: m, rad, s, N, N·m. Every array of joint positions has the layout of [`Body::position_len`]: the
//! joints in the order of the tree, one value for a revolute or prismatic joint, a quaternion (w, x, y, z) for a ball
//! joint, a position and a quaternion (x, y, z, w, x, y, z) for a free joint. That is MuJoCo's `qpos`.
//!
//! This crate knows nothing of the files of takes, of scenes or of robots' wires.

pub mod body;
pub mod enrol;
pub mod forward;
pub mod geometry;
pub mod hand;
pub mod ik;
pub mod qp;
pub mod retarget;
pub mod selection;
pub mod transform;

pub use body::{Body, BodyError, BodyOptions, FrameId, JointId, JointKind, JointLimits, LookupError, Tendon};
pub use forward::Poses;
pub use geometry::{Geometry, PairOptions, SelfCollision};
pub use hand::{FingerRange, HandClosure, HandError, HandModel, HandRetarget, HandSkeleton};
pub use ik::{CollisionOptions, FrameTarget, Ik, IkError, IkOptions, Residual, Solution, Status};
pub use selection::{Selection, SelectionError};
