//! Accelerations, links that stay apart, a base that moves, a gaze.

use etude_kinematics::geometry::Capsule;
use etude_kinematics::ik::{CollisionOptions, FrameAxis};
use etude_kinematics::{
    Body, BodyOptions, FrameTarget, Geometry, Ik, IkOptions, JointKind, PairOptions, Poses, SelfCollision,
    Status,
};
use nalgebra::Vector3;

use crate::data::{self, Random};
use crate::ik::{scalar_joints, target, two_arms};
use crate::{allocation, models};

/// Capsules along forearms and hands and around the trunk.
fn capsules(body: &Body) -> SelfCollision {
    let mut geometry = Geometry::default();
    let mut push = |link: &str, start: [f64; 3], end: [f64; 3], radius_m: f64| {
        let link = body.frame(link).expect("the body has it");
        geometry.push(body, link, &Capsule { start_m: start.into(), end_m: end.into(), radius_m });
    };
    push("torso", [0.0, 0.0, 0.1], [0.0, 0.0, 0.4], 0.1);
    for side in ["left", "right"] {
        push(&format!("{side}_forearm"), [0.0; 3], [0.0, 0.0, -0.2], 0.04);
        push(&format!("{side}_wrist"), [0.0, 0.0, -0.02], [0.0, 0.0, -0.12], 0.04);
    }
    SelfCollision::new(body, &geometry, &PairOptions::default())
}

/// Elbows bent, hands before the trunk.
fn ready(body: &Body) -> Vec<f64> {
    let mut positions = body.rest().to_vec();
    for side in ["left", "right"] {
        let mut set = |joint: &str, value: f64| {
            let joint = body.joint(&format!("{side}_{joint}")).expect("the body has it");
            positions[body.position_index(joint).expect("it moves")] = value;
        };
        set("elbow", -1.5);
        set("shoulder_roll", if side == "left" { 0.3 } else { -0.3 });
    }
    positions
}

#[test]
fn speeds_change_no_faster_than_allowed_and_joints_brake_for_their_limits() {
    let body = two_arms();
    let elbow = body.joint("left_elbow").unwrap();
    let options = IkOptions { unstated_velocity_rad_s: 4.0, ..IkOptions::default() };
    let mut ik = Ik::new(&body, &[elbow], options).unwrap();
    ik.set_acceleration_limits(&[5.0]).unwrap();
    let index = body.position_index(elbow).unwrap();
    let mut positions = body.rest().to_vec();
    positions[index] = -2.0;
    // Far above the stretched arm: the elbow opens as fast as it may and stands at its limit, 0.
    let up = FrameTarget::position(body.frame("left_palm").unwrap(), Vector3::new(0.0, 0.2, -9.0));
    let (dt, mut velocity, mut fastest, mut ticks) = (0.01, 0.0_f64, 0.0_f64, 0);
    while positions[index] < -1e-4 {
        let before = positions[index];
        let solution = ik.solve(&positions, &[up], dt);
        assert_ne!(solution.status, Status::Infeasible);
        positions.copy_from_slice(solution.positions);
        let now = (positions[index] - before) / dt;
        assert!((now - velocity).abs() <= 5.0 * dt + 1e-9, "{velocity} to {now}");
        assert!(positions[index] <= 0.0);
        (velocity, fastest, ticks) = (now, fastest.max(now), ticks + 1);
        assert!(ticks < 1000, "stands at {}", positions[index]);
    }
    // Half the way at 5 rad/s², half the way back: √(2 · 5) rad/s in the middle.
    assert!((2.9..=10.0_f64.sqrt()).contains(&fastest), "fastest {fastest}");
    assert!(ik.set_acceleration_limits(&[0.0]).is_err() && ik.set_acceleration_limits(&[1.0; 2]).is_err());
    assert!(ik.set_velocity(&[f64::NAN]).is_err());
}

