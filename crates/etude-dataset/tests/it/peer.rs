//! LeRobot itself opens what was exported, decodes its video, trains on it, and sees our numbers.

use crate::{batches, bits, data, g1_card, import};
use etude_dataset::lerobot::{DatasetLayout, ExportOptions, export};
use serde_json::Value;
use std::path::Path;
use std::process::Command;

#[test]
fn peer_lerobot_opens_export() {
    let Some(python) = std::env::var_os("ETUDE_PEER_PYTHON") else {
        eprintln!("skipped: ETUDE_PEER_PYTHON is unset; `cargo xtask test --peers` sets it");
        return;
    };
    let Some(root) = data("g1_inspire_lerobot_v21") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let (episodes, _) = import(&root, &g1_card(), &[0, 10], folder.path());
    let out = folder.path().join("v3");
    let exported = export(&episodes, &out, &ExportOptions::default(), &mut |_, _| {}).expect("a dataset");

    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/peers/lerobot_check.py");
    let report = folder.path().join("report.json");
    let output = Command::new(python)
        .arg(script)
        .arg(&out)
        .args(["--train", "3", "--limit", "120", "--json"])
        .arg(&report)
        .env("HF_HUB_OFFLINE", "1")
        .env("HF_HOME", folder.path().join("hf"))
        .output()
        .expect("Python starts");
    assert!(
        output.status.success(),
        "{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    let report: Value = serde_json::from_slice(&std::fs::read(report).expect("a report")).expect("JSON");
    compare(&report, &out, exported.rows);
}

#[test]
fn peer_lerobot_converts_version_21_to_30_and_opens_it() {
    let Some(python) = std::env::var_os("ETUDE_PEER_PYTHON") else {
        eprintln!("skipped: ETUDE_PEER_PYTHON is unset; `cargo xtask test --peers` sets it");
        return;
    };
    let Some(root) = data("g1_inspire_lerobot_v21") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let (episodes, _) = import(&root, &g1_card(), &[0, 10], folder.path());
    let (direct, old) = (folder.path().join("v3"), folder.path().join("v21"));
    let options = ExportOptions { layout: DatasetLayout::V21, ..ExportOptions::default() };
    let exported = export(&episodes, &old, &options, &mut |_, _| {}).expect("a dataset");
    export(&episodes, &direct, &ExportOptions::default(), &mut |_, _| {}).expect("a dataset");
    let convert = "import sys; from lerobot.scripts.convert_dataset_v21_to_v30 import convert_dataset; \
        convert_dataset('etude/converted', root=sys.argv[1], push_to_hub=False, force_conversion=True)";
    let check = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/peers/lerobot_check.py");
    let report = folder.path().join("report.json");
    for arguments in [
        vec!["-c".as_ref(), convert.as_ref(), old.as_os_str()],
        vec![
            check.as_os_str(),
            old.as_os_str(),
            "--limit".as_ref(),
            "40".as_ref(),
            "--json".as_ref(),
            report.as_os_str(),
        ],
    ] {
        let output = Command::new(&python)
            .args(arguments)
            .env("HF_HUB_OFFLINE", "1")
            .env("HF_HOME", folder.path().join("hf"))
            .output()
            .expect("Python starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let report: Value = serde_json::from_slice(&std::fs::read(report).expect("a report")).expect("JSON");
    assert_eq!(report["num_frames"].as_u64(), Some(exported.rows));
    assert_eq!(report["tasks"], serde_json::json!(["Pick up the yellow bottle on the table."]));
    let table = batches(&direct.join("data/chunk-000/file-000.parquet"));
    for column in ["observation.state", "action"] {
        let ours: Vec<u32> = bits(&table, column).into_iter().map(|bits| bits as u32).collect();
        assert_same(&report["episodes"][0]["first"][column], &ours[..26]);
        assert_same(&report["episodes"][1]["last"][column], &ours[ours.len() - 26..]);
    }
}

fn compare(report: &Value, out: &Path, rows: u64) {
    assert_eq!(report["num_frames"].as_u64(), Some(rows));
    assert_eq!(report["num_episodes"], 2);
    assert_eq!(report["tasks"], serde_json::json!(["Pick up the yellow bottle on the table."]));
    assert_eq!(report["episodes"][1]["tasks"][0], "Pick up the yellow bottle on the table.");
    let table = batches(&out.join("data/chunk-000/file-000.parquet"));
    for column in ["observation.state", "action"] {
        let ours: Vec<u32> = bits(&table, column).into_iter().map(|bits| bits as u32).collect();
        assert_same(&report["episodes"][0]["first"][column], &ours[..26]);
        assert_same(&report["episodes"][1]["last"][column], &ours[ours.len() - 26..]);
    }
    let stats: Value =
        serde_json::from_slice(&std::fs::read(out.join("meta/stats.json")).expect("a file")).expect("JSON");
    for feature in ["observation.state", "action", "observation.images.cam_high"] {
        let (theirs, ours) = (flat(&report["stats"][feature]["mean"]), flat(&stats[feature]["mean"]));
        assert_eq!(theirs.len(), ours.len());
        for (theirs, ours) in theirs.iter().zip(ours) {
            assert!((theirs - ours).abs() < 1e-6, "{feature}: {theirs} {ours}");
        }
    }
    // LeRobot decoded the frames by itself: the mean of all it saw is near that of our sample.
    let seen = report["loader"]["cameras"]["observation.images.cam_high"]["mean"].as_f64().expect("a mean");
    let image = flat(&stats["observation.images.cam_high"]["mean"]);
    let sampled = image.iter().sum::<f64>() / 3.0 * 255.0;
    assert!((seen - sampled).abs() < 10.0, "{seen} {sampled}");
    let losses = report["train"]["losses"].as_array().expect("losses");
    assert!(
        losses.len() == 3 && losses.iter().all(|loss| loss.as_f64().is_some_and(f64::is_finite)),
        "{losses:?}"
    );
}

/// LeRobot's numbers, in hex, against the bits that were written. The hex may be of either byte order, as the machine's.
fn assert_same(theirs: &Value, ours: &[u32]) {
    let theirs: Vec<&str> = theirs.as_array().expect("a row").iter().filter_map(Value::as_str).collect();
    let big: Vec<String> = ours.iter().map(|bits| format!("{bits:08x}")).collect();
    let little: Vec<String> = ours.iter().map(|bits| format!("{:08x}", bits.swap_bytes())).collect();
    assert!(theirs == big || theirs == little, "{theirs:?} {big:?}");
}

fn flat(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(values) => values.iter().flat_map(flat).collect(),
        other => other.as_f64().into_iter().collect(),
    }
}
