//! What is wrong with the postures that a robot stands in: at its zero pose, and at home.

use etude_model::card::Side;
use nalgebra::Point3;

use super::check::{Finding, Severity};
use super::{ArmDraft, Draft, RobotKind};
use crate::body::{Body, JointId};
use crate::forward::Poses;
use crate::geometry::{Geometry, Overlaps};

/// A joint this far beyond its limits is outside of them: cards are rounded to four places, rad or m.
const OUTSIDE: f64 = 2e-4;
/// An arm that reaches this share of its length cannot go on outwards.
const STRETCHED: f64 = 0.995;
/// A hand this far below everything that stands on the floor is below the floor, m.
const BELOW_M: f64 = 0.02;
/// A forearm shorter than this share of its arm cannot be bent: the model ends at the elbow.
const FOREARM: f64 = 0.2;
/// Most pairs of links that are told one by one, the deepest.
const TOLD: usize = 8;
/// Shares of an arm's length by which a hand is behind its shoulder, or beyond the body's middle.
const BEHIND: f64 = 0.3;
const CROSSED: f64 = 0.15;

/// Links that reach into each other at the zero pose and at home; `geometry` is what [`Geometry::from_path`] gives. What could
/// not be looked at is a finding too.
pub fn overlaps(body: &Body, draft: &Draft, geometry: &Geometry) -> Vec<Finding> {
    let mut findings: Vec<Finding> = unread(geometry).into_iter().collect();
    let mut overlaps = Overlaps::new(body, geometry);
    let zero = (
        "the zero pose",
        body.rest(),
        Severity::Note,
        "start from home; mend the shapes, or exclude the pair in <contact> (MJCF) where it is built so",
    );
    let home = (
        "home",
        draft.home.as_slice(),
        Severity::Fault,
        "set `home` in the card to a posture in which they are apart; `etude robot enroll` drafts one",
    );
    for (at, posture, severity, mend) in [zero, home] {
        if posture.len() != body.position_len() {
            continue;
        }
        let found = overlaps.at(posture);
        for overlap in found.iter().take(TOLD) {
            let name = |link| body.frame_of(link).name.clone();
            findings.push(Finding {
                severity,
                place: name(overlap.one),
                what: format!(
                    "at {at} it reaches {:.0} mm into {}",
                    1e3 * overlap.depth_m,
                    name(overlap.other)
                ),
                mend: mend.to_owned(),
            });
        }
        if let Some(more) = found.len().checked_sub(TOLD + 1) {
            findings.push(Finding {
                severity,
                place: String::new(),
                what: format!("at {at} {} more pairs of links reach into each other", more + 1),
                mend: mend.to_owned(),
            });
        }
    }
    findings
}

/// What of the model's shapes could not be looked at.
fn unread(geometry: &Geometry) -> Option<Finding> {
    let (read, missing) = (geometry.capsules().len(), geometry.remarks());
    let (what, mend) = match missing {
        [] if read > 0 => return None,
        [] => (
            "it has no collision shapes: whether links reach into each other was not looked at".to_owned(),
            "give its links <collision> (URDF) or geoms that collide (MJCF)",
        ),
        [first, ..] => (
            format!(
                "{} of {} collision shapes were not looked at; the first: {first}",
                missing.len(),
                read + missing.len()
            ),
            "put the meshes where the model names them, as STL or OBJ, and check again",
        ),
    };
    Some(Finding { severity: Severity::Note, place: String::new(), what, mend: mend.to_owned() })
}

/// What makes home a posture that the robot cannot take, or one that no work can start from.
pub fn home(body: &Body, draft: &Draft) -> Vec<Finding> {
    let mut findings = Vec::new();
    if draft.home.len() != body.position_len() {
        return findings;
    }
    for joint in body.joints().filter(|&joint| body.kind(joint).is_scalar()) {
        findings.extend(outside(body, joint, &draft.home));
    }
    let (mut rest, mut poses) = (Poses::new(body), Poses::new(body));
    rest.update(body, body.rest());
    poses.update(body, &draft.home);
    let stand = Stand { body, draft, rest, poses };
    for arm in &draft.arms {
        findings.extend(stand.arm(arm));
    }
    findings
}

fn outside(body: &Body, joint: JointId, home: &[f64]) -> Option<Finding> {
    let at = *home.get(body.position_index(joint)?)?;
    let limits = body.limits(joint);
    let by = (limits.lower - at).max(at - limits.upper);
    if by <= OUTSIDE {
        return None;
    }
    let (whose, mend) = match body.mimic(joint) {
        Some(mimic) => (
            format!(", following {}", body.joint_name(mimic.source)),
            "mend its range or its ratio to the joint it follows",
        ),
        None => (String::new(), "set `home` in the card inside the range of card and model"),
    };
    Some(Finding {
        severity: Severity::Fault,
        place: body.joint_name(joint).to_owned(),
        what: format!(
            "home puts it at {at:.4}{whose}, outside of its range [{:.4}, {:.4}]",
            limits.lower, limits.upper
        ),
        mend: mend.to_owned(),
    })
}

