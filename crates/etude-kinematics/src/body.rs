//! The flat kinematic tree: joints with their parents, fixed poses, axes and limits, and the frames they carry.
//!
//! It holds what motion and reading an unknown robot need: no meshes.

mod builder;
mod error;
mod inertial;
mod mjcf;
pub(crate) mod mjcf_check;
mod mjcf_effort;
pub(crate) mod source;
mod urdf;
pub(crate) mod xml;

use std::collections::{HashMap, HashSet};
use std::path::Path;

use nalgebra::{Isometry3, Point3, Unit, Vector3};

pub use error::{BodyError, LookupError, Remark};
pub use inertial::Inertial;

/// A joint of one [`Body`], fixed ones included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JointId(pub(crate) usize);

impl JointId {
    /// Place of the joint in the order of the tree; 0 is the world, which has no joint.
    pub fn index(self) -> usize {
        self.0
    }
}

/// A named frame of one [`Body`]: a link, a MuJoCo body or a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FrameId(pub(crate) usize);

impl FrameId {
    /// The world, in which every pose is given.
    pub const WORLD: Self = Self(0);

    /// Place of the frame in [`Body::frames`].
    pub fn index(self) -> usize {
        self.0
    }
}

/// How a joint moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JointKind {
    /// Not at all.
    Fixed,
    /// About an axis; rad.
    Revolute,
    /// Along an axis; m.
    Prismatic,
    /// About any axis; unit quaternion (w, x, y, z).
    Ball,
    /// Anywhere; position in m and unit quaternion (x, y, z, w, x, y, z) in the parent's frame.
    Free,
}

impl JointKind {
    /// Number of values this joint has in an array of positions.
    pub fn position_len(self) -> usize {
        match self {
            Self::Fixed => 0,
            Self::Revolute | Self::Prismatic => 1,
            Self::Ball => 4,
            Self::Free => 7,
        }
    }

    /// Whether one number says where the joint is.
    pub fn is_scalar(self) -> bool {
        matches!(self, Self::Revolute | Self::Prismatic)
    }
}

/// What a joint may do. Infinite where the model states no limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct JointLimits {
    /// Lowest position, rad or m.
    pub lower: f64,
    /// Highest position, rad or m.
    pub upper: f64,
    /// Highest speed either way, rad/s or m/s.
    pub velocity: f64,
    /// Highest torque or force either way, N·m or N.
    pub effort: f64,
}

impl JointLimits {
    /// No limit of any kind.
    pub const NONE: Self = Self {
        lower: f64::NEG_INFINITY,
        upper: f64::INFINITY,
        velocity: f64::INFINITY,
        effort: f64::INFINITY,
    };
}

/// A joint that follows another one: `position = multiplier * source + offset`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mimic {
    /// The independent joint; never itself a follower.
    pub source: JointId,
    /// Positions of this joint per position of the source.
    pub multiplier: f64,
    /// Position of this joint where the source is at zero, rad or m.
    pub offset: f64,
}

/// Joints that one motor pulls through a tendon: it sets the sum of `ratio * position`. Nothing in the model says in which
/// shares the joints take it up.
#[derive(Debug, Clone, PartialEq)]
pub struct Tendon {
    /// The vendor's name.
    pub name: String,
    /// Two or more independent joints, each with its ratio (not zero).
    pub joints: Vec<(JointId, f64)>,
}

/// One joint of the tree, or the world at index 0.
#[derive(Debug, Clone)]
pub(crate) struct Joint {
    /// The vendor's name; empty for the world, welded MuJoCo bodies and unnamed joints.
    pub(crate) name: String,
    pub(crate) kind: JointKind,
    /// Index of the joint that carries this one; smaller than its own. The world carries itself.
    pub(crate) parent: usize,
    /// Pose of this joint's frame at displacement zero in the parent's frame.
    pub(crate) fixed: Isometry3<f64>,
    /// Axis in the joint's own frame; meaningless for joints without one.
    pub(crate) axis: Unit<Vector3<f64>>,
    /// Position at which the displacement is zero, rad or m (MuJoCo's `ref`).
    pub(crate) reference: f64,
    pub(crate) limits: JointLimits,
    pub(crate) mimic: Option<Mimic>,
    /// First value of this joint in an array of positions.
    pub(crate) position_index: usize,
}

/// What a frame is in the model it came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FrameKind {
    /// A URDF link or an MJCF body.
    Link,
    /// An MJCF site.
    Site,
}

