//! Trying ways to take hold, carry and put down, from cheap looks to dear ones, until one suits everywhere.

use super::arms::side_index;
use super::candidate::{Candidate, Candidates};
use super::engine::Crossing;
use super::fit::{self, Fit, HandFit, Turn};
use super::plan::{Accept, Objection, Phase, Posture, SEEDS};
use super::survey::{Key, Survey};
use super::track::{Speeds, Tracker};
use crate::ik::IkError;
use etude_model::card::Side;
use nalgebra::{UnitQuaternion, Vector3};

/// Samples for a first look at a way in, and at a way.
const WAY_IN: usize = 16;
const FIRST_LOOK: usize = 8;
/// Most ways that are looked at, and most that are tried along the whole path.
const LOOKS_MAX: usize = 500;
const TRIALS_MAX: usize = 60;
/// Ways that are tried along the whole path where none suits everywhere: the ones that lack least.
const LEFT_OVER: usize = 24;
/// Joints change by no more than this between two postures that are looked at, rad or m, up to so many in between.
const BETWEEN: f64 = 0.1;
const BETWEEN_MAX: f64 = 8.0;
/// A way is chosen where it is reached this well everywhere it was tried: m, rad.
const CHOSEN: (f64, f64) = (0.004, 0.035);
/// And where the arm need not be slowed by more than this.
const SLOWEST: f64 = 4.0;
/// What a way lacks: 1 for every so much m too near, more for reaching into something, most for not reaching it at all.
const DEEP_M: f64 = 0.01;
const INTO: f64 = 2.0;
const OUT_OF_REACH: f64 = 10.0;

/// A way that was tried.
#[derive(Debug, Clone)]
pub(super) struct Tried {
    pub(super) fit: HandFit,
    /// How badly it is reached; 1: just well enough.
    cost: f64,
    postures: Vec<Posture>,
    /// Where the arm is when it takes hold and at the earliest sample, whole body.
    pub(super) ends: [Vec<f64>; 2],
    /// Why it will not do; `None`: it will.
    pub(super) objection: Option<Objection>,
}

impl Tried {
    /// How much it lacks. What reaches everywhere lacks less than what does not.
    fn lacks(&self) -> f64 {
        let against = self.objection.as_ref().map_or(0.0, |objection| {
            objection.depth_m / DEEP_M + if objection.only_near { 0.0 } else { INTO }
        });
        if self.cost <= 1.0 { 0.1 * self.cost + against } else { OUT_OF_REACH + self.cost }
    }
}

/// Whether a grasp reaches the thing.
#[derive(Debug, Clone)]
enum Reached {
    NotLookedAt,
    No,
    /// In this posture of the whole body.
    With(Vec<f64>),
}

/// Ways for one hand, being tried.
pub(super) struct Trials<'a> {
    crossing: &'a Crossing<'a>,
    survey: &'a Survey,
    index: usize,
    candidates: Candidates,
    /// The source's grasp where it takes hold.
    taken: UnitQuaternion<f64>,
    /// Samples to try at: all, a first look, and the way in.
    keys: Vec<Key>,
    first_look: Vec<Key>,
    way_in: Vec<Key>,
    /// Per grasp, whether it reaches the thing.
    reached: Vec<Reached>,
    /// Per grasp and place in the hand, whether it suits on the way in.
    suits: Vec<Option<bool>>,
}

impl<'a> Trials<'a> {
    pub(super) fn new(crossing: &'a Crossing<'a>, side: Side, survey: &'a Survey) -> Self {
        let index = side_index(side);
        let grasp = survey.hands[index].grasps().first();
        let taken = grasp.map_or_else(UnitQuaternion::identity, |grasp| grasp.taken.rotation);
        let symmetric = crossing.target.arms()[index].as_ref().is_some_and(|arm| arm.symmetric);
        let candidates = Candidates::new(&taken, side, &crossing.options.known[index], symmetric);
        let keys = keys(survey, index);
        let (way_in, first_look) = (way_in(&keys), first_look(&keys, survey, index));
        let reached = vec![Reached::NotLookedAt; candidates.grasps.len()];
        let suits = vec![None; candidates.grasps.len() * candidates.lies.len()];
        Self { crossing, survey, index, candidates, taken, keys, first_look, way_in, reached, suits }
    }

