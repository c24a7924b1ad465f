//! `etude release …`.

use super::{FormatArgs, GridArgs};
use clap::{Args, Subcommand, ValueEnum};
use etude_dataset::release::Part;
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
    /// Say what one release has that another has not.
    Diff(ReleaseDiffArgs),
    /// Make one release of the episodes of several.
    Merge(MergeArgs),
    /// Make several releases of the episodes of one.
    Split(SplitArgs),
    /// Make a release of another one's episodes without some.
    DeleteEpisodes(DeleteArgs),
    /// Make a release in which episodes show another task or have other instructions.
    Relabel(RelabelArgs),
    /// Make a release that states the rate and rules of its rows.
    Resample(ResampleArgs),
}

/// Where the releases are, and how the result is written.
#[derive(Args, Debug)]
pub(crate) struct CentreArgs {
    /// The centre's folder.
    #[arg(long, value_name = "CENTRE")]
    pub(crate) centre: PathBuf,
    #[command(flatten)]
    pub(crate) format: FormatArgs,
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
    #[command(flatten)]
    pub(crate) at: CentreArgs,
}

/// Options of `etude release verify`.
#[derive(Args, Debug)]
#[command(after_help = "Exits with 0 where every file is what it was and with 1 where one is not.\n\n\
    Example:\n  etude release verify bottles-1 --centre centre")]
pub(crate) struct VerifyArgs {
    /// The release.
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) at: CentreArgs,
}

/// Options of `etude release diff`.
#[derive(Args, Debug)]
#[command(after_help = "Exits with 0 where both hold the same and with 1 where they do not.\n\n\
    Example:\n  etude release diff bottles-1 bottles-2 --centre centre")]
pub(crate) struct ReleaseDiffArgs {
    /// The one release.
    pub(crate) one: String,
    /// The other.
    pub(crate) other: String,
    #[command(flatten)]
    pub(crate) at: CentreArgs,
}

/// Options of `etude release merge`.
#[derive(Args, Debug)]
#[command(
    after_help = "No episode is read or written. An episode that several have is taken once; where they have it from another \
    file, or with other layers or rights, the merge is refused.\n\n\
    Example:\n  etude release merge kitchen --of bottles-1,cups-2 --centre centre"
)]
pub(crate) struct MergeArgs {
    /// Name of the new release.
    pub(crate) name: String,
    /// The releases, with commas between them.
    #[arg(long, value_name = "RELEASES", value_delimiter = ',', required = true)]
    pub(crate) of: Vec<String>,
    #[command(flatten)]
    pub(crate) at: CentreArgs,
}

/// Options of `etude release split`.
#[derive(Args, Debug)]
#[command(
    after_help = "By shares, which episode goes where depends on its id and the seed alone, not on the order. By a property, the new \
    releases are named NAME-VALUE.\n\n\
    Examples:\n  etude release split bottles-1 --into bottles-train=0.8,bottles-val=0.2 --centre centre\n  \
    etude release split bottles-1 --by task --centre centre"
)]
#[command(group = clap::ArgGroup::new("how").required(true).args(["into", "by"]))]
pub(crate) struct SplitArgs {
    /// The release.
    pub(crate) name: String,
    /// New releases and their shares of the episodes, which are 1 together.
    #[arg(long, value_name = "NAME=SHARE", value_delimiter = ',', value_parser = part)]
    pub(crate) into: Vec<Part>,
    /// The property by which it is split.
    #[arg(long, value_enum)]
    pub(crate) by: Option<SplitChoice>,
    /// Where chance begins.
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub(crate) seed: u64,
    #[command(flatten)]
    pub(crate) at: CentreArgs,
}

