//! A guess at which constraints hold with equality, mended a few times and believed only where the conditions of Karush,
//! Kuhn and Tucker hold: block pivoting after J. Júdice and F. Pires, "A block principal pivoting algorithm for large-scale
//! strictly monotone linear complementarity problems", Computers & Operations Research 21 (1994), with general rows by
//! their Schur complement.
//!
//! From one solve to the next the active constraints hardly change, so that one factorisation of the free part decides.
//! It uses that the Hessian of a tree of joints is narrow: row i has nothing before column `first[i]`, nor has its factor.

use super::{FEASIBILITY, QpProblem, dot};

/// How often a guess is mended before the dual method takes over.
const MAX_ROUNDS: usize = 8;
/// A multiplier that is negative by no more than this, relative to the gradient, counts as zero.
const SIGN: f64 = 1e-12;

/// Where a variable is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hold {
    Free,
    Lower,
    Upper,
}

#[derive(Debug, Clone)]
pub(super) struct Guess {
    size: usize,
    /// First column of each row of the Hessian's lower triangle that may differ from zero.
    first: Vec<usize>,
    holds: Vec<Hold>,
    /// Active rows, ascending.
    rows: Vec<usize>,
    /// What the last round found wrong: a variable and where it should be held, or a row behind the variables.
    violations: Vec<(usize, Hold)>,
    /// Variables whose hold has changed since the last factorisation.
    changed: Vec<bool>,
    /// L of the free part, [n, n]; rows and columns of held variables are those of the identity.
    cholesky: Vec<f64>,
    /// Reciprocals of L's diagonal.
    pivots: Vec<f64>,
    /// L⁻¹ times each active row, [rows, n].
    whitened: Vec<f64>,
    /// Schur complement of the active rows and its factor, [rows, rows].
    schur: Vec<f64>,
    row_multipliers: Vec<f64>,
    right: Vec<f64>,
    gradient: Vec<f64>,
}

impl Guess {
    /// For problems whose Hessian's lower triangle is zero in row i before column `first[i]`.
    pub(super) fn new(first: Vec<usize>, max_rows: usize) -> Self {
        let size = first.len();
        let most = max_rows.min(size);
        Self {
            size,
            first,
            holds: vec![Hold::Free; size],
            rows: Vec::with_capacity(most + 1),
            violations: Vec::with_capacity(size + max_rows),
            changed: vec![true; size],
            cholesky: vec![0.0; size * size],
            pivots: vec![1.0; size],
            whitened: vec![0.0; most * size],
            schur: vec![0.0; most * most],
            row_multipliers: vec![0.0; most],
            right: vec![0.0; size],
            gradient: vec![0.0; size],
        }
    }

    pub(super) fn first(&self) -> &[usize] {
        &self.first
    }

    /// Starts the next solve from no active constraint.
    pub(super) fn forget(&mut self) {
        self.holds.fill(Hold::Free);
        self.rows.clear();
    }

    /// Takes the active constraints that another method has found.
    pub(super) fn learn(&mut self, active: &[usize]) {
        self.forget();
        for &constraint in active {
            if constraint < self.size {
                self.holds[constraint] = Hold::Lower;
            } else if constraint < 2 * self.size {
                self.holds[constraint - self.size] = Hold::Upper;
            } else if self.rows.len() < self.row_multipliers.len() {
                self.rows.push(constraint - 2 * self.size);
            }
        }
        self.rows.sort_unstable();
    }

    /// Fills `x` and `multipliers` and gives the number of rounds where the optimum was found.
    pub(super) fn solve(
        &mut self,
        problem: &QpProblem<'_>,
        x: &mut [f64],
        multipliers: &mut [f64],
    ) -> Option<usize> {
        let row_count = problem.row_lower.len();
        self.rows.retain(|&row| row < row_count);
        for (index, hold) in self.holds.iter_mut().enumerate() {
            let (lower, upper) = (problem.lower[index], problem.upper[index]);
            let bound = if *hold == Hold::Lower { lower } else { upper };
            if lower == upper {
                *hold = Hold::Lower;
            } else if *hold != Hold::Free && bound.is_infinite() {
                *hold = Hold::Free;
            }
        }
        self.changed.fill(true);
        for round in 1..=MAX_ROUNDS {
            if !self.stationary_point(problem, x) {
                return None;
            }
            self.find_violations(problem, x);
            if self.violations.is_empty() {
                self.report(multipliers);
                return Some(round);
            }
            if !self.mend() {
                return None;
            }
        }
        None
    }

