//! What can be wrong with a model, and what a model leaves unsaid.

use std::path::PathBuf;

use super::JointLimits;

/// A model could not be read.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// The file could not be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A bound that keeps reading finite was passed.
    #[error("{}: {found} {what} exceed the bound of {bound}", path.display())]
    Bound {
        /// The file.
        path: PathBuf,
        /// What is counted.
        what: &'static str,
        /// How many there are.
        found: u64,
        /// How many there may be.
        bound: u64,
    },
    /// The text is not XML.
    #[error("{}: not well-formed XML: {detail}", path.display())]
    Xml {
        /// The file.
        path: PathBuf,
        /// What the XML reader says.
        detail: String,
    },
    /// The root element is neither URDF's nor MJCF's.
    #[error("{}: expected <mujoco> or <robot> as root element, found <{found}>", path.display())]
    NotAModel {
        /// The file.
        path: PathBuf,
        /// Name of the root element.
        found: String,
    },
    /// An `<include>` cannot be followed.
    #[error("{}: <include file=\"{file}\">: {detail}", path.display())]
    Include {
        /// The file that includes.
        path: PathBuf,
        /// What it includes.
        file: String,
        /// What is wrong.
        detail: String,
    },
    /// The file is XML of the right kind, but its format's reader refuses it.
    #[error("{}: not valid {format}: {detail}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// "MJCF" or "URDF".
        format: &'static str,
        /// What the reader says.
        detail: String,
    },
    /// One element does not make sense.
    #[error("{}: <{element} name=\"{name}\">: expected {expected}, found {found}", path.display())]
    Element {
        /// The file.
        path: PathBuf,
        /// The element's tag.
        element: &'static str,
        /// The element's name.
        name: String,
        /// What it should be.
        expected: String,
        /// What it is.
        found: String,
    },
    /// What is wrong, with the line where the element stands.
    #[error("{source} (line {line})")]
    At {
        /// Line of the file, counted from 1.
        line: u32,
        /// What is wrong.
        source: Box<BodyError>,
    },
    /// Limits that no joint can keep.
    #[error("joint \"{joint}\": expected lower <= upper and a positive velocity, found {limits:?}")]
    Limits {
        /// The joint.
        joint: String,
        /// What was given.
        limits: JointLimits,
    },
}

/// A name that the body does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LookupError {
    /// No such joint.
    #[error("body \"{body}\" has no joint \"{name}\"")]
    Joint {
        /// The name looked for.
        name: String,
        /// The body's name.
        body: String,
    },
    /// No such link, body or site.
    #[error("body \"{body}\" has no link, body or site \"{name}\"")]
    Frame {
        /// The name looked for.
        name: String,
        /// The body's name.
        body: String,
    },
}

/// Something that the model leaves unsaid or that this body does not represent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Remark {
    /// A URDF joint states a velocity of zero; taken as "no limit stated".
    #[error("joint \"{0}\" states a velocity limit of 0; taken as none stated")]
    NoVelocityLimit(String),
    /// A URDF joint states no range or an empty one; it cannot move.
    #[error("joint \"{0}\" states the range [0, 0]; it cannot move")]
    EmptyRange(String),
    /// An equality that ties joints in a way this body does not represent: loops, curves, second sources.
    #[error("equality {0} is not represented; its joints move independently here")]
    Equality(String),
    /// A keyframe whose length is not that of the model's positions.
    #[error("keyframe \"{0}\" is ignored: its length is not that of the positions")]
    Keyframe(String),
    /// An included file that is not there.
    #[error("<include file=\"{0}\"> is left out: there is no such file")]
    MissingInclude(String),
    /// Two joints, or two frames of one kind, bear this name; the first is found.
    #[error("the name \"{0}\" is borne twice; lookups find the first")]
    DuplicateName(String),
}
