//! `etude export`: a release in a foreign format.

use super::{release, tell};
use crate::cli::{DatasetFormat, ExportArgs, FloatChoice, RowArgs, StaleChoice};
use crate::exit;
use crate::hint::Advised;
use crate::output::Output;
use anyhow::Context;
use etude_dataset::Release;
use etude_dataset::export::{ExportEpisode, FloatType, RowOptions, Stale};
use etude_dataset::lerobot::{DatasetLayout, ExportOptions, Exported, export_release};
use etude_dataset::streams::{self, ExportedStreams, StreamFormat};
use etude_model::Topic;
use etude_store::Centre;
use std::process::ExitCode;

/// Exports a release.
pub(crate) fn run(arguments: &ExportArgs, output: &Output) -> anyhow::Result<ExitCode> {
    let centre = Centre::open(&arguments.centre)?;
    let release = release::open(&centre, &arguments.name)?;
    let lost = match kind(arguments.format) {
        Kind::Rows(layout) => rows(arguments, &release, layout, output),
        Kind::Streams(format) => {
            refuse_rows(&arguments.rows)?;
            stream_files(arguments, &release, format, output)
        }
    }
    .with_context(|| {
        format!("the release {} cannot be exported to {}", release.name, arguments.out.display())
    })?;
    Ok(exit::done(lost))
}

enum Kind {
    Rows(DatasetLayout),
    Streams(StreamFormat),
}

fn kind(format: DatasetFormat) -> Kind {
    match format {
        DatasetFormat::LerobotV3 => Kind::Rows(DatasetLayout::V30),
        DatasetFormat::LerobotV21 => Kind::Rows(DatasetLayout::V21),
        DatasetFormat::Groot => Kind::Rows(DatasetLayout::Groot),
        DatasetFormat::Parquet => Kind::Streams(StreamFormat::Parquet),
        DatasetFormat::McapRos2 => Kind::Streams(StreamFormat::Ros2Mcap),
        DatasetFormat::Rrd => Kind::Streams(StreamFormat::Rerun),
    }
}

/// What the options say of rows.
fn row_options(rows: &RowArgs) -> RowOptions {
    RowOptions {
        fps: rows.fps,
        max_age: rows.max_age,
        rules: rows.rules.iter().cloned().collect(),
        stale: match rows.stale {
            Some(StaleChoice::Drop) => Stale::Drop,
            Some(StaleChoice::Split) | None => Stale::Split,
        },
        float: match rows.float {
            Some(FloatChoice::F32) => FloatType::F32,
            Some(FloatChoice::F64) => FloatType::F64,
            Some(FloatChoice::Auto) | None => FloatType::Auto,
        },
        with: rows.further.iter().map(Topic::new).collect(),
    }
}

/// Options that would be without effect are refused.
fn refuse_rows(rows: &RowArgs) -> anyhow::Result<()> {
    let given = [
        ("--fps", rows.fps.is_some()),
        ("--rule", !rows.rules.is_empty()),
        ("--max-age", rows.max_age.is_some()),
        ("--stale", rows.stale.is_some()),
        ("--with", !rows.further.is_empty()),
        ("--float", rows.float.is_some()),
    ];
    match given.into_iter().find(|(_, is_given)| *is_given) {
        Some((option, _)) => Err(Advised::new(
            format!("{option} is for formats that have rows at one rate"),
            "parquet, mcap-ros2 and rrd keep every message of every stream with its own times",
        )
        .into()),
        None => Ok(()),
    }
}

/// Exports rows; whether something was lost.
fn rows(
    arguments: &ExportArgs,
    release: &Release,
    layout: DatasetLayout,
    output: &Output,
) -> anyhow::Result<bool> {
    let bar = output.bar(release.episodes.len() as u64, "exporting");
    let options = ExportOptions { layout, rows: row_options(&arguments.rows), ..ExportOptions::default() };
    let exported = export_release(release, &arguments.centre, &arguments.out, &options, &mut |done, _| {
        bar.set_position(done as u64);
    })?;
    bar.finish_and_clear();
    output.data(&table(&exported, output))?;
    let mut lost = false;
    for dataset in &exported {
        lost |= tell(&dataset.problems, output);
    }
    if let (Some(first), DatasetLayout::V30) = (exported.first(), layout) {
        output.note(&format!(
            "next: lerobot-dataset-viz --repo-id etude/{} --root {} --episode-index 0",
            release.name,
            first.folder.display()
        ));
    }
    Ok(lost)
}

/// Exports streams as they are; whether something was lost.
fn stream_files(
    arguments: &ExportArgs,
    release: &Release,
    format: StreamFormat,
    output: &Output,
) -> anyhow::Result<bool> {
    let bar = output.bar(release.episodes.len() as u64, "exporting");
    let episode = |episode: &etude_dataset::release::ReleaseEpisode| -> anyhow::Result<ExportEpisode> {
        Ok(ExportEpisode { path: episode.path_in(&arguments.centre)?, digest: episode.digest })
    };
    let episodes = release.episodes.iter().map(episode).collect::<anyhow::Result<Vec<_>>>()?;
    let exported = streams::export(&episodes, &arguments.out, format, &mut |done, _| {
        bar.set_position(done as u64);
    })?;
    bar.finish_and_clear();
    output.data(&stream_table(&exported, output))?;
    Ok(tell(&exported.problems, output))
}

fn stream_table(exported: &ExportedStreams, output: &Output) -> String {
    let row = vec![
        exported.folder.display().to_string(),
        exported.episodes.to_string(),
        exported.messages.to_string(),
        exported.problems.iter().filter(|problem| problem.loss).count().to_string(),
    ];
    output.table(&["folder", "episodes", "messages", "losses"], std::iter::once(row))
}

fn table(exported: &[Exported], output: &Output) -> String {
    let heads =
        ["folder", "robot", "episodes", "rows", "rate", "frames copied", "frames coded anew", "losses"];
    let rows = exported.iter().map(|dataset| {
        vec![
            dataset.folder.display().to_string(),
            dataset.embodiment.clone(),
            dataset.episodes.to_string(),
            dataset.rows.to_string(),
            format!("{} Hz", dataset.fps),
            dataset.frames_copied.to_string(),
            dataset.frames_encoded.to_string(),
            dataset.problems.iter().filter(|problem| problem.loss).count().to_string(),
        ]
    });
    output.table(&heads, rows)
}
