//! The path of hands that an episode holds, read as a stream.
//!
//! From the recorded human motion where there is one: the hands' displacement since the clutch closed, scaled as
//! teleoperation scales it. Else from the robot's own joints, commanded or measured, by forward kinematics. What comes out
//! is in the source's base frame, or in its torso's axes.

use crate::crossing::CrossError;
use crate::teleop::{TRAINER_ARM_LENGTH_M, base_from_trainer};
use crate::trainer::hand;
use etude_episode::{Episode, Messages, StreamIndex};
use etude_kinematics::hand::HandSkeleton;
use etude_kinematics::retarget::arms::side_index;
use etude_kinematics::retarget::{Arms, Fingers, HandJoints, HandSample, PathSample};
use etude_kinematics::{Poses, transform};
use etude_model::card::{Card, Side};
use etude_model::{HostTime, Sample, Span, StreamKind, Topic};
use nalgebra::{Isometry3, Translation3};
use std::collections::HashMap;

/// Samples closer together than this are passed over, s: a hand's path needs no more.
const CLOSEST_S: f64 = 1.0 / 125.0;

/// Most samples of a path that are kept in memory, some 10 MiB: two minutes.
const KEPT_MAX: usize = 16_384;

/// What a path is read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// What the trainer's hands did.
    Trainer,
    /// What the robot's joints were asked to do.
    Commands,
    /// What they did.
    States,
}

impl Origin {
    /// In a word, as in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Trainer => "trainer",
            Self::Commands => "commands",
            Self::States => "states",
        }
    }

    /// The best that an episode has. In the work frame that is where the hands really were, since that is where things
    /// were: a person leads a robot that sags beside the place. Else it is the human motion.
    pub fn best(episode: &Episode, frame: PathFrame) -> Option<Self> {
        let has = |topic: &str| episode.stream(topic).is_some();
        let led = Side::BOTH.iter().any(|side| {
            has(&format!("/trainer/{}/pose", side.name()))
                && has(&format!("/robot/ee/{}/command", side.name()))
        });
        let order = match frame {
            PathFrame::Base => [Self::States, Self::Trainer, Self::Commands],
            PathFrame::Torso => [Self::Trainer, Self::Commands, Self::States],
        };
        order.into_iter().find(|origin| match origin {
            Self::Trainer => led && has(Topic::JOINT_COMMANDS),
            Self::Commands => has(Topic::JOINT_COMMANDS),
            Self::States => has(Topic::JOINT_STATES),
        })
    }
}

/// Which frame a path is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathFrame {
    /// The source's base frame.
    Base,
    /// The axes of the source's torso.
    Torso,
}

/// The body that a source's joints are read with: its own, or another one with the same slots.
#[derive(Clone, Debug)]
pub struct SourceBody {
    /// Its arms.
    pub arms: Arms,
    /// Per joint of the episode's card: its place on the body's card, and wire = factor · body + offset inverted:
    /// body = factor · wire + offset.
    pub joints: Vec<Option<(usize, f64, f64)>>,
    /// Joints of the body's card.
    pub joint_count: usize,
}

impl SourceBody {
    /// Reads joints of `card` as joints of the body that `body_card` describes: by name where both are one card, else by
    /// slot.
    pub fn new(card: &Card, body_card: &Card, arms: Arms) -> Self {
        let same = card.digest() == body_card.digest();
        let joints = card.joints.iter().enumerate().map(|(at, joint)| {
            if same {
                return Some((at, 1.0, 0.0));
            }
            let slot = joint.slot.as_ref()?;
            let place = body_card.joints.iter().position(|other| other.slot.as_ref() == Some(slot))?;
            let other = &body_card.joints[place];
            (other.unit == joint.unit).then_some((
                place,
                joint.sign * other.sign,
                (joint.offset - other.offset) * other.sign,
            ))
        });
        Self { joints: joints.collect(), joint_count: body_card.joints.len(), arms }
    }
}

/// A path being read.
pub struct PathReader<'e> {
    messages: Messages<'e>,
    episode: &'e Episode,
    source: &'e SourceBody,
    origin: Origin,
    frame: PathFrame,
    /// Per stream of joints: per channel, its place on the episode's card.
    channels: HashMap<u16, Vec<Option<usize>>>,
    /// The stream at whose messages samples are made.
    ticks: u16,
    trainers: [TrainerSide; 2],
    hands: [Vec<Closes>; 2],
    wire: Vec<f64>,
    body_wire: Vec<f64>,
    whole: Vec<f64>,
    poses: Poses,
    began: Option<HostTime>,
    last_s: f64,
    /// Whether what the trainer did does not count.
    alone: bool,
}

