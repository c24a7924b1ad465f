//! What can be wrong with a body's shapes, and what is left out of them.

use std::path::PathBuf;

use crate::body::BodyError;

/// Shapes could not be read.
#[derive(Debug, thiserror::Error)]
pub enum GeometryError {
    /// The model itself cannot be read.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// The file is not the one that the body was read from.
    #[error("{}: expected the links of body \"{body}\", found no \"{link}\" there", path.display())]
    OtherBody {
        /// The file.
        path: PathBuf,
        /// Name of the body.
        body: String,
        /// The link that the body has not.
        link: String,
    },
}

/// A shape that was left out or made larger than it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GeometryRemark {
    /// A mesh whose file is absent or cannot be read.
    #[error("link \"{link}\": mesh \"{file}\" is left out: {detail}")]
    Mesh {
        /// The link.
        link: String,
        /// The file as the model names it.
        file: String,
        /// Why.
        detail: String,
    },
    /// A shape that a capsule cannot stand for: a plane, a height field, a size that is no size.
    #[error("link \"{link}\": a {shape} is left out")]
    Shape {
        /// The link.
        link: String,
        /// What it is.
        shape: String,
    },
}
