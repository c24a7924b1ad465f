//! The quadratic program's answers satisfy the conditions of Karush, Kuhn and Tucker.

use etude_kinematics::qp::{Qp, QpProblem, QpStatus};
use proptest::prelude::*;

#[derive(Debug, Clone)]
struct Problem {
    hessian: Vec<f64>,
    gradient: Vec<f64>,
    lower: Vec<f64>,
    upper: Vec<f64>,
    rows: Vec<f64>,
    row_lower: Vec<f64>,
}

impl Problem {
    fn borrow(&self) -> QpProblem<'_> {
        QpProblem {
            hessian: &self.hessian,
            gradient: &self.gradient,
            lower: &self.lower,
            upper: &self.upper,
            rows: &self.rows,
            row_lower: &self.row_lower,
        }
    }
}

/// A problem that has a solution: its constraints are drawn around a point.
fn feasible() -> impl Strategy<Value = Problem> {
    (1_usize..10, 0_usize..8).prop_flat_map(|(n, m)| {
        let numbers = |count: usize| proptest::collection::vec(-2.0..2.0_f64, count);
        // A slack of none, some or infinitely much on each side; none on both is an equality.
        let slack = prop_oneof![Just(0.0), 0.0..0.5_f64, Just(f64::INFINITY)];
        let slacks = |count: usize| proptest::collection::vec(slack.clone(), count);
        (
            numbers(n * n),
            numbers(n),
            numbers(n),
            slacks(n),
            slacks(n),
            numbers(m * n),
            proptest::collection::vec(0.0..0.5_f64, m),
            -6.0..0.0_f64,
        )
            .prop_map(move |(root, gradient, inside, below, above, rows, row_slack, ridge)| {
                let mut hessian = vec![0.0; n * n];
                for i in 0..n {
                    for j in 0..n {
                        hessian[i * n + j] = (0..n).map(|k| root[i * n + k] * root[j * n + k]).sum();
                    }
                    hessian[i * n + i] += 10_f64.powf(ridge);
                }
                let row_lower = rows
                    .chunks_exact(n)
                    .zip(&row_slack)
                    .map(|(row, slack)| dot(row, &inside) - slack)
                    .collect();
                let lower = inside.iter().zip(&below).map(|(x, slack)| x - slack).collect();
                let upper = inside.iter().zip(&above).map(|(x, slack)| x + slack).collect();
                Problem { hessian, gradient, lower, upper, rows, row_lower }
            })
    })
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Checks stationarity, feasibility, signs and complementarity.
fn check(problem: &Problem, qp: &Qp) -> Result<(), TestCaseError> {
    let n = problem.gradient.len();
    let (x, multipliers) = (qp.x(), qp.multipliers());
    prop_assert!(multipliers.iter().all(|&value| value >= 0.0));
    let size = 1.0 + multipliers.iter().copied().fold(0.0, f64::max);
    for i in 0..n {
        let mut gradient = dot(&problem.hessian[i * n..(i + 1) * n], x) + problem.gradient[i];
        gradient -= multipliers[i] - multipliers[n + i];
        for (row, normal) in problem.rows.chunks_exact(n).enumerate() {
            gradient -= multipliers[2 * n + row] * normal[i];
        }
        prop_assert!(gradient.abs() < 1e-7 * size, "stationarity of {i}: {gradient}");
        prop_assert!(x[i] >= problem.lower[i] - 1e-9 && x[i] <= problem.upper[i] + 1e-9);
        prop_assert!(multipliers[i] == 0.0 || (x[i] - problem.lower[i]).abs() < 1e-7);
        prop_assert!(multipliers[n + i] == 0.0 || (x[i] - problem.upper[i]).abs() < 1e-7);
    }
    for (row, (normal, bound)) in problem.rows.chunks_exact(n).zip(&problem.row_lower).enumerate() {
        let slack = dot(normal, x) - bound;
        prop_assert!(slack >= -1e-9, "row {row} is violated by {slack}");
        prop_assert!(multipliers[2 * n + row] == 0.0 || slack.abs() < 1e-7);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn solutions_satisfy_the_conditions_of_optimality(problem in feasible()) {
        let mut qp = Qp::new(problem.gradient.len(), problem.row_lower.len());
        prop_assert_eq!(qp.solve(&problem.borrow()), QpStatus::Solved);
        check(&problem, &qp)?;
        // A second solve begins with the active constraints of the first and comes to the same optimum.
        let first = qp.x().to_vec();
        prop_assert_eq!(qp.solve(&problem.borrow()), QpStatus::Solved);
        check(&problem, &qp)?;
        prop_assert!(first.iter().zip(qp.x()).all(|(one, other)| (one - other).abs() < 1e-6));
        // Without them it gives the same bits.
        qp.forget();
        qp.solve(&problem.borrow());
        prop_assert_eq!(first, qp.x());
    }

    #[test]
    fn contradicting_rows_are_infeasible(problem in feasible(), row in proptest::collection::vec(0.5..2.0_f64, 9)) {
        let mut problem = problem;
        let n = problem.gradient.len();
        problem.rows = row[..n].iter().copied().chain(row[..n].iter().map(|value| -value)).collect();
        problem.row_lower = vec![1.0, -0.5];
        let mut qp = Qp::new(n, 2);
        prop_assert_eq!(qp.solve(&problem.borrow()), QpStatus::Infeasible);
    }

    #[test]
    fn any_numbers_end(
        numbers in proptest::collection::vec(any::<f64>(), 3 * 3 + 3 * 3 + 2 * 3 + 2),
    ) {
        let mut qp = Qp::new(3, 2);
        qp.solve(&QpProblem {
            hessian: &numbers[..9],
            gradient: &numbers[9..12],
            lower: &numbers[12..15],
            upper: &numbers[15..18],
            rows: &numbers[18..24],
            row_lower: &numbers[24..26],
        });
    }
}

#[test]
fn a_bound_holds_back_the_minimum() {
    let mut qp = Qp::new(2, 1);
    let problem = QpProblem {
        hessian: &[2.0, 0.0, 0.0, 2.0],
        gradient: &[-2.0, -5.0],
        lower: &[0.0, 0.0],
        upper: &[0.5, f64::INFINITY],
        rows: &[-1.0, -1.0],
        row_lower: &[-2.0],
    };
    assert_eq!(qp.solve(&problem), QpStatus::Solved);
    assert!((qp.x()[0] - 0.25).abs() < 1e-12 && (qp.x()[1] - 1.75).abs() < 1e-12, "{:?}", qp.x());
    assert!((qp.multipliers()[4] - 1.5).abs() < 1e-12);
}

#[test]
fn what_is_no_convex_problem_is_refused() {
    let mut qp = Qp::new(1, 0);
    let solve = |qp: &mut Qp, hessian: f64, lower: f64, upper: f64| {
        qp.solve(&QpProblem {
            hessian: &[hessian],
            gradient: &[1.0],
            lower: &[lower],
            upper: &[upper],
            rows: &[],
            row_lower: &[],
        })
    };
    assert_eq!(solve(&mut qp, 0.0, 0.0, 1.0), QpStatus::NotConvex);
    assert_eq!(solve(&mut qp, f64::NAN, 0.0, 1.0), QpStatus::Invalid);
    assert_eq!(solve(&mut qp, 1.0, f64::NAN, 1.0), QpStatus::Invalid);
    assert_eq!(solve(&mut qp, 1.0, 2.0, 1.0), QpStatus::Infeasible);
    assert_eq!(solve(&mut qp, 1.0, 2.0, 2.0), QpStatus::Solved);
    assert_eq!(qp.x(), [2.0]);
}
