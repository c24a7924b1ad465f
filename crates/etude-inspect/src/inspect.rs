//! Inspection of an episode file.

use crate::accumulator::Accumulator;
use crate::options::Options;
use crate::report::Report;
use crate::rules::RuleSet;
use etude_episode::{Episode, ReadError};
use etude_model::{Card, CardError, Manifest, StreamKind, Topic};
use std::path::{Path, PathBuf};

/// Why an episode could not be inspected.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be opened or read to its end.
    #[error("{path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        source: Box<ReadError>,
    },
    /// The card in the file is none.
    #[error("{path}: the card in the episode: {source}")]
    Card {
        /// The file.
        path: PathBuf,
        /// What is wrong with the card.
        source: Box<CardError>,
    },
}

impl Error {
    fn read(path: &Path) -> impl Fn(ReadError) -> Self {
        move |source| Self::Read { path: path.to_owned(), source: Box::new(source) }
    }
}

/// Inspects an episode file against the card that it holds. Reads it once, message by message.
pub fn inspect(path: &Path, rules: &RuleSet, options: &Options) -> Result<Report, Error> {
    let episode = Episode::open(path).map_err(Error::read(path))?;
    let text = episode.card_toml().map_err(Error::read(path))?;
    let card = Card::from_toml(&text)
        .map_err(|source| Error::Card { path: path.to_owned(), source: Box::new(source) })?;
    inspect_episode(&episode, &card, rules, options).map_err(Error::read(path))
}

/// Inspects an episode file against a card of the caller's choice.
pub fn inspect_with_card(
    path: &Path,
    card: &Card,
    rules: &RuleSet,
    options: &Options,
) -> Result<Report, Error> {
    let episode = Episode::open(path).map_err(Error::read(path))?;
    inspect_episode(&episode, card, rules, options).map_err(Error::read(path))
}

/// Inspects an episode that is open already.
pub fn inspect_episode(
    episode: &Episode,
    card: &Card,
    rules: &RuleSet,
    options: &Options,
) -> Result<Report, ReadError> {
    let manifest: &Manifest = episode.manifest();
    let mut accumulator = Accumulator::new(manifest, card, options);
    let streams: Vec<(&Topic, StreamKind)> =
        episode.streams().iter().map(|info| (&info.spec.topic, info.spec.kind)).collect();
    for info in episode.streams() {
        accumulator.add_stream(&info.spec);
    }
    // Gaps come first: they explain what is missing in the other streams.
    let (gaps, others): (Vec<_>, Vec<_>) = streams.iter().partition(|(_, kind)| *kind == StreamKind::Gap);
    for topics in [gaps, others] {
        // No topic at all would mean every topic.
        if topics.is_empty() {
            continue;
        }
        let topics: Vec<&str> = topics.iter().map(|(topic, _)| topic.as_str()).collect();
        for message in episode.messages(&topics, ..)? {
            let message = message?;
            if let Some((topic, _)) = streams.get(message.stream.0 as usize) {
                accumulator.push(topic, &message.stamp, &message.sample);
            }
        }
    }
    Ok(Report::of_take(manifest, accumulator, rules))
}
