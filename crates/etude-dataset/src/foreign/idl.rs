//! OMG IDL as ROS 2 writes it (`ros2idl`): modules, structs, type definitions, enumerations and constants, as a
//! [`Definition`].
//!
//! The text is one file per type, each behind a line of `=` and `IDL: package/msg/Type`. Annotations, comments and
//! `#include` lines say nothing of how a message is written. Unions, maps, bit masks and inheritance are refused: ROS writes none.

use super::definition::{Count, Definition, DefinitionError, Element, Field, MAX_DEPTH, MAX_TEXT, Primitive};
use std::collections::HashMap;
use std::sync::Arc;

/// Elements of a fixed array, at most.
const MAX_ELEMENTS: usize = 1 << 24;

/// A word, a number, a text or a sign, and its line from 1.
#[derive(Clone, Copy, Debug)]
struct Token<'t> {
    text: &'t str,
    line: usize,
}

/// A type as it is named, and how many of it.
#[derive(Clone, Debug)]
struct Named {
    name: String,
    count: Count,
    line: usize,
}

/// What a name stands for.
#[derive(Clone, Debug)]
enum Meaning {
    Struct(Vec<(String, Named)>),
    Alias(Named),
    /// Written as a number of 32 bits.
    Enum,
}

/// Reads the definition of the type called `name`, such as `geometry_msgs/msg/Pose`.
pub(crate) fn parse(name: &str, text: &[u8]) -> Result<Definition, DefinitionError> {
    let whole = |expected, found: String| DefinitionError { line: 0, expected, found };
    if text.len() > MAX_TEXT {
        return Err(whole("at most 1 MiB", format!("{} bytes", text.len())));
    }
    let text = std::str::from_utf8(text).map_err(|_| whole("UTF-8", "other bytes".to_owned()))?;
    let mut parser =
        Parser { tokens: tokens(text)?, at: 0, meanings: HashMap::new(), constants: HashMap::new() };
    parser.file()?;
    let mut resolver = Resolver { meanings: &parser.meanings, places: HashMap::new(), types: Vec::new() };
    let wanted = name.replace('/', "::");
    if !parser.meanings.contains_key(&wanted) {
        return Err(whole("a struct of the schema's own name", name.to_owned()));
    }
    resolver.group(&wanted, 0)?;
    Ok(Definition { types: resolver.types })
}

/// Signs that are a token of their own.
fn is_sign(letter: char) -> bool {
    "{}()<>[];,=@+-*/|&^~%".contains(letter)
}

fn tokens(text: &str) -> Result<Vec<Token<'_>>, DefinitionError> {
    let mut found = Vec::new();
    let mut comment = false;
    for (line, mut rest) in (1..).zip(text.lines()) {
        let head = rest.trim_start();
        if !comment && (head.starts_with('#') || head.starts_with("IDL:") || head.starts_with("====")) {
            continue;
        }
        loop {
            if comment {
                let Some(end) = rest.find("*/") else { break };
                (rest, comment) = (&rest[end + 2..], false);
            }
            rest = rest.trim_start();
            let Some(letter) = rest.chars().next().filter(|_| !rest.starts_with("//")) else { break };
            if let Some(after) = rest.strip_prefix("/*") {
                (rest, comment) = (after, true);
                continue;
            }
            let length = match letter {
                '"' | '\'' => quoted(rest, letter).ok_or_else(|| DefinitionError {
                    line,
                    expected: "the end of a text",
                    found: rest.chars().take(40).collect(),
                })?,
                letter if is_sign(letter) => letter.len_utf8(),
                _ => {
                    rest.find(|letter: char| letter.is_whitespace() || is_sign(letter)).unwrap_or(rest.len())
                }
            };
            let (text, after) = rest.split_at(length);
            found.push(Token { text, line });
            rest = after;
        }
    }
    Ok(found)
}

