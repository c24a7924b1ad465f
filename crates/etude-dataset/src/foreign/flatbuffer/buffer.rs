//! Offsets, tables and vectors of a `FlatBuffer`, each checked where it is followed.

use std::fmt;

/// What is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("byte {at}: expected {expected}, found {found}")]
pub(crate) struct Damage {
    at: usize,
    expected: &'static str,
    found: String,
}

impl Damage {
    pub(super) fn new(at: usize, expected: &'static str, found: impl fmt::Display) -> Self {
        Self { at, expected, found: found.to_string() }
    }
}

/// A buffer of little-endian numbers at any place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Buffer<'b> {
    bytes: &'b [u8],
}

impl<'b> Buffer<'b> {
    pub(super) const fn new(bytes: &'b [u8]) -> Self {
        Self { bytes }
    }

    pub(super) fn bytes(self, at: usize, length: usize) -> Result<&'b [u8], Damage> {
        let found = at.checked_add(length).and_then(|end| self.bytes.get(at..end));
        found.ok_or_else(|| {
            Damage::new(at, "bytes within the message", format!("{length} of {}", self.bytes.len()))
        })
    }

    pub(super) fn array<const N: usize>(self, at: usize) -> Result<[u8; N], Damage> {
        let found = self.bytes(at, N)?.first_chunk::<N>();
        found.copied().ok_or_else(|| Damage::new(at, "bytes within the message", self.bytes.len()))
    }

    pub(super) fn u8(self, at: usize) -> Result<u8, Damage> {
        Ok(u8::from_le_bytes(self.array(at)?))
    }

    pub(super) fn u16(self, at: usize) -> Result<u16, Damage> {
        Ok(u16::from_le_bytes(self.array(at)?))
    }

    fn u32(self, at: usize) -> Result<usize, Damage> {
        Ok(u32::from_le_bytes(self.array(at)?) as usize)
    }

    /// Where the root table is.
    pub(super) fn root(self) -> Result<usize, Damage> {
        self.follow(0)
    }

    /// Where an offset leads, which counts from its own place.
    pub(super) fn follow(self, at: usize) -> Result<usize, Damage> {
        let offset = self.u32(at)?;
        at.checked_add(offset)
            .filter(|place| *place < self.bytes.len() && offset > 0)
            .ok_or_else(|| Damage::new(at, "an offset to a place within the message", offset))
    }

    /// The first element of a vector or text that an offset leads to, and how many there are.
    pub(super) fn vector(self, at: usize) -> Result<(usize, usize), Damage> {
        let place = self.follow(at)?;
        let length = self.u32(place)?;
        if length > self.bytes.len() {
            return Err(Damage::new(place, "a vector within the message", length));
        }
        Ok((place + 4, length))
    }
}

/// A table: fields by their places in the table of places before it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Table<'b> {
    buffer: Buffer<'b>,
    at: usize,
    places: usize,
    places_bytes: usize,
}

impl<'b> Table<'b> {
    pub(super) fn at(buffer: Buffer<'b>, at: usize) -> Result<Self, Damage> {
        let back = i64::from(i32::from_le_bytes(buffer.array(at)?));
        let places = usize::try_from(at as i64 - back)
            .map_err(|_| Damage::new(at, "places before the table", back))?;
        let places_bytes = usize::from(buffer.u16(places)?);
        Ok(Self { buffer, at, places, places_bytes })
    }

    /// Where a field is, by its offset in the table of places; `None` where it has its default.
    pub(super) fn field(self, offset: usize) -> Result<Option<usize>, Damage> {
        if offset + 2 > self.places_bytes {
            return Ok(None);
        }
        let place = usize::from(self.buffer.u16(self.places.saturating_add(offset))?);
        Ok((place > 0).then(|| self.at.saturating_add(place)))
    }

    /// A text.
    pub(super) fn text(self, offset: usize) -> Result<&'b str, Damage> {
        let Some(at) = self.field(offset)? else { return Ok("") };
        let (at, length) = self.buffer.vector(at)?;
        std::str::from_utf8(self.buffer.bytes(at, length)?)
            .map_err(|_| Damage::new(at, "UTF-8", "other bytes"))
    }

    /// A table that this one refers to.
    pub(super) fn table(self, offset: usize) -> Result<Option<Self>, Damage> {
        let Some(at) = self.field(offset)? else { return Ok(None) };
        Self::at(self.buffer, self.buffer.follow(at)?).map(Some)
    }

    /// Tables of a vector.
    pub(super) fn tables(self, offset: usize) -> Result<Vec<Self>, Damage> {
        let Some(at) = self.field(offset)? else { return Ok(Vec::new()) };
        let (first, length) = self.buffer.vector(at)?;
        self.buffer.bytes(first, length.saturating_mul(4))?;
        (0..length).map(|number| Self::at(self.buffer, self.buffer.follow(first + number * 4)?)).collect()
    }

    pub(super) fn u8(self, offset: usize) -> Result<u8, Damage> {
        self.field(offset)?.map_or(Ok(0), |at| self.buffer.u8(at))
    }

    pub(super) fn u16(self, offset: usize) -> Result<u16, Damage> {
        self.field(offset)?.map_or(Ok(0), |at| self.buffer.u16(at))
    }

    pub(super) fn i32(self, offset: usize, default: i32) -> Result<i32, Damage> {
        self.field(offset)?.map_or(Ok(default), |at| Ok(i32::from_le_bytes(self.buffer.array(at)?)))
    }

    pub(super) fn i64(self, offset: usize) -> Result<i64, Damage> {
        self.field(offset)?.map_or(Ok(0), |at| Ok(i64::from_le_bytes(self.buffer.array(at)?)))
    }

    pub(super) fn f64(self, offset: usize) -> Result<f64, Damage> {
        self.field(offset)?.map_or(Ok(0.0), |at| Ok(f64::from_le_bytes(self.buffer.array(at)?)))
    }

    /// The place of the table itself, by which it is known.
    pub(super) const fn place(self) -> usize {
        self.at
    }
}
