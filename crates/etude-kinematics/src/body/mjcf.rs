//! Fills a body from MJCF.

use std::collections::HashSet;
use std::path::Path;

use mjcf_rs::Model;
use mjcf_rs::body::JointType;
use mjcf_rs::equality::{Equality, EqualityJoint};
use nalgebra::{Isometry3, Point3, Quaternion, Translation3, UnitQuaternion, Vector3};
use roxmltree::Document;

use super::builder::{Builder, Coupling, JointSpec};
use super::{
    Body, BodyError, BodyOptions, FrameKind, JointId, JointKind, JointLimits, Loop, Remark, Tendon, inertial,
    mjcf_check, mjcf_effort, xml,
};
use crate::forward::Poses;

/// Reads an MJCF document after splicing its includes.
pub(super) fn read(document: &Document<'_>, origin: &Path, options: &BodyOptions) -> Result<Body, BodyError> {
    let (spliced, missing) = xml::with_includes(document, origin, options.skip_missing_includes)?;
    let document = xml::parse(&spliced, origin)?;
    mjcf_check::check(&document, origin)?;
    let folder = origin.parent().unwrap_or(Path::new(""));
    let model = Model::from_str(&spliced, folder).map_err(|error| BodyError::Format {
        path: origin.to_owned(),
        format: "MJCF",
        detail: error.to_string(),
    })?;
    let efforts = mjcf_effort::ByClass::read(&document);
    let mut builder = Builder::new(origin, model.name.as_deref().unwrap_or_default(), options);
    for file in missing {
        builder.remark(Remark::MissingInclude(file));
    }
    let mut keyframe_mask = Vec::new();
    push_bodies(&mut builder, &model, &efforts, options, &mut keyframe_mask)?;
    actuator_efforts(&mut builder, &model);
    if !model.actuators.is_empty() {
        let joints = driven(&builder, &model);
        builder.drive(joints);
    }
    couple(&mut builder, &model);
    pull_tendons(&mut builder, &model);
    close_loops(&mut builder, &document);
    for key in model.keyframes.iter().filter(|key| !key.qpos.is_empty()) {
        let name = key.name.as_deref().unwrap_or_default();
        let kept = key.qpos.iter().zip(&keyframe_mask).filter(|&(_, &kept)| kept).map(|(&value, _)| value);
        // A keyframe of another length fails the builder's own check.
        let positions = if key.qpos.len() == keyframe_mask.len() { kept.collect() } else { vec![f64::NAN] };
        builder.push_keyframe(name, positions);
    }
    builder.finish()
}

/// Where a body's frame is: the joint that carries it and its pose in that joint's frame.
#[derive(Clone, Copy)]
struct Place {
    joint: usize,
    offset: Isometry3<f64>,
}

fn push_bodies(
    builder: &mut Builder,
    model: &Model,
    efforts: &mjcf_effort::ByClass,
    options: &BodyOptions,
    keyframe_mask: &mut Vec<bool>,
) -> Result<(), BodyError> {
    let world = Place { joint: 0, offset: Isometry3::identity() };
    let mut places: Vec<Place> = Vec::with_capacity(model.bodies.len());
    for entry in &model.bodies {
        let body = &entry.body;
        let name = body.name.as_deref().unwrap_or_default();
        let place = match entry.parent {
            None => world,
            Some(parent) => {
                let Some(&carrier) = places.get(parent) else {
                    return Err(builder.element(
                        "body",
                        name,
                        "a parent before its child",
                        format!("body {parent}"),
                    ));
                };
                let place = Place { joint: carrier.joint, offset: carrier.offset * pose(&body.pose) };
                push_joints(builder, body, place, model, efforts, options, keyframe_mask)?
            }
        };
        if entry.parent.is_some() {
            builder.push_frame(name, FrameKind::Link, place.joint, place.offset);
            if let Some(stated) = &body.inertial {
                builder.push_inertial(place.joint, &place.offset, &inertial::of_mjcf(stated));
            }
        }
        for site in &body.sites {
            let site_name = site.name.as_deref().unwrap_or_default();
            builder.push_frame(site_name, FrameKind::Site, place.joint, place.offset * pose(&site.pose));
        }
        places.push(place);
    }
    Ok(())
}

