//! Clean takes: the values are the true ones, and nothing is found.

use crate::fixture::{
    JOINTS, LAG_S, clean, commands_topic, find, hand_topic, in_parts, rules, states_topic, value,
};
use etude_inspect::{DEFINITIONS, RuleSet, render};
use etude_model::verdict::Severity;
use etude_model::{ClockKind, Sample, Topic};

#[test]
fn a_clean_take_is_accepted_without_warning() {
    for rate_hz in [30.0, 100.0, 200.0] {
        let report = clean(rate_hz, 10.0, 0.0).inspect();
        assert_eq!(rules(&report, Severity::Warning), [], "at {rate_hz} Hz");
        assert!(report.verdict.accepted);
        assert_eq!(report.verdict.rules, "default 1");
    }
}

#[test]
fn rate_and_jitter_are_those_of_the_clock() {
    let report = clean(200.0, 10.0, 0.0).inspect();
    let states = states_topic();
    assert!((value(&report, "rate", &states, None) - 200.0).abs() < 0.2);
    let p99 = value(&report, "jitter_p99", &states, None);
    assert!(p99 > 0.04 && p99 < 0.085, "two stamps are off by 0.04 ms at most each: {p99}");
    assert_eq!(value(&report, "messages", &states, None), 2000.0);
    assert_eq!(value(&report, "gaps_undeclared", &states, None), 0.0);
    assert!(value(&report, "synthetic_time", &states, None) < 0.1);
    assert!(value(&report, "clock_drift", &states, None).abs() < 0.1);
    assert_eq!(value(&report, "coverage", &states, None), 1.0);
}

#[test]
fn each_joint_has_its_own_lag_at_30_hz() {
    let report = clean(30.0, 12.0, 0.0).inspect();
    for (joint, lag_s) in JOINTS.iter().zip(LAG_S) {
        let lag = value(&report, "lag", &states_topic(), Some(joint));
        assert!((lag - lag_s * 1e3).abs() < 5.0, "{joint}: {lag} ms found, {} ms true", lag_s * 1e3);
        let gain = value(&report, "lag_gain", &states_topic(), Some(joint));
        assert!((gain - 1.0).abs() < 0.05, "{joint}: {gain}");
        assert!(value(&report, "lag_correlation", &states_topic(), Some(joint)) > 0.98);
    }
    assert_eq!(rules(&report, Severity::Note).iter().filter(|(rule, _)| *rule == "lag").count(), 1);
}

#[test]
fn every_stream_of_joints_meets_its_commands_by_name() {
    let report = in_parts(30.0, 12.0).inspect();
    let hand = Topic::from("/robot/hand/left/state");
    for (joint, lag_s) in JOINTS.iter().zip(LAG_S) {
        let topic = if *joint == "finger" { &hand } else { &states_topic() };
        let lag = value(&report, "lag", topic, Some(joint));
        assert!((lag - lag_s * 1e3).abs() < 5.0, "{joint}: {lag} ms found, {} ms true", lag_s * 1e3);
    }
    assert_eq!(value(&report, "not_si", &hand, None), 1.0);
    assert_eq!(value(&report, "not_si", &states_topic(), None), 0.0);
    for topic in [&hand, &states_topic()] {
        assert!(value(&report, "frozen", topic, None) > 0.1, "{topic}");
        assert_eq!(value(&report, "copied", topic, None), 0.0);
        assert_eq!(value(&report, "frozen_span", topic, None), 0.0);
    }
    assert_eq!(rules(&report, Severity::Warning), []);
}

#[test]
fn a_hand_that_rests_while_the_arm_works_is_still_and_not_idle() {
    let mut take = in_parts(30.0, 12.0);
    for (topic, _, sample) in &mut take.messages {
        match sample {
            Sample::JointStates(states) if topic.as_str().contains("hand") => states.position = vec![0.2],
            Sample::JointCommand(command) if topic.as_str().contains("hand") => command.granted[0] = 0.2,
            _ => {}
        }
    }
    let report = take.inspect();
    let hand = Topic::from("/robot/hand/left/state");
    assert_eq!(value(&report, "still", &hand, Some("finger")), 0.0);
    assert_eq!(rules(&report, Severity::Warning), []);
    assert!(find(&report, "lag", &hand, Some("finger")).is_none());
    assert!(value(&report, "lag", &states_topic(), Some("elbow")) > 100.0);
}

