//! Turns episodes of a LeRobot dataset into episode files.

mod notes;
mod video;

use super::beside::Beside;
use super::error::Error;
use super::info::Feature;
use super::mapping::Mapping;
use super::rows::{self, Rows};
use super::source::{Source, SourceEpisode, VideoPart};
use crate::files::digest_file;
use crate::problem::Problem;
use crate::slug::slug;
use etude_episode::{Closed, EpisodeWriter, Expected, Head, StreamIndex, WriterOptions};
use etude_model::id::{EpisodeId, TaskId};
use etude_model::sample::{JointCommand, JointStates};
use etude_model::{
    Card, ClockKind, Digest, Gap, GapReason, HostTime, LogTime, Manifest, Origin, Sample, Stamp, StreamKind,
    Topic,
};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use video::Feeds;

/// How far a timestamp may be from `frame_index / fps` and still be synthetic, s (LeRobot's own tolerance).
const TIME_TOLERANCE_S: f64 = 1e-4;

/// How to import.
#[derive(Clone, Debug)]
pub struct ImportOptions {
    /// Name and version of the software, for the manifest.
    pub software: String,
    /// Features that are not wanted.
    pub drop: BTreeSet<String>,
    /// Where timestamps are not `frame_index / fps`: what they are. Without it such episodes are refused.
    pub clock: Option<ClockKind>,
}

impl ImportOptions {
    /// Everything that the dataset has.
    pub fn new(software: impl Into<String>) -> Self {
        Self { software: software.into(), drop: BTreeSet::new(), clock: None }
    }
}

/// Turns episodes of one dataset into episode files.
pub struct Importer {
    source: Source,
    beside: Beside,
    mapping: Mapping,
    card: Card,
    card_digest: Digest,
    card_toml: String,
    options: ImportOptions,
    digests: BTreeMap<PathBuf, Digest>,
    feeds: Feeds,
}

/// One episode that was imported.
#[derive(Debug)]
pub struct Imported {
    /// Its manifest.
    pub manifest: Manifest,
    /// What the writer says of the file.
    pub closed: Closed,
    /// From the first to the last row, µs.
    pub duration_us: i64,
    /// What was lost or odd.
    pub problems: Vec<Problem>,
}

impl Importer {
    /// Reads what the dataset says of itself and plans where its numbers go; asks where that is open.
    pub fn open(root: &Path, card: &Card, options: ImportOptions) -> Result<(Self, Vec<Problem>), Error> {
        let (mut source, mut problems) = Source::open(root)?;
        let beside = Beside::read(&mut source, &mut problems)?;
        let mut mapping = Mapping::plan(&source.info, card, &options.drop)?;
        mapping.cameras.retain(|(key, _)| {
            let parts = || source.episodes.iter().filter_map(|episode| episode.videos.get(key));
            let mut folders = source.episodes.iter().filter_map(|episode| episode.pictures.get(key));
            let exists = parts().any(|part| part.path.exists()) || folders.any(|folder| folder.is_dir());
            if !exists {
                let message = "info.json declares it, but no episode has its video; it is left out";
                problems.push(Problem::loss(key.clone(), message));
            }
            exists
        });
        for key in &mapping.unknown {
            let message =
                "the card does not say what it is; its numbers are kept with unit unknown under /imported";
            problems.push(Problem::note(key.clone(), message));
        }
        for (key, reason) in &mapping.unread {
            problems.push(Problem::loss(key.clone(), format!("{reason}; it is left out")));
        }
        for key in &options.drop {
            problems.push(Problem::note(key.clone(), "it is left out, as asked"));
        }
        let feeds = Feeds::new(source.info.fps);
        let importer = Self {
            source,
            beside,
            mapping,
            card_digest: card.digest(),
            card_toml: card.to_toml(),
            card: card.clone(),
            options,
            digests: BTreeMap::new(),
            feeds,
        };
        Ok((importer, problems))
    }

    /// The dataset.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// Where its numbers go.
    pub fn mapping(&self) -> &Mapping {
        &self.mapping
    }

