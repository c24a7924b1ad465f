//! Where a dataset's chunks are, by any of the six indexes.

use super::dataset::Dataset;
use super::layout::{Index, Layout, Space};
use super::{Damage, File, is_sound, number};
use crate::foreign::bytes::{BytesError, Cursor};

/// Chunks of one dataset.
const MAX_CHUNKS: usize = 2_000_000;

/// One chunk that was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Chunk {
    /// Its number, row by row of the grid that the dataset's present size makes.
    pub(super) number: u64,
    pub(super) at: u64,
    /// Bytes as stored.
    pub(super) size: u64,
    /// Filters that were left out.
    pub(super) mask: u32,
}

/// The grid of chunks.
pub(super) struct Grid {
    /// Chunks along each axis, now and at most; `None` without limit.
    now: Vec<u64>,
    most: Vec<Option<u64>>,
    chunk_bytes: u64,
    is_filtered: bool,
}

impl Grid {
    pub(super) fn new(space: &Space, dims: &[u64], element: usize, is_filtered: bool) -> Option<Self> {
        if space.dims.len() != dims.len() {
            return None;
        }
        let count = |(size, chunk): (&u64, &u64)| size.div_ceil(*chunk);
        let now = space.dims.iter().zip(dims).map(count).collect();
        let most = space.most.iter().zip(dims).map(|(most, chunk)| most.map(|most| most.div_ceil(*chunk)));
        let chunk_bytes = dims.iter().try_fold(element as u64, |bytes, dim| bytes.checked_mul(*dim))?;
        Some(Self { now, most: most.collect(), chunk_bytes, is_filtered })
    }

    /// Bytes of a chunk once its filters are undone.
    pub(super) const fn chunk_bytes(&self) -> u64 {
        self.chunk_bytes
    }

    /// Chunks that lie side by side in the same rows.
    pub(super) fn across(&self) -> u64 {
        self.now.iter().skip(1).fold(1u64, |count, along| count.saturating_mul(*along)).max(1)
    }

    /// The first element of a chunk along each axis.
    pub(super) fn origin(&self, number: u64, dims: &[u64]) -> Vec<u64> {
        let mut rest = number;
        let mut origin: Vec<u64> = self
            .now
            .iter()
            .zip(dims)
            .rev()
            .map(|(count, dim)| {
                let place = rest % (*count).max(1);
                rest /= (*count).max(1);
                place.saturating_mul(*dim)
            })
            .collect();
        origin.reverse();
        origin
    }

    /// The number of the chunk at these places; `None` where the dataset does not reach.
    fn number(&self, places: &[u64]) -> Option<u64> {
        if places.len() != self.now.len() {
            return None;
        }
        self.now.iter().zip(places).try_fold(0u64, |number, (count, place)| {
            (place < count).then_some(())?;
            number.checked_mul(*count)?.checked_add(*place)
        })
    }

    /// The places of the chunk that an array has at `index`. The axis without limit counts slowest.
    fn places(&self, index: u64) -> Option<Vec<u64>> {
        let open = self.most.iter().position(Option::is_none).unwrap_or(0);
        let mut order: Vec<usize> = (0..self.now.len()).collect();
        if let Some(axes) = order.get_mut(..=open) {
            axes.rotate_right(1);
        }
        let mut places = vec![0; self.now.len()];
        let mut rest = index;
        for (turn, axis) in order.iter().enumerate().rev() {
            let place = if turn == 0 {
                std::mem::take(&mut rest)
            } else {
                let most = (*self.most.get(*axis)?)?.max(1);
                let place = rest % most;
                rest /= most;
                place
            };
            *places.get_mut(*axis)? = place;
        }
        Some(places)
    }
}

/// What an array says of one chunk.
struct Entry {
    bytes: usize,
    size_bytes: usize,
}

/// Chunks that are being collected.
struct Found<'f> {
    file: &'f File,
    grid: &'f Grid,
    chunks: Vec<Chunk>,
}

impl Found<'_> {
    fn push(&mut self, places: &[u64], at: u64, size: u64, mask: u32) -> Result<(), Damage> {
        if self.chunks.len() >= MAX_CHUNKS {
            return Err(Damage::new("a dataset", at, format!("at most {MAX_CHUNKS} chunks"), "more"));
        }
        // A dataset that was made smaller keeps chunks beyond its end.
        if let Some(number) = self.grid.number(places) {
            self.chunks.push(Chunk { number, at, size, mask });
        }
        Ok(())
    }

    /// The elements of an array from `index` on.
    fn elements(
        &mut self,
        cursor: &mut Cursor<'_>,
        entry: &Entry,
        (index, count): (u64, u64),
        at: u64,
    ) -> Result<(), Damage> {
        for index in index..index.saturating_add(count) {
            let mut parse = || {
                let place = self.file.place(cursor)?;
                if entry.size_bytes == 0 {
                    return Ok((place, self.grid.chunk_bytes, 0));
                }
                Ok((place, number(cursor, entry.size_bytes)?, cursor.u32()?))
            };
            let (place, size, mask) = parse().map_err(Damage::within("an index of chunks", at))?;
            if let (Some(place), Some(places)) = (place, self.grid.places(index)) {
                self.push(&places, place, size, mask)?;
            }
        }
        Ok(())
    }
}

