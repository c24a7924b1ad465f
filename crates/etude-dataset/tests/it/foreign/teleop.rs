//! Real recordings of training centres: MCAP with ROS 2 and ROS 1 messages.

use super::{assert_said, card, import_at, importer, positions, repository, samples};
use crate::data;
use etude_dataset::foreign::draft::draft;
use etude_dataset::foreign::{Error, Mapping, Source};
use etude_episode::Episode;
use etude_model::{ClockKind, Sample};
use std::path::Path;

const PANDA: &str = "mappings/franka_panda_io_teleop.toml";

#[test]
fn a_panda_comes_in_by_its_mapping() {
    let Some(root) = data("teleop_centre_mcap") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let mapping = repository(PANDA);
    let source = root.join("robocodec_test_1.mcap");
    let importer = importer(&source, &mapping, &card("franka_panda")).expect("a source");
    let (episode, imported) = import_at(&importer, 0, folder.path());
    assert_eq!(imported.manifest.clock, ClockKind::Measured);
    assert_eq!(imported.started_us, Some(1_743_614_993_602_309));
    let states = samples(&episode, "/robot/joint_states");
    // The header stamp is six days later than the log time, and is kept as the device's own time.
    let stamp = states[0].0;
    assert_eq!(stamp.log.ns(), 1_743_614_993_604_465_917);
    assert_eq!(stamp.device.map(etude_model::DeviceTime::ns), Some(1_744_168_930_057_816_505));
    let Sample::JointStates(joints) = &states[0].1 else { panic!("no joint states") };
    assert_eq!((joints.position.len(), joints.velocity.len(), joints.effort.len()), (9, 9, 9));
    assert!((joints.position[3] + 2.371).abs() < 1e-3 && (joints.position[7] - 0.039).abs() < 1e-3);
    assert_eq!(positions(&episode, "/robot/joint_commands")[0].len(), 7);
    // The JPEG pictures come in as video, which is said.
    for camera in ["/camera/ob_camera_01/video", "/camera/ob_camera_02/video"] {
        let Sample::Video(frame) = &samples(&episode, camera)[0].1 else { panic!("no video") };
        assert!(frame.is_key && frame.data.len() > 1000);
        assert_said(&imported.problems, true, &[camera, "1 JPEG pictures were coded anew as H.264"]);
    }
    assert_eq!(imported.problems.iter().filter(|problem| problem.loss).count(), 2, "{:?}", imported.problems);
    assert_said(&imported.problems, false, &["io_teleop/target_ee_poses", "the frame of the poses"]);
    // The mapping travels with the episode.
    let attached =
        Episode::open(&episode).expect("an episode").attachment("mapping.toml").expect("an attachment");
    assert_eq!(attached, Some(mapping.into_bytes()));
}

#[test]
fn what_the_mapping_does_not_settle_is_asked() {
    let Some(root) = data("teleop_centre_mcap") else { return };
    let source = root.join("robocodec_test_1.mcap");
    let folder = tempfile::tempdir().expect("a folder");
    let ask = |from: &str, to: &str| {
        let mapping = repository(PANDA).replacen(from, to, 1);
        assert_ne!(mapping, repository(PANDA));
        let error = importer(&source, &mapping, &card("franka_panda"))
            .and_then(|importer| importer.import(0, &folder.path().join("0.mcap")))
            .expect_err("a question");
        assert!(matches!(error, Error::Questions { .. } | Error::Mapping { .. }), "{error}");
        error.to_string()
    };
    let asked = ask("source = \"panda_joint1\", unit = \"rad\"", "source = \"panda_joint1\"");
    assert!(
        asked.contains("/robot/joint_states (io_teleop/joint_states): in which unit is position?"),
        "{asked}"
    );
    let asked =
        ask("source = \"panda_joint1\", unit = \"rad\"", "source = \"panda_joint1\", unit = \"count\"");
    assert!(
        asked.contains("the card's `joint1` is in rad, the mapping says count: what is the scale"),
        "{asked}"
    );
    let asked = ask("source = \"panda_joint1\"", "source = \"joint_one\"");
    assert!(asked.contains("[\"joint_one\"] are not among the names of name"), "{asked}");
    let asked = ask("names = \"name\"\n", "");
    assert!(asked.contains("`panda_joint1` is a name of the source: which field has the names?"), "{asked}");
    let asked = ask("format = \"mcap\"", "format = \"rosbag1\"");
    assert_eq!(asked, "mapping.toml: format: expected mcap, found rosbag1");
}

