//! Coded frames to pictures: one decoder for every codec, single-threaded, with its output checked for damage.

use ffmpeg::util::format::Pixel;
use ffmpeg::{Packet, color, frame};
use ffmpeg_next as ffmpeg;
use yuv::{YuvPlanarImage, YuvRange, YuvStandardMatrix};

use crate::ffi;
use crate::frame::{FrameError, RgbImage};
use crate::still::StillStats;
use crate::unit::{AccessUnit, Codec};

/// A coded frame could not be decoded or converted.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// This build of FFmpeg has no decoder for the codec.
    #[error("FFmpeg has no decoder for {codec}")]
    NoDecoder {
        /// The codec.
        codec: Codec,
    },
    /// A unit of another codec was given.
    #[error("decoder for {expected} got a unit of {found}")]
    Codec {
        /// The decoder's codec.
        expected: Codec,
        /// The unit's codec.
        found: Codec,
    },
    /// FFmpeg refused.
    #[error("decode {codec}: {doing}: {source}")]
    Ffmpeg {
        /// The codec.
        codec: Codec,
        /// What was being done.
        doing: &'static str,
        /// FFmpeg's answer.
        source: ffmpeg::Error,
    },
    /// A picture could not be converted to RGB.
    #[error("{format} picture to RGB: {problem}")]
    Convert {
        /// The picture's pixel format.
        format: String,
        /// What went wrong.
        problem: String,
    },
    /// A picture of impossible size.
    #[error(transparent)]
    Frame(#[from] FrameError),
}

/// Decodes the units of one stream.
///
/// After every [`send`](Self::send) call [`receive`](Self::receive) until it gives `None`; at the end call
/// [`drain`](Self::drain) and receive the rest. Pictures come in presentation order.
pub struct Decoder {
    codec: Codec,
    inner: ffmpeg::decoder::Video,
}

impl Decoder {
    /// A decoder that waits for a key unit.
    pub fn new(codec: Codec) -> Result<Self, DecodeError> {
        ffi::init();
        let found = ffmpeg::decoder::find(ffi::codec_id(codec)).ok_or(DecodeError::NoDecoder { codec })?;
        let mut context = ffmpeg::codec::Context::new_with_codec(found);
        context.set_threading(ffmpeg::threading::Config::count(1));
        let inner = context.decoder().open_as(found).and_then(ffmpeg::decoder::Opened::video);
        let inner = inner.map_err(|source| DecodeError::Ffmpeg { codec, doing: "open", source })?;
        Ok(Self { codec, inner })
    }

    /// Hands over the next unit in decoding order; `pts` comes out again with its picture.
    pub fn send(&mut self, unit: &AccessUnit, pts: i64) -> Result<(), DecodeError> {
        self.send_unit(unit, pts, false)
    }

    /// As [`send`](Self::send); a hidden unit is decoded for the sake of others and yields no picture.
    pub(crate) fn send_unit(
        &mut self,
        unit: &AccessUnit,
        pts: i64,
        is_hidden: bool,
    ) -> Result<(), DecodeError> {
        if unit.codec != self.codec {
            return Err(DecodeError::Codec { expected: self.codec, found: unit.codec });
        }
        let mut packet = Packet::copy(&unit.data);
        packet.set_pts(Some(pts));
        if unit.is_key {
            packet.set_flags(ffmpeg::packet::Flags::KEY);
        }
        if is_hidden {
            ffi::set_discarded(&mut packet);
        }
        self.inner.send_packet(&packet).map_err(|source| self.fault("send", source))
    }

    /// The next picture, if one is ready.
    pub fn receive(&mut self) -> Result<Option<DecodedFrame>, DecodeError> {
        let mut frame = frame::Video::empty();
        match self.inner.receive_frame(&mut frame) {
            Ok(()) => Ok(Some(DecodedFrame { frame })),
            Err(ffmpeg::Error::Eof | ffmpeg::Error::Other { errno: ffmpeg::error::EAGAIN }) => Ok(None),
            Err(source) => Err(self.fault("receive", source)),
        }
    }

    /// Says that no unit follows, so that pictures held back come out.
    pub fn drain(&mut self) -> Result<(), DecodeError> {
        match self.inner.send_eof() {
            Ok(()) | Err(ffmpeg::Error::Eof) => Ok(()),
            Err(source) => Err(self.fault("drain", source)),
        }
    }

    /// Forgets everything sent; the next unit must be a key unit.
    pub fn reset(&mut self) {
        self.inner.flush();
    }

    fn fault(&self, doing: &'static str, source: ffmpeg::Error) -> DecodeError {
        DecodeError::Ffmpeg { codec: self.codec, doing, source }
    }
}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decoder").field("codec", &self.codec).finish_non_exhaustive()
    }
}

/// BLAKE3 of a picture's size, pixel format and planes without padding: equal for identical pictures only.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct FrameHash([u8; 32]);

impl FrameHash {
    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl std::fmt::Debug for FrameHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A decoded picture, still in the codec's own colour planes.
pub struct DecodedFrame {
    frame: frame::Video,
}

impl DecodedFrame {
    /// What was given to [`Decoder::send`] with the picture's unit; ticks where it came out of a file.
    pub fn pts(&self) -> i64 {
        self.frame.pts().or(self.frame.timestamp()).unwrap_or_default()
    }

    /// Pixels per row.
    pub fn width(&self) -> u32 {
        self.frame.width()
    }

    /// Rows.
    pub fn height(&self) -> u32 {
        self.frame.height()
    }

    /// Whether the picture stands on its own.
    pub fn is_key(&self) -> bool {
        self.frame.is_key()
    }

