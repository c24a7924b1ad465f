//! PNG pictures as RGB and back, and those of 16 bits as the numbers that they hold: what datasets of pictures keep where
//! nothing may be lost.

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

/// Bytes that are no PNG picture of 16 bits of grey, or one that is damaged or too large.
#[derive(Debug, thiserror::Error)]
#[error("expected a PNG picture of 16 bits of grey and at most {MAX_SIDE_PX} pixels a side, found {found}")]
pub struct Grey16Error {
    /// What was found.
    pub found: String,
}

/// A picture of one number a pixel, such as a distance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grey16 {
    /// Pixels per row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Numbers, \[row, column\], u16, without a unit of their own; row 0 on top.
    pub data: Vec<u16>,
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

/// Decodes a PNG picture of 16 bits of grey to its numbers. One of 8 bits or of colours is refused.
pub fn decode_png_grey16(bytes: &[u8]) -> Result<Grey16, Grey16Error> {
    let failed = |found: String| Grey16Error { found };
    let mut decoder = Decoder::new_with_limits(Cursor::new(bytes), Limits { bytes: MAX_DECODER_BYTES });
    decoder.set_transformations(Transformations::IDENTITY);
    let mut reader = decoder.read_info().map_err(|error| failed(error.to_string()))?;
    let (width, height) = (reader.info().width, reader.info().height);
    if width.max(height) > MAX_SIDE_PX {
        return Err(failed(format!("{width} x {height} pixels")));
    }
    match reader.output_color_type() {
        (ColorType::Grayscale, BitDepth::Sixteen) => {}
        (color, depth) => return Err(failed(format!("{} bits of {}", depth as u8, name_of(color)))),
    }
    let length = reader.output_buffer_size().ok_or_else(|| failed("no size".to_owned()))?;
    let mut pixels = vec![0; length];
    reader.next_frame(&mut pixels).map_err(|error| failed(error.to_string()))?;
    // PNG's numbers have their high byte first.
    let data = pixels.as_chunks::<2>().0.iter().map(|pair| u16::from_be_bytes(*pair)).collect();
    Ok(Grey16 { width, height, data })
}

/// Codes numbers of 16 bits as PNG. Nothing of them is lost.
pub fn encode_png_grey16(picture: &Grey16) -> Result<Vec<u8>, Grey16Error> {
    let failed = |error: png::EncodingError| Grey16Error { found: error.to_string() };
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, picture.width, picture.height);
    encoder.set_color(ColorType::Grayscale);
    encoder.set_depth(BitDepth::Sixteen);
    encoder.set_compression(png::Compression::Fast);
    let numbers: Vec<u8> = picture.data.iter().flat_map(|number| number.to_be_bytes()).collect();
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(&numbers).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(bytes)
}

/// What a picture's pixels are, in words.
const fn name_of(color: ColorType) -> &'static str {
    match color {
        ColorType::Grayscale => "grey",
        ColorType::GrayscaleAlpha => "grey and transparency",
        ColorType::Rgb => "colour",
        ColorType::Rgba => "colour and transparency",
        ColorType::Indexed => "colours by number",
    }
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

    fn coded(color: ColorType, depth: BitDepth, pixels: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = Encoder::new(&mut bytes, 2, 1);
        encoder.set_color(color);
        encoder.set_depth(depth);
        let mut writer = encoder.write_header().expect("a head");
        writer.write_image_data(pixels).expect("pixels");
        writer.finish().expect("an end");
        bytes
    }

    #[test]
    fn sixteen_bits_of_grey_keep_their_numbers() {
        let picture = Grey16 { width: 2, height: 1, data: vec![7 * 256 + 200, 65_534] };
        assert_eq!(
            decode_png_grey16(&encode_png_grey16(&picture).expect("bytes")).expect("a picture"),
            picture
        );
        let depths = coded(ColorType::Grayscale, BitDepth::Sixteen, &[7, 200, 255, 254]);
        let grey = decode_png_grey16(&depths).expect("a picture");
        assert_eq!(grey, picture);
        for (bytes, found) in [
            (coded(ColorType::Grayscale, BitDepth::Eight, &[7, 200]), "found 8 bits of grey"),
            (coded(ColorType::Rgb, BitDepth::Sixteen, &[0; 12]), "found 16 bits of colour"),
        ] {
            let error = decode_png_grey16(&bytes).expect_err("no depths").to_string();
            assert!(error.ends_with(found), "{error}");
        }
        assert!(decode_png_grey16(&depths[..depths.len() - 20]).is_err());
        assert!(decode_png_grey16(b"\xff\xd8\xff\xe0").is_err());
    }

    #[test]
    fn grey_becomes_colour_and_depths_are_refused() {
        for (depth, pixels) in [(BitDepth::Eight, vec![7, 200]), (BitDepth::Sixteen, vec![7, 200, 1, 2])] {
            let bytes = coded(ColorType::Grayscale, depth, &pixels);
            match decode_png(&bytes) {
                Ok(picture) => assert_eq!(picture.data(), [7, 7, 7, 200, 200, 200]),
                Err(error) => {
                    assert!(depth == BitDepth::Sixteen && error.to_string().contains("16 bits"), "{error}");
                }
            }
        }
    }
}
