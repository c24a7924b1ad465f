//! Parameter sets outside of the frames: the `avcC`, `hvcC` and `av1C` boxes of MP4 (ISO/IEC 14496-15, AV1-ISOBMFF).

use crate::annexb::{h264_type, nal_units, to_annexb};
use crate::sps::{self, has_chroma_fields};

/// Parameter sets are missing or damaged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {problem}")]
pub struct ParameterSetError {
    /// Which structure was read or wanted, such as `avcC`.
    pub what: &'static str,
    /// What is wrong with it.
    pub problem: &'static str,
}

/// The parameter sets of an H.264 stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AvcConfig {
    /// Bytes of the length before each NAL unit of a sample: 1, 2 or 4.
    pub length_size: usize,
    /// Sequence parameter sets, each a NAL unit.
    pub sps: Vec<Vec<u8>>,
    /// Picture parameter sets, each a NAL unit.
    pub pps: Vec<Vec<u8>>,
}

const AVCC: &str = "avcC";
const HVCC: &str = "hvcC";

impl AvcConfig {
    /// Reads an `avcC` box.
    pub fn parse(data: &[u8]) -> Result<Self, ParameterSetError> {
        let fail = |problem| ParameterSetError { what: AVCC, problem };
        let &[1, _, _, _, lengths, ..] = data else { return Err(fail("not version 1")) };
        let mut rest = Cursor { data, at: 5 };
        let cut = || fail("cut off");
        let sps_count = rest.byte().ok_or_else(cut)? & 0x1f;
        let sps = rest.sets(usize::from(sps_count)).ok_or_else(cut)?;
        let pps_count = rest.byte().ok_or_else(cut)?;
        let pps = rest.sets(usize::from(pps_count)).ok_or_else(cut)?;
        Ok(Self { length_size: usize::from(lengths & 3) + 1, sps, pps })
    }

    /// Collects the sets from the NAL units of an Annex B stream, usually a key unit.
    pub fn from_annexb(data: &[u8]) -> Result<Self, ParameterSetError> {
        let of_type = |kind| -> Vec<Vec<u8>> {
            nal_units(data).filter(|nal| h264_type(nal) == kind).map(<[u8]>::to_vec).collect()
        };
        let config = Self { length_size: 4, sps: of_type(7), pps: of_type(8) };
        if config.sps.is_empty() || config.pps.is_empty() {
            return Err(ParameterSetError { what: "H.264 key unit", problem: "it holds no SPS or no PPS" });
        }
        Ok(config)
    }

    /// The `avcC` box of these sets, for samples with 32-bit lengths.
    pub fn to_avcc(&self) -> Result<Vec<u8>, ParameterSetError> {
        let fail = |problem| ParameterSetError { what: AVCC, problem };
        let first = self.sps.first().ok_or_else(|| fail("no SPS"))?;
        let info = sps::parse(first).ok_or_else(|| fail("SPS is damaged"))?;
        let count = u8::try_from(self.sps.len()).ok().filter(|count| *count < 32);
        let mut out = vec![1, info.profile, info.constraints, info.level, 0xff];
        out.push(0xe0 | count.ok_or_else(|| fail("more than 31 SPS"))?);
        let push = |out: &mut Vec<u8>, set: &[u8]| {
            let length = u16::try_from(set.len()).map_err(|_| fail("set longer than 65535 bytes"))?;
            out.extend_from_slice(&length.to_be_bytes());
            out.extend_from_slice(set);
            Ok(())
        };
        self.sps.iter().try_for_each(|set| push(&mut out, set))?;
        out.push(u8::try_from(self.pps.len()).map_err(|_| fail("more than 255 PPS"))?);
        self.pps.iter().try_for_each(|set| push(&mut out, set))?;
        if has_chroma_fields(info.profile) {
            out.push(0xfc | info.chroma_format);
            out.push(0xf8 | (info.bit_depth_luma - 8));
            out.push(0xf8 | (info.bit_depth_chroma - 8));
            out.push(0);
        }
        Ok(out)
    }

