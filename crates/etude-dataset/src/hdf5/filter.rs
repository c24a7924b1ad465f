//! What was done to a chunk's bytes before they were stored, undone.

use crate::foreign::bytes::{BytesError, Cursor};
use flate2::read::ZlibDecoder;
use std::io::Read;

/// Filters of one dataset.
const MAX_FILTERS: usize = 32;

/// One filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Filter {
    id: u16,
    values: Vec<u32>,
}

/// The filters of a dataset, in the order in which they were applied.
pub(super) fn parse(bytes: &[u8]) -> Result<Vec<Filter>, BytesError> {
    let mut cursor = Cursor::new(bytes);
    let (version, count) = (cursor.u8()?, usize::from(cursor.u8()?));
    if !matches!(version, 1 | 2) || count > MAX_FILTERS {
        return Err(cursor.error("filters of version 1 or 2", format!("{count} of version {version}")));
    }
    let is_old = version == 1;
    if is_old {
        cursor.take(6, "nothing")?;
    }
    let mut filters = Vec::new();
    for _ in 0..count {
        let id = cursor.u16()?;
        let name = if is_old || id >= 256 { cursor.u16()? } else { 0 };
        cursor.u16()?;
        let values = usize::from(cursor.u16()?);
        let name = usize::from(name);
        cursor.take(if is_old { name.next_multiple_of(8) } else { name }, "a name")?;
        let values: Vec<u32> = (0..values).map(|_| cursor.u32()).collect::<Result<_, _>>()?;
        if is_old && values.len() % 2 == 1 {
            cursor.take(4, "padding")?;
        }
        filters.push(Filter { id, values });
    }
    Ok(filters)
}

/// A stored chunk as it was: `size` bytes. `mask` names the filters that were left out for this chunk.
pub(super) fn undo(filters: &[Filter], mask: u32, stored: Vec<u8>, size: usize) -> Result<Vec<u8>, String> {
    let mut bytes = stored;
    for (place, filter) in filters.iter().enumerate().rev() {
        if mask >> place & 1 == 1 {
            continue;
        }
        bytes = match filter.id {
            1 => inflate(&bytes, size)?,
            2 => unshuffle(&bytes, filter.values.first().copied().unwrap_or(1) as usize),
            3 => fletcher32(bytes)?,
            32_000 => lzf(&bytes, size)?,
            other => return Err(format!("its filter {other} is not known")),
        };
    }
    if bytes.len() < size {
        return Err(format!("expected {size} bytes in a chunk, found {}", bytes.len()));
    }
    bytes.truncate(size);
    Ok(bytes)
}

/// Room for what later filters add: a checksum.
const SLACK: usize = 16;

fn inflate(bytes: &[u8], size: usize) -> Result<Vec<u8>, String> {
    let mut out = Vec::with_capacity(size.min(bytes.len().saturating_mul(8)));
    let mut decoder = ZlibDecoder::new(bytes).take((size + SLACK + 1) as u64);
    decoder.read_to_end(&mut out).map_err(|error| format!("a chunk cannot be inflated: {error}"))?;
    if out.len() > size + SLACK {
        return Err(format!("expected {size} bytes in a chunk, found more"));
    }
    Ok(out)
}

/// Bytes of one place in each element stand together; what is over is not shuffled.
fn unshuffle(bytes: &[u8], width: usize) -> Vec<u8> {
    let count = bytes.len() / width.max(1);
    if width < 2 || count < 2 {
        return bytes.to_vec();
    }
    let (shuffled, rest) = bytes.split_at(count * width);
    let mut out = vec![0; count * width];
    for (place, lane) in shuffled.chunks_exact(count).enumerate() {
        for (element, byte) in out.chunks_exact_mut(width).zip(lane) {
            if let Some(slot) = element.get_mut(place) {
                *slot = *byte;
            }
        }
    }
    out.extend_from_slice(rest);
    out
}

/// Checks the sum at the end and takes it off.
fn fletcher32(mut bytes: Vec<u8>) -> Result<Vec<u8>, String> {
    let stated = bytes.split_last_chunk::<4>().map(|(_, sum)| u32::from_le_bytes(*sum));
    let stated = stated.ok_or("a chunk is shorter than its checksum")?;
    bytes.truncate(bytes.len() - 4);
    let (mut low, mut high) = (0u32, 0u32);
    for pair in bytes.chunks(2) {
        let word = match pair {
            [a, b] => u32::from(*a) << 8 | u32::from(*b),
            [a] => u32::from(*a) << 8,
            _ => 0,
        };
        low = (low + word) % 65_535;
        high = (high + low) % 65_535;
    }
    // The library keeps 65535 where the remainder is 0, and wrote sums with their bytes swapped before version 1.6.3.
    let same = |a: u32, b: u32| a % 65_535 == b % 65_535;
    let is = |sum: u32| same(sum & 0xffff, low) && same(sum >> 16, high);
    let swapped = (stated & 0x00ff_00ff) << 8 | (stated >> 8) & 0x00ff_00ff;
    if is(stated) || is(swapped) { Ok(bytes) } else { Err("a chunk's checksum is not its own".to_owned()) }
}

/// Marc Lehmann's LZF: literals behind a count below 32, else a copy of what came before.
fn lzf(bytes: &[u8], size: usize) -> Result<Vec<u8>, String> {
    let ended = "a chunk ends within a piece";
    let mut out: Vec<u8> = Vec::with_capacity(size.min(bytes.len().saturating_mul(8)));
    let mut input = bytes;
    while let Some((control, rest)) = input.split_first() {
        let control = usize::from(*control);
        if control < 32 {
            let (literals, rest) = rest.split_at_checked(control + 1).ok_or(ended)?;
            out.extend_from_slice(literals);
            input = rest;
        } else {
            let (mut length, mut rest) = (control >> 5, rest);
            if length == 7 {
                let (more, left) = rest.split_first().ok_or(ended)?;
                length += usize::from(*more);
                rest = left;
            }
            let (low, left) = rest.split_first().ok_or(ended)?;
            let back = ((control & 0x1f) << 8 | usize::from(*low)) + 1;
            let from = out.len().checked_sub(back).ok_or("a chunk copies from before its beginning")?;
            for place in from..from + length + 2 {
                let byte = out.get(place).copied();
                out.extend(byte);
            }
            input = left;
        }
        if out.len() > size + SLACK {
            return Err(format!("expected {size} bytes in a chunk, found more"));
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_grows_beyond_its_chunk_is_refused() {
        let mut bomb = vec![0u8, 7];
        bomb.extend([0xe0, 0xff, 0x00].repeat(1000));
        assert!(lzf(&bomb, 100).expect_err("too long").contains("found more"));
        assert!(lzf(&[0x20, 5], 100).expect_err("nothing before").contains("before its beginning"));
        assert_eq!(lzf(&[1, 7, 8, 0x20, 1], 5), Ok(vec![7, 8, 7, 8, 7]));
    }

    #[test]
    fn shuffled_bytes_find_their_elements() {
        assert_eq!(unshuffle(&[1, 3, 2, 4, 9], 2), [1, 2, 3, 4, 9]);
        assert_eq!(unshuffle(&[1, 2], 0), [1, 2]);
    }
}
