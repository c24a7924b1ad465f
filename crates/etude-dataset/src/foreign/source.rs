//! What lies at a path: which format, which recordings, and a reader for each.

use super::error::Error;
use super::hdf::{self, HdfRecords};
use super::mapping::{Mapping, TableRule};
use super::mcap::{self, McapRecords};
use super::motion::{self, AframeRecords, BvhRecords};
use super::records::Records;
use super::rlds::{self, RldsRecords, Shards};
use super::rosbag1::{self, BagRecords};
use super::rosbag2::{self, Parts};
use super::sqlite;
use super::table::{self, Extent, TableRecords};
use super::xr::{self, XrRecords};
use super::zarr::{self, ZarrRecords};
use crate::problem::Problem;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Files that a folder of recordings may hold.
const MAX_FILES: usize = 100_000;
/// Bytes that a file's format is seen from.
const HEAD_BYTES: u64 = 4096;

/// A foreign format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// MCAP with messages of ROS 1, ROS 2, JSON or Protobuf.
    Mcap,
    /// ROS 1 bag.
    Rosbag1,
    /// rosbag2 in SQLite or MCAP files.
    Rosbag2,
    /// Episodes of Unitree's `xr_teleoperate`.
    XrTeleoperate,
    /// A table of text, such as CSV.
    Table,
    /// RLDS episodes in `TFRecord` files, as TensorFlow Datasets writes them.
    Rlds,
    /// BVH motion capture.
    Bvh,
    /// A headset's motion, recorded by A-Frame.
    Aframe,
    /// Episodes in zarr arrays, as UMI and diffusion policies store them.
    Zarr,
    /// HDF5 as robosuite, robomimic and `MimicGen` write it: a group for each take.
    Robomimic,
    /// HDF5 of ALOHA.
    Aloha,
    /// HDF5 of `RoboMIND`.
    Robomind,
    /// `AgiBot` World: HDF5 beside videos.
    AgibotWorld,
    /// Raw episodes of DROID: HDF5 beside videos.
    DroidRaw,
    /// HDF5 of no layout that is known.
    Hdf5,
}

impl Format {
    /// The name in mappings.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mcap => "mcap",
            Self::Rosbag1 => "rosbag1",
            Self::Rosbag2 => "rosbag2",
            Self::XrTeleoperate => "xr_teleoperate",
            Self::Table => "table",
            Self::Rlds => "rlds",
            Self::Bvh => "bvh",
            Self::Aframe => "aframe",
            Self::Zarr => "zarr",
            Self::Robomimic => "robomimic",
            Self::Aloha => "aloha",
            Self::Robomind => "robomind",
            Self::AgibotWorld => "agibot_world",
            Self::DroidRaw => "droid_raw",
            Self::Hdf5 => "hdf5",
        }
    }

    /// Whether recordings are in HDF5 files.
    const fn is_hdf5(self) -> bool {
        matches!(
            self,
            Self::Robomimic | Self::Aloha | Self::Robomind | Self::AgibotWorld | Self::DroidRaw | Self::Hdf5
        )
    }

    /// Whether a mapping for this format does for another: a part of a rosbag2 recording may be an MCAP file.
    pub(crate) fn serves(self, other: Self) -> bool {
        let ros2 = |format| matches!(format, Self::Mcap | Self::Rosbag2);
        self == other || (ros2(self) && ros2(other))
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One recording of a source: what becomes one episode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    /// Its name within the source.
    pub name: String,
    /// The files that it is read from, in order.
    pub files: Vec<PathBuf>,
    /// The part of the file that it is, where a file has several.
    pub extent: Option<Extent>,
}

/// Recordings of one format.
#[derive(Clone, Debug)]
pub struct Source {
    /// What was opened.
    pub root: PathBuf,
    /// In which format.
    pub format: Format,
    /// The recordings, in order.
    pub recordings: Vec<Recording>,
    /// What of the source as a whole is missing or odd.
    pub problems: Vec<Problem>,
    table: TableRule,
    shards: Shards,
}

