//! One posture of one robot: links as thick lines, joints as dots coloured by part, frames as red, green and blue axes.

use super::canvas::{Canvas, Colour};
use etude_kinematics::enrol::{Draft, JointDraft};
use etude_kinematics::{Body, JointId, JointKind, Poses};
use etude_model::slot::Part;
use std::collections::HashMap;

/// Colours of titles and of what explains.
pub(super) const INK: Colour = [40, 40, 48];
pub(super) const FAINT: Colour = [140, 140, 150];

/// What each colour means; told apart by people with any colour vision (Okabe and Ito).
pub(super) const LEGEND: [(&str, Colour); 9] = [
    ("left arm", [0, 114, 178]),
    ("right arm", [213, 94, 0]),
    ("left hand", [86, 180, 233]),
    ("right hand", [230, 159, 0]),
    ("left leg", [0, 158, 115]),
    ("right leg", [204, 121, 167]),
    ("waist", [90, 60, 140]),
    ("head", [200, 180, 0]),
    ("base or none", [150, 150, 150]),
];

const FRAME_COLOURS: [Colour; 3] = [[220, 30, 30], [30, 160, 30], [40, 60, 230]];

type Point = nalgebra::Point3<f64>;

fn colour(part: Option<Part>) -> Colour {
    let place = match part {
        Some(Part::LeftArm) => 0,
        Some(Part::RightArm) => 1,
        Some(Part::LeftHand) => 2,
        Some(Part::RightHand) => 3,
        Some(Part::LeftLeg) => 4,
        Some(Part::RightLeg) => 5,
        Some(Part::Waist) => 6,
        Some(Part::Head) => 7,
        Some(Part::Base) | None => 8,
    };
    LEGEND[place].1
}

/// A thing to draw, with how near it is to the eye.
struct Stroke {
    from: Point,
    to: Point,
    width: f64,
    colour: Colour,
}

/// Draws a robot into a window of the canvas, seen from the front, a little from its left and above.
pub(super) fn draw(
    canvas: &mut Canvas,
    (left, top): (usize, usize),
    (width, height): (usize, usize),
    body: &Body,
    draft: &Draft,
    positions: &[f64],
) {
    let mut poses = Poses::new(body);
    if positions.len() == body.position_len() {
        poses.update(body, positions);
    }
    let strokes = strokes(body, draft, &poses);
    let directions = &draft.directions;
    let eye = (directions.forward + directions.left * 0.55 + directions.up * 0.3).normalize();
    let across = directions.up.cross(&eye).normalize();
    let upward = eye.cross(&across);
    let flat = |point: &Point| (point.coords.dot(&across), point.coords.dot(&upward));
    let ends: Vec<(f64, f64)> =
        strokes.iter().flat_map(|stroke| [flat(&stroke.from), flat(&stroke.to)]).collect();
    let low = ends.iter().fold((f64::MAX, f64::MAX), |low, end| (low.0.min(end.0), low.1.min(end.1)));
    let high = ends.iter().fold((f64::MIN, f64::MIN), |high, end| (high.0.max(end.0), high.1.max(end.1)));
    if ends.is_empty() {
        return;
    }
    let (room_x, room_y) = (width as f64 * 0.86, height as f64 * 0.84);
    let scale = (room_x / (high.0 - low.0).max(1e-6)).min(room_y / (high.1 - low.1).max(1e-6));
    let middle = (f64::midpoint(low.0, high.0), f64::midpoint(low.1, high.1));
    let place = |point: &Point| {
        let (x, y) = flat(point);
        (
            left as f64 + width as f64 / 2.0 + (x - middle.0) * scale,
            top as f64 + height as f64 / 2.0 - (y - middle.1) * scale,
        )
    };
    let thick = (height as f64 / 250.0).max(1.0);
    let mut order: Vec<&Stroke> = strokes.iter().collect();
    let depth = |stroke: &Stroke| (stroke.from.coords + stroke.to.coords).dot(&eye);
    order.sort_by(|a, b| depth(a).total_cmp(&depth(b)));
    for stroke in order {
        canvas.line(place(&stroke.from), place(&stroke.to), stroke.width * thick, stroke.colour);
    }
}

