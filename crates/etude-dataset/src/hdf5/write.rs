//! Writes HDF5 files from front to back: datasets first, then the groups that hold them, the root last.
//!
//! The form is that of version 1.8 (superblock 2, newer headers, links within them), which every reader since then takes.
//! Rows of one dataset may come in pieces; nothing but the places of the pieces is kept.

use super::{MAGIC, lookup3};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::Path;

/// An address that leads nowhere.
const NOWHERE: u64 = u64::MAX;
/// Children of a tree's node: twice the library's default for chunks where no superblock states another.
const CHILDREN: usize = 64;
/// The library reads so many bytes of a heap before it knows the heap's size.
const LEAST_HEAP_BYTES: usize = 4096;
/// The longest body of a message.
const MAX_MESSAGE_BYTES: usize = 65_528;

/// What the elements of a dataset are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Element {
    /// 64-bit floating point.
    Float64,
    /// 32-bit floating point.
    Float32,
    /// 64-bit whole numbers.
    Int64,
    /// 16-bit whole numbers from 0 on.
    #[cfg(test)]
    UInt16,
    /// Bytes.
    UInt8,
    /// Bytes of any number.
    Bytes,
    /// Text of so many bytes, filled up with zeros.
    Text(u32),
}

impl Element {
    const fn size(self) -> u32 {
        match self {
            Self::Float64 | Self::Int64 => 8,
            Self::Float32 => 4,
            #[cfg(test)]
            Self::UInt16 => 2,
            Self::UInt8 => 1,
            Self::Bytes => 16,
            Self::Text(size) => size,
        }
    }

    fn datatype(self) -> Vec<u8> {
        let mut out = Vec::new();
        let (class, bits): (u8, [u8; 3]) = match self {
            Self::Float64 => (0x11, [0x20, 63, 0]),
            Self::Float32 => (0x11, [0x20, 31, 0]),
            Self::Int64 => (0x10, [0x08, 0, 0]),
            #[cfg(test)]
            Self::UInt16 => (0x10, [0, 0, 0]),
            Self::UInt8 => (0x10, [0, 0, 0]),
            Self::Bytes => (0x19, [0, 0, 0]),
            Self::Text(_) => (0x13, [0x01, 0, 0]),
        };
        out.push(class);
        out.extend(bits);
        out.extend(self.size().to_le_bytes());
        let halves = |out: &mut Vec<u8>, values: &[u16]| {
            out.extend(values.iter().flat_map(|value| value.to_le_bytes()));
        };
        match self {
            // Bits: first, count; exponent and fraction: first, count; bias.
            Self::Float64 => {
                halves(&mut out, &[0, 64]);
                out.extend([52, 11, 0, 52]);
                out.extend(1023u32.to_le_bytes());
            }
            Self::Float32 => {
                halves(&mut out, &[0, 32]);
                out.extend([23, 8, 0, 23]);
                out.extend(127u32.to_le_bytes());
            }
            Self::Int64 => halves(&mut out, &[0, 64]),
            #[cfg(test)]
            Self::UInt16 => halves(&mut out, &[0, 16]),
            Self::UInt8 => halves(&mut out, &[0, 8]),
            Self::Bytes => out.extend(Self::UInt8.datatype()),
            Self::Text(_) => {}
        }
        out
    }
}

/// A value beside a group or dataset.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Attribute {
    /// Text in UTF-8.
    Text(String),
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f64),
}

/// Attributes by name.
pub(crate) type Attributes = [(String, Attribute)];

/// A file that is being written.
pub(crate) struct Writer {
    out: BufWriter<File>,
    at: u64,
}

/// A dataset whose rows come one by one, each a chunk of its own.
pub(crate) struct Pieces {
    element: Element,
    row_dims: Vec<u64>,
    deflate: bool,
    /// Where each row is, and its bytes.
    rows: Vec<(u64, u32)>,
}

impl Pieces {
    /// A dataset of rows of this size.
    pub(crate) fn new(element: Element, row_dims: &[u64], deflate: bool) -> Self {
        Self { element, row_dims: row_dims.to_vec(), deflate, rows: Vec::new() }
    }
}

