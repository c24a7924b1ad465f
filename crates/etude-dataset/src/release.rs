//! Releases: immutable datasets, each a list of episodes by digest with the layers that speak of them.
//!
//! A release is a JSON file. Its bytes are a function of its content alone (fixed key order, episodes sorted, no
//! time of creation), so its digest names the dataset: the same episodes and layers always give the same release.

mod label;
mod rows;
mod surgery;

pub use rows::Rows;
pub use surgery::{Change, Difference, Part, SplitBy};

use crate::files::digest_file;
use crate::problem::Problem;
use etude_model::id::{EpisodeId, TaskId};
use etude_model::manifest::Origin;
use etude_model::rights::Rights;
use etude_model::{Digest, Label};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

/// Version of the release format that this crate writes.
pub const FORMAT: u32 = 1;

/// Longest name of a release, in characters.
pub const NAME_MAX: usize = 100;

/// An immutable dataset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// Version of the release format; 1.
    pub format: u32,
    /// Its name, unique within a centre.
    pub name: String,
    /// The question that chose the episodes, as it was asked, or how they were taken from `parents`; absent: every accepted or
    /// every given episode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// The releases that it was made from, by digest, sorted; empty: chosen among the episodes of a centre.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parents: Vec<Digest>,
    /// The rows that every export of it has; absent: the export says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<Rows>,
    /// The episodes, sorted by episode id.
    pub episodes: Vec<ReleaseEpisode>,
    /// How many episodes stand under which licence; `unknown` where none is stated.
    pub licences: BTreeMap<String, u64>,
}

/// One episode of a release.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleaseEpisode {
    /// Digest of the episode file.
    pub digest: Digest,
    /// The take.
    pub episode: EpisodeId,
    /// The file, relative to the centre's folder, with `/` between its parts.
    pub file: String,
    /// What was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<TaskId>,
    /// Vendor and model.
    pub embodiment: String,
    /// Digest of the embodiment card.
    pub card: Digest,
    /// How the motion came about.
    pub origin: Origin,
    /// From the first to the last message, µs.
    pub duration_us: i64,
    /// Layers that belong to it in this release, by kind and digest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<LayerRef>,
    /// What may be done with it.
    #[serde(default)]
    pub rights: Rights,
}

/// A layer by its version.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayerRef {
    /// What the layer is, such as `verdict`.
    pub kind: String,
    /// Who made it: the rule set's name and version.
    pub version: String,
    /// Digest of the layer's file.
    pub digest: Digest,
}

/// What is wrong with a release.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A name that cannot be a file's name everywhere.
    #[error(
        "the release name {found:?} cannot be used: expected a letter or digit, then letters, digits, `.`, `_` or \
         `-`, at most {NAME_MAX}"
    )]
    Name {
        /// The name found.
        found: String,
    },
    /// No episodes.
    #[error("a release needs at least one episode, the choice has none")]
    Empty,
    /// One take in two versions.
    #[error("the episode {episode} is chosen twice: {first} and {second}")]
    Twice {
        /// The take.
        episode: EpisodeId,
        /// One file.
        first: Digest,
        /// The other.
        second: Digest,
    },
    /// One take, otherwise described in two releases.
    #[error("the episode {episode} is not the same in {first} and {second}: {what} differ")]
    Conflict {
        /// The take.
        episode: EpisodeId,
        /// What is not the same.
        what: String,
        /// One release.
        first: String,
        /// The other.
        second: String,
    },
    /// A take that a release does not have.
    #[error("the release {release} has no episode {episode}")]
    Absent {
        /// The take.
        episode: EpisodeId,
        /// The release.
        release: String,
    },
    /// Shares that do not make a whole.
    #[error("the shares {found:?} cannot be used: expected numbers above 0 that are 1 together")]
    Shares {
        /// The shares found.
        found: Vec<f64>,
    },
    /// Releases that state different rows.
    #[error(
        "{first} and {second} do not state the same rows; `etude release resample` makes releases that do"
    )]
    Rows {
        /// One release.
        first: String,
        /// The other.
        second: String,
    },
    /// No rows at all.
    #[error("a release cannot state 0 rows per second")]
    Rate,
    /// A label of another episode.
    #[error("the label speaks of the episode file {found}, expected {expected}")]
    Label {
        /// The digest of the episode.
        expected: Digest,
        /// The digest that the label names.
        found: Digest,
    },
    /// Two parts of one name.
    #[error("two parts would both be named {found:?}")]
    SameName {
        /// The name.
        found: String,
    },
    /// Text that is no release.
    #[error("the release cannot be read: {0}")]
    Syntax(#[from] serde_json::Error),
    /// Written by another version of Etude.
    #[error("the release has format {found}, expected {FORMAT}")]
    Format {
        /// The number found.
        found: u32,
    },
    /// A file name that leaves the centre's folder.
    #[error("the release names the file {found:?}, expected a path below the centre's folder")]
    Path {
        /// The path found.
        found: String,
    },
}

impl Release {
    /// A release of these episodes; their order does not matter.
    pub fn new(
        name: impl Into<String>,
        query: Option<String>,
        mut episodes: Vec<ReleaseEpisode>,
    ) -> Result<Self, Error> {
        let name = name.into();
        check_name(&name)?;
        if episodes.is_empty() {
            return Err(Error::Empty);
        }
        episodes.sort_by(|a, b| a.episode.cmp(&b.episode).then_with(|| a.digest.cmp(&b.digest)));
        for pair in episodes.windows(2) {
            if let [a, b] = pair
                && a.episode == b.episode
            {
                return Err(Error::Twice { episode: a.episode.clone(), first: a.digest, second: b.digest });
            }
        }
        let mut licences = BTreeMap::new();
        for episode in &mut episodes {
            episode.layers.sort();
            let licence = episode.rights.licence.clone().unwrap_or_else(|| "unknown".to_owned());
            *licences.entry(licence).or_insert(0) += 1;
        }
        Ok(Self { format: FORMAT, name, query, parents: Vec::new(), rows: None, episodes, licences })
    }

