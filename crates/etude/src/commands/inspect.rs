//! `etude inspect`: measurements and verdicts of episodes, folders and centres.

use super::{now_us, tell};
use crate::cli::{Format, InspectArgs};
use crate::exit;
use crate::hint::{self, Advised};
use crate::output::Output;
use anyhow::Context;
use etude_dataset::Problem;
use etude_inspect::{Options, Report, RuleSet, inspect_dataset, render};
use etude_model::Digest;
use etude_store::layout::Layout;
use etude_store::{Centre, Filter, Page, VerdictLayer};
use serde_json::json;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Largest rule set that is read, in bytes.
const RULES_MAX: u64 = 1 << 20;

/// Episodes listed of a centre at a time.
const PAGE: u32 = 1000;

/// Deepest folder below the one that was named.
const DEPTH_MAX: usize = 8;

/// An episode to inspect.
struct Place {
    file: PathBuf,
    /// The centre that it is filed in, by its place in the list of centres, and its digest.
    filed: Option<(usize, Digest)>,
}

/// Inspects episodes.
pub(crate) fn run(arguments: &InspectArgs, output: &Output) -> anyhow::Result<ExitCode> {
    let rules = rules(arguments.rules.as_deref())?;
    let mut centres = Vec::new();
    let mut places = Vec::new();
    for path in &arguments.paths {
        find(path, &mut centres, &mut places)?;
    }
    if arguments.save && places.iter().any(|place| place.filed.is_none()) {
        let hint = "name the centre itself, or leave --save out";
        return Err(Advised::new("--save files verdicts in a centre, and not every PATH is one", hint).into());
    }
    let (reports, problems) = reports(&places, &centres, &rules, arguments.save, output)?;
    if reports.is_empty() {
        tell(&problems, output);
        return Err(Advised::new(
            "no episode could be read",
            "`etude episode check FILE` says what is wrong",
        )
        .into());
    }
    write(&reports, &problems, &rules, arguments, output)?;
    let lost = tell(&problems, output);
    Ok(exit::done(lost))
}

fn rules(path: Option<&Path>) -> anyhow::Result<RuleSet> {
    let Some(path) = path else { return Ok(RuleSet::supplied()) };
    let what = || format!("the rule set {}", path.display());
    let length = fs::metadata(path).with_context(what)?.len();
    if length > RULES_MAX {
        let message = format!("{} has {length} bytes, expected at most {RULES_MAX}", path.display());
        return Err(Advised::new(message, "a rule set is a short TOML file; is the path right?").into());
    }
    RuleSet::from_toml(&fs::read_to_string(path).with_context(what)?).with_context(what)
}

/// The episodes that a path means: a file, the files of a centre, or those of a folder.
fn find(path: &Path, centres: &mut Vec<Centre>, places: &mut Vec<Place>) -> anyhow::Result<()> {
    if path.is_file() {
        places.push(Place { file: path.to_owned(), filed: None });
        return Ok(());
    }
    let before = places.len();
    if Layout::new(path).settings().is_file() {
        let centre = Centre::open(path)?;
        let mut page = Page::first(PAGE);
        loop {
            let rows = centre.list(&Filter::all(), &page)?;
            let Some(last) = rows.last() else { break };
            page.after = Some(last.episode.clone());
            places.extend(rows.iter().map(|row| Place {
                file: centre.layout().episode(&row.digest),
                filed: Some((centres.len(), row.digest)),
            }));
        }
        centres.push(centre);
    } else {
        let listed = walk(path, DEPTH_MAX, places);
        listed.with_context(|| format!("{} cannot be listed", path.display()))?;
    }
    if places.len() == before {
        let message = format!("{} has no episodes", path.display());
        return Err(Advised::new(message, "episodes are files `*.mcap`; is the path right?").into());
    }
    Ok(())
}

fn walk(folder: &Path, depth: usize, places: &mut Vec<Place>) -> std::io::Result<()> {
    let mut entries = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            if depth > 0 {
                walk(&path, depth - 1, places)?;
            }
        } else if path.extension().is_some_and(|extension| extension == "mcap") {
            places.push(Place { file: path, filed: None });
        }
    }
    Ok(())
}