    /// Writes the episode at this position of [`Source::episodes`] to `out`. An error concerns this episode only.
    pub fn import(&mut self, position: usize, out: &Path) -> Result<Imported, Error> {
        let episode = self.episode(position)?;
        let features = self.features();
        let (rows, mut problems) = rows::read(&episode, &features.iter().collect::<Vec<_>>())?;
        for column in rows.columns.iter().filter(|column| !self.is_declared(column)) {
            let message = format!("its column {column} is not declared in info.json; it is left out");
            problems.push(Problem::loss(episode.data.display().to_string(), message));
        }
        if rows.count == 0 {
            return Err(Error::content(&episode.data, "the episode has no rows"));
        }
        let (clock, times_ns) = self.times(&episode, &rows, &mut problems)?;
        let manifest = self.manifest(&episode, &rows, clock, &mut problems)?;
        let head =
            Head { manifest: &manifest, card_toml: &self.card_toml, attachments: &self.beside.attachments };
        let writer = EpisodeWriter::create(out, &head, WriterOptions::default());
        let mut writer = writer.map_err(|error| written(out, &error))?;
        let mut cameras = self.start_cameras(&episode, &mut problems);
        for row in 0..rows.count {
            let time = times_ns.get(row).copied().unwrap_or_default();
            self.write_row(&mut writer, &features, &rows, row, time).map_err(|error| written(out, &error))?;
            for camera in &mut cameras {
                camera.write_until(&mut writer, &mut self.feeds, row, &times_ns, &mut problems)?;
            }
        }
        for camera in &mut cameras {
            camera.write_until(&mut writer, &mut self.feeds, usize::MAX, &times_ns, &mut problems)?;
            camera.close(&mut writer, &times_ns, &mut problems).map_err(|error| written(out, &error))?;
        }
        for stream in 0..self.mapping.parts.len() {
            let expected = Expected::Count(rows.count as u64);
            writer.expect(StreamIndex(stream as u16), expected).map_err(|error| written(out, &error))?;
        }
        let closed = writer.finish().map_err(|error| written(out, &error))?;
        let duration_us =
            times_ns.last().unwrap_or(&0).saturating_sub(*times_ns.first().unwrap_or(&0)) / 1000;
        Ok(Imported { manifest, closed, duration_us, problems })
    }

    fn is_declared(&self, column: &str) -> bool {
        rows::NUMBERING.contains(&column) || self.source.info.feature(column).is_some()
    }

    fn features(&self) -> Vec<Feature> {
        let keys: BTreeSet<&str> = self.mapping.parts.iter().map(|part| part.feature.as_str()).collect();
        let wanted = self.source.info.features.iter().filter(|feature| keys.contains(feature.key.as_str()));
        wanted.cloned().collect()
    }

    /// Each row's time on the episode's clock, ns, and how it came about.
    fn times(
        &self,
        episode: &SourceEpisode,
        rows: &Rows,
        problems: &mut Vec<Problem>,
    ) -> Result<(ClockKind, Vec<i64>), Error> {
        let fps = self.source.info.fps;
        let nominal = |frame: i64| frame as f64 / fps;
        let pairs = || rows.timestamp_s.iter().zip(&rows.frame_index);
        let offset = pairs().next().map_or(0.0, |(time, frame)| time - nominal(*frame));
        let off = pairs().map(|(time, frame)| (time - nominal(*frame) - offset).abs()).fold(0.0, f64::max);
        if off <= TIME_TOLERANCE_S {
            if offset.abs() > TIME_TOLERANCE_S {
                let message =
                    format!("its timestamps begin at {offset:.4} s; its rows begin at 0 in the episode");
                problems.push(Problem::note(format!("episode {}", episode.index), message));
            }
            let times = rows.frame_index.iter().map(|frame| (nominal(*frame) * 1e9).round() as i64).collect();
            return Ok((ClockKind::Synthetic { rate_hz: fps }, times));
        }
        let Some(clock) = self.options.clock else {
            return Err(Error::Questions {
                questions: vec![format!(
                    "- {}: timestamps are up to {off:.4} s away from frame_index / {fps}: which clock made them?",
                    episode.data.display()
                )],
            });
        };
        let times: Vec<i64> = rows.timestamp_s.iter().map(|time| (time * 1e9).round() as i64).collect();
        let in_order = times.windows(2).all(|pair| matches!(pair, [a, b] if a <= b));
        if !in_order || times.first().is_some_and(|first| *first < 0) || off.is_nan() {
            return Err(Error::content(&episode.data, "expected timestamps from 0 on in rising order"));
        }
        Ok((clock, times))
    }

    fn manifest(
        &mut self,
        episode: &SourceEpisode,
        rows: &Rows,
        clock: ClockKind,
        problems: &mut Vec<Problem>,
    ) -> Result<Manifest, Error> {
        let parents = self.parents(episode)?;
        let task = self.task(episode, rows, problems);
        Ok(Manifest {
            format_version: 1,
            episode: self.id_by(episode, &parents),
            task: task.as_deref().and_then(slug).map(TaskId::new),
            instruction: task.iter().map(|text| ("und".to_owned(), text.clone())).collect(),
            campaign: None,
            scene: None,
            station: None,
            card: self.card_digest,
            embodiment: self.card.title(),
            robot_serial: None,
            trainer: None,
            software: self.options.software.clone(),
            clock,
            origin: Origin::Imported,
            parents,
            rights: self.source.rights(),
            streams: self.mapping.streams(),
            notes: self.notes(episode, rows, task, problems),
        })
    }

