//! Where the card's and the scene's things stand in MuJoCo's arrays.

use super::touch::Zone;
use crate::compose::{ComposeError, PREFIX, WORK_BODY};
use crate::scene::Scene;
use etude_model::card::{Mimic, SensorKind};
use etude_model::{Card, Pose};
use mujoco_rs::prelude::*;
use std::collections::HashMap;

/// Where everything stands in MuJoCo's arrays.
#[derive(Debug)]
pub(super) struct Index {
    /// In the card's order.
    pub(super) joints: Vec<JointPlace>,
    /// Joints outside the card that the model couples to one on it: (follower's position, leader's position, ratio).
    pub(super) couplings: Vec<(usize, usize, f64)>,
    /// In the scene's order.
    pub(super) objects: Vec<ObjectPlace>,
    /// First number of each of a sensor's two vectors.
    pairs: HashMap<String, [usize; 2]>,
    /// Frames of inertial sensors on bodies that cannot move.
    fixed_imus: HashMap<String, usize>,
    /// Touch zones.
    pub(super) touch: HashMap<String, Zone>,
    /// Body of each geom.
    pub(super) geom_bodies: Vec<usize>,
    /// Whether a body is the robot's.
    pub(super) is_robot: Vec<bool>,
    /// Root of the robot's model in the world.
    pub(super) base: Pose,
    /// The work surface in the world.
    pub(super) work: Pose,
}

/// A joint of the card.
#[derive(Debug)]
pub(super) struct JointPlace {
    pub(super) position: usize,
    pub(super) velocity: usize,
    pub(super) servo: usize,
    /// The joint it follows, by its place on the card.
    pub(super) follows: Option<(usize, Mimic)>,
}

/// An object of the scene.
#[derive(Debug)]
pub(super) struct ObjectPlace {
    pub(super) body: usize,
    pub(super) position: usize,
    pub(super) velocity: usize,
}

impl Index {
    pub(super) fn new(model: &MjModel, scene: &Scene, card: &Card, base: Pose) -> Result<Self, ComposeError> {
        let joints = card
            .joints
            .iter()
            .map(|joint| {
                let name = format!("{PREFIX}{}", joint.name);
                let id = find(model, card, MjtObjBase::mjOBJ_JOINT, "joint", &name)?;
                let follows = joint
                    .mimic
                    .as_ref()
                    .and_then(|mimic| Some((card.joint_index(&mimic.joint)?, mimic.clone())));
                Ok(JointPlace {
                    position: at(model.jnt_qposadr()[id]),
                    velocity: at(model.jnt_dofadr()[id]),
                    servo: find(model, card, MjtObjBase::mjOBJ_ACTUATOR, "servo", &name)?,
                    follows,
                })
            })
            .collect::<Result<Vec<_>, ComposeError>>()?;
        let work = body_of_scene(model, scene, WORK_BODY)?;
        for task in &scene.description.tasks {
            body_of_scene(model, scene, &task.goal.target)?;
        }
        Ok(Self {
            joints,
            couplings: couplings(model),
            objects: objects(model, scene)?,
            pairs: pairs(model, card)?,
            fixed_imus: fixed_imus(model, card),
            touch: zones(model, card)?,
            geom_bodies: model.geom_bodyid().iter().map(|&body| at(body)).collect(),
            is_robot: (0..at(model.ffi().nbody as i32))
                .map(|id| {
                    model.id_to_name(MjtObjBase::mjOBJ_BODY, id).is_some_and(|name| name.starts_with(PREFIX))
                })
                .collect(),
            base,
            work: Pose { position_m: model.body_pos()[work], ..Pose::IDENTITY },
        })
    }

    pub(super) fn object(&self, scene: &Scene, name: &str) -> Option<&ObjectPlace> {
        let at = scene.description.objects.iter().position(|object| object.name == name)?;
        self.objects.get(at)
    }

    /// First numbers of the two vectors of a wrench or inertial sensor.
    pub(super) fn pair(&self, name: &str) -> Option<[usize; 2]> {
        self.pairs.get(name).copied()
    }

    /// Frame of an inertial sensor on a body that cannot move.
    pub(super) fn fixed_imu(&self, name: &str) -> Option<usize> {
        self.fixed_imus.get(name).copied()
    }
}

