//! What a crash leaves behind, and that the next attempt puts it right.

use crate::{NOW, episode};
use etude_dataset::files;
use etude_model::Digest;
use etude_store::{Centre, Filter, Intake};
use std::fs;

#[test]
fn a_file_without_its_row_is_adopted() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("take.mcap");
    fs::write(&file, b"content").expect("a file");
    let centre = Centre::create_or_open(&folder.path().join("centre")).expect("a centre");
    // As if filing was cut off between the file and the row.
    let placed = centre.layout().episode(&Digest::of(b"content"));
    fs::create_dir_all(placed.parent().expect("a folder")).expect("a folder");
    fs::write(&placed, b"content").expect("a file");
    assert_eq!(centre.audit(false).expect("an audit").unlisted, std::slice::from_ref(&placed));
    assert!(centre.add(&file, Intake::Move, &episode("e1"), NOW).expect("filed").is_new);
    assert!(placed.exists() && !file.exists());
    assert!(centre.audit(true).expect("an audit").unlisted.is_empty());
}

#[test]
fn leftovers_of_a_cut_off_copy_are_neither_listed_nor_in_the_way() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("take.mcap");
    fs::write(&file, b"content").expect("a file");
    let centre = Centre::create_or_open(&folder.path().join("centre")).expect("a centre");
    let leftover = files::temporary_beside(&centre.layout().episodes().join("incoming.mcap"));
    fs::write(&leftover, b"cont").expect("a file");
    centre.add(&file, Intake::Copy, &episode("e1"), NOW).expect("filed");
    assert_eq!(centre.count(&Filter::all()).expect("a count"), 1);
    let audit = centre.audit(true).expect("an audit");
    assert_eq!(audit.temporary, [leftover]);
    assert!(audit.unlisted.is_empty());
}

#[test]
fn an_audit_finds_what_changed_and_what_is_gone() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("take.mcap");
    let centre = Centre::create_or_open(&folder.path().join("centre")).expect("a centre");
    let mut digests = Vec::new();
    for id in ["e1", "e2", "e3"] {
        fs::write(&file, id).expect("a file");
        digests.push(centre.add(&file, Intake::Move, &episode(id), NOW).expect("filed").digest);
    }
    fs::write(centre.layout().episode(&digests[0]), b"changed").expect("a file");
    fs::remove_file(centre.layout().episode(&digests[1])).expect("a file");
    let audit = centre.audit(true).expect("an audit");
    assert_eq!((audit.sound, audit.changed, audit.missing), (1, vec![digests[0]], vec![digests[1]]));
}
