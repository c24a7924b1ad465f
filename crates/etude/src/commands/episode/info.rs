//! `etude episode info`: the head of an episode and its streams.

use crate::cli::{Format, InfoArgs};
use crate::exit;
use crate::output::{self, Output};
use etude_episode::{Episode, StreamInfo};
use etude_model::{ClockKind, Digest, Gap, Manifest, StreamSpec};
use etude_store::catalogue::origin_name;
use serde::Serialize;
use std::process::ExitCode;

#[derive(Serialize)]
struct Stream<'e> {
    #[serde(flatten)]
    spec: &'e StreamSpec,
    /// Messages in the file.
    messages: u64,
    /// Messages that gaps declare missing.
    missing: u64,
    expected: Option<u64>,
    /// Whether received, declared missing and expected agree.
    accounted: bool,
    /// Messages per second from the first to the last; absent for fewer than two.
    mean_rate_hz: Option<f64>,
    /// Packed bytes of the chunks that hold it; streams may share chunks.
    chunk_bytes: u64,
}

#[derive(Serialize)]
struct Info<'e> {
    file: &'e str,
    digest: Digest,
    bytes: u64,
    duration_s: f64,
    accounted: bool,
    manifest: &'e Manifest,
    streams: Vec<Stream<'e>>,
    gaps: Vec<Gap>,
    attachments: Vec<&'e str>,
}

/// Shows what an episode is.
pub(crate) fn run(arguments: &InfoArgs, output: &Output) -> anyhow::Result<ExitCode> {
    let episode = Episode::open(&arguments.file)?;
    let bytes = std::fs::metadata(&arguments.file)?.len();
    let streams = episode.streams().iter().enumerate().map(|(index, info)| {
        let index = etude_episode::StreamIndex(index as u16);
        Stream {
            spec: &info.spec,
            messages: info.count.received,
            missing: info.count.missing,
            expected: info.count.expected,
            accounted: info.count.accounted,
            mean_rate_hz: mean_rate_hz(info),
            chunk_bytes: episode.chunk_bytes(index),
        }
    });
    let info = Info {
        file: episode.name(),
        digest: episode.digest()?,
        bytes,
        duration_s: episode.log_range().map_or(0.0, |(first, last)| (last - first).as_s()),
        accounted: episode.is_accounted(),
        manifest: episode.manifest(),
        streams: streams.collect(),
        gaps: episode.gaps()?,
        attachments: episode.attachments().collect(),
    };
    match arguments.format.format {
        Format::Json => output.json(&info)?,
        Format::Table => output.data(&table(&info, output))?,
    }
    Ok(exit::DONE)
}

fn mean_rate_hz(info: &StreamInfo) -> Option<f64> {
    let (first, last) = (info.count.first_log?, info.count.last_log?);
    let span_s = (last - first).as_s();
    (info.count.received > 1 && span_s > 0.0).then(|| (info.count.received - 1) as f64 / span_s)
}

fn table(info: &Info<'_>, output: &Output) -> String {
    let manifest = info.manifest;
    let clock = match manifest.clock {
        ClockKind::Measured => "measured".to_owned(),
        ClockKind::Simulated => "of a simulation".to_owned(),
        ClockKind::Synthetic { rate_hz } => format!("none: times were computed from {rate_hz} Hz"),
    };
    let text = |id: Option<String>| id.unwrap_or_default();
    let instructions = manifest.instruction.iter().map(|(language, words)| format!("{words} ({language})"));
    let mut head = output.pairs(&[
        ("episode", manifest.episode.to_string()),
        ("file", info.file.to_owned()),
        ("digest", info.digest.to_string()),
        ("size", output::bytes(info.bytes)),
        ("duration", format!("{:.3} s", info.duration_s)),
        ("robot", manifest.embodiment.clone()),
        ("serial", text(manifest.robot_serial.as_ref().map(ToString::to_string))),
        ("card", manifest.card.to_string()),
        ("task", text(manifest.task.as_ref().map(ToString::to_string))),
        ("instruction", instructions.collect::<Vec<_>>().join("; ")),
        ("scene", text(manifest.scene.as_ref().map(ToString::to_string))),
        ("station", text(manifest.station.as_ref().map(ToString::to_string))),
        ("trainer", text(manifest.trainer.as_ref().map(ToString::to_string))),
        ("origin", origin_name(manifest.origin).to_owned()),
        ("clock", clock),
        ("licence", manifest.rights.licence.clone().unwrap_or_else(|| "unknown".to_owned())),
        ("made by", manifest.software.clone()),
        ("parents", manifest.parents.join("\n")),
        ("accounted", if info.accounted { "yes" } else { "no: nobody can say what is missing" }.to_owned()),
    ]);
    head.push('\n');
    let heads = ["stream", "kind", "channels", "messages", "rate", "expected", "missing", "in chunks of"];
    let hertz = |rate: Option<f64>| rate.map_or_else(|| "-".to_owned(), |rate| format!("{rate:.2} Hz"));
    let rows = info.streams.iter().map(|stream| {
        vec![
            stream.spec.topic.to_string(),
            kind(stream.spec),
            stream.spec.channels.len().to_string(),
            stream.messages.to_string(),
            hertz(stream.mean_rate_hz),
            hertz(stream.spec.rate_hz),
            stream.missing.to_string(),
            output::bytes(stream.chunk_bytes),
        ]
    });
    head.push_str(&output.table(&heads, rows));
    if !info.gaps.is_empty() {
        let rows = info.gaps.iter().map(|gap| {
            vec![
                gap.topic.to_string(),
                format!("{:.3} s", gap.from.as_s()),
                format!("{:.3} s", gap.to.as_s()),
                gap.missing.to_string(),
                gap.reason.name().to_owned(),
            ]
        });
        head.push_str("\n\n");
        head.push_str(&output.table(&["gap in", "from", "to", "missing", "reason"], rows));
    }
    head
}

/// The kind as files name it.
fn kind(spec: &StreamSpec) -> String {
    serde_json::to_value(spec.kind).ok().and_then(|kind| kind.as_str().map(str::to_owned)).unwrap_or_default()
}
