//! Other folds. A finger of several joints can often reach a place in two ways, or stops short of it in one of them. A finger
//! that stays far from its target is tried from elsewhere; what comes nearer is kept beside it and followed too, and taken once
//! the fold it is in has cost more than the jump to the other one.

use super::chain::finite_range;
use super::error::HandError;
use super::model::HandModel;
use super::solver::{FingertipSolver, SolverOptions, TipTarget, usable};
use crate::body::Body;

/// A finger this near to its target is left alone, m.
const FAR_M: f64 = 0.003;
/// What is not nearer by this is no other fold, m.
const NEARER_M: f64 = 0.0005;
/// A fold is left when, summed over time, its tip has been farther off than the other's by the jump between the two for this
/// long, s.
const PATIENCE_S: f64 = 0.8;
/// Every so many looks at a finger one is at a new start instead of the fold that is known.
const NEW_START: u32 = 4;
/// Growth of Roberts' additive sequence for four joints.
const GROWTH: f64 = 1.1673;

/// The fingers of one hand, each with what is known of another fold of it. Looking does not allocate.
#[derive(Debug, Clone)]
pub(super) struct Folds {
    fingers: Vec<Fold>,
    /// Finger that is looked at next.
    next: usize,
    /// New starts taken so far.
    starts: u32,
}

#[derive(Debug, Clone)]
struct Fold {
    /// The finger without the others.
    alone: FingertipSolver,
    /// Its variables among the hand's.
    columns: Vec<usize>,
    /// Positions, \[variable of the finger\], rad or m: where it is, and its other fold, of use where `known`.
    now: Vec<f64>,
    other: Vec<f64>,
    known: bool,
    /// What staying has cost so far, m·s.
    cost_m_s: f64,
    /// Since the last look, s.
    waited_s: f64,
    looks: u32,
}

impl Folds {
    pub(super) fn new(
        body: &Body,
        model: &HandModel,
        hand: &FingertipSolver,
        options: SolverOptions,
    ) -> Result<Self, HandError> {
        let joints: Vec<_> = hand.joints().collect();
        let one = |finger: &super::FingerModel| {
            let model = HandModel { fingers: vec![finger.clone()], ..model.clone() };
            let alone = FingertipSolver::new(body, &model, SolverOptions { stay_weight: 0.0, ..options })?;
            let columns: Vec<usize> =
                alone.joints().filter_map(|joint| joints.iter().position(|&known| known == joint)).collect();
            let count = columns.len();
            let (now, other) = (vec![0.0; count], vec![0.0; count]);
            Ok(Fold { alone, columns, now, other, known: false, cost_m_s: 0.0, waited_s: 0.0, looks: 0 })
        };
        let fingers = model.fingers.iter().map(one).collect::<Result<_, HandError>>()?;
        Ok(Self { fingers, next: 0, starts: 0 })
    }

    /// Looks at one finger that is far from its target, `dt_s` after the look before, and moves it in `hand` where its other fold
    /// has become the better one. `pinched` says which fingers take part in a pinch; they are left alone. Whether it was moved.
    pub(super) fn look(
        &mut self,
        hand: &mut FingertipSolver,
        tips: &[Option<TipTarget>],
        pinched: impl Fn(usize) -> bool,
        dt_s: f64,
    ) -> bool {
        for fold in &mut self.fingers {
            fold.waited_s += dt_s;
        }
        let count = self.fingers.len();
        for _ in 0..count {
            let finger = self.next % count;
            self.next = finger + 1;
            let target = tips.get(finger).and_then(|tip| usable(tip.as_ref())).filter(|_| !pinched(finger));
            let Some(target) = target.copied() else { continue };
            let tip = hand.tip_in_palm_m(finger).unwrap_or(target.tip_in_palm_m);
            if (tip - target.tip_in_palm_m).norm() > FAR_M {
                let fold = &mut self.fingers[finger];
                if !fold.look(hand.positions(), target, &mut self.starts) {
                    return false;
                }
                hand.put(&fold.columns, fold.alone.positions());
                return true;
            }
        }
        false
    }
}