/// Adds the joints between a body and its parent and says where the body is then. A body without joints adds none:
/// it is a frame of the joint that carries it.
fn push_joints(
    builder: &mut Builder,
    body: &mjcf_rs::body::Body,
    mut place: Place,
    model: &Model,
    efforts: &mjcf_effort::ByClass,
    options: &BodyOptions,
    keyframe_mask: &mut Vec<bool>,
) -> Result<Place, BodyError> {
    for joint in &body.joints {
        let name = joint.name.clone().unwrap_or_default();
        let anchor = Isometry3::from(Translation3::from(joint.pos));
        let (kind, fixed) = match joint.type_ {
            JointType::Hinge => (JointKind::Revolute, place.offset * anchor),
            JointType::Slide => (JointKind::Prismatic, place.offset * anchor),
            JointType::Ball => (JointKind::Ball, place.offset * anchor),
            JointType::Free if options.freeze_free_joints => (JointKind::Fixed, place.offset),
            // A free joint's values are the body's pose in the world; the body's own pose is only where it rests.
            JointType::Free => (JointKind::Free, Isometry3::identity()),
        };
        if joint.type_ == JointType::Free && (body.joints.len() > 1 || place.joint != 0) {
            return Err(builder.element(
                "body",
                &name,
                "a free joint alone, on a child of the world",
                "more".to_owned(),
            ));
        }
        let mut limits = JointLimits::NONE;
        if let Some([lower, upper]) = joint.range
            && kind.is_scalar()
            && joint.limited.resolve(model.compiler.autolimits, true)
        {
            (limits.lower, limits.upper) = (lower, upper);
        }
        limits.effort = efforts.of(&name, joint.class.as_deref()).unwrap_or(f64::INFINITY);
        let frozen = joint.type_ == JointType::Free && kind == JointKind::Fixed;
        keyframe_mask.extend(std::iter::repeat_n(!frozen, if frozen { 7 } else { kind.position_len() }));
        let index = builder.push_joint(JointSpec {
            name,
            kind,
            parent: place.joint,
            fixed,
            axis: Vector3::from(joint.axis),
            reference: if kind.is_scalar() { joint.ref_ } else { 0.0 },
            limits,
            rest_pose: place.offset,
        })?;
        let is_free = joint.type_ == JointType::Free;
        place =
            Place { joint: index, offset: if is_free { Isometry3::identity() } else { anchor.inverse() } };
    }
    Ok(place)
}

/// Where a joint states no effort itself, that of its actuators counts.
fn actuator_efforts(builder: &mut Builder, model: &Model) {
    for actuator in &model.actuators {
        let (Some(joint), Some([lower, upper])) = (&actuator.joint, actuator.force_range) else { continue };
        let Some(joint) = builder.joint(joint) else { continue };
        let effort = lower.abs().max(upper.abs()) * gear(actuator);
        let limits = builder.limits_mut(joint);
        if limits.effort.is_infinite() && effort > 0.0 {
            limits.effort = effort;
        }
    }
}

fn gear(actuator: &mjcf_rs::extras::Actuator) -> f64 {
    let gear = actuator.gear.first().copied().unwrap_or(1.0).abs();
    if gear == 0.0 { 1.0 } else { gear }
}

/// Takes equalities between joints as followers; what cannot be one is remarked.
fn couple(builder: &mut Builder, model: &Model) {
    let driven: HashSet<&str> =
        model.actuators.iter().filter_map(|actuator| actuator.joint.as_deref()).collect();
    for equality in &model.equality {
        let (what, common) = match equality {
            Equality::Connect(connect) => ("connect", &connect.common),
            Equality::Weld(weld) => ("weld", &weld.common),
            Equality::Tendon(tendon) => ("tendon", &tendon.common),
            Equality::Joint(joint) => ("joint", &joint.common),
        };
        if !common.active {
            continue;
        }
        let coupling = match equality {
            Equality::Joint(joint) => coupling(builder, joint, &driven),
            _ => None,
        };
        if let Some(coupling) = coupling {
            builder.couple(&coupling);
        } else {
            let name = common.name.as_deref().unwrap_or_default();
            builder.remark(Remark::Equality(format!("<{what} name=\"{name}\">")));
        }
    }
}

/// Links that `connect` and `weld` tie to each other. The reader gives only those that name bodies, so the text is asked.
fn close_loops(builder: &mut Builder, document: &Document<'_>) {
    let poses = Poses::new(builder.body());
    let ties = document.root_element().children().filter(|node| node.has_tag_name("equality"));
    for tie in ties.flat_map(|node| node.children()) {
        if !(tie.has_tag_name("connect") || tie.has_tag_name("weld"))
            || tie.attribute("active") == Some("false")
        {
            continue;
        }
        let end = |body: &str, site: &str| {
            let of_body = tie.attribute(body).and_then(|name| builder.frame(FrameKind::Link, name));
            of_body.or_else(|| tie.attribute(site).and_then(|name| builder.frame(FrameKind::Site, name)))
        };
        let (Some(one), Some(other)) = (end("body1", "site1"), end("body2", "site2")) else { continue };
        let joints = [one.joint, other.joint];
        let anchor = tie.attribute("anchor").and_then(point);
        let shared_m = match (tie.has_tag_name("connect"), one.kind, other.kind) {
            // Two sites are where they are; of two bodies the second has its point where the first has it at rest.
            (true, FrameKind::Site, FrameKind::Site) => {
                Some([one, other].map(|site| site.frame_in_joint.translation.vector.into()))
            }
            (true, FrameKind::Link, _) => anchor.map(|anchor| {
                let in_one = one.frame_in_joint * anchor;
                let in_other = poses
                    .world_from_joint(other.joint)
                    .inverse_transform_point(&(poses.world_from_joint(one.joint) * in_one));
                [in_one, in_other]
            }),
            _ => None,
        };
        builder.close_loop(Loop { joints, shared_m });
    }
}

