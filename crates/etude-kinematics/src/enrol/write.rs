//! Brings what the parts say together into one draft.

use etude_model::card::Side;
use etude_model::slot::{Part, Slot};

use super::arm::NamedArm;
use super::chain::Chain;
use super::grasp::HandPlace;
use super::hand::{Drives, NamedHand};
use super::home::{self, ArmToPlace};
use super::orient::Directions;
use super::parts::{Limb, Parts};
use super::skeleton::{Index, Skeleton};
use super::slots::Found;
use super::wheels::WheelRole;
use super::witness::{self, Name};
use super::{ArmDraft, Draft, HandDraft, JointDraft, RobotKind, arm, hand, leg, parts};
use crate::body::{Body, Remark};
use crate::forward::Poses;

/// How sure it is that a joint of no part is none.
const NO_PART: f64 = 0.85;

struct Writer<'a> {
    body: &'a Body,
    skeleton: Skeleton,
    names: Vec<Name>,
    joints: Vec<JointDraft>,
    arms: Vec<ArmDraft>,
    hands: Vec<HandDraft>,
}

pub(super) fn draft(body: &Body) -> Draft {
    let poses = Poses::new(body);
    let skeleton = Skeleton::new(body, &poses);
    let names: Vec<Name> = skeleton.nodes.iter().map(|node| Name::new(body.joint_name(node.joint))).collect();
    let parts = parts::find(&skeleton, &names);
    let joints = skeleton
        .nodes
        .iter()
        .map(|node| JointDraft {
            joint: node.joint,
            slot: None,
            confidence: NO_PART,
            instead: None,
            within_part: NO_PART,
            evidence: vec!["no part of arms, legs, waist, head, hands or base".to_owned()],
        })
        .collect();
    let mut writer = Writer { body, skeleton, names, joints, arms: Vec::new(), hands: Vec::new() };
    writer.base(&parts);
    writer.column(&parts);
    writer.legs(&parts);
    writer.arms(&parts);
    writer.hand_alone(&parts);
    writer.unique();
    writer.unexplained(&parts);
    writer.sides_agree(&parts);
    let kind = kind(&parts, &writer.hands);
    let torso = parts
        .arms
        .first()
        .and_then(|arm| writer.skeleton.nodes[arm.chain.first()].parent)
        .filter(|_| parts.arms.len() == 2)
        .map(|node| writer.skeleton.nodes[node].joint);
    let (home, home_missed) = writer.home(&parts);
    let Writer { joints, arms, hands, .. } = writer;
    Draft {
        kind,
        directions: parts.directions,
        joints,
        torso,
        arms,
        hands,
        home,
        home_missed,
        home_clearance: None,
    }
}

fn kind(parts: &Parts, hands: &[HandDraft]) -> RobotKind {
    let wheeled = !parts.wheels.is_empty();
    match (parts.arms.len(), parts.legs.len()) {
        (0, 0) if hands.first().is_some_and(|hand| hand.is_gripper) => RobotKind::Gripper,
        (0, 0) if !hands.is_empty() => RobotKind::Hand,
        (0, 0) => RobotKind::Other,
        (0, _) => RobotKind::Legged,
        (_, 0) if wheeled => RobotKind::MobileManipulator,
        (1, 0) => RobotKind::Arm,
        (_, 0) => RobotKind::Bimanual,
        _ => RobotKind::Humanoid,
    }
}

fn arm_part(side: Side) -> Part {
    if side == Side::Left { Part::LeftArm } else { Part::RightArm }
}

fn hand_part(side: Side) -> Part {
    if side == Side::Left { Part::LeftHand } else { Part::RightHand }
}

