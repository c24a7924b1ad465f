//! `FlatBuffers` messages, read by their binary schema (`.bfbs`), which is a `FlatBuffer` itself.
//!
//! Every offset is checked where it is followed, and what a message may become is bounded by its length: tables may be
//! referred to many times, so that a small message could otherwise become a large tree.

mod buffer;
mod schema;

pub(crate) use schema::Schema;

use super::value::Value;
use buffer::{Buffer, Damage, Table};
use schema::{Base, Field, Kind, Object};
use std::sync::Arc;

/// Tables within one another, at most.
const MAX_DEPTH: usize = 32;
/// Values that one message may hold.
const MAX_VALUES: usize = 1 << 20;
/// What texts, bytes and numbers of a message may take, as a multiple of its length, and besides.
const MAX_SHARE: usize = 8;
const MAX_BESIDE: usize = 1 << 20;

impl Schema {
    /// Reads one message.
    pub(crate) fn decode(&self, message: &[u8]) -> Result<Value, Damage> {
        let room = message.len().saturating_mul(MAX_SHARE).saturating_add(MAX_BESIDE);
        let mut reader = Reader { schema: self, buffer: Buffer::new(message), values: 0, room };
        let root = reader.buffer.root()?;
        reader.table(self.root, root, 0)
    }
}

struct Reader<'m> {
    schema: &'m Schema,
    buffer: Buffer<'m>,
    values: usize,
    /// Bytes that texts and numbers may still take.
    room: usize,
}

impl<'m> Reader<'m> {
    fn object(&self, place: usize, at: usize) -> Result<&'m Object, Damage> {
        self.schema.objects.get(place).ok_or_else(|| Damage::new(at, "a type of the schema", place))
    }

    fn count(&mut self, at: usize, depth: usize) -> Result<(), Damage> {
        self.values += 1;
        if self.values > MAX_VALUES {
            return Err(Damage::new(at, "at most 1048576 values in a message", "more"));
        }
        if depth > MAX_DEPTH {
            return Err(Damage::new(at, "at most 32 tables within one another", "more"));
        }
        Ok(())
    }

    fn spend(&mut self, at: usize, bytes: usize) -> Result<(), Damage> {
        self.room = self.room.checked_sub(bytes).ok_or_else(|| {
            Damage::new(at, "texts and numbers of at most eight times the message's length", "more")
        })?;
        Ok(())
    }

    fn table(&mut self, place: usize, at: usize, depth: usize) -> Result<Value, Damage> {
        self.count(at, depth)?;
        let object = self.object(place, at)?;
        let table = Table::at(self.buffer, at)?;
        let mut parts = Vec::with_capacity(object.fields.len());
        for field in &object.fields {
            let value = match table.field(field.offset)? {
                Some(at) => self.value(field, object, table, at, depth)?,
                None => absent(field),
            };
            parts.push((Arc::clone(&field.name), value));
        }
        Ok(timed(object, Value::Struct(parts)))
    }

    /// A struct stands where it is, without a table.
    fn inline(&mut self, place: usize, at: usize, depth: usize) -> Result<Value, Damage> {
        self.count(at, depth)?;
        let object = self.object(place, at)?;
        let mut parts = Vec::with_capacity(object.fields.len());
        for field in &object.fields {
            let at = at.saturating_add(field.offset);
            let value = match field.kind.base {
                Base::Object => self.inline(field.kind.index, at, depth + 1)?,
                Base::Array => self.array(&field.kind, at, field.kind.length, depth)?,
                base => self.number(base, at)?,
            };
            parts.push((Arc::clone(&field.name), value));
        }
        Ok(timed(object, Value::Struct(parts)))
    }

    fn value(
        &mut self,
        field: &Field,
        object: &Object,
        table: Table<'m>,
        at: usize,
        depth: usize,
    ) -> Result<Value, Damage> {
        let kind = &field.kind;
        match kind.base {
            Base::Object if self.object(kind.index, at)?.is_struct => self.inline(kind.index, at, depth + 1),
            Base::Object => {
                let at = self.buffer.follow(at)?;
                self.table(kind.index, at, depth + 1)
            }
            Base::Text => self.text(at),
            Base::Vector => {
                let (at, length) = self.buffer.vector(at)?;
                self.array(kind, at, length, depth)
            }
            Base::Union => self.union(field, object, table, at, depth),
            Base::Array => Err(Damage::new(at, "an array within a struct", "one within a table")),
            base => self.number(base, at),
        }
    }

    /// Which table a union holds says the field `…_type` before it.
    fn union(
        &mut self,
        field: &Field,
        object: &Object,
        table: Table<'m>,
        at: usize,
        depth: usize,
    ) -> Result<Value, Damage> {
        let name = format!("{}_type", field.name);
        let of = object.fields.iter().find(|other| *other.name == *name);
        let kind = match of.map(|of| table.field(of.offset)).transpose()?.flatten() {
            Some(at) => i64::from(self.buffer.u8(at)?),
            None => 0,
        };
        let members = self.schema.unions.get(field.kind.index);
        match members.and_then(|members| members.get(&kind)) {
            Some(place) => {
                let at = self.buffer.follow(at)?;
                self.table(*place, at, depth + 1)
            }
            None if kind == 0 => Ok(Value::Null),
            None => Err(Damage::new(at, "a table that the union may hold", kind)),
        }
    }

    fn text(&mut self, at: usize) -> Result<Value, Damage> {
        let (at, length) = self.buffer.vector(at)?;
        let bytes = self.buffer.bytes(at, length)?;
        self.count(at, 0)?;
        self.spend(at, length)?;
        let text = std::str::from_utf8(bytes).map_err(|_| Damage::new(at, "UTF-8", "other bytes"))?;
        Ok(Value::Text(text.to_owned()))
    }

    /// Elements that follow one another: of a vector, or of an array in a struct.
    fn array(&mut self, kind: &Kind, at: usize, length: usize, depth: usize) -> Result<Value, Damage> {
        let size = match kind.element {
            Base::Object => {
                let object = self.object(kind.index, at)?;
                if object.is_struct { object.size } else { 4 }
            }
            Base::Text => 4,
            element => element
                .size()
                .ok_or_else(|| Damage::new(at, "a vector of numbers, texts or tables", "another"))?,
        };
        let bytes = length
            .checked_mul(size.max(1))
            .ok_or_else(|| Damage::new(at, "a vector in the message", length))?;
        let whole = self.buffer.bytes(at, bytes)?;
        let place = |number: usize| at + number * size;
        match kind.element {
            Base::U8 => {
                self.spend(at, bytes)?;
                Ok(Value::Bytes(whole.to_vec()))
            }
            Base::Object if self.object(kind.index, at)?.is_struct => {
                let values = (0..length).map(|number| self.inline(kind.index, place(number), depth + 1));
                Ok(Value::List(values.collect::<Result<_, _>>()?))
            }
            Base::Object => {
                let values = (0..length).map(|number| {
                    let at = self.buffer.follow(place(number))?;
                    self.table(kind.index, at, depth + 1)
                });
                Ok(Value::List(values.collect::<Result<_, _>>()?))
            }
            Base::Text => {
                let values = (0..length).map(|number| self.text(place(number)));
                Ok(Value::List(values.collect::<Result<_, _>>()?))
            }
            element => self.numbers(element, at, length, size),
        }
    }

    /// Numbers: as such where they are exact, else one by one.
    fn numbers(&mut self, element: Base, at: usize, length: usize, size: usize) -> Result<Value, Damage> {
        self.spend(at, length.saturating_mul(8))?;
        let buffer = self.buffer;
        let all = (0..length).map(|number| scalar(buffer, element, at + number * size));
        if matches!(element, Base::I64 | Base::U64 | Base::Bool) {
            self.values += length;
            self.count(at, 0)?;
            return Ok(Value::List(all.collect::<Result<_, _>>()?));
        }
        let exact = all.map(|value| {
            Ok(match value? {
                Value::Int(value) => value as f64,
                Value::Float(value) => value,
                _ => f64::NAN,
            })
        });
        Ok(Value::Numbers(exact.collect::<Result<_, Damage>>()?))
    }

    fn number(&mut self, base: Base, at: usize) -> Result<Value, Damage> {
        self.count(at, 0)?;
        scalar(self.buffer, base, at)
    }
}

