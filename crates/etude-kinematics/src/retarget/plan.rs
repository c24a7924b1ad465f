//! Choosing how a path is to be fitted: of the grasps that a body could take, the one most like the source's that reaches.

use super::arms::side_index;
use super::engine::{Crossing, CrossingError};
use super::fit::{self, Fit, HandFit, ObjectHint, Turn};
use super::path::PathSample;
use super::survey::{Key, Survey};
use super::track::{Speeds, Tracker};
use crate::ik::IkError;
use etude_model::card::Side;
use nalgebra::{UnitQuaternion, Vector3};

/// Samples at which a grasp is tried before it is chosen.
const TRIED: usize = 48;
/// A hand's path is taken up where it counts for so much against the home.
pub(super) const TAKEN_UP: f64 = 0.2;
/// Most grasps that are tried along the whole path.
const TRIALS_MAX: usize = 400;
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
    /// Where each hand's path is taken up: before it has gone so far its goal is the path's there.
    pub entries: [Option<Key>; 2],
    /// Places among the body's positions of the joints that lead each hand: left, right.
    pub places: [Vec<usize>; 2],
    /// What was changed for this body, in words.
    pub adapted: Vec<String>,
}

/// A posture that a body is to take.
#[derive(Debug, Clone, PartialEq)]
pub struct Posture {
    /// Positions of the whole body.
    pub positions: Vec<f64>,
    /// Whether nothing has been taken hold of yet, so that things lie where they lay.
    pub before_grasp: bool,
}

/// Looks at postures that are to be taken: whether the robot reaches into the scene or itself there; if so, says where.
pub type Accept<'f> = dyn FnMut(&[Posture]) -> Result<(), String> + 'f;

impl Plan {
    /// The sample, or where the path is taken up as long as a hand has not gone so far.
    pub(super) fn entered(&self, sample: &PathSample, travelled_m: &[f64; 2]) -> PathSample {
        let mut hands = sample.hands;
        for index in 0..2 {
            let (Some(hand), Some(entry)) = (&mut hands[index], &self.entries[index]) else { continue };
            if let Some(there) =
                entry.sample.hands[index].filter(|_| travelled_m[index] < entry.travelled_m[index])
            {
                hand.grasp = there.grasp;
            }
        }
        PathSample { hands, ..*sample }
    }
}

/// A grasp that was tried.
struct Tried {
    /// How badly it is reached; 1: just well enough.
    cost: f64,
    fit: HandFit,
    postures: Vec<Posture>,
    /// Where the arm is when it takes hold and at the earliest sample, whole body.
    ends: [Vec<f64>; 2],
    /// Why it will not do; `None`: it will.
    objection: Option<String>,
}

