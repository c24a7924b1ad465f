//! What moving a take to another body costs: CPU time against the take's own length, and memory against its length.
//!
//! A Unitree G1 moves both hands along slow paths of some 20 cm, 60 and 500 joint states a second. The take is moved to
//! other bodies as seen from the shoulders: read, surveyed, planned, solved, paced, passed through the governor and
//! written. Prints a table, asserts nothing. Without robot models in `.deps/robots` it says so.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a report for people, on made-up data")]

#[path = "../../../benches/cpu.rs"]
mod cpu;

mod common;

use cpu::cpu_s;
use etude_episode::{Episode, EpisodeWriter, Expected, Head, WriterOptions};
use etude_kinematics::retarget::Rules;
use etude_model::card::Card;
use etude_model::sample::{JointStates, Sample};
use etude_model::{Channel, Manifest, Span, Stamp, StreamKind, StreamSpec, Topic};
use etude_station::crossing::{Frame, Request, retarget};
use etude_station::session::load_card;
use std::path::{Path, PathBuf};

/// Length of a take, s.
const SECONDS: f64 = 60.0;
/// Times that the long take is longer.
const LONGER: f64 = 10.0;
const RUNS: usize = 5;
const SOURCE: &str = "unitree_g1_dex3";
const TARGETS: [&str; 4] = ["trossen_aloha2", "enactic_openarm2", "dexmate_vega1_gripper", "fourier_gr1t2"];

/// Most memory that this process has held so far, MiB.
fn peak_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok())
        .map_or(f64::NAN, |kib: f64| kib / 1024.0)
}

/// A take in which both arms swing about a posture in front of the body.
fn take(folder: &Path, card: &Card, rate_hz: f64, seconds: f64) -> PathBuf {
    let path = folder.join(format!("{rate_hz}-{seconds}.mcap"));
    let channels =
        card.joints.iter().map(|joint| Channel { name: joint.name.clone(), unit: joint.unit }).collect();
    let stream = StreamSpec::new(Topic::JOINT_STATES, StreamKind::JointStates, Some(rate_hz));
    let streams = vec![stream.with_channels(channels)];
    let manifest = Manifest { card: card.digest(), embodiment: card.title(), ..common::manifest(streams) };
    let head = Head { manifest: &manifest, card_toml: &card.to_toml(), attachments: &[] };
    let options = WriterOptions { sync_on_close: false, ..WriterOptions::default() };
    let mut writer = EpisodeWriter::create(&path, &head, options).unwrap();
    let stream = writer.stream(Topic::JOINT_STATES).unwrap();
    let count = (seconds * rate_hz) as u64;
    for tick in 0..count {
        let time_s = tick as f64 / rate_hz;
        let position = card.joints.iter().enumerate().map(|(at, joint)| {
            let slot = joint.slot.as_ref().map(ToString::to_string).unwrap_or_default();
            let swing = if slot.contains("_arm.") { 0.2 } else { 0.0 };
            let phase = at as f64 * 0.7;
            let wanted = joint.home + swing * ((time_s * 0.9 + phase).sin() - phase.sin());
            wanted.clamp(joint.position[0], joint.position[1])
        });
        let position: Vec<f64> = position.collect();
        let still = vec![0.0; position.len()];
        let states = JointStates { position, velocity: still.clone(), effort: still };
        let stamp = Stamp::at(1_767_603_600_000_000_000 + Span::from_s(time_s).0);
        writer.write(stream, stamp, &Sample::JointStates(states)).unwrap();
    }
    writer.expect(stream, Expected::Count(count)).unwrap();
    writer.finish().unwrap();
    path
}

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let models = root.join(".deps/robots");
    if !models.join("unitree_g1").exists() {
        println!("no robot models in .deps/robots; `cargo xtask setup` fetches them");
        return;
    }
    let card = |name: &str| load_card(&root.join("robots"), name).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let source = card(SOURCE);
    println!(
        "| joint states | to | commands | times real time, median of {RUNS} | reached | peak, MiB: {SECONDS} s | {} s |",
        SECONDS * LONGER
    );
    println!("|---|---|---|---|---|---|---|");
    for rate_hz in [60.0, 500.0] {
        let short = take(folder.path(), &source, rate_hz, SECONDS);
        let long = take(folder.path(), &source, rate_hz, SECONDS * LONGER);
        for name in TARGETS {
            let target = card(name);
            let request = Request {
                models: &models,
                target: &target,
                body: None,
                frame: Frame::Torso,
                origin: None,
                hands: None,
                rate_hz: None,
                scene: None,
                rules: Rules::default(),
            };
            let out = folder.path().join("out.mcap");
            let run = |path: &Path| {
                let _ = std::fs::remove_file(&out);
                let began = cpu_s();
                let moved = retarget(&Episode::open(path).unwrap(), &request, Some(&out), None).unwrap();
                (cpu_s() - began, moved)
            };
            let mut runs: Vec<_> = (0..RUNS).map(|_| run(&short)).collect();
            let peak_short = peak_mib();
            runs.sort_by(|one, other| one.0.total_cmp(&other.0));
            let (seconds, moved) = &runs[RUNS / 2];
            let reached = moved.report.hands.iter().map(|hand| hand.reached_share).fold(1.0, f64::min);
            run(&long);
            println!(
                "| {rate_hz} Hz | {name} | {} Hz | {:.0} | {reached:.2} | {peak_short:.0} | {:.0} |",
                moved.rate_hz,
                SECONDS / seconds,
                peak_mib()
            );
        }
    }
}
