//! Pictures out of a video file: one after another, by number, or only the key frames.

use std::path::{Path, PathBuf};

use crate::decoder::{DecodeError, DecodedFrame, Decoder, FrameHash};
use crate::frame::RgbImage;
use crate::mp4_reader::{Mp4Error, Mp4Reader, VideoInfo, VideoPacket};

/// Seeks that may land behind the wanted frame before giving up; one per key frame passed over.
const MAX_SEEKS: usize = 8;

/// A picture could not be got out of a file.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file could not be read.
    #[error(transparent)]
    File(#[from] Mp4Error),
    /// A frame could not be decoded.
    #[error("{}: {source}", path.display())]
    Decode {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        source: DecodeError,
    },
    /// The file holds no such frame.
    #[error("{}: no frame {frame}", path.display())]
    NoSuchFrame {
        /// The file.
        path: PathBuf,
        /// The frame's number, from 0.
        frame: u64,
    },
    /// Frames cannot be counted because the file tells no frame rate.
    #[error("{}: the file tells no frame rate, so frames have no numbers", path.display())]
    NoFrameRate {
        /// The file.
        path: PathBuf,
    },
    /// The decoder gave another number of pictures than the file has units.
    #[error("{}: {packets} coded frames gave {pictures} pictures", path.display())]
    Count {
        /// The file.
        path: PathBuf,
        /// Coded frames that should each give a picture.
        packets: u64,
        /// Pictures that came.
        pictures: u64,
    },
}

/// The pictures of a file in presentation order. Keeps its decoder open, which halves the cost of random reads.
pub struct FrameReader {
    reader: Mp4Reader,
    decoder: Decoder,
    only_key: bool,
    /// A packet read ahead by a seek.
    pending: Option<VideoPacket>,
    /// Decoding and presentation time of the last packet sent and picture given.
    last_dts: Option<i64>,
    last_pts: Option<i64>,
    /// A picture that a seek met and that is to be given next.
    ready: Option<DecodedFrame>,
    packets: u64,
    pictures: u64,
    from_start: bool,
    state: State,
}

/// How far a reader is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Packets may follow.
    Reading,
    /// The last packet is sent; the decoder may hold pictures.
    Draining,
    /// Nothing follows.
    Finished,
}

