//! Types of elements, and elements as values.

use super::dataset::Reader;
use super::number;
use crate::foreign::bytes::{BytesError, Cursor};
use crate::foreign::value::Value;
use std::sync::Arc;

/// Types within types.
const MAX_DEPTH: usize = 8;
/// Members of a compound type, names of an enumeration, elements of an array.
const MAX_MEMBERS: usize = 4096;

/// The type of an element.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Datatype {
    /// Bytes of one.
    pub(crate) size: usize,
    pub(crate) class: Class,
}

/// What an element is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Class {
    /// A whole number.
    Integer { is_signed: bool, is_big: bool },
    /// A number of IEEE 754.
    Float { is_big: bool },
    /// Text of a fixed length.
    Text,
    /// Bytes without a meaning.
    Opaque,
    /// Parts with names: name, where it begins, type.
    Compound(Vec<(Arc<str>, usize, Datatype)>),
    /// Whole numbers with names.
    Enumeration(Box<Datatype>, Vec<String>),
    /// Text of any length.
    AnyText,
    /// Elements of any number.
    Any(Box<Datatype>),
    /// Elements of a fixed number.
    Array(Vec<usize>, Box<Datatype>),
    /// References and times, which are not read.
    Other(u8),
}

impl Datatype {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, BytesError> {
        Self::read(&mut Cursor::new(bytes), 0)
    }

    fn read(cursor: &mut Cursor<'_>, depth: usize) -> Result<Self, BytesError> {
        if depth > MAX_DEPTH {
            return Err(cursor.error(format!("at most {MAX_DEPTH} types within types"), "more"));
        }
        let (head, low, middle) = (cursor.u8()?, cursor.u8()?, cursor.u8()?);
        cursor.u8()?;
        let size = cursor.u32()? as usize;
        if size == 0 || size > 1 << 26 {
            return Err(cursor.error("an element of at least one byte and at most 64 MiB", size.to_string()));
        }
        let (version, class) = (head >> 4, head & 0x0f);
        let count = usize::from(low) | usize::from(middle) << 8;
        let is_big = low & 1 != 0;
        let class = match class {
            0 | 4 => {
                cursor.take(4, "a bit offset")?;
                Class::Integer { is_signed: class == 0 && low & 8 != 0, is_big }
            }
            1 => {
                cursor.take(12, "a format of numbers")?;
                Class::Float { is_big }
            }
            3 => Class::Text,
            5 => {
                cursor.take(usize::from(low).next_multiple_of(8), "a tag")?;
                Class::Opaque
            }
            6 => Self::compound(cursor, version, (count, size), depth)?,
            8 => Self::enumeration(cursor, version, count, depth)?,
            9 => {
                let base = Self::read(cursor, depth + 1)?;
                if low & 0x0f == 1 { Class::AnyText } else { Class::Any(Box::new(base)) }
            }
            10 => {
                let rank = usize::from(cursor.u8()?);
                if version < 3 {
                    cursor.take(3, "nothing")?;
                }
                let dims: Vec<usize> =
                    (0..rank).map(|_| cursor.u32().map(|dim| dim as usize)).collect::<Result<_, _>>()?;
                if version < 3 {
                    cursor.take(4 * rank, "an order")?;
                }
                Class::Array(dims, Box::new(Self::read(cursor, depth + 1)?))
            }
            other => Class::Other(other),
        };
        Ok(Self { size, class })
    }

