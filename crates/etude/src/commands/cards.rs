//! Which embodiment card speaks for a dataset: the one that was named; else the error says which ones fit.

#[cfg(feature = "ffmpeg")]
mod advice;

use crate::folders;
use crate::hint::Advised;
use anyhow::Context;
use etude_model::Card;
use etude_model::card::KinematicModel;
use std::fs;
use std::path::{Path, PathBuf};

#[cfg(feature = "ffmpeg")]
pub(super) use advice::missing;

/// Reads the card that was named: a file, its folder, or a name in the folder of cards.
pub(super) fn named(card: &Path, robots: Option<&Path>) -> anyhow::Result<Card> {
    let file = file(card, robots)?;
    let text =
        fs::read_to_string(&file).with_context(|| format!("the card {} cannot be read", file.display()))?;
    let card = Card::from_toml(&text).and_then(|card| card.confirmed().map(|()| card));
    card.with_context(|| format!("the card {}", file.display()))
}

/// Refuses a card whose model is not in the folder of models, and says which package ships it. A card without a model is left to
/// whoever needs one.
pub(super) fn model_at_hand(card: &Card, models: &Path) -> anyhow::Result<()> {
    let Some(kinematics) = card.kinematics.as_ref().filter(|it| !models.join(&it.path).is_file()) else {
        return Ok(());
    };
    let (what, hint) = not_at_hand(card, kinematics, &format!("it is not in {}", models.display()));
    Err(Advised::new(what, hint).into())
}

/// What is said of a model that is not where `looked` tells, and what to do about it.
pub(super) fn not_at_hand(card: &Card, kinematics: &KinematicModel, looked: &str) -> (String, String) {
    let what = format!("the model {} of {} is not at hand: {looked}", kinematics.path, card.title());
    let hint = format!(
        "{} ships it: `cargo xtask setup` fetches what the demonstration uses, --models names a folder of others",
        kinematics.package
    );
    (what, hint)
}

fn file(card: &Path, robots: Option<&Path>) -> anyhow::Result<PathBuf> {
    if card.is_file() {
        return Ok(card.to_owned());
    }
    let beside = card.join("card.toml");
    if beside.is_file() {
        return Ok(beside);
    }
    // `robots/NAME` and `NAME` mean the same, wherever the command runs.
    let name = card.strip_prefix("robots").unwrap_or(card);
    let folder = folders::robots(robots)?;
    let known = folder.join(name).join("card.toml");
    if known.is_file() {
        return Ok(known);
    }
    let names: Vec<String> = folders::cards(&folder).map(|(name, _)| name).collect();
    let message = format!("there is no embodiment card {}", card.display());
    Err(Advised::new(message, format!("{} has the cards {}", folder.display(), names.join(", "))).into())
}
