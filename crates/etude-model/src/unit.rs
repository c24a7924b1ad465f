//! Units of numbers on the wire. Inside Etude numbers are SI; other units exist only where a vendor speaks them.

use serde::{Deserialize, Serialize};
use std::fmt;

/// What a number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Unit {
    /// Radian.
    #[serde(rename = "rad")]
    Radian,
    /// Radian per second.
    #[serde(rename = "rad/s")]
    RadianPerSecond,
    /// Degree, on a vendor's wire only.
    #[serde(rename = "deg")]
    Degree,
    /// Metre.
    #[serde(rename = "m")]
    Metre,
    /// Millimetre, on a vendor's wire only.
    #[serde(rename = "mm")]
    Millimetre,
    /// Metre per second.
    #[serde(rename = "m/s")]
    MetrePerSecond,
    /// Newton.
    #[serde(rename = "N")]
    Newton,
    /// Newton metre.
    #[serde(rename = "N*m")]
    NewtonMetre,
    /// Pascal.
    #[serde(rename = "Pa")]
    Pascal,
    /// A share of a range, 0..1; which end is open or closed is said by the card's hand.
    #[serde(rename = "ratio")]
    Ratio,
    /// A raw count of a converter.
    #[serde(rename = "count")]
    Count,
    /// Nobody has said; such a channel is kept but is never converted.
    #[serde(rename = "unknown")]
    Unknown,
}

impl Unit {
    /// The unit as it is written in cards and files.
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Radian => "rad",
            Self::RadianPerSecond => "rad/s",
            Self::Degree => "deg",
            Self::Metre => "m",
            Self::Millimetre => "mm",
            Self::MetrePerSecond => "m/s",
            Self::Newton => "N",
            Self::NewtonMetre => "N*m",
            Self::Pascal => "Pa",
            Self::Ratio => "ratio",
            Self::Count => "count",
            Self::Unknown => "unknown",
        }
    }

    /// The factor to the SI unit of the same quantity; `None` where there is none to convert to.
    pub fn to_si(self) -> Option<f64> {
        match self {
            Self::Degree => Some(std::f64::consts::PI / 180.0),
            Self::Millimetre => Some(1e-3),
            Self::Ratio | Self::Count | Self::Unknown => None,
            _ => Some(1.0),
        }
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.symbol())
    }
}
