//! What enrolment drafts of hands and home, held against the confirmed cards of `robots/` and against models made up here.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use etude_kinematics::enrol::{self, Draft, HandDraft, card::About};
use etude_kinematics::{Body, BodyOptions, Geometry, Poses, transform};
use etude_model::Card;
use etude_model::card::{Hand, Side};
use etude_model::slot::Part;
use nalgebra::{Isometry3, Vector3};

use crate::cards;
use crate::data;
use crate::truth::{self, Truth};

/// How far a drafted grasp frame may be off the card's, m, and how far turned, degrees.
const NEAR_M: f64 = 0.02;
const TURNED_DEG: f64 = 10.0;
/// Models of which less is asked, by card and file, with the bound and why.
const FARTHER: [(&str, &str, f64, &str); 1] = [(
    "enactic_openarm2",
    "robot_models",
    0.04,
    "without its meshes, and its fingers' masses are near their hinges",
)];
/// Models whose driven finger is another one than the card's, and why.
const OTHER_FINGER: [(&str, &str, &str); 1] =
    [("trossen_aloha2", "robot_models", "the file that says which finger is driven is not beside it")];

/// A card's model, read, and the card that is drafted of it.
struct Subject {
    name: String,
    path: PathBuf,
    card: Card,
    body: Body,
    drafted: Card,
}

impl Subject {
    fn is(&self, name: &str, folder: &str) -> bool {
        self.name == name && self.path.to_string_lossy().contains(folder)
    }

    fn place(&self, side: Side) -> String {
        format!("{} ({}), {}", self.name, self.path.display(), side.name())
    }
}

fn options() -> BodyOptions {
    BodyOptions { freeze_free_joints: true, skip_missing_includes: true, ..BodyOptions::default() }
}

fn subjects() -> Vec<Subject> {
    let truths: BTreeMap<String, Truth> = truth::all().into_iter().collect();
    let mut found = Vec::new();
    for (name, card) in cards::cards().into_iter().filter(|(_, card)| card.kinematics.is_some()) {
        let truth = cards::truth_of(&name, &truths).and_then(|truth| truths.get(&truth));
        for path in cards::models(&card, truth) {
            let body = Body::from_path(&path, &options()).expect("a model that others read too");
            let drafted = enrol::card::card(&body, &drafted(&body, &path), &About::default());
            found.push(Subject { name: name.clone(), path, card: card.clone(), body, drafted });
        }
    }
    eprintln!("{} models of cards drafted anew", found.len());
    found
}

fn drafted(body: &Body, path: &Path) -> Draft {
    let mut draft = enrol::draft(body);
    if draft.hands.iter().any(|hand| hand.is_gripper) {
        let geometry = Geometry::from_path(body, path).expect("a body that reads has shapes that read");
        enrol::fit_grippers(body, &mut draft, &geometry);
    }
    draft
}

/// The way from open to closed of every joint of a hand that moves.
fn closing(hand: &Hand) -> BTreeMap<&str, f64> {
    let ends = hand.open.iter().zip(&hand.closed).map(|(open, closed)| closed - open);
    hand.joints.iter().map(String::as_str).zip(ends).filter(|(_, way)| way.abs() > 1e-6).collect()
}

