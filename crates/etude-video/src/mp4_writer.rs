//! Writes access units into an MP4 file without touching the coded pictures.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use ffmpeg::format::context::Output;
use ffmpeg::{Packet, Rational, codec, packet};
use ffmpeg_next as ffmpeg;
use tempfile::TempPath;

use crate::annexb::{BitstreamError, h264_type, h265_type, nal_units, to_annexb, to_length_prefixed};
use crate::ffi;
use crate::obu::{self, ObuError};
use crate::parameter_sets::{AvcConfig, HevcConfig, ParameterSetError};
use crate::unit::{AccessUnit, Codec, FrameRate};

/// Ticks per second are at least this many, the rule that FFmpeg's own tool follows: 30 frames per second give
/// 15360, 25 give 12800.
const MIN_TIMESCALE: u64 = 10_000;

/// A video file could not be written. The target file is as it was before.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The file system refused.
    #[error("{}: {doing}: {source}", path.display())]
    Io {
        /// The file to be written.
        path: PathBuf,
        /// What was being done.
        doing: &'static str,
        /// The system's answer.
        source: io::Error,
    },
    /// FFmpeg refused.
    #[error("{}: {doing}: {source}", path.display())]
    Ffmpeg {
        /// The file to be written.
        path: PathBuf,
        /// What was being done.
        doing: &'static str,
        /// FFmpeg's answer.
        source: ffmpeg::Error,
    },
    /// The track's description cannot be stored.
    #[error("{}: {problem}", path.display())]
    Track {
        /// The file to be written.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A unit does not belong into this track.
    #[error("{}: unit {unit}: {problem}", path.display())]
    Unit {
        /// The file to be written.
        path: PathBuf,
        /// Units pushed before.
        unit: u64,
        /// What is wrong with it.
        problem: String,
    },
    /// Parameter sets changed within the file; begin a new file with this unit.
    #[error("{}: unit {unit} brings other parameter sets than the file's; it needs a file of its own", path.display())]
    ParameterSetsChanged {
        /// The file to be written.
        path: PathBuf,
        /// Units pushed before.
        unit: u64,
    },
    /// The frame index leaves a hole or repeats itself.
    #[error("{}: unit {unit} is frame {found}, expected frame {expected}", path.display())]
    FrameIndex {
        /// The file to be written.
        path: PathBuf,
        /// Units pushed before.
        unit: u64,
        /// The lowest frame index still missing.
        expected: u64,
        /// The frame index given.
        found: u64,
    },
    /// No unit was pushed; an MP4 without frames opens nowhere.
    #[error("{}: no frame was written", path.display())]
    Empty {
        /// The file to be written.
        path: PathBuf,
    },
}

/// Pictures that a decoder of H.264 or H.265 holds at most (H.264 A.3.1, H.265 A.4.2).
const DECODER_FRAMES: u64 = 16;

/// What an MP4 file's single track holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VideoTrack {
    /// The codec of every unit.
    pub codec: Codec,
    /// Pixels per row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Constant frames per second.
    pub frame_rate: FrameRate,
    /// Codec configuration to be stored as it is, such as [`VideoInfo::extradata`](crate::VideoInfo::extradata) of
    /// the file that units are copied from; `None` builds it from the first unit.
    pub extradata: Option<Vec<u8>>,
    /// Frames by which decoding runs ahead of presentation: 0 unless the stream has B frames.
    pub reorder_frames: u32,
    /// Whether H.264 parameter sets stand with the key units too, so that they may change within the file.
    pub sets_in_units: bool,
}

impl VideoTrack {
    /// A track whose units come in presentation order and whose configuration is taken from the first unit.
    pub fn new(codec: Codec, width: u32, height: u32, frame_rate: FrameRate) -> Self {
        Self { codec, width, height, frame_rate, extradata: None, reorder_frames: 0, sets_in_units: false }
    }

    /// The same with parameter sets that stand with the key units and may change within the file: what is copied and
    /// what is coded anew may follow one another. Each key unit must bring its own. For H.264.
    #[must_use]
    pub fn with_sets_in_units(mut self) -> Self {
        self.sets_in_units = true;
        self
    }
}

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// Frames in the file.
    pub frames: u64,
    /// Size of the file in bytes.
    pub bytes: u64,
}

