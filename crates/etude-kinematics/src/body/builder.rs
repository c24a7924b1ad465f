//! Puts a body together from either format: names, layout of positions, followers.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use nalgebra::{Isometry3, Unit, UnitQuaternion, Vector3};

use super::inertial::{Inertial, Stated};
use super::{
    Body, BodyError, BodyOptions, Frame, FrameId, FrameKind, Joint, JointId, JointKind, JointLimits,
    Keyframe, Loop, Mimic, Remark, Tendon,
};

/// Most joints in one body; a humanoid with two hands has fewer than a hundred.
const MAX_JOINTS: usize = 2_000;
/// Most frames in one body.
const MAX_FRAMES: usize = 100_000;
/// A shorter axis has no direction.
const MIN_AXIS_LENGTH: f64 = 1e-9;

/// A joint as a format states it.
pub(super) struct JointSpec {
    pub(super) name: String,
    pub(super) kind: JointKind,
    pub(super) parent: usize,
    pub(super) fixed: Isometry3<f64>,
    pub(super) axis: Vector3<f64>,
    pub(super) reference: f64,
    pub(super) limits: JointLimits,
    /// Where a free joint puts its body when the model is at rest.
    pub(super) rest_pose: Isometry3<f64>,
}

/// A follower as a format states it: `follower = multiplier * source + offset`.
pub(super) struct Coupling {
    pub(super) follower: JointId,
    pub(super) source: JointId,
    pub(super) multiplier: f64,
    pub(super) offset: f64,
}

pub(super) struct Builder {
    path: PathBuf,
    body: Body,
}

impl Builder {
    pub(super) fn new(path: &Path, name: &str, options: &BodyOptions) -> Self {
        let world = Joint {
            name: String::new(),
            kind: JointKind::Fixed,
            parent: 0,
            fixed: Isometry3::identity(),
            axis: Vector3::z_axis(),
            reference: 0.0,
            limits: JointLimits::NONE,
            mimic: None,
            position_index: 0,
        };
        let mut builder = Self {
            path: path.to_owned(),
            body: Body {
                name: name.to_owned(),
                joints: vec![world],
                frames: Vec::new(),
                rest: Vec::new(),
                keyframes: Vec::new(),
                remarks: Vec::new(),
                inertials: Vec::new(),
                driven: None,
                loops: Vec::new(),
                tendons: Vec::new(),
                joint_by_name: HashMap::new(),
                frame_by_name: HashMap::new(),
                name_prefix: options.name_prefix.clone(),
            },
        };
        builder.push_frame("world", FrameKind::Link, 0, Isometry3::identity());
        builder
    }

    pub(super) fn remark(&mut self, remark: Remark) {
        self.body.remarks.push(remark);
    }

    /// Adds the mass of the frame that was pushed last.
    pub(super) fn push_inertial(&mut self, joint: usize, link_in_joint: &Isometry3<f64>, stated: &Stated) {
        self.body.inertials.push(Inertial {
            link: FrameId(self.body.frames.len() - 1),
            joint: JointId(joint),
            mass_kg: stated.mass_kg,
            centre_in_joint: link_in_joint * stated.centre_in_link,
            moments: stated.moments,
        });
    }

    /// States which joints actuators drive.
    pub(super) fn drive(&mut self, joints: HashSet<JointId>) {
        self.body.driven = Some(joints);
    }

    /// Ties the links of two joints beyond the tree.
    pub(super) fn close_loop(&mut self, closed: Loop) {
        self.body.loops.push(closed);
    }

    /// States a tendon that a motor pulls; [`Builder::finish`] keeps it where it moves several joints.
    pub(super) fn pull(&mut self, tendon: Tendon) {
        self.body.tendons.push(tendon);
    }

    /// A frame by its kind and exact name.
    pub(super) fn frame(&self, kind: FrameKind, name: &str) -> Option<&Frame> {
        let frame = self.body.frame_by_name.get(&(kind, name.to_owned()))?;
        Some(&self.body.frames[frame.0])
    }

