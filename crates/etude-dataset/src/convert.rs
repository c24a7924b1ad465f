//! From one foreign format straight into another: each recording becomes an episode, which the export takes and which is gone
//! before the next one is read.
//!
//! So a conversion holds one episode on disk, whatever the source's size, and keeps exactly what an import and an export keep.

use crate::export::{Episodes, Error};
use crate::files;
use crate::foreign;
#[cfg(feature = "ffmpeg")]
use crate::lerobot;
use crate::problem::Problem;
use etude_episode::Episode;
use etude_model::Digest;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// What an import came to: the episode's digest and what was lost or odd; or why it failed.
type Made = Result<(Digest, Vec<Problem>), String>;
/// Writes the recording at a place of the source to a file.
type Import<'i> = Box<dyn FnMut(usize, &Path) -> Made + 'i>;

/// The recordings of a source as episodes.
pub struct Conversion<'i> {
    import: Import<'i>,
    /// Place in the source and name of those that are still to come, the next one last.
    ahead: Vec<(usize, String)>,
    count: usize,
    file: PathBuf,
}

impl<'i> Conversion<'i> {
    /// Recordings that come in by a mapping, without those named in `without`. Episodes lie beside `out` while they last.
    pub fn of_recordings(
        importer: &'i foreign::Importer,
        without: &[String],
        out: &Path,
    ) -> Result<Self, Error> {
        let names = importer.source().recordings.iter().map(|recording| recording.name.clone()).collect();
        Self::new(names, without, out, move |place, file| {
            let imported = importer.import(place, file).map_err(|error| error.to_string())?;
            Ok((imported.closed.digest, imported.problems))
        })
    }

    /// Episodes of a LeRobot dataset, which are named by their numbers.
    #[cfg(feature = "ffmpeg")]
    pub fn of_lerobot(
        importer: &'i mut lerobot::Importer,
        without: &[String],
        out: &Path,
    ) -> Result<Self, Error> {
        let names = importer.source().episodes.iter().map(|episode| episode.index.to_string()).collect();
        Self::new(names, without, out, move |place, file| {
            let imported = importer.import(place, file).map_err(|error| error.to_string())?;
            Ok((imported.closed.digest, imported.problems))
        })
    }

    fn new(
        names: Vec<String>,
        without: &[String],
        out: &Path,
        import: impl FnMut(usize, &Path) -> Made + 'i,
    ) -> Result<Self, Error> {
        if let Some(absent) = without.iter().find(|name| !names.contains(name)) {
            return Err(Error::content(out, format!("the source has no episode {absent:?} to be left out")));
        }
        let taken = names.into_iter().enumerate().filter(|(_, name)| !without.contains(name));
        let mut ahead: Vec<(usize, String)> = taken.collect();
        ahead.reverse();
        if let Some(parent) = out.parent() {
            fs::create_dir_all(parent).map_err(Error::file("making the folder", parent))?;
        }
        let file = files::temporary_beside(&out.with_extension("mcap"));
        Ok(Self { import: Box::new(import), count: ahead.len(), ahead, file })
    }
}

impl Episodes for Conversion<'_> {
    fn count(&self) -> usize {
        self.count
    }

    fn next(&mut self, problems: &mut Vec<Problem>) -> Result<Option<(Episode, Digest)>, Error> {
        while let Some((place, name)) = self.ahead.pop() {
            drop(fs::remove_file(&self.file));
            match (self.import)(place, &self.file) {
                Ok((digest, met)) => {
                    problems.extend(met);
                    let file = File::open(&self.file).map_err(Error::file("opening", &self.file))?;
                    // It goes by the recording's name: its file is gone before anybody could look for it.
                    let opened = Episode::from_source(Box::new(file), name.clone());
                    return opened
                        .map(|episode| Some((episode, digest)))
                        .map_err(|error| Error::episode(&name, error.to_string()));
                }
                Err(message) => problems.push(Problem::loss(name, format!("it is not converted: {message}"))),
            }
        }
        Ok(None)
    }
}

impl Drop for Conversion<'_> {
    fn drop(&mut self) {
        drop(fs::remove_file(&self.file));
    }
}
