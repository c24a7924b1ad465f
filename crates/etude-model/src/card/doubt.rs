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

/// An answer that does not fit its question.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum AnswerError {
    /// There is no such question.
    #[error("there is no question {0}")]
    NoSuchDoubt(usize),
    /// The text is not what the entry holds.
    #[error("expected {expected}, found {found:?}")]
    Form {
        /// What was expected.
        expected: &'static str,
        /// What was found.
        found: String,
    },
    /// Only a person with an editor can change such an entry.
    #[error("`{0}` is changed in the card itself, with an editor")]
    ByHand(String),
}

impl Card {
    /// Settles a doubt. Without an answer the draft is confirmed as it stands; else the answer replaces what was drafted.
    pub fn settle(&mut self, place: usize, answer: Option<&str>) -> Result<(), AnswerError> {
        let doubt = self.doubts.get(place).ok_or(AnswerError::NoSuchDoubt(place))?;
        if let Some(answer) = answer {
            let entries = doubt.entries.clone();
            let sides = doubt.alternatives.iter().any(|other| other == OTHER_SIDE);
            let mut card = self.clone();
            for entry in &entries {
                card.replace(entry, answer, sides)?;
            }
            *self = card;
        }
        if let Some(doubt) = self.doubts.get_mut(place) {
            doubt.settled = Some(Settled::Confirmed);
            if let Some(answer) = answer {
                answer.clone_into(&mut doubt.drafted);
            }
        }
        Ok(())
    }

    fn replace(&mut self, entry: &str, answer: &str, sides: bool) -> Result<(), AnswerError> {
        match entry {
            "vendor" => answer.clone_into(&mut self.vendor),
            "model" => answer.clone_into(&mut self.model),
            _ => match (entry.strip_prefix("kinematics."), &mut self.kinematics) {
                (Some("package"), Some(kinematics)) => answer.clone_into(&mut kinematics.package),
                (Some("licence"), Some(kinematics)) => answer.clone_into(&mut kinematics.licence),
                (Some("arm_length_m"), Some(kinematics)) => {
                    kinematics.arm_length_m = positive(answer, "a length above 0, m")?;
                }
                _ => return self.replace_joint(entry, answer, sides),
            },
        }
        Ok(())
    }

    fn replace_joint(&mut self, entry: &str, answer: &str, sides: bool) -> Result<(), AnswerError> {
        let form = |expected| AnswerError::Form { expected, found: answer.to_owned() };
        let by_hand = || AnswerError::ByHand(entry.to_owned());
        let (name, field) =
            entry.strip_prefix("joint.").and_then(|rest| rest.rsplit_once('.')).ok_or_else(by_hand)?;
        let joint = self.joints.iter_mut().find(|joint| joint.name == name).ok_or_else(by_hand)?;
        match field {
            "velocity" => joint.velocity = positive(answer, "a speed above 0, rad/s or m/s")?,
            "slot" if sides && answer == OTHER_SIDE => {
                if let Some(slot) = &mut joint.slot {
                    slot.part = slot.part.mirrored();
                }
            }
            "slot" if answer == "none" => joint.slot = None,
            "slot" => {
                let slot = answer.parse().map_err(|_| form("a slot such as `left_arm.elbow`, or `none`"))?;
                joint.slot = Some(slot);
            }
            _ => return Err(by_hand()),
        }
        Ok(())
    }
}

/// An answer that is a finite number above 0.
fn positive(answer: &str, expected: &'static str) -> Result<f64, AnswerError> {
    let number = answer.parse().ok().filter(|value: &f64| *value > 0.0 && value.is_finite());
    number.ok_or_else(|| AnswerError::Form { expected, found: answer.to_owned() })
}

/// The answer that exchanges left and right of the joints a doubt is about.
pub const OTHER_SIDE: &str = "the other side";

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
    fn an_answer_replaces_what_was_drafted() {
        let mut card = Card::from_toml(DRAFT).expect("a draft can be read");
        for wrong in ["fast", "0", "-1", "inf", "NaN"] {
            assert!(card.settle(0, Some(wrong)).is_err(), "{wrong}");
        }
        assert_eq!(card.open_doubts().count(), 1, "a wrong answer leaves the question open");
        card.settle(0, Some("2.5")).expect("a speed");
        assert_eq!(card.joints[0].velocity, 2.5);
        card.confirmed().expect("nothing is open");
        assert_eq!(card.settle(1, None), Err(AnswerError::NoSuchDoubt(1)));
    }

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
