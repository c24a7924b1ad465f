//! The topics of a recording: groups whose datasets have a row for each moment.

use super::super::records::{Ledger, Record};
use super::super::value::Value;
use super::layout::{Layout, NO_TIME};
use super::physics::Physics;
use super::plain;
use crate::hdf5::File;
use crate::hdf5::dataset::{Dataset, Rows};
use crate::hdf5::datatype::Class;
use crate::hdf5::object::Kind;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

/// Datasets of a recording.
const MAX_DATASETS: usize = 4096;
/// Groups within groups.
const MAX_DEPTH: usize = 12;
/// Rows of a dataset.
const MAX_ROWS: u64 = 100_000_000;
/// Rows that a list may name.
const MAX_LISTED: u64 = 4 << 20;
/// Rows of a topic that nobody wants, counted at once.
const UNWANTED_ROWS: u64 = 4096;
/// Bytes of a row of one axis that make it a picture.
const LEAST_PICTURE_BYTES: u64 = 512;

/// One dataset of a topic.
struct Field {
    name: Arc<str>,
    rows: Rows,
    /// Rows before this one cannot be read, and that was said.
    lost_until: u64,
    /// Bytes that count of each row, where rows are filled up to one length.
    lengths: Option<Arc<[u64]>>,
    physics: Option<Arc<Physics>>,
    /// Whether rows are pictures of distances, whose bytes stay as they are.
    is_depth: bool,
}

/// Datasets that are read together.
pub(super) struct Topic {
    name: Arc<str>,
    type_name: String,
    fields: Vec<Field>,
    rows: u64,
    next: u64,
    /// Times of the rows, ns.
    times: Option<Arc<[i64]>>,
    /// Rows that count, where the source lists them.
    valid: Option<BTreeSet<u64>>,
}

/// A dataset and where it is: its group's path within the recording, and its own name.
struct Found {
    group: String,
    name: String,
    dataset: Dataset,
}

/// The topics of the recording that a layout describes.
pub(super) fn topics(file: &File, layout: &mut Layout, name: &str, ledger: &mut Ledger) -> Vec<Topic> {
    let mut found = Vec::new();
    let mut walk = Walk { file, ledger, found: &mut found, seen: HashSet::new() };
    walk.group(layout.root, "", 0);
    let times = layout.times(file, &found_names(&found), ledger);
    let mut groups: BTreeMap<(String, u64), Vec<Found>> = BTreeMap::new();
    let mut alone = Vec::new();
    let mut lists = BTreeMap::new();
    for found in found {
        let path = path_of(&found.group, &found.name);
        if layout.is_clock(&path) {
            continue;
        }
        if found.dataset.rows() == 0 || found.dataset.row_elements() == Some(0) {
            ledger.note(path, "it is there and holds nothing");
        } else if layout.lists_valid && found.name == "index" {
            lists.insert(found.group.clone(), found);
        } else if found.dataset.space.dims.is_empty()
            || is_picture(&found.dataset)
            || is_depth(&path, &found.dataset)
            || layout.lengths.contains_key(&found.name)
        {
            alone.push(found);
        } else {
            groups.entry((found.group.clone(), found.dataset.rows())).or_default().push(found);
        }
    }
    let mut topics = Vec::new();
    let mut main: BTreeMap<String, (usize, u64)> = BTreeMap::new();
    for ((group, rows), fields) in &groups {
        let best = main.entry(group.clone()).or_default();
        // Of groups whose datasets have several lengths, the most common one is the group's.
        *best = (*best).max((fields.len(), *rows));
    }
    let mut opener = Opener { file, layout, name, ledger, times };
    for ((group, rows), fields) in groups {
        if main.get(&group).is_some_and(|(_, main)| *main == rows) {
            let topic = if group.is_empty() { layout_root(opener.layout) } else { group.clone() };
            let valid = lists.get(&group).and_then(|list| opener.list(list));
            topics.extend(opener.topic(&topic, fields, valid));
        } else {
            for field in fields {
                let topic = path_of(&field.group, &field.name);
                topics.extend(opener.topic(&topic, vec![field], None));
            }
        }
    }
    for field in alone {
        let topic = path_of(&field.group, &field.name);
        topics.extend(opener.topic(&topic, vec![field], None));
    }
    topics
}

