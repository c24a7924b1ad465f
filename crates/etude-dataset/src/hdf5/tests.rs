//! The reader against h5py, and against files that are cut and changed.

use super::dataset::Rows;
use super::object::{Kind, Target};
use super::write::{Attribute, Element, Pieces, Writer};
use super::{Damage, File};
use crate::foreign::value::Value;
use serde_json::{Value as Json, json};
use std::fs;
use std::path::Path;
use std::process::Command;

/// A value as `tests/peers/hdf5_files.py` tells it.
fn json_of(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(value) => json!(value),
        Value::Int(value) => json!(*value as f64),
        Value::Large(value) => json!(*value as f64),
        Value::Float(value) => json!(value),
        Value::Time(ns) => json!(ns),
        Value::Text(text) => json!(text),
        Value::Bytes(bytes) => {
            let hex: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            json!(hex.concat())
        }
        Value::Numbers(values) => json!(values),
        Value::List(values) => values.iter().map(json_of).collect(),
        Value::Struct(parts) => parts.iter().map(|(_, value)| json_of(value)).collect(),
    }
}

/// What was found of a file.
#[derive(Default)]
struct Told {
    attributes: serde_json::Map<String, Json>,
    datasets: serde_json::Map<String, Json>,
    damages: Vec<Damage>,
    lost: Vec<String>,
}

fn walk(file: &File, at: u64, path: &str, depth: usize, told: &mut Told) {
    let object = match file.object(at) {
        Ok(object) => object,
        Err(damage) => return told.damages.push(damage),
    };
    told.damages.extend(object.damages.clone());
    for (name, value) in &object.attributes {
        told.attributes.insert(format!("{path}@{name}"), json_of(value));
    }
    match object.kind {
        Kind::Group(links) if depth < 8 => {
            // Of a group that names one object often, that object counts.
            let many = if links.len() > 1000 { 0 } else { 1000 };
            for link in links.iter().take(many) {
                if let (Some(at), true) = (file.follow(link), matches!(link.target, Target::Object(_))) {
                    let path =
                        if path.is_empty() { link.name.clone() } else { format!("{path}/{}", link.name) };
                    walk(file, at, &path, depth + 1, told);
                }
            }
        }
        Kind::Dataset(dataset) => {
            let total = if dataset.row_elements() == Some(0) { 0 } else { dataset.rows() };
            let (mut rows, damages) = match Rows::open(file, *dataset) {
                Ok(found) => found,
                Err(damage) => return told.damages.push(damage),
            };
            told.damages.extend(damages);
            let (mut values, mut row) = (Vec::new(), 0);
            while row < total && values.len() < 20_000 {
                match rows.value(row) {
                    Ok(value) => {
                        values.push(json_of(&value));
                        row += 1;
                    }
                    Err(lost) => {
                        assert!(lost.until > row, "{path}: {lost:?}");
                        told.lost.push(format!("{path} {row}..{}: {}", lost.until, lost.why));
                        row = lost.until;
                    }
                }
            }
            told.datasets.insert(path.to_owned(), Json::Array(values));
        }
        _ => {}
    }
}

fn told(path: &Path) -> Result<Told, Damage> {
    let file = File::open(path)?;
    let mut told = Told::default();
    walk(&file, file.root(), "", 0, &mut told);
    Ok(told)
}

