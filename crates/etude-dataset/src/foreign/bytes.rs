//! Reads numbers and text from bytes that nobody vouches for: every length is checked before anything is taken.

/// Bytes that are shorter than they must be, or that say something impossible.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at byte {at}: expected {expected}, found {found}")]
pub(crate) struct BytesError {
    /// Where, counted from the front.
    pub at: usize,
    /// What was expected.
    pub expected: String,
    /// What was found.
    pub found: String,
}

/// Which end of a number comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endian {
    Little,
    Big,
}

/// A place in bytes.
#[derive(Clone, Debug)]
pub(crate) struct Cursor<'b> {
    bytes: &'b [u8],
    at: usize,
    endian: Endian,
}

macro_rules! number {
    ($($name:ident: $type:ty),+) => {$(
        pub(crate) fn $name(&mut self) -> Result<$type, BytesError> {
            let bytes = self.array(stringify!($type))?;
            Ok(match self.endian {
                Endian::Little => <$type>::from_le_bytes(bytes),
                Endian::Big => <$type>::from_be_bytes(bytes),
            })
        }
    )+};
}

impl<'b> Cursor<'b> {
    pub(crate) const fn new(bytes: &'b [u8]) -> Self {
        Self { bytes, at: 0, endian: Endian::Little }
    }

    pub(crate) const fn with_endian(bytes: &'b [u8], endian: Endian) -> Self {
        Self { bytes, at: 0, endian }
    }

    pub(crate) const fn at(&self) -> usize {
        self.at
    }

    pub(crate) const fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    pub(crate) fn error(&self, expected: impl Into<String>, found: impl Into<String>) -> BytesError {
        BytesError { at: self.at, expected: expected.into(), found: found.into() }
    }

    /// The next bytes; the error names what they were to be.
    pub(crate) fn take(&mut self, length: usize, what: &str) -> Result<&'b [u8], BytesError> {
        let end = self.at.checked_add(length);
        let Some(found) = end.and_then(|end| self.bytes.get(self.at..end)) else {
            return Err(self.error(format!("{length} bytes of {what}"), format!("{} bytes", self.left())));
        };
        self.at += length;
        Ok(found)
    }

    fn array<const N: usize>(&mut self, what: &str) -> Result<[u8; N], BytesError> {
        let bytes = self.take(N, what)?;
        Ok(*bytes.first_chunk().expect("as many bytes were taken"))
    }

    number!(u8: u8, i8: i8, u16: u16, i16: i16, u32: u32, i32: i32, u64: u64, i64: i64, f32: f32, f64: f64);

    /// Goes on to a multiple of `size` bytes from the front.
    pub(crate) fn align(&mut self, size: usize) -> Result<(), BytesError> {
        let over = self.at % size;
        if over > 0 {
            self.take(size - over, "padding")?;
        }
        Ok(())
    }

    /// Bytes behind a 32-bit length.
    pub(crate) fn sized(&mut self, what: &str) -> Result<&'b [u8], BytesError> {
        let length = self.u32()? as usize;
        self.take(length, what)
    }

    /// Text behind a 32-bit length.
    pub(crate) fn text(&mut self, what: &str) -> Result<&'b str, BytesError> {
        let bytes = self.sized(what)?;
        std::str::from_utf8(bytes).map_err(|_| self.error(format!("{what} in UTF-8"), "other bytes"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_checked_before_anything_is_taken() {
        let mut cursor = Cursor::new(&[0xff, 0xff, 0xff, 0xff, 1]);
        let error = cursor.sized("a name").expect_err("too short");
        assert_eq!(error.to_string(), "at byte 4: expected 4294967295 bytes of a name, found 1 bytes");
        assert!(Cursor::new(&[1]).align(8).is_ok());
        let mut cursor = Cursor::with_endian(&[0, 1], Endian::Big);
        assert_eq!(cursor.u16(), Ok(1));
        assert!(cursor.align(8).is_err());
    }
}
