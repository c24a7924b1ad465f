//! A release whose episodes are said to show something else.

use super::{Error, LayerRef, Release};
use etude_model::Label;
use etude_model::id::EpisodeId;
use std::collections::BTreeMap;

impl Release {
    /// The same episodes, some of them under these labels, each of which takes the place of the label before it. No episode is
    /// read or written.
    pub fn relabelled(&self, name: &str, labels: &BTreeMap<EpisodeId, Label>) -> Result<Self, Error> {
        let mut episodes = self.episodes.clone();
        for (id, label) in labels {
            let Some(episode) = episodes.iter_mut().find(|own| own.episode == *id) else {
                return Err(Error::Absent { episode: id.clone(), release: self.name.clone() });
            };
            if label.episode != episode.digest {
                return Err(Error::Label { expected: episode.digest, found: label.episode });
            }
            if let Some(task) = &label.task {
                episode.task = Some(task.clone());
            }
            episode.layers.retain(|layer| layer.kind != Label::KIND);
            let (kind, version, digest) = (Label::KIND.to_owned(), label.by.clone(), label.digest());
            episode.layers.push(LayerRef { kind, version, digest });
        }
        let how = format!("{} of it labelled anew", labels.len());
        Self::derived(name, how, vec![self.digest()], episodes, self.rows.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::episode;
    use super::*;
    use etude_model::Digest;
    use etude_model::id::TaskId;

    #[test]
    fn a_label_takes_the_place_of_the_one_before() {
        let whole = Release::new("r", None, vec![episode("a", b"1"), episode("b", b"2")]).expect("a release");
        let mut label = Label::new(Digest::of(b"1"), "annotator");
        label.task = Some(TaskId::new("cup"));
        let id = EpisodeId::new("a");
        let once = whole.relabelled("r2", &BTreeMap::from([(id.clone(), label.clone())])).expect("a release");
        assert_eq!(once.episodes[0].task, Some(TaskId::new("cup")));
        assert_eq!(once.episodes[0].label().map(|layer| layer.digest), Some(label.digest()));
        assert_eq!(once.episodes[1], whole.episodes[1]);
        assert_eq!(whole.difference(&once).changed[0].what, ["layers", "description"]);
        let second = Label::new(Digest::of(b"1"), "another").over(&label);
        let twice =
            once.relabelled("r3", &BTreeMap::from([(id.clone(), second.clone())])).expect("a release");
        let layers: Vec<_> = twice.episodes[0].layers.iter().map(|layer| layer.digest).collect();
        assert_eq!(layers, [second.digest()]);
        assert_eq!(twice.episodes[0].task, Some(TaskId::new("cup")));
        let other = Label::new(Digest::of(b"2"), "annotator");
        let error = whole.relabelled("r4", &BTreeMap::from([(id, other)])).expect_err("another episode's");
        assert!(matches!(error, Error::Label { .. }), "{error}");
    }
}
