//! What every measurement is: its name, unit, formula and source. Nothing is measured that is not defined here.

use etude_model::{LogTime, Measurement, Topic};

/// The definition of one measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Definition {
    /// Its name in reports and rule sets.
    pub name: &'static str,
    /// Its unit; `channel` where it is that of the channel.
    pub unit: &'static str,
    /// What it is and how it is computed.
    pub formula: &'static str,
    /// Where the formula or the need for it comes from.
    pub source: &'static str,
}

macro_rules! definitions {
    ($($name:ident = $text:literal, $unit:literal, $formula:literal, $source:literal;)+) => {
        /// Names of measurements as constants.
        #[cfg_attr(
            not(feature = "ffmpeg"),
            expect(dead_code, reason = "what pictures show is measured only where they can be decoded")
        )]
        pub(crate) mod name {
            $(pub(crate) const $name: &str = $text;)+
        }
        /// Every measurement, in the order of the reference page.
        pub const DEFINITIONS: &[Definition] = &[
            $(Definition { name: $text, unit: $unit, formula: $formula, source: $source },)+
        ];
    };
}

definitions! {
    MESSAGES = "messages", "count", "Messages of the stream.", "direct count";
    RATE = "rate", "Hz", "One over the median interval of the stream's own clock (device time where it has one, else host time).",
        "median: unmoved by single gaps";
    RATE_ERROR = "rate_error", "ratio", "rate / expected rate - 1, for streams whose description gives a rate.", "stream description";
    RATE_TOLERANCE_USED = "rate_tolerance_used", "ratio",
        "|rate_error| over the tolerance that the stream's description gives.", "stream description";
    JITTER_P50 = "jitter_p50", "ms", "50th percentile of |interval - median interval|.", "nearest-rank percentile";
    JITTER_P99 = "jitter_p99", "ms", "99th percentile of |interval - median interval|.", "nearest-rank percentile";
    GAPS_DECLARED = "gaps_declared", "count", "Messages that the recorder itself declares missing.", "gap records of the episode";
    MISSING_DECLARED = "missing_declared", "ratio", "gaps_declared over messages received and declared missing.",
        "received + declared = expected";
    GAPS_UNDECLARED = "gaps_undeclared", "count",
        "Intervals above 1.5 median intervals that no declared gap overlaps, unless the next message came early by as much \
         (late, not missing). The span is the longest one.", "received + declared = expected";
    MISSING_UNDECLARED = "missing_undeclared", "ratio",
        "Messages missing in undeclared gaps, sum of round(interval / median interval) - 1, over messages expected.",
        "received + declared = expected";
    STAMPS_BACKWARD = "stamps_backward", "count", "Messages stamped earlier than the one before them.", "a clock does not run backwards";
    STAMPS_DUPLICATE = "stamps_duplicate", "count", "Messages stamped exactly as the one before them.", "two samples are not one instant";
    STAMPS_ABSENT = "stamps_absent", "count", "Messages without device time in a stream that began with it.", "stream description";
    SYNTHETIC_TIME = "synthetic_time", "ratio",
        "Share of stamps that equal first + i / fps to float32 precision, for the fps of the stream or of the manifest. \
         Not measured on the clock of a simulation, whose ticks are exact.", "no real clock is exact for a whole take";
    CLOCK_DRIFT = "clock_drift", "ms",
        "How far host time minus device time moves over the take: least-squares slope times duration. Measured from 5 s \
         and 50 messages on.", "ordinary least squares";
    COVERAGE = "coverage", "ratio",
        "(last - first + median interval) of the stream over the time that all periodic streams together cover.",
        "streams of unequal length";
    OFFSET = "offset", "ms",
        "How much later the motion of a pose, a hand or a camera is than that of the joints without the hands': lag at which the normalised cross-correlation of \
         their speeds is highest, within 3 s, on a grid of 200 Hz with a parabola through the peak. Joint speeds are \
         divided by the joints' ranges and added as squares. Of peaks within 0.05 the one nearer to 0 is taken.",
        "Knapp & Carter 1976";
    OFFSET_CORRELATION = "offset_correlation", "ratio", "Normalised cross-correlation at `offset`; below 0.45 the offset is not given.",
        "Pearson's r";
    OFFSET_RIVAL = "offset_rival", "ratio",
        "Highest correlation at another peak, at least 0.4 s from `offset`. Where it is near `offset_correlation` the motion \
         repeats itself and the offset is ambiguous.", "Pearson's r";
    ROWS_MINUS_FRAMES = "rows_minus_frames", "count", "Messages of joint states minus frames of a camera that is declared at the same rate; of several such streams the one farthest off.",
        "rows against video";
    DURATION = "duration", "s", "From the first to the last message of the periodic streams, log time.", "direct";
    SYNTHETIC_CLOCK = "synthetic_clock", "Hz", "Rate that all times of the episode were computed from, as its manifest declares.", "manifest";
    INSTRUCTIONS = "instructions", "count", "Languages that the manifest gives a non-empty instruction in.", "manifest";
    STREAM_ABSENT = "stream_absent", "count", "1 for a periodic stream that the card or the manifest names and no message came of.",
        "card, manifest";
    IDLE_SHARE = "idle_share", "ratio", "Share of half-second windows in which no joint of any stream moves by more than 0.002 of its range.",
        "windows of 0.5 s";
    IDLE_LONGEST = "idle_longest", "s", "Longest run of such windows.", "windows of 0.5 s";
    SHAPE_MISMATCH = "shape_mismatch", "count", "Messages whose arrays are not as long as the stream has channels.", "stream description";
    MISSING_VALUES = "missing_values", "ratio", "Share of values that are NaN or infinite.", "direct count";
    MINIMUM = "minimum", "channel", "Lowest value.", "direct";
    MAXIMUM = "maximum", "channel", "Highest value.", "direct";
    POSITION_LIMIT = "position_limit", "ratio", "Share of samples outside the card's position limits by more than 0.001 of their range.",
        "card";
    POSITION_EXCESS = "position_excess", "channel", "Farthest that a position lies outside the card's limits; the span is that instant.",
        "card";
    VELOCITY_LIMIT = "velocity_limit", "ratio",
        "Highest speed over the card's limit; of the robot's own velocities where it sends them, else of position \
         differences over at least half an expected interval.", "card";
    SATURATED_POSITION = "saturated_position", "ratio", "Share of samples within 0.001 of the range of a position limit.", "card";
    SATURATED_EFFORT = "saturated_effort", "ratio",
        "Share of samples at 0.999 of the card's effort limit or above, joints that are not of a hand.", "card";
    SATURATED_GRIP = "saturated_grip", "ratio",
        "Share of samples at 0.999 of the card's effort limit or above, joints of hands; one that holds a thing presses as hard as it may.",
        "card";
    FROZEN = "frozen", "ratio",
        "Range of a channel over its limits' range, for a channel that was commanded over at least 0.01 of it.",
        "frozen channel: below 0.001";
    STILL = "still", "ratio",
        "Range of a channel over its limits' range, where it was not commanded to move (or nothing says) and it stayed \
         below 0.001 while another joint of the robot passed 0.01.", "unused limb, dead channel";
    FROZEN_SPAN = "frozen_span", "s",
        "Longest run of half-second windows in which a channel repeats one value exactly although the command of the \
         window moved by 0.03 of the range and the next window shows no motion either.", "stuck channel";
    LURCH = "lurch", "ratio",
        "Largest jump of a channel, over its range, after 0.3 s or more of one exact value; counted where it is more than \
         0.02 of the range and 10 times the root mean square of the channel's other steps. The span is the hold.",
        "stuck, then lurch";
    COPIED = "copied", "count", "1 for a moving channel whose values all equal those of another, bit for bit.",
        "one signal under two names";
    UNIT_IMPLAUSIBLE = "unit_implausible", "count",
        "1 for a channel whose values do not fit its unit: joints of a hand declared rad that stay within 0..1 and touch \
         an end of it that is no position limit of the card, rad beyond 10, m beyond 10.", "units mixed";
    NOT_SI = "not_si", "count", "Joint channels whose unit has no SI quantity (ratio, count, unknown).", "stream description";
    LAG = "lag", "ms",
        "How much later a joint's state is than its command, whichever streams hold the two: lag at which the normalised cross-correlation of their \
         derivatives is highest, from -0.5 to 1.5 s. Not given where the correlation stays below 0.3.",
        "Knapp & Carter 1976";
    LAG_CORRELATION = "lag_correlation", "ratio", "Normalised cross-correlation at `lag`.", "Pearson's r";
    LAG_GAIN = "lag_gain", "ratio", "Least-squares factor from the command's derivative to the state's at `lag`.",
        "ordinary least squares";
    DEAD_CHANNELS = "dead_channels", "ratio", "Share of the stream's channels that keep one exact value for the whole take. Not measured for an IMU on the clock of a \
         simulation, which has no noise.",
        "sensor dead in reality";
    KEY_DISTANCE = "key_distance", "count", "Most frames from one key frame to the next (or to the end); all frames where none is key.",
        "random access";
    VIDEO_DECODED = "video_decoded", "count", "Frames decoded for the measurements of pictures; absent where none could be, with the reason.",
        "direct count";
    VIDEO_UNREADABLE = "video_unreadable", "count", "Frames looked at that do not decode.", "decoder";
    VIDEO_BLACK = "video_black", "ratio", "Share of decoded frames with mean luma below 10 and a deviation below 6 (of 255).",
        "BT.601 luma";
    VIDEO_CLIPPED = "video_clipped", "ratio", "Mean share of pixels with luma 251 or more.", "BT.601 luma";
    VIDEO_FROZEN = "video_frozen", "s",
        "Longest run of decoded frames with identical luma during which a joint moved by more than 0.02 of its range.",
        "exact hash of the luma plane";
    EPISODES = "episodes", "count", "Episodes of the data set.", "direct count";
    TOTAL_DURATION = "total_duration", "s", "Sum of their durations.", "direct";
    EMBODIMENTS = "embodiments", "count", "Different cards among them.", "digest of the card";
    DUPLICATE_EPISODES = "duplicate_episodes", "count", "Episodes whose signals equal those of another, bit for bit.", "digest of the signals";
    WITHOUT_INSTRUCTION = "without_instruction", "count", "Episodes without an instruction.", "manifest";
    OUTCOMES = "outcomes", "count", "Different outcomes among the episodes that state one.", "constant success flag";
    REJECTED = "rejected", "count", "Episodes that their verdict does not accept.", "verdict";
    SCHEMAS = "schemas", "count", "Different sets of streams and channels among them.", "digest of the stream descriptions";
}

