//! LeRobotDataset: versions 2.0, 2.1 and 3.0 in, versions 2.1 (also for GR00T) and 3.0 out.
//!
//! An [`Importer`] turns each episode of a dataset into an episode file, with the embodiment card saying what each
//! number is; what neither card nor dataset settles is refused with the question. [`export`](export()) writes a dataset
//! that LeRobot opens as its own. Both stream: numbers of one episode and one coded frame are in memory at a time.

mod beside;
mod error;
mod export;
mod import;
mod info;
mod mapping;
mod modality;
mod rows;
mod source;
mod tables;

pub use crate::export::{ExportEpisode, FloatType};
pub use error::Error;
pub use export::{
    Carried, DatasetLayout, ExportOptions, Exported, carry, export, export_each, export_release,
};
pub use import::{ImportOptions, Imported, Importer};
pub use info::{Feature, Info, Version};
pub use mapping::{Mapping, Part};
pub use modality::BodyPart;
pub use source::{Source, SourceEpisode, VideoPart};
