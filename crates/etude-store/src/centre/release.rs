//! Releases of a centre: made from a question, never changed.

use super::Centre;
use crate::error::Error;
use crate::filter::Filter;
use crate::layout::Layout;
use crate::record::{EpisodeRow, ReleaseRow};
use etude_dataset::files;
use etude_dataset::release::{LayerRef, Release, ReleaseEpisode, check_name};
use etude_model::Digest;
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
