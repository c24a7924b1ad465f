//! From a scene and a robot's card to a model that MuJoCo can step.
//!
//! The robot's own model file is taken as it is, then: keyframes, lights and actuators go, the base is pinned where the
//! card says so, joints get the card's limits and servos, finger pads their friction, meshes fewer triangles; sensors
//! and cameras of the card are added; everything is prefixed with [`PREFIX`] and set before the scene's work surface.

mod decimate;
mod edit;
mod robot;

use crate::frame::wxyz_of;
use crate::scene::Scene;
use etude_model::Card;
use etude_model::card::Simulation as Setup;
use mujoco_rs::prelude::*;
use std::path::{Path, PathBuf};

/// Stands before every name of the robot's model.
pub const PREFIX: &str = "robot/";

/// Body of a scene's MJCF that is the work surface.
pub(crate) const WORK_BODY: &str = "work";

/// How a simulation is set up beyond scene and card.
#[derive(Clone, Debug, PartialEq)]
pub struct SimOptions {
    /// Whether the card's cameras are made; a simulation without them compiles faster.
    pub cameras: bool,
    /// Width and height of every camera, px, instead of the card's.
    pub camera_size: Option<[u32; 2]>,
    /// Edge of the cells in which vertices of meshes are joined, m; 0 keeps meshes as they are.
    pub mesh_cell_m: f64,
}

impl Default for SimOptions {
    /// Cameras as on the card; meshes at 8 mm, which a camera at arm's length hardly shows and which renders ten times
    /// as fast.
    fn default() -> Self {
        Self { cameras: true, camera_size: None, mesh_cell_m: 0.008 }
    }
}

/// Why a scene and a card do not become a simulation.
#[derive(Debug, thiserror::Error)]
pub enum ComposeError {
    /// The model file is not there.
    #[error("the model of {robot} is missing: {path}; hint: run `cargo xtask setup`")]
    MissingModel {
        /// The card's title.
        robot: String,
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The card lacks what a simulation needs.
    #[error("the card of {robot} has no {what}")]
    CardLacks {
        /// The card's title.
        robot: String,
        /// What is missing.
        what: String,
    },
    /// The card names what the model does not have.
    #[error("the card of {robot} names the {kind} `{name}`, which its model does not have")]
    NotInModel {
        /// The card's title.
        robot: String,
        /// Kind of thing.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// The scene lacks what its description names.
    #[error("the scene `{scene}` has no {kind} `{name}`")]
    NotInScene {
        /// The scene's id.
        scene: String,
        /// Kind of thing.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// MuJoCo does not take it.
    #[error("MuJoCo refuses {what}: {source}")]
    Refused {
        /// What was being done.
        what: String,
        /// Why.
        source: MjEditError,
    },
}

impl ComposeError {
    pub(crate) fn refused(what: impl Into<String>) -> impl FnOnce(MjEditError) -> Self {
        let what = what.into();
        |source| Self::Refused { what, source }
    }
}

/// The card's section on simulation.
pub(crate) fn setup_of(card: &Card) -> Result<&Setup, ComposeError> {
    card.simulation
        .as_ref()
        .ok_or_else(|| ComposeError::CardLacks { robot: card.title(), what: "section [simulation]".into() })
}

/// Builds the model of a scene with one robot in it.
pub(crate) fn model(
    scene: &Scene,
    card: &Card,
    models_dir: &Path,
    options: &SimOptions,
) -> Result<MjModel, ComposeError> {
    let setup = setup_of(card)?;
    let mut stage = MjSpec::from_xml_string(&scene.mjcf)
        .map_err(ComposeError::refused(format!("the scene `{}`", scene.id())))?;
    prepare_stage(&mut stage, scene, setup, card, options)?;
    let mut robot = robot::spec(card, setup, models_dir, options)?;
    stage
        .world_body_mut()
        .add_frame()
        .with_pos(setup.base_position_m)
        .with_quat(wxyz_of(&base_pose(setup)))
        .attach_by_deep_copy(&mut robot, PREFIX, "")
        .map_err(ComposeError::refused(format!("{} in the scene `{}`", card.title(), scene.id())))?;
    stage.compile().map_err(ComposeError::refused(format!("{} in the scene `{}`", card.title(), scene.id())))
}

/// Where the root of the robot's model stands in the world.
pub(crate) fn base_pose(setup: &Setup) -> etude_model::Pose {
    let half = 0.5 * setup.base_yaw_rad;
    etude_model::Pose {
        position_m: setup.base_position_m,
        orientation_xyzw: [0.0, 0.0, half.sin(), half.cos()],
    }
}

/// Physics, picture quality, and the work surface where the robot's arms want it.
fn prepare_stage(
    stage: &mut MjSpec,
    scene: &Scene,
    setup: &Setup,
    card: &Card,
    options: &SimOptions,
) -> Result<(), ComposeError> {
    let option = stage.option_mut();
    option.timestep = crate::simulation::TIMESTEP_S;
    // Elliptic cones with a high impedance ratio hold a grasp without slip at a fifth of the cost of the alternatives.
    option.cone = MjtCone::mjCONE_ELLIPTIC as i32;
    option.impratio = 10.0;
    option.integrator = MjtIntegrator::mjINT_IMPLICITFAST as i32;
    let [width, height] = robot::largest_camera(card, options);
    let visual = stage.visual_mut();
    // Shadows and anti-aliasing cost ten times the rest on a CPU renderer.
    visual.quality.shadowsize = 0;
    visual.quality.offsamples = 0;
    visual.global.offwidth = width as i32;
    visual.global.offheight = height as i32;
    let work = stage.body_mut(WORK_BODY).ok_or_else(|| ComposeError::NotInScene {
        scene: scene.id().to_owned(),
        kind: "body",
        name: WORK_BODY.to_owned(),
    })?;
    work.with_pos([setup.work_distance_m, 0.0, setup.work_height_m]);
    if let Some(half) = setup.stand_half_m {
        let base = setup.base_position_m;
        stage
            .world_body_mut()
            .add_geom()
            .with_name("stand")
            .with_type(MjtGeomBase::mjGEOM_BOX)
            .with_size(half)
            .with_pos([base[0], base[1], base[2] - half[2]])
            .with_rgba([0.25, 0.27, 0.32, 1.0])
            .with_contype(0)
            .set_conaffinity(0);
    }
    Ok(())
}
