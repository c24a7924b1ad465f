//! Looking at postures of a body in a scene before they are taken: whether it would reach into something.

use crate::crossing::replay::simulation;
use crate::crossing::{CrossError, arms};
use etude_kinematics::retarget::arms::side_index;
use etude_kinematics::retarget::report::Collisions;
use etude_kinematics::retarget::{Arms, Objection, Phase, Posture, Touch};
use etude_kinematics::{JointId, transform};
use etude_model::card::{Card, Side};
use etude_sim::simulation::{Pair, Things};
use etude_sim::{Scene, Simulation};
use nalgebra::{Isometry3, Point3};
use std::collections::BTreeMap;
use std::path::Path;

/// Depth to which the robot may reach into the scene before it counts, m: pads are soft.
const INTO_SCENE_M: f64 = 0.003;
/// Distance that it should keep from what stands fast, m: a servo lags, and an edge that is touched catches.
const KEPT_M: f64 = 0.004;
/// Depth to which it may reach into itself, m: a link's shape in physics is its hull, which is larger than the link.
const INTO_ITSELF_M: f64 = 0.015;
/// Steps from open to closed in which a hand is closed on a thing.
const CLOSING_STEPS: u32 = 50;
/// Time between two looks along a path, s.
const EVERY_S: f64 = 0.04;

/// Looks at postures of one body in one scene.
#[derive(Debug)]
pub struct Look {
    simulation: Simulation,
    arms: Arms,
    at_home: BTreeMap<Pair, f64>,
    /// Names of what can be moved.
    things: Vec<String>,
    wire: Vec<f64>,
    found: Collisions,
    next_s: f64,
    /// What is put down, and where in the world, m.
    put_down: Option<(String, [f64; 3])>,
}

fn refuse(source: etude_sim::SimError) -> CrossError {
    CrossError::Simulation(Box::new(source))
}

impl Look {
    /// The body of `card` in a scene.
    pub fn new(scene: &Scene, card: &Card, models: &Path) -> Result<Self, CrossError> {
        let mut simulation = simulation(scene, card, models, KEPT_M)?;
        let wire: Vec<f64> = card.joints.iter().map(|joint| joint.home).collect();
        // What touches at home is made so.
        let at_home = simulation.reaches_into(&wire, Things::PassedOver).map_err(refuse)?;
        let arms = arms(card, models)?;
        let things = scene.description.objects.iter().map(|object| object.name.clone()).collect();
        Ok(Self {
            simulation,
            arms,
            at_home,
            things,
            wire,
            found: Collisions::default(),
            next_s: 0.0,
            put_down: None,
        })
    }

    /// Sets the scene for a task as `seed` has it; counting begins anew.
    pub fn reset(&mut self, task: &str, seed: u64) -> Result<(), CrossError> {
        self.found = Collisions::default();
        self.next_s = 0.0;
        self.put_down = None;
        self.simulation.reset(task, seed).map_err(refuse)
    }

    /// Where the postures reach into the scene or the body itself the most, if they do.
    pub fn objection(&mut self, postures: &[Posture]) -> Option<Objection> {
        let found = postures.iter().filter_map(|posture| self.one(&posture.positions, posture.phase));
        found.max_by(Objection::compare)
    }

    /// Where an object of the scene lies before anything has moved: in the world, and in the robot's base frame.
    pub(super) fn lies(&self, object: &str) -> Result<[Isometry3<f64>; 2], CrossError> {
        let in_world = transform::isometry(&self.simulation.object_pose(object).map_err(refuse)?);
        let base_from_world = transform::isometry(&self.simulation.base_pose()).inverse();
        Ok([in_world, base_from_world * in_world])
    }

    /// Says that an object ends with its middle at a point of the robot's base frame, m.
    pub(super) fn put_down(&mut self, object: &str, in_base: &Point3<f64>) {
        let world_from_base = transform::isometry(&self.simulation.base_pose());
        self.put_down = Some((object.to_owned(), (world_from_base * in_base).coords.into()));
    }

