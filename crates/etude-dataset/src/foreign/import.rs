//! A recording, by its mapping, as an episode file.

mod row;

use super::coverage::Coverage;
use super::error::Error;
use super::mapping::{Mapping, TimeSource};
use super::plan::{Planned, plan};
use super::records::{Facts, Ledger, Record, counted};
use super::source::{Recording, Source};
use super::value::Value;
use crate::files::digest_file;
use crate::problem::Problem;
use etude_episode::{Attachment, Closed, EpisodeWriter, FileSink, Head, StreamIndex, WriterOptions};
use etude_model::id::{EpisodeId, TaskId};
use etude_model::{Card, ClockKind, DeviceTime, Digest, HostTime, LogTime, Manifest, Origin, Stamp};
use row::Row;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Turns recordings of one source into episode files.
pub struct Importer {
    source: Source,
    mapping: Mapping,
    mapping_toml: String,
    card: Card,
    card_digest: Digest,
    card_toml: String,
    software: String,
    /// Digests of files that several recordings are read from.
    digests: Mutex<BTreeMap<PathBuf, Digest>>,
}

/// One recording that was imported.
#[derive(Debug)]
pub struct Imported {
    /// Its manifest.
    pub manifest: Manifest,
    /// What the writer says of the file.
    pub closed: Closed,
    /// When it began, µs since 1970-01-01 UTC, where its times are measured.
    pub started_us: Option<i64>,
    /// From the first to the last sample, µs.
    pub duration_us: i64,
    /// What was lost, left out or odd.
    pub problems: Vec<Problem>,
}

/// The first message of each topic that is wanted.
struct FirstLook {
    messages: BTreeMap<Arc<str>, Value>,
    record: Option<Record>,
    facts: Facts,
    ledger: Ledger,
}

impl Importer {
    /// Holds a mapping (its text, and a name for errors) against a source and a card.
    pub fn open(
        source: Source,
        (mapping_toml, file): (&str, &str),
        card: &Card,
        software: &str,
    ) -> Result<Self, Error> {
        let mapping = Mapping::from_toml(mapping_toml, file)?;
        if !mapping.format.serves(source.format) {
            return Err(Error::Mapping {
                file: file.to_owned(),
                problems: vec![format!("format: expected {}, found {}", source.format, mapping.format)],
            });
        }
        Ok(Self {
            source,
            mapping,
            mapping_toml: mapping_toml.to_owned(),
            card: card.clone(),
            card_digest: card.digest(),
            card_toml: card.to_toml(),
            software: software.to_owned(),
            digests: Mutex::new(BTreeMap::new()),
        })
    }

    /// What is imported.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// Writes the recording at this position of the source to `out`. An error concerns this recording only.
    pub fn import(&self, position: usize, out: &Path) -> Result<Imported, Error> {
        let recording = self.recording(position)?;
        let first = self.first_look(recording)?;
        let planned = plan(&self.mapping, &self.card, &first.messages)
            .map_err(|questions| Error::Questions { questions })?;
        if planned.is_empty() {
            let problems = first.ledger.all_problems().iter().map(ToString::to_string).collect();
            return Err(Error::Nothing { recording: recording.name.clone(), problems });
        }
        let clock = self.clock(&first)?;
        let manifest = self.manifest(position, recording, &first, clock, &planned)?;
        let attachments = self.attachments(&first.facts);
        let head = Head { manifest: &manifest, card_toml: &self.card_toml, attachments: &attachments };
        let failed = |source| Error::Episode { path: out.to_owned(), source };
        let writer = EpisodeWriter::create(out, &head, WriterOptions::default()).map_err(failed)?;
        let mut filling = Filling::new(self, clock, planned, writer);
        let mut records = self.source.read(recording)?;
        while let Some(record) = records.next(&|topic| filling.wants(topic)) {
            filling.take(&record).map_err(failed)?;
        }
        let (closed, range, mut problems) = filling.finish(records.ledger()).map_err(failed)?;
        problems.splice(0..0, records.ledger().all_problems());
        let (from, to) = range.unwrap_or_default();
        let started_us = (clock == ClockKind::Measured && range.is_some()).then_some(from / 1000);
        Ok(Imported { manifest, closed, started_us, duration_us: to.saturating_sub(from) / 1000, problems })
    }

    /// What travels with the episode: the mapping, and the files beside the recording.
    fn attachments(&self, facts: &Facts) -> Vec<Attachment> {
        let mapping = Attachment {
            name: "mapping.toml".to_owned(),
            media_type: "application/toml".to_owned(),
            data: self.mapping_toml.clone().into_bytes(),
        };
        let beside = facts.files.iter().map(|file| Attachment {
            name: file.name.clone(),
            media_type: file.media_type.to_owned(),
            data: file.data.clone(),
        });
        std::iter::once(mapping).chain(beside).collect()
    }

