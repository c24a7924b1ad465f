//! Variants of LeRobot datasets: GR00T's parts of the body, `RoboCOIN`'s annotations, `RoboDriver`'s records.

use crate::made::CARD;
use crate::{batches, bits, copy_folder, data, g1_card, import};
use arrow_array::{
    ArrayRef, FixedSizeListArray, Float32Array, Float64Array, Int32Array, Int64Array, RecordBatch,
};
use arrow_schema::{Field, Schema};
use etude_dataset::Problem;
use etude_dataset::lerobot::{DatasetLayout, ExportOptions, ImportOptions, Importer, export};
use etude_episode::Episode;
use etude_model::{Card, Sample};
use etude_video::{RgbImage, encode_png};
use parquet::arrow::ArrowWriter;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const ROWS: usize = 12;

/// A column of a made table: its key, its type, numbers per row.
type Made<'c> = (&'c str, &'c str, usize);

/// The number at a row and place of a made column.
fn number(row: usize, place: usize) -> i32 {
    (row / 4) as i32 + place as i32
}

/// A column of numbers, and its values in the type that info.json says.
fn column((_, dtype, width): Made) -> ArrayRef {
    let numbers = || (0..ROWS).flat_map(|row| (0..width).map(move |place| number(row, place)));
    let values: ArrayRef = match dtype {
        "float32" => Arc::new(Float32Array::from_iter_values(numbers().map(|n| n as f32 * 0.1))),
        "float64" => Arc::new(Float64Array::from_iter_values((0..ROWS).map(|row| row as f64 / 30.0))),
        "int32" => Arc::new(Int32Array::from_iter_values(numbers())),
        _ => Arc::new(Int64Array::from_iter_values((0..ROWS).map(|row| row as i64))),
    };
    if width == 1 {
        return values;
    }
    let element = Arc::new(Field::new("element", values.data_type().clone(), true));
    Arc::new(FixedSizeListArray::new(element, width as i32, values, None))
}

/// Writes a dataset of version 2.1 with one episode, whose table has these columns; `further` goes to info.json.
fn dataset(root: &Path, columns: &[Made], declared: &[(&str, Value)], further: &Value) {
    let numbering = [("timestamp", "float64", 1), ("frame_index", "int64", 1)];
    let columns: Vec<Made> = columns.iter().chain(&numbering).copied().collect();
    let mut features = serde_json::Map::new();
    for (key, dtype, width) in &columns {
        let names = if *width == 2 && *dtype == "float32" { json!(["a", "b"]) } else { Value::Null };
        features.insert((*key).to_owned(), json!({"dtype": dtype, "shape": [width], "names": names}));
    }
    features.remove("undeclared");
    features.extend(declared.iter().map(|(key, value)| ((*key).to_owned(), value.clone())));
    let mut info = json!({"codebase_version": "v2.1", "fps": 30, "total_episodes": 1, "features": features});
    let said = further.as_object().expect("keys").clone();
    info.as_object_mut().expect("keys").extend(said);
    put(root, "meta/info.json", &info.to_string());
    put(root, "meta/tasks.jsonl", "{\"task_index\": 0, \"task\": \"do it\"}\n");
    let line = json!({"episode_index": 0, "tasks": ["do it"], "length": ROWS,
        "instruction_segments": [{"start_frame_index": 0, "instruction": "reach"}]});
    put(root, "meta/episodes.jsonl", &format!("{line}\n"));
    let arrays: Vec<ArrayRef> = columns.iter().map(|made| column(*made)).collect();
    let field = |((key, ..), array): (&Made, &ArrayRef)| Field::new(*key, array.data_type().clone(), true);
    let schema = Arc::new(Schema::new(columns.iter().zip(&arrays).map(field).collect::<Vec<_>>()));
    fs::create_dir_all(root.join("data/chunk-000")).expect("a folder");
    let file = File::create(root.join("data/chunk-000/episode_000000.parquet")).expect("a file");
    let mut writer = ArrowWriter::try_new(file, schema.clone(), None).expect("a table");
    writer.write(&RecordBatch::try_new(schema, arrays).expect("a batch")).expect("rows");
    writer.close().expect("a table");
}

fn put(root: &Path, name: &str, text: &str) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    fs::write(path, text).expect("a file");
}

