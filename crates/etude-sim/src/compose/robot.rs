//! One robot's model, edited as its card says.

use super::{ComposeError, SimOptions, decimate, edit};
use crate::frame::wxyz_of;
use etude_model::card::{Joint, Sensor, SensorKind, Simulation as Setup};
use etude_model::{Card, Unit};
use mujoco_rs::mujoco_c::mjtMeshInertia;
use mujoco_rs::prelude::*;
use mujoco_rs::wrappers::mj_editing::{MjsBody, MjsMesh, MjtLimited, PositionConfig};
use std::path::Path;

/// Name of the model's root body in MJCF.
const WORLD: &str = "world";

/// Width and height that hold every camera of the cards, px.
pub(super) fn largest_camera<'a>(cards: impl Iterator<Item = &'a Card>, options: &SimOptions) -> [u32; 2] {
    if let Some(size) = options.camera_size {
        return size;
    }
    cards.flat_map(|card| &card.sensors).fold([64, 64], |[w, h], sensor| match sensor.kind {
        SensorKind::Camera { width, height, .. } => [w.max(width), h.max(height)],
        _ => [w, h],
    })
}

/// The robot's model with the card's limits, servos, sensors and cameras.
pub(super) fn spec(
    card: &Card,
    setup: &Setup,
    models_dir: &Path,
    options: &SimOptions,
) -> Result<MjSpec, ComposeError> {
    let kinematics = card.kinematics.as_ref().ok_or_else(|| ComposeError::CardLacks {
        robot: card.title(),
        what: "section [kinematics]".into(),
    })?;
    let path = models_dir.join(&kinematics.path);
    if !path.is_file() {
        return Err(ComposeError::MissingModel { robot: card.title(), path });
    }
    let whole = format!("the model {}", path.display());
    let mut spec = MjSpec::from_xml(&path).map_err(ComposeError::refused(&whole))?;
    edit::delete_keyframes(&mut spec).map_err(ComposeError::refused(&whole))?;
    edit::delete_actuators(&mut spec).map_err(ComposeError::refused(&whole))?;
    edit::delete_lights(&mut spec).map_err(ComposeError::refused(&whole))?;
    if setup.pin_base {
        edit::delete_free_joints(spec.world_body_mut()).map_err(ComposeError::refused(&whole))?;
    }
    if path.extension().is_some_and(|extension| extension == "urdf") {
        complete_urdf(&mut spec, card, setup);
    }
    if options.mesh_cell_m > 0.0 {
        decimate_meshes(&mut spec, &path, options.mesh_cell_m);
    }
    carry_own_weight(spec.world_body_mut());
    for joint in &card.joints {
        set_up_joint(&mut spec, card, setup, joint)?;
    }
    for name in &setup.pad_bodies {
        let body = body(&mut spec, card, name)?;
        for geom in body.geom_iter_mut(false).filter(|geom| geom.contype() != 0) {
            // A soft pad: it grips at mu 1, resists twisting, and its values decide whatever the object's are.
            geom.with_condim(4).with_priority(1).with_friction([1.0, 0.02, 0.001]);
        }
    }
    for end in &card.end_effectors {
        let name = grasp_site(end.side);
        add_site(&mut spec, card, &end.body, &name, &end.grasp_in_body)?;
    }
    for sensor in &card.sensors {
        add_sensor(&mut spec, card, sensor, options)?;
    }
    Ok(spec)
}

/// What a URDF leaves open: bodies without joints keep their names, joints get a rotor's inertia, and the robot does not
/// touch itself (links' shapes are hulls, which overlap at joints, and a URDF does not say which may).
fn complete_urdf(spec: &mut MjSpec, card: &Card, setup: &Setup) {
    /// Angular frequency of a servo with nothing but the rotor on it, rad/s: slow enough for the step of the physics.
    const ROTOR_RAD_S: f64 = 150.0;
    spec.compiler_mut().set_fusestatic(false);
    for joint in &card.joints {
        let gain = setup.servos.iter().find(|gain| joint.name.starts_with(&gain.joints));
        if let (Some(gain), Some(element)) = (gain, spec.joint_mut(&joint.name))
            && element.armature() == 0.0
        {
            element.set_armature(gain.stiffness / (ROTOR_RAD_S * ROTOR_RAD_S));
        }
    }
    touch_only_others(spec.world_body_mut());
}

fn touch_only_others(body: &mut MjsBody) {
    for child in body.body_iter_mut() {
        for geom in child.geom_iter_mut(false).filter(|geom| geom.contype() != 0) {
            geom.with_contype(2).set_conaffinity(1);
        }
        touch_only_others(child);
    }
}

/// Name of the site at a hand's grasp frame.
pub(crate) fn grasp_site(side: etude_model::card::Side) -> String {
    format!("{}_grasp_frame", side.name())
}

/// Every body of the robot floats: real arms carry their own weight by feed-forward torque.
fn carry_own_weight(body: &mut MjsBody) {
    for child in body.body_iter_mut() {
        child.set_gravcomp(1.0);
        carry_own_weight(child);
    }
}

fn body<'spec>(spec: &'spec mut MjSpec, card: &Card, name: &str) -> Result<&'spec mut MjsBody, ComposeError> {
    if name == WORLD {
        return Ok(spec.world_body_mut());
    }
    spec.body_mut(name).ok_or_else(|| ComposeError::NotInModel {
        robot: card.title(),
        kind: "body",
        name: name.to_owned(),
    })
}

