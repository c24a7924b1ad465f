//! The truth about vendors' models, written by hand in `tests/truth`, and how a draft compares with it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use etude_kinematics::enrol::{self, Draft};
use etude_kinematics::{Body, BodyOptions};
use serde::Deserialize;

/// One file of `tests/truth`; `tests/truth/README.md` says what each key means.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Truth {
    pub(crate) model: String,
    pub(crate) kind: String,
    pub(crate) forward: String,
    #[serde(default)]
    pub(crate) torso: Vec<String>,
    #[serde(default)]
    pub(crate) left_wrist: Vec<String>,
    #[serde(default)]
    pub(crate) right_wrist: Vec<String>,
    pub(crate) left_arm_length_m: Option<f64>,
    pub(crate) right_arm_length_m: Option<f64>,
    pub(crate) joints: BTreeMap<String, Slots>,
}

/// A slot, or several that are right.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Slots {
    One(String),
    Any(Vec<String>),
}

impl Slots {
    pub(crate) fn all(&self) -> &[String] {
        match self {
            Self::One(slot) => std::slice::from_ref(slot),
            Self::Any(slots) => slots,
        }
    }

    fn class(&self) -> Class {
        let part = self.all().iter().find_map(|slot| slot.split_once('.')).map(|(part, _)| part);
        match part {
            _ if self.all().iter().any(|slot| slot == "none") => Class::None,
            Some("left_arm" | "right_arm") => Class::Arm,
            Some("left_leg" | "right_leg") => Class::Leg,
            Some("left_hand" | "right_hand") => Class::Finger,
            Some("waist") => Class::Waist,
            Some("head") => Class::Head,
            Some("base") => Class::Base,
            _ => Class::None,
        }
    }
}

/// What a joint truly is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Class {
    Arm,
    Waist,
    Head,
    Leg,
    Finger,
    Base,
    /// No part of the canonical body.
    None,
}

/// How many joints of a class were found right.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tally {
    pub(crate) joints: usize,
    pub(crate) right: usize,
    pub(crate) wrong_and_sure: usize,
    pub(crate) unsure: usize,
    /// Right among the unsure.
    pub(crate) unsure_right: usize,
}

impl Tally {
    pub(crate) fn add(&mut self, other: &Self) {
        self.joints += other.joints;
        self.right += other.right;
        self.wrong_and_sure += other.wrong_and_sure;
        self.unsure += other.unsure;
        self.unsure_right += other.unsure_right;
    }
}

/// A joint that was found wrong.
#[derive(Debug)]
pub(crate) struct Wrong {
    pub(crate) joint: String,
    pub(crate) found: String,
    pub(crate) truth: String,
    pub(crate) confidence: f64,
}

/// How one model came out.
#[derive(Debug)]
pub(crate) struct Score {
    pub(crate) tallies: BTreeMap<Class, Tally>,
    pub(crate) wrong: Vec<Wrong>,
    /// What else differs: kind, forward, torso, wrists, lengths.
    pub(crate) differences: Vec<String>,
}

/// The folder of truth files.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/truth")
}

/// Every truth file, by name.
pub(crate) fn all() -> Vec<(String, Truth)> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder())
        .expect("the folder is part of the repository")
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "toml"))
        .collect();
    files.sort();
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).expect("a file listed a moment ago");
        let truth = toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        (path.file_stem().unwrap_or_default().to_string_lossy().into_owned(), truth)
    };
    files.into_iter().map(read).collect()
}

/// Reads a model as enrolment does.
pub(crate) fn body(models: &Path, truth: &Truth) -> Body {
    let options =
        BodyOptions { freeze_free_joints: true, skip_missing_includes: true, ..BodyOptions::default() };
    Body::from_path(models.join(&truth.model), &options)
        .unwrap_or_else(|error| panic!("{}: {error}", truth.model))
}

/// Compares a draft with the truth.
pub(crate) fn score(body: &Body, draft: &Draft, truth: &Truth) -> Score {
    let mut score = score_in_order(body, draft, truth, body);
    score.differences = differences(body, draft, truth);
    score
}

