//! What the fuzz targets do with their bytes: they lie in a file, as a stranger's would, and everything of it is read.
//!
//! A target that returns has passed; a finding is a panic, a fault of memory, memory beyond libFuzzer's limit, or an input
//! that takes longer than its timeout. Formats of several files, or of parts behind checksums, are put together here from
//! the parts that the input names ([`members`]), so that chance need not find names, directories and checksums.

pub mod frame;
pub mod members;
mod read;
pub mod seeds;

pub use read::{
    bitstream, card, episode, hdf5, in_folder, lerobot, mapping, mp4, one_file, picture, rlds, robot_model,
    rules, table, zarr,
};
