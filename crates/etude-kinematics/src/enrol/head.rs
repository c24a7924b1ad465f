//! The head: what stands in the middle, above the shoulders, and is no limb.

use nalgebra::Vector3;

use super::orient::{Vote, unit};
use super::parts::Parts;
use super::skeleton::{Index, Skeleton};

/// Most joints of a neck.
const MOST_JOINTS: usize = 4;

/// Joints of neck and head from the torso outwards; empty where there is none.
pub(super) fn find(skeleton: &Skeleton, parts: &Parts) -> Vec<Index> {
    // Without arms and wheels nothing says where shoulders are, and a leg would pass for a neck.
    if parts.arms.is_empty() && parts.wheels.is_empty() {
        return Vec::new();
    }
    let mut taken = vec![false; skeleton.len()];
    for limb in parts.arms.iter().chain(&parts.legs) {
        limb.chain.all(skeleton).into_iter().for_each(|node| taken[node] = true);
    }
    parts.wheels.iter().for_each(|wheel| taken[wheel.node] = true);
    parts.waist.iter().for_each(|&node| taken[node] = true);
    let up = &parts.directions.up;
    let shoulders: Vec<_> = parts.arms.iter().map(|arm| skeleton.nodes[arm.chain.first()].anchor).collect();
    let length = parts.arms.first().map_or(1.0, |arm| arm.chain.length(skeleton).max(1e-9));
    let shoulder_height = shoulders.iter().map(|point| point.coords.dot(up)).fold(f64::INFINITY, f64::min);
    let paired = shoulders.len() == 2;
    let middle = shoulders.iter().map(|point| point.coords.dot(&parts.directions.left)).sum::<f64>()
        / shoulders.len().max(1) as f64;
    let half_width = parts
        .arms
        .iter()
        .flat_map(|arm| arm.chain.line.iter().take(3))
        .map(|&node| (skeleton.nodes[node].anchor.coords.dot(&parts.directions.left) - middle).abs())
        .fold(0.0, f64::max);
    let mut best: Option<(f64, Vec<Index>)> = None;
    for top in (0..skeleton.len()).filter(|&node| !taken[node]) {
        let above = skeleton.above(top);
        let hangs_free =
            above.iter().any(|&node| !parts.waist.contains(&node) && !is_base(skeleton, parts, node));
        if hangs_free || !skeleton.nodes[top].turns() || is_base(skeleton, parts, top) {
            continue;
        }
        let top_height = skeleton
            .points_below(top)
            .iter()
            .map(|point| point.coords.dot(up))
            .fold(f64::NEG_INFINITY, f64::max);
        let high = parts.arms.is_empty() || top_height > shoulder_height - 0.1 * length;
        let line = neck(skeleton, top);
        // An anchor may lie anywhere along a lateral axis, so the most central joint counts.
        let aside = line
            .iter()
            .map(|&node| (skeleton.nodes[node].anchor.coords.dot(&parts.directions.left) - middle).abs())
            .fold(f64::INFINITY, f64::min);
        let central = !paired || aside < 0.4 * half_width;
        if central && high && line.len() <= MOST_JOINTS {
            // A neck of several joints comes before a single sensor's hinge of the same height.
            let rank = top_height / length + 0.2 * line.len() as f64;
            if best.as_ref().is_none_or(|(other, _)| rank > *other) {
                best = Some((rank, line));
            }
        }
    }
    best.map(|(_, line)| line).unwrap_or_default()
}

/// What the head says of forward: face, eyes and cameras are before the neck.
pub(super) fn vote(skeleton: &Skeleton, head: &[Index], up: &Vector3<f64>, votes: &mut Vec<Vote>) {
    let (Some(&first), Some(&last)) = (head.first(), head.last()) else { return };
    let neck = skeleton.nodes[first].anchor;
    let points = &skeleton.nodes[last].points;
    let before: Vector3<f64> =
        points.iter().map(|point| point - neck).sum::<Vector3<f64>>() / points.len().max(1) as f64;
    let level = before - up * before.dot(up);
    let size = points.iter().map(|point| (point - neck).norm()).fold(1e-6, f64::max);
    let weight = 0.6 * (3.0 * level.norm() / size).min(1.0);
    votes.push(Vote { towards: unit(level), weight, why: "the head looks forwards" });
}

/// Joints that move the whole robot over the ground.
fn is_base(skeleton: &Skeleton, parts: &Parts, node: Index) -> bool {
    skeleton.nodes[node].is_endless_slide()
        || parts.wheels.iter().any(|wheel| skeleton.above(wheel.node).contains(&node))
}

/// The neck's own line: without rods that close a loop.
fn neck(skeleton: &Skeleton, top: Index) -> Vec<Index> {
    let mut line = super::chain::follow(skeleton, top).line;
    if let [_, .., last] = line.as_slice() {
        let below = skeleton.subtree(*last);
        if below.len() > 1 && below.iter().any(|&node| skeleton.looped[node]) {
            line.pop();
        }
    }
    line
}
