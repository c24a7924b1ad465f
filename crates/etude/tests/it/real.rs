//! The whole way of real recordings: from a dataset of a real robot into a centre and out again.

use crate::run::{Run, data, etude_in, workspace};
use arrow_array::cast::AsArray;
use arrow_array::types::Float32Type;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

const DATASET: &str = "g1_inspire_lerobot_v21";

/// Imports a dataset with the card of its robot.
fn import(folder: &Path, source: &Path) -> Run {
    let card = workspace().join("robots/unitree_g1_inspire/card.toml").display().to_string();
    let source = source.display().to_string();
    etude_in(folder, &["import", &source, "--into", "centre", "--card", &card, "--format", "json"])
}

/// The numbers of a column of lists in all rows, bit by bit, with the episode that each row belongs to.
fn column(file: &Path, name: &str) -> Vec<Vec<u32>> {
    let reader =
        ParquetRecordBatchReaderBuilder::try_new(File::open(file).expect("a file")).expect("a table");
    let mut rows = Vec::new();
    for batch in reader.build().expect("a reader") {
        let batch = batch.expect("rows");
        let column = batch.column_by_name(name).unwrap_or_else(|| panic!("{} has no {name}", file.display()));
        for row in 0..batch.num_rows() {
            // Both list types occur: what LeRobot 2.1 wrote has lists of free length.
            let values = match column.as_fixed_size_list_opt() {
                Some(lists) => lists.value(row),
                None => column.as_list::<i32>().value(row),
            };
            let values = values.as_primitive::<Float32Type>();
            rows.push(values.values().iter().map(|value| value.to_bits()).collect());
        }
    }
    rows
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The coded frames of video files, one after the other.
fn packets(files: &[PathBuf]) -> Vec<Vec<u8>> {
    let mut packets = Vec::new();
    for file in files {
        let reader = etude_video::Mp4Reader::open(file).expect("a video");
        packets.extend(reader.map(|packet| packet.expect("a frame").unit.data));
    }
    packets
}

/// The median lag of each joint over the episodes, ms.
fn lags(inspection: &Value) -> Vec<(String, f64)> {
    let mut lags: Vec<(String, Vec<f64>)> = Vec::new();
    for episode in inspection["episodes"].as_array().expect("episodes") {
        for measurement in episode["measurements"].as_array().expect("measurements") {
            let (Some("lag"), Some(joint)) = (measurement["name"].as_str(), measurement["channel"].as_str())
            else {
                continue;
            };
            let Some(value) = measurement["value"].as_f64() else { continue };
            match lags.iter_mut().find(|(name, _)| name == joint) {
                Some((_, values)) => values.push(value),
                None => lags.push((joint.to_owned(), vec![value])),
            }
        }
    }
    let median = |mut values: Vec<f64>| {
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    lags.into_iter().map(|(joint, values)| (joint, median(values))).collect()
}

#[test]
fn from_a_real_robots_dataset_to_a_dataset() {
    let Some(source) = data(DATASET) else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();

    let imported = import(folder, &source).exits(0).json();
    let episodes = imported["episodes"].as_array().expect("episodes");
    assert_eq!(episodes.len(), 15);
    for episode in episodes {
        assert_eq!((&episode["new"], &episode["accepted"]), (&true.into(), &true.into()), "{episode}");
    }
    let again = import(folder, &source).exits(0).json();
    let is_known = |episode: &Value| episode["new"] == false;
    assert!(
        again["episodes"].as_array().expect("episodes").iter().all(is_known),
        "a second import changes nothing"
    );

    let listed = etude_in(folder, &["list", "--centre", "centre", "--format", "json"]).exits(0).json();
    assert_eq!(listed.as_array().expect("episodes").len(), 15);
    let few =
        etude_in(folder, &["list", "--centre", "centre", "--where", "accepted", "--limit", "3"]).exits(0);
    assert_eq!(few.stdout.lines().count(), 4, "{few:#?}");
    assert!(few.stdout.contains("Unitree G1 Inspire") && few.stderr.contains("3 of 15 episodes"), "{few:#?}");

    inspection_names_what_is_true(folder);
    release_and_export(folder);
    numbers_and_frames_are_the_sources(&source, &folder.join("exports/bottles"));
    one_episode_as_csv(folder, &source, &listed);
}

fn inspection_names_what_is_true(folder: &Path) {
    let table = etude_in(folder, &["inspect", "centre"]).exits(0).stdout;
    assert!(table.contains("time-synthetic: 15 of 15 episodes"), "{table}");
    assert!(table.contains("How much later each joint moves than it is told to"), "{table}");
    assert!(table.contains("all times are synthetic: computed from 30 frames per second"), "{table}");
    assert!(table.contains("channel(s) in ratio, not in rad or m"), "{table}");
    let few = etude_in(folder, &["inspect", "centre", "--where", "duration_s > 12", "--format", "json"])
        .exits(0)
        .json();
    let few = few["episodes"].as_array().expect("episodes");
    assert!(!few.is_empty() && few.len() < 15, "{} episodes", few.len());
    assert!(few.iter().all(|report| report["duration_s"].as_f64().is_some_and(|seconds| seconds > 12.0)));
    let inspection = etude_in(folder, &["inspect", "centre", "--format", "json"]).exits(0).json();
    let lags = lags(&inspection);
    // All of the right arm's seven joints and both hands' six move. The left arm rests: three of its joints pass a hundredth of
    // their range in a few takes, these four never move by more than 0.018 rad.
    assert_eq!(lags.len(), 22, "{lags:?}");
    let resting = ["kLeftShoulderPitch", "kLeftShoulderRoll", "kLeftShoulderYaw", "kLeftWristRoll"];
    assert!(lags.iter().all(|(joint, _)| !resting.contains(&joint.as_str())), "{lags:?}");
    assert_eq!(lags.iter().filter(|(joint, _)| joint.contains("Hand")).count(), 12, "{lags:?}");
    for (joint, lag_ms) in &lags {
        let range = if joint.contains("Hand") { 270.0..420.0 } else { 90.0..150.0 };
        assert!(range.contains(lag_ms), "{joint}: {lag_ms} ms");
    }
}

fn release_and_export(folder: &Path) {
    let create = ["release", "create", "bottles", "--centre", "centre"];
    let first = etude_in(folder, &create).exits(0);
    assert!(first.stdout.contains("episodes   15"), "{first:#?}");
    assert_eq!(
        etude_in(folder, &create).exits(0).stdout,
        first.stdout,
        "the same choice is the same release"
    );
    let shown = etude_in(folder, &["release", "show", "bottles", "--centre", "centre", "--format", "json"]);
    assert_eq!(shown.exits(0).json()["episodes"].as_array().map(Vec::len), Some(15));
    etude_in(folder, &["release", "verify", "bottles", "--centre", "centre"]).exits(0);
    surgery(folder);
    let other = etude_in(folder, &["release", "show", "cups", "--centre", "centre"]).exits(1);
    assert!(other.stderr.contains("hint: the centre has both, bottles"), "{other:#?}");
    let export =
        ["export", "bottles", "--centre", "centre", "--format", "lerobot-v3", "--out", "exports/bottles"];
    let run = etude_in(folder, &export).exits(0);
    assert!(run.stdout.contains("5163"), "all rows: {run:#?}");
    let again = etude_in(folder, &export).exits(1);
    assert!(again.stderr.contains("hint: "), "{again:#?}");
    other_formats(folder);
    labels_and_rows(folder);
}

/// The three episodes of the release `val` in every other format.
fn other_formats(folder: &Path) {
    let chosen = ["inspect", "centre", "--release", "val", "--rules", "lerobot-ready", "--format", "json"];
    let inspected = etude_in(folder, &chosen).exits(0).json();
    assert_eq!(inspected["episodes"].as_array().map(Vec::len), Some(3));
    let run = etude_in(folder, &["inspect", "exports", "--release", "val"]).exits(1);
    assert!(
        run.stderr.contains("exports is no centre") && run.stderr.contains("hint: name the centre"),
        "{run:#?}"
    );
    let export = |format: &str, options: &[&str]| {
        let out = format!("exports/{format}");
        let fixed = ["export", "val", "--centre", "centre", "--format", format, "--out", &out];
        etude_in(folder, &fixed.iter().chain(options).copied().collect::<Vec<_>>())
    };
    for (format, file) in [
        ("lerobot-v2.1", "meta/episodes.jsonl"),
        ("groot", "meta/modality.json"),
        ("parquet", "episode_000002/robot/joint_states.parquet"),
        ("mcap-ros2", "episode_000002.mcap"),
        ("rrd", "episode_000002.rrd"),
    ] {
        let run = export(format, &[]).exits(0);
        assert!(run.stdout.lines().any(|line| line.contains(" 3 ")), "{run:#?}");
        assert!(folder.join("exports").join(format).join(file).exists(), "{file}");
    }
    let run = export("rrd", &["--fps", "10"]).exits(1);
    assert!(run.stderr.contains("--fps is for formats that have rows"), "{run:#?}");
    let rule = ["--rule", "/robot/joint_states=slerp"];
    fs::remove_dir_all(folder.join("exports/groot")).expect("gone");
    let run = export("groot", &rule).exits(1);
    assert!(run.stderr.contains("a stream of poses") && run.stderr.contains("hint: rules"), "{run:#?}");
    let rows =
        ["--rate", "10", "--rule", "/robot/joint_states=linear", "--max-age", "200ms", "--stale", "drop"];
    export("groot", &rows).exits(0);
    let report = fs::read_to_string(folder.join("exports/groot/meta/alignment.json")).expect("a report");
    let report: Value = serde_json::from_str(&report).expect("JSON");
    assert_eq!((report["rate_hz"].as_u64(), report["max_age_ns"].as_u64()), (Some(10), Some(200_000_000)));
    assert_eq!(report["rules"]["/robot/joint_states"], "linear");
}

fn surgery(folder: &Path) {
    let release = |arguments: &[&str]| {
        let all: Vec<&str> =
            ["release"].iter().chain(arguments).chain(&["--centre", "centre"]).copied().collect();
        etude_in(folder, &all)
    };
    let split =
        release(&["split", "bottles", "--into", "train=0.8,val=0.2", "--format", "json"]).exits(0).json();
    let counts: Vec<_> = split
        .as_array()
        .expect("two releases")
        .iter()
        .map(|part| part["episodes"].as_array().map(Vec::len))
        .collect();
    assert_eq!(counts, [Some(12), Some(3)]);
    release(&["merge", "both", "--of", "val,train"]).exits(0);
    assert!(release(&["diff", "bottles", "both"]).exits(0).stdout.contains("hold the same episodes"));
    let first = split[1]["episodes"][0]["episode"].as_str().expect("an id");
    release(&["delete-episodes", "both", first, "--as", "fewer"]).exits(0);
    let gone = release(&["diff", "both", "fewer"]).exits(1);
    assert!(gone.stdout.contains(first) && gone.stdout.contains("only in both"), "{gone:#?}");
    release(&["verify", "fewer"]).exits(0);
    let taken = release(&["split", "bottles", "--into", "fresh=0.5,val=0.5"]).exits(1);
    assert!(taken.stderr.contains("val") && taken.stderr.contains("hint: "), "{taken:#?}");
    let absent = release(&["show", "fresh"]).exits(1);
    assert!(
        absent.stderr.contains("hint: the centre has"),
        "a name that is taken files none of them: {absent:#?}"
    );
}

/// A release whose episodes show something else, and one that states its rows.
fn labels_and_rows(folder: &Path) {
    let release = |arguments: &[&str]| {
        let all: Vec<&str> =
            ["release"].iter().chain(arguments).chain(&["--centre", "centre"]).copied().collect();
        etude_in(folder, &all)
    };
    let said = [
        "--task",
        "lift_bottle",
        "--instruction",
        "en=lift it",
        "--by",
        "annotator-7",
        "--reason",
        "clearer",
    ];
    let made = release(&[&["relabel", "val", "--as", "said", "--format", "json"][..], &said].concat())
        .exits(0)
        .json();
    for episode in made[0]["episodes"].as_array().expect("episodes") {
        assert_eq!(episode["task"], "lift_bottle");
        assert!(
            episode["layers"]
                .as_array()
                .expect("layers")
                .iter()
                .any(|layer| layer["version"] == "annotator-7")
        );
    }
    assert!(release(&["diff", "val", "said"]).exits(1).stdout.contains("layers, description differ"));
    release(&["verify", "said"]).exits(0);
    let absent =
        release(&["relabel", "val", "--of-task", "cups", "--as", "x", "--task", "y", "--by", "z"]).exits(1);
    assert!(absent.stderr.contains("no episode of the task cups") && absent.stderr.contains("its tasks are"));

    let resampled = ["resample", "said", "--as", "ten", "--rate", "10", "--max-age", "200ms"];
    assert!(release(&resampled).exits(0).stdout.contains("10 Hz, none older than 200 ms"));
    release(&["resample", "said", "--as", "none"]).exits(1);
    let export = |format: &str, options: &[&str]| {
        let out = format!("exports/ten-{format}");
        let fixed = ["export", "ten", "--centre", "centre", "--format", format, "--out", &out];
        etude_in(folder, &fixed.iter().chain(options).copied().collect::<Vec<_>>())
    };
    export("lerobot-v2.1", &[]).exits(0);
    let text = |file: &str| {
        fs::read_to_string(folder.join("exports/ten-lerobot-v2.1/meta").join(file)).expect("a file")
    };
    assert!(text("tasks.jsonl").contains("lift it"), "{}", text("tasks.jsonl"));
    let alignment: Value = serde_json::from_str(&text("alignment.json")).expect("JSON");
    assert_eq!(
        (alignment["rate_hz"].as_u64(), alignment["max_age_ns"].as_u64()),
        (Some(10), Some(200_000_000))
    );
    let sidecar: Value = serde_json::from_str(&text("etude.json")).expect("JSON");
    assert_eq!(sidecar["episodes"][0]["task"], "lift_bottle");
    let layer =
        made[0]["episodes"][0]["layers"].as_array().expect("layers").iter().find(|l| l["kind"] == "label");
    let layer = layer.and_then(|layer| layer["digest"].as_str()).expect("a label").to_owned();
    assert_eq!(sidecar["episodes"][0]["notes"]["label"], format!("{layer} by annotator-7"));
    let run = export("groot", &["--fps", "5"]).exits(1);
    assert!(run.stderr.contains("states its rows, so --fps cannot be given"), "{run:#?}");
    let run = export("rrd", &[]).exits(1);
    assert!(run.stderr.contains("states rows at 10 Hz"), "{run:#?}");

    let file = folder.join("centre/layers").join(&layer[..2]).join(format!("{layer}.json"));
    let whole = fs::read_to_string(&file).expect("a layer");
    fs::write(&file, whole.replace("lift it", "drop it")).expect("a file");
    assert!(release(&["verify", "said"]).exits(1).stderr.contains("expected the digest"));
    fs::write(&file, whole).expect("a file");
}

fn numbers_and_frames_are_the_sources(source: &Path, export: &Path) {
    for name in ["observation.state", "action"] {
        let rows = |folder: &Path| -> Vec<Vec<u32>> {
            files(&folder.join("data"), "parquet").iter().flat_map(|file| column(file, name)).collect()
        };
        let (before, after) = (rows(source), rows(export));
        assert_eq!(before.len(), 5163);
        assert!(before == after, "{name} is not the same, bit for bit");
    }
    let (before, after) = (files(&source.join("videos"), "mp4"), files(&export.join("videos"), "mp4"));
    let coded = packets(&before);
    assert_eq!(coded.len(), 5163);
    assert!(coded == packets(&after), "coded frames are not those of the source");
    // Decoded too, for the first episode: what a picture is depends on the file's head as well.
    let first = etude_video::hash_file(&before[0]).expect("pictures");
    let mut reader = etude_video::FrameReader::open(&after[0]).expect("a video");
    for hash in &first {
        let frame = reader.next_frame().expect("a frame").expect("as many frames");
        assert_eq!(frame.hash(), *hash);
    }
}

fn one_episode_as_csv(folder: &Path, source: &Path, listed: &Value) {
    let digest = listed[0]["digest"].as_str().expect("a digest");
    let file = format!("centre/episodes/{}/{digest}.mcap", &digest[..2]);
    etude_in(folder, &["episode", "check", &file]).exits(0);
    let info = etude_in(folder, &["episode", "info", &file]).exits(0);
    assert!(info.stdout.contains("none: times were computed from 30 Hz"), "{info:#?}");
    let run = etude_in(folder, &["episode", "export-csv", &file, "--out", "csv"]).exits(0);
    assert!(run.stdout.contains(".mp4"), "{run:#?}");
    let text = fs::read_to_string(folder.join("csv/robot_joint_states.csv")).expect("the file");
    let before = column(&files(&source.join("data"), "parquet")[0], "observation.state");
    assert_eq!(text.lines().count(), before.len() + 1);
    for (line, row) in text.lines().skip(1).zip(&before) {
        let cells: Vec<u32> =
            line.split(',').skip(3).map(|cell| cell.parse::<f32>().expect("a number").to_bits()).collect();
        assert_eq!(cells, row[..14]);
    }
    let video = files(&folder.join("csv"), "mp4");
    let original = &files(&source.join("videos"), "mp4")[..1];
    assert!(packets(&video) == packets(original), "the frames are copied");
}

/// Copies the dataset with its first three episodes only.
fn three_episodes(source: &Path, copy: &Path) {
    for file in files(source, "parquet").into_iter().chain(files(source, "mp4")).chain(files(source, "json"))
    {
        let relative = file.strip_prefix(source).expect("below the dataset");
        let is_data = relative.extension().is_none_or(|extension| extension != "json");
        let name = relative.to_string_lossy().into_owned();
        if is_data && !["_000010", "_000011", "_000012"].iter().any(|number| name.contains(number)) {
            continue;
        }
        let target = copy.join(relative);
        fs::create_dir_all(target.parent().expect("a folder")).expect("a folder");
        fs::copy(&file, &target).expect("a copy");
    }
    fs::copy(source.join("meta/tasks.jsonl"), copy.join("meta/tasks.jsonl")).expect("a copy");
    let list = fs::read_to_string(source.join("meta/episodes.jsonl")).expect("a list");
    let first: Vec<&str> = list.lines().take(3).collect();
    fs::write(copy.join("meta/episodes.jsonl"), first.join("\n")).expect("a list");
}

fn truncate(file: &Path) {
    let length = fs::metadata(file).expect("a file").len();
    File::options()
        .write(true)
        .open(file)
        .and_then(|file| file.set_len(length * 6 / 10))
        .expect("a shorter file");
}

#[test]
fn a_dataset_is_carried_without_a_card_as_long_as_rows_stay() {
    let Some(source) = data(DATASET) else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let (folder, source) = (folder.path(), source.display().to_string());
    let convert = |out: &str, options: &[&str]| {
        let fixed = ["convert", &source, out, "--format", "lerobot-v3"];
        etude_in(folder, &[&fixed[..], options].concat())
    };
    let run = convert("less", &["--without", "10,12"]).exits(0);
    assert!(run.stdout.contains("Unitree_G1_Inspire") && run.stdout.contains(" 13 "), "{run:#?}");
    assert!(run.stderr.contains("a folder that is no part of the format"), "{run:#?}");
    let state = column(&folder.join("less/data/chunk-000/file-000.parquet"), "observation.state");
    let first =
        column(&Path::new(&source).join("data/chunk-000/episode_000011.parquet"), "observation.state");
    assert!(state[..first.len()] == first, "numbers are not the same, bit for bit");
    let run = convert("ten", &["--rate", "10"]).exits(1);
    assert!(run.stderr.contains("card") && !folder.join("ten").exists(), "{run:#?}");
    let run = convert("none", &["--without", "99"]).exits(1);
    assert!(run.stderr.contains("no episode 99") && run.stderr.contains("hint: "), "{run:#?}");
}

#[test]
fn a_damaged_dataset_comes_in_as_far_as_it_is_whole() {
    let Some(source) = data(DATASET) else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let copy = folder.join("copy");
    three_episodes(&source, &copy);
    truncate(&files(&copy.join("data"), "parquet")[1]);
    truncate(&files(&copy.join("videos"), "mp4")[2]);
    let run = import(folder, &copy).exits(3);
    let lost: Vec<&str> = run.stderr.lines().filter(|line| line.starts_with("lost: ")).collect();
    let is_said =
        |subject: &str, what: &str| lost.iter().any(|line| line.contains(subject) && line.contains(what));
    assert!(is_said("episode 11", "it is not imported"), "{run:#?}");
    assert!(is_said("episode 12", "lost"), "{run:#?}");
    assert!(!lost.iter().any(|line| line.contains("episode 10")), "{run:#?}");
    let rows = run.json();
    let imported: Vec<bool> =
        rows["episodes"].as_array().expect("episodes").iter().map(|row| row["episode"].is_string()).collect();
    assert_eq!(imported, [true, false, true]);
    assert!(etude_in(folder, &["list", "--centre", "centre"]).exits(0).stderr.contains("2 of 2 episodes"));
    // What the video lacks is declared in the episode, not hidden in a shorter video.
    let digest = rows["episodes"][2]["digest"].as_str().expect("a digest");
    let file = format!("centre/episodes/{}/{digest}.mcap", &digest[..2]);
    let info = etude_in(folder, &["episode", "info", &file, "--format", "json"]).exits(0).json();
    let missing =
        info["gaps"].as_array().expect("gaps").iter().filter_map(|gap| gap["missing"].as_u64()).sum::<u64>();
    assert!(missing > 0, "{info}");
    assert!(files(&folder.join("centre/episodes"), "tmp").is_empty(), "nothing temporary is left");
}

#[test]
fn a_release_whose_file_was_changed_does_not_verify() {
    let Some(source) = data(DATASET) else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let copy = folder.join("copy");
    three_episodes(&source, &copy);
    let imported = import(folder, &copy).exits(0).json();
    etude_in(folder, &["release", "create", "three", "--centre", "centre"]).exits(0);
    let digest = imported["episodes"][1]["digest"].as_str().expect("a digest");
    truncate(&folder.join(format!("centre/episodes/{}/{digest}.mcap", &digest[..2])));
    let run = etude_in(folder, &["release", "verify", "three", "--centre", "centre"]).exits(1);
    assert!(run.stdout.contains("3 episodes, 1 not"), "{run:#?}");
    assert!(run.stderr.contains("lost: ") && run.stderr.contains("expected the digest"), "{run:#?}");
    let export = ["export", "three", "--centre", "centre", "--format", "lerobot-v3", "--out", "out"];
    let run = etude_in(folder, &export).exits(1);
    assert!(run.stderr.contains("hint: ") && !folder.join("out").exists(), "{run:#?}");
    fs::remove_dir_all(folder.join("centre/episodes")).expect("gone");
    etude_in(folder, &["release", "verify", "three", "--centre", "centre"]).exits(1);
}
