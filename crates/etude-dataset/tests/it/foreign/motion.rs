//! A person's motion: real recordings of headsets by A-Frame, and of whole bodies by BVH.

use super::{assert_said, card, import_at, importer, repository, samples};
use crate::data;
use etude_dataset::Problem;
use etude_dataset::foreign::draft::draft;
use etude_dataset::foreign::value::Value;
use etude_dataset::foreign::{Record, Source};
use etude_model::{ClockKind, Pose, Sample};
use std::fs;
use std::path::Path;

const AFRAME: &str = "mappings/aframe_headset.toml";
const BVH: &str = r#"
schema = 1
format = "bvh"
about = "The hips of the person stand 0.98 m above the ground if one is 1 cm."
[clock]
time = "rate"
[[stream]]
topic = "/trainer/head/pose"
kind = "pose"
from = "frame"
frame = "studio"
position = { field = "HEAD.position", unit = "m", scale = 0.01 }
orientation = { field = "HEAD.orientation" }
"#;

fn pose(sample: &Sample) -> Pose {
    match sample {
        Sample::Pose(pose) => pose.pose,
        other => panic!("no pose: {other:?}"),
    }
}

fn records(path: &Path) -> (Vec<Record>, Vec<Problem>) {
    let source = Source::open(path, None).expect("a source");
    let mut records = source.read(&source.recordings[0]).expect("records");
    let mut all = Vec::new();
    while let Some(record) = records.next(&|_| true) {
        all.push(record);
    }
    (all, records.ledger().all_problems())
}

fn near(a: &[f64], b: &[f64]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-9)
}

/// Whether two quaternions are one turn: the negative of one is the same turn.
fn is_turn(a: [f64; 4], b: [f64; 4]) -> bool {
    near(&a, &b) || near(&a.map(|part| -part), &b)
}

/// The head in the last frame, computed with scipy's rotations: x y z in m if one is 1 cm, x y z w.
const FREEBVH_HEAD: [f64; 7] = [
    0.015_415_490_304_943_729,
    1.577_686_252_195_776_8,
    -0.045_509_282_170_880_655,
    0.003_044_241_230_935_192,
    0.999_582_454_800_951_6,
    -0.021_598_204_270_146_748,
    -0.018_951_681_237_729_01,
];
const MOCAPBANK_HEAD: [f64; 7] = [
    -0.477_500_461_097_305_7,
    1.464_505_740_874_884,
    2.340_446_066_735_115,
    0.012_736_935_231_692_543,
    0.031_855_476_473_521_99,
    0.013_870_674_743_015_404,
    0.999_315_067_174_373_2,
];

// shows: aframe read-real
#[test]
fn a_headset_comes_in_with_its_own_times() {
    let Some(root) = data("human_hand_vr_tracking") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    for (file, poses, span_us) in
        [("aframe_grabLeft.json", 1127, 12_689_895), ("aframe_tracked-recording.json", 2568, 29_241_548)]
    {
        let importer =
            importer(&root.join(file), &repository(AFRAME), &card("unitree_g1_dex3")).expect("a source");
        let into = folder.path().join(file);
        fs::create_dir(&into).expect("a folder");
        let (episode, imported) = import_at(&importer, 0, &into);
        assert_eq!((imported.manifest.clock, imported.duration_us), (ClockKind::Measured, span_us), "{file}");
        let losses: Vec<&Problem> = imported.problems.iter().filter(|problem| problem.loss).collect();
        assert!(losses.is_empty(), "{losses:?}");
        for topic in ["/trainer/head/pose", "/trainer/left/pose", "/trainer/right/pose"] {
            assert_eq!(samples(&episode, topic).len(), poses, "{file} {topic}");
        }
    }
    let episode = folder.path().join("aframe_tracked-recording.json/0.mcap");
    let head = samples(&episode, "/trainer/head/pose");
    assert_eq!(head[0].0.device.map(|device| device.0), Some(306_686_131_358));
    let first = pose(&head[0].1);
    assert_eq!(
        first.position_m,
        [1.167_378_902_435_302_7, 1.603_627_920_150_756_8, -0.559_135_198_593_139_6]
    );
    // Computed with scipy: Rotation.from_euler("YXZ", [y, x, z], degrees=True) of the same angles.
    let expected = [
        0.026_321_988_367_470_035,
        -0.940_655_884_512_062_8,
        -0.338_333_409_590_174_1,
        0.002_040_543_138_226_578_3,
    ];
    assert!(is_turn(first.orientation_xyzw, expected), "{:?}", first.orientation_xyzw);
}

#[test]
fn a_recording_that_breaks_off_gives_what_stands_before() {
    let Some(root) = data("human_hand_vr_tracking") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.json");
    let text = fs::read(root.join("aframe_grabLeft.json")).expect("a file");
    fs::write(&path, &text[..100_000]).expect("a file");
    let (found, problems) = records(&path);
    let (whole, _) = records(&root.join("aframe_grabLeft.json"));
    let heads = |records: &[Record]| {
        records.iter().filter(|record| &*record.topic == "camera").cloned().collect::<Vec<_>>()
    };
    let (found, whole) = (heads(&found), heads(&whole));
    assert!(found.len() > 300 && found.len() < 1127, "{}", found.len());
    assert_eq!(found, whole[..found.len()]);
    assert_said(&problems, true, &["what follows its place is lost: EOF"]);
}

