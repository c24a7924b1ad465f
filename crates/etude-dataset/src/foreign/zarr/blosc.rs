//! Blosc 1 containers: blocks of bytes, each cut into streams that are packed by LZ4, LZ4 HC, Zstandard or zlib, and put
//! in order again by byte or bit shuffle.
//!
//! Layout (c-blosc's `README_CHUNK_FORMAT`): version, codec's version, flags, bytes of an item, then bytes unpacked, bytes of
//! a block and bytes packed, u32 each; the place of each block, u32; blocks. Flags: 1 byte shuffle, 2 not packed, 4 bit
//! shuffle, 16 blocks are one stream, the upper three the codec.

use super::super::bytes::Cursor;
use flate2::read::ZlibDecoder;
use std::io::Read;

const SHUFFLED: u8 = 0x01;
const PLAIN: u8 = 0x02;
const BIT_SHUFFLED: u8 = 0x04;
const ONE_STREAM: u8 = 0x10;
/// Blocks smaller than this many items are one stream.
const MIN_STREAM_BYTES: usize = 128;
/// Items larger than this are not cut into streams.
const MAX_STREAMS: usize = 16;

/// Unpacks a container that should hold so many bytes.
pub(super) fn decode(packed: &[u8], expected: usize) -> Result<Vec<u8>, String> {
    let wrong = |error: super::super::bytes::BytesError| error.to_string();
    let mut head = Cursor::new(packed);
    let version = head.u8().map_err(wrong)?;
    let _codec_version = head.u8().map_err(wrong)?;
    let flags = head.u8().map_err(wrong)?;
    let item = usize::from(head.u8().map_err(wrong)?).max(1);
    let total = head.u32().map_err(wrong)? as usize;
    let block = head.u32().map_err(wrong)? as usize;
    let stated = head.u32().map_err(wrong)? as usize;
    if version == 0 || version > 2 {
        return Err(format!("expected blosc 1 or 2, found the version {version}"));
    }
    if total != expected || stated > packed.len() {
        return Err(format!(
            "expected {expected} bytes packed in {}, found {total} in {stated}",
            packed.len()
        ));
    }
    if flags & PLAIN != 0 {
        return head.take(total, "bytes as they are").map(<[u8]>::to_vec).map_err(wrong);
    }
    if total == 0 {
        return Ok(Vec::new());
    }
    if block == 0 || block > total {
        return Err(format!("expected blocks within {total} bytes, found {block}"));
    }
    let blocks = total.div_ceil(block);
    let mut plain = Vec::with_capacity(total);
    for number in 0..blocks {
        let place = head.u32().map_err(wrong)? as usize;
        let length = block.min(total - number * block);
        let bytes = packed.get(place..).ok_or_else(|| format!("the block {number} is not there"))?;
        let is_whole = length == block;
        let unpacked = one_block(bytes, length, flags, item, is_whole)
            .map_err(|reason| format!("block {number} of {blocks}: {reason}"))?;
        plain.extend(unpacked);
    }
    Ok(plain)
}

fn one_block(bytes: &[u8], length: usize, flags: u8, item: usize, is_whole: bool) -> Result<Vec<u8>, String> {
    let is_cut = flags & ONE_STREAM == 0
        && item <= MAX_STREAMS
        && length / item >= MIN_STREAM_BYTES
        && length.is_multiple_of(item)
        && is_whole;
    let streams = if is_cut { item } else { 1 };
    let stream_bytes = length / streams;
    let mut input = Cursor::new(bytes);
    let mut plain = Vec::with_capacity(length);
    for _ in 0..streams {
        let size = input.i32().map_err(|error| error.to_string())?;
        let size = usize::try_from(size).map_err(|_| format!("a stream of {size} bytes"))?;
        let packed = input.take(size, "a stream").map_err(|error| error.to_string())?;
        // A stream that packing would not have made smaller stands as it is.
        if size == stream_bytes {
            plain.extend_from_slice(packed);
        } else {
            plain.extend(unpack(packed, stream_bytes, flags >> 5)?);
        }
    }
    if plain.len() != length {
        return Err(format!("expected {length} bytes, found {}", plain.len()));
    }
    Ok(if flags & SHUFFLED != 0 && item > 1 {
        unshuffle(&plain, item)
    } else if flags & BIT_SHUFFLED != 0 {
        unshuffle_bits(&plain, item)
    } else {
        plain
    })
}

fn unpack(packed: &[u8], length: usize, codec: u8) -> Result<Vec<u8>, String> {
    let plain = match codec {
        1 => lz4_flex::block::decompress(packed, length).map_err(|error| error.to_string())?,
        3 => {
            let mut plain = Vec::new();
            let mut input = ZlibDecoder::new(packed).take(length as u64 + 1);
            input.read_to_end(&mut plain).map_err(|error| error.to_string())?;
            plain
        }
        4 => zstd::bulk::decompress(packed, length).map_err(|error| error.to_string())?,
        0 => return Err("its streams are packed by blosclz, which is not read".to_owned()),
        other => return Err(format!("its streams are packed by the codec {other}, which is not read")),
    };
    if plain.len() == length {
        Ok(plain)
    } else {
        Err(format!("expected {length} bytes, found {}", plain.len()))
    }
}