/// An MP4 file in the making.
///
/// Constant frame duration including the last frame, index in front (`faststart`), no dependence on time or machine:
/// the same units give the same file. The file appears under its name, complete and with mode 0644, only when
/// [`finish`](Self::finish) succeeds; dropped earlier, nothing remains.
///
/// H.264 and H.265 parameter sets and AV1 temporal delimiters move from the units to the file's header, where MP4
/// wants them; [`Mp4Reader`](crate::Mp4Reader) puts the sets back. All other bytes are copied. Several takes may
/// follow one another, each beginning with a key unit.
pub struct Mp4Writer {
    path: PathBuf,
    track: VideoTrack,
    temp: TempPath,
    open: Option<Open>,
    pushed: u64,
    next_frame: u64,
    ahead: BTreeSet<u64>,
}

/// The file once its header is written.
struct Open {
    output: Output,
    /// Ticks of `ours` per frame and the time bases between which packets are converted.
    frame_ticks: i64,
    ours: Rational,
    theirs: Rational,
    form: Form,
}

/// What a unit must become to be a sample.
enum Form {
    /// NAL units behind lengths, without the parameter sets that stand in the header.
    LengthPrefixed { header_sets: Vec<Vec<u8>> },
    /// The unit itself; FFmpeg takes out AV1's temporal delimiters and converts H.265 without a stored header.
    AsIs,
}

impl Mp4Writer {
    /// Begins the file `path`; its folder must exist.
    pub fn create(path: impl AsRef<Path>, track: VideoTrack) -> Result<Self, WriteError> {
        ffi::init();
        let path = path.as_ref().to_path_buf();
        let temp = begin(&path)?;
        Ok(Self { path, track, temp, open: None, pushed: 0, next_frame: 0, ahead: BTreeSet::new() })
    }

    /// Appends a unit, in decoding order. `frame_index` counts frames of the file in presentation order from 0; every
    /// index must come exactly once, and in order unless the track reorders.
    pub fn push(&mut self, unit: &AccessUnit, frame_index: u64) -> Result<(), WriteError> {
        if unit.codec != self.track.codec {
            let problem = format!("it is {}, the track {}", unit.codec, self.track.codec);
            return Err(self.bad_unit(problem));
        }
        if self.open.is_none() {
            if !unit.is_key {
                return Err(self.bad_unit("a file must begin with a key unit".into()));
            }
            self.open = Some(self.open_output(unit)?);
        }
        let form = &self.open.as_ref().expect("opened above").form;
        let sample = self.sample(unit, form)?;
        self.note_frame(frame_index)?;
        let decode_index = self.pushed as i64 - i64::from(self.track.reorder_frames);
        let fault = |doing, source| WriteError::Ffmpeg { path: self.path.clone(), doing, source };
        let open = self.open.as_mut().expect("opened above");
        let mut packet = Packet::copy(&sample);
        packet.set_stream(0);
        packet.set_pts(Some(frame_index as i64 * open.frame_ticks));
        packet.set_dts(Some(decode_index * open.frame_ticks));
        packet.set_duration(open.frame_ticks);
        if unit.is_key {
            packet.set_flags(packet::Flags::KEY);
        }
        packet.rescale_ts(open.ours, open.theirs);
        packet.write_interleaved(&mut open.output).map_err(|source| fault("write", source))?;
        self.pushed += 1;
        Ok(())
    }

    /// Frames pushed so far.
    pub fn frames(&self) -> u64 {
        self.pushed
    }

    /// Completes the file and puts it in place.
    pub fn finish(mut self) -> Result<Summary, WriteError> {
        let path = self.path.clone();
        let Some(mut open) = self.open.take() else { return Err(WriteError::Empty { path }) };
        if let Some(found) = self.ahead.first() {
            let (unit, expected) = (self.pushed, self.next_frame);
            return Err(WriteError::FrameIndex { path, unit, expected, found: *found });
        }
        let fault = |doing, source| WriteError::Ffmpeg { path: path.clone(), doing, source };
        open.output.write_trailer().map_err(|source| fault("finish", source))?;
        drop(open);
        let io = |doing, source| WriteError::Io { path: path.clone(), doing, source };
        let file = File::open(&self.temp).map_err(|source| io("open again", source))?;
        allow_reading(&file).map_err(|source| io("set mode", source))?;
        file.sync_all().map_err(|source| io("flush", source))?;
        let bytes = file.metadata().map_err(|source| io("measure", source))?.len();
        self.temp.persist(&path).map_err(|error| io("put in place", error.error))?;
        Ok(Summary { frames: self.pushed, bytes })
    }

