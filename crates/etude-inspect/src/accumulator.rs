//! Inspection message by message: the same for a take that is being recorded and for a file that is read.

use crate::definition::{Fill, measured, name, rounded};
use crate::joints::{self, Commands, Of};
use crate::offset;
use crate::options::Options;
use crate::stream::{Body, Stream};
use etude_model::{Card, ClockKind, Digest, Manifest, Measurement, Sample, Stamp, StreamSpec, Topic};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// Most streams of one take; messages of further ones are not looked at.
const MAX_STREAMS: usize = 1024;

/// Takes the messages of one take and measures it.
///
/// Memory is bounded: per channel a few numbers, half-second bounds for at most 34 minutes and, where streams are compared,
/// two minutes at 200 Hz; per camera at most [`Options::max_key_frames`] compressed pictures.
pub struct Accumulator {
    card: Card,
    clock: ClockKind,
    options: Options,
    instructions: usize,
    streams: BTreeMap<Topic, Stream>,
    outcome: Option<String>,
}

/// What was measured of a take.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    /// Every measurement, by stream.
    pub measurements: Vec<Measurement>,
    /// From the first to the last message of the periodic streams, s.
    pub duration_s: f64,
    /// Digest over all values of all signals (not of pictures): equal for two episodes of the same motion.
    pub signals: Digest,
    /// Digest over the names, kinds, units and rates of the streams.
    pub schema: Digest,
    /// The take's outcome, where the take or its manifest states one.
    pub outcome: Option<String>,
}

impl Accumulator {
    /// An inspection of a take of the streams that its manifest names, on the robot of this card.
    pub fn new(manifest: &Manifest, card: &Card, options: &Options) -> Self {
        let mut new = Self {
            card: card.clone(),
            clock: manifest.clock,
            options: *options,
            instructions: manifest.instruction.values().filter(|text| !text.trim().is_empty()).count(),
            streams: BTreeMap::new(),
            outcome: manifest.notes.get("outcome").cloned(),
        };
        for spec in &manifest.streams {
            new.add_stream(spec);
        }
        new
    }

    /// Adds a stream that the manifest did not name; one that is there already stays as it is.
    pub fn add_stream(&mut self, spec: &StreamSpec) {
        if self.streams.len() < MAX_STREAMS && !self.streams.contains_key(&spec.topic) {
            let stream = Stream::new(spec, &self.card, self.clock, &self.options);
            self.streams.insert(spec.topic.clone(), stream);
        }
    }

    /// Takes a message; messages of one stream come in the order of the log, streams may be interleaved at will.
    /// A message of a stream that was never added is not looked at, except for gaps, which concern the stream they name.
    pub fn push(&mut self, topic: &Topic, stamp: &Stamp, sample: &Sample) {
        match sample {
            Sample::Gap(gap) => {
                if let Some(stream) = self.streams.get_mut(&gap.topic) {
                    stream.timing.declare(gap);
                }
            }
            Sample::Take(event) if event.name == "outcome" => self.outcome = Some(event.detail.clone()),
            _ => {}
        }
        if let Some(stream) = self.streams.get_mut(topic) {
            stream.push(stamp, sample);
        }
    }

    /// Ends the take and measures it.
    pub fn finish(mut self) -> Measured {
        for stream in self.streams.values_mut() {
            if let Body::Video(video) = &mut stream.body {
                video.settle();
            }
        }
        let duration_s = self.duration_s();
        let (signals, schema) = (self.signals(), self.schema());
        let mut measurements = self.of_the_take(duration_s);
        measurements.extend(self.of_streams());
        measurements.extend(self.between_streams());
        let streams = std::mem::take(&mut self.streams);
        let times: Vec<Measurement> =
            streams.into_values().flat_map(|stream| stream.timing.finish(duration_s)).collect();
        measurements.extend(times);
        // By stream, each in the order of the definitions above; whole-take measurements first.
        measurements.sort_by(|a, b| a.topic.cmp(&b.topic));
        let duration_s = rounded(duration_s).unwrap_or(0.0);
        Measured { measurements, duration_s, signals, schema, outcome: self.outcome }
    }

    fn duration_s(&self) -> f64 {
        let periodic = self.streams.values().filter(|stream| stream.spec.kind.is_periodic());
        let spans: Vec<(i64, i64)> = periodic.filter_map(|stream| stream.timing.log_span()).collect();
        let from = spans.iter().map(|span| span.0).min().unwrap_or(0);
        let to = spans.iter().map(|span| span.1).max().unwrap_or(0);
        to.saturating_sub(from) as f64 * 1e-9
    }

