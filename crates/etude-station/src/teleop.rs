//! Teleoperation: from what a trainer's hands do to what a robot's joints are asked to do.
//!
//! While a hand's clutch is closed, the robot's grasp frame follows that hand from where both were when it closed: the
//! hand's displacement, scaled by the arms' lengths, moves it, and the hand's turn turns it. The trainer's space (x right,
//! y up, z back) and the robot's base (x forward, y left, z up) differ by a fixed turn. Fingers follow how far the
//! trainer's hand is closed. Tremor is smoothed before it reaches the arm. Links of the robot are kept apart. A hand that is not tracked, or an open clutch, leaves its arm where it is.
//!
//! The *base* frame is the origin of the robot's own model file.
//!
//! What comes out is a request: the governor decides what a robot is told.

mod smoothing;

use crate::teleop::smoothing::Smoother;
use crate::trainer::{Sight, TrainerFrame, TrainerHand, hand, side_index};
use etude_kinematics::ik::{FrameTarget, Status};
use etude_kinematics::{
    Body, BodyError, BodyOptions, CollisionOptions, FingerRange, FrameId, Geometry, HandClosure, HandError,
    Ik, IkError, IkOptions, JointId, LookupError, PairOptions, Poses, SelfCollision, transform,
};
use etude_model::Pose;
use etude_model::card::{Card, EndEffector, Side};
use etude_model::slot::Part;
use nalgebra::{Isometry3, Matrix3, Rotation3, Translation3, UnitQuaternion, Vector3};
use std::path::Path;

/// From shoulder to wrist of an adult with the arm stretched, m (half a stature of 1.7 m less the hand).
pub const TRAINER_ARM_LENGTH_M: f64 = 0.6;
/// Weight that draws the arms to their home posture where the hands leave them free.
const POSTURE_WEIGHT: f64 = 3e-3;
/// Steps of inverse kinematics per trainer frame.
const STEPS: usize = 2;

/// A robot that cannot be led.
#[derive(Debug, thiserror::Error)]
pub enum TeleopError {
    /// The card names no kinematic model.
    #[error("the card of {robot} names no kinematic model, so nobody can lead it by hand poses")]
    NoModel {
        /// Vendor and model.
        robot: String,
    },
    /// The model cannot be read.
    #[error("the kinematic model of {robot} cannot be read")]
    Body {
        /// Vendor and model.
        robot: String,
        /// Why.
        #[source]
        source: Box<BodyError>,
    },
    /// The card names something the model does not have.
    #[error("the card of {robot} does not fit its model")]
    Lookup {
        /// Vendor and model.
        robot: String,
        /// What is missing.
        #[source]
        source: Box<LookupError>,
    },
    /// The card's hand does not fit the model.
    #[error("a hand on the card of {robot} does not fit its model")]
    Hand {
        /// Vendor and model.
        robot: String,
        /// Why.
        #[source]
        source: Box<HandError>,
    },
    /// Inverse kinematics cannot be set up.
    #[error("inverse kinematics for {robot} cannot be set up: {reason}")]
    Ik {
        /// Vendor and model.
        robot: String,
        /// Why.
        reason: String,
    },
}

/// One arm that can be led.
#[derive(Clone, Debug)]
struct Arm {
    side: Side,
    frame: FrameId,
    frame_from_grasp: Isometry3<f64>,
    fingers: Option<HandClosure>,
    closure: f64,
    /// Where the grasp frame was last sent, in the base frame.
    target: Isometry3<f64>,
    anchor: Option<Anchor>,
    smoother: Smoother,
}

/// Where hand and robot were when the clutch closed.
#[derive(Clone, Copy, Debug)]
struct Anchor {
    hand: Isometry3<f64>,
    grasp: Isometry3<f64>,
}

/// Leads one robot.
#[derive(Clone, Debug)]
pub struct Teleop {
    ik: Ik,
    poses: Poses,
    arms: Vec<Arm>,
    /// Per joint of the card: the joint of the body, if the body has it, and its place in position arrays.
    joints: Vec<Option<usize>>,
    /// Requested positions of the whole body.
    positions: Vec<f64>,
    measured: Vec<f64>,
    asked: Vec<f64>,
    targets: Vec<FrameTarget>,
    hand_speed_m_s: f64,
    scale: f64,
    keeps_apart: bool,
}

