//! Reads coded frames out of an MP4 (or any file FFmpeg opens) without decoding them, one at a time.

use std::path::{Path, PathBuf};

use ffmpeg::format::context::Input;
use ffmpeg::{Packet, media};
use ffmpeg_next as ffmpeg;

use crate::annexb::{
    BitstreamError, h264_type, h265_type, inspect_h264, inspect_h265, split_length_prefixed, to_annexb,
};
use crate::ffi;
use crate::frame::MAX_SIDE_PX;
use crate::obu::{self, ObuError};
use crate::parameter_sets::{AvcConfig, HevcConfig, ParameterSetError, av1_config_units};
use crate::unit::{AccessUnit, Codec, FrameRate};

/// A video file could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Mp4Error {
    /// The path cannot be handed to FFmpeg.
    #[error("{}: the path is not UTF-8", path.display())]
    Path {
        /// The file.
        path: PathBuf,
    },
    /// FFmpeg could not open or read the file.
    #[error("{}: {doing}: {source}", path.display())]
    Ffmpeg {
        /// The file.
        path: PathBuf,
        /// What was being done.
        doing: &'static str,
        /// FFmpeg's answer.
        source: ffmpeg::Error,
    },
    /// The file holds no video stream.
    #[error("{}: no video stream", path.display())]
    NoVideo {
        /// The file.
        path: PathBuf,
    },
    /// The file holds video that this crate does not carry.
    #[error("{}: cannot carry {what}", path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// What it holds, such as a codec's name.
        what: String,
    },
    /// A packet is damaged or the file's end is missing.
    #[error("{}: packet {packet}: {problem}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Packets read before, since opening or the last seek.
        packet: u64,
        /// What is wrong.
        problem: String,
    },
    /// The codec configuration is damaged.
    #[error("{}: {source}", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: ParameterSetError,
    },
}

/// What a file says of its video stream.
#[derive(Debug, Clone, PartialEq)]
pub struct VideoInfo {
    /// The codec.
    pub codec: Codec,
    /// Pixels per row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Seconds per tick as numerator and denominator.
    pub time_base: (i32, i32),
    /// Average frames per second; `None` where the file does not tell.
    pub frame_rate: Option<FrameRate>,
    /// Samples that the file's index lists; `None` where it has none (fragmented files).
    pub frames: Option<u64>,
    /// Presentation time of the first frame, in ticks.
    pub start_ticks: i64,
    /// Codec configuration as stored: `avcC`, `hvcC`, `av1C`, `vpcC` payload or Annex B sets; may be empty.
    pub extradata: Vec<u8>,
    /// Frames by which decoding runs ahead of presentation; 0 where units are in presentation order.
    pub reorder_frames: u32,
}

impl VideoInfo {
    /// `ticks` of the stream in seconds.
    pub fn seconds(&self, ticks: i64) -> f64 {
        ticks as f64 * f64::from(self.time_base.0) / f64::from(self.time_base.1)
    }

    /// Presentation time of frame `index` under a constant frame rate, in ticks; `None` without a frame rate.
    pub fn frame_ticks(&self, index: u64) -> Option<i64> {
        let rate = self.frame_rate?;
        let numerator = i128::from(index) * i128::from(rate.den()) * i128::from(self.time_base.1);
        let denominator = i128::from(rate.num()) * i128::from(self.time_base.0);
        let ticks = (numerator * 2 + denominator) / (denominator * 2);
        i64::try_from(ticks).ok()?.checked_add(self.start_ticks)
    }
}

/// One coded frame of a file with its times.
#[derive(Debug, Clone, PartialEq)]
pub struct VideoPacket {
    /// Presentation time, in ticks of [`VideoInfo::time_base`].
    pub pts_ticks: i64,
    /// Presentation time, in seconds.
    pub pts_s: f64,
    /// Decoding time, in ticks.
    pub dts_ticks: i64,
    /// How long the frame is shown, in ticks; 0 where the file does not tell.
    pub duration_ticks: i64,
    /// True where an edit list takes the frame out of the presentation; later frames may still need it.
    pub is_hidden: bool,
    /// The coded frame.
    pub unit: AccessUnit,
}

/// How samples must be changed to become access units.
enum Framing {
    Avc {
        config: AvcConfig,
        sets: Vec<u8>,
    },
    Hevc {
        config: HevcConfig,
        sets: Vec<u8>,
    },
    Av1 {
        sequence_header: Vec<u8>,
    },
    /// Samples are access units as they are.
    Plain,
}

/// The coded frames of a file's video stream, in decoding order.
///
/// Holds one packet at a time. H.264 and H.265 come out as Annex B; key units get the parameter sets (AV1: the
/// sequence header) of the file in front where they carry none themselves. Everything else is byte for byte what
/// the file holds. Damage and a missing end are errors, never a shorter video.
pub struct Mp4Reader {
    path: PathBuf,
    input: Input,
    stream: usize,
    info: VideoInfo,
    framing: Framing,
    index: Vec<ffi::IndexEntry>,
    packets: u64,
    from_start: bool,
    ended: bool,
}

