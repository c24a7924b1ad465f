//! Measurements over the reports of many episodes.

use crate::definition::{Fill, measured, name};
use crate::report::Report;
use crate::rules::RuleSet;
use etude_model::{Measurement, Verdict};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Most episodes named in the words of a measurement.
const MAX_NAMED: usize = 8;

/// What an inspection says of a set of episodes as a set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatasetReport {
    /// Every measurement of the set.
    pub measurements: Vec<Measurement>,
    /// What the rule set says of them.
    pub verdict: Verdict,
    /// How many episodes met each rule, by the rule's name.
    pub findings: BTreeMap<String, u64>,
}

/// Inspects a set of episodes by their reports.
pub fn inspect_dataset(reports: &[Report], rules: &RuleSet) -> DatasetReport {
    let measurements = measure(reports);
    let verdict = crate::rules::judge(&measurements, rules);
    let mut findings = BTreeMap::new();
    for report in reports {
        let names: BTreeSet<&str> =
            report.verdict.findings.iter().map(|finding| finding.rule.as_str()).collect();
        for name in names {
            *findings.entry(name.to_owned()).or_insert(0) += 1;
        }
    }
    DatasetReport { measurements, verdict, findings }
}

fn measure(reports: &[Report]) -> Vec<Measurement> {
    let rejected: Vec<&str> =
        reports.iter().filter(|report| !report.verdict.accepted).map(Report::name).collect();
    let silent: Vec<&str> = reports
        .iter()
        .filter(|report| report.instruction.values().all(|text| text.trim().is_empty()))
        .map(Report::name)
        .collect();
    let duplicates = duplicates(reports);
    let embodiments = counted(reports.iter().map(|report| report.embodiment.as_str()));
    let cards: BTreeSet<_> = reports.iter().map(|report| report.card).collect();
    let schemas: BTreeSet<_> = reports.iter().map(|report| report.schema).collect();
    let outcomes = counted(reports.iter().filter_map(|report| report.outcome.as_deref()));
    let durations: Vec<f64> = reports.iter().map(|report| report.duration_s).collect();
    let mut out = vec![
        measured(name::EPISODES).value(reports.len() as f64),
        measured(name::TOTAL_DURATION).value(durations.iter().sum()).detail(spread(&durations)),
        measured(name::REJECTED).value(rejected.len() as f64).detail(named(&rejected)),
        measured(name::EMBODIMENTS).value(cards.len() as f64).detail(listed(&embodiments)),
        measured(name::SCHEMAS).value(schemas.len() as f64),
        measured(name::WITHOUT_INSTRUCTION).value(silent.len() as f64).detail(named(&silent)),
        measured(name::DUPLICATE_EPISODES).value(duplicates.len() as f64).detail(named(&duplicates)),
    ];
    let stated: u64 = outcomes.values().sum();
    // One outcome of one episode is no constant flag.
    out.push(if stated > 1 {
        measured(name::OUTCOMES).value(outcomes.len() as f64).detail(listed(&outcomes))
    } else {
        measured(name::OUTCOMES).detail("fewer than two episodes state an outcome")
    });
    out
}

/// Episodes whose signals equal those of an earlier one.
fn duplicates(reports: &[Report]) -> Vec<&str> {
    let mut seen = BTreeSet::new();
    reports.iter().filter(|report| !seen.insert(report.signals)).map(Report::name).collect()
}

fn counted<'a>(values: impl Iterator<Item = &'a str>) -> BTreeMap<&'a str, u64> {
    let mut counts = BTreeMap::new();
    values.for_each(|value| *counts.entry(value).or_insert(0) += 1);
    counts
}

fn listed(counts: &BTreeMap<&str, u64>) -> String {
    let parts: Vec<String> = counts.iter().map(|(value, count)| format!("{value}: {count}")).collect();
    parts.join(", ")
}

fn named(episodes: &[&str]) -> String {
    let shown: Vec<&str> = episodes.iter().take(MAX_NAMED).copied().collect();
    let rest = episodes.len() - shown.len();
    let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
    format!("{}{more}", shown.join(", "))
}

fn spread(durations: &[f64]) -> String {
    let mut sorted = durations.to_vec();
    sorted.sort_by(f64::total_cmp);
    match (sorted.first(), sorted.get(sorted.len() / 2), sorted.last()) {
        (Some(low), Some(median), Some(high)) => {
            format!("{low:.1} to {high:.1} s each, median {median:.1} s")
        }
        _ => String::new(),
    }
}
