//! What is kept of an episode, a verdict and a release.

use etude_model::id::EpisodeId;
use etude_model::take::Outcome;
use etude_model::{Digest, Manifest, Measurement, Verdict};
use serde::{Deserialize, Serialize};

/// An episode to be filed.
#[derive(Clone, Debug)]
pub struct NewEpisode {
    /// Its manifest, as it stands in the file.
    pub manifest: Manifest,
    /// Its digest where it is known; a file that has another is refused.
    pub digest: Option<Digest>,
    /// How the take went.
    pub outcome: Outcome,
    /// Log time of the first message, µs since 1970-01-01 UTC; absent where the clock is not of this world.
    pub started_us: Option<i64>,
    /// From the first to the last message, µs.
    pub duration_us: i64,
}

/// An episode in the catalogue.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EpisodeRow {
    /// Digest of the file.
    pub digest: Digest,
    /// The take.
    pub episode: EpisodeId,
    /// What was to be done.
    pub task: Option<String>,
    /// Where.
    pub scene: Option<String>,
    /// At which station.
    pub station: Option<String>,
    /// For which order.
    pub campaign: Option<String>,
    /// The robot's serial number.
    pub robot: Option<String>,
    /// The trainer's pseudonym.
    pub trainer: Option<String>,
    /// Vendor and model.
    pub embodiment: String,
    /// Digest of the card.
    pub card: Digest,
    /// How the motion came about, as [`etude_model::Origin`] is written.
    pub origin: String,
    /// How the times came about: `measured`, `simulated` or `synthetic`.
    pub clock: String,
    /// How the take went: `success`, `failure` or `unknown`.
    pub outcome: String,
    /// The licence.
    pub licence: Option<String>,
    /// Log time of the first message, µs since 1970-01-01 UTC.
    pub started_us: Option<i64>,
    /// From the first to the last message, µs.
    pub duration_us: i64,
    /// Size of the file.
    pub bytes: i64,
    /// When it was filed, µs since 1970-01-01 UTC.
    pub added_us: i64,
    /// Digest of the latest verdict's layer.
    pub verdict: Option<Digest>,
    /// The rule set of the latest verdict.
    pub rules: Option<String>,
    /// What the latest verdict says; absent: not inspected.
    pub accepted: Option<bool>,
}

/// A part of a list.
#[derive(Clone, Debug)]
pub struct Page {
    /// Only episodes after this one; lists are sorted by episode id.
    pub after: Option<EpisodeId>,
    /// At most so many.
    pub limit: u32,
}

impl Page {
    /// The first `limit` of a list.
    pub const fn first(limit: u32) -> Self {
        Self { after: None, limit }
    }
}

/// A verdict with what it rests on: the content of a layer file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VerdictLayer {
    /// Version of this format; 1.
    pub format: u32,
    /// `verdict`.
    pub kind: String,
    /// The episode it speaks of.
    pub episode: Digest,
    /// The verdict.
    pub verdict: Verdict,
    /// What was measured.
    pub measurements: Vec<Measurement>,
}

impl VerdictLayer {
    /// A verdict on an episode.
    pub fn new(episode: Digest, verdict: Verdict, measurements: Vec<Measurement>) -> Self {
        Self { format: 1, kind: "verdict".to_owned(), episode, verdict, measurements }
    }

    /// The layer as it is written: indented JSON ending with a newline.
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("a verdict holds only what JSON can write");
        text.push('\n');
        text
    }

    /// The digest of [`VerdictLayer::to_json`], which is the digest of the layer's file.
    pub fn digest(&self) -> Digest {
        Digest::of(self.to_json().as_bytes())
    }
}

/// A verdict in the catalogue.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct VerdictRow {
    /// Digest of the layer.
    pub layer: Digest,
    /// The episode.
    pub digest: Digest,
    /// The rule set's name and version.
    pub rules: String,
    /// Whether the take counts.
    pub accepted: bool,
    /// When it was filed, µs since 1970-01-01 UTC.
    pub added_us: i64,
}

/// A release in the catalogue.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReleaseRow {
    /// Its name.
    pub name: String,
    /// The digest of its file.
    pub digest: Digest,
    /// The question that chose its episodes.
    pub query: Option<String>,
    /// How many episodes it has.
    pub episodes: i64,
    /// When it was made, µs since 1970-01-01 UTC.
    pub created_us: i64,
}
