//! What reading refuses, and how it says so.

use std::fs;

use etude_kinematics::{Body, BodyError, BodyOptions, JointKind, Poses};
use proptest::prelude::*;

use crate::data;

fn read(text: &str) -> Result<Body, BodyError> {
    Body::from_text(text, "model.xml", &BodyOptions::default())
}

fn urdf(joint: &str) -> String {
    format!(
        r#"<robot name="r"><link name="a"/><link name="b"/>
        <joint name="j" {joint}<parent link="a"/><child link="b"/></joint></robot>"#
    )
}

#[test]
fn errors_name_the_file_the_element_and_what_was_expected() {
    let cases = [
        ("<mujoco><worldbody>", "model.xml: not well-formed XML"),
        ("<sdf/>", "model.xml: expected <mujoco> or <robot> as root element, found <sdf>"),
        ("<mujoco><worldbody><body pos=\"1 2\"/></worldbody></mujoco>", "model.xml: not valid MJCF: "),
        ("<robot name=\"r\"/>", "expected one root link, found none or several"),
        (&urdf("type=\"revolute\">"), "<joint name=\"j\">: expected a <limit>, found none"),
        (&urdf("type=\"planar\">"), "<joint name=\"j\">: expected a joint that is fixed, revolute"),
        (
            &urdf("type=\"revolute\"><limit lower=\"1\" upper=\"0\" velocity=\"1\"/>"),
            "<joint name=\"j\">: expected a lower limit below the upper one, found [1, 0]",
        ),
        (
            &urdf("type=\"continuous\"><axis xyz=\"0 0 0\"/>"),
            "<joint name=\"j\">: expected an axis with a direction",
        ),
        (
            &urdf("type=\"continuous\"><mimic joint=\"k\"/>"),
            "expected a <mimic> of a revolute or prismatic joint",
        ),
        (&urdf("type=\"continuous\"><mimic joint=\"j\"/>"), "found a circle"),
        (
            &urdf("type=\"fixed\"><origin xyz=\"NaN 0 0\"/>"),
            "<joint name=\"j\">: expected finite numbers in its pose",
        ),
        (
            r#"<robot name="r"><link name="a"/><joint name="j" type="fixed"><parent link="a"/><child link="c"/></joint></robot>"#,
            "<joint name=\"j\">: expected links that the file has, found \"c\"",
        ),
        ("<mujoco><compiler eulerseq=\"xyzx\"/></mujoco>", "expected three of x, y, z, X, Y, Z, found xyzx"),
        (
            "<mujoco><default><default/></default></mujoco>",
            "<default name=\"\">: expected a class of its own",
        ),
        (
            r#"<mujoco><worldbody><body><joint/><body><freejoint name="f"/></body></body></worldbody></mujoco>"#,
            "expected a free joint alone, on a child of the world",
        ),
    ];
    for (text, expected) in cases {
        match read(text) {
            Ok(_) => panic!("{text} was read"),
            Err(error) => assert!(error.to_string().contains(expected), "{error} does not say {expected}"),
        }
    }
    let deep = format!("<mujoco>{}{}</mujoco>", "<a>".repeat(300), "</a>".repeat(300));
    assert!(read(&deep).unwrap_err().to_string().contains("301 levels of elements exceed the bound of 200"));
    let missing = Body::from_path("no/such/robot.urdf", &BodyOptions::default()).unwrap_err();
    assert!(missing.to_string().starts_with("cannot read no/such/robot.urdf: "), "{missing}");
}

