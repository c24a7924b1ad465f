//! `etude export` and `etude convert`: episodes in a foreign format.

use super::{cards, import, release, tell};
use crate::cli::{ConvertArgs, DatasetFormat, ExportArgs, FloatChoice, GridArgs, RowArgs};
use crate::exit;
use crate::hint::Advised;
use crate::output::{self, Output};
use anyhow::Context;
use etude_dataset::convert::Conversion;
use etude_dataset::export::{Episodes, Filed, FloatType, Group, RowOptions, by_card};
use etude_dataset::hdf::{self, HdfLayout};
use etude_dataset::lerobot::{self, DatasetLayout, ImportOptions};
use etude_dataset::release::Rows;
use etude_dataset::streams::{self, StreamFormat};
use etude_dataset::{Problem, rlds};
use etude_model::Topic;
use etude_store::Centre;
use std::path::Path;
use std::process::ExitCode;

/// Exports a release.
pub(crate) fn run(arguments: &ExportArgs, output: &Output) -> anyhow::Result<ExitCode> {
    let centre = Centre::open(&arguments.centre)?;
    let release = release::open(&centre, &arguments.name)?;
    let mut writing = Writing::new(arguments.format, &arguments.rows, &release.name)?;
    if let Some(rows) = &release.rows {
        writing.as_stated(rows, &arguments.rows, &release.name)?;
    }
    let failed = || format!("the release {} cannot be exported to {}", release.name, arguments.out.display());
    let mut groups = by_card(&release, &arguments.centre, &centre.labels(&release)?, &arguments.out)
        .with_context(failed)?;
    if writing.keeps_streams() {
        // Streams need no common shape.
        let episodes = groups.drain(..).flat_map(|group| group.episodes).collect();
        groups = vec![Group { folder: arguments.out.clone(), embodiment: String::new(), episodes }];
    }
    let bar = output.bar(release.episodes.len() as u64, "exporting");
    let (mut before, mut written) = (0, Vec::new());
    for group in &groups {
        let mut episodes = Filed::new(&group.episodes);
        let progress = &mut |done, _| bar.set_position((before + done) as u64);
        written.push(writing.write(&mut episodes, &group.folder, progress).with_context(failed)?);
        before += group.episodes.len();
    }
    bar.finish_and_clear();
    let lost = writing.show(&written, output)?;
    if let (Some(first), Kind::LeRobot(DatasetLayout::V30)) = (groups.first(), writing.kind) {
        output.note(&format!(
            "next: lerobot-dataset-viz --repo-id etude/{} --root {} --episode-index 0",
            release.name,
            first.folder.display()
        ));
    }
    Ok(exit::done(lost))
}

/// Converts a foreign dataset or recordings.
pub(crate) fn convert(arguments: &ConvertArgs, output: &Output) -> anyhow::Result<ExitCode> {
    let (source, out, without) = (&arguments.source, &arguments.out, &arguments.without);
    let name = out.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let writing = Writing::new(arguments.format, &arguments.rows, &name)?;
    let failed = || format!("{} cannot be converted to {}", source.display(), out.display());
    let robots = arguments.robots.as_deref();
    let card = match &arguments.robot {
        Some(robot) => cards::named(robot, robots)?,
        None if writing.is_plain_v30(&arguments.rows) && import::is_lerobot(source) => {
            return carry(arguments, output).with_context(failed);
        }
        None => return Err(cards::missing(source, robots)),
    };
    if import::is_lerobot(source) {
        if arguments.mapping.is_some() {
            return Err(import::takes_no_mapping(source));
        }
        let options = ImportOptions::new(super::SOFTWARE);
        let (mut importer, problems) =
            lerobot::Importer::open(source, &card, options).with_context(failed)?;
        let episodes = Conversion::of_lerobot(&mut importer, without, out).with_context(failed)?;
        let episodes = kept(arguments, episodes).with_context(failed)?;
        return writing.converted(episodes, out, &problems, output).with_context(failed);
    }
    let importer = import::by_mapping(source, arguments.mapping.as_deref(), &card)?;
    let episodes = Conversion::of_recordings(&importer, without, out).with_context(failed)?;
    let episodes = kept(arguments, episodes).with_context(failed)?;
    writing.converted(episodes, out, &importer.source().problems, output).with_context(failed)
}

/// Episodes that stay beside the output until it is whole, where that is wanted.
fn kept<'i>(arguments: &ConvertArgs, episodes: Conversion<'i>) -> anyhow::Result<Conversion<'i>> {
    if !arguments.resume {
        return Ok(episodes);
    }
    let mut name = arguments.out.file_name().unwrap_or_default().to_owned();
    name.push(".kept");
    Ok(episodes.keeping(&arguments.out.with_file_name(name))?)
}