#[test]
fn peer_h5py_and_we_read_the_same() {
    let Some(python) = std::env::var_os("ETUDE_PEER_READERS") else {
        eprintln!("skipped: ETUDE_PEER_READERS is unset; `cargo xtask test --peers` sets it");
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/peers/hdf5_files.py");
    let status = Command::new(python).arg(script).arg(folder.path()).status().expect("Python starts");
    assert!(status.success());
    for name in ["earliest", "v108", "v110", "latest"] {
        let told =
            told(&folder.path().join(format!("{name}.h5"))).unwrap_or_else(|damage| panic!("{damage}"));
        assert_eq!((&told.damages[..], &told.lost[..]), (&[][..], &[][..]), "{name}");
        let bytes = fs::read(folder.path().join(format!("{name}.json"))).expect("a file");
        let theirs: Json = serde_json::from_slice(&bytes).expect("JSON");
        for (path, value) in theirs["attributes"].as_object().expect("attributes") {
            assert_eq!(told.attributes.get(path), Some(value), "{name} {path}");
        }
        let datasets = theirs["datasets"].as_object().expect("datasets");
        assert!(datasets.len() > 50);
        for (path, rows) in datasets {
            assert_eq!(told.datasets.get(path), Some(rows), "{name} {path}");
        }
    }
}

/// A file with a dataset of every kind that the writer knows.
fn written(path: &Path) {
    let mut writer = Writer::create(path).expect("a file");
    let numbers: Vec<u8> = (0..35).flat_map(|number| f64::from(number).to_le_bytes()).collect();
    let actions = writer.dataset(Element::Float64, &[5, 7], &numbers, &[]).expect("a dataset");
    let dones: Vec<u8> = (0..5i64).flat_map(|number| (number / 4).to_le_bytes()).collect();
    let dones = writer.dataset(Element::Int64, &[5], &dones, &[]).expect("a dataset");
    let mut frames = Pieces::new(Element::UInt8, &[4, 6, 3], true);
    let mut plain = Pieces::new(Element::Float32, &[2], false);
    for row in 0..5000u32 {
        if row < 150 {
            writer.piece(&mut frames, &[row as u8; 72]).expect("a row");
        }
        let pair: Vec<u8> = [row as f32, -1.5].into_iter().flat_map(f32::to_le_bytes).collect();
        writer.piece(&mut plain, &pair).expect("a row");
    }
    let frames = writer.close(&frames, &[]).expect("a dataset");
    let plain = writer.close(&plain, &[]).expect("a dataset");
    let none = writer.close(&Pieces::new(Element::UInt8, &[4], false), &[]).expect("a dataset");
    let mut references = Vec::new();
    for length in [3usize, 0, 9000] {
        references.extend(writer.bytes(&vec![0xfe; length]).expect("bytes"));
    }
    let bytes = writer.dataset(Element::Bytes, &[3], &references, &[]).expect("a dataset");
    let links = [("frames", frames), ("plain", plain), ("none", none), ("bytes", bytes)];
    let links = links.map(|(name, at)| (name.to_owned(), at));
    let attributes = [("unit".to_owned(), Attribute::Text("m, \u{fc}ber\u{20ac}".to_owned()))];
    let obs = writer.group(&links, &attributes).expect("a group");
    let attributes = [
        ("num_samples".to_owned(), Attribute::Int(5)),
        ("rate".to_owned(), Attribute::Float(0.5)),
        ("model_file".to_owned(), Attribute::Text("x".repeat(100_000))),
        ("empty".to_owned(), Attribute::Text(String::new())),
    ];
    let demo = [("actions", actions), ("dones", dones), ("obs", obs)].map(|(name, at)| (name.to_owned(), at));
    let demo = writer.group(&demo, &attributes).expect("a group");
    let leaf = writer.group(&[], &[]).expect("a group");
    let many: Vec<(String, u64)> = (0..3000).map(|number| (format!("demo_{number}"), leaf)).collect();
    let data = writer.group(&many, &[]).expect("a group");
    let root = writer.group(&[("data".to_owned(), data), ("demo".to_owned(), demo)], &[]).expect("a group");
    writer.finish(root).expect("a file");
}

#[test]
fn what_is_written_is_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("own.h5");
    written(&path);
    let file = File::open(&path).expect("a file");
    let data = file.object(file.find("data").expect("data")).expect("a group");
    assert_eq!(data.links().len(), 3000);
    let told = told(&path).expect("a file");
    assert_eq!((&told.damages[..], &told.lost[..]), (&[][..], &[][..]));
    assert_eq!(told.attributes["demo@num_samples"], json!(5.0));
    assert_eq!(told.attributes["demo/obs@unit"], json!("m, \u{fc}ber\u{20ac}"));
    assert_eq!(told.attributes["demo@model_file"].as_str().map(str::len), Some(100_000));
    assert_eq!(told.datasets["demo/actions"][4][6], json!(34.0));
    assert_eq!(told.datasets["demo/obs/plain"][4999], json!([4999.0, -1.5]));
    assert_eq!(told.datasets["demo/obs/frames"][149], json!("95".repeat(72)));
    assert_eq!(told.datasets["demo/obs/bytes"][1], json!(""));
    assert_eq!(told.datasets["demo/obs/bytes"][2].as_str().map(str::len), Some(18_000));
    assert_eq!(told.datasets["demo/obs/none"], json!([]));
}

#[test]
fn peer_h5py_reads_what_is_written() {
    let Some(python) = std::env::var_os("ETUDE_PEER_READERS") else {
        eprintln!("skipped: ETUDE_PEER_READERS is unset; `cargo xtask test --peers` sets it");
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("own.h5");
    written(&path);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/peers/hdf5_files.py");
    let output = Command::new(python).arg(script).arg(&path).output().expect("Python starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let theirs: Json = serde_json::from_slice(&output.stdout).expect("JSON");
    let ours = told(&path).expect("a file");
    for (kind, ours) in [("attributes", ours.attributes), ("datasets", ours.datasets)] {
        let theirs = theirs[kind].as_object().expect("names");
        for (path, value) in theirs {
            assert_eq!(ours.get(path), Some(value), "{path}");
        }
        assert_eq!(theirs.len(), ours.len());
    }
}

/// Every walk ends, and no change of bytes makes anything panic; what is read stays within its bounds.
#[test]
fn changed_and_cut_files_are_read_to_the_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("own.h5");
    written(&path);
    let whole = fs::read(&path).expect("a file");
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut chance = move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    };
    let structure = whole.len() - 200_000;
    let mut read = 0;
    for round in 0..120 {
        let mut bytes = whole.clone();
        for _ in 0..=chance() % 6 {
            let from = if round % 2 == 0 { structure } else { 0 };
            let at = from + chance() as usize % (bytes.len() - from);
            bytes[at] = if chance() % 3 == 0 { 0xff } else { chance() as u8 };
        }
        if round % 5 == 0 {
            bytes.truncate(chance() as usize % whole.len());
        }
        fs::write(&path, &bytes).expect("a file");
        read += usize::from(told(&path).is_ok());
    }
    assert!(read > 60, "{read}");
}