    /// The optimum where the guess holds with equality and all else is ignored; false where there is none.
    fn stationary_point(&mut self, problem: &QpProblem<'_>, x: &mut [f64]) -> bool {
        let n = self.size;
        for (index, (x, hold)) in x.iter_mut().zip(&self.holds).enumerate() {
            *x = match hold {
                Hold::Free => 0.0,
                Hold::Lower => problem.lower[index],
                Hold::Upper => problem.upper[index],
            };
        }
        // What held variables alone would make of the gradient.
        let holds_any = self.holds.iter().any(|&hold| hold != Hold::Free);
        if holds_any {
            product(problem.hessian, &self.first, x, &mut self.gradient);
        } else {
            self.gradient.fill(0.0);
        }
        for (index, right) in self.right.iter_mut().enumerate() {
            let free = self.holds[index] == Hold::Free;
            *right = if free { -problem.gradient[index] - self.gradient[index] } else { 0.0 };
        }
        if !self.factorise(problem.hessian) {
            return false;
        }
        self.forward(None);
        if !self.add_rows(problem, x) {
            return false;
        }
        self.backward();
        for ((x, hold), right) in x.iter_mut().zip(&self.holds).zip(&self.right) {
            if *hold == Hold::Free {
                *x = *right;
            }
        }
        if !holds_any {
            return true;
        }
        product(problem.hessian, &self.first, x, &mut self.gradient);
        for (sum, gradient) in self.gradient.iter_mut().zip(problem.gradient) {
            *sum += gradient;
        }
        for (&row, &multiplier) in self.rows.iter().zip(&self.row_multipliers) {
            subtract(&mut self.gradient, multiplier, &problem.rows[row * n..(row + 1) * n]);
        }
        true
    }

    /// Factorises the free part of the Hessian within its envelope, as far as changes since the last time reach.
    fn factorise(&mut self, hessian: &[f64]) -> bool {
        let n = self.size;
        // One past the last row that differs from the last factor's.
        let mut differs = 0;
        for i in 0..n {
            let same = differs <= self.first[i] && !self.changed[i];
            self.changed[i] = false;
            if same {
                continue;
            }
            differs = i + 1;
            if self.holds[i] != Hold::Free {
                self.cholesky[i * n + self.first[i]..i * n + i].fill(0.0);
                self.cholesky[i * n + i] = 1.0;
                self.pivots[i] = 1.0;
                continue;
            }
            let (above, row) = self.cholesky.split_at_mut(i * n);
            let first = self.first[i];
            for j in first..i {
                if self.holds[j] != Hold::Free {
                    row[j] = 0.0;
                    continue;
                }
                let from = first.max(self.first[j]);
                let known = dot(&row[from..j], &above[j * n + from..j * n + j]);
                row[j] = (hessian[i * n + j] - known) * self.pivots[j];
            }
            let rest = hessian[i * n + i] - dot(&row[first..i], &row[first..i]);
            if rest.is_nan() || rest <= 1e-14 * hessian[i * n + i] {
                return false;
            }
            let pivot = rest.sqrt();
            row[i] = pivot;
            self.pivots[i] = pivot.recip();
        }
        true
    }

    /// L⁻¹ times `right`, or times one of the whitened rows, in place.
    fn forward(&mut self, whitened: Option<usize>) {
        let n = self.size;
        let values = match whitened {
            None => &mut self.right[..],
            Some(place) => &mut self.whitened[place * n..(place + 1) * n],
        };
        for i in 0..n {
            let first = self.first[i];
            let known = dot(&self.cholesky[i * n + first..i * n + i], &values[first..i]);
            values[i] = (values[i] - known) * self.pivots[i];
        }
    }

    /// L⁻ᵀ times `right` in place.
    fn backward(&mut self) {
        let n = self.size;
        for i in (0..n).rev() {
            let first = self.first[i];
            let value = self.right[i] * self.pivots[i];
            self.right[i] = value;
            subtract(&mut self.right[first..i], value, &self.cholesky[i * n + first..i * n + i]);
        }
    }

