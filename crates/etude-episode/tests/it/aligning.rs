//! Streams at one rate: ages, rules, and no value across a gap.

use crate::common::{CARD, MS, START_NS, manifest, robot_in_memory, stamp};
use arrow_array::cast::AsArray as _;
use arrow_array::types::{Float64Type, Int64Type, UInt64Type};
use arrow_array::{Array as _, RecordBatch};
use etude_episode::{
    AlignError, AlignOptions, Clock, Episode, EpisodeWriter, Grid, Head, Rule, StreamIndex, WriterOptions,
    align,
};
use etude_model::gap::{Gap, GapReason};
use etude_model::sample::{PoseSample, Sample, Wrench};
use etude_model::{LogTime, Pose, Span, StreamKind, StreamSpec, Topic};

const TOPIC: &str = "/robot/wrench/left";

/// Wrenches whose force along x is their time in ms; between 40 and 70 ms a gap is declared.
fn wrenches(times_ms: &[i64]) -> Episode {
    let manifest = manifest(vec![StreamSpec::new(TOPIC, StreamKind::Wrench, Some(100.0))]);
    let head = Head { manifest: &manifest, card_toml: CARD, attachments: &[] };
    let mut bytes = Vec::new();
    let mut writer = EpisodeWriter::with_sink(&mut bytes, &head, WriterOptions::default()).expect("memory");
    for &time_ms in times_ms {
        let wrench = Wrench { force_n: [time_ms as f64, 0.0, 0.0], ..Wrench::default() };
        writer.write(StreamIndex(0), stamp(time_ms * MS), &Sample::Wrench(wrench)).expect("memory");
    }
    let log = |ms: i64| LogTime(START_NS + ms * MS);
    let gap = Gap {
        topic: Topic::new(TOPIC),
        from: log(40),
        to: log(70),
        missing: 2,
        reason: GapReason::SourceSilent,
    };
    writer.declare_gap(&gap, stamp(70 * MS)).expect("memory");
    writer.finish().expect("memory");
    Episode::from_bytes(bytes).expect("own file")
}

/// A row per 5 ms of log time.
fn options(rule: Rule) -> AlignOptions {
    AlignOptions {
        rule,
        clock: Clock::Log,
        grid: Grid::Rate { rate_hz: 200.0, from_ns: None, to_ns: None },
        ..AlignOptions::at_rate(200.0)
    }
}

fn forces(batch: &RecordBatch) -> Vec<Option<f64>> {
    let column = batch.column_by_name(&format!("{TOPIC}.force_n")).expect("a column").as_fixed_size_list();
    assert_eq!(column.value_length(), 3);
    let value = |row| column.value(row).as_primitive::<Float64Type>().value(0);
    (0..column.len()).map(|row| (!column.is_null(row)).then(|| value(row))).collect()
}

fn ages_ms(batch: &RecordBatch) -> Vec<Option<i64>> {
    let column =
        batch.column_by_name(&format!("{TOPIC}.age_ns")).expect("a column").as_primitive::<Int64Type>();
    column.iter().map(|age| age.map(|age| age / MS)).collect()
}

#[test]
fn no_value_is_invented_across_a_gap() {
    let episode = wrenches(&[20, 30, 40, 70, 80]);
    let table = align(&episode, &options(Rule::Previous)).expect("aligned");
    let nothing = None;
    let some = |values: [i64; 2]| values.map(Some);
    let [a, b] = some([20, 20]);
    assert_eq!(ages_ms(&table.batch)[..5], [Some(0), Some(5), Some(0), Some(5), Some(0)]);
    assert_eq!(forces(&table.batch)[..2].iter().map(|f| f.map(|f| f as i64)).collect::<Vec<_>>(), [a, b]);
    assert_eq!(forces(&table.batch)[5..10], [nothing; 5], "45 to 65 ms");
    assert_eq!(forces(&table.batch)[10], Some(70.0));

    let table = align(&episode, &options(Rule::Linear)).expect("aligned");
    assert_eq!(forces(&table.batch)[..5], [20.0, 25.0, 30.0, 35.0, 40.0].map(Some));
    assert_eq!(forces(&table.batch)[5..10], [nothing; 5]);
    assert_eq!(forces(&table.batch)[10..], [70.0, 75.0, 80.0].map(Some));

    let table = align(&episode, &options(Rule::Nearest)).expect("aligned");
    assert_eq!(forces(&table.batch)[5..10], [nothing; 5]);
    assert_eq!(forces(&table.batch)[10..], [70.0, 70.0, 80.0].map(Some));
}

