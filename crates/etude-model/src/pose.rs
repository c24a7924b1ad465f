//! Position and orientation of one frame in another.

use serde::{Deserialize, Serialize};

/// A rigid transform. A value is named for both of its frames: `wrist_in_base`, `world_from_camera`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pose {
    /// Position, x y z, m.
    pub position_m: [f64; 3],
    /// Unit quaternion, **x y z w**.
    pub orientation_xyzw: [f64; 4],
}

impl Pose {
    /// The frame itself.
    pub const IDENTITY: Self = Self { position_m: [0.0; 3], orientation_xyzw: [0.0, 0.0, 0.0, 1.0] };

    /// Whether every number is finite and the quaternion is of unit length to 1e-3.
    pub fn is_valid(&self) -> bool {
        let norm: f64 = self.orientation_xyzw.iter().map(|v| v * v).sum();
        self.position_m.iter().chain(&self.orientation_xyzw).all(|v| v.is_finite())
            && (norm.sqrt() - 1.0).abs() < 1e-3
    }
}

impl Default for Pose {
    fn default() -> Self {
        Self::IDENTITY
    }
}
