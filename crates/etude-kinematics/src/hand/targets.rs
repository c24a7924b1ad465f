//! From a person's hand to targets of a robot's fingertips.
//!
//! Every finger is scaled about its knuckle: where the person's tip is from the knuckle, in lengths of the finger, there the
//! robot's tip is wanted. So an open hand opens and a fist closes whatever the two hands' sizes. The whole hand can be scaled
//! about its wrist instead, as other tools do. Where the person's thumb
//! comes near a finger, the vector between the two tips takes over, and goes to zero where the person's tips touch.

use nalgebra::{Isometry3, Point3, Vector3};

use super::chain::{Chain, Chains, MIDDLES};
use super::retarget::{HoldReason, PinchOptions, Scaling};
use super::size::HandSize;
use super::skeleton::{HandSkeleton, HumanFinger};
use super::solver::{PinchTarget, TipTarget};
use etude_model::card::Side;

/// Shares of a finger's length at which tip and knuckle are in a fist (no pinch is meant) and surely out of it.
const FIST: (f64, f64) = (0.6, 0.8);
/// A pinch wider than the narrowest one by this has half its weight, m.
const PREFERENCE_M: f64 = 0.005;

/// What of a robot's finger the mapping needs.
#[derive(Debug, Clone)]
struct Follower {
    follows: HumanFinger,
    knuckle: Vector3<f64>,
    reach_m: f64,
    middles: [Option<f64>; MIDDLES],
}

/// The mapping of one robot's hand.
#[derive(Debug, Clone)]
pub(super) struct Mapping {
    side: Side,
    scaling: Scaling,
    followers: Vec<Follower>,
}

/// A person's finger in the palm's frame of the robot's side.
#[derive(Debug, Clone, Copy)]
struct Finger {
    joints: [Option<Vector3<f64>>; 4],
}

impl Mapping {
    pub(super) fn new(chains: &Chains, side: Side, scaling: Scaling) -> Self {
        let follower = |chain: &Chain| {
            let mut middles = [None; MIDDLES];
            for (slot, middle) in middles.iter_mut().zip(&chain.middles) {
                *slot = Some(middle.share);
            }
            let mut moved = chain.clone();
            let reach_m = moved.reach_at(&chains.open);
            let knuckle = moved.knuckle_origin();
            Follower { follows: chain.follows, knuckle, reach_m, middles }
        };
        Self { side, scaling, followers: chains.fingers.iter().map(follower).collect() }
    }

    /// Writes the targets of one frame; the fingers of the person that cannot be followed, as in [`HumanFinger::ALL`].
    pub(super) fn map(
        &self,
        hand: &HandSkeleton,
        size: &HandSize,
        options: &PinchOptions,
        tips: &mut [Option<TipTarget>],
        pinches: &mut Vec<PinchTarget>,
    ) -> Result<[bool; 5], HoldReason> {
        tips.fill(None);
        pinches.clear();
        if (0..hand.points_m.len()).all(|joint| hand.point(joint).is_none()) {
            return Err(HoldReason::NotTracked);
        }
        let palm = hand.palm().ok_or(HoldReason::NoPalm)?;
        let mut held = [false; 5];
        for (slot, follower) in tips.iter_mut().zip(&self.followers) {
            let finger = self.finger(hand, &palm, follower.follows);
            *slot = follower.target(&finger, size, self.scaling);
            held[follower.follows.index()] = slot.is_none();
        }
        let Some(thumb) = self.place(HumanFinger::Thumb).filter(|&place| tips[place].is_some()) else {
            return Ok(held);
        };
        let thumb_tip = self.finger(hand, &palm, HumanFinger::Thumb).joints[3];
        for (place, follower) in self.followers.iter().enumerate() {
            if place == thumb || tips[place].is_none() {
                continue;
            }
            let finger = self.finger(hand, &palm, follower.follows);
            let scale = match self.scaling {
                Scaling::Fingers => 0.5 * (follower.scale(size) + self.followers[thumb].scale(size)),
                Scaling::Whole { scale, .. } => scale,
            };
            let Some(pinch) = pinch(thumb_tip, &finger, follower.follows, size, options, scale) else {
                continue;
            };
            pinches.push(PinchTarget { fingers: (thumb, place), ..pinch });
        }
        prefer_nearest(pinches, hand, &self.followers);
        Ok(held)
    }

    fn place(&self, finger: HumanFinger) -> Option<usize> {
        self.followers.iter().position(|follower| follower.follows == finger)
    }

