//! Times of a hand's retargeting on people's recorded hands, for every vendor's hand at hand.
//!
//! `cargo bench -p etude-kinematics --bench hand` prints µs per frame and how well pinches close. With `-- --out FOLDER` it also
//! writes, per hand, what `benches/hand_peers.py` compares with `dex-retargeting` and draws.

#![expect(clippy::print_stdout, reason = "a benchmark reports on standard output")]

#[path = "../tests/support/hands.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod hands;
#[path = "hand/record.rs"]
mod record;
#[path = "../tests/support/recordings.rs"]
mod recordings;

use std::path::{Path, PathBuf};
use std::time::Instant;

use etude_kinematics::Body;
use etude_kinematics::hand::{
    HandModel, HandRetarget, HandRetargetOptions, HandSize, HandSkeleton, HandStatus, HumanFinger,
    PinchOptions, Scaling, Smoothing,
};
use nalgebra::{Point3, Vector3};
use recordings::Recording;
use serde_json::json;

/// Scales of the whole hand that `dex-retargeting` 0.5.0 states for hands it knows; others are taken as they are.
const SCALES: [(&str, f64); 4] = [("Allegro", 1.6), ("Shadow", 1.2), ("LEAP", 1.6), ("Inspire", 1.15)];

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let out = arguments
        .iter()
        .position(|argument| argument == "--out")
        .and_then(|place| arguments.get(place + 1))
        .map(PathBuf::from);
    let recordings = recordings::recordings();
    if recordings.is_empty() {
        println!("skipped: no recorded hands in {} (set ETUDE_DATA)", recordings::data_folder().display());
        return;
    }
    println!(
        "{:17} {:14} {:16} {:>6} {:>8} {:>8} {:>6} {:>12} {:>12}",
        "hand", "recording", "targets", "joints", "µs p50", "µs p99", "steps", "tip mm p50", "pinch mm p50"
    );
    for case in hands::hand_cases() {
        let Some((body, model)) = case.read() else {
            println!("{:17} skipped: no {}", case.name, case.file.display());
            continue;
        };
        for recording in &recordings {
            run(&case.name, &body, &model, recording, out.as_deref());
        }
    }
}

/// One hand on one recording: by fingers, by the whole hand without and with pinches, and smoothed.
fn run(name: &str, body: &Body, model: &HandModel, recording: &Recording, out: Option<&Path>) {
    let size = HandSize::measure(recording.frames.iter().map(|(_, hand)| hand));
    let scale = SCALES.iter().find(|(known, _)| name.starts_with(known)).map_or(1.0, |&(_, scale)| scale);
    let wrist_in_palm_m = wrist(body, model, recording, scale);
    let whole = Scaling::Whole { scale, wrist_in_palm_m };
    let mut runs = serde_json::Map::new();
    let open = PinchOptions { weight: 0.0, ..PinchOptions::default() };
    let smoothed = HandRetargetOptions::default().smoothing;
    for (mode, scaling, pinch, smoothing) in [
        ("fingers", Scaling::Fingers, PinchOptions::default(), Smoothing::None),
        ("vectors", whole, open, Smoothing::None),
        ("vectors, pinch", whole, PinchOptions::default(), Smoothing::None),
        ("smoothed", Scaling::Fingers, PinchOptions::default(), smoothed),
    ] {
        let options = HandRetargetOptions {
            smoothing,
            limit_speed: false,
            size: Some(size),
            scaling,
            pinch,
            ..HandRetargetOptions::default()
        };
        let mut retarget =
            HandRetarget::new(body, model, options).expect("the vendor's hand can be followed");
        let lines = follow(body, model, &mut retarget, recording, out.is_some());
        let at = |sorted: &[f64], share: f64| {
            sorted.get((sorted.len().saturating_sub(1) as f64 * share) as usize).copied().unwrap_or(f64::NAN)
        };
        let sorted = |values: &[f64]| {
            let mut values = values.to_vec();
            values.sort_by(f64::total_cmp);
            values
        };
        let (times, tips, pinches) = (sorted(&lines.time_us), sorted(&lines.tip_mm), sorted(&lines.pinch_mm));
        println!(
            "{name:17} {:14} {mode:16} {:6} {:8.1} {:8.1} {:6.1} {:12.2} {:12.2}{}",
            recording.name,
            retarget.joints().len(),
            at(&times, 0.5),
            at(&times, 0.99),
            lines.iterations as f64 / times.len() as f64,
            at(&tips, 0.5),
            at(&pinches, 0.5),
            if lines.followed == times.len() { "" } else { "  (frames held)" },
        );
        runs.insert(mode.to_owned(), json!({"time_us": lines.time_us, "frames": lines.frames}));
    }
    if let Some(out) = out {
        let record = record::hand(name, body, model, recording, &size, scale, wrist_in_palm_m, &runs);
        std::fs::create_dir_all(out).expect("the folder can be made");
        let file = out.join(format!("{name} - {}.json", recording.name));
        std::fs::write(file, record.to_string()).expect("the folder can be written");
    }
}

