//! How a gripper is built and moves: which jaws stand against which, where they point, and how far they are apart.

use nalgebra::{Point3, Vector3};

use super::jaw::{Jaw, Looks, above, mean};
use super::linkage::{Linkage, is_below};
use super::orient::{Directions, unit};
use crate::FingerRange;
use crate::body::{Body, JointId, JointKind};
use crate::forward::Poses;
use crate::geometry::Geometry;
use etude_model::card::Side;

/// A jaw that moves less than this does not move, m.
const STILL_M: f64 = 1e-4;
/// The jaws' direction is an axis of the hand's own frame where one is nearer than this; about 12°.
const ALONG_COSINE: f64 = 0.978;
/// An axis crosses the jaws where it is less alongside than this.
const CROSSES_COSINE: f64 = 0.5;
/// Jaws of one side count where they reach this share of the way of the farthest.
const AS_FAR: f64 = 0.85;
/// A hand whose mass is nearer to its wrist than this does not say where it points, m.
const HAND_M: f64 = 0.01;

/// A gripper to be read.
pub(super) struct Plan<'a> {
    pub(super) body: &'a Body,
    /// The joint that drives it.
    pub(super) lead: JointId,
    /// Its joints that are told where to go.
    pub(super) told: Vec<JointId>,
    /// What parts from the palm: joints of each branch from the palm outwards.
    pub(super) branches: Vec<Vec<JointId>>,
    pub(super) side: Side,
    pub(super) directions: &'a Directions,
    pub(super) geometry: Option<&'a Geometry>,
}

impl Plan<'_> {
    /// The joint that moves all others: what the drive itself follows, where a model has it so.
    fn source(&self) -> JointId {
        let mut lead = self.lead;
        while let Some(mimic) = self.body.mimic(lead) {
            lead = mimic.source;
        }
        lead
    }
}

/// A gripper that can be moved and looked at.
pub(super) struct Gripper<'a> {
    pub(super) looks: Looks<'a>,
    pub(super) linkage: Linkage<'a>,
    /// One per branch.
    pub(super) jaws: Vec<Jaw>,
    /// Places of the jaws on either side of a grasped thing; the second is empty where a single jaw moves.
    sides: [Vec<usize>; 2],
    /// The jaw of the palm itself that a single one closes on, where its shape is known.
    fixed: Option<Jaw>,
    pub(super) palm: JointId,
    pub(super) wrist: Point3<f64>,
    /// Where the jaws point.
    pub(super) along: Vector3<f64>,
    /// The way in which the jaws of the first side move against the others, square to `along`.
    pub(super) across: Vector3<f64>,
    /// The axis about which jaws turn, where they do.
    hinge: Option<Vector3<f64>>,
}

impl<'a> Gripper<'a> {
    /// Looks at a gripper; `None` where it has no jaw.
    pub(super) fn new(plan: &Plan<'a>) -> Option<Self> {
        let (body, lead) = (plan.body, plan.source());
        let looks = Looks { body, rest: Poses::new(body), geometry: plan.geometry };
        let mut branches = plan.branches.clone();
        if branches.is_empty() {
            branches.push(body.moving_joints().filter(|&joint| is_below(body, joint, lead)).collect());
        }
        let joints: Vec<JointId> =
            branches.iter().flatten().chain(&plan.told).chain([&plan.lead]).copied().collect();
        let mut palm = above(body, lead);
        while joints.contains(&palm) {
            palm = above(body, palm);
        }
        let wrist = Point3::from(looks.rest.world_from_joint(palm).translation.vector);
        let mut gripper = Self {
            linkage: Linkage::new(body, lead, &joints),
            jaws: Vec::new(),
            sides: [Vec::new(), Vec::new()],
            fixed: None,
            palm,
            wrist,
            along: plan.directions.forward,
            across: Vector3::zeros(),
            hinge: None,
            looks,
        };
        gripper.take_jaws(&branches);
        gripper.take_along(plan, &branches);
        gripper.take_sides()?;
        gripper.straighten();
        gripper.take_fixed();
        Some(gripper)
    }

