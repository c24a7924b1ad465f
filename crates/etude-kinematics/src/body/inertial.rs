//! What a model says of masses: kept as it is written, so that what is wrong with it can be told.

use mjcf_rs::body::InertiaSpec;
use nalgebra::{Isometry3, Matrix3, Translation3, UnitQuaternion};

use super::{FrameId, JointId, mjcf};

/// The mass of one link, as the model states it.
#[derive(Debug, Clone)]
pub struct Inertial {
    /// The link that has it.
    pub link: FrameId,
    /// The joint that carries the link.
    pub joint: JointId,
    /// Mass, kg.
    pub mass_kg: f64,
    /// Centre of mass and axes of `moments` in the frame of the joint.
    pub centre_in_joint: Isometry3<f64>,
    /// Moments of inertia about the centre of mass, kg·m².
    pub moments: Matrix3<f64>,
}

/// Mass and moments before they are bound to a link.
pub(super) struct Stated {
    pub(super) mass_kg: f64,
    pub(super) centre_in_link: Isometry3<f64>,
    pub(super) moments: Matrix3<f64>,
}

/// Of a URDF link; a mass of zero is how the format says nothing.
pub(super) fn of_urdf(inertial: &urdf_rs::Inertial) -> Option<Stated> {
    let [x, y, z] = inertial.origin.xyz.0;
    let [roll, pitch, yaw] = inertial.origin.rpy.0;
    let i = &inertial.inertia;
    (inertial.mass.value != 0.0).then(|| Stated {
        mass_kg: inertial.mass.value,
        centre_in_link: Isometry3::from_parts(
            Translation3::new(x, y, z),
            UnitQuaternion::from_euler_angles(roll, pitch, yaw),
        ),
        moments: symmetric([i.ixx, i.iyy, i.izz, i.ixy, i.ixz, i.iyz]),
    })
}

/// Of an MJCF body.
pub(super) fn of_mjcf(inertial: &mjcf_rs::body::Inertial) -> Stated {
    let moments = match inertial.inertia {
        InertiaSpec::Diagonal([x, y, z]) => [x, y, z, 0.0, 0.0, 0.0],
        InertiaSpec::Full(values) => values,
    };
    Stated { mass_kg: inertial.mass, centre_in_link: mjcf::pose(&inertial.pose), moments: symmetric(moments) }
}

/// From (xx, yy, zz, xy, xz, yz).
fn symmetric([xx, yy, zz, xy, xz, yz]: [f64; 6]) -> Matrix3<f64> {
    Matrix3::new(xx, xy, xz, xy, yy, yz, xz, yz, zz)
}