    /// The id that the episode at this position gets: the same for the same files, card and number. They are read for it once.
    pub fn id(&mut self, position: usize) -> Result<EpisodeId, Error> {
        let episode = self.episode(position)?;
        let parents = self.parents(&episode)?;
        Ok(self.id_by(&episode, &parents))
    }

    /// What manifests name as the software.
    pub fn software(&self) -> &str {
        &self.options.software
    }

    fn episode(&self, position: usize) -> Result<SourceEpisode, Error> {
        self.source.episodes.get(position).cloned().ok_or_else(|| {
            let message = format!("has {} episodes, there is none at {position}", self.source.episodes.len());
            Error::content(self.source.root(), message)
        })
    }

    /// Its time counts episodes, so that a dataset's episodes keep their order.
    fn id_by(&self, episode: &SourceEpisode, parents: &[String]) -> EpisodeId {
        let mut hasher = blake3::Hasher::new();
        for parent in parents {
            hasher.update(parent.as_bytes());
        }
        hasher.update(&self.card_digest.0).update(&episode.index.to_le_bytes());
        let hash = hasher.finalize();
        let chance = hash.as_bytes().first_chunk::<10>().expect("a hash has 32 bytes");
        EpisodeId::from_parts(episode.index, *chance)
    }

    /// The files that the episode came from, each with its digest.
    fn parents(&mut self, episode: &SourceEpisode) -> Result<Vec<String>, Error> {
        let mut parents = Vec::new();
        let videos = episode.videos.values().map(|part| &part.path);
        let tables = std::iter::once(&episode.data).chain(videos.filter(|path| path.exists()));
        for path in tables.chain(&self.beside.files) {
            let digest = match self.digests.get(path) {
                Some(digest) => *digest,
                None => digest_file(path).map_err(Error::file("reading", path))?,
            };
            self.digests.insert(path.clone(), digest);
            let relative = path.strip_prefix(self.source.root()).unwrap_or(path);
            parents.push(format!("blake3:{digest} {}", relative.display()));
        }
        Ok(parents)
    }

    /// The task's words: those of the rows' task number, or the episode's only ones.
    fn task(&self, episode: &SourceEpisode, rows: &Rows, problems: &mut Vec<Problem>) -> Option<String> {
        let distinct: BTreeSet<i64> = rows.task_index.iter().copied().collect();
        if distinct.len() > 1 {
            let message =
                format!("its rows have the tasks {distinct:?}; the first row's is taken for the episode");
            problems.push(Problem::loss(format!("episode {}", episode.index), message));
        }
        let of_rows = rows.task_index.first().and_then(|index| self.source.tasks.get(index));
        of_rows.or(episode.tasks.first()).cloned()
    }

    fn write_row<S: etude_episode::Sink>(
        &self,
        writer: &mut EpisodeWriter<S>,
        features: &[Feature],
        rows: &Rows,
        row: usize,
        time_ns: i64,
    ) -> Result<(), etude_episode::WriteError> {
        for (stream, part) in (0u16..).zip(&self.mapping.parts) {
            let Some(feature) = features.iter().find(|feature| feature.key == part.feature) else { continue };
            let numbers = rows.row(feature, row);
            let values: Vec<f64> =
                part.places.iter().map(|place| numbers.get(*place).copied().unwrap_or(f64::NAN)).collect();
            let sample = if part.stream.kind == StreamKind::JointCommand {
                Sample::JointCommand(JointCommand {
                    sequence: row as u64,
                    asked: values,
                    granted: Vec::new(),
                })
            } else {
                Sample::JointStates(JointStates { position: values, ..JointStates::default() })
            };
            writer.write(StreamIndex(stream), synthetic(time_ns), &sample)?;
        }
        Ok(())
    }

    fn start_cameras(&mut self, episode: &SourceEpisode, problems: &mut Vec<Problem>) -> Vec<Camera> {
        let first = self.mapping.parts.len();
        let mut cameras = Vec::new();
        for (number, (key, stream)) in self.mapping.cameras.iter().enumerate() {
            let in_files = || {
                let path = episode.pictures.get(key)?.clone();
                Some(VideoPart { path, from_s: 0.0, to_s: None })
            };
            let part = episode.videos.get(key).cloned().or_else(in_files);
            let subject = format!("episode {} {key}", episode.index);
            let open = part.as_ref().is_some_and(|part| match self.feeds.begin(key, part) {
                Ok(notes) => {
                    problems.extend(notes.into_iter().map(|note| Problem::loss(subject.clone(), note)));
                    true
                }
                Err(message) => {
                    problems.push(Problem::loss(subject.clone(), format!("its video is lost: {message}")));
                    false
                }
            });
            cameras.push(Camera {
                key: key.clone(),
                topic: stream.topic.clone(),
                stream: StreamIndex((first + number) as u16),
                fps: self.source.info.fps,
                from_s: part.map_or(0.0, |part| part.from_s),
                open,
                next: 0,
                written: 0,
                last_ns: None,
                subject,
            });
        }
        cameras
    }
}

