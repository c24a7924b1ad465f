//! How much of a path a body reaches, measured as the path goes by.

use super::pace::Knot;
use super::track::Tracker;
use serde::{Deserialize, Serialize};

/// Least and greatest value that [`Spread`] tells apart, and its cells per factor of ten.
const LEAST: f64 = 1e-6;
const DECADES: usize = 8;
const PER_DECADE: usize = 40;

/// What became of a path on another body.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Vendor and model of the body it came from.
    pub source: String,
    /// Vendor and model of the body it went to.
    pub target: String,
    /// Samples of the source's path.
    pub samples: u64,
    /// What each hand that works reaches.
    pub hands: Vec<HandReport>,
    /// Joints of the arms that stood at a limit of position, the one that did longest first.
    pub limits: Vec<LimitTouch>,
    /// Where the joints could not keep up.
    pub pace: PaceReport,
    /// Where the robot would reach into the scene or itself; absent where nobody looked.
    pub collisions: Option<Collisions>,
    /// What was changed for this body, in words.
    pub adapted: Vec<String>,
    /// The verdict: rule set, whether it is met, and what is not.
    pub verdict: Verdict,
}

/// What one hand reaches of its path.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HandReport {
    /// `left` or `right`.
    pub side: String,
    /// Share of the samples within the tolerances of the rule set, 0..1.
    pub reached_share: f64,
    /// Distance from where the grasp frame should be, m.
    pub position_error_m: Quantiles,
    /// Angle from how it should be turned, rad.
    pub angle_error_rad: Quantiles,
    /// Angle between the source's grasp and this hand's, rad.
    pub grasp_turn_rad: f64,
    /// Times it takes hold.
    pub grasps: u64,
}

/// Middle, 95th percentile and greatest of many values.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Quantiles {
    /// Half of the values are below it; to 3 %.
    pub median: f64,
    /// 95 of 100 are below it; to 3 %.
    pub p95: f64,
    /// The greatest, exactly.
    pub max: f64,
}

/// A joint that stood at a limit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LimitTouch {
    /// The joint.
    pub joint: String,
    /// Share of the samples, 0..1.
    pub share: f64,
}

/// Where a robot would reach into the scene or itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Collisions {
    /// Postures that were looked at.
    pub looked: u64,
    /// Those of them that reach into something.
    pub found: u64,
    /// The first of them in words; empty where there is none.
    pub first: String,
}

/// How much a path was slowed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct PaceReport {
    /// The greatest factor by which a stretch takes longer.
    pub slowest: f64,
    /// Time of the source that was slowed, s.
    pub slowed_s: f64,
    /// Time of the source, s.
    pub source_s: f64,
    /// Time that this body needs, s.
    pub needed_s: f64,
}

/// What a rule set says of a retargeted take.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// The rule set's name and version.
    pub rules: String,
    /// Whether the take counts for this body.
    pub accepted: bool,
    /// What is not met, each in a sentence with its numbers.
    pub findings: Vec<String>,
}

/// How values are spread, in bounded memory: cells of equal ratio.
#[derive(Debug, Clone)]
pub struct Spread {
    cells: Vec<u64>,
    count: u64,
    max: f64,
}

impl Default for Spread {
    fn default() -> Self {
        Self { cells: vec![0; DECADES * PER_DECADE + 1], count: 0, max: 0.0 }
    }
}

impl Spread {
    /// Takes a value, 0 or above.
    pub fn add(&mut self, value: f64) {
        let cell =
            ((value / LEAST).log10() * PER_DECADE as f64).ceil().clamp(0.0, (self.cells.len() - 1) as f64);
        if let Some(count) = self.cells.get_mut(cell as usize) {
            *count += 1;
        }
        self.count += 1;
        self.max = self.max.max(value);
    }

    /// The value that a share of all is not above.
    pub fn quantile(&self, share: f64) -> f64 {
        let wanted = (share * self.count as f64).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (cell, count) in self.cells.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                // The middle of the cell; its first one holds all that is next to nothing.
                let middle = LEAST * 10_f64.powf((cell as f64 - 0.5) / PER_DECADE as f64);
                return middle.min(self.max);
            }
        }
        self.max
    }

    /// Middle, 95th percentile and greatest.
    pub fn quantiles(&self) -> Quantiles {
        Quantiles { median: self.quantile(0.5), p95: self.quantile(0.95), max: self.max }
    }
}

/// Gathers a report.
#[derive(Debug, Default)]
pub struct Measures {
    samples: u64,
    hands: [HandMeasures; 2],
    limits: Vec<u64>,
}

#[derive(Debug, Default)]
struct HandMeasures {
    position: Spread,
    angle: Spread,
    reached: u64,
    samples: u64,
}

impl Measures {
    /// Takes the next sample of the path.
    pub fn take(&mut self, knot: &Knot, tracker: &Tracker, tolerance: (f64, f64)) {
        self.samples += 1;
        for (hand, left) in self.hands.iter_mut().zip(&knot.left) {
            let Some(left) = left else { continue };
            hand.samples += 1;
            hand.position.add(left.position_m);
            hand.angle.add(left.orientation_rad);
            let reached = left.position_m <= tolerance.0 && left.orientation_rad <= tolerance.1;
            hand.reached += u64::from(reached);
        }
        for joint in tracker.at_limits() {
            if self.limits.len() <= joint {
                self.limits.resize(joint + 1, 0);
            }
            self.limits[joint] += 1;
        }
    }

    /// Samples so far.
    pub fn samples(&self) -> u64 {
        self.samples
    }

    /// What one hand reached; `None` where it had nothing to reach.
    pub fn hand(&self, index: usize) -> Option<(f64, Quantiles, Quantiles)> {
        let hand = self.hands.get(index).filter(|hand| hand.samples > 0)?;
        let share = hand.reached as f64 / hand.samples as f64;
        Some((share, hand.position.quantiles(), hand.angle.quantiles()))
    }

    /// The joints that stood at a limit, the one that did longest first.
    pub fn limits(&self, tracker: &Tracker) -> Vec<LimitTouch> {
        let names = tracker.joint_names();
        let touched = self.limits.iter().zip(names).filter(|(count, _)| **count > 0);
        let mut touched: Vec<LimitTouch> = touched
            .map(|(count, name)| LimitTouch {
                joint: name.to_owned(),
                share: *count as f64 / self.samples.max(1) as f64,
            })
            .collect();
        touched.sort_by(|one, other| other.share.total_cmp(&one.share));
        touched
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_right_to_three_percent_and_the_greatest_exactly() {
        let mut spread = Spread::default();
        for i in 1..=1000 {
            spread.add(f64::from(i) * 1e-5);
        }
        let found = spread.quantiles();
        assert!((found.median / 5.0e-3 - 1.0).abs() < 0.03, "{found:?}");
        assert!((found.p95 / 9.5e-3 - 1.0).abs() < 0.03, "{found:?}");
        assert_eq!(found.max, 1e-2);
    }

    #[test]
    fn nothing_to_reach_is_no_error() {
        let mut spread = Spread::default();
        spread.add(0.0);
        assert_eq!(spread.quantiles(), Quantiles::default());
    }
}
