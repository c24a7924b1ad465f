//! `etude episode …`.

use super::FormatArgs;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// What is to be done with an episode file.
#[derive(Debug, Subcommand)]
pub(crate) enum EpisodeCommand {
    /// Show what an episode is: its head, its streams with counts, rates and gaps.
    Info(InfoArgs),
    /// Check an episode file against the specification, and list every deviation.
    Check(CheckArgs),
    /// Close a recording that was cut off, and say what was lost.
    Recover(RecoverArgs),
    /// Write an episode as CSV files, videos as MP4.
    ExportCsv(ExportCsvArgs),
}

/// Options of `etude episode info`.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  etude episode info take.mcap")]
pub(crate) struct InfoArgs {
    /// The episode file.
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) format: FormatArgs,
}

/// Options of `etude episode check`.
#[derive(Args, Debug)]
#[command(after_help = "Exits with 0 where the file conforms and with 1 where it does not.\n\n\
    Example:\n  etude episode check take.mcap && echo conforms")]
pub(crate) struct CheckArgs {
    /// The episode file.
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) format: FormatArgs,
}

/// Options of `etude episode recover`.
#[derive(Args, Debug)]
#[command(
    after_help = "The file that was cut off is only read. Exits with 0 where nothing was lost and with 3 where \
    something was.\n\n\
    Examples:\n  etude episode recover take.mcap.partial\n  etude episode recover damaged.mcap --out rescued.mcap"
)]
pub(crate) struct RecoverArgs {
    /// The file that was cut off, such as `take.mcap.partial`.
    pub(crate) file: PathBuf,
    /// Where the closed episode goes [default: beside FILE, as NAME.recovered.mcap].
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) format: FormatArgs,
}

/// Options of `etude episode export-csv`.
#[derive(Args, Debug)]
#[command(
    after_help = "Each stream becomes one CSV file with device, host and log time in ns, then its numbers with \
    their units in the header. The k-th frame of an MP4 belongs to the k-th row of its CSV file. Depth images become \
    16-bit PNG files in mm.\n\n\
    Example:\n  etude episode export-csv take.mcap --out take-csv"
)]
pub(crate) struct ExportCsvArgs {
    /// The episode file.
    pub(crate) file: PathBuf,
    /// The folder to write to; new or empty.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
}
