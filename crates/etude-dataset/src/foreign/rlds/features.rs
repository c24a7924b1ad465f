//! `features.json` of TensorFlow Datasets: what each feature of an example is, as its protobuf writes itself in JSON.

use serde_json::Value as Json;
use std::collections::BTreeMap;

/// The deepest that features may stand within each other.
const MAX_DEPTH: usize = 32;
/// Features of a dataset.
const MAX_FEATURES: usize = 4096;

/// What a feature is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Numbers, or text, of a shape.
    Tensor,
    /// A coded picture.
    Image,
    /// One text.
    Text,
}

/// One feature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Feature {
    pub(crate) kind: Kind,
    /// Such as `float32`; empty where the file does not say.
    pub(crate) dtype: String,
    /// Axes of one value; an axis of any length is absent. Empty: one number.
    pub(crate) shape: Vec<Option<u64>>,
    /// How a tensor's bytes are packed: `none`, `bytes` or `zlib`.
    pub(crate) encoding: String,
    /// How many sequences it stands in, `steps` included.
    pub(crate) sequences: usize,
    /// What the dataset's author says of it.
    pub(crate) description: String,
}

impl Feature {
    /// Numbers of one value, where every axis has a length.
    pub(crate) fn width(&self) -> Option<u64> {
        self.shape.iter().try_fold(1u64, |width, axis| width.checked_mul((*axis)?))
    }

    /// For people: `float32[7] "what its author says"`.
    pub(crate) fn text(&self) -> String {
        let axes: Vec<String> =
            self.shape.iter().map(|axis| axis.map_or("?".to_owned(), |axis| axis.to_string())).collect();
        let axes = if axes.is_empty() { String::new() } else { format!("[{}]", axes.join(",")) };
        let said: String = self
            .description
            .chars()
            .map(|letter| if letter.is_control() { ' ' } else { letter })
            .take(200)
            .collect();
        let said = if said.is_empty() { said } else { format!(" \"{said}\"") };
        let dtype = if self.dtype.is_empty() { "text" } else { &self.dtype };
        format!("{dtype}{axes}{said}")
    }
}

/// The features of a dataset by the names that they have in an example: `steps/observation/state`.
pub(crate) fn parse(text: &[u8]) -> Result<BTreeMap<String, Feature>, String> {
    let json: Json = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    let mut features = BTreeMap::new();
    walk(&json, "", (0, 0), &mut features)?;
    Ok(features)
}

fn walk(
    node: &Json,
    name: &str,
    (depth, sequences): (usize, usize),
    out: &mut BTreeMap<String, Feature>,
) -> Result<(), String> {
    if depth > MAX_DEPTH {
        return Err(format!("expected features at most {MAX_DEPTH} deep, found more at {name}"));
    }
    if out.len() >= MAX_FEATURES {
        return Err(format!("expected at most {MAX_FEATURES} features, found more"));
    }
    if let Some(parts) =
        node.get("featuresDict").and_then(|dict| dict.get("features")).and_then(Json::as_object)
    {
        for (part, node) in parts {
            let name = if name.is_empty() { part.clone() } else { format!("{name}/{part}") };
            walk(node, &name, (depth + 1, sequences), out)?;
        }
        return Ok(());
    }
    if let Some(inner) = node.get("sequence").and_then(|sequence| sequence.get("feature")) {
        return walk(inner, name, (depth + 1, sequences + 1), out);
    }
    let part = |key: &str| node.get(key);
    let (kind, body) = if let Some(image) = part("image") {
        (Kind::Image, image)
    } else if let Some(tensor) = part("tensor") {
        (Kind::Tensor, tensor)
    } else if let Some(text) = part("text") {
        (Kind::Text, text)
    } else {
        // Class labels, boxes and their kin are numbers in the example.
        (Kind::Tensor, node)
    };
    let text = |from: &Json, key: &str| from.get(key).and_then(Json::as_str).unwrap_or_default().to_owned();
    let feature = Feature {
        kind,
        dtype: text(body, "dtype"),
        shape: shape(body),
        encoding: text(body, "encoding"),
        sequences,
        description: text(node, "description"),
    };
    out.insert(name.to_owned(), feature);
    Ok(())
}

/// Lengths are written as text, because they are 64-bit numbers; -1 is any length.
fn shape(body: &Json) -> Vec<Option<u64>> {
    let axes = body.get("shape").and_then(|shape| shape.get("dimensions")).and_then(Json::as_array);
    let axis = |axis: &Json| match axis {
        Json::String(text) => text.parse().ok(),
        other => other.as_u64(),
    };
    axes.into_iter().flatten().take(MAX_DEPTH).map(axis).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_shapes_and_sequences_are_those_of_the_example() {
        let text = r#"{"featuresDict": {"features": {"steps": {"sequence": {"feature": {"featuresDict": {"features": {
            "state": {"tensor": {"shape": {"dimensions": ["2", "-1"]}, "dtype": "float32", "encoding": "zlib"}},
            "marks": {"sequence": {"feature": {"tensor": {"shape": {}, "dtype": "int64"}}}},
            "image": {"image": {"shape": {"dimensions": ["64", "64", "3"]}, "dtype": "uint8"}, "description": "a\nb"}
        }}}}}, "label": {"classLabel": {"numClasses": "3"}}}}}"#;
        let features = parse(text.as_bytes()).expect("features");
        assert_eq!(features["steps/state"].shape, [Some(2), None]);
        assert_eq!(features["steps/state"].width(), None);
        assert_eq!((features["steps/state"].sequences, features["steps/marks"].sequences), (1, 2));
        assert_eq!(features["steps/image"].text(), "uint8[64,64,3] \"a b\"");
        assert_eq!(features["label"].width(), Some(1));
    }

    #[test]
    fn features_that_stand_too_deep_are_refused() {
        let open = "{\"sequence\":{\"feature\":".repeat(50);
        let text = format!("{open}{{}}{}", "}}".repeat(50));
        assert!(parse(text.as_bytes()).expect_err("too deep").contains("32 deep"));
        assert!(parse("[".repeat(100_000).as_bytes()).is_err());
    }
}
