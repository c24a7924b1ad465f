//! Inverse kinematics: the step that brings frames nearest to their targets within all limits.
//!
//! Each step is a quadratic program over the selected joints (see [`crate::qp`]): weighted squared errors of the frames, a
//! pull towards a posture, damping µ = damping · ‖e‖² + floor. Limits of position, velocity and acceleration and distances
//! between links are its constraints, not costs. A step does not allocate and always ends.

mod assembly;
mod collision;
mod limits;
mod options;
mod search;
mod target;

use crate::body::{Body, JointId};
use crate::forward::Poses;
use crate::geometry::SelfCollision;
use crate::qp::{Qp, QpProblem, QpStatus};
use crate::selection::Selection;
use collision::Collision;
use limits::Motion;

pub use collision::CollisionOptions;
pub use options::{IkError, IkOptions};
pub(crate) use search::uniform;
pub use search::{Reach, SearchOptions};
pub use target::{FrameAxis, FrameTarget, Residual};

/// Most targets in one solve; a whole body with fingertips has fewer than twenty.
pub const MAX_TARGETS: usize = 32;

/// Longest time step that [`Ik::solve`] accepts, s.
pub const MAX_STEP_S: f64 = 1.0;

/// How often a step that would bring links too near is halved before it is given up.
const MAX_HALVINGS: u32 = 6;

/// What a solve came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Every target is reached within the tolerances.
    Converged,
    /// Nearer, and on the way.
    Moving,
    /// A limit of position, velocity or acceleration, or the distance of two links, holds the step back.
    Limited,
    /// The constraints contradict each other. Position and velocity hold; links come no nearer as far as that can be had;
    /// acceleration gives way.
    Infeasible,
    /// No step brings it nearer, and no limit is to blame: a singular pose or one out of reach.
    Stalled,
    /// A number is not finite or out of bounds, or a length is wrong; the posture is held, or braked to where limits of
    /// acceleration are set.
    Invalid,
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
    /// As asked for.
    selection: Selection,
    /// The same joints, the last of the tree first: what a limb adds to the Hessian then stays together.
    inner: Selection,
    /// Column of `inner` for each column of `selection`. All that follows is in the order of `inner` but for `step`.
    places: Vec<usize>,
    options: IkOptions,
    poses: Poses,
    /// Whether `poses` and distances are those of `positions`.
    is_fresh: bool,
    qp: Qp,
    motion: Motion,
    collision: Option<Collision>,
    /// Wanted position of each variable and the weight of wanting it.
    posture: Vec<f64>,
    posture_weight: f64,
    start: Vec<f64>,
    positions: Vec<f64>,
    step: Vec<f64>,
    inner_step: Vec<f64>,
    lower: Vec<f64>,
    upper: Vec<f64>,
    /// First column of each row of the Hessian that may differ from zero.
    first: Vec<usize>,
    /// [n, n]; only the lower triangle is kept, from `first` on.
    hessian: Vec<f64>,
    gradient: Vec<f64>,
    residuals: Vec<Residual>,
    /// Columns of the Jacobian of the target in hand.
    columns: Vec<(usize, [f64; 6])>,
    needed: assembly::Needed,
}

