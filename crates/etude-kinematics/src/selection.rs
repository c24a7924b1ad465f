//! Which joints may move: the columns of Jacobians and the variables of inverse kinematics.
//!
//! A follower is no variable: it adds to the column of its source. A ball joint is three variables, a free joint six:
//! the components of its velocity as MuJoCo orders them, linear along the axes of the frame in which the joint's position is
//! given, then angular about the joint's own axes.

use nalgebra::{Matrix6xX, Vector3, Vector6};

use crate::body::{Body, FrameId, Joint, JointId, JointKind};
use crate::forward::Poses;

/// Joints that cannot be selected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectionError {
    /// A fixed joint cannot be a variable.
    #[error("joint \"{joint}\": expected a joint that moves, found {kind:?}")]
    NotMoving {
        /// The joint.
        joint: String,
        /// How it moves.
        kind: JointKind,
    },
    /// No joint was selected.
    #[error("expected at least one joint, found none")]
    Empty,
}

/// One variable: an independent joint, or one component of a ball or free joint, with what it may do once its followers
/// are heeded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Variable {
    /// The joint.
    pub joint: JointId,
    /// Place of the joint's first value in an array of positions. One number is there for a revolute or prismatic joint;
    /// see [`JointKind::position_len`] for the others.
    pub position_index: usize,
    /// How the joint moves.
    pub kind: JointKind,
    /// Which component of a ball joint (0 to 2) or a free joint (0 to 5) this is; 0 for other joints.
    pub component: usize,
    /// Lowest position at which neither it nor a follower passes a limit, rad or m; −∞ for ball and free joints.
    pub lower: f64,
    /// Highest such position, rad or m; +∞ for ball and free joints.
    pub upper: f64,
    /// Highest such speed, rad/s or m/s; infinite where no limit is stated.
    pub velocity: f64,
}

impl Variable {
    /// Whether a unit of it is a metre; else it is a radian.
    pub fn is_linear(&self) -> bool {
        self.kind == JointKind::Prismatic || self.kind == JointKind::Free && self.component < 3
    }

    /// Whether one number of an array of positions is this variable's.
    pub fn is_scalar(&self) -> bool {
        self.kind.is_scalar()
    }

    pub(crate) fn position(&self, positions: &[f64]) -> f64 {
        if self.is_scalar() { positions[self.position_index] } else { 0.0 }
    }
}

/// How one variable moves a joint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Motion {
    /// About the joint's axis.
    Turn,
    /// Along the joint's axis.
    Slide,
    /// About one of the joint's own axes, x, y, z.
    TurnAbout(usize),
    /// Along one of the axes of the frame that the joint's position is given in.
    SlideAlong(usize),
}

/// One joint on the way from the world to another one, and the variable that moves it.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Step {
    column: usize,
    joint: usize,
    motion: Motion,
    multiplier: f64,
}

/// A set of joints that may move.
#[derive(Debug, Clone)]
pub struct Selection {
    variables: Vec<Variable>,
    /// Steps of all joints, one after the other; within a joint sorted by column.
    steps: Vec<Step>,
    /// Where each joint's steps start and end.
    ranges: Vec<(usize, usize)>,
}

impl Selection {
    /// Selects joints. A follower selects its source; a joint named twice counts once. A ball or free joint takes several
    /// columns in a row.
    pub fn new(body: &Body, joints: &[JointId]) -> Result<Self, SelectionError> {
        let mut variables: Vec<Variable> = Vec::with_capacity(joints.len());
        let mut column_of = vec![None; body.joint_data().len()];
        for &joint in joints {
            let joint = body.mimic(joint).map_or(joint, |mimic| mimic.source);
            let kind = body.kind(joint);
            if kind == JointKind::Fixed {
                return Err(SelectionError::NotMoving { joint: body.joint_name(joint).to_owned(), kind });
            }
            if column_of[joint.index()].is_none() {
                column_of[joint.index()] = Some(variables.len());
                match kind {
                    JointKind::Ball => variables.extend((0..3).map(|index| component(body, joint, index))),
                    JointKind::Free => variables.extend((0..6).map(|index| component(body, joint, index))),
                    _ => variables.push(variable(body, joint)),
                }
            }
        }
        if variables.is_empty() {
            return Err(SelectionError::Empty);
        }
        let (steps, ranges) = steps(body, &column_of);
        Ok(Self { variables, steps, ranges })
    }

