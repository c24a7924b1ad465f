//! Debian's packages: found out in one query, installed in one go.

use std::process::{Command, Stdio};

use crate::command;
use crate::failure::{Failure, Result};

/// A reason, and the packages that serve it.
type Need = (&'static str, &'static [&'static str]);

const NEEDS: [Need; 5] = [
    (
        "FFmpeg's libraries, to read foreign video",
        &["libavcodec-dev", "libavformat-dev", "libavutil-dev", "libswscale-dev", "pkg-config"],
    ),
    ("clang, to make the bindings to FFmpeg", &["clang", "libclang-dev"]),
    (
        "compilers for SQLite, zstd and OpenH264 (nasm: it encodes three times as fast)",
        &["gcc", "g++", "nasm"],
    ),
    ("EGL by Mesa, to render cameras without a screen", &["libegl1", "libgl1-mesa-dri"]),
    (
        "Python's pip and venv, to fetch MuJoCo and robot models, and FFmpeg's programs for the peers",
        &["python3-pip", "python3-venv", "ffmpeg"],
    ),
];

/// Installs what is missing; where it may not, says the exact line to run.
pub(crate) fn run() -> Result<()> {
    let Some(listing) = installed_listing() else {
        eprintln!("no dpkg-query here: this is not Debian, so its packages are left to you:");
        for (why, packages) in &NEEDS {
            eprintln!("  {} ({why})", packages.join(" "));
        }
        return Ok(());
    };
    let missing = missing(&listing);
    if missing.is_empty() {
        return Ok(());
    }
    let mut names = Vec::new();
    for (why, packages) in &missing {
        eprintln!("missing: {} ({why})", packages.join(" "));
        names.extend(packages.iter().copied());
    }
    let by_hand = format!(
        "sudo sh -c 'apt-get update && apt-get install -y --no-install-recommends {}'",
        names.join(" ")
    );
    let prefix: &[&str] = if is_root() {
        &[]
    } else if command::succeeds(Command::new("sudo").args(["-n", "true"])) {
        &["sudo", "-n"]
    } else {
        return Err(Failure::new("these packages need an administrator, and `sudo -n` does not work here")
            .hint(format!("run this line, then the command again:\n  {by_hand}"))
            .code(2));
    };
    eprintln!("installing them with apt-get: some minutes");
    apt(prefix, &["update"])
        .and_then(|()| {
            let options = ["install", "-y", "--no-install-recommends"];
            apt(prefix, &[&options[..], &names[..]].concat())
        })
        .map_err(|failure| failure.hint(format!("by hand it is:\n  {by_hand}")))
}

/// One line per package: its name, a space, its state.
fn installed_listing() -> Option<String> {
    let mut query = Command::new("dpkg-query");
    query.args(["--show", "--showformat=${Package} ${db:Status-Status}\n"]);
    query.args(NEEDS.iter().flat_map(|(_, packages)| packages.iter()));
    command::stdout_of(&mut query)
}

fn missing(listing: &str) -> Vec<(&'static str, Vec<&'static str>)> {
    let installed =
        |package: &str| listing.lines().any(|line| line.split_once(' ') == Some((package, "installed")));
    let lacking =
        |packages: &[&'static str]| packages.iter().copied().filter(|name| !installed(name)).collect();
    NEEDS
        .iter()
        .map(|(why, packages)| (*why, lacking(packages)))
        .filter(|(_, packages): &(_, Vec<_>)| !packages.is_empty())
        .collect()
}

fn apt(prefix: &[&str], arguments: &[&str]) -> Result<()> {
    let words = [prefix, &["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq"], arguments].concat();
    let (program, rest) = words.split_first().expect("the words of apt-get are never empty");
    command::run(Command::new(program).args(rest).stdin(Stdio::null()).stdout(Stdio::null()))
}

fn is_root() -> bool {
    command::stdout_of(Command::new("id").arg("-u")).is_some_and(|id| id.trim() == "0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_fully_installed_counts() {
        let all: String = NEEDS
            .iter()
            .flat_map(|(_, packages)| packages.iter())
            .map(|name| match *name {
                "libegl1" => format!("{name} config-files\n"),
                "ffmpeg" => String::new(),
                _ => format!("{name} installed\n"),
            })
            .collect();
        let names: Vec<_> = missing(&all).into_iter().map(|(_, packages)| packages).collect();
        assert_eq!(names, [vec!["libegl1"], vec!["ffmpeg"]]);
    }
}
