//! What inspecting signals costs: CPU time against the length of the take, and against reading it alone.
//!
//! The take is made up: joint states and commands of 40 joints and two wrenches at 1 kHz, ten touch pads at 500 Hz. Figures
//! are the best of several runs by CPU time (`getrusage`), taken in turn in one process.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a report for people, on made-up data")]

#[path = "../../../benches/cpu.rs"]
mod cpu;

use cpu::cpu_s;
use etude_episode::{Episode, EpisodeWriter, Head, StreamIndex, WriterOptions};
use etude_inspect::{Options, RuleSet, inspect};
use etude_model::card::{Card, Joint, JointKind, SafetyEnvelope};
use etude_model::sample::{JointCommand, JointStates, Sample, Tactile, Wrench};
use etude_model::{Channel, ClockKind, Digest, Manifest, Origin, Stamp, StreamKind, StreamSpec, Unit};
use std::collections::BTreeMap;
use std::path::Path;

const RUNS: usize = 5;
const JOINTS: usize = 40;
const SECONDS: i64 = 20;

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("take.mcap");
    write(&path);
    let bytes = std::fs::metadata(&path).unwrap().len();
    println!(
        "{SECONDS} s of {JOINTS} joints, commands and two wrenches at 1 kHz, ten touch pads at 500 Hz: {bytes} bytes"
    );
    let unpacked = best(|| unpack(&path));
    let decoded = best(|| decode(&path));
    let inspected = best(|| {
        inspect::inspect(&path, &RuleSet::supplied(), &Options::default()).unwrap();
    });
    for (name, cpu_s) in [("unpacked", unpacked), ("and decoded", decoded), ("and inspected", inspected)] {
        println!("{name:<16} {cpu_s:>7.3} CPU-s {:>7.0} x real time", SECONDS as f64 / cpu_s);
    }
}

fn best(mut run: impl FnMut()) -> f64 {
    (0..RUNS).map(|_| timed(&mut run)).fold(f64::MAX, f64::min)
}

fn timed(run: &mut impl FnMut()) -> f64 {
    let start = cpu_s();
    run();
    cpu_s() - start
}

fn unpack(path: &Path) {
    let episode = Episode::open(path).unwrap();
    let mut messages = episode.raw_messages(&[], ..).unwrap();
    while messages.advance().unwrap().is_some() {}
}

fn decode(path: &Path) {
    let episode = Episode::open(path).unwrap();
    for message in episode.messages(&[], ..).unwrap() {
        std::hint::black_box(message.unwrap());
    }
}

fn streams() -> Vec<StreamSpec> {
    let joints =
        || (0..JOINTS).map(|joint| Channel { name: format!("joint_{joint}"), unit: Unit::Radian }).collect();
    let mut specs = vec![
        StreamSpec::new("/robot/joint_states", StreamKind::JointStates, Some(1000.0)).with_channels(joints()),
        StreamSpec::new("/robot/joint_commands", StreamKind::JointCommand, Some(1000.0))
            .with_channels(joints()),
    ];
    for side in ["left", "right"] {
        specs.push(StreamSpec::new(format!("/robot/wrench/{side}"), StreamKind::Wrench, Some(1000.0)));
    }
    for pad in 0..10 {
        specs.push(StreamSpec::new(format!("/robot/tactile/{pad}"), StreamKind::Tactile, Some(500.0)));
    }
    specs
}

fn card() -> Card {
    let joint = |number: usize| Joint {
        name: format!("joint_{number}"),
        slot: None,
        kind: JointKind::Revolute,
        unit: Unit::Radian,
        sign: 1.0,
        offset: 0.0,
        position: [-3.0, 3.0],
        velocity: 10.0,
        effort: Some(50.0),
        home: 0.0,
        mimic: None,
    };
    Card {
        schema: 1,
        vendor: "Maker".to_owned(),
        model: "Bench".to_owned(),
        revision: "1".to_owned(),
        source: "made up".to_owned(),
        kinematics: None,
        joints: (0..JOINTS).map(joint).collect(),
        end_effectors: Vec::new(),
        hands: Vec::new(),
        sensors: Vec::new(),
        streams: Vec::new(),
        safety: SafetyEnvelope::default(),
        simulation: None,
        tendons: Vec::new(),
        doubts: Vec::new(),
    }
}

fn manifest(card: &Card, streams: Vec<StreamSpec>) -> Manifest {
    Manifest {
        format_version: 1,
        episode: etude_model::id::EpisodeId::new("bench"),
        task: None,
        instruction: BTreeMap::new(),
        campaign: None,
        scene: None,
        station: None,
        card: Digest::of(card.to_toml().as_bytes()),
        embodiment: card.title(),
        robot_serial: None,
        trainer: None,
        software: "bench".to_owned(),
        clock: ClockKind::Simulated,
        origin: Origin::Simulated,
        parents: Vec::new(),
        rights: etude_model::rights::Rights::default(),
        streams,
        notes: BTreeMap::new(),
    }
}

/// Numbers that compress no better than a sensor's noise.
struct Noise(u64);

impl Noise {
    fn reading(&mut self, centre: f64) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        centre + (self.0 % 64) as f64 / 32_768.0
    }

    fn row(&mut self, centre: f64, len: usize) -> Vec<f64> {
        (0..len).map(|_| self.reading(centre)).collect()
    }
}

fn sample(spec: &StreamSpec, at_s: f64, noise: &mut Noise) -> Sample {
    let centre = at_s.sin();
    match spec.kind {
        StreamKind::JointStates => Sample::JointStates(JointStates {
            position: noise.row(centre, JOINTS),
            velocity: noise.row(at_s.cos(), JOINTS),
            effort: noise.row(centre, JOINTS),
        }),
        StreamKind::JointCommand => Sample::JointCommand(JointCommand {
            sequence: (at_s * 1e3) as u64,
            asked: noise.row(centre, JOINTS),
            granted: noise.row(centre, JOINTS),
        }),
        StreamKind::Wrench => Sample::Wrench(Wrench {
            force_n: std::array::from_fn(|_| noise.reading(centre)),
            torque_n_m: std::array::from_fn(|_| noise.reading(centre)),
            tared: true,
        }),
        _ => Sample::Tactile(Tactile {
            rows: 4,
            columns: 4,
            values: (0..16).map(|_| noise.reading(centre) as f32).collect(),
        }),
    }
}

fn write(path: &Path) {
    let (specs, card, mut noise) = (streams(), card(), Noise(7));
    let manifest = manifest(&card, specs.clone());
    let text = card.to_toml();
    let head = Head { manifest: &manifest, card_toml: &text, attachments: &[] };
    let mut writer = EpisodeWriter::create(path, &head, WriterOptions::default()).unwrap();
    for tick in 0..SECONDS * 1000 {
        for (index, spec) in specs.iter().enumerate() {
            if tick % 2 == 0 || spec.kind != StreamKind::Tactile {
                let sample = sample(spec, tick as f64 * 1e-3, &mut noise);
                writer.write(StreamIndex(index as u16), Stamp::at(tick * 1_000_000), &sample).unwrap();
            }
        }
    }
    writer.finish().unwrap();
}
