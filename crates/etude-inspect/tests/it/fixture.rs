//! A robot of three joints and a finger, and a clean take of it, made of formulas: the same in every run.

use etude_inspect::{Accumulator, Options, Report, RuleSet, VideoDepth};
use etude_model::sample::{JointCommand, JointStates, PoseSample};
use etude_model::unit::Unit;
use etude_model::verdict::Severity;
use etude_model::{
    Card, Channel, ClockKind, Manifest, Measurement, Origin, Pose, Sample, Stamp, StreamKind, StreamSpec,
    Topic,
};
use etude_model::{DeviceTime, HostTime, LogTime};

/// Joints of the card, in order.
pub(crate) const JOINTS: [&str; 4] = ["shoulder", "elbow", "wrist", "finger"];
/// Lag of state behind command of every joint, s.
pub(crate) const LAG_S: [f64; 4] = [0.1, 0.117, 0.133, 0.35];

pub(crate) fn card() -> Card {
    let joint = |name: &str, unit: &str, low: f64, high: f64| {
        format!(
            "[[joint]]\nname = \"{name}\"\nkind = \"revolute\"\nunit = \"{unit}\"\nposition = [{low}, {high}]\nvelocity = 20.0\neffort = 50.0\nhome = 0.5\n"
        )
    };
    let joints: String =
        JOINTS
            .iter()
            .map(|name| {
                if *name == "finger" { joint(name, "ratio", 0.0, 1.0) } else { joint(name, "rad", -2.0, 2.0) }
            })
            .collect();
    let text = format!(
        "schema = 1\nvendor = \"Test\"\nmodel = \"Arm\"\nrevision = \"1\"\nsource = \"made for tests\"\n{joints}\
         [[hand]]\nside = \"left\"\nkind = \"fingers\"\njoints = [\"finger\"]\nopen = [1.0]\nclosed = [0.0]\n"
    );
    Card::from_toml(&text).expect("the card of the tests")
}

pub(crate) fn manifest(clock: ClockKind, streams: Vec<StreamSpec>) -> Manifest {
    Manifest {
        format_version: 1,
        episode: etude_model::id::EpisodeId::new("take-1"),
        task: None,
        instruction: [("en".to_owned(), "Lift the can.".to_owned())].into(),
        campaign: None,
        scene: None,
        station: None,
        card: card().digest(),
        embodiment: card().title(),
        robot_serial: None,
        trainer: None,
        software: "test".to_owned(),
        clock,
        origin: Origin::Teleoperated,
        parents: Vec::new(),
        rights: etude_model::rights::Rights::default(),
        streams,
        notes: std::collections::BTreeMap::new(),
    }
}

/// Repeatable noise in -0.5..0.5 (a linear congruential generator).
pub(crate) struct Noise(u32);

impl Noise {
    pub(crate) const fn new(seed: u32) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(self.0 >> 8) / f64::from(1u32 << 24) - 0.5
    }
}

/// The motion that joint `j` is asked for, in its unit: sines of frequencies that no two joints share, so that nothing
/// repeats within a take.
pub(crate) fn asked(j: usize, t: f64) -> f64 {
    const SINES: [(f64, f64); 5] = [(0.3, 0.9), (0.25, 1.53), (0.2, 2.37), (0.12, 3.91), (0.08, 6.1)];
    let joint = j as f64;
    let sine = |(k, (amplitude, rate)): (usize, (f64, f64))| {
        amplitude * (rate * (1.0 + 0.13 * joint) * t + joint * (k as f64 + 1.0)).sin()
    };
    let wave: f64 = SINES.into_iter().enumerate().map(sine).sum();
    if j == 3 { 0.5 + 0.4 * wave } else { wave }
}

/// One message of a take.
pub(crate) type Message = (Topic, Stamp, Sample);

/// A take as messages, to be spoilt and then inspected.
pub(crate) struct Take {
    pub(crate) manifest: Manifest,
    pub(crate) messages: Vec<Message>,
}

pub(crate) fn joint_channels() -> Vec<Channel> {
    card().joints.iter().map(|joint| Channel { name: joint.name.clone(), unit: joint.unit }).collect()
}

pub(crate) fn states_topic() -> Topic {
    Topic::from(Topic::JOINT_STATES)
}

pub(crate) fn commands_topic() -> Topic {
    Topic::from(Topic::JOINT_COMMANDS)
}

pub(crate) fn hand_topic() -> Topic {
    Topic::from("/robot/ee/left/pose")
}

/// Times that a measured clock gives: a start that is no round number and 40 µs of jitter.
pub(crate) fn stamp(i: usize, rate_hz: f64, noise: &mut Noise) -> Stamp {
    let t = i as f64 / rate_hz + noise.next() * 80e-6;
    at(1_000.123_456_7 + t)
}

/// One instant on all clocks; the device's own clock has another zero.
pub(crate) fn at(t: f64) -> Stamp {
    Stamp {
        device: Some(DeviceTime::from_s(t - 900.0)),
        host: HostTime::from_s(t),
        log: LogTime::from_s(t + 2e-4),
    }
}

