//! Models changed as text, so that nothing but geometry can tell their joints: renamed, mirrored names, turned, scaled,
//! with other zeros. What was right must stay right, or become unsure.

use std::collections::HashSet;
use std::f64::consts::{FRAC_PI_2, PI};
use std::path::Path;

use etude_kinematics::enrol;
use etude_kinematics::{Body, BodyOptions};
use nalgebra::{UnitQuaternion, Vector3};
use roxmltree::{Document, Node};

use crate::data::{self, Random};
use crate::truth::{self, Tally, Truth};

/// What came of all models of one change.
#[derive(Default)]
struct Outcome {
    sum: Tally,
    wrong_and_sure: Vec<String>,
    /// Models with joints that are not right, and how many.
    not_right: Vec<(String, usize)>,
    models: usize,
}

impl Outcome {
    fn share(&self) -> f64 {
        self.sum.right as f64 / self.sum.joints.max(1) as f64
    }

    fn tell(&self, what: &str) {
        eprintln!(
            "{what}: {} models, {} of {} joints right ({:.1} %), {} unsure, {} wrong and sure",
            self.models,
            self.sum.right,
            self.sum.joints,
            100.0 * self.share(),
            self.sum.unsure,
            self.sum.wrong_and_sure
        );
        if !self.not_right.is_empty() {
            eprintln!("  not right: {:?}", self.not_right);
        }
        for line in &self.wrong_and_sure {
            eprintln!("  {line}");
        }
    }
}

/// Drafts every model that `change` gives a text for, and compares with the truth.
fn outcome(models: &Path, mut change: impl FnMut(&str, &Truth) -> Option<String>) -> Outcome {
    let mut outcome = Outcome::default();
    for (name, truth) in truth::all() {
        let path = models.join(&truth.model);
        let text = std::fs::read_to_string(&path).expect("the truth names files that are there");
        let Some(changed) = change(&text, &truth) else { continue };
        let options =
            BodyOptions { freeze_free_joints: true, skip_missing_includes: true, ..BodyOptions::default() };
        let body = Body::from_text(&changed, &path, &options).unwrap_or_else(|error| panic!("{error}"));
        // The truth's names, where the change kept the joints' order and not their names.
        let score = truth::score_in_order(&body, &enrol::draft(&body), &truth, &original(&path));
        outcome.models += 1;
        for tally in score.tallies.values() {
            outcome.sum.add(tally);
        }
        if !score.wrong.is_empty() {
            outcome.not_right.push((name.clone(), score.wrong.len()));
        }
        let sure = score.wrong.iter().filter(|wrong| wrong.confidence >= enrol::SURE);
        outcome.wrong_and_sure.extend(
            sure.map(|wrong| format!("{name}: {} is {}, drafted {}", wrong.joint, wrong.truth, wrong.found)),
        );
    }
    outcome
}

fn original(path: &Path) -> Body {
    let options =
        BodyOptions { freeze_free_joints: true, skip_missing_includes: true, ..BodyOptions::default() };
    Body::from_path(path, &options).expect("it was read by another test")
}

fn joint_names(text: &str) -> HashSet<String> {
    let document = Document::parse(text.trim_start_matches('\u{feff}').trim_start()).expect("sound XML");
    let joints = document.descendants().filter(|node| node.has_tag_name("joint"));
    joints.filter_map(|node| node.attribute("name")).map(str::to_owned).collect()
}

/// Replaces names of joints wherever they stand as a whole attribute.
fn rename(text: &str, mut to: impl FnMut(&str) -> String) -> String {
    let mut names: Vec<String> = joint_names(text).into_iter().collect();
    names.sort();
    names.iter().fold(text.to_owned(), |text, name| {
        let new = to(name);
        text.replace(&format!("\"{name}\""), &format!("\"{new}\""))
            .replace(&format!("'{name}'"), &format!("'{new}'"))
    })
}

fn is_urdf(truth: &Truth) -> bool {
    Path::new(&truth.model).extension().is_some_and(|extension| extension == "urdf")
}

/// Models without right sides in their geometry: a single arm, or a hand that either side could have.
fn has_sides(truth: &Truth) -> bool {
    !matches!(truth.kind.as_str(), "arm" | "gripper")
        && !truth.model.contains("Dex3-1 hand")
        && !truth.model.contains("DEX-EE")
}

