//! `meta/modality.json` of GR00T: which numbers of a feature are which part of the body.
//!
//! `state` and `action` have, by part, `start` and `end` (without it) in the feature `original_key`; `rotation_type` says that
//! the numbers are a rotation, `absolute` that a command is no difference. `video` names views, `annotation` columns whose
//! numbers are those of tasks. What contradicts info.json is told, and no name is taken from it.

use super::info::{Feature, Info};
use crate::problem::Problem;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// Where it lies in a dataset.
pub(super) const MODALITY: &str = "meta/modality.json";

/// Most parts of `state` and of `action` that are read.
const PARTS_MAX: usize = 1000;

/// A part of the body in a feature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BodyPart {
    /// Its name, such as `left_arm`.
    pub name: String,
    /// Its numbers in the feature.
    pub places: Range<usize>,
    /// How its numbers say a rotation, such as `quaternion`; absent: they are none, or nothing is said.
    pub rotation: Option<String>,
    /// Whether its numbers are values and no differences; absent: nothing is said.
    pub absolute: Option<bool>,
}

impl Feature {
    /// What modality.json calls the number at this place: `left_arm.0`; nothing where it names it not or more than once.
    pub fn part_name(&self, place: usize) -> Option<String> {
        let mut parts = self.parts.iter().filter(|part| part.places.contains(&place));
        let part = parts.next().filter(|_| parts.next().is_none())?;
        Some(format!("{}.{}", part.name, place - part.places.start))
    }
}

/// Puts the parts of modality.json to the features, and names where info.json has none. Returns the columns whose numbers are
/// those of tasks.
pub(super) fn apply(text: &str, info: &mut Info, problems: &mut Vec<Problem>) -> Vec<String> {
    let mut told = |message: String| problems.push(Problem::note(MODALITY, message));
    let value: Map<String, Value> = match serde_json::from_str(text) {
        Ok(value) => value,
        Err(error) => {
            told(format!("it is kept as it is, and its parts are not known: {error}"));
            return Vec::new();
        }
    };
    let mut sliced: BTreeMap<String, Vec<BodyPart>> = BTreeMap::new();
    for (section, key) in [("state", "observation.state"), ("action", "action")] {
        for (feature, parts) in section_parts(&value, (section, key), info, &mut told) {
            sliced.entry(feature).or_insert(parts);
        }
    }
    for feature in &mut info.features {
        let Some(parts) = sliced.remove(&feature.key) else { continue };
        feature.parts = parts;
        if feature.names.is_none() {
            let name = |place: usize| feature.part_name(place).unwrap_or_else(|| place.to_string());
            feature.names = Some((0..feature.width()).map(name).collect());
        }
    }
    check_views(&value, info, &mut told);
    annotations(&value, info, &mut told)
}

fn entries<'v>(
    value: &'v Map<String, Value>,
    section: &str,
) -> impl Iterator<Item = (&'v String, &'v Value)> {
    value.get(section).and_then(Value::as_object).into_iter().flatten()
}

fn text(value: &Value, key: &str) -> Option<String> {
    value.get(key).and_then(Value::as_str).map(str::to_owned)
}

/// The parts of a section by feature, those that info.json does not contradict.
fn section_parts(
    value: &Map<String, Value>,
    (section, default): (&str, &str),
    info: &Info,
    told: &mut dyn FnMut(String),
) -> BTreeMap<String, Vec<BodyPart>> {
    let mut sliced: BTreeMap<String, Vec<BodyPart>> = BTreeMap::new();
    if entries(value, section).count() > PARTS_MAX {
        told(format!("{section} has more than {PARTS_MAX} parts; the first {PARTS_MAX} are read"));
    }
    for (name, slice) in entries(value, section).take(PARTS_MAX) {
        let key = text(slice, "original_key").unwrap_or_else(|| default.to_owned());
        // What is no number, such as video, may state any shape.
        let Some(feature) = info.feature(&key).filter(|feature| feature.is_numeric()) else {
            told(format!(
                "{section}.{name} is of the feature {key}, of which info.json has no numbers; no name is taken"
            ));
            continue;
        };
        let place =
            |end: &str| slice.get(end).and_then(Value::as_u64).and_then(|at| usize::try_from(at).ok());
        match (place("start"), place("end")) {
            (Some(start), Some(end)) if start < end && end <= feature.width() => {
                sliced.entry(key).or_default().push(BodyPart {
                    name: name.clone(),
                    places: start..end,
                    rotation: text(slice, "rotation_type"),
                    absolute: slice.get("absolute").and_then(Value::as_bool),
                });
            }
            _ => {
                let [start, end] = ["start", "end"].map(|key| slice.get(key).unwrap_or(&Value::Null));
                told(format!(
                    "{section}.{name} has start {start} and end {end}, expected start < end <= {} of {key}; \
                     no name is taken",
                    feature.width()
                ));
            }
        }
    }
    for (key, parts) in &mut sliced {
        parts.sort_by_key(|part| part.places.start);
        let mut before: Option<&BodyPart> = None;
        for part in parts.iter() {
            if let Some(other) = before.filter(|other| other.places.end > part.places.start) {
                let end = other.places.end.min(part.places.end);
                told(format!(
                    "{section}.{} and {section}.{} both have the numbers {} to {} of {key}; these get no name",
                    other.name,
                    part.name,
                    part.places.start,
                    end - 1
                ));
            }
            before = Some(match before {
                Some(other) if other.places.end >= part.places.end => other,
                _ => part,
            });
        }
    }
    sliced
}

