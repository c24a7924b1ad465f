//! Schemas and messages as the library of `FlatBuffers` builds them, and what damage makes of them.

use super::*;
use flatbuffers::{FlatBufferBuilder, TableFinishedWIPOffset, WIPOffset};
use proptest::prelude::*;

type Builder = FlatBufferBuilder<'static>;
type Built = WIPOffset<TableFinishedWIPOffset>;

/// The offset of a field by its id.
const fn id(number: u16) -> u16 {
    4 + 2 * number
}

/// A field of the schema: base type, type of elements, index of object or enumeration.
fn field(
    b: &mut Builder,
    name: &str,
    number: u16,
    offset: u16,
    (base, element, index): (u8, u8, i32),
) -> Built {
    let name = b.create_string(name);
    let start = b.start_table();
    b.push_slot(id(0), base, 0);
    b.push_slot(id(1), element, 0);
    b.push_slot(id(2), index, -1);
    let kind = b.end_table(start);
    let start = b.start_table();
    b.push_slot_always(id(0), name);
    b.push_slot_always(id(1), kind);
    b.push_slot(id(2), number, 0);
    b.push_slot(id(3), offset, 0);
    // `level` is 7 where it is not there.
    b.push_slot(id(4), if base == 7 { 7i64 } else { 0 }, 0);
    b.end_table(start)
}

fn object(b: &mut Builder, name: &str, fields: &[Built], struct_bytes: Option<i32>) -> Built {
    let (name, fields) = (b.create_string(name), b.create_vector(fields));
    let start = b.start_table();
    b.push_slot_always(id(0), name);
    b.push_slot_always(id(1), fields);
    b.push_slot(id(2), struct_bytes.is_some(), false);
    b.push_slot(id(4), struct_bytes.unwrap_or(0), 0);
    b.end_table(start)
}

/// `t.Message` with a time, a text, numbers, tables, a default, bytes and a union.
fn schema() -> Vec<u8> {
    let mut b = Builder::new();
    let time = [field(&mut b, "sec", 0, 0, (8, 0, -1)), field(&mut b, "nsec", 1, 4, (8, 0, -1))];
    let time = object(&mut b, "foxglove.Time", &time, Some(8));
    let kinds = [
        ("data", 5, (14, 4, -1)),
        ("either", 7, (16, 0, 0)),
        ("either_type", 6, (1, 0, 0)),
        ("level", 4, (7, 0, -1)),
        ("name", 1, (13, 0, -1)),
        ("parts", 3, (14, 15, 2)),
        ("serials", 8, (14, 10, -1)),
        ("stamp", 0, (15, 0, 0)),
        ("values", 2, (14, 12, -1)),
    ];
    let fields: Vec<Built> =
        kinds.iter().map(|(name, number, kind)| field(&mut b, name, *number, id(*number), *kind)).collect();
    let message = object(&mut b, "t.Message", &fields, None);
    let part = [field(&mut b, "weight", 0, id(0), (11, 0, -1))];
    let part = object(&mut b, "t.Part", &part, None);
    let objects = b.create_vector(&[time, message, part]);
    let start = b.start_table();
    b.push_slot(id(0), 15u8, 0);
    b.push_slot(id(2), 2i32, -1);
    let kind = b.end_table(start);
    let start = b.start_table();
    b.push_slot(id(1), 1i64, 0);
    b.push_slot_always(id(3), kind);
    let member = b.end_table(start);
    let members = b.create_vector(&[member]);
    let start = b.start_table();
    b.push_slot_always(id(1), members);
    b.push_slot(id(2), true, false);
    let either = b.end_table(start);
    let enumerations = b.create_vector(&[either]);
    let start = b.start_table();
    b.push_slot_always(id(0), objects);
    b.push_slot_always(id(1), enumerations);
    b.push_slot_always(id(4), message);
    let top = b.end_table(start);
    b.finish(top, Some("BFBS"));
    b.finished_data().to_vec()
}

fn part(b: &mut Builder, weight: f32) -> Built {
    let start = b.start_table();
    b.push_slot(id(0), weight, 0.0);
    b.end_table(start)
}

