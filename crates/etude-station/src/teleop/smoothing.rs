//! Smoothing of a hand's pose: tremor goes, quick motion is not delayed.
//!
//! The 1 € filter (Casiez, Roussel and Vogel, CHI 2012): a low-pass whose cutoff rises with the hand's speed,
//! `cutoff = LOWEST_HZ + RISE * speed`. Turn and position share one cutoff, so that they stay together.

use nalgebra::{Isometry3, Translation3};

/// Cutoff of a hand that rests, Hz.
const LOWEST_HZ: f64 = 2.0;
/// How much the cutoff rises with speed, Hz per m/s.
const RISE: f64 = 25.0;
/// Cutoff of the speed itself, Hz.
const SPEED_HZ: f64 = 1.5;

/// Smooths one hand's pose; begins anew with the first pose it sees.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Smoother {
    last: Option<Isometry3<f64>>,
    speed_m_s: f64,
}

impl Smoother {
    /// The smoothed pose after `pose` was seen `dt` after the last one, s.
    pub(super) fn smooth(&mut self, pose: &Isometry3<f64>, dt: f64) -> Isometry3<f64> {
        let Some(last) = self.last else {
            self.last = Some(*pose);
            return *pose;
        };
        let moved = (pose.translation.vector - last.translation.vector).norm() / dt;
        self.speed_m_s += share(SPEED_HZ, dt) * (moved - self.speed_m_s);
        let share = share(LOWEST_HZ + RISE * self.speed_m_s, dt);
        let smooth = Isometry3::from_parts(
            Translation3::from(last.translation.vector.lerp(&pose.translation.vector, share)),
            last.rotation.nlerp(&pose.rotation, share),
        );
        self.last = Some(smooth);
        smooth
    }
}

/// How much of what is new a low-pass with this cutoff takes over in `dt`.
fn share(cutoff_hz: f64, dt: f64) -> f64 {
    let tau = 1.0 / (std::f64::consts::TAU * cutoff_hz);
    1.0 / (1.0 + tau / dt)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DT: f64 = 1.0 / 72.0;

    fn at(x: f64) -> Isometry3<f64> {
        Isometry3::translation(x, 0.0, 0.0)
    }

    #[test]
    fn tremor_of_a_resting_hand_is_damped() {
        let mut smoother = Smoother::default();
        let course: Vec<f64> = (0..300)
            .map(|tick| {
                let tremor = 0.001 * (f64::from(tick) * DT * std::f64::consts::TAU * 10.0).sin();
                smoother.smooth(&at(tremor), DT).translation.x
            })
            .collect();
        let widest = course[100..].iter().fold(0.0_f64, |widest, x| widest.max(x.abs()));
        assert!(widest < 0.0006, "{widest}");
    }

    #[test]
    fn a_hand_that_moves_is_followed_closely_and_reached_at_rest() {
        let mut smoother = Smoother::default();
        let mut lag: f64 = 0.0;
        for tick in 0..72 {
            let x = 0.5 * f64::from(tick) * DT;
            lag = x - smoother.smooth(&at(x), DT).translation.x;
        }
        assert!(lag < 0.012, "{lag} m behind at 0.5 m/s");
        let rest = (0..72).fold(0.0, |_, _| smoother.smooth(&at(0.5), DT).translation.x);
        assert!((rest - 0.5).abs() < 1e-4, "{rest}");
    }
}
