//! Inverse kinematics: the step that brings frames nearest to their targets within the limits of position and velocity.
//!
//! Each step is a quadratic program over the selected joints (see [`crate::qp`]): weighted squared errors of the frames, a
//! pull towards a posture, damping µ = damping · ‖e‖² + floor, and hard bounds. It does not allocate and always ends.

mod assembly;
mod limits;
mod search;

use nalgebra::{Isometry3, Matrix3, UnitQuaternion, Vector3, Vector6};

use crate::body::{Body, FrameId, JointId};
use crate::forward::Poses;
use crate::qp::{Qp, QpProblem, QpStatus};
use crate::selection::{Selection, SelectionError};

pub use search::{Reach, SearchOptions};

/// Most targets in one solve; a whole body with fingertips has fewer than twenty.
pub const MAX_TARGETS: usize = 32;

/// Longest time step that [`Ik::solve`] accepts, s.
pub const MAX_STEP_S: f64 = 1.0;

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
    /// Which of the target's own axes the orientation is held about.
    pub orientation_axes: [bool; 3],
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

    /// A position; the orientation is left free.
    pub fn position(frame: FrameId, in_world: Vector3<f64>) -> Self {
        let pose = Isometry3::from_parts(in_world.into(), UnitQuaternion::identity());
        Self { orientation_weight: 0.0, ..Self::pose(frame, pose) }
    }

    /// An orientation; the position is left free.
    pub fn orientation(frame: FrameId, world_from_frame: UnitQuaternion<f64>) -> Self {
        let pose = Isometry3::from_parts(Vector3::zeros().into(), world_from_frame);
        Self { position_weight: 0.0, ..Self::pose(frame, pose) }
    }

    fn is_valid(&self, frames: usize) -> bool {
        let pose = &self.world_from_frame;
        let weight = |weight: f64| (0.0..=1e6).contains(&weight);
        self.frame.index() < frames
            && weight(self.position_weight)
            && weight(self.orientation_weight)
            && pose.translation.vector.iter().all(|value| value.abs() <= 1e6)
            && (pose.rotation.norm_squared() - 1.0).abs() < 1e-3
    }
}

/// How far a frame is from what its target asks: held axes alone count.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Residual {
    /// Distance, m; 0 where the position is free.
    pub position_m: f64,
    /// Angle, rad; 0 where the orientation is free.
    pub orientation_rad: f64,
}

/// What a solve came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Every target is reached within the tolerances.
    Converged,
    /// Nearer, and on the way.
    Moving,
    /// A limit of position or velocity holds the step back.
    Limited,
    /// No step brings it nearer, and no limit is to blame: a singular pose or one out of reach.
    Stalled,
    /// A number is not finite or out of bounds, or a length is wrong; the posture is held.
    Invalid,
}

/// Numbers that govern the solver.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct IkOptions {
    /// µ per squared weighted error. 0.05 lifted random reaches from 85 to 95 % without hurting tracking.
    pub damping: f64,
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
            damping: 0.05,
            damping_floor: 1e-6,
            unstated_velocity_rad_s: 10.0,
            unstated_velocity_m_s: 1.0,
            tolerance_m: 1e-3,
            tolerance_rad: 0.5_f64.to_radians(),
        }
    }
}

/// A solver that cannot be made.
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
}

/// The outcome of one solve, borrowed from the solver.
#[derive(Debug, Clone, Copy)]
pub struct Solution<'a> {
    /// Next positions of the whole body (layout of [`Body::position_len`]); joints that are not selected stay, followers follow.
    pub positions: &'a [f64],
    /// Change of each variable, rad or m, in the order of [`Selection::variables`].
    pub step: &'a [f64],
    /// What it came to.
    pub status: Status,
    /// Errors at the next positions, one per target; empty where the input was invalid.
    pub residuals: &'a [Residual],
}

