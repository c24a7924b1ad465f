//! A dense quadratic program with bounds and inequality rows, solved by the dual active-set method of
//! D. Goldfarb and A. Idnani, "A numerically stable dual method for solving strictly convex quadratic programs",
//! Mathematical Programming 27 (1983).
//!
//! Minimise ½ xᵀHx + gᵀx subject to `lower <= x <= upper` and `A x >= b`. Made once for a size; solving does not allocate
//! and always ends. The active constraints of one solve are the first guess of the next: where the guess, mended a few
//! times, fulfils the conditions of optimality, the dual method is not needed.

mod factors;
mod guess;

use factors::Factors;
use guess::Guess;

/// A violation up to this, relative to 1 + |bound|, counts as none.
const FEASIBILITY: f64 = 1e-11;

/// How a solve ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QpStatus {
    /// The optimum was found.
    Solved,
    /// No point satisfies all constraints.
    Infeasible,
    /// The Hessian is not positive definite.
    NotConvex,
    /// A size is wrong, or a number that must be finite is not.
    Invalid,
    /// The bound on iterations was reached, by rounding alone.
    IterationLimit,
}

/// A problem's numbers. With n variables and m rows:
#[derive(Debug, Clone, Copy)]
pub struct QpProblem<'a> {
    /// H, [n, n], symmetric positive definite; only the lower triangle is read.
    pub hessian: &'a [f64],
    /// g, [n].
    pub gradient: &'a [f64],
    /// Lower bounds, [n]; may be −∞.
    pub lower: &'a [f64],
    /// Upper bounds, [n]; may be +∞.
    pub upper: &'a [f64],
    /// A, [m, n].
    pub rows: &'a [f64],
    /// b, [m].
    pub row_lower: &'a [f64],
}

/// The solver with its memory.
#[derive(Debug, Clone)]
pub struct Qp {
    variables: usize,
    max_rows: usize,
    factors: Factors,
    guess: Guess,
    x: Vec<f64>,
    direction: Vec<f64>,
    dual_direction: Vec<f64>,
    /// Constraints that hold with equality, in the order of the factors' columns.
    active: Vec<usize>,
    /// Multipliers of the active ones and, last, of the one being added.
    active_multipliers: Vec<f64>,
    multipliers: Vec<f64>,
    iterations: usize,
}

impl Qp {
    /// A solver for problems of `variables` variables and at most `max_rows` rows.
    pub fn new(variables: usize, max_rows: usize) -> Self {
        Self::with_envelope(vec![0; variables], max_rows)
    }

    /// A solver for Hessians whose row i is zero before column `first[i]`, `first[i] <= i`; what stands there is not read.
    ///
    /// # Panics
    /// Where an entry of `first` is beyond its row's diagonal.
    pub fn with_envelope(first: Vec<usize>, max_rows: usize) -> Self {
        assert!(first.iter().enumerate().all(|(row, &first)| first <= row), "rows begin before the diagonal");
        let variables = first.len();
        Self {
            variables,
            max_rows,
            factors: Factors::new(variables),
            guess: Guess::new(first, max_rows),
            x: vec![0.0; variables],
            direction: vec![0.0; variables],
            dual_direction: vec![0.0; variables],
            active: Vec::with_capacity(variables + 1),
            active_multipliers: Vec::with_capacity(variables + 1),
            multipliers: vec![0.0; 2 * variables + max_rows],
            iterations: 0,
        }
    }

    /// Solves one problem; the answer is in [`Qp::x`].
    pub fn solve(&mut self, problem: &QpProblem<'_>) -> QpStatus {
        self.iterations = 0;
        self.active.clear();
        self.active_multipliers.clear();
        self.multipliers.fill(0.0);
        if !self.is_valid(problem) {
            return QpStatus::Invalid;
        }
        if problem.lower.iter().zip(problem.upper).any(|(lower, upper)| lower > upper) {
            return QpStatus::Infeasible;
        }
        if let Some(rounds) = self.guess.solve(problem, &mut self.x, &mut self.multipliers) {
            self.iterations = rounds;
            return QpStatus::Solved;
        }
        if !self.factors.factorise(problem.hessian, self.guess.first()) {
            return QpStatus::NotConvex;
        }
        self.factors.minimiser(problem.gradient, &mut self.x);
        let status = self.add_violated(problem);
        for (&constraint, &multiplier) in self.active.iter().zip(&self.active_multipliers) {
            self.multipliers[constraint] = multiplier;
        }
        self.guess.learn(&self.active);
        status
    }

    /// Forgets the active constraints of the last solve, so that the next depends on its problem alone to the last bit.
    pub fn forget(&mut self) {
        self.guess.forget();
    }

    /// The point of the last solve, [n].
    pub fn x(&self) -> &[f64] {
        &self.x
    }

    /// Multipliers of the last solve, [2n + m]: of the lower bounds, the upper bounds, the rows. Not negative where solved.
    pub fn multipliers(&self) -> &[f64] {
        &self.multipliers
    }

    /// Whether a row held with equality in the last solve.
    pub(crate) fn holds_rows(&self) -> bool {
        self.multipliers[2 * self.variables..].iter().any(|&multiplier| multiplier > 0.0)
    }

    /// Steps that the last solve took.
    pub fn iterations(&self) -> usize {
        self.iterations
    }

