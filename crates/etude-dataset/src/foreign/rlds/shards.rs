//! The shards of a dataset: `name-split.tfrecord-00000-of-00002`, and what `dataset_info.json` says that there is.

use super::super::error::Error;
use super::super::source::{Recording, name_of};
use super::super::tfrecord;
use super::packed::Shards;
use crate::problem::Problem;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Whether a file's name is that of a shard.
pub(crate) fn is_shard(path: &Path) -> bool {
    name_of(path).contains(".tfrecord")
}

/// A shard's split, its number and how many there are of it.
fn parts(name: &str) -> Option<(&str, usize, usize)> {
    let (front, back) = name.split_once(".tfrecord-")?;
    let split = front.rsplit_once('-').map_or(front, |(_, split)| split);
    let (number, of) = back.split_once("-of-")?;
    Some((split, number.parse().ok()?, of.parse().ok()?))
}

/// The split that a shard is of.
pub(super) fn split_of(name: &str) -> Option<&str> {
    parts(name).map(|(split, _, _)| split)
}

/// Episodes, and what is missing of their dataset.
pub(crate) type Episodes = (Vec<Recording>, Vec<Problem>);

/// The episodes of these shards.
pub(crate) fn recordings(folder: &Path, shards: &[PathBuf], packed: &Shards) -> Result<Episodes, Error> {
    let features = folder.join("features.json");
    let has_features = features.is_file();
    let (mut found, mut problems) = (Vec::new(), Vec::new());
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for shard in shards {
        let (file, problem) = packed.open(shard)?;
        problems.extend(problem.map(|problem| Problem::loss(name_of(shard), problem)));
        let mut episodes = tfrecord::recordings(shard, file)?;
        counts.insert(name_of(shard), episodes.len());
        if has_features {
            for episode in &mut episodes {
                episode.files.push(features.clone());
            }
        }
        found.append(&mut episodes);
    }
    problems.extend(missing(folder, &counts));
    Ok((found, problems))
}

/// Shards that the others' names or `dataset_info.json` speak of.
fn missing(folder: &Path, counts: &BTreeMap<String, usize>) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut splits: BTreeMap<&str, (usize, BTreeMap<usize, usize>)> = BTreeMap::new();
    for (name, count) in counts {
        if let Some((split, number, of)) = parts(name) {
            let entry = splits.entry(split).or_default();
            entry.0 = entry.0.max(of);
            entry.1.insert(number, *count);
        }
    }
    let info = fs::read(folder.join("dataset_info.json")).unwrap_or_default();
    let info: Json = serde_json::from_slice(&info).unwrap_or_default();
    let mut told = BTreeSet::new();
    for split in info.get("splits").and_then(Json::as_array).into_iter().flatten() {
        let name = split.get("name").and_then(Json::as_str).unwrap_or_default();
        let lengths = split.get("shardLengths").and_then(Json::as_array);
        let number = |length: &Json| length.as_u64().or_else(|| length.as_str()?.parse().ok());
        let lengths: Vec<u64> = lengths.into_iter().flatten().filter_map(number).collect();
        let here = splits.get(name).map(|(_, here)| here);
        told.insert(name);
        for (shard, stated) in lengths.iter().enumerate().take(100_000) {
            let of = lengths.len();
            let subject = format!("split {name}");
            match here.and_then(|here| here.get(&shard)) {
                None => problems.push(Problem::loss(
                    subject,
                    format!(
                        "the shard {shard} of {of}, with {stated} episodes by dataset_info.json, is not here"
                    ),
                )),
                Some(found) if *found as u64 != *stated => problems.push(Problem::loss(
                    subject,
                    format!(
                        "the shard {shard} of {of} has {found} records, dataset_info.json states {stated}"
                    ),
                )),
                Some(_) => {}
            }
            if problems.len() >= 100 {
                return problems;
            }
        }
    }
    for (name, (of, here)) in splits.iter().filter(|(name, _)| !told.contains(**name)) {
        if here.len() < *of {
            let message = format!("{} of {of} shards are here", here.len());
            problems.push(Problem::loss(format!("split {name}"), message));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_says_of_which_split_it_is() {
        assert_eq!(parts("a-b-train.tfrecord-00003-of-00128"), Some(("train", 3, 128)));
        assert_eq!(parts("train.tfrecord"), None);
    }
}
