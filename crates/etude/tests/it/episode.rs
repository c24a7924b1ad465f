//! `etude episode` on files made for the purpose.

use crate::run::{etude_in, watching};
use etude_episode::{EpisodeWriter, Expected, Head, WriterOptions};
use etude_model::id::EpisodeId;
use etude_model::rights::Rights;
use etude_model::sample::{JointStates, TakeEvent};
use etude_model::{
    Channel, ClockKind, Digest, Gap, GapReason, LogTime, Manifest, Origin, Sample, Stamp, StreamKind,
    StreamSpec, Topic, Unit,
};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;

const CARD: &str = r#"schema = 1
vendor = "Maker"
model = "One"
revision = "a"
source = "a test"

[[joint]]
name = "elbow"
kind = "revolute"
unit = "rad"
position = [-2.0, 2.0]
velocity = 3.0
"#;

/// 200 joint states at 100 Hz, five of them missing and declared so, and one event.
fn take(path: &Path) {
    let channels = vec![Channel { name: "elbow".into(), unit: Unit::Radian }];
    let joints =
        StreamSpec::new(Topic::JOINT_STATES, StreamKind::JointStates, Some(100.0)).with_channels(channels);
    let manifest = Manifest {
        format_version: 1,
        episode: EpisodeId::new("0190a000-0000-7000-8000-000000000001"),
        task: None,
        instruction: BTreeMap::from([("en".to_owned(), "Bend the elbow.".to_owned())]),
        campaign: None,
        scene: None,
        station: None,
        card: Digest::of(CARD.as_bytes()),
        embodiment: "Maker One".into(),
        robot_serial: None,
        trainer: None,
        software: "a test".into(),
        clock: ClockKind::Measured,
        origin: Origin::Teleoperated,
        parents: Vec::new(),
        rights: Rights::default(),
        streams: vec![joints, StreamSpec::new(Topic::TAKE, StreamKind::Take, None)],
        notes: BTreeMap::new(),
    };
    let head = Head { manifest: &manifest, card_toml: CARD, attachments: &[] };
    let mut writer = EpisodeWriter::create(path, &head, WriterOptions::default()).expect("a writer");
    let joints = writer.stream(Topic::JOINT_STATES).expect("the stream");
    let events = writer.stream(Topic::TAKE).expect("the stream");
    let begun = TakeEvent { name: "recording".into(), detail: "with a comma, here".into() };
    writer.write(events, Stamp::at(0), &Sample::Take(begun)).expect("an event");
    for index in (0..205_i64).filter(|index| !(100..105).contains(index)) {
        let position = vec![(index as f64 * 0.05).sin()];
        let sample = Sample::JointStates(JointStates { position, ..JointStates::default() });
        writer.write(joints, Stamp::at(index * 10_000_000), &sample).expect("a message");
    }
    let gap = Gap {
        topic: Topic::new(Topic::JOINT_STATES),
        from: LogTime(990_000_000),
        to: LogTime(1_050_000_000),
        missing: 5,
        reason: GapReason::SourceSilent,
    };
    writer.declare_gap(&gap, Stamp::at(2_050_000_000)).expect("a gap");
    writer.expect(joints, Expected::Count(205)).expect("an expectation");
    writer.finish().expect("a file");
}

#[test]
fn info_says_what_is_there_and_what_is_not() {
    let folder = tempfile::tempdir().expect("a folder");
    take(&folder.path().join("take.mcap"));
    let run = etude_in(folder.path(), &["episode", "info", "take.mcap"]).exits(0);
    // How well a file packs is not what this is about.
    let column = run.stdout.lines().find_map(|line| line.find("in chunks of")).expect("the column of sizes");
    let lines = run.stdout.lines().filter(|line| !line.starts_with("digest") && !line.starts_with("size"));
    let table: Vec<&str> = lines.map(|line| line.get(..column).unwrap_or(line).trim_end()).collect();
    let table = table.join("\n");
    insta::assert_snapshot!("info", table);
    let info = etude_in(folder.path(), &["episode", "info", "take.mcap", "--format", "json"]).exits(0).json();
    assert_eq!(info["streams"][0]["messages"], 200);
    assert_eq!(info["streams"][0]["missing"], 5);
    assert_eq!(info["streams"][0]["expected"], 205);
    assert_eq!(info["gaps"][0]["reason"], "source_silent");
    assert_eq!(info["accounted"], true);
    assert_eq!(info["manifest"]["instruction"]["en"], "Bend the elbow.");
}

