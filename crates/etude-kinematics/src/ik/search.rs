//! Search for positions that reach the targets, from several starts: whether a place can be reached at all.

use super::{FrameTarget, Ik, Residual, Status};
use crate::body::JointKind;

/// How long and how strictly to search.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SearchOptions {
    /// Most steps from one start.
    pub max_steps: usize,
    /// Longest step of a turning joint, rad.
    pub step_rad: f64,
    /// Longest step of a sliding joint, m.
    pub step_m: f64,
    /// Position error above which a target counts as out of reach, m.
    pub refuse_m: f64,
    /// Orientation error above which a target counts as out of reach, rad.
    pub refuse_rad: f64,
}

impl Default for SearchOptions {
    fn default() -> Self {
        Self { max_steps: 100, step_rad: 0.2, step_m: 0.05, refuse_m: 0.01, refuse_rad: 5.0_f64.to_radians() }
    }
}

/// The best that a search found.
#[derive(Debug, Clone, PartialEq)]
pub struct Reach {
    /// Whether every target is reached within the bounds of refusal, inside all limits of position.
    pub reached: bool,
    /// Positions of the whole body; the start where the input was invalid.
    pub positions: Vec<f64>,
    /// Errors at these positions, one per target; empty where the input was invalid.
    pub residuals: Vec<Residual>,
    /// What the best attempt came to.
    pub status: Status,
    /// Steps taken in all attempts together.
    pub steps: usize,
}

impl Ik {
    /// Searches from `start` and then, until the targets are reached, from one random posture per seed.
    ///
    /// Time does not count here: speed limits are replaced by the longest step. The same input gives the same answer.
    pub fn solve_to_convergence(
        &mut self,
        start: &[f64],
        targets: &[FrameTarget],
        seeds: &[u64],
        search: &SearchOptions,
    ) -> Reach {
        if !(self.is_sound(start, 1.0)
            && self.are_sound(targets)
            && search.step_rad > 0.0
            && search.step_m > 0.0)
        {
            let (positions, residuals) = (start.to_vec(), Vec::new());
            return Reach { reached: false, positions, residuals, status: Status::Invalid, steps: 0 };
        }
        let mut best = self.attempt(start, targets, search);
        for &seed in seeds {
            if best.status == Status::Converged {
                break;
            }
            let from = self.random_posture(start, seed);
            let attempt = self.attempt(&from, targets, search);
            let steps = best.steps + attempt.steps;
            if cost(&attempt, targets) < cost(&best, targets) {
                best = attempt;
            }
            best.steps = steps;
        }
        best
    }

    fn attempt(&mut self, start: &[f64], targets: &[FrameTarget], search: &SearchOptions) -> Reach {
        self.positions.copy_from_slice(start);
        self.body.apply_mimics(&mut self.positions);
        self.clamp_positions();
        self.is_fresh = false;
        self.qp.forget();
        self.motion.speed.fill(0.0);
        let mut status = Status::Stalled;
        let mut steps = 0;
        while steps < search.max_steps {
            self.step_bounds(search);
            steps += 1;
            status = self.advance(targets, None, true);
            let still = self.inner_step.iter().all(|step| step.abs() < 1e-6);
            if matches!(status, Status::Converged | Status::Stalled) || still {
                break;
            }
        }
        let near = |residual: &Residual| {
            residual.position_m <= search.refuse_m && residual.orientation_rad <= search.refuse_rad
        };
        Reach {
            reached: self.residuals.iter().all(near) && self.residuals.len() == targets.len(),
            positions: self.positions.clone(),
            residuals: self.residuals.clone(),
            status,
            steps,
        }
    }

    /// Brings every variable within its limits of position at once.
    fn clamp_positions(&mut self) {
        for variable in self.inner.variables().iter().filter(|variable| variable.is_scalar()) {
            let position = &mut self.positions[variable.position_index];
            *position = position.clamp(variable.lower, variable.upper);
        }
        self.body.apply_mimics(&mut self.positions);
    }

    fn step_bounds(&mut self, search: &SearchOptions) {
        for (index, variable) in self.inner.variables().iter().enumerate() {
            let position = variable.position(&self.positions);
            let reach = if variable.is_linear() { search.step_m } else { search.step_rad };
            self.lower[index] = (variable.lower - position).clamp(-reach, reach);
            self.upper[index] = (variable.upper - position).clamp(-reach, reach);
        }
    }

    /// A posture drawn evenly from the limits; joints without limits are drawn from half a turn (or metre) either way.
    /// Ball and free joints stay.
    fn random_posture(&self, start: &[f64], seed: u64) -> Vec<f64> {
        let mut positions = start.to_vec();
        let mut state = seed;
        for variable in self.inner.variables().iter().filter(|variable| variable.is_scalar()) {
            let half = if variable.kind == JointKind::Prismatic { 0.5 } else { std::f64::consts::PI };
            let centre = start[variable.position_index];
            let lower = if variable.lower.is_finite() { variable.lower } else { centre - half };
            let upper = if variable.upper.is_finite() { variable.upper } else { centre + half };
            positions[variable.position_index] = lower + (upper - lower) * uniform(&mut state);
        }
        positions
    }
}

fn cost(reach: &Reach, targets: &[FrameTarget]) -> f64 {
    let weighted = reach.residuals.iter().zip(targets).map(|(residual, target)| {
        (residual.position_m * target.position_weight).powi(2)
            + (residual.orientation_rad * target.orientation_weight).powi(2)
    });
    weighted.sum()
}

/// The next number in [0, 1) of `SplitMix64` (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014).
pub(crate) fn uniform(state: &mut u64) -> f64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^= mixed >> 31;
    (mixed >> 11) as f64 / (1_u64 << 53) as f64
}
