//! One array: what `.zarray` says of it, and its rows. Chunks may cut the first axis only, as those of episodes do.

use super::super::numbers;
use super::super::value::Value;
use super::codec::{Codec, decode};
use super::store::Store;
use serde::Deserialize;

/// The largest chunk once it was unpacked, bytes.
const MAX_CHUNK_BYTES: u64 = 256 << 20;
/// Axes of an array.
const MAX_AXES: usize = 8;

#[derive(Debug, Deserialize)]
struct Stated {
    zarr_format: u32,
    shape: Vec<u64>,
    chunks: Vec<u64>,
    dtype: serde_json::Value,
    #[serde(default)]
    compressor: Option<Codec>,
    #[serde(default)]
    filters: Option<Vec<serde_json::Value>>,
    #[serde(default)]
    order: Option<String>,
    #[serde(default)]
    dimension_separator: Option<String>,
}

/// An array and the chunk of it that was read last.
#[derive(Debug)]
pub(super) struct Array {
    name: String,
    shape: Vec<u64>,
    chunk_rows: u64,
    /// Zeros for the chunk numbers of the axes that are not cut, with what stands before each.
    suffix: String,
    codec: Option<Codec>,
    /// As numpy names it, without the order of bytes: `float32`.
    dtype: String,
    is_big_endian: bool,
    item_bytes: u64,
    /// Its number, and its bytes or why there are none.
    chunk: Option<(u64, Result<Vec<u8>, String>)>,
}

impl Array {
    /// Reads what an array says of itself.
    pub(super) fn open(store: &mut Store, name: &str) -> Result<Self, String> {
        let text = store.read(&format!("{name}/.zarray"))?.ok_or_else(|| format!("{name} is no array"))?;
        let stated: Stated =
            serde_json::from_slice(&text).map_err(|error| format!("{name}/.zarray: {error}"))?;
        if stated.zarr_format != 2 {
            return Err(format!("expected version 2 of zarr, found {}", stated.zarr_format));
        }
        if stated.filters.is_some_and(|filters| !filters.is_empty()) {
            return Err("its values went through filters, which are not read".to_owned());
        }
        let (Some((rows, inner)), Some((chunk_rows, chunk_inner))) =
            (stated.shape.split_first(), stated.chunks.split_first())
        else {
            return Err("it has no rows".to_owned());
        };
        if inner.len() >= MAX_AXES || inner.len() != chunk_inner.len() || *chunk_rows == 0 {
            return Err(format!(
                "expected chunks of its own axes, found {:?} in {:?}",
                stated.chunks, stated.shape
            ));
        }
        if inner.iter().zip(chunk_inner).any(|(axis, chunk)| axis > chunk) || chunk_inner != inner {
            return Err(format!(
                "expected chunks of whole rows, found {:?} in {:?}",
                stated.chunks, stated.shape
            ));
        }
        if stated.order.as_deref() == Some("F") && !inner.is_empty() {
            return Err("expected rows one after the other (order C), found order F".to_owned());
        }
        let (dtype, is_big_endian, item_bytes) = dtype(&stated.dtype)?;
        let separator = stated.dimension_separator.unwrap_or_else(|| ".".to_owned());
        if ![".", "/"].contains(&separator.as_str()) {
            return Err(format!("expected chunk numbers between . or /, found `{separator}`"));
        }
        let array = Self {
            name: name.to_owned(),
            shape: stated.shape.clone(),
            chunk_rows: *chunk_rows,
            suffix: format!("{separator}0").repeat(inner.len()),
            codec: stated.compressor,
            dtype,
            is_big_endian,
            item_bytes,
            chunk: None,
        };
        let bytes = array.row_bytes().and_then(|bytes| bytes.checked_mul(*chunk_rows));
        if bytes.is_none_or(|bytes| bytes > MAX_CHUNK_BYTES) {
            return Err(format!(
                "expected chunks of at most {MAX_CHUNK_BYTES} bytes, found {:?}",
                stated.chunks
            ));
        }
        if let Some(codec) = &array.codec {
            codec.check()?;
        }
        if *rows > 1 << 40 {
            return Err(format!("{rows} rows"));
        }
        Ok(array)
    }

    pub(super) fn rows(&self) -> u64 {
        self.shape.first().copied().unwrap_or(0)
    }

    fn row_bytes(&self) -> Option<u64> {
        let inner = self.shape.get(1..).unwrap_or_default();
        inner.iter().try_fold(self.item_bytes, |bytes, axis| bytes.checked_mul(*axis))
    }

