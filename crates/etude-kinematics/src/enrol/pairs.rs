//! Limbs that come twice: the left one and the right one, whatever posture each is in.

use nalgebra::Vector3;

use super::chain::{Chain, follow, unlikeness};
use super::skeleton::{Index, Skeleton};

/// Limbs less alike than this are no pair.
const MOST_UNLIKE: f64 = 0.12;
/// Fewest joints of a limb.
const FEWEST_JOINTS: usize = 3;

/// Two limbs of one build on one parent. Which of them is the left one is not yet known.
#[derive(Clone)]
pub(super) struct Pair {
    pub(super) parent: Option<Index>,
    pub(super) limbs: [Chain; 2],
    pub(super) unlikeness: f64,
    /// From the second limb's first joint to the first one's, m.
    pub(super) apart: Vector3<f64>,
}

impl Pair {
    /// Joints of one limb.
    pub(super) fn joints(&self) -> usize {
        self.limbs[0].line.len().min(self.limbs[1].line.len())
    }
}

/// Every pair of limbs, nearest to the base first. Nothing inside a limb is looked at.
pub(super) fn find(skeleton: &Skeleton) -> Vec<Pair> {
    let mut found = Vec::new();
    let mut open: Vec<Option<Index>> = vec![None];
    while let Some(parent) = open.pop() {
        let limbs: Vec<Chain> =
            skeleton.children(parent).iter().map(|&child| follow(skeleton, child)).collect();
        let mut taken = vec![false; limbs.len()];
        let mut candidates = candidates(skeleton, &limbs);
        candidates.sort_by(|a, b| a.0.total_cmp(&b.0));
        for (unlikeness, i, j) in candidates {
            if taken[i] || taken[j] {
                continue;
            }
            (taken[i], taken[j]) = (true, true);
            let apart = apart(skeleton, &limbs[i], &limbs[j]);
            let limbs = [limbs[i].clone(), limbs[j].clone()];
            found.push(Pair { parent, limbs, unlikeness, apart });
        }
        for (limb, taken) in limbs.iter().zip(taken) {
            if !taken {
                open.push(Some(limb.first()));
            }
        }
    }
    found
}

fn candidates(skeleton: &Skeleton, limbs: &[Chain]) -> Vec<(f64, usize, usize)> {
    let mut candidates = Vec::new();
    for i in 0..limbs.len() {
        for j in i + 1..limbs.len() {
            if limbs[i].line.len().min(limbs[j].line.len()) < FEWEST_JOINTS {
                continue;
            }
            let apart = apart(skeleton, &limbs[i], &limbs[j]).norm();
            let unlikeness = unlikeness(skeleton, &limbs[i], &limbs[j]);
            if unlikeness < MOST_UNLIKE && apart > 0.02 * limbs[i].length(skeleton) {
                candidates.push((unlikeness, i, j));
            }
        }
    }
    candidates
}

/// From the second limb to the first: between their first joints, or the next ones where those share a place, as
/// collarbones do.
fn apart(skeleton: &Skeleton, one: &Chain, other: &Chain) -> Vector3<f64> {
    let scale = 0.02 * one.length(skeleton);
    one.line
        .iter()
        .zip(&other.line)
        .map(|(&a, &b)| skeleton.nodes[a].anchor - skeleton.nodes[b].anchor)
        .find(|apart| apart.norm() > scale)
        .unwrap_or_else(Vector3::zeros)
}
