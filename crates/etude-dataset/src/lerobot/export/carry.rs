//! A dataset of any version as one of version 3.0: the same rows and the same coded frames in other files.
//!
//! Nothing is asked of a card, because nothing is said of what numbers mean: a column stays the column that it was, to
//! the bit. Numbers of episodes and rows are counted anew from 0, which version 3.0 wants. Statistics of numbers are
//! computed from the rows; those of pictures are taken over, and joined with their counts.

mod beside;
mod rows;
mod statistics;

use super::super::error::Error;
use super::super::info::Version;
use super::super::source::{Source, SourceEpisode};
use super::super::tables::{CHUNK_FILES, Naming, ShardedTable, write_tasks};
use super::ExportOptions;
use super::meta::{EpisodeTable, Record, described, nested, write_json};
use super::video::{CameraWriter, Feed, Placed};
use crate::export::into_new_folder;
use crate::files::digest_file;
use crate::problem::Problem;
use crate::stats::quantile::EXACT;
use crate::stats::{Accumulator, Summary};
use etude_video::FrameRate;
use rows::Column;
use serde_json::{Map, Value, json};
use statistics::Stated;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// A dataset whose rows and frames were carried.
#[derive(Clone, Debug)]
pub struct Carried {
    /// Its folder.
    pub folder: PathBuf,
    /// What it calls its robot; empty where it does not say.
    pub robot: String,
    /// Episodes.
    pub episodes: u64,
    /// Rows.
    pub rows: u64,
    /// Rows per second.
    pub fps: u32,
    /// Frames of all cameras, every one copied packet by packet.
    pub frames_copied: u64,
    /// What was left out or odd.
    pub problems: Vec<Problem>,
}

/// Carries a dataset, without the episodes named in `without`, into one of version 3.0 in a folder that does not exist or is
/// empty.
///
/// What this way cannot carry to the bit is refused: pictures in tables, features of several dimensions, video whose frames
/// do not stand at the dataset's rate. Of `options` only sizes of files count. `progress` is called with the episodes done
/// and the episodes in all.
pub fn carry(
    source: &Path,
    without: &[u64],
    out: &Path,
    options: &ExportOptions,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Carried, Error> {
    let (source, problems) = Source::open(source)?;
    if let Some(absent) = without.iter().find(|index| !source.episodes.iter().any(|own| own.index == **index))
    {
        let message = format!("has no episode {absent} to be left out");
        return Err(Error::content(&source.root().join("meta"), message));
    }
    let write = |folder: &Path| {
        let mut carrying = Carrying::begin(&source, folder, options, problems)?;
        let taken: Vec<_> = source.episodes.iter().filter(|own| !without.contains(&own.index)).collect();
        progress(0, taken.len());
        for (done, episode) in taken.iter().enumerate() {
            carrying.add(episode)?;
            progress(done + 1, taken.len());
        }
        carrying.finish()
    };
    into_new_folder(out, write).map(|carried| Carried { folder: out.to_owned(), ..carried })
}

/// A dataset in the making.
struct Carrying<'s> {
    source: &'s Source,
    folder: &'s Path,
    options: &'s ExportOptions,
    fps: u32,
    columns: Vec<Column>,
    /// Keys of cameras, their writers, and the file that each is reading.
    cameras: Vec<(String, CameraWriter, Option<Feed>)>,
    data: ShardedTable,
    list: EpisodeTable,
    stated: Stated,
    /// Of every column with numbers, in the order of the columns.
    numbers: Vec<Accumulator>,
    images: Vec<Summary>,
    /// Tasks in the order of their new numbers, and the new number of each old one.
    tasks: (Vec<String>, BTreeMap<i64, i64>),
    rows: u64,
    frames: u64,
    /// Number that each episode had.
    indexes: Vec<u64>,
    problems: Vec<Problem>,
}

impl<'s> Carrying<'s> {
    fn begin(
        source: &'s Source,
        folder: &'s Path,
        options: &'s ExportOptions,
        mut problems: Vec<Problem>,
    ) -> Result<Self, Error> {
        let info_path = source.root().join("meta/info.json");
        let refuse = |message: String| Error::content(&info_path, message);
        let whole = source.info.fps.fract() == 0.0 && (1.0..=1000.0).contains(&source.info.fps);
        let rate =
            whole.then_some(source.info.fps as u32).and_then(|fps| Some((fps, FrameRate::from_hz(fps)?)));
        let (fps, frame_rate) = rate.ok_or_else(|| {
            refuse(format!("expected 1 to 1000 whole rows per second, found {}", source.info.fps))
        })?;
        let columns = Column::all(&source.info).map_err(refuse)?;
        let keys = cameras(source, &mut problems);
        let stated = Stated::read(source, &keys, &mut problems)?;
        let (schema, metadata) = rows::schema(&columns);
        let limit = options.data_file_bytes;
        let data = ShardedTable::new(folder.join("data"), Naming::Files, schema, Some(metadata), limit);
        let numeric: Vec<&Column> = columns.iter().filter(|column| column.has_numbers()).collect();
        let features = numeric.iter().filter(|column| !column.is_numbering).count();
        let names: Vec<String> = numeric.iter().map(|column| column.key.clone()).collect();
        let numbers = numeric.iter().map(|column| Accumulator::new(column.width)).collect();
        let writer = |key: &String| {
            let limits = (options.video_file_bytes, 0);
            (
                key.clone(),
                CameraWriter::new(folder.join("videos"), key, Naming::Files, frame_rate, limits),
                None,
            )
        };
        Ok(Self {
            list: EpisodeTable::new(folder, names, keys.clone(), features, limit),
            images: vec![Summary::default(); keys.len()],
            cameras: keys.iter().map(writer).collect(),
            tasks: numbered(&source.tasks),
            source,
            folder,
            options,
            fps,
            columns,
            data,
            stated,
            numbers,
            rows: 0,
            frames: 0,
            indexes: Vec::new(),
            problems,
        })
    }

