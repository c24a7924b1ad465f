//! Rows of a dataset: what its first axis counts, or its one value.

use super::chunks::{Chunk, Grid};
use super::datatype::Datatype;
use super::filter::{self, Filter};
use super::heap::Collection;
use super::layout::{Layout, Space};
use super::{Damage, File};
use crate::foreign::bytes::Cursor;
use crate::foreign::value::Value;

/// Rows that are kept together, bytes.
const BAND_BYTES: u64 = 1 << 20;
/// The largest row, and the largest chunk once its filters are undone, bytes.
const MAX_ROW_BYTES: u64 = 64 << 20;

/// A dataset's description.
#[derive(Clone, Debug)]
pub(crate) struct Dataset {
    /// The address of its header.
    pub(crate) at: u64,
    pub(crate) space: Space,
    pub(crate) datatype: Datatype,
    pub(super) layout: Layout,
    pub(super) filters: Vec<Filter>,
}

impl Dataset {
    /// Rows that it states; a single value is one.
    pub(crate) fn rows(&self) -> u64 {
        if self.space.is_null { 0 } else { self.space.dims.first().copied().unwrap_or(1) }
    }

    /// Sizes of a row's axes.
    pub(crate) fn row_dims(&self) -> &[u64] {
        self.space.dims.get(1..).unwrap_or_default()
    }

    /// Elements of a row; `None` where there are more than can be counted.
    pub(crate) fn row_elements(&self) -> Option<u64> {
        self.row_dims().iter().try_fold(1u64, |count, dim| count.checked_mul(*dim))
    }
}

/// Values of any length, from the heaps that they are in.
pub(crate) struct Reader {
    file: File,
    last: Option<(u64, Collection)>,
    /// Bytes that may still be read: a file refers to each of its values once.
    left: u64,
}

impl Reader {
    pub(crate) fn new(file: &File) -> Self {
        Self { file: file.clone(), last: None, left: file.length.saturating_mul(2).saturating_add(1 << 20) }
    }

    /// The elements that a reference of `count, address, number` leads to, and how many there are.
    pub(super) fn any(&mut self, reference: &[u8], element: usize) -> Result<(Vec<u8>, usize), String> {
        let mut cursor = Cursor::new(reference);
        let mut parse = || Ok((cursor.u32()?, self.file.place(&mut cursor)?, cursor.u32()?));
        let parsed: Result<_, crate::foreign::bytes::BytesError> = parse();
        let (count, place, number) = parsed.map_err(|error| error.to_string())?;
        let Some(place) = place.filter(|_| count > 0 && number > 0) else { return Ok((Vec::new(), 0)) };
        if self.last.as_ref().is_none_or(|(at, _)| *at != place) {
            let collection = self.file.collection(place).map_err(|damage| damage.to_string())?;
            self.last = Some((place, collection));
        }
        let object = self.last.as_ref().and_then(|(_, collection)| collection.object(number));
        let object = object.ok_or_else(|| format!("the heap at byte {place} has no value {number}"))?;
        let length = (count as usize).checked_mul(element).filter(|length| *length <= object.len());
        let length = length.ok_or_else(|| {
            format!("expected {count} elements of {element} bytes, found {} bytes", object.len())
        })?;
        self.left = self.left.checked_sub(length as u64).ok_or("values together longer than the file")?;
        Ok((object.get(..length).unwrap_or_default().to_vec(), count as usize))
    }
}

/// Rows that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lost {
    /// The first row behind them.
    pub(crate) until: u64,
    pub(crate) why: String,
}

/// Reads a dataset row by row.
pub(crate) struct Rows {
    file: File,
    dataset: Dataset,
    reader: Reader,
    row_bytes: u64,
    grid: Option<(Grid, Vec<u64>)>,
    chunks: Vec<Chunk>,
    /// Rows that are kept: the first, and their bytes.
    band: (u64, Vec<u8>),
}

