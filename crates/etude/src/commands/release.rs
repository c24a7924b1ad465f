//! `etude release`: freeze a choice of episodes, show it, verify it, make others of it.

use super::{filter, now_us, sound, tell};
use crate::cli::{
    CreateArgs, Format, RelabelArgs, ReleaseCommand, ReleaseDiffArgs, ResampleArgs, ShowArgs, SplitChoice,
    StaleChoice, VerifyArgs,
};
use crate::exit;
use crate::hint::Advised;
use crate::output::{self, Output};
use etude_dataset::Release;
use etude_dataset::export::Stale;
use etude_dataset::release::{Rows, SplitBy};
use etude_model::Label;
use etude_model::id::{EpisodeId, TaskId};
use etude_store::{Centre, Error};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;

/// Does what was asked for.
pub(crate) fn run(command: &ReleaseCommand, output: &Output) -> anyhow::Result<ExitCode> {
    match command {
        ReleaseCommand::Create(arguments) => create(arguments, output),
        ReleaseCommand::Show(arguments) => show(arguments, output),
        ReleaseCommand::Verify(arguments) => verify(arguments, output),
        ReleaseCommand::Diff(arguments) => diff(arguments, output),
        ReleaseCommand::Merge(arguments) => {
            let centre = Centre::open(&arguments.at.centre)?;
            let of: Vec<Release> =
                arguments.of.iter().map(|name| open(&centre, name)).collect::<anyhow::Result<_>>()?;
            file(&centre, &[Release::merge(&arguments.name, &of)?], arguments.at.format.format, output)
        }
        ReleaseCommand::Split(arguments) => {
            let centre = Centre::open(&arguments.at.centre)?;
            let whole = open(&centre, &arguments.name)?;
            let parts = match arguments.by {
                Some(by) => whole.split_by(split_by(by))?,
                None => whole.split(&arguments.into, arguments.seed)?,
            };
            file(&centre, &parts, arguments.at.format.format, output)
        }
        ReleaseCommand::DeleteEpisodes(arguments) => {
            let centre = Centre::open(&arguments.at.centre)?;
            let episodes: Vec<EpisodeId> = arguments.episodes.iter().map(EpisodeId::new).collect();
            let less = open(&centre, &arguments.name)?.without(&arguments.new, &episodes)?;
            file(&centre, &[less], arguments.at.format.format, output)
        }
        ReleaseCommand::Relabel(arguments) => relabel(arguments, output),
        ReleaseCommand::Resample(arguments) => resample(arguments, output),
    }
}

/// Opens a release; where there is none of that name, the error says which there are.
pub(super) fn open(centre: &Centre, name: &str) -> anyhow::Result<Release> {
    match centre.release(name) {
        Err(error @ Error::NoRelease(_)) => {
            let names: Vec<String> = centre.releases()?.into_iter().map(|row| row.name).collect();
            let hint = if names.is_empty() {
                format!("`etude release create {name} --centre CENTRE` makes one; the centre has none yet")
            } else {
                format!("the centre has {}", names.join(", "))
            };
            Err(Advised::new(error.to_string(), hint).into())
        }
        other => Ok(other?),
    }
}

fn create(arguments: &CreateArgs, output: &Output) -> anyhow::Result<ExitCode> {
    let filter = filter(Some(&arguments.filter))?;
    let centre = Centre::open(&arguments.centre)?;
    let release = centre.create_release(&arguments.name, &filter, now_us())?;
    match arguments.format.format {
        Format::Json => output.data(&release.to_json())?,
        Format::Table => output.data(&summary(&release, output))?,
    }
    output.note(&format!(
        "next: etude export {} --centre {} --format lerobot-v3 --out DIR",
        release.name,
        arguments.centre.display()
    ));
    Ok(exit::DONE)
}

