//! Recordings of A-Frame's motion capture components: JSON with the poses of the headset (`camera`) and of each
//! controller, and their buttons. Lengths are in m, angles in degrees, turned about y, then x, then z, as A-Frame does;
//! times are the page's own, in ms.
//!
//! What stands before a place where the JSON breaks off is kept.

use super::super::error::Error;
use super::super::records::{Facts, Ledger, Record, Records};
use super::super::source::Recording;
use super::super::value::Value;
use super::{AFRAME_TYPE, pose, turn};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;
use std::sync::Arc;

/// The largest file that is read, bytes; the poses of two hours are half of that.
const MAX_FILE_BYTES: u64 = 256 << 20;
/// Devices of one recording.
const MAX_DEVICES: usize = 64;

/// Whether a file is such a recording, by its name and its beginning.
pub(crate) fn is_aframe(path: &Path, head: &[u8]) -> bool {
    let is_json = path.extension().is_some_and(|end| end.eq_ignore_ascii_case("json"));
    let has = |word: &[u8]| head.windows(word.len()).any(|window| window == word);
    is_json && head.trim_ascii_start().starts_with(b"{") && has(b"\"poses\"")
}

#[derive(Clone, Copy, Debug, Deserialize)]
struct Axes {
    x: f64,
    y: f64,
    z: f64,
}

#[derive(Debug, Deserialize)]
struct PoseAt {
    position: Axes,
    rotation: Axes,
    timestamp: f64,
}

#[derive(Debug, Deserialize)]
struct EventAt {
    name: String,
    #[serde(default)]
    detail: Option<Detail>,
    timestamp: f64,
}

#[derive(Debug, Default, Deserialize)]
struct Detail {
    #[serde(default)]
    id: Option<i64>,
    #[serde(default)]
    axis: Vec<f64>,
    #[serde(default)]
    state: Option<serde_json::Map<String, serde_json::Value>>,
}

/// Everything that was read, whether or not the file was whole.
#[derive(Default)]
struct Collected {
    poses: BTreeMap<String, Vec<PoseAt>>,
    events: BTreeMap<String, Vec<EventAt>>,
    /// Keys beside poses and events.
    others: BTreeMap<String, u64>,
}

struct Devices<'c>(&'c mut Collected);
struct Device<'c>(&'c mut Collected, String);
struct List<'c, T>(&'c mut Vec<T>);

impl<'de> Visitor<'de> for Devices<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("devices, each with its poses")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            if self.0.poses.len() >= MAX_DEVICES {
                return Err(serde::de::Error::custom(format!("more than {MAX_DEVICES} devices")));
            }
            map.next_value_seed(Device(self.0, name))?;
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Device<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Device<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a device with poses and events")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "poses" => map.next_value_seed(List(self.0.poses.entry(self.1.clone()).or_default()))?,
                "events" => map.next_value_seed(List(self.0.events.entry(self.1.clone()).or_default()))?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    if self.0.others.len() < MAX_DEVICES {
                        *self.0.others.entry(format!("{}.{key}", self.1)).or_default() += 1;
                    }
                }
            }
        }
        Ok(())
    }
}

impl<'de, T: Deserialize<'de>> DeserializeSeed<'de> for List<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for List<'_, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(element) = list.next_element()? {
            self.0.push(element);
        }
        Ok(())
    }
}

/// The records of one device, in order.
struct Lane {
    topic: Arc<str>,
    type_name: &'static str,
    rows: std::vec::IntoIter<(f64, Value)>,
    head: Option<(f64, Value)>,
    next: u64,
}

/// Reads one recording.
pub(crate) struct AframeRecords {
    lanes: Vec<Lane>,
    ledger: Ledger,
}

