//! XML: parsing with a bound, splicing MJCF's `<include>`s, and writing a tree back as text.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use roxmltree::{Document, Node, ParsingOptions};

use super::{BodyError, source};

/// Most elements, attributes and texts in one document.
const MAX_NODES: u32 = 2_000_000;
/// Most files that one model may include; vendors' models include fewer than ten.
const MAX_INCLUDES: usize = 64;

/// Deepest nesting of elements; a humanoid's file has about forty.
const MAX_DEPTH: usize = 200;

/// Parses one document.
pub(crate) fn parse<'text>(text: &'text str, origin: &Path) -> Result<Document<'text>, BodyError> {
    let options = ParsingOptions { allow_dtd: false, nodes_limit: MAX_NODES, ..ParsingOptions::default() };
    let document = Document::parse_with_options(text.trim_start_matches('\u{feff}').trim_start(), options)
        .map_err(|error| BodyError::Xml { path: origin.to_owned(), detail: error.to_string() })?;
    let depth = depth(&document);
    if depth > MAX_DEPTH {
        let (path, found, bound) = (origin.to_owned(), depth as u64, MAX_DEPTH as u64);
        return Err(BodyError::Bound { path, what: "levels of elements", found, bound });
    }
    Ok(document)
}

/// Deepest nesting of a document, found without recursion.
fn depth(document: &Document<'_>) -> usize {
    let (mut node, mut level, mut deepest) = (document.root(), 0, 0);
    loop {
        if let Some(child) = node.first_child() {
            (node, level) = (child, level + 1);
            deepest = deepest.max(level);
            continue;
        }
        loop {
            if let Some(sibling) = node.next_sibling() {
                node = sibling;
                break;
            }
            let Some(parent) = node.parent() else { return deepest };
            (node, level) = (parent, level - 1);
        }
    }
}

/// Writes an MJCF document with every `<include>` replaced by the children of the included file's root.
///
/// Returns the text and the files that are not there, where `skip_missing` allows that.
/// As in MuJoCo, a file is looked for beside the main one and may be included once; beside the including one is tried second.
pub(crate) fn with_includes(
    document: &Document<'_>,
    origin: &Path,
    skip_missing: bool,
) -> Result<(String, Vec<String>), BodyError> {
    let mut splice = Splice {
        main_folder: origin.parent().unwrap_or(Path::new("")).to_owned(),
        included: Vec::new(),
        text: String::new(),
        missing: skip_missing.then(Vec::new),
    };
    splice.element(document.root_element(), origin)?;
    Ok((splice.text, splice.missing.unwrap_or_default()))
}

struct Splice {
    main_folder: PathBuf,
    included: Vec<PathBuf>,
    text: String,
    /// Files that are not there, where one may go on without them.
    missing: Option<Vec<String>>,
}

impl Splice {
    fn element(&mut self, node: Node<'_, '_>, origin: &Path) -> Result<(), BodyError> {
        let tag = node.tag_name().name();
        if tag == "include" {
            return self.include(node, origin);
        }
        let _ = write!(self.text, "<{tag}");
        for attribute in node.attributes() {
            let _ = write!(self.text, " {}=\"", attribute.name());
            escape(attribute.value(), &mut self.text);
            self.text.push('"');
        }
        self.text.push('>');
        for child in node.children().filter(Node::is_element) {
            self.element(child, origin)?;
        }
        let _ = write!(self.text, "</{tag}>");
        Ok(())
    }

    fn include(&mut self, node: Node<'_, '_>, origin: &Path) -> Result<(), BodyError> {
        let file = node.attribute("file").unwrap_or_default();
        let fail =
            |detail: String| BodyError::Include { path: origin.to_owned(), file: file.to_owned(), detail };
        let beside_origin = origin.parent().unwrap_or(Path::new("")).join(file);
        let beside_main = self.main_folder.join(file);
        let path = if beside_main.is_file() { beside_main } else { beside_origin };
        if !path.exists()
            && let Some(missing) = &mut self.missing
        {
            missing.push(file.to_owned());
            return Ok(());
        }
        if self.included.contains(&path) {
            return Err(fail("the file is included twice".to_owned()));
        }
        if self.included.len() >= MAX_INCLUDES {
            return Err(fail(format!("more than {MAX_INCLUDES} files are included")));
        }
        self.included.push(path.clone());
        let text = source::read_text(&path).map_err(|error| fail(error.to_string()))?;
        let document = parse(&text, &path)?;
        for child in document.root_element().children().filter(Node::is_element) {
            self.element(child, &path)?;
        }
        Ok(())
    }
}

fn escape(value: &str, text: &mut String) {
    for character in value.chars() {
        match character {
            '&' => text.push_str("&amp;"),
            '<' => text.push_str("&lt;"),
            '"' => text.push_str("&quot;"),
            other => text.push(other),
        }
    }
}