#[test]
fn five_ms_are_seen_between_streams_of_200_hz() {
    for offset_s in [0.0, 0.005, -0.005, 0.04, 2.4] {
        let report = clean(200.0, 20.0, offset_s).inspect();
        let found = value(&report, "offset", &hand_topic(), None);
        assert!((found - offset_s * 1e3).abs() < 2.5, "{found} ms found, {} ms true", offset_s * 1e3);
        let fires = rules(&report, Severity::Warning).contains(&("stream-offset", None));
        assert_eq!(fires, offset_s > 0.6);
    }
}

#[test]
fn channels_that_are_no_radians_are_named() {
    let report = clean(30.0, 5.0, 0.0).inspect();
    let found = find(&report, "not_si", &states_topic(), None).expect("measured");
    assert_eq!(found.value, Some(1.0));
    assert!(found.detail.contains("ratio") && found.detail.contains("finger"), "{}", found.detail);
}

#[test]
fn the_same_take_gives_the_same_bytes() {
    let take = clean(100.0, 6.0, 0.0);
    let (a, b) = (take.inspect(), take.inspect());
    assert_eq!(a.to_json(), b.to_json());
    let read: etude_inspect::Report = serde_json::from_str(&a.to_json()).expect("its own JSON");
    assert_eq!(read.to_json(), a.to_json());
}

#[test]
fn every_measurement_is_defined_and_in_its_unit() {
    let report = clean(100.0, 6.0, 0.0).inspect();
    for measurement in &report.measurements {
        let definition = DEFINITIONS.iter().find(|definition| definition.name == measurement.name);
        let definition = definition.unwrap_or_else(|| panic!("{} is not defined", measurement.name));
        assert!(definition.unit == "channel" || definition.unit == measurement.unit, "{}", measurement.name);
        assert!(measurement.value.is_some() || !measurement.detail.is_empty(), "{measurement:?}");
    }
}

#[test]
fn stored_measurements_are_judged_again() {
    let strict = RuleSet::from_toml(
        "name = \"strict\"\nversion = \"2\"\n[[rule]]\nname = \"lag\"\nmeasurement = \"lag\"\nwhen = { above = 120 }\n\
         severity = \"fault\"\nmessage = \"{where}: {value} {unit}\"",
    )
    .expect("a rule set");
    let report = clean(100.0, 6.0, 0.0).inspect().judged_by(&strict);
    assert!(!report.verdict.accepted);
    assert_eq!(report.verdict.rules, "strict 2");
    let joints: Vec<_> =
        rules(&report, Severity::Fault).into_iter().filter_map(|(_, channel)| channel).collect();
    assert_eq!(joints, ["wrist", "finger"]);
}

#[test]
fn times_of_a_frame_rate_are_told_from_measured_ones() {
    let mut take = clean(30.0, 10.0, 0.0);
    let mut counts = std::collections::BTreeMap::new();
    for (topic, stamp, _) in &mut take.messages {
        let i = counts.entry(topic.clone()).or_insert(0u32);
        // The way such data sets are written: i / fps, as float32.
        *stamp = etude_model::Stamp {
            device: None,
            ..crate::fixture::at(f64::from(f64::from(*i) as f32 / 30.0f32))
        };
        *i += 1;
    }
    let report = take.inspect();
    assert_eq!(value(&report, "synthetic_time", &commands_topic(), None), 1.0);
    assert!(rules(&report, Severity::Note).contains(&("time-exact", None)));
    take.manifest.clock = ClockKind::Synthetic { rate_hz: 30.0 };
    assert!(rules(&take.inspect(), Severity::Note).contains(&("time-synthetic", None)));
    take.manifest.clock = ClockKind::Simulated;
    let report = take.inspect();
    assert!(find(&report, "synthetic_time", &commands_topic(), None).is_none());
}

#[test]
fn a_table_says_verdict_findings_and_measurements() {
    let report = clean(100.0, 6.0, 0.0).inspect();
    let text = render::table(&report, false);
    assert!(text.starts_with("take-1  Test Arm  6.0 s\naccepted by rule set default 1\n"), "{text}");
    assert!(text.contains("\nmeasurement") && text.contains(Topic::JOINT_STATES));
    assert!(text.lines().count() < render::table(&report, true).lines().count());
}
