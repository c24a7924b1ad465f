//! LeRobot 2.1 and GR00T: a file per episode and camera, lines of JSON, and everything back as it was.

use crate::simulated::{Odd, record, usual};
use crate::{batches, bits, data, g1_card, import};
use etude_dataset::lerobot::{DatasetLayout, ExportOptions, export};
use etude_video::hash_file;
use serde_json::Value;
use std::fs;
use std::path::Path;

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
        .expect("JSON")
}

fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).expect("a file");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

// shows: lerobot-v2.1 write, round-trip
#[test]
fn version_21_goes_out_and_comes_in_with_every_bit() {
    let Some(root) = data("g1_inspire_lerobot_v21") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let (episodes, _) = import(&root, &g1_card(), &[3, 10], folder.path());
    let out = folder.path().join("v21");
    let options = ExportOptions { layout: DatasetLayout::V21, ..ExportOptions::default() };
    let exported = export(&episodes, &out, &options, &mut |_, _| {}).expect("a dataset");
    assert_eq!((exported.videos_copied, exported.videos_encoded, exported.frames_encoded), (2, 0, 0));
    assert_eq!(exported.frames_copied, exported.rows);
    let info = json(&out.join("meta/info.json"));
    assert_eq!((info["codebase_version"].as_str(), info["total_videos"].as_u64()), (Some("v2.1"), Some(2)));
    // As the real dataset says it, but for its own numbers.
    let real = json(&root.join("meta/info.json"));
    for key in ["data_path", "video_path", "chunks_size", "fps"] {
        assert_eq!(info[key], real[key], "{key}");
    }
    let lengths = lines(&out.join("meta/episodes.jsonl"))
        .iter()
        .filter_map(|line| line["length"].as_u64())
        .sum::<u64>();
    assert_eq!(lengths, exported.rows);
    let stats = lines(&out.join("meta/episodes_stats.jsonl"));
    let real_stats = lines(&root.join("meta/episodes_stats.jsonl"));
    let of = |stats: &[Value], index: usize| -> Value {
        stats.iter().find(|line| line["episode_index"] == index).expect("a line")["stats"].clone()
    };
    for (ours, theirs) in [(0, 13), (1, 20)] {
        let (ours, theirs) = (of(&stats, ours), of(&real_stats, theirs));
        for (field, tolerance) in [("min", 0.0), ("max", 0.0), ("mean", 1e-6), ("std", 1e-6), ("count", 0.0)]
        {
            let numbers = |stats: &Value| -> Vec<f64> {
                let values = stats["observation.state"][field].as_array().expect(field).clone();
                values.iter().map(|value| value.as_f64().expect("a number")).collect()
            };
            for (ours, theirs) in numbers(&ours).iter().zip(numbers(&theirs)) {
                assert!((ours - theirs).abs() <= tolerance, "{field}: {ours} {theirs}");
            }
        }
        assert!(ours["observation.state"].get("q50").is_none());
    }
    for (ours, theirs) in [(0, 13), (1, 20)] {
        let file = |root: &Path, n| root.join(format!("data/chunk-000/episode_{n:06}.parquet"));
        for column in ["observation.state", "action", "timestamp"] {
            assert_eq!(
                bits(&batches(&file(&out, ours)), column),
                bits(&batches(&file(&root, theirs)), column)
            );
        }
        let video = |root: &Path, n| {
            root.join(format!("videos/chunk-000/observation.images.cam_high/episode_{n:06}.mp4"))
        };
        assert!(
            hash_file(video(&out, ours)).expect("frames") == hash_file(video(&root, theirs)).expect("frames")
        );
    }
    let again = folder.path().join("again");
    fs::create_dir(&again).expect("a folder");
    let (back, problems) = import(&out, &g1_card(), &[0, 1], &again);
    assert!(problems.is_empty(), "{problems:?}");
    let second = folder.path().join("second");
    export(&back, &second, &options, &mut |_, _| {}).expect("a dataset");
    for file in [
        "data/chunk-000/episode_000001.parquet",
        "videos/chunk-000/observation.images.cam_high/episode_000001.mp4",
    ] {
        assert!(fs::read(out.join(file)).expect(file) == fs::read(second.join(file)).expect(file), "{file}");
    }
}

