//! Where a hand grasps, and between which positions it opens and closes.

use etude_model::card::Side;
use etude_model::slot::Part;
use nalgebra::{Isometry3, Matrix3, Point3, Rotation3, Translation3, UnitQuaternion, Vector3};

use super::grip::{self, Grip};
use super::gripper::{Plan, is_ranged};
use super::hand::{Finger, NamedHand};
use super::orient::{Directions, unit};
use super::skeleton::{Index, Skeleton};
use super::{Draft, FingerDraft, HandDraft, JointDraft};
use crate::FingerRange;
use crate::body::Body;
use crate::geometry::Geometry;

/// Share of a finger's range that it closes when the hand is closed on itself.
const CLOSED_SHARE: f64 = 0.8;
/// Where a grasped thing's middle is before the roots of the fingers, as shares of a finger's length: along them, off the palm.
const THING: [f64; 2] = [0.1, 0.4];

/// A hand at its place on an arm.
pub(super) struct HandPlace<'a> {
    pub(super) body: &'a Body,
    pub(super) skeleton: &'a Skeleton,
    pub(super) named: &'a NamedHand,
    pub(super) side: Side,
    pub(super) directions: &'a Directions,
}

impl HandPlace<'_> {
    /// Where it grasps, and how it opens and closes.
    pub(super) fn read(&self) -> HandDraft {
        let grip = if self.named.is_gripper { self.jaws() } else { None };
        let fingers = self.named.fingers.iter().map(|finger| FingerDraft {
            name: if self.named.is_gripper { "gripper".to_owned() } else { finger.name.clone() },
            joints: finger.joints.iter().map(|&node| self.skeleton.nodes[node].joint).collect(),
            tip_m: finger.tip.coords.into(),
        });
        let (along, palm, origin) = self.palm();
        let mut hand = HandDraft {
            side: self.side,
            is_gripper: self.named.is_gripper,
            fingers: fingers.collect(),
            grasp: frame(&along, &palm, &origin, self.directions),
            ranges: self.ranges(),
            aperture_m: None,
        };
        if let Some(grip) = grip {
            take(&mut hand, grip, self.directions);
        }
        hand
    }

    /// Fingers' direction, palm's direction and the middle of a grasped thing, of a hand with fingers.
    fn palm(&self) -> (Vector3<f64>, Vector3<f64>, Point3<f64>) {
        let fingers: Vec<&Finger> =
            self.named.fingers.iter().filter(|finger| finger.name != "thumb").collect();
        let count = fingers.len().max(1) as f64;
        let along: Vector3<f64> = fingers.iter().map(|finger| unit(finger.tip - finger.base)).sum();
        let palm: Vector3<f64> = fingers.iter().map(|finger| finger.closing).sum();
        let roots = fingers.iter().map(|finger| finger.base.coords).sum::<Vector3<f64>>() / count;
        let length = fingers.iter().map(|finger| (finger.tip - finger.base).norm()).sum::<f64>() / count;
        let along = self.or_outwards(along);
        let [ahead, off] = THING;
        let origin = Point3::from(roots + along * ahead * length + unit(palm) * off * length);
        (along, unit(palm), origin)
    }

    fn or_outwards(&self, along: Vector3<f64>) -> Vector3<f64> {
        let along = unit(along);
        if along.norm() > 0.5 { along } else { self.directions.forward }
    }

    /// Open and closed positions of the joints that are told where to go.
    fn ranges(&self) -> Vec<FingerRange> {
        let ranges = self.told().map(|node| self.finger_range(node));
        ranges.map(|(node, open, closed)| self.range(node, open, closed)).collect()
    }

    fn told(&self) -> impl Iterator<Item = Index> + '_ {
        self.named.joints.iter().map(|found| found.node).filter(|&node| {
            let joint = &self.skeleton.nodes[node];
            joint.source.is_none() && !joint.is_endless() && joint.range() > 1e-6
        })
    }

    /// What a gripper's own motion says.
    fn jaws(&self) -> Option<Grip> {
        let joint = |node: Index| self.skeleton.nodes[node].joint;
        let lead = self.named.joints.iter().find(|found| found.name == "gripper")?.node;
        let branches = self.named.fingers.iter();
        grip::read(&Plan {
            body: self.body,
            lead: joint(lead),
            told: self.told().map(joint).collect(),
            branches: branches.map(|finger| finger.joints.iter().copied().map(joint).collect()).collect(),
            side: self.side,
            directions: self.directions,
            geometry: None,
        })
    }

    fn range(&self, node: Index, open: f64, closed: f64) -> FingerRange {
        let joint = self.skeleton.nodes[node].joint;
        let rest = self.body.position_index(joint).and_then(|place| self.body.rest().get(place)).copied();
        let limits = self.body.limits(joint);
        let at =
            |displacement: f64| (rest.unwrap_or_default() + displacement).max(limits.lower).min(limits.upper);
        FingerRange { joint: self.body.joint_name(joint).to_owned(), open: at(open), closed: at(closed) }
    }

    /// A finger is open where it rests, and closed towards the wider side of its range. What only spreads stays.
    fn finger_range(&self, node: Index) -> (Index, f64, f64) {
        let joint = &self.skeleton.nodes[node];
        let finger = self.named.fingers.iter().find(|finger| finger.joints.contains(&node));
        let folds = finger.is_some_and(|finger| joint.axis.dot(&finger.flexion).abs() > 0.8);
        let one_sided = (joint.upper + joint.lower) / joint.range();
        let end = if one_sided > 0.0 { joint.upper } else { joint.lower };
        let rest = super::home::at_rest(self.skeleton, node);
        let is_thumb = finger.is_some_and(|finger| finger.name == "thumb");
        if folds || (is_thumb && one_sided.abs() > 0.5) {
            let other = if one_sided > 0.0 { joint.lower } else { joint.upper };
            // A hand that rests half closed opens to its other end.
            let open = if one_sided.abs() > 0.95 { other } else { rest };
            return (node, open, open + (end - open) * CLOSED_SHARE);
        }
        (node, rest, rest)
    }
}

