//! An episode's commands in physics: the same scene, the same start, through the governor; does the task still succeed?

use crate::crossing::CrossError;
use etude_episode::Episode;
use etude_model::card::Card;
use etude_model::{HostTime, Sample, Span, Stamp, Topic};
use etude_robot::{Governor, Reading, ReadingSink, Robot, SimulatedRobot};
use etude_sim::{Progress, Scene, SimOptions, Simulation};
use std::path::Path;

/// When the simulated clock begins: 2026-01-05 09:00 UTC, ns.
const MORNING_NS: i64 = 1_767_603_600_000_000_000;
/// Time from the reset of the scene to the first command, as when a take is made.
const BEFORE: Span = Span::from_ms(400);
/// Time after the last command for things to come to rest.
const AFTER: Span = Span::from_ms(1_000);

/// What came of a replay.
#[derive(Clone, Debug, PartialEq)]
pub struct Replayed {
    /// How far the task came.
    pub progress: Progress,
    /// Times the governor stepped in.
    pub interventions: u64,
    /// Whether the governor stopped the robot for a force at a wrist.
    pub stopped_by_force: bool,
    /// Strongest force at a wrist, N.
    pub strongest_force_n: f64,
}

impl Replayed {
    /// Why the task did not succeed, in a few words; empty where it did.
    pub fn why(&self) -> String {
        /// A thing that was raised by less was not lifted, m.
        const LIFTED_M: f64 = 0.02;
        let progress = &self.progress;
        let words = if progress.success {
            ""
        } else if self.stopped_by_force {
            "stopped by a force at the wrist"
        } else if progress.lifted_m < LIFTED_M {
            "not lifted"
        } else if !progress.in_region {
            "not where it belongs"
        } else if progress.touched {
            "not let go of"
        } else {
            "not upright or not at rest"
        };
        words.to_owned()
    }
}

/// A place to replay episodes of one body in.
#[derive(Debug)]
pub struct Stage {
    robot: SimulatedRobot,
    card: Card,
}

/// Hears wrists' forces; everything else goes by.
#[derive(Debug, Default)]
struct Ear {
    force_n: Option<f64>,
    strongest_n: f64,
}

impl ReadingSink for Ear {
    fn take(&mut self, _stream: usize, _stamp: Stamp, reading: Reading) {
        if let Reading::Sample(Sample::Wrench(wrench)) = reading {
            let force = wrench.force_n.iter().map(|axis| axis * axis).sum::<f64>().sqrt();
            self.force_n = Some(self.force_n.map_or(force, |strongest| strongest.max(force)));
            self.strongest_n = self.strongest_n.max(force);
        }
    }
}

/// The simulation of a card's robot in a scene, without cameras; what is nearer than `heed_within_m` is heeded where
/// postures are looked at.
pub fn simulation(
    scene: &Scene,
    card: &Card,
    models: &Path,
    heed_within_m: f64,
) -> Result<Simulation, CrossError> {
    let options = SimOptions { cameras: false, heed_within_m, ..SimOptions::default() };
    Simulation::compose(scene, card, models, &options, 0)
        .map_err(|source| CrossError::Simulation(Box::new(source)))
}

impl Stage {
    /// The robot of `card` in `scene`.
    pub fn new(scene: &Scene, card: &Card, models: &Path) -> Result<Self, CrossError> {
        let simulation = simulation(scene, card, models, 0.0)?;
        Ok(Self { robot: SimulatedRobot::new(simulation, None, HostTime(MORNING_NS)), card: card.clone() })
    }

    /// The robot.
    pub fn robot(&mut self) -> &mut SimulatedRobot {
        &mut self.robot
    }

    /// Replays an episode's commands from the start that `seed` gives the task's scene.
    pub fn replay(&mut self, episode: &Episode, task: &str, seed: u64) -> Result<Replayed, CrossError> {
        let order = order(episode, &self.card)?;
        self.robot.reset(task, seed, HostTime(MORNING_NS))?;
        let mut ear = Ear::default();
        self.robot.run_until(HostTime(MORNING_NS) + BEFORE, &mut ear)?;
        let start = self.robot.now();
        let mut governor = Governor::new(&self.card, self.robot.positions(), start)?;
        let (mut interventions, mut stopped_by_force) = (0, false);
        let mut first = None;
        let mut asked: Vec<f64> = self.card.joints.iter().map(|joint| joint.home).collect();
        for message in episode.messages(&[Topic::JOINT_COMMANDS], ..)? {
            let message = message?;
            let Sample::JointCommand(command) = message.sample else { continue };
            for (place, value) in order.iter().zip(&command.asked) {
                asked[*place] = *value;
            }
            let host = message.stamp.host;
            let due = start + (host - *first.get_or_insert(host));
            self.robot.run_until(due, &mut ear)?;
            if let Some(force_n) = ear.force_n.take() {
                governor.wrist_force(force_n);
            }
            let now = self.robot.now();
            let granted = governor.pass(now, command.sequence, &asked);
            self.robot.command(command.sequence, granted)?;
            for event in governor.drain_events() {
                interventions += 1;
                stopped_by_force |= event.kind == etude_model::sample::SafetyKind::Force;
            }
        }
        self.settle(&mut governor, &mut ear)?;
        let progress = self.robot.simulation().progress();
        let strongest_force_n = ear.strongest_n;
        Ok(Replayed { progress, interventions, stopped_by_force, strongest_force_n })
    }

    /// The last command is held until things have come to rest.
    fn settle(&mut self, governor: &mut Governor, ear: &mut Ear) -> Result<(), CrossError> {
        let end = self.robot.now() + AFTER;
        let mut sequence = u64::MAX / 2;
        while self.robot.now() < end {
            let now = self.robot.now();
            let granted = governor.tick(now);
            self.robot.command(sequence, granted)?;
            sequence += 1;
            self.robot.run_until(now + Span::from_ms(10), ear)?;
        }
        Ok(())
    }
}

/// For each channel of an episode's commands, its place on the card.
fn order(episode: &Episode, card: &Card) -> Result<Vec<usize>, CrossError> {
    let unfit = |found: String| CrossError::Unfit {
        episode: episode.name().to_owned(),
        expected: "commands for the joints of the robot that replays them",
        found,
    };
    let stream = episode.stream(Topic::JOINT_COMMANDS).ok_or_else(|| unfit("no commands".to_owned()))?;
    let channels = &episode.stream_info(stream).spec.channels;
    channels
        .iter()
        .map(|channel| {
            card.joint_index(&channel.name).ok_or_else(|| unfit(format!("the joint `{}`", channel.name)))
        })
        .collect()
}
