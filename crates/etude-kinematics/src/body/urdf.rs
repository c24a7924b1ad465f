//! Fills a body from URDF.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use nalgebra::{Isometry3, Translation3, UnitQuaternion, Vector3};
use roxmltree::{Document, Node};
use urdf_rs::JointType;

use super::builder::{Builder, Coupling, JointSpec};
use super::inertial;
use super::{Body, BodyError, BodyOptions, FrameKind, JointKind, JointLimits, Remark};

/// Reads a URDF document. The root link is at the world's origin.
pub(super) fn read(
    text: &str,
    document: &Document<'_>,
    origin: &Path,
    options: &BodyOptions,
) -> Result<Body, BodyError> {
    let text = kinematic_text(text.trim_start_matches('\u{feff}').trim_start(), document);
    let robot = urdf_rs::read_from_string(&text).map_err(|error| BodyError::Format {
        path: origin.to_owned(),
        format: "URDF",
        detail: error.to_string(),
    })?;
    let mut builder = Builder::new(origin, &robot.name, options);
    let mut children: HashMap<&str, Vec<&urdf_rs::Joint>> = HashMap::new();
    let mut has_parent: HashSet<&str> = HashSet::new();
    let links: HashSet<&str> = robot.links.iter().map(|link| link.name.as_str()).collect();
    for joint in &robot.joints {
        for link in [&joint.parent.link, &joint.child.link] {
            if !links.contains(link.as_str()) {
                return Err(builder.element(
                    "joint",
                    &joint.name,
                    "links that the file has",
                    format!("\"{link}\""),
                ));
            }
        }
        if !has_parent.insert(&joint.child.link) {
            return Err(builder.element("link", &joint.child.link, "one parent joint", "two".to_owned()));
        }
        children.entry(&joint.parent.link).or_default().push(joint);
    }
    let mut roots = robot.links.iter().filter(|link| !has_parent.contains(link.name.as_str()));
    let (Some(root), None) = (roots.next(), roots.next()) else {
        return Err(builder.element("robot", &robot.name, "one root link", "none or several".to_owned()));
    };

    let masses: HashMap<&str, &urdf_rs::Link> =
        robot.links.iter().map(|link| (link.name.as_str(), link)).collect();
    push_link(&mut builder, &masses, &root.name, 0);
    let stated = stated_limits(document);
    let mut reached = 1;
    // Depth first, so that each limb's joints are together; last child on top, so that the file's order is kept.
    let mut open: Vec<(&urdf_rs::Joint, usize)> = below(&children, &root.name, 0).collect();
    while let Some((joint, carrier)) = open.pop() {
        let index = push_joint(&mut builder, joint, carrier, stated.contains(joint.name.as_str()), options)?;
        push_link(&mut builder, &masses, &joint.child.link, index);
        open.extend(below(&children, &joint.child.link, index));
        reached += 1;
    }
    if reached != robot.links.len() {
        return Err(builder.element("robot", &robot.name, "a tree", "links that run in a circle".to_owned()));
    }
    couple(&mut builder, &robot.joints)?;
    builder.finish()
}

/// The text with all that is no kinematics blanked: looks, shapes and plugins are not read here, so that nothing in them
/// can fail. Lines stay where they were.
fn kinematic_text(text: &str, document: &Document<'_>) -> String {
    let mut bytes = text.as_bytes().to_vec();
    let idle = |node: &Node<'_, '_>| {
        ["visual", "collision", "gazebo", "transmission", "material", "sensor"]
            .iter()
            .any(|tag| node.has_tag_name(*tag))
    };
    for node in document.descendants().filter(Node::is_element).filter(idle) {
        let range = node.range();
        for byte in bytes.iter_mut().take(range.end).skip(range.start) {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
    }
    String::from_utf8(bytes).expect("whole elements are blanked, so that no character is cut")
}

/// Adds a link's frame, which is its joint's, and its mass.
fn push_link(builder: &mut Builder, links: &HashMap<&str, &urdf_rs::Link>, name: &str, joint: usize) {
    builder.push_frame(name, FrameKind::Link, joint, Isometry3::identity());
    if let Some(stated) = links.get(name).and_then(|link| inertial::of_urdf(&link.inertial)) {
        builder.push_inertial(joint, &Isometry3::identity(), &stated);
    }
}

/// The joints that hang on a link, last one first, with the joint that carries it.
fn below<'a>(
    children: &HashMap<&str, Vec<&'a urdf_rs::Joint>>,
    link: &str,
    carrier: usize,
) -> impl Iterator<Item = (&'a urdf_rs::Joint, usize)> {
    children.get(link).into_iter().flatten().rev().map(move |&joint| (joint, carrier))
}

