//! A person's hand made of angles, and a robot's hand of five fingers, each right or left.

use std::fmt::Write;

use etude_kinematics::hand::{HandModel, HandSkeleton, HumanFinger, Tip};
use etude_kinematics::{Body, BodyOptions};
use etude_model::card::Side;
use nalgebra::{Isometry3, Translation3, UnitQuaternion, Vector3};

use crate::data::Random;

/// Roots (x of a right hand, z) of the fingers in the wrist's frame and their bones, m.
const ROOTS: [([f64; 2], [f64; 3]); 5] = [
    ([-0.03, -0.02], [0.04, 0.033, 0.027]),
    ([-0.025, -0.09], [0.041, 0.025, 0.022]),
    ([0.0, -0.092], [0.045, 0.028, 0.024]),
    ([0.02, -0.087], [0.041, 0.027, 0.024]),
    ([0.04, -0.08], [0.032, 0.02, 0.021]),
];

/// Bends of a hand's fingers, each 0 stretched to 1 bent, and how far the thumb is turned across the palm.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bends {
    pub(crate) fingers: [f64; 5],
    pub(crate) opposition: f64,
}

/// A hand with its wrist at the origin, along WebXR's axes.
pub(crate) fn person(side: Side, bends: &Bends) -> HandSkeleton {
    let mut hand = HandSkeleton::unknown(side);
    let mirror = if side == Side::Right { 1.0 } else { -1.0 };
    let mut put = |joint: usize, point: Vector3<f64>| {
        hand.points_m[joint] = Vector3::new(point.x * mirror, point.y, point.z);
        hand.known[joint] = true;
    };
    put(0, Vector3::zeros());
    for (finger, ([x, z], bones)) in HumanFinger::ALL.into_iter().zip(ROOTS) {
        let bend = bends.fingers[finger.index()];
        let (down, turn, curls) = if finger == HumanFinger::Thumb {
            let across = UnitQuaternion::from_axis_angle(&Vector3::z_axis(), 1.1 * bends.opposition);
            (-0.012, across * UnitQuaternion::from_axis_angle(&Vector3::y_axis(), 0.8), [0.2, 0.7, 0.9])
        } else {
            put(finger.joints()[0] - 1, Vector3::new(0.5 * x, 0.0, 0.3 * z));
            (0.0, UnitQuaternion::from_axis_angle(&Vector3::y_axis(), -3.0 * x), [1.4, 1.6, 1.0])
        };
        let mut pose = Isometry3::from_parts(Translation3::new(x, down, z), turn);
        for ((joint, bone), curl) in finger.joints().into_iter().zip(bones).zip(curls) {
            put(joint, pose.translation.vector);
            let curl = UnitQuaternion::from_axis_angle(&Vector3::x_axis(), -curl * bend);
            pose *= curl;
            pose *= Translation3::new(0.0, 0.0, -bone);
        }
        put(finger.tip(), pose.translation.vector);
    }
    hand
}

/// A hand of which the thumb's tip is `gap_m` from that of a finger, half bent, in the direction it lies in.
pub(crate) fn pinching(side: Side, finger: HumanFinger, gap_m: f64) -> HandSkeleton {
    let mut bends = Bends { fingers: [0.5, 0.1, 0.1, 0.1, 0.1], opposition: 1.0 };
    bends.fingers[finger.index()] = 0.4;
    let mut hand = person(side, &bends);
    let (tip, thumb) = (hand.points_m[finger.tip()], hand.points_m[HumanFinger::Thumb.tip()]);
    hand.points_m[HumanFinger::Thumb.tip()] = tip + (thumb - tip).normalize() * gap_m;
    hand
}

/// The same hand somewhere else.
pub(crate) fn moved(hand: &HandSkeleton, by: &Isometry3<f64>) -> HandSkeleton {
    let mut hand = hand.clone();
    for point in &mut hand.points_m {
        *point = by * nalgebra::Point3::from(*point) - nalgebra::Point3::origin();
    }
    hand
}

