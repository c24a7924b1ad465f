//! Heaps: names of old groups (local), values of any length (global), and the names and attributes of new, large groups
//! (fractal).

use super::{Damage, File, bytes_for, is_sound, number};
use crate::foreign::bytes::Cursor;
use std::collections::BTreeMap;

/// Blocks of a fractal heap.
const MAX_BLOCKS: usize = 100_000;
/// Levels of a fractal heap.
const MAX_LEVELS: usize = 16;

/// The names of an old group.
pub(super) struct LocalHeap {
    bytes: Vec<u8>,
}

impl LocalHeap {
    /// Text that ends with a zero.
    pub(super) fn text(&self, offset: u64) -> Option<String> {
        let bytes = self.bytes.get(usize::try_from(offset).ok()?..)?;
        let end = bytes.iter().position(|byte| *byte == 0)?;
        Some(String::from_utf8_lossy(bytes.get(..end)?).into_owned())
    }
}

/// One collection of values: by their number, where each stands within `bytes`.
#[derive(Debug, Default)]
pub(crate) struct Collection {
    bytes: Vec<u8>,
    objects: BTreeMap<u32, (usize, usize)>,
}

impl Collection {
    pub(super) fn object(&self, index: u32) -> Option<&[u8]> {
        let (from, to) = *self.objects.get(&index)?;
        self.bytes.get(from..to)
    }
}

/// A fractal heap: its direct blocks by where they stand in the heap's own space.
pub(super) struct FractalHeap {
    /// Where in the heap, where in the file, bytes.
    blocks: Vec<(u64, u64, u64)>,
    offset_bytes: usize,
    length_bytes: usize,
}

/// The shape of a fractal heap.
struct Doubling {
    width: u64,
    start: u64,
    max_direct: u64,
    /// Bytes of an offset into the heap.
    offset_bytes: usize,
}

impl Doubling {
    fn row_size(&self, row: u32) -> u64 {
        if row == 0 { self.start } else { self.start.checked_shl(row - 1).unwrap_or(u64::MAX) }
    }
}

impl File {
    pub(super) fn local_heap(&self, at: u64) -> Result<LocalHeap, Damage> {
        const WHAT: &str = "a local heap";
        let head = self.signed(
            at,
            8 + 2 * u64::from(self.length_size) + u64::from(self.offset_size),
            *b"HEAP",
            WHAT,
        )?;
        let mut cursor = Cursor::new(&head);
        let mut parse = || {
            cursor.take(8, "a signature")?;
            let size = self.length(&mut cursor)?;
            self.length(&mut cursor)?;
            Ok((size, self.place(&mut cursor)?))
        };
        let (size, place) = parse().map_err(Damage::within(WHAT, at))?;
        let place = place.ok_or_else(|| Damage::new(WHAT, at, "where its names are", "none"))?;
        let there = size.min(self.length.saturating_sub(place));
        Ok(LocalHeap { bytes: self.read(place, there, WHAT)? })
    }

    pub(super) fn collection(&self, at: u64) -> Result<Collection, Damage> {
        const WHAT: &str = "a global heap";
        let front = 8 + u64::from(self.length_size);
        let head = self.signed(at, front, *b"GCOL", WHAT)?;
        let mut cursor = Cursor::new(&head);
        cursor.take(8, "a signature").map_err(Damage::within(WHAT, at))?;
        let size = self.length(&mut cursor).map_err(Damage::within(WHAT, at))?;
        let there = size.min(self.length.saturating_sub(at));
        let bytes = self.read(at, there, WHAT)?;
        let mut objects = BTreeMap::new();
        let mut from = front as usize;
        loop {
            let mut cursor = Cursor::new(bytes.get(from..).unwrap_or_default());
            let mut parse = || {
                let index = cursor.u16()?;
                cursor.take(6, "a count")?;
                Ok::<_, crate::foreign::bytes::BytesError>((index, self.length(&mut cursor)?, cursor.at()))
            };
            let Ok((index, length, head)) = parse() else { break };
            let begins = from + head;
            let end = usize::try_from(length).ok().and_then(|length| begins.checked_add(length));
            let Some(end) = end.filter(|end| index != 0 && *end <= bytes.len()) else { break };
            objects.insert(index.into(), (begins, end));
            from = begins + (end - begins).next_multiple_of(8);
        }
        Ok(Collection { bytes, objects })
    }

