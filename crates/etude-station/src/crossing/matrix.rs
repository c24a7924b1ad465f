//! From every body to every other: takes are made on each, moved to all, replayed in the same scene and start, and
//! counted.

use crate::crossing::look::Look;
use crate::crossing::replay::{Replayed, Stage, simulation};
use crate::crossing::source::Origin;
use crate::crossing::{CrossError, Frame, HandsBy, Request, retarget};
use crate::session::{Desk, Order, record};
use crate::teleop::Teleop;
use crate::trainer::scripted::{Habits, ScriptedTrainer};
use etude_episode::Episode;
use etude_inspect::{Options, RuleSet};
use etude_kinematics::retarget::{Report, Rules};
use etude_model::card::Card;
use etude_model::id::{EpisodeId, StationId, TrainerId};
use etude_model::rights::Rights;
use etude_model::take::Outcome;
use etude_model::{ClockKind, HostTime, Origin as TakeOrigin};
use etude_robot::SimulatedRobot;
use etude_sim::{Scene, plan};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// When the simulated day begins: 2026-01-05 09:00 UTC, ns.
const MORNING_NS: i64 = 1_767_603_600_000_000_000;
/// Attempts per take that is wanted: trainers blunder, and only what succeeded is worth moving.
const ATTEMPTS: u32 = 4;

/// What a matrix is made of.
#[derive(Clone, Debug)]
pub struct MatrixOrder {
    /// The scene.
    pub scene: Scene,
    /// The task.
    pub task: String,
    /// Names and cards of the bodies.
    pub cards: Vec<(String, Card)>,
    /// Folder of robot models.
    pub models: PathBuf,
    /// Takes per source.
    pub takes: u32,
    /// Where chance begins.
    pub seed: u64,
    /// Folder that episodes are kept in.
    pub folder: PathBuf,
    /// What paths are read from; `None`: the best there is.
    pub origin: Option<Origin>,
    /// What leads the fingers; `None`: closure.
    pub hands: Option<HandsBy>,
}

/// A share of successes with its 95 % interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Share {
    /// Successes.
    pub successes: u32,
    /// Trials.
    pub trials: u32,
}

impl Share {
    /// The share, 0..1; NaN without trials.
    pub fn value(self) -> f64 {
        f64::from(self.successes) / f64::from(self.trials)
    }

    /// Wilson's 95 % interval (Wilson, J. Am. Stat. Assoc. 1927).
    pub fn interval(self) -> [f64; 2] {
        const Z: f64 = 1.959_964;
        if self.trials == 0 {
            return [0.0, 1.0];
        }
        let (n, p) = (f64::from(self.trials), self.value());
        let scale = 1.0 + Z * Z / n;
        let middle = (p + Z * Z / (2.0 * n)) / scale;
        let half = Z / scale * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
        [(middle - half).max(0.0), (middle + half).min(1.0)]
    }
}

/// A take that a source made and that succeeded.
#[derive(Clone, Debug)]
pub struct SourceTake {
    /// The episode.
    pub path: PathBuf,
    /// The start of its scene.
    pub seed: u64,
}

/// One source's takes on one target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// Name of the source.
    pub source: String,
    /// Name of the target.
    pub target: String,
    /// Replays in which the task succeeded.
    pub replay: Share,
    /// Takes that the rule set accepts before any physics.
    pub accepted: u32,
    /// Least share of its path that a working hand reached, mean over the takes; NaN on the diagonal.
    pub reached_share: f64,
    /// Distance from the path, 95th percentile, mean over the takes, m.
    pub position_p95_m: f64,
    /// Greatest slowing of any take.
    pub slowest: f64,
    /// Why replays failed, with how often.
    pub failures: BTreeMap<String, u32>,
    /// What was adapted, with how often.
    pub adapted: BTreeMap<String, u32>,
}