/// Bytes of a text with its quotes.
fn quoted(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, letter) in text.char_indices().skip(1) {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            letter if letter == quote => return Some(at + letter.len_utf8()),
            _ => {}
        }
    }
    None
}

struct Parser<'t> {
    tokens: Vec<Token<'t>>,
    at: usize,
    meanings: HashMap<String, Meaning>,
    constants: HashMap<String, usize>,
}

impl<'t> Parser<'t> {
    fn error(&self, expected: &'static str) -> DefinitionError {
        let found = self.tokens.get(self.at).or(self.tokens.last());
        let (line, text) = found.map_or((0, ""), |token| (token.line, token.text));
        let text = if self.at < self.tokens.len() { text } else { "the end" };
        DefinitionError { line, expected, found: text.chars().take(80).collect() }
    }

    fn peek(&self) -> &'t str {
        self.tokens.get(self.at).map_or("", |token| token.text)
    }

    fn line(&self) -> usize {
        self.tokens.get(self.at).map_or(0, |token| token.line)
    }

    fn next(&mut self, expected: &'static str) -> Result<&'t str, DefinitionError> {
        let token = self.tokens.get(self.at).ok_or_else(|| self.error(expected))?;
        self.at += 1;
        Ok(token.text)
    }

    fn take(&mut self, sign: &str) -> bool {
        let is_there = self.peek() == sign;
        self.at += usize::from(is_there);
        is_there
    }

    fn expect(&mut self, sign: &'static str) -> Result<(), DefinitionError> {
        if self.take(sign) { Ok(()) } else { Err(self.error(sign)) }
    }

    fn word(&mut self, expected: &'static str) -> Result<&'t str, DefinitionError> {
        let is_word =
            self.peek().starts_with(|letter: char| letter.is_alphabetic() || letter == '_' || letter == ':');
        if is_word { self.next(expected) } else { Err(self.error(expected)) }
    }

    /// Everything, with the modules that are open.
    fn file(&mut self) -> Result<(), DefinitionError> {
        let mut modules: Vec<&str> = Vec::new();
        while self.at < self.tokens.len() {
            self.annotations()?;
            if self.take("}") {
                self.take(";");
                modules.pop().ok_or_else(|| self.error("no module is open"))?;
                continue;
            }
            match self.next("a declaration")? {
                "module" => {
                    modules.push(self.word("a module's name")?);
                    self.expect("{")?;
                    if modules.len() > MAX_DEPTH {
                        return Err(self.error("fewer modules within one another"));
                    }
                }
                "struct" => self.structure(&modules)?,
                "typedef" => self.alias(&modules)?,
                "enum" => self.enumeration(&modules)?,
                "const" => self.constant(&modules)?,
                ";" => {}
                _ => {
                    self.at -= 1;
                    return Err(self.error("module, struct, typedef, enum or const"));
                }
            }
        }
        Ok(())
    }

    /// `@name` and `@name(…)`.
    fn annotations(&mut self) -> Result<(), DefinitionError> {
        while self.take("@") {
            self.word("an annotation's name")?;
            if !self.take("(") {
                continue;
            }
            let mut open = 1;
            while open > 0 {
                match self.next("the end of an annotation")? {
                    "(" => open += 1,
                    ")" => open -= 1,
                    _ => {}
                }
            }
        }
        Ok(())
    }

    fn structure(&mut self, modules: &[&str]) -> Result<(), DefinitionError> {
        let name = scoped(modules, self.word("a struct's name")?);
        if self.take(";") {
            return Ok(());
        }
        self.expect("{")?;
        let mut fields = Vec::new();
        loop {
            self.annotations()?;
            if self.take("}") {
                break;
            }
            let named = self.named(modules)?;
            loop {
                let field = self.word("a field's name")?;
                let count = self.dimensions(modules, named.count)?;
                fields.push((field.to_owned(), Named { count, ..named.clone() }));
                if !self.take(",") {
                    break;
                }
            }
            self.expect(";")?;
        }
        self.take(";");
        self.meanings.insert(name, Meaning::Struct(fields));
        Ok(())
    }

    fn alias(&mut self, modules: &[&str]) -> Result<(), DefinitionError> {
        let named = self.named(modules)?;
        let name = scoped(modules, self.word("a type's name")?);
        let count = self.dimensions(modules, named.count)?;
        self.expect(";")?;
        self.meanings.insert(name, Meaning::Alias(Named { count, ..named }));
        Ok(())
    }

    fn enumeration(&mut self, modules: &[&str]) -> Result<(), DefinitionError> {
        let name = scoped(modules, self.word("an enumeration's name")?);
        self.expect("{")?;
        while !self.take("}") {
            self.next("the end of an enumeration")?;
        }
        self.take(";");
        self.meanings.insert(name, Meaning::Enum);
        Ok(())
    }

    /// Whole numbers are kept: arrays may name them.
    fn constant(&mut self, modules: &[&str]) -> Result<(), DefinitionError> {
        self.named(modules)?;
        let name = scoped(modules, self.word("a constant's name")?);
        self.expect("=")?;
        let first = self.peek();
        while !self.take(";") {
            self.next("the end of a constant")?;
        }
        if let Ok(value) = first.parse() {
            self.constants.insert(name, value);
        }
        Ok(())
    }

    /// A type: of several words, bounded, or a sequence.
    fn named(&mut self, modules: &[&str]) -> Result<Named, DefinitionError> {
        let line = self.line();
        if self.take("sequence") {
            self.expect("<")?;
            if self.peek() == "sequence" {
                return Err(self.error("a sequence of single values"));
            }
            let of = self.named(modules)?;
            if self.take(",") {
                self.next("a bound")?;
            }
            self.expect(">")?;
            return match of.count {
                Count::One => Ok(Named { count: Count::Any, ..of }),
                _ => Err(DefinitionError { line, expected: "a sequence of single values", found: of.name }),
            };
        }
        let mut name = self.word("a type")?.to_owned();
        while matches!(name.as_str(), "unsigned" | "long" | "unsigned long")
            && matches!(self.peek(), "short" | "long" | "double")
        {
            name = format!("{name} {}", self.next("a type")?);
        }
        if matches!(name.as_str(), "string" | "wstring") && self.take("<") {
            self.next("a bound")?;
            self.expect(">")?;
        }
        // A name of another module is written whole, one of this module may be short.
        let inside = scoped(modules, &name);
        let name = if self.meanings.contains_key(&inside) {
            inside
        } else {
            name.trim_start_matches("::").to_owned()
        };
        Ok(Named { name, count: Count::One, line })
    }

    /// `[3][4]` behind a name: written one after the other.
    fn dimensions(&mut self, modules: &[&str], count: Count) -> Result<Count, DefinitionError> {
        let mut total: Option<usize> = None;
        while self.take("[") {
            let side = self.next("a number of elements")?;
            let known = self.constants.get(&scoped(modules, side)).or_else(|| self.constants.get(side));
            let side = side.parse().ok().or_else(|| known.copied());
            let product = side.and_then(|side: usize| total.unwrap_or(1).checked_mul(side));
            total = Some(
                product
                    .filter(|total| *total <= MAX_ELEMENTS)
                    .ok_or_else(|| self.error("a number of elements"))?,
            );
            self.expect("]")?;
        }
        match (count, total) {
            (count, None) => Ok(count),
            (Count::One, Some(total)) => Ok(Count::Fixed(total)),
            _ => Err(self.error("an array of single values")),
        }
    }
}

fn scoped(modules: &[&str], name: &str) -> String {
    modules.iter().chain([&name]).copied().collect::<Vec<_>>().join("::")
}

/// Names become places, type by type as they are met.
struct Resolver<'p> {
    meanings: &'p HashMap<String, Meaning>,
    places: HashMap<&'p str, usize>,
    types: Vec<Vec<Field>>,
}