fn show(arguments: &ShowArgs, output: &Output) -> anyhow::Result<ExitCode> {
    let release = open(&Centre::open(&arguments.at.centre)?, &arguments.name)?;
    match arguments.at.format.format {
        Format::Json => output.data(&release.to_json())?,
        Format::Table => {
            let heads = ["episode", "task", "embodiment", "origin", "duration", "licence", "digest"];
            let rows = release.episodes.iter().map(|episode| {
                vec![
                    episode.episode.to_string(),
                    episode.task.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string),
                    episode.embodiment.clone(),
                    etude_store::catalogue::origin_name(episode.origin).to_owned(),
                    format!("{:.1} s", episode.duration_us as f64 * 1e-6),
                    episode.rights.licence.clone().unwrap_or_else(|| "unknown".to_owned()),
                    episode.digest.short(),
                ]
            });
            output.data(&format!("{}\n{}", summary(&release, output), output.table(&heads, rows)))?;
        }
    }
    Ok(exit::DONE)
}

fn verify(arguments: &VerifyArgs, output: &Output) -> anyhow::Result<ExitCode> {
    let centre = Centre::open(&arguments.at.centre)?;
    let release = open(&centre, &arguments.name)?;
    let problems = centre.verify(&release);
    let count = output::count(release.episodes.len(), "episode");
    match arguments.at.format.format {
        Format::Json => output.json(&json!({
            "release": release.name,
            "digest": release.digest(),
            "episodes": release.episodes.len(),
            "problems": problems,
        }))?,
        Format::Table if problems.is_empty() => {
            output.data(&format!("{}: {count}, every file is what it was", release.name))?;
        }
        Format::Table => output.data(&format!("{}: {count}, {} not", release.name, problems.len()))?,
    }
    tell(&problems, output);
    Ok(sound(problems.is_empty()))
}

/// Files new releases and shows them. All can be filed or none is: a name that another release has is found out before.
fn file(centre: &Centre, releases: &[Release], format: Format, output: &Output) -> anyhow::Result<ExitCode> {
    let known = centre.releases()?;
    for release in releases {
        let other = known.iter().find(|row| row.name == release.name && row.digest != release.digest());
        if let Some(other) = other {
            let (name, known) = (release.name.clone(), other.digest);
            return Err(Error::ReleaseExists { name, known }.into());
        }
    }
    for release in releases {
        centre.add_release(release, now_us())?;
    }
    match format {
        Format::Json => output.json(&json!(releases))?,
        Format::Table => {
            let texts: Vec<String> = releases.iter().map(|release| summary(release, output)).collect();
            output.data(&texts.join("\n"))?;
        }
    }
    Ok(exit::DONE)
}

fn relabel(arguments: &RelabelArgs, output: &Output) -> anyhow::Result<ExitCode> {
    let centre = Centre::open(&arguments.at.centre)?;
    let release = open(&centre, &arguments.name)?;
    let of_task = arguments.of_task.as_ref().map(TaskId::new);
    let episodes: Vec<EpisodeId> = if arguments.episodes.is_empty() {
        let all = release.episodes.iter();
        let meant = all.filter(|episode| of_task.is_none() || episode.task == of_task);
        meant.map(|episode| episode.episode.clone()).collect()
    } else {
        arguments.episodes.iter().map(EpisodeId::new).collect()
    };
    if let (Some(task), true) = (&of_task, episodes.is_empty()) {
        let tasks: BTreeSet<String> =
            release.episodes.iter().flat_map(|episode| &episode.task).map(ToString::to_string).collect();
        let hint = format!("its tasks are {}", tasks.into_iter().collect::<Vec<_>>().join(", "));
        return Err(Advised::new(format!("{} has no episode of the task {task}", release.name), hint).into());
    }
    let change = |episode| Label {
        reason: arguments.reason.clone(),
        task: arguments.task.as_ref().map(TaskId::new),
        instruction: arguments.instruction.iter().cloned().collect(),
        ..Label::new(episode, &arguments.by)
    };
    let made = centre.relabel(&release, &arguments.new, &episodes, change, now_us())?;
    file(&centre, &[made], arguments.at.format.format, output)
}

fn resample(arguments: &ResampleArgs, output: &Output) -> anyhow::Result<ExitCode> {
    let grid = &arguments.grid;
    let Some(fps) = grid.fps else {
        let hint = "--rate 10 makes ten rows of every second";
        return Err(
            Advised::new("a release states its rows by their rate, and no rate is given", hint).into()
        );
    };
    let rows = Rows {
        fps,
        max_age: grid.max_age,
        rules: grid.rules.iter().cloned().collect(),
        stale: stale(grid.stale),
    };
    let centre = Centre::open(&arguments.at.centre)?;
    let made = open(&centre, &arguments.name)?.resampled(&arguments.new, rows)?;
    file(&centre, &[made], arguments.at.format.format, output)
}

