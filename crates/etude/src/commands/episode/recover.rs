//! `etude episode recover`: what is whole of a recording that was cut off, and what is lost of it.

use crate::cli::{Format, RecoverArgs};
use crate::exit;
use crate::output::{self, Output};
use etude_episode::Recovered;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Closes a recording.
pub(crate) fn run(arguments: &RecoverArgs, output: &Output) -> anyhow::Result<ExitCode> {
    let out = arguments.out.clone().unwrap_or_else(|| beside(&arguments.file));
    let found = etude_episode::recover(&arguments.file, &out)?;
    let losses = losses(&found);
    match arguments.format.format {
        Format::Json => output.json(&report(&found, &out, &losses))?,
        Format::Table => output.data(&table(&found, &out, output))?,
    }
    for loss in &losses {
        output.loss(loss);
    }
    if losses.is_empty() {
        output.note("nothing was lost");
    }
    Ok(exit::done(!losses.is_empty()))
}

/// `take.mcap.partial` and `take.mcap` both become `take.recovered.mcap`.
fn beside(file: &Path) -> PathBuf {
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let stem = name.strip_suffix(".partial").unwrap_or(&name);
    let stem = stem.strip_suffix(".mcap").unwrap_or(stem);
    file.with_file_name(format!("{stem}.recovered.mcap"))
}

/// What was lost, a sentence each; empty where every message that was ever flushed is there.
fn losses(found: &Recovered) -> Vec<String> {
    if found.is_whole() {
        return Vec::new();
    }
    let mut losses = Vec::new();
    for damage in &found.damaged {
        let mut parts = vec![format!("the chunk at byte {} is damaged: {}", damage.offset, damage.found)];
        if damage.salvaged > 0 {
            parts.push(format!("{} of it were kept", output::count(damage.salvaged as usize, "message")));
        }
        let lost =
            damage.lost.iter().map(|(topic, count)| (topic, output::count(*count as usize, "message")));
        parts.extend(lost.map(|(topic, messages)| format!("{messages} of {topic} lost")));
        losses.push(parts.join("; "));
    }
    if found.lost_tail_bytes > 0 {
        losses.push(format!("{} bytes at the end belong to no whole record", found.lost_tail_bytes));
    }
    losses.push(match found.last_log {
        Some(last) => {
            format!("whatever was recorded after {:.3} s of log time was never flushed", last.as_s())
        }
        None => "no message is whole; only the head of the episode is there".to_owned(),
    });
    losses
}

fn table(found: &Recovered, out: &Path, output: &Output) -> String {
    let state = if found.was_complete {
        "was closed already; this is a copy"
    } else if found.lost_only_indexes {
        "every message with its account was there; only the indexes were written again"
    } else {
        "was cut off; what is whole is kept and the rest is declared as gaps"
    };
    let head = output.pairs(&[
        ("episode", out.display().to_string()),
        ("digest", found.closed.digest.to_string()),
        ("size", output::bytes(found.closed.bytes)),
        ("state", state.to_owned()),
    ]);
    let rows = found.streams.iter().map(|stream| {
        vec![
            stream.topic.to_string(),
            stream.received.to_string(),
            stream.missing.to_string(),
            stream.last_log.map_or_else(|| "-".to_owned(), |last| format!("{:.3} s", last.as_s())),
        ]
    });
    format!("{head}\n{}", output.table(&["stream", "kept", "declared missing", "last at"], rows))
}

fn report(found: &Recovered, out: &Path, losses: &[String]) -> serde_json::Value {
    let streams = found.streams.iter().map(|stream| {
        json!({
            "topic": stream.topic,
            "messages": stream.received,
            "missing": stream.missing,
            "last_log_ns": stream.last_log,
        })
    });
    let damaged = found.damaged.iter().map(|damage| {
        json!({
            "offset": damage.offset,
            "found": damage.found,
            "salvaged": damage.salvaged,
            "lost": damage.lost.iter().map(|(topic, count)| (topic.to_string(), *count)).collect::<Vec<_>>(),
        })
    });
    json!({
        "episode": out,
        "digest": found.closed.digest,
        "bytes": found.closed.bytes,
        "was_complete": found.was_complete,
        "lost_only_indexes": found.lost_only_indexes,
        "last_log_ns": found.last_log,
        "lost_tail_bytes": found.lost_tail_bytes,
        "streams": streams.collect::<Vec<_>>(),
        "damaged": damaged.collect::<Vec<_>>(),
        "losses": losses,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_recovered_file_has_a_name_of_its_own() {
        assert_eq!(beside(Path::new("a/take.mcap.partial")), Path::new("a/take.recovered.mcap"));
        assert_eq!(beside(Path::new("take.mcap")), Path::new("take.recovered.mcap"));
        assert_eq!(beside(Path::new("odd")), Path::new("odd.recovered.mcap"));
    }
}