/// The definition of a measurement.
pub fn of(name: &str) -> Option<&'static Definition> {
    DEFINITIONS.iter().find(|definition| definition.name == name)
}

/// A measurement without stream, channel or value yet; its unit is that of its definition.
pub(crate) fn measured(name: &'static str) -> Measurement {
    Measurement {
        name: name.to_owned(),
        topic: None,
        channel: None,
        value: None,
        unit: of(name).map_or("", |definition| definition.unit).to_owned(),
        from: None,
        to: None,
        detail: String::new(),
    }
}

/// Fills a measurement in, field by field.
pub(crate) trait Fill: Sized {
    fn on(self, topic: &Topic) -> Self;
    fn channel(self, name: &str) -> Self;
    /// A value that is not finite stays absent; others keep nine significant digits, which is more than any measurement
    /// holds and what JSON gives back exactly.
    fn value(self, value: f64) -> Self;
    fn unit(self, unit: &str) -> Self;
    fn span(self, from_ns: i64, to_ns: i64) -> Self;
    fn detail(self, text: impl Into<String>) -> Self;
}

impl Fill for Measurement {
    fn on(mut self, topic: &Topic) -> Self {
        self.topic = Some(topic.clone());
        self
    }

    fn channel(mut self, name: &str) -> Self {
        self.channel = Some(name.to_owned());
        self
    }

