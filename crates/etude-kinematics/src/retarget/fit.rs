//! A path as another hand should do it: led in from its own home, with the grasp turned to suit it and the way in drawn
//! back to its fingers' length.
//!
//! While a hand holds something, its grasp frame moves as the source's did, turned by a constant turn in the grasp frame:
//! what is held moves as it did. Near the places where it takes hold or lets go, it moves in relation to them as the
//! source's hand did in its own grasp frame. Elsewhere it goes where the source's hand went.

use super::arms::side_index;
use super::path::{HandSample, PathSample, between, rise};
use super::survey::{Grasp, HandSurvey, Survey};
use etude_model::card::Side;
use nalgebra::{Isometry3, Translation3, UnitQuaternion, Vector3};

/// A hand's path is followed where it counts for so much against the home.
pub(super) const TAKEN_UP: f64 = 0.2;
/// Within this distance of where it takes hold or lets go a hand moves as the grasp demands, m.
const NEAR_M: f64 = 0.16;
/// Beyond this one it goes where the source's hand went, m.
const FAR_M: f64 = 0.26;
/// Least share of the way to the first grasp over which a body is led from its home.
const LEAD_SHARE: f64 = 0.5;
/// A hand that is this far beside the way in must be drawn back, m.
const BESIDE_M: f64 = 0.02;
/// A hand that must be drawn back further than the source's leaves by up to so many times as fast.
const FURTHER: f64 = 1.6;
/// Room between fingertips and what they pass, m.
const ROOM_M: f64 = 0.015;
/// Share of its way by which a thing is as much higher as it shall be.
const RAISED_BY: f64 = 0.3;

/// What is known of the thing that a hand takes hold of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ObjectHint {
    /// Half its extent across (the greater of its two level ones) and half its height, m.
    pub half_m: [f64; 2],
    /// Whether a turn about the vertical makes no difference to a hand that takes it.
    pub round: bool,
    /// Whether it matters how it is turned about the vertical where it is put down.
    pub turn_matters: bool,
}

/// How another hand's grasp differs from the source's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Turn {
    /// The turn from the source's grasp frame to the target's, in the source's.
    pub turn: UnitQuaternion<f64>,
    /// Whether what is held is turned about the vertical as the source turned it.
    pub follows: bool,
    /// How much further it is turned about the vertical on its way, rad.
    pub swing_rad: f64,
}

impl Turn {
    /// The source's own grasp.
    pub const fn none() -> Self {
        Self {
            turn: UnitQuaternion::new_unchecked(nalgebra::Quaternion::new(1.0, 0.0, 0.0, 0.0)),
            follows: true,
            swing_rad: 0.0,
        }
    }

    /// Angle between the two grasps, rad.
    pub fn angle_rad(&self) -> f64 {
        self.turn.angle()
    }
}

/// How one hand's path is fitted.
#[derive(Debug, Clone)]
pub struct HandFit {
    /// How its grasp differs.
    pub turn: Turn,
    /// Where the thing held is in the source's grasp frame and in the target's, m.
    pub held_in_grasp: [Vector3<f64>; 2],
    /// Least distance that the hand is drawn back by while it is beside the way in, m; 0 where nothing is known of what
    /// it takes.
    pub clearance_m: f64,
    /// How much higher than the source's it is carried and let go of, m.
    pub raise_m: f64,
    /// Whether it goes straight from its home to where it is near the thing, and back, and not as the source's hand went.
    pub own_way: bool,
}

/// How a whole path is fitted to a body.
#[derive(Debug, Clone)]
pub struct Fit {
    /// Left, right; absent: the hand keeps its home.
    pub hands: [Option<HandFit>; 2],
    /// Whether the body begins and ends at its home, and is led to the path and away from it.
    pub from_home: bool,
}

impl Fit {
    /// The path's sample as the body should do it; `survey` is of the same path, `travelled_m` how far the hands have
    /// gone by then.
    pub fn apply(&self, sample: &PathSample, survey: &Survey, travelled_m: [f64; 2]) -> PathSample {
        let mut hands = [None, None];
        for side in Side::BOTH {
            let index = side_index(side);
            let (Some(fit), Some(hand)) = (&self.hands[index], &sample.hands[index]) else { continue };
            let grasp = fit.place(hand, sample.time_s, travelled_m[index], &survey.hands[index]);
            hands[index] = Some(HandSample { grasp, ..*hand });
        }
        PathSample { time_s: sample.time_s, hands }
    }

    /// How much of the path, against the home, counts for a hand that has gone so far, 0..1.
    pub fn lead(&self, index: usize, travelled_m: f64, survey: &Survey) -> f64 {
        if !self.from_home {
            return 1.0;
        }
        let known = &survey.hands[index];
        let [first, last] = known.way_m();
        let left = known.travel_m - travelled_m;
        rise(travelled_m, 0.0, way_in(first)).min(rise(left, 0.0, way_in(known.travel_m - last)))
    }
}

