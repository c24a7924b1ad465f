//! A hand's 25 joints from how far it is closed, and back.
//!
//! The skeleton is an average adult's: bones of 0.02 to 0.07 m, three of them per finger, that curl by up to 75°, 95° and
//! 60°. It serves the scripted trainer; reading a closure back ([`closure`]) works on any tracked hand.

use etude_kinematics::transform;
use etude_model::card::Side;
use etude_model::sample::{HAND_JOINTS, HandPose};
use nalgebra::{Isometry3, Translation3, UnitQuaternion, Vector3};
use std::sync::OnceLock;

/// Where a finger begins in the wrist's frame (x to the thumb's side of a right hand is -x; z backwards), m.
struct Finger {
    root_m: [f64; 3],
    /// Turn of the finger's root about the palm's normal, rad.
    splay_rad: f64,
    /// Bone lengths from the metacarpal outward, m.
    bones_m: &'static [f64],
    /// Bend of each joint after the metacarpal when the hand is closed, rad.
    curl_rad: &'static [f64],
}

const FINGERS: [Finger; 5] = [
    Finger {
        root_m: [-0.025, -0.01, -0.02],
        splay_rad: 0.7,
        bones_m: &[0.045, 0.032, 0.026],
        curl_rad: &[0.5, 0.9],
    },
    Finger {
        root_m: [-0.02, 0.0, -0.03],
        splay_rad: 0.1,
        bones_m: &[0.065, 0.042, 0.025, 0.022],
        curl_rad: CURL,
    },
    Finger {
        root_m: [0.0, 0.0, -0.03],
        splay_rad: 0.0,
        bones_m: &[0.062, 0.046, 0.029, 0.023],
        curl_rad: CURL,
    },
    Finger {
        root_m: [0.015, 0.0, -0.028],
        splay_rad: -0.08,
        bones_m: &[0.057, 0.042, 0.027, 0.023],
        curl_rad: CURL,
    },
    Finger {
        root_m: [0.028, 0.0, -0.025],
        splay_rad: -0.18,
        bones_m: &[0.053, 0.033, 0.02, 0.021],
        curl_rad: CURL,
    },
];
const CURL: &[f64] = &[1.3, 1.65, 1.05];
/// Steps of the table that closure is read back by.
const STEPS: usize = 20;

/// How far the fingertips are from the wrist, as a share of their bones' length, per step of closure; falls all the way.
fn reach_by_closure() -> &'static [f64; STEPS + 1] {
    static TABLE: OnceLock<[f64; STEPS + 1]> = OnceLock::new();
    TABLE.get_or_init(|| {
        let of = |step: usize| skeleton(Side::Right, &Isometry3::identity(), step as f64 / STEPS as f64);
        std::array::from_fn(|step| reach(&of(step)))
    })
}

/// The joints of a hand whose wrist is at `wrist` (-z along the fingers, y out of its back) and that is closed by
/// `closure` (0 open .. 1 closed).
pub fn skeleton(side: Side, wrist: &Isometry3<f64>, closure: f64) -> HandPose {
    let mirror = if side == Side::Left { -1.0 } else { 1.0 };
    let mut joints = Vec::with_capacity(HAND_JOINTS);
    joints.push(transform::pose(wrist));
    for finger in &FINGERS {
        let [x, y, z] = finger.root_m;
        let splay = UnitQuaternion::from_axis_angle(&Vector3::y_axis(), finger.splay_rad * mirror);
        let mut joint = wrist * Isometry3::from_parts(Translation3::new(x * mirror, y, z), splay);
        joints.push(transform::pose(&joint));
        for (bone, &length) in finger.bones_m.iter().enumerate() {
            let bend = finger.curl_rad.get(bone).copied().unwrap_or(0.0) * closure.clamp(0.0, 1.0);
            let turn = UnitQuaternion::from_axis_angle(&Vector3::x_axis(), -bend);
            joint *= Isometry3::from_parts(Translation3::new(0.0, 0.0, -length), turn);
            joints.push(transform::pose(&joint));
        }
    }
    let radius_m = (0..joints.len()).map(|joint| if joint == 0 { 0.02 } else { 0.009 }).collect();
    HandPose { joints, radius_m, tracked: true }
}

/// How far a tracked hand is closed, 0 open .. 1 closed: what closure of the skeleton has its fingertips as near to the
/// wrist. `None` for a hand that is not tracked or does not have 25 joints.
pub fn closure(hand: &HandPose) -> Option<f64> {
    if !hand.tracked
        || hand.joints.len() != HAND_JOINTS
        || !hand.joints.iter().all(etude_model::Pose::is_valid)
    {
        return None;
    }
    let (seen, table) = (reach(hand), reach_by_closure());
    let step = (1..STEPS).find(|&step| seen >= table[step]).unwrap_or(STEPS);
    let within = (table[step - 1] - seen) / (table[step - 1] - table[step]);
    Some(((step - 1) as f64 + within).clamp(0.0, STEPS as f64) / STEPS as f64)
}

/// Mean distance of the four fingertips from the wrist as a share of their bones' length, of a hand with 25 joints.
fn reach(hand: &HandPose) -> f64 {
    let point = |joint: usize| Vector3::from(hand.joints[joint].position_m);
    let of_finger = |finger: usize| {
        let first = 5 + finger * 5;
        let bones: f64 = (first..first + 4).map(|joint| (point(joint + 1) - point(joint)).norm()).sum();
        let whole = bones + (point(first) - point(0)).norm();
        (point(first + 4) - point(0)).norm() / whole.max(1e-6)
    };
    (0..4).map(of_finger).sum::<f64>() / 4.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closure_is_read_back_from_its_skeleton() {
        let wrist = Isometry3::new(Vector3::new(0.2, 1.1, -0.4), Vector3::new(0.3, -0.5, 0.1));
        let mut last = -1.0;
        for step in 0..=10 {
            let wanted = f64::from(step) / 10.0;
            for side in Side::BOTH {
                let hand = skeleton(side, &wrist, wanted);
                assert_eq!(hand.joints.len(), HAND_JOINTS);
                let found = closure(&hand).expect("a tracked hand");
                assert!((found - wanted).abs() < 0.02, "{side:?} {wanted} {found}");
                if side == Side::Right {
                    assert!(found >= last, "closing is read as closing: {last} then {found}");
                    last = found;
                }
            }
        }
        assert!(closure(&skeleton(Side::Right, &wrist, 0.0)).expect("tracked") < 0.03);
        assert!(closure(&skeleton(Side::Right, &wrist, 1.0)).expect("tracked") > 0.97);
    }

    #[test]
    fn a_hand_that_is_not_tracked_says_nothing() {
        let hand = HandPose { tracked: false, ..skeleton(Side::Left, &Isometry3::identity(), 0.5) };
        assert_eq!(closure(&hand), None);
    }
}
