//! `etude robot diff`: how two cards differ, entry by entry.

use super::subject::Subject;
use crate::cli::{DiffArgs, Format};
use crate::exit;
use crate::output::{Output, count};
use etude_model::Card;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::process::ExitCode;

/// Numbers nearer than this, relative to their size, are the same.
const SAME: f64 = 1e-4;

pub(super) fn run(arguments: &DiffArgs, output: &Output) -> anyhow::Result<ExitCode> {
    let one = Subject::read(&arguments.one, &arguments.folders)?;
    let other = Subject::read(&arguments.other, &arguments.folders)?;
    let lines = differences(&one.card, &other.card)?;
    match arguments.format.format {
        Format::Json => {
            let list: Vec<_> = lines
                .iter()
                .map(|(entry, one, other)| json!({ "entry": entry, "one": one, "other": other }))
                .collect();
            output.json(&list)?;
        }
        Format::Table => {
            let rows = lines
                .iter()
                .map(|(entry, one, other)| vec![entry.clone(), shown(one.as_ref()), shown(other.as_ref())]);
            output.data(&output.table(&["entry", &one.title, &other.title], rows))?;
        }
    }
    output.note(&count(lines.len(), "difference"));
    Ok(exit::DONE)
}

type Line = (String, Option<Value>, Option<Value>);

/// Entries that differ: joints, ends, hands, sensors and streams by their names, not their places.
fn differences(one: &Card, other: &Card) -> anyhow::Result<Vec<Line>> {
    let (one, other) = (entries(one)?, entries(other)?);
    let mut lines: Vec<Line> = Vec::new();
    for (entry, value) in &one {
        let theirs = other.get(entry);
        if theirs.is_none_or(|theirs| !same(value, theirs)) {
            lines.push((entry.clone(), Some(value.clone()), theirs.cloned()));
        }
    }
    lines.extend(
        other
            .iter()
            .filter(|(entry, _)| !one.contains_key(*entry))
            .map(|(entry, value)| (entry.clone(), None, Some(value.clone()))),
    );
    lines.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(lines)
}

fn entries(card: &Card) -> anyhow::Result<BTreeMap<String, Value>> {
    let mut card = card.clone();
    card.doubts.clear();
    let mut entries = BTreeMap::new();
    flatten("", &serde_json::to_value(card)?, &mut entries);
    Ok(entries)
}

fn flatten(path: &str, value: &Value, entries: &mut BTreeMap<String, Value>) {
    let below = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| flatten(&below(key), value, entries)),
        Value::Array(list) if list.iter().any(Value::is_object) => {
            for (place, item) in list.iter().enumerate() {
                let name = ["name", "side", "task"].iter().find_map(|key| item.get(key)?.as_str());
                flatten(&below(name.unwrap_or(&place.to_string())), item, entries);
            }
        }
        other => {
            entries.insert(path.to_owned(), other.clone());
        }
    }
}

fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        _ => match (one.as_f64(), other.as_f64()) {
            (Some(a), Some(b)) => (a - b).abs() <= SAME * a.abs().max(b.abs()).max(1.0),
            _ => one == other,
        },
    }
}

fn shown(value: Option<&Value>) -> String {
    match value {
        None => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}
