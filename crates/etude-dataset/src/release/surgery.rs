//! New releases out of others: merged, split, with episodes left out, compared.
//!
//! No release changes: what comes out is another one, which names those that it was made from. No episode file is read or
//! written; an episode stays the file of its digest.

use super::{Error, Release, ReleaseEpisode, Rows};
use etude_model::Digest;
use etude_model::id::EpisodeId;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// By what a release is split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SplitBy {
    /// What was done.
    Task,
    /// Vendor and model.
    Embodiment,
    /// How the motion came about.
    Origin,
    /// The licence.
    Licence,
}

/// A part of a release and its share of the episodes.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// Name of the new release.
    pub name: String,
    /// Share of the episodes, above 0; all parts' together are 1.
    pub share: f64,
}

/// What sets one release apart from another.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Difference {
    /// Episodes that only the other has.
    pub added: Vec<EpisodeId>,
    /// Episodes that only the one has.
    pub removed: Vec<EpisodeId>,
    /// Takes that both have, with what is not the same.
    pub changed: Vec<Change>,
    /// Whether they state other rows.
    pub rows: bool,
}

/// A take that two releases have, but not alike.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// The take.
    pub episode: EpisodeId,
    /// What is not the same: `file`, `layers`, `rights`, `description`.
    pub what: Vec<&'static str>,
}

/// Shares that differ from 1 together by no more than this are taken for 1.
const WHOLE: f64 = 1e-6;

impl Release {
    /// All episodes of all these releases. An episode that several have is taken once; where they have it with other layers or
    /// rights, or the same take from another file, the merge is refused.
    pub fn merge(name: &str, releases: &[Self]) -> Result<Self, Error> {
        let mut taken: BTreeMap<&EpisodeId, (&ReleaseEpisode, &str)> = BTreeMap::new();
        for release in releases {
            for episode in &release.episodes {
                let Some((known, of)) = taken.insert(&episode.episode, (episode, &release.name)) else {
                    continue;
                };
                let what = differs(known, episode);
                if !what.is_empty() {
                    return Err(Error::Conflict {
                        episode: episode.episode.clone(),
                        what: what.join(", "),
                        first: of.to_owned(),
                        second: release.name.clone(),
                    });
                }
            }
        }
        let episodes = taken.into_values().map(|(episode, _)| episode.clone()).collect();
        let parents: BTreeSet<Digest> = releases.iter().map(Self::digest).collect();
        let rows = releases.first().and_then(|release| release.rows.clone());
        if let Some(other) = releases.iter().find(|release| release.rows != rows) {
            let first = releases.first().map(|release| release.name.clone()).unwrap_or_default();
            return Err(Error::Rows { first, second: other.name.clone() });
        }
        Self::derived(name, "merged".to_owned(), parents.into_iter().collect(), episodes, rows)
    }

    /// The release without these episodes, each of which it must have.
    pub fn without(&self, name: &str, episodes: &[EpisodeId]) -> Result<Self, Error> {
        if let Some(absent) = episodes.iter().find(|id| !self.episodes.iter().any(|own| own.episode == **id))
        {
            return Err(Error::Absent { episode: absent.clone(), release: self.name.clone() });
        }
        let left: Vec<_> =
            self.episodes.iter().filter(|own| !episodes.contains(&own.episode)).cloned().collect();
        let gone: BTreeSet<&str> = episodes.iter().map(EpisodeId::as_str).collect();
        let how = format!("without {}", gone.into_iter().collect::<Vec<_>>().join(", "));
        self.taken(name, how, left)
    }

    /// One release for each value of a property: `NAME-VALUE`, in order of the values. Characters that a name cannot have
    /// become `-`; two values that then are one are refused.
    pub fn split_by(&self, by: SplitBy) -> Result<Vec<Self>, Error> {
        let mut parts: BTreeMap<String, Vec<ReleaseEpisode>> = BTreeMap::new();
        for episode in &self.episodes {
            parts.entry(by.value(episode)).or_default().push(episode.clone());
        }
        let legal = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_') { c } else { '-' };
        let mut names = BTreeSet::new();
        let part = |(value, episodes): (String, Vec<ReleaseEpisode>)| {
            let name =
                format!("{}-{}", self.name, value.to_lowercase().chars().map(legal).collect::<String>());
            if !names.insert(name.clone()) {
                return Err(Error::SameName { found: name });
            }
            self.taken(&name, format!("{}: {value}", by.name()), episodes)
        };
        parts.into_iter().map(part).collect()
    }

