//! Streams out as they are: Parquet, ROS 2, Rerun; and the readers of others that open them.

use crate::simulated::{record, usual};
use crate::{batches, bits, data, g1_card, import};
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use etude_dataset::export::ExportEpisode;
use etude_dataset::streams::{StreamFormat, export};
use etude_episode::{Episode, EpisodeWriter, Head, WriterOptions};
use etude_model::id::{EpisodeId, TrainerId};
use etude_model::rights::Rights;
use etude_model::sample::{
    Calibration, DepthImage, HandPose, Imu, JointCommand, JointStates, PoseSample, Tactile, TakeEvent, Wrench,
};
use etude_model::{
    Card, Channel, ClockKind, Digest, Manifest, Origin, Pose, Sample, Stamp, StreamKind, StreamSpec, Unit,
};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

const CARD: &str = r#"
    schema = 1
    vendor = "Maker"
    model = "All"
    revision = "a"
    source = "a test"
    [[joint]]
    name = "elbow"
    kind = "revolute"
    unit = "deg"
    position = [-180.0, 180.0]
    velocity = 90.0
"#;

fn streams() -> Vec<StreamSpec> {
    let joint = || vec![Channel { name: "elbow".to_owned(), unit: Unit::Degree }];
    let touch = vec![Channel { name: "palm".to_owned(), unit: Unit::Count }];
    vec![
        StreamSpec::new("/robot/joint_states", StreamKind::JointStates, Some(100.0)).with_channels(joint()),
        StreamSpec::new("/robot/joint_commands", StreamKind::JointCommand, Some(100.0))
            .with_channels(joint()),
        StreamSpec::new("/robot/ee/left/pose", StreamKind::Pose, Some(100.0)).with_frame("base"),
        StreamSpec::new("/robot/wrench/left", StreamKind::Wrench, Some(100.0)).with_frame("left_wrist"),
        StreamSpec::new("/robot/imu/torso", StreamKind::Imu, Some(100.0)).with_frame("torso"),
        StreamSpec::new("/robot/tactile/palm", StreamKind::Tactile, Some(100.0)).with_channels(touch),
        StreamSpec::new("/trainer/left/hand", StreamKind::HandPose, Some(100.0)).with_frame("space"),
        StreamSpec::new("/camera/head/depth", StreamKind::Depth, Some(100.0)).with_frame("head_camera"),
        StreamSpec::new("/camera/head/calibration", StreamKind::Calibration, None).with_frame("head_camera"),
        StreamSpec::new("/take", StreamKind::Take, None),
    ]
}

fn sample(kind: StreamKind, step: i64) -> Sample {
    let number = step as f64;
    let pose = Pose { position_m: [number, 0.1, -0.2], orientation_xyzw: [0.0, 0.6, 0.0, 0.8] };
    match kind {
        StreamKind::JointStates => Sample::JointStates(JointStates {
            position: vec![number * 0.1],
            velocity: vec![10.0],
            effort: vec![1.5],
        }),
        StreamKind::JointCommand => Sample::JointCommand(JointCommand {
            sequence: step as u64,
            asked: vec![number],
            granted: vec![number * 0.5],
        }),
        StreamKind::Pose => Sample::Pose(PoseSample { pose, tracked: step != 2 }),
        StreamKind::Wrench => {
            Sample::Wrench(Wrench { force_n: [1.0, 2.0, number], torque_n_m: [0.1, 0.2, 0.3], tared: true })
        }
        StreamKind::Imu => Sample::Imu(Imu {
            angular_velocity_rad_s: [0.0, 0.0, number],
            linear_acceleration_m_s2: [0.0, 0.0, 9.81],
        }),
        StreamKind::Tactile => Sample::Tactile(Tactile {
            rows: 2,
            columns: 3,
            values: (0..6).map(|taxel| taxel as f32).collect(),
        }),
        StreamKind::HandPose => {
            Sample::HandPose(HandPose { joints: vec![pose; 25], radius_m: vec![0.01; 25], tracked: true })
        }
        StreamKind::Depth => {
            let depth_mm: Vec<u16> = (0..12).map(|pixel| 1000 + pixel).collect();
            Sample::Depth(DepthImage { width: 4, height: 3, depth_mm: depth_mm.into() })
        }
        StreamKind::Calibration => Sample::Calibration(Calibration {
            width: 4,
            height: 3,
            k: [100.0, 0.0, 2.0, 0.0, 101.0, 1.5, 0.0, 0.0, 1.0],
            distortion_model: "plumb_bob".to_owned(),
            distortion: vec![0.1, 0.0, 0.0, 0.0, 0.0],
        }),
        _ => Sample::Take(TakeEvent { name: "recording".to_owned(), detail: "so far, so good".to_owned() }),
    }
}

