//! Collision shapes of a URDF or MJCF file, each as points or a capsule in the frame of its link.

use std::path::{Path, PathBuf};

use mjcf_rs::Model;
use mjcf_rs::assets::Mesh;
use mjcf_rs::body::{Geom, GeomType};
use nalgebra::{Isometry3, Point3, Quaternion, Translation3, UnitQuaternion, Vector3};

use super::solid::{ContactBits, Solid, outermost};
use super::{Capsule, Geometry, GeometryError, GeometryRemark, LinkCapsule, fit, mesh};
use crate::body::{Body, BodyError, FrameId, FrameKind, mjcf_check, source, xml};

/// Sides of the polygon that stands for a circle.
const SIDES: u32 = 16;

/// What one shape is.
enum Shape {
    Exact(Capsule),
    Points(Vec<Vector3<f64>>),
}

pub(super) fn from_path(body: &Body, path: &Path) -> Result<Geometry, GeometryError> {
    let text = source::read_text(path)?;
    let document = xml::parse(&text, path)?;
    let mut geometry = Geometry::default();
    if document.root_element().tag_name().name() == "mujoco" {
        // Includes that are not there were refused, or remarked, when the body was read.
        let (spliced, _) = xml::with_includes(&document, path, true)?;
        let document = xml::parse(&spliced, path)?;
        mjcf_check::check(&document, path)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let model = Model::from_str(&spliced, folder).map_err(|error| format("MJCF", path, &error))?;
        read_mjcf(&mut geometry, body, &model, path)?;
    } else {
        let text = text.trim_start_matches('\u{feff}').trim_start();
        let robot = urdf_rs::read_from_string(text).map_err(|error| format("URDF", path, &error))?;
        read_urdf(&mut geometry, body, &robot, path)?;
    }
    Ok(geometry)
}

fn format(format: &'static str, path: &Path, error: &dyn std::fmt::Display) -> BodyError {
    BodyError::Format { path: path.to_owned(), format, detail: error.to_string() }
}

fn other_body(body: &Body, path: &Path, link: &str) -> GeometryError {
    GeometryError::OtherBody { path: path.to_owned(), body: body.name().to_owned(), link: link.to_owned() }
}

impl Geometry {
    /// Wraps a shape that stands at `link_from_shape`.
    fn take(
        &mut self,
        body: &Body,
        link: FrameId,
        link_from_shape: &Isometry3<f64>,
        shape: Result<Shape, GeometryRemark>,
        bits: ContactBits,
    ) {
        let (capsule, points, radius_m) = match shape {
            Ok(Shape::Exact(capsule)) => {
                (Some(capsule), vec![capsule.start_m, capsule.end_m], capsule.radius_m)
            }
            Ok(Shape::Points(points)) => (fit::fit_capsule(&points), outermost(points), 0.0),
            Err(remark) => {
                self.remarks.push(remark);
                return;
            }
        };
        let joint_from_shape = body.frame_of(link).frame_in_joint * link_from_shape;
        match capsule.map(|capsule| capsule.moved(&joint_from_shape)).filter(Capsule::is_sound) {
            Some(in_joint) => {
                self.capsules.push(LinkCapsule { link, in_joint });
                let solid = Solid { link, points, radius_m, bits };
                self.solids.push(Solid { points: solid.moved(&joint_from_shape), ..solid });
            }
            None => self.remarks.push(GeometryRemark::Shape {
                link: body.frame_of(link).name.clone(),
                shape: "shape without a size".to_owned(),
            }),
        }
    }
}

fn read_urdf(
    geometry: &mut Geometry,
    body: &Body,
    robot: &urdf_rs::Robot,
    path: &Path,
) -> Result<(), GeometryError> {
    for link in &robot.links {
        let frame = body.frame(&link.name).map_err(|_| other_body(body, path, &link.name))?;
        for collision in &link.collision {
            let [x, y, z] = collision.origin.xyz.0;
            let [roll, pitch, yaw] = collision.origin.rpy.0;
            let link_from_shape = Isometry3::from_parts(
                Translation3::new(x, y, z),
                UnitQuaternion::from_euler_angles(roll, pitch, yaw),
            );
            let shape = urdf_shape(&collision.geometry, &link.name, path);
            geometry.take(body, frame, &link_from_shape, shape, ContactBits::ALL);
        }
    }
    Ok(())
}

