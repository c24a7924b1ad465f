//! Recordings of makers whose real files are not at hand, in the layouts that they published, with the numbers of a real
//! robot's take where that is there.

mod beside;
mod depth;
mod made;

use super::super::value::{Path as Field, Value};
use super::super::{Error, Importer, Mapping, Record, Source};
use crate::foreign::Format;
use crate::hdf5::write::Attribute;
use crate::problem::Problem;
use arrow_array::cast::AsArray;
use arrow_array::types::Float32Type;
use etude_episode::Episode;
use etude_model::{Card, ClockKind, Sample};
use etude_video::{FrameRate, H264Encoder, H264Settings, Mp4Writer, RgbImage, VideoTrack, encode_png};
use made::{Made, file};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::fs;
use std::path::{Path, PathBuf};

const ROWS: usize = 12;

/// Rows of 26 numbers: the first of a real G1's take, or waves where it is not there.
fn take() -> Vec<Vec<f64>> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let root = std::env::var_os("ETUDE_DATA").map_or(beside, PathBuf::from);
    let path = root.join("g1_inspire_lerobot_v21/data/chunk-000/episode_000000.parquet");
    let waves = || {
        (0..ROWS).map(|row| (0..26).map(|at| (row as f64 * 0.1 + f64::from(at)).sin()).collect()).collect()
    };
    let Ok(file) = fs::File::open(path) else { return waves() };
    let reader =
        ParquetRecordBatchReaderBuilder::try_new(file).and_then(ParquetRecordBatchReaderBuilder::build);
    let mut rows = Vec::new();
    for batch in reader.expect("a table") {
        let batch = batch.expect("rows");
        let column = batch.column_by_name("observation.state").expect("a column");
        let lists = (0..column.len()).map(|row| match column.as_fixed_size_list_opt() {
            Some(list) => list.value(row),
            None => column.as_list::<i32>().value(row),
        });
        rows.extend(lists.map(|row| {
            row.as_primitive::<Float32Type>().values().iter().map(|value| f64::from(*value)).collect()
        }));
    }
    rows.truncate(ROWS);
    assert_eq!(rows.len(), ROWS);
    rows
}

/// Columns `from..to` of the take.
fn columns(from: usize, to: usize) -> Made {
    let rows = take();
    let numbers = rows.iter().flat_map(|row| row[from..to].to_vec()).collect();
    Made::Numbers(vec![ROWS as u64, (to - from) as u64], numbers)
}

/// Writes the numbers of a recording of `AgiBot` World; the times of its rows, ns.
fn agibot(root: &Path) -> Vec<i64> {
    let times: Vec<i64> = (0..ROWS as i64).map(|row| 1_700_000_000_000_000_000 + row * 33_333_333).collect();
    let datasets = vec![
        ("timestamp", Made::Whole(vec![ROWS as u64], times.clone())),
        ("state/joint/position", columns(0, 14)),
        ("action/joint/position", columns(2, 16)),
    ];
    file(&root.join("proprio_stats/327/648642/proprio_stats.h5"), datasets, &[]);
    times
}

fn repository(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn card(robot: &str) -> Card {
    Card::from_toml(&repository(&format!("robots/{robot}/card.toml"))).expect("a card")
}

/// All records of the only recording, and the account.
fn records(path: &Path, format: Format) -> (Vec<Record>, Vec<Problem>) {
    let source = Source::open(path, None).expect("a source");
    assert_eq!((source.format, source.recordings.len()), (format, 1));
    let mut records = source.read(&source.recordings[0]).expect("records");
    let mut all = Vec::new();
    while let Some(record) = records.next(&|_| true) {
        all.push(record);
    }
    (all, records.ledger().all_problems())
}

fn of<'r>(records: &'r [Record], topic: &str) -> Vec<&'r Record> {
    records.iter().filter(|record| *record.topic == *topic).collect()
}

fn numbers(record: &Record, field: &str) -> Vec<f64> {
    let field: Field = field.parse().expect("a field");
    field.numbers(&record.value).unwrap_or_else(|| panic!("{field} of {:?}", record.value)).numbers
}

struct Episodes {
    _folder: tempfile::TempDir,
    path: PathBuf,
    problems: Vec<Problem>,
}

