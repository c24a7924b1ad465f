//! Writes episodes as HDF5: in robomimic's layout, or in one like `RoboMIND`'s.
//!
//! Rows are those of every export (`crate::export`): each value with its age in the alignment report, nothing filled in.
//! Pictures are decoded, because both layouts keep them one by one. What the layouts have no place for (rights, origin,
//! calibration) stands in attributes and in `provenance.jsonl` beside them.
//!
//! Reading order: [`ExportOptions`], [`export()`], `robomimic`, `robomind`.

mod robomimic;
mod robomind;

use crate::export::pictures::{FrameFacts, pictures};
use crate::export::{
    AlignmentReport, Episodes, Error, ExportEpisode, Filed, Layout, NumberType, Piece, Provenance,
    RowOptions, Table, each, into_new_folder,
};
use crate::hdf5::write::{Attribute, Element, Pieces, Writer};
use crate::problem::Problem;
use etude_episode::Episode;
use etude_model::Digest;
use etude_video::RgbImage;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Which layout the files get.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HdfLayout {
    /// robomimic: one file, a group for each episode.
    #[default]
    Robomimic,
    /// Like `RoboMIND`: a file for each episode, pictures as PNG.
    Robomind,
}

/// How to export.
#[derive(Clone, Debug)]
pub struct ExportOptions {
    /// The layout.
    pub layout: HdfLayout,
    /// How rows are made of streams.
    pub rows: RowOptions,
    /// Whether pictures go along.
    pub pictures: bool,
    /// Whether each row of robomimic's layout also has the observations of the next; the last row, which has none, is
    /// then left out.
    pub next_observations: bool,
}

impl Default for ExportOptions {
    fn default() -> Self {
        Self {
            layout: HdfLayout::default(),
            rows: RowOptions::default(),
            pictures: true,
            next_observations: true,
        }
    }
}

/// Files that were written.
#[derive(Clone, Debug)]
pub struct Exported {
    /// Their folder.
    pub folder: PathBuf,
    /// Vendor and model of the robot.
    pub embodiment: String,
    /// Episodes; one with a gap in it becomes several.
    pub episodes: u64,
    /// Rows.
    pub rows: u64,
    /// Rows per second.
    pub fps: u32,
    /// Pictures.
    pub pictures: u64,
    /// What was left out or odd.
    pub problems: Vec<Problem>,
}

