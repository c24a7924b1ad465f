//! Which capsules of a body could touch: not those that always do, nor those that never can.

use std::collections::HashSet;

use super::{Capsule, Geometry, LinkCapsule, nearest};
use crate::body::{Body, FrameId, JointId, JointKind};
use crate::forward::Poses;

/// How the pairs are chosen.
#[derive(Debug, Clone)]
pub struct PairOptions {
    /// Postures (layout of [`Body::position_len`]) that are known to be sound: what touches there is not tested. Empty: the
    /// body at rest.
    pub sound_postures: Vec<Vec<f64>>,
    /// Pairs nearer than this in a sound posture are built that close and are not tested, m.
    pub sound_m: f64,
    /// Random postures tried.
    pub samples: usize,
    /// Seed of the random postures.
    pub seed: u64,
    /// Pairs that touch in at least this share of the random postures are not tested.
    pub always_share: f64,
    /// Pairs that stay farther apart than this in all random postures are not tested, m.
    pub never_m: f64,
}

impl Default for PairOptions {
    fn default() -> Self {
        Self {
            sound_postures: Vec::new(),
            sound_m: 0.02,
            samples: 1000,
            seed: 1,
            always_share: 0.9,
            never_m: 0.05,
        }
    }
}

/// Why pairs of capsules are not tested, and how many are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PairReport {
    /// Of one link, of links joined to each other, or excluded by the model.
    pub joined: usize,
    /// Touch, or nearly, in a posture that is known to be sound.
    pub at_rest: usize,
    /// Touch almost always.
    pub always: usize,
    /// Never come near.
    pub never: usize,
    /// Are tested.
    pub kept: usize,
}

/// The capsules of one body that could touch, in pairs.
#[derive(Debug, Clone, Default)]
pub struct SelfCollision {
    capsules: Vec<LinkCapsule>,
    pairs: Vec<(usize, usize)>,
    report: PairReport,
}

impl SelfCollision {
    /// Chooses the pairs. The same input gives the same pairs.
    pub fn new(body: &Body, geometry: &Geometry, options: &PairOptions) -> Self {
        let mut report = PairReport::default();
        let capsules = geometry.capsules();
        let mut pairs = Vec::new();
        for (first, one) in capsules.iter().enumerate() {
            for (second, other) in capsules.iter().enumerate().skip(first + 1) {
                if are_joined(body, one.link, other.link) || geometry.is_excluded(one.link, other.link) {
                    report.joined += 1;
                } else {
                    pairs.push((first, second));
                }
            }
        }
        let mut world = World::new(body, capsules);
        let rest = [body.rest().to_vec()];
        let sound = if options.sound_postures.is_empty() { &rest[..] } else { &options.sound_postures[..] };
        for posture in sound.iter().filter(|posture| posture.len() == body.position_len()) {
            world.place(body, capsules, posture);
            let before = pairs.len();
            pairs.retain(|&(one, other)| world.distance(one, other, options.sound_m) > options.sound_m);
            report.at_rest += before - pairs.len();
        }
        let mut touches = vec![0_usize; pairs.len()];
        let mut least = vec![f64::INFINITY; pairs.len()];
        let mut random = options.seed;
        let mut posture = body.rest().to_vec();
        for _ in 0..options.samples {
            draw(body, &mut random, &mut posture);
            world.place(body, capsules, &posture);
            for ((&(one, other), touches), least) in pairs.iter().zip(&mut touches).zip(&mut least) {
                let distance = world.distance(one, other, options.never_m);
                *touches += usize::from(distance <= 0.0);
                *least = least.min(distance);
            }
        }
        let always = (options.always_share * options.samples as f64).ceil() as usize;
        let mut kept = Vec::with_capacity(pairs.len());
        for ((pair, touches), least) in pairs.into_iter().zip(touches).zip(least) {
            if options.samples > 0 && touches >= always {
                report.always += 1;
            } else if options.samples > 0 && least > options.never_m {
                report.never += 1;
            } else {
                kept.push(pair);
            }
        }
        report.kept = kept.len();
        let (capsules, pairs) = only_used(capsules, kept);
        Self { capsules, pairs, report }
    }

    /// Takes pairs as they are given: indices into `capsules`; those that name none are left out.
    pub fn from_pairs(capsules: &[LinkCapsule], pairs: &[(usize, usize)]) -> Self {
        let count = capsules.len();
        let kept: Vec<_> = pairs
            .iter()
            .copied()
            .filter(|&(one, other)| one < count && other < count && one != other)
            .collect();
        let report = PairReport { kept: kept.len(), ..PairReport::default() };
        let (capsules, pairs) = only_used(capsules, kept);
        Self { capsules, pairs, report }
    }

    /// The capsules that are part of a pair.
    pub fn capsules(&self) -> &[LinkCapsule] {
        &self.capsules
    }

    /// Indices into [`SelfCollision::capsules`].
    pub fn pairs(&self) -> &[(usize, usize)] {
        &self.pairs
    }

