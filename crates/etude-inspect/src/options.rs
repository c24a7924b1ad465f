//! How much of an episode an inspection looks at.

use serde::{Deserialize, Serialize};

/// Options of an inspection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// Which pictures are decoded.
    pub video: VideoDepth,
    /// Most pictures decoded of a camera with [`VideoDepth::KeyFrames`], spread evenly over the take.
    pub max_key_frames: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { video: VideoDepth::KeyFrames, max_key_frames: 64 }
    }
}

/// Which pictures of a video are decoded. Without the feature `ffmpeg` none can be, and a measurement says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VideoDepth {
    /// None: sizes, key frames and times only.
    Container,
    /// Key frames, when the take has ended.
    KeyFrames,
    /// Every frame, as it comes.
    AllFrames,
}