/// One camera of one episode on its way into the file.
struct Camera {
    key: String,
    topic: Topic,
    stream: StreamIndex,
    fps: f64,
    from_s: f64,
    open: bool,
    /// The row that the next frame belongs to.
    next: usize,
    written: usize,
    last_ns: Option<i64>,
    subject: String,
}

impl Camera {
    /// Writes the frames up to and including this row's; [`usize::MAX`]: all that are left.
    fn write_until<S: etude_episode::Sink>(
        &mut self,
        writer: &mut EpisodeWriter<S>,
        feeds: &mut Feeds,
        row: usize,
        times_ns: &[i64],
        problems: &mut Vec<Problem>,
    ) -> Result<(), Error> {
        while self.open && (self.next <= row || row == usize::MAX) {
            let (pts_s, frame) = match feeds.next(&self.key) {
                Ok(Some(frame)) => frame,
                Ok(None) => {
                    self.open = false;
                    break;
                }
                Err(message) => {
                    problems.push(Problem::loss(
                        &self.subject,
                        format!("frames from {} on are lost: {message}", self.next),
                    ));
                    self.open = false;
                    break;
                }
            };
            let place = ((pts_s - self.from_s) * self.fps).round().max(0.0) as usize;
            let place = place.max(self.next);
            if place > self.next {
                self.declare(writer, place, times_ns).map_err(|error| self.failed(&error))?;
                let message = format!("frames {} to {} are missing in the video", self.next, place - 1);
                problems.push(Problem::loss(&self.subject, message));
            }
            let time = self.time_of(place, times_ns);
            let written = writer.write(self.stream, synthetic(time), &Sample::Video(frame));
            written.map_err(|error| self.failed(&error))?;
            self.last_ns = Some(time);
            self.next = place + 1;
            self.written += 1;
        }
        Ok(())
    }

    /// Accounts for the frames that rows had and the video has not.
    fn close<S: etude_episode::Sink>(
        &mut self,
        writer: &mut EpisodeWriter<S>,
        times_ns: &[i64],
        problems: &mut Vec<Problem>,
    ) -> Result<(), etude_episode::WriteError> {
        let rows = times_ns.len();
        if self.next < rows {
            self.declare(writer, rows, times_ns)?;
            let message = format!("{rows} rows, but the video ends after {} frames", self.next);
            problems.push(Problem::loss(&self.subject, message));
        } else if self.next > rows {
            let message = format!("{rows} rows, but {} frames; those beyond the rows are kept", self.next);
            problems.push(Problem::note(&self.subject, message));
        }
        writer.expect(self.stream, Expected::Count(self.next.max(rows) as u64))
    }

    fn declare<S: etude_episode::Sink>(
        &self,
        writer: &mut EpisodeWriter<S>,
        until: usize,
        times_ns: &[i64],
    ) -> Result<(), etude_episode::WriteError> {
        let end = self.time_of(until.min(times_ns.len().saturating_sub(1)).max(self.next), times_ns);
        let begin = self.last_ns.unwrap_or_else(|| times_ns.first().copied().unwrap_or(0));
        let gap = Gap {
            topic: self.topic.clone(),
            from: LogTime(begin),
            to: LogTime(end.max(begin)),
            missing: (until - self.next) as u64,
            reason: GapReason::SourceSilent,
        };
        writer.declare_gap(&gap, synthetic(end.max(begin)))
    }

    fn time_of(&self, place: usize, times_ns: &[i64]) -> i64 {
        times_ns.get(place).copied().unwrap_or_else(|| (place as f64 / self.fps * 1e9).round() as i64)
    }

    fn failed(&self, error: &etude_episode::WriteError) -> Error {
        Error::Video { subject: self.subject.clone(), message: error.to_string() }
    }
}

/// A time that no device measured.
fn synthetic(ns: i64) -> Stamp {
    Stamp { device: None, host: HostTime(ns), log: LogTime(ns) }
}

fn written(path: &Path, error: &etude_episode::WriteError) -> Error {
    Error::Episode { path: path.to_owned(), message: error.to_string() }
}
