//! A histogram of non-negative whole numbers in bounded memory, from which percentiles are read.
//!
//! Buckets are one 4096th of their power of two wide and remember the sum of what fell into them, so a percentile is exact
//! where all values of a bucket are equal and within 0.025 % otherwise.

use std::collections::BTreeMap;

/// Bits of a value that choose its bucket within a power of two.
const BITS: u32 = 12;

/// Counts of values, by bucket.
#[derive(Clone, Debug, Default)]
pub(crate) struct Histogram {
    buckets: BTreeMap<u32, Bucket>,
    count: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Bucket {
    count: u64,
    sum: f64,
}

impl Bucket {
    fn mean(self) -> f64 {
        self.sum / self.count.max(1) as f64
    }
}

impl Histogram {
    /// Adds a value.
    pub(crate) fn push(&mut self, value: u64) {
        let bucket = self.buckets.entry(index(value)).or_default();
        bucket.count += 1;
        bucket.sum += value as f64;
        self.count += 1;
    }

    /// How many values were added.
    pub(crate) const fn count(&self) -> u64 {
        self.count
    }

    /// The value below or at which a share of all values lies (nearest rank).
    pub(crate) fn percentile(&self, share: f64) -> Option<f64> {
        percentile(self.buckets.values().map(|bucket| (bucket.mean(), bucket.count)), self.count, share)
    }

    /// The same percentile of the distances of all values from `centre`.
    pub(crate) fn percentile_around(&self, centre: f64, share: f64) -> Option<f64> {
        let mut distances: Vec<(f64, u64)> =
            self.buckets.values().map(|bucket| ((bucket.mean() - centre).abs(), bucket.count)).collect();
        distances.sort_by(|a, b| a.0.total_cmp(&b.0));
        percentile(distances.into_iter(), self.count, share)
    }

    /// How many values lie above a bound (by the means of their buckets).
    pub(crate) fn count_above(&self, bound: f64) -> u64 {
        self.buckets.values().filter(|bucket| bucket.mean() > bound).map(|bucket| bucket.count).sum()
    }
}

fn percentile(sorted: impl Iterator<Item = (f64, u64)>, count: u64, share: f64) -> Option<f64> {
    let rank = ((share * count as f64).ceil() as u64).clamp(1, count.max(1));
    let mut seen = 0;
    for (value, times) in sorted {
        seen += times;
        if seen >= rank {
            return Some(value);
        }
    }
    None
}

/// Monotone in the value: values below 4096 each have a bucket, larger ones share it with what agrees in 13 leading bits.
const fn index(value: u64) -> u32 {
    let width = u64::BITS - value.leading_zeros();
    if width <= BITS {
        return value as u32;
    }
    let shift = width - BITS - 1;
    ((shift + 1) << BITS) | ((value >> shift) & ((1 << BITS) - 1)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_of_equal_values_are_exact() {
        let mut histogram = Histogram::default();
        (0..100).for_each(|_| histogram.push(33_333_333));
        assert_eq!(histogram.percentile(0.5), Some(33_333_333.0));
        assert_eq!(histogram.percentile_around(33_333_333.0, 0.99), Some(0.0));
    }

    #[test]
    fn percentiles_are_within_a_quarter_per_mille() {
        let mut histogram = Histogram::default();
        (1..=100_000u64).for_each(|value| histogram.push(value * 1000));
        let median = histogram.percentile(0.5).expect("values");
        assert!((median / 50_000_000.0 - 1.0).abs() < 2.5e-4, "{median}");
        assert_eq!(histogram.count_above(1e12), 0);
    }

    #[test]
    fn buckets_are_monotone() {
        let mut last = 0;
        for value in (0..10_000).chain((10_000..10_000_000).step_by(977)) {
            assert!(index(value) >= last, "{value}");
            last = index(value);
        }
        assert!(index(u64::MAX) > last);
    }

    #[test]
    fn nothing_has_no_percentile() {
        assert_eq!(Histogram::default().percentile(0.5), None);
    }
}
