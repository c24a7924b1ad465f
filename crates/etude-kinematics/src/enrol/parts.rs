//! Which joints are arms, legs, waist, head, wheels, from how the tree branches and where the branches are.

use nalgebra::{Point3, Vector3};

use super::chain::{Chain, unlikeness};
use super::head;
use super::orient::{self, Directions, Vote, unit};
use super::pairs::{self, Pair};
use super::single;
use super::skeleton::{Index, Skeleton};
use super::wheels::{self, Wheel};
use super::witness;
use etude_model::card::Side;

/// A limb and its side.
pub(super) struct Limb {
    pub(super) chain: Chain,
    /// Absent where there is only one arm.
    pub(super) side: Option<Side>,
    /// How sure it is that it is such a limb.
    pub(super) confidence: f64,
}

/// A robot taken apart.
pub(super) struct Parts {
    pub(super) directions: Directions,
    pub(super) arms: Vec<Limb>,
    pub(super) legs: Vec<Limb>,
    /// From the base upward.
    pub(super) waist: Vec<Index>,
    pub(super) head: Vec<Index>,
    pub(super) wheels: Vec<Wheel>,
    /// The hand, where the model is nothing else: joints of the wrist, fingers.
    pub(super) hand: Option<Chain>,
}

/// Takes a robot apart.
pub(super) fn find(skeleton: &Skeleton, names: &[witness::Name]) -> Parts {
    if let Some(hand) = single::hand_alone(skeleton) {
        return Parts { hand: Some(hand), ..Parts::nothing() };
    }
    let pairs = limb_pairs(skeleton);
    if pairs.is_empty() {
        return single::arm(skeleton);
    }
    let lateral = lateral(&pairs);
    let (up, evidence) = orient::up(Some(&lateral), &up_votes(skeleton, &pairs));
    let wheels = wheels::find(skeleton, &up, &pairs);
    let roles = roles(skeleton, &pairs, &lateral, &up, !wheels.is_empty());
    let mut votes = Vec::new();
    for (pair, role, _) in &roles {
        for limb in &pair.limbs {
            match role {
                Role::Leg => orient::leg_votes(skeleton, limb, &lateral, &mut votes),
                Role::Arm => {
                    let reached = mean_reach(skeleton, limb);
                    orient::arm_votes(skeleton, limb, &up, &reached, &mut votes);
                }
                Role::Other => {}
            }
        }
    }
    let agreement = pairs.iter().map(|pair| unit(pair.apart).dot(&lateral).abs()).fold(1.0, f64::min);
    votes.push(Vote { towards: Vector3::x(), weight: 0.5, why: "x is forward by convention" });
    witness::forward(skeleton, names, &pairs, &lateral, &up, &mut votes);
    let first = assemble(skeleton, &roles, &wheels, orient::forward(lateral, up, &votes));
    // The head is known once the shoulders are; what it looks at is one more witness.
    head::vote(skeleton, &first.head, &up, &mut votes);
    let mut directions = orient::forward(lateral, up, &votes);
    directions.evidence.extend(evidence);
    if agreement < 0.95 {
        directions.confidence = directions.confidence.min(0.7);
        directions.evidence.push("the pairs do not stand side by side".to_owned());
    }
    assemble(skeleton, &roles, &wheels, directions)
}

impl Parts {
    pub(super) fn nothing() -> Self {
        Self {
            directions: Directions::convention(),
            arms: Vec::new(),
            legs: Vec::new(),
            waist: Vec::new(),
            head: Vec::new(),
            wheels: Vec::new(),
            hand: None,
        }
    }
}

/// Pairs that are limbs: those within a hand or on a head are too small beside the robot.
fn limb_pairs(skeleton: &Skeleton) -> Vec<Pair> {
    let mut pairs = pairs::find(skeleton);
    let reach = |pair: &Pair| {
        let from = skeleton.nodes[pair.limbs[0].first()].anchor;
        skeleton.reach_from(&from, pair.limbs[0].first())
    };
    let longest = pairs.iter().map(reach).fold(0.0, f64::max);
    pairs.retain(|pair| reach(pair) > 0.3 * longest);
    let extent = extent(&skeleton.all_points());
    pairs.retain(|pair| reach(pair) > 0.15 * extent && !on_one_arm(skeleton, pair, extent));
    pairs
}

