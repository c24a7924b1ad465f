//! A first look over a whole path: how long it is, which hands work, where they take hold and let go.
//!
//! It holds a bounded number of samples whatever the path's length.

use super::path::{HandSample, PathSample};
use nalgebra::Isometry3;

/// A hand counts as closing on something beyond the first closure, and as open again below the second. A hand that never
/// closes as far as the third holds something wide, or is small: it is judged by the rung before, and from where it is most
/// open.
const RUNGS: [[f64; 3]; 3] = [[0.075, 0.05, 0.0], [0.15, 0.1, 0.22], [0.3, 0.2, 0.45]];
/// A hand that goes no further than this from where it began does not work, m.
const IDLE_M: f64 = 0.08;
/// Most samples kept to plan by.
const KEYS_MAX: usize = 256;
/// Most times that a hand can take hold; further ones are counted and fitted like the last.
const GRASPS_MAX: usize = 4096;

/// From where a hand closes to where it opens again.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Grasp {
    /// When it closes, s.
    pub from_s: f64,
    /// When it opens again, s; infinity: never.
    pub to_s: f64,
    /// The grasp frame when it closes.
    pub taken: Isometry3<f64>,
    /// The grasp frame when it opens.
    pub let_go: Isometry3<f64>,
    /// How far the hand had gone by then, m: when it closed, when it opened.
    pub travelled_m: [f64; 2],
    /// How far it closes in between at most.
    pub closure: f64,
    /// The same finger by finger, where the source has fingers.
    pub fingers: Option<[f64; 5]>,
}

/// A sample with how far each hand had gone by then.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Key {
    /// The sample.
    pub sample: PathSample,
    /// Left, right, m.
    pub travelled_m: [f64; 2],
}

/// Grasps by one measure of when a hand is closed.
#[derive(Debug, Clone, Default)]
struct Rung {
    grasps: Vec<Grasp>,
    closed: bool,
}

/// What one hand does on the whole.
#[derive(Debug, Clone, Default)]
pub struct HandSurvey {
    /// Where it begins and ends.
    pub ends: Option<(Isometry3<f64>, Isometry3<f64>)>,
    /// Furthest from where it began, m.
    pub furthest_m: f64,
    /// How far it goes altogether, m.
    pub travel_m: f64,
    rungs: [Rung; RUNGS.len()],
    least: Option<f64>,
    most: f64,
    last: Option<Isometry3<f64>>,
}

impl Rung {
    /// Takes what would be a grasp that begins now; says whether one begins or ends.
    fn look(&mut self, now: Grasp, closes: f64, opens: f64) -> bool {
        if !self.closed && now.closure >= closes {
            self.closed = true;
            if self.grasps.len() < GRASPS_MAX {
                self.grasps.push(now);
            }
            return true;
        }
        let Some(last) = self.grasps.last_mut().filter(|_| self.closed) else { return false };
        last.let_go = now.let_go;
        last.travelled_m[1] = now.travelled_m[1];
        last.closure = last.closure.max(now.closure);
        for (most, now) in last.fingers.iter_mut().flatten().zip(now.fingers.iter().flatten()) {
            *most = most.max(*now);
        }
        if now.closure < opens {
            self.closed = false;
            last.to_s = now.from_s;
            return true;
        }
        false
    }
}

/// What is known of a path as a whole.
#[derive(Debug, Clone, Default)]
pub struct Survey {
    /// Number of samples.
    pub samples: u64,
    /// From the first sample to the last, s.
    pub duration_s: f64,
    /// Left, right.
    pub hands: [HandSurvey; 2],
    /// Samples spread over the whole path, and those where a hand takes hold or lets go, in order of time.
    pub keys: Vec<Key>,
    stride: u64,
}

impl Survey {
    /// Takes the next sample.
    pub fn look(&mut self, sample: &PathSample) {
        let mut event = false;
        for (survey, hand) in self.hands.iter_mut().zip(&sample.hands) {
            if let Some(hand) = hand {
                event |= survey.look(sample.time_s, hand);
            }
        }
        self.stride = self.stride.max(1);
        if event || self.samples.is_multiple_of(self.stride) {
            let travelled_m = [0, 1].map(|side: usize| self.hands[side].travel_m);
            self.keys.push(Key { sample: *sample, travelled_m });
        }
        if self.keys.len() > KEYS_MAX {
            // Every second one goes; the path is planned by half as many.
            let mut keep = false;
            self.keys.retain(|_| {
                keep = !keep;
                keep
            });
            self.stride *= 2;
        }
        self.samples += 1;
        self.duration_s = sample.time_s;
    }
}

