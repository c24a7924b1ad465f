//! Coded frames of a dataset's video files, copied where the format allows it.

use super::super::source::VideoPart;
use etude_model::sample::{VideoFormat, VideoFrame};
use etude_video::{AccessUnit, FrameRate, H264Encoder, H264Settings, Mp4Reader, RgbImage, decode_file};
use std::collections::BTreeMap;
use std::iter::Peekable;
use std::path::{Path, PathBuf};

/// How far before its beginning a part's first frame may be stamped, s.
const EDGE_S: f64 = 1e-3;

enum Raw {
    Coded(AccessUnit),
    Pixels(RgbImage),
}

type Frames = Peekable<Box<dyn Iterator<Item = Result<(f64, Raw), String>>>>;

/// One video file that is read from front to back.
struct Feed {
    path: PathBuf,
    frames: Frames,
    reached_s: f64,
    to_s: f64,
    encoder: Option<H264Encoder>,
    frame_rate: FrameRate,
    started: bool,
}

/// The video files being read, one per camera: consecutive episodes of one file go on where the last one ended.
#[derive(Default)]
pub(super) struct Feeds {
    feeds: BTreeMap<String, Feed>,
}

impl Feeds {
    /// Goes to the beginning of a part; returns what has to be said of the copy.
    pub(super) fn begin(&mut self, key: &str, part: &VideoPart) -> Result<Vec<String>, String> {
        let fits =
            self.feeds.get(key).is_some_and(|feed| feed.path == part.path && feed.reached_s < part.from_s);
        if !fits {
            self.feeds.insert(key.to_owned(), Feed::open(&part.path)?);
        }
        let feed = self.feeds.get_mut(key).expect("it was put there");
        feed.to_s = part.to_s.unwrap_or(f64::INFINITY);
        feed.skip_to(part.from_s);
        feed.started = false;
        let mut notes = Vec::new();
        if let Some(encoder) = &mut feed.encoder {
            encoder.restart().map_err(|error| error.to_string())?;
            notes.push(
                "its video has B frames, which an episode does not hold: it was coded anew as H.264"
                    .to_owned(),
            );
        }
        Ok(notes)
    }

    /// The next frame of the part and its time in the file, s; `None` at its end.
    pub(super) fn next(&mut self, key: &str) -> Result<Option<(f64, VideoFrame)>, String> {
        self.feeds.get_mut(key).map_or(Ok(None), Feed::next)
    }
}

impl Feed {
    fn open(path: &Path) -> Result<Self, String> {
        let reader = Mp4Reader::open(path).map_err(|error| error.to_string())?;
        let info = reader.info().clone();
        let frame_rate = info.frame_rate.or_else(|| FrameRate::from_hz(30)).ok_or("no frame rate")?;
        let reorders = info.reorder_frames > 0 && has_reordering(path)?;
        let encoder = if reorders {
            let settings = H264Settings::new(info.width, info.height, frame_rate);
            Some(H264Encoder::new(settings).map_err(|error| error.to_string())?)
        } else {
            None
        };
        let frames: Box<dyn Iterator<Item = _>> = if reorders {
            let decoded = decode_file(path.to_owned()).map_err(|error| error.to_string())?;
            Box::new(decoded.map(|frame| match frame {
                Ok((pts_s, image)) => Ok((pts_s, Raw::Pixels(image))),
                Err(error) => Err(error.to_string()),
            }))
        } else {
            Box::new(reader.map(|packet| match packet {
                Ok(packet) => Ok((packet.pts_s, Raw::Coded(packet.unit))),
                Err(error) => Err(error.to_string()),
            }))
        };
        Ok(Self {
            path: path.to_owned(),
            frames: frames.peekable(),
            reached_s: f64::NEG_INFINITY,
            to_s: f64::INFINITY,
            encoder,
            frame_rate,
            started: false,
        })
    }

    fn skip_to(&mut self, from_s: f64) {
        while let Some(Ok((pts_s, _))) = self.frames.peek() {
            if *pts_s >= from_s - EDGE_S {
                return;
            }
            self.reached_s = *pts_s;
            self.frames.next();
        }
    }

    fn next(&mut self) -> Result<Option<(f64, VideoFrame)>, String> {
        let half_frame_s = 0.5 / self.frame_rate.hz();
        if matches!(self.frames.peek(), Some(Ok((pts_s, _))) if *pts_s >= self.to_s - half_frame_s) {
            return Ok(None);
        }
        let Some(frame) = self.frames.next() else { return Ok(None) };
        let (pts_s, raw) = frame?;
        self.reached_s = pts_s;
        let unit = match (raw, &mut self.encoder) {
            (Raw::Coded(unit), _) => unit,
            (Raw::Pixels(image), Some(encoder)) => {
                encoder.encode(&image.as_frame()).map_err(|error| error.to_string())?
            }
            (Raw::Pixels(_), None) => return Err("decoded frames without an encoder".to_owned()),
        };
        if !self.started && !unit.is_key {
            return Err("its first frame needs frames of the episode before".to_owned());
        }
        self.started = true;
        let format = VideoFormat::from_name(unit.codec.foxglove_name())
            .ok_or_else(|| format!("an episode cannot hold {}", unit.codec))?;
        Ok(Some((pts_s, VideoFrame { format, is_key: unit.is_key, data: unit.data.into() })))
    }
}

/// Whether frames are shown in another order than they are coded.
fn has_reordering(path: &Path) -> Result<bool, String> {
    let reader = Mp4Reader::open(path).map_err(|error| error.to_string())?;
    let mut last = i64::MIN;
    for packet in reader {
        // Damage is met again, and reported, when the frames are read.
        let Ok(packet) = packet else { break };
        if packet.pts_ticks < last {
            return Ok(true);
        }
        last = packet.pts_ticks;
    }
    Ok(false)
}
