//! Conversions between this project's poses (quaternion x y z w) and MuJoCo's (w x y z).

use etude_model::Pose;
use nalgebra::{Isometry3, Quaternion, Translation3, UnitQuaternion};

/// A pose out of MuJoCo's position and quaternion (w x y z).
pub(crate) fn pose_of(position: [f64; 3], wxyz: [f64; 4]) -> Pose {
    Pose { position_m: position, orientation_xyzw: [wxyz[1], wxyz[2], wxyz[3], wxyz[0]] }
}

/// MuJoCo's quaternion (w x y z) of a pose.
pub(crate) fn wxyz_of(pose: &Pose) -> [f64; 4] {
    let [x, y, z, w] = pose.orientation_xyzw;
    [w, x, y, z]
}

/// The pose as a transform one can multiply.
pub(crate) fn isometry_of(pose: &Pose) -> Isometry3<f64> {
    let [x, y, z, w] = pose.orientation_xyzw;
    let [px, py, pz] = pose.position_m;
    Isometry3::from_parts(
        Translation3::new(px, py, pz),
        UnitQuaternion::new_normalize(Quaternion::new(w, x, y, z)),
    )
}

/// The pose of a transform.
pub(crate) fn pose_from(isometry: &Isometry3<f64>) -> Pose {
    let t = isometry.translation.vector;
    let q = isometry.rotation.quaternion();
    Pose { position_m: [t.x, t.y, t.z], orientation_xyzw: [q.i, q.j, q.k, q.w] }
}
