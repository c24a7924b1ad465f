//! Times of the control path on a Unitree G1: a waist of 3 joints, two arms of 7, two wrists to place.
//!
//! `cargo bench -p etude-kinematics` prints medians and tails in µs of wall time, and how often random reaches converge.

#![expect(clippy::print_stdout, reason = "a benchmark reports on standard output")]

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::Instant;

use etude_kinematics::{Body, BodyOptions, FrameTarget, Ik, IkOptions, JointId, Poses, Status};
use nalgebra::{UnitQuaternion, Vector3};

const TICKS: usize = 6000;
const REACHES: usize = 1000;

fn main() {
    let Some(path) = model() else {
        println!(
            "skipped: no Unitree G1 in .deps/robots/unitree_g1 nor in the vendors' models (set ETUDE_DATA)"
        );
        return;
    };
    let options = BodyOptions { freeze_free_joints: true, ..BodyOptions::default() };
    let read = Instant::now();
    let body = Body::from_path(&path, &options).expect("the G1's model reads");
    println!(
        "read {}: {:.1} ms, {} joints",
        path.display(),
        read.elapsed().as_secs_f64() * 1e3,
        body.joints().len()
    );
    let joints = upper_body(&body);
    forward(&body, &joints);
    stream(&body, &joints);
    reaches(&body, &joints);
}

fn model() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let data =
        std::env::var_os("ETUDE_DATA").map_or_else(|| root.join("../../../shared/data"), PathBuf::from);
    let places = [
        root.join("../../.deps/robots/unitree_g1/g1_with_hands.xml"),
        data.join("robot_models/Unitree/G1/g1_with_hands.xml"),
    ];
    places.into_iter().find(|path| path.is_file())
}

fn upper_body(body: &Body) -> Vec<JointId> {
    let wanted = ["waist", "shoulder", "elbow", "wrist"];
    body.moving_joints()
        .filter(|&joint| wanted.iter().any(|part| body.joint_name(joint).contains(part)))
        .collect()
}

fn forward(body: &Body, joints: &[JointId]) {
    let ik = Ik::new(body, joints, IkOptions::default()).expect("scalar joints");
    let mut poses = Poses::new(body);
    let mut jacobian = ik.selection().jacobian_buffer();
    let wrist = body.frame("left_wrist_yaw_link").expect("the G1 has wrists");
    let positions = body.rest().to_vec();
    report("forward kinematics, whole body", TICKS, |_| poses.update(body, black_box(&positions)));
    report("Jacobian of one wrist", TICKS, |_| {
        ik.selection().jacobian(body, &poses, black_box(wrist), &mut jacobian);
    });
}

/// Both wrists on smooth paths at 100 Hz.
fn stream(body: &Body, joints: &[JointId]) {
    let mut ik = Ik::new(body, joints, IkOptions::default()).expect("scalar joints");
    let mut positions = ready(body);
    ik.set_posture(&positions, 1e-3).expect("a sound posture");
    let start = wrists(body, &positions);
    let mut errors = Vec::with_capacity(TICKS);
    report(&format!("tick: {} joints, two wrists", joints.len()), TICKS, |tick| {
        let time = tick as f64 * 0.01;
        let sway = Vector3::new((1.9 * time).sin(), (1.3 * time).sin(), (0.7 * time).sin()) * 0.05;
        let turn = UnitQuaternion::from_scaled_axis(sway * 4.0);
        let targets = start.map(|mut target| {
            target.world_from_frame.translation.vector += sway;
            target.world_from_frame.rotation = turn * target.world_from_frame.rotation;
            target
        });
        let solution = ik.solve(&positions, &targets, 0.01);
        errors.push(solution.residuals.iter().map(|residual| residual.position_m).fold(0.0, f64::max));
        positions.copy_from_slice(solution.positions);
    });
    errors.sort_by(f64::total_cmp);
    let (middle, tail) = (errors[errors.len() / 2] * 1e3, errors[errors.len() * 99 / 100] * 1e3);
    println!("  tracking error: median {middle:.3} mm, p99 {tail:.3} mm");
}

/// Random pairs that can be reached, from the ready pose, at most 100 steps of 20 ms.
fn reaches(body: &Body, joints: &[JointId]) {
    let mut ik = Ik::new(body, joints, IkOptions::default()).expect("scalar joints");
    let ready = ready(body);
    ik.set_posture(&ready, 1e-3).expect("a sound posture");
    let mut state = 1_u64;
    let mut unit = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 53) as f64
    };
    let (mut converged, mut steps) = (0, 0);
    let begin = Instant::now();
    for _ in 0..REACHES {
        let mut goal = ready.clone();
        for &joint in joints {
            let limits = body.limits(joint);
            let share = if body.joint_name(joint).contains("waist") { 0.4 } else { 0.8 };
            let (centre, half) =
                (f64::midpoint(limits.lower, limits.upper), (limits.upper - limits.lower) / 2.0);
            goal[body.position_index(joint).expect("it moves")] =
                centre + half * share * (2.0 * unit() - 1.0);
        }
        let targets = wrists(body, &goal);
        let mut positions = ready.clone();
        for _ in 0..100 {
            steps += 1;
            let solution = ik.solve(&positions, &targets, 0.02);
            positions.copy_from_slice(solution.positions);
            if solution.status == Status::Converged {
                converged += 1;
                break;
            }
        }
    }
    let each = begin.elapsed().as_secs_f64() * 1e6 / f64::from(steps);
    println!("random reaches: {converged} of {REACHES} converged without seeds, {each:.1} µs a step");
}

fn ready(body: &Body) -> Vec<f64> {
    let mut positions = body.rest().to_vec();
    for name in ["left_elbow_joint", "right_elbow_joint"] {
        let elbow = body.joint(name).expect("the G1 has elbows");
        positions[body.position_index(elbow).expect("it moves")] = -0.3;
    }
    positions
}

fn wrists(body: &Body, positions: &[f64]) -> [FrameTarget; 2] {
    let mut poses = Poses::new(body);
    poses.update(body, positions);
    ["left_wrist_yaw_link", "right_wrist_yaw_link"].map(|name| {
        let frame = body.frame(name).expect("the G1 has wrists");
        FrameTarget::pose(frame, poses.world_from_frame(body, frame))
    })
}

fn report(what: &str, rounds: usize, mut work: impl FnMut(usize)) {
    let mut times: Vec<f64> = (0..rounds)
        .map(|round| {
            let begin = Instant::now();
            work(round);
            begin.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times[((rounds - 1) as f64 * share) as usize];
    println!("{what}: median {:.2} µs, p99 {:.2} µs, p99.9 {:.2} µs", at(0.5), at(0.99), at(0.999));
}
