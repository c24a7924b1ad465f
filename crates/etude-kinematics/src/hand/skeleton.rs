//! A person's hand: the 25 joints of WebXR, and the palm's axes found in them.

use std::fmt;

use etude_model::card::Side;
use etude_model::sample::{HAND_JOINTS, HandPose};
use nalgebra::{Isometry3, Matrix3, Rotation3, Translation3, UnitQuaternion, Vector3};

/// Names of the joints as WebXR writes them, in its order.
pub const JOINT_NAMES: [&str; HAND_JOINTS] = [
    "wrist",
    "thumb-metacarpal",
    "thumb-phalanx-proximal",
    "thumb-phalanx-distal",
    "thumb-tip",
    "index-finger-metacarpal",
    "index-finger-phalanx-proximal",
    "index-finger-phalanx-intermediate",
    "index-finger-phalanx-distal",
    "index-finger-tip",
    "middle-finger-metacarpal",
    "middle-finger-phalanx-proximal",
    "middle-finger-phalanx-intermediate",
    "middle-finger-phalanx-distal",
    "middle-finger-tip",
    "ring-finger-metacarpal",
    "ring-finger-phalanx-proximal",
    "ring-finger-phalanx-intermediate",
    "ring-finger-phalanx-distal",
    "ring-finger-tip",
    "pinky-finger-metacarpal",
    "pinky-finger-phalanx-proximal",
    "pinky-finger-phalanx-intermediate",
    "pinky-finger-phalanx-distal",
    "pinky-finger-tip",
];

/// Distance of two neighbouring joints, m, beyond which no hand is believed.
const BONE_MAX_M: f64 = 0.16;
/// Distance of the wrist and the middle knuckle, m, below which no hand is believed.
const PALM_MIN_M: f64 = 0.02;

/// A finger of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HumanFinger {
    /// The thumb.
    Thumb,
    /// The finger next to the thumb.
    Index,
    /// The middle finger.
    Middle,
    /// The ring finger.
    Ring,
    /// The little finger.
    Little,
}

impl HumanFinger {
    /// All five, from the thumb outward.
    pub const ALL: [Self; 5] = [Self::Thumb, Self::Index, Self::Middle, Self::Ring, Self::Little];

    /// The finger of a slot's word: `thumb`, `index`, `middle`, `ring` or `little`.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|finger| finger.name() == name)
    }

    /// The finger's word in slots.
    pub fn name(self) -> &'static str {
        match self {
            Self::Thumb => "thumb",
            Self::Index => "index",
            Self::Middle => "middle",
            Self::Ring => "ring",
            Self::Little => "little",
        }
    }

    /// Place among [`HumanFinger::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }

    /// Places in [`JOINT_NAMES`] of the four joints that bend and end the finger, from the palm outward: of the thumb
    /// from its metacarpal's root, of the others from the knuckle. The last one is the tip.
    pub fn joints(self) -> [usize; 4] {
        let knuckle = match self {
            Self::Thumb => 1,
            other => 5 * other.index() + 1,
        };
        [knuckle, knuckle + 1, knuckle + 2, knuckle + 3]
    }

    /// Place of the tip in [`JOINT_NAMES`].
    pub fn tip(self) -> usize {
        self.joints()[3]
    }
}

impl fmt::Display for HumanFinger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Where the joints of a person's hand are.
#[derive(Debug, Clone, PartialEq)]
pub struct HandSkeleton {
    /// Which hand it is.
    pub side: Side,
    /// Joint positions, \[joint\], m, in any one frame; order of [`JOINT_NAMES`].
    pub points_m: [Vector3<f64>; HAND_JOINTS],
    /// Which of them are known, \[joint\]. A point that is not finite counts as unknown all the same.
    pub known: [bool; HAND_JOINTS],
}

impl HandSkeleton {
    /// The joints of a tracked hand. A hand that is not tracked, or lacks joints, has unknown ones.
    pub fn from_pose(side: Side, hand: &HandPose) -> Self {
        let mut skeleton = Self::unknown(side);
        for (index, joint) in hand.joints.iter().take(HAND_JOINTS).enumerate() {
            skeleton.points_m[index] = Vector3::from(joint.position_m);
            skeleton.known[index] = hand.tracked && joint.is_valid();
        }
        skeleton
    }