/// A report of each episode; one that cannot be read is a problem and stops nothing.
fn reports(
    places: &[Place],
    centres: &[Centre],
    rules: &RuleSet,
    save: bool,
    output: &Output,
) -> anyhow::Result<(Vec<Report>, Vec<Problem>)> {
    let bar = output.bar(places.len() as u64, "inspecting");
    let (mut reports, mut problems) = (Vec::new(), Vec::new());
    for place in places {
        match etude_inspect::inspect(&place.file, rules, &Options::default()) {
            Ok(report) => {
                let centre = place.filed.and_then(|(centre, digest)| Some((centres.get(centre)?, digest)));
                if let (true, Some((centre, digest))) = (save, centre) {
                    let layer =
                        VerdictLayer::new(digest, report.verdict.clone(), report.measurements.clone());
                    centre.add_verdict(&layer, now_us())?;
                }
                reports.push(report);
            }
            Err(error) => {
                let error = anyhow::Error::from(error);
                let file = place.file.display().to_string();
                // The problem names the file already.
                let message = hint::message(&error);
                let message = message.trim_start_matches(&format!("{file}: "));
                problems.push(Problem::loss(file, format!("{message}\n  hint: {}", hint::of(&error))));
            }
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok((reports, problems))
}

fn write(
    reports: &[Report],
    problems: &[Problem],
    rules: &RuleSet,
    arguments: &InspectArgs,
    output: &Output,
) -> anyhow::Result<()> {
    let dataset = inspect_dataset(reports, rules);
    if arguments.format.format == Format::Json {
        return output.json(&json!({
            "rules": rules.title(),
            "episodes": reports,
            "dataset": dataset,
            "problems": problems,
        }));
    }
    let lags = lags(reports, output);
    if let [report] = reports {
        output.data(&render::table(report, arguments.all))?;
    } else {
        if arguments.all {
            for report in reports {
                output.data(&format!("{}\n", render::table(report, true)))?;
            }
        }
        output.data(&format!("judged by rule set {}\n", rules.title()))?;
        output.data(&render::dataset_table(&dataset, reports))?;
        output.data(&format!("\nWhat each rule found, the first of it:\n{}", examples(reports, output)))?;
    }
    if !lags.is_empty() {
        output.data(&format!("\nHow much later each joint moves than it is told to:\n{lags}"))?;
    }
    Ok(())
}

/// The first finding of each rule, in the words of its report.
fn examples(reports: &[Report], output: &Output) -> String {
    let mut examples = BTreeMap::new();
    for report in reports {
        for finding in &report.verdict.findings {
            examples.entry(&finding.rule).or_insert((&report.episode, &finding.message));
        }
    }
    let rows = examples
        .into_iter()
        .map(|(rule, (episode, message))| vec![rule.clone(), episode.clone(), message.clone()]);
    output.table(&["rule", "episode", "finding"], rows)
}

/// The lag from command to state of each joint over all episodes, where it could be measured.
fn lags(reports: &[Report], output: &Output) -> String {
    let mut lags: Vec<((String, String), Vec<f64>)> = Vec::new();
    let mut places: BTreeMap<(String, String), usize> = BTreeMap::new();
    for measurement in
        reports.iter().flat_map(|report| &report.measurements).filter(|found| found.name == "lag")
    {
        let (Some(topic), Some(channel), Some(value)) =
            (&measurement.topic, &measurement.channel, measurement.value)
        else {
            continue;
        };
        let key = (topic.to_string(), channel.clone());
        let place = *places.entry(key.clone()).or_insert_with(|| {
            lags.push((key, Vec::new()));
            lags.len() - 1
        });
        if let Some((_, values)) = lags.get_mut(place) {
            values.push(value);
        }
    }
    if lags.is_empty() {
        return String::new();
    }
    let rows = lags.into_iter().map(|((topic, channel), mut values)| {
        values.sort_by(f64::total_cmp);
        let at = |place: usize| values.get(place).map_or_else(String::new, |value| format!("{value:.0} ms"));
        vec![channel, topic, at(values.len() / 2), at(0), at(values.len() - 1), values.len().to_string()]
    });
    output.table(&["joint", "stream", "median", "least", "most", "episodes"], rows)
}
