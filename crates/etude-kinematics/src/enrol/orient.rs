//! Which way is up, left and forward: from what the limbs are and can do, and only where they are silent from convention.

use nalgebra::{Point3, Unit, UnitQuaternion, Vector3};

use super::chain::{Chain, on_axis};
use super::skeleton::{Index, Skeleton};

/// Directions of the robot in the root frame, unit length, and how sure they are.
#[derive(Debug, Clone)]
pub struct Directions {
    /// Against gravity when the robot stands.
    pub up: Vector3<f64>,
    /// To the robot's own left.
    pub left: Vector3<f64>,
    /// Where it looks and reaches.
    pub forward: Vector3<f64>,
    /// How sure `forward`, and so left and right, is: 0.5 a guess, 1 certain.
    pub confidence: f64,
    /// What speaks for it, in words.
    pub evidence: Vec<String>,
}

impl Directions {
    /// The convention of the formats: x forward, y left, z up.
    pub(super) fn convention() -> Self {
        Self {
            up: Vector3::z(),
            left: Vector3::y(),
            forward: Vector3::x(),
            confidence: 0.6,
            evidence: vec!["the formats' convention: x forward, z up".to_owned()],
        }
    }
}

/// A direction within this of an axis of the root frame is that axis.
const SNAP_COSINE: f64 = 0.99;

/// Snaps to an axis of the root frame where one is near.
pub(super) fn snap(direction: Vector3<f64>) -> Vector3<f64> {
    let axes = [Vector3::x(), Vector3::y(), Vector3::z()];
    for axis in axes {
        let along = direction.dot(&axis);
        if along.abs() > SNAP_COSINE {
            return axis * along.signum();
        }
    }
    direction
}

/// What speaks for a direction and how much.
pub(super) struct Vote {
    pub(super) towards: Vector3<f64>,
    pub(super) weight: f64,
    pub(super) why: &'static str,
}

/// Up: among the root frame's axes and the votes' own directions, the one most is said for, square to `lateral`.
pub(super) fn up(lateral: Option<&Vector3<f64>>, votes: &[Vote]) -> (Vector3<f64>, Vec<String>) {
    let flat = |direction: Vector3<f64>| {
        let flat = lateral.map_or(direction, |lateral| direction - lateral * direction.dot(lateral));
        Unit::try_new(flat, 0.3 * direction.norm().max(1e-9)).map(|unit| snap(unit.into_inner()))
    };
    let mut candidates: Vec<Vector3<f64>> = [Vector3::z(), Vector3::y(), Vector3::x()]
        .into_iter()
        .flat_map(|axis| [axis, -axis])
        .filter_map(flat)
        .collect();
    candidates.extend(votes.iter().filter_map(|vote| flat(vote.towards)));
    let score = |candidate: &Vector3<f64>| {
        let convention = if candidate.z > SNAP_COSINE { 1.0 } else { 0.0 };
        let square = candidate.amax() > SNAP_COSINE;
        let said: f64 = votes
            .iter()
            .filter_map(|vote| {
                Unit::try_new(vote.towards, 1e-9).map(|unit| vote.weight * cubed(unit.dot(candidate)))
            })
            .sum();
        convention + said + if square { 0.4 } else { 0.0 }
    };
    let best = candidates.into_iter().max_by(|a, b| score(a).total_cmp(&score(b)));
    let best = best.unwrap_or_else(Vector3::z);
    let why = votes
        .iter()
        .filter(|vote| vote.towards.dot(&best) > 0.5 * vote.towards.norm() && vote.weight > 0.0)
        .map(|vote| format!("up: {}", vote.why));
    (best, why.collect())
}

fn cubed(value: f64) -> f64 {
    value * value * value
}

/// Forward, square to `lateral` and `up`: the sign that most is said for.
pub(super) fn forward(lateral: Vector3<f64>, up: Vector3<f64>, votes: &[Vote]) -> Directions {
    let mut axis = lateral.cross(&up).normalize();
    let said = |axis: &Vector3<f64>| -> f64 {
        votes.iter().map(|vote| vote.weight * vote.towards.dot(axis).clamp(-1.0, 1.0)).sum()
    };
    if said(&axis) < 0.0 {
        axis = -axis;
    }
    let (mut pro, mut contra) = (0.0, 0.0);
    let mut evidence = Vec::new();
    for vote in votes {
        let share = vote.weight * vote.towards.dot(&axis).clamp(-1.0, 1.0);
        if share >= 0.0 {
            pro += share;
        } else {
            contra -= share;
        }
        if share.abs() > 0.15 {
            evidence.push(format!("forward: {}{}", if share < 0.0 { "against: " } else { "" }, vote.why));
        }
    }
    let margin = pro - contra;
    let confidence = 1.0 - 0.5 * (-1.4 * margin).exp() - if contra > 0.4 * pro { 0.1 } else { 0.0 };
    let left = snap(up.cross(&axis));
    Directions { up, left, forward: snap(axis), confidence: confidence.clamp(0.5, 0.99), evidence }
}

/// Turns one joint and says where a point of what hangs on it goes.
pub(super) fn moved(skeleton: &Skeleton, node: Index, angle: f64, point: &Point3<f64>) -> Point3<f64> {
    let node = &skeleton.nodes[node];
    let turn = UnitQuaternion::from_axis_angle(&Unit::new_normalize(node.axis), angle);
    node.anchor + turn * (point - node.anchor)
}

