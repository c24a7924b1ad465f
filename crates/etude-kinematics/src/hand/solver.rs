//! Fingertips to joints: nonlinear least squares by Gauss and Newton with Levenberg's damping, each step a quadratic
//! problem whose bounds are the joints' limits.

use nalgebra::Vector3;

use super::box_newton::BoxNewton;
use super::chain::{Chains, MIDDLES, Middle};
use super::error::HandError;
use super::model::HandModel;
use crate::body::{Body, JointId, JointKind};
use crate::selection::Variable;

/// Largest step of one iteration, rad and m.
const TRUST_RAD: f64 = 0.6;
const TRUST_M: f64 = 0.03;
/// Damping at the start of a solve and its bounds, m².
const DAMPING: (f64, f64, f64) = (1e-7, 1e-9, 1e2);
/// Distance beyond which a pinch's error counts by its size, m. So small that of two pinches which cannot both be closed one is
/// closed and the other left, rather than both half open.
const PINCH_HUBER_M: f64 = 0.004;
/// A step smaller than this ends a solve, rad or m.
const STEP_DONE: f64 = 5e-4;
/// A step that takes less than this share off the cost ends a solve.
const COST_DONE: f64 = 1e-3;

/// How a solve weighs what it cannot all have.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SolverOptions {
    /// Most iterations of one solve.
    pub iterations: usize,
    /// Distance beyond which a tip's error counts by its size and no longer by its square, m.
    pub huber_m: f64,
    /// Weight of a finger's middle points against its tip.
    pub middle_weight: f64,
    /// Weight of staying where the hand was, m²/rad² (a tip's error of 1 m weighs 1 m²). It takes out what the fingertips say
    /// little about, and makes them late by about 0.05 frames: 2 ms at 30 Hz, 0.6 ms at 90 Hz.
    pub stay_weight: f64,
    /// Weight of the stretched pose, m²/rad².
    pub open_weight: f64,
    /// The same for joints that spread long fingers instead of bending them: of a fist they say little else.
    pub spread_weight: f64,
}

impl Default for SolverOptions {
    fn default() -> Self {
        Self {
            iterations: 12,
            huber_m: 0.02,
            middle_weight: 0.1,
            stay_weight: 5e-4,
            open_weight: 1e-7,
            spread_weight: 2e-5,
        }
    }
}

/// Where a finger is wanted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TipTarget {
    /// The tip in the palm's frame, m.
    pub tip_in_palm_m: Vector3<f64>,
    /// Its weight; 1 is usual.
    pub weight: f64,
    /// Points between knuckle and tip in the palm's frame, m, at the shares of [`FingertipSolver::middle_shares`].
    pub middles_in_palm_m: [Option<Vector3<f64>>; MIDDLES],
}

/// How far apart two fingertips are wanted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PinchTarget {
    /// Places of the two fingers in [`HandModel::fingers`].
    pub fingers: (usize, usize),
    /// From the first tip to the second one, in the palm's frame, m.
    pub vector_m: Vector3<f64>,
    /// Its weight against a tip's.
    pub weight: f64,
}

/// The solver of one hand with its memory. Solving does not allocate.
#[derive(Debug, Clone)]
pub struct FingertipSolver {
    chains: Chains,
    options: SolverOptions,
    newton: BoxNewton,
    /// First column of each row of the Hessian that is not zero.
    profile: Vec<usize>,
    positions: Vec<f64>,
    start: Vec<f64>,
    candidate: Vec<f64>,
    free: Vec<bool>,
    open_weights: Vec<f64>,
    hessian: Vec<f64>,
    damped: Vec<f64>,
    gradient: Vec<f64>,
    lower: Vec<f64>,
    upper: Vec<f64>,
    entries: Vec<(usize, Vector3<f64>)>,
    derivatives: Vec<Vector3<f64>>,
    iterations: usize,
}