#[test]
fn hands_are_drafted_to_close_as_their_cards_say() {
    let (mut compared, mut wrong) = (0, Vec::new());
    for subject in subjects() {
        for side in Side::BOTH {
            let (card, drafted) = (subject.card.hand(side), subject.drafted.hand(side));
            let Some(card) = card else { continue };
            let Some(drafted) = drafted else {
                wrong.push(format!("{}: no hand", subject.place(side)));
                continue;
            };
            let drafted = closing(drafted);
            let other = OTHER_FINGER.iter().any(|(name, folder, _)| subject.is(name, folder));
            for (joint, way) in closing(card) {
                match drafted.get(joint) {
                    Some(other) if other * way > 0.0 => compared += 1,
                    None if other => {}
                    found => wrong.push(format!(
                        "{}: {joint} closes by {way:.3}, drafted {found:?}",
                        subject.place(side)
                    )),
                }
            }
        }
        for hand in &subject.drafted.hands {
            for (joint, (open, closed)) in hand.joints.iter().zip(hand.open.iter().zip(&hand.closed)) {
                let limits = subject.body.limits(subject.body.joint(joint).expect("a joint of the model"));
                for position in [open, closed] {
                    let inside = (limits.lower..=limits.upper).contains(position);
                    assert!(inside, "{}: {joint} cannot stand at {position}", subject.place(hand.side));
                }
            }
        }
    }
    eprintln!("{compared} joints of hands close as confirmed");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The grasp frame of a card, in the root frame at rest.
fn grasp(body: &Body, card: &Card, side: Side) -> Option<Isometry3<f64>> {
    let end = card.end_effector(side)?;
    let frame = body.frame(&end.body).ok()?;
    Some(Poses::new(body).world_from_frame(body, frame) * transform::isometry(&end.grasp_in_body))
}

#[test]
fn grasp_frames_are_drafted_where_their_cards_have_them() {
    let mut wrong = Vec::new();
    for subject in subjects() {
        for side in Side::BOTH {
            let frames = [&subject.card, &subject.drafted].map(|card| grasp(&subject.body, card, side));
            let [Some(card), Some(drafted)] = frames else { continue };
            let between = card.inverse() * drafted;
            let (far_m, turned_deg) =
                (between.translation.vector.norm(), between.rotation.angle().to_degrees());
            eprintln!("{}: {:.1} mm, {turned_deg:.1}°", subject.place(side), 1e3 * far_m);
            let farther = FARTHER.iter().find(|(name, folder, ..)| subject.is(name, folder));
            if far_m > farther.map_or(NEAR_M, |(.., bound_m, _)| *bound_m) || turned_deg > TURNED_DEG {
                wrong.push(format!("{}: {:.1} mm, {turned_deg:.1}°", subject.place(side), 1e3 * far_m));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn homes_of_arms_that_are_mirror_images_are_mirror_images() {
    let Some(models) = data::robot_models() else { return };
    let (mut mirrored, mut others) = (0, Vec::new());
    for (name, truth) in truth::all() {
        let body = truth::body(&models, &truth);
        let draft = enrol::draft(&body);
        let at = |part: Part| -> BTreeMap<String, f64> {
            let own = draft.joints.iter().filter_map(|joint| {
                let slot = joint.slot.as_ref().filter(|slot| slot.part == part)?;
                Some((slot.joint.clone(), *draft.home.get(body.position_index(joint.joint)?)?))
            });
            own.collect()
        };
        let (left, right) = (at(Part::LeftArm), at(Part::RightArm));
        if left.len() < 2 || right.len() < 2 {
            continue;
        }
        let same = |(joint, left): (&String, &f64)| {
            right.get(joint).is_some_and(|it| (it.abs() - left.abs()).abs() < 1e-9)
        };
        if left.iter().all(same) { mirrored += 1 } else { others.push(name) }
    }
    eprintln!("{mirrored} homes are mirror images");
    assert!(mirrored >= 40, "{mirrored}");
    // Its arms are not built alike.
    assert_eq!(others, ["stanford_toddlerbot_2xc"]);
}

/// What is drafted of a gripper that is written here.
fn gripper(text: &str) -> HandDraft {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(if text.contains("<mujoco") { "gripper.xml" } else { "gripper.urdf" });
    std::fs::write(&path, text).expect("written");
    let body = Body::from_path(&path, &options()).expect("a sound model");
    let mut hands = drafted(&body, &path).hands;
    assert_eq!(hands.len(), 1, "one gripper");
    hands.remove(0)
}

/// Two fingers on slides that no coupling ties, 0.05 m each; their masses lie a little beyond the middle when they are closed.
fn two_slides(second_axis: f64, shape: &str) -> String {
    let finger = |name: &str, sign: f64, axis: f64| {
        let (low, high) = if axis * sign > 0.0 { (0.0, 0.05) } else { (-0.05, 0.0) };
        format!(
            r#"<link name="{name}"><inertial><origin xyz="-0.02 {centre} 0"/><mass value="0.1"/>
              <inertia ixx="0.001" iyy="0.001" izz="0.001" ixy="0" ixz="0" iyz="0"/></inertial>{shape}</link>
            <joint name="{name}_slide" type="prismatic"><origin xyz="0.14 {at} 0"/><parent link="palm"/><child link="{name}"/>
              <axis xyz="0 {axis} 0"/><limit lower="{low}" upper="{high}" effort="10" velocity="1"/></joint>"#,
            at = 0.013 * sign,
            centre = -0.015 * sign,
        )
    };
    format!(
        r#"<robot name="gripper"><link name="palm"/>{}{}</robot>"#,
        finger("one", 1.0, 1.0),
        finger("two", -1.0, second_axis)
    )
}

#[test]
fn slides_that_nothing_couples_open_together_though_their_masses_have_passed_each_other() {
    for second_axis in [-1.0, 1.0] {
        let hand = gripper(&two_slides(second_axis, ""));
        let ranges: Vec<_> =
            hand.ranges.iter().map(|range| (range.joint.as_str(), range.open, range.closed)).collect();
        assert_eq!(ranges, [("one_slide", 0.05, 0.0), ("two_slide", -0.05 * second_axis, 0.0)]);
        assert!(hand.aperture_m.is_some_and(|aperture| (aperture - 0.1).abs() < 1e-9), "{hand:?}");
        // Halfway between the fingers' masses, 0.12, and their joints, which stand farther out.
        let at = hand.grasp.translation.vector;
        assert!((at - Vector3::new(0.13, 0.0, 0.0)).norm() < 1e-9, "{at}");
        assert!((hand.grasp.rotation * Vector3::x() - Vector3::x()).norm() < 1e-9);
        assert!((hand.grasp.rotation * Vector3::z()).y.abs() > 1.0 - 1e-9);
    }
}

#[test]
fn pads_say_more_than_masses() {
    // Boxes from 0.10 to 0.18 m; closed, there is a gap of 6 mm between them.
    let boxed = |y: f64| {
        format!(
            r#"<collision><origin xyz="0 {y} 0"/><geometry><box size="0.08 0.01 0.02"/></geometry></collision>"#
        )
    };
    let text =
        two_slides(-1.0, "SHAPE").replacen("SHAPE", &boxed(-0.005), 1).replacen("SHAPE", &boxed(0.005), 1);
    let hand = gripper(&text);
    assert!(hand.aperture_m.is_some_and(|aperture| (aperture - 0.106).abs() < 1e-9), "{hand:?}");
    // The outer three quarters go from 0.12 to 0.18: their middle.
    let at = hand.grasp.translation.vector;
    assert!((at - Vector3::new(0.15, 0.0, 0.0)).norm() < 1e-3, "{at}");
}

/// A gripper whose fingers stay parallel because a rod holds each of them; rods are jaws to nobody.
const PARALLELOGRAM: &str = r#"<mujoco model="gripper"><compiler angle="radian"/><worldbody><body name="palm">
  <inertial pos="0 0 0.02" mass="1" diaginertia="0.01 0.01 0.01"/>
  <body name="crank_a" pos="0.03 0 0.06"><joint name="crank_a" axis="0 -1 0" range="0 0.8"/>
    <inertial pos="0.02 0 0.02" mass="0.1" diaginertia="0.001 0.001 0.001"/>
    <body name="finger_a" pos="0.04 0 0.03"><joint name="finger_a" axis="0 -1 0"/>
      <inertial pos="-0.01 0 0.03" mass="0.1" diaginertia="0.001 0.001 0.001"/></body></body>
  <body name="rod_a" pos="0.01 0 0.06"><joint name="rod_a" axis="0 -1 0"/>
    <inertial pos="0.02 0 0.02" mass="0.1" diaginertia="0.001 0.001 0.001"/></body>
  <body name="crank_b" pos="-0.03 0 0.06"><joint name="crank_b" axis="0 1 0" range="0 0.8"/>
    <inertial pos="-0.02 0 0.02" mass="0.1" diaginertia="0.001 0.001 0.001"/>
    <body name="finger_b" pos="-0.04 0 0.03"><joint name="finger_b" axis="0 1 0"/>
      <inertial pos="0.01 0 0.03" mass="0.1" diaginertia="0.001 0.001 0.001"/></body></body>
  <body name="rod_b" pos="-0.01 0 0.06"><joint name="rod_b" axis="0 1 0"/>
    <inertial pos="-0.02 0 0.02" mass="0.1" diaginertia="0.001 0.001 0.001"/></body>
  </body></worldbody>
  <equality><joint joint1="crank_b" joint2="crank_a"/>
    <connect body1="rod_a" body2="finger_a" anchor="0.04 0 0.03"/><connect body1="rod_b" body2="finger_b" anchor="-0.04 0 0.03"/></equality>
  <actuator><position joint="crank_a"/></actuator></mujoco>"#;

#[test]
fn fingers_that_rods_hold_stay_parallel() {
    let hand = gripper(PARALLELOGRAM);
    let ranges: Vec<_> =
        hand.ranges.iter().map(|range| (range.joint.as_str(), range.open, range.closed)).collect();
    assert_eq!(ranges, [("crank_a", 0.0, 0.8)]);
    // A crank of 50 mm that turns by 0.8 rad from 36.9° brings its finger, which does not turn, this far inwards.
    let crank = |turn: f64| 0.05 * (0.03_f64.atan2(0.04) + turn).cos();
    let expected = 2.0 * (crank(0.0) - crank(0.8));
    assert!(
        hand.aperture_m.is_some_and(|aperture| (aperture - expected).abs() < 1e-6),
        "{expected}: {hand:?}"
    );
    assert!((hand.grasp.rotation * Vector3::x() - Vector3::z()).norm() < 1e-9, "{:?}", hand.grasp);
}

#[test]
fn the_models_own_mark_between_the_jaws_is_where_it_grasps() {
    let mark = |xyz: &str| {
        let text = two_slides(-1.0, "");
        let link = format!(
            r#"<link name="tool"/><joint name="tool" type="fixed"><origin xyz="{xyz}"/><parent link="palm"/><child link="tool"/></joint></robot>"#
        );
        gripper(&text.replace("</robot>", &link)).grasp.translation.vector
    };
    // Fingers end well beyond their masses.
    for ahead in [0.11, 0.15, 0.2] {
        let at = mark(&format!("{ahead} 0 0"));
        assert!((at - Vector3::new(ahead, 0.0, 0.0)).norm() < 1e-9, "{at}");
    }
    // A camera above the hand, a flange behind it and a place before it are none.
    for elsewhere in ["0.13 0 0.06", "0.05 0 0", "0.3 0 0"] {
        assert!((mark(elsewhere) - Vector3::new(0.13, 0.0, 0.0)).norm() < 1e-9, "{elsewhere}");
    }
}
