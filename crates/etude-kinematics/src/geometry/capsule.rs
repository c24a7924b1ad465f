//! Capsules and how near two of them are.

use nalgebra::{Isometry3, Point3, Vector3};

/// All points within `radius_m` of a segment; a ball where the segment is a point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Capsule {
    /// One end of the segment, m.
    pub start_m: Vector3<f64>,
    /// The other end, m.
    pub end_m: Vector3<f64>,
    /// m, above zero.
    pub radius_m: f64,
}

impl Capsule {
    /// The capsule after a motion.
    #[must_use]
    pub fn moved(&self, motion: &Isometry3<f64>) -> Self {
        let at = |point: Vector3<f64>| (motion * Point3::from(point)).coords;
        Self { start_m: at(self.start_m), end_m: at(self.end_m), radius_m: self.radius_m }
    }

    /// Volume, m³.
    pub fn volume_m3(&self) -> f64 {
        let (radius, length) = (self.radius_m, (self.end_m - self.start_m).norm());
        std::f64::consts::PI * radius * radius * (length + 4.0 / 3.0 * radius)
    }

    /// Whether a point is inside, up to `slack` m.
    pub fn contains(&self, point: &Vector3<f64>, slack: f64) -> bool {
        let axis = self.end_m - self.start_m;
        let along = (point - self.start_m).dot(&axis) / axis.norm_squared().max(1e-18);
        (point - self.start_m - axis * along.clamp(0.0, 1.0)).norm() <= self.radius_m + slack
    }

    pub(crate) fn is_sound(&self) -> bool {
        let finite = self.start_m.iter().chain(self.end_m.iter()).all(|value| value.abs() < 1e6);
        finite && self.radius_m > 0.0 && self.radius_m < 1e6
    }
}

/// Where two capsules are nearest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Nearest {
    /// Distance between the surfaces, m; negative where they overlap.
    pub distance_m: f64,
    /// Point of the first capsule's segment.
    pub on_one: Vector3<f64>,
    /// Point of the second capsule's segment.
    pub on_other: Vector3<f64>,
    /// Unit vector from the first to the second; x where the segments meet.
    pub normal: Vector3<f64>,
}

/// Where two capsules are nearest: C. Ericson, "Real-Time Collision Detection" (2005), section 5.1.9.
pub fn nearest(one: &Capsule, other: &Capsule) -> Nearest {
    let (d1, d2) = (one.end_m - one.start_m, other.end_m - other.start_m);
    let between = one.start_m - other.start_m;
    let (a, e, f) = (d1.norm_squared(), d2.norm_squared(), d2.dot(&between));
    let tiny = 1e-18;
    let (s, t) = if a <= tiny && e <= tiny {
        (0.0, 0.0)
    } else if a <= tiny {
        (0.0, (f / e).clamp(0.0, 1.0))
    } else {
        let c = d1.dot(&between);
        if e <= tiny {
            ((-c / a).clamp(0.0, 1.0), 0.0)
        } else {
            let b = d1.dot(&d2);
            let denominator = a * e - b * b;
            let s = if denominator > 1e-12 * a * e {
                ((b * f - c * e) / denominator).clamp(0.0, 1.0)
            } else {
                // Parallel: any place along the overlap is as near; its middle moves smoothly.
                middle_of_overlap(-c / a, (b - c) / a)
            };
            let t = (b * s + f) / e;
            if t < 0.0 {
                ((-c / a).clamp(0.0, 1.0), 0.0)
            } else if t > 1.0 {
                (((b - c) / a).clamp(0.0, 1.0), 1.0)
            } else {
                (s, t)
            }
        }
    };
    let (on_one, on_other) = (one.start_m + d1 * s, other.start_m + d2 * t);
    let way = on_other - on_one;
    let length = way.norm();
    let normal = if length > 1e-9 { way / length } else { Vector3::x() };
    Nearest { distance_m: length - one.radius_m - other.radius_m, on_one, on_other, normal }
}

/// Middle of what [0, 1] and the range between two parameters share, or the end of [0, 1] next to that range.
fn middle_of_overlap(one: f64, other: f64) -> f64 {
    let (low, high) = (one.min(other).clamp(0.0, 1.0), one.max(other).clamp(0.0, 1.0));
    f64::midpoint(low, high)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capsule(start: [f64; 3], end: [f64; 3], radius_m: f64) -> Capsule {
        Capsule { start_m: start.into(), end_m: end.into(), radius_m }
    }

    #[test]
    fn crossed_parallel_and_pointed_capsules_are_as_far_as_one_sees() {
        let x = capsule([0.0; 3], [1.0, 0.0, 0.0], 0.1);
        let cases = [
            (capsule([0.5, -1.0, 0.5], [0.5, 1.0, 0.5], 0.1), 0.3),
            (capsule([0.2, 0.0, 1.0], [0.8, 0.0, 1.0], 0.2), 0.7),
            (capsule([2.0, 0.0, 0.0], [3.0, 0.0, 0.0], 0.1), 0.8),
            (capsule([-2.0, 0.0, 0.0], [-3.0, 0.0, 0.0], 0.1), 1.8),
            (capsule([0.3, 0.4, 0.0], [0.3, 0.4, 0.0], 0.1), 0.2),
            (capsule([1.0, 3.0, 4.0], [1.0, 9.0, 4.0], 0.1), 4.8),
        ];
        for (other, expected) in cases {
            let found = nearest(&x, &other);
            assert!((found.distance_m - expected).abs() < 1e-12, "{other:?}: {found:?}");
            let back = nearest(&other, &x);
            assert!((back.distance_m - expected).abs() < 1e-12 && (back.normal + found.normal).norm() < 1e-9);
        }
    }

    #[test]
    fn capsules_that_share_a_point_overlap_by_their_radii() {
        let found = nearest(&capsule([0.0; 3], [1.0; 3], 0.1), &capsule([0.0; 3], [0.0, 0.0, 1.0], 0.2));
        assert!((found.distance_m + 0.3).abs() < 1e-12 && found.normal == Vector3::x());
    }
}
