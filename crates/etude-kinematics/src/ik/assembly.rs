//! The quadratic cost of one step: errors of the frames, posture, damping.

use nalgebra::{Isometry3, UnitQuaternion, Vector3, Vector6};

use super::{FrameTarget, Ik, Residual, weights};
use crate::body::{Body, FrameId};

/// The joints whose poses the targets need, parents first; kept while the targets' frames stay the same.
#[derive(Debug, Clone)]
pub(super) struct Needed {
    frames: Vec<FrameId>,
    order: Vec<usize>,
    marks: Vec<bool>,
}

impl Needed {
    pub(super) fn new(body: &Body) -> Self {
        let joints = body.joint_data().len();
        Self {
            frames: Vec::with_capacity(super::MAX_TARGETS),
            order: Vec::with_capacity(joints),
            marks: vec![false; joints],
        }
    }

    pub(super) fn prepare(&mut self, body: &Body, targets: &[FrameTarget]) {
        if self.frames.iter().eq(targets.iter().map(|target| &target.frame)) {
            return;
        }
        self.frames.clear();
        self.marks.fill(false);
        for target in targets {
            self.frames.push(target.frame);
            let mut joint = body.frame_of(target.frame).joint.index();
            while joint != 0 && !self.marks[joint] {
                self.marks[joint] = true;
                joint = body.joint_data()[joint].parent;
            }
        }
        self.order.clear();
        self.order
            .extend(self.marks.iter().enumerate().filter(|&(_, &marked)| marked).map(|(index, _)| index));
    }

    pub(super) fn order(&self) -> &[usize] {
        &self.order
    }
}

impl Ik {
    /// Fills the Hessian's lower triangle and the gradient at `self.positions`; poses must be up to date.
    pub(super) fn assemble(&mut self, targets: &[FrameTarget]) {
        let n = self.selection.len();
        self.hessian.fill(0.0);
        self.gradient.fill(0.0);
        let mut squared_error = 0.0;
        for target in targets {
            let (position_weight, orientation_weight) = weights(target);
            let world_from_frame = self.poses.world_from_frame(&self.body, target.frame);
            let (position, orientation) = errors(target, &world_from_frame);
            let weigh = |linear: Vector3<f64>, angular: Vector3<f64>| {
                let (linear, angular) = (position_weight * linear, orientation_weight * angular);
                Vector6::new(linear.x, linear.y, linear.z, angular.x, angular.y, angular.z)
            };
            let weighted = weigh(position, orientation);
            squared_error +=
                position.dot(&weighted.fixed_rows::<3>(0)) + orientation.dot(&weighted.fixed_rows::<3>(3));
            let columns = &mut self.columns;
            columns.clear();
            let joint = self.body.frame_of(target.frame).joint;
            let origin = world_from_frame.translation.vector;
            self.selection.for_each_column(&self.body, &self.poses, joint, &origin, |column, twist| {
                columns.push((column, twist));
            });
            for (place, (row, twist)) in columns.iter().enumerate() {
                let weighted_twist = weigh(twist.fixed_rows::<3>(0).into(), twist.fixed_rows::<3>(3).into());
                self.gradient[*row] -= twist.dot(&weighted);
                // Columns come in ascending order, so these are all in the lower triangle.
                for (column, other) in &columns[..=place] {
                    self.hessian[row * n + column] += weighted_twist.dot(other);
                }
            }
        }
        let damping = self.options.damping * squared_error + self.options.damping_floor;
        let pull = self.posture_weight * self.posture_weight;
        for (index, variable) in self.selection.variables().iter().enumerate() {
            self.hessian[index * n + index] += damping + pull;
            self.gradient[index] -= pull * (self.posture[index] - self.positions[variable.position_index]);
        }
    }

    /// Fills the residuals at `self.positions`; poses must be up to date.
    pub(super) fn measure(&mut self, targets: &[FrameTarget]) {
        self.residuals.clear();
        for target in targets {
            let world_from_frame = self.poses.world_from_frame(&self.body, target.frame);
            let (position, orientation) = errors(target, &world_from_frame);
            let own_orientation = target.world_from_frame.rotation.inverse() * orientation;
            self.residuals.push(Residual {
                position_m: held(position, target.position_axes, target.position_weight),
                orientation_rad: held(own_orientation, target.orientation_axes, target.orientation_weight),
            });
        }
    }
}

fn held(error: Vector3<f64>, axes: [bool; 3], weight: f64) -> f64 {
    if weight == 0.0 {
        return 0.0;
    }
    error.iter().zip(axes).filter(|&(_, held)| held).map(|(value, _)| value * value).sum::<f64>().sqrt()
}

/// Way from the frame to its target: m and rotation vector in rad, both in the world's axes.
fn errors(target: &FrameTarget, world_from_frame: &Isometry3<f64>) -> (Vector3<f64>, Vector3<f64>) {
    let position = target.world_from_frame.translation.vector - world_from_frame.translation.vector;
    let rotation: UnitQuaternion<f64> =
        target.world_from_frame.rotation * world_from_frame.rotation.inverse();
    (position, rotation.scaled_axis())
}
