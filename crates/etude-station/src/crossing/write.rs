//! The retargeted episode: commands for the target at its rate, where its hands were meant to be, and the report.

use crate::crossing::source::Origin as PathOrigin;
use crate::crossing::{CrossError, Request};
use etude_episode::{
    Closed, Episode, EpisodeWriter, Expected, FileSink, Head, StreamIndex, WriteError, WriterOptions,
};
use etude_kinematics::retarget::arms::side_index;
use etude_kinematics::retarget::{Arms, Report, Tick};
use etude_kinematics::transform;
use etude_model::card::{Card, Side};
use etude_model::id::EpisodeId;
use etude_model::sample::{JointCommand, PoseSample, TakeEvent};
use etude_model::stream::Channel;
use etude_model::{HostTime, LogTime, Manifest, Origin, Sample, Span, Stamp, StreamKind, StreamSpec, Topic};
use etude_robot::Governor;
use std::path::{Path, PathBuf};

/// Name of the event on `/take` whose detail is the report as JSON.
pub const REPORT_EVENT: &str = "retarget_report";

/// What the new episode is made from.
pub(super) struct About<'a> {
    pub(super) episode: &'a Episode,
    pub(super) request: &'a Request<'a>,
    pub(super) origin: PathOrigin,
    pub(super) rate_hz: f64,
    /// Posture that the body begins in.
    pub(super) start: &'a [f64],
    pub(super) arms: &'a Arms,
}

/// Writes one.
pub(super) struct Writer<'a> {
    file: EpisodeWriter<FileSink>,
    path: PathBuf,
    arms: &'a Arms,
    governor: Governor,
    began: i64,
    commands: StreamIndex,
    take: StreamIndex,
    hands: [Option<StreamIndex>; 2],
    sequence: u64,
    asked: Vec<f64>,
    last_s: f64,
}

impl<'a> Writer<'a> {
    pub(super) fn create(path: &Path, about: &About<'a>) -> Result<Self, CrossError> {
        let card = about.request.target;
        let manifest = manifest(about, card)?;
        let refuse = |source| CrossError::Write { path: path.to_owned(), source: Box::new(source) };
        let head = Head { manifest: &manifest, card_toml: &card.to_toml(), attachments: &[] };
        let writer = EpisodeWriter::create(path, &head, WriterOptions::default()).map_err(refuse)?;
        let stream = |topic: &str| writer.stream(topic);
        let (Some(commands), Some(take)) = (stream(Topic::JOINT_COMMANDS), stream(Topic::TAKE)) else {
            let missing = "the streams that were just declared";
            return Err(refuse(WriteError::Manifest { expected: missing, found: "none".to_owned() }));
        };
        let hands = Side::BOTH.map(|side| stream(&command_topic(side)));
        let began = about.episode.log_range().map_or(0, |(first, _)| first.ns());
        let mut asked: Vec<f64> = card.joints.iter().map(|joint| joint.home).collect();
        about.arms.read_out(about.start, &mut asked);
        let governor = Governor::new(card, &asked, HostTime(began))?;
        let mut new = Self {
            file: writer,
            path: path.to_owned(),
            arms: about.arms,
            governor,
            began,
            commands,
            take,
            hands,
            sequence: 0,
            asked,
            last_s: 0.0,
        };
        let detail = format!("from {} by its {}", about.episode.manifest().episode, about.origin.name());
        new.event(0.0, "retargeted", &detail)?;
        Ok(new)
    }

    fn stamp(&self, time_s: f64) -> Stamp {
        Stamp::at(self.began + Span::from_s(time_s).0)
    }

    fn write(&mut self, stream: StreamIndex, time_s: f64, sample: &Sample) -> Result<(), CrossError> {
        self.last_s = self.last_s.max(time_s);
        let stamp = self.stamp(time_s);
        self.file
            .write(stream, stamp, sample)
            .map_err(|source| CrossError::Write { path: self.path.clone(), source: Box::new(source) })
    }

    fn event(&mut self, time_s: f64, name: &str, detail: &str) -> Result<(), CrossError> {
        let event = TakeEvent { name: name.to_owned(), detail: detail.to_owned() };
        self.write(self.take, time_s, &Sample::Take(event))
    }

