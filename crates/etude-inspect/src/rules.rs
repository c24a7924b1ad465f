//! Rule sets: what is demanded of measurements, and the verdict that follows.
//!
//! A rule set is a TOML file. Judging needs measurements alone, so a changed rule set judges stored measurements again
//! without an episode being read.

use crate::definition;
use etude_model::Measurement;
use etude_model::verdict::{Finding, Severity, Verdict};
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;

/// The supplied rule set `default`.
const DEFAULT: &str = include_str!("../rules/default.toml");
/// Words that a message may hold in braces.
const PLACEHOLDERS: [&str; 5] = ["where", "value", "percent", "unit", "detail"];

/// What is demanded of a take.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleSet {
    /// Its name.
    pub name: String,
    /// Its version; a verdict names both.
    pub version: String,
    /// Its rules. Where several meet one measurement, the gravest counts.
    #[serde(rename = "rule")]
    pub rules: Vec<Rule>,
}

/// A demand on one measurement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Its name.
    pub name: String,
    /// The measurement it looks at.
    pub measurement: String,
    /// Streams it looks at: a topic, or the beginning of topics with a `*` at its end; absent: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// What it objects to.
    pub when: Condition,
    /// How grave that is.
    pub severity: Severity,
    /// What is said then; `{where}`, `{value}`, `{percent}`, `{unit}` and `{detail}` are filled in.
    pub message: String,
}

/// What a rule objects to.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Condition {
    /// A value above this.
    Above(f64),
    /// A value below this.
    Below(f64),
    /// A value farther from 0 than this.
    Beyond(f64),
    /// A value that could not be measured.
    Absent(bool),
}

/// Why a rule set is refused.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The text is no TOML, or has a key that rule sets do not have.
    #[error("the rule set cannot be read: {0}")]
    Syntax(#[from] toml::de::Error),
    /// A rule names a measurement that does not exist.
    #[error(
        "rule `{rule}` looks at `{found}`, which is no measurement; the reference page of inspection lists them"
    )]
    Measurement {
        /// The rule.
        rule: String,
        /// The name found.
        found: String,
    },
    /// A message has a placeholder that is not filled in.
    #[error(
        "rule `{rule}`: `{{{found}}}` in its message is none of {{where}}, {{value}}, {{percent}}, {{unit}}, {{detail}}"
    )]
    Placeholder {
        /// The rule.
        rule: String,
        /// The word in braces.
        found: String,
    },
    /// Two rules of one name.
    #[error("rule `{rule}` stands twice")]
    Twice {
        /// The name.
        rule: String,
    },
}

impl RuleSet {
    /// Reads and checks a rule set.
    pub fn from_toml(text: &str) -> Result<Self, Error> {
        let set: Self = toml::from_str(text)?;
        for (i, rule) in set.rules.iter().enumerate() {
            let rule_name = || rule.name.clone();
            if definition::of(&rule.measurement).is_none() {
                return Err(Error::Measurement { rule: rule_name(), found: rule.measurement.clone() });
            }
            if let Some(found) = placeholders(&rule.message).find(|word| !PLACEHOLDERS.contains(word)) {
                return Err(Error::Placeholder { rule: rule_name(), found: found.to_owned() });
            }
            if set.rules.iter().take(i).any(|other| other.name == rule.name) {
                return Err(Error::Twice { rule: rule_name() });
            }
        }
        Ok(set)
    }

    /// The supplied rule set `default`.
    pub fn supplied() -> Self {
        Self::from_toml(DEFAULT).expect("the supplied rule set is checked by a test")
    }

    /// Name and version, as a verdict names it.
    pub fn title(&self) -> String {
        format!("{} {}", self.name, self.version)
    }
}

/// What a rule set says of measurements.
pub fn judge(measurements: &[Measurement], rules: &RuleSet) -> Verdict {
    let mut findings: Vec<Finding> =
        measurements.iter().filter_map(|measurement| gravest(measurement, rules)).collect();
    findings.sort_by_key(|finding| Reverse(finding.severity));
    let accepted = findings.iter().all(|finding| finding.severity < Severity::Fault);
    Verdict { rules: rules.title(), accepted, findings }
}

fn gravest(measurement: &Measurement, rules: &RuleSet) -> Option<Finding> {
    let met = rules.rules.iter().filter(|rule| rule.objects_to(measurement));
    // The first of the gravest: `max_by_key` would take the last.
    let rule = met.rev().max_by_key(|rule| rule.severity)?;
    Some(Finding {
        rule: rule.name.clone(),
        severity: rule.severity,
        message: rule.message_for(measurement),
        measurement: measurement.clone(),
    })
}

