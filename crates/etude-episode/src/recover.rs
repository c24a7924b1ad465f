//! Closing a file that was cut off: every message that is whole is kept, and what is not known any more is declared.
//!
//! The file that was cut off is read and never changed. What comes out is an episode like any other: the same messages
//! with the same times and numbers, in the same order within each stream, and for each stream that may have lost
//! something a gap of reason `interrupted`.

mod salvage;

use crate::count::StreamCount;
use crate::reader::{Episode, ReadError};
use crate::sink::FileSink;
use crate::source::Source;
use crate::writer::{Closed, EpisodeWriter, Head, StreamIndex, WriteError, WriterOptions};
use etude_model::gap::{Gap, GapReason};
use etude_model::{HostTime, LogTime, Stamp, StreamKind, Topic};
use salvage::{Salvage, salvage};
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// What was kept of a file, and what was lost.
#[derive(Clone, Debug, PartialEq)]
pub struct Recovered {
    /// The file was a closed episode already; it was copied as it is.
    pub was_complete: bool,
    /// All messages were there with their account; only the indexes had to be written again.
    pub lost_only_indexes: bool,
    /// What was kept of each stream, in the manifest's order.
    pub streams: Vec<StreamCount>,
    /// Log time of the last message kept; what came later is unknown.
    pub last_log: Option<LogTime>,
    /// Chunks that were there but not whole.
    pub damaged: Vec<Damage>,
    /// Bytes at the file's end that belong to no whole record.
    pub lost_tail_bytes: u64,
    /// The closed file.
    pub closed: Closed,
}

impl Recovered {
    /// Whether every message that was ever flushed is in the recovered file.
    pub fn is_whole(&self) -> bool {
        self.was_complete || self.lost_only_indexes
    }
}

/// A chunk that was there but not whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Where its record begins.
    pub offset: u64,
    /// What is wrong with it.
    pub found: String,
    /// Messages of it that were kept all the same: those that are whole in a chunk that was cut off and was not
    /// compressed. The chunk's CRC cannot vouch for them.
    pub salvaged: u64,
    /// Messages lost per stream, where the chunk's indexes outlived it; empty where nothing is known.
    pub lost: Vec<(Topic, u64)>,
}

/// Why nothing could be recovered.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    /// The file could not be read.
    #[error("could not read {name}")]
    Io {
        /// The file.
        name: String,
        /// What the system said.
        source: io::Error,
    },
    /// The file was cut off before its head was whole, or is no episode.
    #[error("{name} holds nothing to recover: expected {expected}, found {found}")]
    Nothing {
        /// The file.
        name: String,
        /// What was expected.
        expected: &'static str,
        /// What was found.
        found: String,
    },
    /// The recovered file could not be written.
    #[error("could not write the recovered episode")]
    Write {
        /// Why.
        source: WriteError,
    },
    /// The copy of a closed file cannot be read back.
    #[error("could not read the episode back")]
    Read {
        /// Why.
        source: ReadError,
    },
}

impl From<WriteError> for RecoverError {
    fn from(source: WriteError) -> Self {
        Self::Write { source }
    }
}

/// Recovers the file at `path` into a new episode at `out`. Doing it again gives the same bytes.
pub fn recover(path: &Path, out: &Path) -> Result<Recovered, RecoverError> {
    let name = path.display().to_string();
    let file = File::open(path).map_err(|source| RecoverError::Io { name: name.clone(), source })?;
    let file: Arc<dyn Source> = Arc::new(file);
    let sink = |out: &Path| {
        FileSink::create_recovering(out).map_err(|source| RecoverError::Write {
            source: WriteError::Io { name: out.display().to_string(), doing: "create", source },
        })
    };
    let found = salvage(&*file, &name)?;
    if found.is_closed
        && let Ok(episode) = Episode::from_source(Box::new(Arc::clone(&file)), name.clone())
    {
        let mut sink = sink(out)?;
        return copy(&*file, &mut sink, &episode).map_err(|source| RecoverError::Io { name, source });
    }
    let head =
        Head { manifest: &found.manifest, card_toml: &found.card_toml, attachments: &found.attachments };
    let writer = EpisodeWriter::with_sink(sink(out)?, &head, WriterOptions::default())?;
    rewrite(&*file, &name, found, writer)
}

