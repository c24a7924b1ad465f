//! A centre seen from outside: filing, asking, releasing, and being interrupted.

mod asking;
mod concurrency;
mod filing;
mod interruption;
mod releasing;

use etude_model::id::{EpisodeId, TaskId, TrainerId};
use etude_model::rights::Rights;
use etude_model::take::Outcome;
use etude_model::{ClockKind, Digest, Manifest, Origin, Verdict};
use etude_store::{NewEpisode, VerdictLayer};
use std::collections::BTreeMap;

/// 2026-01-05 09:00 UTC, µs.
const NOW: i64 = 1_767_603_600_000_000;

/// An episode to be filed; its file's content is a stand-in, which the catalogue never opens.
fn episode(id: &str) -> NewEpisode {
    NewEpisode {
        manifest: Manifest {
            format_version: 1,
            episode: EpisodeId::new(id),
            task: Some(TaskId::new("lift_can")),
            instruction: BTreeMap::new(),
            campaign: None,
            scene: None,
            station: None,
            card: Digest::of(b"card"),
            embodiment: "Maker One".to_owned(),
            robot_serial: None,
            trainer: Some(TrainerId::new("t1")),
            software: "test".to_owned(),
            clock: ClockKind::Simulated,
            origin: Origin::Simulated,
            parents: Vec::new(),
            rights: Rights::default(),
            streams: Vec::new(),
            notes: BTreeMap::new(),
        },
        digest: None,
        outcome: Outcome::Success,
        started_us: Some(NOW),
        duration_us: 5_000_000,
    }
}

fn verdict(digest: Digest, accepted: bool) -> VerdictLayer {
    let verdict = Verdict { rules: "default 1".to_owned(), accepted, findings: Vec::new() };
    VerdictLayer::new(digest, verdict, Vec::new())
}
