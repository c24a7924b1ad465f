//! Records one take: a scripted trainer leads a simulated robot.
//!
//! ```text
//! cargo run -p etude-station --example one_take -- robots/unitree_g1_dex3 scenes/flat lift_can 1 takes
//! ```

#![expect(clippy::print_stdout, reason = "an example speaks on its terminal")]

use etude_inspect::{Options, RuleSet};
use etude_model::id::{EpisodeId, StationId, TrainerId};
use etude_model::take::Outcome;
use etude_model::{ClockKind, HostTime, Origin};
use etude_robot::SimulatedRobot;
use etude_sim::{Renderer, Scene, SimOptions, Simulation, plan};
use etude_station::session::{Desk, Order, load_card, record};
use etude_station::teleop::Teleop;
use etude_station::trainer::scripted::{Habits, ScriptedTrainer};
use std::path::{Path, PathBuf};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [robot, scene, task, seed, out] = arguments.as_slice() else {
        return Err("expected ROBOT SCENE TASK SEED OUT".into());
    };
    let robot = Path::new(robot);
    let card = load_card(
        robot.parent().unwrap_or(Path::new(".")),
        &robot.file_name().unwrap_or_default().to_string_lossy(),
    )?;
    let scene = Scene::load(Path::new(scene))?;
    let models = PathBuf::from(".deps/robots");
    let cameras = std::env::var_os("NO_CAMERAS").is_none();
    let seed: u64 = seed.parse()?;
    let mut simulation =
        Simulation::compose(&scene, &card, &models, &SimOptions { cameras, ..SimOptions::default() }, seed)?;
    simulation.reset(task, seed)?;
    let plan = plan::for_task(&simulation)?;
    let base = simulation.base_pose();
    let described = simulation.task().description.clone();
    let renderer = if cameras { Some(Renderer::new(&simulation, None)?) } else { None };
    let mut robot = SimulatedRobot::new(simulation, renderer, HostTime(1_767_603_600_000_000_000));
    let home: Vec<f64> = card.joints.iter().map(|joint| joint.home).collect();
    let mut teleop = Teleop::new(&card, &models, &home)?;
    let blunder_share = if std::env::var_os("BLUNDER").is_some() { 1.0 } else { 0.0 };
    let mut trainer = ScriptedTrainer::new(
        &plan,
        &base,
        teleop.scale(),
        Habits { blunder_share, ..Habits::default() },
        seed,
    );
    let order = Order {
        episode: EpisodeId::from_parts(1_767_603_600_000, [seed as u8; 10]),
        task: described,
        station: StationId::new("station-1"),
        trainer: TrainerId::new("trainer-a"),
        robot_serial: None,
        origin: Origin::Simulated,
        clock: ClockKind::Simulated,
        rights: etude_model::rights::Rights::default(),
        notes: [("seed".to_owned(), seed.to_string())].into(),
    };
    let desk = Desk { folder: out.into(), rules: RuleSet::supplied(), inspection: Options::default() };
    let judge = |robot: &SimulatedRobot| {
        let progress = robot.simulation().progress();
        println!("{progress:?}");
        if progress.success { Outcome::Success } else { Outcome::Failure }
    };
    let result = record(&mut robot, &mut trainer, &mut teleop, &order, &desk, judge)?;
    println!("{:?} {:?} {:?}", result.state, result.outcome, result.reason);
    println!(
        "{} frames, {} interventions, {} bytes",
        result.frames, result.interventions, result.closed.bytes
    );
    for stream in &result.closed.streams {
        println!(
            "{:40} {:6} missing {:3} accounted {}",
            stream.topic.to_string(),
            stream.received,
            stream.missing,
            stream.accounted
        );
    }
    Ok(())
}