/// The same from bytes into memory.
pub fn recover_bytes(bytes: &[u8]) -> Result<(Recovered, Vec<u8>), RecoverError> {
    let name = "memory".to_owned();
    let source: Arc<dyn Source> = Arc::new(bytes.to_vec());
    let found = salvage(&*source, &name)?;
    let mut out = Vec::new();
    if found.is_closed
        && let Ok(episode) = Episode::from_source(Box::new(Arc::clone(&source)), name.clone())
    {
        let recovered =
            copy(&*source, &mut out, &episode).map_err(|source| RecoverError::Io { name, source })?;
        return Ok((recovered, out));
    }
    let head =
        Head { manifest: &found.manifest, card_toml: &found.card_toml, attachments: &found.attachments };
    let writer = EpisodeWriter::with_sink(&mut out, &head, WriterOptions::default())?;
    let recovered = rewrite(&*source, &name, found, writer)?;
    Ok((recovered, out))
}

/// Copies a closed episode.
fn copy(source: &dyn Source, sink: &mut dyn crate::sink::Sink, episode: &Episode) -> io::Result<Recovered> {
    let length = source.length()?;
    let mut block = vec![0; 1 << 20];
    let mut offset = 0;
    let mut hasher = blake3::Hasher::new();
    while offset < length {
        let part = &mut block[..(length - offset).min(1 << 20) as usize];
        source.read_exact_at(part, offset)?;
        sink.write_all(part)?;
        hasher.update(part);
        offset += part.len() as u64;
    }
    sink.commit(true)?;
    let streams: Vec<_> = episode.streams().iter().map(|stream| stream.count.clone()).collect();
    let gaps = episode.gaps().map_err(io::Error::other)?;
    let last_log = episode.log_range().map(|(_, last)| last);
    let closed = Closed { digest: hasher.finalize().into(), bytes: length, streams: streams.clone(), gaps };
    Ok(Recovered {
        was_complete: true,
        lost_only_indexes: false,
        streams,
        last_log,
        damaged: Vec::new(),
        lost_tail_bytes: 0,
        closed,
    })
}

/// Writes what was found as a new episode.
fn rewrite<S: crate::sink::Sink>(
    source: &dyn Source,
    name: &str,
    found: Salvage,
    mut writer: EpisodeWriter<S>,
) -> Result<Recovered, RecoverError> {
    let mut lasts: Vec<Option<LogTime>> = vec![None; found.manifest.streams.len() + 1];
    let mut first: Option<LogTime> = None;
    found.messages(source, name, |stream, stamp, sequence, bytes| {
        let last = &mut lasts[stream.index()];
        *last = (*last).max(Some(stamp.log));
        first = Some(first.map_or(stamp.log, |first| first.min(stamp.log)));
        writer.write_numbered(stream, stamp, sequence, bytes).map_err(RecoverError::from)
    })?;
    let last_log = lasts.iter().flatten().max().copied();
    let lost_only_indexes = found.accounts.is_some() && found.damaged.is_empty();
    if let Some(accounts) = found.accounts.as_ref().filter(|_| lost_only_indexes) {
        for count in accounts {
            writer.adopt(count);
        }
    } else {
        declare(&mut writer, &found, &lasts, first.zip(last_log))?;
    }
    let closed = writer.finish()?;
    let streams = closed.streams.clone();
    let Salvage { damaged, lost_tail_bytes, .. } = found;
    let damaged = damaged.into_iter().map(|(damage, _)| damage).collect();
    Ok(Recovered {
        was_complete: false,
        lost_only_indexes,
        streams,
        last_log,
        damaged,
        lost_tail_bytes,
        closed,
    })
}

/// Declares what is missing: per stream what the indexes of damaged chunks say, and what came after the last flush.
fn declare<S: crate::sink::Sink>(
    writer: &mut EpisodeWriter<S>,
    found: &Salvage,
    lasts: &[Option<LogTime>],
    range: Option<(LogTime, LogTime)>,
) -> Result<(), WriteError> {
    let Some((first, at)) = range else { return Ok(()) };
    let stamp = Stamp { device: None, host: HostTime(at.ns()), log: at };
    for (damage, range) in &found.damaged {
        for (topic, missing) in &damage.lost {
            let (from, to) = *range;
            let gap =
                Gap { topic: topic.clone(), from, to, missing: *missing, reason: GapReason::Interrupted };
            writer.declare_gap(&gap, stamp)?;
        }
    }
    for (index, last) in lasts.iter().enumerate() {
        let Some(spec) = writer.spec(StreamIndex(index as u16)) else { continue };
        if spec.kind == StreamKind::Gap {
            continue;
        }
        // From the stream's last message to the last that the file knows of; how many is unknown.
        let (topic, from) = (spec.topic.clone(), last.unwrap_or(first));
        let gap = Gap { topic, from, to: at, missing: 0, reason: GapReason::Interrupted };
        writer.declare_gap(&gap, stamp)?;
    }
    Ok(())
}
