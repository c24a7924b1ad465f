//! Convex solids of links, and how far two of them reach into each other.
//!
//! Where [`super::Capsule`] is never smaller than a shape, a solid is never larger: the hull of a shape's outermost points.

use nalgebra::{Isometry3, Point3, Vector3};

use crate::body::FrameId;

/// Directions in which the outermost points of a shape are kept. Of a ball that takes 3 % of the radius at most.
const DIRECTIONS: usize = 128;
/// Directions that a search for the shortest way apart begins with, beside those that the shapes themselves suggest.
const STARTS: usize = 32;
/// The best of them, which are searched on.
const SEARCHED: usize = 6;
/// First and last step of the search, rad, and the ways in which each is tried.
const STEPS: (f64, f64) = (0.35, 0.004);
const WAYS: u32 = 8;

/// A convex solid that belongs to a link: the hull of points, thicker by a radius.
#[derive(Debug, Clone)]
pub(crate) struct Solid {
    pub(crate) link: FrameId,
    /// In the frame of the joint that carries the link, m.
    pub(crate) points: Vec<Vector3<f64>>,
    pub(crate) radius_m: f64,
    pub(super) bits: ContactBits,
}

/// MuJoCo's `contype` and `conaffinity`: which shapes a model lets touch which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ContactBits {
    pub(super) kind: u32,
    pub(super) affinity: u32,
}

impl ContactBits {
    /// What touches everything, as in URDF.
    pub(super) const ALL: Self = Self { kind: 1, affinity: 1 };

    pub(super) fn meet(self, other: Self) -> bool {
        self.kind & other.affinity != 0 || other.kind & self.affinity != 0
    }
}

impl Solid {
    /// The solid's points after a motion.
    pub(super) fn moved(&self, motion: &Isometry3<f64>) -> Vec<Vector3<f64>> {
        self.points.iter().map(|&point| (motion * Point3::from(point)).coords).collect()
    }
}

/// The points that are farthest out in any of many directions; all of them where they are few.
pub(super) fn outermost(points: Vec<Vector3<f64>>) -> Vec<Vector3<f64>> {
    if points.len() <= DIRECTIONS {
        return points;
    }
    let mut places: Vec<usize> = spread(DIRECTIONS)
        .filter_map(|direction| {
            let farthest = points.iter().map(|point| point.dot(&direction)).enumerate();
            farthest.max_by(|one, other| one.1.total_cmp(&other.1)).map(|(place, _)| place)
        })
        .collect();
    places.sort_unstable();
    places.dedup();
    places.into_iter().filter_map(|place| points.get(place).copied()).collect()
}

/// By how much two solids reach into each other, m: the shortest way that parts them, with its direction from the first to the
/// second. Zero or less where they are apart; that number is then no distance.
pub(super) fn depth(
    one: &[Vector3<f64>],
    other: &[Vector3<f64>],
    radii_m: f64,
) -> Option<(f64, Vector3<f64>)> {
    let along = |direction: &Vector3<f64>| {
        let ahead = one.iter().map(|point| point.dot(direction)).fold(f64::NEG_INFINITY, f64::max);
        let behind = other.iter().map(|point| point.dot(direction)).fold(f64::INFINITY, f64::min);
        ahead - behind + radii_m
    };
    let apart = middle(other)? - middle(one)?;
    let axes = [Vector3::x(), Vector3::y(), Vector3::z()].into_iter().flat_map(|axis| [axis, -axis]);
    let mut starts: Vec<(f64, Vector3<f64>)> = Vec::with_capacity(STARTS + 7);
    for direction in apart.try_normalize(1e-9).into_iter().chain(axes).chain(spread(STARTS)) {
        let reach = along(&direction);
        if reach <= 0.0 {
            return Some((reach, direction));
        }
        starts.push((reach, direction));
    }
    starts.sort_by(|one, other| one.0.total_cmp(&other.0));
    let shorter = |one: &(f64, Vector3<f64>), other: &(f64, Vector3<f64>)| one.0.total_cmp(&other.0);
    let best = starts.into_iter().take(SEARCHED).map(|start| descend(start, &along)).min_by(shorter)?;
    // What lies through the other's middle can leave it on either side, and the two ways are nearly as short.
    let back = descend((along(&-best.1), -best.1), &along);
    [best, back].into_iter().min_by(shorter)
}

