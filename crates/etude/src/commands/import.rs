//! `etude import`: a foreign dataset or recording into a centre, episode by episode.

mod recordings;

pub(super) use recordings::by_mapping;

use super::{SOFTWARE, cards, now_us, tell};
use crate::cli::{Format, ImportArgs};
use crate::exit;
use crate::hint::{self, Advised};
use crate::output::{self, Output};
use anyhow::Context;
use etude_dataset::lerobot::{ImportOptions, Importer};
use etude_dataset::{Problem, files};
use etude_episode::Closed;
use etude_inspect::{Options, Report, RuleSet};
use etude_model::id::EpisodeId;
use etude_model::take::Outcome;
use etude_model::{Digest, Manifest};
use etude_store::{Centre, Filter, Intake, NewEpisode, Page, VerdictLayer};
use serde::Serialize;
use std::cell::RefCell;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

/// What became of one episode of the dataset.
#[derive(Serialize)]
struct Row {
    /// Its number in the dataset.
    source_episode: u64,
    /// The take; absent where it could not be imported.
    episode: Option<String>,
    digest: Option<Digest>,
    /// Whether the centre did not have it before.
    new: bool,
    duration_s: Option<f64>,
    bytes: Option<u64>,
    accepted: Option<bool>,
    findings: usize,
    problems: Vec<Problem>,
}

/// Everything that came of an import.
#[derive(Serialize)]
struct Result {
    centre: String,
    /// What concerns the dataset as a whole.
    problems: Vec<Problem>,
    episodes: Vec<Row>,
}

/// An episode file that was written.
struct Written {
    manifest: Manifest,
    closed: Closed,
    /// When it began, µs since 1970-01-01 UTC; absent where its times count from the beginning of the episode.
    started_us: Option<i64>,
    duration_us: i64,
    problems: Vec<Problem>,
}

/// Whether a LeRobot dataset lies there.
pub(super) fn is_lerobot(source: &Path) -> bool {
    source.join("meta/info.json").is_file()
}

/// The refusal of a mapping that would be without effect.
pub(super) fn takes_no_mapping(source: &Path) -> anyhow::Error {
    Advised::new(
        format!("{} is a LeRobot dataset, which is imported without a mapping", source.display()),
        "what its numbers mean stands on the card: joints by the dataset's names, or `[[stream]]` with `native`",
    )
    .into()
}

/// Imports a dataset or a recording.
pub(crate) fn run(arguments: &ImportArgs, output: &Output) -> anyhow::Result<ExitCode> {
    if !is_lerobot(&arguments.source) {
        return recordings::run(arguments, output);
    }
    if arguments.mapping.is_some() || arguments.draft_mapping.is_some() {
        return Err(takes_no_mapping(&arguments.source));
    }
    let robots = arguments.robots.as_deref();
    let card = match &arguments.card {
        Some(card) => cards::named(card, robots)?,
        None => return Err(cards::missing(&arguments.source, robots)),
    };
    let (importer, problems) = Importer::open(&arguments.source, &card, ImportOptions::new(SOFTWARE))?;
    let lost = tell(&problems, output);
    let indexes: Vec<u64> = importer.source().episodes.iter().map(|episode| episode.index).collect();
    let names: Vec<String> = indexes.iter().map(|index| format!("episode {index}")).collect();
    let intake = Intakes { arguments, output, names, indexes, problems, lost };
    let importer = RefCell::new(importer);
    let id = |position| Ok(importer.borrow_mut().id(position)?);
    intake.run(id, |position, file| {
        let imported = importer.borrow_mut().import(position, file)?;
        Ok(Written {
            manifest: imported.manifest,
            closed: imported.closed,
            // Times of a dataset count from the beginning of its episode.
            started_us: None,
            duration_us: imported.duration_us,
            problems: imported.problems,
        })
    })
}

/// The episodes of a source on their way into a centre.
struct Intakes<'a> {
    arguments: &'a ImportArgs,
    output: &'a Output,
    /// What each episode is called in messages.
    names: Vec<String>,
    /// Each episode's number in the source.
    indexes: Vec<u64>,
    /// What concerns the source as a whole.
    problems: Vec<Problem>,
    lost: bool,
}

impl Intakes<'_> {
    /// Writes, inspects and files each episode; `write` makes the file of the one at a place, `id` says what its id will be.
    fn run(
        self,
        id: impl Fn(usize) -> anyhow::Result<EpisodeId>,
        mut write: impl FnMut(usize, &Path) -> anyhow::Result<Written>,
    ) -> anyhow::Result<ExitCode> {
        let Self { arguments, output, names, indexes, problems, mut lost } = self;
        let into = arguments.into.as_deref().expect("clap asks for it where no mapping is drafted");
        let centre = Centre::create_or_open(into)?;
        let rules = RuleSet::supplied();
        let bar = output.bar(indexes.len() as u64, "importing");
        let mut rows = Vec::new();
        for (position, (index, name)) in indexes.into_iter().zip(&names).enumerate() {
            let known = if arguments.resume { known(&centre, &id(position)?, index)? } else { None };
            let row = match known {
                Some(row) => row,
                None => episode(|file| write(position, file), index, name, &centre, &rules)?,
            };
            lost |= bar.suspend(|| tell(&row.problems, output));
            rows.push(row);
            bar.inc(1);
        }
        bar.finish_and_clear();
        let result = Result { centre: centre.name().to_owned(), problems, episodes: rows };
        report(arguments, output, &result, lost)
    }
}

