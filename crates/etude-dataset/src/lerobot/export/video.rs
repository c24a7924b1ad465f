//! Video of an exported dataset: several episodes per file, copied frame by frame where possible.

use super::super::error::Error;
use super::super::tables::CHUNK_FILES;
use crate::export::pictures::{FrameFacts, frames, pictures, unit_of};
use crate::stats::image::ImageAccumulator;
use etude_episode::Episode;
use etude_model::Topic;
use etude_video::{
    AccessUnit, Codec, DecodedFrame, Decoder, FrameRate, H264Encoder, H264Settings, Mp4Writer, RgbImage,
    VideoTrack, WriteError,
};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Where an episode's part of a camera's video went.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    pub(super) chunk: u64,
    pub(super) file: u64,
    pub(super) from_s: f64,
    pub(super) to_s: f64,
    pub(super) is_copied: bool,
    pub(super) images: ImageAccumulator,
}

/// Writes one camera's video files.
pub(super) struct CameraWriter {
    folder: PathBuf,
    frame_rate: FrameRate,
    limit_bytes: u64,
    samples: usize,
    number: u64,
    open: Option<Open>,
    /// Size and codec of the first file.
    pub(super) shape: Option<(u32, u32, Codec)>,
}

struct Open {
    writer: Mp4Writer,
    codec: Codec,
    frames: u64,
    bytes: u64,
}

impl CameraWriter {
    pub(super) fn new(folder: PathBuf, frame_rate: FrameRate, limit_bytes: u64, samples: usize) -> Self {
        Self { folder, frame_rate, limit_bytes, samples, number: 0, open: None, shape: None }
    }

    /// Writes one frame per row; `wanted`: the frame of each row.
    pub(super) fn write(
        &mut self,
        episode: &Episode,
        topic: &Topic,
        wanted: &[u64],
        facts: &FrameFacts,
    ) -> Result<Placed, Error> {
        let subject = format!("{} {topic}", episode.name());
        let first = *wanted
            .first()
            .ok_or_else(|| Error::Video { subject: subject.clone(), message: "no rows".into() })?;
        let in_order = wanted.windows(2).all(|pair| matches!(pair, [a, b] if a + 1 == *b));
        let is_copied = in_order && facts.starts_at_key(first);
        let mut images = ImageAccumulator::default();
        let mut part = Part { subject, from: None };
        if is_copied {
            let range = first as usize..first as usize + wanted.len();
            let bytes: u64 = facts.bytes.get(range.clone()).unwrap_or_default().iter().sum();
            let sampled = self.sampled_keys(&facts.is_key, &range);
            let mut stills = None;
            for (number, frame) in frames(episode, topic)?.enumerate().skip(range.start).take(range.len()) {
                let unit = unit_of(&frame?, &part.subject)?;
                if sampled.contains(&number) || self.shape.is_none() {
                    let image = still(&mut stills, &unit, number).map_err(|message| part.failed(message))?;
                    self.check_shape(&image, unit.codec, &part.subject)?;
                    images.push_rgb(image.data());
                }
                self.push(&mut part, &unit, bytes)?;
            }
        } else {
            self.encode(episode, topic, wanted, &mut part, &mut images)?;
        }
        let (chunk, file) = (self.number / CHUNK_FILES, self.number % CHUNK_FILES);
        let from = part.from.ok_or_else(|| part.failed("it has no frames".to_owned()))?;
        let time = |frame: u64| self.frame_rate.frame_time_s(frame);
        let (from_s, to_s) = (time(from), time(from + wanted.len() as u64));
        Ok(Placed { chunk, file, from_s, to_s, is_copied, images })
    }

    /// Key frames in the range, evenly spread, at most as many as are wanted for statistics.
    fn sampled_keys(&self, is_key: &[bool], range: &std::ops::Range<usize>) -> BTreeSet<usize> {
        let keys: Vec<usize> = range.clone().filter(|frame| is_key.get(*frame) == Some(&true)).collect();
        let count = self.samples.min(keys.len());
        (0..count).filter_map(|number| keys.get(number * keys.len() / count).copied()).collect()
    }