    /// Adds an episode; one that cannot be opened is left out and said.
    fn add(&mut self, episode: &SourceEpisode) -> Result<(), Error> {
        let name = format!("episode {}", episode.index);
        let part = (self.source.info.version == Version::V30).then_some((episode.first_row, episode.length));
        let batches = match rows::batches(&episode.data, part) {
            Ok(batches) => batches,
            Err(error) => {
                self.problems.push(Problem::loss(name, format!("it is left out: {error}")));
                return Ok(());
            }
        };
        let parts = self.cameras.iter().filter_map(|(key, ..)| episode.videos.get(key));
        if let Some(part) = parts.into_iter().find(|part| !part.path.is_file()) {
            let message = format!("it is left out: {} is missing", part.path.display());
            self.problems.push(Problem::loss(name, message));
            return Ok(());
        }
        let number = self.indexes.len() as u64;
        let place = self.data.place(self.bytes_of(episode)?)?;
        let mut own: Vec<Accumulator> =
            self.numbers.iter().map(|all| Accumulator::new(all.channels())).collect();
        let first = self.rows;
        for batch in batches {
            let batch = batch?;
            let at = rows::At { episode: number, first, row: self.rows, tasks: &self.tasks.1 };
            let batch = rows::carried(&self.columns, &batch, &at, &mut own)
                .map_err(|message| Error::content(&episode.data, message))?;
            if self.rows == first {
                rows::tell_times(&batch, &name, &mut self.problems);
            }
            self.rows += batch.num_rows() as u64;
            self.data.write(&batch)?;
        }
        let length = self.rows - first;
        if length != episode.length {
            let message = format!("{} rows are stated, its table has {length}", episode.length);
            self.problems.push(Problem::note(name.clone(), message));
        }
        for (all, own) in self.numbers.iter_mut().zip(&own) {
            all.merge(own);
        }
        let videos = self.videos(episode, &name, length)?;
        let images = self.stated.of(episode.index, self.cameras.len());
        for (all, own) in self.images.iter_mut().zip(&images) {
            *all = all.joined(own);
        }
        self.list.push(Record {
            index: number,
            tasks: episode.tasks.clone(),
            length,
            from_row: first,
            data: place,
            videos,
            numbers: own.iter().map(Accumulator::summary).collect(),
            images,
        })?;
        self.indexes.push(episode.index);
        Ok(())
    }

    /// About what an episode's rows take.
    fn bytes_of(&self, episode: &SourceEpisode) -> Result<u64, Error> {
        let size = fs::metadata(&episode.data).map_err(Error::file("reading", &episode.data))?.len();
        let in_file = self.source.episodes.iter().filter(|other| other.data == episode.data);
        let rows: u64 = in_file.map(|other| other.length).sum();
        Ok(size * episode.length / rows.max(1))
    }

    fn videos(&mut self, episode: &SourceEpisode, name: &str, rows: u64) -> Result<Vec<Placed>, Error> {
        let mut videos = Vec::new();
        for (key, writer, feed) in &mut self.cameras {
            let Some(part) = episode.videos.get(key) else { continue };
            let placed = writer.copy_part(feed, part)?;
            self.frames += placed.copied;
            let message = format!("{key} has {} frames for {rows} rows", placed.copied);
            match placed.copied.cmp(&rows) {
                std::cmp::Ordering::Less => self.problems.push(Problem::loss(name, message)),
                std::cmp::Ordering::Greater => self.problems.push(Problem::note(name, message)),
                std::cmp::Ordering::Equal => {}
            }
            videos.push(placed);
        }
        Ok(videos)
    }

    /// Completes every file.
    fn finish(mut self) -> Result<Carried, Error> {
        if self.rows == 0 {
            let problems = self.problems.iter().map(ToString::to_string).collect();
            return Err(crate::export::Error::Nothing { problems }.into());
        }
        self.data.close()?;
        for (_, camera, _) in &mut self.cameras {
            camera.close()?;
        }
        self.list.close()?;
        let meta = self.folder.join("meta");
        write_tasks(&meta.join("tasks.parquet"), &self.tasks.0)?;
        self.write_statistics(&meta.join("stats.json"))?;
        self.write_info(&meta.join("info.json"))?;
        let is_whole = self.indexes.len() == self.source.episodes.len();
        beside::copy_others(self.source.root(), self.folder, &self.indexes, is_whole, &mut self.problems)?;
        self.write_sidecar(&meta.join("etude-carried.json"))?;
        Ok(Carried {
            folder: self.folder.to_owned(),
            robot: self.source.info.robot_type.clone().unwrap_or_default(),
            episodes: self.indexes.len() as u64,
            rows: self.rows,
            fps: self.fps,
            frames_copied: self.frames,
            problems: self.problems,
        })
    }

