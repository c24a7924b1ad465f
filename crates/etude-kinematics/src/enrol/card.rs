//! Writes the card of a drafted robot: everything that can be derived, and a doubt for everything else.

use etude_model::Pose;
use etude_model::card::{
    Card, Doubt, EndEffector, Hand, HandKind, Joint, JointKind, KinematicModel, Mimic, OTHER_SIDE,
    SafetyEnvelope, Side, Tendon,
};
use etude_model::slot::Part;
use etude_model::unit::Unit;

use super::{ArmDraft, Draft, HandDraft, JointDraft, SURE};
use crate::FingerRange;
use crate::body::{self, Body, FrameKind, JointId, JointLimits};
use crate::forward::Poses;
use crate::transform;

/// Speed that is drafted where the model states none: so slow that nobody takes it for the robot's own, rad/s and m/s.
pub const UNSTATED_SPEED: [f64; 2] = [0.5, 0.1];
/// Where nothing but the model's own frames says where a hand grasps.
const GRASP_CONFIDENCE: f64 = 0.6;

/// What a model does not say of itself.
#[derive(Debug, Clone, Default)]
pub struct About {
    /// Who makes the robot; absent: asked.
    pub vendor: Option<String>,
    /// The robot's model name; absent: asked.
    pub model: Option<String>,
    /// Path of the model file as the card shall name it.
    pub path: String,
    /// The package that ships the model; absent: asked.
    pub package: Option<String>,
    /// The model's licence, SPDX; absent: asked.
    pub licence: Option<String>,
}

/// The card of a draft. Names that are missing become questions; joints without a name are left out.
pub fn card(body: &Body, draft: &Draft, about: &About) -> Card {
    let mut doubts = Vec::new();
    let unknown = |entry: &str, value: &Option<String>, question: &str, doubts: &mut Vec<Doubt>| {
        value.clone().unwrap_or_else(|| {
            doubts.push(doubt(vec![entry.to_owned()], question, "unknown", 0.0));
            "unknown".to_owned()
        })
    };
    let vendor = unknown("vendor", &about.vendor, "Who makes the robot?", &mut doubts);
    let model = about.model.clone().or_else(|| Some(body.name().to_owned()).filter(|name| !name.is_empty()));
    let model = unknown("model", &model, "What is the robot's model called?", &mut doubts);
    let package = unknown(
        "kinematics.package",
        &about.package,
        "Which package ships the model, by name and version?",
        &mut doubts,
    );
    let licence =
        unknown("kinematics.licence", &about.licence, "Under which licence is the model?", &mut doubts);
    let joints: Vec<&JointDraft> = draft.joints.iter().filter(|joint| is_channel(body, joint)).collect();
    slot_doubts(body, draft, &joints, &mut doubts);
    let mut card = Card {
        schema: 1,
        vendor,
        model,
        revision: "drafted".to_owned(),
        source: format!(
            "Drafted from the geometry of {}. Nothing was taken from a vendor's documents.",
            about.path
        ),
        kinematics: Some(kinematics(body, draft, about, package, licence, &mut doubts)),
        joints: joints.iter().map(|joint| joint_entry(body, draft, joint)).collect(),
        end_effectors: end_effectors(body, draft),
        hands: draft.hands.iter().filter_map(|hand| hand_entry(body, hand)).collect(),
        tendons: tendons(body, &joints),
        sensors: Vec::new(),
        streams: Vec::new(),
        safety: SafetyEnvelope::default(),
        simulation: None,
        doubts: Vec::new(),
    };
    speed_doubts(body, &joints, &mut doubts);
    hand_doubts(&card, &mut doubts);
    tendon_doubt(&card, &mut doubts);
    doubts.push(doubt(
        vec!["joint".to_owned()],
        "Does the robot's wire carry the joints in this order, in radians and metres, with the model's zeros and directions?",
        "the model's order, zeros and directions, radians and metres",
        0.5,
    ));
    home_doubts(body, draft, &mut doubts);
    card.doubts = doubts;
    card
}

fn doubt(entries: Vec<String>, question: &str, drafted: &str, confidence: f64) -> Doubt {
    Doubt {
        entries,
        question: question.to_owned(),
        drafted: drafted.to_owned(),
        confidence,
        alternatives: Vec::new(),
        settled: None,
    }
}

