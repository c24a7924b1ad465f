//! Episodes of Unitree's `xr_teleoperate`: a folder with `data.json` beside its pictures. The JSON is read a frame at a
//! time, so that one that was cut off in the middle of a frame gives all frames before it.

mod sound;

use super::decode::from_json;
use super::error::Error;
use super::picture::read_file;
use super::records::{Facts, Ledger, Record, Records};
use super::source::{Recording, name_of};
use super::value::Value;
use serde_json::Value as Json;
use sound::Sounds;
use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The topic of an episode's frames.
pub(crate) const TOPIC: &str = "frame";
/// The longest frame, or other value, that is read, bytes.
const MAX_VALUE_BYTES: usize = 4 << 20;

/// Pictures of one frame.
const MAX_PICTURES: usize = 64;

/// A picture that a frame names.
struct Picture {
    topic: Arc<str>,
    /// Its path within the episode's folder, as the frame states it.
    path: String,
    number: u64,
}

/// JSON text, a value at a time.
struct Scanner {
    input: BufReader<File>,
    peeked: Option<u8>,
    at: u64,
}

impl Scanner {
    fn byte(&mut self) -> Result<u8, String> {
        if let Some(byte) = self.peeked.take() {
            return Ok(byte);
        }
        let mut byte = [0];
        self.input.read_exact(&mut byte).map_err(|_| format!("the file ends at byte {}", self.at))?;
        self.at += 1;
        Ok(byte[0])
    }

    /// The next byte that is no blank; it is not consumed.
    fn peek(&mut self) -> Result<u8, String> {
        loop {
            let byte = self.byte()?;
            if !byte.is_ascii_whitespace() {
                self.peeked = Some(byte);
                return Ok(byte);
            }
        }
    }

    fn expect(&mut self, wanted: u8) -> Result<(), String> {
        let found = self.peek()?;
        self.peeked = None;
        if found == wanted {
            return Ok(());
        }
        Err(format!("expected `{}` at byte {}, found `{}`", char::from(wanted), self.at, char::from(found)))
    }

    /// The next value, whole.
    fn value(&mut self) -> Result<Json, String> {
        let mut text = Vec::new();
        let (mut depth, mut in_text, mut escaped) = (0usize, false, false);
        let first = self.peek()?;
        let is_scalar = !matches!(first, b'{' | b'[' | b'"');
        loop {
            if is_scalar && matches!(self.peek()?, b',' | b'}' | b']') {
                break;
            }
            let byte = self.byte()?;
            text.push(byte);
            if text.len() > MAX_VALUE_BYTES {
                return Err(format!(
                    "expected a value of at most {MAX_VALUE_BYTES} bytes before byte {}",
                    self.at
                ));
            }
            match byte {
                _ if escaped => escaped = false,
                b'\\' if in_text => escaped = true,
                b'"' => in_text = !in_text,
                b'{' | b'[' if !in_text => depth += 1,
                b'}' | b']' if !in_text => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth == 0 && !in_text && !is_scalar {
                break;
            }
        }
        serde_json::from_slice(&text).map_err(|error| format!("{error} before byte {}", self.at))
    }

    /// Goes to the next value of an object or a list; `false` at its end.
    fn more(&mut self, end: u8, is_first: bool) -> Result<bool, String> {
        if self.peek()? == end {
            self.peeked = None;
            return Ok(false);
        }
        if !is_first {
            self.expect(b',')?;
        }
        Ok(true)
    }
}

/// Whether a folder holds an episode.
pub(crate) fn is_episode(folder: &Path) -> bool {
    folder.join("data.json").is_file()
}

/// Reads one episode.
pub(crate) struct XrRecords {
    name: String,
    scanner: Scanner,
    head: BTreeMap<String, Json>,
    names: BTreeMap<String, Vec<Value>>,
    topic: Arc<str>,
    folder: PathBuf,
    /// Pictures of the last frame that were not handed out yet.
    pictures: VecDeque<Picture>,
    sounds: Sounds,
    frames: u64,
    next_idx: Option<i64>,
    in_data: bool,
    ended: bool,
    ledger: Ledger,
}

impl XrRecords {
    /// Opens an episode and reads what stands before its frames.
    pub(crate) fn open(recording: &Recording) -> Result<Self, Error> {
        let path = recording.files.first().map_or(Path::new(""), |path| path.as_path());
        let file = File::open(path).map_err(Error::file("opening", path))?;
        let mut records = Self {
            name: format!("{}/{}", recording.name, name_of(path)),
            scanner: Scanner { input: BufReader::with_capacity(256 << 10, file), peeked: None, at: 0 },
            head: BTreeMap::new(),
            names: BTreeMap::new(),
            topic: Arc::from(TOPIC),
            folder: path.parent().unwrap_or(Path::new("")).to_owned(),
            pictures: VecDeque::new(),
            sounds: Sounds::default(),
            frames: 0,
            next_idx: None,
            in_data: false,
            ended: false,
            ledger: Ledger::default(),
        };
        let begun = records.scanner.expect(b'{').and_then(|()| records.keys(true));
        begun.map_err(|found| Error::content(path, "an episode with a list `data`", found))?;
        if !records.in_data {
            return Err(Error::content(path, "a list `data`", "none"));
        }
        records.names = names(records.head.get("info"));
        Ok(records)
    }

