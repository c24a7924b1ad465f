//! HDF5 files made of datasets and their paths.

use crate::hdf5::write::{Attribute, Element, Pieces, Writer};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// One dataset of a fixture.
pub(super) enum Made {
    Numbers(Vec<u64>, Vec<f64>),
    Whole(Vec<u64>, Vec<i64>),
    /// Rows of bytes of one shape.
    Pictures(Vec<u64>, Vec<Vec<u8>>),
    /// Numbers of 16 bits.
    Depths(Vec<u64>, Vec<u16>),
    /// Numbers of 32 bits and floating point.
    Floats(Vec<u64>, Vec<f32>),
    /// Rows of bytes of any length.
    Coded(Vec<Vec<u8>>),
}

/// Writes datasets by their paths.
pub(super) fn file(path: &Path, datasets: Vec<(&str, Made)>, attributes: &[(&str, Attribute)]) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    let mut writer = Writer::create(path).expect("a file");
    let mut groups: BTreeMap<String, Vec<(String, u64)>> = BTreeMap::from([(String::new(), Vec::new())]);
    for (path, made) in datasets {
        let at = match made {
            Made::Numbers(dims, values) => {
                let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
                writer.dataset(Element::Float64, &dims, &bytes, &[])
            }
            Made::Whole(dims, values) => {
                let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
                writer.dataset(Element::Int64, &dims, &bytes, &[])
            }
            Made::Depths(dims, values) => {
                let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
                writer.dataset(Element::UInt16, &dims, &bytes, &[])
            }
            Made::Floats(dims, values) => {
                let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
                writer.dataset(Element::Float32, &dims, &bytes, &[])
            }
            Made::Pictures(dims, rows) => {
                let mut pieces = Pieces::new(Element::UInt8, &dims, true);
                for row in &rows {
                    writer.piece(&mut pieces, row).expect("a row");
                }
                writer.close(&pieces, &[])
            }
            Made::Coded(rows) => {
                let bytes: Vec<u8> = rows.iter().flat_map(|row| writer.bytes(row).expect("bytes")).collect();
                writer.dataset(Element::Bytes, &[rows.len() as u64], &bytes, &[])
            }
        };
        let (group, name) = path.rsplit_once('/').unwrap_or(("", path));
        let mut above = group;
        while !above.is_empty() {
            groups.entry(above.to_owned()).or_default();
            above = above.rsplit_once('/').map_or("", |(above, _)| above);
        }
        groups.entry(group.to_owned()).or_default().push((name.to_owned(), at.expect("a dataset")));
    }
    while let Some((path, links)) = groups.pop_last() {
        let attributes: Vec<(String, Attribute)> = if path.is_empty() {
            attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
        } else {
            Vec::new()
        };
        let at = writer.group(&links, &attributes).expect("a group");
        if path.is_empty() {
            return writer.finish(at).expect("a file");
        }
        let (above, name) = path.rsplit_once('/').unwrap_or(("", &path));
        groups.entry(above.to_owned()).or_default().push((name.to_owned(), at));
    }
}
