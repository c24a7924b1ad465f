//! Between poses as they are written down and transforms as they are multiplied.

use etude_model::Pose;
use nalgebra::{Isometry3, Quaternion, Translation3, UnitQuaternion};

/// The pose as a transform; its quaternion is brought to unit length.
pub fn isometry(pose: &Pose) -> Isometry3<f64> {
    let [x, y, z, w] = pose.orientation_xyzw;
    Isometry3::from_parts(
        Translation3::from(pose.position_m),
        UnitQuaternion::new_normalize(Quaternion::new(w, x, y, z)),
    )
}

/// The transform as a pose.
pub fn pose(isometry: &Isometry3<f64>) -> Pose {
    let rotation = isometry.rotation.coords;
    Pose {
        position_m: isometry.translation.vector.into(),
        orientation_xyzw: [rotation.x, rotation.y, rotation.z, rotation.w],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        let written = Pose { position_m: [1.0, 2.0, 3.0], orientation_xyzw: [0.5, -0.5, 0.5, 0.5] };
        assert_eq!(pose(&isometry(&written)), written);
    }
}
