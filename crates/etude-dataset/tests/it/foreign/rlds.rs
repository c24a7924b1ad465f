//! RLDS in `TFRecord` files: a real excerpt of `BridgeData` V2, whole and damaged, and episodes that are made here.

use super::{assert_said, card, import_at, importer, positions, repository, samples};
use crate::{copy_folder, data};
use etude_dataset::Problem;
use etude_dataset::foreign::draft::draft;
use etude_dataset::foreign::value::Value;
use etude_dataset::foreign::{Record, Source};
use etude_model::ClockKind;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

const MAPPING: &str = "mappings/widowx_bridge_rlds.toml";
const SHARD: &str = "bridge_dataset-train.tfrecord-00000-of-00001";

fn bridge() -> Option<PathBuf> {
    data("bridge_rlds_tfrecord/bridge_dataset/1.0.0")
}

fn records(source: &Source, place: usize) -> (Vec<Record>, Vec<Problem>) {
    let mut records = source.read(&source.recordings[place]).expect("records");
    let mut all = Vec::new();
    while let Some(record) = records.next(&|_| true) {
        all.push(record);
    }
    (all, records.ledger().all_problems())
}

/// The same checksum as the reader's, computed another way: bit by bit, from its polynomial.
fn masked_crc(bytes: &[u8]) -> u32 {
    let mut crc = !0u32;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = crc >> 1 ^ if crc & 1 == 1 { 0x82f6_3b78 } else { 0 };
        }
    }
    (!crc).rotate_right(15).wrapping_add(0xa282_ead8)
}

fn framed(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    let mut bytes = length.to_vec();
    bytes.extend(masked_crc(&length).to_le_bytes());
    bytes.extend(data);
    bytes.extend(masked_crc(data).to_le_bytes());
    bytes
}

fn field(number: u8, data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![number << 3 | 2];
    let mut length = data.len();
    while length >= 0x80 {
        bytes.push(length as u8 | 0x80);
        length >>= 7;
    }
    bytes.push(length as u8);
    bytes.extend(data);
    bytes
}

/// An example: names, the number of the list's kind, and the list.
fn example(features: &[(&str, u8, Vec<u8>)]) -> Vec<u8> {
    let entry = |(name, kind, list): &(&str, u8, Vec<u8>)| {
        field(1, &[field(1, name.as_bytes()), field(2, &field(*kind, list))].concat())
    };
    field(1, &features.iter().flat_map(entry).collect::<Vec<u8>>())
}

fn floats(values: &[f32]) -> Vec<u8> {
    field(1, &values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>())
}

// shows: rlds read-real
#[test]
fn a_real_dataset_comes_in_without_tensorflow() {
    let Some(root) = bridge() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let importer = importer(&root, &repository(MAPPING), &card("trossen_aloha2")).expect("a source");
    assert_eq!(importer.source().recordings.len(), 25);
    assert_said(
        &importer.source().problems,
        true,
        &["split val", "shard 0 of 1, with 25 episodes", "not here"],
    );
    let (file, imported) = import_at(&importer, 0, folder.path());
    assert_eq!(imported.manifest.clock, ClockKind::Synthetic { rate_hz: 5.0 });
    assert_eq!(imported.manifest.instruction["und"], "put cup from counter or drying rack into sink");
    assert_eq!(imported.manifest.notes["rlds.episode_id"], "5");
    assert_eq!((imported.started_us, imported.duration_us), (None, 1_800_000));
    let states = positions(&file, "/imported/gripper_in_base");
    let first = [
        0.233_814_790_844_917_3,
        0.112_442_955_374_717_71,
        0.175_048_545_002_937_32,
        0.100_043_162_703_514_1,
        -0.213_818_863_034_248_35,
        0.213_337_928_056_716_92,
        1.000_816_106_796_264_6,
    ];
    assert_eq!(states.len(), 10);
    assert_eq!(states[0], first);
    let actions = positions(&file, "/imported/gripper_difference_asked");
    assert_eq!((actions.len(), actions[1][0]), (10, f64::from(-0.001_784_169_8_f32)));
    let frames = samples(&file, "/camera/image_0/video");
    assert_eq!((frames.len(), frames[9].0.log.ns()), (10, 1_800_000_000));
    // Nothing but the pictures' coding is lost, and the cut is told.
    let losses: Vec<&Problem> = imported.problems.iter().filter(|problem| problem.loss).collect();
    assert!(
        losses.iter().all(|loss| loss.message.contains("10 JPEG pictures were coded anew")),
        "{losses:?}"
    );
    assert_eq!(losses.len(), 3, "{losses:?}");
    assert_said(&imported.problems, false, &["no step is marked is_last: the episode was cut"]);
}

