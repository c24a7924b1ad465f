//! Every vendor's hand and gripper at hand, led by people's recorded hands.

use etude_kinematics::hand::{
    FingerModel, FingertipSolver, GripperRetarget, HandModel, HandRetarget, HandRetargetOptions, HandSize,
    HandSkeleton, HandStatus, HumanFinger, PinchTarget, Smoothing, SolverOptions, TipTarget,
};
use etude_kinematics::{Body, BodyOptions, JointId, Poses, enrol};
use nalgebra::{Point3, Vector3};

use crate::data::{self, Random};
use crate::hands::{grippers, hand_cases};
use crate::recordings::{data_folder, recordings};

/// Both the hands and the recordings, or a line that says what is missing.
fn skipped() -> bool {
    let folder = data_folder();
    let missing = recordings().is_empty() || !folder.join("robot_models").is_dir();
    if missing {
        eprintln!(
            "skipped: no recorded hands or no vendors' models in {} (set ETUDE_DATA)",
            folder.display()
        );
    }
    missing
}

pub(crate) fn place(model: &HandModel, wanted: HumanFinger) -> Option<usize> {
    model.fingers.iter().position(|finger| finger.follows == wanted)
}

/// Every finger's moving joints, palm outwards, and its tip in the world at rest, m.
fn joints_of(body: &Body, model: &HandModel) -> Vec<(HumanFinger, Vec<JointId>, Vector3<f64>)> {
    let poses = Poses::new(body);
    let palm = body.frame_of(model.palm).joint;
    let one = |finger: &FingerModel| {
        let last = body.frame_of(finger.tip.frame).joint;
        let up =
            std::iter::successors(Some(last), |&joint| body.parent(joint)).take_while(|&joint| joint != palm);
        let mut joints: Vec<_> = up.filter(|&joint| body.kind(joint).is_scalar()).collect();
        joints.reverse();
        let tip = poses.world_from_frame(body, finger.tip.frame) * Point3::from(finger.tip.offset_m);
        (finger.follows, joints, tip.coords)
    };
    model.fingers.iter().map(one).collect()
}

/// The nearest that a hand's thumb and finger can come, m.
pub(crate) fn nearest(body: &Body, model: &HandModel, thumb: usize, finger: usize) -> f64 {
    let options = SolverOptions { iterations: 100, spread_weight: 1e-9, ..SolverOptions::default() };
    let mut solver = FingertipSolver::new(body, model, options).expect("the hand can be followed");
    let mut random = Random(1);
    let mut least = f64::INFINITY;
    for _ in 0..8 {
        let ranges: Vec<_> = solver.variables().iter().map(|v| (v.lower, v.upper)).collect();
        let start: Vec<_> = ranges.iter().map(|&(low, high)| random.between(low, high)).collect();
        solver.set_positions(&start);
        let tips: Vec<_> = (0..model.fingers.len())
            .map(|place| {
                let led = place == thumb || place == finger;
                let tip_in_palm_m = solver.tip_in_palm_m(place)?;
                led.then_some(TipTarget { tip_in_palm_m, weight: 1e-6, middles_in_palm_m: [None; 2] })
            })
            .collect();
        let pinch = PinchTarget { fingers: (thumb, finger), vector_m: Vector3::zeros(), weight: 1.0 };
        solver.solve(&tips, &[pinch]);
        let tip = |place| solver.tip_in_palm_m(place).expect("a finger");
        least = least.min((tip(thumb) - tip(finger)).norm());
    }
    least
}

/// Distance of thumb and finger of a person, and whether the finger is stretched enough for a pinch.
fn pinch(hand: &HandSkeleton, finger: HumanFinger) -> Option<(f64, bool)> {
    let (tip, thumb) = (hand.point(finger.tip())?, hand.point(HumanFinger::Thumb.tip())?);
    let knuckle = hand.point(finger.joints()[0])?;
    let length: f64 = hand.bones_m(finger)?.iter().sum();
    Some(((tip - thumb).norm(), (tip - knuckle).norm() > 0.85 * length))
}

#[test]
fn every_hand_follows_people() {
    if skipped() {
        return;
    }
    let recordings = recordings();
    for case in hand_cases() {
        let Some((body, model)) = case.read() else { continue };
        assert_eq!(model.side, case.side, "{}: the side is found from the fingers", case.name);
        let joints = joints_of(&body, &model);
        let fingers: Vec<_> =
            joints.iter().map(|(finger, joints, tip)| (*finger, joints.as_slice(), *tip)).collect();
        let again = HandModel::from_fingers(&body, &fingers).expect("the hand has a palm");
        assert_eq!(again.side, case.side, "{}", case.name);
        let turn =
            |model: &HandModel| Poses::new(&body).world_from_frame(&body, model.palm) * model.palm_in_frame;
        assert!(
            turn(&again).rotation.angle_to(&turn(&model).rotation) < 1e-6,
            "{}: joints say as much as names",
            case.name
        );
        for recording in &recordings {
            let size = HandSize::measure(recording.frames.iter().map(|(_, hand)| hand));
            let options = HandRetargetOptions {
                size: Some(size),
                smoothing: Smoothing::None,
                ..HandRetargetOptions::default()
            };
            let mut retarget = HandRetarget::new(&body, &model, options).expect("the hand can be followed");
            for (dt, hand) in &recording.frames {
                let status = retarget.follow(hand, *dt).status;
                assert_eq!(status, HandStatus::Following, "{}, {}", case.name, recording.name);
                for (&position, variable) in retarget.positions().iter().zip(retarget.solver().variables()) {
                    assert!(
                        (variable.lower..=variable.upper).contains(&position),
                        "{}: {position} {variable:?}",
                        case.name
                    );
                }
            }
        }
    }
}

