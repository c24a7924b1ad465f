//! Rerun recordings: an entity per stream, three timelines, numbers as plots, poses as transforms, video as it is.
//!
//! Every number goes out in f64 at `<topic>/<field>`, whatever else shows it; timelines are `device_time`,
//! `host_time` and `recorder_time`, each a duration on the take's clocks. The card and where the episode came from are
//! properties of the recording.

use super::cells::{Cell, cells};
use super::rerun_frame::Recording;
use super::{Source, silent};
use crate::export::Error;
use crate::problem::Problem;
use arrow_array::builder::{
    FixedSizeListBuilder, Float32Builder, Float64Builder, ListBuilder, StringBuilder, UInt8Builder,
};
use arrow_array::{
    ArrayRef, DurationNanosecondArray, FixedSizeBinaryArray, ListArray, RecordBatch, StructArray, UInt8Array,
    UInt32Array,
};
use arrow_buffer::OffsetBuffer;
use arrow_schema::{DataType, Field, Fields, Schema};
use etude_model::sample::{DepthImage, VideoFormat};
use etude_model::{DeviceTime, Sample, Stamp, StreamSpec};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

/// Rows of a chunk at most.
const ROWS_MAX: usize = 4096;
/// Bytes of a chunk's pictures at most.
const BYTES_MAX: usize = 2 << 20;

/// Writes an episode; returns how many of its messages.
pub(super) fn write(source: &Source<'_>, path: &Path, problems: &mut Vec<Problem>) -> Result<u64, Error> {
    let provenance = source.provenance;
    let seed = provenance.digest.0.iter().take(8).fold(0, |seed, byte| seed << 8 | u64::from(*byte));
    let mut recording = Recording::create(path, "etude", &provenance.episode, seed)?;
    property(&mut recording, "provenance", "json", &provenance.to_json())?;
    property(&mut recording, "card", "toml", source.card_toml)?;
    let mut messages = 0;
    for stream in source.episode.streams() {
        let spec = &stream.spec;
        let count = write_stream(source, spec, &mut recording)?;
        if count == 0 {
            silent(source, spec, problems);
        }
        messages += count;
    }
    recording.finish()?;
    Ok(messages)
}

fn write_stream(source: &Source<'_>, spec: &StreamSpec, recording: &mut Recording) -> Result<u64, Error> {
    let failed = |error: etude_episode::ReadError| Error::episode(source.episode.name(), error.to_string());
    let mut entities: BTreeMap<String, Rows> = BTreeMap::new();
    let mut count = 0;
    for message in source.episode.messages(&[spec.topic.as_str()], ..).map_err(failed)? {
        let message = message.map_err(failed)?;
        if count == 0 {
            describe(spec, &message.sample, recording)?;
        }
        for (entity, value) in values(spec.topic.as_str(), message.sample) {
            let rows = entities.entry(entity.clone()).or_default();
            if rows.is_full(&message.stamp) {
                std::mem::take(rows).write(&entity, recording)?;
            }
            rows.push(message.stamp, value);
        }
        count += 1;
    }
    for (entity, rows) in entities {
        rows.write(&entity, recording)?;
    }
    Ok(count)
}

/// What a message shows on an entity.
enum Value {
    Scalars(Vec<f64>),
    Transform { translation_m: [f64; 3], quaternion_xyzw: [f64; 4] },
    Video(Arc<[u8]>),
    Depth(DepthImage),
    Text(String),
}

/// A message's entities: `<topic>/<field>` for numbers, `<topic>` for what is shown otherwise.
fn values(topic: &str, sample: Sample) -> Vec<(String, Value)> {
    match sample {
        Sample::Video(frame) => return vec![(topic.to_owned(), Value::Video(frame.data))],
        Sample::Depth(image) => return vec![(topic.to_owned(), Value::Depth(image))],
        _ => {}
    }
    let mut found = Vec::new();
    if let Sample::Pose(pose) = &sample {
        let value = Value::Transform {
            translation_m: pose.pose.position_m,
            quaternion_xyzw: pose.pose.orientation_xyzw,
        };
        found.push((topic.to_owned(), value));
    }
    let mut words: Vec<String> = Vec::new();
    for (name, cell) in cells(&sample) {
        let numbers = match cell {
            Cell::F64(value) => vec![value],
            Cell::F64s(values) => values,
            Cell::F32s(values) => values.into_iter().map(f64::from).collect(),
            Cell::U16s(values) => values.iter().copied().map(f64::from).collect(),
            Cell::Flag(value) => vec![f64::from(u8::from(value))],
            // Exact up to 2^53; beyond that, and for words, as text.
            Cell::U64(value) if value < 1 << 53 => vec![value as f64],
            Cell::I64(value) if value.unsigned_abs() < 1 << 53 => vec![value as f64],
            Cell::U64(value) => {
                words.push(format!("{name}: {value}"));
                continue;
            }
            Cell::I64(value) => {
                words.push(format!("{name}: {value}"));
                continue;
            }
            Cell::Text(text) => {
                words.push(format!("{name}: {text}"));
                continue;
            }
            Cell::Bytes(_) => continue,
        };
        if !numbers.is_empty() {
            found.push((format!("{topic}/{name}"), Value::Scalars(numbers)));
        }
    }
    if !words.is_empty() {
        found.push((topic.to_owned(), Value::Text(words.join(", "))));
    }
    found
}

