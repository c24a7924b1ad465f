//! Folders that appear whole, episodes that are what the release says, and a dataset for each card.

use super::error::Error;
use crate::files;
use crate::problem::Problem;
use crate::release::Release;
use etude_episode::Episode;
use etude_model::{Digest, Label};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// An episode to be exported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportEpisode {
    /// Its file.
    pub path: PathBuf,
    /// Its digest; a file that has another is refused.
    pub digest: Digest,
    /// What it is said to show, over what it says itself.
    pub label: Option<Label>,
}

impl ExportEpisode {
    /// A file without a label.
    pub fn new(path: impl Into<PathBuf>, digest: Digest) -> Self {
        Self { path: path.into(), digest, label: None }
    }
}

/// Labels by their layers' digests.
pub type Labels = BTreeMap<Digest, Label>;

/// Where an export takes its episodes from, one after another; none before it is its turn.
pub trait Episodes {
    /// How many there are.
    fn count(&self) -> usize;

    /// The next one and its digest; `None` after the last. What could not be had is left out and said.
    fn next(&mut self, problems: &mut Vec<Problem>) -> Result<Option<(Episode, Digest)>, Error>;
}

/// Hands over every episode; `progress` is called with those done and all.
pub fn each<E: From<Error>>(
    episodes: &mut dyn Episodes,
    problems: &mut Vec<Problem>,
    progress: &mut dyn FnMut(usize, usize),
    mut take: impl FnMut(Episode, Digest, &mut Vec<Problem>) -> Result<(), E>,
) -> Result<(), E> {
    let all = episodes.count();
    progress(0, all);
    let mut done = 0;
    while let Some((episode, digest)) = episodes.next(problems)? {
        take(episode, digest, problems)?;
        done += 1;
        progress(done, all);
    }
    Ok(())
}

/// Episodes that lie in files.
#[derive(Clone, Debug)]
pub struct Filed<'e> {
    episodes: &'e [ExportEpisode],
    place: usize,
}

impl<'e> Filed<'e> {
    /// These, in this order.
    pub const fn new(episodes: &'e [ExportEpisode]) -> Self {
        Self { episodes, place: 0 }
    }
}

impl Episodes for Filed<'_> {
    fn count(&self) -> usize {
        self.episodes.len()
    }

    fn next(&mut self, _: &mut Vec<Problem>) -> Result<Option<(Episode, Digest)>, Error> {
        let Some(episode) = self.episodes.get(self.place) else { return Ok(None) };
        self.place += 1;
        Ok(Some((open(episode)?, episode.digest)))
    }
}

/// The episodes of a release that share one card, and so one shape of rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Where their dataset goes.
    pub folder: PathBuf,
    /// Vendor and model.
    pub embodiment: String,
    /// The episodes, in the release's order.
    pub episodes: Vec<ExportEpisode>,
}

/// A dataset per card: `out` itself where the episodes have one card, `out/<embodiment>` where several. `root`: the
/// centre's folder; `labels`: every label that the release names.
pub fn by_card(release: &Release, root: &Path, labels: &Labels, out: &Path) -> Result<Vec<Group>, Error> {
    let mut cards: BTreeMap<Digest, (String, Vec<ExportEpisode>)> = BTreeMap::new();
    for episode in &release.episodes {
        let path = episode.path_in(root).map_err(|error| Error::content(root, error.to_string()))?;
        let group = cards.entry(episode.card).or_insert_with(|| (episode.embodiment.clone(), Vec::new()));
        let label = match episode.label() {
            Some(layer) => Some(labels.get(&layer.digest).cloned().ok_or_else(|| {
                let id = &episode.episode;
                Error::content(root, format!("the label {} of the episode {id} is not given", layer.digest))
            })?),
            None => None,
        };
        group.1.push(ExportEpisode { path, digest: episode.digest, label });
    }
    let folders = folders(&cards, out);
    let group = |(folder, (embodiment, episodes))| Group { folder, embodiment, episodes };
    Ok(folders.into_iter().zip(cards.into_values()).map(group).collect())
}

/// A folder per card, named after the embodiment; with a part of the digest where two cards have one name.
fn folders(cards: &BTreeMap<Digest, (String, Vec<ExportEpisode>)>, out: &Path) -> Vec<PathBuf> {
    if cards.len() == 1 {
        return vec![out.to_owned()];
    }
    let slug = |title: &str| -> String {
        title.to_lowercase().chars().map(|c| if c.is_alphanumeric() { c } else { '_' }).collect()
    };
    let name = |digest: &Digest, title: &str| {
        let same = cards.values().filter(|(other, _)| slug(other) == slug(title)).count();
        if same > 1 { format!("{}_{}", slug(title), digest.short()) } else { slug(title) }
    };
    cards.iter().map(|(digest, (title, _))| out.join(name(digest, title))).collect()
}

/// Opens an episode whose bytes are those of its digest, under its label.
pub fn open(episode: &ExportEpisode) -> Result<Episode, Error> {
    let found = files::digest_file(&episode.path).map_err(Error::file("reading", &episode.path))?;
    if found != episode.digest {
        return Err(Error::Mixed {
            subject: episode.path.display().to_string(),
            expected: format!("the digest {}", episode.digest),
            found: found.to_string(),
        });
    }
    let opened = Episode::open(&episode.path)
        .map_err(|error| Error::Episode { path: episode.path.clone(), message: error.to_string() })?;
    Ok(match &episode.label {
        Some(label) => opened.labelled(label),
        None => opened,
    })
}

/// Lets `write` fill a folder beside `out` and gives it the name `out` when it is whole; `out` must not exist or be
/// empty. Nothing is left behind where it fails.
pub fn into_new_folder<T, E: From<Error>>(
    out: &Path,
    write: impl FnOnce(&Path) -> Result<T, E>,
) -> Result<T, E> {
    let is_free = fs::read_dir(out).map_or(!out.exists(), |mut entries| entries.next().is_none());
    if !is_free {
        return Err(Error::Exists { path: out.to_owned() }.into());
    }
    if let Some(parent) = out.parent() {
        fs::create_dir_all(parent).map_err(Error::file("making the folder", parent))?;
    }
    let temporary = files::temporary_beside(out);
    let written = write(&temporary).and_then(|written| {
        if out.exists() {
            fs::remove_dir(out).map_err(Error::file("replacing the empty folder", out))?;
        }
        fs::rename(&temporary, out).map_err(Error::file("naming the dataset", out))?;
        Ok(written)
    });
    if written.is_err() {
        drop(fs::remove_dir_all(&temporary));
    }
    written
}
