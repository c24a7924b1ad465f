//! What lies beside recordings: cameras' parameters, annotators' words, a simulation's clock.

use super::*;
use crate::foreign::draft;

/// A turn of a quarter about z, as `AgiBot` World writes one, further along x in each frame.
fn extrinsics(frames: usize) -> String {
    let frame = |row: usize| {
        serde_json::json!({"extrinsic": {"rotation_matrix": [[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]],
                                         "translation_vector": [row as f64 * 0.5, 0.25, 1.5]}})
    };
    (0..frames).map(frame).collect::<serde_json::Value>().to_string()
}

const CAMERA: &str = "schema = 1\nformat = \"agibot_world\"\n[clock]\ntime = \"log\"\n\
    [[stream]]\ntopic = \"/camera/head/calibration\"\nkind = \"calibration\"\nfrom = \"parameters/head_intrinsic_params\"\n\
    frame = \"head_camera\"\nrows = 480\ncolumns = 640\n\
    [[stream]]\ntopic = \"/robot/head_camera/pose\"\nkind = \"pose\"\nfrom = \"parameters/head_extrinsic_params_aligned\"\n\
    frame = \"base\"\nposition = { field = \"extrinsic.translation_vector\", unit = \"m\" }\n\
    orientation = { field = \"extrinsic.rotation_matrix\", order = \"matrix\" }\n";

// shows: agibot read-made
#[test]
fn cameras_of_agibot_world_come_in_with_their_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path();
    let times = agibot(root);
    let cameras = root.join("parameters/327/648642/parameters/camera");
    fs::create_dir_all(&cameras).expect("a folder");
    let intrinsic =
        "{\"intrinsic\": {\"fx\": 610.5, \"fy\": 611.25, \"ppx\": 320.5, \"ppy\": 240.0, \"k1\": 0.125}}";
    fs::write(cameras.join("head_intrinsic_params.json"), intrinsic).expect("a file");
    fs::write(cameras.join("head_extrinsic_params_aligned.json"), extrinsics(ROWS)).expect("a file");
    fs::write(cameras.join("hand_left_extrinsic_params_aligned.json"), extrinsics(ROWS - 1)).expect("a file");
    fs::write(cameras.join("hand_right_intrinsic_params.json"), "{\"intrinsic\": {").expect("a file");
    fs::write(cameras.join("long.json"), vec![b' '; (4 << 20) + 1]).expect("a file");
    fs::write(root.join("secret"), "{}").expect("a file");
    std::os::unix::fs::symlink(root.join("secret"), cameras.join("link.json")).expect("a link");
    let episode = Episodes::import(root, CAMERA, "franka_panda").expect("an episode");
    let calibrations = episode.samples("/camera/head/calibration");
    let (ns, Sample::Calibration(calibration)) = &calibrations[0] else { panic!("a calibration") };
    assert_eq!((calibrations.len(), *ns), (1, times[0]));
    assert_eq!((calibration.width, calibration.height), (640, 480));
    assert_eq!(calibration.k, [610.5, 0.0, 320.5, 0.0, 611.25, 240.0, 0.0, 0.0, 1.0]);
    assert_eq!((&*calibration.distortion_model, &calibration.distortion[..]), ("", &[][..]));
    let poses = episode.samples("/robot/head_camera/pose");
    let (ns, Sample::Pose(pose)) = &poses[3] else { panic!("a pose") };
    assert_eq!((poses.len(), *ns, pose.pose.position_m), (ROWS, times[3], [1.5, 0.25, 1.5]));
    let half = std::f64::consts::FRAC_1_SQRT_2;
    let found = pose.pose.orientation_xyzw;
    assert!(found.iter().zip([0.0, 0.0, half, half]).all(|(a, b)| (a - b).abs() < 1e-12), "{found:?}");
    // The files themselves, whatever of them is understood.
    let opened = Episode::open(&episode.path).expect("an episode");
    let kept = opened.attachment("parameters/head_intrinsic_params.json").expect("a file").expect("a file");
    assert_eq!(kept, intrinsic.as_bytes());
    assert!(opened.attachment("parameters/hand_right_intrinsic_params.json").expect("a file").is_some());
    assert!(!opened.attachments().any(|name| name.contains("long") || name.contains("link")));
    let losses = episode.losses();
    for words in [
        "parameters/head_intrinsic_params intrinsic.k1: a value in 1 message left out",
        "parameters/hand_right_intrinsic_params.json: it is no JSON",
        "parameters/long.json: it is left out: expected at most 4194304 bytes, found more",
        "parameters/link.json: it is left out: links are not followed",
        "parameters/hand_left_extrinsic_params_aligned.json: it has 11 values for 12 rows: they have no time",
    ] {
        assert!(losses.iter().any(|line| line.contains(words)), "{words} in {losses:#?}");
    }
    // Without the size, and with a size that is stated twice, it asks.
    let refused =
        Episodes::import(root, &CAMERA.replace("rows = 480\ncolumns = 640\n", ""), "franka_panda").err();
    let refused = refused.expect("a question").to_string();
    assert!(refused.contains("how large are the pictures"), "{refused}");
    let text = draft(&Source::open(root, None).expect("a source"), &card("franka_panda")).expect("a draft");
    for words in [
        "kind = \"calibration\"\nfrom = \"parameters/head_intrinsic_params\"",
        "rows = \"? how many pixels high are the pictures that these numbers are for?\"",
        "position = { field = \"extrinsic.translation_vector\", unit = \"? ",
        "orientation = { field = \"extrinsic.rotation_matrix\", order = \"matrix\" }",
    ] {
        assert!(text.contains(words), "{words} in {text}");
    }
}