/// A named frame, fixed to a joint.
#[derive(Debug, Clone)]
pub struct Frame {
    /// The vendor's name.
    pub name: String,
    /// What it is in the model.
    pub kind: FrameKind,
    /// The joint that carries it.
    pub joint: JointId,
    /// Pose of the frame in the carrying joint's frame.
    pub frame_in_joint: Isometry3<f64>,
}

/// Two links that are tied to each other beyond the tree.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Loop {
    /// The joints that carry the links; the world has index 0.
    pub joints: [JointId; 2],
    /// The point that both links share, in the frames of the two joints, m; `None` where more than a point is tied.
    pub shared_m: Option<[Point3<f64>; 2]>,
}

/// A named set of joint positions stored in the model, such as "home".
#[derive(Debug, Clone)]
pub struct Keyframe {
    /// The vendor's name.
    pub name: String,
    /// Joint positions in this body's layout.
    pub positions: Vec<f64>,
}

/// How a model is read.
#[derive(Debug, Clone, Default)]
pub struct BodyOptions {
    /// Hold every free joint where the model puts it: a pinned base. Free joints then have no values in an array of positions.
    pub freeze_free_joints: bool,
    /// Prefix of this robot's names in a composed scene (such as `g1/`). Lookups then also accept names without it.
    pub name_prefix: String,
    /// Go on without an `<include>` whose file is not there, and say so in [`Body::remarks`]. Without it that is an error.
    pub skip_missing_includes: bool,
}

/// A robot's kinematic tree.
#[derive(Debug, Clone)]
pub struct Body {
    name: String,
    joints: Vec<Joint>,
    frames: Vec<Frame>,
    rest: Vec<f64>,
    keyframes: Vec<Keyframe>,
    remarks: Vec<Remark>,
    inertials: Vec<Inertial>,
    /// Joints that the model's actuators drive; none where the format has no actuators.
    driven: Option<HashSet<JointId>>,
    /// Joints whose links a loop closes, beyond the tree.
    loops: Vec<Loop>,
    /// Tendons that a motor pulls.
    tendons: Vec<Tendon>,
    joint_by_name: HashMap<String, JointId>,
    frame_by_name: HashMap<(FrameKind, String), FrameId>,
    name_prefix: String,
}

impl Body {
    /// Reads a URDF or MJCF file; which of the two, its root element says. MJCF includes are resolved beside it.
    pub fn from_path(path: impl AsRef<Path>, options: &BodyOptions) -> Result<Self, BodyError> {
        source::read(path.as_ref(), options)
    }

    /// Reads a URDF or MJCF document held in memory. `origin` names it in errors; includes resolve beside it.
    pub fn from_text(text: &str, origin: impl AsRef<Path>, options: &BodyOptions) -> Result<Self, BodyError> {
        source::parse(text, origin.as_ref(), options)
    }

    /// The model's own name; empty where it states none.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the model left unsaid or says that this body does not represent.
    pub fn remarks(&self) -> &[Remark] {
        &self.remarks
    }

    /// The masses that the model states, in the order of its links.
    pub fn inertials(&self) -> &[Inertial] {
        &self.inertials
    }

    /// Whether an actuator of the model drives the joint; `None` where the model names no actuators (URDF).
    pub fn is_driven(&self, joint: JointId) -> Option<bool> {
        self.driven.as_ref().map(|driven| driven.contains(&joint))
    }

    /// Links that are tied to each other beyond the tree (MJCF `connect` and `weld`): closed loops.
    pub fn loops(&self) -> &[Loop] {
        &self.loops
    }

    /// Joints that take one command together, because one motor pulls them through a tendon (MJCF `<tendon><fixed>`). A tendon
    /// whose joints follow one another by couplings is none: it has one joint to move.
    pub fn tendons(&self) -> &[Tendon] {
        &self.tendons
    }

    /// All joints in the order of the tree, parents first, fixed ones included.
    pub fn joints(&self) -> impl ExactSizeIterator<Item = JointId> + use<> {
        (1..self.joints.len()).map(JointId)
    }

