//! When a stream's messages came: rate, jitter, gaps, order, synthetic time, drift.

use crate::definition::{Fill, measured, name};
use crate::histogram::Histogram;
use etude_model::{ClockKind, Gap, Measurement, Stamp, StreamSpec};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Longest intervals that are remembered with their spans.
const MAX_INTERVALS: usize = 256;
/// Declared gaps that are remembered with their spans, per stream.
const MAX_DECLARED: usize = 4096;
/// An interval above this many median intervals is a gap.
const GAP_PERIODS: f64 = 1.5;
/// Intervals needed before their median is trusted over the expected rate.
const MIN_INTERVALS: u64 = 8;
/// Shortest stretch that a drift is fitted to, s.
const MIN_DRIFT_S: f64 = 5.0;
/// Fewest messages that a drift is fitted to.
const MIN_DRIFT_MESSAGES: u64 = 50;

/// What is known of a stream's times so far.
#[derive(Clone, Debug)]
pub(crate) struct Timing {
    spec: StreamSpec,
    device_clock: bool,
    pub(crate) count: u64,
    first: Option<Instant>,
    last: Option<Instant>,
    intervals: Histogram,
    longest: BinaryHeap<Reverse<Interval>>,
    pending: Option<Interval>,
    backward: Marked,
    duplicate: Marked,
    absent: Marked,
    drift: LineFit,
    synthetic: Vec<Exactness>,
    declared: Vec<Gap>,
    declared_missing: u64,
}

#[derive(Clone, Copy, Debug)]
struct Instant {
    /// The stream's own clock, ns.
    own_ns: i64,
    log_ns: i64,
}

/// Ordered by its length first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Interval {
    ns: i64,
    next_ns: i64,
    from_log_ns: i64,
    to_log_ns: i64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Marked {
    count: u64,
    first_log_ns: i64,
    last_log_ns: i64,
}

impl Marked {
    fn mark(&mut self, log_ns: i64) {
        if self.count == 0 {
            self.first_log_ns = log_ns;
        }
        self.last_log_ns = log_ns;
        self.count += 1;
    }

    fn measurement(self, name: &'static str, spec: &StreamSpec) -> Measurement {
        let filled = measured(name).on(&spec.topic).value(self.count as f64);
        if self.count > 0 { filled.span(self.first_log_ns, self.last_log_ns) } else { filled }
    }
}

#[derive(Clone, Copy, Debug)]
struct Exactness {
    rate_hz: f64,
    matches: u64,
}

impl Timing {
    pub(crate) fn new(spec: &StreamSpec, clock: ClockKind) -> Self {
        let mut rates: Vec<f64> = Vec::new();
        if let ClockKind::Synthetic { rate_hz } = clock {
            rates.push(rate_hz);
        }
        let measurable = clock != ClockKind::Simulated && spec.kind.is_periodic();
        rates.extend(spec.rate_hz.filter(|rate| measurable && *rate > 0.0 && !rates.contains(rate)));
        Self {
            spec: spec.clone(),
            device_clock: false,
            count: 0,
            first: None,
            last: None,
            intervals: Histogram::default(),
            longest: BinaryHeap::new(),
            pending: None,
            backward: Marked::default(),
            duplicate: Marked::default(),
            absent: Marked::default(),
            drift: LineFit::default(),
            synthetic: rates.into_iter().map(|rate_hz| Exactness { rate_hz, matches: 0 }).collect(),
            declared: Vec::new(),
            declared_missing: 0,
        }
    }

