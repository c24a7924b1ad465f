//! Choosing how a path is to be fitted: of the grasps that a body could take, the one most like the source's that reaches.

use super::arms::side_index;
use super::engine::{Crossing, CrossingError};
use super::fit::{self, Fit, HandFit, Turn};
use super::path::PathSample;
use super::survey::Survey;
use super::track::{Speeds, Tracker};
use crate::ik::IkError;
use etude_model::card::Side;

/// Samples at which a grasp is tried before it is chosen.
const TRIED: usize = 24;
/// Time before a grasp and after it that it must be reached for as well, s.
const AROUND_S: f64 = 2.5;
/// A grasp is chosen where it is reached this well everywhere it was tried: m, rad.
const CHOSEN: (f64, f64) = (0.004, 0.035);
/// And where the arm need not be slowed by more than this.
const SLOWEST: f64 = 4.0;
/// Random starts where a place is not reached from the posture before.
const SEEDS: [u64; 6] = [1, 2, 3, 4, 5, 6];

/// How a path is to be fitted.
#[derive(Debug, Clone)]
pub struct Plan {
    /// How the path is fitted to the body.
    pub fit: Fit,
    /// Posture that the body begins in, whole body.
    pub start: Vec<f64>,
    /// Posture that its arms take the path up with, whole body.
    pub entry: Vec<f64>,
    /// Posture that they are drawn to, whole body.
    pub posture: Vec<f64>,
    /// Places among the body's positions of the joints that lead each hand: left, right.
    pub places: [Vec<usize>; 2],
    /// What was changed for this body, in words.
    pub adapted: Vec<String>,
}

/// Looks at postures that are to be taken: whether the robot reaches into the scene or itself there.
pub type Accept<'f> = dyn FnMut(&[Vec<f64>]) -> Result<(), String> + 'f;

impl Crossing<'_> {
    /// How the path is to be fitted. Of the grasps that reach, the one most like the source's that `accept` takes is
    /// chosen; where none does, the one that reaches most, and the report will say what it lacks.
    pub fn plan(&self, survey: &Survey, accept: &mut Accept<'_>) -> Result<Plan, CrossingError> {
        let robot = || self.target.title().to_owned();
        let refuse = |source| CrossingError::Ik { robot: robot(), source };
        let home = self.target.home().to_vec();
        let mut plan = Plan {
            fit: Fit { hands: [None, None], from_home: self.options.from_home },
            places: [self.chain(Side::Left), self.chain(Side::Right)],
            start: home.clone(),
            entry: home.clone(),
            posture: home.clone(),
            adapted: Vec::new(),
        };
        for side in Side::BOTH {
            let index = side_index(side);
            if self.target.arms()[index].is_none() || survey.hands[index].ends.is_none() {
                continue;
            }
            if self.options.from_home && !survey.hands[index].works() {
                plan.adapted.push(format!("the {} hand does nothing and keeps its home", side.name()));
                continue;
            }
            self.choose(side, survey, &mut plan, accept).map_err(refuse)?;
        }
        if plan.fit.hands.iter().all(Option::is_none) {
            return Err(CrossingError::Empty { robot: robot() });
        }
        if !self.options.from_home {
            let mut tracker = Tracker::new(self.target, &home, &home).map_err(refuse)?;
            if let Some(first) = survey.keys.first() {
                let asked = plan.fit.apply(first, survey);
                tracker.seek(self.target, &asked.hands.map(|hand| hand.map(|hand| hand.grasp)), &SEEDS);
            }
            plan.start = tracker.positions().to_vec();
            plan.entry = plan.start.clone();
            plan.posture = plan.start.clone();
        }
        Ok(plan)
    }

    /// Chooses one hand's grasp and adds it to the plan.
    fn choose(
        &self,
        side: Side,
        survey: &Survey,
        plan: &mut Plan,
        accept: &mut Accept<'_>,
    ) -> Result<(), IkError> {
        let index = side_index(side);
        let Some(arm) = &self.target.arms()[index] else { return Ok(()) };
        let object = self.options.objects[index].as_ref();
        let held_in_grasp = self.options.held_in_grasp[index];
        let plain = HandFit { held_in_grasp, ..HandFit::plain() };
        let Some(grasp) = survey.hands[index].grasps.first() else {
            plan.fit.hands[index] = Some(HandFit::plain());
            return Ok(());
        };
        let keys = keys(survey, index);
        let fitted = |turn: Turn| {
            let rotation = grasp.taken.rotation * turn.turn;
            let clearance_m =
                object.map_or(0.0, |object| fit::clearance(object, &rotation, arm.finger_extent_m));
            HandFit { turn, clearance_m, ..plain.clone() }
        };
        let mut best: Option<(f64, HandFit, Vec<Vec<f64>>, String)> = None;
        for turn in fit::turns(&grasp.taken, side, object, arm.symmetric) {
            let trial = fitted(turn);
            let (cost, postures) = self.attempt(index, &trial, survey, &keys)?;
            let reaches = cost <= 1.0;
            let objection = if reaches { accept(&postures).err() } else { Some("out of reach".to_owned()) };
            let cost = if reaches && objection.is_some() { cost + 1.0 } else { cost };
            if best.as_ref().is_none_or(|(least, ..)| cost < *least) {
                best = Some((cost, trial, postures, objection.clone().unwrap_or_default()));
            }
            if objection.is_none() {
                break;
            }
        }
        let Some((_, chosen, postures, objection)) = best else { return Ok(()) };
        describe(side, &chosen, &objection, &mut plan.adapted);
        for (posture, into) in
            [(postures.first(), &mut plan.posture), (postures.last(), &mut plan.entry)]
        {
            for &place in posture.iter().flat_map(|_| &plan.places[index]) {
                into[place] = posture.map_or(into[place], |posture| posture[place]);
            }
        }
        plan.fit.hands[index] = Some(chosen);
        Ok(())
    }

    /// The places, among the body's positions, of the joints that lead one hand.
    fn chain(&self, side: Side) -> Vec<usize> {
        let body = self.target.body();
        let mut places = Vec::new();
        let mut above = self.target.arms()[side_index(side)].as_ref().map(|arm| body.frame_of(arm.frame).joint);
        while let Some(joint) = above {
            places.extend(body.position_index(joint).filter(|_| self.target.led().contains(&joint)));
            above = body.parent(joint);
        }
        places
    }

    /// How badly a grasp is reached (1: just well enough) and the postures for it.
    fn attempt(
        &self,
        index: usize,
        trial: &HandFit,
        survey: &Survey,
        keys: &[PathSample],
    ) -> Result<(f64, Vec<Vec<f64>>), IkError> {
        let fit = {
            let mut hands = [None, None];
            hands[index] = Some(trial.clone());
            Fit { hands, from_home: false }
        };
        let home = self.target.home();
        let mut tracker = Tracker::new(self.target, home, home)?;
        let mut postures = Vec::with_capacity(keys.len());
        let mut worst: f64 = 0.0;
        let speeds = Speeds::new(self.target, self.options.acceleration);
        let mut taken = home.to_vec();
        for (at, key) in keys.iter().enumerate() {
            let goes_back = at > 0 && keys[at - 1].time_s >= keys[0].time_s && key.time_s < keys[0].time_s;
            if goes_back {
                tracker.positions_mut().copy_from_slice(&taken);
            }
            let asked = fit.apply(key, survey);
            let goal = asked.hands.map(|hand| hand.map(|hand| hand.grasp));
            let seeds = if at == 0 { &SEEDS[..] } else { &[] };
            let left = tracker.seek(self.target, &goal, seeds);
            let Some(left) = left[index] else { continue };
            worst = worst.max(left.position_m / CHOSEN.0).max(left.orientation_rad / CHOSEN.1);
            if let Some(before) = at.checked_sub(1).map(|before| &keys[before]) {
                let from = if goes_back { &taken } else { postures.last().unwrap_or(&taken) };
                let dt = (key.time_s - if goes_back { keys[0].time_s } else { before.time_s }).abs();
                worst = worst.max(speeds.needed(from, tracker.positions(), dt) / SLOWEST);
            }
            if at == 0 && worst > 20.0 {
                break;
            }
            let mut posture = tracker.positions().to_vec();
            if at == 0 {
                taken.clone_from(&posture);
            }
            if let (Some(arm), Some(hand)) = (&self.target.arms()[index], &asked.hands[index]) {
                arm.close(hand.closure, hand.fingers.as_ref(), &mut posture);
                self.target.body().apply_mimics(&mut posture);
            }
            postures.push(posture);
        }
        Ok((worst, postures))
    }
}