impl Mp4Reader {
    /// Opens the best video stream of the file at `path`.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Mp4Error> {
        ffi::init();
        let path = path.as_ref().to_path_buf();
        let url = ffi::file_url(&path).ok_or_else(|| Mp4Error::Path { path: path.clone() })?;
        let options = [("protocol_whitelist", "file")].iter().collect();
        let input = ffmpeg::format::input_with_dictionary(&url, options)
            .map_err(|source| Mp4Error::Ffmpeg { path: path.clone(), doing: "open", source })?;
        let stream = input.streams().best(media::Type::Video);
        let stream = stream.ok_or_else(|| Mp4Error::NoVideo { path: path.clone() })?;
        let index = ffi::index(&stream);
        let info = describe(&path, &stream, index.len())?;
        let framing = framing(&info).map_err(|source| Mp4Error::Config { path: path.clone(), source })?;
        let stream = stream.index();
        Ok(Self { path, input, stream, info, framing, index, packets: 0, from_start: true, ended: false })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the file says of its video.
    pub fn info(&self) -> &VideoInfo {
        &self.info
    }

    /// The next coded frame in decoding order; `None` at the end.
    pub fn next_packet(&mut self) -> Result<Option<VideoPacket>, Mp4Error> {
        self.next_matching(false)
    }

    /// The next key frame in decoding order; other frames are passed over without being looked at.
    pub fn next_key_packet(&mut self) -> Result<Option<VideoPacket>, Mp4Error> {
        self.next_matching(true)
    }

    fn next_matching(&mut self, only_key: bool) -> Result<Option<VideoPacket>, Mp4Error> {
        while !self.ended {
            let mut packet = Packet::empty();
            match packet.read(&mut self.input) {
                Ok(()) if packet.stream() != self.stream => {}
                Ok(()) => {
                    self.packets += 1;
                    if !only_key || packet.is_key() {
                        return self.convert(&packet).map(Some);
                    }
                }
                Err(ffmpeg::Error::Eof) => {
                    self.ended = true;
                    self.check_end()?;
                }
                Err(source) => {
                    self.ended = true;
                    return Err(Mp4Error::Ffmpeg { path: self.path.clone(), doing: "read", source });
                }
            }
        }
        Ok(None)
    }

    /// Moves to the last key frame whose presentation time is at most `pts_ticks`, or to the first frame.
    pub(crate) fn seek_key(&mut self, pts_ticks: i64) -> Result<(), Mp4Error> {
        self.from_start = false;
        self.ended = false;
        self.packets = 0;
        ffi::seek_backward(&mut self.input, self.stream, pts_ticks).map_err(|source| Mp4Error::Ffmpeg {
            path: self.path.clone(),
            doing: "seek",
            source,
        })
    }

    /// Whether decoding onwards from `from_ticks` to `to_ticks` meets a key frame, so that a seek would save work.
    /// Both are decoding times; `false` without an index.
    pub(crate) fn has_key_between(&self, from_ticks: i64, to_ticks: i64) -> bool {
        let first = self.index.partition_point(|entry| entry.dts <= from_ticks);
        let last = self.index.partition_point(|entry| entry.dts <= to_ticks);
        self.index.get(first..last).is_some_and(|entries| entries.iter().any(|entry| entry.is_key))
    }

    fn convert(&self, packet: &Packet) -> Result<VideoPacket, Mp4Error> {
        let damaged = |problem: String| self.damaged(problem);
        let data = packet.data().filter(|data| !data.is_empty());
        let data = data.ok_or_else(|| damaged("no data".into()))?;
        if packet.is_corrupt() {
            return Err(damaged(format!("cut off after {} bytes", data.len())));
        }
        let pts_ticks =
            packet.pts().or(packet.dts()).ok_or_else(|| damaged("no presentation time".into()))?;
        let unit = self.unit(data, packet.is_key()).map_err(damaged)?;
        Ok(VideoPacket {
            pts_ticks,
            pts_s: self.info.seconds(pts_ticks),
            dts_ticks: packet.dts().unwrap_or(pts_ticks),
            duration_ticks: packet.duration(),
            is_hidden: ffi::is_discarded(packet),
            unit,
        })
    }

    fn unit(&self, sample: &[u8], is_sync: bool) -> Result<AccessUnit, String> {
        let codec = self.info.codec;
        let text = |error: BitstreamError| error.to_string();
        let (data, is_key) = match &self.framing {
            Framing::Avc { config, sets } => {
                let nals = split_length_prefixed(sample, config.length_size).map_err(text)?;
                let is_key = nals.iter().any(|nal| h264_type(nal) == 5);
                let has_sets = nals.iter().any(|nal| h264_type(nal) == 7);
                let sets = if is_key && !has_sets { sets.as_slice() } else { &[] };
                (with_sets(&nals, sets, |nal| h264_type(nal) == 9), is_key)
            }
            Framing::Hevc { config, sets } => {
                let nals = split_length_prefixed(sample, config.length_size).map_err(text)?;
                let is_key = nals.iter().any(|nal| (16..=20).contains(&h265_type(nal)));
                let has_sets = nals.iter().any(|nal| h265_type(nal) == 33);
                let sets = if is_key && !has_sets { sets.as_slice() } else { &[] };
                (with_sets(&nals, sets, |nal| h265_type(nal) == 35), is_key)
            }
            Framing::Av1 { sequence_header } => {
                let text = |error: ObuError| error.to_string();
                let missing = is_sync && obu::sequence_header(sample).map_err(text)?.is_none();
                let lead = if missing { sequence_header.as_slice() } else { &[] };
                (obu::to_low_overhead([lead, sample].concat()).map_err(text)?, is_sync)
            }
            Framing::Plain => {
                let is_key = match codec {
                    Codec::H264 => inspect_h264(sample).has_idr,
                    Codec::H265 => inspect_h265(sample).has_idr,
                    Codec::Av1 | Codec::Vp9 => is_sync,
                };
                (sample.to_vec(), is_key)
            }
        };
        Ok(AccessUnit { data, is_key, codec })
    }

