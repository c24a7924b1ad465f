//! Rows: rules, holes, and the report of every value's age.

use crate::simulated::{Odd, record, usual};
use crate::streams::all_sorts;
use crate::{batches, bits};
use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type};
use etude_dataset::export::{Error, FloatType, RowOptions, RowRule, Stale};
use etude_dataset::lerobot::{self, ExportOptions, Exported, export};
use etude_model::{Span, Topic};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;

fn with(rows: RowOptions) -> ExportOptions {
    ExportOptions { rows, ..ExportOptions::default() }
}

fn exported(odd: Odd, options: &ExportOptions, check: impl FnOnce(&Exported)) {
    let folder = tempfile::tempdir().expect("a folder");
    let episode = record(&folder.path().join("0.mcap"), "e0", odd);
    check(&export(&[episode], &folder.path().join("v3"), options, &mut |_, _| {}).expect("a dataset"));
}

fn report(exported: &Exported) -> Value {
    serde_json::from_slice(&fs::read(exported.folder.join("meta/alignment.json")).expect("a report"))
        .expect("JSON")
}

#[test]
fn every_value_used_has_its_age_in_the_report() {
    exported(usual(), &ExportOptions::default(), |exported| {
        let table = batches(&exported.folder.join("meta/alignment.parquet"));
        let lines: usize = table.iter().map(arrow_array::RecordBatch::num_rows).sum();
        assert_eq!(lines, 60 * 5, "rows times streams");
        let mut seen: BTreeMap<String, (i64, usize)> = BTreeMap::new();
        for batch in &table {
            let column = |name: &str| batch.column_by_name(name).expect(name);
            let ages = column("age_ns").as_primitive::<Int64Type>();
            let streams = column("stream").as_dictionary::<Int32Type>();
            let words = streams.values().as_string::<i32>();
            let rules = column("rule").as_dictionary::<Int32Type>();
            let rule_words = rules.values().as_string::<i32>();
            for row in 0..batch.num_rows() {
                let topic = words.value(streams.keys().value(row) as usize);
                let rule = rule_words.value(rules.keys().value(row) as usize);
                assert_eq!(rule, if topic.contains("camera") { "nearest" } else { "previous" });
                let entry = seen.entry(topic.to_owned()).or_default();
                *entry = (entry.0.max(ages.value(row)), entry.1 + 1);
            }
        }
        // Commands come every 10 ms, and rows stand on whole ms.
        let commands = seen["/robot/joint_commands"];
        assert!(commands.0 >= 5_000_000 && commands.0 < 10_000_000 && commands.1 == 60, "{commands:?}");
        assert_eq!(seen["/robot/joint_states"], (0, 60));
        let summary = report(exported);
        assert_eq!(
            summary["episodes"][0]["ages"]["/robot/joint_commands"]["max_ms"],
            commands.0 as f64 * 1e-6
        );
        assert_eq!(
            (summary["rate_hz"].as_u64(), summary["max_age_ns"].as_i64()),
            (Some(30), Some(50_000_000))
        );
        assert_eq!(summary["stale"], "split");
    });
}

#[test]
fn linear_lies_between_two_messages() {
    let command = Topic::new(Topic::JOINT_COMMANDS);
    let rules = BTreeMap::from([(command, RowRule::Linear)]);
    exported(usual(), &with(RowOptions { rules, ..RowOptions::default() }), |exported| {
        let table = batches(&exported.folder.join("data/chunk-000/file-000.parquet"));
        let read = |name: &str| -> Vec<f64> {
            bits(&table, name).into_iter().map(|bits| f64::from(f32::from_bits(bits as u32))).collect()
        };
        let (state, action) = (read("observation.state"), read("action"));
        // Commands run half a radian before the states, in a straight line.
        for (state, action) in state.chunks(2).zip(&action) {
            assert!((action - state[0] - 0.5).abs() < 1e-6, "{action} {state:?}");
        }
        assert_eq!(report(exported)["rules"]["/robot/joint_commands"], "linear");
    });
}

