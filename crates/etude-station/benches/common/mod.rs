//! What the benchmarks here share.

use etude_model::id::EpisodeId;
use etude_model::rights::Rights;
use etude_model::{ClockKind, Digest, Manifest, Origin, StreamSpec};
use std::collections::BTreeMap;

/// A manifest of nobody's take, with these streams.
pub(crate) fn manifest(streams: Vec<StreamSpec>) -> Manifest {
    Manifest {
        format_version: etude_episode::FORMAT_VERSION,
        episode: EpisodeId::from_parts(1_767_603_600_000, [7; 10]),
        task: None,
        instruction: BTreeMap::new(),
        campaign: None,
        scene: None,
        station: None,
        card: Digest::of(b""),
        embodiment: "bench".to_owned(),
        robot_serial: None,
        trainer: None,
        software: "bench".to_owned(),
        clock: ClockKind::Measured,
        origin: Origin::Simulated,
        parents: Vec::new(),
        rights: Rights::default(),
        streams,
        notes: BTreeMap::new(),
    }
}