#[test]
fn names_are_not_needed() {
    let Some(models) = data::robot_models() else { return };
    let mut count = 0;
    let outcome = outcome(&models, |text, truth| {
        has_sides(truth).then(|| {
            rename(text, |_| {
                count += 7;
                format!("q{count}")
            })
        })
    });
    outcome.tell("renamed");
    assert!(outcome.share() > 0.98 && outcome.wrong_and_sure.is_empty(), "{}", outcome.share());
}

#[test]
fn mirrored_names_do_not_turn_a_robot_round() {
    let Some(models) = data::robot_models() else { return };
    let outcome = outcome(&models, |text, truth| {
        (has_sides(truth) && truth.kind != "hand").then(|| rename(text, mirrored))
    });
    outcome.tell("mirrored names");
    assert!(outcome.share() > 0.95 && outcome.wrong_and_sure.is_empty(), "{}", outcome.share());
}

/// The name with left and right exchanged, however they are written.
fn mirrored(name: &str) -> String {
    for (one, other) in [("left", "right"), ("Left", "Right"), ("L", "R"), ("l_", "r_"), ("_l", "_r")] {
        for (from, to) in [(one, other), (other, one)] {
            let word = from.len() > 2;
            let here = if from.starts_with('_') { name.ends_with(from) } else { name.starts_with(from) };
            if (word && name.contains(from)) || here {
                return name.replacen(from, to, 1) + "_m";
            }
        }
    }
    name.to_owned()
}

/// Rewrites every attribute that `edit` answers for; all else stays as it is.
fn edit(text: &str, mut edit: impl FnMut(Node<'_, '_>, &str) -> Option<String>) -> String {
    let document = Document::parse(text).expect("sound XML");
    let mut changes = Vec::new();
    for node in document.descendants().filter(Node::is_element) {
        for attribute in node.attributes() {
            if let Some(value) = edit(node, attribute.name()) {
                changes.push((attribute.range_value(), value));
            }
        }
    }
    let mut changed = text.to_owned();
    for (range, value) in changes.into_iter().rev() {
        changed.replace_range(range, &value);
    }
    changed
}

fn numbers(text: &str) -> Vec<f64> {
    text.split_ascii_whitespace().filter_map(|part| part.parse().ok()).collect()
}

fn written(values: &[f64]) -> String {
    values.iter().map(f64::to_string).collect::<Vec<_>>().join(" ")
}

#[test]
fn size_does_not_matter() {
    let Some(models) = data::robot_models() else { return };
    for scale in [0.6, 1.3] {
        let outcome = outcome(&models, |text, truth| {
            is_urdf(truth).then(|| {
                edit(text, |node, attribute| {
                    let is_origin = node.has_tag_name("origin") && attribute == "xyz";
                    let values = is_origin.then(|| numbers(node.attribute(attribute).unwrap_or_default()))?;
                    Some(written(&values.iter().map(|value| value * scale).collect::<Vec<_>>()))
                })
            })
        });
        outcome.tell(&format!("scaled by {scale}"));
        assert!(outcome.share() > 0.98 && outcome.wrong_and_sure.is_empty(), "{}", outcome.share());
    }
}

/// Hangs the root link on a new one, turned.
fn turned(text: &str, rpy: [f64; 3]) -> String {
    let document = Document::parse(text).expect("sound XML");
    let root = document.root_element();
    let of = |tag: &str| -> Vec<String> {
        let joints = root.children().filter(|node| node.has_tag_name("joint"));
        let ends = joints.filter_map(|joint| joint.children().find(|node| node.has_tag_name(tag)));
        ends.filter_map(|node| node.attribute("link")).map(str::to_owned).collect()
    };
    let children: HashSet<String> = of("child").into_iter().collect();
    let links = root.children().filter(|node| node.has_tag_name("link"));
    let base = links
        .filter_map(|link| link.attribute("name"))
        .find(|name| !children.contains(*name))
        .expect("a root");
    let new = format!(
        r#"<link name="turned_root"/><joint name="turned_root_joint" type="fixed"><origin xyz="0 0 0" rpy="{}"/>
        <parent link="turned_root"/><child link="{base}"/></joint></robot>"#,
        written(&rpy)
    );
    let end = text.rfind("</robot>").expect("it ends");
    format!("{}{new}", &text[..end])
}

