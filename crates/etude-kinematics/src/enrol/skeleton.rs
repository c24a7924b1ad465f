//! The body as enrolment sees it: joints that move, where their axes lie in space, and what hangs on them.

use nalgebra::{Point3, Vector3};

use crate::body::{Body, JointId, JointKind};
use crate::forward::Poses;

/// Place of a joint in [`Skeleton::nodes`].
pub(super) type Index = usize;

/// A joint that moves.
pub(super) struct Node {
    pub(super) joint: JointId,
    pub(super) parent: Option<Index>,
    pub(super) children: Vec<Index>,
    /// A point of the axis, in the world.
    pub(super) anchor: Point3<f64>,
    /// Direction of the axis, in the world.
    pub(super) axis: Vector3<f64>,
    pub(super) kind: JointKind,
    /// Lowest and highest displacement from rest, rad or m.
    pub(super) lower: f64,
    pub(super) upper: f64,
    /// The joint that this one follows.
    pub(super) source: Option<Index>,
    /// Frames and centres of mass that move with the joint and with no further one, in the world.
    pub(super) points: Vec<Point3<f64>>,
    /// Mass of what moves with the joint and with no further one, kg.
    pub(super) mass_kg: f64,
    /// Nothing drives it, as far as the model names drives: a spring, the free side of a linkage.
    pub(super) is_passive: bool,
    /// Joints from here to the end of the longest branch, this one included.
    pub(super) depth: usize,
}

impl Node {
    /// Whether it turns or slides without end.
    pub(super) fn is_endless(&self) -> bool {
        self.lower.is_infinite() || self.upper.is_infinite()
    }

    pub(super) fn range(&self) -> f64 {
        self.upper - self.lower
    }

    pub(super) fn turns(&self) -> bool {
        self.kind == JointKind::Revolute
    }

    pub(super) fn slides(&self) -> bool {
        self.kind == JointKind::Prismatic
    }

    /// Distance of a point from the axis, m.
    pub(super) fn distance_to(&self, point: &Point3<f64>) -> f64 {
        (point - self.anchor).cross(&self.axis).norm()
    }
}

/// All joints that move, parents first.
pub(super) struct Skeleton {
    pub(super) nodes: Vec<Node>,
    /// Joints that hang on what does not move.
    pub(super) roots: Vec<Index>,
    /// Frames and centres of mass of what does not move.
    pub(super) base_points: Vec<Point3<f64>>,
    /// Joints with a loop closed below them.
    pub(super) looped: Vec<bool>,
}

impl Skeleton {
    /// Reads a body at rest. Free joints count as fixed.
    pub(super) fn new(body: &Body, poses: &Poses) -> Self {
        let mut nodes: Vec<Node> = Vec::new();
        let mut roots = Vec::new();
        // The node that carries each joint's link; index 0 is the world.
        let mut owner: Vec<Option<Index>> = vec![None; body.joints().len() + 1];
        for joint in body.joints() {
            let above = body.parent(joint).and_then(|parent| owner.get(parent.index()).copied().flatten());
            let moves =
                matches!(body.kind(joint), JointKind::Revolute | JointKind::Prismatic | JointKind::Ball);
            let own =
                if moves { Some(push(&mut nodes, &mut roots, body, poses, joint, above)) } else { above };
            if let Some(place) = owner.get_mut(joint.index()) {
                *place = own;
            }
        }
        let owner_of = |joint: JointId| owner.get(joint.index()).copied().flatten();
        for index in 0..nodes.len() {
            let source = body.mimic(nodes[index].joint).and_then(|mimic| owner_of(mimic.source));
            nodes[index].source = source;
            if let Some(source) = source {
                // Who follows, and who leads followers, is moved all the same.
                nodes[index].is_passive = false;
                nodes[source].is_passive = false;
            }
        }
        let mut base_points = Vec::new();
        for frame in body.frames().iter().skip(1) {
            let at = poses.world_from_joint(frame.joint) * frame.frame_in_joint;
            let point = Point3::from(at.translation.vector);
            owner_of(frame.joint).map_or(&mut base_points, |node| &mut nodes[node].points).push(point);
        }
        for inertial in body.inertials() {
            let at = poses.world_from_joint(inertial.joint) * inertial.centre_in_joint;
            let point = Point3::from(at.translation.vector);
            match owner_of(inertial.joint) {
                Some(node) => {
                    nodes[node].points.push(point);
                    nodes[node].mass_kg += inertial.mass_kg;
                }
                None => base_points.push(point),
            }
        }
        for index in (0..nodes.len()).rev() {
            let below = nodes[index].children.iter().map(|&child| nodes[child].depth).max().unwrap_or(0);
            nodes[index].depth = below + 1;
        }
        let mut looped = vec![false; nodes.len()];
        for end in body.loops().iter().flat_map(|closed| closed.joints) {
            if let Some(node) = owner_of(end) {
                looped[node] = true;
            }
        }
        Self { nodes, roots, base_points, looped }
    }

    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Joints below one, or those that hang on what does not move.
    pub(super) fn children(&self, node: Option<Index>) -> &[Index] {
        node.map_or(&self.roots, |node| &self.nodes[node].children)
    }

