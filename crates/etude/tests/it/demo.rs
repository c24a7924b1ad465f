//! The demonstration: one seed gives one release, and LeRobot opens what it exports.

use crate::run::{etude_in, workspace};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Runs a short demonstration with one robot; `None` where robots or a way to draw cameras are absent.
fn demonstrate(out: &Path) -> Option<()> {
    if !workspace().join(".deps/robots/aloha").exists() {
        eprintln!("skipped: no robot models in .deps/robots; `cargo xtask setup` fetches them");
        return None;
    }
    let place = out.display().to_string();
    let options = ["demo", "--robot", "trossen_aloha2", "--takes", "2", "--seed", "5", "--headless", "--out"];
    let run = etude_in(&workspace(), &[&options[..], &[place.as_str()]].concat());
    if run.stderr.contains("cameras cannot be drawn") {
        eprintln!("skipped: {}", run.stderr);
        return None;
    }
    run.exits(0);
    Some(())
}

fn release(out: &Path) -> String {
    std::fs::read_to_string(out.join("centre/releases/trossen_aloha2.json")).expect("a release")
}

fn dataset(out: &Path) -> PathBuf {
    out.join("lerobot/trossen_aloha2")
}

#[test]
fn one_seed_gives_one_release_and_a_whole_report() {
    let folder = tempfile::tempdir().expect("a folder");
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    if demonstrate(&first).is_none() {
        return;
    }
    demonstrate(&second).expect("it ran before");
    assert_eq!(release(&first), release(&second));
    let report = std::fs::read_to_string(first.join("report.html")).expect("a report");
    assert!(report.matches("<img").count() >= 6, "stills of three cameras for two tasks");
    assert!(report.matches("<svg").count() >= 4, "plots");
    assert!(
        !report.contains("src='http") && !report.contains("href='http"),
        "nothing is loaded from elsewhere"
    );
    let place = first.display().to_string();
    let again = etude_in(&workspace(), &["demo", "--headless", "--out", &place]).exits(1);
    assert!(again.stderr.contains("overwrites nothing"), "{}", again.stderr);
}

#[test]
fn peer_lerobot_opens_a_simulated_robots_dataset() {
    let Some(python) = std::env::var_os("ETUDE_PEER_PYTHON") else {
        eprintln!("skipped: ETUDE_PEER_PYTHON is unset; `cargo xtask test --peers` sets it");
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("demo");
    if demonstrate(&out).is_none() {
        return;
    }
    let report = folder.path().join("report.json");
    let script = workspace().join("tests/peers/lerobot_check.py");
    let run = Command::new(python)
        .arg(script)
        .arg(dataset(&out))
        .args(["--train", "3", "--limit", "120", "--json"])
        .arg(&report)
        .env("HF_HUB_OFFLINE", "1")
        .env("HF_HOME", folder.path().join("hf"))
        .output()
        .expect("Python starts");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let seen: Value = serde_json::from_slice(&std::fs::read(report).expect("a report")).expect("JSON");
    let info = std::fs::read(dataset(&out).join("meta/info.json")).expect("meta/info.json");
    let ours: Value = serde_json::from_slice(&info).expect("JSON");
    assert_eq!(seen["num_frames"], ours["total_frames"]);
    assert_eq!(seen["num_episodes"], ours["total_episodes"]);
    assert_eq!(seen["tasks"].as_array().map(Vec::len), Some(2), "{}", seen["tasks"]);
    assert_eq!(seen["loader"]["cameras"].as_object().map(serde_json::Map::len), Some(3));
    let losses = seen["train"]["losses"].as_array().expect("losses");
    assert!(
        losses.len() == 3 && losses.iter().all(|loss| loss.as_f64().is_some_and(f64::is_finite)),
        "{losses:?}"
    );
}
