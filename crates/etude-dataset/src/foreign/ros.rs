//! Messages of ROS 1 and of ROS 2 (CDR), read by their definition.

use super::bytes::{BytesError, Cursor, Endian};
use super::definition::{Count, Definition, Element, Field, MAX_DEPTH, Primitive};
use super::value::Value;

/// Values that one message may hold, so that a small message cannot become a large tree.
const MAX_VALUES: usize = 1 << 20;
/// Numbers that one message's arrays may hold.
const MAX_NUMBERS: usize = 1 << 23;

/// How a message is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// ROS 1: packed, little-endian.
    Ros1,
    /// ROS 2: CDR version 1, aligned, behind four bytes that say which end comes first.
    Cdr,
}

struct Reader<'m> {
    definition: &'m Definition,
    cursor: Cursor<'m>,
    layout: Layout,
    /// Bytes that a writer may have left behind the message's end.
    slack: usize,
    values: usize,
    numbers: usize,
}

/// Reads one message.
///
/// Behind a CDR message may lie bytes that mean nothing: writers pad to four bytes, and some reckon its size as if the
/// elements of empty arrays were aligned, and leave as many bytes of what was in their memory.
pub(crate) fn decode(definition: &Definition, layout: Layout, message: &[u8]) -> Result<Value, BytesError> {
    let cursor = match layout {
        Layout::Ros1 => Cursor::new(message),
        Layout::Cdr => Cursor::with_endian(message.get(4..).unwrap_or_default(), endian(message)?),
    };
    let mut reader = Reader { definition, cursor, layout, slack: 3, values: 0, numbers: 0 };
    let value = reader.group(0, 0)?;
    let padding = if layout == Layout::Cdr { reader.slack } else { 0 };
    if reader.cursor.left() > padding {
        let left = reader.cursor.left();
        return Err(reader.cursor.error("the message's end", format!("{left} bytes more")));
    }
    Ok(value)
}

fn endian(message: &[u8]) -> Result<Endian, BytesError> {
    match message.first_chunk::<4>() {
        Some([0, 0, _, _]) => Ok(Endian::Big),
        Some([0, 1, _, _]) => Ok(Endian::Little),
        found => Err(BytesError {
            at: 0,
            expected: "the head 00 00 or 00 01 of plain CDR".to_owned(),
            found: found.map_or_else(|| format!("{} bytes", message.len()), |head| format!("{head:02x?}")),
        }),
    }
}