    /// Where jaws end depends on where they point, and the other way round: two looks are enough.
    fn take_jaws(&mut self, branches: &[Vec<JointId>]) {
        let rest = &self.looks.rest;
        let anchor = |joint: &JointId| Point3::from(rest.world_from_joint(*joint).translation.vector);
        let mut ends = mean(branches.iter().flatten().map(anchor));
        for _ in 0..2 {
            self.point_to(ends);
            let jaws =
                branches.iter().filter_map(|branch| Jaw::new(&self.looks, branch, &self.wrist, &self.along));
            self.jaws = jaws.collect();
            ends = self.ends();
        }
        self.point_to(ends);
    }

    /// The middle of the jaws' ends at rest. A single jaw may rest wide open: where the hand's own mass is says more than its end.
    fn ends(&self) -> Option<Point3<f64>> {
        let tips = || mean(self.jaws.iter().map(|jaw| jaw.tip(&self.looks.rest)));
        let heavy = |point: &Point3<f64>| (point - self.wrist).norm() > HAND_M;
        if self.jaws.len() == 1 { self.looks.centre(self.palm).filter(heavy).or_else(tips) } else { tips() }
    }

    fn point_to(&mut self, end: Option<Point3<f64>>) {
        let along = end.map(|end| unit(end - self.wrist)).filter(|along| along.norm() > 0.5);
        self.along = along.unwrap_or(self.along);
    }

    /// How far a point is from the wrist along the jaws, m.
    pub(super) fn reach(&self, point: &Point3<f64>) -> f64 {
        (point - self.wrist).dot(&self.along)
    }

    /// By how much each jaw moves over the lead's whole range, across the direction in which the jaws point.
    fn ways(&self) -> Vec<Vector3<f64>> {
        let [low, high] = [0.0, 1.0].map(|share| self.linkage.posed(share));
        self.jaws.iter().map(|jaw| self.flat(jaw.tip(&high) - jaw.tip(&low))).collect()
    }

    pub(super) fn flat(&self, way: Vector3<f64>) -> Vector3<f64> {
        way - self.along * way.dot(&self.along)
    }

    /// Where nothing follows the lead, jaws that it does not move are its mirror images.
    fn take_along(&mut self, plan: &Plan<'_>, branches: &[Vec<JointId>]) {
        let lead = plan.source();
        if leads_others(plan.body, lead) {
            return;
        }
        let ways = self.ways();
        let Some(own) = branches.iter().position(|branch| branch.contains(&lead)) else { return };
        for (place, branch) in branches.iter().enumerate().filter(|(place, _)| *place != own) {
            let ranged = |joint: &&JointId| plan.told.contains(joint) && is_ranged(plan.body, **joint);
            let (Some(&joint), Some(jaw), Some(way)) =
                (branch.iter().find(ranged), self.jaws.get(place), ways.get(own))
            else {
                continue;
            };
            let alone = Linkage::new(plan.body, joint, &[]);
            let [low, high] = [0.0, 1.0].map(|share| jaw.tip(&alone.posed(share)));
            let reversed = self.flat(high - low).dot(way) > 0.0;
            self.linkage.take_along(joint, reversed);
        }
    }

