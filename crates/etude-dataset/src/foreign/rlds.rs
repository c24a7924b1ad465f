//! RLDS datasets as TensorFlow Datasets writes them: each record of a `TFRecord` shard is one episode, `features.json` says
//! what its features are. Read without TensorFlow, a step at a time.
//!
//! A step comes as up to three records, `observation`, `step` and `action` (with reward and discount), and one for each
//! picture; what stands outside of the steps comes first, as `episode`. By RLDS's rule action, reward and discount of a
//! step that is marked `is_last` are not valid: such a step has no record `action`.

mod example;
mod features;
mod layout;
mod packed;
mod shards;

use super::error::Error;
use super::records::{Facts, Ledger, Record, Records};
use super::source::{Recording, name_of};
use super::tfrecord;
use super::value::Value;
use example::{Example, Values};
use features::Feature;
use flate2::read::ZlibDecoder;
use layout::{Layout, Leaf, Part, Per};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

pub(crate) use packed::Shards;
pub(crate) use shards::{Episodes, is_shard, recordings};

/// The largest `features.json` that is read, bytes.
const MAX_FEATURES_BYTES: u64 = 16 << 20;
/// The most that a packed tensor may hold, bytes.
const MAX_TENSOR_BYTES: u64 = 64 << 20;
/// Where an episode's instruction stands, the first that there is.
const INSTRUCTIONS: [&str; 3] = [
    "steps/language_instruction",
    "steps/observation/natural_language_instruction",
    "episode_metadata/language_instruction",
];

/// Reads one episode.
pub(crate) struct RldsRecords {
    name: String,
    example: Example,
    layout: Layout,
    facts: Facts,
    /// The next step; before the first stands what concerns the episode.
    step: Option<u64>,
    queue: VecDeque<Record>,
    last_steps: u64,
    ledger: Ledger,
}

impl RldsRecords {
    /// Opens an episode: its checksum is held against every byte, and its features are looked up.
    pub(crate) fn open(recording: &Recording, shards: &Shards) -> Result<Self, Error> {
        let path = recording.files.first().map_or(Path::new(""), |path| path.as_path());
        let extent = recording.extent.as_ref();
        let extent =
            extent.ok_or_else(|| Error::content(path, "a record of a TFRecord file", "no place of it"))?;
        let damaged = |found: String| Error::content(path, "a whole record with an episode", found);
        let (mut file, _) = shards.open(path)?;
        let data = tfrecord::data(&mut file, extent).map_err(damaged)?;
        let mut example = Example::open(file, data).map_err(damaged)?;
        let mut ledger = Ledger::default();
        let features = features(recording, &mut ledger);
        let layout =
            Layout::new(&example, features.as_ref(), &recording.name, &mut ledger).map_err(damaged)?;
        let facts = facts(path, &mut example, &recording.name, &mut ledger);
        Ok(Self {
            name: recording.name.clone(),
            example,
            layout,
            facts,
            step: None,
            queue: VecDeque::new(),
            last_steps: 0,
            ledger,
        })
    }

    /// Takes the values of one step, or those of the episode, into the queue.
    fn fill(&mut self, step: Option<u64>, wanted: &dyn Fn(&str) -> bool) -> Result<(), String> {
        let mut topics: BTreeMap<Arc<str>, Value> = BTreeMap::new();
        let mut broken: BTreeMap<Arc<str>, String> = BTreeMap::new();
        let mut met = BTreeSet::new();
        let mut is_last = false;
        for leaf in self.layout.leaves.iter().filter(|leaf| leaf.is_of_step() == step.is_some()) {
            met.insert(leaf.topic.clone());
            let is_wanted = wanted(&leaf.topic) || leaf.column == "steps/is_last";
            let Some(value) = take(&mut self.example, leaf, is_wanted)? else { continue };
            let value = match value {
                Ok(value) => value,
                Err(reason) => {
                    broken.insert(leaf.topic.clone(), format!("{}: {reason}", leaf.column));
                    continue;
                }
            };
            is_last |= leaf.column == "steps/is_last" && matches!(value, Value::Bool(true) | Value::Int(1));
            let message = topics.entry(leaf.topic.clone()).or_insert_with(|| Value::Struct(Vec::new()));
            layout::put(message, &leaf.path, value);
        }
        if is_last {
            self.last_steps += 1;
            met.remove("action");
            self.rule(step);
        }
        for topic in met {
            let type_name = self.layout.types.get(&topic).map_or("", String::as_str);
            self.ledger.saw(&topic, type_name);
            if let Some(reason) = broken.remove(&topic) {
                self.ledger.unread(&topic, reason);
            } else if let Some(value) = topics.remove(&topic).filter(|_| wanted(&topic)) {
                let number = Some(step.unwrap_or(0));
                self.queue.push_back(Record { topic, log_ns: None, publish_ns: None, number, value });
            }
        }
        Ok(())
    }