/// Turns a direction, in ever smaller steps, while that makes the way shorter.
fn descend(
    (mut least, mut direction): (f64, Vector3<f64>),
    along: &impl Fn(&Vector3<f64>) -> f64,
) -> (f64, Vector3<f64>) {
    let (mut step, mut tries) = (STEPS.0, 0_u32);
    while step > STEPS.1 && least > 0.0 {
        let aside = if direction.x.abs() < 0.7 { Vector3::x() } else { Vector3::y() };
        let u = direction.cross(&aside).normalize();
        let v = direction.cross(&u);
        let mut better = None;
        for way in 0..WAYS {
            // The ways are others in every try: valleys are narrow where two edges cross.
            let (sin, cos) =
                (f64::from(way) * std::f64::consts::TAU / f64::from(WAYS) + f64::from(tries)).sin_cos();
            let turned = (direction + (u * cos + v * sin) * step).normalize();
            let reach = along(&turned);
            if reach < least - 1e-9 {
                (least, better) = (reach, Some(turned));
            }
        }
        tries += 1;
        match better {
            Some(turned) => direction = turned,
            None if tries % 3 == 0 => step /= 2.0,
            None => {}
        }
    }
    (least, direction)
}

fn middle(points: &[Vector3<f64>]) -> Option<Vector3<f64>> {
    (!points.is_empty()).then(|| points.iter().sum::<Vector3<f64>>() / points.len() as f64)
}

/// Directions spread evenly over the sphere: a Fibonacci lattice (R. Swinbank and R. J. Purser, "Fibonacci grids", 2006).
fn spread(count: usize) -> impl Iterator<Item = Vector3<f64>> {
    let golden = std::f64::consts::PI * (3.0 - 5.0_f64.sqrt());
    (0..count).map(move |place| {
        let z = 1.0 - (2.0 * place as f64 + 1.0) / count as f64;
        let (sin, cos) = (golden * place as f64).sin_cos();
        let flat = (1.0 - z * z).max(0.0).sqrt();
        Vector3::new(flat * cos, flat * sin, z)
    })
}

#[cfg(test)]
mod tests {
    use super::super::{Capsule, nearest};
    use super::*;
    use nalgebra::UnitQuaternion;
    use proptest::prelude::*;

    fn cube(half: f64, at: Vector3<f64>, turn: &UnitQuaternion<f64>) -> Vec<Vector3<f64>> {
        let sign = |corner: u32, bit: u32| if corner >> bit & 1 == 1 { half } else { -half };
        (0..8).map(|corner| at + turn * Vector3::from_fn(|axis, _| sign(corner, axis as u32))).collect()
    }

    #[test]
    fn cubes_reach_into_each_other_by_what_one_sees() {
        let still = UnitQuaternion::identity();
        let edge = UnitQuaternion::from_euler_angles(0.0, 0.0, std::f64::consts::FRAC_PI_4);
        let one = cube(0.1, Vector3::zeros(), &still);
        for (at, turn, expected) in [
            (Vector3::new(0.18, 0.0, 0.0), still, 0.02),
            (Vector3::new(0.05, -0.17, 0.1), still, 0.03),
            // An edge that points at a face.
            (Vector3::new(0.22, 0.0, 0.0), edge, 0.1 + 0.1 * 2.0_f64.sqrt() - 0.22),
            // One inside the other's middle.
            (Vector3::zeros(), still, 0.2),
        ] {
            let (found, _) = depth(&one, &cube(0.1, at, &turn), 0.0).expect("points");
            assert!((found - expected).abs() < 2e-4, "{at:?}: {found}, expected {expected}");
        }
        for at in [Vector3::new(0.21, 0.0, 0.0), Vector3::new(0.205, 0.205, 0.205)] {
            assert!(depth(&one, &cube(0.1, at, &still), 0.0).expect("points").0 <= 0.0, "{at:?}");
        }
        assert!(depth(&one, &[], 0.0).is_none(), "nothing touches nothing");
    }

    #[test]
    fn a_dense_ball_keeps_its_size() {
        let ball: Vec<_> = spread(20_000).map(|direction| direction * 0.1).collect();
        let kept = outermost(ball.clone());
        assert!(kept.len() <= DIRECTIONS, "{}", kept.len());
        for direction in spread(500) {
            let reach = kept.iter().map(|point| point.dot(&direction)).fold(0.0, f64::max);
            assert!(reach > 0.097, "{reach}");
        }
    }

    proptest! {
        #[test]
        fn capsules_agree_with_their_distance(
            ends in prop::collection::vec(-0.3_f64..0.3, 12), radius in 0.02_f64..0.3,
        ) {
            let point = |place: usize| Vector3::new(ends[place], ends[place + 1], ends[place + 2]);
            let one = Capsule { start_m: point(0), end_m: point(3), radius_m: radius };
            let other = Capsule { start_m: point(6), end_m: point(9), radius_m: 0.02 };
            let exact = nearest(&one, &other).distance_m;
            let (found, way) =
                depth(&[one.start_m, one.end_m], &[other.start_m, other.end_m], radius + 0.02).expect("points");
            prop_assert!((way.norm() - 1.0).abs() < 1e-9);
            // Never less than the shortest way, and hardly more.
            if exact < 0.0 {
                prop_assert!(found >= -exact - 1e-9 && found < -exact + 2e-3, "{} {}", found, exact);
            } else if exact > 1e-3 {
                prop_assert!(found <= 0.0, "{} {}", found, exact);
            }
        }
    }
}
