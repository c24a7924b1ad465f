//! A hand's closure: one number from open to closed, spread over the finger joints.

use super::HandError;
use crate::body::{Body, JointId};
use etude_model::card::Hand;

/// How far one finger joint goes.
#[derive(Debug, Clone, PartialEq)]
pub struct FingerRange {
    /// Name of the joint.
    pub joint: String,
    /// Position of the open hand, rad or m.
    pub open: f64,
    /// Position of the closed hand, rad or m.
    pub closed: f64,
}

impl FingerRange {
    /// The joints of a card's hand.
    pub fn of(hand: &Hand) -> Vec<Self> {
        let joints = hand.joints.iter().zip(hand.open.iter().zip(&hand.closed));
        joints.map(|(joint, (&open, &closed))| Self { joint: joint.clone(), open, closed }).collect()
    }
}

/// Maps closure to finger joints, linearly between an open and a closed pose.
#[derive(Debug, Clone)]
pub struct HandClosure {
    fingers: Vec<Finger>,
}

#[derive(Debug, Clone, Copy)]
struct Finger {
    joint: JointId,
    position_index: usize,
    open: f64,
    closed: f64,
}

impl HandClosure {
    /// Checks the two poses against the body's limits.
    pub fn new(body: &Body, ranges: &[FingerRange]) -> Result<Self, HandError> {
        let mut fingers = Vec::with_capacity(ranges.len());
        for range in ranges {
            let joint = body.joint(&range.joint)?;
            let independent = body.kind(joint).is_scalar() && body.mimic(joint).is_none();
            let Some(position_index) = body.position_index(joint).filter(|_| independent) else {
                return Err(HandError::NotIndependent(range.joint.clone()));
            };
            let limits = body.limits(joint);
            for found in [range.open, range.closed] {
                if !(limits.lower..=limits.upper).contains(&found) {
                    let joint = range.joint.clone();
                    return Err(HandError::OutsideLimits {
                        joint,
                        lower: limits.lower,
                        upper: limits.upper,
                        found,
                    });
                }
            }
            fingers.push(Finger { joint, position_index, open: range.open, closed: range.closed });
        }
        Ok(Self { fingers })
    }

    /// The finger joints with their positions (rad or m) at `closure`, 0 open to 1 closed. What lies outside is taken to the
    /// nearer end; NaN gives nothing.
    pub fn positions(&self, closure: f64) -> impl Iterator<Item = (JointId, f64)> + '_ {
        let closure = closure.clamp(0.0, 1.0);
        let fingers = if closure.is_nan() { &[] } else { self.fingers.as_slice() };
        fingers.iter().map(move |finger| (finger.joint, finger.at(closure)))
    }

    /// Writes the finger joints into an array of the body's positions; followers are left to [`Body::apply_mimics`].
    /// NaN, and an array of another body, change nothing.
    pub fn apply(&self, closure: f64, positions: &mut [f64]) {
        let closure = closure.clamp(0.0, 1.0);
        if closure.is_nan() {
            return;
        }
        for finger in &self.fingers {
            if let Some(position) = positions.get_mut(finger.position_index) {
                *position = finger.at(closure);
            }
        }
    }
}

impl Finger {
    fn at(&self, closure: f64) -> f64 {
        // Exact at both ends.
        self.open * (1.0 - closure) + self.closed * closure
    }
}
