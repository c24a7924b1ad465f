//! The episode's manifest: who did what, with which robot, where, and what may be done with it.

use crate::digest::Digest;
use crate::id::{CampaignId, EpisodeId, RobotSerial, SceneId, StationId, TaskId, TrainerId};
use crate::rights::Rights;
use crate::stream::StreamSpec;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The head of an episode; JSON in the metadata record `etude.episode`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of the episode format; see the reference page.
    pub format_version: u32,
    /// The take.
    pub episode: EpisodeId,
    /// What was to be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<TaskId>,
    /// The instruction per language (BCP 47 tag → sentence).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub instruction: BTreeMap<String, String>,
    /// The order it was made for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub campaign: Option<CampaignId>,
    /// Where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scene: Option<SceneId>,
    /// At which station.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub station: Option<StationId>,
    /// The card's digest; the card itself is an attachment.
    pub card: Digest,
    /// Vendor and model, for people.
    pub embodiment: String,
    /// Which machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub robot_serial: Option<RobotSerial>,
    /// Who led it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trainer: Option<TrainerId>,
    /// Name and version of the software that wrote it.
    pub software: String,
    /// How its times came about.
    pub clock: ClockKind,
    /// How its motion came about.
    pub origin: Origin,
    /// Episodes (or foreign files) that it was made from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parents: Vec<String>,
    /// What may be done with it.
    #[serde(default)]
    pub rights: Rights,
    /// Its streams. In a file this is empty and stands in the channels instead; a reader fills it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub streams: Vec<StreamSpec>,
    /// Facts that have no place of their own, such as the source's own numbering or a seed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub notes: BTreeMap<String, String>,
}

/// How an episode's times came about.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ClockKind {
    /// Clocks were read as things happened.
    Measured,
    /// The clock of a simulation.
    Simulated,
    /// The source had no clocks: times were computed from its frame rate, and stay marked so.
    Synthetic {
        /// Rate that the times were computed from.
        rate_hz: f64,
    },
}

/// How the motion came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A person led a real robot.
    Teleoperated,
    /// A policy led it.
    Autonomous,
    /// A person took over from a policy.
    Intervention,
    /// Moved from another body.
    Retargeted,
    /// Came in from a foreign format.
    Imported,
    /// Led in a simulation.
    Simulated,
}