fn strokes(body: &Body, draft: &Draft, poses: &Poses) -> Vec<Stroke> {
    let by_joint: HashMap<JointId, &JointDraft> =
        draft.joints.iter().map(|joint| (joint.joint, joint)).collect();
    let at = |joint: JointId| Point::from(poses.world_from_joint(joint).translation.vector);
    let part =
        |joint: JointId| by_joint.get(&joint).and_then(|draft| draft.slot.as_ref()).map(|slot| slot.part);
    let root = Point::from(root(body, poses).translation.vector);
    let mut strokes = Vec::new();
    for joint in body.moving_joints() {
        let mut carrier = body.parent(joint);
        while let Some(fixed) = carrier.filter(|&carrier| body.kind(carrier) == JointKind::Fixed) {
            carrier = body.parent(fixed);
        }
        let own = colour(part(joint));
        let is_hand = matches!(part(joint), Some(Part::LeftHand | Part::RightHand));
        if let Some(carrier) = carrier {
            // A link has the colour of the joint that moves it.
            let link = colour(part(carrier)).map(|value| value / 2 + 110);
            let width = if is_hand { 2.0 } else { 5.0 };
            strokes.push(Stroke { from: at(carrier), to: at(joint), width, colour: link });
        } else {
            strokes.push(Stroke { from: root, to: at(joint), width: 2.0, colour: [205, 205, 210] });
        }
        let dot = if is_hand { 2.6 } else { 6.0 };
        strokes.push(Stroke { from: at(joint), to: at(joint), width: dot, colour: own });
    }
    let size = size(body, poses);
    tips(body, draft, poses, &mut strokes);
    frames(body, draft, poses, size, &mut strokes);
    strokes
}

/// Fingers from their last joint to their tip.
fn tips(body: &Body, draft: &Draft, poses: &Poses, strokes: &mut Vec<Stroke>) {
    let rest = Poses::new(body);
    for hand in &draft.hands {
        for finger in &hand.fingers {
            let Some(&last) = finger.joints.last() else { continue };
            let moved = poses.world_from_joint(last) * rest.world_from_joint(last).inverse();
            let part = if hand.side.name() == "left" { Part::LeftHand } else { Part::RightHand };
            strokes.push(Stroke {
                from: Point::from(poses.world_from_joint(last).translation.vector),
                to: moved * Point::from(finger.tip_m),
                width: 2.0,
                colour: colour(Some(part)).map(|value| value / 2 + 110),
            });
        }
    }
}

/// The root's frame, and the grasp frame of every hand.
fn frames(body: &Body, draft: &Draft, poses: &Poses, size: f64, strokes: &mut Vec<Stroke>) {
    let mut push = |pose: nalgebra::Isometry3<f64>, length: f64| {
        for (axis, colour) in [nalgebra::Vector3::x(), nalgebra::Vector3::y(), nalgebra::Vector3::z()]
            .into_iter()
            .zip(FRAME_COLOURS)
        {
            let from = Point::from(pose.translation.vector);
            strokes.push(Stroke { from, to: from + pose.rotation * axis * length, width: 1.4, colour });
        }
    };
    let rest = Poses::new(body);
    for hand in &draft.hands {
        let arm = draft.arms.iter().find(|arm| arm.side == hand.side);
        let wrist = arm.and_then(|arm| arm.wrist);
        let moved = wrist.map_or_else(nalgebra::Isometry3::identity, |wrist| {
            poses.world_from_joint(wrist) * rest.world_from_joint(wrist).inverse()
        });
        push(moved * hand.grasp, 0.07 * size);
    }
    let torso = draft.torso.map(|torso| *poses.world_from_joint(torso));
    push(torso.unwrap_or_else(|| root(body, poses)), 0.09 * size);
}

/// Where the first link is.
fn root(body: &Body, poses: &Poses) -> nalgebra::Isometry3<f64> {
    body.frames().get(1).map_or_else(nalgebra::Isometry3::identity, |frame| {
        poses.world_from_joint(frame.joint) * frame.frame_in_joint
    })
}

/// The robot's extent, m.
fn size(body: &Body, poses: &Poses) -> f64 {
    let points: Vec<Point> = body
        .moving_joints()
        .map(|joint| Point::from(poses.world_from_joint(joint).translation.vector))
        .collect();
    let far = points.iter().filter_map(|a| points.first().map(|b| (a - b).norm()));
    far.fold(0.05, f64::max)
}