/// Whether a joint is one that a robot reports or is told: named, and neither a spring nor a rod.
fn is_channel(body: &Body, joint: &JointDraft) -> bool {
    let named = !body.joint_name(joint.joint).is_empty() && body.kind(joint.joint).is_scalar();
    named
        && (joint.slot.is_some() || body.is_driven(joint.joint) != Some(false))
        && !(joint.slot.is_none() && body.kind(joint.joint) == body::JointKind::Prismatic)
}

/// Questions about slots: one where a whole part hangs on one answer, else one a joint.
fn slot_doubts(body: &Body, draft: &Draft, joints: &[&JointDraft], doubts: &mut Vec<Doubt>) {
    let entry = |joint: &JointDraft| format!("joint.{}.slot", body.joint_name(joint.joint));
    let sided = |part: Part| {
        matches!(
            part,
            Part::LeftArm
                | Part::RightArm
                | Part::LeftHand
                | Part::RightHand
                | Part::LeftLeg
                | Part::RightLeg
        )
    };
    let by_part: Vec<&&JointDraft> = joints
        .iter()
        .filter(|joint| joint.confidence < SURE && joint.within_part >= SURE)
        .filter(|joint| joint.slot.as_ref().is_some_and(|slot| sided(slot.part)))
        .collect();
    if !by_part.is_empty() {
        let entries = by_part.iter().map(|joint| entry(joint)).collect();
        let confidence = by_part.iter().map(|joint| joint.confidence).fold(1.0, f64::min);
        let (question, drafted) = if draft.arms.len() == 1 || draft.hands.len() == 1 {
            let side =
                draft.arms.first().map(|arm| arm.side).or_else(|| draft.hands.first().map(|hand| hand.side));
            ("On which side is it used?", side.unwrap_or(Side::Right).name().to_owned())
        } else {
            let [x, y, z] = draft.directions.forward.into();
            (
                "Does the robot look this way? Left and right hang on it.",
                format!("forward is ({x:.1}, {y:.1}, {z:.1})"),
            )
        };
        let mut doubt = doubt(entries, question, &drafted, rounded(confidence));
        doubt.alternatives = vec![OTHER_SIDE.to_owned()];
        doubts.push(doubt);
    }
    for joint in joints.iter().filter(|joint| joint.within_part < SURE) {
        let drafted = joint.slot.as_ref().map_or("no part".to_owned(), ToString::to_string);
        let name = body.joint_name(joint.joint);
        let why = joint.evidence.join("; ");
        let question = format!("What is {name}? ({why})");
        let mut doubt = doubt(vec![entry(joint)], &question, &drafted, rounded(joint.within_part));
        doubt.alternatives = joint.instead.iter().map(ToString::to_string).collect();
        doubts.push(doubt);
    }
}

fn speed_doubts(body: &Body, joints: &[&JointDraft], doubts: &mut Vec<Doubt>) {
    let [turning, sliding] = UNSTATED_SPEED;
    for (kind, drafted) in [
        (body::JointKind::Revolute, format!("{turning} rad/s")),
        (body::JointKind::Prismatic, format!("{sliding} m/s")),
    ] {
        let entries: Vec<String> = joints
            .iter()
            .filter(|joint| body.kind(joint.joint) == kind && body.limits(joint.joint).velocity.is_infinite())
            .map(|joint| format!("joint.{}.velocity", body.joint_name(joint.joint)))
            .collect();
        if !entries.is_empty() {
            let question =
                "How fast may these joints move? The model does not say; what stands there is only slow.";
            doubts.push(doubt(entries, question, &drafted, 0.0));
        }
    }
}

fn hand_doubts(card: &Card, doubts: &mut Vec<Doubt>) {
    if !card.end_effectors.is_empty() {
        let entries = card
            .end_effectors
            .iter()
            .map(|end| format!("end_effector.{}.grasp_in_body", end.side.name()))
            .collect();
        let question =
            "Is this where each hand grasps? Without meshes it is read from frames and axes alone.";
        doubts.push(doubt(entries, question, "between the fingers", GRASP_CONFIDENCE));
    }
    if !card.hands.is_empty() {
        let entries = card.hands.iter().map(|hand| format!("hand.{}", hand.side.name())).collect();
        let question = "Are these the positions open and closed on itself?";
        doubts.push(doubt(entries, question, "read from the ranges", GRASP_CONFIDENCE));
    }
}

