//! Which feature of an example goes into which record, and how many of its values belong to a step.

use super::super::records::Ledger;
use super::super::value::Value;
use super::example::{Example, Kind as Column};
use super::features::{Feature, Kind};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What is one value of a feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Scalar,
    Array,
    Picture,
}

/// How many values belong to a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Per {
    Fixed(u64),
    /// The columns with the lengths, from the outside to the inside, and the numbers of an innermost value.
    Ragged {
        lengths: Vec<String>,
        width: u64,
    },
}

/// One feature.
#[derive(Clone, Debug)]
pub(super) struct Leaf {
    /// Its name in the example.
    pub(super) column: String,
    /// The column with its values.
    pub(super) values: String,
    pub(super) topic: Arc<str>,
    /// Where it stands in the record.
    pub(super) path: Vec<Arc<str>>,
    pub(super) per: Per,
    pub(super) part: Part,
    pub(super) feature: Option<Feature>,
}

impl Leaf {
    pub(super) fn is_of_step(&self) -> bool {
        self.column.starts_with("steps/")
    }
}

/// The features of an episode.
pub(super) struct Layout {
    pub(super) steps: u64,
    pub(super) leaves: Vec<Leaf>,
    /// What each topic holds, in words.
    pub(super) types: BTreeMap<Arc<str>, String>,
}

type Features = BTreeMap<String, Feature>;

const FLAT: &str = "/ragged_flat_values";
const LENGTHS: &str = "/ragged_row_lengths_";

impl Layout {
    /// Finds a place for every feature of an example; one that does not fit its own description is told as lost.
    pub(super) fn new(
        example: &Example,
        features: Option<&Features>,
        name: &str,
        ledger: &mut Ledger,
    ) -> Result<Self, String> {
        let steps = steps(example, features)?;
        let mut leaves = Vec::new();
        for column in example.columns.keys().filter(|column| !column.contains(LENGTHS)) {
            match leaf(example, column, features, steps) {
                Ok(leaf) => leaves.push(leaf),
                Err(reason) => ledger.loss(name, format!("{column} left out: {reason}")),
            }
        }
        let met: BTreeSet<&str> = leaves.iter().map(|leaf| leaf.column.as_str()).collect();
        for absent in features.iter().flat_map(|features| features.keys()) {
            let has = |name: &str| met.contains(name) || example.columns.contains_key(name);
            if !has(absent) && !has(&format!("{absent}{FLAT}")) {
                ledger.loss(name, format!("features.json has {absent}, the episode has not"));
            }
        }
        let mut types: BTreeMap<Arc<str>, String> = BTreeMap::new();
        for leaf in &leaves {
            let said = leaf.feature.as_ref().map_or_else(|| "of no stated type".to_owned(), Feature::text);
            let text = types.entry(leaf.topic.clone()).or_insert_with(|| "RLDS".to_owned());
            if text.len() < 1000 {
                let part = leaf.path.join(".");
                *text = format!("{text}{} {part} {said}", if text == "RLDS" { "" } else { ";" });
            }
        }
        Ok(Self { steps, leaves, types })
    }
}

/// How many steps an episode has: as often as it says which step is the first.
fn steps(example: &Example, features: Option<&Features>) -> Result<u64, String> {
    let marks = ["steps/is_first", "steps/is_last", "steps/is_terminal"];
    if let Some(column) = marks.iter().find_map(|mark| example.columns.get(*mark)) {
        return Ok(column.values);
    }
    let known = features.into_iter().flatten().filter(|(name, feature)| {
        name.starts_with("steps/")
            && feature.sequences == 1
            && matches!(feature.encoding.as_str(), "" | "none")
    });
    for (name, feature) in known {
        let width = if feature.kind == Kind::Tensor { feature.width() } else { Some(1) };
        if let (Some(column), Some(width @ 1..)) = (example.columns.get(name), width) {
            return Ok(column.values / width);
        }
    }
    let names: Vec<&str> = example.columns.keys().map(String::as_str).take(8).collect();
    Err(format!("none that says how many steps there are (`steps/is_first`); it has {}", names.join(", ")))
}