    fn open_output(&self, first: &AccessUnit) -> Result<Open, WriteError> {
        let fault = |doing, source| WriteError::Ffmpeg { path: self.path.clone(), doing, source };
        let bad_track = |problem: String| WriteError::Track { path: self.path.clone(), problem };
        let url = ffi::file_url(&self.temp).ok_or_else(|| bad_track("the path is not UTF-8".into()))?;
        let (extradata, form) = self.configuration(first).map_err(bad_track)?;
        let VideoTrack { codec, width, height, frame_rate, sets_in_units, .. } = self.track;
        let parameters = ffi::parameters(codec, width, height, &extradata, sets_in_units);
        let parameters = parameters.ok_or_else(|| bad_track("its header does not fit".into()))?;
        let (timescale, frame_ticks) =
            time_base(frame_rate).ok_or_else(|| bad_track(format!("{frame_rate} frames per second")))?;
        let ours = Rational::new(1, timescale);
        let mut output = ffmpeg::format::output_as(&url, "mp4").map_err(|source| fault("create", source))?;
        let mut stream = output.add_stream(codec::Id::None).map_err(|source| fault("add a track", source))?;
        stream.set_parameters(parameters);
        stream.set_time_base(ours);
        let rate = Rational::new(frame_rate.num() as i32, frame_rate.den() as i32);
        stream.set_avg_frame_rate(rate);
        stream.set_rate(rate);
        let scale = timescale.to_string();
        let options =
            [("movflags", "faststart"), ("fflags", "+bitexact"), ("video_track_timescale", scale.as_str())];
        output
            .write_header_with(options.iter().collect())
            .map_err(|source| fault("write the header", source))?;
        let theirs = output.stream(0).map_or(ours, |stream| stream.time_base());
        Ok(Open { output, frame_ticks, ours, theirs, form })
    }

    /// The bytes for the header, and what they make of the units.
    fn configuration(&self, first: &AccessUnit) -> Result<(Vec<u8>, Form), String> {
        let text = |error: ParameterSetError| error.to_string();
        let given = self.track.extradata.as_deref().filter(|extradata| !extradata.is_empty());
        Ok(match (self.track.codec, given) {
            (Codec::H264, Some(avcc @ [1, ..])) => {
                let AvcConfig { sps, pps, .. } = AvcConfig::parse(avcc).map_err(text)?;
                let header_sets = [sps, pps].concat();
                (with_long_lengths(avcc, AVCC_LENGTH_SIZE), Form::LengthPrefixed { header_sets })
            }
            (Codec::H264, given) => {
                let config = AvcConfig::from_annexb(given.unwrap_or(&first.data)).map_err(text)?;
                let avcc = config.to_avcc().map_err(text)?;
                (avcc, Form::LengthPrefixed { header_sets: [config.sps, config.pps].concat() })
            }
            (Codec::H265, Some(hvcc @ [1, ..])) => {
                let header_sets = HevcConfig::parse(hvcc).map_err(text)?.sets;
                (with_long_lengths(hvcc, HVCC_LENGTH_SIZE), Form::LengthPrefixed { header_sets })
            }
            (_, Some(extradata)) => (extradata.to_vec(), Form::AsIs),
            (Codec::H265, None) => {
                let sets = nal_units(&first.data).filter(|nal| is_parameter_set(Codec::H265, nal));
                (to_annexb(sets), Form::AsIs)
            }
            (Codec::Av1, None) => {
                let header = obu::sequence_header(&first.data).map_err(|error| error.to_string())?;
                (header.ok_or("the first unit holds no sequence header")?.to_vec(), Form::AsIs)
            }
            (Codec::Vp9, None) => (Vec::new(), Form::AsIs),
        })
    }

