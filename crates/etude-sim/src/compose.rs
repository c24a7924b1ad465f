//! From a scene and the cards of one or more robots to a model that MuJoCo can step.
//!
//! A robot's own model file is taken as it is, then: keyframes, lights and actuators go, the base is pinned where the
//! card says so, joints get the card's limits and servos, finger pads their friction, meshes fewer triangles; sensors
//! and cameras of the card are added; every name is prefixed. The work surface goes where the first robot's arms want
//! it; each robot stands where its card or the caller puts it.

mod decimate;
mod edit;
mod placed;
mod robot;

pub use placed::Placed;
pub(crate) use placed::name_in_scene;

use crate::frame::wxyz_of;
use crate::scene::Scene;
use etude_model::Card;
use etude_model::card::Simulation as Setup;
use mujoco_rs::prelude::*;
use std::path::{Path, PathBuf};

/// Prefix of a robot that is alone in its scene: its joint `elbow` is `robot/elbow` there.
pub const PREFIX: &str = "robot";

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
    /// [`crate::Simulation::reaches_into`] tells of what is nearer than this too, m. What moves is not changed by it.
    pub heed_within_m: f64,
}

impl Default for SimOptions {
    /// Cameras as on the card; meshes at 8 mm, which a camera at arm's length hardly shows and which renders ten times
    /// as fast.
    fn default() -> Self {
        Self { cameras: true, camera_size: None, mesh_cell_m: 0.008, heed_within_m: 0.0 }
    }
}

/// Why a scene and cards do not become a simulation.
#[derive(Debug, thiserror::Error)]
pub enum ComposeError {
    /// Nobody is there.
    #[error("the scene `{scene}` is given no robot; it needs at least one")]
    NoRobot {
        /// The scene's id.
        scene: String,
    },
    /// A prefix that does not tell a robot's names from all others.
    #[error("the prefix `{prefix}` of {robot} {problem}; every robot of a scene needs one of its own")]
    BadPrefix {
        /// The card's title.
        robot: String,
        /// Its prefix.
        prefix: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A place that is none.
    #[error("the place of {robot} (`{prefix}`) is no pose: finite numbers and a unit quaternion are")]
    BadPlace {
        /// The card's title.
        robot: String,
        /// Its prefix.
        prefix: String,
    },
    /// Two robots stand within each other.
    #[error("the robots `{one}` and `{other}` reach into each other at home; hint: place them further apart")]
    Overlap {
        /// Prefix of one.
        one: String,
        /// Prefix of the other.
        other: String,
    },
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

/// Builds the model of a scene with robots in it.
pub(crate) fn model(
    scene: &Scene,
    robots: &[Placed],
    models_dir: &Path,
    options: &SimOptions,
) -> Result<MjModel, ComposeError> {
    let mut stage = MjSpec::from_xml_string(&scene.mjcf)
        .map_err(ComposeError::refused(format!("the scene `{}`", scene.id())))?;
    let bodies: Vec<&str> = stage.body_iter().map(SpecElement::name).collect();
    placed::check(robots, scene.id(), &bodies)?;
    prepare_stage(&mut stage, scene, robots, options)?;
    for placed in robots {
        let mut robot = robot::spec(&placed.card, setup_of(&placed.card)?, models_dir, options)?;
        let base = placed.base()?;
        stage
            .world_body_mut()
            .add_frame()
            .with_pos(base.position_m)
            .with_quat(wxyz_of(&base))
            .attach_by_deep_copy(&mut robot, &name_in_scene(&placed.prefix, ""), "")
            .map_err(ComposeError::refused(format!(
                "{} in the scene `{}`",
                placed.card.title(),
                scene.id()
            )))?;
    }
    let titles: Vec<String> = robots.iter().map(|placed| placed.card.title()).collect();
    let all = format!("{} in the scene `{}`", titles.join(" and "), scene.id());
    stage.compile().map_err(ComposeError::refused(all))
}

/// Physics, picture quality, the work surface where the first robot's arms want it, and what robots stand on.
fn prepare_stage(
    stage: &mut MjSpec,
    scene: &Scene,
    robots: &[Placed],
    options: &SimOptions,
) -> Result<(), ComposeError> {
    let option = stage.option_mut();
    option.timestep = crate::simulation::TIMESTEP_S;
    // Elliptic cones with a high impedance ratio hold a grasp without slip at a fifth of the cost of the alternatives.
    option.cone = MjtCone::mjCONE_ELLIPTIC as i32;
    option.impratio = 10.0;
    option.integrator = MjtIntegrator::mjINT_IMPLICITFAST as i32;
    let [width, height] = robot::largest_camera(robots.iter().map(|placed| &placed.card), options);
    let visual = stage.visual_mut();
    // Shadows and anti-aliasing cost ten times the rest on a CPU renderer.
    visual.quality.shadowsize = 0;
    visual.quality.offsamples = 0;
    visual.global.offwidth = width as i32;
    visual.global.offheight = height as i32;
    if let Some(first) = robots.first() {
        let setup = setup_of(&first.card)?;
        let work = stage.body_mut(WORK_BODY).ok_or_else(|| ComposeError::NotInScene {
            scene: scene.id().to_owned(),
            kind: "body",
            name: WORK_BODY.to_owned(),
        })?;
        work.with_pos([setup.work_distance_m, 0.0, setup.work_height_m]);
    }
    for placed in robots {
        if let Some((stand, half)) = placed.stand()? {
            add_stand(stage, &stand, half);
        }
    }
    Ok(())
}

/// A column, to be seen only.
fn add_stand(stage: &mut MjSpec, middle: &etude_model::Pose, half_m: [f64; 3]) {
    stage
        .world_body_mut()
        .add_geom()
        .with_type(MjtGeomBase::mjGEOM_BOX)
        .with_size(half_m)
        .with_pos(middle.position_m)
        .with_quat(wxyz_of(middle))
        .with_rgba([0.25, 0.27, 0.32, 1.0])
        .with_contype(0)
        .set_conaffinity(0);
}