impl Rows {
    /// Looks for a dataset's chunks. What of their index is damaged comes beside the rows that can be read.
    pub(crate) fn open(file: &File, dataset: Dataset) -> Result<(Self, Vec<Damage>), Damage> {
        const WHAT: &str = "a dataset";
        let refused = |expected: &str, found: String| Damage::new(WHAT, dataset.at, expected, found);
        let element = dataset.datatype.size as u64;
        let row_bytes = dataset.row_elements().and_then(|count| count.checked_mul(element));
        let row_bytes = row_bytes.filter(|bytes| *bytes <= MAX_ROW_BYTES);
        let row_bytes =
            row_bytes.ok_or_else(|| refused("rows of at most 64 MiB", "larger ones".to_owned()))?;
        let (mut grid, mut found) = (None, (Vec::new(), Vec::new()));
        match &dataset.layout {
            Layout::Virtual => return Err(refused("elements within the file", "other datasets".to_owned())),
            Layout::Chunked { dims, .. } => {
                let is_filtered = !dataset.filters.is_empty();
                let made = Grid::new(&dataset.space, dims, dataset.datatype.size, is_filtered);
                let made = made.filter(|grid| grid.chunk_bytes() <= MAX_ROW_BYTES);
                let made = made.ok_or_else(|| refused("chunks of at most 64 MiB", format!("{dims:?}")))?;
                found = file.chunks(&dataset, &made);
                grid = Some((made, dims.clone()));
            }
            Layout::Compact(_) | Layout::Contiguous(_) => {}
        }
        let reader = Reader::new(file);
        let (chunks, damages) = found;
        Ok((
            Self { file: file.clone(), dataset, reader, row_bytes, grid, chunks, band: (0, Vec::new()) },
            damages,
        ))
    }

    /// What is read.
    pub(crate) const fn dataset(&self) -> &Dataset {
        &self.dataset
    }

    /// A row's bytes as they are stored.
    pub(crate) fn bytes(&mut self, row: u64) -> Result<&[u8], Lost> {
        let width = self.row_bytes.max(1);
        let kept = self.band.1.len() as u64 / width;
        if row < self.band.0 || row - self.band.0 >= kept {
            let rows = self.dataset.rows();
            let wanted = (BAND_BYTES / width).max(1).min(rows.saturating_sub(row));
            self.band.1.clear();
            let read = match &self.dataset.layout {
                Layout::Chunked { .. } => self.chunked(row, wanted),
                _ => self.plain(row, wanted),
            };
            read.inspect_err(|_| self.band.1.clear())?;
            self.band.0 = row;
        }
        let from = ((row - self.band.0) * self.row_bytes) as usize;
        let found = self.band.1.get(from..from + self.row_bytes as usize);
        // Behind the end of what is stored there is nothing for any row.
        let until = self.dataset.rows().max(row + 1);
        found.ok_or_else(|| Lost { until, why: "the dataset ends before it".to_owned() })
    }

    /// A row as a value: bytes as bytes, an axis beyond the first as a list, one element by itself.
    pub(crate) fn value(&mut self, row: u64) -> Result<Value, Lost> {
        let bytes = self.bytes(row)?.to_vec();
        let (datatype, dims) = (self.dataset.datatype.clone(), self.dataset.row_dims().to_vec());
        shaped(&datatype, &bytes, &dims, &mut self.reader).map_err(|why| Lost { until: row + 1, why })
    }

    fn plain(&mut self, row: u64, wanted: u64) -> Result<(), Lost> {
        let from = row.checked_mul(self.row_bytes);
        let length = wanted * self.row_bytes;
        let lost = |why: String| Lost { until: self.dataset.rows(), why };
        let from = from.ok_or_else(|| lost("the file ends before it".to_owned()))?;
        match &self.dataset.layout {
            Layout::Compact(bytes) => {
                let from = usize::try_from(from).unwrap_or(usize::MAX);
                let there = bytes.get(from..).unwrap_or_default();
                self.band.1.extend(there.iter().take(length as usize));
            }
            Layout::Contiguous(Some(at)) => {
                let from = at.checked_add(from).ok_or_else(|| lost("the file ends before it".to_owned()))?;
                // Of rows that the file's end cuts off, those before it.
                let there = self.file.length.saturating_sub(from).min(length);
                let there = there - there % self.row_bytes.max(1);
                if there == 0 && length > 0 {
                    return Err(lost("the file ends before it".to_owned()));
                }
                let read = self.file.read_into(&mut self.band.1, from, there, "rows");
                read.map_err(|damage| Lost { until: row + 1, why: damage.to_string() })?;
            }
            _ => return Err(lost("it was never written".to_owned())),
        }
        Ok(())
    }

