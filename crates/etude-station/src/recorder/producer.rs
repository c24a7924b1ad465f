//! A producer: the end of a stream that a driver holds.

use crate::recorder::camera::Encode;
use crate::recorder::gauge::GaugeCell;
use crate::recorder::writer::{Item, Message};
use crate::recorder::{Clock, Overflow};
use etude_model::gap::GapReason;
use etude_model::sample::VideoFrame;
use etude_model::{DeviceTime, HostTime, LogTime, Sample, Stamp};
use etude_video::RgbImage;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError};

/// What became of a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Pushed {
    /// It is on its way into the file.
    Taken,
    /// No room: dropped, counted, and declared before the stream's next message.
    Dropped,
    /// The recording has ended or its file can no longer be written.
    Stopped,
}

/// What every producer needs to reach the writer.
#[derive(Debug)]
pub(super) struct Outlet {
    pub(super) index: usize,
    pub(super) queue: SyncSender<Item>,
    pub(super) gauges: Arc<[GaugeCell]>,
    pub(super) stopping: Arc<AtomicBool>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) overflow: Overflow,
}

impl Outlet {
    pub(super) fn gauge(&self) -> &GaugeCell {
        &self.gauges[self.index]
    }

    /// Begins a push; false where the recording has ended. Whatever begins before the end is waited for.
    fn begin(&self) -> bool {
        self.gauge().begin_push();
        let runs = !self.stopping.load(Ordering::SeqCst);
        if !runs {
            self.gauge().end_push();
        }
        runs
    }

    fn send(&self, message: Message) -> Pushed {
        let item = Item::Message(message);
        self.counted(|| match self.overflow {
            Overflow::Wait => self.queue.send(item).map_or(Pushed::Stopped, |()| Pushed::Taken),
            Overflow::DeclareGap => sent(&self.queue.try_send(item)),
        })
    }

    /// Counts a message as taken while, and only if, `send` takes it.
    pub(super) fn counted(&self, send: impl FnOnce() -> Pushed) -> Pushed {
        self.gauge().taken();
        let pushed = send();
        if pushed != Pushed::Taken {
            self.gauge().not_taken();
        }
        pushed
    }
}

/// What became of a message that was offered to a queue.
pub(super) fn sent<T>(result: &Result<(), TrySendError<T>>) -> Pushed {
    match result {
        Ok(()) => Pushed::Taken,
        Err(TrySendError::Full(_)) => Pushed::Dropped,
        Err(TrySendError::Disconnected(_)) => Pushed::Stopped,
    }
}

/// The end of a stream that a driver holds.
#[derive(Debug)]
pub struct Producer {
    outlet: Outlet,
    encode: Option<Encode>,
    /// Dropped since the last message that was taken.
    dropped: u64,
    /// Why the first of them was.
    reason: GapReason,
    /// A camera's own H.264 lost a frame: nothing can be shown before the next key frame.
    awaits_key: bool,
    passes_video: bool,
}

impl Producer {
    pub(super) fn plain(outlet: Outlet, passes_video: bool) -> Self {
        let reason = GapReason::QueueOverflow;
        Self { outlet, encode: None, dropped: 0, reason, awaits_key: passes_video, passes_video }
    }

    pub(super) fn encoding(outlet: Outlet, encode: Encode) -> Self {
        let mut producer = Self::plain(outlet, false);
        producer.encode = Some(encode);
        producer
    }

    /// Gives a sample to the recording; log time is read here. Never waits for the disk.
    ///
    /// `host`: when it was received or taken, on the host's clock; `device`: what the device's own clock said. H.264
    /// that is passed through begins with a key frame, and begins anew with one after a frame was dropped: what comes
    /// before it shows nothing, is refused, and counts as missing.
    pub fn push(&mut self, device: Option<DeviceTime>, host: HostTime, sample: Sample) -> Pushed {
        self.within_push(|producer, log| producer.give(Stamp { device, host, log }, sample))
    }

    /// Gives a picture to the recording, which encodes it; only for a producer that was opened with a size.
    pub fn push_picture(&mut self, device: Option<DeviceTime>, host: HostTime, picture: RgbImage) -> Pushed {
        self.within_push(|producer, log| producer.give_picture(Stamp { device, host, log }, picture))
    }

    fn within_push(&mut self, give: impl FnOnce(&mut Self, LogTime) -> Pushed) -> Pushed {
        if !self.outlet.begin() {
            return Pushed::Stopped;
        }
        let log = self.outlet.clock.now();
        self.outlet.gauge().arrived(log);
        let pushed = give(self, log);
        self.outlet.gauge().end_push();
        pushed
    }

    fn give(&mut self, stamp: Stamp, sample: Sample) -> Pushed {
        if self.passes_video && self.must_skip(&sample) {
            return self.drop_one(GapReason::Refused);
        }
        let message = Message {
            stream: self.outlet.index,
            stamp,
            dropped_before: self.dropped,
            reason: self.reason,
            sample,
        };
        let pushed = self.outlet.send(message);
        self.awaits_key |= self.passes_video && pushed == Pushed::Dropped;
        self.settle(pushed, GapReason::QueueOverflow)
    }

    fn give_picture(&mut self, stamp: Stamp, picture: RgbImage) -> Pushed {
        let Some(encode) = &mut self.encode else { return self.drop_one(GapReason::Refused) };
        let (pushed, reason) = encode.push(&self.outlet, stamp, picture, (self.dropped, self.reason));
        self.settle(pushed, reason)
    }

    fn settle(&mut self, pushed: Pushed, reason: GapReason) -> Pushed {
        match pushed {
            Pushed::Taken => self.dropped = 0,
            Pushed::Dropped => return self.drop_one(reason),
            Pushed::Stopped => {}
        }
        pushed
    }

    fn must_skip(&mut self, sample: &Sample) -> bool {
        let is_key = matches!(sample, Sample::Video(VideoFrame { is_key: true, .. }));
        self.awaits_key &= !is_key;
        self.awaits_key
    }

    fn drop_one(&mut self, reason: GapReason) -> Pushed {
        if self.dropped == 0 {
            self.reason = reason;
        }
        self.dropped += 1;
        self.outlet.gauge().dropped(self.reason);
        Pushed::Dropped
    }
}

impl Drop for Producer {
    /// A push that ended in a panic is over too: nobody waits for it.
    fn drop(&mut self) {
        self.outlet.gauge().end_push();
    }
}