/// Exports episodes of one embodiment into a folder that does not exist or is empty.
///
/// `progress` is called with the episodes done and the episodes in all.
pub fn export(
    episodes: &[ExportEpisode],
    out: &Path,
    options: &ExportOptions,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Exported, Error> {
    export_each(&mut Filed::new(episodes), out, options, progress)
}

/// The same with episodes that come to be one after another.
pub fn export_each(
    episodes: &mut dyn Episodes,
    out: &Path,
    options: &ExportOptions,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Exported, Error> {
    let write = |folder: &Path| write(episodes, folder, options, progress);
    into_new_folder(out, write).map(|exported| Exported { folder: out.to_owned(), ..exported })
}

fn write(
    episodes: &mut dyn Episodes,
    folder: &Path,
    options: &ExportOptions,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<Exported, Error> {
    fs::create_dir_all(folder).map_err(Error::file("making the folder", folder))?;
    let mut export: Option<Export> = None;
    let mut problems = Vec::new();
    each(episodes, &mut problems, progress, |episode, digest, problems| {
        let export = match &mut export {
            Some(export) => export,
            None => export.insert(Export::begin(&episode, folder, options)?),
        };
        export.add(&episode, digest, problems)
    })?;
    match export {
        Some(export) if export.rows > 0 => export.finish(problems),
        _ => Err(Error::Nothing { problems: problems.iter().map(ToString::to_string).collect() }),
    }
}

/// The files of a layout.
enum Files {
    Robomimic(Box<robomimic::Demos>),
    Robomind(robomind::Trajectories),
}

/// An export in the making.
struct Export {
    plan: Layout,
    folder: PathBuf,
    options: ExportOptions,
    files: Files,
    report: AlignmentReport,
    provenance: io::BufWriter<fs::File>,
    episodes: u64,
    rows: u64,
    pictures: u64,
}

/// One run of rows on its way out.
struct Run<'r> {
    episode: &'r Episode,
    plan: &'r Layout,
    table: &'r Table,
    piece: &'r Piece,
    provenance: &'r Provenance,
    options: &'r ExportOptions,
}

impl Export {
    fn begin(first: &Episode, folder: &Path, options: &ExportOptions) -> Result<Self, Error> {
        let plan = Layout::of(first, &options.rows)?;
        let files = match options.layout {
            HdfLayout::Robomimic => Files::Robomimic(Box::new(robomimic::Demos::begin(folder, &plan)?)),
            HdfLayout::Robomind => Files::Robomind(robomind::Trajectories::new(folder)),
        };
        let path = folder.join("provenance.jsonl");
        let provenance = fs::File::create(&path).map_err(Error::file("making the file", &path))?;
        Ok(Self {
            report: AlignmentReport::create(&folder.join("alignment"), &plan, &options.rows)?,
            plan,
            folder: folder.to_owned(),
            options: options.clone(),
            files,
            provenance: io::BufWriter::new(provenance),
            episodes: 0,
            rows: 0,
            pictures: 0,
        })
    }

    fn add(&mut self, episode: &Episode, digest: Digest, problems: &mut Vec<Problem>) -> Result<(), Error> {
        let plan = Layout::of(episode, &self.options.rows)?;
        if let Some((expected, found)) = self.plan.difference(&plan) {
            return Err(Error::Mixed { subject: episode.name().to_owned(), expected, found });
        }
        let table = Table::of(episode, &plan, &self.options.rows)?;
        let provenance = Provenance::of(episode, digest)?;
        for mut piece in table.pieces(episode.name(), self.options.rows.stale, problems) {
            let has_next = self.options.layout == HdfLayout::Robomimic && self.options.next_observations;
            if piece.is_too_short(usize::from(has_next), episode.name(), problems) {
                continue;
            }
            let options = &self.options;
            let run =
                Run { episode, plan: &plan, table: &table, piece: &piece, provenance: &provenance, options };
            self.pictures += match &mut self.files {
                Files::Robomimic(demos) => demos.add(&run)?,
                Files::Robomind(trajectories) => trajectories.add(&run)?,
            };
            if has_next {
                piece.rows.pop();
                let message = "its last row is left out: it has no next observation";
                problems.push(Problem::note(episode.name(), message));
            }
            self.report.push(self.episodes, episode, &table, &piece)?;
            let path = self.folder.join("provenance.jsonl");
            writeln!(self.provenance, "{}", provenance.to_json()).map_err(Error::file("writing", &path))?;
            self.rows += piece.len() as u64;
            self.episodes += 1;
        }
        Ok(())
    }

    fn finish(mut self, mut problems: Vec<Problem>) -> Result<Exported, Error> {
        if let Files::Robomimic(demos) = self.files {
            demos.finish(self.rows)?;
        }
        let path = self.folder.join("provenance.jsonl");
        self.provenance.flush().map_err(Error::file("writing", &path))?;
        self.report.finish()?;
        if !self.options.pictures {
            let cameras = self.plan.cameras.iter();
            problems.extend(cameras.map(|camera| Problem::loss(camera.key.clone(), "left out as asked")));
        }
        Ok(Exported {
            folder: self.folder,
            embodiment: self.plan.card.title(),
            episodes: self.episodes,
            rows: self.rows,
            fps: self.plan.fps,
            pictures: self.pictures,
            problems,
        })
    }
}

impl Run<'_> {
    /// A feature's rows as elements; `skip`: rows at the beginning that are left out, `take`: rows that follow.
    fn elements(&self, feature: usize, (skip, take): (usize, usize)) -> (Element, Vec<u64>, Vec<u8>) {
        let width = self.plan.features.get(feature).map_or(0, crate::export::Feature::width);
        let values = self.table.numbers_of(feature, self.plan, self.piece);
        let values = values.get(skip * width..(skip + take) * width).unwrap_or_default();
        let number = self.plan.features.get(feature).map_or(NumberType::F64, |feature| feature.number);
        let (element, bytes) = match number {
            NumberType::F32 => {
                (Element::Float32, values.iter().flat_map(|value| (*value as f32).to_le_bytes()).collect())
            }
            NumberType::F64 => {
                (Element::Float64, values.iter().flat_map(|value| value.to_le_bytes()).collect())
            }
            NumberType::I64 => {
                (Element::Int64, values.iter().flat_map(|value| (*value as i64).to_le_bytes()).collect())
            }
            NumberType::Bool => {
                (Element::UInt8, values.iter().map(|value| u8::from(*value != 0.0)).collect())
            }
        };
        (element, vec![take as u64, width as u64], bytes)
    }

    /// Calls `each` with every row's number and picture of a camera.
    fn pictures(
        &self,
        camera: usize,
        each: &mut dyn FnMut(usize, &RgbImage) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let Some(plan) = self.plan.cameras.get(camera) else { return Ok(()) };
        let facts = FrameFacts::of(self.episode, &plan.topic)?;
        let wanted = self.table.frames_of(camera, self.piece);
        pictures(self.episode, &plan.topic, &facts, &wanted, each)
    }

    /// Names and units of a feature's numbers, for its attributes.
    fn names(&self, feature: usize) -> Vec<(String, Attribute)> {
        let Some(feature) = self.plan.features.get(feature) else { return Vec::new() };
        let names = serde_json::json!(feature.names());
        let units: Vec<_> =
            feature.numbers.iter().map(|number| number.unit.map(etude_model::Unit::symbol)).collect();
        vec![
            ("names".to_owned(), Attribute::Text(names.to_string())),
            ("units".to_owned(), Attribute::Text(serde_json::json!(units).to_string())),
        ]
    }
}

/// A feature's or camera's name within a file: what LeRobot puts before it falls off.
fn short(key: &str) -> String {
    key.strip_prefix("observation.").unwrap_or(key).replace(['.', '/'], "_")
}

fn text(name: &str, value: impl Into<String>) -> (String, Attribute) {
    (name.to_owned(), Attribute::Text(value.into()))
}

/// A camera's pictures as a dataset of bytes, \[row, height, width, colour\].
struct Frames {
    pieces: Option<(Pieces, (u32, u32))>,
}

impl Frames {
    const fn new() -> Self {
        Self { pieces: None }
    }

    fn push(&mut self, writer: &mut Writer, subject: &str, image: &RgbImage) -> Result<(), Error> {
        let size = (image.width(), image.height());
        let (pieces, first) = self.pieces.get_or_insert_with(|| {
            (Pieces::new(Element::UInt8, &[size.1.into(), size.0.into(), 3], true), size)
        });
        if *first != size {
            let message = format!("expected pictures of {first:?} pixels, found {size:?}");
            return Err(Error::Video { subject: subject.to_owned(), message });
        }
        writer.piece(pieces, image.data()).map_err(Error::file("writing", Path::new(subject)))
    }
}
