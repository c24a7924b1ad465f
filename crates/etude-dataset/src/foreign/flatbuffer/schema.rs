//! A binary schema: which types there are, and where their fields stand.
//!
//! Offsets of fields are those of `reflection.fbs`, the schema of schemas: field n stands at 4 + 2 n.

use super::buffer::{Buffer, Damage, Table};
use std::collections::HashMap;
use std::sync::Arc;

/// Types and fields that a schema may have.
const MAX_TYPES: usize = 1 << 14;
const MAX_FIELDS: usize = 1 << 17;

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Base {
    None,
    Bool,
    I8,
    U8,
    I16,
    U16,
    I32,
    U32,
    I64,
    U64,
    F32,
    F64,
    Text,
    Vector,
    Object,
    Union,
    Array,
}

impl Base {
    fn numbered(number: u8, at: usize) -> Result<Self, Damage> {
        const ALL: [Base; 18] = [
            Base::None,
            Base::U8,
            Base::Bool,
            Base::I8,
            Base::U8,
            Base::I16,
            Base::U16,
            Base::I32,
            Base::U32,
            Base::I64,
            Base::U64,
            Base::F32,
            Base::F64,
            Base::Text,
            Base::Vector,
            Base::Object,
            Base::Union,
            Base::Array,
        ];
        ALL.get(usize::from(number)).copied().ok_or_else(|| Damage::new(at, "a type of FlatBuffers", number))
    }

    /// Bytes of a number.
    pub(super) const fn size(self) -> Option<usize> {
        match self {
            Self::Bool | Self::I8 | Self::U8 => Some(1),
            Self::I16 | Self::U16 => Some(2),
            Self::I32 | Self::U32 | Self::F32 => Some(4),
            Self::I64 | Self::U64 | Self::F64 => Some(8),
            _ => None,
        }
    }
}

/// A field's type.
#[derive(Clone, Debug)]
pub(super) struct Kind {
    pub(super) base: Base,
    /// Of a vector or array: what it holds.
    pub(super) element: Base,
    /// Which object or union.
    pub(super) index: usize,
    /// Elements of an array.
    pub(super) length: usize,
}

/// A field.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) name: Arc<str>,
    pub(super) kind: Kind,
    /// Of a table: its place in the table of places; of a struct: bytes from its beginning.
    pub(super) offset: usize,
    pub(super) default_integer: i64,
    pub(super) default_real: f64,
    pub(super) optional: bool,
}

/// A table or struct.
#[derive(Clone, Debug)]
pub(super) struct Object {
    pub(super) name: String,
    pub(super) is_struct: bool,
    /// Bytes of a struct.
    pub(super) size: usize,
    /// Fields in the order of their ids.
    pub(super) fields: Vec<Field>,
}

/// A schema, and which of its types a message is.
#[derive(Clone, Debug)]
pub(crate) struct Schema {
    pub(super) objects: Vec<Object>,
    /// Of each enumeration that is a union: tables by their numbers.
    pub(super) unions: Vec<HashMap<i64, usize>>,
    pub(super) root: usize,
}

/// The offset of a field by its id.
const fn id(number: usize) -> usize {
    4 + 2 * number
}

impl Schema {
    /// Reads a schema, of which the type `name` is the message; without such a name, the schema's own root.
    pub(crate) fn parse(name: &str, bytes: &[u8]) -> Result<Self, Damage> {
        let buffer = Buffer::new(bytes);
        let top = Table::at(buffer, buffer.root()?)?;
        let tables = top.tables(id(0))?;
        let enumerations = top.tables(id(1))?;
        if tables.len() + enumerations.len() > MAX_TYPES {
            return Err(Damage::new(0, "at most 16384 types", tables.len() + enumerations.len()));
        }
        let (mut objects, mut fields) = (Vec::with_capacity(tables.len()), 0);
        for table in &tables {
            objects.push(object(*table, &mut fields)?);
        }
        let mut members = 0;
        let unions = enumerations.into_iter().map(|table| union(table, &tables, &mut members));
        let unions = unions.collect::<Result<_, _>>()?;
        let own = top.table(id(4))?.map(Table::place);
        let named = objects.iter().position(|object| object.name == name);
        let root = named.or_else(|| tables.iter().position(|table| Some(table.place()) == own));
        let root =
            root.ok_or_else(|| Damage::new(0, "the message's own type among those of the schema", name))?;
        Ok(Self { objects, unions, root })
    }
}

fn object(table: Table<'_>, fields: &mut usize) -> Result<Object, Damage> {
    let of_object = table.tables(id(1))?;
    *fields += of_object.len();
    if *fields > MAX_FIELDS {
        return Err(Damage::new(table.place(), "at most 131072 fields", *fields));
    }
    let mut found = Vec::with_capacity(of_object.len());
    for field in of_object {
        let kind = field.table(id(1))?.ok_or_else(|| Damage::new(field.place(), "a field's type", "none"))?;
        let at = kind.place();
        let described = Field {
            name: Arc::from(field.text(id(0))?),
            kind: Kind {
                base: Base::numbered(kind.u8(id(0))?, at)?,
                element: Base::numbered(kind.u8(id(1))?, at)?,
                index: usize::try_from(kind.i32(id(2), -1)?).unwrap_or(usize::MAX),
                length: kind.u16(id(3))?.into(),
            },
            offset: field.u16(id(3))?.into(),
            default_integer: field.i64(id(4))?,
            default_real: field.f64(id(5))?,
            optional: field.u8(id(11))? != 0,
        };
        found.push((field.u16(id(2))?, described));
    }
    found.sort_by_key(|(number, _)| *number);
    Ok(Object {
        name: table.text(id(0))?.to_owned(),
        is_struct: table.u8(id(2))? != 0,
        size: usize::try_from(table.i32(id(4), 0)?).unwrap_or(0),
        fields: found.into_iter().map(|(_, field)| field).collect(),
    })
}

/// The tables that an enumeration's numbers stand for; empty where it is no union.
fn union(table: Table<'_>, tables: &[Table<'_>], members: &mut usize) -> Result<HashMap<i64, usize>, Damage> {
    let mut found = HashMap::new();
    if table.u8(id(2))? == 0 {
        return Ok(found);
    }
    for member in table.tables(id(1))? {
        *members += 1;
        if *members > MAX_FIELDS {
            return Err(Damage::new(table.place(), "at most 131072 members of unions", *members));
        }
        let Some(kind) = member.table(id(3))? else { continue };
        let place = usize::try_from(kind.i32(id(2), -1)?).ok().filter(|place| *place < tables.len());
        if let Some(place) = place {
            found.insert(member.i64(id(1))?, place);
        }
    }
    Ok(found)
}