/// Whether the pair hangs on the end of a longer chain and is small beside the robot: fingers of a single arm.
fn on_one_arm(skeleton: &Skeleton, pair: &Pair, extent: f64) -> bool {
    let Some(parent) = pair.parent else { return false };
    let own = skeleton.reach_from(&skeleton.nodes[pair.limbs[0].first()].anchor, pair.limbs[0].first());
    skeleton.above(parent).len() >= 4 && own < 0.3 * extent
}

pub(super) fn extent(points: &[Point3<f64>]) -> f64 {
    let (mut low, mut high) = (Vector3::repeat(f64::INFINITY), Vector3::repeat(f64::NEG_INFINITY));
    for point in points {
        low = low.inf(&point.coords);
        high = high.sup(&point.coords);
    }
    if points.is_empty() { 0.0 } else { (high - low).norm() }
}

/// The direction between left and right limbs; which of both ways is left is not yet said.
fn lateral(pairs: &[Pair]) -> Vector3<f64> {
    let mut sum: Vector3<f64> = Vector3::zeros();
    let mut by_weight: Vec<&Pair> = pairs.iter().collect();
    by_weight.sort_by_key(|pair| std::cmp::Reverse(pair.joints()));
    for pair in by_weight {
        let apart = unit(pair.apart);
        sum += if sum.dot(&apart) < 0.0 { -apart } else { apart };
    }
    orient::snap(unit(sum))
}

fn up_votes(skeleton: &Skeleton, pairs: &[Pair]) -> Vec<Vote> {
    let centre = |pair: &Pair| {
        let ends = pair.limbs.iter().map(|limb| skeleton.nodes[limb.first()].anchor.coords);
        ends.sum::<Vector3<f64>>() / 2.0
    };
    let mut votes = Vec::new();
    for pair in pairs {
        let tips = pair.limbs.iter().map(|limb| skeleton.tip(&limb.line).coords);
        let down = tips.sum::<Vector3<f64>>() / 2.0 - centre(pair);
        let straight = (down.norm() / pair.limbs[0].length(skeleton).max(1e-9)).min(1.0);
        // Legs stand straight at zero; arms may be held out or folded.
        let weight = if pair.joints() <= 6 { 0.5 } else { 0.25 } * straight.powi(4);
        votes.push(Vote { towards: -unit(down), weight, why: "limbs hang down" });
    }
    if let [one, other, ..] = pairs {
        let apart = centre(other) - centre(one);
        let away = |pair: &Pair, towards: Vector3<f64>| {
            let tips = pair.limbs.iter().map(|limb| skeleton.tip(&limb.line).coords);
            (tips.sum::<Vector3<f64>>() / 2.0 - centre(pair)).dot(&unit(towards))
        };
        // Legs point away from the shoulders; arms point away from nothing, or towards the hips.
        let first_are_legs = away(one, apart) < away(other, -apart);
        let up = if first_are_legs { apart } else { -apart };
        let length = one.limbs[0].length(skeleton).max(other.limbs[0].length(skeleton));
        let weight = (up.norm() / (0.3 * length).max(1e-9)).min(1.0);
        let [legs, arms] = if first_are_legs { [0, 1] } else { [1, 0] };
        votes[legs].weight *= 2.0;
        votes[arms].weight *= 0.3;
        votes.push(Vote { towards: unit(up), weight, why: "shoulders are above hips" });
    }
    votes
}

/// What a pair of limbs is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Arm,
    Leg,
    Other,
}