    fn signals(&self) -> Digest {
        let mut text = String::new();
        for (topic, stream) in &self.streams {
            let arrays: Vec<_> = match &stream.body {
                Body::Joints { position, velocity, effort } => vec![position, velocity, effort],
                Body::Commands { asked, granted } => vec![asked, granted],
                Body::Motion(array) | Body::Plain(Some(array)) => vec![array],
                Body::Plain(None) | Body::Video(_) | Body::Events => continue,
            };
            for (label, channel) in arrays.iter().flat_map(|array| array.named()) {
                writeln!(text, "{topic} {} {} {:016x}", label.name, channel.finite, channel.fingerprint)
                    .expect("a string takes any text");
            }
        }
        Digest::of(text.as_bytes())
    }

    fn schema(&self) -> Digest {
        let specs: Vec<&StreamSpec> = self.streams.values().map(|stream| &stream.spec).collect();
        let text = serde_json::to_vec(&specs).expect("stream descriptions hold only what JSON can write");
        Digest::of(&text)
    }

    fn of_the_take(&self, duration_s: f64) -> Vec<Measurement> {
        let mut out = vec![measured(name::DURATION).value(duration_s)];
        if let ClockKind::Synthetic { rate_hz } = self.clock {
            let words = "the source had no clocks: times were computed from its frame rate";
            out.push(measured(name::SYNTHETIC_CLOCK).value(rate_hz).detail(words));
        }
        out.push(measured(name::INSTRUCTIONS).value(self.instructions as f64));
        let of_card = self.card.streams.iter().filter(|spec| !self.streams.contains_key(&spec.topic));
        let silent =
            self.streams.values().filter(|stream| stream.timing.count == 0).map(|stream| &stream.spec);
        let absent: BTreeSet<&Topic> =
            of_card.chain(silent).filter(|spec| spec.kind.is_periodic()).map(|spec| &spec.topic).collect();
        for topic in absent {
            out.push(measured(name::STREAM_ABSENT).on(topic).value(1.0).detail("no message came"));
        }
        out
    }

    /// Every stream of joint states that brought something, and every stream of their commands.
    fn states(&self) -> Vec<Of<'_>> {
        self.streams.values().filter_map(Stream::positions).filter(|of| of.array.messages > 0).collect()
    }

    fn commands(&self) -> Vec<Of<'_>> {
        self.streams.values().filter_map(Stream::commands).filter(|of| of.array.messages > 0).collect()
    }

    fn of_streams(&self) -> Vec<Measurement> {
        let states = self.states();
        let moved = |from, to| {
            states.is_empty() || states.iter().any(|states| joints::moved_between(*states, from, to))
        };
        let mut out = Vec::new();
        for (topic, stream) in self.streams.iter().filter(|(_, stream)| stream.timing.count > 0) {
            out.extend(stream.finish_arrays(self.clock));
            if let Body::Video(video) = &stream.body {
                out.extend(video.finish(topic, &self.options, &moved));
            }
        }
        out
    }

    fn between_streams(&self) -> Vec<Measurement> {
        let (states, commands) = (self.states(), self.commands());
        if states.is_empty() {
            return Vec::new();
        }
        let mut out = joints::idle(&states);
        let others_move = states.iter().any(|states| joints::moves(*states));
        for of in &states {
            out.extend(joints::finish(*of, &Commands::of(*of, &commands), others_move, &self.card));
        }
        for (topic, stream) in &self.streams {
            if let Some(array) = stream.motion().filter(|array| array.messages > 0) {
                out.extend(offset::offset(&states, array, topic));
            }
            out.extend(self.rows_minus_frames(&states, topic, stream));
        }
        out
    }

    /// Rows of the joint states at a camera's rate less its frames; of several such streams, the one that is farthest off.
    fn rows_minus_frames(&self, states: &[Of<'_>], topic: &Topic, stream: &Stream) -> Option<Measurement> {
        let Body::Video(video) = &stream.body else { return None };
        let (rate_hz, frames) = (stream.spec.rate_hz?, video.frames());
        if frames == 0 {
            return None;
        }
        let of_rate = states
            .iter()
            .filter_map(|of| self.streams.get(of.topic))
            .filter(|rows| rows.spec.rate_hz == Some(rate_hz));
        let rows = of_rate.max_by_key(|rows| rows.timing.count.abs_diff(frames))?;
        let (rows, of) = (rows.timing.count, &rows.spec.topic);
        let words = format!("{rows} rows of {of}, {frames} frames");
        Some(measured(name::ROWS_MINUS_FRAMES).on(topic).value(rows as f64 - frames as f64).detail(words))
    }
}
