//! The writer's thread: takes messages off the queue, keeps the accounts, writes the file.

use crate::recorder::accounts::{Account, Note};
use crate::recorder::gauge::GaugeCell;
use crate::recorder::{Clock, Overflow, RecorderError, RecorderOptions};
use etude_episode::{Closed, EpisodeWriter, Expected, Sink, StreamIndex, WriteError};
use etude_model::gap::GapReason;
use etude_model::sample::TakeEvent;
use etude_model::{HostTime, LogTime, Sample, Stamp, Topic};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::thread::JoinHandle;
use std::time::Duration;

/// How often the writer looks whether a chunk has grown old.
const TICK_NS: i64 = 10_000_000;
/// How long the writer rests when the queue is empty. Messages wait for it in the queue, so that a thousand a second do
/// not wake it a thousand times.
const REST: Duration = Duration::from_millis(4);

/// What the queue carries.
#[derive(Debug)]
pub(super) enum Item {
    Message(Message),
    /// The recording ends; nothing follows.
    End(LogTime),
}

/// One sample on its way into the file.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) stream: usize,
    pub(super) stamp: Stamp,
    /// How many of its stream were dropped just before it, and why.
    pub(super) dropped_before: u64,
    pub(super) reason: GapReason,
    pub(super) sample: Sample,
}

/// The thread, seen from outside.
#[derive(Debug)]
pub(super) struct WriterThread {
    thread: JoinHandle<Result<Closed, RecorderError>>,
    failed: Arc<AtomicBool>,
}

impl WriterThread {
    pub(super) fn start<S: Sink + Send + 'static>(
        writer: EpisodeWriter<S>,
        accounts: Vec<Account>,
        gauges: Arc<[GaugeCell]>,
        items: Receiver<Item>,
        clock: Arc<dyn Clock>,
        options: RecorderOptions,
    ) -> Result<Self, RecorderError> {
        let failed = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&failed);
        let declared = vec![0; accounts.len()];
        let take = writer.stream(Topic::TAKE);
        let job = Job { writer, accounts, declared, gauges, take, notes: Vec::new() };
        let thread = std::thread::Builder::new().name("writer".to_owned()).spawn(move || {
            let closed = job.run(&items, clock.as_ref(), options);
            flag.store(closed.is_err(), Ordering::Release);
            closed
        });
        Ok(Self { thread: thread.map_err(RecorderError::Thread)?, failed })
    }

    /// Whether it ended before it was told to, by an error or a panic.
    pub(super) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Acquire) || self.thread.is_finished()
    }

    /// Ends its rest.
    pub(super) fn wake(&self) {
        self.thread.thread().unpark();
    }

    pub(super) fn join(self) -> Result<Closed, RecorderError> {
        self.thread.join().unwrap_or(Err(RecorderError::Panicked { thread: "writer" }))
    }
}

struct Job<S: Sink> {
    writer: EpisodeWriter<S>,
    accounts: Vec<Account>,
    /// Drops declared so far, per stream.
    declared: Vec<u64>,
    gauges: Arc<[GaugeCell]>,
    take: Option<StreamIndex>,
    notes: Vec<Note>,
}

impl<S: Sink> Job<S> {
    fn run(
        self,
        items: &Receiver<Item>,
        clock: &dyn Clock,
        options: RecorderOptions,
    ) -> Result<Closed, RecorderError> {
        match options.overflow {
            Overflow::Wait => self.run_in_order(items, clock),
            Overflow::DeclareGap => self.run_live(items, clock, options),
        }
    }

    /// In simulated time: what is written depends on the messages alone.
    fn run_in_order(mut self, items: &Receiver<Item>, clock: &dyn Clock) -> Result<Closed, RecorderError> {
        loop {
            match items.recv() {
                Ok(Item::Message(message)) => self.write(&message)?,
                Ok(Item::End(end)) => return self.close(end),
                // Everybody who could say more is gone: close with what is known.
                Err(_) => return self.close(clock.now()),
            }
        }
    }

    /// In real time: chunks are closed when they grow old, whether or not anything comes.
    fn run_live(
        mut self,
        items: &Receiver<Item>,
        clock: &dyn Clock,
        options: RecorderOptions,
    ) -> Result<Closed, RecorderError> {
        let mut looked = clock.now();
        loop {
            match items.try_recv() {
                Ok(Item::Message(message)) => self.write(&message)?,
                Ok(Item::End(end)) => return self.close(end),
                Err(TryRecvError::Empty) => std::thread::park_timeout(REST),
                Err(TryRecvError::Disconnected) => return self.close(clock.now()),
            }
            let now = clock.now();
            if (now - looked).0 >= TICK_NS {
                looked = now;
                self.writer.flush_older_than(now - options.flush_after)?;
            }
        }
    }

    fn write(&mut self, message: &Message) -> Result<(), WriteError> {
        let stream = message.stream;
        self.accounts[stream].enter(message.stamp, message.dropped_before, message.reason, &mut self.notes);
        self.declared[stream] += message.dropped_before;
        self.tell(stream, message.stamp)?;
        let written = self.writer.write(StreamIndex(stream as u16), message.stamp, &message.sample);
        self.gauges[stream].written();
        match written {
            // One sample that does not fit its stream costs that sample, not the take.
            Err(WriteError::Codec { .. } | WriteError::TooLong { .. } | WriteError::GapTopic { .. }) => {
                self.accounts[stream].refuse(message.stamp, &mut self.notes);
                self.gauges[stream].dropped(GapReason::Refused);
                self.declared[stream] += 1;
                self.tell(stream, message.stamp)
            }
            written => written,
        }
    }

    /// Writes what the account noted: gaps, and events for people.
    fn tell(&mut self, stream: usize, at: Stamp) -> Result<(), WriteError> {
        for note in std::mem::take(&mut self.notes) {
            let event = match &note {
                Note::Missing(gap) => {
                    self.gauges[stream].gap();
                    self.writer.declare_gap(gap, at)?;
                    let detail =
                        format!("{}: {} messages missing ({})", gap.topic, gap.missing, gap.reason.name());
                    TakeEvent { name: "gap".to_owned(), detail }
                }
                Note::ClockJumped(by) => {
                    let detail = format!("{}: the clock jumped by {by}", self.topic(stream));
                    TakeEvent { name: "clock_jumped".to_owned(), detail }
                }
            };
            if let Some(take) = self.take {
                self.writer.write(take, at, &Sample::Take(event))?;
            }
        }
        Ok(())
    }

    fn topic(&self, stream: usize) -> &str {
        self.writer.spec(StreamIndex(stream as u16)).map_or("", |spec| spec.topic.as_str())
    }

    /// Ends the file at `end`; every message is written.
    fn close(mut self, end: LogTime) -> Result<Closed, RecorderError> {
        let at = Stamp { device: None, host: HostTime(end.ns()), log: end };
        for stream in 0..self.accounts.len() {
            let gauge = &self.gauges[stream];
            let dropped = gauge.dropped_so_far().saturating_sub(self.declared[stream]);
            self.accounts[stream].close(end, dropped, gauge.reason(), &mut self.notes);
            self.tell(stream, at)?;
            if self.accounts[stream].is_periodic() {
                let (from, to) = self.accounts[stream].span(end, dropped);
                let expected = Expected::Rate { from, to };
                self.writer.expect(StreamIndex(stream as u16), expected)?;
            }
        }
        Ok(self.writer.finish()?)
    }
}