    /// All sets as an Annex B stream, sequence sets first.
    pub fn to_annexb(&self) -> Vec<u8> {
        to_annexb(self.sps.iter().chain(&self.pps).map(Vec::as_slice))
    }

    /// Whether `nal` is one of these sets, byte for byte.
    pub fn contains(&self, nal: &[u8]) -> bool {
        self.sps.iter().chain(&self.pps).any(|set| set == nal)
    }
}

/// The parameter sets of an H.265 stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HevcConfig {
    /// Bytes of the length before each NAL unit of a sample: 1, 2 or 4.
    pub length_size: usize,
    /// Video, sequence and picture parameter sets, each a NAL unit, in the order of the box.
    pub sets: Vec<Vec<u8>>,
}

impl HevcConfig {
    /// Reads an `hvcC` box.
    pub fn parse(data: &[u8]) -> Result<Self, ParameterSetError> {
        let cut = || ParameterSetError { what: HVCC, problem: "cut off" };
        let lengths = data.get(21).ok_or_else(cut)?;
        let mut rest = Cursor { data, at: 22 };
        let arrays = rest.byte().ok_or_else(cut)?;
        let mut sets = Vec::new();
        for _ in 0..arrays {
            let kind = rest.byte().ok_or_else(cut)? & 0x3f;
            let count = rest.number().ok_or_else(cut)?;
            let array = rest.sets(count).ok_or_else(cut)?;
            if (32..=34).contains(&kind) {
                sets.extend(array);
            }
        }
        Ok(Self { length_size: usize::from(lengths & 3) + 1, sets })
    }

    /// All sets as an Annex B stream.
    pub fn to_annexb(&self) -> Vec<u8> {
        to_annexb(self.sets.iter().map(Vec::as_slice))
    }
}

/// The open bitstream units that an `av1C` box carries: the sequence header, if any.
pub fn av1_config_units(av1c: &[u8]) -> Result<&[u8], ParameterSetError> {
    match av1c {
        [0x81, _, _, _, units @ ..] => Ok(units),
        _ => Err(ParameterSetError { what: "av1C", problem: "not version 1" }),
    }
}

struct Cursor<'a> {
    data: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn byte(&mut self) -> Option<u8> {
        let byte = *self.data.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn number(&mut self) -> Option<usize> {
        Some(usize::from(self.byte()?) << 8 | usize::from(self.byte()?))
    }

    fn sized(&mut self) -> Option<&'a [u8]> {
        let length = self.number()?;
        let bytes = self.data.get(self.at..self.at + length)?;
        self.at += length;
        Some(bytes)
    }

    fn sets(&mut self, count: usize) -> Option<Vec<Vec<u8>>> {
        (0..count).map(|_| self.sized().map(<[u8]>::to_vec)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn avcc_is_read() {
        let data = [1, 66, 0xc0, 30, 0xff, 0xe1, 0, 2, 0x67, 66, 1, 0, 1, 0x68];
        let config = AvcConfig::parse(&data).expect("sound");
        assert_eq!(config.length_size, 4);
        assert_eq!(config.to_annexb(), [0, 0, 0, 1, 0x67, 66, 0, 0, 0, 1, 0x68]);
        assert!(config.contains(&[0x68]) && !config.contains(&[0x69]));
        for end in 0..data.len() {
            assert!(AvcConfig::parse(&data[..end]).is_err(), "{end} bytes");
        }
    }

    #[test]
    fn hvcc_is_read() {
        let mut data = vec![1; 21];
        data.extend([3, 1, 0x20, 0, 1, 0, 2, 0x40, 1]);
        let config = HevcConfig::parse(&data).expect("sound");
        assert_eq!((config.length_size, config.sets), (4, vec![vec![0x40, 1]]));
        for end in 0..data.len() {
            assert!(HevcConfig::parse(&data[..end]).is_err(), "{end} bytes");
        }
    }

    #[test]
    fn av1c_is_read() {
        assert_eq!(av1_config_units(&[0x81, 4, 0x0c, 0, 0x0a, 1, 7]), Ok(&[0x0a, 1, 7][..]));
        assert!(av1_config_units(&[0x0a]).is_err());
    }
}
