//! The fields of one topic, put together to streams by what they are called and how wide they are.

mod camera;
mod picture;

use super::super::motion::{AFRAME_TYPE, BVH_TYPE};
use super::super::survey::{FieldSeen, TopicSeen};
use super::{quoted, range};
use etude_model::card::Joint;
use etude_model::{Card, Unit};
use std::fmt::Write as _;

/// Numbers that are listed one by one.
const MAX_LISTED: usize = 128;

/// The drafted streams of a topic, and what of it is skipped.
pub(super) fn streams(topic: &str, type_name: &str, seen: &TopicSeen, card: &Card) -> String {
    let mut draft = Draft { topic, type_name, seen, card, text: String::new(), used: Vec::new() };
    draft.calibration();
    draft.intrinsics();
    draft.extrinsics();
    draft.joints();
    draft.vectors();
    draft.pictures();
    draft.touch();
    draft.rest();
    draft.text
}

struct Draft<'d> {
    topic: &'d str,
    type_name: &'d str,
    seen: &'d TopicSeen,
    card: &'d Card,
    text: String,
    used: Vec<String>,
}

impl Draft<'_> {
    fn line(&mut self, words: impl AsRef<str>) {
        self.text.push_str(words.as_ref());
        self.text.push('\n');
    }

    fn open(&mut self, to: &str, kind: &str) {
        let from = quoted(self.topic);
        self.line(format!("[[stream]]\ntopic = {}\nkind = {}\nfrom = {from}", quoted(to), quoted(kind)));
    }

    /// The frame that the messages' header states, or a question.
    fn frame(&self) -> String {
        let stated = self.seen.field("header.frame_id").and_then(|field| field.words.first()).cloned();
        stated.filter(|frame| !frame.is_empty()).unwrap_or_else(|| "? in which frame?".to_owned())
    }

    /// Fields with names beside fields with as many numbers.
    fn joints(&mut self) {
        let seen = self.seen;
        for (name, field) in &seen.fields {
            let Some(prefix) = ["name", "names", "joint_names"].iter().find_map(|end| name.strip_suffix(end))
            else {
                continue;
            };
            let is_part = prefix.is_empty() || prefix.ends_with('.');
            if !is_part || prefix.contains("[]") || field.kind != "a list" || field.words.is_empty() {
                continue;
            }
            let lane = |names: &[&str]| {
                let found = names
                    .iter()
                    .map(|lane| format!("{prefix}{lane}"))
                    .find(|lane| seen.field(lane).is_some());
                found.and_then(|name| seen.field(&name).map(|field| (name, field)))
            };
            let Some((position, positions)) = lane(&["position", "positions", "qpos"]) else { continue };
            if positions.width.1 != field.words.len() {
                continue;
            }
            self.used.push(name.clone());
            self.joint_stream(prefix, name, &field.words, (&position, positions));
            for (key, lanes, unit) in [
                ("velocity", ["velocity", "velocities", "qvel"], "/s"),
                ("effort", ["effort", "efforts", "torque"], ""),
            ] {
                let Some((lane, found)) = lane(&lanes) else { continue };
                self.used.push(lane.clone());
                if found.width.1 == 0 {
                    continue;
                }
                self.line(format!("# {lane}: {}", range(found.range())));
                // A joint state's velocities are in the channels' units per second.
                let unit = match (unit, self.is_joint_state()) {
                    ("/s", true) => String::new(),
                    ("", true) => ", unit = \"N*m\"".to_owned(),
                    _ => {
                        format!(", unit = {}", quoted(&format!("? {}, no unit stated", range(found.range()))))
                    }
                };
                self.line(format!("{key} = {{ field = {}{unit} }}", quoted(&lane)));
            }
        }
    }

    /// Whether the type's definition states its units: rad or m, and N m or N (REP 103).
    fn is_joint_state(&self) -> bool {
        self.type_name.ends_with("sensor_msgs/JointState")
            || self.type_name.ends_with("sensor_msgs/msg/JointState")
    }

    fn joint_stream(
        &mut self,
        prefix: &str,
        names: &str,
        words: &[String],
        (field, seen): (&str, &FieldSeen),
    ) {
        self.used.push(field.to_owned());
        let words_of =
            |text: &str| ["cmd", "command", "target", "action"].iter().any(|word| text.contains(word));
        let is_command = words_of(&self.topic.to_lowercase()) || words_of(&prefix.to_lowercase());
        let known =
            words.iter().filter(|word| self.card.joints.iter().any(|joint| joint.name == **word)).count();
        let (to, kind) = if is_command {
            ("/robot/joint_commands", "joint_command")
        } else {
            ("/robot/joint_states", "joint_states")
        };
        self.line(format!(
            "# {known} of {} names are joints of the card. Its name says that it is {kind}.",
            words.len()
        ));
        let to = if prefix.is_empty() { to.to_owned() } else { format!("? {to}, or another of {prefix}") };
        self.open(&to, kind);
        self.line(format!("names = {}\nposition = {{ field = {} }}", quoted(names), quoted(field)));
        self.line("channels = [");
        for (at, word) in words.iter().enumerate() {
            let range = seen.ranges.get(at).copied().filter(|(low, high)| low <= high);
            let line = self.channel(word, range);
            self.line(line);
        }
        self.line("]");
    }

    /// One channel: by name on the card, with its limits beside what was seen.
    fn channel(&self, word: &str, seen: Option<(f64, f64)>) -> String {
        let found = range(seen);
        if let Some(joint) = self.card.joints.iter().find(|joint| joint.name == *word) {
            let [low, high] = joint.position;
            let limits = format!("{} {}", range(Some((low, high))), joint.unit);
            let unit = if self.is_joint_state() && states_si(joint) && fits(joint, seen) {
                joint.unit.symbol().to_owned()
            } else {
                format!("? seen {found}, the card's limits are {limits}, no unit stated: needs a person")
            };
            return format!(
                "  {{ name = {}, unit = {} }}, # seen {found}; card {limits}",
                quoted(word),
                quoted(&unit)
            );
        }
        let perhaps = self.card.joints.iter().find(|joint| plain(&joint.name) == plain(word));
        let perhaps = perhaps.map_or_else(String::new, |joint| format!(" (perhaps {})", joint.name));
        let question = format!("? which joint of the card is {word}?{perhaps} Seen {found}");
        format!("  {{ name = {}, source = {}, unit = \"? seen {found}\" }},", quoted(&question), quoted(word))
    }

    /// Pairs of vectors: force and torque, position and orientation, turning and acceleration.
    fn vectors(&mut self) {
        let seen = self.seen;
        for (name, _) in &seen.fields {
            let Some(prefix) = name.strip_suffix(".x") else { continue };
            let (front, last) = prefix.rsplit_once('.').map_or(("", prefix), |(front, last)| (front, last));
            let beside =
                |other: &str| if front.is_empty() { other.to_owned() } else { format!("{front}.{other}") };
            let has = |other: &str| seen.field(&format!("{}.x", beside(other))).is_some();
            let many = if prefix.contains("[]") { " of several" } else { "" };
            match last {
                "force" if has("torque") => {
                    self.pair(prefix, &beside("torque"), "wrench", ("force", "N"), ("torque", "N*m"), many);
                    self.line("tared = \"? was the sensor's zero taken off: true or false?\"");
                }
                "position" | "translation" => {
                    let other = if last == "position" { "orientation" } else { "rotation" };
                    if has(other) {
                        self.pair(
                            prefix,
                            &beside(other),
                            "pose",
                            ("position", "m"),
                            ("orientation", ""),
                            many,
                        );
                    }
                }
                "angular_velocity" if has("linear_acceleration") => {
                    let push = ("linear_acceleration", "m/s^2");
                    self.pair(
                        prefix,
                        &beside("linear_acceleration"),
                        "imu",
                        ("angular_velocity", "rad/s"),
                        push,
                        many,
                    );
                }
                _ => {}
            }
        }
    }

    fn pair(
        &mut self,
        a: &str,
        b: &str,
        kind: &str,
        (key_a, unit_a): (&str, &str),
        (key_b, unit_b): (&str, &str),
        many: &str,
    ) {
        for field in [a, b] {
            let axes = ["x", "y", "z", "w"].map(|axis| format!("{field}.{axis}"));
            let seen: Vec<String> = axes
                .iter()
                .filter_map(|axis| self.seen.field(axis))
                .map(|field| range(field.range()))
                .collect();
            self.line(format!("# {field}: {}", seen.join(", ")));
            self.used.extend(axes);
        }
        let frame = self.frame();
        let place = if many.is_empty() { "" } else { "[0]" };
        let path = |field: &str| field.replacen("[]", place, 1);
        // What moves a person is the trainer's.
        let is_person = [BVH_TYPE, AFRAME_TYPE].contains(&self.type_name);
        let to = if is_person { "/trainer/head/pose, /trainer/left/pose, …" } else { "/robot/…/" };
        let to = if is_person { to.to_owned() } else { format!("{to}{kind}") };
        let unit_a = if self.type_name == BVH_TYPE {
            "? which unit of length? (a person is 1.5 to 2 m tall)"
        } else {
            unit_a
        };
        self.open(&format!("? {to}: which{many}?"), kind);
        self.line(format!("frame = {}", quoted(&frame)));
        let lane = |key: &str, field: &str, unit: &str| {
            let unit = if unit.is_empty() { String::new() } else { format!(", unit = {}", quoted(unit)) };
            format!("{key} = {{ field = {}{unit} }}", quoted(&path(field)))
        };
        self.line(lane(key_a, a, unit_a));
        self.line(lane(key_b, b, unit_b));
    }

    /// Numbers whose name says that they are taxels: how they lie is for a person to say.
    fn touch(&mut self) {
        let seen = self.seen;
        for (name, field) in &seen.fields {
            let lower = name.to_lowercase();
            let is_touch = ["tactile", "taxel"].iter().any(|word| lower.contains(word));
            let (least, most) = field.width;
            if !is_touch || !field.is_numbers() || name.contains("[]") || least != most || most < 2 {
                continue;
            }
            self.used.push(name.clone());
            self.line(format!("# {name}: {most} x {}", range(field.range())));
            let part = name.rsplit('.').next().unwrap_or(name);
            self.open(&format!("/robot/tactile/{part}"), "tactile");
            self.line(format!("rows = {}", quoted(&format!("? rows times columns are {most}"))));
            self.line(format!("columns = {}", quoted("? how many taxels does a row have?")));
            let unit = format!("? {}, no unit stated: needs a person (or `unknown`)", range(field.range()));
            self.line(format!("values = {{ field = {}, unit = {} }}", quoted(name), quoted(&unit)));
        }
    }

    /// Numbers without a meaning are kept with unit unknown, or skipped; both is for a person to say.
    fn rest(&mut self) {
        let seen = self.seen;
        let mut words = Vec::new();
        for (name, field) in &seen.fields {
            if self.used.contains(name) || field.width.1 == 0 || name.starts_with("header.") {
                continue;
            }
            if !field.is_numbers()
                || name.contains("[]")
                || field.width.0 != field.width.1
                || field.width.1 > MAX_LISTED
            {
                let what = if field.words.is_empty() {
                    field.kind.to_owned()
                } else {
                    format!("{:?}", first(&field.words))
                };
                words.push((name.clone(), what));
                continue;
            }
            let question =
                format!("? {}, no unit stated: needs a person (or `unknown`)", range(field.range()));
            self.line(format!("# {name}: {} x {}", field.width.1, range(field.range())));
            self.in_card_order(field);
            let to = format!("/imported/{}/{}", self.topic.trim_matches('/'), name.replace('.', "/"));
            self.open(&to, "joint_states");
            self.line(format!("position = {{ field = {}, unit = {} }}", quoted(name), quoted(&question)));
            let mut channels = String::from("channels = [");
            for at in 0..field.width.1 {
                let _ = write!(channels, "{}{{ name = \"{at}\" }}", if at > 0 { ", " } else { "" });
            }
            channels.push(']');
            self.line(channels);
        }
        if words.is_empty() {
            return;
        }
        let whole = self.used.is_empty() && !self.text.contains("[[stream]]");
        for (name, what) in &words {
            self.line(format!("# {name}: {what}"));
        }
        self.line(format!("[[skip]]\nfrom = {}", quoted(self.topic)));
        if !whole {
            let fields: Vec<String> = words.iter().map(|(name, _)| quoted(&indexed(name))).collect();
            self.line(format!("fields = [{}]", fields.join(", ")));
        }
        self.line("why = \"? is nothing of this wanted?\"");
    }
}

