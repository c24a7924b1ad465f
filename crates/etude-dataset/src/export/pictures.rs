//! A camera's coded frames and decoded pictures, in the order of an episode's rows.

use super::error::Error;
use etude_episode::{Episode, Message, ReadError};
use etude_model::sample::{Sample, VideoFrame};
use etude_model::{LogTime, Topic};
use etude_video::{AccessUnit, Codec, Decoder, RgbImage};

/// What is known of each frame of an episode's camera before any is written.
#[derive(Clone, Debug)]
pub struct FrameFacts {
    /// Whether decoding can begin there, \[frame\].
    pub is_key: Vec<bool>,
    /// Sizes, \[frame\], bytes.
    pub bytes: Vec<u64>,
    /// Log times, \[frame\], ascending.
    log: Vec<LogTime>,
}

impl FrameFacts {
    /// Reads them; no frame is kept.
    pub fn of(episode: &Episode, topic: &Topic) -> Result<Self, Error> {
        let mut facts = Self { is_key: Vec::new(), bytes: Vec::new(), log: Vec::new() };
        let subject = subject(episode, topic);
        let messages = episode.messages(&[topic.as_str()], ..);
        for message in messages.map_err(|error| unreadable(&subject, &error))? {
            let message = message.map_err(|error| unreadable(&subject, &error))?;
            facts.log.push(message.stamp.log);
            let frame = frame_of(message, &subject)?;
            facts.is_key.push(frame.is_key);
            facts.bytes.push(frame.data.len() as u64);
        }
        Ok(facts)
    }

    /// The last frame at or before this one at which decoding can begin; the first of all where there is none.
    fn key_before(&self, frame: u64) -> u64 {
        let until = usize::try_from(frame).map_or(usize::MAX, |frame| frame.saturating_add(1));
        let known = self.is_key.get(..until.min(self.is_key.len())).unwrap_or_default();
        known.iter().rposition(|is_key| *is_key).unwrap_or(0) as u64
    }

    /// Whether decoding can begin at a frame.
    pub fn starts_at_key(&self, frame: u64) -> bool {
        self.is_key.get(frame as usize) == Some(&true)
    }
}

/// A camera's coded frames from the one with this number on, one after another; what lies before is not read.
pub fn frames_from<'e>(
    episode: &'e Episode,
    topic: &Topic,
    facts: &FrameFacts,
    first: u64,
) -> Result<impl Iterator<Item = Result<VideoFrame, Error>> + use<'e>, Error> {
    let subject = subject(episode, topic);
    let at = facts.log.get(first as usize).copied().unwrap_or(LogTime(i64::MAX));
    // Several frames may bear one log time.
    let before = (first as usize).saturating_sub(facts.log.partition_point(|log| *log < at));
    let messages = episode.messages(&[topic.as_str()], at..);
    let messages = messages.map_err(|error| unreadable(&subject, &error))?;
    Ok(messages
        .skip(before)
        .map(move |message| frame_of(message.map_err(|error| unreadable(&subject, &error))?, &subject)))
}

fn unreadable(subject: &str, error: &ReadError) -> Error {
    Error::Video { subject: subject.to_owned(), message: error.to_string() }
}

fn frame_of(message: Message, subject: &str) -> Result<VideoFrame, Error> {
    if let Sample::Video(frame) = message.sample {
        return Ok(frame);
    }
    Err(Error::Video { subject: subject.to_owned(), message: "a message is no frame of video".to_owned() })
}

/// Calls `each` with every row's number and picture, in order. `wanted`: the frame of each row, ascending; a frame
/// that several rows want is decoded once. Decoding begins at the last key frame before the first that is wanted. One
/// picture is in memory at a time.
pub fn pictures<E: From<Error>>(
    episode: &Episode,
    topic: &Topic,
    facts: &FrameFacts,
    wanted: &[u64],
    each: &mut dyn FnMut(usize, &RgbImage) -> Result<(), E>,
) -> Result<(), E> {
    let subject = subject(episode, topic);
    let failed = |message: &str| Error::Video { subject: subject.clone(), message: message.to_owned() };
    let mut rows = wanted.iter().copied().enumerate().peekable();
    let first = facts.key_before(wanted.first().copied().unwrap_or(0));
    let mut decoding = Decoding::new(subject.clone(), first);
    let mut source = frames_from(episode, topic, facts, first)?;
    while rows.peek().is_some() {
        let Some((frame, image)) = decoding.next(&mut source)? else {
            return Err(failed("the video ends before its rows").into());
        };
        while let Some((row, _)) = rows.next_if(|(_, wanted)| *wanted == frame) {
            each(row, &image)?;
        }
        if rows.peek().is_some_and(|(_, wanted)| *wanted < frame) {
            return Err(failed("its frames are wanted in another order than they were taken").into());
        }
    }
    Ok(())
}

pub(crate) fn subject(episode: &Episode, topic: &Topic) -> String {
    format!("{} {topic}", episode.name())
}

/// A frame as a unit of its codec.
pub fn unit_of(frame: &VideoFrame, subject: &str) -> Result<AccessUnit, Error> {
    let codec = Codec::from_foxglove_name(frame.format.name()).ok_or_else(|| Error::Video {
        subject: subject.to_owned(),
        message: format!("{} cannot be put into a video file", frame.format.name()),
    })?;
    Ok(AccessUnit { data: frame.data.to_vec(), is_key: frame.is_key, codec })
}

/// Decodes an episode's frames one after another; each comes out with its number.
pub(crate) struct Decoding {
    subject: String,
    decoder: Option<Decoder>,
    sent: u64,
    drained: bool,
}

impl Decoding {
    /// `first`: the number of the first frame that it will be given.
    pub(crate) fn new(subject: String, first: u64) -> Self {
        Self { subject, decoder: None, sent: first, drained: false }
    }

    pub(crate) fn next(
        &mut self,
        source: &mut impl Iterator<Item = Result<VideoFrame, Error>>,
    ) -> Result<Option<(u64, RgbImage)>, Error> {
        let subject = self.subject.clone();
        let failed = |message: String| Error::Video { subject: subject.clone(), message };
        loop {
            if let Some(decoder) = &mut self.decoder
                && let Some(frame) = decoder.receive().map_err(|error| failed(error.to_string()))?
            {
                let image = frame.to_rgb().map_err(|error| failed(error.to_string()))?;
                return Ok(Some((frame.pts().unsigned_abs(), image)));
            }
            if self.drained {
                return Ok(None);
            }
            if let Some(frame) = source.next() {
                self.send(&unit_of(&frame?, &self.subject)?).map_err(|error| failed(error.to_string()))?;
                continue;
            }
            if let Some(decoder) = &mut self.decoder {
                decoder.drain().map_err(|error| failed(error.to_string()))?;
            }
            self.drained = true;
        }
    }

    fn send(&mut self, unit: &AccessUnit) -> Result<(), etude_video::DecodeError> {
        if self.decoder.is_none() {
            self.decoder = Some(Decoder::new(unit.codec)?);
        }
        let decoder = self.decoder.as_mut().expect("it was put there");
        decoder.send(unit, self.sent as i64)?;
        self.sent += 1;
        Ok(())
    }
}
