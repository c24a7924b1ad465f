//! Cameras that send pictures: each is encoded once, as it is recorded.
//!
//! In real time every camera has an encoder thread behind a short queue; a late encoder costs whole pictures, which
//! become a declared gap, and the video has exactly one frame per message. In simulated time the encoder works where
//! the picture is pushed.

use crate::recorder::gauge::GaugeCell;
use crate::recorder::producer::{Outlet, sent};
use crate::recorder::writer::{Item, Message};
use crate::recorder::{Overflow, Producer, Pushed, RecorderError, RecorderOptions};
use etude_model::gap::GapReason;
use etude_model::sample::{VideoFormat, VideoFrame};
use etude_model::{Sample, Stamp};
use etude_video::{EncodeError, FrameRate, H264Encoder, H264Settings, RgbImage};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

/// One picture on its way to its encoder.
#[derive(Debug)]
pub(super) struct Shot {
    stamp: Stamp,
    picture: RgbImage,
    dropped_before: u64,
    reason: GapReason,
}

/// What an encoder's queue carries.
#[derive(Debug)]
pub(super) enum Work {
    Shot(Shot),
    /// The recording ends; nothing follows.
    End,
}

/// How a producer's pictures are encoded.
#[derive(Debug)]
pub(super) enum Encode {
    Here(Box<H264Encoder>),
    InThread(SyncSender<Work>),
}

/// A camera's encoder thread.
#[derive(Debug)]
pub(super) struct CameraLine {
    work: SyncSender<Work>,
    thread: JoinHandle<()>,
}

impl CameraLine {
    /// Waits until every picture that was pushed is encoded and queued; nobody pushes any more.
    pub(super) fn finish(self) -> Result<(), RecorderError> {
        // An encoder that is gone has found the writer gone; the writer says why.
        let _ = self.work.send(Work::End);
        self.thread.join().map_err(|_| RecorderError::Panicked { thread: "encoder" })
    }
}

/// Opens a producer that encodes.
pub(super) fn open(
    outlet: Outlet,
    (width, height): (u32, u32),
    rate: FrameRate,
    options: RecorderOptions,
) -> Result<(Producer, Option<CameraLine>), RecorderError> {
    let encoder = H264Encoder::new(H264Settings::new(width, height, rate))?;
    if options.overflow == Overflow::Wait {
        return Ok((Producer::encoding(outlet, Encode::Here(Box::new(encoder))), None));
    }
    let (work, waiting) = sync_channel(options.picture_queue);
    let line = Line {
        encoder,
        stream: outlet.index,
        queue: outlet.queue.clone(),
        gauges: Arc::clone(&outlet.gauges),
        refused: 0,
    };
    let thread = std::thread::Builder::new()
        .name(format!("encoder-{}", line.stream))
        .spawn(move || line.run(&waiting))
        .map_err(RecorderError::Thread)?;
    let producer = Producer::encoding(outlet, Encode::InThread(work.clone()));
    Ok((producer, Some(CameraLine { work, thread })))
}

impl Encode {
    /// What became of a picture, and why it was dropped if it was.
    pub(super) fn push(
        &mut self,
        outlet: &Outlet,
        stamp: Stamp,
        picture: RgbImage,
        (dropped_before, reason): (u64, GapReason),
    ) -> (Pushed, GapReason) {
        let shot = Shot { stamp, picture, dropped_before, reason };
        match self {
            Self::Here(encoder) => match encoded(encoder, outlet.index, &shot) {
                Ok(item) => {
                    let send = || outlet.queue.send(item).map_or(Pushed::Stopped, |()| Pushed::Taken);
                    (outlet.counted(send), GapReason::QueueOverflow)
                }
                Err(_) => (Pushed::Dropped, GapReason::Refused),
            },
            Self::InThread(work) => {
                (outlet.counted(|| sent(&work.try_send(Work::Shot(shot)))), GapReason::EncoderLate)
            }
        }
    }
}

/// What an encoder's thread holds.
struct Line {
    encoder: H264Encoder,
    stream: usize,
    queue: SyncSender<Item>,
    gauges: Arc<[GaugeCell]>,
    /// Pictures without a message since the last one that has one, because the encoder refused them.
    refused: u64,
}

impl Line {
    fn run(mut self, waiting: &Receiver<Work>) {
        while let Ok(Work::Shot(mut shot)) = waiting.recv() {
            if self.refused > 0 {
                shot.dropped_before += self.refused;
                shot.reason = GapReason::Refused;
            }
            // A picture that cannot be encoded (a size that changed) is missing like one that came too late.
            let Ok(item) = encoded(&mut self.encoder, self.stream, &shot) else {
                self.refused = shot.dropped_before + 1;
                self.gauges[self.stream].not_taken();
                self.gauges[self.stream].dropped(GapReason::Refused);
                continue;
            };
            self.refused = 0;
            if self.queue.send(item).is_err() {
                return;
            }
        }
    }
}

fn encoded(encoder: &mut H264Encoder, stream: usize, shot: &Shot) -> Result<Item, EncodeError> {
    let unit = encoder.encode(&shot.picture.as_frame())?;
    let frame = VideoFrame { format: VideoFormat::H264, is_key: unit.is_key, data: unit.data.into() };
    Ok(Item::Message(Message {
        stream,
        stamp: shot.stamp,
        dropped_before: shot.dropped_before,
        reason: shot.reason,
        sample: Sample::Video(frame),
    }))
}
