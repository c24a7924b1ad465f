//! What decoded pictures show: black, clipped, frozen, and how they move.

use crate::array::{Array, Label};
use crate::channel::{At, Role};
use crate::definition::{Fill, measured, name};
use crate::options::{Options, VideoDepth};
use crate::scale::Scale;
use etude_model::sample::{VideoFormat, VideoFrame};
use etude_model::{Measurement, Stamp, Topic, Unit};
use etude_video::{AccessUnit, Codec, DecodedFrame, Decoder, StillStats};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Blocks across and down that a picture's motion is taken of.
const BLOCKS: (usize, usize) = (16, 12);
/// Mean luma below which a picture may be black.
const BLACK_MEAN: f64 = 10.0;
/// Deviation of luma below which it is.
const BLACK_DEVIATION: f64 = 6.0;
/// Runs of identical pictures that are remembered.
const MAX_RUNS: usize = 64;
/// Frames sent to the decoder whose pictures have not come back yet.
const MAX_IN_FLIGHT: usize = 64;

/// What is known of a camera's pictures so far.
pub(super) struct Pictures {
    depth: VideoDepth,
    max_kept: usize,
    kept: Vec<Kept>,
    keys: u64,
    stride: u64,
    decoder: Option<(Codec, Decoder)>,
    in_flight: BTreeMap<i64, Stamp>,
    sent: i64,
    decoded: u64,
    unreadable: u64,
    first_error: Option<(i64, String)>,
    black: Seen,
    bright: f64,
    run: Option<Run>,
    runs: Vec<Run>,
    motion: Option<Array>,
}

/// A key frame put aside until the take has ended.
struct Kept {
    stamp: Stamp,
    format: VideoFormat,
    data: Arc<[u8]>,
}

/// A run of identical pictures.
#[derive(Clone, Copy)]
struct Run {
    hash: u64,
    from: Stamp,
    to: Stamp,
}

impl Run {
    const fn length_ns(&self) -> i64 {
        self.to.host.ns().saturating_sub(self.from.host.ns())
    }
}

#[derive(Clone, Copy, Default)]
struct Seen {
    count: u64,
    from: i64,
    to: i64,
}

impl Pictures {
    pub(super) fn new(options: &Options) -> Self {
        Self {
            depth: options.video,
            max_kept: options.max_key_frames.max(2),
            kept: Vec::new(),
            keys: 0,
            stride: 1,
            decoder: None,
            in_flight: BTreeMap::new(),
            sent: 0,
            decoded: 0,
            unreadable: 0,
            first_error: None,
            black: Seen::default(),
            bright: 0.0,
            run: None,
            runs: Vec::new(),
            motion: (options.video == VideoDepth::AllFrames).then(block_array),
        }
    }

    pub(super) fn push(&mut self, stamp: &Stamp, frame: &VideoFrame) {
        match self.depth {
            VideoDepth::KeyFrames if frame.is_key => self.keep(stamp, frame),
            VideoDepth::Container | VideoDepth::KeyFrames => {}
            VideoDepth::AllFrames => self.decode(stamp, frame.format, frame.is_key, &frame.data),
        }
    }

    /// Decodes what was kept and takes what the decoder still holds.
    pub(super) fn settle(&mut self) {
        for kept in std::mem::take(&mut self.kept) {
            self.decode(&kept.stamp, kept.format, true, &kept.data);
        }
        if let Some((_, decoder)) = &mut self.decoder {
            if let Err(error) = decoder.drain() {
                let text = error.to_string();
                self.fail(0, text);
            }
            self.receive();
        }
        if let Some(run) = self.run.take() {
            self.end_run(run);
        }
    }

    pub(super) fn motion(&self) -> Option<&Array> {
        self.motion.as_ref()
    }

    pub(super) fn finish(&self, topic: &Topic, moved: &dyn Fn(i64, i64) -> bool) -> Vec<Measurement> {
        let filled = |name| measured(name).on(topic);
        let which = if self.depth == VideoDepth::AllFrames { "every frame" } else { "key frames, evenly" };
        let mut out = vec![filled(name::VIDEO_DECODED).value(self.decoded as f64).detail(which)];
        let unreadable = filled(name::VIDEO_UNREADABLE).value(self.unreadable as f64);
        out.push(match &self.first_error {
            Some((log_ns, text)) => unreadable.span(*log_ns, *log_ns).detail(text.as_str()),
            None => unreadable,
        });
        if self.decoded == 0 {
            return out;
        }
        let share = self.black.count as f64 / self.decoded as f64;
        let black = filled(name::VIDEO_BLACK).value(share);
        out.push(if self.black.count > 0 { black.span(self.black.from, self.black.to) } else { black });
        out.push(filled(name::VIDEO_CLIPPED).value(self.bright / self.decoded as f64));
        let frozen = self
            .runs
            .iter()
            .filter(|run| moved(run.from.host.ns(), run.to.host.ns()))
            .max_by_key(|run| run.length_ns());
        let seconds = frozen.map_or(0.0, |run| run.length_ns() as f64 * 1e-9);
        let frozen_measured = filled(name::VIDEO_FROZEN).value(seconds);
        out.push(match frozen {
            Some(run) => frozen_measured.span(run.from.log.ns(), run.to.log.ns()),
            None => frozen_measured,
        });
        out
    }

