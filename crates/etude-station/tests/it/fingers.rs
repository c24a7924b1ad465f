//! A person's recorded fingers lead the hands of other bodies when a take is moved.

#[path = "../../../etude-kinematics/tests/support/recordings.rs"]
mod recordings;

use crate::common::{START_NS, manifest};
use etude_episode::{Episode, EpisodeWriter, Head, WriterOptions};
use etude_kinematics::hand::{HandSkeleton, HumanFinger};
use etude_kinematics::retarget::Rules;
use etude_model::card::{Card, Side};
use etude_model::sample::{HandPose, JointStates, PoseSample, Sample, TrainerInput};
use etude_model::{Channel, Manifest, Pose, Span, Stamp, StreamKind, StreamSpec, Topic};
use etude_station::crossing::{Frame, HandsBy, Request, retarget};
use etude_station::session::load_card;
use recordings::{data_folder, recordings};
use std::path::{Path, PathBuf};

const JOINTS_HZ: f64 = 60.0;
const RATE_HZ: f64 = 50.0;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn robot(name: &str) -> Card {
    load_card(&root().join("robots"), name).unwrap()
}

fn hand_pose(hand: &HandSkeleton) -> HandPose {
    let joint = |(point, &known): (&nalgebra::Vector3<f64>, &bool)| Pose {
        position_m: if known { (*point).into() } else { [f64::NAN; 3] },
        ..Pose::IDENTITY
    };
    let joints = hand.points_m.iter().zip(&hand.known).map(joint).collect();
    HandPose { joints, radius_m: vec![0.01; 25], tracked: true }
}

/// A take of a body that stands at home while the person's right hand does what was recorded.
fn take(path: &Path, card: &Card, frames: &[(f64, HandSkeleton)]) {
    let names = card.joints.iter().map(|joint| Channel { name: joint.name.clone(), unit: joint.unit });
    let of_trainer = |what: &str, kind| StreamSpec::new(format!("/trainer/right/{what}"), kind, None);
    let streams = vec![
        StreamSpec::new(Topic::JOINT_STATES, StreamKind::JointStates, Some(JOINTS_HZ))
            .with_channels(names.collect()),
        of_trainer("pose", StreamKind::Pose),
        of_trainer("hand", StreamKind::HandPose),
        of_trainer("input", StreamKind::TrainerInput),
    ];
    let manifest = Manifest { card: card.digest(), embodiment: card.title(), ..manifest(streams) };
    let head = Head { manifest: &manifest, card_toml: &card.to_toml(), attachments: &[] };
    let mut writer = EpisodeWriter::create(path, &head, WriterOptions::default()).unwrap();
    let stream = |writer: &EpisodeWriter<_>, topic: &str| writer.stream(topic).unwrap();
    let joints = stream(&writer, Topic::JOINT_STATES);
    let [pose, hand, input] =
        ["pose", "hand", "input"].map(|what| stream(&writer, &format!("/trainer/right/{what}")));
    let home: Vec<f64> = card.joints.iter().map(|joint| joint.home).collect();
    let still = vec![0.0; home.len()];
    let at = |time_s: f64| Stamp::at(START_NS + Span::from_s(time_s).0);
    let (mut time_s, mut next_s) = (0.0, 0.0);
    for (dt_s, skeleton) in frames {
        time_s += dt_s;
        while next_s <= time_s {
            let states =
                JointStates { position: home.clone(), velocity: still.clone(), effort: still.clone() };
            writer.write(joints, at(next_s), &Sample::JointStates(states)).unwrap();
            next_s += 1.0 / JOINTS_HZ;
        }
        let wrist = Pose { position_m: skeleton.points_m[0].into(), ..Pose::IDENTITY };
        let inputs = TrainerInput { clutch: true, ..TrainerInput::default() };
        writer.write(input, at(time_s), &Sample::TrainerInput(inputs)).unwrap();
        let wrist = PoseSample { pose: wrist, tracked: true };
        writer.write(pose, at(time_s), &Sample::Pose(wrist)).unwrap();
        writer.write(hand, at(time_s), &Sample::HandPose(hand_pose(skeleton))).unwrap();
    }
    writer.finish().unwrap();
}

/// What the joints of these names are told at even times.
fn commands(path: &Path, card: &Card, joints: &[&str]) -> Vec<Vec<f64>> {
    let places: Vec<usize> = joints.iter().map(|name| card.joint_index(name).unwrap()).collect();
    let episode = Episode::open(path).unwrap();
    let messages = episode.messages(&[Topic::JOINT_COMMANDS], ..).unwrap();
    let told = messages.map(|message| match message.unwrap().sample {
        Sample::JointCommand(command) => places.iter().map(|place| command.asked[*place]).collect(),
        other => panic!("no command: {other:?}"),
    });
    told.collect()
}

