//! The arms and hands of one body as its card describes them: where grasp frames are, what moves them, how hands close.

use crate::body::{Body, FrameId, JointId, LookupError};
use crate::forward::Poses;
use crate::transform;
use etude_model::Unit;
use etude_model::card::{Card, HandKind, Side};
use etude_model::slot::Part;
use nalgebra::{Isometry3, Rotation3, Translation3, UnitQuaternion, Vector3};

/// Names of fingers as they begin the joints of slots, from the thumb on.
pub const FINGERS: [&str; 5] = ["thumb", "index", "middle", "ring", "little"];
/// Least that fingers are taken to reach beyond the grasp frame's origin, m.
const LEAST_EXTENT_M: f64 = 0.02;
/// Least from a finger's last joint to its tip, m; models without meshes do not say it.
const LAST_BONE_M: f64 = 0.02;

/// A body whose arms cannot be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ArmsError {
    /// The card names something that the model does not have.
    #[error(transparent)]
    Lookup(#[from] LookupError),
    /// The card names no end of an arm.
    #[error("the card of {robot} names no end effector, so it has no hand that could follow a path")]
    NoHand {
        /// Vendor and model.
        robot: String,
    },
    /// No joint of an arm is known.
    #[error("the card of {robot} gives no joint a slot of an arm")]
    NoArm {
        /// Vendor and model.
        robot: String,
    },
}

/// One joint of a hand on its way from open to closed.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Finger {
    /// Its place among the body's positions.
    place: usize,
    open: f64,
    closed: f64,
    /// Which of [`FINGERS`] it belongs to.
    named: Option<usize>,
}

/// One arm with what is at its end.
#[derive(Debug, Clone)]
pub struct Arm {
    /// Which.
    pub side: Side,
    /// The body or site that carries the grasp frame.
    pub frame: FrameId,
    /// The grasp frame in it.
    pub frame_from_grasp: Isometry3<f64>,
    /// Its shoulder in the torso's axes (see [`Arms::torso_in_base`]) with the body at home, m.
    pub shoulder_in_torso: Vector3<f64>,
    /// How far fingers reach beyond the grasp frame's origin along its x axis when the hand is open, m.
    pub finger_extent_m: f64,
    /// Whether the two sides of the hand are alike, so that a turn by half about its x axis changes nothing.
    pub symmetric: bool,
    grip: Vec<Finger>,
}

/// What a body's joints say of its hands at one instant.
#[derive(Debug, Clone, Copy, Default)]
pub struct Reading {
    /// Left and right grasp frame in the base frame; absent where the body has no such arm.
    pub grasp_in_base: [Option<Isometry3<f64>>; 2],
    /// How far each hand is closed, 0 open .. 1 closed.
    pub closure: [Option<f64>; 2],
    /// How far each finger is closed, in the order of [`FINGERS`]; NaN: the hand has no such finger.
    pub fingers: [Option<[f64; 5]>; 2],
    /// The torso's axes in the base frame.
    pub torso_in_base: Isometry3<f64>,
}

/// The arms and hands of one body.
///
/// The *base* frame is the origin of the model file. The *torso's axes* have their origin between the shoulders, x
/// forward, y to the left, z up, and are fixed to the torso.
#[derive(Debug, Clone)]
pub struct Arms {
    body: Body,
    /// Per joint of the card: its place among the body's positions.
    places: Vec<Option<usize>>,
    home: Vec<f64>,
    led: Vec<JointId>,
    sides: [Option<Arm>; 2],
    torso: FrameId,
    torso_from_axes: Isometry3<f64>,
    arm_length_m: f64,
    title: String,
    /// The joints that the grasp frames and the torso hang on, parents first.
    seen: Vec<usize>,
}

/// Where a side stands in arrays of both: left, right.
pub const fn side_index(side: Side) -> usize {
    match side {
        Side::Left => 0,
        Side::Right => 1,
    }
}