    /// Which jaws stand against which: those that move against the one that reaches farthest, and those that move with it.
    fn take_sides(&mut self) -> Option<()> {
        let ways = self.ways();
        let tips: Vec<Point3<f64>> = self.jaws.iter().map(|jaw| jaw.tip(&self.looks.rest)).collect();
        let moves = |place: &usize| ways.get(*place).is_some_and(|way| way.norm() > STILL_M);
        let reach = |place: &usize| tips.get(*place).map_or(0.0, |tip| self.reach(tip));
        let any_moves = (0..ways.len()).any(|place| moves(&place));
        // A branch that stays where it is while others move is no jaw.
        let jaws: Vec<usize> = (0..ways.len()).filter(|place| !any_moves || moves(place)).collect();
        let farthest = jaws.iter().copied().max_by(|one, other| reach(one).total_cmp(&reach(other)))?;
        let own = *ways.get(farthest)?;
        let against = |place: &usize| {
            let way = ways.get(*place).copied().unwrap_or_default();
            if any_moves { (way - own).norm() > own.norm() } else { *place != farthest }
        };
        let (second, first): (Vec<usize>, Vec<usize>) = jaws.iter().partition(|place| against(place));
        let far = |side: Vec<usize>| -> Vec<usize> {
            let most = side.iter().map(reach).fold(0.0, f64::max);
            side.into_iter().filter(|place| reach(place) >= AS_FAR * most).collect()
        };
        let sides = [far(first), far(second)];
        if !sides[1].is_empty() {
            self.point_to(mean(sides.iter().flatten().filter_map(|&place| tips.get(place).copied())));
        }
        let other = sides[1].first().and_then(|&place| ways.get(place)).copied().unwrap_or_default();
        self.across = unit(self.flat(own - other));
        self.sides = sides;
        let jaw = self.jaws.get(farthest)?.first;
        let axis = self.looks.rest.world_from_joint(jaw).rotation * self.looks.body.axis(jaw).into_inner();
        if axis.dot(&self.along).abs() < CROSSES_COSINE {
            if self.looks.body.kind(jaw) == JointKind::Prismatic {
                self.across = towards(axis, &self.across);
            } else {
                self.hinge = Some(axis);
            }
        }
        Some(())
    }

    /// Hands are built along the axes of their own frames; masses are not. Jaws on hinges point square to their axes and close
    /// square to both.
    fn straighten(&mut self) {
        let jaw = self.sides[0].first().and_then(|&place| self.jaws.get(place)).map(|jaw| jaw.first);
        let frames = [Some(self.palm), jaw].into_iter().flatten();
        let axes = frames.flat_map(|joint| {
            let turn = self.looks.rest.world_from_joint(joint).rotation;
            [Vector3::x(), Vector3::y(), Vector3::z()].map(|axis| turn * axis)
        });
        let alongside = |axis: &Vector3<f64>| axis.dot(&self.along).abs();
        let nearest = axes.max_by(|one, other| alongside(one).total_cmp(&alongside(other)));
        if let Some(axis) = nearest.filter(|axis| alongside(axis) > ALONG_COSINE) {
            self.along = towards(axis, &self.along);
        }
        if let Some(hinge) = self.hinge {
            self.along = unit(self.along - hinge * hinge.dot(&self.along));
            self.across = towards(hinge.cross(&self.along), &self.across);
        } else {
            self.along = unit(self.along - self.across * self.across.dot(&self.along));
        }
    }

    /// What of the palm a single jaw closes on: shapes beside its outer half.
    fn take_fixed(&mut self) {
        let ([only], []) = (self.sides[0].as_slice(), self.sides[1].as_slice()) else { return };
        let Some(jaw) = self.jaws.get(*only) else { return };
        let rest = &self.looks.rest;
        let hinge = Point3::from(rest.world_from_joint(jaw.first).translation.vector);
        let length_m = (jaw.tip(rest) - hinge).norm();
        let beyond = hinge.coords.dot(&self.along) + length_m / 2.0;
        self.fixed = Jaw::fixed(&self.looks, self.palm, &self.along, beyond);
    }

    /// Whether one jaw alone moves.
    pub(super) fn is_single(&self) -> bool {
        self.sides[1].is_empty()
    }

    /// The jaws of one side, the palm's own among them.
    pub(super) fn side(&self, side: usize) -> Vec<&Jaw> {
        let moving: Vec<&Jaw> =
            self.sides.get(side).into_iter().flatten().filter_map(|&place| self.jaws.get(place)).collect();
        if moving.is_empty() { self.fixed.iter().collect() } else { moving }
    }

    /// The middle of the tips of one side.
    pub(super) fn tip(&self, side: usize, poses: &Poses) -> Option<Point3<f64>> {
        mean(self.side(side).iter().map(|jaw| jaw.tip(poses)))
    }

