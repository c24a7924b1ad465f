//! HDF5 files: objects, attributes and rows of datasets, read piece by piece from a file that nobody vouches for; and a
//! small writer.
//!
//! Follows the HDF5 File Format Specification, version 3.0 (support.hdfgroup.org). Read are superblocks 0 to 3, both
//! kinds of object headers, groups of every kind, attributes, and datasets that are compact, contiguous or chunked by any
//! index; deflate, shuffle, Fletcher-32 and LZF. Not read are external files, virtual datasets and references. Every
//! length is checked before memory is taken, every walk is bounded, and what is damaged costs that piece alone: a header
//! whose end is missing still gives the messages that are there. A chunk that was never written is missing, and is not
//! read as a fill value.
//!
//! Reading order: [`File`], [`object`], [`datatype`], [`dataset`], `chunks`, `filter`; [`write`].

mod attribute;
mod btree;
mod chunks;
pub(crate) mod dataset;
pub(crate) mod datatype;
mod filter;
mod group;
mod header;
mod heap;
mod layout;
pub(crate) mod object;
#[cfg(any(feature = "ffmpeg", test))]
pub(crate) mod write;

use crate::foreign::bytes::{BytesError, Cursor};
use std::collections::HashMap;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// What an HDF5 file begins with, behind a user block of 0, 512, 1024, … bytes.
pub(crate) const MAGIC: [u8; 8] = *b"\x89HDF\r\n\x1a\n";
/// The largest piece of structure that is read at once, bytes.
const MAX_PIECE_BYTES: u64 = 64 << 20;
/// User blocks up to here are looked behind, bytes.
const MAX_USER_BLOCK_BYTES: u64 = 1 << 20;

/// Something in a file that is not as the format says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} at byte {at}: expected {expected}, found {found}")]
pub(crate) struct Damage {
    /// What was being read.
    pub(crate) what: &'static str,
    /// Where in the file.
    pub(crate) at: u64,
    /// What was expected.
    pub(crate) expected: String,
    /// What was found.
    pub(crate) found: String,
}

impl Damage {
    fn new(what: &'static str, at: u64, expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self { what, at, expected: expected.into(), found: found.into() }
    }

    /// An error within a piece that begins at `at`.
    fn within(what: &'static str, at: u64) -> impl FnOnce(BytesError) -> Self {
        move |error| Self::new(what, at.saturating_add(error.at as u64), error.expected, error.found)
    }
}

/// An open HDF5 file; a clone of it reads the same open file.
#[derive(Clone, Debug)]
pub(crate) struct File {
    handle: Arc<std::fs::File>,
    length: u64,
    /// Where the file proper begins; addresses count from here.
    base: u64,
    /// Bytes of an address and of a length.
    offset_size: u8,
    length_size: u8,
    root: u64,
    /// Per address of a group, where its table is, as the group above it noted down.
    noted: Arc<Mutex<HashMap<u64, Vec<u8>>>>,
}

impl File {
    /// Opens a file and finds its root group.
    pub(crate) fn open(path: &Path) -> Result<Self, Damage> {
        let failed = |error: io::Error| Damage::new("the file", 0, "to open it", error.to_string());
        let file = std::fs::File::open(path).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        let mut file = Self {
            handle: Arc::new(file),
            length,
            base: 0,
            offset_size: 8,
            length_size: 8,
            root: 0,
            noted: Arc::default(),
        };
        let at = file.superblock_at()?;
        file.superblock(at)?;
        Ok(file)
    }

