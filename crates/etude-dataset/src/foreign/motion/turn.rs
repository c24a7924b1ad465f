//! Rotations as quaternions, x y z w.

/// No turn.
pub(super) const NONE: [f64; 4] = [0.0, 0.0, 0.0, 1.0];

/// A turn about one axis (0 is x, 1 is y, 2 is z) by degrees.
pub(super) fn about(axis: usize, degrees: f64) -> [f64; 4] {
    let (sin, cos) = (degrees.to_radians() / 2.0).sin_cos();
    let part = |of: usize| if of == axis { sin } else { 0.0 };
    [part(0), part(1), part(2), cos]
}

/// The turn `b`, then `a`, both seen from outside.
pub(super) fn product([ax, ay, az, aw]: [f64; 4], [bx, by, bz, bw]: [f64; 4]) -> [f64; 4] {
    [
        aw * bx + ax * bw + ay * bz - az * by,
        aw * by - ax * bz + ay * bw + az * bx,
        aw * bz + ax * by - ay * bx + az * bw,
        aw * bw - ax * bx - ay * by - az * bz,
    ]
}

/// A vector turned.
pub(super) fn turned([x, y, z, w]: [f64; 4], [a, b, c]: [f64; 3]) -> [f64; 3] {
    // v + 2 w (u x v) + 2 u x (u x v)
    let cross = |[a, b, c]: [f64; 3]| [y * c - z * b, z * a - x * c, x * b - y * a];
    let once = cross([a, b, c]);
    let [d, e, f] = cross(once);
    let [g, h, i] = once;
    [a + 2.0 * (w * g + d), b + 2.0 * (w * h + e), c + 2.0 * (w * i + f)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_follow_the_right_hand() {
        let near = |a: [f64; 3], b: [f64; 3]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-12);
        assert!(near(turned(about(2, 90.0), [1.0, 0.0, 0.0]), [0.0, 1.0, 0.0]));
        assert!(near(turned(about(0, 90.0), [0.0, 1.0, 0.0]), [0.0, 0.0, 1.0]));
        // First about x, then about z, seen from outside.
        let both = product(about(2, 90.0), about(0, 90.0));
        assert!(near(turned(both, [0.0, 1.0, 0.0]), [0.0, 0.0, 1.0]));
        assert!(near(turned(both, [0.0, 0.0, 1.0]), [1.0, 0.0, 0.0]));
    }
}
