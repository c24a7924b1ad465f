//! Inverse kinematics: it reaches what can be reached, says what cannot, and never passes a limit.

use etude_kinematics::ik::{MAX_TARGETS, SearchOptions};
use etude_kinematics::{Body, BodyOptions, FrameTarget, Ik, IkOptions, JointId, JointLimits, Poses, Status};
use nalgebra::{Quaternion, UnitQuaternion, Vector3};

use crate::data::{self, Random};
use crate::{allocation, models};

pub(crate) fn pinned() -> BodyOptions {
    BodyOptions { freeze_free_joints: true, ..BodyOptions::default() }
}

pub(crate) fn two_arms() -> Body {
    Body::from_text(&data::two_arms(), "two_arms.xml", &pinned()).expect("the model is sound")
}

pub(crate) fn scalar_joints(body: &Body) -> Vec<JointId> {
    body.moving_joints().filter(|&joint| body.kind(joint).is_scalar()).collect()
}

pub(crate) fn target(body: &Body, name: &str, positions: &[f64]) -> FrameTarget {
    let mut poses = Poses::new(body);
    poses.update(body, positions);
    let frame = body.frame(name).expect("the body has it");
    FrameTarget::pose(frame, poses.world_from_frame(body, frame))
}

#[test]
fn both_hands_follow_a_moving_target_closely() {
    let body = two_arms();
    let mut ik = Ik::new(&body, &scalar_joints(&body), IkOptions::default()).unwrap();
    let mut positions = body.rest().to_vec();
    for name in ["left_elbow", "right_elbow"] {
        positions[body.position_index(body.joint(name).unwrap()).unwrap()] = -1.4;
    }
    ik.set_posture(&positions, 1e-3).unwrap();
    let [left, right] = ["left_palm", "right_palm"].map(|name| target(&body, name, &positions));
    let mut worst: f64 = 0.0;
    for tick in 0..2000 {
        let time = f64::from(tick) * 0.01;
        let sway = Vector3::new((time * 2.0).sin(), (time * 1.3).sin(), (time * 0.7).sin()) * 0.08;
        let moved = [left, right].map(|mut target| {
            target.world_from_frame.translation.vector += sway;
            target
        });
        let solution = ik.solve(&positions, &moved, 0.01);
        worst = solution.residuals.iter().map(|residual| residual.position_m).fold(worst, f64::max);
        positions.copy_from_slice(solution.positions);
    }
    assert!(worst < 1e-3, "largest tracking error {worst} m");
}

#[test]
fn random_reaches_converge() {
    let body = two_arms();
    let mut ik = Ik::new(&body, &scalar_joints(&body), IkOptions::default()).unwrap();
    ik.set_posture(body.rest(), 1e-3).unwrap();
    let mut random = Random(11);
    let mut reached = 0;
    for _ in 0..200 {
        let goal = models::inside(&body, &mut random);
        let targets = ["left_palm", "right_palm"].map(|name| target(&body, name, &goal));
        let found = ik.solve_to_convergence(
            body.rest(),
            &targets,
            &[1, 2, 3, 4, 5, 6, 7, 8],
            &SearchOptions::default(),
        );
        reached += usize::from(found.reached);
        let again = ik.solve_to_convergence(
            body.rest(),
            &targets,
            &[1, 2, 3, 4, 5, 6, 7, 8],
            &SearchOptions::default(),
        );
        assert_eq!(found, again, "the same input gives the same answer");
        for joint in scalar_joints(&body) {
            let (limits, position) =
                (body.limits(joint), found.positions[body.position_index(joint).unwrap()]);
            assert!((limits.lower..=limits.upper).contains(&position));
        }
    }
    assert!(reached >= 195, "{reached} of 200 reachable pairs were reached");
}

#[test]
fn a_place_out_of_reach_is_refused() {
    let body = two_arms();
    let mut ik = Ik::new(&body, &scalar_joints(&body), IkOptions::default()).unwrap();
    let far = FrameTarget::position(body.frame("left_palm").unwrap(), Vector3::new(2.0, 0.0, 1.0));
    let found = ik.solve_to_convergence(body.rest(), &[far], &[1, 2], &SearchOptions::default());
    assert!(!found.reached && found.residuals[0].position_m > 0.5);
    let near = FrameTarget::position(body.frame("left_palm").unwrap(), Vector3::new(0.3, 0.2, 1.1));
    assert!(ik.solve_to_convergence(body.rest(), &[near], &[1, 2], &SearchOptions::default()).reached);
    let nowhere = FrameTarget::position(body.frame("left_palm").unwrap(), Vector3::new(f64::NAN, 0.2, 1.1));
    let found = ik.solve_to_convergence(body.rest(), &[nowhere], &[1], &SearchOptions::default());
    assert!(!found.reached && found.status == Status::Invalid);
}

#[test]
fn masks_and_weights_leave_freedom() {
    let body = two_arms();
    let mut ik = Ik::new(&body, &scalar_joints(&body), IkOptions::default()).unwrap();
    let palm = body.frame("left_palm").unwrap();
    let start = Poses::new(&body).world_from_frame(&body, palm);
    let mut height = FrameTarget::position(palm, start.translation.vector + Vector3::new(5.0, 5.0, 0.05));
    height.position_axes = [false, false, true];
    let mut upright = FrameTarget::orientation(palm, UnitQuaternion::from_euler_angles(0.0, 0.2, 1.0));
    upright.orientation_axes = [true, true, false];
    let mut positions = body.rest().to_vec();
    for _ in 0..300 {
        positions = ik.solve(&positions, &[height, upright], 0.02).positions.to_vec();
    }
    let solution = ik.solve(&positions, &[height, upright], 0.02);
    assert_eq!(solution.status, Status::Converged, "{:?}", solution.residuals);
    let mut poses = Poses::new(&body);
    poses.update(&body, &positions);
    let reached = poses.world_from_frame(&body, palm);
    assert!((reached.translation.z - start.translation.z - 0.05).abs() < 1e-3);
    let up = upright.world_from_frame.rotation * Vector3::z();
    assert!((reached.rotation * Vector3::z()).angle(&up) < 0.02);
}