/// Options of `etude release delete-episodes`.
#[derive(Args, Debug)]
#[command(
    after_help = "The episodes stay in the centre and in the release that they were in; the new one is without them.\n\n\
    Example:\n  etude release delete-episodes bottles-1 01J0000000000000000000000A --as bottles-2 --centre centre"
)]
pub(crate) struct DeleteArgs {
    /// The release.
    pub(crate) name: String,
    /// Ids of the episodes, as `etude release show` lists them.
    #[arg(value_name = "EPISODE", required = true)]
    pub(crate) episodes: Vec<String>,
    /// Name of the new release.
    #[arg(long = "as", value_name = "NAME")]
    pub(crate) new: String,
    #[command(flatten)]
    pub(crate) at: CentreArgs,
}

/// Options of `etude release relabel`.
#[derive(Args, Debug)]
#[command(
    after_help = "No episode is written: what is said is a layer beside it, which exports put over what the episode says itself. What a \
    label does not say, the label before it says.\n\n\
    Examples:\n  \
    etude release relabel bottles-1 --as bottles-2 --by annotator-7 --instruction \"en=put the bottle on the tray\" --centre centre\n  \
    etude release relabel bottles-1 01J0000000000000000000000A --as bottles-3 --by annotator-7 --task cups \\\n    \
    --reason \"it is a cup\" --centre centre"
)]
#[command(group = clap::ArgGroup::new("what").required(true).multiple(true).args(["task", "instruction"]))]
pub(crate) struct RelabelArgs {
    /// The release.
    pub(crate) name: String,
    /// Ids of the episodes [default: all].
    #[arg(value_name = "EPISODE")]
    pub(crate) episodes: Vec<String>,
    /// Only episodes of this task.
    #[arg(long, value_name = "TASK", conflicts_with = "episodes")]
    pub(crate) of_task: Option<String>,
    /// Name of the new release.
    #[arg(long = "as", value_name = "NAME")]
    pub(crate) new: String,
    /// Who says so: a pseudonym.
    #[arg(long, value_name = "WHO")]
    pub(crate) by: String,
    /// Why.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
    /// What was done: the task's id.
    #[arg(long, value_name = "TASK")]
    pub(crate) task: Option<String>,
    /// What was asked for, in a language by its BCP 47 tag; may be given once per language.
    #[arg(long, value_name = "LANGUAGE=TEXT", value_parser = instruction)]
    pub(crate) instruction: Vec<(String, String)>,
    #[command(flatten)]
    pub(crate) at: CentreArgs,
}

/// Options of `etude release resample`.
#[derive(Args, Debug)]
#[command(
    after_help = "No episode is read or written: streams stay at their own rates, and every export of the new release makes its rows as the \
    release states, from the streams and not from other rows.\n\n\
    Example:\n  etude release resample bottles-1 --as bottles-10hz --rate 10 --rule /robot/joint_states=linear --centre centre"
)]
pub(crate) struct ResampleArgs {
    /// The release.
    pub(crate) name: String,
    /// Name of the new release.
    #[arg(long = "as", value_name = "NAME")]
    pub(crate) new: String,
    #[command(flatten)]
    pub(crate) grid: GridArgs,
    #[command(flatten)]
    pub(crate) at: CentreArgs,
}

/// By what a release is split.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SplitChoice {
    /// What was done.
    Task,
    /// Vendor and model.
    Embodiment,
    /// How the motion came about.
    Origin,
    /// The licence.
    Licence,
}

fn instruction(text: &str) -> Result<(String, String), String> {
    let expected = "expected LANGUAGE=TEXT, such as `en=lift the cup`";
    let (language, sentence) = text.split_once('=').ok_or(expected)?;
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '-';
    if language.is_empty() || !language.chars().all(legal) || sentence.trim().is_empty() {
        return Err(expected.to_owned());
    }
    Ok((language.to_owned(), sentence.to_owned()))
}

fn part(text: &str) -> Result<Part, String> {
    let expected = "expected NAME=SHARE, such as `train=0.8`";
    let (name, share) = text.split_once('=').ok_or(expected)?;
    let share = share.parse().map_err(|_| format!("{expected}; {share:?} is no number"))?;
    Ok(Part { name: name.to_owned(), share })
}
