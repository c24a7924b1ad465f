//! Two arms that are mirror images of each other.

use nalgebra::{Point3, Vector3};

use super::home::ArmToPlace;
use super::skeleton::Skeleton;

/// Two places are mirror images within this share of an arm's length.
const SAME_SHARE: f64 = 0.01;
/// Two axes are mirror images within this; about 2.5°.
const SAME_COSINE: f64 = 0.999;

/// By what each joint of an arm is multiplied to mirror the same joint of the other, both as displacements from rest: 1 or -1.
/// `None` where the arms are not mirror images at rest across the plane between their shoulders; `left` is square to it.
pub(super) fn signs(
    skeleton: &Skeleton,
    one: &ArmToPlace<'_>,
    other: &ArmToPlace<'_>,
    left: &Vector3<f64>,
) -> Option<Vec<f64>> {
    if one.line.len() != other.line.len() || one.elbow_place != other.elbow_place {
        return None;
    }
    let middle = nalgebra::center(&one.shoulder, &other.shoulder);
    let reflected = |way: &Vector3<f64>| way - left * (2.0 * way.dot(left));
    let image = |point: &Point3<f64>| middle + reflected(&(point - middle));
    let same_m = SAME_SHARE * one.length_m;
    let points = [(one.shoulder, other.shoulder), (one.elbow, other.elbow), (one.wrist, other.wrist)];
    if points.iter().any(|(point, other)| (image(point) - other).norm() > same_m) {
        return None;
    }
    let sign = |(&node, &other): (&usize, &usize)| {
        let (joint, other) = (&skeleton.nodes[node], &skeleton.nodes[other]);
        let cosine = reflected(&joint.axis).dot(&other.axis);
        let in_line = !joint.turns() || other.distance_to(&image(&joint.anchor)) <= same_m;
        let alike = joint.kind == other.kind && in_line && cosine.abs() > SAME_COSINE;
        // What a mirror shows turns the other way about the image of its axis, and slides the same way along it.
        let way = if joint.turns() { -1.0 } else { 1.0 };
        alike.then(|| way * cosine.signum())
    };
    one.line.iter().zip(other.line).map(sign).collect()
}