    fn sample(&self, unit: &AccessUnit, form: &Form) -> Result<Vec<u8>, WriteError> {
        let Form::LengthPrefixed { header_sets } = form else {
            if unit.codec == Codec::Av1 {
                obu::split(&unit.data).map_err(|error: ObuError| self.bad_unit(error.to_string()))?;
            }
            return Ok(unit.data.clone());
        };
        let is_set = |nal: &&[u8]| is_parameter_set(unit.codec, nal);
        let is_known = |set: &[u8]| header_sets.iter().any(|known| known == set);
        if self.track.sets_in_units {
            if unit.is_key && !nal_units(&unit.data).any(|nal| is_set(&nal)) {
                return Err(self.bad_unit("it is a key unit without parameter sets".into()));
            }
            let sample = to_length_prefixed(nal_units(&unit.data));
            return sample.map_err(|error: BitstreamError| self.bad_unit(error.to_string()));
        }
        if !nal_units(&unit.data).filter(is_set).all(is_known) {
            return Err(WriteError::ParameterSetsChanged { path: self.path.clone(), unit: self.pushed });
        }
        let sample = to_length_prefixed(nal_units(&unit.data).filter(|nal| !is_set(nal)));
        let sample = sample.map_err(|error: BitstreamError| self.bad_unit(error.to_string()))?;
        if sample.is_empty() {
            return Err(self.bad_unit("it holds no picture".into()));
        }
        Ok(sample)
    }

    /// Checks that frame indices leave no hole and, where the track reorders, do not run further ahead than a decoder holds.
    fn note_frame(&mut self, found: u64) -> Result<(), WriteError> {
        let expected = self.next_frame;
        // B frames that others are built on let the first one wait behind more frames than are reordered.
        let limit = if self.track.reorder_frames == 0 { expected } else { expected + DECODER_FRAMES };
        // A frame may be decoded `reorder_frames` after its turn, hence shown no earlier than its decoding time.
        let is_late = found + u64::from(self.track.reorder_frames) < self.pushed;
        let too_far = found > limit + self.ahead.len() as u64;
        if found < expected || too_far || is_late || !self.ahead.insert(found) {
            let path = self.path.clone();
            return Err(WriteError::FrameIndex { path, unit: self.pushed, expected, found });
        }
        while self.ahead.remove(&self.next_frame) {
            self.next_frame += 1;
        }
        Ok(())
    }

    fn bad_unit(&self, problem: String) -> WriteError {
        WriteError::Unit { path: self.path.clone(), unit: self.pushed, problem }
    }
}

impl std::fmt::Debug for Mp4Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mp4Writer")
            .field("path", &self.path)
            .field("track", &self.track)
            .field("frames", &self.pushed)
            .finish_non_exhaustive()
    }
}

/// Where `avcC` and `hvcC` store the size of lengths, in the two lowest bits (ISO/IEC 14496-15, 5.3.3 and 8.3.3).
const AVCC_LENGTH_SIZE: usize = 4;
const HVCC_LENGTH_SIZE: usize = 21;

/// The box with its lengths declared as 32 bits, which is what we write.
fn with_long_lengths(extradata: &[u8], at: usize) -> Vec<u8> {
    extradata.iter().enumerate().map(|(index, byte)| if index == at { byte | 3 } else { *byte }).collect()
}

fn is_parameter_set(codec: Codec, nal: &[u8]) -> bool {
    match codec {
        Codec::H264 => matches!(h264_type(nal), 7 | 8),
        Codec::H265 => (32..=34).contains(&h265_type(nal)),
        Codec::Av1 | Codec::Vp9 => false,
    }
}

/// An empty file beside `path` that takes its name once it is whole.
pub(crate) fn begin(path: &Path) -> Result<TempPath, WriteError> {
    let io = |source| WriteError::Io { path: path.to_owned(), doing: "create", source };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or_else(|| Path::new("."));
    let temp = tempfile::Builder::new().prefix(".etude-").suffix(".mp4").tempfile_in(folder).map_err(io)?;
    Ok(temp.into_temp_path())
}

/// Ticks per second and ticks per frame: the frame rate's numerator doubled until it is fine enough.
pub(crate) fn time_base(rate: FrameRate) -> Option<(i32, i64)> {
    let (mut scale, mut ticks) = (u64::from(rate.num()), i64::from(rate.den()));
    while scale < MIN_TIMESCALE {
        scale *= 2;
        ticks = ticks.checked_mul(2)?;
    }
    Some((i32::try_from(scale).ok()?, ticks))
}

#[cfg(unix)]
pub(crate) fn allow_reading(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
pub(crate) fn allow_reading(_file: &File) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_bases_are_those_of_other_tools() {
        let of = |num, den| time_base(FrameRate::new(num, den).expect("a frame rate"));
        assert_eq!(of(30, 1), Some((15360, 512)));
        assert_eq!(of(25, 1), Some((12800, 512)));
        assert_eq!(of(30000, 1001), Some((30000, 1001)));
        assert_eq!(of(u32::MAX, 1), None);
    }
}
