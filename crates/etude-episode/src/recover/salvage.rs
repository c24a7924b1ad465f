//! What can be read of a file from its front: its head, its whole chunks, and whole messages of a chunk that was not
//! compressed.

use super::{Damage, RecoverError};
use crate::count::StreamCount;
use crate::reader::{ManifestError, parse_manifest, parse_spec, unpack};
use crate::record::{
    AttachmentRecord, Body, ChannelRecord, ChunkHead, MAGIC, MessageHead, op, read_metadata,
};
use crate::scan::{Scanned, Scanner};
use crate::source::Source;
use crate::writer::{Attachment, CARD, EPISODE, STREAMS, StreamIndex, WriteError};
use etude_model::{HostTime, LogTime, Manifest, Stamp, Topic};

/// What was found in a first pass.
pub(super) struct Salvage {
    pub(super) manifest: Manifest,
    pub(super) card_toml: String,
    pub(super) attachments: Vec<Attachment>,
    /// Whether the file has a footer and nothing in it is damaged.
    pub(super) is_closed: bool,
    /// The streams' accounts, where the file still has them.
    pub(super) accounts: Option<Vec<StreamCount>>,
    /// Chunks that are not whole, and the log times that each covers.
    pub(super) damaged: Vec<(Damage, (LogTime, LogTime))>,
    pub(super) lost_tail_bytes: u64,
}

struct Pass<'n> {
    name: &'n str,
    manifest: Option<Manifest>,
    card_toml: Option<String>,
    attachments: Vec<Attachment>,
    channels: Vec<ChannelRecord>,
    accounts: Option<Vec<(String, String)>>,
    damaged: Vec<(Damage, (LogTime, LogTime))>,
    /// Whether the last record was a damaged chunk or a message index that follows one.
    after_damage: bool,
    footer: bool,
    buffer: Vec<u8>,
    decompressor: Option<zstd::bulk::Decompressor<'static>>,
}

/// Reads a file from front to back, and says what is in it.
pub(super) fn salvage(source: &dyn Source, name: &str) -> Result<Salvage, RecoverError> {
    let io = |source| RecoverError::Io { name: name.to_owned(), source };
    let nothing = |expected, found: String| RecoverError::Nothing { name: name.to_owned(), expected, found };
    let mut scanner = Scanner::begin(source)
        .map_err(io)?
        .ok_or_else(|| nothing("an MCAP file", "other bytes".to_owned()))?;
    let mut pass = Pass {
        name,
        manifest: None,
        card_toml: None,
        attachments: Vec::new(),
        channels: Vec::new(),
        accounts: None,
        damaged: Vec::new(),
        after_damage: false,
        footer: false,
        buffer: Vec::new(),
        decompressor: None,
    };
    let mut lost_tail_bytes = 0;
    loop {
        match scanner.next().map_err(io)? {
            Scanned::Record { opcode, offset } => {
                pass.record(opcode, offset, scanner.body())?;
                if opcode == op::FOOTER {
                    pass.footer = pass.footer && scanner.left() == MAGIC.len() as u64;
                    break;
                }
            }
            Scanned::Cut { opcode, offset } => {
                lost_tail_bytes = scanner.length() - offset;
                if opcode == op::CHUNK {
                    pass.chunk(offset, scanner.body(), true);
                }
                break;
            }
            Scanned::Noise { offset, .. } => {
                lost_tail_bytes = scanner.length() - offset;
                break;
            }
            Scanned::End => break,
        }
    }
    pass.finish(lost_tail_bytes)
}