/// Three numbers.
fn point(text: &str) -> Option<Point3<f64>> {
    let numbers: Vec<f64> = text.split_whitespace().map_while(|word| word.parse().ok()).collect();
    <[f64; 3]>::try_from(numbers).ok().filter(|it| it.iter().all(|value| value.is_finite())).map(Point3::from)
}

/// Joints that actuators drive, directly or through a tendon.
fn driven(builder: &Builder, model: &Model) -> HashSet<JointId> {
    let tendons = model.actuators.iter().filter_map(|actuator| actuator.tendon.as_deref());
    let through = tendons.flat_map(|name| {
        let tendon = model.tendons.iter().find(|tendon| tendon.name.as_deref() == Some(name));
        tendon.into_iter().flat_map(|tendon| tendon.joints.iter().map(|term| term.joint.as_str()))
    });
    let direct = model.actuators.iter().filter_map(|actuator| actuator.joint.as_deref());
    direct.chain(through).filter_map(|name| builder.joint(name)).collect()
}

/// Tendons that an actuator pulls, none of whose joints has an actuator of its own.
fn pull_tendons(builder: &mut Builder, model: &Model) {
    let driven: HashSet<&str> = model.actuators.iter().filter_map(|a| a.joint.as_deref()).collect();
    for name in model.actuators.iter().filter_map(|actuator| actuator.tendon.as_deref()) {
        let tendon = model.tendons.iter().find(|tendon| tendon.name.as_deref() == Some(name));
        let terms = tendon.map_or(&[][..], |tendon| &tendon.joints);
        if terms.iter().any(|term| driven.contains(term.joint.as_str())) {
            continue;
        }
        let scalar = |term: &mjcf_rs::tendon::TendonJoint| {
            let joint = builder.joint(&term.joint).filter(|&joint| builder.kind(joint).is_scalar())?;
            Some((joint, term.coef))
        };
        let joints = terms.iter().filter_map(scalar).collect();
        builder.pull(Tendon { name: name.to_owned(), joints });
    }
}

/// MuJoCo ties `joint1` to a polynomial of `joint2`, both counted from their references. The driven one of the two leads.
fn coupling(builder: &Builder, equality: &EqualityJoint, driven: &HashSet<&str>) -> Option<Coupling> {
    let second = equality.joint2.as_deref()?;
    let scalar = |name: &str| builder.joint(name).filter(|&joint| builder.kind(joint).is_scalar());
    let (joint1, joint2) = (scalar(&equality.joint1)?, scalar(second)?);
    let [constant, slope, curve @ ..] = equality.polycoef;
    if curve.iter().any(|&value| value != 0.0) || slope == 0.0 || !slope.is_finite() || !constant.is_finite()
    {
        return None;
    }
    let (reference1, reference2) = (builder.reference(joint1), builder.reference(joint2));
    let second_leads = Coupling {
        follower: joint1,
        source: joint2,
        multiplier: slope,
        offset: reference1 + constant - slope * reference2,
    };
    let first_leads = Coupling {
        follower: joint2,
        source: joint1,
        multiplier: slope.recip(),
        offset: reference2 - (constant + reference1) / slope,
    };
    let free = |joint: JointId| !builder.is_follower(joint);
    let first_is_driven = driven.contains(equality.joint1.as_str()) && !driven.contains(second);
    let (preferred, other) =
        if first_is_driven { (first_leads, second_leads) } else { (second_leads, first_leads) };
    if free(preferred.follower) { Some(preferred) } else { free(other.follower).then_some(other) }
}

pub(super) fn pose(pose: &mjcf_rs::Pose) -> Isometry3<f64> {
    let (t, r) = (pose.translation, pose.rotation);
    Isometry3::from_parts(
        Translation3::new(t.x, t.y, t.z),
        UnitQuaternion::from_quaternion(Quaternion::new(r.w, r.x, r.y, r.z)),
    )
}
