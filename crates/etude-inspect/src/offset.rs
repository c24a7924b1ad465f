//! Offsets between streams: how much later one stream's motion is than that of the joints.

use crate::array::Array;
use crate::correlation::{Grid, derivative, lag_of_rates, resample, typical_period};
use crate::definition::{Fill, measured, name};
use crate::joints::MIN_CORRELATION;
use crate::series::Series;
use etude_model::{Card, Measurement, Topic};

/// Offsets that are searched, s.
const RANGE_S: (f64, f64) = (-3.0, 3.0);
/// Shortest shared time that an offset is looked for in, s.
const MIN_SHARED_S: f64 = 4.0;

/// The speed of an array as a whole: root of the sum of squares of its channels' speeds, each over the channel's span.
fn speed(array: &Array, series: &Series, grid: Grid, span_s: f64, counts: impl Fn(&str) -> bool) -> Vec<f32> {
    let mut squares: Vec<f32> = Vec::new();
    let channels = array.labels.iter().enumerate().take(series.channels());
    for (channel, label) in channels.filter(|(_, label)| counts(&label.name)) {
        let values = series.channel(channel);
        let rate = derivative(&resample(series.signal(&values), grid), span_s);
        squares.resize(rate.len(), 0.0);
        let span = label.scale.span as f32;
        for (sum, rate) in squares.iter_mut().zip(&rate) {
            *sum += (rate / span).powi(2);
        }
    }
    squares.into_iter().map(f32::sqrt).collect()
}

/// The offset of `stream` behind the joints.
pub(crate) fn offset(joints: &Array, stream: &Array, topic: &Topic, card: &Card) -> Vec<Measurement> {
    let (Some(reference), Some(series)) = (&joints.series, &stream.series) else { return Vec::new() };
    let filled = |name| measured(name).on(topic);
    let shared = Grid::shared(reference.times_s(), series.times_s())
        .filter(|grid| grid.len as f64 * crate::correlation::GRID_STEP_S >= MIN_SHARED_S);
    let Some(grid) = shared else {
        return vec![filled(name::OFFSET).detail("too little time shared with the joints")];
    };
    // Fingers hardly move what a wrist or a camera sees, and they lag by more than arms do.
    let of_hand = |name: &str| card.hands.iter().any(|hand| hand.joints.iter().any(|joint| joint == name));
    // One span for both, so that their derivatives are centred on the same instants.
    let span_s = typical_period(reference.times_s()).max(typical_period(series.times_s()));
    let leader = speed(joints, reference, grid, span_s, |name| !of_hand(name));
    let follower = speed(stream, series, grid, span_s, |_| true);
    let Some(lag) = lag_of_rates(&leader, &follower, RANGE_S) else {
        return vec![filled(name::OFFSET).detail("one of the two does not move")];
    };
    let correlation = filled(name::OFFSET_CORRELATION).value(lag.correlation);
    let rival = filled(name::OFFSET_RIVAL).value(lag.rival);
    if lag.correlation < MIN_CORRELATION {
        let words = format!("motion hardly agrees with the joints': correlation {:.2}", lag.correlation);
        return vec![correlation, rival, filled(name::OFFSET).detail(words)];
    }
    let doubt =
        if lag.rival > lag.correlation - 0.05 { ", ambiguous: the motion repeats itself" } else { "" };
    let words = format!("± {:.1} ms, correlation {:.2}{doubt}", lag.uncertainty_s * 1e3, lag.correlation);
    vec![correlation, rival, filled(name::OFFSET).value(lag.lag_s * 1e3).detail(words)]
}
