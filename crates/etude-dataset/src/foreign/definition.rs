//! ROS message definitions (`ros1msg` and `ros2msg`) as a table of types and fields.
//!
//! The text is the message's own fields, then each type it depends on behind a line of `=` and `MSG: package/Type`.

use std::collections::HashMap;
use std::sync::Arc;

/// The longest definition that is read, bytes.
pub(crate) const MAX_TEXT: usize = 1 << 20;
/// Types nested in one another, at most.
pub(crate) const MAX_DEPTH: usize = 32;

/// What is wrong with a definition.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("its definition, line {line}: expected {expected}, found `{found}`")]
pub(crate) struct DefinitionError {
    /// Line, from 1; 0: the whole.
    pub line: usize,
    /// What was expected.
    pub expected: &'static str,
    /// What was found.
    pub found: String,
}

/// A number or text of fixed meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Primitive {
    Bool,
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    U64,
    I64,
    F32,
    F64,
    Text,
    WideText,
    /// Two 32-bit numbers: seconds and nanoseconds; whether the seconds may be negative.
    Time {
        signed: bool,
    },
}

impl Primitive {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "bool" | "boolean" => Self::Bool,
            "uint8" | "byte" | "char" | "octet" => Self::U8,
            "int8" => Self::I8,
            "uint16" => Self::U16,
            "int16" => Self::I16,
            "uint32" => Self::U32,
            "int32" => Self::I32,
            "uint64" => Self::U64,
            "int64" => Self::I64,
            "float32" | "float" => Self::F32,
            "float64" | "double" => Self::F64,
            "string" => Self::Text,
            "wstring" => Self::WideText,
            "time" => Self::Time { signed: false },
            "duration" => Self::Time { signed: true },
            _ => return None,
        })
    }

    /// Bytes of one, where all have as many.
    pub(crate) const fn size(self) -> Option<usize> {
        match self {
            Self::Bool | Self::U8 | Self::I8 => Some(1),
            Self::U16 | Self::I16 => Some(2),
            Self::U32 | Self::I32 | Self::F32 => Some(4),
            Self::U64 | Self::I64 | Self::F64 | Self::Time { .. } => Some(8),
            Self::Text | Self::WideText => None,
        }
    }
}

/// What a field holds one or many of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Element {
    Primitive(Primitive),
    /// A place in [`Definition::types`].
    Group(usize),
}

/// How many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Count {
    One,
    Fixed(usize),
    Any,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) name: Arc<str>,
    pub(crate) element: Element,
    pub(crate) count: Count,
}

/// A message's type and all that it is made of.
#[derive(Clone, Debug)]
pub(crate) struct Definition {
    /// Fields of each type; the message's own are the first.
    pub(crate) types: Vec<Vec<Field>>,
}

struct Line<'t> {
    number: usize,
    kind: &'t str,
    name: &'t str,
    count: Count,
}

impl Definition {
    /// Reads the definition of the type called `name`.
    pub(crate) fn parse(name: &str, text: &[u8]) -> Result<Self, DefinitionError> {
        let whole = |expected, found: String| DefinitionError { line: 0, expected, found };
        if text.len() > MAX_TEXT {
            return Err(whole("at most 1 MiB", format!("{} bytes", text.len())));
        }
        let text = std::str::from_utf8(text).map_err(|_| whole("UTF-8", "other bytes".to_owned()))?;
        let mut names = vec![canonical(name)];
        let mut bodies: Vec<Vec<Line<'_>>> = vec![Vec::new()];
        let mut after_rule = false;
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim_end_matches('\r');
            if line.len() >= 3 && line.bytes().all(|byte| byte == b'=') {
                after_rule = true;
            } else if let Some(name) = line.strip_prefix("MSG:").filter(|_| after_rule) {
                names.push(canonical(name.trim()));
                bodies.push(Vec::new());
                after_rule = false;
            } else if let Some(line) = field(number, line)? {
                bodies.last_mut().expect("there is always one").push(line);
            }
        }
        if bodies.len() > 1 && bodies.first().is_some_and(Vec::is_empty) && names.get(1) == names.first() {
            // Some writers name the message's own type too, as if it were one that it depends on.
            names.remove(0);
            bodies.remove(0);
        }
        let places: HashMap<&str, usize> =
            names.iter().enumerate().rev().map(|(place, name)| (name.as_str(), place)).collect();
        let types = bodies.iter().zip(&names).map(|(body, name)| {
            let package = name.split_once('/').map_or("", |(package, _)| package);
            body.iter().map(|line| resolve(line, package, &places)).collect()
        });
        Ok(Self { types: types.collect::<Result<_, _>>()? })
    }
}

