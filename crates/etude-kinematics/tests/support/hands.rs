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

/// The vendors' hands, right and left.
pub(crate) fn hand_cases() -> Vec<HandCase> {
    let models = super::recordings::data_folder().join("robot_models");
    let mut cases = Vec::new();
    for (side, word, upper, long) in [(Side::Right, "rh", "R", "right"), (Side::Left, "lh", "L", "left")] {
        let mut add = |name: &str, file: &str, palm: String, tips: Vec<TipRow>| {
            cases.push(HandCase {
                name: format!("{name} {long}"),
                file: models.join(file),
                palm,
                side,
                tips,
            });
        };
        let row = |finger: HumanFinger, frame: String, offset: [f64; 3]| (finger, frame, offset);
        add("Shadow", &format!("Shadow/Shadow Hand E3M5/{long}_hand.xml"), format!("{word}_palm"), {
            let tip = |finger, part: &str, z| row(finger, format!("{word}_{part}distal"), [0.0, 0.0, z]);
            vec![
                tip(Thumb, "th", 0.0275),
                tip(Index, "ff", 0.026),
                tip(Middle, "mf", 0.026),
                tip(Ring, "rf", 0.026),
                tip(Little, "lf", 0.026),
            ]
        });
        add("Allegro", &format!("Wonik/Allegro V3/{long}_hand.xml"), "palm".to_owned(), {
            let tip = |finger, part: &str, z| row(finger, format!("{part}_tip"), [0.0, 0.0, z]);
            vec![
                tip(Thumb, "th", 0.0423),
                tip(Index, "ff", 0.0267),
                tip(Middle, "mf", 0.0267),
                tip(Ring, "rf", 0.0267),
            ]
        });
        add("LEAP", &format!("CMU LEAP/LEAP Hand/{long}_hand.xml"), "palm".to_owned(), {
            let tip = |finger, part: &str, place| row(finger, format!("{part}_ds"), place);
            vec![
                tip(Thumb, "th", [0.0, -0.055, -0.0145]),
                tip(Index, "if", [0.0, -0.043, 0.0145]),
                tip(Middle, "mf", [0.0, -0.043, 0.0145]),
                tip(Ring, "rf", [0.0, -0.043, 0.0145]),
            ]
        });
        add(
            "Dex3-1",
            &format!("Unitree/Dex3-1 hand/unitree_dex3_{long}.urdf"),
            format!("{long}_hand_palm_link"),
            {
                let tip = |finger: HumanFinger| row(finger, format!("{finger}_tip"), [0.0; 3]);
                vec![tip(Thumb), tip(Index), tip(Middle)]
            },
        );
        let five = |frame: &dyn Fn(&str) -> String| {
            [(Thumb, "thumb"), (Index, "index"), (Middle, "middle"), (Ring, "ring"), (Little, "pinky")]
                .map(|(finger, part)| (finger, frame(part), [0.0; 3]))
                .to_vec()
        };
        let fourier = five(&|part| format!("{upper}_{part}_tip_link"));
        let base = format!("{upper}_hand_base_link");
        add(
            "Fourier 12",
            &format!("Fourier/hand 12dof/fourier_{long}_hand_12dof.urdf"),
            base.clone(),
            fourier.clone(),
        );
        add("Fourier 6", "Fourier/GR1T2 + 6dof hand/gr1t2_fourier_hand_6dof.urdf", base.clone(), fourier);
        add(
            "Revo2",
            &format!("BrainCo/Revo2 hand/brainco_{long}.urdf"),
            format!("{long}_base_link"),
            five(&|part| format!("{long}_{part}_tip")),
        );
        add("F5D6", &format!("Dexmate/F5D6 hand/f5d6_{long}.urdf"), format!("{upper}_hand_base"), {
            let tip = |finger, part: &str| row(finger, format!("{upper}_{part}_tip"), [0.0; 3]);
            vec![tip(Thumb, "th"), tip(Index, "ff"), tip(Middle, "mf"), tip(Ring, "rf"), tip(Little, "lf")]
        });
        add("Inspire", "Unitree/H1 + Inspire (URDF)/h1_with_hand.urdf", base, {
            let up = if side == Side::Right { 1.0 } else { -1.0 };
            let tip = |finger, part: &str, [x, y, z]: [f64; 3]| {
                row(finger, format!("{upper}_{part}"), [x, y * up, z])
            };
            vec![
                tip(Thumb, "thumb_distal", [0.019, 0.010, -0.006]),
                tip(Index, "index_intermediate", [0.004, 0.042, -0.005]),
                tip(Middle, "middle_intermediate", [0.004, 0.045, -0.005]),
                tip(Ring, "ring_intermediate", [0.004, 0.042, -0.005]),
                tip(Little, "pinky_intermediate", [0.005, 0.036, -0.005]),
            ]
        });
        if side == Side::Right {
            add("DEX-EE", "Shadow/DEX-EE/shadow_dexee.xml", "hand_base".to_owned(), {
                let tip = |finger, part: &str| row(finger, format!("{part}/fingertip_site"), [0.0; 3]);
                vec![tip(Thumb, "F0"), tip(Index, "F2"), tip(Middle, "F1")]
            });
        }
    }
    cases
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
