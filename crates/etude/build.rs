//! Lets the `etude` program find the MuJoCo library without environment variables: beside it, in `../lib` where it is
//! installed, and in `.deps/mujoco` of this workspace (or `MUJOCO_LIB_DIR`) where it was built.

use std::env;
use std::path::PathBuf;

fn main() {
    println!("cargo::rerun-if-env-changed=MUJOCO_LIB_DIR");
    println!("cargo::rerun-if-changed=build.rs");
    let built_with = env::var_os("MUJOCO_LIB_DIR").filter(|folder| !folder.is_empty()).map_or_else(
        || {
            let package = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from).unwrap_or_default();
            package.join("..").join("..").join(".deps").join("mujoco")
        },
        PathBuf::from,
    );
    let built_with = built_with.canonicalize().unwrap_or(built_with);
    for folder in ["$ORIGIN".into(), "$ORIGIN/../lib".into(), built_with] {
        println!("cargo::rustc-link-arg=-Wl,-rpath,{}", folder.display());
    }
}