/// An episode with a stream of every sort, five messages each, 10 ms apart.
pub(crate) fn all_sorts(path: &Path) -> ExportEpisode {
    let card = Card::from_toml(CARD).expect("a card");
    let manifest = Manifest {
        format_version: 1,
        episode: EpisodeId::new("e7"),
        task: None,
        instruction: BTreeMap::from([("en".to_owned(), "fold the towel".to_owned())]),
        campaign: None,
        scene: None,
        station: None,
        card: card.digest(),
        embodiment: card.title(),
        robot_serial: None,
        trainer: Some(TrainerId::new("t-4711")),
        software: "test".to_owned(),
        clock: ClockKind::Measured,
        origin: Origin::Teleoperated,
        parents: Vec::new(),
        rights: Rights { licence: Some("CC-BY-4.0".to_owned()), ..Rights::default() },
        streams: streams(),
        notes: BTreeMap::new(),
    };
    let text = card.to_toml();
    let head = Head { manifest: &manifest, card_toml: &text, attachments: &[] };
    let mut writer = EpisodeWriter::create(path, &head, WriterOptions::default()).expect("a writer");
    for step in 0..5 {
        for spec in streams() {
            if step > 0 && spec.rate_hz.is_none() {
                continue;
            }
            let stream = writer.stream(spec.topic.as_str()).expect("a stream");
            let stamp = Stamp::at(1_000_000_000 + step * 10_000_000);
            writer.write(stream, stamp, &sample(spec.kind, step)).expect("written");
        }
    }
    writer.finish().expect("an episode");
    ExportEpisode::new(path, Episode::open(path).expect("open").digest().expect("digest"))
}

fn sidecar(out: &Path) -> Value {
    serde_json::from_slice(&fs::read(out.join("etude.json")).expect("a file")).expect("JSON")
}

// shows: parquet write
#[test]
fn parquet_has_a_table_per_stream_with_all_times_and_every_bit() {
    let folder = tempfile::tempdir().expect("a folder");
    let episodes =
        [record(&folder.path().join("0.mcap"), "e0", usual()), all_sorts(&folder.path().join("1.mcap"))];
    let out = folder.path().join("tables");
    let exported = export(&episodes, &out, StreamFormat::Parquet, &mut |_, _| {}).expect("tables");
    assert_eq!(exported.episodes, 2);
    let table = batches(&out.join("episode_000000/robot/joint_states.parquet"));
    let rows: usize = table.iter().map(arrow_array::RecordBatch::num_rows).sum();
    assert_eq!(rows, 2000, "every message, whatever the cameras' rate");
    let positions: Vec<f64> = bits(&table, "position").into_iter().map(f64::from_bits).collect();
    assert!(positions.iter().enumerate().all(|(ms, position)| *position == ms as f64 * 0.001));
    let times: Vec<i64> = table
        .iter()
        .flat_map(|batch| {
            batch.column_by_name("host_time_ns").expect("times").as_primitive::<Int64Type>().values().to_vec()
        })
        .collect();
    assert!(times.iter().enumerate().all(|(ms, time)| *time == ms as i64 * 1_000_000));
    let file = fs::File::open(out.join("episode_000000/robot/joint_states.parquet")).expect("a file");
    let schema = ParquetRecordBatchReaderBuilder::try_new(file).expect("a table").schema().clone();
    let stream: StreamSpec = serde_json::from_str(&schema.metadata()["etude.stream"]).expect("a stream");
    assert_eq!((stream.channels[0].name.as_str(), stream.channels[0].unit), ("elbow", Unit::Radian));
    let provenance: Value = serde_json::from_str(&schema.metadata()["etude.provenance"]).expect("JSON");
    assert_eq!(
        (provenance["episode"].as_str(), provenance["synthetic_time"].as_bool()),
        (Some("e0"), Some(false))
    );
    let video = batches(&out.join("episode_000000/camera/head/video.parquet"));
    let source = Episode::open(&episodes[0].path).expect("an episode");
    let frames: Vec<Vec<u8>> = source
        .messages(&["/camera/head/video"], ..)
        .expect("frames")
        .map(|message| match message.expect("a frame").sample {
            Sample::Video(frame) => frame.data.to_vec(),
            other => panic!("{other:?}"),
        })
        .collect();
    let stored: Vec<Vec<u8>> = video
        .iter()
        .flat_map(|batch| {
            let data = batch.column_by_name("data").expect("data").as_binary::<i32>();
            data.iter().map(|bytes| bytes.expect("bytes").to_vec()).collect::<Vec<_>>()
        })
        .collect();
    assert!(frames == stored);
    assert_eq!(sidecar(&out)["episodes"][1]["trainer"], "t-4711");
    assert_eq!(sidecar(&out)["episodes"][1]["rights"]["licence"], "CC-BY-4.0");
    assert!(out.join("episode_000001/card.toml").exists());
}

