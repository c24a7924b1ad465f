//! Import and export seen from outside, on a real robot's recordings and on datasets made for the test.
#![cfg(feature = "ffmpeg")]

mod carry;
mod convert;
mod damage;
mod foreign;
mod hdf_out;
mod layouts;
mod made;
mod peer;
mod real;
mod rlds;
mod rows;
mod simulated;
mod streams;
mod variants;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type};
use arrow_array::{Array, RecordBatch};
use etude_dataset::Problem;
use etude_dataset::lerobot::{ExportEpisode, ImportOptions, Importer};
use etude_model::Card;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

const G1_CARD: &str = include_str!("../../../../robots/unitree_g1_inspire/card.toml");

/// A folder of test data, or a clear line and `None`.
fn data(name: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let root = std::env::var_os("ETUDE_DATA").map_or(beside, PathBuf::from);
    let path = root.join(name);
    if !path.exists() {
        eprintln!("skipped: {} is not there; set ETUDE_DATA to the folder of test data", path.display());
        return None;
    }
    Some(path)
}

fn g1_card() -> Card {
    Card::from_toml(G1_CARD).expect("a card")
}

/// Imports the episodes at these positions; the files lie in `into`.
fn import(root: &Path, card: &Card, positions: &[usize], into: &Path) -> (Vec<ExportEpisode>, Vec<Problem>) {
    let (mut importer, mut problems) =
        Importer::open(root, card, ImportOptions::new("test")).expect("a dataset");
    let mut episodes = Vec::new();
    for position in positions {
        let path = into.join(format!("{position}.mcap"));
        let imported = importer.import(*position, &path).expect("an episode");
        assert!(imported.closed.is_accounted(), "{:?}", imported.closed);
        problems.extend(imported.problems);
        episodes.push(ExportEpisode::new(path, imported.closed.digest));
    }
    (episodes, problems)
}

fn batches(path: &Path) -> Vec<RecordBatch> {
    let file = File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("a table").build().expect("a table");
    reader.collect::<Result<_, _>>().expect("rows")
}

/// The bits of a column of f32 or f64, scalar or list, row after row.
fn bits(batches: &[RecordBatch], column: &str) -> Vec<u64> {
    fn of(array: &dyn Array, out: &mut Vec<u64>) {
        if let Some(values) = array.as_primitive_opt::<Float32Type>() {
            out.extend(values.values().iter().map(|value| u64::from(value.to_bits())));
        } else if let Some(values) = array.as_primitive_opt::<Float64Type>() {
            out.extend(values.values().iter().map(|value| value.to_bits()));
        } else if let Some(list) = array.as_fixed_size_list_opt() {
            (0..list.len()).for_each(|row| of(&list.value(row), out));
        } else if let Some(list) = array.as_list_opt::<i32>() {
            (0..list.len()).for_each(|row| of(&list.value(row), out));
        } else {
            panic!("no numbers: {}", array.data_type());
        }
    }
    let mut out = Vec::new();
    for batch in batches {
        of(batch.column_by_name(column).expect("a column"), &mut out);
    }
    out
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder").map(|entry| entry.expect("an entry")) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            let bytes = fs::read(entry.path()).expect("a file");
            fs::write(target, bytes).expect("a file");
        }
    }
}
