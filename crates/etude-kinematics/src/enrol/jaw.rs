//! One jaw of a gripper: its outermost links, where it ends, and its shape where the model has one at hand.

use nalgebra::{Point3, Vector3};

use crate::body::{Body, JointId, JointKind};
use crate::forward::Poses;
use crate::geometry::{Geometry, moving_joint};

/// What does not move.
const WORLD: JointId = JointId(0);
/// Length of a jaw of which the model says nothing but its hinge, m.
const UNKNOWN_M: f64 = 0.05;
/// A point nearer to a joint than this is the joint's own frame, m.
const OWN_M: f64 = 1e-4;
/// Links of one jaw count where they reach this share of the way of the farthest.
const AS_FAR: f64 = 0.85;
/// The outer share of a shape that is its tip.
const TIP_SHARE: f64 = 0.3;

/// A convex shape: the hull of points, thicker by a radius.
struct Shape {
    points: Vec<Point3<f64>>,
    radius_m: f64,
}

/// An outermost link of a jaw, in the frame of the joint that carries it.
struct Link {
    joint: JointId,
    tip: Point3<f64>,
    /// Its centre of mass, where the model says.
    centre: Option<Point3<f64>>,
    shapes: Vec<Shape>,
}

/// One jaw.
pub(super) struct Jaw {
    /// Its joint nearest to the palm.
    pub(super) first: JointId,
    /// The outermost of its links: one, or several that reach as far.
    links: Vec<Link>,
}

impl Jaw {
    /// The jaw of a branch's joints. `along` is where jaws point, from `wrist`.
    pub(super) fn new(
        looks: &Looks<'_>,
        branch: &[JointId],
        wrist: &Point3<f64>,
        along: &Vector3<f64>,
    ) -> Option<Self> {
        let first = *branch.first()?;
        let carries = |joint| branch.iter().any(|&other| above(looks.body, other) == joint);
        let ends: Vec<(JointId, Point3<f64>)> = branch
            .iter()
            .filter(|&&joint| !carries(joint))
            .map(|&joint| (joint, looks.tip(joint, along, joint == first)))
            .collect();
        let reach = |point: &Point3<f64>| (point - wrist).dot(along);
        let farthest = ends.iter().map(|(_, tip)| reach(tip)).fold(f64::NEG_INFINITY, f64::max);
        let links = ends.into_iter().filter(|(_, tip)| reach(tip) >= AS_FAR * farthest - OWN_M);
        let links = links.map(|(joint, tip)| {
            let shapes = looks.shapes(joint);
            let tip = shaped_tip(&shapes, along).unwrap_or(tip);
            Link::new(looks, joint, &tip, shapes)
        });
        Some(Self { first, links: links.collect() })
    }

    /// Where it ends, in the root frame.
    pub(super) fn tip(&self, poses: &Poses) -> Point3<f64> {
        mean(self.links.iter().map(|link| poses.world_from_joint(link.joint) * link.tip)).unwrap_or_default()
    }

    /// Where the mass of its outermost links is, in the root frame, or else where it ends.
    pub(super) fn centre(&self, poses: &Poses) -> Point3<f64> {
        let at = |link: &Link| poses.world_from_joint(link.joint) * link.centre.unwrap_or(link.tip);
        mean(self.links.iter().map(at)).unwrap_or_default()
    }

    /// Whether the shape of all its outermost links is known.
    pub(super) fn is_shaped(&self) -> bool {
        self.links.iter().all(|link| !link.shapes.is_empty())
    }

    /// The corners of the outer part of its shapes, in the root frame, with the radius by which a shape is thicker. `share` says
    /// how much of the jaw counts, from its end inwards.
    pub(super) fn outer_corners(
        &self,
        poses: &Poses,
        along: &Vector3<f64>,
        share: f64,
    ) -> Vec<(Point3<f64>, f64)> {
        let placed = |link: &Link| {
            let pose = *poses.world_from_joint(link.joint);
            let shapes = link.shapes.iter();
            shapes
                .map(|shape| shape.points.iter().map(|point| pose * point).collect())
                .collect::<Vec<Vec<_>>>()
        };
        let shapes: Vec<Vec<Point3<f64>>> = self.links.iter().flat_map(placed).collect();
        let radii = self.links.iter().flat_map(|link| link.shapes.iter().map(|shape| shape.radius_m));
        let (low, high) = extent(shapes.iter().flatten(), along);
        let from = high - share * (high - low) - OWN_M;
        let corners = shapes.iter().zip(radii).flat_map(|(shape, radius)| {
            clipped(shape, along, from).into_iter().map(move |point| (point, radius))
        });
        corners.collect()
    }

    /// Where a point that moves with the jaw at one posture is at another, in the root frame.
    pub(super) fn carried(&self, point: &Point3<f64>, from: &Poses, to: &Poses) -> Point3<f64> {
        let link = self.links.first().map_or(self.first, |link| link.joint);
        to.world_from_joint(link) * from.world_from_joint(link).inverse() * point
    }

