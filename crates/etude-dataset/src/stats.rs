//! What a dataset says of its numbers: count, extremes, mean, standard deviation and quantiles per channel.
//!
//! Minimum, maximum, count, mean and standard deviation are exact (to rounding). Quantiles are exact up to
//! [`quantile::EXACT`] values per channel and come from a sketch with a stated error beyond; see [`quantile`].

pub mod image;
pub mod quantile;

use quantile::Quantiles;

/// The quantiles that are kept, with the names they have in LeRobot's files.
pub const QUANTILES: [(&str, f64); 5] =
    [("q01", 0.01), ("q10", 0.10), ("q50", 0.50), ("q90", 0.90), ("q99", 0.99)];

/// What is said of one feature; every array is \[channel\], f64, in the feature's own unit.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    /// Lowest values.
    pub min: Vec<f64>,
    /// Highest values.
    pub max: Vec<f64>,
    /// Means.
    pub mean: Vec<f64>,
    /// Standard deviations of the population (divided by n).
    pub std: Vec<f64>,
    /// How many rows (or images) were counted.
    pub count: u64,
    /// Quantiles in the order of [`QUANTILES`], \[quantile\]\[channel\]; empty where they are not known.
    pub quantiles: [Vec<f64>; 5],
}

impl Summary {
    /// What two say together of as many channels: count, extremes, mean and deviation, exact where each is. Quantiles
    /// cannot be had from quantiles: they are not known then.
    #[must_use]
    pub fn joined(&self, other: &Self) -> Self {
        if self.count == 0 || other.count == 0 {
            return if self.count == 0 { other.clone() } else { self.clone() };
        }
        let (own, others) = (self.count as f64, other.count as f64);
        let share = others / (own + others);
        let pairs = |one: &[f64], two: &[f64], of: &dyn Fn(f64, f64) -> f64| -> Vec<f64> {
            one.iter().zip(two).map(|(one, two)| of(*one, *two)).collect()
        };
        let mean = pairs(&self.mean, &other.mean, &|one, two| one + (two - one) * share);
        let squares = pairs(&self.std, &other.std, &|one, two| one * one * (1.0 - share) + two * two * share);
        let between = pairs(&self.mean, &other.mean, &|one, two| (two - one).powi(2) * share * (1.0 - share));
        Self {
            min: pairs(&self.min, &other.min, &f64::min),
            max: pairs(&self.max, &other.max, &f64::max),
            std: pairs(&squares, &between, &|within, between| (within + between).max(0.0).sqrt()),
            mean,
            count: self.count + other.count,
            quantiles: Default::default(),
        }
    }
}

/// Collects one feature's rows.
#[derive(Clone, Debug)]
pub struct Accumulator {
    rows: u64,
    channels: Vec<Channel>,
}

#[derive(Clone, Debug)]
struct Channel {
    count: u64,
    min: f64,
    max: f64,
    mean: f64,
    /// Sum of squared differences from the mean (Welford 1962).
    squares: f64,
    quantiles: Quantiles,
}

impl Channel {
    fn new() -> Self {
        Self {
            count: 0,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
            mean: 0.0,
            squares: 0.0,
            quantiles: Quantiles::default(),
        }
    }

    fn push(&mut self, value: f64) {
        self.count += 1;
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        let difference = value - self.mean;
        self.mean += difference / self.count as f64;
        self.squares += difference * (value - self.mean);
        self.quantiles.push(value);
    }

    /// Takes all that another has taken (Chan, Golub and `LeVeque` 1979).
    fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        let (own, others) = (self.count as f64, other.count as f64);
        let difference = other.mean - self.mean;
        self.mean += difference * (others / (own + others));
        self.squares += other.squares + difference * difference * (own * others / (own + others));
        self.count += other.count;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.quantiles.merge(&other.quantiles);
    }
}

impl Accumulator {
    /// For rows of this many channels.
    pub fn new(channels: usize) -> Self {
        Self { rows: 0, channels: vec![Channel::new(); channels] }
    }

    /// Takes one row. Missing numbers (NaN) are left out of their channel's statistics; the row still counts.
    pub fn push(&mut self, row: impl IntoIterator<Item = f64>) {
        self.rows += 1;
        for (channel, value) in self.channels.iter_mut().zip(row) {
            if !value.is_nan() {
                channel.push(value);
            }
        }
    }

    /// Takes all rows that another of as many channels has taken. So what is said of several episodes together is said of
    /// their rows, not of what was said of each.
    pub fn merge(&mut self, other: &Self) {
        self.rows += other.rows;
        for (channel, other) in self.channels.iter_mut().zip(&other.channels) {
            channel.merge(other);
        }
    }

    /// How many channels a row has.
    pub fn channels(&self) -> usize {
        self.channels.len()
    }

    /// How many rows were taken.
    pub const fn rows(&self) -> u64 {
        self.rows
    }