/// A clean take at `rate_hz`: commands, states that follow each with its lag and a little noise, and the hand's pose, which
/// runs `hand_offset_s` behind the joints.
pub(crate) fn clean(rate_hz: f64, seconds: f64, hand_offset_s: f64) -> Take {
    let streams = vec![
        StreamSpec::new(Topic::JOINT_STATES, StreamKind::JointStates, Some(rate_hz))
            .with_channels(joint_channels()),
        StreamSpec::new(Topic::JOINT_COMMANDS, StreamKind::JointCommand, Some(rate_hz))
            .with_channels(joint_channels()),
        StreamSpec::new("/robot/ee/left/pose", StreamKind::Pose, Some(rate_hz)).with_frame("base"),
    ];
    let mut messages = Vec::new();
    let mut clock = Noise::new(7);
    let mut values = Noise::new(11);
    for i in 0..(seconds * rate_hz) as usize {
        let t = i as f64 / rate_hz;
        let command: Vec<f64> = (0..4).map(|j| asked(j, t)).collect();
        let command = JointCommand { sequence: i as u64, asked: command.clone(), granted: command };
        messages.push((commands_topic(), stamp(i, rate_hz, &mut clock), Sample::JointCommand(command)));
        let position = (0..4).map(|j| asked(j, t - LAG_S[j]) + 2e-4 * values.next()).collect();
        let effort = (0..4).map(|j| 5.0 * asked(j, t + 1.0) + 0.1 * values.next()).collect();
        let states = JointStates { position, velocity: Vec::new(), effort };
        messages.push((states_topic(), stamp(i, rate_hz, &mut clock), Sample::JointStates(states)));
        // The hand's pose follows the same joints, so that their speeds rise and fall together.
        let late = t - hand_offset_s;
        let position_m = [0, 1, 2].map(|j: usize| 0.25 * asked(j, late - LAG_S[j]));
        let pose = PoseSample { pose: Pose { position_m, ..Pose::IDENTITY }, tracked: true };
        messages.push((hand_topic(), stamp(i, rate_hz, &mut clock), Sample::Pose(pose)));
    }
    Take { manifest: manifest(ClockKind::Measured, streams), messages }
}

/// A take of a body whose arm and hand report in streams of their own. The commands come the other way round: the elbow's with
/// the finger's, and the stream names say nothing of what is in them.
pub(crate) fn in_parts(rate_hz: f64, seconds: f64) -> Take {
    const PARTS: [(&str, bool, &[usize]); 4] = [
        (Topic::JOINT_STATES, true, &[0, 1, 2]),
        ("/robot/hand/left/state", true, &[3]),
        ("/robot/hand/left/command", false, &[3, 1]),
        (Topic::JOINT_COMMANDS, false, &[2, 0]),
    ];
    let whole = clean(rate_hz, seconds, 0.0);
    let all = joint_channels();
    let spec = |(topic, is_state, joints): &(&str, bool, &[usize])| {
        let kind = if *is_state { StreamKind::JointStates } else { StreamKind::JointCommand };
        let channels = joints.iter().map(|joint| all[*joint].clone()).collect();
        StreamSpec::new(*topic, kind, Some(rate_hz)).with_channels(channels)
    };
    let pick = |values: &[f64], joints: &[usize]| -> Vec<f64> {
        if values.is_empty() { Vec::new() } else { joints.iter().map(|joint| values[*joint]).collect() }
    };
    let mut messages = Vec::new();
    for (_, stamp, sample) in &whole.messages {
        for (topic, is_state, joints) in PARTS {
            let part = match sample {
                Sample::JointStates(states) if is_state => Sample::JointStates(JointStates {
                    position: pick(&states.position, joints),
                    velocity: pick(&states.velocity, joints),
                    effort: pick(&states.effort, joints),
                }),
                Sample::JointCommand(command) if !is_state => Sample::JointCommand(JointCommand {
                    sequence: command.sequence,
                    asked: pick(&command.asked, joints),
                    granted: pick(&command.granted, joints),
                }),
                _ => continue,
            };
            messages.push((Topic::from(topic), *stamp, part));
        }
    }
    Take { manifest: manifest(ClockKind::Measured, PARTS.iter().map(spec).collect()), messages }
}

impl Take {
    pub(crate) fn inspect(&self) -> Report {
        self.inspect_with(VideoDepth::KeyFrames)
    }

    pub(crate) fn inspect_with(&self, video: VideoDepth) -> Report {
        let options = Options { video, ..Options::default() };
        let mut accumulator = Accumulator::new(&self.manifest, &card(), &options);
        for (topic, stamp, sample) in &self.messages {
            accumulator.push(topic, stamp, sample);
        }
        Report::of_take(&self.manifest, accumulator, &RuleSet::supplied())
    }

    /// Changes the positions of every state; `t`: seconds since the first message.
    pub(crate) fn spoil_states(&mut self, mut spoil: impl FnMut(f64, &mut JointStates)) {
        let start = self.messages.first().map_or(0.0, |message| message.1.host.as_s());
        for (_, stamp, sample) in &mut self.messages {
            if let Sample::JointStates(states) = sample {
                spoil(stamp.host.as_s() - start, states);
            }
        }
    }
}

/// The value of a measurement; panics where it is not there.
pub(crate) fn value(report: &Report, name: &str, topic: &Topic, channel: Option<&str>) -> f64 {
    find(report, name, topic, channel)
        .unwrap_or_else(|| panic!("no {name} of {topic} {channel:?}"))
        .value
        .unwrap_or_else(|| panic!("{name} of {topic} {channel:?} has no value"))
}

pub(crate) fn find<'a>(
    report: &'a Report,
    name: &str,
    topic: &Topic,
    channel: Option<&str>,
) -> Option<&'a Measurement> {
    report.measurements.iter().find(|measurement| {
        measurement.name == name
            && measurement.topic.as_ref() == Some(topic)
            && measurement.channel.as_deref() == channel
    })
}

/// The rules that a report's verdict names at or above a severity, each with its channel.
pub(crate) fn rules(report: &Report, least: Severity) -> Vec<(&str, Option<&str>)> {
    let grave = report.verdict.findings.iter().filter(|finding| finding.severity >= least);
    grave.map(|finding| (finding.rule.as_str(), finding.measurement.channel.as_deref())).collect()
}

pub(crate) const RATIO: Unit = Unit::Ratio;