    /// Reads until each topic that the mapping names was met once.
    fn first_look(&self, recording: &Recording) -> Result<FirstLook, Error> {
        let mut records = self.source.read(recording)?;
        let mut messages: BTreeMap<Arc<str>, Value> = BTreeMap::new();
        let mut first = None;
        let mut wanted: Vec<&str> = self.mapping.streams.iter().map(|stream| stream.from.as_str()).collect();
        wanted.extend(self.mapping.notes.iter().map(|note| note.from.as_str()));
        wanted.sort_unstable();
        wanted.dedup();
        while messages.len() < wanted.len() {
            let missing = |topic: &str| wanted.contains(&topic) && !messages.contains_key(topic);
            let Some(record) = records.next(&missing) else { break };
            if first.is_none() {
                first = Some(record.clone());
            }
            messages.insert(record.topic, record.value);
        }
        Ok(FirstLook { messages, record: first, facts: records.facts(), ledger: records.ledger().clone() })
    }

    fn digest(&self, path: &Path) -> Result<Digest, Error> {
        let mut known = self.digests.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(digest) = known.get(path) {
            return Ok(*digest);
        }
        let digest = digest_file(path).map_err(Error::file("reading", path))?;
        known.insert(path.to_owned(), digest);
        Ok(digest)
    }

    /// How times come about; a clock that the recording does not have is asked about.
    fn clock(&self, first: &FirstLook) -> Result<ClockKind, Error> {
        let rule = &self.mapping.clock;
        let asked = |question: &str| Error::Questions { questions: vec![format!("- clock: {question}")] };
        let record = first.record.as_ref();
        let kind = if rule.simulated { ClockKind::Simulated } else { ClockKind::Measured };
        match rule.time {
            TimeSource::Rate => {
                let rate_hz = rule
                    .rate_hz
                    .or(first.facts.rate_hz)
                    .filter(|rate_hz| rate_hz.is_finite() && *rate_hz > 0.0);
                let rate_hz = rate_hz.ok_or_else(|| {
                    asked("the source states no rate: how many samples per second? (`rate_hz`)")
                })?;
                Ok(ClockKind::Synthetic { rate_hz })
            }
            TimeSource::Log if record.is_some_and(|record| record.log_ns.is_none()) => {
                Err(asked("the recording has no log times: which clock is the time?"))
            }
            TimeSource::Publish if record.is_some_and(|record| record.publish_ns.is_none()) => {
                Err(asked("the recording has no times of sending: which clock is the time?"))
            }
            TimeSource::Stamp if rule.stamp.is_none() => Err(asked("which field is the stamp? (`stamp`)")),
            _ => Ok(kind),
        }
    }

    /// The id that the recording at this position gets: the same for the same files, card, mapping and place. The files are
    /// read for it once.
    pub fn id(&self, position: usize) -> Result<EpisodeId, Error> {
        self.id_at(position, self.recording(position)?)
    }

    /// What manifests name as the software.
    pub fn software(&self) -> &str {
        &self.software
    }

    fn recording(&self, position: usize) -> Result<&Recording, Error> {
        self.source.recordings.get(position).ok_or_else(|| {
            let found = format!("{} of them", self.source.recordings.len());
            Error::content(&self.source.root, format!("a recording at place {position}"), found)
        })
    }

    /// Its time counts recordings, so that a source's recordings keep their order.
    fn id_at(&self, position: usize, recording: &Recording) -> Result<EpisodeId, Error> {
        let mut hasher = blake3::Hasher::new();
        for path in &recording.files {
            hasher.update(&self.digest(path)?.0);
        }
        hasher
            .update(&self.card_digest.0)
            .update(self.mapping_toml.as_bytes())
            .update(&(position as u64).to_le_bytes());
        let hash = hasher.finalize();
        let chance = hash.as_bytes().first_chunk::<10>().expect("a hash has 32 bytes");
        Ok(EpisodeId::from_parts(position as u64, *chance))
    }

    /// The files that it is made from, by digest and name.
    fn parents(&self, recording: &Recording) -> Result<Vec<String>, Error> {
        let parent = |path: &PathBuf| {
            let digest = self.digest(path)?;
            let relative =
                path.strip_prefix(&self.source.root).ok().filter(|path| !path.as_os_str().is_empty());
            let relative =
                relative.map_or_else(|| super::source::name_of(path), |path| path.display().to_string());
            Ok(format!("blake3:{digest} {relative}"))
        };
        recording.files.iter().map(parent).collect()
    }