fn urdf_shape(shape: &urdf_rs::Geometry, link: &str, path: &Path) -> Result<Shape, GeometryRemark> {
    Ok(match shape {
        urdf_rs::Geometry::Sphere { radius } => Shape::Exact(upright(0.0, *radius)),
        urdf_rs::Geometry::Capsule { radius, length } => Shape::Exact(upright(length / 2.0, *radius)),
        urdf_rs::Geometry::Cylinder { radius, length } => {
            Shape::Points(cylinder(*radius, *radius, length / 2.0))
        }
        urdf_rs::Geometry::Box { size } => Shape::Points(corners(&(Vector3::from(size.0) / 2.0))),
        urdf_rs::Geometry::Mesh { filename, scale } => {
            let scale = scale.map_or(Vector3::repeat(1.0), |scale| Vector3::from(scale.0));
            let points = named_mesh(link, filename, find_urdf_mesh(filename, path))?;
            Shape::Points(points.iter().map(|point| point.component_mul(&scale)).collect())
        }
    })
}

/// A mesh as URDF names it: a path, perhaps after `file://`, or one in a package that lies beside or above the model.
fn find_urdf_mesh(name: &str, model: &Path) -> Option<PathBuf> {
    let packaged = name.strip_prefix("package://").or_else(|| name.strip_prefix("model://"));
    let plain = name.strip_prefix("file://").unwrap_or(packaged.unwrap_or(name));
    let without_package = plain.split_once('/').map_or(plain, |(_, rest)| rest);
    let folders = model.ancestors().skip(1).take(if packaged.is_some() { 6 } else { 1 });
    let mut candidates = folders.flat_map(|folder| [folder.join(plain), folder.join(without_package)]);
    candidates.find(|candidate| candidate.is_file())
}

fn read_mjcf(geometry: &mut Geometry, body: &Body, model: &Model, path: &Path) -> Result<(), GeometryError> {
    // The body has one frame per MJCF body, in this order, after the world's.
    let mut frames =
        (1..body.frames().len()).map(FrameId).filter(|&id| body.frame_of(id).kind == FrameKind::Link);
    let mut named = Vec::new();
    for entry in model.bodies.iter().filter(|entry| entry.parent.is_some()) {
        let name = entry.body.name.as_deref().unwrap_or_default();
        let frame = frames.next().filter(|&frame| body.frame_of(frame).name == name);
        let frame = frame.ok_or_else(|| other_body(body, path, name))?;
        named.push((name, frame));
        for geom in entry.body.geoms.iter().filter(|geom| geom.contype != 0 || geom.conaffinity != 0) {
            let (link_from_shape, shape) = mjcf_shape(geom, model, name, path);
            let bits = ContactBits { kind: geom.contype, affinity: geom.conaffinity };
            geometry.take(body, frame, &link_from_shape, shape, bits);
        }
    }
    let of = |name: &str| named.iter().find(|(other, _)| *other == name).map(|&(_, frame)| frame);
    for exclude in &model.contact.excludes {
        if let (Some(one), Some(other)) = (of(&exclude.body1), of(&exclude.body2)) {
            geometry.exclude(one, other);
        }
    }
    Ok(())
}

fn mjcf_shape(
    geom: &Geom,
    model: &Model,
    link: &str,
    path: &Path,
) -> (Isometry3<f64>, Result<Shape, GeometryRemark>) {
    let size = Vector3::from(geom.size);
    let mut place = isometry(&geom.pose);
    let mut half = size.y;
    if let Some([x1, y1, z1, x2, y2, z2]) = geom.fromto {
        let (from, to) = (Vector3::new(x1, y1, z1), Vector3::new(x2, y2, z2));
        let turn = UnitQuaternion::rotation_between(&Vector3::z(), &(to - from));
        let turn =
            turn.unwrap_or_else(|| UnitQuaternion::from_scaled_axis(Vector3::x() * std::f64::consts::PI));
        place = Isometry3::from_parts(((from + to) / 2.0).into(), turn);
        half = (to - from).norm() / 2.0;
    }
    let stretched = |size: Vector3<f64>| {
        if geom.fromto.is_some() { Vector3::new(size.x, size.x, half) } else { size }
    };
    let unknown = |shape: &str| GeometryRemark::Shape { link: link.to_owned(), shape: shape.to_owned() };
    let shape = match (geom.type_, &geom.mesh) {
        (GeomType::Sdf, _) => Err(unknown("signed distance field")),
        (GeomType::Plane, _) => Err(unknown("plane")),
        (GeomType::Hfield, _) => Err(unknown("height field")),
        (GeomType::Mesh, None) => Err(unknown("mesh without a name")),
        (_, Some(name)) => mjcf_mesh(model, name, link, path).map(Shape::Points),
        (GeomType::Sphere, _) => Ok(Shape::Exact(upright(0.0, size.x))),
        (GeomType::Capsule, _) => Ok(Shape::Exact(upright(half, size.x))),
        (GeomType::Cylinder, _) => Ok(Shape::Points(cylinder(size.x, size.x, half))),
        (GeomType::Box, _) => Ok(Shape::Points(corners(&stretched(size)))),
        (GeomType::Ellipsoid, _) => Ok(Shape::Points(ellipsoid(&stretched(size)))),
    };
    (place, shape)
}

