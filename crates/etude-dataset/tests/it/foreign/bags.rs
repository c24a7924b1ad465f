//! ROS 1 bags and rosbag2 recordings, whole and damaged.

use super::{assert_said, card, import_at, importer, positions, repository, samples};
use crate::data;
use etude_dataset::foreign::{Format, Records, Source};
use etude_model::Sample;
use std::fs;
use std::path::Path;

const KUAVO: &str = "mappings/leju_kuavo_s45_bag.toml";

/// All texts that a recording's messages hold in `data`, and its problems.
fn texts(records: &mut dyn Records) -> (Vec<String>, Vec<String>) {
    let mut found = Vec::new();
    while let Some(record) = records.next(&|_| true) {
        found.extend(record.value.part("data").and_then(|data| data.text()).map(str::to_owned));
    }
    (found, records.ledger().all_problems().iter().map(ToString::to_string).collect())
}

// shows: rosbag1 read-real
#[test]
fn a_bag_whose_indexes_are_wrong_comes_in_whole() {
    let Some(root) = data("teleop_centre_mcap") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let bag = root.join("robocodec_test_18.bag");
    let importer = importer(&bag, &repository(KUAVO), &card("leju_kuavo_s45")).expect("a source");
    let (episode, imported) = import_at(&importer, 0, folder.path());
    let states = &positions(&episode, "/robot/joint_states")[0];
    assert_eq!(states.len(), 28);
    assert_eq!((states[0] * 1e10).round(), 126_980_170.0);
    let Sample::JointStates(joints) = &samples(&episode, "/robot/joint_states")[0].1 else {
        panic!("no states")
    };
    assert_eq!(joints.velocity.len(), 28);
    // Degrees on the wire, rad in the episode.
    let arm = &positions(&episode, "/robot/arm/command")[0];
    assert!((arm[1] - 19.403_496_59f64.to_radians()).abs() < 1e-9, "{arm:?}");
    assert!((arm[1] - states[13]).abs() < 0.05, "{arm:?} {states:?}");
    let Sample::Calibration(calibration) = &samples(&episode, "/camera/cam_h/calibration")[0].1 else {
        panic!("none")
    };
    assert_eq!((calibration.width, calibration.height, calibration.distortion.len()), (848, 480, 8));
    assert_eq!(samples(&episode, "/camera/cam_h/video").len(), 1);
    assert_said(&imported.problems, true, &["/cam_h/depth/image_raw/compressedDepth", "left out"]);
    assert_said(
        &imported.problems,
        false,
        &["/sensors_data_raw", "imu_data", "left out as the mapping says"],
    );
}

#[test]
fn a_bag_that_was_cut_gives_what_is_before_the_cut() {
    let Some(root) = data("teleop_centre_mcap") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let bytes = fs::read(root.join("robocodec_test_18.bag")).expect("a bag");
    for (share, messages) in [(0.5, 1..22), (0.01, 0..2), (0.95, 22..24)] {
        let path = folder.path().join("cut.bag");
        fs::write(&path, &bytes[..(bytes.len() as f64 * share) as usize]).expect("a file");
        let source = Source::open(&path, None).expect("a source");
        let mut records = source.read(&source.recordings[0]).expect("records");
        while records.next(&|_| true).is_some() {}
        let found: u64 = records.ledger().topics.values().map(|count| count.messages).sum();
        assert!(messages.contains(&found), "{share}: {found}");
        assert!(records.ledger().all_problems().iter().any(|problem| problem.loss), "{share}");
    }
}

// shows: rosbag2-sqlite3 read-real
// shows: rosbag2-mcap read-real
// shows: mcap-ros2msg read-real
#[test]
fn split_recordings_of_both_storages_come_in_whole() {
    let Some(root) = data("rosbag2_mcap_sqlite") else { return };
    for storage in ["mcap", "sqlite3"] {
        let folder = root.join(format!("rosbag2_py/test/resources/{storage}/wbag"));
        let source = Source::open(&folder, None).expect("a source");
        assert_eq!((source.format, source.recordings.len()), (Format::Rosbag2, 1), "{storage}");
        let mut records = source.read(&source.recordings[0]).expect("records");
        let (texts, problems) = texts(records.as_mut());
        assert_eq!(texts.len(), 6074, "{storage} {problems:?}");
        assert!(problems.is_empty(), "{storage} {problems:?}");
        assert!(texts.iter().all(|text| text.starts_with("Hello, world!")), "{storage}");
    }
}

#[test]
fn parts_without_metadata_are_one_recording() {
    let Some(root) = data("rosbag2_mcap_sqlite") else { return };
    for (storage, end, count) in [("mcap", "mcap", 3177), ("sqlite3", "db3", 3177)] {
        let folder =
            root.join(format!("rosbag2_py/test/resources/{storage}/reindex_test_bags/multiple_files"));
        let source = Source::open(&folder, None).expect("a source");
        assert_eq!(source.recordings.len(), 1, "{storage}");
        assert!(
            source.recordings[0].files.iter().all(|path| path.extension().is_some_and(|found| found == end))
        );
        let mut records = source.read(&source.recordings[0]).expect("records");
        let (texts, problems) = texts(records.as_mut());
        assert_eq!(texts.len(), count, "{storage}: {problems:?}");
    }
}

