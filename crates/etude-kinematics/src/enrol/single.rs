//! Models without pairs of limbs: one arm, on a base or alone, and a hand or gripper alone.

use nalgebra::Vector3;

use super::chain::{Chain, follow};
use super::orient::{self, Vote, unit};
use super::parts::{Limb, Parts, extent};
use super::skeleton::{Index, Skeleton};
use super::wheels;

/// Most joints of a finger, and of the wrist before a hand alone.
const MOST_FINGER_JOINTS: usize = 5;
const MOST_WRIST_JOINTS: usize = 2;
/// A hand alone is smaller than this, m: a fact about people's things. A robot's arm or leg is longer.
const LARGEST_HAND_M: f64 = 0.8;

/// The hand, where the model is nothing else: after a wrist of two joints at most it parts into fingers.
pub(super) fn hand_alone(skeleton: &Skeleton) -> Option<Chain> {
    let mut hand = Chain { line: Vec::new(), branches: Vec::new(), beside: Vec::new() };
    let mut at: Option<Index> = None;
    loop {
        match skeleton.children(at) {
            [] => return None,
            [only] => {
                hand.line.push(*only);
                at = Some(*only);
            }
            several => {
                hand.branches = several.to_vec();
                break;
            }
        }
    }
    // Fingers do not part again; the two sides of a gripper's linkage may.
    let parts_again = |&branch: &Index| !follow(skeleton, branch).branches.is_empty();
    if hand.branches.len() > 2 && hand.branches.iter().any(parts_again) {
        return None;
    }
    let fingers_are_short =
        hand.branches.iter().all(|&branch| skeleton.nodes[branch].depth <= MOST_FINGER_JOINTS);
    let small = extent(&skeleton.all_points()) < LARGEST_HAND_M;
    let mass_kg: f64 = skeleton.nodes.iter().map(|node| node.mass_kg).sum();
    let fits = fingers_are_short && hand.line.len() <= MOST_WRIST_JOINTS && small && mass_kg < 10.0;
    fits.then_some(hand)
}

/// One arm: the longest chain. It has no side of its own.
pub(super) fn arm(skeleton: &Skeleton) -> Parts {
    let mut parts = Parts::nothing();
    let tops: Vec<Chain> = tops(skeleton).into_iter().map(|top| follow(skeleton, top)).collect();
    let reach = |chain: &Chain| skeleton.reach_from(&skeleton.nodes[chain.first()].anchor, chain.first());
    let arm = tops.iter().filter(|chain| chain.line.len() >= 3).max_by(|a, b| {
        (a.line.len().min(5) as f64 * reach(a)).total_cmp(&(b.line.len().min(5) as f64 * reach(b)))
    });
    let Some(arm) = arm.cloned() else { return parts };
    let up = Vector3::z();
    parts.wheels = wheels::find(skeleton, &up, &[]);
    parts.wheels.retain(|wheel| !arm.line.contains(&wheel.node));
    let rolling = parts.wheels.iter().find(|wheel| wheel.role == wheels::WheelRole::Wheel);
    let tip = skeleton.tip(&arm.line);
    let elbow =
        orient::bend(skeleton, &arm.line, &tip, None).map(|place| skeleton.nodes[arm.line[place]].axis);
    let lateral = rolling
        .map(|wheel| skeleton.nodes[wheel.node].axis)
        .or(elbow.filter(|axis| axis.dot(&up).abs() < 0.3))
        .map_or(Vector3::y(), |axis| unit(axis - up * axis.dot(&up)));
    let mut votes = vec![Vote { towards: Vector3::x(), weight: 0.3, why: "x is forward by convention" }];
    if rolling.is_none() {
        let out = tip - skeleton.nodes[arm.first()].anchor;
        votes.push(Vote {
            towards: unit(out - up * out.dot(&up)),
            weight: 0.8,
            why: "the arm reaches there",
        });
    }
    parts.directions = orient::forward(orient::snap(lateral), up, &votes);
    // Slides along the mast before the arm lift it.
    let lifts = arm
        .line
        .iter()
        .take_while(|&&node| skeleton.nodes[node].slides() && skeleton.nodes[node].axis.dot(&up).abs() > 0.9)
        .count();
    let (waist, line) = arm.line.split_at(lifts.min(arm.line.len() - 1));
    parts.waist = waist.to_vec();
    let chain = Chain { line: line.to_vec(), ..arm };
    parts.arms.push(Limb { chain, side: None, confidence: 0.9 });
    if !parts.wheels.is_empty() {
        parts.head = super::head::find(skeleton, &parts);
    }
    parts
}

/// Where limbs may start: joints on the base, or beyond joints that move the base itself.
fn tops(skeleton: &Skeleton) -> Vec<Index> {
    let mut open: Vec<Index> = skeleton.roots.clone();
    let mut tops = Vec::new();
    while let Some(node) = open.pop() {
        if skeleton.nodes[node].is_endless_slide() {
            open.extend_from_slice(&skeleton.nodes[node].children);
        } else {
            tops.push(node);
        }
    }
    tops.sort_unstable();
    tops
}