impl FrameReader {
    /// Opens a file for all of its frames.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, ReadError> {
        Self::new(path.as_ref(), false)
    }

    /// Opens a file for its key frames alone; the others are neither read in full nor decoded.
    pub fn open_key_frames(path: impl AsRef<Path>) -> Result<Self, ReadError> {
        Self::new(path.as_ref(), true)
    }

    fn new(path: &Path, only_key: bool) -> Result<Self, ReadError> {
        let reader = Mp4Reader::open(path)?;
        let decoder = Decoder::new(reader.info().codec)
            .map_err(|source| ReadError::Decode { path: path.to_path_buf(), source })?;
        Ok(Self {
            reader,
            decoder,
            only_key,
            pending: None,
            last_dts: None,
            last_pts: None,
            ready: None,
            packets: 0,
            pictures: 0,
            from_start: true,
            state: State::Reading,
        })
    }

    /// What the file says of its video.
    pub fn info(&self) -> &VideoInfo {
        self.reader.info()
    }

    /// The next picture; `None` at the end.
    pub fn next_frame(&mut self) -> Result<Option<DecodedFrame>, ReadError> {
        if let Some(frame) = self.ready.take() {
            return Ok(Some(frame));
        }
        while self.state != State::Finished {
            if let Some(frame) = self.decoder.receive().map_err(|source| self.fault(source))? {
                self.pictures += 1;
                self.last_pts = Some(frame.pts());
                return Ok(Some(frame));
            }
            if self.state == State::Draining {
                self.state = State::Finished;
                self.check_count()?;
                break;
            }
            self.feed()?;
        }
        Ok(None)
    }

    /// Moves so that [`next_frame`](Self::next_frame) gives frame `index`, counted from 0 in presentation order under
    /// the file's constant frame rate. Decodes from the previous key frame, or simply onwards where that is nearer.
    pub fn seek_frame(&mut self, index: u64) -> Result<(), ReadError> {
        let path = || self.reader.path().to_path_buf();
        let target = self.info().frame_ticks(index).ok_or_else(|| ReadError::NoFrameRate { path: path() })?;
        let missing = ReadError::NoSuchFrame { path: path(), frame: index };
        let following = self.info().frame_ticks(index + 1).unwrap_or(target + 1);
        let half = (following - target).max(2) / 2;
        if !self.can_decode_onwards(target - half) {
            self.seek_before(target + half)?;
        }
        while let Some(frame) = self.next_frame()? {
            let pts = frame.pts();
            if pts >= target - half {
                self.ready = Some(frame);
                return if pts <= target + half { Ok(()) } else { Err(missing) };
            }
        }
        Err(missing)
    }

    /// Frame `index`, counted from 0 in presentation order; see [`seek_frame`](Self::seek_frame).
    pub fn frame_at(&mut self, index: u64) -> Result<DecodedFrame, ReadError> {
        self.seek_frame(index)?;
        let frame = self.next_frame()?;
        frame.ok_or_else(|| ReadError::NoSuchFrame { path: self.reader.path().to_path_buf(), frame: index })
    }

    /// Whether the wanted picture lies ahead with no key frame in between.
    fn can_decode_onwards(&self, target: i64) -> bool {
        if self.state != State::Reading {
            return false;
        }
        let next_is_ahead = match &self.ready {
            Some(frame) => frame.pts() <= target,
            None => self.last_pts.is_none_or(|last| last < target),
        };
        let sent = self.last_dts.unwrap_or(i64::MIN);
        next_is_ahead && !self.reader.has_key_between(sent, target)
    }

    /// Moves the file to a key frame shown at or before `target` and clears the decoder.
    fn seek_before(&mut self, target: i64) -> Result<(), ReadError> {
        self.decoder.reset();
        self.ready = None;
        self.from_start = false;
        self.state = State::Reading;
        self.last_dts = None;
        self.last_pts = None;
        let mut wanted = target;
        for _ in 0..MAX_SEEKS {
            self.reader.seek_key(wanted)?;
            self.pending = self.reader.next_packet()?;
            match &self.pending {
                // Decoding times run ahead of presentation, so a seek can land one key frame too late.
                Some(packet) if packet.pts_ticks > target => {
                    if packet.dts_ticks >= wanted && wanted < target {
                        break;
                    }
                    wanted = packet.dts_ticks.min(wanted) - 1;
                }
                _ => break,
            }
        }
        Ok(())
    }

    /// Sends one packet to the decoder, or tells it that there are no more.
    fn feed(&mut self) -> Result<(), ReadError> {
        let packet = match self.pending.take() {
            Some(packet) => Some(packet),
            None if self.only_key => self.reader.next_key_packet()?,
            None => self.reader.next_packet()?,
        };
        let result = if let Some(packet) = packet {
            self.packets += u64::from(!packet.is_hidden);
            self.last_dts = Some(packet.dts_ticks);
            self.decoder.send_unit(&packet.unit, packet.pts_ticks, packet.is_hidden)
        } else {
            self.state = State::Draining;
            self.decoder.drain()
        };
        result.map_err(|source| self.fault(source))
    }

    fn check_count(&self) -> Result<(), ReadError> {
        let (packets, pictures) = (self.packets, self.pictures);
        if self.from_start && packets != pictures {
            return Err(ReadError::Count { path: self.reader.path().to_path_buf(), packets, pictures });
        }
        Ok(())
    }

    fn fault(&self, source: DecodeError) -> ReadError {
        ReadError::Decode { path: self.reader.path().to_path_buf(), source }
    }
}

impl Iterator for FrameReader {
    type Item = Result<DecodedFrame, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        let item = self.next_frame().transpose();
        if matches!(item, Some(Err(_))) {
            self.state = State::Finished;
        }
        item
    }
}

impl std::fmt::Debug for FrameReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FrameReader").field("reader", &self.reader).finish_non_exhaustive()
    }
}

/// Every picture of a file with its presentation time in seconds.
pub fn decode_file(
    path: impl AsRef<Path>,
) -> Result<impl Iterator<Item = Result<(f64, RgbImage), ReadError>>, ReadError> {
    let frames = FrameReader::open(path)?;
    let info = frames.info().clone();
    let path = frames.reader.path().to_path_buf();
    Ok(frames.map(move |frame| {
        let frame = frame?;
        let rgb = frame.to_rgb().map_err(|source| ReadError::Decode { path: path.clone(), source })?;
        Ok((info.seconds(frame.pts()), rgb))
    }))
}

/// The fingerprint of every decoded picture of a file, to prove that two files show the same.
pub fn hash_file(path: impl AsRef<Path>) -> Result<Vec<FrameHash>, ReadError> {
    FrameReader::open(path)?.map(|frame| frame.map(|frame| frame.hash())).collect()
}
