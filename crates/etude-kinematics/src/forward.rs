//! Forward kinematics: where every joint and frame of a body is.

use nalgebra::{Isometry3, Quaternion, Translation3, UnitQuaternion, Vector3};

use crate::body::{Body, FrameId, Joint, JointId, JointKind};

/// Poses of all joints of one body for one set of positions. Made once, updated in place.
#[derive(Debug, Clone)]
pub struct Poses {
    world_from_joint: Vec<Isometry3<f64>>,
    /// Axes of revolute and prismatic joints in the world.
    axes: Vec<Vector3<f64>>,
}

impl Poses {
    /// Poses of the body at rest.
    pub fn new(body: &Body) -> Self {
        let joints = body.joint_data().len();
        let mut poses = Self {
            world_from_joint: vec![Isometry3::identity(); joints],
            axes: vec![Vector3::zeros(); joints],
        };
        poses.update(body, body.rest());
        poses
    }

    /// Poses of no joint.
    pub(crate) fn empty() -> Self {
        Self { world_from_joint: Vec::new(), axes: Vec::new() }
    }

    /// Moves every joint to `positions` (layout of [`Body::position_len`]).
    ///
    /// # Panics
    /// Where `positions` has another length, or these poses were made for a smaller body.
    pub fn update(&mut self, body: &Body, positions: &[f64]) {
        assert_eq!(positions.len(), body.position_len(), "positions have the body's layout");
        for (index, joint) in body.joint_data().iter().enumerate().skip(1) {
            self.place(index, joint, positions);
        }
    }

    /// Moves only the joints of `order` (parents first) and leaves all others where they were.
    pub(crate) fn update_some(&mut self, body: &Body, positions: &[f64], order: &[usize]) {
        let joints = body.joint_data();
        for &index in order {
            self.place(index, &joints[index], positions);
        }
    }

    fn place(&mut self, index: usize, joint: &Joint, positions: &[f64]) {
        let world_from_fixed = self.world_from_joint[joint.parent] * joint.fixed;
        let values = &positions[joint.position_index..];
        self.world_from_joint[index] = match joint.kind {
            JointKind::Fixed => world_from_fixed,
            JointKind::Revolute => {
                self.axes[index] = world_from_fixed.rotation * joint.axis.into_inner();
                let turn = UnitQuaternion::from_axis_angle(&joint.axis, values[0] - joint.reference);
                Isometry3::from_parts(world_from_fixed.translation, world_from_fixed.rotation * turn)
            }
            JointKind::Prismatic => {
                self.axes[index] = world_from_fixed.rotation * joint.axis.into_inner();
                let shift = self.axes[index] * (values[0] - joint.reference);
                Isometry3::from_parts(
                    (world_from_fixed.translation.vector + shift).into(),
                    world_from_fixed.rotation,
                )
            }
            JointKind::Ball => {
                let turn = unit_quaternion(&values[..4]);
                Isometry3::from_parts(world_from_fixed.translation, world_from_fixed.rotation * turn)
            }
            JointKind::Free => {
                let shift = Translation3::new(values[0], values[1], values[2]);
                world_from_fixed * Isometry3::from_parts(shift, unit_quaternion(&values[3..7]))
            }
        };
    }

    /// Pose of a joint's frame in the world.
    pub fn world_from_joint(&self, joint: JointId) -> &Isometry3<f64> {
        &self.world_from_joint[joint.index()]
    }

    /// Pose of a frame in the world.
    pub fn world_from_frame(&self, body: &Body, frame: FrameId) -> Isometry3<f64> {
        let frame = body.frame_of(frame);
        self.world_from_joint[frame.joint.index()] * frame.frame_in_joint
    }

    /// The axis in the world (unit length) of a revolute or prismatic joint.
    pub(crate) fn axis_in_world(&self, index: usize) -> &Vector3<f64> {
        &self.axes[index]
    }

    /// One of the joint's own axes in the world.
    pub(crate) fn own_axis_in_world(&self, index: usize, axis: usize) -> Vector3<f64> {
        self.world_from_joint[index].rotation * Vector3::ith(axis, 1.0)
    }

    /// One of the axes, in the world, of the frame that a free joint's position is given in.
    pub(crate) fn base_axis_in_world(&self, joint: &Joint, axis: usize) -> Vector3<f64> {
        self.world_from_joint[joint.parent].rotation * (joint.fixed.rotation * Vector3::ith(axis, 1.0))
    }

    pub(crate) fn pose_of(&self, index: usize) -> &Isometry3<f64> {
        &self.world_from_joint[index]
    }

    pub(crate) fn origin_in_world(&self, index: usize) -> &Vector3<f64> {
        &self.world_from_joint[index].translation.vector
    }
}

/// The rotation of (w, x, y, z), scaled to unit length; none where all are zero, as in MuJoCo.
pub(crate) fn unit_quaternion(wxyz: &[f64]) -> UnitQuaternion<f64> {
    let quaternion = Quaternion::new(wxyz[0], wxyz[1], wxyz[2], wxyz[3]);
    UnitQuaternion::try_new(quaternion, 1e-12).unwrap_or_else(UnitQuaternion::identity)
}
