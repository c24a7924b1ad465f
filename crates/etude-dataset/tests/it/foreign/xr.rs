//! Episodes of `xr_teleoperate`, written here by the published layout out of a real G1's recording.

use super::{assert_said, card, import_at, importer, positions, repository, samples};
use crate::{batches, data};
use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::Float32Type;
use etude_dataset::foreign::Source;
use etude_dataset::foreign::draft::draft;
use etude_dataset::foreign::value::Value;
use etude_episode::Episode;
use etude_model::{Card, ClockKind, Sample};
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};

const MAPPING: &str = "mappings/unitree_g1_inspire_xr.toml";

/// Numbers, [row, number].
type Rows = Vec<Vec<f32>>;

fn rows(table: &[arrow_array::RecordBatch], column: &str) -> Rows {
    let mut rows = Vec::new();
    for batch in table {
        let column = batch.column_by_name(column).expect("a column");
        for row in 0..column.len() {
            let list = column.as_fixed_size_list_opt().map(|list| list.value(row));
            let list = list.unwrap_or_else(|| column.as_list::<i32>().value(row));
            rows.push(list.as_primitive::<Float32Type>().values().to_vec());
        }
    }
    rows
}

/// A real take of the G1 as `xr_teleoperate` writes one: the folder and what its numbers are.
fn fixture(into: &Path) -> Option<(PathBuf, Rows, Rows)> {
    let root = data("g1_inspire_lerobot_v21")?;
    let table = batches(&root.join("data/chunk-000/episode_000010.parquet"));
    let (state, action) = (rows(&table, "observation.state"), rows(&table, "action"));
    let names: Vec<String> =
        card("unitree_g1_inspire").joints.iter().map(|joint| joint.name.clone()).collect();
    let limbs = |row: &[f32]| {
        let limb = |range: std::ops::Range<usize>| json!({"qpos": row[range], "qvel": [], "torque": []});
        json!({"left_arm": limb(0..7), "right_arm": limb(7..14), "left_ee": limb(14..20), "right_ee": limb(20..26),
               "body": {"qpos": []}})
    };
    let frames: Vec<_> = state
        .iter()
        .zip(&action)
        .enumerate()
        .map(|(idx, (state, action))| {
            json!({"idx": idx, "colors": {"color_0": format!("colors/{idx:06}_color_0.jpg")}, "depths": {},
                   "states": limbs(state), "actions": limbs(action), "tactiles": null, "audios": null})
        })
        .collect();
    let episode = json!({
        "info": {"version": "1.0.0", "date": "2025-01-01", "author": "unitree",
                 "image": {"width": 640, "height": 480, "fps": 30}, "depth": {"width": 640, "height": 480, "fps": 30},
                 "joint_names": {"left_arm": names[..7], "left_ee": [], "right_arm": names[7..14], "right_ee": [], "body": []},
                 "tactile_names": {"left_ee": [], "right_ee": []}, "sim_state": ""},
        "text": {"goal": "Pick up the yellow bottle on the table.", "desc": "", "steps": ""},
        "data": frames,
    });
    let folder = into.join("episode_0000");
    fs::create_dir_all(folder.join("colors")).expect("a folder");
    // Two true pictures of a real camera; the others are missing.
    for (idx, picture) in pictures()?.into_iter().enumerate() {
        fs::write(folder.join(format!("colors/{idx:06}_color_0.jpg")), picture).expect("a picture");
    }
    fs::write(folder.join("data.json"), serde_json::to_string_pretty(&episode).expect("JSON"))
        .expect("a file");
    Some((folder, state, action))
}

/// JPEG pictures of one size out of a real recording.
fn pictures() -> Option<Vec<Vec<u8>>> {
    let source =
        Source::open(&data("teleop_centre_mcap")?.join("robocodec_test_9.mcap"), None).expect("a source");
    let mut records = source.read(&source.recordings[0]).expect("records");
    let mut found = Vec::new();
    while let Some(record) =
        records.next(&|topic| topic.ends_with("cam_left/image") || topic.ends_with("cam_right/image"))
    {
        if let Some(Value::Bytes(bytes)) = record.value.part("data") {
            found.push(bytes.clone());
        }
    }
    Some(found)
}

fn g1() -> Card {
    card("unitree_g1_inspire")
}

