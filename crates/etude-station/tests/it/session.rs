//! Whole takes: a scripted trainer leads a simulated robot through teleoperation, governor and recorder.

use etude_inspect::{Options, RuleSet};
use etude_model::id::{EpisodeId, StationId, TrainerId};
use etude_model::rights::Rights;
use etude_model::take::{Outcome, TakeState};
use etude_model::{ClockKind, HostTime, Origin, Sample, Topic};
use etude_robot::SimulatedRobot;
use etude_sim::{Renderer, Scene, SimOptions, Simulation, plan};
use etude_station::session::{Desk, Order, TakeResult, load_card, record};
use etude_station::teleop::Teleop;
use etude_station::trainer::scripted::{Habits, ScriptedTrainer};
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Records one take of ALOHA lifting the can, or says why that cannot be done here.
fn take(folder: &Path, seed: u64, blunder_share: f64) -> Option<TakeResult> {
    let models = root().join(".deps/robots");
    if !models.join("aloha").exists() {
        eprintln!("skipped: no robot models in .deps/robots; `cargo xtask setup` fetches them");
        return None;
    }
    let card = load_card(&root().join("robots"), "trossen_aloha2").expect("a card");
    let scene = Scene::load(&root().join("scenes/flat")).expect("a scene");
    let mut simulation =
        Simulation::compose(&scene, &card, &models, &SimOptions::default(), seed).expect("a simulation");
    simulation.reset("lift_can", seed).expect("the task");
    let renderer = match Renderer::new(&simulation, None) {
        Ok(renderer) => renderer,
        Err(error) => {
            eprintln!("skipped: {error}");
            return None;
        }
    };
    let (plan, base) = (plan::for_task(&simulation).expect("a plan"), simulation.base_pose());
    let task = simulation.task().description.clone();
    let mut robot = SimulatedRobot::new(simulation, Some(renderer), HostTime(1_767_603_600_000_000_000));
    let home: Vec<f64> = card.joints.iter().map(|joint| joint.home).collect();
    let mut teleop = Teleop::new(&card, &models, &home).expect("teleoperation");
    let habits = Habits { blunder_share, ..Habits::default() };
    let mut trainer = ScriptedTrainer::new(&plan, &base, teleop.scale(), habits, seed);
    let order = Order {
        episode: EpisodeId::from_parts(1_767_603_600_000, [7; 10]),
        task,
        station: StationId::new("station-1"),
        trainer: TrainerId::new("trainer-1"),
        robot_serial: None,
        origin: Origin::Simulated,
        clock: ClockKind::Simulated,
        rights: Rights::default(),
        notes: std::collections::BTreeMap::new(),
    };
    let desk = Desk { folder: folder.to_owned(), rules: RuleSet::supplied(), inspection: Options::default() };
    let judge = |robot: &SimulatedRobot| {
        if robot.simulation().progress().success { Outcome::Success } else { Outcome::Failure }
    };
    Some(record(&mut robot, &mut trainer, &mut teleop, &order, &desk, judge).expect("a take"))
}

#[test]
fn a_good_take_is_saved_and_one_seed_gives_one_file() {
    let folders = [tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder")];
    let Some(first) = take(folders[0].path(), 3, 0.0) else { return };
    assert_eq!((first.state, first.outcome, &first.reason), (TakeState::Saved, Outcome::Success, &None));
    assert!(first.closed.is_accounted());
    assert!(first.closed.gaps.is_empty(), "{:?}", first.closed.gaps);
    let again = take(folders[1].path(), 3, 0.0).expect("it could be done before");
    assert_eq!(first.closed.digest, again.closed.digest);
}

#[test]
fn both_sides_of_every_action_are_in_the_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(result) = take(folder.path(), 4, 0.0) else { return };
    let episode = etude_episode::Episode::open(&result.path).expect("an episode");
    let count = |topic: &str| episode.stream_info(episode.stream(topic).expect(topic)).count.received;
    for topic in [
        Topic::JOINT_COMMANDS,
        Topic::ACTION_APPLIED,
        "/trainer/right/pose",
        "/trainer/right/hand",
        "/robot/ee/right/pose",
        "/robot/ee/right/command",
    ] {
        assert_eq!(count(topic), result.frames, "{topic}");
    }
    for message in episode.messages(&[Topic::JOINT_COMMANDS], ..).expect("commands") {
        let Sample::JointCommand(command) = message.expect("a message").sample else { panic!("a command") };
        assert_eq!(command.asked.len(), 14);
        assert_eq!(command.granted.len(), 14);
    }
    assert_eq!(count("/camera/head/calibration"), 1);
}

#[test]
fn a_blundered_take_fails_and_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(result) = take(folder.path(), 5, 1.0) else { return };
    assert_eq!(result.outcome, Outcome::Failure);
    let episode = etude_episode::Episode::open(&result.path).expect("an episode");
    let said = episode.messages(&[Topic::TAKE], ..).expect("events").any(|message| {
        matches!(message.expect("a message").sample, Sample::Take(event) if event.name == "outcome" && event.detail == "failure")
    });
    assert!(said, "the outcome stands in the episode");
}