impl Crossing<'_> {
    /// How the path is to be fitted. Of the grasps that reach, the one most like the source's that `accept` takes is
    /// chosen; where none does, the one that reaches most, and the report will say what it lacks.
    pub fn plan(&self, survey: &Survey, accept: &mut Accept<'_>) -> Result<Plan, CrossingError> {
        let robot = || self.target.title().to_owned();
        let refuse = |source| CrossingError::Ik { robot: robot(), source };
        let home = self.target.home().to_vec();
        let mut plan = Plan {
            fit: Fit { hands: [None, None], from_home: self.options.from_home },
            entries: [None, None],
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
        self.enter(survey, &mut plan).map_err(refuse)?;
        Ok(plan)
    }

    /// Finds the posture that the path is taken up with.
    fn enter(&self, survey: &Survey, plan: &mut Plan) -> Result<(), IkError> {
        let from = plan.entry.clone();
        let mut tracker = Tracker::new(self.target, &from, &plan.posture)?;
        if plan.fit.from_home {
            for index in 0..2 {
                let taken_up = |key: &&Key| plan.fit.lead(index, key.travelled_m[index], survey) >= TAKEN_UP;
                plan.entries[index] = survey.keys.iter().find(taken_up).copied();
            }
        }
        if let Some(first) = survey.keys.first() {
            let path = plan.entered(&first.sample, &[0.0; 2]);
            let asked = plan.fit.apply(&path, survey, [0.0; 2]);
            let goal = asked.hands.map(|hand| hand.map(|hand| hand.grasp));
            let seeds = if plan.fit.from_home { &[] } else { &SEEDS[..] };
            tracker.seek(self.target, &goal, seeds);
        }
        plan.entry = tracker.positions().to_vec();
        if !plan.fit.from_home {
            plan.start.clone_from(&plan.entry);
            plan.posture.clone_from(&plan.entry);
        }
        Ok(())
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
        if survey.hands[index].grasps.is_empty() {
            plan.fit.hands[index] = Some(HandFit::plain());
            return Ok(());
        }
        let keys = keys(survey, index);
        let mut best: Option<Tried> = None;
        let mut trials = self.trials(side, survey);
        for count in 0..TRIALS_MAX {
            let Some(trial) = trials.next(self, survey, &keys, accept)? else { break };
            let within = best.as_ref().map_or(f64::INFINITY, |best| best.cost.max(1.0));
            let mut tried = self.attempt(index, trial, survey, &keys, within)?;
            tried.objection = if tried.cost <= 1.0 {
                // It reaches, so it is better than what does not.
                tried.cost *= 0.5;
                accept(&tried.postures).err()
            } else {
                Some("out of reach".to_owned())
            };
            let done = tried.objection.is_none();
            if count == 0 || done || best.as_ref().is_none_or(|best| tried.cost < best.cost) {
                best = Some(tried);
            }
            if done {
                break;
            }
        }
        let Some(chosen) = best else { return Ok(()) };
        describe(side, &chosen.fit, chosen.objection.as_deref().unwrap_or_default(), &mut plan.adapted);
        for (from, into) in chosen.ends.iter().zip([&mut plan.posture, &mut plan.entry]) {
            for &place in &plan.places[index] {
                into[place] = from[place];
            }
        }
        plan.fit.hands[index] = Some(chosen.fit);
        Ok(())
    }

    /// The grasps worth a try.
    fn trials(&self, side: Side, survey: &Survey) -> Trials<'_> {
        let index = side_index(side);
        let object = self.options.objects[index].as_ref();
        let grasp = survey.hands[index].grasps.first();
        let symmetric = self.target.arms()[index].as_ref().is_some_and(|arm| arm.symmetric);
        let turns = grasp.map(|grasp| fit::turns(&grasp.taken, side, object, symmetric)).unwrap_or_default();
        let mut order = Vec::with_capacity(turns.len());
        for (place, (unlike, _)) in turns.iter().enumerate() {
            for (more, follows, swing_rad) in fit::carries(object) {
                order.push((unlike + more, place, follows, swing_rad));
            }
        }
        order.sort_by(|one, other| one.0.total_cmp(&other.0));
        Trials {
            index,
            taken: grasp.map_or_else(UnitQuaternion::identity, |grasp| grasp.taken.rotation),
            object,
            held_in_grasp: self.options.held_in_grasp[index],
            finger_extent_m: self.target.arms()[index].as_ref().map_or(0.0, |arm| arm.finger_extent_m),
            suits: vec![None; turns.len()],
            turns: turns.into_iter().map(|(_, turn)| turn).collect(),
            order: order
                .into_iter()
                .map(|(_, place, follows, swing_rad)| (place, follows, swing_rad))
                .collect(),
            next: 0,
        }
    }

    /// How badly a grasp is reached (1: just well enough) and the postures for it; given up once it is worse than
    /// `within`.
    fn attempt(
        &self,
        index: usize,
        trial: HandFit,
        survey: &Survey,
        keys: &[Key],
        within: f64,
    ) -> Result<Tried, IkError> {
        let mut hands = [None, None];
        hands[index] = Some(trial.clone());
        let fit = Fit { hands, from_home: self.options.from_home };
        let home = self.target.home();
        let mut tracker = Tracker::new(self.target, home, home)?;
        let speeds = Speeds::new(self.target, self.options.acceleration);
        let mut tried = Tried {
            cost: 0.0,
            fit: trial,
            postures: Vec::with_capacity(keys.len()),
            ends: [home.to_vec(), home.to_vec()],
            objection: None,
        };
        let mut taken = home.to_vec();
        let mut before: Option<(f64, Vec<f64>)> = None;
        let first_s = keys.first().map_or(0.0, |key| key.sample.time_s);
        for (at, key) in keys.iter().enumerate() {
            let time_s = key.sample.time_s;
            if at > 0 && time_s < first_s && keys[at - 1].sample.time_s >= first_s {
                tracker.positions_mut().copy_from_slice(&taken);
                before = Some((first_s, taken.clone()));
            }
            let asked = fit.apply(&key.sample, survey, key.travelled_m);
            let goal = asked.hands.map(|hand| hand.map(|hand| hand.grasp));
            let left = tracker.seek(self.target, &goal, if at == 0 { &SEEDS } else { &[] });
            let lead = fit.lead(index, key.travelled_m[index], survey);
            let Some(left) = left[index].filter(|_| lead >= TAKEN_UP) else { continue };
            if lead >= 1.0 {
                tried.cost = tried.cost.max(left.position_m / CHOSEN.0).max(left.orientation_rad / CHOSEN.1);
            }
            if let Some((before_s, before)) = &before {
                let needed = speeds.needed(before, tracker.positions(), (time_s - before_s).abs());
                tried.cost = tried.cost.max(lead * needed / SLOWEST);
            }
            if tried.cost > within {
                break;
            }
            before = Some((time_s, tracker.positions().to_vec()));
            if at == 0 {
                taken.copy_from_slice(tracker.positions());
                tried.ends[0].clone_from(&taken);
            }
            tried.ends[1].copy_from_slice(tracker.positions());
            let mut positions: Vec<f64> =
                home.iter().zip(tracker.positions()).map(|(from, to)| from + (to - from) * lead).collect();
            if let (Some(arm), Some(hand)) = (&self.target.arms()[index], &asked.hands[index]) {
                arm.close(hand.closure, hand.fingers.as_ref(), &mut positions);
                self.target.body().apply_mimics(&mut positions);
            }
            tried.postures.push(Posture { positions, before_grasp: time_s < first_s });
        }
        Ok(tried)
    }

    /// The places, among the body's positions, of the joints that lead one hand.
    fn chain(&self, side: Side) -> Vec<usize> {
        let body = self.target.body();
        let mut places = Vec::new();
        let mut above =
            self.target.arms()[side_index(side)].as_ref().map(|arm| body.frame_of(arm.frame).joint);
        while let Some(joint) = above {
            places.extend(body.position_index(joint).filter(|_| self.target.led().contains(&joint)));
            above = body.parent(joint);
        }
        places
    }
}

