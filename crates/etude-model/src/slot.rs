//! Canonical slots: the names under which joints of different bodies are compared.
//!
//! Written `part.joint`, such as `left_arm.shoulder_pitch`. Slots follow the geometry of the zero pose, not a vendor's
//! naming; a card keeps both names.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use std::str::FromStr;

/// A part of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// The left arm, from the torso to the wrist.
    LeftArm,
    /// The right arm.
    RightArm,
    /// Fingers or gripper at the left wrist.
    LeftHand,
    /// Fingers or gripper at the right wrist.
    RightHand,
    /// The left leg.
    LeftLeg,
    /// The right leg.
    RightLeg,
    /// Joints between legs (or base) and arms, lifts among them.
    Waist,
    /// Neck and head.
    Head,
    /// Wheels and their steering.
    Base,
}

impl Part {
    const ALL: [(Self, &'static str); 9] = [
        (Self::LeftArm, "left_arm"),
        (Self::RightArm, "right_arm"),
        (Self::LeftHand, "left_hand"),
        (Self::RightHand, "right_hand"),
        (Self::LeftLeg, "left_leg"),
        (Self::RightLeg, "right_leg"),
        (Self::Waist, "waist"),
        (Self::Head, "head"),
        (Self::Base, "base"),
    ];

    /// The part as it is written in a slot.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(part, _)| *part == self).map_or("", |(_, name)| name)
    }
}

impl Part {
    /// The same part on the other side; what has no side stays.
    #[must_use]
    pub fn mirrored(self) -> Self {
        match self {
            Self::LeftArm => Self::RightArm,
            Self::RightArm => Self::LeftArm,
            Self::LeftHand => Self::RightHand,
            Self::RightHand => Self::LeftHand,
            Self::LeftLeg => Self::RightLeg,
            Self::RightLeg => Self::LeftLeg,
            other => other,
        }
    }
}

/// A canonical slot.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot {
    /// The part of the body.
    pub part: Part,
    /// The joint within the part, such as `shoulder_pitch` or `thumb_0`.
    pub joint: String,
}

/// Text that is not a slot.
#[derive(Debug, thiserror::Error)]
#[error("expected a slot such as `left_arm.shoulder_pitch`, found {found:?}")]
pub struct SlotError {
    found: String,
}

impl FromStr for Slot {
    type Err = SlotError;

    fn from_str(text: &str) -> Result<Self, SlotError> {
        let error = || SlotError { found: text.to_owned() };
        let (part, joint) = text.split_once('.').ok_or_else(error)?;
        let part = Part::ALL.iter().find(|(_, name)| *name == part).ok_or_else(error)?.0;
        let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        if joint.is_empty() || !joint.chars().all(legal) {
            return Err(error());
        }
        Ok(Self { part, joint: joint.to_owned() })
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.part.name(), self.joint)
    }
}

impl Serialize for Slot {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Slot {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes() {
        let slot: Slot = "left_arm.shoulder_pitch".parse().expect("a slot");
        assert_eq!(slot.part, Part::LeftArm);
        assert_eq!(slot.to_string(), "left_arm.shoulder_pitch");
    }

    #[test]
    fn refuses_what_is_no_slot() {
        for text in ["", "left_arm", "arm.elbow", "left_arm.", "left_arm.Elbow"] {
            assert!(text.parse::<Slot>().is_err(), "{text}");
        }
    }
}