fn scalar(buffer: Buffer<'_>, base: Base, at: usize) -> Result<Value, Damage> {
    Ok(match base {
        Base::Bool => Value::Bool(buffer.u8(at)? != 0),
        Base::U8 => Value::Int(buffer.u8(at)?.into()),
        Base::I8 => Value::Int(i8::from_le_bytes(buffer.array(at)?).into()),
        Base::I16 => Value::Int(i16::from_le_bytes(buffer.array(at)?).into()),
        Base::U16 => Value::Int(u16::from_le_bytes(buffer.array(at)?).into()),
        Base::I32 => Value::Int(i32::from_le_bytes(buffer.array(at)?).into()),
        Base::U32 => Value::Int(u32::from_le_bytes(buffer.array(at)?).into()),
        Base::I64 => Value::Int(i64::from_le_bytes(buffer.array(at)?)),
        Base::U64 => {
            let value = u64::from_le_bytes(buffer.array(at)?);
            i64::try_from(value).map_or(Value::Large(value), Value::Int)
        }
        Base::F32 => Value::Float(f32::from_le_bytes(buffer.array(at)?).into()),
        Base::F64 => Value::Float(f64::from_le_bytes(buffer.array(at)?)),
        _ => return Err(Damage::new(at, "a number", "something else")),
    })
}

/// What a field has that is not there: its default.
fn absent(field: &Field) -> Value {
    match field.kind.base {
        _ if field.optional => Value::Null,
        Base::Text | Base::Vector | Base::Object | Base::Union | Base::Array => Value::Null,
        Base::Bool => Value::Bool(field.default_integer != 0),
        Base::F32 | Base::F64 => Value::Float(field.default_real),
        _ => Value::Int(field.default_integer),
    }
}

/// Foxglove's times are structs of seconds and nanoseconds.
fn timed(object: &Object, value: Value) -> Value {
    if !matches!(&*object.name, "foxglove.Time" | "foxglove.Duration") {
        return value;
    }
    let part = |name: &str| match value.part(name) {
        Some(Value::Int(number)) => Some(*number),
        _ => None,
    };
    match (part("sec"), part("nsec")) {
        (Some(seconds), Some(nanos)) => {
            Value::Time(seconds.saturating_mul(1_000_000_000).saturating_add(nanos))
        }
        _ => value,
    }
}

#[cfg(test)]
mod tests;