/// A component's column, as Rerun names it.
struct Component {
    archetype: &'static str,
    field: &'static str,
    kind: &'static str,
}

const SCALARS: Component = Component { archetype: "Scalars", field: "scalars", kind: "Scalar" };
const NAMES: Component = Component { archetype: "SeriesLines", field: "names", kind: "Name" };
const TRANSLATION: Component =
    Component { archetype: "Transform3D", field: "translation", kind: "Translation3D" };
const QUATERNION: Component =
    Component { archetype: "Transform3D", field: "quaternion", kind: "RotationQuat" };
const VIDEO: Component = Component { archetype: "VideoStream", field: "sample", kind: "VideoSample" };
const CODEC: Component = Component { archetype: "VideoStream", field: "codec", kind: "VideoCodec" };
const DEPTH: Component = Component { archetype: "DepthImage", field: "buffer", kind: "ImageBuffer" };
const DEPTH_FORMAT: Component = Component { archetype: "DepthImage", field: "format", kind: "ImageFormat" };
const DEPTH_METER: Component = Component { archetype: "DepthImage", field: "meter", kind: "DepthMeter" };
const TEXT: Component = Component { archetype: "TextLog", field: "text", kind: "Text" };

impl Component {
    fn field(&self, array: &ArrayRef) -> Field {
        let name = format!("{}:{}", self.archetype, self.field);
        let metadata = HashMap::from([
            ("rerun:archetype".to_owned(), format!("rerun.archetypes.{}", self.archetype)),
            ("rerun:component".to_owned(), name.clone()),
            ("rerun:component_type".to_owned(), format!("rerun.components.{}", self.kind)),
            ("rerun:kind".to_owned(), "data".to_owned()),
        ]);
        Field::new(name, array.data_type().clone(), true).with_metadata(metadata)
    }
}

/// Says once what an entity's numbers are called, and how its video is coded.
fn describe(spec: &StreamSpec, first: &Sample, recording: &mut Recording) -> Result<(), Error> {
    let topic = spec.topic.as_str();
    if let Sample::Video(frame) = first {
        let codec = u32::from_be_bytes(*match frame.format {
            VideoFormat::H264 => b"avc1",
            VideoFormat::H265 => b"hev1",
            VideoFormat::Av1 => b"av01",
            VideoFormat::Vp9 => b"vp09",
        });
        let codec = one_each(Arc::new(UInt32Array::from(vec![codec])));
        return fixed(recording, topic, &CODEC, codec);
    }
    if matches!(first, Sample::Depth(_)) {
        let meter = one_each(Arc::new(arrow_array::Float32Array::from(vec![1000.0])));
        return fixed(recording, topic, &DEPTH_METER, meter);
    }
    for (name, cell) in cells(first) {
        let Cell::F64s(values) = cell else { continue };
        if values.is_empty() || values.len() != spec.channels.len() {
            continue;
        }
        let mut names = ListBuilder::new(StringBuilder::new());
        for channel in &spec.channels {
            names.values().append_value(format!("{} [{}]", channel.name, channel.unit));
        }
        names.append(true);
        fixed(recording, &format!("{topic}/{name}"), &NAMES, Arc::new(names.finish()))?;
    }
    Ok(())
}

/// Writes what holds for all times.
fn fixed(
    recording: &mut Recording,
    entity: &str,
    component: &Component,
    array: ArrayRef,
) -> Result<(), Error> {
    let field = component.field(&array);
    static_chunk(recording, entity, field, array)
}