#[test]
fn a_missing_part_is_told() {
    let Some(root) = data("rosbag2_mcap_sqlite") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let from = root.join("rosbag2_py/test/resources/sqlite3/wbag");
    for name in ["metadata.yaml", "wbag_0.db3", "wbag_2.db3", "wbag_3.db3", "wbag_4.db3"] {
        fs::write(folder.path().join(name), fs::read(from.join(name)).expect("a file")).expect("a file");
    }
    let source = Source::open(folder.path(), None).expect("a source");
    let mut records = source.read(&source.recordings[0]).expect("records");
    let (_, problems) = texts(records.as_mut());
    assert!(
        problems.iter().any(|problem| problem.contains("wbag_1.db3") && problem.contains("lost")),
        "{problems:?}"
    );
    assert!(
        problems.iter().any(|problem| problem.contains("metadata.yaml states 6074 messages")),
        "{problems:?}"
    );
}

#[test]
fn a_database_that_was_cut_gives_the_rows_of_its_whole_pages() {
    let Some(root) = data("rosbag2_mcap_sqlite") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let bytes = fs::read(root.join("rosbag2_py/test/resources/sqlite3/wbag/wbag_0.db3")).expect("a file");
    let read = |bytes: &[u8]| {
        let path = folder.path().join("cut.db3");
        fs::write(&path, bytes).expect("a file");
        let source = Source::open(&path, None).expect("a source");
        let mut records = source.read(&source.recordings[0]).expect("records");
        texts(records.as_mut())
    };
    let (whole, problems) = read(&bytes);
    assert!(problems.is_empty(), "{problems:?}");
    let (cut, problems) = read(&bytes[..bytes.len() / 2]);
    assert!(cut.len() > whole.len() / 4 && cut.len() < whole.len(), "{} of {}", cut.len(), whole.len());
    assert!(problems.iter().any(|problem| problem.contains("pages are missing")), "{problems:?}");
    assert!(problems.iter().any(|problem| problem.contains("and the rows on it are lost")), "{problems:?}");
}

#[test]
fn numbers_of_ros_2_keep_their_values() {
    let Some(root) = data("rosbag2_mcap_sqlite") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let mapping = "schema = 1\nformat = \"rosbag2\"\n[clock]\ntime = \"log\"\n[[stream]]\ntopic = \"/imported/numbers\"\n\
                   kind = \"joint_states\"\nfrom = \"b_basictypes\"\nposition = { unit = \"unknown\", field = [\"bool_value\", \
                   \"float32_value\", \"float64_value\", \"int8_value\", \"uint8_value\", \"int64_value\"] }\nchannels = [{ name = \
                   \"a\" }, { name = \"b\" }, { name = \"c\" }, { name = \"d\" }, { name = \"e\" }, { name = \"f\" }]\n";
    let recording = root.join("rosbag2_py/test/resources/mcap/convert_a");
    let importer = importer(&recording, mapping, &card("franka_panda")).expect("a source");
    let (episode, imported) = import_at(&importer, 0, folder.path());
    let found = positions(&episode, "/imported/numbers");
    assert_eq!(found.len(), 50);
    assert!(found.iter().flatten().all(|value| value.is_finite()), "{found:?}");
    assert_said(&imported.problems, true, &["b_basictypes uint64_value", "50 messages"]);
    assert_said(&imported.problems, true, &["a_empty", "100 messages"]);
    // The same recording in SQLite does not define its types: that is said, and nothing is guessed.
    let recording = root.join("rosbag2_py/test/resources/sqlite3/convert_a");
    let importer = super::importer(&recording, mapping, &card("franka_panda")).expect("a source");
    let error = importer.import(0, &folder.path().join("x.mcap")).expect_err("no types").to_string();
    assert!(error.contains("does not define its type test_msgs/msg/BasicTypes"), "{error}");
    assert!(!Path::new(&folder.path().join("x.mcap")).exists());
}

#[test]
fn a_mapped_topic_that_cannot_be_read_is_told_and_the_others_come_in() {
    let Some(root) = data("rosbag2_mcap_sqlite") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    // The recording's own definition of the second type does not fit its messages.
    let mapping = "schema = 1\nformat = \"rosbag2\"\n[clock]\ntime = \"log\"\n[[stream]]\ntopic = \"/imported/level\"\n\
                   kind = \"joint_states\"\nfrom = \"/rosout\"\nposition = { field = \"level\", unit = \"unknown\" }\n\
                   channels = [{ name = \"level\" }]\n[[note]]\nkey = \"first\"\nfrom = \"/topic\"\nfield = \"data\"\n";
    let recording = root.join("rosbag2_py/test/resources/sqlite3/talker");
    let importer = importer(&recording, mapping, &card("franka_panda")).expect("a source");
    let error = importer.import(0, &folder.path().join("x.mcap")).expect_err("nothing to fill").to_string();
    assert!(error.contains("/rosout: 10 of 10 messages cannot be read"), "{error}");
}
