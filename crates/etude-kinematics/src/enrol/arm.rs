//! Names of an arm's joints: shoulder, elbow, wrist.

use nalgebra::{Point3, Vector3};

use super::chain::{Chain, on_axis, root_of};
use super::naming::{Meaning, assign};
use super::orient::{Directions, bend, limb_end, unit};
use super::skeleton::{Index, Skeleton};
use super::slots::{Found, found};

/// An arm whose joints have names.
pub(super) struct NamedArm {
    pub(super) joints: Vec<Found>,
    /// Joints at its end that belong to the hand: they drive the fingers or are a single jaw.
    pub(super) of_hand: Vec<Index>,
    /// Where shoulder, elbow and wrist are, in the world.
    pub(super) shoulder: Point3<f64>,
    pub(super) elbow: Option<Point3<f64>>,
    pub(super) wrist: Point3<f64>,
    /// The last joint of the arm itself.
    pub(super) last: Option<Index>,
    /// Whether the joint of the hand is a jaw by its range and place alone.
    pub(super) jaw_by_guess: bool,
}

impl NamedArm {
    /// From the shoulder by the elbow to the wrist, m; `None` without an elbow.
    pub(super) fn length_m(&self) -> Option<f64> {
        let elbow = self.elbow?;
        Some((elbow - self.shoulder).norm() + (self.wrist - elbow).norm())
    }
}

/// Names the joints of one arm.
pub(super) fn name(skeleton: &Skeleton, chain: &Chain, directions: &Directions, alone: bool) -> NamedArm {
    let mut line = chain.line.clone();
    let mut joints = Vec::new();
    let slides = line.iter().take_while(|&&node| skeleton.nodes[node].slides()).count();
    for (place, node) in line.drain(..slides).enumerate() {
        let name = if place == 0 { "extension".to_owned() } else { format!("extension_{}", place + 1) };
        joints.push(found(node, &name, 0.9, None, "a slide along the arm"));
    }
    let (of_hand, jaw_by_guess) = hand_drivers(skeleton, chain, &mut line);
    let tip = tip(skeleton, chain, &line, &of_hand, jaw_by_guess);
    let place = if slides > 0 { None } else { elbow_place(skeleton, &line, &tip) };
    let last = line.last().copied();
    let first = line.first().map_or(tip, |&node| skeleton.nodes[node].anchor);
    let Some(place) = place else {
        name_wrist(skeleton, &line, None, &tip, &mut joints);
        let wrist = last.map_or(tip, |node| skeleton.nodes[node].anchor);
        return NamedArm { joints, of_hand, shoulder: first, elbow: None, wrist, last, jaw_by_guess };
    };
    let elbow_node = line[place];
    let (before, after) = (&line[..place], &line[place + 1..]);
    let shoulder = root_of(skeleton, before, elbow_node);
    let elbow = on_axis(skeleton, elbow_node, &shoulder);
    let wrist = last.filter(|&node| node != elbow_node).map_or(tip, |node| skeleton.nodes[node].anchor);
    let lateral = if alone { unit(skeleton.nodes[elbow_node].axis) } else { directions.left };
    name_shoulder(skeleton, before, &lateral, directions, &unit(elbow - shoulder), &mut joints);
    let lever =
        |node: Index| skeleton.nodes[node].distance_to(&first).min(skeleton.nodes[node].distance_to(&tip));
    let rival = line.iter().filter(|&&node| node != elbow_node).map(|&node| lever(node)).fold(0.0, f64::max);
    let clear = 1.0 - rival / lever(elbow_node).max(1e-9);
    joints.push(found(
        elbow_node,
        "elbow",
        (0.85 + 0.3 * clear).min(0.97),
        None,
        "it shortens the arm most when it turns",
    ));
    name_wrist(skeleton, after, Some(elbow_node), &tip, &mut joints);
    NamedArm { joints, of_hand, shoulder, elbow: Some(elbow), wrist, last, jaw_by_guess }
}

