//! One array of a stream (positions, efforts, taxels, …) and what is measured of its channels alone.

use crate::channel::{At, Channel, Role};
use crate::definition::{Fill, measured, name};
use crate::scale::Scale;
use crate::series::Series;
use crate::windows::Windows;
use etude_model::{Measurement, Topic, Unit};

/// Most channels of one array that are looked at (a large tactile skin has about a thousand).
const MAX_CHANNELS: usize = 4096;

/// A channel's name, unit and bounds.
#[derive(Clone, Debug)]
pub(crate) struct Label {
    pub(crate) name: String,
    pub(crate) unit: Unit,
    pub(crate) scale: Scale,
    /// Whether it is a joint of a hand.
    pub(crate) of_hand: bool,
}

/// One array of a stream.
#[derive(Clone, Debug)]
pub(crate) struct Array {
    pub(crate) role: Role,
    pub(crate) labels: Vec<Label>,
    pub(crate) channels: Vec<Channel>,
    pub(crate) windows: Option<Windows>,
    pub(crate) series: Option<Series>,
    pub(crate) messages: u64,
    mismatched: u64,
    mismatch: Option<(usize, i64)>,
}

impl Array {
    /// An array that keeps bounds of its channels only.
    pub(crate) fn new(role: Role, labels: Vec<Label>) -> Self {
        let labels: Vec<Label> = labels.into_iter().take(MAX_CHANNELS).collect();
        let channels = labels.iter().map(|_| Channel::new()).collect();
        Self {
            role,
            labels,
            channels,
            windows: None,
            series: None,
            messages: 0,
            mismatched: 0,
            mismatch: None,
        }
    }

    /// The same, that also keeps what moved when and a copy for comparison with other streams.
    pub(crate) fn with_motion(mut self) -> Self {
        self.windows = Some(Windows::new(self.labels.len()));
        self.series = Some(Series::new(self.labels.len()));
        self
    }

    /// Takes one message's array.
    pub(crate) fn push(&mut self, values: &[f64], at: At, host_ns: i64) {
        self.messages += 1;
        if values.len() != self.labels.len() && self.labels.len() < MAX_CHANNELS {
            self.mismatched += 1;
            self.mismatch.get_or_insert((values.len(), at.log_ns));
            return;
        }
        for ((channel, label), value) in self.channels.iter_mut().zip(&self.labels).zip(values) {
            channel.push(*value, at, self.role, &label.scale);
        }
        if let Some(windows) = &mut self.windows {
            windows.push(host_ns, values);
        }
        if let Some(series) = &mut self.series {
            series.push(host_ns, values);
        }
    }

    /// Channels with their names.
    pub(crate) fn named(&self) -> impl Iterator<Item = (&Label, &Channel)> {
        self.labels.iter().zip(&self.channels)
    }

    /// What concerns arrays of any kind: shape and missing values.
    pub(crate) fn finish_shape(&self, topic: &Topic) -> Vec<Measurement> {
        let mut out = Vec::new();
        if let Some((found, log_ns)) = self.mismatch {
            let words = format!("{found} values found, {} channels declared", self.labels.len());
            out.push(
                measured(name::SHAPE_MISMATCH)
                    .on(topic)
                    .value(self.mismatched as f64)
                    .span(log_ns, log_ns)
                    .detail(words),
            );
        }
        out.extend(self.per_channel(topic, name::MISSING_VALUES, |_, channel| {
            let share = channel.missing as f64 / (channel.finite + channel.missing).max(1) as f64;
            (share > 0.0).then(|| {
                let from = channel.first_missing_log_ns;
                measured(name::MISSING_VALUES).value(share).span(from, from)
            })
        }));
        out
    }

    /// Limits of positions, speeds and efforts.
    pub(crate) fn finish_limits(&self, topic: &Topic) -> Vec<Measurement> {
        match self.role {
            Role::Position => {
                let mut out = self.position_limits(topic);
                out.extend(self.per_channel(topic, name::LURCH, |label, channel| {
                    let (jump, from, to) = channel.lurch.found(label.scale.span)?;
                    let held_s = to.saturating_sub(from) as f64 * 1e-9;
                    let words =
                        format!("held one value for {held_s:.2} s, then jumped by {jump:.4} {}", label.unit);
                    Some(measured(name::LURCH).value(jump / label.scale.span).span(from, to).detail(words))
                }));
                out
            }
            Role::Velocity => vec![self.velocity_limit(topic)],
            Role::Effort if self.labels.iter().any(|label| label.scale.effort.is_some()) => {
                self.saturated_efforts(topic)
            }
            _ => Vec::new(),
        }
    }

