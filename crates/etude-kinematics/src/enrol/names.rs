//! The second witness: what general words in a joint's name say. It is heard last and never decides against clear geometry.

use etude_model::card::Side;
use etude_model::slot::{Part, Slot};

/// What a name says, as far as it says anything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) side: Option<Side>,
    pub(super) region: Option<Region>,
    /// `pitch`, `roll` or `yaw`.
    pub(super) axis: Option<&'static str>,
    /// A finger's name, as in slots.
    pub(super) finger: Option<&'static str>,
}

/// Where on a body a word belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Region {
    Shoulder,
    Elbow,
    Wrist,
    Arm,
    Hand,
    Hip,
    Knee,
    Ankle,
    Leg,
    Waist,
    Head,
    Base,
}

const REGIONS: [(&str, Region); 32] = [
    ("shoulder", Region::Shoulder),
    ("sho", Region::Shoulder),
    ("clavicle", Region::Shoulder),
    ("elbow", Region::Elbow),
    ("wrist", Region::Wrist),
    ("forearm", Region::Wrist),
    ("arm", Region::Arm),
    ("hand", Region::Hand),
    ("gripper", Region::Hand),
    ("finger", Region::Hand),
    ("jaw", Region::Hand),
    ("claw", Region::Hand),
    ("hip", Region::Hip),
    ("thigh", Region::Hip),
    ("knee", Region::Knee),
    ("shank", Region::Knee),
    ("calf", Region::Knee),
    ("ankle", Region::Ankle),
    ("ank", Region::Ankle),
    ("foot", Region::Ankle),
    ("toe", Region::Ankle),
    ("leg", Region::Leg),
    ("waist", Region::Waist),
    ("torso", Region::Waist),
    ("trunk", Region::Waist),
    ("spine", Region::Waist),
    ("lift", Region::Waist),
    ("neck", Region::Head),
    ("head", Region::Head),
    ("wheel", Region::Base),
    ("caster", Region::Base),
    ("steer", Region::Base),
];

const AXES: [(&str, &str); 14] = [
    ("pitch", "pitch"),
    ("tilt", "pitch"),
    ("flex", "pitch"),
    ("fe", "pitch"),
    ("hfe", "pitch"),
    ("kfe", "pitch"),
    ("roll", "roll"),
    ("aa", "roll"),
    ("haa", "roll"),
    ("yaw", "yaw"),
    ("pan", "yaw"),
    ("ie", "yaw"),
    ("hr", "yaw"),
    ("rotate", "roll"),
];

const FINGERS: [(&str, &str); 14] = [
    ("thumb", "thumb"),
    ("th", "thumb"),
    ("index", "index"),
    ("ff", "index"),
    ("if", "index"),
    ("fore", "index"),
    ("middle", "middle"),
    ("mf", "middle"),
    ("ring", "ring"),
    ("rf", "ring"),
    ("little", "little"),
    ("pinky", "little"),
    ("lf", "little"),
    ("pinkie", "little"),
];

/// Reads a name. Words are parted at signs, at digits and where a capital follows a small letter.
pub(super) fn read(name: &str) -> Said {
    let words = words(name);
    let mut said = Said::default();
    for word in &words {
        let word = word.as_str();
        match word {
            "left" | "l" | "lh" => said.side = said.side.or(Some(Side::Left)),
            "right" | "r" | "rh" => said.side = said.side.or(Some(Side::Right)),
            _ => {}
        }
        // A later word says more: in "arm_elbow" the elbow, in "hand_thumb" the thumb.
        if let Some((_, region)) = REGIONS.iter().find(|(known, _)| *known == word) {
            let general = matches!(region, Region::Arm | Region::Leg) && said.region.is_some();
            if !general {
                said.region = Some(*region);
            }
        }
        if let Some((_, axis)) = AXES.iter().find(|(known, _)| *known == word) {
            said.axis = Some(axis);
        }
        if let Some((_, finger)) = FINGERS.iter().find(|(known, _)| *known == word) {
            said.finger = Some(finger);
        }
    }
    said
}

fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for character in name.chars() {
        let parts = !character.is_ascii_alphabetic()
            || (character.is_ascii_uppercase() && before.is_ascii_lowercase());
        // "LHipYaw": the L stands alone before another capital.
        let side_letter = character.is_ascii_uppercase()
            && matches!(words.last().map(String::as_str), Some("l" | "r"))
            && before.is_ascii_uppercase();
        if parts || side_letter {
            words.push(String::new());
        }
        if character.is_ascii_alphabetic()
            && let Some(word) = words.last_mut()
        {
            word.push(character.to_ascii_lowercase());
        }
        before = character;
    }
    words.retain(|word| !word.is_empty());
    words
}

/// How a name stands to a slot that geometry found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It says nothing of it.
    Silent,
    /// It says the same.
    Agrees,
    /// It calls the axis otherwise: vendors differ in that.
    OtherAxis,
    /// It names another part of the body, the other side or another finger.
    OtherPart,
}

/// Compares what a name says with a slot.
pub(super) fn compare(said: &Said, slot: &Slot) -> Verdict {
    let side = match slot.part {
        Part::LeftArm | Part::LeftHand | Part::LeftLeg => Some(Side::Left),
        Part::RightArm | Part::RightHand | Part::RightLeg => Some(Side::Right),
        _ => None,
    };
    if let (Some(said), Some(side)) = (said.side, side)
        && said != side
    {
        return Verdict::OtherPart;
    }
    let joint = slot.joint.as_str();
    if let Some(region) = said.region
        && !fits(region, slot.part, joint)
    {
        return Verdict::OtherPart;
    }
    let is_hand = matches!(slot.part, Part::LeftHand | Part::RightHand);
    if is_hand {
        return match said.finger {
            Some(finger) if joint.starts_with(finger) => Verdict::Agrees,
            Some(_) if !joint.starts_with("gripper") && !joint.starts_with("finger") => Verdict::OtherPart,
            _ => Verdict::Silent,
        };
    }
    match said.axis {
        Some(axis) if ["pitch", "roll", "yaw"].iter().any(|known| joint.contains(known)) => {
            if joint.contains(axis) { Verdict::Agrees } else { Verdict::OtherAxis }
        }
        _ if said.region.is_some() => Verdict::Agrees,
        _ => Verdict::Silent,
    }
}

fn fits(region: Region, part: Part, joint: &str) -> bool {
    let arm = matches!(part, Part::LeftArm | Part::RightArm);
    let leg = matches!(part, Part::LeftLeg | Part::RightLeg);
    let hand = matches!(part, Part::LeftHand | Part::RightHand);
    match region {
        Region::Shoulder | Region::Elbow => arm,
        // Hands hang on arms, and where a wrist starts vendors differ.
        Region::Arm | Region::Wrist => arm || hand,
        Region::Hand => hand || (arm && joint.starts_with("wrist")),
        Region::Hip | Region::Knee | Region::Ankle | Region::Leg => leg,
        Region::Waist => part == Part::Waist,
        Region::Head => part == Part::Head,
        Region::Base => part == Part::Base,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_however_they_are_joined() {
        let said = read("LHipYaw");
        assert_eq!((said.side, said.region, said.axis), (Some(Side::Left), Some(Region::Hip), Some("yaw")));
        let said = read("J13_SHOULDER_PITCH_L");
        assert_eq!((said.side, said.region), (Some(Side::Left), Some(Region::Shoulder)));
        assert_eq!(read("joint7"), Said::default());
        assert_eq!(read("R_thumb_proximal_yaw_joint").finger, Some("thumb"));
        assert_eq!(read("zarm_l1_joint").side, Some(Side::Left));
    }

    #[test]
    fn another_side_is_another_part() {
        let slot: Slot = "right_arm.elbow".parse().expect("a slot");
        assert_eq!(compare(&read("left_elbow"), &slot), Verdict::OtherPart);
        assert_eq!(compare(&read("right_elbow_joint"), &slot), Verdict::Agrees);
        let slot: Slot = "left_arm.wrist_roll".parse().expect("a slot");
        assert_eq!(compare(&read("left_wrist_yaw_joint"), &slot), Verdict::OtherAxis);
        assert_eq!(compare(&read("joint5"), &slot), Verdict::Silent);
    }
}