    /// A joint and all below it, parents first.
    pub(super) fn subtree(&self, top: Index) -> Vec<Index> {
        let mut found = vec![top];
        let mut next = 0;
        while next < found.len() {
            found.extend_from_slice(&self.nodes[found[next]].children);
            next += 1;
        }
        found.sort_unstable();
        found
    }

    /// Joints above one, from the base outwards, itself left out.
    pub(super) fn above(&self, node: Index) -> Vec<Index> {
        let mut path = Vec::new();
        let mut at = self.nodes[node].parent;
        while let Some(parent) = at {
            path.push(parent);
            at = self.nodes[parent].parent;
        }
        path.reverse();
        path
    }

    /// Every point of a joint's link and of all below it.
    pub(super) fn points_below(&self, top: Index) -> Vec<Point3<f64>> {
        let below = self.subtree(top);
        below
            .iter()
            .flat_map(|&node| self.nodes[node].points.iter().copied().chain([self.nodes[node].anchor]))
            .collect()
    }

    /// How far the branch of `top` goes from a point, m.
    pub(super) fn reach_from(&self, from: &Point3<f64>, top: Index) -> f64 {
        self.points_below(top).iter().map(|point| (point - from).norm()).fold(0.0, f64::max)
    }

    /// Every point of the robot.
    pub(super) fn all_points(&self) -> Vec<Point3<f64>> {
        let of_nodes = self.nodes.iter().flat_map(|node| node.points.iter().copied().chain([node.anchor]));
        of_nodes.chain(self.base_points.iter().copied()).collect()
    }

    /// Where a chain ends: the farthest point beyond its last joint, seen from the last bend. Sites and frames count before
    /// centres of mass, which lie inside a link; one of these alone is taken twice as far.
    pub(super) fn tip(&self, chain: &[Index]) -> Point3<f64> {
        let Some(&last) = chain.last() else { return Point3::origin() };
        let node = &self.nodes[last];
        let from = node.anchor;
        let far = node.points.iter().max_by(|a, b| (**a - from).norm().total_cmp(&(**b - from).norm()));
        match far {
            Some(far) if (far - from).norm() > 1e-4 => {
                if node.points.len() <= 2 {
                    from + (far - from) * 2.0
                } else {
                    *far
                }
            }
            _ => from,
        }
    }
}

fn push(
    nodes: &mut Vec<Node>,
    roots: &mut Vec<Index>,
    body: &Body,
    poses: &Poses,
    joint: JointId,
    parent: Option<Index>,
) -> Index {
    let index = nodes.len();
    let pose = poses.world_from_joint(joint);
    let limits = body.limits(joint);
    let scalar = body.position_index(joint).filter(|_| body.kind(joint).is_scalar());
    let rest = scalar.and_then(|place| body.rest().get(place)).copied().unwrap_or_default();
    nodes.push(Node {
        joint,
        parent,
        children: Vec::new(),
        anchor: Point3::from(pose.translation.vector),
        axis: pose.rotation * body.axis(joint).into_inner(),
        kind: body.kind(joint),
        lower: limits.lower - rest,
        upper: limits.upper - rest,
        source: None,
        points: Vec::new(),
        mass_kg: 0.0,
        is_passive: body.is_driven(joint) == Some(false),
        depth: 1,
    });
    match parent {
        Some(parent) => nodes[parent].children.push(index),
        None => roots.push(index),
    }
    index
}
