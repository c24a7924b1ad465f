//! Pictures of distances: coded or raw, in a unit that the mapping states, as whole millimetres of 16 bits.

use super::picture::{MAX_SIDE_PX, whole};
use super::value::{Path, Value};
use etude_model::sample::DepthImage;
use etude_video::decode_png_grey16;

/// What may stand beside the bytes of a picture, in this order.
const BESIDE: [&str; 7] = ["height", "width", "channels", "encoding", "step", "is_bigendian", "format"];
/// What ROS puts before a picture that `compressedDepth` coded: a word, and the two numbers that scale inverse distances.
const COMPRESSED_HEAD_BYTES: usize = 12;

/// How distances are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DepthFormat {
    /// PNG of 16 bits of grey.
    Png,
    /// What ROS's `compressedDepth` makes: PNG behind 12 bytes.
    Compressed,
    /// Whole numbers of 16 bits, row by row; `height` and `width` stand beside the bytes.
    Whole,
    /// Numbers of 32 bits and floating point, likewise.
    Float,
    /// Rows of numbers of any kind, as arrays hold them.
    Numbers,
}

impl DepthFormat {
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        match name {
            "png" => Some(Self::Png),
            "compressedDepth" => Some(Self::Compressed),
            "16UC1" | "mono16" => Some(Self::Whole),
            "32FC1" => Some(Self::Float),
            "numbers" => Some(Self::Numbers),
            _ => None,
        }
    }

    /// Whether a message's value is of the kind that the format needs.
    pub(crate) fn fits(self, value: &Value) -> bool {
        match self {
            Self::Numbers => matches!(value, Value::List(_)),
            _ => matches!(value, Value::Bytes(_)),
        }
    }
}

/// Where a stream's distances are, and what its numbers stand for.
#[derive(Clone, Debug)]
pub(crate) struct Depths {
    pub(crate) data: Path,
    pub(crate) format: DepthFormat,
    /// Millimetres of one unit.
    pub(crate) unit_mm: f64,
}

/// What became of a picture's numbers that are no whole millimetres of 16 bits; counts are pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct DepthOdd {
    /// Rounded to whole millimetres.
    pub(crate) rounded: u64,
    /// The furthest that one was moved, mm.
    pub(crate) most_mm: f64,
    /// No distance: NaN, infinite or negative.
    pub(crate) unmeasured: u64,
    /// Distances that 16 bits of mm have no place for.
    pub(crate) beyond: u64,
}

impl DepthOdd {
    /// Adds those of another picture.
    pub(crate) fn add(&mut self, other: Self) {
        self.rounded += other.rounded;
        self.most_mm = self.most_mm.max(other.most_mm);
        self.unmeasured += other.unmeasured;
        self.beyond += other.beyond;
    }

    /// A distance in mm, 0 where it is not measured.
    fn mm(&mut self, distance_mm: f64) -> u16 {
        if distance_mm == 0.0 {
            return 0;
        }
        if !distance_mm.is_finite() || distance_mm < 0.0 {
            self.unmeasured += 1;
            return 0;
        }
        let near = distance_mm.round();
        if !(1.0..=f64::from(u16::MAX)).contains(&near) {
            self.beyond += 1;
            return 0;
        }
        let moved_mm = (distance_mm - near).abs();
        // A distance in metres of 32 bits is as near to its millimetre as such a number can be.
        if moved_mm > distance_mm * f64::from(f32::EPSILON) / 2.0 {
            self.rounded += 1;
            self.most_mm = self.most_mm.max(moved_mm);
        }
        near as u16
    }
}

/// The numbers of a picture, row by row.
struct Picture {
    width: u32,
    height: u32,
    numbers: Vec<f64>,
}

impl Depths {
    /// The fields that it reads.
    pub(crate) fn paths(&self) -> Vec<Path> {
        let mut paths = vec![self.data.clone()];
        let beside: &[&str] = match self.format {
            DepthFormat::Png | DepthFormat::Numbers => &[],
            DepthFormat::Compressed => &BESIDE[6..],
            DepthFormat::Whole | DepthFormat::Float => &BESIDE[..6],
        };
        paths.extend(beside.iter().filter_map(|name| beside_of(&self.data, name)));
        paths
    }

