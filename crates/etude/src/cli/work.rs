//! `etude import`, `list`, `inspect` and `export`.

use super::FormatArgs;
use clap::{Args, ValueEnum};
use etude_dataset::export::RowRule;
use etude_model::{Span, Topic};
use std::path::PathBuf;

/// Options of `etude import`.
#[derive(Args, Debug)]
#[command(
    after_help = "Reads LeRobot datasets of versions 2.0, 2.1 and 3.0; and, by a mapping, MCAP (ROS 1, ROS 2, JSON, \
    Protobuf and FlatBuffers messages), ROS 1 bags, rosbag2, HDF5 (robosuite, robomimic, MimicGen, ALOHA, RoboMIND, \
    AgiBot World, DROID), RLDS, zarr of UMI, Unitree's xr_teleoperate, motion (BVH, A-Frame), and tables of text. What a \
    source is, is seen from its bytes; a folder holds recordings of one format, each of which becomes an episode.\n\n\
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
    /// Go on with an import that was cut off: what the centre has of the source is not read again, nor its losses told again.
    #[arg(long)]
    pub(crate) resume: bool,
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
    etude inspect centre --release bottles --rules strict --save\n  \
    etude inspect datasets/g1 --robot unitree_g1_dex3 --format junit > verdicts.xml"
)]
pub(crate) struct InspectArgs {
    /// Episode files, folders of them, or centres; with --robot, whatever `etude import` reads.
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// Of centres, only the episodes of this release.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["filter", "robot", "watch"])]
    pub(crate) release: Option<String>,
    /// Of centres, only these episodes.
    #[arg(long = "where", value_name = "EXPR", conflicts_with_all = ["robot", "watch"])]
    pub(crate) filter: Option<String>,
    /// The rule set: default, strict, lerobot-ready, or a TOML file [default: default].
    #[arg(long, value_name = "NAME|FILE")]
    pub(crate) rules: Option<PathBuf>,
    /// Show what was measured of single channels too, such as each joint.
    #[arg(long)]
    pub(crate) all: bool,
    /// File the verdicts in the centre, where they become the latest.
    #[arg(long)]
    pub(crate) save: bool,
    /// Watch one folder that others write to: a line for each take, once its file is whole and stays as it is.
    #[arg(long, conflicts_with_all = ["save", "robot"])]
    pub(crate) watch: bool,
    /// The embodiment card of a foreign dataset or recording, which is inspected as it is, an episode at a time: a file, its
    /// folder, or a name in the folder of cards.
    #[arg(long, visible_alias = "card", value_name = "CARD", conflicts_with = "save")]
    pub(crate) robot: Option<PathBuf>,
    /// What each field of a foreign recording is: a file that somebody confirmed.
    #[arg(long, value_name = "FILE", requires = "robot")]
    pub(crate) mapping: Option<PathBuf>,
    /// Folder of embodiment cards; found by itself where it is absent.
    #[arg(long, value_name = "DIR")]
    pub(crate) robots: Option<PathBuf>,
    /// How the result is written on stdout.
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: InspectFormat,
}

/// How an inspection is written on stdout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum InspectFormat {
    /// Columns for people.
    #[default]
    Table,
    /// JSON for programs.
    Json,
    /// A page that loads nothing: what is wrong first, with plots, in English and Chinese.
    Html,
    /// `JUnit`: an episode is a test, which a fault fails.
    Junit,
    /// SARIF 2.1.0: a finding is a result.
    Sarif,
}

/// Formats of datasets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DatasetFormat {
    /// LeRobotDataset 3.0: Parquet tables and MP4 videos.
    #[value(name = "lerobot-v3", alias = "lerobot-v3.0")]
    LerobotV3,
    /// LeRobotDataset 2.1: a table and a video per episode and camera.
    #[value(name = "lerobot-v2.1", alias = "lerobot-v2")]
    LerobotV21,
    /// The same with GR00T's `modality.json`.
    Groot,
    /// HDF5 as robomimic has it: one file, a group for each episode.
    Robomimic,
    /// HDF5 as `RoboMIND` has it: a file for each episode.
    Robomind,
    /// RLDS: shards of records with features.json, as TensorFlow Datasets reads them.
    Rlds,
    /// A Parquet table per stream, each with its own times.
    Parquet,
    /// An MCAP file of ROS 2 messages per episode.
    McapRos2,
    /// A Rerun recording per episode.
    Rrd,
}

/// What becomes of an episode in which rows lack a value that is young enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum StaleChoice {
    /// It becomes several episodes.
    Split,
    /// The rows are left out, and the episode goes on after a marked hole.
    Drop,
}

/// How measured numbers are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FloatChoice {
    /// Single precision; double where the source of an import had it.
    Auto,
    /// Single precision.
    F32,
    /// Double precision.
    F64,
}