#[test]
fn check_tells_a_sound_file_from_a_damaged_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("take.mcap");
    take(&path);
    let run = etude_in(folder.path(), &["episode", "check", "take.mcap"]).exits(0);
    assert!(run.stdout.starts_with("take.mcap conforms: 202 messages"), "{run:#?}");
    let mut bytes = fs::read(&path).expect("the file");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x40;
    fs::write(folder.path().join("damaged.mcap"), bytes).expect("a file");
    let run = etude_in(folder.path(), &["episode", "check", "damaged.mcap"]).exits(1);
    assert!(run.stdout.starts_with("byte"), "{run:#?}");
    assert!(run.stderr.contains("does not conform") && run.stderr.contains("hint: "), "{run:#?}");
    let found =
        etude_in(folder.path(), &["episode", "check", "damaged.mcap", "--format", "json"]).exits(1).json();
    assert_eq!(found["conforms"], false);
    assert!(found["problems"].as_array().is_some_and(|problems| !problems.is_empty()), "{found}");
}

#[test]
fn recover_rescues_what_is_whole_and_says_what_is_lost() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("take.mcap");
    take(&path);
    let bytes = fs::read(&path).expect("the file");
    let cut = &bytes[..bytes.len() * 6 / 10];
    fs::write(folder.path().join("cut.mcap.partial"), cut).expect("a file");
    let run = etude_in(folder.path(), &["episode", "info", "cut.mcap.partial"]).exits(1);
    assert!(run.stderr.contains("hint: `etude episode recover cut.mcap.partial`"), "{run:#?}");
    let run = etude_in(folder.path(), &["episode", "recover", "cut.mcap.partial"]).exits(3);
    assert!(
        run.stdout.contains("cut.recovered.mcap") && run.stdout.contains("/robot/joint_states"),
        "{run:#?}"
    );
    assert!(run.stderr.contains("lost: "), "{run:#?}");
    assert_eq!(fs::read(folder.path().join("cut.mcap.partial")).expect("the file"), cut, "it is only read");
    let info = ["episode", "info", "cut.recovered.mcap", "--format", "json"];
    let info = etude_in(folder.path(), &info).exits(0).json();
    let kept = info["streams"][0]["messages"].as_u64().expect("a count");
    assert!((1..200).contains(&kept), "{kept} messages kept");
    assert_eq!(info["gaps"][0]["reason"], "interrupted", "what is not known is declared: {info}");
    let run = etude_in(folder.path(), &["episode", "check", "cut.recovered.mcap"]).exits(0);
    assert!(run.stdout.contains("conforms") && !run.stderr.contains("hint: "), "{run:#?}");
    assert!(run.stderr.contains("remark: /robot/joint_states: interrupted"), "{run:#?}");
    assert_eq!(info["accounted"], false, "it conforms, and it is no whole take");
    let run = etude_in(folder.path(), &["episode", "recover", "cut.mcap.partial"]).exits(1);
    assert!(run.stderr.contains("hint: an episode is never overwritten"), "{run:#?}");
    let arguments = ["episode", "recover", "take.mcap", "--out", "copy.mcap", "--format", "json"];
    let whole = etude_in(folder.path(), &arguments).exits(0).json();
    assert_eq!(whole["was_complete"], true);
    assert_eq!(fs::read(folder.path().join("copy.mcap")).expect("the copy"), bytes);
}

