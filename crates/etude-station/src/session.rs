//! One take from end to end: checks, countdown, recording, verdict, saved or discarded.
//!
//! A trainer's frames go through teleoperation and the governor to the robot; everything on the way is recorded: what
//! the trainer did, what was asked, what the governor let through, what the robot acknowledged and what it did. A
//! scripted trainer and a headset take the same way.
//!
//! It knows nothing of catalogues: it leaves a closed episode file and says what became of the take.

mod card;
mod manifest;
mod tap;

use crate::recorder::{ManualClock, Recorder, RecorderError, RecorderOptions};
use crate::session::tap::Tap;
use crate::take::{Check, Step, Take, TakeError};
use crate::teleop::{Teleop, TeleopError};
use crate::trainer::{Trainer, TrainerFrame};
use etude_episode::{Closed, Head};
use etude_inspect::{Options, Report, RuleSet, inspect::Error as InspectError};
use etude_model::card::Card;
use etude_model::id::{EpisodeId, RobotSerial, StationId, TrainerId};
use etude_model::sample::{ClockSample, TakeEvent};
use etude_model::take::{Outcome, TakeState};
use etude_model::{ClockKind, DeviceTime, HostTime, LogTime, Manifest, Origin, Sample, Span, Task, Topic};
use etude_robot::governor::GovernorError;
use etude_robot::{Governor, Robot, RobotError};
use std::path::PathBuf;
use std::sync::Arc;

pub use card::{CardFileError, load_card};
pub use manifest::manifest;

/// Time between start and recording.
const COUNTDOWN: Span = Span::from_ms(300);
/// Furthest a joint may be from its home for a take to start, rad or m.
const HOME_TOLERANCE: f64 = 0.35;

/// What a take is recorded for, and by whom.
#[derive(Clone, Debug)]
pub struct Order {
    /// The episode's id.
    pub episode: EpisodeId,
    /// What is to be done.
    pub task: Task,
    /// Where.
    pub station: StationId,
    /// Who leads.
    pub trainer: TrainerId,
    /// With which machine.
    pub robot_serial: Option<RobotSerial>,
    /// How the motion comes about.
    pub origin: Origin,
    /// How times come about.
    pub clock: ClockKind,
    /// What may be done with it.
    pub rights: etude_model::rights::Rights,
    /// Further facts for the manifest, such as a seed.
    pub notes: std::collections::BTreeMap<String, String>,
}

/// Where a station keeps things, and what it demands.
#[derive(Clone, Debug)]
pub struct Desk {
    /// Folder that episodes are recorded into.
    pub folder: PathBuf,
    /// What a take must meet to count.
    pub rules: RuleSet,
    /// How it is inspected.
    pub inspection: Options,
}

/// What became of a take.
#[derive(Clone, Debug)]
pub struct TakeResult {
    /// Saved or discarded.
    pub state: TakeState,
    /// Why it was discarded.
    pub reason: Option<String>,
    /// How it went by the task's own criterion.
    pub outcome: Outcome,
    /// The episode file; gone when discarded before it was closed.
    pub path: PathBuf,
    /// What the recorder says of it.
    pub closed: Closed,
    /// What the inspection says of it.
    pub report: Report,
    /// Trainer frames that were followed.
    pub frames: u64,
    /// Times the governor stepped in.
    pub interventions: u64,
    /// When recording began and ended.
    pub span: (LogTime, LogTime),
}

