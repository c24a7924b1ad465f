//! The whole way of a take from one body to another: survey, plan, run, as streams over the path.

use super::arms::{Arms, side_index};
use super::candidate::Known;
use super::fit::{HandFit, Progress};
use super::pace::{Curve, Knot, Pace};
use super::path::{Mapping, PathSample, Smoothing};
use super::plan::Plan;
use super::report::{HandReport, Measures, Report, Verdict};
use super::rules::Rules;
use super::survey::Survey;
use super::track::{Speeds, Tracker};
use crate::ik::IkError;
use etude_model::card::Side;

/// How a take is moved.
#[derive(Debug, Clone)]
pub struct Options {
    /// The path is smoothed over this time to either side, s.
    pub smoothing_half_s: f64,
    /// Commands per second.
    pub rate_hz: f64,
    /// Whether the path begins and ends at the body's home; else it begins where the source's path does.
    pub from_home: bool,
    /// Highest change of a joint's speed, rad/s² or m/s².
    pub acceleration: f64,
    /// What is known of each hand's task: left, right.
    pub known: [Known; 2],
    /// What is demanded.
    pub rules: Rules,
}

/// A take's way to a body.
#[derive(Debug)]
pub struct Crossing<'a> {
    /// The body it goes to.
    pub target: &'a Arms,
    /// From the frame of the source's path to the target's base frame.
    pub mapping: Mapping,
    /// How.
    pub options: Options,
}

/// A take that cannot be moved at all.
#[derive(Debug, thiserror::Error)]
pub enum CrossingError {
    /// The path has no sample, or none of a hand that the target has.
    #[error("the path has no sample of a hand that {robot} has")]
    Empty {
        /// Vendor and model.
        robot: String,
    },
    /// Inverse kinematics cannot be set up.
    #[error("inverse kinematics for {robot} cannot be set up: {source}")]
    Ik {
        /// Vendor and model.
        robot: String,
        /// Why.
        source: IkError,
    },
}

/// Something that a run gives out, in order of time.
#[derive(Debug, Clone, Copy)]
pub enum Tick<'k> {
    /// A sample of the path, as asked of this body.
    Hands(&'k Knot),
    /// Positions of the whole body at an even time.
    Joints {
        /// Since the path began, slowed, s.
        time_s: f64,
        /// The same by the source, s.
        source_s: f64,
        /// Positions.
        positions: &'k [f64],
    },
}

/// What a run came to.
pub type Outcome = Report;

