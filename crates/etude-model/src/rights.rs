//! Rights: what may be done with a take, written into it and carried along by every copy.

use serde::{Deserialize, Serialize};

/// What may be done with a take.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rights {
    /// Licence, SPDX or the text that came with it; absent: unknown, and then nothing is allowed beyond the centre.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
    /// Who holds the rights, as the source says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<String>,
    /// The consent record of the people in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent: Option<String>,
}
