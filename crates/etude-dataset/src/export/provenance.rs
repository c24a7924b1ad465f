//! Where an exported episode came from and what may be done with it.

use super::error::Error;
use etude_episode::Episode;
use etude_model::manifest::{ClockKind, Origin};
use etude_model::rights::Rights;
use etude_model::{Digest, Sample, StreamKind};
use serde::Serialize;
use std::collections::BTreeMap;

/// Where an exported episode came from and what may be done with it: every export writes all of it into its format,
/// or into a file beside it where the format has no room.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Provenance {
    /// The take.
    pub episode: String,
    /// The episode file's BLAKE3 digest.
    pub digest: Digest,
    /// What was to be done, by id.
    pub task: Option<String>,
    /// The instruction per language (BCP 47 tag → sentence).
    pub instruction: BTreeMap<String, String>,
    /// The order it was made for.
    pub campaign: Option<String>,
    /// Where.
    pub scene: Option<String>,
    /// At which station.
    pub station: Option<String>,
    /// Vendor and model of the robot.
    pub embodiment: String,
    /// The embodiment card's digest.
    pub card: Digest,
    /// Which machine.
    pub robot_serial: Option<String>,
    /// Who led it: a pseudonym.
    pub trainer: Option<String>,
    /// The software that wrote the episode.
    pub software: String,
    /// How its motion came about.
    pub origin: Origin,
    /// How its times came about.
    pub clock: ClockKind,
    /// Whether the source had no clocks, so that times were computed from its rate.
    pub synthetic_time: bool,
    /// What may be done with it.
    pub rights: Rights,
    /// Episodes or foreign files that it was made from.
    pub parents: Vec<String>,
    /// Facts that have no place of their own, such as ids of calibrations or the source's own numbering.
    pub notes: BTreeMap<String, String>,
    /// Calibrations of its cameras, by topic.
    pub calibration: BTreeMap<String, CameraCalibration>,
}

/// A camera's calibration as the episode begins.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CameraCalibration {
    /// Pixels across.
    pub width_px: u32,
    /// Pixels down.
    pub height_px: u32,
    /// Intrinsic matrix, \[3, 3\] row by row, px.
    pub intrinsics_px: [f64; 9],
    /// Distortion model, such as `plumb_bob`; empty where there is none.
    pub distortion_model: String,
    /// Its coefficients.
    pub distortion: Vec<f64>,
    /// The camera's frame.
    pub frame: Option<String>,
}

impl Provenance {
    /// What an episode says of itself. `digest`: its file's.
    pub fn of(episode: &Episode, digest: Digest) -> Result<Self, Error> {
        let manifest = episode.manifest();
        Ok(Self {
            episode: manifest.episode.to_string(),
            digest,
            task: manifest.task.as_ref().map(ToString::to_string),
            instruction: manifest.instruction.clone(),
            campaign: manifest.campaign.as_ref().map(ToString::to_string),
            scene: manifest.scene.as_ref().map(ToString::to_string),
            station: manifest.station.as_ref().map(ToString::to_string),
            embodiment: manifest.embodiment.clone(),
            card: manifest.card,
            robot_serial: manifest.robot_serial.as_ref().map(ToString::to_string),
            trainer: manifest.trainer.as_ref().map(ToString::to_string),
            software: manifest.software.clone(),
            origin: manifest.origin,
            clock: manifest.clock,
            synthetic_time: matches!(manifest.clock, ClockKind::Synthetic { .. }),
            rights: manifest.rights.clone(),
            parents: manifest.parents.clone(),
            notes: manifest.notes.clone(),
            calibration: calibrations(episode)?,
        })
    }

    /// The instruction of a dataset of one language: English, else what has no language, else any; else the task's id.
    pub fn task_text(&self) -> String {
        let instruction = &self.instruction;
        let text =
            instruction.get("en").or_else(|| instruction.get("und")).or_else(|| instruction.values().next());
        text.cloned().or_else(|| self.task.clone()).unwrap_or_else(|| "unknown".to_owned())
    }

    /// The same as JSON text, for formats whose attributes are texts.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("maps of texts and finite numbers are JSON")
    }
}

fn calibrations(episode: &Episode) -> Result<BTreeMap<String, CameraCalibration>, Error> {
    let failed = |error: etude_episode::ReadError| Error::episode(episode.name(), error.to_string());
    let mut found = BTreeMap::new();
    let streams = episode.streams().iter().filter(|stream| stream.spec.kind == StreamKind::Calibration);
    for stream in streams {
        let topic = &stream.spec.topic;
        let Some(message) = episode.messages(&[topic.as_str()], ..).map_err(failed)?.next() else { continue };
        if let Sample::Calibration(calibration) = message.map_err(failed)?.sample {
            let described = CameraCalibration {
                width_px: calibration.width,
                height_px: calibration.height,
                intrinsics_px: calibration.k,
                distortion_model: calibration.distortion_model,
                distortion: calibration.distortion,
                frame: stream.spec.frame.clone(),
            };
            found.insert(topic.to_string(), described);
        }
    }
    Ok(found)
}