    /// The body as far as it is built, to be looked at at rest.
    pub(super) fn body(&self) -> &Body {
        &self.body
    }

    pub(super) fn joint(&self, name: &str) -> Option<JointId> {
        self.body.joint_by_name.get(name).copied()
    }

    pub(super) fn reference(&self, joint: JointId) -> f64 {
        self.body.joints[joint.0].reference
    }

    pub(super) fn kind(&self, joint: JointId) -> JointKind {
        self.body.joints[joint.0].kind
    }

    pub(super) fn is_follower(&self, joint: JointId) -> bool {
        self.body.joints[joint.0].mimic.is_some()
    }

    pub(super) fn limits_mut(&mut self, joint: JointId) -> &mut JointLimits {
        &mut self.body.joints[joint.0].limits
    }

    /// Adds a joint; its parent must be there already. Returns its index.
    pub(super) fn push_joint(&mut self, spec: JointSpec) -> Result<usize, BodyError> {
        let index = self.body.joints.len();
        if index >= MAX_JOINTS {
            return Err(self.bound("joints", index, MAX_JOINTS));
        }
        let fail = |expected: &str, found: String| self.element("joint", &spec.name, expected, found);
        let axis = match Unit::try_new(spec.axis, MIN_AXIS_LENGTH) {
            Some(axis) if axis.iter().all(|value| value.is_finite()) => axis,
            _ if spec.kind.is_scalar() => {
                return Err(fail("an axis with a direction", format!("{:?}", spec.axis.as_slice())));
            }
            _ => Vector3::z_axis(),
        };
        if !is_finite(&spec.fixed) || !is_finite(&spec.rest_pose) || !spec.reference.is_finite() {
            return Err(fail("finite numbers in its pose", format!("{:?}", spec.fixed)));
        }
        let limits = spec.limits;
        if limits.lower.is_nan() || limits.upper.is_nan() || limits.lower > limits.upper {
            return Err(fail(
                "a lower limit below the upper one",
                format!("[{}, {}]", limits.lower, limits.upper),
            ));
        }
        let position_index = self.body.rest.len();
        match spec.kind {
            JointKind::Fixed => {}
            JointKind::Revolute | JointKind::Prismatic => self.body.rest.push(spec.reference),
            JointKind::Ball => self.body.rest.extend([1.0, 0.0, 0.0, 0.0]),
            JointKind::Free => self.body.rest.extend(free_positions(&spec.rest_pose)),
        }
        if !spec.name.is_empty() {
            match self.body.joint_by_name.entry(spec.name.clone()) {
                Entry::Occupied(_) => self.body.remarks.push(Remark::DuplicateName(spec.name.clone())),
                Entry::Vacant(entry) => {
                    entry.insert(JointId(index));
                }
            }
        }
        self.body.joints.push(Joint {
            name: spec.name,
            kind: spec.kind,
            parent: spec.parent,
            fixed: spec.fixed,
            axis,
            reference: spec.reference,
            limits,
            mimic: None,
            position_index,
        });
        Ok(index)
    }

    /// Adds a frame fixed to a joint. Unnamed frames are kept, but cannot be looked up.
    pub(super) fn push_frame(
        &mut self,
        name: &str,
        kind: FrameKind,
        joint: usize,
        frame_in_joint: Isometry3<f64>,
    ) {
        let id = FrameId(self.body.frames.len());
        if !name.is_empty() {
            match self.body.frame_by_name.entry((kind, name.to_owned())) {
                Entry::Occupied(_) => self.body.remarks.push(Remark::DuplicateName(name.to_owned())),
                Entry::Vacant(entry) => {
                    entry.insert(id);
                }
            }
        }
        self.body.frames.push(Frame { name: name.to_owned(), kind, joint: JointId(joint), frame_in_joint });
    }

