//! Tendons: joints that take one command together.

use super::{Card, CardError, unique};
use serde::{Deserialize, Serialize};

/// Joints that one motor pulls through a tendon. They take one command together, the sum of `ratio * position`, and none of
/// their own; the mechanics, which no command reaches, say in which shares they take it up. Each still has its own reading.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tendon {
    /// The vendor's name of the tendon or of its command.
    pub name: String,
    /// Its joints, two or more, by the names of [`Card::joints`]; none follows another.
    pub joints: Vec<String>,
    /// What one unit of each joint adds to the command, in the order of `joints`; not zero.
    pub ratios: Vec<f64>,
}

impl Card {
    /// The tendon that a joint hangs on; such a joint takes no command of its own.
    pub fn tendon_of(&self, joint: &str) -> Option<&Tendon> {
        self.tendons.iter().find(|tendon| tendon.joints.iter().any(|name| name == joint))
    }

    pub(super) fn check_tendons(&self) -> Result<(), CardError> {
        unique("the tendon", self.tendons.iter().map(|tendon| tendon.name.as_str()))?;
        let pulled = self.tendons.iter().flat_map(|tendon| &tendon.joints);
        unique("as a tendon's, the joint", pulled.map(String::as_str))?;
        self.tendons.iter().try_for_each(|tendon| self.check_tendon(tendon))
    }

    fn check_tendon(&self, tendon: &Tendon) -> Result<(), CardError> {
        let whole = format!("the tendon `{}`", tendon.name);
        let number = |expected, found: String| CardError::Number { whole: whole.clone(), expected, found };
        for name in &tendon.joints {
            let Some(joint) = self.joints.iter().find(|joint| joint.name == *name) else {
                return Err(CardError::NoSuchJoint { whole, name: name.clone() });
            };
            if let Some(mimic) = &joint.mimic {
                let found = format!("`{name}`, which follows `{}`", mimic.joint);
                return Err(number("joints that follow no other", found));
            }
        }
        let sound = tendon.ratios.iter().all(|ratio| *ratio != 0.0 && ratio.is_finite());
        if tendon.joints.len() < 2 || tendon.ratios.len() != tendon.joints.len() || !sound {
            let found = format!("{} joints, ratios {:?}", tendon.joints.len(), tendon.ratios);
            return Err(number("two joints or more, with a ratio for each that is not zero", found));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &str = r#"
        schema = 1
        vendor = "Maker"
        model = "One"
        revision = "a"
        source = "made up for a test"
        [[joint]]
        name = "elbow"
        kind = "revolute"
        unit = "rad"
        position = [0.0, 2.0]
        velocity = 1.0
        [[joint]]
        name = "tip"
        kind = "revolute"
        unit = "rad"
        position = [0.0, 1.0]
        velocity = 2.0
    "#;

    #[test]
    fn joints_on_one_tendon_take_one_command() {
        let with = |tendon: &str| Card::from_toml(&format!("{TWO}\n[[tendon]]\nname = \"both\"\n{tendon}"));
        let card = with("joints = [\"elbow\", \"tip\"]\nratios = [1.0, 0.5]").expect("a card");
        assert_eq!(card.tendon_of("tip").map(|tendon| tendon.name.as_str()), Some("both"));
        assert_eq!(card.tendon_of("wrist"), None);
        assert_eq!(Card::from_toml(&card.to_toml()).expect("own text"), card);
        for (tendon, expected) in [
            ("joints = [\"elbow\"]\nratios = [1.0]", "two joints or more"),
            ("joints = [\"elbow\", \"tip\"]\nratios = [1.0]", "a ratio for each"),
            ("joints = [\"elbow\", \"tip\"]\nratios = [1.0, 0.0]", "not zero"),
            ("joints = [\"elbow\", \"knee\"]\nratios = [1.0, 1.0]", "knee"),
            ("joints = [\"elbow\", \"elbow\"]\nratios = [1.0, 1.0]", "stands twice"),
        ] {
            let error = with(tendon).expect_err("a broken tendon").to_string();
            assert!(error.contains(expected), "{error}");
        }
        let follower =
            TWO.replace("velocity = 2.0", "velocity = 2.0\nmimic = { joint = \"elbow\", ratio = 1.0 }");
        let text = format!(
            "{follower}\n[[tendon]]\nname = \"both\"\njoints = [\"elbow\", \"tip\"]\nratios = [1.0, 1.0]"
        );
        let error = Card::from_toml(&text).expect_err("it follows already").to_string();
        assert!(error.contains("`tip`, which follows `elbow`"), "{error}");
    }
}
