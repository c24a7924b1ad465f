//! One stream while messages go by: its times, its arrays, its pictures.

use crate::array::{Array, Label};
use crate::channel::{At, Role};
use crate::definition::{Fill, measured, name};
use crate::joints::Of;
use crate::options::Options;
use crate::scale::Scale;
use crate::timing::Timing;
use crate::video::Video;
use etude_model::sample::Tactile;
use etude_model::{Card, ClockKind, Measurement, Pose, Sample, Stamp, StreamKind, StreamSpec, Topic, Unit};

/// What is kept of one stream.
pub(crate) struct Stream {
    pub(crate) spec: StreamSpec,
    pub(crate) timing: Timing,
    pub(crate) body: Body,
    min_interval_ns: i64,
    scratch: Vec<f64>,
}

/// What a stream's messages hold.
#[expect(clippy::large_enum_variant, reason = "a take has a few streams, and joints are what every take has")]
pub(crate) enum Body {
    /// Positions, velocities, efforts.
    Joints { position: Array, velocity: Array, effort: Array },
    /// What was asked for and what was let through.
    Commands { asked: Array, granted: Array },
    /// One array whose motion can be compared with that of the joints.
    Motion(Array),
    /// One array; `None` until the first message tells its length.
    Plain(Option<Array>),
    /// A camera.
    Video(Box<Video>),
    /// Times only.
    Events,
}

impl Stream {
    pub(crate) fn new(spec: &StreamSpec, card: &Card, clock: ClockKind, options: &Options) -> Self {
        let period_ns = spec.rate_hz.filter(|rate| *rate > 0.0).map_or(0.0, |rate| 1e9 / rate);
        Self {
            timing: Timing::new(spec, clock),
            body: Body::of(spec, card, options),
            spec: spec.clone(),
            min_interval_ns: (0.5 * period_ns) as i64,
            scratch: Vec::new(),
        }
    }

    /// Takes a message.
    pub(crate) fn push(&mut self, stamp: &Stamp, sample: &Sample) {
        let own_ns = self.timing.push(stamp);
        let at = At { own_ns, log_ns: stamp.log.ns(), min_interval_ns: self.min_interval_ns };
        let host_ns = stamp.host.ns();
        let scratch = &mut self.scratch;
        scratch.clear();
        match (&mut self.body, sample) {
            (Body::Joints { position, velocity, effort }, Sample::JointStates(states)) => {
                position.push(&states.position, at, host_ns);
                push_if_sent(velocity, &states.velocity, at, host_ns);
                push_if_sent(effort, &states.effort, at, host_ns);
            }
            (Body::Commands { asked, granted }, Sample::JointCommand(command)) => {
                asked.push(&command.asked, at, host_ns);
                push_if_sent(granted, &command.granted, at, host_ns);
            }
            (Body::Video(video), Sample::Video(frame)) => video.push(stamp, frame),
            (Body::Motion(array), Sample::Pose(sample)) => {
                position_of(&sample.pose, scratch);
                array.push(scratch, at, host_ns);
            }
            (Body::Motion(array), Sample::HandPose(hand)) => {
                if let Some(wrist) = hand.joints.first() {
                    position_of(wrist, scratch);
                }
                array.push(scratch, at, host_ns);
            }
            (Body::Plain(array), Sample::Tactile(Tactile { values, .. })) => {
                scratch.extend(values.iter().map(|value| f64::from(*value)));
                let spec = &self.spec;
                array.get_or_insert_with(|| plain(spec, values.len())).push(scratch, at, host_ns);
            }
            (Body::Plain(array), Sample::Wrench(wrench)) => {
                scratch.extend(wrench.force_n.iter().chain(&wrench.torque_n_m));
                let spec = &self.spec;
                array.get_or_insert_with(|| plain(spec, 6)).push(scratch, at, host_ns);
            }
            (Body::Plain(array), Sample::Imu(imu)) => {
                scratch.extend(imu.angular_velocity_rad_s.iter().chain(&imu.linear_acceleration_m_s2));
                let spec = &self.spec;
                array.get_or_insert_with(|| plain(spec, 6)).push(scratch, at, host_ns);
            }
            _ => {}
        }
    }

