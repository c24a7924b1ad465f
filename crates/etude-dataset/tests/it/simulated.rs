//! Episodes as a recorder makes them: signals at 1 kHz, commands with what was granted, cameras of their own.

use crate::{batches, bits};
use etude_dataset::lerobot::{ExportEpisode, ExportOptions, Exported, export};
use etude_episode::{EpisodeWriter, Head, WriterOptions};
use etude_model::id::EpisodeId;
use etude_model::rights::Rights;
use etude_model::sample::{JointCommand, JointStates, VideoFormat, VideoFrame};
use etude_model::{
    Card, Channel, ClockKind, Gap, GapReason, LogTime, Manifest, Origin, Sample, Stamp, StreamKind,
    StreamSpec, Topic, Unit,
};
use etude_video::{FrameRate, H264Encoder, H264Settings, RgbFrame, hash_file};
use std::collections::BTreeMap;
use std::path::Path;

const CARD: &str = r#"
    schema = 1
    vendor = "Maker"
    model = "Sim"
    revision = "a"
    source = "a test"
    [[joint]]
    name = "elbow"
    kind = "revolute"
    unit = "rad"
    position = [-20.0, 20.0]
    velocity = 3.0
    [[joint]]
    name = "finger"
    kind = "revolute"
    unit = "rad"
    position = [-20.0, 20.0]
    velocity = 3.0
    [[hand]]
    side = "left"
    kind = "gripper"
    joints = ["finger"]
    open = [0.0]
    closed = [1.0]
"#;

const SECONDS: i64 = 2;
const MS: i64 = 1_000_000;

/// What is out of the ordinary in an episode.
#[derive(Clone, Copy, Default)]
pub(crate) struct Odd {
    /// Log times between which the joints said nothing, ms.
    pub(crate) silent_ms: Option<(i64, i64)>,
    /// Frames per second of the second camera.
    pub(crate) wrist_hz: i64,
    /// From when on the joints speak, ms.
    pub(crate) joints_from_ms: i64,
    /// A frame that the second camera never gave.
    pub(crate) wrist_without: Option<i64>,
}

fn spec(topic: &str, kind: StreamKind, rate_hz: f64, joint: Option<&str>) -> StreamSpec {
    let channels =
        joint.map(|name| Channel { name: name.to_owned(), unit: Unit::Radian }).into_iter().collect();
    StreamSpec::new(topic, kind, Some(rate_hz)).with_channels(channels)
}

fn manifest(card: &Card, id: &str, odd: Odd) -> Manifest {
    let streams = vec![
        spec(Topic::JOINT_STATES, StreamKind::JointStates, 1000.0, Some("elbow")),
        spec("/robot/hand/left/state", StreamKind::JointStates, 1000.0, Some("finger")),
        spec(Topic::JOINT_COMMANDS, StreamKind::JointCommand, 100.0, Some("elbow")),
        spec("/camera/head/video", StreamKind::Video, 30.0, None),
        spec("/camera/wrist/video", StreamKind::Video, odd.wrist_hz as f64, None),
    ];
    Manifest {
        format_version: 1,
        episode: EpisodeId::new(id),
        task: None,
        instruction: BTreeMap::from([("en".to_owned(), "lift the can".to_owned())]),
        campaign: None,
        scene: None,
        station: None,
        card: card.digest(),
        embodiment: card.title(),
        robot_serial: None,
        trainer: None,
        software: "test".to_owned(),
        clock: ClockKind::Simulated,
        origin: Origin::Simulated,
        parents: Vec::new(),
        rights: Rights::default(),
        streams,
        notes: BTreeMap::new(),
    }
}

pub(crate) fn record(path: &Path, id: &str, odd: Odd) -> ExportEpisode {
    let card = Card::from_toml(CARD).expect("a card");
    let manifest = manifest(&card, id, odd);
    let text = card.to_toml();
    let head = Head { manifest: &manifest, card_toml: &text, attachments: &[] };
    let mut writer = EpisodeWriter::create(path, &head, WriterOptions::default()).expect("a writer");
    let stream = |writer: &EpisodeWriter<_>, topic: &str| writer.stream(topic).expect("a stream");
    let camera = || {
        let rate = FrameRate::from_hz(30).expect("a rate");
        H264Encoder::new(H264Settings::new(64, 48, rate)).expect("an encoder")
    };
    let (mut head_camera, mut wrist_camera) = (camera(), camera());
    for ms in 0..SECONDS * 1000 {
        let stamp = Stamp::at(ms * MS);
        let silent = odd.silent_ms.is_some_and(|(from, to)| ms > from && ms < to) || ms < odd.joints_from_ms;
        let position = ms as f64 * 0.001;
        if !silent {
            for (topic, value) in [(Topic::JOINT_STATES, position), ("/robot/hand/left/state", -position)] {
                let states = JointStates { position: vec![value], ..JointStates::default() };
                writer.write(stream(&writer, topic), stamp, &Sample::JointStates(states)).expect("written");
            }
        }
        if ms % 10 == 0 {
            let command =
                JointCommand { sequence: ms as u64 / 10, asked: vec![9.0], granted: vec![position + 0.5] };
            let topic = stream(&writer, Topic::JOINT_COMMANDS);
            writer.write(topic, stamp, &Sample::JointCommand(command)).expect("written");
        }
        for (topic, hz, encoder) in [
            ("/camera/head/video", 30, &mut head_camera),
            ("/camera/wrist/video", odd.wrist_hz, &mut wrist_camera),
        ] {
            // The frames that fall into this millisecond.
            let frame = ms * hz / 1000;
            if frame * 1000 / hz == ms || (frame * 1000 + hz - 1) / hz == ms {
                if hz == odd.wrist_hz && topic.contains("wrist") && odd.wrist_without == Some(frame) {
                    continue;
                }
                let pixels: Vec<u8> =
                    (0..64 * 48 * 3).map(|i| ((i / 3 * 3 + frame * 20) % 256) as u8).collect();
                let unit = encoder.encode(&RgbFrame::new(64, 48, &pixels).expect("a frame")).expect("a unit");
                let video =
                    VideoFrame { format: VideoFormat::H264, is_key: unit.is_key, data: unit.data.into() };
                writer.write(stream(&writer, topic), stamp, &Sample::Video(video)).expect("written");
            }
        }
    }
    if let Some((from, to)) = odd.silent_ms {
        let gap = Gap {
            topic: Topic::new(Topic::JOINT_STATES),
            from: LogTime(from * MS),
            to: LogTime(to * MS),
            missing: (to - from - 1) as u64,
            reason: GapReason::SourceSilent,
        };
        writer.declare_gap(&gap, Stamp::at(SECONDS * 1000 * MS)).expect("declared");
    }
    let closed = writer.finish().expect("an episode");
    ExportEpisode::new(path, closed.digest)
}

