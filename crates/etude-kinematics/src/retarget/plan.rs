//! Choosing how a path is to be fitted: of the ways that a body could do it, the likeliest that suits.

use super::arms::side_index;
use super::closing::{Closing, Stretch, Touch};
use super::engine::{Crossing, CrossingError};
use super::fit::{Fit, HandFit, TAKEN_UP};
use super::path::PathSample;
use super::survey::{Key, Survey};
use super::track::Tracker;
use super::trial::Trials;
use crate::ik::IkError;
use etude_model::card::Side;

/// Random starts where a place is not reached from the posture before.
pub(super) const SEEDS: [u64; 6] = [1, 2, 3, 4, 5, 6];

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
    /// Posture in which each hand first takes hold, whole body; absent where it takes nothing.
    pub taken: [Option<Vec<f64>>; 2],
    /// How each hand's closing is stretched so that it touches; absent: it closes as the source's does.
    pub closing: [Option<Closing>; 2],
    /// Places among the body's positions of the joints that a person's fingers lead. They lag where they are too slow, rather
    /// than slow down the arms.
    pub lagging: Vec<usize>,
    /// What was changed for this body, in words.
    pub adapted: Vec<String>,
}

/// How far a hand has come with what it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It lies where it lay.
    Before,
    /// It is held, or is held again and again.
    Holding,
    /// It has been let go of for good.
    After,
}

impl Phase {
    /// The phase at a time, where something is first taken hold of at `first_s` and last let go of at `last_s`.
    pub fn at(time_s: f64, first_s: f64, last_s: f64) -> Self {
        if time_s < first_s {
            Self::Before
        } else if time_s <= last_s {
            Self::Holding
        } else {
            Self::After
        }
    }
}

/// A posture that a body is to take.
#[derive(Debug, Clone, PartialEq)]
pub struct Posture {
    /// Positions of the whole body.
    pub positions: Vec<f64>,
    /// Where things are by then.
    pub phase: Phase,
}

/// What is said against postures: the robot would reach into the scene or itself, or come too near.
#[derive(Debug, Clone, PartialEq)]
pub struct Objection {
    /// How far beyond what is wanted, at the worst, m.
    pub depth_m: f64,
    /// Whether it would come too near and no more: such postures are taken where there are none better.
    pub only_near: bool,
    /// Where, in words.
    pub words: String,
}

impl Objection {
    /// By how bad it is: to reach into something is worse than to come too near, and deeper is worse.
    pub fn compare(&self, other: &Self) -> std::cmp::Ordering {
        other.only_near.cmp(&self.only_near).then(self.depth_m.total_cmp(&other.depth_m))
    }
}

/// Looks at postures that are to be taken.
pub type Accept<'f> = dyn FnMut(&[Posture]) -> Option<Objection> + 'f;

impl Plan {
    /// Stretches a hand's closing by where it touches what it takes, in the posture of [`Plan::taken`]; `None`: it touches
    /// nothing however far it closes. For a hand that takes hold of something.
    pub fn touched(&mut self, side: Side, survey: &Survey, touch: Option<&Touch>) {
        let index = side_index(side);
        let Some(grasp) = survey.hands[index].grasps().first() else { return };
        let name = side.name();
        let Some(touch) = touch else {
            self.adapted
                .push(format!("the {name} hand touches nothing where it takes hold, however far it closes"));
            return;
        };
        let closing = Closing::new(grasp, touch);
        if closing.stretches() {
            let Stretch { from, to } = closing.widest();
            self.adapted.push(format!(
                "the {name} hand closes to {:.0} % where the source's closes to {:.0} %, until it touches and presses",
                to * 100.0,
                from * 100.0
            ));
        }
        self.closing[index] = Some(closing);
    }

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

impl Crossing<'_> {
    /// How the path is to be fitted. Of the ways that reach, the likeliest that nothing is said against is chosen; where
    /// there is none, the one that lacks least, and the report will say what.
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
            taken: [None, None],
            closing: [None, None],
            lagging: Vec::new(),
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
                let least = plan.fit.hands[index].as_ref().map_or(TAKEN_UP, HandFit::taken_up);
                let taken_up = |key: &&Key| plan.fit.lead(index, key.travelled_m[index], survey) >= least;
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
        if survey.hands[index].grasps().is_empty() {
            plan.fit.hands[index] = Some(HandFit::plain());
            return Ok(());
        }
        let Some(chosen) = Trials::new(self, side, survey).choose(accept)? else { return Ok(()) };
        let objection = chosen.objection.as_ref().map(|objection| objection.words.as_str());
        describe(side, &chosen.fit, objection.unwrap_or_default(), &mut plan.adapted);
        for (from, into) in chosen.ends.iter().zip([&mut plan.posture, &mut plan.entry]) {
            for &place in &plan.places[index] {
                into[place] = from[place];
            }
        }
        let [taken, _] = chosen.ends;
        plan.taken[index] = Some(taken);
        plan.fit.hands[index] = Some(chosen.fit);
        Ok(())
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
    if fit.own_way {
        adapted.push(format!("the {name} hand goes its own way from its home and back"));
    }
    if fit.raise_m > 0.0 {
        adapted.push(format!(
            "what the {name} hand carries is carried and let go of {:.0} mm higher",
            fit.raise_m * 1e3
        ));
    }
    if !objection.is_empty() {
        adapted.push(format!("no grasp of the {name} hand suits everywhere: {objection}"));
    }
}
