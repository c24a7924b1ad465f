//! What hands did: samples of grasp frames with how far the hand is closed, moved between frames, smoothed.

use super::fingers::HandJoints;
use etude_model::card::Side;
use nalgebra::{Isometry3, Translation3, UnitQuaternion, Vector3};
use std::collections::VecDeque;

/// One hand at one instant.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HandSample {
    /// The grasp frame, in the frame of the path.
    pub grasp: Isometry3<f64>,
    /// How far the hand is closed, 0 open .. 1 closed.
    pub closure: f64,
    /// How far each finger is closed (thumb to little); NaN: not known. `None`: the hand has no fingers.
    pub fingers: Option<[f64; 5]>,
    /// Where the other body's joints of this hand go, where a person's hand leads them. `None`: closure and fingers say it.
    pub joints: Option<HandJoints>,
}

/// Both hands at one instant.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PathSample {
    /// Since the path began, s; never falls.
    pub time_s: f64,
    /// Left, right; absent where nothing is known.
    pub hands: [Option<HandSample>; 2],
}

/// From the frame of one path to the frame of another: turned, moved and scaled about a point per side.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mapping {
    /// Left, right.
    pub sides: [SideMapping; 2],
}

/// What a mapping does to one side.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SideMapping {
    /// The point that stays fixed, in the frame mapped from, m.
    pub from: Vector3<f64>,
    /// Where it goes, m.
    pub to: Vector3<f64>,
    /// How distances from it are scaled.
    pub scale: f64,
    /// How axes turn.
    pub turn: UnitQuaternion<f64>,
}

impl Mapping {
    /// The same rigid motion for both sides.
    pub fn rigid(to_from: &Isometry3<f64>) -> Self {
        let side = SideMapping {
            from: Vector3::zeros(),
            to: to_from.translation.vector,
            scale: 1.0,
            turn: to_from.rotation,
        };
        Self { sides: [side; 2] }
    }

    /// One sample in the other frame.
    pub fn apply(&self, sample: &PathSample) -> PathSample {
        let mut hands = sample.hands;
        for (hand, side) in hands.iter_mut().zip(&self.sides) {
            if let Some(hand) = hand {
                hand.grasp = side.apply(&hand.grasp);
            }
        }
        PathSample { time_s: sample.time_s, hands }
    }
}

impl SideMapping {
    /// A pose in the other frame.
    pub fn apply(&self, pose: &Isometry3<f64>) -> Isometry3<f64> {
        let away = pose.translation.vector - self.from;
        Isometry3::from_parts(
            Translation3::from(self.to + self.turn * away * self.scale),
            self.turn * pose.rotation,
        )
    }
}

/// Takes tremor out of a path without delaying it: a mean over a short window, weighted to its middle.
#[derive(Debug, Clone)]
pub struct Smoothing {
    half_s: f64,
    window: VecDeque<PathSample>,
    /// How many of the window have been given out or passed over.
    given: usize,
    /// When the last one was that was given out, s.
    last_s: f64,
}

/// Most samples that a smoothing window holds; a window is shortened where samples are denser.
const WINDOW_MAX: usize = 4096;

/// Smooth samples closer together than this are passed over, s: a mean over a tenth of a second has nothing that changes
/// faster.
const CLOSEST_S: f64 = 1.0 / 75.0;

impl Smoothing {
    /// Smooths over `half_s` to either side, s; 0 leaves the path as it is.
    pub fn new(half_s: f64) -> Self {
        Self { half_s: half_s.max(0.0), window: VecDeque::new(), given: 0, last_s: f64::NEG_INFINITY }
    }

    /// Takes the next sample and gives those whose surroundings are now known.
    pub fn push<E>(
        &mut self,
        sample: PathSample,
        give: &mut impl FnMut(PathSample) -> Result<(), E>,
    ) -> Result<(), E> {
        self.window.push_back(sample);
        while let Some(middle) = self.window.get(self.given) {
            let ripe = sample.time_s - middle.time_s >= self.half_s || self.window.len() >= WINDOW_MAX;
            if !ripe {
                break;
            }
            self.give_next(give)?;
        }
        Ok(())
    }

    /// Gives what is left.
    pub fn finish<E>(&mut self, give: &mut impl FnMut(PathSample) -> Result<(), E>) -> Result<(), E> {
        while self.given < self.window.len() {
            self.give_next(give)?;
        }
        Ok(())
    }

    fn give_next<E>(&mut self, give: &mut impl FnMut(PathSample) -> Result<(), E>) -> Result<(), E> {
        let Some(middle_s) = self.window.get(self.given).map(|sample| sample.time_s) else { return Ok(()) };
        let is_last = self.given + 1 == self.window.len();
        if (is_last || self.half_s <= 0.0 || middle_s - self.last_s >= CLOSEST_S)
            && let Some(smooth) = self.smooth(self.given)
        {
            self.last_s = middle_s;
            give(smooth)?;
        }
        self.given += 1;
        while self.window.front().is_some_and(|first| self.given > 0 && middle_s - first.time_s > self.half_s)
        {
            self.window.pop_front();
            self.given -= 1;
        }
        Ok(())
    }

