//! Vendors' hands and grippers: which frames are their palms and fingertips. Tips that the models do not name are given by
//! their place in the last link.

use std::path::PathBuf;

use etude_kinematics::hand::{FingerRange, GripperModel, HandModel, HumanFinger, Tip};
use etude_kinematics::{Body, BodyOptions};
use etude_model::card::Side;
use nalgebra::Vector3;

use HumanFinger::{Index, Little, Middle, Ring, Thumb};

/// A finger, the frame of its tip, and the tip's place in that frame, m.
type TipRow = (HumanFinger, String, [f64; 3]);

/// A hand of a vendor.
pub(crate) struct HandCase {
    pub(crate) name: String,
    pub(crate) file: PathBuf,
    pub(crate) palm: String,
    pub(crate) side: Side,
    pub(crate) tips: Vec<TipRow>,
}

impl HandCase {
    /// Reads the body and finds the hand in it; nothing where the model is not there.
    pub(crate) fn read(&self) -> Option<(Body, HandModel)> {
        if !self.file.is_file() {
            return None;
        }
        let options = BodyOptions { freeze_free_joints: true, ..BodyOptions::default() };
        let body = Body::from_path(&self.file, &options).expect("the vendor's model reads");
        let tips: Vec<_> = self
            .tips
            .iter()
            .map(|(finger, frame, offset)| {
                let frame = body.frame(frame).or_else(|_| body.site(frame)).expect("the tip is in the model");
                (*finger, Tip { frame, offset_m: Vector3::from(*offset) })
            })
            .collect();
        let palm = body.frame(&self.palm).expect("the palm is in the model");
        let model = HandModel::from_tips(&body, palm, &tips).expect("the hand has a palm");
        Some((body, model))
    }
}

/// A vendor's hand as it is written down: `{side}` is right or left, `{S}` its capital letter, `{s}` its small one.
struct HandRow {
    name: &'static str,
    file: &'static str,
    palm: &'static str,
    /// The tips of a right hand.
    tips: &'static [(HumanFinger, &'static str, [f64; 3])],
    /// What the offsets' y is multiplied with for a left hand.
    left_y: f64,
}

const ZERO: [f64; 3] = [0.0; 3];
const FOURIER_TIPS: &[(HumanFinger, &str, [f64; 3])] = &[
    (Thumb, "{S}_thumb_tip_link", ZERO),
    (Index, "{S}_index_tip_link", ZERO),
    (Middle, "{S}_middle_tip_link", ZERO),
    (Ring, "{S}_ring_tip_link", ZERO),
    (Little, "{S}_pinky_tip_link", ZERO),
];

#[rustfmt::skip]
const HANDS: [HandRow; 10] = [
    HandRow {
        name: "Shadow", file: "Shadow/Shadow Hand E3M5/{side}_hand.xml", palm: "{s}h_palm", left_y: 1.0,
        tips: &[
            (Thumb, "{s}h_thdistal", [0.0, 0.0, 0.0275]), (Index, "{s}h_ffdistal", [0.0, 0.0, 0.026]),
            (Middle, "{s}h_mfdistal", [0.0, 0.0, 0.026]), (Ring, "{s}h_rfdistal", [0.0, 0.0, 0.026]),
            (Little, "{s}h_lfdistal", [0.0, 0.0, 0.026]),
        ],
    },
    HandRow {
        name: "Allegro", file: "Wonik/Allegro V3/{side}_hand.xml", palm: "palm", left_y: 1.0,
        tips: &[
            (Thumb, "th_tip", [0.0, 0.0, 0.0423]), (Index, "ff_tip", [0.0, 0.0, 0.0267]),
            (Middle, "mf_tip", [0.0, 0.0, 0.0267]), (Ring, "rf_tip", [0.0, 0.0, 0.0267]),
        ],
    },
    HandRow {
        name: "LEAP", file: "CMU LEAP/LEAP Hand/{side}_hand.xml", palm: "palm", left_y: 1.0,
        tips: &[
            (Thumb, "th_ds", [0.0, -0.055, -0.0145]), (Index, "if_ds", [0.0, -0.043, 0.0145]),
            (Middle, "mf_ds", [0.0, -0.043, 0.0145]), (Ring, "rf_ds", [0.0, -0.043, 0.0145]),
        ],
    },
    HandRow {
        name: "Dex3-1", file: "Unitree/Dex3-1 hand/unitree_dex3_{side}.urdf", palm: "{side}_hand_palm_link", left_y: 1.0,
        tips: &[(Thumb, "thumb_tip", ZERO), (Index, "index_tip", ZERO), (Middle, "middle_tip", ZERO)],
    },
    HandRow {
        name: "Fourier 12", file: "Fourier/hand 12dof/fourier_{side}_hand_12dof.urdf", palm: "{S}_hand_base_link", left_y: 1.0,
        tips: FOURIER_TIPS,
    },
    HandRow {
        name: "Fourier 6", file: "Fourier/GR1T2 + 6dof hand/gr1t2_fourier_hand_6dof.urdf", palm: "{S}_hand_base_link", left_y: 1.0,
        tips: FOURIER_TIPS,
    },
    HandRow {
        name: "Revo2", file: "BrainCo/Revo2 hand/brainco_{side}.urdf", palm: "{side}_base_link", left_y: 1.0,
        tips: &[
            (Thumb, "{side}_thumb_tip", ZERO), (Index, "{side}_index_tip", ZERO), (Middle, "{side}_middle_tip", ZERO),
            (Ring, "{side}_ring_tip", ZERO), (Little, "{side}_pinky_tip", ZERO),
        ],
    },
    HandRow {
        name: "F5D6", file: "Dexmate/F5D6 hand/f5d6_{side}.urdf", palm: "{S}_hand_base", left_y: 1.0,
        tips: &[
            (Thumb, "{S}_th_tip", ZERO), (Index, "{S}_ff_tip", ZERO), (Middle, "{S}_mf_tip", ZERO),
            (Ring, "{S}_rf_tip", ZERO), (Little, "{S}_lf_tip", ZERO),
        ],
    },
    HandRow {
        name: "Inspire", file: "Unitree/H1 + Inspire (URDF)/h1_with_hand.urdf", palm: "{S}_hand_base_link", left_y: -1.0,
        tips: &[
            (Thumb, "{S}_thumb_distal", [0.019, 0.010, -0.006]), (Index, "{S}_index_intermediate", [0.004, 0.042, -0.005]),
            (Middle, "{S}_middle_intermediate", [0.004, 0.045, -0.005]), (Ring, "{S}_ring_intermediate", [0.004, 0.042, -0.005]),
            (Little, "{S}_pinky_intermediate", [0.005, 0.036, -0.005]),
        ],
    },
    // Three fingers all round: a right hand where F2 is called the index finger.
    HandRow {
        name: "DEX-EE", file: "Shadow/DEX-EE/shadow_dexee.xml", palm: "hand_base", left_y: 1.0,
        tips: &[
            (Thumb, "F0/fingertip_site", ZERO), (Index, "F2/fingertip_site", ZERO), (Middle, "F1/fingertip_site", ZERO),
        ],
    },
];

