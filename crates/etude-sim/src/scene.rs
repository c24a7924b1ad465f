//! A staged environment: its primitives (`scene.xml`) and what is done there (`scene.toml`).
//!
//! The MJCF holds bodies made of primitives. The body `work` is the work surface: its origin is the middle of the
//! surface, and it is moved to the height and distance that suit the robot. Objects are bodies with a free joint whose
//! places the TOML gives in the frame of `work`.

use etude_model::Task;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A staged environment.
#[derive(Clone, Debug)]
pub struct Scene {
    /// What `scene.toml` says.
    pub description: SceneDescription,
    /// The environment in MJCF.
    pub mjcf: String,
    /// Where it was read from, for messages.
    pub folder: PathBuf,
}

/// What `scene.toml` says.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SceneDescription {
    /// Version of this format; 1.
    pub schema: u32,
    /// The scene's id; the name of its folder.
    pub id: String,
    /// Its name per language (BCP 47 tag → words).
    pub title: BTreeMap<String, String>,
    /// Things that can be moved.
    #[serde(rename = "object")]
    pub objects: Vec<Object>,
    /// What can be done here.
    #[serde(rename = "task")]
    pub tasks: Vec<SceneTask>,
}

/// A thing that can be moved: a body of the MJCF with a free joint.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Object {
    /// The body's name.
    pub name: String,
    /// Extent along its own x, y, z, m; its origin is its middle.
    pub size_m: [f64; 3],
    /// Whether turning it about the vertical makes no difference (a can).
    #[serde(default)]
    pub round: bool,
    /// Where it starts.
    pub spawn: Spawn,
}

/// Where an object starts, in the frame of the work surface; drawn evenly from each range.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spawn {
    /// Lowest and highest x, m.
    pub x_m: [f64; 2],
    /// Lowest and highest y, m.
    pub y_m: [f64; 2],
    /// Lowest and highest turn about the vertical, rad.
    pub yaw_rad: [f64; 2],
}

/// A task with its success test.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SceneTask {
    /// What people read.
    pub description: Task,
    /// What the physics must show.
    pub goal: Goal,
}

/// What the physics must show: the object rests in the region, let go of, and was lifted on the way.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Goal {
    /// The object to be brought.
    pub object: String,
    /// Body whose frame the region is in (its origin on the surface that receives the object).
    pub target: String,
    /// Lowest corner of the region that the lowest point of the object's axis must be in, m, in the target's frame.
    pub region_min_m: [f64; 3],
    /// Highest corner, m, in the target's frame.
    pub region_max_m: [f64; 3],
    /// How high above its start the object must have been, m.
    pub lift_m: f64,
    /// Largest angle between the object's axis and the vertical, rad; absent where it may lie.
    #[serde(default)]
    pub tilt_rad: Option<f64>,
    /// Speed below which it rests, m/s.
    pub rest_speed_m_s: f64,
    /// How long it must have rested, s.
    pub rest_time_s: f64,
    /// Where a hand carries the object to before letting go: height of the object's middle above the target's
    /// origin, m.
    pub release_height_m: f64,
    /// Height of the object's middle above the target's origin on the way there, m.
    pub carry_height_m: f64,
}

/// What is wrong with a scene's folder.
#[derive(Debug, thiserror::Error)]
pub enum SceneError {
    /// A file cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The TOML does not describe a scene.
    #[error("{path}: {source}")]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<toml::de::Error>,
    },
    /// Something named is missing or contradicts the rest.
    #[error("{path}: expected {expected}, found {found}")]
    Content {
        /// The file.
        path: PathBuf,
        /// What should be there.
        expected: String,
        /// What is.
        found: String,
    },
}

impl Scene {
    /// Reads `scene.xml` and `scene.toml` of a folder.
    pub fn load(folder: &Path) -> Result<Self, SceneError> {
        let read = |name: &str| {
            let path = folder.join(name);
            std::fs::read_to_string(&path).map_err(|source| SceneError::Read { path, source })
        };
        let path = folder.join("scene.toml");
        let description: SceneDescription = toml::from_str(&read("scene.toml")?)
            .map_err(|source| SceneError::Syntax { path: path.clone(), source: Box::new(source) })?;
        let scene = Self { description, mjcf: read("scene.xml")?, folder: folder.to_owned() };
        scene.check(&path)?;
        Ok(scene)
    }

    /// The scene's id.
    pub fn id(&self) -> &str {
        &self.description.id
    }

    /// A task by its id.
    pub fn task(&self, id: &str) -> Option<&SceneTask> {
        self.description.tasks.iter().find(|task| task.description.id.as_str() == id)
    }

    /// An object by its name.
    pub fn object(&self, name: &str) -> Option<&Object> {
        self.description.objects.iter().find(|object| object.name == name)
    }

    fn check(&self, path: &Path) -> Result<(), SceneError> {
        let content =
            |expected: String, found: String| SceneError::Content { path: path.to_owned(), expected, found };
        if self.description.schema != 1 {
            return Err(content("schema 1".into(), self.description.schema.to_string()));
        }
        if self.description.tasks.is_empty() {
            return Err(content("at least one task".into(), "none".into()));
        }
        for task in &self.description.tasks {
            if self.object(&task.goal.object).is_none() {
                return Err(content(
                    "a goal's object among the objects".into(),
                    format!("`{}`", task.goal.object),
                ));
            }
            if task.description.scene.as_str() != self.id() {
                return Err(content(
                    format!("tasks of the scene `{}`", self.id()),
                    format!("a task of `{}`", task.description.scene),
                ));
            }
        }
        Ok(())
    }
}