/// What is known of one of the trainer's hands.
#[derive(Clone, Debug, Default)]
struct TrainerSide {
    streams: [Option<u16>; 4],
    wrist: Option<Isometry3<f64>>,
    clutch: bool,
    input_closure: Option<f64>,
    hand_closure: Option<f64>,
    command: Option<Isometry3<f64>>,
    fingers: Option<Fingers>,
    joints: Option<HandJoints>,
    shown: Option<HostTime>,
    anchor: Option<(Isometry3<f64>, Isometry3<f64>)>,
    grasp: Option<Isometry3<f64>>,
}

impl<'e> PathReader<'e> {
    /// Begins to read `episode`, whose card is `card`, from its beginning.
    pub fn new(
        episode: &'e Episode,
        card: &'e Card,
        source: &'e SourceBody,
        origin: Origin,
        frame: PathFrame,
    ) -> Result<Self, CrossError> {
        let kind = if origin == Origin::States { StreamKind::JointStates } else { StreamKind::JointCommand };
        let main = if origin == Origin::States { Topic::JOINT_STATES } else { Topic::JOINT_COMMANDS };
        let ticks = episode.stream(main).ok_or_else(|| CrossError::NoPath {
            episode: episode.name().to_owned(),
            missing: main.to_owned(),
        })?;
        let mut topics: Vec<String> = Vec::new();
        let mut channels = HashMap::new();
        for (index, info) in (0..).zip(episode.streams()) {
            if info.spec.kind != kind || info.spec.topic.as_str().starts_with("/imported/") {
                continue;
            }
            topics.push(info.spec.topic.to_string());
            let names = info.spec.channels.iter();
            let places = names.map(|channel| card.joint_index(&channel.name)).collect::<Vec<_>>();
            channels.insert(index, places);
        }
        let mut trainers = [TrainerSide::default(), TrainerSide::default()];
        for side in Side::BOTH {
            let name = side.name();
            let wanted = [
                format!("/trainer/{name}/pose"),
                format!("/trainer/{name}/input"),
                format!("/trainer/{name}/hand"),
                format!("/robot/ee/{name}/command"),
            ];
            for (place, topic) in trainers[side_index(side)].streams.iter_mut().zip(wanted) {
                *place = episode.stream(&topic).map(|stream| stream.0);
                if place.is_some() {
                    topics.push(topic);
                }
            }
        }
        let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
        let messages = episode.messages(&topics, ..)?;
        Ok(Self {
            messages,
            episode,
            source,
            origin,
            frame,
            channels,
            ticks: ticks.0,
            trainers,
            hands: Side::BOTH.map(|side| closes(card, side)),
            body_wire: vec![f64::NAN; source.joint_count],
            wire: vec![f64::NAN; card.joints.len()],
            whole: source.arms.home().to_vec(),
            poses: Poses::new(source.arms.body()),
            began: None,
            last_s: f64::NEG_INFINITY,
            alone: false,
        })
    }

    /// The same, with followers of the person's fingers (left, right): samples say where the target's joints go.
    #[must_use]
    pub fn with_fingers(mut self, fingers: [Option<Fingers>; 2]) -> Self {
        for (trainer, fingers) in self.trainers.iter_mut().zip(fingers) {
            trainer.fingers = fingers;
        }
        self
    }

    /// The same; where `alone`, what the trainer did does not count, not even for how far the hands close.
    #[must_use]
    pub fn without_trainer(mut self, alone: bool) -> Self {
        self.alone = alone;
        self
    }

    fn step(&mut self) -> Result<Option<PathSample>, CrossError> {
        loop {
            // Joints between two samples are not read: the sample has those of its own instant.
            let (ticks, next) =
                (self.ticks, self.began.map(|began| began + Span::from_s(self.last_s + CLOSEST_S)));
            let wanted = |stream: StreamIndex, host: HostTime| {
                stream.0 != ticks || host.0 == 0 || next.is_none_or(|next| host >= next)
            };
            let Some(message) = self.messages.next_where(wanted).transpose()? else { return Ok(None) };
            let stream = message.stream.0;
            match &message.sample {
                Sample::JointStates(states) => self.joints(stream, &states.position),
                Sample::JointCommand(command) => {
                    let granted = if command.granted.is_empty() { &command.asked } else { &command.granted };
                    self.joints(stream, granted);
                }
                other => self.trained(stream, message.stamp.host, other),
            }
            if stream != self.ticks {
                continue;
            }
            let began = *self.began.get_or_insert(message.stamp.host);
            let time_s = (message.stamp.host - began).as_s();
            if time_s - self.last_s < CLOSEST_S {
                continue;
            }
            self.last_s = time_s;
            return Ok(Some(self.sample(time_s)));
        }
    }

