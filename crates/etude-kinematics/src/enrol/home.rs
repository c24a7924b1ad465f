//! A comfortable posture to start from: hands before the body, elbows below the shoulders, no joint near its limits.

use nalgebra::{Point3, Unit, UnitQuaternion, Vector3};

use super::mirror;
use super::orient::{Directions, unit};
use super::skeleton::{Index, Skeleton};
use etude_model::card::Side;

/// Share of a range kept free at either end.
const MARGIN: f64 = 0.05;
/// Where the hand is, as shares of the arm's length from the shoulder: forward, outward, down.
const HAND: [f64; 3] = [0.45, 0.06, 0.42];
/// Where the elbow is, likewise.
const ELBOW: [f64; 3] = [-0.05, 0.12, 0.46];
/// The same of an arm that stands on a table: nothing may go below its foot.
const HAND_ON_TABLE: [f64; 3] = [0.5, 0.0, -0.25];
const ELBOW_ON_TABLE: [f64; 3] = [0.05, 0.0, -0.45];
/// Room below the shoulder that a hanging arm needs, as a share of its length.
const ROOM: f64 = 0.7;
/// Further starts of the search beside rest and the middle of the ranges.
const STARTS: usize = 10;

/// One arm, as the search sees it.
pub(super) struct ArmToPlace<'a> {
    pub(super) side: Side,
    /// Joints from the torso outwards.
    pub(super) line: &'a [Index],
    pub(super) shoulder: Point3<f64>,
    pub(super) elbow: Point3<f64>,
    /// Place of the elbow in `line`.
    pub(super) elbow_place: usize,
    pub(super) wrist: Point3<f64>,
    pub(super) tip: Point3<f64>,
    pub(super) length_m: f64,
    /// Height of the shoulder above the lowest of the robot, m.
    pub(super) room_m: f64,
}