fn robomind(root: &Path, clock: Option<Vec<f64>>) -> PathBuf {
    let path =
        root.join("h5_simulation/pick_01/success_episodes/train/2024_10_11-15_18_23/data/trajectory.hdf5");
    let mut datasets = vec![
        ("franka/joint_position", columns(0, 8)),
        ("observations/rgb_images/camera_handeye", Made::Coded((0..ROWS / 4).map(png).collect())),
    ];
    datasets.extend(clock.map(|times| ("sim_time_seq", Made::Numbers(vec![times.len() as u64], times))));
    file(&path, datasets, &[]);
    path
}

// shows: robomind read-made
#[test]
fn what_annotators_said_of_a_recording_of_robomind_comes_with_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = robomind(folder.path(), None);
    let facts = |path: &Path| {
        let source = Source::open(path, None).expect("a source");
        let records = source.read(&source.recordings[0]).expect("records");
        (records.facts(), records.ledger().all_problems())
    };
    let (said, problems) = facts(&path);
    assert_eq!((said.instruction, problems), (None, Vec::new()));
    let annotations = folder.path().join("language_description_annotation_json");
    fs::create_dir_all(&annotations).expect("a folder");
    let entry = |id: &str| {
        serde_json::json!([{"id": id, "response": {"task_summary": "Open the door", "steps": [
            {"step_description": "Reach", "start_frame": "camera_0000.jpg", "end_frame": "camera_0010.jpg"}]}}])
    };
    let file = annotations.join("h5_simulation_franka.json");
    let id = "h5_simulation/pick_01/success_episodes/train/2024_10_11-15_18_23/data";
    fs::write(&file, entry(id).to_string()).expect("a file");
    fs::write(annotations.join("h5_ur_1rgb.json"), "[]").expect("a file");
    let (said, problems) = facts(&path);
    assert_eq!(said.instruction.as_deref(), Some("Open the door"));
    assert!(said.notes["robomind.steps"].contains("\"end_frame\":\"camera_0010.jpg\""), "{:?}", said.notes);
    assert_eq!(
        (&*said.notes["robomind.embodiment"], &*said.notes["robomind.task"]),
        ("h5_simulation", "pick_01")
    );
    assert_eq!(problems, Vec::new());
    // Another recording's words are not taken for its own.
    fs::write(&file, entry(&id.replace("_18_23", "_18_24")).to_string()).expect("a file");
    let (said, problems) = facts(&path);
    assert_eq!(said.instruction, None);
    assert!(problems[0].to_string().contains(&format!("none of its 2 files names {id}")), "{problems:?}");
}

#[test]
fn a_simulations_times_are_a_clock_where_they_are_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let mapping = "schema = 1\nformat = \"robomind\"\n[clock]\ntime = \"log\"\nsimulated = true\n\
        [[stream]]\ntopic = \"/robot/joint_states\"\nkind = \"joint_states\"\nfrom = \"franka\"\n\
        position = { field = \"joint_position[0:1]\", unit = \"rad\" }\nchannels = [{ name = \"joint1\" }]\n";
    let times: Vec<f64> = (0..ROWS).map(|row| 2.5 + row as f64 * 0.0125).collect();
    let path = robomind(folder.path(), Some(times.clone()));
    let episode = Episodes::import(&path, mapping, "franka_panda").expect("an episode");
    let states = episode.samples("/robot/joint_states");
    assert_eq!((states.len(), states[0].0, states[4].0), (ROWS, 2_500_000_000, 2_550_000_000));
    let manifest = Episode::open(&episode.path).expect("an episode").manifest().clone();
    assert_eq!(manifest.clock, ClockKind::Simulated);
    let told = |episode: &Episodes| episode.problems.iter().map(ToString::to_string).collect::<Vec<_>>();
    let said = "sim_time_seq: its 12 numbers, 2.500 to 2.638, are taken for seconds of the simulation";
    assert!(told(&episode).iter().any(|line| line.contains(said)), "{:?}", told(&episode));
    let back = [&times[..6], &times[..6]].concat();
    for (clock, why) in [
        (back, "row 6 is 2.5 s, -0.0625 s after"),
        (vec![1.0; ROWS], "it never changes"),
        ((0..ROWS).map(|row| row as f64 * 1e6).collect(), "row 1 is 1000000 s"),
    ] {
        let path = robomind(folder.path(), Some(clock));
        let refused = Episodes::import(&path, mapping, "franka_panda").err().expect("no clock").to_string();
        assert!(refused.contains("no log times"), "{refused}");
        let (_, problems) = records(&path, Format::Robomind);
        assert!(problems.iter().any(|problem| problem.message.contains(why)), "{why} in {problems:?}");
    }
    // A clock of another length is nobody's.
    let path = robomind(folder.path(), Some(times[..10].to_vec()));
    let refused = Episodes::import(&path, mapping, "franka_panda").err().expect("no clock").to_string();
    assert!(refused.contains("no log times"), "{refused}");
}
