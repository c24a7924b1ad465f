//! The open bitstream units of AV1 (AV1 specification, 5.3): split them and find the sequence header.

/// An AV1 temporal unit is damaged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("AV1 unit at offset {offset} of {total} bytes: {problem}")]
pub struct ObuError {
    /// Where the unit begins, in bytes.
    pub offset: usize,
    /// Bytes in all.
    pub total: usize,
    /// What is wrong with it.
    pub problem: &'static str,
}

/// `obu_type` of a sequence header.
pub const SEQUENCE_HEADER: u8 = 1;
/// `obu_type` of a temporal delimiter, which MP4 leaves out.
pub const TEMPORAL_DELIMITER: u8 = 2;

/// One open bitstream unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Obu<'a> {
    /// `obu_type`.
    pub kind: u8,
    /// The whole unit with its header.
    pub bytes: &'a [u8],
    /// The unit without header and size.
    pub payload: &'a [u8],
    /// Whether the header is followed by the payload's size.
    pub has_size: bool,
}

/// Splits the units of `data`. The last one may come without its size, as MP4 allows.
pub fn split(data: &[u8]) -> Result<Vec<Obu<'_>>, ObuError> {
    let mut units = Vec::new();
    let mut offset = 0;
    while offset < data.len() {
        let fail = |problem| ObuError { offset, total: data.len(), problem };
        let rest = data.get(offset..).unwrap_or_default();
        let header = *rest.first().ok_or_else(|| fail("no header"))?;
        if header & 0x80 != 0 {
            return Err(fail("forbidden bit is set"));
        }
        let header_size = if header & 0x04 != 0 { 2 } else { 1 };
        let has_size = header & 0x02 != 0;
        let after = rest.get(header_size..).ok_or_else(|| fail("header is cut off"))?;
        let (size, size_bytes) =
            if has_size { leb128(after).ok_or_else(|| fail("size is damaged"))? } else { (after.len(), 0) };
        let start = header_size + size_bytes;
        let end = start.checked_add(size).ok_or_else(|| fail("size is damaged"))?;
        let payload = rest.get(start..end).ok_or_else(|| fail("payload is cut off"))?;
        let bytes = rest.get(..end).ok_or_else(|| fail("payload is cut off"))?;
        units.push(Obu { kind: header >> 3 & 0x0f, bytes, payload, has_size });
        offset += end;
    }
    Ok(units)
}

/// The first sequence header unit of `data`, with its own header.
pub fn sequence_header(data: &[u8]) -> Result<Option<&[u8]>, ObuError> {
    Ok(split(data)?.into_iter().find(|unit| unit.kind == SEQUENCE_HEADER).map(|unit| unit.bytes))
}

/// `data` in the low-overhead format: as it is, except that a last unit without a size gets one.
pub fn to_low_overhead(data: Vec<u8>) -> Result<Vec<u8>, ObuError> {
    let units = split(&data)?;
    let Some(last) = units.last().filter(|unit| !unit.has_size) else { return Ok(data) };
    let before = data.len() - last.bytes.len();
    let mut out = data.get(..before).unwrap_or_default().to_vec();
    let header = last.bytes.get(..last.bytes.len() - last.payload.len()).unwrap_or_default();
    out.extend(header.iter().enumerate().map(|(at, byte)| if at == 0 { byte | 0x02 } else { *byte }));
    write_leb128(&mut out, last.payload.len());
    out.extend_from_slice(last.payload);
    Ok(out)
}

/// A `leb128()` number (AV1 specification, 4.10.5) and how many bytes it takes.
fn leb128(data: &[u8]) -> Option<(usize, usize)> {
    let mut value = 0u64;
    for (at, byte) in data.iter().take(8).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            let value = u32::try_from(value).ok()?;
            return Some((value as usize, at + 1));
        }
    }
    None
}

fn write_leb128(out: &mut Vec<u8>, mut value: usize) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_split_and_sized() {
        // Temporal delimiter, sequence header of 2 bytes, frame of 3 bytes without a size.
        let data = vec![0x12, 0, 0x0a, 2, 7, 8, 0x30, 1, 2, 3];
        let units = split(&data).expect("three units");
        assert_eq!(units.iter().map(|unit| unit.kind).collect::<Vec<_>>(), [2, 1, 6]);
        assert_eq!(sequence_header(&data), Ok(Some(&[0x0a, 2, 7, 8][..])));
        let sized = to_low_overhead(data).expect("sound");
        assert_eq!(sized, [0x12, 0, 0x0a, 2, 7, 8, 0x32, 3, 1, 2, 3]);
        assert_eq!(to_low_overhead(sized.clone()), Ok(sized));
    }

    #[test]
    fn damaged_units_are_refused() {
        assert_eq!(split(&[0x0a, 9, 1]).expect_err("cut off").problem, "payload is cut off");
        assert_eq!(split(&[0x80]).expect_err("forbidden").problem, "forbidden bit is set");
        assert_eq!(split(&[0x0a, 0xff]).expect_err("size").problem, "size is damaged");
        assert_eq!(split(&[0x0e]).expect_err("header").problem, "header is cut off");
    }
}
