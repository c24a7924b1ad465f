//! `etude inspect`: measurements and verdicts of episodes, folders, centres and foreign datasets.

mod draw;
mod exchange;
#[cfg(feature = "ffmpeg")]
mod foreign;
mod page;
mod watch;

#[cfg(feature = "ffmpeg")]
use super::{cards, import};
use super::{now_us, release, tell};
use crate::cli::{InspectArgs, InspectFormat};
use crate::exit;
use crate::hint::{self, Advised};
use crate::output::Output;
use anyhow::Context;
use etude_dataset::Problem;
use etude_episode::Episode;
use etude_inspect::{DatasetReport, Options, Report, RuleSet, inspect_dataset, render};
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

/// What was inspected.
#[derive(Default)]
struct Inspected {
    reports: Vec<Report>,
    /// The file or the source of each report.
    files: Vec<PathBuf>,
    /// Plots of each report, for a page.
    drawn: Vec<Vec<String>>,
    problems: Vec<Problem>,
}

/// Inspects episodes.
pub(crate) fn run(arguments: &InspectArgs, output: &Output) -> anyhow::Result<ExitCode> {
    let rules = rules(arguments.rules.as_deref())?;
    if arguments.watch {
        return watch::watch(arguments, &rules, output);
    }
    let inspected = match &arguments.robot {
        #[cfg(feature = "ffmpeg")]
        Some(robot) => foreign::inspect(robot, arguments, &rules, output)?,
        #[cfg(not(feature = "ffmpeg"))]
        Some(_) => return Err(super::without_ffmpeg()),
        None => episodes(arguments, &rules, output)?,
    };
    if inspected.reports.is_empty() {
        tell(&inspected.problems, output);
        let hint = "`etude episode check FILE` says what is wrong";
        return Err(Advised::new("no episode could be read", hint).into());
    }
    write(&inspected, &rules, arguments, output)?;
    let lost = tell(&inspected.problems, output);
    Ok(exit::done(lost))
}

/// Inspects our own episodes.
fn episodes(arguments: &InspectArgs, rules: &RuleSet, output: &Output) -> anyhow::Result<Inspected> {
    let mut centres = Vec::new();
    let mut places = Vec::new();
    for path in &arguments.paths {
        #[cfg(feature = "ffmpeg")]
        if import::is_lerobot(path) {
            return Err(cards::missing(path, arguments.robots.as_deref()));
        }
        find(path, arguments, &mut centres, &mut places)?;
    }
    if arguments.save && places.iter().any(|place| place.filed.is_none()) {
        let hint = "name the centre itself, or leave --save out";
        return Err(Advised::new("--save files verdicts in a centre, and not every PATH is one", hint).into());
    }
    reports(&places, &centres, rules, arguments, output)
}

fn rules(path: Option<&Path>) -> anyhow::Result<RuleSet> {
    let Some(path) = path else { return Ok(RuleSet::supplied()) };
    if let Some(supplied) = path.to_str().and_then(RuleSet::named) {
        return Ok(supplied);
    }
    let what = || format!("the rule set {}", path.display());
    let length = fs::metadata(path).with_context(what)?.len();
    if length > RULES_MAX {
        let message = format!("{} has {length} bytes, expected at most {RULES_MAX}", path.display());
        return Err(Advised::new(message, "a rule set is a short TOML file; is the path right?").into());
    }
    RuleSet::from_toml(&fs::read_to_string(path).with_context(what)?).with_context(what)
}

/// The episodes that a path means: a file, the files of a centre, or those of a folder.
fn find(
    path: &Path,
    arguments: &InspectArgs,
    centres: &mut Vec<Centre>,
    places: &mut Vec<Place>,
) -> anyhow::Result<()> {
    let chooses = arguments.release.is_some() || arguments.filter.is_some();
    if path.is_file() && !chooses {
        places.push(Place { file: path.to_owned(), filed: None });
        return Ok(());
    }
    let before = places.len();
    if Layout::new(path).settings().is_file() {
        let centre = Centre::open(path)?;
        let digests = filed(&centre, arguments)?;
        places.extend(digests.into_iter().map(|digest| Place {
            file: centre.layout().episode(&digest),
            filed: Some((centres.len(), digest)),
        }));
        centres.push(centre);
    } else if chooses {
        let message = format!("{} is no centre, which --release and --where choose from", path.display());
        return Err(Advised::new(message, "name the centre's folder").into());
    } else {
        let listed = walk(path, DEPTH_MAX, places);
        listed.with_context(|| format!("{} cannot be listed", path.display()))?;
    }
    if places.len() == before && chooses {
        let message = format!("{} has no such episode", path.display());
        return Err(
            Advised::new(message, "`etude list --centre CENTRE --where EXPR` shows what it has").into()
        );
    }
    if places.len() == before {
        let message = format!("{} has no episodes", path.display());
        return Err(Advised::new(message, "episodes are files `*.mcap`; is the path right?").into());
    }
    Ok(())
}

