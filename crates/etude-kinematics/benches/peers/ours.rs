//! Our own solver on the problems, timed by the thread's CPU clock.

use std::hint::black_box;

use etude_kinematics::ik::{CollisionOptions, FrameAxis, SearchOptions};
use etude_kinematics::{FrameTarget, Ik, IkOptions, Status};
use nalgebra::{Isometry3, UnitQuaternion, Vector3};

use super::problem::{self, Problem};

/// What one engine did with one problem.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub(crate) struct Outcome {
    pub(crate) engine: String,
    pub(crate) problem: String,
    pub(crate) collision: bool,
    /// CPU time of one step, µs.
    pub(crate) step_us_median: f64,
    pub(crate) step_us_p99: f64,
    /// CPU time from the start to the end of one reach, µs.
    pub(crate) reach_us_median: f64,
    /// Steps of a reach that converged; nothing where none did.
    pub(crate) steps_median: Option<f64>,
    pub(crate) converged: usize,
    pub(crate) reaches: usize,
    /// Reaches during which the engine failed.
    pub(crate) failed: usize,
}

/// CPU time of this thread, µs.
pub(crate) fn cpu_us() -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    #[expect(unsafe_code, reason = "no safe function of the standard library reads a thread's CPU time")]
    // SAFETY: the pointer is to a time that lives until the call returns.
    let result = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    assert_eq!(result, 0, "Linux has this clock");
    time.tv_sec as f64 * 1e6 + time.tv_nsec as f64 * 1e-3
}

/// CPU time that reading the clock twice takes, µs.
pub(crate) fn clock_cost_us() -> f64 {
    let mut costs: Vec<f64> = (0..10_001)
        .map(|_| {
            let begin = cpu_us();
            cpu_us() - begin
        })
        .collect();
    at(&mut costs, 0.5)
}

/// The value below which a share of the values lies.
pub(crate) fn at(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(((values.len().saturating_sub(1)) as f64 * share) as usize).copied().unwrap_or(f64::NAN)
}

pub(crate) fn solver(problem: &Problem, collision: bool) -> Ik {
    let options =
        IkOptions { unstated_velocity_rad_s: 100.0, unstated_velocity_m_s: 100.0, ..IkOptions::default() };
    let mut ik = Ik::new(&problem.body, &problem.variables(), options).expect("joints that move");
    ik.set_posture(&problem.start, problem::POSTURE_WEIGHT).expect("a sound posture");
    if collision {
        let (margin_m, influence_m) = problem::COLLISION_M;
        let options = CollisionOptions { margin_m, influence_m, ..CollisionOptions::default() };
        ik.set_self_collision(Some(&problem.collision), options).expect("the body's own capsules");
    }
    ik
}

/// Reaches from one start.
pub(crate) fn reaches(problem: &Problem, collision: bool) -> Outcome {
    let mut ik = solver(problem, collision);
    let clock = clock_cost_us();
    let (mut step_us, mut reach_us, mut steps, mut converged) = (Vec::new(), Vec::new(), Vec::new(), 0);
    for wrists in problem.targets(collision) {
        let targets = problem.frame_targets(wrists);
        let mut positions = problem.start.clone();
        let mut spent = 0.0;
        for step in 1..=problem::MAX_STEPS {
            let begin = cpu_us();
            let solution = ik.solve(black_box(&positions), black_box(&targets), problem::DT_S);
            let took = (cpu_us() - begin - clock).max(0.0);
            positions.copy_from_slice(solution.positions);
            let status = solution.status;
            step_us.push(took);
            spent += took;
            if status == Status::Converged {
                converged += 1;
                steps.push(step as f64);
                break;
            }
        }
        reach_us.push(spent);
    }
    Outcome {
        engine: "etude".to_owned(),
        problem: problem.name.to_owned(),
        collision,
        step_us_median: at(&mut step_us, 0.5),
        step_us_p99: at(&mut step_us, 0.99),
        reach_us_median: at(&mut reach_us, 0.5),
        steps_median: Some(at(&mut steps, 0.5)),
        converged,
        reaches: problem.targets(collision).len(),
        failed: 0,
    }
}

/// Teleoperation: both wrists on smooth paths and the torso, which carries the head, turned by its direction; 100 Hz for
/// a minute, each tick from the positions of the last.
pub(crate) fn ticks(problem: &Problem, collision: bool) {
    let mut ik = solver(problem, collision);
    let clock = clock_cost_us();
    let wrists = problem.start_wrists();
    let mut positions = problem.start.clone();
    let (mut tick_us, mut errors_mm, mut least_m) = (Vec::new(), Vec::new(), f64::INFINITY);
    for tick in 0..6000 {
        let time = f64::from(tick) * 0.01;
        let sway = Vector3::new((1.9 * time).sin(), (1.3 * time).sin(), (0.7 * time).sin()) * 0.08;
        let turn = UnitQuaternion::from_scaled_axis(sway * 4.0);
        let moved = wrists
            .map(|pose| Isometry3::from_parts((pose.translation.vector + sway).into(), turn * pose.rotation));
        let mut targets = problem.frame_targets(&moved);
        let look = Vector3::new(1.0, 0.3 * (0.9 * time).sin(), 0.0);
        targets.push(FrameTarget::gaze(problem.torso(), FrameAxis::X, look).with_weights(0.0, 0.1));
        let begin = cpu_us();
        let solution = ik.solve(black_box(&positions), black_box(&targets), 0.01);
        tick_us.push((cpu_us() - begin - clock).max(0.0));
        positions.copy_from_slice(solution.positions);
        errors_mm
            .push(solution.residuals[..2].iter().map(|wrist| wrist.position_m * 1e3).fold(0.0, f64::max));
        least_m = least_m.min(ik.least_distance_m().unwrap_or(f64::INFINITY));
    }
    let apart = if least_m.is_finite() {
        format!("; links at least {:.0} mm apart", least_m * 1e3)
    } else {
        String::new()
    };
    println!(
        "{}, {}: tick {:.1} µs median, {:.1} µs p99, {:.1} µs p99.9; wrists {:.2} mm median, {:.2} mm p99{apart}",
        problem.name,
        if collision { "links kept apart" } else { "links may meet" },
        at(&mut tick_us, 0.5),
        at(&mut tick_us, 0.99),
        at(&mut tick_us, 0.999),
        at(&mut errors_mm, 0.5),
        at(&mut errors_mm, 0.99),
    );
}

/// Reaches with the restarts that offline work may use.
pub(crate) fn with_restarts(problem: &Problem, collision: bool) -> (usize, f64) {
    let mut ik = solver(problem, collision);
    let seeds: Vec<u64> = (1..=16).collect();
    let (mut converged, mut reach_us) = (0, Vec::new());
    for wrists in problem.targets(collision) {
        let targets = problem.frame_targets(wrists);
        let begin = cpu_us();
        let found = ik.solve_to_convergence(&problem.start, &targets, &seeds, &SearchOptions::default());
        reach_us.push(cpu_us() - begin);
        converged += usize::from(found.status == Status::Converged);
    }
    (converged, at(&mut reach_us, 0.99))
}