#[test]
fn the_nearest_may_be_ahead_and_its_age_says_so() {
    let options = AlignOptions {
        grid: Grid::Rate { rate_hz: 250.0, from_ns: None, to_ns: Some(START_NS + 30 * MS) },
        ..options(Rule::Nearest)
    };
    let table = align(&wrenches(&[20, 30, 40]), &options).expect("aligned");
    assert_eq!(ages_ms(&table.batch), [0, 4, -2].map(Some));
}

#[test]
fn a_value_too_old_is_none() {
    let options = AlignOptions { max_age: Span::from_ms(7), ..options(Rule::Previous) };
    let table = align(&wrenches(&[0, 30]), &options).expect("aligned");
    assert_eq!(ages_ms(&table.batch), [Some(0), Some(5), None, None, None, None, Some(0)]);
}

#[test]
fn a_camera_gives_the_rows() {
    let (bytes, _) = robot_in_memory(500);
    let episode = Episode::from_bytes(bytes).expect("own file");
    let options = AlignOptions {
        streams: vec![Topic::new("/camera/head/video"), Topic::new(TOPIC)],
        ..AlignOptions::at_stream("/camera/head/video")
    };
    let table = align(&episode, &options).expect("aligned");
    let names: Vec<_> = table.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "/camera/head/video.frame_index",
            "/camera/head/video.age_ns",
            "/robot/wrench/left.force_n",
            "/robot/wrench/left.torque_n_m",
            "/robot/wrench/left.age_ns",
        ]
    );
    let frames = table.batch.column(1).as_primitive::<UInt64Type>();
    assert_eq!(frames.values()[..], (0..16).collect::<Vec<u64>>()[..]);
}

#[test]
fn every_periodic_stream_gets_its_columns() {
    let (bytes, _) = robot_in_memory(500);
    let episode = Episode::from_bytes(bytes).expect("own file");
    let table = align(&episode, &AlignOptions::at_rate(50.0)).expect("aligned");
    assert_eq!(table.batch.num_rows(), 25);
    let column = table.batch.column_by_name("/robot/joint_states.position").expect("a column");
    assert_eq!((column.as_fixed_size_list().value_length(), column.null_count()), (3, 0));
}

#[test]
fn orientations_go_along_the_arc() {
    let manifest = manifest(vec![StreamSpec::new("/trainer/head/pose", StreamKind::Pose, Some(72.0))]);
    let head = Head { manifest: &manifest, card_toml: CARD, attachments: &[] };
    let mut bytes = Vec::new();
    let mut writer = EpisodeWriter::with_sink(&mut bytes, &head, WriterOptions::default()).expect("memory");
    let turned = [0.0, 0.0, std::f64::consts::FRAC_1_SQRT_2, std::f64::consts::FRAC_1_SQRT_2];
    for (ms, orientation_xyzw) in [(0, Pose::IDENTITY.orientation_xyzw), (10, turned)] {
        let pose = Pose { orientation_xyzw, ..Pose::IDENTITY };
        let sample = Sample::Pose(PoseSample { pose, tracked: true });
        writer.write(StreamIndex(0), stamp(ms * MS), &sample).expect("memory");
    }
    writer.finish().expect("memory");
    let episode = Episode::from_bytes(bytes).expect("own file");
    let table = align(&episode, &options(Rule::Linear)).expect("aligned");
    let column = table.batch.column_by_name("/trainer/head/pose.orientation_xyzw").expect("a column");
    let middle = column.as_fixed_size_list().value(1);
    let angle = std::f64::consts::FRAC_PI_8;
    assert!((middle.as_primitive::<Float64Type>().value(2) - angle.sin()).abs() < 1e-12);
}

#[test]
fn events_are_refused() {
    let (bytes, _) = robot_in_memory(100);
    let episode = Episode::from_bytes(bytes).expect("own file");
    let options = AlignOptions { streams: vec![Topic::new(Topic::TAKE)], ..AlignOptions::at_rate(10.0) };
    assert!(matches!(align(&episode, &options), Err(AlignError::Events { .. })));
    let none = AlignOptions { grid: Grid::Rate { rate_hz: 0.0, from_ns: None, to_ns: None }, ..options };
    let none = AlignOptions { streams: vec![Topic::new(TOPIC)], ..none };
    assert!(matches!(align(&episode, &none), Err(AlignError::Grid { .. })));
}
