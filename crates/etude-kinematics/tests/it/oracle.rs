//! Poses and Jacobians against `MuJoCo` and Pinocchio, on every vendor's model.

use std::collections::HashMap;
use std::path::Path;
use std::process::Command;

use etude_kinematics::{Body, BodyOptions, JointId, Poses, Selection};
use nalgebra::{Isometry3, Matrix4, Matrix6xX};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::data::{self, Random};
use crate::models;

/// Largest difference of a number, m or rad, or per unit of a joint.
const TOLERANCE: f64 = 1e-9;
/// Most frames compared per model.
const FRAMES: usize = 40;

/// What Pinocchio's reader of MJCF does not heed; `MuJoCo`, whose format it is, agrees with us there.
const KNOWN: [(&str, &str); 2] = [
    ("Agility/Cassie/cassie.xml", "joints whose position at rest is not zero (`ref`)"),
    ("Robotiq/2F-85/2f85.xml", "joints whose anchor stands in a default class"),
];

#[derive(Deserialize)]
struct Answer {
    path: String,
    engine: String,
    #[serde(default)]
    frames: HashMap<String, FrameAnswer>,
    refused: Option<String>,
}

#[derive(Deserialize)]
struct FrameAnswer {
    pose: Vec<f64>,
    jacobian: Vec<f64>,
}

/// What we say of one model.
struct Asked {
    body: Body,
    positions: Vec<f64>,
    selection: Option<Selection>,
}

#[test]
fn peer_poses_and_jacobians_are_those_of_mujoco_and_pinocchio() {
    let Some(folder) = data::robot_models() else { return };
    let Some(python) = std::env::var_os("ETUDE_PEER_KINEMATICS") else {
        eprintln!("skipped: ETUDE_PEER_KINEMATICS names no Python with MuJoCo and Pinocchio");
        return;
    };
    let mut random = Random(17);
    let (mut asked, mut requests) = (HashMap::new(), Vec::new());
    for path in data::files(&folder, &[".urdf", ".xml"]) {
        if let Some((own, request)) = ask(&path, &mut random) {
            asked.insert(path.display().to_string(), own);
            requests.push(request);
        }
    }
    let scratch = tempfile::tempdir().expect("a folder");
    let (file, answer) = (scratch.path().join("request.json"), scratch.path().join("answer.jsonl"));
    std::fs::write(&file, Value::from(requests).to_string()).expect("written");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/peers/kinematics_oracle.py");
    let mut command = Command::new(python);
    let output = command.arg(script).args([&file, &answer]).output().expect("Python starts");
    assert!(output.status.success(), "the peers end well: {}", String::from_utf8_lossy(&output.stderr));
    let lines = std::fs::read_to_string(&answer).expect("an answer");
    let answers: Vec<Answer> =
        lines.lines().map(|line| serde_json::from_str(line).expect("an answer")).collect();
    assert_eq!(answers.len(), 2 * asked.len());
    for engine in ["mujoco", "pinocchio"] {
        compare_all(engine, answers.iter().filter(|answer| answer.engine == engine), &asked, &folder);
    }
}

fn compare_all<'a>(
    engine: &str,
    answers: impl Iterator<Item = &'a Answer>,
    asked: &HashMap<String, Asked>,
    folder: &Path,
) {
    let (mut models, mut frames, mut worst, mut refused) = (0, 0, 0.0_f64, Vec::new());
    let mut wrong = Vec::new();
    for answer in answers {
        let name = Path::new(&answer.path).strip_prefix(folder).expect("below").display().to_string();
        if let Some(reason) = &answer.refused {
            refused.push(format!("{name}: {reason}"));
            continue;
        }
        if let Some((_, reason)) = KNOWN.iter().find(|(path, _)| engine == "pinocchio" && *path == name) {
            refused.push(format!("{name}: it does not heed {reason}"));
            continue;
        }
        let (count, difference) = compare(&asked[&answer.path], answer);
        (models, frames, worst) = (models + usize::from(count > 0), frames + count, worst.max(difference));
        if difference > TOLERANCE {
            wrong.push(format!("{name}: {difference:e}"));
        }
    }
    eprintln!("{engine}: {models} models, {frames} frames, largest difference {worst:.1e}");
    for line in &refused {
        eprintln!("  {engine} refused {line}");
    }
    assert!(wrong.is_empty(), "{engine} differs: {wrong:#?}");
    assert!(models >= 30, "{engine} took only {models} models");
}

