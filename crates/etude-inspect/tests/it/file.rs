//! An episode file and the same messages live give the same report.

use crate::fixture::{card, clean};
use etude_episode::{EpisodeWriter, Head, WriterOptions};
use etude_inspect::{Options, RuleSet, inspect, inspect_with_card};

#[test]
fn a_file_is_inspected_as_the_live_take_was() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("take.mcap");
    let take = clean(100.0, 6.0, 0.0);
    let card_toml = card().to_toml();
    let head = Head { manifest: &take.manifest, card_toml: &card_toml, attachments: &[] };
    let mut writer = EpisodeWriter::create(&path, &head, WriterOptions::default()).expect("a file");
    for (topic, stamp, sample) in &take.messages {
        let stream = writer.stream(topic.as_str()).expect("a stream of the manifest");
        writer.write(stream, *stamp, sample).expect("written");
    }
    writer.finish().expect("closed");

    let (rules, options) = (RuleSet::supplied(), Options::default());
    let report = inspect(&path, &rules, &options).expect("inspected");
    let live = take.inspect();
    assert_eq!(report.signals, live.signals);
    let without_gap_stream = |report: &etude_inspect::Report| {
        let mut measurements = report.measurements.clone();
        measurements.retain(|m| m.topic.as_ref().is_none_or(|topic| topic.as_str() != "/gap"));
        measurements
    };
    assert_eq!(without_gap_stream(&report), without_gap_stream(&live));
    let other = inspect_with_card(&path, &card(), &rules, &options).expect("inspected");
    assert_eq!(other.to_json(), report.to_json());
}

#[test]
fn a_file_that_is_no_episode_says_which() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("broken.mcap");
    // Good magic and nothing behind it.
    std::fs::write(&path, b"\x89MCAP0\r\n").expect("written");
    let error = inspect(&path, &RuleSet::supplied(), &Options::default()).expect_err("no episode");
    assert!(error.to_string().contains("broken.mcap"), "{error}");
}
