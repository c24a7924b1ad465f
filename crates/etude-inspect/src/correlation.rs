//! How far one motion runs behind another, by cross-correlation with a sub-sample peak.
//!
//! Both signals are brought to one grid of 200 Hz by linear interpolation and differentiated over a span of at least 20 ms.
//! The lag is where the normalised cross-correlation of the two is highest; a parabola through the peak and its
//! neighbours gives it to a fraction of a grid step.

/// Spacing of the common grid, s.
pub const GRID_STEP_S: f64 = 0.005;
/// Shortest span a derivative is taken over, s; quantisation of positions is noise below it.
const DERIVATIVE_SPAN_S: f64 = 0.02;
/// Grid steps that are averaged for the first, coarse search.
const COARSE: usize = 5;
/// How much correlation a lag at the end of the search range must have more than one at 0 to be preferred.
const NEARNESS: f64 = 0.05;
/// Distance from which another peak counts as a rival, s.
const RIVAL_S: f64 = 0.4;
/// Fewest grid steps that two signals must share at a lag.
const MIN_OVERLAP: usize = 100;

/// Where one signal fits another best.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lag {
    /// How much later the follower is than the leader, s.
    pub lag_s: f64,
    /// Normalised cross-correlation at that lag, -1..1.
    pub correlation: f64,
    /// Least-squares factor from the leader's derivative to the follower's.
    pub gain: f64,
    /// Standard deviation of the lag, s: `sqrt((1 - r²) / (r² · T β³ / π))`, where r is the correlation, T the shared
    /// time and β² the curvature of the peak over its height (the Cramér-Rao form of Knapp & Carter, "The generalized
    /// correlation method for estimation of time delay", IEEE Trans. ASSP 24(4), 1976, with T β / π independent samples).
    pub uncertainty_s: f64,
    /// Highest correlation at another peak, at least 0.4 s away: near `correlation` where the motion repeats itself and the
    /// lag is ambiguous. -1 where there is none.
    pub rival: f64,
}

/// A signal with its own times.
#[derive(Clone, Copy, Debug)]
pub struct Signal<'a> {
    /// Times, \[sample\], s, ascending.
    pub times_s: &'a [f64],
    /// Values, \[sample\]; NaN: missing, the value before it is held.
    pub values: &'a [f32],
}

/// A common grid of instants.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Grid {
    /// The first instant, s.
    pub start_s: f64,
    /// Number of instants.
    pub len: usize,
}

impl Grid {
    /// The grid over the time that both series of instants cover.
    pub fn shared(a: &[f64], b: &[f64]) -> Option<Self> {
        Self::over(&[a, b])
    }

    /// The grid over the time that all series of instants cover; `None` where that is too short or one is empty.
    pub fn over(times_s: &[&[f64]]) -> Option<Self> {
        let (mut start_s, mut end_s) = (f64::NEG_INFINITY, f64::INFINITY);
        for times in times_s {
            start_s = start_s.max(*times.first()?);
            end_s = end_s.min(*times.last()?);
        }
        if times_s.is_empty() {
            return None;
        }
        let len = ((end_s - start_s) / GRID_STEP_S).floor();
        (len >= MIN_OVERLAP as f64).then_some(Self { start_s, len: len as usize + 1 })
    }
}

/// The signal at the grid's instants, linear between samples.
pub fn resample(signal: Signal<'_>, grid: Grid) -> Vec<f32> {
    let mut out = Vec::with_capacity(grid.len);
    let pairs: Vec<(f64, f32)> = held(signal);
    let mut at = 0;
    for i in 0..grid.len {
        let t = grid.start_s + i as f64 * GRID_STEP_S;
        while pairs.get(at + 1).is_some_and(|next| next.0 <= t) {
            at += 1;
        }
        let value = match (pairs.get(at), pairs.get(at + 1)) {
            (Some(&(t0, v0)), Some(&(t1, v1))) if t1 > t0 => {
                let share = ((t - t0) / (t1 - t0)).clamp(0.0, 1.0);
                (f64::from(v0) + share * f64::from(v1 - v0)) as f32
            }
            (Some(&(_, v)), _) => v,
            (None, _) => 0.0,
        };
        out.push(value);
    }
    out
}

fn held(signal: Signal<'_>) -> Vec<(f64, f32)> {
    let first = signal.values.iter().copied().find(|value| value.is_finite()).unwrap_or(0.0);
    let mut last = first;
    let both = signal.times_s.iter().zip(signal.values);
    both.map(|(t, value)| {
        if value.is_finite() {
            last = *value;
        }
        (*t, last)
    })
    .collect()
}

/// Change per second over `span_s` around each instant (at least 20 ms); shorter than the input by that span.
pub fn derivative(values: &[f32], span_s: f64) -> Vec<f32> {
    let steps = derivative_steps(span_s);
    let scale = 1.0 / (steps as f64 * GRID_STEP_S);
    let later = values.iter().skip(steps);
    values.iter().zip(later).map(|(a, b)| (f64::from(b - a) * scale) as f32).collect()
}

