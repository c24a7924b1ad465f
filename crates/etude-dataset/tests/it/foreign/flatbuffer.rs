//! MCAP with FlatBuffers messages that Foxglove's own schemas and a peer's writer made.

use super::{assert_said, card, import_at, importer, samples};
use etude_dataset::foreign::Source;
use etude_dataset::foreign::draft::draft;
use etude_model::Sample;
use std::path::Path;
use std::process::Command;

const MAPPING: &str = r#"
    schema = 1
    format = "mcap"
    [clock]
    time = "log"
    [[stream]]
    topic = "/robot/hand/pose"
    kind = "pose"
    from = "/hand/pose"
    frame = "base"
    position = { field = "pose.position", unit = "m" }
    orientation = { field = "pose.orientation" }
    [[stream]]
    topic = "/camera/head/depth"
    kind = "depth"
    from = "/camera/depth"
    frame = "camera"
    data = "data"
    format = "16UC1"
    unit = "mm"
    [[stream]]
    topic = "/camera/head/calibration"
    kind = "calibration"
    from = "/camera/info"
    frame = "camera"
"#;

// shows: mcap-flatbuffer peer foxglove-schemas-flatbuffer
#[test]
fn peer_messages_of_foxgloves_schemas_come_in() {
    let Some(python) = std::env::var_os("ETUDE_PEER_READERS") else {
        eprintln!("skipped: ETUDE_PEER_READERS is unset; `cargo xtask test --peers` sets it");
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("peer.mcap");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/peers/flatbuffer_mcap.py");
    let status = Command::new(python).arg(script).arg(&path).status().expect("Python starts");
    assert!(status.success());
    let robot = card("franka_panda");
    let text = draft(&Source::open(&path, None).expect("a source"), &robot).expect("a draft");
    for words in [
        "# /hand/pose: foxglove.PoseInFrame, 50 messages, 10.00 Hz",
        "position = { field = \"pose.position\", unit = \"m\" }",
        "# pose.position: 0..6.125, always -0.5, always 1.25",
        "kind = \"depth\"\nfrom = \"/camera/depth\"",
        "kind = \"calibration\"\nfrom = \"/camera/info\"",
    ] {
        assert!(text.contains(words), "{words} in {text}");
    }
    let importer = importer(&path, MAPPING, &robot).expect("a source");
    let (episode, imported) = import_at(&importer, 0, folder.path());
    let poses = samples(&episode, "/robot/hand/pose");
    let (stamp, Sample::Pose(last)) = &poses[49] else { panic!("a pose") };
    assert_eq!((poses.len(), stamp.log.ns()), (50, 1_700_000_004_900_000_000));
    assert_eq!(last.pose.position_m, [6.125, -0.5, 1.25]);
    assert_eq!(last.pose.orientation_xyzw, [0.0, 0.0, 0.6, 0.8]);
    let depths = samples(&episode, "/camera/head/depth");
    let (_, Sample::Depth(last)) = &depths[2] else { panic!("distances") };
    assert_eq!((depths.len(), last.width, last.height, last.depth_mm[127]), (3, 16, 8, 2127));
    let (_, Sample::Calibration(camera)) = &samples(&episode, "/camera/head/calibration")[0] else {
        panic!("a calibration")
    };
    assert_eq!(camera.k, [12.5, 0.0, 8.0, 0.0, 12.25, 4.0, 0.0, 0.0, 1.0]);
    assert_eq!((&*camera.distortion_model, camera.distortion.len()), ("plumb_bob", 5));
    assert_said(&imported.problems, true, &["/hand/pose frame_id", "50 messages left out"]);
}
