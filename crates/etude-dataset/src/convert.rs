//! From one foreign format straight into another: each recording becomes an episode, which the export takes and which is gone
//! before the next one is read.
//!
//! So a conversion holds one episode on disk, whatever the source's size, and keeps exactly what an import and an export keep.
//! One that may be cut off keeps them all until it is done ([`Conversion::keeping`]).

use crate::export::{Episodes, Error};
use crate::files;
use crate::foreign;
#[cfg(feature = "ffmpeg")]
use crate::lerobot;
use crate::problem::Problem;
use etude_episode::Episode;
use etude_model::Digest;
use etude_model::id::EpisodeId;
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// What an import came to: the episode's digest and what was lost or odd; or why it failed.
type Made = Result<(Digest, Vec<Problem>), String>;

/// What makes episodes of a source.
trait Intake {
    /// The id that the recording at a place will have.
    fn id(&mut self, place: usize) -> Result<EpisodeId, String>;
    /// Writes that recording to a file.
    fn import(&mut self, place: usize, file: &Path) -> Made;
    /// What the manifests name as the software.
    fn software(&self) -> &str;
}

impl Intake for &foreign::Importer {
    fn id(&mut self, place: usize) -> Result<EpisodeId, String> {
        foreign::Importer::id(self, place).map_err(|error| error.to_string())
    }

    fn import(&mut self, place: usize, file: &Path) -> Made {
        let imported = foreign::Importer::import(self, place, file).map_err(|error| error.to_string())?;
        Ok((imported.closed.digest, imported.problems))
    }

    fn software(&self) -> &str {
        foreign::Importer::software(self)
    }
}

#[cfg(feature = "ffmpeg")]
impl Intake for &mut lerobot::Importer {
    fn id(&mut self, place: usize) -> Result<EpisodeId, String> {
        lerobot::Importer::id(self, place).map_err(|error| error.to_string())
    }

    fn import(&mut self, place: usize, file: &Path) -> Made {
        let imported = lerobot::Importer::import(self, place, file).map_err(|error| error.to_string())?;
        Ok((imported.closed.digest, imported.problems))
    }

    fn software(&self) -> &str {
        lerobot::Importer::software(self)
    }
}

/// The recordings of a source as episodes.
pub struct Conversion<'i> {
    intake: Box<dyn Intake + 'i>,
    /// Place in the source and name of those that are still to come, the next one last.
    ahead: Vec<(usize, String)>,
    count: usize,
    /// The episode in the making.
    file: PathBuf,
    /// Where episodes stay, and those that do.
    kept: Option<(PathBuf, Vec<PathBuf>)>,
    /// Episodes that an earlier conversion had kept.
    found: usize,
}

/// What stands beside an episode that is kept, once it is whole.
#[derive(Serialize, Deserialize)]
struct Account {
    digest: Digest,
    software: String,
    problems: Vec<Problem>,
}

impl<'i> Conversion<'i> {
    /// Recordings that come in by a mapping, without those named in `without`. Episodes lie beside `out` while they last.
    pub fn of_recordings(
        importer: &'i foreign::Importer,
        without: &[String],
        out: &Path,
    ) -> Result<Self, Error> {
        let names = importer.source().recordings.iter().map(|recording| recording.name.clone()).collect();
        Self::new(names, without, out, Box::new(importer))
    }

    /// Episodes of a LeRobot dataset, which are named by their numbers.
    #[cfg(feature = "ffmpeg")]
    pub fn of_lerobot(
        importer: &'i mut lerobot::Importer,
        without: &[String],
        out: &Path,
    ) -> Result<Self, Error> {
        let names = importer.source().episodes.iter().map(|episode| episode.index.to_string()).collect();
        Self::new(names, without, out, Box::new(importer))
    }

    fn new(
        names: Vec<String>,
        without: &[String],
        out: &Path,
        intake: Box<dyn Intake + 'i>,
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
        Ok(Self { intake, count: ahead.len(), ahead, file, kept: None, found: 0 })
    }

    /// Keeps every episode in a folder until [`finish`](Self::finish), and takes those that are there already: of the same
    /// files, card and mapping, by the same software, whole by their digest. So what was cut off goes on.
    pub fn keeping(mut self, folder: &Path) -> Result<Self, Error> {
        fs::create_dir_all(folder).map_err(Error::file("making the folder", folder))?;
        let left = fs::read_dir(folder).map_err(Error::file("reading the folder", folder))?;
        for path in left.flatten().map(|entry| entry.path()).filter(|path| files::is_temporary(path)) {
            drop(fs::remove_file(path));
        }
        self.file = files::temporary_beside(&folder.join("episode.mcap"));
        self.kept = Some((folder.to_owned(), Vec::new()));
        Ok(self)
    }

    /// Episodes so far that an earlier conversion had kept.
    pub fn found(&self) -> usize {
        self.found
    }

    /// Removes what was kept: what it was kept for is whole.
    pub fn finish(mut self) -> Result<(), Error> {
        let Some((folder, kept)) = self.kept.take() else { return Ok(()) };
        for path in kept.iter().flat_map(|path| [path.clone(), path.with_extension("json")]) {
            fs::remove_file(&path).map_err(Error::file("removing", &path))?;
        }
        // Others' files stay, and so does their folder.
        drop(fs::remove_dir(folder));
        Ok(())
    }

    /// The episode's file, digest and problems.
    fn made(&mut self, place: usize) -> Result<(PathBuf, Digest, Vec<Problem>), String> {
        let Some((folder, _)) = &self.kept else {
            drop(fs::remove_file(&self.file));
            let (digest, problems) = self.intake.import(place, &self.file)?;
            return Ok((self.file.clone(), digest, problems));
        };
        let path = folder.join(format!("{}.mcap", self.intake.id(place)?));
        let account = path.with_extension("json");
        let software = self.intake.software().to_owned();
        let known = fs::read(&account).ok().and_then(|text| serde_json::from_slice::<Account>(&text).ok());
        let is_whole = |known: &Account| {
            known.software == software && files::digest_file(&path).is_ok_and(|digest| digest == known.digest)
        };
        let known = if let Some(known) = known.filter(is_whole) {
            self.found += 1;
            known
        } else {
            drop(fs::remove_file(&account));
            let (digest, problems) = self.intake.import(place, &self.file)?;
            fs::rename(&self.file, &path).map_err(|error| format!("{}: {error}", path.display()))?;
            let made = Account { digest, software, problems };
            let text = serde_json::to_vec(&made).map_err(|error| error.to_string())?;
            let written = fs::write(&self.file, text).and_then(|()| fs::rename(&self.file, &account));
            written.map_err(|error| format!("{}: {error}", account.display()))?;
            made
        };
        if let Some((_, kept)) = &mut self.kept {
            kept.push(path.clone());
        }
        Ok((path, known.digest, known.problems))
    }
}

impl Episodes for Conversion<'_> {
    fn count(&self) -> usize {
        self.count
    }

    fn next(&mut self, problems: &mut Vec<Problem>) -> Result<Option<(Episode, Digest)>, Error> {
        while let Some((place, name)) = self.ahead.pop() {
            match self.made(place) {
                Ok((path, digest, met)) => {
                    problems.extend(met);
                    let file = File::open(&path).map_err(Error::file("opening", &path))?;
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