    fn value(mut self, value: f64) -> Self {
        self.value = rounded(value);
        self
    }

    fn unit(mut self, unit: &str) -> Self {
        unit.clone_into(&mut self.unit);
        self
    }

    fn span(mut self, from_ns: i64, to_ns: i64) -> Self {
        self.from = Some(LogTime(from_ns));
        self.to = Some(LogTime(to_ns));
        self
    }

    fn detail(mut self, text: impl Into<String>) -> Self {
        self.detail = text.into();
        self
    }
}

/// A finite value at nine significant digits.
pub(crate) fn rounded(value: f64) -> Option<f64> {
    value.is_finite().then(|| format!("{value:.8e}").parse().expect("what was just printed is a number"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_are_unique_and_complete() {
        let names: HashSet<_> = DEFINITIONS.iter().map(|definition| definition.name).collect();
        assert_eq!(names.len(), DEFINITIONS.len());
        assert!(
            DEFINITIONS.iter().all(|d| !d.unit.is_empty() && !d.formula.is_empty() && !d.source.is_empty())
        );
    }

    #[test]
    fn the_reference_page_names_each() {
        let page = include_str!("../../../docs/reference/inspection.md");
        let absent: Vec<_> =
            DEFINITIONS.iter().filter(|d| !page.contains(&format!("`{}`", d.name))).map(|d| d.name).collect();
        assert!(absent.is_empty(), "docs/reference/inspection.md does not define {absent:?}");
    }
}
