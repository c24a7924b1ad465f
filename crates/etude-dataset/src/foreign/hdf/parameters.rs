//! Camera parameters beside a recording of `AgiBot` World: each JSON file is a topic, one that lists a value for each frame
//! has as many records. The files themselves travel with the episode.

use super::super::decode::from_json;
use super::super::records::{Facts, FileBeside, Ledger, Record};
use super::super::source::name_of;
use super::super::value::Value;
use std::collections::VecDeque;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Files with parameters of an episode.
const MAX_FILES: usize = 64;
/// The longest of them, and all together, bytes.
const MAX_BYTES: u64 = 4 << 20;
const MAX_BYTES_IN_ALL: u64 = 16 << 20;
/// What they are called in the account.
const TYPE: &str = "camera parameters (the file is an attachment)";

/// The values of one file, one for each frame or one alone.
pub(super) struct Parameters {
    topic: Arc<str>,
    values: VecDeque<Value>,
    count: usize,
    times: Option<Arc<[i64]>>,
}

/// Reads the files of an episode's folder of parameters.
pub(super) fn open(
    folder: &Path,
    times: Option<&Arc<[i64]>>,
    facts: &mut Facts,
    ledger: &mut Ledger,
) -> Vec<Parameters> {
    let mut all = Vec::new();
    let mut left = MAX_BYTES_IN_ALL;
    for path in files(folder, ledger) {
        let name = name_of(&path);
        let bytes = match read(&path, left.min(MAX_BYTES)) {
            Ok(bytes) => {
                left = left.saturating_sub(bytes.len() as u64);
                bytes
            }
            Err(why) => {
                ledger.loss(format!("parameters/{name}"), why);
                continue;
            }
        };
        match serde_json::from_slice(&bytes) {
            Ok(json) => all.push(Parameters::new(&path, json, times, ledger)),
            Err(error) => ledger.loss(format!("parameters/{name}"), format!("it is no JSON: {error}")),
        }
        let name = format!("parameters/{name}");
        facts.files.push(FileBeside { name, media_type: "application/json", data: bytes });
    }
    all
}

/// The files of `camera`, which lies in the folder or in another `parameters` within it.
fn files(folder: &Path, ledger: &mut Ledger) -> Vec<PathBuf> {
    let places = [folder.join("camera"), folder.join("parameters/camera")];
    let mut found = Vec::new();
    for entry in places.iter().filter_map(|place| fs::read_dir(place).ok()).flatten().flatten() {
        let path = entry.path();
        // What a link leads to would travel with the episode.
        if entry.file_type().is_ok_and(|kind| kind.is_symlink()) {
            ledger.loss(format!("parameters/{}", name_of(&path)), "it is left out: links are not followed");
        } else if path.extension().is_none_or(|end| end != "json") {
            ledger.loss(format!("parameters/{}", name_of(&path)), "it is left out: only JSON is read");
        } else if found.len() < MAX_FILES {
            found.push(path);
        } else {
            ledger.loss(format!("parameters/{}", name_of(&path)), format!("only {MAX_FILES} files are read"));
        }
    }
    found.sort();
    found
}

fn read(path: &Path, most: u64) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let file = fs::File::open(path).map_err(|error| error.to_string())?;
    file.take(most + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > most {
        return Err(format!("it is left out: expected at most {most} bytes, found more"));
    }
    Ok(bytes)
}

impl Parameters {
    fn new(path: &Path, json: serde_json::Value, times: Option<&Arc<[i64]>>, ledger: &mut Ledger) -> Self {
        let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let (values, is_list) = match json {
            serde_json::Value::Array(values) => (values, true),
            one => (vec![one], false),
        };
        let values: VecDeque<Value> = values.into_iter().map(grouped).collect();
        let count = values.len();
        let stated = times.filter(|times| !is_list || times.len() == count).cloned();
        if let (None, Some(rows)) = (&stated, times.map(|times| times.len())) {
            let message = format!("it has {count} values for {rows} rows: they have no time");
            ledger.loss(format!("parameters/{}", name_of(path)), message);
        }
        Self { topic: Arc::from(format!("parameters/{stem}")), values, count, times: stated }
    }

    /// The part of its values that was read; `None` at its end.
    pub(super) fn reached(&self) -> Option<f64> {
        let next = self.count - self.values.len();
        (next < self.count)
            .then(|| if self.count == 1 { 0.0 } else { (next as f64 + 0.5) / self.count as f64 })
    }

    /// The next value, where it is wanted.
    pub(super) fn next(&mut self, ledger: &mut Ledger, wanted: &dyn Fn(&str) -> bool) -> Option<Record> {
        let number = self.count - self.values.len();
        let value = self.values.pop_front()?;
        ledger.saw(&self.topic, TYPE);
        if !wanted(&self.topic) {
            return None;
        }
        let log_ns = self.times.as_ref().and_then(|times| times.get(number)).copied();
        let number = Some(number as u64);
        Some(Record { topic: self.topic.clone(), log_ns, publish_ns: None, number, value })
    }
}

/// A value with names; one without has the name `value`.
fn grouped(json: serde_json::Value) -> Value {
    match from_json(json) {
        group @ Value::Struct(_) => group,
        other => Value::Struct(vec![(Arc::from("value"), other)]),
    }
}