impl File {
    /// The chunks of a dataset in the order of their numbers, and what of the index could not be read.
    pub(super) fn chunks(&self, dataset: &Dataset, grid: &Grid) -> (Vec<Chunk>, Vec<Damage>) {
        let Layout::Chunked { dims, index, at } = &dataset.layout else { return Default::default() };
        let Some(at) = *at else { return Default::default() };
        let mut found = Found { file: self, grid, chunks: Vec::new() };
        let mut damages = match index {
            Index::OldTree => {
                let key = 8 + 8 * (dims.len() + 1);
                self.old_tree(at, 1, key, &mut |key, child| {
                    let mut cursor = Cursor::new(key);
                    let mut parse = || {
                        let (size, mask) = (cursor.u32()?, cursor.u32()?);
                        let places = dims.iter().map(|dim| Ok(cursor.u64()? / dim));
                        Ok((size, mask, places.collect::<Result<Vec<u64>, BytesError>>()?))
                    };
                    let (size, mask, places) = parse().map_err(Damage::within("a chunk's key", child))?;
                    found.push(&places, child, size.into(), mask)
                })
            }
            Index::NewTree => {
                self.new_tree(at, &mut |_, record| {
                    let mut cursor = Cursor::new(record);
                    // The record's own length says how wide the stored size is.
                    let fixed = usize::from(self.offset_size) + 8 * dims.len();
                    let width = record.len().saturating_sub(fixed + 4);
                    let mut parse = || {
                        let place = self.place(&mut cursor)?;
                        let (size, mask) = if grid.is_filtered {
                            (number(&mut cursor, width)?, cursor.u32()?)
                        } else {
                            (grid.chunk_bytes, 0)
                        };
                        let places = dims.iter().map(|_| cursor.u64());
                        Ok((place, size, mask, places.collect::<Result<Vec<u64>, BytesError>>()?))
                    };
                    let (place, size, mask, places) =
                        parse().map_err(Damage::within("a chunk's record", at))?;
                    place.map_or(Ok(()), |place| found.push(&places, place, size, mask))
                })
            }
            Index::Single(stored) => {
                let (size, mask) = stored.unwrap_or((grid.chunk_bytes, 0));
                found.push(&vec![0; dims.len()], at, size, mask).err().into_iter().collect()
            }
            Index::Implicit => self.implicit(at, &mut found).err().into_iter().collect(),
            Index::Fixed => self.fixed(at, &mut found).err().into_iter().collect(),
            Index::Extensible => self.extensible(at, &mut found).err().into_iter().collect(),
        };
        let mut chunks = found.chunks;
        chunks.sort_unstable_by_key(|chunk| (chunk.number, chunk.at));
        chunks.dedup_by_key(|chunk| chunk.number);
        let mut places: Vec<u64> = chunks.iter().map(|chunk| chunk.at).collect();
        places.sort_unstable();
        if let Some([twice, _]) = places.array_windows().find(|[a, b]| a == b) {
            damages.push(Damage::new("a dataset", *twice, "chunks of their own places", "two at one"));
            chunks.clear();
        }
        (chunks, damages)
    }

    fn implicit(&self, at: u64, found: &mut Found<'_>) -> Result<(), Damage> {
        let total = found.grid.most.iter().try_fold(1u64, |total, most| total.checked_mul((*most)?));
        let total = total.ok_or_else(|| Damage::new("a dataset", at, "a limited size", "none"))?;
        let bytes = found.grid.chunk_bytes.max(1);
        let there = self.length.saturating_sub(at).div_ceil(bytes).min(total);
        for index in 0..there {
            if let Some(places) = found.grid.places(index) {
                found.push(&places, at + index * bytes, bytes, 0)?;
            }
        }
        Ok(())
    }

