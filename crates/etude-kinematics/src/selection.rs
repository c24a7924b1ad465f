//! Which joints may move: the columns of Jacobians and the variables of inverse kinematics.
//!
//! A follower is no variable: it adds to the column of its source.

use nalgebra::{Matrix6xX, Vector3, Vector6};

use crate::body::{Body, FrameId, JointId, JointKind};
use crate::forward::Poses;

/// Joints that cannot be selected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectionError {
    /// Only revolute and prismatic joints can be variables.
    #[error("joint \"{joint}\": expected a revolute or prismatic joint, found {kind:?}")]
    NotScalar {
        /// The joint.
        joint: String,
        /// How it moves.
        kind: JointKind,
    },
    /// No joint was selected.
    #[error("expected at least one joint, found none")]
    Empty,
}

/// One variable: an independent joint with what it may do once its followers are heeded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Variable {
    /// The joint.
    pub joint: JointId,
    /// Its place in an array of positions.
    pub position_index: usize,
    /// Whether it turns (rad) or slides (m).
    pub kind: JointKind,
    /// Lowest position at which neither it nor a follower passes a limit, rad or m.
    pub lower: f64,
    /// Highest such position, rad or m.
    pub upper: f64,
    /// Highest such speed, rad/s or m/s; infinite where no limit is stated.
    pub velocity: f64,
}

/// One joint on the way from the world to another one, and the variable that moves it.
#[derive(Debug, Clone, Copy)]
struct Step {
    column: usize,
    joint: usize,
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
    /// Selects joints. A follower selects its source; a joint named twice counts once.
    pub fn new(body: &Body, joints: &[JointId]) -> Result<Self, SelectionError> {
        let mut variables: Vec<Variable> = Vec::with_capacity(joints.len());
        let mut column_of = vec![None; body.joint_data().len()];
        for &joint in joints {
            let joint = body.mimic(joint).map_or(joint, |mimic| mimic.source);
            let kind = body.kind(joint);
            if !kind.is_scalar() {
                return Err(SelectionError::NotScalar { joint: body.joint_name(joint).to_owned(), kind });
            }
            if column_of[joint.index()].is_none() {
                column_of[joint.index()] = Some(variables.len());
                variables.push(variable(body, joint));
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
            let data = &joints[step.joint];
            let axis = poses.axis_in_world(step.joint, data) * step.multiplier;
            let (linear, angular) = if data.kind == JointKind::Prismatic {
                (axis, Vector3::zeros())
            } else {
                (axis.cross(&(point - poses.origin_in_world(step.joint))), axis)
            };
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
    Variable { joint, position_index, kind: body.kind(joint), lower, upper, velocity }
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
            steps.push(Step { column, joint: joint.index(), multiplier });
            steps[start..].sort_by_key(|step| step.column);
        }
        ranges.push((start, steps.len()));
    }
    (steps, ranges)
}
