//! The page of formats, `docs/reference/formats.md`, made of what the tests show.
//!
//! A test says what it shows in a line above its `#[test]`, such as
//! `// shows: robomimic read-made, write, round-trip, peer h5py`. What no test shows does not stand on the page. Versions of
//! peers are those that `tests/peers` pins.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// Where the page lies.
pub(crate) const PAGE: &str = "docs/reference/formats.md";

/// What a line begins with that says what a test shows.
const MARK: &str = "// shows: ";

/// Names in markers, in the page's order, and what the page calls them.
const FORMATS: [(&str, &str); 31] = [
    ("lerobot-v2.0", "LeRobotDataset 2.0"),
    ("lerobot-v2.1", "LeRobotDataset 2.1"),
    ("lerobot-v3.0", "LeRobotDataset 3.0"),
    ("groot", "GR00T: LeRobot 2 with `modality.json`"),
    ("robocoin", "RoboCOIN: LeRobot 2.1 with annotations"),
    ("robodriver", "RoboDriver: LeRobot with its additions"),
    ("robosuite", "robosuite HDF5"),
    ("robomimic", "robomimic HDF5"),
    ("mimicgen", "MimicGen HDF5"),
    ("aloha", "ALOHA HDF5"),
    ("robomind", "RoboMIND HDF5"),
    ("agibot", "AgiBot World"),
    ("droid", "DROID raw"),
    ("rlds", "RLDS / Open X TFRecord"),
    ("umi", "UMI zarr"),
    ("xr-teleoperate", "Unitree `xr_teleoperate`"),
    ("rosbag1", "ROS 1 bag"),
    ("rosbag2-sqlite3", "rosbag2, SQLite"),
    ("rosbag2-mcap", "rosbag2, MCAP"),
    ("mcap-ros1", "MCAP, ROS 1 messages"),
    ("mcap-ros2msg", "MCAP, ROS 2 messages (`ros2msg`)"),
    ("mcap-ros2idl", "MCAP, ROS 2 messages (`ros2idl`)"),
    ("mcap-protobuf", "MCAP, Protobuf messages"),
    ("mcap-flatbuffer", "MCAP, FlatBuffers messages"),
    ("mcap-json", "MCAP, JSON messages"),
    ("bvh", "BVH motion"),
    ("aframe", "A-Frame tracking"),
    ("csv", "tables of text (CSV)"),
    ("parquet", "Parquet, a table per stream"),
    ("ros2-mcap", "ROS 2 MCAP, as exported"),
    ("rrd", "Rerun `.rrd`"),
];

/// What is shown of a format.
#[derive(Default)]
struct Shown {
    /// How it comes in: `read-real` (files that others made) before `read-made` (written after its layout).
    read: BTreeSet<&'static str>,
    write: bool,
    round_trip: bool,
    peers: BTreeSet<String>,
    tests: BTreeSet<String>,
}

/// The page, made of source files with their paths and of the files that pin peers; or what is wrong with markers.
pub(crate) fn page(sources: &[(String, String)], pins: &[String]) -> Result<String, Vec<String>> {
    let mut problems = Vec::new();
    let mut shown: BTreeMap<&str, Shown> = BTreeMap::new();
    for (path, text) in sources {
        for (line, mark, test) in marks(text) {
            let place = format!("{path}:{line}");
            let Some(test) = test else {
                problems.push(format!("{place}: says what a test shows, and no test follows"));
                continue;
            };
            let (name, facts) = mark.split_once(' ').unwrap_or((mark, ""));
            let Some((name, _)) = FORMATS.iter().find(|(known, _)| *known == name) else {
                problems.push(format!("{place}: {name} is no format of the page"));
                continue;
            };
            let of = shown.entry(name).or_default();
            of.tests.insert(test.to_owned());
            for fact in facts.split(", ") {
                if let Err(problem) = add(of, fact, pins) {
                    problems.push(format!("{place}: {problem}"));
                }
            }
        }
    }
    if problems.is_empty() { Ok(written(&shown)) } else { Err(problems) }
}

/// Paths and texts of the source files that may show a format, and the texts of the files that pin peers.
pub(crate) type Read = (Vec<(String, String)>, Vec<String>);

