//! A scene with robots in it, stepped in time: what a robot's driver talks to.
//!
//! Robots are counted from 0 in the order they were given. The task, its objects and the work surface belong to the
//! first; methods of [`Simulation`] that read or command a robot without saying which mean the first.

mod collide;
mod index;
mod robot;
mod touch;

pub use collide::{Pair, Things};
pub use robot::{RobotMut, RobotView};

use crate::compose::{self, ComposeError, Placed, SimOptions};
use crate::frame::pose_of;
use crate::scene::{Scene, SceneTask};
use crate::task::{Progress, Tracker};
use etude_model::card::Side;
use etude_model::sample::{Imu, Wrench};
use etude_model::{Card, Pose};
use index::SceneIndex;
use mujoco_rs::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use robot::Robot;
use std::path::Path;
use std::sync::Arc;

/// Length of a step of the physics, s.
pub const TIMESTEP_S: f64 = 0.002;

/// Steps between looks at the task.
const TRACK_EVERY: u64 = 5;

/// Steps that everything settles for when a take begins: 0.5 s.
const SETTLE_STEPS: u64 = 250;

/// State of the physics.
type Data = MjData<Arc<MjModel>>;

/// A scene with one or more robots in it.
///
/// Joint arrays are in the card's order, in rad (revolute) or m (prismatic).
#[derive(Debug)]
pub struct Simulation {
    scene: Scene,
    model: Arc<MjModel>,
    data: Data,
    index: SceneIndex,
    /// Never empty.
    robots: Vec<Robot>,
    steps: u64,
    task: SceneTask,
    tracker: Tracker,
    heeded_m: f64,
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
        Self::compose_many(scene, &[Placed::alone(card)], models_dir, options, seed)
    }

    /// Composes a scene and one or more robots, and resets to the scene's first task with `seed`. The work surface and
    /// all that is on it suit the first robot; the others stand where [`Placed::base_in_world`] says, such as across the
    /// table, turned by π. Robots that reach into each other at home are refused.
    pub fn compose_many(
        scene: &Scene,
        robots: &[Placed],
        models_dir: &Path,
        options: &SimOptions,
        seed: u64,
    ) -> Result<Self, ComposeError> {
        let mut model = compose::model(scene, robots, models_dir, options)?;
        if options.heed_within_m > 0.0 {
            model.geom_gap_mut().fill(options.heed_within_m);
        }
        let model = Arc::new(model);
        let index = SceneIndex::new(&model, scene, robots)?;
        let robots = robots
            .iter()
            .map(|placed| Robot::new(&model, placed))
            .collect::<Result<Vec<_>, ComposeError>>()?;
        let task = scene.description.tasks.first().cloned().ok_or_else(|| ComposeError::NotInScene {
            scene: scene.id().to_owned(),
            kind: "task",
            name: "any".into(),
        })?;
        let data = MjData::new(Arc::clone(&model));
        let mut simulation = Self {
            scene: scene.clone(),
            model,
            data,
            index,
            robots,
            steps: 0,
            task,
            tracker: Tracker::default(),
            heeded_m: options.heed_within_m,
        };
        simulation.refuse_overlap()?;
        simulation.begin(seed);
        Ok(simulation)
    }

    /// Refuses robots of which one stands in another when all are at home.
    fn refuse_overlap(&mut self) -> Result<(), ComposeError> {
        if self.robots.len() < 2 {
            return Ok(());
        }
        self.go_home();
        self.data.forward();
        let Some(pair) = touch::overlap(&self.data, &self.index) else { return Ok(()) };
        let [one, other] =
            pair.map(|at| self.robots.get(at).map_or_else(String::new, |robot| robot.prefix.clone()));
        Err(ComposeError::Overlap { one, other })
    }

    /// Begins anew: every robot at its home, the objects at places drawn from `seed`, half a second to settle; time 0.
    pub fn reset(&mut self, task: &str, seed: u64) -> Result<(), SimError> {
        self.task = self.scene.task(task).cloned().ok_or_else(|| no_such("task", task))?;
        self.begin(seed);
        Ok(())
    }

    fn begin(&mut self, seed: u64) {
        self.data.reset();
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        self.go_home();
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

    /// Every joint of every robot at its home.
    fn go_home(&mut self) {
        for robot in &self.robots {
            robot.go_home(&mut self.data);
        }
        for (follower, leader, ratio) in &self.index.couplings {
            let value = ratio * self.data.qpos()[*leader];
            self.data.qpos_mut()[*follower] = value;
        }
    }

    /// The robots, in the order they were given.
    pub fn robots(&self) -> impl ExactSizeIterator<Item = RobotView<'_>> {
        self.robots.iter().map(|robot| RobotView { robot, data: &self.data })
    }

    /// One robot, to be read; 0 is the first.
    pub fn robot(&self, at: usize) -> Result<RobotView<'_>, SimError> {
        let robot = self.robots.get(at).ok_or_else(|| no_such("robot", &at.to_string()))?;
        Ok(RobotView { robot, data: &self.data })
    }

    /// One robot, to be commanded; 0 is the first.
    pub fn robot_mut(&mut self, at: usize) -> Result<RobotMut<'_>, SimError> {
        let robot = self.robots.get(at).ok_or_else(|| no_such("robot", &at.to_string()))?;
        Ok(RobotMut { robot, data: &mut self.data })
    }

    /// The first robot.
    fn first(&self) -> RobotView<'_> {
        self.robot(0).expect("a scene without a robot is not composed")
    }

    /// The card of the first robot.
    pub fn card(&self) -> &Card {
        self.first().card()
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

    /// Number of joints of the first robot, as on its card.
    pub fn joint_count(&self) -> usize {
        self.first().joint_count()
    }

    /// Time since the last reset, s.
    pub fn time_s(&self) -> f64 {
        self.steps as f64 * TIMESTEP_S
    }

    /// Sets where the first robot's servos drive its joints, \[joint\], rad or m, card order; see
    /// [`RobotMut::set_joint_targets`].
    pub fn set_joint_targets(&mut self, targets: &[f64]) -> Result<(), SimError> {
        self.robot_mut(0)?.set_joint_targets(targets)
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

    /// Fills positions of the first robot, \[joint\], rad or m, card order; a shorter slice takes the first ones.
    pub fn joint_positions(&self, into: &mut [f64]) {
        self.first().joint_positions(into);
    }

    /// Fills velocities of the first robot, \[joint\], rad/s or m/s, card order; a shorter slice takes the first ones.
    pub fn joint_velocities(&self, into: &mut [f64]) {
        self.first().joint_velocities(into);
    }

    /// Fills what the first robot's servos exert, \[joint\], N m or N, card order; see [`RobotView::joint_efforts`].
    pub fn joint_efforts(&self, into: &mut [f64]) {
        self.first().joint_efforts(into);
    }

    /// Force (N) and torque (N m) that a wrist of the first robot feels, in the sensor's frame; see
    /// [`RobotView::wrench`].
    pub fn wrench(&self, name: &str) -> Result<Wrench, SimError> {
        self.first().wrench(name)
    }

    /// Rates (rad/s) and accelerations (m/s²) of an inertial sensor of the first robot, in its frame; see
    /// [`RobotView::imu`].
    pub fn imu(&self, name: &str) -> Result<Imu, SimError> {
        self.first().imu(name)
    }

    /// Fills the taxels of a tactile sensor of the first robot, f32, N, \[row, column\]; see [`RobotView::tactile`].
    pub fn tactile(&self, name: &str, into: &mut Vec<f32>) -> Result<(), SimError> {
        self.first().tactile(name, into)
    }

    /// Pose of one of the first robot's bodies in the world, by its name in the robot's model.
    pub fn body_pose(&self, name: &str) -> Result<Pose, SimError> {
        self.first().body_pose(name)
    }

    /// Pose of the grasp frame on one side of the first robot's card, in the world.
    pub fn grasp_pose(&self, side: Side) -> Result<Pose, SimError> {
        self.first().grasp_pose(side)
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

    /// Pose of the root of the first robot's model in the world (the frame that the model file's bodies are placed in).
    pub fn base_pose(&self) -> Pose {
        self.first().base_pose()
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
        let touches = touch::robot_touches(&self.data, place.body, &self.index);
        let half_height = self.scene.object(&goal.object).map_or(0.0, |object| 0.5 * object.size_m[2]);
        let seen = crate::task::Sight { object, half_height, target, speed_m_s: speed, touched: touches };
        self.tracker.look(goal, &seen, self.steps as f64 * TIMESTEP_S);
    }
}
