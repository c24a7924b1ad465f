//! `etude list`: what a centre has.

use crate::cli::{Format, ListArgs};
use crate::exit;
use crate::output::Output;
use etude_store::{Centre, EpisodeRow, Page};
use std::process::ExitCode;

/// Lists episodes.
pub(crate) fn run(arguments: &ListArgs, output: &Output) -> anyhow::Result<ExitCode> {
    let filter = super::filter(arguments.filter.as_deref())?;
    let centre = Centre::open(&arguments.centre)?;
    let rows = centre.list(&filter, &Page::first(arguments.limit))?;
    let all = centre.count(&filter)?;
    match arguments.format.format {
        Format::Json => output.json(&rows)?,
        Format::Table if rows.is_empty() => {}
        Format::Table => {
            let heads = ["episode", "task", "embodiment", "duration", "outcome", "verdict", "digest"];
            output.data(&output.table(&heads, rows.iter().map(cells)))?;
        }
    }
    let more = if all > rows.len() as u64 { "; --limit shows more" } else { "" };
    output.note(&format!("{} of {all} episodes{more}", rows.len()));
    Ok(exit::DONE)
}

fn cells(row: &EpisodeRow) -> Vec<String> {
    vec![
        row.episode.to_string(),
        row.task.clone().unwrap_or_else(|| "-".to_owned()),
        row.embodiment.clone(),
        format!("{:.1} s", row.duration_us as f64 * 1e-6),
        row.outcome.clone(),
        super::verdict(row.accepted).to_owned(),
        row.digest.short(),
    ]
}
