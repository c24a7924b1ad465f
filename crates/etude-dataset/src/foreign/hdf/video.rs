//! Videos beside a recording, frame by frame and as they are coded.

use super::super::records::{Ledger, Record};
use super::super::source::{Recording, name_of};
use super::super::value::Value;
use super::droid;
use super::layout::Layout;
use etude_video::Mp4Reader;
use std::path::Path;
use std::sync::Arc;

/// Frames that are expected of a video that does not say how many it has.
const MANY: u64 = 1 << 32;

/// One video.
pub(super) struct Video {
    topic: Arc<str>,
    type_name: String,
    reader: Mp4Reader,
    frames: u64,
    next: u64,
    ended: bool,
    times: Option<Arc<[i64]>>,
    last_ticks: i64,
}

/// Opens the videos of a recording.
pub(super) fn open(recording: &Recording, layout: &Layout, ledger: &mut Ledger) -> Vec<Video> {
    let mut videos = Vec::new();
    for path in recording.files.iter().skip(1) {
        match Video::open(path, layout, ledger) {
            Ok(video) => videos.push(video),
            Err(why) => ledger.loss(name_of(path), format!("it cannot be read: {why}")),
        }
    }
    videos
}

impl Video {
    fn open(path: &Path, layout: &Layout, ledger: &mut Ledger) -> Result<Self, String> {
        let reader = Mp4Reader::open(path).map_err(|error| error.to_string())?;
        let info = reader.info();
        let frames = info.frames.filter(|frames| *frames > 0);
        let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let folder = path.parent().map(name_of).unwrap_or_default();
        let folder = if folder == "tactile" { "tactile" } else { "videos" };
        let camera = layout.camera_times.iter().find(|(camera, _)| {
            stem.strip_prefix(camera.as_str())
                .is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()))
                || camera.strip_prefix(stem.as_str()).is_some_and(|rest| rest.starts_with('_'))
        });
        let stem = droid::named(&stem, &layout.facts);
        let stated = camera.map(|(_, times)| times).or(layout.row_times.as_ref()).cloned();
        let times = stated.clone().filter(|times| frames == Some(times.len() as u64));
        if let (Some(stated), None) = (&stated, &times) {
            let frames =
                frames.map_or_else(|| "an unknown number of".to_owned(), |frames| frames.to_string());
            let message =
                format!("it has {frames} frames and there are {} times: its frames have none", stated.len());
            ledger.loss(name_of(path), message);
        }
        Ok(Self {
            topic: Arc::from(format!("{folder}/{stem}")),
            type_name: format!("{} video", info.codec),
            frames: frames.unwrap_or(MANY),
            reader,
            next: 0,
            ended: false,
            times,
            last_ticks: i64::MIN,
        })
    }

    /// The part of its frames that was read; `None` at its end.
    pub(super) fn reached(&self) -> Option<f64> {
        (!self.ended).then(|| (self.next as f64 + 0.5) / self.frames.max(self.next + 1) as f64)
    }

    /// The next frame, where it is wanted.
    pub(super) fn next(&mut self, ledger: &mut Ledger, wanted: &dyn Fn(&str) -> bool) -> Option<Record> {
        let number = self.next;
        let packet = match self.reader.next_packet() {
            Ok(Some(packet)) => packet,
            Ok(None) => {
                self.ended = true;
                return None;
            }
            Err(error) => {
                self.ended = true;
                ledger.loss(self.topic.to_string(), format!("frames from {number} on are lost: {error}"));
                return None;
            }
        };
        self.next += 1;
        ledger.saw(&self.topic, &self.type_name);
        if packet.pts_ticks < self.last_ticks {
            self.ended = true;
            let why = "frames are shown in another order than they are coded, which is not read here";
            ledger.unread(&self.topic, why.to_owned());
            return None;
        }
        self.last_ticks = packet.pts_ticks;
        if !wanted(&self.topic) {
            return None;
        }
        let log_ns = self.times.as_ref().and_then(|times| times.get(number as usize)).copied();
        let value = Value::Struct(vec![(Arc::from("data"), Value::Bytes(packet.unit.data))]);
        Some(Record { topic: self.topic.clone(), log_ns, publish_ns: None, number: Some(number), value })
    }
}
