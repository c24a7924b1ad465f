//! A centre: a folder with episodes, layers, releases and the catalogue over them; blocking, for commands.
//!
//! Every addition puts its file in place first and writes its row after, so a crash between the two leaves a file that
//! the next attempt finds and adopts, never a row without its file.

mod release;

use crate::catalogue::Catalogue;
use crate::error::Error;
use crate::filter::Filter;
use crate::layout::{Layout, SCHEMA, Settings};
use crate::record::{EpisodeRow, NewEpisode, Page, ReleaseRow, VerdictLayer, VerdictRow};
use etude_dataset::files;
use etude_model::{Digest, Manifest};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// Largest `centre.toml` that is read, in bytes.
const SETTINGS_MAX: u64 = 64 * 1024;

/// A centre that is open.
#[derive(Debug)]
pub struct Centre {
    layout: Layout,
    settings: Settings,
    catalogue: Catalogue,
    runtime: tokio::runtime::Runtime,
}

/// What becomes of a file that is filed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intake {
    /// It stays where it is and a copy is filed.
    Copy,
    /// It goes into the centre; where both are on one disk, nothing is copied.
    Move,
}

/// What came of filing an episode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Added {
    /// The digest it is filed under.
    pub digest: Digest,
    /// Whether it is new; `false`: the same file was there before.
    pub is_new: bool,
}

/// What a comparison of files and rows found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Audit {
    /// Episodes whose file was read and is what its digest says.
    pub sound: u64,
    /// Rows whose file is missing.
    pub missing: Vec<Digest>,
    /// Rows whose file has another digest.
    pub changed: Vec<Digest>,
    /// Files without a row: filing was cut off, or somebody put them there.
    pub unlisted: Vec<PathBuf>,
    /// Leftovers of filing that was cut off; they may be deleted.
    pub temporary: Vec<PathBuf>,
}