impl FingertipSolver {
    /// A solver that starts from the stretched hand.
    pub fn new(body: &Body, model: &HandModel, options: SolverOptions) -> Result<Self, HandError> {
        model.check()?;
        for (what, found) in [
            ("huber_m", options.huber_m),
            ("middle_weight", options.middle_weight + 1e-300),
            ("stay_weight", options.stay_weight + 1e-300),
            ("open_weight", options.open_weight + 1e-300),
            ("spread_weight", options.spread_weight + 1e-300),
        ] {
            if !(found > 0.0 && found.is_finite()) {
                return Err(HandError::Number { what, expected: "a finite number above zero", found });
            }
        }
        let chains = Chains::new(body, model)?;
        let count = chains.variables.len();
        let links = chains.fingers.iter().map(super::chain::Chain::len).max().unwrap_or(0);
        let open = chains.open.clone();
        let mut open_weights = vec![options.open_weight; count];
        for column in chains.spreading() {
            open_weights[column] = options.spread_weight;
        }
        Ok(Self {
            options,
            newton: BoxNewton::new(count),
            profile: vec![0; count],
            positions: open.clone(),
            start: open.clone(),
            candidate: open,
            free: vec![true; count],
            open_weights,
            hessian: vec![0.0; count * count],
            damped: vec![0.0; count * count],
            gradient: vec![0.0; count],
            lower: vec![0.0; count],
            upper: vec![0.0; count],
            entries: Vec::with_capacity(2 * links),
            derivatives: vec![Vector3::zeros(); links],
            iterations: 0,
            chains,
        })
    }