impl Fold {
    /// Follows the other fold, or tries a new start; whether the finger is better off where `alone` then is.
    fn look(&mut self, hand: &[f64], target: TipTarget, starts: &mut u32) -> bool {
        for (now, &column) in self.now.iter_mut().zip(&self.columns) {
            *now = hand[column];
        }
        let targets = [Some(target)];
        self.alone.set_positions(&self.now);
        let (loss, off_m, tip) = self.alone.standing(&targets);
        let is_new = self.begin(starts);
        self.alone.solve(&targets, &[]);
        let (other_loss, other_off_m, other_tip) = self.alone.standing(&targets);
        let jump_m = (other_tip - tip).norm();
        // What is nearer must be better in all that is asked of it.
        let gain_m = if other_loss < loss { off_m - other_off_m } else { (off_m - other_off_m).min(0.0) };
        if is_new {
            if gain_m > NEARER_M {
                (self.known, self.cost_m_s) = (true, if self.known { self.cost_m_s } else { 0.0 });
                self.other.copy_from_slice(self.alone.positions());
            }
            return false;
        }
        self.other.copy_from_slice(self.alone.positions());
        self.cost_m_s = (self.cost_m_s + gain_m * self.waited_s).max(0.0);
        self.waited_s = 0.0;
        let taken = gain_m > NEARER_M && self.cost_m_s > PATIENCE_S * jump_m;
        if taken || jump_m < NEARER_M {
            (self.known, self.cost_m_s) = (false, 0.0);
        }
        taken
    }

    /// Puts the finger where its other fold was last, or at a new start; whether it is a new one.
    fn begin(&mut self, starts: &mut u32) -> bool {
        self.looks = self.looks.wrapping_add(1);
        if self.known && !self.looks.is_multiple_of(NEW_START) {
            self.alone.set_positions(&self.other);
            return false;
        }
        *starts = starts.wrapping_add(1);
        for (slot, (position, variable)) in self.now.iter_mut().zip(self.alone.variables()).enumerate() {
            let (lower, upper) = finite_range(variable);
            let share = (0.5 + GROWTH.powi(-(slot as i32 + 1)) * f64::from(*starts)).fract();
            *position = lower + (upper - lower) * share;
        }
        self.alone.set_positions(&self.now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::chain::MIDDLES;
    use super::super::{HumanFinger, Tip};
    use super::*;
    use crate::body::BodyOptions;
    use nalgebra::Vector3;

    /// Two links of 5 cm, the first hinged from -0.2 to 1.2 rad: what is reached with the second one bent back is not reached
    /// with it bent forth.
    const FINGER: &str = r#"<mujoco><compiler angle="radian"/><worldbody><body name="palm">
      <body name="index" pos="0.09 0 0"><joint name="a" axis="0 1 0" range="-0.2 1.2"/>
      <body name="tip" pos="0.05 0 0"><joint name="b" axis="0 1 0" range="-2.5 2.5"/></body></body>
      </body></worldbody></mujoco>"#;
    const BACK: [f64; 2] = [1.0, -1.5];
    const FORTH: [f64; 2] = [-0.2, 1.5];

    /// The finger in the fold that does not reach its target; how often it is moved in ten seconds, and how far off it is then, m.
    fn led(pinched: bool, dt_s: f64) -> (usize, f64) {
        let body = Body::from_text(FINGER, "finger.xml", &BodyOptions::default()).expect("a sound model");
        let tip = Tip { frame: body.frame("tip").expect("it has one"), offset_m: Vector3::x() * 0.05 };
        let palm = body.frame("palm").expect("it has one");
        let model = HandModel::from_tips(&body, palm, &[(HumanFinger::Index, tip)]).expect("it bends");
        let options = SolverOptions::default();
        let mut hand = FingertipSolver::new(&body, &model, options).expect("it can be followed");
        let mut folds = Folds::new(&body, &model, &hand, options).expect("it can be followed");
        hand.set_positions(&BACK);
        let tip_in_palm_m = hand.standing(&[]).2;
        let tips = [Some(TipTarget { tip_in_palm_m, weight: 1.0, middles_in_palm_m: [None; MIDDLES] })];
        hand.set_positions(&FORTH);
        for _ in 0..30 {
            hand.solve(&tips, &[]);
        }
        assert!(hand.standing(&tips).1 > 0.01, "it must be stuck: {:?}", hand.positions());
        let mut moved = 0;
        for _ in 0..300 {
            hand.solve(&tips, &[]);
            moved += usize::from(folds.look(&mut hand, &tips, |_| pinched, dt_s));
        }
        (moved, hand.standing(&tips).1)
    }

    #[test]
    fn a_finger_that_cannot_reach_is_moved_to_its_other_fold_once() {
        let (moved, off_m) = led(false, 1.0 / 30.0);
        assert!(moved == 1 && off_m < 1e-3, "{moved} {off_m}");
    }

    #[test]
    fn a_finger_that_pinches_or_has_had_no_time_stays() {
        for (pinched, dt_s) in [(true, 1.0 / 30.0), (false, 0.0)] {
            let (moved, off_m) = led(pinched, dt_s);
            assert!(moved == 0 && off_m > 0.01, "{pinched} {dt_s}: {moved} {off_m}");
        }
    }
}
