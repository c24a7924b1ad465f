//! Starting other programs: always from the workspace, and never silent when they fail.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::failure::{Failure, Result};
use crate::place::Place;

/// `cargo` with this project's build output and tools; the same cargo that started us.
pub(crate) fn cargo(place: &Place) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(&place.workspace).env("CARGO_TARGET_DIR", &place.target);
    command.env("PATH", path_with(&place.tools()));
    command
}

/// `python3`, for pip and for unpacking archives.
pub(crate) fn python() -> Command {
    Command::new("python3")
}

/// Runs to the end with its output shown.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().map_err(|error| cannot_start(command, &error))?;
    if status.success() { Ok(()) } else { Err(Failure::new(format!("`{}`: {status}", line(command)))) }
}

/// Runs to the end in silence; what it printed is shown only when it fails.
pub(crate) fn run_quietly(command: &mut Command) -> Result<()> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| cannot_start(command, &error))?;
    if output.status.success() {
        return Ok(());
    }
    eprint!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    Err(Failure::new(format!("`{}`: {}", line(command), output.status)))
}

/// Whether the program starts and ends well, in silence.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

/// What the program prints on standard output, or `None` where it cannot be started.
///
/// The exit status does not matter: `dpkg-query` fails when one of several packages is unknown to it.
pub(crate) fn stdout_of(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Where a program is on the search path.
pub(crate) fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// The search path with the tools that set-up fetched at its end, so that the user's own come first.
fn path_with(tools: &std::path::Path) -> std::ffi::OsString {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain([tools.to_path_buf()]);
    // Only a folder with a colon in its name cannot be joined; then the tools are not found and cargo says so.
    std::env::join_paths(folders).unwrap_or(path)
}

/// The command as one would type it, cut where it is long.
fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let full = words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ");
    match full.char_indices().nth(160) {
        Some((end, _)) => format!("{} …", &full[..end]),
        None => full,
    }
}

fn cannot_start(command: &Command, error: &std::io::Error) -> Failure {
    Failure::new(format!("cannot start `{}`: {error}", command.get_program().to_string_lossy()))
}
