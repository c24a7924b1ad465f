//! Reading a model's text and telling the two formats apart.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use roxmltree::{Document, Node};

use super::{Body, BodyError, BodyOptions, mjcf, urdf, xml};

/// Longest model text that is read, bytes. The largest known vendor's file has 0.5 MB.
const MAX_TEXT_BYTES: u64 = 32 << 20;

pub(super) fn read(path: &Path, options: &BodyOptions) -> Result<Body, BodyError> {
    parse(&read_text(path)?, path, options)
}

pub(super) fn parse(text: &str, origin: &Path, options: &BodyOptions) -> Result<Body, BodyError> {
    let document = xml::parse(text, origin)?;
    read_kind(text, &document, origin, options).map_err(|error| placed(error, &document))
}

/// The error with the line of its element, where the document has one of that name.
fn placed(error: BodyError, document: &Document<'_>) -> BodyError {
    let BodyError::Element { element, name, .. } = &error else { return error };
    let is_it = |node: &Node<'_, '_>| {
        let named = node.attribute("name") == Some(name) || node.attribute("class") == Some(name);
        node.has_tag_name(*element) && (named || name.is_empty())
    };
    let Some(node) = document.descendants().find(is_it) else { return error };
    let line = document.text_pos_at(node.range().start).row;
    BodyError::At { line, source: Box::new(error) }
}

fn read_kind(
    text: &str,
    document: &Document<'_>,
    origin: &Path,
    options: &BodyOptions,
) -> Result<Body, BodyError> {
    match document.root_element().tag_name().name() {
        "mujoco" => mjcf::read(document, origin, options),
        "robot" => urdf::read(text, document, origin, options),
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
