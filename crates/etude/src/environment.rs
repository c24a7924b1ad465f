//! Every environment variable that the command reads.

use std::env;
use std::path::PathBuf;

/// Set to anything but nothing: no colours (<https://no-color.org>).
const NO_COLOR: &str = "NO_COLOR";

/// The folder of embodiment cards, where no `--robots` is given.
pub(crate) const ROBOTS: &str = "ETUDE_ROBOTS";

/// The folder of robot models, where no `--models` is given.
pub(crate) const MODELS: &str = "ETUDE_MODELS";

/// Whether colours are not wanted.
pub(crate) fn no_colour() -> bool {
    env::var_os(NO_COLOR).is_some_and(|value| !value.is_empty())
}

/// A folder that a variable names.
pub(crate) fn folder(variable: &str) -> Option<PathBuf> {
    env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from)
}
