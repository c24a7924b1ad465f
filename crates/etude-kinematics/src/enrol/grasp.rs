//! Where a hand grasps, and between which positions it opens and closes.

use etude_model::card::Side;
use nalgebra::{Isometry3, Matrix3, Point3, Rotation3, Translation3, UnitQuaternion, Vector3};

use super::hand::{Finger, NamedHand};
use super::orient::{Directions, moved, unit};
use super::skeleton::{Index, Skeleton};
use crate::FingerRange;
use crate::body::Body;

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
    pub(super) wrist: Point3<f64>,
    pub(super) directions: &'a Directions,
}

impl HandPlace<'_> {
    /// The grasp frame at rest, in the root frame: x along the fingers, z from the back of the palm.
    pub(super) fn grasp(&self) -> Isometry3<f64> {
        let (along, palm, origin) = if self.named.is_gripper { self.jaws() } else { self.palm() };
        let z = unit(along * palm.dot(&along) - palm);
        let z = if z.norm() > 0.5 { z } else { unit(self.any_square_to(&along)) };
        let y = z.cross(&along);
        let rotation = Rotation3::from_matrix_unchecked(Matrix3::from_columns(&[along, y, z]));
        Isometry3::from_parts(
            Translation3::from(origin.coords),
            UnitQuaternion::from_rotation_matrix(&rotation),
        )
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

    /// The same of a gripper; its palm is taken to face inwards, as a hanging hand's does.
    fn jaws(&self) -> (Vector3<f64>, Vector3<f64>, Point3<f64>) {
        let tips: Vec<Point3<f64>> = self.named.fingers.iter().map(|finger| finger.tip).collect();
        let count = tips.len().max(1) as f64;
        let middle = Point3::from(tips.iter().map(|tip| tip.coords).sum::<Vector3<f64>>() / count);
        let along = self.or_outwards(middle - self.wrist);
        let slides = self.named.joints.iter().map(|found| &self.skeleton.nodes[found.node]);
        let closing = slides.clone().find(|node| node.slides()).map(|node| node.axis);
        let closing = closing.or_else(|| {
            let turning = slides.clone().find(|node| node.turns());
            turning.map(|node| node.axis.cross(&along))
        });
        let mut closing = unit(closing.unwrap_or(self.directions.left));
        let left_of_heading = self.directions.up.cross(&along);
        let outward = if left_of_heading.norm() > 0.4 { left_of_heading } else { self.directions.left };
        let outward = if self.side == Side::Left { outward } else { -outward };
        let across = closing.dot(&outward);
        // Jaws that close up and down: the palm faces down.
        let back = if across.abs() > 0.2 { across } else { closing.dot(&self.directions.up) };
        if back > 0.0 {
            closing = -closing;
        }
        (along, closing, middle)
    }

    fn or_outwards(&self, along: Vector3<f64>) -> Vector3<f64> {
        let along = unit(along);
        if along.norm() > 0.5 { along } else { self.directions.forward }
    }

    fn any_square_to(&self, along: &Vector3<f64>) -> Vector3<f64> {
        let up = self.directions.up;
        let flat = up - along * up.dot(along);
        if flat.norm() > 0.1 { flat } else { self.directions.left - along * self.directions.left.dot(along) }
    }

    /// Open and closed positions of the joints that are told where to go.
    pub(super) fn ranges(&self) -> Vec<FingerRange> {
        let told = self.named.joints.iter().map(|found| found.node).filter(|&node| {
            let joint = &self.skeleton.nodes[node];
            joint.source.is_none() && !joint.is_endless() && joint.range() > 1e-6
        });
        let mut ranges: Vec<(Index, f64, f64)> = told
            .map(|node| if self.named.is_gripper { self.jaw_range(node) } else { self.finger_range(node) })
            .collect();
        // A linkage's other joints move with the one that drives it.
        if self.named.is_gripper && self.leads_others() {
            ranges.retain(|(node, _, _)| self.is_lead(*node));
        }
        ranges.into_iter().map(|(node, open, closed)| self.range(node, open, closed)).collect()
    }

    fn is_lead(&self, node: Index) -> bool {
        self.named.joints.iter().any(|found| found.node == node && found.name == "gripper")
    }

    fn leads_others(&self) -> bool {
        let lead = self.named.joints.iter().find(|found| found.name == "gripper").map(|found| found.node);
        self.named.joints.iter().any(|found| self.skeleton.nodes[found.node].source == lead)
    }

    fn range(&self, node: Index, open: f64, closed: f64) -> FingerRange {
        let joint = self.skeleton.nodes[node].joint;
        let rest = self.body.position_index(joint).and_then(|place| self.body.rest().get(place)).copied();
        let limits = self.body.limits(joint);
        let at =
            |displacement: f64| (rest.unwrap_or_default() + displacement).max(limits.lower).min(limits.upper);
        FingerRange { joint: self.body.joint_name(joint).to_owned(), open: at(open), closed: at(closed) }
    }

    /// A jaw is open where the tips are farthest apart.
    fn jaw_range(&self, node: Index) -> (Index, f64, f64) {
        let joint = &self.skeleton.nodes[node];
        let (low, high) = (self.spread(node, joint.lower), self.spread(node, joint.upper));
        if high >= low { (node, joint.upper, joint.lower) } else { (node, joint.lower, joint.upper) }
    }

    /// Distance between the tips of the jaws, or of a single jaw from the hand's middle, with one joint and its followers
    /// displaced from rest.
    fn spread(&self, node: Index, displacement: f64) -> f64 {
        let at = |finger: &Finger| {
            let mut tip = finger.tip;
            for &own in finger.joints.iter().rev() {
                let joint = &self.skeleton.nodes[own];
                let ratio = if own == node {
                    1.0
                } else if joint.source == Some(node) {
                    self.body.mimic(joint.joint).map_or(1.0, |mimic| mimic.multiplier)
                } else {
                    continue;
                };
                tip = if joint.slides() {
                    tip + joint.axis * displacement * ratio
                } else {
                    moved(self.skeleton, own, displacement * ratio, &tip)
                };
            }
            tip
        };
        let tips: Vec<Point3<f64>> = self.named.fingers.iter().map(at).collect();
        match tips.as_slice() {
            [] => displacement.abs(),
            [only] => (only - self.wrist).cross(&unit(self.grasp_axis())).norm(),
            several => {
                let pairs = several.iter().flat_map(|a| several.iter().map(move |b| (a - b).norm()));
                pairs.fold(0.0, f64::max)
            }
        }
    }

    fn grasp_axis(&self) -> Vector3<f64> {
        self.jaws().0
    }

    /// Widest opening of a gripper less its closed one, m.
    pub(super) fn aperture_m(&self) -> Option<f64> {
        if !self.named.is_gripper || self.named.fingers.len() < 2 {
            return None;
        }
        let lead = self.named.joints.iter().find(|found| found.name == "gripper")?.node;
        let joint = &self.skeleton.nodes[lead];
        let (low, high) = (self.spread(lead, joint.lower), self.spread(lead, joint.upper));
        let alone = if self.leads_others() { 1.0 } else { 2.0 };
        let opening = (high - low).abs() * alone;
        (opening.is_finite() && opening > 1e-4).then_some(opening)
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
