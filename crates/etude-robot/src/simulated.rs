//! A robot in physics, behind the same trait as a real one.
//!
//! Its clock is the simulation's, mapped to a start that the caller chooses: device time, host time and log time are one.
//! Like a robot's own joint controller it moves from one command to the next over the time between them, instead of
//! jumping. Readings come at the rates of the card's streams, each at the physics step at or after it is due.

use crate::robot::{Picture, Reading, ReadingSink, Robot, RobotError};
use etude_model::card::Card;
use etude_model::sample::{ActionApplied, DepthImage, JointStates, Tactile};
use etude_model::stream::Channel;
use etude_model::{HostTime, Sample, Span, Stamp, StreamKind, StreamSpec};
use etude_sim::{Renderer, Simulation, Snapshot};

/// A command is reached within this time even after a long silence.
const LONGEST_RAMP: Span = Span::from_ms(20);
/// One step of the physics.
const STEP: Span = Span((etude_sim::simulation::TIMESTEP_S * 1e9) as i64);

/// A robot in physics.
#[derive(Debug)]
pub struct SimulatedRobot {
    simulation: Simulation,
    renderer: Option<Renderer>,
    sources: Vec<Source>,
    streams: Vec<StreamSpec>,
    start: HostTime,
    elapsed: Span,
    positions: Vec<f64>,
    from: Vec<f64>,
    to: Vec<f64>,
    target: Vec<f64>,
    commanded: HostTime,
    ramp: Span,
    snapshot: Snapshot,
    picture: etude_sim::Picture,
}

/// One stream's schedule.
#[derive(Debug)]
struct Source {
    kind: StreamKind,
    /// The sensor's name on the card; empty for the joints.
    sensor: String,
    /// `None`: once, at the beginning.
    rate_hz: Option<f64>,
    given: u64,
}

impl SimulatedRobot {
    /// A robot in `simulation` as it stands (just reset), whose clock reads `start` now. Without a renderer its cameras
    /// send nothing and are not among its streams.
    pub fn new(simulation: Simulation, renderer: Option<Renderer>, start: HostTime) -> Self {
        let mut positions = vec![0.0; simulation.joint_count()];
        simulation.joint_positions(&mut positions);
        let (streams, sources) = streams(simulation.card(), renderer.is_some());
        Self {
            from: positions.clone(),
            to: positions.clone(),
            target: positions.clone(),
            positions,
            simulation,
            renderer,
            sources,
            streams,
            start,
            elapsed: Span(0),
            commanded: start,
            ramp: STEP,
            snapshot: Snapshot::default(),
            picture: etude_sim::Picture::default(),
        }
    }

    /// The simulation: where objects are and how far the task has come.
    pub fn simulation(&self) -> &Simulation {
        &self.simulation
    }

    /// Sets the scene anew for a task (the robot at home, objects drawn from `seed`); the clock goes on at `start`.
    pub fn reset(&mut self, task: &str, seed: u64, start: HostTime) -> Result<(), RobotError> {
        let reset = self.simulation.reset(task, seed);
        reset.map_err(|source| self.failed(source))?;
        self.simulation.joint_positions(&mut self.positions);
        self.from.clone_from(&self.positions);
        self.to.clone_from(&self.positions);
        self.target.clone_from(&self.positions);
        self.start = start;
        self.elapsed = Span(0);
        self.commanded = start;
        for source in &mut self.sources {
            source.given = 0;
        }
        Ok(())
    }

    fn failed(&self, source: impl std::error::Error + Send + Sync + 'static) -> RobotError {
        RobotError::Simulation { robot: self.simulation.card().title(), source: Box::new(source) }
    }

    fn step(&mut self) -> Result<(), RobotError> {
        let share = ((self.now() + STEP - self.commanded).as_s() / self.ramp.as_s()).clamp(0.0, 1.0);
        for ((target, from), to) in self.target.iter_mut().zip(&self.from).zip(&self.to) {
            *target = from + (to - from) * share;
        }
        let stepped = self.simulation.set_joint_targets(&self.target).and_then(|()| self.simulation.step(1));
        stepped.map_err(|source| self.failed(source))?;
        self.elapsed = self.elapsed + STEP;
        self.simulation.joint_positions(&mut self.positions);
        Ok(())
    }

    fn give_what_is_due(&mut self, sink: &mut dyn ReadingSink) -> Result<(), RobotError> {
        let stamp = Stamp::at(self.now().ns());
        let mut drawn = false;
        for index in 0..self.sources.len() {
            if !self.sources[index].is_due(self.elapsed) {
                continue;
            }
            self.sources[index].given += 1;
            if !drawn && matches!(self.sources[index].kind, StreamKind::Video | StreamKind::Depth) {
                self.simulation.snapshot(&mut self.snapshot);
                drawn = true;
            }
            if let Some(reading) = self.read(index)? {
                sink.take(index, stamp, reading);
            }
        }
        Ok(())
    }

    fn read(&mut self, index: usize) -> Result<Option<Reading>, RobotError> {
        let sensor = self.sources[index].sensor.clone();
        let sample = match self.sources[index].kind {
            StreamKind::JointStates => Ok(Sample::JointStates(self.joint_states())),
            StreamKind::Wrench => self.simulation.wrench(&sensor).map(Sample::Wrench),
            StreamKind::Imu => self.simulation.imu(&sensor).map(Sample::Imu),
            StreamKind::Tactile => {
                let mut values = Vec::new();
                self.simulation
                    .tactile(&sensor, &mut values)
                    .map(|()| Sample::Tactile(self.taxels(&sensor, values)))
            }
            StreamKind::Calibration => {
                let Some(renderer) = &self.renderer else { return Ok(None) };
                let calibration = renderer.calibration(&sensor).map_err(|source| self.failed(source))?;
                Ok(Sample::Calibration(calibration))
            }
            StreamKind::Video | StreamKind::Depth => return self.draw(index, &sensor),
            _ => return Ok(None),
        };
        sample.map(|sample| Some(Reading::Sample(sample))).map_err(|source| self.failed(source))
    }

