//! Whether a posture is possible in the scene: what the robot would reach into.

use super::{SimError, Simulation};
use mujoco_rs::prelude::*;
use std::collections::BTreeMap;

/// Two bodies, by their names in the scene.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pair {
    /// One.
    pub one: String,
    /// The other; its name is the later one in the alphabet.
    pub other: String,
    /// Whether both are parts of the robot.
    pub within_robot: bool,
}

/// The things of a scene that can be moved, where a posture is looked at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Things<'a> {
    /// They count where they are now.
    AsTheyLie,
    /// They do not count: a hand may hold them.
    PassedOver,
    /// They count, and the one of this name has its middle here in the world, m.
    PutDown(&'a str, [f64; 3]),
}

impl Simulation {
    /// Pairs of bodies that reach into each other with the first robot's joints at `positions` (\[joint\], rad or m, card
    /// order), and how deep, m: parts of the robot, or the robot and what stands in the scene, with `things` as they say. A
    /// negative depth is a distance, of a pair within `SimOptions::heed_within_m`. The simulation itself stays
    /// as it is.
    pub fn reaches_into(
        &mut self,
        positions: &[f64],
        things: Things<'_>,
    ) -> Result<BTreeMap<Pair, f64>, SimError> {
        let expected = self.joint_count();
        if positions.len() != expected {
            return Err(SimError::Count { expected, found: positions.len() });
        }
        let kept = self.data.qpos().to_vec();
        if let Some(robot) = self.robots.first() {
            robot.set_positions(&mut self.data, positions);
        }
        for (follower, leader, ratio) in &self.index.couplings {
            let value = ratio * self.data.qpos()[*leader];
            self.data.qpos_mut()[*follower] = value;
        }
        if let Things::PutDown(name, position_m) = things {
            let place = self.index.object(&self.scene, name);
            let place = place.ok_or_else(|| SimError::NoSuch { kind: "object", name: name.to_owned() })?;
            self.data.qpos_mut()[place.position..place.position + 3].copy_from_slice(&position_m);
        }
        self.data.forward();
        let found = self.overlaps(things != Things::PassedOver);
        self.data.qpos_mut().copy_from_slice(&kept);
        self.data.forward();
        Ok(found)
    }

    fn overlaps(&self, movable: bool) -> BTreeMap<Pair, f64> {
        let passed = |body: usize| !movable && self.index.objects.iter().any(|object| object.body == body);
        let name =
            |body: usize| self.model.id_to_name(MjtObjBase::mjOBJ_BODY, body).unwrap_or("world").to_owned();
        let mut found: BTreeMap<Pair, f64> = BTreeMap::new();
        for contact in self.data.contact().iter().filter(|contact| contact.dist < self.heeded_m) {
            let [Some(one), Some(two)] = contact.geom.map(|geom| self.index.body_of(geom)) else { continue };
            let [of_robot, with_robot] = [one, two].map(|body| self.index.robot_of(Some(body)) == Some(0));
            if !(of_robot || with_robot) || passed(one) || passed(two) {
                continue;
            }
            let (one, other) = (name(one), name(two));
            let (one, other) = if one <= other { (one, other) } else { (other, one) };
            let pair = Pair { one, other, within_robot: of_robot && with_robot };
            let depth = found.entry(pair).or_insert(f64::NEG_INFINITY);
            *depth = depth.max(-contact.dist);
        }
        found
    }
}
