//! The command: what was typed is read, the crates do the work, and its end becomes an exit code.
//!
//! Reading order: [`cli`] (what can be typed), [`commands`] (what then happens), [`output`] (where results and words
//! go), [`hint`] (what to do about an error). No module here may decide what the crates below it decide.

#![cfg_attr(
    not(feature = "ffmpeg"),
    allow(dead_code, unused_imports, reason = "parts that only import, export and the demonstration use")
)]

mod cli;
mod commands;
#[cfg(feature = "ffmpeg")]
mod demo;
mod environment;
mod exit;
mod folders;
mod hint;
mod output;
mod page;
mod picture;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    let output = output::Output::new(&cli.global);
    match commands::run(cli.command, &output) {
        Ok(code) => code,
        // Whoever read our output has seen enough, as `head` does.
        Err(error) if output::is_closed_pipe(&error) => exit::DONE,
        Err(error) => {
            output.error(&error);
            exit::FAILED
        }
    }
}
