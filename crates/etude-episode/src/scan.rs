//! A file read from its front, record by record, as far as it goes: for files that were cut off, and for checking.

use crate::record::{Body, MAGIC, PREFIX};
use crate::source::Source;
use std::io;

/// The longest record that is read, bytes.
const MAX_RECORD_BYTES: u64 = crate::reader::MAX_CHUNK_BYTES;

/// What stands at the scanner's place.
pub(crate) enum Scanned {
    /// A whole record; its body is in the scanner's buffer.
    Record { opcode: u8, offset: u64 },
    /// A record that ends beyond the file's end; what there is of its body is in the buffer.
    Cut { opcode: u8, offset: u64 },
    /// Fewer bytes than a record's prefix, or a length beyond all bounds.
    Noise { offset: u64, found: String },
    /// The file's end, with nothing left over.
    End,
}

/// Walks over the records of a file.
pub(crate) struct Scanner<'s> {
    source: &'s dyn Source,
    length: u64,
    offset: u64,
    body: Vec<u8>,
}

impl<'s> Scanner<'s> {
    /// Begins after the magic; `None` where there is none.
    pub(crate) fn begin(source: &'s dyn Source) -> io::Result<Option<Self>> {
        let length = source.length()?;
        let mut magic = [0; MAGIC.len()];
        if length < MAGIC.len() as u64 {
            return Ok(None);
        }
        source.read_exact_at(&mut magic, 0)?;
        let scanner = Self { source, length, offset: MAGIC.len() as u64, body: Vec::new() };
        Ok((magic == MAGIC).then_some(scanner))
    }

    /// The body of the record that [`Scanner::next`] returned.
    pub(crate) fn body(&self) -> &[u8] {
        &self.body
    }

    /// Where the next record begins.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Bytes of the file.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Bytes not walked over yet.
    pub(crate) fn left(&self) -> u64 {
        self.length - self.offset
    }

    pub(crate) fn next(&mut self) -> io::Result<Scanned> {
        let (offset, left) = (self.offset, self.left());
        if left == 0 {
            return Ok(Scanned::End);
        }
        if left < PREFIX as u64 {
            return Ok(Scanned::Noise { offset, found: format!("{left} bytes") });
        }
        let mut prefix = [0; PREFIX];
        self.source.read_exact_at(&mut prefix, offset)?;
        let mut fields = Body::new(&prefix);
        let opcode = fields.u8("an opcode").expect("the prefix has its length");
        let length = fields.u64("a length").expect("the prefix has its length");
        if opcode == 0 || length > MAX_RECORD_BYTES {
            return Ok(Scanned::Noise { offset, found: format!("opcode {opcode:#04x} of {length} bytes") });
        }
        let whole = length <= left - PREFIX as u64;
        let there = length.min(left - PREFIX as u64);
        self.body.resize(there as usize, 0);
        self.source.read_exact_at(&mut self.body, offset + PREFIX as u64)?;
        self.offset += PREFIX as u64 + there;
        Ok(if whole { Scanned::Record { opcode, offset } } else { Scanned::Cut { opcode, offset } })
    }
}