    /// Says what RLDS's rule leaves out.
    fn rule(&mut self, step: Option<u64>) {
        let step = step.unwrap_or(0);
        if self.last_steps == 1 {
            self.ledger.note(
                self.name.clone(),
                format!(
                    "the step {step} is marked is_last: by RLDS's rule its action, reward and discount are not valid \
                     and make no sample"
                ),
            );
        }
        if step + 1 < self.layout.steps {
            let message = format!("the step {step} of {} is marked is_last", self.layout.steps);
            self.ledger.note(self.name.clone(), message);
        }
    }

    fn end(&mut self) {
        if self.last_steps == 0 && self.layout.steps > 0 {
            self.ledger.note(
                self.name.clone(),
                "no step is marked is_last: the episode was cut before its end, and its last action counts",
            );
        }
    }
}

/// The features of the dataset; without them the values' own types have to do.
fn features(recording: &Recording, ledger: &mut Ledger) -> Option<BTreeMap<String, Feature>> {
    let path = recording.files.get(1);
    let found = match path {
        None => Err("it is missing".to_owned()),
        Some(path) => File::open(path).map_err(|error| error.to_string()).and_then(|file| {
            let mut text = Vec::new();
            file.take(MAX_FEATURES_BYTES).read_to_end(&mut text).map_err(|error| error.to_string())?;
            features::parse(&text)
        }),
    };
    found
        .inspect_err(|reason| {
            ledger.loss(
                "features.json",
                format!(
                    "{reason}; shapes, types and the authors' descriptions are lost, and each step gets its share of \
                     the numbers"
                ),
            );
        })
        .ok()
}

/// What the episode and its dataset say of themselves.
fn facts(path: &Path, example: &mut Example, name: &str, ledger: &mut Ledger) -> Facts {
    let mut facts = Facts::default();
    let info = path.parent().map(|folder| folder.join("dataset_info.json"));
    let info = info.and_then(|info| fs::read(info).ok()).unwrap_or_default();
    let info: serde_json::Value = serde_json::from_slice(&info).unwrap_or_default();
    for key in ["name", "version"] {
        if let Some(text) = info.get(key).and_then(|text| text.as_str()) {
            facts.notes.insert(format!("rlds.{key}"), text.to_owned());
        }
    }
    if let Some(split) = shards::split_of(&name_of(path)) {
        facts.notes.insert("rlds.split".to_owned(), split.to_owned());
    }
    for column in INSTRUCTIONS {
        let Ok(texts) = example.texts(column) else { continue };
        let mut said: Vec<&String> = texts.iter().filter(|text| !text.is_empty()).collect();
        said.dedup();
        if said.len() > 1 {
            let message = format!("{column} changes {} times; the first is the episode's", said.len() - 1);
            ledger.note(name, message);
        }
        if let Some(first) = said.first() {
            facts.instruction = Some((*first).clone());
            break;
        }
    }
    facts
}

/// The value of a leaf for the next step. An error within ends nothing but this value.
fn take(
    example: &mut Example,
    leaf: &Leaf,
    is_wanted: bool,
) -> Result<Option<Result<Value, String>>, String> {
    let count = match &leaf.per {
        Per::Fixed(width) => *width,
        Per::Ragged { lengths, width } => {
            let mut count = 1u64;
            for column in lengths {
                let Values::Ints(found) = example.next(column, count)? else {
                    return Err(format!("expected lengths in {column}"));
                };
                count = found
                    .iter()
                    .try_fold(0u64, |sum, length| sum.checked_add(u64::try_from(*length).ok()?))
                    .ok_or_else(|| format!("expected lengths in {column}, found {found:?}"))?;
            }
            count.checked_mul(*width).ok_or_else(|| format!("the lengths of {} are absurd", leaf.column))?
        }
    };
    if !is_wanted {
        example.skip(&leaf.values, count)?;
        return Ok(None);
    }
    let values = example.next(&leaf.values, count)?;
    Ok(Some(match leaf.part {
        Part::Picture => picture(values, leaf.feature.as_ref()),
        Part::Scalar | Part::Array => value(values, leaf),
    }))
}