#[test]
fn a_further_stream_is_a_feature_with_a_rule_of_its_own() {
    let folder = tempfile::tempdir().expect("a folder");
    let episode = all_sorts(&folder.path().join("0.mcap"));
    let pose = Topic::new("/robot/ee/left/pose");
    let options = with(RowOptions {
        fps: Some(200),
        rules: BTreeMap::from([(pose.clone(), RowRule::Slerp)]),
        with: vec![pose],
        float: FloatType::F64,
        ..RowOptions::default()
    });
    let exported =
        export(&[episode], &folder.path().join("v3"), &options, &mut |_, _| {}).expect("a dataset");
    assert_eq!((exported.rows, exported.fps), (9, 200), "{:?}", exported.problems);
    let table = batches(&exported.folder.join("data/chunk-000/file-000.parquet"));
    let read = |name: &str| -> Vec<f64> { bits(&table, name).into_iter().map(f64::from_bits).collect() };
    for (row, pose) in read("observation.robot.ee.left.pose").chunks(7).enumerate() {
        let expected = [row as f64 / 2.0, 0.1, -0.2, 0.0, 0.6, 0.0, 0.8];
        assert!(pose.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{row}: {pose:?}");
    }
    // Commands hold until the next.
    let action = read("action");
    assert_eq!(action, [0.0, 0.0, 0.5, 0.5, 1.0, 1.0, 1.5, 1.5, 2.0]);
    let not_carried = report(&exported)["streams_not_carried"].clone();
    assert!(not_carried.as_array().is_some_and(|topics| topics.contains(&"/robot/wrench/left".into())));
}

#[test]
fn what_joints_did_and_what_was_touched_go_along_where_asked() {
    let folder = tempfile::tempdir().expect("a folder");
    let episode = all_sorts(&folder.path().join("0.mcap"));
    let asked = [
        "/robot/joint_states.velocity",
        "/robot/joint_states.effort",
        "/robot/tactile/palm",
        "/trainer/left/hand",
    ];
    let of = |topics: &[&str]| {
        let with_topics = topics.iter().map(|topic| Topic::new(*topic)).collect();
        with(RowOptions { with: with_topics, float: FloatType::F64, ..RowOptions::default() })
    };
    let episodes = [episode];
    let exported =
        export(&episodes, &folder.path().join("v3"), &of(&asked), &mut |_, _| {}).expect("a dataset");
    let table = batches(&exported.folder.join("data/chunk-000/file-000.parquet"));
    let first = |name: &str, width: usize| -> Vec<f64> {
        bits(&table, &format!("observation.{name}")).into_iter().take(width).map(f64::from_bits).collect()
    };
    assert_eq!(first("robot.joint_states.velocity", 1), [10.0]);
    assert_eq!(first("robot.joint_states.effort", 1), [1.5]);
    assert_eq!(first("robot.tactile.palm", 6), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    assert_eq!(first("trainer.left.hand", 175)[1..7], [0.1, -0.2, 0.0, 0.6, 0.0, 0.8]);
    let info = std::fs::read_to_string(exported.folder.join("meta/info.json")).expect("a file");
    let info: serde_json::Value = serde_json::from_str(&info).expect("JSON");
    let names = |key: &str| info["features"][format!("observation.{key}")]["names"].clone();
    assert_eq!(names("robot.joint_states.velocity"), serde_json::json!(["elbow.velocity"]));
    assert_eq!(names("robot.tactile.palm")[4], "1.1");
    let error = export(&episodes, &folder.path().join("x"), &of(&["/robot/joint_states"]), &mut |_, _| {});
    let error = error.expect_err("positions are there already").to_string();
    assert!(error.contains("/robot/joint_states.velocity, /robot/joint_states.effort"), "{error}");
}

#[test]
fn rows_over_the_age_are_dropped_with_a_marked_hole_where_so_told() {
    let options = with(RowOptions { stale: Stale::Drop, ..RowOptions::default() });
    let silent = Odd { silent_ms: Some((600, 1100)), ..usual() };
    exported(silent, &options, |exported| {
        assert_eq!(exported.episodes, 1);
        assert!((40..50).contains(&exported.rows), "{}", exported.rows);
        assert!(exported.problems.iter().any(|p| p.loss && p.message.contains("marked hole")));
        let hole = &report(exported)["episodes"][0]["holes"][0];
        let missing = hole["missing_rows"].as_u64().expect("a number");
        assert_eq!(exported.rows + missing, 60, "{hole}");
        let table = batches(&exported.folder.join("data/chunk-000/file-000.parquet"));
        let state = bits(&table, "observation.state");
        let values = state.iter().step_by(2).map(|bits| f32::from_bits(*bits as u32));
        assert!(values.into_iter().all(|value| value <= 0.6 || value >= 1.099));
        assert_eq!(report(exported)["stale"], "drop");
    });
}

#[test]
fn values_over_the_age_are_not_used() {
    let options = with(RowOptions { max_age: Some(Span::from_ms(5)), ..RowOptions::default() });
    exported(usual(), &options, |exported| {
        // Commands are up to 9 ms old.
        assert!(exported.rows < 60, "{}", exported.rows);
        let ages = &report(exported)["episodes"][0]["ages"]["/robot/joint_commands"];
        assert!(ages["max_ms"].as_f64().is_some_and(|age| age <= 5.0), "{ages}");
    });
}

#[test]
fn rules_that_a_stream_cannot_have_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let episode = record(&folder.path().join("0.mcap"), "e0", usual());
    for (topic, rule, part) in [
        ("/camera/head/video", RowRule::Linear, "for pictures"),
        ("/robot/joint_states", RowRule::Slerp, "a stream of poses"),
        ("/robot/wrench/left", RowRule::Nearest, "whose values the rows use"),
    ] {
        let rules = BTreeMap::from([(Topic::new(topic), rule)]);
        let options = with(RowOptions { rules, ..RowOptions::default() });
        let out = folder.path().join("v3");
        let error = export(std::slice::from_ref(&episode), &out, &options, &mut |_, _| {}).expect_err(part);
        assert!(matches!(error, lerobot::Error::Export(Error::Rule { .. })), "{error}");
        assert!(error.to_string().contains(part), "{error}");
    }
}
