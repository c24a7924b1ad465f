//! A real Unitree G1's recordings (v2.1) and a simulated GR1's (v2.0): in, and out as v3.0.

use crate::{batches, bits, data, g1_card, import};
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use etude_dataset::lerobot::{ExportOptions, ImportOptions, Importer, Source, export};
use etude_dataset::stats::Accumulator;
use etude_episode::Episode;
use etude_model::{Card, ClockKind, Origin};
use etude_video::hash_file;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

// shows: lerobot-v2.1 read-real
// shows: lerobot-v3.0 write
#[test]
fn g1_goes_in_and_out_with_every_bit() {
    let Some(root) = data("g1_inspire_lerobot_v21") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let (episodes, problems) = import(&root, &g1_card(), &[0, 1, 2], folder.path());
    assert!(problems.is_empty(), "{problems:?}");
    let out = folder.path().join("v3");
    let exported = export(&episodes, &out, &ExportOptions::default(), &mut |_, _| {}).expect("a dataset");
    assert_eq!((exported.episodes, exported.rows, exported.fps), (3, 290 + 421 + 372, 30));
    assert_eq!((exported.videos_copied, exported.videos_encoded), (3, 0));
    assert!(exported.problems.is_empty(), "{:?}", exported.problems);

    let table = batches(&out.join("data/chunk-000/file-000.parquet"));
    let source: Vec<_> = (10..13)
        .flat_map(|n| batches(&root.join(format!("data/chunk-000/episode_{n:06}.parquet"))))
        .collect();
    for column in ["observation.state", "action", "timestamp"] {
        assert_eq!(bits(&table, column), bits(&source, column), "{column}");
    }

    let video =
        hash_file(out.join("videos/observation.images.cam_high/chunk-000/file-000.mp4")).expect("frames");
    let path = |n| root.join(format!("videos/chunk-000/observation.images.cam_high/episode_{n:06}.mp4"));
    let frames: Vec<_> = (10..13).flat_map(|n| hash_file(path(n)).expect("frames")).collect();
    assert_eq!(video.len(), 1083);
    assert!(video == frames, "decoded frames differ");
    check_meta(&out, &table);
}

fn check_meta(out: &Path, table: &[arrow_array::RecordBatch]) {
    let json = |name: &str| -> Value {
        serde_json::from_str(&fs::read_to_string(out.join(name)).expect("a file")).expect("JSON")
    };
    let info = json("meta/info.json");
    assert_eq!(info["codebase_version"], "v3.0");
    assert_eq!(info["total_frames"], 1083);
    assert_eq!(info["features"]["observation.state"]["names"][14], "kLeftHandPinky");
    assert_eq!(info["features"]["observation.images.cam_high"]["info"]["video.codec"], "av1");
    assert_eq!(info["features"]["observation.images.cam_high"]["shape"], serde_json::json!([480, 640, 3]));
    let stats = json("meta/stats.json");
    let image = &stats["observation.images.cam_high"];
    assert_eq!(image["mean"].as_array().map(Vec::len), Some(3));
    assert!(image["mean"][0][0][0].as_f64().is_some_and(|mean| (0.1..0.9).contains(&mean)), "{image}");
    let mut naive = Accumulator::new(26);
    let state = bits(table, "observation.state");
    for row in state.chunks(26) {
        naive.push(row.iter().map(|bits| f64::from(f32::from_bits(*bits as u32))));
    }
    for (channel, mean) in naive.summary().mean.iter().enumerate() {
        let found = stats["observation.state"]["mean"][channel].as_f64().expect("a number");
        assert!((found - mean).abs() < 1e-12);
    }
    assert_eq!(stats["index"]["q99"][0].as_f64(), Some(1082.0 * 0.99));
    let provenance = json("meta/etude.json");
    assert_eq!(provenance["episodes"][1]["notes"]["lerobot.episode_index"], "11");
    assert_eq!(provenance["episodes"][1]["clock"]["kind"], "synthetic");
    assert_eq!(provenance["episodes"][1]["action"], "asked");
    assert_eq!(provenance["episodes"][1]["ages"]["/robot/joint_states"]["max_ms"], 0.0);

    let table = batches(&out.join("meta/episodes/chunk-000/file-000.parquet"));
    let integers =
        |name: &str| table[0].column_by_name(name).expect(name).as_primitive::<Int64Type>().values().to_vec();
    assert_eq!(integers("dataset_to_index"), [290, 711, 1083]);
    let key = "videos/observation.images.cam_high/from_timestamp";
    let from = table[0].column_by_name(key).expect(key).as_primitive::<Float64Type>().values().to_vec();
    assert!((from[2] - 711.0 / 30.0).abs() < 1e-9);
    assert!(table[0].column_by_name("stats/observation.images.cam_high/q50").is_some());
    let mode =
        fs::metadata(out.join("data/chunk-000/file-000.parquet")).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o644);
    assert_eq!(batches(&out.join("meta/tasks.parquet"))[0].num_rows(), 1);
}

