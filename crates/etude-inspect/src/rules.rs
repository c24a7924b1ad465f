//! Rule sets: what is demanded of measurements, and the verdict that follows.
//!
//! A rule set is a TOML file; it may extend a supplied one and say only what is otherwise. Judging needs measurements alone, so
//! a changed rule set judges stored measurements again without an episode being read.

use crate::definition;
use etude_model::Measurement;
use etude_model::verdict::{Finding, Severity, Verdict};
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// The supplied rule sets, by their names.
const SUPPLIED: [(&str, &str); 3] = [
    ("default", include_str!("../rules/default.toml")),
    ("strict", include_str!("../rules/strict.toml")),
    ("lerobot-ready", include_str!("../rules/lerobot-ready.toml")),
];
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

/// A rule set as its file says it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleFile {
    name: String,
    version: String,
    /// A supplied set whose rules it takes over.
    extends: Option<String>,
    /// Of those, the ones that it does without.
    #[serde(default)]
    leave_out: Vec<String>,
    /// Of those, the ones that are more or less grave here.
    #[serde(default)]
    severity: BTreeMap<String, Severity>,
    /// Its own rules; one of a name that was taken over replaces that.
    #[serde(default, rename = "rule")]
    rules: Vec<Rule>,
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
    /// A set is to be extended that is not supplied.
    #[error("`extends`: expected one of {}, found `{found}`", RuleSet::names().join(", "))]
    Base {
        /// The name found.
        found: String,
    },
    /// What is said of a rule that was not taken over.
    #[error("`{place}` names the rule `{found}`, which no set that this one extends has")]
    Unknown {
        /// The key in the file.
        place: &'static str,
        /// The rule's name.
        found: String,
    },
}

impl RuleSet {
    /// Reads and checks a rule set.
    pub fn from_toml(text: &str) -> Result<Self, Error> {
        let file: RuleFile = toml::from_str(text)?;
        let mut taken = match &file.extends {
            None => Vec::new(),
            Some(base) => Self::named(base).ok_or_else(|| Error::Base { found: base.clone() })?.rules,
        };
        let unknown = |place, found: &str| Error::Unknown { place, found: found.to_owned() };
        for name in &file.leave_out {
            let place = taken.iter().position(|rule| rule.name == *name);
            taken.remove(place.ok_or_else(|| unknown("leave_out", name))?);
        }
        for (name, severity) in &file.severity {
            let rule = taken.iter_mut().find(|rule| rule.name == *name);
            rule.ok_or_else(|| unknown("severity", name))?.severity = *severity;
        }
        taken.retain(|rule| !file.rules.iter().any(|own| own.name == rule.name));
        let set = Self { name: file.name, version: file.version, rules: [taken, file.rules].concat() };
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
        Self::named("default").expect("it is one of those supplied")
    }

    /// The supplied rule set of a name.
    pub fn named(name: &str) -> Option<Self> {
        let (_, text) = SUPPLIED.iter().find(|(own, _)| *own == name)?;
        Some(Self::from_toml(text).expect("a test reads every supplied rule set"))
    }

    /// The names of the supplied rule sets.
    pub fn names() -> [&'static str; SUPPLIED.len()] {
        SUPPLIED.map(|(name, _)| name)
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
    fn the_supplied_sets_read() {
        for name in RuleSet::names() {
            let set = RuleSet::named(name).expect("it is supplied");
            assert!(set.name == name && set.rules.len() > 20, "{name}");
        }
        assert_eq!(RuleSet::named("nobody"), None);
    }

    #[test]
    fn a_set_says_what_is_otherwise_than_in_the_one_it_extends() {
        let text = |more: &str| format!("name = \"mine\"\nversion = \"3\"\nextends = \"default\"\n{more}");
        let set = RuleSet::from_toml(&text(
            "leave_out = [\"idle\"]\nseverity = { lurch = \"fault\" }\n[[rule]]\nname = \"take-short\"\n\
             measurement = \"duration\"\nwhen = { below = 5 }\nseverity = \"warning\"\nmessage = \"{value} s\"\n",
        ))
        .expect("a rule set");
        let of = |set: &RuleSet, name: &str| set.rules.iter().find(|rule| rule.name == name).cloned();
        let base = RuleSet::supplied();
        assert_eq!((set.title().as_str(), set.rules.len()), ("mine 3", base.rules.len() - 1));
        assert_eq!(of(&set, "idle"), None);
        assert_eq!(of(&set, "lurch").map(|rule| rule.severity), Some(Severity::Fault));
        assert_eq!(of(&set, "take-short").map(|rule| rule.when), Some(Condition::Below(5.0)));
        assert_eq!(of(&set, "frozen"), of(&base, "frozen"));
        let refusal = |more: &str| RuleSet::from_toml(&text(more)).expect_err("a refusal").to_string();
        assert_eq!(
            refusal("leave_out = [\"idel\"]"),
            "`leave_out` names the rule `idel`, which no set that this one extends has"
        );
        assert!(
            refusal("severity = { nothing = \"note\" }").starts_with("`severity` names the rule `nothing`")
        );
        let error = RuleSet::from_toml("name = \"a\"\nversion = \"1\"\nextends = \"lax\"").expect_err("none");
        assert_eq!(
            error.to_string(),
            "`extends`: expected one of default, strict, lerobot-ready, found `lax`"
        );
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
