//! Slower where the joints cannot keep up: every stretch of the path gets the time that speeds and accelerations need,
//! and the rest keeps the source's.
//!
//! How much a stretch is slowed is known within a short time ahead, so a path of any length passes as a stream.

use super::path::PathSample;
use super::report::PaceReport;
use super::track::Speeds;
use crate::ik::Residual;
use std::collections::VecDeque;

/// Slowing rises and falls over this time of the source, s, so that it causes no jerk of its own.
const BLEND_S: f64 = 0.12;
/// Share of the limits that is used, so that curves between samples stay within them.
const SHARE: f64 = 0.95;
/// A path is slowed by this factor at most at any place; a body that needs more cannot do it in any useful time.
pub const SLOWEST: f64 = 50.0;
/// Most samples held.
const HELD_MAX: usize = 2048;

/// One sample of the path with the posture for it.
#[derive(Debug, Clone)]
pub struct Knot {
    /// When, by the source, s.
    pub source_s: f64,
    /// When, once slowed, s.
    pub time_s: f64,
    /// Positions of the whole body.
    pub positions: Vec<f64>,
    /// What was asked of the hands.
    pub asked: PathSample,
    /// What is left to go, left and right.
    pub left: [Option<Residual>; 2],
}

#[derive(Debug)]
struct Held {
    knot: Knot,
    /// Time since the sample before, s.
    dt: f64,
    /// Factor that the joints need for it.
    needed: f64,
}

/// Slows a stream of knots.
#[derive(Debug)]
pub struct Pace {
    speeds: Speeds,
    held: VecDeque<Held>,
    given: usize,
    /// The sample before the last and the time between them.
    before: Option<(Vec<f64>, Vec<f64>, f64)>,
    time_s: f64,
    report: PaceReport,
}

impl Pace {
    /// A pace that keeps joints within `speeds`.
    pub fn new(speeds: Speeds) -> Self {
        Self {
            speeds,
            held: VecDeque::new(),
            given: 0,
            before: None,
            time_s: 0.0,
            report: PaceReport { slowest: 1.0, ..PaceReport::default() },
        }
    }

    /// How much was slowed so far.
    pub fn report(&self) -> PaceReport {
        self.report
    }

    /// Takes the next knot (its `time_s` is filled in) and gives those whose time is known.
    pub fn push<E>(&mut self, knot: Knot, give: &mut impl FnMut(Knot) -> Result<(), E>) -> Result<(), E> {
        let (dt, needed) = self.needed(&knot);
        self.held.push_back(Held { knot, dt, needed });
        while let (Some(next), Some(last)) = (self.held.get(self.given), self.held.back()) {
            let ripe = last.knot.source_s - next.knot.source_s > 2.0 * BLEND_S || self.held.len() > HELD_MAX;
            if !ripe {
                break;
            }
            self.give_next(give)?;
        }
        Ok(())
    }

    /// Gives what is left.
    pub fn finish<E>(&mut self, give: &mut impl FnMut(Knot) -> Result<(), E>) -> Result<(), E> {
        while self.given < self.held.len() {
            self.give_next(give)?;
        }
        Ok(())
    }

    fn needed(&mut self, knot: &Knot) -> (f64, f64) {
        let Some((last, earlier, earlier_dt)) = &mut self.before else {
            self.before = Some((knot.positions.clone(), knot.positions.clone(), 0.0));
            return (0.0, 1.0);
        };
        let last_s = self.held.back().map_or(knot.source_s, |held| held.knot.source_s);
        let dt = (knot.source_s - last_s).max(1e-6);
        let mut needed: f64 = 1.0;
        for &(place, speed, acceleration) in &self.speeds.joints {
            let velocity = (knot.positions[place] - last[place]) / dt;
            needed = needed.max(velocity.abs() / (speed * SHARE));
            if *earlier_dt > 0.0 {
                let before = (last[place] - earlier[place]) / *earlier_dt;
                let change = (velocity - before).abs() / (0.5 * (dt + *earlier_dt));
                needed = needed.max((change / (acceleration * SHARE)).sqrt());
            }
        }
        std::mem::swap(last, earlier);
        last.copy_from_slice(&knot.positions);
        *earlier_dt = dt;
        (dt, needed.min(SLOWEST))
    }

