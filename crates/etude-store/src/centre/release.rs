//! Releases of a centre: made from a question, never changed.

use super::Centre;
use crate::error::Error;
use crate::filter::Filter;
use crate::layout::Layout;
use crate::record::{EpisodeRow, ReleaseRow};
use etude_dataset::Problem;
use etude_dataset::export::Labels;
use etude_dataset::files;
use etude_dataset::release::{LayerRef, Release, ReleaseEpisode, check_name};
use etude_model::id::EpisodeId;
use etude_model::{Digest, Label};
use std::collections::BTreeMap;
use std::fs;
use std::io;

impl Centre {
    /// Makes a release of the episodes that are meant, with their latest verdicts. The same question over the same
    /// episodes gives the same release; making it again is no error.
    ///
    /// `now_us`: µs since 1970-01-01 UTC.
    pub fn create_release(&self, name: &str, filter: &Filter, now_us: i64) -> Result<Release, Error> {
        check_name(name)?;
        let mut episodes = Vec::new();
        self.for_each(filter, |row| {
            episodes.push(self.release_episode(&row)?);
            Ok(())
        })?;
        let release = Release::new(name, filter.text().map(str::to_owned), episodes)?;
        self.add_release(&release, now_us)?;
        Ok(release)
    }

    /// Files a release that was made elsewhere, or of others. The same one again is no error; another one of its name is.
    ///
    /// `now_us`: µs since 1970-01-01 UTC.
    pub fn add_release(&self, release: &Release, now_us: i64) -> Result<(), Error> {
        let name = &release.name;
        check_name(name)?;
        let (text, digest) = (release.to_json(), release.digest());
        let path = self.layout.release(name);
        match files::write_new(&path, text.as_bytes()) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let known = files::digest_file(&path).map_err(Error::file("reading the release", &path))?;
                if known != digest {
                    return Err(Error::ReleaseExists { name: name.clone(), known });
                }
            }
            Err(error) => return Err(Error::file("writing the release", &path)(error)),
        }
        self.runtime.block_on(self.catalogue.add_release(&ReleaseRow {
            name: name.clone(),
            digest,
            query: release.query.clone(),
            episodes: release.episodes.len() as i64,
            created_us: now_us,
        }))?;
        Ok(())
    }

    /// A release by its name; refused where its file is no longer what was filed.
    pub fn release(&self, name: &str) -> Result<Release, Error> {
        check_name(name)?;
        let path = self.layout.release(name);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(Error::NoRelease(name.to_owned()));
            }
            Err(error) => return Err(Error::file("reading the release", &path)(error)),
        };
        let found = Digest::of(text.as_bytes());
        let rows = self.releases()?;
        let row =
            rows.iter().find(|row| row.name == name).ok_or_else(|| Error::NoRelease(name.to_owned()))?;
        if row.digest != found {
            return Err(Error::Changed { path, expected: row.digest, found });
        }
        Ok(Release::from_json(&text)?)
    }

    /// Makes and files a release in which these episodes are labelled anew: with what `change` says, and where it says
    /// nothing, with what their labels said before. `change` names no episode yet.
    ///
    /// `now_us`: µs since 1970-01-01 UTC.
    pub fn relabel(
        &self,
        release: &Release,
        name: &str,
        episodes: &[EpisodeId],
        change: impl Fn(Digest) -> Label,
        now_us: i64,
    ) -> Result<Release, Error> {
        check_name(name)?;
        let before = self.labels(release)?;
        let mut labels = BTreeMap::new();
        for id in episodes {
            let own = release.episodes.iter().find(|own| own.episode == *id);
            let Some(own) = own else {
                let (episode, release) = (id.clone(), release.name.clone());
                return Err(etude_dataset::release::Error::Absent { episode, release }.into());
            };
            let label = change(own.digest);
            let earlier = own.label().and_then(|layer| before.get(&layer.digest));
            labels.insert(id.clone(), earlier.map_or(label.clone(), |earlier| label.over(earlier)));
        }
        let made = release.relabelled(name, &labels)?;
        for label in labels.values() {
            self.write_layer(&label.to_json())?;
        }
        self.add_release(&made, now_us)?;
        Ok(made)
    }

    /// Every label that a release names.
    pub fn labels(&self, release: &Release) -> Result<Labels, Error> {
        let layers = release.episodes.iter().filter_map(ReleaseEpisode::label);
        layers.map(|layer| Ok((layer.digest, self.label(layer.digest)?))).collect()
    }

    /// Reads every episode and every layer of a release and compares them with their digests; says what is missing or changed.
    pub fn verify(&self, release: &Release) -> Vec<Problem> {
        let mut problems = release.verify(self.layout.root());
        for layer in release.episodes.iter().flat_map(|episode| &episode.layers) {
            let path = self.layout.layer(&layer.digest);
            let message = match files::digest_file(&path) {
                Ok(found) if found == layer.digest => continue,
                Ok(found) => format!("expected the digest {}, found {found}", layer.digest),
                Err(error) => format!("the {} cannot be read: {error}", layer.kind),
            };
            problems.push(Problem::loss(path.display().to_string(), message));
        }
        problems
    }

    fn label(&self, layer: Digest) -> Result<Label, Error> {
        let path = self.layout.layer(&layer);
        let text = fs::read_to_string(&path).map_err(Error::file("reading the label", &path))?;
        let found = Digest::of(text.as_bytes());
        if found != layer {
            return Err(Error::Changed { path, expected: layer, found });
        }
        serde_json::from_str(&text).map_err(|error| Error::Settings { path, message: error.to_string() })
    }

    fn release_episode(&self, row: &EpisodeRow) -> Result<ReleaseEpisode, Error> {
        let manifest = self.manifest(row.digest)?;
        let layers = match (row.verdict, &row.rules) {
            (Some(digest), Some(rules)) => {
                vec![LayerRef { kind: "verdict".to_owned(), version: rules.clone(), digest }]
            }
            _ => Vec::new(),
        };
        Ok(ReleaseEpisode {
            digest: row.digest,
            episode: row.episode.clone(),
            file: Layout::episode_file(&row.digest),
            task: manifest.task,
            embodiment: manifest.embodiment,
            card: manifest.card,
            origin: manifest.origin,
            duration_us: row.duration_us,
            layers,
            rights: manifest.rights,
        })
    }
}