// shows: groot write
#[test]
fn groot_knows_the_parts_of_the_body() {
    let Some(root) = data("g1_inspire_lerobot_v21") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let (episodes, _) = import(&root, &g1_card(), &[3], folder.path());
    let out = folder.path().join("groot");
    let options = ExportOptions { layout: DatasetLayout::Groot, ..ExportOptions::default() };
    export(&episodes, &out, &options, &mut |_, _| {}).expect("a dataset");
    let modality = json(&out.join("meta/modality.json"));
    let names = json(&out.join("meta/info.json"))["features"]["action"]["names"].clone();
    let (state, action) = (&modality["state"], &modality["action"]);
    for part in ["left_arm", "right_arm", "left_hand", "right_hand"] {
        let (start, end) = (action[part]["start"].as_u64(), action[part]["end"].as_u64());
        let (start, end) = (start.expect("a start") as usize, end.expect("an end") as usize);
        let side = if part.starts_with("left") { "Left" } else { "Right" };
        assert!(
            (start..end).all(|place| names[place].as_str().is_some_and(|name| name.contains(side))),
            "{part}"
        );
        assert_eq!(state[part]["start"].as_u64(), Some(start as u64));
        assert_eq!(action[part]["absolute"], true);
    }
    let widths = action.as_object().expect("parts").values();
    let width = |part: &Value| Some(part["end"].as_u64()? - part["start"].as_u64()?);
    assert_eq!(widths.filter_map(width).sum::<u64>(), 26);
    assert_eq!(modality["video"]["cam_high"]["original_key"], "observation.images.cam_high");
    assert_eq!(modality["annotation"]["human.task_description"]["original_key"], "task_index");
    assert!(out.join("meta/stats.json").exists());
}

#[test]
fn only_groups_of_pictures_that_do_not_match_are_coded_anew() {
    let folder = tempfile::tempdir().expect("a folder");
    let whole = record(&folder.path().join("0.mcap"), "e0", usual());
    let torn = record(&folder.path().join("1.mcap"), "e1", Odd { wrist_without: Some(25), ..usual() });
    let write = |episode, name: &str| {
        let out = folder.path().join(name);
        let exported =
            export(&[episode], &out, &ExportOptions::default(), &mut |_, _| {}).expect("a dataset");
        let file = "videos/observation.images.wrist/chunk-000/file-000.mp4";
        (hash_file(out.join(file)).expect("frames"), exported)
    };
    let (whole, exported) = write(whole, "whole");
    assert_eq!((exported.frames_copied, exported.frames_encoded), (120, 0));
    let (torn, exported) = write(torn, "torn");
    assert_eq!(exported.rows, 60, "{:?}", exported.problems);
    // Key frames stand at each tenth frame that was given, so that the group of frame 25 has rows 20 to 30.
    assert_eq!((exported.videos_copied, exported.videos_encoded), (1, 1));
    assert!((10..=20).contains(&exported.frames_encoded), "{}", exported.frames_encoded);
    assert_eq!(exported.frames_copied + exported.frames_encoded, 120);
    assert_eq!((whole.len(), torn.len()), (60, 60));
    assert!(whole[..20] == torn[..20], "copied before");
    let same = whole.iter().zip(&torn).filter(|(a, b)| a == b).count();
    assert!(same >= 20, "{same}");
    let sidecar = json(&folder.path().join("torn/meta/etude.json"));
    assert_eq!(sidecar["episodes"][0]["videos"]["observation.images.wrist"], "mixed");
    assert_eq!(sidecar["episodes"][0]["frames_encoded"], exported.frames_encoded);
}
