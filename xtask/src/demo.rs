//! `cargo xtask demo`: set-up, then the demonstration.

use crate::failure::Result;
use crate::place::Place;
use crate::{command, setup};

pub(crate) fn run(place: &Place, arguments: &[String]) -> Result<()> {
    setup::run(place)?;
    let mut etude = command::cargo(place);
    etude.args(["run", "--quiet", "--package", "etude", "--", "demo"]).args(arguments);
    eprintln!("building etude into {} (the first time takes a while)", place.target.display());
    command::run(&mut etude)
}