impl Episodes {
    fn import(source: &Path, mapping: &str, robot: &str) -> Result<Self, Error> {
        let rules = Mapping::from_toml(mapping, "mapping.toml")?;
        let source = Source::open(source, Some(&rules))?;
        let importer = Importer::open(source, (mapping, "mapping.toml"), &card(robot), "test")?;
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("episode.mcap");
        let imported = importer.import(0, &path)?;
        assert!(imported.closed.is_accounted(), "{:?}", imported.closed);
        Ok(Self { _folder: folder, path, problems: imported.problems })
    }

    fn samples(&self, topic: &str) -> Vec<(i64, Sample)> {
        let episode = Episode::open(&self.path).expect("an episode");
        let messages = episode.messages(&[topic], ..).expect("messages");
        messages
            .map(|message| message.expect("a message"))
            .map(|message| (message.stamp.log.ns(), message.sample))
            .collect()
    }

    fn losses(&self) -> Vec<String> {
        self.problems.iter().filter(|problem| problem.loss).map(ToString::to_string).collect()
    }
}

fn picture(row: usize) -> RgbImage {
    let pixels = (0..64 * 48).flat_map(|pixel| [(pixel % 64 * 3) as u8, (row * 16) as u8, 90]).collect();
    RgbImage::new(64, 48, pixels).expect("a picture")
}

fn png(row: usize) -> Vec<u8> {
    encode_png(&picture(row)).expect("a picture")
}

/// A video; the coded frames.
fn video(path: &Path, frames: usize) -> Vec<Vec<u8>> {
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    let rate = FrameRate::from_hz(30).expect("a rate");
    let mut encoder = H264Encoder::new(H264Settings::new(64, 48, rate)).expect("an encoder");
    let units: Vec<_> =
        (0..frames).map(|row| encoder.encode(&picture(row).as_frame()).expect("a frame")).collect();
    let mut writer = Mp4Writer::create(path, VideoTrack::new(units[0].codec, 64, 48, rate)).expect("a file");
    for (index, unit) in (0..).zip(&units) {
        writer.push(unit, index).expect("a frame");
    }
    writer.finish().expect("a file");
    units.into_iter().map(|unit| unit.data).collect()
}

// shows: aloha read-made
#[test]
fn aloha_comes_in_by_its_own_order_of_joints() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("episode_0.hdf5");
    let frames = (0..ROWS).map(|row| picture(row).data().to_vec()).collect();
    let datasets = vec![
        ("observations/qpos", columns(0, 14)),
        ("observations/qvel", columns(2, 16)),
        ("observations/effort", columns(4, 18)),
        ("observations/images/cam_high", Made::Pictures(vec![48, 64, 3], frames)),
        ("action", columns(6, 20)),
    ];
    file(&path, datasets, &[("sim", Attribute::Int(0))]);
    let mapping = repository("mappings/aloha.toml");
    let episode = Episodes::import(&path, &mapping, "trossen_aloha2").expect("an episode");
    let losses = episode.losses();
    assert!(losses.len() == 1 && losses[0].contains("observations/images/cam_high"), "{losses:?}");
    let states = episode.samples("/robot/joint_states");
    let (ns, Sample::JointStates(second)) = &states[1] else { panic!("joint states") };
    assert_eq!((states.len(), *ns), (ROWS, 20_000_000));
    let row = &take()[1];
    assert_eq!(second.position, [&row[..6], &row[7..13]].concat());
    assert_eq!(second.velocity, [&row[2..8], &row[9..15]].concat());
    let grippers = episode.samples("/robot/gripper/state");
    let (_, Sample::JointStates(grippers)) = &grippers[1] else { panic!("joint states") };
    assert_eq!(grippers.position, [row[6], row[13]]);

    let camera = "[[stream]]\ntopic = \"/camera/cam_high/video\"\nkind = \"video\"\nfrom = \
                  \"observations/images/cam_high\"\nframe = \"cam_high\"\ndata = \"data\"\nformat = \"rgb8\"\n";
    let episode =
        Episodes::import(&path, &format!("{mapping}\n{camera}"), "trossen_aloha2").expect("an episode");
    assert_eq!(episode.samples("/camera/cam_high/video").len(), ROWS);
    assert!(episode.losses()[0].contains("12 raw pictures were coded anew"), "{:?}", episode.losses());
}