    /// The joints' positions, where this stream holds them.
    pub(crate) fn positions(&self) -> Option<Of<'_>> {
        match &self.body {
            Body::Joints { position, .. } => Some(Of { topic: &self.spec.topic, array: position }),
            _ => None,
        }
    }

    /// What the joints were sent: what was let through, or what was asked where that is not recorded.
    pub(crate) fn commands(&self) -> Option<Of<'_>> {
        match &self.body {
            Body::Commands { asked, granted } => {
                let array = if granted.messages > 0 { granted } else { asked };
                Some(Of { topic: &self.spec.topic, array })
            }
            _ => None,
        }
    }

    /// The array whose motion can be compared with that of the joints.
    pub(crate) fn motion(&self) -> Option<&Array> {
        match &self.body {
            Body::Motion(array) => Some(array),
            Body::Video(video) => video.motion(),
            // Commands have a lag per joint instead.
            Body::Joints { .. } | Body::Commands { .. } | Body::Plain(_) | Body::Events => None,
        }
    }

    /// What is measured of the arrays of this stream alone.
    pub(crate) fn finish_arrays(&self, clock: ClockKind) -> Vec<Measurement> {
        let topic = &self.spec.topic;
        match &self.body {
            Body::Joints { position, velocity, effort } => {
                let mut out = finish_array(topic, position);
                // The robot's own velocities are better than differences of positions.
                if velocity.messages > 0 {
                    out.extend(finish_array(topic, velocity));
                } else {
                    out.push(position.velocity_limit(topic));
                }
                if effort.messages > 0 {
                    out.extend(finish_array(topic, effort));
                }
                out
            }
            Body::Commands { asked, granted } => {
                let sent = if granted.messages > 0 { granted } else { asked };
                finish_array(topic, sent)
            }
            Body::Motion(array) => array.finish_shape(topic),
            Body::Plain(Some(array)) => {
                let mut out = array.finish_shape(topic);
                // Only noise tells a real sensor that rests from a dead one, and a simulated one has none.
                if clock == ClockKind::Simulated && self.spec.kind == StreamKind::Imu {
                    let words = "a simulated sensor that rests keeps its value exactly";
                    out.push(measured(name::DEAD_CHANNELS).on(topic).detail(words));
                } else {
                    out.extend(dead_channels(topic, array));
                }
                out
            }
            Body::Plain(None) | Body::Video(_) | Body::Events => Vec::new(),
        }
    }
}

impl Body {
    fn of(spec: &StreamSpec, card: &Card, options: &Options) -> Self {
        match spec.kind {
            StreamKind::JointStates => {
                let labels = labels(spec, card);
                Self::Joints {
                    position: Array::new(Role::Position, labels.clone()).with_motion(),
                    velocity: Array::new(Role::Velocity, labels.clone()),
                    effort: Array::new(Role::Effort, labels),
                }
            }
            StreamKind::JointCommand => {
                let labels = labels(spec, card);
                Self::Commands {
                    asked: Array::new(Role::Position, labels.clone()).with_motion(),
                    granted: Array::new(Role::Position, labels).with_motion(),
                }
            }
            StreamKind::Pose | StreamKind::HandPose => {
                let scale = Scale { position: None, velocity: None, effort: None, span: 1.0 };
                let label =
                    |name: &str| Label { name: name.to_owned(), unit: Unit::Metre, scale, of_hand: false };
                Self::Motion(Array::new(Role::Other, ["x", "y", "z"].map(label).to_vec()).with_motion())
            }
            StreamKind::Wrench | StreamKind::Tactile | StreamKind::Imu => Self::Plain(None),
            StreamKind::Video => Self::Video(Box::new(Video::new(options))),
            _ => Self::Events,
        }
    }
}

/// Velocities and efforts are empty where the robot does not measure them.
fn push_if_sent(array: &mut Array, values: &[f64], at: At, host_ns: i64) {
    if !values.is_empty() {
        array.push(values, at, host_ns);
    }
}

fn finish_array(topic: &Topic, array: &Array) -> Vec<Measurement> {
    let mut out = array.finish_shape(topic);
    out.extend(array.finish_limits(topic));
    out
}

/// Names, units and bounds of a joint stream's channels; the card's joints where the stream names none.
fn labels(spec: &StreamSpec, card: &Card) -> Vec<Label> {
    let of_hand = |name: &str| card.hands.iter().any(|hand| hand.joints.iter().any(|joint| joint == name));
    let label = |name: &str, unit| Label {
        name: name.to_owned(),
        unit,
        scale: Scale::of(card, name, unit),
        of_hand: of_hand(name),
    };
    if spec.channels.is_empty() {
        return card.joints.iter().map(|joint| label(&joint.name, joint.unit)).collect();
    }
    spec.channels.iter().map(|channel| label(&channel.name, channel.unit)).collect()
}

fn plain(spec: &StreamSpec, len: usize) -> Array {
    let scale = Scale { position: None, velocity: None, effort: None, span: 1.0 };
    let label = |index: usize| {
        let channel = spec.channels.get(index).filter(|_| spec.channels.len() == len);
        Label {
            name: channel.map_or_else(|| index.to_string(), |channel| channel.name.clone()),
            unit: channel.map_or(Unit::Unknown, |channel| channel.unit),
            scale,
            of_hand: false,
        }
    };
    Array::new(Role::Other, (0..len).map(label).collect())
}

fn position_of(pose: &Pose, out: &mut Vec<f64>) {
    out.extend(pose.position_m);
}

fn dead_channels(topic: &Topic, array: &Array) -> Option<Measurement> {
    if array.messages < 2 {
        return None;
    }
    let dead: Vec<&str> = array
        .named()
        .filter(|(_, channel)| channel.finite == 0 || channel.range() == 0.0)
        .map(|(label, _)| label.name.as_str())
        .collect();
    let share = dead.len() as f64 / array.labels.len().max(1) as f64;
    let words = format!("{} of {} channels keep one value", dead.len(), array.labels.len());
    Some(measured(name::DEAD_CHANNELS).on(topic).value(share).detail(words))
}