#[test]
fn a_draft_shows_the_authors_words_and_asks() {
    let Some(root) = bridge() else { return };
    let text =
        draft(&Source::open(&root, None).expect("a source"), &card("trossen_aloha2")).expect("a draft");
    for words in [
        "format = \"rlds\"",
        "Robot state, consists of [7x robot joint angles, 2x gripper position, 1x door opening angle].",
        "time = \"? a field with times (`stamp`), or a rate",
        "The recording says what was to be done: \"put cup from counter or drying rack into sink\"",
        "unit = \"? -0.0190..1, no unit stated",
        "from = \"observation/image_0\"",
    ] {
        let found = text.contains(words)
            || words.starts_with("unit") && text.contains("no unit stated: needs a person");
        assert!(found, "{words} in\n{text}");
    }
}

#[test]
fn damage_costs_the_records_that_it_hit() {
    let Some(root) = bridge() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    copy_folder(&root, folder.path());
    let shard = folder.path().join(SHARD);
    let whole = fs::read(&shard).expect("a file");
    let second = 16 + u64::from_le_bytes(*whole.first_chunk().expect("a length")) as usize;
    let open = |bytes: &[u8]| {
        fs::write(&shard, bytes).expect("a file");
        Source::open(folder.path(), None).expect("a source")
    };
    let error = |source: &Source, place: usize| match source.read(&source.recordings[place]) {
        Ok(_) => panic!("the record {place} is whole"),
        Err(error) => error.to_string(),
    };
    // A byte within a record.
    let mut bytes = whole.clone();
    bytes[1000] ^= 1;
    let source = open(&bytes);
    assert_eq!(source.recordings.len(), 25);
    assert!(error(&source, 0).contains("left out whole"), "{}", error(&source, 0));
    assert_eq!(records(&source, 1).0.iter().filter(|record| &*record.topic == "observation").count(), 10);
    // A length: the record behind it is found again by its checksum.
    let mut bytes = whole.clone();
    bytes[second + 2] ^= 1;
    let source = open(&bytes);
    assert_eq!(source.recordings.len(), 25);
    assert!(error(&source, 1).contains("does not have the checksum"), "{}", error(&source, 1));
    assert!(source.read(&source.recordings[2]).is_ok());
    // The file ends in the middle of the second record.
    let source = open(&whole[..second + 5000]);
    assert_eq!(source.recordings.len(), 2);
    assert!(error(&source, 1).contains("ends early"), "{}", error(&source, 1));
    assert_said(&source.problems, true, &["split train", "has 2 records, dataset_info.json states 25"]);
}

#[test]
fn without_features_json_steps_get_their_share_of_the_numbers() {
    let Some(root) = bridge() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    fs::copy(root.join(SHARD), folder.path().join(SHARD)).expect("a file");
    let (bare, problems) = records(&Source::open(folder.path(), None).expect("a source"), 3);
    assert_said(&problems, true, &["features.json: it is missing"]);
    let (whole, _) = records(&Source::open(&root, None).expect("a source"), 3);
    let states = |records: &[Record]| -> Vec<Value> {
        let states = records.iter().filter(|record| &*record.topic == "observation");
        states.map(|record| record.value.part("state").expect("a state").clone()).collect()
    };
    assert_eq!(states(&bare), states(&whole));
    let topics = |records: &[Record]| -> Vec<String> {
        records.iter().map(|record| record.topic.to_string()).collect()
    };
    assert_eq!(topics(&bare), topics(&whole));
}

