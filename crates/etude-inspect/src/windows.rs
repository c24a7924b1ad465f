//! Lowest and highest value of every channel in windows of half a second: what moved when.

/// Length of a window, ns.
pub(crate) const WINDOW_NS: i64 = 500_000_000;
/// Most windows kept (34 minutes); what comes after is not looked at by the measurements that use them.
const MAX_WINDOWS: usize = 4096;

/// Bounds of the channels of one array, per window.
#[derive(Clone, Debug)]
pub(crate) struct Windows {
    channels: usize,
    start_ns: Option<i64>,
    /// \[window, channel\]; low above high where nothing fell into it.
    bounds: Vec<(f32, f32)>,
}

impl Windows {
    pub(crate) const fn new(channels: usize) -> Self {
        Self { channels, start_ns: None, bounds: Vec::new() }
    }

    /// Adds one sample, \[channel\].
    pub(crate) fn push(&mut self, host_ns: i64, values: &[f64]) {
        let start = *self.start_ns.get_or_insert(host_ns);
        let window = (host_ns.saturating_sub(start) / WINDOW_NS).max(0) as usize;
        if window >= MAX_WINDOWS {
            return;
        }
        let needed = (window + 1) * self.channels;
        if self.bounds.len() < needed {
            self.bounds.resize(needed, (f32::INFINITY, f32::NEG_INFINITY));
        }
        let row = self.bounds.iter_mut().skip(window * self.channels);
        for (bounds, value) in row.zip(values) {
            let value = *value as f32;
            bounds.0 = bounds.0.min(value);
            bounds.1 = bounds.1.max(value);
        }
    }

    /// Number of windows.
    pub(crate) fn len(&self) -> usize {
        self.bounds.len().checked_div(self.channels).unwrap_or(0)
    }

    /// When a window starts, ns of host time.
    pub(crate) fn start_of(&self, window: usize) -> i64 {
        self.start_ns.unwrap_or(0).saturating_add(window as i64 * WINDOW_NS)
    }

    /// Highest minus lowest value of a channel in a window; `None` where nothing was measured.
    pub(crate) fn range(&self, window: usize, channel: usize) -> Option<f64> {
        if channel >= self.channels {
            return None;
        }
        let (low, high) = self.bounds.get(window * self.channels + channel)?;
        (low <= high).then(|| f64::from(high - low))
    }

    /// Bounds of a channel over two neighbouring windows.
    pub(crate) fn range_of_two(&self, window: usize, channel: usize) -> Option<f64> {
        if channel >= self.channels {
            return None;
        }
        let (low, high) = self.bounds.get(window * self.channels + channel)?;
        let (next_low, next_high) = self.bounds.get((window + 1) * self.channels + channel)?;
        let (low, high) = (low.min(*next_low), high.max(*next_high));
        (low <= high).then(|| f64::from(high - low))
    }

    /// The window that holds an instant of host time, where there is one.
    pub(crate) fn window_at(&self, host_ns: i64) -> Option<usize> {
        let since = host_ns.checked_sub(self.start_ns?)?;
        let window = usize::try_from(since / WINDOW_NS).ok()?;
        (since >= 0 && window < self.len()).then_some(window)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_per_window() {
        let mut windows = Windows::new(2);
        for i in 0..10i64 {
            windows.push(7 + i * 100_000_000, &[i as f64, 1.0]);
        }
        assert_eq!(windows.len(), 2);
        assert_eq!(windows.range(0, 0), Some(4.0));
        assert_eq!(windows.range(1, 1), Some(0.0));
        assert_eq!(windows.range_of_two(0, 0), Some(9.0));
        assert_eq!(windows.range(2, 0), None);
        assert_eq!(windows.window_at(7 + 600_000_000), Some(1));
    }

    #[test]
    fn a_clock_that_jumps_far_costs_no_memory() {
        let mut windows = Windows::new(1);
        windows.push(0, &[1.0]);
        windows.push(i64::MAX, &[1.0]);
        assert_eq!(windows.len(), 1);
    }
}
