//! One job beside LeRobot's own, for `benches/lerobot_peers.py`, which gives both the same frames and files.
//!
//! `card OUT`: the card that the jobs are about.
//! `record RAW OUT QP`: frames of three cameras to H.264, into episodes as a recorder does it, and those into a dataset.
//! `convert SOURCE CARD OUT [WITHOUT]`: a LeRobot dataset into episodes and those into a dataset, without one of them.
//! `carry SOURCE OUT [WITHOUT]`: a LeRobot dataset as one of version 3.0, its rows and frames as they are, without an episode.
//! Prints one JSON object with CPU seconds of this process. Without a job it does nothing.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a report for a script, on data that it made")]

#[path = "../../../benches/cpu.rs"]
mod cpu;

use cpu::cpu_s;
use etude_dataset::lerobot::{
    ExportEpisode, ExportOptions, Exported, ImportOptions, Importer, carry, export,
};
use etude_episode::{EpisodeWriter, Head, WriterOptions};
use etude_model::id::EpisodeId;
use etude_model::rights::Rights;
use etude_model::sample::{JointCommand, JointStates, VideoFormat, VideoFrame};
use etude_model::{
    Card, Channel, ClockKind, Digest, Manifest, Origin, Sample, Stamp, StreamKind, StreamSpec, Topic, Unit,
};
use etude_video::{FrameRate, H264Encoder, H264Settings, RgbFrame};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

const RATE_HZ: u32 = 30;
const JOINTS: usize = 28;
const CAMERAS: [&str; 3] = ["head", "left", "right"];
const WIDTH: u32 = 640;
const HEIGHT: u32 = 480;
const BEGAN_NS: i64 = 1_767_603_600_000_000_000;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let report = match words.as_slice() {
        ["card", out] => {
            fs::write(out, card().to_toml()).unwrap();
            json!({})
        }
        ["record", raw, out, qp] => record(Path::new(raw), Path::new(out), qp.parse().unwrap()),
        ["convert", source, card, out] => convert(Path::new(source), card, Path::new(out), None),
        ["convert", source, card, out, without] => {
            convert(Path::new(source), card, Path::new(out), Some(without.parse().unwrap()))
        }
        ["carry", source, out, without @ ..] => {
            let without: Vec<u64> = without.iter().map(|number| number.parse().unwrap()).collect();
            let (began, options) = (cpu_s(), ExportOptions::default());
            let done = carry(Path::new(source), &without, Path::new(out), &options, &mut |_, _| {}).unwrap();
            json!({"cpu_s": cpu_s() - began, "rows": done.rows})
        }
        _ => {
            println!("`python3 benches/lerobot_peers.py` runs this beside LeRobot");
            return;
        }
    };
    println!("{report}");
}

fn finished(episodes: &[ExportEpisode], out: &Path, options: &ExportOptions) -> (f64, Exported) {
    let began = cpu_s();
    let exported = export(episodes, out, options, &mut |_, _| {}).unwrap();
    (cpu_s() - began, exported)
}

fn told(before_s: f64, episodes: &[ExportEpisode], out: &Path) -> Value {
    let (with_s, exported) = finished(episodes, out, &ExportOptions::default());
    let bare = ExportOptions { image_samples: 0, ..ExportOptions::default() };
    let folder = tempfile::tempdir().unwrap();
    let (bare_s, _) = finished(episodes, &folder.path().join("bare"), &bare);
    json!({
        "before_cpu_s": before_s, "export_cpu_s": with_s, "export_without_image_statistics_cpu_s": bare_s,
        "rows": exported.rows, "episodes": exported.episodes,
        "videos_copied": exported.videos_copied, "videos_encoded": exported.videos_encoded,
    })
}

/// A card of joints that exists for this alone.
fn card() -> Card {
    let mut text =
        "schema = 1\nvendor = \"Maker\"\nmodel = \"Bench\"\nrevision = \"a\"\nsource = \"a benchmark\"\n"
            .to_owned();
    for joint in 0..JOINTS {
        let limits = "kind = \"revolute\"\nunit = \"rad\"\nposition = [-3.0, 3.0]\nvelocity = 3.0";
        writeln!(text, "[[joint]]\nname = \"j{joint}\"\n{limits}").unwrap();
    }
    Card::from_toml(&text).unwrap()
}

