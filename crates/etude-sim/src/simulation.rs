//! A scene with a robot in it, stepped in time: what a robot's driver talks to.

mod index;
mod touch;

use crate::compose::{self, ComposeError, SimOptions, base_pose, setup_of};
use crate::frame::{isometry_of, pose_from, pose_of};
use crate::scene::{Scene, SceneTask};
use crate::task::{Progress, Tracker};
use etude_model::card::Side;
use etude_model::sample::{Imu, Wrench};
use etude_model::{Card, Pose};
use index::Index;
use mujoco_rs::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::path::Path;
use std::sync::Arc;

/// Length of a step of the physics, s.
pub const TIMESTEP_S: f64 = 0.002;

/// Steps between looks at the task.
const TRACK_EVERY: u64 = 5;

/// Steps that everything settles for when a take begins: 0.5 s.
const SETTLE_STEPS: u64 = 250;

/// A scene with a robot in it.
///
/// Joint arrays are in the card's order, in rad (revolute) or m (prismatic).
#[derive(Debug)]
pub struct Simulation {
    scene: Scene,
    card: Card,
    model: Arc<MjModel>,
    data: MjData<Arc<MjModel>>,
    index: Index,
    steps: u64,
    task: SceneTask,
    tracker: Tracker,
}

/// Positions of everything at one instant: what a [`crate::Renderer`] draws. It may go to another thread.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// Time of the simulation, s.
    pub time_s: f64,
    pub(crate) positions: Vec<f64>,
}

/// What a simulation was asked that it cannot do.
#[derive(Debug, thiserror::Error)]
pub enum SimError {
    /// A name that this simulation does not have.
    #[error("the simulation has no {kind} `{name}`")]
    NoSuch {
        /// Kind of thing.
        kind: &'static str,
        /// The name.
        name: String,
    },
    /// An array of the wrong length.
    #[error("expected {expected} joint targets, found {found}")]
    Count {
        /// Joints of the card.
        expected: usize,
        /// Length found.
        found: usize,
    },
    /// A target that is no number.
    #[error("the target of joint `{joint}` is {value}")]
    NotANumber {
        /// The joint.
        joint: String,
        /// What it is.
        value: f64,
    },
    /// The physics left the realm of numbers; the state is worthless.
    #[error("the physics diverged before {time_s} s")]
    Diverged {
        /// When it was noticed.
        time_s: f64,
    },
}

fn no_such(kind: &'static str, name: &str) -> SimError {
    SimError::NoSuch { kind, name: name.to_owned() }
}

impl Simulation {
    /// Composes a scene and a robot, and resets to the scene's first task with `seed`.
    pub fn compose(
        scene: &Scene,
        card: &Card,
        models_dir: &Path,
        options: &SimOptions,
        seed: u64,
    ) -> Result<Self, ComposeError> {
        let model = Arc::new(compose::model(scene, card, models_dir, options)?);
        let index = Index::new(&model, scene, card, base_pose(setup_of(card)?))?;
        let task = scene.description.tasks.first().cloned().ok_or_else(|| ComposeError::NotInScene {
            scene: scene.id().to_owned(),
            kind: "task",
            name: "any".into(),
        })?;
        let data = MjData::new(Arc::clone(&model));
        let mut simulation = Self {
            scene: scene.clone(),
            card: card.clone(),
            model,
            data,
            index,
            steps: 0,
            task,
            tracker: Tracker::default(),
        };
        simulation.begin(seed);
        Ok(simulation)
    }

    /// Begins anew: the robot at its home, the objects at places drawn from `seed`, half a second to settle; time 0.
    pub fn reset(&mut self, task: &str, seed: u64) -> Result<(), SimError> {
        self.task = self.scene.task(task).cloned().ok_or_else(|| no_such("task", task))?;
        self.begin(seed);
        Ok(())
    }

    fn begin(&mut self, seed: u64) {
        self.data.reset();
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        for (joint, place) in self.card.joints.iter().zip(&self.index.joints) {
            self.data.qpos_mut()[place.position] = joint.home;
            self.data.ctrl_mut()[place.servo] = joint.home;
        }
        for (follower, leader, ratio) in &self.index.couplings {
            let value = ratio * self.data.qpos()[*leader];
            self.data.qpos_mut()[*follower] = value;
        }
        for (object, place) in self.scene.description.objects.iter().zip(&self.index.objects) {
            let mut draw = |[low, high]: [f64; 2]| if high > low { rng.random_range(low..high) } else { low };
            let spawn = &object.spawn;
            let (x, y, yaw) = (draw(spawn.x_m), draw(spawn.y_m), draw(spawn.yaw_rad));
            let pose =
                [x, y, 0.5 * object.size_m[2] + 0.0005, (0.5 * yaw).cos(), 0.0, 0.0, (0.5 * yaw).sin()];
            let work = self.index.work.position_m;
            let slots = &mut self.data.qpos_mut()[place.position..place.position + 7];
            slots.copy_from_slice(&pose);
            for axis in 0..3 {
                slots[axis] += work[axis];
            }
        }
        for _ in 0..SETTLE_STEPS {
            self.data.step();
        }
        self.data.forward();
        self.steps = 0;
        self.tracker = Tracker::default();
        self.track();
    }

