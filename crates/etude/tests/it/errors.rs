//! Errors say what is wrong, why, and what to do about it, and end with the code that was promised.

use crate::run::{data, etude_in};
use std::fs;
use std::path::Path;

/// Makes an empty centre the way the command does, without a dataset.
fn empty_centre(folder: &Path) {
    etude_store::Centre::create_or_open(&folder.join("centre")).expect("a centre");
}

fn complaint(folder: &Path, arguments: &[&str]) -> String {
    let run = etude_in(folder, arguments);
    assert!(run.stderr.contains("hint: ") || run.code == 2, "no hint: {run:#?}");
    assert!(run.stdout.is_empty(), "an error is no result: {run:#?}");
    run.complaint(folder)
}

#[test]
fn wrong_usage_is_code_2() {
    let folder = tempfile::tempdir().expect("a folder");
    insta::assert_snapshot!("usage-unknown-command", complaint(folder.path(), &["imprt"]));
    insta::assert_snapshot!("usage-no-centre", complaint(folder.path(), &["list"]));
    insta::assert_snapshot!(
        "usage-unknown-format",
        complaint(folder.path(), &["export", "r", "--centre", "c", "--format", "lerobot-v9", "--out", "o"])
    );
    insta::assert_snapshot!("usage-no-takes", complaint(folder.path(), &["demo", "--takes", "0"]));
}

#[test]
fn a_centre_that_is_none() {
    let folder = tempfile::tempdir().expect("a folder");
    insta::assert_snapshot!("no-centre", complaint(folder.path(), &["list", "--centre", "nowhere"]));
    assert!(!folder.path().join("nowhere").exists(), "asking makes nothing");
}

#[test]
fn an_expression_that_cannot_be_understood() {
    let folder = tempfile::tempdir().expect("a folder");
    empty_centre(folder.path());
    let list = |expression| complaint(folder.path(), &["list", "--centre", "centre", "--where", expression]);
    insta::assert_snapshot!("expression-unknown-column", list("colour = 'red'"));
    insta::assert_snapshot!("expression-unfinished", list("task ="));
}

#[test]
fn releases_that_cannot_be() {
    let folder = tempfile::tempdir().expect("a folder");
    empty_centre(folder.path());
    let create = |name| complaint(folder.path(), &["release", "create", name, "--centre", "centre"]);
    insta::assert_snapshot!("release-empty", create("first"));
    insta::assert_snapshot!("release-name", create("../first"));
    insta::assert_snapshot!(
        "release-absent",
        complaint(folder.path(), &["release", "show", "first", "--centre", "centre"])
    );
}

#[test]
fn files_that_are_no_episodes() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(
        folder.path().join("notes.mcap"),
        "these are no bytes of an episode, however long the text may be",
    )
    .expect("a file");
    insta::assert_snapshot!("episode-absent", complaint(folder.path(), &["episode", "info", "nothing.mcap"]));
    insta::assert_snapshot!("episode-foreign", complaint(folder.path(), &["episode", "info", "notes.mcap"]));
    insta::assert_snapshot!(
        "recover-foreign",
        complaint(folder.path(), &["episode", "recover", "notes.mcap"])
    );
    insta::assert_snapshot!("inspect-foreign", complaint(folder.path(), &["inspect", "notes.mcap"]));
    fs::create_dir(folder.path().join("empty")).expect("a folder");
    insta::assert_snapshot!("inspect-empty", complaint(folder.path(), &["inspect", "empty"]));
    insta::assert_snapshot!("inspect-absent", complaint(folder.path(), &["inspect", "absent"]));
}

#[test]
fn rule_sets_that_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let rules = "name = \"mine\"\nversion = \"1\"\ncolour = \"red\"\nrule = []\n";
    fs::write(folder.path().join("rules.toml"), rules).expect("a file");
    let arguments = ["inspect", "x.mcap", "--rules", "rules.toml"];
    insta::assert_snapshot!("rules-unknown-key", complaint(folder.path(), &arguments));
}

#[test]
fn imports_that_cannot_begin() {
    let folder = tempfile::tempdir().expect("a folder");
    let import = |card: &str| complaint(folder.path(), &["import", ".", "--into", "centre", "--card", card]);
    insta::assert_snapshot!(
        "import-no-folder",
        complaint(folder.path(), &["import", "none", "--into", "centre"])
    );
    insta::assert_snapshot!("import-no-dataset", import("robots/unitree_g1_inspire"));
    fs::create_dir(folder.path().join("meta")).expect("a folder");
    fs::write(folder.path().join("meta/info.json"), "{}").expect("a file");
    let run =
        etude_in(folder.path(), &["import", ".", "--into", "centre", "--card", "robots/nobody"]).exits(1);
    assert!(run.stderr.contains("there is no embodiment card robots/nobody"), "{run:#?}");
    assert!(run.stderr.contains("unitree_g1_inspire"), "the hint names the cards there are: {run:#?}");
    assert!(!folder.path().join("centre").exists(), "a refused import makes nothing");
}

#[test]
fn a_missing_card_is_found_by_the_joints_names() {
    let Some(dataset) = data("g1_inspire_lerobot_v21") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let dataset = dataset.display().to_string();
    let run = etude_in(folder.path(), &["import", &dataset, "--into", "centre"]).exits(1);
    assert!(run.stderr.contains("an embodiment card is needed"), "{run:#?}");
    assert!(
        run.stderr.contains("hint: --card robots/unitree_g1_inspire: its joints bear all 26 names"),
        "{run:#?}"
    );
    let run = etude_in(folder.path(), &["import", &dataset, "--into", "centre", "--card", "unitree_g1_dex3"]);
    let run = run.exits(1);
    assert!(run.stderr.contains("which joint of the card is `kLeftShoulderPitch`"), "it asks: {run:#?}");
    assert!(run.stderr.contains("hint: "), "{run:#?}");
}

#[test]
fn models_that_are_not_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = etude_in(folder.path(), &["demo", "--models", "absent", "--out", "day"]).exits(1);
    assert!(run.stderr.contains("absent is no folder") && run.stderr.contains("hint: "), "{run:#?}");
}
