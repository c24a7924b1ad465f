//! The few calls into FFmpeg that its safe wrapper lacks. All unsafe code around MP4 and decoding lives here.
#![expect(unsafe_code, reason = "FFmpeg is a C library; each block states what makes it sound")]

use std::path::Path;
use std::sync::Once;

use ffmpeg::ffi;
use ffmpeg::format::context::Input;
use ffmpeg::packet::{Mut, Ref};
use ffmpeg::{Packet, Stream, codec};
use ffmpeg_next as ffmpeg;

use crate::unit::Codec;

/// Prepares FFmpeg once per process and keeps its log to errors.
pub(crate) fn init() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        ffmpeg::init().expect("registering error texts cannot fail");
        ffmpeg::log::set_level(ffmpeg::log::Level::Error);
    });
}

/// `path` as a URL that FFmpeg can only take for a local file; `None` when it is not UTF-8 or holds a NUL.
pub(crate) fn file_url(path: &Path) -> Option<String> {
    let text = path.to_str()?;
    (!text.contains('\0')).then(|| format!("file:{text}"))
}

/// FFmpeg's name for a codec.
pub(crate) fn codec_id(codec: Codec) -> codec::Id {
    match codec {
        Codec::H264 => codec::Id::H264,
        Codec::H265 => codec::Id::HEVC,
        Codec::Av1 => codec::Id::AV1,
        Codec::Vp9 => codec::Id::VP9,
    }
}

/// The header fields of a video stream that are not in the packets.
pub(crate) struct Header {
    pub(crate) width: i32,
    pub(crate) height: i32,
    pub(crate) extradata: Vec<u8>,
    pub(crate) reorder_frames: i32,
}

/// Reads what `parameters` say of a video stream.
pub(crate) fn header(parameters: &codec::Parameters) -> Header {
    // SAFETY: the pointer is valid while `parameters` lives; `extradata` is null or has `extradata_size` bytes.
    unsafe {
        let raw = &*parameters.as_ptr();
        let extradata = if raw.extradata.is_null() || raw.extradata_size <= 0 {
            Vec::new()
        } else {
            std::slice::from_raw_parts(raw.extradata, raw.extradata_size as usize).to_vec()
        };
        Header { width: raw.width, height: raw.height, extradata, reorder_frames: raw.video_delay }
    }
}

/// Parameters of a video stream to be written; `None` when memory runs out.
pub(crate) fn parameters(
    codec: Codec,
    width: u32,
    height: u32,
    extradata: &[u8],
    sets_in_units: bool,
) -> Option<codec::Parameters> {
    let mut parameters = codec::Parameters::new();
    parameters.set_medium(ffmpeg::media::Type::Video);
    parameters.set_id(codec_id(codec));
    let padding = ffi::AV_INPUT_BUFFER_PADDING_SIZE as usize;
    // SAFETY: the pointer is valid while `parameters` lives, which frees `extradata` with `av_free`; the buffer is
    // zeroed, holds `extradata` and the padding that FFmpeg demands, and its size fits `i32` because it was checked.
    unsafe {
        let raw = parameters.as_mut_ptr().as_mut()?;
        raw.width = i32::try_from(width).ok()?;
        raw.height = i32::try_from(height).ok()?;
        if codec == Codec::H264 && sets_in_units {
            // ISO/IEC 14496-15: `avc1` has its parameter sets in the header alone, `avc3` may have them in samples too.
            raw.codec_tag = u32::from_le_bytes(*b"avc3");
        }
        if codec == Codec::Vp9 {
            raw.format = ffi::AVPixelFormat::AV_PIX_FMT_YUV420P as i32;
        }
        if !extradata.is_empty() {
            let size = i32::try_from(extradata.len()).ok()?;
            let buffer = ffi::av_mallocz(extradata.len() + padding).cast::<u8>();
            if buffer.is_null() {
                return None;
            }
            std::ptr::copy_nonoverlapping(extradata.as_ptr(), buffer, extradata.len());
            raw.extradata = buffer;
            raw.extradata_size = size;
        }
    }
    Some(parameters)
}

/// One sample of a file's index.
#[derive(Debug, Clone, Copy)]
pub(crate) struct IndexEntry {
    /// Decoding time in ticks of the stream.
    pub(crate) dts: i64,
    /// The container calls it a sync sample.
    pub(crate) is_key: bool,
}

/// The samples that the container's index lists, in decoding order; empty where it has none.
pub(crate) fn index(stream: &Stream<'_>) -> Vec<IndexEntry> {
    // SAFETY: the stream's pointer is valid while its input lives; entries are read at once, before anything can
    // change the index, and a null entry is skipped.
    unsafe {
        let raw = stream.as_ptr().cast_mut();
        let count = ffi::avformat_index_get_entries_count(raw).max(0);
        let entries = (0..count).filter_map(|at| ffi::avformat_index_get_entry(raw, at).as_ref());
        let key = ffi::AVINDEX_KEYFRAME;
        entries.map(|entry| IndexEntry { dts: entry.timestamp, is_key: entry.flags() & key != 0 }).collect()
    }
}

/// Moves `input` to the last key sample of `stream` whose decoding time is at most `ticks`.
pub(crate) fn seek_backward(input: &mut Input, stream: usize, ticks: i64) -> Result<(), ffmpeg::Error> {
    let stream = i32::try_from(stream).map_err(|_| ffmpeg::Error::StreamNotFound)?;
    // SAFETY: the context is valid while `input` lives and borrowed exclusively.
    let result = unsafe { ffi::av_seek_frame(input.as_mut_ptr(), stream, ticks, ffi::AVSEEK_FLAG_BACKWARD) };
    if result < 0 { Err(ffmpeg::Error::from(result)) } else { Ok(()) }
}

/// Whether an edit list takes this packet's frame out of the presentation.
pub(crate) fn is_discarded(packet: &Packet) -> bool {
    // SAFETY: a packet's pointer is valid while it lives.
    unsafe { (*packet.as_ptr()).flags & ffi::AV_PKT_FLAG_DISCARD != 0 }
}

/// Marks a packet whose frame shall be decoded but not given out.
pub(crate) fn set_discarded(packet: &mut Packet) {
    // SAFETY: a packet's pointer is valid while it lives, and it is borrowed exclusively.
    unsafe { (*packet.as_mut_ptr()).flags |= ffi::AV_PKT_FLAG_DISCARD }
}
