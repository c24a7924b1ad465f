//! What lies where in a centre's folder.
//!
//! ```text
//! centre.toml                         what the centre is called; its presence makes the folder a centre
//! catalogue.sqlite                    the index over everything below
//! episodes/<first two>/<digest>.mcap  one file per take
//! layers/<first two>/<digest>.json    what was said of episodes later
//! releases/<name>.json                immutable datasets
//! ```

use etude_model::Digest;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// `centre.toml`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Version of the folder's layout; 1.
    pub schema: u32,
    /// What people call the centre.
    pub name: String,
}

/// Version of the layout that this crate writes.
pub const SCHEMA: u32 = 1;

/// The paths of a centre.
#[derive(Clone, Debug)]
pub struct Layout {
    root: PathBuf,
}

impl Layout {
    /// The paths below this folder.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// `centre.toml`.
    pub fn settings(&self) -> PathBuf {
        self.root.join("centre.toml")
    }

    /// Held while the tables are brought to this version.
    pub fn lock(&self) -> PathBuf {
        self.root.join(".lock")
    }

    /// The database.
    pub fn catalogue(&self) -> PathBuf {
        self.root.join("catalogue.sqlite")
    }

    /// The folder of episodes.
    pub fn episodes(&self) -> PathBuf {
        self.root.join("episodes")
    }

    /// The folder of layers.
    pub fn layers(&self) -> PathBuf {
        self.root.join("layers")
    }

    /// The folder of releases.
    pub fn releases(&self) -> PathBuf {
        self.root.join("releases")
    }

    /// An episode's file, relative to the folder, with `/` between its parts.
    pub fn episode_file(digest: &Digest) -> String {
        let name = digest.to_string();
        format!("episodes/{}/{name}.mcap", &name[..2])
    }

    /// An episode's file.
    pub fn episode(&self, digest: &Digest) -> PathBuf {
        self.root.join(Self::episode_file(digest))
    }

    /// A layer's file.
    pub fn layer(&self, digest: &Digest) -> PathBuf {
        let name = digest.to_string();
        self.layers().join(&name[..2]).join(format!("{name}.json"))
    }

    /// A release's file.
    pub fn release(&self, name: &str) -> PathBuf {
        self.releases().join(format!("{name}.json"))
    }
}
