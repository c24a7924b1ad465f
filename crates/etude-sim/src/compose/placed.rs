//! A robot and where it stands.

use super::{ComposeError, setup_of};
use crate::frame::{isometry_of, pose_from};
use etude_model::card::Simulation as Setup;
use etude_model::{Card, Pose};
use std::collections::HashSet;

/// A robot to be placed in a scene.
#[derive(Clone, Debug, PartialEq)]
pub struct Placed {
    /// What it is.
    pub card: Card,
    /// Stands, with a `/`, before every name of the robot's model, so that robots with the same names share a scene.
    /// ASCII letters, digits, `_` and `-`; no two robots of a scene have the same.
    pub prefix: String,
    /// Where the root of its model stands in the world; `None`: where the card puts it, before the work surface.
    pub base_in_world: Option<Pose>,
}

impl Placed {
    /// The robot where its card puts it, under [`super::PREFIX`]: how a robot that is alone in its scene stands.
    pub fn alone(card: &Card) -> Self {
        Self { card: card.clone(), prefix: super::PREFIX.to_owned(), base_in_world: None }
    }

    /// Where the root of the robot's model stands in the world.
    pub(crate) fn base(&self) -> Result<Pose, ComposeError> {
        let setup = setup_of(&self.card)?;
        // Divided by its length: callers' quaternions may be of unit length to 1e-3 only.
        Ok(self.base_in_world.map_or_else(|| base_of(setup), |base| pose_from(&isometry_of(&base))))
    }

    /// Middle of the column that the root of the robot's model stands on, and half the column's edges.
    pub(super) fn stand(&self) -> Result<Option<(Pose, [f64; 3])>, ComposeError> {
        let setup = setup_of(&self.card)?;
        let Some(half) = setup.stand_half_m else { return Ok(None) };
        let [x, y, z] = setup.base_position_m;
        let by_card = Pose { position_m: [x, y, z - half[2]], ..Pose::IDENTITY };
        let stand = match &self.base_in_world {
            None => by_card,
            // The column goes where the robot goes.
            Some(base) => pose_from(
                &(isometry_of(base) * isometry_of(&base_of(setup)).inverse() * isometry_of(&by_card)),
            ),
        };
        Ok(Some((stand, half)))
    }
}

/// Where a card puts the root of its robot's model.
fn base_of(setup: &Setup) -> Pose {
    let half = 0.5 * setup.base_yaw_rad;
    Pose { position_m: setup.base_position_m, orientation_xyzw: [0.0, 0.0, half.sin(), half.cos()] }
}

/// The name that a part of a robot's model has in the scene.
pub(crate) fn name_in_scene(prefix: &str, name: &str) -> String {
    format!("{prefix}/{name}")
}

/// Refuses robots whose names could be mistaken for each other's or the scene's, and places that are none.
/// `scene_bodies`: names of the scene's bodies.
pub(super) fn check(robots: &[Placed], scene: &str, scene_bodies: &[&str]) -> Result<(), ComposeError> {
    if robots.is_empty() {
        return Err(ComposeError::NoRobot { scene: scene.to_owned() });
    }
    let mut seen = HashSet::new();
    for Placed { card, prefix, base_in_world } in robots {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        let begins = name_in_scene(prefix, "");
        let problem = if prefix.is_empty() {
            "is empty"
        } else if !prefix.chars().all(plain) {
            "has other characters than ASCII letters, digits, `_` and `-`"
        } else if !seen.insert(prefix) {
            "is another robot's"
        } else if scene_bodies.iter().any(|body| body.starts_with(&begins)) {
            "begins the name of a body of the scene"
        } else {
            match base_in_world {
                Some(base) if !base.is_valid() => {
                    return Err(ComposeError::BadPlace { robot: card.title(), prefix: prefix.clone() });
                }
                _ => continue,
            }
        };
        return Err(ComposeError::BadPrefix { robot: card.title(), prefix: prefix.clone(), problem });
    }
    Ok(())
}