    fn give_next<E>(&mut self, give: &mut impl FnMut(Knot) -> Result<(), E>) -> Result<(), E> {
        let factor = self.factor(self.given);
        let Some(held) = self.held.get(self.given) else { return Ok(()) };
        self.time_s += held.dt * factor;
        self.report.slowest = self.report.slowest.max(factor);
        self.report.source_s += held.dt;
        self.report.needed_s += held.dt * factor;
        if factor > 1.01 {
            self.report.slowed_s += held.dt;
        }
        let knot = Knot { time_s: self.time_s, ..held.knot.clone() };
        let source_s = held.knot.source_s;
        self.given += 1;
        while self.given > 0
            && self.held.front().is_some_and(|first| source_s - first.knot.source_s > 2.0 * BLEND_S)
        {
            self.held.pop_front();
            self.given -= 1;
        }
        give(knot)
    }

    /// The mean, over the blending time around a sample, of the greatest need around each sample there: never less than
    /// the sample's own need.
    fn factor(&self, at: usize) -> f64 {
        let Some(middle) = self.held.get(at).map(|held| held.knot.source_s) else { return 1.0 };
        let around = |time_s: f64| {
            self.held.iter().filter(move |held| (held.knot.source_s - time_s).abs() <= 0.5 * BLEND_S)
        };
        if around(middle)
            .chain(around(middle - BLEND_S))
            .chain(around(middle + BLEND_S))
            .all(|h| h.needed <= 1.0)
        {
            return 1.0;
        }
        let (mut sum, mut count) = (0.0, 0.0);
        for held in around(middle) {
            sum += around(held.knot.source_s).map(|other| other.needed).fold(1.0, f64::max);
            count += 1.0;
        }
        if count > 0.0 { sum / count } else { 1.0 }
    }
}

/// A curve through knots, read at even times: each coordinate is a cubic with the knots' mean slopes.
#[derive(Debug)]
pub struct Curve {
    period_s: f64,
    /// The last three knots; the stretch between the first two is about to be read.
    knots: VecDeque<Knot>,
    before: Option<(f64, Vec<f64>)>,
    next: u64,
    positions: Vec<f64>,
    last: Vec<f64>,
    speeds: Speeds,
}

impl Curve {
    /// Reads at `rate_hz`; what a curve would overshoot of `speeds` is cut off.
    pub fn new(rate_hz: f64, speeds: Speeds) -> Self {
        Self {
            period_s: 1.0 / rate_hz,
            knots: VecDeque::new(),
            before: None,
            next: 0,
            positions: Vec::new(),
            last: Vec::new(),
            speeds,
        }
    }

    /// Brings what was read within ranges, and within what speeds allow since the last time.
    fn bound(&mut self) {
        for &(place, low, high) in &self.speeds.ranges {
            self.positions[place] = self.positions[place].clamp(low, high);
        }
        if self.last.len() == self.positions.len() {
            for &(place, speed, _) in &self.speeds.joints {
                let reach = speed * self.period_s;
                let last = self.last[place];
                self.positions[place] = self.positions[place].clamp(last - reach, last + reach);
            }
        }
        self.last.clone_from(&self.positions);
    }