fn found_names(found: &[Found]) -> Vec<(String, u64)> {
    found.iter().map(|found| (path_of(&found.group, &found.name), found.dataset.at)).collect()
}

fn layout_root(layout: &Layout) -> String {
    layout.root_topic.to_owned()
}

fn path_of(group: &str, name: &str) -> String {
    if group.is_empty() { name.to_owned() } else { format!("{group}/{name}") }
}

/// Whether a row is a picture, raw or coded, or bytes of another kind.
fn is_picture(dataset: &Dataset) -> bool {
    match &dataset.datatype.class {
        Class::Opaque => true,
        Class::Any(base) => base.is_byte(),
        _ => {
            let rows = dataset.row_dims();
            let bytes = dataset.row_elements().unwrap_or(0);
            dataset.datatype.is_byte() && (rows.len() > 1 || bytes >= LEAST_PICTURE_BYTES)
        }
    }
}

/// Whether rows are pictures of distances: numbers of one channel in a dataset whose path says so. (Taxels and other
/// grids may have the same shape, and stay numbers.)
fn is_depth(path: &str, dataset: &Dataset) -> bool {
    let has_sides = matches!(dataset.row_dims(), [_, _] | [_, _, 1]);
    has_sides && encoding(dataset).is_some() && path.to_lowercase().contains("depth")
}

/// What ROS calls numbers of such a size.
fn encoding(dataset: &Dataset) -> Option<&'static str> {
    match (&dataset.datatype.class, dataset.datatype.size) {
        (Class::Integer { is_signed: false, .. }, 2) => Some("16UC1"),
        (Class::Float { .. }, 4) => Some("32FC1"),
        _ => None,
    }
}

/// A walk through the groups of a recording.
struct Walk<'w> {
    file: &'w File,
    ledger: &'w mut Ledger,
    found: &'w mut Vec<Found>,
    seen: HashSet<u64>,
}

impl Walk<'_> {
    fn group(&mut self, at: u64, path: &str, depth: usize) {
        let object = match self.file.object(at) {
            Ok(object) => object,
            Err(damage) => return self.ledger.loss(path, damage.to_string()),
        };
        for damage in &object.damages {
            self.ledger.loss(path, damage.to_string());
        }
        for link in object.links() {
            let path = path_of(path, &link.name);
            let Some(at) = self.file.follow(link) else {
                self.ledger.loss(path, "it leads to another file or to nothing");
                continue;
            };
            if self.found.len() >= MAX_DATASETS || depth >= MAX_DEPTH {
                let message =
                    format!("it is left out: at most {MAX_DATASETS} datasets and {MAX_DEPTH} levels");
                self.ledger.loss(path, message);
                return;
            }
            if !self.seen.insert(at) {
                self.ledger.note(path, "it is another name of what is read already");
                continue;
            }
            self.link(at, path, &link.name, depth);
        }
    }

    fn link(&mut self, at: u64, path: String, name: &str, depth: usize) {
        match self.file.object(at).map(|object| (object.kind, object.attributes)) {
            Ok((Kind::Group(_), _)) => self.group(at, &path, depth + 1),
            Ok((Kind::Dataset(dataset), attributes)) => {
                if !attributes.is_empty() {
                    let names: Vec<&str> = attributes.iter().map(|(name, _)| name.as_str()).collect();
                    self.ledger
                        .note(path.clone(), format!("its attributes {} stay behind", names.join(", ")));
                }
                let group = path.rsplit_once('/').map_or("", |(group, _)| group).to_owned();
                self.found.push(Found { group, name: name.to_owned(), dataset: *dataset });
            }
            Ok((Kind::Other, _)) => self.ledger.note(path, "it is neither a group nor a dataset"),
            Err(damage) => self.ledger.loss(path, damage.to_string()),
        }
    }
}

