//! The way a person would do a task: poses of the grasp frame in the world, with how far the hand is closed.
//!
//! A plan is made from what can be seen (where object and target are) and from the card's hint on how this body takes
//! hold. It knows nothing of joints: whoever plays it brings inverse kinematics, or leads the robot by teleoperation.

use crate::frame::{isometry_of, pose_from};
use crate::scene::Goal;
use crate::simulation::{SimError, Simulation};
use etude_model::Pose;
use etude_model::card::{GraspHint, Side};
use nalgebra::{Isometry3, Translation3, UnitQuaternion, Vector3};

/// A whole way through a task with one hand.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The hand that does it.
    pub side: Side,
    /// Where it goes, in order.
    pub waypoints: Vec<Waypoint>,
}

/// One stretch of the way.
#[derive(Clone, Debug, PartialEq)]
pub struct Waypoint {
    /// Name of the stretch, such as `reach`.
    pub name: &'static str,
    /// Where the grasp frame arrives, in the world.
    pub grasp_in_world: Pose,
    /// How far the hand is closed at the end, 0 open .. 1 closed on itself.
    pub closure: f64,
    /// How long the stretch takes at an unhurried pace, s.
    pub duration_s: f64,
}

/// Unhurried speed of a hand, m/s; people move about twice as fast without a robot to lead.
const HAND_SPEED_M_S: f64 = 0.22;

/// Shortest stretch, s.
const SHORTEST_S: f64 = 0.5;

/// Time for the fingers to close or open, s.
const FINGERS_S: f64 = 0.8;

/// The first robot's plan for the simulation's task, from where its objects are now.
pub fn for_task(simulation: &Simulation) -> Result<Plan, SimError> {
    let task = simulation.task();
    let id = task.description.id.as_str();
    let hint = simulation
        .card()
        .simulation
        .as_ref()
        .and_then(|setup| setup.grasps.iter().find(|hint| hint.task == id))
        .ok_or_else(|| SimError::NoSuch {
            kind: "grasp hint on the card for the task",
            name: id.to_owned(),
        })?;
    let object = simulation.object_pose(&task.goal.object)?;
    let target = simulation.scene_body_pose(&task.goal.target)?;
    let start = simulation.grasp_pose(hint.side)?;
    Ok(pick_and_place(&task.goal, hint, &start, &object, &target))
}

/// How a hint turns the grasp frame, at a heading about the vertical (rad), in the world.
pub fn turn_at(hint: &GraspHint, yaw_rad: f64) -> UnitQuaternion<f64> {
    UnitQuaternion::from_axis_angle(&Vector3::z_axis(), yaw_rad)
        * UnitQuaternion::from_axis_angle(&Vector3::y_axis(), hint.pitch_rad)
        * UnitQuaternion::from_axis_angle(&Vector3::x_axis(), hint.roll_rad)
}

