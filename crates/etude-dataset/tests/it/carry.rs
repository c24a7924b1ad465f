//! A dataset of any version becomes one of version 3.0 without anything being said of what numbers mean.

use crate::{batches, bits, copy_folder, data, g1_card, import};
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use etude_dataset::lerobot::{Carried, DatasetLayout, ExportOptions, Source, carry, export};
use etude_video::{FrameReader, Mp4Reader, hash_file};
use serde_json::Value;
use std::fs;
use std::path::Path;

const CAMERA: &str = "observation.images.cam_high";

fn carried(source: &Path, without: &[u64], out: &Path) -> Carried {
    carry(source, without, out, &ExportOptions::default(), &mut |_, _| {}).expect("a dataset")
}

fn json(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).expect("a file")).expect("JSON")
}

// shows: lerobot-v2.1 read-real
// shows: lerobot-v3.0 write
#[test]
fn a_real_dataset_keeps_every_bit_and_every_frame() {
    let Some(root) = data("g1_inspire_lerobot_v21") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("v3");
    let done = carried(&root, &[], &out);
    assert_eq!((done.episodes, done.rows, done.fps, done.frames_copied), (15, 5163, 30, 5163));
    assert!(done.problems.iter().all(|problem| !problem.loss), "{:?}", done.problems);
    let table = batches(&out.join("data/chunk-000/file-000.parquet"));
    let source: Vec<_> = (10..25)
        .flat_map(|n| batches(&root.join(format!("data/chunk-000/episode_{n:06}.parquet"))))
        .collect();
    for column in ["observation.state", "action", "timestamp"] {
        assert_eq!(bits(&table, column), bits(&source, column), "{column}");
    }
    let numbers = |name: &str| -> Vec<i64> {
        let columns = table
            .iter()
            .map(|batch| batch.column_by_name(name).expect("a column").as_primitive::<Int64Type>());
        columns.flat_map(|column| column.values().to_vec()).collect()
    };
    assert_eq!(numbers("index"), (0..5163).collect::<Vec<_>>());
    assert_eq!((numbers("episode_index")[0], numbers("episode_index")[5162]), (0, 14));

    let (source, problems) = Source::open(&out).expect("a dataset of version 3.0");
    assert!(problems.is_empty(), "{problems:?}");
    assert_eq!(source.episodes.len(), 15);
    let video = out.join(format!("videos/{CAMERA}/chunk-000/file-000.mp4"));
    let path = |n| root.join(format!("videos/chunk-000/{CAMERA}/episode_{n:06}.mp4"));
    assert!(packets([&video]) == packets((10..25).map(path)), "coded frames differ");
    // Decoded too, over the first seam: what a picture is depends on the file's head as well.
    let pictures = |file: &Path, count: usize| -> Vec<_> {
        let mut reader = FrameReader::open(file).expect("a video");
        (0..count).map(|_| reader.next_frame().expect("a frame").expect("as many frames").hash()).collect()
    };
    let seam = pictures(&video, 300);
    assert_eq!(seam[280..290], pictures(&path(10), 290)[280..]);
    assert_eq!(seam[290..], pictures(&path(11), 10));
    let part = &source.episodes[1].videos[CAMERA];
    assert!((part.from_s - 290.0 / 30.0).abs() < 1e-9 && part.path == video, "{part:?}");
    statistics_are_right(&root, &out);
    assert_eq!(json(&out.join("meta/etude-carried.json"))["source_episode_indexes"][0], 10);
    assert!(out.join("LICENSE").is_file());
}