    fn write_statistics(&self, path: &Path) -> Result<(), Error> {
        let mut stats = Map::new();
        let numeric = self.columns.iter().filter(|column| column.has_numbers());
        for (column, numbers) in numeric.zip(&self.numbers) {
            stats.insert(column.key.clone(), described(&numbers.summary(), |values| json!(values)));
        }
        for ((key, ..), images) in
            self.cameras.iter().zip(&self.images).filter(|(_, images)| images.count > 0)
        {
            stats.insert(key.clone(), described(images, nested));
        }
        write_json(path, &stats)
    }

    /// The source's own info.json, with what version 3.0 says otherwise.
    fn write_info(&self, path: &Path) -> Result<(), Error> {
        let mut info = self.source.info_json()?;
        let episodes = self.indexes.len();
        if episodes != self.source.episodes.len() {
            info.insert("splits".to_owned(), json!({"train": format!("0:{episodes}")}));
        }
        for gone in ["total_chunks", "total_videos"] {
            info.remove(gone);
        }
        let video_path = (!self.cameras.is_empty())
            .then_some("videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4");
        let said = [
            ("codebase_version", json!("v3.0")),
            ("fps", json!(self.fps)),
            ("total_episodes", json!(episodes)),
            ("total_frames", json!(self.rows)),
            ("total_tasks", json!(self.tasks.0.len())),
            ("chunks_size", json!(CHUNK_FILES)),
            ("data_files_size_in_mb", json!((self.options.data_file_bytes >> 20).max(1))),
            ("video_files_size_in_mb", json!((self.options.video_file_bytes >> 20).max(1))),
            ("data_path", json!("data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet")),
            ("video_path", json!(video_path)),
        ];
        info.extend(said.map(|(key, value)| (key.to_owned(), value)));
        let features = info.entry("features").or_insert_with(|| json!({})).as_object_mut();
        let Some(features) = features else { return write_json(path, &info) };
        let is_there = |key: &str| {
            self.columns.iter().any(|column| column.key == key)
                || self.cameras.iter().any(|(own, ..)| own == key)
        };
        features.retain(|key, _| is_there(key));
        for column in self.columns.iter().filter(|column| column.is_numbering) {
            let described = || json!({"dtype": column.dtype, "shape": [1], "names": null});
            features.entry(&column.key).or_insert_with(described);
        }
        for feature in features.values_mut() {
            let Some(video) = feature.get_mut("info").and_then(Value::as_object_mut) else { continue };
            if let Some(is_depth) = video.remove("video.is_depth_map") {
                video.entry("is_depth_map").or_insert(is_depth);
            }
        }
        write_json(path, &info)
    }

    fn write_sidecar(&self, path: &Path) -> Result<(), Error> {
        let info = self.source.root().join("meta/info.json");
        let digest = digest_file(&info).map_err(Error::file("reading", &info))?;
        let rank_error = self.numbers.iter().map(Accumulator::rank_error).fold(0.0, f64::max);
        let sidecar = json!({
            "format": 1,
            "software": format!("etude {}", env!("CARGO_PKG_VERSION")),
            "from_version": self.source.info.version.name(),
            "from_info_json": digest,
            "rights": self.source.rights(),
            "source_episode_indexes": self.indexes,
            "statistics": format!(
                "numbers: count, min, max, mean and std are exact; quantiles are exact up to {EXACT} rows and off by at \
                 most quantile_rank_error of all ranks beyond. Pictures: as the source states per episode, joined by \
                 their counts; quantiles cannot be joined and are not there."
            ),
            "quantile_rank_error": rank_error,
            "problems": self.problems,
        });
        write_json(path, &sidecar)
    }
}

/// The cameras of which there are videos; one without any is told.
fn cameras(source: &Source, problems: &mut Vec<Problem>) -> Vec<String> {
    let declared = source.info.features.iter().filter(|feature| feature.dtype == "video");
    let mut keys: Vec<String> = declared.map(|feature| feature.key.clone()).collect();
    keys.retain(|key| {
        let mut parts = source.episodes.iter().filter_map(|episode| episode.videos.get(key));
        let is_there = parts.any(|part| part.path.is_file());
        if !is_there {
            let message = "info.json declares it, and no episode has its video; it is left out";
            problems.push(Problem::loss(key.clone(), message));
        }
        is_there
    });
    keys
}

/// Tasks in the order of their numbers, which become 0, 1, 2 and so on.
fn numbered(tasks: &BTreeMap<i64, String>) -> (Vec<String>, BTreeMap<i64, i64>) {
    let numbers = tasks.keys().zip(0..).map(|(old, new)| (*old, new)).collect();
    (tasks.values().cloned().collect(), numbers)
}