    /// From 21 landmarks as camera trackers give them (`MediaPipe`'s order: wrist, then four joints of each finger from the
    /// thumb on), \[landmark\], m. The metacarpals of the four long fingers stay unknown; retargeting needs none of them.
    pub fn from_landmarks(side: Side, landmarks: &[[f64; 3]; 21]) -> Self {
        let mut skeleton = Self::unknown(side);
        skeleton.put(0, landmarks[0]);
        for (finger, four) in HumanFinger::ALL.into_iter().zip(landmarks[1..].chunks_exact(4)) {
            for (joint, &landmark) in finger.joints().into_iter().zip(four) {
                skeleton.put(joint, landmark);
            }
        }
        skeleton
    }

    /// A hand of which nothing is known.
    pub fn unknown(side: Side) -> Self {
        Self { side, points_m: [Vector3::zeros(); HAND_JOINTS], known: [false; HAND_JOINTS] }
    }

    fn put(&mut self, joint: usize, position: [f64; 3]) {
        self.points_m[joint] = Vector3::from(position);
        self.known[joint] = true;
    }

    /// The position of a joint, where it is known and finite.
    pub fn point(&self, joint: usize) -> Option<&Vector3<f64>> {
        let point = self.points_m.get(joint)?;
        let known = self.known.get(joint).copied().unwrap_or(false);
        (known && point.iter().all(|value| value.is_finite())).then_some(point)
    }

    /// The pose of the palm in the skeleton's frame: origin at the wrist, `-z` towards the middle knuckle, `y` out of the
    /// back of the hand. It needs the wrist, the knuckles of index and middle finger and one beyond them; `None` where one
    /// is unknown or no hand has such a palm.
    pub fn palm(&self) -> Option<Isometry3<f64>> {
        let wrist = self.point(0)?;
        let knuckle = |finger: HumanFinger| self.point(finger.joints()[0]);
        let index = knuckle(HumanFinger::Index)?;
        let middle = knuckle(HumanFinger::Middle)?;
        let outer = knuckle(HumanFinger::Little).or_else(|| knuckle(HumanFinger::Ring))?;
        let plausible = [index, middle, outer].iter().all(|point| (*point - wrist).norm() < BONE_MAX_M)
            && (middle - wrist).norm() > PALM_MIN_M;
        if !plausible {
            return None;
        }
        let across = if self.side == Side::Right { outer - index } else { index - outer };
        let z = (wrist - middle).try_normalize(1e-6)?;
        let y = z.cross(&across).try_normalize(1e-6)?;
        let axes = Rotation3::from_matrix_unchecked(Matrix3::from_columns(&[y.cross(&z), y, z]));
        Some(Isometry3::from_parts(Translation3::from(*wrist), UnitQuaternion::from_rotation_matrix(&axes)))
    }

    /// The three bones of a finger from the knuckle (of the thumb: the metacarpal's root) to the tip, m; `None` where a
    /// joint is unknown or a bone too long for any hand.
    pub fn bones_m(&self, finger: HumanFinger) -> Option<[f64; 3]> {
        let [a, b, c, d] = finger.joints().map(|joint| self.point(joint));
        let (a, b, c, d) = (a?, b?, c?, d?);
        let bones = [(b - a).norm(), (c - b).norm(), (d - c).norm()];
        bones.iter().all(|&bone| bone < BONE_MAX_M).then_some(bones)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_fingers_agree() {
        for finger in HumanFinger::ALL {
            let word = if finger == HumanFinger::Little { "pinky".to_owned() } else { finger.to_string() };
            for joint in finger.joints() {
                assert!(JOINT_NAMES[joint].starts_with(&word), "{finger}: {}", JOINT_NAMES[joint]);
            }
            assert!(JOINT_NAMES[finger.tip()].ends_with("-tip"));
            assert_eq!(HumanFinger::from_name(finger.name()), Some(finger));
        }
    }

    #[test]
    fn a_palm_needs_its_knuckles() {
        let mut hand = HandSkeleton::unknown(Side::Right);
        assert_eq!(hand.palm(), None);
        hand.put(0, [0.0, 0.0, 0.0]);
        for (finger, x) in HumanFinger::ALL[1..].iter().zip([-0.03, 0.0, 0.02, 0.04]) {
            hand.put(finger.joints()[0], [x, 0.0, -0.09]);
        }
        let palm = hand.palm().expect("all knuckles are known");
        assert!(palm.rotation.angle() < 1e-12, "a right hand that lies along WebXR's axes");
        hand.known[HumanFinger::Little.joints()[0]] = false;
        assert!(hand.palm().is_some(), "the ring finger's knuckle does as well");
        hand.points_m[0].x = f64::NAN;
        assert_eq!(hand.palm(), None);
        hand.points_m[0].x = 5.0;
        assert_eq!(hand.palm(), None, "a wrist five metres away");
    }
}