/// Reads every gripper once more, by the shapes of its jaws where the model has them at hand: where they meet, how wide they open.
pub fn fit_grippers(body: &Body, draft: &mut Draft, geometry: &Geometry) {
    let grips: Vec<Option<Grip>> = draft
        .hands
        .iter()
        .map(|hand| {
            let part = if hand.side == Side::Left { Part::LeftHand } else { Part::RightHand };
            let own = |joint: &&JointDraft| joint.slot.as_ref().is_some_and(|slot| slot.part == part);
            let own: Vec<&JointDraft> = draft.joints.iter().filter(own).filter(|_| hand.is_gripper).collect();
            let drives =
                |joint: &&&JointDraft| joint.slot.as_ref().is_some_and(|slot| slot.joint == "gripper");
            let told = own.iter().map(|joint| joint.joint);
            grip::read(&Plan {
                body,
                lead: own.iter().find(drives)?.joint,
                told: told.filter(|&joint| body.mimic(joint).is_none() && is_ranged(body, joint)).collect(),
                branches: hand.fingers.iter().map(|finger| finger.joints.clone()).collect(),
                side: hand.side,
                directions: &draft.directions,
                geometry: Some(geometry),
            })
        })
        .collect();
    for (hand, grip) in draft.hands.iter_mut().zip(grips) {
        if let Some(grip) = grip {
            take(hand, grip, &draft.directions);
        }
    }
}

fn take(hand: &mut HandDraft, grip: Grip, directions: &Directions) {
    hand.grasp = frame(&grip.along, &grip.palm, &grip.origin, directions);
    hand.ranges = grip.ranges;
    hand.aperture_m = grip.aperture_m;
    for (finger, tip) in hand.fingers.iter_mut().zip(grip.tips_m) {
        finger.tip_m = tip.coords.into();
    }
}

/// The grasp frame: x along the fingers, z from the back of the palm.
fn frame(
    along: &Vector3<f64>,
    palm: &Vector3<f64>,
    origin: &Point3<f64>,
    directions: &Directions,
) -> Isometry3<f64> {
    let square = |way: &Vector3<f64>| way - along * way.dot(along);
    let z = unit(-square(palm));
    let any = || if square(&directions.up).norm() > 0.1 { directions.up } else { directions.left };
    let z = if z.norm() > 0.5 { z } else { unit(square(&any())) };
    let y = z.cross(along);
    let rotation = Rotation3::from_matrix_unchecked(Matrix3::from_columns(&[*along, y, z]));
    Isometry3::from_parts(Translation3::from(origin.coords), UnitQuaternion::from_rotation_matrix(&rotation))
}
