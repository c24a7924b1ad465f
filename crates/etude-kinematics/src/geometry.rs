//! What a body fills: capsules around the collision shapes of its links, and which of them could collide.
//!
//! [`Geometry`] reads the shapes of a URDF or MJCF file (spheres, capsules, cylinders, boxes, ellipsoids, and meshes whose
//! files are there) and wraps each in a capsule. [`SelfCollision`] keeps the pairs of capsules that a body can bring
//! together. Distances between capsules are exact; a capsule is never smaller than what it wraps. [`Overlaps`] says which
//! links reach into each other by their shapes' hulls, which are never larger than the shapes' hulls truly are.

mod capsule;
mod error;
mod fit;
mod mesh;
mod overlap;
mod pairs;
mod read;
mod solid;

use std::path::Path;

use crate::body::{Body, FrameId};

pub use capsule::{Capsule, Nearest, nearest};
pub use error::{GeometryError, GeometryRemark};
pub use fit::fit_capsule;
pub use overlap::{Overlap, Overlaps};
pub(crate) use pairs::moving_joint;
pub use pairs::{PairOptions, PairReport, SelfCollision};
use solid::ContactBits;
pub(crate) use solid::Solid;

/// A capsule that belongs to a link.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LinkCapsule {
    /// The link.
    pub link: FrameId,
    /// In the frame of the joint that carries the link.
    pub in_joint: Capsule,
}

/// Capsules around the links of one body.
#[derive(Debug, Clone, Default)]
pub struct Geometry {
    capsules: Vec<LinkCapsule>,
    /// The same shapes as hulls, one per capsule.
    solids: Vec<Solid>,
    /// Links that the model says never to test against each other.
    excluded: Vec<(FrameId, FrameId)>,
    remarks: Vec<GeometryRemark>,
}

impl Geometry {
    /// Reads the collision shapes of the model that `body` was read from. Meshes are looked for beside it, where the model
    /// says; what cannot be represented is remarked.
    pub fn from_path(body: &Body, path: impl AsRef<Path>) -> Result<Self, GeometryError> {
        read::from_path(body, path.as_ref())
    }

    /// Adds a capsule, given in the frame of its link.
    pub fn push(&mut self, body: &Body, link: FrameId, in_link: &Capsule) {
        let in_joint = in_link.moved(&body.frame_of(link).frame_in_joint);
        self.capsules.push(LinkCapsule { link, in_joint });
        let (points, radius_m) = (vec![in_joint.start_m, in_joint.end_m], in_joint.radius_m);
        self.solids.push(Solid { link, points, radius_m, bits: ContactBits::ALL });
    }

    /// Never tests two links against each other.
    pub fn exclude(&mut self, one: FrameId, other: FrameId) {
        self.excluded.push((one, other));
    }

    /// All capsules, in the order of the model.
    pub fn capsules(&self) -> &[LinkCapsule] {
        &self.capsules
    }

    /// What was left out, and why.
    pub fn remarks(&self) -> &[GeometryRemark] {
        &self.remarks
    }

    /// All shapes as hulls, in the order of the model.
    pub(crate) fn hulls(&self) -> &[Solid] {
        &self.solids
    }

    pub(crate) fn is_excluded(&self, one: FrameId, other: FrameId) -> bool {
        self.excluded.iter().any(|&pair| pair == (one, other) || pair == (other, one))
    }
}