/// A LeRobot dataset as one of version 3.0, its rows and coded frames as they are.
fn carry(arguments: &ConvertArgs, output: &Output) -> anyhow::Result<ExitCode> {
    if arguments.mapping.is_some() {
        return Err(import::takes_no_mapping(&arguments.source));
    }
    let number = |text: &String| {
        text.parse::<u64>()
            .with_context(|| format!("--without: expected numbers of episodes, found {text:?}"))
    };
    let without = arguments.without.iter().map(number).collect::<anyhow::Result<Vec<_>>>()?;
    let bar = output.bar(0, "converting");
    let progress = &mut |done: usize, all: usize| {
        bar.set_length(all as u64);
        bar.set_position(done as u64);
    };
    let options = lerobot::ExportOptions::default();
    let done = lerobot::carry(&arguments.source, &without, &arguments.out, &options, progress);
    bar.finish_and_clear();
    let done = done.map_err(|error| {
        Advised::new(error.to_string(), "with --robot CARD a dataset of any version is read and written anew")
    })?;
    let frames = [done.frames_copied, 0];
    let cells = of_rows(done.robot, [done.episodes, done.rows], done.fps, frames);
    let losses = done.problems.iter().filter(|problem| problem.loss).count().to_string();
    let cells: Vec<String> =
        std::iter::once(done.folder.display().to_string()).chain(cells).chain([losses]).collect();
    output.data(&output.table(&HEADS, [cells]))?;
    Ok(exit::done(tell(&done.problems, output)))
}

/// Heads of the table of datasets that have rows.
const HEADS: [&str; 8] =
    ["folder", "robot", "episodes", "rows", "rate", "frames copied", "frames coded anew", "losses"];

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    LeRobot(DatasetLayout),
    Hdf(HdfLayout),
    Rlds,
    Streams(StreamFormat),
}

/// How episodes are written.
struct Writing {
    kind: Kind,
    rows: RowOptions,
    /// What a dataset is called whose format wants a name.
    name: String,
}

/// A dataset that was written: its cells of the table, and what was left out or odd.
struct Dataset {
    cells: Vec<String>,
    problems: Vec<Problem>,
}

impl Writing {
    fn new(format: DatasetFormat, rows: &RowArgs, name: &str) -> anyhow::Result<Self> {
        let kind = match format {
            DatasetFormat::LerobotV3 => Kind::LeRobot(DatasetLayout::V30),
            DatasetFormat::LerobotV21 => Kind::LeRobot(DatasetLayout::V21),
            DatasetFormat::Groot => Kind::LeRobot(DatasetLayout::Groot),
            DatasetFormat::Robomimic => Kind::Hdf(HdfLayout::Robomimic),
            DatasetFormat::Robomind => Kind::Hdf(HdfLayout::Robomind),
            DatasetFormat::Rlds => Kind::Rlds,
            DatasetFormat::Parquet => Kind::Streams(StreamFormat::Parquet),
            DatasetFormat::McapRos2 => Kind::Streams(StreamFormat::Ros2Mcap),
            DatasetFormat::Rrd => Kind::Streams(StreamFormat::Rerun),
        };
        if matches!(kind, Kind::Streams(_)) {
            refuse_rows(rows)?;
        }
        Ok(Self { kind, rows: row_options(rows), name: name.to_owned() })
    }

    /// Rows as a release states them. What would be against it is refused.
    fn as_stated(&mut self, rows: &Rows, given: &RowArgs, release: &str) -> anyhow::Result<()> {
        let refused = |what: String| {
            let hint = "the release that it was made of states no rows; `etude release resample` makes one that states others";
            Err(Advised::new(what, hint).into())
        };
        if self.keeps_streams() {
            return refused(format!(
                "the release {release} states rows at {} Hz, and this format keeps every message of every stream",
                rows.fps
            ));
        }
        if let Some(option) = given_of(&given.grid) {
            return refused(format!("the release {release} states its rows, so {option} cannot be given"));
        }
        rows.apply(&mut self.rows);
        Ok(())
    }

    /// Whether LeRobot 3.0 is asked for and nothing is said of its rows.
    fn is_plain_v30(&self, given: &RowArgs) -> bool {
        let is_plain = given_of(&given.grid).is_none() && given.further.is_empty() && given.float.is_none();
        self.kind == Kind::LeRobot(DatasetLayout::V30) && is_plain
    }

    const fn keeps_streams(&self) -> bool {
        matches!(self.kind, Kind::Streams(_))
    }