    /// The card of the robot.
    pub fn card(&self) -> &Card {
        &self.card
    }

    /// The scene.
    pub fn scene(&self) -> &Scene {
        &self.scene
    }

    /// The task at hand.
    pub fn task(&self) -> &SceneTask {
        &self.task
    }

    /// The physics model, for a [`crate::Renderer`].
    pub fn model(&self) -> &Arc<MjModel> {
        &self.model
    }

    /// Number of joints, as on the card.
    pub fn joint_count(&self) -> usize {
        self.index.joints.len()
    }

    /// Time since the last reset, s.
    pub fn time_s(&self) -> f64 {
        self.steps as f64 * TIMESTEP_S
    }

    /// Sets where every servo drives its joint, \[joint\], rad or m, card order. Targets beyond the card's limits are
    /// held at them; entries of joints that follow another are not looked at.
    pub fn set_joint_targets(&mut self, targets: &[f64]) -> Result<(), SimError> {
        if targets.len() != self.index.joints.len() {
            return Err(SimError::Count { expected: self.index.joints.len(), found: targets.len() });
        }
        let joints = &self.card.joints;
        if let Some((joint, value)) =
            joints.iter().zip(targets).find(|(joint, value)| joint.mimic.is_none() && !value.is_finite())
        {
            return Err(SimError::NotANumber { joint: joint.name.clone(), value: *value });
        }
        for ((joint, place), target) in joints.iter().zip(&self.index.joints).zip(targets) {
            let target = match &place.follows {
                Some((leader, mimic)) => targets[*leader] * mimic.ratio + mimic.offset,
                None => *target,
            };
            let [low, high] = joint.position;
            self.data.ctrl_mut()[place.servo] = target.clamp(low, high);
        }
        Ok(())
    }

    /// Makes `count` steps of [`TIMESTEP_S`].
    pub fn step(&mut self, count: u64) -> Result<(), SimError> {
        for _ in 0..count {
            self.data.step();
            self.steps += 1;
            if self.steps.is_multiple_of(TRACK_EVERY) {
                self.track();
            }
        }
        let diverged = self.data.warning().iter().zip(0..).any(|(warning, kind)| {
            let bad = [
                mujoco_rs::mujoco_c::mjtWarning::mjWARN_BADQPOS as usize,
                mujoco_rs::mujoco_c::mjtWarning::mjWARN_BADQVEL as usize,
                mujoco_rs::mujoco_c::mjtWarning::mjWARN_BADQACC as usize,
            ];
            bad.contains(&kind) && warning.number > 0
        });
        if diverged { Err(SimError::Diverged { time_s: self.time_s() }) } else { Ok(()) }
    }

    /// Steps until [`Simulation::time_s`] is at least `time_s` (to half a step).
    pub fn step_until(&mut self, time_s: f64) -> Result<(), SimError> {
        let goal = (time_s / TIMESTEP_S).round().max(0.0) as u64;
        self.step(goal.saturating_sub(self.steps))
    }

    /// Fills positions, \[joint\], rad or m, card order; a shorter slice takes the first ones.
    pub fn joint_positions(&self, into: &mut [f64]) {
        for (value, place) in into.iter_mut().zip(&self.index.joints) {
            *value = self.data.qpos()[place.position];
        }
    }

    /// Fills velocities, \[joint\], rad/s or m/s, card order; a shorter slice takes the first ones.
    pub fn joint_velocities(&self, into: &mut [f64]) {
        for (value, place) in into.iter_mut().zip(&self.index.joints) {
            *value = self.data.qvel()[place.velocity];
        }
    }

    /// Fills what the servos exert, \[joint\], N m or N, card order (without the torque that carries the arm's own
    /// weight); a shorter slice takes the first ones.
    pub fn joint_efforts(&self, into: &mut [f64]) {
        for (value, place) in into.iter_mut().zip(&self.index.joints) {
            *value = self.data.actuator_force()[place.servo];
        }
    }