impl Pass<'_> {
    fn nothing(&self, expected: &'static str, found: impl Into<String>) -> RecoverError {
        RecoverError::Nothing { name: self.name.to_owned(), expected, found: found.into() }
    }

    fn record(&mut self, opcode: u8, offset: u64, body: &[u8]) -> Result<(), RecoverError> {
        match opcode {
            op::METADATA => self.metadata(body)?,
            op::ATTACHMENT => self.attachment(body)?,
            op::CHANNEL => {
                let channel = ChannelRecord::read(body);
                let channel = channel.map_err(|error| self.nothing("a channel", error.to_string()))?;
                if !self.channels.iter().any(|known| known.id == channel.id) {
                    self.channels.push(channel);
                }
            }
            op::CHUNK => self.chunk(offset, body, false),
            op::MESSAGE_INDEX if self.after_damage => self.lost_messages(body),
            op::FOOTER => self.footer = true,
            _ => {}
        }
        if !matches!(opcode, op::CHUNK | op::MESSAGE_INDEX) {
            self.after_damage = false;
        }
        Ok(())
    }

    fn metadata(&mut self, body: &[u8]) -> Result<(), RecoverError> {
        let Ok((record, entries)) = read_metadata(body) else { return Ok(()) };
        if record == STREAMS {
            self.accounts = Some(entries);
        } else if record == EPISODE.0 {
            let json = entries.iter().find(|(key, _)| key == EPISODE.1).map(|(_, json)| json.as_str());
            self.manifest = Some(parse_manifest(json.unwrap_or_default()).map_err(|error| match error {
                ManifestError::Json(found) => self.nothing("a manifest", found),
                ManifestError::Version(found) => {
                    self.nothing("format version 1", format!("format version {found}"))
                }
            })?);
        }
        Ok(())
    }

    fn attachment(&mut self, body: &[u8]) -> Result<(), RecoverError> {
        let attachment = AttachmentRecord::read(body).ok().filter(|attachment| attachment.intact);
        let attachment = attachment.ok_or_else(|| self.nothing("whole attachments", "a damaged one"))?;
        if attachment.name == CARD && self.card_toml.is_none() {
            let card = std::str::from_utf8(attachment.data);
            self.card_toml =
                Some(card.map_err(|_| self.nothing("a card that is text", "other bytes"))?.to_owned());
        } else {
            self.attachments.push(Attachment {
                name: attachment.name.to_owned(),
                media_type: attachment.media_type.to_owned(),
                data: attachment.data.to_vec(),
            });
        }
        Ok(())
    }

    /// Checks a chunk; what is wrong with it is noted.
    fn chunk(&mut self, offset: u64, body: &[u8], cut: bool) {
        self.after_damage = false;
        let Ok((head, data)) = ChunkHead::read(body) else {
            if !cut {
                self.damage(offset, "a chunk without a head".to_owned(), 0, (LogTime(0), LogTime(0)));
            }
            return;
        };
        let range = (log_of(head.start_ns), log_of(head.end_ns));
        let problem = unpack(&head, data, &mut self.decompressor, &mut self.buffer).err();
        if let Some(problem) = problem {
            let salvaged = if cut { whole_messages(&head, data).count() as u64 } else { 0 };
            let found = if cut {
                format!("{} of {} bytes", data.len(), head.compressed)
            } else {
                problem.to_string()
            };
            self.damage(offset, found, salvaged, range);
        }
    }

    fn damage(&mut self, offset: u64, found: String, salvaged: u64, range: (LogTime, LogTime)) {
        self.damaged.push((Damage { offset, found, salvaged, lost: Vec::new() }, range));
        self.after_damage = true;
    }

    /// Reads off a damaged chunk's index how many messages of a stream were in it.
    fn lost_messages(&mut self, bytes: &[u8]) {
        let mut body = Body::new(bytes);
        let (Ok(channel), Ok(entries)) = (body.u16("a channel's id"), body.bytes("entries")) else { return };
        let channel = self.channels.iter().find(|known| known.id == channel);
        if let (Some(channel), Some((damage, _))) = (channel, self.damaged.last_mut()) {
            let count = (entries.len() / 16) as u64;
            damage.lost.push((Topic::new(&channel.topic), count));
        }
    }

    fn finish(mut self, lost_tail_bytes: u64) -> Result<Salvage, RecoverError> {
        let manifest = self.manifest.take();
        let mut manifest = manifest.ok_or_else(|| self.nothing("a manifest", "a file cut off before it"))?;
        let card_toml = self.card_toml.take();
        let card_toml = card_toml.ok_or_else(|| self.nothing("a card", "a file cut off before it"))?;
        self.channels.sort_by_key(|channel| channel.id);
        for (id, channel) in (1..).zip(&self.channels) {
            if channel.id != id {
                return Err(self.nothing("channels numbered from 1", format!("channel {}", channel.id)));
            }
            let spec = parse_spec(channel).map_err(|found| self.nothing("a described stream", found))?;
            manifest.streams.push(spec);
        }
        let accounts = self.accounts.as_deref().and_then(accounts);
        Ok(Salvage {
            manifest,
            card_toml,
            attachments: self.attachments,
            is_closed: self.footer && self.damaged.is_empty() && accounts.is_some(),
            accounts,
            damaged: self.damaged,
            lost_tail_bytes,
        })
    }
}