impl Centre {
    /// Opens the centre in this folder, and makes one where the folder is empty or absent.
    pub fn create_or_open(path: &Path) -> Result<Self, Error> {
        let layout = Layout::new(path);
        for folder in [layout.episodes(), layout.layers(), layout.releases()] {
            fs::create_dir_all(&folder).map_err(Error::file("making the folder", &folder))?;
        }
        if !layout.settings().exists() {
            let name = path
                .file_name()
                .map_or_else(|| "centre".to_owned(), |name| name.to_string_lossy().into_owned());
            let text = toml::to_string(&Settings { schema: SCHEMA, name }).expect("settings are plain data");
            match files::write_new(&layout.settings(), text.as_bytes()) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                    return Err(Error::file("making the settings", &layout.settings())(error));
                }
                _ => {}
            }
        }
        Self::open(path)
    }

    /// Opens the centre in this folder.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let layout = Layout::new(path);
        let settings = read_settings(&layout)?;
        let lock_path = layout.lock();
        let lock = File::create(&lock_path).map_err(Error::file("opening the lock", &lock_path))?;
        lock.lock().map_err(Error::file("waiting for the lock", &lock_path))?;
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().build().map_err(Error::Runtime)?;
        let catalogue = runtime.block_on(Catalogue::open(&layout.catalogue()))?;
        Ok(Self { layout, settings, catalogue, runtime })
    }

    /// The paths of the centre.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// What people call the centre.
    pub fn name(&self) -> &str {
        &self.settings.name
    }

    /// Files an episode. The same file twice is no error; the same take with other content is.
    ///
    /// `now_us`: µs since 1970-01-01 UTC.
    pub fn add(&self, file: &Path, intake: Intake, new: &NewEpisode, now_us: i64) -> Result<Added, Error> {
        let (digest, bytes) = self.place(file, intake, new)?;
        let is_new = self.runtime.block_on(self.catalogue.add(new, digest, bytes, now_us))?;
        if intake == Intake::Move && !is_same_file(file, &self.layout.episode(&digest)) {
            fs::remove_file(file).map_err(Error::file("removing the file that was filed", file))?;
        }
        Ok(Added { digest, is_new })
    }

    /// Brings the file to its place and returns its digest and length; the row comes after.
    fn place(&self, file: &Path, intake: Intake, new: &NewEpisode) -> Result<(Digest, u64), Error> {
        let staging = files::temporary_beside(&self.layout.episodes().join("incoming.mcap"));
        let failed = |error| {
            drop(fs::remove_file(&staging));
            Error::file("filing the episode", file)(error)
        };
        let linked = intake == Intake::Move && fs::hard_link(file, &staging).is_ok();
        let (digest, bytes) = if linked {
            let digest = files::digest_file(&staging).map_err(failed)?;
            (digest, fs::metadata(&staging).map_err(failed)?.len())
        } else {
            files::copy_with_digest(file, &staging).map_err(failed)?
        };
        let checked = self.check_digest(file, new, digest);
        let placed = checked.and_then(|()| {
            let target = self.layout.episode(&digest);
            let folder = target.parent().expect("an episode's path has a folder");
            fs::create_dir_all(folder)?;
            match fs::hard_link(&staging, &target) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error.into()),
                _ => Ok(files::sync_folder(&target)?),
            }
        });
        fs::remove_file(&staging).map_err(Error::file("removing a temporary file", &staging))?;
        match placed {
            Ok(()) => Ok((digest, bytes)),
            Err(Refusal::Store(error)) => Err(*error),
            Err(Refusal::Io(error)) => Err(Error::file("filing the episode", file)(error)),
        }
    }

    /// Refuses a file that is not what it is said to be, or whose take is filed with other content.
    fn check_digest(&self, file: &Path, new: &NewEpisode, digest: Digest) -> Result<(), Refusal> {
        if let Some(expected) = new.digest.filter(|expected| *expected != digest) {
            let path = file.to_owned();
            return Err(Refusal::Store(Box::new(Error::Changed { path, expected, found: digest })));
        }
        let episode = new.manifest.episode.as_str();
        let known = self.runtime.block_on(self.catalogue.digest_of(episode));
        match known.map_err(|error| Refusal::Store(Box::new(error)))? {
            Some(known) if known != digest => {
                let episode = episode.to_owned();
                Err(Refusal::Store(Box::new(Error::Conflict { episode, known, found: digest })))
            }
            _ => Ok(()),
        }
    }

    /// Files a verdict as a layer; it becomes the episode's latest. Returns the layer's digest.
    pub fn add_verdict(&self, layer: &VerdictLayer, now_us: i64) -> Result<Digest, Error> {
        self.episode(layer.episode)?;
        let digest = self.write_layer(&layer.to_json())?;
        self.runtime.block_on(self.catalogue.add_verdict(layer, digest, now_us))?;
        Ok(digest)
    }

    /// Writes a layer's file under its digest; the same one again is no error.
    fn write_layer(&self, text: &str) -> Result<Digest, Error> {
        let digest = Digest::of(text.as_bytes());
        let path = self.layout.layer(&digest);
        let folder = path.parent().expect("a layer's path has a folder");
        fs::create_dir_all(folder).map_err(Error::file("making the folder", folder))?;
        match files::write_new(&path, text.as_bytes()) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                Err(Error::file("writing the layer", &path)(error))
            }
            _ => Ok(digest),
        }
    }

    /// A verdict with its measurements, by the layer's digest.
    pub fn verdict(&self, layer: Digest) -> Result<VerdictLayer, Error> {
        let path = self.layout.layer(&layer);
        let text = fs::read_to_string(&path).map_err(Error::file("reading the layer", &path))?;
        serde_json::from_str(&text).map_err(|error| Error::Settings { path, message: error.to_string() })
    }

    /// Every verdict on an episode, oldest first.
    pub fn verdicts(&self, digest: Digest) -> Result<Vec<VerdictRow>, Error> {
        self.runtime.block_on(self.catalogue.verdicts(digest))
    }

    /// Episodes sorted by id.
    pub fn list(&self, filter: &Filter, page: &Page) -> Result<Vec<EpisodeRow>, Error> {
        self.runtime.block_on(self.catalogue.list(filter, page))
    }

    /// How many episodes are meant.
    pub fn count(&self, filter: &Filter) -> Result<u64, Error> {
        self.runtime.block_on(self.catalogue.count(filter))
    }

    /// One episode.
    pub fn episode(&self, digest: Digest) -> Result<EpisodeRow, Error> {
        self.runtime.block_on(self.catalogue.episode(digest))
    }

    /// One episode's manifest.
    pub fn manifest(&self, digest: Digest) -> Result<Manifest, Error> {
        self.runtime.block_on(self.catalogue.manifest(digest))
    }

    /// Every release, sorted by name.
    pub fn releases(&self) -> Result<Vec<ReleaseRow>, Error> {
        self.runtime.block_on(self.catalogue.releases())
    }

    /// Compares files and rows; with `read`, every file's digest too.
    pub fn audit(&self, read: bool) -> Result<Audit, Error> {
        let mut audit = Audit::default();
        let mut listed = BTreeSet::new();
        self.for_each(&Filter::all(), |row| {
            let path = self.layout.episode(&row.digest);
            if !path.exists() {
                audit.missing.push(row.digest);
            } else if read
                && files::digest_file(&path).map_err(Error::file("reading the episode", &path))? != row.digest
            {
                audit.changed.push(row.digest);
            } else {
                audit.sound += 1;
            }
            listed.insert(path);
            Ok(())
        })?;
        walk(&self.layout.episodes(), &mut |path| {
            if files::is_temporary(&path) {
                audit.temporary.push(path);
            } else if !listed.contains(&path) {
                audit.unlisted.push(path);
            }
        })?;
        audit.unlisted.sort();
        audit.temporary.sort();
        Ok(audit)
    }

    /// Calls for every episode that is meant, page by page.
    fn for_each(
        &self,
        filter: &Filter,
        mut call: impl FnMut(EpisodeRow) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut page = Page::first(1000);
        loop {
            let rows = self.list(filter, &page)?;
            let Some(last) = rows.last() else { return Ok(()) };
            page.after = Some(last.episode.clone());
            rows.into_iter().try_for_each(&mut call)?;
        }
    }
}

