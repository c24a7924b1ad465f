//! Recordings that go through an episode and come back as they were.

use super::{card, import_at, importer, repository, samples};
use crate::data;
use etude_dataset::export::ExportEpisode;
use etude_dataset::streams::{StreamFormat, export};
use etude_model::{Sample, Stamp};

/// What the ROS 2 messages of our own export are.
const OWN: &str = r#"
    schema = 1
    format = "mcap"
    [clock]
    time = "log"
    stamp = "header.stamp"
    [[stream]]
    topic = "/robot/joint_states"
    kind = "joint_states"
    from = "/robot/joint_states"
    names = "name"
    position = { field = "position" }
    velocity = { field = "velocity" }
    effort = { field = "effort", unit = "N*m" }
    channels = [
      { name = "joint1", unit = "rad" }, { name = "joint2", unit = "rad" }, { name = "joint3", unit = "rad" },
      { name = "joint4", unit = "rad" }, { name = "joint5", unit = "rad" }, { name = "joint6", unit = "rad" },
      { name = "joint7", unit = "rad" }, { name = "panda_finger_joint1", unit = "m" },
      { name = "finger_joint2", unit = "m" },
    ]
    [[stream]]
    topic = "/camera/ob_camera_01/video"
    kind = "video"
    from = "/camera/ob_camera_01/video"
    data = "data"
    format = "h264"
"#;

/// A message's times and the bits of its numbers.
type Numbers = (Stamp, Vec<u64>);

// shows: mcap-ros2msg round-trip
// shows: ros2-mcap read-made, round-trip
#[test]
fn ros_2_messages_come_back_bit_by_bit() {
    let Some(root) = data("teleop_centre_mcap") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let card = card("franka_panda");
    let mapping = repository("mappings/franka_panda_io_teleop.toml");
    let first = importer(&root.join("robocodec_test_1.mcap"), &mapping, &card).expect("a source");
    let (there, imported) = import_at(&first, 0, folder.path());
    let out = folder.path().join("out");
    let episodes = [ExportEpisode::new(&there, imported.closed.digest)];
    export(&episodes, &out, StreamFormat::Ros2Mcap, &mut |_, _| {}).expect("a recording");

    let again = folder.path().join("again");
    std::fs::create_dir(&again).expect("a folder");
    let second = importer(&out.join("episode_000000.mcap"), OWN, &card).expect("a source");
    let (back, _) = import_at(&second, 0, &again);
    let numbers = |(stamp, sample): (Stamp, Sample)| -> Numbers {
        let Sample::JointStates(joints) = sample else { panic!("no joint states: {sample:?}") };
        let all = joints.position.iter().chain(&joints.velocity).chain(&joints.effort);
        (stamp, all.map(|value| value.to_bits()).collect())
    };
    let of =
        |path| -> Vec<Numbers> { samples(path, "/robot/joint_states").into_iter().map(numbers).collect() };
    let (before, after) = (of(&there), of(&back));
    assert_eq!((before.len(), before[0].1.len()), (after.len(), 27));
    for ((stamp, numbers), (stamp_back, numbers_back)) in before.iter().zip(&after) {
        assert_eq!((numbers, stamp.log), (numbers_back, stamp_back.log));
    }
    let frames = |path| -> Vec<Sample> {
        samples(path, "/camera/ob_camera_01/video").into_iter().map(|(_, sample)| sample).collect()
    };
    assert!(!frames(&there).is_empty() && frames(&there) == frames(&back), "coded frames are not the same");
}