fn static_chunk(recording: &mut Recording, entity: &str, field: Field, array: ArrayRef) -> Result<(), Error> {
    let (id_field, ids) = row_ids(recording, 1)?;
    let batch = RecordBatch::try_new(Arc::new(Schema::new(vec![id_field, field])), vec![ids, array])?;
    recording.chunk(entity, batch, true, true)
}

/// A property of the recording.
fn property(recording: &mut Recording, name: &str, component: &str, text: &str) -> Result<(), Error> {
    let mut texts = ListBuilder::new(StringBuilder::new());
    texts.values().append_value(text);
    texts.append(true);
    let array: ArrayRef = Arc::new(texts.finish());
    let metadata = HashMap::from([
        ("rerun:component".to_owned(), component.to_owned()),
        ("rerun:kind".to_owned(), "data".to_owned()),
    ]);
    let field = Field::new(component, array.data_type().clone(), true).with_metadata(metadata);
    static_chunk(recording, &format!("/__properties/{name}"), field, array)
}

fn row_ids(recording: &mut Recording, rows: usize) -> Result<(Field, ArrayRef), Error> {
    let ids: Vec<[u8; 16]> = (0..rows).map(|_| recording.next_id().bytes()).collect();
    let ids: ArrayRef = Arc::new(FixedSizeBinaryArray::try_from_iter(ids.into_iter())?);
    let metadata = HashMap::from([
        ("ARROW:extension:metadata".to_owned(), "{\"namespace\":\"row\"}".to_owned()),
        ("ARROW:extension:name".to_owned(), "rerun.datatypes.TUID".to_owned()),
        ("rerun:is_sorted".to_owned(), "true".to_owned()),
        ("rerun:kind".to_owned(), "control".to_owned()),
    ]);
    let field = Field::new("rerun.controls.RowId", ids.data_type().clone(), false).with_metadata(metadata);
    Ok((field, ids))
}

/// One of a message's times, ns.
type Clock = fn(&Stamp) -> Option<i64>;

/// Rows of one entity that wait to become a chunk.
#[derive(Default)]
struct Rows {
    stamps: Vec<Stamp>,
    values: Vec<Value>,
    bytes: usize,
}

impl Rows {
    fn push(&mut self, stamp: Stamp, value: Value) {
        self.bytes += match &value {
            Value::Scalars(numbers) => numbers.len() * 8,
            Value::Transform { .. } => 28,
            Value::Video(data) => data.len(),
            Value::Depth(image) => image.depth_mm.len() * 2,
            Value::Text(text) => text.len(),
        };
        self.stamps.push(stamp);
        self.values.push(value);
    }

    /// Whether a row must begin a new chunk: for the size of this one, or because one has a device time and one not.
    fn is_full(&self, next: &Stamp) -> bool {
        let first = self.stamps.first();
        let differs = first.is_some_and(|first| first.device.is_some() != next.device.is_some());
        self.values.len() >= ROWS_MAX || self.bytes >= BYTES_MAX || differs
    }

    fn write(self, entity: &str, recording: &mut Recording) -> Result<(), Error> {
        let (id_field, ids) = row_ids(recording, self.values.len())?;
        let (mut fields, mut arrays) = (vec![id_field], vec![ids]);
        let clocks: [(&str, Clock); 3] = [
            ("device_time", |stamp| stamp.device.map(DeviceTime::ns)),
            ("host_time", |stamp| Some(stamp.host.ns())),
            ("recorder_time", |stamp| Some(stamp.log.ns())),
        ];
        for (name, time) in clocks {
            let Some(times) = self.stamps.iter().map(time).collect::<Option<Vec<i64>>>() else { continue };
            let metadata = HashMap::from([
                ("rerun:index_name".to_owned(), name.to_owned()),
                ("rerun:is_sorted".to_owned(), times.is_sorted().to_string()),
                ("rerun:kind".to_owned(), "index".to_owned()),
            ]);
            let array: ArrayRef = Arc::new(DurationNanosecondArray::from(times));
            fields.push(Field::new(name, array.data_type().clone(), true).with_metadata(metadata));
            arrays.push(array);
        }
        let is_packed = !matches!(self.values.first(), Some(Value::Video(_)));
        for (component, array) in components(&self.values)? {
            fields.push(component.field(&array));
            arrays.push(array);
        }
        let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)?;
        recording.chunk(entity, batch, false, is_packed)
    }
}

