//! Reads an H.264 sequence parameter set (ITU-T H.264, 7.3.2.1): picture size, profile and level.

use crate::bits::{BitReader, unescape};
use crate::frame::MAX_SIDE_PX;

/// What an H.264 sequence parameter set says of its pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpsInfo {
    /// Pixels per row, after cropping.
    pub width: u32,
    /// Rows, after cropping.
    pub height: u32,
    /// `profile_idc`: 66 baseline, 77 main, 100 high.
    pub profile: u8,
    /// Constraint flags, the byte after `profile_idc`; 0x40 with profile 66 is constrained baseline.
    pub constraints: u8,
    /// `level_idc`: ten times the level, such as 30 for 3.0.
    pub level: u8,
    /// 0 grey, 1 4:2:0, 2 4:2:2, 3 4:4:4.
    pub chroma_format: u8,
    /// Bits per luma sample.
    pub bit_depth_luma: u8,
    /// Bits per chroma sample.
    pub bit_depth_chroma: u8,
}

/// Reads the set in `nal`, which begins with its NAL header (type 7). `None` when it is not one or is damaged.
pub fn parse(nal: &[u8]) -> Option<SpsInfo> {
    if nal.first()? & 0x1f != 7 {
        return None;
    }
    let payload = unescape(nal.get(1..)?);
    let &[profile, constraints, level, ..] = payload.as_slice() else { return None };
    let mut reader = BitReader::new(payload.get(3..)?);
    reader.unsigned()?; // seq_parameter_set_id
    let chroma = if has_chroma_fields(profile) { chroma_fields(&mut reader)? } else { Chroma::DEFAULT };
    reader.unsigned()?; // log2_max_frame_num_minus4
    skip_picture_order(&mut reader)?;
    reader.unsigned()?; // max_num_ref_frames
    reader.bit()?; // gaps_in_frame_num_value_allowed_flag
    let columns_mbs = reader.unsigned()?.checked_add(1)?;
    let map_units = reader.unsigned()?.checked_add(1)?;
    let frame_mbs_only = reader.bit()?;
    if !frame_mbs_only {
        reader.bit()?; // mb_adaptive_frame_field_flag
    }
    reader.bit()?; // direct_8x8_inference_flag
    let crop = if reader.bit()? {
        [reader.unsigned()?, reader.unsigned()?, reader.unsigned()?, reader.unsigned()?]
    } else {
        [0; 4]
    };
    let fields = if frame_mbs_only { 1 } else { 2 };
    let (unit_x, unit_y) = match chroma.format {
        1 if !chroma.separate_planes => (2, 2 * fields),
        2 if !chroma.separate_planes => (2, fields),
        _ => (1, fields),
    };
    let [left, right, top, bottom] = crop;
    let width = cropped(columns_mbs.checked_mul(16)?, left.checked_add(right)?, unit_x)?;
    let height = cropped(map_units.checked_mul(16 * fields)?, top.checked_add(bottom)?, unit_y)?;
    Some(SpsInfo {
        width,
        height,
        profile,
        constraints,
        level,
        chroma_format: chroma.format,
        bit_depth_luma: chroma.luma_bits,
        bit_depth_chroma: chroma.cbcr_bits,
    })
}

struct Chroma {
    format: u8,
    separate_planes: bool,
    luma_bits: u8,
    cbcr_bits: u8,
}

impl Chroma {
    /// What the standard infers where a profile stores no chroma fields: 4:2:0 in 8 bits.
    const DEFAULT: Self = Self { format: 1, separate_planes: false, luma_bits: 8, cbcr_bits: 8 };
}

/// Whether sets of this profile carry chroma format and bit depth.
pub(crate) fn has_chroma_fields(profile: u8) -> bool {
    matches!(profile, 100 | 110 | 122 | 244 | 44 | 83 | 86 | 118 | 128 | 138 | 139 | 134 | 135)
}

fn chroma_fields(reader: &mut BitReader<'_>) -> Option<Chroma> {
    let format = u8::try_from(reader.unsigned()?).ok().filter(|format| *format <= 3)?;
    let separate_planes = format == 3 && reader.bit()?;
    let mut depth =
        || u8::try_from(reader.unsigned()?).ok().filter(|extra| *extra <= 6).map(|extra| 8 + extra);
    let (luma_bits, cbcr_bits) = (depth()?, depth()?);
    reader.bit()?; // qpprime_y_zero_transform_bypass_flag
    if reader.bit()? {
        let lists = if format == 3 { 12 } else { 8 };
        for list in 0..lists {
            if reader.bit()? {
                skip_scaling_list(reader, if list < 6 { 16 } else { 64 })?;
            }
        }
    }
    Some(Chroma { format, separate_planes, luma_bits, cbcr_bits })
}

fn skip_scaling_list(reader: &mut BitReader<'_>, size: usize) -> Option<()> {
    let (mut last, mut next) = (8i32, 8i32);
    for _ in 0..size {
        if next != 0 {
            next = last.checked_add(reader.signed()?)?.rem_euclid(256);
        }
        last = if next == 0 { last } else { next };
    }
    Some(())
}

fn skip_picture_order(reader: &mut BitReader<'_>) -> Option<()> {
    match reader.unsigned()? {
        0 => {
            reader.unsigned()?; // log2_max_pic_order_cnt_lsb_minus4
        }
        1 => {
            reader.bit()?;
            reader.signed()?;
            reader.signed()?;
            let cycle = reader.unsigned()?;
            if cycle > 255 {
                return None;
            }
            for _ in 0..cycle {
                reader.signed()?;
            }
        }
        2 => {}
        _ => return None,
    }
    Some(())
}

fn cropped(coded: u32, crop: u32, unit: u32) -> Option<u32> {
    let visible = coded.checked_sub(crop.checked_mul(unit)?)?;
    (1..=MAX_SIDE_PX).contains(&visible).then_some(visible)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damaged_sets_are_refused() {
        assert_eq!(parse(&[]), None);
        assert_eq!(parse(&[0x67]), None);
        assert_eq!(parse(&[0x68, 66, 0, 30, 0xff]), None);
        assert_eq!(parse(&[0x67, 66, 0, 30]), None);
        assert_eq!(parse(&[0x67, 66, 0, 30, 0, 0, 0, 0, 0, 0]), None);
    }
}
