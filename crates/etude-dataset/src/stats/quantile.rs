//! Quantiles: exact while the values fit, then a sketch of bounded size with a bounded error.
//!
//! Up to [`EXACT`] values are kept and quantiles are those of the values themselves, interpolated linearly between
//! neighbours. Beyond, values go through compactors (Manku, Rajagopalan and Lindsay, "Approximate medians and other
//! quantiles in one pass and with limited memory", 1998): a full buffer of [`BUFFER`] values of weight w is sorted and
//! every second value moves on with weight 2 w. Each such step moves a rank by at most w, so a quantile of n values is
//! off by at most log2(n / BUFFER) / BUFFER of all ranks: 0.03 % for a million values, 0.08 % for a hundred million.
//! Two sketches merge into one with the same bound, because a buffer is compacted only when it is full.

/// How many values are kept as they are.
pub const EXACT: usize = 262_144;

/// Values in one buffer of the sketch.
pub const BUFFER: usize = 16_384;

/// Quantiles of one channel.
#[derive(Clone, Debug, Default)]
pub struct Quantiles {
    count: u64,
    /// Every value, while there are at most [`EXACT`]; later the sketch's buffer of weight 1.
    values: Vec<f64>,
    /// Buffers of weight 2, 4, 8, …; empty while exact.
    levels: Vec<Vec<f64>>,
    /// Whether the next compaction keeps odd or even places; alternates, so that errors cancel.
    odd: bool,
}

impl Quantiles {
    /// Takes a number that is not NaN.
    pub fn push(&mut self, value: f64) {
        self.count += 1;
        self.values.push(value);
        if self.is_exact() {
            if self.values.len() > EXACT {
                self.begin_sketch();
            }
        } else if self.values.len() >= BUFFER {
            self.compact(0);
        }
    }

    /// Takes all that another has taken. The bound of the error is that of one sketch that took everything.
    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        if self.is_exact() && other.is_exact() && self.values.len() + other.values.len() <= EXACT {
            self.values.extend_from_slice(&other.values);
            return;
        }
        if self.is_exact() {
            self.begin_sketch();
        }
        self.add(0, &other.values);
        for (level, buffer) in (1..).zip(&other.levels) {
            self.add(level, buffer);
        }
    }

    fn is_exact(&self) -> bool {
        self.levels.is_empty()
    }

    fn begin_sketch(&mut self) {
        let all = std::mem::take(&mut self.values);
        self.levels.push(Vec::new());
        self.add(0, &all);
    }

    /// Values of weight 2^level.
    fn add(&mut self, level: usize, values: &[f64]) {
        for part in values.chunks(BUFFER) {
            self.buffer(level).extend_from_slice(part);
            self.compact(level);
        }
    }

    fn buffer(&mut self, level: usize) -> &mut Vec<f64> {
        let Some(above) = level.checked_sub(1) else { return &mut self.values };
        if self.levels.len() < level {
            self.levels.resize(level, Vec::new());
        }
        &mut self.levels[above]
    }

    /// Where a buffer is full, every second of its values moves on; of an odd number the last one stays.
    fn compact(&mut self, level: usize) {
        for level in level.. {
            let buffer = self.buffer(level);
            if buffer.len() < BUFFER {
                return;
            }
            let mut full = std::mem::take(buffer);
            full.sort_unstable_by(f64::total_cmp);
            if full.len() % 2 == 1 {
                buffer.extend(full.pop());
            }
            let skip = usize::from(self.odd);
            self.odd = !self.odd;
            self.buffer(level + 1).extend(full.into_iter().skip(skip).step_by(2));
        }
    }

    /// Highest share of ranks by which a quantile may be off; 0 while exact.
    pub fn rank_error(&self) -> f64 {
        if self.is_exact() {
            return 0.0;
        }
        ((self.count as f64 / BUFFER as f64).log2().ceil().max(1.0)) / BUFFER as f64
    }

    /// The values below which these shares (0..1) of all values lie; NaN where there are none.
    pub fn quantiles(&self, shares: &[f64]) -> Vec<f64> {
        if self.count == 0 {
            return vec![f64::NAN; shares.len()];
        }
        if self.is_exact() {
            return exact(&self.values, shares);
        }
        let mut weighted: Vec<(f64, u64)> = self.values.iter().map(|value| (*value, 1)).collect();
        for (level, buffer) in self.levels.iter().enumerate() {
            weighted.extend(buffer.iter().map(|value| (*value, 2u64 << level)));
        }
        weighted.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        shares.iter().map(|share| interpolate(&weighted, *share)).collect()
    }
}

/// The same of values that all count once: only those at the ranks are put into their places.
fn exact(values: &[f64], shares: &[f64]) -> Vec<f64> {
    let mut keys: Vec<i64> = values.iter().map(|value| folded(value.to_bits() as i64)).collect();
    let last = keys.len() - 1;
    let rank = |share: &f64| share.clamp(0.0, 1.0) * last as f64;
    let mut places: Vec<usize> =
        shares.iter().flat_map(|share| [rank(share).floor() as usize, rank(share).ceil() as usize]).collect();
    places.sort_unstable();
    places.dedup();
    place(&mut keys, 0, &places);
    let at = |rank: f64| keys.get(rank as usize).map_or(f64::NAN, |key| f64::from_bits(folded(*key) as u64));
    let between = |share: &f64| {
        let (below, above) = (at(rank(share).floor()), at(rank(share).ceil()));
        if rank(share).fract() > 0.0 { below + (above - below) * rank(share).fract() } else { below }
    };
    shares.iter().map(between).collect()
}

