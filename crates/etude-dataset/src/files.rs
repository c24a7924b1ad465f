//! Files that appear whole or not at all, and their digests.

use etude_model::Digest;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes read at a time.
const BLOCK: usize = 256 * 1024;

/// The digest of a file, read block by block.
pub fn digest_file(path: &Path) -> io::Result<Digest> {
    let mut file = File::open(path)?;
    let mut hasher = blake3::Hasher::new();
    let mut block = vec![0; BLOCK];
    loop {
        let read = file.read(&mut block)?;
        if read == 0 {
            return Ok(Digest::from(hasher.finalize()));
        }
        hasher.update(block.get(..read).unwrap_or_default());
    }
}

/// Copies a file to a new name and returns the digest of what was copied, with its length in bytes; the copy is on
/// the disk when this returns.
pub fn copy_with_digest(from: &Path, to: &Path) -> io::Result<(Digest, u64)> {
    let mut source = File::open(from)?;
    let mut target = OpenOptions::new().write(true).create_new(true).open(to)?;
    let mut hasher = blake3::Hasher::new();
    let mut block = vec![0; BLOCK];
    let mut total = 0;
    loop {
        let read = source.read(&mut block)?;
        let Some(bytes) = block.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
        hasher.update(bytes);
        target.write_all(bytes)?;
        total += read as u64;
    }
    target.sync_all()?;
    Ok((Digest::from(hasher.finalize()), total))
}

/// A name beside `path` that nothing bears yet; the same folder, so that a rename is atomic.
///
/// Names hold the process's number and a counter; a leftover of an earlier process is stepped over.
pub fn temporary_beside(path: &Path) -> PathBuf {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    loop {
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let candidate = path.with_file_name(format!(".{name}.{}.{number}.tmp", std::process::id()));
        if !candidate.exists() {
            return candidate;
        }
    }
}

/// Whether a file's name is one of [`temporary_beside`]'s: a leftover of work that was cut off.
pub fn is_temporary(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy());
    name.is_some_and(|name| name.starts_with('.') && name.ends_with(".tmp"))
}

/// Writes a file so that it is there whole or not at all, replacing what stood there.
pub fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = write_temporary(path, bytes)?;
    fs::rename(&temporary, path).inspect_err(|_| drop(fs::remove_file(&temporary)))?;
    sync_folder(path)
}

/// Writes a file whole or not at all and fails with [`io::ErrorKind::AlreadyExists`] where one stands.
pub fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = write_temporary(path, bytes)?;
    let linked = fs::hard_link(&temporary, path);
    fs::remove_file(&temporary)?;
    linked?;
    sync_folder(path)
}

/// Makes a rename or link into this file's folder durable.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

fn write_temporary(path: &Path, bytes: &[u8]) -> io::Result<PathBuf> {
    let temporary = temporary_beside(path);
    let mut file = OpenOptions::new().write(true).create_new(true).open(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    Ok(temporary)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_means_new_and_leaves_nothing_behind() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.json");
        write_new(&path, b"one").expect("first");
        let error = write_new(&path, b"two").expect_err("second");
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).expect("file"), b"one");
        write_whole(&path, b"three").expect("replace");
        assert_eq!(digest_file(&path).expect("digest"), Digest::of(b"three"));
        assert_eq!(fs::read_dir(folder.path()).expect("folder").count(), 1);
    }

    #[test]
    fn temporary_names_are_recognised() {
        assert!(is_temporary(&temporary_beside(Path::new("/a/b.mcap"))));
        assert!(!is_temporary(Path::new("/a/b.mcap")));
    }
}