    /// Reads keys up to the frames, or to the end.
    fn keys(&mut self, mut is_first: bool) -> Result<(), String> {
        while self.scanner.more(b'}', is_first)? {
            is_first = false;
            let Json::String(key) = self.scanner.value()? else {
                return Err("a key that is no text".to_owned());
            };
            self.scanner.expect(b':')?;
            if key == "data" && !self.in_data {
                self.scanner.expect(b'[')?;
                self.in_data = true;
                return Ok(());
            }
            let value = self.scanner.value()?;
            if self.in_data {
                self.ledger.note(
                    self.name.clone(),
                    format!("`{key}` behind the frames is left out: {}", brief(&value)),
                );
            } else {
                self.head.insert(key, value);
            }
        }
        self.ended = true;
        Ok(())
    }

    fn end(&mut self, found: &str) {
        self.ended = true;
        let message = format!("it ends after {} whole frames: {found}; what followed is lost", self.frames);
        self.ledger.loss(self.name.clone(), message);
        self.sounds.tell(self.head.get("info"), &mut self.ledger);
    }

    /// Takes the pictures out of a frame: each camera is a topic of its own, such as `colors/color_0`.
    fn take_pictures(&mut self, frame: &mut Json, number: u64) {
        for kind in ["colors", "depths"] {
            let Some(named) = frame.get_mut(kind).and_then(Json::as_object_mut) else { continue };
            for (camera, path) in named.iter().take(MAX_PICTURES) {
                let Some(path) = path.as_str() else { continue };
                let topic = Arc::from(format!("{kind}/{camera}"));
                self.pictures.push_back(Picture { topic, path: path.to_owned(), number });
            }
            named.retain(|_, path| !path.is_string());
        }
    }

    /// The picture as a record, where it is wanted and can be read.
    fn picture(&mut self, picture: Picture, wanted: &dyn Fn(&str) -> bool) -> Option<Record> {
        let Picture { topic, path, number } = picture;
        self.ledger.saw(&topic, "picture");
        if !wanted(&topic) {
            return None;
        }
        match read_file(&self.folder, &path) {
            Ok(bytes) => {
                let value = Value::Struct(vec![(Arc::from("data"), Value::Bytes(bytes))]);
                Some(Record { topic, log_ns: None, publish_ns: None, number: Some(number), value })
            }
            Err(reason) => {
                self.ledger.unread(&topic, reason);
                None
            }
        }
    }