const FEATURES: &str = r#"{"featuresDict": {"features": {"steps": {"sequence": {"feature": {"featuresDict": {"features": {
    "is_first": {"tensor": {"shape": {}, "dtype": "bool"}}, "is_last": {"tensor": {"shape": {}, "dtype": "bool"}},
    "action": {"featuresDict": {"features": {"arm": {"tensor": {"shape": {"dimensions": ["2"]}, "dtype": "float32"}}}}},
    "reward": {"tensor": {"shape": {}, "dtype": "float32"}},
    "observation": {"featuresDict": {"features": {
        "touch": {"sequence": {"feature": {"tensor": {"shape": {}, "dtype": "float32"}}}},
        "raw": {"tensor": {"shape": {"dimensions": ["2"]}, "dtype": "float64", "encoding": "bytes"}},
        "gone": {"tensor": {"shape": {}, "dtype": "float32"}}
    }}}}}}}}}}}"#;

fn made(folder: &Path) -> Source {
    let raw = |values: [f64; 2]| field(1, &values.map(f64::to_le_bytes).concat());
    let record = example(&[
        ("steps/is_first", 3, field(1, &[1, 0, 0])),
        // One by one, not packed.
        ("steps/is_last", 3, vec![8, 0, 8, 0, 8, 1]),
        ("steps/action/arm", 2, floats(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0])),
        ("steps/reward", 2, floats(&[0.0, 0.0, 1.0])),
        ("steps/observation/touch/ragged_flat_values", 2, floats(&[0.5, 1.5, 2.5])),
        ("steps/observation/touch/ragged_row_lengths_0", 3, field(1, &[2, 0, 1])),
        ("steps/observation/raw", 1, [raw([1.0, 0.1]), raw([2.0, 0.2]), raw([3.0, 0.3])].concat()),
        ("steps/stray", 2, floats(&[1.0])),
    ]);
    fs::write(folder.join("a-train.tfrecord-00001-of-00002"), framed(&record)).expect("a file");
    fs::write(folder.join("features.json"), FEATURES).expect("a file");
    Source::open(folder, None).expect("a source")
}

#[test]
fn the_last_step_has_no_action_and_lists_have_their_own_lengths() {
    let folder = tempfile::tempdir().expect("a folder");
    let source = made(folder.path());
    assert_said(&source.problems, true, &["split train", "1 of 2 shards are here"]);
    let (records, problems) = records(&source, 0);
    let values = |topic: &str, part: &str| -> Vec<Value> {
        let of_topic = records.iter().filter(|record| &*record.topic == topic);
        of_topic.map(|record| record.value.part(part).expect("a part").clone()).collect()
    };
    let numbers = |rows: &[&[f64]]| rows.iter().map(|row| Value::Numbers(row.to_vec())).collect::<Vec<_>>();
    assert_eq!(values("observation", "touch"), numbers(&[&[0.5, 1.5], &[], &[2.5]]));
    assert_eq!(values("observation", "raw"), numbers(&[&[1.0, 0.1], &[2.0, 0.2], &[3.0, 0.3]]));
    assert_eq!(values("step", "is_last"), [false, false, true].map(Value::Bool));
    let actions: Vec<Value> = values("action", "action");
    assert_eq!(actions.len(), 2);
    assert_eq!(actions[1].part("arm"), Some(&Value::Numbers(vec![3.0, 4.0])));
    assert_said(&problems, false, &["step 2 is marked is_last", "are not valid and make no sample"]);
    assert_said(&problems, true, &["features.json has steps/observation/gone, the episode has not"]);
    assert_said(&problems, true, &["steps/stray left out"]);
}

