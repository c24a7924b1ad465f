//! Frames of a video file behind what a camera's file already has: by the file's table where it has a plain one, else packet
//! by packet.

use super::{CameraWriter, Error, Open, Part, Placed, Writer};
use crate::lerobot::source::VideoPart;
use crate::stats::image::ImageAccumulator;
use etude_video::{Mp4Join, Mp4Reader, Mp4Table, VideoInfo, VideoPacket};
use std::fs;
use std::path::{Path, PathBuf};

/// How far from the dataset's rate a frame may stand, in frames.
const OFF_MAX: f64 = 0.25;

/// A file that is read from front to back: parts that follow one another go on where the last one ended.
pub(in super::super) struct Feed {
    path: PathBuf,
    frames: Frames,
    /// The end of the part before.
    reached_s: f64,
}

enum Frames {
    /// A table, and the sample that comes next.
    Table(Mp4Table, usize),
    Packets(Box<Packets>),
}

struct Packets {
    path: PathBuf,
    reader: Mp4Reader,
    info: VideoInfo,
    /// Frames by which decoding runs ahead of what is shown.
    reorder_frames: u32,
    bytes: u64,
    /// The packet that comes next, where it was looked at already.
    next: Option<VideoPacket>,
}

impl Feed {
    fn open(path: &Path) -> Result<Self, Error> {
        let table = Mp4Table::read(path).map_err(Error::file("reading", path))?;
        let frames = match table {
            Some(table) => Frames::Table(table, 0),
            None => Frames::Packets(Box::new(Packets::open(path)?)),
        };
        Ok(Self { path: path.to_owned(), frames, reached_s: f64::NEG_INFINITY })
    }
}

impl Packets {
    fn open(path: &Path) -> Result<Self, Error> {
        let reader = Mp4Reader::open(path).map_err(|error| failed(path, error.to_string()))?;
        let info = reader.info().clone();
        let reorder_frames =
            if info.reorder_frames > 0 && is_reordered(path)? { info.reorder_frames } else { 0 };
        let bytes = fs::metadata(path).map_err(Error::file("reading", path))?.len();
        Ok(Self { path: path.to_owned(), reader, info, reorder_frames, bytes, next: None })
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
        let (from, copied) = match &mut feed.frames {
            Frames::Table(table, at) => self.take_samples(table, at, part)?,
            Frames::Packets(packets) => self.copy_packets(packets, part)?,
        };
        feed.reached_s = part.to_s.unwrap_or(f64::INFINITY);
        let (chunk, file) = self.place();
        let (from_s, to_s) =
            (self.frame_rate.frame_time_s(from), self.frame_rate.frame_time_s(from + copied));
        Ok(Placed { chunk, file, from_s, to_s, copied, encoded: 0, images: ImageAccumulator::default() })
    }

    /// Takes a part over by its file's table: the frame of the camera's file with which it begins, and how many it has.
    fn take_samples(
        &mut self,
        table: &Mp4Table,
        at: &mut usize,
        part: &VideoPart,
    ) -> Result<(u64, u64), Error> {
        let path = part.path.as_path();
        let (width, height) = table.size();
        self.check_size(width, height, table.codec(), &path.display().to_string())?;
        let time_s = |ticks: i64| ticks as f64 / f64::from(table.timescale());
        let samples = table.samples();
        let is_before = |ticks: i64, until_s: f64| time_s(ticks) < until_s - self.edge_s();
        let left = samples.get(*at..).unwrap_or_default();
        let skipped = left.iter().take_while(|sample| is_before(sample.pts_ticks, part.from_s)).count();
        let begin = *at + skipped;
        let own = samples.get(begin..).unwrap_or_default();
        let to_s = part.to_s.unwrap_or(f64::INFINITY);
        let count = own.iter().take_while(|sample| is_before(sample.pts_ticks, to_s)).count();
        let own = own.get(..count).unwrap_or_default();
        *at = begin + count;
        let first = own.first().ok_or_else(|| failed(path, "it has no frames there".to_owned()))?;
        if !first.is_key {
            return Err(failed(path, needs_others(time_s(first.pts_ticks))));
        }
        let shown: Result<Vec<u64>, String> =
            own.iter().map(|sample| self.place_of(time_s(sample.pts_ticks), part.from_s)).collect();
        let shown = shown.map_err(|message| failed(path, message))?;
        let samples = begin..begin + count;
        let bytes = table.bytes(samples.clone());
        let fits = |open: &Open| {
            open.bytes + bytes <= self.limit_bytes
                && matches!(&open.writer, Writer::Tables(join) if join.fits(table))
        };
        if self.open.as_ref().is_some_and(|open| !fits(open)) {
            self.next_file()?;
        }
        if self.open.is_none() {
            let path = self.new_path().map_err(|message| failed(&part.path, message))?;
            let join = Mp4Join::create(&path, self.frame_rate)
                .map_err(|error| failed(&part.path, error.to_string()))?;
            self.open = Some(Open::new(Writer::Tables(join), table.codec()));
        }
        let Some(Open { writer: Writer::Tables(join), frames, bytes: taken, .. }) = &mut self.open else {
            return Err(failed(path, "its camera's file takes packets".to_owned()));
        };
        let from = *frames;
        join.push(table, samples, &shown).map_err(|error| failed(path, error.to_string()))?;
        *frames += count as u64;
        *taken += bytes;
        Ok((from, count as u64))
    }