/// Whether joints on one tendon are told by one number, which the model says of its own motors and not of the robot's wire.
fn tendon_doubt(card: &Card, doubts: &mut Vec<Doubt>) {
    let Some(first) = card.tendons.first() else { return };
    let entries = card.tendons.iter().map(|tendon| format!("tendon.{}", tendon.name)).collect();
    let terms = first.ratios.iter().zip(&first.joints).map(|(ratio, joint)| {
        if (ratio - 1.0).abs() < 1e-9 { joint.clone() } else { format!("{ratio} x {joint}") }
    });
    let sum = terms.collect::<Vec<_>>().join(" + ");
    let question =
        "Does the wire carry one command for the joints that hang on one tendon, and a reading for each?";
    doubts.push(doubt(entries, question, &format!("one command, {sum}"), 0.7));
}

/// Questions about home: hands far from their place, links that reach into each other, shapes that nobody looked at.
fn home_doubts(body: &Body, draft: &Draft, doubts: &mut Vec<Doubt>) {
    let entries = || vec!["joint.home".to_owned()];
    if let Some(missed) = draft.home_missed.iter().copied().reduce(f64::max).filter(|missed| *missed > 0.15) {
        let drafted = format!("hands {:.0} % of an arm's length off", 100.0 * missed);
        let question =
            "Is this a posture to start from? The hands did not reach their place before the body.";
        doubts.push(doubt(entries(), question, &drafted, 0.4));
    }
    let Some(clearance) = &draft.home_clearance else { return };
    if let Some(worst) = clearance.touching.first() {
        let name = |link| body.frame_of(link).name.as_str();
        let drafted =
            format!("{} reaches {:.0} mm into {}", name(worst.one), 1e3 * worst.depth_m, name(worst.other));
        let question = "Is this a posture to start from? Links reach into each other, and no turn of the shoulders frees them.";
        doubts.push(doubt(entries(), question, &drafted, 0.2));
    } else if !clearance.is_free() {
        let all = clearance.shapes + clearance.unread;
        let drafted = if all == 0 {
            "the model has no shapes".to_owned()
        } else {
            format!("{} of {all} shapes were looked at", clearance.shapes)
        };
        let question = "Do links reach into each other at home? Not all shapes of the model are at hand.";
        doubts.push(doubt(entries(), question, &drafted, 0.5));
    }
}

fn kinematics(
    body: &Body,
    draft: &Draft,
    about: &About,
    package: String,
    licence: String,
    doubts: &mut Vec<Doubt>,
) -> KinematicModel {
    let lengths: Vec<f64> = draft.arms.iter().filter_map(|arm| arm.length_m).collect();
    let arm_length_m = if lengths.is_empty() {
        doubts.push(doubt(
            vec!["kinematics.arm_length_m".to_owned()],
            "How long is an arm from shoulder to wrist, stretched? The model shows no elbow or nothing beyond it.",
            "0 m",
            0.0,
        ));
        0.0
    } else {
        rounded(lengths.iter().sum::<f64>() / lengths.len() as f64)
    };
    KinematicModel {
        path: about.path.clone(),
        package,
        licence,
        torso_body: torso_link(body, draft),
        arm_length_m,
    }
}

/// The link that carries both arms.
fn torso_link(body: &Body, draft: &Draft) -> String {
    let first = draft.arms.first().and_then(|arm| arm.joints.first());
    let carrier = first.and_then(|&joint| body.parent(joint)).or(draft.torso);
    link_of(body, carrier).unwrap_or_else(|| "world".to_owned())
}

/// The name of the first link that a joint carries; of the world where there is no joint.
pub fn link_of(body: &Body, joint: Option<JointId>) -> Option<String> {
    let index = joint.map_or(0, JointId::index);
    let links = body.frames().iter().skip(1);
    let mut named = links.filter(|frame| frame.kind == FrameKind::Link && !frame.name.is_empty());
    named.find(|frame| frame.joint.index() == index).map(|frame| frame.name.clone())
}

