//! Episodes for the other tests.

use etude_episode::{Closed, EpisodeWriter, Head, StreamIndex, WriterOptions};
use etude_model::gap::{Gap, GapReason};
use etude_model::id::EpisodeId;
use etude_model::rights::Rights;
use etude_model::sample::{JointStates, Sample, TakeEvent, VideoFormat, VideoFrame, Wrench};
use etude_model::{
    Channel, ClockKind, Digest, HostTime, LogTime, Manifest, Origin, Stamp, StreamKind, StreamSpec, Topic,
    Unit,
};
use std::collections::BTreeMap;

pub(crate) const CARD: &str = "schema = 1\n";

pub(crate) fn manifest(streams: Vec<StreamSpec>) -> Manifest {
    Manifest {
        format_version: 1,
        episode: EpisodeId::from_parts(1_767_603_600_000, [7; 10]),
        task: None,
        instruction: BTreeMap::from([("en".to_owned(), "lift the can".to_owned())]),
        campaign: None,
        scene: None,
        station: None,
        card: Digest::of(CARD.as_bytes()),
        embodiment: "Test Arm".to_owned(),
        robot_serial: None,
        trainer: None,
        software: "test 1".to_owned(),
        clock: ClockKind::Measured,
        origin: Origin::Simulated,
        parents: Vec::new(),
        rights: Rights::default(),
        streams,
        notes: BTreeMap::new(),
    }
}

pub(crate) fn channels(count: usize) -> Vec<Channel> {
    (0..count).map(|index| Channel { name: format!("joint_{index}"), unit: Unit::Radian }).collect()
}

pub(crate) const JOINTS: StreamIndex = StreamIndex(0);
pub(crate) const WRENCH: StreamIndex = StreamIndex(1);
pub(crate) const VIDEO: StreamIndex = StreamIndex(2);
pub(crate) const TAKE: StreamIndex = StreamIndex(3);

/// A robot's streams: two fast ones, a camera, and events.
pub(crate) fn streams() -> Vec<StreamSpec> {
    vec![
        StreamSpec::new(Topic::JOINT_STATES, StreamKind::JointStates, Some(500.0)).with_channels(channels(3)),
        StreamSpec::new("/robot/wrench/left", StreamKind::Wrench, Some(1000.0)).with_frame("left_wrist"),
        StreamSpec::new("/camera/head/video", StreamKind::Video, Some(30.0)).with_frame("head_camera"),
        StreamSpec::new(Topic::TAKE, StreamKind::Take, None),
    ]
}

pub(crate) const START_NS: i64 = 1_767_603_600_000_000_000;

/// A stamp whose three times differ.
pub(crate) fn stamp(ns: i64) -> Stamp {
    Stamp {
        device: Some(etude_model::DeviceTime(ns / 3)),
        host: HostTime(START_NS + ns - 200_000),
        log: LogTime(START_NS + ns),
    }
}

pub(crate) fn joints(tick: i64) -> Sample {
    let angle = tick as f64 * 0.001;
    Sample::JointStates(JointStates {
        position: vec![angle, -angle, if tick % 7 == 0 { f64::NAN } else { -0.0 }],
        velocity: vec![angle.sin(), 0.0, 1.0],
        effort: Vec::new(),
    })
}

pub(crate) fn wrench(tick: i64) -> Sample {
    let force = tick as f64 * 0.01;
    Sample::Wrench(Wrench { force_n: [force, -force, 9.81], torque_n_m: [0.0, force, 0.0], tared: true })
}

pub(crate) fn video(frame: i64) -> Sample {
    let data: Vec<u8> =
        (0..200 + frame as usize % 50).map(|byte| (byte as u8).wrapping_mul(frame as u8)).collect();
    Sample::Video(VideoFrame { format: VideoFormat::H264, is_key: frame % 10 == 0, data: data.into() })
}

pub(crate) fn event(name: &str) -> Sample {
    Sample::Take(TakeEvent { name: name.to_owned(), detail: String::new() })
}

pub(crate) const MS: i64 = 1_000_000;

/// Writes `ms` milliseconds of the robot of [`streams`]; the second wrench of each 50 ms is declared missing.
pub(crate) fn write_robot<S: etude_episode::Sink>(
    writer: &mut EpisodeWriter<S>,
    ms: i64,
) -> Result<(), etude_episode::WriteError> {
    writer.write(TAKE, stamp(0), &event("recording"))?;
    for tick in 0..ms {
        let ns = tick * MS;
        if tick % 2 == 0 {
            writer.write(JOINTS, stamp(ns), &joints(tick))?;
        }
        if tick % 50 == 1 {
            let (from, to) = (LogTime(START_NS + ns - MS), LogTime(START_NS + ns + MS));
            let topic = Topic::new("/robot/wrench/left");
            let gap = Gap { topic, from, to, missing: 1, reason: GapReason::LostOnTheWay };
            writer.declare_gap(&gap, stamp(ns))?;
        } else {
            writer.write(WRENCH, stamp(ns), &wrench(tick))?;
        }
        if tick % 33 == 0 {
            writer.write(VIDEO, stamp(ns), &video(tick / 33))?;
        }
    }
    writer.write(TAKE, stamp(ms * MS), &event("stopped"))
}

pub(crate) fn robot_in_memory(ms: i64) -> (Vec<u8>, Closed) {
    let manifest = manifest(streams());
    let head = Head { manifest: &manifest, card_toml: CARD, attachments: &[] };
    let mut bytes = Vec::new();
    let mut writer = EpisodeWriter::with_sink(&mut bytes, &head, WriterOptions::default()).expect("memory");
    write_robot(&mut writer, ms).expect("memory");
    for (stream, count) in [(JOINTS, (ms + 1) / 2), (WRENCH, ms), (VIDEO, (ms + 32) / 33)] {
        writer.expect(stream, etude_episode::Expected::Count(count as u64)).expect("a stream");
    }
    let closed = writer.finish().expect("memory");
    (bytes, closed)
}