/// How far along its path each hand is; begins anew with each pass over the path.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    /// Left, right, m.
    pub travelled_m: [f64; 2],
    last: [Option<Vector3<f64>>; 2],
}

impl Progress {
    /// Goes on to the source's next sample.
    pub fn go(&mut self, sample: &PathSample) {
        for ((travelled_m, last), hand) in self.travelled_m.iter_mut().zip(&mut self.last).zip(&sample.hands)
        {
            let Some(hand) = hand else { continue };
            let here = hand.grasp.translation.vector;
            if let Some(last) = last.replace(here) {
                *travelled_m += (here - last).norm();
            }
        }
    }
}

/// How much of the way to the first grasp (or from the last one) leads in, m.
fn way_in(way_m: f64) -> f64 {
    (way_m - NEAR_M).max(LEAD_SHARE * way_m).max(1e-3)
}

impl HandFit {
    /// The source's own path.
    pub fn plain() -> Self {
        Self {
            turn: Turn::none(),
            held_in_grasp: [Vector3::zeros(); 2],
            clearance_m: 0.0,
            raise_m: 0.0,
            own_way: false,
        }
    }

    /// The path is followed where it counts for so much against the home.
    pub(super) fn taken_up(&self) -> f64 {
        if self.own_way { 1.0 } else { TAKEN_UP }
    }

    fn changes_nothing(&self) -> bool {
        let Self { turn, held_in_grasp: [in_source, in_target], clearance_m, raise_m, own_way: _ } = self;
        *turn == Turn::none() && in_source == in_target && *clearance_m == 0.0 && *raise_m == 0.0
    }

    /// The target's grasp frame that holds the thing as the source's frame `grasp` holds it.
    /// `share`: how much of its way it has been carried, 0..1.
    fn holding(&self, grasp: &Isometry3<f64>, taken: &Isometry3<f64>, share: f64) -> Isometry3<f64> {
        let [in_source, in_target] = self.held_in_grasp;
        let higher = Vector3::z() * (self.raise_m * rise(share, 0.0, RAISED_BY));
        let held = grasp * nalgebra::Point3::from(in_source) + higher;
        let turned = if self.turn.follows {
            grasp.rotation
        } else {
            // What is held tilts as it did, but is not turned about the vertical.
            let since = grasp.rotation * taken.rotation.inverse();
            swing(&since) * taken.rotation
        };
        let swing = UnitQuaternion::from_axis_angle(&Vector3::z_axis(), self.turn.swing_rad * share);
        let rotation = swing * turned * self.turn.turn;
        Isometry3::from_parts(Translation3::from(held.coords - rotation * in_target), rotation)
    }

    fn place(&self, hand: &HandSample, time_s: f64, travelled_m: f64, survey: &HandSurvey) -> Isometry3<f64> {
        if self.changes_nothing() || survey.grasps().is_empty() {
            return hand.grasp;
        }
        let next = survey.grasps().partition_point(|grasp| grasp.from_s <= time_s);
        let before = next.checked_sub(1).and_then(|at| survey.grasps().get(at));
        let after = survey.grasps().get(next);
        if let Some(now) = before.filter(|grasp| time_s <= grasp.to_s) {
            let [from, to] = now.travelled_m;
            return self.holding(&hand.grasp, &now.taken, rise(travelled_m, from, to));
        }
        // Between two grasps the earlier one counts for the first half of the time, the later one for the second.
        let nearer = match (before, after) {
            (Some(before), Some(after)) if time_s - before.to_s < after.from_s - time_s => {
                Some((before, true))
            }
            (_, Some(after)) => Some((after, false)),
            (Some(before), None) => Some((before, true)),
            (None, None) => None,
        };
        nearer.map_or(hand.grasp, |(grasp, leaving)| self.beside(&hand.grasp, grasp, leaving))
    }

    /// On the way to or from a grasp.
    fn beside(&self, hand: &Isometry3<f64>, grasp: &Grasp, leaving: bool) -> Isometry3<f64> {
        let at = if leaving { &grasp.let_go } else { &grasp.taken };
        let carried = if leaving { 1.0 } else { 0.0 };
        let mut far = self.holding(hand, &grasp.taken, carried);
        // Away from things the hand goes where the source's went; only its turn is the grasp's.
        far.translation = hand.translation;
        let distance = (hand.translation.vector - at.translation.vector).norm();
        let share = 1.0 - rise(distance, NEAR_M, FAR_M);
        if share <= 0.0 {
            return far;
        }
        let there = self.holding(at, &grasp.taken, carried);
        let mut relative = at.inverse() * hand;
        let aside = relative.translation.vector.yz().norm();
        let back = -relative.translation.vector.x;
        let needed = self.clearance_m * rise(aside, 0.0, BESIDE_M);
        // Longer fingers have further to go out in the same time; in they go no faster, since they would hit what they take.
        let further = if leaving { FURTHER } else { 1.0 };
        let longer = (back * further).min(self.clearance_m).max(back);
        relative.translation.vector.x = -longer.max(needed);
        between(&far, &(there * relative), share)
    }
}