    pub(super) fn push_keyframe(&mut self, name: &str, positions: Vec<f64>) {
        if positions.len() == self.body.rest.len() && positions.iter().all(|value| value.is_finite()) {
            self.body.keyframes.push(Keyframe { name: name.to_owned(), positions });
        } else {
            self.remark(Remark::Keyframe(name.to_owned()));
        }
    }

    /// Ties a follower to its source. Chains are resolved by [`Builder::finish`].
    pub(super) fn couple(&mut self, coupling: &Coupling) {
        let mimic =
            Mimic { source: coupling.source, multiplier: coupling.multiplier, offset: coupling.offset };
        self.body.joints[coupling.follower.0].mimic = Some(mimic);
    }

    pub(super) fn finish(mut self) -> Result<Body, BodyError> {
        if self.body.frames.len() > MAX_FRAMES {
            return Err(self.bound("frames", self.body.frames.len(), MAX_FRAMES));
        }
        for index in 0..self.body.joints.len() {
            if let Some(mimic) = self.body.joints[index].mimic {
                let resolved = self.resolve(index, mimic)?;
                self.body.joints[index].mimic = Some(resolved);
            }
        }
        self.keep_tendons();
        let mut rest = std::mem::take(&mut self.body.rest);
        let restore = rest.clone();
        self.body.rest = restore;
        self.body.apply_mimics(&mut rest);
        self.body.rest = rest;
        Ok(self.body)
    }

    /// Counts followers as what they follow, and drops tendons that are left with fewer than two joints.
    fn keep_tendons(&mut self) {
        let joints = &self.body.joints;
        for tendon in &mut self.body.tendons {
            let mut free: Vec<(JointId, f64)> = Vec::with_capacity(tendon.joints.len());
            for &(joint, ratio) in &tendon.joints {
                let mimic = joints[joint.0].mimic;
                let (joint, ratio) = mimic.map_or((joint, ratio), |m| (m.source, ratio * m.multiplier));
                match free.iter_mut().find(|(known, _)| *known == joint) {
                    Some((_, sum)) => *sum += ratio,
                    None => free.push((joint, ratio)),
                }
            }
            free.retain(|(_, ratio)| *ratio != 0.0 && ratio.is_finite());
            tendon.joints = free;
        }
        self.body.tendons.retain(|tendon| tendon.joints.len() > 1);
    }

    /// Follows a chain of followers to the joint that moves by itself.
    fn resolve(&self, follower: usize, mimic: Mimic) -> Result<Mimic, BodyError> {
        let mut resolved = mimic;
        for _ in 0..self.body.joints.len() {
            let Some(next) = self.body.joints[resolved.source.0].mimic else {
                return Ok(resolved);
            };
            resolved = Mimic {
                source: next.source,
                multiplier: resolved.multiplier * next.multiplier,
                offset: resolved.multiplier * next.offset + resolved.offset,
            };
        }
        let name = &self.body.joints[follower].name;
        Err(self.element(
            "joint",
            name,
            "a joint that moves by itself at the end of its followers",
            "a circle".to_owned(),
        ))
    }

    pub(super) fn element(
        &self,
        element: &'static str,
        name: &str,
        expected: &str,
        found: String,
    ) -> BodyError {
        BodyError::Element {
            path: self.path.clone(),
            element,
            name: name.to_owned(),
            expected: expected.to_owned(),
            found,
        }
    }

    fn bound(&self, what: &'static str, found: usize, bound: usize) -> BodyError {
        BodyError::Bound { path: self.path.clone(), what, found: found as u64, bound: bound as u64 }
    }
}

/// The seven values of a free joint at this pose.
fn free_positions(pose: &Isometry3<f64>) -> [f64; 7] {
    let (p, q): (_, &UnitQuaternion<f64>) = (pose.translation.vector, &pose.rotation);
    [p.x, p.y, p.z, q.w, q.i, q.j, q.k]
}

fn is_finite(pose: &Isometry3<f64>) -> bool {
    pose.translation.vector.iter().chain(pose.rotation.coords.iter()).all(|value| value.is_finite())
}
