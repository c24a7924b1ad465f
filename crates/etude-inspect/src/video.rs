//! Cameras: distance of key frames by looking at messages alone; black, clipped and frozen pictures by decoding.

#[cfg(feature = "ffmpeg")]
mod pictures;

use crate::array::Array;
use crate::definition::{Fill, measured, name};
use crate::options::Options;
#[cfg(feature = "ffmpeg")]
use crate::options::VideoDepth;
use etude_model::sample::VideoFrame;
use etude_model::{Measurement, Stamp, Topic};
#[cfg(feature = "ffmpeg")]
use pictures::Pictures;

/// What is known of a camera so far.
pub(crate) struct Video {
    frames: u64,
    since_key: u64,
    distance: u64,
    distance_span: (i64, i64),
    last_key_log_ns: i64,
    #[cfg(feature = "ffmpeg")]
    pictures: Pictures,
}

impl Video {
    pub(crate) fn new(options: &Options) -> Self {
        #[cfg(not(feature = "ffmpeg"))]
        let _ = options;
        Self {
            frames: 0,
            since_key: 0,
            distance: 0,
            distance_span: (0, 0),
            last_key_log_ns: 0,
            #[cfg(feature = "ffmpeg")]
            pictures: Pictures::new(options),
        }
    }

    /// Number of frames.
    pub(crate) const fn frames(&self) -> u64 {
        self.frames
    }

    /// Takes a frame.
    pub(crate) fn push(&mut self, stamp: &Stamp, frame: &VideoFrame) {
        let log_ns = stamp.log.ns();
        if self.frames == 0 {
            self.last_key_log_ns = log_ns;
        }
        self.frames += 1;
        if frame.is_key {
            self.distance_at_end(log_ns);
            self.last_key_log_ns = log_ns;
            self.since_key = 0;
        }
        self.since_key += 1;
        self.distance_at_end(log_ns);
        #[cfg(feature = "ffmpeg")]
        self.pictures.push(stamp, frame);
    }

    /// Ends the take for this camera: what was put off is decoded now.
    #[cfg_attr(
        not(feature = "ffmpeg"),
        expect(clippy::unused_self, reason = "one signature with and without pictures")
    )]
    pub(crate) fn settle(&mut self) {
        #[cfg(feature = "ffmpeg")]
        self.pictures.settle();
    }

    /// Mean luma of blocks of the picture over time, for comparison with the joints' motion; only with every frame
    /// decoded.
    #[cfg_attr(
        not(feature = "ffmpeg"),
        expect(clippy::unused_self, reason = "one signature with and without pictures")
    )]
    pub(crate) fn motion(&self) -> Option<&Array> {
        #[cfg(feature = "ffmpeg")]
        return self.pictures.motion();
        #[cfg(not(feature = "ffmpeg"))]
        None
    }

    /// What is measured of this camera. `moved`: whether a joint moved between two instants of host time.
    pub(crate) fn finish(
        &self,
        topic: &Topic,
        options: &Options,
        moved: &dyn Fn(i64, i64) -> bool,
    ) -> Vec<Measurement> {
        let (from, to) = self.distance_span;
        let mut out = vec![measured(name::KEY_DISTANCE).on(topic).value(self.distance as f64).span(from, to)];
        out.extend(self.finish_pictures(topic, options, moved));
        out
    }

    #[cfg(feature = "ffmpeg")]
    fn finish_pictures(
        &self,
        topic: &Topic,
        options: &Options,
        moved: &dyn Fn(i64, i64) -> bool,
    ) -> Vec<Measurement> {
        match options.video {
            VideoDepth::Container => {
                vec![measured(name::VIDEO_DECODED).on(topic).detail("pictures were not asked for")]
            }
            VideoDepth::KeyFrames | VideoDepth::AllFrames => self.pictures.finish(topic, moved),
        }
    }

    #[cfg(not(feature = "ffmpeg"))]
    #[expect(clippy::unused_self, reason = "one signature with and without pictures")]
    fn finish_pictures(
        &self,
        topic: &Topic,
        _options: &Options,
        _moved: &dyn Fn(i64, i64) -> bool,
    ) -> Vec<Measurement> {
        let words = "this build cannot decode pictures (feature `ffmpeg` is off)";
        vec![measured(name::VIDEO_DECODED).on(topic).detail(words)]
    }

    fn distance_at_end(&mut self, log_ns: i64) {
        if self.since_key > self.distance {
            self.distance = self.since_key;
            self.distance_span = (self.last_key_log_ns, log_ns);
        }
    }
}