    /// Keeps every `stride`th key frame; doubles the stride when there are too many.
    fn keep(&mut self, stamp: &Stamp, frame: &VideoFrame) {
        if self.keys.is_multiple_of(self.stride) {
            if self.kept.len() >= self.max_kept {
                let mut index = 0;
                self.kept.retain(|_| {
                    index += 1;
                    index % 2 == 1
                });
                self.stride *= 2;
            }
            if self.keys.is_multiple_of(self.stride) {
                self.kept.push(Kept { stamp: *stamp, format: frame.format, data: Arc::clone(&frame.data) });
            }
        }
        self.keys += 1;
    }

    fn decode(&mut self, stamp: &Stamp, format: VideoFormat, is_key: bool, data: &[u8]) {
        let codec = match format {
            VideoFormat::H264 => Codec::H264,
            VideoFormat::H265 => Codec::H265,
            VideoFormat::Av1 => Codec::Av1,
            VideoFormat::Vp9 => Codec::Vp9,
        };
        if self.decoder.as_ref().is_none_or(|(other, _)| *other != codec) {
            match Decoder::new(codec) {
                Ok(decoder) => self.decoder = Some((codec, decoder)),
                Err(error) => return self.fail(stamp.log.ns(), error.to_string()),
            }
        }
        let Some((_, decoder)) = &mut self.decoder else { return };
        let unit = AccessUnit { data: data.to_vec(), is_key, codec };
        self.sent += 1;
        self.in_flight.insert(self.sent, *stamp);
        if let Err(error) = decoder.send(&unit, self.sent) {
            self.in_flight.remove(&self.sent);
            return self.fail(stamp.log.ns(), error.to_string());
        }
        self.receive();
        while self.in_flight.len() > MAX_IN_FLIGHT {
            if let Some((_, lost)) = self.in_flight.pop_first() {
                self.fail(lost.log.ns(), "no picture came of this frame".to_owned());
            }
        }
    }

    fn receive(&mut self) {
        while let Some((_, decoder)) = &mut self.decoder {
            match decoder.receive() {
                Ok(Some(frame)) => self.picture(&frame),
                Ok(None) => return,
                Err(error) => return self.fail(0, error.to_string()),
            }
        }
    }

    fn picture(&mut self, frame: &DecodedFrame) {
        let Some(stamp) = self.in_flight.remove(&frame.pts()) else { return };
        if frame.is_damaged() {
            return self.fail(stamp.log.ns(), "the picture is damaged".to_owned());
        }
        match frame.stats() {
            Ok(stats) => self.still(stamp, &stats),
            Err(error) => return self.fail(stamp.log.ns(), error.to_string()),
        }
        let Some(motion) = &mut self.motion else { return };
        match frame.to_rgb() {
            Ok(image) => {
                let blocks = block_means(image.data(), image.width() as usize, image.height() as usize);
                let at = At { own_ns: stamp.host.ns(), log_ns: stamp.log.ns(), min_interval_ns: 0 };
                motion.push(&blocks, at, stamp.host.ns());
            }
            Err(error) => self.fail(stamp.log.ns(), error.to_string()),
        }
    }

    fn still(&mut self, stamp: Stamp, stats: &StillStats) {
        self.decoded += 1;
        self.bright += stats.bright_share;
        if stats.mean_luma < BLACK_MEAN && stats.std_luma < BLACK_DEVIATION {
            if self.black.count == 0 {
                self.black.from = stamp.log.ns();
            }
            self.black.to = stamp.log.ns();
            self.black.count += 1;
        }
        match &mut self.run {
            Some(run) if run.hash == stats.exact_hash => run.to = stamp,
            run => {
                let ended = run.replace(Run { hash: stats.exact_hash, from: stamp, to: stamp });
                if let Some(ended) = ended {
                    self.end_run(ended);
                }
            }
        }
    }

    fn end_run(&mut self, run: Run) {
        if run.length_ns() <= 0 {
            return;
        }
        self.runs.push(run);
        if self.runs.len() > 2 * MAX_RUNS {
            self.runs.sort_by_key(|run| std::cmp::Reverse(run.length_ns()));
            self.runs.truncate(MAX_RUNS);
        }
    }

    fn fail(&mut self, log_ns: i64, text: String) {
        self.unreadable += 1;
        self.first_error.get_or_insert((log_ns, text));
    }
}

fn block_array() -> Array {
    let scale = Scale { position: None, velocity: None, effort: None, span: 1.0 };
    let label =
        |index: usize| Label { name: format!("block {index}"), unit: Unit::Count, scale, of_hand: false };
    Array::new(Role::Other, (0..BLOCKS.0 * BLOCKS.1).map(label).collect()).with_motion()
}

/// Mean of the green channel, the largest part of luma, per block, \[row, column\].
fn block_means(rgb: &[u8], width: usize, height: usize) -> Vec<f64> {
    let mut sums = vec![(0u64, 0u64); BLOCKS.0 * BLOCKS.1];
    let block_width = width.div_ceil(BLOCKS.0).max(1);
    let block_height = height.div_ceil(BLOCKS.1).max(1);
    for (y, row) in rgb.chunks_exact(width.max(1) * 3).enumerate() {
        let first = (y / block_height) * BLOCKS.0;
        for (block, pixels) in sums.iter_mut().skip(first).zip(row.chunks(block_width * 3)) {
            block.0 += pixels.iter().skip(1).step_by(3).map(|green| u64::from(*green)).sum::<u64>();
            block.1 += (pixels.len() / 3) as u64;
        }
    }
    sums.iter().map(|(sum, count)| *sum as f64 / (*count).max(1) as f64).collect()
}
