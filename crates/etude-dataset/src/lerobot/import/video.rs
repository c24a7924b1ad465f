//! Coded frames of a dataset's video files, copied where the format allows it.

use super::super::source::VideoPart;
use etude_model::sample::{VideoFormat, VideoFrame};
use etude_video::{
    AccessUnit, FrameRate, H264Encoder, H264Settings, Mp4Reader, RgbImage, decode_file, decode_jpeg,
    decode_png, is_png,
};
use std::collections::BTreeMap;
use std::fs;
use std::iter::Peekable;
use std::path::{Path, PathBuf};

/// The largest file with a picture, bytes, and files of a folder.
const PICTURE_MAX: u64 = 16 << 20;
const FILES_MAX: usize = 1 << 20;
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
    /// Why its frames are coded anew, where they are.
    recoded: &'static str,
    started: bool,
}

/// The video files being read, one per camera: consecutive episodes of one file go on where the last one ended.
pub(super) struct Feeds {
    /// Rows per second.
    fps: f64,
    feeds: BTreeMap<String, Feed>,
}

impl Feeds {
    pub(super) fn new(fps: f64) -> Self {
        Self { fps, feeds: BTreeMap::new() }
    }

    /// Goes to the beginning of a part; returns what has to be said of the copy.
    pub(super) fn begin(&mut self, key: &str, part: &VideoPart) -> Result<Vec<String>, String> {
        let fits =
            self.feeds.get(key).is_some_and(|feed| feed.path == part.path && feed.reached_s < part.from_s);
        if !fits {
            let is_folder = part.path.is_dir();
            let feed =
                if is_folder { Feed::of_pictures(&part.path, self.fps) } else { Feed::open(&part.path) };
            self.feeds.insert(key.to_owned(), feed?);
        }
        let feed = self.feeds.get_mut(key).expect("it was put there");
        feed.to_s = part.to_s.unwrap_or(f64::INFINITY);
        feed.skip_to(part.from_s);
        feed.started = false;
        let mut notes = Vec::new();
        if let Some(encoder) = &mut feed.encoder {
            encoder.restart().map_err(|error| error.to_string())?;
            notes.push(feed.recoded.to_owned());
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
            recoded: "its video has B frames, which an episode does not hold: it was coded anew as H.264",
            started: false,
        })
    }

    /// Pictures of a folder, `frame_000012.jpg`: the number is the row's. One that cannot be read is a frame that is
    /// missing, which is told where the next one comes.
    fn of_pictures(folder: &Path, fps: f64) -> Result<Self, String> {
        let entries = fs::read_dir(folder).map_err(|error| error.to_string())?;
        let paths = entries.flatten().take(FILES_MAX).map(|entry| entry.path());
        let mut files: Vec<(u64, PathBuf)> = paths.filter_map(|path| Some((number(&path)?, path))).collect();
        files.sort();
        let first = files.iter().find_map(|(_, path)| picture(path));
        let first = first.ok_or_else(|| "it has no picture that can be read".to_owned())?;
        let frame_rate = FrameRate::from_hz(fps.clamp(1.0, 240.0).round() as u32).ok_or("no frame rate")?;
        let (width, height) = (first.width(), first.height());
        let settings = H264Settings::new(width, height, frame_rate);
        let frames = files.into_iter().filter_map(move |(number, path)| {
            let image = picture(&path).filter(|image| (image.width(), image.height()) == (width, height))?;
            Some(Ok((number as f64 / fps, Raw::Pixels(image))))
        });
        let frames: Box<dyn Iterator<Item = _>> = Box::new(frames);
        Ok(Self {
            path: folder.to_owned(),
            frames: frames.peekable(),
            reached_s: f64::NEG_INFINITY,
            to_s: f64::INFINITY,
            encoder: Some(H264Encoder::new(settings).map_err(|error| error.to_string())?),
            frame_rate,
            recoded: "its pictures were coded anew as H.264: near, and no longer the same",
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

/// The number at the end of a picture's name.
fn number(path: &Path) -> Option<u64> {
    let is_picture =
        |end: &std::ffi::OsStr| ["jpg", "jpeg", "png"].iter().any(|known| end.eq_ignore_ascii_case(known));
    let stem = path.file_stem().filter(|_| path.extension().is_some_and(is_picture))?.to_str()?;
    stem.rsplit_once('_').map_or(stem, |(_, number)| number).parse().ok()
}

/// A picture of 8 bits, where it can be read.
fn picture(path: &Path) -> Option<RgbImage> {
    let bytes = fs::metadata(path)
        .ok()
        .filter(|about| about.len() <= PICTURE_MAX)
        .and_then(|_| fs::read(path).ok())?;
    if is_png(&bytes) { decode_png(&bytes).ok() } else { decode_jpeg(&bytes).ok() }
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