    /// A message's picture.
    pub(crate) fn decode(&self, message: &Value) -> Result<(DepthImage, DepthOdd), String> {
        let value = self.data.value(message).filter(|value| self.format.fits(value));
        let value = value.ok_or_else(|| format!("it has no picture in {}", self.data))?;
        let picture = match (self.format, value) {
            (DepthFormat::Png, Value::Bytes(bytes)) => coded(bytes)?,
            (DepthFormat::Compressed, Value::Bytes(bytes)) => self.compressed(bytes, message)?,
            (DepthFormat::Numbers, Value::List(rows)) => listed(rows)?,
            (_, Value::Bytes(bytes)) => self.raw(bytes, message)?,
            _ => return Err(format!("it has no picture in {}", self.data)),
        };
        let mut odd = DepthOdd::default();
        let depth_mm = picture.numbers.iter().map(|number| odd.mm(number * self.unit_mm)).collect();
        Ok((DepthImage { width: picture.width, height: picture.height, depth_mm }, odd))
    }

    fn beside<'v>(&self, name: &str, message: &'v Value) -> Option<&'v Value> {
        beside_of(&self.data, name)?.value(message)
    }

    /// What ROS calls `compressedDepth`. Numbers of floating point are stored as inverse distances, `a / (number - b)`.
    fn compressed(&self, bytes: &[u8], message: &Value) -> Result<Picture, String> {
        let Some((head, rest)) = bytes.split_first_chunk::<COMPRESSED_HEAD_BYTES>() else {
            return Err(format!("expected {COMPRESSED_HEAD_BYTES} bytes before a picture, found fewer"));
        };
        let mut picture = coded(rest)?;
        let format = self.beside("format", message).and_then(Value::text).unwrap_or_default();
        if format.starts_with("32FC1") {
            let scales = head.as_chunks::<4>().0.iter().map(|bytes| f64::from(f32::from_le_bytes(*bytes)));
            let [a, b] = scales.skip(1).collect::<Vec<_>>()[..] else {
                return Err("expected two numbers that scale inverse distances".to_owned());
            };
            let distance = |number: &f64| if *number == 0.0 { 0.0 } else { a / (number - b) };
            picture.numbers = picture.numbers.iter().map(distance).collect();
        } else if !format.is_empty() && !format.starts_with("16UC1") && !format.starts_with("mono16") {
            return Err(format!("expected distances in 16UC1 or 32FC1, found `{format}`"));
        }
        Ok(picture)
    }

    /// A raw picture: HDF5 says how many channels it has, ROS its encoding, the order of its bytes and those of a row.
    fn raw(&self, bytes: &[u8], message: &Value) -> Result<Picture, String> {
        let side = |name| match self.beside(name, message) {
            Some(Value::Int(side)) => u32::try_from(*side).ok().filter(|side| *side <= MAX_SIDE_PX),
            _ => None,
        };
        let channels = self.beside("channels", message);
        let (Some(height), Some(width), None | Some(Value::Int(1))) =
            (side("height"), side("width"), channels)
        else {
            let found = [side("height"), side("width"), side("channels")];
            return Err(format!(
                "expected height, width and 1 channel beside {}, found {found:?}",
                self.data
            ));
        };
        if let Some(found) = self.beside("encoding", message).and_then(Value::text)
            && DepthFormat::from_name(found) != Some(self.format)
        {
            let wanted = if self.format == DepthFormat::Float { "32FC1" } else { "16UC1" };
            return Err(format!("expected distances in {wanted}, found `{found}`"));
        }
        let is_big = matches!(self.beside("is_bigendian", message), Some(Value::Int(1) | Value::Bool(true)));
        let item = if self.format == DepthFormat::Float { 4 } else { 2 };
        let row = width as usize * item;
        let step = self.beside("step", message).and_then(whole).filter(|step| *step > row).unwrap_or(row);
        let mut numbers = Vec::with_capacity((bytes.len() / item).min(width as usize * height as usize));
        for row in bytes.chunks(step.max(1)).filter_map(|bytes| bytes.get(..row)).take(height as usize) {
            if self.format == DepthFormat::Float {
                let of = if is_big { f32::from_be_bytes } else { f32::from_le_bytes };
                numbers.extend(row.as_chunks().0.iter().map(|bytes| f64::from(of(*bytes))));
            } else {
                let of = if is_big { u16::from_be_bytes } else { u16::from_le_bytes };
                numbers.extend(row.as_chunks().0.iter().map(|bytes| f64::from(of(*bytes))));
            }
        }
        sized(width, height, numbers)
    }
}

/// The path to what stands beside a picture's bytes.
fn beside_of(data: &Path, name: &str) -> Option<Path> {
    let front = data.text().rsplit_once('.').map_or(String::new(), |(front, _)| format!("{front}."));
    format!("{front}{name}").parse().ok()
}