impl Crossing<'_> {
    /// Samples of the path in the target's base frame, smoothed.
    fn each<E>(
        &self,
        samples: impl IntoIterator<Item = Result<PathSample, E>>,
        give: &mut impl FnMut(PathSample) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut smoothing = Smoothing::new(self.options.smoothing_half_s);
        for sample in samples {
            smoothing.push(self.mapping.apply(&sample?), give)?;
        }
        smoothing.finish(give)
    }

    /// The first look over the path.
    pub fn survey<E>(&self, samples: impl IntoIterator<Item = Result<PathSample, E>>) -> Result<Survey, E> {
        let mut survey = Survey::default();
        self.each(samples, &mut |sample| {
            survey.look(&sample);
            Ok(())
        })?;
        Ok(survey)
    }

    /// Moves the path by a plan; gives hands and joints as they come.
    pub fn run<E>(
        &self,
        source: &str,
        plan: &Plan,
        survey: &Survey,
        samples: impl IntoIterator<Item = Result<PathSample, E>>,
        give: &mut dyn FnMut(Tick<'_>) -> Result<(), E>,
    ) -> Result<Report, E>
    where
        E: From<CrossingError>,
    {
        let refuse = |source| CrossingError::Ik { robot: self.target.title().to_owned(), source };
        let mut tracker = Tracker::new(self.target, &plan.entry, &plan.posture).map_err(refuse)?;
        let mut positions = plan.start.clone();
        let mut held = [None, None];
        let speeds = Speeds::new(self.target, self.options.acceleration);
        let mut curve = Curve::new(self.options.rate_hz, speeds.clone());
        let mut pace = Pace::new(speeds.without(&plan.lagging));
        let mut measures = Measures::default();
        let mut progress = Progress::default();
        let tolerance = (self.options.rules.reached_m, self.options.rules.reached_rad);
        let give = std::cell::RefCell::new(give);
        let mut on_knot = |knot: &Knot| (give.borrow_mut())(Tick::Hands(knot));
        let mut on_time = |time_s: f64, source_s: f64, positions: &[f64]| {
            (give.borrow_mut())(Tick::Joints { time_s, source_s, positions })
        };
        self.each(samples, &mut |sample| {
            progress.go(&sample);
            let path = plan.entered(&sample, &progress.travelled_m);
            let asked = plan.fit.apply(&path, survey, progress.travelled_m);
            let mut goal = asked.hands.map(|hand| hand.map(|hand| hand.grasp));
            for (index, (goal, held)) in goal.iter_mut().zip(&mut held).enumerate() {
                let [travelled_m, whole_m] = [progress.travelled_m[index], survey.hands[index].travel_m];
                let leaves = travelled_m > 0.5 * whole_m;
                let taken_up = plan.fit.hands[index].as_ref().map_or(0.0, HandFit::taken_up);
                if leaves && plan.fit.lead(index, travelled_m, survey) < taken_up {
                    // The rest of the way is the body's own.
                    *goal = *held;
                }
                *held = *goal;
            }
            let mut left = tracker.step(self.target, &goal);
            for (index, left) in left.iter_mut().enumerate() {
                let lead = plan.fit.lead(index, progress.travelled_m[index], survey);
                for &place in &plan.places[index] {
                    let from = plan.start[place];
                    positions[place] = from + (tracker.positions()[place] - from) * lead;
                }
                // On the way from home and back there is no path to be reached.
                *left = left.filter(|_| lead >= 1.0);
            }
            self.close(&sample, plan, &mut positions);
            let knot = Knot {
                source_s: sample.time_s,
                time_s: sample.time_s,
                positions: positions.clone(),
                asked,
                left,
            };
            measures.take(&knot, &tracker, tolerance);
            pace.push(knot, &mut |knot| curve.push(knot, &mut on_knot, &mut on_time))
        })?;
        pace.finish(&mut |knot| curve.push(knot, &mut on_knot, &mut on_time))?;
        curve.finish(&mut on_knot, &mut on_time)?;
        Ok(self.report(source, plan, survey, &measures, &tracker, &pace))
    }

    fn close(&self, sample: &PathSample, plan: &Plan, positions: &mut [f64]) {
        for ((arm, hand), closing) in self.target.arms().iter().zip(&sample.hands).zip(&plan.closing) {
            let (Some(arm), Some(hand)) = (arm, hand) else { continue };
            if let Some(joints) = &hand.joints {
                for (place, position) in joints.iter() {
                    positions[place] = position;
                }
            } else if let Some(closing) = closing {
                let (closure, fingers) = closing.apply(hand.closure, hand.fingers.as_ref());
                arm.close(closure, Some(&fingers), positions);
            } else {
                arm.close(hand.closure, hand.fingers.as_ref(), positions);
            }
        }
        self.target.body().apply_mimics(positions);
    }

    fn report(
        &self,
        source: &str,
        plan: &Plan,
        survey: &Survey,
        measures: &Measures,
        tracker: &Tracker,
        pace: &Pace,
    ) -> Report {
        let hand = |side: Side| {
            let index = side_index(side);
            let fit = plan.fit.hands[index].as_ref()?;
            let (reached_share, position_error_m, angle_error_rad) = measures.hand(index)?;
            Some(HandReport {
                side: side.name().to_owned(),
                reached_share,
                position_error_m,
                angle_error_rad,
                grasp_turn_rad: fit.turn.angle_rad(),
                grasps: survey.hands[index].grasps().len() as u64,
            })
        };
        let mut report = Report {
            source: source.to_owned(),
            target: self.target.title().to_owned(),
            samples: measures.samples(),
            hands: Side::BOTH.into_iter().filter_map(hand).collect(),
            limits: measures.limits(tracker),
            pace: pace.report(),
            collisions: None,
            adapted: plan.adapted.clone(),
            verdict: Verdict::default(),
        };
        report.verdict = self.options.rules.judge(&report);
        report
    }
}