    fn chunked(&mut self, row: u64, wanted: u64) -> Result<(), Lost> {
        let Some((grid, dims)) = &self.grid else { return Ok(()) };
        let rows = self.dataset.rows();
        let deep = dims.first().copied().unwrap_or(1);
        let band = row / deep;
        let (first, until) = (band.saturating_mul(deep), (band + 1).saturating_mul(deep).min(rows));
        let across = grid.across();
        let number = band.saturating_mul(across);
        let from = self.chunks.partition_point(|chunk| chunk.number < number);
        let to = self.chunks.partition_point(|chunk| chunk.number < number.saturating_add(across));
        let chunks = self.chunks.get(from..to).unwrap_or_default();
        if chunks.len() as u64 != across {
            // Up to the next chunk that was written there is nothing to look for.
            let next = self.chunks.get(to).map_or(rows, |chunk| chunk.number / across * deep);
            let until = if chunks.is_empty() { next.max(until) } else { until };
            return Err(Lost { until, why: "it was never written, or where it is, is lost".to_owned() });
        }
        let window = (row, row.saturating_add(wanted).min(until));
        let mut out = vec![0; ((window.1 - window.0) * self.row_bytes) as usize];
        let size = grid.chunk_bytes() as usize;
        for chunk in chunks {
            let lost = |why: String| Lost { until, why };
            let stored = self.file.read(chunk.at, chunk.size, "a chunk");
            let stored = stored.map_err(|damage| lost(damage.to_string()))?;
            let tile = filter::undo(&self.dataset.filters, chunk.mask, stored, size).map_err(lost)?;
            let tile = Tile { dims, at: grid.origin(chunk.number, dims), bytes: &tile };
            tile.copy(&self.dataset.space.dims, window, self.dataset.datatype.size, &mut out);
        }
        debug_assert!(first <= row, "a band holds its rows");
        self.band.1 = out;
        Ok(())
    }
}

/// One chunk's elements, and where they belong.
struct Tile<'t> {
    dims: &'t [u64],
    at: Vec<u64>,
    bytes: &'t [u8],
}

impl Tile<'_> {
    /// Copies what lies within rows `window` of a dataset of size `dims`.
    fn copy(&self, dims: &[u64], window: (u64, u64), element: usize, out: &mut [u8]) {
        let rank = dims.len();
        let mut spans = Vec::with_capacity(rank);
        for (axis, ((size, chunk), at)) in dims.iter().zip(self.dims).zip(&self.at).enumerate() {
            let (from, to) = if axis == 0 { window } else { (0, *size) };
            let span = ((*at).max(from), at.saturating_add(*chunk).min(to), from, to - from);
            if span.0 >= span.1 {
                return;
            }
            spans.push(span);
        }
        let Some(last) = spans.last().copied() else { return };
        let run = (last.1 - last.0) as usize * element;
        let mut places: Vec<u64> = spans.iter().map(|span| span.0).collect();
        loop {
            let (mut from, mut to) = (0u64, 0u64);
            for (((place, span), chunk), at) in places.iter().zip(&spans).zip(self.dims).zip(&self.at) {
                from = from * chunk + (place - at);
                to = to * span.3 + (place - span.2);
            }
            let (from, to) = (from as usize * element, to as usize * element);
            if let (Some(source), Some(target)) =
                (self.bytes.get(from..from + run), out.get_mut(to..to + run))
            {
                target.copy_from_slice(source);
            }
            // The next row of the last axis.
            let mut axis = rank - 1;
            loop {
                if axis == 0 {
                    return;
                }
                axis -= 1;
                let (Some(place), Some(span)) = (places.get_mut(axis), spans.get(axis)) else { return };
                *place += 1;
                if *place < span.1 {
                    break;
                }
                *place = span.0;
            }
        }
    }
}

/// A row's elements by its axes.
fn shaped(datatype: &Datatype, bytes: &[u8], dims: &[u64], reader: &mut Reader) -> Result<Value, String> {
    match dims {
        [] => datatype.value(bytes, reader),
        [count] => datatype.values(bytes, *count as usize, reader),
        // Pictures and other bytes stay in one piece.
        _ if datatype.is_byte() => Ok(Value::Bytes(bytes.to_vec())),
        [count, rest @ ..] => {
            let inner = rest.iter().try_fold(datatype.size, |size, dim| size.checked_mul(*dim as usize));
            let inner = inner.filter(|size| *size > 0).ok_or("an axis of nothing")?;
            let parts = bytes.chunks_exact(inner).take(*count as usize);
            parts.map(|part| shaped(datatype, part, rest, reader)).collect::<Result<_, _>>().map(Value::List)
        }
    }
}
