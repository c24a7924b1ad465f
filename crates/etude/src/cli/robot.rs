//! `etude robot`: cards of robots, and models on the way to one.

use super::FormatArgs;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// What is to be done with robots.
#[derive(Debug, Subcommand)]
pub(crate) enum RobotCommand {
    /// Draft the card of a robot that nobody here has seen, from its URDF or MJCF.
    Enroll(EnrollArgs),
    /// List the embodiment cards.
    List(RobotListArgs),
    /// Show a card or a model, as a table or as a picture; several models as one sheet.
    Show(RobotShowArgs),
    /// Find what is wrong with a model or a card, and how to mend it.
    Check(RobotCheckArgs),
    /// Say how two cards or models differ.
    Diff(DiffArgs),
}

/// Draft the card of a robot that nobody here has seen, from its URDF or MJCF.
///
/// Which joint is which is read from the tree's shape, its axes and limits; names are heard last. What that does not
/// settle is asked on a terminal (Enter keeps the draft, `?` leaves a question open), and stands in the card as
/// `[[doubt]]` otherwise. A card with an open question runs no robot.
#[derive(Args, Debug)]
pub(crate) struct EnrollArgs {
    /// The model: a URDF (xacro expanded) or an MJCF file.
    #[arg(value_name = "MODEL")]
    pub(crate) model: PathBuf,
    /// Who makes the robot.
    #[arg(long, value_name = "NAME")]
    pub(crate) vendor: Option<String>,
    /// The robot's model name; without it the one in the file.
    #[arg(long = "model", value_name = "NAME")]
    pub(crate) model_name: Option<String>,
    /// The package that ships the model, by name and version.
    #[arg(long, value_name = "PACKAGE")]
    pub(crate) package: Option<String>,
    /// The model's licence, SPDX.
    #[arg(long, value_name = "LICENCE")]
    pub(crate) licence: Option<String>,
    /// Folder that the card is written to; without it `robots/VENDOR_MODEL`.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Take every question as it was drafted; the card records that nobody looked.
    #[arg(long)]
    pub(crate) accept: bool,
}

/// List the embodiment cards.
#[derive(Args, Debug)]
pub(crate) struct RobotListArgs {
    /// Folder of embodiment cards; without it the one beside the sources.
    #[arg(long, value_name = "DIR")]
    pub(crate) robots: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) format: FormatArgs,
}

/// Show a card or a model, as a table or as a picture; several models as one sheet.
#[derive(Args, Debug)]
pub(crate) struct RobotShowArgs {
    /// Cards (a name, a folder or a file) or model files.
    #[arg(value_name = "ROBOT", required = true)]
    pub(crate) subjects: Vec<PathBuf>,
    /// Draw the zero pose and the home pose into this file; several robots make one sheet.
    #[arg(long, value_name = "FILE")]
    pub(crate) png: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) folders: RobotFolders,
    #[command(flatten)]
    pub(crate) format: FormatArgs,
}

/// Find what is wrong with a model or a card, and how to mend it.
#[derive(Args, Debug)]
pub(crate) struct RobotCheckArgs {
    /// A card (a name, a folder or a file) or a model file.
    #[arg(value_name = "ROBOT")]
    pub(crate) subject: PathBuf,
    #[command(flatten)]
    pub(crate) folders: RobotFolders,
    #[command(flatten)]
    pub(crate) format: FormatArgs,
}

/// Say how two cards or models differ.
#[derive(Args, Debug)]
pub(crate) struct DiffArgs {
    /// A card or a model file.
    #[arg(value_name = "ROBOT")]
    pub(crate) one: PathBuf,
    /// The one it is compared with.
    #[arg(value_name = "OTHER")]
    pub(crate) other: PathBuf,
    #[command(flatten)]
    pub(crate) folders: RobotFolders,
    #[command(flatten)]
    pub(crate) format: FormatArgs,
}

/// Where cards and models are.
#[derive(Args, Debug)]
pub(crate) struct RobotFolders {
    /// Folder of embodiment cards; without it the one beside the sources.
    #[arg(long, value_name = "DIR")]
    pub(crate) robots: Option<PathBuf>,
    /// Folder of the models that cards name; without it the one that set-up made.
    #[arg(long, value_name = "DIR")]
    pub(crate) models: Option<PathBuf>,
}
