//! Fewer triangles: meshes of STL and OBJ files with their vertices clustered, so that cameras render fast on a CPU.

use std::collections::{HashMap, HashSet};
use std::path::Path;

/// Vertices \[vertex × xyz\], f32, in the file's unit, and faces \[face × 3\] of indices into them.
#[derive(Debug)]
pub(super) struct Mesh {
    pub(super) vertices: Vec<f32>,
    pub(super) faces: Vec<i32>,
}

/// Bounds what a mesh file may hold.
const MAX_TRIANGLES: usize = 4_000_000;

/// A cell is at most this share of the mesh's longest edge, so that small parts keep their shape.
const LARGEST_CELL_SHARE: f32 = 1.0 / 9.0;

/// Reads a mesh file and clusters its vertices in cells of `cell` (in the file's unit). `None`: not a file this reader
/// knows, or nothing would be left; the model's own file is used then.
pub(super) fn decimated(path: &Path, cell: f32) -> Option<Mesh> {
    let bytes = std::fs::read(path).ok()?;
    let extension = path.extension()?.to_str()?.to_ascii_lowercase();
    let corners = match extension.as_str() {
        "stl" => corners_of_stl(&bytes)?,
        "obj" => corners_of_obj(std::str::from_utf8(&bytes).ok()?)?,
        _ => return None,
    };
    cluster(&corners, cell)
}

/// Three corners per triangle.
type Corners = Vec<[[f32; 3]; 3]>;

fn corners_of_stl(bytes: &[u8]) -> Option<Corners> {
    let count = u32::from_le_bytes(bytes.get(80..84)?.try_into().ok()?) as usize;
    if count > MAX_TRIANGLES || bytes.len() < 84 + count * 50 {
        return None;
    }
    let number =
        |at: usize| -> Option<f32> { Some(f32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?)) };
    let corner = |at: usize| -> Option<[f32; 3]> { Some([number(at)?, number(at + 4)?, number(at + 8)?]) };
    (0..count)
        .map(|triangle| {
            let at = 84 + triangle * 50 + 12;
            Some([corner(at)?, corner(at + 12)?, corner(at + 24)?])
        })
        .collect()
}

fn corners_of_obj(text: &str) -> Option<Corners> {
    let mut vertices: Vec<[f32; 3]> = Vec::new();
    let mut corners = Corners::new();
    for line in text.lines() {
        let mut words = line.split_ascii_whitespace();
        match words.next() {
            Some("v") => {
                let mut number = || words.next()?.parse::<f32>().ok();
                vertices.push([number()?, number()?, number()?]);
            }
            Some("f") => {
                let face: Vec<[f32; 3]> =
                    words.map(|word| obj_vertex(word, &vertices)).collect::<Option<_>>()?;
                let (first, rest) = face.split_first()?;
                corners.extend(rest.windows(2).map(|pair| [*first, pair[0], pair[1]]));
                if corners.len() > MAX_TRIANGLES {
                    return None;
                }
            }
            _ => {}
        }
    }
    Some(corners)
}

fn obj_vertex(word: &str, vertices: &[[f32; 3]]) -> Option<[f32; 3]> {
    let index: i64 = word.split('/').next()?.parse().ok()?;
    let at = if index < 0 { vertices.len() as i64 + index } else { index - 1 };
    vertices.get(usize::try_from(at).ok()?).copied()
}

fn cluster(corners: &Corners, cell: f32) -> Option<Mesh> {
    let (mut low, mut high) = ([f32::MAX; 3], [f32::MIN; 3]);
    for point in corners.iter().flatten() {
        for axis in 0..3 {
            low[axis] = low[axis].min(point[axis]);
            high[axis] = high[axis].max(point[axis]);
        }
    }
    let longest = (0..3).map(|axis| high[axis] - low[axis]).fold(0.0_f32, f32::max);
    let cell = cell.min(longest * LARGEST_CELL_SHARE);
    if !cell.is_finite() || cell <= 0.0 {
        return None;
    }
    let mut clusters: HashMap<[i32; 3], usize> = HashMap::new();
    let mut sums: Vec<([f64; 3], f64)> = Vec::new();
    let mut faces: Vec<[usize; 3]> = Vec::new();
    let mut seen = HashSet::new();
    for triangle in corners {
        let face = triangle.map(|point| {
            let key = point.map(|value| (value / cell).floor() as i32);
            let index = *clusters.entry(key).or_insert_with(|| {
                sums.push(([0.0; 3], 0.0));
                sums.len() - 1
            });
            let (sum, count) = &mut sums[index];
            for axis in 0..3 {
                sum[axis] += f64::from(point[axis]);
            }
            *count += 1.0;
            index
        });
        let mut key = face;
        key.sort_unstable();
        if key[0] != key[1] && key[1] != key[2] && seen.insert(key) {
            faces.push(face);
        }
    }
    compact(&faces, &sums)
}

/// Keeps the vertices that a face uses.
fn compact(faces: &[[usize; 3]], sums: &[([f64; 3], f64)]) -> Option<Mesh> {
    let mut place = vec![None; sums.len()];
    let mut mesh = Mesh { vertices: Vec::new(), faces: Vec::with_capacity(faces.len() * 3) };
    for &index in faces.iter().flatten() {
        let at = *place[index].get_or_insert_with(|| {
            let (sum, count) = sums[index];
            mesh.vertices.extend(sum.map(|value| (value / count) as f32));
            (mesh.vertices.len() / 3 - 1) as i32
        });
        mesh.faces.push(at);
    }
    // Four vertices and four faces are the least that enclose a volume.
    (mesh.vertices.len() >= 12 && mesh.faces.len() >= 12).then_some(mesh)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CUBE: &str = "v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\nv 0 0 1\nv 1 0 1\nv 1 1 1\nv 0 1 1\n\
        f 1 2 3 4\nf 5/1 6/1 7/1 8/1\nf 1//2 2//2 6//2 5//2\nf -7 -6 -2 -3\nf 3 4 8 7\nf 4 1 5 8\n";

    #[test]
    fn a_cube_stays_a_cube() {
        let corners = corners_of_obj(CUBE).expect("an OBJ");
        assert_eq!(corners.len(), 12);
        let mesh = cluster(&corners, 10.0).expect("a mesh");
        assert_eq!(mesh.vertices.len(), 24);
        assert_eq!(mesh.faces.len(), 36);
    }

    #[test]
    fn broken_files_are_left_alone() {
        assert!(corners_of_stl(&[0; 40]).is_none());
        assert!(corners_of_stl(&[255; 90]).is_none());
        assert!(corners_of_obj("v 0 0 0\nf 1 2 3\n").is_none());
        assert!(cluster(&Vec::new(), 1.0).is_none());
    }
}