impl Arms {
    /// The arms of `body` by its card. The body takes the card's limits; speeds are narrowed to the share that the card's
    /// safety envelope allows.
    pub fn new(card: &Card, mut body: Body) -> Result<Self, ArmsError> {
        let mut led = Vec::new();
        let mut places = Vec::with_capacity(card.joints.len());
        let mut home = body.rest().to_vec();
        for joint in &card.joints {
            if !matches!(joint.unit, Unit::Radian | Unit::Metre) {
                places.push(None);
                continue;
            }
            let id = body.joint(&joint.name)?;
            let mut limits = body.limits(id);
            [limits.lower, limits.upper] = joint.position;
            limits.velocity = joint.velocity * card.safety.joint_speed_share;
            // A joint without a position of its own (fixed, or a follower) keeps the model's limits.
            let _ = body.set_limits(id, limits);
            let place = body.position_index(id);
            if let Some(position) = place.and_then(|place| home.get_mut(place)) {
                *position = joint.home;
            }
            places.push(place);
            let part = joint.slot.as_ref().map(|slot| slot.part);
            if matches!(part, Some(Part::LeftArm | Part::RightArm)) && joint.mimic.is_none() {
                led.push(id);
            }
        }
        if led.is_empty() {
            return Err(ArmsError::NoArm { robot: card.title() });
        }
        body.apply_mimics(&mut home);
        let mut poses = Poses::new(&body);
        poses.update(&body, &home);
        let (torso_body, arm_length_m) =
            card.kinematics.as_ref().map_or(("world", 0.6), |model| (&model.torso_body, model.arm_length_m));
        let torso = body.frame(torso_body)?;
        let shoulders = [Part::LeftArm, Part::RightArm].map(|part| shoulder(card, &body, &poses, part));
        let base_from_axes = axes(&shoulders);
        let torso_from_axes = poses.world_from_frame(&body, torso).inverse() * base_from_axes;
        let mut sides = [None, None];
        for end in &card.end_effectors {
            let index = side_index(end.side);
            let shoulder =
                base_from_axes.inverse_transform_point(&shoulders[index].unwrap_or_default().into());
            sides[index] = Some(arm(card, &body, &poses, end.side, shoulder.coords)?);
        }
        if sides.iter().all(Option::is_none) {
            return Err(ArmsError::NoHand { robot: card.title() });
        }
        let title = card.title();
        let frames = sides.iter().flatten().map(|arm| arm.frame).chain([torso]);
        let mut marks = vec![false; body.joint_data().len()];
        body.mark_above(frames.map(|frame| body.frame_of(frame).joint.index()), &mut marks);
        let seen = (0..marks.len()).filter(|&joint| marks[joint]).collect();
        Ok(Self { body, places, home, led, sides, torso, torso_from_axes, arm_length_m, title, seen })
    }

    /// The body, with the card's limits.
    pub fn body(&self) -> &Body {
        &self.body
    }

    /// The joints of the arms: what leads the hands.
    pub fn led(&self) -> &[JointId] {
        &self.led
    }

    /// Left arm, right arm.
    pub fn arms(&self) -> &[Option<Arm>; 2] {
        &self.sides
    }

    /// Positions of the whole body with every joint of the card at its home.
    pub fn home(&self) -> &[f64] {
        &self.home
    }

    /// From shoulder to wrist with the arm stretched, m.
    pub fn arm_length_m(&self) -> f64 {
        self.arm_length_m
    }

    /// Vendor and model.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// Copies positions in the card's order (\[joint\], rad or m; NaN: not known) into positions of the whole body.
    pub fn write(&self, wire: &[f64], whole: &mut [f64]) {
        for (place, &value) in self.places.iter().zip(wire) {
            if let Some(position) = place.and_then(|place| whole.get_mut(place)).filter(|_| value.is_finite())
            {
                *position = value;
            }
        }
        self.body.apply_mimics(whole);
    }

    /// Copies positions of the whole body into the card's order; joints that the body does not have stay as they are.
    pub fn read_out(&self, whole: &[f64], wire: &mut [f64]) {
        for (place, value) in self.places.iter().zip(wire) {
            if let Some(position) = place.and_then(|place| whole.get(place)) {
                *value = *position;
            }
        }
    }

    /// The grasp frame of one arm in the base frame.
    pub fn grasp_in_base(&self, poses: &Poses, side: Side) -> Option<Isometry3<f64>> {
        let arm = self.sides[side_index(side)].as_ref()?;
        Some(poses.world_from_frame(&self.body, arm.frame) * arm.frame_from_grasp)
    }

