//! Doubts: what a drafted card is not sure of, and how each was settled.

use super::{Card, CardError};
use serde::{Deserialize, Serialize};

/// A question about entries of a card. While one is open the card is a draft, and no robot is run by it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Doubt {
    /// The entries it is about, such as `joint.left_elbow.slot`.
    pub entries: Vec<String>,
    /// What is to be answered, in a sentence.
    pub question: String,
    /// What the card has there now.
    pub drafted: String,
    /// How sure the draft is of it, 0..1.
    pub confidence: f64,
    /// What else it could be, the likelier first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alternatives: Vec<String>,
    /// How it was settled; absent while it is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled: Option<Settled>,
}

/// How a doubt was settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Settled {
    /// A person looked at it and said so.
    Confirmed,
    /// A person took the draft as it was, without looking.
    AcceptedUnseen,
}

impl Card {
    /// Doubts that nobody has settled.
    pub fn open_doubts(&self) -> impl Iterator<Item = &Doubt> {
        self.doubts.iter().filter(|doubt| doubt.settled.is_none())
    }

    /// Refuses a card that is still a draft: who runs a robot, or takes numbers for true, asks this first.
    pub fn confirmed(&self) -> Result<(), CardError> {
        let mut open = self.open_doubts();
        let Some(first) = open.next() else { return Ok(()) };
        Err(CardError::Draft { open: 1 + open.count(), first: first.question.clone() })
    }

    /// Takes every open doubt as it was drafted, and says that nobody looked. Returns how many there were.
    pub fn accept_unseen(&mut self) -> usize {
        let open = self.doubts.iter_mut().filter(|doubt| doubt.settled.is_none());
        open.map(|doubt| doubt.settled = Some(Settled::AcceptedUnseen)).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DRAFT: &str = r#"
        schema = 1
        vendor = "Maker"
        model = "One"
        revision = "a"
        source = "drafted"
        [[joint]]
        name = "elbow"
        kind = "revolute"
        unit = "rad"
        position = [0.0, 2.0]
        velocity = 1.0
        [[doubt]]
        entries = ["joint.elbow.velocity"]
        question = "How fast may elbow turn?"
        drafted = "1 rad/s"
        confidence = 0.0
    "#;

    #[test]
    fn a_card_with_an_open_doubt_is_a_draft() {
        let mut card = Card::from_toml(DRAFT).expect("a draft can be read");
        let error = card.confirmed().expect_err("it is open").to_string();
        assert!(error.contains("1 question") && error.contains("How fast may elbow turn?"), "{error}");
        assert_eq!(card.accept_unseen(), 1);
        card.confirmed().expect("nothing is open");
        let again = Card::from_toml(&card.to_toml()).expect("own text");
        assert_eq!(again.doubts[0].settled, Some(Settled::AcceptedUnseen));
        assert_eq!(again, card);
    }
}