    /// The same packet by packet.
    fn copy_packets(&mut self, packets: &mut Packets, part: &VideoPart) -> Result<(u64, u64), Error> {
        let path = part.path.as_path();
        let subject = path.display().to_string();
        self.check_size(packets.info.width, packets.info.height, packets.info.codec, &subject)?;
        let mut place = Part {
            subject,
            from: None,
            is_mixed: false,
            reorder_frames: packets.reorder_frames,
            bytes: self.bytes_of(packets, part),
        };
        let begin_s = packets.info.seconds(packets.info.start_ticks) + part.from_s;
        let end_s = part.to_s.map(|to_s| begin_s - part.from_s + to_s - self.edge_s());
        let mut copied = 0;
        while let Some(packet) = packets.next()? {
            if end_s.is_some_and(|end_s| packet.pts_s >= end_s) {
                packets.next = Some(packet);
                break;
            }
            if packet.pts_s < begin_s - self.edge_s() {
                continue;
            }
            if copied == 0 && !packet.unit.is_key {
                return Err(failed(path, needs_others(packet.pts_s)));
            }
            if packet.is_hidden {
                let message = "a frame is hidden by the file, which cannot be carried as it is";
                return Err(failed(path, message.to_owned()));
            }
            let shown = self.place_of(packet.pts_s, begin_s).map_err(|message| failed(path, message))?;
            self.push_at(&mut place, &packet.unit, Some(shown))?;
            copied += 1;
        }
        let from = place.from.ok_or_else(|| failed(path, "it has no frames there".to_owned()))?;
        Ok((from, copied))
    }

    /// A part may begin and end this much beside its frames.
    fn edge_s(&self) -> f64 {
        0.5 / self.frame_rate.hz()
    }

    /// About what a part takes of its file, bytes.
    fn bytes_of(&self, packets: &Packets, part: &VideoPart) -> u64 {
        match (part.to_s, packets.info.frames) {
            (Some(to_s), Some(frames)) if frames > 0 => {
                let share = (to_s - part.from_s) * self.frame_rate.hz() / frames as f64;
                (packets.bytes as f64 * share.clamp(0.0, 1.0)) as u64
            }
            _ => packets.bytes,
        }
    }

    /// Which frame of its part a frame is, in the order in which frames are shown.
    fn place_of(&self, shown_s: f64, begin_s: f64) -> Result<u64, String> {
        let frames = (shown_s - begin_s) * self.frame_rate.hz();
        let place = frames.round();
        if place < 0.0 || (frames - place).abs() > OFF_MAX {
            let rate = self.frame_rate.hz();
            return Err(format!("a frame stands at {shown_s:.4} s, expected a multiple of 1/{rate} s"));
        }
        Ok(place as u64)
    }
}

fn needs_others(time_s: f64) -> String {
    format!("the frame at {time_s:.4} s needs frames before it")
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