    fn manifest(
        &self,
        position: usize,
        recording: &Recording,
        first: &FirstLook,
        clock: ClockKind,
        planned: &[Planned],
    ) -> Result<Manifest, Error> {
        let parents = self.parents(recording)?;
        let mut notes = first.facts.notes.clone();
        notes.insert("source.format".to_owned(), self.source.format.to_string());
        notes.insert("source.recording".to_owned(), recording.name.clone());
        for rule in &self.mapping.notes {
            let value = first.messages.get(rule.from.as_str()).and_then(|message| rule.field.value(message));
            if let Some(text) = value.and_then(words) {
                notes.insert(rule.key.clone(), rule.meaning.get(&text).cloned().unwrap_or(text));
            }
        }
        let mut instruction = self.mapping.instruction.clone();
        let said = notes.remove("instruction").or_else(|| first.facts.instruction.clone());
        instruction.extend(said.map(|text| ("und".to_owned(), text)));
        let task = instruction.values().next().and_then(|text| crate::slug::slug(text)).map(TaskId::new);
        Ok(Manifest {
            format_version: 1,
            episode: self.id_at(position, recording)?,
            task,
            instruction,
            campaign: None,
            scene: None,
            station: None,
            card: self.card_digest,
            embodiment: self.card.title(),
            robot_serial: None,
            trainer: None,
            software: self.software.clone(),
            clock,
            origin: Origin::Imported,
            parents,
            rights: self.mapping.rights.clone(),
            streams: planned.iter().map(|planned| planned.spec.clone()).collect(),
            notes,
        })
    }
}

/// A value in words, where it is one.
fn words(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) => Some(text.clone()),
        Value::Int(value) => Some(value.to_string()),
        Value::Large(value) => Some(value.to_string()),
        Value::Float(value) => Some(value.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        _ => None,
    }
}

/// An episode that is being filled.
struct Filling<'i> {
    mapping: &'i Mapping,
    clock: ClockKind,
    rows: Vec<Row>,
    coverage: BTreeMap<Arc<str>, Coverage>,
    /// Messages met of each topic.
    met: BTreeMap<Arc<str>, u64>,
    writer: EpisodeWriter<FileSink>,
    range: Option<(i64, i64)>,
}

impl<'i> Filling<'i> {
    fn new(
        importer: &'i Importer,
        clock: ClockKind,
        planned: Vec<Planned>,
        writer: EpisodeWriter<FileSink>,
    ) -> Self {
        let mapping = &importer.mapping;
        let mut coverage: BTreeMap<Arc<str>, Coverage> = BTreeMap::new();
        for planned in &planned {
            let coverage = coverage.entry(planned.from.clone()).or_default();
            planned.fill.paths().iter().chain(&mapping.clock.stamp).for_each(|path| coverage.use_path(path));
        }
        for (from, path) in mapping.notes.iter().map(|note| (note.from.as_str(), &note.field)) {
            coverage.entry(Arc::from(from)).or_default().use_path(path);
        }
        for skip in &mapping.skips {
            if let Some(coverage) = coverage.get_mut(skip.from.as_str()) {
                skip.fields.iter().for_each(|path| coverage.use_path(path));
            }
        }
        let rows = (0..).zip(planned).map(|(index, planned)| Row::new(StreamIndex(index), planned)).collect();
        Self { mapping, clock, rows, coverage, met: BTreeMap::new(), writer, range: None }
    }

    fn wants(&self, topic: &str) -> bool {
        // What cannot be read of a topic is counted too, and so comes to be said.
        self.mapping.wants(topic)
    }

    fn take(&mut self, record: &Record) -> Result<(), etude_episode::WriteError> {
        if let Some(coverage) = self.coverage.get_mut(&record.topic) {
            coverage.see(&record.value);
        }
        let met = self.met.entry(record.topic.clone()).or_default();
        let number = *met;
        *met += 1;
        let number = record.number.unwrap_or(number);
        for row in self.rows.iter_mut().filter(|row| row.planned.from == record.topic) {
            let stamp = stamp(self.mapping, self.clock, record, (number, row.planned.spec.rate_hz));
            row.take(&mut self.writer, &stamp, &record.value)?;
            if let Ok(stamp) = stamp {
                let ns = stamp.log.ns();
                self.range = Some(self.range.map_or((ns, ns), |(from, to)| (from.min(ns), to.max(ns))));
            }
        }
        Ok(())
    }

