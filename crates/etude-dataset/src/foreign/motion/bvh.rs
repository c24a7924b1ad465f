//! BVH: a skeleton, and for each frame the angles of its joints. A frame becomes the pose of every joint in the space of
//! the recording, by the skeleton's offsets and the order of angles that each joint states.

use super::super::error::Error;
use super::super::records::{Facts, Ledger, Record, Records};
use super::super::source::Recording;
use super::super::value::Value;
use super::{BVH_TYPE, pose, turn};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;

/// The topic of a recording's frames.
const TOPIC: &str = "frame";
/// The longest line that is read, bytes.
const MAX_LINE_BYTES: u64 = 1 << 20;
/// Joints of a skeleton, the ends of limbs included.
const MAX_JOINTS: usize = 1024;
/// Lines of a skeleton.
const MAX_HEAD_LINES: usize = 16 * MAX_JOINTS;

/// Whether a file begins as BVH does.
pub(crate) fn is_bvh(head: &[u8]) -> bool {
    head.trim_ascii_start().starts_with(b"HIERARCHY")
}

/// One number of a joint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Channel {
    Position(usize),
    Rotation(usize),
}

#[derive(Clone, Debug)]
struct Joint {
    name: Arc<str>,
    parent: Option<usize>,
    offset: [f64; 3],
    channels: Vec<Channel>,
}

/// Lines of a file, none of them too long.
struct Lines {
    input: BufReader<File>,
    number: u64,
}

impl Lines {
    fn next(&mut self) -> Result<Option<String>, String> {
        let mut line = Vec::new();
        let read = (&mut self.input).take(MAX_LINE_BYTES + 1).read_until(b'\n', &mut line);
        read.map_err(|error| error.to_string())?;
        if line.is_empty() {
            return Ok(None);
        }
        self.number += 1;
        if line.len() as u64 > MAX_LINE_BYTES {
            return Err(format!("the line {} is longer than {MAX_LINE_BYTES} bytes", self.number));
        }
        Ok(Some(String::from_utf8_lossy(&line).trim().to_owned()))
    }

    /// The next line that has a word.
    fn word(&mut self) -> Result<String, String> {
        loop {
            match self.next()? {
                Some(line) if line.is_empty() => {}
                Some(line) => return Ok(line),
                None => return Err(format!("the file ends behind line {}", self.number)),
            }
        }
    }
}

fn numbers(words: &str) -> Option<Vec<f64>> {
    words.split_whitespace().map(|word| word.parse().ok()).collect()
}

/// Reads one recording.
pub(crate) struct BvhRecords {
    name: String,
    lines: Lines,
    joints: Vec<Joint>,
    channels: usize,
    frames: Option<u64>,
    frame_time_s: f64,
    next: u64,
    ended: bool,
    topic: Arc<str>,
    ledger: Ledger,
}

impl BvhRecords {
    /// Opens a recording and reads its skeleton.
    pub(crate) fn open(recording: &Recording) -> Result<Self, Error> {
        let path = recording.files.first().map_or(Path::new(""), |path| path.as_path());
        let file = File::open(path).map_err(Error::file("opening", path))?;
        let mut lines = Lines { input: BufReader::new(file), number: 0 };
        let head = skeleton(&mut lines).and_then(|joints| Ok((joints, motion(&mut lines)?)));
        let (joints, (frames, frame_time_s)) =
            head.map_err(|found| Error::content(path, "BVH with a skeleton and its motion", found))?;
        let mut ledger = Ledger::default();
        for joint in &joints {
            let moves = joint.channels.iter().any(|channel| matches!(channel, Channel::Position(_)));
            if moves && joint.offset != [0.0; 3] {
                let message = format!("{} has an offset and positions: they are added", joint.name);
                ledger.note(recording.name.clone(), message);
            }
        }
        Ok(Self {
            name: recording.name.clone(),
            lines,
            channels: joints.iter().map(|joint| joint.channels.len()).sum(),
            joints,
            frames,
            frame_time_s,
            next: 0,
            ended: false,
            topic: Arc::from(TOPIC),
            ledger,
        })
    }

    /// The poses of all joints; `numbers` has as many as there are channels.
    fn poses(&self, numbers: &[f64]) -> Value {
        let mut numbers = numbers.iter().copied();
        let mut poses: Vec<([f64; 3], [f64; 4])> = Vec::with_capacity(self.joints.len());
        let mut parts = Vec::with_capacity(self.joints.len());
        for joint in &self.joints {
            let (mut at, mut turned) = (joint.offset, turn::NONE);
            for channel in &joint.channels {
                let number = numbers.next().unwrap_or(f64::NAN);
                match channel {
                    Channel::Position(axis) => {
                        if let Some(place) = at.get_mut(*axis) {
                            *place += number;
                        }
                    }
                    // Each angle turns about an axis that the ones before it have turned already.
                    Channel::Rotation(axis) => turned = turn::product(turned, turn::about(*axis, number)),
                }
            }
            if let Some((origin, frame)) = joint.parent.and_then(|parent| poses.get(parent)) {
                let [x, y, z] = turn::turned(*frame, at);
                let [a, b, c] = *origin;
                at = [a + x, b + y, c + z];
                turned = turn::product(*frame, turned);
            }
            poses.push((at, turned));
            parts.push((joint.name.clone(), Value::Struct(pose(at, turned))));
        }
        Value::Struct(parts)
    }
}