    /// The joints that are solved for, \[variable\]; followers are not among them.
    pub fn joints(&self) -> impl ExactSizeIterator<Item = JointId> + '_ {
        self.chains.variables.iter().map(|variable| variable.joint)
    }

    /// The variables with their limits.
    pub fn variables(&self) -> &[Variable] {
        &self.chains.variables
    }

    /// Where they are, \[variable\], rad or m.
    pub fn positions(&self) -> &[f64] {
        &self.positions
    }

    /// Iterations of the last solve.
    pub fn iterations(&self) -> usize {
        self.iterations
    }

    /// The stretched hand, \[variable\], rad or m.
    pub fn open(&self) -> &[f64] {
        &self.chains.open
    }

    /// Places the joints, \[variable\], rad or m; what is outside the limits goes to the nearer one. An array of another
    /// length or with a number that is not finite changes nothing.
    pub fn set_positions(&mut self, positions: &[f64]) {
        if positions.len() == self.positions.len() && positions.iter().all(|value| value.is_finite()) {
            for ((own, &given), variable) in
                self.positions.iter_mut().zip(positions).zip(&self.chains.variables)
            {
                *own = given.clamp(variable.lower, variable.upper);
            }
        }
    }

    /// Where a finger's tip is in the palm's frame after the last solve, m.
    pub fn tip_in_palm_m(&self, finger: usize) -> Option<Vector3<f64>> {
        self.chains.fingers.get(finger).map(super::chain::Chain::tip)
    }

    /// Where the stretched finger's knuckle is in the palm's frame, m.
    pub(super) fn chains(&self) -> &Chains {
        &self.chains
    }

    /// At which shares of a finger's length its middle points are.
    pub fn middle_shares(&self, finger: usize) -> impl Iterator<Item = f64> + '_ {
        self.chains.fingers.get(finger).into_iter().flat_map(|chain| chain.middles.iter().map(|m| m.share))
    }

    /// Moves some of the joints elsewhere: what is asked of a hand does not say by which way it goes there.
    pub(super) fn put(&mut self, columns: &[usize], positions: &[f64]) {
        for (&column, &position) in columns.iter().zip(positions) {
            self.positions[column] = position;
        }
        self.update_chains();
    }

    /// How the first finger stands where it is: what is minimised, the tip's distance from its target, m, and the tip, m.
    pub(super) fn standing(&mut self, tips: &[Option<TipTarget>]) -> (f64, f64, Vector3<f64>) {
        self.start.copy_from_slice(&self.positions);
        self.update_chains();
        let tip = self.chains.fingers.first().map_or_else(Vector3::zeros, super::chain::Chain::tip);
        let target = tips.first().and_then(|target| usable(target.as_ref()));
        let off_m = target.map_or(0.0, |target| (tip - target.tip_in_palm_m).norm());
        (self.cost(&self.positions, tips, &[]), off_m, tip)
    }

    /// Moves the joints so that the fingers come as near to `tips` (\[finger\], order of [`HandModel::fingers`]) as limits and
    /// couplings allow. A finger without a target, or whose target is not finite, stays where it is.
    pub fn solve(&mut self, tips: &[Option<TipTarget>], pinches: &[PinchTarget]) {
        self.iterations = 0;
        self.start.copy_from_slice(&self.positions);
        self.release(tips);
        self.update_chains();
        let mut damping = DAMPING.0;
        let mut cost = self.cost(&self.positions, tips, pinches);
        let mut stale = true;
        while self.iterations < self.options.iterations {
            self.iterations += 1;
            if stale {
                self.assemble(tips, pinches);
            }
            let Some(step) = self.step(damping) else { break };
            for chain in &mut self.chains.fingers {
                chain.update(&self.candidate);
            }
            let reached = self.cost(&self.candidate, tips, pinches);
            if reached <= cost {
                std::mem::swap(&mut self.positions, &mut self.candidate);
                let gained = cost - reached;
                (cost, stale) = (reached, true);
                damping = (damping * 0.2).max(DAMPING.1);
                if step < STEP_DONE || gained < COST_DONE * cost {
                    return;
                }
            } else {
                stale = false;
                damping = (damping * 10.0).max(1e-6);
                if damping > DAMPING.2 || step < STEP_DONE {
                    break;
                }
            }
        }
        self.update_chains();
    }

    /// Says which variables may move: those of a finger with a target.
    fn release(&mut self, tips: &[Option<TipTarget>]) {
        self.free.fill(false);
        for (chain, tip) in self.chains.fingers.iter().zip(tips) {
            if usable(tip.as_ref()).is_some() {
                for &column in &chain.columns {
                    self.free[column] = true;
                }
            }
        }
    }

    fn update_chains(&mut self) {
        for chain in &mut self.chains.fingers {
            chain.update(&self.positions);
        }
    }

    /// What is minimised, with the chains at `positions`.
    fn cost(&self, positions: &[f64], tips: &[Option<TipTarget>], pinches: &[PinchTarget]) -> f64 {
        let mut cost = 0.0;
        let wanted = self.start.iter().zip(&self.chains.open).zip(&self.open_weights);
        for (position, ((start, open), weight)) in positions.iter().zip(wanted) {
            cost += 0.5 * self.options.stay_weight * (position - start) * (position - start)
                + 0.5 * weight * (position - open) * (position - open);
        }
        for (chain, tip) in self.chains.fingers.iter().zip(tips) {
            let Some(target) = usable(tip.as_ref()) else { continue };
            cost += target.weight * huber(&(chain.tip() - target.tip_in_palm_m), self.options.huber_m).0;
            for (middle, wanted) in chain.middles.iter().zip(&target.middles_in_palm_m) {
                let Some(wanted) = finite(wanted.as_ref()) else { continue };
                let weight = self.options.middle_weight * target.weight;
                cost += weight * huber(&(chain.middle(middle) - wanted), self.options.huber_m).0;
            }
        }
        for pinch in pinches {
            if let Some(((_, first), (_, second))) = self.pair(tips, pinch) {
                cost += pinch.weight * huber(&(second - first - pinch.vector_m), PINCH_HUBER_M).0;
            }
        }
        cost
    }

    /// The two fingers of a pinch with their tips, where both are led.
    #[expect(clippy::type_complexity, reason = "two places with two points, read at once by the two callers")]
    fn pair(
        &self,
        tips: &[Option<TipTarget>],
        pinch: &PinchTarget,
    ) -> Option<((usize, Vector3<f64>), (usize, Vector3<f64>))> {
        finite(Some(&pinch.vector_m))?;
        let one = |finger: usize| {
            usable(tips.get(finger)?.as_ref())?;
            Some((finger, self.chains.fingers.get(finger)?.tip()))
        };
        (pinch.weight > 0.0 && pinch.weight.is_finite())
            .then_some((one(pinch.fingers.0)?, one(pinch.fingers.1)?))
    }

    /// Hessian and gradient at the chains' poses.
    fn assemble(&mut self, tips: &[Option<TipTarget>], pinches: &[PinchTarget]) {
        let count = self.positions.len();
        self.hessian.fill(0.0);
        for (row, first) in self.profile.iter_mut().enumerate() {
            *first = row;
        }
        let stay = self.options.stay_weight;
        for column in 0..count {
            let open = self.open_weights[column];
            self.hessian[column * count + column] = stay + open;
            self.gradient[column] = stay * (self.positions[column] - self.start[column])
                + open * (self.positions[column] - self.chains.open[column]);
        }
        for finger in 0..self.chains.fingers.len() {
            let Some(target) = tips.get(finger).and_then(|tip| usable(tip.as_ref())) else { continue };
            let target = *target;
            let chain = &self.chains.fingers[finger];
            let error = chain.tip() - target.tip_in_palm_m;
            let weight = target.weight * huber(&error, self.options.huber_m).1;
            self.entries.clear();
            self.load(finger, None, 1.0);
            self.add(&error, weight);
            for place in 0..self.chains.fingers[finger].middles.len() {
                let Some(wanted) = finite(target.middles_in_palm_m[place].as_ref()).copied() else {
                    continue;
                };
                let chain = &self.chains.fingers[finger];
                let middle = chain.middles[place];
                let error = chain.middle(&middle) - wanted;
                let weight =
                    self.options.middle_weight * target.weight * huber(&error, self.options.huber_m).1;
                self.entries.clear();
                self.load(finger, Some(middle), 1.0);
                self.add(&error, weight);
            }
        }
        for pinch in pinches {
            let Some(((first, from), (second, to))) = self.pair(tips, pinch) else { continue };
            self.entries.clear();
            self.load(first, None, -1.0);
            self.load(second, None, 1.0);
            let error = to - from - pinch.vector_m;
            self.add(&error, pinch.weight * huber(&error, PINCH_HUBER_M).1);
        }
    }

    /// Adds the derivatives of a finger's tip, or of one of its middle points, to the entries.
    fn load(&mut self, finger: usize, middle: Option<Middle>, sign: f64) {
        let chain = &self.chains.fingers[finger];
        let point = middle.map_or_else(|| chain.tip(), |middle| chain.middle(&middle));
        let derivatives = &mut self.derivatives[..chain.columns.len()];
        let links = middle.map_or(chain.len(), |middle| middle.link);
        chain.derivatives(&point, links, derivatives);
        for (&column, derivative) in chain.columns.iter().zip(derivatives) {
            self.entries.push((column, *derivative * sign));
        }
    }

    /// Adds one weighted error, whose derivatives are the entries, to Hessian and gradient.
    fn add(&mut self, error: &Vector3<f64>, weight: f64) {
        let count = self.gradient.len();
        for (row, first) in &self.entries {
            let weighted = first * weight;
            self.gradient[*row] += weighted.dot(error);
            for (column, second) in &self.entries {
                if column <= row {
                    self.hessian[row * count + column] += weighted.dot(second);
                    self.profile[*row] = self.profile[*row].min(*column);
                }
            }
        }
    }

    /// Solves for one step into `candidate`; the largest part of it, or nothing where none can be taken.
    fn step(&mut self, damping: f64) -> Option<f64> {
        let count = self.positions.len();
        self.damped.copy_from_slice(&self.hessian);
        for (column, variable) in self.chains.variables.iter().enumerate() {
            self.damped[column * count + column] += damping;
            let trust = match (self.free[column], variable.kind) {
                (false, _) => 0.0,
                (true, JointKind::Prismatic) => TRUST_M,
                (true, _) => TRUST_RAD,
            };
            let position = self.positions[column];
            self.lower[column] = (variable.lower - position).clamp(-trust, 0.0);
            self.upper[column] = (variable.upper - position).clamp(0.0, trust);
        }
        let bounds = (self.lower.as_slice(), self.upper.as_slice());
        if !self.newton.solve(&self.damped, &self.gradient, bounds, &self.profile) {
            return None;
        }
        let mut largest: f64 = 0.0;
        for (column, variable) in self.chains.variables.iter().enumerate() {
            let step = self.newton.x()[column];
            largest = largest.max(step.abs());
            self.candidate[column] = (self.positions[column] + step).clamp(variable.lower, variable.upper);
        }
        largest.is_finite().then_some(largest)
    }
}

/// Huber's loss of an error's length (half a square near zero), and its weight as a square.
fn huber(error: &Vector3<f64>, edge: f64) -> (f64, f64) {
    let square = error.norm_squared();
    if square <= edge * edge {
        return (0.5 * square, 1.0);
    }
    let length = square.sqrt();
    (edge * (length - 0.5 * edge), edge / length)
}

fn finite(point: Option<&Vector3<f64>>) -> Option<&Vector3<f64>> {
    point.filter(|point| point.iter().all(|value| value.is_finite()))
}

pub(super) fn usable(target: Option<&TipTarget>) -> Option<&TipTarget> {
    target.filter(|target| {
        finite(Some(&target.tip_in_palm_m)).is_some() && target.weight > 0.0 && target.weight.is_finite()
    })
}
