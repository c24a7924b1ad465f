//! Sets a machine up, runs the demonstration and the tests.
//!
//! This is the first thing that is built on a new machine, so it stands on the standard library alone. Everything it
//! says goes to standard error; what a command that it starts prints on standard output stays there, and so does the
//! path that `peers` is asked for.

use std::process::ExitCode;

mod command;
mod demo;
mod failure;
mod formats;
mod peers;
mod place;
mod setup;
mod test;

use failure::{Failure, Result};
use place::Place;

const USAGE: &str = "\
Sets this machine up for Etude, runs its demonstration and its tests.

usage: cargo xtask <command>

commands:
  setup            install what building, running and testing needs; a second run installs nothing
  demo [ARG...]    set up, build, and run `etude demo ARG...`
  test [--peers]   set up, then check everything: format, lints, dependencies, tests, documentation examples;
                   with --peers also against the real LeRobot, Pinocchio and MuJoCo, where CPython 3.12 is found
  peers NAME       make the Python environment of the peers lerobot, kinematics or readers, and print its Python
  formats          write docs/reference/formats.md from what the tests show
  deps             only fetch MuJoCo and the robot models into .deps/

Build output goes to CARGO_TARGET_DIR, else ~/.cache/etude/target.
Exit codes: 0 done, 1 failed, 2 wrong usage or something to do by hand first.
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {}", failure.what);
            if let Some(hint) = &failure.hint {
                eprintln!("hint: {hint}");
            }
            ExitCode::from(failure.code)
        }
    }
}

fn dispatch(arguments: &[String]) -> Result<()> {
    let (command, rest) = match arguments.split_first() {
        None => ("help", &[][..]),
        Some((command, rest)) => (command.as_str(), rest),
    };
    match command {
        "help" | "--help" | "-h" => {
            eprint!("{USAGE}");
            Ok(())
        }
        "setup" if rest.is_empty() => setup::run(&Place::find()?),
        "deps" if rest.is_empty() => setup::deps(&Place::find()?),
        "formats" if rest.is_empty() => write_formats(&Place::find()?),
        "demo" => demo::run(&Place::find()?, rest),
        "peers" if rest.len() == 1 => peers::print(&Place::find()?, &rest[0]),
        "test" => match rest {
            [] => test::run(&Place::find()?, false),
            [flag] if flag == "--peers" => test::run(&Place::find()?, true),
            _ => Err(wrong_usage(arguments)),
        },
        _ => Err(wrong_usage(arguments)),
    }
}

/// Writes the page of formats.
fn write_formats(place: &Place) -> Result<()> {
    let (sources, pins) = formats::read(&place.workspace)
        .map_err(|error| Failure::new(format!("reading the tests: {error}")))?;
    let page = formats::page(&sources, &pins).map_err(|problems| Failure::new(problems.join("\n")))?;
    let path = place.workspace.join(formats::PAGE);
    std::fs::write(&path, page).map_err(|error| Failure::new(format!("{}: {error}", path.display())))
}

fn wrong_usage(arguments: &[String]) -> Failure {
    Failure::new(format!("not understood: `cargo xtask {}`", arguments.join(" ")))
        .hint("`cargo xtask help` lists the commands")
        .code(2)
}