impl Writer<'_> {
    /// Writes what was found of one joint; `limit` is how sure the part and its side are.
    fn put(&mut self, part: Part, found: &Found, limit: f64) {
        let slot = Slot { part, joint: found.name.clone() };
        let (confidence, heard) = witness::heard(found.confidence, &self.names[found.node], &slot);
        let draft = &mut self.joints[found.node];
        // What names decided they cannot confirm: the part and its side stay as sure as they were.
        draft.confidence = confidence.min(limit);
        draft.within_part = confidence;
        draft.instead = found.instead.clone().map(|joint| Slot { part, joint });
        draft.evidence = std::iter::once(found.why.clone()).chain(heard).collect();
        draft.slot = Some(slot);
    }

    fn base(&mut self, parts: &Parts) {
        let mut counts = [0_usize; 3];
        for wheel in &parts.wheels {
            let (count, name) = match wheel.role {
                WheelRole::Wheel => (&mut counts[0], "wheel"),
                WheelRole::Steer => (&mut counts[1], "steer"),
                WheelRole::Caster => (&mut counts[2], "caster"),
            };
            *count += 1;
            let name = format!("{name}_{count}");
            let found = super::slots::found(wheel.node, &name, 0.93, None, "low, level, turning without end");
            self.put(Part::Base, &found, 1.0);
        }
    }

    fn column(&mut self, parts: &Parts) {
        let forward = parts.directions.confidence.max(0.85);
        for found in leg::name_column(&self.skeleton, &parts.waist, &parts.directions) {
            self.put(Part::Waist, &found, forward);
        }
        for found in leg::name_column(&self.skeleton, &parts.head, &parts.directions) {
            self.put(Part::Head, &found, forward);
        }
    }

    fn legs(&mut self, parts: &Parts) {
        for limb in &parts.legs {
            let part = if limb.side == Some(Side::Left) { Part::LeftLeg } else { Part::RightLeg };
            let joints = leg::name(&self.skeleton, &limb.chain, &parts.directions);
            let limit = limb.confidence.min(parts.directions.confidence);
            for found in joints {
                self.put(part, &found, limit);
            }
        }
    }

    fn arms(&mut self, parts: &Parts) {
        let mut limbs: Vec<_> = parts.arms.iter().collect();
        limbs.sort_by_key(|limb| limb.side);
        for limb in limbs {
            let alone = limb.side.is_none();
            let side = limb.side.unwrap_or(Side::Right);
            let named = arm::name(&self.skeleton, &limb.chain, &parts.directions, alone);
            // A single arm has no side of its own: it is asked.
            let limit = if alone { 0.55 } else { limb.confidence.min(parts.directions.confidence) };
            for found in &named.joints {
                self.put(arm_part(side), found, limit);
            }
            self.hand(&named, &limb.chain, (side, alone), limit, &parts.directions);
            self.arms.push(self.arm_draft(&named, side));
        }
    }

    fn arm_draft(&self, named: &NamedArm, side: Side) -> ArmDraft {
        let mut nodes: Vec<Index> = named.joints.iter().map(|found| found.node).collect();
        nodes.sort_unstable();
        let points = [Some(named.shoulder), named.elbow, Some(named.wrist)];
        let beyond = named.elbow.is_some_and(|elbow| (named.wrist - elbow).norm() > 1e-6);
        ArmDraft {
            side,
            joints: nodes.into_iter().map(|node| self.skeleton.nodes[node].joint).collect(),
            points_m: points.into_iter().flatten().map(|point| point.coords.into()).collect(),
            length_m: named.length_m().filter(|_| beyond),
            wrist: named.last.map(|node| self.skeleton.nodes[node].joint),
        }
    }

    fn hand(
        &mut self,
        arm: &NamedArm,
        chain: &Chain,
        (side, alone): (Side, bool),
        limit: f64,
        directions: &Directions,
    ) {
        let (branches, beside) = (&chain.branches, &chain.beside);
        if branches.is_empty() && arm.of_hand.is_empty() {
            return;
        }
        let driven = |node: Index| self.body.is_driven(self.skeleton.nodes[node].joint);
        let drives = Drives { driven: &driven, known: self.is_whole() };
        let known = Some(side).filter(|_| !alone);
        let mut drivers = arm.of_hand.clone();
        let palm = arm.last;
        drivers.extend(beside.iter().copied().filter(|&node| self.skeleton.nodes[node].parent == palm));
        let named = hand::name(&self.skeleton, &drivers, branches, known, &drives);
        let limit = if arm.jaw_by_guess { limit.min(0.7) } else { limit };
        self.write_hand(&named, side, limit, directions);
    }

    fn write_hand(&mut self, named: &NamedHand, side: Side, limit: f64, directions: &Directions) {
        for found in &named.joints {
            self.put(hand_part(side), found, limit);
        }
        let place = HandPlace { body: self.body, skeleton: &self.skeleton, named, side, directions };
        self.hands.push(place.read());
    }

    fn hand_alone(&mut self, parts: &Parts) {
        let Some(hand) = &parts.hand else { return };
        let driven = |node: Index| self.body.is_driven(self.skeleton.nodes[node].joint);
        let drives = Drives { driven: &driven, known: self.is_whole() };
        let named = hand::name(&self.skeleton, &[], &hand.branches, None, &drives);
        let all: Vec<Index> = (0..self.skeleton.len()).collect();
        let said = witness::side(&self.skeleton, &self.names, &all);
        let (side, limit) = match (named.side, said) {
            (Some((side, sure)), Some(said)) if side == said => (side, 1.0 - (1.0 - sure) * 0.5),
            (Some((side, sure)), Some(_)) => (side, sure * 0.75),
            (Some((side, sure)), None) => (side, sure),
            // Nothing but the names says which hand it is.
            (None, Some(said)) => (said, 0.6),
            (None, None) => (Side::Right, 0.5),
        };
        let named = if named.side.is_none() && said.is_some() {
            hand::name(&self.skeleton, &[], &hand.branches, Some(side), &drives)
        } else {
            named
        };
        self.write_hand(&named, side, limit, &parts.directions);
        let wrists = hand.line.len();
        for (place, &node) in hand.line.iter().enumerate() {
            let name = if place + 1 == wrists { "wrist_pitch" } else { "wrist_yaw" };
            let instead = if place + 1 == wrists { "wrist_yaw" } else { "wrist_pitch" };
            let why = "between forearm and palm; without an elbow either bend may be the pitch";
            let found = super::slots::found(node, name, 0.6, Some(instead), why);
            self.put(arm_part(side), &found, limit);
        }
    }

    /// Whether nothing of the model is missing.
    fn is_whole(&self) -> bool {
        !self.body.remarks().iter().any(|remark| matches!(remark, Remark::MissingInclude(_)))
    }

    /// A driven joint inside a limb, or in a chain that nothing explains, is not surely no part: it is asked.
    fn unexplained(&mut self, parts: &Parts) {
        let limbs = parts.arms.iter().chain(&parts.legs);
        let beside: Vec<Index> = limbs.clone().flat_map(|limb| limb.chain.beside.iter().copied()).collect();
        let in_line: Vec<Index> = limbs.flat_map(|limb| limb.chain.line.iter().copied()).collect();
        let open = |joints: &[JointDraft], node: Index| {
            let joint = &self.skeleton.nodes[node];
            joints[node].slot.is_none()
                && !joint.is_passive
                && joint.source.is_none()
                && !joint.is_endless()
                && (joint.turns() || joint.slides())
        };
        for node in 0..self.skeleton.len() {
            if !open(&self.joints, node) || beside.contains(&node) {
                continue;
            }
            let joint = &self.skeleton.nodes[node];
            let chained = joint.parent.is_some_and(|parent| open(&self.joints, parent))
                || joint.children.iter().any(|&child| open(&self.joints, child));
            if chained || in_line.contains(&node) {
                let draft = &mut self.joints[node];
                (draft.confidence, draft.within_part) = (0.5, 0.5);
                draft.evidence.push("it is driven, and nothing explains what it is for".to_owned());
            }
        }
    }

    /// Left and right limbs are of one build: where they came out differently, neither is sure.
    fn sides_agree(&mut self, parts: &Parts) {
        for limbs in [&parts.arms, &parts.legs] {
            let [one, other] = limbs.as_slice() else { continue };
            for (&a, &b) in one.chain.line.iter().zip(&other.chain.line) {
                let name = |node: Index| self.joints[node].slot.as_ref().map(|slot| slot.joint.clone());
                if name(a) == name(b) {
                    continue;
                }
                for node in [a, b] {
                    let draft = &mut self.joints[node];
                    draft.confidence = draft.confidence.min(0.6);
                    draft.within_part = draft.within_part.min(0.6);
                    draft.evidence.push("left and right came out differently".to_owned());
                }
            }
        }
    }

    /// A comfortable posture, and by what share of their length the arms miss their place.
    fn home(&self, parts: &Parts) -> (Vec<f64>, Vec<f64>) {
        let mut positions = self.body.rest().to_vec();
        let mut put = |node: Index, displacement: f64| {
            let joint = self.skeleton.nodes[node].joint;
            if let Some(place) = self.body.position_index(joint)
                && self.body.kind(joint).is_scalar()
                && let Some(position) = positions.get_mut(place)
            {
                let limits = self.body.limits(joint);
                *position = (*position + displacement).max(limits.lower).min(limits.upper);
            }
        };
        for node in 0..self.skeleton.len() {
            put(node, home::at_rest(&self.skeleton, node));
        }
        let points = self.skeleton.all_points();
        let lowest =
            points.iter().map(|point| point.coords.dot(&parts.directions.up)).fold(f64::INFINITY, f64::min);
        let mut limbs: Vec<_> = parts.arms.iter().collect();
        limbs.sort_by_key(|limb| limb.side);
        let named: Vec<(NamedArm, Vec<Index>, &Limb)> = limbs
            .into_iter()
            .map(|limb| {
                let named = arm::name(&self.skeleton, &limb.chain, &parts.directions, limb.side.is_none());
                let line = limb.chain.line.iter().copied();
                let line = line.filter(|node| !named.of_hand.contains(node)).collect();
                (named, line, limb)
            })
            .collect();
        let arms: Vec<ArmToPlace<'_>> = named
            .iter()
            .filter_map(|(named, line, limb)| {
                let place = named.joints.iter().find(|found| found.name == "elbow").map(|found| found.node);
                Some(ArmToPlace {
                    side: limb.side.unwrap_or(Side::Right),
                    line,
                    shoulder: named.shoulder,
                    elbow: named.elbow?,
                    elbow_place: line.iter().position(|&node| Some(node) == place).unwrap_or_default(),
                    wrist: named.wrist,
                    tip: self.skeleton.tip(&limb.chain.line),
                    length_m: named.length_m()?,
                    room_m: named.shoulder.coords.dot(&parts.directions.up) - lowest,
                })
            })
            .collect();
        let mut missed = Vec::new();
        for (arm, (values, miss)) in arms.iter().zip(home::arms(&self.skeleton, &parts.directions, &arms)) {
            arm.line.iter().zip(values).for_each(|(&node, value)| put(node, value));
            missed.push(miss);
        }
        self.body.apply_mimics(&mut positions);
        (positions, missed)
    }

    /// No slot stands twice: of two the less sure one goes without.
    fn unique(&mut self) {
        for node in 0..self.joints.len() {
            let Some(slot) = self.joints[node].slot.clone() else { continue };
            let rival = (0..self.joints.len()).find(|&other| {
                other != node
                    && self.joints[other].slot.as_ref() == Some(&slot)
                    && (self.joints[other].confidence, other) > (self.joints[node].confidence, node)
            });
            if rival.is_some() {
                let draft = &mut self.joints[node];
                draft.slot = None;
                draft.instead = Some(slot);
                (draft.confidence, draft.within_part) = (0.5, 0.5);
                draft.evidence.push("another joint fits the same slot better".to_owned());
            }
        }
    }
}
