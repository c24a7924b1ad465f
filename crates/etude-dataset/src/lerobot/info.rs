//! `meta/info.json`: what a dataset says of itself.

use super::error::Error;
use super::modality::BodyPart;
use super::rows::NUMBERING;
use serde_json::{Map, Value};
use std::fs;
use std::path::Path;

/// Largest JSON file that is read whole, in bytes.
pub(crate) const JSON_MAX: u64 = 256 << 20;

/// Widest feature that is read, in numbers per row.
const WIDTH_MAX: usize = 65_536;

/// A version of the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// One file per episode, statistics of the whole.
    V20,
    /// One file per episode, statistics per episode.
    V21,
    /// Several episodes per file.
    V30,
}

impl Version {
    /// As `codebase_version` has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::V20 => "v2.0",
            Self::V21 => "v2.1",
            Self::V30 => "v3.0",
        }
    }
}

/// One feature of a dataset.
#[derive(Clone, Debug, PartialEq)]
pub struct Feature {
    /// Its key, such as `observation.state`.
    pub key: String,
    /// Its type: a `numpy` name, `video`, `image` or `string`.
    pub dtype: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Names of its numbers, where there is one for each: those of info.json, else those of `modality.json`.
    pub names: Option<Vec<String>>,
    /// Its parts by `modality.json`, by their first number.
    pub parts: Vec<BodyPart>,
}

impl Feature {
    /// Numbers per row.
    pub fn width(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether it is stored as numbers in the table.
    pub fn is_numeric(&self) -> bool {
        matches!(
            self.dtype.as_str(),
            "float16"
                | "float32"
                | "float64"
                | "int8"
                | "int16"
                | "int32"
                | "int64"
                | "uint8"
                | "uint16"
                | "uint32"
                | "bool"
        )
    }

    /// Whether it is one of the five columns that number rows.
    pub fn is_numbering(&self) -> bool {
        NUMBERING.contains(&self.key.as_str())
    }
}

/// What a dataset says of itself.
#[derive(Clone, Debug)]
pub struct Info {
    /// The format's version.
    pub version: Version,
    /// Rows per second.
    pub fps: f64,
    /// What it calls its robot.
    pub robot_type: Option<String>,
    /// Its features in the order of the file.
    pub features: Vec<Feature>,
    /// Rows of the whole dataset, as stated.
    pub total_frames: Option<u64>,
    /// Episodes of the whole dataset, as stated.
    pub total_episodes: Option<u64>,
    /// Episodes (2.x) or files (3.0) per folder.
    pub chunks_size: u64,
    /// Pattern of the tables' paths.
    pub data_path: String,
    /// Pattern of the videos' paths.
    pub video_path: Option<String>,
    /// Pattern of the paths of pictures in files, as `RoboDriver` states it.
    pub image_path: Option<String>,
    /// The licence, where it is stated.
    pub licence: Option<String>,
}

impl Info {
    /// Reads `meta/info.json` below this folder.
    pub fn read(root: &Path) -> Result<Self, Error> {
        let path = root.join("meta/info.json");
        let text = read_text(&path)?;
        let value: Map<String, Value> =
            serde_json::from_str(&text).map_err(|error| Error::content(&path, error.to_string()))?;
        Self::parse(&value).map_err(|message| Error::content(&path, message))
    }

    /// Features whose pictures are files, one for each row: `RoboDriver`'s, of colours.
    pub(crate) fn in_files(&self) -> impl Iterator<Item = &Feature> {
        let is_known = self.image_path.is_some() && self.version != Version::V30;
        self.features
            .iter()
            .filter(move |feature| is_known && feature.dtype == "image" && feature.shape.last() == Some(&3))
    }

    fn parse(value: &Map<String, Value>) -> Result<Self, String> {
        let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        let version = match text("codebase_version").as_deref() {
            Some("v2.0") => Version::V20,
            Some("v2.1") => Version::V21,
            Some("v3.0") => Version::V30,
            other => return Err(format!("expected codebase_version v2.0, v2.1 or v3.0, found {other:?}")),
        };
        let fps = value.get("fps").and_then(Value::as_f64).filter(|fps| *fps > 0.0 && fps.is_finite());
        let features =
            value.get("features").and_then(Value::as_object).ok_or("expected features, found none")?;
        let features =
            features.iter().map(|(key, value)| feature(key, value)).collect::<Result<Vec<_>, _>>()?;
        let default_data = match version {
            Version::V30 => "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet",
            _ => "data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet",
        };
        Ok(Self {
            version,
            fps: fps.ok_or_else(|| format!("expected fps above 0, found {:?}", value.get("fps")))?,
            robot_type: text("robot_type"),
            features,
            total_frames: value.get("total_frames").and_then(Value::as_u64),
            total_episodes: value.get("total_episodes").and_then(Value::as_u64),
            chunks_size: value
                .get("chunks_size")
                .and_then(Value::as_u64)
                .filter(|size| *size > 0)
                .unwrap_or(1000),
            data_path: text("data_path").unwrap_or_else(|| default_data.to_owned()),
            video_path: text("video_path"),
            image_path: text("image_path"),
            licence: text("license").or_else(|| text("licence")),
        })
    }

