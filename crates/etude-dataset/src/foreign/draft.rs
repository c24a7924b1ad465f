//! A mapping drafted from what a recording shows, with the evidence beside each line and a question where it ends.
//!
//! A draft states only what the source or the card states; whatever rests on a guess is a value that begins with `?`,
//! which an import refuses.

mod group;

use super::error::Error;
use super::records::TopicCount;
use super::source::{Format, Source};
use super::survey::{TopicSeen, survey};
use etude_model::Card;
use std::fmt::Write as _;

/// Drafts a mapping for a source from its first recording.
pub fn draft(source: &Source, card: &Card) -> Result<String, Error> {
    let recording = source.recordings.first();
    let recording = recording.ok_or_else(|| Error::content(&source.root, "a recording", "none"))?;
    let mut records = source.read(recording)?;
    let facts = records.facts();
    let (seen, ledger) = survey(records.as_mut());
    let mut text = String::new();
    let mut line = |words: String| {
        text.push_str(&words);
        text.push('\n');
    };
    line(format!("# Drafted from {} for {}.", recording.name, card.title()));
    line(
        "# A value that begins with ? is a question; an import refuses it until a person has answered."
            .to_owned(),
    );
    line("schema = 1".to_owned());
    line(format!("format = \"{}\"", source.format));
    line("about = \"? who confirms this, from which documents or measurements?\"".to_owned());
    if let Some(instruction) = &facts.instruction {
        line(format!("# The recording says what was to be done: {}", quoted(instruction)));
    } else {
        line("instruction = { en = \"? what was to be done?\" }".to_owned());
    }
    line(String::new());
    clock(&mut line, source.format, facts.rate_hz, &seen.values());
    line(
        "\n[rights]\n# Nothing in the recording states a licence; without one it stays in the centre."
            .to_owned(),
    );
    for problem in ledger.all_problems() {
        line(format!("\n# {}: {problem}", if problem.loss { "Lost" } else { "Odd" }));
    }
    for (topic, count) in &ledger.topics {
        let Some(seen) = seen.get(topic) else {
            unread(&mut line, topic, count);
            continue;
        };
        heading(&mut line, topic, count, seen);
        line(group::streams(topic, &count.type_name, seen, card));
    }
    Ok(text)
}

/// The questions of a draft, for an import that was given no mapping.
pub fn questions(source: &Source, card: &Card) -> Result<Vec<String>, Error> {
    let text = draft(source, card)?;
    match super::mapping::Mapping::from_toml(&text, "draft") {
        Err(Error::Questions { questions }) => Ok(questions),
        Err(error) => Err(error),
        Ok(_) => {
            Ok(vec!["- is the drafted mapping right? Nothing is imported that nobody confirmed".to_owned()])
        }
    }
}

fn clock<'s>(
    line: &mut impl FnMut(String),
    format: Format,
    rate_hz: Option<f64>,
    topics: &(impl Iterator<Item = &'s TopicSeen> + Clone),
) {
    line("[clock]".to_owned());
    let span =
        |times: Option<(i64, i64)>| times.map_or(0.0, |(from, to)| to.saturating_sub(from) as f64 * 1e-9);
    let logged = topics.clone().any(|topic| topic.log.is_some());
    if logged {
        let longest = topics.clone().map(|topic| span(topic.log)).fold(0.0, f64::max);
        line(format!("# Log times cover {longest:.3} s."));
        line("time = \"log\"".to_owned());
        let differs = topics.clone().any(|topic| topic.publish.is_some() && topic.publish != topic.log);
        if !differs && topics.clone().any(|topic| topic.publish.is_some()) {
            line("# Times of sending are the log times: the source did not keep them apart.".to_owned());
        }
    } else if let Some(rate_hz) = rate_hz {
        line(format!(
            "# {format} keeps no clock; it states {rate_hz} samples per second. Time is synthetic and stays marked."
        ));
        line(format!("time = \"rate\"\nrate_hz = {rate_hz:?}"));
    } else {
        line(
            "# There is no clock. `rate` computes times from a rate, and they stay marked as synthetic."
                .to_owned(),
        );
        line("time = \"? a field with times (`stamp`), or a rate (`rate` with `rate_hz`)?\"".to_owned());
    }
    let stamps = || topics.clone().filter_map(|topic| topic.field("header.stamp"));
    let zero = stamps().filter(|field| field.width.1 == 0 || !field.changes).count();
    if stamps().count() > 0 {
        line(format!("# {} topics have header.stamp; in {zero} of them it never changes.", stamps().count()));
        line("stamp = \"header.stamp\"".to_owned());
    }
}

fn heading(line: &mut impl FnMut(String), topic: &str, count: &TopicCount, seen: &TopicSeen) {
    let rate = seen.rate_hz().map_or_else(String::new, |rate_hz| format!(", {rate_hz:.2} Hz"));
    line(format!("\n# {topic}: {}, {} messages{rate}", count.type_name, count.messages));
    if seen.looked_at + count.unread < count.messages {
        line(format!("# (ranges are those of the first {} messages)", seen.looked_at));
    }
}

fn unread(line: &mut impl FnMut(String), topic: &str, count: &TopicCount) {
    line(format!("\n# {topic}: {}, {} messages, none of which can be read", count.type_name, count.messages));
    let why = count.reason.as_deref().unwrap_or("it was not looked at");
    line(format!("[[skip]]\nfrom = {}\nwhy = {}", quoted(topic), quoted(why)));
}

/// Text as TOML writes it.
pub(crate) fn quoted(text: &str) -> String {
    toml::Value::String(text.chars().take(400).collect()).to_string()
}

/// A range with as many digits as a person reads.
pub(crate) fn range(range: Option<(f64, f64)>) -> String {
    let mut text = String::new();
    match range {
        None => text.push_str("no numbers"),
        Some((low, high)) if low == high => {
            let _ = write!(text, "always {}", short(low));
        }
        Some((low, high)) => {
            let _ = write!(text, "{}..{}", short(low), short(high));
        }
    }
    text
}

fn short(number: f64) -> String {
    let text = format!("{number:.4}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}