    fn write(
        &self,
        episodes: &mut dyn Episodes,
        out: &Path,
        progress: &mut dyn FnMut(usize, usize),
    ) -> anyhow::Result<Dataset> {
        let rows = self.rows.clone();
        let (folder, what, problems) = match self.kind {
            Kind::LeRobot(layout) => {
                let options = lerobot::ExportOptions { layout, rows, ..lerobot::ExportOptions::default() };
                let done = lerobot::export_each(episodes, out, &options, progress)?;
                let frames = [done.frames_copied, done.frames_encoded];
                (
                    done.folder,
                    of_rows(done.embodiment, [done.episodes, done.rows], done.fps, frames),
                    done.problems,
                )
            }
            Kind::Hdf(layout) => {
                let options = hdf::ExportOptions { layout, rows, ..hdf::ExportOptions::default() };
                let done = hdf::export_each(episodes, out, &options, progress)?;
                let frames = [0, done.pictures];
                (
                    done.folder,
                    of_rows(done.embodiment, [done.episodes, done.rows], done.fps, frames),
                    done.problems,
                )
            }
            Kind::Rlds => {
                let options = rlds::ExportOptions { rows, ..rlds::ExportOptions::default() };
                let done = rlds::export_each(episodes, &self.name, out, &options, progress)?;
                let frames = [0, done.pictures];
                (
                    done.folder,
                    of_rows(done.embodiment, [done.episodes, done.rows], done.fps, frames),
                    done.problems,
                )
            }
            Kind::Streams(format) => {
                let done = streams::export_each(episodes, out, format, progress)?;
                (done.folder, vec![done.episodes.to_string(), done.messages.to_string()], done.problems)
            }
        };
        let losses = problems.iter().filter(|problem| problem.loss).count().to_string();
        let cells = std::iter::once(folder.display().to_string()).chain(what).chain([losses]).collect();
        Ok(Dataset { cells, problems })
    }

    fn converted(
        &self,
        mut episodes: Conversion<'_>,
        out: &Path,
        problems: &[Problem],
        output: &Output,
    ) -> anyhow::Result<ExitCode> {
        let lost = tell(problems, output);
        let bar = output.bar(episodes.count() as u64, "converting");
        let written = self.write(&mut episodes, out, &mut |done, _| bar.set_position(done as u64))?;
        bar.finish_and_clear();
        if episodes.found() > 0 {
            output.note(&format!(
                "{} had been kept by an earlier run",
                output::count(episodes.found(), "episode")
            ));
        }
        episodes.finish()?;
        Ok(exit::done(lost | self.show(&[written], output)?))
    }

    /// Shows what was written; whether something was lost.
    fn show(&self, written: &[Dataset], output: &Output) -> anyhow::Result<bool> {
        let heads: &[&str] =
            if self.keeps_streams() { &["folder", "episodes", "messages", "losses"] } else { &HEADS };
        output.data(&output.table(heads, written.iter().map(|dataset| dataset.cells.clone())))?;
        Ok(written.iter().fold(false, |lost, dataset| lost | tell(&dataset.problems, output)))
    }
}

fn of_rows(embodiment: String, counts: [u64; 2], fps: u32, frames: [u64; 2]) -> Vec<String> {
    let text = |number: u64| number.to_string();
    let [episodes, rows] = counts.map(text);
    let [copied, coded] = frames.map(text);
    vec![embodiment, episodes, rows, format!("{fps} Hz"), copied, coded]
}

/// What the options say of rows.
fn row_options(rows: &RowArgs) -> RowOptions {
    let grid = &rows.grid;
    RowOptions {
        fps: grid.fps,
        max_age: grid.max_age,
        rules: grid.rules.iter().cloned().collect(),
        stale: release::stale(grid.stale),
        float: match rows.float {
            Some(FloatChoice::F32) => FloatType::F32,
            Some(FloatChoice::F64) => FloatType::F64,
            Some(FloatChoice::Auto) | None => FloatType::Auto,
        },
        with: rows.further.iter().map(Topic::new).collect(),
    }
}

/// The first option of the grid that is given.
fn given_of(grid: &GridArgs) -> Option<&'static str> {
    let given = [
        ("--fps", grid.fps.is_some()),
        ("--rule", !grid.rules.is_empty()),
        ("--max-age", grid.max_age.is_some()),
        ("--stale", grid.stale.is_some()),
    ];
    given.into_iter().find(|(_, is_given)| *is_given).map(|(option, _)| option)
}

/// Options that would be without effect are refused.
fn refuse_rows(rows: &RowArgs) -> anyhow::Result<()> {
    let given = [("--with", !rows.further.is_empty()), ("--float", rows.float.is_some())];
    let other = given.into_iter().find(|(_, is_given)| *is_given).map(|(option, _)| option);
    match given_of(&rows.grid).or(other) {
        Some(option) => Err(Advised::new(
            format!("{option} is for formats that have rows at one rate"),
            "parquet, mcap-ros2 and rrd keep every message of every stream with its own times",
        )
        .into()),
        None => Ok(()),
    }
}
