//! Smoothing of joint positions with a delay that is known, and the joints' speed limits.

use super::error::HandError;
use crate::selection::Variable;

/// How joint positions are smoothed over time.
///
/// The filter is `y += (x − y) · dt / (τ + dt)`. A steady motion comes out exactly τ late, whatever the spacing of the frames,
/// and a filter's output lies between its inputs, so limits and couplings hold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Smoothing {
    /// None, and no delay.
    None,
    /// τ is constant.
    FirstOrder {
        /// τ, s.
        delay_s: f64,
    },
    /// τ shrinks with speed: `1 / τ = 1 / delay_s + 2π · hertz_per_speed · |speed|` per joint (G. Casiez and others, "1 € filter",
    /// CHI 2012). The hand is quiet at rest and quick in motion.
    OneEuro {
        /// τ at rest and the most it can be, s.
        delay_s: f64,
        /// Growth of the cut-off frequency with the joint's speed, Hz per rad/s (or per m/s).
        hertz_per_speed: f64,
    },
}

impl Smoothing {
    /// The most by which a steady motion is late, s.
    pub fn delay_s(self) -> f64 {
        match self {
            Self::None => 0.0,
            Self::FirstOrder { delay_s } | Self::OneEuro { delay_s, .. } => delay_s,
        }
    }

    pub(super) fn check(self) -> Result<(), HandError> {
        let found = self.delay_s();
        if !(found >= 0.0 && found.is_finite()) {
            return Err(HandError::Number {
                what: "delay_s",
                expected: "a finite time, not negative",
                found,
            });
        }
        if let Self::OneEuro { hertz_per_speed: found, .. } = self
            && !(found >= 0.0 && found.is_finite())
        {
            let expected = "a finite number, not negative";
            return Err(HandError::Number { what: "hertz_per_speed", expected, found });
        }
        Ok(())
    }
}

/// The filter's memory.
#[derive(Debug, Clone)]
pub(super) struct Filter {
    smoothing: Smoothing,
    /// What came out last, \[joint\].
    output: Vec<f64>,
    input: Vec<f64>,
    speed: Vec<f64>,
    started: bool,
}

/// How one frame went through.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Passed {
    /// The longest delay of any joint in this frame, s.
    pub(super) delay_s: f64,
    /// Whether a joint's speed limit held it back.
    pub(super) speed_limited: bool,
}

impl Filter {
    pub(super) fn new(smoothing: Smoothing, start: &[f64]) -> Self {
        let count = start.len();
        Self {
            smoothing,
            output: start.to_vec(),
            input: start.to_vec(),
            speed: vec![0.0; count],
            started: false,
        }
    }

    pub(super) fn output(&self) -> &[f64] {
        &self.output
    }

    /// Begins at known positions.
    pub(super) fn start(&mut self, positions: &[f64]) {
        self.output.copy_from_slice(positions);
        self.input.copy_from_slice(positions);
        self.speed.fill(0.0);
        self.started = true;
    }

    /// Takes one frame `dt_s` after the one before. The first one passes as it is.
    pub(super) fn pass(&mut self, input: &[f64], dt_s: f64, limits: Option<&[Variable]>) -> Passed {
        let mut passed = Passed { delay_s: 0.0, speed_limited: false };
        if !self.started {
            self.start(input);
            return passed;
        }
        for (joint, &wanted) in input.iter().enumerate() {
            let tau = self.time_constant(joint, wanted, dt_s);
            passed.delay_s = passed.delay_s.max(tau);
            let last = self.output[joint];
            let share = if tau > 0.0 { dt_s / (tau + dt_s) } else { 1.0 };
            let mut next = if share == 1.0 { wanted } else { last + (wanted - last) * share };
            if let Some(variable) = limits.and_then(|limits| limits.get(joint)) {
                let reach = variable.velocity * dt_s;
                if (next - last).abs() > reach {
                    next = last + reach.copysign(next - last);
                    passed.speed_limited = true;
                }
                next = next.clamp(variable.lower, variable.upper);
            }
            self.output[joint] = next;
        }
        passed
    }

    fn time_constant(&mut self, joint: usize, wanted: f64, dt_s: f64) -> f64 {
        match self.smoothing {
            Smoothing::None => 0.0,
            Smoothing::FirstOrder { delay_s } => delay_s,
            Smoothing::OneEuro { delay_s, hertz_per_speed } => {
                if dt_s > 0.0 && delay_s > 0.0 {
                    let speed = (wanted - self.input[joint]) / dt_s;
                    self.speed[joint] += (speed - self.speed[joint]) * dt_s / (delay_s + dt_s);
                    self.input[joint] = wanted;
                }
                let rate = std::f64::consts::TAU * hertz_per_speed * self.speed[joint].abs();
                delay_s / (1.0 + rate * delay_s)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_motion_is_late_by_what_is_stated() {
        let smoothing = Smoothing::FirstOrder { delay_s: 0.05 };
        let mut filter = Filter::new(smoothing, &[0.0]);
        let (mut time, mut last) = (0.0, 0.0);
        for frame in 0..400 {
            // Frames that come unevenly.
            let dt = if frame % 3 == 0 { 0.021 } else { 0.009 };
            time += dt;
            let passed = filter.pass(&[2.0 * time], dt, None);
            last = passed.delay_s;
        }
        assert_eq!(last, 0.05);
        let late_s = time - filter.output()[0] / 2.0;
        assert!((late_s - 0.05).abs() < 1e-9, "{late_s}");
    }

    #[test]
    fn one_euro_is_quick_in_motion_and_slow_at_rest() {
        let smoothing = Smoothing::OneEuro { delay_s: 0.1, hertz_per_speed: 2.0 };
        let mut filter = Filter::new(smoothing, &[0.0]);
        filter.start(&[0.0]);
        let mut late_s = 0.0;
        for frame in 1..=300 {
            let time = f64::from(frame) * 0.01;
            let passed = filter.pass(&[3.0 * time], 0.01, None);
            late_s = time - filter.output()[0] / 3.0;
            assert!(passed.delay_s <= 0.1);
            if frame == 300 {
                assert!((passed.delay_s - late_s).abs() < 1e-4, "{} {late_s}", passed.delay_s);
            }
        }
        assert!(late_s < 0.03, "{late_s}");
        for _ in 0..200 {
            filter.pass(&[9.0], 0.01, None);
        }
        assert!(filter.pass(&[9.0], 0.01, None).delay_s > 0.099);
    }
}