    /// Takes a message; gives its instant on the stream's own clock, ns.
    pub(crate) fn push(&mut self, stamp: &Stamp) -> i64 {
        if self.count == 0 {
            self.device_clock = stamp.device.is_some();
        }
        self.count += 1;
        let log_ns = stamp.log.ns();
        let own_ns = match (self.device_clock, stamp.device) {
            (true, Some(device)) => device.ns(),
            (true, None) => {
                self.absent.mark(log_ns);
                return stamp.host.ns();
            }
            (false, _) => stamp.host.ns(),
        };
        let now = Instant { own_ns, log_ns };
        let first = *self.first.get_or_insert(now);
        if let Some(last) = self.last {
            self.interval(last, now);
        }
        self.last = Some(now);
        self.compare_with_rates(own_ns.saturating_sub(first.own_ns));
        if let Some(device) = stamp.device {
            let x = device.ns().saturating_sub(first.own_ns) as f64 * 1e-9;
            let y = stamp.host.ns().saturating_sub(device.ns()) as f64 * 1e-9;
            self.drift.push(x, y);
        }
        own_ns
    }

    /// Takes a declared gap.
    pub(crate) fn declare(&mut self, gap: &Gap) {
        self.declared_missing = self.declared_missing.saturating_add(gap.missing);
        if self.declared.len() < MAX_DECLARED {
            self.declared.push(gap.clone());
        }
    }

    /// Log times of the first and the last message, ns.
    pub(crate) fn log_span(&self) -> Option<(i64, i64)> {
        Some((self.first?.log_ns, self.last?.log_ns))
    }

    /// The median interval, s; the expected one for a stream of few messages.
    pub(crate) fn period_s(&self) -> Option<f64> {
        let expected = self.spec.rate_hz.filter(|rate| *rate > 0.0).map(|rate| 1.0 / rate);
        let median = self.intervals.percentile(0.5).map(|ns| ns * 1e-9);
        if self.intervals.count() < MIN_INTERVALS { expected.or(median) } else { median }
    }

    /// Everything measured of the stream's times. `total_s`: what all periodic streams together cover.
    pub(crate) fn finish(mut self, total_s: f64) -> Vec<Measurement> {
        self.settle_pending(i64::MAX);
        let topic = self.spec.topic.clone();
        let messages = measured(name::MESSAGES).on(&topic).value(self.count as f64);
        let messages = self.log_span().map_or(messages.clone(), |(from, to)| messages.span(from, to));
        let mut out = vec![messages];
        if self.declared_missing > 0 || self.spec.kind.is_periodic() {
            out.push(self.declared_gaps());
            let share = self.declared_missing as f64 / (self.count + self.declared_missing).max(1) as f64;
            out.push(measured(name::MISSING_DECLARED).on(&topic).value(share));
        }
        if !self.spec.kind.is_periodic() || self.count == 0 {
            return out;
        }
        out.extend(self.rate_and_jitter());
        out.extend(self.undeclared_gaps());
        out.push(self.backward.measurement(name::STAMPS_BACKWARD, &self.spec));
        out.push(self.duplicate.measurement(name::STAMPS_DUPLICATE, &self.spec));
        if self.absent.count > 0 {
            out.push(self.absent.measurement(name::STAMPS_ABSENT, &self.spec));
        }
        out.extend(self.synthetic_time());
        out.extend(self.clock_drift());
        out.extend(self.coverage(total_s));
        out
    }

    fn interval(&mut self, last: Instant, now: Instant) {
        let ns = now.own_ns.saturating_sub(last.own_ns);
        self.settle_pending(ns);
        match ns {
            ..0 => self.backward.mark(now.log_ns),
            0 => self.duplicate.mark(now.log_ns),
            _ => {
                self.intervals.push(ns as u64);
                let (from_log_ns, to_log_ns) = (last.log_ns, now.log_ns);
                self.pending = Some(Interval { ns, next_ns: i64::MAX, from_log_ns, to_log_ns });
            }
        }
    }

    /// Remembers the pending interval, now that the one after it is known, if it is among the longest.
    fn settle_pending(&mut self, next_ns: i64) {
        let Some(interval) = self.pending.take() else { return };
        let full = self.longest.len() >= MAX_INTERVALS;
        if full && self.longest.peek().is_some_and(|shortest| shortest.0.ns >= interval.ns) {
            return;
        }
        self.longest.push(Reverse(Interval { next_ns, ..interval }));
        if full {
            self.longest.pop();
        }
    }

