//! One station's work: a robot in physics, a scripted trainer, one task, several takes.

use anyhow::Context;
use etude_model::id::{EpisodeId, RobotSerial, StationId, TrainerId};
use etude_model::rights::Rights;
use etude_model::take::Outcome;
use etude_model::{ClockKind, HostTime, Origin, Span};
use etude_robot::{Robot, SimulatedRobot};
use etude_sim::{Renderer, Scene, SimOptions, Simulation, plan};
use etude_station::session::{self, Desk, Order, load_card};
use etude_station::teleop::Teleop;
use etude_station::trainer::scripted::{Habits, ScriptedTrainer};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// When the simulated day begins: 2026-01-05 09:00 UTC, ns.
const MORNING_NS: i64 = 1_767_603_600_000_000_000;
/// From the end of one take to the start of the next: the scene is reset.
const RESET: Span = Span::from_ms(15_000);
/// Between the two tasks of a station.
const SHIFT: Span = Span::from_ms(3_600_000);

/// What a station is to do.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) robot: String,
    pub(super) scene: PathBuf,
    pub(super) task: String,
    pub(super) takes: u32,
    /// Which of the station's shifts it is, from 0.
    pub(super) shift: u8,
    pub(super) seed: u64,
    pub(super) station: String,
    pub(super) robots: PathBuf,
    pub(super) models: PathBuf,
    pub(super) folder: PathBuf,
}

/// A take that was made.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) robot: String,
    pub(super) task: String,
    pub(super) number: u32,
    pub(super) result: session::TakeResult,
}

impl Job {
    /// Makes the takes; hands each over as it is done, until `give` says that nobody wants more.
    pub(super) fn run(&self, give: &mut dyn FnMut(Made) -> bool) -> anyhow::Result<()> {
        let card = load_card(&self.robots, &self.robot)?;
        let scene = Scene::load(&self.scene)?;
        let simulation = Simulation::compose(&scene, &card, &self.models, &SimOptions::default(), self.seed)?;
        let renderer = Renderer::new(&simulation, None)?;
        let mut now = HostTime(MORNING_NS) + Span(SHIFT.0 * i64::from(self.shift));
        let mut robot = SimulatedRobot::new(simulation, Some(renderer), now);
        let teleop = Teleop::new(&card, &self.models, robot.positions())?;
        for number in 0..self.takes {
            let result = self
                .take(&mut robot, &teleop, number, now)
                .with_context(|| format!("take {}", number + 1))?;
            now = robot.now() + RESET;
            let made = Made { robot: self.robot.clone(), task: self.task.clone(), number, result };
            if !give(made) {
                return Ok(());
            }
        }
        Ok(())
    }

    fn take(
        &self,
        robot: &mut SimulatedRobot,
        teleop: &Teleop,
        number: u32,
        now: HostTime,
    ) -> anyhow::Result<session::TakeResult> {
        let chance = self.chance(number);
        let seed = u64::from_le_bytes(chance[..8].try_into().expect("a digest has more than eight bytes"));
        robot.reset(&self.task, seed, now)?;
        let plan = plan::for_task(robot.simulation())?;
        let base = robot.simulation().base_pose();
        let mut teleop = teleop.anew(robot.positions());
        let mut trainer = ScriptedTrainer::new(&plan, &base, teleop.scale(), Habits::default(), seed);
        let mut id_chance = [0; 10];
        id_chance.copy_from_slice(&chance[8..18]);
        let order = Order {
            episode: EpisodeId::from_parts((now.ns() / 1_000_000) as u64, id_chance),
            task: robot.simulation().task().description.clone(),
            station: StationId::new(&self.station),
            trainer: TrainerId::new(format!("trainer-{}", 1 + chance[18] % 3)),
            robot_serial: Some(RobotSerial::new(format!("sim-{}", self.robot))),
            origin: Origin::Simulated,
            clock: ClockKind::Simulated,
            rights: Rights { licence: Some("CC0-1.0".to_owned()), holder: None, consent: None },
            notes: notes(seed, trainer.blunder()),
        };
        let desk = Desk {
            folder: self.folder.clone(),
            rules: etude_inspect::RuleSet::supplied(),
            inspection: etude_inspect::Options::default(),
        };
        let outcome = |robot: &SimulatedRobot| {
            if robot.simulation().progress().success { Outcome::Success } else { Outcome::Failure }
        };
        Ok(session::record(robot, &mut trainer, &mut teleop, &order, &desk, outcome)?)
    }

    /// 32 bytes of chance that only this take of this day has.
    fn chance(&self, number: u32) -> [u8; 32] {
        let text = format!("{}/{}/{}/{number}", self.seed, self.robot, self.task);
        etude_model::Digest::of(text.as_bytes()).0
    }
}

/// What a take's manifest says of how it came about: its seed, and what the script lets go wrong in it.
fn notes(seed: u64, blunder: Option<&str>) -> BTreeMap<String, String> {
    let mut notes = BTreeMap::from([("seed".to_owned(), seed.to_string())]);
    if let Some(blunder) = blunder {
        notes.insert("scripted blunder".to_owned(), blunder.to_owned());
    }
    notes
}