/// The streams' accounts, when all of them can be read.
fn accounts(entries: &[(String, String)]) -> Option<Vec<StreamCount>> {
    let read = |(topic, json): &(String, String)| {
        let mut count: StreamCount = serde_json::from_str(json).ok()?;
        count.topic = Topic::new(topic);
        Some(count)
    };
    entries.iter().map(read).collect()
}

fn log_of(ns: u64) -> LogTime {
    LogTime(i64::try_from(ns).unwrap_or(i64::MAX))
}

/// The whole messages at the front of a chunk that is not compressed.
fn whole_messages<'d>(
    head: &ChunkHead<'_>,
    data: &'d [u8],
) -> impl Iterator<Item = (MessageHead, &'d [u8])> + use<'d> {
    let stored = if head.compression.is_empty() { data } else { &[] };
    let range = head.start_ns..=head.end_ns;
    let mut records = Body::new(stored);
    std::iter::from_fn(move || {
        let (_, body) = records.record().ok().filter(|(opcode, _)| *opcode == op::MESSAGE)?;
        MessageHead::read(body).ok().filter(|(head, _)| range.contains(&head.log_ns))
    })
}

impl Salvage {
    /// Goes over the file's messages again, in the order that they stand in.
    pub(super) fn messages(
        &self,
        source: &dyn Source,
        name: &str,
        mut take: impl FnMut(StreamIndex, Stamp, u32, &[u8]) -> Result<(), RecoverError>,
    ) -> Result<(), RecoverError> {
        let io = |source| RecoverError::Io { name: name.to_owned(), source };
        let streams = self.manifest.streams.len();
        let mut one = |head: MessageHead, data: &[u8]| {
            let stream = head.channel.checked_sub(1).map(StreamIndex);
            let Some(stream) = stream.filter(|stream| stream.index() < streams) else {
                let index = StreamIndex(head.channel);
                return Err(RecoverError::from(WriteError::Stream { index }));
            };
            let host = HostTime(i64::try_from(head.publish_ns).unwrap_or(i64::MAX));
            take(stream, Stamp { device: None, host, log: log_of(head.log_ns) }, head.sequence, data)
        };
        let (mut decompressor, mut buffer) = (None, Vec::new());
        let Some(mut scanner) = Scanner::begin(source).map_err(io)? else { return Ok(()) };
        loop {
            let (opcode, cut) = match scanner.next().map_err(io)? {
                Scanned::Record { opcode, .. } => (opcode, false),
                Scanned::Cut { opcode, .. } => (opcode, true),
                Scanned::Noise { .. } | Scanned::End => return Ok(()),
            };
            if opcode == op::FOOTER {
                return Ok(());
            }
            let Some((head, data)) =
                (opcode == op::CHUNK).then(|| ChunkHead::read(scanner.body()).ok()).flatten()
            else {
                continue;
            };
            if cut {
                whole_messages(&head, data).try_for_each(|(head, data)| one(head, data))?;
            } else if unpack(&head, data, &mut decompressor, &mut buffer).is_ok() {
                let mut records = Body::new(&buffer);
                while let Ok((opcode, body)) = records.record() {
                    if let (op::MESSAGE, Ok((head, data))) = (opcode, MessageHead::read(body)) {
                        one(head, data)?;
                    }
                }
            }
        }
    }
}
