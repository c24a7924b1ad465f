//! The quadratic cost of one step: errors of the frames, posture, damping.

use nalgebra::{Vector3, Vector6};

use super::{FrameTarget, Ik, Residual};
use crate::body::{Body, FrameId};
use crate::selection::Variable;

/// A turn that is longer than this is asked for no harder, rad: to first order a long turn says little about the way. It lifted
/// random reaches with 17 joints by a point.
const LONGEST_TURN_RAD: f64 = 0.7;

/// The joints whose poses a solve needs, parents first; kept while the targets' frames stay the same.
#[derive(Debug, Clone)]
pub(super) struct Needed {
    frames: Vec<FrameId>,
    /// Joints that are needed whatever the targets.
    always: Vec<usize>,
    order: Vec<usize>,
    marks: Vec<bool>,
}

impl Needed {
    pub(super) fn new(body: &Body, always: Vec<usize>) -> Self {
        let joints = body.joint_data().len();
        let mut needed = Self {
            frames: Vec::with_capacity(super::MAX_TARGETS),
            always,
            order: Vec::with_capacity(joints),
            marks: vec![false; joints],
        };
        needed.collect(body);
        needed
    }

    /// Whether the same joints are needed as for the last targets.
    pub(super) fn prepare(&mut self, body: &Body, targets: &[FrameTarget]) -> bool {
        if self.frames.iter().eq(targets.iter().map(|target| &target.frame)) {
            return true;
        }
        self.frames.clear();
        self.frames.extend(targets.iter().map(|target| target.frame));
        self.collect(body);
        false
    }

    fn collect(&mut self, body: &Body) {
        self.marks.fill(false);
        let of_frames = self.frames.iter().map(|&frame| body.frame_of(frame).joint.index());
        body.mark_above(of_frames.chain(self.always.iter().copied()), &mut self.marks);
        self.order.clear();
        self.order.extend(self.marks.iter().enumerate().filter(|&(_, &mark)| mark).map(|(index, _)| index));
    }

    pub(super) fn order(&self) -> &[usize] {
        &self.order
    }
}

impl Ik {
    /// Fills the Hessian's lower triangle within its envelope and the gradient at `self.positions`; poses must be up to
    /// date.
    pub(super) fn assemble(&mut self, targets: &[FrameTarget]) {
        let n = self.inner.len();
        for (row, &first) in self.first.iter().enumerate() {
            self.hessian[row * n + first..=row * n + row].fill(0.0);
        }
        self.gradient.fill(0.0);
        let mut squared_error = 0.0;
        for target in targets {
            let world_from_frame = self.poses.world_from_frame(&self.body, target.frame);
            let error = target.error(&world_from_frame);
            let weights = target.weights();
            let (position, orientation) = (error.position, error.orientation);
            let weigh = |orientation: Vector3<f64>| {
                Vector6::new(position.x, position.y, position.z, orientation.x, orientation.y, orientation.z)
                    .component_mul(&weights)
            };
            squared_error += weigh(orientation).norm_squared();
            let weighted = weigh(orientation.cap_magnitude(LONGEST_TURN_RAD));
            let turns = target.orientation_weight != 0.0;
            let target_from_world = target.world_from_frame.rotation.inverse().to_rotation_matrix();
            let columns = &mut self.columns;
            columns.clear();
            let joint = self.body.frame_of(target.frame).joint;
            let origin = world_from_frame.translation.vector;
            self.inner.for_each_column(&self.body, &self.poses, joint, &origin, |column, mut twist| {
                if turns {
                    let angular = target_from_world * twist.fixed_rows::<3>(3);
                    twist.fixed_rows_mut::<3>(3).copy_from(&angular);
                }
                columns.push((column, twist.component_mul(&weights).into()));
            });
            let weighted: [f64; 6] = weighted.into();
            for (place, (row, twist)) in columns.iter().enumerate() {
                self.gradient[*row] -= dot(twist, &weighted);
                let hessian = &mut self.hessian[row * n..=row * n + row];
                // Columns come in ascending order, so these are all in the lower triangle.
                for (column, other) in &columns[..=place] {
                    hessian[*column] += dot(twist, other);
                }
            }
        }
        let damping = self.options.damping * squared_error + self.options.damping_floor;
        let pull = self.posture_weight * self.posture_weight;
        for (index, variable) in self.inner.variables().iter().enumerate() {
            let diagonal = &mut self.hessian[index * n + index];
            *diagonal += damping;
            if !variable.is_scalar() {
                continue;
            }
            let position = variable.position(&self.positions);
            let off_middle = off_middle(variable, position);
            if self.gradient[index] * off_middle < 0.0 {
                *diagonal += damping * self.options.limit_damping * off_middle.powi(6);
            }
            *diagonal += pull;
            self.gradient[index] -= pull * (self.posture[index] - position);
        }
    }

    /// Fills the residuals at `self.positions`; poses must be up to date.
    pub(super) fn measure(&mut self, targets: &[FrameTarget]) {
        self.residuals.clear();
        for target in targets {
            let world_from_frame = self.poses.world_from_frame(&self.body, target.frame);
            self.residuals.push(Residual::of(target, &target.error(&world_from_frame)));
        }
    }
}

/// Where a position is between the middle of its range, 0, and its ends, ±1; 0 where the range has no middle.
fn off_middle(variable: &Variable, position: f64) -> f64 {
    let half = (variable.upper - variable.lower) / 2.0;
    if half.is_finite() && half > 0.0 {
        ((position - variable.lower) / half - 1.0).clamp(-1.0, 1.0)
    } else {
        0.0
    }
}

/// Inner product in two lanes, which the processor works on at once.
#[inline]
fn dot(a: &[f64; 6], b: &[f64; 6]) -> f64 {
    let mut lanes = [a[0] * b[0], a[1] * b[1]];
    for pair in 1..3 {
        lanes[0] += a[2 * pair] * b[2 * pair];
        lanes[1] += a[2 * pair + 1] * b[2 * pair + 1];
    }
    lanes[0] + lanes[1]
}
