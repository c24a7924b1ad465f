//! What the benchmark writes for the peers' script: the hand as a URDF, and its joints per frame.

use std::fmt::Write;

use etude_kinematics::hand::{HandModel, HandRetarget, HandSize, HandSkeleton, HumanFinger};
use etude_kinematics::{Body, FrameId, JointId, JointKind, Poses};
use nalgebra::{Isometry3, Point3, Translation3};
use serde_json::{Map, Value, json};

use crate::recordings::Recording;

/// The record of one hand on one recording.
#[expect(clippy::too_many_arguments, reason = "every one is a field of the record")]
pub(crate) fn hand(
    name: &str,
    body: &Body,
    model: &HandModel,
    recording: &Recording,
    size: &HandSize,
    scale: f64,
    wrist_in_palm_m: [f64; 3],
    runs: &Map<String, Value>,
) -> Value {
    let fingers: Vec<_> = model.fingers.iter().map(|finger| finger.follows.to_string()).collect();
    let retarget = HandRetarget::new(body, model, etude_kinematics::hand::HandRetargetOptions::default());
    let joints: Vec<_> = retarget
        .iter()
        .flat_map(|retarget| retarget.joints().map(|joint| label(body, joint)).collect::<Vec<_>>())
        .collect();
    json!({
        "hand": name,
        "recording": recording.name,
        "mirrored": recording.frames.first().is_some_and(|(_, hand)| hand.side != model.side),
        "joints": joints,
        "fingers": fingers,
        "human_length_m": HumanFinger::ALL.map(|finger| size.length_m(finger)),
        "scale": scale,
        "wrist_in_palm_m": wrist_in_palm_m,
        "urdf": urdf(body, model, wrist_in_palm_m),
        "interval_s": recording.frames.iter().map(|(dt, _)| *dt).collect::<Vec<_>>(),
        "runs": runs,
    })
}

/// One frame: joint positions, and the fingers' joints and targets in the palm's frame, m.
pub(crate) fn frame(body: &Body, model: &HandModel, retarget: &HandRetarget, hand: &HandSkeleton) -> Value {
    let mut positions = body.rest().to_vec();
    retarget.apply(&mut positions);
    body.apply_mimics(&mut positions);
    let targets: Vec<Option<[f64; 3]>> = retarget
        .tip_targets()
        .iter()
        .map(|target| target.map(|target| target.tip_in_palm_m.into()))
        .collect();
    let human: Vec<Option<[f64; 3]>> = hand.palm().map_or_else(Vec::new, |palm| {
        let point =
            |joint| hand.point(joint).map(|&p| palm.inverse_transform_point(&Point3::from(p)).coords.into());
        (0..25).map(point).collect()
    });
    json!({
        "positions": retarget.positions(),
        "chains": chains(body, model, &positions),
        "targets": targets,
        "human": human,
    })
}

/// Moving joints and tip of every finger in the palm's frame, \[finger\]\[point\], m.
pub(crate) fn chains(body: &Body, model: &HandModel, positions: &[f64]) -> Vec<Vec<[f64; 3]>> {
    let mut poses = Poses::new(body);
    poses.update(body, positions);
    let palm_from_world = (poses.world_from_frame(body, model.palm) * model.palm_in_frame).inverse();
    let chain = |finger: &etude_kinematics::hand::FingerModel| {
        let tip = poses.world_from_frame(body, finger.tip.frame) * Point3::from(finger.tip.offset_m);
        path(body, model.palm, finger.tip.frame)
            .into_iter()
            .filter(|&joint| body.kind(joint).is_scalar())
            .map(|joint| Point3::from(poses.world_from_joint(joint).translation.vector))
            .chain([tip])
            .map(|point| (palm_from_world * point).coords.into())
            .collect()
    };
    model.fingers.iter().map(chain).collect()
}

/// The joints from the palm to a tip.
fn path(body: &Body, palm: FrameId, tip: FrameId) -> Vec<JointId> {
    let (top, mut joint) = (body.frame_of(palm).joint, Some(body.frame_of(tip).joint));
    let mut path = Vec::new();
    while let Some(here) = joint.filter(|&here| here != top && here.index() != 0) {
        path.push(here);
        joint = body.parent(here);
    }
    path.reverse();
    path
}

fn label(body: &Body, joint: JointId) -> String {
    format!("j{}_{}", joint.index(), body.joint_name(joint))
}

/// The hand alone as a URDF whose root is the palm, with a link `wrist` and a link `tip_FINGER` per finger.
fn urdf(body: &Body, model: &HandModel, wrist_in_palm_m: [f64; 3]) -> String {
    let mut text = String::from("<robot name=\"hand\"><link name=\"palm\"/>");
    let wrist =
        Isometry3::from_parts(Translation3::from(wrist_in_palm_m), nalgebra::UnitQuaternion::identity());
    link(&mut text, "wrist", "palm", "fixed", &wrist, "");
    let palm = body.frame_of(model.palm);
    let palm_from_top = (palm.frame_in_joint * model.palm_in_frame).inverse();
    let mut written = Vec::new();
    for finger in &model.fingers {
        let mut parent = "palm".to_owned();
        let mut before = palm_from_top;
        for joint in path(body, model.palm, finger.tip.frame) {
            let pose = before * body.joint_in_parent(joint);
            before = Isometry3::identity();
            let name = label(body, joint);
            if !written.contains(&joint) {
                written.push(joint);
                let kind = match body.kind(joint) {
                    JointKind::Revolute => "revolute",
                    JointKind::Prismatic => "prismatic",
                    _ => "fixed",
                };
                link(&mut text, &name, &parent, kind, &pose, &limits(body, joint));
            }
            parent = name;
        }
        let tip = body.frame_of(finger.tip.frame);
        let offset = Isometry3::from_parts(
            Translation3::from(finger.tip.offset_m),
            nalgebra::UnitQuaternion::identity(),
        );
        let pose = before * tip.frame_in_joint * offset;
        link(&mut text, &format!("tip_{}", finger.follows), &parent, "fixed", &pose, "");
    }
    text.push_str("</robot>");
    text
}

fn limits(body: &Body, joint: JointId) -> String {
    let (limits, axis) = (body.limits(joint), body.axis(joint));
    let mut text = format!(
        "<axis xyz=\"{} {} {}\"/><limit lower=\"{}\" upper=\"{}\" effort=\"1\" velocity=\"10\"/>",
        axis.x,
        axis.y,
        axis.z,
        limits.lower.max(-4.0),
        limits.upper.min(4.0)
    );
    if let Some(mimic) = body.mimic(joint) {
        let source = label(body, mimic.source);
        write!(
            text,
            "<mimic joint=\"{source}\" multiplier=\"{}\" offset=\"{}\"/>",
            mimic.multiplier, mimic.offset
        )
        .expect("a string takes all");
    }
    text
}

fn link(text: &mut String, name: &str, parent: &str, kind: &str, pose: &Isometry3<f64>, inner: &str) {
    let ([x, y, z], (roll, pitch, yaw)) =
        (<[f64; 3]>::from(pose.translation.vector), pose.rotation.euler_angles());
    write!(
        text,
        "<link name=\"{name}\"/><joint name=\"{name}\" type=\"{kind}\"><parent link=\"{parent}\"/><child link=\"{name}\"/>\
         <origin xyz=\"{x} {y} {z}\" rpy=\"{roll} {pitch} {yaw}\"/>{inner}</joint>"
    )
    .expect("a string takes all");
}
