//! Where an episode's bytes go.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Takes an episode's bytes in order; nothing that was taken is ever changed.
pub trait Sink {
    /// Takes bytes, all of them or fails. After a failure some of them may have been taken.
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Returns when what was taken outlives a loss of power.
    fn sync(&mut self) -> io::Result<()>;

    /// The episode is whole: gives it its name. `sync`: as [`Sink::sync`], and the name as well.
    fn commit(&mut self, sync: bool) -> io::Result<()>;

    /// What errors call it.
    fn name(&self) -> String;
}

impl Sink for Vec<u8> {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.extend_from_slice(bytes);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn commit(&mut self, _sync: bool) -> io::Result<()> {
        Ok(())
    }

    fn name(&self) -> String {
        "memory".to_owned()
    }
}

impl<S: Sink + ?Sized> Sink for &mut S {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        (**self).write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        (**self).sync()
    }

    fn commit(&mut self, sync: bool) -> io::Result<()> {
        (**self).commit(sync)
    }

    fn name(&self) -> String {
        (**self).name()
    }
}

/// A file that is called `<path>.partial` until it is whole.
#[derive(Debug)]
pub struct FileSink {
    file: File,
    partial: PathBuf,
    path: PathBuf,
}

impl FileSink {
    /// Creates the partial file. Neither it nor the whole one may be there already: an episode is never overwritten, and
    /// a partial one is somebody's take that has yet to be recovered.
    pub fn create(path: &Path) -> io::Result<Self> {
        let partial = partial_path(path);
        refuse_existing(path)?;
        let file = OpenOptions::new().write(true).create_new(true).open(&partial)?;
        Ok(Self { file, partial, path: path.to_owned() })
    }

    /// Creates a file that is called `<path>.recovering` until it is whole, beside the partial file that it is made from.
    /// One that an earlier attempt left behind holds nothing of its own and is begun anew.
    pub(crate) fn create_recovering(path: &Path) -> io::Result<Self> {
        let partial = with_suffix(path, ".recovering");
        refuse_existing(path)?;
        let file = File::create(&partial)?;
        Ok(Self { file, partial, path: path.to_owned() })
    }
}

fn refuse_existing(path: &Path) -> io::Result<()> {
    if path.try_exists()? {
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, "an episode of this name is there already"));
    }
    Ok(())
}

/// The name of an episode's file while it is being written.
pub fn partial_path(path: &Path) -> PathBuf {
    with_suffix(path, ".partial")
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

impl Sink for FileSink {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn commit(&mut self, sync: bool) -> io::Result<()> {
        if sync {
            self.file.sync_all()?;
        }
        refuse_existing(&self.path)?;
        fs::rename(&self.partial, &self.path)?;
        if sync {
            let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
            File::open(folder.unwrap_or_else(|| Path::new(".")))?.sync_all()?;
        }
        Ok(())
    }

    fn name(&self) -> String {
        self.partial.display().to_string()
    }
}