impl Drop for Centre {
    fn drop(&mut self) {
        self.runtime.block_on(self.catalogue.close());
    }
}

/// Why a file was not placed.
enum Refusal {
    Store(Box<Error>),
    Io(io::Error),
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

fn read_settings(layout: &Layout) -> Result<Settings, Error> {
    let path = layout.settings();
    let length = match fs::metadata(&path) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(Error::NoCentre { path: layout.root().to_owned() });
        }
        Err(error) => return Err(Error::file("reading the settings", &path)(error)),
    };
    if length > SETTINGS_MAX {
        let message = format!("has {length} bytes, expected at most {SETTINGS_MAX}");
        return Err(Error::Settings { path, message });
    }
    let text = fs::read_to_string(&path).map_err(Error::file("reading the settings", &path))?;
    let settings: Settings = toml::from_str(&text)
        .map_err(|error| Error::Settings { path: path.clone(), message: error.to_string() })?;
    if settings.schema != SCHEMA {
        let message = format!("has schema {}, expected {SCHEMA}", settings.schema);
        return Err(Error::Settings { path, message });
    }
    Ok(settings)
}

fn is_same_file(a: &Path, b: &Path) -> bool {
    match (fs::canonicalize(a), fs::canonicalize(b)) {
        (Ok(a), Ok(b)) => a == b,
        _ => false,
    }
}

/// Calls for every file below a folder.
fn walk(folder: &Path, call: &mut dyn FnMut(PathBuf)) -> Result<(), Error> {
    for entry in fs::read_dir(folder).map_err(Error::file("listing the folder", folder))? {
        let entry = entry.map_err(Error::file("listing the folder", folder))?;
        let kind = entry.file_type().map_err(Error::file("listing the folder", folder))?;
        if kind.is_dir() {
            walk(&entry.path(), call)?;
        } else {
            call(entry.path());
        }
    }
    Ok(())
}