/// Inertial sensors on bodies that are fixed to the world.
fn fixed_imus(model: &MjModel, card: &Card) -> HashMap<String, usize> {
    let imus = card.sensors.iter().filter(|sensor| matches!(sensor.kind, SensorKind::Imu { .. }));
    imus.filter_map(|sensor| {
        let site = model.name_to_id(MjtObjBase::mjOBJ_SITE, &format!("{PREFIX}{}", sensor.name))?;
        let body = at(model.site_bodyid()[site]);
        (model.body_weldid()[body] == 0).then(|| (sensor.name.clone(), site))
    })
    .collect()
}

/// MuJoCo's addresses are non-negative for everything that exists.
fn at(address: i32) -> usize {
    usize::try_from(address).unwrap_or(0)
}

fn find(
    model: &MjModel,
    card: &Card,
    kind: MjtObjBase,
    words: &'static str,
    name: &str,
) -> Result<usize, ComposeError> {
    model.name_to_id(kind, name).ok_or_else(|| ComposeError::NotInModel {
        robot: card.title(),
        kind: words,
        name: name.to_owned(),
    })
}

fn body_of_scene(model: &MjModel, scene: &Scene, name: &str) -> Result<usize, ComposeError> {
    model.name_to_id(MjtObjBase::mjOBJ_BODY, name).ok_or_else(|| ComposeError::NotInScene {
        scene: scene.id().to_owned(),
        kind: "body",
        name: name.to_owned(),
    })
}

fn objects(model: &MjModel, scene: &Scene) -> Result<Vec<ObjectPlace>, ComposeError> {
    let place = |name: &str| {
        let body = body_of_scene(model, scene, name)?;
        let joint = at(model.body_jntadr()[body]);
        if model.body_jntnum()[body] != 1 || model.jnt_type()[joint] != MjtJoint::mjJNT_FREE {
            return Err(ComposeError::NotInScene {
                scene: scene.id().to_owned(),
                kind: "free body",
                name: name.to_owned(),
            });
        }
        Ok(ObjectPlace {
            body,
            position: at(model.jnt_qposadr()[joint]),
            velocity: at(model.jnt_dofadr()[joint]),
        })
    };
    scene.description.objects.iter().map(|object| place(&object.name)).collect()
}

/// Joint couplings that the model itself makes by equality constraints.
fn couplings(model: &MjModel) -> Vec<(usize, usize, f64)> {
    let place = |joint: i32| at(model.jnt_qposadr()[at(joint)]);
    (0..at(model.ffi().neq as i32))
        .filter(|&id| model.eq_type()[id] == MjtEq::mjEQ_JOINT && model.eq_obj2id()[id] >= 0)
        .map(|id| (place(model.eq_obj1id()[id]), place(model.eq_obj2id()[id]), model.eq_data()[id][1]))
        .flat_map(|(one, two, ratio)| {
            // The constraint reads `one = ratio * two`; either may be on the card.
            let back = if ratio == 0.0 { None } else { Some((two, one, 1.0 / ratio)) };
            std::iter::once((one, two, ratio)).chain(back)
        })
        .collect()
}

fn pairs(model: &MjModel, card: &Card) -> Result<HashMap<String, [usize; 2]>, ComposeError> {
    let mut pairs = HashMap::new();
    for sensor in &card.sensors {
        let parts = match sensor.kind {
            SensorKind::Wrench { .. } => ["force", "torque"],
            SensorKind::Imu { .. } => ["gyro", "accelerometer"],
            SensorKind::Tactile { .. } | SensorKind::Camera { .. } => continue,
        };
        let mut place = [0; 2];
        for (place, part) in place.iter_mut().zip(parts) {
            let name = format!("{PREFIX}{}.{part}", sensor.name);
            *place = at(model.sensor_adr()[find(model, card, MjtObjBase::mjOBJ_SENSOR, "sensor", &name)?]);
        }
        pairs.insert(sensor.name.clone(), place);
    }
    Ok(pairs)
}

fn zones(model: &MjModel, card: &Card) -> Result<HashMap<String, Zone>, ComposeError> {
    let mut zones = HashMap::new();
    for sensor in &card.sensors {
        if let SensorKind::Tactile { rows, columns, radius_m, .. } = sensor.kind {
            let name = format!("{PREFIX}{}", sensor.name);
            let site = find(model, card, MjtObjBase::mjOBJ_SITE, "site", &name)?;
            let body = at(model.site_bodyid()[site]);
            let geoms = model.geom_bodyid().iter().map(|&id| at(id) == body).collect();
            zones.insert(
                sensor.name.clone(),
                Zone { site, geoms, rows: rows as usize, columns: columns as usize, radius_m },
            );
        }
    }
    Ok(zones)
}