    /// The torso's axes in the base frame.
    pub fn torso_in_base(&self, poses: &Poses) -> Isometry3<f64> {
        poses.world_from_frame(&self.body, self.torso) * self.torso_from_axes
    }

    /// The branch of the hand that a link is part of, by the joint it begins with, and which of [`FINGERS`] that is; `None`
    /// for a link that no joint of that hand's moves.
    pub fn branch(&self, side: Side, link: &str) -> Option<(JointId, Option<usize>)> {
        let arm = self.sides[side_index(side)].as_ref()?;
        let frame = self.body.frame(link).ok()?;
        let of_hand = |joint: JointId| {
            let leader = self.body.mimic(joint).map_or(joint, |mimic| mimic.source);
            let place = self.body.position_index(leader)?;
            arm.grip.iter().find(|finger| finger.place == place)
        };
        let above =
            std::iter::successors(self.body.frame_of(frame).joint.into(), |&joint| self.body.parent(joint));
        let (joint, finger) = above.filter_map(|joint| Some((joint, of_hand(joint)?))).last()?;
        Some((joint, finger.named))
    }

    /// What positions of the whole body say of its hands; `poses` is scratch of this body, of which only what they hang on
    /// is brought up to date.
    pub fn read(&self, whole: &[f64], poses: &mut Poses) -> Reading {
        poses.update_some(&self.body, whole, &self.seen);
        let mut reading = Reading { torso_in_base: self.torso_in_base(poses), ..Reading::default() };
        for side in Side::BOTH {
            let index = side_index(side);
            reading.grasp_in_base[index] = self.grasp_in_base(poses, side);
            if let Some(arm) = &self.sides[index] {
                (reading.closure[index], reading.fingers[index]) = arm.closure(whole);
            }
        }
        reading
    }
}

impl Arm {
    /// Whether the hand has joints that close it.
    pub fn can_close(&self) -> bool {
        !self.grip.is_empty()
    }

    /// How far the hand is closed by the body's positions: as a whole, and finger by finger where fingers are named.
    pub fn closure(&self, whole: &[f64]) -> (Option<f64>, Option<[f64; 5]>) {
        let (mut sum, mut count) = (0.0, 0_u32);
        let mut fingers = [(0.0, 0_u32); 5];
        for finger in &self.grip {
            let stroke = finger.closed - finger.open;
            let Some(position) = whole.get(finger.place).filter(|_| stroke.abs() > 1e-6) else { continue };
            let share = ((position - finger.open) / stroke).clamp(0.0, 1.0);
            (sum, count) = (sum + share, count + 1);
            if let Some((sum, count)) = finger.named.and_then(|finger| fingers.get_mut(finger)) {
                (*sum, *count) = (*sum + share, *count + 1);
            }
        }
        let mean = |(sum, count): (f64, u32)| if count == 0 { f64::NAN } else { sum / f64::from(count) };
        let named = fingers.iter().any(|(_, count)| *count > 0);
        ((count > 0).then(|| mean((sum, count))), named.then(|| fingers.map(mean)))
    }

    /// Writes the hand's joints for a closure, finger by finger where both hands have that finger.
    pub fn close(&self, closure: f64, fingers: Option<&[f64; 5]>, whole: &mut [f64]) {
        for finger in &self.grip {
            let own =
                finger.named.zip(fingers).map(|(finger, all)| all[finger]).filter(|share| share.is_finite());
            let share = own.unwrap_or(closure).clamp(0.0, 1.0);
            if let Some(position) = whole.get_mut(finger.place).filter(|_| !share.is_nan()) {
                *position = finger.open * (1.0 - share) + finger.closed * share;
            }
        }
    }
}

/// Mean of the origins of an arm's shoulder joints (else its first joint's), in the base frame.
fn shoulder(card: &Card, body: &Body, poses: &Poses, part: Part) -> Option<Vector3<f64>> {
    let of = |wanted: &dyn Fn(&str) -> bool| -> Vec<Vector3<f64>> {
        let joints = card
            .joints
            .iter()
            .filter(|joint| joint.slot.as_ref().is_some_and(|slot| slot.part == part && wanted(&slot.joint)));
        joints
            .filter_map(|joint| body.joint(&joint.name).ok())
            .map(|id| poses.world_from_joint(id).translation.vector)
            .collect()
    };
    let shoulders = of(&|joint| joint.starts_with("shoulder"));
    if shoulders.is_empty() {
        return of(&|_| true).first().copied();
    }
    Some(shoulders.iter().sum::<Vector3<f64>>() / shoulders.len() as f64)
}