#[test]
fn includes_are_spliced_wherever_they_stand() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write(
        "robot.xml",
        r#"<mujoco><worldbody><body name="base"><include file="arm.xml"/></body></worldbody></mujoco>"#,
    );
    write(
        "arm.xml",
        r#"<mujocoinclude><body name="arm" pos="0 0 1"><joint name="a&lt;b" axis="1 0 0"/></body></mujocoinclude>"#,
    );
    write("circle.xml", r#"<mujoco><include file="circle.xml"/></mujoco>"#);
    write("lost.xml", r#"<mujoco><include file="nowhere.xml"/></mujoco>"#);
    let body = Body::from_path(folder.path().join("robot.xml"), &BodyOptions::default()).unwrap();
    assert!(body.joint("a<b").is_ok());
    let arm = Poses::new(&body).world_from_frame(&body, body.frame("arm").unwrap());
    assert_eq!(arm.translation.z, 1.0);
    let fail = |name: &str| {
        Body::from_path(folder.path().join(name), &BodyOptions::default()).unwrap_err().to_string()
    };
    assert!(fail("circle.xml").contains("is included twice"));
    assert!(fail("lost.xml").contains("<include file=\"nowhere.xml\">: cannot read"));
}

#[test]
fn classes_give_ranges_and_efforts() {
    let text = r#"<mujoco><compiler angle="radian"/>
      <default><joint axis="0 1 0"/><default class="arm"><joint range="-1 1" actuatorfrcrange="-25 20"/>
        <default class="wrist"><joint range="-0.5 0.5"/></default></default></default>
      <worldbody><body childclass="arm"><joint name="elbow"/><body><joint name="wrist" class="wrist"/>
        <body><joint name="tip" class="wrist" actuatorfrcrange="-3 3" limited="false"/></body></body></body></worldbody></mujoco>"#;
    let body = read(text).unwrap();
    let limits = |name: &str| body.limits(body.joint(name).unwrap());
    assert_eq!((limits("elbow").lower, limits("elbow").effort), (-1.0, 25.0));
    assert_eq!((limits("wrist").lower, limits("wrist").effort), (-0.5, 25.0));
    assert_eq!((limits("tip").lower, limits("tip").effort), (f64::NEG_INFINITY, 3.0));
}

#[test]
fn what_is_not_represented_is_remarked() {
    let text = r#"<mujoco><worldbody><body name="a"><joint name="p" axis="1 0 0"/><body name="b"><joint name="q" axis="1 0 0"/></body></body></worldbody>
      <equality><connect name="loop" body1="a" body2="b" anchor="0 0 0"/><joint name="curve" joint1="p" joint2="q" polycoef="0 1 2 0 0"/></equality>
      <keyframe><key name="home" qpos="0.1 0.2"/><key name="odd" qpos="1"/></keyframe></mujoco>"#;
    let body = read(text).unwrap();
    let remarks: Vec<String> = body.remarks().iter().map(ToString::to_string).collect();
    assert_eq!(remarks.len(), 3, "{remarks:?}");
    assert!(remarks[0].contains("<connect name=\"loop\">") && remarks[1].contains("<joint name=\"curve\">"));
    assert!(remarks[2].contains("\"odd\""));
    assert_eq!(body.keyframes()[0].positions, [0.1, 0.2]);
}

#[test]
fn chains_of_followers_lead_to_the_joint_that_moves() {
    let joint = |name: &str, parent: &str, child: &str, mimic: &str| {
        format!(
            r#"<joint name="{name}" type="revolute"><parent link="{parent}"/><child link="{child}"/>
            <axis xyz="0 0 1"/><limit lower="-1" upper="1" velocity="0" effort="0"/>{mimic}</joint>"#
        )
    };
    let text = format!(
        r#"<robot name="finger"><link name="l0"/><link name="l1"/><link name="l2"/><link name="l3"/>{}{}{}</robot>"#,
        joint("base", "l0", "l1", ""),
        joint("middle", "l1", "l2", r#"<mimic joint="base" multiplier="2" offset="0.1"/>"#),
        joint("tip", "l2", "l3", r#"<mimic joint="middle" multiplier="-0.5" offset="0.3"/>"#),
    );
    let body = read(&text).unwrap();
    let tip = body.mimic(body.joint("tip").unwrap()).unwrap();
    assert_eq!(body.joint_name(tip.source), "base");
    assert!((tip.multiplier + 1.0).abs() < 1e-15 && (tip.offset - 0.25).abs() < 1e-15);
    assert_eq!(body.rest(), [0.0, 0.1, 0.25], "at rest the followers follow");
    assert_eq!(body.remarks().len(), 3, "a velocity of 0 is no limit");
    // base may go where middle = 2 base + 0.1 stays within 1.
    let selection = etude_kinematics::Selection::new(&body, &[body.joint("tip").unwrap()]).unwrap();
    let variable = selection.variables()[0];
    assert!((variable.upper - 0.45).abs() < 1e-15 && (variable.lower + 0.55).abs() < 1e-15);
    assert_eq!(body.kind(variable.joint), JointKind::Revolute);
}

#[test]
fn attached_models_are_read_and_may_not_run_in_circles() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    let rig = |file: &str| {
        format!(
            r#"<mujoco><asset><model name="sub" file="{file}"/></asset><worldbody><body name="rig">
            <attach model="sub" body="arm" prefix="left_"/></body></worldbody></mujoco>"#
        )
    };
    write("rig.xml", &rig("arm.xml"));
    write("circle.xml", &rig("circle.xml").replace("name=\"rig\"", "name=\"arm\""));
    write(
        "arm.xml",
        r#"<mujoco><worldbody><body name="arm" pos="0 0 2"><joint name="elbow" axis="1 0 0"/></body></worldbody></mujoco>"#,
    );
    let read = |name: &str| Body::from_path(folder.path().join(name), &BodyOptions::default());
    let body = read("rig.xml").unwrap();
    assert!(body.joint("left_elbow").is_ok() && body.frame("left_arm").is_ok());
    write(
        "frame.xml",
        &rig("arm.xml").replace("<attach", "<frame><attach").replace("</body>", "</frame></body>"),
    );
    assert!(read("frame.xml").unwrap_err().to_string().contains("to stand in a <body>"));
    write("lost.xml", &rig("arm.xml").replace("body=\"arm\"", "body=\"leg\""));
    assert!(read("lost.xml").unwrap_err().to_string().contains("a <body> of the model, found leg"));
    assert!(read("circle.xml").unwrap_err().to_string().contains("at most four deep"));
}

/// A sound model with a few of its bytes changed, cut out or doubled.
fn damaged() -> impl Strategy<Value = String> {
    let sound = prop_oneof![
        Just(data::two_arms()),
        Just(urdf("type=\"revolute\"><limit lower=\"-1\" upper=\"1\" velocity=\"1\"/>"))
    ];
    let change = (any::<prop::sample::Index>(), 0_usize..40, "[ -~]{0,6}");
    (sound, proptest::collection::vec(change, 1..4)).prop_map(|(mut text, changes)| {
        for (place, length, with) in changes {
            let start = place.index(text.len().max(1)).min(text.len());
            let end = (start + length).min(text.len());
            text.replace_range(start..end, &with);
        }
        text
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_models_are_read_or_refused(text in damaged()) {
        if let Ok(body) = read(&text) {
            let poses = Poses::new(&body);
            for index in 0..body.frames().len() {
                if let Ok(frame) = body.frame(&body.frames()[index].name) {
                    let pose = poses.world_from_frame(&body, frame);
                    prop_assert!(pose.translation.vector.iter().all(|value| value.is_finite()));
                }
            }
        }
    }
}

/// Two joints in a row on a tendon that a motor pulls; `more` stands beside the tendon.
fn on_a_tendon(more: &str) -> Body {
    let text = format!(
        r#"<mujoco><worldbody><body><joint name="a" axis="0 1 0" range="0 1"/><body pos="0 0 1">
          <joint name="b" axis="0 1 0" range="0 1"/></body></body></worldbody>
          <tendon><fixed name="both"><joint joint="a" coef="1"/><joint joint="b" coef="0.5"/></fixed></tendon>
          <actuator><position tendon="both"/></actuator>{more}</mujoco>"#
    );
    read(&text).expect("a sound model")
}

#[test]
fn a_tendon_that_a_motor_pulls_ties_its_joints_to_one_command() {
    let body = on_a_tendon("");
    let [tendon] = body.tendons() else { panic!("{:?}", body.tendons()) };
    let joints: Vec<_> =
        tendon.joints.iter().map(|&(joint, ratio)| (body.joint_name(joint), ratio)).collect();
    assert_eq!((tendon.name.as_str(), joints), ("both", vec![("a", 1.0), ("b", 0.5)]));
    // Where a coupling says in which shares they move, or a joint has a motor of its own, there is nothing left to tie.
    let coupled = on_a_tendon(r#"<equality><joint joint1="b" joint2="a"/></equality>"#);
    assert_eq!(coupled.tendons(), []);
    let driven = on_a_tendon(r#"<actuator><motor joint="b"/></actuator>"#);
    assert_eq!(driven.tendons(), []);
}
