//! What opens and closes and no more: a parallel gripper led by the opening between a person's thumb and index finger, or
//! by how far the hand is closed.

use super::closure::{FingerRange, HandClosure};
use super::error::HandError;
use super::filter::{Filter, Smoothing};
use super::model::Tip;
use super::retarget::{HandStatus, HoldReason};
use super::size::HandSize;
use super::skeleton::{HandSkeleton, HumanFinger};
use crate::body::Body;
use crate::forward::Poses;

/// Steps of the table from closure to opening.
const STEPS: usize = 32;
/// Distance of tip and knuckle as a share of the finger's length: of a fist, of an open hand.
const FIST: (f64, f64) = (0.45, 0.95);

/// What of the person's hand leads the gripper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GripSource {
    /// The distance of thumb and index finger.
    PinchGap,
    /// How far the four long fingers are bent.
    Fist,
    /// Whichever is further closed.
    Either,
}

/// A gripper of a body.
#[derive(Debug, Clone, PartialEq)]
pub struct GripperModel {
    /// The driven joints with their open and closed positions.
    pub ranges: Vec<FingerRange>,
    /// The two pads. Where the model moves them, equal openings of the person's hand make equal openings of the gripper, whatever
    /// its linkage; else the joints go linearly.
    pub tips: Option<(Tip, Tip)>,
    /// What leads it.
    pub source: GripSource,
    /// Distance of an average adult's thumb and index fingertip at which the gripper is closed, m.
    pub closed_m: f64,
    /// Distance at which it is open, m.
    pub open_m: f64,
    /// Smoothing of the closure.
    pub smoothing: Smoothing,
    /// The person's hand, where it was measured before; else it is learnt from the frames.
    pub size: Option<HandSize>,
}

impl GripperModel {
    /// A gripper led by the pinch.
    pub fn new(ranges: Vec<FingerRange>, tips: Option<(Tip, Tip)>) -> Self {
        Self {
            ranges,
            tips,
            source: GripSource::PinchGap,
            closed_m: 0.03,
            open_m: 0.10,
            smoothing: Smoothing::FirstOrder { delay_s: 0.03 },
            size: None,
        }
    }
}

/// The answer to one frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gripped {
    /// How far the gripper is closed, 0 open .. 1 closed, for [`HandClosure::positions`].
    pub closure: f64,
    /// What became of the frame.
    pub status: HandStatus,
    /// By how much the smoothing delays a steady motion, s.
    pub delay_s: f64,
}

/// The retargeting of one gripper with its memory. [`GripperRetarget::follow`] does not allocate.
#[derive(Debug, Clone)]
pub struct GripperRetarget {
    closure: HandClosure,
    /// Closure that has the pads open by `i / STEPS` of their way, \[i\].
    closure_by_opening: [f64; STEPS + 1],
    model: GripperModel,
    size: HandSize,
    filter: Filter,
}

impl GripperRetarget {
    /// Checks the gripper against the body.
    pub fn new(body: &Body, model: GripperModel) -> Result<Self, HandError> {
        model.smoothing.check()?;
        let (closed, open) = (model.closed_m, model.open_m);
        if !(closed >= 0.0 && open > closed && open.is_finite()) {
            let expected = "a length above closed_m, which is not negative";
            return Err(HandError::Number { what: "open_m", expected, found: open });
        }
        let closure = HandClosure::new(body, &model.ranges)?;
        let closure_by_opening = model
            .tips
            .as_ref()
            .and_then(|tips| table(body, &closure, tips))
            .unwrap_or_else(|| std::array::from_fn(|step| 1.0 - step as f64 / STEPS as f64));
        let filter = Filter::new(model.smoothing, &[0.0]);
        let size = model.size.unwrap_or_default();
        Ok(Self { closure, closure_by_opening, model, size, filter })
    }

    /// The joints of a closure.
    pub fn closure(&self) -> &HandClosure {
        &self.closure
    }

