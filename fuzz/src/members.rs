//! Several files in one input: a name on a line of its own, the content, and a line of `%` before the next name.

use std::fs;
use std::path::{Component, Path};

/// What stands between two files.
const BETWEEN: &[u8] = b"\n%\n";
/// Files of one input.
const MOST: usize = 32;
/// Names within a path, and letters of each.
const LEVELS: usize = 8;
const LETTERS: usize = 80;

/// The parts between lines of `%`.
pub fn parts(data: &[u8]) -> Vec<&[u8]> {
    let (mut parts, mut rest) = (Vec::new(), data);
    while let (true, Some(at)) =
        (parts.len() < MOST, rest.windows(BETWEEN.len()).position(|bytes| bytes == BETWEEN))
    {
        parts.push(&rest[..at]);
        rest = &rest[at + BETWEEN.len()..];
    }
    parts.push(rest);
    parts
}

/// The name and the content of a part; none where the name would lead elsewhere.
pub fn named(part: &[u8]) -> Option<(&str, &[u8])> {
    let at = part.iter().position(|byte| *byte == b'\n')?;
    let name =
        std::str::from_utf8(&part[..at]).ok().filter(|name| !name.is_empty() && !name.contains('\0'))?;
    let mut names = Path::new(name).components();
    let plain = names.clone().count() <= LEVELS
        && names.all(|name| matches!(name, Component::Normal(name) if name.len() <= LETTERS));
    plain.then_some((name, &part[at + 1..]))
}

/// The files of an input.
pub fn members(data: &[u8]) -> Vec<(&str, &[u8])> {
    parts(data).into_iter().filter_map(named).collect()
}

/// An input of these files.
pub fn join<'m>(members: impl IntoIterator<Item = (&'m str, &'m [u8])>) -> Vec<u8> {
    let mut data = Vec::new();
    for (name, content) in members {
        if !data.is_empty() {
            data.extend(BETWEEN);
        }
        data.extend(name.as_bytes());
        data.push(b'\n');
        data.extend(content);
    }
    data
}

/// Lays the files of an input into a folder, which is emptied first.
pub fn unpack(data: &[u8], folder: &Path) {
    drop(fs::remove_dir_all(folder));
    fs::create_dir_all(folder).expect("a folder for the inputs");
    for (name, content) in members(data) {
        let path = folder.join(name);
        // Where a file stands in the way of a folder, the first one stays.
        if path.parent().is_some_and(|parent| fs::create_dir_all(parent).is_ok()) && !path.exists() {
            drop(fs::write(path, content));
        }
    }
}