fn correlation(one: &[f64], other: &[f64]) -> f64 {
    let count = one.len().min(other.len());
    let (one, other) = (&one[..count], &other[..count]);
    let mean = |values: &[f64]| values.iter().sum::<f64>() / count as f64;
    let (a, b) = (mean(one), mean(other));
    let sum = |f: &dyn Fn(f64, f64) -> f64| one.iter().zip(other).map(|(x, y)| f(x - a, y - b)).sum::<f64>();
    sum(&|x, y| x * y) / (sum(&|x, _| x * x) * sum(&|_, y| y * y)).sqrt().max(1e-12)
}

/// What of a person's hand is measured, at the even times of the commands, the frame before each.
fn measured(frames: &[(f64, HandSkeleton)], of: impl Fn(&HandSkeleton) -> f64) -> Vec<f64> {
    let mut times = Vec::new();
    let mut time_s = 0.0;
    for (dt_s, hand) in frames {
        time_s += dt_s;
        times.push((time_s, of(hand)));
    }
    let count = (time_s * RATE_HZ) as usize;
    let at = |tick: usize| times.partition_point(|(time_s, _)| *time_s <= tick as f64 / RATE_HZ).max(1) - 1;
    (0..count).map(|tick| times[at(tick)].1).collect()
}

fn reach(hand: &HandSkeleton, finger: HumanFinger) -> f64 {
    let [knuckle, .., tip] = finger.joints();
    (hand.points_m[tip] - hand.points_m[knuckle]).norm()
}

fn gap(hand: &HandSkeleton) -> f64 {
    (hand.points_m[HumanFinger::Thumb.tip()] - hand.points_m[HumanFinger::Index.tip()]).norm()
}

/// Moves the take to another body; the commands of these joints and what was adapted.
fn moved(
    path: &Path,
    target: &Card,
    hands: Option<HandsBy>,
    joints: &[&str],
) -> (Vec<Vec<f64>>, Vec<String>) {
    let request = Request {
        models: &root().join(".deps/robots"),
        target,
        body: None,
        frame: Frame::Torso,
        origin: None,
        hands,
        rate_hz: Some(RATE_HZ),
        scene: None,
        rules: Rules::default(),
    };
    let out = path.with_extension("moved.mcap");
    let _ = std::fs::remove_file(&out);
    let moved = retarget(&Episode::open(path).unwrap(), &request, Some(&out), None).unwrap();
    (commands(&out, target, joints), moved.report.adapted)
}

#[test]
fn fingers_follow_the_persons_one_by_one() {
    let models = root().join(".deps/robots");
    if !models.join("fourier").exists() || !models.join("unitree_g1").exists() {
        eprintln!("skipped: no robot models in .deps/robots; `cargo xtask setup` fetches them");
        return;
    }
    let found = recordings();
    let Some(camera) = found.iter().find(|recording| recording.name == "camera right") else {
        eprintln!("skipped: no recorded hands in {}", data_folder().display());
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("take.mcap");
    let frames = &camera.frames[..300];
    take(&path, &robot("unitree_g1_dex3"), frames);

    let target = robot("fourier_gr1t2");
    let joints = ["R_index_proximal_joint", "R_pinky_proximal_joint"];
    let (told, adapted) = moved(&path, &target, None, &joints);
    for (joint, finger) in [HumanFinger::Index, HumanFinger::Little].into_iter().enumerate() {
        let stretched = measured(frames, |hand| reach(hand, finger));
        let own: Vec<f64> = told.iter().map(|row| row[joint]).collect();
        let follows = correlation(&own, &stretched);
        assert!(follows > 0.6, "{} follows the person's {finger}: {follows}", joints[joint]);
    }
    assert!(adapted.iter().any(|words| words.contains("fingertips")), "{adapted:?}");
    let (told, _) = moved(&path, &target, Some(HandsBy::Closure), &joints);
    assert!(told.iter().all(|row| (row[0] - row[1]).abs() < 0.05), "a closure closes all fingers alike");

    let target = robot("trossen_aloha2");
    let wanted = measured(frames, gap);
    let (told, adapted) = moved(&path, &target, None, &["right/left_finger"]);
    let opens: Vec<f64> = told.iter().map(|row| row[0]).collect();
    let follows = correlation(&opens, &wanted);
    assert!(follows > 0.8, "a gripper opens as thumb and index do: {follows}");
    assert!(adapted.iter().any(|words| words.contains("opening")), "{adapted:?}");
}

#[test]
fn a_side_that_shows_no_fingers_is_closed_by_its_closure() {
    if !root().join(".deps/robots/aloha").exists() || !root().join(".deps/robots/unitree_g1").exists() {
        eprintln!("skipped: no robot models in .deps/robots; `cargo xtask setup` fetches them");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("take.mcap");
    let lost = vec![(1.0 / 30.0, HandSkeleton::unknown(Side::Right)); 60];
    take(&path, &robot("unitree_g1_dex3"), &lost);
    let target = robot("trossen_aloha2");
    let (told, _) = moved(&path, &target, None, &["right/left_finger", "left/left_finger"]);
    assert!(!told.is_empty());
    let apart = told.iter().map(|row| (row[0] - row[1]).abs()).fold(0.0, f64::max);
    assert!(apart < 1e-6, "both hands rest alike: {apart}");
}