/// Success by source and target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Matrix {
    /// The task.
    pub task: String,
    /// Names of the bodies, in the order of rows and columns.
    pub bodies: Vec<String>,
    /// Attempts that each source made for its takes.
    pub attempts: Vec<Share>,
    /// One cell per source and target, row by row; on the diagonal the source's own takes replayed as they are.
    pub cells: Vec<Cell>,
}

impl Matrix {
    /// The cell of a source and a target.
    pub fn cell(&self, source: &str, target: &str) -> Option<&Cell> {
        self.cells.iter().find(|cell| cell.source == source && cell.target == target)
    }

    /// A cell's success as a share of the source's own replays; `None` where the source's own never succeed.
    pub fn kept(&self, cell: &Cell) -> Option<f64> {
        let own = self.cell(&cell.source, &cell.source)?.replay;
        (own.successes > 0 && cell.replay.trials > 0).then(|| cell.replay.value() / own.value())
    }
}

/// Makes the matrix; `tell` hears of every cell and of every source's takes as they are done.
pub fn matrix(order: &MatrixOrder, tell: &mut dyn FnMut(&str)) -> Result<Matrix, CrossError> {
    let mut takes = Vec::new();
    let mut attempts = Vec::new();
    for (name, card) in &order.cards {
        let (made, share) = make_takes(order, name, card)?;
        tell(&format!("{name}: {} of {} takes succeeded and are moved", share.successes, share.trials));
        takes.push(made);
        attempts.push(share);
    }
    let mut cells = Vec::new();
    for (target, card) in &order.cards {
        let mut stage = Stage::new(&order.scene, card, &order.models)?;
        let mut look = Look::new(&order.scene, card, &order.models)?;
        for ((source, _), takes) in order.cards.iter().zip(&takes) {
            let own = source == target;
            let mut cell = Cell::new(source, target);
            for (number, take) in takes.iter().enumerate() {
                let episode = Episode::open(&take.path)?;
                if own {
                    cell.count(&stage.replay(&episode, &order.task, take.seed)?);
                    continue;
                }
                let path = order.folder.join(format!("{source}-to-{target}-{}.mcap", number + 1));
                look.reset(&order.task, take.seed)?;
                let moved = retarget(&episode, &request(order, card), Some(&path), Some(&mut look))?;
                let replayed = stage.replay(&Episode::open(&path)?, &order.task, take.seed)?;
                cell.take_in(&moved.report);
                cell.count(&replayed);
            }
            cell.mean();
            tell(&format!(
                "{source} to {target}: {} of {} replays succeed",
                cell.replay.successes, cell.replay.trials
            ));
            cells.push(cell);
        }
    }
    let bodies: Vec<String> = order.cards.iter().map(|(name, _)| name.clone()).collect();
    let place = |name: &String| bodies.iter().position(|body| body == name);
    cells.sort_by_key(|cell| (place(&cell.source), place(&cell.target)));
    Ok(Matrix { task: order.task.clone(), bodies, attempts, cells })
}

fn request<'a>(order: &'a MatrixOrder, target: &'a Card) -> Request<'a> {
    Request {
        models: &order.models,
        target,
        body: None,
        frame: Frame::Work,
        origin: order.origin,
        hands: order.hands,
        rate_hz: None,
        scene: Some(&order.scene),
        rules: Rules::default(),
    }
}

impl Cell {
    fn new(source: &str, target: &str) -> Self {
        Self {
            source: source.to_owned(),
            target: target.to_owned(),
            replay: Share::default(),
            accepted: 0,
            reached_share: 0.0,
            position_p95_m: 0.0,
            slowest: 1.0,
            failures: BTreeMap::new(),
            adapted: BTreeMap::new(),
        }
    }

    fn count(&mut self, replayed: &Replayed) {
        self.replay.trials += 1;
        if replayed.progress.success {
            self.replay.successes += 1;
        } else {
            *self.failures.entry(replayed.why()).or_default() += 1;
        }
    }

