//! Runs the built program.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// What came of a run.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    /// The result as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("no JSON ({error}): {self:#?}"))
    }

    /// The same, once the exit code is what it should be.
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:#?}");
        self
    }

    /// Exit code and stderr with the folder's name taken out, for snapshots.
    pub(crate) fn complaint(&self, folder: &Path) -> String {
        let stderr = self.stderr.replace(&folder.display().to_string(), "[DIR]");
        let stderr = stderr.replace(&workspace().display().to_string(), "[ETUDE]");
        format!("exit code {}\n{stderr}", self.code)
    }
}

/// `etude` in a folder, in a world without settings.
fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_etude"));
    command.args(arguments).current_dir(folder).env("COLUMNS", "100").env("NO_COLOR", "1");
    for variable in ["ETUDE_ROBOTS", "ETUDE_MODELS"] {
        command.env_remove(variable);
    }
    command
}

/// The same, begun and left to itself; its output is to be read.
pub(crate) fn watching(folder: &Path, arguments: &[&str]) -> Child {
    let mut command = command(folder, arguments);
    command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the program starts")
}

/// Runs `etude` in a folder, in a world without settings.
pub(crate) fn etude_in(folder: &Path, arguments: &[&str]) -> Run {
    let output = command(folder, arguments).output().expect("the program starts");
    Run {
        code: output.status.code().expect("it ended by itself"),
        stdout: String::from_utf8(output.stdout).expect("text"),
        stderr: String::from_utf8(output.stderr).expect("text"),
    }
}

/// The root of the sources.
pub(crate) fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("crates/etude lies two below").to_owned()
}

/// A set of real data; `None`, with a word, where it is not at hand.
pub(crate) fn data(name: &str) -> Option<PathBuf> {
    let folder =
        std::env::var_os("ETUDE_DATA").map_or_else(|| workspace().join("../shared/data"), PathBuf::from);
    let found = folder.join(name);
    if found.is_dir() {
        return Some(found);
    }
    eprintln!("skipped: {} is not there; ETUDE_DATA names the folder of real data", found.display());
    None
}
