//! Video of an exported dataset: one or several episodes per file, copied frame by frame where possible.
//!
//! A group of pictures is copied where its frames stand in the rows one by one and in order; only the others are
//! decoded and coded anew. A file of H.264 may hold both: its parameter sets then stand with its key frames.

mod whole;

pub(super) use whole::Feed;

use super::super::error::Error;
use super::super::tables::{CHUNK_FILES, Naming};
use super::segments::{Segment, segments};
use crate::export::pictures::{FrameFacts, frames_from, pictures, unit_of};
use crate::stats::image::ImageAccumulator;
use etude_episode::Episode;
use etude_model::Topic;
use etude_video::{
    AccessUnit, Codec, DecodedFrame, Decoder, FrameRate, H264Encoder, H264Settings, Mp4Join, Mp4Writer,
    RgbImage, VideoTrack, WriteError,
};
use std::collections::BTreeSet;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Where an episode's part of a camera's video went.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    pub(super) chunk: u64,
    pub(super) file: u64,
    pub(super) from_s: f64,
    pub(super) to_s: f64,
    /// Frames that were copied packet by packet.
    pub(super) copied: u64,
    /// Frames that were decoded and coded anew.
    pub(super) encoded: u64,
    pub(super) images: ImageAccumulator,
}

impl Placed {
    /// `copied`, `encoded` or `mixed`.
    pub(super) fn how(&self) -> &'static str {
        match (self.copied, self.encoded) {
            (_, 0) => "copied",
            (0, _) => "encoded",
            _ => "mixed",
        }
    }
}

/// Writes one camera's video files.
pub(super) struct CameraWriter {
    folder: PathBuf,
    key: String,
    naming: Naming,
    frame_rate: FrameRate,
    limit_bytes: u64,
    samples: usize,
    number: u64,
    open: Option<Open>,
    /// Size and codec of the first file.
    pub(super) shape: Option<(u32, u32, Codec)>,
}

struct Open {
    writer: Writer,
    codec: Codec,
    has_sets_in_units: bool,
    reorder_frames: u32,
    frames: u64,
    bytes: u64,
}

/// How frames get into a file.
enum Writer {
    /// One by one.
    Packets(Box<Mp4Writer>),
    /// Whole parts of other files, by their tables.
    Tables(Mp4Join),
}

impl Open {
    fn new(writer: Writer, codec: Codec) -> Self {
        Self { writer, codec, has_sets_in_units: false, reorder_frames: 0, frames: 0, bytes: 0 }
    }
}

impl CameraWriter {
    /// `folder`: that of all videos; `key`: the camera's feature.
    pub(super) fn new(
        folder: PathBuf,
        key: &str,
        naming: Naming,
        frame_rate: FrameRate,
        (limit_bytes, samples): (u64, usize),
    ) -> Self {
        let key = key.to_owned();
        Self { folder, key, naming, frame_rate, limit_bytes, samples, number: 0, open: None, shape: None }
    }

    /// Writes one frame per row; `wanted`: the frame of each row.
    pub(super) fn write(
        &mut self,
        episode: &Episode,
        topic: &Topic,
        wanted: &[u64],
        facts: &FrameFacts,
    ) -> Result<Placed, Error> {
        let source = Source { episode, topic, facts };
        let subject = format!("{} {topic}", episode.name());
        let mut segments = segments(wanted, &facts.is_key);
        let is_copy = |segment: &Segment| matches!(segment, Segment::Copy(_));
        let mut is_mixed = segments.iter().any(is_copy) && !segments.iter().all(is_copy);
        if is_mixed && !source.is_h264(&subject)? {
            // Only H.264 is coded here, and a file has one codec.
            (segments, is_mixed) = (vec![Segment::Encode(0..wanted.len())], false);
        }
        let mut part = Part {
            subject,
            from: None,
            is_mixed,
            reorder_frames: 0,
            bytes: wanted.iter().filter_map(|frame| facts.bytes.get(*frame as usize)).sum(),
        };
        let mut images = ImageAccumulator::default();
        let sampled = self.sampled_keys(facts, wanted, &segments);
        let (mut copied, mut encoded) = (0, 0);
        let mut encoder = None;
        for segment in &segments {
            match segment {
                Segment::Copy(rows) => {
                    let wanted = wanted.get(rows.clone()).unwrap_or_default();
                    self.copy(&source, wanted, &sampled, &mut part, &mut images)?;
                    copied += wanted.len() as u64;
                }
                Segment::Encode(rows) => {
                    self.encode(&source, wanted, rows.clone(), &mut encoder, &mut part, &mut images)?;
                    encoded += rows.len() as u64;
                }
            }
        }
        let (chunk, file) = self.place();
        let from = part.from.ok_or_else(|| part.failed("it has no frames".to_owned()))?;
        let time = |frame: u64| self.frame_rate.frame_time_s(frame);
        let (from_s, to_s) = (time(from), time(from + wanted.len() as u64));
        Ok(Placed { chunk, file, from_s, to_s, copied, encoded, images })
    }

