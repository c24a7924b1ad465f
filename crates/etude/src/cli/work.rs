//! `etude import`, `list`, `inspect` and `export`.

use super::FormatArgs;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Options of `etude import`.
#[derive(Args, Debug)]
#[command(
    after_help = "Reads LeRobot datasets of versions 2.0, 2.1 and 3.0; and, by a mapping, MCAP (ROS 1, ROS 2, JSON and \
    Protobuf messages), ROS 1 bags, rosbag2, episodes of Unitree's xr_teleoperate, and tables of text. What a source is, \
    is seen from its bytes; a folder holds recordings of one format, each of which becomes an episode.\n\n\
    The embodiment card says what each number of a LeRobot dataset means; a mapping says it of the others. What neither \
    says is asked for and never guessed. Importing the same source again changes nothing. Exits with 3 where \
    something of the source could not be kept.\n\n\
    Examples:\n  \
    etude import datasets/g1 --into centre --card robots/unitree_g1_inspire\n  \
    etude import take.mcap --robot unitree_g1_dex3 --draft-mapping mapping.toml\n  \
    etude import take.mcap --robot unitree_g1_dex3 --mapping mapping.toml --into centre"
)]
pub(crate) struct ImportArgs {
    /// The dataset's folder, a recording, or a folder of recordings.
    #[arg(value_name = "SRC")]
    pub(crate) source: PathBuf,
    /// The centre's folder; made where there is none.
    #[arg(long, value_name = "CENTRE", required_unless_present = "draft_mapping")]
    pub(crate) into: Option<PathBuf>,
    /// The robot's embodiment card: a file, its folder, or a name in the folder of cards.
    #[arg(long, visible_alias = "robot", value_name = "CARD")]
    pub(crate) card: Option<PathBuf>,
    /// What each field of a recording is: a file that somebody confirmed.
    #[arg(long, value_name = "FILE", conflicts_with = "draft_mapping")]
    pub(crate) mapping: Option<PathBuf>,
    /// Draft a mapping from the first recording instead of importing: to FILE, or to standard output.
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "-")]
    pub(crate) draft_mapping: Option<PathBuf>,
    /// Folder of embodiment cards; found by itself where it is absent.
    #[arg(long, value_name = "DIR")]
    pub(crate) robots: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) format: FormatArgs,
}

const EXPRESSIONS: &str = "\
Expressions:
  Columns are compared with = != < <= > >=, `in (…)`, `contains` and `is null`, and joined with and, or, not and
  parentheses. Text stands in quotes. Columns: task, embodiment, accepted, inspected, outcome, duration_s, origin, clock,
  trainer, robot, scene, station, campaign, licence, rules, episode, digest, card, bytes, started, added.

Examples:
  etude list --centre centre
  etude list --centre centre --where \"accepted and task contains 'bottle'\"
  etude list --centre centre --where \"duration_s > 10 and not inspected\" --format json";

/// Options of `etude list`.
#[derive(Args, Debug)]
#[command(after_help = EXPRESSIONS)]
pub(crate) struct ListArgs {
    /// The centre's folder.
    #[arg(long, value_name = "CENTRE")]
    pub(crate) centre: PathBuf,
    /// Which episodes [default: all].
    #[arg(long = "where", value_name = "EXPR")]
    pub(crate) filter: Option<String>,
    /// At most so many.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) limit: u32,
    #[command(flatten)]
    pub(crate) format: FormatArgs,
}

/// Options of `etude inspect`.
#[derive(Args, Debug)]
#[command(
    after_help = "Exits with 0 once everything was inspected, whatever the verdicts, and with 3 where a file could \
    not be read.\n\n\
    Examples:\n  etude inspect take.mcap --all\n  etude inspect centre\n  \
    etude inspect centre --rules strict.toml --save"
)]
pub(crate) struct InspectArgs {
    /// Episode files, folders of them, or centres.
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// The rule set, a TOML file [default: the one supplied with Etude].
    #[arg(long, value_name = "FILE")]
    pub(crate) rules: Option<PathBuf>,
    /// Show what was measured of single channels too, such as each joint.
    #[arg(long)]
    pub(crate) all: bool,
    /// File the verdicts in the centre, where they become the latest.
    #[arg(long)]
    pub(crate) save: bool,
    #[command(flatten)]
    pub(crate) format: FormatArgs,
}

/// Formats of datasets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DatasetFormat {
    /// LeRobotDataset 3.0: Parquet tables and MP4 videos.
    LerobotV3,
}

/// Options of `etude export`.
#[derive(Args, Debug)]
#[command(
    after_help = "Videos are copied without coding them again where their frames allow it. Exits with 3 where \
    something of the release is not in the export.\n\n\
    Example:\n  etude export bottles-1 --centre centre --format lerobot-v3 --out exports/bottles-1"
)]
pub(crate) struct ExportArgs {
    /// The release.
    pub(crate) name: String,
    /// The centre's folder.
    #[arg(long, value_name = "CENTRE")]
    pub(crate) centre: PathBuf,
    /// The format.
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) format: DatasetFormat,
    /// The folder to write to; new or empty.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Rows per second [default: the rate of the episodes' cameras].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) fps: Option<u32>,
}