// shows: lerobot-v3.0 read-made, round-trip
#[test]
fn an_export_comes_in_again_as_it_was() {
    let Some(root) = data("g1_inspire_lerobot_v21") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let (episodes, _) = import(&root, &g1_card(), &[3, 10], folder.path());
    let (one, two) = (folder.path().join("one"), folder.path().join("two"));
    let small =
        ExportOptions { data_file_bytes: 1 << 16, video_file_bytes: 1 << 20, ..ExportOptions::default() };
    export(&episodes, &one, &small, &mut |_, _| {}).expect("a dataset");
    assert!(one.join("data/chunk-000/file-001.parquet").exists(), "files roll over");
    assert!(one.join("videos/observation.images.cam_high/chunk-000/file-001.mp4").exists());
    let whole = folder.path().join("whole");
    export(&episodes, &whole, &ExportOptions::default(), &mut |_, _| {}).expect("a dataset");
    // Version 3.0 in, with both episodes in one file.
    let again = folder.path().join("again");
    fs::create_dir(&again).expect("a folder");
    let (imported, problems) = import(&whole, &g1_card(), &[0, 1], &again);
    assert!(problems.is_empty(), "{problems:?}");
    let read = Episode::open(&imported[1].path).expect("an episode");
    assert_eq!(read.manifest().notes["lerobot.version"], "3.0");
    assert_eq!(read.manifest().notes["lerobot.index"], "342");
    export(&imported, &two, &ExportOptions::default(), &mut |_, _| {}).expect("a dataset");
    let file = "data/chunk-000/file-000.parquet";
    assert_eq!(fs::read(whole.join(file)).expect("a file"), fs::read(two.join(file)).expect("a file"));
    let video = "videos/observation.images.cam_high/chunk-000/file-000.mp4";
    assert!(fs::read(whole.join(video)).expect("a file") == fs::read(two.join(video)).expect("a file"));
}

#[test]
fn an_import_says_where_everything_came_from() {
    let Some(root) = data("g1_inspire_lerobot_v21") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let (episodes, _) = import(&root, &g1_card(), &[4], folder.path());
    let episode = Episode::open(&episodes[0].path).expect("an episode");
    let manifest = episode.manifest();
    assert_eq!(manifest.origin, Origin::Imported);
    assert_eq!(manifest.clock, ClockKind::Synthetic { rate_hz: 30.0 });
    assert_eq!(manifest.notes["lerobot.episode_index"], "14");
    assert_eq!(manifest.instruction["und"], "Pick up the yellow bottle on the table.");
    assert_eq!(manifest.rights.licence.as_deref(), Some("MIT License"));
    assert!(manifest.parents[0].ends_with("data/chunk-000/episode_000014.parquet"));
    assert_eq!(Card::from_toml(&episode.card_toml().expect("a card")).expect("a card"), g1_card());
    let topics: BTreeSet<&str> = manifest.streams.iter().map(|stream| stream.topic.as_str()).collect();
    for topic in ["/robot/joint_states", "/robot/hand/left/command", "/camera/cam_high/video"] {
        assert!(topics.contains(topic), "{topics:?}");
    }
    // The same again is the same file, and so the same episode.
    let other = tempfile::tempdir().expect("a folder");
    assert_eq!(import(&root, &g1_card(), &[4], other.path()).0[0].digest, episodes[0].digest);
}

/// A card whose joints are the dataset's nameless motors; only for this test.
fn gr1_card(joints: usize) -> Card {
    let mut text =
        "schema = 1\nvendor = \"Fourier\"\nmodel = \"GR1\"\nrevision = \"a\"\nsource = \"a test\"\n"
            .to_owned();
    for joint in 0..joints {
        let name = format!("[[joint]]\nname = \"motor_{joint}\"\n");
        text += &name;
        text += "kind = \"revolute\"\nunit = \"unknown\"\nposition = [-10.0, 10.0]\nvelocity = 10.0\n";
    }
    Card::from_toml(&text).expect("a card")
}

// shows: lerobot-v2.0 read-real
#[test]
fn gr1_v20_keeps_what_nobody_explains_and_recodes_what_an_episode_cannot_hold() {
    let Some(root) = data("gr1_sim_teleop_lerobot_v20") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let (episodes, problems) = import(&root, &gr1_card(44), &[0], folder.path());
    let said = |part: &str| problems.iter().any(|problem| problem.to_string().contains(part));
    assert!(said("annotation.human.validity: the card does not say"), "{problems:#?}");
    assert!(said("observation.images.egoview: info.json declares it"), "{problems:#?}");
    assert!(said("has B frames"), "{problems:#?}");
    assert!(said("its timestamps begin at 0.0500 s"), "{problems:#?}");
    let out = folder.path().join("v3");
    let exported = export(&episodes, &out, &ExportOptions::default(), &mut |_, _| {}).expect("a dataset");
    assert_eq!((exported.rows, exported.fps, exported.videos_copied), (416, 20, 1));
    let table = batches(&out.join("data/chunk-000/file-000.parquet"));
    let source = batches(&root.join("data/chunk-000/episode_000000.parquet"));
    for column in ["observation.state", "action", "next.reward"] {
        assert_eq!(bits(&table, column), bits(&source, column), "{column}");
    }
    assert_eq!(
        table[0].column_by_name("next.done").expect("done"),
        source[0].column_by_name("next.done").expect("done")
    );
}

#[test]
fn a_card_that_leaves_numbers_open_is_asked_about() {
    let Some(root) = data("gr1_sim_teleop_lerobot_v20") else { return };
    let error = Importer::open(&root, &gr1_card(42), ImportOptions::new("test"))
        .err()
        .expect("questions")
        .to_string();
    assert!(error.contains("`motor_43` (observation.state[43])"), "{error}");
    assert!(error.contains("`motor_42` (action[42])"), "{error}");
    let (source, _) = Source::open(&root).expect("a dataset");
    assert_eq!(source.rights().licence.as_deref(), Some("Apache License"));
}