fn push_joint(
    builder: &mut Builder,
    joint: &urdf_rs::Joint,
    parent: usize,
    has_limits: bool,
    options: &BodyOptions,
) -> Result<usize, BodyError> {
    let kind = match joint.joint_type {
        JointType::Fixed => JointKind::Fixed,
        JointType::Revolute | JointType::Continuous => JointKind::Revolute,
        JointType::Prismatic => JointKind::Prismatic,
        JointType::Spherical => JointKind::Ball,
        JointType::Floating if options.freeze_free_joints => JointKind::Fixed,
        JointType::Floating => JointKind::Free,
        JointType::Planar => {
            return Err(builder.element(
                "joint",
                &joint.name,
                "a joint that is fixed, revolute, continuous, prismatic, spherical or floating",
                "planar".to_owned(),
            ));
        }
    };
    if kind.is_scalar() && joint.joint_type != JointType::Continuous && !has_limits {
        return Err(builder.element("joint", &joint.name, "a <limit>", "none".to_owned()));
    }
    let mut limits = JointLimits::NONE;
    if kind.is_scalar() && has_limits {
        limits = limits_of(builder, joint);
    }
    let xyz = joint.origin.xyz.0;
    let [roll, pitch, yaw] = joint.origin.rpy.0;
    builder.push_joint(JointSpec {
        name: joint.name.clone(),
        kind,
        parent,
        fixed: Isometry3::from_parts(
            Translation3::new(xyz[0], xyz[1], xyz[2]),
            UnitQuaternion::from_euler_angles(roll, pitch, yaw),
        ),
        axis: Vector3::from(joint.axis.xyz.0),
        reference: 0.0,
        limits,
        rest_pose: Isometry3::identity(),
    })
}

fn limits_of(builder: &mut Builder, joint: &urdf_rs::Joint) -> JointLimits {
    let stated = &joint.limit;
    let mut limits = JointLimits::NONE;
    if joint.joint_type != JointType::Continuous {
        (limits.lower, limits.upper) = (stated.lower, stated.upper);
        if stated.lower == 0.0 && stated.upper == 0.0 {
            builder.remark(Remark::EmptyRange(joint.name.clone()));
        }
    }
    if stated.velocity > 0.0 {
        limits.velocity = stated.velocity;
    } else {
        builder.remark(Remark::NoVelocityLimit(joint.name.clone()));
    }
    if stated.effort > 0.0 {
        limits.effort = stated.effort;
    }
    limits
}

/// Names of the joints that have a `<limit>`; the URDF reader gives zeros to those that have none.
fn stated_limits<'document>(document: &'document Document<'_>) -> HashSet<&'document str> {
    let has_limit = |joint: &Node<'_, '_>| joint.children().any(|child| child.has_tag_name("limit"));
    document
        .root_element()
        .children()
        .filter(|node| node.has_tag_name("joint"))
        .filter(has_limit)
        .filter_map(|joint| joint.attribute("name"))
        .collect()
}

fn couple(builder: &mut Builder, joints: &[urdf_rs::Joint]) -> Result<(), BodyError> {
    for joint in joints {
        let Some(mimic) = &joint.mimic else { continue };
        let follower = builder.joint(&joint.name).filter(|&joint| builder.kind(joint).is_scalar());
        // A fixed joint that states a source has nothing to move.
        let Some(follower) = follower else { continue };
        let Some(source) = builder.joint(&mimic.joint).filter(|&joint| builder.kind(joint).is_scalar())
        else {
            let expected = "a <mimic> of a revolute or prismatic joint of this file";
            return Err(builder.element("joint", &joint.name, expected, format!("\"{}\"", mimic.joint)));
        };
        builder.couple(&Coupling {
            follower,
            source,
            multiplier: mimic.multiplier.unwrap_or(1.0),
            offset: mimic.offset.unwrap_or(0.0),
        });
    }
    Ok(())
}