/// Those of numbers are those of a dataset that was written anew; those of pictures are the source's, joined.
fn statistics_are_right(root: &Path, out: &Path) {
    let folder = tempfile::tempdir().expect("a folder");
    let (episodes, _) = import(root, &g1_card(), &(0..15).collect::<Vec<_>>(), folder.path());
    let anew = folder.path().join("anew");
    export(&episodes, &anew, &ExportOptions::default(), &mut |_, _| {}).expect("a dataset");
    let (ours, anew) = (json(&out.join("meta/stats.json")), json(&anew.join("meta/stats.json")));
    for feature in ["observation.state", "action"] {
        assert_eq!(ours[feature]["count"], anew[feature]["count"]);
        for what in ["min", "max", "mean", "std", "q01", "q50", "q99"] {
            let numbers = |stats: &Value| -> Vec<f64> {
                let list = stats[feature][what].as_array().expect("numbers");
                list.iter().map(|number| number.as_f64().expect("a number")).collect()
            };
            for (one, other) in numbers(&ours).iter().zip(numbers(&anew)) {
                assert!((one - other).abs() < 1e-9, "{feature} {what}: {one} {other}");
            }
        }
    }
    let lines = fs::read_to_string(root.join("meta/episodes_stats.jsonl")).expect("a file");
    let stated: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let of = |value: &Value, what: &str| value["stats"][CAMERA][what].clone();
    let (mut count, mut sum) = (0.0, 0.0);
    for episode in &stated {
        let own = of(episode, "count")[0].as_f64().expect("a count");
        count += own;
        sum += own * of(episode, "mean")[1][0][0].as_f64().expect("a mean");
    }
    assert_eq!(ours[CAMERA]["count"][0].as_f64(), Some(count));
    let mean = ours[CAMERA]["mean"][1][0][0].as_f64().expect("a mean");
    assert!((mean - sum / count).abs() < 1e-9, "{mean} {}", sum / count);
    assert!(ours[CAMERA].get("q01").is_none(), "a quantile of quantiles is none");
}

#[test]
fn our_own_version_21_keeps_where_it_came_from() {
    let Some(root) = data("g1_inspire_lerobot_v21") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let (episodes, _) = import(&root, &g1_card(), &[0, 1, 2], folder.path());
    let old = folder.path().join("v21");
    let options = ExportOptions { layout: DatasetLayout::V21, image_samples: 2, ..ExportOptions::default() };
    export(&episodes, &old, &options, &mut |_, _| {}).expect("a dataset");
    let whole = folder.path().join("whole");
    assert!(carried(&old, &[], &whole).problems.is_empty());
    for name in ["etude.json", "card.toml", "alignment.json", "alignment.parquet"] {
        let read = |root: &Path| fs::read(root.join("meta").join(name)).expect("a file");
        assert!(read(&old) == read(&whole), "{name} differs");
    }
    let less = folder.path().join("less");
    let done = carried(&old, &[1], &less);
    assert_eq!((done.episodes, done.rows), (2, 290 + 372));
    assert_eq!(done.problems.iter().filter(|problem| problem.loss).count(), 2, "{:?}", done.problems);
    assert!(!less.join("meta/alignment.json").exists());
    let (all, kept) = (json(&old.join("meta/etude.json")), json(&less.join("meta/etude.json")));
    assert_eq!(kept["episodes"].as_array().map(Vec::len), Some(2));
    assert_eq!(
        (&kept["episodes"][1]["digest"], &kept["episodes"][1]["episode_index"]),
        (&all["episodes"][2]["digest"], &1.into())
    );
    assert_eq!(json(&less.join("meta/info.json"))["splits"]["train"], "0:2");
    let error =
        carry(&old, &[7], &folder.path().join("x"), &options, &mut |_, _| {}).expect_err("no such episode");
    assert!(error.to_string().contains("no episode 7"), "{error}");
    assert!(!folder.path().join("x").exists());
}

/// The coded frames of video files, one after the other.
fn packets<P: AsRef<Path>>(files: impl IntoIterator<Item = P>) -> Vec<Vec<u8>> {
    let of =
        |file: P| Mp4Reader::open(file).expect("a video").map(|packet| packet.expect("a frame").unit.data);
    files.into_iter().flat_map(of).collect()
}

#[test]
fn an_episode_of_version_30_is_left_out_and_the_others_stay_as_they_are() {
    let Some(root) = data("g1_inspire_lerobot_v21") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let (whole, less) = (folder.path().join("whole"), folder.path().join("less"));
    carried(&root, &[], &whole);
    let done = carried(&whole, &[1, 14], &less);
    assert_eq!((done.episodes, done.rows, done.frames_copied), (13, 5163 - 421 - last(&root), done.rows));
    let kept: Vec<u32> = (10..24).filter(|n| *n != 11).collect();
    let video = less.join(format!("videos/{CAMERA}/chunk-000/file-000.mp4"));
    let path = |n: &u32| root.join(format!("videos/chunk-000/{CAMERA}/episode_{n:06}.mp4"));
    assert!(packets([&video]) == packets(kept.iter().map(path)), "coded frames differ");
    let table = batches(&less.join("data/chunk-000/file-000.parquet"));
    let source: Vec<_> = kept
        .iter()
        .flat_map(|n| batches(&root.join(format!("data/chunk-000/episode_{n:06}.parquet"))))
        .collect();
    for column in ["observation.state", "action", "timestamp"] {
        assert_eq!(bits(&table, column), bits(&source, column), "{column}");
    }
    let lines = fs::read_to_string(root.join("meta/episodes_stats.jsonl")).expect("a file");
    let stated = lines.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let stated = stated.filter(|line| kept.iter().any(|n| line["episode_index"] == *n));
    let count: f64 = stated.map(|line| line["stats"][CAMERA]["count"][0].as_f64().expect("a count")).sum();
    assert_eq!(json(&less.join("meta/stats.json"))[CAMERA]["count"][0].as_f64(), Some(count));
}