    /// A file whose end is missing reads as a shorter one; the index tells.
    fn check_end(&self) -> Result<(), Mp4Error> {
        match self.info.frames {
            Some(expected) if self.from_start && self.packets < expected => {
                Err(self.damaged(format!("the file ends here, its index lists {expected} packets")))
            }
            _ => Ok(()),
        }
    }

    fn damaged(&self, problem: String) -> Mp4Error {
        Mp4Error::Damaged { path: self.path.clone(), packet: self.packets, problem }
    }
}

impl Iterator for Mp4Reader {
    type Item = Result<VideoPacket, Mp4Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let item = self.next_packet().transpose();
        self.ended |= matches!(item, Some(Err(_)));
        item
    }
}

impl std::fmt::Debug for Mp4Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mp4Reader")
            .field("path", &self.path)
            .field("info", &self.info)
            .finish_non_exhaustive()
    }
}

/// Annex B of `nals` with `sets` in front, but behind an access unit delimiter, which must come first.
fn with_sets(nals: &[&[u8]], sets: &[u8], is_delimiter: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    let delimiters = nals.iter().take_while(|nal| is_delimiter(nal)).count();
    let (before, after) = nals.split_at(delimiters);
    let mut data = to_annexb(before.iter().copied());
    data.extend_from_slice(sets);
    data.append(&mut to_annexb(after.iter().copied()));
    data
}

fn describe(path: &Path, stream: &ffmpeg::Stream<'_>, indexed: usize) -> Result<VideoInfo, Mp4Error> {
    let unsupported = |what| Mp4Error::Unsupported { path: path.to_path_buf(), what };
    let parameters = stream.parameters();
    let id = parameters.id();
    let codec = Codec::ALL.into_iter().find(|codec| ffi::codec_id(*codec) == id);
    let codec = codec.ok_or_else(|| unsupported(format!("the codec {}", id.name())))?;
    let header = ffi::header(&parameters);
    let side = |value| u32::try_from(value).ok().filter(|value| (1..=MAX_SIDE_PX).contains(value));
    let sides = side(header.width).zip(side(header.height));
    let (width, height) =
        sides.ok_or_else(|| unsupported(format!("pictures of {}x{} pixels", header.width, header.height)))?;
    let time_base = (stream.time_base().numerator(), stream.time_base().denominator());
    if time_base.0 <= 0 || time_base.1 <= 0 {
        return Err(unsupported(format!("a time base of {}/{}", time_base.0, time_base.1)));
    }
    let rate = |rate: ffmpeg::Rational| {
        FrameRate::new(u32::try_from(rate.numerator()).ok()?, u32::try_from(rate.denominator()).ok()?)
    };
    let start = stream.start_time();
    Ok(VideoInfo {
        codec,
        width,
        height,
        time_base,
        frame_rate: rate(stream.avg_frame_rate()).or_else(|| rate(stream.rate())),
        frames: (indexed > 0 && stream.frames() > 0).then_some(indexed as u64),
        start_ticks: if start == i64::MIN { 0 } else { start },
        extradata: header.extradata,
        reorder_frames: u32::try_from(header.reorder_frames).unwrap_or(0),
    })
}

fn framing(info: &VideoInfo) -> Result<Framing, ParameterSetError> {
    let is_annexb = matches!(info.extradata.as_slice(), [] | [0, 0, 1, ..] | [0, 0, 0, 1, ..]);
    Ok(match info.codec {
        Codec::H264 if !is_annexb => {
            let config = AvcConfig::parse(&info.extradata)?;
            Framing::Avc { sets: config.to_annexb(), config }
        }
        Codec::H265 if !is_annexb => {
            let config = HevcConfig::parse(&info.extradata)?;
            Framing::Hevc { sets: config.to_annexb(), config }
        }
        Codec::Av1 => {
            let units = match info.extradata.as_slice() {
                [] => &[],
                av1c @ [(0x80..), ..] => av1_config_units(av1c)?,
                units => units,
            };
            let header = obu::sequence_header(units).ok().flatten().unwrap_or_default();
            Framing::Av1 { sequence_header: header.to_vec() }
        }
        _ => Framing::Plain,
    })
}