    /// Closes the accounts and says what did not get in.
    #[expect(clippy::type_complexity, reason = "the three halves of one answer, taken apart at once")]
    fn finish(
        mut self,
        ledger: &Ledger,
    ) -> Result<(Closed, Option<(i64, i64)>, Vec<Problem>), etude_episode::WriteError> {
        let mut problems = Vec::new();
        for row in &mut self.rows {
            let unread = ledger.topics.get(&row.planned.from).map_or(0, |count| count.unread);
            row.close(&mut self.writer, unread, self.range, &mut problems)?;
        }
        problems.extend(left_out(self.mapping, ledger, &self.coverage));
        let closed = self.writer.finish()?;
        Ok((closed, self.range, problems))
    }
}

/// When a message was, on the episode's clocks. Where times are computed, a stream's own rate comes before that of all.
fn stamp(
    mapping: &Mapping,
    clock: ClockKind,
    record: &Record,
    (number, own_hz): (u64, Option<f64>),
) -> Result<Stamp, String> {
    let rule = &mapping.clock;
    let inside = || match rule.stamp.as_ref().and_then(|path| path.value(&record.value)) {
        Some(Value::Time(ns)) => Some(*ns),
        // Nanoseconds since 1970 are more than a double keeps.
        Some(Value::Int(value)) => {
            i64::try_from(i128::from(*value) * i128::from(rule.stamp_unit.ns() as i64)).ok()
        }
        Some(Value::Float(value)) if value.is_finite() => Some((value * rule.stamp_unit.ns()).round() as i64),
        _ => None,
    };
    if let (TimeSource::Rate, ClockKind::Synthetic { rate_hz }) = (rule.time, clock) {
        let rate_hz = own_hz.filter(|rate_hz| rate_hz.is_finite() && *rate_hz > 0.0).unwrap_or(rate_hz);
        let ns = (number as f64 / rate_hz * 1e9).round() as i64;
        return Ok(Stamp { device: None, host: HostTime(ns), log: LogTime(ns) });
    }
    let missing = |what: &str| format!("it has no {what}");
    let (host, log) = match rule.time {
        TimeSource::Log => {
            let log = record.log_ns.ok_or_else(|| missing("log time"))?;
            (record.publish_ns.unwrap_or(log), log)
        }
        TimeSource::Publish => {
            let sent = record.publish_ns.ok_or_else(|| missing("time of sending"))?;
            (sent, sent)
        }
        TimeSource::Stamp | TimeSource::Rate => {
            let stamp = inside().ok_or_else(|| missing("stamp"))?;
            (stamp, stamp)
        }
    };
    if log < 0 {
        return Err(format!("its time is {log} ns: expected one from 0 on"));
    }
    Ok(Stamp { device: inside().map(DeviceTime), host: HostTime(host), log: LogTime(log) })
}

/// What of the recording is not in the episode, topic by topic and field by field.
fn left_out(mapping: &Mapping, ledger: &Ledger, coverage: &BTreeMap<Arc<str>, Coverage>) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (topic, count) in &ledger.topics {
        let skip = mapping.skips.iter().find(|skip| skip.from == **topic && skip.fields.is_empty());
        if let Some(skip) = skip {
            let messages = counted(count.messages, "message");
            let message = format!("{messages} left out as the mapping says: {}", skip.why);
            problems.push(Problem::note(topic.to_string(), message));
        } else if !mapping.wants(topic) {
            let messages = counted(count.messages, "message");
            let message = format!("{messages} of {} left out: the mapping does not name it", count.type_name);
            problems.push(Problem::loss(topic.to_string(), message));
        }
        for (field, (messages, width)) in coverage.get(topic).iter().flat_map(|coverage| &coverage.unused) {
            let values = if *width == 1 { "a value".to_owned() } else { format!("{width} values") };
            let messages = counted(*messages, "message");
            let message = format!("{values} in {messages} left out: the mapping does not name it");
            let subject = format!("{topic} {field}");
            // A header's own counter and frame repeat what the stream and its times say.
            let is_repeated = field.ends_with("header.seq") || field.ends_with("header.frame_id");
            problems.push(if is_repeated {
                Problem::note(subject, message)
            } else {
                Problem::loss(subject, message)
            });
        }
    }
    for skip in mapping
        .skips
        .iter()
        .filter(|skip| !skip.fields.is_empty() && ledger.topics.contains_key(skip.from.as_str()))
    {
        let fields: Vec<String> = skip.fields.iter().map(ToString::to_string).collect();
        let message = format!("{} left out as the mapping says: {}", fields.join(", "), skip.why);
        problems.push(Problem::note(skip.from.clone(), message));
    }
    for rule in &mapping.streams {
        if !ledger.topics.contains_key(rule.from.as_str()) {
            let message =
                format!("the mapping fills it from {}, of which the recording has no message", rule.from);
            problems.push(Problem::loss(rule.topic.clone(), message));
        }
    }
    problems
}