    /// The frame with its joints' names beside their numbers.
    fn named(&self, frame: Json) -> Value {
        let mut frame = from_json(frame);
        let Value::Struct(parts) = &mut frame else { return frame };
        for (_, side) in parts.iter_mut().filter(|(key, _)| matches!(&**key, "states" | "actions")) {
            let Value::Struct(limbs) = side else { continue };
            for (limb, numbers) in limbs {
                if let (Some(names), Value::Struct(numbers)) = (self.names.get(&**limb), numbers) {
                    numbers.insert(0, (Arc::from("name"), Value::List(names.clone())));
                }
            }
        }
        frame
    }
}

/// The names of each limb's joints, as `info.joint_names` states them.
fn names(info: Option<&Json>) -> BTreeMap<String, Vec<Value>> {
    let stated = info.and_then(|info| info.get("joint_names")).and_then(Json::as_object);
    let texts = |names: &Json| -> Option<Vec<Value>> {
        let names = names.as_array().filter(|names| !names.is_empty())?;
        names.iter().map(|name| Some(Value::Text(name.as_str()?.to_owned()))).collect()
    };
    stated.into_iter().flatten().filter_map(|(limb, found)| Some((limb.clone(), texts(found)?))).collect()
}

fn brief(value: &Json) -> String {
    value.to_string().chars().take(120).collect()
}

impl Records for XrRecords {
    fn next(&mut self, wanted: &dyn Fn(&str) -> bool) -> Option<Record> {
        loop {
            while let Some(picture) = self.pictures.pop_front() {
                if let Some(record) = self.picture(picture, wanted) {
                    return Some(record);
                }
            }
            if self.ended {
                return None;
            }
            match self.scanner.more(b']', self.frames == 0) {
                Ok(true) => {}
                Ok(false) => {
                    if let Err(found) = self.keys(false) {
                        self.end(&found);
                    }
                    self.ended = true;
                    self.sounds.tell(self.head.get("info"), &mut self.ledger);
                    return None;
                }
                Err(found) => {
                    self.end(&found);
                    return None;
                }
            }
            let mut frame = match self.scanner.value() {
                Ok(frame) => frame,
                Err(found) => {
                    self.end(&found);
                    return None;
                }
            };
            let idx = frame.get("idx").and_then(Json::as_i64);
            if let (Some(idx), Some(expected)) = (idx, self.next_idx)
                && idx != expected
            {
                self.ledger.loss(self.name.clone(), format!("expected the frame {expected}, found {idx}"));
            }
            let number = idx.and_then(|idx| u64::try_from(idx).ok()).unwrap_or(self.frames);
            self.next_idx = idx.map(|idx| idx.saturating_add(1));
            self.frames += 1;
            self.take_pictures(&mut frame, number);
            self.sounds.take(&mut frame, &self.folder);
            let topic = self.topic.clone();
            self.ledger.saw(&topic, "xr_teleoperate frame");
            if wanted(TOPIC) {
                let value = self.named(frame);
                return Some(Record { topic, log_ns: None, publish_ns: None, number: Some(number), value });
            }
        }
    }

    fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    fn facts(&self) -> Facts {
        let info = self.head.get("info");
        let text = |value: Option<&Json>| {
            value.and_then(Json::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let said = |key: &str| text(self.head.get("text").and_then(|words| words.get(key)));
        let mut notes = BTreeMap::new();
        // Who recorded it (`author`) may name a person and stays out.
        let touch = info.and_then(|info| info.get("tactile_names")).and_then(Json::as_object);
        for (part, names) in
            touch.into_iter().flatten().filter(|(_, names)| *names != &Json::Array(Vec::new()))
        {
            notes.insert(format!("xr_teleoperate.tactile_names.{part}"), names.to_string());
        }
        for (key, value) in [
            ("xr_teleoperate.version", text(info.and_then(|info| info.get("version")))),
            ("xr_teleoperate.date", text(info.and_then(|info| info.get("date")))),
            ("xr_teleoperate.desc", said("desc")),
            ("xr_teleoperate.steps", said("steps")),
        ] {
            notes.extend(value.map(|value| (key.to_owned(), value)));
        }
        let fps =
            info.and_then(|info| info.get("image")).and_then(|image| image.get("fps")).and_then(Json::as_f64);
        Facts { instruction: said("goal"), rate_hz: fps.filter(|fps| *fps > 0.0), notes, files: Vec::new() }
    }
}