/// Displacements of every arm's joints from rest, in the order of its line, that bring its hand before the body; and by what
/// share of the arm's length the wrist misses its place. The second of two arms that are mirror images mirrors the first.
pub(super) fn arms(
    skeleton: &Skeleton,
    directions: &Directions,
    arms: &[ArmToPlace<'_>],
) -> Vec<(Vec<f64>, f64)> {
    if let [one, other] = arms
        && let Some(signs) = mirror::signs(skeleton, one, other, &directions.left)
        && let Some(shared) = shared_bounds(skeleton, one, other, &signs)
    {
        let (values, missed) = arm(skeleton, directions, one, &shared);
        let mirrored = values.iter().zip(&signs).map(|(value, sign)| value * sign).collect();
        return vec![(values, missed), (mirrored, missed)];
    }
    let own = |arm: &ArmToPlace<'_>| bounds(skeleton, arm);
    arms.iter().map(|one| arm(skeleton, directions, one, &own(one))).collect()
}

fn bounds(skeleton: &Skeleton, arm: &ArmToPlace<'_>) -> Vec<(f64, f64)> {
    arm.line.iter().map(|&node| inside(skeleton, node)).collect()
}

/// What the joints of one arm and, mirrored, those of the other may both do; `None` where that is nothing for some joint.
fn shared_bounds(
    skeleton: &Skeleton,
    one: &ArmToPlace<'_>,
    other: &ArmToPlace<'_>,
    signs: &[f64],
) -> Option<Vec<(f64, f64)>> {
    let pairs = bounds(skeleton, one).into_iter().zip(bounds(skeleton, other)).zip(signs);
    pairs
        .map(|((own, (low, high)), sign)| {
            let (low, high) = if *sign < 0.0 { (-high, -low) } else { (low, high) };
            let shared = (own.0.max(low), own.1.min(high));
            (shared.0 <= shared.1).then_some(shared)
        })
        .collect()
}

fn arm(
    skeleton: &Skeleton,
    directions: &Directions,
    arm: &ArmToPlace<'_>,
    bounds: &[(f64, f64)],
) -> (Vec<f64>, f64) {
    let outward = directions.left * if arm.side == Side::Left { 1.0 } else { -1.0 };
    let place = |shares: [f64; 3]| {
        let [ahead, out, down] = shares.map(|share| share * arm.length_m);
        arm.shoulder + directions.forward * ahead + outward * out - directions.up * down
    };
    let hangs = arm.room_m > ROOM * arm.length_m;
    let (hand, elbow) =
        if hangs { (place(HAND), place(ELBOW)) } else { (place(HAND_ON_TABLE), place(ELBOW_ON_TABLE)) };
    let cost = |values: &[f64]| {
        let at = Placed::new(skeleton, arm, values);
        let far = (at.wrist - hand).norm() / arm.length_m;
        let elbow_far = (at.elbow - elbow).norm() / arm.length_m;
        let pointing = 1.0 - unit(at.tip - at.wrist).dot(&directions.forward);
        let strained: f64 = values
            .iter()
            .zip(bounds)
            .map(|(value, (low, high))| ((value - (low + high) / 2.0) / (high - low).max(1e-9)).powi(2))
            .sum();
        far * far + 0.15 * elbow_far * elbow_far + 0.04 * pointing + 0.004 * strained
    };
    let mut best: Option<(f64, Vec<f64>)> = None;
    for start in 0..STARTS + 2 {
        let mut values = start_values(bounds, start);
        let reached = descend(&mut values, bounds, &cost);
        if best.as_ref().is_none_or(|(other, _)| reached < *other) {
            best = Some((reached, values));
        }
    }
    let values = best.map(|(_, values)| values).unwrap_or_default();
    let missed = (Placed::new(skeleton, arm, &values).wrist - hand).norm() / arm.length_m;
    (values, missed)
}

/// Displacements from rest that a joint may be held at: inside its limits, rest where there are none.
pub(super) fn inside(skeleton: &Skeleton, node: Index) -> (f64, f64) {
    let joint = &skeleton.nodes[node];
    let low = joint.lower.max(-3.0);
    let high = joint.upper.min(3.0).max(low);
    let margin = MARGIN * (high - low);
    (low + margin, high - margin)
}

/// The displacement nearest to rest at which a joint is held.
pub(super) fn at_rest(skeleton: &Skeleton, node: Index) -> f64 {
    let joint = &skeleton.nodes[node];
    // At a limit is as good as inside it: many joints rest there, fingers among them.
    0.0_f64.max(joint.lower.min(joint.upper)).min(joint.upper)
}

fn start_values(bounds: &[(f64, f64)], start: usize) -> Vec<f64> {
    /// Growth of Roberts' additive sequence for eight joints.
    const GROWTH: f64 = 1.0799;
    let share = |place: usize| (0.5 + GROWTH.powi(-(place as i32 + 1)) * start as f64).fract();
    bounds
        .iter()
        .enumerate()
        .map(|(place, (low, high))| match start {
            0 => 0.0_f64.clamp(*low, *high),
            1 => (low + high) / 2.0,
            _ => low + (high - low) * share(place),
        })
        .collect()
}

/// Moves one joint at a time while that helps, in ever smaller steps.
fn descend(values: &mut [f64], bounds: &[(f64, f64)], cost: &dyn Fn(&[f64]) -> f64) -> f64 {
    let mut now = cost(values);
    let mut step = 0.6;
    while step > 0.004 {
        let mut helped = false;
        for place in 0..values.len() {
            let (before, (low, high)) = (values[place], bounds[place]);
            for way in [step, -step] {
                values[place] = (before + way).clamp(low, high);
                let then = cost(values);
                if then < now - 1e-12 {
                    now = then;
                    helped = true;
                    break;
                }
                values[place] = before;
            }
        }
        if !helped {
            step /= 2.0;
        }
    }
    now
}

/// Where the points of an arm are for displacements from rest.
struct Placed {
    elbow: Point3<f64>,
    wrist: Point3<f64>,
    tip: Point3<f64>,
}

impl Placed {
    fn new(skeleton: &Skeleton, arm: &ArmToPlace<'_>, values: &[f64]) -> Self {
        let mut placed = Self { elbow: arm.elbow, wrist: arm.wrist, tip: arm.tip };
        for (place, (&node, value)) in arm.line.iter().zip(values).enumerate().rev() {
            placed.tip = move_one(skeleton, node, *value, &placed.tip);
            if place + 1 < arm.line.len() || place == arm.elbow_place {
                placed.wrist = move_one(skeleton, node, *value, &placed.wrist);
            }
            if place < arm.elbow_place {
                placed.elbow = move_one(skeleton, node, *value, &placed.elbow);
            }
        }
        placed
    }
}

fn move_one(skeleton: &Skeleton, node: Index, value: f64, point: &Point3<f64>) -> Point3<f64> {
    let joint = &skeleton.nodes[node];
    if joint.slides() {
        return point + joint.axis * value;
    }
    let turn = UnitQuaternion::from_axis_angle(&Unit::new_unchecked(joint.axis), value);
    let arm: Vector3<f64> = point - joint.anchor;
    joint.anchor + turn * arm
}
