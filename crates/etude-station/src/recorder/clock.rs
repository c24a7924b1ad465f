//! Where log time comes from.

use etude_model::LogTime;
use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Gives log time; never goes back.
pub trait Clock: fmt::Debug + Send + Sync {
    /// Now.
    fn now(&self) -> LogTime;
}

/// The machine's monotonic clock, set to UTC once when it is made, so that it never jumps.
#[derive(Debug)]
pub struct SystemClock {
    start: Instant,
    start_utc_ns: i64,
}

impl SystemClock {
    /// A clock that agrees with the machine's UTC now.
    pub fn new() -> Self {
        let utc = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
        Self { start: Instant::now(), start_utc_ns: i64::try_from(utc).unwrap_or(i64::MAX) }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> LogTime {
        let passed = i64::try_from(self.start.elapsed().as_nanos()).unwrap_or(i64::MAX);
        LogTime(self.start_utc_ns.saturating_add(passed))
    }
}

/// A clock that somebody moves: a simulation, or a test.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that stands at `start`.
    pub fn new(start: LogTime) -> Self {
        Self(AtomicI64::new(start.ns()))
    }

    /// Moves it on to `time`; never back.
    pub fn advance_to(&self, time: LogTime) {
        self.0.fetch_max(time.ns(), Ordering::AcqRel);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> LogTime {
        LogTime(self.0.load(Ordering::Acquire))
    }
}
