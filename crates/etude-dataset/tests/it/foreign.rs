//! Recordings of foreign formats, by mappings: real ones in place, and ones that are made for the test.

mod bags;
mod depth;
mod flatbuffer;
mod hdf;
mod hostile;
pub(crate) mod made;
mod motion;
mod rlds;
mod round_trip;
mod tables;
mod teleop;
mod xr;
mod zarr;

use etude_dataset::Problem;
use etude_dataset::foreign::{Error, Imported, Importer, Mapping, Source};
use etude_episode::{Episode, check};
use etude_model::{Card, Sample, Stamp};
use std::fs;
use std::path::{Path, PathBuf};

/// A file of this repository.
fn repository(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub(crate) fn card(robot: &str) -> Card {
    Card::from_toml(&repository(&format!("robots/{robot}/card.toml"))).expect("a card")
}

/// An importer of what lies at a path, by a mapping's text.
pub(crate) fn importer(path: &Path, mapping: &str, card: &Card) -> Result<Importer, Error> {
    let rules = Mapping::from_toml(mapping, "mapping.toml")?;
    Importer::open(Source::open(path, Some(&rules))?, (mapping, "mapping.toml"), card, "test")
}

/// Imports the recording at a place; the episode keeps the specification and accounts for every message.
fn import_at(importer: &Importer, place: usize, into: &Path) -> (PathBuf, Imported) {
    let path = into.join(format!("{place}.mcap"));
    let imported = importer.import(place, &path).unwrap_or_else(|error| panic!("{error}"));
    let conformance = check(&path).expect("a file");
    assert!(conformance.is_conformant(), "{:?}", conformance.problems);
    assert!(imported.closed.is_accounted(), "{:?}", imported.closed);
    (path, imported)
}

/// A stream's samples.
fn samples(episode: &Path, topic: &str) -> Vec<(Stamp, Sample)> {
    let episode = Episode::open(episode).expect("an episode");
    let messages = episode.messages(&[topic], ..).expect("messages");
    messages
        .map(|message| message.map(|message| (message.stamp, message.sample)).expect("a message"))
        .collect()
}

/// Positions of joint states and commands.
fn positions(episode: &Path, topic: &str) -> Vec<Vec<f64>> {
    let position = |sample: Sample| match sample {
        Sample::JointStates(states) => states.position,
        Sample::JointCommand(command) => command.asked,
        other => panic!("no joints: {other:?}"),
    };
    samples(episode, topic).into_iter().map(|(_, sample)| position(sample)).collect()
}

fn is_said(problems: &[Problem], loss: bool, words: &[&str]) -> bool {
    problems.iter().any(|problem| {
        let text = problem.to_string();
        problem.loss == loss && words.iter().all(|word| text.contains(word))
    })
}

#[track_caller]
fn assert_said(problems: &[Problem], loss: bool, words: &[&str]) {
    let all: Vec<String> = problems.iter().map(|problem| format!("{} {problem}", problem.loss)).collect();
    assert!(is_said(problems, loss, words), "{words:?} (loss {loss}) in\n{}", all.join("\n"));
}
