//! Opening a file: its end, its summary, and the two metadata records.

use super::error::ReadError;
use super::{Episode, MAX_CHUNK_BYTES, StreamInfo};
use crate::count::StreamCount;
use crate::record::{Body, ChannelRecord, MAGIC, PREFIX, RecordError, TAIL, op, read_metadata};
use crate::source::Source;
use crate::writer::{EPISODE, STREAM, STREAMS, StreamIndex};
use crate::{FORMAT_VERSION, PROFILE};
use etude_model::{LogTime, Manifest, StreamSpec};
use std::collections::HashMap;
use std::sync::atomic::AtomicU64;

/// Bytes of the file's front that are read to see what it is.
const FRONT: u64 = 64;

/// Where a chunk is and what it covers.
#[derive(Clone, Copy, Debug)]
pub(super) struct ChunkPlace {
    pub(super) start: LogTime,
    pub(super) end: LogTime,
    pub(super) offset: u64,
    pub(super) length: u64,
    /// Place of its set of streams in [`Index::sets`].
    set: u32,
}

/// Where an attachment or metadata record is.
pub(super) struct Place {
    pub(super) name: String,
    pub(super) offset: u64,
    pub(super) length: u64,
}

/// What the summary says.
#[derive(Default)]
pub(super) struct Index {
    pub(super) file_length: u64,
    /// In the order of their starts.
    pub(super) chunks: Vec<ChunkPlace>,
    /// The sets of channels that chunks hold messages of.
    sets: Vec<Vec<u16>>,
    pub(super) attachments: Vec<Place>,
    pub(super) metadata: Vec<Place>,
    channels: Vec<ChannelRecord>,
    pub(super) counts: HashMap<u16, u64>,
    pub(super) opened_with: u64,
}

impl Index {
    /// Whether a chunk holds messages of a stream.
    pub(super) fn holds(&self, chunk: &ChunkPlace, stream: StreamIndex) -> bool {
        self.sets[chunk.set as usize].binary_search(&stream.channel()).is_ok()
    }
}

pub(super) fn open(source: Box<dyn Source>, name: String) -> Result<Episode, ReadError> {
    let file_length =
        source.length().map_err(|source| ReadError::Io { name: name.clone(), offset: 0, source })?;
    let mut episode = Episode {
        source,
        name,
        bytes_read: AtomicU64::new(0),
        manifest: nobody(),
        streams: Vec::new(),
        index: Index { file_length, ..Index::default() },
    };
    front(&episode)?;
    let (summary_start, summary) = summary(&episode)?;
    parse(&mut episode, summary_start, &summary)?;
    episode.index.chunks.sort_by_key(|chunk| (chunk.start, chunk.offset));
    manifest(&mut episode)?;
    streams(&mut episode)?;
    episode.index.opened_with = episode.bytes_read();
    Ok(episode)
}

/// What stands in the manifest's place until it is read.
fn nobody() -> Manifest {
    Manifest {
        format_version: 0,
        episode: etude_model::id::EpisodeId::new(""),
        task: None,
        instruction: std::collections::BTreeMap::new(),
        campaign: None,
        scene: None,
        station: None,
        card: etude_model::Digest([0; 32]),
        embodiment: String::new(),
        robot_serial: None,
        trainer: None,
        software: String::new(),
        clock: etude_model::ClockKind::Measured,
        origin: etude_model::Origin::Imported,
        parents: Vec::new(),
        rights: etude_model::rights::Rights::default(),
        streams: Vec::new(),
        notes: std::collections::BTreeMap::new(),
    }
}

/// Checks that the file is an MCAP file of our profile.
fn front(episode: &Episode) -> Result<(), ReadError> {
    let length = episode.index.file_length.min(FRONT);
    let mut front = vec![0; length as usize];
    episode.read_into(&mut front, 0)?;
    let Some(records) = front.strip_prefix(&MAGIC) else {
        return Err(episode.bad(0, "an MCAP file", "other bytes"));
    };
    let broken = |error| episode.broken(MAGIC.len() as u64, error);
    let mut body = Body::new(records);
    let opcode = body.u8("an opcode").map_err(broken)?;
    body.u64("a record's length").map_err(broken)?;
    if opcode != op::HEADER {
        return Err(episode.bad(8, "a header", &format!("opcode {opcode:#04x}")));
    }
    let profile = body.text("a profile").map_err(broken)?;
    if profile != PROFILE {
        return Err(episode.bad(17, "the profile etude", &format!("{profile:?}")));
    }
    Ok(())
}