/// A pose anywhere.
pub(crate) fn anywhere(random: &mut Random) -> Isometry3<f64> {
    let mut vector = |reach: f64| Vector3::from_fn(|_, _| random.between(-reach, reach));
    Isometry3::new(vector(2.0), vector(3.0))
}

/// A robot's hand: fingers along x, the back of the hand along z. Outer joints follow inner ones. Equal positions of a right
/// and a left one are mirror images.
pub(crate) fn robot(side: Side) -> (Body, HandModel) {
    let left = if side == Side::Right { 1.0 } else { -1.0 };
    let mut text = String::from("<robot name=\"hand\"><link name=\"palm\"/>");
    let mut joint = |parent: &str,
                     name: &str,
                     place: [f64; 3],
                     yaw: f64,
                     axis: [f64; 3],
                     range: [f64; 2],
                     follows: Option<&str>| {
        let [x, y, z] = place;
        let [ax, ay, az] = axis;
        let mimic = follows.map_or(String::new(), |source| {
            format!("<mimic joint=\"{source}\" multiplier=\"0.8\" offset=\"0.02\"/>")
        });
        write!(text,
            "<link name=\"{name}\"/><joint name=\"{name}\" type=\"revolute\"><parent link=\"{parent}\"/><child link=\"{name}\"/>\
             <origin xyz=\"{x} {} {z}\" rpy=\"0 0 {}\"/><axis xyz=\"{} {ay} {}\"/>\
             <limit lower=\"{}\" upper=\"{}\" effort=\"1\" velocity=\"6\"/>{mimic}</joint>",
            y * left,
            yaw * left,
            ax * left,
            az * left,
            range[0],
            range[1],
        )
        .expect("a string takes all");
    };
    for (place, finger) in HumanFinger::ALL[1..].iter().enumerate() {
        let name = |part: &str| format!("{finger}_{part}");
        let root = [0.09 - 0.004 * place as f64, 0.035 - 0.022 * place as f64, 0.0];
        joint("palm", &name("spread"), root, 0.0, [0.0, 0.0, 1.0], [-0.3, 0.3], None);
        joint(&name("spread"), &name("proximal"), [0.0; 3], 0.0, [0.0, 1.0, 0.0], [-0.1, 1.6], None);
        joint(&name("proximal"), &name("middle"), [0.05, 0.0, 0.0], 0.0, [0.0, 1.0, 0.0], [0.0, 1.7], None);
        joint(
            &name("middle"),
            &name("distal"),
            [0.03, 0.0, 0.0],
            0.0,
            [0.0, 1.0, 0.0],
            [0.0, 1.5],
            Some(&name("middle")),
        );
    }
    joint("palm", "thumb_turn", [0.02, 0.025, -0.012], 0.8, [1.0, 0.0, 0.0], [-0.2, 1.9], None);
    joint("thumb_turn", "thumb_base", [0.0; 3], 0.0, [0.0, 0.0, 1.0], [-0.8, 0.8], None);
    joint("thumb_base", "thumb_middle", [0.045, 0.0, 0.0], 0.0, [0.0, 0.6, -0.8], [-0.1, 1.4], None);
    joint(
        "thumb_middle",
        "thumb_distal",
        [0.035, 0.0, 0.0],
        0.0,
        [0.0, 0.6, -0.8],
        [0.0, 1.3],
        Some("thumb_middle"),
    );
    text += "</robot>";
    let body = Body::from_text(&text, "hand.urdf", &BodyOptions::default()).expect("the hand is sound");
    let tips: Vec<_> = HumanFinger::ALL
        .into_iter()
        .map(|finger| {
            let frame = body.frame(&format!("{finger}_distal")).expect("it was made above");
            (finger, Tip { frame, offset_m: Vector3::new(0.025, 0.0, 0.0) })
        })
        .collect();
    let palm = body.frame("palm").expect("it was made above");
    let model = HandModel::from_tips(&body, palm, &tips).expect("the hand has a palm");
    (body, model)
}
