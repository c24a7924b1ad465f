//! `cargo xtask test`: everything that must hold before a change lands, the cheap checks first.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::failure::Result;
use crate::place::Place;
use crate::{command, peers, setup};

/// One check: its heading, the arguments of cargo, and what to do when it fails.
struct Check {
    heading: &'static str,
    arguments: &'static [&'static str],
    hint: &'static str,
}

const CHECKS: [Check; 6] = [
    Check { heading: "format", arguments: &["fmt", "--all", "--check"], hint: "`cargo fmt --all` mends it" },
    Check {
        heading: "lints",
        arguments: &[
            "clippy",
            "--quiet",
            "--locked",
            "--workspace",
            "--all-targets",
            "--",
            "--deny",
            "warnings",
        ],
        hint: "an exception is #[expect(lint, reason = \"...\")]",
    },
    Check {
        heading: "lints of the command without FFmpeg",
        arguments: &[
            "clippy",
            "--quiet",
            "--locked",
            "--package=etude",
            "--no-default-features",
            "--",
            "--deny",
            "warnings",
        ],
        hint: "what FFmpeg is needed for stands behind the feature `ffmpeg`",
    },
    Check {
        heading: "dependencies: licences, bans, sources",
        arguments: &["deny", "--log-level=warn", "check", "licenses", "bans", "sources"],
        hint: "deny.toml says what is allowed and why",
    },
    Check {
        heading: "tests",
        arguments: &["nextest", "run", "--locked", "--workspace", "--no-fail-fast", "--status-level=slow"],
        hint: "`cargo nextest run -p CRATE NAME` runs one of them; CARGO_TARGET_DIR=~/.cache/etude/target saves building again",
    },
    Check {
        heading: "documentation examples",
        arguments: &["test", "--quiet", "--locked", "--workspace", "--doc"],
        hint: "`cargo test --doc -p CRATE` runs one crate's",
    },
];

pub(crate) fn run(place: &Place, with_peers: bool) -> Result<()> {
    let started = Instant::now();
    let mut summary = Vec::new();
    let mut note = |heading: &str, since: Instant| summary.push((heading.to_owned(), since.elapsed()));

    heading("set-up");
    setup::run(place)?;
    setup::tools(place)?;
    note("set-up", started);

    let mut programs = Vec::new();
    if with_peers {
        heading("peers");
        let since = Instant::now();
        for (variable, peer, absence) in [
            ("ETUDE_PEER_PYTHON", peers::lerobot(place)?, "LeRobot itself does not check our exports"),
            (
                "ETUDE_PEER_KINEMATICS",
                peers::kinematics(place)?,
                "Pinocchio and MuJoCo do not check our kinematics",
            ),
            (
                "ETUDE_PEER_READERS",
                peers::readers(place)?,
                "pandas, mcap-ros2-support and rerun-sdk do not check our exports",
            ),
        ] {
            match peer {
                Some(python) => programs.push((variable, python)),
                None => eprintln!("skipped: no CPython 3.12 is found here, so {absence}"),
            }
        }
        note("peers", since);
    }
    for check in &CHECKS {
        heading(check.heading);
        let since = Instant::now();
        command::run(&mut of(check, place, &programs)).map_err(|failure| failure.hint(check.hint))?;
        note(check.heading, since);
    }

    heading("all passed");
    summary.push(("together".to_owned(), started.elapsed()));
    for (heading, took) in &summary {
        eprintln!("{:>8}  {heading}", seconds(*took));
    }
    Ok(())
}

fn of(check: &Check, place: &Place, programs: &[(&str, PathBuf)]) -> Command {
    let mut cargo = command::cargo(place);
    cargo.args(check.arguments);
    cargo.envs(programs.iter().map(|(variable, program)| (variable, program)));
    cargo
}

fn heading(text: &str) {
    eprintln!("\n== {text}");
}

fn seconds(took: Duration) -> String {
    format!("{:.1} s", took.as_secs_f64())
}