    fn finger(&self, hand: &HandSkeleton, palm: &Isometry3<f64>, finger: HumanFinger) -> Finger {
        let mirror = if hand.side == self.side { 1.0 } else { -1.0 };
        let joints = finger.joints().map(|joint| {
            let point = palm.inverse_transform_point(&Point3::from(*hand.point(joint)?)).coords;
            Some(Vector3::new(point.x * mirror, point.y, point.z))
        });
        Finger { joints }
    }
}

impl Follower {
    fn scale(&self, size: &HandSize) -> f64 {
        self.reach_m / size.length_m(self.follows)
    }

    fn target(&self, finger: &Finger, size: &HandSize, scaling: Scaling) -> Option<TipTarget> {
        if let Scaling::Whole { scale, wrist_in_palm_m } = scaling {
            let tip_in_palm_m = Vector3::from(wrist_in_palm_m) + finger.joints[3]? * scale;
            return Some(TipTarget { tip_in_palm_m, weight: 1.0, middles_in_palm_m: [None; MIDDLES] });
        }
        let scale = self.scale(size);
        let knuckle = finger.joints[0]?;
        let tip = finger.joints[3]?;
        // No tip is further from its knuckle than the finger is long; noise may say so.
        let whole = tip - knuckle;
        let most = 1.1 * size.length_m(self.follows);
        let whole = if whole.norm() > most { whole * (most / whole.norm()) } else { whole };
        let middles_in_palm_m = self.middles.map(|share| {
            let point = finger.at(share?, &size.bones_m[self.follows.index()])?;
            Some(self.knuckle + (point - knuckle) * scale)
        });
        Some(TipTarget { tip_in_palm_m: self.knuckle + whole * scale, weight: 1.0, middles_in_palm_m })
    }
}

impl Finger {
    /// The point at a share of the finger's length along its bones.
    fn at(&self, share: f64, bones_m: &[f64; 3]) -> Option<Vector3<f64>> {
        let mut left = share * bones_m.iter().sum::<f64>();
        for (bone, &length) in bones_m.iter().enumerate() {
            if left <= length || bone == 2 {
                let (from, to) = (self.joints[bone]?, self.joints[bone + 1]?);
                return Some(from + (to - from) * (left / length.max(1e-6)).clamp(0.0, 1.0));
            }
            left -= length;
        }
        None
    }
}

/// The pinch of the thumb and one finger, where they are near enough; the fingers' places are left to the caller.
fn pinch(
    thumb_tip: Option<Vector3<f64>>,
    finger: &Finger,
    follows: HumanFinger,
    size: &HandSize,
    options: &PinchOptions,
    scale: f64,
) -> Option<PinchTarget> {
    let (thumb, tip, knuckle) = (thumb_tip?, finger.joints[3]?, finger.joints[0]?);
    let vector = tip - thumb;
    let (closed, open) = (options.closed_m * size.ratio(), options.open_m * size.ratio());
    let gap = vector.norm();
    let near = smooth((open - gap) / (open - closed));
    let stretched = (tip - knuckle).norm() / size.length_m(follows);
    let weight = options.weight * near * smooth((stretched - FIST.0) / (FIST.1 - FIST.0));
    if weight <= 0.0 {
        return None;
    }
    let wanted = open * ((gap - closed) / (open - closed)).max(0.0) * scale;
    let vector_m = vector * (wanted / gap.max(1e-6));
    Some(PinchTarget { fingers: (0, 0), vector_m, weight })
}

/// Takes weight from pinches whose gap is wider than the narrowest one's: what cannot all be closed is closed where the person
/// closes most.
fn prefer_nearest(pinches: &mut [PinchTarget], hand: &HandSkeleton, followers: &[Follower]) {
    let thumb = hand.point(HumanFinger::Thumb.tip());
    let gap = |pinch: &PinchTarget| {
        let tip = hand.point(followers.get(pinch.fingers.1)?.follows.tip())?;
        Some((tip - thumb?).norm())
    };
    let least = pinches.iter().filter_map(gap).fold(f64::INFINITY, f64::min);
    for pinch in pinches {
        pinch.weight /= 1.0 + (gap(pinch).unwrap_or(least) - least).max(0.0) / PREFERENCE_M;
    }
}

/// From 0 to 1 without a corner.
fn smooth(share: f64) -> f64 {
    let share = share.clamp(0.0, 1.0);
    share * share * (3.0 - 2.0 * share)
}
