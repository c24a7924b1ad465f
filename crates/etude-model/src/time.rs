//! Three clocks that are never mixed: device time, host time and log time, each in nanoseconds.
//!
//! * Device time is what the sensor or controller said, raw; its zero and its rate are the device's own.
//! * Host time is the station's monotonic clock, mapped to UTC once when the station starts, so it never jumps.
//! * Log time is when the recorder took the message; it orders the file.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::{Add, Sub};

/// A length of time in nanoseconds; may be negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Span(pub i64);

impl Span {
    /// A span of whole milliseconds.
    pub const fn from_ms(ms: i64) -> Self {
        Self(ms * 1_000_000)
    }

    /// A span from seconds, rounded to the nanosecond.
    pub fn from_s(seconds: f64) -> Self {
        Self((seconds * 1e9).round() as i64)
    }

    /// The span in seconds.
    pub fn as_s(self) -> f64 {
        self.0 as f64 * 1e-9
    }

    /// The span in milliseconds.
    pub fn as_ms(self) -> f64 {
        self.0 as f64 * 1e-6
    }
}

impl Add for Span {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3} s", self.as_s())
    }
}

macro_rules! clock {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl $name {
            /// A point in time from seconds since this clock's zero, rounded to the nanosecond.
            pub fn from_s(seconds: f64) -> Self {
                Self((seconds * 1e9).round() as i64)
            }

            /// Nanoseconds since this clock's zero.
            pub const fn ns(self) -> i64 {
                self.0
            }

            /// Seconds since this clock's zero.
            pub fn as_s(self) -> f64 {
                self.0 as f64 * 1e-9
            }
        }

        impl Sub for $name {
            type Output = Span;
            fn sub(self, earlier: Self) -> Span {
                Span(self.0.saturating_sub(earlier.0))
            }
        }

        impl Add<Span> for $name {
            type Output = Self;
            fn add(self, span: Span) -> Self {
                Self(self.0.saturating_add(span.0))
            }
        }

        impl Sub<Span> for $name {
            type Output = Self;
            fn sub(self, span: Span) -> Self {
                Self(self.0.saturating_sub(span.0))
            }
        }
    )+};
}

clock! {
    /// What the device said: nanoseconds of its own clock.
    DeviceTime,
    /// The station's monotonic clock: nanoseconds since 1970-01-01 UTC as mapped at start.
    HostTime,
    /// When the recorder took the message: nanoseconds since 1970-01-01 UTC as mapped at start.
    LogTime,
}

/// The times that one message carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// The device's own time, where it has a clock.
    pub device: Option<DeviceTime>,
    /// When the station received it, or when the device's sample was taken, mapped to the host's clock.
    pub host: HostTime,
    /// When the recorder took it.
    pub log: LogTime,
}

impl Stamp {
    /// One instant on all three clocks, as in a simulation where they are the same clock.
    pub const fn at(ns: i64) -> Self {
        Self { device: Some(DeviceTime(ns)), host: HostTime(ns), log: LogTime(ns) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_subtract_to_spans() {
        assert_eq!(HostTime(5) - HostTime(3), Span(2));
        assert_eq!(HostTime(5) + Span::from_ms(1), HostTime(1_000_005));
        assert_eq!(Span::from_s(0.0015).as_ms(), 1.5);
    }
}
