//! Which numbers, words and pictures of a recording reach the episode, and which do not: nothing is dropped unsaid.

use super::value::{Path, Step, Value};
use std::collections::BTreeMap;

/// Fields that are listed one by one; a message may have any number of names.
const MAX_FIELDS: usize = 500;

/// What of one topic's messages was used and what was not.
#[derive(Clone, Debug, Default)]
pub(crate) struct Coverage {
    used: Vec<Path>,
    /// Fields that nothing uses: how many messages had them, and how many values the largest held.
    pub(crate) unused: BTreeMap<String, (u64, usize)>,
}

impl Coverage {
    pub(crate) fn use_path(&mut self, path: &Path) {
        self.used.push(path.clone());
    }

    /// Notes what of a message no path leads to.
    pub(crate) fn see(&mut self, message: &Value) {
        let paths: Vec<&[Step]> = self.used.iter().map(Path::steps).collect();
        let mut found = BTreeMap::new();
        walk(message, &paths, &mut String::new(), &mut found);
        for (name, width) in found {
            if self.unused.len() < MAX_FIELDS || self.unused.contains_key(&name) {
                let entry = self.unused.entry(name).or_insert((0, 0));
                *entry = (entry.0 + 1, entry.1.max(width));
            }
        }
    }
}

fn walk(value: &Value, paths: &[&[Step]], name: &mut String, found: &mut BTreeMap<String, usize>) {
    if paths.iter().any(|path| path.is_empty()) {
        return;
    }
    let length = name.len();
    match value {
        Value::Struct(parts) => {
            for (part, value) in parts {
                let rest = after(paths, |step| matches!(step, Step::Part(wanted) if *wanted == **part));
                if !name.is_empty() {
                    name.push('.');
                }
                name.push_str(part);
                walk(value, &rest, name, found);
                name.truncate(length);
            }
        }
        Value::List(values) => {
            name.push_str("[]");
            for (at, value) in values.iter().enumerate() {
                let rest = after(paths, |step| step.meets(at, value));
                walk(value, &rest, name, found);
            }
            name.truncate(length);
        }
        leaf => {
            let width = match leaf {
                Value::Null => 0,
                Value::Text(text) => usize::from(!text.is_empty()),
                Value::Numbers(values) => unmet(values.len(), paths),
                Value::Bytes(values) => unmet(values.len(), paths),
                _ => 1,
            };
            if width > 0 {
                *found.entry(name.clone()).or_default() += width;
            }
        }
    }
}

/// The rest of each path whose first step fits.
fn after<'p>(paths: &[&'p [Step]], fits: impl Fn(&Step) -> bool) -> Vec<&'p [Step]> {
    paths
        .iter()
        .filter_map(|path| path.split_first().filter(|(step, _)| fits(step)).map(|(_, rest)| rest))
        .collect()
}

/// Elements of an array that no path leads to.
fn unmet(length: usize, paths: &[&[Step]]) -> usize {
    if paths.is_empty() {
        return length;
    }
    let met =
        |at: &usize| paths.iter().any(|path| path.first().is_some_and(|step| step.meets(*at, &Value::Null)));
    length - (0..length).filter(met).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn every_number_that_no_path_leads_to_is_counted() {
        let group = |parts: Vec<(&str, Value)>| {
            Value::Struct(parts.into_iter().map(|(name, value)| (Arc::from(name), value)).collect())
        };
        let pose =
            |x: f64| group(vec![("p", Value::Numbers(vec![x, x])), ("n", Value::Text("a".to_owned()))]);
        let message = group(vec![
            ("q", Value::Numbers(vec![1.0, 2.0, 3.0])),
            ("v", Value::Numbers(Vec::new())),
            ("poses", Value::List(vec![pose(1.0), pose(2.0)])),
        ]);
        let mut coverage = Coverage::default();
        for path in ["q[0:2]", "poses[0].p"] {
            coverage.use_path(&path.parse().expect("a path"));
        }
        coverage.see(&message);
        let unused: Vec<_> =
            coverage.unused.iter().map(|(name, (_, width))| (name.as_str(), *width)).collect();
        assert_eq!(unused, [("poses[].n", 2), ("poses[].p", 2), ("q", 1)]);
    }
}