#[test]
fn hands_that_enrolment_finds_can_be_followed() {
    if skipped() {
        return;
    }
    let camera = recordings().into_iter().next().expect("there is one");
    let size = HandSize::measure(camera.frames.iter().map(|(_, hand)| hand));
    let (mut followed, mut other_side) = (0, Vec::new());
    for path in data::files(&data_folder().join("robot_models"), &[".urdf", ".xml"]) {
        let options = BodyOptions { freeze_free_joints: true, ..BodyOptions::default() };
        let Ok(body) = Body::from_path(&path, &options) else { continue };
        for hand in enrol::draft(&body).hands.iter().filter(|hand| !hand.is_gripper) {
            let named: Option<Vec<_>> = hand
                .fingers
                .iter()
                .map(|f| {
                    Some((HumanFinger::from_name(&f.name)?, f.joints.as_slice(), Vector3::from(f.tip_m)))
                })
                .collect();
            let Some(fingers) = named else { continue };
            let model = match HandModel::from_fingers(&body, &fingers) {
                Ok(model) => model,
                Err(error) => panic!("{}: {error}", path.display()),
            };
            if model.side != hand.side {
                other_side.push(format!("{} {:?}", path.display(), hand.side));
            }
            let options = HandRetargetOptions { size: Some(size), ..HandRetargetOptions::default() };
            let mut retarget = HandRetarget::new(&body, &model, options).expect("the hand can be followed");
            for (dt, hand) in &camera.frames {
                assert_eq!(retarget.follow(hand, *dt).status, HandStatus::Following);
            }
            for (&position, variable) in retarget.positions().iter().zip(retarget.solver().variables()) {
                assert!((variable.lower..=variable.upper).contains(&position));
            }
            followed += 1;
        }
    }
    eprintln!("{followed} hands of the enrolment were followed; of another side: {other_side:?}");
    assert!(followed >= 20, "{followed}");
}

#[test]
fn closed_pinches_are_as_closed_as_the_hand_can() {
    if skipped() {
        return;
    }
    let recordings = recordings();
    for case in hand_cases() {
        let Some((body, model)) = case.read() else { continue };
        let Some(thumb) = place(&model, HumanFinger::Thumb) else { continue };
        for finger in &HumanFinger::ALL[1..] {
            let Some(place) = place(&model, *finger) else { continue };
            let can_m = nearest(&body, &model, thumb, place);
            let (mut closed, mut opened, mut worst) = (0, 0, 0.0_f64);
            for recording in &recordings {
                let size = HandSize::measure(recording.frames.iter().map(|(_, hand)| hand));
                let options = HandRetargetOptions {
                    size: Some(size),
                    smoothing: Smoothing::None,
                    limit_speed: false,
                    ..HandRetargetOptions::default()
                };
                let mut retarget =
                    HandRetarget::new(&body, &model, options).expect("the hand can be followed");
                for (dt, hand) in &recording.frames {
                    retarget.follow(hand, *dt);
                    if pinch(hand, *finger).is_some_and(|(gap, meant)| meant && gap < 0.028 * size.ratio()) {
                        let tip = |finger| retarget.solver().tip_in_palm_m(finger).expect("a finger");
                        let more = (tip(thumb) - tip(place)).norm() - can_m;
                        closed += 1;
                        opened += usize::from(more > 0.006);
                        worst = worst.max(more);
                    }
                }
            }
            assert!(
                opened * 10 <= closed,
                "{} {finger}: {opened} of {closed} closed frames are open",
                case.name
            );
            eprintln!(
                "{:17} {finger:6} can come to {:5.1} mm; {closed} closed frames, {opened} more than 6 mm above, worst {:.1} mm",
                case.name,
                can_m * 1e3,
                worst * 1e3
            );
        }
    }
}

#[test]
fn every_gripper_closes_where_the_person_pinches() {
    if skipped() {
        return;
    }
    let camera = recordings().into_iter().next().expect("there is one");
    for (name, body, mut model) in grippers() {
        model.smoothing = Smoothing::None;
        model.size = Some(HandSize::measure(camera.frames.iter().map(|(_, hand)| hand)));
        let ratio = model.size.map_or(1.0, |size| size.ratio());
        let mut gripper = GripperRetarget::new(&body, model.clone()).expect("the gripper is in the model");
        let (mut closed, mut open) = (0, 0);
        for (dt, hand) in &camera.frames {
            let answer = gripper.follow(hand, *dt);
            assert_eq!(answer.status, HandStatus::Following);
            let gap =
                pinch(hand, HumanFinger::Index).map(|(gap, _)| gap / ratio).expect("both fingers are seen");
            if gap < model.closed_m {
                closed += 1;
                assert!(answer.closure > 1.0 - 1e-9, "{name}");
            } else if gap > model.open_m {
                open += 1;
                assert!(answer.closure < 1e-9, "{name}");
            }
            for (joint, position) in gripper.closure().positions(answer.closure) {
                let limits = body.limits(joint);
                assert!((limits.lower..=limits.upper).contains(&position), "{name}: {position} {limits:?}");
            }
        }
        assert!(closed > 5 && open > 50, "{name}: {closed} closed, {open} open");
    }
}
