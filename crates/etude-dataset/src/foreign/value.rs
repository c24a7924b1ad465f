//! What a message of any format holds: one tree of numbers, text and bytes, and the paths into it.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// A message, or part of one.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Nothing is there.
    Null,
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A whole number beyond those of `Int`.
    Large(u64),
    /// A number.
    Float(f64),
    /// Text.
    Text(String),
    /// A time or a length of time, ns.
    Time(i64),
    /// Bytes, such as a picture.
    Bytes(Vec<u8>),
    /// Numbers of at most 32 bits, or of floating point: all exact.
    Numbers(Vec<f64>),
    /// Anything else, many times.
    List(Vec<Value>),
    /// Parts with names, in the order of the source.
    Struct(Vec<(Arc<str>, Value)>),
}

/// Whole numbers beyond this are not exact as `f64`.
const EXACT: u64 = 1 << 53;

impl Value {
    /// A part of a struct.
    pub fn part(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Struct(parts) => parts.iter().find(|(key, _)| **key == *name).map(|(_, value)| value),
            _ => None,
        }
    }

    /// Text, if it is that.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// What the value is, in a word.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "yes or no",
            Self::Int(_) | Self::Large(_) => "a whole number",
            Self::Float(_) => "a number",
            Self::Text(_) => "text",
            Self::Time(_) => "a time",
            Self::Bytes(_) => "bytes",
            Self::Numbers(_) => "numbers",
            Self::List(_) => "a list",
            Self::Struct(_) => "a group",
        }
    }

    /// Appends its numbers; `false` where it holds what is none. Parts called x, y, z and w come in that order.
    fn append(&self, out: &mut Found) -> bool {
        match self {
            Self::Bool(value) => out.numbers.push(f64::from(u8::from(*value))),
            Self::Int(value) => {
                out.inexact |= value.unsigned_abs() > EXACT;
                out.numbers.push(*value as f64);
            }
            Self::Large(value) => {
                out.inexact |= *value > EXACT;
                out.numbers.push(*value as f64);
            }
            Self::Float(value) => out.numbers.push(*value),
            Self::Time(ns) => out.numbers.push(*ns as f64 * 1e-9),
            Self::Numbers(values) => out.numbers.extend_from_slice(values),
            Self::Bytes(values) => out.numbers.extend(values.iter().map(|value| f64::from(*value))),
            Self::List(values) => return values.iter().all(|value| value.append(out)),
            Self::Struct(parts) => {
                let axes = ["x", "y", "z", "w"];
                if !parts.iter().all(|(name, _)| axes.contains(&&**name)) || parts.len() < 3 {
                    return false;
                }
                return axes.iter().filter_map(|axis| self.part(axis)).all(|value| value.append(out));
            }
            Self::Null | Self::Text(_) => return false,
        }
        true
    }
}

/// Numbers that a path led to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// The numbers, in order.
    pub numbers: Vec<f64>,
    /// Whether a whole number was too large to be kept exactly.
    pub inexact: bool,
}

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Part(String),
    At(usize),
    Range(usize, usize),
    Where(String, String),
}

impl Step {
    /// Whether the step leads to this element of a list.
    pub(crate) fn meets(&self, at: usize, element: &Value) -> bool {
        match self {
            Self::Part(_) => false,
            Self::At(wanted) => *wanted == at,
            Self::Range(from, to) => (*from..*to).contains(&at),
            Self::Where(key, wanted) => element.part(key).and_then(Value::text) == Some(wanted),
        }
    }
}

/// A path into a message: `position[0:7]`, `poses[1].orientation`, `transforms[child_frame_id=hand].transform`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    text: String,
    steps: Vec<Step>,
}

/// Text that is no path.
#[derive(Debug, thiserror::Error)]
#[error("expected a path such as `pose.position` or `position[0:7]`, found `{0}`")]
pub struct PathError(String);

impl FromStr for Path {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        let mut steps = Vec::new();
        for piece in split(text) {
            let (name, mut rest) = piece.split_at(piece.find('[').unwrap_or(piece.len()));
            if !name.is_empty() {
                steps.push(Step::Part(name.to_owned()));
            }
            while !rest.is_empty() {
                let end = rest.find(']').ok_or_else(|| PathError(text.to_owned()))?;
                let inner = rest.get(1..end).unwrap_or_default();
                steps.push(step(inner).ok_or_else(|| PathError(text.to_owned()))?);
                rest = rest.get(end + 1..).unwrap_or_default();
                if !rest.is_empty() && !rest.starts_with('[') {
                    return Err(PathError(text.to_owned()));
                }
            }
        }
        if steps.is_empty() || steps.len() > 32 {
            return Err(PathError(text.to_owned()));
        }
        Ok(Self { text: text.to_owned(), steps })
    }
}

/// The pieces between dots that stand outside of brackets.
fn split(text: &str) -> Vec<&str> {
    let (mut pieces, mut from, mut inside) = (Vec::new(), 0, false);
    for (at, letter) in text.char_indices() {
        match letter {
            '[' => inside = true,
            ']' => inside = false,
            '.' if !inside => {
                pieces.push(text.get(from..at).unwrap_or_default());
                from = at + 1;
            }
            _ => {}
        }
    }
    pieces.push(text.get(from..).unwrap_or_default());
    pieces
}

