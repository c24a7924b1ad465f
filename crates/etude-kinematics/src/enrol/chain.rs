//! The main line of a limb: from where it starts, past gears and rods, to where it parts into fingers.

use nalgebra::{Point3, Vector3};

use super::skeleton::{Index, Skeleton};

/// A branch goes on as the limb where it reaches this much farther than the next one.
const DOMINANCE: f64 = 1.35;

/// A limb's main line and what parts from its end.
#[derive(Clone)]
pub(super) struct Chain {
    /// Joints from the torso outwards.
    pub(super) line: Vec<Index>,
    /// First joints of the branches at the end: fingers.
    pub(super) branches: Vec<Index>,
    /// Joints beside the line that drive or follow it: motors of gears, rods.
    pub(super) beside: Vec<Index>,
}

impl Chain {
    /// Every joint of the limb, fingers and gears included.
    pub(super) fn all(&self, skeleton: &Skeleton) -> Vec<Index> {
        self.line.first().map_or_else(Vec::new, |&top| skeleton.subtree(top))
    }

    pub(super) fn first(&self) -> Index {
        self.line.first().copied().unwrap_or_default()
    }

    /// Distance from the first axis to the last one, joint by joint, m.
    pub(super) fn length(&self, skeleton: &Skeleton) -> f64 {
        let links = self
            .line
            .windows(2)
            .map(|link| (skeleton.nodes[link[1]].anchor - skeleton.nodes[link[0]].anchor).norm());
        links.sum()
    }
}

/// Follows the limb that starts at `top`.
pub(super) fn follow(skeleton: &Skeleton, top: Index) -> Chain {
    let mut chain = Chain { line: vec![top], branches: Vec::new(), beside: Vec::new() };
    let mut at = top;
    loop {
        let (beside, ahead): (Vec<Index>, Vec<Index>) =
            skeleton.nodes[at].children.iter().partition(|&&child| is_beside(skeleton, at, child));
        chain.beside.extend(beside.iter().flat_map(|&child| skeleton.subtree(child)));
        match ahead.as_slice() {
            [] => return chain,
            [only] => {
                chain.line.push(*only);
                at = *only;
            }
            _ => {
                let Some(next) = dominant(skeleton, at, &ahead) else {
                    chain.branches = ahead;
                    return chain;
                };
                let others = ahead.iter().filter(|&&child| child != next);
                chain.beside.extend(others.flat_map(|&child| skeleton.subtree(child)));
                chain.line.push(next);
                at = next;
            }
        }
    }
}

/// A gear's motor or a rod: a joint without others below that is coupled to its parent or to a sibling that goes on, or
/// that cannot be set by one number.
fn is_beside(skeleton: &Skeleton, parent: Index, child: Index) -> bool {
    let node = &skeleton.nodes[child];
    if !node.turns() && !node.slides() {
        return true;
    }
    let siblings = &skeleton.nodes[parent].children;
    if !node.children.is_empty() || siblings.len() < 2 {
        return false;
    }
    let coupled = |other: Index| {
        node.source == Some(other)
            || skeleton.nodes[other].source == Some(child)
            || (node.source.is_some() && node.source == skeleton.nodes[other].source)
    };
    coupled(parent)
        || siblings
            .iter()
            .any(|&other| other != child && coupled(other) && !skeleton.nodes[other].children.is_empty())
}

/// The branch that is the limb itself: it goes clearly farther than every other one.
fn dominant(skeleton: &Skeleton, at: Index, ahead: &[Index]) -> Option<Index> {
    let from = skeleton.nodes[at].anchor;
    let mut reaches: Vec<(f64, Index)> =
        ahead.iter().map(|&child| (skeleton.reach_from(&from, child), child)).collect();
    reaches.sort_by(|a, b| b.0.total_cmp(&a.0));
    match reaches.as_slice() {
        [(first, next), (second, _), ..] if *first > DOMINANCE * second => Some(*next),
        _ => None,
    }
}

/// Distance between two axes and the cosine between them: what does not change when the joints move.
pub(super) fn between(skeleton: &Skeleton, one: Index, other: Index) -> (f64, f64) {
    let (a, b) = (&skeleton.nodes[one], &skeleton.nodes[other]);
    let offset: Vector3<f64> = b.anchor - a.anchor;
    let cross = a.axis.cross(&b.axis);
    let distance =
        if cross.norm() < 0.1 { offset.cross(&a.axis).norm() } else { offset.dot(&cross.normalize()).abs() };
    (distance, a.axis.dot(&b.axis).abs())
}

/// The point of a joint's axis that lies nearest to a point.
pub(super) fn on_axis(skeleton: &Skeleton, node: Index, near: &Point3<f64>) -> Point3<f64> {
    let node = &skeleton.nodes[node];
    node.anchor + node.axis * (near - node.anchor).dot(&node.axis)
}

/// Where a limb starts: the point of the last axis of shoulder or hip nearest to the axis before it.
pub(super) fn root_of(skeleton: &Skeleton, before: &[Index], bend: Index) -> Point3<f64> {
    match before {
        [.., one, last] => nearest(skeleton, *last, *one),
        [only] => on_axis(skeleton, *only, &skeleton.nodes[bend].anchor),
        [] => skeleton.nodes[bend].anchor,
    }
}

/// The point of one axis nearest to another axis; the anchor where they run alongside.
fn nearest(skeleton: &Skeleton, of: Index, to: Index) -> Point3<f64> {
    let (a, b) = (&skeleton.nodes[of], &skeleton.nodes[to]);
    let cosine = a.axis.dot(&b.axis);
    let square = 1.0 - cosine * cosine;
    if square < 0.05 {
        return a.anchor;
    }
    let offset = b.anchor - a.anchor;
    let along = (offset.dot(&a.axis) - cosine * offset.dot(&b.axis)) / square;
    a.anchor + a.axis * along
}

/// How unlike two limbs are, 0 for the same: link lengths and angles between axes, both the same in every posture.
pub(super) fn unlikeness(skeleton: &Skeleton, one: &Chain, other: &Chain) -> f64 {
    let shared = one.line.len().min(other.line.len());
    let longest = one.line.len().max(other.line.len());
    if shared < 2 {
        return f64::INFINITY;
    }
    let scale = (one.length(skeleton).max(other.length(skeleton)) / (longest - 1) as f64).max(1e-6);
    let mut sum = 0.0;
    for i in 0..shared {
        if skeleton.nodes[one.line[i]].kind != skeleton.nodes[other.line[i]].kind {
            sum += 1.0;
        }
        if i + 1 == shared {
            break;
        }
        let (apart_one, cosine_one) = between(skeleton, one.line[i], one.line[i + 1]);
        let (apart_other, cosine_other) = between(skeleton, other.line[i], other.line[i + 1]);
        let anchors =
            |line: &[Index]| (skeleton.nodes[line[i + 1]].anchor - skeleton.nodes[line[i]].anchor).norm();
        let by_anchor = (anchors(&one.line) - anchors(&other.line)).abs();
        let by_axis = (apart_one - apart_other).abs();
        sum += by_anchor.min(by_axis) / scale + (cosine_one - cosine_other).abs();
    }
    sum / shared as f64 + (longest - shared) as f64 / longest as f64
}