/// Where a joint takes `point` over its wider side: the displacement at a third of a turn at most, and how one-sided its
/// range is (0 even, 1 one way only).
pub(super) fn wider_way(
    skeleton: &Skeleton,
    node: Index,
    point: &Point3<f64>,
) -> Option<(Vector3<f64>, f64)> {
    let joint = &skeleton.nodes[node];
    // A range of more than a turn, or one in the wrong unit, says nothing of the way a joint folds.
    let tells = (0.2..7.0).contains(&joint.range());
    if joint.is_endless() || !tells || !joint.turns() {
        return None;
    }
    let one_sided = (joint.upper + joint.lower) / joint.range();
    let angle = if one_sided > 0.0 { joint.upper.min(1.0) } else { joint.lower.max(-1.0) };
    let gone = moved(skeleton, node, angle, point) - point;
    Some((gone, one_sided.abs().min(1.0)))
}

/// What a leg says of forward: its knee folds the shank backwards, its hip lifts the thigh forwards, its foot points
/// forwards.
pub(super) fn leg_votes(skeleton: &Skeleton, leg: &Chain, lateral: &Vector3<f64>, votes: &mut Vec<Vote>) {
    let tip = skeleton.tip(&leg.line);
    let end = limb_end(skeleton, &leg.line, &tip);
    let Some(knee) = bend(skeleton, &leg.line, &end, Some(lateral)) else { return };
    let ankle = leg.line[knee..].get(1).map_or(tip, |&node| on_axis(skeleton, node, &tip));
    if let Some((gone, one_sided)) = wider_way(skeleton, leg.line[knee], &ankle)
        && one_sided > 0.4
    {
        votes.push(Vote { towards: -unit(gone), weight: 1.2 * one_sided, why: "knees fold backwards" });
    }
    let knee_at = skeleton.nodes[leg.line[knee]].anchor;
    for &hip in &leg.line[..knee] {
        if skeleton.nodes[hip].axis.dot(lateral).abs() < 0.8 {
            continue;
        }
        if let Some((gone, one_sided)) = wider_way(skeleton, hip, &knee_at) {
            votes.push(Vote { towards: unit(gone), weight: 0.5 * one_sided, why: "thighs lift forwards" });
        }
    }
    if let Some(&last) = leg.line.last() {
        let foot = &skeleton.nodes[last];
        let toes = foot.points.iter().map(|point| point - foot.anchor);
        let sum: Vector3<f64> = toes.sum();
        let length = leg.length(skeleton).max(1e-6);
        let share = (sum / foot.points.len().max(1) as f64).norm() / (0.05 * length);
        if sum.norm() > 1e-9 {
            let weight = 0.7 * share.min(1.0);
            votes.push(Vote { towards: unit(sum), weight, why: "feet point forwards" });
        }
    }
}

/// What an arm says of forward: its elbow folds the forearm forwards and up where it hangs, and its hand starts there.
pub(super) fn arm_votes(
    skeleton: &Skeleton,
    arm: &Chain,
    up: &Vector3<f64>,
    reached: &Vector3<f64>,
    votes: &mut Vec<Vote>,
) {
    let tip = skeleton.tip(&arm.line);
    let start = skeleton.nodes[arm.first()].anchor;
    let length = arm.length(skeleton).max(1e-6);
    let out = tip - start;
    votes.push(Vote {
        towards: unit(out),
        weight: (out.norm() / length).min(1.0),
        why: "hands start in front",
    });
    votes.push(Vote {
        towards: unit(*reached),
        weight: 1.2 * (3.0 * reached.norm() / length).min(1.0),
        why: "arms reach mostly forwards",
    });
    let end = limb_end(skeleton, &arm.line, &tip);
    let Some(elbow) = bend(skeleton, &arm.line, &end, None) else { return };
    let elbow_at = on_axis(skeleton, arm.line[elbow], &tip);
    let upper = elbow_at - start;
    let hanging = -unit(upper).dot(up);
    if hanging > 0.8
        && let Some((gone, one_sided)) = wider_way(skeleton, arm.line[elbow], &tip)
        && one_sided > 0.4
    {
        votes.push(Vote { towards: unit(gone), weight: 0.8 * one_sided, why: "elbows fold forwards" });
    }
}

/// Where a limb ends as far as its middle joint is concerned: a long foot or hand must not make ankle or wrist look like
/// knee or elbow.
pub(super) fn limb_end(skeleton: &Skeleton, line: &[Index], tip: &Point3<f64>) -> Point3<f64> {
    match line {
        [_, _, _, _, .., last] => skeleton.nodes[*last].anchor,
        _ => *tip,
    }
}

/// The joint that shortens the limb most when it turns: elbow or knee. It has a long lever on either side.
pub(super) fn bend(
    skeleton: &Skeleton,
    line: &[Index],
    tip: &Point3<f64>,
    lateral: Option<&Vector3<f64>>,
) -> Option<usize> {
    let start = skeleton.nodes[*line.first()?].anchor;
    let lever = |place: usize| {
        let node = &skeleton.nodes[line[place]];
        if !node.turns() {
            return 0.0;
        }
        let aligned = lateral.map_or(1.0, |lateral| node.axis.dot(lateral).abs());
        node.distance_to(&start).min(node.distance_to(tip)) * aligned
    };
    let places = 1..line.len();
    let moved = |place: &usize| !skeleton.nodes[line[*place]].is_passive;
    let places: Vec<usize> = if places.clone().any(|place| moved(&place)) {
        places.filter(moved).collect()
    } else {
        places.collect()
    };
    let best = places.into_iter().max_by(|&a, &b| lever(a).total_cmp(&lever(b)).then(b.cmp(&a)))?;
    (lever(best) > 1e-6).then_some(best)
}

pub(super) fn unit(vector: Vector3<f64>) -> Vector3<f64> {
    Unit::try_new(vector, 1e-9).map_or_else(Vector3::zeros, Unit::into_inner)
}