    /// Parts of these shares, by chance: which episode goes where is decided by its id and `seed` alone, so that it does not
    /// depend on the others' order. Every part has as many episodes as its share says, rounded so that none is lost.
    pub fn split(&self, parts: &[Part], seed: u64) -> Result<Vec<Self>, Error> {
        let total: f64 = parts.iter().map(|part| part.share).sum();
        let sound = parts.iter().all(|part| part.share > 0.0 && part.share.is_finite());
        if !sound || (total - 1.0).abs() > WHOLE {
            return Err(Error::Shares { found: parts.iter().map(|part| part.share).collect() });
        }
        let mut order: Vec<&ReleaseEpisode> = self.episodes.iter().collect();
        order.sort_by_cached_key(|episode| Digest::of(format!("{seed} {}", episode.episode).as_bytes()).0);
        let count = order.len() as f64;
        let (mut releases, mut from, mut reached) = (Vec::with_capacity(parts.len()), 0, 0.0);
        for (number, part) in parts.iter().enumerate() {
            reached += part.share;
            let last = number + 1 == parts.len();
            let to = if last { order.len() } else { (reached * count).round() as usize };
            let episodes = order.get(from..to).unwrap_or_default().iter().copied().cloned().collect();
            let how = format!("{} of it by chance, seed {seed}", part.share);
            releases.push(self.taken(&part.name, how, episodes)?);
            from = to;
        }
        Ok(releases)
    }

    /// What `other` has that this one has not, and the other way round.
    pub fn difference(&self, other: &Self) -> Difference {
        let of = |release: &Self| -> BTreeMap<EpisodeId, ReleaseEpisode> {
            release.episodes.iter().map(|episode| (episode.episode.clone(), episode.clone())).collect()
        };
        let (one, two) = (of(self), of(other));
        let only = |in_one: &BTreeMap<EpisodeId, ReleaseEpisode>, in_other: &BTreeMap<_, _>| {
            in_one.keys().filter(|id| !in_other.contains_key(*id)).cloned().collect()
        };
        let changed = one.iter().filter_map(|(id, episode)| {
            let what = differs(episode, two.get(id)?);
            (!what.is_empty()).then(|| Change { episode: id.clone(), what })
        });
        let rows = self.rows != other.rows;
        Difference { added: only(&two, &one), removed: only(&one, &two), changed: changed.collect(), rows }
    }

    /// A release of some of this one's episodes.
    fn taken(&self, name: &str, how: String, episodes: Vec<ReleaseEpisode>) -> Result<Self, Error> {
        Self::derived(name, how, vec![self.digest()], episodes, self.rows.clone())
    }

    pub(super) fn derived(
        name: &str,
        how: String,
        parents: Vec<Digest>,
        episodes: Vec<ReleaseEpisode>,
        rows: Option<Rows>,
    ) -> Result<Self, Error> {
        Ok(Self { parents, rows, query: Some(how), ..Self::new(name, None, episodes)? })
    }
}

impl Difference {
    /// Whether both hold the same.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty() && !self.rows
    }
}

impl SplitBy {
    /// In a word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Task => "task",
            Self::Embodiment => "embodiment",
            Self::Origin => "origin",
            Self::Licence => "licence",
        }
    }

    fn value(self, episode: &ReleaseEpisode) -> String {
        let unknown = || "unknown".to_owned();
        match self {
            Self::Task => episode.task.as_ref().map_or_else(unknown, ToString::to_string),
            Self::Embodiment => episode.embodiment.clone(),
            Self::Origin => format!("{:?}", episode.origin),
            Self::Licence => episode.rights.licence.clone().unwrap_or_else(unknown),
        }
    }
}

