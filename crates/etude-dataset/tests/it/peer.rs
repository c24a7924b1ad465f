//! LeRobot itself opens what was exported, decodes its video, trains on it, and sees our numbers.

use crate::{batches, bits, data, g1_card, import};
use etude_dataset::lerobot::{DatasetLayout, ExportOptions, carry, export};
use etude_model::Card;
use serde_json::Value;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

/// LeRobot in an environment of its own, offline.
struct Peer {
    python: OsString,
    home: tempfile::TempDir,
}

impl Peer {
    /// As `cargo xtask test --peers` made it, or a clear line and `None`.
    fn find() -> Option<Self> {
        let Some(python) = std::env::var_os("ETUDE_PEER_PYTHON") else {
            eprintln!("skipped: ETUDE_PEER_PYTHON is unset; `cargo xtask test --peers` sets it");
            return None;
        };
        Some(Self { python, home: tempfile::tempdir().expect("a folder") })
    }

    fn run<'a>(&self, arguments: impl IntoIterator<Item = &'a OsStr>) {
        let mut python = Command::new(&self.python);
        python.args(arguments).env("HF_HUB_OFFLINE", "1").env("HF_HOME", self.home.path().join("hf"));
        let output = python.output().expect("Python starts");
        let (said, failed) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{said}\n{failed}");
    }

    /// Opens and reads a dataset; what LeRobot saw.
    fn check(&self, dataset: &Path, options: &[&str]) -> Value {
        let (check, report) = (script("lerobot_check.py"), self.home.path().join("report.json"));
        let fixed = [check.as_os_str(), dataset.as_os_str(), "--json".as_ref(), report.as_os_str()];
        self.run(fixed.into_iter().chain(options.iter().map(OsStr::new)));
        serde_json::from_slice(&std::fs::read(report).expect("a report")).expect("JSON")
    }
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/peers").join(name)
}

// shows: lerobot-v3.0 peer LeRobot
#[test]
fn peer_lerobot_opens_export() {
    let Some(peer) = Peer::find() else { return };
    let Some(root) = data("g1_inspire_lerobot_v21") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let (episodes, _) = import(&root, &g1_card(), &[0, 10], folder.path());
    let out = folder.path().join("v3");
    let exported = export(&episodes, &out, &ExportOptions::default(), &mut |_, _| {}).expect("a dataset");

    let report = peer.check(&out, &["--train", "3", "--limit", "120"]);
    compare(&report, &out, exported.rows);
}

// shows: lerobot-v2.1 peer LeRobot
#[test]
fn peer_lerobot_converts_version_21_to_30_and_opens_it() {
    let Some(peer) = Peer::find() else { return };
    let Some(root) = data("g1_inspire_lerobot_v21") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let (episodes, _) = import(&root, &g1_card(), &[0, 10], folder.path());
    let (direct, old) = (folder.path().join("v3"), folder.path().join("v21"));
    let options = ExportOptions { layout: DatasetLayout::V21, ..ExportOptions::default() };
    let exported = export(&episodes, &old, &options, &mut |_, _| {}).expect("a dataset");
    export(&episodes, &direct, &ExportOptions::default(), &mut |_, _| {}).expect("a dataset");
    let convert = "import sys; from lerobot.scripts.convert_dataset_v21_to_v30 import convert_dataset; \
        convert_dataset('etude/converted', root=sys.argv[1], push_to_hub=False, force_conversion=True)";
    peer.run(["-c".as_ref(), convert.as_ref(), old.as_os_str()]);
    let report = peer.check(&old, &["--limit", "40"]);
    assert_eq!(report["num_frames"].as_u64(), Some(exported.rows));
    assert_eq!(report["tasks"], serde_json::json!(["Pick up the yellow bottle on the table."]));
    let table = batches(&direct.join("data/chunk-000/file-000.parquet"));
    for column in ["observation.state", "action"] {
        let ours: Vec<u32> = bits(&table, column).into_iter().map(|bits| bits as u32).collect();
        assert_same(&report["episodes"][0]["first"][column], &ours[..26]);
        assert_same(&report["episodes"][1]["last"][column], &ours[ours.len() - 26..]);
    }
}

// shows: lerobot-v3.0 peer LeRobot
#[test]
fn peer_lerobot_opens_what_was_carried() {
    let Some(peer) = Peer::find() else { return };
    let Some(root) = data("g1_inspire_lerobot_v21") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("v3");
    let done = carry(&root, &[], &out, &ExportOptions::default(), &mut |_, _| {}).expect("a dataset");
    let report = peer.check(&out, &["--train", "2", "--limit", "60"]);
    assert_eq!((report["num_frames"].as_u64(), report["num_episodes"].as_u64()), (Some(done.rows), Some(15)));
    let source: Vec<_> = (10..25)
        .flat_map(|n| batches(&root.join(format!("data/chunk-000/episode_{n:06}.parquet"))))
        .collect();
    for column in ["observation.state", "action"] {
        let bits: Vec<u32> = bits(&source, column).into_iter().map(|bits| bits as u32).collect();
        assert_same(&report["episodes"][0]["first"][column], &bits[..26]);
        assert_same(&report["episodes"][14]["last"][column], &bits[bits.len() - 26..]);
    }
}

/// A card of the joints that the peer's recording has.
fn peer_card() -> Card {
    let head = "schema = 1\nvendor = \"Peer\"\nmodel = \"Six\"\nrevision = \"a\"\nsource = \"a test\"\n";
    let limits = "kind = \"revolute\"\nunit = \"rad\"\nposition = [-10.0, 10.0]\nvelocity = 100.0\n";
    let joint = |number: i32| format!("[[joint]]\nname = \"joint_{number}\"\n{limits}");
    let text = head.to_owned() + &(0..6).map(joint).collect::<String>();
    Card::from_toml(&text).expect("a card")
}

// shows: lerobot-v3.0 read-real, round-trip, peer LeRobot
#[test]
fn peer_lerobot_records_what_we_read() {
    let Some(peer) = Peer::find() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let theirs = folder.path().join("theirs");
    peer.run([script("lerobot_record.py").as_os_str(), theirs.as_os_str()]);
    let rows = |root: &Path| -> Vec<Vec<u64>> {
        let table = batches(&root.join("data/chunk-000/file-000.parquet"));
        ["observation.state", "action", "timestamp"].map(|column| bits(&table, column)).to_vec()
    };
    assert_eq!(rows(&theirs)[0].len(), (24 + 25 + 26) * 6);

    let (episodes, problems) = import(&theirs, &peer_card(), &[0, 1, 2], folder.path());
    assert!(problems.iter().all(|problem| !problem.loss), "{problems:?}");
    let anew = folder.path().join("anew");
    export(&episodes, &anew, &ExportOptions::default(), &mut |_, _| {}).expect("a dataset");
    assert!(rows(&theirs) == rows(&anew), "numbers are not the same, bit for bit");

    let carried = folder.path().join("carried");
    let options = ExportOptions::default();
    let done = carry(&theirs, &[1], &carried, &options, &mut |_, _| {}).expect("a dataset");
    assert_eq!((done.episodes, done.rows, done.frames_copied), (2, 24 + 26, 2 * (24 + 26)));
    let report = peer.check(&carried, &[]);
    assert_eq!((report["num_frames"].as_u64(), report["num_episodes"].as_u64()), (Some(50), Some(2)));
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
