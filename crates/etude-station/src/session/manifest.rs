//! What stands at the head of a take's episode: its manifest and its streams.

use crate::session::Order;
use etude_model::card::{Card, Side};
use etude_model::stream::Channel;
use etude_model::{Manifest, StreamKind, StreamSpec, Topic};

/// Rate of a headset's frames, Hz.
const TRAINER_HZ: f64 = crate::trainer::scripted::RATE_HZ;

/// The manifest of a take that is ordered, with every stream it will have: the robot's, then the station's.
pub fn manifest(order: &Order, card: &Card, robot: &[StreamSpec]) -> Manifest {
    let mut streams = robot.to_vec();
    streams.extend(station_streams(card));
    Manifest {
        format_version: etude_episode::FORMAT_VERSION,
        episode: order.episode.clone(),
        task: Some(order.task.id.clone()),
        instruction: order.task.instruction.clone(),
        campaign: None,
        scene: Some(order.task.scene.clone()),
        station: Some(order.station.clone()),
        card: card.digest(),
        embodiment: card.title(),
        robot_serial: order.robot_serial.clone(),
        trainer: Some(order.trainer.clone()),
        software: concat!("etude ", env!("CARGO_PKG_VERSION")).to_owned(),
        clock: order.clock,
        origin: order.origin,
        parents: Vec::new(),
        rights: order.rights.clone(),
        streams,
        notes: order.notes.clone(),
    }
}

/// What the station adds to a robot's streams: both sides of every action, the trainer, events.
fn station_streams(card: &Card) -> Vec<StreamSpec> {
    let channel = |joint: &etude_model::card::Joint| Channel { name: joint.name.clone(), unit: joint.unit };
    let joints: Vec<Channel> = card.joints.iter().map(channel).collect();
    let at_trainer_rate = |topic: String, kind| StreamSpec::new(topic, kind, Some(TRAINER_HZ));
    let mut streams = vec![
        at_trainer_rate(Topic::JOINT_COMMANDS.into(), StreamKind::JointCommand).with_channels(joints),
        at_trainer_rate(Topic::ACTION_APPLIED.into(), StreamKind::ActionApplied),
        at_trainer_rate("/trainer/head/pose".into(), StreamKind::Pose).with_frame("trainer"),
    ];
    for side in Side::BOTH {
        let name = side.name();
        for (topic, kind) in [("pose", StreamKind::Pose), ("hand", StreamKind::HandPose)] {
            streams.push(at_trainer_rate(format!("/trainer/{name}/{topic}"), kind).with_frame("trainer"));
        }
        streams.push(at_trainer_rate(format!("/trainer/{name}/input"), StreamKind::TrainerInput));
        if card.end_effector(side).is_some() {
            for topic in ["pose", "command"] {
                let topic = format!("/robot/ee/{name}/{topic}");
                streams.push(at_trainer_rate(topic, StreamKind::Pose).with_frame("base"));
            }
        }
    }
    let event = |topic, kind| StreamSpec::new(topic, kind, None);
    streams.extend([
        event(Topic::SAFETY, StreamKind::Safety),
        event(Topic::TAKE, StreamKind::Take),
        event(Topic::CLOCK, StreamKind::Clock),
        event(Topic::GAP, StreamKind::Gap),
    ]);
    streams
}
