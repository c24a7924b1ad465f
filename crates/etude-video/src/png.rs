//! PNG pictures as RGB and back: what datasets of pictures hold where nothing may be lost.

use crate::frame::RgbImage;
use png::{BitDepth, ColorType, Decoder, Encoder, Limits, Transformations};
use std::io::Cursor;

/// The longest side that is decoded, pixels.
const MAX_SIDE_PX: u32 = 3840;
/// Memory that the decoder may take beside the picture, bytes.
const MAX_DECODER_BYTES: usize = 64 << 20;

/// Bytes that are no PNG picture of colours, or one that is damaged or too large.
#[derive(Debug, thiserror::Error)]
#[error("expected a PNG picture of 8 bits and at most {MAX_SIDE_PX} pixels a side, found {found}")]
pub struct PngError {
    /// What was found.
    pub found: String,
}

/// Whether bytes begin as PNG does.
pub fn is_png(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\x89PNG\r\n\x1a\n")
}

/// Decodes a PNG picture of 8 bits: grey becomes colour, and what is transparent is no longer. One of 16 bits, such as a
/// picture of depths, is refused.
pub fn decode_png(bytes: &[u8]) -> Result<RgbImage, PngError> {
    let failed = |found: String| PngError { found };
    let mut decoder = Decoder::new_with_limits(Cursor::new(bytes), Limits { bytes: MAX_DECODER_BYTES });
    decoder.set_transformations(Transformations::EXPAND);
    let mut reader = decoder.read_info().map_err(|error| failed(error.to_string()))?;
    let (width, height) = (reader.info().width, reader.info().height);
    if width.max(height) > MAX_SIDE_PX {
        return Err(failed(format!("{width} x {height} pixels")));
    }
    let (color, depth) = reader.output_color_type();
    if depth != BitDepth::Eight {
        return Err(failed(format!("{} bits", depth as u8)));
    }
    let length = reader.output_buffer_size().ok_or_else(|| failed("no size".to_owned()))?;
    let mut pixels = vec![0; length];
    reader.next_frame(&mut pixels).map_err(|error| failed(error.to_string()))?;
    let data = match color {
        ColorType::Rgb => pixels,
        ColorType::Rgba => pixels.as_chunks::<4>().0.iter().flat_map(|[r, g, b, _]| [*r, *g, *b]).collect(),
        ColorType::Grayscale => pixels.iter().flat_map(|grey| [*grey; 3]).collect(),
        ColorType::GrayscaleAlpha => {
            pixels.as_chunks::<2>().0.iter().flat_map(|[grey, _]| [*grey; 3]).collect()
        }
        ColorType::Indexed => return Err(failed("colours by number".to_owned())),
    };
    RgbImage::new(width, height, data).map_err(|error| failed(error.to_string()))
}

/// Codes a picture as PNG. Nothing of it is lost.
pub fn encode_png(picture: &RgbImage) -> Result<Vec<u8>, PngError> {
    let failed = |error: png::EncodingError| PngError { found: error.to_string() };
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, picture.width(), picture.height());
    encoder.set_color(ColorType::Rgb);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_compression(png::Compression::Fast);
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(picture.data()).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_comes_back_as_it_was() {
        let data: Vec<u8> = (0..5 * 3 * 3).map(|value: u32| (value * 37 % 256) as u8).collect();
        let picture = RgbImage::new(5, 3, data.clone()).expect("a picture");
        let bytes = encode_png(&picture).expect("bytes");
        assert!(is_png(&bytes));
        assert_eq!(decode_png(&bytes).expect("a picture").data(), data);
        assert!(decode_png(&bytes[..bytes.len() / 2]).is_err());
    }

    #[test]
    fn grey_becomes_colour_and_depths_are_refused() {
        for (depth, pixels) in [(BitDepth::Eight, vec![7, 200]), (BitDepth::Sixteen, vec![7, 200, 1, 2])] {
            let mut bytes = Vec::new();
            let mut encoder = Encoder::new(&mut bytes, 2, 1);
            encoder.set_color(ColorType::Grayscale);
            encoder.set_depth(depth);
            let mut writer = encoder.write_header().expect("a head");
            writer.write_image_data(&pixels).expect("pixels");
            writer.finish().expect("an end");
            match decode_png(&bytes) {
                Ok(picture) => assert_eq!(picture.data(), [7, 7, 7, 200, 200, 200]),
                Err(error) => {
                    assert!(depth == BitDepth::Sixteen && error.to_string().contains("16 bits"), "{error}");
                }
            }
        }
    }
}
