//! Expressions: what they mean, in memory and in the database alike, and what is said of wrong ones.

use crate::{NOW, episode, verdict};
use etude_model::id::{TaskId, TrainerId};
use etude_model::rights::Rights;
use etude_model::take::Outcome;
use etude_model::{ClockKind, Origin};
use etude_store::filter::COLUMNS;
use etude_store::{Centre, Filter, Intake, Page};
use proptest::prelude::*;
use std::fs;
use std::sync::OnceLock;

/// A centre with episodes of every kind; the folder stays until the process ends.
fn centre() -> &'static Centre {
    static CENTRE: OnceLock<(tempfile::TempDir, Centre)> = OnceLock::new();
    let (_, centre) = CENTRE.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let centre = Centre::create_or_open(&folder.path().join("centre")).expect("a centre");
        for number in 0..24u8 {
            let mut new = episode(&format!("e{number:02}"));
            new.manifest.task =
                [None, Some("lift_can"), Some("it's")][usize::from(number) % 3].map(TaskId::new);
            new.manifest.trainer = (number % 2 == 0).then(|| TrainerId::new("a"));
            new.manifest.origin = [Origin::Simulated, Origin::Imported][usize::from(number) % 2];
            new.manifest.clock =
                [ClockKind::Measured, ClockKind::Synthetic { rate_hz: 30.0 }][usize::from(number) % 2];
            let licence = (number % 4 == 0).then(|| "MIT".to_owned());
            new.manifest.rights = Rights { licence, ..Rights::default() };
            new.outcome = [Outcome::Success, Outcome::Failure, Outcome::Unknown][usize::from(number / 2) % 3];
            new.started_us = (number % 5 != 0).then(|| NOW + i64::from(number) * 86_400_000_000);
            new.duration_us = i64::from(number) * 500_000;
            let file = folder.path().join("take.mcap");
            fs::write(&file, [number]).expect("a file");
            let digest = centre.add(&file, Intake::Move, &new, NOW).expect("filed").digest;
            if number % 3 > 0 {
                centre.add_verdict(&verdict(digest, number % 3 == 1), NOW).expect("a verdict");
            }
        }
        (folder, centre)
    });
    centre
}

fn found(text: &str) -> Vec<String> {
    let filter = Filter::parse(text).unwrap_or_else(|error| panic!("{error}"));
    let rows = centre().list(&filter, &Page::first(1000)).expect("a list");
    assert_eq!(centre().count(&filter).expect("a count"), rows.len() as u64);
    rows.into_iter().map(|row| row.episode.as_str().to_owned()).collect()
}

#[test]
fn a_question_finds_its_episodes() {
    assert_eq!(found("task = 'lift_can' and accepted and outcome = 'success'"), ["e01", "e07", "e13", "e19"]);
    assert_eq!(found("TASK = \"it's\" AND duration_s <= 1"), ["e02"]);
    assert_eq!(found("task = 'it''s' and duration_s <= 1"), ["e02"]);
    assert_eq!(found("digest contains 'no such'"), [""; 0]);
    assert_eq!(found("episode in ('e03', 'e05') or episode = 'e01'"), ["e01", "e03", "e05"]);
    assert_eq!(found("not (inspected or duration_s > 3.0)"), ["e00", "e03", "e06"]);
    assert_eq!(found("started >= '2026-01-27' and started < '2026-01-28T12:00:00Z'"), ["e22", "e23"]);
    assert_eq!(found("task is null and licence is not null and accepted = false"), ["e00", "e12"]);
}

#[test]
fn absence_fails_a_test_and_holds_its_opposite() {
    assert_eq!(found("task != 'lift_can'").len(), 16);
    assert_eq!(found("not task = 'lift_can'"), found("task <> 'lift_can'"));
    assert_eq!(found("not started < '2030-01-01'"), found("started is null"));
    assert_eq!(found("not task contains 'it'").len(), 16);
    assert_eq!(found("task not contains 'it'").len(), 16);
    assert_eq!(found("trainer not in ('a')").len(), 12);
    assert_eq!(found("not accepted").len() + found("accepted").len(), 24);
}

#[test]
fn pages_follow_each_other() {
    let mut page = Page::first(7);
    let mut all = Vec::new();
    loop {
        let rows = centre().list(&Filter::all(), &page).expect("a page");
        let Some(last) = rows.last() else { break };
        page.after = Some(last.episode.clone());
        all.extend(rows);
    }
    assert_eq!(all.len(), 24);
    assert!(all.windows(2).all(|pair| pair[0].episode < pair[1].episode));
}

