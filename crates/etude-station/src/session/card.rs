//! Cards out of a folder of robots.

use etude_model::Card;
use std::path::{Path, PathBuf};

/// Reads the card of the robot `name`: `robots/<name>/card.toml`. A draft is refused.
pub fn load_card(robots: &Path, name: &str) -> Result<Card, CardFileError> {
    let path = robots.join(name).join("card.toml");
    let text = std::fs::read_to_string(&path)
        .map_err(|source| CardFileError::Read { path: path.clone(), source })?;
    let sound = Card::from_toml(&text).and_then(|card| card.confirmed().map(|()| card));
    sound.map_err(|source| CardFileError::Card { path, source: Box::new(source) })
}

/// A card file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CardFileError {
    /// It cannot be read.
    #[error("the card {} cannot be read", .path.display())]
    Read {
        /// Its path.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It is no card.
    #[error("{} is not a card that can be used", .path.display())]
    Card {
        /// Its path.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<etude_model::CardError>,
    },
}
