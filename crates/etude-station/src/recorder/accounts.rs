//! One stream's account: what its rate promised, what came, and therefore what is missing.
//!
//! A stream is judged by its device's clock, or by the host's where its device has none: two messages three periods
//! apart open a pause. What comes late, in a burst or out of order makes up for a pause, so it is held open while it
//! shrinks; what nothing made up for within [`PATIENCE`] messages is declared missing. A clock that jumps is told, and
//! the messages around the jump are judged by when they arrived.

use etude_model::gap::{Gap, GapReason};
use etude_model::{DeviceTime, LogTime, Span, Stamp, StreamSpec, Topic};

/// Messages in a row that may fail to make up for a pause before what is missing is declared.
const PATIENCE: u64 = 16;
/// Periods without a message that count as a pause.
const PAUSE: f64 = 1.5;
/// A recording begins and ends between messages: what is on its way then, or due within this of either end, is no loss.
const EDGE: Span = Span::from_ms(20);
/// A clock that goes back this far, or runs ahead of log time by this much more than it ever did, has jumped.
const JUMP_NS: i64 = 500_000_000;

/// What the arrival of a message tells.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Note {
    /// Messages are missing.
    Missing(Gap),
    /// The clock that the stream is judged by jumped by this much.
    ClockJumped(Span),
}

/// Where a stream stands on the clock that it is judged by.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// The latest time, ns.
    time_ns: i64,
    /// Whether the clock is the device's.
    by_device: bool,
    /// The most it was ahead of log time, ns: that of the message with the least delay.
    ahead_ns: i64,
}

impl Place {
    fn of(stamp: Stamp) -> Self {
        let time_ns = stamp.device.map_or(stamp.host.ns(), DeviceTime::ns);
        let ahead_ns = time_ns.saturating_sub(stamp.log.ns());
        Self { time_ns, by_device: stamp.device.is_some(), ahead_ns }
    }
}

/// Messages that are overdue and may yet come.
#[derive(Clone, Copy, Debug)]
struct Pause {
    /// Time of the last message before it, ns on the clock that the stream is judged by.
    time_ns: i64,
    from: LogTime,
    to: LogTime,
    /// Messages since then, taken or dropped.
    came: u64,
    /// Fewest that were overdue so far.
    fewest: u64,
    patience: u64,
}

impl Pause {
    /// Messages still overdue when the stream has reached a time.
    fn overdue(&self, time_ns: i64, period_s: f64) -> u64 {
        let promised = whole(seconds(time_ns.saturating_sub(self.time_ns)) / period_s + 0.5);
        promised.saturating_sub(self.came)
    }
}

/// One stream's account.
#[derive(Debug)]
pub(super) struct Account {
    topic: Topic,
    period_s: Option<f64>,
    started: LogTime,
    first: Option<LogTime>,
    /// Log time of the latest message, or when the recording began.
    since: LogTime,
    place: Option<Place>,
    pause: Option<Pause>,
}

impl Account {
    pub(super) fn new(spec: &StreamSpec, started: LogTime) -> Self {
        let period_s = spec.rate_hz.filter(|hz| spec.kind.is_periodic() && *hz > 0.0).map(|hz| 1.0 / hz);
        Self {
            topic: spec.topic.clone(),
            period_s,
            started,
            first: None,
            since: started,
            place: None,
            pause: None,
        }
    }

    /// Whether the stream has a rate to be held to.
    pub(super) fn is_periodic(&self) -> bool {
        self.period_s.is_some()
    }

    /// Enters a message before which `dropped` were dropped here for `reason`.
    pub(super) fn enter(&mut self, stamp: Stamp, dropped: u64, reason: GapReason, notes: &mut Vec<Note>) {
        if dropped > 0 {
            notes.push(self.missing(self.since, stamp.log, dropped, reason));
        }
        if let Some(period_s) = self.period_s {
            self.judge(stamp, dropped, period_s, notes);
        }
        // What was dropped before the first message came from the beginning on.
        self.first.get_or_insert(if dropped > 0 { self.started } else { stamp.log });
        self.since = self.since.max(stamp.log);
    }