/// The number of grid steps that [`derivative`] spans.
fn derivative_steps(span_s: f64) -> usize {
    (span_s.max(DERIVATIVE_SPAN_S) / GRID_STEP_S).round() as usize
}

/// Lag of the follower's motion behind the leader's, searched from `range_s.0` to `range_s.1`; `None` where they share
/// too little time or one of them does not move.
pub fn lag_of_motion(leader: Signal<'_>, follower: Signal<'_>, range_s: (f64, f64)) -> Option<Lag> {
    let grid = Grid::shared(leader.times_s, follower.times_s)?;
    let span_s = typical_period(leader.times_s).max(typical_period(follower.times_s));
    let leader = derivative(&resample(leader, grid), span_s);
    let follower = derivative(&resample(follower, grid), span_s);
    lag_of_rates(&leader, &follower, range_s)
}

/// Lag between two signals that are rates already, both on one grid.
pub fn lag_of_rates(leader: &[f32], follower: &[f32], range_s: (f64, f64)) -> Option<Lag> {
    let coarse_step = GRID_STEP_S * COARSE as f64;
    let (low, high) = steps(range_s, coarse_step);
    let (a, b) = (averaged(leader), averaged(follower));
    let coarse = curve(&a, &b, low, high, MIN_OVERLAP / COARSE);
    let reach_s = range_s.0.abs().max(range_s.1.abs());
    let best = highest(&coarse, |lag| NEARNESS * (lag as f64 * coarse_step).abs() / reach_s)?.0;
    let rival = rival(&coarse, best, (RIVAL_S / coarse_step) as u64);
    let centre = best * COARSE as i64;
    let reach = 2 * COARSE as i64;
    let (best, fit) =
        highest(&curve(leader, follower, centre - reach, centre + reach, MIN_OVERLAP), |_| 0.0)?;
    let before = correlate(leader, follower, best - 1, MIN_OVERLAP)?.correlation;
    let after = correlate(leader, follower, best + 1, MIN_OVERLAP)?.correlation;
    let bend = before - 2.0 * fit.correlation + after;
    let shift = if bend < 0.0 { (0.5 * (before - after) / bend).clamp(-0.5, 0.5) } else { 0.0 };
    let time_s = leader.len() as f64 * GRID_STEP_S;
    Some(Lag {
        lag_s: (best as f64 + shift) * GRID_STEP_S,
        correlation: fit.correlation,
        gain: fit.gain,
        uncertainty_s: uncertainty(fit.correlation, -bend / (GRID_STEP_S * GRID_STEP_S), time_s),
        rival,
    })
}

/// The median spacing of instants, s; 0 for fewer than two.
pub fn typical_period(times_s: &[f64]) -> f64 {
    let mut spacing: Vec<f64> =
        times_s.windows(2).filter_map(|pair| Some(pair.get(1)? - pair.first()?)).collect();
    spacing.sort_by(f64::total_cmp);
    spacing.get(spacing.len() / 2).copied().unwrap_or(0.0)
}

fn steps(range_s: (f64, f64), step: f64) -> (i64, i64) {
    ((range_s.0 / step).floor() as i64, (range_s.1 / step).ceil() as i64)
}

fn averaged(values: &[f32]) -> Vec<f32> {
    values.chunks_exact(COARSE).map(|chunk| chunk.iter().sum::<f32>() / COARSE as f32).collect()
}

fn uncertainty(correlation: f64, curvature: f64, time_s: f64) -> f64 {
    let beta = (curvature / correlation).max(0.0).sqrt();
    let squared = correlation * correlation;
    let information = squared * time_s * beta.powi(3) / std::f64::consts::PI;
    if information > 0.0 { ((1.0 - squared).max(0.0) / information).sqrt() } else { f64::INFINITY }
}

#[derive(Clone, Copy)]
struct Fit {
    correlation: f64,
    gain: f64,
}

/// The fit at every lag from `low` to `high` that leaves enough overlap.
fn curve(a: &[f32], b: &[f32], low: i64, high: i64, min_overlap: usize) -> Vec<(i64, Fit)> {
    (low..=high).filter_map(|lag| Some((lag, correlate(a, b, lag, min_overlap)?))).collect()
}

/// The lag of the highest correlation less a handicap.
fn highest(curve: &[(i64, Fit)], handicap: impl Fn(i64) -> f64) -> Option<(i64, Fit)> {
    let score = |at: &(i64, Fit)| at.1.correlation - handicap(at.0);
    curve.iter().copied().max_by(|x, y| score(x).total_cmp(&score(y)))
}

/// The highest correlation at a peak that is at least `distance` lags from `best`.
fn rival(curve: &[(i64, Fit)], best: i64, distance: u64) -> f64 {
    let peaks = curve.windows(3).filter_map(|three| match three {
        [before, here, after] => {
            let r = here.1.correlation;
            let is_peak = r >= before.1.correlation && r >= after.1.correlation;
            (is_peak && here.0.abs_diff(best) >= distance).then_some(r)
        }
        _ => None,
    });
    peaks.fold(-1.0, f64::max)
}

