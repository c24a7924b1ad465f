//! Names of a leg's joints, of the waist's, the neck's.

use nalgebra::Vector3;

use super::chain::{Chain, on_axis, root_of};
use super::naming::{Meaning, assign};
use super::orient::{Directions, bend, limb_end, unit};
use super::skeleton::{Index, Skeleton};
use super::slots::{Found, found};

/// Names the joints of one leg.
pub(super) fn name(skeleton: &Skeleton, leg: &Chain, directions: &Directions) -> Vec<Found> {
    let line = &leg.line;
    let tip = skeleton.tip(line);
    let mut joints = Vec::new();
    let lateral = &directions.left;
    let end = limb_end(skeleton, line, &tip);
    let Some(knee) = bend(skeleton, line, &end, Some(lateral)) else { return joints };
    let (hips, after) = (&line[..knee], &line[knee + 1..]);
    let knee_at = on_axis(skeleton, line[knee], &skeleton.nodes[leg.first()].anchor);
    let hip_at = root_of(skeleton, hips, line[knee]);
    let thigh = knee_at - hip_at;
    let thigh = if thigh.norm() > 1e-6 { unit(thigh) } else { -directions.up };
    let fits = |towards: &Vector3<f64>| -> Vec<f64> {
        hips.iter().map(|&node| skeleton.nodes[node].axis.dot(towards).abs()).collect()
    };
    let straight = unit(-directions.up * thigh.dot(&-directions.up).signum() + thigh);
    let meanings = [
        Meaning { name: "hip_pitch", fit: fits(lateral) },
        Meaning { name: "hip_roll", fit: fits(&unit(lateral.cross(&straight))) },
        Meaning { name: "hip_yaw", fit: fits(&straight) },
    ];
    let three = hips.len().min(3);
    let choices = assign(three, &meanings, &[0.0, 0.02, 0.0]);
    for (&node, choice) in hips.iter().zip(choices) {
        joints.push(found(
            node,
            choice.name,
            choice.confidence,
            choice.instead,
            "its axis beside the lateral axis, the thigh and forward",
        ));
    }
    let fit = skeleton.nodes[line[knee]].axis.dot(lateral).abs();
    joints.push(found(line[knee], "knee", 0.5 + 0.47 * fit, None, "it shortens the leg most when it turns"));
    name_ankle(skeleton, after, directions, &mut joints);
    joints
}

fn name_ankle(skeleton: &Skeleton, after: &[Index], directions: &Directions, joints: &mut Vec<Found>) {
    let is_pitch = |node: Index| skeleton.nodes[node].axis.dot(&directions.left).abs() > 0.7;
    let pitches = after.iter().filter(|&&node| is_pitch(node)).count();
    let mut pitched = 0;
    let mut rolled = 0;
    for &node in after {
        // With more bends than ankle and toe, those that nothing drives are springs.
        if pitches > 2 && skeleton.nodes[node].is_passive {
            continue;
        }
        let along = skeleton.nodes[node].axis.dot(&directions.left).abs();
        if is_pitch(node) {
            let name = if pitched == 0 { "ankle_pitch" } else { "toe" };
            let sure = if pitches > 2 { 0.7 } else { 0.5 + 0.47 * along };
            joints.push(found(node, name, sure, None, "a lateral axis below the knee"));
            pitched += 1;
        } else if rolled == 0 {
            let sure = 0.5 + 0.47 * (1.0 - along * along).sqrt();
            joints.push(found(node, "ankle_roll", sure, None, "across the lateral axis, below the knee"));
            rolled += 1;
        }
    }
}

/// Names joints of waist or head by their axes, in the order given.
pub(super) fn name_column(skeleton: &Skeleton, column: &[Index], directions: &Directions) -> Vec<Found> {
    let mut counts = [0_usize; 4];
    let mut joints = Vec::new();
    for &node in column {
        let axis = skeleton.nodes[node].axis;
        let along = [
            ("yaw", axis.dot(&directions.up).abs()),
            ("pitch", axis.dot(&directions.left).abs()),
            ("roll", axis.dot(&directions.forward).abs()),
        ];
        if skeleton.nodes[node].slides() {
            if along[0].1 > 0.7 {
                push(&mut joints, node, "lift", &mut counts[3], along[0].1);
            }
            continue;
        }
        let best = (0..3).max_by(|&a, &b| along[a].1.total_cmp(&along[b].1)).unwrap_or_default();
        push(&mut joints, node, along[best].0, &mut counts[best], along[best].1);
    }
    joints
}

fn push(joints: &mut Vec<Found>, node: Index, name: &str, count: &mut usize, fit: f64) {
    *count += 1;
    let name = if *count == 1 { name.to_owned() } else { format!("{name}_{count}") };
    joints.push(found(
        node,
        &name,
        (0.3 + 0.68 * fit).min(0.97),
        None,
        "its axis beside up, left and forward",
    ));
}
