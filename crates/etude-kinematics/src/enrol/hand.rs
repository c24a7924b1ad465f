//! Names of a hand's joints: fingers and thumb, or a gripper.

use etude_model::card::Side;
use nalgebra::{Point3, Vector3};

use super::chain::follow;
use super::orient::{unit, wider_way};
use super::skeleton::{Index, Skeleton};
use super::slots::{Found, found};

/// One finger.
#[derive(Clone)]
pub(super) struct Finger {
    /// Joints from the palm outwards.
    pub(super) joints: Vec<Index>,
    pub(super) base: Point3<f64>,
    pub(super) tip: Point3<f64>,
    /// Axis of the outermost joint.
    pub(super) flexion: Vector3<f64>,
    /// Where the tip goes when the finger closes; zero where its range does not say.
    pub(super) closing: Vector3<f64>,
    pub(super) name: String,
    /// How sure the name is.
    pub(super) confidence: f64,
}

/// What the model says of drives.
pub(super) struct Drives<'a> {
    /// Whether an actuator drives a joint; `None` where the format names none.
    pub(super) driven: &'a dyn Fn(Index) -> Option<bool>,
    /// Whether the model is whole, so that its word on drives and couplings counts.
    pub(super) known: bool,
}

/// A hand whose joints have names.
pub(super) struct NamedHand {
    pub(super) joints: Vec<Found>,
    pub(super) fingers: Vec<Finger>,
    pub(super) is_gripper: bool,
    /// The side that thumb and fingers show, and how sure.
    pub(super) side: Option<(Side, f64)>,
}

/// Names the joints that hang on a palm. `drivers` stand before the fingers and move them. `side` is the arm's.
pub(super) fn name(
    skeleton: &Skeleton,
    drivers: &[Index],
    branches: &[Index],
    side: Option<Side>,
    drives: &Drives<'_>,
) -> NamedHand {
    let mut all: Vec<Index> = drivers.to_vec();
    all.extend(branches.iter().flat_map(|&branch| skeleton.subtree(branch)));
    all.sort_unstable();
    if !is_fingers(skeleton, branches) {
        let fingers = branches.iter().map(|&branch| finger(skeleton, branch)).collect();
        let joints = gripper(skeleton, &all, drives);
        return NamedHand { joints, fingers, is_gripper: true, side: None };
    }
    let mut fingers: Vec<Finger> = branches.iter().map(|&branch| finger(skeleton, branch)).collect();
    let shown = name_fingers(&mut fingers, side);
    let mut joints = Vec::new();
    for finger in &fingers {
        for (place, &node) in finger.joints.iter().enumerate() {
            let name = format!("{}_{place}", finger.name);
            joints.push(found(node, &name, finger.confidence, None, "its place across the palm"));
        }
    }
    NamedHand { joints, fingers, is_gripper: false, side: shown }
}

/// Whether the branches are fingers and not the jaws and rods of a gripper: three or more that turn, not all alongside.
fn is_fingers(skeleton: &Skeleton, branches: &[Index]) -> bool {
    let axes: Vec<Vector3<f64>> = branches
        .iter()
        .flat_map(|&branch| skeleton.subtree(branch))
        .filter(|&node| skeleton.nodes[node].turns())
        .map(|node| skeleton.nodes[node].axis)
        .collect();
    let long = branches.iter().filter(|&&branch| skeleton.nodes[branch].turns()).count();
    let slides = branches.iter().any(|&branch| skeleton.nodes[branch].slides());
    let alongside = axes.iter().all(|axis| axes.first().is_none_or(|first| axis.dot(first).abs() > 0.9));
    long >= 3 && !slides && !alongside
}

