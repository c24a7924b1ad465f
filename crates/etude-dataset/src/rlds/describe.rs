//! `features.json` and `dataset_info.json`, as TensorFlow Datasets writes them: protobuf messages as JSON, in which numbers
//! of 64 bits are texts.

use super::record::Shard;
use crate::export::{Camera, Error, Feature, Layout, NumberType, Role};
use serde_json::{Map, Value, json};
use std::fs;
use std::path::Path;

/// A part of a step.
pub(super) enum Step<'l> {
    Numbers(&'l Feature),
    /// A camera and the size of its pictures, columns and rows.
    Pictures(&'l Camera, (u32, u32)),
}

/// What a dataset is called.
pub(super) struct Described<'d> {
    pub(super) name: &'d str,
    pub(super) version: &'d str,
    pub(super) split: &'d str,
}

/// A name without what a path of features or a variable could not have.
pub(super) fn plain(name: &str) -> String {
    name.chars().map(|letter| if letter.is_alphanumeric() { letter } else { '_' }).collect()
}

/// Where a feature stands in a step.
pub(super) fn place(feature: &Feature) -> String {
    match feature.role {
        Role::State => "observation/state".to_owned(),
        Role::Action => "action".to_owned(),
        Role::Imported | Role::Stream => {
            let key = feature.key.strip_prefix("observation.").unwrap_or(&feature.key);
            format!("observation/{}", plain(key))
        }
    }
}

const FEATURES: &str = "tensorflow_datasets.core.features";

fn tensor(shape: &[u64], dtype: &str, encoding: &str, description: &str) -> Value {
    let class = if shape.is_empty() { "scalar.Scalar" } else { "tensor_feature.Tensor" };
    let dimensions: Vec<String> = shape.iter().map(ToString::to_string).collect();
    let shape = if shape.is_empty() { json!({}) } else { json!({ "dimensions": dimensions }) };
    json!({
        "pythonClassName": format!("{FEATURES}.{class}"),
        "tensor": { "shape": shape, "dtype": dtype, "encoding": encoding },
        "description": description,
    })
}

fn text(description: &str) -> Value {
    json!({ "pythonClassName": format!("{FEATURES}.text_feature.Text"), "text": {}, "description": description })
}

fn group(parts: &Map<String, Value>) -> Value {
    json!({
        "pythonClassName": format!("{FEATURES}.features_dict.FeaturesDict"),
        "featuresDict": { "features": parts },
    })
}

fn numbers(feature: &Feature) -> Value {
    let number = |number: &crate::export::Number| {
        let unit = number.unit.map(|unit| format!(" ({})", unit.symbol())).unwrap_or_default();
        format!("{}{unit}", number.name)
    };
    let names: Vec<String> = feature.numbers.iter().map(number).collect();
    let encoding = if feature.number == NumberType::F64 { "bytes" } else { "none" };
    tensor(&[feature.width() as u64], feature.number.name(), encoding, &names.join(", "))
}

impl Described<'_> {
    /// Writes both files.
    pub(super) fn write(
        &self,
        folder: &Path,
        layout: &Layout,
        steps: Vec<Step<'_>>,
        shards: &[Shard],
    ) -> Result<(), Error> {
        let write = |name: &str, value: &Value| {
            let path = folder.join(name);
            let text =
                serde_json::to_vec_pretty(value).map_err(|error| Error::content(&path, error.to_string()))?;
            fs::write(&path, text).map_err(Error::file("writing", &path))
        };
        write("features.json", &features(layout, steps))?;
        let bytes: u64 = shards.iter().map(|shard| shard.bytes).sum();
        let lengths: Vec<String> = shards.iter().map(|shard| shard.records.to_string()).collect();
        let info = json!({
            "name": self.name,
            "version": self.version,
            "description": format!(
                "Takes of {} at {} steps per second, written by Etude. The provenance of each episode stands in its \
                 metadata; the age of each value beside this file.",
                layout.card.title(),
                layout.fps
            ),
            "fileFormat": "tfrecord",
            "splits": [{
                "name": self.split,
                "filepathTemplate": "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}",
                "numBytes": bytes.to_string(),
                "shardLengths": lengths,
            }],
        });
        write("dataset_info.json", &info)
    }
}

fn features(layout: &Layout, steps: Vec<Step<'_>>) -> Value {
    let mut observation = Map::new();
    let mut step = Map::new();
    for part in steps {
        match part {
            Step::Numbers(feature) => {
                let place = place(feature);
                match place.strip_prefix("observation/") {
                    Some(name) => observation.insert(name.to_owned(), numbers(feature)),
                    None => step.insert(place, numbers(feature)),
                };
            }
            Step::Pictures(camera, (width, height)) => {
                let dimensions = [height.to_string(), width.to_string(), "3".to_owned()];
                let image = json!({
                    "pythonClassName": format!("{FEATURES}.image_feature.Image"),
                    "image": { "shape": { "dimensions": dimensions }, "dtype": "uint8", "encodingFormat": "png" },
                    "description": format!("{}, decoded from its video", camera.topic),
                });
                observation.insert(plain(&camera.name), image);
            }
        }
    }
    step.insert("observation".to_owned(), group(&observation));
    for (name, said) in [
        ("is_first", "Whether it is the first step of the episode."),
        ("is_last", "Whether it is the last step of the episode."),
        ("is_terminal", "Whether the environment ended the episode there: never said, hence false."),
    ] {
        step.insert(name.to_owned(), tensor(&[], "bool", "none", said));
    }
    let time = format!("Time since the episode's first step, ns; {} steps per second.", layout.fps);
    step.insert("time_ns".to_owned(), tensor(&[], "int64", "none", &time));
    step.insert("language_instruction".to_owned(), text("What was to be done."));
    let mut metadata = Map::new();
    metadata.insert("episode_index".to_owned(), tensor(&[], "int64", "none", "Its number in the dataset."));
    metadata.insert("episode_id".to_owned(), text("The take."));
    metadata
        .insert("provenance".to_owned(), text("Where it came from and what may be done with it, as JSON."));
    let mut parts = Map::new();
    let steps = json!({
        "pythonClassName": format!("{FEATURES}.dataset_feature.Dataset"),
        "sequence": { "feature": group(&step), "length": "-1" },
    });
    parts.insert("steps".to_owned(), steps);
    parts.insert("episode_metadata".to_owned(), group(&metadata));
    group(&parts)
}
