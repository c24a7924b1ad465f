//! MCAP files made for the test: JSON and Protobuf messages, pictures, and units that have to be converted.

use super::{assert_said, card, import_at, importer, samples};
use etude_episode::{EpisodeWriter, Head, StreamIndex, WriterOptions};
use etude_model::sample::{Sample, VideoFormat, VideoFrame, Wrench};
use etude_model::{Manifest, Stamp, StreamKind, StreamSpec};
use etude_video::{FrameRate, H264Encoder, H264Settings, RgbImage};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;

/// Writes an MCAP file of JSON messages on one topic, 10 ms apart.
pub(crate) fn json_mcap(
    path: &Path,
    topic: &str,
    messages: &[String],
    compression: Option<mcap::Compression>,
) {
    let file = File::create(path).expect("a file");
    let options = mcap::WriteOptions::new().compression(compression).chunk_size(Some(2048));
    let mut writer = options.create(std::io::BufWriter::new(file)).expect("a writer");
    let channel = writer.add_channel(0, topic, "json", &BTreeMap::new()).expect("a channel");
    for (number, message) in (0u32..).zip(messages) {
        let time = 1_000_000_000 + u64::from(number) * 10_000_000;
        let header = mcap::records::MessageHeader {
            channel_id: channel,
            sequence: number,
            log_time: time,
            publish_time: time - 1_000_000,
        };
        writer.write_to_known_channel(&header, message.as_bytes()).expect("a message");
    }
    writer.finish().expect("a file");
}

// shows: mcap-json read-made
#[test]
fn json_comes_in_with_scale_sign_and_names_that_change_their_order() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.mcap");
    let messages = [
        r#"{"t": 5, "name": ["b", "a"], "deg": [90, 45], "grip": 250, "note": "x"}"#.to_owned(),
        r#"{"t": 6, "name": ["a", "b"], "deg": [45, 90], "grip": 0, "note": "y"}"#.to_owned(),
        r#"{"t": 7, "name": ["a"], "deg": [45], "grip": 0, "note": ""}"#.to_owned(),
        r#"{"t": 8, "name": ["a", "b"], "deg": [45, 180], "grip": 125}"#.to_owned(),
    ];
    json_mcap(&path, "joints", &messages, None);
    let mapping = r#"
        schema = 1
        format = "mcap"
        [clock]
        time = "publish"
        stamp = "t"
        stamp_unit = "ms"
        [[stream]]
        topic = "/robot/joint_states"
        kind = "joint_states"
        from = "joints"
        names = "name"
        position = { field = "deg", unit = "deg" }
        channels = [{ name = "joint2", source = "b", sign = -1, offset = 10 }, { name = "joint1", source = "a" }]
        [[stream]]
        topic = "/imported/grip"
        kind = "joint_states"
        from = "joints"
        position = { field = "grip", unit = "ratio", scale = 0.004 }
        channels = [{ name = "grip" }]
    "#;
    let importer = importer(&path, mapping, &card("franka_panda")).expect("a source");
    let (episode, imported) = import_at(&importer, 0, folder.path());
    let states = super::positions(&episode, "/robot/joint_states");
    let radians = |degrees: f64| degrees.to_radians();
    let wanted =
        [[radians(-80.0), radians(45.0)], [radians(-80.0), radians(45.0)], [radians(-170.0), radians(45.0)]];
    assert_eq!(states.len(), 3);
    for (found, wanted) in states.iter().zip(wanted) {
        assert!(found.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 1e-12), "{found:?} {wanted:?}");
    }
    assert_eq!(super::positions(&episode, "/imported/grip"), [[1.0], [0.0], [0.0], [0.5]]);
    let stamp = samples(&episode, "/robot/joint_states")[1].0;
    assert_eq!((stamp.log.ns(), stamp.host.ns()), (1_009_000_000, 1_009_000_000));
    assert_eq!(stamp.device.map(etude_model::DeviceTime::ns), Some(6_000_000));
    assert_said(
        &imported.problems,
        true,
        &["/robot/joint_states", "1 of 4 messages are no sample of it: it does not name `b`"],
    );
    assert_said(&imported.problems, true, &["joints note", "2 messages left out"]);
    // The message that could not be used is declared as missing.
    let gaps = etude_episode::Episode::open(&episode).expect("an episode").gaps().expect("gaps");
    assert_eq!((gaps.len(), gaps[0].missing, gaps[0].to.ns()), (1, 1, 1_029_000_000));
}

