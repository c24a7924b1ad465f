//! One of a simulation's robots: what its driver reads and commands.
//!
//! Names are those of the robot's card and model, without the prefix that they have in the scene.

use super::index::RobotIndex;
use super::{Data, SimError, no_such, touch};
use crate::compose::{ComposeError, Placed, name_in_scene};
use crate::frame::{isometry_of, pose_from, pose_of};
use etude_model::card::Side;
use etude_model::sample::{Imu, Wrench};
use etude_model::{Card, Pose};
use mujoco_rs::prelude::*;

/// A robot in a scene.
#[derive(Debug)]
pub(super) struct Robot {
    pub(super) card: Card,
    pub(super) prefix: String,
    base: Pose,
    index: RobotIndex,
}

impl Robot {
    pub(super) fn new(model: &MjModel, placed: &Placed) -> Result<Self, ComposeError> {
        Ok(Self {
            card: placed.card.clone(),
            prefix: placed.prefix.clone(),
            base: placed.base()?,
            index: RobotIndex::new(model, placed)?,
        })
    }

    /// Every joint at its home, every servo holding it there.
    pub(super) fn go_home(&self, data: &mut Data) {
        for (joint, place) in self.card.joints.iter().zip(&self.index.joints) {
            data.qpos_mut()[place.position] = joint.home;
            data.ctrl_mut()[place.servo] = joint.home;
        }
    }

    /// Every joint where `positions` (card order) says, without any motion.
    pub(super) fn set_positions(&self, data: &mut Data, positions: &[f64]) {
        for (position, place) in positions.iter().zip(&self.index.joints) {
            data.qpos_mut()[place.position] = *position;
        }
    }
}

/// What one of a simulation's robots is, does and feels.
///
/// Joint arrays are in the order of the robot's card, in rad (revolute) or m (prismatic).
#[derive(Clone, Copy, Debug)]
pub struct RobotView<'a> {
    pub(super) robot: &'a Robot,
    pub(super) data: &'a Data,
}

/// One of a simulation's robots, to be commanded.
#[derive(Debug)]
pub struct RobotMut<'a> {
    pub(super) robot: &'a Robot,
    pub(super) data: &'a mut Data,
}

impl RobotMut<'_> {
    /// The same robot, to be read.
    pub fn view(&self) -> RobotView<'_> {
        RobotView { robot: self.robot, data: self.data }
    }

    /// Sets where every servo drives its joint, \[joint\], rad or m, card order. Targets beyond the card's limits are
    /// held at them; entries of joints that follow another are not looked at. A refused array changes nothing.
    pub fn set_joint_targets(&mut self, targets: &[f64]) -> Result<(), SimError> {
        let Robot { card, index, .. } = self.robot;
        if targets.len() != index.joints.len() {
            return Err(SimError::Count { expected: index.joints.len(), found: targets.len() });
        }
        let joints = &card.joints;
        if let Some((joint, value)) =
            joints.iter().zip(targets).find(|(joint, value)| joint.mimic.is_none() && !value.is_finite())
        {
            return Err(SimError::NotANumber { joint: joint.name.clone(), value: *value });
        }
        for ((joint, place), target) in joints.iter().zip(&index.joints).zip(targets) {
            let target = match &place.follows {
                Some((leader, mimic)) => targets[*leader] * mimic.ratio + mimic.offset,
                None => *target,
            };
            let [low, high] = joint.position;
            self.data.ctrl_mut()[place.servo] = target.clamp(low, high);
        }
        Ok(())
    }
}

