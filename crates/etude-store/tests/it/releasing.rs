//! Releases: immutable, named once, the same for the same question.

use crate::{NOW, episode, verdict};
use etude_store::{Centre, Error, Filter, Intake};
use std::fs;
use std::path::Path;

fn centre(folder: &Path) -> Centre {
    let centre = Centre::create_or_open(&folder.join("centre")).expect("a centre");
    for number in 0..4u8 {
        let file = folder.join("take.mcap");
        fs::write(&file, [number]).expect("a file");
        let added = centre.add(&file, Intake::Move, &episode(&format!("e{number}")), NOW).expect("filed");
        centre.add_verdict(&verdict(added.digest, number != 2), NOW).expect("a verdict");
    }
    centre
}

#[test]
fn a_release_names_episodes_and_layers_by_digest() {
    let folder = tempfile::tempdir().expect("a folder");
    let centre = centre(folder.path());
    let filter = Filter::parse("accepted").expect("a filter");
    let release = centre.create_release("first", &filter, NOW).expect("a release");
    assert_eq!(release.episodes.iter().map(|e| e.episode.as_str()).collect::<Vec<_>>(), ["e0", "e1", "e3"]);
    assert!(release.episodes.iter().all(|episode| episode.layers[0].version == "default 1"));
    assert_eq!(release.query.as_deref(), Some("accepted"));
    assert!(release.verify(centre.layout().root()).is_empty());
    assert_eq!(centre.release("first").expect("a release"), release);
    // The same again, later, is the same release.
    let again = centre.create_release("first", &filter, NOW + 1).expect("a release");
    assert_eq!(again.digest(), release.digest());
    let rows = centre.releases().expect("releases");
    assert_eq!((rows.len(), rows[0].episodes, rows[0].created_us), (1, 3, NOW));
}

#[test]
fn a_name_is_used_once_and_a_file_is_not_changed() {
    let folder = tempfile::tempdir().expect("a folder");
    let centre = centre(folder.path());
    centre.create_release("first", &Filter::all(), NOW).expect("a release");
    let other = Filter::parse("accepted").expect("a filter");
    assert!(matches!(centre.create_release("first", &other, NOW), Err(Error::ReleaseExists { .. })));
    assert!(matches!(centre.release("second"), Err(Error::NoRelease(_))));
    assert!(matches!(centre.create_release("../x", &other, NOW), Err(Error::Release(_))));
    let none = Filter::parse("task = 'nothing'").expect("a filter");
    assert!(matches!(centre.create_release("none", &none, NOW), Err(Error::Release(_))));
    let path = centre.layout().release("first");
    let text = fs::read_to_string(&path).expect("its file");
    fs::write(&path, text.replace("lift_can", "drop_can")).expect("a change");
    assert!(matches!(centre.release("first"), Err(Error::Changed { .. })));
}

#[test]
fn a_release_file_without_its_row_is_adopted() {
    let folder = tempfile::tempdir().expect("a folder");
    let centre = centre(folder.path());
    let release = centre.create_release("first", &Filter::all(), NOW).expect("a release");
    // As if the same release had been cut off before its row, in a centre with the same episodes.
    let text = release.to_json().replace("\"first\"", "\"second\"");
    fs::write(centre.layout().release("second"), text).expect("a file");
    assert!(matches!(centre.release("second"), Err(Error::NoRelease(_))), "not filed yet");
    let adopted = centre.create_release("second", &Filter::all(), NOW).expect("adopted");
    assert_eq!(centre.release("second").expect("a release"), adopted);
}