/// The bytes of the summary (without its offsets) and where they begin.
fn summary(episode: &Episode) -> Result<(u64, Vec<u8>), ReadError> {
    let not_closed =
        |expected, found: String| ReadError::NotClosed { name: episode.name.clone(), expected, found };
    let length = episode.index.file_length;
    let Some(footer_at) = length.checked_sub(TAIL) else {
        return Err(not_closed("a footer", format!("{length} bytes in all")));
    };
    let mut tail = [0; TAIL as usize];
    episode.read_into(&mut tail, footer_at)?;
    if !tail.ends_with(&MAGIC) {
        return Err(not_closed("MCAP's magic at the end", "other bytes".to_owned()));
    }
    let broken = |error| episode.broken(footer_at, error);
    let (opcode, footer) = Body::new(&tail[..tail.len() - MAGIC.len()]).record().map_err(broken)?;
    if opcode != op::FOOTER {
        return Err(not_closed("a footer", format!("opcode {opcode:#04x}")));
    }
    let mut body = Body::new(footer);
    let start = body.u64("the summary's start").map_err(broken)?;
    let offsets_start = body.u64("the summary offsets' start").map_err(broken)?;
    let crc = body.u32("the summary's CRC").map_err(broken)?;
    if start < MAGIC.len() as u64 || start > offsets_start || offsets_start > footer_at {
        let found = format!("{start} and {offsets_start} in a file of {length}");
        return Err(episode.bad(footer_at, "a summary before the footer", &found));
    }
    let mut summary = vec![0; (footer_at - start) as usize];
    episode.read_into(&mut summary, start)?;
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&summary);
    hasher.update(&tail[..PREFIX + 16]);
    if hasher.finalize() != crc && !cfg!(fuzzing) {
        return Err(ReadError::Crc { name: episode.name.clone(), offset: start, of: "summary" });
    }
    summary.truncate((offsets_start - start) as usize);
    Ok((start, summary))
}

fn parse(episode: &mut Episode, start: u64, summary: &[u8]) -> Result<(), ReadError> {
    let mut index = std::mem::take(&mut episode.index);
    let mut sets = HashMap::new();
    let mut records = Body::new(summary);
    while !records.is_empty() {
        let offset = start + records.offset() as u64;
        let parsed = records.record().and_then(|(opcode, body)| record(&mut index, &mut sets, opcode, body));
        if let Err(error) = parsed {
            return Err(episode.broken(offset, error));
        }
    }
    for chunk in &index.chunks {
        let inside = chunk.offset.checked_add(chunk.length).is_some_and(|end| end <= start);
        if !inside || chunk.length > MAX_CHUNK_BYTES || chunk.offset < MAGIC.len() as u64 {
            let found = format!("{} bytes at {}", chunk.length, chunk.offset);
            return Err(episode.bad(start, "chunks before the summary", &found));
        }
    }
    episode.index = index;
    Ok(())
}

/// Takes one record of the summary in.
fn record(
    index: &mut Index,
    sets: &mut HashMap<Vec<u16>, u32>,
    opcode: u8,
    bytes: &[u8],
) -> Result<(), RecordError> {
    let mut body = Body::new(bytes);
    match opcode {
        op::CHANNEL => index.channels.push(ChannelRecord::read(bytes)?),
        op::CHUNK_INDEX => {
            let start = log_time(&mut body, "a chunk's start")?;
            let end = log_time(&mut body, "a chunk's end")?;
            let offset = body.u64("a chunk's offset")?;
            let length = body.u64("a chunk's length")?;
            let mut channels = Vec::new();
            let mut map = Body::new(body.bytes("message index offsets")?);
            while !map.is_empty() {
                channels.push(map.u16("a channel's id")?);
                map.u64("a message index's offset")?;
            }
            channels.sort_unstable();
            let set = *sets.entry(channels).or_insert_with_key(|channels| {
                index.sets.push(channels.clone());
                index.sets.len() as u32 - 1
            });
            index.chunks.push(ChunkPlace { start, end, offset, length, set });
        }
        op::ATTACHMENT_INDEX => {
            let offset = body.u64("an attachment's offset")?;
            let length = body.u64("an attachment's length")?;
            body.take(24, "an attachment's times and size")?;
            let name = body.text("an attachment's name")?.to_owned();
            index.attachments.push(Place { name, offset, length });
        }
        op::METADATA_INDEX => {
            let offset = body.u64("a metadata record's offset")?;
            let length = body.u64("a metadata record's length")?;
            let name = body.text("a metadata record's name")?.to_owned();
            index.metadata.push(Place { name, offset, length });
        }
        op::STATISTICS => {
            body.take(8 + 2 + 4 * 4 + 16, "statistics")?;
            let mut map = Body::new(body.bytes("channels' message counts")?);
            while !map.is_empty() {
                index.counts.insert(map.u16("a channel's id")?, map.u64("a channel's messages")?);
            }
        }
        _ => {}
    }
    Ok(())
}

