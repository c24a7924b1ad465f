//! A message's bytes as a [`Value`], by the encoding and the schema that its source states.

use super::definition::Definition;
use super::flatbuffer;
use super::idl;
use super::ros::{self, Layout};
use super::value::Value;
use prost_reflect::prost::Message as _;
use prost_reflect::prost_types::FileDescriptorSet;
use prost_reflect::{DescriptorPool, DynamicMessage, Kind, MessageDescriptor, ReflectMessage};
use std::collections::HashMap;
use std::sync::Arc;

/// The longest JSON or Protobuf message that is read, bytes: their trees take many times their length.
const MAX_TREE_BYTES: usize = 8 << 20;
/// The schemas of a recording, all together, bytes.
pub(crate) const MAX_SCHEMA_BYTES: usize = 16 << 20;
/// The longest name of a topic or a type, bytes.
pub(crate) const MAX_NAME_BYTES: usize = 4096;

/// Reads messages of one type.
#[derive(Clone, Debug)]
pub(crate) enum Decoder {
    Ros(Arc<Definition>, Layout),
    Protobuf(MessageDescriptor),
    FlatBuffer(Arc<flatbuffer::Schema>),
    Json,
}

/// A schema as its source states it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Schema<'s> {
    /// The type's name.
    pub(crate) name: &'s str,
    /// How `data` is to be read, such as `ros2msg`.
    pub(crate) encoding: &'s str,
    pub(crate) data: &'s [u8],
}

impl Decoder {
    /// A decoder for messages of an encoding; the error says why there is none.
    pub(crate) fn new(encoding: &str, schema: Option<Schema<'_>>) -> Result<Self, String> {
        let ros = |layout, schema: Schema<'_>| {
            let definition =
                Definition::parse(schema.name, schema.data).map_err(|error| error.to_string())?;
            Ok(Self::Ros(Arc::new(definition), layout))
        };
        match (encoding, schema) {
            ("ros1", Some(schema)) if schema.encoding == "ros1msg" => ros(Layout::Ros1, schema),
            ("cdr", Some(schema)) if schema.encoding == "ros2msg" => ros(Layout::Cdr, schema),
            ("cdr", Some(schema)) if schema.encoding == "ros2idl" => {
                let definition = idl::parse(schema.name, schema.data).map_err(|error| error.to_string())?;
                Ok(Self::Ros(Arc::new(definition), Layout::Cdr))
            }
            ("flatbuffer", Some(schema)) if schema.encoding == "flatbuffer" => {
                let schema = flatbuffer::Schema::parse(schema.name, schema.data);
                let schema =
                    schema.map_err(|error| format!("its FlatBuffers schema cannot be read: {error}"))?;
                Ok(Self::FlatBuffer(Arc::new(schema)))
            }
            ("protobuf", Some(schema)) if schema.encoding == "protobuf" => {
                let pool = pool(schema.data)
                    .map_err(|error| format!("its Protobuf schema cannot be read: {error}"))?;
                let message = pool.get_message_by_name(schema.name);
                let missing = || format!("its Protobuf schema does not describe {}", schema.name);
                message.map(Self::Protobuf).ok_or_else(missing)
            }
            ("json", _) => Ok(Self::Json),
            (encoding, schema) => {
                let schema = schema.map_or("no", |schema| schema.encoding);
                Err(format!("messages in `{encoding}` with a schema in `{schema}` are not read"))
            }
        }
    }

    /// Reads one message.
    pub(crate) fn decode(&self, message: &[u8]) -> Result<Value, String> {
        if !matches!(self, Self::Ros(..) | Self::FlatBuffer(_)) && message.len() > MAX_TREE_BYTES {
            return Err(format!("expected at most {MAX_TREE_BYTES} bytes, found {}", message.len()));
        }
        match self {
            Self::Ros(definition, layout) => {
                ros::decode(definition, *layout, message).map_err(|error| error.to_string())
            }
            Self::Protobuf(descriptor) => {
                let message = DynamicMessage::decode(descriptor.clone(), message);
                Ok(group(&message.map_err(|error| error.to_string())?))
            }
            Self::FlatBuffer(schema) => schema.decode(message).map_err(|error| error.to_string()),
            Self::Json => {
                let value: serde_json::Value =
                    serde_json::from_slice(message).map_err(|error| error.to_string())?;
                Ok(from_json(value))
            }
        }
    }
}

/// The decoders of one recording: channels of one schema share one, and all schemas together are bounded, because what is
/// made of them takes many times their bytes.
#[derive(Debug, Default)]
pub(crate) struct Decoders {
    made: HashMap<blake3::Hash, Result<Decoder, String>>,
    bytes: usize,
}

impl Decoders {
    /// A decoder for messages of an encoding; the error says why there is none.
    pub(crate) fn get(&mut self, encoding: &str, schema: Option<Schema<'_>>) -> Result<Decoder, String> {
        let mut hasher = blake3::Hasher::new();
        let parts = schema
            .map_or([&[][..]; 3], |schema| [schema.name.as_bytes(), schema.encoding.as_bytes(), schema.data]);
        for part in [encoding.as_bytes()].iter().chain(&parts) {
            hasher.update(&(part.len() as u64).to_le_bytes()).update(part);
        }
        let bytes = encoding.len() + parts.iter().map(|part| part.len()).sum::<usize>();
        if let Some(made) = self.made.get(&hasher.finalize()) {
            return made.clone();
        }
        if self.bytes.saturating_add(bytes) > MAX_SCHEMA_BYTES {
            return Err(format!("the recording has schemas of more than {MAX_SCHEMA_BYTES} bytes"));
        }
        self.bytes += bytes;
        // An error may quote the schema, and is told of every message.
        let made = Decoder::new(encoding, schema).map_err(|error| error.chars().take(400).collect());
        self.made.insert(hasher.finalize(), made.clone());
        made
    }
}