    fn joint_states(&self) -> JointStates {
        let empty = || vec![0.0; self.positions.len()];
        let (mut velocity, mut effort) = (empty(), empty());
        self.simulation.joint_velocities(&mut velocity);
        self.simulation.joint_efforts(&mut effort);
        JointStates { position: self.positions.clone(), velocity, effort }
    }

    fn taxels(&self, name: &str, values: Vec<f32>) -> Tactile {
        use etude_model::card::SensorKind;
        let layout = self.simulation.card().sensors.iter().find(|sensor| sensor.name == name);
        match layout.map(|sensor| &sensor.kind) {
            Some(SensorKind::Tactile { rows, columns, .. }) => {
                Tactile { rows: *rows, columns: *columns, values }
            }
            _ => Tactile { rows: 1, columns: values.len() as u32, values },
        }
    }

    fn draw(&mut self, index: usize, camera: &str) -> Result<Option<Reading>, RobotError> {
        let Some(renderer) = &mut self.renderer else { return Ok(None) };
        let drawn = renderer.draw(&self.snapshot, camera, &mut self.picture);
        drawn.map_err(|source| self.failed(source))?;
        let (width, height) = (self.picture.width, self.picture.height);
        Ok(Some(if self.sources[index].kind == StreamKind::Depth {
            let depth_mm = self.picture.depth_mm.as_slice().into();
            Reading::Sample(Sample::Depth(DepthImage { width, height, depth_mm }))
        } else {
            Reading::Picture(Picture { width, height, rgb: self.picture.rgb.clone() })
        }))
    }
}

impl Source {
    fn is_due(&self, elapsed: Span) -> bool {
        match self.rate_hz {
            // Half a nanosecond of slack, so that a due time that is a step is not missed by rounding.
            Some(rate) => self.given as f64 / rate <= elapsed.as_s() + 5e-10,
            None => self.given == 0,
        }
    }
}

impl Robot for SimulatedRobot {
    fn card(&self) -> &Card {
        self.simulation.card()
    }

    fn streams(&self) -> &[StreamSpec] {
        &self.streams
    }

    fn now(&self) -> HostTime {
        self.start + self.elapsed
    }

    fn positions(&self) -> &[f64] {
        &self.positions
    }

    fn announce(&mut self) {
        for source in self.sources.iter_mut().filter(|source| source.rate_hz.is_none()) {
            source.given = 0;
        }
    }

    fn run_until(&mut self, time: HostTime, sink: &mut dyn ReadingSink) -> Result<(), RobotError> {
        self.give_what_is_due(sink)?;
        while self.now() + STEP <= time {
            self.step()?;
            self.give_what_is_due(sink)?;
        }
        Ok(())
    }

    fn command(&mut self, sequence: u64, granted: &[f64]) -> Result<ActionApplied, RobotError> {
        if granted.len() != self.to.len() {
            return Err(RobotError::CommandLength {
                robot: self.card().title(),
                expected: self.to.len(),
                found: granted.len(),
            });
        }
        let now = self.now();
        self.ramp = Span((now - self.commanded).0.clamp(STEP.0, LONGEST_RAMP.0));
        self.commanded = now;
        self.from.copy_from_slice(&self.target);
        self.to.copy_from_slice(granted);
        Ok(ActionApplied { sequence, latency: Span(0), accepted: true })
    }
}

/// The card's streams that a simulation can send, with the joints' channels filled in, and their schedule.
fn streams(card: &Card, cameras: bool) -> (Vec<StreamSpec>, Vec<Source>) {
    let mut streams = Vec::new();
    let mut sources = Vec::new();
    for spec in &card.streams {
        let sensor = match spec.kind {
            StreamKind::JointStates => String::new(),
            StreamKind::Wrench | StreamKind::Tactile | StreamKind::Imu => {
                spec.topic.as_str().rsplit('/').next().unwrap_or_default().to_owned()
            }
            StreamKind::Video | StreamKind::Depth | StreamKind::Calibration if cameras => {
                spec.topic.camera().unwrap_or_default().to_owned()
            }
            _ => continue,
        };
        let mut spec = spec.clone();
        if spec.kind == StreamKind::JointStates && spec.channels.is_empty() {
            let channel =
                |joint: &etude_model::card::Joint| Channel { name: joint.name.clone(), unit: joint.unit };
            spec.channels = card.joints.iter().map(channel).collect();
        }
        sources.push(Source { kind: spec.kind, sensor: sensor.clone(), rate_hz: spec.rate_hz, given: 0 });
        let is_video = spec.kind == StreamKind::Video;
        streams.push(spec);
        if is_video {
            let topic = format!("/camera/{sensor}/calibration");
            streams.push(StreamSpec::new(topic, StreamKind::Calibration, None).with_frame(sensor.clone()));
            sources.push(Source { kind: StreamKind::Calibration, sensor, rate_hz: None, given: 0 });
        }
    }
    (streams, sources)
}