#[test]
fn statuses_say_what_holds_the_hand_back() {
    let body = two_arms();
    let arm: Vec<_> =
        scalar_joints(&body).into_iter().filter(|&j| body.joint_name(j).starts_with("left_")).collect();
    let mut ik = Ik::new(&body, &arm, IkOptions::default()).unwrap();
    let palm = body.frame("left_palm").unwrap();
    let here = FrameTarget::pose(palm, Poses::new(&body).world_from_frame(&body, palm));
    assert_eq!(ik.solve(body.rest(), &[here], 0.01).status, Status::Converged);
    let mut there = here;
    there.world_from_frame.translation.vector += Vector3::new(0.2, 0.1, 0.2);
    assert_eq!(ik.solve(body.rest(), &[there], 0.001).status, Status::Limited);
    // Straight up along the stretched arm nothing moves nearer at first order, and out of reach nothing does at all.
    let mut positions = body.rest().to_vec();
    let far = FrameTarget::position(palm, Vector3::new(0.0, 5.0, 1.0));
    let mut status = Status::Moving;
    for _ in 0..5000 {
        let solution = ik.solve(&positions, &[far], 0.02);
        status = solution.status;
        positions.copy_from_slice(solution.positions);
    }
    assert!(matches!(status, Status::Stalled | Status::Limited), "{status:?}");
    // The other arm and the waist are not selected: they never move.
    for joint in scalar_joints(&body).into_iter().filter(|joint| !arm.contains(joint)) {
        assert_eq!(positions[body.position_index(joint).unwrap()], 0.0);
    }
}

#[test]
fn invalid_input_holds_the_posture() {
    let body = two_arms();
    let mut ik = Ik::new(&body, &scalar_joints(&body), IkOptions::default()).unwrap();
    let good = target(&body, "left_palm", body.rest());
    let mut positions = models::inside(&body, &mut Random(5));
    let nan = f64::NAN;
    let mut bad = [good; 4];
    bad[0].world_from_frame.translation.vector.y = nan;
    bad[1].world_from_frame.rotation = UnitQuaternion::new_unchecked(Quaternion::new(nan, 0.0, 0.0, 1.0));
    bad[2].position_weight = -1.0;
    bad[3].orientation_weight = f64::INFINITY;
    for bad in bad {
        let solution = ik.solve(&positions, &[good, bad], 0.01);
        assert_eq!(solution.status, Status::Invalid);
        assert_eq!(solution.positions, positions);
        assert!(solution.step.iter().all(|&step| step == 0.0) && solution.residuals.is_empty());
    }
    for dt in [0.0, -0.1, nan, f64::INFINITY] {
        assert_eq!(ik.solve(&positions, &[good], dt).status, Status::Invalid);
    }
    assert_eq!(ik.solve(&positions, &[good; MAX_TARGETS + 1], 0.01).status, Status::Invalid);
    assert_eq!(ik.solve(&positions[1..], &[good], 0.01).status, Status::Invalid);
    let last = positions.clone();
    positions[3] = nan;
    assert_eq!(ik.solve(&positions, &[good], 0.01).positions, last, "NaN is replaced by the last position");
    assert!(ik.set_posture(&positions, 1.0).is_err() && ik.set_posture(&last, nan).is_err());
}

#[test]
fn a_joint_outside_its_range_is_brought_back_at_its_speed() {
    let mut body = two_arms();
    let elbow = body.joint("left_elbow").unwrap();
    let limits = body.limits(elbow);
    body.set_limits(elbow, JointLimits { velocity: 2.0, ..limits }).unwrap();
    assert!(body.set_limits(elbow, JointLimits { velocity: 0.0, ..limits }).is_err());
    let mut ik = Ik::new(&body, &scalar_joints(&body), IkOptions::default()).unwrap();
    let mut positions = body.rest().to_vec();
    let index = body.position_index(elbow).unwrap();
    positions[index] = 0.05;
    let mut seen = Vec::new();
    for _ in 0..4 {
        positions = ik.solve(&positions, &[], 0.01).positions.to_vec();
        seen.push(positions[index]);
    }
    let expected = [0.03, 0.01, 0.0, 0.0];
    assert!(seen.iter().zip(expected).all(|(seen, expected)| (seen - expected).abs() < 1e-15), "{seen:?}");
}

#[test]
fn the_control_path_does_not_allocate() {
    let body = two_arms();
    let mut ik = Ik::new(&body, &scalar_joints(&body), IkOptions::default()).unwrap();
    let mut random = Random(3);
    let goal = models::inside(&body, &mut random);
    let targets = ["left_palm", "right_palm", "left_wrist"].map(|name| target(&body, name, &goal));
    let mut positions = body.rest().to_vec();
    let mut poses = Poses::new(&body);
    let mut jacobian = ik.selection().jacobian_buffer();
    let count = allocation::during(|| {
        for tick in 0..100 {
            let solution = ik.solve(&positions, &targets[..=tick % 3], 0.01);
            positions.copy_from_slice(solution.positions);
            poses.update(&body, &positions);
            ik.selection().jacobian(&body, &poses, targets[0].frame, &mut jacobian);
        }
    });
    assert_eq!(count, 0);
}
