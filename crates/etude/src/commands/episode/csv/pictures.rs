//! The pictures of a stream: coded frames into an MP4 file as they are, depth images into PNG files.

use anyhow::Context;
use etude_model::StreamSpec;
use etude_model::sample::{DepthImage, VideoFrame};
use std::fs::{self, File};
use std::io::BufWriter;
use std::path::PathBuf;

pub(super) use mp4::Mp4;

/// Depth images as 16-bit PNG files in mm, named by their row.
pub(super) struct DepthImages {
    folder: PathBuf,
    count: u64,
}

impl DepthImages {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder, count: 0 }
    }

    pub(super) fn push(&mut self, image: &DepthImage) -> anyhow::Result<()> {
        let path = self.folder.join(format!("{:06}.png", self.count));
        let failed = || format!("{} cannot be written", path.display());
        fs::create_dir_all(&self.folder).with_context(failed)?;
        let file = BufWriter::new(File::create_new(&path).with_context(failed)?);
        let mut encoder = png::Encoder::new(file, image.width, image.height);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.set_depth(png::BitDepth::Sixteen);
        let bytes: Vec<u8> = image.depth_mm.iter().flat_map(|depth| depth.to_be_bytes()).collect();
        encoder.write_header().and_then(|mut png| png.write_image_data(&bytes)).with_context(failed)?;
        self.count += 1;
        Ok(())
    }

    /// What was written, for people.
    pub(super) fn finish(self) -> String {
        if self.count == 0 {
            String::new()
        } else {
            format!("{}/ ({} PNG)", self.folder.display(), self.count)
        }
    }
}

#[cfg(feature = "ffmpeg")]
mod mp4 {
    use super::{PathBuf, StreamSpec, VideoFrame};
    use etude_video::{AccessUnit, Codec, Decoder, FrameRate, Mp4Writer, VideoTrack};

    /// Coded frames on their way into an MP4 file, copied as they are.
    pub(in super::super) struct Mp4 {
        path: PathBuf,
        frame_rate: Option<FrameRate>,
        writer: Option<Mp4Writer>,
        frames: u64,
        problem: Option<String>,
    }

    impl Mp4 {
        pub(in super::super) fn new(path: PathBuf, spec: &StreamSpec) -> Self {
            // Thousandths of a hertz are as exact as a description of a stream is.
            let frame_rate = spec.rate_hz.and_then(|hz| FrameRate::new((hz * 1000.0).round() as u32, 1000));
            Self { path, frame_rate, writer: None, frames: 0, problem: None }
        }

        /// Takes the next frame; after the first problem, none.
        pub(in super::super) fn push(&mut self, frame: &VideoFrame) {
            if self.problem.is_none()
                && let Err(problem) = self.write(frame)
            {
                self.problem = Some(format!("the video ends after {} frames: {problem}", self.frames));
            }
        }

        fn write(&mut self, frame: &VideoFrame) -> Result<(), String> {
            let name = frame.format.name();
            let codec = Codec::from_foxglove_name(name).ok_or_else(|| format!("{name} is not known"))?;
            let unit = AccessUnit { data: frame.data.to_vec(), is_key: frame.is_key, codec };
            let writer = if let Some(writer) = &mut self.writer {
                writer
            } else {
                let rate = self.frame_rate.or_else(|| FrameRate::from_hz(30)).ok_or("no frame rate")?;
                let (width, height) = size(&unit)?;
                let track = VideoTrack::new(codec, width, height, rate);
                let writer = Mp4Writer::create(&self.path, track).map_err(|error| error.to_string())?;
                self.writer.insert(writer)
            };
            writer.push(&unit, self.frames).map_err(|error| error.to_string())?;
            self.frames += 1;
            Ok(())
        }

        /// What was written, for people, or what is missing in it.
        pub(in super::super) fn finish(self) -> Result<String, String> {
            let written =
                self.writer.map(Mp4Writer::finish).transpose().map_err(|error| error.to_string())?;
            match (self.problem, written) {
                (Some(problem), _) => Err(problem),
                (None, None) => Ok(String::new()),
                (None, Some(summary)) => Ok(format!("{} ({} frames)", self.path.display(), summary.frames)),
            }
        }
    }

    /// Width and height, which only a decoder knows of every codec.
    fn size(unit: &AccessUnit) -> Result<(u32, u32), String> {
        let decode = || {
            let mut decoder = Decoder::new(unit.codec)?;
            decoder.send(unit, 0)?;
            decoder.drain()?;
            decoder.receive()
        };
        let frame = decode().map_err(|error| error.to_string())?;
        frame
            .map(|frame| (frame.width(), frame.height()))
            .ok_or_else(|| "its first frame shows nothing".to_owned())
    }
}

#[cfg(not(feature = "ffmpeg"))]
mod mp4 {
    use super::{PathBuf, StreamSpec, VideoFrame};

    /// Counts the frames that this build cannot write.
    pub(in super::super) struct Mp4 {
        frames: u64,
    }

    impl Mp4 {
        pub(in super::super) fn new(_: PathBuf, _: &StreamSpec) -> Self {
            Self { frames: 0 }
        }

        pub(in super::super) fn push(&mut self, _: &VideoFrame) {
            self.frames += 1;
        }

        pub(in super::super) fn finish(self) -> Result<String, String> {
            if self.frames == 0 {
                return Ok(String::new());
            }
            Err(format!("{} frames are left out: this program was built without FFmpeg", self.frames))
        }
    }
}