    /// Where the tables of groups are, by the groups above them.
    fn noted(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Vec<u8>>> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The address of the root group's header.
    pub(crate) const fn root(&self) -> u64 {
        self.root
    }

    fn superblock_at(&self) -> Result<u64, Damage> {
        let mut at = 0;
        while at <= MAX_USER_BLOCK_BYTES {
            if self.read(at, 8, "a superblock").is_ok_and(|bytes| bytes == MAGIC) {
                return Ok(at);
            }
            at = if at == 0 { 512 } else { at * 2 };
        }
        Err(Damage::new("the file", 0, "the signature of HDF5", "none"))
    }

    fn superblock(&mut self, at: u64) -> Result<(), Damage> {
        const WHAT: &str = "the superblock";
        let length = 96.min(self.length.saturating_sub(at));
        let bytes = self.read(at, length, WHAT)?;
        let mut cursor = Cursor::new(&bytes);
        let within = || Damage::within(WHAT, at);
        cursor.take(8, "a signature").map_err(within())?;
        let version = cursor.u8().map_err(within())?;
        let is_old = version < 2;
        if version > 3 {
            return Err(Damage::new(WHAT, at + 8, "version 0 to 3", version.to_string()));
        }
        if is_old {
            cursor.take(4, "versions").map_err(within())?;
        }
        let (offset_size, length_size) = (cursor.u8().map_err(within())?, cursor.u8().map_err(within())?);
        for size in [offset_size, length_size] {
            if !matches!(size, 2 | 4 | 8) {
                return Err(Damage::new(WHAT, at, "addresses of 2, 4 or 8 bytes", size.to_string()));
            }
        }
        (self.offset_size, self.length_size) = (offset_size, length_size);
        let skip = match version {
            0 => 1 + 4 + 4,
            1 => 1 + 4 + 4 + 4,
            _ => 1,
        };
        cursor.take(skip, "flags").map_err(within())?;
        // A user block that was added later leaves the stated base behind: where the signature is, is what counts.
        self.base = at;
        let places = if is_old { 5 } else { 3 };
        for _ in 0..places {
            number(&mut cursor, offset_size.into()).map_err(within())?;
        }
        let root = number(&mut cursor, offset_size.into()).map_err(within())?;
        self.root = self
            .address(root)
            .ok_or_else(|| Damage::new(WHAT, at, "the address of the root group", "none"))?;
        Ok(())
    }

    /// Bytes of the file; `at` counts from its first byte.
    fn read(&self, at: u64, length: u64, what: &'static str) -> Result<Vec<u8>, Damage> {
        let mut bytes = Vec::new();
        self.read_into(&mut bytes, at, length, what)?;
        Ok(bytes)
    }

    fn read_into(&self, into: &mut Vec<u8>, at: u64, length: u64, what: &'static str) -> Result<(), Damage> {
        let left = self.length.saturating_sub(at);
        if length > left {
            return Err(Damage::new(what, at, format!("{length} bytes"), format!("{left}: the file ends")));
        }
        if length > MAX_PIECE_BYTES {
            return Err(Damage::new(
                what,
                at,
                format!("at most {MAX_PIECE_BYTES} bytes"),
                length.to_string(),
            ));
        }
        into.clear();
        into.resize(length as usize, 0);
        self.handle
            .read_exact_at(into, at)
            .map_err(|error| Damage::new(what, at, format!("{length} bytes"), error.to_string()))
    }

    /// A piece that begins with a signature.
    fn signed(
        &self,
        at: u64,
        length: u64,
        signature: [u8; 4],
        what: &'static str,
    ) -> Result<Vec<u8>, Damage> {
        let bytes = self.read(at, length, what)?;
        if bytes.get(..4) == Some(&signature) {
            return Ok(bytes);
        }
        let found = String::from_utf8_lossy(bytes.get(..4).unwrap_or_default()).into_owned();
        Err(Damage::new(what, at, String::from_utf8_lossy(&signature), found))
    }

    /// A length of the file's own width.
    fn length(&self, cursor: &mut Cursor<'_>) -> Result<u64, BytesError> {
        number(cursor, usize::from(self.length_size))
    }

    /// An address, from the first byte of the file; `None` where it is undefined.
    fn place(&self, cursor: &mut Cursor<'_>) -> Result<Option<u64>, BytesError> {
        let stated = number(cursor, usize::from(self.offset_size))?;
        Ok(self.address(stated))
    }

    fn address(&self, stated: u64) -> Option<u64> {
        let undefined = u64::MAX >> (64 - 8 * u32::from(self.offset_size));
        if stated == undefined { None } else { self.base.checked_add(stated) }
    }
}

/// A little-endian number of at most 8 bytes.
fn number(cursor: &mut Cursor<'_>, size: usize) -> Result<u64, BytesError> {
    let bytes = cursor.take(size.min(8), "a number")?;
    Ok(bytes.iter().rev().fold(0, |number, byte| (number << 8) | u64::from(*byte)))
}

/// Bytes that hold any number up to `limit`.
fn bytes_for(limit: u64) -> usize {
    limit.checked_ilog2().unwrap_or(0) as usize / 8 + 1
}

/// The checksum of structures since version 1.8: Jenkins' lookup3, `hashlittle`, as the specification names it.
fn lookup3(bytes: &[u8]) -> u32 {
    let start = 0xdead_beef_u32.wrapping_add(bytes.len() as u32);
    let (mut a, mut b, mut c) = (start, start, start);
    let mut rest = bytes;
    let word = |bytes: &[u8], at: usize| {
        (0..4).fold(0u32, |word, byte| {
            word | u32::from(bytes.get(at + byte).copied().unwrap_or(0)) << (8 * byte)
        })
    };
    while rest.len() > 12 {
        a = a.wrapping_add(word(rest, 0));
        b = b.wrapping_add(word(rest, 4));
        c = c.wrapping_add(word(rest, 8));
        a = a.wrapping_sub(c) ^ c.rotate_left(4);
        c = c.wrapping_add(b);
        b = b.wrapping_sub(a) ^ a.rotate_left(6);
        a = a.wrapping_add(c);
        c = c.wrapping_sub(b) ^ b.rotate_left(8);
        b = b.wrapping_add(a);
        a = a.wrapping_sub(c) ^ c.rotate_left(16);
        c = c.wrapping_add(b);
        b = b.wrapping_sub(a) ^ a.rotate_left(19);
        a = a.wrapping_add(c);
        c = c.wrapping_sub(b) ^ b.rotate_left(4);
        b = b.wrapping_add(a);
        rest = rest.get(12..).unwrap_or_default();
    }
    if rest.is_empty() {
        return c;
    }
    a = a.wrapping_add(word(rest, 0));
    b = b.wrapping_add(word(rest, 4));
    c = c.wrapping_add(word(rest, 8));
    c = (c ^ b).wrapping_sub(b.rotate_left(14));
    a = (a ^ c).wrapping_sub(c.rotate_left(11));
    b = (b ^ a).wrapping_sub(a.rotate_left(25));
    c = (c ^ b).wrapping_sub(b.rotate_left(16));
    a = (a ^ c).wrapping_sub(c.rotate_left(4));
    b = (b ^ a).wrapping_sub(a.rotate_left(14));
    (c ^ b).wrapping_sub(b.rotate_left(24))
}

/// Whether a piece's last four bytes are the checksum of the others. A fuzzer, which finds none, gets past it.
fn is_sound(bytes: &[u8]) -> bool {
    let is_its_own = |(front, sum): (&[u8], &[u8; 4])| lookup3(front) == u32::from_le_bytes(*sum);
    bytes.split_last_chunk::<4>().is_some_and(|parts| cfg!(fuzzing) || is_its_own(parts))
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod units {
    use super::*;

    #[test]
    fn checksums_are_those_of_lookup3() {
        // Bob Jenkins' own driver: hashlittle("Four score and seven years ago", 0) and of no bytes.
        assert_eq!(lookup3(b"Four score and seven years ago"), 0x1777_0551);
        assert_eq!(lookup3(b""), 0xdead_beef);
    }

    #[test]
    fn widths_are_those_of_the_library() {
        assert_eq!([0, 1, 255, 256, 65_535, 65_536].map(bytes_for), [1, 1, 1, 2, 2, 3]);
    }
}
