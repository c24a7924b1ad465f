//! How the command ends. 2, wrong usage, is clap's own.

use std::process::ExitCode;

/// Everything was done.
pub(crate) const DONE: ExitCode = ExitCode::SUCCESS;

/// It was not done, or what was asked about does not hold.
pub(crate) const FAILED: ExitCode = ExitCode::FAILURE;

/// It was done, but something was lost; stderr says what.
pub(crate) fn done_with_loss() -> ExitCode {
    ExitCode::from(3)
}

/// Done, or done with loss.
pub(crate) fn done(with_loss: bool) -> ExitCode {
    if with_loss { done_with_loss() } else { DONE }
}
