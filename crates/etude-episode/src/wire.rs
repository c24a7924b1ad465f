//! The Protobuf wire format, as far as a message of an episode needs it: fields appended to a buffer that is reused, and
//! fields walked over in place.
//!
//! The generated types own their arrays, so that writing through them would copy each sample first; and they leave out
//! a negative zero, which is a number of its own here.

/// Bytes that are not Protobuf.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected} at byte {offset} of the message, found its end or another type")]
pub struct WireError {
    /// Where in the bytes walked over.
    pub offset: usize,
    /// What was expected there.
    pub expected: &'static str,
}

const VARINT: u32 = 0;
const FIXED64: u32 = 1;
const LENGTH: u32 = 2;
const FIXED32: u32 = 5;

pub(crate) fn varint(buffer: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        buffer.push(value as u8 | 0x80);
        value >>= 7;
    }
    buffer.push(value as u8);
}

fn tag(buffer: &mut Vec<u8>, field: u32, wire_type: u32) {
    varint(buffer, u64::from(field << 3 | wire_type));
}

/// A 64-bit field that is written whatever its value.
pub(crate) fn fixed64(buffer: &mut Vec<u8>, field: u32, bits: u64) {
    tag(buffer, field, FIXED64);
    buffer.extend_from_slice(&bits.to_le_bytes());
}

pub(crate) fn double(buffer: &mut Vec<u8>, field: u32, value: f64) {
    if value.to_bits() != 0 {
        fixed64(buffer, field, value.to_bits());
    }
}

pub(crate) fn sfixed64(buffer: &mut Vec<u8>, field: u32, value: i64) {
    if value != 0 {
        fixed64(buffer, field, value as u64);
    }
}

/// A 32-bit field that is written whatever its value.
pub(crate) fn fixed32(buffer: &mut Vec<u8>, field: u32, bits: u32) {
    tag(buffer, field, FIXED32);
    buffer.extend_from_slice(&bits.to_le_bytes());
}

pub(crate) fn uint(buffer: &mut Vec<u8>, field: u32, value: u64) {
    if value != 0 {
        tag(buffer, field, VARINT);
        varint(buffer, value);
    }
}

pub(crate) fn boolean(buffer: &mut Vec<u8>, field: u32, value: bool) {
    uint(buffer, field, u64::from(value));
}

pub(crate) fn bytes(buffer: &mut Vec<u8>, field: u32, value: &[u8]) {
    if !value.is_empty() {
        tag(buffer, field, LENGTH);
        varint(buffer, value.len() as u64);
        buffer.extend_from_slice(value);
    }
}

pub(crate) fn doubles(buffer: &mut Vec<u8>, field: u32, values: &[f64]) {
    packed(buffer, field, values, f64::to_le_bytes);
}

pub(crate) fn floats(buffer: &mut Vec<u8>, field: u32, values: &[f32]) {
    packed(buffer, field, values, f32::to_le_bytes);
}

/// 16-bit numbers as bytes, little endian.
pub(crate) fn shorts(buffer: &mut Vec<u8>, field: u32, values: &[u16]) {
    packed(buffer, field, values, u16::to_le_bytes);
}

fn packed<T: Copy, const N: usize>(
    buffer: &mut Vec<u8>,
    field: u32,
    values: &[T],
    to_bytes: impl Fn(T) -> [u8; N],
) {
    if values.is_empty() {
        return;
    }
    tag(buffer, field, LENGTH);
    varint(buffer, (values.len() * N) as u64);
    let start = buffer.len();
    buffer.resize(start + values.len() * N, 0);
    for (place, &value) in buffer[start..].chunks_exact_mut(N).zip(values) {
        place.copy_from_slice(&to_bytes(value));
    }
}

/// A nested message; `body` appends its fields. Written even when it is empty, so that it is known to be there.
pub(crate) fn nested(buffer: &mut Vec<u8>, field: u32, body: impl FnOnce(&mut Vec<u8>)) {
    tag(buffer, field, LENGTH);
    let start = buffer.len();
    buffer.push(0);
    body(buffer);
    let length = buffer.len() - start - 1;
    let extra = varint_length(length as u64) - 1;
    if extra > 0 {
        let end = buffer.len();
        buffer.resize(end + extra, 0);
        buffer.copy_within(start + 1..end, start + 1 + extra);
    }
    let mut rest = length as u64;
    for place in &mut buffer[start..=start + extra] {
        *place = (rest as u8 & 0x7f) | 0x80;
        rest >>= 7;
    }
    buffer[start + extra] &= 0x7f;
}

const fn varint_length(value: u64) -> usize {
    let bits = 64 - (value | 1).leading_zeros() as usize;
    bits.div_ceil(7)
}

/// One field's value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Value<'a> {
    Varint(u64),
    Fixed64(u64),
    Bytes(&'a [u8]),
    Fixed32(u32),
}

