//! The two factors of the dual method: J = L⁻ᵀQ, with `H = LLᵀ`, and R, with the active normals `N = LQ[R; 0]`.

/// A new normal whose part outside the active ones is smaller than this, squared and relative, depends on them.
const DEPENDENT: f64 = 1e-22;

#[derive(Debug, Clone)]
pub(super) struct Factors {
    size: usize,
    /// L, [n, n], row by row; only the lower triangle is used.
    cholesky: Vec<f64>,
    /// J, [n, n], row by row.
    j: Vec<f64>,
    /// R, [n, n], column by column; only the upper triangle is used.
    r: Vec<f64>,
    /// Jᵀ times the normal in hand, [n].
    d: Vec<f64>,
}

impl Factors {
    pub(super) fn new(size: usize) -> Self {
        let square = vec![0.0; size * size];
        Self { size, cholesky: square.clone(), j: square.clone(), r: square, d: vec![0.0; size] }
    }

    /// Starts anew from a Hessian with no active normals; false where it is not positive definite.
    pub(super) fn factorise(&mut self, hessian: &[f64]) -> bool {
        let n = self.size;
        for i in 0..n {
            for k in 0..=i {
                let (above, row) = self.cholesky.split_at_mut(i * n);
                let partial =
                    if k < i { dot(&row[..k], &above[k * n..k * n + k]) } else { dot(&row[..k], &row[..k]) };
                let rest = hessian[i * n + k] - partial;
                if k < i {
                    row[k] = rest / above[k * n + k];
                } else if rest > 0.0 {
                    row[i] = rest.sqrt();
                } else {
                    return false;
                }
            }
        }
        for (i, row) in self.j.chunks_exact_mut(n).enumerate() {
            row[..i].fill(0.0);
            row[i] = self.cholesky[i * n + i].recip();
            for c in i + 1..n {
                let factor_row = &self.cholesky[c * n..=c * n + c];
                row[c] = -dot(&factor_row[i..c], &row[i..c]) / factor_row[c];
            }
        }
        true
    }

    /// The unconstrained minimiser −H⁻¹g.
    pub(super) fn minimiser(&mut self, gradient: &[f64], x: &mut [f64]) {
        self.load(gradient);
        for (x, row) in x.iter_mut().zip(self.j.chunks_exact(self.size)) {
            *x = -dot(row, &self.d);
        }
    }

    /// Takes a normal in hand.
    pub(super) fn load(&mut self, normal: &[f64]) {
        self.d.fill(0.0);
        for (value, row) in normal.iter().zip(self.j.chunks_exact(self.size)) {
            for (d, j) in self.d.iter_mut().zip(row) {
                *d += value * j;
            }
        }
    }

    /// Takes a unit normal in hand.
    pub(super) fn load_unit(&mut self, index: usize, sign: f64) {
        let row = &self.j[index * self.size..(index + 1) * self.size];
        for (d, j) in self.d.iter_mut().zip(row) {
            *d = sign * j;
        }
    }

    /// Directions of the primal point and of the `active` multipliers for the normal in hand. `None` where the normal
    /// depends on the active ones, so that the point cannot move; else the slack gained per unit step.
    pub(super) fn directions(&self, active: usize, primal: &mut [f64], dual: &mut [f64]) -> Option<f64> {
        let n = self.size;
        for i in (0..active).rev() {
            let mut rest = self.d[i];
            for (k, known) in dual.iter().enumerate().take(active).skip(i + 1) {
                rest -= self.r[k * n + i] * known;
            }
            dual[i] = rest / self.r[i * n + i];
        }
        let free = &self.d[active..];
        let curvature = dot(free, free);
        if curvature <= DEPENDENT * dot(&self.d, &self.d) {
            return None;
        }
        for (primal, row) in primal.iter_mut().zip(self.j.chunks_exact(n)) {
            *primal = dot(&row[active..], free);
        }
        Some(curvature)
    }

    /// Adds the normal in hand as column `active`.
    pub(super) fn add(&mut self, active: usize) {
        let n = self.size;
        for c in (active + 1..n).rev() {
            let length = self.d[c - 1].hypot(self.d[c]);
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
            let length = top.hypot(below);
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
        for row in self.j.chunks_exact_mut(self.size) {
            let (a, b) = (row[left], row[left + 1]);
            row[left] = cos * a + sin * b;
            row[left + 1] = cos * b - sin * a;
        }
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}