/// The joint with the longest levers on both sides. It is the third at the earliest and the fifth at the latest.
fn elbow_place(skeleton: &Skeleton, line: &[Index], tip: &Point3<f64>) -> Option<usize> {
    if line.len() < 3 {
        return None;
    }
    let end = limb_end(skeleton, line, tip);
    bend(skeleton, &line[..line.len().min(6)], &end, None).filter(|&place| place >= 1)
}

/// Joints at the end of the line that move fingers, and not the hand: a driver that fingers follow, or a single jaw.
fn hand_drivers(skeleton: &Skeleton, chain: &Chain, line: &mut Vec<Index>) -> (Vec<Index>, bool) {
    let Some(&last) = line.last() else { return (Vec::new(), false) };
    let fingers: Vec<Index> = chain.branches.iter().flat_map(|&branch| skeleton.subtree(branch)).collect();
    let drives = |node: Index| fingers.iter().any(|&finger| skeleton.nodes[finger].source == Some(node));
    if line.len() > 1 && drives(last) {
        line.pop();
        return (vec![last], false);
    }
    if line.len() > 1 && skeleton.nodes[last].slides() && chain.branches.is_empty() {
        line.pop();
        return (vec![last], false);
    }
    if chain.branches.is_empty() && line.len() >= 6 && is_jaw(skeleton, line) {
        line.pop();
        return (vec![last], true);
    }
    (Vec::new(), false)
}

/// A single jaw: a hinge across a roll before it that opens to one side only, on a hand that reaches as far as the jaw.
fn is_jaw(skeleton: &Skeleton, line: &[Index]) -> bool {
    let [.., roll, jaw] = line else { return false };
    let (roll_node, jaw_node) = (&skeleton.nodes[*roll], &skeleton.nodes[*jaw]);
    if jaw_node.is_endless() || !jaw_node.turns() || roll_node.axis.dot(&jaw_node.axis).abs() > 0.2 {
        return false;
    }
    let one_sided = (jaw_node.upper + jaw_node.lower).abs() / jaw_node.range() > 0.6;
    let out = jaw_node.anchor - roll_node.anchor;
    let along = roll_node.axis * out.dot(&roll_node.axis).signum();
    let beyond =
        roll_node.points.iter().map(|point| (point - jaw_node.anchor).dot(&along)).fold(f64::MIN, f64::max);
    one_sided && beyond > 0.3 * out.norm()
}

/// Where the hand ends: between the fingers' roots, else the farthest frame.
fn tip(
    skeleton: &Skeleton,
    chain: &Chain,
    line: &[Index],
    of_hand: &[Index],
    jaw_by_guess: bool,
) -> Point3<f64> {
    if jaw_by_guess {
        return skeleton.tip(line);
    }
    let roots: Vec<Index> = if chain.branches.is_empty() { of_hand.to_vec() } else { chain.branches.clone() };
    if roots.is_empty() {
        return skeleton.tip(line);
    }
    let sum: Vector3<f64> = roots.iter().map(|&node| skeleton.nodes[node].anchor.coords).sum();
    Point3::from(sum / roots.len() as f64)
}

fn name_shoulder(
    skeleton: &Skeleton,
    before: &[Index],
    lateral: &Vector3<f64>,
    directions: &Directions,
    upper_arm: &Vector3<f64>,
    joints: &mut Vec<Found>,
) {
    let (scapula, shoulder) = before.split_at(before.len().saturating_sub(3));
    for (place, &node) in scapula.iter().enumerate() {
        let name = if place == 0 { "scapula".to_owned() } else { format!("scapula_{}", place + 1) };
        joints.push(found(node, &name, 0.85, None, "before the last three of the shoulder"));
    }
    let across = lateral.cross(upper_arm);
    // In a T-pose the upper arm itself is lateral; roll is then about forward.
    let across = if across.norm() < 0.35 { directions.forward } else { unit(across) };
    let fits = |towards: &Vector3<f64>| -> Vec<f64> {
        shoulder.iter().map(|&node| skeleton.nodes[node].axis.dot(towards).abs()).collect()
    };
    let meanings = [
        Meaning { name: "shoulder_pitch", fit: fits(lateral) },
        Meaning { name: "shoulder_roll", fit: fits(&across) },
        Meaning { name: "shoulder_yaw", fit: fits(upper_arm) },
    ];
    // Where two axes coincide, the one nearer to the elbow is the yaw.
    let choices = assign(shoulder.len(), &meanings, &[0.0, 0.0, 0.08]);
    for (&node, choice) in shoulder.iter().zip(choices) {
        joints.push(found(
            node,
            choice.name,
            choice.confidence,
            choice.instead,
            "its axis beside the lateral axis, the upper arm and what is square to both",
        ));
    }
}

