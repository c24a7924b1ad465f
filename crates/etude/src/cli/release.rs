//! `etude release …`.

use super::FormatArgs;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// What is to be done with releases.
#[derive(Debug, Subcommand)]
pub(crate) enum ReleaseCommand {
    /// Freeze a choice of episodes under a name.
    Create(CreateArgs),
    /// Show what a release holds.
    Show(ShowArgs),
    /// Read every episode of a release and compare it with its digest.
    Verify(VerifyArgs),
}

/// Options of `etude release create`.
#[derive(Args, Debug)]
#[command(after_help = "The same choice of the same episodes gives the same release, to the byte.\n\n\
    Examples:\n  etude release create bottles-1 --centre centre\n  \
    etude release create long-ones --centre centre --where \"accepted and duration_s > 10\"\n  \
    etude release create raw --centre centre --where \"accepted or not accepted\"")]
pub(crate) struct CreateArgs {
    /// Its name: letters, digits, `.`, `_` and `-`.
    pub(crate) name: String,
    /// The centre's folder.
    #[arg(long, value_name = "CENTRE")]
    pub(crate) centre: PathBuf,
    /// Which episodes; `etude help list` explains expressions.
    #[arg(long = "where", value_name = "EXPR", default_value = "accepted")]
    pub(crate) filter: String,
    #[command(flatten)]
    pub(crate) format: FormatArgs,
}

/// Options of `etude release show`.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  etude release show bottles-1 --centre centre --format json")]
pub(crate) struct ShowArgs {
    /// The release.
    pub(crate) name: String,
    /// The centre's folder.
    #[arg(long, value_name = "CENTRE")]
    pub(crate) centre: PathBuf,
    #[command(flatten)]
    pub(crate) format: FormatArgs,
}

/// Options of `etude release verify`.
#[derive(Args, Debug)]
#[command(after_help = "Exits with 0 where every file is what it was and with 1 where one is not.\n\n\
    Example:\n  etude release verify bottles-1 --centre centre")]
pub(crate) struct VerifyArgs {
    /// The release.
    pub(crate) name: String,
    /// The centre's folder.
    #[arg(long, value_name = "CENTRE")]
    pub(crate) centre: PathBuf,
    #[command(flatten)]
    pub(crate) format: FormatArgs,
}