    fn fixed(&self, at: u64, found: &mut Found<'_>) -> Result<(), Damage> {
        const WHAT: &str = "an array of chunks";
        let (o, l) = (u64::from(self.offset_size), u64::from(self.length_size));
        let bytes = self.sound(at, 12 + l + o, *b"FAHD", WHAT)?;
        let mut cursor = Cursor::new(&bytes);
        let mut parse = || {
            cursor.take(5, "a signature")?;
            let (client, entry, page_bits) = (cursor.u8()?, cursor.u8()?, cursor.u8()?);
            Ok((client, entry, page_bits, self.length(&mut cursor)?, self.place(&mut cursor)?))
        };
        let (client, entry, page_bits, count, block) = parse().map_err(Damage::within(WHAT, at))?;
        let Some(block) = block else { return Ok(()) };
        let entry = self.entry(client, entry, at)?;
        if count > MAX_CHUNKS as u64 || page_bits > 32 {
            return Err(Damage::new(WHAT, at, format!("at most {MAX_CHUNKS} chunks"), count.to_string()));
        }
        let page = 1u64 << page_bits;
        let front = 6 + o;
        if count <= page {
            let bytes = self.sound(block, front + count * entry.bytes as u64 + 4, *b"FADB", WHAT)?;
            let mut cursor = Cursor::new(bytes.get(front as usize..).unwrap_or_default());
            return found.elements(&mut cursor, &entry, (0, count), block);
        }
        let pages = count.div_ceil(page);
        let map = pages.div_ceil(8);
        let head = self.sound(block, front + map + 4, *b"FADB", WHAT)?;
        let map = head.get(front as usize..).unwrap_or_default().to_vec();
        let first = block + head.len() as u64;
        self.pages(found, &entry, (0, count), (page, first), Some(&map))
    }

    /// The pages of an array's block, each with its own checksum; those never written are left out.
    fn pages(
        &self,
        found: &mut Found<'_>,
        entry: &Entry,
        (index, count): (u64, u64),
        (page, first): (u64, u64),
        map: Option<&[u8]>,
    ) -> Result<(), Damage> {
        for number in 0..count.div_ceil(page) {
            let written = map.is_none_or(|map| {
                map.get((number / 8) as usize).is_some_and(|byte| byte >> (7 - number % 8) & 1 == 1)
            });
            if !written {
                continue;
            }
            let at = first + number * (page * entry.bytes as u64 + 4);
            let here = page.min(count - number * page);
            let bytes = self.read(at, here * entry.bytes as u64 + 4, "a page of chunks")?;
            if !is_sound(&bytes) {
                return Err(Damage::new("a page of chunks", at, "its checksum", "another"));
            }
            found.elements(&mut Cursor::new(&bytes), entry, (index + number * page, here), at)?;
        }
        Ok(())
    }

    fn entry(&self, client: u8, bytes: u8, at: u64) -> Result<Entry, Damage> {
        let fixed = usize::from(self.offset_size);
        let bytes = usize::from(bytes);
        let size_bytes = if client == 1 { bytes.saturating_sub(fixed + 4) } else { 0 };
        let is_sound = (client == 0 && bytes == fixed) || (client == 1 && (1..=8).contains(&size_bytes));
        if !is_sound {
            let found = format!("kind {client} of {bytes} bytes");
            return Err(Damage::new("an array of chunks", at, "entries of chunks", found));
        }
        Ok(Entry { bytes, size_bytes })
    }

    /// A piece with a signature and a checksum at its end.
    fn sound(&self, at: u64, length: u64, signature: [u8; 4], what: &'static str) -> Result<Vec<u8>, Damage> {
        let bytes = self.signed(at, length, signature, what)?;
        if is_sound(&bytes) { Ok(bytes) } else { Err(Damage::new(what, at, "its checksum", "another")) }
    }

