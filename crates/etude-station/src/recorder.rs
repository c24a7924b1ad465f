//! The recorder: samples in from many threads, one episode file out, and nothing lost in silence.
//!
//! Every stream has a [`Producer`]. Its push puts a sample into a bounded queue and returns at once; a thread of its own
//! writes the file. A full queue drops the sample, counts it, and the count becomes a declared gap and an event before
//! the stream's next message. Pictures are encoded once, each camera in a thread of its own; a camera that sends H.264
//! is passed through. When the recording ends, each stream's received and missing messages are set against what its
//! rate promised.
//!
//! In a simulation time waits: with [`Overflow::Wait`] a push blocks instead of dropping, encoding happens where the
//! picture is pushed, and the same pushes give the same bytes.
//!
//! It knows nothing of robots, trainers or what makes a take good.

mod accounts;
mod camera;
mod clock;
mod gauge;
mod producer;
mod writer;

use crate::recorder::accounts::Account;
use crate::recorder::camera::CameraLine;
use crate::recorder::gauge::GaugeCell;
use crate::recorder::writer::{Item, WriterThread};
use etude_episode::{Closed, EpisodeWriter, Head, ReadError, Sink, WriteError, WriterOptions};
use etude_model::{LogTime, Span, StreamKind, StreamSpec};
use etude_video::FrameRate;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};

pub use clock::{Clock, ManualClock, SystemClock};
pub use gauge::Gauge;
pub use producer::{Producer, Pushed};

/// How a recording is bounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecorderOptions {
    /// Messages that may wait for the writer.
    pub queue: usize,
    /// Pictures of one camera that may wait for its encoder.
    pub picture_queue: usize,
    /// What a full queue does.
    pub overflow: Overflow,
    /// Oldest a message may get before its chunk is on disk.
    pub flush_after: Span,
}

impl RecorderOptions {
    /// For real time: a push never blocks.
    pub const LIVE: Self = Self {
        queue: 16_384,
        picture_queue: 8,
        overflow: Overflow::DeclareGap,
        flush_after: Span::from_ms(50),
    };

    /// For simulated time: a push may block, and the same pushes give the same bytes.
    pub const SIMULATED: Self = Self { overflow: Overflow::Wait, ..Self::LIVE };
}

/// What a full queue does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overflow {
    /// The sample is dropped; a gap and an event say so.
    DeclareGap,
    /// The push waits. Only where time waits too.
    Wait,
}

