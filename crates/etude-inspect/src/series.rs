//! A bounded copy of an array's motion, thinned to 200 Hz, for measurements that compare two streams.

use crate::correlation::Signal;

/// Least spacing of kept samples, ns: 5 ms with a little room for jitter, so that a stream of 200 Hz is kept whole.
const MIN_STEP_NS: i64 = 4_500_000;
/// Most samples kept: two minutes at 200 Hz. What comes after is not looked at by the measurements that compare streams.
const MAX_ROWS: usize = 24_000;

/// Samples of one array.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    channels: usize,
    last_ns: Option<i64>,
    times_s: Vec<f64>,
    /// \[row, channel\].
    values: Vec<f32>,
}

impl Series {
    pub(crate) const fn new(channels: usize) -> Self {
        Self { channels, last_ns: None, times_s: Vec::new(), values: Vec::new() }
    }

    /// Adds one sample, \[channel\], unless it is too soon after the last one or one too many.
    pub(crate) fn push(&mut self, host_ns: i64, values: &[f64]) {
        let soon = self.last_ns.is_some_and(|last| host_ns.saturating_sub(last) < MIN_STEP_NS);
        if soon || self.times_s.len() >= MAX_ROWS || values.len() != self.channels {
            return;
        }
        self.last_ns = Some(host_ns);
        self.times_s.push(host_ns as f64 * 1e-9);
        self.values.extend(values.iter().map(|value| *value as f32));
    }

    /// Host times of the kept samples, s.
    pub(crate) fn times_s(&self) -> &[f64] {
        &self.times_s
    }

    /// Number of channels.
    pub(crate) const fn channels(&self) -> usize {
        self.channels
    }

    /// One channel's values, \[sample\].
    pub(crate) fn channel(&self, channel: usize) -> Vec<f32> {
        self.values.iter().skip(channel).step_by(self.channels.max(1)).copied().collect()
    }

    /// Times and one channel's values as a signal.
    pub(crate) fn signal<'a>(&'a self, values: &'a [f32]) -> Signal<'a> {
        Signal { times_s: &self.times_s, values }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thins_to_200_hz() {
        let mut series = Series::new(2);
        for i in 0..1000i64 {
            series.push(i * 1_000_000, &[i as f64, 0.0]);
        }
        assert_eq!(series.times_s().len(), 200);
        assert_eq!(series.channel(0).get(1), Some(&5.0));
        assert_eq!(series.channels(), 2);
    }
}
