//! What the check says of good files and bad ones, and files of every version of the format.

use crate::common::{CARD, JOINTS, MS, VIDEO, joints, manifest, robot_in_memory, stamp, streams, video};
use etude_episode::check::check_source;
use etude_episode::{Episode, EpisodeWriter, Expected, Head, WriterOptions, check};
use etude_model::{Gap, GapReason, LogTime};
use std::path::PathBuf;

#[test]
fn what_the_writer_writes_conforms() {
    let (bytes, closed) = robot_in_memory(1000);
    let conformance = check_source(&bytes).expect("memory");
    assert!(conformance.is_conformant(), "{:#?}", conformance.problems);
    assert_eq!(conformance.messages, closed.streams.iter().map(|stream| stream.received).sum::<u64>());
}

#[test]
fn a_count_that_nobody_gave_is_wrong_unless_the_take_was_interrupted() {
    let check = |gap: Option<(GapReason, u64)>| {
        let manifest = manifest(streams());
        let head = Head { manifest: &manifest, card_toml: CARD, attachments: &[] };
        let mut bytes = Vec::new();
        let mut writer =
            EpisodeWriter::with_sink(&mut bytes, &head, WriterOptions::default()).expect("memory");
        writer.write(JOINTS, stamp(10 * MS), &joints(0)).expect("memory");
        if let Some((reason, missing)) = gap {
            for spec in streams() {
                let (from, to) = (LogTime(10 * MS), LogTime(20 * MS));
                let gap = Gap { topic: spec.topic, from, to, missing, reason };
                writer.declare_gap(&gap, stamp(20 * MS)).expect("memory");
            }
        }
        writer.finish().expect("memory");
        check_source(&bytes).expect("memory")
    };
    let interrupted = check(Some((GapReason::Interrupted, 0)));
    assert!(interrupted.is_conformant() && !interrupted.remarks.is_empty(), "{interrupted:#?}");
    for gap in [None, Some((GapReason::SourceSilent, 0)), Some((GapReason::Interrupted, 3))] {
        let silent = check(gap);
        let unaccounted = |problem: &str| problem.ends_with("received + missing = expected");
        assert!(!silent.is_conformant() && silent.remarks.is_empty(), "{gap:?}: {silent:#?}");
        assert!(silent.problems.iter().all(|problem| unaccounted(&problem.expected)), "{gap:?}: {silent:#?}");
    }
}

#[test]
fn the_check_says_what_is_wrong() {
    let manifest = manifest(streams());
    let head = Head { manifest: &manifest, card_toml: "another card", attachments: &[] };
    let mut bytes = Vec::new();
    let mut writer = EpisodeWriter::with_sink(&mut bytes, &head, WriterOptions::default()).expect("memory");
    writer.write(JOINTS, stamp(10 * MS), &joints(0)).expect("memory");
    writer.write(JOINTS, stamp(5 * MS), &joints(1)).expect("memory");
    for frame in 1..15 {
        writer
            .write(VIDEO, stamp(frame * 33 * MS), &video(if frame == 10 { 11 } else { frame }))
            .expect("memory");
    }
    writer.expect(JOINTS, Expected::Count(3)).expect("a stream");
    writer.finish().expect("memory");
    let conformance = check_source(&bytes).expect("memory");
    let all: Vec<_> = conformance.problems.iter().map(|problem| problem.expected.as_str()).collect();
    for expected in [
        "the card of digest",
        "/robot/joint_states: log times in order",
        "/camera/head/video: a key frame first",
        "/camera/head/video: a key frame at least every 10th frame",
        "/robot/joint_states: received + missing = expected",
    ] {
        assert!(all.iter().any(|problem| problem.starts_with(expected)), "{expected} is not among {all:#?}");
    }
    assert_ne!(CARD, "another card");
}

fn fixture() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/version-1.mcap")
}

#[test]
fn a_file_of_version_1_still_opens() {
    let conformance = check(&fixture()).expect("it is part of the crate");
    assert!(conformance.is_conformant(), "{:#?}", conformance.problems);
    let episode = Episode::open(&fixture()).expect("version 1");
    assert_eq!(episode.manifest().format_version, 1);
    assert_eq!(episode.manifest().streams[..4], streams());
    let (bytes, _) = robot_in_memory(300);
    let today = Episode::from_bytes(bytes).expect("own file");
    let messages = |episode: &Episode| -> Vec<_> {
        let messages = episode.raw_messages(&[], ..).expect("all streams");
        messages.map(|message| message.expect("whole")).collect()
    };
    assert_eq!(messages(&episode), messages(&today));
}

#[test]
#[ignore = "writes the fixture; run it when a new version of the format is released, never again after that"]
fn write_the_fixture() {
    std::fs::write(fixture(), robot_in_memory(300).0).expect("the folder is there");
}