/// Rows of the last episode.
fn last(root: &Path) -> u64 {
    batches(&root.join("data/chunk-000/episode_000024.parquet"))
        .iter()
        .map(|batch| batch.num_rows() as u64)
        .sum()
}

/// Version 2.0, frames that are shown in another order than they are coded, a camera that is not there, no `frame_index`.
// shows: lerobot-v2.0 read-real
#[test]
fn odd_datasets_are_carried_as_they_are() {
    let Some(root) = data("gr1_sim_teleop_lerobot_v20") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("v3");
    let done = carried(&root, &[], &out);
    assert_eq!((done.episodes, done.rows, done.frames_copied), (5, 2096, 2096));
    let video = |n| root.join(format!("videos/chunk-000/observation.images.ego_view/episode_{n:06}.mp4"));
    let said = |part: &str| done.problems.iter().any(|problem| problem.to_string().contains(part));
    assert!(said("observation.images.egoview: info.json declares it"), "{:#?}", done.problems);
    assert!(said("its timestamps begin at 0.0500 s"), "{:#?}", done.problems);
    let frames: Vec<_> = (0..5).flat_map(|n| hash_file(video(n)).expect("frames")).collect();
    let video = out.join("videos/observation.images.ego_view/chunk-000/file-000.mp4");
    assert!(hash_file(video).expect("frames") == frames, "decoded frames differ");
    let table = batches(&out.join("data/chunk-000/file-000.parquet"));
    let source = batches(&root.join("data/chunk-000/episode_000000.parquet"));
    for column in ["observation.state", "action", "next.reward", "timestamp"] {
        let ours = bits(&table, column);
        let source = bits(&source, column);
        assert_eq!(ours[..source.len()], source, "{column}");
    }
    let frame_index = table[0].column_by_name("frame_index").expect("a column").as_primitive::<Int64Type>();
    assert_eq!(frame_index.values()[..3], [0, 1, 2]);
    assert!(json(&out.join("meta/info.json"))["features"].get("observation.images.egoview").is_none());
}

#[test]
fn what_cannot_be_carried_is_refused_or_told() {
    let Some(root) = data("g1_inspire_lerobot_v21") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let old = folder.path().join("v21");
    copy_folder(&root, &old);
    let out = folder.path().join("v3");
    fs::remove_file(old.join("data/chunk-000/episode_000011.parquet")).expect("gone");
    fs::remove_file(old.join(format!("videos/chunk-000/{CAMERA}/episode_000013.mp4"))).expect("gone");
    let done = carried(&old, &[], &out);
    assert_eq!(done.episodes, 13);
    let losses: Vec<String> =
        done.problems.iter().filter(|problem| problem.loss).map(ToString::to_string).collect();
    assert!(losses.iter().any(|loss| loss.contains("episode 11") && loss.contains("left out")), "{losses:?}");
    assert!(
        losses.iter().any(|loss| loss.contains("episode 13") && loss.contains("is missing")),
        "{losses:?}"
    );

    let info = fs::read_to_string(old.join("meta/info.json")).expect("a file");
    for (from, to, expected) in [
        ("\"fps\": 30", "\"fps\": 25", "expected a multiple of 1/25 s"),
        ("\"dtype\": \"float32\"", "\"dtype\": \"float64\"", "expected float64, found Float32"),
        ("\"dtype\": \"float32\"", "\"dtype\": \"audio\"", "of the type audio"),
        (
            "            \"shape\": [\n                26",
            "            \"shape\": [\n                2,\n                13",
            "one dimension",
        ),
    ] {
        assert!(info.contains(from), "{from}");
        fs::write(old.join("meta/info.json"), info.replacen(from, to, 1)).expect("a file");
        let other = folder.path().join("other");
        let error = carry(&old, &[], &other, &ExportOptions::default(), &mut |_, _| {}).expect_err(expected);
        assert!(error.to_string().contains(expected), "{error}");
        assert!(!other.exists());
    }
}
