//! The commands: each reads its arguments, lets the crates work, and says what came of it.

mod cards;
mod episode;
#[cfg(feature = "ffmpeg")]
mod export;
#[cfg(feature = "ffmpeg")]
mod import;
mod inspect;
mod list;
mod release;
mod retarget;
mod robot;
mod transfer;

use crate::cli::Command;
use crate::exit;
use crate::output::Output;
use etude_dataset::Problem;
use etude_store::Filter;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

/// Name and version of this program, as it stands in what it writes.
pub(crate) const SOFTWARE: &str = concat!("etude ", env!("CARGO_PKG_VERSION"));

/// Does what was asked for.
pub(crate) fn run(command: Command, output: &Output) -> anyhow::Result<ExitCode> {
    match command {
        #[cfg(feature = "ffmpeg")]
        Command::Demo(arguments) => crate::demo::run(&arguments, output),
        #[cfg(feature = "ffmpeg")]
        Command::Import(arguments) => import::run(&arguments, output),
        Command::List(arguments) => list::run(&arguments, output),
        Command::Inspect(arguments) => inspect::run(&arguments, output),
        Command::Release(command) => release::run(&command, output),
        #[cfg(feature = "ffmpeg")]
        Command::Export(arguments) => export::run(&arguments, output),
        #[cfg(feature = "ffmpeg")]
        Command::Convert(arguments) => export::convert(&arguments, output),
        #[cfg(not(feature = "ffmpeg"))]
        Command::Demo(_) | Command::Import(_) | Command::Export(_) | Command::Convert(_) => {
            Err(without_ffmpeg())
        }
        Command::Retarget(arguments) => retarget::run(&arguments, output),
        Command::TransferMatrix(arguments) => transfer::run(&arguments, output),
        Command::Episode(command) => episode::run(&command, output),
        Command::Robot(command) => robot::run(command, output),
    }
}

/// The refusal of what needs FFmpeg.
#[cfg(not(feature = "ffmpeg"))]
fn without_ffmpeg() -> anyhow::Error {
    crate::hint::Advised::new(
        "this program was built without FFmpeg, which reads and writes the videos of datasets",
        "build it with its feature `ffmpeg`, which is on unless it is turned off",
    )
    .into()
}

/// The time of this computer, µs since 1970-01-01 UTC.
pub(crate) fn now_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// The filter of a `--where`; without one, every episode.
fn filter(expression: Option<&str>) -> anyhow::Result<Filter> {
    Ok(expression.map(Filter::parse).transpose()?.unwrap_or_else(Filter::all))
}

/// Says each problem on stderr, and whether one of them is a loss.
fn tell(problems: &[Problem], output: &Output) -> bool {
    for problem in problems {
        if problem.loss {
            output.loss(&problem.to_string());
        } else {
            output.note(&format!("note: {problem}"));
        }
    }
    problems.iter().any(|problem| problem.loss)
}

/// The end of a command that looked for faults: done where there are none.
fn sound(is_sound: bool) -> ExitCode {
    if is_sound { exit::DONE } else { exit::FAILED }
}

/// What a verdict says, in a word.
const fn verdict(accepted: Option<bool>) -> &'static str {
    match accepted {
        Some(true) => "accepted",
        Some(false) => "rejected",
        None => "not inspected",
    }
}
