//! Forward kinematics against formulas one can check by hand.

use std::f64::consts::{FRAC_PI_2, PI};

use etude_kinematics::{Body, BodyOptions, FrameId, Ik, IkOptions, JointKind, Poses};
use nalgebra::Vector3;

use crate::data;

const PLANAR: &str = r#"<robot name="planar">
  <link name="base"/><link name="upper"/><link name="lower"/><link name="tip"/>
  <joint name="shoulder" type="revolute"><parent link="base"/><child link="upper"/><axis xyz="0 0 2"/>
    <limit lower="-3" upper="3" effort="10" velocity="2"/></joint>
  <joint name="elbow" type="continuous"><origin xyz="0.5 0 0"/><parent link="upper"/><child link="lower"/><axis xyz="0 0 1"/></joint>
  <joint name="flange" type="fixed"><origin xyz="0.3 0 0" rpy="0 0 1.5707963267948966"/><parent link="lower"/><child link="tip"/></joint>
</robot>"#;

fn planar() -> Body {
    Body::from_text(PLANAR, "planar.urdf", &BodyOptions::default()).expect("the model is sound")
}

#[test]
fn a_planar_arm_is_where_trigonometry_says() {
    let body = planar();
    let mut poses = Poses::new(&body);
    let tip = body.frame("tip").unwrap();
    for (a, b) in [(0.0, 0.0), (0.4, -1.1), (-2.0, 2.9), (3.0, 40.0)] {
        poses.update(&body, &[a, b]);
        let pose = poses.world_from_frame(&body, tip);
        let expected = Vector3::new(
            0.5 * f64::cos(a) + 0.3 * f64::cos(a + b),
            0.5 * f64::sin(a) + 0.3 * f64::sin(a + b),
            0.0,
        );
        assert!((pose.translation.vector - expected).norm() < 1e-15);
        let heading = pose.rotation * Vector3::x();
        let angle = a + b + FRAC_PI_2;
        assert!((heading - Vector3::new(angle.cos(), angle.sin(), 0.0)).norm() < 1e-14);
    }
}

#[test]
fn limits_axes_and_layout_are_read() {
    let body = planar();
    let shoulder = body.joint("shoulder").unwrap();
    let limits = body.limits(shoulder);
    assert_eq!((limits.lower, limits.upper, limits.velocity, limits.effort), (-3.0, 3.0, 2.0, 10.0));
    assert_eq!(body.axis(shoulder).into_inner(), Vector3::z());
    let elbow = body.joint("elbow").unwrap();
    assert_eq!(body.limits(elbow).upper, f64::INFINITY);
    assert_eq!(body.parent(elbow), Some(shoulder));
    assert_eq!(body.kind(body.joint("flange").unwrap()), JointKind::Fixed);
    assert_eq!(body.position_len(), 2);
    assert_eq!(body.position_index(elbow), Some(1));
    assert_eq!(
        body.moving_joints().map(|joint| body.joint_name(joint)).collect::<Vec<_>>(),
        ["shoulder", "elbow"]
    );
    assert_eq!(body.frame("base").map(|frame| body.frame_of(frame).joint.index()), Ok(0));
}

#[test]
fn a_free_joint_carries_its_body_and_can_be_frozen() {
    let text = data::two_arms();
    let free = Body::from_text(&text, "two_arms.xml", &BodyOptions::default()).unwrap();
    let options = BodyOptions { freeze_free_joints: true, ..BodyOptions::default() };
    let pinned = Body::from_text(&text, "two_arms.xml", &options).unwrap();
    assert_eq!(free.position_len(), pinned.position_len() + 7);
    assert_eq!(free.rest()[..7], [0.0, 0.0, 0.8, 1.0, 0.0, 0.0, 0.0]);

    let palm = free.frame("left_palm").unwrap();
    let at_rest = Poses::new(&free).world_from_frame(&free, palm);
    let pinned_palm = Poses::new(&pinned).world_from_frame(&pinned, pinned.frame("left_palm").unwrap());
    assert!((at_rest.inverse() * pinned_palm).translation.vector.norm() < 1e-15);

    // Half a turn about z, moved by one metre.
    let mut positions = free.rest().to_vec();
    positions[..7].copy_from_slice(&[1.0, 0.0, 0.8, 0.0, 0.0, 0.0, 2.0]);
    let mut poses = Poses::new(&free);
    poses.update(&free, &positions);
    let turned = poses.world_from_frame(&free, palm).translation.vector;
    let rest = at_rest.translation.vector;
    assert!((turned - Vector3::new(1.0 - rest.x, -rest.y, rest.z)).norm() < 1e-12);
    assert!((PI - at_rest.rotation.angle_to(&poses.world_from_frame(&free, palm).rotation)).abs() < 1e-12);
}