    /// Whether the decoder had to conceal missing or broken data.
    pub fn is_damaged(&self) -> bool {
        self.frame.is_corrupt() || self.frame.has_decode_errors()
    }

    /// The fingerprint of the decoded planes.
    pub fn hash(&self) -> FrameHash {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.width().to_le_bytes());
        hasher.update(&self.height().to_le_bytes());
        hasher.update(self.format_name().as_bytes());
        for plane in 0..self.frame.planes() {
            for row in self.plane_rows(plane) {
                hasher.update(row);
            }
        }
        FrameHash(*hasher.finalize().as_bytes())
    }

    /// The picture as RGB. Colours follow what the stream signals; BT.601 limited range where it is silent.
    pub fn to_rgb(&self) -> Result<RgbImage, DecodeError> {
        match self.frame.format() {
            Pixel::YUV420P | Pixel::YUVJ420P if self.frame.planes() >= 3 => self.planar_to_rgb(),
            _ => self.scaled_to_rgb(),
        }
    }

    /// Measures the picture from its luma plane, without a conversion to RGB.
    pub fn stats(&self) -> Result<StillStats, DecodeError> {
        if !matches!(self.frame.format(), Pixel::YUV420P | Pixel::YUVJ420P | Pixel::YUV422P | Pixel::YUV444P)
        {
            return Ok(StillStats::of_rgb(&self.to_rgb()?.as_frame()));
        }
        let luma = self.plane_rows(0).flatten();
        let luma: Vec<u8> = match self.range() {
            YuvRange::Full => luma.copied().collect(),
            YuvRange::Limited => luma.map(|value| full_range(*value)).collect(),
        };
        Ok(StillStats::of_luma(&luma, self.width() as usize))
    }

    fn planar_to_rgb(&self) -> Result<RgbImage, DecodeError> {
        let (width, height) = (self.width(), self.height());
        let image = YuvPlanarImage {
            y_plane: self.frame.data(0),
            y_stride: self.frame.stride(0) as u32,
            u_plane: self.frame.data(1),
            u_stride: self.frame.stride(1) as u32,
            v_plane: self.frame.data(2),
            v_stride: self.frame.stride(2) as u32,
            width,
            height,
        };
        let mut data = vec![0; width as usize * height as usize * 3];
        yuv::yuv420_to_rgb(&image, &mut data, width * 3, self.range(), self.matrix())
            .map_err(|error| self.cannot_convert(error.to_string()))?;
        Ok(RgbImage::new(width, height, data)?)
    }

    /// Any other format by FFmpeg's own scaler.
    fn scaled_to_rgb(&self) -> Result<RgbImage, DecodeError> {
        let (width, height) = (self.width(), self.height());
        let fault = |error: ffmpeg::Error| self.cannot_convert(error.to_string());
        let flags = ffmpeg::software::scaling::Flags::BILINEAR;
        let mut scaler = ffmpeg::software::scaling::Context::get(
            self.frame.format(),
            width,
            height,
            Pixel::RGB24,
            width,
            height,
            flags,
        )
        .map_err(fault)?;
        let mut rgb = frame::Video::empty();
        scaler.run(&self.frame, &mut rgb).map_err(fault)?;
        let row_bytes = width as usize * 3;
        let rows = rgb.data(0).chunks(rgb.stride(0)).take(height as usize);
        let data = rows.filter_map(|row| row.get(..row_bytes)).flatten().copied().collect();
        Ok(RgbImage::new(width, height, data)?)
    }

    /// Rows of a plane without padding.
    fn plane_rows(&self, plane: usize) -> impl Iterator<Item = &[u8]> {
        let samples = self.frame.plane_width(plane) as usize;
        let bytes = samples * self.bytes_per_sample();
        let rows = self.frame.plane_height(plane) as usize;
        let stride = self.frame.stride(plane).max(1);
        self.frame.data(plane).chunks(stride).take(rows).map(move |row| row.get(..bytes).unwrap_or(row))
    }

    /// 2 for formats of more than 8 bits, whose names end in their depth and byte order.
    fn bytes_per_sample(&self) -> usize {
        let name = self.format_name();
        if name.ends_with("le") || name.ends_with("be") { 2 } else { 1 }
    }

    fn format_name(&self) -> &'static str {
        self.frame.format().descriptor().map_or("none", |descriptor| descriptor.name())
    }

    fn range(&self) -> YuvRange {
        let is_full =
            self.frame.color_range() == color::Range::JPEG || self.frame.format() == Pixel::YUVJ420P;
        if is_full { YuvRange::Full } else { YuvRange::Limited }
    }

    fn matrix(&self) -> YuvStandardMatrix {
        match self.frame.color_space() {
            color::Space::BT709 => YuvStandardMatrix::Bt709,
            color::Space::BT2020NCL | color::Space::BT2020CL => YuvStandardMatrix::Bt2020,
            color::Space::SMPTE240M => YuvStandardMatrix::Smpte240,
            _ => YuvStandardMatrix::Bt601,
        }
    }

    fn cannot_convert(&self, problem: String) -> DecodeError {
        DecodeError::Convert { format: self.format_name().into(), problem }
    }
}

impl std::fmt::Debug for DecodedFrame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DecodedFrame")
            .field("pts", &self.pts())
            .field("width", &self.width())
            .field("height", &self.height())
            .field("format", &self.format_name())
            .finish_non_exhaustive()
    }
}

/// Limited-range luma (16 to 235) stretched to 0 to 255.
fn full_range(value: u8) -> u8 {
    let above = u32::from(value.saturating_sub(16)) * 255;
    ((above + 109) / 219).min(255) as u8
}