fn roles(
    skeleton: &Skeleton,
    pairs: &[Pair],
    lateral: &Vector3<f64>,
    up: &Vector3<f64>,
    has_wheels: bool,
) -> Vec<(Pair, Role, f64)> {
    let others_lowest = |pair: &Pair| {
        let mut own = vec![false; skeleton.len()];
        pair.limbs.iter().flat_map(|limb| limb.all(skeleton)).for_each(|node| own[node] = true);
        let rest = skeleton.nodes.iter().zip(&own).filter(|(_, own)| !**own).map(|(node, _)| node.anchor);
        rest.chain(skeleton.base_points.iter().copied())
            .map(|point| point.coords.dot(up))
            .fold(f64::INFINITY, f64::min)
    };
    let mut scored: Vec<(Pair, f64)> = pairs
        .iter()
        .map(|pair| (pair.clone(), arm_score(skeleton, pair, lateral, up, others_lowest(pair), has_wheels)))
        .collect();
    scored.sort_by(|a, b| b.1.total_cmp(&a.1));
    let many_legged = many_legged(skeleton, pairs, up);
    let many = scored.len() > 1;
    scored
        .into_iter()
        .enumerate()
        .map(|(place, (pair, score))| {
            let confidence = 1.0 - 0.5 * (-score.abs()).exp();
            let confidence = if many { confidence.max(0.9) } else { confidence };
            let role = match place {
                _ if many_legged.iter().any(|&place| same_pair(&pairs[place], &pair)) => Role::Other,
                0 if many || score > 0.0 => Role::Arm,
                0 => Role::Leg,
                1 if score < 1.5 => Role::Leg,
                _ => Role::Other,
            };
            (pair, role, confidence)
        })
        .collect()
}

/// Pairs of one build that all stand on the ground: the legs of an animal, which no slot names.
fn many_legged(skeleton: &Skeleton, pairs: &[Pair], up: &Vector3<f64>) -> Vec<usize> {
    let lowest = |pair: &Pair| skeleton.tip(&pair.limbs[0].line).coords.dot(up);
    let mut found = Vec::new();
    for (place, one) in pairs.iter().enumerate() {
        let alike = pairs.iter().enumerate().any(|(other_place, other)| {
            let (a, b) = (&one.limbs[0], &other.limbs[0]);
            other_place != place
                && a.line.len() == b.line.len()
                && unlikeness(skeleton, a, b) < 0.3
                && (lowest(one) - lowest(other)).abs() < 0.2 * a.length(skeleton)
        });
        if alike {
            found.push(place);
        }
    }
    found
}

fn same_pair(one: &Pair, other: &Pair) -> bool {
    one.limbs[0].first() == other.limbs[0].first()
}

/// Above zero where a pair of limbs is rather arms, below where it is rather legs.
fn arm_score(
    skeleton: &Skeleton,
    pair: &Pair,
    lateral: &Vector3<f64>,
    up: &Vector3<f64>,
    others_lowest: f64,
    has_wheels: bool,
) -> f64 {
    let limb = &pair.limbs[0];
    let mut score = 0.0;
    if limb.branches.len() >= 2 {
        score += 3.0;
    }
    if has_wheels {
        score += 2.0;
    }
    if limb.line.len() >= 7 {
        score += 1.0;
    }
    let tip = skeleton.tip(&limb.line);
    let length = limb.length(skeleton).max(1e-9);
    let limb_end = orient::limb_end(skeleton, &limb.line, &tip);
    if let Some(bend) = orient::bend(skeleton, &limb.line, &limb_end, None) {
        let joint = skeleton.nodes[limb.line[bend]].anchor;
        let beyond = &limb.line[bend + 1..];
        let end = beyond.last().map_or(tip, |&last| skeleton.nodes[last].anchor);
        let along = unit(end - joint);
        let (twists, folds) = beyond.iter().fold((false, false), |(twists, folds), &node| {
            let axis = skeleton.nodes[node].axis;
            (twists || axis.dot(&along).abs() > 0.85, folds || axis.dot(lateral).abs() > 0.9)
        });
        score += if twists { 1.5 } else { 0.0 };
        let knee = skeleton.nodes[limb.line[bend]].axis.dot(lateral).abs() > 0.9;
        score -= if knee && folds && !twists { 1.5 } else { 0.0 };
        score += folding(skeleton, limb, bend, lateral, up, &end);
    }
    let lowest = tip.coords.dot(up).min(
        limb.line
            .iter()
            .map(|&node| skeleton.nodes[node].anchor.coords.dot(up))
            .fold(f64::INFINITY, f64::min),
    );
    if lowest < others_lowest - 0.3 * length {
        score -= 1.5;
    } else if lowest > others_lowest + 0.2 * length {
        score += 1.0;
    }
    score
}