    fn compare_with_rates(&mut self, since_first_ns: i64) {
        let (since_s, index) = (since_first_ns as f64 * 1e-9, (self.count - 1) as f64);
        for exactness in &mut self.synthetic {
            let ideal_s = index / exactness.rate_hz;
            let tolerance_s = ideal_s * f64::from(f32::EPSILON) + 1.5e-9;
            exactness.matches += u64::from((since_s - ideal_s).abs() <= tolerance_s);
        }
    }

    fn declared_gaps(&self) -> Measurement {
        let filled = measured(name::GAPS_DECLARED).on(&self.spec.topic).value(self.declared_missing as f64);
        let Some(longest) = self.declared.iter().max_by_key(|gap| (gap.to - gap.from, gap.missing)) else {
            return filled;
        };
        let words = format!(
            "{} declared; the longest {:.1} ms ({})",
            self.declared.len(),
            (longest.to - longest.from).as_ms(),
            longest.reason.name()
        );
        filled.span(longest.from.ns(), longest.to.ns()).detail(words)
    }

    fn rate_and_jitter(&self) -> Vec<Measurement> {
        let topic = &self.spec.topic;
        let Some(period_ns) = self.intervals.percentile(0.5) else {
            return vec![measured(name::RATE).on(topic).detail("fewer than two messages")];
        };
        let rate = 1e9 / period_ns;
        let clock = if self.device_clock { "device time" } else { "host time" };
        let mut out = vec![measured(name::RATE).on(topic).value(rate).detail(clock)];
        if let Some(expected) = self.spec.rate_hz.filter(|rate| *rate > 0.0) {
            let words = format!(
                "{rate:.2} Hz found, {expected:.2} Hz expected, tolerance {:.0} %",
                self.spec.rate_tolerance * 100.0
            );
            let error = rate / expected - 1.0;
            let used = error.abs() / self.spec.rate_tolerance.max(1e-6);
            out.push(measured(name::RATE_ERROR).on(topic).value(error).detail(words.as_str()));
            out.push(measured(name::RATE_TOLERANCE_USED).on(topic).value(used).detail(words));
        }
        for (name, share) in [(name::JITTER_P50, 0.5), (name::JITTER_P99, 0.99)] {
            let jitter = self.intervals.percentile_around(period_ns, share);
            out.push(measured(name).on(topic).value(jitter.map_or(f64::NAN, |ns| ns * 1e-6)));
        }
        out
    }

    fn undeclared_gaps(&self) -> Vec<Measurement> {
        let topic = &self.spec.topic;
        let Some(period_ns) = self.period_s().map(|period| period * 1e9) else { return Vec::new() };
        let bound = GAP_PERIODS * period_ns;
        let candidates = self.intervals.count_above(bound);
        let (mut gaps, mut missing, mut spared) = (0u64, 0.0, 0u64);
        let mut worst: Option<Interval> = None;
        for Reverse(interval) in self.longest.iter().filter(|interval| interval.0.ns as f64 > bound) {
            let lost = interval.lost(period_ns);
            if lost < 1.0 || self.is_declared(interval) {
                spared += 1;
                continue;
            }
            gaps += 1;
            missing += lost;
            worst = worst.max(Some(*interval));
        }
        // Intervals beyond those remembered count as the shortest kind of gap.
        let unseen = candidates.saturating_sub(gaps + spared);
        let (gaps, missing) = (gaps + unseen, missing + unseen as f64);
        let expected = self.count as f64 + self.declared_missing as f64 + missing;
        let mut count = measured(name::GAPS_UNDECLARED).on(topic).value(gaps as f64);
        let mut share = measured(name::MISSING_UNDECLARED).on(topic).value(missing / expected);
        if let Some(worst) = worst {
            let words =
                format!("{missing} messages missing; the longest gap {:.1} ms", worst.ns as f64 * 1e-6);
            count = count.span(worst.from_log_ns, worst.to_log_ns).detail(words);
            share = share.span(worst.from_log_ns, worst.to_log_ns);
        }
        vec![count, share]
    }

