//! What is wrong with a vendor's model, and how to mend it.

use nalgebra::Matrix3;

use super::Draft;
use crate::body::{Body, JointId, JointKind, Remark};

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It makes the model wrong where it is used.
    Fault,
    /// Something is left unsaid that a card needs.
    Gap,
    /// Worth knowing.
    Note,
}

impl Severity {
    /// In a word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fault => "fault",
            Self::Gap => "gap",
            Self::Note => "note",
        }
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The joint or link it is about; empty for the whole model.
    pub place: String,
    /// What is wrong.
    pub what: String,
    /// How to mend it.
    pub mend: String,
}

/// Joints that reach farther than this are suspected to be in degrees, rad.
const SUSPECT_RANGE_RAD: f64 = 15.0;
/// A speed that no joint of a robot has, rad/s or m/s.
const SUSPECT_SPEED: f64 = 150.0;
/// Share of a moment of inertia that rounding may take from the triangle inequality.
const ROUNDING: f64 = 0.005;
/// By this share of an arm's length a hand may miss its place at home.
const HOME_MISSED: f64 = 0.25;

/// Everything that is found wrong, the worst first.
pub fn check(body: &Body, draft: &Draft) -> Vec<Finding> {
    let mut findings = Vec::new();
    inertials(body, &mut findings);
    for joint in body.joints().filter(|&joint| body.kind(joint).is_scalar()) {
        limits(body, draft, joint, &mut findings);
    }
    remarks(body, &mut findings);
    for (arm, missed) in draft.arms.iter().zip(&draft.home_missed) {
        if *missed > HOME_MISSED {
            findings.push(Finding {
                severity: Severity::Note,
                place: format!("{} arm", arm.side.name()),
                what: format!(
                    "its hand misses a place before the body by {:.0} % of the arm's length",
                    100.0 * missed
                ),
                mend: "see whether its limits are the robot's, then set `home` in the card by hand"
                    .to_owned(),
            });
        }
    }
    findings.sort_by_key(|finding| finding.severity);
    findings
}

fn inertials(body: &Body, findings: &mut Vec<Finding>) {
    for inertial in body.inertials() {
        let place = body.frame_of(inertial.link).name.clone();
        let mut fault = |what: String, mend: &str| {
            findings.push(Finding {
                severity: Severity::Fault,
                place: place.clone(),
                what,
                mend: mend.to_owned(),
            });
        };
        if inertial.mass_kg.is_nan() || inertial.mass_kg <= 0.0 {
            fault(format!("its mass is {} kg", inertial.mass_kg), "state the link's mass, above 0");
            continue;
        }
        let Some([low, middle, high]) = principal(&inertial.moments) else {
            fault("its moments of inertia are no numbers".to_owned(), "state them anew, kg·m²");
            continue;
        };
        if low < 0.0 || (low == 0.0 && high > 0.0) {
            fault(
                format!("a principal moment of inertia is {low:.3e} kg·m², not above 0"),
                "compute the inertia anew from the link's shape; a sign or a product of inertia is wrong",
            );
        } else if low + middle < high * (1.0 - ROUNDING) {
            fault(
                format!(
                    "its moments {low:.3e}, {middle:.3e}, {high:.3e} kg·m² are no body's: two together are less than the third"
                ),
                "compute the inertia anew about the centre of mass, in kg and m",
            );
        }
    }
}

/// Principal moments, lowest first.
fn principal(moments: &Matrix3<f64>) -> Option<[f64; 3]> {
    if moments.iter().any(|value| !value.is_finite()) {
        return None;
    }
    let mut values: [f64; 3] = moments.symmetric_eigenvalues().into();
    values.sort_by(f64::total_cmp);
    Some(values)
}

fn limits(body: &Body, draft: &Draft, joint: JointId, findings: &mut Vec<Finding>) {
    let limits = body.limits(joint);
    let place = body.joint_name(joint).to_owned();
    let slot = draft.joint(joint).and_then(|draft| draft.slot.as_ref());
    let mut find = |severity, what: String, mend: &str| {
        findings.push(Finding { severity, place: place.clone(), what, mend: mend.to_owned() });
    };
    let turns = body.kind(joint) == JointKind::Revolute;
    let rolls = slot.is_some_and(|slot| slot.part == etude_model::slot::Part::Base);
    if (limits.lower.is_infinite() || limits.upper.is_infinite()) && slot.is_some() && !rolls {
        find(
            Severity::Gap,
            "it states no range".to_owned(),
            "state `range` (MJCF) or <limit lower upper> (URDF); without it the card lets it turn without end",
        );
    } else if limits.lower == limits.upper {
        find(
            Severity::Fault,
            format!("its range is [{0}, {0}]: it cannot move", limits.lower),
            "state its range, or make it fixed",
        );
    } else if turns && (limits.upper - limits.lower) > SUSPECT_RANGE_RAD && limits.upper.is_finite() {
        find(
            Severity::Fault,
            format!(
                "its range [{:.1}, {:.1}] rad is more than two turns: are these degrees?",
                limits.lower, limits.upper
            ),
            "write radians (URDF), or `angle=\"degree\"` in <compiler> (MJCF)",
        );
    }
    if body.mimic(joint).is_some() || slot.is_none() {
        return;
    }
    if limits.velocity.is_infinite() {
        find(
            Severity::Gap,
            "it states no highest speed".to_owned(),
            "take it from the vendor's data sheet into the card's `velocity`",
        );
    } else if limits.velocity > SUSPECT_SPEED {
        find(
            Severity::Fault,
            format!("its speed limit {} is no robot's", limits.velocity),
            "write rad/s or m/s; degrees per second, or a number that stands for none?",
        );
    }
    if limits.effort.is_infinite() {
        find(
            Severity::Gap,
            "it states no highest torque or force".to_owned(),
            "take it from the vendor's data sheet; an effort of 0 says none",
        );
    }
}

fn remarks(body: &Body, findings: &mut Vec<Finding>) {
    for remark in body.remarks() {
        let (severity, mend) = match remark {
            // Told joint by joint.
            Remark::NoVelocityLimit(_) | Remark::EmptyRange(_) => continue,
            Remark::Equality(_) => {
                (Severity::Note, "loops are not followed here; physics in MuJoCo follows them")
            }
            Remark::Keyframe(_) => (Severity::Note, "write one value for every position of the model"),
            Remark::DuplicateName(_) => (Severity::Note, "give every joint and link a name of its own"),
            Remark::MissingInclude(_) => {
                (Severity::Fault, "put the file beside the model; what it says is not known here")
            }
        };
        findings.push(Finding {
            severity,
            place: String::new(),
            what: remark.to_string(),
            mend: mend.to_owned(),
        });
    }
}