/// An episode of ours: a wrench and a camera, as a foreign MCAP file with Protobuf messages.
fn protobuf_mcap(path: &Path) -> Vec<VideoFrame> {
    let manifest: Manifest = serde_json::from_str(&format!(
        r#"{{"format_version": 1, "episode": "e", "card": "{}", "embodiment": "none", "software": "test",
           "clock": {{"kind": "measured"}}, "origin": "simulated"}}"#,
        "0".repeat(64)
    ))
    .expect("a manifest");
    let wrench = StreamSpec::new("/robot/wrench/left", StreamKind::Wrench, None).with_frame("wrist");
    let video = StreamSpec::new("/camera/head/video", StreamKind::Video, None).with_frame("head");
    let manifest = Manifest { streams: vec![wrench, video], ..manifest };
    let head = Head { manifest: &manifest, card_toml: "", attachments: &[] };
    let mut writer = EpisodeWriter::create(path, &head, WriterOptions::default()).expect("a writer");
    let settings = H264Settings::new(64, 48, FrameRate::from_hz(30).expect("a rate"));
    let mut encoder = H264Encoder::new(settings).expect("an encoder");
    let mut frames = Vec::new();
    for number in 0..12u8 {
        let stamp = Stamp::at(1_000_000_000 + i64::from(number) * 33_333_333);
        let force = Wrench { force_n: [f64::from(number), 2.0, -3.5], torque_n_m: [0.25; 3], tared: true };
        writer.write(StreamIndex(0), stamp, &Sample::Wrench(force)).expect("a sample");
        let image = RgbImage::new(64, 48, vec![number * 20; 64 * 48 * 3]).expect("a picture");
        let unit = encoder.encode(&image.as_frame()).expect("a frame");
        let frame = VideoFrame { format: VideoFormat::H264, is_key: unit.is_key, data: unit.data.into() };
        writer.write(StreamIndex(1), stamp, &Sample::Video(frame.clone())).expect("a sample");
        frames.push(frame);
    }
    writer.finish().expect("a file");
    frames
}

const PROTOBUF: &str = r#"
    schema = 1
    format = "mcap"
    [clock]
    time = "log"
    [[stream]]
    topic = "/robot/wrench/right"
    kind = "wrench"
    from = "/robot/wrench/left"
    frame = "flange"
    force = { field = "force", unit = "N" }
    torque = { field = "torque", unit = "N*m" }
    tared = true
    [[stream]]
    topic = "/camera/front/video"
    kind = "video"
    from = "/camera/head/video"
    frame = "front"
    data = "data"
    format = "h264"
"#;

// shows: mcap-protobuf read-made
#[test]
fn protobuf_comes_in_and_video_is_copied_byte_by_byte() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.mcap");
    let frames = protobuf_mcap(&path);
    let importer = importer(&path, PROTOBUF, &card("franka_panda")).expect("a source");
    let (episode, imported) = import_at(&importer, 0, folder.path());
    let wrenches = samples(&episode, "/robot/wrench/right");
    assert_eq!(wrenches.len(), 12);
    let wanted = Wrench { force_n: [7.0, 2.0, -3.5], torque_n_m: [0.25; 3], tared: true };
    assert_eq!(wrenches[7].1, Sample::Wrench(wanted));
    let found: Vec<VideoFrame> = samples(&episode, "/camera/front/video")
        .into_iter()
        .map(|(_, sample)| if let Sample::Video(frame) = sample { frame } else { panic!("no video") })
        .collect();
    assert_eq!(found, frames);
    assert_said(&imported.problems, true, &["its metadata record `etude.episode` is left out"]);
}

#[test]
fn frames_before_the_first_that_can_be_decoded_are_declared_missing() {
    let folder = tempfile::tempdir().expect("a folder");
    let (whole, path) = (folder.path().join("whole.mcap"), folder.path().join("a.mcap"));
    let frames = protobuf_mcap(&whole);
    assert!(frames[0].is_key && !frames[1].is_key && frames[10].is_key);
    // The beginning of the recording is lost: the first frames refer to one that is gone.
    let bytes = fs::read(&whole).expect("a file");
    let summary = mcap::Summary::read(&bytes).expect("a summary").expect("a summary");
    let file = File::create(&path).expect("a file");
    let mut writer = mcap::Writer::new(std::io::BufWriter::new(file)).expect("a writer");
    for message in
        mcap::MessageStream::new(&bytes).expect("messages").map(|message| message.expect("a message"))
    {
        if message.channel.topic == "/camera/head/video" && message.log_time > 1_100_000_000 {
            writer.write(&message).expect("a message");
        }
    }
    writer.finish().expect("a file");
    assert!(summary.stats.is_some());
    let video_only = &PROTOBUF[..PROTOBUF.find("[[stream]]").expect("a stream")].to_owned();
    let stream = &PROTOBUF[PROTOBUF.rfind("[[stream]]").expect("a stream")..];
    let importer =
        importer(&path, &format!("{video_only}{stream}"), &card("franka_panda")).expect("a source");
    let (episode, imported) = import_at(&importer, 0, folder.path());
    assert_eq!(samples(&episode, "/camera/front/video").len(), 2);
    assert_said(
        &imported.problems,
        true,
        &["6 of 8 messages are no sample of it: it needs frames before it"],
    );
}
