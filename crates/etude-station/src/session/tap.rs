//! The tap: everything that happens in a session, led into the recorder's producers.

use crate::recorder::{Clock, ManualClock, Producer, Pushed, Recorder, RecorderError};
use crate::session::event;
use crate::trainer::TrainerFrame;
use etude_model::card::Side;
use etude_model::sample::{ActionApplied, JointCommand, PoseSample, SafetyEvent};
use etude_model::{HostTime, LogTime, Pose, Sample, Stamp, StreamKind, StreamSpec};
use etude_robot::governor::GovernorEvent;
use etude_robot::{Picture, Reading, ReadingSink};
use etude_video::RgbImage;
use std::collections::HashMap;
use std::sync::Arc;

/// Leads readings and the station's own samples into producers; or, while nothing is recorded, only counts them.
#[derive(Debug)]
pub(super) struct Tap {
    heard: Vec<u64>,
    robot: Vec<Option<Producer>>,
    /// Cameras whose picture size is known but whose producer is not open yet: place among the robot's streams.
    waiting: Vec<(usize, Stamp, Picture)>,
    topics: Vec<String>,
    station: HashMap<String, Producer>,
    clock: Option<Arc<ManualClock>>,
    strongest_n: Option<f64>,
}

impl Tap {
    /// A tap that only counts.
    pub(super) fn idle(streams: usize) -> Self {
        Self {
            heard: vec![0; streams],
            robot: (0..streams).map(|_| None).collect(),
            waiting: Vec::new(),
            topics: Vec::new(),
            station: HashMap::new(),
            clock: None,
            strongest_n: None,
        }
    }

    /// A tap into a recorder.
    pub(super) fn recording(
        recorder: &mut Recorder,
        all: &[StreamSpec],
        robot: &[StreamSpec],
        clock: Arc<ManualClock>,
    ) -> Result<Self, RecorderError> {
        let mut tap = Self::idle(robot.len());
        tap.clock = Some(clock);
        tap.topics = robot.iter().map(|spec| spec.topic.to_string()).collect();
        for (place, spec) in robot.iter().enumerate() {
            // A camera's producer is opened when its first picture tells its size.
            if spec.kind != StreamKind::Video {
                tap.robot[place] = Some(recorder.producer(spec.topic.as_str(), None)?);
            }
        }
        for spec in all.iter().skip(robot.len()).filter(|spec| spec.kind != StreamKind::Gap) {
            let topic = spec.topic.to_string();
            tap.station.insert(topic.clone(), recorder.producer(&topic, None)?);
        }
        Ok(tap)
    }

    /// Readings per stream of the robot so far.
    pub(super) fn heard(&self) -> &[u64] {
        &self.heard
    }

    /// The strongest force at a wrist since the last call, N.
    pub(super) fn strongest_wrist_force(&mut self) -> Option<f64> {
        self.strongest_n.take()
    }

    /// Opens producers for cameras that have sent their first picture, and gives them those pictures.
    pub(super) fn open_cameras(&mut self, recorder: &mut Recorder) -> Result<(), RecorderError> {
        for (place, stamp, picture) in std::mem::take(&mut self.waiting) {
            if self.robot[place].is_none() {
                let size = (picture.width, picture.height);
                self.robot[place] = Some(recorder.producer(&self.topics[place], Some(size))?);
            }
            self.picture(place, stamp, picture);
        }
        Ok(())
    }

    /// Records a sample of one of the station's own streams.
    pub(super) fn station(&mut self, topic: &str, now: HostTime, sample: Sample) {
        self.move_clock(LogTime(now.ns()));
        if let Some(producer) = self.station.get_mut(topic) {
            settle(producer.push(None, now, sample));
        }
    }

    pub(super) fn take_event(&mut self, now: HostTime, name: &str, detail: &str) {
        self.station(etude_model::Topic::TAKE, now, event(name, detail));
    }

    pub(super) fn trainer(&mut self, frame: &TrainerFrame) {
        self.station("/trainer/head/pose", frame.host, Sample::Pose(frame.head));
        for (side, hand) in Side::BOTH.into_iter().zip(&frame.hands) {
            let Some(hand) = hand else { continue };
            let name = side.name();
            self.station(&format!("/trainer/{name}/pose"), frame.host, Sample::Pose(hand.wrist));
            self.station(
                &format!("/trainer/{name}/input"),
                frame.host,
                Sample::TrainerInput(hand.input.clone()),
            );
            if let Some(joints) = &hand.joints {
                self.station(&format!("/trainer/{name}/hand"), frame.host, Sample::HandPose(joints.clone()));
            }
        }
    }

    /// Records both grasp frames, as they are (`pose`) or as they were sent (`command`).
    pub(super) fn grasps(&mut self, now: HostTime, what: &str, in_base: &[Option<Pose>; 2]) {
        for (side, pose) in Side::BOTH.into_iter().zip(in_base) {
            if let Some(pose) = *pose {
                let sample = Sample::Pose(PoseSample { pose, tracked: true });
                self.station(&format!("/robot/ee/{}/{what}", side.name()), now, sample);
            }
        }
    }

    /// Records what was asked, what was granted and what the robot acknowledged.
    pub(super) fn command(
        &mut self,
        now: HostTime,
        sequence: u64,
        asked: &[f64],
        granted: &[f64],
        applied: ActionApplied,
    ) {
        let command = JointCommand { sequence, asked: asked.to_vec(), granted: granted.to_vec() };
        self.station(etude_model::Topic::JOINT_COMMANDS, now, Sample::JointCommand(command));
        self.station(etude_model::Topic::ACTION_APPLIED, now, Sample::ActionApplied(applied));
    }

    pub(super) fn safety(&mut self, now: HostTime, event: GovernorEvent, subject: &str) {
        let event = SafetyEvent {
            kind: event.kind,
            sequence: event.sequence,
            subject: subject.to_owned(),
            asked: event.asked,
            granted: event.granted,
        };
        self.station(etude_model::Topic::SAFETY, now, Sample::Safety(event));
    }

    fn move_clock(&self, now: LogTime) {
        if let Some(clock) = &self.clock {
            clock.advance_to(now);
        }
    }

    fn picture(&mut self, place: usize, stamp: Stamp, picture: Picture) {
        let Some(producer) = &mut self.robot[place] else {
            self.waiting.push((place, stamp, picture));
            return;
        };
        if let Ok(image) = RgbImage::new(picture.width, picture.height, picture.rgb) {
            settle(producer.push_picture(stamp.device, stamp.host, image));
        }
    }
}

impl ReadingSink for Tap {
    fn take(&mut self, stream: usize, stamp: Stamp, reading: Reading) {
        self.heard[stream] += 1;
        let Some(clock) = &self.clock else { return };
        clock.advance_to(stamp.log);
        debug_assert!(clock.now() >= stamp.log);
        if let Reading::Sample(Sample::Wrench(wrench)) = &reading {
            let force = wrench.force_n.iter().map(|axis| axis * axis).sum::<f64>().sqrt();
            self.strongest_n = Some(self.strongest_n.map_or(force, |strongest| strongest.max(force)));
        }
        match reading {
            Reading::Picture(picture) => self.picture(stream, stamp, picture),
            Reading::Sample(sample) => {
                if let Some(producer) = &mut self.robot[stream] {
                    settle(producer.push(stamp.device, stamp.host, sample));
                }
            }
        }
    }
}

/// Whatever became of a push, the recorder has counted it: a drop is declared in the file, an end is told by `stop`.
fn settle(pushed: Pushed) {
    match pushed {
        Pushed::Taken | Pushed::Dropped | Pushed::Stopped => {}
    }
}
