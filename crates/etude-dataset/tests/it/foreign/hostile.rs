//! Damaged and hostile files: an error or a list of problems, never a panic, and never more memory than is bounded.

use super::made::json_mcap;
use super::{card, importer};
use crate::data;
use etude_dataset::foreign::draft::draft;
use etude_dataset::foreign::{Mapping, Source};
use proptest::prelude::*;
use std::fs;
use std::path::Path;
use std::sync::OnceLock;

/// Reads everything that can be read of a file, with every message taken apart.
fn read_all(path: &Path, mapping: Option<&Mapping>) -> (u64, usize) {
    let Ok(source) = Source::open(path, mapping) else { return (0, 1) };
    let (mut messages, mut problems) = (0, 0);
    for recording in source.recordings.iter().take(50) {
        let Ok(mut records) = source.read(recording) else {
            problems += 1;
            continue;
        };
        while records.next(&|_| true).is_some() {
            messages += 1;
        }
        problems += records.ledger().all_problems().len();
    }
    (messages, problems)
}

struct Sample {
    name: &'static str,
    bytes: Vec<u8>,
    mapping: Option<&'static str>,
}

const TABLE: &str = "schema = 1\nformat = \"table\"\n[clock]\ntime = \"rate\"\nrate_hz = 1\n[table]\ntake = \"block\"\n\
                     delimiter = \"\\t\"\ncolumns = [\"\", \"a\", \"b\", \"c\", \"d\", \"e\", \"f\"]\n";

/// One small file of each format; those that are not at hand are left out.
fn samples() -> &'static [Sample] {
    static SAMPLES: OnceLock<Vec<Sample>> = OnceLock::new();
    SAMPLES.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let made = folder.path().join("made.mcap");
        let messages: Vec<String> = (0..60).map(|n| format!("{{\"q\": [{n}, 1.5], \"n\": [\"a\", \"b\"]}}")).collect();
        json_mcap(&made, "joints", &messages, Some(mcap::Compression::Zstd));
        let xr = br#"{"info": {"image": {"fps": 30}, "joint_names": {"left_arm": ["a"]}}, "text": {"goal": "x"},
            "data": [{"idx": 0, "states": {"left_arm": {"qpos": [1.5]}}}, {"idx": 1, "states": {}}], "rewards": {}}"#;
        let mut samples = vec![
            Sample { name: "made.mcap", bytes: fs::read(&made).expect("a file"), mapping: None },
            Sample { name: "data.json", bytes: xr.to_vec(), mapping: None },
        ];
        for (folder, file, mapping) in [
            ("teleop_centre_mcap", "robocodec_test_10.mcap", None),
            ("teleop_centre_mcap", "robocodec_test_18.bag", None),
            ("rosbag2_mcap_sqlite", "rosbag2_py/test/resources/sqlite3/talker/talker.db3", None),
            ("rosbag2_mcap_sqlite", "rosbag2_py/test/resources/sqlite3/wbag/wbag_4.db3", None),
            ("uci_robot_failures_ft", "lp1.data", Some(TABLE)),
        ] {
            let Some(root) = data(folder) else { continue };
            let name = file.rsplit('/').next().expect("a name");
            samples.push(Sample { name, bytes: fs::read(root.join(file)).expect("a file"), mapping });
        }
        samples
    })
}

fn damaged(sample: &Sample, bytes: &[u8]) -> (u64, usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(sample.name);
    fs::write(&path, bytes).expect("a file");
    let mapping = sample.mapping.map(|text| Mapping::from_toml(text, "m").expect("a mapping"));
    let path = if sample.name == "data.json" { folder.path() } else { path.as_path() };
    read_all(path, mapping.as_ref())
}

#[test]
fn every_sample_is_whole_before_it_is_damaged() {
    for sample in samples() {
        let (messages, _) = damaged(sample, &sample.bytes);
        assert!(messages > 0, "{}", sample.name);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 250, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn flipped_bytes_never_panic(which: prop::sample::Index, flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12)) {
        let sample = which.get(samples());
        let mut bytes = sample.bytes.clone();
        for (at, byte) in flips {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        damaged(sample, &bytes);
    }

    #[test]
    fn flipped_heads_never_panic(which: prop::sample::Index, flips in prop::collection::vec((0usize..600, any::<u8>()), 1..6)) {
        let sample = which.get(samples());
        let mut bytes = sample.bytes.clone();
        for (at, byte) in flips {
            let at = at % bytes.len();
            bytes[at] = byte;
        }
        damaged(sample, &bytes);
    }

    #[test]
    fn a_cut_anywhere_keeps_no_more_than_there_was_and_says_so(which: prop::sample::Index, at: prop::sample::Index) {
        let sample = which.get(samples());
        let cut = at.index(sample.bytes.len());
        let (whole, _) = damaged(sample, &sample.bytes);
        let (messages, _) = damaged(sample, &sample.bytes[..cut]);
        prop_assert!(messages <= whole);
    }

    #[test]
    fn random_bytes_behind_a_true_beginning_never_panic(which: prop::sample::Index, noise in prop::collection::vec(any::<u8>(), 0..400)) {
        let sample = which.get(samples());
        let mut bytes = sample.bytes[..sample.bytes.len().min(110)].to_vec();
        bytes.extend(noise);
        damaged(sample, &bytes);
    }
}

#[test]
fn lengths_beyond_all_bounds_are_refused_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.mcap");
    for (opcode, length) in [(6u8, u64::MAX), (5, 1 << 40), (3, (200 << 20) + 1)] {
        let mut bytes = b"\x89MCAP0\r\n".to_vec();
        bytes.push(opcode);
        bytes.extend(length.to_le_bytes());
        bytes.extend([0; 64]);
        fs::write(&path, &bytes).expect("a file");
        assert_eq!(read_all(&path, None), (0, 1), "{opcode}");
    }
}

