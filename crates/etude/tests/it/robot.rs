//! `etude robot`, on a robot made up here.

use crate::run::etude_in;
use std::fs;

/// A torso with two arms of four joints and one-joint heads, as URDF; no speeds.
pub(crate) fn two_arms() -> String {
    let arm = |side: &str, sign: f64| {
        let joint = |name: &str, parent: &str, xyz: &str, axis: &str, low: f64, high: f64| {
            format!(
                r#"<link name="{side}_{name}_link"><inertial><mass value="1"/><inertia ixx="0.01" iyy="0.01" izz="0.01" ixy="0" ixz="0" iyz="0"/></inertial></link>
                <joint name="{side}_{name}" type="revolute"><origin xyz="{xyz}"/><parent link="{parent}"/>
                <child link="{side}_{name}_link"/><axis xyz="{axis}"/><limit lower="{low}" upper="{high}" effort="10" velocity="0"/></joint>"#
            )
        };
        [
            joint("a", "torso", &format!("0 {} 0.4", 0.2 * sign), "0 1 0", -3.0, 1.5),
            joint("b", &format!("{side}_a_link"), "0 0 0", "1 0 0", -1.5, 1.5),
            joint("c", &format!("{side}_b_link"), "0 0 -0.1", "0 0 1", -1.5, 1.5),
            joint("d", &format!("{side}_c_link"), "0 0 -0.2", "0 1 0", -2.2, 0.0),
            joint("e", &format!("{side}_d_link"), "0 0 -0.25", "0 0 1", -1.5, 1.5),
        ]
        .concat()
    };
    format!(r#"<robot name="pair"><link name="torso"/>{}{}</robot>"#, arm("left", 1.0), arm("right", -1.0))
}

#[test]
fn a_robot_is_enrolled_and_what_is_not_known_stays_open() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("pair.urdf"), two_arms()).expect("written");
    let arguments = ["robot", "enroll", "pair.urdf", "--vendor", "Maker", "--out", "robots/pair"];
    let run = etude_in(folder.path(), &arguments).exits(0);
    assert!(run.stderr.contains("bimanual: 10 joints, 10 with a slot"), "{run:#?}");
    assert!(run.stderr.contains("open: How fast may these joints move?"), "{run:#?}");
    let card = fs::read_to_string(folder.path().join("robots/pair/card.toml")).expect("a card");
    assert!(card.contains("slot = \"left_arm.elbow\"") && card.contains("[[doubt]]"), "{card}");
    // It is never overwritten.
    let again = etude_in(folder.path(), &arguments).exits(1);
    assert!(again.stderr.contains("hint: a card is never overwritten"), "{again:#?}");
    let list =
        etude_in(folder.path(), &["robot", "list", "--robots", "robots", "--format", "json"]).exits(0).json();
    assert!(list[0]["open_questions"].as_u64().is_some_and(|open| open > 0), "{list}");
}

#[test]
fn what_was_accepted_unseen_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("pair.urdf"), two_arms()).expect("written");
    etude_in(folder.path(), &["robot", "enroll", "pair.urdf", "--accept", "--out", "robots/pair"]).exits(0);
    let card = fs::read_to_string(folder.path().join("robots/pair/card.toml")).expect("a card");
    assert!(card.contains("settled = \"accepted_unseen\""), "{card}");
    let run = etude_in(folder.path(), &["robot", "list", "--robots", "robots"]).exits(0);
    assert!(run.stdout.contains("accepted unseen"), "{run:#?}");
}

#[test]
fn a_robot_is_shown_checked_and_compared() {
    let folder = tempfile::tempdir().expect("a folder");
    let broken = two_arms().replacen("izz=\"0.01\"", "izz=\"0.5\"", 1);
    fs::write(folder.path().join("one.urdf"), two_arms()).expect("written");
    fs::write(folder.path().join("two.urdf"), broken.replacen("upper=\"1.5\"", "upper=\"90\"", 1))
        .expect("written");
    let shown = etude_in(folder.path(), &["robot", "show", "one.urdf"]).exits(0);
    assert!(shown.stdout.contains("right_arm.shoulder_pitch"), "{shown:#?}");
    etude_in(folder.path(), &["robot", "show", "one.urdf", "two.urdf", "--png", "sheet.png"]).exits(0);
    let picture = fs::read(folder.path().join("sheet.png")).expect("a picture");
    assert!(picture.starts_with(b"\x89PNG") && picture.len() > 2_000, "{} bytes", picture.len());
    etude_in(folder.path(), &["robot", "check", "one.urdf"]).exits(0);
    let check = etude_in(folder.path(), &["robot", "check", "two.urdf"]).exits(1);
    assert!(check.stdout.contains("two together are less than the third"), "{check:#?}");
    assert!(check.stdout.contains("are these degrees?"), "{check:#?}");
    let diff =
        etude_in(folder.path(), &["robot", "diff", "one.urdf", "two.urdf", "--format", "json"]).exits(0);
    let entries = diff.json().as_array().cloned().unwrap_or_default();
    let named = |name: &str| entries.iter().any(|line| line["entry"] == name);
    assert!(named("joint.left_a.position") && entries.len() < 10, "{diff:#?}");
}