/// Imports a dataset's only episode; what was told comes along.
fn imported(root: &Path, into: &Path) -> (Episode, Vec<Problem>) {
    let card = Card::from_toml(CARD).expect("a card");
    let (episodes, problems) = import(root, &card, &[0], into);
    (Episode::open(&episodes[0].path).expect("an episode"), problems)
}

/// The numbers of a stream, row by row.
fn numbers(episode: &Episode, topic: &str) -> Vec<Vec<f64>> {
    let messages = episode.messages(&[topic], ..).expect("messages");
    let position = |sample| match sample {
        Sample::JointStates(states) => states.position,
        Sample::JointCommand(command) => command.asked,
        other => panic!("no numbers: {other:?}"),
    };
    messages.map(|message| position(message.expect("a message").sample)).collect()
}

fn text(episode: &Episode, attachment: &str) -> String {
    let bytes = episode.attachment(attachment).expect("an episode").expect(attachment);
    String::from_utf8(bytes).expect("a text")
}

#[track_caller]
fn assert_told(problems: &[Problem], loss: bool, part: &str) {
    let told = problems.iter().any(|problem| problem.loss == loss && problem.to_string().contains(part));
    assert!(told, "{part} (loss {loss}): {problems:#?}");
}

/// A card whose streams take every part of a modality.json by its name, in a unit that nobody has said.
fn card_by_parts(modality: &Value) -> Card {
    let mut card = CARD.to_owned();
    for (section, key, topic, kind) in [
        ("state", "observation.state", "/robot/joint_states", "joint_states"),
        ("action", "action", "/robot/joint_commands", "joint_command"),
    ] {
        let mut channels = Vec::new();
        for (part, slice) in modality[section].as_object().expect("parts") {
            let width = slice["end"].as_u64().expect("an end") - slice["start"].as_u64().expect("a start");
            let channel = |place| format!("{{ name = \"{part}.{place}\", unit = \"unknown\" }}");
            channels.extend((0..width).map(channel));
        }
        let stream = format!(
            "\n[[stream]]\ntopic = \"{topic}\"\nkind = \"{kind}\"\nnative = \"lerobot:{key}\"\nchannels = [{}]\n",
            channels.join(", ")
        );
        card += &stream;
    }
    Card::from_toml(&card).expect("a card")
}

