//! Where things are: the workspace, the cache that outlives a checkout, the build output.

use std::env;
use std::path::{Path, PathBuf};

use crate::failure::{Failure, Result};

/// The folders that every command works with.
pub(crate) struct Place {
    /// The root of this checkout.
    pub(crate) workspace: PathBuf,
    /// Downloads, tools and peers, shared by all checkouts: `~/.cache/etude`, or below the workspace without a home.
    pub(crate) cache: PathBuf,
    /// Build output: `CARGO_TARGET_DIR`, else `~/.cache/etude/target`, else `target`.
    pub(crate) target: PathBuf,
}

impl Place {
    pub(crate) fn find() -> Result<Self> {
        let package = folder_variable("CARGO_MANIFEST_DIR")
            .unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")));
        let workspace = package
            .parent()
            .filter(|folder| folder.join("Cargo.toml").is_file())
            .ok_or_else(|| Failure::new(format!("{} is in no workspace", package.display())))?
            .to_path_buf();
        let home = folder_variable("HOME");
        Ok(Self {
            cache: cache_folder(home.as_deref(), &workspace),
            target: target_folder(folder_variable("CARGO_TARGET_DIR"), home.as_deref(), &workspace),
            workspace,
        })
    }

    /// What is fetched for this checkout: MuJoCo and the robot models.
    pub(crate) fn deps(&self) -> PathBuf {
        self.workspace.join(".deps")
    }

    /// Archives as they were fetched.
    pub(crate) fn downloads(&self) -> PathBuf {
        self.cache.join("downloads")
    }

    /// Programs that the tests need and the machine did not have.
    pub(crate) fn tools(&self) -> PathBuf {
        self.cache.join("tools")
    }
}

fn cache_folder(home: Option<&Path>, workspace: &Path) -> PathBuf {
    home.map_or_else(|| workspace.join(".deps").join("cache"), |home| home.join(".cache").join("etude"))
}

fn target_folder(set: Option<PathBuf>, home: Option<&Path>, workspace: &Path) -> PathBuf {
    match (set, home) {
        // A relative folder is relative to where cargo is started, and that is the workspace.
        (Some(set), _) => workspace.join(set),
        (None, Some(_)) => cache_folder(home, workspace).join("target"),
        (None, None) => workspace.join("target"),
    }
}

fn folder_variable(name: &str) -> Option<PathBuf> {
    env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn build_output_outlives_a_checkout_unless_told_otherwise() {
        let (home, workspace) = (Path::new("/home/ada"), Path::new("/src/etude"));
        assert_eq!(target_folder(None, Some(home), workspace), Path::new("/home/ada/.cache/etude/target"));
        assert_eq!(target_folder(None, None, workspace), Path::new("/src/etude/target"));
        assert_eq!(target_folder(Some("/t".into()), Some(home), workspace), Path::new("/t"));
        assert_eq!(target_folder(Some("out".into()), Some(home), workspace), Path::new("/src/etude/out"));
    }
}