impl<'p> Resolver<'p> {
    fn group(&mut self, name: &'p str, depth: usize) -> Result<usize, DefinitionError> {
        if let Some(place) = self.places.get(name) {
            return Ok(*place);
        }
        let error = |line, expected| DefinitionError { line, expected, found: name.to_owned() };
        let Some(Meaning::Struct(fields)) = self.meanings.get(name) else {
            return Err(error(0, "a struct"));
        };
        if depth > MAX_DEPTH {
            return Err(error(0, "fewer structs within one another"));
        }
        let place = self.types.len();
        self.places.insert(name, place);
        self.types.push(Vec::new());
        let mut resolved = Vec::with_capacity(fields.len());
        for (field, named) in fields {
            // What ROS adds to an empty struct, which CDR writes as one byte either way.
            if field == "structure_needs_at_least_one_member" && fields.len() == 1 {
                break;
            }
            let (element, count) = self.element(named, depth)?;
            resolved.push(Field { name: Arc::from(field.as_str()), element, count });
        }
        if let Some(own) = self.types.get_mut(place) {
            *own = resolved;
        }
        Ok(place)
    }

    fn element(&mut self, named: &'p Named, depth: usize) -> Result<(Element, Count), DefinitionError> {
        let (mut named, mut count, line) = (named, named.count, named.line);
        for _ in 0..MAX_DEPTH {
            if let Some(primitive) = primitive(&named.name) {
                return Ok((Element::Primitive(primitive), count));
            }
            match self.meanings.get_key_value(&named.name) {
                Some((_, Meaning::Enum)) => return Ok((Element::Primitive(Primitive::U32), count)),
                Some((name, Meaning::Struct(_))) => {
                    return Ok((Element::Group(self.group(name, depth + 1)?), count));
                }
                Some((name, Meaning::Alias(of))) => {
                    count = match (count, of.count) {
                        (count, Count::One) | (Count::One, count) => count,
                        _ => {
                            let expected = "an array or sequence of single values";
                            return Err(DefinitionError { line, expected, found: name.clone() });
                        }
                    };
                    named = of;
                }
                None => break,
            }
        }
        let expected = "a type that the definition describes";
        Err(DefinitionError { line, expected, found: named.name.clone() })
    }
}