#[test]
fn invalid_targets_are_braked_for_and_contradictions_are_said() {
    let body = two_arms();
    let elbow = body.joint("left_elbow").unwrap();
    let mut ik = Ik::new(&body, &[elbow], IkOptions::default()).unwrap();
    ik.set_acceleration_limits(&[5.0]).unwrap();
    ik.set_velocity(&[-1.0]).unwrap();
    let nowhere = FrameTarget::position(body.frame("left_palm").unwrap(), Vector3::repeat(f64::NAN));
    let mut positions = body.rest().to_vec();
    let index = body.position_index(elbow).unwrap();
    positions[index] = -1.0;
    let solution = ik.solve(&positions, &[nowhere], 0.1);
    assert_eq!(solution.status, Status::Invalid);
    assert!((solution.positions[index] + 1.05).abs() < 1e-12, "it brakes from 1 to 0.5 rad/s");
    // At 1 rad/s, 1 mrad before the limit: nothing but the limit itself can hold.
    positions[index] = -0.001;
    ik.set_velocity(&[1.0]).unwrap();
    let solution = ik.solve(&positions, &[], 0.01);
    assert_eq!(solution.status, Status::Infeasible);
    assert!(solution.positions[index] <= 0.0);
}

#[test]
fn hands_that_are_sent_into_each_other_stay_apart() {
    let body = two_arms();
    let pairs = capsules(&body);
    assert!(pairs.report().kept >= 6, "{:?}", pairs.report());
    let mut ik = Ik::new(&body, &scalar_joints(&body), IkOptions::default()).unwrap();
    let start = ready(&body);
    ik.set_posture(&start, 1e-3).unwrap();
    let wish = Vector3::new(0.25, 0.0, 1.05);
    let targets = ["left_palm", "right_palm"]
        .map(|name| FrameTarget::position(body.frame(name).expect("it has palms"), wish));
    let nearest = |positions: &[f64]| {
        let mut poses = Poses::new(&body);
        poses.update(&body, positions);
        pairs.nearest(&body, &poses).expect("pairs").2
    };
    let run = |ik: &mut Ik, dt: f64, least: &mut f64| {
        let mut positions = start.clone();
        let mut status = Status::Moving;
        for _ in 0..300 {
            let solution = ik.solve(&positions, &targets, dt);
            status = solution.status;
            positions.copy_from_slice(solution.positions);
            *least = least.min(nearest(&positions));
        }
        status
    };
    let mut least = f64::INFINITY;
    run(&mut ik, 0.02, &mut least);
    assert!(least < -0.05, "without the constraint they meet: {least} m");
    ik.set_self_collision(Some(&pairs), CollisionOptions::default()).unwrap();
    for dt in [0.002, 0.02, 0.1] {
        let mut least = f64::INFINITY;
        let status = run(&mut ik, dt, &mut least);
        assert!(least >= 0.005 - 1e-9, "{least} m apart at dt {dt}");
        assert!(matches!(status, Status::Limited | Status::Stalled), "{status:?}");
        assert!((ik.least_distance_m().unwrap() - 0.01).abs() < 6e-3);
    }
    ik.set_acceleration_limits(&vec![20.0; ik.selection().len()]).unwrap();
    let mut least = f64::INFINITY;
    run(&mut ik, 0.01, &mut least);
    assert!(least >= 0.005 - 1e-9, "{least} m apart with limited accelerations");
}

#[test]
fn links_that_overlap_at_the_start_are_driven_apart() {
    let body = two_arms();
    let pairs = capsules(&body);
    let mut ik = Ik::new(&body, &scalar_joints(&body), IkOptions::default()).unwrap();
    let wish = Vector3::new(0.25, 0.0, 1.05);
    let targets = ["left_palm", "right_palm"]
        .map(|name| FrameTarget::position(body.frame(name).expect("it has palms"), wish));
    let mut positions = ready(&body);
    for _ in 0..200 {
        positions = ik.solve(&positions, &targets, 0.02).positions.to_vec();
    }
    ik.set_self_collision(Some(&pairs), CollisionOptions::default()).unwrap();
    let mut last = f64::NEG_INFINITY;
    for _ in 0..100 {
        positions = ik.solve(&positions, &targets, 0.02).positions.to_vec();
        let distance = ik.least_distance_m().unwrap();
        assert!(distance >= last.min(0.005) - 1e-9, "{last} to {distance}");
        last = distance;
    }
    assert!(last > 0.005, "{last}");
}

