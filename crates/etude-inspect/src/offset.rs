//! Offsets between streams: how much later one stream's motion is than that of the joints.

use crate::array::{Array, Label};
use crate::correlation::{Grid, derivative, lag_of_rates, resample, typical_period};
use crate::definition::{Fill, measured, name};
use crate::joints::Of;
use crate::series::Series;
use etude_model::{Measurement, Topic};

/// Offsets that are searched, s.
const RANGE_S: (f64, f64) = (-3.0, 3.0);
/// Shortest shared time that an offset is looked for in, s.
const MIN_SHARED_S: f64 = 4.0;
/// Correlation below which no offset is given. Speeds are never negative, so that two motions which have nothing to do with
/// one another agree at some lag: in 24 simulated takes of three robots a hand that rests agreed with the joints by 0.30 to 0.37
/// seconds away from the truth, every hand that works by 0.48 or more at its true lag.
const MIN_CORRELATION: f64 = 0.45;

/// Adds the squares of the speeds of an array's channels, each over the channel's span, to `squares`, \[grid step\].
fn add_speeds(
    squares: &mut Vec<f32>,
    array: &Array,
    grid: Grid,
    span_s: f64,
    counts: impl Fn(&Label) -> bool,
) {
    let Some(series) = &array.series else { return };
    let channels = array.labels.iter().enumerate().take(series.channels());
    for (channel, label) in channels.filter(|(_, label)| counts(label)) {
        let values = series.channel(channel);
        let rate = derivative(&resample(series.signal(&values), grid), span_s);
        squares.resize(rate.len(), 0.0);
        let span = label.scale.span as f32;
        for (sum, rate) in squares.iter_mut().zip(&rate) {
            *sum += (rate / span).powi(2);
        }
    }
}

/// The offset of `stream` behind the joints of all streams of states.
pub(crate) fn offset(states: &[Of<'_>], stream: &Array, topic: &Topic) -> Vec<Measurement> {
    // Fingers hardly move what a wrist or a camera sees, and they lag by more than arms do.
    let has_arm = |of: &&Of<'_>| of.array.labels.iter().any(|label| !label.of_hand);
    let joints: Vec<&Array> = states.iter().filter(has_arm).map(|of| of.array).collect();
    let mut times: Vec<&[f64]> =
        joints.iter().filter_map(|of| of.series.as_ref()).map(Series::times_s).collect();
    let (false, Some(series)) = (times.is_empty(), &stream.series) else { return Vec::new() };
    times.push(series.times_s());
    let filled = |name| measured(name).on(topic);
    let shared =
        Grid::over(&times).filter(|grid| grid.len as f64 * crate::correlation::GRID_STEP_S >= MIN_SHARED_S);
    let Some(grid) = shared else {
        return vec![filled(name::OFFSET).detail("too little time shared with the joints")];
    };
    // One span for all, so that their derivatives are centred on the same instants.
    let span_s = times.iter().map(|times| typical_period(times)).fold(0.0, f64::max);
    let (mut leader, mut follower) = (Vec::new(), Vec::new());
    for array in joints {
        add_speeds(&mut leader, array, grid, span_s, |label| !label.of_hand);
    }
    add_speeds(&mut follower, stream, grid, span_s, |_| true);
    leader.iter_mut().chain(&mut follower).for_each(|square| *square = square.sqrt());
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
