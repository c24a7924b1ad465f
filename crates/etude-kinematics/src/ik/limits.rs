//! Bounds of one step that keep every joint within its limits, and bring it back where it is outside.

use nalgebra::{Quaternion, UnitQuaternion, Vector3};

use super::IkOptions;
use crate::body::JointKind;
use crate::forward::unit_quaternion;
use crate::selection::Variable;

/// What limits the motion of the variables, and how they move now.
#[derive(Debug, Clone)]
pub(super) struct Motion {
    /// Highest speed of each variable, rad/s or m/s; finite.
    pub(super) velocity: Vec<f64>,
    /// Highest change of speed of each variable, rad/s² or m/s²; infinite where there is none.
    pub(super) acceleration: Vec<f64>,
    /// Velocity of each variable in the last step, rad/s or m/s.
    pub(super) speed: Vec<f64>,
    pub(super) is_accelerated: bool,
}

impl Motion {
    pub(super) fn new(variables: &[Variable], options: &IkOptions) -> Self {
        Self {
            velocity: variables.iter().map(|variable| velocity(variable, options)).collect(),
            acceleration: vec![f64::INFINITY; variables.len()],
            speed: vec![0.0; variables.len()],
            is_accelerated: false,
        }
    }

    /// Bounds of the step of each variable, rad or m, with `lower <= upper` always. False where the limits contradict each
    /// other: position and velocity then hold, and acceleration gives way.
    ///
    /// A joint outside its range moves back as fast as it may.
    pub(super) fn bounds(
        &self,
        variables: &[Variable],
        positions: &[f64],
        dt: f64,
        accelerated: bool,
        lower: &mut [f64],
        upper: &mut [f64],
    ) -> bool {
        let mut sound = true;
        for (index, variable) in variables.iter().enumerate() {
            let position = variable.position(positions);
            let reach = self.velocity[index] * dt;
            let low = (variable.lower - position).clamp(-reach, reach);
            let high = (variable.upper - position).clamp(-reach, reach);
            (lower[index], upper[index]) = (low, high);
            let acceleration = self.acceleration[index];
            if accelerated && acceleration.is_finite() {
                let change = acceleration * dt;
                let speed = self.speed[index];
                let range = ((speed - change) * dt, (speed + change) * dt);
                let room = (position - variable.lower, variable.upper - position);
                let (low, high, kept) = accelerated_bounds((low, high), range, room, acceleration, dt, reach);
                (lower[index], upper[index]) = (low, high);
                sound &= kept;
            }
        }
        sound
    }
}

/// Narrows the bounds of a step to what acceleration allows, `range`, and to speeds from which the joint can still stop
/// within `room` on each side. False where that leaves nothing.
fn accelerated_bounds(
    (low, high): (f64, f64),
    range: (f64, f64),
    room: (f64, f64),
    acceleration: f64,
    dt: f64,
    reach: f64,
) -> (f64, f64, bool) {
    /// Rounding of bounds that meet in one point, rad or m.
    const ROUNDING: f64 = 1e-12;
    if room.0 < 0.0 || room.1 < 0.0 {
        // Outside: towards the range as fast as acceleration allows.
        let (low, high) = (low.clamp(range.0, range.1), high.clamp(range.0, range.1));
        return (low.clamp(-reach, reach), high.clamp(-reach, reach), true);
    }
    // Braking from speed v at the rate a takes at most v² / 2a, whatever the steps that follow.
    let change = acceleration * dt;
    let stoppable = |room: f64| ((change * change + 2.0 * acceleration * room).sqrt() - change) * dt;
    let (low, high) = (low.max(-stoppable(room.0)), high.min(stoppable(room.1)));
    let (least, most) = (low.max(range.0), high.min(range.1));
    if least <= most {
        (least, most, true)
    } else if range.0 > high {
        (high, high, range.0 - high <= ROUNDING)
    } else {
        (low, low, low - range.1 <= ROUNDING)
    }
}

/// A variable's speed limit, or the one taken where the model states none.
fn velocity(variable: &Variable, options: &IkOptions) -> f64 {
    if variable.velocity.is_finite() {
        variable.velocity
    } else if variable.is_linear() {
        options.unstated_velocity_m_s
    } else {
        options.unstated_velocity_rad_s
    }
}

/// Adds the step to the positions. Rounding never carries a joint over a limit that it was within.
pub(super) fn take_step(variables: &[Variable], step: &[f64], positions: &mut [f64]) {
    for (index, (variable, &value)) in variables.iter().zip(step).enumerate() {
        let start = variable.position_index;
        match (variable.kind, variable.component) {
            (JointKind::Revolute | JointKind::Prismatic, _) => {
                let position = &mut positions[start];
                let (lower, upper) = (variable.lower.min(*position), variable.upper.max(*position));
                *position = (*position + value).clamp(lower, upper);
            }
            (JointKind::Ball, 0) => turn(&mut positions[start..start + 4], &step[index..index + 3]),
            (JointKind::Free, component @ 0..3) => positions[start + component] += value,
            (JointKind::Free, 3) => turn(&mut positions[start + 3..start + 7], &step[index..index + 3]),
            _ => {}
        }
    }
}

/// Turns a quaternion (w, x, y, z) about its own axes, by a rotation vector in rad.
fn turn(wxyz: &mut [f64], by: &[f64]) {
    let turn = UnitQuaternion::from_scaled_axis(Vector3::new(by[0], by[1], by[2]));
    let turned: Quaternion<f64> = (unit_quaternion(wxyz) * turn).into_inner();
    let turned = turned.normalize();
    wxyz.copy_from_slice(&[turned.w, turned.i, turned.j, turned.k]);
}
