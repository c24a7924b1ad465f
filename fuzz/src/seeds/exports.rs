//! One short take, and every format that we write it in.

use crate::frame::unframed;
use crate::members::join;
use crate::read::any_card;
use etude_dataset::export::ExportEpisode;
use etude_dataset::hdf::{self, HdfLayout};
use etude_dataset::lerobot::{self, DatasetLayout};
use etude_dataset::rlds;
use etude_dataset::streams::{self, StreamFormat};
use etude_episode::{EpisodeWriter, Head, WriterOptions};
use etude_model::id::EpisodeId;
use etude_model::rights::Rights;
use etude_model::sample::{JointCommand, JointStates, VideoFormat, VideoFrame, Wrench};
use etude_model::{Channel, ClockKind, Manifest, Origin, Sample, Stamp, StreamKind, StreamSpec, Topic, Unit};
use etude_video::{FrameRate, H264Encoder, H264Settings, RgbImage, encode_png};
use mcap::records::MessageHeader;
use std::collections::BTreeMap;
use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const FRAMES: i64 = 12;
const FRAME_NS: i64 = 33_333_333;
const CAMERA: &str = "/camera/head/video";
const WRENCH: &str = "/robot/wrench/left";

fn manifest(with_camera: bool) -> Manifest {
    let channels: Vec<Channel> =
        ["elbow", "finger"].map(|name| Channel { name: name.to_owned(), unit: Unit::Radian }).into();
    let mut streams = vec![
        StreamSpec::new(Topic::JOINT_STATES, StreamKind::JointStates, Some(30.0))
            .with_channels(channels.clone()),
        StreamSpec::new(Topic::JOINT_COMMANDS, StreamKind::JointCommand, Some(30.0)).with_channels(channels),
        StreamSpec::new(WRENCH, StreamKind::Wrench, Some(30.0)).with_frame("wrist"),
    ];
    if with_camera {
        streams.push(StreamSpec::new(CAMERA, StreamKind::Video, Some(30.0)).with_frame("head"));
    }
    Manifest {
        format_version: etude_episode::FORMAT_VERSION,
        episode: EpisodeId::new("seed"),
        task: None,
        instruction: BTreeMap::from([("en".to_owned(), "lift the can".to_owned())]),
        campaign: None,
        scene: None,
        station: None,
        card: any_card().digest(),
        embodiment: any_card().title(),
        robot_serial: None,
        trainer: None,
        software: "fuzz".to_owned(),
        clock: ClockKind::Simulated,
        origin: Origin::Simulated,
        parents: Vec::new(),
        rights: Rights::default(),
        streams,
        notes: BTreeMap::new(),
    }
}

fn picture(number: i64) -> RgbImage {
    let pixels = (0..64 * 48 * 3).map(|at: i64| ((at % 192 + number * 9) % 256) as u8).collect();
    RgbImage::new(64, 48, pixels).expect("a picture")
}

/// A take of less than half a second.
fn record(path: &Path, with_camera: bool) -> ExportEpisode {
    let (manifest, card) = (manifest(with_camera), any_card().to_toml());
    let head = Head { manifest: &manifest, card_toml: &card, attachments: &[] };
    let mut writer = EpisodeWriter::create(path, &head, WriterOptions::default()).expect("a writer");
    let rate = FrameRate::from_hz(30).expect("a rate");
    let mut encoder = H264Encoder::new(H264Settings::new(64, 48, rate)).expect("an encoder");
    for number in 0..FRAMES {
        let at = number as f64;
        let states =
            JointStates { position: vec![at, -at], velocity: vec![1.0, 0.5], ..JointStates::default() };
        let command = JointCommand { sequence: number as u64, asked: vec![9.0, at], granted: vec![8.5, at] };
        let wrench = Wrench { force_n: [at, 2.0, -3.5], torque_n_m: [0.25; 3], tared: true };
        let mut samples = vec![
            (Topic::JOINT_STATES, Sample::JointStates(states)),
            (Topic::JOINT_COMMANDS, Sample::JointCommand(command)),
            (WRENCH, Sample::Wrench(wrench)),
        ];
        if with_camera {
            let unit = encoder.encode(&picture(number).as_frame()).expect("a frame");
            let frame = VideoFrame { format: VideoFormat::H264, is_key: unit.is_key, data: unit.data.into() };
            samples.push((CAMERA, Sample::Video(frame)));
        }
        for (topic, sample) in samples {
            let stream = writer.stream(topic).expect("a stream");
            writer.write(stream, Stamp::at(number * FRAME_NS), &sample).expect("a sample");
        }
    }
    let closed = writer.finish().expect("an episode");
    ExportEpisode::new(path, closed.digest)
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

fn read(path: impl AsRef<Path>) -> Vec<u8> {
    fs::read(path).expect("a file that was written")
}

/// The files below a folder, by their paths.
fn files(root: &Path, folder: &Path, found: &mut Vec<(String, PathBuf)>) {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            files(root, &path, found);
        } else {
            let name = path.strip_prefix(root).expect("a path below its root");
            found.push((name.to_string_lossy().into_owned(), path));
        }
    }
}

