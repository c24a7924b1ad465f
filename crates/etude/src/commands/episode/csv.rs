//! `etude episode export-csv`: every stream as a table that any program opens.

mod columns;
mod pictures;

use super::file_name;
use crate::cli::ExportCsvArgs;
use crate::exit;
use crate::hint::Advised;
use crate::output::{self, Output};
use anyhow::Context;
use columns::Columns;
use etude_episode::{Episode, StreamInfo};
use etude_model::{Sample, Stamp};
use pictures::{DepthImages, Mp4};
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Writes an episode as CSV files.
pub(crate) fn run(arguments: &ExportCsvArgs, output: &Output) -> anyhow::Result<ExitCode> {
    let episode = Episode::open(&arguments.file)?;
    let folder = &arguments.out;
    refuse_used(folder)?;
    fs::create_dir_all(folder).with_context(|| format!("the folder {} cannot be made", folder.display()))?;
    let bar = output.bar(episode.streams().len() as u64, "writing");
    let mut written = Vec::new();
    let mut losses = Vec::new();
    for stream in episode.streams() {
        written.push(export(&episode, stream, folder, &mut losses)?);
        bar.inc(1);
    }
    bar.finish_and_clear();
    let rows = written
        .into_iter()
        .map(|file| vec![file.path.display().to_string(), file.rows.to_string(), file.pictures]);
    output.data(&output.table(&["file", "rows", "pictures"], rows))?;
    for loss in &losses {
        output.loss(loss);
    }
    output.note(&format!("{} in {}", output::count(episode.streams().len(), "stream"), folder.display()));
    Ok(exit::done(!losses.is_empty()))
}

fn refuse_used(folder: &Path) -> anyhow::Result<()> {
    let is_free = fs::read_dir(folder).map_or(!folder.exists(), |mut entries| entries.next().is_none());
    if is_free {
        return Ok(());
    }
    let message = format!("{} exists and is no empty folder", folder.display());
    Err(Advised::new(message, "nothing is overwritten: choose another folder with --out").into())
}

struct Written {
    path: PathBuf,
    rows: u64,
    /// Where the stream's pictures are; empty where it has none.
    pictures: String,
}

fn export(
    episode: &Episode,
    stream: &StreamInfo,
    folder: &Path,
    losses: &mut Vec<String>,
) -> anyhow::Result<Written> {
    let topic = stream.spec.topic.as_str();
    let name = file_name(topic);
    let path = folder.join(format!("{name}.csv"));
    let columns = Columns::of(episode, stream)?;
    let file = File::create_new(&path).with_context(|| format!("{} cannot be made", path.display()))?;
    let mut file = BufWriter::new(file);
    let failed = || format!("{} cannot be written", path.display());
    writeln!(file, "{}", columns.header()).with_context(failed)?;
    let mut mp4 = Mp4::new(folder.join(format!("{name}.mp4")), &stream.spec);
    let mut depth = DepthImages::new(folder.join(&name));
    let mut rows = 0;
    for message in episode.messages(&[topic], ..)? {
        let message = message?;
        writeln!(file, "{}{}", times(&message.stamp), columns.row(&message.sample)).with_context(failed)?;
        rows += 1;
        match &message.sample {
            Sample::Video(frame) => mp4.push(frame),
            Sample::Depth(image) => depth.push(image)?,
            _ => {}
        }
    }
    file.flush().with_context(failed)?;
    let mut pictures = depth.finish();
    match mp4.finish() {
        Ok(video) => pictures.push_str(&video),
        Err(problem) => losses.push(format!("{topic}: {problem}")),
    }
    Ok(Written { path, rows, pictures })
}

/// Device, host and log time, ns; no device time is an empty cell.
fn times(stamp: &Stamp) -> String {
    let device = stamp.device.map_or_else(String::new, |time| time.ns().to_string());
    format!("{device},{},{}", stamp.host.ns(), stamp.log.ns())
}