impl Ik {
    /// A solver that moves `joints` of `body`, a free base among them if it is named. The posture is the body at rest, with
    /// weight 0; acceleration is not limited and links may meet until [`Ik::set_acceleration_limits`] and
    /// [`Ik::set_self_collision`] say otherwise.
    pub fn new(body: &Body, joints: &[JointId], options: IkOptions) -> Result<Self, IkError> {
        options.check()?;
        let selection = Selection::new(body, joints)?;
        let mut leaves_first: Vec<JointId> =
            selection.variables().iter().map(|variable| variable.joint).collect();
        leaves_first.sort_by_key(|joint| std::cmp::Reverse(joint.index()));
        leaves_first.dedup();
        let inner = Selection::new(body, &leaves_first)?;
        let key = |variable: &crate::selection::Variable| (variable.joint, variable.component);
        let places = selection.variables().iter().map(|wanted| {
            let place = inner.variables().iter().position(|variable| key(variable) == key(wanted));
            place.expect("both select the same joints")
        });
        let n = inner.len();
        let first = inner.envelope(body);
        Ok(Self {
            places: places.collect(),
            poses: Poses::new(body),
            is_fresh: false,
            qp: Qp::with_envelope(first.clone(), 0),
            motion: Motion::new(inner.variables(), &options),
            collision: None,
            posture: inner.variables().iter().map(|variable| variable.position(body.rest())).collect(),
            posture_weight: 0.0,
            start: body.rest().to_vec(),
            positions: body.rest().to_vec(),
            step: vec![0.0; n],
            inner_step: vec![0.0; n],
            lower: vec![0.0; n],
            upper: vec![0.0; n],
            first,
            hessian: vec![0.0; n * n],
            gradient: vec![0.0; n],
            residuals: Vec::with_capacity(MAX_TARGETS),
            columns: Vec::with_capacity(n),
            needed: assembly::Needed::new(body, Vec::new()),
            body: body.clone(),
            selection,
            inner,
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
    /// 1e-3 to 1e-2 decides what is free without pulling frames off their targets. Ball and free joints have no posture.
    pub fn set_posture(&mut self, positions: &[f64], weight: f64) -> Result<(), IkError> {
        let sound = positions.len() == self.body.position_len()
            && positions.iter().all(|value| value.is_finite())
            && (0.0..=1000.0).contains(&weight);
        if !sound {
            return Err(IkError::Posture { expected: self.body.position_len(), found: positions.len() });
        }
        for (wanted, variable) in self.posture.iter_mut().zip(self.inner.variables()) {
            *wanted = variable.position(positions);
        }
        self.posture_weight = weight;
        Ok(())
    }

    /// Limits how fast speeds change: one number per variable, rad/s² or m/s², above zero; infinite where there is no limit.
    ///
    /// Joints then also brake in time for their limits of position. The velocity is that of the last step; where the robot
    /// moves otherwise, [`Ik::set_velocity`] says so.
    pub fn set_acceleration_limits(&mut self, limits: &[f64]) -> Result<(), IkError> {
        let sound = |&limit: &f64| limit > 0.0;
        self.per_variable("acceleration limits", limits, sound)?;
        for (&place, &limit) in self.places.iter().zip(limits) {
            self.motion.acceleration[place] = limit;
        }
        self.motion.is_accelerated = limits.iter().any(|limit| limit.is_finite());
        Ok(())
    }

    /// Says how fast the variables move now, rad/s or m/s. Matters where accelerations are limited.
    pub fn set_velocity(&mut self, velocity: &[f64]) -> Result<(), IkError> {
        self.per_variable("velocity", velocity, |value| value.is_finite())?;
        for (&place, &value) in self.places.iter().zip(velocity) {
            self.motion.speed[place] = value;
        }
        Ok(())
    }

    /// Keeps links apart from now on; `None` lets them meet. Pairs that the variables do not move against each other are
    /// left out.
    pub fn set_self_collision(
        &mut self,
        pairs: Option<&SelfCollision>,
        options: CollisionOptions,
    ) -> Result<(), IkError> {
        let collision = match pairs {
            Some(pairs) => Some(Collision::new(&self.body, &self.inner, pairs, options)?),
            None => None,
        };
        let collision = collision.filter(|collision| collision.pair_count() > 0);
        let joints = collision.as_ref().map(Collision::joints).unwrap_or_default();
        self.needed = assembly::Needed::new(&self.body, joints);
        let rows = if collision.is_some() { collision::MAX_ROWS } else { 0 };
        self.qp = Qp::with_envelope(self.first.clone(), rows);
        self.collision = collision;
        self.is_fresh = false;
        Ok(())
    }

    /// Least distance between links at the positions of the last solve, m; nothing where none is within the influence of
    /// [`CollisionOptions`] or none is heeded.
    pub fn least_distance_m(&self) -> Option<f64> {
        self.collision.as_ref().map(Collision::least_m).filter(|distance| distance.is_finite())
    }

    fn per_variable(
        &self,
        what: &'static str,
        numbers: &[f64],
        sound: impl Fn(&f64) -> bool,
    ) -> Result<(), IkError> {
        if numbers.len() == self.places.len() && numbers.iter().all(sound) {
            return Ok(());
        }
        Err(IkError::PerVariable { what, expected: self.places.len(), found: numbers.len() })
    }

    /// One step of `dt` seconds from `positions` (layout of [`Body::position_len`]) towards the targets.
    ///
    /// No joint passes a limit of velocity. None passes a limit of position, and one that starts outside is brought back
    /// as fast as its other limits allow. Limits of acceleration and distances between links hold but where the status says
    /// [`Status::Infeasible`]. Invalid input holds the posture: the next positions are `positions` where they are
    /// finite and the last ones elsewhere. Where accelerations are limited and only the targets are invalid, it brakes.
    pub fn solve(&mut self, positions: &[f64], targets: &[FrameTarget], dt: f64) -> Solution<'_> {
        self.residuals.clear();
        let status = if !self.is_sound(positions, dt) {
            self.hold(positions);
            Status::Invalid
        } else if self.are_sound(targets) {
            self.begin(positions);
            let sound = self.bound(dt, self.motion.is_accelerated);
            let status = self.advance(targets, Some(dt), sound);
            self.remember(dt);
            status
        } else if self.motion.is_accelerated {
            self.begin(positions);
            self.bound(dt, true);
            self.brake();
            self.move_on();
            self.is_fresh = false;
            self.remember(dt);
            Status::Invalid
        } else {
            self.hold(positions);
            Status::Invalid
        };
        for (step, &place) in self.step.iter_mut().zip(&self.places) {
            *step = self.inner_step[place];
        }
        Solution { positions: &self.positions, step: &self.step, status, residuals: &self.residuals }
    }

    fn is_sound(&self, positions: &[f64], dt: f64) -> bool {
        positions.len() == self.body.position_len()
            && positions.iter().all(|value| value.abs() <= 1e6)
            && dt > 0.0
            && dt <= MAX_STEP_S
    }

    fn are_sound(&self, targets: &[FrameTarget]) -> bool {
        targets.len() <= MAX_TARGETS && targets.iter().all(|target| target.is_valid(self.body.frames().len()))
    }

    fn hold(&mut self, positions: &[f64]) {
        self.inner_step.fill(0.0);
        self.motion.speed.fill(0.0);
        self.is_fresh = false;
        if positions.len() == self.positions.len() {
            for (held, &given) in self.positions.iter_mut().zip(positions) {
                if given.is_finite() {
                    *held = given;
                }
            }
        }
    }

    fn begin(&mut self, positions: &[f64]) {
        if self.positions != positions {
            self.positions.copy_from_slice(positions);
            self.is_fresh = false;
        }
    }

    fn bound(&mut self, dt: f64, accelerated: bool) -> bool {
        let variables = self.inner.variables();
        let (lower, upper) = (&mut self.lower, &mut self.upper);
        self.motion.bounds(variables, &self.positions, dt, accelerated, lower, upper)
    }

    fn remember(&mut self, dt: f64) {
        for (speed, step) in self.motion.speed.iter_mut().zip(&self.inner_step) {
            *speed = step / dt;
        }
    }

    /// Moves `self.positions` by the best step within `self.lower` and `self.upper`. `dt` is given where time counts;
    /// `sound` says whether the bounds are free of contradictions.
    fn advance(&mut self, targets: &[FrameTarget], dt: Option<f64>, sound: bool) -> Status {
        let same = self.needed.prepare(&self.body, targets);
        if !(same && self.is_fresh) {
            self.look();
        }
        self.assemble(targets);
        self.fill_rows(dt);
        let (solved, feasible) = self.find_step(dt);
        self.start.copy_from_slice(&self.positions);
        let before_m = self.collision.as_ref().map_or(f64::INFINITY, Collision::least_m);
        self.move_on();
        self.look();
        let shortened = self.shorten(before_m);
        self.is_fresh = true;
        self.measure(targets);
        let feasible = feasible && sound && !(shortened && self.motion.is_accelerated && dt.is_some());
        self.judge(solved, feasible, shortened || self.is_limited())
    }

    /// Brings poses and distances to `self.positions`.
    fn look(&mut self) {
        self.poses.update_some(&self.body, &self.positions, self.needed.order());
        if let Some(collision) = &mut self.collision {
            collision.measure(&self.poses);
        }
    }

    fn move_on(&mut self) {
        limits::take_step(self.inner.variables(), &self.inner_step, &mut self.positions);
        self.body.apply_mimics(&mut self.positions);
    }

    fn fill_rows(&mut self, dt: Option<f64>) {
        let Some(collision) = &mut self.collision else { return };
        let acceleration =
            dt.filter(|_| self.motion.is_accelerated).map(|dt| (&self.motion.acceleration[..], dt));
        let bounds = (&self.lower[..], &self.upper[..]);
        collision.fill_rows(&self.body, &self.inner, &self.poses, bounds, acceleration);
    }

    /// Fills the step; whether the program was solved, and whether all its constraints could be had.
    fn find_step(&mut self, dt: Option<f64>) -> (bool, bool) {
        let mut status = self.solve_program();
        let feasible = status != QpStatus::Infeasible;
        if !feasible && let Some(collision) = &mut self.collision {
            collision.relax();
            if let Some(dt) = dt.filter(|_| self.motion.is_accelerated) {
                self.bound(dt, false);
            }
            status = self.solve_program();
        }
        if status != QpStatus::Solved {
            self.brake();
            return (false, feasible);
        }
        let bounds = self.lower.iter().zip(&self.upper);
        for ((step, &wanted), (&lower, &upper)) in self.inner_step.iter_mut().zip(self.qp.x()).zip(bounds) {
            *step = wanted.clamp(lower, upper);
        }
        (true, feasible)
    }

    fn solve_program(&mut self) -> QpStatus {
        let (rows, row_lower) = match &self.collision {
            Some(collision) => (&collision.rows[..], &collision.row_lower[..]),
            None => (&[][..], &[][..]),
        };
        self.qp.solve(&QpProblem {
            hessian: &self.hessian,
            gradient: &self.gradient,
            lower: &self.lower,
            upper: &self.upper,
            rows,
            row_lower,
        })
    }

    /// The shortest step within the bounds.
    fn brake(&mut self) {
        for (step, (&lower, &upper)) in self.inner_step.iter_mut().zip(self.lower.iter().zip(&self.upper)) {
            *step = 0.0_f64.clamp(lower, upper);
        }
    }

    /// Halves a step after which links are nearer than the rows meant, and gives it up after some halvings. Whether it did.
    fn shorten(&mut self, before_m: f64) -> bool {
        let Some(collision) = &self.collision else { return false };
        let floor_m = collision.floor_m().min(before_m - 1e-9);
        for halving in 0..=MAX_HALVINGS {
            if self.collision.as_ref().is_none_or(|collision| collision.least_m() >= floor_m) {
                return halving > 0;
            }
            let share = if halving == MAX_HALVINGS { 0.0 } else { 0.5 };
            self.inner_step.iter_mut().for_each(|step| *step *= share);
            self.positions.copy_from_slice(&self.start);
            self.move_on();
            self.look();
        }
        true
    }

    fn is_limited(&self) -> bool {
        let bounds = self.lower.iter().zip(&self.upper);
        let at_bound =
            self.inner_step.iter().zip(bounds).any(|(step, (lower, upper))| step == lower || step == upper);
        at_bound || self.qp.holds_rows()
    }

    fn judge(&self, solved: bool, feasible: bool, limited: bool) -> Status {
        /// A step shorter than this, rad or m, is none.
        const STILL: f64 = 1e-5;
        let reached = |residual: &Residual| {
            residual.position_m <= self.options.tolerance_m
                && residual.orientation_rad <= self.options.tolerance_rad
        };
        if !feasible {
            Status::Infeasible
        } else if self.residuals.iter().all(reached) {
            Status::Converged
        } else if limited {
            Status::Limited
        } else if !solved || self.inner_step.iter().all(|step| step.abs() < STILL) {
            Status::Stalled
        } else {
            Status::Moving
        }
    }
}