/// Opens the datasets of topics.
struct Opener<'o> {
    file: &'o File,
    layout: &'o Layout,
    name: &'o str,
    ledger: &'o mut Ledger,
    times: Option<Arc<[i64]>>,
}

impl Opener<'_> {
    fn topic(&mut self, topic: &str, found: Vec<Found>, valid: Option<BTreeSet<u64>>) -> Option<Topic> {
        let mut fields = Vec::new();
        let (mut stated, mut kinds) = (0, Vec::new());
        for Found { group, name, dataset } in found {
            let path = path_of(&group, &name);
            let depth = is_depth(&path, &dataset);
            let picture = depth || is_picture(&dataset) || self.layout.lengths.contains_key(&name);
            stated = dataset.rows();
            kinds.push(dataset.datatype.name());
            let rows = match Rows::open(self.file, dataset) {
                Ok((rows, damages)) => {
                    for damage in damages {
                        self.ledger.loss(path.clone(), damage.to_string());
                    }
                    rows
                }
                Err(damage) => {
                    self.ledger.loss(path, damage.to_string());
                    continue;
                }
            };
            let physics = self.layout.physics.clone().filter(|physics| physics.is_of(&path, &rows));
            let lengths = self.layout.lengths.get(&name).cloned();
            // A single value is a topic whose field bears its name; a picture's bytes are `data`.
            let field = if picture { Arc::from("data") } else { plain(&name) };
            fields.push(Field { name: field, rows, lost_until: 0, lengths, physics, is_depth: depth });
        }
        if fields.is_empty() {
            return None;
        }
        kinds.sort();
        kinds.dedup();
        let type_name = kinds.join(", ");
        let rows = stated.min(MAX_ROWS);
        if stated > rows {
            let message = format!("{} rows are left out: at most {MAX_ROWS} are read", stated - rows);
            self.ledger.loss(format!("{} {topic}", self.name), message);
        }
        let times = self.times.clone().filter(|times| times.len() as u64 == rows);
        Some(Topic { name: Arc::from(topic), type_name, fields, rows, next: 0, times, valid })
    }

    /// The rows that a list names; `None` where it names none or cannot be read.
    fn list(&mut self, found: &Found) -> Option<BTreeSet<u64>> {
        let path = path_of(&found.group, &found.name);
        let count = found.dataset.rows().min(MAX_LISTED);
        if found.dataset.rows() > count {
            self.ledger
                .loss(path.clone(), format!("only {count} of its {} rows are heeded", found.dataset.rows()));
        }
        let mut rows = match Rows::open(self.file, found.dataset.clone()) {
            Ok((rows, _)) => rows,
            Err(damage) => {
                self.ledger.loss(path, damage.to_string());
                return None;
            }
        };
        let mut listed = BTreeSet::new();
        for row in 0..count {
            let value = rows.value(row).map_err(|lost| lost.why);
            match value.map(|value| super::whole(&value).and_then(|row| u64::try_from(row).ok())) {
                Ok(Some(row)) => {
                    listed.insert(row);
                }
                Ok(None) => self.ledger.loss(path.clone(), format!("row {row} is no number of a row")),
                Err(why) => {
                    self.ledger.loss(path.clone(), format!("rows from {row} on are lost: {why}"));
                    break;
                }
            }
        }
        Some(listed)
    }
}

impl Topic {
    /// The part of its rows that was read; `None` at its end.
    pub(super) fn reached(&self) -> Option<f64> {
        (self.next < self.rows).then(|| (self.next as f64 + 0.5) / self.rows as f64)
    }