    /// The variables in the order of the columns.
    pub fn variables(&self) -> &[Variable] {
        &self.variables
    }

    /// Number of variables.
    pub fn len(&self) -> usize {
        self.variables.len()
    }

    /// Never: a selection has at least one variable.
    pub fn is_empty(&self) -> bool {
        self.variables.is_empty()
    }

    /// A matrix of the right size for [`Selection::jacobian`].
    pub fn jacobian_buffer(&self) -> Matrix6xX<f64> {
        Matrix6xX::zeros(self.len())
    }

    /// The geometric Jacobian of a frame in the world: rows are the linear velocity of the frame's origin (m/s) and its
    /// angular velocity (rad/s), columns the variables.
    ///
    /// # Panics
    /// Where `jacobian` has another number of columns.
    pub fn jacobian(&self, body: &Body, poses: &Poses, frame: FrameId, jacobian: &mut Matrix6xX<f64>) {
        assert_eq!(jacobian.ncols(), self.len(), "the Jacobian has one column per variable");
        jacobian.fill(0.0);
        let origin = poses.world_from_frame(body, frame).translation.vector;
        self.for_each_column(body, poses, body.frame_of(frame).joint, &origin, |column, twist| {
            jacobian.set_column(column, &twist);
        });
    }

    /// The columns that move `joint`, ascending, each once.
    pub(crate) fn columns_of(&self, joint: usize) -> impl Iterator<Item = usize> + '_ {
        let (start, end) = self.ranges[joint];
        let mut last = None;
        let columns = self.steps[start..end].iter().map(|step| step.column);
        columns.filter(move |&column| last.replace(column) != Some(column))
    }

    /// How many of the last steps of two joints are the same, so that they move both alike.
    pub(crate) fn shared_steps(&self, one: usize, other: usize) -> usize {
        let steps = |joint: usize| {
            let (start, end) = self.ranges[joint];
            self.steps[start..end].iter().rev()
        };
        steps(one).zip(steps(other)).take_while(|(one, other)| one == other).count()
    }

    /// Adds to `row` the speed along `direction` of a point carried by `joint`, per unit of each variable and times `sign`;
    /// the last `shared` steps are left out.
    pub(crate) fn add_speeds(
        &self,
        body: &Body,
        poses: &Poses,
        (joint, shared): (usize, usize),
        (point, direction): (&Vector3<f64>, &Vector3<f64>),
        sign: f64,
        row: &mut [f64],
    ) {
        let (start, end) = self.ranges[joint];
        for step in &self.steps[start..end - shared] {
            let linear = velocity(poses, step, &body.joint_data()[step.joint], point).0;
            row[step.column] += sign * direction.dot(&linear);
        }
    }

    /// The first column of each row of a matrix `JᵀJ` that may differ from zero below its diagonal, whatever the frames.
    pub(crate) fn envelope(&self, body: &Body) -> Vec<usize> {
        let mut first: Vec<usize> = (0..self.len()).collect();
        for joint in 0..body.joint_data().len() {
            let Some(least) = self.columns_of(joint).next() else { continue };
            for column in self.columns_of(joint) {
                first[column] = first[column].min(least);
            }
        }
        first
    }

    /// Calls `visit` once per variable that moves `joint`, in the order of the columns, with the velocity
    /// (linear at `point`, angular) that a unit of it causes.
    pub(crate) fn for_each_column(
        &self,
        body: &Body,
        poses: &Poses,
        joint: JointId,
        point: &Vector3<f64>,
        mut visit: impl FnMut(usize, Vector6<f64>),
    ) {
        let (start, end) = self.ranges[joint.index()];
        let joints = body.joint_data();
        let mut open: Option<(usize, Vector6<f64>)> = None;
        for step in &self.steps[start..end] {
            let (linear, angular) = velocity(poses, step, &joints[step.joint], point);
            let twist = Vector6::new(linear.x, linear.y, linear.z, angular.x, angular.y, angular.z);
            open = match open {
                Some((column, sum)) if column == step.column => Some((column, sum + twist)),
                finished => {
                    if let Some((column, sum)) = finished {
                        visit(column, sum);
                    }
                    Some((step.column, twist))
                }
            };
        }
        if let Some((column, sum)) = open {
            visit(column, sum);
        }
    }
}

