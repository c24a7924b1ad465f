//! Reading a model's text and telling the two formats apart.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::{Body, BodyError, BodyOptions, mjcf, urdf, xml};

/// Longest model text that is read, bytes. The largest known vendor's file has 0.5 MB.
const MAX_TEXT_BYTES: u64 = 32 << 20;

pub(super) fn read(path: &Path, options: &BodyOptions) -> Result<Body, BodyError> {
    parse(&read_text(path)?, path, options)
}

pub(super) fn parse(text: &str, origin: &Path, options: &BodyOptions) -> Result<Body, BodyError> {
    let document = xml::parse(text, origin)?;
    match document.root_element().tag_name().name() {
        "mujoco" => mjcf::read(&document, origin, options),
        "robot" => urdf::read(text, &document, origin, options),
        found => Err(BodyError::NotAModel { path: origin.to_owned(), found: found.to_owned() }),
    }
}

/// Reads a whole text file of bounded size.
pub(crate) fn read_text(path: &Path) -> Result<String, BodyError> {
    let fail = |source| BodyError::Read { path: path.to_owned(), source };
    let file = File::open(path).map_err(fail)?;
    let mut text = String::new();
    let read = file.take(MAX_TEXT_BYTES + 1).read_to_string(&mut text).map_err(fail)?;
    if read as u64 > MAX_TEXT_BYTES {
        return Err(BodyError::Bound {
            path: path.to_owned(),
            what: "bytes",
            found: read as u64,
            bound: MAX_TEXT_BYTES,
        });
    }
    Ok(text)
}