    fn check_shape(&mut self, image: &RgbImage, codec: Codec, subject: &str) -> Result<(), Error> {
        let (width, height, _) = *self.shape.get_or_insert((image.width(), image.height(), codec));
        if (width, height) == (image.width(), image.height()) {
            return Ok(());
        }
        Err(crate::export::Error::Mixed {
            subject: subject.to_owned(),
            expected: format!("pictures of {width} x {height}"),
            found: format!("{} x {}", image.width(), image.height()),
        }
        .into())
    }

    /// Decodes what is wanted and codes it anew.
    fn encode(
        &mut self,
        episode: &Episode,
        topic: &Topic,
        wanted: &[u64],
        part: &mut Part,
        images: &mut ImageAccumulator,
    ) -> Result<(), Error> {
        let mut encoder = None;
        let every = wanted.len().div_ceil(self.samples.max(1)).max(1);
        let samples = self.samples;
        pictures(episode, topic, wanted, &mut |row, image| {
            self.check_shape(image, Codec::H264, &part.subject)?;
            if samples > 0 && row % every == 0 {
                images.push_rgb(image.data());
            }
            let encoder = match &mut encoder {
                Some(encoder) => encoder,
                None => encoder.insert(self.encoder(image, part)?),
            };
            let unit = encoder.encode(&image.as_frame()).map_err(|error| part.failed(error.to_string()))?;
            let bytes = unit.data.len() as u64 * wanted.len() as u64;
            self.push(part, &unit, bytes)
        })
    }

    fn encoder(&self, image: &RgbImage, part: &Part) -> Result<H264Encoder, Error> {
        let settings = H264Settings::new(image.width(), image.height(), self.frame_rate);
        H264Encoder::new(settings).map_err(|error| part.failed(error.to_string()))
    }

    /// Puts a unit into the open file; the first of a part may begin a new one, for its size or its parameter sets.
    fn push(&mut self, part: &mut Part, unit: &AccessUnit, part_bytes: u64) -> Result<(), Error> {
        if part.from.is_none() {
            let is_full = self
                .open
                .as_ref()
                .is_some_and(|open| open.codec != unit.codec || open.bytes + part_bytes > self.limit_bytes);
            if is_full {
                self.next_file()?;
            }
        }
        let is_first = part.from.is_none();
        match self.try_push(unit) {
            Err(PushError::Write(WriteError::ParameterSetsChanged { .. })) if is_first => {
                self.next_file()?;
                self.try_push(unit).map_err(|error| error.into_error(part))?;
            }
            other => other.map_err(|error| error.into_error(part))?,
        }
        if let Some(open) = &self.open {
            part.from.get_or_insert(open.frames - 1);
        }
        Ok(())
    }

    fn try_push(&mut self, unit: &AccessUnit) -> Result<(), PushError> {
        if self.open.is_none() {
            let (width, height, _) =
                self.shape.ok_or_else(|| PushError::Other("its size is unknown".to_owned()))?;
            let (chunk, file) = (self.number / CHUNK_FILES, self.number % CHUNK_FILES);
            let path = self.folder.join(format!("chunk-{chunk:03}/file-{file:03}.mp4"));
            let folder = path.parent().unwrap_or(Path::new("."));
            fs::create_dir_all(folder).map_err(|error| PushError::Other(error.to_string()))?;
            let writer =
                Mp4Writer::create(&path, VideoTrack::new(unit.codec, width, height, self.frame_rate))?;
            self.open = Some(Open { writer, codec: unit.codec, frames: 0, bytes: 0 });
        }
        let open = self.open.as_mut().expect("it was opened");
        open.writer.push(unit, open.frames)?;
        open.frames += 1;
        open.bytes += unit.data.len() as u64;
        Ok(())
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
        open.writer.finish().map_err(|error| Error::Video { subject, message: error.to_string() })?;
        Ok(true)
    }
}

/// An episode's part of a file in the making.
struct Part {
    subject: String,
    /// Its first frame within the file.
    from: Option<u64>,
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
fn still(decoder: &mut Option<Decoder>, unit: &AccessUnit, number: usize) -> Result<RgbImage, String> {
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