#[test]
fn an_episode_that_is_another_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut episode = all_sorts(&folder.path().join("0.mcap"));
    episode.digest = Digest::of(b"another");
    for format in [StreamFormat::Parquet, StreamFormat::Ros2Mcap, StreamFormat::Rerun] {
        let out = folder.path().join("out");
        let error =
            export(std::slice::from_ref(&episode), &out, format, &mut |_, _| {}).expect_err("refused");
        assert!(error.to_string().contains("the digest"), "{error}");
        assert!(!out.exists());
    }
}

// shows: ros2-mcap write
#[test]
fn ros_2_has_the_types_that_tools_know_and_all_the_rest() {
    let folder = tempfile::tempdir().expect("a folder");
    let episode = all_sorts(&folder.path().join("0.mcap"));
    let out = folder.path().join("ros2");
    let exported = export(&[episode], &out, StreamFormat::Ros2Mcap, &mut |_, _| {}).expect("a file");
    assert_eq!(exported.messages, 8 * 5 + 2);
    let bytes = fs::read(out.join("episode_000000.mcap")).expect("a file");
    let summary = mcap::Summary::read(&bytes).expect("a summary").expect("a summary");
    let types: BTreeMap<&str, &str> = summary
        .channels
        .values()
        .map(|channel| {
            (channel.topic.as_str(), channel.schema.as_ref().map_or("", |schema| schema.name.as_str()))
        })
        .collect();
    assert_eq!(types["/robot/joint_commands"], "sensor_msgs/msg/JointState");
    assert_eq!(types["/robot/joint_commands/etude"], "etude_msgs/msg/JointCommand");
    assert_eq!(types["/robot/ee/left/pose"], "geometry_msgs/msg/PoseStamped");
    assert_eq!(types["/robot/tactile/palm"], "etude_msgs/msg/Tactile");
    assert_eq!(types["/camera/head/calibration"], "sensor_msgs/msg/CameraInfo");
    assert!(summary.channels.values().all(|channel| {
        channel.message_encoding == "cdr" && channel.metadata["offered_qos_profiles"].contains("reliability")
    }));
    assert_eq!(summary.attachment_indexes.len(), 2);
    let joint = mcap::MessageStream::new(&bytes)
        .expect("messages")
        .map(|message| message.expect("a message"))
        .filter(|message| message.channel.topic == "/robot/joint_states")
        .nth(3)
        .expect("a message");
    assert_eq!((joint.log_time, joint.publish_time), (1_030_000_000, 1_030_000_000));
    // Head, 1 s, 30000000 ns, an empty frame, one name, one position in rad.
    assert_eq!(&joint.data[4..12], &[1, 0, 0, 0, 0x80, 0xc3, 0xc9, 0x01]);
    let position = f64::from_le_bytes(joint.data[44..52].try_into().expect("eight bytes"));
    assert!((position - 0.3f64.to_radians()).abs() < 1e-15, "{position} {:?}", joint.data);
}

#[test]
fn the_same_episode_gives_the_same_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let episode = all_sorts(&folder.path().join("0.mcap"));
    for (format, file) in [
        (StreamFormat::Parquet, "episode_000000/robot/joint_states.parquet"),
        (StreamFormat::Ros2Mcap, "episode_000000.mcap"),
        (StreamFormat::Rerun, "episode_000000.rrd"),
    ] {
        let write = |name: &str| {
            let out = folder.path().join(format!("{name}{format:?}"));
            export(std::slice::from_ref(&episode), &out, format, &mut |_, _| {}).expect("files");
            fs::read(out.join(file)).expect(file)
        };
        assert!(write("one") == write("two"), "{format:?}");
    }
}