fn exported(odd: &[Odd], check: impl FnOnce(&Exported)) {
    let folder = tempfile::tempdir().expect("a folder");
    let episodes: Vec<ExportEpisode> = odd
        .iter()
        .enumerate()
        .map(|(number, odd)| {
            record(&folder.path().join(format!("{number}.mcap")), &format!("e{number}"), *odd)
        })
        .collect();
    let out = folder.path().join("v3");
    check(&export(&episodes, &out, &ExportOptions::default(), &mut |_, _| {}).expect("a dataset"));
}

pub(crate) fn usual() -> Odd {
    Odd { wrist_hz: 30, ..Odd::default() }
}

fn column(exported: &Exported, name: &str) -> Vec<f32> {
    let table = batches(&exported.folder.join("data/chunk-000/file-000.parquet"));
    bits(&table, name).into_iter().map(|bits| f32::from_bits(bits as u32)).collect()
}

#[test]
fn rows_stand_on_the_first_cameras_frames_and_actions_are_what_was_granted() {
    exported(&[usual(), usual()], |exported| {
        assert_eq!((exported.episodes, exported.rows), (2, 120), "{:?}", exported.problems);
        assert_eq!((exported.videos_copied, exported.videos_encoded), (4, 0));
        let state = column(exported, "observation.state");
        let action = column(exported, "action");
        assert_eq!((state.len(), action.len()), (240, 120));
        for row in 0..60usize {
            // Frame k is taken in the millisecond in which k / 30 s lies; states of that very millisecond are known.
            let position = (row * 1000).div_ceil(30) as f64 * 0.001;
            assert!((f64::from(state[row * 2]) - position).abs() < 0.0011, "{row}: {}", state[row * 2]);
            assert_eq!(state[row * 2 + 1], -state[row * 2]);
            assert!((f64::from(action[row]) - position - 0.5).abs() < 0.0111, "{row}: {}", action[row]);
        }
        let video = exported.folder.join("videos/observation.images.wrist/chunk-000/file-000.mp4");
        assert_eq!(hash_file(video).expect("frames").len(), 120);
    });
}

#[test]
fn a_camera_of_another_rate_is_coded_anew_row_by_row() {
    exported(&[Odd { wrist_hz: 20, ..usual() }], |exported| {
        assert_eq!((exported.rows, exported.videos_copied, exported.videos_encoded), (60, 1, 1));
        let video = exported.folder.join("videos/observation.images.wrist/chunk-000/file-000.mp4");
        assert_eq!(hash_file(video).expect("frames").len(), 60);
    });
}

#[test]
fn a_gap_splits_an_episode_and_is_never_filled() {
    exported(&[Odd { silent_ms: Some((600, 1100)), ..usual() }], |exported| {
        assert_eq!(exported.episodes, 2);
        assert!(exported.rows < 60 - 14 && exported.rows > 30, "{}", exported.rows);
        assert!(
            exported.problems.iter().any(|problem| problem.loss && problem.message.contains("lack a value"))
        );
        let state = column(exported, "observation.state");
        for value in state.iter().step_by(2) {
            assert!(*value <= 0.6 || *value >= 1.099, "{value}");
        }
        // The second episode begins where both cameras have a key frame, so that all four parts are copies.
        assert_eq!((exported.videos_copied, exported.videos_encoded), (4, 0));
    });
}

#[test]
fn rows_before_the_first_state_are_left_out_with_a_note() {
    exported(&[Odd { joints_from_ms: 50, ..usual() }], |exported| {
        assert_eq!(exported.rows, 50, "{:?}", exported.problems);
        assert!(exported.problems.iter().all(|problem| !problem.loss), "{:?}", exported.problems);
        assert_eq!((exported.videos_copied, exported.videos_encoded), (2, 0));
    });
}

#[test]
fn the_same_episodes_give_the_same_dataset() {
    let folder = tempfile::tempdir().expect("a folder");
    let episode = record(&folder.path().join("0.mcap"), "e0", usual());
    let write = |name: &str| {
        let out = folder.path().join(name);
        export(std::slice::from_ref(&episode), &out, &ExportOptions::default(), &mut |_, _| {})
            .expect("a dataset");
        let files = [
            "data/chunk-000/file-000.parquet",
            "meta/info.json",
            "meta/stats.json",
            "meta/etude.json",
            "meta/episodes/chunk-000/file-000.parquet",
            "videos/observation.images.head/chunk-000/file-000.mp4",
        ];
        files.map(|file| etude_dataset::files::digest_file(&out.join(file)).expect(file))
    };
    assert_eq!(write("one"), write("two"));
}
