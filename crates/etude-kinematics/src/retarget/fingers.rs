//! A hand's joints as the person's hand led them: fingertips by fingertips, or a gripper by the opening.

use super::arms::{Arms, side_index};
use crate::body::{Body, JointId};
use crate::enrol::{self, Draft, HandDraft};
use crate::forward::Poses;
use crate::hand::{
    FingerRange, GripSource, GripperModel, GripperRetarget, HandError, HandModel, HandRetarget,
    HandRetargetOptions, HandSkeleton, HandStatus, HumanFinger, Smoothing, Tip, carried,
};
use etude_model::card::{Card, HandKind, Side};
use nalgebra::{Point3, Vector3};

/// Most joints of a hand that are told where to go; a hand with more is closed by its closure.
pub const JOINTS_MAX: usize = 24;

/// Where the joints of one hand go.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HandJoints {
    count: usize,
    places: [u16; JOINTS_MAX],
    positions: [f64; JOINTS_MAX],
}

impl HandJoints {
    /// From places among the body's positions with the positions there, rad or m; `None` where there are too many.
    pub fn new(joints: impl IntoIterator<Item = (usize, f64)>) -> Option<Self> {
        let mut new = Self { count: 0, places: [0; JOINTS_MAX], positions: [0.0; JOINTS_MAX] };
        for (place, position) in joints {
            *new.places.get_mut(new.count)? = u16::try_from(place).ok()?;
            *new.positions.get_mut(new.count)? = position;
            new.count += 1;
        }
        Some(new)
    }

    /// Places among the body's positions with the positions there, rad or m.
    pub fn iter(&self) -> impl Iterator<Item = (usize, f64)> + '_ {
        let both = self.places.iter().zip(&self.positions).take(self.count);
        both.map(|(&place, &position)| (usize::from(place), position))
    }

    /// The same joints with what `f` makes of each position and its number.
    pub(super) fn map(mut self, f: impl Fn(usize, f64) -> f64) -> Self {
        for (number, position) in self.positions.iter_mut().enumerate().take(self.count) {
            *position = f(number, *position);
        }
        self
    }

    /// The position of the joint of this number.
    pub(super) fn position(&self, number: usize) -> Option<f64> {
        self.positions.get(number).copied().filter(|_| number < self.count)
    }
}

/// Follows a person's hand with one hand of a body.
#[derive(Debug, Clone)]
pub struct Fingers {
    follow: Follow,
    /// Places among the body's positions of the joints that are led.
    places: Vec<usize>,
    begun: bool,
}

#[derive(Debug, Clone)]
enum Follow {
    Tips(Box<HandRetarget>),
    Opening(Box<GripperRetarget>),
}

impl Fingers {
    /// The hands of a body, left and right; `None` where its card has no such hand, or one whose fingers have no names, so that
    /// none can follow a person's. Offline the path is smoothed as a whole, so nothing is smoothed, and delayed, here.
    pub fn both(card: &Card, arms: &Arms) -> Result<[Option<Self>; 2], HandError> {
        let draft = enrol::draft(arms.body());
        Ok([Self::new(card, arms, &draft, Side::Left)?, Self::new(card, arms, &draft, Side::Right)?])
    }

