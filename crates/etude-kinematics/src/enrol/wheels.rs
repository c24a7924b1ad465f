//! Wheels, their steering, and casters.

use nalgebra::Vector3;

use super::pairs::Pair;
use super::skeleton::{Index, Skeleton};

/// What a joint of the base does.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum WheelRole {
    Wheel,
    Steer,
    Caster,
}

/// One joint of the base.
#[derive(Clone, Copy)]
pub(super) struct Wheel {
    pub(super) node: Index,
    pub(super) role: WheelRole,
}

/// Joints that roll on the ground: the lowest ones, turning without end or nearly so about a level axis, with nothing below
/// them but what they steer.
pub(super) fn find(skeleton: &Skeleton, up: &Vector3<f64>, pairs: &[Pair]) -> Vec<Wheel> {
    let mut in_limb = vec![false; skeleton.len()];
    for node in pairs.iter().flat_map(|pair| &pair.limbs).flat_map(|limb| limb.all(skeleton)) {
        in_limb[node] = true;
    }
    let height = |node: Index| skeleton.nodes[node].anchor.coords.dot(up);
    let heights: Vec<f64> = skeleton.all_points().iter().map(|point| point.coords.dot(up)).collect();
    let (low, high) = heights
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &height| (low.min(height), high.max(height)));
    let reach_m = 0.2 * (high - low).max(1e-9);
    let mut found = Vec::new();
    for (node, joint) in skeleton.nodes.iter().enumerate() {
        let rolls = joint.turns()
            && joint.children.is_empty()
            && joint.axis.dot(up).abs() < 0.2
            && (joint.is_endless() || joint.range() > 6.2)
            && height(node) < low + reach_m;
        if !rolls || in_limb[node] || skeleton.above(node).len() > 4 {
            continue;
        }
        let steer = joint.parent.filter(|&parent| {
            let above = &skeleton.nodes[parent];
            above.turns() && above.axis.dot(up).abs() > 0.9 && above.children.len() == 1
        });
        let Some(steer) = steer else {
            found.push(Wheel { node, role: WheelRole::Wheel });
            continue;
        };
        let offset = joint.anchor - skeleton.nodes[steer].anchor;
        let trail = (offset - up * offset.dot(up) - joint.axis * offset.dot(&joint.axis)).norm();
        let is_caster = skeleton.nodes[steer].is_endless() && trail > 0.02 * reach_m;
        let (first, second) = if is_caster {
            (WheelRole::Caster, WheelRole::Caster)
        } else {
            (WheelRole::Steer, WheelRole::Wheel)
        };
        found.push(Wheel { node: steer, role: first });
        found.push(Wheel { node, role: second });
    }
    found.sort_by_key(|wheel| wheel.node);
    found
}