/// What is not the same of one take in two releases.
fn differs(one: &ReleaseEpisode, other: &ReleaseEpisode) -> Vec<&'static str> {
    let described = |episode: &ReleaseEpisode| {
        (episode.task.clone(), episode.embodiment.clone(), episode.card, episode.origin, episode.duration_us)
    };
    let same = [
        ("file", one.digest == other.digest),
        ("layers", one.layers == other.layers),
        ("rights", one.rights == other.rights),
        ("description", described(one) == described(other)),
    ];
    same.into_iter().filter(|(_, same)| !same).map(|(what, _)| what).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::episode;
    use super::super::{LayerRef, Release};
    use super::*;
    use crate::export::Stale;
    use etude_model::id::TaskId;
    use etude_model::rights::Rights;

    fn release(name: &str, ids: &[&str]) -> Release {
        Release::new(name, None, ids.iter().map(|id| episode(id, id.as_bytes())).collect())
            .expect("a release")
    }

    fn ids(release: &Release) -> Vec<&str> {
        release.episodes.iter().map(|episode| episode.episode.as_str()).collect()
    }

    #[test]
    fn a_merge_has_every_episode_once_whatever_the_order() {
        let (one, two) = (release("one", &["a", "b"]), release("two", &["b", "c"]));
        let merged = Release::merge("all", &[one.clone(), two.clone()]).expect("a release");
        assert_eq!(ids(&merged), ["a", "b", "c"]);
        assert_eq!(merged.parents.len(), 2);
        assert_eq!(merged.digest(), Release::merge("all", &[two, one]).expect("a release").digest());
        assert_eq!(Release::from_json(&merged.to_json()).expect("own text"), merged);
    }

    #[test]
    fn a_merge_of_two_opinions_is_refused() {
        let one = release("one", &["a", "b"]);
        let mut judged = episode("b", b"b");
        judged.layers =
            vec![LayerRef { kind: "verdict".into(), version: "rules 2".into(), digest: Digest::of(b"v") }];
        judged.rights = Rights { licence: Some("CC0-1.0".into()), ..Rights::default() };
        let two = Release::new("two", None, vec![judged]).expect("a release");
        let error = Release::merge("all", &[one.clone(), two]).expect_err("two opinions").to_string();
        assert_eq!(error, "the episode b is not the same in one and two: layers, rights differ");
        let other_file = Release::new("three", None, vec![episode("a", b"anew")]).expect("a release");
        assert!(matches!(Release::merge("all", &[one, other_file]), Err(Error::Conflict { .. })));
    }

    #[test]
    fn what_is_left_out_is_said_and_must_be_there() {
        let one = release("one", &["a", "b", "c"]);
        let less = one.without("less", &[EpisodeId::new("b")]).expect("a release");
        assert_eq!(ids(&less), ["a", "c"]);
        assert_eq!(
            (less.query.as_deref(), less.parents.as_slice()),
            (Some("without b"), &[one.digest()][..])
        );
        assert!(matches!(one.without("less", &[EpisodeId::new("x")]), Err(Error::Absent { .. })));
        let all = ["a", "b", "c"].map(EpisodeId::new);
        assert!(matches!(one.without("less", &all), Err(Error::Empty)));
    }

    #[test]
    fn a_split_loses_none_and_depends_on_ids_alone() {
        let names: Vec<String> = (0..103).map(|number| format!("take-{number:03}")).collect();
        let whole = release("whole", &names.iter().map(String::as_str).collect::<Vec<_>>());
        let parts = [("train", 0.8), ("val", 0.1), ("test", 0.1)]
            .map(|(name, share)| Part { name: name.to_owned(), share });
        let split = whole.split(&parts, 7).expect("three releases");
        assert_eq!(split.iter().map(|part| part.episodes.len()).collect::<Vec<_>>(), [82, 11, 10]);
        let together = Release::merge("whole", &split).expect("a release");
        assert!(whole.difference(&together).is_empty());
        assert_eq!(split, whole.split(&parts, 7).expect("the same"));
        assert_ne!(split, whole.split(&parts, 8).expect("others"));
        for shares in [[0.5, 0.4], [1.5, -0.5], [f64::NAN, 1.0]] {
            let parts = shares.map(|share| Part { name: "part".to_owned(), share });
            assert!(matches!(whole.split(&parts, 1), Err(Error::Shares { .. })), "{shares:?}");
        }
    }

    #[test]
    fn a_split_by_task_names_the_tasks() {
        let mut cup = episode("b", b"b");
        cup.task = Some(TaskId::new("cup"));
        let mut none = episode("c", b"c");
        none.task = None;
        let whole = Release::new("r", None, vec![episode("a", b"a"), cup, none]).expect("a release");
        let split = whole.split_by(SplitBy::Task).expect("three releases");
        let names: Vec<&str> = split.iter().map(|part| part.name.as_str()).collect();
        assert_eq!(names, ["r-cup", "r-lift_can", "r-unknown"]);
        assert_eq!(ids(&split[1]), ["a"]);
    }

    #[test]
    fn rows_that_are_stated_go_along_and_do_not_mix() {
        let one = release("one", &["a", "b"]);
        let rows = Rows { fps: 10, max_age: None, rules: BTreeMap::new(), stale: Stale::Drop };
        let ten = one.resampled("ten", rows.clone()).expect("a release");
        assert_eq!(Release::from_json(&ten.to_json()).expect("own text"), ten);
        assert_eq!(ten.without("less", &[EpisodeId::new("b")]).expect("a release").rows, Some(rows));
        assert!(one.difference(&ten).rows && !one.difference(&ten).is_empty());
        let error = Release::merge("both", &[one, ten]).expect_err("two rates").to_string();
        assert!(error.contains("one and ten do not state the same rows"), "{error}");
    }

    #[test]
    fn a_difference_is_told_by_take() {
        let one = release("one", &["a", "b"]);
        let two =
            Release::new("two", None, vec![episode("b", b"anew"), episode("c", b"c")]).expect("a release");
        let found = one.difference(&two);
        assert_eq!((found.added.len(), found.removed.len()), (1, 1));
        assert_eq!(found.changed, [Change { episode: EpisodeId::new("b"), what: vec!["file"] }]);
    }
}
