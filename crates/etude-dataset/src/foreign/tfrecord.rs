//! `TFRecord` files: records behind a length, each with a masked CRC-32C. Nothing is taken for true before its checksum is.
//!
//! A record is `length u64, crc u32 of the length, data, crc u32 of the data`, little-endian. Behind a damaged length the
//! next record is found again by its own checksum.

use super::error::Error;
use super::source::{Recording, name_of};
use super::table::Extent;
use crc::{CRC_32_ISCSI, Crc, Digest, Table};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

/// Length and its checksum.
pub(crate) const HEAD_BYTES: u64 = 12;
/// The checksum behind the data.
const TAIL_BYTES: u64 = 4;
/// Bytes that are looked through at once for the next record.
const SEARCH_BYTES: u64 = 1 << 20;
/// Records that one file may have.
const MAX_RECORDS: usize = 1_000_000;

static CRC_32C: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_ISCSI);

/// The checksum as `TFRecord` writes it: turned and moved, so that a checksum of checksums stays one.
const fn masked(crc: u32) -> u32 {
    crc.rotate_right(15).wrapping_add(0xa282_ead8)
}

/// The masked checksum of bytes.
pub(crate) fn checksum(bytes: &[u8]) -> u32 {
    masked(CRC_32C.checksum(bytes))
}

/// A checksum that grows.
pub(crate) struct Checksum(Digest<'static, u32, Table<16>>);

impl Checksum {
    pub(crate) fn new() -> Self {
        Self(CRC_32C.digest())
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The masked checksum of all bytes.
    pub(crate) fn finish(self) -> u32 {
        masked(self.0.finalize())
    }
}

/// A head's length, where its checksum is right.
pub(crate) fn length_of(head: &[u8; HEAD_BYTES as usize]) -> Option<u64> {
    let (length, crc) = head.split_first_chunk::<8>()?;
    (checksum(length) == u32::from_le_bytes(*crc.first_chunk()?)).then_some(u64::from_le_bytes(*length))
}

fn head_at(file: &mut File, at: u64) -> io::Result<Option<u64>> {
    let mut head = [0; HEAD_BYTES as usize];
    file.seek(SeekFrom::Start(at))?;
    match file.read_exact(&mut head) {
        Ok(()) => Ok(length_of(&head)),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error),
    }
}

/// Looks for the next place from `at` on where a record begins that lies within the file.
fn next_head(file: &File, at: u64, end: u64) -> io::Result<Option<u64>> {
    let mut input = file;
    input.seek(SeekFrom::Start(at))?;
    let mut bytes = Vec::new();
    let mut place = at;
    // Of zeros and other repetitions the checksum is computed once.
    let mut last = (0, checksum(&[0; 8]));
    loop {
        if input.take(SEARCH_BYTES).read_to_end(&mut bytes)? == 0 {
            return Ok(None);
        }
        for (offset, window) in (0..).zip(bytes.array_windows::<{ HEAD_BYTES as usize }>()) {
            let [a, b, c, d, e, f, g, h, crc @ ..] = *window;
            let length = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
            // A length within the file is rare among other bytes, and cheaper to see than a checksum.
            if length > end.saturating_sub(place + offset).saturating_sub(HEAD_BYTES + TAIL_BYTES) {
                continue;
            }
            if length != last.0 {
                last = (length, checksum(&length.to_le_bytes()));
            }
            if last.1 == u32::from_le_bytes(crc) {
                return Ok(Some(place + offset));
            }
        }
        // A head may begin within the bytes that are there.
        let kept = bytes.len().min(HEAD_BYTES as usize - 1);
        let seen = bytes.len() - kept;
        place += seen as u64;
        bytes.drain(..seen);
    }
}

/// The records of a file, each a recording; what is damaged is one too, and reading it says what is wrong. The file holds
/// what lies at the path, unpacked where that is packed.
pub(crate) fn recordings(path: &Path, mut file: File) -> Result<Vec<Recording>, Error> {
    let failed = || Error::file("reading", path);
    let end = file.metadata().map_err(failed())?.len();
    let name = name_of(path);
    let (mut found, mut at) = (Vec::new(), 0);
    while at < end {
        let whole = head_at(&mut file, at).map_err(failed())?;
        let to = match whole.and_then(|length| at.checked_add(HEAD_BYTES + TAIL_BYTES)?.checked_add(length)) {
            Some(to) => to.min(end),
            None => next_head(&file, at + 1, end).map_err(failed())?.unwrap_or(end),
        };
        let extent = Extent { from: at, to, label: None };
        let name = format!("{name} {}", found.len());
        found.push(Recording { name, files: vec![path.to_owned()], extent: Some(extent) });
        if found.len() > MAX_RECORDS {
            return Err(Error::content(path, format!("at most {MAX_RECORDS} records"), "more"));
        }
        at = to;
    }
    Ok(found)
}

/// The data of the record that is this part of a file: from and to, with its checksum held against every byte.
pub(crate) fn data(file: &mut File, extent: &Extent) -> Result<(u64, u64), String> {
    let failed = |error: io::Error| error.to_string();
    let length = head_at(file, extent.from).map_err(failed)?;
    let Some(length) = length else {
        return Err(format!(
            "the length at byte {} does not have the checksum that stands behind it; {} bytes are lost",
            extent.from,
            extent.to - extent.from
        ));
    };
    let from = extent.from.saturating_add(HEAD_BYTES);
    let to =
        from.checked_add(length).filter(|to| to.checked_add(TAIL_BYTES).is_some_and(|to| to <= extent.to));
    let Some(to) = to else {
        let found = extent.to.saturating_sub(from);
        return Err(format!(
            "the record at byte {} ends early: expected {length} bytes, found {found}",
            extent.from
        ));
    };
    let mut digest = Checksum::new();
    let mut input = file.take(length);
    let mut buffer = vec![0; 256 << 10];
    loop {
        let read = input.read(&mut buffer).map_err(failed)?;
        if read == 0 {
            break;
        }
        digest.update(buffer.get(..read).unwrap_or_default());
    }
    let mut stated = [0; TAIL_BYTES as usize];
    file.seek(SeekFrom::Start(to)).and_then(|_| file.read_exact(&mut stated)).map_err(failed)?;
    let (stated, computed) = (u32::from_le_bytes(stated), digest.finish());
    if stated != computed {
        return Err(format!(
            "the record at byte {} has the checksum {computed:08x} and states {stated:08x}: it is left out whole",
            extent.from
        ));
    }
    Ok((from, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_crc_32c() {
        // RFC 3720, appendix B.4: 32 bytes of zeros.
        assert_eq!(CRC_32C.checksum(&[0; 32]), 0x8a91_36aa);
        // The head of a record of 8 bytes, and one whose length was changed.
        let mut head = [0; 12];
        head[0] = 8;
        let crc = checksum(&head[..8]);
        head[8..].copy_from_slice(&crc.to_le_bytes());
        assert_eq!(length_of(&head), Some(8));
        head[0] = 9;
        assert_eq!(length_of(&head), None);
    }
}
