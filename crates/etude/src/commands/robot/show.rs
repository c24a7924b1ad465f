//! `etude robot show`: a robot as a table, as JSON, or drawn.

use super::list::state;
use super::subject::{Model, Subject, unread};
use crate::cli::{Format, RobotShowArgs};
use crate::hint::Advised;
use crate::output::Output;
use crate::{exit, picture};
use anyhow::Context;
use etude_model::Card;
use etude_model::card::Joint;
use serde_json::json;
use std::process::ExitCode;

pub(super) fn run(arguments: &RobotShowArgs, output: &Output) -> anyhow::Result<ExitCode> {
    let subjects: Vec<Subject> = arguments
        .subjects
        .iter()
        .map(|named| Subject::read(named, &arguments.folders))
        .collect::<anyhow::Result<_>>()?;
    for missing in subjects.iter().filter_map(|subject| subject.model.as_ref().err()) {
        output.note(&format!("note: {}\nhint: {}", missing.what, missing.hint));
    }
    for model in subjects.iter().filter_map(|subject| subject.model.as_ref().ok()) {
        if let Some(Err(error)) = &model.geometry {
            output.note(&unread(error));
        }
    }
    if let Some(file) = &arguments.png {
        let drawn: Vec<picture::Drawn<'_>> = subjects
            .iter()
            .filter_map(|subject| {
                let model = subject.model.as_ref().ok()?;
                Some((subject.title.as_str(), &model.body, &model.draft))
            })
            .collect();
        if drawn.is_empty() {
            return Err(Advised::new(
                "no model of these robots is at hand, so nothing can be drawn",
                "name the folder of models with --models, or model files",
            )
            .into());
        }
        let image = picture::sheet(&drawn);
        image.write(file).with_context(|| format!("{} cannot be written", file.display()))?;
        output.data(&file.display().to_string())?;
        return Ok(exit::DONE);
    }
    for subject in &subjects {
        match arguments.format.format {
            Format::Json => output.json(&as_json(subject))?,
            Format::Table => output.data(&table(subject, output))?,
        }
    }
    Ok(exit::DONE)
}

fn as_json(subject: &Subject) -> serde_json::Value {
    let found = subject.model.as_ref().ok().map(|Model { body, draft, .. }| {
        let joints: Vec<_> = draft
            .joints
            .iter()
            .map(|joint| {
                json!({
                    "name": body.joint_name(joint.joint),
                    "slot": joint.slot.as_ref().map(ToString::to_string),
                    "confidence": joint.confidence,
                    "evidence": joint.evidence,
                })
            })
            .collect();
        json!({
            "kind": draft.kind.name(),
            "forward": draft.directions.forward.as_slice(),
            "up": draft.directions.up.as_slice(),
            "joints": joints,
        })
    });
    let missing = subject.model.as_ref().err().map(|missing| missing.what.as_str());
    json!({ "card": subject.card, "model": found, "model_missing": missing })
}

fn table(subject: &Subject, output: &Output) -> String {
    let card = &subject.card;
    let model = card.kinematics.as_ref();
    let head = output.pairs(&[
        ("robot", card.title()),
        (
            "kind",
            subject.model.as_ref().map_or(String::new(), |model| model.draft.kind.name().replace('_', " ")),
        ),
        ("state", if subject.is_card { state(card) } else { "a model, not enrolled".to_owned() }),
        ("model", model.map_or(String::new(), |model| model.path.clone())),
        ("torso", model.map_or(String::new(), |model| model.torso_body.clone())),
        ("arm length", model.map_or(String::new(), |model| format!("{} m", model.arm_length_m))),
    ]);
    let rows = card.joints.iter().map(|joint| {
        let drafted = subject.model.as_ref().ok().filter(|_| !subject.is_card);
        let sure = drafted.and_then(|Model { body, draft, .. }| {
            let found = body.joint(&joint.name).ok()?;
            draft.joint(found).map(|found| format!("{:.2}", found.confidence))
        });
        let [low, high] = joint.position;
        vec![
            joint.name.clone(),
            joint.slot.as_ref().map_or("-".to_owned(), ToString::to_string),
            sure.unwrap_or_default(),
            joint.unit.symbol().to_owned(),
            format!("{low:.3}"),
            format!("{high:.3}"),
            format!("{:.2}", joint.velocity),
            joint.effort.map_or("-".to_owned(), |effort| format!("{effort:.1}")),
            format!("{:.2}", joint.home),
            follows(card, joint),
        ]
    });
    let heads = ["joint", "slot", "sure", "unit", "low", "high", "speed", "effort", "home", "follows"];
    format!("{head}\n{}", output.table(&heads, rows))
}

/// What a joint follows or hangs on, where it takes no command of its own.
fn follows(card: &Card, joint: &Joint) -> String {
    match (&joint.mimic, card.tendon_of(&joint.name)) {
        (Some(mimic), _) => format!("{} x {:.3}", mimic.joint, mimic.ratio),
        (None, Some(tendon)) => format!("tendon {}", tendon.name),
        (None, None) => String::new(),
    }
}