/// The vendors' hands, right and left.
pub(crate) fn hand_cases() -> Vec<HandCase> {
    let models = super::recordings::data_folder().join("robot_models");
    let case = |row: &HandRow, side: Side| {
        let (word, letter) = if side == Side::Right { ("right", "R") } else { ("left", "L") };
        let fill = |text: &str| {
            let text = text.replace("{side}", word).replace("{S}", letter);
            text.replace("{s}", &letter.to_lowercase())
        };
        let mirror = if side == Side::Right { 1.0 } else { row.left_y };
        let tip = |&(finger, frame, [x, y, z]): &(HumanFinger, &str, [f64; 3])| {
            (finger, fill(frame), [x, y * mirror, z])
        };
        HandCase {
            name: format!("{} {word}", row.name),
            file: models.join(fill(row.file)),
            palm: fill(row.palm),
            side,
            tips: row.tips.iter().map(tip).collect(),
        }
    };
    let right = HANDS.iter().map(|row| case(row, Side::Right));
    let left = HANDS.iter().filter(|row| row.name != "DEX-EE").map(|row| case(row, Side::Left));
    right.chain(left).collect()
}

/// A gripper of a vendor.
struct GripperCase {
    name: &'static str,
    file: &'static str,
    joint: &'static str,
    open: f64,
    closed: f64,
    pads: Option<(&'static str, &'static str)>,
}

const GRIPPERS: [GripperCase; 5] = [
    GripperCase {
        name: "Robotiq 2F-85",
        file: "Robotiq/2F-85/2f85.xml",
        joint: "left_driver_joint",
        open: 0.0,
        closed: 0.8,
        pads: None,
    },
    GripperCase {
        name: "Panda",
        file: "Franka/Panda/panda.xml",
        joint: "finger_joint2",
        open: 0.04,
        closed: 0.0,
        pads: Some(("left_finger", "right_finger")),
    },
    GripperCase {
        name: "PiPER",
        file: "AgileX/PiPER/piper.xml",
        joint: "joint7",
        open: 0.035,
        closed: 0.0,
        pads: Some(("link7", "link8")),
    },
    GripperCase {
        name: "SO-101",
        file: "TheRobotStudio/SO-101/so101.xml",
        joint: "gripper",
        open: 1.745,
        closed: -0.174,
        pads: None,
    },
    GripperCase {
        name: "xArm7",
        file: "UFACTORY/xArm7/xarm7.xml",
        joint: "right_driver_joint",
        open: 0.0,
        closed: 0.85,
        pads: None,
    },
];

/// Reads the vendors' grippers that are there.
pub(crate) fn grippers() -> Vec<(&'static str, Body, GripperModel)> {
    let models = super::recordings::data_folder().join("robot_models");
    let read = |case: &GripperCase| {
        let path = models.join(case.file);
        if !path.is_file() {
            return None;
        }
        let body = Body::from_path(&path, &BodyOptions::default()).expect("the vendor's model reads");
        let tip = |frame: &str| Tip {
            frame: body.frame(frame).expect("the pad is in the model"),
            offset_m: Vector3::zeros(),
        };
        let range = FingerRange { joint: case.joint.to_owned(), open: case.open, closed: case.closed };
        let pads = case.pads.map(|(one, other)| (tip(one), tip(other)));
        let model = GripperModel::new(vec![range], pads);
        Some((case.name, body, model))
    };
    GRIPPERS.iter().filter_map(read).collect()
}
