//! The smallest capsule, of those tried, around a cloud of points.

use nalgebra::{Matrix3, SymmetricEigen, Unit, Vector3};

use super::Capsule;

/// Rounds of the search for the circle around the points seen along an axis.
const CIRCLE_ROUNDS: u32 = 200;
/// Points that the search looks at; the radius is then taken over all.
const CIRCLE_POINTS: usize = 600;
/// Radii tried, relative to the smallest one that is wide enough: a wider capsule may be shorter.
const WIDER: [f64; 7] = [1.0, 1.02, 1.05, 1.1, 1.2, 1.35, 1.6];

/// A capsule that contains every point; `None` without points or with one that is not finite.
///
/// Axes tried are the principal ones of the points and those of their frame; the least volume wins.
pub fn fit_capsule(points: &[Vector3<f64>]) -> Option<Capsule> {
    if points.is_empty() || points.iter().any(|point| point.iter().any(|value| !value.is_finite())) {
        return None;
    }
    let mean = points.iter().sum::<Vector3<f64>>() / points.len() as f64;
    let spread: Matrix3<f64> = points.iter().map(|point| (point - mean) * (point - mean).transpose()).sum();
    let principal = SymmetricEigen::new(spread).eigenvectors;
    let own = Matrix3::identity();
    let axes = principal.column_iter().chain(own.column_iter()).map(nalgebra::Matrix::into_owned);
    let fits = axes.filter_map(|axis| Unit::try_new(axis, 1e-9)).flat_map(|axis| along(points, &axis));
    fits.filter(Capsule::is_sound).min_by(|one, other| one.volume_m3().total_cmp(&other.volume_m3()))
}

/// Capsules along one axis, one per radius tried.
fn along(points: &[Vector3<f64>], axis: &Unit<Vector3<f64>>) -> Vec<Capsule> {
    /// What rounding may take from a radius, relative; and the least radius, m.
    const ROUNDING: f64 = 1e-9;
    const LEAST_RADIUS_M: f64 = 1e-4;
    let centre = circle_centre(points, axis);
    let radius =
        points.iter().map(|point| across(&(point - centre), axis).norm()).fold(LEAST_RADIUS_M, f64::max);
    let mut capsules = Vec::with_capacity(WIDER.len());
    for wider in WIDER {
        let radius_m = radius * (wider + ROUNDING);
        let (mut first, mut last) = (f64::INFINITY, f64::NEG_INFINITY);
        for point in points {
            let from_centre = point - centre;
            let height = from_centre.dot(axis);
            let cap = (radius_m * radius_m - across(&from_centre, axis).norm_squared()).max(0.0).sqrt();
            first = first.min(height + cap);
            last = last.max(height - cap);
        }
        if first > last {
            (first, last) = (f64::midpoint(first, last), f64::midpoint(first, last));
        }
        let (start_m, end_m) = (centre + axis.into_inner() * first, centre + axis.into_inner() * last);
        capsules.push(Capsule { start_m, end_m, radius_m });
    }
    capsules
}

fn across(vector: &Vector3<f64>, axis: &Unit<Vector3<f64>>) -> Vector3<f64> {
    vector - axis.into_inner() * vector.dot(axis)
}

/// Nearly the centre of the smallest circle around the points seen along an axis: M. Bădoiu and K. Clarkson, "Smaller
/// core-sets for balls" (2003).
fn circle_centre(points: &[Vector3<f64>], axis: &Unit<Vector3<f64>>) -> Vector3<f64> {
    let mut centre = points[0];
    for round in 1..=CIRCLE_ROUNDS {
        let distance = |point: &Vector3<f64>| across(&(point - centre), axis).norm_squared();
        let some = points.iter().step_by(points.len().div_ceil(CIRCLE_POINTS));
        let farthest = some.max_by(|one, other| distance(one).total_cmp(&distance(other)));
        let Some(farthest) = farthest else { break };
        let way = across(&(farthest - centre), axis);
        centre += way / f64::from(round + 1);
    }
    centre
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fit_contains_its_points_and_is_not_much_larger_than_it_must_be() {
        // A box of 0.1 × 0.1 × 0.6 m, turned.
        let turn = nalgebra::UnitQuaternion::from_euler_angles(0.3, -0.7, 1.1);
        let mut points = Vec::new();
        for corner in 0..8 {
            let sign = |bit: i32| if corner >> bit & 1 == 1 { 1.0 } else { -1.0 };
            points.push(turn * Vector3::new(0.05 * sign(0), 0.05 * sign(1), 0.3 * sign(2)));
        }
        let capsule = fit_capsule(&points).expect("points");
        assert!(points.iter().all(|point| capsule.contains(point, 1e-9)));
        let tight = Capsule {
            start_m: Vector3::new(0.0, 0.0, -0.3),
            end_m: Vector3::new(0.0, 0.0, 0.3),
            radius_m: 0.05 * 2.0_f64.sqrt(),
        };
        assert!(capsule.volume_m3() < 1.05 * tight.volume_m3(), "{capsule:?}");
        assert!(fit_capsule(&[]).is_none() && fit_capsule(&[Vector3::new(f64::NAN, 0.0, 0.0)]).is_none());
        let dot = fit_capsule(&[Vector3::new(1.0, 2.0, 3.0)]).expect("one point");
        assert!((dot.start_m - Vector3::new(1.0, 2.0, 3.0)).norm() < 1e-3);
    }
}