#[test]
fn a_joint_turns_about_its_anchor() {
    let text = r#"<mujoco><worldbody><body name="door" pos="1 0 0">
        <joint name="hinge" pos="0 0.5 0" axis="0 0 1" range="-90 90" ref="30"/>
        <site name="knob" pos="0 -0.5 0"/></body></worldbody></mujoco>"#;
    let body = Body::from_text(text, "door.xml", &BodyOptions::default()).unwrap();
    let hinge = body.joint("hinge").unwrap();
    assert!((body.limits(hinge).upper - FRAC_PI_2).abs() < 1e-15);
    assert!((body.rest()[0] - 30_f64.to_radians()).abs() < 1e-15);
    let mut poses = Poses::new(&body);
    let knob = body.frame("knob").unwrap();
    assert!(
        (poses.world_from_frame(&body, knob).translation.vector - Vector3::new(1.0, -0.5, 0.0)).norm()
            < 1e-15
    );
    poses.update(&body, &[120_f64.to_radians()]);
    let open = poses.world_from_frame(&body, knob).translation.vector;
    assert!((open - Vector3::new(2.0, 0.5, 0.0)).norm() < 1e-15, "{open}");
}

#[test]
fn followers_follow_and_the_driven_joint_leads() {
    let body = Body::from_text(&data::two_arms(), "two_arms.xml", &BodyOptions::default()).unwrap();
    let mut positions = body.rest().to_vec();
    let index = |name: &str| body.position_index(body.joint(name).unwrap()).unwrap();
    positions[index("left_finger")] = 0.03;
    positions[index("right_finger")] = 0.01;
    body.apply_mimics(&mut positions);
    assert_eq!(positions[index("left_thumb")], 0.03);
    assert_eq!(positions[index("right_thumb")], 0.01);
    let thumb = body.joint("left_thumb").unwrap();
    assert_eq!(body.mimic(thumb).unwrap().source, body.joint("left_finger").unwrap());
    assert_eq!(body.limits(body.joint("left_finger").unwrap()).effort, 20.0);
}

#[test]
fn names_are_found_without_the_scene_s_prefix() {
    let text = r#"<mujoco><worldbody><body name="g1/hand"><joint name="g1/wrist" axis="0 0 1"/></body></worldbody></mujoco>"#;
    let options = BodyOptions { name_prefix: "g1/".to_owned(), ..BodyOptions::default() };
    let body = Body::from_text(text, "scene.xml", &options).unwrap();
    assert_eq!(body.joint("wrist"), body.joint("g1/wrist"));
    assert!(body.frame("hand").is_ok());
    assert_eq!(body.joint("ankle").unwrap_err().to_string(), "body \"\" has no joint \"ankle\"");
    assert_eq!(body.frame("world"), Ok(FrameId::WORLD));
}

#[test]
fn the_solver_reaches_what_the_planar_arm_can() {
    let body = planar();
    let joints: Vec<_> = body.moving_joints().collect();
    let mut ik = Ik::new(&body, &joints, IkOptions::default()).unwrap();
    let target =
        etude_kinematics::FrameTarget::position(body.frame("tip").unwrap(), Vector3::new(0.3, 0.4, 0.0));
    let mut positions = vec![0.1, 0.1];
    for _ in 0..200 {
        let solution = ik.solve(&positions, &[target], 0.02);
        positions.copy_from_slice(solution.positions);
    }
    let solution = ik.solve(&positions, &[target], 0.02);
    assert_eq!(solution.status, etude_kinematics::Status::Converged);
    assert!(solution.residuals[0].position_m < 1e-6);
}