#[test]
fn a_free_base_moves_with_the_hands() {
    let body = Body::from_text(&data::two_arms(), "two_arms.xml", &BodyOptions::default()).unwrap();
    let joints: Vec<_> = body.moving_joints().collect();
    let options = IkOptions { unstated_velocity_m_s: 10.0, ..IkOptions::default() };
    let mut ik = Ik::new(&body, &joints, options).unwrap();
    let kinds = ik.selection().variables().iter().filter(|variable| variable.kind == JointKind::Free);
    assert_eq!(kinds.count(), 6);
    let mut random = Random(8);
    let mut goal = models::inside(&body, &mut random);
    // 2 m away, turned by 100° about z.
    goal[..7].copy_from_slice(&[
        2.0,
        -1.0,
        1.1,
        50_f64.to_radians().cos(),
        0.0,
        0.0,
        50_f64.to_radians().sin(),
    ]);
    let targets = ["left_palm", "right_palm", "pelvis"].map(|name| target(&body, name, &goal));
    let mut positions = body.rest().to_vec();
    let mut status = Status::Moving;
    for _ in 0..200 {
        let solution = ik.solve(&positions, &targets, 0.02);
        status = solution.status;
        positions.copy_from_slice(solution.positions);
        let norm: f64 = positions[3..7].iter().map(|value| value * value).sum();
        assert!((norm - 1.0).abs() < 1e-12);
    }
    assert_eq!(status, Status::Converged);
    assert!((0..3).all(|axis| (positions[axis] - goal[axis]).abs() < 2e-3));
}

#[test]
fn a_gaze_points_one_axis_and_leaves_the_turn_about_it_free() {
    let body = two_arms();
    let joints: Vec<_> = scalar_joints(&body)
        .into_iter()
        .filter(|&joint| body.joint_name(joint).starts_with("left_"))
        .collect();
    let palm = body.frame("left_palm").unwrap();
    let mut poses = Poses::new(&body);
    for (axis, own) in
        [(FrameAxis::X, Vector3::x()), (FrameAxis::Y, Vector3::y()), (FrameAxis::Z, Vector3::z())]
    {
        let mut ik = Ik::new(&body, &joints, IkOptions::default()).unwrap();
        let direction = Vector3::new(0.4, 0.7, 0.3);
        let gaze = FrameTarget::gaze(palm, axis, direction);
        let mut positions = ready(&body);
        let mut status = Status::Moving;
        for _ in 0..200 {
            let solution = ik.solve(&positions, &[gaze], 0.02);
            status = solution.status;
            positions.copy_from_slice(solution.positions);
        }
        assert_eq!(status, Status::Converged, "{axis:?}");
        poses.update(&body, &positions);
        let points = poses.world_from_frame(&body, palm).rotation * own;
        assert!(points.angle(&direction) < 0.01, "{axis:?}: {points}");
    }
    let mut ik = Ik::new(&body, &joints, IkOptions::default()).unwrap();
    let nowhere = FrameTarget::gaze(palm, FrameAxis::X, Vector3::zeros());
    assert_eq!(ik.solve(body.rest(), &[nowhere], 0.02).status, Status::Invalid);
    // Straight behind: half a turn, about any axis.
    let behind = poses.world_from_frame(&body, palm).rotation * -Vector3::z();
    assert!(matches!(FrameTarget::gaze(palm, FrameAxis::Z, behind), target if target.position_weight == 0.0));
}

#[test]
fn constraints_do_not_allocate() {
    let body = Body::from_text(&data::two_arms(), "two_arms.xml", &BodyOptions::default()).unwrap();
    let joints: Vec<_> = body.moving_joints().collect();
    let mut ik = Ik::new(&body, &joints, IkOptions::default()).unwrap();
    ik.set_acceleration_limits(&vec![30.0; ik.selection().len()]).unwrap();
    ik.set_self_collision(Some(&capsules(&body)), CollisionOptions::default()).unwrap();
    let wish = Vector3::new(0.25, 0.0, 1.05);
    let palms = ["left_palm", "right_palm"].map(|name| body.frame(name).unwrap());
    let head = FrameTarget::gaze(body.frame("torso").unwrap(), FrameAxis::X, Vector3::new(1.0, 0.2, 0.0));
    let targets = [FrameTarget::position(palms[0], wish), FrameTarget::position(palms[1], wish), head];
    let mut positions = ready(&body);
    let mut seen = 0;
    let count = allocation::during(|| {
        for tick in 0..300 {
            let solution = ik.solve(&positions, &targets[..=tick % 3], 0.01);
            positions.copy_from_slice(solution.positions);
            seen += usize::from(solution.status == Status::Limited);
        }
    });
    assert_eq!(count, 0);
    assert!(seen > 0, "the constraints were felt");
}
