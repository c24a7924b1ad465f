//! What can be wrong with a hand's description.

use super::skeleton::HumanFinger;
use crate::body::{JointKind, LookupError};

/// A hand that cannot be moved as asked.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum HandError {
    /// The body has no such joint or frame.
    #[error(transparent)]
    Lookup(#[from] LookupError),
    /// The joint cannot be set by one number of its own.
    #[error("joint \"{0}\": expected a revolute or prismatic joint that follows no other")]
    NotIndependent(String),
    /// A position outside the joint's limits.
    #[error("joint \"{joint}\": expected a position in [{lower}, {upper}], found {found}")]
    OutsideLimits {
        /// The joint.
        joint: String,
        /// Its lower limit, rad or m.
        lower: f64,
        /// Its upper limit, rad or m.
        upper: f64,
        /// The position asked for, rad or m.
        found: f64,
    },
    /// A finger has a joint that one number cannot set.
    #[error(
        "joint \"{joint}\" of the {finger} finger: expected revolute and prismatic joints alone, found {kind:?}"
    )]
    FingerJoint {
        /// The finger.
        finger: HumanFinger,
        /// The joint.
        joint: String,
        /// How it moves.
        kind: JointKind,
    },
    /// A fingertip does not hang on the palm, or no joint lies between the two.
    #[error(
        "fingertip \"{tip}\": expected at least one joint between it and the palm \"{palm}\", found none"
    )]
    NoJoints {
        /// The tip's frame.
        tip: String,
        /// The palm's frame.
        palm: String,
    },
    /// Two fingers follow the same finger of the person, or there is none.
    #[error("expected one to five fingers that follow different fingers of a person, found {found:?}")]
    Fingers {
        /// What the fingers follow.
        found: Vec<HumanFinger>,
    },
    /// The palm's axes do not follow from the fingers.
    #[error("hand at \"{palm}\": expected fingers whose joints bend them to one side, found {found}")]
    Palm {
        /// The palm's frame.
        palm: String,
        /// What was found instead.
        found: &'static str,
    },
    /// A number of the description or the options is not usable.
    #[error("{what}: expected {expected}, found {found}")]
    Number {
        /// Which number.
        what: &'static str,
        /// What it must be.
        expected: &'static str,
        /// What it is.
        found: f64,
    },
}