fn report(arguments: &ImportArgs, output: &Output, result: &Result, lost: bool) -> anyhow::Result<ExitCode> {
    let rows = &result.episodes;
    let imported = rows.iter().filter(|row| row.episode.is_some()).count();
    let new = rows.iter().filter(|row| row.new).count();
    match arguments.format.format {
        Format::Json => output.json(result)?,
        Format::Table => output.data(&table(&result.episodes, output))?,
    }
    if imported == 0 {
        let message = format!("none of {} was imported", output::count(result.episodes.len(), "episode"));
        return Err(Advised::new(message, "the lines above say why of each").into());
    }
    let into = arguments.into.as_deref().unwrap_or(Path::new("."));
    output.note(&format!(
        "{} in {}, {new} of them new; next: etude release create NAME --centre {}",
        output::count(imported, "episode"),
        into.display(),
        into.display()
    ));
    Ok(exit::done(lost))
}

/// The row of an episode that an earlier import by this very software filed; `None` where it is still to come.
fn known(centre: &Centre, id: &EpisodeId, index: u64) -> anyhow::Result<Option<Row>> {
    let filter = Filter::parse(&format!("episode = '{id}'"))?;
    for found in centre.list(&filter, &Page::first(100))? {
        let Some(layer) = found.verdict else { continue };
        if centre.manifest(found.digest)?.software != SOFTWARE {
            continue;
        }
        let findings = centre.verdict(layer)?.verdict.findings.len();
        return Ok(Some(Row {
            source_episode: index,
            episode: Some(id.to_string()),
            digest: Some(found.digest),
            new: false,
            duration_s: Some(found.duration_us as f64 * 1e-6),
            bytes: u64::try_from(found.bytes).ok(),
            accepted: found.accepted,
            findings,
            problems: Vec::new(),
        }));
    }
    Ok(None)
}

/// Imports, inspects and files one episode; what concerns only it is a problem and no error.
fn episode(
    write: impl FnOnce(&Path) -> anyhow::Result<Written>,
    index: u64,
    name: &str,
    centre: &Centre,
    rules: &RuleSet,
) -> anyhow::Result<Row> {
    let mut row = Row {
        source_episode: index,
        episode: None,
        digest: None,
        new: false,
        duration_s: None,
        bytes: None,
        accepted: None,
        findings: 0,
        problems: Vec::new(),
    };
    let file = files::temporary_beside(&centre.layout().episodes().join("import.mcap"));
    let written = match write(&file) {
        Ok(written) => written,
        Err(error) => {
            discard(&file);
            let message = format!("it is not imported: {}", hint::message(&error));
            row.problems.push(Problem::loss(name, message));
            return Ok(row);
        }
    };
    let done = inspect_and_file(&mut row, &written, &file, centre, rules);
    discard(&file);
    done?;
    row.problems.extend(written.problems);
    Ok(row)
}

fn inspect_and_file(
    row: &mut Row,
    written: &Written,
    file: &Path,
    centre: &Centre,
    rules: &RuleSet,
) -> anyhow::Result<()> {
    let report = etude_inspect::inspect(file, rules, &Options::default())
        .with_context(|| format!("inspecting the episode {}", written.manifest.episode))?;
    let new = NewEpisode {
        manifest: written.manifest.clone(),
        digest: Some(written.closed.digest),
        outcome: outcome(&report),
        started_us: written.started_us,
        duration_us: written.duration_us,
    };
    let added = centre.add(file, Intake::Move, &new, now_us())?;
    row.episode = Some(report.episode.clone());
    row.digest = Some(added.digest);
    row.new = added.is_new;
    row.duration_s = Some(report.duration_s);
    row.bytes = Some(written.closed.bytes);
    row.accepted = Some(report.verdict.accepted);
    row.findings = report.verdict.findings.len();
    centre.add_verdict(&VerdictLayer::new(added.digest, report.verdict, report.measurements), now_us())?;
    Ok(())
}

/// How a take went, as its report states.
fn outcome(report: &Report) -> Outcome {
    match report.outcome.as_deref() {
        Some("success") => Outcome::Success,
        Some("failure") => Outcome::Failure,
        _ => Outcome::Unknown,
    }
}

/// Removes what is left of an episode that was not filed.
fn discard(file: &Path) {
    for path in [file.to_owned(), etude_episode::sink::partial_path(file)] {
        // What is not there need not go; what cannot go is found by an audit as temporary.
        drop(fs::remove_file(path));
    }
}

fn table(rows: &[Row], output: &Output) -> String {
    let heads = ["source", "episode", "duration", "size", "verdict", "findings", "losses"];
    let cells = rows.iter().map(|row| {
        let verdict = match row.accepted {
            Some(true) => "accepted",
            Some(false) => "rejected",
            None => "not imported",
        };
        vec![
            row.source_episode.to_string(),
            row.episode.clone().unwrap_or_else(|| "-".to_owned()),
            row.duration_s.map_or_else(|| "-".to_owned(), |duration_s| format!("{duration_s:.1} s")),
            row.bytes.map_or_else(|| "-".to_owned(), output::bytes),
            verdict.to_owned(),
            row.findings.to_string(),
            row.problems.iter().filter(|problem| problem.loss).count().to_string(),
        ]
    });
    output.table(&heads, cells)
}
