//! Refuses MJCF that its reader would not survive (classes that are their own parents, attached models in a circle,
//! sequences of Euler angles of another length) or would pass over in silence (repeated and composed bodies, models
//! attached in frames or from nowhere).

use std::collections::HashSet;
use std::path::Path;

use roxmltree::{Document, Node};

use super::{BodyError, source, xml};

/// Deepest nesting of models attached to models.
const MAX_ATTACHED: usize = 4;

/// Checks a document whose includes are spliced, and every model that it attaches.
pub(crate) fn check(document: &Document<'_>, origin: &Path) -> Result<(), BodyError> {
    check_at(document, origin, 0)
}

fn check_at(document: &Document<'_>, origin: &Path, depth: usize) -> Result<(), BodyError> {
    let root = document.root_element();
    let mut classes = HashSet::new();
    for top in root.children().filter(|node| node.has_tag_name("default")) {
        classes.insert(top.attribute("class").unwrap_or("main"));
    }
    for node in root.descendants().filter(Node::is_element) {
        match node.tag_name().name() {
            "default" if node.parent() != Some(root) => {
                let class = node.attribute("class").unwrap_or_default();
                if class.is_empty() || class == "main" || !classes.insert(class) {
                    return Err(element(
                        origin,
                        "default",
                        class,
                        "a class of its own",
                        "none or one that exists",
                    ));
                }
            }
            "compiler" => {
                let sequence = node.attribute("eulerseq").unwrap_or("xyz");
                if sequence.chars().count() != 3 || !sequence.chars().all(|axis| "xyzXYZ".contains(axis)) {
                    return Err(element(
                        origin,
                        "compiler",
                        "eulerseq",
                        "three of x, y, z, X, Y, Z",
                        sequence,
                    ));
                }
            }
            "model" if node.parent().is_some_and(|parent| parent.has_tag_name("asset")) => {
                check_attached(node, origin, depth)?;
            }
            "attach" => check_attachment(node, root, origin)?,
            tag @ ("replicate" | "composite" | "flexcomp") => {
                let found = format!("<{tag}>");
                return Err(element(origin, "worldbody", "", "bodies that are written out", &found));
            }
            _ => {}
        }
    }
    Ok(())
}

/// An attachment names a model that the document has, and stands where the reader looks for it.
fn check_attachment(node: Node<'_, '_>, root: Node<'_, '_>, origin: &Path) -> Result<(), BodyError> {
    let model = node.attribute("model").unwrap_or_default();
    let parent = node.parent().map_or("", |parent| parent.tag_name().name());
    if !matches!(parent, "body" | "worldbody") {
        return Err(element(origin, "attach", model, "to stand in a <body> or <worldbody>", parent));
    }
    let named = |node: &Node<'_, '_>| node.has_tag_name("model") && node.attribute("name") == Some(model);
    if !root.descendants().any(|node| named(&node)) {
        return Err(element(origin, "attach", model, "a <model> of this name", "none"));
    }
    Ok(())
}

fn check_attached(node: Node<'_, '_>, origin: &Path, depth: usize) -> Result<(), BodyError> {
    let file = node.attribute("file").unwrap_or_default();
    if depth >= MAX_ATTACHED {
        return Err(element(origin, "model", file, "models attached at most four deep", "a deeper one"));
    }
    let path = origin.parent().unwrap_or(Path::new("")).join(file);
    let text = source::read_text(&path)?;
    let document = xml::parse(&text, &path)?;
    if document.descendants().any(|node| node.has_tag_name("include")) {
        return Err(element(origin, "model", file, "an attached model without <include>", "one with it"));
    }
    let name = node.attribute("name");
    let attachments = node.document().descendants().filter(|node| node.has_tag_name("attach"));
    for attachment in attachments.filter(|attachment| attachment.attribute("model") == name) {
        let body = attachment.attribute("body").unwrap_or_default();
        let is_it = |node: &Node<'_, '_>| node.has_tag_name("body") && node.attribute("name") == Some(body);
        if body.is_empty() || !document.descendants().any(|node| is_it(&node)) {
            return Err(element(origin, "attach", name.unwrap_or_default(), "a <body> of the model", body));
        }
    }
    check_at(&document, &path, depth + 1)
}

fn element(origin: &Path, element: &'static str, name: &str, expected: &str, found: &str) -> BodyError {
    BodyError::Element {
        path: origin.to_owned(),
        element,
        name: name.to_owned(),
        expected: expected.to_owned(),
        found: found.to_owned(),
    }
}