#[test]
fn a_card_whose_model_is_missing_or_broken_says_which_and_who_ships_it() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("models")).expect("made");
    fs::write(folder.path().join("pair.urdf"), two_arms()).expect("written");
    let arguments =
        ["--vendor", "Maker", "--package", "pair-models==1.0", "--accept", "--out", "robots/pair"];
    etude_in(folder.path(), &[&["robot", "enroll", "pair.urdf"], &arguments[..]].concat()).exits(0);
    let models = ["--models", "models"];
    let show =
        |command: &str| etude_in(folder.path(), &["robot", command, "robots/pair", models[0], models[1]]);
    let whole = show("show").exits(0);
    assert!(whole.stdout.contains("bimanual") && !whole.stderr.contains("note:"), "{whole:#?}");
    fs::remove_file(folder.path().join("pair.urdf")).expect("removed");
    let missing = show("show").exits(0);
    for words in
        ["the model pair.urdf of Maker pair is not at hand: it is not in models", "pair-models==1.0 ships it"]
    {
        assert!(missing.stderr.contains(words), "{words}: {missing:#?}");
    }
    assert!(missing.stdout.contains("left_arm.elbow"), "the card is shown all the same: {missing:#?}");
    let check = show("check").exits(1);
    assert!(check.stderr.contains("error: the model pair.urdf of Maker pair is not at hand"), "{check:#?}");
    let moving = ["retarget", "take.mcap", "--to", "robots/pair", models[0], models[1]];
    let retarget = etude_in(folder.path(), &moving).exits(1);
    assert!(retarget.stderr.contains("pair-models==1.0 ships it"), "{retarget:#?}");
    fs::write(folder.path().join("models/pair.urdf"), "<robot name=\"pair\">").expect("written");
    let broken = show("show").exits(0);
    assert!(broken.stderr.contains("models/pair.urdf: not well-formed XML"), "{broken:#?}");
    assert!(broken.stderr.contains("pair-models==1.0 should ship it whole"), "{broken:#?}");
}

#[test]
fn a_card_is_shown_with_its_own_grasp_frames() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("pair.urdf"), two_arms()).expect("written");
    let enroll = ["robot", "enroll", "pair.urdf", "--vendor", "Maker", "--accept", "--out", "robots/pair"];
    etude_in(folder.path(), &enroll).exits(0);
    let file = folder.path().join("robots/pair/card.toml");
    let drafted = fs::read_to_string(&file).expect("a card");
    let drawn = |end: &str| {
        fs::write(&file, drafted.clone() + end).expect("written");
        etude_in(folder.path(), &["robot", "show", "robots/pair", "--png", "pair.png"]).exits(0);
        fs::read(folder.path().join("pair.png")).expect("a picture")
    };
    let end = |ahead: f64| {
        format!(
            "\n[[end_effector]]\nside = \"left\"\nbody = \"left_e_link\"\n\
             grasp_in_body = {{ position_m = [{ahead}, 0.0, -0.1], orientation_xyzw = [0.0, 0.0, 0.0, 1.0] }}\n"
        )
    };
    let pictures = [drawn(""), drawn(&end(0.0)), drawn(&end(0.1))];
    assert!(pictures[0] != pictures[1] && pictures[1] != pictures[2], "each card has another picture");
    assert_eq!(drawn(&end(0.1)), pictures[2], "and one card has one");
}

#[test]
fn check_tells_of_links_that_reach_into_each_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let shape = |text: String, link: &str, xyz: &str, shape: &str| {
        let collision =
            format!("<collision><origin xyz=\"{xyz}\"/><geometry>{shape}</geometry></collision></link>");
        let (before, after) = text.split_once(&format!("<link name=\"{link}\"")).expect("the link");
        let after = match after.strip_prefix("/>") {
            Some(rest) => format!(">{collision}{rest}"),
            None => after.replacen("</link>", &collision, 1),
        };
        format!("{before}<link name=\"{link}\"{after}")
    };
    let ball = "<sphere radius=\"0.05\"/>";
    // A ball of the torso where the left forearm hangs, and one on the forearm.
    let text = shape(two_arms(), "torso", "0 0.23 -0.05", ball);
    fs::write(folder.path().join("wide.urdf"), shape(text, "left_d_link", "0 0 -0.15", ball))
        .expect("written");
    let check = etude_in(folder.path(), &["robot", "check", "wide.urdf"]).exits(0);
    assert!(check.stdout.contains("at the zero pose it reaches 70 mm into left_d_link"), "{check:#?}");
    assert!(!check.stdout.contains("at home"), "home is free of it: {check:#?}");
    // The card's own home is looked at, and not the draft's.
    etude_in(folder.path(), &["robot", "enroll", "wide.urdf", "--accept", "--out", "robots/wide"]).exits(0);
    let file = folder.path().join("robots/wide/card.toml");
    let card = fs::read_to_string(&file).expect("a card");
    let free = etude_in(folder.path(), &["robot", "check", "robots/wide"]);
    assert!(!free.stdout.contains("at home"), "{free:#?}");
    let straight: Vec<String> = card
        .lines()
        .map(|line| if line.starts_with("home = ") { "home = 0.0".to_owned() } else { line.to_owned() })
        .collect();
    fs::write(&file, straight.join("\n")).expect("written");
    let touching = etude_in(folder.path(), &["robot", "check", "robots/wide"]).exits(1);
    assert!(touching.stdout.contains("at home it reaches 70 mm into left_d_link"), "{touching:#?}");
    assert!(touching.stdout.contains("home stretches it"), "{touching:#?}");
}
