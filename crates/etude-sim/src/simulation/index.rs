//! Where the cards' and the scene's things stand in MuJoCo's arrays.

use super::touch::Zone;
use crate::compose::{ComposeError, Placed, WORK_BODY, name_in_scene};
use crate::scene::Scene;
use etude_model::card::{Joint, Mimic, SensorKind};
use etude_model::{Card, Pose};
use mujoco_rs::prelude::*;
use std::collections::{HashMap, HashSet};

/// Where the scene's things stand in MuJoCo's arrays.
#[derive(Debug)]
pub(super) struct SceneIndex {
    /// Joints outside the cards that the models couple to one on them: (follower's position, leader's position, ratio).
    pub(super) couplings: Vec<(usize, usize, f64)>,
    /// In the scene's order.
    pub(super) objects: Vec<ObjectPlace>,
    /// Body of each geom.
    pub(super) geom_bodies: Vec<usize>,
    /// The robot that a body belongs to, by its place among the robots, \[body\]; `None`: the scene's.
    pub(super) robot_of: Vec<Option<usize>>,
    /// The work surface in the world.
    pub(super) work: Pose,
}

/// Where one robot's things stand in MuJoCo's arrays.
#[derive(Debug)]
pub(super) struct RobotIndex {
    /// In the card's order.
    pub(super) joints: Vec<JointPlace>,
    /// First number of each of a sensor's two vectors.
    pairs: HashMap<String, [usize; 2]>,
    /// Frames of inertial sensors on bodies that cannot move.
    fixed_imus: HashMap<String, usize>,
    /// Touch zones.
    pub(super) touch: HashMap<String, Zone>,
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

impl SceneIndex {
    pub(super) fn new(model: &MjModel, scene: &Scene, robots: &[Placed]) -> Result<Self, ComposeError> {
        let work = body_of_scene(model, scene, WORK_BODY)?;
        for task in &scene.description.tasks {
            body_of_scene(model, scene, &task.goal.target)?;
        }
        let beginnings: Vec<String> = robots.iter().map(|placed| name_in_scene(&placed.prefix, "")).collect();
        let robot_of = |body: usize| {
            let name = model.id_to_name(MjtObjBase::mjOBJ_BODY, body)?;
            beginnings.iter().position(|beginning| name.starts_with(beginning))
        };
        Ok(Self {
            couplings: couplings(model, &told(model, robots)?),
            objects: objects(model, scene)?,
            geom_bodies: model.geom_bodyid().iter().map(|&body| at(body)).collect(),
            robot_of: (0..at(model.ffi().nbody as i32)).map(robot_of).collect(),
            work: Pose { position_m: model.body_pos()[work], ..Pose::IDENTITY },
        })
    }

    pub(super) fn object(&self, scene: &Scene, name: &str) -> Option<&ObjectPlace> {
        let at = scene.description.objects.iter().position(|object| object.name == name)?;
        self.objects.get(at)
    }

    /// Body of a geom.
    pub(super) fn body_of(&self, geom: i32) -> Option<usize> {
        self.geom_bodies.get(usize::try_from(geom).ok()?).copied()
    }

