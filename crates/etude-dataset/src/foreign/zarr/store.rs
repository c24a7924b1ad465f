//! Where the values of a zarr store are: files of a folder, or members of a zip that is not compressed.

use super::super::error::Error;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use zip::ZipArchive;
use zip::result::ZipError;

/// The largest value that is read, bytes.
const MAX_VALUE_BYTES: u64 = 256 << 20;
/// The largest zip directory, bytes a member at least 46; so many members.
const MAX_MEMBERS: usize = 4 << 20;
/// Entries of a folder.
const MAX_ENTRIES: usize = 100_000;

/// A store.
pub(super) enum Store {
    Folder(PathBuf),
    Zip(PathBuf, Box<ZipArchive<BufReader<File>>>),
}

impl Store {
    pub(super) fn open(root: &Path) -> Result<Self, Error> {
        if root.is_dir() {
            return Ok(Self::Folder(root.to_owned()));
        }
        let file = File::open(root).map_err(Error::file("opening", root))?;
        let archive = ZipArchive::new(BufReader::new(file))
            .map_err(|error| Error::content(root, "a zip of zarr arrays", error.to_string()))?;
        if archive.len() > MAX_MEMBERS {
            return Err(Error::content(
                root,
                format!("at most {MAX_MEMBERS} members"),
                archive.len().to_string(),
            ));
        }
        Ok(Self::Zip(root.to_owned(), Box::new(archive)))
    }

    pub(super) const fn is_zip(&self) -> bool {
        matches!(self, Self::Zip(..))
    }

    /// A value; `None` where the store has none of this key.
    pub(super) fn read(&mut self, key: &str) -> Result<Option<Vec<u8>>, String> {
        let mut bytes = Vec::new();
        let failed = |error: std::io::Error| format!("{key}: {error}");
        match self {
            Self::Folder(root) => {
                let file = match File::open(root.join(key)) {
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
                    file => file.map_err(failed)?,
                };
                file.take(MAX_VALUE_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
            }
            Self::Zip(_, archive) => {
                let member = match archive.by_name(key) {
                    Err(ZipError::FileNotFound) => return Ok(None),
                    member => member.map_err(|error| format!("{key}: {error}"))?,
                };
                member.take(MAX_VALUE_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
            }
        }
        if bytes.len() as u64 > MAX_VALUE_BYTES {
            return Err(format!("{key}: expected at most {MAX_VALUE_BYTES} bytes, found more"));
        }
        Ok(Some(bytes))
    }

    /// The arrays of a group, by name, in order.
    pub(super) fn arrays(&self, group: &str) -> Vec<String> {
        let mut found = BTreeSet::new();
        match self {
            Self::Folder(root) => {
                let entries = fs::read_dir(root.join(group)).into_iter().flatten().take(MAX_ENTRIES);
                for entry in entries.flatten() {
                    if entry.path().join(".zarray").is_file() {
                        found.insert(format!("{group}/{}", entry.file_name().to_string_lossy()));
                    }
                }
            }
            Self::Zip(_, archive) => {
                let inner = |name: &str| {
                    let name = name.strip_suffix("/.zarray")?;
                    let rest = name.strip_prefix(group)?.strip_prefix('/')?;
                    (!rest.contains('/')).then(|| name.to_owned())
                };
                found.extend(archive.file_names().filter_map(inner));
            }
        }
        found.into_iter().collect()
    }

    /// The file of a value, where it has one of its own.
    pub(super) fn file_of(&self, key: &str) -> Option<PathBuf> {
        match self {
            Self::Folder(root) => Some(root.join(key)).filter(|path| path.is_file()),
            Self::Zip(..) => None,
        }
    }

    /// The file of the store, or those that describe these arrays.
    pub(super) fn files_of(&self, arrays: &[&str]) -> Vec<PathBuf> {
        match self {
            Self::Folder(_) => arrays
                .iter()
                .flat_map(|array| [format!("{array}/.zarray"), format!("{array}/0")])
                .filter_map(|key| self.file_of(&key))
                .collect(),
            Self::Zip(root, _) => vec![root.clone()],
        }
    }
}