/// Reads what the page is made of.
pub(crate) fn read(root: &Path) -> std::io::Result<Read> {
    let mut sources = Vec::new();
    let mut folders = vec![root.join("crates/etude-dataset"), root.join("crates/etude/tests")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root).unwrap_or(&path).display().to_string();
                sources.push((name, fs::read_to_string(&path)?));
            }
        }
    }
    sources.sort();
    let mut pins = Vec::new();
    for entry in fs::read_dir(root.join("tests/peers"))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "txt") {
            pins.push(fs::read_to_string(path)?);
        }
    }
    Ok((sources, pins))
}

/// Every marker: its line from 1, what it says, and the name of the test behind it.
fn marks(text: &str) -> Vec<(usize, &str, Option<&str>)> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let test_behind = |at: usize| {
        let mut is_test = false;
        for line in lines.iter().skip(at + 1) {
            if line.starts_with("//") || line.is_empty() {
                continue;
            }
            is_test |= *line == "#[test]";
            match line.strip_prefix("fn ") {
                Some(rest) if is_test => return rest.split('(').next(),
                None if line.starts_with("#[") => {}
                _ => return None,
            }
        }
        None
    };
    let marked = lines.iter().enumerate().filter_map(|(at, line)| Some((at, line.strip_prefix(MARK)?)));
    marked.map(|(at, mark)| (at + 1, mark, test_behind(at))).collect()
}

fn add(shown: &mut Shown, fact: &str, pins: &[String]) -> Result<(), String> {
    match fact {
        "read-real" => drop(shown.read.insert("read-real")),
        "read-made" => drop(shown.read.insert("read-made")),
        "write" => shown.write = true,
        "round-trip" => shown.round_trip = true,
        other => {
            let name = other.strip_prefix("peer ").ok_or_else(|| {
                format!("expected read-real, read-made, write, round-trip or `peer NAME`, found {other:?}")
            })?;
            let version = version(name, pins).ok_or_else(|| format!("tests/peers pins no {name}"))?;
            shown.peers.insert(format!("{name} {version}"));
        }
    }
    Ok(())
}

/// The version that a peer is pinned to.
fn version<'p>(name: &str, pins: &'p [String]) -> Option<&'p str> {
    let mut lines = pins.iter().flat_map(|text| text.lines());
    lines.find_map(|line| {
        let (package, rest) = line.split_once("==")?;
        (package.eq_ignore_ascii_case(name)).then(|| rest.split([' ', ';', '\\']).next())?
    })
}

fn written(shown: &BTreeMap<&str, Shown>) -> String {
    let mut page = "# Formats\n\n\
        What comes in and what goes out, as the tests show it: what no test shows is not here. `cargo xtask formats` makes this page from \
        the lines `// shows:` above the tests, and a test compares it.\n\n\
        - **In**: *real*, tested on files that others made; *made*, on files that the tests write after the published layout.\n\
        - **Round trip**: numbers come back bit for bit, and copied video frame for frame.\n\
        - **Opened by**: what others wrote and what opened an export there, in the version that the tests use \
        (`cargo xtask test --peers`).\n\n\
        | format | in | out | round trip | opened by | shown by |\n|---|---|---|---|---|---|\n"
        .to_owned();
    for (name, title) in FORMATS {
        let Some(of) = shown.get(name) else { continue };
        let read = match (of.read.contains("read-real"), of.read.contains("read-made")) {
            (true, _) => "real",
            (false, true) => "made",
            (false, false) => "",
        };
        let yes = |is: bool| if is { "yes" } else { "" };
        let tests: Vec<String> = of.tests.iter().map(|test| format!("`{test}`")).collect();
        let peers = of.peers.iter().cloned().collect::<Vec<_>>().join(", ");
        let cells = [title, read, yes(of.write), yes(of.round_trip), &peers, &tests.join(", ")];
        let cells = cells.map(|cell| if cell.is_empty() { " ".to_owned() } else { format!(" {cell} ") });
        let written = writeln!(page, "|{}|", cells.join("|"));
        written.expect("a text takes what is written");
    }
    page
}