    fn joints(&mut self, stream: u16, positions: &[f64]) {
        let Some(places) = self.channels.get(&stream) else { return };
        for (place, &position) in places.iter().zip(positions) {
            if let Some(value) =
                place.and_then(|place| self.wire.get_mut(place)).filter(|_| position.is_finite())
            {
                *value = position;
            }
        }
    }

    fn trained(&mut self, stream: u16, now: HostTime, sample: &Sample) {
        for (side, trainer) in Side::BOTH.into_iter().zip(&mut self.trainers) {
            let Some(what) = trainer.streams.iter().position(|known| *known == Some(stream)) else {
                continue;
            };
            match (what, sample) {
                (0, Sample::Pose(pose)) => {
                    trainer.wrist =
                        (pose.tracked && pose.pose.is_valid()).then(|| transform::isometry(&pose.pose));
                }
                (1, Sample::TrainerInput(input)) => {
                    trainer.clutch = input.clutch;
                    trainer.input_closure = Some(input.closure).filter(|closure| closure.is_finite());
                }
                (2, Sample::HandPose(joints)) => {
                    trainer.hand_closure = hand::closure(joints);
                    trainer.show(&HandSkeleton::from_pose(side, joints), now);
                }
                (3, Sample::Pose(pose)) => trainer.command = Some(transform::isometry(&pose.pose)),
                _ => {}
            }
        }
    }

    fn sample(&mut self, time_s: f64) -> PathSample {
        for (joint, &value) in self.source.joints.iter().zip(&self.wire) {
            if let Some((place, factor, offset)) = joint {
                self.body_wire[*place] = factor * value + offset;
            }
        }
        let arms = &self.source.arms;
        arms.write(&self.body_wire, &mut self.whole);
        let reading = arms.read(&self.whole, &mut self.poses);
        let scale = arms.arm_length_m() / TRAINER_ARM_LENGTH_M;
        let to_frame = match self.frame {
            PathFrame::Base => Isometry3::identity(),
            PathFrame::Torso => reading.torso_in_base.inverse(),
        };
        let mut hands = [None, None];
        for side in Side::BOTH {
            let index = side_index(side);
            let (wire_closure, wire_fingers) = closure(&self.hands[index], &self.wire);
            let mut grasp = reading.grasp_in_base[index];
            // The episode's own card speaks of its own hand, whatever hand the body has that it is read with.
            let mut closed = wire_closure.or(reading.closure[index]);
            let mut fingers = wire_fingers.or(reading.fingers[index]);
            let trainer = &mut self.trainers[index];
            if let Some(led) = trainer.follow(scale).filter(|_| self.origin == Origin::Trainer) {
                grasp = Some(led);
            }
            if trainer.clutch && !self.alone {
                // How far the person closes the hand says more than the fingers, which a thing stops.
                if let Some(led) = trainer.hand_closure.or(trainer.input_closure) {
                    (closed, fingers) = (Some(led), None);
                }
            }
            if let Some(grasp) = grasp {
                let closure = closed.unwrap_or(0.0);
                let joints = trainer.joints;
                hands[index] = Some(HandSample { grasp: to_frame * grasp, closure, fingers, joints });
            }
        }
        PathSample { time_s, hands }
    }

    /// What errors call the episode.
    pub fn episode_name(&self) -> &str {
        self.episode.name()
    }
}

impl Iterator for PathReader<'_> {
    type Item = Result<PathSample, CrossError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.step().transpose()
    }
}

/// A path that is gone through twice. A short one is kept in memory, a long one is read again.
#[derive(Debug, Default)]
pub(super) struct Kept {
    samples: Vec<PathSample>,
    too_long: bool,
}