/// Names what comes after the elbow: twists along forearm and hand, and bends.
fn name_wrist(
    skeleton: &Skeleton,
    after: &[Index],
    elbow: Option<Index>,
    tip: &Point3<f64>,
    joints: &mut Vec<Found>,
) {
    let (Some(&first), Some(&last)) = (after.first(), after.last()) else { return };
    let axis = |node: Index| skeleton.nodes[node].axis;
    let end = if first == last { *tip } else { skeleton.nodes[last].anchor };
    let from = elbow.map(|elbow| on_axis(skeleton, elbow, &end));
    let forearm = from.map(|from| unit(end - from));
    let twist = forearm.map(|forearm| axis(first).dot(&forearm).abs());
    let hand = tip - skeleton.nodes[last].anchor;
    // A model that ends at its last axis says nothing of the hand; it is then taken to go on along the forearm.
    let hand = if hand.norm() > 1e-3 { unit(hand) } else { forearm.unwrap_or_else(|| unit(hand)) };
    let roll = axis(last).dot(&hand).abs();
    let is_twist = twist.is_some_and(|twist| twist > 0.75);
    let is_roll = roll > 0.75 && (first != last || !is_twist);
    let two = is_twist && is_roll && first != last;
    let mut bends: Vec<Index> = after.to_vec();
    if is_twist {
        bends.retain(|&node| node != first);
        let name = if two { "forearm_roll" } else { "wrist_roll" };
        let sure = 0.55 + 0.42 * twist.unwrap_or_default();
        joints.push(found(first, name, sure, None, "along the forearm"));
    }
    if is_roll {
        bends.retain(|&node| node != last);
        joints.push(found(last, "wrist_roll", 0.55 + 0.42 * roll, None, "along the hand"));
    }
    name_bends(skeleton, &bends, elbow, two, joints);
}

fn name_bends(
    skeleton: &Skeleton,
    bends: &[Index],
    elbow: Option<Index>,
    between_rolls: bool,
    joints: &mut Vec<Found>,
) {
    let alongside = |node: Index| {
        // Without an elbow a level axis pitches.
        elbow.map_or(1.0 - skeleton.nodes[node].axis.z.abs(), |elbow| {
            skeleton.nodes[node].axis.dot(&skeleton.nodes[elbow].axis).abs()
        })
    };
    match bends {
        [] => {}
        [only] => {
            let fit = alongside(*only);
            let sure = if fit > 0.7 { 0.93 } else { 0.6 };
            let name = if fit > 0.5 || between_rolls { "wrist_pitch" } else { "wrist_yaw" };
            let instead = if name == "wrist_pitch" { "wrist_yaw" } else { "wrist_pitch" };
            joints.push(found(
                *only,
                name,
                sure,
                Some(instead),
                "the one bend of the wrist, beside the elbow's axis",
            ));
        }
        [..] => {
            let meanings = [
                Meaning { name: "wrist_pitch", fit: bends.iter().map(|&node| alongside(node)).collect() },
                Meaning { name: "wrist_yaw", fit: bends.iter().map(|&node| 1.0 - alongside(node)).collect() },
            ];
            let choices = assign(bends.len().min(2), &meanings, &[0.0, 0.0]);
            for (&node, choice) in bends.iter().zip(choices) {
                let sure = if elbow.is_some() { choice.confidence } else { choice.confidence.min(0.85) };
                joints.push(found(node, choice.name, sure, choice.instead, "beside the elbow's axis"));
            }
            for (place, &node) in bends.iter().enumerate().skip(2) {
                joints.push(found(node, &format!("wrist_pitch_{place}"), 0.5, None, "a further bend"));
            }
        }
    }
}