/// The robot at rest and at home.
struct Stand<'a> {
    body: &'a Body,
    draft: &'a Draft,
    rest: Poses,
    poses: Poses,
}

impl Stand<'_> {
    /// Where a point is at home that a joint carries, the world where there is none; `point` is where it is at rest.
    fn moved(&self, joint: Option<JointId>, point: [f64; 3]) -> Point3<f64> {
        let point = Point3::from(point);
        joint.map_or(point, |joint| {
            let at_home = self.poses.world_from_joint(joint);
            at_home * self.rest.world_from_joint(joint).inverse_transform_point(&point)
        })
    }

    fn arm(&self, arm: &ArmDraft) -> Vec<Finding> {
        let mut findings = Vec::new();
        let ([shoulder, .., wrist], Some(length_m), Some(first)) =
            (arm.points_m.as_slice(), arm.length_m, arm.joints.first())
        else {
            return findings;
        };
        let has_forearm = matches!(arm.points_m.as_slice(), [_, elbow, wrist]
            if (Point3::from(*wrist) - Point3::from(*elbow)).norm() > FOREARM * length_m);
        let carrier = self.body.parent(*first);
        let (shoulder, wrist) = (self.moved(carrier, *shoulder), self.moved(arm.wrist, *wrist));
        let directions = &self.draft.directions;
        let mut find = |severity, what: String| {
            findings.push(Finding {
                severity,
                place: format!("{} arm", arm.side.name()),
                what,
                mend: "set `home` in the card to a posture with the hands before the body".to_owned(),
            });
        };
        let reach = (wrist - shoulder).norm() / length_m;
        if has_forearm && reach > STRETCHED {
            find(Severity::Note, format!("home stretches it: {:.0} % of its length", 100.0 * reach));
        }
        let ahead = (wrist - shoulder).dot(&directions.forward) / length_m;
        if ahead < -BEHIND {
            find(
                Severity::Note,
                format!("home holds its hand {:.2} m behind the shoulder", -ahead * length_m),
            );
        }
        if let Some(across_m) = self.across_m(arm, &wrist).filter(|across| *across > CROSSED * length_m) {
            find(Severity::Note, format!("home holds its hand {across_m:.2} m beyond the body's middle"));
        }
        if let Some(below_m) = self.below_m(arm, &wrist).filter(|below| *below > BELOW_M) {
            find(Severity::Fault, format!("home holds its hand {below_m:.2} m below the floor"));
        }
        findings
    }

    /// How far a hand is on the other arm's side, m; nothing where there is no other arm.
    fn across_m(&self, arm: &ArmDraft, wrist: &Point3<f64>) -> Option<f64> {
        let shoulders: Option<Vec<Point3<f64>>> = self
            .draft
            .arms
            .iter()
            .map(|arm| {
                Some(
                    self.moved(arm.joints.first().and_then(|&j| self.body.parent(j)), *arm.points_m.first()?),
                )
            })
            .collect();
        let shoulders = shoulders?;
        let [one, other] = shoulders.as_slice() else { return None };
        let outward = self.draft.directions.left * if arm.side == Side::Left { 1.0 } else { -1.0 };
        Some((nalgebra::center(one, other) - wrist).dot(&outward))
    }

    /// How far a hand is below all that stands on the floor, m; nothing for a robot of which that is not known.
    fn below_m(&self, arm: &ArmDraft, wrist: &Point3<f64>) -> Option<f64> {
        if !matches!(self.draft.kind, RobotKind::Humanoid | RobotKind::MobileManipulator) {
            return None;
        }
        let up = self.draft.directions.up;
        let of_arms: Vec<usize> =
            self.draft.arms.iter().filter_map(|arm| Some(arm.joints.first()?.index())).collect();
        let in_arm = |joint: JointId| {
            std::iter::successors(Some(joint), |&at| self.body.parent(at))
                .any(|at| of_arms.contains(&at.index()))
        };
        let standing = self.body.frames().iter().skip(1).filter(|frame| !in_arm(frame.joint));
        let heights = standing.map(|frame| {
            let at = self.poses.world_from_joint(frame.joint) * frame.frame_in_joint;
            at.translation.vector.dot(&up)
        });
        let lowest = heights.fold(f64::INFINITY, f64::min);
        let tips =
            self.draft.hands.iter().filter(|hand| hand.side == arm.side).flat_map(|hand| &hand.fingers);
        let tips = tips.map(|finger| self.moved(finger.joints.last().copied(), finger.tip_m));
        let hand = tips.chain([*wrist]).map(|point| point.coords.dot(&up)).fold(f64::INFINITY, f64::min);
        Some(lowest - hand).filter(|below| below.is_finite())
    }
}
