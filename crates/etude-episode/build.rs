//! Compiles the schemas in `proto/` to Rust and packs, per message, the descriptor set that a file carries.

use protox::prost::Message as _;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{env, fs};

const FOLDER: &str = "proto/etude/v1";

fn main() {
    println!("cargo::rerun-if-changed={FOLDER}");
    let mut files: Vec<PathBuf> = fs::read_dir(FOLDER)
        .expect("the schemas' folder is part of the crate")
        .map(|entry| entry.expect("a readable folder").path())
        .collect();
    files.sort();
    let mut set = protox::compile(&files, ["proto"]).unwrap_or_else(|error| panic!("{error}"));
    prost_build::Config::new().compile_fds(set.clone()).expect("the schemas compile to Rust");

    for file in &mut set.file {
        file.source_code_info = None;
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    for path in &files {
        let name =
            path.strip_prefix("proto").expect("listed under proto").to_string_lossy().replace('\\', "/");
        let mut wanted = BTreeSet::from([name.clone()]);
        for file in set.file.iter().rev() {
            // Imports stand before what imports them, so one pass from the back finds them all.
            if wanted.contains(file.name()) {
                wanted.extend(file.dependency.iter().cloned());
            }
        }
        let mut own = set.clone();
        own.file.retain(|file| wanted.contains(file.name()));
        let stem = Path::new(&name).file_stem().expect("a file's path").to_string_lossy().into_owned();
        fs::write(out.join(format!("{stem}.fds")), own.encode_to_vec()).expect("OUT_DIR can be written");
    }
}