/// Grasps worth a try, the most like the source's first. Of those that do not even suit where the thing is taken, only the
/// source's own is given.
struct Trials<'a> {
    index: usize,
    taken: UnitQuaternion<f64>,
    object: Option<&'a ObjectHint>,
    held_in_grasp: [Vector3<f64>; 2],
    finger_extent_m: f64,
    turns: Vec<UnitQuaternion<f64>>,
    /// Per turn, whether it suits where the thing is taken, once that is known.
    suits: Vec<Option<bool>>,
    /// Turn, whether what is held follows, swing.
    order: Vec<(usize, bool, f64)>,
    next: usize,
}

impl Trials<'_> {
    fn next(
        &mut self,
        crossing: &Crossing<'_>,
        survey: &Survey,
        keys: &[Key],
        accept: &mut Accept<'_>,
    ) -> Result<Option<HandFit>, IkError> {
        while let Some(&(place, follows, swing_rad)) = self.order.get(self.next) {
            let first = self.next == 0;
            self.next += 1;
            let fit = self.fit(Turn { turn: self.turns[place], follows, swing_rad });
            let suits = match self.suits[place] {
                Some(suits) => suits,
                None => self.suits(crossing, &fit, survey, keys, accept)?,
            };
            self.suits[place] = Some(suits);
            if suits || first {
                return Ok(Some(fit));
            }
        }
        Ok(None)
    }

    /// Whether a grasp reaches the thing, and does so without reaching into anything on the way in.
    fn suits(
        &self,
        crossing: &Crossing<'_>,
        fit: &HandFit,
        survey: &Survey,
        keys: &[Key],
        accept: &mut Accept<'_>,
    ) -> Result<bool, IkError> {
        let Some((first, others)) = keys.split_first() else { return Ok(true) };
        let at = self.index;
        if crossing.attempt(at, fit.clone(), survey, std::slice::from_ref(first), f64::INFINITY)?.cost > 1.0 {
            return Ok(false);
        }
        let before = others.iter().filter(|key| key.sample.time_s < first.sample.time_s);
        let way_in: Vec<Key> = std::iter::once(first).chain(before).copied().collect();
        let tried = crossing.attempt(at, fit.clone(), survey, &way_in, 1.0)?;
        Ok(tried.cost <= 1.0 && accept(&tried.postures).is_ok())
    }

    fn fit(&self, turn: Turn) -> HandFit {
        let rotation = self.taken * turn.turn;
        let clearance_m =
            self.object.map_or(0.0, |object| fit::clearance(object, &rotation, self.finger_extent_m));
        HandFit { turn, clearance_m, held_in_grasp: self.held_in_grasp }
    }
}

/// Samples to try a grasp at, the first one where it takes hold, then those after and those before in turn.
fn keys(survey: &Survey, index: usize) -> Vec<Key> {
    let Some(first) = survey.hands[index].grasps.first() else { return Vec::new() };
    // Only as far as this grasp goes: the next one is another matter.
    let next_s = survey.hands[index].grasps.get(1).map_or(f64::INFINITY, |next| next.from_s);
    let near: Vec<&Key> = survey.keys.iter().filter(|key| key.sample.time_s < next_s).collect();
    let taken = near.partition_point(|key| key.sample.time_s < first.from_s);
    let step = (near.len() / TRIED).max(1);
    let mut keys: Vec<Key> = near.iter().skip(taken).step_by(step).map(|key| **key).collect();
    keys.extend(near.iter().take(taken).rev().step_by(step).map(|key| **key));
    keys
}

/// Puts into words how a grasp differs from the source's.
fn describe(side: Side, fit: &HandFit, objection: &str, adapted: &mut Vec<String>) {
    let name = side.name();
    if fit.turn.angle_rad() > 1e-3 {
        adapted
            .push(format!("the {name} hand takes hold turned by {:.0}°", fit.turn.angle_rad().to_degrees()));
    }
    if !fit.turn.follows {
        adapted.push(format!("what the {name} hand carries is not turned about the vertical"));
    }
    if fit.turn.swing_rad != 0.0 {
        adapted.push(format!(
            "what the {name} hand carries is turned by {:.0}° more about the vertical on its way",
            fit.turn.swing_rad.to_degrees()
        ));
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
