//! Set-up: what the machine lacks is installed, each step says what and why, and a second run finds nothing to do.

use crate::command;
use crate::failure::{Failure, Result};
use crate::place::Place;

mod debian;
mod fetch;
mod packages;

use fetch::Package;

/// Everything: Debian's packages, then what goes into `.deps/`.
pub(crate) fn run(place: &Place) -> Result<()> {
    debian::run()?;
    deps(place)
}

/// MuJoCo and the robot models into `.deps/`.
pub(crate) fn deps(place: &Place) -> Result<()> {
    for package in packages::DEPS {
        package.provide(place, &place.deps())?;
    }
    Ok(())
}

/// The programs that only the tests need: those on the search path, else fetched, else built.
pub(crate) fn tools(place: &Place) -> Result<()> {
    for package in packages::TOOLS {
        if command::on_path(package.folder).is_none() {
            tool(place, package)?;
        }
    }
    Ok(())
}

fn tool(place: &Place, package: &Package) -> Result<()> {
    let program = package.folder;
    let provided = place.tools().join(program);
    if command::succeeds(std::process::Command::new(&provided).arg("--version")) {
        return Ok(());
    }
    let Err(failure) = package.provide_file(place, program, &provided) else { return Ok(()) };
    eprintln!("warning: {}", failure.what);
    eprintln!("installing {program} from source ({}): this takes minutes", package.why);
    let mut install = command::cargo(place);
    install.args(["install", "--quiet", "--locked", program]);
    command::run(&mut install).map_err(|failure| Failure {
        hint: Some(format!("put {program} on the search path by other means, then run this again")),
        ..failure
    })
}
