//! Pictures beside a recording, a file for each frame: `depth/head_depth_000012.png` is the frame 12 of `depth/head_depth`.

use super::super::picture::read_file;
use super::super::records::{Ledger, Record, counted};
use super::super::source::name_of;
use super::super::value::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Pictures of a folder.
const MAX_PICTURES: usize = 1 << 20;
/// Cameras of a folder.
const MAX_CAMERAS: usize = 64;

/// A frame's number, and its file's name.
type Frame = (u64, Box<str>);

/// The pictures of one camera, in order.
pub(super) struct Pictures {
    topic: Arc<str>,
    type_name: String,
    folder: PathBuf,
    frames: Vec<Frame>,
    next: usize,
    times: Option<Arc<[i64]>>,
}

/// Looks for the pictures of a folder. What bears no camera's name and number is named as left out.
pub(super) fn open(folder: &Path, times: Option<&Arc<[i64]>>, ledger: &mut Ledger) -> Vec<Pictures> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let part = name_of(folder);
    let mut cameras: BTreeMap<(String, String), Vec<Frame>> = BTreeMap::new();
    for (number, entry) in entries.flatten().enumerate() {
        if number >= MAX_PICTURES {
            ledger.loss(part.clone(), format!("files beyond the first {MAX_PICTURES} are left out"));
            break;
        }
        let name = entry.file_name().to_string_lossy().into_owned();
        match parts(&name) {
            Some((camera, frame, end)) if cameras.len() < MAX_CAMERAS => {
                cameras.entry((camera, end)).or_default().push((frame, name.into()));
            }
            _ => {
                ledger
                    .loss(format!("{part}/{name}"), "it is left out: it is no numbered picture of a camera");
            }
        }
    }
    let pictures = cameras.into_iter().map(|((camera, end), mut frames)| {
        frames.sort_unstable();
        let topic: Arc<str> = Arc::from(format!("{part}/{camera}"));
        frames.dedup_by(|(later, name), (frame, _)| {
            let is_twice = later == frame;
            if is_twice {
                ledger.loss(
                    format!("{part}/{name}"),
                    format!("it is left out: another file is the frame {frame}"),
                );
            }
            is_twice
        });
        let type_name = format!("{end} picture");
        missing(&topic, &type_name, &frames, times, ledger);
        Pictures { topic, type_name, folder: folder.to_owned(), frames, next: 0, times: times.cloned() }
    });
    pictures.collect()
}

/// The camera, the frame's number and the ending of a file's name.
fn parts(name: &str) -> Option<(String, u64, String)> {
    let (stem, end) = name.rsplit_once('.')?;
    let (camera, number) = stem.rsplit_once('_')?;
    let end = end.to_lowercase();
    let is_picture = matches!(end.as_str(), "png" | "jpg" | "jpeg");
    (is_picture && !camera.is_empty()).then_some((camera.to_owned(), number.parse().ok()?, end))
}

/// Counts the frames that have no picture, where the recording says how many there are.
fn missing(
    topic: &Arc<str>,
    type_name: &str,
    frames: &[Frame],
    times: Option<&Arc<[i64]>>,
    ledger: &mut Ledger,
) {
    let rows = match (times, frames.last()) {
        (Some(times), _) => times.len() as u64,
        (None, Some((last, _))) if *last < MAX_PICTURES as u64 => last + 1,
        _ => return,
    };
    let there = frames.iter().filter(|(frame, _)| *frame < rows).count() as u64;
    let lacking = rows - there;
    if lacking > 0 {
        ledger.saw_many(topic, type_name, lacking);
        ledger.unread_many(topic, "the picture is not there".to_owned(), lacking);
    }
    let beyond = frames.len() as u64 - there;
    if beyond > 0 {
        let pictures = counted(beyond, "picture");
        ledger.loss(topic.to_string(), format!("{pictures} of frames beyond the {rows} rows have no time"));
    }
}

impl Pictures {
    /// The part of its frames that was read; `None` at its end.
    pub(super) fn reached(&self) -> Option<f64> {
        let (frame, _) = self.frames.get(self.next)?;
        let (last, _) = self.frames.last()?;
        let rows = self.times.as_ref().map_or(last.saturating_add(1), |times| times.len() as u64);
        Some((*frame as f64 + 0.5) / rows.max(frame.saturating_add(1)) as f64)
    }

    /// The next picture, where it is wanted and can be read.
    pub(super) fn next(&mut self, ledger: &mut Ledger, wanted: &dyn Fn(&str) -> bool) -> Option<Record> {
        let (frame, name) = self.frames.get(self.next)?;
        self.next += 1;
        ledger.saw(&self.topic, &self.type_name);
        if !wanted(&self.topic) {
            return None;
        }
        match read_file(&self.folder, name) {
            Ok(bytes) => {
                let row = usize::try_from(*frame).ok();
                let log_ns = row.and_then(|row| self.times.as_ref()?.get(row)).copied();
                let value = Value::Struct(vec![(Arc::from("data"), Value::Bytes(bytes))]);
                Some(Record {
                    topic: self.topic.clone(),
                    log_ns,
                    publish_ns: None,
                    number: Some(*frame),
                    value,
                })
            }
            Err(reason) => {
                ledger.unread(&self.topic, reason);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::parts;

    #[test]
    fn a_name_says_its_camera_and_frame() {
        assert_eq!(parts("head_depth_000012.png"), Some(("head_depth".to_owned(), 12, "png".to_owned())));
        for name in ["head.png", "_7.png", "head_depth_x.png", "head_depth_1.txt", "head_depth_1"] {
            assert_eq!(parts(name), None, "{name}");
        }
    }
}