impl Source {
    /// Looks at what lies at a path. A mapping says what the format itself does not, such as how a table is cut.
    pub fn open(root: &Path, mapping: Option<&Mapping>) -> Result<Self, Error> {
        let is_folder = fs::metadata(root).map_err(Error::file("opening", root))?.is_dir();
        let table = mapping.and_then(|mapping| mapping.table.clone()).unwrap_or_default();
        let shards = Shards::default();
        if !is_folder && (is_table(root) || mapping.is_some_and(|mapping| mapping.format == Format::Table)) {
            let recordings = table::recordings(root, &table)?;
            let problems = Vec::new();
            return Ok(Self {
                root: root.to_owned(),
                format: Format::Table,
                recordings,
                problems,
                table,
                shards,
            });
        }
        if let Some((recordings, problems)) = Self::of_shards(root, is_folder, &shards)? {
            return Ok(Self {
                root: root.to_owned(),
                format: Format::Rlds,
                recordings,
                problems,
                table,
                shards,
            });
        }
        if zarr::is_store(root) {
            let (recordings, problems) = zarr::recordings(root)?;
            return Ok(Self {
                root: root.to_owned(),
                format: Format::Zarr,
                recordings,
                problems,
                table,
                shards,
            });
        }
        let (format, recordings) = if is_folder { Self::of_folder(root)? } else { Self::of_file(root)? };
        Ok(Self { root: root.to_owned(), format, recordings, problems: Vec::new(), table, shards })
    }

    /// The episodes of `TFRecord` files.
    fn of_shards(root: &Path, is_folder: bool, packed: &Shards) -> Result<Option<rlds::Episodes>, Error> {
        let (folder, shards) = if is_folder {
            (root, files(root)?.into_iter().filter(|path| rlds::is_shard(path)).collect())
        } else if rlds::is_shard(root) {
            (root.parent().unwrap_or(Path::new("")), vec![root.to_owned()])
        } else {
            return Ok(None);
        };
        if shards.is_empty() { Ok(None) } else { rlds::recordings(folder, &shards, packed).map(Some) }
    }

    fn of_file(path: &Path) -> Result<(Format, Vec<Recording>), Error> {
        let format = format_of(path)?.ok_or_else(|| {
            let expected = "an MCAP file, a ROS 1 bag, a part of a rosbag2 recording or a table";
            Error::content(path, expected, "a file that is none of them")
        })?;
        if format.is_hdf5() {
            return Ok((format, hdf::recordings(path, format)?));
        }
        Ok((format, vec![whole(path)]))
    }

    fn of_folder(root: &Path) -> Result<(Format, Vec<Recording>), Error> {
        let episodes = episodes(root)?;
        if !episodes.is_empty() {
            return Ok((Format::XrTeleoperate, episodes));
        }
        if let Some(found) = hdf::in_folder(root)? {
            return Ok(found);
        }
        let mut found: Vec<(Format, PathBuf)> = Vec::new();
        for path in files(root)? {
            if let Some(format) = format_of(&path)? {
                found.push((format, path));
            }
        }
        let parts: Vec<PathBuf> = found
            .iter()
            .filter(|(format, _)| matches!(format, Format::Mcap | Format::Rosbag2))
            .map(|(_, path)| path.clone())
            .collect();
        if let Some(recording) = rosbag2::recording(root, &parts) {
            return Ok((Format::Rosbag2, vec![recording]));
        }
        let Some(format) = found.first().map(|(format, _)| *format) else {
            return Err(Error::content(root, "a folder with recordings", "none that is known"));
        };
        if let Some((other, path)) = found.iter().find(|(other, _)| *other != format) {
            return Err(Error::content(
                path,
                format!("recordings of one format, {format}"),
                other.to_string(),
            ));
        }
        if format.is_hdf5() {
            let recordings = found.iter().map(|(_, path)| hdf::recordings(path, format));
            return Ok((format, recordings.collect::<Result<Vec<_>, _>>()?.concat()));
        }
        Ok((format, found.iter().map(|(_, path)| whole(path)).collect()))
    }

