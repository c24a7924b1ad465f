//! Damaged datasets: what can be read is read, and what cannot is said.

use crate::{copy_folder, data, g1_card, import};
use etude_dataset::lerobot::{ExportOptions, ImportOptions, Importer, export};
use etude_episode::Episode;
use std::fs;
use std::path::{Path, PathBuf};

/// A copy of the G1 dataset with only its first two episodes.
fn copy(into: &Path) -> Option<PathBuf> {
    let root = data("g1_inspire_lerobot_v21")?;
    let copy = into.join("dataset");
    copy_folder(&root.join("meta"), &copy.join("meta"));
    for episode in ["episode_000010", "episode_000011"] {
        for (folder, end) in
            [("data/chunk-000", "parquet"), ("videos/chunk-000/observation.images.cam_high", "mp4")]
        {
            fs::create_dir_all(copy.join(folder)).expect("a folder");
            let file = format!("{folder}/{episode}.{end}");
            let bytes = fs::read(root.join(&file)).expect("a file");
            fs::write(copy.join(&file), bytes).expect("a file");
        }
    }
    Some(copy)
}

fn truncate(path: &Path, share: f64) {
    let bytes = fs::read(path).expect("a file");
    fs::write(path, &bytes[..(bytes.len() as f64 * share) as usize]).expect("a file");
}

#[test]
fn a_table_without_its_end_costs_its_episode_only() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(root) = copy(folder.path()) else { return };
    truncate(&root.join("data/chunk-000/episode_000010.parquet"), 0.7);
    let (mut importer, _) = Importer::open(&root, &g1_card(), ImportOptions::new("test")).expect("a dataset");
    let error = importer.import(0, &folder.path().join("0.mcap")).expect_err("no table").to_string();
    assert!(error.contains("episode_000010.parquet"), "{error}");
    assert!(!folder.path().join("0.mcap").exists());
    importer.import(1, &folder.path().join("1.mcap")).expect("the other episode");
}

#[test]
fn a_video_without_its_end_leaves_its_rows_and_a_declared_gap() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(root) = copy(folder.path()) else { return };
    fs::remove_file(root.join("videos/chunk-000/observation.images.cam_high/episode_000010.mp4"))
        .expect("a file");
    let (episodes, problems) = import(&root, &g1_card(), &[0], folder.path());
    assert!(
        problems.iter().any(|problem| problem.loss && problem.message.contains("its video is lost")),
        "{problems:?}"
    );
    let episode = Episode::open(&episodes[0].path).expect("an episode");
    let gaps = episode.gaps().expect("gaps");
    assert_eq!((gaps.len(), gaps[0].missing), (1, 290));
    let states = episode.stream("/robot/joint_states").expect("a stream");
    assert_eq!(episode.stream_info(states).count.received, 290);
    // Rows without a frame are not exported: nothing is filled in.
    let error = export(&episodes, &folder.path().join("v3"), &ExportOptions::default(), &mut |_, _| {});
    assert!(error.expect_err("no rows").to_string().contains("young enough"));
    assert!(!folder.path().join("v3").exists());
}

#[test]
fn a_shorter_video_shortens_the_export_and_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(root) = copy(folder.path()) else { return };
    // The video of the shorter episode under the longer one: 290 frames for 421 rows.
    let camera = root.join("videos/chunk-000/observation.images.cam_high");
    fs::copy(camera.join("episode_000010.mp4"), camera.join("episode_000011.mp4")).expect("a copy");
    let (episodes, problems) = import(&root, &g1_card(), &[1], folder.path());
    assert!(
        problems.iter().any(|problem| problem.message == "421 rows, but the video ends after 290 frames")
    );
    let out = folder.path().join("v3");
    let exported = export(&episodes, &out, &ExportOptions::default(), &mut |_, _| {}).expect("a dataset");
    assert_eq!((exported.rows, exported.videos_copied), (290, 1));
    assert!(exported.problems.iter().any(|problem| problem.message.contains("131 of 421 rows at its ends")));
}

#[test]
fn a_longer_video_is_kept_and_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(root) = copy(folder.path()) else { return };
    let camera = root.join("videos/chunk-000/observation.images.cam_high");
    fs::copy(camera.join("episode_000011.mp4"), camera.join("episode_000010.mp4")).expect("a copy");
    let (episodes, problems) = import(&root, &g1_card(), &[0], folder.path());
    assert!(
        problems.iter().any(|problem| !problem.loss && problem.message.contains("290 rows, but 421 frames"))
    );
    let out = folder.path().join("v3");
    let exported = export(&episodes, &out, &ExportOptions::default(), &mut |_, _| {}).expect("a dataset");
    assert_eq!((exported.rows, exported.videos_copied), (290, 1));
}

#[test]
fn a_folder_in_use_is_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(root) = copy(folder.path()) else { return };
    let (mut episodes, _) = import(&root, &g1_card(), &[0], folder.path());
    let out = folder.path().join("out");
    fs::create_dir(&out).expect("a folder");
    fs::write(out.join("mine"), b"x").expect("a file");
    let error = export(&episodes, &out, &ExportOptions::default(), &mut |_, _| {}).expect_err("in use");
    assert!(error.to_string().contains("not empty"), "{error}");
    episodes[0].digest = etude_model::Digest::of(b"another");
    let error = export(&episodes, &folder.path().join("new"), &ExportOptions::default(), &mut |_, _| {});
    assert!(error.expect_err("another digest").to_string().contains("expected the digest"));
    assert!(!folder.path().join("new").exists());
}