impl Reader<'_> {
    fn group(&mut self, place: usize, depth: usize) -> Result<Value, BytesError> {
        let definition = self.definition;
        let fields: &[Field] = definition.types.get(place).map(Vec::as_slice).unwrap_or_default();
        if depth > MAX_DEPTH {
            return Err(self.cursor.error(format!("at most {MAX_DEPTH} groups within one another"), "more"));
        }
        if fields.is_empty() && self.layout == Layout::Cdr {
            // A type without fields is written as one byte.
            self.cursor.u8()?;
        }
        let mut parts = Vec::with_capacity(fields.len());
        for field in fields {
            let value = match field.count {
                Count::One => self.one(field.element, depth)?,
                Count::Fixed(count) => self.many(field.element, count, depth)?,
                Count::Any => {
                    self.align(4)?;
                    let count = self.cursor.u32()? as usize;
                    self.many(field.element, count, depth)?
                }
            };
            parts.push((field.name.clone(), value));
        }
        Ok(Value::Struct(parts))
    }

    fn one(&mut self, element: Element, depth: usize) -> Result<Value, BytesError> {
        self.count()?;
        match element {
            Element::Group(place) => self.group(place, depth + 1),
            Element::Primitive(primitive) => self.primitive(primitive),
        }
    }

    /// Counts a value. Arrays count too: an empty one takes no bytes of the message.
    fn count(&mut self) -> Result<(), BytesError> {
        self.values += 1;
        if self.values <= MAX_VALUES {
            return Ok(());
        }
        Err(self.cursor.error(format!("at most {MAX_VALUES} values in a message"), "more"))
    }

    fn many(&mut self, element: Element, count: usize, depth: usize) -> Result<Value, BytesError> {
        self.count()?;
        let size = match element {
            Element::Primitive(primitive) => primitive.size().unwrap_or(1),
            Element::Group(_) => 1,
        };
        if count.checked_mul(size).is_none_or(|bytes| bytes > self.cursor.left()) {
            let left = self.cursor.left();
            return Err(self
                .cursor
                .error(format!("{count} elements of {size} bytes or more"), format!("{left} bytes")));
        }
        match element {
            Element::Primitive(Primitive::U8) => Ok(Value::Bytes(self.cursor.take(count, "bytes")?.to_vec())),
            Element::Primitive(primitive) if is_exact(primitive) => self.numbers(primitive, count),
            element => {
                let values = (0..count).map(|_| self.one(element, depth));
                Ok(Value::List(values.collect::<Result<_, _>>()?))
            }
        }
    }

    fn numbers(&mut self, primitive: Primitive, count: usize) -> Result<Value, BytesError> {
        self.numbers += count;
        if self.numbers > MAX_NUMBERS {
            return Err(self.cursor.error(format!("at most {MAX_NUMBERS} numbers in a message"), "more"));
        }
        let size = primitive.size().unwrap_or(1);
        if count > 0 {
            self.align(size)?;
        } else {
            self.slack += size - 1;
        }
        let cursor = &mut self.cursor;
        let numbers: Result<Vec<f64>, BytesError> = match primitive {
            Primitive::Bool => {
                (0..count).map(|_| cursor.u8().map(|value| f64::from(u8::from(value != 0)))).collect()
            }
            Primitive::I8 => (0..count).map(|_| cursor.i8().map(f64::from)).collect(),
            Primitive::U16 => (0..count).map(|_| cursor.u16().map(f64::from)).collect(),
            Primitive::I16 => (0..count).map(|_| cursor.i16().map(f64::from)).collect(),
            Primitive::U32 => (0..count).map(|_| cursor.u32().map(f64::from)).collect(),
            Primitive::I32 => (0..count).map(|_| cursor.i32().map(f64::from)).collect(),
            Primitive::F32 => (0..count).map(|_| cursor.f32().map(f64::from)).collect(),
            _ => (0..count).map(|_| cursor.f64()).collect(),
        };
        numbers.map(Value::Numbers)
    }

    fn primitive(&mut self, primitive: Primitive) -> Result<Value, BytesError> {
        self.align(match primitive {
            Primitive::Time { .. } | Primitive::Text | Primitive::WideText => 4,
            sized => sized.size().unwrap_or(1),
        })?;
        let cursor = &mut self.cursor;
        Ok(match primitive {
            Primitive::Bool => Value::Bool(cursor.u8()? != 0),
            Primitive::U8 => Value::Int(cursor.u8()?.into()),
            Primitive::I8 => Value::Int(cursor.i8()?.into()),
            Primitive::U16 => Value::Int(cursor.u16()?.into()),
            Primitive::I16 => Value::Int(cursor.i16()?.into()),
            Primitive::U32 => Value::Int(cursor.u32()?.into()),
            Primitive::I32 => Value::Int(cursor.i32()?.into()),
            Primitive::U64 => {
                let value = cursor.u64()?;
                i64::try_from(value).map_or(Value::Large(value), Value::Int)
            }
            Primitive::I64 => Value::Int(cursor.i64()?),
            Primitive::F32 => Value::Float(cursor.f32()?.into()),
            Primitive::F64 => Value::Float(cursor.f64()?),
            Primitive::Text => {
                let bytes = cursor.sized("text")?;
                let bytes = bytes.strip_suffix(&[0]).unwrap_or(bytes);
                Value::Text(String::from_utf8_lossy(bytes).into_owned())
            }
            Primitive::WideText => return Err(cursor.error("text of bytes", "wstring, which is not read")),
            Primitive::Time { signed } => {
                let seconds = if signed { i64::from(cursor.i32()?) } else { i64::from(cursor.u32()?) };
                Value::Time(seconds * 1_000_000_000 + i64::from(cursor.u32()?))
            }
        })
    }

    fn align(&mut self, size: usize) -> Result<(), BytesError> {
        if self.layout == Layout::Cdr { self.cursor.align(size) } else { Ok(()) }
    }
}