impl<'a> RobotView<'a> {
    /// The robot's card.
    pub fn card(&self) -> &'a Card {
        &self.robot.card
    }

    /// What stands, with a `/`, before the robot's names in the scene.
    pub fn prefix(&self) -> &'a str {
        &self.robot.prefix
    }

    /// Number of joints, as on the card.
    pub fn joint_count(&self) -> usize {
        self.robot.index.joints.len()
    }

    /// Fills positions, \[joint\], rad or m, card order; a shorter slice takes the first ones.
    pub fn joint_positions(&self, into: &mut [f64]) {
        for (value, place) in into.iter_mut().zip(&self.robot.index.joints) {
            *value = self.data.qpos()[place.position];
        }
    }

    /// Fills velocities, \[joint\], rad/s or m/s, card order; a shorter slice takes the first ones.
    pub fn joint_velocities(&self, into: &mut [f64]) {
        for (value, place) in into.iter_mut().zip(&self.robot.index.joints) {
            *value = self.data.qvel()[place.velocity];
        }
    }

    /// Fills what the servos exert, \[joint\], N m or N, card order (without the torque that carries the arm's own
    /// weight); a shorter slice takes the first ones.
    pub fn joint_efforts(&self, into: &mut [f64]) {
        for (value, place) in into.iter_mut().zip(&self.robot.index.joints) {
            *value = self.data.actuator_force()[place.servo];
        }
    }

    /// A wrist's force and torque in the sensor's frame, as the arm feels them: what hand and load press on the arm,
    /// with the hand's own weight.
    pub fn wrench(&self, name: &str) -> Result<Wrench, SimError> {
        let [force, torque] = self.robot.index.pair(name).ok_or_else(|| no_such("wrench sensor", name))?;
        let negated = |values: [f64; 3]| values.map(|value| -value);
        Ok(Wrench {
            force_n: negated(self.vector(force)),
            torque_n_m: negated(self.vector(torque)),
            tared: false,
        })
    }

    /// An inertial sensor's rates and accelerations in its frame; at rest the acceleration is 9.81 m/s² upwards.
    pub fn imu(&self, name: &str) -> Result<Imu, SimError> {
        let index = &self.robot.index;
        let [gyro, accelerometer] = index.pair(name).ok_or_else(|| no_such("inertial sensor", name))?;
        if let Some(site) = index.fixed_imu(name) {
            // MuJoCo computes nothing for what cannot move; a real sensor there still feels gravity.
            let axes = self.data.site_xmat()[site];
            let up = self.data.model().opt().gravity.map(|value| -value);
            let along = |column: usize| (0..3).map(|row| axes[3 * row + column] * up[row]).sum();
            return Ok(Imu { linear_acceleration_m_s2: [along(0), along(1), along(2)], ..Imu::default() });
        }
        Ok(Imu {
            angular_velocity_rad_s: self.vector(gyro),
            linear_acceleration_m_s2: self.vector(accelerometer),
        })
    }

    /// Three numbers of the sensor array.
    fn vector(&self, at: usize) -> [f64; 3] {
        let data = self.data.sensordata();
        std::array::from_fn(|axis| data[at + axis])
    }

    /// Fills a tactile sensor's taxels, f32, N, \[row, column\]: rows along the sensor's x, columns along its y, over the
    /// square of the card's `radius_m`. Each contact's normal force goes to the four taxels around it.
    pub fn tactile(&self, name: &str, into: &mut Vec<f32>) -> Result<(), SimError> {
        let zone = self.robot.index.touch.get(name).ok_or_else(|| no_such("tactile sensor", name))?;
        touch::read(self.data, zone, into);
        Ok(())
    }

    /// Pose of one of the robot's bodies in the world, by its name in the robot's model.
    pub fn body_pose(&self, name: &str) -> Result<Pose, SimError> {
        let id = self
            .data
            .model()
            .name_to_id(MjtObjBase::mjOBJ_BODY, &name_in_scene(&self.robot.prefix, name))
            .ok_or_else(|| no_such("body", name))?;
        Ok(pose_of(self.data.xpos()[id], self.data.xquat()[id]))
    }

    /// Pose of the card's grasp frame on one side, in the world.
    pub fn grasp_pose(&self, side: Side) -> Result<Pose, SimError> {
        let end = self.robot.card.end_effector(side).ok_or_else(|| no_such("end effector", side.name()))?;
        let body = self.body_pose(&end.body)?;
        Ok(pose_from(&(isometry_of(&body) * isometry_of(&end.grasp_in_body))))
    }

    /// Pose of the root of the robot's model in the world (the frame that the model file's bodies are placed in).
    pub fn base_pose(&self) -> Pose {
        self.robot.base
    }
}