    /// The joints that have a position of their own or follow one, in the order of the positions.
    pub fn moving_joints(&self) -> impl Iterator<Item = JointId> + '_ {
        self.joints().filter(|&joint| self.kind(joint) != JointKind::Fixed)
    }

    /// All frames; index 0 is the world.
    pub fn frames(&self) -> &[Frame] {
        &self.frames
    }

    /// One frame.
    pub fn frame_of(&self, frame: FrameId) -> &Frame {
        &self.frames[frame.0]
    }

    /// Named positions stored in the model.
    pub fn keyframes(&self) -> &[Keyframe] {
        &self.keyframes
    }

    /// Finds a joint by its name, with or without the prefix given when the body was read.
    pub fn joint(&self, name: &str) -> Result<JointId, LookupError> {
        self.joint_by_name
            .get(name)
            .or_else(|| self.joint_by_name.get(&format!("{}{name}", self.name_prefix)))
            .copied()
            .ok_or_else(|| LookupError::Joint { name: name.to_owned(), body: self.name.clone() })
    }

    /// Finds a frame by its name: a link or body first, then a site; with or without the prefix.
    pub fn frame(&self, name: &str) -> Result<FrameId, LookupError> {
        if name == "world" {
            return Ok(FrameId::WORLD);
        }
        let prefixed = format!("{}{name}", self.name_prefix);
        [name, &prefixed]
            .into_iter()
            .find_map(|name| {
                self.frame_named(FrameKind::Link, name).or_else(|| self.frame_named(FrameKind::Site, name))
            })
            .ok_or_else(|| LookupError::Frame { name: name.to_owned(), body: self.name.clone() })
    }

    /// Finds a site by its exact name, also where a body bears the same.
    pub fn site(&self, name: &str) -> Result<FrameId, LookupError> {
        self.frame_named(FrameKind::Site, name)
            .ok_or_else(|| LookupError::Frame { name: name.to_owned(), body: self.name.clone() })
    }

    fn frame_named(&self, kind: FrameKind, name: &str) -> Option<FrameId> {
        self.frame_by_name.get(&(kind, name.to_owned())).copied()
    }

    /// The joint's name in the model; empty where it has none.
    pub fn joint_name(&self, joint: JointId) -> &str {
        &self.joints[joint.0].name
    }

    /// How the joint moves.
    pub fn kind(&self, joint: JointId) -> JointKind {
        self.joints[joint.0].kind
    }

    /// The joint that carries this one; `None` where the world does.
    pub fn parent(&self, joint: JointId) -> Option<JointId> {
        let parent = self.joints[joint.0].parent;
        (parent != 0).then_some(JointId(parent))
    }

    /// The joint's axis in its own frame (unit length).
    pub fn axis(&self, joint: JointId) -> Unit<Vector3<f64>> {
        self.joints[joint.0].axis
    }

    /// Pose of the joint at displacement zero in the frame of the joint that carries it.
    pub fn joint_in_parent(&self, joint: JointId) -> Isometry3<f64> {
        self.joints[joint.0].fixed
    }

    /// What the joint may do.
    pub fn limits(&self, joint: JointId) -> JointLimits {
        self.joints[joint.0].limits
    }

    /// Replaces what the joint may do, for instance by the limits of an embodiment card.
    pub fn set_limits(&mut self, joint: JointId, limits: JointLimits) -> Result<(), BodyError> {
        let sound = limits.lower <= limits.upper && limits.velocity > 0.0 && limits.effort >= 0.0;
        if !sound {
            return Err(BodyError::Limits { joint: self.joint_name(joint).to_owned(), limits });
        }
        self.joints[joint.0].limits = limits;
        Ok(())
    }

    /// The joint that this one follows, if it does.
    pub fn mimic(&self, joint: JointId) -> Option<Mimic> {
        self.joints[joint.0].mimic
    }

    /// Length of an array of joint positions.
    pub fn position_len(&self) -> usize {
        self.rest.len()
    }

    /// Where the joint's values start in an array of joint positions; `None` for a fixed joint.
    pub fn position_index(&self, joint: JointId) -> Option<usize> {
        let joint = &self.joints[joint.0];
        (joint.kind != JointKind::Fixed).then_some(joint.position_index)
    }

    /// The positions in which the model is written: MuJoCo's `qpos0`, URDF's zero.
    pub fn rest(&self) -> &[f64] {
        &self.rest
    }

    /// Puts every follower where its source says. `positions` has this body's layout; a shorter array is left alone.
    pub fn apply_mimics(&self, positions: &mut [f64]) {
        if positions.len() != self.rest.len() {
            return;
        }
        for joint in &self.joints {
            if let Some(mimic) = joint.mimic {
                let source = positions[self.joints[mimic.source.0].position_index];
                positions[joint.position_index] = mimic.multiplier * source + mimic.offset;
            }
        }
    }

    pub(crate) fn joint_data(&self) -> &[Joint] {
        &self.joints
    }

    /// Marks joints and all that they hang on, \[joint\], but not the world.
    pub(crate) fn mark_above(&self, joints: impl Iterator<Item = usize>, marks: &mut [bool]) {
        for mut joint in joints {
            while joint != 0 && !marks[joint] {
                marks[joint] = true;
                joint = self.joints[joint].parent;
            }
        }
    }
}