// shows: bvh read-real
#[test]
fn a_body_comes_in_by_its_skeleton_and_its_unit_is_asked() {
    let Some(root) = data("human_hand_vr_tracking") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    for (file, head, rows, expected) in [
        ("bvhtoolbox_test_freebvh.bvh", "mixamorig:Head", 69, FREEBVH_HEAD),
        ("bvhtoolbox_test_mocapbank.bvh", "Head", 455, MOCAPBANK_HEAD),
    ] {
        let path = root.join(file);
        let importer =
            importer(&path, &BVH.replace("HEAD", head), &card("unitree_g1_dex3")).expect("a source");
        let into = folder.path().join(file);
        fs::create_dir(&into).expect("a folder");
        let (episode, imported) = import_at(&importer, 0, &into);
        assert!(
            matches!(imported.manifest.clock, ClockKind::Synthetic { rate_hz } if (rate_hz - 30.0).abs() < 0.01)
        );
        let poses = samples(&episode, "/trainer/head/pose");
        assert_eq!(poses.len(), rows);
        let last = pose(&poses[rows - 1].1);
        assert!(near(&last.position_m, &expected[..3]), "{last:?}");
        let [_, _, _, turned @ ..] = expected;
        assert!(is_turn(last.orientation_xyzw, turned), "{last:?}");
        let text =
            draft(&Source::open(&path, None).expect("a source"), &card("unitree_g1_dex3")).expect("a draft");
        assert!(text.contains("unit = \"? which unit of length?"), "{text}");
        assert!(text.contains(&format!("field = \"{head}.orientation\"")), "{text}");
    }
}

const SMALL: &str = "HIERARCHY\nROOT a\n{\n OFFSET 0 0 0\n CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation\n \
                     JOINT b\n {\n  OFFSET 0 2 0\n  CHANNELS 3 Zrotation Xrotation Yrotation\n  End Site\n  {\n   OFFSET 1 0 0\n  }\n }\n}\n\
                     MOTION\nFrames: 3\nFrame Time: 0.01\n";

#[test]
fn joints_follow_those_above_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.bvh");
    // The root lies down to the left (90 degrees about z), the joint turns back.
    fs::write(&path, format!("{SMALL}1 2 3 90 0 0 -90 0 0\n1 2 3\n")).expect("a file");
    let (found, problems) = records(&path);
    assert_eq!(found.len(), 1);
    let place = |joint: &str| -> Vec<f64> {
        let path: etude_dataset::foreign::value::Path = format!("{joint}.position").parse().expect("a path");
        path.numbers(&found[0].value).expect("numbers").numbers
    };
    assert!(near(&place("a"), &[1.0, 2.0, 3.0]));
    assert!(near(&place("b"), &[-1.0, 2.0, 3.0]), "{:?}", place("b"));
    assert!(near(&place("b_end"), &[0.0, 2.0, 3.0]), "{:?}", place("b_end"));
    assert!(matches!(found[0].value.part("b_end"), Some(Value::Struct(_))));
    assert_said(
        &problems,
        true,
        &["frame", "1 of 2 messages cannot be read", "expected 9 numbers, found 3 words"],
    );
    assert_said(&problems, true, &["states 3 frames and has 2"]);
}

#[test]
fn hostile_skeletons_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.bvh");
    let deep = (0..5000).fold(String::new(), |text, number| text + &format!("JOINT j{number}\n{{\n"));
    let refused = [
        "HIERARCHY\n".to_owned(),
        "HIERARCHY\n}\n".to_owned(),
        "HIERARCHY\nOFFSET 1 2 3\n".to_owned(),
        format!("HIERARCHY\nROOT r\n{{\n{deep}"),
        SMALL.replace("JOINT b", "JOINT a"),
        SMALL.replace("CHANNELS 3", "CHANNELS 99999999999"),
        SMALL.replace("0.01", "0"),
        SMALL.replace("0.01", "NaN"),
        format!("HIERARCHY\n{}", "x".repeat(3 << 20)),
    ];
    for text in refused {
        fs::write(&path, &text).expect("a file");
        let source = Source::open(&path, None).expect("a source");
        assert!(source.read(&source.recordings[0]).is_err(), "{text:.80}");
    }
    let json = folder.path().join("a.json");
    for text in ["{\"poses\": ".to_owned() + &"[".repeat(100_000), "{\"a\": {\"poses\": 3}}".to_owned()] {
        fs::write(&json, text).expect("a file");
        let source = Source::open(&json, None).expect("a source");
        assert!(source.read(&source.recordings[0]).is_err());
    }
}
