//! A hand's fingers as chains of joints in the palm's frame: what moves each fingertip, and how.
//!
//! A chain owns all it needs, so that a hand is solved without the body it belongs to and wherever its wrist is.

use nalgebra::{Isometry3, Vector3};

use super::error::HandError;
use super::model::{FingerModel, HandModel};
use super::skeleton::HumanFinger;
use crate::body::{Body, JointId, JointKind};
use crate::selection::{Selection, Variable};

/// Most points of a finger between knuckle and tip that are led.
pub(super) const MIDDLES: usize = 2;
/// A joint whose axis is closer than this to the hand's bending axis (cosine) bends the finger.
const BENDS: f64 = 0.8;
/// Shares of a finger's length between which its middle points lie, and the least between two of them.
const MIDDLE_SHARES: (f64, f64, f64) = (0.2, 0.85, 0.15);

/// One moving joint of a finger.
#[derive(Debug, Clone)]
struct Link {
    /// Pose of the joint at displacement zero in the frame of the link before it (of the first: in the palm).
    joint_in_before: Isometry3<f64>,
    axis: Vector3<f64>,
    slides: bool,
    /// Which of the chain's columns moves it.
    slot: usize,
    /// Displacement = multiplier · variable + shift.
    multiplier: f64,
    shift: f64,
}

/// A point between knuckle and tip on the axis of a link's joint, and its share of the finger's length.
#[derive(Debug, Clone, Copy)]
pub(super) struct Middle {
    pub(super) link: usize,
    pub(super) share: f64,
    /// From the link's origin along its axis to beside the stretched finger's line, m.
    along_axis_m: f64,
}

/// A finger.
#[derive(Debug, Clone)]
pub(super) struct Chain {
    pub(super) follows: HumanFinger,
    links: Vec<Link>,
    /// The hand's variables that move the finger, without repeats.
    pub(super) columns: Vec<usize>,
    tip_in_last: Vector3<f64>,
    pub(super) middles: Vec<Middle>,
    /// The link at the knuckle.
    pub(super) knuckle: usize,
    origins: Vec<Vector3<f64>>,
    axes: Vec<Vector3<f64>>,
    tip: Vector3<f64>,
}

/// All fingers of a hand with the variables that move them.
#[derive(Debug, Clone)]
pub(super) struct Chains {
    pub(super) fingers: Vec<Chain>,
    pub(super) variables: Vec<Variable>,
    /// Positions in which each finger is stretched, the joints as near zero as they can be, \[variable\], rad or m.
    pub(super) open: Vec<f64>,
    /// Mean direction of the axes about which the long fingers bend, in the palm; its sign means nothing.
    pub(super) bending: Vector3<f64>,
}

impl Chains {
    /// The chains from the model's palm to its tips.
    pub(super) fn new(body: &Body, model: &HandModel) -> Result<Self, HandError> {
        let paths: Vec<_> =
            model.fingers.iter().map(|finger| path(body, model, finger)).collect::<Result<_, HandError>>()?;
        let moving = |joint: &JointId| body.kind(*joint) != JointKind::Fixed;
        // The thumb's variables last: it is what a pinch couples to every other finger.
        let (thumb, long): (Vec<_>, Vec<_>) =
            model.fingers.iter().zip(&paths).partition(|(finger, _)| finger.follows == HumanFinger::Thumb);
        let all: Vec<JointId> =
            long.iter().chain(&thumb).flat_map(|(_, path)| *path).copied().filter(moving).collect();
        let selection = Selection::new(body, &all)
            .map_err(|_| HandError::Fingers { found: model.fingers.iter().map(|f| f.follows).collect() })?;
        let variables = selection.variables().to_vec();
        let mut fingers = Vec::with_capacity(paths.len());
        for (finger, path) in model.fingers.iter().zip(&paths) {
            fingers.push(Chain::new(body, model, finger, path, &variables));
        }
        let open = variables.iter().map(|variable| 0.0_f64.clamp(variable.lower, variable.upper)).collect();
        let mut chains = Self { fingers, variables, open, bending: Vector3::zeros() };
        chains.measure();
        Ok(chains)
    }

    /// The variables that spread long fingers and bend none.
    pub(super) fn spreading(&self) -> Vec<usize> {
        let long = || self.fingers.iter().filter(|chain| chain.follows != HumanFinger::Thumb);
        let bends = |chain: &Chain, link: usize| chain.axes[link].dot(&self.bending).abs() > BENDS;
        let with = |bending: bool| -> Vec<usize> {
            long()
                .flat_map(|chain| {
                    let links = (0..chain.len()).filter(move |&link| bends(chain, link) == bending);
                    links.map(move |link| chain.columns[chain.links[link].slot])
                })
                .collect()
        };
        let bending = with(true);
        with(false).into_iter().filter(|column| !bending.contains(column)).collect()
    }