/// A posture of one model, and what to ask about it; nothing for files that are no body that moves, or whose joints have
/// no names to set them by.
fn ask(path: &Path, random: &mut Random) -> Option<(Asked, Value)> {
    let options = BodyOptions { freeze_free_joints: true, ..BodyOptions::default() };
    let body = Body::from_path(path, &options).ok()?;
    let scalar: Vec<JointId> = body.moving_joints().filter(|&joint| body.kind(joint).is_scalar()).collect();
    let unique = |joint: JointId| body.joint(body.joint_name(joint)) == Ok(joint);
    if !scalar.iter().all(|&joint| unique(joint)) {
        return None;
    }
    let positions = models::inside(&body, random);
    let at = |joint: JointId| positions[body.position_index(joint).expect("it moves")];
    let by_name: serde_json::Map<String, Value> =
        scalar.iter().map(|&joint| (body.joint_name(joint).to_owned(), at(joint).into())).collect();
    let selection = Selection::new(&body, &scalar).ok();
    let variables = selection.iter().flat_map(Selection::variables);
    let columns: Vec<Value> = variables
        .map(|variable| {
            let mut shares = vec![json!([body.joint_name(variable.joint), 1.0])];
            for &joint in &scalar {
                if let Some(mimic) = body.mimic(joint).filter(|mimic| mimic.source == variable.joint) {
                    shares.push(json!([body.joint_name(joint), mimic.multiplier]));
                }
            }
            Value::from(shares)
        })
        .collect();
    let count = body.frames().len();
    // The first link always: poses may be compared in its frame.
    let some = (1..count).step_by(count.div_ceil(FRAMES).max(1));
    let names: Vec<&str> =
        some.map(|index| body.frames()[index].name.as_str()).filter(|name| !name.is_empty()).collect();
    let is_urdf = path.extension().is_some_and(|ending| ending == "urdf");
    let request = json!({
        "path": path, "format": if is_urdf { "urdf" } else { "mjcf" },
        "positions": by_name, "frames": names, "columns": columns,
    });
    Some((Asked { body, positions, selection }, request))
}

/// Number of frames compared and the largest difference.
fn compare(own: &Asked, answer: &Answer) -> (usize, f64) {
    let mut poses = Poses::new(&own.body);
    poses.update(&own.body, &own.positions);
    let mut worst: f64 = 0.0;
    let mut count = 0;
    // Pinocchio's reader of MJCF leaves out where a fixed first body stands, so its links are compared in that body's frame.
    let root = own.body.frames().get(1).map_or("", |frame| frame.name.as_str());
    let is_mjcf = Path::new(&answer.path).extension().is_some_and(|ending| ending == "xml");
    let in_root = answer.engine == "pinocchio" && is_mjcf;
    let own_root =
        own.body.frame(root).map_or(Isometry3::identity(), |frame| poses.world_from_frame(&own.body, frame));
    let (own_from_world, their_from_world) = match answer.frames.get(root) {
        Some(theirs) if in_root => (own_root.inverse(), matrix(&theirs.pose).try_inverse().expect("a pose")),
        _ => (Isometry3::identity(), Matrix4::identity()),
    };
    for (name, theirs) in &answer.frames {
        let Ok(frame) = own.body.frame(name) else { continue };
        count += 1;
        let pose: Isometry3<f64> = poses.world_from_frame(&own.body, frame);
        let difference = (own_from_world * pose).to_homogeneous() - their_from_world * matrix(&theirs.pose);
        worst = worst.max(difference.amax());
        if let Some(selection) = &own.selection {
            let mut jacobian: Matrix6xX<f64> = selection.jacobian_buffer();
            selection.jacobian(&own.body, &poses, frame, &mut jacobian);
            assert_eq!(jacobian.len(), theirs.jacobian.len());
            let their_jacobian = Matrix6xX::from_row_slice(&theirs.jacobian);
            let their_turn = their_from_world.fixed_view::<3, 3>(0, 0);
            for part in [0, 3] {
                let own_rows = own_from_world.rotation.to_rotation_matrix() * jacobian.rows(part, 3);
                worst = worst.max((own_rows - their_turn * their_jacobian.rows(part, 3)).amax());
            }
        }
    }
    (count, worst)
}

fn matrix(rows: &[f64]) -> Matrix4<f64> {
    Matrix4::from_row_slice(rows)
}
