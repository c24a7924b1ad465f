//! Postures: links that reach into each other at the zero pose and at home, and a home that no work can start from.

use etude_kinematics::enrol::check::{Finding, Severity};
use etude_kinematics::enrol::{self, Draft, posture};
use etude_kinematics::geometry::{Capsule, Overlaps};
use etude_kinematics::{Body, BodyOptions, Geometry, Poses};
use nalgebra::{Point3, Vector3};

use crate::data;

/// A torso with wide hips, and two arms that hang into them; `more` goes into `<mujoco>`.
fn wide(hip: &str, more: &str) -> String {
    let arm = |side: &str, y: f64| {
        format!(
            r#"<body name="{side}_shoulder" pos="0 {y} 0.2"><joint name="{side}_a" axis="0 1 0" range="-3 2"/>
              <geom type="sphere" size="0.06"/>
              <body name="{side}_upper"><joint name="{side}_b" axis="1 0 0" range="-2 2"/>
              <geom type="capsule" size="0.06" fromto="0 0 -0.05 0 0 -0.25"/>
              <body name="{side}_fore" pos="0 0 -0.28"><joint name="{side}_c" axis="0 1 0" range="-2.4 0"/>
              <geom type="capsule" size="0.03" fromto="0 0 -0.03 0 0 -0.25"/></body></body></body>"#
        )
    };
    let (left, right) = (arm("left", 0.22), arm("right", -0.22));
    format!(
        r#"<mujoco><compiler angle="radian"/><worldbody><body name="torso" pos="0 0 1">
          <geom type="box" size="0.1 0.17 0.25"/>
          <body name="hips" pos="0 0 -0.25"><joint name="waist" axis="0 0 1" range="-1 1"/>
            <geom type="sphere" size="0.06" pos="0 0.2 0" {hip}/></body>
          {left}{right}</body></worldbody>{more}</mujoco>"#
    )
}

fn read(text: &str) -> (Body, Geometry) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("robot.xml");
    std::fs::write(&path, text).expect("written");
    let options = BodyOptions { freeze_free_joints: true, ..BodyOptions::default() };
    let body = Body::from_path(&path, &options).expect("a sound model");
    let geometry = Geometry::from_path(&body, &path).expect("shapes");
    (body, geometry)
}

/// `one into other by mm` of the links that reach into each other at rest.
fn at_rest(text: &str) -> Vec<String> {
    let (body, geometry) = read(text);
    let name = |link| body.frame_of(link).name.as_str();
    let found = Overlaps::new(&body, &geometry).at(body.rest());
    found
        .iter()
        .map(|o| format!("{} into {} by {:.0}", name(o.one), name(o.other), 1e3 * o.depth_m))
        .collect()
}