fn as_f64(row: &[f32]) -> Vec<f64> {
    row.iter().map(|value| f64::from(*value)).collect()
}

// shows: xr-teleoperate read-made
#[test]
fn a_take_comes_in_with_every_number_and_synthetic_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some((episode, state, action)) = fixture(folder.path()) else { return };
    let importer = importer(&episode, &repository(MAPPING), &g1()).expect("a source");
    let (file, imported) = import_at(&importer, 0, folder.path());
    assert_eq!(imported.manifest.clock, ClockKind::Synthetic { rate_hz: 30.0 });
    assert_eq!(imported.manifest.instruction["und"], "Pick up the yellow bottle on the table.");
    assert_eq!((imported.started_us, imported.duration_us), (None, 289 * 1_000_000 / 30));
    for (rows, arms, left, right) in [
        (&state, "/robot/joint_states", "/robot/hand/left/state", "/robot/hand/right/state"),
        (&action, "/robot/joint_commands", "/robot/hand/left/command", "/robot/hand/right/command"),
    ] {
        let wanted = |range: std::ops::Range<usize>| -> Vec<Vec<f64>> {
            rows.iter().map(|row| as_f64(&row[range.clone()])).collect()
        };
        for (topic, range) in [(arms, 0..14), (left, 14..20), (right, 20..26)] {
            assert!(positions(&file, topic) == wanted(range), "{topic}");
        }
    }
    // The pictures that are there come in as video; those that are not are declared missing, and told.
    let frames = samples(&file, "/camera/cam_left_high/video");
    assert_eq!(frames.len(), 2);
    assert_eq!(frames[1].0.log.ns(), 33_333_333);
    let losses: Vec<String> =
        imported.problems.iter().filter(|problem| problem.loss).map(ToString::to_string).collect();
    assert_eq!(losses.len(), 2, "{losses:?}");
    assert!(
        losses[0].contains("288 of 290 messages cannot be read: colors/000002_color_0.jpg"),
        "{losses:?}"
    );
    assert!(losses[1].contains("2 JPEG pictures were coded anew"), "{losses:?}");
    let gaps = Episode::open(&file).expect("an episode").gaps().expect("gaps");
    assert_eq!((gaps.len(), gaps[0].missing), (1, 288));
}

#[test]
fn a_picture_outside_of_the_folder_is_not_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let episode = folder.path().join("episode_0000");
    fs::create_dir_all(&episode).expect("a folder");
    fs::write(folder.path().join("secret.jpg"), b"a secret").expect("a file");
    let json = json!({"info": {}, "data": [{"idx": 0, "colors": {"color_0": "../secret.jpg"}}]});
    fs::write(episode.join("data.json"), json.to_string()).expect("a file");
    let source = Source::open(&episode, None).expect("a source");
    let mut records = source.read(&source.recordings[0]).expect("records");
    while let Some(record) = records.next(&|_| true) {
        assert_eq!(&*record.topic, "frame");
    }
    let problems = records.ledger().all_problems();
    assert!(
        problems.iter().any(|problem| problem.message.contains("leads out of the episode's folder")),
        "{problems:?}"
    );
}

#[test]
fn a_take_that_stops_in_mid_frame_gives_the_frames_before() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some((episode, state, _)) = fixture(folder.path()) else { return };
    let path = episode.join("data.json");
    let text = fs::read_to_string(&path).expect("a file");
    let cut = text.find("\"idx\": 200").expect("the frame 200") + 300;
    fs::write(&path, &text[..cut]).expect("a file");
    let importer = importer(folder.path(), &repository(MAPPING), &g1()).expect("a source");
    let (file, imported) = import_at(&importer, 0, folder.path());
    assert_eq!(positions(&file, "/robot/joint_states").len(), 200);
    assert_eq!(positions(&file, "/robot/joint_states")[199], as_f64(&state[199][..14]));
    assert_said(&imported.problems, true, &["data.json", "it ends after 200 whole frames"]);
}

