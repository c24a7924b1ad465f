//! Cameras, drawn without a screen.
//!
//! A renderer belongs to the thread that makes it. It draws from a [`Snapshot`], so it may run beside the physics.

use crate::compose::{PREFIX, Placed, name_in_scene};
use crate::simulation::{Simulation, Snapshot};
use etude_model::Card;
use etude_model::card::SensorKind;
use etude_model::sample::Calibration;
use mujoco_rs::prelude::*;
use mujoco_rs::renderer::MjRenderer;
use std::sync::Arc;

/// Room for what MuJoCo draws beyond the model's own shapes.
const EXTRA_SHAPES: u32 = 200;

/// One camera's picture.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Picture {
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// Colours, \[row, column, red green blue\], u8, sRGB.
    pub rgb: Vec<u8>,
    /// Distance along the optical axis, \[row, column\], u16, mm; 0: beyond 65 m. Empty where the card's camera measures
    /// no depth.
    pub depth_mm: Vec<u16>,
}

/// Draws the cameras of the robots' cards.
///
/// Cameras of the first robot have their card's names (`head`); those of further robots have their robot's prefix before
/// them (`across/head`).
#[derive(Debug)]
pub struct Renderer {
    data: MjData<Arc<MjModel>>,
    cameras: Vec<Camera>,
    /// One context per size and kind of picture.
    contexts: Vec<Context>,
}

#[derive(Debug)]
struct Camera {
    name: String,
    id: usize,
    context: usize,
    fovy_rad: f64,
}

#[derive(Debug)]
struct Context {
    size: [u32; 2],
    depth: bool,
    renderer: MjRenderer,
}

/// Why a picture cannot be drawn.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// No OpenGL without a screen on this machine.
    #[error("cameras cannot be drawn: {source}; hint: on Debian, `apt-get install libegl1 libgl1-mesa-dri`")]
    Unavailable {
        /// Why.
        source: RendererError,
    },
    /// The simulation has no such camera.
    #[error("the simulation has no camera `{0}`")]
    NoSuchCamera(String),
    /// The snapshot is of another model.
    #[error("the snapshot has {found} positions, this model {expected}")]
    ForeignSnapshot {
        /// Positions of the model.
        expected: usize,
        /// Positions of the snapshot.
        found: usize,
    },
    /// Drawing failed.
    #[error("the camera `{camera}` cannot be drawn: {source}")]
    Failed {
        /// The camera.
        camera: String,
        /// Why.
        source: RendererError,
    },
}

impl Renderer {
    /// Makes contexts for every camera of the simulation's robots, in the calling thread. `camera_size`: as in
    /// [`crate::SimOptions`].
    pub fn new(simulation: &Simulation, camera_size: Option<[u32; 2]>) -> Result<Self, RenderError> {
        let robots = simulation.robots().map(|robot| (robot.prefix(), robot.card()));
        Self::of(Arc::clone(simulation.model()), robots, camera_size)
    }

    /// The same from the model and card of a simulation that [`Simulation::compose`] made, for a thread that does not
    /// hold the simulation.
    pub fn from_model(
        model: Arc<MjModel>,
        card: &Card,
        camera_size: Option<[u32; 2]>,
    ) -> Result<Self, RenderError> {
        Self::of(model, std::iter::once((PREFIX, card)), camera_size)
    }

    /// The same from the model and the robots of a simulation that [`Simulation::compose_many`] made.
    pub fn from_robots(
        model: Arc<MjModel>,
        robots: &[Placed],
        camera_size: Option<[u32; 2]>,
    ) -> Result<Self, RenderError> {
        let robots = robots.iter().map(|placed| (placed.prefix.as_str(), &placed.card));
        Self::of(model, robots, camera_size)
    }

