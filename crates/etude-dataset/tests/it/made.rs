//! Datasets of random numbers: every bit of an f32 comes through an episode and back.

use crate::{batches, bits};
use arrow_array::{ArrayRef, FixedSizeListArray, Float32Array, Int64Array, RecordBatch};
use arrow_schema::{DataType, Field, Schema};
use etude_dataset::lerobot::{ExportEpisode, ExportOptions, ImportOptions, Importer, export};
use etude_model::Card;
use parquet::arrow::ArrowWriter;
use proptest::prelude::*;
use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

/// A robot of two joints, `a` and `b`.
pub(crate) const CARD: &str = r#"
    schema = 1
    vendor = "Maker"
    model = "Random"
    revision = "a"
    source = "a test"
    [[joint]]
    name = "a"
    kind = "revolute"
    unit = "rad"
    position = [-1.0, 1.0]
    velocity = 3.0
    [[joint]]
    name = "b"
    kind = "revolute"
    unit = "rad"
    position = [-1.0, 1.0]
    velocity = 3.0
"#;

/// Writes a v2.1 dataset of one episode without cameras.
fn dataset(root: &Path, state: &[[f32; 2]], action: &[[f32; 2]]) {
    fs::create_dir_all(root.join("meta")).expect("a folder");
    fs::create_dir_all(root.join("data/chunk-000")).expect("a folder");
    let info = serde_json::json!({
        "codebase_version": "v2.1", "fps": 50, "total_episodes": 1, "chunks_size": 1000,
        "features": {
            "observation.state": {"dtype": "float32", "shape": [2], "names": ["a", "b"]},
            "action": {"dtype": "float32", "shape": [2], "names": {"motors": ["a", "b"]}},
            "timestamp": {"dtype": "float32", "shape": [1], "names": null},
        },
    });
    fs::write(root.join("meta/info.json"), info.to_string()).expect("a file");
    fs::write(root.join("meta/tasks.jsonl"), "{\"task_index\": 0, \"task\": \"do it\"}\n").expect("a file");
    let line = format!("{{\"episode_index\": 0, \"tasks\": [\"do it\"], \"length\": {}}}\n", state.len());
    fs::write(root.join("meta/episodes.jsonl"), line).expect("a file");
    let element = Arc::new(Field::new("element", DataType::Float32, true));
    let list = |rows: &[[f32; 2]]| -> ArrayRef {
        let values = Float32Array::from_iter_values(rows.iter().flatten().copied());
        Arc::new(FixedSizeListArray::new(element.clone(), 2, Arc::new(values), None))
    };
    let count = state.len();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("observation.state", list(state)),
        ("action", list(action)),
        (
            "timestamp",
            Arc::new(Float32Array::from_iter_values((0..count).map(|row| (row as f64 / 50.0) as f32))),
        ),
        ("frame_index", Arc::new(Int64Array::from_iter_values(0..count as i64))),
        ("episode_index", Arc::new(Int64Array::from_iter_values(std::iter::repeat_n(0, count)))),
        ("task_index", Arc::new(Int64Array::from_iter_values(std::iter::repeat_n(0, count)))),
    ];
    let fields: Vec<Field> =
        columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true)).collect();
    let schema = Arc::new(Schema::new(fields));
    let batch = RecordBatch::try_new(schema.clone(), columns.into_iter().map(|(_, array)| array).collect());
    let file = File::create(root.join("data/chunk-000/episode_000000.parquet")).expect("a file");
    let mut writer = ArrowWriter::try_new(file, schema, None).expect("a table");
    writer.write(&batch.expect("a batch")).expect("rows");
    writer.close().expect("a table");
}

/// Any f32 with a value: tiny, huge, signed zeros, infinities.
fn number() -> impl Strategy<Value = f32> {
    any::<u32>().prop_map(f32::from_bits).prop_filter("a number", |value| !value.is_nan())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_bit_survives(rows in prop::collection::vec((number(), number(), number(), number()), 2..60)) {
        let folder = tempfile::tempdir().expect("a folder");
        let state: Vec<[f32; 2]> = rows.iter().map(|row| [row.0, row.1]).collect();
        let action: Vec<[f32; 2]> = rows.iter().map(|row| [row.2, row.3]).collect();
        let root = folder.path().join("v21");
        dataset(&root, &state, &action);
        let card = Card::from_toml(CARD).expect("a card");
        let (mut importer, problems) = Importer::open(&root, &card, ImportOptions::new("test")).expect("a dataset");
        prop_assert!(problems.is_empty());
        let path = folder.path().join("0.mcap");
        let imported = importer.import(0, &path).expect("an episode");
        prop_assert!(imported.problems.is_empty(), "{:?}", imported.problems);
        let out = folder.path().join("v3");
        let episodes = [ExportEpisode::new(path, imported.closed.digest)];
        let exported = export(&episodes, &out, &ExportOptions::default(), &mut |_, _| {}).expect("a dataset");
        prop_assert_eq!(exported.rows, rows.len() as u64);
        let table = batches(&out.join("data/chunk-000/file-000.parquet"));
        let expected = |rows: &[[f32; 2]]| -> Vec<u64> { rows.iter().flatten().map(|v| u64::from(v.to_bits())).collect() };
        prop_assert_eq!(bits(&table, "observation.state"), expected(&state));
        prop_assert_eq!(bits(&table, "action"), expected(&action));
    }
}

#[test]
fn times_that_the_rate_does_not_explain_are_asked_about() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().join("v21");
    let rows = vec![[0.5, 0.25]; 20];
    dataset(&root, &rows, &rows);
    let info =
        fs::read_to_string(root.join("meta/info.json")).expect("a file").replace("\"fps\":50", "\"fps\":25");
    fs::write(root.join("meta/info.json"), info).expect("a file");
    let card = Card::from_toml(CARD).expect("a card");
    let (mut importer, _) = Importer::open(&root, &card, ImportOptions::new("test")).expect("a dataset");
    let error = importer.import(0, &folder.path().join("0.mcap")).expect_err("a question").to_string();
    assert!(error.contains("which clock made them?"), "{error}");
}