    /// Finds the bending axis, the knuckles, the stretched pose and the middle points.
    fn measure(&mut self) {
        let mut bending = Vector3::zeros();
        for chain in &mut self.fingers {
            chain.update(&self.open);
            if chain.follows != HumanFinger::Thumb {
                let axis = chain.axes.last().copied().unwrap_or_default();
                bending += if axis.dot(&bending) < 0.0 { -axis } else { axis };
            }
        }
        self.bending = bending.try_normalize(1e-9).unwrap_or_default();
        for chain in &mut self.fingers {
            if chain.follows != HumanFinger::Thumb {
                let bends = |axis: &Vector3<f64>| axis.dot(&self.bending).abs() > BENDS;
                chain.knuckle = chain.axes.iter().position(bends).unwrap_or(0);
            }
            chain.stretch(&self.variables, &mut self.open);
            chain.update(&self.open);
            chain.find_middles(&self.bending);
        }
        for chain in &mut self.fingers {
            chain.update(&self.open);
        }
    }
}

impl Chain {
    fn new(
        body: &Body,
        model: &HandModel,
        finger: &FingerModel,
        path: &[JointId],
        variables: &[Variable],
    ) -> Self {
        let palm = body.frame_of(model.palm);
        let mut before = (palm.frame_in_joint * model.palm_in_frame).inverse();
        let (mut links, mut columns) = (Vec::new(), Vec::<usize>::new());
        for &joint in path {
            before *= body.joint_in_parent(joint);
            let data = &body.joint_data()[joint.index()];
            if data.kind == JointKind::Fixed {
                continue;
            }
            let (source, multiplier, offset) =
                data.mimic.map_or((joint, 1.0, 0.0), |mimic| (mimic.source, mimic.multiplier, mimic.offset));
            let column = variables.iter().position(|variable| variable.joint == source).unwrap_or(0);
            let slot = columns.iter().position(|&known| known == column).unwrap_or_else(|| {
                columns.push(column);
                columns.len() - 1
            });
            links.push(Link {
                joint_in_before: before,
                axis: data.axis.into_inner(),
                slides: data.kind == JointKind::Prismatic,
                slot,
                multiplier,
                shift: offset - data.reference,
            });
            before = Isometry3::identity();
        }
        let tip = body.frame_of(finger.tip.frame);
        let tip_in_last = (before * tip.frame_in_joint * nalgebra::Point3::from(finger.tip.offset_m)).coords;
        let count = links.len();
        let zeros = vec![Vector3::zeros(); count];
        Self {
            follows: finger.follows,
            links,
            columns,
            tip_in_last,
            middles: Vec::with_capacity(MIDDLES),
            knuckle: 0,
            origins: zeros.clone(),
            axes: zeros,
            tip: Vector3::zeros(),
        }
    }

    /// Moves the finger to the hand's positions, \[variable\].
    pub(super) fn update(&mut self, positions: &[f64]) {
        let mut pose = Isometry3::identity();
        for (index, link) in self.links.iter().enumerate() {
            pose *= link.joint_in_before;
            let displacement = link.multiplier * positions[self.columns[link.slot]] + link.shift;
            self.axes[index] = pose.rotation * link.axis;
            if link.slides {
                pose.translation.vector += self.axes[index] * displacement;
            } else {
                let (sin, cos) = (displacement * 0.5).sin_cos();
                let turn = nalgebra::Quaternion::from_parts(cos, link.axis * sin);
                pose.rotation *= nalgebra::UnitQuaternion::new_unchecked(turn);
            }
            self.origins[index] = pose.translation.vector;
        }
        self.tip = pose.translation.vector + pose.rotation * self.tip_in_last;
    }

    /// The tip in the palm, m.
    pub(super) fn tip(&self) -> Vector3<f64> {
        self.tip
    }

    /// A point between knuckle and tip in the palm, m.
    pub(super) fn middle(&self, middle: &Middle) -> Vector3<f64> {
        self.origins[middle.link] + self.axes[middle.link] * middle.along_axis_m
    }

    /// The knuckle in the palm, m.
    pub(super) fn knuckle_origin(&self) -> Vector3<f64> {
        self.origins[self.knuckle]
    }