impl HandSurvey {
    fn look(&mut self, time_s: f64, hand: &HandSample) -> bool {
        let (grasp, closure) = (&hand.grasp, hand.closure);
        let begin = self.ends.map_or(*grasp, |(begin, _)| begin);
        self.ends = Some((begin, *grasp));
        let away = (grasp.translation.vector - begin.translation.vector).norm();
        self.furthest_m = self.furthest_m.max(away);
        if let Some(last) = self.last.replace(*grasp) {
            self.travel_m += (grasp.translation.vector - last.translation.vector).norm();
        }
        let least = self.least.map_or(closure, |least| least.min(closure));
        self.least = Some(least);
        self.most = self.most.max(closure);
        let now = Grasp {
            from_s: time_s,
            to_s: f64::INFINITY,
            taken: *grasp,
            let_go: *grasp,
            travelled_m: [self.travel_m; 2],
            closure,
            fingers: hand.fingers,
        };
        let mut event = false;
        for (number, (rung, [closes, opens, _])) in self.rungs.iter_mut().zip(RUNGS).enumerate() {
            let from = if number + 1 == RUNGS.len() { 0.0 } else { least };
            event |= rung.look(now, from + closes, from + opens);
        }
        event
    }

    /// Times that it takes hold.
    pub fn grasps(&self) -> &[Grasp] {
        let mut rungs = self.rungs.iter().zip(RUNGS).rev();
        let found = rungs.find(|(_, [.., most])| self.most >= *most);
        found.map_or(&[], |(rung, _)| &rung.grasps)
    }

    /// How far the hand has gone when it first takes hold and when it last lets go, m; the middle of its way where it never
    /// takes hold.
    pub fn way_m(&self) -> [f64; 2] {
        match (self.grasps().first(), self.grasps().last()) {
            (Some(first), Some(last)) => [first.travelled_m[0], last.travelled_m[1]],
            _ => [0.5 * self.travel_m; 2],
        }
    }

    /// Whether the hand does anything: takes hold, or goes somewhere.
    pub fn works(&self) -> bool {
        self.furthest_m > IDLE_M || !self.grasps().is_empty()
    }
}

#[cfg(test)]
impl HandSurvey {
    /// A hand that takes hold once.
    pub(super) fn of(grasp: Grasp) -> Self {
        let rung = || Rung { grasps: vec![grasp], closed: false };
        Self { rungs: std::array::from_fn(|_| rung()), most: 1.0, ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::retarget::path::HandSample;

    #[test]
    fn grasps_are_found_and_memory_is_bounded() {
        let mut survey = Survey::default();
        for i in 0..100_000 {
            let time_s = f64::from(i) * 0.01;
            let phase = i % 1000;
            let closure = if (300..700).contains(&phase) { 0.9 } else { 0.0 };
            let grasp = Isometry3::translation(f64::from(phase) * 0.001, 0.0, 0.0);
            let hand = HandSample { grasp, closure, fingers: None, joints: None };
            survey.look(&PathSample { time_s, hands: [None, Some(hand)] });
        }
        assert!(survey.keys.len() <= KEYS_MAX);
        assert!(survey.keys.windows(2).all(|pair| pair[0].sample.time_s < pair[1].sample.time_s));
        let right = &survey.hands[1];
        assert_eq!(right.grasps().len(), 100);
        let first = right.grasps()[0];
        assert!((first.from_s - 3.0).abs() < 1e-9 && (first.to_s - 7.0).abs() < 1e-9);
        assert!((first.taken.translation.x - 0.3).abs() < 1e-9);
        assert!(right.works() && !survey.hands[0].works());
    }

    #[test]
    fn a_hand_that_something_wide_keeps_open_takes_hold_all_the_same() {
        for (rest, held, grasps) in [(0.0, 0.18, 1), (0.1, 0.21, 1), (0.12, 0.15, 0), (0.0, 0.5, 1)] {
            let mut survey = Survey::default();
            for i in 0..300 {
                let closure = if (100..200).contains(&i) { held } else { rest };
                let hand = HandSample { grasp: Isometry3::identity(), closure, fingers: None, joints: None };
                survey.look(&PathSample { time_s: f64::from(i) * 0.01, hands: [None, Some(hand)] });
            }
            let found = survey.hands[1].grasps();
            assert_eq!(found.len(), grasps, "from {rest} to {held}: {found:?}");
            assert!(found.iter().all(|grasp| grasp.from_s > 0.99 && grasp.to_s < 2.01), "{found:?}");
        }
    }
}