/// Take the object, carry it over the target, let go, withdraw and return to where the hand began.
///
/// `start`: the grasp frame now; `object`: the object's middle; `target`: the receiving body; all in the world.
pub fn pick_and_place(goal: &Goal, hint: &GraspHint, start: &Pose, object: &Pose, target: &Pose) -> Plan {
    let object = isometry_of(object);
    let target = isometry_of(target).translation.vector;
    let (_, _, object_yaw) = object.rotation.euler_angles();
    let turn = hint.follow_yaw * object_yaw;
    let offset = Vector3::from(hint.offset_m);
    // The grasp frame that holds the object with its middle at `middle`, drawn back along its own x by `back`.
    let holding = |middle: Vector3<f64>, yaw: f64, back: f64| {
        let rotation = turn_at(hint, yaw);
        let origin = middle + rotation * (offset - Vector3::new(back, 0.0, 0.0));
        Isometry3::from_parts(Translation3::from(origin), rotation)
    };
    let at = object.translation.vector;
    let (taken, placed) = (hint.yaw_rad + turn, hint.place_yaw_rad.unwrap_or(hint.yaw_rad));
    let above_target = target + Vector3::new(0.0, 0.0, goal.carry_height_m);
    let over = Vector3::new(at.x, at.y, above_target.z.max(at.z + goal.lift_m + 0.03));
    let down = target + Vector3::new(0.0, 0.0, goal.release_height_m);
    let high_back = {
        let mut pose = holding(at, taken, hint.approach_m);
        pose.translation.vector.z = pose.translation.vector.z.max(above_target.z);
        pose
    };
    let mut leave = holding(down, placed, hint.approach_m);
    let clear = above_target.z + 0.02;
    let gone = {
        let mut pose = leave;
        pose.translation.vector.z = pose.translation.vector.z.max(clear);
        pose
    };
    leave.translation.vector.z = leave.translation.vector.z.max(down.z);
    let closed = hint.closure;
    let mut way = Way { waypoints: Vec::new(), at: isometry_of(start) };
    way.go("approach", high_back, 0.0);
    way.go("align", holding(at, taken, hint.approach_m), 0.0);
    way.go("reach", holding(at, taken, 0.0), 0.0);
    way.hold("grasp", closed);
    way.go("lift", holding(over, taken, 0.0), closed);
    way.go("carry", holding(above_target, placed, 0.0), closed);
    way.go("lower", holding(down, placed, 0.0), closed);
    way.hold("release", 0.0);
    way.go("withdraw", leave, 0.0);
    way.go("leave", gone, 0.0);
    way.go("return", isometry_of(start), 0.0);
    Plan { side: hint.side, waypoints: way.waypoints }
}

/// A plan in the making.
struct Way {
    waypoints: Vec<Waypoint>,
    at: Isometry3<f64>,
}

impl Way {
    fn go(&mut self, name: &'static str, to: Isometry3<f64>, closure: f64) {
        let distance = (to.translation.vector - self.at.translation.vector).norm();
        // A quarter turn takes as long as 15 cm.
        let turn = self.at.rotation.angle_to(&to.rotation) * 0.1;
        let duration_s = (distance.max(turn) / HAND_SPEED_M_S).max(SHORTEST_S);
        self.at = to;
        self.waypoints.push(Waypoint { name, grasp_in_world: pose_from(&to), closure, duration_s });
    }

    fn hold(&mut self, name: &'static str, closure: f64) {
        let grasp_in_world = pose_from(&self.at);
        self.waypoints.push(Waypoint { name, grasp_in_world, closure, duration_s: FINGERS_S });
    }
}

impl Plan {
    /// How long it takes, s.
    pub fn duration_s(&self) -> f64 {
        self.waypoints.iter().map(|waypoint| waypoint.duration_s).sum()
    }

    /// Where the hand is `time_s` after the plan began: name of the stretch, grasp frame in the world, closure. Each
    /// stretch starts and ends at rest (minimum jerk), as a hand's does. `start`: the grasp frame when the plan began.
    pub fn at(&self, time_s: f64, start: &Pose) -> (&'static str, Pose, f64) {
        let mut before = (*start, 0.0);
        let mut begins_s = 0.0;
        for waypoint in &self.waypoints {
            let share = (time_s - begins_s) / waypoint.duration_s;
            if share < 1.0 {
                let s = share.clamp(0.0, 1.0);
                let eased = s * s * s * (10.0 - 15.0 * s + 6.0 * s * s);
                let pose = between(&before.0, &waypoint.grasp_in_world, eased);
                return (waypoint.name, pose, before.1 + (waypoint.closure - before.1) * eased);
            }
            before = (waypoint.grasp_in_world, waypoint.closure);
            begins_s += waypoint.duration_s;
        }
        ("done", before.0, before.1)
    }
}

/// The pose `share` of the way from one to another.
fn between(from: &Pose, to: &Pose, share: f64) -> Pose {
    let (from, to) = (isometry_of(from), isometry_of(to));
    let position = from.translation.vector.lerp(&to.translation.vector, share);
    let rotation = from.rotation.try_slerp(&to.rotation, share, 1e-9).unwrap_or(to.rotation);
    pose_from(&Isometry3::from_parts(Translation3::from(position), rotation))
}