impl Rule {
    fn objects_to(&self, measurement: &Measurement) -> bool {
        self.measurement == measurement.name
            && self.concerns(measurement)
            && self.when.holds(measurement.value)
    }

    fn concerns(&self, measurement: &Measurement) -> bool {
        let Some(pattern) = &self.topic else { return true };
        let Some(topic) = &measurement.topic else { return false };
        match pattern.strip_suffix('*') {
            Some(start) => topic.as_str().starts_with(start),
            None => topic.as_str() == pattern,
        }
    }

    fn message_for(&self, measurement: &Measurement) -> String {
        let value = measurement.value.map_or_else(|| "-".to_owned(), crate::render::number);
        let percent =
            measurement.value.map_or_else(|| "-".to_owned(), |value| format!("{:.1} %", value * 100.0));
        self.message
            .replace("{where}", &crate::render::place(measurement))
            .replace("{value}", &value)
            .replace("{percent}", &percent)
            .replace("{unit}", &measurement.unit)
            .replace("{detail}", &measurement.detail)
    }
}

impl Condition {
    fn holds(self, value: Option<f64>) -> bool {
        match (self, value) {
            (Self::Above(bound), Some(value)) => value > bound,
            (Self::Below(bound), Some(value)) => value < bound,
            (Self::Beyond(bound), Some(value)) => value.abs() > bound,
            (Self::Absent(wanted), value) => wanted && value.is_none(),
            (_, None) => false,
        }
    }
}

fn placeholders(message: &str) -> impl Iterator<Item = &str> {
    message.split('{').skip(1).filter_map(|rest| rest.split('}').next())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::{Fill, measured, name};
    use etude_model::Topic;

    fn set(rules: &str) -> Result<RuleSet, Error> {
        RuleSet::from_toml(&format!("name = \"t\"\nversion = \"1\"\n{rules}"))
    }

    #[test]
    fn the_supplied_set_reads() {
        assert!(RuleSet::from_toml(DEFAULT).is_ok_and(|set| set.rules.len() > 20));
    }

    #[test]
    fn the_gravest_rule_counts_and_topics_narrow() {
        let rules = set(r#"
            rule = [
              { name = "a", measurement = "lag", when = { above = 100 }, severity = "note", message = "{where}: {value} {unit}" },
              { name = "b", measurement = "lag", when = { above = 500 }, severity = "fault", message = "{where} late" },
              { name = "c", measurement = "lag", topic = "/x/*", when = { beyond = 1 }, severity = "warning", message = "m" },
            ]"#)
        .expect("a rule set");
        let lag = |topic: &str, ms| measured(name::LAG).on(&Topic::from(topic)).channel("elbow").value(ms);
        let verdict = judge(&[lag("/s", 120.0), lag("/s", 600.0), lag("/x/y", -2.0)], &rules);
        let rules: Vec<&str> = verdict.findings.iter().map(|finding| finding.rule.as_str()).collect();
        assert_eq!(rules, ["b", "c", "a"]);
        assert!(!verdict.accepted);
        assert_eq!(verdict.findings.last().map(|f| f.message.as_str()), Some("/s elbow: 120 ms"));
    }

    #[test]
    fn what_could_not_be_measured_is_no_value() {
        let rules = set(r#"
            [[rule]]
            name = "low"
            measurement = "lag"
            when = { below = 1 }
            severity = "fault"
            message = "low"
            [[rule]]
            name = "none"
            measurement = "video_decoded"
            when = { absent = true }
            severity = "note"
            message = "{detail}""#)
        .expect("a rule set");
        let verdict =
            judge(&[measured(name::LAG), measured(name::VIDEO_DECODED).detail("no decoder")], &rules);
        assert!(verdict.accepted);
        assert_eq!(verdict.findings.len(), 1);
        assert_eq!(verdict.findings.first().map(|f| f.message.as_str()), Some("no decoder"));
    }

    #[test]
    fn mistakes_are_refused_with_their_place() {
        let rule = |measurement: &str, message: &str| {
            set(&format!(
                "[[rule]]\nname = \"r\"\nmeasurement = \"{measurement}\"\nwhen = {{ above = 1 }}\nseverity = \"note\"\nmessage = \"{message}\""
            ))
        };
        assert!(matches!(rule("lagg", "m"), Err(Error::Measurement { found, .. }) if found == "lagg"));
        assert!(matches!(rule("lag", "{valu}"), Err(Error::Placeholder { found, .. }) if found == "valu"));
        assert!(matches!(set("colour = 1\nrule = []"), Err(Error::Syntax(_))));
    }
}
