//! The Annex B byte stream of H.264 and H.265: split it, look into it, convert it to and from the form inside MP4.
//!
//! All conversions are exact: NAL units are moved, never changed. Start codes are written with four bytes.

use crate::bits::BitReader;
use crate::sps::{self, SpsInfo};
use crate::unit::{AccessUnit, Codec};

/// What a start code looks like when we write one.
pub const START_CODE: [u8; 4] = [0, 0, 0, 1];

/// Bytes that claim to be one H.264 or H.265 frame are not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BitstreamError {
    /// No start code at the beginning.
    #[error("expected an Annex B start code (00 00 01), found {found:02x?}")]
    NotAnnexB {
        /// The first bytes found, four at most.
        found: Vec<u8>,
    },
    /// No coded picture, or several.
    #[error("expected exactly one coded picture per access unit, found {found}")]
    Pictures {
        /// Pictures that begin in the unit.
        found: usize,
    },
    /// A key picture that cannot be decoded on its own.
    #[error("key picture without {missing}: a decoder cannot start here")]
    MissingParameterSets {
        /// The sets that are not there, such as "SPS".
        missing: &'static str,
    },
    /// A length inside an MP4 sample points outside of it.
    #[error("NAL unit of {length} bytes at offset {offset} leaves a sample of {sample} bytes")]
    Length {
        /// Where the length stands, in bytes from the start of the sample.
        offset: usize,
        /// The length read.
        length: usize,
        /// The sample's size in bytes.
        sample: usize,
    },
    /// A NAL unit too long for its length field.
    #[error("NAL unit of {length} bytes does not fit a 32-bit length")]
    TooLong {
        /// The NAL unit's size in bytes.
        length: usize,
    },
}

/// The NAL units of an Annex B byte stream in order, without start codes and trailing zero bytes.
#[derive(Debug, Clone)]
pub struct NalUnits<'a> {
    rest: &'a [u8],
}

/// Splits `data` at its start codes; what stands before the first one is skipped.
pub fn nal_units(data: &[u8]) -> NalUnits<'_> {
    let start = find_start_code(data).map_or(data.len(), |at| at + 3);
    NalUnits { rest: data.get(start..).unwrap_or_default() }
}

impl<'a> Iterator for NalUnits<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<Self::Item> {
        while !self.rest.is_empty() {
            let (nal, rest) = match find_start_code(self.rest) {
                Some(at) => (self.rest.get(..at)?, self.rest.get(at + 3..)?),
                None => (self.rest, Default::default()),
            };
            self.rest = rest;
            let length = nal.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
            if length > 0 {
                return nal.get(..length);
            }
        }
        None
    }
}

/// Offset of the first `00 00 01` in `data`.
fn find_start_code(data: &[u8]) -> Option<usize> {
    let mut at = 0;
    while let Some(window) = data.get(at..at + 3) {
        match window {
            [0, 0, 1] => return Some(at),
            [_, _, (2..)] => at += 3,
            [_, (1..), _] => at += 2,
            _ => at += 1,
        }
    }
    None
}

/// NAL unit type of H.264 (ITU-T H.264, table 7-1); 31 for an empty unit.
pub fn h264_type(nal: &[u8]) -> u8 {
    nal.first().map_or(31, |header| header & 0x1f)
}

/// NAL unit type of H.265 (ITU-T H.265, table 7-1); 63 for an empty unit.
pub fn h265_type(nal: &[u8]) -> u8 {
    nal.first().map_or(63, |header| header >> 1 & 0x3f)
}

/// What one H.264 access unit holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct H264Content {
    /// Pictures that begin here: slices whose first macroblock is 0.
    pub pictures: usize,
    /// A slice of an IDR picture is there.
    pub has_idr: bool,
    /// A picture parameter set is there.
    pub has_pps: bool,
    /// A sequence parameter set is there, readable or not.
    pub has_sps: bool,
    /// What the last readable sequence parameter set says.
    pub sps: Option<SpsInfo>,
}