    fn take_in(&mut self, report: &Report) {
        self.accepted += u32::from(report.verdict.accepted);
        let least = |of: &dyn Fn(&etude_kinematics::retarget::HandReport) -> f64| {
            report.hands.iter().map(of).fold(f64::NAN, f64::min)
        };
        self.reached_share += least(&|hand| hand.reached_share);
        self.position_p95_m += -least(&|hand| -hand.position_error_m.p95);
        self.slowest = self.slowest.max(report.pace.slowest);
        for words in &report.adapted {
            *self.adapted.entry(words.clone()).or_default() += 1;
        }
    }

    fn mean(&mut self) {
        let trials = f64::from(self.replay.trials.max(1));
        self.reached_share /= trials;
        self.position_p95_m /= trials;
    }
}

/// Lets a scripted trainer lead the body until enough takes succeed.
fn make_takes(order: &MatrixOrder, name: &str, card: &Card) -> Result<(Vec<SourceTake>, Share), CrossError> {
    let simulation = simulation(&order.scene, card, &order.models, 0.0)?;
    let mut robot = SimulatedRobot::new(simulation, None, HostTime(MORNING_NS));
    let home: Vec<f64> = card.joints.iter().map(|joint| joint.home).collect();
    let teleop = Teleop::new(card, &order.models, &home)
        .map_err(|error| CrossError::Session(Box::new(error.into())))?;
    let mut made = Vec::new();
    let mut share = Share::default();
    while share.successes < order.takes && share.trials < order.takes * ATTEMPTS {
        let seed = order.seed + u64::from(share.trials);
        let (path, succeeded) = make_take(order, name, &mut teleop.anew(&home), &mut robot, seed)?;
        share.trials += 1;
        if succeeded {
            share.successes += 1;
            made.push(SourceTake { path, seed });
        }
    }
    Ok((made, share))
}

fn make_take(
    order: &MatrixOrder,
    name: &str,
    teleop: &mut Teleop,
    robot: &mut SimulatedRobot,
    seed: u64,
) -> Result<(PathBuf, bool), CrossError> {
    let simulated = |source| CrossError::Simulation(Box::new(source));
    robot.reset(&order.task, seed, HostTime(MORNING_NS))?;
    let plan = plan::for_task(robot.simulation()).map_err(simulated)?;
    let base = robot.simulation().base_pose();
    let session = |error: crate::session::SessionError| CrossError::Session(Box::new(error));
    let mut trainer = ScriptedTrainer::new(&plan, &base, teleop.scale(), Habits::default(), seed);
    let mut chance = [0; 10];
    chance.copy_from_slice(&etude_model::Digest::of(format!("{name} {seed}").as_bytes()).0[..10]);
    let what = Order {
        episode: EpisodeId::from_parts((MORNING_NS / 1_000_000) as u64, chance),
        task: robot.simulation().task().description.clone(),
        station: StationId::new("station-1"),
        trainer: TrainerId::new("trainer-1"),
        robot_serial: None,
        origin: TakeOrigin::Simulated,
        clock: ClockKind::Simulated,
        rights: Rights::default(),
        notes: [("seed".to_owned(), seed.to_string())].into(),
    };
    let desk =
        Desk { folder: order.folder.join(name), rules: RuleSet::supplied(), inspection: Options::default() };
    let outcome = |robot: &SimulatedRobot| {
        if robot.simulation().progress().success { Outcome::Success } else { Outcome::Failure }
    };
    let result = record(robot, &mut trainer, teleop, &what, &desk, outcome).map_err(session)?;
    Ok((result.path, result.outcome == Outcome::Success))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_wilsons() {
        // Values of the score interval as in Brown, Cai and DasGupta, Stat. Sci. 2001, computed by hand.
        let [low, high] = Share { successes: 8, trials: 10 }.interval();
        assert!((low - 0.4902).abs() < 1e-3 && (high - 0.9433).abs() < 1e-3, "{low} {high}");
        let [low, high] = Share { successes: 0, trials: 10 }.interval();
        assert!(low < 1e-12 && (high - 0.2775).abs() < 1e-3, "{high}");
        assert_eq!(Share::default().interval(), [0.0, 1.0]);
    }
}