    /// Of the ways that reach, the likeliest that `accept` takes; where it takes none, the one that lacks least.
    pub(super) fn choose(&mut self, accept: &mut Accept<'_>) -> Result<Option<Tried>, IkError> {
        let (mut looks, mut trials) = (0, 0);
        let mut left_over: Vec<(f64, HandFit)> = Vec::new();
        let order = std::mem::take(&mut self.candidates.order);
        for (at, candidate) in order.iter().enumerate() {
            if looks >= LOOKS_MAX || trials >= TRIALS_MAX {
                break;
            }
            let fit = self.fit(candidate);
            if at > 0 && !self.suits(candidate, &fit, accept)? {
                continue;
            }
            looks += 1;
            let mut tried = self.attempt(candidate.grasp, &fit, &self.first_look, accept)?;
            if tried.objection.is_none() {
                trials += 1;
                tried = self.attempt(candidate.grasp, &fit, &self.keys, accept)?;
                if tried.objection.is_none() {
                    return Ok(Some(tried));
                }
            }
            left_over.push((tried.lacks(), fit));
        }
        left_over.sort_by(|one, other| one.0.total_cmp(&other.0));
        let mut best: Option<Tried> = None;
        for (_, fit) in left_over.iter().take(LEFT_OVER) {
            let tried = self.attempt(0, fit, &self.keys, accept)?;
            if best.as_ref().is_none_or(|best| tried.lacks() < best.lacks()) {
                best = Some(tried);
            }
        }
        if let Some(best) = &mut best {
            best.objection = best.objection.take().filter(|objection| !objection.only_near);
        }
        Ok(best)
    }

    fn fit(&self, candidate: &Candidate) -> HandFit {
        let Candidate { grasp, lie, follows, swing_rad, raise_m, own_way, .. } = *candidate;
        let turn = self.candidates.grasps[grasp];
        let known = &self.crossing.options.known[self.index];
        let extent_m =
            self.crossing.target.arms()[self.index].as_ref().map_or(0.0, |arm| arm.finger_extent_m);
        let rotation = self.taken * turn;
        let clearance_m =
            known.object.as_ref().map_or(0.0, |object| fit::clearance(object, &rotation, extent_m));
        let [out_m, down_m] = self.candidates.lies[lie];
        let [in_source, in_target] = known.held_in_grasp;
        let elsewhere = Vector3::x() * out_m - rotation.inverse() * Vector3::z() * down_m;
        HandFit {
            turn: Turn { turn, follows, swing_rad },
            held_in_grasp: [in_source, in_target + elsewhere],
            clearance_m,
            raise_m,
            own_way,
        }
    }

    /// Whether a way reaches the thing, and does so without reaching into anything on the way in.
    fn suits(
        &mut self,
        candidate: &Candidate,
        fit: &HandFit,
        accept: &mut Accept<'_>,
    ) -> Result<bool, IkError> {
        if matches!(self.reached[candidate.grasp], Reached::NotLookedAt) {
            let tried = self.attempt(0, fit, self.keys.get(..1).unwrap_or_default(), &mut |_| None)?;
            let [taken, _] = tried.ends;
            self.reached[candidate.grasp] =
                if tried.cost <= 1.0 { Reached::With(taken) } else { Reached::No };
        }
        if matches!(self.reached[candidate.grasp], Reached::No) {
            return Ok(false);
        }
        let place = candidate.grasp * self.candidates.lies.len() + candidate.lie;
        if let Some(suits) = self.suits[place] {
            return Ok(suits);
        }
        let objection = self.attempt(candidate.grasp, fit, &self.way_in, accept)?.objection;
        let suits = objection.is_none_or(|objection| objection.only_near);
        self.suits[place] = Some(suits);
        Ok(suits)
    }

    /// A way at some samples. `grasp`: whose posture to begin with, where that is known.
    fn attempt(
        &self,
        grasp: usize,
        fit: &HandFit,
        keys: &[Key],
        accept: &mut Accept<'_>,
    ) -> Result<Tried, IkError> {
        let (target, index) = (self.crossing.target, self.index);
        let home = target.home();
        let start = match self.reached.get(grasp) {
            Some(Reached::With(posture)) => posture,
            _ => home,
        };
        let mut tracker = Tracker::new(target, start, home)?;
        let mut walk = Walk {
            speeds: Speeds::new(target, self.crossing.options.acceleration),
            taken: home.to_vec(),
            before: None,
            tried: Tried {
                fit: fit.clone(),
                cost: 0.0,
                postures: Vec::with_capacity(keys.len()),
                ends: [home.to_vec(), home.to_vec()],
                objection: None,
            },
        };
        let mut hands = [None, None];
        hands[index] = Some(fit.clone());
        let whole = Fit { hands, from_home: self.crossing.options.from_home };
        let first_s = keys.first().map_or(0.0, |key| key.sample.time_s);
        let last_s = self.survey.hands[index].grasps().first().map_or(f64::INFINITY, |grasp| grasp.to_s);
        for (at, key) in keys.iter().enumerate() {
            let time_s = key.sample.time_s;
            if at > 0 && time_s < first_s && keys[at - 1].sample.time_s >= first_s {
                tracker.positions_mut().copy_from_slice(&walk.taken);
                walk.before = Some((first_s, walk.taken.clone()));
            }
            let asked = whole.apply(&key.sample, self.survey, key.travelled_m);
            let lead = whole.lead(index, key.travelled_m[index], self.survey);
            if lead >= fit.taken_up() {
                let goal = asked.hands.map(|hand| hand.map(|hand| hand.grasp));
                let left = tracker.seek(target, &goal, if at == 0 { &SEEDS } else { &[] });
                let Some(left) = left[index] else { continue };
                let off = (left.position_m / CHOSEN.0).max(left.orientation_rad / CHOSEN.1);
                walk.go(tracker.positions(), time_s, lead, off);
                if walk.tried.cost > 1.0 {
                    break;
                }
            }
            // Nearer to home the arm goes from the posture that it had last.
            let mut positions: Vec<f64> =
                home.iter().zip(tracker.positions()).map(|(from, to)| from + (to - from) * lead).collect();
            if let (Some(arm), Some(hand)) = (&target.arms()[index], &asked.hands[index]) {
                arm.close(hand.closure, hand.fingers.as_ref(), &mut positions);
                target.body().apply_mimics(&mut positions);
            }
            walk.look_at(Posture { positions, phase: Phase::at(time_s, first_s, last_s) });
        }
        let mut tried = walk.tried;
        tried.objection = if tried.cost > 1.0 {
            Some(Objection { depth_m: 0.0, only_near: false, words: "out of reach".to_owned() })
        } else {
            accept(&tried.postures)
        };
        Ok(tried)
    }
}