    fn compound(
        cursor: &mut Cursor<'_>,
        version: u8,
        (count, size): (usize, usize),
        depth: usize,
    ) -> Result<Class, BytesError> {
        if count > MAX_MEMBERS {
            return Err(cursor.error(format!("at most {MAX_MEMBERS} members"), count.to_string()));
        }
        let mut members = Vec::new();
        for _ in 0..count {
            let name = name(cursor, version)?;
            let width = if version < 3 { 4 } else { super::bytes_for(size as u64) };
            let at = number(cursor, width)? as usize;
            let mut dims = Vec::new();
            if version == 1 {
                let rank = usize::from(cursor.u8()?);
                cursor.take(11, "an order")?;
                for place in 0..4 {
                    let dim = cursor.u32()? as usize;
                    if place < rank {
                        dims.push(dim);
                    }
                }
            }
            let mut kind = Self::read(cursor, depth + 1)?;
            if !dims.is_empty() {
                let size = dims.iter().try_fold(kind.size, |size, dim| size.checked_mul(*dim));
                let size = size.ok_or_else(|| cursor.error("an array that fits", "a larger one"))?;
                kind = Self { size, class: Class::Array(dims, Box::new(kind)) };
            }
            if at.checked_add(kind.size).is_none_or(|end| end > size) {
                return Err(cursor.error(format!("`{name}` within {size} bytes"), format!("at {at}")));
            }
            members.push((Arc::from(name), at, kind));
        }
        Ok(Class::Compound(members))
    }

    fn enumeration(
        cursor: &mut Cursor<'_>,
        version: u8,
        count: usize,
        depth: usize,
    ) -> Result<Class, BytesError> {
        if count > MAX_MEMBERS {
            return Err(cursor.error(format!("at most {MAX_MEMBERS} names"), count.to_string()));
        }
        let base = Self::read(cursor, depth + 1)?;
        let names = (0..count).map(|_| name(cursor, version)).collect::<Result<_, _>>()?;
        Ok(Class::Enumeration(Box::new(base), names))
    }

    /// For people.
    pub(crate) fn name(&self) -> String {
        match &self.class {
            Class::Integer { is_signed, .. } => {
                format!("{}{}", if *is_signed { "int" } else { "uint" }, 8 * self.size)
            }
            Class::Float { .. } => format!("float{}", 8 * self.size),
            Class::Text | Class::AnyText => "text".to_owned(),
            Class::Opaque => "bytes".to_owned(),
            Class::Compound(_) => "group".to_owned(),
            Class::Enumeration(base, names) if names == &["FALSE", "TRUE"] => {
                if base.size == 1 {
                    "bool".to_owned()
                } else {
                    "enumeration".to_owned()
                }
            }
            Class::Enumeration(..) => "enumeration".to_owned(),
            Class::Any(base) => format!("{} of any number", base.name()),
            Class::Array(_, base) => format!("{} array", base.name()),
            Class::Other(class) => format!("type of class {class}"),
        }
    }

    /// Whether it is a byte without a sign.
    pub(crate) fn is_byte(&self) -> bool {
        self.size == 1 && matches!(self.class, Class::Integer { is_signed: false, .. })
    }

    /// One element as a value.
    pub(crate) fn value(&self, bytes: &[u8], reader: &mut Reader) -> Result<Value, String> {
        let bytes = bytes.get(..self.size).ok_or("it ends within an element")?;
        Ok(match &self.class {
            Class::Integer { .. } => self.whole(bytes)?,
            Class::Float { .. } => Value::Float(self.real(bytes)?),
            Class::Text => text(trimmed(bytes)),
            Class::Opaque => Value::Bytes(bytes.to_vec()),
            Class::Compound(members) => {
                let mut parts = Vec::with_capacity(members.len());
                for (name, at, kind) in members {
                    let part = bytes.get(*at..).ok_or("it ends within an element")?;
                    parts.push((name.clone(), kind.value(part, reader)?));
                }
                Value::Struct(parts)
            }
            Class::Enumeration(base, names) => match base.whole(bytes)? {
                Value::Int(number) if names == &["FALSE", "TRUE"] && (0..2).contains(&number) => {
                    Value::Bool(number == 1)
                }
                number => number,
            },
            Class::AnyText => text(&reader.any(bytes, 1)?.0),
            Class::Any(base) => {
                let (found, count) = reader.any(bytes, base.size)?;
                base.values(&found, count, reader)?
            }
            Class::Array(dims, base) => {
                let count = dims.iter().try_fold(1usize, |count, dim| count.checked_mul(*dim));
                base.values(bytes, count.ok_or("an array without end")?, reader)?
            }
            Class::Other(_) => return Err(format!("a {} is not read", self.name())),
        })
    }