#[test]
fn absurd_lengths_cost_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("x-train.tfrecord-00000-of-00001");
    let mut head = u64::MAX.to_le_bytes().to_vec();
    head.extend(masked_crc(&head).to_le_bytes());
    let lists = [0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f].repeat(3);
    let long = [vec![0x0a; 8], vec![0x80; 40]].concat();
    let nested = (0..200).fold(vec![0x0a, 0], |inner, _| field(1, &inner));
    for bytes in [head, framed(&lists), framed(&long), framed(&nested), vec![0; 70_000], framed(&[])] {
        fs::write(&path, &bytes).expect("a file");
        let source = Source::open(folder.path(), None).expect("a source");
        assert!(!source.recordings.is_empty());
        for recording in &source.recordings {
            assert!(source.read(recording).is_err());
        }
    }
    fs::write(&path, [0x1f, 0x8b, 8, 0]).expect("a file");
    let source = Source::open(folder.path(), None).expect("a source");
    assert_said(&source.problems, true, &["ends early or is damaged under gzip", "0 bytes came out of it"]);
    assert!(source.recordings.is_empty());
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("packed")
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("packed")
}

/// A record of so many steps, whose numbers do not pack well.
fn steps(seed: u32, count: u32) -> Vec<u8> {
    let number = |at: u32| ((at + seed * 10_007).wrapping_mul(2_654_435_761) >> 8) as f32;
    let mut last = vec![0; count as usize];
    last[count as usize - 1] = 1;
    framed(&example(&[
        ("steps/is_last", 3, field(1, &last)),
        ("steps/action/arm", 2, floats(&(0..count * 2).map(number).collect::<Vec<_>>())),
    ]))
}

// shows: rlds read-made
#[test]
fn packed_shards_give_the_same_records() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("x-train.tfrecord-00000-of-00001");
    let shard: Vec<u8> = (0..6).flat_map(|seed| steps(seed, 500)).collect();
    let read = |bytes: &[u8]| -> (Vec<Vec<Record>>, Vec<Problem>) {
        fs::write(&path, bytes).expect("a file");
        let source = Source::open(folder.path(), None).expect("a source");
        let all =
            (0..source.recordings.len()).filter(|place| source.read(&source.recordings[*place]).is_ok());
        (all.map(|place| records(&source, place).0).collect(), source.problems.clone())
    };
    let (plain, problems) = read(&shard);
    assert_eq!((plain.len(), problems), (6, Vec::new()));
    // Two members of gzip, as writers that append make them, are one shard.
    let (front, back) = shard.split_at(shard.len() / 3);
    for packed in [gzip(&shard), zlib(&shard), [gzip(front), gzip(back)].concat()] {
        assert!(packed != shard && packed.len() < shard.len() * 2);
        assert_eq!(read(&packed), (plain.clone(), Vec::new()));
    }
    // What was cut gives the whole records before the cut, and says so.
    for (packed, name) in [(gzip(&shard), "gzip"), (zlib(&shard), "zlib")] {
        let (some, problems) = read(&packed[..packed.len() / 2]);
        assert!((1..6).contains(&some.len()), "{}", some.len());
        assert_eq!(some, plain[..some.len()]);
        assert_said(
            &problems,
            true,
            &["x-train.tfrecord", &format!("damaged under {name}"), "bytes came out of it"],
        );
    }
    // A bomb is not unpacked to its end.
    let bomb = gzip(&vec![0; 100 << 20]);
    assert!(bomb.len() < 1 << 20, "{}", bomb.len());
    let (some, problems) = read(&[bomb.clone(), bomb].concat());
    assert!(some.is_empty());
    assert_said(&problems, true, &["it unpacks to more than"]);
}

#[test]
fn a_real_shard_under_gzip_comes_in_as_it_does_without() {
    let Some(root) = bridge() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    copy_folder(&root, folder.path());
    let shard = folder.path().join(SHARD);
    fs::write(&shard, gzip(&fs::read(&shard).expect("a file"))).expect("a file");
    let (packed, plain) =
        (Source::open(folder.path(), None).expect("a source"), Source::open(&root, None).expect("a source"));
    assert_eq!(packed.problems, plain.problems);
    assert_eq!(packed.recordings.len(), 25);
    for place in [24, 0, 7] {
        assert_eq!(records(&packed, place), records(&plain, place));
    }
}
