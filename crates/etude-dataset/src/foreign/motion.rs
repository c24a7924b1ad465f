//! A person's motion: BVH of motion capture, and recordings of headsets made by A-Frame.
//!
//! Both give poses with a position and an orientation, the latter turned into a quaternion by the format's own rule for its
//! angles. Neither says in which frame of a room they are, and BVH not even in which unit of length.

mod aframe;
mod bvh;
mod turn;

pub(crate) use aframe::{AframeRecords, is_aframe};
pub(crate) use bvh::{BvhRecords, is_bvh};

use super::value::Value;
use std::sync::Arc;

/// What drafts say of a BVH frame.
pub(crate) const BVH_TYPE: &str = "BVH frame (its unit of length is not stated)";
/// What drafts say of a pose of A-Frame.
pub(crate) const AFRAME_TYPE: &str = "A-Frame pose (m)";

fn group(names: &[&str], numbers: &[f64]) -> Value {
    Value::Struct(
        names.iter().zip(numbers).map(|(name, number)| (Arc::from(*name), Value::Float(*number))).collect(),
    )
}

/// A pose whose parts are named: `position` x y z and `orientation` x y z w.
fn pose(position: [f64; 3], orientation_xyzw: [f64; 4]) -> Vec<(Arc<str>, Value)> {
    vec![
        (Arc::from("position"), group(&["x", "y", "z"], &position)),
        (Arc::from("orientation"), group(&["x", "y", "z", "w"], &orientation_xyzw)),
    ]
}
