//! ROS 2 MCAP: profile `ros2`, CDR, definitions in `ros2msg`, as `ros2 bag` writes and plays it.
//!
//! A header's stamp and the message's publish time are host time, its log time is the recorder's. Joints are in SI.
//! The card and the episode's provenance are attachments; rights, trainer and origin also stand in a metadata record.

use super::ros2_messages::{At, Form, forms, known, own};
use super::{Source, silent};
use crate::export::Error;
use crate::problem::Problem;
use etude_model::{DeviceTime, Sample, StreamSpec, Unit};
use mcap::records::{MessageHeader, Metadata};
use mcap::{Attachment, Compression, WriteOptions, Writer};
use serde::Serialize;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

/// Bytes of a chunk before it is packed.
const CHUNK_BYTES: u64 = 1 << 20;

/// What was offered: keep all, reliable, volatile; numbers as `rmw` has them.
const QOS: &str = "\
- history: 2
  depth: 0
  reliability: 1
  durability: 2
  deadline:
    sec: 9223372036
    nsec: 854775807
  lifespan:
    sec: 9223372036
    nsec: 854775807
  liveliness: 1
  liveliness_lease_duration:
    sec: 9223372036
    nsec: 854775807
  avoid_ros_namespace_conventions: false
";

/// A stream's channels in the file.
struct Channel {
    id: u16,
    is_own: bool,
    count: u32,
}

/// Writes an episode; returns how many of its messages.
pub(super) fn write(source: &Source<'_>, path: &Path, problems: &mut Vec<Problem>) -> Result<u64, Error> {
    let file = File::create_new(path).map_err(Error::file("making the file", path))?;
    let options = WriteOptions::new()
        .profile("ros2")
        .library(format!("etude {}", env!("CARGO_PKG_VERSION")))
        .compression(Some(Compression::Zstd))
        .chunk_size(Some(CHUNK_BYTES));
    let failed = |error: mcap::McapError| Error::content(path, error.to_string());
    let mut writer = options.create(BufWriter::new(file)).map_err(failed)?;
    attach(&mut writer, "card.toml", "application/toml", source.card_toml).map_err(failed)?;
    attach(&mut writer, "provenance.json", "application/json", &source.provenance.to_json())
        .map_err(failed)?;
    writer.write_metadata(&metadata(source)).map_err(failed)?;
    let unreadable =
        |error: etude_episode::ReadError| Error::episode(source.episode.name(), error.to_string());
    let mut channels: BTreeMap<u16, Vec<Channel>> = BTreeMap::new();
    let mut messages = 0;
    for message in source.episode.messages(&[], ..).map_err(unreadable)? {
        let message = message.map_err(unreadable)?;
        let spec = &source.episode.stream_info(message.stream).spec;
        if let Entry::Vacant(entry) = channels.entry(message.stream.0) {
            say_units(source, spec, problems);
            entry.insert(begin(&mut writer, spec, &message.sample).map_err(failed)?);
        }
        let at = At {
            host_ns: message.stamp.host.ns(),
            device_ns: message.stamp.device.map(DeviceTime::ns),
            spec,
        };
        for channel in channels.entry(message.stream.0).or_default() {
            let data = if channel.is_own {
                own(&message.sample, &at)
            } else {
                known(&message.sample, &at).unwrap_or_default()
            };
            let header = MessageHeader {
                channel_id: channel.id,
                sequence: channel.count,
                log_time: message.stamp.log.ns().max(0).unsigned_abs(),
                publish_time: message.stamp.host.ns().max(0).unsigned_abs(),
            };
            writer.write_to_known_channel(&header, &data).map_err(failed)?;
            channel.count = channel.count.wrapping_add(1);
        }
        messages += 1;
    }
    writer.finish().map_err(failed)?;
    writer.into_inner().into_inner().map_err(|error| Error::content(path, error.to_string()))?;
    let streams = source.episode.streams().iter().zip(0u16..);
    for (stream, _) in streams.filter(|(_, index)| !channels.contains_key(index)) {
        silent(source, &stream.spec, problems);
    }
    Ok(messages)
}

fn begin(
    writer: &mut Writer<BufWriter<File>>,
    spec: &StreamSpec,
    first: &Sample,
) -> Result<Vec<Channel>, mcap::McapError> {
    let metadata = BTreeMap::from([("offered_qos_profiles".to_owned(), QOS.to_owned())]);
    let mut channel = |form: Form| {
        let schema = writer.add_schema(&form.name, "ros2msg", form.definition.as_bytes())?;
        let id = writer.add_channel(schema, &form.topic, "cdr", &metadata)?;
        Ok(Channel { id, is_own: form.is_own, count: 0 })
    };
    forms(spec, first).into_iter().map(&mut channel).collect()
}

fn attach(
    writer: &mut Writer<BufWriter<File>>,
    name: &str,
    media_type: &str,
    text: &str,
) -> Result<(), mcap::McapError> {
    writer.attach(&Attachment {
        log_time: 0,
        create_time: 0,
        name: name.to_owned(),
        media_type: media_type.to_owned(),
        data: Cow::Borrowed(text.as_bytes()),
    })
}

/// What a reader of MCAP sees without opening an attachment.
fn metadata(source: &Source<'_>) -> Metadata {
    let provenance = source.provenance;
    let rights = &provenance.rights;
    let facts = [
        ("episode", Some(provenance.episode.clone())),
        ("digest", Some(provenance.digest.to_string())),
        ("embodiment", Some(provenance.embodiment.clone())),
        ("robot_serial", provenance.robot_serial.clone()),
        ("trainer", provenance.trainer.clone()),
        ("task", Some(provenance.task_text())),
        ("origin", Some(word(&provenance.origin))),
        ("synthetic_time", Some(provenance.synthetic_time.to_string())),
        ("licence", rights.licence.clone()),
        ("rights_holder", rights.holder.clone()),
        ("consent", rights.consent.clone()),
    ];
    let facts = facts.into_iter().filter_map(|(name, fact)| Some((name.to_owned(), fact?)));
    Metadata { name: "etude.provenance".to_owned(), metadata: facts.collect() }
}

/// The word for an enumeration's value, as files spell it.
fn word(value: &impl Serialize) -> String {
    let value = serde_json::to_value(value).unwrap_or_default();
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Joints whose unit ROS does not know keep their numbers, and that is said.
fn say_units(source: &Source<'_>, spec: &StreamSpec, problems: &mut Vec<Problem>) {
    use etude_model::StreamKind::{JointCommand, JointStates};
    if !matches!(spec.kind, JointStates | JointCommand) {
        return;
    }
    let odd = |unit: Unit| unit.to_si().is_none();
    let odd: Vec<String> = spec
        .channels
        .iter()
        .filter(|channel| odd(channel.unit))
        .map(|channel| format!("{} ({})", channel.name, channel.unit))
        .collect();
    if !odd.is_empty() {
        let message = format!(
            "{}: a JointState is in rad and m; these go out as they are: {}",
            spec.topic,
            odd.join(", ")
        );
        let is_said = problems.iter().any(|problem| problem.message == message);
        if !is_said {
            problems.push(Problem::note(source.episode.name(), message));
        }
    }
}