/// A time of the file that fits our clocks.
fn log_time(body: &mut Body<'_>, expected: &'static str) -> Result<LogTime, RecordError> {
    let offset = body.offset();
    let ns = i64::try_from(body.u64(expected)?).map_err(|_| RecordError { offset, expected })?;
    Ok(LogTime(ns))
}

/// Reads the metadata record of a name.
fn metadata(episode: &Episode, name: &'static str) -> Result<(u64, Vec<(String, String)>), ReadError> {
    let place = episode.index.metadata.iter().find(|place| place.name == name);
    let place =
        place.ok_or_else(|| episode.bad(0, "metadata records etude.episode and etude.streams", "none"))?;
    let record = episode.read_record(place.offset, place.length, op::METADATA)?;
    let (_, entries) = read_metadata(&record).map_err(|error| episode.broken(place.offset, error))?;
    Ok((place.offset, entries))
}

fn manifest(episode: &mut Episode) -> Result<(), ReadError> {
    let (offset, entries) = metadata(episode, EPISODE.0)?;
    let json = entries.iter().find(|(key, _)| key == EPISODE.1).map(|(_, json)| json);
    let json = json.ok_or_else(|| episode.bad(offset, "the entry manifest", "none"))?;
    episode.manifest = parse_manifest(json).map_err(|found| match found {
        ManifestError::Json(found) => episode.bad(offset, "a manifest", &found),
        ManifestError::Version(found) => {
            ReadError::Version { name: episode.name.clone(), found, known: FORMAT_VERSION }
        }
    })?;
    Ok(())
}

pub(crate) enum ManifestError {
    Json(String),
    Version(u32),
}

/// Reads a manifest; its version first, because a later version may have keys that this one refuses.
pub(crate) fn parse_manifest(json: &str) -> Result<Manifest, ManifestError> {
    #[derive(serde::Deserialize)]
    struct Version {
        format_version: u32,
    }
    let bad = |error: serde_json::Error| ManifestError::Json(error.to_string());
    let version: Version = serde_json::from_str(json).map_err(bad)?;
    if version.format_version == 0 || version.format_version > FORMAT_VERSION {
        return Err(ManifestError::Version(version.format_version));
    }
    serde_json::from_str(json).map_err(bad)
}

/// The description of a stream in its channel.
pub(crate) fn parse_spec(channel: &ChannelRecord) -> Result<StreamSpec, String> {
    let json = channel.metadata.iter().find(|(key, _)| key == STREAM).map(|(_, json)| json);
    let json = json.ok_or_else(|| format!("channel {} without {STREAM}", channel.topic))?;
    let spec: StreamSpec =
        serde_json::from_str(json).map_err(|error| format!("channel {}: {error}", channel.topic))?;
    if spec.topic.as_str() != channel.topic {
        return Err(format!("channel {} that describes {}", channel.topic, spec.topic));
    }
    Ok(spec)
}

fn streams(episode: &mut Episode) -> Result<(), ReadError> {
    let (offset, entries) = metadata(episode, STREAMS)?;
    let mut channels = std::mem::take(&mut episode.index.channels);
    channels.sort_by_key(|channel| channel.id);
    let mut streams = Vec::with_capacity(channels.len());
    for (id, channel) in (1..).zip(&channels) {
        if channel.id != id {
            return Err(episode.bad(0, "channels numbered from 1", &format!("channel {}", channel.id)));
        }
        let spec = parse_spec(channel).map_err(|found| episode.bad(0, "a described stream", &found))?;
        let account = entries.iter().find(|(topic, _)| *topic == channel.topic).map(|(_, json)| json);
        let account =
            account.ok_or_else(|| episode.bad(offset, "an account of each stream", &channel.topic))?;
        let mut count: StreamCount = serde_json::from_str(account)
            .map_err(|error| episode.bad(offset, "an account of a stream", &error.to_string()))?;
        count.topic = spec.topic.clone();
        streams.push(StreamInfo { spec, count });
    }
    episode.manifest.streams = streams.iter().map(|stream| stream.spec.clone()).collect();
    episode.streams = streams;
    Ok(())
}