#[test]
fn frames_that_are_missing_leave_their_time_empty() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some((episode, _, _)) = fixture(folder.path()) else { return };
    let path = episode.join("data.json");
    let mut json: serde_json::Value =
        serde_json::from_slice(&fs::read(&path).expect("a file")).expect("JSON");
    json["data"].as_array_mut().expect("frames").drain(10..20);
    fs::write(&path, json.to_string()).expect("a file");
    let importer = importer(&episode, &repository(MAPPING), &g1()).expect("a source");
    let (file, imported) = import_at(&importer, 0, folder.path());
    assert_said(&imported.problems, true, &["expected the frame 10, found 20"]);
    let stamps: Vec<i64> =
        samples(&file, "/robot/joint_states").iter().map(|(stamp, _)| stamp.log.ns()).collect();
    assert_eq!(stamps[10], (20.0f64 / 30.0 * 1e9).round() as i64);
}

/// An array of numpy's with samples of 16 bits.
fn npy(samples: usize) -> Vec<u8> {
    let words = format!("{{'descr': '<i2', 'fortran_order': False, 'shape': ({samples},), }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((words.len() as u16).to_le_bytes());
    bytes.extend(words.as_bytes());
    bytes.extend(vec![0; samples * 2]);
    bytes
}

// shows: xr-teleoperate read-made
#[test]
fn touch_comes_in_and_the_amount_of_sound_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let episode = folder.path().join("episode_0000");
    fs::create_dir_all(episode.join("audios")).expect("a folder");
    let sound = |idx: usize| format!("audios/audio_{idx:06}_mic0.npy");
    let frames: Vec<_> = (0..8)
        .map(|idx| {
            if idx != 3 {
                fs::write(episode.join(sound(idx)), npy(533)).expect("a file");
            }
            let taxels: Vec<f64> = (0..6).map(|taxel| f64::from(taxel * 100 + idx as i32)).collect();
            json!({"idx": idx, "colors": {}, "depths": {}, "states": {}, "actions": {},
                   "tactiles": {"left_ee": taxels, "right_ee": []}, "audios": {"mic0": sound(idx)}})
        })
        .collect();
    let names = ["thumb_0", "thumb_1", "thumb_2", "index_0", "index_1", "index_2"];
    let json = json!({
        "info": {"image": {"fps": 30}, "audio": {"sample_rate": 16000, "channels": 1, "format": "PCM", "bits": 16},
                 "tactile_names": {"left_ee": names, "right_ee": []}},
        "text": {"goal": "Hold the egg"}, "data": frames,
    });
    fs::write(episode.join("data.json"), json.to_string()).expect("a file");
    let text = draft(&Source::open(&episode, None).expect("a source"), &g1()).expect("a draft");
    for words in [
        "# tactiles.left_ee: 6 x 0..507",
        "topic = \"/robot/tactile/left_ee\"\nkind = \"tactile\"\nfrom = \"frame\"\nrows = \"? rows times columns are 6\"",
        "values = { field = \"tactiles.left_ee\", unit = \"? 0..507, no unit stated",
        "8 pieces of sound, 7462 bytes of samples, 0.23 s by info.audio, left out",
    ] {
        assert!(text.contains(words), "{words} in {text}");
    }
    let mapping = "schema = 1\nformat = \"xr_teleoperate\"\n[clock]\ntime = \"rate\"\n[[stream]]\ntopic = \"/robot/tactile/left\"\n\
                   kind = \"tactile\"\nfrom = \"frame\"\nrows = 2\ncolumns = 3\n\
                   values = { field = \"tactiles.left_ee\", unit = \"unknown\" }\n";
    let importer = importer(&episode, mapping, &g1()).expect("a source");
    let (file, imported) = import_at(&importer, 0, folder.path());
    let touched = samples(&file, "/robot/tactile/left");
    let (stamp, Sample::Tactile(third)) = &touched[2] else { panic!("no touch") };
    assert_eq!((touched.len(), stamp.log.ns(), third.rows, third.columns), (8, 66_666_667, 2, 3));
    assert_eq!(third.values, [2.0, 102.0, 202.0, 302.0, 402.0, 502.0]);
    assert!(imported.manifest.notes["xr_teleoperate.tactile_names.left_ee"].contains("\"index_0\""));
    let sound =
        ["audios/mic0", "8 pieces of sound, 7462 bytes", "an episode has no sound; 1 of them cannot be read"];
    assert_said(&imported.problems, true, &sound);
    let lost: Vec<&str> = imported
        .problems
        .iter()
        .filter(|problem| problem.loss)
        .map(|problem| problem.subject.as_str())
        .collect();
    assert_eq!(lost, ["audios/mic0", "frame idx"]);
}
