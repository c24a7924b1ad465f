//! The foreign programs that our exports are held against, each in an environment of its own, kept between runs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command;
use crate::failure::{Failure, Result};
use crate::place::Place;

/// Names the folder, so that another version gets another environment.
const LEROBOT: &str = "lerobot-0.6.1";
/// What the environment was made from; there when it is complete.
const STAMP: &str = "etude-peer.stamp";
/// Fails unless everything that the checks import can be imported.
const PROBE: &str =
    "import torch, torchcodec, lerobot.policies.act.modeling_act, lerobot.datasets.lerobot_dataset";

/// The Python that runs LeRobot, made first where it is not there; `None` where no `CPython` 3.12 is found.
pub(crate) fn lerobot(place: &Place) -> Result<Option<PathBuf>> {
    let scripts = place.workspace.join("tests").join("peers");
    let requirements = scripts.join(format!("{LEROBOT}.txt"));
    let stand_ins = scripts.join("cuda_stand_ins.py");
    let environment = place.cache.join("peers").join(LEROBOT);
    let python = environment.join("bin").join("python");
    let stamp = environment.join(STAMP);
    let recipe = read(&requirements)? + &read(&stand_ins)?;
    if fs::read_to_string(&stamp).is_ok_and(|found| found == recipe) {
        return Ok(Some(python));
    }
    let Some(base) = python312() else { return Ok(None) };
    eprintln!(
        "making {} (the LeRobot that our exports are opened with; 2 GB, minutes)",
        environment.display()
    );
    make(&base, &environment, &requirements, &stand_ins)?;
    fs::write(&stamp, recipe).map_err(Failure::io(format!("write {}", stamp.display())))?;
    Ok(Some(python))
}

fn make(base: &Path, environment: &Path, requirements: &Path, stand_ins: &Path) -> Result<()> {
    command::run_quietly(Command::new(base).args(["-m", "venv"]).arg(environment))
        .map_err(|failure| failure.hint("CPython 3.12 needs its venv module; on Debian, python3.12-venv"))?;
    let python = environment.join("bin").join("python");
    let mut pip = Command::new(&python);
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "--require-hashes",
    ]);
    command::run_quietly(pip.arg("--requirement").arg(requirements))
        .map_err(|failure| failure.hint("this needs a way to PyPI, and x86-64 Linux"))?;
    let site_packages = environment.join("lib").join("python3.12").join("site-packages");
    command::run_quietly(Command::new(&python).arg(stand_ins).arg(site_packages))?;
    command::run_quietly(Command::new(&python).args(["-c", PROBE]).env("HF_HUB_OFFLINE", "1"))
        .map_err(|failure| failure.hint(format!("remove {} to have it made anew", environment.display())))
}

/// A `CPython` 3.12 that starts: on the search path, or among those that pyenv keeps.
fn python312() -> Option<PathBuf> {
    let named = ["python3.12", "python3"].map(PathBuf::from);
    let kept = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".pyenv").join("versions"));
    let kept = kept.and_then(|versions| fs::read_dir(versions).ok()).into_iter().flatten().flatten();
    let mut kept: Vec<PathBuf> = kept
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("3.12"))
        .map(|entry| entry.path().join("bin").join("python"))
        .collect();
    kept.sort();
    named.into_iter().chain(kept).find(|python| {
        let question = "import sys; sys.exit(sys.version_info[:2] != (3, 12))";
        command::succeeds(Command::new(python).args(["-c", question]))
    })
}

fn read(file: &Path) -> Result<String> {
    fs::read_to_string(file).map_err(Failure::io(format!("read {}", file.display())))
}
