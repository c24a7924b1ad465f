//! Attributes: a name and a small value beside an object.

use super::dataset::Reader;
use super::datatype::Datatype;
use super::header::{Header, Message, kind};
use super::layout::Space;
use super::{Damage, File};
use crate::foreign::bytes::Cursor;
use crate::foreign::value::Value;

const WHAT: &str = "an attribute";
/// Attributes of one object.
const MAX_ATTRIBUTES: usize = 10_000;
/// Elements of one attribute.
const MAX_ELEMENTS: u64 = 1 << 20;

impl File {
    /// The attributes of the object whose header this is; what could not be read is added to `damages`.
    pub(super) fn attributes(&self, header: &Header, damages: &mut Vec<Damage>) -> Vec<(String, Value)> {
        let mut found = Vec::new();
        let mut reader = Reader::new(self);
        for message in &header.messages {
            match message.kind {
                kind::ATTRIBUTE => match self.attribute(message.at, &message.body, &mut reader) {
                    Ok(attribute) => found.push(attribute),
                    Err(damage) => damages.push(damage),
                },
                kind::ATTRIBUTE_INFO => {
                    let result = self.dense_attributes(message, &mut reader, &mut found, damages);
                    damages.extend(result.err());
                }
                _ => {}
            }
            if found.len() > MAX_ATTRIBUTES {
                damages.push(Damage::new(WHAT, message.at, format!("at most {MAX_ATTRIBUTES}"), "more"));
                break;
            }
        }
        found
    }

    fn dense_attributes(
        &self,
        message: &Message,
        reader: &mut Reader,
        found: &mut Vec<(String, Value)>,
        damages: &mut Vec<Damage>,
    ) -> Result<(), Damage> {
        let Some((heap, tree)) = self.dense(message.at, &message.body, 2)? else { return Ok(()) };
        let heap = self.fractal_heap(heap)?;
        let mut inner = Vec::new();
        let trees = self.new_tree(tree, &mut |_, record| {
            let id = record.get(..8).unwrap_or_default();
            let attribute =
                self.heap_object(&heap, id).and_then(|(at, bytes)| self.attribute(at, &bytes, reader));
            match attribute {
                Ok(attribute) if found.len() < MAX_ATTRIBUTES => found.push(attribute),
                Ok(_) => {}
                Err(damage) => inner.push(damage),
            }
            Ok(())
        });
        damages.extend(trees);
        damages.extend(inner);
        Ok(())
    }

    fn attribute(&self, at: u64, body: &[u8], reader: &mut Reader) -> Result<(String, Value), Damage> {
        let mut cursor = Cursor::new(body);
        let mut parse = || {
            let (version, flags) = (cursor.u8()?, cursor.u8()?);
            let sizes = [cursor.u16()?, cursor.u16()?, cursor.u16()?].map(usize::from);
            if version >= 3 {
                cursor.u8()?;
            }
            let mut part = |size: usize, what| {
                let bytes = cursor.take(size, what)?;
                if version == 1 {
                    cursor.take(size.next_multiple_of(8) - size, "padding")?;
                }
                Ok::<_, crate::foreign::bytes::BytesError>(bytes)
            };
            let [name, kind, space] = sizes;
            Ok((flags, part(name, "a name")?, part(kind, "a type")?, part(space, "a size")?))
        };
        let (flags, name, kind, space) = parse().map_err(Damage::within(WHAT, at))?;
        let end = name.iter().position(|byte| *byte == 0).unwrap_or(name.len());
        let name = String::from_utf8_lossy(name.get(..end).unwrap_or_default()).into_owned();
        let kind = if flags & 1 == 0 {
            kind.to_vec()
        } else {
            let shared = Message { kind: kind::DATATYPE, at, body: kind.to_vec(), is_shared: true };
            self.shared(&shared)?.body
        };
        let kind = Datatype::parse(&kind).map_err(Damage::within(WHAT, at))?;
        let space = Space::parse(self, space).map_err(Damage::within(WHAT, at))?;
        let data = cursor.take(cursor.left(), "its value").map_err(Damage::within(WHAT, at))?;
        let refused = |found: String| Damage::new(WHAT, at, format!("a value of `{name}`"), found);
        let count = space.count().filter(|count| *count <= MAX_ELEMENTS);
        let count = count.ok_or_else(|| refused("more than are read".to_owned()))?;
        let value = if space.is_null {
            Ok(Value::Null)
        } else if space.dims.is_empty() {
            kind.value(data, reader)
        } else {
            kind.values(data, count as usize, reader)
        };
        value.map(|value| (name.clone(), value)).map_err(refused)
    }
}
