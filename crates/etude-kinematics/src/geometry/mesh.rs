//! Vertices of mesh files: STL, binary and as text, and OBJ. Triangles are of no interest here.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use nalgebra::Vector3;

/// Largest mesh file that is read, bytes.
const MAX_BYTES: u64 = 256 << 20;
/// Length of binary STL's header with its count, bytes.
const STL_HEADER: usize = 84;
/// Length of one triangle of binary STL, bytes: a normal, three vertices, two spare bytes.
const STL_TRIANGLE: usize = 50;

/// The vertices of a mesh file, in its own unit; what is wrong with it as text.
pub(super) fn vertices(path: &Path) -> Result<Vec<Vector3<f64>>, String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(format!("more than {MAX_BYTES} bytes"));
    }
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase()).unwrap_or_default();
    let mut points = match ending.as_str() {
        "stl" => stl(&bytes)?,
        "obj" => lines(&bytes, "v")?,
        other => return Err(format!("expected an STL or OBJ file, found \"{other}\"")),
    };
    // A vertex stands once in every triangle that it is part of.
    points.sort_by(|a, b| a.x.total_cmp(&b.x).then(a.y.total_cmp(&b.y)).then(a.z.total_cmp(&b.z)));
    points.dedup();
    if points.is_empty() { Err("no vertex".to_owned()) } else { Ok(points) }
}

fn stl(bytes: &[u8]) -> Result<Vec<Vector3<f64>>, String> {
    let count = bytes.get(STL_HEADER - 4..STL_HEADER).and_then(|count| count.try_into().ok());
    let count = count.map_or(0, u32::from_le_bytes) as usize;
    let body = bytes.get(STL_HEADER..).unwrap_or_default();
    if count == 0 || count.checked_mul(STL_TRIANGLE) != Some(body.len()) {
        return lines(bytes, "vertex");
    }
    let number = |four: &[u8]| four.try_into().map_or(f64::NAN, |four| f64::from(f32::from_le_bytes(four)));
    let corners = body.chunks_exact(STL_TRIANGLE).flat_map(|triangle| triangle[12..48].chunks_exact(12));
    let points = corners.map(|corner| Vector3::from_iterator(corner.chunks_exact(4).map(number)));
    finite(points.collect())
}

/// Three numbers of every line that begins with `word`.
fn lines(bytes: &[u8], word: &str) -> Result<Vec<Vector3<f64>>, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "neither binary nor text".to_owned())?;
    let mut points = Vec::new();
    for line in text.lines() {
        let mut parts = line.split_ascii_whitespace();
        if parts.next() != Some(word) {
            continue;
        }
        let mut number = || parts.next().and_then(|part| part.parse().ok()).unwrap_or(f64::NAN);
        points.push(Vector3::new(number(), number(), number()));
    }
    finite(points)
}

fn finite(points: Vec<Vector3<f64>>) -> Result<Vec<Vector3<f64>>, String> {
    let sound = points.iter().all(|point| point.iter().all(|value| value.is_finite()));
    if sound { Ok(points) } else { Err("a vertex that is not three finite numbers".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, bytes: &[u8]) -> Result<Vec<Vector3<f64>>, String> {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).expect("written");
        vertices(&path)
    }

    #[test]
    fn the_same_triangle_reads_alike_in_every_format() {
        let corners = [[0.0_f32, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 2.0, 0.5]];
        let mut binary = vec![b's'; 80];
        binary.extend(1_u32.to_le_bytes());
        binary.extend([0; 12]);
        corners.iter().flatten().for_each(|value| binary.extend(value.to_le_bytes()));
        binary.extend([0; 2]);
        let list = |word: &str| {
            corners.iter().map(|[x, y, z]| format!("{word} {x} {y} {z}\n")).collect::<Vec<_>>().concat()
        };
        let text = format!("solid s\nfacet normal 0 0 1\nouter loop\n{}endloop\nendfacet\n", list("vertex"));
        let expected = read("a.STL", &binary).expect("binary");
        assert_eq!(expected.len(), 3);
        assert_eq!(read("b.stl", text.as_bytes()), Ok(expected.clone()));
        assert_eq!(read("c.obj", format!("o x\n{}f 1 2 3\n", list("v")).as_bytes()), Ok(expected));
    }

    #[test]
    fn what_is_no_mesh_is_refused() {
        assert_eq!(read("a.dae", b"<x/>"), Err("expected an STL or OBJ file, found \"dae\"".to_owned()));
        assert_eq!(read("a.obj", b"f 1 2 3"), Err("no vertex".to_owned()));
        assert!(read("a.obj", b"v 1 nan 3").is_err() && read("a.stl", &[0xff; 100]).is_err());
        assert!(vertices(Path::new("/nowhere/at/all.stl")).is_err());
    }
}