/// What a script of `tests/peers` says of a folder; `None` where there are no peers.
fn peer(argument: &str, folder: &Path) -> Option<Value> {
    let Some(python) = std::env::var_os("ETUDE_PEER_READERS") else {
        eprintln!("skipped: ETUDE_PEER_READERS is unset; `cargo xtask test --peers` sets it");
        return None;
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/peers/streams_check.py");
    let output = Command::new(python).arg(script).arg(argument).arg(folder).output().expect("Python starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(serde_json::from_slice(&output.stdout).expect("JSON"))
}

// shows: parquet peer pandas
#[test]
fn peer_pandas_reads_streams_from_parquet() {
    let folder = tempfile::tempdir().expect("a folder");
    let episode = all_sorts(&folder.path().join("0.mcap"));
    let out = folder.path().join("tables");
    export(&[episode], &out, StreamFormat::Parquet, &mut |_, _| {}).expect("tables");
    let Some(report) = peer("parquet", &out) else { return };
    let joints = &report["robot/joint_states.parquet"];
    assert_eq!(
        (joints["rows"].as_u64(), joints["stream"]["channels"][0]["unit"].as_str()),
        (Some(5), Some("deg"))
    );
    assert_eq!(joints["last"]["position"], serde_json::json!([0.4]));
    assert_eq!(joints["last"]["host_time_ns"], 1_040_000_000);
    assert_eq!(report["robot/tactile/palm.parquet"]["last"]["values"][5], 5.0);
    assert_eq!(report["camera/head/depth.parquet"]["last"]["depth_mm"][11], 1011);
    assert_eq!(report.as_object().map(serde_json::Map::len), Some(10));
}

// shows: ros2-mcap peer mcap-ros2-support
#[test]
fn peer_mcap_ros2_decodes_every_message() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut episodes = vec![all_sorts(&folder.path().join("sorts.mcap"))];
    if let Some(root) = data("g1_inspire_lerobot_v21") {
        episodes.extend(import(&root, &g1_card(), &[0], folder.path()).0);
    }
    let out = folder.path().join("ros2");
    let exported = export(&episodes, &out, StreamFormat::Ros2Mcap, &mut |_, _| {}).expect("files");
    let Some(report) = peer("ros2", &out) else { return };
    let last = |topic: &str| report["episode_000000.mcap"][topic]["last"].clone();
    assert_eq!(last("/robot/joint_states")["name"], serde_json::json!(["elbow"]));
    let position = last("/robot/joint_states")["position"][0].as_f64().expect("a number");
    assert!((position - 0.4f64.to_radians()).abs() < 1e-15);
    assert_eq!(last("/robot/joint_commands")["position"][0].as_f64(), Some(2f64.to_radians()));
    assert_eq!(last("/robot/joint_commands/etude")["sequence"], 4);
    assert_eq!(last("/robot/joint_commands/etude")["asked"], serde_json::json!([4.0]));
    assert_eq!(last("/robot/ee/left/pose")["pose"]["orientation"]["w"], 0.8);
    assert_eq!(last("/robot/ee/left/pose")["header"]["frame_id"], "base");
    assert_eq!(last("/robot/wrench/left")["wrench"]["force"]["z"], 4.0);
    assert_eq!(last("/robot/imu/torso")["linear_acceleration"]["z"], 9.81);
    assert_eq!(last("/robot/tactile/palm")["values"][5], 5.0);
    assert_eq!(last("/trainer/left/hand")["position_m"].as_array().map(Vec::len), Some(75));
    assert_eq!(
        (last("/camera/head/depth")["step"].as_u64(), last("/camera/head/depth")["encoding"].as_str()),
        (Some(8), Some("16UC1"))
    );
    assert_eq!(last("/camera/head/calibration")["p"][6], 1.5);
    assert_eq!(last("/take")["detail"], "so far, so good");
    let counted: u64 = report
        .as_object()
        .expect("files")
        .values()
        .flat_map(|file| file.as_object().expect("topics"))
        .filter(|(topic, _)| !topic.ends_with("/etude"))
        .filter_map(|(_, topic)| topic["count"].as_u64())
        .sum();
    assert_eq!(counted, exported.messages);
}

// shows: rrd write, peer rerun-sdk
#[test]
fn peer_rerun_opens_recordings() {
    let folder = tempfile::tempdir().expect("a folder");
    let episodes =
        [all_sorts(&folder.path().join("0.mcap")), record(&folder.path().join("1.mcap"), "e1", usual())];
    let out = folder.path().join("rerun");
    export(&episodes, &out, StreamFormat::Rerun, &mut |_, _| {}).expect("files");
    let Some(report) = peer("rerun", &out) else { return };
    let entity = |file: &str, name: &str| report[file][name].clone();
    let joints = entity("episode_000000.rrd", "/robot/joint_states/position");
    assert_eq!((joints["rows"].as_u64(), joints["static"].as_u64()), (Some(5), Some(1)));
    assert_eq!(joints["last"]["Scalars:scalars"], serde_json::json!([0.4]));
    assert_eq!(joints["last"]["host_time"], 1_040_000_000);
    let pose = entity("episode_000000.rrd", "/robot/ee/left/pose");
    assert_eq!(pose["last"]["Transform3D:translation"][0][0], 4.0);
    assert_eq!(entity("episode_000000.rrd", "/camera/head/depth")["rows"], 5);
    let video = entity("episode_000001.rrd", "/camera/head/video");
    assert_eq!((video["rows"].as_u64(), video["static"].as_u64()), (Some(60), Some(1)));
    assert!(entity("episode_000001.rrd", "/__properties/provenance")["static"] == 1);
}
