//! Episodes as RLDS: our own reader and a foreign one get out what went in.

use crate::{batches, bits, data, g1_card, import};
use etude_dataset::foreign::value::Value;
use etude_dataset::foreign::{Record, Source};
use etude_dataset::rlds::{ExportOptions, Exported, export};
use serde_json::Value as Json;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Two real takes of a G1 as RLDS, and the bits of their states, \[row, joint\].
fn exported(into: &Path, shard_bytes: u64) -> Option<(PathBuf, Exported, Vec<u32>)> {
    let root = data("g1_inspire_lerobot_v21")?;
    let (episodes, _) = import(&root, &g1_card(), &[0, 10], into);
    let out = into.join("rlds");
    let options = ExportOptions { shard_bytes, ..ExportOptions::default() };
    let exported = export(&episodes, "pick_bottle", &out, &options, &mut |_, _| {}).expect("a dataset");
    let mut states = Vec::new();
    let mut tables: Vec<PathBuf> = fs::read_dir(root.join("data/chunk-000"))
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    tables.sort();
    for place in [0, 10] {
        states
            .extend(bits(&batches(&tables[place]), "observation.state").into_iter().map(|bits| bits as u32));
    }
    Some((out, exported, states))
}

// shows: rlds write, round-trip
#[test]
fn takes_go_out_as_rlds_and_come_back_bit_by_bit() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some((out, exported, expected)) = exported(folder.path(), 1) else { return };
    assert_eq!((exported.episodes, exported.shards), (2, 2));
    let mut names: Vec<String> = fs::read_dir(&out)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    assert_eq!(
        names,
        [
            "alignment.json",
            "alignment.parquet",
            "dataset_info.json",
            "features.json",
            "pick_bottle-train.tfrecord-00000-of-00002",
            "pick_bottle-train.tfrecord-00001-of-00002",
        ]
    );
    let source = Source::open(&out, None).expect("a source");
    assert_eq!((source.recordings.len(), &source.problems), (2, &Vec::new()));
    let mut states = Vec::new();
    let mut steps = 0;
    for recording in &source.recordings {
        let mut records = source.read(recording).expect("records");
        let mut all: Vec<Record> = Vec::new();
        while let Some(record) = records.next(&|topic| !topic.starts_with("observation/")) {
            all.push(record);
        }
        let losses: Vec<_> =
            records.ledger().all_problems().into_iter().filter(|problem| problem.loss).collect();
        assert!(losses.is_empty(), "{losses:?}");
        let of = |topic: &str| all.iter().filter(|record| &*record.topic == topic).count();
        // By the rule, the last step's action does not count.
        assert_eq!(of("action"), of("observation") - 1);
        steps += of("step");
        for record in all.iter().filter(|record| &*record.topic == "observation") {
            let Some(Value::Numbers(state)) = record.value.part("state") else {
                panic!("{:?}", record.value)
            };
            states.extend(state.iter().map(|number| (*number as f32).to_bits()));
        }
        assert!(records.facts().instruction.is_some_and(|text| text.contains("yellow bottle")));
        let provenance = all[0].value.part("episode_metadata").and_then(|group| group.part("provenance"));
        let provenance = provenance.and_then(Value::text).expect("a provenance");
        let provenance: Json = serde_json::from_str(provenance).expect("JSON");
        assert_eq!(provenance["synthetic_time"], Json::Bool(true));
    }
    assert_eq!(steps as u64, exported.rows);
    assert!(states == expected, "the states are others");
}

// shows: rlds peer tfrecord
#[test]
fn peer_tfrecord_reads_an_rlds_export() {
    let Some(python) = std::env::var_os("ETUDE_PEER_READERS") else {
        eprintln!("skipped: ETUDE_PEER_READERS is unset; `cargo xtask test --peers` sets it");
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let Some((out, exported, expected)) = exported(folder.path(), 256 << 20) else { return };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/peers/rlds_check.py");
    let output = Command::new(python).arg(script).arg(&out).output().expect("Python starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Json = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(report["info"]["splits"][0]["shardLengths"], serde_json::json!(["2"]));
    let episodes = report["episodes"].as_array().expect("episodes");
    let mut states = Vec::new();
    let mut rows = 0;
    for episode in episodes {
        let state = &episode["steps/observation/state"];
        assert_eq!(state["dtype"], "float32");
        states.extend(
            state["values"]
                .as_array()
                .expect("numbers")
                .iter()
                .map(|number| (number.as_f64().expect("a number") as f32).to_bits()),
        );
        let count = episode["steps/is_last"]["count"].as_u64().expect("a count");
        rows += count;
        for camera in ["cam_left_high", "cam_right_high"] {
            let pictures = &episode[format!("steps/observation/{camera}")];
            if !pictures.is_null() {
                assert_eq!(pictures["count"].as_u64(), Some(count));
                assert_eq!(pictures["shape"], serde_json::json!([480, 640, 3]));
            }
        }
    }
    assert_eq!((rows, episodes.len()), (exported.rows, 2));
    assert!(states == expected, "the states are others");
}