/// A way along its samples.
struct Walk {
    speeds: Speeds,
    taken: Vec<f64>,
    before: Option<(f64, Vec<f64>)>,
    tried: Tried,
}

impl Walk {
    /// Adds a posture, and some between the last one and it where they are far apart.
    fn look_at(&mut self, posture: Posture) {
        let postures = &mut self.tried.postures;
        let last = postures.last().filter(|last| last.phase == posture.phase).cloned();
        if let Some(last) = last {
            let way = last.positions.iter().zip(&posture.positions);
            let furthest = way.clone().map(|(from, to)| (to - from).abs()).fold(0.0, f64::max);
            let steps = (furthest / BETWEEN).ceil().min(BETWEEN_MAX);
            for step in 1..steps as u32 {
                let share = f64::from(step) / steps;
                let positions = way.clone().map(|(from, to)| from + (to - from) * share).collect();
                postures.push(Posture { positions, phase: posture.phase });
            }
        }
        postures.push(posture);
    }

    /// Goes on to a posture that is `off` by as many times what is allowed.
    fn go(&mut self, positions: &[f64], time_s: f64, lead: f64, off: f64) {
        let tried = &mut self.tried;
        if lead >= 1.0 {
            tried.cost = tried.cost.max(off);
        }
        if let Some((before_s, before)) = &self.before {
            let needed = self.speeds.needed(before, positions, (time_s - before_s).abs());
            tried.cost = tried.cost.max(lead * needed / SLOWEST);
        } else {
            self.taken.copy_from_slice(positions);
            tried.ends[0].copy_from_slice(positions);
        }
        self.before = Some((time_s, positions.to_vec()));
        tried.ends[1].copy_from_slice(positions);
    }
}

/// Samples to try a way at, the first one where it takes hold, then those after and those before in turn.
fn keys(survey: &Survey, index: usize) -> Vec<Key> {
    let Some(first) = survey.hands[index].grasps().first() else { return Vec::new() };
    // Only as far as this grasp goes: the next one is another matter.
    let next_s = survey.hands[index].grasps().get(1).map_or(f64::INFINITY, |next| next.from_s);
    let near: Vec<&Key> = survey.keys.iter().filter(|key| key.sample.time_s < next_s).collect();
    let taken = near.partition_point(|key| key.sample.time_s < first.from_s);
    near.iter().skip(taken).chain(near.iter().take(taken).rev()).map(|key| **key).collect()
}

/// The first of the samples, and some of those before it in time.
fn way_in(keys: &[Key]) -> Vec<Key> {
    let Some((first, others)) = keys.split_first() else { return Vec::new() };
    let before: Vec<&Key> = others.iter().filter(|key| key.sample.time_s < first.sample.time_s).collect();
    let step = before.len().div_ceil(WAY_IN).max(1);
    std::iter::once(first).chain(before.into_iter().step_by(step)).copied().collect()
}

/// The first of the samples, some on the way from there, and the one where the hand lets go.
fn first_look(keys: &[Key], survey: &Survey, index: usize) -> Vec<Key> {
    let Some((first, others)) = keys.split_first() else { return Vec::new() };
    let let_go_s = survey.hands[index].grasps().first().map_or(f64::INFINITY, |grasp| grasp.to_s);
    let after: Vec<&Key> = others.iter().filter(|key| key.sample.time_s > first.sample.time_s).collect();
    let last = after.partition_point(|key| key.sample.time_s <= let_go_s);
    let step = after.len().div_ceil(FIRST_LOOK).max(1);
    let some = after.iter().enumerate().filter(|(at, _)| (at + 1) % step == 0 || at + 1 == last);
    std::iter::once(first).chain(some.map(|(_, key)| *key)).copied().collect()
}
