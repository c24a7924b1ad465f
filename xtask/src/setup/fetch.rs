//! One package out of PyPI, by digest: downloaded once per user, and the wanted parts unpacked at one blow.
//!
//! A folder appears complete or not at all, and says inside what it was made of; that file is also how the next run
//! sees that there is nothing to do.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process;

use crate::command;
use crate::failure::{Failure, Result};
use crate::place::Place;

/// Says in each folder where its content comes from.
const NOTICE: &str = "NOTICE";
const UNPACK: &str = include_str!("unpack.py");

/// How a package is published.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Wheel,
    Source,
}

/// A package and what is wanted of it.
pub(super) struct Package {
    /// As PyPI calls it.
    pub(super) name: &'static str,
    /// The file, from the workspace's root, that pins version and digest.
    pub(super) requirements: &'static str,
    pub(super) form: Form,
    /// Where it goes, below the folder for its kind.
    pub(super) folder: &'static str,
    /// What it is to us, for the line that set-up prints.
    pub(super) why: &'static str,
    /// The licence of what is kept.
    pub(super) licence: &'static str,
    /// A member of the archive (a folder ends in a slash), and its place below `folder`.
    pub(super) members: &'static [(&'static str, &'static str)],
}

/// A line of a requirements file.
struct Pin {
    version: String,
    sha256: String,
}

impl Package {
    /// Makes the package's folder below `root`, unless it is there and made of exactly this.
    pub(super) fn provide(&self, place: &Place, root: &Path) -> Result<()> {
        let pin = self.pin(&place.workspace)?;
        let folder = root.join(self.folder);
        let notice = self.notice(&pin);
        if fs::read_to_string(folder.join(NOTICE)).is_ok_and(|found| found == notice) {
            return Ok(());
        }
        let archive = self.archive(place, &pin)?;
        eprintln!("unpacking {} {} into {}", self.name, pin.version, folder.display());
        let part = beside(&folder, "part");
        self.unpack(&archive, &pin, &part)?;
        let note = part.join(NOTICE);
        fs::write(&note, notice).map_err(Failure::io(format!("write {}", note.display())))?;
        replace(&part, &folder)
    }

    /// Makes one program out of the package.
    pub(super) fn provide_file(&self, place: &Place, member: &str, file: &Path) -> Result<()> {
        let pin = self.pin(&place.workspace)?;
        let archive = self.archive(place, &pin)?;
        eprintln!("unpacking {} {} to {}", self.name, pin.version, file.display());
        let part = beside(file, "part");
        self.unpack(&archive, &pin, &part)?;
        let made = part.join(member);
        let runnable = fs::Permissions::from_mode(0o755);
        fs::set_permissions(&made, runnable)
            .and_then(|()| fs::rename(&made, file))
            .and_then(|()| fs::remove_dir_all(&part))
            .map_err(Failure::io(format!("put {} in place", file.display())))
    }

    fn pin(&self, workspace: &Path) -> Result<Pin> {
        let file = workspace.join(self.requirements);
        let text = fs::read_to_string(&file).map_err(Failure::io(format!("read {}", file.display())))?;
        pin_of(&text, self.name).ok_or_else(|| {
            Failure::new(format!("{} pins no version and SHA-256 of {}", file.display(), self.name))
        })
    }

    fn notice(&self, pin: &Pin) -> String {
        let mut notice = format!(
            "Unpacked by `cargo xtask setup` from the PyPI package {} {} (SHA-256 {}).\n\
             Licence: {}; its text is in this folder.\n\
             Holds, without changes:\n",
            self.name, pin.version, pin.sha256, self.licence
        );
        for (member, place) in self.members {
            writeln!(notice, "  {member} as ./{place}").expect("writing to a string cannot fail");
        }
        notice
    }

    /// The archive in the cache, downloaded first where it is not there.
    fn archive(&self, place: &Place, pin: &Pin) -> Result<PathBuf> {
        let downloads = place.downloads();
        fs::create_dir_all(&downloads).map_err(Failure::io(format!("make {}", downloads.display())))?;
        let stem = format!("{}-{}", self.name.replace('-', "_"), pin.version);
        if let Some(archive) = find(&downloads, &stem) {
            return Ok(archive);
        }
        eprintln!("downloading {} {} into {} ({})", self.name, pin.version, downloads.display(), self.why);
        let part = downloads.join(format!(".part-{}", process::id()));
        self.download(pin, &part)?;
        let fetched = find(&part, &stem)
            .ok_or_else(|| Failure::new(format!("pip downloaded no file {stem}* into {}", part.display())))?;
        let name = fetched.file_name().expect("a file that was found in a folder has a name");
        let archive = downloads.join(name);
        fs::rename(&fetched, &archive)
            .and_then(|()| fs::remove_dir_all(&part))
            .map_err(Failure::io(format!("put {} in place", archive.display())))?;
        Ok(archive)
    }

