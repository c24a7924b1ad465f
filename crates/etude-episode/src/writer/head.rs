//! The front of the file: the manifest first, so that a file that was cut off still says whose it is.

use super::error::WriteError;
use super::output::Output;
use super::summary::Summary;
use super::{Attachment, Head};
use crate::record::{MAGIC, op, put, put_bytes, put_map, put_u16, put_u32, put_u64};
use crate::sink::Sink;
use crate::{FORMAT_VERSION, PROFILE, schema};
use etude_model::{Manifest, StreamKind, StreamSpec, Topic};
use std::collections::HashSet;

/// Name of the metadata record that holds the manifest, and of the entry in it.
pub(crate) const EPISODE: (&str, &str) = ("etude.episode", "manifest");

/// Name of the entry in a channel's metadata that holds the stream's description.
pub(crate) const STREAM: &str = "etude.stream";

/// Name of the attachment that holds the card.
pub(crate) const CARD: &str = "card.toml";

/// The program that writes; part of the file's bytes, so it names the format's version and not the program's.
const LIBRARY: &str = "etude-episode 1";

/// The streams that the file will have: the manifest's, and `/gap` where it does not name it.
pub(super) fn specs(manifest: &Manifest) -> Result<Vec<StreamSpec>, WriteError> {
    if manifest.format_version != FORMAT_VERSION {
        let found = manifest.format_version.to_string();
        return Err(WriteError::Manifest { expected: "format version 1", found });
    }
    let mut specs = manifest.streams.clone();
    let gap = specs.iter().find(|spec| spec.topic.as_str() == Topic::GAP);
    match gap.map(|spec| spec.kind) {
        None => specs.push(StreamSpec::new(Topic::GAP, StreamKind::Gap, None)),
        Some(StreamKind::Gap) => {}
        Some(kind) => {
            let found = format!("{kind:?}");
            return Err(WriteError::Manifest { expected: "kind gap for /gap", found });
        }
    }
    if specs.len() > usize::from(u16::MAX) - 1 {
        let found = specs.len().to_string();
        return Err(WriteError::Manifest { expected: "at most 65,534 streams", found });
    }
    let mut topics = HashSet::new();
    if let Some(twice) = specs.iter().find(|spec| !topics.insert(&spec.topic)) {
        let found = format!("{} twice", twice.topic);
        return Err(WriteError::Manifest { expected: "each topic once", found });
    }
    Ok(specs)
}

/// Writes the head and begins the summary.
pub(super) fn write<S: Sink>(
    output: &mut Output<S>,
    head: &Head<'_>,
    specs: &[StreamSpec],
) -> Result<Summary, WriteError> {
    let mut summary = Summary::default();
    let mut start = MAGIC.to_vec();
    put(&mut start, op::HEADER, |body| {
        put_bytes(body, PROFILE.as_bytes());
        put_bytes(body, LIBRARY.as_bytes());
    });
    output.write_data(&start)?;
    // The streams stand in the channels; written twice they could disagree.
    let manifest = Manifest { streams: Vec::new(), ..head.manifest.clone() };
    let json = serde_json::to_string(&manifest)
        .map_err(|error| WriteError::Manifest { expected: "what JSON can hold", found: error.to_string() })?;
    summary.metadata(output, EPISODE.0, &[(EPISODE.1, &json)])?;
    let card = Attachment {
        name: CARD.to_owned(),
        media_type: "application/toml".to_owned(),
        data: head.card_toml.as_bytes().to_vec(),
    };
    for attachment in std::iter::once(&card).chain(head.attachments) {
        attach(output, &mut summary, attachment)?;
    }
    channels(&mut summary, specs)?;
    output.write_data(&summary.schemas)?;
    output.write_data(&summary.channels)?;
    Ok(summary)
}

fn attach<S: Sink>(
    output: &mut Output<S>,
    summary: &mut Summary,
    attachment: &Attachment,
) -> Result<(), WriteError> {
    let mut record = Vec::new();
    put(&mut record, op::ATTACHMENT, |body| {
        // Log time and creation time: the file's own times say when; what is attached has none.
        let start = body.len();
        put_u64(body, 0);
        put_u64(body, 0);
        put_bytes(body, attachment.name.as_bytes());
        put_bytes(body, attachment.media_type.as_bytes());
        put_u64(body, attachment.data.len() as u64);
        body.extend_from_slice(&attachment.data);
        let crc = crc32fast::hash(&body[start..]);
        put_u32(body, crc);
    });
    put(&mut summary.attachment_indexes, op::ATTACHMENT_INDEX, |body| {
        put_u64(body, output.offset());
        put_u64(body, record.len() as u64);
        put_u64(body, 0);
        put_u64(body, 0);
        put_u64(body, attachment.data.len() as u64);
        put_bytes(body, attachment.name.as_bytes());
        put_bytes(body, attachment.media_type.as_bytes());
    });
    summary.attachment_count += 1;
    output.write_data(&record)
}

fn channels(summary: &mut Summary, specs: &[StreamSpec]) -> Result<(), WriteError> {
    let mut kinds: Vec<StreamKind> = Vec::new();
    for (channel, spec) in (1..).zip(specs) {
        let known = kinds.iter().position(|kind| *kind == spec.kind);
        let schema_id = known.unwrap_or_else(|| {
            let schema = schema::schema(spec.kind);
            kinds.push(spec.kind);
            put(&mut summary.schemas, op::SCHEMA, |body| {
                put_u16(body, kinds.len() as u16);
                put_bytes(body, schema.name.as_bytes());
                put_bytes(body, schema::ENCODING.as_bytes());
                put_bytes(body, &schema.data);
            });
            kinds.len() - 1
        }) as u16
            + 1;
        let json = serde_json::to_string(spec).map_err(|error| WriteError::Manifest {
            expected: "streams that JSON can hold",
            found: error.to_string(),
        })?;
        put(&mut summary.channels, op::CHANNEL, |body| {
            put_u16(body, channel);
            put_u16(body, schema_id);
            put_bytes(body, spec.topic.as_str().as_bytes());
            put_bytes(body, schema::ENCODING.as_bytes());
            put_map(body, [(STREAM, json.as_str())]);
        });
    }
    summary.schema_count = kinds.len() as u16;
    summary.channel_count = specs.len() as u32;
    Ok(())
}
