//! Pictures of recordings, compressed or raw, as RGB.

use super::value::{Path, Value};
use etude_video::{RgbImage, decode_jpeg};
use std::io::Cursor;

/// The longest side that is read, pixels.
const MAX_SIDE_PX: u32 = 3840;
/// Bytes that decoding a PNG picture may take.
const MAX_PNG_BYTES: usize = 128 << 20;

/// How pictures are stored that are coded anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PictureFormat {
    /// JPEG.
    Jpeg,
    /// PNG of 8 bits.
    Png,
    /// Red, green, blue, a byte each, row by row; `height` and `width` stand beside the bytes.
    Rgb8,
    /// The same with blue first.
    Bgr8,
}

impl PictureFormat {
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        match name {
            "jpeg" => Some(Self::Jpeg),
            "png" => Some(Self::Png),
            "rgb8" => Some(Self::Rgb8),
            "bgr8" => Some(Self::Bgr8),
            _ => None,
        }
    }

    /// The name in mappings, for people.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Jpeg => "JPEG",
            Self::Png => "PNG",
            Self::Rgb8 | Self::Bgr8 => "raw",
        }
    }

    /// The fields beside the bytes that say how large a raw picture is.
    pub(crate) fn beside(self, data: &Path) -> Vec<Path> {
        if matches!(self, Self::Jpeg | Self::Png) {
            return Vec::new();
        }
        let front = data.text().rsplit_once('.').map_or(String::new(), |(front, _)| format!("{front}."));
        ["height", "width", "channels"]
            .iter()
            .filter_map(|side| format!("{front}{side}").parse().ok())
            .collect()
    }

    /// A message's picture.
    pub(crate) fn decode(self, data: &Path, message: &Value) -> Result<RgbImage, String> {
        let Some(Value::Bytes(bytes)) = data.value(message) else {
            return Err(format!("it has no bytes in {data}"));
        };
        match self {
            Self::Jpeg => decode_jpeg(bytes).map_err(|error| error.to_string()),
            Self::Png => png(bytes),
            Self::Rgb8 | Self::Bgr8 => {
                let side = |path: &Path| match path.value(message) {
                    Some(Value::Int(side)) => u32::try_from(*side).ok().filter(|side| *side <= MAX_SIDE_PX),
                    _ => None,
                };
                let sides: Vec<Option<u32>> = self.beside(data).iter().map(side).collect();
                let [Some(height), Some(width), Some(3)] = sides[..] else {
                    return Err(format!(
                        "expected height, width and 3 channels beside {data}, found {sides:?}"
                    ));
                };
                let mut pixels = bytes.clone();
                if self == Self::Bgr8 {
                    pixels.chunks_exact_mut(3).for_each(|pixel| pixel.swap(0, 2));
                }
                RgbImage::new(width, height, pixels).map_err(|error| error.to_string())
            }
        }
    }
}

/// A PNG picture as RGB; one of 16 bits is no picture for people and is refused.
fn png(bytes: &[u8]) -> Result<RgbImage, String> {
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(bytes), png::Limits { bytes: MAX_PNG_BYTES });
    decoder.set_transformations(png::Transformations::EXPAND);
    let mut reader = decoder.read_info().map_err(|error| error.to_string())?;
    let (width, height) = (reader.info().width, reader.info().height);
    let size = reader.output_buffer_size().filter(|size| *size <= MAX_PNG_BYTES);
    let size = size.filter(|_| width <= MAX_SIDE_PX && height <= MAX_SIDE_PX);
    let size =
        size.ok_or_else(|| format!("expected at most {MAX_SIDE_PX} pixels a side, found {width}x{height}"))?;
    let mut pixels = vec![0; size];
    let frame = reader.next_frame(&mut pixels).map_err(|error| error.to_string())?;
    if frame.bit_depth != png::BitDepth::Eight {
        return Err(format!("expected 8 bits a colour, found {:?}", frame.bit_depth));
    }
    pixels.truncate(frame.buffer_size());
    let rgb: Vec<u8> = match frame.color_type {
        png::ColorType::Rgb => pixels,
        png::ColorType::Rgba => {
            pixels.chunks_exact(4).flat_map(|pixel| pixel.iter().take(3).copied()).collect()
        }
        png::ColorType::Grayscale => pixels.iter().flat_map(|grey| [*grey; 3]).collect(),
        png::ColorType::GrayscaleAlpha => {
            pixels.chunks_exact(2).flat_map(|pixel| pixel.first().map_or([0; 3], |grey| [*grey; 3])).collect()
        }
        png::ColorType::Indexed => return Err("expected colours, found a palette".to_owned()),
    };
    RgbImage::new(frame.width, frame.height, rgb).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn coded(depth: png::BitDepth, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut encoder = png::Encoder::new(&mut out, 2, 1);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(depth);
        let mut writer = encoder.write_header().expect("a header");
        writer.write_image_data(bytes).expect("pixels");
        drop(writer);
        out
    }

    #[test]
    fn png_and_raw_pictures_give_their_pixels() {
        let pixels = [1, 2, 3, 4, 5, 6];
        assert_eq!(png(&coded(png::BitDepth::Eight, &pixels)).expect("a picture").data(), pixels);
        assert!(
            png(&coded(png::BitDepth::Sixteen, &[0; 12])).expect_err("16 bits").contains("expected 8 bits")
        );
        assert!(png(&coded(png::BitDepth::Eight, &pixels)[..40]).is_err());
        let part = |name: &str, value| (Arc::from(name), value);
        let picture = |width| {
            let sides = [
                part("height", Value::Int(1)),
                part("width", Value::Int(width)),
                part("channels", Value::Int(3)),
            ];
            let data = part("data", Value::Bytes(pixels.to_vec()));
            Value::Struct([data].into_iter().chain(sides).collect())
        };
        let path: Path = "data".parse().expect("a path");
        let decoded = PictureFormat::Bgr8.decode(&path, &picture(2)).expect("a picture");
        assert_eq!(decoded.data(), [3, 2, 1, 6, 5, 4]);
        assert!(PictureFormat::Rgb8.decode(&path, &picture(3)).is_err());
    }
}