/// The torso's axes in the base frame, from where the shoulders are.
fn axes(shoulders: &[Option<Vector3<f64>>; 2]) -> Isometry3<f64> {
    let [left, right] = shoulders;
    let (Some(left), Some(right)) = (left, right) else {
        let only = left.or(*right).unwrap_or_default();
        return Isometry3::from_parts(Translation3::from(only), UnitQuaternion::identity());
    };
    let across = left - right;
    let y = Vector3::new(across.x, across.y, 0.0).try_normalize(1e-6).unwrap_or_else(Vector3::y);
    let x = y.cross(&Vector3::z());
    let turn = Rotation3::from_basis_unchecked(&[x, y, Vector3::z()]);
    Isometry3::from_parts(
        Translation3::from((left + right) * 0.5),
        UnitQuaternion::from_rotation_matrix(&turn),
    )
}

fn arm(
    card: &Card,
    body: &Body,
    poses: &Poses,
    side: Side,
    shoulder_in_torso: Vector3<f64>,
) -> Result<Arm, ArmsError> {
    let end = card.end_effector(side).ok_or_else(|| ArmsError::NoHand { robot: card.title() })?;
    let frame = body.frame(&end.body)?;
    let frame_from_grasp = transform::isometry(&end.grasp_in_body);
    let mut grip = Vec::new();
    let hand = card.hand(side);
    for (name, (&open, &closed)) in
        hand.iter().flat_map(|hand| hand.joints.iter().zip(hand.open.iter().zip(&hand.closed)))
    {
        let joint = card.joints.iter().find(|joint| joint.name == *name);
        let in_body = joint.is_none_or(|joint| matches!(joint.unit, Unit::Radian | Unit::Metre));
        let Some(place) =
            in_body.then(|| body.joint(name)).transpose()?.and_then(|id| body.position_index(id))
        else {
            continue;
        };
        let slot = joint.and_then(|joint| joint.slot.as_ref());
        let named = slot.and_then(|slot| FINGERS.iter().position(|finger| slot.joint.starts_with(finger)));
        grip.push(Finger { place, open, closed, named });
    }
    let finger_extent_m = extent(card, body, side, frame, &frame_from_grasp, &grip, poses);
    let symmetric = hand.is_none_or(|hand| hand.kind == HandKind::Gripper);
    Ok(Arm { side, frame, frame_from_grasp, shoulder_in_torso, finger_extent_m, symmetric, grip })
}

/// How far the frames of the hand's joints reach beyond the grasp frame's origin along its x axis, with the hand open.
fn extent(
    card: &Card,
    body: &Body,
    side: Side,
    frame: FrameId,
    frame_from_grasp: &Isometry3<f64>,
    grip: &[Finger],
    poses: &Poses,
) -> f64 {
    let mut open = body.rest().to_vec();
    for finger in grip {
        open[finger.place] = finger.open;
    }
    body.apply_mimics(&mut open);
    let mut scratch = poses.clone();
    scratch.update(body, &open);
    let grasp_from_base = (scratch.world_from_frame(body, frame) * frame_from_grasp).inverse();
    let joints = card.hand(side).map(|hand| hand.joints.as_slice()).unwrap_or_default();
    let mut ids: Vec<JointId> = joints.iter().filter_map(|name| body.joint(name).ok()).collect();
    // What hangs on them is of the hand too, such as followers; a joint stands after the one that carries it.
    for joint in body.moving_joints() {
        if !ids.contains(&joint) && body.parent(joint).is_some_and(|before| ids.contains(&before)) {
            ids.push(joint);
        }
    }
    let place = |id: JointId| (grasp_from_base * scratch.world_from_joint(id)).translation.vector;
    // The bone beyond a finger's last joint is taken to be as long as the one before it.
    let bone = |id: JointId| {
        let before = body.parent(id).filter(|before| ids.contains(before));
        before.map_or(LAST_BONE_M, |before| (place(id) - place(before)).norm().max(LAST_BONE_M))
    };
    ids.iter().map(|&id| place(id).x + bone(id)).fold(LEAST_EXTENT_M, f64::max)
}
