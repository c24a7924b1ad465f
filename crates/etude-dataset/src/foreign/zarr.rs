//! Episodes in zarr arrays (version 2), as UMI and diffusion policies store them: `data/<name>` holds the rows of all
//! episodes one after the other, `meta/episode_ends` says where each ends. In a folder, or in a zip that is not compressed.
//!
//! The rows of a recording come as one topic, `data`; arrays of pictures are topics of their own, and their pictures become
//! PNG on the way. What is in a codec that is not read here is named and left out. There are no clocks.

mod array;
mod blosc;
mod codec;
mod store;

use super::error::Error;
use super::records::{Facts, Ledger, Record, Records};
use super::rlds::Episodes;
use super::source::{Recording, name_of};
use super::table::Extent;
use super::value::Value;
use crate::problem::Problem;
use array::Array;
use etude_video::{RgbImage, encode_png};
use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use store::Store;

/// The topic of an episode's rows.
const TOPIC: &str = "data";
/// Where the ends of episodes stand.
const ENDS: &str = "meta/episode_ends";
/// Arrays of a store.
const MAX_ARRAYS: usize = 256;
/// Episodes of a store.
const MAX_EPISODES: usize = 1_000_000;
/// Rows behind one another of which nothing can be read, behind which no more are looked for.
const MAX_LOST_ROWS: u64 = 4096;
/// Rows of an episode.
const MAX_ROWS: u64 = 10_000_000;
/// Chunk files that are named as an episode's own.
const MAX_PARENTS: usize = 64;

/// Whether such episodes lie at a path.
pub(crate) fn is_store(root: &Path) -> bool {
    if root.is_dir() {
        return root.join(ENDS).join(".zarray").is_file();
    }
    name_of(root).to_lowercase().ends_with(".zarr.zip")
}

/// The episodes of a store, by their ends.
pub(crate) fn recordings(root: &Path) -> Result<Episodes, Error> {
    let mut store = Store::open(root)?;
    let damaged = |found: String| Error::content(root, "episodes' ends in meta/episode_ends", found);
    let mut ends = Array::open(&mut store, ENDS).map_err(damaged)?;
    let mut found = Vec::new();
    let mut problems = Vec::new();
    let (name, rows) = (name_of(root), ends.rows());
    if rows > MAX_EPISODES as u64 {
        return Err(damaged(format!("{rows} episodes")));
    }
    let mut from = 0;
    for row in 0..rows {
        let end = match ends.row(&mut store, row) {
            Ok(Value::Numbers(numbers)) => numbers.first().map_or(0, |end| *end as u64),
            Ok(other) => return Err(damaged(other.kind().to_owned())),
            Err(reason) => {
                problems.push(Problem::loss(ENDS, format!("episodes from {row} on are lost: {reason}")));
                break;
            }
        };
        if end < from {
            problems.push(Problem::loss(
                ENDS,
                format!("the episode {row} ends at {end}, before it begins at {from}"),
            ));
            continue;
        }
        let extent = Extent { from, to: end, label: None };
        let files = store.files_of(&[ENDS]);
        found.push(Recording { name: format!("{name} {row}"), files, extent: Some(extent) });
        from = end;
    }
    let names = store.arrays("data");
    let longest =
        names.iter().filter_map(|name| Some(Array::open(&mut store, name).ok()?.rows())).max().unwrap_or(0);
    if longest > from {
        let message = format!("{} rows stand behind the end of the last episode", longest - from);
        problems.push(Problem::loss("data", message));
    }
    if !store.is_zip() {
        parents(&mut store, &names, &mut found);
    }
    Ok((found, problems))
}

/// Names the files that hold each episode's numbers, so that an episode is known by its content.
fn parents(store: &mut Store, names: &[String], recordings: &mut [Recording]) {
    let arrays: Vec<Array> = names.iter().filter_map(|name| Array::open(store, name).ok()).collect();
    for recording in recordings {
        let Some(extent) = &recording.extent else { continue };
        for array in arrays.iter().filter(|array| !array.is_picture()) {
            let chunks = array.chunks_of(extent.from, extent.to);
            let room = MAX_PARENTS.saturating_sub(recording.files.len());
            recording.files.extend(chunks.take(room).filter_map(|key| store.file_of(&key)));
        }
    }
}

/// Reads one episode.
pub(crate) struct ZarrRecords {
    store: Store,
    arrays: Vec<(Arc<str>, Result<Array, String>)>,
    topic: Arc<str>,
    types: String,
    row: u64,
    /// Rows up to here gave nothing.
    lost: u64,
    extent: Extent,
    queue: VecDeque<Record>,
    ledger: Ledger,
}

