//! The coded bytes of one frame, its codec, and the rate at which frames follow one another.

use std::fmt;
use std::str::FromStr;

/// A video codec that Etude carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Codec {
    /// H.264 (AVC), ITU-T H.264.
    H264,
    /// H.265 (HEVC), ITU-T H.265.
    H265,
    /// AV1, AOM bitstream specification 1.0.
    Av1,
    /// VP9, bitstream specification 0.6.
    Vp9,
}

impl Codec {
    /// Every codec, in the order of their age in this field.
    pub const ALL: [Self; 4] = [Self::H264, Self::H265, Self::Av1, Self::Vp9];

    /// The name in `foxglove.CompressedVideo.format`.
    pub fn foxglove_name(self) -> &'static str {
        match self {
            Self::H264 => "h264",
            Self::H265 => "h265",
            Self::Av1 => "av1",
            Self::Vp9 => "vp9",
        }
    }

    /// The codec of a `foxglove.CompressedVideo.format`, if it is one of ours.
    pub fn from_foxglove_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|codec| codec.foxglove_name() == name)
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.foxglove_name())
    }
}

/// The coded bytes of exactly one frame.
///
/// | codec | `data` |
/// |---|---|
/// | H.264, H.265 | Annex B byte stream; a key unit holds its parameter sets |
/// | AV1 | low-overhead OBUs of one temporal unit; a key unit holds its sequence header |
/// | VP9 | one frame or superframe |
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessUnit {
    /// Coded bytes in the form of the table above.
    pub data: Vec<u8>,
    /// True where decoding can begin: nothing after this unit refers to anything before it.
    pub is_key: bool,
    /// How `data` is coded.
    pub codec: Codec,
}

/// Frames per second as an exact fraction, in lowest terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FrameRate {
    num: u32,
    den: u32,
}

impl FrameRate {
    /// `num / den` frames per second; `None` unless both are above zero.
    pub fn new(num: u32, den: u32) -> Option<Self> {
        if num == 0 || den == 0 {
            return None;
        }
        let divisor = greatest_common_divisor(num, den);
        Some(Self { num: num / divisor, den: den / divisor })
    }

    /// A whole number of frames per second; `None` for zero.
    pub fn from_hz(hz: u32) -> Option<Self> {
        Self::new(hz, 1)
    }

    /// Frames in `den` seconds.
    pub fn num(self) -> u32 {
        self.num
    }

    /// Seconds in which `num` frames pass.
    pub fn den(self) -> u32 {
        self.den
    }

    /// Frames per second.
    pub fn hz(self) -> f64 {
        f64::from(self.num) / f64::from(self.den)
    }

    /// Time of frame `index` after frame 0, in seconds.
    pub fn frame_time_s(self, index: u64) -> f64 {
        index as f64 * f64::from(self.den) / f64::from(self.num)
    }
}

impl fmt::Display for FrameRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.num, self.den)
    }
}

impl FromStr for FrameRate {
    type Err = String;

    /// Reads `30` or `30000/1001`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (num, den) = text.split_once('/').unwrap_or((text, "1"));
        let fraction = num.trim().parse().ok().zip(den.trim().parse().ok());
        fraction
            .and_then(|(num, den)| Self::new(num, den))
            .ok_or_else(|| format!("expected a frame rate such as 30 or 30000/1001, found {text:?}"))
    }
}

fn greatest_common_divisor(mut a: u32, mut b: u32) -> u32 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codec_names_go_there_and_back() {
        for codec in Codec::ALL {
            assert_eq!(Codec::from_foxglove_name(codec.foxglove_name()), Some(codec));
        }
        assert_eq!(Codec::from_foxglove_name("mjpeg"), None);
    }

    #[test]
    fn frame_rates_are_exact() {
        assert_eq!(FrameRate::new(60, 2), FrameRate::from_hz(30));
        assert_eq!(FrameRate::new(30, 0), None);
        assert_eq!("30000/1001".parse(), Ok(FrameRate { num: 30000, den: 1001 }));
        assert_eq!("25".parse(), Ok(FrameRate { num: 25, den: 1 }));
        assert!("fast".parse::<FrameRate>().is_err());
        assert_eq!(FrameRate { num: 50, den: 1 }.frame_time_s(75), 1.5);
    }
}
