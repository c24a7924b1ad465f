//! What is demanded of a retargeted take.

use super::report::{Report, Verdict};
use serde::{Deserialize, Serialize};

/// A rule set for retargeted takes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rules {
    /// Its name and version.
    pub name: String,
    /// A grasp frame within this distance of where it should be counts as there, m.
    pub reached_m: f64,
    /// And within this angle, rad.
    pub reached_rad: f64,
    /// Least share of the path that every working hand must reach, 0..1.
    pub reached_share_min: f64,
    /// Greatest 95th percentile of the distance, m.
    pub position_p95_max_m: f64,
    /// Greatest 95th percentile of the angle, rad.
    pub angle_p95_max_rad: f64,
    /// Greatest factor by which any stretch may be slowed.
    pub slowest_max: f64,
    /// Greatest share of postures in which the robot may reach into the scene or itself, where that was looked at.
    pub collision_share_max: f64,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            name: "retarget 1".to_owned(),
            reached_m: 0.01,
            reached_rad: 5.0_f64.to_radians(),
            reached_share_min: 0.95,
            position_p95_max_m: 0.01,
            angle_p95_max_rad: 5.0_f64.to_radians(),
            slowest_max: 6.0,
            collision_share_max: 0.0,
        }
    }
}

impl Rules {
    /// What these rules say of a report; its own verdict is not looked at.
    pub fn judge(&self, report: &Report) -> Verdict {
        let mut findings = Vec::new();
        let mut object = |holds: bool, words: String| {
            if !holds {
                findings.push(words);
            }
        };
        object(!report.hands.is_empty(), "no hand works, so there is nothing to judge".to_owned());
        for hand in &report.hands {
            let side = &hand.side;
            object(
                hand.reached_share >= self.reached_share_min,
                format!(
                    "the {side} hand reaches {:.1} % of its path to {:.0} mm and {:.0}°; {:.1} % are asked for",
                    hand.reached_share * 100.0,
                    self.reached_m * 1e3,
                    self.reached_rad.to_degrees(),
                    self.reached_share_min * 100.0
                ),
            );
            object(
                hand.position_error_m.p95 <= self.position_p95_max_m,
                format!(
                    "the {side} hand is off by {:.1} mm (95th percentile); {:.1} mm are allowed",
                    hand.position_error_m.p95 * 1e3,
                    self.position_p95_max_m * 1e3
                ),
            );
            object(
                hand.angle_error_rad.p95 <= self.angle_p95_max_rad,
                format!(
                    "the {side} hand is turned off by {:.1}° (95th percentile); {:.1}° are allowed",
                    hand.angle_error_rad.p95.to_degrees(),
                    self.angle_p95_max_rad.to_degrees()
                ),
            );
        }
        object(
            report.pace.slowest <= self.slowest_max,
            format!(
                "a stretch must be slowed {:.1} times; {:.1} are allowed",
                report.pace.slowest, self.slowest_max
            ),
        );
        if let Some(collisions) = &report.collisions {
            let share = collisions.found as f64 / collisions.looked.max(1) as f64;
            object(
                share <= self.collision_share_max,
                format!(
                    "the robot reaches into the scene or itself in {:.1} % of the postures: {}",
                    share * 100.0,
                    collisions.first
                ),
            );
        }
        Verdict { rules: self.name.clone(), accepted: findings.is_empty(), findings }
    }
}