    /// Finds the multipliers that make the active rows hold and adds what they do to `right`; false where the rows depend
    /// on each other. `x` holds the held variables alone.
    fn add_rows(&mut self, problem: &QpProblem<'_>, x: &[f64]) -> bool {
        let (n, count) = (self.size, self.rows.len());
        for place in 0..count {
            let row = self.rows[place];
            let normal = &problem.rows[row * n..(row + 1) * n];
            let whitened = &mut self.whitened[place * n..(place + 1) * n];
            for ((value, &entry), hold) in whitened.iter_mut().zip(normal).zip(&self.holds) {
                *value = if *hold == Hold::Free { entry } else { 0.0 };
            }
            self.forward(Some(place));
            let whitened = &self.whitened[place * n..(place + 1) * n];
            self.row_multipliers[place] =
                problem.row_lower[row] - dot(normal, x) - dot(whitened, &self.right);
        }
        for i in 0..count {
            for j in 0..=i {
                let product = dot(&self.whitened[i * n..(i + 1) * n], &self.whitened[j * n..(j + 1) * n]);
                let known = dot(&self.schur[i * count..i * count + j], &self.schur[j * count..j * count + j]);
                let rest = product - known;
                self.schur[i * count + j] = if j < i {
                    rest / self.schur[j * count + j]
                } else if rest > 1e-12 * product {
                    rest.sqrt()
                } else {
                    return false;
                };
            }
            let known = dot(&self.schur[i * count..i * count + i], &self.row_multipliers[..i]);
            self.row_multipliers[i] = (self.row_multipliers[i] - known) / self.schur[i * count + i];
        }
        for i in (0..count).rev() {
            self.row_multipliers[i] /= self.schur[i * count + i];
            let value = self.row_multipliers[i];
            subtract(&mut self.row_multipliers[..i], value, &self.schur[i * count..i * count + i]);
            subtract(&mut self.right, -value, &self.whitened[i * n..(i + 1) * n]);
        }
        true
    }

    /// Lists what pulls the wrong way and what is violated: variables by their index, rows behind them.
    fn find_violations(&mut self, problem: &QpProblem<'_>, x: &[f64]) {
        let n = self.size;
        self.violations.clear();
        for (index, hold) in self.holds.iter().enumerate() {
            let (lower, upper, pull) = (problem.lower[index], problem.upper[index], self.gradient[index]);
            let least = -SIGN * (1.0 + problem.gradient[index].abs());
            let next = match *hold {
                Hold::Free if x[index] < lower - FEASIBILITY * (1.0 + lower.abs()) => Hold::Lower,
                Hold::Free if x[index] > upper + FEASIBILITY * (1.0 + upper.abs()) => Hold::Upper,
                Hold::Lower if pull < least && lower < upper => Hold::Free,
                Hold::Upper if -pull < least => Hold::Free,
                _ => continue,
            };
            self.violations.push((index, next));
        }
        let mut active = self.rows.iter().zip(&self.row_multipliers).peekable();
        for (row, (normal, bound)) in problem.rows.chunks_exact(n).zip(problem.row_lower).enumerate() {
            let multiplier = active.next_if(|&(&active, _)| active == row).map(|(_, &multiplier)| multiplier);
            let violated = match multiplier {
                Some(multiplier) => multiplier < -SIGN,
                None => dot(normal, x) - bound < -FEASIBILITY * (1.0 + bound.abs()),
            };
            if violated {
                self.violations.push((n + row, Hold::Free));
            }
        }
    }

    /// Mends all violations at once; false where more rows than variables would be active.
    fn mend(&mut self) -> bool {
        for &(index, next) in &self.violations {
            if index < self.size {
                self.holds[index] = next;
                self.changed[index] = true;
                continue;
            }
            let row = index - self.size;
            match self.rows.binary_search(&row) {
                Ok(place) => {
                    self.rows.remove(place);
                }
                Err(place) if self.rows.len() < self.row_multipliers.len() => self.rows.insert(place, row),
                Err(_) => return false,
            }
        }
        true
    }

    fn report(&self, multipliers: &mut [f64]) {
        let n = self.size;
        for (index, hold) in self.holds.iter().enumerate() {
            let pull = self.gradient[index];
            if *hold != Hold::Free && pull > 0.0 {
                multipliers[index] = pull;
            } else if *hold != Hold::Free {
                multipliers[n + index] = -pull;
            }
        }
        for (&row, &multiplier) in self.rows.iter().zip(&self.row_multipliers) {
            multipliers[2 * n + row] = multiplier.max(0.0);
        }
    }
}

/// H x, with H given by its lower triangle within the envelope.
fn product(hessian: &[f64], first: &[usize], x: &[f64], out: &mut [f64]) {
    let n = first.len();
    for i in 0..n {
        let from = first[i];
        let row = &hessian[i * n + from..i * n + i];
        out[i] = dot(row, &x[from..i]) + hessian[i * n + i] * x[i];
        subtract(&mut out[from..i], -x[i], row);
    }
}

/// `target -= factor * source`.
fn subtract(target: &mut [f64], factor: f64, source: &[f64]) {
    if factor == 0.0 {
        return;
    }
    for (target, source) in target.iter_mut().zip(source) {
        *target -= factor * source;
    }
}