#[test]
fn a_chunk_that_unpacks_to_more_than_it_states_is_cut_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("bomb.mcap");
    // 64 MiB of zeros in a few kB, stated as 100 bytes.
    let packed = zstd::bulk::compress(&vec![0u8; 64 << 20], 19).expect("packed");
    let mut chunk = Vec::new();
    chunk.extend([0; 16]);
    chunk.extend(100u64.to_le_bytes());
    chunk.extend(0u32.to_le_bytes());
    chunk.extend(4u32.to_le_bytes());
    chunk.extend(b"zstd");
    chunk.extend((packed.len() as u64).to_le_bytes());
    chunk.extend(&packed);
    let mut bytes = b"\x89MCAP0\r\n".to_vec();
    bytes.push(6);
    bytes.extend((chunk.len() as u64).to_le_bytes());
    bytes.extend(chunk);
    fs::write(&path, &bytes).expect("a file");
    let (messages, problems) = read_all(&path, None);
    assert!(messages == 0 && problems >= 2);
}

#[test]
fn schemas_of_all_channels_together_are_bounded() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.mcap");
    let mut bytes = b"\x89MCAP0\r\n".to_vec();
    let mut record = |opcode: u8, parts: &[&[u8]]| {
        bytes.push(opcode);
        bytes.extend((parts.iter().map(|part| part.len()).sum::<usize>() as u64).to_le_bytes());
        bytes.extend(parts.concat());
    };
    let text = |text: &str| [&(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat();
    // 40 schemas of 500 kB, and for each as many channels as make a thousand.
    let definition = "uint8 a\n".repeat(62_500);
    for schema in 1..=40u16 {
        let name = text(&format!("p/A{schema}"));
        record(3, &[&schema.to_le_bytes(), &name, &text("ros1msg"), &text(&definition)]);
        for channel in 0..25u16 {
            let id = schema * 25 + channel;
            let topic = text(&format!("/t{id}"));
            record(
                4,
                &[&id.to_le_bytes(), &schema.to_le_bytes(), &topic, &text("ros1"), &0u32.to_le_bytes()],
            );
        }
    }
    record(4, &[&9999u16.to_le_bytes(), &[0; 2], &text(&"x".repeat(5000)), &text("json"), &[0; 4]]);
    fs::write(&path, &bytes).expect("a file");
    let source = Source::open(&path, None).expect("a source");
    let mut records = source.read(&source.recordings[0]).expect("records");
    assert!(records.next(&|_| true).is_none());
    let problems: Vec<String> = records.ledger().all_problems().iter().map(ToString::to_string).collect();
    let left_out = problems.iter().filter(|problem| problem.contains("all together may have 16777216 bytes"));
    assert_eq!(left_out.count(), 7, "{problems:?}");
    assert!(problems.iter().any(|problem| problem.contains("names of at most 4096 bytes")), "{problems:?}");
}

#[test]
fn a_row_or_frame_without_end_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let table = folder.path().join("a.csv");
    fs::write(&table, [b"a,b\n\"".to_vec(), vec![b'x'; 24 << 20]].concat()).expect("a file");
    let (messages, problems) = read_all(&table, None);
    assert!(messages == 0 && problems == 1);
    let json = folder.path().join("data.json");
    fs::write(&json, [br#"{"data": [{"idx": 0, "x": ""#.to_vec(), vec![b'x'; 24 << 20]].concat())
        .expect("a file");
    fs::remove_file(&table).expect("a file");
    assert_eq!(read_all(folder.path(), None), (0, 1));
    fs::write(&json, [br#"{"data": ["#.to_vec(), vec![b'['; 1 << 20]].concat()).expect("a file");
    assert_eq!(read_all(folder.path(), None), (0, 1));
}

#[test]
fn drafts_of_damaged_files_are_drafts() {
    for sample in
        samples().iter().filter(|sample| sample.name.ends_with("mcap") || sample.name.ends_with("bag"))
    {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(sample.name);
        fs::write(&path, &sample.bytes[..sample.bytes.len() * 2 / 3]).expect("a file");
        let source = Source::open(&path, None).expect("a source");
        let text = draft(&source, &card("franka_panda")).expect("a draft");
        assert!(text.contains("# Lost: "), "{text}");
        assert!(importer(&path, &text, &card("franka_panda")).is_err());
    }
}