/// Reads `HIERARCHY` up to `MOTION`.
fn skeleton(lines: &mut Lines) -> Result<Vec<Joint>, String> {
    let mut joints: Vec<Joint> = Vec::new();
    let mut names = BTreeSet::new();
    let mut open: Vec<usize> = Vec::new();
    let mut opened = None;
    if lines.word()? != "HIERARCHY" {
        return Err("no HIERARCHY".to_owned());
    }
    for _ in 0..MAX_HEAD_LINES {
        let line = lines.word()?;
        let (key, rest) = line.split_once(char::is_whitespace).unwrap_or((&line, ""));
        let rest = rest.trim();
        let wrong = || format!("line {}: `{}`", lines.number, line.chars().take(80).collect::<String>());
        match key {
            "ROOT" | "JOINT" | "End" => {
                let parent = open.last().copied();
                let above = parent.and_then(|parent| joints.get(parent)).map(|joint| joint.name.clone());
                let name = match (key, above) {
                    ("End", Some(above)) => format!("{above}_end"),
                    ("End", None) => return Err(wrong()),
                    _ => rest.to_owned(),
                };
                if name.is_empty() || !names.insert(name.clone()) {
                    return Err(format!("line {}: two joints are called `{name}`", lines.number));
                }
                if joints.len() >= MAX_JOINTS {
                    return Err(format!("more than {MAX_JOINTS} joints"));
                }
                joints.push(Joint { name: Arc::from(name), parent, offset: [0.0; 3], channels: Vec::new() });
                opened = Some(joints.len() - 1);
            }
            "{" => open.push(opened.take().ok_or_else(wrong)?),
            "}" => {
                open.pop().ok_or_else(wrong)?;
            }
            "OFFSET" => {
                let joint = open.last().and_then(|joint| joints.get_mut(*joint)).ok_or_else(wrong)?;
                joint.offset = numbers(rest).and_then(|found| found.try_into().ok()).ok_or_else(wrong)?;
            }
            "CHANNELS" => {
                let joint = open.last().and_then(|joint| joints.get_mut(*joint)).ok_or_else(wrong)?;
                joint.channels = channels(rest).ok_or_else(wrong)?;
            }
            "MOTION" if open.is_empty() && !joints.is_empty() => return Ok(joints),
            _ => return Err(wrong()),
        }
    }
    Err(format!("a skeleton of more than {MAX_HEAD_LINES} lines"))
}

/// `3 Zrotation Xrotation Yrotation`.
fn channels(words: &str) -> Option<Vec<Channel>> {
    let mut words = words.split_whitespace();
    let count: usize = words.next()?.parse().ok()?;
    let channel = |word: &str| {
        let (axis, kind) = word.split_at_checked(1)?;
        let axis = ["X", "Y", "Z"].iter().position(|name| *name == axis)?;
        match kind {
            "position" => Some(Channel::Position(axis)),
            "rotation" => Some(Channel::Rotation(axis)),
            _ => None,
        }
    };
    let found: Vec<Channel> = words.map(channel).collect::<Option<_>>()?;
    (found.len() == count && count <= 6).then_some(found)
}

/// Frames and seconds of each, behind `MOTION`.
fn motion(lines: &mut Lines) -> Result<(Option<u64>, f64), String> {
    let frames = lines.word()?;
    let frames =
        frames.strip_prefix("Frames:").ok_or_else(|| format!("expected Frames:, found {frames:.80}"))?;
    let time = lines.word()?;
    let time =
        time.strip_prefix("Frame Time:").ok_or_else(|| format!("expected Frame Time:, found {time:.80}"))?;
    let time: f64 = time.trim().parse().map_err(|_| format!("a frame time of{time:.80}"))?;
    if !(time.is_finite() && time > 0.0) {
        return Err(format!("a frame time of {time} s"));
    }
    Ok((frames.trim().parse().ok(), time))
}

impl Records for BvhRecords {
    fn next(&mut self, wanted: &dyn Fn(&str) -> bool) -> Option<Record> {
        while !self.ended {
            let line = match self.lines.next() {
                Ok(Some(line)) if line.is_empty() => continue,
                Ok(Some(line)) => line,
                Ok(None) => {
                    self.ended = true;
                    if let Some(frames) = self.frames.filter(|frames| *frames != self.next) {
                        let message = format!("it states {frames} frames and has {}", self.next);
                        self.ledger.loss(self.name.clone(), message);
                    }
                    break;
                }
                Err(found) => {
                    self.ended = true;
                    self.ledger
                        .loss(self.name.clone(), format!("frames from {} on are lost: {found}", self.next));
                    break;
                }
            };
            let number = self.next;
            self.next += 1;
            let topic = self.topic.clone();
            self.ledger.saw(&topic, BVH_TYPE);
            if !wanted(TOPIC) {
                continue;
            }
            if let Some(found) = numbers(&line).filter(|found| found.len() == self.channels) {
                let value = self.poses(&found);
                return Some(Record { topic, log_ns: None, publish_ns: None, number: Some(number), value });
            }
            let found = line.split_whitespace().count();
            let reason = format!(
                "line {}: expected {} numbers, found {found} words",
                self.lines.number, self.channels
            );
            self.ledger.unread(&topic, reason);
        }
        None
    }

    fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    fn facts(&self) -> Facts {
        let notes = [("bvh.frame_time_s".to_owned(), self.frame_time_s.to_string())];
        Facts {
            instruction: None,
            rate_hz: Some(1.0 / self.frame_time_s),
            notes: BTreeMap::from(notes),
            files: Vec::new(),
        }
    }
}