    fn is_valid(&self, problem: &QpProblem<'_>) -> bool {
        let n = self.variables;
        let m = problem.row_lower.len();
        problem.hessian.len() == n * n
            && [problem.gradient, problem.lower, problem.upper].iter().all(|part| part.len() == n)
            && m <= self.max_rows
            && problem.rows.len() == m * n
            && self.guess.first().iter().enumerate().all(|(row, &first)| {
                problem.hessian[row * n + first..=row * n + row].iter().all(|value| value.is_finite())
            })
            && [problem.gradient, problem.rows, problem.row_lower]
                .iter()
                .all(|part| part.iter().all(|value| value.is_finite()))
            && problem.lower.iter().all(|&value| value < f64::INFINITY)
            && problem.upper.iter().all(|&value| value > f64::NEG_INFINITY)
    }

    /// Adds violated constraints to the active set, worst first, until none is left.
    fn add_violated(&mut self, problem: &QpProblem<'_>) -> QpStatus {
        let limit = 20 + 10 * (2 * self.variables + problem.row_lower.len());
        while let Some((constraint, slack)) = self.most_violated(problem) {
            self.active_multipliers.push(0.0);
            let mut slack = slack;
            loop {
                self.iterations += 1;
                if self.iterations > limit {
                    return QpStatus::IterationLimit;
                }
                match self.step(problem, constraint, slack) {
                    Step::Added => break,
                    Step::Dropped => slack = self.slack(problem, constraint),
                    Step::Infeasible => return QpStatus::Infeasible,
                }
            }
        }
        QpStatus::Solved
    }

    /// One step in primal and dual space towards making `constraint` hold.
    fn step(&mut self, problem: &QpProblem<'_>, constraint: usize, slack: f64) -> Step {
        let count = self.active.len();
        self.load_normal(problem, constraint);
        let curvature = self.factors.directions(count, &mut self.direction, &mut self.dual_direction);
        let mut dual_step = f64::INFINITY;
        let mut leaving = 0;
        for (place, (&multiplier, &rate)) in
            self.active_multipliers.iter().zip(&self.dual_direction[..count]).enumerate()
        {
            if rate > 0.0 && multiplier / rate < dual_step {
                dual_step = multiplier / rate;
                leaving = place;
            }
        }
        let primal_step = curvature.map_or(f64::INFINITY, |curvature| -slack / curvature);
        let step = dual_step.min(primal_step);
        if step.is_infinite() {
            return Step::Infeasible;
        }
        if primal_step.is_finite() {
            for (x, direction) in self.x.iter_mut().zip(&self.direction) {
                *x += step * direction;
            }
        }
        for (multiplier, rate) in self.active_multipliers.iter_mut().zip(&self.dual_direction[..count]) {
            *multiplier = (*multiplier - step * rate).max(0.0);
        }
        if let Some(added) = self.active_multipliers.last_mut() {
            *added += step;
        }
        if primal_step <= dual_step {
            self.factors.add(count);
            self.active.push(constraint);
            Step::Added
        } else {
            self.factors.remove(leaving, count);
            self.active.remove(leaving);
            self.active_multipliers.remove(leaving);
            Step::Dropped
        }
    }

    /// Hands the constraint's normal to the factors.
    fn load_normal(&mut self, problem: &QpProblem<'_>, constraint: usize) {
        let n = self.variables;
        if constraint < n {
            self.factors.load_unit(constraint, 1.0);
        } else if constraint < 2 * n {
            self.factors.load_unit(constraint - n, -1.0);
        } else {
            let start = (constraint - 2 * n) * n;
            self.factors.load(&problem.rows[start..start + n]);
        }
    }

    /// How far the point is inside a constraint; negative where it is violated.
    fn slack(&self, problem: &QpProblem<'_>, constraint: usize) -> f64 {
        let n = self.variables;
        if constraint < n {
            self.x[constraint] - problem.lower[constraint]
        } else if constraint < 2 * n {
            problem.upper[constraint - n] - self.x[constraint - n]
        } else {
            let row = constraint - 2 * n;
            dot(&problem.rows[row * n..(row + 1) * n], &self.x) - problem.row_lower[row]
        }
    }

    fn most_violated(&self, problem: &QpProblem<'_>) -> Option<(usize, f64)> {
        let n = self.variables;
        let mut worst: Option<(usize, f64)> = None;
        let mut consider = |constraint: usize, slack: f64, bound: f64| {
            let tolerance = FEASIBILITY * (1.0 + bound.abs());
            if slack < -tolerance
                && worst.is_none_or(|(_, least)| slack < least)
                && !self.active.contains(&constraint)
            {
                worst = Some((constraint, slack));
            }
        };
        for (index, ((x, lower), upper)) in self.x.iter().zip(problem.lower).zip(problem.upper).enumerate() {
            if x < lower {
                consider(index, x - lower, *lower);
            } else if x > upper {
                consider(n + index, upper - x, *upper);
            }
        }
        for (row, (normal, bound)) in problem.rows.chunks_exact(n).zip(problem.row_lower).enumerate() {
            consider(2 * n + row, dot(normal, &self.x) - bound, *bound);
        }
        worst
    }
}

enum Step {
    Added,
    Dropped,
    Infeasible,
}

/// Inner product in four lanes, so that no sum waits for the one before it.
#[inline]
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut lanes = [0.0; 4];
    let (a, b) = (a.chunks_exact(4), b.chunks_exact(4));
    let rest: f64 = a.remainder().iter().zip(b.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a.zip(b) {
        for (lane, (a, b)) in lanes.iter_mut().zip(a.iter().zip(b)) {
            *lane += a * b;
        }
    }
    lanes.iter().sum::<f64>() + rest
}