// shows: groot read-real
#[test]
fn gr1_says_its_parts_and_the_words_of_its_annotations() {
    let Some(root) = data("gr1_sim_teleop_lerobot_v20") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let said = fs::read_to_string(root.join("meta/modality.json")).expect("a file");
    let modality: Value = serde_json::from_str(&said).expect("JSON");
    let (episodes, problems) = import(&root, &card_by_parts(&modality), &[0], folder.path());
    assert!(!problems.iter().any(|problem| problem.subject == "meta/modality.json"), "{problems:#?}");
    let episode = Episode::open(&episodes[0].path).expect("an episode");
    assert_eq!(text(&episode, "meta/modality.json"), said);
    let notes = &episode.manifest().notes;
    let words = &notes["lerobot.words.annotation.human.action.task_description"];
    assert_eq!(words, r#"{"0":"pick the squash from the counter and place it in the plate"}"#);
    assert_eq!(notes["lerobot.words.annotation.human.validity"], r#"{"1":"valid"}"#);
    let parents = &episode.manifest().parents;
    assert!(parents.iter().any(|parent| parent.ends_with(" meta/modality.json")), "{parents:?}");
    let table = batches(&root.join("data/chunk-000/episode_000000.parquet"));
    for (topic, column) in [("/robot/joint_states", "observation.state"), ("/robot/joint_commands", "action")]
    {
        let rows = numbers(&episode, topic);
        let found: Vec<u64> = rows.iter().flatten().map(|value| value.to_bits()).collect();
        assert_eq!(found, bits(&table, column), "the parts stand in the order of their numbers");
    }
    let card = Card::from_toml(CARD).expect("a card");
    let error =
        Importer::open(&root, &card, ImportOptions::new("test")).err().expect("questions").to_string();
    assert!(error.contains("`motor_43` (observation.state[43]), `waist.2` of modality.json,"), "{error}");
}

// shows: groot round-trip
#[test]
fn groot_comes_in_again_with_every_bit() {
    let Some(root) = data("g1_inspire_lerobot_v21") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let (episodes, _) = import(&root, &g1_card(), &[3], folder.path());
    let options = ExportOptions { layout: DatasetLayout::Groot, ..ExportOptions::default() };
    let (one, two) = (folder.path().join("one"), folder.path().join("two"));
    export(&episodes, &one, &options, &mut |_, _| {}).expect("a dataset");
    let again = folder.path().join("again");
    fs::create_dir(&again).expect("a folder");
    let (back, problems) = import(&one, &g1_card(), &[0], &again);
    assert!(problems.is_empty(), "{problems:?}");
    export(&back, &two, &options, &mut |_, _| {}).expect("a dataset");
    for file in [
        "data/chunk-000/episode_000000.parquet",
        "videos/chunk-000/observation.images.cam_high/episode_000000.mp4",
        "meta/modality.json",
    ] {
        assert!(fs::read(one.join(file)).expect(file) == fs::read(two.join(file)).expect(file), "{file}");
    }
    let (ours, real) = (
        batches(&one.join("data/chunk-000/episode_000000.parquet")),
        batches(&root.join("data/chunk-000/episode_000013.parquet")),
    );
    for column in ["observation.state", "action"] {
        assert_eq!(bits(&ours, column), bits(&real, column), "{column}");
    }
    nameless_numbers_are_asked_by_part(&one, folder.path());
}

/// Without names in info.json, modality.json names the numbers.
fn nameless_numbers_are_asked_by_part(groot: &Path, folder: &Path) {
    let nameless = folder.join("nameless");
    copy_folder(groot, &nameless);
    let read = fs::read_to_string(groot.join("meta/info.json")).expect("a file");
    let mut info: Value = serde_json::from_str(&read).expect("JSON");
    for key in ["observation.state", "action"] {
        info["features"][key]["names"] = Value::Null;
    }
    put(&nameless, "meta/info.json", &info.to_string());
    let card = Card::from_toml(CARD).expect("a card");
    let error = Importer::open(&nameless, &card, ImportOptions::new("test")).err().expect("questions");
    assert!(error.to_string().contains("`left_arm.0` (action["), "{error}");
    let read = fs::read_to_string(groot.join("meta/modality.json")).expect("a file");
    let card = card_by_parts(&serde_json::from_str(&read).expect("JSON"));
    let into = folder.join("by_parts");
    fs::create_dir(&into).expect("a folder");
    let (episodes, _) = import(&nameless, &card, &[0], &into);
    let episode = Episode::open(&episodes[0].path).expect("an episode");
    let stream =
        episode.manifest().streams.iter().find(|stream| stream.topic.as_str() == "/robot/joint_commands");
    let names: Vec<&str> = stream.expect("a stream").channels.iter().map(|channel| &*channel.name).collect();
    assert!(names.contains(&"left_hand.5") && names.len() == 26, "{names:?}");
}

#[test]
fn a_modality_that_contradicts_is_told_and_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().join("set");
    dataset(
        &root,
        &[("observation.state", "float32", 2), ("observation.sensor", "float32", 3)],
        &[],
        &json!({}),
    );
    let said = r#"{"state": {"arm": {"start": 0, "end": 9}, "probe": {"start": 0, "end": 2,
        "original_key": "observation.sensor"}, "lost": {"start": 0, "end": 1, "original_key": "gone"}}}"#;
    put(&root, "meta/modality.json", said);
    let (episode, problems) = imported(&root, folder.path());
    assert_eq!(text(&episode, "meta/modality.json"), said);
    assert_told(&problems, false, "state.arm has start 0 and end 9, expected start < end <= 2");
    assert_told(&problems, false, "state.lost is of the feature gone");
    let stream =
        episode.manifest().streams.iter().find(|s| s.topic.as_str() == "/imported/observation.sensor");
    let names: Vec<&str> = stream.expect("a stream").channels.iter().map(|channel| &*channel.name).collect();
    assert_eq!(names, ["probe.0", "probe.1", "2"]);
    assert_eq!(
        episode.manifest().notes["lerobot.episode.instruction_segments"],
        r#"[{"start_frame_index":0,"instruction":"reach"}]"#
    );
    // What is too long to go along with every episode is named.
    put(&root, "meta/modality.json", &" ".repeat((1 << 20) + 1));
    let (_, problems) = imported(&root, &folder_in(folder.path(), "second"));
    assert_told(&problems, true, "meta/modality.json: has 1048577 bytes");
}