fn finger(skeleton: &Skeleton, branch: Index) -> Finger {
    let chain = follow(skeleton, branch);
    let mut joints = skeleton.subtree(branch);
    joints.retain(|node| !chain.beside.contains(node));
    let line = &chain.line;
    let tip = skeleton.tip(line);
    let last = line.last().copied().unwrap_or(branch);
    let mut closing = Vector3::zeros();
    for &node in line {
        if skeleton.nodes[node].axis.dot(&skeleton.nodes[last].axis).abs() > 0.8
            && let Some((gone, one_sided)) = wider_way(skeleton, node, &tip)
        {
            closing += unit(gone) * one_sided;
        }
    }
    Finger {
        base: skeleton.nodes[branch].anchor,
        tip,
        flexion: skeleton.nodes[last].axis,
        closing: unit(closing),
        joints,
        name: String::new(),
        confidence: 0.0,
    }
}

/// The driven joint first, then the rest in the tree's order.
fn gripper(skeleton: &Skeleton, all: &[Index], drives: &Drives<'_>) -> Vec<Found> {
    let Drives { driven, known: drives_known } = *drives;
    let follows = |node: Index| skeleton.nodes[node].source.is_some();
    let led = |node: Index| all.iter().filter(|&&other| skeleton.nodes[other].source == Some(node)).count();
    let lead = all
        .iter()
        .copied()
        // Where drives are not known, neither is who follows: the first stands for all.
        .filter(|&node| !drives_known || !follows(node))
        .max_by_key(|&node| {
            (if drives_known { led(node) } else { 0 }, driven(node) == Some(true), std::cmp::Reverse(node))
        });
    // Where the part of the file that names drives is missing, nobody can say which of two coupled jaws leads.
    let sure_of_lead = if drives_known { 0.95 } else { 0.7 };
    let mut joints = Vec::new();
    let mut count = 1;
    for &node in all {
        if Some(node) == lead {
            let lone = all.len() == 1 || led(node) > 0 || driven(node) == Some(true);
            joints.push(found(
                node,
                "gripper",
                if lone { sure_of_lead } else { sure_of_lead - 0.1 },
                None,
                "the joint that drives the jaws",
            ));
            continue;
        }
        let is_pad = skeleton.nodes[node].is_endless() && !follows(node) && driven(node) != Some(true);
        if is_pad {
            continue;
        }
        count += 1;
        joints.push(found(
            node,
            &format!("gripper_{count}"),
            sure_of_lead.min(0.9),
            None,
            "it moves with the jaws",
        ));
    }
    joints
}

/// Names fingers; returns the hand's side where its thumb shows it.
fn name_fingers(fingers: &mut [Finger], side: Option<Side>) -> Option<(Side, f64)> {
    let Some((thumb, thumb_clear)) = thumb(fingers) else {
        letter(fingers);
        return None;
    };
    let others: Vec<usize> = (0..fingers.len()).filter(|&place| place != thumb).collect();
    if others.is_empty() || others.len() > 4 {
        letter(fingers);
        return None;
    }
    let forward =
        others.iter().map(|&place| unit(fingers[place].tip - fingers[place].base)).sum::<Vector3<f64>>();
    let across = across(fingers, &others, &unit(forward));
    let mut order = others.clone();
    order.sort_by(|&a, &b| {
        fingers[a].base.coords.dot(&across).total_cmp(&fingers[b].base.coords.dot(&across))
    });
    let (first, last) = (fingers[order[0]].base, fingers[order[order.len() - 1]].base);
    let width = (last - first).dot(&across).max(1e-9);
    // The thumb is beside the index: its root, its tip and all between are nearer to that end.
    let middle = (first.coords + last.coords) / 2.0;
    let thumb_at = (fingers[thumb].base.coords + fingers[thumb].tip.coords) / 2.0;
    let root = (fingers[thumb].base.coords - middle).dot(&across) / width;
    let lean =
        if others.len() == 1 { 0.0 } else { 0.5 * (thumb_at - middle).dot(&across) / width + 0.5 * root };
    let palm = others.iter().map(|&place| fingers[place].closing).sum::<Vector3<f64>>();
    // On a left hand the index lies towards palm × fingers, on a right one the other way.
    let towards_index_left = unit(palm).cross(&unit(forward));
    let handed = towards_index_left.dot(&across);
    let mut shown = None;
    let mut sure = thumb_clear;
    let index_is_last = if lean.abs() > 0.12 {
        let index_is_last = lean > 0.0;
        let left = (handed > 0.0) == index_is_last;
        let confidence = (0.6 + 0.8 * lean.abs()).min(0.95) * if handed.abs() > 0.5 { 1.0 } else { 0.6 };
        shown = Some((if left { Side::Left } else { Side::Right }, confidence));
        sure = sure.min(0.7 + 0.5 * lean.abs());
        if let Some(side) = side
            && handed.abs() > 0.5
        {
            // The arm's side is a second witness.
            let agrees = left == (side == Side::Left);
            sure = if agrees { 1.0 - (1.0 - sure) * 0.4 } else { sure * 0.7 };
        }
        index_is_last
    } else if let Some(side) = side.filter(|_| handed.abs() > 0.5) {
        sure = sure.min(0.85);
        (handed > 0.0) == (side == Side::Left)
    } else {
        sure = sure.min(0.5);
        true
    };
    if index_is_last {
        order.reverse();
    }
    if others.len() == 1 {
        sure = thumb_clear.min(0.8);
    }
    for (&place, name) in order.iter().zip(["index", "middle", "ring", "little"]) {
        name.clone_into(&mut fingers[place].name);
        fingers[place].confidence = sure.min(0.97);
    }
    "thumb".clone_into(&mut fingers[thumb].name);
    fingers[thumb].confidence = thumb_clear;
    shown
}