fn message() -> Vec<u8> {
    let mut b = Builder::new();
    let name = b.create_string("left arm");
    let values = b.create_vector(&[0.5f64, -2.25]);
    let data = b.create_vector(&[1u8, 2, 3]);
    let serials = b.create_vector(&[1u64, u64::MAX]);
    let parts = [part(&mut b, 1.5), part(&mut b, 0.0)];
    let parts = b.create_vector(&parts);
    let either = part(&mut b, 9.0);
    let start = b.start_table();
    // A struct of two numbers of four bytes, as one of eight.
    b.push_slot_always(id(0), 1_700_000_000u64 + 250_000_000 * (1u64 << 32));
    b.push_slot_always(id(1), name);
    b.push_slot_always(id(2), values);
    b.push_slot_always(id(3), parts);
    b.push_slot_always(id(5), data);
    b.push_slot(id(6), 1u8, 0);
    b.push_slot_always(id(7), either);
    b.push_slot_always(id(8), serials);
    let root = b.end_table(start);
    b.finish(root, None);
    b.finished_data().to_vec()
}

// shows: mcap-flatbuffer read-made
#[test]
fn tables_structs_vectors_unions_and_defaults_are_read() {
    let schema = Schema::parse("t.Message", &schema()).expect("a schema");
    let value = schema.decode(&message()).expect("a message");
    assert_eq!(value.part("stamp"), Some(&Value::Time(1_700_000_000_250_000_000)));
    assert_eq!(value.part("name").and_then(Value::text), Some("left arm"));
    assert_eq!(value.part("values"), Some(&Value::Numbers(vec![0.5, -2.25])));
    assert_eq!(value.part("data"), Some(&Value::Bytes(vec![1, 2, 3])));
    assert_eq!(value.part("serials"), Some(&Value::List(vec![Value::Int(1), Value::Large(u64::MAX)])));
    assert_eq!(value.part("level"), Some(&Value::Int(7)));
    let Some(Value::List(parts)) = value.part("parts") else { panic!("{value:?}") };
    assert_eq!(
        parts.iter().map(|part| part.part("weight")).collect::<Vec<_>>(),
        [Some(&Value::Float(1.5)), Some(&Value::Float(0.0))]
    );
    assert_eq!(value.part("either").and_then(|part| part.part("weight")), Some(&Value::Float(9.0)));
    let Value::Struct(fields) = &value else { panic!("{value:?}") };
    let names: Vec<&str> = fields.iter().map(|(name, _)| &**name).collect();
    assert_eq!(
        names,
        ["stamp", "name", "values", "parts", "level", "data", "either_type", "either", "serials"]
    );
}

#[test]
fn a_message_of_another_type_is_refused_or_the_root() {
    let bytes = schema();
    assert_eq!(Schema::parse("t.Part", &bytes).expect("a schema").root, 2);
    assert_eq!(Schema::parse("unknown", &bytes).expect("a schema").root, 1);
    assert!(Schema::parse("t.Message", &[]).is_err());
    let schema = Schema::parse("t.Message", &bytes).expect("a schema");
    assert!(
        schema
            .decode(&[0; 3])
            .expect_err("too short")
            .to_string()
            .contains("expected bytes within the message")
    );
}

/// A million references to one text would be far more than the message.
#[test]
fn what_is_referred_to_many_times_is_bounded() {
    let mut b = Builder::new();
    let text = b.create_string(&"x".repeat(100_000));
    let schema_bytes = {
        let mut b = Builder::new();
        let texts = [field(&mut b, "texts", 0, id(0), (14, 13, -1))];
        let object = object(&mut b, "t.Many", &texts, None);
        let objects = b.create_vector(&[object]);
        let start = b.start_table();
        b.push_slot_always(id(0), objects);
        let top = b.end_table(start);
        b.finish(top, None);
        b.finished_data().to_vec()
    };
    let texts = b.create_vector(&vec![text; 100_000]);
    let start = b.start_table();
    b.push_slot_always(id(0), texts);
    let root = b.end_table(start);
    b.finish(root, None);
    let schema = Schema::parse("t.Many", &schema_bytes).expect("a schema");
    let error = schema.decode(b.finished_data()).expect_err("a bomb").to_string();
    assert!(error.contains("at most eight times the message's length"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_damage_is_an_error_or_another_message(
        of_schema in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        of_message in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
    ) {
        let (mut schema, mut message) = (schema(), message());
        for (bytes, flips) in [(&mut schema, of_schema), (&mut message, of_message)] {
            for (at, value) in flips {
                let at = at.index(bytes.len());
                bytes[at] = value;
            }
        }
        if let Ok(schema) = Schema::parse("t.Message", &schema) {
            drop(schema.decode(&message));
        }
    }
}
