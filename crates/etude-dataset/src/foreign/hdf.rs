//! Recordings in HDF5 files. Each group is a topic whose fields are its datasets, a row at a time; datasets of another
//! length, pictures and single values are topics of their own. Which group is a recording, which numbers are its clock and
//! what it says of itself is what the `layout` knows of the file's maker. The structure itself is read by `crate::hdf5`.

mod agibot;
mod droid;
mod layout;
mod parameters;
mod physics;
mod pictures;
mod robomind;
mod rows;
#[cfg(all(test, feature = "ffmpeg"))]
mod tests;
#[cfg(feature = "ffmpeg")]
mod video;

pub(crate) use layout::{format_of, in_folder, recordings};

use super::error::Error;
use super::records::{Facts, Ledger, Record, Records};
use super::source::{Format, Recording};
use super::value::Value;
use crate::hdf5::File;
use layout::Layout;
use parameters::Parameters;
use pictures::Pictures;
use rows::Topic;
use std::path::Path;
use std::sync::Arc;

/// What an HDF5 file begins with, where it has no user block.
pub(crate) const MAGIC: [u8; 8] = crate::hdf5::MAGIC;

/// Reads one recording.
pub(crate) struct HdfRecords {
    topics: Vec<Topic>,
    pictures: Vec<Pictures>,
    parameters: Vec<Parameters>,
    #[cfg(feature = "ffmpeg")]
    videos: Vec<video::Video>,
    ledger: Ledger,
    facts: Facts,
}

impl HdfRecords {
    /// Opens a recording and looks for its datasets.
    pub(crate) fn open(recording: &Recording, format: Format) -> Result<Self, Error> {
        let path = recording.files.first().map_or(Path::new(""), |path| path.as_path());
        let file = open(path)?;
        let group = recording.extent.as_ref().and_then(|extent| extent.label.as_deref()).unwrap_or("");
        let mut ledger = Ledger::default();
        let mut layout = Layout::of(&file, path, group, format, &mut ledger)?;
        let topics = rows::topics(&file, &mut layout, &recording.name, &mut ledger);
        if topics.is_empty() {
            return Err(Error::content(path, "datasets", "none that can be read"));
        }
        #[cfg(feature = "ffmpeg")]
        let videos = video::open(recording, &layout, &mut ledger);
        #[cfg(not(feature = "ffmpeg"))]
        for path in recording.files.iter().skip(1) {
            ledger.loss(path.display().to_string(), "it is not read: this build has no FFmpeg");
        }
        let depths = if format == Format::AgibotWorld { agibot::depths(path) } else { None };
        let pictures = depths.map(|folder| pictures::open(&folder, layout.row_times.as_ref(), &mut ledger));
        let folder = if format == Format::AgibotWorld { agibot::parameters(path) } else { None };
        let parameters = folder.map_or_else(Vec::new, |folder| {
            parameters::open(&folder, layout.row_times.as_ref(), &mut layout.facts, &mut ledger)
        });
        Ok(Self {
            topics,
            pictures: pictures.unwrap_or_default(),
            parameters,
            #[cfg(feature = "ffmpeg")]
            videos,
            ledger,
            facts: layout.facts,
        })
    }

    /// The topic or video that is furthest behind; `None` at the end of all.
    fn next_source(&self) -> Option<Next> {
        let mut best: Option<(f64, Next)> = None;
        let mut consider = |part: Option<f64>, next| {
            if let Some(part) = part.filter(|part| best.as_ref().is_none_or(|(least, _)| part < least)) {
                best = Some((part, next));
            }
        };
        for (place, topic) in self.topics.iter().enumerate() {
            consider(topic.reached(), Next::Topic(place));
        }
        for (place, parameters) in self.parameters.iter().enumerate() {
            consider(parameters.reached(), Next::Parameters(place));
        }
        for (place, pictures) in self.pictures.iter().enumerate() {
            consider(pictures.reached(), Next::Pictures(place));
        }
        #[cfg(feature = "ffmpeg")]
        for (place, video) in self.videos.iter().enumerate() {
            consider(video.reached(), Next::Video(place));
        }
        best.map(|(_, next)| next)
    }
}

/// What is read next.
enum Next {
    Topic(usize),
    Pictures(usize),
    Parameters(usize),
    #[cfg(feature = "ffmpeg")]
    Video(usize),
}

impl Records for HdfRecords {
    fn next(&mut self, wanted: &dyn Fn(&str) -> bool) -> Option<Record> {
        loop {
            let record = match self.next_source()? {
                Next::Topic(place) => self.topics.get_mut(place)?.next(&mut self.ledger, wanted),
                Next::Pictures(place) => self.pictures.get_mut(place)?.next(&mut self.ledger, wanted),
                Next::Parameters(place) => self.parameters.get_mut(place)?.next(&mut self.ledger, wanted),
                #[cfg(feature = "ffmpeg")]
                Next::Video(place) => self.videos.get_mut(place)?.next(&mut self.ledger, wanted),
            };
            if record.is_some() {
                return record;
            }
        }
    }

    fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    fn facts(&self) -> Facts {
        self.facts.clone()
    }
}

fn open(path: &Path) -> Result<File, Error> {
    File::open(path).map_err(|damage| {
        let crate::hdf5::Damage { what, at, expected, found } = damage;
        Error::content(path, format!("{expected} ({what}, byte {at})"), found)
    })
}

/// The number that a value is, whichever way it is stored.
fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::Int(number) => Some(*number),
        Value::Float(number) if number.fract() == 0.0 && number.abs() < 9e15 => Some(*number as i64),
        Value::List(values) => match values.as_slice() {
            [only] => whole(only),
            _ => None,
        },
        Value::Numbers(values) => match values.as_slice() {
            [only] => whole(&Value::Float(*only)),
            _ => None,
        },
        _ => None,
    }
}

/// A path's part as a field's name: dots and brackets cut paths of mappings.
fn plain(name: &str) -> Arc<str> {
    Arc::from(name.replace(['.', '[', ']'], "_"))
}
