//! A quadratic program with bounds alone, solved by projected Newton steps (D. Bertsekas, "Projected Newton methods for
//! optimization problems with simple constraints", SIAM J. Control and Optimization 20, 1982; as in Y. Tassa and others,
//! "Control-limited differential dynamic programming", ICRA 2014).
//!
//! A hand's Hessian is nearly block-diagonal, a block per finger, with the thumb's rows last. The Cholesky factor keeps that
//! profile, which is what makes this several times faster here than [`crate::qp`].

/// A gradient smaller than this against the first one's counts as none.
const GRADIENT_DONE: f64 = 1e-10;
/// Most Newton steps.
const STEPS: usize = 20;
/// Most halvings of one step.
const HALVINGS: usize = 20;

/// The solver with its memory: minimise ½ xᵀHx + gᵀx with `lower <= x <= upper`, where zero is within the bounds.
#[derive(Debug, Clone)]
pub(super) struct BoxNewton {
    size: usize,
    /// L, row by row, of the rows and columns that are free.
    factor: Vec<f64>,
    /// First column of each row of L that is not zero.
    first: Vec<usize>,
    clamped: Vec<bool>,
    x: Vec<f64>,
    next: Vec<f64>,
    slope: Vec<f64>,
    step: Vec<f64>,
}

impl BoxNewton {
    pub(super) fn new(size: usize) -> Self {
        let zeros = vec![0.0; size];
        Self {
            size,
            factor: vec![0.0; size * size],
            first: vec![0; size],
            clamped: vec![false; size],
            x: zeros.clone(),
            next: zeros.clone(),
            slope: zeros.clone(),
            step: zeros,
        }
    }

    /// The point of the last solve, within the bounds whatever it answered.
    pub(super) fn x(&self) -> &[f64] {
        &self.x
    }

    /// Starts from zero and never gets worse; false where the Hessian (lower triangle, row by row) is not positive definite.
    /// `start[row]` is the first column of a row that is not zero.
    pub(super) fn solve(
        &mut self,
        hessian: &[f64],
        gradient: &[f64],
        (lower, upper): (&[f64], &[f64]),
        start: &[usize],
    ) -> bool {
        self.x.fill(0.0);
        self.slope.copy_from_slice(gradient);
        let scale = gradient.iter().fold(0.0_f64, |most, value| most.max(value.abs()));
        let mut value = 0.0;
        for round in 0..STEPS {
            let changed = self.clamp(lower, upper);
            if (changed || round == 0) && !self.factorise(hessian, start) {
                return false;
            }
            let free = self.slope.iter().zip(&self.clamped).filter(|(_, clamped)| !**clamped);
            if free.fold(0.0_f64, |most, (slope, _)| most.max(slope.abs())) <= GRADIENT_DONE * scale {
                return true;
            }
            self.newton_step();
            let Some(reached) = self.advance(hessian, gradient, (lower, upper), start, value) else {
                return true;
            };
            value = reached;
        }
        true
    }

    /// Says which variables sit at a bound and are pushed against it; whether that is news.
    fn clamp(&mut self, lower: &[f64], upper: &[f64]) -> bool {
        let mut changed = false;
        for index in 0..self.size {
            let (x, slope) = (self.x[index], self.slope[index]);
            let clamped = (x <= lower[index] && slope > 0.0) || (x >= upper[index] && slope < 0.0);
            changed |= clamped != self.clamped[index];
            self.clamped[index] = clamped;
        }
        changed
    }

    /// L of the free rows and columns; clamped ones are those of the identity.
    fn factorise(&mut self, hessian: &[f64], start: &[usize]) -> bool {
        let n = self.size;
        for row in 0..n {
            let (before, own) = self.factor.split_at_mut(row * n);
            let own = &mut own[..n];
            if self.clamped[row] {
                self.first[row] = row;
                own[row] = 1.0;
                continue;
            }
            let first = start[row];
            self.first[row] = first;
            let mut pivot = hessian[row * n + row];
            for column in first..row {
                let mut value = if self.clamped[column] { 0.0 } else { hessian[row * n + column] };
                let from = first.max(self.first[column]);
                let other = &before[column * n + from..column * n + column];
                for (a, b) in own[from..column].iter().zip(other) {
                    value -= a * b;
                }
                value /= before[column * n + column];
                own[column] = value;
                pivot -= value * value;
            }
            if pivot <= 0.0 || pivot.is_nan() {
                return false;
            }
            own[row] = pivot.sqrt();
        }
        true
    }

