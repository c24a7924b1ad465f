//! What a channel may do, from the card: limits, and the span that its motion is compared with.

use etude_model::{Card, Unit};

/// Bounds of a channel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Scale {
    /// The card's position limits; absent for a channel that is no joint of the card.
    pub(crate) position: Option<[f64; 2]>,
    /// The card's highest speed, unit per second.
    pub(crate) velocity: Option<f64>,
    /// The card's highest effort.
    pub(crate) effort: Option<f64>,
    /// Span that motion is compared with: the limits' range, or what is usual for the unit.
    pub(crate) span: f64,
}

impl Scale {
    /// The scale of a channel by its name and unit.
    pub(crate) fn of(card: &Card, channel: &str, unit: Unit) -> Self {
        let joint = card.joint_index(channel).and_then(|index| card.joints.get(index));
        let usual = usual_span(unit);
        match joint {
            // Limits in another unit than the channel's cannot be compared with it.
            Some(joint) if joint.unit == unit => Self {
                position: Some(joint.position),
                velocity: Some(joint.velocity),
                effort: joint.effort,
                span: match joint.position {
                    [low, high] if (high - low).is_finite() => high - low,
                    _ => usual,
                },
            },
            _ => Self { position: None, velocity: None, effort: None, span: usual },
        }
    }
}

const fn usual_span(unit: Unit) -> f64 {
    match unit {
        Unit::Radian => std::f64::consts::PI,
        Unit::Degree => 180.0,
        Unit::Metre => 0.5,
        Unit::Millimetre => 500.0,
        _ => 1.0,
    }
}
