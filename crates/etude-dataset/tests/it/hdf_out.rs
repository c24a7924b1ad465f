//! Exports as HDF5, read again by the import and by h5py.

use crate::simulated::{record, usual};
use crate::{batches, bits, data, g1_card, import};
use etude_dataset::foreign::{Format, Source};
use etude_dataset::hdf::{ExportOptions, HdfLayout, export};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;

/// The numbers and pictures of every topic of a file's recording, row by row.
fn rows(path: &Path, format: Format, place: usize, topic: &str, field: &str) -> Vec<Vec<f64>> {
    let source = Source::open(path, None).expect("a source");
    assert_eq!(source.format, format);
    let mut records = source.read(&source.recordings[place]).expect("records");
    let field: etude_dataset::foreign::value::Path = field.parse().expect("a field");
    let mut found = Vec::new();
    while let Some(record) = records.next(&|name| name == topic) {
        found.push(field.numbers(&record.value).expect("numbers").numbers);
    }
    assert!(records.ledger().all_problems().iter().all(|problem| !problem.loss));
    found
}

// shows: robomimic read-made, write, round-trip
#[test]
fn a_real_robots_numbers_come_back_bit_by_bit() {
    let Some(root) = data("g1_inspire_lerobot_v21") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let (episodes, _) = import(&root, &g1_card(), &[0, 10], folder.path());
    let out = folder.path().join("out");
    let options = ExportOptions { pictures: false, ..ExportOptions::default() };
    let exported = export(&episodes, &out, &options, &mut |_, _| {}).expect("a file");
    assert_eq!((exported.episodes, exported.pictures), (2, 0));
    let (source, _) = etude_dataset::lerobot::Source::open(&root).expect("a dataset");
    for (demo, place) in [(0, 0), (1, 10)] {
        let table = batches(&source.episodes[place].data);
        for (column, topic, field) in [("action", "step", "actions"), ("observation.state", "obs", "state")] {
            let theirs: Vec<u32> = bits(&table, column).into_iter().map(|bits| bits as u32).collect();
            let found = rows(&out.join("demos.hdf5"), Format::Robomimic, demo, topic, field);
            let ours: Vec<u32> = found.iter().flatten().map(|value| (*value as f32).to_bits()).collect();
            // The last row has no next observation and is left out, which is said.
            assert_eq!(ours, theirs[..theirs.len() - 26], "{column}");
        }
    }
    assert!(exported.problems.iter().any(|problem| problem.message.contains("no next observation")));
    let alignment = fs::read_to_string(out.join("alignment.json")).expect("a report");
    assert_eq!(
        serde_json::from_str::<Value>(&alignment).expect("JSON")["episodes"][1]["synthetic_time"],
        true
    );
    assert_eq!(fs::read_to_string(out.join("provenance.jsonl")).expect("a file").lines().count(), 2);
}

// shows: robomind write, round-trip
#[test]
fn robomind_like_files_come_in_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let episode = record(&folder.path().join("a.mcap"), "01J0000000000000000000000A", usual());
    let out = folder.path().join("out");
    let options = ExportOptions { layout: HdfLayout::Robomind, ..ExportOptions::default() };
    let exported = export(&[episode], &out, &options, &mut |_, _| {}).expect("files");
    assert!(exported.pictures > 0);
    let states = rows(&out, Format::Robomind, 0, "puppet", "joint_position");
    assert_eq!(states.len() as u64, exported.rows);
    let source = Source::open(&out, None).expect("a source");
    assert_eq!(source.recordings[0].name, "episode_000000");
    let mut records = source.read(&source.recordings[0]).expect("records");
    let mut pictures = 0;
    while let Some(record) = records.next(&|topic| topic.starts_with("observations/rgb_images/")) {
        let Some(etude_dataset::foreign::value::Value::Bytes(bytes)) = record.value.part("data") else {
            panic!("a picture")
        };
        assert!(bytes.starts_with(b"\x89PNG"));
        pictures += 1;
    }
    assert_eq!(pictures, exported.pictures);
    assert_eq!(records.facts().notes["hdf5.instruction"], "lift the can");
}

// shows: robomimic peer h5py
#[test]
fn peer_h5py_finds_robomimics_own_keys() {
    let folder = tempfile::tempdir().expect("a folder");
    let ids = ["01J0000000000000000000000A", "01J0000000000000000000000B"];
    let episodes = ids.map(|id| record(&folder.path().join(format!("{id}.mcap")), id, usual()));
    let out = folder.path().join("out");
    let exported = export(&episodes, &out, &ExportOptions::default(), &mut |_, _| {}).expect("a file");
    assert!(exported.pictures > 0);
    let ours: Vec<f64> = rows(&out.join("demos.hdf5"), Format::Robomimic, 1, "step", "actions").concat();
    let Some(python) = std::env::var_os("ETUDE_PEER_READERS") else {
        eprintln!("skipped: ETUDE_PEER_READERS is unset; `cargo xtask test --peers` sets it");
        return;
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/peers/robomimic_check.py");
    let output =
        Command::new(python).arg(script).arg(out.join("demos.hdf5")).output().expect("Python starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let theirs: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(theirs["total"].as_u64(), Some(exported.rows));
    assert_eq!(theirs["demos"].as_object().map(serde_json::Map::len), Some(2));
    let demo = &theirs["demos"]["demo_1"];
    assert_eq!(demo["instruction"], "lift the can");
    assert_eq!(demo["length"].as_u64(), Some(exported.rows / 2));
    let actions: Vec<f64> =
        demo["actions"].as_array().expect("numbers").iter().filter_map(Value::as_f64).collect();
    assert_eq!(actions, ours);
    assert!(demo["pixels"].as_object().is_some_and(|cameras| !cameras.is_empty()), "{demo}");
    assert!(theirs["env_args"]["env_kwargs"]["control_freq"].as_u64().is_some(), "{theirs}");
}
