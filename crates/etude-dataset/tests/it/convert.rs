//! A conversion gives what an import and an export give, to the byte, and leaves nothing else behind.

use crate::foreign::made::json_mcap;
use crate::foreign::{card, importer};
use crate::{data, g1_card, import};
use etude_dataset::convert::Conversion;
use etude_dataset::export::{Episodes, RowOptions};
use etude_dataset::lerobot::{ExportOptions, ImportOptions, Importer, export, export_each};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

const MAPPING: &str = r#"
    schema = 1
    format = "mcap"
    [clock]
    time = "log"
    [[stream]]
    topic = "/robot/joint_states"
    kind = "joint_states"
    from = "joints"
    rate_hz = 100
    position = { field = "rad", unit = "rad" }
    channels = [{ name = "joint1" }]
"#;

/// Every file below a folder, by its relative path.
fn files(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut ahead = vec![root.to_owned()];
    while let Some(folder) = ahead.pop() {
        for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
            if entry.is_dir() {
                ahead.push(entry);
            } else {
                let name = entry.strip_prefix(root).expect("a path below it").to_owned();
                found.insert(name, fs::read(entry).expect("a file"));
            }
        }
    }
    found
}

#[test]
fn a_real_dataset_becomes_what_import_and_export_make_of_it() {
    let Some(root) = data("g1_inspire_lerobot_v21") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let options = ExportOptions { image_samples: 2, ..ExportOptions::default() };
    let positions: Vec<usize> = (0..15).filter(|place| *place != 1).collect();
    let (episodes, _) = import(&root, &g1_card(), &positions, folder.path());
    let long = folder.path().join("long");
    export(&episodes, &long, &options, &mut |_, _| {}).expect("a dataset");

    let (mut importer, _) = Importer::open(&root, &g1_card(), ImportOptions::new("test")).expect("a dataset");
    let second = importer.source().episodes[1].index.to_string();
    let into = folder.path().join("into");
    let short = into.join("short");
    let mut conversion =
        Conversion::of_lerobot(&mut importer, std::slice::from_ref(&second), &short).expect("it can begin");
    assert_eq!(conversion.count(), 14);
    let mut steps = Vec::new();
    let exported = export_each(&mut conversion, &short, &options, &mut |done, all| steps.push((done, all)))
        .expect("a dataset");
    drop(conversion);
    assert_eq!((exported.episodes, steps.last().copied()), (14, Some((14, 14))));
    let (long, short) = (files(&long), files(&short));
    assert_eq!(long.keys().collect::<Vec<_>>(), short.keys().collect::<Vec<_>>());
    for (name, bytes) in &long {
        assert!(short[name] == *bytes, "{} differs", name.display());
    }
    let left: Vec<_> = fs::read_dir(&into).expect("a folder").map(|e| e.expect("one").file_name()).collect();
    assert_eq!(left, ["short"]);
    let absent = Conversion::of_lerobot(&mut importer, &["77".to_owned()], &into.join("other"));
    assert!(absent.err().expect("a refusal").to_string().contains("no episode \"77\""));
}

#[test]
fn what_cannot_be_converted_is_said_and_the_rest_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let source = folder.path().join("source");
    fs::create_dir(&source).expect("a folder");
    let messages: Vec<String> = (0..40).map(|n| format!("{{\"rad\": [0.{n:02}]}}")).collect();
    json_mcap(&source.join("a.mcap"), "joints", &messages, None);
    fs::write(source.join("b.mcap"), b"\x89MCAP0\r\n").expect("a file");
    let card = card("franka_panda");
    let importer = importer(&source, MAPPING, &card).expect("a source");
    let out = folder.path().join("out");
    let rows = RowOptions { fps: Some(100), ..RowOptions::default() };
    let options = ExportOptions { rows, ..ExportOptions::default() };
    let mut conversion = Conversion::of_recordings(&importer, &[], &out).expect("it can begin");
    let exported = export_each(&mut conversion, &out, &options, &mut |_, _| {}).expect("a dataset");
    assert_eq!((exported.episodes, exported.embodiment), (1, card.title()));
    let losses: Vec<String> =
        exported.problems.iter().filter(|problem| problem.loss).map(ToString::to_string).collect();
    assert_eq!(losses.len(), 1, "{losses:?}");
    assert!(losses[0].contains("b.mcap") && losses[0].contains("it is not converted"), "{losses:?}");
}

#[test]
fn a_conversion_that_was_cut_off_goes_on_with_what_it_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let source = folder.path().join("source");
    fs::create_dir(&source).expect("a folder");
    for (name, shift) in [("a.mcap", 0), ("b.mcap", 3), ("c.mcap", 5)] {
        let messages: Vec<String> = (0..40).map(|n| format!("{{\"rad\": [0.{:02}]}}", n + shift)).collect();
        json_mcap(&source.join(name), "joints", &messages, None);
    }
    let card = card("franka_panda");
    let importer = importer(&source, MAPPING, &card).expect("a source");
    let (out, kept) = (folder.path().join("out"), folder.path().join("out.kept"));
    let rows = RowOptions { fps: Some(100), ..RowOptions::default() };
    let options = ExportOptions { rows, ..ExportOptions::default() };
    let begin = || Conversion::of_recordings(&importer, &[], &out).expect("it can begin");
    let write = |conversion: &mut Conversion<'_>, out: &Path| {
        export_each(conversion, out, &options, &mut |_, _| {}).expect("a dataset");
    };
    let whole = folder.path().join("whole");
    write(&mut begin(), &whole);

    let mut cut_off = begin().keeping(&kept).expect("a folder");
    let mut problems = Vec::new();
    for _ in 0..2 {
        assert!(cut_off.next(&mut problems).expect("an episode").is_some());
    }
    drop(cut_off);
    let names = || fs::read_dir(&kept).map_or(0, Iterator::count);
    assert_eq!(names(), 4, "two episodes with their accounts");
    // One that is not whole any more is made again; what others put there stays.
    let damaged = fs::read_dir(&kept).expect("a folder").map(|entry| entry.expect("an entry").path());
    let damaged =
        damaged.filter(|path| path.extension().is_some_and(|end| end == "mcap")).min().expect("one");
    let bytes = fs::read(&damaged).expect("an episode");
    fs::write(&damaged, &bytes[..bytes.len() / 2]).expect("it is cut");
    fs::write(kept.join("note.txt"), "mine").expect("a file");

    let mut goes_on = begin().keeping(&kept).expect("a folder");
    write(&mut goes_on, &out);
    assert_eq!((goes_on.found(), names()), (1, 7));
    goes_on.finish().expect("it is removed");
    assert_eq!(names(), 1);
    assert_eq!(files(&out), files(&whole));
}
