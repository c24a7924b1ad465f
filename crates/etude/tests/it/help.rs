//! What `--help` says of every command, kept as snapshots 100 columns wide.

use crate::run::etude_in;
use std::path::Path;

fn help(command: &[&str]) -> String {
    let arguments = [command, &["--help"]].concat();
    etude_in(Path::new("/"), &arguments).exits(0).stdout
}

#[test]
fn help_of_every_command() {
    for command in [
        &[][..],
        &["demo"],
        &["import"],
        &["list"],
        &["inspect"],
        &["release"],
        &["release", "create"],
        &["release", "show"],
        &["release", "verify"],
        &["release", "diff"],
        &["release", "merge"],
        &["release", "split"],
        &["release", "delete-episodes"],
        &["release", "relabel"],
        &["release", "resample"],
        &["export"],
        &["convert"],
        &["retarget"],
        &["transfer-matrix"],
        &["episode"],
        &["episode", "info"],
        &["episode", "check"],
        &["episode", "recover"],
        &["episode", "export-csv"],
        &["robot"],
        &["robot", "enroll"],
        &["robot", "list"],
        &["robot", "show"],
        &["robot", "check"],
        &["robot", "diff"],
    ] {
        insta::assert_snapshot!([&["etude"][..], command].concat().join("-"), help(command));
    }
}

#[test]
fn help_fits_the_width() {
    for command in [&[][..], &["import"], &["list"], &["inspect"], &["episode", "export-csv"]] {
        for line in help(command).lines() {
            assert!(line.chars().count() <= 110, "{command:?}: {line}");
        }
    }
}

#[test]
fn without_a_command_it_shows_help_and_says_wrong_usage() {
    let run = etude_in(Path::new("/"), &[]).exits(2);
    assert!(run.stdout.is_empty() && run.stderr.contains("Usage: etude"), "{run:#?}");
}