#[test]
fn wrong_expressions_say_where_and_what() {
    for (text, position, part) in [
        ("", 0, "expected a column, found the end"),
        ("colour = 'red'", 0, "expected a column, found `colour`"),
        ("task 'a'", 5, "expected a comparison after `task`"),
        ("task = lift_can", 7, "expected a text in quotes for `task`, found `lift_can`"),
        ("task = 'a' outcome = 'success'", 11, "expected `and`, `or` or the end"),
        ("outcome = 'sucess'", 10, "expected one of its words"),
        ("duration_s > 'long'", 13, "expected a number"),
        ("added > 'yesterday'", 8, "expected a date"),
        ("task = 'open", 7, "without its closing quote"),
        ("(task = 'a'", 11, "expected `)`"),
        ("task in 'a'", 8, "expected `(`"),
        ("accepted < true", 9, "no order"),
        ("accepted = 1", 11, "expected true or false"),
        ("task = 'a'; drop table episodes", 10, "`;` means nothing"),
        ("duration_s > 1e999", 13, "is no number"),
        ("bytes contains 'a'", 15, "is no text"),
        ("task is 'a'", 8, "expected `null`"),
    ] {
        let error = Filter::parse(text).expect_err(text);
        assert_eq!(error.position, position, "{error}");
        assert!(error.message.contains(part), "{error}");
        assert!(!error.hint.is_empty());
    }
    let deep = format!("{}accepted{}", "(".repeat(70), ")".repeat(70));
    assert!(Filter::parse(&deep).expect_err("too deep").message.contains("64"));
    assert!(
        Filter::parse(&format!("task = '{}'", "a".repeat(5000)))
            .expect_err("too long")
            .message
            .contains("4096")
    );
}

#[test]
fn every_column_can_be_asked_for() {
    for column in COLUMNS {
        assert!(
            found(&format!("{0} is null or {0} is not null", column.name)).len() == 24,
            "{}",
            column.name
        );
    }
}

fn test() -> impl Strategy<Value = String> {
    let comparison = prop::sample::select(vec!["=", "!=", "<>", "<", "<=", ">", ">="]);
    let text = prop::sample::select(vec!["'lift_can'", "'it''s'", "\"it's\"", "''", "'zzz'", "'%'"]);
    let column = prop::sample::select(vec!["task", "trainer", "embodiment", "licence", "rules", "episode"]);
    prop_oneof![
        (column.clone(), comparison.clone(), text.clone()).prop_map(|(c, o, t)| format!("{c} {o} {t}")),
        (comparison.clone(), -1.0..13.0f64).prop_map(|(o, n)| format!("duration_s {o} {n}")),
        (comparison.clone(), 0..5u8).prop_map(|(o, n)| format!("duration_s {o} {n}")),
        (comparison, 1..28u8).prop_map(|(o, day)| format!("started {o} '2026-01-{day:02}'")),
        (column.clone(), prop::collection::vec(text.clone(), 1..4), any::<bool>())
            .prop_map(|(c, v, not)| format!("{c} {}in ({})", if not { "not " } else { "" }, v.join(", "))),
        (column.clone(), text, any::<bool>())
            .prop_map(|(c, t, not)| format!("{c} {}contains {t}", if not { "not " } else { "" })),
        (column, any::<bool>()).prop_map(|(c, not)| format!("{c} is {}null", if not { "not " } else { "" })),
        prop::sample::select(vec![
            "accepted",
            "inspected",
            "accepted = false",
            "outcome = 'failure'",
            "origin != 'imported'"
        ])
        .prop_map(str::to_owned),
    ]
}

fn expression() -> impl Strategy<Value = String> {
    test().prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(|parts| format!("({})", parts.join(" and "))),
            prop::collection::vec(inner.clone(), 2..4).prop_map(|parts| format!("({})", parts.join(" OR "))),
            inner.prop_map(|part| format!("not {part}")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// The database and the plain reading of an expression agree on every episode.
    #[test]
    fn database_and_memory_agree(text in expression()) {
        let filter = Filter::parse(&text).map_err(|error| TestCaseError::fail(error.to_string()))?;
        let rows = centre().list(&Filter::all(), &Page::first(1000)).expect("a list");
        let expected: Vec<String> =
            rows.iter().filter(|row| filter.matches(row)).map(|row| row.episode.as_str().to_owned()).collect();
        prop_assert_eq!(found(&text), expected, "{}", text);
    }

    /// Whatever text comes, it is understood or refused, and an error points into the text.
    #[test]
    fn no_text_breaks_the_parser(text in "[ -~é拿\\n]{0,60}") {
        if let Err(error) = Filter::parse(&text) {
            prop_assert!(error.position <= text.chars().count());
            prop_assert!(!error.to_string().is_empty());
        }
    }

    /// Pieces of the language in any order are understood or refused, and what is understood can be asked.
    #[test]
    fn no_sequence_of_words_breaks_anything(
        words in prop::collection::vec(
            prop::sample::select(vec!["task", "=", "'a'", "(", ")", "and", "or", "not", "in", ",", "5", "accepted", "is", "null"]),
            0..12,
        )
    ) {
        let text = words.join(" ");
        if Filter::parse(&text).is_ok() {
            found(&text);
        }
    }
}