    /// A jaw that does not move: shapes of the palm that go farther along the jaws than a place.
    pub(super) fn fixed(
        looks: &Looks<'_>,
        palm: JointId,
        along: &Vector3<f64>,
        beyond_m: f64,
    ) -> Option<Self> {
        let ahead = |shape: &Shape| shape.points.iter().any(|point| point.coords.dot(along) > beyond_m);
        let shapes: Vec<Shape> = looks.shapes(palm).into_iter().filter(ahead).collect();
        let tip = shaped_tip(&shapes, along)?;
        Some(Self { first: palm, links: vec![Link::new(looks, palm, &tip, shapes)] })
    }
}

impl Link {
    /// A link from what is known of it at rest, in the root frame.
    fn new(looks: &Looks<'_>, joint: JointId, tip: &Point3<f64>, shapes: Vec<Shape>) -> Self {
        let joint_from_world = looks.rest.world_from_joint(joint).inverse();
        let within = |shape: Shape| Shape {
            points: shape.points.iter().map(|point| joint_from_world * point).collect(),
            ..shape
        };
        Self {
            joint,
            tip: joint_from_world * tip,
            centre: looks.centre(joint).map(|centre| joint_from_world * centre),
            shapes: shapes.into_iter().map(within).collect(),
        }
    }
}

/// What a model says of its links: frames, masses and shapes.
pub(super) struct Looks<'a> {
    pub(super) body: &'a Body,
    pub(super) rest: Poses,
    pub(super) geometry: Option<&'a Geometry>,
}

impl Looks<'_> {
    /// Frames that move with a joint and with no further one, in the root frame, with the mass of their link in kg.
    pub(super) fn frames(&self, joint: JointId) -> impl Iterator<Item = (Point3<f64>, f64)> + '_ {
        let frames = self.body.frames().iter().enumerate().skip(1);
        frames.filter(move |(_, frame)| mover(self.body, frame.joint) == joint).map(|(place, frame)| {
            let mass_kg = self.body.inertials().iter().filter(|inertial| inertial.link.index() == place);
            let at = self.rest.world_from_joint(frame.joint) * frame.frame_in_joint;
            (Point3::from(at.translation.vector), mass_kg.map(|inertial| inertial.mass_kg).sum())
        })
    }

    /// The centre of mass of what moves with a joint and with no further one, in the root frame.
    pub(super) fn centre(&self, joint: JointId) -> Option<Point3<f64>> {
        let all = self.body.inertials().iter();
        let own = all.filter(|inertial| mover(self.body, inertial.joint) == joint);
        let (sum, mass_kg) = own.fold((Vector3::zeros(), 0.0), |(sum, mass_kg), inertial| {
            let at = self.rest.world_from_joint(inertial.joint) * inertial.centre_in_joint;
            (sum + at.translation.vector * inertial.mass_kg, mass_kg + inertial.mass_kg)
        });
        (mass_kg > 0.0).then(|| Point3::from(sum / mass_kg))
    }

    fn centres(&self, joint: JointId) -> Vec<Point3<f64>> {
        let all = self.body.inertials().iter();
        let own = all.filter(|inertial| mover(self.body, inertial.joint) == joint && inertial.mass_kg > 0.0);
        own.map(|inertial| {
            let at = self.rest.world_from_joint(inertial.joint) * inertial.centre_in_joint;
            Point3::from(at.translation.vector)
        })
        .collect()
    }

    /// Shapes that move with a joint and with no further one, in the root frame.
    fn shapes(&self, joint: JointId) -> Vec<Shape> {
        let hulls = self.geometry.iter().flat_map(|geometry| geometry.hulls());
        let own = hulls.filter_map(|hull| {
            let carrier = self.body.frame_of(hull.link).joint;
            (mover(self.body, carrier) == joint).then(|| {
                let pose = self.rest.world_from_joint(carrier);
                let points = hull.points.iter().map(|&point| pose * Point3::from(point)).collect();
                Shape { points, radius_m: hull.radius_m }
            })
        });
        own.collect()
    }

    /// Where a link ends, as far as frames and masses tell, in the root frame.
    fn tip(&self, joint: JointId, along: &Vector3<f64>, is_first: bool) -> Point3<f64> {
        let pose = self.rest.world_from_joint(joint);
        let anchor = Point3::from(pose.translation.vector);
        let frames = self.frames(joint).map(|(point, _)| point);
        let frames: Vec<Point3<f64>> = frames.filter(|point| (point - anchor).norm() > OWN_M).collect();
        let centres = self.centres(joint);
        if self.body.kind(joint) == JointKind::Prismatic {
            slide_tip(&anchor, &frames, &centres, along)
        } else {
            let axis = pose.rotation * self.body.axis(joint).into_inner();
            let none = if is_first { anchor + along * UNKNOWN_M } else { anchor };
            hinge_tip(&anchor, &axis, &frames, &centres).unwrap_or(none)
        }
    }
}