    fn download(&self, pin: &Pin, into: &Path) -> Result<()> {
        fs::create_dir_all(into).map_err(Failure::io(format!("make {}", into.display())))?;
        let list = into.join("requirements.txt");
        let line = format!("{}=={} --hash=sha256:{}\n", self.name, pin.version, pin.sha256);
        fs::write(&list, line).map_err(Failure::io(format!("write {}", list.display())))?;
        let mut pip = command::python();
        pip.args(["-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]);
        pip.arg("--requirement").arg(&list).arg("--dest").arg(into);
        match self.form {
            // The same wheel whatever Python is here, so that one digest serves everybody.
            Form::Wheel => pip.args([
                "--only-binary=:all:",
                "--python-version=3.11",
                "--implementation=cp",
                "--abi=cp311",
                "--platform=manylinux_2_28_x86_64",
                "--platform=manylinux_2_17_x86_64",
            ]),
            Form::Source => pip.arg(format!("--no-binary={}", self.name)),
        };
        command::run_quietly(&mut pip).map_err(|failure| {
            failure.hint(format!(
                "this needs python3 with pip and a way to PyPI; a copy of the archive put into {} serves as well",
                into.parent().unwrap_or(into).display()
            ))
        })
    }

    fn unpack(&self, archive: &Path, pin: &Pin, into: &Path) -> Result<()> {
        fs::create_dir_all(into).map_err(Failure::io(format!("make {}", into.display())))?;
        let mut unpack = command::python();
        unpack.args(["-c", UNPACK]).arg(archive).arg(&pin.sha256).arg(into);
        unpack.args(self.members.iter().map(|(member, place)| format!("{member}={place}")));
        command::run_quietly(&mut unpack)
            .map_err(|_| Failure::new(format!("cannot unpack {}", archive.display())))
            .map_err(|failure| failure.hint(format!("remove {} and run this again", archive.display())))
    }
}

/// The version and digest of `name` in a requirements file with one `--hash` per requirement.
fn pin_of(text: &str, name: &str) -> Option<Pin> {
    let joined = text.replace("\\\n", " ");
    let line = joined.lines().find(|line| line.split("==").next().is_some_and(|left| left.trim() == name))?;
    let (_, rest) = line.split_once("==")?;
    let mut words = rest.split_whitespace();
    let version = words.next()?.to_owned();
    let sha256 = words.next()?.strip_prefix("--hash=sha256:")?.to_owned();
    (sha256.len() == 64 && words.next().is_none()).then_some(Pin { version, sha256 })
}

/// The wheel or source archive in `folder` whose name begins with `stem`.
fn find(folder: &Path, stem: &str) -> Option<PathBuf> {
    let entries = fs::read_dir(folder).ok()?;
    entries.filter_map(|entry| Some(entry.ok()?.path())).find(|path| {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let rest = name.as_deref().and_then(|name| name.strip_prefix(stem));
        rest.is_some_and(|rest| rest.starts_with('-') || rest == ".tar.gz")
    })
}

/// A name of our own in the same folder, so that a rename moves nothing.
fn beside(path: &Path, what: &str) -> PathBuf {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    path.with_file_name(format!(".{name}.{what}-{}", process::id()))
}

/// Puts the finished folder where the old one, if any, was.
fn replace(part: &Path, folder: &Path) -> Result<()> {
    let old = beside(folder, "old");
    let in_place = if folder.exists() {
        fs::rename(folder, &old)
            .and_then(|()| fs::rename(part, folder))
            .and_then(|()| fs::remove_dir_all(&old))
    } else {
        fs::rename(part, folder)
    };
    in_place.map_err(Failure::io(format!("put {} in place", folder.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_is_version_and_digest() {
        let digest = "0123456789abcdef".repeat(4);
        let text = format!(
            "# why\nother==1 \\\n    --hash=sha256:00\nthing-b==2.0 \\\n    --hash=sha256:{digest}\n"
        );
        let pin = pin_of(&text, "thing-b").expect("the requirement is in the text");
        assert_eq!((pin.version.as_str(), pin.sha256), ("2.0", digest));
        assert!(pin_of(&text, "thing").is_none(), "a name is matched whole");
        assert!(pin_of(&text, "other").is_none(), "a digest has 64 digits");
    }
}
