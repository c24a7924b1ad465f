//! Every vendor's model at hand: it reads, and its Jacobians are the derivatives of its poses.

use etude_kinematics::{Body, BodyOptions, FrameId, Poses, Selection};
use nalgebra::Vector6;

use crate::data::{self, Random};

/// Positions somewhere inside the limits.
pub(crate) fn inside(body: &Body, random: &mut Random) -> Vec<f64> {
    let mut positions = body.rest().to_vec();
    for joint in body.moving_joints().filter(|&joint| body.kind(joint).is_scalar()) {
        let limits = body.limits(joint);
        let index = body.position_index(joint).expect("a scalar joint has a position");
        positions[index] = random.between(limits.lower.max(-2.0), limits.upper.min(2.0).max(limits.lower));
    }
    body.apply_mimics(&mut positions);
    positions
}

#[test]
fn jacobians_are_derivatives_on_every_model() {
    let Some(folder) = data::robot_models() else { return };
    let mut random = Random(7);
    let mut unread = Vec::new();
    let mut count = 0;
    let mut worst = (0.0, String::new());
    for path in data::files(&folder, &[".urdf", ".xml"]) {
        let name = path.strip_prefix(&folder).expect("it lies below").display().to_string();
        let body = match Body::from_path(&path, &BodyOptions::default()) {
            Ok(body) => body,
            Err(error) => {
                unread.push(format!("{name}: {error}"));
                continue;
            }
        };
        count += 1;
        let joints: Vec<_> = body.moving_joints().filter(|&joint| body.kind(joint).is_scalar()).collect();
        if joints.is_empty() {
            continue;
        }
        let error =
            jacobian_error(&body, &Selection::new(&body, &joints).expect("scalar joints"), &mut random);
        if error > worst.0 {
            worst = (error, name.clone());
        }
        assert!(error < 1e-6, "{name}: Jacobian differs from the derivative by {error}");
    }
    eprintln!("{count} models; worst Jacobian error {:.1e} ({})", worst.0, worst.1);
    for line in &unread {
        eprintln!("not read: {line}");
    }
    assert!(count >= 60, "only {count} models could be read");
}

/// Largest difference between the Jacobian and central differences, over some of the frames.
fn jacobian_error(body: &Body, selection: &Selection, random: &mut Random) -> f64 {
    const STEP: f64 = 1e-6;
    let positions = inside(body, random);
    let mut poses = Poses::new(body);
    let mut jacobian = selection.jacobian_buffer();
    let mut worst: f64 = 0.0;
    let stride = body.frames().len().div_ceil(12).max(1);
    for frame in (0..body.frames().len()).rev().step_by(stride) {
        let name = &body.frames()[frame].name;
        let Ok(frame) = body.frame(name) else { continue };
        poses.update(body, &positions);
        selection.jacobian(body, &poses, frame, &mut jacobian);
        for (column, variable) in selection.variables().iter().enumerate() {
            let mut at = |step: f64| {
                let mut moved = positions.clone();
                moved[variable.position_index] += step;
                body.apply_mimics(&mut moved);
                poses.update(body, &moved);
                poses.world_from_frame(body, frame)
            };
            let (back, ahead) = (at(-STEP), at(STEP));
            let linear = (ahead.translation.vector - back.translation.vector) / (2.0 * STEP);
            let angular = (ahead.rotation * back.rotation.inverse()).scaled_axis() / (2.0 * STEP);
            let twist = Vector6::new(linear.x, linear.y, linear.z, angular.x, angular.y, angular.z);
            worst = worst.max((twist - jacobian.column(column)).amax());
        }
    }
    worst
}

#[test]
fn the_world_does_not_move() {
    let body = Body::from_text(&data::two_arms(), "two_arms.xml", &BodyOptions::default()).unwrap();
    let joints: Vec<_> = body.moving_joints().filter(|&joint| body.kind(joint).is_scalar()).collect();
    let selection = Selection::new(&body, &joints).unwrap();
    let mut jacobian = selection.jacobian_buffer();
    selection.jacobian(&body, &Poses::new(&body), FrameId::WORLD, &mut jacobian);
    assert!(jacobian.iter().all(|&value| value == 0.0));
    assert_eq!(selection.len(), joints.len() - 2, "followers are no variables");
}
