//! What can be typed: the types that the command line is read into. No work is done here.

mod cross;
mod demo;
mod episode;
mod release;
mod robot;
mod work;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use cross::{FrameChoice, HandsChoice, PathChoice, RetargetArgs, TransferMatrixArgs};
pub(crate) use demo::DemoArgs;
pub(crate) use episode::{CheckArgs, EpisodeCommand, ExportCsvArgs, InfoArgs, RecoverArgs};
pub(crate) use release::{
    CreateArgs, RelabelArgs, ReleaseCommand, ReleaseDiffArgs, ResampleArgs, ShowArgs, SplitChoice, VerifyArgs,
};
pub(crate) use robot::{
    DiffArgs, EnrollArgs, RobotCheckArgs, RobotCommand, RobotFolders, RobotListArgs, RobotShowArgs,
};
pub(crate) use work::{
    ConvertArgs, DatasetFormat, ExportArgs, FloatChoice, GridArgs, ImportArgs, InspectArgs, InspectFormat,
    ListArgs, RowArgs, StaleChoice,
};

const AFTER: &str = "\
Words:
  centre    a folder with the episodes of one site and the catalogue over them
  episode   the file of one take: one attempt of a robot at a task
  release   a choice of episodes under a name, which never changes again

From a dataset to another, in five lines:
  etude import datasets/g1 --into centre --card robots/unitree_g1_inspire
  etude list --centre centre
  etude inspect centre
  etude release create bottles-1 --centre centre
  etude export bottles-1 --centre centre --format lerobot-v3 --out exports/bottles-1

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done but something was lost (stderr says what).
Results go to stdout, everything else to stderr. `etude help COMMAND` tells more of each command.";

/// Etude runs a school for robots: takes come in, are checked and catalogued, and go out as datasets.
#[derive(Debug, Parser)]
#[command(name = "etude", version, after_help = AFTER, max_term_width = 110, arg_required_else_help = true)]
#[command(disable_help_subcommand = false, propagate_version = false)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Args, Clone, Debug)]
pub(crate) struct GlobalArgs {
    /// Say nothing on stderr but losses and errors; no progress bars.
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
}

/// What is to be done.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a school day in miniature: simulated robots, two tasks, takes, releases, a report.
    Demo(DemoArgs),
    /// Bring an existing dataset into a centre, each episode checked on the way.
    Import(ImportArgs),
    /// List the episodes of a centre.
    List(ListArgs),
    /// Measure episodes and say whether they are good enough, and why not.
    Inspect(InspectArgs),
    /// Freeze a choice of episodes into a dataset that never changes; show and verify it.
    #[command(subcommand)]
    Release(ReleaseCommand),
    /// Write a release in the format that a training program reads.
    Export(ExportArgs),
    /// Turn a foreign dataset or recordings straight into another format.
    Convert(ConvertArgs),
    /// Move a take to another body: a new episode for it, and how much of the path it reaches.
    Retarget(RetargetArgs),
    /// Find out whose takes serve whom: moved from every body to every other and replayed in physics.
    TransferMatrix(TransferMatrixArgs),
    /// Look into one episode file: what it holds, whether it is whole, how to rescue it.
    #[command(subcommand)]
    Episode(EpisodeCommand),
    /// Enrol robots from their models; list, show, check and compare their cards.
    #[command(subcommand)]
    Robot(RobotCommand),
}

/// How a result is written on stdout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Columns for people.
    #[default]
    Table,
    /// JSON for programs.
    Json,
}

/// The form of the result.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct FormatArgs {
    /// How the result is written on stdout.
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: Format,
}

#[cfg(test)]
mod tests {
    use super::Cli;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_hangs_together() {
        Cli::command().debug_assert();
    }
}