fn manifest(card: &Card, number: u8) -> Manifest {
    let rate = Some(f64::from(RATE_HZ));
    let channels: Vec<Channel> =
        card.joints.iter().map(|joint| Channel { name: joint.name.clone(), unit: Unit::Radian }).collect();
    let mut streams = vec![
        StreamSpec::new(Topic::JOINT_STATES, StreamKind::JointStates, rate).with_channels(channels.clone()),
        StreamSpec::new(Topic::JOINT_COMMANDS, StreamKind::JointCommand, rate).with_channels(channels),
    ];
    streams.extend(
        CAMERAS.map(|name| StreamSpec::new(format!("/camera/{name}/video"), StreamKind::Video, rate)),
    );
    Manifest {
        format_version: etude_episode::FORMAT_VERSION,
        episode: EpisodeId::from_parts(1_767_603_600_000, [number; 10]),
        task: None,
        instruction: BTreeMap::from([("en".to_owned(), "lift the can".to_owned())]),
        campaign: None,
        scene: None,
        station: None,
        card: card.digest(),
        embodiment: card.title(),
        robot_serial: None,
        trainer: None,
        software: "bench".to_owned(),
        clock: ClockKind::Measured,
        origin: Origin::Simulated,
        parents: Vec::new(),
        rights: Rights::default(),
        streams,
        notes: BTreeMap::new(),
    }
}

/// `RAW/<episode>/<camera>.rgb`: frames of 640 x 480 x 3 bytes behind each other.
fn record(raw: &Path, out: &Path, qp: u8) -> Value {
    fs::create_dir_all(out).unwrap();
    let card = card();
    let mut spent_s = 0.0;
    let mut episodes = Vec::new();
    for number in 0..=u8::MAX {
        let folder = raw.join(number.to_string());
        if !folder.is_dir() {
            break;
        }
        let pictures = CAMERAS.map(|camera| fs::read(folder.join(format!("{camera}.rgb"))).unwrap());
        let path = out.join(format!("{number}.mcap"));
        let began = cpu_s();
        let digest = one(&path, &card, number, qp, &pictures);
        spent_s += cpu_s() - began;
        episodes.push(ExportEpisode::new(path, digest));
    }
    told(spent_s, &episodes, &out.join("dataset"))
}

fn one(path: &Path, card: &Card, number: u8, qp: u8, pictures: &[Vec<u8>; 3]) -> Digest {
    let manifest = manifest(card, number);
    let head = Head { manifest: &manifest, card_toml: &card.to_toml(), attachments: &[] };
    let mut writer = EpisodeWriter::create(path, &head, WriterOptions::default()).unwrap();
    let streams: Vec<_> =
        manifest.streams.iter().map(|spec| writer.stream(spec.topic.as_str()).unwrap()).collect();
    let rate = FrameRate::from_hz(RATE_HZ).unwrap();
    let settings = H264Settings { qp, ..H264Settings::new(WIDTH, HEIGHT, rate) };
    let mut encoders = CAMERAS.map(|_| H264Encoder::new(settings).unwrap());
    let bytes = (WIDTH * HEIGHT * 3) as usize;
    for row in 0..pictures[0].len() / bytes {
        let stamp = Stamp::at(BEGAN_NS + row as i64 * 1_000_000_000 / i64::from(RATE_HZ));
        let position: Vec<f64> = (0..JOINTS).map(|joint| (row as f64 * 0.01 + joint as f64).sin()).collect();
        let still = vec![0.0; JOINTS];
        let (asked, granted) = (position.clone(), position.clone());
        let command = JointCommand { sequence: row as u64, asked, granted };
        let states = JointStates { position, velocity: still.clone(), effort: still };
        writer.write(streams[0], stamp, &Sample::JointStates(states)).unwrap();
        writer.write(streams[1], stamp, &Sample::JointCommand(command)).unwrap();
        for (camera, encoder) in encoders.iter_mut().enumerate() {
            let picture = &pictures[camera][row * bytes..(row + 1) * bytes];
            let unit = encoder.encode(&RgbFrame::new(WIDTH, HEIGHT, picture).unwrap()).unwrap();
            let frame = VideoFrame { format: VideoFormat::H264, is_key: unit.is_key, data: unit.data.into() };
            writer.write(streams[2 + camera], stamp, &Sample::Video(frame)).unwrap();
        }
    }
    writer.finish().unwrap().digest
}

fn convert(source: &Path, card: &str, out: &Path, without: Option<u64>) -> Value {
    let card = Card::from_toml(&fs::read_to_string(card).unwrap()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let began = cpu_s();
    let (mut importer, _) = Importer::open(source, &card, ImportOptions::new("bench")).unwrap();
    let indexes: Vec<u64> = importer.source().episodes.iter().map(|episode| episode.index).collect();
    let mut episodes = Vec::new();
    for (place, index) in indexes.into_iter().enumerate().filter(|(_, index)| Some(*index) != without) {
        let path = folder.path().join(format!("{index}.mcap"));
        let digest = importer.import(place, &path).unwrap().closed.digest;
        episodes.push(ExportEpisode::new(path, digest));
    }
    told(cpu_s() - began, &episodes, out)
}
