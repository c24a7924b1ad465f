//! What is wanted of a frame, and how far it is from it.

use nalgebra::{Isometry3, UnitQuaternion, Vector3, Vector6};

use crate::body::FrameId;

/// Where a frame shall be.
#[derive(Debug, Clone, Copy)]
pub struct FrameTarget {
    /// The frame.
    pub frame: FrameId,
    /// Its wanted pose in the world.
    pub world_from_frame: Isometry3<f64>,
    /// Cost of one metre of position error; 0 leaves the position free.
    pub position_weight: f64,
    /// Cost of one radian of orientation error; 0 leaves the orientation free.
    pub orientation_weight: f64,
    /// Which of the world's axes the position is held along.
    pub position_axes: [bool; 3],
    /// Which of the target's own axes the orientation is held about. With one axis left free, that axis alone is pointed:
    /// turning about it costs nothing.
    pub orientation_axes: [bool; 3],
}

/// One of a frame's own axes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameAxis {
    /// The first.
    X,
    /// The second.
    Y,
    /// The third.
    Z,
}

impl FrameTarget {
    /// A whole pose with the usual weights: 1 per metre, 0.5 per radian.
    pub fn pose(frame: FrameId, world_from_frame: Isometry3<f64>) -> Self {
        Self {
            frame,
            world_from_frame,
            position_weight: 1.0,
            orientation_weight: 0.5,
            position_axes: [true; 3],
            orientation_axes: [true; 3],
        }
    }

    /// A position, such as a fingertip's; the orientation is left free.
    pub fn position(frame: FrameId, in_world: Vector3<f64>) -> Self {
        let pose = Isometry3::from_parts(in_world.into(), UnitQuaternion::identity());
        Self { orientation_weight: 0.0, ..Self::pose(frame, pose) }
    }

    /// An orientation, such as a head's or a torso's; the position is left free.
    pub fn orientation(frame: FrameId, world_from_frame: UnitQuaternion<f64>) -> Self {
        let pose = Isometry3::from_parts(Vector3::zeros().into(), world_from_frame);
        Self { position_weight: 0.0, ..Self::pose(frame, pose) }
    }

    /// A gaze: one axis of the frame shall point along `direction`, a vector in the world of any length. Turning about that
    /// axis and the position are left free. A direction without length makes the target invalid.
    pub fn gaze(frame: FrameId, axis: FrameAxis, direction: Vector3<f64>) -> Self {
        let (own, place) = match axis {
            FrameAxis::X => (Vector3::x(), 0),
            FrameAxis::Y => (Vector3::y(), 1),
            FrameAxis::Z => (Vector3::z(), 2),
        };
        let turn = match direction.try_normalize(1e-12) {
            // Half a turn has no one axis; any does.
            Some(direction) => UnitQuaternion::rotation_between(&own, &direction).unwrap_or_else(|| {
                let across = Vector3::ith((place + 1) % 3, 1.0);
                UnitQuaternion::from_scaled_axis(across * std::f64::consts::PI)
            }),
            None => UnitQuaternion::new_unchecked(nalgebra::Quaternion::new(f64::NAN, 0.0, 0.0, 0.0)),
        };
        let mut target = Self::orientation(frame, turn);
        target.orientation_axes[place] = false;
        target
    }

    /// The same target with other weights: cost of one metre and of one radian.
    #[must_use]
    pub fn with_weights(self, position_weight: f64, orientation_weight: f64) -> Self {
        Self { position_weight, orientation_weight, ..self }
    }

    pub(super) fn is_valid(&self, frames: usize) -> bool {
        let pose = &self.world_from_frame;
        let weight = |weight: f64| (0.0..=1e6).contains(&weight);
        self.frame.index() < frames
            && weight(self.position_weight)
            && weight(self.orientation_weight)
            && pose.translation.vector.iter().all(|value| value.abs() <= 1e6)
            && (pose.rotation.norm_squared() - 1.0).abs() < 1e-3
    }

    /// How far `world_from_frame` is from this target: m along the world's axes, rad about the target's own.
    pub(super) fn error(&self, world_from_frame: &Isometry3<f64>) -> Error {
        let position = self.world_from_frame.translation.vector - world_from_frame.translation.vector;
        if self.orientation_weight == 0.0 {
            return Error { position, orientation: Vector3::zeros() };
        }
        // In the target's axes, what is left to turn.
        let left = world_from_frame.rotation.inverse() * self.world_from_frame.rotation;
        let orientation = match self.orientation_axes {
            [false, true, true] => swing(&left, 0),
            [true, false, true] => swing(&left, 1),
            [true, true, false] => swing(&left, 2),
            _ => left.scaled_axis(),
        };
        Error { position, orientation }
    }

    /// Weights of the six errors: three of position, three of orientation.
    pub(super) fn weights(&self) -> Vector6<f64> {
        let of = |weight: f64, held: bool| if held { weight } else { 0.0 };
        let [px, py, pz] = self.position_axes.map(|held| of(self.position_weight, held));
        let [ox, oy, oz] = self.orientation_axes.map(|held| of(self.orientation_weight, held));
        Vector6::new(px, py, pz, ox, oy, oz)
    }
}

/// The turn, about axes across it, that brings axis `place` of a frame to the target's; `left` is the target in the frame.
fn swing(left: &UnitQuaternion<f64>, place: usize) -> Vector3<f64> {
    let own = Vector3::ith(place, 1.0);
    // Where the frame's axis is in the target's axes.
    let now = left.inverse() * own;
    let across = now.cross(&own);
    let sine = across.norm();
    let angle = sine.atan2(now[place]);
    if sine > 1e-9 {
        across * (angle / sine)
    } else if now[place] > 0.0 {
        across
    } else {
        Vector3::ith((place + 1) % 3, std::f64::consts::PI)
    }
}

/// Way from a frame to its target.
pub(super) struct Error {
    pub(super) position: Vector3<f64>,
    pub(super) orientation: Vector3<f64>,
}

/// How far a frame is from what its target asks: held axes alone count.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Residual {
    /// Distance, m; 0 where the position is free.
    pub position_m: f64,
    /// Angle, rad; 0 where the orientation is free.
    pub orientation_rad: f64,
}

impl Residual {
    pub(super) fn of(target: &FrameTarget, error: &Error) -> Self {
        let held = |error: &Vector3<f64>, axes: [bool; 3], weight: f64| {
            if weight == 0.0 {
                return 0.0;
            }
            error
                .iter()
                .zip(axes)
                .filter(|&(_, held)| held)
                .map(|(value, _)| value * value)
                .sum::<f64>()
                .sqrt()
        };
        Self {
            position_m: held(&error.position, target.position_axes, target.position_weight),
            orientation_rad: held(&error.orientation, target.orientation_axes, target.orientation_weight),
        }
    }
}