/// Pearson's correlation of `a[i]` with `b[i + lag]` over what both have.
fn correlate(a: &[f32], b: &[f32], lag: i64, min_overlap: usize) -> Option<Fit> {
    let skip = lag.unsigned_abs() as usize;
    let (a, b) = if lag >= 0 { (a, b.get(skip..)?) } else { (a.get(skip..)?, b) };
    let n = a.len().min(b.len());
    if n < min_overlap {
        return None;
    }
    let (mut sa, mut sb, mut saa, mut sbb, mut sab) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for (x, y) in a.iter().zip(b) {
        let (x, y) = (f64::from(*x), f64::from(*y));
        sa += x;
        sb += y;
        saa += x * x;
        sbb += y * y;
        sab += x * y;
    }
    let n = n as f64;
    let (vaa, vbb, vab) = (saa - sa * sa / n, sbb - sb * sb / n, sab - sa * sb / n);
    if vaa <= saa * 1e-9 || vbb <= sbb * 1e-9 {
        return None;
    }
    Some(Fit { correlation: vab / (vaa * vbb).sqrt(), gain: vab / vaa })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A band-limited motion: a few sines of unrelated frequencies, none above 1.3 Hz.
    fn motion(t: f64) -> f64 {
        (t * 2.1).sin() + 0.6 * (t * 3.7 + 1.0).sin() + 0.3 * (t * 7.9 + 2.0).sin()
    }

    fn sampled(rate_hz: f64, phase_s: f64, lag_s: f64, duration_s: f64) -> (Vec<f64>, Vec<f32>) {
        let n = (duration_s * rate_hz) as usize;
        let times: Vec<f64> = (0..n).map(|i| phase_s + i as f64 / rate_hz).collect();
        let values = times.iter().map(|t| motion(t - lag_s) as f32).collect();
        (times, values)
    }

    fn found(rate_hz: f64, phase_s: f64, lag_s: f64, seconds: f64) -> Lag {
        let (ta, va) = sampled(rate_hz, 0.0, 0.0, seconds);
        let (tb, vb) = sampled(rate_hz, phase_s, lag_s, seconds);
        let a = Signal { times_s: &ta, values: &va };
        let b = Signal { times_s: &tb, values: &vb };
        lag_of_motion(a, b, (-0.5, 1.5)).expect("both move")
    }

    #[test]
    fn a_tenth_of_a_second_at_30_hz_is_found_to_5_ms() {
        for lag_s in [0.0, 0.1, 0.117, 0.133, 0.35] {
            for phase_s in [0.0, 0.011] {
                let lag = found(30.0, phase_s, lag_s, 10.0);
                assert!((lag.lag_s - lag_s).abs() < 0.005, "{lag_s} at phase {phase_s}: {lag:?}");
                assert!(lag.correlation > 0.99 && (lag.gain - 1.0).abs() < 0.05, "{lag:?}");
            }
        }
    }

    #[test]
    fn five_ms_are_seen_between_200_hz_streams() {
        for lag_s in [-0.005, 0.0, 0.0025, 0.005, 0.01] {
            let lag = found(200.0, 0.001, lag_s, 10.0);
            assert!((lag.lag_s - lag_s).abs() < 0.001, "{lag_s}: {lag:?}");
        }
    }

    #[test]
    fn gain_is_the_share_of_the_motion_that_arrives() {
        let (t, v) = sampled(100.0, 0.0, 0.0, 10.0);
        let half: Vec<f32> = v.iter().map(|x| 0.5 * x).collect();
        let lag = lag_of_motion(
            Signal { times_s: &t, values: &v },
            Signal { times_s: &t, values: &half },
            (-0.5, 0.5),
        );
        assert!((lag.expect("both move").gain - 0.5).abs() < 1e-3);
    }

    #[test]
    fn stillness_and_short_takes_have_no_lag() {
        let (t, v) = sampled(100.0, 0.0, 0.0, 10.0);
        let still = vec![0.3; t.len()];
        let a = Signal { times_s: &t, values: &v };
        assert_eq!(lag_of_motion(a, Signal { times_s: &t, values: &still }, (-0.5, 0.5)), None);
        let (t, v) = sampled(100.0, 0.0, 0.0, 0.3);
        let short = Signal { times_s: &t, values: &v };
        assert_eq!(lag_of_motion(short, short, (-0.1, 0.1)), None);
    }

    #[test]
    fn noise_widens_the_uncertainty() {
        let (t, v) = sampled(100.0, 0.0, 0.0, 10.0);
        // A small linear congruential generator: the noise is the same in every run.
        let mut state = 1u32;
        let noisy: Vec<f32> = v
            .iter()
            .map(|x| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                x + 0.02 * (f64::from(state) / f64::from(u32::MAX) - 0.5) as f32
            })
            .collect();
        let clean = Signal { times_s: &t, values: &v };
        let noisy = Signal { times_s: &t, values: &noisy };
        let exact = lag_of_motion(clean, clean, (-0.5, 0.5)).expect("both move");
        let rough = lag_of_motion(clean, noisy, (-0.5, 0.5)).expect("both move");
        assert!(rough.uncertainty_s > exact.uncertainty_s, "{exact:?} {rough:?}");
        assert!(rough.lag_s.abs() < 0.01);
    }
}
