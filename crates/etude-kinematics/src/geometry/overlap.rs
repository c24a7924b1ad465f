//! Which links reach into each other in a posture although they are not built so.

use std::collections::HashMap;

use super::pairs::{are_joined, draw, moving_joint};
use super::{Geometry, nearest, solid};
use crate::body::{Body, FrameId, JointId};
use crate::forward::Poses;

/// Two links that reach into each other by less than this are left alone, m: shapes are drawn with less care, and of curved
/// ones no more than the outermost points are looked at.
const LEAST_M: f64 = 0.004;
/// Random postures that say whether two links are built into each other.
const SAMPLES: usize = 60;
/// Links that reach into each other in at least this share of them are built so.
const BUILT_SHARE: f64 = 0.8;
/// A shoulder, hip or wrist has this many joints at most; the links on both sides of it are built into each other.
const JOINT_GROUP: usize = 3;
const SEED: u64 = 1;

/// Two links that reach into each other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Overlap {
    /// The one that comes first in the model.
    pub one: FrameId,
    /// The other.
    pub other: FrameId,
    /// The shortest way that parts them, m.
    pub depth_m: f64,
}

/// Says which links of a body reach into each other. Links that are joined, that the model excludes, that hang on the same
/// shoulder, hip or wrist, or that reach into each other nearly always are built so and are never told of.
#[derive(Debug)]
pub struct Overlaps<'a> {
    body: &'a Body,
    geometry: &'a Geometry,
    random: Vec<Poses>,
    built_so: HashMap<(FrameId, FrameId), bool>,
}

impl<'a> Overlaps<'a> {
    /// Looks at nothing yet.
    pub fn new(body: &'a Body, geometry: &'a Geometry) -> Self {
        let (mut seed, mut posture) = (SEED, body.rest().to_vec());
        let random = (0..SAMPLES).map(|_| {
            draw(body, &mut seed, &mut posture);
            posed(body, &posture)
        });
        Self { body, geometry, random: random.collect(), built_so: HashMap::new() }
    }

    /// The links that reach into each other at `positions` (layout of [`Body::position_len`]), the deepest first.
    ///
    /// # Panics
    /// Where `positions` has another length.
    pub fn at(&mut self, positions: &[f64]) -> Vec<Overlap> {
        let poses = posed(self.body, positions);
        let mut found: HashMap<(FrameId, FrameId), f64> = HashMap::new();
        for (first, one) in self.geometry.solids.iter().enumerate() {
            for (second, other) in self.geometry.solids.iter().enumerate().skip(first + 1) {
                let links = (one.link.min(other.link), one.link.max(other.link));
                if one.link == other.link || self.built_so.get(&links) == Some(&true) {
                    continue;
                }
                let depth_m = self.depth(&poses, first, second);
                if depth_m >= LEAST_M {
                    let deepest = found.entry(links).or_insert(depth_m);
                    *deepest = deepest.max(depth_m);
                }
            }
        }
        let mut overlaps: Vec<Overlap> = found
            .into_iter()
            .filter(|&((one, other), _)| !self.is_built_so(one, other))
            .map(|((one, other), depth_m)| Overlap { one, other, depth_m })
            .collect();
        let order = |overlap: &Overlap| (overlap.one, overlap.other);
        overlaps.sort_by(|a, b| b.depth_m.total_cmp(&a.depth_m).then(order(a).cmp(&order(b))));
        overlaps
    }

    /// By how much two shapes reach into each other, m; nothing where they are apart or may touch.
    fn depth(&self, poses: &Poses, first: usize, second: usize) -> f64 {
        let (one, other) = (&self.geometry.solids[first], &self.geometry.solids[second]);
        if !one.bits.meet(other.bits) {
            return 0.0;
        }
        let pose = |link: FrameId| poses.world_from_joint(self.body.frame_of(link).joint);
        let (world_from_one, world_from_other) = (pose(one.link), pose(other.link));
        let capsules = &self.geometry.capsules;
        let outer = (
            capsules[first].in_joint.moved(world_from_one),
            capsules[second].in_joint.moved(world_from_other),
        );
        // What is inside capsules that are apart is apart.
        if nearest(&outer.0, &outer.1).distance_m > -LEAST_M {
            return 0.0;
        }
        let radii_m = one.radius_m + other.radius_m;
        solid::depth(&one.moved(world_from_one), &other.moved(world_from_other), radii_m)
            .map_or(0.0, |(depth_m, _)| depth_m)
    }

    fn is_built_so(&mut self, one: FrameId, other: FrameId) -> bool {
        if let Some(&known) = self.built_so.get(&(one, other)) {
            return known;
        }
        let built_so = are_joined(self.body, one, other)
            || self.geometry.is_excluded(one, other)
            || self.same_group(one, other)
            || self.nearly_always(one, other);
        self.built_so.insert((one, other), built_so);
        built_so
    }

    /// Whether one link carries the other through the joints of one shoulder, hip or wrist.
    fn same_group(&self, one: FrameId, other: FrameId) -> bool {
        let moving = |link: FrameId| moving_joint(self.body, self.body.frame_of(link).joint);
        let carries = |from: Option<JointId>, to: Option<JointId>| {
            let mut at = to;
            for _ in 0..JOINT_GROUP {
                let Some(joint) = at else { return false };
                at = self.body.parent(joint).and_then(|parent| moving_joint(self.body, parent));
                if at == from {
                    return true;
                }
            }
            false
        };
        let (one, other) = (moving(one), moving(other));
        carries(one, other) || carries(other, one)
    }

    fn nearly_always(&self, one: FrameId, other: FrameId) -> bool {
        let shapes = |link: FrameId| {
            let solids = self.geometry.solids.iter().enumerate();
            solids.filter(move |(_, solid)| solid.link == link).map(|(place, _)| place)
        };
        let touch = |poses: &&Poses| {
            shapes(one).any(|first| {
                shapes(other).any(|second| self.depth(poses, first.min(second), first.max(second)) > 0.0)
            })
        };
        let touching = self.random.iter().filter(touch).count();
        touching as f64 >= BUILT_SHARE * self.random.len() as f64
    }
}

fn posed(body: &Body, positions: &[f64]) -> Poses {
    let mut poses = Poses::new(body);
    poses.update(body, positions);
    poses
}
