//! The list of what may be longer than the rest, each with its reason.

use std::collections::BTreeSet;
use std::path::Path;

/// Lines of the form `PATH: REASON` for a file, `PATH::FUNCTION: REASON` for a function; `#` opens a comment.
pub(crate) struct Exceptions {
    listed: BTreeSet<String>,
    used: BTreeSet<String>,
    without_reason: Vec<String>,
}

impl Exceptions {
    pub(crate) fn read(path: &Path) -> Self {
        Self::parse(&super::read(path))
    }

    fn parse(text: &str) -> Self {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let (with_reason, without_reason): (Vec<_>, Vec<_>) = lines.partition(|line| line.contains(": "));
        Self {
            listed: with_reason.iter().filter_map(|line| Some(line.split_once(": ")?.0.to_owned())).collect(),
            used: BTreeSet::new(),
            without_reason: without_reason.iter().map(|&line| line.to_owned()).collect(),
        }
    }

    /// Whether this file or function is listed; it then counts as used.
    pub(crate) fn covers(&mut self, name: &str) -> bool {
        let listed = self.listed.contains(name);
        if listed {
            self.used.insert(name.to_owned());
        }
        listed
    }

    /// Entries that no longer serve, and entries without a reason.
    pub(crate) fn problems(&self) -> Vec<String> {
        let unused =
            self.listed.difference(&self.used).map(|name| format!("exception for {name}: no longer needed"));
        let bare = self.without_reason.iter().map(|line| format!("exception without a reason: {line}"));
        unused.chain(bare).collect()
    }
}

#[test]
fn an_exception_serves_or_is_reported() {
    let mut exceptions = Exceptions::parse("# note\na.rs: a table\na.rs::f: one match\nb.rs\n");
    assert!(exceptions.covers("a.rs") && !exceptions.covers("b.rs"));
    assert_eq!(
        exceptions.problems(),
        ["exception for a.rs::f: no longer needed", "exception without a reason: b.rs"]
    );
}