    /// `robots`: prefix and card of each.
    fn of<'a>(
        model: Arc<MjModel>,
        robots: impl Iterator<Item = (&'a str, &'a Card)>,
        camera_size: Option<[u32; 2]>,
    ) -> Result<Self, RenderError> {
        let mut contexts: Vec<Context> = Vec::new();
        let mut cameras = Vec::new();
        let sensors = robots
            .enumerate()
            .flat_map(|(at, (prefix, card))| card.sensors.iter().map(move |sensor| (at, prefix, sensor)));
        for (at, prefix, sensor) in sensors {
            let SensorKind::Camera { width, height, depth, fovy_rad, .. } = sensor.kind else { continue };
            let full = name_in_scene(prefix, &sensor.name);
            let Some(id) = model.name_to_id(MjtObjBase::mjOBJ_CAMERA, &full) else { continue };
            let size = camera_size.unwrap_or([width, height]);
            let same = |context: &Context| context.size == size && context.depth == depth;
            let context = if let Some(at) = contexts.iter().position(same) {
                at
            } else {
                contexts.push(Context { size, depth, renderer: renderer(&model, size, depth)? });
                contexts.len() - 1
            };
            let name = if at == 0 { sensor.name.clone() } else { full };
            cameras.push(Camera { name, id, context, fovy_rad });
        }
        Ok(Self { data: MjData::new(model), cameras, contexts })
    }

    /// Names of the cameras, robot by robot, each in its card's order.
    pub fn cameras(&self) -> impl Iterator<Item = &str> {
        self.cameras.iter().map(|camera| camera.name.as_str())
    }

    /// Draws one camera as of a snapshot.
    pub fn draw(&mut self, snapshot: &Snapshot, camera: &str, into: &mut Picture) -> Result<(), RenderError> {
        let camera = self
            .cameras
            .iter()
            .find(|known| known.name == camera)
            .ok_or_else(|| RenderError::NoSuchCamera(camera.to_owned()))?;
        let expected = self.data.qpos().len();
        if snapshot.positions.len() != expected {
            return Err(RenderError::ForeignSnapshot { expected, found: snapshot.positions.len() });
        }
        if self.data.qpos() != snapshot.positions || self.data.time() != snapshot.time_s {
            self.data.qpos_mut().copy_from_slice(&snapshot.positions);
            self.data.set_time(snapshot.time_s);
            self.data.kinematics();
            self.data.com_pos();
            self.data.camlight();
        }
        let failed = |source| RenderError::Failed { camera: camera.name.clone(), source };
        let context = &mut self.contexts[camera.context];
        context.renderer.set_camera(MjvCamera::new_fixed(camera.id));
        context.renderer.sync_data(&mut self.data).map_err(failed)?;
        context.renderer.render().map_err(failed)?;
        [into.width, into.height] = context.size;
        into.rgb.clear();
        into.rgb.extend_from_slice(context.renderer.rgb_flat().unwrap_or_default());
        into.depth_mm.clear();
        let depth = context.renderer.depth_flat().unwrap_or_default();
        into.depth_mm.extend(depth.iter().map(|metres| millimetres(*metres)));
        Ok(())
    }

    /// A camera's calibration: a pinhole without distortion.
    pub fn calibration(&self, camera: &str) -> Result<Calibration, RenderError> {
        let camera = self
            .cameras
            .iter()
            .find(|known| known.name == camera)
            .ok_or_else(|| RenderError::NoSuchCamera(camera.to_owned()))?;
        let [width, height] = self.contexts[camera.context].size;
        let focal = 0.5 * f64::from(height) / (0.5 * camera.fovy_rad).tan();
        let (cx, cy) = (0.5 * f64::from(width), 0.5 * f64::from(height));
        Ok(Calibration {
            width,
            height,
            k: [focal, 0.0, cx, 0.0, focal, cy, 0.0, 0.0, 1.0],
            ..Calibration::default()
        })
    }
}

/// Whole millimetres; 0 where they do not fit.
fn millimetres(metres: f32) -> u16 {
    let rounded = (metres * 1000.0).round();
    if (0.0..=f32::from(u16::MAX)).contains(&rounded) { rounded as u16 } else { 0 }
}

fn renderer(model: &MjModel, [width, height]: [u32; 2], depth: bool) -> Result<MjRenderer, RenderError> {
    MjRenderer::builder()
        .width(width)
        .height(height)
        .rgb(true)
        .depth(depth)
        .num_visual_internal_geom(EXTRA_SHAPES)
        .build(model)
        .map_err(|source| RenderError::Unavailable { source })
}