    /// From when to when the stream is held to its rate, in a recording that ends at `end`, `dropped` messages after the
    /// last one: the recording, but for what lies at its edges.
    pub(super) fn span(&self, end: LogTime, dropped: u64) -> (LogTime, LogTime) {
        let Some(first) = self.first else { return (self.started, end) };
        let next = self.since + Span::from_s(self.period_s.unwrap_or(0.0));
        let from = if first - self.started <= EDGE { first } else { self.started };
        (from, if dropped == 0 && end - self.since <= EDGE { next } else { end })
    }

    /// Enters a message that the file refused.
    pub(super) fn refuse(&mut self, stamp: Stamp, notes: &mut Vec<Note>) {
        notes.push(self.missing(stamp.log, stamp.log, 1, GapReason::Refused));
    }

    /// Closes the account: what should have come until `end`, `dropped` of it dropped here since the last message.
    pub(super) fn close(&mut self, end: LogTime, dropped: u64, reason: GapReason, notes: &mut Vec<Note>) {
        if dropped > 0 {
            notes.push(self.missing(self.since, end, dropped, reason));
        }
        let Some(period_s) = self.period_s else { return };
        self.give_up_pause(period_s, notes);
        let silent = (end - self.since).as_s() / period_s;
        // The stream's next message is due one period after its last; before its first, at once.
        let due = if self.place.is_some() { silent - 1.0 } else { silent };
        let missing = whole(due + 0.5 - 1e-6).saturating_sub(dropped);
        if end - self.since > EDGE && silent > PAUSE && missing > 0 {
            notes.push(self.missing(self.since, end, missing, GapReason::SourceSilent));
        }
    }

    fn judge(&mut self, stamp: Stamp, dropped: u64, period_s: f64, notes: &mut Vec<Note>) {
        let now = Place::of(stamp);
        let Some(place) = self.place.replace(now) else {
            if stamp.log - self.since > EDGE {
                self.judge_arrival(stamp, dropped, period_s, 0.0, notes);
            }
            return;
        };
        let step_ns = now.time_ns.saturating_sub(place.time_ns);
        let ahead_ns = now.ahead_ns.saturating_sub(place.ahead_ns);
        let same_clock = now.by_device == place.by_device;
        let jumped = if step_ns < -JUMP_NS {
            Some(Span(step_ns.saturating_sub((stamp.log - self.since).0)))
        } else {
            (ahead_ns > JUMP_NS).then_some(Span(ahead_ns))
        };
        if jumped.is_some() || !same_clock {
            notes.extend(jumped.filter(|_| same_clock).map(Note::ClockJumped));
            if let Some(pause) = self.pause.take() {
                self.declare(pause, place.time_ns, period_s, notes);
            }
            return self.judge_arrival(stamp, dropped, period_s, 0.5, notes);
        }
        let reached_ns = now.time_ns.max(place.time_ns);
        self.place = Some(Place { time_ns: reached_ns, ahead_ns: now.ahead_ns.max(place.ahead_ns), ..now });
        if self.pause.is_none() && seconds(step_ns) / period_s > PAUSE {
            self.pause = Some(Pause {
                time_ns: place.time_ns,
                from: self.since,
                to: stamp.log,
                came: 0,
                fewest: u64::MAX,
                patience: PATIENCE,
            });
        }
        self.make_up(reached_ns, dropped, period_s, notes);
    }

    /// Judges a message that no clock can be trusted for by when it arrived; `less` periods are no loss.
    fn judge_arrival(&self, stamp: Stamp, dropped: u64, period_s: f64, less: f64, notes: &mut Vec<Note>) {
        let silent = (stamp.log - self.since).as_s() / period_s;
        let missing = whole(silent - less).saturating_sub(dropped);
        if silent > PAUSE && missing > 0 {
            notes.push(self.missing(self.since, stamp.log, missing, GapReason::SourceSilent));
        }
    }