impl Teleop {
    /// Leads the robot of `card`, whose model lies under `models`; it stands at `positions` (\[joint\], order of the
    /// card, rad or m).
    pub fn new(card: &Card, models: &Path, positions: &[f64]) -> Result<Self, TeleopError> {
        let robot = card.title();
        let lookup = |source| TeleopError::Lookup { robot: card.title(), source: Box::new(source) };
        let model = card.kinematics.as_ref().ok_or_else(|| TeleopError::NoModel { robot: robot.clone() })?;
        let options = BodyOptions { freeze_free_joints: true, ..BodyOptions::default() };
        let mut body = Body::from_path(models.join(&model.path), &options)
            .map_err(|source| TeleopError::Body { robot: robot.clone(), source: Box::new(source) })?;
        let led = set_limits(&mut body, card).map_err(lookup)?;
        let joints: Vec<Option<usize>> = card
            .joints
            .iter()
            .map(|joint| body.joint(&joint.name).ok().and_then(|id| body.position_index(id)))
            .collect();
        let mut whole = body.rest().to_vec();
        write(&joints, positions, &mut whole);
        body.apply_mimics(&mut whole);
        let mut poses = Poses::new(&body);
        poses.update(&body, &whole);
        let arms = arms(card, &body, &poses)?;
        let refuse = |error: IkError| TeleopError::Ik { robot: card.title(), reason: error.to_string() };
        let mut ik = Ik::new(&body, &led, IkOptions::default()).map_err(refuse)?;
        ik.set_posture(&whole, POSTURE_WEIGHT).map_err(refuse)?;
        let apart = apart(&body, &models.join(&model.path), &home(card, &joints, &whole));
        if let Some(apart) = &apart {
            ik.set_self_collision(Some(apart), CollisionOptions::default()).map_err(refuse)?;
        }
        Ok(Self {
            targets: Vec::with_capacity(arms.len()),
            asked: positions.to_vec(),
            measured: whole.clone(),
            positions: whole,
            hand_speed_m_s: card.safety.hand_speed_m_s,
            scale: model.arm_length_m / TRAINER_ARM_LENGTH_M,
            keeps_apart: apart.is_some(),
            ik,
            poses,
            arms,
            joints,
        })
    }

    /// The same robot, standing at `positions` and led anew, drawn to the posture that it was made with; reading its model and
    /// shapes is spared.
    #[must_use]
    pub fn anew(&self, positions: &[f64]) -> Self {
        let mut new = self.clone();
        write(&new.joints, positions, &mut new.positions);
        let body = new.ik.body();
        body.apply_mimics(&mut new.positions);
        new.poses.update(body, &new.positions);
        for arm in &mut new.arms {
            let target = grasp_in_base(body, &new.poses, arm.frame, &arm.frame_from_grasp);
            *arm = Arm { target, anchor: None, smoother: Smoother::default(), closure: 0.0, ..arm.clone() };
        }
        new.measured.clone_from(&new.positions);
        new.asked = positions.to_vec();
        new
    }

    /// Whether the robot's links are kept apart: its model has shapes that can be read.
    pub fn keeps_links_apart(&self) -> bool {
        self.keeps_apart
    }

    /// How far the robot's hand goes when the trainer's goes 1 m.
    pub fn scale(&self) -> f64 {
        self.scale
    }

    /// What the trainer sees: where the robot's hands are by its measured joints (\[joint\], order of the card).
    pub fn sight(&mut self, measured: &[f64]) -> Sight {
        write(&self.joints, measured, &mut self.measured);
        let body = self.ik.body();
        body.apply_mimics(&mut self.measured);
        self.poses.update(body, &self.measured);
        let mut sight = Sight::default();
        for arm in &self.arms {
            let grasp = grasp_in_base(body, &self.poses, arm.frame, &arm.frame_from_grasp);
            sight.grasp_in_base[side_index(arm.side)] = Some(transform::pose(&grasp));
        }
        sight
    }

