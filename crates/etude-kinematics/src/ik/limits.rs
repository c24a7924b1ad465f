//! Bounds of one step that keep every joint within its limits, and bring it back where it is outside.

use super::IkOptions;
use crate::body::JointKind;
use crate::selection::Variable;

/// A variable's speed limit, or the one taken where the model states none.
pub(super) fn velocity(variable: &Variable, options: &IkOptions) -> f64 {
    if variable.velocity.is_finite() {
        variable.velocity
    } else if variable.kind == JointKind::Prismatic {
        options.unstated_velocity_m_s
    } else {
        options.unstated_velocity_rad_s
    }
}

/// Bounds of the step of each variable, rad or m. `lower <= upper` always: a joint outside its range must move back,
/// but no faster than its speed limit.
pub(super) fn bounds(
    variables: &[Variable],
    velocity: &[f64],
    positions: &[f64],
    dt: f64,
    lower: &mut [f64],
    upper: &mut [f64],
) {
    for (index, variable) in variables.iter().enumerate() {
        let position = positions[variable.position_index];
        let reach = velocity[index] * dt;
        lower[index] = (variable.lower - position).clamp(-reach, reach);
        upper[index] = (variable.upper - position).clamp(-reach, reach);
    }
}

/// Adds the step to the positions. Rounding never carries a joint over a limit that it was within.
pub(super) fn take_step(variables: &[Variable], step: &[f64], positions: &mut [f64]) {
    for (variable, step) in variables.iter().zip(step) {
        let position = &mut positions[variable.position_index];
        let (lower, upper) = (variable.lower.min(*position), variable.upper.max(*position));
        *position = (*position + step).clamp(lower, upper);
    }
}