impl Draft<'_> {
    /// Numbers without names of which there are as many as joints: whether each would fit the card's joint of its place.
    fn in_card_order(&mut self, field: &FieldSeen) {
        let joints = &self.card.joints;
        if field.width.1 != joints.len() {
            return;
        }
        let fitting =
            joints.iter().zip(&field.ranges).filter(|(joint, seen)| fits(joint, Some(**seen))).count();
        self.line(format!(
            "# As many as the card has joints; {fitting} of {} lie within the limits of the joint of their place.",
            joints.len()
        ));
    }
}

/// A field of a list, as a path to all of its elements.
fn indexed(name: &str) -> String {
    name.replace("[]", "[0:1000000]")
}

fn first(words: &[String]) -> &[String] {
    words.get(..words.len().min(3)).unwrap_or_default()
}

/// Whether the joint is in the units that a ROS joint state is in.
fn states_si(joint: &Joint) -> bool {
    matches!(joint.unit, Unit::Radian | Unit::Metre)
}

/// Whether what was seen lies within the joint's limits, a twentieth of their width aside.
fn fits(joint: &Joint, seen: Option<(f64, f64)>) -> bool {
    let [low, high] = joint.position;
    let margin = (high - low) * 0.05;
    seen.is_some_and(|(from, to)| from >= low - margin && to <= high + margin)
}

/// A name without case, underscores and the word joint.
fn plain(name: &str) -> String {
    name.to_lowercase().replace("joint", "").chars().filter(|letter| letter.is_alphanumeric()).collect()
}
