//! The foreign programs that our exports are held against, each in an environment of its own, kept between runs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command;
use crate::failure::{Failure, Result};
use crate::place::Place;

/// What an environment was made from; there when it is complete.
const STAMP: &str = "etude-peer.stamp";

/// An environment: a requirements file below `tests/peers`, and what is done with it once it is installed.
struct Peer {
    /// Names the requirements and the folder, so that another version gets another environment.
    name: &'static str,
    why: &'static str,
    /// A script that completes the environment, given its site-packages.
    completed_by: Option<&'static str>,
    /// Fails unless everything that the checks import can be imported.
    probe: &'static str,
}

const LEROBOT: Peer = Peer {
    name: "lerobot-0.6.1",
    why: "the LeRobot that our exports are opened with; 2 GB, minutes",
    completed_by: Some("cuda_stand_ins.py"),
    probe: "import torch, torchcodec, lerobot.policies.act.modeling_act, lerobot.datasets.lerobot_dataset",
};

const KINEMATICS: Peer = Peer {
    name: "kinematics-1",
    why: "Pinocchio, MuJoCo, placo, mink and pink, which our kinematics is held against; 0.8 GB",
    completed_by: None,
    probe: "import pinocchio, mujoco, placo, mink, pink, daqp",
};

const READERS: Peer = Peer {
    name: "readers-2",
    why: "pandas, mcap-ros2-support, rerun-sdk and h5py, which our exports are opened with, and writers of FlatBuffers; 0.9 GB",
    completed_by: None,
    probe: "import pandas, pyarrow.parquet, mcap_ros2.decoder, rerun.chunk, h5py, flatbuffers, foxglove_schemas_flatbuffer",
};

/// The Python that runs LeRobot, made first where it is not there; `None` where no `CPython` 3.12 is found.
pub(crate) fn lerobot(place: &Place) -> Result<Option<PathBuf>> {
    LEROBOT.python(place)
}

/// The same for the peers of our kinematics.
pub(crate) fn kinematics(place: &Place) -> Result<Option<PathBuf>> {
    KINEMATICS.python(place)
}

/// The same for the readers of other formats.
pub(crate) fn readers(place: &Place) -> Result<Option<PathBuf>> {
    READERS.python(place)
}

/// Makes one environment and prints its Python on standard output.
#[expect(clippy::print_stdout, reason = "the path is what the caller asks for")]
pub(crate) fn print(place: &Place, name: &str) -> Result<()> {
    let python = match name {
        "lerobot" => lerobot(place)?,
        "kinematics" => kinematics(place)?,
        "readers" => readers(place)?,
        _ => {
            return Err(Failure::new(format!("no peer \"{name}\""))
                .hint("they are lerobot, kinematics and readers")
                .code(2));
        }
    };
    let python = python.ok_or_else(|| Failure::new("no CPython 3.12 is found here"))?;
    println!("{}", python.display());
    Ok(())
}

impl Peer {
    fn python(&self, place: &Place) -> Result<Option<PathBuf>> {
        let scripts = place.workspace.join("tests").join("peers");
        let requirements = scripts.join(format!("{}.txt", self.name));
        let script = self.completed_by.map(|script| scripts.join(script));
        let environment = place.cache.join("peers").join(self.name);
        let python = environment.join("bin").join("python");
        let stamp = environment.join(STAMP);
        let recipe = read(&requirements)? + &script.as_deref().map_or(Ok(String::new()), read)?;
        if fs::read_to_string(&stamp).is_ok_and(|found| found == recipe) {
            return Ok(Some(python));
        }
        let Some(base) = python312() else { return Ok(None) };
        eprintln!("making {} ({})", environment.display(), self.why);
        self.make(&base, &environment, &requirements, script.as_deref())?;
        fs::write(&stamp, recipe).map_err(Failure::io(format!("write {}", stamp.display())))?;
        Ok(Some(python))
    }

    fn make(
        &self,
        base: &Path,
        environment: &Path,
        requirements: &Path,
        script: Option<&Path>,
    ) -> Result<()> {
        command::run_quietly(Command::new(base).args(["-m", "venv"]).arg(environment)).map_err(
            |failure| failure.hint("CPython 3.12 needs its venv module; on Debian, python3.12-venv"),
        )?;
        let python = environment.join("bin").join("python");
        let mut pip = Command::new(&python);
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]);
        pip.arg("--require-hashes").arg("--requirement").arg(requirements);
        command::run_quietly(&mut pip)
            .map_err(|failure| failure.hint("this needs a way to PyPI, and x86-64 Linux"))?;
        if let Some(script) = script {
            let site_packages = environment.join("lib").join("python3.12").join("site-packages");
            command::run_quietly(Command::new(&python).arg(script).arg(site_packages))?;
        }
        command::run_quietly(Command::new(&python).args(["-c", self.probe]).env("HF_HUB_OFFLINE", "1"))
            .map_err(|failure| failure.hint(format!("remove {} to have it made anew", environment.display())))
    }
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