impl AframeRecords {
    /// Reads a recording, which is small, whole.
    pub(crate) fn open(recording: &Recording) -> Result<Self, Error> {
        let path = recording.files.first().map_or(Path::new(""), |path| path.as_path());
        let file = File::open(path).map_err(Error::file("opening", path))?;
        let length = file.metadata().map_err(Error::file("opening", path))?.len();
        if length > MAX_FILE_BYTES {
            return Err(Error::content(path, format!("at most {MAX_FILE_BYTES} bytes"), length.to_string()));
        }
        let mut collected = Collected::default();
        let mut json = serde_json::Deserializer::from_reader(BufReader::new(file.take(MAX_FILE_BYTES)));
        let whole = json.deserialize_map(Devices(&mut collected)).and_then(|()| json.end());
        if collected.poses.values().all(Vec::is_empty) {
            let found = whole.err().map_or_else(|| "none".to_owned(), |error| error.to_string());
            return Err(Error::content(path, "devices with poses", found));
        }
        let mut ledger = Ledger::default();
        if let Err(error) = whole {
            let message = format!("what follows its place is lost: {error}");
            ledger.loss(recording.name.clone(), message);
        }
        for name in collected.others.keys() {
            ledger.note(recording.name.clone(), format!("{name} left out: it is no motion"));
        }
        let lanes = lanes(collected, &mut ledger, &recording.name);
        Ok(Self { lanes, ledger })
    }
}

fn lanes(collected: Collected, ledger: &mut Ledger, name: &str) -> Vec<Lane> {
    let time = |ms: f64| (Arc::from("timestamp"), Value::Float(ms));
    let mut lanes = Vec::new();
    let mut push = |topic: String, type_name, mut rows: Vec<(f64, Value)>| {
        if !rows.is_empty() {
            // Times that go backward stay as they are within a lane; between lanes the earlier comes first.
            rows.shrink_to_fit();
            let mut rows = rows.into_iter();
            let head = rows.next();
            lanes.push(Lane { topic: Arc::from(topic), type_name, rows, head, next: 0 });
        }
    };
    for (device, poses) in collected.poses {
        let row = |at: PoseAt| {
            let Axes { x, y, z } = at.rotation;
            let turned =
                turn::product(turn::product(turn::about(1, y), turn::about(0, x)), turn::about(2, z));
            let mut parts = pose([at.position.x, at.position.y, at.position.z], turned);
            parts.push(time(at.timestamp));
            (at.timestamp, Value::Struct(parts))
        };
        push(device, AFRAME_TYPE, poses.into_iter().map(row).collect());
    }
    let mut stated = 0;
    for (device, events) in collected.events {
        let row = |at: EventAt| {
            let detail = at.detail.unwrap_or_default();
            stated += u64::from(detail.state.is_some_and(|state| !state.is_empty()));
            let parts = vec![
                time(at.timestamp),
                (Arc::from("name"), Value::Text(at.name)),
                (Arc::from("id"), detail.id.map_or(Value::Null, Value::Int)),
                (Arc::from("axis"), Value::Numbers(detail.axis)),
            ];
            (at.timestamp, Value::Struct(parts))
        };
        let rows = events.into_iter().map(row).collect();
        push(format!("{device}/events"), "A-Frame event", rows);
    }
    if stated > 0 {
        ledger.loss(name, format!("the states of {stated} events are left out"));
    }
    lanes
}

impl Records for AframeRecords {
    fn next(&mut self, wanted: &dyn Fn(&str) -> bool) -> Option<Record> {
        loop {
            let earliest = |a: &&mut Lane, b: &&mut Lane| {
                let time = |lane: &Lane| lane.head.as_ref().map_or(f64::INFINITY, |(time, _)| *time);
                time(a).total_cmp(&time(b))
            };
            let lane = self.lanes.iter_mut().filter(|lane| lane.head.is_some()).min_by(earliest)?;
            let (_, value) = lane.head.take()?;
            lane.head = lane.rows.next();
            let number = lane.next;
            lane.next += 1;
            let topic = lane.topic.clone();
            self.ledger.saw(&topic, lane.type_name);
            if wanted(&topic) {
                return Some(Record { topic, log_ns: None, publish_ns: None, number: Some(number), value });
            }
        }
    }

    fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    fn facts(&self) -> Facts {
        Facts::default()
    }
}
