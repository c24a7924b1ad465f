//! `etude episode`: one file looked into.

mod check;
mod csv;
mod info;
mod recover;

use crate::cli::EpisodeCommand;
use crate::output::Output;
use std::process::ExitCode;

/// Does what was asked for.
pub(crate) fn run(command: &EpisodeCommand, output: &Output) -> anyhow::Result<ExitCode> {
    match command {
        EpisodeCommand::Info(arguments) => info::run(arguments, output),
        EpisodeCommand::Check(arguments) => check::run(arguments, output),
        EpisodeCommand::Recover(arguments) => recover::run(arguments, output),
        EpisodeCommand::ExportCsv(arguments) => csv::run(arguments, output),
    }
}

/// A stream's name as the name of a file: `/camera/head/video` becomes `camera_head_video`.
fn file_name(topic: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '_' };
    topic.trim_start_matches('/').chars().map(plain).collect()
}
