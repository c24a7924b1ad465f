//! Brings a take that was made into the centre.

use crate::commands::now_us;
use crate::demo::station::Made;
use etude_model::take::{Outcome, TakeState};
use etude_model::{Digest, StreamKind};
use etude_store::{Centre, Intake, NewEpisode, VerdictLayer};
use std::path::PathBuf;

/// A take that is in the centre, or was discarded.
#[derive(Clone, Debug)]
pub(crate) struct Filed {
    pub(crate) robot: String,
    pub(crate) embodiment: String,
    pub(crate) task: String,
    /// From 0, within robot and task.
    pub(crate) number: u32,
    pub(crate) state: TakeState,
    pub(crate) reason: Option<String>,
    pub(crate) outcome: Outcome,
    pub(crate) duration_s: f64,
    pub(crate) digest: Digest,
    /// Where the episode lies now.
    pub(crate) path: PathBuf,
    /// Frames of all cameras.
    pub(crate) pictures: u64,
    /// Messages declared missing.
    pub(crate) missing: u64,
    pub(crate) interventions: u64,
    pub(crate) report: etude_inspect::Report,
}

/// Files a take that was saved, with its verdict; a discarded one stays where it was recorded.
pub(super) fn file(centre: &Centre, made: Made) -> anyhow::Result<Filed> {
    let Made { robot, task, number, result } = made;
    let manifest = etude_episode::Episode::open(&result.path)?.manifest().clone();
    let pictures = manifest
        .streams
        .iter()
        .filter(|spec| spec.kind == StreamKind::Video)
        .filter_map(|spec| result.closed.streams.iter().find(|stream| stream.topic == spec.topic))
        .map(|stream| stream.received)
        .sum();
    let embodiment = manifest.embodiment.clone();
    let path = if result.state == TakeState::Saved {
        let new = NewEpisode {
            manifest,
            digest: Some(result.closed.digest),
            outcome: result.outcome,
            started_us: Some(result.span.0.ns() / 1000),
            duration_us: (result.span.1 - result.span.0).0 / 1000,
        };
        let added = centre.add(&result.path, Intake::Move, &new, now_us())?;
        let layer = VerdictLayer::new(
            added.digest,
            result.report.verdict.clone(),
            result.report.measurements.clone(),
        );
        centre.add_verdict(&layer, now_us())?;
        centre.layout().episode(&added.digest)
    } else {
        result.path
    };
    Ok(Filed {
        robot,
        embodiment,
        task,
        number,
        state: result.state,
        reason: result.reason,
        outcome: result.outcome,
        duration_s: (result.span.1 - result.span.0).as_s(),
        digest: result.closed.digest,
        path,
        pictures,
        missing: result.closed.streams.iter().map(|stream| stream.missing).sum(),
        interventions: result.interventions,
        report: result.report,
    })
}