/// Whether every such number is exact as `f64`, and so goes into an array of them.
const fn is_exact(primitive: Primitive) -> bool {
    !matches!(
        primitive,
        Primitive::U64
            | Primitive::I64
            | Primitive::Text
            | Primitive::WideText
            | Primitive::Time { .. }
            | Primitive::U8
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const JOINTS: &str = "Header header\nstring[] name\nfloat64[] position\nuint8[] data\nEmpty empty\n\
        ===\nMSG: std_msgs/Header\nbuiltin_interfaces/Time stamp\nstring frame_id\n===\nMSG: pkg/Empty\n";

    fn definition() -> Definition {
        Definition::parse("pkg/msg/Joints", JOINTS.as_bytes()).expect("a definition")
    }

    /// `stamp` 1.000000002, `frame_id` "b", one joint "j1" at 0.5, data [7, 8].
    fn message() -> Vec<u8> {
        let mut bytes = vec![0, 1, 0, 0];
        for word in [1u32, 2, 2] {
            bytes.extend(word.to_le_bytes());
        }
        bytes.extend(b"b\0\0\0");
        bytes.extend([1, 0, 0, 0, 3, 0, 0, 0]);
        bytes.extend(b"j1\0\0");
        bytes.extend([1, 0, 0, 0]);
        bytes.extend(0.5f64.to_le_bytes());
        bytes.extend([2, 0, 0, 0, 7, 8, 0]);
        bytes
    }

    #[test]
    fn cdr_is_aligned_behind_its_head() {
        let value = decode(&definition(), Layout::Cdr, &message()).expect("a message");
        assert_eq!(value.part("position"), Some(&Value::Numbers(vec![0.5])));
        assert_eq!(value.part("data"), Some(&Value::Bytes(vec![7, 8])));
        assert_eq!(
            value.part("header").and_then(|header| header.part("stamp")),
            Some(&Value::Time(1_000_000_002))
        );
    }

    #[test]
    fn what_a_writer_left_behind_the_end_is_not_read() {
        let definition = Definition::parse("p/A", b"float64[] a\nfloat64[] b").expect("a definition");
        let message = |tail: &[u8]| [&[0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0][..], tail].concat();
        for tail in [&[][..], &[0x55, 0, 0, 0, 0x60, 2, 0xd3, 0x89]] {
            let value = decode(&definition, Layout::Cdr, &message(tail)).expect("a message");
            assert_eq!(value.part("b"), Some(&Value::Numbers(Vec::new())));
        }
        assert!(decode(&definition, Layout::Cdr, &message(&[1; 20])).is_err());
    }

    #[test]
    fn lengths_beyond_the_message_are_refused_before_they_are_made() {
        let mut bytes = message();
        bytes[20..24].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(decode(&definition(), Layout::Cdr, &bytes).is_err());
        let endless = Definition::parse("p/A", b"A[] a\n").expect("a definition");
        assert!(decode(&endless, Layout::Ros1, &[0; 12]).is_err());
        let selfish = Definition::parse("p/A", b"A a\n").expect("a definition");
        assert!(decode(&selfish, Layout::Ros1, &[0; 64]).is_err());
    }

    #[test]
    fn arrays_of_nothing_are_counted() {
        // 2000 groups, each with 1000 arrays that take no byte.
        let text = format!("B[] b\nuint8[] rest\n===\nMSG: p/B\n{}", "int8[0] a\n".repeat(1000));
        let definition = Definition::parse("p/A", text.as_bytes()).expect("a definition");
        let message = [&2000u32.to_le_bytes()[..], &2000u32.to_le_bytes(), &[0; 2000]].concat();
        let error = decode(&definition, Layout::Ros1, &message).expect_err("too many");
        assert_eq!(error.expected, "at most 1048576 values in a message");
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn any_damage_is_an_error_and_no_panic(
            at in 0usize..60, byte: u8, length in 0usize..60, layout in prop::bool::ANY, text in "[a-z0-9\\[\\]<=/# \n]{0,80}"
        ) {
            let layout = if layout { Layout::Cdr } else { Layout::Ros1 };
            let mut bytes = message();
            let place = at.min(bytes.len() - 1);
            bytes[place] ^= byte;
            bytes.truncate(length);
            let _ = decode(&definition(), layout, &bytes);
            if let Ok(definition) = Definition::parse("p/A", text.as_bytes()) {
                let _ = decode(&definition, layout, &bytes);
            }
        }
    }
}
