//! The records of `TFRecord` files: a length and bytes, each behind a masked CRC-32C.

use crc::{CRC_32_ISCSI, Crc};

const CRC_32C: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);

fn masked(bytes: &[u8]) -> [u8; 4] {
    CRC_32C.checksum(bytes).rotate_right(15).wrapping_add(0xa282_ead8).to_le_bytes()
}

/// A record that holds these bytes.
pub fn framed(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    [&length[..], &masked(&length), data, &masked(data)].concat()
}

/// The bytes of the first record.
pub fn unframed(shard: &[u8]) -> Option<&[u8]> {
    let length = u64::from_le_bytes(*shard.first_chunk()?) as usize;
    shard.get(12..)?.get(..length)
}
