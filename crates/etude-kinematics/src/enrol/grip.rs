//! Where a gripper grasps, and between which positions it opens and closes: read off its jaws as they move.

use etude_model::card::Side;
use nalgebra::{Point3, Vector3};

use super::gripper::{Gripper, Plan};
use super::jaw::{mean, middle};
use crate::FingerRange;
use crate::forward::Poses;

/// Share of the way from closed to open at which a thing is held.
const HELD: f64 = 0.3;
/// Corners within this of the innermost are the pad, m; a thing is held at most so far from the jaws' ends.
const PAD_M: f64 = 0.004;
const DEPTH_M: f64 = 0.03;
/// The outer share of a jaw in which pads are looked for; what is nearer to the palm is its mount.
const OUTER_SHARE: f64 = 0.75;
/// How far the model's own mark may be off the middle between the jaws, as a share of the way from the wrist to there: aside; and
/// aside where a single jaw closes on the palm's own.
const ASIDE_SHARE: f64 = 0.1;
const ASIDE_SINGLE_SHARE: f64 = 0.25;
/// Likewise behind and ahead; and ahead where masses alone tell where jaws end, which lie well before it.
const AHEAD_SHARE: f64 = 0.3;
const AHEAD_OF_MASS_SHARE: f64 = 0.8;
/// A frame whose link is heavier is a part of the hand and no mark, kg.
const MARK_KG: f64 = 0.01;
/// Jaws whose tips pass each other by more than this share of their way are made to; below, tips are not where they touch.
const PASSED_SHARE: f64 = 0.1;
/// Less is no opening, m.
const LEAST_M: f64 = 1e-4;

/// What was read of a gripper.
pub(super) struct Grip {
    /// Where the jaws point, where the palm faces, and where a thing is held, at rest in the root frame.
    pub(super) along: Vector3<f64>,
    pub(super) palm: Vector3<f64>,
    pub(super) origin: Point3<f64>,
    pub(super) ranges: Vec<FingerRange>,
    /// Widest opening, m.
    pub(super) aperture_m: Option<f64>,
    /// Ends of the branches at rest, in their order.
    pub(super) tips_m: Vec<Point3<f64>>,
}

/// Reads a gripper; `None` where it has no jaw.
pub(super) fn read(plan: &Plan<'_>) -> Option<Grip> {
    let gripper = Gripper::new(plan)?;
    let open = gripper.open_share(&gripper.linkage);
    let look = Look {
        wide: gripper.linkage.posed(open),
        held: gripper.linkage.posed(1.0 - open + (2.0 * open - 1.0) * HELD),
        closed: gripper.linkage.posed(1.0 - open),
        gripper: &gripper,
    };
    let meeting = look.meeting();
    Some(Grip {
        along: gripper.along,
        palm: facing(&gripper, plan),
        origin: look.origin(meeting.as_ref()),
        ranges: gripper.ranges(plan, open),
        aperture_m: look.aperture_m(meeting.as_ref()),
        tips_m: gripper.jaws.iter().map(|jaw| jaw.tip(&gripper.looks.rest)).collect(),
    })
}

/// Where the palm is taken to face: inwards, as a hanging hand's does; down, where the jaws close up and down.
fn facing(gripper: &Gripper<'_>, plan: &Plan<'_>) -> Vector3<f64> {
    let directions = plan.directions;
    let left_of_heading = directions.up.cross(&gripper.along);
    let outward = if left_of_heading.norm() > 0.4 { left_of_heading } else { directions.left };
    let outward = if plan.side == Side::Left { outward } else { -outward };
    let across = gripper.across.dot(&outward);
    let back = if across.abs() > 0.2 { across } else { gripper.across.dot(&directions.up) };
    if back > 0.0 { -gripper.across } else { gripper.across }
}

/// A gripper in the postures that matter.
struct Look<'a> {
    gripper: &'a Gripper<'a>,
    wide: Poses,
    held: Poses,
    closed: Poses,
}

/// The inner face of one side's jaws.
struct Pad {
    /// How far in it is, m.
    inside_m: f64,
    middle: Point3<f64>,
    /// From where to where it goes along the jaws, m.
    reach_m: (f64, f64),
}

/// Where the pads of both sides meet.
struct Meeting {
    /// In the root frame, with the gripper closed.
    at: Point3<f64>,
    /// What is left between the pads then, m; below zero where their shapes reach into each other.
    gap_m: f64,
}