fn leaf(example: &Example, column: &str, features: Option<&Features>, steps: u64) -> Result<Leaf, String> {
    let name = column.strip_suffix(FLAT).unwrap_or(column);
    let feature = features.and_then(|features| features.get(name)).cloned();
    if features.is_some() && feature.is_none() {
        return Err("features.json does not have it".to_owned());
    }
    let found = example.columns.get(column).ok_or("it is not there")?;
    let in_step = name.starts_with("steps/");
    let steps = if in_step { steps } else { 1 };
    let is_packed =
        feature.as_ref().is_some_and(|feature| matches!(feature.encoding.as_str(), "bytes" | "zlib"));
    let is_picture = found.kind == Column::Bytes
        && feature.as_ref().is_none_or(|feature| feature.kind == Kind::Image)
        && (feature.is_some() || is_named_picture(name));
    let stated = match &feature {
        None => None,
        Some(feature) if feature.kind == Kind::Tensor && !is_packed => feature.width(),
        Some(_) => Some(1),
    };
    let per = if name == column {
        let is_list = feature.as_ref().is_some_and(|feature| feature.sequences > usize::from(in_step));
        let width = stated.filter(|_| !is_list).unwrap_or(found.values.checked_div(steps).unwrap_or(0));
        if steps.checked_mul(width) != Some(found.values) {
            return Err(format!("expected {width} values in each of {steps} steps, found {}", found.values));
        }
        Per::Fixed(width)
    } else {
        let lengths = (0..8).map(|level| format!("{name}{LENGTHS}{level}"));
        let lengths: Vec<String> = lengths.take_while(|name| example.columns.contains_key(name)).collect();
        let first = lengths.first().and_then(|name| example.columns.get(name)).map(|column| column.values);
        if in_step && first != Some(steps) {
            return Err(format!("expected the lengths of {steps} steps, found {}", first.unwrap_or(0)));
        }
        Per::Ragged { lengths, width: stated.unwrap_or(1) }
    };
    let part = match (&per, &feature) {
        _ if is_picture => Part::Picture,
        (Per::Fixed(1), None) => Part::Scalar,
        (Per::Fixed(1), Some(feature)) if feature.shape.is_empty() || is_packed => Part::Scalar,
        _ => Part::Array,
    };
    let (topic, path) = place(name, part == Part::Picture);
    Ok(Leaf { column: name.to_owned(), values: column.to_owned(), topic, path, per, part, feature })
}

/// Without `features.json` a name has to say what is a picture.
fn is_named_picture(name: &str) -> bool {
    let last = name.rsplit('/').next().unwrap_or_default();
    ["image", "rgb", "depth"].iter().any(|word| last.contains(word))
}

/// The topic of a feature and its place in that topic's records.
fn place(name: &str, is_picture: bool) -> (Arc<str>, Vec<Arc<str>>) {
    let parts = |name: &str| name.split('/').map(Arc::from).collect::<Vec<Arc<str>>>();
    let Some(inner) = name.strip_prefix("steps/") else { return (Arc::from("episode"), parts(name)) };
    if is_picture {
        return (Arc::from(inner), Vec::new());
    }
    match inner.split_once('/') {
        Some(("observation", rest)) => (Arc::from("observation"), parts(rest)),
        _ if inner == "observation" => (Arc::from("observation"), parts(inner)),
        _ if inner.starts_with("action") || matches!(inner, "reward" | "discount") => {
            (Arc::from("action"), parts(inner))
        }
        _ => (Arc::from("step"), parts(inner)),
    }
}

/// Puts a value at its place in a group; without a path the value is the whole.
pub(super) fn put(group: &mut Value, path: &[Arc<str>], value: Value) {
    let Some((first, rest)) = path.split_first() else {
        *group = value;
        return;
    };
    if !matches!(group, Value::Struct(_)) {
        *group = Value::Struct(Vec::new());
    }
    let Value::Struct(parts) = group else { return };
    let at = parts.iter().position(|(name, _)| name == first).unwrap_or_else(|| {
        parts.push((first.clone(), Value::Null));
        parts.len() - 1
    });
    if let Some((_, part)) = parts.get_mut(at) {
        put(part, rest, value);
    }
}
