//! Numbers that govern the solver, and what is wrong with them.

use crate::selection::SelectionError;

/// Numbers that govern the solver.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct IkOptions {
    /// µ per squared weighted error. Without it 85 % of random reaches converge, with 0.05 to 0.2 about 95 %; more costs steps.
    pub damping: f64,
    /// How much more a joint is damped at its limit while the targets push it there, as a multiple of µ; it falls with the
    /// sixth power of the distance from the middle of the range, so that other joints go first: the weighting of T. Chan and
    /// R. Dubey, "A weighted least-norm solution based scheme for avoiding joint limits" (1995). 400 lifted random reaches of
    /// 17 joints from 93 to 96 %.
    pub limit_damping: f64,
    /// µ where the error is zero.
    pub damping_floor: f64,
    /// Speed taken for turning joints that state none, rad/s.
    pub unstated_velocity_rad_s: f64,
    /// Speed taken for sliding joints that state none, m/s.
    pub unstated_velocity_m_s: f64,
    /// Position error that counts as reached, m.
    pub tolerance_m: f64,
    /// Orientation error that counts as reached, rad.
    pub tolerance_rad: f64,
}

impl Default for IkOptions {
    fn default() -> Self {
        Self {
            damping: 0.1,
            limit_damping: 400.0,
            damping_floor: 1e-6,
            unstated_velocity_rad_s: 10.0,
            unstated_velocity_m_s: 1.0,
            tolerance_m: 1e-3,
            tolerance_rad: 0.5_f64.to_radians(),
        }
    }
}

impl IkOptions {
    pub(super) fn check(&self) -> Result<(), IkError> {
        let positive = [
            ("damping_floor", self.damping_floor),
            ("unstated_velocity_rad_s", self.unstated_velocity_rad_s),
            ("unstated_velocity_m_s", self.unstated_velocity_m_s),
            ("tolerance_m", self.tolerance_m),
            ("tolerance_rad", self.tolerance_rad),
        ];
        for (name, found) in positive {
            if !(found.is_finite() && found > 0.0) {
                return Err(IkError::Option { name, found });
            }
        }
        for (name, found) in [("damping", self.damping), ("limit_damping", self.limit_damping)] {
            if !(found.is_finite() && found >= 0.0) {
                return Err(IkError::Option { name, found });
            }
        }
        Ok(())
    }
}

/// A solver that cannot be made or set.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum IkError {
    /// The joints cannot be selected.
    #[error(transparent)]
    Selection(#[from] SelectionError),
    /// An option is not a sensible number.
    #[error("option {name}: expected a finite number above zero, found {found}")]
    Option {
        /// The option.
        name: &'static str,
        /// Its value.
        found: f64,
    },
    /// A posture of the wrong length, or with a number that is not finite.
    #[error(
        "posture: expected {expected} finite positions and a weight from 0 to 1000, found {found} positions"
    )]
    Posture {
        /// Length of the body's positions.
        expected: usize,
        /// Length given.
        found: usize,
    },
    /// One number per variable, of the wrong length or with one that makes no sense.
    #[error(
        "{what}: expected {expected} numbers, one per variable, found {found} or one that makes no sense"
    )]
    PerVariable {
        /// What was given.
        what: &'static str,
        /// Number of variables.
        expected: usize,
        /// Length given.
        found: usize,
    },
    /// Capsules of another body, or without a size.
    #[error("self-collision: expected capsules of this body's links, found others")]
    Geometry,
}
