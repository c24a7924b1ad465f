//! Frames of a video file, packet by packet, behind what a camera's file already has.

use super::{CameraWriter, Error, Part, Placed};
use crate::lerobot::source::VideoPart;
use crate::stats::image::ImageAccumulator;
use etude_video::{Mp4Reader, VideoInfo, VideoPacket};
use std::fs;
use std::path::{Path, PathBuf};

/// How far from the dataset's rate a frame may stand, in frames.
const OFF_MAX: f64 = 0.25;

/// A file that is read from front to back: parts that follow one another go on where the last one ended.
pub(in super::super) struct Feed {
    path: PathBuf,
    reader: Mp4Reader,
    info: VideoInfo,
    /// Frames by which decoding runs ahead of what is shown.
    reorder_frames: u32,
    bytes: u64,
    /// The packet that comes next, where it was looked at already.
    next: Option<VideoPacket>,
    /// The end of the part before.
    reached_s: f64,
}

impl Feed {
    fn open(path: &Path) -> Result<Self, Error> {
        let reader = Mp4Reader::open(path).map_err(|error| failed(path, error.to_string()))?;
        let info = reader.info().clone();
        let reorder_frames =
            if info.reorder_frames > 0 && is_reordered(path)? { info.reorder_frames } else { 0 };
        let bytes = fs::metadata(path).map_err(Error::file("reading", path))?.len();
        let reached_s = f64::NEG_INFINITY;
        Ok(Self { path: path.to_owned(), reader, info, reorder_frames, bytes, next: None, reached_s })
    }

    fn next(&mut self) -> Result<Option<VideoPacket>, Error> {
        match self.next.take() {
            Some(packet) => Ok(Some(packet)),
            None => self.reader.next_packet().map_err(|error| failed(&self.path, error.to_string())),
        }
    }
}

impl CameraWriter {
    /// Copies every frame of a part. Frames stand at the writer's rate, and the first needs none before it; both are refused
    /// where it is not so. `feed`: the file that was read last.
    pub(in super::super) fn copy_part(
        &mut self,
        feed: &mut Option<Feed>,
        part: &VideoPart,
    ) -> Result<Placed, Error> {
        let path = part.path.as_path();
        let goes_on = feed
            .as_ref()
            .is_some_and(|feed| feed.path == path && feed.reached_s <= part.from_s + self.edge_s());
        let feed = match feed {
            Some(feed) if goes_on => feed,
            other => other.insert(Feed::open(path)?),
        };
        let subject = path.display().to_string();
        self.check_size(feed.info.width, feed.info.height, feed.info.codec, &subject)?;
        let mut place = Part {
            subject,
            from: None,
            is_mixed: false,
            reorder_frames: feed.reorder_frames,
            bytes: self.bytes_of(feed, part),
        };
        let begin_s = feed.info.seconds(feed.info.start_ticks) + part.from_s;
        let end_s = part.to_s.map(|to_s| begin_s - part.from_s + to_s - self.edge_s());
        let mut copied = 0;
        while let Some(packet) = feed.next()? {
            if end_s.is_some_and(|end_s| packet.pts_s >= end_s) {
                feed.next = Some(packet);
                break;
            }
            if packet.pts_s < begin_s - self.edge_s() {
                continue;
            }
            if copied == 0 && !packet.unit.is_key {
                return Err(failed(
                    path,
                    format!("the frame at {:.4} s needs frames before it", packet.pts_s),
                ));
            }
            let shown = self.place_of(&packet, begin_s).map_err(|message| failed(path, message))?;
            self.push_at(&mut place, &packet.unit, Some(shown))?;
            copied += 1;
        }
        feed.reached_s = part.to_s.unwrap_or(f64::INFINITY);
        let (chunk, file) = self.place();
        let from = place.from.ok_or_else(|| failed(path, "it has no frames there".to_owned()))?;
        let (from_s, to_s) =
            (self.frame_rate.frame_time_s(from), self.frame_rate.frame_time_s(from + copied));
        Ok(Placed { chunk, file, from_s, to_s, copied, encoded: 0, images: ImageAccumulator::default() })
    }

    /// A part may begin and end this much beside its frames.
    fn edge_s(&self) -> f64 {
        0.5 / self.frame_rate.hz()
    }

    /// About what a part takes of its file, bytes.
    fn bytes_of(&self, feed: &Feed, part: &VideoPart) -> u64 {
        match (part.to_s, feed.info.frames) {
            (Some(to_s), Some(frames)) if frames > 0 => {
                let share = (to_s - part.from_s) * self.frame_rate.hz() / frames as f64;
                (feed.bytes as f64 * share.clamp(0.0, 1.0)) as u64
            }
            _ => feed.bytes,
        }
    }

    /// Which frame of its part a packet is, in the order in which frames are shown.
    fn place_of(&self, packet: &VideoPacket, begin_s: f64) -> Result<u64, String> {
        if packet.is_hidden {
            return Err("a frame is hidden by the file, which cannot be carried as it is".to_owned());
        }
        let frames = (packet.pts_s - begin_s) * self.frame_rate.hz();
        let place = frames.round();
        if place < 0.0 || (frames - place).abs() > OFF_MAX {
            let rate = self.frame_rate.hz();
            return Err(format!(
                "a frame stands at {:.4} s, expected a multiple of 1/{rate} s",
                packet.pts_s
            ));
        }
        Ok(place as u64)
    }
}

fn failed(path: &Path, message: String) -> Error {
    Error::Video { subject: path.display().to_string(), message }
}

/// Whether frames are shown in another order than they are coded.
fn is_reordered(path: &Path) -> Result<bool, Error> {
    let reader = Mp4Reader::open(path).map_err(|error| failed(path, error.to_string()))?;
    let mut last = i64::MIN;
    for packet in reader {
        let packet = packet.map_err(|error| failed(path, error.to_string()))?;
        if packet.pts_ticks < last {
            return Ok(true);
        }
        last = packet.pts_ticks;
    }
    Ok(false)
}