/// The solver with its memory, for one body and one choice of joints.
#[derive(Debug, Clone)]
pub struct Ik {
    body: Body,
    selection: Selection,
    options: IkOptions,
    poses: Poses,
    qp: Qp,
    /// Speed limit of each variable, rad/s or m/s; finite.
    velocity: Vec<f64>,
    /// Wanted position of each variable and the weight of wanting it.
    posture: Vec<f64>,
    posture_weight: f64,
    positions: Vec<f64>,
    step: Vec<f64>,
    lower: Vec<f64>,
    upper: Vec<f64>,
    /// [n, n]; only the lower triangle is kept.
    hessian: Vec<f64>,
    gradient: Vec<f64>,
    residuals: Vec<Residual>,
    /// Columns of the Jacobian of the target in hand.
    columns: Vec<(usize, Vector6<f64>)>,
    needed: assembly::Needed,
}

impl Ik {
    /// A solver that moves `joints` of `body`. The posture is the body at rest, with weight 0.
    pub fn new(body: &Body, joints: &[JointId], options: IkOptions) -> Result<Self, IkError> {
        let positive = [
            ("damping_floor", options.damping_floor),
            ("unstated_velocity_rad_s", options.unstated_velocity_rad_s),
            ("unstated_velocity_m_s", options.unstated_velocity_m_s),
            ("tolerance_m", options.tolerance_m),
            ("tolerance_rad", options.tolerance_rad),
        ];
        for (name, found) in positive {
            if !(found.is_finite() && found > 0.0) {
                return Err(IkError::Option { name, found });
            }
        }
        if !(options.damping.is_finite() && options.damping >= 0.0) {
            return Err(IkError::Option { name: "damping", found: options.damping });
        }
        let selection = Selection::new(body, joints)?;
        let n = selection.len();
        let velocity =
            selection.variables().iter().map(|variable| limits::velocity(variable, &options)).collect();
        let posture =
            selection.variables().iter().map(|variable| body.rest()[variable.position_index]).collect();
        Ok(Self {
            poses: Poses::new(body),
            qp: Qp::new(n, 0),
            velocity,
            posture,
            posture_weight: 0.0,
            positions: body.rest().to_vec(),
            step: vec![0.0; n],
            lower: vec![0.0; n],
            upper: vec![0.0; n],
            hessian: vec![0.0; n * n],
            gradient: vec![0.0; n],
            residuals: Vec::with_capacity(MAX_TARGETS),
            columns: Vec::with_capacity(n),
            needed: assembly::Needed::new(body),
            body: body.clone(),
            selection,
            options,
        })
    }

    /// The body that this solver moves.
    pub fn body(&self) -> &Body {
        &self.body
    }

    /// The joints that this solver moves.
    pub fn selection(&self) -> &Selection {
        &self.selection
    }

    /// Sets the posture that is held where the targets leave freedom. `weight` is the cost of one radian (or metre);
    /// 1e-3 to 1e-2 decides what is free without pulling frames off their targets.
    pub fn set_posture(&mut self, positions: &[f64], weight: f64) -> Result<(), IkError> {
        let sound = positions.len() == self.body.position_len()
            && positions.iter().all(|value| value.is_finite())
            && (0.0..=1000.0).contains(&weight);
        if !sound {
            return Err(IkError::Posture { expected: self.body.position_len(), found: positions.len() });
        }
        for (wanted, variable) in self.posture.iter_mut().zip(self.selection.variables()) {
            *wanted = positions[variable.position_index];
        }
        self.posture_weight = weight;
        Ok(())
    }

