//! The report of one episode: what was measured, and the verdict.

use crate::accumulator::{Accumulator, Measured};
use crate::rules::{RuleSet, judge};
use etude_model::{ClockKind, Digest, Manifest, Measurement, Origin, Verdict};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What an inspection says of one episode. A pure function of the episode, the card, the options and the rule set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// The episode's id.
    pub episode: String,
    /// What its source calls it, where it is no episode of ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Vendor and model.
    pub embodiment: String,
    /// Digest of the card.
    pub card: Digest,
    /// How the episode's times came about.
    pub clock: ClockKind,
    /// How its motion came about.
    pub origin: Origin,
    /// The task, where the manifest names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// The instruction per language.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub instruction: BTreeMap<String, String>,
    /// The outcome, where the take or its manifest states one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// From the first to the last message, s.
    pub duration_s: f64,
    /// Digest over all values of all signals: equal for two episodes of the same motion.
    pub signals: Digest,
    /// Digest over the descriptions of the streams: equal for two episodes of the same shape.
    pub schema: Digest,
    /// Every measurement, those of the whole take first, then by stream.
    pub measurements: Vec<Measurement>,
    /// What the rule set says of them.
    pub verdict: Verdict,
}

impl Report {
    /// The report of what was measured of a take.
    pub fn new(manifest: &Manifest, measured: Measured, rules: &RuleSet) -> Self {
        let verdict = judge(&measured.measurements, rules);
        Self {
            episode: manifest.episode.to_string(),
            source: None,
            embodiment: manifest.embodiment.clone(),
            card: manifest.card,
            clock: manifest.clock,
            origin: manifest.origin,
            task: manifest.task.as_ref().map(ToString::to_string),
            instruction: manifest.instruction.clone(),
            outcome: measured.outcome,
            duration_s: measured.duration_s,
            signals: measured.signals,
            schema: measured.schema,
            measurements: measured.measurements,
            verdict,
        }
    }

    /// The report of a take whose messages an accumulator has taken.
    pub fn of_take(manifest: &Manifest, accumulator: Accumulator, rules: &RuleSet) -> Self {
        Self::new(manifest, accumulator.finish(), rules)
    }

    /// What people call the episode: as its source does, else by its id.
    pub fn name(&self) -> &str {
        self.source.as_deref().unwrap_or(&self.episode)
    }

    /// The same measurements under another rule set; the episode is not read again.
    #[must_use]
    pub fn judged_by(mut self, rules: &RuleSet) -> Self {
        self.verdict = judge(&self.measurements, rules);
        self
    }

    /// The report as JSON with a line feed at its end; the same report always gives the same bytes.
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self)
            .expect("a report holds finite numbers and text, which JSON can write");
        text.push('\n');
        text
    }
}