/// Compares the joints of a draft with the truth about `named`, which has the same joints under their true names.
pub(crate) fn score_in_order(body: &Body, draft: &Draft, truth: &Truth, named: &Body) -> Score {
    let mut score = Score { tallies: BTreeMap::new(), wrong: Vec::new(), differences: Vec::new() };
    for (joint, slots) in &truth.joints {
        // Joints that a change put before the others shift the order.
        let shift = body.joints().len() - named.joints().len();
        let place = named.joint(joint).ok().map(|joint| joint.index() + shift);
        let here = place.and_then(|place| body.joints().find(|joint| joint.index() == place));
        let found = here.and_then(|joint| draft.joint(joint));
        let tally = score.tallies.entry(slots.class()).or_default();
        tally.joints += 1;
        let slot = found.and_then(|found| found.slot.as_ref()).map_or("none".to_owned(), ToString::to_string);
        let confidence = found.map_or(0.0, |found| found.confidence);
        let right = slots.all().contains(&slot);
        let sure = confidence >= enrol::SURE;
        tally.right += usize::from(right);
        tally.wrong_and_sure += usize::from(sure && !right);
        tally.unsure += usize::from(!sure);
        tally.unsure_right += usize::from(!sure && right);
        if !right {
            let truth = slots.all().join(" or ");
            score.wrong.push(Wrong { joint: joint.clone(), found: slot, truth, confidence });
        }
    }
    score
}

fn differences(body: &Body, draft: &Draft, truth: &Truth) -> Vec<String> {
    let mut differences = Vec::new();
    if draft.kind.name() != truth.kind {
        differences.push(format!("kind {}, truth {}", draft.kind.name(), truth.kind));
    }
    let forward = draft.directions.forward;
    let true_forward = direction(&truth.forward);
    if !matches!(truth.kind.as_str(), "hand" | "gripper") && forward.dot(&true_forward) < 0.98 {
        differences.push(format!("forward {:.2?}, truth {}", forward.as_slice(), truth.forward));
    }
    let torso = draft.torso.map(etude_kinematics::JointId::index);
    let carries =
        |name: &String| name == "world" || body.frame(name).is_ok_and(|frame| carried(body, frame) == torso);
    if !truth.torso.is_empty() && !truth.torso.iter().any(carries) {
        differences.push(format!("torso at joint {torso:?}, truth {:?}", truth.torso));
    }
    for (arm, wrists, length) in [
        ("left", &truth.left_wrist, truth.left_arm_length_m),
        ("right", &truth.right_wrist, truth.right_arm_length_m.or(truth.left_arm_length_m)),
    ] {
        let found = draft.arms.iter().find(|draft| draft.side.name() == arm);
        let Some(found) = found else {
            if !wrists.is_empty() && truth.kind != "hand" {
                differences.push(format!("no {arm} arm"));
            }
            continue;
        };
        let wrist = found.wrist.map(etude_kinematics::JointId::index);
        let is_it = |name: &String| {
            body.frame(name).is_ok_and(|frame| Some(body.frame_of(frame).joint.index()) == wrist)
        };
        let fixed = |name: &String| body.frame(name).is_ok_and(|frame| carried(body, frame) == wrist);
        if !wrists.is_empty() && !wrists.iter().any(|name| is_it(name) || fixed(name)) {
            differences.push(format!("{arm} wrist at joint {wrist:?}, truth {wrists:?}"));
        }
        if let (Some(truth), Some(found)) = (length, found.length_m)
            && (found / truth - 1.0).abs() > 0.05
        {
            differences.push(format!("{arm} arm {found:.3} m, truth {truth:.3} m"));
        }
        if length.is_some() && found.length_m.is_none() {
            differences.push(format!("{arm} arm without length"));
        }
    }
    differences
}

/// The joint that moves a frame: fixed ones are passed over.
fn carried(body: &Body, frame: etude_kinematics::FrameId) -> Option<usize> {
    let mut joint = Some(body.frame_of(frame).joint).filter(|joint| joint.index() != 0);
    while let Some(at) = joint {
        if body.kind(at) != etude_kinematics::JointKind::Fixed {
            return Some(at.index());
        }
        joint = body.parent(at);
    }
    None
}

fn direction(text: &str) -> nalgebra::Vector3<f64> {
    let sign = if text.starts_with('-') { -1.0 } else { 1.0 };
    match text.chars().last() {
        Some('y') => nalgebra::Vector3::y() * sign,
        Some('z') => nalgebra::Vector3::z() * sign,
        _ => nalgebra::Vector3::x() * sign,
    }
}