impl Writer {
    /// Begins a file.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        let mut out = BufWriter::new(File::create(path)?);
        out.write_all(&[0; 48])?;
        Ok(Self { out, at: 48 })
    }

    /// Appends bytes at a place that can be divided by eight.
    fn put(&mut self, bytes: &[u8]) -> io::Result<u64> {
        let over = (self.at % 8) as usize;
        if over > 0 {
            self.out.write_all(&[0; 8][over..])?;
            self.at += 8 - over as u64;
        }
        let at = self.at;
        self.out.write_all(bytes)?;
        self.at += bytes.len() as u64;
        Ok(at)
    }

    /// Appends a value of any length; the reference to it.
    pub(crate) fn bytes(&mut self, value: &[u8]) -> io::Result<[u8; 16]> {
        let mut reference = [0; 16];
        if value.is_empty() {
            return Ok(reference);
        }
        let count = u32::try_from(value.len()).map_err(|_| io::Error::other("a value of more than 4 GB"))?;
        let used = 16 + 16 + value.len().next_multiple_of(8);
        let size = used.max(LEAST_HEAP_BYTES);
        let mut heap = Vec::with_capacity(size);
        heap.extend(b"GCOL\x01\0\0\0");
        heap.extend((size as u64).to_le_bytes());
        heap.extend([1, 0, 1, 0, 0, 0, 0, 0]);
        heap.extend(u64::from(count).to_le_bytes());
        heap.extend(value);
        heap.resize(used, 0);
        if size - used >= 16 {
            heap.extend([0; 8]);
            heap.extend(((size - used) as u64).to_le_bytes());
        }
        heap.resize(size, 0);
        let at = self.put(&heap)?;
        reference[..4].copy_from_slice(&count.to_le_bytes());
        reference[4..12].copy_from_slice(&at.to_le_bytes());
        reference[12..].copy_from_slice(&1u32.to_le_bytes());
        Ok(reference)
    }

    /// Writes a dataset whose elements are at hand, little-endian.
    pub(crate) fn dataset(
        &mut self,
        element: Element,
        dims: &[u64],
        elements: &[u8],
        attributes: &Attributes,
    ) -> io::Result<u64> {
        let at = if elements.is_empty() { NOWHERE } else { self.put(elements)? };
        let mut layout = vec![3, 1];
        layout.extend(at.to_le_bytes());
        layout.extend((elements.len() as u64).to_le_bytes());
        // Space is taken late, the default fill value is written where one is set.
        self.described((element, dims), 0x0a, &layout, None, attributes)
    }

    /// Writes one row of a dataset that comes in pieces.
    pub(crate) fn piece(&mut self, pieces: &mut Pieces, row: &[u8]) -> io::Result<()> {
        let packed;
        let stored = if pieces.deflate {
            let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(row)?;
            packed = encoder.finish()?;
            &packed
        } else {
            row
        };
        let size = u32::try_from(stored.len()).map_err(|_| io::Error::other("a row of more than 4 GB"))?;
        let at = self.put(stored)?;
        pieces.rows.push((at, size));
        Ok(())
    }

    /// Closes a dataset that came in pieces.
    pub(crate) fn close(&mut self, pieces: &Pieces, attributes: &Attributes) -> io::Result<u64> {
        let rank = pieces.row_dims.len() + 1;
        let tree = self.tree(pieces, rank)?;
        let mut layout = vec![3, 2, rank as u8 + 1];
        layout.extend(tree.to_le_bytes());
        layout.extend(1u32.to_le_bytes());
        for dim in &pieces.row_dims {
            let dim = u32::try_from(*dim).map_err(|_| io::Error::other("a row of more than 4 GB"))?;
            layout.extend(dim.to_le_bytes());
        }
        layout.extend(pieces.element.size().to_le_bytes());
        // Version 2, one filter: deflate, which may not be left out, level 1.
        let filters: &[u8] = &[2, 1, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0];
        let dims: Vec<u64> =
            [pieces.rows.len() as u64].into_iter().chain(pieces.row_dims.iter().copied()).collect();
        let filters = pieces.deflate.then_some(filters);
        self.described((pieces.element, &dims), 0x0b, &layout, filters, attributes)
    }

    /// The tree of a dataset's pieces; its root.
    fn tree(&mut self, pieces: &Pieces, rank: usize) -> io::Result<u64> {
        let key = |row: usize, size: u32| {
            let mut key = Vec::with_capacity(8 + 8 * (rank + 1));
            key.extend(size.to_le_bytes());
            key.extend(0u32.to_le_bytes());
            key.extend((row as u64).to_le_bytes());
            key.resize(8 + 8 * (rank + 1), 0);
            key
        };
        let rows = pieces.rows.iter().enumerate();
        let mut children: Vec<(Vec<u8>, u64)> =
            rows.map(|(row, (at, size))| (key(row, *size), *at)).collect();
        let end = key(pieces.rows.len(), 0);
        let node_bytes = 24 + CHILDREN * 8 + (CHILDREN + 1) * end.len();
        if children.is_empty() {
            return Ok(NOWHERE);
        }
        for level in 0u8.. {
            let mut above = Vec::new();
            let first_at = self.at.next_multiple_of(8);
            let nodes = children.len().div_ceil(CHILDREN);
            let stride = node_bytes.next_multiple_of(8) as u64;
            for (number, part) in children.chunks(CHILDREN).enumerate() {
                let at = |number: usize| first_at + number as u64 * stride;
                let mut node = Vec::with_capacity(node_bytes);
                node.extend(b"TREE\x01");
                node.push(level);
                node.extend((part.len() as u16).to_le_bytes());
                let left = if number == 0 { NOWHERE } else { at(number - 1) };
                let right = if number + 1 == nodes { NOWHERE } else { at(number + 1) };
                node.extend(left.to_le_bytes());
                node.extend(right.to_le_bytes());
                for (key, child) in part {
                    node.extend(key);
                    node.extend(child.to_le_bytes());
                }
                let next = children.get((number + 1) * CHILDREN).map_or(&end, |(key, _)| key);
                node.extend(next);
                node.resize(stride as usize, 0);
                let place = self.put(&node)?;
                above.push((part.first().map(|(key, _)| key.clone()).unwrap_or_default(), place));
            }
            if let [(_, root)] = above[..] {
                return Ok(root);
            }
            children = above;
        }
        Ok(NOWHERE)
    }

    fn described(
        &mut self,
        (element, dims): (Element, &[u64]),
        fill: u8,
        layout: &[u8],
        filters: Option<&[u8]>,
        attributes: &Attributes,
    ) -> io::Result<u64> {
        let mut messages = vec![
            (0x01, space(dims)),
            (0x03, element.datatype()),
            (0x05, vec![3, fill]),
            (0x08, layout.to_vec()),
        ];
        messages.extend(filters.map(|filters| (0x0b, filters.to_vec())));
        self.header(messages, attributes)
    }

    /// Writes a group of objects that were written before.
    pub(crate) fn group(&mut self, links: &[(String, u64)], attributes: &Attributes) -> io::Result<u64> {
        let mut account = vec![0, 0];
        account.extend([0xff; 16]);
        let mut messages = vec![(0x02, account), (0x0a, vec![0, 0])];
        for (name, at) in links {
            // Version 1; the name's length in two bytes, its letters in UTF-8.
            let mut link = vec![1, 0x11, 1];
            link.extend((name.len() as u16).to_le_bytes());
            link.extend(name.as_bytes());
            link.extend(at.to_le_bytes());
            messages.push((0x06, link));
        }
        self.header(messages, attributes)
    }

    fn header(&mut self, mut messages: Vec<(u8, Vec<u8>)>, attributes: &Attributes) -> io::Result<u64> {
        for (name, value) in attributes {
            let message = self.attribute(name, value)?;
            messages.push((0x0c, message));
        }
        let mut body = Vec::new();
        for (kind, message) in messages {
            if message.len() > MAX_MESSAGE_BYTES {
                return Err(io::Error::other(format!("a message of more than {MAX_MESSAGE_BYTES} bytes")));
            }
            body.push(kind);
            body.extend((message.len() as u16).to_le_bytes());
            body.push(0);
            body.extend(message);
        }
        let length = u32::try_from(body.len()).map_err(|_| io::Error::other("a group of more than 4 GB"))?;
        let mut header = b"OHDR\x02\x02".to_vec();
        header.extend(length.to_le_bytes());
        header.extend(body);
        header.extend(lookup3(&header).to_le_bytes());
        self.put(&header)
    }

    fn attribute(&mut self, name: &str, value: &Attribute) -> io::Result<Vec<u8>> {
        let (datatype, data) = match value {
            Attribute::Text(text) => {
                // Text of any length, in UTF-8, that ends with a zero in memory; bytes underneath.
                let mut datatype = vec![0x19, 0x01, 0x01, 0];
                datatype.extend(16u32.to_le_bytes());
                datatype.extend([0x13, 0, 0, 0, 1, 0, 0, 0]);
                (datatype, self.bytes(text.as_bytes())?.to_vec())
            }
            Attribute::Int(number) => (Element::Int64.datatype(), number.to_le_bytes().to_vec()),
            Attribute::Float(number) => (Element::Float64.datatype(), number.to_le_bytes().to_vec()),
        };
        let space = space(&[]);
        let mut message = vec![3, 0];
        for length in [name.len() + 1, datatype.len(), space.len()] {
            let length = u16::try_from(length).map_err(|_| io::Error::other("a name of more than 64 kB"))?;
            message.extend(length.to_le_bytes());
        }
        message.push(1);
        message.extend(name.as_bytes());
        message.push(0);
        message.extend(datatype);
        message.extend(space);
        message.extend(data);
        Ok(message)
    }

    /// Names the root group and closes the file.
    pub(crate) fn finish(mut self, root: u64) -> io::Result<()> {
        let mut head = MAGIC.to_vec();
        head.extend([2, 8, 8, 0]);
        for place in [0, NOWHERE, self.at, root] {
            head.extend(place.to_le_bytes());
        }
        head.extend(lookup3(&head).to_le_bytes());
        self.out.seek(SeekFrom::Start(0))?;
        self.out.write_all(&head)?;
        self.out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
    }
}

/// A size as a message: version 2, without a limit of its own.
fn space(dims: &[u64]) -> Vec<u8> {
    let mut space = vec![2, dims.len() as u8, 0, u8::from(!dims.is_empty())];
    space.extend(dims.iter().flat_map(|dim| dim.to_le_bytes()));
    space
}
