//! `etude retarget` and `etude transfer-matrix`.

use super::FormatArgs;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// In which frame a hand's path is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FrameChoice {
    /// The same places before the same work surface: things are where they were.
    Work,
    /// As seen from the shoulders, scaled by the arms' lengths.
    Torso,
}

/// What a path is read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PathChoice {
    /// What the trainer's hands did.
    Trainer,
    /// What the robot's joints were asked to do.
    Commands,
    /// What they did.
    States,
}

/// What leads the fingers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum HandsChoice {
    /// How far the source's hand is closed, finger by finger; where the thing is known, at least until it is touched.
    Closure,
    /// The person's own fingers, where the episode has them; a gripper opens as they do.
    Fingertips,
}

/// Options of `etude retarget`.
#[derive(Args, Debug)]
#[command(
    after_help = "The new episode has the origin `retargeted` and names its parent; its commands passed the governor. \
    What the other body cannot do is said and not bent: the report tells how much of the path is reached, and a rule set \
    makes a verdict of it. Exits with 0 whatever the verdict.\n\n\
    Examples:\n  etude retarget take.mcap --to trossen_aloha2\n  \
    etude retarget take.mcap --to enactic_openarm2 --out moved.mcap --replay\n  \
    etude retarget real.mcap --to fourier_gr1t2 --frame torso --body unitree_g1_dex3"
)]
pub(crate) struct RetargetArgs {
    /// The episode file.
    #[arg(value_name = "EPISODE")]
    pub(crate) episode: PathBuf,
    /// The body it goes to: a card's file, its folder, or a name in the folder of cards.
    #[arg(long, value_name = "CARD")]
    pub(crate) to: PathBuf,
    /// Where the new episode goes [default: nowhere, only the report is made].
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// In which frame the path is kept [default: work where the scene is known, else torso].
    #[arg(long, value_enum)]
    pub(crate) frame: Option<FrameChoice>,
    /// What the path is read from [default: states in the work frame, else trainer, commands or states].
    #[arg(long, value_enum)]
    pub(crate) from: Option<PathChoice>,
    /// What leads the fingers [default: closure in the work frame, else fingertips].
    #[arg(long, value_enum)]
    pub(crate) hands: Option<HandsChoice>,
    /// Card whose model the joints are read with, slot by slot, where the episode's own card names none.
    #[arg(long, value_name = "CARD")]
    pub(crate) body: Option<PathBuf>,
    /// Commands per second [default: as the card says].
    #[arg(long, value_name = "HZ", value_parser = clap::value_parser!(u32).range(1..=2000))]
    pub(crate) rate: Option<u32>,
    /// What is demanded, a TOML file [default: the rule set supplied with Etude].
    #[arg(long, value_name = "FILE")]
    pub(crate) rules: Option<PathBuf>,
    /// Replay the new episode in physics, in the scene and from the start that the take had; needs --out.
    #[arg(long, requires = "out")]
    pub(crate) replay: bool,
    /// Folder of embodiment cards; found by itself where it is absent.
    #[arg(long, value_name = "DIR")]
    pub(crate) robots: Option<PathBuf>,
    /// Folder of robot models; found by itself where it is absent.
    #[arg(long, value_name = "DIR")]
    pub(crate) models: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) format: FormatArgs,
}

/// Options of `etude transfer-matrix`.
#[derive(Args, Debug)]
#[command(
    after_help = "A scripted trainer leads each body through the task until enough takes succeed. Each take is moved to \
    every other body and replayed in the same scene and start, through the governor; on the diagonal the takes are replayed \
    as they are. Intervals are Wilson's, 95 %. The folder gets matrix.csv, matrix.svg, matrix.json and all episodes.\n\n\
    Example:\n  etude transfer-matrix --task lift_can --cards unitree_g1_dex3,trossen_aloha2 --takes 5 --out matrix"
)]
pub(crate) struct TransferMatrixArgs {
    /// The task, by its id in a scene.
    #[arg(long)]
    pub(crate) task: String,
    /// The bodies: names in the folder of cards, with commas between them.
    #[arg(long, value_name = "CARDS", value_delimiter = ',', required = true)]
    pub(crate) cards: Vec<String>,
    /// Takes of each body that are moved.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) takes: u32,
    /// Where chance begins.
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub(crate) seed: u64,
    /// The folder to write to; new or empty.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// What paths are read from [default: states].
    #[arg(long, value_enum)]
    pub(crate) from: Option<PathChoice>,
    /// What leads the fingers [default: closure].
    #[arg(long, value_enum)]
    pub(crate) hands: Option<HandsChoice>,
    /// Folder of embodiment cards; found by itself where it is absent.
    #[arg(long, value_name = "DIR")]
    pub(crate) robots: Option<PathBuf>,
    /// Folder of robot models; found by itself where it is absent.
    #[arg(long, value_name = "DIR")]
    pub(crate) models: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) format: FormatArgs,
}
