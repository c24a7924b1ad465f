//! Labels: what an episode is said to show, after it was closed.

use crate::digest::Digest;
use crate::id::TaskId;
use crate::manifest::Manifest;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What an episode is said to show, over what its manifest says; the content of a layer of the kind `label`.
///
/// The episode's file stays as it is. Where a label says nothing, the manifest counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Label {
    /// Version of this format; 1.
    pub format: u32,
    /// `label`.
    pub kind: String,
    /// The episode that it speaks of.
    pub episode: Digest,
    /// Who says so: a pseudonym, or the name and version of a program.
    pub by: String,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The layer that it stands in for, by digest: the episode's label before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Digest>,
    /// What was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<TaskId>,
    /// The instruction per language (BCP 47 tag → sentence). Languages that are not here stay as they are.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub instruction: BTreeMap<String, String>,
}

impl Label {
    /// The kind of layer that a label is.
    pub const KIND: &str = "label";

    /// A label that says nothing yet.
    pub fn new(episode: Digest, by: impl Into<String>) -> Self {
        Self {
            format: 1,
            kind: Self::KIND.to_owned(),
            episode,
            by: by.into(),
            reason: None,
            previous: None,
            task: None,
            instruction: BTreeMap::new(),
        }
    }

    /// This label over an earlier one: what this one does not say, the earlier one says.
    #[must_use]
    pub fn over(mut self, earlier: &Self) -> Self {
        self.previous = Some(earlier.digest());
        self.task = self.task.or_else(|| earlier.task.clone());
        for (language, text) in &earlier.instruction {
            self.instruction.entry(language.clone()).or_insert_with(|| text.clone());
        }
        self
    }

    /// Writes what it says into an episode's manifest, with the layer's digest as the note `label`.
    pub fn apply(&self, manifest: &mut Manifest) {
        if let Some(task) = &self.task {
            manifest.task = Some(task.clone());
        }
        manifest.instruction.extend(self.instruction.clone());
        manifest.notes.insert(Self::KIND.to_owned(), format!("{} by {}", self.digest(), self.by));
    }

    /// The layer as it is written: indented JSON ending with a newline.
    pub fn to_json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("a label holds only what JSON can write");
        text.push('\n');
        text
    }

    /// The digest of [`Label::to_json`], which is the digest of the layer's file.
    pub fn digest(&self) -> Digest {
        Digest::of(self.to_json().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_label_keeps_what_it_does_not_say() {
        let episode = Digest::of(b"episode");
        let mut first = Label::new(episode, "annotator-1");
        first.task = Some(TaskId::new("cup"));
        first.instruction.insert("en".into(), "lift the cup".into());
        let mut second = Label::new(episode, "annotator-2");
        second.instruction.insert("de".into(), "heb die Tasse".into());
        let both = second.over(&first);
        assert_eq!(both.task, first.task);
        assert_eq!(both.instruction.len(), 2);
        assert_eq!(both.previous, Some(first.digest()));
        assert_eq!(serde_json::from_str::<Label>(&both.to_json()).expect("own text"), both);
    }
}