fn joint_entry(body: &Body, draft: &Draft, joint: &JointDraft) -> Joint {
    let id = joint.joint;
    let limits = body.limits(id);
    let turns = body.kind(id) == body::JointKind::Revolute;
    let endless = limits.lower.is_infinite() || limits.upper.is_infinite();
    let kind = match (turns, endless) {
        (true, true) => JointKind::Continuous,
        (true, false) => JointKind::Revolute,
        (false, _) => JointKind::Prismatic,
    };
    let [turning, sliding] = UNSTATED_SPEED;
    let unstated = if turns { turning } else { sliding };
    let velocity = if limits.velocity.is_finite() { limits.velocity } else { unstated };
    // A range of nothing cannot be written; `check` tells of it.
    let (low, high) = if limits.upper > limits.lower {
        (limits.lower, limits.upper)
    } else {
        (limits.lower, limits.lower + 1e-6)
    };
    let home = body.position_index(id).and_then(|place| draft.home.get(place)).copied().unwrap_or_default();
    let mimic = body.mimic(id).map(|mimic| Mimic {
        joint: body.joint_name(mimic.source).to_owned(),
        ratio: mimic.multiplier,
        offset: mimic.offset,
    });
    Joint {
        name: body.joint_name(id).to_owned(),
        slot: joint.slot.clone(),
        kind,
        unit: if turns { Unit::Radian } else { Unit::Metre },
        // The model's own coordinates; whether the wire speaks them too is asked.
        sign: 1.0,
        offset: 0.0,
        position: [low, high],
        velocity,
        effort: Some(limits.effort).filter(|effort| effort.is_finite()),
        home: rounded(home).clamp(low, high),
        mimic: mimic.filter(|mimic| !mimic.joint.is_empty()),
    }
}

fn end_effectors(body: &Body, draft: &Draft) -> Vec<EndEffector> {
    let poses = Poses::new(body);
    let end = |arm: &ArmDraft| {
        let wrist = arm.wrist?;
        let link = link_of(body, Some(wrist))?;
        let frame = body.frame(&link).ok()?;
        let hand = draft.hands.iter().find(|hand| hand.side == arm.side)?;
        let grasp = poses.world_from_frame(body, frame).inverse() * hand.grasp;
        let pose = transform::pose(&grasp);
        let grasp_in_body =
            Pose { position_m: pose.position_m.map(rounded), orientation_xyzw: pose.orientation_xyzw };
        Some(EndEffector { side: arm.side, body: link, grasp_in_body })
    };
    draft.arms.iter().filter_map(end).collect()
}

/// Tendons that a motor pulls, where all their joints are on the card.
fn tendons(body: &Body, channels: &[&JointDraft]) -> Vec<Tendon> {
    let known = |joint: JointId| channels.iter().any(|channel| channel.joint == joint);
    let pulled = body.tendons().iter().filter(|tendon| tendon.joints.iter().all(|&(joint, _)| known(joint)));
    pulled
        .map(|tendon| Tendon {
            name: tendon.name.clone(),
            joints: tendon.joints.iter().map(|&(joint, _)| body.joint_name(joint).to_owned()).collect(),
            ratios: tendon.joints.iter().map(|&(_, ratio)| ratio).collect(),
        })
        .collect()
}

fn hand_entry(body: &Body, hand: &HandDraft) -> Option<Hand> {
    let ranges: Vec<_> = hand.ranges.iter().filter(|range| body.joint(&range.joint).is_ok()).collect();
    // A limit that is rounded past itself cannot be reached.
    let within = |range: &FingerRange, position: f64| {
        let limits = body.joint(&range.joint).map_or(JointLimits::NONE, |joint| body.limits(joint));
        rounded(position).max(limits.lower).min(limits.upper)
    };
    (!ranges.is_empty()).then(|| Hand {
        side: hand.side,
        kind: if hand.is_gripper { HandKind::Gripper } else { HandKind::Fingers },
        joints: ranges.iter().map(|range| range.joint.clone()).collect(),
        open: ranges.iter().map(|range| within(range, range.open)).collect(),
        closed: ranges.iter().map(|range| within(range, range.closed)).collect(),
        aperture_m: hand.aperture_m.map(rounded),
    })
}

/// To four places: a card is read by people.
fn rounded(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}
