//! Names beside geometry: what the names of a model's joints say together, and how their word changes confidence.

use etude_model::card::Side;
use etude_model::slot::Slot;
use nalgebra::Vector3;

use super::names::{self, Said, Verdict};
use super::orient::{Vote, unit};
use super::pairs::Pair;
use super::skeleton::Skeleton;

/// A joint's name and what it says.
pub(super) struct Name {
    pub(super) text: String,
    pub(super) said: Said,
}

impl Name {
    pub(super) fn new(text: &str) -> Self {
        Self { text: text.to_owned(), said: names::read(text) }
    }
}

/// Most that names can weigh in the question of forward; geometry that speaks at all weighs more.
const WEIGHT: f64 = 0.6;

/// What the sides in the names say of forward.
pub(super) fn forward(
    skeleton: &Skeleton,
    names: &[Name],
    pairs: &[Pair],
    lateral: &Vector3<f64>,
    up: &Vector3<f64>,
    votes: &mut Vec<Vote>,
) {
    let mut left: Vector3<f64> = Vector3::zeros();
    for pair in pairs {
        for (limb, towards) in pair.limbs.iter().zip([pair.apart, -pair.apart]) {
            match side(skeleton, names, &limb.all(skeleton)) {
                Some(Side::Left) => left += unit(towards),
                Some(Side::Right) => left -= unit(towards),
                None => {}
            }
        }
    }
    let left = unit(lateral * left.dot(lateral));
    if left.norm() > 0.5 {
        votes.push(Vote { towards: left.cross(up), weight: WEIGHT, why: "names say left and right" });
    }
}

/// The side that most names of these joints say.
pub(super) fn side(skeleton: &Skeleton, names: &[Name], nodes: &[usize]) -> Option<Side> {
    let count = |side: Side| {
        nodes
            .iter()
            .filter(|&&node| node < skeleton.len())
            .filter_map(|&node| names.get(node))
            .filter(|name| name.said.side == Some(side))
            .count()
    };
    let (left, right) = (count(Side::Left), count(Side::Right));
    match left.cmp(&right) {
        std::cmp::Ordering::Greater => Some(Side::Left),
        std::cmp::Ordering::Less => Some(Side::Right),
        std::cmp::Ordering::Equal => None,
    }
}

/// Confidence after the name was heard, and what to say of it.
pub(super) fn heard(confidence: f64, name: &Name, slot: &Slot) -> (f64, Option<String>) {
    match names::compare(&name.said, slot) {
        Verdict::Silent => (confidence, None),
        Verdict::Agrees => (1.0 - (1.0 - confidence) * 0.5, Some("the name agrees".to_owned())),
        Verdict::OtherAxis => {
            (confidence * 0.95, Some(format!("the name \"{}\" calls the axis otherwise", name.text)))
        }
        Verdict::OtherPart => {
            (confidence * 0.75, Some(format!("the name \"{}\" speaks of another part or side", name.text)))
        }
    }
}
