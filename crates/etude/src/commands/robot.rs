//! `etude robot`: enrol, list, show, check, compare.

mod check;
mod diff;
mod enroll;
mod list;
mod show;
mod subject;

use crate::cli::RobotCommand;
use crate::output::Output;
use std::process::ExitCode;

pub(super) fn run(command: RobotCommand, output: &Output) -> anyhow::Result<ExitCode> {
    match command {
        RobotCommand::Enroll(arguments) => enroll::run(&arguments, output),
        RobotCommand::List(arguments) => list::run(&arguments, output),
        RobotCommand::Show(arguments) => show::run(&arguments, output),
        RobotCommand::Check(arguments) => check::run(&arguments, output),
        RobotCommand::Diff(arguments) => diff::run(&arguments, output),
    }
}