fn joined(root: &Path) -> Vec<u8> {
    let mut found = Vec::new();
    files(root, root, &mut found);
    let contents: Vec<(String, Vec<u8>)> = found.into_iter().map(|(name, path)| (name, read(path))).collect();
    join(contents.iter().map(|(name, content)| (name.as_str(), content.as_slice())))
}

pub(super) fn episode(with_camera: bool) -> Vec<u8> {
    let folder = folder();
    let path = folder.path().join("0.mcap");
    record(&path, with_camera);
    read(path)
}

/// JSON in each compression, Protobuf, and ROS 2.
pub(super) fn mcap() -> Vec<Vec<u8>> {
    let folder = folder();
    let messages: Vec<String> = (0..12)
        .map(|n| format!("{{\"q\": [{n}, 1.5], \"n\": [\"elbow\", \"finger\"], \"t\": {n}}}"))
        .collect();
    let mut all: Vec<Vec<u8>> = [None, Some(mcap::Compression::Zstd)]
        .map(|compression| {
            let options = mcap::WriteOptions::new().compression(compression).chunk_size(Some(512));
            let mut writer = options.create(Cursor::new(Vec::new())).expect("a writer");
            let channel = writer.add_channel(0, "joints", "json", &BTreeMap::new()).expect("a channel");
            for (number, message) in (0u32..).zip(&messages) {
                let (log_time, sequence) = (u64::from(number) * 10_000_000, number);
                let header =
                    MessageHeader { channel_id: channel, sequence, log_time, publish_time: log_time };
                writer.write_to_known_channel(&header, message.as_bytes()).expect("a message");
            }
            writer.finish().expect("a file");
            writer.into_inner().into_inner()
        })
        .into();
    let episode = record(&folder.path().join("0.mcap"), true);
    all.push(read(&episode.path));
    let out = folder.path().join("ros2");
    streams::export(&[episode], &out, StreamFormat::Ros2Mcap, &mut |_, _| {}).expect("ROS 2");
    all.push(read(out.join("episode_000000.mcap")));
    all
}

/// Layouts that we write, and parts of two that only folders tell.
pub(super) fn hdf5() -> Vec<Vec<u8>> {
    let folder = folder();
    let episode = [record(&folder.path().join("0.mcap"), true)];
    let mut all = Vec::new();
    for (name, layout, pictures) in [
        ("a", HdfLayout::Robomimic, false),
        ("b", HdfLayout::Robomind, true),
        ("c", HdfLayout::Robomind, false),
    ] {
        let out = folder.path().join(name);
        let options = hdf::ExportOptions { layout, pictures, next_observations: false, ..Default::default() };
        hdf::export(&episode, &out, &options, &mut |_, _| {}).expect("HDF5");
        let mut found = Vec::new();
        files(&out, &out, &mut found);
        let is_hdf5 = |name: &String| name.ends_with(".hdf5") || name.ends_with(".h5");
        let found = found.into_iter().filter(|(name, _)| is_hdf5(name));
        all.extend(found.map(|(_, path)| read(path)));
    }
    let plain = all.last().cloned().unwrap_or_default();
    let task = br#"[{"episode_id": 648642, "task_name": "a", "init_scene_text": "b", "label_info": {}}]"#;
    let droid = br#"{"uuid": "a", "current_task": "lift", "wrist_cam_serial": "18", "ext1_cam_serial": "2"}"#;
    all.push(join([
        ("task_info/task_327.json", &task[..]),
        ("proprio_stats/327/648642/proprio_stats.h5", &plain),
        ("observations/327/648642/videos/head_color.mp4", b"no video"),
    ]));
    all.push(join([
        ("metadata_a.json", &droid[..]),
        ("trajectory.h5", &plain),
        ("recordings/MP4/18.mp4", b"no video"),
    ]));
    all
}

pub(super) fn lerobot() -> Vec<Vec<u8>> {
    let folder = folder();
    let mut all = Vec::new();
    for (name, layout, with_camera) in [
        ("a", DatasetLayout::V30, false),
        ("b", DatasetLayout::V21, false),
        ("c", DatasetLayout::Groot, true),
        ("d", DatasetLayout::V30, true),
    ] {
        let episode = record(&folder.path().join(format!("{name}.mcap")), with_camera);
        let options = lerobot::ExportOptions { layout, trim_rows: 0, ..Default::default() };
        let out = folder.path().join(name);
        lerobot::export(&[episode], &out, &options, &mut |_, _| {}).expect("a dataset");
        // What a reader does not open stays away.
        for beside in ["meta/etude.json", "meta/alignment", "alignment", "README.md", "provenance.jsonl"] {
            let path = out.join(beside);
            drop(fs::remove_file(&path).or_else(|_| fs::remove_dir_all(&path)));
        }
        all.push(joined(&out));
    }
    all
}

