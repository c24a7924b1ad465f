//! Recordings that come in by a mapping, and the draft of one.

use super::{Intakes, Written};
use crate::cli::ImportArgs;
use crate::commands::{SOFTWARE, cards, tell};
use crate::exit;
use crate::hint::Advised;
use crate::output::{self, Output};
use anyhow::Context;
use etude_dataset::foreign::draft::{draft, questions};
use etude_dataset::foreign::{Error, Importer, Mapping, Source};
use etude_model::Card;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

/// Questions that are listed when no mapping was given.
const QUESTIONS_SHOWN: usize = 12;

/// Imports recordings, or drafts the mapping for it.
pub(super) fn run(arguments: &ImportArgs, output: &Output) -> anyhow::Result<ExitCode> {
    let path = &arguments.source;
    let (source, text) = look(path, arguments.mapping.as_deref())?;
    let Some(card) = &arguments.card else {
        let message =
            format!("{} does not say what its numbers mean: an embodiment card is needed", path.display());
        return Err(Advised::new(
            message,
            "name the robot with --robot; `etude robot list` shows which there are",
        )
        .into());
    };
    let card = cards::named(card, arguments.robots.as_deref())?;
    if let Some(to) = &arguments.draft_mapping {
        return write_draft(&draft(&source, &card)?, to, output);
    }
    let importer = by_rules(source, text, &card)?;
    let names: Vec<String> =
        importer.source().recordings.iter().map(|recording| recording.name.clone()).collect();
    let indexes = (0..names.len() as u64).collect();
    let problems = importer.source().problems.clone();
    let lost = tell(&problems, output);
    let intakes = Intakes { arguments, output, names, indexes, problems, lost };
    intakes.run(
        |position| Ok(importer.id(position)?),
        |position, file| {
            let imported = importer.import(position, file)?;
            Ok(Written {
                manifest: imported.manifest,
                closed: imported.closed,
                started_us: imported.started_us,
                duration_us: imported.duration_us,
                problems: imported.problems,
            })
        },
    )
}

/// What lies at a path, and a mapping's text and name where one is given.
fn look(path: &Path, mapping: Option<&Path>) -> anyhow::Result<(Source, Option<(String, String)>)> {
    if !path.exists() {
        let message = format!("{} is not there", path.display());
        return Err(Advised::new(message, "name the folder of a dataset, or a recording").into());
    }
    let text = mapping.map(read).transpose()?;
    let rules = text.as_ref().map(|(text, file)| Mapping::from_toml(text, file)).transpose()?;
    let source = Source::open(path, rules.as_ref()).map_err(|error| match error {
        Error::Content { .. } => {
            let hint = "`etude import --help` lists the formats; of a LeRobot dataset, name the folder that has `meta` \
                        and `data` in it";
            anyhow::Error::from(Advised::new(error.to_string(), hint))
        }
        other => other.into(),
    })?;
    Ok((source, text))
}

/// An importer of what lies at a path; where no mapping is given, the questions that one would answer.
pub(in crate::commands) fn by_mapping(
    path: &Path,
    mapping: Option<&Path>,
    card: &Card,
) -> anyhow::Result<Importer> {
    let (source, text) = look(path, mapping)?;
    by_rules(source, text, card)
}

fn by_rules(source: Source, rules: Option<(String, String)>, card: &Card) -> anyhow::Result<Importer> {
    let Some((text, file)) = rules else { return Err(asked(&source, card)?) };
    Ok(Importer::open(source, (&text, &file), card, SOFTWARE)?)
}

fn read(path: &Path) -> anyhow::Result<(String, String)> {
    let text =
        fs::read_to_string(path).with_context(|| format!("the mapping {} cannot be read", path.display()))?;
    Ok((text, path.display().to_string()))
}

fn write_draft(draft: &str, to: &Path, output: &Output) -> anyhow::Result<ExitCode> {
    let open = draft.matches("\"? ").count();
    if to.as_os_str() == "-" {
        output.data(draft)?;
    } else {
        let written = etude_dataset::files::write_new(to, draft.as_bytes());
        written.with_context(|| format!("the draft {} cannot be written", to.display()))?;
        let mut settled = format!("{} drafted, {} open", to.display(), output::count(open, "question"));
        if open > 0 {
            settled.push_str("; answer them in the file and give it with --mapping");
        }
        output.note(&settled);
    }
    Ok(exit::DONE)
}

/// The refusal of an import without a mapping: what a mapping would have to answer.
fn asked(source: &Source, card: &Card) -> anyhow::Result<anyhow::Error> {
    let mut questions = questions(source, card)?;
    let more = questions.len().saturating_sub(QUESTIONS_SHOWN);
    questions.truncate(QUESTIONS_SHOWN);
    if more > 0 {
        questions.push(format!("- and {more} more"));
    }
    Ok(Error::Questions { questions }.into())
}