    fn is_declared(&self, interval: &Interval) -> bool {
        let overlaps = |gap: &Gap| gap.from.ns() < interval.to_log_ns && gap.to.ns() > interval.from_log_ns;
        self.declared.iter().any(overlaps)
    }

    fn synthetic_time(&self) -> Option<Measurement> {
        let best = self.synthetic.iter().max_by_key(|exactness| exactness.matches)?;
        // A stream of one or two messages fits any rate.
        if self.count < MIN_INTERVALS {
            return None;
        }
        let words = format!("against i / {} Hz", best.rate_hz);
        let share = best.matches as f64 / self.count as f64;
        Some(measured(name::SYNTHETIC_TIME).on(&self.spec.topic).value(share).detail(words))
    }

    fn clock_drift(&self) -> Option<Measurement> {
        let (first, last) = (self.first?, self.last?);
        let duration_s = last.own_ns.saturating_sub(first.own_ns) as f64 * 1e-9;
        if !self.device_clock || self.drift.n < MIN_DRIFT_MESSAGES || duration_s < MIN_DRIFT_S {
            return None;
        }
        let (slope, error) = self.drift.slope()?;
        let words = format!(
            "{:.0} ppm, standard error {:.0} ppm, of host time against device time over {duration_s:.1} s",
            slope * 1e6,
            error * 1e6
        );
        Some(measured(name::CLOCK_DRIFT).on(&self.spec.topic).value(slope * duration_s * 1e3).detail(words))
    }

    fn coverage(&self, total_s: f64) -> Option<Measurement> {
        let (from, to) = self.log_span()?;
        let covered_s = to.saturating_sub(from) as f64 * 1e-9 + self.period_s()?;
        let share = if total_s > 0.0 { (covered_s / total_s).min(1.0) } else { 1.0 };
        let words = format!("{covered_s:.2} s of {total_s:.2} s");
        Some(measured(name::COVERAGE).on(&self.spec.topic).value(share).span(from, to).detail(words))
    }
}

impl Interval {
    /// How many messages are missing in it; 0 where the message was only late and the next one came early by as much.
    fn lost(&self, period_ns: f64) -> f64 {
        let early = (self.next_ns as f64) < 0.75 * period_ns && self.next_ns >= 0;
        if early {
            ((self.ns as f64 + self.next_ns as f64) / period_ns).round() - 2.0
        } else {
            (self.ns as f64 / period_ns).round() - 1.0
        }
    }
}

/// Least squares of y over x in one pass.
#[derive(Clone, Copy, Debug, Default)]
struct LineFit {
    n: u64,
    mean_x: f64,
    mean_y: f64,
    xx: f64,
    xy: f64,
    yy: f64,
}

impl LineFit {
    fn push(&mut self, x: f64, y: f64) {
        self.n += 1;
        let (dx, dy) = (x - self.mean_x, y - self.mean_y);
        self.mean_x += dx / self.n as f64;
        self.mean_y += dy / self.n as f64;
        self.xx += dx * (x - self.mean_x);
        self.xy += dx * (y - self.mean_y);
        self.yy += dy * (y - self.mean_y);
    }

    /// Slope and its standard error.
    fn slope(&self) -> Option<(f64, f64)> {
        if self.n < 3 || self.xx <= 0.0 {
            return None;
        }
        let slope = self.xy / self.xx;
        let residual = (self.yy - slope * self.xy).max(0.0) / (self.n - 2) as f64;
        Some((slope, (residual / self.xx).sqrt()))
    }
}