#[test]
fn compressed_pictures_of_aloha_lose_their_padding() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("episode_0.hdf5");
    let coded: Vec<Vec<u8>> = (0..ROWS).map(png).collect();
    let longest = coded.iter().map(Vec::len).max().expect("pictures");
    let padded: Vec<Vec<u8>> =
        coded.iter().map(|bytes| [&bytes[..], &vec![0; longest - bytes.len()]].concat()).collect();
    let lengths = coded.iter().map(|bytes| bytes.len() as f64).collect();
    let datasets = vec![
        ("observations/qpos", columns(0, 14)),
        ("observations/images/cam_high", Made::Pictures(vec![longest as u64], padded)),
        ("compress_len", Made::Numbers(vec![1, ROWS as u64], lengths)),
        ("action", columns(6, 20)),
    ];
    file(&path, datasets, &[("compress", Attribute::Int(1))]);
    let (records, problems) = records(&path, Format::Aloha);
    let pictures = of(&records, "observations/images/cam_high");
    assert_eq!(pictures.len(), ROWS);
    for (record, coded) in pictures.iter().zip(&coded) {
        assert_eq!(record.value.part("data"), Some(&Value::Bytes(coded.clone())));
    }
    assert_eq!(problems, []);
}

// shows: robomind read-made
#[test]
fn robomind_comes_in_for_every_embodiment_of_its_table() {
    let coded = || Made::Coded((0..ROWS).map(png).collect());
    let agilex: Vec<(&str, Made)> = ["master", "puppet"]
        .iter()
        .flat_map(|side| {
            ["end_effector", "joint_effort", "joint_position", "joint_velocity"].iter().enumerate().flat_map(
                move |(at, kind)| {
                    ["left", "right"].map(|hand| (format!("{side}/{kind}_{hand}"), columns(at, at + 7)))
                },
            )
        })
        .map(|(path, made)| (&*path.leak(), made))
        .collect();
    let plain = |width| {
        vec![("master/joint_position", columns(0, width)), ("puppet/joint_position", columns(1, 1 + width))]
    };
    let fingers = || {
        vec![
            ("puppet/joint_position", columns(0, 14)),
            ("puppet/end_effector", columns(14, 26)),
            ("master/joint_position", columns(0, 14)),
        ]
    };
    let cases = vec![
        ("h5_agilex_3rgb", "camera_front", agilex, ("puppet", 56)),
        ("h5_franka_3rgb", "camera_top", plain(8), ("puppet", 8)),
        ("h5_franka_1rgb", "camera_top", plain(8), ("puppet", 8)),
        ("h5_ur_1rgb", "camera_top", plain(7), ("puppet", 7)),
        ("h5_franka_fr3_dual", "camera_top", plain(16), ("puppet", 16)),
        ("h5_tienkung_gello_1rgb", "camera_top", plain(16), ("puppet", 16)),
        ("h5_tienkung_prod1_gello_1rgb", "camera_top", plain(16), ("puppet", 16)),
        ("h5_tienkung_xsens_1rgb", "camera_top", fingers(), ("puppet", 26)),
    ];
    for (embodiment, camera, mut datasets, (topic, width)) in cases {
        let folder = tempfile::tempdir().expect("a folder");
        let root =
            folder.path().join(format!("benchmark1_0_release/{embodiment}/pick/success_episodes/train"));
        let path = root.join("0101_120000/data/trajectory.hdf5");
        let camera = format!("observations/rgb_images/{camera}");
        datasets.push((&camera, coded()));
        file(&path, datasets, &[]);
        let (records, problems) = records(&root, Format::Robomind);
        assert_eq!(problems, [], "{embodiment}");
        let rows = of(&records, topic);
        let Value::Struct(parts) = &rows[0].value else { panic!("{:?}", rows[0]) };
        let found: usize = parts.iter().map(|(name, _)| numbers(rows[0], name).len()).sum();
        assert_eq!((rows.len(), found), (ROWS, width), "{embodiment}");
        assert_eq!(of(&records, &camera).len(), ROWS);
        let source = Source::open(&root, None).expect("a source");
        assert_eq!(source.recordings[0].name, "0101_120000");
        let facts = source.read(&source.recordings[0]).expect("records").facts();
        assert_eq!(
            (&*facts.notes["robomind.embodiment"], &*facts.notes["robomind.task"]),
            (embodiment, "pick")
        );
    }
}