/// Looks through the NAL units of an H.264 byte stream.
pub fn inspect_h264(data: &[u8]) -> H264Content {
    let mut content = H264Content::default();
    for nal in nal_units(data) {
        match h264_type(nal) {
            kind @ (1 | 5) => {
                content.has_idr |= kind == 5;
                content.pictures += usize::from(first_block_of(nal, 1) == Some(0));
            }
            7 => {
                content.has_sps = true;
                content.sps = sps::parse(nal).or(content.sps);
            }
            8 => content.has_pps = true,
            _ => {}
        }
    }
    content
}

/// `first_mb_in_slice`, which follows the NAL header of `header` bytes.
fn first_block_of(nal: &[u8], header: usize) -> Option<u32> {
    BitReader::new(nal.get(header..)?).unsigned()
}

/// What one H.265 access unit holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct H265Content {
    /// Pictures that begin here: slices with `first_slice_segment_in_pic_flag`.
    pub pictures: usize,
    /// A slice of an IDR or BLA picture is there, after which nothing refers to earlier pictures.
    pub has_idr: bool,
    /// Video, sequence and picture parameter sets are there.
    pub has_sets: [bool; 3],
}

/// Looks through the NAL units of an H.265 byte stream.
pub fn inspect_h265(data: &[u8]) -> H265Content {
    let mut content = H265Content::default();
    for nal in nal_units(data) {
        match h265_type(nal) {
            kind @ 0..=31 => {
                content.has_idr |= (16..=20).contains(&kind);
                content.pictures += usize::from(nal.get(2).is_some_and(|byte| byte & 0x80 != 0));
            }
            32 => content.has_sets[0] = true,
            33 => content.has_sets[1] = true,
            34 => content.has_sets[2] = true,
            _ => {}
        }
    }
    content
}

/// Takes the bytes of one H.264 frame as they come from a camera or a robot and says whether it is a key unit.
///
/// Refused are: anything that is not Annex B, no picture or several, and an IDR picture without SPS and PPS.
pub fn h264_access_unit(data: Vec<u8>) -> Result<AccessUnit, BitstreamError> {
    check_start(&data)?;
    let content = inspect_h264(&data);
    if content.pictures != 1 {
        return Err(BitstreamError::Pictures { found: content.pictures });
    }
    if content.has_idr && !(content.has_sps && content.has_pps) {
        let missing = if content.has_sps { "PPS" } else { "SPS" };
        return Err(BitstreamError::MissingParameterSets { missing });
    }
    Ok(AccessUnit { data, is_key: content.has_idr, codec: Codec::H264 })
}

/// Takes the bytes of one H.265 frame; refuses what [`h264_access_unit`] refuses.
pub fn h265_access_unit(data: Vec<u8>) -> Result<AccessUnit, BitstreamError> {
    check_start(&data)?;
    let content = inspect_h265(&data);
    if content.pictures != 1 {
        return Err(BitstreamError::Pictures { found: content.pictures });
    }
    if content.has_idr && content.has_sets != [true; 3] {
        return Err(BitstreamError::MissingParameterSets { missing: "VPS, SPS or PPS" });
    }
    Ok(AccessUnit { data, is_key: content.has_idr, codec: Codec::H265 })
}

fn check_start(data: &[u8]) -> Result<(), BitstreamError> {
    match data {
        [0, 0, 1, ..] | [0, 0, 0, 1, ..] => Ok(()),
        _ => Err(BitstreamError::NotAnnexB { found: data.iter().take(4).copied().collect() }),
    }
}

/// The NAL units of an MP4 sample, each behind a big-endian length of `length_size` bytes (1 to 4).
pub fn split_length_prefixed(sample: &[u8], length_size: usize) -> Result<Vec<&[u8]>, BitstreamError> {
    let mut nals = Vec::new();
    let mut offset = 0;
    while offset < sample.len() {
        let bad = |length| BitstreamError::Length { offset, length, sample: sample.len() };
        let field = sample.get(offset..offset + length_size).ok_or_else(|| bad(length_size))?;
        let length = field.iter().fold(0usize, |length, byte| length << 8 | usize::from(*byte));
        let start = offset + length_size;
        nals.push(sample.get(start..start + length).ok_or_else(|| bad(length))?);
        offset = start + length;
    }
    Ok(nals)
}

