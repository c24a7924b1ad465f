//! A camera's coded frames and decoded pictures, in the order of an episode's rows.

use super::error::Error;
use etude_episode::Episode;
use etude_model::Topic;
use etude_model::sample::{Sample, VideoFrame};
use etude_video::{AccessUnit, Codec, Decoder, RgbImage};

/// What is known of each frame of an episode's camera before any is written.
#[derive(Clone, Debug)]
pub struct FrameFacts {
    /// Whether decoding can begin there, \[frame\].
    pub is_key: Vec<bool>,
    /// Sizes, \[frame\], bytes.
    pub bytes: Vec<u64>,
}

impl FrameFacts {
    /// Reads them; no frame is kept.
    pub fn of(episode: &Episode, topic: &Topic) -> Result<Self, Error> {
        let mut facts = Self { is_key: Vec::new(), bytes: Vec::new() };
        for frame in frames(episode, topic)? {
            let frame = frame?;
            facts.is_key.push(frame.is_key);
            facts.bytes.push(frame.data.len() as u64);
        }
        Ok(facts)
    }

    /// Whether decoding can begin at a frame.
    pub fn starts_at_key(&self, frame: u64) -> bool {
        self.is_key.get(frame as usize) == Some(&true)
    }
}

/// A camera's coded frames, one after another.
pub fn frames<'e>(
    episode: &'e Episode,
    topic: &Topic,
) -> Result<impl Iterator<Item = Result<VideoFrame, Error>> + use<'e>, Error> {
    let subject = subject(episode, topic);
    let failed = {
        let subject = subject.clone();
        move |message: String| Error::Video { subject: subject.clone(), message }
    };
    let messages = episode.messages(&[topic.as_str()], ..).map_err(|error| failed(error.to_string()))?;
    Ok(messages.map(move |message| match message {
        Ok(message) => match message.sample {
            Sample::Video(frame) => Ok(frame),
            _ => Err(failed("a message is no frame of video".to_owned())),
        },
        Err(error) => Err(failed(error.to_string())),
    }))
}

/// Calls `each` with every row's number and picture, in order. `wanted`: the frame of each row, ascending; a frame
/// that several rows want is decoded once. One picture is in memory at a time.
pub fn pictures<E: From<Error>>(
    episode: &Episode,
    topic: &Topic,
    wanted: &[u64],
    each: &mut dyn FnMut(usize, &RgbImage) -> Result<(), E>,
) -> Result<(), E> {
    let subject = subject(episode, topic);
    let failed = |message: &str| Error::Video { subject: subject.clone(), message: message.to_owned() };
    let mut rows = wanted.iter().copied().enumerate().peekable();
    let mut decoding = Decoding::new(subject.clone());
    let mut source = frames(episode, topic)?;
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
    pub(crate) fn new(subject: String) -> Self {
        Self { subject, decoder: None, sent: 0, drained: false }
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