    /// Opens a recording for reading.
    pub fn read(&self, recording: &Recording) -> Result<Box<dyn Records>, Error> {
        let first = recording.files.first();
        let first = first.ok_or_else(|| Error::content(&self.root, "a file", "a recording without one"))?;
        Ok(match self.format {
            Format::Mcap => Box::new(McapRecords::open(first)?),
            Format::Rosbag1 => Box::new(BagRecords::open(first)?),
            Format::Rosbag2 => Box::new(Parts::open(recording)),
            Format::XrTeleoperate => Box::new(XrRecords::open(recording)?),
            Format::Table => Box::new(TableRecords::open(recording, &self.table)?),
            Format::Rlds => Box::new(RldsRecords::open(recording, &self.shards)?),
            Format::Bvh => Box::new(BvhRecords::open(recording)?),
            Format::Aframe => Box::new(AframeRecords::open(recording)?),
            Format::Zarr => Box::new(ZarrRecords::open(&self.root, recording)?),
            format if format.is_hdf5() => Box::new(HdfRecords::open(recording, format)?),
            format => return Err(Error::content(&self.root, "a format with a reader", format.to_string())),
        })
    }
}

/// A file that is one recording.
fn whole(path: &Path) -> Recording {
    Recording { name: name_of(path), files: vec![path.to_owned()], extent: None }
}

fn is_table(path: &Path) -> bool {
    path.extension().is_some_and(|end| end.eq_ignore_ascii_case("csv"))
}

/// The episodes of `xr_teleoperate` in a folder: itself, or those within it.
fn episodes(root: &Path) -> Result<Vec<Recording>, Error> {
    let episode = |folder: &Path| {
        let name = fs::canonicalize(folder).map_or_else(|_| name_of(folder), |folder| name_of(&folder));
        Recording { name, files: vec![folder.join("data.json")], extent: None }
    };
    if xr::is_episode(root) {
        return Ok(vec![episode(root)]);
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(root).map_err(Error::file("reading", root))?.take(MAX_FILES) {
        let path = entry.map_err(Error::file("reading", root))?.path();
        if path.is_dir() && xr::is_episode(&path) {
            found.push(episode(&path));
        }
    }
    found.sort_by_cached_key(|recording| by_number(&recording.name));
    Ok(found)
}

/// The files of a folder, by name; numbers count as numbers.
fn files(root: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut files = Vec::new();
    for entry in fs::read_dir(root).map_err(Error::file("reading", root))? {
        let path = entry.map_err(Error::file("reading", root))?.path();
        if path.is_file() {
            files.push(path);
        }
        if files.len() > MAX_FILES {
            return Err(Error::content(root, format!("at most {MAX_FILES} files"), "more"));
        }
    }
    files.sort_by_cached_key(|path| by_number(&name_of(path)));
    Ok(files)
}

/// A name cut into text and numbers, so that `a_10` comes after `a_9`.
pub(crate) fn by_number(name: &str) -> Vec<(String, u64)> {
    let mut pieces = vec![(String::new(), 0u64)];
    let mut in_number = false;
    for letter in name.chars() {
        let (text, number) = pieces.last_mut().expect("there is always one");
        if let Some(digit) = letter.to_digit(10) {
            *number = number.saturating_mul(10).saturating_add(digit.into());
            in_number = true;
        } else if in_number {
            in_number = false;
            pieces.push((letter.to_string(), 0));
        } else {
            text.push(letter);
        }
    }
    pieces
}

pub(crate) fn name_of(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The format that a file's first bytes are of.
fn format_of(path: &Path) -> Result<Option<Format>, Error> {
    let mut head = Vec::new();
    let file = File::open(path).map_err(Error::file("opening", path))?;
    file.take(HEAD_BYTES).read_to_end(&mut head).map_err(Error::file("reading", path))?;
    Ok(if head.starts_with(&mcap::MAGIC) {
        Some(Format::Mcap)
    } else if head.starts_with(&rosbag1::MAGIC) {
        Some(Format::Rosbag1)
    } else if head.starts_with(&sqlite::MAGIC) {
        Some(Format::Rosbag2)
    } else if motion::is_bvh(&head) {
        Some(Format::Bvh)
    } else if motion::is_aframe(path, &head) {
        Some(Format::Aframe)
    } else if head.starts_with(&hdf::MAGIC) {
        Some(hdf::format_of(path)?)
    } else {
        None
    })
}

#[cfg(test)]
mod tests {
    use super::by_number;

    #[test]
    fn the_tenth_part_comes_after_the_ninth() {
        let mut names = vec!["bag_10.db3", "bag_9.db3", "bag_0.db3"];
        names.sort_by_cached_key(|name| by_number(name));
        assert_eq!(names, ["bag_0.db3", "bag_9.db3", "bag_10.db3"]);
    }
}
