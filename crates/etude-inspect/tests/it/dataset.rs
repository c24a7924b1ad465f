//! Measurements of a set of episodes.

use crate::fixture::clean;
use etude_inspect::{DatasetReport, Report, RuleSet, inspect_dataset, render};
use etude_model::verdict::Severity;

fn episode(id: &str, seconds: f64, outcome: &str) -> Report {
    let mut take = clean(50.0, seconds, 0.0);
    take.manifest.episode = etude_model::id::EpisodeId::new(id);
    take.manifest.notes.insert("outcome".to_owned(), outcome.to_owned());
    take.inspect()
}

fn value(dataset: &DatasetReport, name: &str) -> f64 {
    let found = dataset.measurements.iter().find(|measurement| measurement.name == name);
    found.and_then(|measurement| measurement.value).unwrap_or_else(|| panic!("no {name}"))
}

#[test]
fn counts_duplicates_and_constant_outcomes() {
    let mut reports =
        vec![episode("a", 5.0, "success"), episode("b", 6.0, "success"), episode("c", 5.0, "success")];
    if let Some(report) = reports.get_mut(1) {
        report.instruction.clear();
    }
    let dataset = inspect_dataset(&reports, &RuleSet::supplied());
    assert_eq!(value(&dataset, "episodes"), 3.0);
    assert!((value(&dataset, "total_duration") - 16.0).abs() < 0.1);
    assert_eq!(value(&dataset, "duplicate_episodes"), 1.0);
    assert_eq!(value(&dataset, "without_instruction"), 1.0);
    assert_eq!(value(&dataset, "embodiments"), 1.0);
    assert_eq!(value(&dataset, "schemas"), 1.0);
    assert_eq!(value(&dataset, "outcomes"), 1.0);
    let rules: Vec<&str> = dataset.verdict.findings.iter().map(|finding| finding.rule.as_str()).collect();
    assert_eq!(rules, ["set-without-instruction", "set-duplicates", "set-outcome-constant"]);
    assert_eq!(dataset.findings.get("lag"), Some(&3));
    let text = render::dataset_table(&dataset, &reports);
    assert!(text.contains("duplicate_episodes") && text.contains("lag: 3 of 3 episodes"), "{text}");
}

#[test]
fn a_sound_set_has_no_findings() {
    let reports = vec![episode("a", 5.0, "success"), episode("b", 6.0, "failure")];
    let dataset = inspect_dataset(&reports, &RuleSet::supplied());
    assert!(dataset.verdict.findings.iter().all(|finding| finding.severity == Severity::Note));
    assert!(dataset.verdict.accepted);
}