    /// Where the grasp frames were last sent, in the base frame: left, right.
    pub fn targets(&self) -> [Option<Pose>; 2] {
        let mut targets = [None; 2];
        for arm in &self.arms {
            targets[side_index(arm.side)] = Some(transform::pose(&arm.target));
        }
        targets
    }

    /// What the joints are asked to do (\[joint\], order of the card, rad or m) after the trainer's `frame`, `dt` after
    /// the last one, s.
    pub fn follow(&mut self, frame: &TrainerFrame, dt: f64) -> (&[f64], Status) {
        for arm in &mut self.arms {
            match &frame.hands[side_index(arm.side)] {
                Some(hand) => arm.follow(hand, self.scale, self.hand_speed_m_s, dt),
                None => arm.anchor = None,
            }
        }
        self.targets.clear();
        for arm in &self.arms {
            let base_from_frame = arm.target * arm.frame_from_grasp.inverse();
            self.targets.push(FrameTarget::pose(arm.frame, base_from_frame));
        }
        let mut status = Status::Converged;
        for _ in 0..STEPS {
            let solution = self.ik.solve(&self.positions, &self.targets, dt / STEPS as f64);
            status = solution.status;
            self.positions.copy_from_slice(solution.positions);
        }
        for arm in &self.arms {
            if let Some(fingers) = &arm.fingers {
                fingers.apply(arm.closure, &mut self.positions);
            }
        }
        for (asked, place) in self.asked.iter_mut().zip(&self.joints) {
            if let Some(place) = place {
                *asked = self.positions[*place];
            }
        }
        (&self.asked, status)
    }
}

impl Arm {
    fn follow(&mut self, hand: &TrainerHand, scale: f64, speed_m_s: f64, dt: f64) {
        let furthest_m = speed_m_s * dt;
        let tracked = hand.wrist.tracked && hand.wrist.pose.is_valid();
        if !tracked || !hand.input.clutch {
            self.anchor = None;
            self.smoother = Smoother::default();
            return;
        }
        let wrist = self.smoother.smooth(&transform::isometry(&hand.wrist.pose), dt);
        let anchor = *self.anchor.get_or_insert(Anchor { hand: wrist, grasp: self.target });
        let turn = base_from_trainer();
        let moved = turn * (wrist.translation.vector - anchor.hand.translation.vector) * scale;
        let turned = turn * (wrist.rotation * anchor.hand.rotation.inverse()) * turn.inverse();
        let wanted = anchor.grasp.translation.vector + moved;
        let step = wanted - self.target.translation.vector;
        let share = if step.norm() > furthest_m { furthest_m / step.norm() } else { 1.0 };
        self.target = Isometry3::from_parts(
            Translation3::from(self.target.translation.vector + step * share),
            turned * anchor.grasp.rotation,
        );
        let closure = hand.joints.as_ref().and_then(hand::closure).unwrap_or(hand.input.closure);
        if closure.is_finite() {
            self.closure = closure.clamp(0.0, 1.0);
        }
    }
}

/// The turn from the trainer's space (x right, y up, z back) to a robot's base (x forward, y left, z up).
pub fn base_from_trainer() -> UnitQuaternion<f64> {
    let turn = Matrix3::new(0.0, 0.0, -1.0, -1.0, 0.0, 0.0, 0.0, 1.0, 0.0);
    UnitQuaternion::from_rotation_matrix(&Rotation3::from_matrix_unchecked(turn))
}

/// Where a trainer's hand must be so that the robot's grasp frame goes to `grasp`: the inverse of what following does.
pub(crate) fn hand_for(
    grasp: &Isometry3<f64>,
    grasp_at_clutch: &Isometry3<f64>,
    hand_at_clutch: &Isometry3<f64>,
    scale: f64,
) -> Isometry3<f64> {
    let turn = base_from_trainer();
    let moved: Vector3<f64> = grasp.translation.vector - grasp_at_clutch.translation.vector;
    let turned = grasp.rotation * grasp_at_clutch.rotation.inverse();
    Isometry3::from_parts(
        Translation3::from(hand_at_clutch.translation.vector + turn.inverse() * moved / scale),
        turn.inverse() * turned * turn * hand_at_clutch.rotation,
    )
}