/// The part of a turn that is not about the vertical.
fn swing(turn: &UnitQuaternion<f64>) -> UnitQuaternion<f64> {
    let q = turn.quaternion();
    let twist = nalgebra::Quaternion::new(q.w, 0.0, 0.0, q.k);
    UnitQuaternion::try_new(twist, 1e-9).map_or(*turn, |twist| turn * twist.inverse())
}

/// How far a hand must be drawn back from a thing while it is beside the way in, m.
pub fn clearance(object: &ObjectHint, grasp: &UnitQuaternion<f64>, finger_extent_m: f64) -> f64 {
    let approach = grasp * Vector3::x();
    let [across, high] = object.half_m;
    approach.xy().norm() * across + approach.z.abs() * high + finger_extent_m + ROOM_M
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::FRAC_PI_2;

    fn source() -> Isometry3<f64> {
        // From the side, palm to the left: a right hand's grasp.
        let rotation = UnitQuaternion::from_axis_angle(&Vector3::x_axis(), FRAC_PI_2);
        Isometry3::from_parts(Translation3::new(0.3, -0.2, 0.05), rotation)
    }

    const CAN: ObjectHint = ObjectHint { half_m: [0.024, 0.055], round: true, turn_matters: false };

    #[test]
    fn what_is_held_moves_as_it_did_whatever_the_grasp() {
        let turn = UnitQuaternion::from_euler_angles(0.3, -0.8, 1.9);
        let fit = HandFit { turn: Turn { turn, follows: true, swing_rad: 0.0 }, ..HandFit::plain() };
        let taken = source();
        let later = Isometry3::new(Vector3::new(0.1, 0.2, 0.3), Vector3::new(0.0, 0.1, 0.6)) * taken;
        let in_target = fit.holding(&taken, &taken, 0.0).inverse() * taken;
        let found = fit.holding(&later, &taken, 0.5) * in_target;
        assert!((later.translation.vector - found.translation.vector).norm() < 1e-12);
        assert!(later.rotation.angle_to(&found.rotation) < 1e-9);
    }

    #[test]
    fn a_swing_turns_what_is_held_about_the_vertical_and_nothing_else() {
        let turn = Turn { swing_rad: 0.8, ..Turn::none() };
        let fit = HandFit { turn, ..HandFit::plain() };
        let found = fit.holding(&source(), &source(), 1.0);
        assert!((found.translation.vector - source().translation.vector).norm() < 1e-12);
        let turned = (found.rotation * source().rotation.inverse()).scaled_axis();
        assert!((turned - Vector3::new(0.0, 0.0, 0.8)).norm() < 1e-9, "{turned}");
    }

    #[test]
    fn a_hand_from_above_waits_above_while_it_is_beside_the_way_in() {
        let taken = source();
        let down = UnitQuaternion::from_axis_angle(&Vector3::y_axis(), FRAC_PI_2);
        let turn = Turn { turn: taken.rotation.inverse() * down, ..Turn::none() };
        let clearance_m = clearance(&CAN, &down, 0.03);
        assert!((clearance_m - 0.1).abs() < 1e-9);
        let fit = HandFit { turn, clearance_m, ..HandFit::plain() };
        let travelled_m = [0.0; 2];
        let grasp =
            Grasp { from_s: 1.0, to_s: 2.0, taken, let_go: taken, travelled_m, closure: 1.0, fingers: None };
        let survey = HandSurvey::of(grasp);
        // 4 cm beside the way in and 8 cm back.
        let hand = taken * Isometry3::translation(-0.08, 0.04, 0.0);
        let sample = HandSample { grasp: hand, closure: 0.0, fingers: None, joints: None };
        let placed = fit.place(&sample, 0.5, 0.0, &survey);
        assert!((placed.translation.z - taken.translation.z - clearance_m).abs() < 1e-9, "{placed}");
        let there = fit.place(&HandSample { grasp: taken, ..sample }, 1.0, 0.0, &survey);
        assert!((there.translation.vector - taken.translation.vector).norm() < 1e-12);
    }

    #[test]
    fn what_is_raised_is_taken_where_it_lies_and_let_go_of_higher() {
        let fit = HandFit { raise_m: 0.03, ..HandFit::plain() };
        for (share, higher_m) in [(0.0, 0.0), (0.3, 0.03), (1.0, 0.03)] {
            let found = fit.holding(&source(), &source(), share).translation.vector;
            assert!(
                (found - source().translation.vector - Vector3::z() * higher_m).norm() < 1e-12,
                "{share}"
            );
        }
    }

    #[test]
    fn without_a_turn_the_path_is_the_sources() {
        let fit = HandFit::plain();
        let sample = HandSample { grasp: source(), closure: 0.5, fingers: None, joints: None };
        assert_eq!(fit.place(&sample, 0.5, 0.0, &HandSurvey::default()), source());
    }
}