    /// The next row, where it is wanted and counts.
    pub(super) fn next(&mut self, ledger: &mut Ledger, wanted: &dyn Fn(&str) -> bool) -> Option<Record> {
        let row = match &self.valid {
            Some(valid) => valid.range(self.next..self.rows).next().copied().unwrap_or(self.rows),
            None => self.next,
        };
        // What a file states may be far more than it holds: rows of which there is nothing are counted together.
        let most = if self.valid.is_some() { 1 } else { self.rows.saturating_sub(row) };
        let mut record = None;
        let mut rows = 1;
        if row < self.rows && !wanted(&self.name) {
            rows = UNWANTED_ROWS.min(most);
            ledger.saw_many(&self.name, &self.type_name, rows);
        } else if row < self.rows {
            let parts = self.parts(row, ledger);
            let lost_until = self.fields.iter().map(|field| field.lost_until).min().unwrap_or(0);
            rows = lost_until.saturating_sub(row).clamp(1, most);
            ledger.saw_many(&self.name, &self.type_name, rows);
            if parts.is_empty() {
                ledger.unread_many(&self.name, "nothing of them can be read".to_owned(), rows);
            } else {
                let log_ns = self.times.as_ref().and_then(|times| times.get(row as usize)).copied();
                let log_ns = log_ns.filter(|ns| *ns != NO_TIME);
                let (topic, value) = (self.name.clone(), Value::Struct(parts));
                record = Some(Record { topic, log_ns, publish_ns: None, number: Some(row), value });
            }
        }
        self.next = row.saturating_add(rows).min(self.rows);
        if self.next == self.rows {
            self.say_invalid(ledger);
        }
        record
    }

    /// What of a row can be read.
    fn parts(&mut self, row: u64, ledger: &mut Ledger) -> Vec<(Arc<str>, Value)> {
        let mut parts = Vec::with_capacity(self.fields.len());
        for field in &mut self.fields {
            if row < field.lost_until {
                continue;
            }
            match field.value(row) {
                Ok(value) => {
                    parts.push((field.name.clone(), value));
                    parts.extend(field.sides());
                }
                Err(lost) => {
                    field.lost_until = lost.until.max(row + 1);
                    let rows = if lost.until == row + 1 {
                        format!("row {row} is lost")
                    } else {
                        format!("rows {row} to {} are lost", lost.until.min(self.rows) - 1)
                    };
                    ledger.loss(format!("{}/{}", self.name, field.name), format!("{rows}: {}", lost.why));
                }
            }
        }
        parts
    }

    fn say_invalid(&self, ledger: &mut Ledger) {
        let Some(valid) = &self.valid else { return };
        let counted = valid.iter().filter(|row| **row < self.rows).count() as u64;
        let message =
            format!("{} of {} rows do not count, as its index says", self.rows - counted, self.rows);
        ledger.note(self.name.to_string(), message);
    }
}

impl Field {
    /// How large a raw picture is.
    fn sides(&self) -> Vec<(Arc<str>, Value)> {
        let dataset = self.rows.dataset();
        let side = |name: &str, side: u64| (Arc::from(name), Value::Int(side as i64));
        match *dataset.row_dims() {
            [height, width] | [height, width, 1] if self.is_depth => {
                let is_big = matches!(
                    dataset.datatype.class,
                    Class::Integer { is_big: true, .. } | Class::Float { is_big: true }
                );
                let encoding = encoding(dataset).unwrap_or_default().to_owned();
                vec![
                    side("height", height),
                    side("width", width),
                    (Arc::from("encoding"), Value::Text(encoding)),
                    side("is_bigendian", is_big.into()),
                ]
            }
            [height, width, channels] if dataset.datatype.is_byte() => {
                vec![side("height", height), side("width", width), side("channels", channels)]
            }
            _ => Vec::new(),
        }
    }

    fn value(&mut self, row: u64) -> Result<Value, crate::hdf5::dataset::Lost> {
        if self.is_depth {
            return self.rows.bytes(row).map(|bytes| Value::Bytes(bytes.to_vec()));
        }
        let value = self.rows.value(row)?;
        if let (Some(physics), Value::Numbers(numbers)) = (&self.physics, &value) {
            return Ok(physics.state(numbers));
        }
        if let (Some(lengths), Value::Bytes(bytes)) = (&self.lengths, &value) {
            let length = lengths.get(row as usize).and_then(|length| usize::try_from(*length).ok());
            let part = length.and_then(|length| bytes.get(..length));
            return Ok(part.map_or(value.clone(), |part| Value::Bytes(part.to_vec())));
        }
        Ok(value)
    }
}
