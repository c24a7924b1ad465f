//! How a gripper moves: its lead joint, what is coupled to it, and rods whose loops stay closed.

use nalgebra::{DMatrix, DVector};

use crate::body::{Body, JointId, Loop};
use crate::forward::Poses;

/// Steps from rest to the end of the lead's range in which loops are followed.
const STEPS: usize = 8;
/// Most corrections per step, and how far apart the two sides of a loop may stay, m.
const CORRECTIONS: usize = 20;
const CLOSED_M: f64 = 1e-7;
/// Displacement by which slopes are measured, rad or m; the most a correction moves a joint.
const PROBE: f64 = 1e-6;
const MOST: f64 = 0.2;

/// A gripper that is told where to go by one number, the share of its lead's range.
pub(super) struct Linkage<'a> {
    body: &'a Body,
    lead: JointId,
    /// Joints that nothing couples to the lead and that go with it all the same; `true` where they go from high to low.
    alongside: Vec<(JointId, bool)>,
    /// Joints that give way so that loops stay closed.
    giving: Vec<JointId>,
    loops: Vec<Loop>,
}

impl<'a> Linkage<'a> {
    /// A linkage of a hand's joints; the lead is one of them.
    pub(super) fn new(body: &'a Body, lead: JointId, joints: &[JointId]) -> Self {
        let loops: Vec<Loop> = body
            .loops()
            .iter()
            .filter(|closed| {
                closed.shared_m.is_some() && closed.joints.iter().any(|end| joints.contains(end))
            })
            .copied()
            .collect();
        let holds = |joint: JointId| {
            loops.iter().flat_map(|closed| closed.joints).any(|end| is_below(body, end, joint))
        };
        let gives = |joint: &JointId| {
            *joint != lead && body.mimic(*joint).is_none() && body.kind(*joint).is_scalar() && holds(*joint)
        };
        let giving = joints.iter().copied().filter(gives).collect();
        Self { body, lead, alongside: Vec::new(), giving, loops }
    }

    /// Takes a joint along that nothing couples to the lead.
    pub(super) fn take_along(&mut self, joint: JointId, reversed: bool) {
        self.alongside.push((joint, reversed));
    }

    /// The joints taken along, with their positions where the lead is at a share of its range.
    pub(super) fn alongside(&self, share: f64) -> impl Iterator<Item = (JointId, f64)> + '_ {
        self.alongside.iter().map(move |&(joint, reversed)| {
            (joint, at_share(self.body, joint, if reversed { 1.0 - share } else { share }))
        })
    }

    /// The lead's position at a share of its range.
    pub(super) fn lead_at(&self, share: f64) -> f64 {
        at_share(self.body, self.lead, share)
    }

    /// Where all joints are with the lead at a share of its range, the rest of the robot at rest.
    pub(super) fn posed(&self, share: f64) -> Poses {
        let mut positions = self.body.rest().to_vec();
        let steps = if self.loops.is_empty() { 1 } else { STEPS };
        let limits = self.body.limits(self.lead);
        let rest = self.body.position_index(self.lead).and_then(|place| positions.get(place)).copied();
        let range = limits.upper - limits.lower;
        let start = if range > 0.0 && range.is_finite() {
            (rest.unwrap_or_default() - limits.lower) / range
        } else {
            0.0
        };
        for step in 1..=steps {
            let share = start + (share - start) * step as f64 / steps as f64;
            self.set(&mut positions, self.lead, self.lead_at(share));
            for (joint, position) in self.alongside(share) {
                self.set(&mut positions, joint, position);
            }
            self.close(&mut positions);
        }
        self.poses(&mut positions)
    }

    fn set(&self, positions: &mut [f64], joint: JointId, position: f64) {
        if let Some(place) = self.body.position_index(joint).and_then(|place| positions.get_mut(place)) {
            *place = position;
        }
    }

    fn poses(&self, positions: &mut [f64]) -> Poses {
        self.body.apply_mimics(positions);
        let mut poses = Poses::new(self.body);
        poses.update(self.body, positions);
        poses
    }

    /// How far apart the two sides of every loop are, m.
    fn apart(&self, positions: &mut [f64]) -> DVector<f64> {
        let poses = self.poses(positions);
        let gaps = self.loops.iter().filter_map(|closed| {
            let [one, other] = closed.shared_m?;
            let [first, second] = closed.joints.map(|joint| *poses.world_from_joint(joint));
            Some(first * one - second * other)
        });
        DVector::from_iterator(3 * self.loops.len(), gaps.flat_map(|gap| [gap.x, gap.y, gap.z]))
    }

    /// Gives way until loops are closed: damped Gauss-Newton steps.
    fn close(&self, positions: &mut [f64]) {
        let places: Vec<usize> =
            self.giving.iter().filter_map(|&joint| self.body.position_index(joint)).collect();
        if places.is_empty() {
            return;
        }
        for _ in 0..CORRECTIONS {
            let apart = self.apart(positions);
            if apart.amax() < CLOSED_M {
                return;
            }
            let mut slopes = DMatrix::zeros(apart.len(), places.len());
            for (column, &place) in places.iter().enumerate() {
                let mut probed = positions.to_vec();
                probed[place] += PROBE;
                slopes.set_column(column, &((self.apart(&mut probed) - &apart) / PROBE));
            }
            let damped = slopes.transpose() * &slopes + DMatrix::identity(places.len(), places.len()) * 1e-10;
            let Some(step) = damped.cholesky().map(|factor| factor.solve(&(-slopes.transpose() * apart)))
            else {
                return;
            };
            for (&place, step) in places.iter().zip(step.iter()) {
                positions[place] += step.clamp(-MOST, MOST);
            }
        }
    }
}

/// A joint's position at a share of its range; at rest, where the range has no ends.
fn at_share(body: &Body, joint: JointId, share: f64) -> f64 {
    let limits = body.limits(joint);
    let position = limits.lower + (limits.upper - limits.lower) * share;
    let rest = || body.position_index(joint).and_then(|place| body.rest().get(place)).copied();
    if position.is_finite() { position } else { rest().unwrap_or_default() }
}

/// Whether a joint is another one or hangs below it.
pub(super) fn is_below(body: &Body, joint: JointId, top: JointId) -> bool {
    let mut at = Some(joint).filter(|joint| joint.index() != 0);
    while let Some(joint) = at {
        if joint == top {
            return true;
        }
        at = body.parent(joint);
    }
    false
}