    /// Counts a message (and those dropped before it) towards an open pause.
    fn make_up(&mut self, reached_ns: i64, dropped: u64, period_s: f64, notes: &mut Vec<Note>) {
        let Some(mut pause) = self.pause.take() else { return };
        pause.came += 1 + dropped;
        let overdue = pause.overdue(reached_ns, period_s);
        if overdue < pause.fewest {
            pause.fewest = overdue;
            pause.patience = PATIENCE;
        } else {
            pause.patience -= 1;
        }
        if pause.patience == 0 {
            self.declare(pause, reached_ns, period_s, notes);
        } else if overdue > 0 {
            self.pause = Some(pause);
        }
    }

    fn give_up_pause(&mut self, period_s: f64, notes: &mut Vec<Note>) {
        if let (Some(pause), Some(place)) = (self.pause.take(), self.place) {
            self.declare(pause, place.time_ns, period_s, notes);
        }
    }

    fn declare(&self, pause: Pause, reached_ns: i64, period_s: f64, notes: &mut Vec<Note>) {
        let missing = pause.overdue(reached_ns, period_s);
        if missing > 0 {
            notes.push(self.missing(pause.from, pause.to, missing, GapReason::SourceSilent));
        }
    }

    fn missing(&self, from: LogTime, to: LogTime, missing: u64, reason: GapReason) -> Note {
        Note::Missing(Gap { topic: self.topic.clone(), from, to, missing, reason })
    }
}

fn seconds(ns: i64) -> f64 {
    ns as f64 * 1e-9
}