    /// Chunk and file of what was written last.
    fn place(&self) -> (u64, u64) {
        (self.number / CHUNK_FILES, self.number % CHUNK_FILES)
    }

    /// Copies frames that follow one another, the first of which is a key frame.
    fn copy(
        &mut self,
        source: &Source<'_>,
        wanted: &[u64],
        sampled: &BTreeSet<u64>,
        part: &mut Part,
        images: &mut ImageAccumulator,
    ) -> Result<(), Error> {
        let Some(first) = wanted.first() else { return Ok(()) };
        let mut stills = None;
        let frames = frames_from(source.episode, source.topic, source.facts, *first)?.take(wanted.len());
        for (number, frame) in (*first..).zip(frames) {
            let unit = unit_of(&frame?, &part.subject)?;
            if sampled.contains(&number) || self.shape.is_none() {
                let image = still(&mut stills, &unit, number).map_err(|message| part.failed(message))?;
                self.check_shape(&image, unit.codec, &part.subject)?;
                images.push_rgb(image.data(), image.width());
            }
            self.push(part, &unit)?;
        }
        Ok(())
    }

    /// Key frames among those copied, evenly spread, at most as many as are wanted for statistics.
    fn sampled_keys(&self, facts: &FrameFacts, wanted: &[u64], segments: &[Segment]) -> BTreeSet<u64> {
        let copied = segments.iter().filter_map(|segment| match segment {
            Segment::Copy(rows) => wanted.get(rows.clone()),
            Segment::Encode(_) => None,
        });
        let keys: Vec<u64> = copied.flatten().copied().filter(|frame| facts.starts_at_key(*frame)).collect();
        let count = self.samples.min(keys.len());
        (0..count).filter_map(|number| keys.get(number * keys.len() / count).copied()).collect()
    }

    fn check_shape(&mut self, image: &RgbImage, codec: Codec, subject: &str) -> Result<(), Error> {
        self.check_size(image.width(), image.height(), codec, subject)
    }

    fn check_size(&mut self, width: u32, height: u32, codec: Codec, subject: &str) -> Result<(), Error> {
        let (expected, found) = (*self.shape.get_or_insert((width, height, codec)), (width, height));
        if (expected.0, expected.1) == found {
            return Ok(());
        }
        Err(crate::export::Error::Mixed {
            subject: subject.to_owned(),
            expected: format!("pictures of {} x {}", expected.0, expected.1),
            found: format!("{width} x {height}"),
        }
        .into())
    }

    /// Decodes what some rows want and codes it anew, beginning with a key frame.
    fn encode(
        &mut self,
        source: &Source<'_>,
        wanted: &[u64],
        rows: Range<usize>,
        encoder: &mut Option<H264Encoder>,
        part: &mut Part,
        images: &mut ImageAccumulator,
    ) -> Result<(), Error> {
        let every = wanted.len().div_ceil(self.samples.max(1)).max(1);
        let samples = self.samples;
        if let Some(encoder) = encoder {
            encoder.restart().map_err(|error| part.failed(error.to_string()))?;
        }
        let mut is_first = part.from.is_none();
        let of_rows = wanted.get(rows.clone()).unwrap_or_default();
        pictures(source.episode, source.topic, source.facts, of_rows, &mut |row, image| {
            let row = rows.start + row;
            self.check_shape(image, Codec::H264, &part.subject)?;
            if samples > 0 && row.is_multiple_of(every) {
                images.push_rgb(image.data(), image.width());
            }
            let encoder = match encoder {
                Some(encoder) => encoder,
                None => encoder.insert(self.encoder(image, part)?),
            };
            let unit = encoder.encode(&image.as_frame()).map_err(|error| part.failed(error.to_string()))?;
            if is_first && !part.is_mixed {
                // What the part will take is not known before; a key frame for each row is more than that.
                part.bytes = unit.data.len() as u64 * wanted.len() as u64;
                is_first = false;
            }
            self.push(part, &unit)
        })
    }

    fn encoder(&self, image: &RgbImage, part: &Part) -> Result<H264Encoder, Error> {
        let settings = H264Settings::new(image.width(), image.height(), self.frame_rate);
        H264Encoder::new(settings).map_err(|error| part.failed(error.to_string()))
    }

    /// Puts a unit into the open file; the first of a part may begin a new one, for its size or its parameter sets.
    fn push(&mut self, part: &mut Part, unit: &AccessUnit) -> Result<(), Error> {
        self.push_at(part, unit, None)
    }