    pub(super) fn fractal_heap(&self, at: u64) -> Result<FractalHeap, Damage> {
        const WHAT: &str = "a fractal heap";
        let (o, l) = (u64::from(self.offset_size), u64::from(self.length_size));
        let bytes = self.signed(at, 26 + 12 * l + 3 * o, *b"FRHP", WHAT)?;
        let mut cursor = Cursor::new(&bytes);
        let mut parse = || {
            cursor.take(7, "a signature")?;
            let filters = cursor.u16()?;
            cursor.u8()?;
            let max_object = cursor.u32()?;
            cursor.take((l + o + l + o) as usize, "places")?;
            cursor.take(8 * l as usize, "counts")?;
            let width = cursor.u16()?;
            let (start, max_direct) = (self.length(&mut cursor)?, self.length(&mut cursor)?);
            let bits = cursor.u16()?;
            cursor.u16()?;
            let root = self.place(&mut cursor)?;
            Ok((filters, max_object, width, start, max_direct, bits, root, cursor.u16()?))
        };
        let (filters, max_object, width, start, max_direct, bits, root, rows) =
            parse().map_err(Damage::within(WHAT, at))?;
        if filters != 0 || width == 0 || start == 0 || !start.is_power_of_two() || bits > 64 {
            return Err(Damage::new(WHAT, at, "a heap without filters and of sound shape", "another"));
        }
        let shape =
            Doubling { width: width.into(), start, max_direct, offset_bytes: usize::from(bits).div_ceil(8) };
        let mut heap = FractalHeap {
            blocks: Vec::new(),
            offset_bytes: shape.offset_bytes,
            length_bytes: (max_direct.checked_ilog2().unwrap_or(0).div_ceil(8) as usize)
                .min(bytes_for(max_object.into())),
        };
        match root {
            Some(root) if rows == 0 => heap.blocks.push((0, root, start)),
            Some(root) => self.indirect(&shape, (root, 0, rows.into()), 0, &mut heap.blocks)?,
            None => {}
        }
        Ok(heap)
    }

    fn indirect(
        &self,
        shape: &Doubling,
        (at, offset, rows): (u64, u64, u32),
        level: usize,
        blocks: &mut Vec<(u64, u64, u64)>,
    ) -> Result<(), Damage> {
        const WHAT: &str = "a block of a fractal heap";
        if level > MAX_LEVELS || rows > 64 {
            return Err(Damage::new(WHAT, at, format!("at most {MAX_LEVELS} levels"), "more"));
        }
        let front = 5 + u64::from(self.offset_size) + shape.offset_bytes as u64;
        let entries = u64::from(rows) * shape.width;
        let bytes = self.signed(at, front + entries * u64::from(self.offset_size) + 4, *b"FHIB", WHAT)?;
        if !is_sound(&bytes) {
            return Err(Damage::new(WHAT, at, "its checksum", "another"));
        }
        let mut cursor = Cursor::new(&bytes);
        cursor.take(front as usize, "a signature").map_err(Damage::within(WHAT, at))?;
        let mut offset = offset;
        for row in 0..rows {
            let size = shape.row_size(row);
            for _ in 0..shape.width {
                let child = self.place(&mut cursor).map_err(Damage::within(WHAT, at))?;
                if blocks.len() > MAX_BLOCKS {
                    return Err(Damage::new(WHAT, at, format!("at most {MAX_BLOCKS} blocks"), "more"));
                }
                if let Some(child) = child {
                    if size <= shape.max_direct {
                        blocks.push((offset, child, size));
                    } else {
                        let span = shape.start.saturating_mul(shape.width);
                        let rows = (size / span).checked_ilog2().unwrap_or(0) + 1;
                        self.indirect(shape, (child, offset, rows), level + 1, blocks)?;
                    }
                }
                offset = offset.saturating_add(size);
            }
        }
        Ok(())
    }

    /// An object of a fractal heap: where it is in the file, and its bytes.
    pub(super) fn heap_object(&self, heap: &FractalHeap, id: &[u8]) -> Result<(u64, Vec<u8>), Damage> {
        const WHAT: &str = "an object of a fractal heap";
        let missing = |found: &str| Damage::new(WHAT, 0, "an object within the heap", found);
        let mut cursor = Cursor::new(id);
        let kind = cursor.u8().map_err(Damage::within(WHAT, 0))?;
        match (kind >> 4) & 3 {
            0 => {
                let mut parse =
                    || Ok((number(&mut cursor, heap.offset_bytes)?, number(&mut cursor, heap.length_bytes)?));
                let (offset, length) = parse().map_err(Damage::within(WHAT, 0))?;
                let block =
                    heap.blocks.iter().find(|(from, _, size)| offset >= *from && offset - from < *size);
                let (from, at, size) = block.ok_or_else(|| missing("one outside of its blocks"))?;
                if offset - from + length > *size {
                    return Err(missing("one longer than its block"));
                }
                let at = at.saturating_add(offset - from);
                Ok((at, self.read(at, length, WHAT)?))
            }
            2 => {
                let length = usize::from(kind & 0x0f) + 1;
                let bytes = cursor.take(length, "a small object").map_err(Damage::within(WHAT, 0))?;
                Ok((0, bytes.to_vec()))
            }
            _ => Err(missing("one that is stored outside of it, which is not read")),
        }
    }
}