/// The whole number at or below, 0 for negative ones.
fn whole(value: f64) -> u64 {
    value.max(0.0).floor() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use etude_model::{HostTime, StreamKind};

    const MS: i64 = 1_000_000;

    fn account() -> Account {
        Account::new(&StreamSpec::new("/a", StreamKind::Wrench, Some(100.0)), LogTime(0))
    }

    fn with_clock(device_ms: i64, host_ms: i64) -> Stamp {
        Stamp {
            device: Some(DeviceTime(device_ms * MS)),
            host: HostTime(host_ms * MS),
            log: LogTime(host_ms * MS),
        }
    }

    fn without_clock(ms: i64) -> Stamp {
        Stamp { device: None, ..with_clock(0, ms) }
    }

    fn run(stamps: impl IntoIterator<Item = Stamp>, end_ms: i64) -> Vec<Note> {
        let (mut account, mut notes) = (account(), Vec::new());
        for stamp in stamps {
            account.enter(stamp, 0, GapReason::QueueOverflow, &mut notes);
        }
        account.close(LogTime(end_ms * MS), 0, GapReason::QueueOverflow, &mut notes);
        notes
    }

    fn missing(notes: &[Note]) -> u64 {
        notes.iter().map(|note| if let Note::Missing(gap) = note { gap.missing } else { 0 }).sum()
    }

    #[test]
    fn a_steady_stream_misses_nothing() {
        assert_eq!(run((0..100).map(|i| with_clock(i * 10, i * 10 + i % 3)), 1000), []);
        assert_eq!(run((0..100).map(|i| without_clock(i * 10 + i % 3)), 1000), []);
    }

    #[test]
    fn a_burst_after_a_pause_is_no_loss() {
        let burst =
            (0..100).map(|i| without_clock(if (20..50).contains(&i) { 500 + i - 20 } else { i * 10 }));
        assert_eq!(missing(&run(burst, 1000)), 0);
        let late_but_stamped =
            (0..100).map(|i| with_clock(i * 10, if (20..50).contains(&i) { 500 } else { i * 10 }));
        assert_eq!(missing(&run(late_but_stamped, 1000)), 0);
    }

    #[test]
    fn what_a_stalled_source_did_not_send_is_declared_once() {
        let stalled = |i: &i64| !(20..50).contains(i);
        assert_eq!(missing(&run((0..100).filter(stalled).map(|i| with_clock(i * 10, i * 10)), 1000)), 30);
        assert_eq!(missing(&run((0..100).filter(stalled).map(|i| without_clock(i * 10)), 1000)), 30);
    }

    #[test]
    fn silence_at_either_end_is_declared() {
        assert_eq!(missing(&run((20..70).map(|i| with_clock(i * 10, i * 10)), 1000)), 20 + 30);
        assert_eq!(missing(&run([], 1000)), 100);
    }

    #[test]
    fn what_lies_at_the_edges_of_a_recording_is_no_loss() {
        let fast = StreamSpec::new("/a", StreamKind::Wrench, Some(1000.0));
        let (mut account, mut notes) = (Account::new(&fast, LogTime(0)), Vec::new());
        for ms in 15..985 {
            account.enter(without_clock(ms), 0, GapReason::QueueOverflow, &mut notes);
        }
        account.close(LogTime(1000 * MS), 0, GapReason::QueueOverflow, &mut notes);
        assert_eq!(notes, []);
        assert_eq!(account.span(LogTime(1000 * MS), 0), (LogTime(15 * MS), LogTime(985 * MS)));
    }

    #[test]
    fn a_jump_of_the_devices_clock_is_told_and_is_no_gap() {
        let jumped = (0..100).map(|i| with_clock(i * 10 + if i >= 50 { 3_600_000 } else { 0 }, i * 10));
        assert_eq!(run(jumped, 1000), [Note::ClockJumped(Span::from_ms(3_600_000))]);
        let back = (0..100).map(|i| with_clock(i * 10 - if i >= 50 { 9_000 } else { 0 }, i * 10));
        assert_eq!(run(back, 1000), [Note::ClockJumped(Span::from_ms(-9_000))]);
    }

    #[test]
    fn a_long_pause_then_everything_at_once_is_neither_loss_nor_jump() {
        let late = |i: i64| if (20..220).contains(&i) { 2200 } else { i * 10 };
        assert_eq!(run((0..300).map(|i| with_clock(i * 10, late(i))), 3000), []);
    }

    #[test]
    fn messages_out_of_order_are_not_missing() {
        let swapped = |i: i64| {
            if i % 4 == 1 {
                i + 1
            } else if i % 4 == 2 {
                i - 1
            } else {
                i
            }
        };
        assert_eq!(run((0..100).map(|i| with_clock(swapped(i) * 10, i * 10)), 1000), []);
        let by_host =
            |i: i64| Stamp { device: None, host: HostTime(swapped(i) * 10 * MS), log: LogTime(i * 10 * MS) };
        assert_eq!(run((0..100).map(by_host), 1000), []);
    }

    #[test]
    fn a_jump_of_the_hosts_clock_is_told_and_is_no_gap() {
        for jump_ms in [3_600_000, -9_000] {
            let jumped = |i: i64| if i >= 50 { i * 10 + jump_ms } else { i * 10 };
            let stamp = |i: i64| Stamp { host: HostTime(jumped(i) * MS), ..without_clock(i * 10) };
            assert_eq!(run((0..100).map(stamp), 1000), [Note::ClockJumped(Span::from_ms(jump_ms))]);
        }
    }

    #[test]
    fn every_other_message_lost_is_declared_whole() {
        assert_eq!(missing(&run((0..100).map(|i| with_clock(i * 20, i * 20)), 1990)), 99);
    }

    #[test]
    fn what_was_dropped_here_is_not_counted_twice() {
        let (mut account, mut notes) = (account(), Vec::new());
        account.enter(with_clock(0, 0), 0, GapReason::QueueOverflow, &mut notes);
        account.enter(with_clock(50, 50), 4, GapReason::QueueOverflow, &mut notes);
        assert_eq!(missing(&notes), 4);
        account.close(LogTime(100 * MS), 4, GapReason::QueueOverflow, &mut notes);
        assert_eq!(missing(&notes), 8);
    }
}