/// Links that could touch and must not; `None` where the model has no shapes that can be read. What touches, or nearly, with
/// the body at `home` is built so.
fn apart(body: &Body, model: &Path, home: &[f64]) -> Option<SelfCollision> {
    let geometry = Geometry::from_path(body, model).ok()?;
    let options = PairOptions { sound_postures: vec![home.to_vec()], ..PairOptions::default() };
    let pairs = SelfCollision::new(body, &geometry, &options);
    (!pairs.pairs().is_empty()).then_some(pairs)
}

/// The whole body with the card's joints at home.
fn home(card: &Card, joints: &[Option<usize>], whole: &[f64]) -> Vec<f64> {
    let mut home = whole.to_vec();
    let positions: Vec<f64> = card.joints.iter().map(|joint| joint.home).collect();
    write(joints, &positions, &mut home);
    home
}

/// Gives the body the card's limits; returns the joints of the arms, which hand poses lead.
fn set_limits(body: &mut Body, card: &Card) -> Result<Vec<JointId>, LookupError> {
    let mut led = Vec::new();
    for joint in &card.joints {
        let id = body.joint(&joint.name)?;
        let mut limits = body.limits(id);
        [limits.lower, limits.upper] = joint.position;
        limits.velocity = joint.velocity * card.safety.joint_speed_share;
        // A joint without a position of its own (fixed, or a follower) keeps the model's limits.
        let _ = body.set_limits(id, limits);
        let in_arm =
            joint.slot.as_ref().is_some_and(|slot| matches!(slot.part, Part::LeftArm | Part::RightArm));
        if in_arm && joint.mimic.is_none() {
            led.push(id);
        }
    }
    Ok(led)
}

fn arms(card: &Card, body: &Body, poses: &Poses) -> Result<Vec<Arm>, TeleopError> {
    let arm = |end: &EndEffector| {
        let lookup = |source| TeleopError::Lookup { robot: card.title(), source: Box::new(source) };
        let frame = body.frame(&end.body).map_err(lookup)?;
        let frame_from_grasp = transform::isometry(&end.grasp_in_body);
        let fingers = match card.hand(end.side) {
            Some(hand) => {
                let refuse = |source| TeleopError::Hand { robot: card.title(), source: Box::new(source) };
                Some(HandClosure::new(body, &FingerRange::of(hand)).map_err(refuse)?)
            }
            None => None,
        };
        let target = grasp_in_base(body, poses, frame, &frame_from_grasp);
        Ok(Arm {
            side: end.side,
            frame,
            frame_from_grasp,
            fingers,
            closure: 0.0,
            target,
            anchor: None,
            smoother: Smoother::default(),
        })
    };
    card.end_effectors.iter().map(arm).collect()
}

fn grasp_in_base(
    body: &Body,
    poses: &Poses,
    frame: FrameId,
    frame_from_grasp: &Isometry3<f64>,
) -> Isometry3<f64> {
    poses.world_from_frame(body, frame) * frame_from_grasp
}

/// Copies positions in the card's order to their places in the body's.
fn write(joints: &[Option<usize>], positions: &[f64], whole: &mut [f64]) {
    for (place, position) in joints.iter().zip(positions) {
        if let Some(slot) = place.and_then(|place| whole.get_mut(place)) {
            *slot = *position;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_trainers_forward_is_the_robots_forward() {
        let turn = base_from_trainer();
        let same = |v: Vector3<f64>, w: Vector3<f64>| assert!((turn * v - w).norm() < 1e-12, "{v} {w}");
        same(-Vector3::z(), Vector3::x());
        same(-Vector3::x(), Vector3::y());
        same(Vector3::y(), Vector3::z());
    }
}