    /// The channel that came closest to (or farthest over) its speed limit.
    pub(crate) fn velocity_limit(&self, topic: &Topic) -> Measurement {
        let worst = self
            .named()
            .filter_map(|(label, channel)| {
                Some((label, channel, channel.speed.value / label.scale.velocity?))
            })
            .max_by(|a, b| a.2.total_cmp(&b.2));
        let Some((label, channel, share)) = worst else {
            return measured(name::VELOCITY_LIMIT)
                .on(topic)
                .detail("the card has no limits for these channels");
        };
        let limit = label.scale.velocity.unwrap_or(f64::NAN);
        let words = format!("{:.3} {}/s, limit {limit:.3}", channel.speed.value, label.unit);
        measured(name::VELOCITY_LIMIT)
            .on(topic)
            .channel(&label.name)
            .value(share)
            .span(channel.speed.log_ns, channel.speed.log_ns)
            .detail(words)
    }

    fn position_limits(&self, topic: &Topic) -> Vec<Measurement> {
        if self.labels.iter().all(|label| label.scale.position.is_none()) {
            let words = "the card has no limits for these channels";
            return vec![measured(name::POSITION_LIMIT).on(topic).detail(words)];
        }
        let mut out = self.per_channel(topic, name::POSITION_LIMIT, |label, channel| {
            let [low, high] = label.scale.position?;
            let share = channel.outside as f64 / channel.finite.max(1) as f64;
            let at = channel.excess.log_ns;
            let words = format!(
                "{:.4}..{:.4} {unit} found, {low:.4}..{high:.4} {unit} on the card",
                channel.low,
                channel.high,
                unit = label.unit
            );
            (channel.outside > 0)
                .then(|| measured(name::POSITION_LIMIT).value(share).span(at, at).detail(words))
        });
        for (label, channel) in self.named().filter(|(_, channel)| channel.outside > 0) {
            let at = channel.excess.log_ns;
            out.push(
                measured(name::POSITION_EXCESS)
                    .on(topic)
                    .channel(&label.name)
                    .value(channel.excess.value)
                    .unit(label.unit.symbol())
                    .span(at, at),
            );
        }
        out.extend(self.saturated(topic, name::SATURATED_POSITION));
        out
    }

    /// Hands apart from the other joints: one that holds a thing presses as hard as it may.
    fn saturated_efforts(&self, topic: &Topic) -> Vec<Measurement> {
        let of = |name: &'static str, of_hand: bool| {
            self.per_channel(topic, name, |label, channel| {
                let share = channel.at_limit as f64 / channel.finite.max(1) as f64;
                (channel.at_limit > 0 && label.of_hand == of_hand).then(|| measured(name).value(share))
            })
        };
        let mut out = of(name::SATURATED_EFFORT, false);
        if self.labels.iter().any(|label| label.of_hand) {
            out.extend(of(name::SATURATED_GRIP, true));
        }
        out
    }

    fn saturated(&self, topic: &Topic, name: &'static str) -> Vec<Measurement> {
        self.per_channel(topic, name, |_, channel| {
            let share = channel.at_limit as f64 / channel.finite.max(1) as f64;
            (channel.at_limit > 0).then(|| measured(name).value(share))
        })
    }

    /// A measurement per channel that has something to say, or one of value 0 for the stream where none has.
    pub(crate) fn per_channel(
        &self,
        topic: &Topic,
        name: &'static str,
        of: impl Fn(&Label, &Channel) -> Option<Measurement>,
    ) -> Vec<Measurement> {
        let found: Vec<Measurement> = self
            .named()
            .filter_map(|(label, channel)| Some(of(label, channel)?.on(topic).channel(&label.name)))
            .collect();
        if !found.is_empty() {
            return found;
        }
        let words = match self.role {
            Role::Velocity => format!("none of {} channels (velocity)", self.labels.len()),
            Role::Effort => format!("none of {} channels (effort)", self.labels.len()),
            _ => format!("none of {} channels", self.labels.len()),
        };
        vec![measured(name).on(topic).value(0.0).detail(words)]
    }
}