/// What a run gave.
#[derive(Default)]
struct Lines {
    time_us: Vec<f64>,
    iterations: usize,
    followed: usize,
    tip_mm: Vec<f64>,
    /// Distance of the robot's thumb and a finger in frames in which the person's are closed.
    pinch_mm: Vec<f64>,
    frames: Vec<serde_json::Value>,
}

fn follow(
    body: &Body,
    model: &HandModel,
    retarget: &mut HandRetarget,
    recording: &Recording,
    keep: bool,
) -> Lines {
    let mut lines = Lines::default();
    for (dt, hand) in &recording.frames {
        let begin = Instant::now();
        let answer = retarget.follow(hand, *dt);
        lines.time_us.push(begin.elapsed().as_secs_f64() * 1e6);
        lines.followed += usize::from(answer.status == HandStatus::Following);
        lines.iterations += retarget.solver().iterations();
        let tips: Vec<_> =
            (0..model.fingers.len()).filter_map(|finger| retarget.solver().tip_in_palm_m(finger)).collect();
        for (tip, target) in tips.iter().zip(retarget.tip_targets()) {
            lines.tip_mm.extend(target.map(|target| (tip - target.tip_in_palm_m).norm() * 1e3));
        }
        lines.pinch_mm.extend(pinches(model, hand, &tips));
        if keep {
            lines.frames.push(record::frame(body, model, retarget, hand));
        }
    }
    lines
}

/// Distances of the robot's tips where the person's thumb and a stretched finger are within 30 mm, mm.
fn pinches(model: &HandModel, hand: &HandSkeleton, tips: &[Vector3<f64>]) -> Vec<f64> {
    let place = |wanted: HumanFinger| model.fingers.iter().position(|finger| finger.follows == wanted);
    let Some(thumb) = place(HumanFinger::Thumb) else { return Vec::new() };
    let closed = |finger: HumanFinger| {
        let (tip, thumb, knuckle) = (
            hand.point(finger.tip())?,
            hand.point(HumanFinger::Thumb.tip())?,
            hand.point(finger.joints()[0])?,
        );
        let length: f64 = hand.bones_m(finger)?.iter().sum();
        Some((tip - thumb).norm() < 0.03 && (tip - knuckle).norm() > 0.8 * length)
    };
    let fingers = HumanFinger::ALL[1..].iter().filter(|&&finger| closed(finger) == Some(true));
    fingers.filter_map(|&finger| Some((tips.get(place(finger)?)? - tips.get(thumb)?).norm() * 1e3)).collect()
}

/// The wrist that puts the knuckles of the scaled person's hand on the robot's, in the palm, m.
fn wrist(body: &Body, model: &HandModel, recording: &Recording, scale: f64) -> [f64; 3] {
    let knuckles = [HumanFinger::Index, HumanFinger::Middle, HumanFinger::Ring];
    let (mut sum, mut count) = (Vector3::zeros(), 0.0);
    for (_, hand) in &recording.frames {
        let Some(palm) = hand.palm() else { continue };
        for knuckle in knuckles.iter().filter_map(|finger| hand.point(finger.joints()[0])) {
            sum += palm.inverse_transform_point(&Point3::from(*knuckle)).coords;
            count += 1.0;
        }
    }
    let chains = record::chains(body, model, body.rest());
    let long = model.fingers.iter().zip(&chains).filter(|(finger, _)| knuckles.contains(&finger.follows));
    let roots: Vec<_> = long.filter_map(|(_, chain)| chain.first().copied()).map(Vector3::from).collect();
    let root = roots.iter().sum::<Vector3<f64>>() / roots.len().max(1) as f64;
    let mut mean: Vector3<f64> = sum / count;
    if recording.frames.first().is_some_and(|(_, hand)| hand.side != model.side) {
        mean.x = -mean.x;
    }
    (root - mean * scale).into()
}