#[test]
fn a_robot_may_face_anywhere() {
    let Some(models) = data::robot_models() else { return };
    let mut random = Random(3);
    let outcome = outcome(&models, |text, truth| {
        let yaw = random.between(-3.1, 3.1);
        (is_urdf(truth) && truth.kind != "arm").then(|| turned(text, [0.0, 0.0, yaw]))
    });
    outcome.tell("turned about the vertical");
    assert!(outcome.share() > 0.98 && outcome.wrong_and_sure.is_empty(), "{}", outcome.share());
}

#[test]
fn a_humanoid_need_not_stand_along_z() {
    let Some(models) = data::robot_models() else { return };
    for rpy in [[FRAC_PI_2, 0.0, 0.0], [0.0, FRAC_PI_2, 0.4], [PI, 0.0, 0.0]] {
        let outcome = outcome(&models, |text, truth| {
            (is_urdf(truth) && truth.kind == "humanoid").then(|| turned(text, rpy))
        });
        outcome.tell(&format!("laid down by {rpy:?}"));
        assert!(outcome.share() > 0.98 && outcome.wrong_and_sure.is_empty(), "{}", outcome.share());
    }
}

/// Gives some joints another zero: the joint's frame turns about its axis and its limits move along.
fn other_zeros(text: &str, shift: &mut impl FnMut(&str, f64, f64) -> Option<f64>) -> String {
    let shifts = |node: Node<'_, '_>, shift: &mut dyn FnMut(&str, f64, f64) -> Option<f64>| -> Option<f64> {
        let limit = node.children().find(|child| child.has_tag_name("limit"))?;
        let low = limit.attribute("lower")?.parse().ok()?;
        let high = limit.attribute("upper")?.parse().ok()?;
        let turns = node.attribute("type") == Some("revolute");
        let coupled = node.children().any(|child| child.has_tag_name("mimic"));
        (turns && !coupled).then(|| shift(node.attribute("name").unwrap_or_default(), low, high)).flatten()
    };
    let document = Document::parse(text).expect("sound XML");
    let mut by_joint = std::collections::HashMap::new();
    for joint in document.root_element().children().filter(|node| node.has_tag_name("joint")) {
        if let Some(angle) = shifts(joint, shift) {
            by_joint.insert(joint.attribute("name").unwrap_or_default().to_owned(), angle);
        }
    }
    edit(text, |node, attribute| {
        let joint = node.parent().filter(|parent| parent.has_tag_name("joint"))?;
        let angle = *by_joint.get(joint.attribute("name")?)?;
        let value = node.attribute(attribute)?;
        match (node.tag_name().name(), attribute) {
            ("limit", "lower" | "upper") => Some((value.parse::<f64>().ok()? - angle).to_string()),
            ("origin", "rpy") => {
                let [roll, pitch, yaw] = numbers(value).try_into().ok()?;
                let axis = joint.children().find(|child| child.has_tag_name("axis"));
                let axis = axis.and_then(|axis| axis.attribute("xyz")).map_or(vec![1.0, 0.0, 0.0], numbers);
                let axis = Vector3::from_column_slice(&axis).normalize();
                let turn = UnitQuaternion::from_euler_angles(roll, pitch, yaw)
                    * UnitQuaternion::from_scaled_axis(axis * angle);
                let (roll, pitch, yaw) = turn.euler_angles();
                Some(written(&[roll, pitch, yaw]))
            }
            _ => None,
        }
    })
}

#[test]
fn zero_may_be_another_posture_on_either_side() {
    let Some(models) = data::robot_models() else { return };
    let mut random = Random(11);
    let outcome = outcome(&models, |text, truth| {
        let two_arms = matches!(truth.kind.as_str(), "humanoid" | "bimanual" | "mobile_manipulator");
        if !is_urdf(truth) || !two_arms {
            return None;
        }
        // Joints whose posture does not decide what the others are called.
        let bends = ["knee", "hip_pitch", "elbow", "shoulder_pitch", "ankle_pitch"];
        let mut shift = |name: &str, low: f64, high: f64| {
            let slots = truth.joints.get(name)?.all();
            let [slot] = slots else { return None };
            let bent = bends.iter().any(|bend| slot.ends_with(bend));
            bent.then(|| random.between(low.max(-0.8), high.min(0.8).max(low.max(-0.8))))
        };
        Some(other_zeros(text, &mut shift))
    });
    outcome.tell("other zeros");
    assert!(outcome.share() > 0.95, "{}", outcome.share());
    assert!(outcome.sum.wrong_and_sure * 200 <= outcome.sum.joints, "{:#?}", outcome.wrong_and_sure);
}
