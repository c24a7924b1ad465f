//! Several threads and several openings of one centre at once.

use crate::{NOW, episode};
use etude_store::{Centre, Filter, Intake, Page};
use std::fs;
use std::path::Path;
use std::thread;

fn file(folder: &Path, thread: usize, number: usize) -> std::path::PathBuf {
    let path = folder.join(format!("take-{thread}-{number}.mcap"));
    fs::write(&path, format!("take {number}")).expect("a file");
    path
}

#[test]
fn two_openings_file_the_same_episodes_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("centre");
    let new: usize = thread::scope(|scope| {
        let handles: Vec<_> = (0..3)
            .map(|thread| {
                let (folder, path) = (folder.path(), &path);
                // Each opens the centre by itself, as processes do, and creates it where the others have not.
                scope.spawn(move || {
                    let centre = Centre::create_or_open(path).expect("a centre");
                    (0..12)
                        .filter(|number| {
                            let file = file(folder, thread, *number);
                            let added = centre.add(&file, Intake::Move, &episode(&format!("e{number}")), NOW);
                            added.expect("filed").is_new
                        })
                        .count()
                })
            })
            .collect();
        handles.into_iter().map(|handle| handle.join().expect("no panic")).sum()
    });
    assert_eq!(new, 12, "each episode is new exactly once");
    let centre = Centre::open(&path).expect("a centre");
    assert_eq!(centre.count(&Filter::all()).expect("a count"), 12);
    let audit = centre.audit(true).expect("an audit");
    assert_eq!(audit.sound, 12);
    assert!(audit.unlisted.is_empty() && audit.temporary.is_empty(), "{audit:?}");
}

#[test]
fn threads_share_one_opening() {
    let folder = tempfile::tempdir().expect("a folder");
    let centre = Centre::create_or_open(&folder.path().join("centre")).expect("a centre");
    thread::scope(|scope| {
        for thread in 0..3 {
            let (centre, folder) = (&centre, folder.path());
            scope.spawn(move || {
                for number in 0..8 {
                    let number = thread * 100 + number;
                    let file = file(folder, thread, number);
                    centre.add(&file, Intake::Copy, &episode(&format!("e{number}")), NOW).expect("filed");
                }
            });
        }
    });
    assert_eq!(centre.list(&Filter::all(), &Page::first(100)).expect("a list").len(), 24);
}