/// The direction across the palm, along the roots of the fingers.
fn across(fingers: &[Finger], others: &[usize], along: &Vector3<f64>) -> Vector3<f64> {
    let mut widest = Vector3::zeros();
    for &a in others {
        for &b in others {
            let apart = fingers[b].base - fingers[a].base;
            // Little fingers with a joint in the palm start far back; across the fingers is along their hinges.
            let apart = apart - along * apart.dot(along);
            if apart.norm() > widest.norm() + 1e-9 {
                widest = apart;
            }
        }
    }
    unit(widest)
}

/// The finger least like the others: it points, folds and stands apart. `None` where all are alike.
fn thumb(fingers: &[Finger]) -> Option<(usize, f64)> {
    if fingers.len() < 3 {
        return None;
    }
    let size =
        fingers.iter().flat_map(|a| fingers.iter().map(|b| (a.base - b.base).norm())).fold(1e-9, f64::max);
    let oddness = |place: usize| -> f64 {
        let own = &fingers[place];
        let sum: f64 = fingers
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != place)
            .map(|(_, other)| {
                let fold = 1.0 - own.flexion.dot(&other.flexion).abs();
                let way = 1.0 - unit(own.tip - own.base).dot(&unit(other.tip - other.base));
                // Two that close against each other are no neighbours, even where they lie alongside.
                let closing = 1.0 - own.closing.dot(&other.closing);
                let along = unit(other.tip - other.base);
                let back = (own.base - other.base).dot(&along).abs() / size;
                fold + 0.5 * way + 0.5 * closing + back
            })
            .sum();
        sum / (fingers.len() - 1) as f64
    };
    let mut ranked: Vec<(f64, usize)> = (0..fingers.len()).map(|place| (oddness(place), place)).collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
    match ranked.as_slice() {
        [(first, place), (second, _), ..] if *first > 1.25 * second => {
            let clear = 1.0 - second / first;
            Some((*place, (0.75 + 0.4 * clear).min(0.97)))
        }
        _ => None,
    }
}

/// Fingers that cannot be told apart have letters; where they are not even of one build, that is asked.
fn letter(fingers: &mut [Finger]) {
    let alike = fingers.windows(2).all(|two| two[0].joints.len() == two[1].joints.len());
    for (finger, letter) in fingers.iter_mut().zip('a'..='z') {
        finger.name = format!("finger_{letter}");
        finger.confidence = if alike { 0.9 } else { 0.5 };
    }
}