impl<'a> Value<'a> {
    pub(crate) fn bytes(self) -> Result<&'a [u8], WireError> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            _ => Err(WireError { offset: 0, expected: "a length-delimited field" }),
        }
    }

    pub(crate) fn varint(self) -> Result<u64, WireError> {
        match self {
            Self::Varint(value) => Ok(value),
            _ => Err(WireError { offset: 0, expected: "a varint" }),
        }
    }

    pub(crate) fn sfixed64(self) -> Result<i64, WireError> {
        match self {
            Self::Fixed64(bits) => Ok(bits as i64),
            _ => Err(WireError { offset: 0, expected: "a 64-bit field" }),
        }
    }

    pub(crate) fn double(self) -> Result<f64, WireError> {
        match self {
            Self::Fixed64(bits) => Ok(f64::from_bits(bits)),
            _ => Err(WireError { offset: 0, expected: "a 64-bit field" }),
        }
    }

    pub(crate) fn fixed32(self) -> Result<u32, WireError> {
        match self {
            Self::Fixed32(bits) => Ok(bits),
            _ => Err(WireError { offset: 0, expected: "a 32-bit field" }),
        }
    }
}

/// The fields of a message, in order.
pub(crate) struct Fields<'a> {
    bytes: &'a [u8],
    offset: usize,
}

impl<'a> Fields<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, offset: 0 }
    }

    fn take(&mut self, length: usize, expected: &'static str) -> Result<&'a [u8], WireError> {
        let end = self.offset.checked_add(length);
        let taken = end.and_then(|end| self.bytes.get(self.offset..end));
        let taken = taken.ok_or(WireError { offset: self.offset, expected })?;
        self.offset += length;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self, expected: &'static str) -> Result<[u8; N], WireError> {
        Ok(self.take(N, expected)?.try_into().expect("take gives as many bytes as asked for"))
    }

    fn varint(&mut self) -> Result<u64, WireError> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let [byte] = self.array("a varint")?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(WireError { offset: self.offset, expected: "a varint of at most ten bytes" })
    }

    fn field(&mut self) -> Result<(u32, Value<'a>), WireError> {
        let key = self.varint()?;
        let value = match key as u32 & 7 {
            VARINT => Value::Varint(self.varint()?),
            FIXED64 => Value::Fixed64(u64::from_le_bytes(self.array("a 64-bit value")?)),
            FIXED32 => Value::Fixed32(u32::from_le_bytes(self.array("a 32-bit value")?)),
            LENGTH => {
                let length = self.varint()?;
                let length = usize::try_from(length).unwrap_or(usize::MAX);
                Value::Bytes(self.take(length, "as many bytes as the field's length says")?)
            }
            _ => return Err(WireError { offset: self.offset, expected: "a known wire type" }),
        };
        Ok(((key >> 3) as u32, value))
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u32, Value<'a>), WireError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.offset >= self.bytes.len() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.offset = self.bytes.len();
        }
        Some(field)
    }
}

/// Appends packed doubles (or a single one) to an array.
pub(crate) fn read_doubles(value: Value<'_>, into: &mut Vec<f64>) -> Result<(), WireError> {
    match value {
        Value::Fixed64(bits) => into.push(f64::from_bits(bits)),
        Value::Bytes(bytes) if bytes.len().is_multiple_of(8) => into.extend(
            bytes
                .chunks_exact(8)
                .map(|chunk| f64::from_le_bytes(chunk.try_into().expect("chunks of eight bytes"))),
        ),
        _ => return Err(WireError { offset: 0, expected: "doubles" }),
    }
    Ok(())
}

/// Appends packed floats (or a single one) to an array.
pub(crate) fn read_floats(value: Value<'_>, into: &mut Vec<f32>) -> Result<(), WireError> {
    match value {
        Value::Fixed32(bits) => into.push(f32::from_bits(bits)),
        Value::Bytes(bytes) if bytes.len().is_multiple_of(4) => into.extend(
            bytes
                .chunks_exact(4)
                .map(|chunk| f32::from_le_bytes(chunk.try_into().expect("chunks of four bytes"))),
        ),
        _ => return Err(WireError { offset: 0, expected: "floats" }),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_messages_of_any_length_read_back() {
        for length in [0, 1, 127, 128, 16_383, 16_384, 70_000] {
            let mut buffer = vec![7];
            nested(&mut buffer, 3, |body| body.resize(body.len() + length, 9));
            let mut fields = Fields::new(&buffer[1..]);
            assert_eq!(fields.next(), Some(Ok((3, Value::Bytes(&vec![9; length])))));
            assert_eq!(fields.next(), None);
        }
    }

    #[test]
    fn a_length_beyond_the_end_is_an_error() {
        let mut fields = Fields::new(&[0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f, 1]);
        assert!(fields.next().is_some_and(|field| field.is_err()));
        assert_eq!(fields.next(), None);
    }
}