fn coded(bytes: &[u8]) -> Result<Picture, String> {
    if bytes.starts_with(b"\xff\xd8\xff") {
        return Err(
            "expected a PNG picture of 16 bits, found a JPEG picture: its 8 bits are no measure of distance"
                .to_owned(),
        );
    }
    let grey = decode_png_grey16(bytes).map_err(|error| error.to_string())?;
    sized(grey.width, grey.height, grey.data.into_iter().map(f64::from).collect())
}

/// Rows of numbers; an axis of one behind them is none.
fn listed(rows: &[Value]) -> Result<Picture, String> {
    let mut numbers = Vec::new();
    let mut width = None;
    for row in rows {
        let before = numbers.len();
        match row {
            Value::Numbers(row) => numbers.extend_from_slice(row),
            Value::List(pixels) => {
                for pixel in pixels {
                    match pixel {
                        Value::Numbers(one) if one.len() == 1 => numbers.extend_from_slice(one),
                        Value::Float(one) => numbers.push(*one),
                        Value::Int(one) => numbers.push(*one as f64),
                        other => {
                            return Err(format!("expected one number a pixel, found {}", other.kind()));
                        }
                    }
                }
            }
            other => return Err(format!("expected rows of numbers, found {}", other.kind())),
        }
        let found = numbers.len() - before;
        if *width.get_or_insert(found) != found {
            return Err(format!("expected rows of one length, found {found} numbers in one"));
        }
    }
    let side = |length: usize| u32::try_from(length).ok().filter(|side| *side <= MAX_SIDE_PX);
    match (side(width.unwrap_or(0)), side(rows.len())) {
        (Some(width), Some(height)) => sized(width, height, numbers),
        _ => Err(format!("expected a picture of at most {MAX_SIDE_PX} pixels a side, found a larger one")),
    }
}