impl Kept {
    /// The path as it is read for the first time.
    pub(super) fn keep<'k>(
        &'k mut self,
        path: impl Iterator<Item = Result<PathSample, CrossError>> + 'k,
    ) -> impl Iterator<Item = Result<PathSample, CrossError>> + 'k {
        path.inspect(|sample| {
            self.too_long |= self.samples.len() >= KEPT_MAX;
            match sample {
                Ok(sample) if !self.too_long => self.samples.push(*sample),
                _ => self.samples = Vec::new(),
            }
        })
    }

    /// The path once more; `read` begins to read it from its beginning.
    pub(super) fn again<'k, P>(
        self,
        read: impl FnOnce() -> Result<P, CrossError>,
    ) -> Result<Box<dyn Iterator<Item = Result<PathSample, CrossError>> + 'k>, CrossError>
    where
        P: Iterator<Item = Result<PathSample, CrossError>> + 'k,
    {
        Ok(if self.too_long { Box::new(read()?) } else { Box::new(self.samples.into_iter().map(Ok)) })
    }
}

impl TrainerSide {
    /// Takes a frame of the person's fingers. They lead while the clutch is closed, and stay as they are while it is open.
    fn show(&mut self, hand: &HandSkeleton, now: HostTime) {
        let Some(fingers) = &mut self.fingers else { return };
        let dt_s = self.shown.replace(now).map_or(0.0, |last| (now - last).as_s().max(0.0));
        let joints = fingers.follow(hand, dt_s);
        if self.clutch {
            self.joints = joints;
        }
    }

    /// Where the trainer leads the grasp frame now, in the robot's base frame.
    fn follow(&mut self, scale: f64) -> Option<Isometry3<f64>> {
        let (Some(wrist), true) = (self.wrist, self.clutch) else {
            self.anchor = None;
            return self.grasp;
        };
        if self.anchor.is_none() {
            self.anchor = Some((wrist, self.command?));
        }
        let (hand, grasp) = self.anchor?;
        let turn = base_from_trainer();
        let moved = turn * (wrist.translation.vector - hand.translation.vector) * scale;
        let turned = turn * (wrist.rotation * hand.rotation.inverse()) * turn.inverse();
        let led = Isometry3::from_parts(
            Translation3::from(grasp.translation.vector + moved),
            turned * grasp.rotation,
        );
        self.grasp = Some(led);
        self.grasp
    }
}

/// A joint of a hand on its way from open to closed, by its place on the episode's card.
#[derive(Clone, Copy, Debug)]
struct Closes {
    place: usize,
    open: f64,
    closed: f64,
    /// Which finger it belongs to.
    finger: Option<usize>,
}

/// The joints of one side's hand.
fn closes(card: &Card, side: Side) -> Vec<Closes> {
    use etude_kinematics::retarget::arms::FINGERS;
    let hand = card.hand(side).into_iter();
    let joints = hand.flat_map(|hand| hand.joints.iter().zip(hand.open.iter().zip(&hand.closed)));
    let closes = joints.filter_map(|(name, (&open, &closed))| {
        let place = card.joint_index(name)?;
        let slot = card.joints.get(place).and_then(|joint| joint.slot.as_ref());
        let finger = slot.and_then(|slot| FINGERS.iter().position(|finger| slot.joint.starts_with(finger)));
        ((closed - open).abs() > 1e-9).then_some(Closes { place, open, closed, finger })
    });
    closes.collect()
}

/// How far a hand is closed by the card's own channels, as a whole and finger by finger; for hands whose channels are
/// not joints of a model.
fn closure(hand: &[Closes], wire: &[f64]) -> (Option<f64>, Option<[f64; 5]>) {
    let (mut all, mut fingers) = ((0.0, 0_u32), [(0.0, 0_u32); 5]);
    for joint in hand {
        let Some(value) = wire.get(joint.place).filter(|value| value.is_finite()) else { continue };
        let share = ((value - joint.open) / (joint.closed - joint.open)).clamp(0.0, 1.0);
        all = (all.0 + share, all.1 + 1);
        if let Some(finger) = joint.finger.and_then(|finger| fingers.get_mut(finger)) {
            *finger = (finger.0 + share, finger.1 + 1);
        }
    }
    let mean = |(sum, count): (f64, u32)| if count == 0 { f64::NAN } else { sum / f64::from(count) };
    let named = fingers.iter().any(|(_, count)| *count > 0);
    ((all.1 > 0).then(|| mean(all)), named.then(|| fingers.map(mean)))
}