#[test]
fn robominds_franka_becomes_an_episode() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("h5_franka_1rgb/pick/success_episodes/train/a/data/trajectory.hdf5");
    let datasets = vec![
        ("master/joint_position", columns(0, 8)),
        ("puppet/joint_position", columns(1, 9)),
        ("puppet/end_effector", columns(9, 15)),
        ("observations/rgb_images/camera_top", Made::Coded((0..ROWS).map(png).collect())),
    ];
    file(&path, datasets, &[]);
    let mapping = repository("mappings/robomind_franka.toml");
    let refused = Episodes::import(folder.path(), &mapping, "franka_panda").err().expect("no rate");
    assert!(refused.to_string().contains("how many samples per second"), "{refused}");
    let mapping = mapping.replace("time = \"rate\"", "time = \"rate\"\nrate_hz = 30");
    let camera = "[[stream]]\ntopic = \"/camera/camera_top/video\"\nkind = \"video\"\nfrom = \
                  \"observations/rgb_images/camera_top\"\nframe = \"camera_top\"\ndata = \"data\"\nformat = \"png\"\n";
    let episode =
        Episodes::import(folder.path(), &format!("{mapping}\n{camera}"), "franka_panda").expect("an episode");
    assert_eq!(episode.samples("/camera/camera_top/video").len(), ROWS);
    let states = episode.samples("/robot/joint_states");
    let (_, Sample::JointStates(last)) = &states[ROWS - 1] else { panic!("joint states") };
    assert_eq!(last.position, take()[ROWS - 1][1..8]);
    let clock = Episode::open(&episode.path).expect("an episode").manifest().clock;
    assert_eq!(clock, ClockKind::Synthetic { rate_hz: 30.0 });
}

/// The simulated robots have states more often than pictures: each stream has its own rate, and nothing is repeated.
#[test]
fn robominds_simulations_keep_their_own_rates() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("h5_sim_franka_3rgb/pick/success_episodes/val/b/data/trajectory.hdf5");
    let few = (0..ROWS / 4).map(png).collect();
    let datasets = vec![
        ("franka/joint_position", columns(0, 8)),
        ("franka/joint_velocity", columns(1, 9)),
        ("franka/end_effector", columns(2, 9)),
        ("franka/sim_time_seq", columns(3, 4)),
        ("observations/rgb_images/camera_handeye", Made::Coded(few)),
    ];
    file(&path, datasets, &[]);
    let mapping = "schema = 1\nformat = \"robomind\"\n[clock]\ntime = \"rate\"\nrate_hz = 120\n\
        [[stream]]\ntopic = \"/robot/joint_states\"\nkind = \"joint_states\"\nfrom = \"franka\"\n\
        position = { field = \"joint_position[0:7]\", unit = \"rad\" }\n\
        channels = [{ name = \"joint1\" }, { name = \"joint2\" }, { name = \"joint3\" }, { name = \"joint4\" }, \
        { name = \"joint5\" }, { name = \"joint6\" }, { name = \"joint7\" }]\n\
        [[stream]]\ntopic = \"/camera/handeye/video\"\nkind = \"video\"\nrate_hz = 30\nframe = \"handeye\"\n\
        from = \"observations/rgb_images/camera_handeye\"\ndata = \"data\"\nformat = \"png\"\n";
    let episode = Episodes::import(&path, mapping, "franka_panda").expect("an episode");
    let times = |topic| episode.samples(topic).iter().map(|(ns, _)| *ns).collect::<Vec<_>>();
    assert_eq!(times("/robot/joint_states")[..3], [0, 8_333_333, 16_666_667]);
    assert_eq!(times("/camera/handeye/video"), [0, 33_333_333, 66_666_667]);

    let path = folder.path().join("h5_sim_tienkung_1rgb/pick/success_episodes/val/c/data/trajectory.hdf5");
    let datasets = vec![
        ("tiangong/left_arm_joint_pos_seq", columns(0, 7)),
        ("tiangong/left_arm_joint_effort_seqs", columns(0, 7)),
        ("tiangong/left_hand_joint_pos_seq", Made::Numbers(vec![5, 12], vec![0.5; 60])),
        ("observations/rgb_images/camera_head", Made::Coded((0..3).map(png).collect())),
    ];
    file(&path, datasets, &[]);
    let (records, problems) = records(&path, Format::Robomind);
    assert_eq!(problems, []);
    let counts = ["tiangong", "tiangong/left_hand_joint_pos_seq", "observations/rgb_images/camera_head"];
    assert_eq!(counts.map(|topic| of(&records, topic).len()), [ROWS, 5, 3]);
}