fn split_by(choice: SplitChoice) -> SplitBy {
    match choice {
        SplitChoice::Task => SplitBy::Task,
        SplitChoice::Embodiment => SplitBy::Embodiment,
        SplitChoice::Origin => SplitBy::Origin,
        SplitChoice::Licence => SplitBy::Licence,
    }
}

fn diff(arguments: &ReleaseDiffArgs, output: &Output) -> anyhow::Result<ExitCode> {
    let centre = Centre::open(&arguments.at.centre)?;
    let (one, other) = (open(&centre, &arguments.one)?, open(&centre, &arguments.other)?);
    let found = one.difference(&other);
    match arguments.at.format.format {
        Format::Json => output.json(&json!(found))?,
        Format::Table if found.is_empty() => {
            output.data(&format!("{} and {} hold the same episodes", one.name, other.name))?;
        }
        Format::Table => {
            let only = |of: &str, ids: &[EpisodeId]| {
                let row = |id: &EpisodeId| vec![id.to_string(), format!("only in {of}")];
                ids.iter().map(row).collect::<Vec<_>>()
            };
            let changed = found.changed.iter();
            let changed = changed
                .map(|change| vec![change.episode.to_string(), format!("{} differ", change.what.join(", "))]);
            let rows =
                found.rows.then(|| vec!["all".to_owned(), "the rows that they state differ".to_owned()]);
            let rows = rows.into_iter().chain(only(&one.name, &found.removed));
            let rows = rows.chain(only(&other.name, &found.added)).chain(changed);
            output.data(&output.table(&["episode", "difference"], rows))?;
        }
    }
    Ok(sound(found.is_empty()))
}

/// What a release is, in a few lines.
pub(super) fn summary(release: &Release, output: &Output) -> String {
    let mut embodiments: BTreeMap<&str, usize> = BTreeMap::new();
    for episode in &release.episodes {
        *embodiments.entry(&episode.embodiment).or_default() += 1;
    }
    let listed = |pairs: Vec<(String, String)>| {
        pairs.into_iter().map(|(name, count)| format!("{name}: {count}")).collect::<Vec<_>>().join(", ")
    };
    let seconds: i64 = release.episodes.iter().map(|episode| episode.duration_us).sum();
    let rows = release.rows.as_ref().map(rows);
    output.pairs(&[
        ("release", release.name.clone()),
        ("digest", release.digest().to_string()),
        ("chosen by", release.query.clone().unwrap_or_else(|| "every episode".to_owned())),
        ("episodes", release.episodes.len().to_string()),
        ("duration", format!("{:.1} s", seconds as f64 * 1e-6)),
        ("rows", rows.unwrap_or_else(|| "as each export says".to_owned())),
        (
            "robots",
            listed(embodiments.iter().map(|(name, count)| ((*name).to_owned(), count.to_string())).collect()),
        ),
        (
            "licences",
            listed(release.licences.iter().map(|(name, count)| (name.clone(), count.to_string())).collect()),
        ),
    ])
}

/// What becomes of episodes in which rows lack a value.
pub(super) const fn stale(choice: Option<StaleChoice>) -> Stale {
    match choice {
        Some(StaleChoice::Drop) => Stale::Drop,
        Some(StaleChoice::Split) | None => Stale::Split,
    }
}

/// What a release says of its rows.
fn rows(rows: &Rows) -> String {
    let rules = rows.rules.iter().map(|(topic, rule)| format!("{topic} {rule}"));
    let age = rows.max_age.map(|age| format!("none older than {} ms", age.as_ms()));
    let stale = (rows.stale == Stale::Drop).then(|| "rows that lack a value dropped".to_owned());
    let facts = std::iter::once(format!("{} Hz", rows.fps)).chain(rules).chain(age).chain(stale);
    facts.collect::<Vec<_>>().join(", ")
}