/// Options of `etude export`.
#[derive(Args, Debug)]
#[command(
    after_help = "LeRobot and GR00T have rows at one rate: beside them lies an alignment report with the age of every value \
    used. Parquet, ROS 2 and Rerun keep each stream at its own rate and clocks. Videos are copied without coding them again; \
    where rows do not fit the frames, only those groups of pictures are coded anew. Rights, trainer, robot, calibration and \
    origin go along, in the format or in `etude.json` beside it. Exits with 3 where something of the release is not in the \
    export.\n\n\
    Examples:\n  \
    etude export bottles-1 --centre centre --format lerobot-v3 --out exports/bottles-1\n  \
    etude export bottles-1 --centre centre --format lerobot-v3 --rate 10 --rule /robot/joint_states=linear \\\n    \
    --max-age 50ms --stale drop --out exports/bottles-10hz\n  \
    etude export bottles-1 --centre centre --format mcap-ros2 --out exports/bottles-ros2"
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
    #[command(flatten)]
    pub(crate) rows: RowArgs,
}

/// Options of `etude convert`.
#[derive(Args, Debug)]
#[command(
    after_help = "Reads what `etude import` reads and writes what `etude export` writes, without a centre: one episode at a time lies \
    on disk. LeRobot becomes LeRobot 3.0 without a card: rows and coded frames stay as they are. Exits with 3 where something of the source is not in the result.\n\n\
    Examples:\n  \
    etude convert datasets/g1-v2.1 g1-v3 --format lerobot-v3\n  \
    etude convert datasets/g1-v2.1 g1-10hz --robot unitree_g1_inspire --format lerobot-v3 --rate 10\n  \
    etude convert datasets/g1-v3 g1-less --format lerobot-v3 --without 3,7"
)]
pub(crate) struct ConvertArgs {
    /// The dataset's folder, a recording, or a folder of recordings.
    #[arg(value_name = "SRC")]
    pub(crate) source: PathBuf,
    /// The folder to write to; new or empty.
    #[arg(value_name = "OUT")]
    pub(crate) out: PathBuf,
    /// The robot's embodiment card: a file, its folder, or a name in the folder of cards. Without it, LeRobot
    /// becomes LeRobot 3.0 as it is; everything else needs one.
    #[arg(long, visible_alias = "card", value_name = "CARD")]
    pub(crate) robot: Option<PathBuf>,
    /// What each field of a recording is: a file that somebody confirmed.
    #[arg(long, value_name = "FILE")]
    pub(crate) mapping: Option<PathBuf>,
    /// Folder of embodiment cards; found by itself where it is absent.
    #[arg(long, value_name = "DIR")]
    pub(crate) robots: Option<PathBuf>,
    /// Episodes that are left out: numbers of a dataset's episodes, or names of recordings.
    #[arg(long, value_name = "EPISODES", value_delimiter = ',')]
    pub(crate) without: Vec<String>,
    /// Keep every episode in OUT.kept until the conversion is done, and go on from those that are there: a conversion
    /// that was cut off does not read them again.
    #[arg(long, requires = "robot")]
    pub(crate) resume: bool,
    /// The format.
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) format: DatasetFormat,
    #[command(flatten)]
    pub(crate) rows: RowArgs,
}

/// How rows are made of streams.
#[derive(Args, Debug)]
#[command(next_help_heading = "Rows")]
pub(crate) struct RowArgs {
    #[command(flatten)]
    pub(crate) grid: GridArgs,
    /// A further stream whose numbers become a feature, such as /robot/ee/left/pose or `/robot/joint_states.velocity`.
    #[arg(long = "with", value_name = "TOPIC")]
    pub(crate) further: Vec<String>,
    /// How measured numbers are stored [default: auto].
    #[arg(long, value_enum)]
    pub(crate) float: Option<FloatChoice>,
}

/// Which rows there are, and which values they get.
#[derive(Args, Debug)]
#[command(next_help_heading = "Rows")]
pub(crate) struct GridArgs {
    /// Rows per second [default: the rate of the episodes' cameras].
    #[arg(long, visible_alias = "rate", value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) fps: Option<u32>,
    /// Which value of a stream a row gets: previous, nearest, linear or slerp [default: previous; nearest for cameras].
    #[arg(long = "rule", value_name = "TOPIC=RULE", value_parser = rule)]
    pub(crate) rules: Vec<(Topic, RowRule)>,
    /// Values further from their row than this are not used, such as `50ms` or `0.1s` [default: one and a half rows].
    #[arg(long, value_name = "TIME", value_parser = span)]
    pub(crate) max_age: Option<Span>,
    /// What becomes of an episode in which rows lack a value [default: split].
    #[arg(long, value_enum)]
    pub(crate) stale: Option<StaleChoice>,
}

fn rule(text: &str) -> Result<(Topic, RowRule), String> {
    let (topic, rule) =
        text.rsplit_once('=').ok_or("expected TOPIC=RULE, such as `/robot/joint_states=linear`")?;
    Ok((Topic::new(topic), rule.parse()?))
}

fn span(text: &str) -> Result<Span, String> {
    let expected = "expected a time with its unit, such as `50ms` or `0.1s`";
    let (number, seconds) = match (text.strip_suffix("ms"), text.strip_suffix('s')) {
        (Some(number), _) => (number, 1e-3),
        (None, Some(number)) => (number, 1.0),
        (None, None) => return Err(expected.to_owned()),
    };
    let number: f64 = number.trim().parse().map_err(|_| format!("{expected}; {text:?} has no number"))?;
    if (0.0..1e6).contains(&number) { Ok(Span::from_s(number * seconds)) } else { Err(expected.to_owned()) }
}