/// First bytes of all items, then second bytes, … becomes item after item; what is no whole item stands behind.
fn unshuffle(shuffled: &[u8], item: usize) -> Vec<u8> {
    let items = shuffled.len() / item;
    let mut plain = vec![0; shuffled.len()];
    for (at, byte) in shuffled.iter().enumerate().take(items * item) {
        let (part, number) = (at / items, at % items);
        if let Some(place) = plain.get_mut(number * item + part) {
            *place = *byte;
        }
    }
    for (place, byte) in plain.iter_mut().zip(shuffled).skip(items * item) {
        *place = *byte;
    }
    plain
}

/// First bits of all items, then second bits, …, eight items a byte; what is no whole item stands behind. A block whose items
/// are no multiple of eight was not shuffled.
fn unshuffle_bits(shuffled: &[u8], item: usize) -> Vec<u8> {
    let items = shuffled.len() / item;
    if !items.is_multiple_of(8) {
        return shuffled.to_vec();
    }
    let whole = items * item;
    let mut plain = vec![0; whole];
    let row = items / 8;
    for (at, byte) in shuffled.iter().enumerate().take(whole) {
        let (bit, group) = (at / row, at % row);
        for number in 0..8 {
            if byte >> number & 1 == 1
                && let Some(place) = plain.get_mut((group * 8 + number) * item + bit / 8)
            {
                *place |= 1 << (bit % 8);
            }
        }
    }
    plain.extend(shuffled.iter().skip(whole));
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(flags: u8, item: u8, block: usize, total: usize, blocks: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = vec![2, 1, flags, item];
        let size: usize = blocks.iter().map(Vec::len).sum();
        let packed = 16 + 4 * blocks.len() + size;
        for number in [total, block, packed] {
            bytes.extend((number as u32).to_le_bytes());
        }
        let mut place = 16 + 4 * blocks.len();
        for block in blocks {
            bytes.extend((place as u32).to_le_bytes());
            place += block.len();
        }
        bytes.extend(blocks.concat());
        bytes
    }

    fn stream(packed: &[u8]) -> Vec<u8> {
        [&(packed.len() as i32).to_le_bytes()[..], packed].concat()
    }

    #[test]
    fn shuffled_streams_come_back_in_order() {
        // 256 items of 2 bytes: the low bytes count, the high bytes are 7. One block in two streams, and a rest of 3 items.
        let items =
            |numbers: std::ops::Range<u32>| -> Vec<u8> { numbers.flat_map(|n| [n as u8, 7]).collect() };
        let low: Vec<u8> = (0..=255).collect();
        let whole = [stream(&low), stream(&lz4_flex::block::compress(&[7; 256]))].concat();
        let rest = stream(&[0, 1, 2, 7, 7, 7]);
        let bytes = container(SHUFFLED | 1 << 5, 2, 512, 518, &[whole, rest]);
        assert_eq!(decode(&bytes, 518).expect("bytes"), [items(0..256), items(0..3)].concat());
        assert!(decode(&bytes, 519).is_err());
        for cut in 0..bytes.len() {
            assert!(decode(&bytes[..cut], 518).is_err());
        }
    }

    #[test]
    fn shuffled_bits_come_back_in_order() {
        // Bit 0 is set in item 0 only, bit 1 in item 1 only, and so on: shuffled it looks the same.
        let plain = [1, 2, 4, 8, 16, 32, 64, 128];
        let packed = zstd::bulk::compress(&plain, 3).expect("bytes");
        let bytes = container(BIT_SHUFFLED | ONE_STREAM | 4 << 5, 1, 8, 8, &[stream(&packed)]);
        assert_eq!(decode(&bytes, 8).expect("bytes"), plain);
        assert_eq!(unshuffle_bits(&[0b0000_0101, 0, 0, 0, 0, 0, 0, 0], 1), [1, 0, 1, 0, 0, 0, 0, 0]);
        // Eight items of two bytes, then half an item.
        let mut shuffled = [0; 17];
        (shuffled[1], shuffled[8], shuffled[16]) = (0b1000_0000, 0b0000_0001, 9);
        let mut items = [0; 17];
        (items[1], items[14], items[16]) = (1, 2, 9);
        assert_eq!(unshuffle_bits(&shuffled, 2), items);
        assert_eq!(
            unshuffle_bits(&[1, 2, 3, 4, 5, 6], 2),
            [1, 2, 3, 4, 5, 6],
            "three items are not shuffled"
        );
    }

    #[test]
    fn a_bomb_is_not_unpacked() {
        let bomb = zstd::bulk::compress(&vec![0; 10 << 20], 3).expect("bytes");
        let bytes = container(ONE_STREAM | 4 << 5, 1, 100, 100, &[stream(&bomb)]);
        assert!(decode(&bytes, 100).is_err());
        let bytes = container(ONE_STREAM | 4 << 5, 1, 100, u32::MAX as usize, &[stream(&bomb)]);
        assert!(decode(&bytes, 100).is_err());
    }
}