    /// One step of `dt` seconds from `positions` (layout of [`Body::position_len`]) towards the targets.
    ///
    /// No joint passes a limit of velocity. None passes a limit of position, and one that starts outside is brought back
    /// as fast as its velocity allows. Invalid input holds the posture: the next positions are `positions` where they are
    /// finite and the last ones elsewhere.
    pub fn solve(&mut self, positions: &[f64], targets: &[FrameTarget], dt: f64) -> Solution<'_> {
        self.residuals.clear();
        let status = if self.is_valid(positions, targets, dt) {
            self.positions.copy_from_slice(positions);
            limits::bounds(
                self.selection.variables(),
                &self.velocity,
                &self.positions,
                dt,
                &mut self.lower,
                &mut self.upper,
            );
            self.advance(targets)
        } else {
            self.hold(positions);
            Status::Invalid
        };
        Solution { positions: &self.positions, step: &self.step, status, residuals: &self.residuals }
    }

    fn is_valid(&self, positions: &[f64], targets: &[FrameTarget], dt: f64) -> bool {
        positions.len() == self.body.position_len()
            && positions.iter().all(|value| value.abs() <= 1e6)
            && targets.len() <= MAX_TARGETS
            && targets.iter().all(|target| target.is_valid(self.body.frames().len()))
            && dt > 0.0
            && dt <= MAX_STEP_S
    }

    fn hold(&mut self, positions: &[f64]) {
        self.step.fill(0.0);
        if positions.len() == self.positions.len() {
            for (held, &given) in self.positions.iter_mut().zip(positions) {
                if given.is_finite() {
                    *held = given;
                }
            }
        }
    }

    /// Moves `self.positions` by the best step within `self.lower` and `self.upper`.
    fn advance(&mut self, targets: &[FrameTarget]) -> Status {
        self.needed.prepare(&self.body, targets);
        self.poses.update_some(&self.body, &self.positions, self.needed.order());
        self.assemble(targets);
        let problem = QpProblem {
            hessian: &self.hessian,
            gradient: &self.gradient,
            lower: &self.lower,
            upper: &self.upper,
            rows: &[],
            row_lower: &[],
        };
        let solved = self.qp.solve(&problem) == QpStatus::Solved;
        let mut limited = false;
        let bounds = self.lower.iter().zip(&self.upper);
        for ((step, &wanted), (&lower, &upper)) in self.step.iter_mut().zip(self.qp.x()).zip(bounds) {
            *step = if solved { wanted.clamp(lower, upper) } else { 0.0_f64.clamp(lower, upper) };
            limited |= *step == lower || *step == upper;
        }
        limits::take_step(self.selection.variables(), &self.step, &mut self.positions);
        self.body.apply_mimics(&mut self.positions);
        self.poses.update_some(&self.body, &self.positions, self.needed.order());
        self.measure(targets);
        self.judge(solved, limited)
    }

    fn judge(&self, solved: bool, limited: bool) -> Status {
        /// A step shorter than this, rad or m, is none.
        const STILL: f64 = 1e-5;
        let reached = |residual: &Residual| {
            residual.position_m <= self.options.tolerance_m
                && residual.orientation_rad <= self.options.tolerance_rad
        };
        if self.residuals.iter().all(reached) {
            Status::Converged
        } else if limited {
            Status::Limited
        } else if !solved || self.step.iter().all(|step| step.abs() < STILL) {
            Status::Stalled
        } else {
            Status::Moving
        }
    }
}

/// What a target weighs: W of eᵀWe, for the position and for the orientation, both in the world's axes.
fn weights(target: &FrameTarget) -> (Matrix3<f64>, Matrix3<f64>) {
    let diagonal = |weight: f64, axes: [bool; 3]| {
        Vector3::from(axes.map(|held| if held { weight * weight } else { 0.0 }))
    };
    let position = Matrix3::from_diagonal(&diagonal(target.position_weight, target.position_axes));
    let own = diagonal(target.orientation_weight, target.orientation_axes);
    if target.orientation_axes == [true; 3] {
        return (position, Matrix3::from_diagonal(&own));
    }
    let world_from_target = target.world_from_frame.rotation.to_rotation_matrix();
    let turned =
        world_from_target.matrix() * Matrix3::from_diagonal(&own) * world_from_target.matrix().transpose();
    (position, turned)
}