    /// For people: `float32[100,3]`.
    pub(super) fn text(&self) -> String {
        let axes: Vec<String> = self.shape.iter().map(ToString::to_string).collect();
        format!("{}[{}]", self.dtype, axes.join(","))
    }

    /// Whether its rows are pictures of 8 bits: \[row, column, 3\].
    pub(super) fn is_picture(&self) -> bool {
        matches!(self.shape.as_slice(), [_, height, width, 3] if *height >= 8 && *width >= 8)
            && self.dtype == "uint8"
    }

    /// Rows and columns of its pictures.
    pub(super) fn picture_size(&self) -> (u32, u32) {
        let side = |axis: usize| self.shape.get(axis).and_then(|side| u32::try_from(*side).ok()).unwrap_or(0);
        (side(1), side(2))
    }

    fn key(&self, chunk: u64) -> String {
        format!("{}/{chunk}{}", self.name, self.suffix)
    }

    /// The keys of the chunks that hold these rows.
    pub(super) fn chunks_of(&self, from: u64, to: u64) -> impl Iterator<Item = String> + '_ {
        let to = to.min(self.rows());
        let last = if from < to { (to - 1) / self.chunk_rows + 1 } else { 0 };
        (from / self.chunk_rows..last).map(|chunk| self.key(chunk))
    }

    /// A row's bytes, in the order of the store.
    pub(super) fn bytes(&mut self, store: &mut Store, row: u64) -> Result<&[u8], String> {
        if row >= self.rows() {
            return Err(format!("it ends before the row {row}: it has {}", self.rows()));
        }
        let chunk = row / self.chunk_rows;
        let row_bytes = self.row_bytes().unwrap_or(0);
        if self.chunk.as_ref().is_none_or(|(read, _)| *read != chunk) {
            self.chunk = Some((chunk, self.unpacked(store, chunk)));
        }
        let from = (row % self.chunk_rows * row_bytes) as usize;
        let Some((_, plain)) = &self.chunk else { return Err("no chunk".to_owned()) };
        let bytes = plain.as_ref().map_err(Clone::clone)?.get(from..from + row_bytes as usize);
        bytes.ok_or_else(|| "a row outside of its chunk".to_owned())
    }

    /// A chunk's bytes.
    fn unpacked(&self, store: &mut Store, chunk: u64) -> Result<Vec<u8>, String> {
        let key = self.key(chunk);
        let packed = store.read(&key)?.ok_or_else(|| {
            format!("the chunk {key} is missing; zarr would fill it in, which is not what was recorded")
        })?;
        let expected = (self.row_bytes().unwrap_or(0) * self.chunk_rows) as usize;
        let plain = match &self.codec {
            None => packed,
            Some(codec) => decode(codec, &packed, expected).map_err(|reason| format!("{key}: {reason}"))?,
        };
        if plain.len() == expected {
            Ok(plain)
        } else {
            Err(format!("{key}: expected {expected} bytes, found {}", plain.len()))
        }
    }

    /// A row's numbers.
    pub(super) fn row(&mut self, store: &mut Store, row: u64) -> Result<Value, String> {
        let (size, is_big_endian, dtype) = (self.item_bytes as usize, self.is_big_endian, self.dtype.clone());
        let bytes = self.bytes(store, row)?;
        if !is_big_endian {
            return numbers::little_endian(bytes, &dtype);
        }
        let turned: Vec<u8> = bytes.chunks(size).flat_map(|item| item.iter().rev().copied()).collect();
        numbers::little_endian(&turned, &dtype)
    }
}

/// numpy's `<f4`: kind, order of bytes, bytes of one.
fn dtype(stated: &serde_json::Value) -> Result<(String, bool, u64), String> {
    let text = stated.as_str().ok_or_else(|| format!("expected numbers of one type, found {stated:.80}"))?;
    let (order, rest) = text.split_at_checked(1).ok_or("no type")?;
    let (kind, size) = rest.split_at_checked(1).ok_or("no type")?;
    let size: u64 = size.parse().map_err(|_| format!("expected a type of numbers, found `{text}`"))?;
    let name = match (kind, size) {
        ("b", 1) => "bool".to_owned(),
        ("i", 1 | 2 | 4 | 8) => format!("int{}", size * 8),
        ("u", 1 | 2 | 4 | 8) => format!("uint{}", size * 8),
        ("f", 2 | 4 | 8) => format!("float{}", size * 8),
        // Objects would have to be unpickled, which would run code.
        _ => return Err(format!("expected a type of numbers, found `{text}`")),
    };
    match order {
        "<" | "|" | "=" => Ok((name, false, size)),
        ">" => Ok((name, true, size)),
        _ => Err(format!("expected a type of numbers, found `{text}`")),
    }
}