fn primitive(name: &str) -> Option<Primitive> {
    Some(match name {
        "boolean" => Primitive::Bool,
        "octet" | "uint8" | "char" => Primitive::U8,
        "int8" => Primitive::I8,
        "short" | "int16" => Primitive::I16,
        "unsigned short" | "uint16" => Primitive::U16,
        "long" | "int32" => Primitive::I32,
        "unsigned long" | "uint32" => Primitive::U32,
        "long long" | "int64" => Primitive::I64,
        "unsigned long long" | "uint64" => Primitive::U64,
        "float" => Primitive::F32,
        "double" => Primitive::F64,
        "string" => Primitive::Text,
        "wstring" => Primitive::WideText,
        "builtin_interfaces::msg::Time" | "builtin_interfaces::msg::Duration" => {
            Primitive::Time { signed: true }
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const IMU: &str = r#"================================================================================
IDL: my_msgs/msg/Imu
// generated from rosidl_adapter/resource/msg.idl.em
#include "std_msgs/msg/Header.idl"
module my_msgs {
  module msg {
    typedef double double__9[9];
    module Imu_Constants {
      @verbatim (language="comment", text=
        "How many; (not more)")
      const long COUNT = 2;
      const string WORD = "a;b";
    };
    enum Mode { IDLE, @value(7) BUSY };
    @verbatim (language="comment", text="An \"imu\".")
    struct Imu {
      std_msgs::msg::Header header;
      @unit (value="rad/s") double rate[3], bias[2][2];
      double__9 covariance;
      sequence<float, 4> few;
      sequence<my_msgs::msg::Tag> tags;
      string<10> name; /* a comment
      over lines */ unsigned long long serial;
      Mode mode;
      builtin_interfaces::msg::Time stamp;
    };
    struct Tag { uint8 id; };
  };
};
================================================================================
IDL: std_msgs/msg/Header
module std_msgs { module msg {
  struct Header { builtin_interfaces::msg::Time stamp; string frame_id; };
}; };
"#;

    // shows: mcap-ros2idl read-made
    #[test]
    fn modules_types_arrays_and_enumerations_are_read() {
        let definition = parse("my_msgs/msg/Imu", IMU.as_bytes()).expect("a definition");
        let fields: Vec<_> =
            definition.types[0].iter().map(|field| (&*field.name, field.element, field.count)).collect();
        let number = |primitive| Element::Primitive(primitive);
        assert_eq!(fields[0], ("header", Element::Group(1), Count::One));
        assert_eq!(fields[1], ("rate", number(Primitive::F64), Count::Fixed(3)));
        assert_eq!(fields[2], ("bias", number(Primitive::F64), Count::Fixed(4)));
        assert_eq!(fields[3], ("covariance", number(Primitive::F64), Count::Fixed(9)));
        assert_eq!(fields[4], ("few", number(Primitive::F32), Count::Any));
        assert_eq!(fields[5], ("tags", Element::Group(2), Count::Any));
        assert_eq!(fields[6], ("name", number(Primitive::Text), Count::One));
        assert_eq!(fields[7], ("serial", number(Primitive::U64), Count::One));
        assert_eq!(fields[8], ("mode", number(Primitive::U32), Count::One));
        assert_eq!(fields[9], ("stamp", number(Primitive::Time { signed: true }), Count::One));
        assert_eq!(definition.types[1].len(), 2);
    }

    #[test]
    fn the_same_message_as_by_its_msg_definition() {
        use crate::foreign::ros::{Layout, decode};
        let idl = "module p { module msg { struct A { float x; sequence<double> y; p::msg::B b; }; struct B { string s; }; }; };";
        let msg = "float32 x\nfloat64[] y\nB b\n================\nMSG: p/B\nstring s\n";
        let message = [
            &[0, 1, 0, 0][..],
            &1.5f32.to_le_bytes(),
            &2u32.to_le_bytes(),
            &0.5f64.to_le_bytes(),
            &(-2.0f64).to_le_bytes(),
            &3u32.to_le_bytes(),
            b"ok\0",
        ]
        .concat();
        let by_idl = parse("p/msg/A", idl.as_bytes()).expect("a definition");
        let by_msg = Definition::parse("p/msg/A", msg.as_bytes()).expect("a definition");
        let read = |definition: &Definition| decode(definition, Layout::Cdr, &message).expect("a message");
        assert_eq!(read(&by_idl), read(&by_msg));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let error = |text: &str| parse("a/B", text.as_bytes()).expect_err("an error").to_string();
        assert!(
            error("module a {\n struct B { Other c; };\n};")
                .contains("line 2: expected a type that the definition describes, found `Other`")
        );
        assert!(error("module a {\n union B {};").contains("line 2: expected module, struct"));
        assert!(error("struct C { long a; };").contains("expected a struct of the schema's own name"));
        assert!(
            error("module a { struct B { sequence<sequence<long>> x; }; };")
                .contains("a sequence of single values")
        );
        assert!(error("module a { struct B { long x[99999999999]; }; };").contains("a number of elements"));
        assert!(error("module a { struct B { long \"x").contains("the end of a text"));
        let deep = "module a { ".repeat(10_000);
        assert!(error(&deep).contains("fewer modules"));
        let link = |number: i32| format!("struct S{number} {{ a::S{} x; }}; ", number + 1);
        let chain = (0..500).map(link).collect::<Vec<_>>().concat();
        assert!(
            error(&format!("module a {{ {chain} struct S500 {{ long x; }}; struct B {{ a::S0 x; }}; }};"))
                .contains("within one another")
        );
    }
}
