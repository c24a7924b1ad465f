//! Episodes in zarr arrays, written here by the layout that UMI publishes.

use super::{assert_said, card, import_at, importer, positions, samples};
use etude_dataset::Problem;
use etude_dataset::foreign::value::Value;
use etude_dataset::foreign::{Record, Source};
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

const MAPPING: &str = r#"
schema = 1
format = "zarr"
about = "made for the test"
instruction = { en = "Put the cup on its saucer." }
[clock]
time = "rate"
rate_hz = 60.0
[[stream]]
topic = "/imported/eef_pos"
kind = "joint_states"
from = "data"
position = { field = "robot0_eef_pos", unit = "m" }
channels = [{ name = "x" }, { name = "y" }, { name = "z" }]
[[stream]]
topic = "/imported/gripper"
kind = "joint_states"
from = "data"
position = { field = "robot0_gripper_width", unit = "m" }
channels = [{ name = "width" }]
[[stream]]
topic = "/camera/camera0/video"
kind = "video"
from = "camera0_rgb"
frame = "camera0"
data = "data"
format = "png"
[[skip]]
from = "camera0_rgb"
fields = ["format"]
why = "it stands in the stream"
"#;

/// Keys and values of a store: two episodes, of 3 and 2 rows.
fn store() -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    let mut array = |name: &str,
                     shape: &str,
                     chunks: &str,
                     dtype: &str,
                     codec: &str,
                     files: &[(&str, Vec<u8>)]| {
        let text = format!(
            r#"{{"zarr_format": 2, "shape": {shape}, "chunks": {chunks}, "dtype": "{dtype}", "compressor": {codec},
                 "fill_value": 0, "filters": null, "order": "C"}}"#
        );
        all.push((format!("{name}/.zarray"), text.into_bytes()));
        all.extend(files.iter().map(|(key, bytes)| (format!("{name}/{key}"), bytes.clone())));
    };
    let floats = |values: &[f32]| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
    let zstd = |bytes: Vec<u8>| zstd::encode_all(bytes.as_slice(), 3).expect("bytes");
    let places = |rows: std::ops::Range<u8>| -> Vec<f32> {
        rows.flat_map(|row| [f32::from(row), 0.5, -0.25]).collect()
    };
    array(
        "meta/episode_ends",
        "[2]",
        "[2]",
        "<i8",
        "null",
        &[("0", [3i64, 5].map(i64::to_le_bytes).concat())],
    );
    let codec = r#"{"id": "zstd", "level": 3}"#;
    // Chunks of 4 rows: the last one is padded.
    let files = [("0.0", zstd(floats(&places(0..4)))), ("1.0", zstd(floats(&places(4..8))))];
    array("data/robot0_eef_pos", "[5, 3]", "[4, 3]", "<f4", codec, &files);
    // Big-endian doubles that are not packed; the second chunk is missing.
    let wide = [0.01, 0.02, 0.03, 0.04].map(f64::to_be_bytes).concat();
    array("data/robot0_gripper_width", "[5, 1]", "[4, 1]", ">f8", "null", &[("0.0", wide)]);
    let picture = |row: u8| (0..16 * 16 * 3).map(|at: u32| (at as u8).wrapping_mul(row)).collect::<Vec<u8>>();
    let pictures: Vec<(String, Vec<u8>)> =
        (0..5).map(|row| (format!("{row}.0.0.0"), zstd(picture(row)))).collect();
    let pictures: Vec<(&str, Vec<u8>)> =
        pictures.iter().map(|(key, bytes)| (key.as_str(), bytes.clone())).collect();
    array("data/camera0_rgb", "[5, 16, 16, 3]", "[1, 16, 16, 3]", "|u1", codec, &pictures);
    let jpegxl = r#"{"id": "imagecodecs_jpegxl", "level": 99}"#;
    array("data/camera1_rgb", "[5, 16, 16, 3]", "[1, 16, 16, 3]", "|u1", jpegxl, &[]);
    array("data/names", "[5]", "[5]", "|O", "null", &[("0", b"cos\nsystem\n(S'true'\ntR.".to_vec())]);
    all
}

fn in_folder(into: &Path) -> PathBuf {
    let root = into.join("dataset.zarr");
    for (key, value) in store() {
        let path = root.join(key);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, value).expect("a file");
    }
    root
}

fn in_zip(into: &Path) -> PathBuf {
    let path = into.join("dataset.zarr.zip");
    let mut zip = zip::ZipWriter::new(File::create(&path).expect("a file"));
    let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (key, value) in store() {
        zip.start_file(key, options).expect("a member");
        zip.write_all(&value).expect("bytes");
    }
    zip.finish().expect("a zip");
    path
}

fn records(source: &Source, place: usize) -> (Vec<Record>, Vec<Problem>) {
    let mut records = source.read(&source.recordings[place]).expect("records");
    let mut all = Vec::new();
    while let Some(record) = records.next(&|_| true) {
        all.push(record);
    }
    (all, records.ledger().all_problems())
}