    /// The robot that a body belongs to.
    pub(super) fn robot_of(&self, body: Option<usize>) -> Option<usize> {
        self.robot_of.get(body?).copied().flatten()
    }
}

impl RobotIndex {
    pub(super) fn new(model: &MjModel, placed: &Placed) -> Result<Self, ComposeError> {
        let names = Names { model, card: &placed.card, prefix: &placed.prefix };
        Ok(Self {
            joints: joints(&names)?,
            pairs: pairs(&names)?,
            fixed_imus: fixed_imus(&names),
            touch: zones(&names)?,
        })
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

/// Finds what a card names.
struct Names<'a> {
    model: &'a MjModel,
    card: &'a Card,
    prefix: &'a str,
}

impl Names<'_> {
    fn find(&self, kind: MjtObjBase, words: &'static str, name: &str) -> Result<usize, ComposeError> {
        let name = name_in_scene(self.prefix, name);
        self.model.name_to_id(kind, &name).ok_or_else(|| ComposeError::NotInModel {
            robot: self.card.title(),
            kind: words,
            name,
        })
    }
}

fn joints(names: &Names) -> Result<Vec<JointPlace>, ComposeError> {
    let Names { model, card, .. } = names;
    let place = |joint: &Joint| {
        let id = names.find(MjtObjBase::mjOBJ_JOINT, "joint", &joint.name)?;
        let follows =
            joint.mimic.as_ref().and_then(|mimic| Some((card.joint_index(&mimic.joint)?, mimic.clone())));
        Ok(JointPlace {
            position: at(model.jnt_qposadr()[id]),
            velocity: at(model.jnt_dofadr()[id]),
            servo: names.find(MjtObjBase::mjOBJ_ACTUATOR, "servo", &joint.name)?,
            follows,
        })
    };
    card.joints.iter().map(place).collect()
}

/// Inertial sensors on bodies that are fixed to the world.
fn fixed_imus(names: &Names) -> HashMap<String, usize> {
    let Names { model, card, .. } = names;
    let imus = card.sensors.iter().filter(|sensor| matches!(sensor.kind, SensorKind::Imu { .. }));
    imus.filter_map(|sensor| {
        let site = names.find(MjtObjBase::mjOBJ_SITE, "site", &sensor.name).ok()?;
        let body = at(model.site_bodyid()[site]);
        (model.body_weldid()[body] == 0).then(|| (sensor.name.clone(), site))
    })
    .collect()
}

/// MuJoCo's addresses are non-negative for everything that exists.
fn at(address: i32) -> usize {
    usize::try_from(address).unwrap_or(0)
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

/// Positions of the joints that the cards tell where to go.
fn told(model: &MjModel, robots: &[Placed]) -> Result<HashSet<usize>, ComposeError> {
    let mut told = HashSet::new();
    for placed in robots {
        let names = Names { model, card: &placed.card, prefix: &placed.prefix };
        told.extend(joints(&names)?.into_iter().map(|place| place.position));
    }
    Ok(told)
}

/// Joint couplings that the model itself makes by equality constraints, but for joints that are told where to go.
fn couplings(model: &MjModel, told: &HashSet<usize>) -> Vec<(usize, usize, f64)> {
    let place = |joint: i32| at(model.jnt_qposadr()[at(joint)]);
    (0..at(model.ffi().neq as i32))
        .filter(|&id| model.eq_type()[id] == MjtEq::mjEQ_JOINT && model.eq_obj2id()[id] >= 0)
        .map(|id| (place(model.eq_obj1id()[id]), place(model.eq_obj2id()[id]), model.eq_data()[id][1]))
        .flat_map(|(one, two, ratio)| {
            // The constraint reads `one = ratio * two`; either may be on the card.
            let back = if ratio == 0.0 { None } else { Some((two, one, 1.0 / ratio)) };
            std::iter::once((one, two, ratio)).chain(back)
        })
        .filter(|(follower, ..)| !told.contains(follower))
        .collect()
}

fn pairs(names: &Names) -> Result<HashMap<String, [usize; 2]>, ComposeError> {
    let Names { model, card, .. } = names;
    let mut pairs = HashMap::new();
    for sensor in &card.sensors {
        let parts = match sensor.kind {
            SensorKind::Wrench { .. } => ["force", "torque"],
            SensorKind::Imu { .. } => ["gyro", "accelerometer"],
            SensorKind::Tactile { .. } | SensorKind::Camera { .. } => continue,
        };
        let mut place = [0; 2];
        for (place, part) in place.iter_mut().zip(parts) {
            let name = format!("{}.{part}", sensor.name);
            *place = at(model.sensor_adr()[names.find(MjtObjBase::mjOBJ_SENSOR, "sensor", &name)?]);
        }
        pairs.insert(sensor.name.clone(), place);
    }
    Ok(pairs)
}

fn zones(names: &Names) -> Result<HashMap<String, Zone>, ComposeError> {
    let Names { model, card, .. } = names;
    let mut zones = HashMap::new();
    for sensor in &card.sensors {
        if let SensorKind::Tactile { rows, columns, radius_m, .. } = sensor.kind {
            let site = names.find(MjtObjBase::mjOBJ_SITE, "site", &sensor.name)?;
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