/// `package/Type` of `package/msg/Type` or `package/Type`.
fn canonical(name: &str) -> String {
    match name.split('/').collect::<Vec<_>>().as_slice() {
        [package, "msg", kind] => format!("{package}/{kind}"),
        _ => name.to_owned(),
    }
}

/// A line of a definition; `None` for comments and constants.
fn field(number: usize, line: &str) -> Result<Option<Line<'_>>, DefinitionError> {
    let code = line.split('#').next().unwrap_or_default().trim();
    if code.is_empty() || code.starts_with("IDL:") {
        return Ok(None);
    }
    let error = |expected| DefinitionError { line: number, expected, found: line.to_owned() };
    let (kind, rest) = code.split_once(char::is_whitespace).ok_or_else(|| error("a type and a name"))?;
    let rest = rest.trim_start();
    let end = rest.find(|letter: char| letter.is_whitespace() || letter == '=').unwrap_or(rest.len());
    let (name, rest) = rest.split_at(end);
    // `NAME=value` is a constant; what follows a name without `=` is the field's default.
    if rest.trim_start().starts_with('=') {
        return Ok(None);
    }
    let (kind, count) = match kind.split_once('[') {
        None => (kind, Count::One),
        Some((kind, inner)) => {
            let inner = inner.strip_suffix(']').ok_or_else(|| error("`]`"))?;
            let count = match inner.strip_prefix("<=").unwrap_or(inner) {
                "" => Count::Any,
                bound => {
                    let bound = bound.parse().map_err(|_| error("a number of elements"))?;
                    if inner.starts_with("<=") { Count::Any } else { Count::Fixed(bound) }
                }
            };
            (kind, count)
        }
    };
    // A bound on text's length does not change how it is written.
    let kind = kind.split("<=").next().unwrap_or(kind);
    Ok(Some(Line { number, kind, name, count }))
}

fn resolve(line: &Line<'_>, package: &str, places: &HashMap<&str, usize>) -> Result<Field, DefinitionError> {
    let named = Arc::from(line.name);
    let found = |element| Ok(Field { name: Arc::clone(&named), element, count: line.count });
    if let Some(primitive) = Primitive::named(line.kind) {
        return found(Element::Primitive(primitive));
    }
    let name = canonical(line.kind);
    match name.as_str() {
        "builtin_interfaces/Time" | "builtin_interfaces/Duration" => {
            return found(Element::Primitive(Primitive::Time { signed: true }));
        }
        _ => {}
    }
    let place = if name.contains('/') {
        places.get(name.as_str())
    } else {
        places.get(format!("{package}/{name}").as_str()).or_else(|| places.get(name.as_str())).or_else(|| {
            // `Header` is short for `std_msgs/Header`, wherever it stands.
            places.get(format!("std_msgs/{name}").as_str())
        })
    };
    match place {
        Some(place) => found(Element::Group(*place)),
        None => Err(DefinitionError {
            line: line.number,
            expected: "a type that the definition describes",
            found: line.kind.to_owned(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_constants_defaults_and_bounds_are_told_apart() {
        let text = "# a comment\nuint8 FIRST=1\nstring WORD = #not a comment\nint32[<=5] few 3\nstring<=10 name \"x\"\n\
                    Header header\nfloat64[3] force # x y z\n\
                    ================\nMSG: std_msgs/Header\nbuiltin_interfaces/Time stamp\nstring frame_id\n";
        let definition = Definition::parse("pkg/msg/Thing", text.as_bytes()).expect("a definition");
        let fields: Vec<_> = definition.types[0].iter().map(|field| (&*field.name, field.count)).collect();
        assert_eq!(
            fields,
            [("few", Count::Any), ("name", Count::One), ("header", Count::One), ("force", Count::Fixed(3))]
        );
        assert_eq!(definition.types[0][2].element, Element::Group(1));
    }

    #[test]
    fn a_definition_may_name_its_own_type_first() {
        let text = "=====\nMSG: pkg/Thing\nint32 a\n";
        let definition = Definition::parse("pkg/msg/Thing", text.as_bytes()).expect("a definition");
        assert_eq!(definition.types[0].len(), 1);
    }

    #[test]
    fn an_unknown_type_is_named_with_its_line() {
        let error =
            Definition::parse("pkg/Thing", b"int32 a\nOther b\n").expect_err("an unknown type").to_string();
        assert!(error.contains("line 2") && error.contains("`Other`"), "{error}");
    }
}