/// An arm lifts and folds the same way, a leg lifts its thigh forwards and folds its shank backwards: above zero for an arm.
fn folding(
    skeleton: &Skeleton,
    limb: &Chain,
    bend: usize,
    lateral: &Vector3<f64>,
    up: &Vector3<f64>,
    end: &Point3<f64>,
) -> f64 {
    let is_lateral = |node: &&Index| skeleton.nodes[**node].axis.dot(lateral).abs() > 0.8;
    let Some(&lift) = limb.line[..bend].iter().find(is_lateral) else { return 0.0 };
    if !is_lateral(&&limb.line[bend]) {
        return 0.0;
    }
    let middle = skeleton.nodes[limb.line[bend]].anchor;
    let ways =
        (orient::wider_way(skeleton, lift, &middle), orient::wider_way(skeleton, limb.line[bend], end));
    let (Some((lifted, lift_share)), Some((folded, fold_share))) = ways else { return 0.0 };
    let ahead = lateral.cross(up);
    1.5 * (lifted.dot(&ahead) * folded.dot(&ahead)).signum() * lift_share.min(fold_share).min(0.5) * 2.0
}

/// Mean displacement of the hand from the shoulder over many postures within the limits, m.
fn mean_reach(skeleton: &Skeleton, arm: &Chain) -> Vector3<f64> {
    const SAMPLES: usize = 256;
    // Steps of an additive sequence that fills a cube evenly (Roberts' R_d, with d = 16).
    const GROWTH: f64 = 1.0417;
    let tip = skeleton.tip(&arm.line);
    let start = skeleton.nodes[arm.first()].anchor;
    let mut sum = Vector3::zeros();
    for sample in 0..SAMPLES {
        let mut point = tip;
        for (place, &node) in arm.line.iter().enumerate().rev() {
            let step = GROWTH.powi(-(place as i32 + 1));
            let share = (0.5 + step * (sample + 1) as f64).fract();
            let joint = &skeleton.nodes[node];
            let (low, high) = (joint.lower.max(-3.15), joint.upper.min(3.15));
            let value = low + (high - low) * share;
            point = if joint.turns() {
                orient::moved(skeleton, node, value, &point)
            } else {
                point + joint.axis * value.clamp(-1.0, 1.0)
            };
        }
        sum += point - start;
    }
    sum / SAMPLES as f64
}

fn assemble(
    skeleton: &Skeleton,
    roles: &[(Pair, Role, f64)],
    wheels: &[Wheel],
    directions: Directions,
) -> Parts {
    let mut parts = Parts { directions, wheels: wheels.to_vec(), ..Parts::nothing() };
    let mut above_arms: Vec<Index> = Vec::new();
    let mut above_legs: Vec<Index> = Vec::new();
    for (pair, role, confidence) in roles {
        let above: Vec<Index> = pair
            .parent
            .map(|parent| skeleton.above(parent).into_iter().chain([parent]).collect())
            .unwrap_or_default();
        let first_is_left = pair.apart.dot(&parts.directions.left) > 0.0;
        let confidence = confidence * (1.0 - 0.5 * pair.unlikeness);
        let limbs = pair.limbs.iter().cloned().enumerate().map(|(place, chain)| {
            let side = if (place == 0) == first_is_left { Side::Left } else { Side::Right };
            Limb { chain, side: Some(side), confidence }
        });
        match role {
            Role::Arm => {
                parts.arms.extend(limbs);
                above_arms = above;
            }
            Role::Leg => {
                parts.legs.extend(limbs);
                above_legs = above;
            }
            Role::Other => {}
        }
    }
    let shared = above_arms.iter().zip(&above_legs).take_while(|(a, b)| a == b).count();
    let carries_wheels =
        |node: Index| parts.wheels.iter().any(|wheel| skeleton.above(wheel.node).contains(&node));
    let below = above_legs[shared..].iter().rev();
    let beyond = &above_arms[shared..];
    let shared = if parts.legs.is_empty() { &[][..] } else { &above_arms[..shared] };
    let waist: Vec<Index> = shared
        .iter()
        .chain(below)
        .chain(beyond)
        .copied()
        .filter(|&node| !carries_wheels(node) && !skeleton.nodes[node].is_endless_slide())
        .collect();
    parts.waist = waist;
    parts.head = head::find(skeleton, &parts);
    parts
}

impl super::skeleton::Node {
    /// A slide without end: the floating base written as slides.
    pub(super) fn is_endless_slide(&self) -> bool {
        self.slides() && self.is_endless()
    }
}