// shows: umi read-made
#[test]
fn episodes_come_in_from_a_folder_and_a_zip() {
    let folder = tempfile::tempdir().expect("a folder");
    for (number, root) in [in_folder(folder.path()), in_zip(folder.path())].into_iter().enumerate() {
        let into = folder.path().join(number.to_string());
        std::fs::create_dir(&into).expect("a folder");
        let importer = importer(&root, MAPPING, &card("franka_panda")).expect("a source");
        assert_eq!(importer.source().recordings.len(), 2);
        let (file, imported) = import_at(&importer, 0, &into);
        assert_eq!(
            positions(&file, "/imported/eef_pos"),
            [[0.0, 0.5, -0.25], [1.0, 0.5, -0.25], [2.0, 0.5, -0.25]]
        );
        assert_eq!(positions(&file, "/imported/gripper"), [[0.01], [0.02], [0.03]]);
        let frames = samples(&file, "/camera/camera0/video");
        assert_eq!((frames.len(), frames[2].0.log.ns()), (3, 33_333_333));
        assert_said(&imported.problems, true, &["3 PNG pictures were coded anew as H.264"]);
        // What is in another codec, or would have to be unpickled, is named and not touched.
        assert_said(
            &imported.problems,
            true,
            &["camera1_rgb", "codec imagecodecs_jpegxl, which is not read"],
        );
        assert_said(&imported.problems, true, &["names", "expected a type of numbers, found `|O`"]);
        // The last row's width lies in a chunk that is not there: its other numbers come in.
        let (file, imported) = import_at(&importer, 1, &into);
        assert_eq!(positions(&file, "/imported/eef_pos"), [[3.0, 0.5, -0.25], [4.0, 0.5, -0.25]]);
        assert_eq!(positions(&file, "/imported/gripper"), [[0.04]]);
        assert_said(&imported.problems, true, &["robot0_gripper_width/1.0 is missing"]);
    }
}

#[test]
fn pictures_are_those_of_the_store() {
    let folder = tempfile::tempdir().expect("a folder");
    let source = Source::open(&in_folder(folder.path()), None).expect("a source");
    let (found, _) = records(&source, 1);
    let pictures: Vec<&Record> = found.iter().filter(|record| &*record.topic == "camera0_rgb").collect();
    assert_eq!(pictures.len(), 2);
    let Some(Value::Bytes(png)) = pictures[1].value.part("data") else {
        panic!("{:?}", pictures[1].value.kind())
    };
    let image = etude_video::decode_png(png).expect("a picture");
    let expected: Vec<u8> = (0..16 * 16 * 3).map(|at: u32| (at as u8).wrapping_mul(4)).collect();
    assert_eq!((image.width(), image.height(), image.data()), (16, 16, expected.as_slice()));
}

#[test]
fn hostile_stores_cost_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = in_folder(folder.path());
    let ends = root.join("meta/episode_ends/.zarray");
    let whole = fs::read_to_string(&ends).expect("a file");
    for (from, to) in [
        ("[2]", "[99999999999999]"),
        ("\"<i8\"", "\"|O\""),
        ("\"zarr_format\": 2", "\"zarr_format\": 3"),
        ("\"filters\": null", "\"filters\": [{\"id\": \"pickle\"}]"),
        ("\"order\"", "\"nested\": [[[[[]]]]], \"shape\""),
    ] {
        fs::write(&ends, whole.replace(from, to)).expect("a file");
        assert!(Source::open(&root, None).is_err(), "{to}");
    }
    fs::write(&ends, &whole).expect("a file");
    // Ends that run backward and beyond the rows.
    fs::write(root.join("meta/episode_ends/0"), [7i64, 5].map(i64::to_le_bytes).concat()).expect("a file");
    let source = Source::open(&root, None).expect("a source");
    assert_eq!(source.recordings.len(), 1);
    assert_said(&source.problems, true, &["the episode 1 ends at 5, before it begins at 7"]);
    let (found, problems) = records(&source, 0);
    assert_eq!(found.iter().filter(|record| &*record.topic == "camera0_rgb").count(), 5);
    assert_said(&problems, true, &["it ends before the row 5"]);
    // An end beyond all rows: what is there is read, and the rest is given up.
    fs::write(root.join("meta/episode_ends/0"), [1i64 << 39, 1 << 40].map(i64::to_le_bytes).concat())
        .expect("a file");
    let source = Source::open(&root, None).expect("a source");
    let (found, problems) = records(&source, 0);
    assert_eq!(found.iter().filter(|record| &*record.topic == "camera0_rgb").count(), 5);
    assert_said(&problems, true, &["data", "at most 10000000 are read"]);
    assert_said(&problems, true, &["data", "of 4096 rows before them nothing can be read"]);
    let zip = in_zip(folder.path());
    let bytes = fs::read(&zip).expect("a file");
    fs::write(&zip, &bytes[..bytes.len() / 2]).expect("a file");
    assert!(Source::open(&zip, None).is_err());
}