/// The joint that moves what a joint carries: itself, or the next one inwards that is not fixed; the world at the end.
pub(super) fn mover(body: &Body, joint: JointId) -> JointId {
    moving_joint(body, joint).unwrap_or(WORLD)
}

/// The joint that moves a joint's own place; the world at the end.
pub(super) fn above(body: &Body, joint: JointId) -> JointId {
    body.parent(joint).map_or(WORLD, |parent| mover(body, parent))
}

/// The anchor of a slide is no root: it may stand at either end of the jaw or beside it. A frame beyond the masses is the tip;
/// without one, what holds is held at the centre of mass, or halfway from there to an anchor that stands farther out.
fn slide_tip(
    anchor: &Point3<f64>,
    frames: &[Point3<f64>],
    centres: &[Point3<f64>],
    along: &Vector3<f64>,
) -> Point3<f64> {
    let reach = |point: &Point3<f64>| (point - anchor).dot(along);
    let far = frames.iter().max_by(|one, other| reach(one).total_cmp(&reach(other)));
    match (far, mean(centres.iter().copied())) {
        (Some(far), Some(centre)) if reach(far) > reach(&centre) => *far,
        (Some(far), None) => *far,
        (_, Some(centre)) => centre - along * reach(&centre).min(0.0) / 2.0,
        (None, None) => *anchor,
    }
}

/// A jaw on a hinge starts at its axis and ends twice as far out as its centre of mass, or at the farthest of its frames on that
/// side; a frame on another side marks something else.
fn hinge_tip(
    anchor: &Point3<f64>,
    axis: &Vector3<f64>,
    frames: &[Point3<f64>],
    centres: &[Point3<f64>],
) -> Option<Point3<f64>> {
    let lever = |point: &Point3<f64>| {
        let arm = point - anchor;
        arm - axis * arm.dot(axis)
    };
    let far = |points: &[Point3<f64>]| {
        let farthest = points.iter().max_by(|one, other| lever(one).norm().total_cmp(&lever(other).norm()));
        farthest.copied().filter(|point| lever(point).norm() > OWN_M)
    };
    let centre = far(centres);
    let beside = |frame: &&Point3<f64>| centre.is_none_or(|centre| lever(frame).dot(&lever(&centre)) > 0.0);
    let frames: Vec<Point3<f64>> = frames.iter().filter(beside).copied().collect();
    match (far(&frames), centre) {
        (Some(frame), Some(centre)) if lever(&frame).norm() > lever(&centre).norm() => Some(frame),
        (_, Some(centre)) => Some(if centres.len() == 1 { centre + lever(&centre) } else { centre }),
        (frame, None) => frame,
    }
}

/// The middle of the outer part of a shape.
fn shaped_tip(shapes: &[Shape], along: &Vector3<f64>) -> Option<Point3<f64>> {
    let points = || shapes.iter().flat_map(|shape| shape.points.iter());
    let (low, high) = extent(points(), along);
    let outer = points().filter(|point| point.coords.dot(along) >= high - TIP_SHARE * (high - low) - OWN_M);
    middle(outer.copied())
}

/// From where to where points go along a direction, m.
fn extent<'a>(points: impl Iterator<Item = &'a Point3<f64>>, along: &Vector3<f64>) -> (f64, f64) {
    let reaches = points.map(|point| point.coords.dot(along));
    reaches.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), reach| (low.min(reach), high.max(reach)))
}

/// The corners of a hull that lie beyond a place along a direction, and points of the cut there.
fn clipped(hull: &[Point3<f64>], along: &Vector3<f64>, from: f64) -> Vec<Point3<f64>> {
    let beyond = &|point: &Point3<f64>| point.coords.dot(along) - from;
    let (outer, inner): (Vec<Point3<f64>>, Vec<Point3<f64>>) =
        hull.iter().partition(|point| beyond(point) >= 0.0);
    let cut = outer.iter().flat_map(|out| {
        inner.iter().map(move |within| {
            let (ahead, behind) = (beyond(out), -beyond(within));
            out + (within - out) * (ahead / (ahead + behind).max(1e-12))
        })
    });
    let cut: Vec<Point3<f64>> = cut.collect();
    outer.into_iter().chain(cut).collect()
}

/// The middle of the box around points.
pub(super) fn middle(points: impl Iterator<Item = Point3<f64>>) -> Option<Point3<f64>> {
    let ends = points.fold(None, |ends: Option<(Point3<f64>, Point3<f64>)>, point| {
        Some(ends.map_or((point, point), |(low, high)| (low.inf(&point), high.sup(&point))))
    });
    ends.map(|(low, high)| nalgebra::center(&low, &high))
}

pub(super) fn mean(points: impl Iterator<Item = Point3<f64>>) -> Option<Point3<f64>> {
    let (sum, count) =
        points.fold((Vector3::zeros(), 0.0), |(sum, count), point| (sum + point.coords, count + 1.0));
    (count > 0.0).then(|| Point3::from(sum / count))
}