    /// Takes one frame, `dt_s` seconds after the one before. A frame that does not show the fingers holds the gripper.
    pub fn follow(&mut self, hand: &HandSkeleton, dt_s: f64) -> Gripped {
        let held = |reason| (HandStatus::Held(reason), 0.0);
        let (status, delay_s) = if !(dt_s >= 0.0 && dt_s.is_finite()) {
            held(HoldReason::Time)
        } else if hand.palm().is_none() {
            held(HoldReason::NoPalm)
        } else {
            if self.model.size.is_none() {
                self.size.learn(hand);
            }
            match self.opening(hand) {
                None => held(HoldReason::NoFinger),
                Some(opening) => {
                    let wanted = self.closure_at(opening);
                    (HandStatus::Following, self.filter.pass(&[wanted], dt_s, None).delay_s)
                }
            }
        };
        Gripped { closure: self.filter.output().first().copied().unwrap_or(0.0), status, delay_s }
    }

    /// How far the person's hand is open, 0 to 1.
    fn opening(&self, hand: &HandSkeleton) -> Option<f64> {
        let pinch = || {
            let thumb = hand.point(HumanFinger::Thumb.tip())?;
            let index = hand.point(HumanFinger::Index.tip())?;
            let gap = (thumb - index).norm() / self.size.ratio();
            Some((gap - self.model.closed_m) / (self.model.open_m - self.model.closed_m))
        };
        let fist = || {
            let (mut sum, mut count) = (0.0, 0.0);
            for finger in &HumanFinger::ALL[1..] {
                let [knuckle, .., tip] = finger.joints();
                if let (Some(knuckle), Some(tip)) = (hand.point(knuckle), hand.point(tip)) {
                    sum += (tip - knuckle).norm() / self.size.length_m(*finger);
                    count += 1.0;
                }
            }
            (count > 0.0).then(|| (sum / count - FIST.0) / (FIST.1 - FIST.0))
        };
        let opening = match self.model.source {
            GripSource::PinchGap => pinch()?,
            GripSource::Fist => fist()?,
            GripSource::Either => pinch()?.min(fist()?),
        };
        Some(opening.clamp(0.0, 1.0))
    }

    fn closure_at(&self, opening: f64) -> f64 {
        let place = opening * STEPS as f64;
        let step = (place as usize).min(STEPS - 1);
        let within = place - step as f64;
        let (low, high) = (self.closure_by_opening[step], self.closure_by_opening[step + 1]);
        (low * (1.0 - within) + high * within).clamp(0.0, 1.0)
    }
}

/// Closure by opening of the pads, where closing brings them together all the way.
fn table(body: &Body, closure: &HandClosure, tips: &(Tip, Tip)) -> Option<[f64; STEPS + 1]> {
    let mut poses = Poses::new(body);
    let mut positions = body.rest().to_vec();
    let gaps: [f64; STEPS + 1] = std::array::from_fn(|step| {
        closure.apply(step as f64 / STEPS as f64, &mut positions);
        body.apply_mimics(&mut positions);
        poses.update(body, &positions);
        let point =
            |tip: &Tip| poses.world_from_frame(body, tip.frame) * nalgebra::Point3::from(tip.offset_m);
        (point(&tips.0) - point(&tips.1)).norm()
    });
    let falls = gaps.windows(2).all(|pair| pair[1] < pair[0]);
    let (widest, narrowest) = (gaps[0], gaps[STEPS]);
    if !falls || widest - narrowest < 1e-3 {
        return None;
    }
    Some(std::array::from_fn(|step| {
        let wanted = narrowest + (widest - narrowest) * step as f64 / STEPS as f64;
        let after = gaps.iter().position(|&gap| gap <= wanted + 1e-12).unwrap_or(STEPS);
        let Some(before) = after.checked_sub(1) else { return 0.0 };
        let within = (gaps[before] - wanted) / (gaps[before] - gaps[after]);
        (before as f64 + within) / STEPS as f64
    }))
}