/// What goes wrong with a recording.
#[derive(Debug, thiserror::Error)]
pub enum RecorderError {
    /// The file cannot be written; what was written before can be recovered.
    #[error("the episode cannot be written")]
    Write(#[from] WriteError),
    /// What was written cannot be read back.
    #[error("the episode cannot be read back")]
    Read(#[from] ReadError),
    /// A stream has two producers or none of that name exists.
    #[error("the recording has no stream {topic} to produce for")]
    NoSuchStream {
        /// Its topic.
        topic: String,
    },
    /// A camera's pictures cannot be encoded.
    #[error("the camera's pictures cannot be encoded")]
    Encode(#[from] etude_video::EncodeError),
    /// A thread could not be started.
    #[error("a recorder's thread cannot be started")]
    Thread(#[source] std::io::Error),
    /// A thread ended in a panic.
    #[error("the recorder's {thread} thread ended in a panic")]
    Panicked {
        /// Which.
        thread: &'static str,
    },
}

/// One recording in progress.
#[derive(Debug)]
pub struct Recorder {
    streams: Arc<[StreamSpec]>,
    gauges: Arc<[GaugeCell]>,
    taken: Vec<bool>,
    queue: SyncSender<Item>,
    writer: WriterThread,
    cameras: Vec<CameraLine>,
    stopping: Arc<AtomicBool>,
    clock: Arc<dyn Clock>,
    options: RecorderOptions,
    started: LogTime,
}

impl Recorder {
    /// Starts a recording into a file; its streams are the manifest's.
    pub fn start(
        path: &Path,
        head: &Head<'_>,
        clock: Arc<dyn Clock>,
        options: RecorderOptions,
    ) -> Result<Self, RecorderError> {
        Self::start_with(EpisodeWriter::create(path, head, WriterOptions::default())?, head, clock, options)
    }

    /// Starts a recording into any writer that was opened with the same `head`.
    pub fn start_with<S: Sink + Send + 'static>(
        writer: EpisodeWriter<S>,
        head: &Head<'_>,
        clock: Arc<dyn Clock>,
        options: RecorderOptions,
    ) -> Result<Self, RecorderError> {
        let streams: Arc<[StreamSpec]> = head.manifest.streams.clone().into();
        let gauges: Arc<[GaugeCell]> = streams.iter().map(|_| GaugeCell::default()).collect();
        let started = clock.now();
        let accounts = streams.iter().map(|spec| Account::new(spec, started)).collect();
        let (queue, items) = sync_channel(options.queue);
        let writer =
            WriterThread::start(writer, accounts, Arc::clone(&gauges), items, Arc::clone(&clock), options)?;
        Ok(Self {
            taken: vec![false; streams.len()],
            streams,
            gauges,
            queue,
            writer,
            cameras: Vec::new(),
            stopping: Arc::new(AtomicBool::new(false)),
            clock,
            options,
            started,
        })
    }

    /// When it began.
    pub fn started(&self) -> LogTime {
        self.started
    }

    /// The only producer of a stream.
    ///
    /// For a stream of video it takes pictures of `size` (pixels across, pixels down) and encodes them; without a size
    /// it takes H.264 as the camera sends it.
    pub fn producer(&mut self, topic: &str, size: Option<(u32, u32)>) -> Result<Producer, RecorderError> {
        let no_such = || RecorderError::NoSuchStream { topic: topic.to_owned() };
        let index = self.streams.iter().position(|spec| spec.topic.as_str() == topic).ok_or_else(no_such)?;
        if std::mem::replace(&mut self.taken[index], true) {
            return Err(no_such());
        }
        let outlet = producer::Outlet {
            index,
            queue: self.queue.clone(),
            gauges: Arc::clone(&self.gauges),
            stopping: Arc::clone(&self.stopping),
            clock: Arc::clone(&self.clock),
            overflow: self.options.overflow,
        };
        let spec = &self.streams[index];
        match (spec.kind, size) {
            (StreamKind::Video, Some(size)) => {
                let rate =
                    spec.rate_hz.and_then(|hz| FrameRate::from_hz(hz.round() as u32)).ok_or_else(no_such)?;
                let (producer, line) = camera::open(outlet, size, rate, self.options)?;
                self.cameras.extend(line);
                Ok(producer)
            }
            _ => Ok(Producer::plain(outlet, spec.kind == StreamKind::Video)),
        }
    }

    /// How each stream is doing, in the order of the manifest.
    pub fn gauges(&self) -> Vec<Gauge> {
        let now = self.clock.now();
        self.streams.iter().zip(self.gauges.iter()).map(|(spec, cell)| cell.read(&spec.topic, now)).collect()
    }

    /// Whether the file can no longer be written; [`Recorder::stop`] then says why.
    pub fn has_failed(&self) -> bool {
        self.writer.has_failed()
    }

    /// Ends the recording: what was pushed is encoded and written, the accounts are closed, the file gets its digest.
    ///
    /// Every push that has begun is waited for; producers that still live get [`Pushed::Stopped`] from now on.
    pub fn stop(mut self) -> Result<Closed, RecorderError> {
        self.stopping.store(true, Ordering::SeqCst);
        while self.gauges.iter().any(GaugeCell::is_pushing) {
            std::thread::yield_now();
        }
        let end = self.clock.now();
        let encoded = self.cameras.drain(..).map(CameraLine::finish).collect::<Vec<_>>();
        // A writer that failed has hung up; its own error says more than this one.
        let _ = self.queue.send(Item::End(end));
        self.writer.wake();
        let closed = self.writer.join()?;
        encoded.into_iter().collect::<Result<(), _>>()?;
        Ok(closed)
    }
}
