//! Joint positions for a path of hands: each sample is solved from the posture of the one before.

use super::arms::{Arms, side_index};
use crate::ik::{FrameTarget, Ik, IkError, IkOptions, Residual, SearchOptions, Status};
use etude_model::card::Side;
use nalgebra::Isometry3;

/// Steps per sample at most; the posture before is near, so that one or two do.
const STEPS: usize = 8;
/// Time that one step may use the joints' speeds for, s: far more than a sample lasts, since pace is another's business.
const STEP_S: f64 = 0.1;
/// Cost of one radian against one metre: what cannot be had whole is given up in the turn before it is in the place.
const TURN_WEIGHT: f64 = 0.2;
/// Weight that draws the arms to the posture of the plan where the hands leave them free.
const POSTURE_WEIGHT: f64 = 3e-3;
/// A joint this near to a limit touches it, rad or m.
const AT_LIMIT: f64 = 1e-4;

/// Follows a path with a body's arms.
#[derive(Debug, Clone)]
pub struct Tracker {
    ik: Ik,
    positions: Vec<f64>,
    targets: Vec<FrameTarget>,
    sides: Vec<usize>,
}

impl Tracker {
    /// Begins at `start` (positions of the whole body), drawn to `posture`.
    pub fn new(arms: &Arms, start: &[f64], posture: &[f64]) -> Result<Self, IkError> {
        let options = IkOptions { tolerance_m: 2e-4, tolerance_rad: 2e-3, ..IkOptions::default() };
        let mut ik = Ik::new(arms.body(), arms.led(), options)?;
        ik.set_posture(posture, POSTURE_WEIGHT)?;
        Ok(Self {
            ik,
            positions: start.to_vec(),
            targets: Vec::with_capacity(2),
            sides: Vec::with_capacity(2),
        })
    }

    /// Positions of the whole body now.
    pub fn positions(&self) -> &[f64] {
        &self.positions
    }

    /// The same, to set a hand's joints in.
    pub fn positions_mut(&mut self) -> &mut [f64] {
        &mut self.positions
    }

    /// Goes on to where the grasp frames should be (left, right; base frame); gives what is left to go.
    pub fn step(&mut self, arms: &Arms, grasps: &[Option<Isometry3<f64>>; 2]) -> [Option<Residual>; 2] {
        self.aim(arms, grasps);
        let mut left = [None, None];
        if self.targets.is_empty() {
            return left;
        }
        for _ in 0..STEPS {
            let solution = self.ik.solve(&self.positions, &self.targets, STEP_S);
            self.positions.copy_from_slice(solution.positions);
            for (&side, residual) in self.sides.iter().zip(solution.residuals) {
                left[side] = Some(*residual);
            }
            if matches!(solution.status, Status::Converged | Status::Stalled | Status::Invalid) {
                break;
            }
        }
        left
    }

    /// The same from several starts, without regard to where the arms are: whether a place can be reached at all.
    pub fn seek(
        &mut self,
        arms: &Arms,
        grasps: &[Option<Isometry3<f64>>; 2],
        seeds: &[u64],
    ) -> [Option<Residual>; 2] {
        self.aim(arms, grasps);
        let mut left = [None, None];
        if self.targets.is_empty() {
            return left;
        }
        let search = SearchOptions { max_steps: 60, ..SearchOptions::default() };
        let reach = self.ik.solve_to_convergence(&self.positions, &self.targets, seeds, &search);
        self.positions.copy_from_slice(&reach.positions);
        for (&side, residual) in self.sides.iter().zip(&reach.residuals) {
            left[side] = Some(*residual);
        }
        left
    }

    /// The joints of the arms that stand at a limit of position, by their places in [`Arms::led`]'s selection.
    pub fn at_limits(&self) -> impl Iterator<Item = usize> + '_ {
        let variables = self.ik.selection().variables().iter().enumerate();
        variables
            .filter(|(_, variable)| {
                let position = self.positions[variable.position_index];
                position - variable.lower < AT_LIMIT || variable.upper - position < AT_LIMIT
            })
            .map(|(index, _)| index)
    }

    /// Names of the joints that [`Tracker::at_limits`] counts.
    pub fn joint_names(&self) -> impl Iterator<Item = &str> {
        let body = self.ik.body();
        self.ik.selection().variables().iter().map(|variable| body.joint_name(variable.joint))
    }

    fn aim(&mut self, arms: &Arms, grasps: &[Option<Isometry3<f64>>; 2]) {
        self.targets.clear();
        self.sides.clear();
        for side in Side::BOTH {
            let index = side_index(side);
            let (Some(arm), Some(grasp)) = (&arms.arms()[index], &grasps[index]) else { continue };
            let base_from_frame = grasp * arm.frame_from_grasp.inverse();
            let target = FrameTarget {
                orientation_weight: TURN_WEIGHT,
                ..FrameTarget::pose(arm.frame, base_from_frame)
            };
            self.targets.push(target);
            self.sides.push(index);
        }
    }
}

/// How fast the joints of a body may be and change, by their places among its positions.
#[derive(Debug, Clone)]
pub struct Speeds {
    /// Place, highest speed (rad/s or m/s), highest acceleration (rad/s² or m/s²).
    pub joints: Vec<(usize, f64, f64)>,
    /// Place, lowest and highest position, rad or m.
    pub ranges: Vec<(usize, f64, f64)>,
}

impl Speeds {
    /// The limits of a body's joints (already narrowed to the share that the card allows), with one acceleration for all.
    pub fn new(arms: &Arms, acceleration: f64) -> Self {
        let body = arms.body();
        let joints = body.moving_joints().filter(|&joint| body.kind(joint).is_scalar());
        let joints = joints.filter(|&joint| body.mimic(joint).is_none()).filter_map(|joint| {
            let speed = body.limits(joint).velocity;
            body.position_index(joint)
                .filter(|_| speed.is_finite() && speed > 0.0)
                .map(|place| (place, speed, acceleration))
        });
        let joints: Vec<_> = joints.collect();
        let range = |joint| {
            let limits = body.limits(joint);
            body.position_index(joint).map(|place| (place, limits.lower, limits.upper))
        };
        let scalar = body.moving_joints().filter(|&joint| body.kind(joint).is_scalar());
        let ranges = scalar.filter(|&joint| body.mimic(joint).is_none()).filter_map(range).collect();
        Self { joints, ranges }
    }

    /// The same without the speeds of the joints at these places.
    pub(super) fn without(mut self, places: &[usize]) -> Self {
        self.joints.retain(|(place, ..)| !places.contains(place));
        self
    }

    /// The factor by which `dt` seconds are too short to go from one posture to another; below 1 they are enough.
    pub fn needed(&self, from: &[f64], to: &[f64], dt: f64) -> f64 {
        let of =
            |&(place, speed, _): &(usize, f64, f64)| (to[place] - from[place]).abs() / (speed * dt.max(1e-6));
        self.joints.iter().map(of).fold(0.0, f64::max)
    }
}