/// The types that a Protobuf schema describes. The library does not survive a syntax that it does not know.
fn pool(schema: &[u8]) -> Result<DescriptorPool, String> {
    let set = FileDescriptorSet::decode(schema).map_err(|error| error.to_string())?;
    let known = |syntax: &String| matches!(syntax.as_str(), "proto2" | "proto3");
    if let Some(syntax) =
        set.file.iter().filter_map(|file| file.syntax.as_ref()).find(|syntax| !known(syntax))
    {
        return Err(format!("expected the syntax proto2 or proto3, found `{syntax}`"));
    }
    DescriptorPool::decode(schema).map_err(|error| error.to_string())
}

fn group(message: &DynamicMessage) -> Value {
    let descriptor = message.descriptor();
    if matches!(descriptor.full_name(), "google.protobuf.Timestamp" | "google.protobuf.Duration") {
        let number = |name: &str| message.get_field_by_name(name).map(std::borrow::Cow::into_owned);
        let seconds = number("seconds").and_then(|value| value.as_i64()).unwrap_or(0);
        let nanos = number("nanos").and_then(|value| value.as_i32()).unwrap_or(0);
        return Value::Time(seconds.saturating_mul(1_000_000_000).saturating_add(nanos.into()));
    }
    let parts = descriptor.fields().map(|field| {
        let is_absent =
            matches!(field.kind(), Kind::Message(_)) && !field.is_list() && !message.has_field(&field);
        let value = if is_absent { Value::Null } else { from_protobuf(&message.get_field(&field)) };
        (Arc::from(field.name()), value)
    });
    Value::Struct(parts.collect())
}

fn from_protobuf(value: &prost_reflect::Value) -> Value {
    use prost_reflect::Value as Proto;
    match value {
        Proto::Bool(value) => Value::Bool(*value),
        Proto::I32(value) | Proto::EnumNumber(value) => Value::Int((*value).into()),
        Proto::I64(value) => Value::Int(*value),
        Proto::U32(value) => Value::Int((*value).into()),
        Proto::U64(value) => i64::try_from(*value).map_or(Value::Large(*value), Value::Int),
        Proto::F32(value) => Value::Float((*value).into()),
        Proto::F64(value) => Value::Float(*value),
        Proto::String(text) => Value::Text(text.clone()),
        Proto::Bytes(bytes) => Value::Bytes(bytes.to_vec()),
        Proto::Message(message) => group(message),
        Proto::List(values) => list(values.iter().map(from_protobuf).collect()),
        Proto::Map(entries) => {
            let parts = entries.iter().map(|(key, value)| {
                let key = match key {
                    prost_reflect::MapKey::String(text) => text.clone(),
                    other => format!("{other:?}"),
                };
                (Arc::from(key), from_protobuf(value))
            });
            Value::Struct(parts.collect())
        }
    }
}

/// A JSON value; arrays of exact numbers become [`Value::Numbers`].
pub(crate) fn from_json(value: serde_json::Value) -> Value {
    use serde_json::Value as Json;
    match value {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(value),
        Json::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(value), _) => Value::Int(value),
            (None, Some(value)) => Value::Large(value),
            (None, None) => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Json::String(text) => Value::Text(text),
        Json::Array(values) => list(values.into_iter().map(from_json).collect()),
        Json::Object(parts) => Value::Struct(
            parts.into_iter().map(|(name, value)| (Arc::from(name), from_json(value))).collect(),
        ),
    }
}

/// Values as numbers, where all of them are exact as such.
fn list(values: Vec<Value>) -> Value {
    let number = |value: &Value| match value {
        Value::Float(value) => Some(*value),
        Value::Int(value) if value.unsigned_abs() <= 1 << 53 => Some(*value as f64),
        _ => None,
    };
    let numbers: Option<Vec<f64>> = values.iter().map(number).collect();
    numbers.map_or(Value::List(values), Value::Numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_keeps_names_and_numbers() {
        let value =
            Decoder::Json.decode(br#"{"a": [1, 2.5], "b": {"c": "x", "d": [[1], [2]]}}"#).expect("JSON");
        assert_eq!(value.part("a"), Some(&Value::Numbers(vec![1.0, 2.5])));
        assert_eq!(value.part("b").and_then(|b| b.part("c")).and_then(Value::text), Some("x"));
    }

    #[test]
    fn deep_nesting_is_an_error() {
        let deep = "[".repeat(100_000);
        assert!(Decoder::Json.decode(deep.as_bytes()).is_err());
    }

    #[test]
    fn what_cannot_be_read_says_so() {
        let schema = Schema { name: "a.B", encoding: "avro", data: &[] };
        let error = Decoder::new("avro", Some(schema)).expect_err("not read");
        assert_eq!(error, "messages in `avro` with a schema in `avro` are not read");
        let schema = Schema { name: "a.B", encoding: "protobuf", data: &[1, 2, 3] };
        assert!(Decoder::new("protobuf", Some(schema)).expect_err("no schema").contains("cannot be read"));
        // A file `a` in a syntax of which the library knows nothing.
        let schema = Schema { name: "a.B", encoding: "protobuf", data: b"\x0a\x0d\x0a\x01ab\x08editions" };
        let error = Decoder::new("protobuf", Some(schema)).expect_err("no schema");
        assert!(error.contains("found `editions`"), "{error}");
    }
}
