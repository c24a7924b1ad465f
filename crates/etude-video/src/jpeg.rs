//! JPEG pictures as RGB: what cameras of foreign recordings often send.

use crate::frame::RgbImage;
use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

/// The longest side that is decoded, pixels: what the encoder takes, and 44 MB at most.
const MAX_SIDE_PX: usize = 3840;

/// Bytes that are no JPEG picture, or one that is damaged or too large.
#[derive(Debug, thiserror::Error)]
#[error("expected a JPEG picture of at most {MAX_SIDE_PX} pixels a side, found {found}")]
pub struct JpegError {
    /// What was found.
    pub found: String,
}

/// Decodes a JPEG picture. The whole of it must be there: one that was cut is refused, not filled up with grey.
pub fn decode_jpeg(bytes: &[u8]) -> Result<RgbImage, JpegError> {
    let options = DecoderOptions::default()
        .jpeg_set_out_colorspace(ColorSpace::RGB)
        .set_max_width(MAX_SIDE_PX)
        .set_max_height(MAX_SIDE_PX)
        .set_strict_mode(true);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    let failed = |found: String| JpegError { found };
    let pixels = decoder.decode().map_err(|error| failed(error.to_string()))?;
    let (width, height) = decoder.dimensions().ok_or_else(|| failed("no size".to_owned()))?;
    RgbImage::new(width as u32, height as u32, pixels).map_err(|error| failed(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_bytes_are_refused() {
        for bytes in [&[][..], b"\xff\xd8\xff", b"\x89PNG\r\n", &[0; 64]] {
            assert!(decode_jpeg(bytes).is_err());
        }
    }
}
