//! The inputs that a target begins with, made here: by our own writers where there is one, else by hand.

mod bag;
mod database;
mod exports;
mod texts;

use std::fs;
use std::path::Path;

/// Lays seeds into `corpus/NAME` where there is nothing yet.
pub fn lay(target: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    fs::create_dir_all(&folder).expect("a folder for the corpus");
    if fs::read_dir(&folder).expect("the corpus").next().is_none() {
        for (number, seed) in seeds(target).into_iter().enumerate() {
            fs::write(folder.join(format!("seed_{number:02}")), seed).expect("a seed");
        }
    }
}

/// The seeds of a target.
pub fn seeds(target: &str) -> Vec<Vec<u8>> {
    match target {
        "aframe" => texts::aframe(),
        "bitstream" => exports::bitstream(),
        "bvh" => texts::bvh(),
        "card" => texts::below("robots", "toml"),
        "episode" => vec![exports::episode(true), exports::episode(false)],
        "hdf5" => exports::hdf5(),
        "lerobot" => exports::lerobot(),
        "mapping" => texts::below("mappings", "toml"),
        "mcap" => exports::mcap(),
        "mp4" => exports::mp4(),
        "picture" => exports::pictures(),
        "rlds" => exports::rlds(),
        "robot_model" => texts::robot_models(),
        "rosbag1" => bag::bags(),
        "rosbag2" => database::databases(),
        "rules" => texts::rules(),
        "table" => texts::tables(),
        "xr_teleoperate" => texts::xr_teleoperate(),
        "zarr" => texts::zarr(),
        other => panic!("no seeds for {other}"),
    }
}
