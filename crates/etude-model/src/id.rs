//! Identifiers: newtypes over text, so that a take's id is never passed for a station's.

use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! text_id {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Takes any text as an id.
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )+};
}

text_id! {
    /// One attempt, and the episode that records it: a UUID, time-ordered (version 7).
    EpisodeId,
    /// What is to be done, such as `lift_can`.
    TaskId,
    /// A staged environment, such as `flat`.
    SceneId,
    /// One staged place with a robot, cameras and a trainer.
    StationId,
    /// One machine of an embodiment, by its serial number.
    RobotSerial,
    /// A trainer's pseudonym; who that is stays in the centre.
    TrainerId,
    /// An order for accepted takes.
    CampaignId,
}

impl EpisodeId {
    /// A version 7 UUID from a time and ten bytes of chance, both the caller's, so that a seeded run can be repeated.
    ///
    /// `unix_ms`: milliseconds since 1970-01-01 UTC.
    pub fn from_parts(unix_ms: u64, chance: [u8; 10]) -> Self {
        Self(uuid::Builder::from_unix_timestamp_millis(unix_ms, &chance).into_uuid().to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_parts_give_the_same_version_7_id() {
        let id = EpisodeId::from_parts(1_767_603_600_000, [7; 10]);
        assert_eq!(id, EpisodeId::from_parts(1_767_603_600_000, [7; 10]));
        assert_eq!(uuid::Uuid::parse_str(id.as_str()).expect("a UUID").get_version_num(), 7);
    }

    #[test]
    fn later_ids_sort_later() {
        assert!(EpisodeId::from_parts(1, [255; 10]) < EpisodeId::from_parts(2, [0; 10]));
    }
}