impl Look<'_> {
    fn pad(&self, side: usize, inwards: &Vector3<f64>) -> Option<Pad> {
        let jaws = self.gripper.side(side);
        if jaws.is_empty() || !jaws.iter().all(|jaw| jaw.is_shaped()) {
            return None;
        }
        let along = &self.gripper.along;
        let corners: Vec<(Point3<f64>, f64)> =
            jaws.iter().flat_map(|jaw| jaw.outer_corners(&self.closed, along, OUTER_SHARE)).collect();
        let depth = |(point, radius_m): &(Point3<f64>, f64)| point.coords.dot(inwards) + radius_m;
        let inside_m = corners.iter().map(depth).fold(f64::NEG_INFINITY, f64::max);
        let pad =
            || corners.iter().filter(|corner| depth(corner) >= inside_m - PAD_M).map(|(point, _)| *point);
        let reaches = || pad().map(|point| point.coords.dot(along));
        let reach_m = (reaches().fold(f64::INFINITY, f64::min), reaches().fold(f64::NEG_INFINITY, f64::max));
        Some(Pad { inside_m, middle: middle(pad())?, reach_m })
    }

    /// Where the pads meet, if the shapes of both are known; not deeper in than a thing is held.
    fn meeting(&self) -> Option<Meeting> {
        let gripper = self.gripper;
        let apart = (gripper.tip(1, &self.wide)? - gripper.tip(0, &self.wide)?).dot(&gripper.across);
        let inwards = gripper.across * if apart < 0.0 { -1.0 } else { 1.0 };
        let (one, other) = (self.pad(0, &inwards)?, self.pad(1, &-inwards)?);
        let ends = (one.reach_m.0.max(other.reach_m.0), one.reach_m.1.min(other.reach_m.1));
        let reach = f64::midpoint(ends.0, ends.1).max(ends.0.max(ends.1) - DEPTH_M);
        let middle = nalgebra::center(&one.middle, &other.middle);
        let middle = middle + gripper.along * (reach - middle.coords.dot(&gripper.along));
        // The plane in which both are as deep.
        let depth = f64::midpoint(one.inside_m, -other.inside_m);
        let at = middle + inwards * (depth - middle.coords.dot(&inwards));
        Some(Meeting { at, gap_m: -(one.inside_m + other.inside_m) })
    }

    /// Widest opening of two jaws: what is left between the closed pads and their way from there, or the way of the tips alone.
    fn aperture_m(&self, meeting: Option<&Meeting>) -> Option<f64> {
        let gripper = self.gripper;
        if gripper.is_single() {
            return None;
        }
        let opening = if let Some(meeting) = meeting {
            let jaw = |side: usize| {
                gripper.side(side).first().map(|jaw| jaw.carried(&meeting.at, &self.closed, &self.wide))
            };
            meeting.gap_m + (jaw(0)? - jaw(1)?).dot(&gripper.across).abs()
        } else {
            let (wide, narrow) = (gripper.apart_m(&self.wide), gripper.apart_m(&self.closed));
            let (wide, narrow) = (wide.abs(), narrow * wide.signum());
            if narrow < -PASSED_SHARE * (wide - narrow) { wide } else { wide - narrow }
        };
        (opening.is_finite() && opening > LEAST_M).then_some(opening)
    }

    /// Where the middle of a grasped thing is, at rest in the root frame.
    fn origin(&self, meeting: Option<&Meeting>) -> Point3<f64> {
        let between = meeting.map_or_else(|| self.between_tips(), |meeting| meeting.at);
        let most_ahead = if meeting.is_some() { AHEAD_SHARE } else { AHEAD_OF_MASS_SHARE };
        self.mark(&between, most_ahead).unwrap_or(between)
    }

    fn between_tips(&self) -> Point3<f64> {
        let gripper = self.gripper;
        let tips = [0, 1].into_iter().filter_map(|side| gripper.tip(side, &self.held));
        gripper.in_plane(&mean(tips).unwrap_or(gripper.wrist), &self.held)
    }

    /// The model's own mark of where the hand grasps: a frame of the palm, without mass, about where the jaws meet.
    fn mark(&self, between: &Point3<f64>, most_ahead: f64) -> Option<Point3<f64>> {
        let gripper = self.gripper;
        let reach = gripper.reach(between);
        let most_across = if gripper.is_single() { ASIDE_SINGLE_SHARE } else { ASIDE_SHARE };
        let ahead = |point: &Point3<f64>| (point - between).dot(&gripper.along);
        let is_near = |point: &Point3<f64>| {
            let aside = gripper.flat(point - between);
            let across = aside.dot(&gripper.across);
            let thick = (aside - gripper.across * across).norm();
            (-AHEAD_SHARE * reach..most_ahead * reach).contains(&ahead(point))
                && thick < ASIDE_SHARE * reach
                && across.abs() < most_across * reach
        };
        let marks = gripper.looks.frames(gripper.palm).filter(|&(_, mass_kg)| mass_kg < MARK_KG);
        let near = marks.map(|(point, _)| point).filter(is_near);
        near.min_by(|one, other| ahead(one).abs().total_cmp(&ahead(other).abs()))
    }
}