    fn new(card: &Card, arms: &Arms, draft: &Draft, side: Side) -> Result<Option<Self>, HandError> {
        let Some(hand) = card.hand(side).filter(|_| arms.arms()[side_index(side)].is_some()) else {
            return Ok(None);
        };
        let body = arms.body();
        let of_hand = |joint: &JointId| hand.joints.iter().any(|name| name == body.joint_name(*joint));
        let found = draft
            .hands
            .iter()
            .find(|found| found.fingers.iter().any(|finger| finger.joints.iter().any(of_hand)));
        if hand.kind == HandKind::Gripper {
            let model = GripperModel {
                source: GripSource::Either,
                smoothing: Smoothing::None,
                ..GripperModel::new(FingerRange::of(hand), found.and_then(|found| pads(body, found)))
            };
            let gripper = GripperRetarget::new(body, model)?;
            let joints = gripper.closure().positions(0.0);
            let places = joints.filter_map(|(joint, _)| body.position_index(joint)).collect();
            return Ok(Some(Self { follow: Follow::Opening(Box::new(gripper)), places, begun: false }));
        }
        let named = found.map(|found| fingers(card, body, found)).unwrap_or_default();
        if named.len() < 2 {
            return Ok(None);
        }
        let borrowed: Vec<_> =
            named.iter().map(|(finger, joints, tip)| (*finger, joints.as_slice(), *tip)).collect();
        let model = HandModel::from_fingers(body, &borrowed)?;
        let options = HandRetargetOptions {
            smoothing: Smoothing::None,
            limit_speed: false,
            ..HandRetargetOptions::default()
        };
        let retarget = HandRetarget::new(body, &model, options)?;
        let variables = retarget.solver().variables().iter();
        let places: Vec<usize> = variables.map(|variable| variable.position_index).collect();
        let few = places.len() <= JOINTS_MAX;
        Ok(few.then_some(Self { follow: Follow::Tips(Box::new(retarget)), places, begun: false }))
    }

    /// What the hand follows, in a word.
    pub fn name(&self) -> &'static str {
        match self.follow {
            Follow::Tips(_) => "fingertips",
            Follow::Opening(_) => "opening",
        }
    }

    /// Places among the body's positions of the joints that are led.
    pub fn places(&self) -> &[usize] {
        &self.places
    }

    /// Takes one frame of the person's hand, `dt_s` seconds after the one before, and says where the joints go; `None` before
    /// the first frame that shows the fingers. A frame that does not show them holds the hand where it was.
    pub fn follow(&mut self, hand: &HandSkeleton, dt_s: f64) -> Option<HandJoints> {
        let held = |status: HandStatus| matches!(status, HandStatus::Held(_));
        let places = self.places.iter().copied();
        match &mut self.follow {
            Follow::Tips(tips) => {
                self.begun |= !held(tips.follow(hand, dt_s).status);
                self.begun.then(|| HandJoints::new(places.zip(tips.positions().iter().copied())))?
            }
            Follow::Opening(gripper) => {
                let gripped = gripper.follow(hand, dt_s);
                self.begun |= !held(gripped.status);
                let positions = gripper.closure().positions(gripped.closure).map(|(_, position)| position);
                self.begun.then(|| HandJoints::new(places.zip(positions)))?
            }
        }
    }
}

/// The fingers of a hand that follow a person's: the card says which they are, the model where they end.
fn fingers(card: &Card, body: &Body, found: &HandDraft) -> Vec<(HumanFinger, Vec<JointId>, Vector3<f64>)> {
    let named = |joint: &JointId| {
        let name = body.joint_name(*joint);
        let slot = card.joints.iter().find(|joint| joint.name == name)?.slot.as_ref()?;
        HumanFinger::from_name(slot.joint.split('_').next()?)
    };
    let fingers = found.fingers.iter().filter_map(|finger| {
        let follows = finger.joints.iter().find_map(named)?;
        Some((follows, finger.joints.clone(), Vector3::from(finger.tip_m)))
    });
    fingers.collect()
}

/// The two pads of a gripper.
fn pads(body: &Body, found: &HandDraft) -> Option<(Tip, Tip)> {
    let poses = Poses::new(body);
    let mut tips = found.fingers.iter().filter_map(|finger| {
        let last = *finger.joints.last()?;
        let frame = carried(body, last)?;
        let in_frame = poses.world_from_frame(body, frame).inverse() * Point3::from(finger.tip_m);
        Some(Tip { frame, offset_m: in_frame.coords })
    });
    let both = tips.next().zip(tips.next());
    both.filter(|_| tips.next().is_none())
}
