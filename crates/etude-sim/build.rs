//! Puts the MuJoCo library where the linker, and every program that cargo starts, will find it.
//!
//! The library comes out of `cargo xtask setup` (or from `MUJOCO_LIB_DIR`); nothing is fetched here. A copy in `OUT_DIR`
//! serves `cargo run` and `cargo test`, which put a package's search paths inside the target folder on the loader's path.

use std::path::{Path, PathBuf};
use std::{env, fs, process};

/// The one version that the bindings accept; its file name is also its `SONAME`.
const LIBRARY: &str = "libmujoco.so.3.17.0";

fn main() {
    println!("cargo::rerun-if-env-changed=MUJOCO_LIB_DIR");
    println!("cargo::rerun-if-changed=build.rs");
    let folder = library_folder();
    let library = folder.join(LIBRARY);
    println!("cargo::rerun-if-changed={}", library.display());
    if !library.is_file() {
        fail(&format!("{} is missing: run `cargo xtask setup`", library.display()));
    }
    let out = PathBuf::from(variable("OUT_DIR"));
    if let Err(error) = fs::copy(&library, out.join(LIBRARY)) {
        fail(&format!("cannot copy {} to {}: {error}", library.display(), out.display()));
    }
    println!("cargo::rustc-link-search=native={}", out.display());
    // For this package's own tests and examples when something other than cargo starts them.
    println!("cargo::rustc-link-arg=-Wl,-rpath,{}", folder.display());
}

/// `MUJOCO_LIB_DIR` where set, else `.deps/mujoco` of this workspace.
fn library_folder() -> PathBuf {
    if let Some(folder) = env::var_os("MUJOCO_LIB_DIR").filter(|folder| !folder.is_empty()) {
        return PathBuf::from(folder);
    }
    let package = PathBuf::from(variable("CARGO_MANIFEST_DIR"));
    let workspace = package.ancestors().nth(2).map_or_else(|| package.clone(), Path::to_path_buf);
    workspace.join(".deps").join("mujoco")
}

/// A variable that cargo always sets for a build script.
fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|error| fail(&format!("{name}: {error}; this is a build script for cargo")))
}

fn fail(message: &str) -> ! {
    println!("cargo::error={message}");
    process::exit(1)
}