    /// Reads a release from its JSON and checks it.
    pub fn from_json(text: &str) -> Result<Self, Error> {
        let release: Self = serde_json::from_str(text)?;
        if release.format != FORMAT {
            return Err(Error::Format { found: release.format });
        }
        for episode in &release.episodes {
            episode.path_in(Path::new(""))?;
        }
        check_name(&release.name)?;
        Ok(release)
    }

    /// The release as it is written: indented JSON in a fixed order, ending with a newline.
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("a release holds only what JSON can write");
        text.push('\n');
        text
    }

    /// The digest of [`Release::to_json`], which is the digest of the release's file.
    pub fn digest(&self) -> Digest {
        Digest::of(self.to_json().as_bytes())
    }

    /// Reads every episode file below `folder` and compares its digest; says what is missing or changed.
    pub fn verify(&self, folder: &Path) -> Vec<Problem> {
        self.episodes.iter().filter_map(|episode| episode.verify(folder)).collect()
    }
}

impl ReleaseEpisode {
    /// The layer that says what it shows, over what the episode says itself.
    pub fn label(&self) -> Option<&LayerRef> {
        self.layers.iter().find(|layer| layer.kind == Label::KIND)
    }

    /// Where the file lies, given the centre's folder.
    pub fn path_in(&self, folder: &Path) -> Result<PathBuf, Error> {
        let relative = Path::new(&self.file);
        let inside = relative.components().all(|part| matches!(part, Component::Normal(_)));
        if !inside || self.file.is_empty() {
            return Err(Error::Path { found: self.file.clone() });
        }
        Ok(folder.join(relative))
    }

    fn verify(&self, folder: &Path) -> Option<Problem> {
        let path = match self.path_in(folder) {
            Ok(path) => path,
            Err(error) => return Some(Problem::loss(self.episode.as_str(), error.to_string())),
        };
        match digest_file(&path) {
            Ok(found) if found == self.digest => None,
            Ok(found) => Some(Problem::loss(
                path.display().to_string(),
                format!("expected the digest {}, found {found}", self.digest),
            )),
            Err(error) => Some(Problem::loss(path.display().to_string(), format!("cannot be read: {error}"))),
        }
    }
}

/// Whether a name can be a release's: it becomes a file's name.
pub fn check_name(name: &str) -> Result<(), Error> {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let starts = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    if starts && name.len() <= NAME_MAX && name.chars().all(legal) {
        Ok(())
    } else {
        Err(Error::Name { found: name.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn episode(id: &str, content: &[u8]) -> ReleaseEpisode {
        ReleaseEpisode {
            digest: Digest::of(content),
            episode: EpisodeId::new(id),
            file: format!("episodes/{id}.mcap"),
            task: Some(TaskId::new("lift_can")),
            embodiment: "Maker One".into(),
            card: Digest::of(b"card"),
            origin: Origin::Simulated,
            duration_us: 5,
            layers: Vec::new(),
            rights: Rights::default(),
        }
    }

    #[test]
    fn same_episodes_same_digest_in_whatever_order() {
        let (a, b) = (episode("a", b"1"), episode("b", b"2"));
        let one = Release::new("r", None, vec![a.clone(), b.clone()]).expect("a release");
        let two = Release::new("r", None, vec![b, a]).expect("a release");
        assert_eq!(one.digest(), two.digest());
        assert_eq!(Release::from_json(&one.to_json()).expect("own text"), one);
        assert_eq!(one.licences.get("unknown"), Some(&2));
    }

    #[test]
    fn refuses_what_cannot_be() {
        let a = episode("a", b"1");
        assert!(matches!(Release::new("r", None, vec![]), Err(Error::Empty)));
        assert!(matches!(Release::new("../r", None, vec![a.clone()]), Err(Error::Name { .. })));
        let twice = vec![a.clone(), episode("a", b"2")];
        assert!(matches!(Release::new("r", None, twice), Err(Error::Twice { .. })));
        let text = Release::new("r", None, vec![a]).expect("a release").to_json();
        assert!(matches!(
            Release::from_json(&text.replace("\"format\": 1", "\"format\": 9")),
            Err(Error::Format { .. })
        ));
        let outside = text.replace("episodes/a.mcap", "../a.mcap");
        assert!(matches!(Release::from_json(&outside), Err(Error::Path { .. })));
    }

    #[test]
    fn verification_finds_changed_and_missing_files() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("episodes")).expect("a folder");
        let release =
            Release::new("r", None, vec![episode("a", b"1"), episode("b", b"2"), episode("c", b"3")])
                .expect("release");
        std::fs::write(folder.path().join("episodes/a.mcap"), b"1").expect("a file");
        std::fs::write(folder.path().join("episodes/b.mcap"), b"changed").expect("a file");
        let problems = release.verify(folder.path());
        assert_eq!(problems.len(), 2);
        assert!(problems[0].message.contains("expected the digest"), "{}", problems[0]);
        assert!(problems[1].message.contains("cannot be read"), "{}", problems[1]);
    }
}