    pub(super) fn take(&mut self, tick: &Tick<'_>) -> Result<(), CrossError> {
        match tick {
            Tick::Hands(knot) => {
                for side in Side::BOTH {
                    let index = side_index(side);
                    let (Some(stream), Some(hand)) = (self.hands[index], &knot.asked.hands[index]) else {
                        continue;
                    };
                    let sample = PoseSample { pose: transform::pose(&hand.grasp), tracked: true };
                    self.write(stream, knot.time_s, &Sample::Pose(sample))?;
                }
                Ok(())
            }
            Tick::Joints { time_s, positions, .. } => {
                self.arms.read_out(positions, &mut self.asked);
                let now = HostTime(self.stamp(*time_s).host.ns());
                let granted = self.governor.pass(now, self.sequence, &self.asked).to_vec();
                self.governor.drain_events().for_each(drop);
                let asked = self.asked.clone();
                let command = JointCommand { sequence: self.sequence, asked, granted };
                self.sequence += 1;
                self.write(self.commands, *time_s, &Sample::JointCommand(command))
            }
        }
    }

    pub(super) fn finish(mut self, report: &Report) -> Result<Closed, CrossError> {
        let json = serde_json::to_string(report).unwrap_or_default();
        self.event(self.last_s, REPORT_EVENT, &json)?;
        // The commands must cover the whole take at their rate.
        let span = [0.0, self.last_s].map(|time_s| self.stamp(time_s).log);
        let Self { mut file, path, commands, hands, .. } = self;
        let mut expected = vec![(commands, Expected::Rate { from: span[0], to: span[1] })];
        for side in Side::BOTH {
            let works = report.hands.iter().any(|hand| hand.side == side.name());
            // A hand that keeps its home is sent nowhere.
            let count = Expected::Count(if works { report.samples } else { 0 });
            expected.extend(hands[side_index(side)].map(|stream| (stream, count)));
        }
        expected
            .into_iter()
            .try_for_each(|(stream, expected)| file.expect(stream, expected))
            .and_then(|()| file.finish())
            .map_err(|source| CrossError::Write { path, source: Box::new(source) })
    }
}

fn command_topic(side: Side) -> String {
    format!("/robot/ee/{}/command", side.name())
}

fn manifest(about: &About<'_>, card: &Card) -> Result<Manifest, CrossError> {
    let source = about.episode.manifest();
    let digest = about.episode.digest()?;
    let joints =
        card.joints.iter().map(|joint| Channel { name: joint.name.clone(), unit: joint.unit }).collect();
    let mut streams = vec![
        StreamSpec::new(Topic::JOINT_COMMANDS, StreamKind::JointCommand, Some(about.rate_hz))
            .with_channels(joints),
    ];
    for side in Side::BOTH.into_iter().filter(|side| card.end_effector(*side).is_some()) {
        streams.push(StreamSpec::new(command_topic(side), StreamKind::Pose, None).with_frame("base"));
    }
    streams.push(StreamSpec::new(Topic::TAKE, StreamKind::Take, None));
    let mut notes = source.notes.clone();
    notes.insert("retarget.frame".to_owned(), about.request.frame.name().to_owned());
    notes.insert("retarget.from".to_owned(), about.origin.name().to_owned());
    notes.insert("retarget.source".to_owned(), source.embodiment.clone());
    let began_ms = about.episode.log_range().map_or(0, |(first, _)| first.ns() / 1_000_000);
    let chance = etude_model::Digest::of(format!("{digest} {}", card.digest()).as_bytes());
    let mut id = [0; 10];
    id.copy_from_slice(&chance.0[..10]);
    Ok(Manifest {
        format_version: etude_episode::FORMAT_VERSION,
        episode: EpisodeId::from_parts(u64::try_from(began_ms).unwrap_or(0), id),
        card: card.digest(),
        embodiment: card.title(),
        robot_serial: None,
        software: concat!("etude ", env!("CARGO_PKG_VERSION")).to_owned(),
        origin: Origin::Retargeted,
        parents: vec![digest.to_string()],
        streams,
        notes,
        ..source.clone()
    })
}

/// The report that a retargeted episode holds; `None` where it holds none.
pub fn report_of(episode: &Episode) -> Result<Option<Report>, CrossError> {
    if episode.stream(Topic::TAKE).is_none() {
        return Ok(None);
    }
    for message in episode.messages(&[Topic::TAKE], LogTime(i64::MIN)..)? {
        if let Sample::Take(event) = message?.sample
            && event.name == REPORT_EVENT
        {
            return Ok(serde_json::from_str(&event.detail).ok());
        }
    }
    Ok(None)
}
