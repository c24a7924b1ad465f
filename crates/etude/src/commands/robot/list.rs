//! `etude robot list`: the cards that are there.

use crate::cli::{Format, RobotListArgs};
use crate::output::Output;
use crate::{exit, folders};
use etude_model::Card;
use serde_json::json;
use std::fs;
use std::process::ExitCode;

pub(super) fn run(arguments: &RobotListArgs, output: &Output) -> anyhow::Result<ExitCode> {
    let folder = folders::robots(arguments.robots.as_deref())?;
    let mut cards: Vec<(String, Result<Card, String>)> = Vec::new();
    for (name, file) in folders::cards(&folder) {
        let text = fs::read_to_string(&file).map_err(|error| error.to_string());
        cards.push((name, text.and_then(|text| Card::from_toml(&text).map_err(|error| error.to_string()))));
    }
    match arguments.format.format {
        Format::Json => {
            let list: Vec<_> = cards
                .iter()
                .map(|(name, card)| match card {
                    Ok(card) => json!({
                        "name": name, "vendor": card.vendor, "model": card.model, "joints": card.joints.len(),
                        "arm_length_m": card.kinematics.as_ref().map(|model| model.arm_length_m),
                        "open_questions": card.open_doubts().count(),
                    }),
                    Err(error) => json!({ "name": name, "error": error }),
                })
                .collect();
            output.json(&list)?;
        }
        Format::Table => {
            let rows = cards.iter().map(|(name, card)| match card {
                Ok(card) => vec![
                    name.clone(),
                    card.title(),
                    card.joints.len().to_string(),
                    card.hands
                        .iter()
                        .map(|hand| format!("{:?}", hand.kind).to_lowercase())
                        .next()
                        .unwrap_or_default(),
                    state(card),
                ],
                Err(error) => vec![
                    name.clone(),
                    String::new(),
                    String::new(),
                    String::new(),
                    format!("no card: {error}"),
                ],
            });
            output.data(&output.table(&["name", "robot", "joints", "hands", "state"], rows))?;
        }
    }
    Ok(exit::DONE)
}

/// What somebody answers for.
pub(super) fn state(card: &Card) -> String {
    let open = card.open_doubts().count();
    let unseen = card
        .doubts
        .iter()
        .filter(|doubt| doubt.settled == Some(etude_model::card::Settled::AcceptedUnseen))
        .count();
    match (open, unseen) {
        (0, 0) => "confirmed".to_owned(),
        (0, unseen) => format!("{unseen} accepted unseen"),
        (open, _) => format!("draft, {open} open"),
    }
}