fn check_views(value: &Map<String, Value>, info: &Info, told: &mut dyn FnMut(String)) {
    for (view, described) in entries(value, "video").take(PARTS_MAX) {
        let key = text(described, "original_key").unwrap_or_else(|| format!("observation.images.{view}"));
        let dtype = info.feature(&key).map(|feature| feature.dtype.as_str());
        match dtype {
            Some("video" | "image") => {}
            Some(dtype) => told(format!("video.{view} is {key}, whose type is {dtype}")),
            None => told(format!("video.{view} is {key}, which info.json does not have")),
        }
    }
}

/// Columns of annotations, whose numbers are those of tasks.
fn annotations(value: &Map<String, Value>, info: &Info, told: &mut dyn FnMut(String)) -> Vec<String> {
    let mut columns = BTreeSet::new();
    for (name, described) in entries(value, "annotation").take(PARTS_MAX) {
        let key = text(described, "original_key").unwrap_or_else(|| format!("annotation.{name}"));
        match info.feature(&key) {
            Some(feature) if feature.is_numbering() => {}
            Some(_) => drop(columns.insert(key)),
            // Every table has it, whether info.json declares it or not.
            None if key == "task_index" => {}
            None => told(format!("annotation.{name} is {key}, which info.json does not have")),
        }
    }
    columns.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::super::info::Version;
    use super::*;

    fn info(widths: &[(&str, usize)]) -> Info {
        let feature = |(key, width): &(&str, usize)| Feature {
            key: (*key).to_owned(),
            dtype: "float32".to_owned(),
            shape: vec![*width],
            names: None,
            parts: Vec::new(),
        };
        Info {
            version: Version::V20,
            fps: 20.0,
            robot_type: None,
            features: widths.iter().map(feature).collect(),
            total_frames: None,
            total_episodes: None,
            chunks_size: 1000,
            data_path: String::new(),
            video_path: None,
            image_path: None,
            licence: None,
        }
    }

    fn names(text: &str) -> (Vec<String>, Vec<String>) {
        let mut info = info(&[("observation.state", 5), ("action", 2)]);
        let mut problems = Vec::new();
        apply(text, &mut info, &mut problems);
        assert!(problems.iter().all(|problem| !problem.loss), "{problems:?}");
        let names = info.feature("observation.state").and_then(|feature| feature.names.clone());
        (names.unwrap_or_default(), problems.into_iter().map(|problem| problem.message).collect())
    }

    #[test]
    fn numbers_get_the_names_of_parts() {
        let (names, told) =
            names(r#"{"state": {"waist": {"start": 3, "end": 4}, "arm": {"start": 0, "end": 3}}}"#);
        assert_eq!(names, ["arm.0", "arm.1", "arm.2", "waist.0", "4"]);
        assert!(told.is_empty(), "{told:?}");
    }

    #[test]
    fn parts_that_overlap_name_nothing() {
        let (names, told) = names(
            r#"{"state": {"arm": {"start": 0, "end": 3}, "hand": {"start": 2, "end": 5}, "tip": {"start": 4, "end": 5}}}"#,
        );
        assert_eq!(names, ["arm.0", "arm.1", "2", "hand.1", "4"]);
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told[0].contains("state.arm and state.hand both have the numbers 2 to 2"), "{told:?}");
    }

    #[test]
    fn what_contradicts_the_features_is_told() {
        let (names, told) = names(
            r#"{"state": {"a": {"start": 3, "end": 3}, "b": {"start": 4, "end": 6}, "c": {"start": -1, "end": 2}, "d": 7,
                "e": {"start": 0, "end": 1, "original_key": "observation.other"}},
                "video": {"ego": {"original_key": "observation.images.ego"}, "odd": {"original_key": "action"}},
                "annotation": {"human.validity": {}, "human.task": {"original_key": "task_index"}}}"#,
        );
        assert!(names.is_empty(), "{names:?}");
        for part in [
            "state.a has start 3 and end 3",
            "state.b has start 4 and end 6, expected start < end <= 5",
            "state.c has start -1",
            "state.d has start null",
            "state.e is of the feature observation.other",
            "video.ego is observation.images.ego, which",
            "video.odd is action, whose type is float32",
            "annotation.human.validity is annotation.human.validity, which",
        ] {
            assert!(told.iter().any(|told| told.contains(part)), "{part}: {told:?}");
        }
        assert_eq!(told.len(), 8, "{told:?}");
    }

    #[test]
    fn what_is_no_json_names_nothing() {
        for text in ["", "[]", &"[".repeat(100_000), r#"{"state": {"arm": {"start": 0, "#] {
            let (names, told) = names(text);
            assert!(names.is_empty() && told.len() == 1, "{told:?}");
        }
    }
}