// shows: agibot read-made
#[test]
fn agibot_world_has_a_clock_rows_that_count_and_videos_as_they_are() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path();
    let times: Vec<i64> = (0..ROWS as i64).map(|row| 1_700_000_000_000_000_000 + row * 33_333_333).collect();
    let empty = || Made::Numbers(vec![0], Vec::new());
    let pairs = take().iter().flat_map(|row| row[..6].to_vec()).collect();
    let datasets = vec![
        ("timestamp", Made::Whole(vec![ROWS as u64], times.clone())),
        ("state/joint/position", columns(0, 14)),
        ("state/joint/effort", empty()),
        ("state/end/position", Made::Numbers(vec![ROWS as u64, 2, 3], pairs)),
        ("action/joint/position", columns(2, 16)),
        ("action/joint/index", Made::Whole(vec![3], vec![2, 3, 7])),
    ];
    file(&root.join("proprio_stats/327/648642/proprio_stats.h5"), datasets, &[]);
    let frames = video(&root.join("observations/327/648642/videos/head_color.mp4"), ROWS);
    video(&root.join("observations/327/648642/videos/hand_left_color.mp4"), ROWS - 2);
    fs::create_dir_all(root.join("task_info")).expect("a folder");
    let label = "[{\"episode_id\": 648642, \"task_name\": \"Pick items\", \"init_scene_text\": \"A shelf\", \"label_info\": \
        {\"action_config\": [{\"start_frame\": 0, \"end_frame\": 11, \"action_text\": \"Take\", \"skill\": \"Pick\"}]}}]";
    fs::write(root.join("task_info/task_327.json"), label).expect("a file");
    let (records, problems) = records(root, Format::AgibotWorld);
    let states = of(&records, "state/joint");
    assert_eq!(states.iter().map(|record| record.log_ns.expect("a time")).collect::<Vec<_>>(), times);
    assert_eq!(numbers(states[4], "position"), take()[4][..14]);
    assert_eq!(numbers(of(&records, "state/end")[4], "position[1]"), take()[4][3..6]);
    let actions = of(&records, "action/joint");
    assert_eq!(actions.iter().map(|record| record.number).collect::<Vec<_>>(), [Some(2), Some(3), Some(7)]);
    let head = of(&records, "videos/head_color");
    assert_eq!(head.len(), ROWS);
    assert_eq!(head[5].log_ns, Some(times[5]));
    assert!(
        head.iter()
            .zip(&frames)
            .all(|(record, frame)| record.value.part("data") == Some(&Value::Bytes(frame.clone())))
    );
    let said: Vec<String> = problems.iter().map(|problem| format!("{} {problem}", problem.loss)).collect();
    for words in [
        "true hand_left_color.mp4: it has 10 frames and there are 12 times",
        "false action/joint: 9 of 12 rows do not count, as its index says",
        "false state/joint/effort: it is there and holds nothing",
    ] {
        assert!(said.iter().any(|line| line.starts_with(words)), "{words} in {said:#?}");
    }
    let source = Source::open(root, None).expect("a source");
    assert_eq!(source.recordings[0].name, "327 648642");
    let facts = source.read(&source.recordings[0]).expect("records").facts();
    assert_eq!(facts.instruction.as_deref(), Some("Pick items"));
    assert!(facts.notes["agibot.label_info"].contains("\"skill\":\"Pick\""));
}

// shows: droid read-made
#[test]
fn droid_comes_in_with_its_clock_and_cameras_by_their_place() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().join("lab/success/2023-01-01/a");
    let times = |offset: i64| {
        Made::Whole(
            vec![ROWS as u64],
            (0..ROWS as i64).map(|row| 1_600_000_000_000 + offset + row * 67).collect(),
        )
    };
    let datasets = vec![
        ("action/joint_position", columns(7, 14)),
        ("action/gripper_position", columns(14, 15)),
        ("observation/robot_state/joint_positions", columns(0, 7)),
        ("observation/robot_state/joint_velocities", columns(1, 8)),
        ("observation/robot_state/gripper_position", columns(8, 9)),
        ("observation/timestamp/control/step_start", times(0)),
        ("observation/timestamp/cameras/17225336_frame_received", times(5)),
    ];
    file(&root.join("trajectory.h5"), datasets, &[]);
    let metadata = "{\"uuid\": \"a\", \"user\": \"A. Person\", \"user_id\": \"7\", \"current_task\": \"Move the cup\", \
                    \"success\": true, \"wrist_cam_serial\": \"17225336\"}";
    fs::write(root.join("metadata_a.json"), metadata).expect("a file");
    video(&root.join("recordings/MP4/17225336.mp4"), ROWS);
    let episode = Episodes::import(&root, &repository("mappings/droid_franka.toml"), "franka_panda")
        .expect("an episode");
    let states = episode.samples("/robot/joint_states");
    let (ns, Sample::JointStates(second)) = &states[1] else { panic!("joint states") };
    assert_eq!(*ns, 1_600_000_000_067_000_000);
    assert_eq!(second.position, take()[1][..7]);
    let frames = episode.samples("/camera/wrist/video");
    assert_eq!((frames.len(), frames[1].0), (ROWS, 1_600_000_000_072_000_000));
    let manifest = Episode::open(&episode.path).expect("an episode").manifest().clone();
    assert_eq!(manifest.clock, ClockKind::Measured);
    assert_eq!(manifest.instruction["und"], "Move the cup");
    assert_eq!(manifest.notes["outcome"], "success");
    assert!(!serde_json::to_string(&manifest).expect("JSON").contains("Person"));
}