    /// Takes the next knot; gives each knot as it is passed and the positions at each even time.
    pub fn push<E>(
        &mut self,
        knot: Knot,
        on_knot: &mut impl FnMut(&Knot) -> Result<(), E>,
        on_time: &mut impl FnMut(f64, f64, &[f64]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.knots.push_back(knot);
        if self.knots.len() == 3 {
            self.pass(on_knot, on_time)?;
        }
        Ok(())
    }

    /// Gives what is left.
    pub fn finish<E>(
        &mut self,
        on_knot: &mut impl FnMut(&Knot) -> Result<(), E>,
        on_time: &mut impl FnMut(f64, f64, &[f64]) -> Result<(), E>,
    ) -> Result<(), E> {
        while self.knots.len() > 1 {
            self.pass(on_knot, on_time)?;
        }
        if let Some(last) = self.knots.pop_front() {
            on_knot(&last)?;
            if self.next as f64 * self.period_s <= last.time_s + 1e-9 {
                self.positions.clone_from(&last.positions);
                self.bound();
                on_time(self.next as f64 * self.period_s, last.source_s, &self.positions)?;
                self.next += 1;
            }
        }
        Ok(())
    }

    /// Reads the stretch between the first two knots at a share of it.
    fn read(&mut self, share: f64) {
        let (Some(from), Some(to)) = (self.knots.front(), self.knots.get(1)) else { return };
        let length = to.time_s - from.time_s;
        let after = self.knots.get(2);
        let (s2, s3) = (share * share, share * share * share);
        self.positions.clear();
        for (place, (p, q)) in from.positions.iter().zip(&to.positions).enumerate() {
            let straight = (q - p) / length;
            let slope_in = self
                .before
                .as_ref()
                .map_or(straight, |(before_s, before)| (q - before[place]) / (to.time_s - before_s));
            let slope_out =
                after.map_or(straight, |after| (after.positions[place] - p) / (after.time_s - from.time_s));
            self.positions.push(
                (2.0 * s3 - 3.0 * s2 + 1.0) * p
                    + (s3 - 2.0 * s2 + share) * length * slope_in
                    + (3.0 * s2 - 2.0 * s3) * q
                    + (s3 - s2) * length * slope_out,
            );
        }
    }

    /// Reads the stretch between the first two knots and drops the first.
    fn pass<E>(
        &mut self,
        on_knot: &mut impl FnMut(&Knot) -> Result<(), E>,
        on_time: &mut impl FnMut(f64, f64, &[f64]) -> Result<(), E>,
    ) -> Result<(), E> {
        let (Some(from), Some(to)) = (self.knots.front(), self.knots.get(1)) else { return Ok(()) };
        on_knot(from)?;
        let (from_s, to_s, source) = (from.time_s, to.time_s, (from.source_s, to.source_s));
        let length = to_s - from_s;
        loop {
            let time_s = self.next as f64 * self.period_s;
            if time_s >= to_s || length <= 0.0 {
                break;
            }
            let share = ((time_s - from_s) / length).clamp(0.0, 1.0);
            self.read(share);
            self.bound();
            on_time(time_s, source.0 + (source.1 - source.0) * share, &self.positions)?;
            self.next += 1;
        }
        if let Some(passed) = self.knots.pop_front() {
            self.before = Some((passed.time_s, passed.positions));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn knot(source_s: f64, position: f64) -> Knot {
        let asked = PathSample { time_s: source_s, hands: [None, None] };
        Knot { source_s, time_s: 0.0, positions: vec![position], asked, left: [None, None] }
    }

    fn paced(knots: &[Knot], speed: f64) -> (Vec<Knot>, PaceReport) {
        let mut pace = Pace::new(Speeds { joints: vec![(0, speed, 1e9)], ranges: vec![] });
        let mut out = Vec::new();
        let mut give = |knot| {
            out.push(knot);
            Ok::<(), ()>(())
        };
        for knot in knots {
            pace.push(knot.clone(), &mut give).expect("nothing fails");
        }
        pace.finish(&mut give).expect("nothing fails");
        (out, pace.report())
    }

    #[test]
    fn only_what_is_too_fast_is_slowed_and_no_joint_is_faster_than_it_may() {
        // One second slow, half a second at 4 rad/s, one second slow.
        let mut position = 0.0;
        let knots: Vec<Knot> = (0..250)
            .map(|i| {
                position += if (100..150).contains(&i) { 0.04 } else { 0.001 };
                knot(f64::from(i) * 0.01, position)
            })
            .collect();
        let (out, report) = paced(&knots, 1.0);
        assert_eq!(out.len(), knots.len());
        for pair in out.windows(2) {
            let speed = (pair[1].positions[0] - pair[0].positions[0]) / (pair[1].time_s - pair[0].time_s);
            assert!(speed <= 1.0 + 1e-9, "{speed}");
        }
        let kept = out[80].time_s;
        assert!((kept - 0.8).abs() < 1e-9, "{kept}: what is slow enough keeps its time");
        assert!(report.slowest > 4.0 && report.slowed_s < 0.8, "{report:?}");
        assert!((report.needed_s - out[249].time_s).abs() < 1e-9);
    }

    #[test]
    fn a_curve_goes_through_its_knots_at_even_times() {
        let mut curve = Curve::new(500.0, Speeds { joints: vec![(0, 10.0, 1e9)], ranges: vec![] });
        let mut read = Vec::new();
        let mut passed = 0;
        let mut on_knot = |_: &Knot| {
            passed += 1;
            Ok::<(), ()>(())
        };
        let mut on_time = |time_s: f64, source_s: f64, positions: &[f64]| {
            read.push((time_s, source_s, positions[0]));
            Ok(())
        };
        for i in 0..=72 {
            let time_s = f64::from(i) / 72.0;
            let knot = Knot { time_s, ..knot(time_s, (time_s * 3.0).sin()) };
            curve.push(knot, &mut on_knot, &mut on_time).expect("nothing fails");
        }
        curve.finish(&mut on_knot, &mut on_time).expect("nothing fails");
        assert_eq!(passed, 73);
        assert_eq!(read.len(), 501);
        for (index, (time_s, source_s, position)) in read.iter().enumerate() {
            assert!((time_s - index as f64 * 0.002).abs() < 1e-12 && (time_s - source_s).abs() < 1e-9);
            assert!((position - (time_s * 3.0).sin()).abs() < 2e-4, "{time_s} {position}");
        }
    }
}
