//! Pictures of recordings, compressed or raw, as RGB, and the files that they lie in.

use super::value::{Path, Value};
use etude_video::{RgbImage, decode_jpeg, decode_png, decode_png_grey16, is_png};
use std::fs::File;
use std::io::Read;
use std::path::{Component, Path as FilePath};

/// The longest side that is read, pixels.
pub(crate) const MAX_SIDE_PX: u32 = 3840;
/// The largest file with a picture that is read, bytes.
const MAX_FILE_BYTES: u64 = 16 << 20;
/// What may stand beside the bytes of a raw picture, in this order.
const BESIDE: [&str; 5] = ["height", "width", "channels", "encoding", "step"];

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
        BESIDE.iter().filter_map(|side| format!("{front}{side}").parse().ok()).collect()
    }

    /// A message's picture.
    pub(crate) fn decode(self, data: &Path, message: &Value) -> Result<RgbImage, String> {
        let Some(Value::Bytes(bytes)) = data.value(message) else {
            return Err(format!("it has no bytes in {data}"));
        };
        match self {
            Self::Jpeg => decode_jpeg(bytes).map_err(|error| error.to_string()),
            Self::Png => decode_png(bytes).map_err(|error| error.to_string()),
            Self::Rgb8 | Self::Bgr8 => self.raw(data, bytes, message),
        }
    }

    /// A raw picture: HDF5 says how many channels it has, ROS which colours and how many bytes a row takes.
    fn raw(self, data: &Path, bytes: &[u8], message: &Value) -> Result<RgbImage, String> {
        let paths = self.beside(data);
        let beside: Vec<Option<&Value>> = paths.iter().map(|path| path.value(message)).collect();
        let [height, width, channels, encoding, step] = beside[..] else {
            return Err(format!("nothing can stand beside {data}"));
        };
        let side = |value: Option<&Value>| match value {
            Some(Value::Int(side)) => u32::try_from(*side).ok().filter(|side| *side <= MAX_SIDE_PX),
            _ => None,
        };
        let (Some(height), Some(width), None | Some(Value::Int(3))) = (side(height), side(width), channels)
        else {
            let found = [side(height), side(width), side(channels)];
            return Err(format!("expected height, width and 3 channels beside {data}, found {found:?}"));
        };
        let wanted = if self == Self::Bgr8 { "bgr8" } else { "rgb8" };
        if let Some(found) = encoding.and_then(Value::text).filter(|found| *found != wanted) {
            return Err(format!("expected a picture in {wanted}, found `{found}`"));
        }
        let (row, stated) = (width as usize * 3, step.and_then(whole));
        let mut pixels = match stated.filter(|step| *step > row) {
            // Rows may be longer than their pixels.
            Some(step) => {
                bytes.chunks(step).filter_map(|bytes| bytes.get(..row)).flatten().copied().collect()
            }
            None => bytes.to_vec(),
        };
        if self == Self::Bgr8 {
            pixels.chunks_exact_mut(3).for_each(|pixel| pixel.swap(0, 2));
        }
        RgbImage::new(width, height, pixels).map_err(|error| error.to_string())
    }
}

/// A picture's bytes. A path that leads out of the folder is refused.
pub(crate) fn read_file(folder: &FilePath, path: &str) -> Result<Vec<u8>, String> {
    let relative = FilePath::new(path);
    if relative.components().any(|part| !matches!(part, Component::Normal(_) | Component::CurDir)) {
        return Err(format!("`{path}` leads out of the episode's folder"));
    }
    let failed = |error: std::io::Error| format!("{path}: {error}");
    let file = File::open(folder.join(relative)).map_err(failed)?;
    let length = file.metadata().map_err(failed)?.len();
    if length > MAX_FILE_BYTES {
        return Err(format!("{path}: expected at most {MAX_FILE_BYTES} bytes, found {length}"));
    }
    let mut bytes = Vec::new();
    file.take(MAX_FILE_BYTES).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

/// What a picture's bytes say of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PictureSeen {
    /// Its format as mappings name it.
    pub(crate) format: &'static str,
    /// Whether it is one of 16 bits of grey, as pictures of distances are.
    pub(crate) is_depth: bool,
    /// What was seen, for people.
    pub(crate) about: String,
}

impl PictureSeen {
    /// Looks at bytes; `None` where they do not begin as a picture does.
    pub(crate) fn of(bytes: &[u8]) -> Option<Self> {
        if bytes.starts_with(b"\xff\xd8\xff") {
            return Some(Self { format: "jpeg", is_depth: false, about: "JPEG".to_owned() });
        }
        let (format, bytes) = match bytes.get(12..).filter(|rest| is_png(rest)) {
            Some(rest) => ("compressedDepth", rest),
            None if is_png(bytes) => ("png", bytes),
            None => return None,
        };
        let Ok(grey) = decode_png_grey16(bytes) else {
            return (format == "png").then(|| Self { format, is_depth: false, about: "PNG".to_owned() });
        };
        let (low, high) = (grey.data.iter().min(), grey.data.iter().max());
        let (low, high) = (low.copied().unwrap_or(0), high.copied().unwrap_or(0));
        let zeros = grey.data.iter().filter(|value| **value == 0).count() * 100 / grey.data.len().max(1);
        let about = format!(
            "PNG of {} x {} pixels, 16 bits of grey; the first: {low}..{high}, {zeros} % are 0",
            grey.width, grey.height
        );
        Some(Self { format, is_depth: true, about })
    }
}

/// A whole number that counts something.
pub(crate) fn whole(value: &Value) -> Option<usize> {
    match value {
        Value::Int(value) => usize::try_from(*value).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn raw_pictures_give_their_pixels() {
        let pixels = [1, 2, 3, 4, 5, 6];
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

    #[test]
    fn pictures_of_ros_say_their_colours_and_the_length_of_a_row() {
        let part = |name: &str, value| (Arc::from(name), value);
        let picture = |encoding: &str| {
            Value::Struct(vec![
                part("height", Value::Int(2)),
                part("width", Value::Int(1)),
                part("encoding", Value::Text(encoding.to_owned())),
                part("step", Value::Int(4)),
                part("data", Value::Bytes(vec![1, 2, 3, 0, 4, 5, 6, 0])),
            ])
        };
        let path: Path = "data".parse().expect("a path");
        assert_eq!(
            PictureFormat::Rgb8.decode(&path, &picture("rgb8")).expect("a picture").data(),
            [1, 2, 3, 4, 5, 6]
        );
        let error = PictureFormat::Rgb8.decode(&path, &picture("bgr8")).expect_err("other colours");
        assert_eq!(error, "expected a picture in rgb8, found `bgr8`");
    }
}
