//! Episodes and verdicts go in once and come out as they were.

use crate::{NOW, episode, verdict};
use etude_model::{Digest, Measurement, Topic};
use etude_store::{Centre, Error, Filter, Intake, Page};
use std::fs;

#[test]
fn an_episode_is_filed_by_its_digest_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("take.mcap");
    fs::write(&file, b"content").expect("a file");
    let centre = Centre::create_or_open(&folder.path().join("centre")).expect("a centre");
    let first = centre.add(&file, Intake::Copy, &episode("e1"), NOW).expect("filed");
    let again = centre.add(&file, Intake::Copy, &episode("e1"), NOW + 1).expect("filed again");
    assert!(first.is_new && !again.is_new);
    assert_eq!(first.digest, Digest::of(b"content"));
    assert_eq!(fs::read(centre.layout().episode(&first.digest)).expect("its file"), b"content");
    let rows = centre.list(&Filter::all(), &Page::first(10)).expect("a list");
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].task.as_deref(), Some("lift_can"));
    assert_eq!((rows[0].duration_us, rows[0].bytes, rows[0].added_us), (5_000_000, 7, NOW));
    assert_eq!(rows[0].accepted, None);
    assert_eq!(centre.manifest(first.digest).expect("a manifest"), episode("e1").manifest);
    assert_eq!(centre.name(), "centre");
}

#[test]
fn moving_leaves_nothing_where_it_was() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("take.mcap");
    let centre = Centre::create_or_open(&folder.path().join("centre")).expect("a centre");
    for _ in 0..2 {
        fs::write(&file, b"content").expect("a file");
        let added = centre.add(&file, Intake::Move, &episode("e1"), NOW).expect("filed");
        assert!(!file.exists());
        // Filing a file that already lies in its place must not remove it.
        let placed = centre.layout().episode(&added.digest);
        centre.add(&placed, Intake::Move, &episode("e1"), NOW).expect("filed in place");
        assert_eq!(fs::read(placed).expect("its file"), b"content");
    }
}

#[test]
fn other_content_for_the_same_take_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("take.mcap");
    let centre = Centre::create_or_open(&folder.path().join("centre")).expect("a centre");
    fs::write(&file, b"content").expect("a file");
    centre.add(&file, Intake::Copy, &episode("e1"), NOW).expect("filed");
    fs::write(&file, b"other").expect("a file");
    let error = centre.add(&file, Intake::Move, &episode("e1"), NOW).expect_err("a conflict");
    assert!(matches!(error, Error::Conflict { .. }), "{error}");
    assert!(error.hint().is_some());
    assert!(file.exists(), "a refused file stays where it is");
    let mut told = episode("e2");
    told.digest = Some(Digest::of(b"something else"));
    assert!(matches!(centre.add(&file, Intake::Copy, &told, NOW), Err(Error::Changed { .. })));
    let audit = centre.audit(true).expect("an audit");
    assert_eq!((audit.sound, audit.unlisted.len(), audit.temporary.len()), (1, 0, 0));
}

#[test]
fn the_latest_verdict_counts_and_all_are_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("take.mcap");
    fs::write(&file, b"content").expect("a file");
    let centre = Centre::create_or_open(&folder.path().join("centre")).expect("a centre");
    let digest = centre.add(&file, Intake::Copy, &episode("e1"), NOW).expect("filed").digest;
    let mut layer = verdict(digest, false);
    layer.measurements.push(Measurement {
        name: "rate".to_owned(),
        topic: Some(Topic::new("/robot/joint_states")),
        channel: None,
        value: Some(999.5),
        unit: "Hz".to_owned(),
        from: None,
        to: None,
        detail: String::new(),
    });
    let rejected = centre.add_verdict(&layer, NOW).expect("a verdict");
    assert_eq!(centre.episode(digest).expect("a row").accepted, Some(false));
    let accepted = centre.add_verdict(&verdict(digest, true), NOW + 1).expect("a verdict");
    let row = centre.episode(digest).expect("a row");
    assert_eq!(
        (row.accepted, row.verdict, row.rules.as_deref()),
        (Some(true), Some(accepted), Some("default 1"))
    );
    let layers: Vec<Digest> =
        centre.verdicts(digest).expect("verdicts").iter().map(|row| row.layer).collect();
    assert_eq!(layers, [rejected, accepted]);
    assert_eq!(centre.verdict(rejected).expect("a layer"), layer);
    let missing = verdict(Digest::of(b"nothing"), true);
    assert!(matches!(centre.add_verdict(&missing, NOW), Err(Error::NoEpisode(_))));
}

#[test]
fn a_folder_without_settings_is_no_centre() {
    let folder = tempfile::tempdir().expect("a folder");
    let error = Centre::open(folder.path()).expect_err("no centre");
    assert!(matches!(error, Error::NoCentre { .. }) && error.hint().is_some(), "{error}");
    fs::write(folder.path().join("centre.toml"), "schema = 1\nname = \"a\"\ncolour = 2\n").expect("settings");
    assert!(Centre::open(folder.path()).expect_err("a wrong key").to_string().contains("colour"));
}