fn step(inner: &str) -> Option<Step> {
    if let Some((key, value)) = inner.split_once('=') {
        return Some(Step::Where(key.to_owned(), value.to_owned()));
    }
    if let Some((from, to)) = inner.split_once(':') {
        let (from, to) = (from.parse().ok()?, to.parse().ok()?);
        return (from < to).then_some(Step::Range(from, to));
    }
    inner.parse().ok().map(Step::At)
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Path {
    /// The whole of a message.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Its steps.
    pub(crate) fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The value that the path leads to, where it needs no cutting.
    pub fn value<'v>(&self, message: &'v Value) -> Option<&'v Value> {
        self.steps.iter().try_fold(message, |value, step| match (step, value) {
            (Step::Part(name), value) => value.part(name),
            (Step::At(at), Value::List(values)) => values.get(*at),
            (Step::Where(key, wanted), Value::List(values)) => {
                values.iter().find(|value| value.part(key).and_then(Value::text) == Some(wanted))
            }
            _ => None,
        })
    }

    /// The numbers that the path leads to; `None` where there is nothing, or no numbers.
    pub fn numbers(&self, message: &Value) -> Option<Found> {
        let (last, front) = self.steps.split_last()?;
        let cut = match last {
            Step::At(at) => Some((*at, at + 1)),
            Step::Range(from, to) => Some((*from, *to)),
            Step::Part(_) | Step::Where(..) => None,
        };
        let mut found = Found::default();
        let Some((from, to)) = cut else {
            return self.value(message)?.append(&mut found).then_some(found);
        };
        let front = Self { text: String::new(), steps: front.to_vec() };
        let whole = if front.steps.is_empty() { message } else { front.value(message)? };
        match whole {
            Value::Numbers(values) => found.numbers.extend_from_slice(values.get(from..to)?),
            Value::List(values) => {
                values.get(from..to)?.iter().all(|value| value.append(&mut found)).then_some(())?;
            }
            Value::Bytes(values) => {
                found.numbers.extend(values.get(from..to)?.iter().map(|value| f64::from(*value)));
            }
            _ => return None,
        }
        Some(found)
    }

    /// The texts that the path leads to.
    pub fn texts<'v>(&self, message: &'v Value) -> Option<Vec<&'v str>> {
        let (cut, value) = match self.steps.split_last()? {
            (Step::Range(from, to), front) => {
                let front = Self { text: String::new(), steps: front.to_vec() };
                (Some((*from, *to)), front.value(message)?)
            }
            _ => (None, self.value(message)?),
        };
        match value {
            Value::List(values) => {
                let values = cut.map_or(Some(values.as_slice()), |(from, to)| values.get(from..to))?;
                values.iter().map(Value::text).collect()
            }
            Value::Text(text) => Some(vec![text]),
            _ => None,
        }
    }
}

/// Calls `each` with the name and value of every leaf: `header.stamp`, `poses[].position.x`, `position`.
pub(crate) fn leaves<'v>(message: &'v Value, each: &mut dyn FnMut(&str, &'v Value)) {
    let mut name = String::new();
    walk(message, &mut name, each);
}

fn walk<'v>(value: &'v Value, name: &mut String, each: &mut dyn FnMut(&str, &'v Value)) {
    let length = name.len();
    match value {
        Value::Struct(parts) => {
            for (part, value) in parts {
                if !name.is_empty() {
                    name.push('.');
                }
                name.push_str(part);
                walk(value, name, each);
                name.truncate(length);
            }
        }
        Value::List(values)
            if values.iter().any(|value| matches!(value, Value::Struct(_) | Value::List(_))) =>
        {
            name.push_str("[]");
            for value in values {
                walk(value, name, each);
            }
            name.truncate(length);
        }
        leaf => each(name, leaf),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(parts: &[(&str, Value)]) -> Value {
        Value::Struct(parts.iter().map(|(name, value)| (Arc::from(*name), value.clone())).collect())
    }

    fn numbers(path: &str, value: &Value) -> Option<Vec<f64>> {
        path.parse::<Path>().expect("a path").numbers(value).map(|found| found.numbers)
    }

    #[test]
    fn paths_lead_to_numbers() {
        let turn = group(&[
            ("w", Value::Float(1.0)),
            ("x", Value::Int(2)),
            ("y", Value::Int(3)),
            ("z", Value::Int(4)),
        ]);
        let pose = group(&[("name", Value::Text("hand".to_owned())), ("turn", turn)]);
        let message =
            group(&[("poses", Value::List(vec![pose])), ("q", Value::Numbers(vec![5.0, 6.0, 7.0]))]);
        assert_eq!(numbers("q[1:3]", &message), Some(vec![6.0, 7.0]));
        assert_eq!(numbers("q[2]", &message), Some(vec![7.0]));
        assert_eq!(numbers("q[2:4]", &message), None);
        assert_eq!(numbers("poses[0].turn", &message), Some(vec![2.0, 3.0, 4.0, 1.0]));
        assert_eq!(numbers("poses[name=hand].turn.w", &message), Some(vec![1.0]));
        assert_eq!(numbers("poses[name=foot].turn.w", &message), None);
        assert_eq!(numbers("poses[0]", &message), None);
        let mut names = Vec::new();
        leaves(&message, &mut |name, _| names.push(name.to_owned()));
        assert_eq!(
            names,
            ["poses[].name", "poses[].turn.w", "poses[].turn.x", "poses[].turn.y", "poses[].turn.z", "q"]
        );
    }

    #[test]
    fn whole_numbers_beyond_a_double_are_told() {
        let found = "a".parse::<Path>().expect("a path").numbers(&group(&[("a", Value::Int(1 << 54))]));
        assert!(found.expect("a number").inexact);
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for text in ["", ".", "a[", "a[x]", "a[3:1]", "a[1]b"] {
            assert!(text.parse::<Path>().is_err(), "{text}");
        }
    }
}