/// The bits of a number as a whole number in the order of `f64::total_cmp`, which compares faster; and back again.
const fn folded(bits: i64) -> i64 {
    bits ^ ((bits >> 63) & i64::MAX)
}

/// Puts the values at some places, ascending and counted from `first`, where sorting would put them; the middle one parts the
/// values for the others.
fn place(values: &mut [i64], first: usize, places: &[usize]) {
    let Some(middle) = places.get(places.len() / 2) else { return };
    let (before, after) = (places.get(..places.len() / 2), places.get(places.len() / 2 + 1..));
    let (lower, _, higher) = values.select_nth_unstable(middle - first);
    place(lower, first, before.unwrap_or_default());
    place(higher, middle + 1, after.unwrap_or_default());
}

/// Linear interpolation at rank `share * (n - 1)`, as `numpy.quantile` does it.
fn interpolate(sorted: &[(f64, u64)], share: f64) -> f64 {
    let total: u64 = sorted.iter().map(|(_, weight)| weight).sum();
    let rank = share.clamp(0.0, 1.0) * (total.saturating_sub(1)) as f64;
    let (lower, part) = (rank.floor() as u64, rank.fract());
    let below = at_rank(sorted, lower);
    if part == 0.0 {
        return below;
    }
    let above = at_rank(sorted, lower + 1);
    below + (above - below) * part
}

fn at_rank(sorted: &[(f64, u64)], rank: u64) -> f64 {
    let mut before = 0;
    for (value, weight) in sorted {
        before += weight;
        if before > rank {
            return *value;
        }
    }
    sorted.last().map_or(f64::NAN, |(value, _)| *value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn small_data_are_exact(mut values in prop::collection::vec(-1e3..1e3f64, 1..300), share in 0.0..1.0f64) {
            let mut quantiles = Quantiles::default();
            for value in &values {
                quantiles.push(*value);
            }
            let found = quantiles.quantiles(&[share])[0];
            values.sort_by(f64::total_cmp);
            let rank = share * (values.len() - 1) as f64;
            let (low, high) = (values[rank.floor() as usize], values[rank.ceil() as usize]);
            let expected = low + (high - low) * rank.fract();
            prop_assert!((found - expected).abs() < 1e-9, "{found} {expected}");
        }
    }

    /// A permutation of 0..n, where n has no factor in common with the multiplier.
    fn permuted(n: u64) -> impl Iterator<Item = f64> {
        (0..n).map(move |i| (i * 700_001 % n) as f64)
    }

    fn of(values: impl IntoIterator<Item = f64>) -> Quantiles {
        let mut quantiles = Quantiles::default();
        for value in values {
            quantiles.push(value);
        }
        quantiles
    }

    proptest! {
        #[test]
        fn merged_small_data_are_exact(
            parts in prop::collection::vec(prop::collection::vec(-1e3..1e3f64, 0..60), 1..8), share in 0.0..1.0f64,
        ) {
            let mut merged = Quantiles::default();
            for part in &parts {
                merged.merge(&of(part.iter().copied()));
            }
            let whole = of(parts.iter().flatten().copied());
            prop_assert_eq!(merged.count, whole.count);
            let (found, expected) = (merged.quantiles(&[share])[0], whole.quantiles(&[share])[0]);
            prop_assert!(found == expected || (found.is_nan() && expected.is_nan()), "{} {}", found, expected);
        }
    }

    #[test]
    fn merged_large_data_keep_the_stated_error() {
        let n = 1_500_000u64;
        let all: Vec<f64> = permuted(n).collect();
        // Parts that are kept whole, parts that are sketches, in one order and in the other.
        for lengths in [vec![1_000, 700_001, 40_001, 758_998], vec![5_000; 300], vec![750_000, 750_000]] {
            let mut rest = &all[..];
            let mut parts: Vec<Quantiles> = Vec::new();
            for length in lengths {
                let (part, left) = rest.split_at(length);
                parts.push(of(part.iter().copied()));
                rest = left;
            }
            assert!(rest.is_empty());
            for reversed in [false, true] {
                let mut merged = Quantiles::default();
                if reversed {
                    parts.reverse();
                }
                for part in &parts {
                    merged.merge(part);
                }
                assert_eq!(merged.count, n);
                let weight = merged.values.len() as u64
                    + (1..)
                        .zip(&merged.levels)
                        .map(|(level, kept)| (kept.len() as u64) << level)
                        .sum::<u64>();
                assert_eq!(weight, n, "every value is counted");
                for share in [0.01, 0.1, 0.5, 0.9, 0.99] {
                    let off = (merged.quantiles(&[share])[0] / n as f64 - share).abs();
                    assert!(off <= merged.rank_error(), "{share}: off by {off}");
                }
                assert!(merged.levels.iter().all(|level| level.len() < BUFFER));
            }
        }
    }

    #[test]
    fn large_data_keep_the_stated_error() {
        let n = 1_500_000u64;
        let quantiles = of(permuted(n));
        let shares = [0.01, 0.1, 0.5, 0.9, 0.99];
        assert!(quantiles.rank_error() > 0.0 && quantiles.rank_error() < 1e-3);
        for (share, found) in shares.iter().zip(quantiles.quantiles(&shares)) {
            let off = (found / n as f64 - share).abs();
            assert!(off <= quantiles.rank_error(), "{share}: off by {off}");
        }
        let kept: usize = quantiles.values.len() + quantiles.levels.iter().map(Vec::len).sum::<usize>();
        assert!(kept < 8 * BUFFER, "{kept} values are kept");
    }
}