    /// A feature by its key.
    pub fn feature(&self, key: &str) -> Option<&Feature> {
        self.features.iter().find(|feature| feature.key == key)
    }
}

fn feature(key: &str, value: &Value) -> Result<Feature, String> {
    let dtype = value
        .get("dtype")
        .and_then(Value::as_str)
        .ok_or_else(|| format!("the feature {key} has no dtype"))?;
    let shape: Option<Vec<usize>> = value
        .get("shape")
        .and_then(Value::as_array)
        .map(|shape| shape.iter().filter_map(Value::as_u64).map(|side| side as usize).collect());
    let shape = shape.ok_or_else(|| format!("the feature {key} has no shape"))?;
    let width = shape.iter().try_fold(1usize, |width, side| width.checked_mul(*side));
    if dtype != "video" && dtype != "image" && width.is_none_or(|width| width > WIDTH_MAX) {
        return Err(format!(
            "the feature {key} has the shape {shape:?}, expected at most {WIDTH_MAX} numbers"
        ));
    }
    let mut names = Vec::new();
    flatten_names(value.get("names").unwrap_or(&Value::Null), &mut names);
    let names = (Some(names.len()) == width && !names.is_empty()).then_some(names);
    Ok(Feature { key: key.to_owned(), dtype: dtype.to_owned(), shape, names, parts: Vec::new() })
}

/// Names come as a list, as a list of lists or as lists under keys.
fn flatten_names(value: &Value, names: &mut Vec<String>) {
    match value {
        Value::String(name) => names.push(name.clone()),
        Value::Array(values) => values.iter().for_each(|value| flatten_names(value, names)),
        Value::Object(values) => values.values().for_each(|value| flatten_names(value, names)),
        _ => {}
    }
}

/// Reads a text file of bounded size.
pub(crate) fn read_text(path: &Path) -> Result<String, Error> {
    let length = fs::metadata(path).map_err(Error::file("reading", path))?.len();
    if length > JSON_MAX {
        return Err(Error::content(path, format!("has {length} bytes, expected at most {JSON_MAX}")));
    }
    fs::read_to_string(path).map_err(Error::file("reading", path))
}

/// Fills a pattern such as `data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet`.
pub(crate) fn fill(pattern: &str, numbers: &[(&str, u64)], video_key: &str) -> String {
    let mut filled = pattern.replace("{video_key}", video_key);
    for (name, number) in numbers {
        for width in [0, 3, 6] {
            let (from, to) = match width {
                0 => (format!("{{{name}}}"), number.to_string()),
                width => (format!("{{{name}:0{width}d}}"), format!("{number:0width$}")),
            };
            filled = filled.replace(&from, &to);
        }
    }
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_filled() {
        let numbers = [("chunk_index", 1), ("file_index", 12)];
        assert_eq!(
            fill(
                "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4",
                &numbers,
                "observation.x"
            ),
            "videos/observation.x/chunk-001/file-012.mp4"
        );
        assert_eq!(fill("e_{episode_index:06d}_{episode_index}", &[("episode_index", 7)], ""), "e_000007_7");
    }

    #[test]
    fn names_in_all_their_forms() {
        for names in [r#"["a","b"]"#, r#"[["a","b"]]"#, r#"{"motors":["a","b"]}"#] {
            let text = format!(r#"{{"dtype":"float32","shape":[2],"names":{names}}}"#);
            let value: Value = serde_json::from_str(&text).expect("JSON");
            let feature = feature("action", &value).expect("a feature");
            assert_eq!(feature.names, Some(vec!["a".to_owned(), "b".to_owned()]));
        }
        let value: Value =
            serde_json::from_str(r#"{"dtype":"float32","shape":[2],"names":null}"#).expect("JSON");
        assert_eq!(feature("action", &value).expect("a feature").names, None);
    }
}
