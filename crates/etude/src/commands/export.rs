//! `etude export`: a release in a foreign format.

use super::{release, tell};
use crate::cli::{DatasetFormat, ExportArgs};
use crate::exit;
use crate::output::Output;
use anyhow::Context;
use etude_dataset::export::RowOptions;
use etude_dataset::lerobot::{ExportOptions, Exported, export_release};
use etude_store::Centre;
use std::process::ExitCode;

/// Exports a release.
pub(crate) fn run(arguments: &ExportArgs, output: &Output) -> anyhow::Result<ExitCode> {
    let centre = Centre::open(&arguments.centre)?;
    let release = release::open(&centre, &arguments.name)?;
    let bar = output.bar(release.episodes.len() as u64, "exporting");
    let DatasetFormat::LerobotV3 = arguments.format;
    let options = ExportOptions {
        rows: RowOptions { fps: arguments.fps, ..RowOptions::default() },
        ..ExportOptions::default()
    };
    let exported = export_release(&release, &arguments.centre, &arguments.out, &options, &mut |done, _| {
        bar.set_position(done as u64);
    })
    .with_context(|| {
        format!("the release {} cannot be exported to {}", release.name, arguments.out.display())
    })?;
    bar.finish_and_clear();
    output.data(&table(&exported, output))?;
    let mut lost = false;
    for dataset in &exported {
        lost |= tell(&dataset.problems, output);
    }
    if let Some(first) = exported.first() {
        output.note(&format!(
            "next: lerobot-dataset-viz --repo-id etude/{} --root {} --episode-index 0",
            release.name,
            first.folder.display()
        ));
    }
    Ok(exit::done(lost))
}

fn table(exported: &[Exported], output: &Output) -> String {
    let heads = ["folder", "robot", "episodes", "rows", "rate", "videos copied", "coded anew", "losses"];
    let rows = exported.iter().map(|dataset| {
        vec![
            dataset.folder.display().to_string(),
            dataset.embodiment.clone(),
            dataset.episodes.to_string(),
            dataset.rows.to_string(),
            format!("{} Hz", dataset.fps),
            dataset.videos_copied.to_string(),
            dataset.videos_encoded.to_string(),
            dataset.problems.iter().filter(|problem| problem.loss).count().to_string(),
        ]
    });
    output.table(&heads, rows)
}
