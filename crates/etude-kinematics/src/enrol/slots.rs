//! What was found for one joint, before names are heard.

use super::skeleton::Index;

/// A joint and its name within a part.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) node: Index,
    pub(super) name: String,
    pub(super) confidence: f64,
    pub(super) instead: Option<String>,
    pub(super) why: String,
}

pub(super) fn found(
    node: Index,
    name: &str,
    confidence: f64,
    instead: Option<&'static str>,
    why: &str,
) -> Found {
    Found {
        node,
        name: name.to_owned(),
        confidence,
        instead: instead.map(str::to_owned),
        why: why.to_owned(),
    }
}