/// What the first bytes say that a picture is.
fn picture_format(bytes: &[u8]) -> &'static str {
    if bytes.starts_with(b"\xff\xd8\xff") {
        "jpeg"
    } else if bytes.starts_with(b"\x89PNG\r\n") {
        "png"
    } else {
        "unknown"
    }
}

fn picture(values: Values, feature: Option<&Feature>) -> Result<Value, String> {
    let Values::Bytes(mut texts) = values else {
        return Err("expected a coded picture, found numbers".to_owned());
    };
    let (Some(bytes), true) = (texts.pop(), texts.is_empty()) else {
        return Err("expected one coded picture".to_owned());
    };
    let mut format = picture_format(&bytes).to_owned();
    if let Some(wide) = feature.filter(|feature| !matches!(feature.dtype.as_str(), "" | "uint8")) {
        format = format!("depth {format} {}", wide.dtype);
    }
    Ok(Value::Struct(vec![
        (Arc::from("data"), Value::Bytes(bytes)),
        (Arc::from("format"), Value::Text(format)),
    ]))
}

fn value(values: Values, leaf: &Leaf) -> Result<Value, String> {
    let is_scalar = leaf.part == Part::Scalar;
    let feature = leaf.feature.as_ref();
    let dtype = feature.map_or("", |feature| feature.dtype.as_str());
    Ok(match values {
        Values::Floats(values) => match values.as_slice() {
            [value] if is_scalar => Value::Float(f64::from(*value)),
            values => Value::Numbers(values.iter().map(|value| f64::from(*value)).collect()),
        },
        Values::Ints(values) => whole(&values, dtype, is_scalar),
        Values::Bytes(mut texts) => {
            let packed = feature.map(|feature| feature.encoding.as_str());
            if let (Some("bytes" | "zlib"), [bytes]) = (packed, texts.as_slice()) {
                return unpack(bytes, packed == Some("zlib"), dtype);
            }
            let word = |bytes: Vec<u8>| match String::from_utf8(bytes) {
                Ok(text) => Value::Text(text),
                Err(error) => Value::Bytes(error.into_bytes()),
            };
            match (texts.pop(), texts.is_empty()) {
                (Some(bytes), true) if is_scalar => word(bytes),
                (last, _) => Value::List(texts.into_iter().chain(last).map(word).collect()),
            }
        }
    })
}

fn whole(values: &[i64], dtype: &str, is_scalar: bool) -> Value {
    let one = |value: i64| match dtype {
        "bool" => Value::Bool(value != 0),
        "uint64" if value < 0 => Value::Large(value.cast_unsigned()),
        _ => Value::Int(value),
    };
    match values {
        [value] if is_scalar => one(*value),
        values if values.iter().all(|value| value.unsigned_abs() <= 1 << 53) => {
            Value::Numbers(values.iter().map(|value| *value as f64).collect())
        }
        values => Value::List(values.iter().copied().map(one).collect()),
    }
}

/// A tensor whose memory was written as it stood, little-endian, perhaps compressed.
fn unpack(bytes: &[u8], is_compressed: bool, dtype: &str) -> Result<Value, String> {
    let mut plain = Vec::new();
    if is_compressed {
        let mut input = ZlibDecoder::new(bytes).take(MAX_TENSOR_BYTES + 1);
        input.read_to_end(&mut plain).map_err(|error| error.to_string())?;
    } else {
        plain.extend_from_slice(bytes);
    }
    if plain.len() as u64 > MAX_TENSOR_BYTES {
        return Err(format!("expected a tensor of at most {MAX_TENSOR_BYTES} bytes, found a larger one"));
    }
    super::numbers::little_endian(&plain, dtype)
}

impl Records for RldsRecords {
    fn next(&mut self, wanted: &dyn Fn(&str) -> bool) -> Option<Record> {
        loop {
            if let Some(record) = self.queue.pop_front() {
                return Some(record);
            }
            let step = self.step;
            if step.is_some_and(|step| step >= self.layout.steps) {
                return None;
            }
            if let Err(reason) = self.fill(step, wanted) {
                let from = step.unwrap_or(0);
                self.ledger.loss(self.name.clone(), format!("steps from {from} on are lost: {reason}"));
                self.step = Some(u64::MAX);
                continue;
            }
            let next = step.map_or(0, |step| step + 1);
            self.step = Some(next);
            if next == self.layout.steps {
                self.end();
            }
        }
    }

    fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    fn facts(&self) -> Facts {
        self.facts.clone()
    }
}