/// Samples to try a grasp at, the first one where it takes hold, then those before and after in turn.
fn keys(survey: &Survey, index: usize) -> Vec<PathSample> {
    let Some(first) = survey.hands[index].grasps.first() else { return Vec::new() };
    let end_s = if first.to_s.is_finite() { first.to_s } else { survey.duration_s };
    let near: Vec<&PathSample> = survey
        .keys
        .iter()
        .filter(|key| (first.from_s - AROUND_S..=end_s + AROUND_S).contains(&key.time_s))
        .collect();
    let taken = near.partition_point(|key| key.time_s < first.from_s);
    let step = (near.len() / TRIED).max(1);
    let mut keys: Vec<PathSample> = near.iter().skip(taken).step_by(step).map(|key| **key).collect();
    keys.extend(near.iter().take(taken).rev().step_by(step).map(|key| **key));
    keys
}

/// Puts into words how a grasp differs from the source's.
fn describe(side: Side, fit: &HandFit, objection: &str, adapted: &mut Vec<String>) {
    let name = side.name();
    if fit.turn.angle_rad() > 1e-3 {
        adapted.push(format!("the {name} hand takes hold turned by {:.0}°", fit.turn.angle_rad().to_degrees()));
    }
    if !fit.turn.follows {
        adapted.push(format!("what the {name} hand carries is not turned about the vertical"));
    }
    let [source, target] = fit.held_in_grasp;
    if (source - target).norm() > 1e-4 {
        adapted.push(format!(
            "the {name} hand holds the middle of the thing {:.0} mm elsewhere than the source's",
            (source - target).norm() * 1e3
        ));
    }
    if fit.clearance_m > 0.0 {
        adapted.push(format!(
            "the {name} hand stays {:.0} mm back while it is beside the way in",
            fit.clearance_m * 1e3
        ));
    }
    if !objection.is_empty() {
        adapted.push(format!("no grasp of the {name} hand suits everywhere: {objection}"));
    }
}