    fn smooth(&self, at: usize) -> Option<PathSample> {
        let middle = *self.window.get(at)?;
        // A window that reaches further to one side than to the other would draw the path that way.
        let reach =
            |sample: Option<&PathSample>| sample.map_or(0.0, |sample| (sample.time_s - middle.time_s).abs());
        let half = self.half_s.min(reach(self.window.front())).min(reach(self.window.back()));
        if half <= 0.0 {
            return Some(middle);
        }
        let mut hands = middle.hands;
        for side in Side::BOTH {
            let index = super::arms::side_index(side);
            let Some(own) = &middle.hands[index] else { continue };
            hands[index] = Some(self.smooth_hand(index, own, middle.time_s, half));
        }
        Some(PathSample { time_s: middle.time_s, hands })
    }

    fn smooth_hand(&self, index: usize, own: &HandSample, middle_s: f64, half: f64) -> HandSample {
        let (mut weights, mut position, mut turn) = (0.0, Vector3::zeros(), Vector3::zeros());
        let (mut led, mut joints) = (0.0, own.joints.map(|joints| joints.map(|_, _| 0.0)));
        for sample in &self.window {
            let Some(other) = &sample.hands[index] else { continue };
            let away = (sample.time_s - middle_s).abs() / half;
            if away >= 1.0 {
                continue;
            }
            let weight = 1.0 - away;
            weights += weight;
            position += weight * other.grasp.translation.vector;
            turn += weight * (other.grasp.rotation * own.grasp.rotation.inverse()).scaled_axis();
            if let (Some(sum), Some(other)) = (&mut joints, &other.joints) {
                led += weight;
                *sum = sum.map(|number, sum| sum + weight * other.position(number).unwrap_or_default());
            }
        }
        if weights <= 0.0 {
            return *own;
        }
        let rotation = UnitQuaternion::from_scaled_axis(turn / weights) * own.grasp.rotation;
        let grasp = Isometry3::from_parts(Translation3::from(position / weights), rotation);
        HandSample { grasp, joints: joints.map(|joints| joints.map(|_, sum| sum / led)), ..*own }
    }
}

/// From 0 to 1 between two bounds, with a smooth beginning and end.
pub(super) fn rise(value: f64, from: f64, to: f64) -> f64 {
    let share = ((value - from) / (to - from).max(1e-9)).clamp(0.0, 1.0);
    share * share * (3.0 - 2.0 * share)
}

/// The pose `share` of the way from one to another: straight, and by the shortest turn.
pub(super) fn between(from: &Isometry3<f64>, to: &Isometry3<f64>, share: f64) -> Isometry3<f64> {
    let position = from.translation.vector.lerp(&to.translation.vector, share);
    let rotation = from.rotation.try_slerp(&to.rotation, share, 1e-9).unwrap_or(to.rotation);
    Isometry3::from_parts(Translation3::from(position), rotation)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(time_s: f64, x: f64) -> PathSample {
        let hand = HandSample {
            grasp: Isometry3::translation(x, 0.0, 0.0),
            closure: 0.0,
            fingers: None,
            joints: None,
        };
        PathSample { time_s, hands: [None, Some(hand)] }
    }

    fn smoothed(samples: &[PathSample], half_s: f64) -> Vec<PathSample> {
        let mut smoothing = Smoothing::new(half_s);
        let mut out = Vec::new();
        let mut give = |sample| {
            out.push(sample);
            Ok::<(), ()>(())
        };
        for sample in samples {
            smoothing.push(*sample, &mut give).expect("nothing fails");
        }
        smoothing.finish(&mut give).expect("nothing fails");
        out
    }

    #[test]
    fn a_straight_path_stays_as_it_is_and_tremor_goes() {
        let straight: Vec<_> = (0..200).map(|i| sample(f64::from(i) * 0.01, f64::from(i) * 0.002)).collect();
        let x = |sample: &PathSample| sample.hands[1].expect("a hand").grasp.translation.x;
        assert_eq!(smoothed(&straight, 0.0), straight);
        let out = smoothed(&straight, 0.05);
        // Every second one, since one is enough each 13 ms, and the last.
        assert_eq!(out.len(), 101);
        assert_eq!(out.last().map(|last| last.time_s), straight.last().map(|last| last.time_s));
        for one in &out {
            assert!((x(one) - one.time_s * 0.2).abs() < 1e-12, "{} {}", x(one), one.time_s);
        }
        let shaky: Vec<_> =
            (0..200).map(|i| sample(f64::from(i) * 0.01, if i % 2 == 0 { 0.001 } else { -0.001 })).collect();
        let worst = smoothed(&shaky, 0.05)[10..90].iter().map(|s| x(s).abs()).fold(0.0, f64::max);
        assert!(worst < 0.0003, "{worst}");
    }

    #[test]
    fn a_mapping_scales_about_its_point() {
        let mut mapping = Mapping::rigid(&Isometry3::identity());
        mapping.sides[1] = SideMapping {
            from: Vector3::new(1.0, 0.0, 0.0),
            to: Vector3::new(0.0, 0.0, 2.0),
            scale: 0.5,
            turn: UnitQuaternion::from_axis_angle(&Vector3::z_axis(), std::f64::consts::FRAC_PI_2),
        };
        let mapped = mapping.apply(&sample(0.0, 2.0)).hands[1].expect("a hand").grasp;
        assert!((mapped.translation.vector - Vector3::new(0.0, 0.5, 2.0)).norm() < 1e-12);
    }
}
