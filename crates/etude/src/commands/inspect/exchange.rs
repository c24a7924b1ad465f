//! Verdicts in forms that build systems read: `JUnit`'s XML, and SARIF 2.1.0.

use super::Inspected;
use etude_inspect::{DatasetReport, Report, RuleSet};
use etude_model::LogTime;
use etude_model::verdict::{Finding, Severity};
use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};
use serde_json::{Value, json};
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

/// What the set as a whole is called.
const SET: &str = "the set as a whole";

/// A test suite: each episode is a test that a fault fails, what could not be read is an error.
pub(super) fn junit(
    inspected: &Inspected,
    dataset: &DatasetReport,
    rules: &RuleSet,
) -> anyhow::Result<String> {
    let mut suite = TestSuite::new(rules.title());
    for (report, file) in inspected.reports.iter().zip(&inspected.files) {
        let mut case = case(&called(report, file), &report.verdict.findings);
        case.set_classname(report.embodiment.as_str());
        case.set_time(Duration::try_from_secs_f64(report.duration_s).unwrap_or_default());
        suite.add_test_case(case);
    }
    let mut set = case(SET, &dataset.verdict.findings);
    set.set_classname("dataset");
    suite.add_test_case(set);
    for problem in inspected.problems.iter().filter(|problem| problem.loss) {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
        status.set_type("unread").set_message(problem.message.as_str());
        let mut case = TestCase::new(problem.subject.as_str(), status);
        case.set_classname("unread");
        suite.add_test_case(case);
    }
    let mut report = quick_junit::Report::new("etude inspect");
    report.add_test_suite(suite);
    Ok(report.to_string()?)
}

fn case(name: &str, findings: &[Finding]) -> TestCase {
    let (faults, others): (Vec<&Finding>, Vec<&Finding>) =
        findings.iter().partition(|finding| finding.severity == Severity::Fault);
    let told = |findings: &[&Finding]| -> String {
        let line = |finding: &&Finding| {
            format!("{}: {}: {}", level(finding.severity), finding.rule, finding.message)
        };
        findings.iter().map(line).collect::<Vec<_>>().join("\n")
    };
    let status = match faults.first() {
        None => TestCaseStatus::success(),
        Some(first) => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_type(first.rule.as_str()).set_message(first.message.as_str());
            status.set_description(told(&faults));
            status
        }
    };
    let mut case = TestCase::new(name, status);
    if !others.is_empty() {
        case.set_system_out(told(&others));
    }
    case
}

/// A log of one run: each finding is a result at its episode's file.
pub(super) fn sarif(inspected: &Inspected, dataset: &DatasetReport, rules: &RuleSet) -> Value {
    let described: Vec<Value> = rules
        .rules
        .iter()
        .map(|rule| {
            json!({
                "id": rule.name,
                "shortDescription": {"text": format!("{}: {}", rule.measurement, rule.message)},
                "defaultConfiguration": {"level": level(rule.severity)},
            })
        })
        .collect();
    let place = |finding: &Finding| rules.rules.iter().position(|rule| rule.name == finding.rule);
    let mut results = Vec::new();
    for (report, file) in inspected.reports.iter().zip(&inspected.files) {
        let findings = report.verdict.findings.iter();
        results.extend(findings.map(|finding| result(finding, place(finding), report.name(), Some(file))));
    }
    results.extend(dataset.verdict.findings.iter().map(|finding| result(finding, place(finding), SET, None)));
    let told: Vec<Value> = inspected
        .problems
        .iter()
        .map(|problem| {
            let level = if problem.loss { "error" } else { "note" };
            json!({"level": level, "message": {"text": problem.to_string()}})
        })
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "etude inspect",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": described,
                "properties": {"ruleSet": rules.title()},
            }},
            "invocations": [{
                "executionSuccessful": !inspected.problems.iter().any(|problem| problem.loss),
                "toolExecutionNotifications": told,
            }],
            "results": results,
        }],
    })
}

fn result(finding: &Finding, rule: Option<usize>, name: &str, file: Option<&Path>) -> Value {
    let measurement = &finding.measurement;
    let topic = measurement.topic.as_ref().map(ToString::to_string);
    let logical: Vec<String> =
        [Some(name.to_owned()), topic, measurement.channel.clone()].into_iter().flatten().collect();
    let mut location = json!({"logicalLocations": [{"fullyQualifiedName": logical.join(" ")}]});
    if let Some(file) = file {
        location["physicalLocation"] = json!({"artifactLocation": {"uri": uri(file)}});
    }
    let mut result = json!({
        "ruleId": finding.rule,
        "level": level(finding.severity),
        "message": {"text": finding.message},
        "locations": [location],
        "properties": {
            "measurement": measurement.name,
            "value": measurement.value,
            "unit": measurement.unit,
            "from_ns": measurement.from.map(LogTime::ns),
            "to_ns": measurement.to.map(LogTime::ns),
        },
    });
    if let Some(rule) = rule {
        result["ruleIndex"] = json!(rule);
    }
    result
}

/// The words that SARIF has for it.
const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Fault => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

/// An episode by its file, and by its name there where it is one of several.
fn called(report: &Report, file: &Path) -> String {
    match &report.source {
        Some(name) => format!("{} {name}", file.display()),
        None => file.display().to_string(),
    }
}

/// A path as a reference of RFC 3986; a relative one stays so.
fn uri(path: &Path) -> String {
    let mut uri = String::new();
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                uri.push(char::from(*byte));
            }
            _ => write!(uri, "%{byte:02X}").expect("a string takes any text"),
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_references() {
        assert_eq!(uri(Path::new("takes/a b#1.mcap")), "takes/a%20b%231.mcap");
        assert_eq!(uri(Path::new("/data/\u{e9}.mcap")), "/data/%C3%A9.mcap");
    }
}
