//! Effort limits that MJCF joints state themselves (`actuatorfrcrange`), which the MJCF reader does not give.

use std::collections::HashMap;

use roxmltree::{Document, Node};

/// `actuatorfrcrange` of joints by name, and of default classes for joints that state none.
pub(super) struct ByClass {
    joints: HashMap<String, f64>,
    classes: HashMap<String, f64>,
}

impl ByClass {
    /// Reads a document whose includes are spliced.
    pub(super) fn read(document: &Document<'_>) -> Self {
        let mut efforts = Self { joints: HashMap::new(), classes: HashMap::new() };
        for top in document.root_element().children().filter(|node| node.has_tag_name("default")) {
            efforts.read_class(top, None);
        }
        for joint in document.descendants().filter(|node| node.has_tag_name("joint")) {
            if let (Some(name), Some(effort)) = (joint.attribute("name"), effort_of(joint)) {
                efforts.joints.insert(name.to_owned(), effort);
            }
        }
        efforts
    }

    fn read_class(&mut self, node: Node<'_, '_>, inherited: Option<f64>) {
        let own = node.children().filter(|child| child.has_tag_name("joint")).find_map(effort_of);
        let effort = own.or(inherited);
        if let Some(effort) = effort {
            self.classes.insert(node.attribute("class").unwrap_or("main").to_owned(), effort);
        }
        for child in node.children().filter(|child| child.has_tag_name("default")) {
            self.read_class(child, effort);
        }
    }

    /// Highest torque or force of a joint either way, N·m or N.
    pub(super) fn of(&self, joint: &str, class: Option<&str>) -> Option<f64> {
        self.joints.get(joint).or_else(|| self.classes.get(class.unwrap_or("main"))).copied()
    }
}

fn effort_of(joint: Node<'_, '_>) -> Option<f64> {
    let range = joint.attribute("actuatorfrcrange")?;
    let limit = range.split_ascii_whitespace().filter_map(|part| part.parse::<f64>().ok()).map(f64::abs);
    limit.fold(None, |highest: Option<f64>, value| Some(highest.map_or(value, |other| other.max(value))))
}