/// The episodes of a centre that are wanted.
fn filed(centre: &Centre, arguments: &InspectArgs) -> anyhow::Result<Vec<Digest>> {
    if let Some(name) = &arguments.release {
        let release = release::open(centre, name)?;
        return Ok(release.episodes.iter().map(|episode| episode.digest).collect());
    }
    let filter = arguments.filter.as_deref().map(Filter::parse).transpose()?.unwrap_or(Filter::all());
    let (mut digests, mut page) = (Vec::new(), Page::first(PAGE));
    loop {
        let rows = centre.list(&filter, &page)?;
        let Some(last) = rows.last() else { return Ok(digests) };
        page.after = Some(last.episode.clone());
        digests.extend(rows.iter().map(|row| row.digest));
    }
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
    arguments: &InspectArgs,
    output: &Output,
) -> anyhow::Result<Inspected> {
    let bar = output.bar(places.len() as u64, "inspecting");
    let mut inspected = Inspected::default();
    for place in places {
        match etude_inspect::inspect(&place.file, rules, &Options::default()) {
            Ok(report) => {
                let centre = place.filed.and_then(|(centre, digest)| Some((centres.get(centre)?, digest)));
                if let (true, Some((centre, digest))) = (arguments.save, centre) {
                    let layer =
                        VerdictLayer::new(digest, report.verdict.clone(), report.measurements.clone());
                    centre.add_verdict(&layer, now_us())?;
                }
                let is_drawn = arguments.format == InspectFormat::Html;
                let episode = is_drawn.then(|| Episode::open(&place.file)).and_then(Result::ok);
                let drawn = episode.map(|episode| draw::plots(&episode, &report));
                inspected.drawn.push(drawn.unwrap_or_default());
                inspected.reports.push(report);
                inspected.files.push(place.file.clone());
            }
            Err(error) => {
                let error = anyhow::Error::from(error);
                let file = place.file.display().to_string();
                // The problem names the file already.
                let message = hint::message(&error);
                let message = message.trim_start_matches(&format!("{file}: "));
                let message = format!("{message}\n  hint: {}", hint::of(&error));
                inspected.problems.push(Problem::loss(file, message));
            }
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(inspected)
}

fn write(
    inspected: &Inspected,
    rules: &RuleSet,
    arguments: &InspectArgs,
    output: &Output,
) -> anyhow::Result<()> {
    let Inspected { reports, problems, .. } = inspected;
    let dataset = inspect_dataset(reports, rules);
    match arguments.format {
        InspectFormat::Json => output.json(&json!({
            "rules": rules.title(),
            "episodes": reports,
            "dataset": dataset,
            "problems": problems,
        })),
        InspectFormat::Html => Ok(output.data(&page::html(inspected, &dataset, rules))?),
        InspectFormat::Junit => Ok(output.data(&exchange::junit(inspected, &dataset, rules)?)?),
        InspectFormat::Sarif => output.json(&exchange::sarif(inspected, &dataset, rules)),
        InspectFormat::Table => tables(reports, &dataset, rules, arguments, output),
    }
}

fn tables(
    reports: &[Report],
    dataset: &DatasetReport,
    rules: &RuleSet,
    arguments: &InspectArgs,
    output: &Output,
) -> anyhow::Result<()> {
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
        output.data(&render::dataset_table(dataset, reports))?;
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
            examples.entry(&finding.rule).or_insert((report.name(), &finding.message));
        }
    }
    let rows = examples
        .into_iter()
        .map(|(rule, (episode, message))| vec![rule.clone(), episode.to_owned(), message.clone()]);
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
