//! What to do about a dataset that came without a card: the cards whose joints bear its names.

use crate::folders;
use crate::hint::Advised;
use etude_dataset::lerobot::{Info, Source};
use etude_model::Card;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Features whose numbers must be joints of the card.
const JOINT_FEATURES: [&str; 2] = ["observation.state", "action"];

/// Most names that a message lists.
const NAMES_SHOWN: usize = 6;

/// The error for a dataset without a card, with the cards whose joints bear the dataset's names.
pub(crate) fn missing(source: &Path, robots: Option<&Path>) -> anyhow::Error {
    match advice(source, robots) {
        Ok(hint) => {
            let message = format!(
                "{} does not say what its numbers mean: an embodiment card is needed",
                source.display()
            );
            Advised::new(message, hint).into()
        }
        Err(error) => error,
    }
}

fn advice(source: &Path, robots: Option<&Path>) -> anyhow::Result<String> {
    let (dataset, _) = Source::open(source)?;
    let names = joint_names(&dataset.info);
    let folder = folders::robots(robots)?;
    if names.is_empty() {
        return Ok(format!(
            "the dataset does not name its joints; write a card whose streams say native = \
             \"lerobot:observation.state[from:to]\", on the model of those in {}",
            folder.display()
        ));
    }
    let mut fits: Vec<(usize, String)> = Vec::new();
    for (name, file) in folders::cards(&folder) {
        let text = fs::read_to_string(&file).unwrap_or_default();
        // A card that cannot be read fits nothing; naming it with --card says why.
        let known = Card::from_toml(&text).map_or(0, |card| known(&card, &names));
        fits.push((known, name));
    }
    let whole: Vec<&str> =
        fits.iter().filter(|(known, _)| *known == names.len()).map(|(_, name)| name.as_str()).collect();
    if let Some(first) = whole.first() {
        let others = if whole.len() > 1 {
            format!(" (as do those of {})", whole[1..].join(", "))
        } else {
            String::new()
        };
        return Ok(format!(
            "--card robots/{first}: its joints bear all {} names of the dataset{others}; is it that robot?",
            names.len()
        ));
    }
    let listed: Vec<&str> = names.iter().take(NAMES_SHOWN).map(String::as_str).collect();
    let nearest = match fits.iter().max_by_key(|(known, _)| *known) {
        Some((known, name)) if *known > 0 => format!("; robots/{name} knows {known} of them"),
        _ => String::new(),
    };
    Ok(format!(
        "no card in {} has joints of the dataset's {} names ({}, …){nearest}; write one on their model",
        folder.display(),
        names.len(),
        listed.join(", ")
    ))
}

fn joint_names(info: &Info) -> BTreeSet<String> {
    let features = info.features.iter().filter(|feature| JOINT_FEATURES.contains(&feature.key.as_str()));
    features.filter_map(|feature| feature.names.clone()).flatten().collect()
}

fn known(card: &Card, names: &BTreeSet<String>) -> usize {
    let channels = card.streams.iter().flat_map(|stream| stream.channels.iter().map(|channel| &channel.name));
    let own: BTreeSet<&String> = card.joints.iter().map(|joint| &joint.name).chain(channels).collect();
    names.iter().filter(|name| own.contains(name)).count()
}
