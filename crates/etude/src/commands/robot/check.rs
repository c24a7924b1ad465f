//! `etude robot check`: what is wrong, where, and how to mend it.

use super::subject::{Model, NoModel, Subject};
use crate::cli::{Format, RobotCheckArgs};
use crate::output::{Output, count};
use etude_kinematics::Geometry;
use etude_kinematics::enrol::check::{self, Finding, Severity};
use etude_kinematics::enrol::posture;
use serde_json::json;
use std::process::ExitCode;

pub(super) fn run(arguments: &RobotCheckArgs, output: &Output) -> anyhow::Result<ExitCode> {
    let subject = Subject::read(&arguments.subject, &arguments.folders)?;
    let Model { file, body, draft, geometry } = subject.model.as_ref().map_err(NoModel::error)?;
    let mut findings = check::check(body, draft);
    findings.extend(posture::home(body, draft));
    let now;
    let geometry = if let Some(read) = geometry {
        read
    } else {
        now = Geometry::from_path(body, file);
        &now
    };
    match geometry {
        Ok(geometry) => findings.extend(posture::overlaps(body, draft, geometry)),
        Err(error) => findings.push(Finding {
            severity: Severity::Note,
            place: String::new(),
            what: format!("its shapes cannot be read, so links were not tested against each other: {error}"),
            mend: "see what the model says of its shapes there".to_owned(),
        }),
    }
    findings.sort_by_key(|finding| finding.severity);
    findings.extend(questions(&subject));
    match arguments.format.format {
        Format::Json => {
            let list: Vec<_> = findings
                .iter()
                .map(|finding| {
                    json!({
                        "severity": finding.severity.name(), "place": finding.place,
                        "what": finding.what, "mend": finding.mend,
                    })
                })
                .collect();
            output.json(&list)?;
        }
        Format::Table => {
            let rows = gather(&findings).into_iter().map(|(finding, places)| {
                vec![finding.severity.name().to_owned(), places, finding.what.clone(), finding.mend.clone()]
            });
            output.data(&output.table(&["severity", "where", "what is wrong", "how to mend it"], rows))?;
        }
    }
    let faults = findings.iter().filter(|finding| finding.severity == Severity::Fault).count();
    output.note(&format!("{}, {}", count(findings.len(), "finding"), count(faults, "fault")));
    Ok(super::super::sound(faults == 0))
}

/// Open questions of a card are gaps too.
fn questions(subject: &Subject) -> Vec<Finding> {
    let open = subject.card.open_doubts().filter(|_| subject.is_card);
    open.map(|doubt| Finding {
        severity: Severity::Gap,
        place: doubt.entries.first().cloned().unwrap_or_default(),
        what: doubt.question.clone(),
        mend: "answer it: set `settled` of the [[doubt]] once the entries are right".to_owned(),
    })
    .collect()
}

/// Findings that say the same of several places, in one line.
fn gather(findings: &[Finding]) -> Vec<(&Finding, String)> {
    let mut lines: Vec<(&Finding, Vec<&str>)> = Vec::new();
    for finding in findings {
        match lines
            .iter_mut()
            .find(|(first, _)| first.what == finding.what && first.severity == finding.severity)
        {
            Some((_, places)) => places.push(&finding.place),
            None => lines.push((finding, vec![&finding.place])),
        }
    }
    lines
        .into_iter()
        .map(|(finding, places)| {
            let shown = places.iter().take(3).copied().collect::<Vec<_>>().join(", ");
            let more = places.len().saturating_sub(3);
            (finding, if more > 0 { format!("{shown} and {more} more") } else { shown })
        })
        .collect()
}