    /// A wrist's force and torque in the sensor's frame, as the arm feels them: what hand and load press on the arm,
    /// with the hand's own weight.
    pub fn wrench(&self, name: &str) -> Result<Wrench, SimError> {
        let [force, torque] = self.index.pair(name).ok_or_else(|| no_such("wrench sensor", name))?;
        let negated = |values: [f64; 3]| values.map(|value| -value);
        Ok(Wrench {
            force_n: negated(self.vector(force)),
            torque_n_m: negated(self.vector(torque)),
            tared: false,
        })
    }

    /// An inertial sensor's rates and accelerations in its frame; at rest the acceleration is 9.81 m/s² upwards.
    pub fn imu(&self, name: &str) -> Result<Imu, SimError> {
        let [gyro, accelerometer] = self.index.pair(name).ok_or_else(|| no_such("inertial sensor", name))?;
        if let Some(site) = self.index.fixed_imu(name) {
            // MuJoCo computes nothing for what cannot move; a real sensor there still feels gravity.
            let axes = self.data.site_xmat()[site];
            let up = self.model.opt().gravity.map(|value| -value);
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
        let zone = self.index.touch.get(name).ok_or_else(|| no_such("tactile sensor", name))?;
        touch::read(&self.data, zone, into);
        Ok(())
    }

    /// Pose of one of the robot's bodies in the world, by its name in the robot's model.
    pub fn body_pose(&self, name: &str) -> Result<Pose, SimError> {
        let id = self
            .model
            .name_to_id(MjtObjBase::mjOBJ_BODY, &format!("{}{name}", compose::PREFIX))
            .ok_or_else(|| no_such("body", name))?;
        Ok(pose_of(self.data.xpos()[id], self.data.xquat()[id]))
    }

    /// Pose of the card's grasp frame on one side, in the world.
    pub fn grasp_pose(&self, side: Side) -> Result<Pose, SimError> {
        let end = self.card.end_effector(side).ok_or_else(|| no_such("end effector", side.name()))?;
        let body = self.body_pose(&end.body)?;
        Ok(pose_from(&(isometry_of(&body) * isometry_of(&end.grasp_in_body))))
    }

    /// Pose of an object's middle in the world.
    pub fn object_pose(&self, name: &str) -> Result<Pose, SimError> {
        let place = self.index.object(&self.scene, name).ok_or_else(|| no_such("object", name))?;
        Ok(pose_of(self.data.xpos()[place.body], self.data.xquat()[place.body]))
    }

    /// Pose of any of the scene's bodies in the world (a tray, a bin).
    pub fn scene_body_pose(&self, name: &str) -> Result<Pose, SimError> {
        let id = self.model.name_to_id(MjtObjBase::mjOBJ_BODY, name).ok_or_else(|| no_such("body", name))?;
        Ok(pose_of(self.data.xpos()[id], self.data.xquat()[id]))
    }

    /// Pose of the root of the robot's model in the world (the frame that the model file's bodies are placed in).
    pub fn base_pose(&self) -> Pose {
        self.index.base
    }

    /// Pose of the middle of the work surface in the world.
    pub fn work_pose(&self) -> Pose {
        self.index.work
    }

    /// Where everything is, for a [`crate::Renderer`].
    pub fn snapshot(&self, into: &mut Snapshot) {
        into.time_s = self.time_s();
        into.positions.clear();
        into.positions.extend_from_slice(self.data.qpos());
    }

    /// Positions and velocities of everything, for comparing two runs bit by bit.
    pub fn state(&self) -> (&[f64], &[f64]) {
        (self.data.qpos(), self.data.qvel())
    }

    /// How far the task has come.
    pub fn progress(&self) -> Progress {
        self.tracker.progress()
    }

    fn track(&mut self) {
        let goal = &self.task.goal;
        let (Ok(object), Ok(target)) = (self.object_pose(&goal.object), self.scene_body_pose(&goal.target))
        else {
            return;
        };
        let Some(place) = self.index.object(&self.scene, &goal.object) else { return };
        let velocity: [f64; 3] = std::array::from_fn(|axis| self.data.qvel()[place.velocity + axis]);
        let speed = velocity.iter().map(|value| value * value).sum::<f64>().sqrt();
        let touches =
            touch::robot_touches(&self.data, place.body, &self.index.geom_bodies, &self.index.is_robot);
        let half_height = self.scene.object(&goal.object).map_or(0.0, |object| 0.5 * object.size_m[2]);
        let seen = crate::task::Sight { object, half_height, target, speed_m_s: speed, touched: touches };
        self.tracker.look(goal, &seen, self.steps as f64 * TIMESTEP_S);
    }
}