impl ZarrRecords {
    /// Opens an episode.
    pub(crate) fn open(root: &Path, recording: &Recording) -> Result<Self, Error> {
        let mut store = Store::open(root)?;
        let extent = recording.extent.clone();
        let mut extent = extent.ok_or_else(|| Error::content(root, "rows of an episode", "no rows"))?;
        let mut ledger = Ledger::default();
        if extent.to.saturating_sub(extent.from) > MAX_ROWS {
            let end = extent.from + MAX_ROWS;
            ledger.loss(
                TOPIC,
                format!("rows from {end} to {} are left out: at most {MAX_ROWS} are read", extent.to),
            );
            extent.to = end;
        }
        let mut names = store.arrays("data");
        if names.len() > MAX_ARRAYS {
            ledger.loss(TOPIC, format!("only {MAX_ARRAYS} of {} arrays are read", names.len()));
            names.truncate(MAX_ARRAYS);
        }
        let mut arrays = Vec::new();
        for name in names {
            let array = Array::open(&mut store, &name);
            let short = name.strip_prefix("data/").unwrap_or(&name);
            arrays.push((Arc::from(short), array));
        }
        let types: Vec<String> = arrays
            .iter()
            .filter_map(|(name, array)| Some((name, array.as_ref().ok()?)))
            .filter(|(_, array)| !array.is_picture())
            .map(|(name, array)| format!("{name} {}", array.text()))
            .collect();
        Ok(Self {
            store,
            arrays,
            topic: Arc::from(TOPIC),
            types: format!("zarr {}", types.join("; ")).chars().take(1000).collect(),
            row: extent.from,
            lost: 0,
            extent,
            queue: VecDeque::new(),
            ledger,
        })
    }

    /// Reads a row; `false` where it was wanted and nothing of it can be read.
    fn fill(&mut self, wanted: &dyn Fn(&str) -> bool) -> bool {
        let (row, number) = (self.row, Some(self.row - self.extent.from));
        let record = |topic: &Arc<str>, value| Record {
            topic: topic.clone(),
            log_ns: None,
            publish_ns: None,
            number,
            value,
        };
        let mut parts = Vec::new();
        let mut broken = Vec::new();
        let mut failed = false;
        self.ledger.saw(&self.topic, &self.types);
        for (name, array) in &mut self.arrays {
            let array = match array {
                Ok(array) if !array.is_picture() => {
                    if wanted(TOPIC) {
                        match array.row(&mut self.store, row) {
                            Ok(value) => parts.push((name.clone(), value)),
                            Err(reason) => broken.push((name.clone(), reason)),
                        }
                    }
                    continue;
                }
                Ok(array) => array,
                Err(reason) => {
                    failed = true;
                    self.ledger.saw(name, "zarr array");
                    self.ledger.unread(name, reason.clone());
                    continue;
                }
            };
            self.ledger.saw(name, &format!("zarr pictures {}", array.text()));
            if wanted(name) {
                match picture(array, &mut self.store, row) {
                    Ok(value) => self.queue.push_back(record(name, value)),
                    Err(reason) => {
                        failed = true;
                        self.ledger.unread(name, reason);
                    }
                }
            }
        }
        failed |= !broken.is_empty();
        // The row goes on without the array that cannot be read, whose own topic says so.
        for (name, reason) in broken {
            self.ledger.saw(&name, "zarr array");
            self.ledger.unread(&name, reason);
        }
        if wanted(TOPIC) && !parts.is_empty() {
            self.queue.push_front(record(&self.topic, Value::Struct(parts)));
        }
        !failed || !self.queue.is_empty()
    }
}

/// A row of an array of pictures, \[row, column, channel\] of 8 bits, as PNG.
fn picture(array: &mut Array, store: &mut Store, row: u64) -> Result<Value, String> {
    let (height, width) = array.picture_size();
    let bytes = array.bytes(store, row)?.to_vec();
    let image = RgbImage::new(width, height, bytes).map_err(|error| error.to_string())?;
    let png = encode_png(&image).map_err(|error| error.to_string())?;
    Ok(Value::Struct(vec![
        (Arc::from("data"), Value::Bytes(png)),
        (Arc::from("format"), Value::Text("png".to_owned())),
    ]))
}

impl Records for ZarrRecords {
    fn next(&mut self, wanted: &dyn Fn(&str) -> bool) -> Option<Record> {
        while self.queue.is_empty() {
            if self.row >= self.extent.to {
                return None;
            }
            let was_read = self.fill(wanted);
            self.row += 1;
            self.lost = if was_read { 0 } else { self.lost + 1 };
            if self.lost >= MAX_LOST_ROWS && self.row < self.extent.to {
                let message = format!(
                    "rows {} to {} are lost: of {MAX_LOST_ROWS} rows before them nothing can be read",
                    self.row,
                    self.extent.to - 1
                );
                self.ledger.loss(TOPIC, message);
                self.row = self.extent.to;
            }
        }
        self.queue.pop_front()
    }

    fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    fn facts(&self) -> Facts {
        Facts::default()
    }
}