    /// The point of the plane between the jaws' hinges, square to their axes, that lies nearest to a point: masses lie beside a jaw's
    /// middle plane more often than hinges do. The point itself, where jaws slide.
    pub(super) fn in_plane(&self, point: &Point3<f64>, poses: &Poses) -> Point3<f64> {
        let hinges = [0, 1].into_iter().flat_map(|side| self.side(side));
        let hinges = hinges.map(|jaw| Point3::from(poses.world_from_joint(jaw.first).translation.vector));
        match (self.hinge, mean(hinges)) {
            (Some(axis), Some(middle)) => point + axis * (middle - point).dot(&axis),
            _ => *point,
        }
    }

    /// How far the jaws are apart, m: along the way they move, and below zero where they have passed each other on either end of
    /// it. A single jaw is apart from the palm's own, or from the line on which the wrist points.
    pub(super) fn apart_m(&self, poses: &Poses) -> f64 {
        let Some(one) = self.tip(0, poses) else { return 0.0 };
        match self.tip(1, poses) {
            Some(other) if self.is_single() => (one - other).norm(),
            Some(other) => (one - other).dot(&self.across),
            None => {
                let jaw = self.side(0).first().map_or(self.palm, |jaw| jaw.first);
                let hinge = poses.world_from_joint(jaw).translation.vector;
                let aside = (hinge - self.wrist.coords).dot(&self.across);
                let apart = (one - self.wrist).dot(&self.across);
                if aside.abs() > STILL_M { apart * aside.signum() } else { apart.abs() }
            }
        }
    }

    /// The share of a joint's range at which the jaws are farthest apart: 0 or 1. Masses tell it before tips do: each lies on its own
    /// side, where tips that meet in the middle may pass each other.
    pub(super) fn open_share(&self, linkage: &Linkage<'_>) -> f64 {
        let apart_m = |poses: &Poses| {
            let centre = |side: usize| mean(self.side(side).iter().map(|jaw| jaw.centre(poses)));
            match (centre(0), centre(1)) {
                (Some(one), Some(other)) if !self.is_single() => (one - other).dot(&self.across),
                _ => self.apart_m(poses),
            }
        };
        let [low, high] = [0.0, 1.0].map(|share| apart_m(&linkage.posed(share)));
        let is_line = self.tip(1, &self.looks.rest).is_none();
        let farther = if is_line { high >= low } else { high.abs() >= low.abs() };
        if farther { 1.0 } else { 0.0 }
    }

    /// Open and closed positions of the joints that are told where to go. Where others follow the lead, it alone is told.
    pub(super) fn ranges(&self, plan: &Plan<'_>, open: f64) -> Vec<FingerRange> {
        let lead = plan.source();
        let mut ranges = Vec::new();
        let mut push = |joint: JointId, open: f64, closed: f64| {
            ranges.push(FingerRange { joint: plan.body.joint_name(joint).to_owned(), open, closed });
        };
        if is_ranged(plan.body, lead) {
            push(lead, self.linkage.lead_at(open), self.linkage.lead_at(1.0 - open));
        }
        if leads_others(plan.body, lead) {
            return ranges;
        }
        let others = plan.told.iter().copied().filter(|&joint| joint != lead && is_ranged(plan.body, joint));
        for joint in others {
            let at = |share: f64| self.linkage.alongside(share).find(|(other, _)| *other == joint);
            if let (Some((_, open)), Some((_, closed))) = (at(open), at(1.0 - open)) {
                push(joint, open, closed);
            } else {
                let alone = Linkage::new(plan.body, joint, &[]);
                let open = self.open_share(&alone);
                push(joint, alone.lead_at(open), alone.lead_at(1.0 - open));
            }
        }
        ranges
    }
}

/// A direction or its opposite, whichever is nearer to another.
fn towards(direction: Vector3<f64>, other: &Vector3<f64>) -> Vector3<f64> {
    if direction.dot(other) < 0.0 { -direction } else { direction }
}

/// Whether other joints follow a joint.
fn leads_others(body: &Body, lead: JointId) -> bool {
    body.joints().any(|joint| body.mimic(joint).is_some_and(|mimic| mimic.source == lead))
}

/// Whether a joint has a range with two ends.
pub(super) fn is_ranged(body: &Body, joint: JointId) -> bool {
    let limits = body.limits(joint);
    let range = limits.upper - limits.lower;
    body.kind(joint).is_scalar() && range.is_finite() && range > 1e-6
}