    fn extensible(&self, at: u64, found: &mut Found<'_>) -> Result<(), Damage> {
        const WHAT: &str = "an array of chunks";
        let (o, l) = (u64::from(self.offset_size), u64::from(self.length_size));
        let bytes = self.sound(at, 16 + 6 * l + o, *b"EAHD", WHAT)?;
        let mut cursor = Cursor::new(&bytes);
        let mut parse = || {
            cursor.take(5, "a signature")?;
            let client = cursor.u8()?;
            let shape = [cursor.u8()?, cursor.u8()?, cursor.u8()?, cursor.u8()?, cursor.u8()?, cursor.u8()?];
            for _ in 0..4 {
                self.length(&mut cursor)?;
            }
            let used = self.length(&mut cursor)?;
            self.length(&mut cursor)?;
            Ok((client, shape, used, self.place(&mut cursor)?))
        };
        let (client, [entry, bits, in_index, least, pointers, page_bits], used, block) =
            parse().map_err(Damage::within(WHAT, at))?;
        let Some(block) = block else { return Ok(()) };
        let entry = self.entry(client, entry, at)?;
        let is_power = |number: u8| number.is_power_of_two();
        if bits > 64 || page_bits > 32 || !is_power(least) || !is_power(pointers) || used > MAX_CHUNKS as u64
        {
            return Err(Damage::new(WHAT, at, "a sound shape", format!("{used} chunks in {bits} bits")));
        }
        let array = Growing {
            entry,
            offset_bytes: usize::from(bits).div_ceil(8),
            least: least.into(),
            page: 1 << page_bits,
            used,
        };
        let supers = (1 + u64::from(bits)).saturating_sub(least.ilog2().into());
        let direct_supers = 2 * u64::from(pointers.ilog2());
        let direct_blocks = 2 * (u64::from(pointers) - 1);
        let super_pointers = supers.saturating_sub(direct_supers);
        let front = 6 + o;
        let in_index = u64::from(in_index);
        let length = front + in_index * array.entry.bytes as u64 + (direct_blocks + super_pointers) * o + 4;
        let bytes = self.sound(block, length, *b"EAIB", WHAT)?;
        let mut cursor = Cursor::new(bytes.get(front as usize..).unwrap_or_default());
        found.elements(&mut cursor, &array.entry, (0, in_index), block)?;
        let mut index = in_index;
        for number in 0..supers {
            let (blocks, elements) = array.super_block(number);
            if index >= used {
                break;
            }
            if number < direct_supers {
                for _ in 0..blocks {
                    let place = self.place(&mut cursor).map_err(Damage::within(WHAT, block))?;
                    if let Some(place) = place {
                        self.growing_block(found, &array, place, (index, elements), None)?;
                    }
                    index = index.saturating_add(elements);
                }
            } else {
                let place = self.place(&mut cursor).map_err(Damage::within(WHAT, block))?;
                if let Some(place) = place {
                    self.growing_super(found, &array, place, (index, blocks, elements))?;
                }
                index = index.saturating_add(blocks.saturating_mul(elements));
            }
        }
        Ok(())
    }

    fn growing_super(
        &self,
        found: &mut Found<'_>,
        array: &Growing,
        at: u64,
        (index, blocks, elements): (u64, u64, u64),
    ) -> Result<(), Damage> {
        const WHAT: &str = "a block of an array of chunks";
        let o = u64::from(self.offset_size);
        let map_each = if elements > array.page { (elements / array.page).div_ceil(8) } else { 0 };
        let front = 6 + o + array.offset_bytes as u64;
        let too_many = || Damage::new(WHAT, at, format!("at most {MAX_CHUNKS} chunks"), "more");
        if blocks > MAX_CHUNKS as u64 {
            return Err(too_many());
        }
        let bytes = self.sound(at, front + blocks * (map_each + o) + 4, *b"EASB", WHAT)?;
        let maps = bytes.get(front as usize..).unwrap_or_default();
        let mut cursor = Cursor::new(maps);
        cursor.take((blocks * map_each) as usize, "a map").map_err(Damage::within(WHAT, at))?;
        for number in 0..blocks {
            let first = index.saturating_add(number.saturating_mul(elements));
            if first >= array.used {
                break;
            }
            let place = self.place(&mut cursor).map_err(Damage::within(WHAT, at))?;
            let from = (number * map_each) as usize;
            let map = maps.get(from..from + map_each as usize).filter(|map| !map.is_empty());
            if let Some(place) = place {
                self.growing_block(found, array, place, (first, elements), map)?;
            }
        }
        Ok(())
    }

    fn growing_block(
        &self,
        found: &mut Found<'_>,
        array: &Growing,
        at: u64,
        (index, elements): (u64, u64),
        map: Option<&[u8]>,
    ) -> Result<(), Damage> {
        const WHAT: &str = "a block of an array of chunks";
        let front = 6 + u64::from(self.offset_size) + array.offset_bytes as u64;
        if elements > array.page {
            let head = self.sound(at, front + 4, *b"EADB", WHAT)?;
            let first = at + head.len() as u64;
            return self.pages(found, &array.entry, (index, elements), (array.page, first), map);
        }
        let bytes = self.sound(at, front + elements * array.entry.bytes as u64 + 4, *b"EADB", WHAT)?;
        let mut cursor = Cursor::new(bytes.get(front as usize..).unwrap_or_default());
        found.elements(&mut cursor, &array.entry, (index, elements), at)
    }
}

/// The shape of an array that grows.
struct Growing {
    entry: Entry,
    offset_bytes: usize,
    /// Elements of the smallest block, and of a page.
    least: u64,
    page: u64,
    /// Elements up to the last that was set.
    used: u64,
}

impl Growing {
    /// Blocks of a super block, and elements of each.
    fn super_block(&self, number: u64) -> (u64, u64) {
        let shift = |by: u64| 1u64.checked_shl(by as u32).unwrap_or(u64::MAX);
        (shift(number / 2), shift(number.div_ceil(2)).saturating_mul(self.least))
    }
}