#[test]
fn a_forearm_in_a_hip_is_found_and_what_is_built_so_is_not() {
    // The upper arm reaches into the torso too, but that is their shoulder.
    assert_eq!(at_rest(&wide("", "")), ["hips into left_fore by 70"]);
    let excluded = r#"<contact><exclude body1="hips" body2="left_fore"/></contact>"#;
    assert_eq!(at_rest(&wide("", excluded)), [""; 0]);
    assert_eq!(at_rest(&wide(r#"contype="2" conaffinity="2""#, "")), [""; 0], "the model lets them pass");
    // A ball so large that no posture is without it is no posture's fault.
    assert_eq!(at_rest(&wide("", "").replace(r#"size="0.06" pos="0 0.2 0""#, r#"size="0.9""#)), [""; 0]);
}

#[test]
fn check_tells_of_links_that_touch_and_of_shapes_that_it_cannot_see() {
    let (body, geometry) = read(&wide("", ""));
    let draft = enrol::draft(&body);
    let findings = posture::overlaps(&body, &draft, &geometry);
    // It is drafted without arms that could be moved: home is where it rests.
    let words: Vec<&str> = findings.iter().map(|finding| finding.what.as_str()).collect();
    let into = "it reaches 70 mm into left_fore";
    assert_eq!(words, [format!("at the zero pose {into}"), format!("at home {into}")]);
    let told = |place: usize| (findings[place].severity, findings[place].place.as_str());
    assert_eq!([told(0), told(1)], [(Severity::Note, "hips"), (Severity::Fault, "hips")]);
    let mesh = r#"<asset><mesh name="gone" file="gone.stl"/></asset>"#;
    let text = wide("", mesh).replace(r#"type="box" size="0.1 0.17 0.25""#, r#"type="mesh" mesh="gone""#);
    let (body, geometry) = read(&text);
    let findings = posture::overlaps(&body, &enrol::draft(&body), &geometry);
    let words: Vec<&str> = findings.iter().map(|finding| finding.what.as_str()).collect();
    assert!(
        words[0].starts_with("1 of 8 collision shapes were not looked at; the first: link \"torso\""),
        "{words:?}"
    );
    let none = posture::overlaps(&body, &enrol::draft(&body), &Geometry::default());
    assert!(none[0].what.starts_with("it has no collision shapes") && none[0].severity == Severity::Note);
}

/// Two arms without shapes of their own, drafted; with a ball on the torso around the middle of the left forearm at home.
fn embraced(radius_m: f64) -> (Body, Draft, Geometry) {
    let options = BodyOptions { freeze_free_joints: true, ..BodyOptions::default() };
    let body = Body::from_text(&data::two_arms(), "two_arms.xml", &options).expect("a sound model");
    let draft = enrol::draft(&body);
    let mut poses = Poses::new(&body);
    poses.update(&body, &draft.home);
    let mut geometry = Geometry::default();
    let torso = body.frame("torso").expect("it has one");
    for side in ["left", "right"] {
        let forearm = body.frame(&format!("{side}_forearm")).expect("it has one");
        let bone = Capsule { start_m: Vector3::z() * -0.05, end_m: Vector3::z() * -0.25, radius_m: 0.03 };
        geometry.push(&body, forearm, &bone);
    }
    let forearm = poses.world_from_frame(&body, body.frame("left_forearm").expect("it has one"));
    let middle = poses.world_from_frame(&body, torso).inverse() * (forearm * Point3::new(0.0, 0.0, -0.15));
    // A little inwards, so that outwards is the shorter way.
    let centre = middle.coords - Vector3::y() * 0.03;
    geometry.push(&body, torso, &Capsule { start_m: centre, end_m: centre, radius_m });
    (body, draft, geometry)
}

#[test]
fn home_is_moved_until_nothing_touches() {
    let (body, mut draft, geometry) = embraced(0.05);
    let before = draft.home.clone();
    assert!(!Overlaps::new(&body, &geometry).at(&before).is_empty(), "the ball is in the way");
    enrol::clear_home(&body, &mut draft, &geometry);
    let clearance = draft.home_clearance.clone().expect("it was looked at");
    assert!(clearance.is_free() && clearance.moved_rad[0] > 0.0, "{clearance:?}");
    assert!(Overlaps::new(&body, &geometry).at(&draft.home).is_empty());
    // Both arms move outwards, and alike.
    let wrists = |home: &[f64]| {
        let mut poses = Poses::new(&body);
        poses.update(&body, home);
        ["left_wrist", "right_wrist"]
            .map(|name| poses.world_from_frame(&body, body.frame(name).expect("it has one")).translation.y)
    };
    let ([left, right], [left_before, right_before]) = (wrists(&draft.home), wrists(&before));
    assert!(
        left > left_before + 0.01 && right < right_before - 0.01,
        "{left} {left_before} {right} {right_before}"
    );
    assert!((left + right).abs() < 1e-3, "{left} {right}");
    let card = enrol::card::card(&body, &draft, &enrol::card::About::default());
    assert!(
        card.doubts.iter().all(|doubt| !doubt.entries.contains(&"joint.home".to_owned())),
        "{:?}",
        card.doubts
    );
    // Where nothing is in the way nothing is moved.
    let (body, mut draft, _) = embraced(0.05);
    enrol::clear_home(&body, &mut draft, &Geometry::default());
    assert_eq!(draft.home, before);
}

#[test]
fn a_home_that_cannot_be_freed_or_seen_is_asked() {
    let (body, mut draft, geometry) = embraced(0.28);
    let before = draft.home.clone();
    enrol::clear_home(&body, &mut draft, &geometry);
    assert_eq!(draft.home, before, "it stays where it was");
    let asked = |draft: &Draft| {
        let card = enrol::card::card(&body, draft, &enrol::card::About::default());
        let doubts = card.doubts.into_iter().filter(|doubt| doubt.entries.contains(&"joint.home".to_owned()));
        doubts.map(|doubt| format!("{} [{}]", doubt.question, doubt.drafted)).collect::<Vec<_>>()
    };
    let doubts = asked(&draft);
    assert!(doubts[0].contains("no turn of the shoulders frees them. [torso reaches"), "{doubts:?}");
    enrol::clear_home(&body, &mut draft, &Geometry::default());
    let doubts = asked(&draft);
    assert!(
        doubts[0].contains("at home? Not all shapes") && doubts[0].contains("[the model has no shapes]"),
        "{doubts:?}"
    );
}

#[test]
fn a_home_that_cannot_be_taken_or_worked_from_is_told() {
    let (body, mut draft, _) = embraced(0.05);
    let set = |home: &mut Vec<f64>, joint: &str, to: f64| {
        let place = body.position_index(body.joint(joint).expect("it has one")).expect("it moves");
        home[place] = to;
    };
    let told = |draft: &Draft| {
        let told: Vec<Finding> = posture::home(&body, draft);
        told.iter().map(|f| format!("{}: {}: {}", f.severity.name(), f.place, f.what)).collect::<Vec<_>>()
    };
    assert_eq!(told(&draft), [""; 0], "what is drafted is sound");
    let drafted = draft.home.clone();
    set(&mut draft.home, "left_elbow", 0.3);
    assert_eq!(
        told(&draft),
        ["fault: left_elbow: home puts it at 0.3000, outside of its range [-2.2000, 0.0000]"]
    );
    draft.home = body.rest().to_vec();
    assert_eq!(told(&draft).len(), 2, "both arms hang stretched");
    assert!(told(&draft)[0].starts_with("note: left arm: home stretches it: 100 %"), "{:?}", told(&draft));
    draft.home.clone_from(&drafted);
    set(&mut draft.home, "right_shoulder_pitch", 1.2);
    set(&mut draft.home, "right_elbow", -0.3);
    assert!(told(&draft)[0].starts_with("note: right arm: home holds its hand 0."), "{:?}", told(&draft));
    assert!(told(&draft)[0].ends_with("behind the shoulder"), "{:?}", told(&draft));
    draft.home.clone_from(&drafted);
    set(&mut draft.home, "left_shoulder_roll", -0.4);
    set(&mut draft.home, "left_shoulder_yaw", -1.6);
    set(&mut draft.home, "left_elbow", -1.8);
    assert!(told(&draft)[0].ends_with("beyond the body's middle"), "{:?}", told(&draft));
}

#[test]
fn no_vendors_model_is_blamed_for_how_it_is_built() {
    let Some(folder) = data::robot_models() else { return };
    let options =
        BodyOptions { freeze_free_joints: true, skip_missing_includes: true, ..BodyOptions::default() };
    let (mut models, mut shapes, mut unread, mut told) = (0, 0, 0, Vec::new());
    for path in data::files(&folder, &[".urdf", ".xml"]) {
        let Ok(body) = Body::from_path(&path, &options) else { continue };
        let geometry = Geometry::from_path(&body, &path).expect("a body that reads has shapes that read");
        let mut draft = enrol::draft(&body);
        enrol::clear_home(&body, &mut draft, &geometry);
        let findings =
            posture::home(&body, &draft).into_iter().chain(posture::overlaps(&body, &draft, &geometry));
        let of_shapes = |finding: &Finding| finding.what.contains("collision shapes");
        told.extend(
            findings
                .filter(|f| !of_shapes(f))
                .map(|f| format!("{}: {}: {}", path.display(), f.place, f.what)),
        );
        models += 1;
        shapes += geometry.capsules().len();
        unread += geometry.remarks().len();
    }
    eprintln!("{models} models, {shapes} shapes, {unread} not at hand");
    assert!(models >= 60 && shapes > 500, "{models} {shapes}");
    assert_eq!(told, [""; 0]);
}
