//! Reports as plain text. Colour is the caller's.

use crate::dataset::DatasetReport;
use crate::report::Report;
use etude_model::Measurement;
use etude_model::verdict::{Finding, Severity};
use std::fmt::Write;

/// Widest name of a channel in a table.
const MAX_PLACE: usize = 48;
/// Findings of one rule that are written out; the rest is counted.
const MAX_PER_RULE: usize = 4;

/// The verdict with its findings, then the measurements: only those of whole streams, or all.
pub fn table(report: &Report, all: bool) -> String {
    let mut out = String::new();
    let verdict = report.verdict.standing().name();
    line(&mut out, &format!("{}  {}  {:.1} s", report.name(), report.embodiment, report.duration_s));
    line(&mut out, &format!("{verdict} by rule set {}", report.verdict.rules));
    findings(&mut out, &report.verdict.findings);
    line(&mut out, "");
    let rows: Vec<[String; 5]> = report
        .measurements
        .iter()
        .filter(|measurement| all || measurement.channel.is_none())
        .map(|measurement| {
            [
                measurement.name.clone(),
                place(measurement).chars().take(MAX_PLACE).collect(),
                measurement.value.map_or_else(|| "-".to_owned(), number),
                measurement.unit.clone(),
                measurement.detail.clone(),
            ]
        })
        .collect();
    columns(&mut out, ["measurement", "where", "value", "unit", "detail"], &rows);
    out
}

/// The measurements of a set, the rules that its episodes met, and one line per episode.
pub fn dataset_table(dataset: &DatasetReport, reports: &[Report]) -> String {
    let mut out = String::new();
    let rows: Vec<[String; 5]> = dataset
        .measurements
        .iter()
        .map(|measurement| {
            let value = measurement.value.map_or_else(|| "-".to_owned(), number);
            let unit = measurement.unit.clone();
            [measurement.name.clone(), value, unit, measurement.detail.clone(), String::new()]
        })
        .collect();
    columns(&mut out, ["measurement", "value", "unit", "detail", ""], &rows);
    findings(&mut out, &dataset.verdict.findings);
    line(&mut out, "");
    let rows: Vec<[String; 5]> = reports
        .iter()
        .map(|report| {
            let count = |severity| {
                let of_it = report.verdict.findings.iter().filter(|finding| finding.severity == severity);
                of_it.count().to_string()
            };
            let verdict = report.verdict.standing().name();
            [
                report.name().to_owned(),
                format!("{:.1} s", report.duration_s),
                verdict.to_owned(),
                format!("{}/{}/{}", count(Severity::Fault), count(Severity::Warning), count(Severity::Note)),
                report.embodiment.clone(),
            ]
        })
        .collect();
    columns(&mut out, ["episode", "duration", "verdict", "faults/warnings/notes", "embodiment"], &rows);
    for (rule, count) in &dataset.findings {
        line(&mut out, &format!("{rule}: {count} of {} episodes", reports.len()));
    }
    out
}

/// Where a measurement was taken: the stream and the channel, or `take`.
pub(crate) fn place(measurement: &Measurement) -> String {
    match (&measurement.topic, &measurement.channel) {
        (Some(topic), Some(channel)) => format!("{topic} {channel}"),
        (Some(topic), None) => topic.to_string(),
        (None, Some(channel)) => channel.clone(),
        (None, None) => "take".to_owned(),
    }
}

/// A number with four significant digits and no zeros at its end.
pub fn number(value: f64) -> String {
    let magnitude = value.abs();
    if value == 0.0 {
        return "0".to_owned();
    }
    if !(1e-4..1e9).contains(&magnitude) {
        return format!("{value:.2e}");
    }
    let digits = (3 - magnitude.log10().floor() as i32).clamp(0, 7) as usize;
    let text = format!("{value:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

fn findings(out: &mut String, findings: &[Finding]) {
    let mut shown: Vec<(&str, usize)> = Vec::new();
    for finding in findings {
        let count = if let Some((_, count)) = shown.iter_mut().find(|(rule, _)| *rule == finding.rule) {
            *count += 1;
            *count
        } else {
            shown.push((&finding.rule, 1));
            1
        };
        if count <= MAX_PER_RULE {
            let severity = match finding.severity {
                Severity::Fault => "fault",
                Severity::Warning => "warning",
                Severity::Note => "note",
            };
            line(
                out,
                &format!(
                    "  {severity:<8}{}: {}{}",
                    finding.rule,
                    finding.message,
                    span(&finding.measurement)
                ),
            );
        }
    }
    for (rule, count) in shown.iter().filter(|(_, count)| *count > MAX_PER_RULE) {
        line(out, &format!("          {rule}: {} more", count - MAX_PER_RULE));
    }
}

fn span(measurement: &Measurement) -> String {
    match (measurement.from, measurement.to) {
        (Some(from), Some(to)) if to > from => format!(" [{:.3} s to {:.3} s]", from.as_s(), to.as_s()),
        (Some(from), _) => format!(" [at {:.3} s]", from.as_s()),
        _ => String::new(),
    }
}

/// Columns as wide as their widest cell; the last is not padded.
fn columns(out: &mut String, heads: [&str; 5], rows: &[[String; 5]]) {
    let heads = heads.map(str::to_owned);
    let mut widths = [0; 5];
    for row in rows.iter().chain([&heads]) {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    for row in [&heads].into_iter().chain(rows) {
        let cells: Vec<String> =
            row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        line(out, cells.join("  ").trim_end());
    }
}

fn line(out: &mut String, text: &str) {
    writeln!(out, "{text}").expect("a string takes any text");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        for (value, text) in [
            (0.0, "0"),
            (30.0, "30"),
            (33.3333, "33.33"),
            (0.001_234_5, "0.001234"),
            (123_456.7, "123457"),
            (1e-7, "1.00e-7"),
        ] {
            assert_eq!(number(value), text);
        }
    }
}