    /// The same for a unit that is shown as this frame of the part; absent: in the order in which units come.
    fn push_at(&mut self, part: &mut Part, unit: &AccessUnit, shown: Option<u64>) -> Result<(), Error> {
        let is_mixed = part.is_mixed;
        let reorder_frames = part.reorder_frames;
        if part.from.is_none() {
            let does_not_fit = |open: &Open| {
                matches!(open.writer, Writer::Tables(_))
                    || open.codec != unit.codec
                    || open.reorder_frames != reorder_frames
                    || open.bytes + part.bytes > self.limit_bytes
                    || is_mixed && !open.has_sets_in_units
            };
            if self.open.as_ref().is_some_and(does_not_fit) {
                self.next_file()?;
            }
        }
        let is_first = part.from.is_none();
        match self.try_push(unit, part, shown) {
            Err(PushError::Write(WriteError::ParameterSetsChanged { .. })) if is_first => {
                self.next_file()?;
                self.try_push(unit, part, shown).map_err(|error| error.into_error(part))?;
            }
            other => other.map_err(|error| error.into_error(part))?,
        }
        if let Some(open) = &self.open {
            part.from.get_or_insert(open.frames - 1);
        }
        Ok(())
    }

    fn try_push(&mut self, unit: &AccessUnit, part: &Part, shown: Option<u64>) -> Result<(), PushError> {
        let (is_mixed, reorder_frames) = (part.is_mixed, part.reorder_frames);
        if self.open.is_none() {
            let (width, height, _) =
                self.shape.ok_or_else(|| PushError::Other("its size is unknown".to_owned()))?;
            let path = self.new_path().map_err(PushError::Other)?;
            let track = VideoTrack::new(unit.codec, width, height, self.frame_rate);
            let track = VideoTrack { reorder_frames, ..track };
            let track = if is_mixed { track.with_sets_in_units() } else { track };
            let writer = Writer::Packets(Box::new(Mp4Writer::create(&path, track)?));
            let has_sets_in_units = is_mixed;
            self.open = Some(Open { has_sets_in_units, reorder_frames, ..Open::new(writer, unit.codec) });
        }
        let Some(Open { writer: Writer::Packets(writer), frames, bytes, .. }) = &mut self.open else {
            return Err(PushError::Other("its camera's file takes whole parts".to_owned()));
        };
        let begin = part.from.unwrap_or(*frames);
        let index = shown.map_or(*frames, |shown| begin + shown);
        writer.push(unit, index)?;
        *frames += 1;
        *bytes += unit.data.len() as u64;
        Ok(())
    }

    /// Where the next file goes; its folder is there then.
    fn new_path(&self) -> Result<PathBuf, String> {
        let path = self.folder.join(self.naming.video(&self.key, self.number));
        let folder = path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder).map_err(|error| error.to_string())?;
        Ok(path)
    }

    fn next_file(&mut self) -> Result<(), Error> {
        if self.close()? {
            self.number += 1;
        }
        Ok(())
    }

    /// Completes the last file.
    pub(super) fn close(&mut self) -> Result<bool, Error> {
        let Some(open) = self.open.take() else { return Ok(false) };
        let subject = self.folder.display().to_string();
        let done = match open.writer {
            Writer::Packets(writer) => writer.finish(),
            Writer::Tables(join) => join.finish(),
        };
        done.map_err(|error| Error::Video { subject, message: error.to_string() })?;
        Ok(true)
    }
}

/// An episode's part of a file in the making.
struct Part {
    subject: String,
    /// Its first frame within the file.
    from: Option<u64>,
    /// Whether some of it is copied and some coded anew.
    is_mixed: bool,
    /// Frames by which decoding runs ahead of what is shown.
    reorder_frames: u32,
    /// What it takes, bytes; of what is coded anew a guess.
    bytes: u64,
}

/// A camera of an episode.
struct Source<'e> {
    episode: &'e Episode,
    topic: &'e Topic,
    facts: &'e FrameFacts,
}

impl Source<'_> {
    fn is_h264(&self, subject: &str) -> Result<bool, Error> {
        let first = frames_from(self.episode, self.topic, self.facts, 0)?.next().transpose()?;
        Ok(first
            .map(|frame| unit_of(&frame, subject))
            .transpose()?
            .is_some_and(|unit| unit.codec == Codec::H264))
    }
}

impl Part {
    fn failed(&self, message: String) -> Error {
        Error::Video { subject: self.subject.clone(), message }
    }
}

enum PushError {
    Write(WriteError),
    Other(String),
}

impl From<WriteError> for PushError {
    fn from(error: WriteError) -> Self {
        Self::Write(error)
    }
}

impl PushError {
    fn into_error(self, part: &Part) -> Error {
        part.failed(match self {
            Self::Write(error) => error.to_string(),
            Self::Other(message) => message,
        })
    }
}

/// Decodes one key frame by itself.
fn still(decoder: &mut Option<Decoder>, unit: &AccessUnit, number: u64) -> Result<RgbImage, String> {
    let decoder = match decoder {
        Some(decoder) => decoder,
        None => decoder.insert(Decoder::new(unit.codec).map_err(|error| error.to_string())?),
    };
    let mut decode = || -> Result<Option<DecodedFrame>, etude_video::DecodeError> {
        decoder.send(unit, number as i64)?;
        decoder.drain()?;
        let frame = decoder.receive()?;
        decoder.reset();
        Ok(frame)
    };
    let frame = decode().map_err(|error| error.to_string())?.ok_or("a key frame gives no picture")?;
    frame.to_rgb().map_err(|error| error.to_string())
}
