//! Live gauges: how each stream is doing, read while it is recorded.

use etude_model::gap::GapReason;
use etude_model::{LogTime, Span, Topic};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU64, Ordering};

/// Weight of the newest interval in the running means.
const WEIGHT: f64 = 1.0 / 32.0;
/// No message yet.
const NEVER: i64 = i64::MIN;
/// Why the recorder itself drops messages.
const REASONS: [GapReason; 3] = [GapReason::QueueOverflow, GapReason::EncoderLate, GapReason::Refused];

/// How one stream is doing.
#[derive(Clone, Debug, PartialEq)]
pub struct Gauge {
    /// The stream.
    pub topic: Topic,
    /// Messages per second, a running mean over about 32 messages; 0 before the second message.
    pub rate_hz: f64,
    /// Mean deviation of the interval from its running mean, ms.
    pub jitter_ms: f64,
    /// Since the last message; absent before the first.
    pub age: Option<Span>,
    /// Messages taken.
    pub received: u64,
    /// Messages taken and not yet handed to the file.
    pub waiting: u64,
    /// Messages dropped because a queue was full or an encoder was late.
    pub dropped: u64,
    /// Gaps declared so far, for whatever reason.
    pub gaps: u64,
}

/// What a producer writes and anybody reads. A stream has one producer, so the running means need no exchange.
#[derive(Debug)]
pub(super) struct GaugeCell {
    /// The producer is between its look at whether the recording stops and the end of its push.
    pushing: AtomicBool,
    received: AtomicU64,
    /// Messages the writer took off the queue.
    written: AtomicU64,
    /// Why the latest message was dropped, a place in [`REASONS`].
    reason: AtomicU8,
    dropped: AtomicU64,
    gaps: AtomicU64,
    last: AtomicI64,
    mean_s: AtomicU64,
    deviation_s: AtomicU64,
}

impl Default for GaugeCell {
    fn default() -> Self {
        let zero = || AtomicU64::new(0);
        Self {
            pushing: AtomicBool::new(false),
            received: zero(),
            written: zero(),
            reason: AtomicU8::new(0),
            dropped: zero(),
            gaps: zero(),
            last: AtomicI64::new(NEVER),
            mean_s: zero(),
            deviation_s: zero(),
        }
    }
}

impl GaugeCell {
    /// A push begins. It must then look whether the recording stops: either it sees that, or the stop sees the push.
    pub(super) fn begin_push(&self) {
        self.pushing.store(true, Ordering::SeqCst);
    }

    /// A push is over.
    pub(super) fn end_push(&self) {
        self.pushing.store(false, Ordering::Release);
    }

    pub(super) fn is_pushing(&self) -> bool {
        self.pushing.load(Ordering::SeqCst)
    }

    /// A message was taken; before it is queued, so that no more are written than taken.
    pub(super) fn taken(&self) {
        self.received.fetch_add(1, Ordering::Relaxed);
    }

    /// A message was not taken after all.
    pub(super) fn not_taken(&self) {
        self.received.fetch_sub(1, Ordering::Relaxed);
    }

    /// The writer is done with a message.
    pub(super) fn written(&self) {
        self.written.fetch_add(1, Ordering::Relaxed);
    }

    /// A message came.
    pub(super) fn arrived(&self, now: LogTime) {
        let last = self.last.swap(now.ns(), Ordering::Relaxed);
        if last == NEVER {
            return;
        }
        let interval = (now - LogTime(last)).as_s();
        let mean = f64::from_bits(self.mean_s.load(Ordering::Relaxed));
        let deviation = f64::from_bits(self.deviation_s.load(Ordering::Relaxed));
        let (mean, deviation) = if mean == 0.0 {
            (interval, 0.0)
        } else {
            (mean + WEIGHT * (interval - mean), deviation + WEIGHT * ((interval - mean).abs() - deviation))
        };
        self.mean_s.store(mean.to_bits(), Ordering::Relaxed);
        self.deviation_s.store(deviation.to_bits(), Ordering::Relaxed);
    }

    /// A message was dropped.
    pub(super) fn dropped(&self, reason: GapReason) {
        let code = REASONS.iter().position(|known| *known == reason).unwrap_or(0);
        self.reason.store(code as u8, Ordering::Relaxed);
        self.dropped.fetch_add(1, Ordering::Release);
    }

    /// Why the latest was dropped.
    pub(super) fn reason(&self) -> GapReason {
        REASONS
            .get(usize::from(self.reason.load(Ordering::Relaxed)))
            .copied()
            .unwrap_or(GapReason::QueueOverflow)
    }

    /// Messages dropped so far.
    pub(super) fn dropped_so_far(&self) -> u64 {
        self.dropped.load(Ordering::Acquire)
    }

    /// A gap was declared.
    pub(super) fn gap(&self) {
        self.gaps.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn read(&self, topic: &Topic, now: LogTime) -> Gauge {
        let last = self.last.load(Ordering::Relaxed);
        let mean = f64::from_bits(self.mean_s.load(Ordering::Relaxed));
        let written = self.written.load(Ordering::Relaxed);
        let received = self.received.load(Ordering::Relaxed);
        Gauge {
            topic: topic.clone(),
            rate_hz: if mean > 0.0 { 1.0 / mean } else { 0.0 },
            jitter_ms: f64::from_bits(self.deviation_s.load(Ordering::Relaxed)) * 1e3,
            age: (last != NEVER).then(|| now - LogTime(last)),
            received,
            waiting: received.saturating_sub(written),
            dropped: self.dropped_so_far(),
            gaps: self.gaps.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_rate_jitter_and_age() {
        let cell = GaugeCell::default();
        for tick in 0..100 {
            let late = if tick % 2 == 0 { 0 } else { 1_000_000 };
            cell.taken();
            cell.arrived(LogTime(tick * 10_000_000 + late));
        }
        let gauge = cell.read(&Topic::new("/a"), LogTime(1_001_000_000));
        assert!((gauge.rate_hz - 100.0).abs() < 3.0, "{gauge:?}");
        assert!((gauge.jitter_ms - 1.0).abs() < 0.2, "{gauge:?}");
        assert_eq!(gauge.age, Some(Span::from_ms(10)));
        assert_eq!(gauge.received, 100);
    }
}
