//! Looking at postures of a body in a scene before they are taken: whether it would reach into something.

use crate::crossing::replay::simulation;
use crate::crossing::{CrossError, arms};
use etude_kinematics::retarget::report::Collisions;
use etude_kinematics::retarget::{Arms, Posture};
use etude_model::card::Card;
use etude_sim::simulation::Pair;
use etude_sim::{Scene, Simulation};
use std::collections::BTreeMap;
use std::path::Path;

/// Depth to which the robot may reach into the scene before it counts, m: pads are soft.
const INTO_SCENE_M: f64 = 0.003;
/// Depth to which it may reach into itself, m: a link's shape in physics is its hull, which is larger than the link.
const INTO_ITSELF_M: f64 = 0.015;
/// Time between two looks along a path, s.
const EVERY_S: f64 = 0.04;

/// Looks at postures of one body in one scene.
#[derive(Debug)]
pub struct Look {
    simulation: Simulation,
    arms: Arms,
    at_home: BTreeMap<Pair, f64>,
    wire: Vec<f64>,
    found: Collisions,
    next_s: f64,
}

fn refuse(source: etude_sim::SimError) -> CrossError {
    CrossError::Simulation(Box::new(source))
}

impl Look {
    /// The body of `card` in a scene.
    pub fn new(scene: &Scene, card: &Card, models: &Path) -> Result<Self, CrossError> {
        let mut simulation = simulation(scene, card, models)?;
        let wire: Vec<f64> = card.joints.iter().map(|joint| joint.home).collect();
        // What touches at home is made so.
        let at_home = simulation.reaches_into(&wire, false).map_err(refuse)?;
        let arms = arms(card, models)?;
        Ok(Self { simulation, arms, at_home, wire, found: Collisions::default(), next_s: 0.0 })
    }

    /// Sets the scene for a task as `seed` has it; counting begins anew.
    pub fn reset(&mut self, task: &str, seed: u64) -> Result<(), CrossError> {
        self.found = Collisions::default();
        self.next_s = 0.0;
        self.simulation.reset(task, seed).map_err(refuse)
    }

    /// Where one of the postures reaches into the scene or the body itself, if one does.
    pub fn objection(&mut self, postures: &[Posture]) -> Option<String> {
        postures.iter().find_map(|posture| self.one(&posture.positions, posture.before_grasp))
    }

    /// Looks at a posture of a path (positions of the whole body), unless it comes too soon after the last one.
    pub(super) fn pass(&mut self, time_s: f64, positions: &[f64], before_grasp: bool) {
        if time_s < self.next_s {
            return;
        }
        self.next_s = time_s + EVERY_S;
        self.found.looked += 1;
        if let Some(words) = self.one(positions, before_grasp) {
            self.found.found += 1;
            if self.found.first.is_empty() {
                self.found.first = format!("{words} at {time_s:.2} s");
            }
        }
    }

    /// What was found along the path since the last reset.
    pub(super) fn found(&self) -> &Collisions {
        &self.found
    }

    fn one(&mut self, positions: &[f64], before_grasp: bool) -> Option<String> {
        self.arms.read_out(positions, &mut self.wire);
        let deepest = self.simulation.reaches_into(&self.wire, before_grasp).ok()?;
        deepest.into_iter().find_map(|(pair, depth)| {
            let allowed = if pair.within_robot { INTO_ITSELF_M } else { INTO_SCENE_M };
            let allowed = allowed + self.at_home.get(&pair).copied().unwrap_or_default();
            (depth > allowed)
                .then(|| format!("{} would reach {:.0} mm into {}", pair.one, depth * 1e3, pair.other))
        })
    }
}