    /// What can be said of the rows so far; a channel without a number has NaN everywhere.
    pub fn summary(&self) -> Summary {
        let all = |value: &dyn Fn(&Channel) -> f64| -> Vec<f64> {
            self.channels
                .iter()
                .map(|channel| if channel.count == 0 { f64::NAN } else { value(channel) })
                .collect()
        };
        let mut quantiles: [Vec<f64>; 5] = std::array::from_fn(|_| Vec::with_capacity(self.channels.len()));
        for channel in &self.channels {
            let values = channel.quantiles.quantiles(&QUANTILES.map(|(_, share)| share));
            for (all, value) in quantiles.iter_mut().zip(values) {
                all.push(value);
            }
        }
        Summary {
            min: all(&|channel| channel.min),
            max: all(&|channel| channel.max),
            mean: all(&|channel| channel.mean),
            std: all(&|channel| (channel.squares / channel.count as f64).max(0.0).sqrt()),
            count: self.rows,
            quantiles,
        }
    }

    /// Highest share of ranks by which a quantile may be off; 0 while they are exact.
    pub fn rank_error(&self) -> f64 {
        self.channels.iter().map(|channel| channel.quantiles.rank_error()).fold(0.0, f64::max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn naive(values: &[f64]) -> (f64, f64, f64, f64) {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let variance = values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / n;
        let min = values.iter().copied().fold(f64::INFINITY, f64::min);
        (min, values.iter().copied().fold(f64::NEG_INFINITY, f64::max), mean, variance.sqrt())
    }

    proptest! {
        #[test]
        fn equals_the_naive_computation(values in prop::collection::vec(-1e3..1e3f64, 1..400)) {
            let mut accumulator = Accumulator::new(1);
            for value in &values {
                accumulator.push([*value]);
            }
            let (min, max, mean, std) = naive(&values);
            let summary = accumulator.summary();
            prop_assert_eq!(summary.min[0], min);
            prop_assert_eq!(summary.max[0], max);
            prop_assert!((summary.mean[0] - mean).abs() < 1e-9);
            prop_assert!((summary.std[0] - std).abs() < 1e-9);
            prop_assert_eq!(summary.count, values.len() as u64);
        }
    }

    fn of(values: impl IntoIterator<Item = f64>) -> Accumulator {
        let mut accumulator = Accumulator::new(1);
        for value in values {
            accumulator.push([value]);
        }
        accumulator
    }

    proptest! {
        #[test]
        fn merged_parts_say_what_the_whole_says(
            parts in prop::collection::vec(prop::collection::vec(-1e3..1e3f64, 0..80), 1..6),
        ) {
            let mut merged = Accumulator::new(1);
            for part in &parts {
                merged.merge(&of(part.iter().copied()));
            }
            let whole: Vec<f64> = parts.concat();
            prop_assert_eq!(merged.rows(), whole.len() as u64);
            if !whole.is_empty() {
                let (min, max, mean, std) = naive(&whole);
                let summary = merged.summary();
                prop_assert_eq!((summary.min[0], summary.max[0]), (min, max));
                prop_assert!((summary.mean[0] - mean).abs() < 1e-9 && (summary.std[0] - std).abs() < 1e-9);
                prop_assert_eq!(summary.quantiles, of(whole).summary().quantiles);
            }
        }
    }

    #[test]
    fn joined_summaries_say_what_the_rows_say() {
        let (one, two) = (of((0..7).map(f64::from)), of((3..50).map(|value| f64::from(value) * 0.3)));
        let mut whole = one.clone();
        whole.merge(&two);
        let (joined, whole) = (one.summary().joined(&two.summary()), whole.summary());
        assert_eq!((joined.count, &joined.min, &joined.max), (whole.count, &whole.min, &whole.max));
        assert!(
            (joined.mean[0] - whole.mean[0]).abs() < 1e-12 && (joined.std[0] - whole.std[0]).abs() < 1e-12
        );
        assert!(joined.quantiles.iter().all(Vec::is_empty));
        assert_eq!(Summary::default().joined(&whole), whole);
    }

    #[test]
    fn quantiles_of_two_halves_are_not_averaged() {
        let mut merged = of((0..150).map(f64::from));
        merged.merge(&of((150..300).map(f64::from)));
        let found: Vec<f64> = merged.summary().quantiles.iter().map(|values| values[0]).collect();
        for (found, expected) in found.iter().zip([2.99, 29.9, 149.5, 269.1, 296.01]) {
            assert!((found - expected).abs() < 1e-9, "{found} {expected}");
        }
    }

    #[test]
    fn missing_numbers_are_left_out() {
        let mut accumulator = Accumulator::new(2);
        accumulator.push([1.0, f64::NAN]);
        accumulator.push([3.0, f64::NAN]);
        let summary = accumulator.summary();
        assert_eq!(summary.mean[0], 2.0);
        assert!(summary.mean[1].is_nan() && summary.quantiles[2][1].is_nan());
        assert_eq!(summary.count, 2);
    }
}
