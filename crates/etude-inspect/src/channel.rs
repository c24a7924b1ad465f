//! What is kept of one channel while messages go by: bounds, what was missing, what broke a limit, holds and jumps.

use crate::scale::Scale;

/// Share of the limits' range within which a position counts as being at, or still inside, a limit.
const LIMIT_SLACK: f64 = 1e-3;
/// Share of the effort limit from which an effort counts as saturated.
const EFFORT_SHARE: f64 = 0.999;
/// Shortest hold before a jump that is looked at, ns.
const MIN_HOLD_NS: i64 = 300_000_000;
/// Odd multiplier of the running fingerprint (from Knuth's MMIX generator).
const MIX: u64 = 6_364_136_223_846_793_005;

/// Which limits of the card an array is held to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Positions: limits, speed, holds.
    Position,
    /// Velocities: the speed limit.
    Velocity,
    /// Efforts: the effort limit.
    Effort,
    /// Anything else: bounds only.
    Other,
}

/// When a value was sampled.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_field_names, reason = "each field says its clock and its unit")]
pub(crate) struct At {
    /// The stream's own clock, ns.
    pub(crate) own_ns: i64,
    /// Log time, ns.
    pub(crate) log_ns: i64,
    /// Least interval that a speed is computed over, ns.
    pub(crate) min_interval_ns: i64,
}

/// One channel so far.
#[derive(Clone, Debug)]
pub(crate) struct Channel {
    pub(crate) finite: u64,
    pub(crate) missing: u64,
    pub(crate) first_missing_log_ns: i64,
    pub(crate) low: f64,
    pub(crate) high: f64,
    pub(crate) outside: u64,
    pub(crate) excess: Peak,
    pub(crate) at_limit: u64,
    pub(crate) speed: Peak,
    pub(crate) fingerprint: u64,
    pub(crate) lurch: Lurch,
    last: f64,
    last_own_ns: i64,
    held_from: (i64, i64),
}

/// The largest value of something and when it came.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Peak {
    pub(crate) value: f64,
    pub(crate) log_ns: i64,
}

impl Peak {
    fn raise(&mut self, value: f64, log_ns: i64) {
        if value > self.value {
            *self = Self { value, log_ns };
        }
    }
}

/// The largest jump after a hold, and how the channel moves otherwise.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Lurch {
    jump: f64,
    from_log_ns: i64,
    to_log_ns: i64,
    steps: u64,
    squares: f64,
}

impl Lurch {
    /// Jump and hold, where the jump stands out from the channel's other steps and from its span.
    pub(crate) fn found(&self, span: f64) -> Option<(f64, i64, i64)> {
        let others = self.steps.checked_sub(1).filter(|others| *others >= 10)?;
        let rms = ((self.squares - self.jump * self.jump).max(0.0) / others as f64).sqrt();
        (self.jump > 10.0 * rms && self.jump > 0.02 * span).then_some((
            self.jump,
            self.from_log_ns,
            self.to_log_ns,
        ))
    }
}

impl Channel {
    pub(crate) fn new() -> Self {
        Self {
            finite: 0,
            missing: 0,
            first_missing_log_ns: 0,
            low: f64::INFINITY,
            high: f64::NEG_INFINITY,
            outside: 0,
            excess: Peak::default(),
            at_limit: 0,
            speed: Peak::default(),
            fingerprint: 0,
            lurch: Lurch::default(),
            last: f64::NAN,
            last_own_ns: 0,
            held_from: (0, 0),
        }
    }

    /// Takes one value.
    pub(crate) fn push(&mut self, value: f64, at: At, role: Role, scale: &Scale) {
        self.fingerprint = self.fingerprint.wrapping_mul(MIX).wrapping_add(value.to_bits() ^ 1);
        if !value.is_finite() {
            if self.missing == 0 {
                self.first_missing_log_ns = at.log_ns;
            }
            self.missing += 1;
            return;
        }
        self.finite += 1;
        self.low = self.low.min(value);
        self.high = self.high.max(value);
        match role {
            Role::Position => self.position(value, at, scale),
            Role::Velocity => self.speed.raise(value.abs(), at.log_ns),
            Role::Effort => self.effort(value, scale),
            Role::Other => {}
        }
    }

    /// Highest minus lowest value; 0 where nothing was measured.
    pub(crate) fn range(&self) -> f64 {
        if self.finite == 0 { 0.0 } else { self.high - self.low }
    }

    fn position(&mut self, value: f64, at: At, scale: &Scale) {
        if let Some([low, high]) = scale.position {
            let excess = (value - high).max(low - value);
            let slack = LIMIT_SLACK * scale.span;
            if excess > slack {
                self.outside += 1;
                self.excess.raise(excess, at.log_ns);
            }
            self.at_limit += u64::from(excess > -slack);
        }
        if self.last.is_nan() {
            self.restart(value, at);
            return;
        }
        let interval_ns = at.own_ns.saturating_sub(self.last_own_ns);
        let step = (value - self.last).abs();
        if step > 0.0 {
            self.step(step, at);
        }
        if interval_ns >= at.min_interval_ns.max(1) {
            self.speed.raise(step / (interval_ns as f64 * 1e-9), at.log_ns);
        }
        if step > 0.0 {
            self.held_from = (at.own_ns, at.log_ns);
        }
        self.last = value;
        self.last_own_ns = at.own_ns;
    }

    fn restart(&mut self, value: f64, at: At) {
        self.last = value;
        self.last_own_ns = at.own_ns;
        self.held_from = (at.own_ns, at.log_ns);
    }

    fn step(&mut self, step: f64, at: At) {
        self.lurch.steps += 1;
        self.lurch.squares += step * step;
        let held_ns = self.last_own_ns.saturating_sub(self.held_from.0);
        if held_ns >= MIN_HOLD_NS && step > self.lurch.jump {
            self.lurch.jump = step;
            self.lurch.from_log_ns = self.held_from.1;
            self.lurch.to_log_ns = at.log_ns;
        }
    }

    fn effort(&mut self, value: f64, scale: &Scale) {
        if let Some(limit) = scale.effort {
            self.at_limit += u64::from(value.abs() >= EFFORT_SHARE * limit);
        }
    }
}