fn sized(width: u32, height: u32, numbers: Vec<f64>) -> Result<Picture, String> {
    let expected = width as usize * height as usize;
    if numbers.len() != expected || expected == 0 {
        return Err(format!("expected {width} x {height} distances, found {}", numbers.len()));
    }
    Ok(Picture { width, height, numbers })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::sync::Arc;

    fn depths(format: DepthFormat, unit_mm: f64) -> Depths {
        Depths { data: "data".parse().expect("a path"), format, unit_mm }
    }

    /// A picture of two rows, with four bytes behind each where it is padded.
    fn picture(encoding: &str, bytes: Vec<u8>, step: i64, is_big: bool) -> Value {
        let part = |name: &str, value| (Arc::from(name), value);
        Value::Struct(vec![
            part("height", Value::Int(2)),
            part("width", Value::Int(2)),
            part("encoding", Value::Text(encoding.to_owned())),
            part("is_bigendian", Value::Int(is_big.into())),
            part("step", Value::Int(step)),
            part("data", Value::Bytes(bytes)),
        ])
    }

    #[test]
    fn numbers_of_sixteen_bits_keep_their_order_of_bytes_and_rows() {
        let depths = depths(DepthFormat::Whole, 1.0);
        for is_big in [false, true] {
            let of = |value: u16| if is_big { value.to_be_bytes() } else { value.to_le_bytes() };
            let rows = [[1, 258], [0, 65_535]].map(|row| [&row.map(of).concat()[..], &[9; 4]].concat());
            let (image, odd) =
                depths.decode(&picture("mono16", rows.concat(), 8, is_big)).expect("a picture");
            assert_eq!((image.width, image.height, &image.depth_mm[..]), (2, 2, &[1, 258, 0, 65_535][..]));
            assert_eq!(odd, DepthOdd::default());
        }
        let error = depths.decode(&picture("32FC1", vec![0; 8], 4, false)).expect_err("other numbers");
        assert_eq!(error, "expected distances in 16UC1, found `32FC1`");
        let error = depths.decode(&picture("16UC1", vec![0; 6], 4, false)).expect_err("too few");
        assert_eq!(error, "expected 2 x 2 distances, found 2");
    }

    #[test]
    fn metres_become_millimetres_and_what_is_lost_is_counted() {
        let depths = depths(DepthFormat::Float, 1000.0);
        let bytes = |row: [f32; 4]| row.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<_>>();
        let decode = |row| depths.decode(&picture("32FC1", bytes(row), 8, false)).expect("a picture");
        let (image, odd) = decode([1.234, 0.001, 0.0, 65.535]);
        assert_eq!((&image.depth_mm[..], odd), (&[1234, 1, 0, 65_535][..], DepthOdd::default()));
        let (image, odd) = decode([1.2344, f32::NAN, -1.0, 65.6]);
        assert_eq!(image.depth_mm[..], [1234, 0, 0, 0]);
        assert_eq!((odd.rounded, odd.unmeasured, odd.beyond), (1, 2, 1));
        assert!((odd.most_mm - 0.4).abs() < 1e-3, "{odd:?}");
        let (image, odd) = decode([0.0004, 0.5, 0.5, f32::INFINITY]);
        assert_eq!((image.depth_mm[..].to_vec(), odd.unmeasured, odd.beyond), (vec![0, 500, 500, 0], 1, 1));
    }

    #[test]
    fn rows_of_numbers_are_a_picture() {
        let row = |numbers: &[f64]| Value::Numbers(numbers.to_vec());
        let of = |rows: Vec<Value>| {
            depths(DepthFormat::Numbers, 1.0)
                .decode(&Value::Struct(vec![(Arc::from("data"), Value::List(rows))]))
        };
        assert_eq!(of(vec![row(&[1.0, 2.0])]).expect("a picture").0.depth_mm[..], [1, 2]);
        let pixels = Value::List(vec![row(&[3.0]), row(&[4.0])]);
        assert_eq!(of(vec![pixels]).expect("a picture").0.depth_mm[..], [3, 4]);
        assert!(of(vec![row(&[1.0]), row(&[1.0, 2.0])]).is_err());
        assert!(of(vec![Value::List(vec![row(&[1.0, 2.0, 3.0])])]).is_err());
        assert!(of(Vec::new()).is_err());
    }

    /// What ROS's transport does to distances in metres: inverse, and in whole steps of `1 / a`.
    #[test]
    fn inverse_distances_are_turned_back() {
        let (a, b) = (10_000.0f32, -100.0f32);
        let grey = etude_video::Grey16 { width: 2, height: 2, data: vec![0, 4900, 9900, 1900] };
        let mut bytes = [[0; 4], a.to_le_bytes(), b.to_le_bytes()].concat();
        bytes.extend(etude_video::encode_png_grey16(&grey).expect("a picture"));
        let message = |format: &str, bytes: &[u8]| {
            let part = |name: &str, value| (Arc::from(name), value);
            let format = part("format", Value::Text(format.to_owned()));
            Value::Struct(vec![format, part("data", Value::Bytes(bytes.to_vec()))])
        };
        let depths = depths(DepthFormat::Compressed, 1000.0);
        let decode = |format: &str, bytes: &[u8]| depths.decode(&message(format, bytes));
        let (image, odd) = decode("32FC1; compressedDepth png", &bytes).expect("a picture");
        assert_eq!((&image.depth_mm[..], odd), (&[0, 2000, 1000, 5000][..], DepthOdd::default()));
        assert!(decode("32FC1; compressedDepth rvl", &bytes[..20]).is_err());
        assert!(decode("8UC3; compressedDepth", &bytes).expect_err("colours").contains("found `8UC3"));
        assert!(decode("", &bytes[..11]).expect_err("no head").contains("expected 12 bytes"));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn any_bytes_are_a_picture_or_an_error(
            bytes in prop::collection::vec(any::<u8>(), 0..200),
            (height, width, step) in (-1i64..5000, -1i64..5000, -1i64..300),
            format in 0usize..5, unit_mm in prop::sample::select(vec![1.0, 1000.0, 1e-300, 1e300]), is_big: bool
        ) {
            use DepthFormat::{Compressed, Float, Numbers, Png, Whole};
            let format = [Png, Compressed, Whole, Float, Numbers][format];
            let part = |name: &str, value| (Arc::from(name), value);
            let message = Value::Struct(vec![
                part("height", Value::Int(height % 20)),
                part("width", Value::Int(if height > 4000 { width } else { width % 20 })),
                part("step", Value::Int(step)),
                part("is_bigendian", Value::Bool(is_big)),
                part("data", Value::Bytes(bytes)),
            ]);
            if let Ok((image, _)) = depths(format, unit_mm).decode(&message) {
                prop_assert_eq!(image.depth_mm.len(), image.width as usize * image.height as usize);
            }
        }
    }

    #[test]
    fn a_jpeg_picture_is_no_measure_of_distance() {
        let message =
            Value::Struct(vec![(Arc::from("data"), Value::Bytes(b"\xff\xd8\xff\xe0 and so on".to_vec()))]);
        let error = depths(DepthFormat::Png, 1.0).decode(&message).expect_err("no distances");
        assert!(error.contains("found a JPEG picture"), "{error}");
    }
}