/// Velocity of `point`, linear and angular in the world, per unit of one step.
#[inline]
fn velocity(poses: &Poses, step: &Step, joint: &Joint, point: &Vector3<f64>) -> (Vector3<f64>, Vector3<f64>) {
    let about = |axis: Vector3<f64>| (axis.cross(&(point - poses.origin_in_world(step.joint))), axis);
    match step.motion {
        Motion::Turn => about(poses.axis_in_world(step.joint) * step.multiplier),
        Motion::Slide => (poses.axis_in_world(step.joint) * step.multiplier, Vector3::zeros()),
        Motion::TurnAbout(axis) => about(poses.own_axis_in_world(step.joint, axis)),
        Motion::SlideAlong(axis) => (poses.base_axis_in_world(joint, axis), Vector3::zeros()),
    }
}

/// One component of a ball or free joint.
fn component(body: &Body, joint: JointId, component: usize) -> Variable {
    Variable {
        joint,
        position_index: body.joint_data()[joint.index()].position_index,
        kind: body.kind(joint),
        component,
        lower: f64::NEG_INFINITY,
        upper: f64::INFINITY,
        velocity: body.limits(joint).velocity,
    }
}

/// A joint's own limits, narrowed by those of its followers.
fn variable(body: &Body, joint: JointId) -> Variable {
    let own = body.limits(joint);
    let (mut lower, mut upper, mut velocity) = (own.lower, own.upper, own.velocity);
    for follower in body.joints() {
        let Some(mimic) = body.mimic(follower).filter(|mimic| mimic.source == joint) else { continue };
        let limits = body.limits(follower);
        if mimic.multiplier == 0.0 {
            continue;
        }
        let one = (limits.lower - mimic.offset) / mimic.multiplier;
        let other = (limits.upper - mimic.offset) / mimic.multiplier;
        let (low, high) = (lower.max(one.min(other)), upper.min(one.max(other)));
        // Vendors state followers' ranges loosely; a range that shares nothing with the source's own says nothing.
        if low <= high {
            (lower, upper) = (low, high);
        }
        velocity = velocity.min(limits.velocity / mimic.multiplier.abs());
    }
    let position_index = body.joint_data()[joint.index()].position_index;
    Variable { joint, position_index, kind: body.kind(joint), component: 0, lower, upper, velocity }
}

fn steps(body: &Body, column_of: &[Option<usize>]) -> (Vec<Step>, Vec<(usize, usize)>) {
    let mut steps: Vec<Step> = Vec::new();
    let mut ranges = vec![(0, 0)];
    for joint in body.joints() {
        let start = steps.len();
        let (above_start, above_end) = ranges[body.joint_data()[joint.index()].parent];
        steps.extend_from_within(above_start..above_end);
        let (source, multiplier) =
            body.mimic(joint).map_or((joint, 1.0), |mimic| (mimic.source, mimic.multiplier));
        if let Some(column) = column_of[source.index()] {
            let index = joint.index();
            let step =
                |offset: usize, motion| Step { column: column + offset, joint: index, motion, multiplier };
            match body.kind(joint) {
                JointKind::Prismatic => steps.push(step(0, Motion::Slide)),
                JointKind::Ball => steps.extend((0..3).map(|axis| step(axis, Motion::TurnAbout(axis)))),
                JointKind::Free => {
                    steps.extend((0..3).map(|axis| step(axis, Motion::SlideAlong(axis))));
                    steps.extend((0..3).map(|axis| step(3 + axis, Motion::TurnAbout(axis))));
                }
                JointKind::Fixed | JointKind::Revolute => steps.push(step(0, Motion::Turn)),
            }
            steps[start..].sort_by_key(|step| step.column);
        }
        ranges.push((start, steps.len()));
    }
    (steps, ranges)
}