fn folder_in(folder: &Path, name: &str) -> PathBuf {
    let path = folder.join(name);
    fs::create_dir(&path).expect("a folder");
    path
}

// shows: robocoin read-made
#[test]
fn robocoin_keeps_its_annotations_with_their_words() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().join("set");
    let columns = [
        ("observation.state", "float32", 2),
        ("action", "float32", 2),
        ("subtask_annotation", "int32", 5),
        ("scene_annotation", "int32", 1),
        ("eef_sim_pose_state", "float32", 12),
        ("eef_direction_state", "int32", 2),
        ("gripper_mode_action", "int32", 2),
    ];
    dataset(&root, &columns, &[], &json!({"discarded_episode_indices": [0, 7]}));
    let subtasks =
        "{\"subtask_index\": 0, \"subtask\": \"grasp\"}\n{\"subtask_index\": 1, \"subtask\": \"lift\"}\n";
    put(&root, "annotations/subtask_annotations.jsonl", subtasks);
    put(
        &root,
        "annotations/scene_annotations.jsonl",
        "{\"scene_index\": 0, \"scene\": \"a kitchen\"}\n{\"scene_index\": 0, \"scene\": \"a hall\"}\n\
         {\"scene_index\": 0, \"scene\": \"a room\"}\n{\"scene_index\": 2, \"scene\": \"a lab\"}\n",
    );
    put(
        &root,
        "annotations/eef_direction_annotation.jsonl",
        "{\"eef_direction_index\": 3, \"eef_direction\": \"up\"}\n",
    );
    put(&root, "annotations/gripper_mode_annotation.jsonl", "{\"mode\": \"open\"}\n");
    put(
        &root,
        "annotations/eef_velocity_annotation.jsonl",
        "{\"eef_velocity_index\": 0, \"eef_velocity\": \"slow\"}\n",
    );
    put(&root, "meta/quality_checked_info.json", "{}");
    let (episode, problems) = imported(&root, folder.path());
    for (topic, width) in [("subtask_annotation", 5), ("scene_annotation", 1), ("eef_direction_state", 2)] {
        let expected: Vec<Vec<f64>> =
            (0..ROWS).map(|row| (0..width).map(|place| f64::from(number(row, place))).collect()).collect();
        assert_eq!(numbers(&episode, &format!("/imported/{topic}")), expected, "{topic}");
    }
    let pose = numbers(&episode, "/imported/eef_sim_pose_state");
    assert!(pose.len() == ROWS && pose[5][11].to_bits() == f64::from(12.0f32 * 0.1).to_bits(), "{pose:?}");
    let notes: &BTreeMap<String, String> = &episode.manifest().notes;
    assert_eq!(notes["lerobot.words.subtask_annotation"], r#"{"0":"grasp","1":"lift"}"#);
    assert_eq!(notes["lerobot.words.scene_annotation"], r#"{"2":"a lab"}"#);
    assert_eq!(notes["lerobot.words.eef_direction_state"], r#"{"3":"up"}"#);
    assert_eq!(notes["lerobot.info.discarded_episode_indices"], "[0,7]");
    assert_eq!(notes["lerobot.discarded"], "true");
    assert_eq!(text(&episode, "annotations/subtask_annotations.jsonl"), subtasks);
    assert_eq!(text(&episode, "annotations/gripper_mode_annotation.jsonl"), "{\"mode\": \"open\"}\n");
    assert_told(&problems, false, "annotations/subtask_annotations.jsonl has no words for [2, 3, 4, 5, 6]");
    assert_told(&problems, false, "scene_index 0 is both \"a kitchen\" and \"a hall\"");
    assert_told(&problems, false, "expected lines of gripper_mode_index and gripper_mode");
    assert_told(
        &problems,
        false,
        "eef_velocity_annotation.jsonl: no column has its numbers; its text is kept",
    );
    assert_told(&problems, false, "episode 0: info.json lists it as discarded");
    let lost: Vec<String> =
        problems.iter().filter(|problem| problem.loss).map(|problem| problem.subject.clone()).collect();
    assert_eq!(lost, ["meta/quality_checked_info.json"]);
}

// shows: robodriver read-made
#[test]
fn robodriver_keeps_its_records_and_names_what_has_no_stream() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().join("set");
    let columns = [("observation.state", "float32", 2), ("action", "float32", 2), ("undeclared", "int32", 3)];
    let declared = [
        ("observation.images.image_top", json!({"dtype": "image", "shape": [480, 640, 3]})),
        ("observation.images.image_depth_top", json!({"dtype": "image", "shape": [480, 640, 1]})),
        ("observation.audio.audio_left", json!({"dtype": "audio", "shape": [1]})),
    ];
    let further = json!({
        "dorobot_dataset_version": "v1.0",
        "image_path": "images/{image_key}/episode_{episode_index:06d}/frame_{frame_index:06d}.jpg",
        "audio_path": "audio/chunk-{episode_chunk:03d}/{audio_key}/episode_{episode_index:06d}.wav",
        "odd": "x".repeat(5000),
    });
    dataset(&root, &columns, &declared, &further);
    put(
        &root,
        "meta/op_dataid.jsonl",
        "{\"episode_index\": 1, \"dataid\": \"8\"}\n{\"episode_index\": 0, \"dataid\": \"7\"}\n{\"dataid\": \"9\"}\n",
    );
    put(&root, "meta/common_record.json", "{\"task_id\": \"31\", \"machine_id\": \"a\"}");
    put(&root, "device/device_info.json", "{\"arm\": \"left\"}");
    put(&root, "audio/chunk-000/observation.audio.audio_left/episode_000000.wav", "RIFF");
    put(&root, "depth/chunk-000/observation.images.image_depth_top/episode_000000.avi", "RIFF");
    // Of the pictures, the fifth is damaged and the last two are missing.
    let folder_of = |key: &str| root.join(format!("images/{key}/episode_000000"));
    fs::create_dir_all(folder_of("observation.images.image_top")).expect("a folder");
    for frame in 0..ROWS - 2 {
        let image = RgbImage::new(64, 48, vec![frame as u8 * 20; 64 * 48 * 3]).expect("a picture");
        let bytes = if frame == 4 { b"JFIF".to_vec() } else { encode_png(&image).expect("a picture") };
        let path = folder_of("observation.images.image_top").join(format!("frame_{frame:06}.png"));
        fs::write(path, bytes).expect("a picture");
    }
    put(&root, "images/observation.images.image_depth_top/episode_000000/frame_000000.png", "PNG");
    let (episode, problems) = imported(&root, folder.path());
    let notes = &episode.manifest().notes;
    assert_eq!(notes["lerobot.info.dorobot_dataset_version"], "v1.0");
    assert_eq!(notes["lerobot.op_dataid"], r#"{"episode_index":0,"dataid":"7"}"#);
    assert_eq!(text(&episode, "meta/common_record.json"), "{\"task_id\": \"31\", \"machine_id\": \"a\"}");
    assert_eq!(text(&episode, "device/device_info.json"), "{\"arm\": \"left\"}");
    for part in [
        "meta/op_dataid.jsonl: expected a line with episode_index",
        "meta/info.json: odd has 5000 bytes",
        "audio/chunk-000/observation.audio.audio_left: sound, for which an episode has no stream, of",
        "depth/chunk-000/observation.images.image_depth_top: depth as a video of observation.images.image_depth_top",
        "images/observation.images.image_depth_top: a folder of pictures of observation.images.image_depth_top is not read",
        "episode 0 observation.images.image_top: its pictures were coded anew as H.264: near, and no longer the same",
        "episode 0 observation.images.image_top: frames 4 to 4 are missing in the video",
        "episode 0 observation.images.image_top: 12 rows, but the video ends after 10 frames",
        "observation.audio.audio_left: an episode has no stream for sound; it is left out",
        "observation.images.image_depth_top: its type image is not read",
        "its column undeclared is not declared in info.json; it is left out",
    ] {
        assert_told(&problems, true, part);
    }
    assert!(!problems.iter().any(|problem| problem.subject.starts_with("device")), "{problems:#?}");
    let frames: Vec<i64> = episode
        .messages(&["/camera/image_top/video"], ..)
        .expect("messages")
        .map(|message| message.expect("a message").stamp.log.ns())
        .collect();
    assert_eq!((frames.len(), frames[3], frames[4]), (9, 100_000_000, 166_666_667));
    assert_eq!(episode.gaps().expect("gaps").iter().map(|gap| gap.missing).sum::<u64>(), 3);
}
