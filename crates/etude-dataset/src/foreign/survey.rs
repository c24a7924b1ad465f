//! A look through a recording: which fields it has, how wide, in which range, how often.

use super::picture::PictureSeen;
use super::records::{Ledger, Record, Records};
use super::value::{Value, leaves};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Messages of a topic that are looked at; ranges are those of them.
const MAX_MESSAGES: u64 = 20_000;
/// Elements of an array whose ranges are kept one by one.
const MAX_ELEMENTS: usize = 128;
/// Fields of a topic.
const MAX_FIELDS: usize = 2_000;
/// Different words of a field that are kept.
const MAX_WORDS: usize = 64;

/// What was seen of one field.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FieldSeen {
    /// What its values are.
    pub(crate) kind: &'static str,
    /// Fewest and most elements in a message.
    pub(crate) width: (usize, usize),
    /// Lowest and highest of each element.
    pub(crate) ranges: Vec<(f64, f64)>,
    /// Words, in the order in which they were met.
    pub(crate) words: Vec<String>,
    /// Whether it ever changed.
    pub(crate) changes: bool,
    /// What the first bytes say of the picture that they are.
    pub(crate) picture: Option<PictureSeen>,
    first: Option<Value>,
}

impl FieldSeen {
    /// Lowest and highest of all elements.
    pub(crate) fn range(&self) -> Option<(f64, f64)> {
        self.ranges
            .iter()
            .copied()
            .reduce(|(a, b), (c, d)| (a.min(c), b.max(d)))
            .filter(|(low, high)| low <= high)
    }

    pub(crate) fn is_numbers(&self) -> bool {
        matches!(self.kind, "a number" | "a whole number" | "numbers" | "yes or no")
    }
}

/// What was seen of one topic.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct TopicSeen {
    pub(crate) looked_at: u64,
    /// First and last time, ns, by the recorder and by the sender.
    pub(crate) log: Option<(i64, i64)>,
    pub(crate) publish: Option<(i64, i64)>,
    /// Fields by name, in the order of the source.
    pub(crate) fields: Vec<(String, FieldSeen)>,
}

impl TopicSeen {
    pub(crate) fn field(&self, name: &str) -> Option<&FieldSeen> {
        self.fields.iter().find(|(key, _)| key == name).map(|(_, field)| field)
    }

    /// Messages per second by the recorder's clock.
    pub(crate) fn rate_hz(&self) -> Option<f64> {
        let (from, to) = self.log?;
        let span_s = to.saturating_sub(from) as f64 * 1e-9;
        (to > from && self.looked_at > 1).then(|| (self.looked_at - 1) as f64 / span_s)
    }

    fn see(&mut self, record: &Record) {
        self.looked_at += 1;
        let widen = |range: &mut Option<(i64, i64)>, time: Option<i64>| {
            if let Some(time) = time {
                *range = Some(range.map_or((time, time), |(from, to)| (from.min(time), to.max(time))));
            }
        };
        widen(&mut self.log, record.log_ns);
        widen(&mut self.publish, record.publish_ns);
        let mut met = BTreeSet::new();
        let fields = &mut self.fields;
        leaves(&record.value, &mut |name, value| {
            // Of a list of groups the first is looked at; the others have the same fields.
            if !met.insert(name.to_owned()) && !matches!(value, Value::Text(_)) {
                return;
            }
            let place = fields.iter().position(|(key, _)| key == name);
            let place = place.or_else(|| {
                (fields.len() < MAX_FIELDS).then(|| {
                    fields.push((name.to_owned(), FieldSeen::new(value)));
                    fields.len() - 1
                })
            });
            if let Some((_, field)) = place.and_then(|place| fields.get_mut(place)) {
                field.see(value);
            }
        });
    }
}

impl FieldSeen {
    fn new(value: &Value) -> Self {
        Self {
            kind: value.kind(),
            width: (usize::MAX, 0),
            ranges: Vec::new(),
            words: Vec::new(),
            changes: false,
            picture: None,
            first: None,
        }
    }

    fn see(&mut self, value: &Value) {
        if self.kind == "nothing" {
            self.kind = value.kind();
        }
        let width = match value {
            Value::Numbers(values) => {
                self.numbers(values.iter().copied());
                values.len()
            }
            Value::List(values) => {
                values.iter().filter_map(Value::text).for_each(|text| self.word(text));
                self.numbers(values.iter().filter_map(number));
                values.len()
            }
            Value::Bytes(values) => {
                if self.width.1 == 0 {
                    self.picture = PictureSeen::of(values);
                }
                values.len()
            }
            Value::Text(text) => {
                self.word(text);
                1
            }
            Value::Null => 0,
            other => {
                self.numbers(number(other).into_iter());
                1
            }
        };
        self.width = (self.width.0.min(width), self.width.1.max(width));
        match &self.first {
            None if width <= MAX_ELEMENTS => self.first = Some(value.clone()),
            Some(first) => self.changes |= first != value,
            None => self.changes = true,
        }
    }

    fn numbers(&mut self, values: impl Iterator<Item = f64>) {
        for (at, value) in values.take(MAX_ELEMENTS).enumerate() {
            if at == self.ranges.len() {
                self.ranges.push((f64::INFINITY, f64::NEG_INFINITY));
            }
            if let Some(range) = self.ranges.get_mut(at) {
                *range = (range.0.min(value), range.1.max(value));
            }
        }
    }

    fn word(&mut self, text: &str) {
        let is_new = !self.words.iter().any(|word| word == text);
        if is_new && self.words.len() < MAX_WORDS && text.len() <= 200 {
            self.words.push(text.to_owned());
        }
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Int(value) => Some(*value as f64),
        Value::Large(value) => Some(*value as f64),
        Value::Float(value) => Some(*value),
        Value::Bool(value) => Some(f64::from(u8::from(*value))),
        _ => None,
    }
}

/// Looks through a recording; the ledger is that of the whole of it.
pub(crate) fn survey(records: &mut dyn Records) -> (BTreeMap<Arc<str>, TopicSeen>, Ledger) {
    let seen = std::cell::RefCell::new(BTreeMap::<Arc<str>, TopicSeen>::new());
    let wanted = |topic: &str| seen.borrow().get(topic).is_none_or(|topic| topic.looked_at < MAX_MESSAGES);
    while let Some(record) = records.next(&wanted) {
        seen.borrow_mut().entry(record.topic.clone()).or_default().see(&record);
    }
    (seen.into_inner(), records.ledger().clone())
}