    /// Elements of this type one after the other: bytes as bytes, exact numbers as numbers, others as a list.
    pub(crate) fn values(&self, bytes: &[u8], count: usize, reader: &mut Reader) -> Result<Value, String> {
        let length = count.checked_mul(self.size).filter(|length| *length <= bytes.len());
        let bytes = bytes.get(..length.ok_or("it ends within an element")?).unwrap_or_default();
        if self.is_byte() {
            return Ok(Value::Bytes(bytes.to_vec()));
        }
        let elements = bytes.chunks_exact(self.size);
        match &self.class {
            Class::Float { .. } => {
                elements.map(|bytes| self.real(bytes)).collect::<Result<_, _>>().map(Value::Numbers)
            }
            Class::Integer { .. } if self.size <= 4 => {
                let number = |bytes| match self.whole(bytes)? {
                    Value::Int(number) => Ok(number as f64),
                    _ => Err("a number that is not exact".to_owned()),
                };
                elements.map(number).collect::<Result<_, _>>().map(Value::Numbers)
            }
            _ => elements.map(|bytes| self.value(bytes, reader)).collect::<Result<_, _>>().map(Value::List),
        }
    }

    fn whole(&self, bytes: &[u8]) -> Result<Value, String> {
        let Class::Integer { is_signed, is_big } = self.class else {
            return Err("an enumeration of what are no whole numbers".to_owned());
        };
        if bytes.len() > 8 {
            return Err(format!("whole numbers of {} bytes are not read", bytes.len()));
        }
        let join = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        let number = if is_big { bytes.iter().fold(0, join) } else { bytes.iter().rev().fold(0, join) };
        if is_signed {
            let spare = 64 - 8 * bytes.len() as u32;
            return Ok(Value::Int((number << spare) as i64 >> spare));
        }
        Ok(i64::try_from(number).map_or(Value::Large(number), Value::Int))
    }

    fn real(&self, bytes: &[u8]) -> Result<f64, String> {
        let Class::Float { is_big } = self.class else { return Err("no number".to_owned()) };
        let mut bytes = bytes.to_vec();
        if is_big {
            bytes.reverse();
        }
        match bytes.as_slice() {
            [a, b] => Ok(half(u16::from_le_bytes([*a, *b]))),
            [a, b, c, d] => Ok(f64::from(f32::from_le_bytes([*a, *b, *c, *d]))),
            [a, b, c, d, e, f, g, h] => Ok(f64::from_le_bytes([*a, *b, *c, *d, *e, *f, *g, *h])),
            other => Err(format!("numbers of {} bytes are not read", other.len())),
        }
    }
}

/// A number of 16 bits, IEEE 754.
fn half(bits: u16) -> f64 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f64::from(bits & 0x3ff));
    sign * match exponent {
        0 => fraction * 2f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1.0 + fraction / 1024.0) * 2f64.powi(exponent - 15),
    }
}

fn text(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) => Value::Text(text.to_owned()),
        Err(_) => Value::Bytes(bytes.to_vec()),
    }
}

/// Without the zeros that fill it up.
fn trimmed(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    bytes.get(..end).unwrap_or_default()
}

fn name(cursor: &mut Cursor<'_>, version: u8) -> Result<String, BytesError> {
    let mut bytes = Vec::new();
    loop {
        match cursor.u8()? {
            0 => break,
            byte => bytes.push(byte),
        }
    }
    if version < 3 {
        let length = bytes.len() + 1;
        cursor.take(length.next_multiple_of(8) - length, "padding")?;
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::half;

    #[test]
    fn halves_are_those_of_ieee_754() {
        assert_eq!([0x3c00, 0xc000, 0x0001, 0x7bff].map(half), [1.0, -2.0, 2f64.powi(-24), 65504.0]);
        assert!(half(0x7c00).is_infinite() && half(0x7e00).is_nan());
    }
}
