//! A folder that others write to: each take is judged once its file is whole and stays as it is.

use super::{DEPTH_MAX, walk};
use crate::cli::{InspectArgs, InspectFormat};
use crate::hint::{self, Advised};
use crate::output::Output;
use anyhow::Context;
use etude_inspect::{Options, Report, RuleSet};
use serde_json::json;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, SystemTime};

/// How often the folder is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// A file's length and when it was written last.
type State = (u64, Option<SystemTime>);

/// Watches a folder until it is gone or nobody reads what is written.
pub(super) fn watch(arguments: &InspectArgs, rules: &RuleSet, output: &Output) -> anyhow::Result<ExitCode> {
    let [folder] = arguments.paths.as_slice() else {
        let found = arguments.paths.len();
        return Err(Advised::new(
            format!("--watch watches one folder, found {found}"),
            "name the one above them",
        )
        .into());
    };
    if !matches!(arguments.format, InspectFormat::Table | InspectFormat::Json) {
        let message = "--watch writes a line for each take, which is no whole document";
        return Err(Advised::new(message, "use --format table or json").into());
    }
    output.note(&format!("watching {} by rule set {}; Ctrl-C ends it", folder.display(), rules.title()));
    // Each file's state, and whether it was judged so.
    let mut known: BTreeMap<PathBuf, (State, bool)> = BTreeMap::new();
    loop {
        let mut places = Vec::new();
        walk(folder, DEPTH_MAX, &mut places)
            .with_context(|| format!("{} cannot be listed", folder.display()))?;
        for place in places {
            let Ok(metadata) = fs::metadata(&place.file) else { continue };
            let state = (metadata.len(), metadata.modified().ok());
            match known.get(&place.file) {
                Some((before, true)) if *before == state => {}
                Some((before, false)) if *before == state => {
                    judge(&place.file, rules, arguments.format, output)?;
                    known.insert(place.file, (state, true));
                }
                _ => {
                    known.insert(place.file, (state, false));
                }
            }
        }
        thread::sleep(LOOK_EVERY);
    }
}

/// A line on what a file's take is worth.
fn judge(file: &Path, rules: &RuleSet, format: InspectFormat, output: &Output) -> anyhow::Result<()> {
    let name = file.display().to_string();
    match etude_inspect::inspect(file, rules, &Options::default()) {
        Ok(report) if format == InspectFormat::Json => {
            let line = json!({"file": name, "standing": report.verdict.standing().name(), "report": report});
            output.data(&format!("{line}\n"))?;
        }
        Ok(report) => output.data(&format!("{}\n", line(&name, &report)))?,
        Err(error) => {
            let error = anyhow::Error::from(error);
            output.loss(&format!("{}\n  hint: {}", hint::message(&error), hint::of(&error)));
        }
    }
    Ok(())
}

fn line(name: &str, report: &Report) -> String {
    let verdict = &report.verdict;
    let gravest = verdict.findings.first().map_or("", |finding| finding.message.as_str());
    let more = verdict.findings.len().saturating_sub(1);
    let more = if more > 0 { format!(" (and {more} more)") } else { String::new() };
    format!("{:<8}  {name}  {:.1} s  {gravest}{more}", verdict.standing().name(), report.duration_s)
}