fn mjcf_mesh(
    model: &Model,
    name: &str,
    link: &str,
    path: &Path,
) -> Result<Vec<Vector3<f64>>, GeometryRemark> {
    let Some(mesh) = model.assets.mesh(name) else { return named_mesh(link, name, None) };
    let points = if let Some(inline) = &mesh.inline_vertices {
        inline.chunks_exact(3).map(|point| Vector3::new(point[0], point[1], point[2])).collect()
    } else {
        let file = mesh.file.as_deref().unwrap_or(name);
        named_mesh(link, file, find_mjcf_mesh(model, mesh, path))?
    };
    let (scale, reference) = (Vector3::from(mesh.scale), isometry(&mesh.refpose).inverse());
    let placed = points.iter().map(|point| (reference * Point3::from(point.component_mul(&scale))).coords);
    Ok(placed.collect())
}

fn find_mjcf_mesh(model: &Model, mesh: &Mesh, path: &Path) -> Option<PathBuf> {
    let file = Path::new(mesh.file.as_deref()?);
    let compiler = &model.compiler;
    let stripped = file.file_name().filter(|_| compiler.strip_path).map_or(file, Path::new);
    let folder = path.parent().unwrap_or(Path::new(""));
    let below = compiler.mesh_dir.as_deref().or(compiler.asset_dir.as_deref()).unwrap_or_default();
    let candidates = [folder.join(below).join(stripped), folder.join(stripped)];
    candidates.into_iter().find(|candidate| candidate.is_file())
}

fn named_mesh(link: &str, name: &str, path: Option<PathBuf>) -> Result<Vec<Vector3<f64>>, GeometryRemark> {
    let remark =
        |detail: String| GeometryRemark::Mesh { link: link.to_owned(), file: name.to_owned(), detail };
    let path = path.ok_or_else(|| remark("the file is not there".to_owned()))?;
    mesh::vertices(&path).map_err(remark)
}

/// A capsule along z around the origin.
fn upright(half_m: f64, radius_m: f64) -> Capsule {
    Capsule { start_m: -Vector3::z() * half_m, end_m: Vector3::z() * half_m, radius_m }
}

fn corners(half: &Vector3<f64>) -> Vec<Vector3<f64>> {
    let sign = |corner: u32, bit: u32| if corner >> bit & 1 == 1 { 1.0 } else { -1.0 };
    (0..8).map(|corner| half.component_mul(&Vector3::from_fn(|axis, _| sign(corner, axis as u32)))).collect()
}

/// Points whose hull contains an elliptic cylinder along z.
fn cylinder(radius_x: f64, radius_y: f64, half: f64) -> Vec<Vector3<f64>> {
    let outside = (std::f64::consts::PI / f64::from(SIDES)).cos().recip();
    let angle = |side: u32| f64::from(side) * std::f64::consts::TAU / f64::from(SIDES);
    let ring = |height: f64| {
        (0..SIDES).map(move |side| {
            let (sin, cos) = angle(side).sin_cos();
            Vector3::new(radius_x * outside * cos, radius_y * outside * sin, height)
        })
    };
    ring(-half).chain(ring(half)).collect()
}

/// Points whose hull contains an ellipsoid: a stack of rings a little outside of it.
fn ellipsoid(half: &Vector3<f64>) -> Vec<Vector3<f64>> {
    let step = std::f64::consts::PI / f64::from(SIDES);
    let outside = (step / 2.0).cos().powi(2).recip();
    let mut points = Vec::new();
    for ring in 0..=SIDES {
        let (sin, cos) = (f64::from(ring) * step).sin_cos();
        for side in 0..2 * SIDES {
            let (y, x) = (f64::from(side) * step).sin_cos();
            points.push(half.component_mul(&Vector3::new(sin * x, sin * y, cos)) * outside);
        }
    }
    points
}

fn isometry(pose: &mjcf_rs::Pose) -> Isometry3<f64> {
    let (t, r) = (pose.translation, pose.rotation);
    Isometry3::from_parts(
        Translation3::new(t.x, t.y, t.z),
        UnitQuaternion::from_quaternion(Quaternion::new(r.w, r.x, r.y, r.z)),
    )
}