// shows: mimicgen read-made
#[test]
fn mimicgen_adds_poses_as_matrices() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("demo.hdf5");
    let half = std::f64::consts::FRAC_1_SQRT_2;
    let matrix = [1.0, 0.0, 0.0, 0.25, 0.0, 0.0, -1.0, 0.5, 0.0, 1.0, 0.0, 0.75, 0.0, 0.0, 0.0, 1.0];
    let poses = || Made::Numbers(vec![ROWS as u64, 4, 4], matrix.repeat(ROWS));
    let datasets = vec![
        ("data/demo_3/actions", columns(0, 7)),
        ("data/demo_3/obs/robot0_joint_pos", columns(7, 14)),
        ("data/demo_3/datagen_info/eef_pose", poses()),
        ("data/demo_3/datagen_info/object_poses/cube", poses()),
        (
            "data/demo_3/datagen_info/subtask_term_signals/grasp",
            Made::Whole(vec![ROWS as u64], vec![1; ROWS]),
        ),
    ];
    file(&path, datasets, &[]);
    let mapping = "schema = 1\nformat = \"robomimic\"\n[clock]\ntime = \"rate\"\nrate_hz = 20\n\
        [[stream]]\ntopic = \"/scene/cube/pose\"\nkind = \"pose\"\nfrom = \"datagen_info/object_poses\"\nframe = \"world\"\n\
        position = { field = [\"cube[0][3]\", \"cube[1][3]\", \"cube[2][3]\"], unit = \"m\" }\n\
        orientation = { field = [\"cube[0][0:3]\", \"cube[1][0:3]\", \"cube[2][0:3]\"], order = \"matrix\" }\n";
    let episode = Episodes::import(&path, mapping, "franka_panda").expect("an episode");
    let poses = episode.samples("/scene/cube/pose");
    let (_, Sample::Pose(pose)) = &poses[0] else { panic!("a pose") };
    assert_eq!(pose.pose.position_m, [0.25, 0.5, 0.75]);
    let found = pose.pose.orientation_xyzw;
    assert!(found.iter().zip([half, 0.0, 0.0, half]).all(|(a, b)| (a - b).abs() < 1e-12), "{found:?}");
    let losses = episode.losses();
    assert!(losses.iter().any(|line| line.contains("datagen_info/subtask_term_signals")), "{losses:?}");
}

#[test]
fn rows_that_a_file_states_and_does_not_hold_are_counted_together() {
    const STATED: u64 = 90_000_000;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("demo.hdf5");
    let datasets = vec![
        ("arm/action", Made::Numbers(vec![STATED, 7], vec![0.5; 14])),
        ("arm/force", Made::Numbers(vec![STATED], vec![0.5; 2])),
        ("hand/grip", Made::Numbers(vec![STATED], vec![0.5; 2])),
    ];
    file(&path, datasets, &[]);
    let source = Source::open(&path, None).expect("a source");
    let mut records = source.read(&source.recordings[0]).expect("records");
    let mut read = 0;
    while records.next(&|topic| topic == "arm").is_some() {
        read += 1;
    }
    // What stands behind the numbers are bytes of the file too.
    assert!((2..10_000).contains(&read), "{read}");
    let count = |topic: &str| records.ledger().topics[topic].clone();
    assert_eq!((count("arm").messages, count("arm").unread), (STATED, STATED - read));
    assert_eq!((count("hand").messages, count("hand").unread), (STATED, 0));
    let problems: Vec<String> = records.ledger().all_problems().iter().map(ToString::to_string).collect();
    assert!(problems.iter().any(|problem| problem.contains("to 89999999 are lost")), "{problems:?}");
}