pub(super) fn mp4() -> Vec<Vec<u8>> {
    let folder = folder();
    let episode = record(&folder.path().join("0.mcap"), true);
    let out = folder.path().join("dataset");
    let options = lerobot::ExportOptions { trim_rows: 0, ..Default::default() };
    lerobot::export(&[episode], &out, &options, &mut |_, _| {}).expect("a dataset");
    let mut found = Vec::new();
    files(&out, &out, &mut found);
    found.into_iter().filter(|(name, _)| name.ends_with(".mp4")).map(|(_, path)| read(path)).collect()
}

pub(super) fn rlds() -> Vec<Vec<u8>> {
    let folder = folder();
    let mut all = Vec::new();
    for (name, with_camera) in [("a", false), ("b", true)] {
        let episode = record(&folder.path().join(format!("{name}.mcap")), with_camera);
        let out = folder.path().join(name);
        rlds::export(&[episode], "made", &out, &rlds::ExportOptions::default(), &mut |_, _| {})
            .expect("RLDS");
        let mut found = Vec::new();
        files(&out, &out, &mut found);
        let path = |end: &str| found.iter().find(|(name, _)| name.contains(end)).map(|(_, path)| path);
        let features = path("features.json").map(read).expect("features.json");
        let shard = path(".tfrecord").map(read).expect("a shard");
        let example = unframed(&shard).expect("a record");
        all.push([&features, &b"\n%\n"[..], example].concat());
        all.push([&b"\n%\n"[..], example].concat());
        if !with_camera {
            all.push([&features, &b"\n%\n"[..], &shard].concat());
        }
    }
    all
}

pub(super) fn pictures() -> Vec<Vec<u8>> {
    let small = RgbImage::new(5, 3, (0..45).collect()).expect("a picture");
    let mut all = vec![encode_png(&small).expect("PNG"), encode_png(&picture(0)).expect("PNG")];
    all.extend([1, 3].map(jpeg));
    all
}

/// 8 x 8 pixels of one grey, by ITU-T T.81: tables with one code each, and a block with no coefficient for each component.
fn jpeg(components: u8) -> Vec<u8> {
    let segment = |marker: u8, data: &[u8]| {
        let length = (data.len() as u16 + 2).to_be_bytes();
        [&[0xff, marker], &length[..], data].concat()
    };
    let mut table = [1; 65];
    table[0] = 0;
    let code = |class: u8| {
        let mut codes = vec![class];
        codes.extend([1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        segment(0xc4, &codes)
    };
    let frame: Vec<u8> = (1..=components).flat_map(|number| [number, 0x11, 0]).collect();
    let scan: Vec<u8> = (1..=components).flat_map(|number| [number, 0]).collect();
    [
        vec![0xff, 0xd8],
        segment(0xdb, &table),
        segment(0xc0, &[&[8, 0, 8, 0, 8, components], &frame[..]].concat()),
        code(0x00),
        code(0x10),
        segment(0xda, &[&[components], &scan[..], &[0, 63, 0]].concat()),
        // Two bits of 0 for each component, then bits of 1.
        vec![0xff >> (2 * components), 0xff, 0xd9],
    ]
    .concat()
}

/// A key unit of H.264, a unit that needs it, a picture's parameter sets as MP4 has them, and units of AV1.
pub(super) fn bitstream() -> Vec<Vec<u8>> {
    let rate = FrameRate::from_hz(30).expect("a rate");
    let mut encoder = H264Encoder::new(H264Settings::new(64, 48, rate)).expect("an encoder");
    let mut all: Vec<Vec<u8>> =
        (0..2).map(|number| encoder.encode(&picture(number).as_frame()).expect("a frame").data).collect();
    let config = etude_video::parameter_sets::AvcConfig::from_annexb(&all[0]).expect("parameter sets");
    all.push(config.to_avcc().expect("avcC"));
    // A temporal delimiter, a sequence header of one byte and a frame, each with its size.
    all.push(vec![0x12, 0, 0x0a, 1, 0, 0x32, 3, 1, 2, 3]);
    // hvcC: one array with one set of three bytes.
    let mut hevc = vec![1; 22];
    hevc.extend([1, 33, 0, 1, 0, 3, 66, 1, 1]);
    all.push(hevc);
    all
}