    /// −H⁻¹ · slope over the free variables.
    fn newton_step(&mut self) {
        let n = self.size;
        for row in 0..n {
            let (own, first) = (&self.factor[row * n..row * n + n], self.first[row]);
            let mut value = if self.clamped[row] { 0.0 } else { -self.slope[row] };
            for (factor, known) in own[first..row].iter().zip(&self.step[first..row]) {
                value -= factor * known;
            }
            self.step[row] = value / own[row];
        }
        for row in (0..n).rev() {
            let (own, first) = (&self.factor[row * n..row * n + n], self.first[row]);
            let value = self.step[row] / own[row];
            self.step[row] = value;
            for (factor, open) in own[first..row].iter().zip(&mut self.step[first..row]) {
                *open -= factor * value;
            }
        }
    }

    /// Goes along the step as far as it pays, within the bounds; the new value, or nothing where none is better.
    fn advance(
        &mut self,
        hessian: &[f64],
        gradient: &[f64],
        (lower, upper): (&[f64], &[f64]),
        start: &[usize],
        value: f64,
    ) -> Option<f64> {
        let mut length = 1.0;
        for _ in 0..HALVINGS {
            for index in 0..self.size {
                self.next[index] =
                    (self.x[index] + length * self.step[index]).clamp(lower[index], upper[index]);
            }
            multiply(hessian, &self.next, start, &mut self.slope);
            let mut reached = 0.0;
            for ((slope, gradient), x) in self.slope.iter_mut().zip(gradient).zip(&self.next) {
                reached += x * (0.5 * *slope + gradient);
                *slope += gradient;
            }
            if reached < value {
                std::mem::swap(&mut self.x, &mut self.next);
                return Some(reached);
            }
            length *= 0.5;
        }
        None
    }
}

/// H · x of a symmetric matrix by its lower triangle.
fn multiply(hessian: &[f64], x: &[f64], start: &[usize], out: &mut [f64]) {
    let n = x.len();
    out.fill(0.0);
    for row in 0..n {
        let mut sum = hessian[row * n + row] * x[row];
        for column in start[row]..row {
            let value = hessian[row * n + column];
            sum += value * x[column];
            out[column] += value * x[row];
        }
        out[row] += sum;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::qp::{Qp, QpProblem, QpStatus};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_agrees_with_the_general_solver(
            square in prop::collection::vec(-1.0_f64..1.0, 36),
            gradient in prop::collection::vec(-3.0_f64..3.0, 6),
            reach in prop::collection::vec((0.0_f64..0.6, 0.0_f64..0.6), 6),
        ) {
            let n = 6;
            let mut hessian = vec![0.0; n * n];
            for row in 0..n {
                for column in 0..n {
                    hessian[row * n + column] = (0..n).map(|k| square[row * n + k] * square[column * n + k]).sum();
                }
                hessian[row * n + row] += 0.1;
            }
            let lower: Vec<f64> = reach.iter().map(|(low, _)| -low).collect();
            let upper: Vec<f64> = reach.iter().map(|(_, high)| *high).collect();
            let mut exact = Qp::new(n, 0);
            let problem = QpProblem {
                hessian: &hessian, gradient: &gradient, lower: &lower, upper: &upper, rows: &[], row_lower: &[],
            };
            prop_assert_eq!(exact.solve(&problem), QpStatus::Solved);
            let mut solver = BoxNewton::new(n);
            prop_assert!(solver.solve(&hessian, &gradient, (&lower, &upper), &[0; 6]));
            let value = |x: &[f64]| -> f64 {
                (0..n).map(|i| x[i] * (gradient[i] + 0.5 * (0..n).map(|j| hessian[i * n + j] * x[j]).sum::<f64>())).sum()
            };
            let (found, best) = (value(solver.x()), value(exact.x()));
            prop_assert!(found - best < 1e-8, "{} {}", found, best);
            for (x, (low, high)) in solver.x().iter().zip(lower.iter().zip(&upper)) {
                prop_assert!(x >= low && x <= high);
            }
        }
    }
}
