//! `etude import`: a foreign dataset into a centre, episode by episode.

use super::{SOFTWARE, cards, now_us, tell};
use crate::cli::{Format, ImportArgs};
use crate::exit;
use crate::hint::{self, Advised};
use crate::output::{self, Output};
use anyhow::Context;
use etude_dataset::lerobot::{ImportOptions, Imported, Importer};
use etude_dataset::{Problem, files};
use etude_inspect::{Options, Report, RuleSet};
use etude_model::Digest;
use etude_model::take::Outcome;
use etude_store::{Centre, Intake, NewEpisode, VerdictLayer};
use serde::Serialize;
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

/// Imports a dataset.
pub(crate) fn run(arguments: &ImportArgs, output: &Output) -> anyhow::Result<ExitCode> {
    let source = &arguments.source;
    if !source.join("meta/info.json").is_file() {
        let message = format!("{} is no dataset: it has no `meta/info.json`", source.display());
        return Err(Advised::new(
            message,
            "name the folder of a LeRobot dataset, the one that has `meta`, `data` and `videos` in it",
        )
        .into());
    }
    let robots = arguments.robots.as_deref();
    let card = match &arguments.card {
        Some(card) => cards::named(card, robots)?,
        None => return Err(cards::missing(source, robots)),
    };
    let (mut importer, problems) = Importer::open(source, &card, ImportOptions::new(SOFTWARE))?;
    let mut lost = tell(&problems, output);
    let centre = Centre::create_or_open(&arguments.into)?;
    let rules = RuleSet::supplied();
    let indexes: Vec<u64> = importer.source().episodes.iter().map(|episode| episode.index).collect();
    let bar = output.bar(indexes.len() as u64, "importing");
    let mut rows = Vec::new();
    for (position, index) in indexes.into_iter().enumerate() {
        let row = episode(&mut importer, position, index, &centre, &rules)?;
        lost |= bar.suspend(|| tell(&row.problems, output));
        rows.push(row);
        bar.inc(1);
    }
    bar.finish_and_clear();
    let imported = rows.iter().filter(|row| row.episode.is_some()).count();
    let new = rows.iter().filter(|row| row.new).count();
    let result = Result { centre: centre.name().to_owned(), problems, episodes: rows };
    match arguments.format.format {
        Format::Json => output.json(&result)?,
        Format::Table => output.data(&table(&result.episodes, output))?,
    }
    if imported == 0 {
        let message = format!("none of {} was imported", output::count(result.episodes.len(), "episode"));
        return Err(Advised::new(message, "the lines above say why of each").into());
    }
    output.note(&format!(
        "{} in {}, {new} of them new; next: etude release create NAME --centre {}",
        output::count(imported, "episode"),
        arguments.into.display(),
        arguments.into.display()
    ));
    Ok(exit::done(lost))
}

/// Imports, inspects and files one episode; what concerns only it is a problem and no error.
fn episode(
    importer: &mut Importer,
    position: usize,
    index: u64,
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
    let imported = match importer.import(position, &file) {
        Ok(imported) => imported,
        Err(error) => {
            discard(&file);
            row.problems.push(Problem::loss(
                format!("episode {index}"),
                format!("it is not imported: {}", hint::message(&error.into())),
            ));
            return Ok(row);
        }
    };
    let done = inspect_and_file(&mut row, &imported, &file, centre, rules);
    discard(&file);
    done?;
    row.problems.extend(imported.problems);
    Ok(row)
}

fn inspect_and_file(
    row: &mut Row,
    imported: &Imported,
    file: &Path,
    centre: &Centre,
    rules: &RuleSet,
) -> anyhow::Result<()> {
    let report = etude_inspect::inspect(file, rules, &Options::default())
        .with_context(|| format!("inspecting the episode {}", imported.manifest.episode))?;
    let new = NewEpisode {
        manifest: imported.manifest.clone(),
        digest: Some(imported.closed.digest),
        outcome: outcome(&report),
        // Times of an import count from the beginning of its episode.
        started_us: None,
        duration_us: imported.duration_us,
    };
    let added = centre.add(file, Intake::Move, &new, now_us())?;
    row.episode = Some(report.episode.clone());
    row.digest = Some(added.digest);
    row.new = added.is_new;
    row.duration_s = Some(report.duration_s);
    row.bytes = Some(imported.closed.bytes);
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