    /// Number of links.
    pub(super) fn len(&self) -> usize {
        self.links.len()
    }

    /// How a point that links `..links` carry moves per unit of each of the chain's columns, \[slot\], m/rad or 1.
    pub(super) fn derivatives(&self, point: &Vector3<f64>, links: usize, out: &mut [Vector3<f64>]) {
        out.fill(Vector3::zeros());
        for ((link, axis), origin) in self.links[..links].iter().zip(&self.axes).zip(&self.origins) {
            let moved = if link.slides { *axis } else { axis.cross(&(point - origin)) };
            out[link.slot] += moved * link.multiplier;
        }
    }

    /// Largest distance of tip and knuckle within the limits, m; moves `positions` there where that gains 1 %.
    fn stretch(&mut self, variables: &[Variable], positions: &mut [f64]) {
        const SAMPLES: usize = 17;
        for _round in 0..3 {
            for place in 0..self.columns.len() {
                let column = self.columns[place];
                let range = finite_range(&variables[column]);
                let (mut best, mut least) = (positions[column], self.reach_at(positions) * 1.01);
                for sample in 0..SAMPLES {
                    let share = sample as f64 / (SAMPLES - 1) as f64;
                    positions[column] = range.0 + (range.1 - range.0) * share;
                    let reach = self.reach_at(positions);
                    if reach > least {
                        (best, least) = (positions[column], reach);
                    }
                }
                positions[column] = best;
            }
        }
    }

    /// Distance of tip and knuckle at positions, m.
    pub(super) fn reach_at(&mut self, positions: &[f64]) -> f64 {
        self.update(positions);
        (self.tip - self.knuckle_origin()).norm()
    }

    /// Links between knuckle and tip that a person's finger can lead, by their share of the length.
    fn find_middles(&mut self, bending: &Vector3<f64>) {
        let (lowest, highest, apart) = MIDDLE_SHARES;
        let points: Vec<_> = self.origins[self.knuckle..].iter().copied().chain([self.tip]).collect();
        let mut shares = vec![0.0];
        for pair in points.windows(2) {
            shares.push(shares.last().copied().unwrap_or(0.0) + (pair[1] - pair[0]).norm());
        }
        let whole = shares.last().copied().unwrap_or(0.0).max(1e-6);
        let mut last = 0.0;
        self.middles.clear();
        for (place, share) in shares.iter().map(|length| length / whole).enumerate() {
            if share > lowest && share < highest && share - last > apart && self.middles.len() < MIDDLES {
                let link = self.knuckle + place;
                // Some hands have their joints beside the finger's middle.
                let (from, to) = (self.knuckle_origin(), self.tip);
                let beside = bending.dot(&(from + (to - from) * share - self.origins[link]));
                let along = self.axes[link].dot(bending);
                let bends = self.follows != HumanFinger::Thumb && along.abs() > BENDS;
                let along_axis_m = if bends { beside / along } else { 0.0 };
                self.middles.push(Middle { link, share, along_axis_m });
                last = share;
            }
        }
    }
}

/// A variable's range, or half a turn either way where it has none.
pub(super) fn finite_range(variable: &Variable) -> (f64, f64) {
    use std::f64::consts::PI;
    (variable.lower.max(-PI), variable.upper.min(PI))
}

/// The joints from the palm (exclusive) to the tip, fixed ones included.
fn path(body: &Body, model: &HandModel, finger: &FingerModel) -> Result<Vec<JointId>, HandError> {
    let palm = body.frame_of(model.palm);
    let tip = body.frame_of(finger.tip.frame);
    let missing = || HandError::NoJoints { tip: tip.name.clone(), palm: palm.name.clone() };
    let mut path = Vec::new();
    let mut joint = Some(tip.joint);
    while joint != Some(palm.joint) {
        // The palm of a hand that stands alone hangs on the world, which is no joint.
        let Some(here) = joint.filter(|here| here.index() != 0) else {
            if palm.joint.index() == 0 {
                break;
            }
            return Err(missing());
        };
        let kind = body.kind(here);
        if kind != JointKind::Fixed && !kind.is_scalar() {
            let joint = body.joint_name(here).to_owned();
            return Err(HandError::FingerJoint { finger: finger.follows, joint, kind });
        }
        path.push(here);
        joint = body.parent(here);
    }
    path.reverse();
    if path.iter().all(|&joint| body.kind(joint) == JointKind::Fixed) {
        return Err(missing());
    }
    Ok(path)
}