#[test]
fn csv_holds_every_number_as_it_was() {
    let folder = tempfile::tempdir().expect("a folder");
    take(&folder.path().join("take.mcap"));
    let run = etude_in(folder.path(), &["episode", "export-csv", "take.mcap", "--out", "csv"]).exits(0);
    assert!(run.stdout.contains("robot_joint_states.csv"), "{run:#?}");
    let text = fs::read_to_string(folder.path().join("csv/robot_joint_states.csv")).expect("the file");
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("device_ns,host_ns,log_ns,position.elbow [rad]"));
    let rows: Vec<&str> = lines.collect();
    assert_eq!(rows.len(), 200);
    for (row, index) in rows.iter().zip((0..205_i64).filter(|index| !(100..105).contains(index))) {
        let cells: Vec<&str> = row.split(',').collect();
        assert_eq!(cells[..3], [(index * 10_000_000).to_string().as_str(); 3]);
        let value: f64 = cells[3].parse().expect("a number");
        assert_eq!(value.to_bits(), (index as f64 * 0.05).sin().to_bits());
    }
    let events = fs::read_to_string(folder.path().join("csv/take.csv")).expect("the file");
    assert!(events.ends_with("0,0,0,recording,\"with a comma, here\"\n"), "{events}");
    let gaps = fs::read_to_string(folder.path().join("csv/gap.csv")).expect("the file");
    assert!(gaps.contains("/robot/joint_states,990000000,1050000000,5,source_silent"), "{gaps}");
    let run = etude_in(folder.path(), &["episode", "export-csv", "take.mcap", "--out", "csv"]).exits(1);
    assert!(run.stderr.contains("hint: nothing is overwritten"), "{run:#?}");
}

#[test]
fn quiet_says_nothing_but_results() {
    let folder = tempfile::tempdir().expect("a folder");
    take(&folder.path().join("take.mcap"));
    let arguments = ["--quiet", "episode", "export-csv", "take.mcap", "--out", "csv"];
    let run = etude_in(folder.path(), &arguments).exits(0);
    assert!(run.stderr.is_empty() && !run.stdout.is_empty(), "{run:#?}");
}

#[test]
fn inspection_of_a_file_and_of_a_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    take(&folder.path().join("one.mcap"));
    take(&folder.path().join("two.mcap"));
    let one = etude_in(folder.path(), &["inspect", "one.mcap", "--format", "json"]).exits(0).json();
    assert_eq!(one["episodes"][0]["embodiment"], "Maker One");
    let strict = etude_in(folder.path(), &["inspect", "one.mcap", "--rules", "strict", "--format", "json"]);
    let strict = strict.exits(0).json();
    assert_eq!(strict["rules"], "strict 1");
    assert_eq!(strict["episodes"][0]["measurements"], one["episodes"][0]["measurements"]);
    let both = etude_in(folder.path(), &["inspect", "."]).exits(0);
    assert!(both.stdout.contains("duplicate_episodes"), "{both:#?}");
    let bytes = fs::read(folder.path().join("two.mcap")).expect("the file");
    fs::write(folder.path().join("two.mcap"), &bytes[..bytes.len() / 2]).expect("a file");
    let run = etude_in(folder.path(), &["inspect", "one.mcap", "two.mcap"]).exits(3);
    assert!(
        run.stderr.contains("lost: two.mcap") && run.stderr.contains("etude episode recover two.mcap"),
        "{run:#?}"
    );
    let run = etude_in(folder.path(), &["inspect", "one.mcap", "--save"]).exits(1);
    assert!(run.stderr.contains("hint: name the centre itself"), "{run:#?}");
}