#[test]
fn every_mapping_of_the_repository_is_one() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../mappings");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("a file").path();
        let text = std::fs::read_to_string(&path).expect("text");
        let mapping =
            Mapping::from_toml(&text, &path.display().to_string()).unwrap_or_else(|error| panic!("{error}"));
        assert!(
            mapping.about.is_some_and(|about| about.len() > 100),
            "{}: says nothing of its evidence",
            path.display()
        );
        count += 1;
    }
    assert!(count >= 5);
}

#[test]
fn names_of_no_joint_are_asked_about() {
    let Some(root) = data("teleop_centre_mcap") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let mapping = "schema = 1\nformat = \"mcap\"\n[clock]\ntime = \"log\"\n[[stream]]\ntopic = \"/robot/joint_states\"\n\
                   kind = \"joint_states\"\nfrom = \"/io_teleop/joint_states\"\nnames = \"name\"\n\
                   position = { field = \"position\", unit = \"rad\" }\n";
    let importer =
        importer(&root.join("robocodec_test_9.mcap"), mapping, &card("unitree_g1_dex3")).expect("a source");
    let error = importer.import(0, &folder.path().join("0.mcap")).expect_err("questions").to_string();
    assert!(
        error.contains("the card has no joints called `left_joint_1.pos`") && error.contains("more"),
        "{error}"
    );
}

#[test]
fn every_recording_is_drafted_with_its_evidence() {
    let Some(root) = data("teleop_centre_mcap") else { return };
    for (file, robot, evidence) in [
        ("robocodec_test_0.mcap", "unitree_g1_dex3", "which joint of the card is joint_0?"),
        ("robocodec_test_1.mcap", "franka_panda", "which joint of the card is panda_joint1?"),
        ("robocodec_test_6.mcap", "unitree_g1_dex3", "R_thumb_MCP_joint1"),
        ("robocodec_test_9.mcap", "unitree_g1_dex3", "agv_linear_speed.pos"),
        ("robocodec_test_10.mcap", "franka_panda", "6 of 6 names are joints of the card"),
        ("robocodec_test_13.mcap", "franka_panda", "slide_joint"),
        ("robocodec_test_18.bag", "leju_kuavo_s45", "joint_data.joint_q: 28 x"),
    ] {
        let source = Source::open(&root.join(file), None).expect("a source");
        let text = draft(&source, &card(robot)).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert!(text.contains(evidence), "{file}: {evidence}\n{text}");
        // A draft is TOML, and asks before anything else.
        let error = Mapping::from_toml(&text, file).expect_err("questions");
        assert!(matches!(error, Error::Questions { .. }), "{file}: {error}\n{text}");
    }
}

// shows: mcap-ros1 read-real
#[test]
fn poses_of_a_car_in_ros_1_messages() {
    let Some(root) = data("mcap_crate_ros1_tf") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let mapping = "schema = 1\nformat = \"mcap\"\n[clock]\ntime = \"log\"\nstamp = \"transforms[0].header.stamp\"\n\
                   [[stream]]\ntopic = \"/robot/base/pose\"\nkind = \"pose\"\nfrom = \"/tf\"\nframe = \"map\"\n\
                   position = { field = \"transforms[0].transform.translation\", unit = \"m\" }\n\
                   orientation = { field = \"transforms[0].transform.rotation\" }\n\
                   [[skip]]\nfrom = \"/diagnostics\"\nwhy = \"no motion\"\n";
    let importer = importer(&root.join("compressed.mcap"), mapping, &card("franka_panda")).expect("a source");
    let (episode, imported) = import_at(&importer, 0, folder.path());
    let poses = samples(&episode, "/robot/base/pose");
    assert_eq!(poses.len(), 774);
    assert!(poses.iter().all(|(_, sample)| matches!(sample, Sample::Pose(pose) if pose.pose.is_valid())));
    assert_said(
        &imported.problems,
        false,
        &["/diagnostics", "52 messages left out as the mapping says: no motion"],
    );
    assert_said(&imported.problems, true, &["/tf transforms[].child_frame_id"]);
}