/// An MP4 sample of `nals`, each behind a 32-bit big-endian length.
pub fn to_length_prefixed<'a>(nals: impl Iterator<Item = &'a [u8]>) -> Result<Vec<u8>, BitstreamError> {
    let mut sample = Vec::new();
    for nal in nals {
        let length = u32::try_from(nal.len()).map_err(|_| BitstreamError::TooLong { length: nal.len() })?;
        sample.extend_from_slice(&length.to_be_bytes());
        sample.extend_from_slice(nal);
    }
    Ok(sample)
}

/// An Annex B byte stream of `nals`.
pub fn to_annexb<'a>(nals: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut stream = Vec::new();
    for nal in nals {
        stream.extend_from_slice(&START_CODE);
        stream.extend_from_slice(nal);
    }
    stream
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nal_units_are_found_behind_both_start_codes() {
        let data = [0, 0, 0, 1, 0x67, 1, 0, 0, 1, 0x68, 2, 0, 0, 0, 0, 1, 0x65, 0, 0, 3, 1];
        let nals: Vec<_> = nal_units(&data).collect();
        assert_eq!(nals, [&[0x67, 1][..], &[0x68, 2], &[0x65, 0, 0, 3, 1]]);
        assert_eq!(nal_units(&[]).count(), 0);
        assert_eq!(nal_units(&[0, 0, 1]).count(), 0);
        assert_eq!(nal_units(&[1, 2, 3]).count(), 0);
    }

    #[test]
    fn start_codes_are_found_at_every_offset() {
        for lead in 0..7 {
            for filler in [0, 1, 2, 9] {
                let mut data = vec![filler; lead];
                data.extend([9, 0, 0, 1, 5]);
                assert_eq!(find_start_code(&data), Some(lead + 1), "lead {lead}, filler {filler}");
            }
        }
    }

    #[test]
    fn length_prefixes_go_there_and_back() {
        let nals = [&[0x67u8, 1][..], &[0x65, 0, 0, 3, 1]];
        let sample = to_length_prefixed(nals.into_iter()).expect("short units");
        assert_eq!(split_length_prefixed(&sample, 4), Ok(nals.to_vec()));
        assert_eq!(nal_units(&to_annexb(nals.into_iter())).collect::<Vec<_>>(), nals);
    }

    #[test]
    fn a_length_outside_the_sample_is_refused() {
        let error = split_length_prefixed(&[0, 0, 0, 9, 1], 4).expect_err("nine bytes are not there");
        assert_eq!(error, BitstreamError::Length { offset: 0, length: 9, sample: 5 });
        assert!(split_length_prefixed(&[0, 0], 4).is_err());
        assert_eq!(split_length_prefixed(&[1, 7], 1), Ok(vec![&[7u8][..]]));
    }

    #[test]
    fn foreign_frames_are_checked() {
        let idr_alone = [0, 0, 0, 1, 0x65, 0x88, 0x80];
        assert_eq!(
            h264_access_unit(idr_alone.to_vec()),
            Err(BitstreamError::MissingParameterSets { missing: "SPS" })
        );
        assert!(matches!(h264_access_unit(vec![0, 0, 0, 9, 5]), Err(BitstreamError::NotAnnexB { .. })));
        assert!(matches!(h264_access_unit(vec![]), Err(BitstreamError::NotAnnexB { .. })));
        let two = [idr_alone, idr_alone].concat();
        assert_eq!(h264_access_unit(two), Err(BitstreamError::Pictures { found: 2 }));
        let inter = h264_access_unit(vec![0, 0, 1, 0x41, 0x9a]).expect("one P picture");
        assert!(!inter.is_key);
    }
}