/// What stops a take.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// A step out of turn, or a station that is not ready.
    #[error(transparent)]
    Take(#[from] TakeError),
    /// The robot.
    #[error(transparent)]
    Robot(#[from] RobotError),
    /// Teleoperation cannot be set up.
    #[error(transparent)]
    Teleop(#[from] TeleopError),
    /// The governor cannot be set up.
    #[error(transparent)]
    Governor(#[from] GovernorError),
    /// The recording.
    #[error(transparent)]
    Recorder(Box<RecorderError>),
    /// The inspection.
    #[error("the take cannot be inspected")]
    Inspect(#[source] Box<InspectError>),
    /// The folder for episodes.
    #[error("the folder {} for episodes cannot be used", .path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

impl From<RecorderError> for SessionError {
    fn from(error: RecorderError) -> Self {
        Self::Recorder(Box::new(error))
    }
}

/// Records one take; the robot's clock is the session's.
///
/// `outcome` is asked when the trainer has finished: how the task's success criterion sees it.
pub fn record<R: Robot>(
    robot: &mut R,
    trainer: &mut dyn Trainer,
    teleop: &mut Teleop,
    order: &Order,
    desk: &Desk,
    outcome: impl FnOnce(&R) -> Outcome,
) -> Result<TakeResult, SessionError> {
    let card = robot.card().clone();
    let mut take = Take::new();
    take.step(Step::Prepare(checks(robot, &card, desk)?))?;
    take.step(Step::Start)?;
    let mut idle = Tap::idle(robot.streams().len());
    robot.run_until(robot.now() + COUNTDOWN, &mut idle)?;
    robot.announce();
    take.step(Step::Record)?;
    let mut run = Run::begin(robot, &card, order, desk)?;
    run.lead(robot, trainer, teleop, order.task.time_limit_s)?;
    let outcome = outcome(robot);
    let Ended { closed, frames, interventions, span, path } = run.end(robot.now(), outcome)?;
    take.step(Step::Judge)?;
    let report = etude_inspect::inspect(&path, &desk.rules, &desk.inspection)
        .map_err(|source| SessionError::Inspect(Box::new(source)))?;
    take.step(match verdict(&closed, &report) {
        None => Step::Save,
        Some(reason) => Step::Discard(reason),
    })?;
    let reason = take.reason().map(str::to_owned);
    Ok(TakeResult { state: take.state(), reason, outcome, path, closed, report, frames, interventions, span })
}

/// Why a take does not count; `None`: it does.
fn verdict(closed: &Closed, report: &Report) -> Option<String> {
    if let Some(stream) = closed.streams.iter().find(|stream| !stream.accounted) {
        return Some(format!(
            "{}: {} received and {} declared missing do not make {} expected",
            stream.topic,
            stream.received,
            stream.missing,
            stream.expected.unwrap_or_default()
        ));
    }
    let faults: Vec<&str> = report
        .verdict
        .findings
        .iter()
        .filter(|finding| finding.severity == etude_model::verdict::Severity::Fault)
        .map(|finding| finding.message.as_str())
        .collect();
    (!report.verdict.accepted).then(|| faults.join("; "))
}

/// Whether the station is ready: every stream live, the robot at home, the folder usable.
fn checks<R: Robot>(robot: &mut R, card: &Card, desk: &Desk) -> Result<Vec<Check>, SessionError> {
    std::fs::create_dir_all(&desk.folder)
        .map_err(|source| SessionError::Folder { path: desk.folder.clone(), source })?;
    let mut heard = Tap::idle(robot.streams().len());
    robot.run_until(robot.now() + Span::from_ms(100), &mut heard)?;
    let silent: Vec<&str> = robot
        .streams()
        .iter()
        .zip(heard.heard())
        .filter(|(spec, heard)| spec.rate_hz.is_some_and(|rate| rate >= 15.0) && **heard == 0)
        .map(|(spec, _)| spec.topic.as_str())
        .collect();
    let away: Vec<String> = card
        .joints
        .iter()
        .zip(robot.positions())
        .filter(|(joint, position)| joint.mimic.is_none() && (joint.home - **position).abs() > HOME_TOLERANCE)
        .map(|(joint, position)| format!("{} at {position:.2}, home {:.2}", joint.name, joint.home))
        .collect();
    Ok(vec![
        Check::new(
            "streams are live",
            (!silent.is_empty()).then(|| format!("silent: {}", silent.join(", "))),
        ),
        Check::new("robot is at home", (!away.is_empty()).then(|| away.join(", "))),
    ])
}

/// A recording in progress.
struct Run {
    tap: Tap,
    governor: Governor,
    recorder: Recorder,
    path: PathBuf,
    began: HostTime,
    frames: u64,
    interventions: u64,
    joints: Vec<String>,
}

/// A recording that has ended.
struct Ended {
    closed: Closed,
    frames: u64,
    interventions: u64,
    span: (LogTime, LogTime),
    path: PathBuf,
}

impl Run {
    fn begin<R: Robot>(robot: &R, card: &Card, order: &Order, desk: &Desk) -> Result<Self, SessionError> {
        let manifest: Manifest = manifest(order, card, robot.streams());
        let card_toml = card.to_toml();
        let head = Head { manifest: &manifest, card_toml: &card_toml, attachments: &[] };
        let path = desk.folder.join(format!("{}.mcap", order.episode));
        let began = robot.now();
        let clock = Arc::new(ManualClock::new(LogTime(began.ns())));
        let shared: Arc<dyn crate::recorder::Clock> = Arc::clone(&clock) as _;
        let mut recorder = Recorder::start(&path, &head, shared, RecorderOptions::SIMULATED)?;
        let mut tap = Tap::recording(&mut recorder, &manifest.streams, robot.streams(), clock)?;
        tap.take_event(began, "recording", order.task.id.as_str());
        let sample = ClockSample {
            device: card.title(),
            device_time: DeviceTime(began.ns()),
            host_time: began,
            uncertainty: Span(0),
        };
        tap.station(Topic::CLOCK, began, Sample::Clock(sample));
        Ok(Self {
            tap,
            governor: Governor::new(card, robot.positions(), began)?,
            recorder,
            path,
            began,
            frames: 0,
            interventions: 0,
            joints: card.joints.iter().map(|joint| joint.name.clone()).collect(),
        })
    }

    /// Follows the trainer until the take is over.
    fn lead<R: Robot>(
        &mut self,
        robot: &mut R,
        trainer: &mut dyn Trainer,
        teleop: &mut Teleop,
        time_limit_s: f64,
    ) -> Result<(), SessionError> {
        let dt = 1.0 / trainer.rate_hz();
        loop {
            let now = self.began + Span::from_s(self.frames as f64 * dt);
            robot.run_until(now, &mut self.tap)?;
            self.tap.open_cameras(&mut self.recorder)?;
            let now = robot.now();
            let sight = teleop.sight(robot.positions());
            let Some(frame) = trainer.frame(now, &sight) else { return Ok(()) };
            if (now - self.began).as_s() > time_limit_s {
                self.tap.take_event(now, "time_limit", &format!("{time_limit_s} s"));
                return Ok(());
            }
            self.tap.trainer(&frame);
            self.tap.grasps(now, "pose", &sight.grasp_in_base);
            self.command(robot, teleop, &frame, dt)?;
            self.frames += 1;
        }
    }

    fn command<R: Robot>(
        &mut self,
        robot: &mut R,
        teleop: &mut Teleop,
        frame: &TrainerFrame,
        dt: f64,
    ) -> Result<(), SessionError> {
        let now = robot.now();
        if let Some(force_n) = self.tap.strongest_wrist_force() {
            self.governor.wrist_force(force_n);
        }
        let (asked, _) = teleop.follow(frame, dt);
        let granted = self.governor.pass(now, self.frames, asked);
        let applied = robot.command(self.frames, granted)?;
        self.tap.command(now, self.frames, asked, granted, applied);
        let targets = teleop.targets();
        self.tap.grasps(now, "command", &targets);
        for event in self.governor.drain_events() {
            self.interventions += 1;
            let subject = event.joint.and_then(|joint| self.joints.get(usize::from(joint)));
            self.tap.safety(now, event, subject.map_or("robot", String::as_str));
        }
        Ok(())
    }

    fn end(mut self, now: HostTime, outcome: Outcome) -> Result<Ended, SessionError> {
        self.tap.take_event(now, "outcome", &outcome.to_string());
        let span = (LogTime(self.began.ns()), LogTime(now.ns()));
        let closed = self.recorder.stop()?;
        Ok(Ended { closed, frames: self.frames, interventions: self.interventions, span, path: self.path })
    }
}

/// The event's sample.
fn event(name: &str, detail: &str) -> Sample {
    Sample::Take(TakeEvent { name: name.to_owned(), detail: detail.to_owned() })
}