#[test]
fn verdicts_are_written_as_build_systems_read_them() {
    let folder = tempfile::tempdir().expect("a folder");
    take(&folder.path().join("one & only.mcap"));
    fs::write(folder.path().join("cut.mcap"), b"nothing").expect("a file");
    let rules = "name = \"harsh\"\nversion = \"1\"\n\
        [[rule]]\nname = \"long\"\nmeasurement = \"duration\"\nwhen = { above = 0.0 }\nseverity = \"fault\"\n\
        message = \"{value} s is > 0\"\n\
        [[rule]]\nname = \"many\"\nmeasurement = \"messages\"\nwhen = { above = 0.0 }\nseverity = \"note\"\n\
        message = \"{where} has <some>\"\n\
        [[rule]]\nname = \"far\"\nmeasurement = \"maximum\"\nwhen = { above = -9.0 }\nseverity = \"warning\"\n\
        message = \"{where} goes to {value}\"\n";
    fs::write(folder.path().join("harsh.toml"), rules).expect("a file");
    let run = |format: &str| {
        let arguments =
            ["inspect", "one & only.mcap", "cut.mcap", "--rules", "harsh.toml", "--format", format];
        etude_in(folder.path(), &arguments).exits(3)
    };
    let junit = run("junit").stdout;
    let document = roxmltree::Document::parse(&junit).expect("XML");
    let suite = document.descendants().find(|node| node.has_tag_name("testsuite")).expect("a suite");
    let counts = ["name", "tests", "failures", "errors"].map(|key| suite.attribute(key).unwrap_or_default());
    assert_eq!(counts, ["harsh 1", "3", "1", "1"], "an episode, the set, and a file that is none: {junit}");
    let case = suite.children().find(|node| node.has_tag_name("testcase")).expect("a test");
    assert_eq!(case.attribute("name"), Some("one & only.mcap"));
    let failure = case.children().find(|node| node.has_tag_name("failure")).expect("a failure");
    assert_eq!(failure.attribute("type"), Some("long"));
    assert!(failure.attribute("message").is_some_and(|message| message.ends_with("s is > 0")), "{junit}");
    let others = case.children().find(|node| node.has_tag_name("system-out")).and_then(|node| node.text());
    assert!(others.is_some_and(|text| text.contains("note: many: ") && text.contains("<some>")), "{junit}");

    let page = run("html").stdout;
    for part in ["<svg", "one &amp; only.mcap", "has &lt;some&gt;", "<code>long</code>", "不合格", "cut.mcap"]
    {
        assert!(page.contains(part), "{part}: {page}");
    }
    for loaded in ["http:", "https:", "src=", "<link"] {
        assert!(!page.contains(loaded), "it loads {loaded}");
    }

    let sarif = run("sarif").json();
    let run = &sarif["runs"][0];
    assert_eq!(
        (sarif["version"].as_str(), run["invocations"][0]["executionSuccessful"].as_bool()),
        (Some("2.1.0"), Some(false))
    );
    let results = run["results"].as_array().expect("results");
    let faults: Vec<_> = results.iter().filter(|result| result["level"] == "error").collect();
    assert_eq!(faults.len(), 1, "{sarif:#}");
    assert_eq!(faults[0]["ruleId"], "long");
    assert_eq!(
        run["tool"]["driver"]["rules"][faults[0]["ruleIndex"].as_u64().expect("a place") as usize]["id"],
        "long"
    );
    let uri = &faults[0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
    assert_eq!(uri, "one%20%26%20only.mcap");
    assert!(results.iter().any(|result| result["ruleId"] == "many" && result["level"] == "note"));
    let told = run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"].as_str();
    assert!(told.is_some_and(|text| text.contains("cut.mcap")), "{sarif:#}");
}

#[test]
fn a_folder_is_watched_and_each_take_judged_once_it_is_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("takes")).expect("a folder");
    let mut watching = watching(folder.path(), &["inspect", "takes", "--watch", "--format", "json"]);
    let mut lines = BufReader::new(watching.stdout.take().expect("its output")).lines();
    let mut next = || -> Value {
        let line = lines.next().expect("a line").expect("text");
        serde_json::from_str(&line).expect("an object")
    };
    // While it is written it has another name, as the recorder's files have.
    take(&folder.path().join("takes/one.mcap.partial"));
    fs::rename(folder.path().join("takes/one.mcap.partial"), folder.path().join("takes/one.mcap"))
        .expect("a name");
    let first = next();
    assert_eq!(first["file"], "takes/one.mcap");
    assert!(
        ["accepted", "review", "rejected"].contains(&first["standing"].as_str().expect("a word")),
        "{first}"
    );
    fs::create_dir(folder.path().join("takes/later")).expect("a folder");
    take(&folder.path().join("takes/later/two.mcap"));
    let second = next();
    assert_eq!(second["file"], "takes/later/two.mcap");
    assert_eq!(second["report"]["measurements"], first["report"]["measurements"]);
    fs::remove_dir_all(folder.path().join("takes")).expect("it is removed");
    let ended = watching.wait().expect("it ends");
    assert_eq!(ended.code(), Some(1), "the folder is gone");

    let run = etude_in(folder.path(), &["inspect", "a", "b", "--watch"]).exits(1);
    assert!(run.stderr.contains("--watch watches one folder, found 2"), "{run:#?}");
    let run = etude_in(folder.path(), &["inspect", "a", "--watch", "--format", "junit"]).exits(1);
    assert!(run.stderr.contains("use --format table or json"), "{run:#?}");
}