/// The components of an entity's values, which are all of one sort.
fn components(values: &[Value]) -> Result<Vec<(&'static Component, ArrayRef)>, Error> {
    Ok(match values.first() {
        Some(Value::Scalars(_)) => {
            let mut lists = ListBuilder::new(Float64Builder::new());
            for value in values {
                if let Value::Scalars(numbers) = value {
                    lists.values().append_slice(numbers);
                }
                lists.append(true);
            }
            vec![(&SCALARS, Arc::new(lists.finish()))]
        }
        Some(Value::Transform { .. }) => transforms(values)?,
        Some(Value::Video(_)) => {
            let samples = values.iter().map(|value| match value {
                Value::Video(data) => data.as_ref(),
                _ => &[],
            });
            vec![(&VIDEO, blobs(samples))]
        }
        Some(Value::Depth(_)) => depths(values)?,
        Some(Value::Text(_)) => {
            let mut lists = ListBuilder::new(StringBuilder::new());
            for value in values {
                if let Value::Text(text) = value {
                    lists.values().append_value(text);
                }
                lists.append(true);
            }
            vec![(&TEXT, Arc::new(lists.finish()))]
        }
        None => Vec::new(),
    })
}

fn transforms(values: &[Value]) -> Result<Vec<(&'static Component, ArrayRef)>, Error> {
    let of = |width: i32, numbers: fn(&Value) -> &[f64]| -> Result<ArrayRef, Error> {
        let item = Field::new("item", DataType::Float32, false);
        let mut lists = FixedSizeListBuilder::new(Float32Builder::new(), width).with_field(item);
        for value in values {
            for number in numbers(value) {
                lists.values().append_value(*number as f32);
            }
            lists.append(true);
        }
        Ok(one_each(Arc::new(lists.finish())))
    };
    let translation = of(3, |value| match value {
        Value::Transform { translation_m, .. } => translation_m,
        _ => &[],
    })?;
    let quaternion = of(4, |value| match value {
        Value::Transform { quaternion_xyzw, .. } => quaternion_xyzw,
        _ => &[],
    })?;
    Ok(vec![(&TRANSLATION, translation), (&QUATERNION, quaternion)])
}

fn depths(values: &[Value]) -> Result<Vec<(&'static Component, ArrayRef)>, Error> {
    let images: Vec<&DepthImage> = values
        .iter()
        .filter_map(|value| match value {
            Value::Depth(image) => Some(image),
            _ => None,
        })
        .collect();
    let bytes: Vec<Vec<u8>> = images
        .iter()
        .map(|image| image.depth_mm.iter().flat_map(|value| value.to_le_bytes()).collect())
        .collect();
    let field = |name: &str, kind, is_nullable| Field::new(name, kind, is_nullable);
    let fields = Fields::from(vec![
        field("width", DataType::UInt32, false),
        field("height", DataType::UInt32, false),
        field("pixel_format", DataType::UInt8, true),
        field("color_model", DataType::UInt8, true),
        field("channel_datatype", DataType::UInt8, true),
    ]);
    // 8: unsigned numbers of 16 bits.
    let nothing: ArrayRef = Arc::new(UInt8Array::from(vec![None; images.len()]));
    let columns: Vec<ArrayRef> = vec![
        Arc::new(UInt32Array::from_iter_values(images.iter().map(|image| image.width))),
        Arc::new(UInt32Array::from_iter_values(images.iter().map(|image| image.height))),
        nothing.clone(),
        nothing,
        Arc::new(UInt8Array::from(vec![8; images.len()])),
    ];
    let formats = one_each(Arc::new(StructArray::try_new(fields, columns, None)?));
    Ok(vec![(&DEPTH, blobs(bytes.iter().map(Vec::as_slice))), (&DEPTH_FORMAT, formats)])
}

/// A list of one per row.
fn one_each(values: ArrayRef) -> ArrayRef {
    let item = Arc::new(Field::new("item", values.data_type().clone(), true));
    let offsets = OffsetBuffer::from_lengths(std::iter::repeat_n(1, values.len()));
    Arc::new(ListArray::new(item, offsets, values, None))
}

/// A list of one blob per row.
fn blobs<'b>(blobs: impl Iterator<Item = &'b [u8]>) -> ArrayRef {
    let item = Field::new("item", DataType::UInt8, false);
    let mut lists = ListBuilder::new(UInt8Builder::new()).with_field(item);
    for blob in blobs {
        lists.values().append_slice(blob);
        lists.append(true);
    }
    one_each(Arc::new(lists.finish()))
}
