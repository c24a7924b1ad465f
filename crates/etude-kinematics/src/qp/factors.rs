//! The two factors of the dual method: J = L⁻ᵀQ, with `H = LLᵀ`, and R, with the active normals `N = LQ[R; 0]`.
//!
//! All are kept column by column, so that what is done most, turning two columns of J, runs over contiguous memory.

/// A new normal whose part outside the active ones is smaller than this, squared and relative, depends on them.
const DEPENDENT: f64 = 1e-22;

#[derive(Debug, Clone)]
pub(super) struct Factors {
    size: usize,
    /// L, [n, n]; only the lower triangle is used.
    cholesky: Vec<f64>,
    /// J, [n, n].
    j: Vec<f64>,
    /// R, [n, n]; only the upper triangle is used.
    r: Vec<f64>,
    /// Jᵀ times the normal in hand, [n].
    d: Vec<f64>,
}

impl Factors {
    pub(super) fn new(size: usize) -> Self {
        let square = vec![0.0; size * size];
        Self { size, cholesky: square.clone(), j: square.clone(), r: square, d: vec![0.0; size] }
    }

    /// Starts anew from a Hessian (lower triangle, row by row, nothing in row i before `first[i]`) with no active normals;
    /// false where it is not positive definite.
    pub(super) fn factorise(&mut self, hessian: &[f64], first: &[usize]) -> bool {
        let n = self.size;
        for k in 0..n {
            let (before, column) = self.cholesky.split_at_mut(k * n);
            let column = &mut column[k..n];
            for (value, row) in column.iter_mut().zip(k..n) {
                *value = if k < first[row] { 0.0 } else { hessian[row * n + k] };
            }
            for earlier in before.chunks_exact(n) {
                subtract(column, earlier[k], &earlier[k..]);
            }
            let pivot = column[0];
            if pivot <= 0.0 || pivot.is_nan() {
                return false;
            }
            let scale = pivot.sqrt().recip();
            for value in column {
                *value *= scale;
            }
        }
        // Column c of J is row c of L⁻¹.
        for c in 0..n {
            let (before, column) = self.j.split_at_mut(c * n);
            let column = &mut column[..n];
            column.fill(0.0);
            column[c] = 1.0;
            for (k, earlier) in before.chunks_exact(n).enumerate() {
                subtract(&mut column[..=k], self.cholesky[k * n + c], &earlier[..=k]);
            }
            let scale = self.cholesky[c * n + c].recip();
            for value in &mut column[..=c] {
                *value *= scale;
            }
        }
        true
    }

    /// The unconstrained minimiser −H⁻¹g.
    pub(super) fn minimiser(&mut self, gradient: &[f64], x: &mut [f64]) {
        self.load(gradient);
        x.fill(0.0);
        for (column, &d) in self.j.chunks_exact(self.size).zip(&self.d) {
            subtract(x, d, column);
        }
    }

    /// Takes a normal in hand.
    pub(super) fn load(&mut self, normal: &[f64]) {
        for (d, column) in self.d.iter_mut().zip(self.j.chunks_exact(self.size)) {
            *d = super::dot(normal, column);
        }
    }

    /// Takes a unit normal in hand.
    pub(super) fn load_unit(&mut self, index: usize, sign: f64) {
        for (d, column) in self.d.iter_mut().zip(self.j.chunks_exact(self.size)) {
            *d = sign * column[index];
        }
    }

    /// Directions of the primal point and of the `active` multipliers for the normal in hand. `None` where the normal
    /// depends on the active ones, so that the point cannot move; else the slack gained per unit step.
    pub(super) fn directions(&self, active: usize, primal: &mut [f64], dual: &mut [f64]) -> Option<f64> {
        let n = self.size;
        dual[..active].copy_from_slice(&self.d[..active]);
        for k in (0..active).rev() {
            let column = &self.r[k * n..=k * n + k];
            dual[k] /= column[k];
            let known = dual[k];
            subtract(&mut dual[..k], known, column);
        }
        let free = &self.d[active..];
        let curvature = super::dot(free, free);
        if curvature <= DEPENDENT * super::dot(&self.d, &self.d) {
            return None;
        }
        primal.fill(0.0);
        for (column, &d) in self.j[active * n..].chunks_exact(n).zip(free) {
            subtract(primal, -d, column);
        }
        Some(curvature)
    }

    /// Adds the normal in hand as column `active`.
    pub(super) fn add(&mut self, active: usize) {
        let n = self.size;
        for c in (active + 1..n).rev() {
            let length = length(self.d[c - 1], self.d[c]);
            if self.d[c] == 0.0 || length == 0.0 {
                continue;
            }
            let (cos, sin) = (self.d[c - 1] / length, self.d[c] / length);
            (self.d[c - 1], self.d[c]) = (length, 0.0);
            self.turn_j(c - 1, cos, sin);
        }
        self.r[active * n..=active * n + active].copy_from_slice(&self.d[..=active]);
    }

    /// Removes column `place` of `active` ones.
    pub(super) fn remove(&mut self, place: usize, active: usize) {
        let n = self.size;
        for k in place..active - 1 {
            self.r.copy_within((k + 1) * n..(k + 1) * n + k + 2, k * n);
            let (top, below) = (self.r[k * n + k], self.r[k * n + k + 1]);
            let length = length(top, below);
            if length == 0.0 {
                continue;
            }
            let (cos, sin) = (top / length, below / length);
            (self.r[k * n + k], self.r[k * n + k + 1]) = (length, 0.0);
            for column in k + 2..active {
                let (a, b) = (self.r[column * n + k], self.r[column * n + k + 1]);
                self.r[column * n + k] = cos * a + sin * b;
                self.r[column * n + k + 1] = cos * b - sin * a;
            }
            self.turn_j(k, cos, sin);
        }
    }

    /// Turns columns `left` and `left + 1` of J.
    fn turn_j(&mut self, left: usize, cos: f64, sin: f64) {
        let n = self.size;
        let (one, other) = self.j[left * n..(left + 2) * n].split_at_mut(n);
        for (a, b) in one.iter_mut().zip(other) {
            (*a, *b) = (cos * *a + sin * *b, cos * *b - sin * *a);
        }
    }
}

/// √(a² + b²), which for numbers of a program's size needs no care for overflow.
fn length(a: f64, b: f64) -> f64 {
    (a * a + b * b).sqrt()
}

/// `target -= factor * source`.
fn subtract(target: &mut [f64], factor: f64, source: &[f64]) {
    for (target, source) in target.iter_mut().zip(source) {
        *target -= factor * source;
    }
}