    /// Why other pairs are not tested.
    pub fn report(&self) -> PairReport {
        self.report
    }

    /// The pair of links that is nearest, with its distance in m (negative where they overlap); nothing without pairs.
    pub fn nearest(&self, body: &Body, poses: &Poses) -> Option<(FrameId, FrameId, f64)> {
        let mut world = World::new(body, &self.capsules);
        world.place_at(body, &self.capsules, poses);
        let distances = self.pairs.iter().map(|&(one, other)| {
            (self.capsules[one].link, self.capsules[other].link, world.distance(one, other, f64::INFINITY))
        });
        distances.min_by(|one, other| one.2.total_cmp(&other.2))
    }
}

/// Capsules in the world.
struct World {
    poses: Poses,
    capsules: Vec<Capsule>,
    bounds: Vec<(nalgebra::Vector3<f64>, f64)>,
}

impl World {
    fn new(body: &Body, capsules: &[LinkCapsule]) -> Self {
        Self {
            poses: Poses::new(body),
            capsules: Vec::with_capacity(capsules.len()),
            bounds: Vec::with_capacity(capsules.len()),
        }
    }

    fn place(&mut self, body: &Body, capsules: &[LinkCapsule], positions: &[f64]) {
        let mut poses = std::mem::replace(&mut self.poses, Poses::empty());
        poses.update(body, positions);
        self.place_at(body, capsules, &poses);
        self.poses = poses;
    }

    fn place_at(&mut self, body: &Body, capsules: &[LinkCapsule], poses: &Poses) {
        self.capsules.clear();
        self.bounds.clear();
        for capsule in capsules {
            let joint = body.frame_of(capsule.link).joint;
            let placed = capsule.in_joint.moved(poses.world_from_joint(joint));
            let half = (placed.end_m - placed.start_m).norm() / 2.0;
            self.bounds.push(((placed.start_m + placed.end_m) / 2.0, half + placed.radius_m));
            self.capsules.push(placed);
        }
    }

    /// Distance of two capsules, or something larger than `within` where they are farther apart than that.
    fn distance(&self, one: usize, other: usize, within: f64) -> f64 {
        let ((one_centre, one_radius), (other_centre, other_radius)) = (self.bounds[one], self.bounds[other]);
        let apart = (other_centre - one_centre).norm() - one_radius - other_radius;
        if apart > within { apart } else { nearest(&self.capsules[one], &self.capsules[other]).distance_m }
    }
}

/// Whether two links are rigidly one, or one joint apart.
pub(super) fn are_joined(body: &Body, one: FrameId, other: FrameId) -> bool {
    let moving = |link: FrameId| moving_joint(body, body.frame_of(link).joint);
    let (one, other) = (moving(one), moving(other));
    let carrier =
        |joint: Option<JointId>| joint.map(|joint| body.parent(joint).and_then(|up| moving_joint(body, up)));
    one == other || carrier(one) == Some(other) || carrier(other) == Some(one)
}

/// The joint, or the nearest above it, that moves; `None` where the world carries it.
pub(crate) fn moving_joint(body: &Body, joint: JointId) -> Option<JointId> {
    let mut joint = Some(joint).filter(|joint| joint.index() != 0);
    while let Some(at) = joint.filter(|&at| body.kind(at) == JointKind::Fixed) {
        joint = body.parent(at);
    }
    joint
}

/// A posture drawn evenly from the limits, half a turn or metre either way where there are none.
pub(super) fn draw(body: &Body, random: &mut u64, posture: &mut [f64]) {
    posture.copy_from_slice(body.rest());
    for joint in body.moving_joints().filter(|&joint| body.kind(joint).is_scalar()) {
        let Some(index) = body.position_index(joint) else { continue };
        let limits = body.limits(joint);
        let half = if body.kind(joint) == JointKind::Prismatic { 0.5 } else { std::f64::consts::PI };
        let (low, high) =
            (limits.lower.max(body.rest()[index] - half), limits.upper.min(body.rest()[index] + half));
        posture[index] = low + (high - low).max(0.0) * crate::ik::uniform(random);
    }
    body.apply_mimics(posture);
}

/// Leaves out capsules that are in no pair.
fn only_used(
    capsules: &[LinkCapsule],
    pairs: Vec<(usize, usize)>,
) -> (Vec<LinkCapsule>, Vec<(usize, usize)>) {
    let used: HashSet<usize> = pairs.iter().flat_map(|&(one, other)| [one, other]).collect();
    let mut place = vec![0; capsules.len()];
    let mut kept = Vec::with_capacity(used.len());
    for (index, capsule) in capsules.iter().enumerate().filter(|(index, _)| used.contains(index)) {
        place[index] = kept.len();
        kept.push(*capsule);
    }
    (kept, pairs.into_iter().map(|(one, other)| (place[one], place[other])).collect())
}