    /// Where the hand of a posture (positions of the whole body) touches an object as it closes, finger by finger, with the
    /// object where it lies; `None`: nowhere.
    pub(super) fn touch(&mut self, side: Side, posture: &[f64], object: &str) -> Option<Touch> {
        let index = side_index(side);
        let within = format!("{}/", self.simulation.robots().next()?.prefix());
        let mut positions = posture.to_vec();
        let mut branches: BTreeMap<JointId, f64> = BTreeMap::new();
        let mut fingers = [f64::NAN; 5];
        for step in 0..=CLOSING_STEPS {
            let closure = f64::from(step) / f64::from(CLOSING_STEPS);
            self.arms.arms()[index].as_ref()?.close(closure, None, &mut positions);
            self.arms.body().apply_mimics(&mut positions);
            self.arms.read_out(&positions, &mut self.wire);
            let touched = self.simulation.reaches_into(&self.wire, Things::AsTheyLie).ok()?;
            for (Pair { one, other, .. }, _) in touched.iter().filter(|(_, depth_m)| **depth_m >= 0.0) {
                let link = if one == object { other } else { one };
                let with_object = one == object || other == object;
                let link = link.strip_prefix(&within).filter(|_| with_object);
                let Some((branch, finger)) = link.and_then(|link| self.arms.branch(side, link)) else {
                    continue;
                };
                branches.entry(branch).or_insert(closure);
                if let Some(first) = finger.and_then(|finger| fingers.get_mut(finger)) {
                    *first = first.min(closure);
                }
            }
        }
        let whole = branches.into_values().reduce(f64::max)?;
        Some(Touch { whole, fingers })
    }

    /// Looks at a posture of a path (positions of the whole body), unless it comes too soon after the last one.
    pub(super) fn pass(&mut self, time_s: f64, positions: &[f64], phase: Phase) {
        if time_s < self.next_s {
            return;
        }
        self.next_s = time_s + EVERY_S;
        self.found.looked += 1;
        if let Some(objection) = self.one(positions, phase).filter(|objection| !objection.only_near) {
            self.found.found += 1;
            if self.found.first.is_empty() {
                self.found.first = format!("{} at {time_s:.2} s", objection.words);
            }
        }
    }

    /// What was found along the path since the last reset.
    pub(super) fn found(&self) -> &Collisions {
        &self.found
    }

    fn one(&mut self, positions: &[f64], phase: Phase) -> Option<Objection> {
        self.arms.read_out(positions, &mut self.wire);
        let things = match (phase, &self.put_down) {
            (Phase::Before, _) => Things::AsTheyLie,
            (Phase::After, Some((name, position_m))) => Things::PutDown(name, *position_m),
            (Phase::Holding | Phase::After, _) => Things::PassedOver,
        };
        let deepest = self.simulation.reaches_into(&self.wire, things).ok()?;
        let found = deepest.into_iter().filter_map(|(pair, depth_m)| {
            let at_home_m = self.at_home.get(&pair).copied().unwrap_or_default().max(0.0);
            let allowed_m = at_home_m + if pair.within_robot { INTO_ITSELF_M } else { INTO_SCENE_M };
            let movable = [&pair.one, &pair.other].into_iter().any(|name| self.things.contains(name));
            let wanted_m = if pair.within_robot || movable { allowed_m } else { at_home_m - KEPT_M };
            (depth_m > wanted_m).then(|| {
                let Pair { one, other, .. } = pair;
                let mm = depth_m.abs() * 1e3;
                let words = if depth_m > 0.0 {
                    format!("{one} would reach {mm:.0} mm into {other}")
                } else {
                    format!("{one} would come within {mm:.0} mm of {other}")
                };
                Objection { depth_m: depth_m - wanted_m, only_near: depth_m <= allowed_m, words }
            })
        });
        found.max_by(Objection::compare)
    }
}
