//! Recordings that come in by a mapping: drafted, refused with questions, imported, inspected.

use crate::run::{data, etude_in, workspace};
use std::fs;

fn path(of: &str) -> String {
    workspace().join(of).display().to_string()
}

#[test]
fn a_recording_is_asked_about_drafted_imported_and_inspected() {
    let Some(source) = data("teleop_centre_mcap") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let (card, mapping) =
        (path("robots/franka_panda/card.toml"), path("mappings/franka_panda_io_teleop.toml"));
    let source = source.join("robocodec_test_1.mcap").display().to_string();

    let refused = etude_in(folder, &["import", &source, "--into", "centre", "--robot", &card]).exits(1);
    assert!(refused.stderr.contains("which joint of the card is panda_joint1?"), "{refused:#?}");
    assert!(refused.stderr.contains("hint: `--draft-mapping` drafts a mapping"), "{refused:#?}");
    assert!(!folder.join("centre").exists(), "a refused import makes nothing");

    let drafted =
        etude_in(folder, &["import", &source, "--robot", &card, "--draft-mapping", "draft.toml"]).exits(0);
    assert!(drafted.stderr.contains("draft.toml drafted, ") && drafted.stdout.is_empty(), "{drafted:#?}");
    let draft = fs::read_to_string(folder.join("draft.toml")).expect("a draft");
    let again = etude_in(folder, &["import", &source, "--robot", &card, "--draft-mapping"]).exits(0);
    assert_eq!(again.stdout, draft);
    let asked = ["import", &source, "--into", "centre", "--robot", &card, "--mapping", "draft.toml"];
    let asked = etude_in(folder, &asked).exits(1);
    assert!(
        asked.stderr.contains("draft.toml stream") && asked.stderr.contains("panda_joint1"),
        "{asked:#?}"
    );

    let arguments =
        ["import", &source, "--into", "centre", "--robot", &card, "--mapping", &mapping, "--format", "json"];
    let imported = etude_in(folder, &arguments).exits(3);
    assert!(imported.stderr.contains("JPEG pictures were coded anew"), "{imported:#?}");
    let rows = imported.json();
    let digest = rows["episodes"][0]["digest"].as_str().expect("a digest");
    assert_eq!(
        etude_in(folder, &arguments).exits(3).json()["episodes"][0]["new"],
        false,
        "a second import adds nothing"
    );
    let resumed = [&arguments[..], &["--resume"]].concat();
    let resumed = etude_in(folder, &resumed).exits(0).json()["episodes"][0].clone();
    for key in ["source_episode", "episode", "digest", "bytes", "accepted", "findings"] {
        assert_eq!(resumed[key], rows["episodes"][0][key], "{key}");
    }
    assert_eq!(resumed["new"], false);
    let file = format!("centre/episodes/{}/{digest}.mcap", &digest[..2]);
    etude_in(folder, &["episode", "check", &file]).exits(0);
    let report = etude_in(folder, &["inspect", &file, "--format", "json"]);
    assert!(report.stdout.contains("/robot/joint_states"), "{report:#?}");

    // Looked at where it lies it says the same, and leaves nothing behind.
    let place = ["inspect", &source, "--robot", &card, "--mapping", &mapping];
    let foreign = etude_in(folder, &[&place[..], &["--format", "json"]].concat()).exits(3).json();
    let (foreign, ours) = (&foreign["episodes"][0], &report.json()["episodes"][0]);
    for key in ["episode", "measurements", "verdict", "signals"] {
        assert_eq!(foreign[key], ours[key], "{key}");
    }
    assert_eq!((foreign["source"].as_str(), ours.get("source")), (Some("robocodec_test_1.mcap"), None));
    let left = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").file_name());
    let mut left: Vec<_> = left.collect();
    left.sort();
    assert_eq!(left, ["centre", "draft.toml"]);
    let table = etude_in(folder, &place).exits(3);
    assert!(table.stdout.contains("robocodec_test_1.mcap") && table.stderr.contains("lost:"), "{table:#?}");
}

#[test]
fn a_bag_that_was_cut_comes_in_with_its_losses() {
    let Some(source) = data("teleop_centre_mcap") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let bytes = fs::read(source.join("robocodec_test_18.bag")).expect("a bag");
    fs::write(folder.join("cut.bag"), &bytes[..bytes.len() * 9 / 10]).expect("a file");
    let (card, mapping) = (path("robots/leju_kuavo_s45/card.toml"), path("mappings/leju_kuavo_s45_bag.toml"));
    let run =
        etude_in(folder, &["import", "cut.bag", "--into", "centre", "--robot", &card, "--mapping", &mapping]);
    let run = run.exits(3);
    assert!(
        run.stderr.lines().any(|line| line.starts_with("lost: cut.bag") && line.contains("from there on")),
        "{run:#?}"
    );
    assert!(etude_in(folder, &["list", "--centre", "centre"]).exits(0).stderr.contains("1 of 1 episode"));
}

#[test]
fn a_dataset_takes_no_mapping() {
    let Some(source) = data("g1_inspire_lerobot_v21") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let source = source.display().to_string();
    let run =
        etude_in(folder.path(), &["import", &source, "--robot", "unitree_g1_inspire", "--draft-mapping"])
            .exits(1);
    assert!(run.stderr.contains("which is imported without a mapping"), "{run:#?}");
}
