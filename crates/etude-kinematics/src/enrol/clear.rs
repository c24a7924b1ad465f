//! Moves the home posture until no link reaches into another.

use nalgebra::Vector3;

use super::Draft;
use crate::body::{Body, JointId};
use crate::forward::Poses;
use crate::geometry::{Geometry, Overlap, Overlaps};
use etude_model::card::Side;

/// One step of a shoulder, rad.
const STEP_RAD: f64 = 0.05;
/// Most steps outwards and forwards.
const MOST: (usize, usize) = (16, 10);
/// Share of a joint's range kept free at either end.
const MARGIN: f64 = 0.03;

/// What is known of links that reach into each other at home.
#[derive(Debug, Clone, PartialEq)]
pub struct HomeClearance {
    /// By how much the shoulders were rolled outwards and lifted forwards to come free, rad.
    pub moved_rad: [f64; 2],
    /// Links that still reach into each other.
    pub touching: Vec<Overlap>,
    /// Shapes that were looked at.
    pub shapes: usize,
    /// Shapes that could not be: meshes that are not at hand.
    pub unread: usize,
}

impl HomeClearance {
    /// Whether every shape of the model was looked at and none reaches into another.
    pub fn is_free(&self) -> bool {
        self.touching.is_empty() && self.unread == 0 && self.shapes > 0
    }
}

/// Looks whether links reach into each other at home. Where they do, hands are opened, and both shoulders are rolled outwards and lifted forwards in
/// small steps; the least motion that frees all of them becomes home. Where none does, home stays as it was.
pub fn clear_home(body: &Body, draft: &mut Draft, geometry: &Geometry) {
    let mut overlaps = Overlaps::new(body, geometry);
    let mut clearance = HomeClearance {
        moved_rad: [0.0; 2],
        touching: overlaps.at(&draft.home),
        shapes: geometry.capsules().len(),
        unread: geometry.remarks().len(),
    };
    // Fingers that rest on each other are opened.
    if !clearance.touching.is_empty() {
        let opened = opened(body, draft);
        let touching = overlaps.at(&opened);
        if touching.len() < clearance.touching.len() {
            (draft.home, clearance.touching) = (opened, touching);
        }
    }
    if !clearance.touching.is_empty()
        && let Some((home, moved_rad)) = freed(body, draft, &mut overlaps)
    {
        draft.home = home;
        (clearance.moved_rad, clearance.touching) = (moved_rad, Vec::new());
    }
    draft.home_clearance = Some(clearance);
}

/// Home with the hands open.
fn opened(body: &Body, draft: &Draft) -> Vec<f64> {
    let mut home = draft.home.clone();
    for range in draft.hands.iter().flat_map(|hand| &hand.ranges) {
        let place = body.joint(&range.joint).ok().and_then(|joint| body.position_index(joint));
        if let Some(position) = place.and_then(|place| home.get_mut(place)) {
            *position = range.open;
        }
    }
    body.apply_mimics(&mut home);
    home
}

/// The nearest posture in which no link reaches into another, and how far the shoulders were moved to it.
fn freed(body: &Body, draft: &Draft, overlaps: &mut Overlaps<'_>) -> Option<(Vec<f64>, [f64; 2])> {
    let mut steps: Vec<(usize, usize)> =
        (0..=MOST.0).flat_map(|out| (0..=MOST.1).map(move |ahead| (out, ahead))).skip(1).collect();
    // To lift the arms is the larger change of the two.
    steps.sort_by_key(|&(out, ahead)| (out + 2 * ahead, ahead));
    let ways: Vec<[Option<Way>; 2]> = draft
        .arms
        .iter()
        .map(|arm| {
            let outward = draft.directions.left * if arm.side == Side::Left { 1.0 } else { -1.0 };
            [outward, draft.directions.forward].map(|towards| way(body, &draft.home, &arm.joints, &towards))
        })
        .collect();
    for (out, ahead) in steps {
        let moved_rad = [out as f64 * STEP_RAD, ahead as f64 * STEP_RAD];
        let mut home = draft.home.clone();
        for (way, turn) in ways.iter().flat_map(|ways| ways.iter().zip(moved_rad)) {
            let Some(way) = way else { continue };
            if let Some(position) = home.get_mut(way.place) {
                *position = (*position + way.sign * turn).clamp(way.range.0, way.range.1);
            }
        }
        body.apply_mimics(&mut home);
        if overlaps.at(&home).is_empty() {
            return Some((home, moved_rad));
        }
    }
    None
}

/// A joint of a shoulder and the way in which it is turned.
struct Way {
    place: usize,
    sign: f64,
    range: (f64, f64),
}

/// The joint before the elbow that moves the end of the arm most in a direction, and which way.
fn way(body: &Body, home: &[f64], arm: &[JointId], towards: &Vector3<f64>) -> Option<Way> {
    let mut poses = Poses::new(body);
    poses.update(body, home);
    let end = poses.world_from_joint(*arm.last()?).translation.vector;
    let gain = |joint: JointId| {
        let pose = poses.world_from_joint(joint);
        let axis = pose.rotation * body.axis(joint).into_inner();
        axis.cross(&(end - pose.translation.vector)).dot(towards)
    };
    let shoulder = arm.iter().copied().take(arm.len().min(3));
    let turns = shoulder.filter(|&joint| body.kind(joint) == crate::body::JointKind::Revolute);
    let best = turns.max_by(|&one, &other| gain(one).abs().total_cmp(&gain(other).abs()))?;
    let place = body.position_index(best)?;
    let (limits, now) = (body.limits(best), *home.get(place)?);
    let margin = (limits.upper - limits.lower).min(1.0) * MARGIN;
    let range = ((limits.lower + margin).min(now), (limits.upper - margin).max(now));
    (body.mimic(best).is_none()).then(|| Way { place, sign: gain(best).signum(), range })
}