fn set_up_joint(spec: &mut MjSpec, card: &Card, setup: &Setup, joint: &Joint) -> Result<(), ComposeError> {
    if !matches!(joint.unit, Unit::Radian | Unit::Metre) || joint.sign != 1.0 || joint.offset != 0.0 {
        return Err(ComposeError::CardLacks {
            robot: card.title(),
            what: format!(
                "joint `{}` in the model's own coordinates (rad or m, sign 1, offset 0)",
                joint.name
            ),
        });
    }
    if let Some(tendon) = card.tendon_of(&joint.name) {
        let what =
            format!("a servo of its own for `{}`, which hangs on the tendon `{}`", joint.name, tendon.name);
        return Err(ComposeError::CardLacks { robot: card.title(), what });
    }
    let Some(element) = spec.joint_mut(&joint.name) else {
        return Err(ComposeError::NotInModel {
            robot: card.title(),
            kind: "joint",
            name: joint.name.clone(),
        });
    };
    element.with_range(joint.position).set_limited(MjtLimited::mjLIMITED_TRUE);
    let gain = setup.servos.iter().find(|gain| joint.name.starts_with(&gain.joints)).ok_or_else(|| {
        ComposeError::CardLacks { robot: card.title(), what: format!("servo for the joint `{}`", joint.name) }
    })?;
    let actuator = spec.add_actuator();
    actuator
        .with_name(&joint.name)
        .with_trntype(MjtTrn::mjTRN_JOINT)
        .with_target(&joint.name)
        .with_ctrlrange(joint.position)
        .set_ctrllimited(MjtLimited::mjLIMITED_TRUE);
    if let Some(effort) = joint.effort {
        actuator.with_forcerange([-effort, effort]).set_forcelimited(MjtLimited::mjLIMITED_TRUE);
    }
    actuator
        .set_to_position(PositionConfig {
            kp: gain.stiffness,
            kv: Some(gain.damping),
            ..PositionConfig::default()
        })
        .map_err(ComposeError::refused(format!("the servo of `{}`", joint.name)))
}

fn add_site(
    spec: &mut MjSpec,
    card: &Card,
    on: &str,
    name: &str,
    pose: &etude_model::Pose,
) -> Result<(), ComposeError> {
    body(spec, card, on)?
        .add_site()
        .with_name(name)
        .with_pos(pose.position_m)
        .with_quat(wxyz_of(pose))
        .with_size([0.004; 3])
        .set_group(5);
    Ok(())
}

fn add_sensor(
    spec: &mut MjSpec,
    card: &Card,
    sensor: &Sensor,
    options: &SimOptions,
) -> Result<(), ComposeError> {
    let name = &sensor.name;
    let pair = match sensor.kind {
        SensorKind::Wrench { .. } => {
            [("force", MjtSensor::mjSENS_FORCE), ("torque", MjtSensor::mjSENS_TORQUE)]
        }
        SensorKind::Imu { .. } => {
            [("gyro", MjtSensor::mjSENS_GYRO), ("accelerometer", MjtSensor::mjSENS_ACCELEROMETER)]
        }
        // Touch is read from the contacts themselves; the frame must exist.
        SensorKind::Tactile { .. } => return add_site(spec, card, &sensor.body, name, &sensor.pose_in_body),
        SensorKind::Camera { fovy_rad, .. } => {
            let body = body(spec, card, &sensor.body)?;
            if options.cameras {
                body.add_camera()
                    .with_name(name)
                    .with_pos(sensor.pose_in_body.position_m)
                    .with_quat(wxyz_of(&sensor.pose_in_body))
                    .set_fovy(fovy_rad.to_degrees());
            }
            return Ok(());
        }
    };
    add_site(spec, card, &sensor.body, name, &sensor.pose_in_body)?;
    for (quantity, kind) in pair {
        spec.add_sensor()
            .with_name(&format!("{name}.{quantity}"))
            .with_type(kind)
            .with_objtype(MjtObjBase::mjOBJ_SITE)
            .set_objname(name);
    }
    Ok(())
}

fn decimate_meshes(spec: &mut MjSpec, model: &Path, cell_m: f64) {
    let folder =
        model.parent().map_or_else(Default::default, |folder| folder.join(spec.compiler().meshdir()));
    for mesh in spec.mesh_iter_mut() {
        decimate_mesh(mesh, &folder, cell_m);
    }
}

fn decimate_mesh(mesh: &mut MjsMesh, folder: &Path, cell_m: f64) {
    let file = mesh.file().to_owned();
    let scale = mesh.scale().iter().fold(0.0_f64, |largest, scale| largest.max(scale.abs()));
    let Some(small) = decimate::decimated(&folder.join(&file), (cell_m / scale.max(1e-9)) as f32) else {
        return;
    };
    if mesh.name().is_empty() {
        // Geoms refer to a mesh without a name by its file's stem.
        let stem =
            Path::new(&file).file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
        if mesh.set_name(&stem).is_err() {
            return;
        }
    }
    mesh.set_file("");
    mesh.set_content_type("");
    mesh.set_uservert(&small.vertices);
    mesh.set_userface(&small.faces);
    // Clustered meshes may have small holes; the hull's inertia is always defined.
    mesh.set_inertia(mjtMeshInertia::mjMESH_INERTIA_CONVEX);
}
