//! Inverse kinematics side by side with placo, mink and pink, in one run: Unitree G1, two wrists, posture and limits.
//!
//! `cargo bench -p etude-kinematics --bench peers` prints the table of `benches/README.md`. It writes both problems to files
//! and starts `benches/kinematics_peers.py` on them, in a Python environment that `cargo xtask peers` makes; without
//! one it says so and shows our own figures. With `-- --keep FOLDER` the files stay there; with
//! `-- --alone` the peers are left out; `-- --seed N` draws other reaches.

#![expect(clippy::print_stdout, reason = "a benchmark reports on standard output")]

#[path = "peers/ours.rs"]
mod ours;
#[path = "peers/problem.rs"]
mod problem;

use std::path::{Path, PathBuf};
use std::process::Command;

use ours::Outcome;
use problem::Problem;

const REACHES: usize = 1000;

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let model = root.join(".deps/robots/unitree_g1/g1.xml");
    if !model.is_file() {
        println!("skipped: no Unitree G1 in .deps/robots/unitree_g1 (`cargo xtask deps` unpacks it)");
        return;
    }
    let seed = std::env::args().skip_while(|argument| argument != "--seed").nth(1);
    let seed = seed.map_or(1, |seed| seed.parse().expect("--seed takes a number"));
    let problems = [false, true].map(|whole| Problem::new(&model, whole, REACHES, seed));
    let temporary = tempfile::tempdir().expect("a folder for the problems");
    let kept = std::env::args().skip_while(|argument| argument != "--keep").nth(1).map(PathBuf::from);
    let folder = kept.as_deref().unwrap_or(temporary.path());
    for problem in &problems {
        problem.write(folder).expect("the problems are written");
    }
    let alone = std::env::args().any(|argument| argument == "--alone");
    let python = if alone { None } else { peer_python(&root) };
    let mut outcomes = Vec::new();
    for problem in &problems {
        for collision in [false, true] {
            outcomes.push(ours::reaches(problem, collision));
            if let Some(python) = &python {
                outcomes.extend(peers(&root, python, folder, problem.name, collision));
            }
        }
    }
    table(&outcomes);
    for problem in &problems {
        for collision in [false, true] {
            ours::ticks(problem, collision);
            let (converged, p99_us) = ours::with_restarts(problem, collision);
            println!(
                "{}, {}: with restarts {converged} of {REACHES}, p99 {:.1} ms a reach",
                problem.name,
                if collision { "links kept apart" } else { "links may meet" },
                p99_us / 1e3
            );
        }
    }
}

/// The Python that has the peers, made first where it is not there.
fn peer_python(root: &Path) -> Option<PathBuf> {
    let made =
        Command::new(env!("CARGO")).current_dir(root).args(["xtask", "peers", "kinematics"]).output().ok()?;
    let path = PathBuf::from(String::from_utf8_lossy(&made.stdout).trim());
    if made.status.success() && path.is_file() {
        return Some(path);
    }
    println!("no peers: {}", String::from_utf8_lossy(&made.stderr).trim());
    None
}

/// Runs all peers on one problem.
fn peers(root: &Path, python: &Path, folder: &Path, problem: &str, collision: bool) -> Vec<Outcome> {
    let mut command = Command::new(python);
    command.arg(root.join("benches/kinematics_peers.py")).arg(folder.join(problem));
    if collision {
        command.arg("--collision");
    }
    let output = command.env("OMP_NUM_THREADS", "1").output().expect("Python starts");
    if !output.status.success() {
        println!("peers failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    lines.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

fn table(outcomes: &[Outcome]) {
    println!(
        "| variables | links kept apart | engine | µs a step, median | p99 | µs a reach, median | steps | converged | to placo |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for outcome in outcomes {
        let same =
            |other: &&Outcome| other.problem == outcome.problem && other.collision == outcome.collision;
        let placo = outcomes.iter().filter(same).find(|other| other.engine == "placo");
        let ratio = placo.map_or("–".to_owned(), |placo| {
            format!("{:.2}", outcome.step_us_median / placo.step_us_median)
        });
        println!(
            "| {} | {} | {} | {:.1} | {:.1} | {:.0} | {} | {:.1} % of {} | {ratio} |",
            if outcome.problem == "u17" { 17 } else { 35 },
            if outcome.collision { "yes" } else { "no" },
            outcome.engine,
            outcome.step_us_median,
            outcome.step_us_p99,
            outcome.reach_us_median,
            outcome.steps_median.map_or("–".to_owned(), |steps| format!("{steps:.0}")),
            100.0 * outcome.converged as f64 / outcome.reaches as f64,
            outcome.reaches
        );
    }
}
