//! A mapping held against the card and against a first look at the recording: what is ready to be filled, and what is
//! still a question.

mod picture;

use super::fill::{Adjust, Fill, Names, Numbers};
use super::mapping::{ChannelRule, Lane, Mapping, Paths, QuaternionOrder, StreamRule, unit_of};
use super::value::{Path, Value};
use etude_model::{Card, Channel, StreamKind, StreamSpec, Unit};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// One stream, ready to be filled.
#[derive(Debug)]
pub(crate) struct Planned {
    pub(crate) spec: StreamSpec,
    pub(crate) from: Arc<str>,
    pub(crate) fill: Fill,
}

/// Plans every stream whose topic the recording has; the questions name what the mapping leaves open.
pub(crate) fn plan(
    mapping: &Mapping,
    card: &Card,
    first: &BTreeMap<Arc<str>, Value>,
) -> Result<Vec<Planned>, Vec<String>> {
    let mut planned = Vec::new();
    let mut questions = Vec::new();
    let mut topics = BTreeSet::new();
    for rule in &mapping.streams {
        if !topics.insert(rule.topic.as_str()) {
            questions.push(format!("- two streams of the mapping are {}: which one is it?", rule.topic));
        }
        let Some((from, message)) = first.get_key_value(rule.from.as_str()) else { continue };
        let mut planner = Planner { rule, card, message, questions: Vec::new() };
        let fill = planner.fill();
        questions.extend(
            planner.questions.iter().map(|question| format!("- {} ({}): {question}", rule.topic, rule.from)),
        );
        if let Some((channels, fill)) = fill {
            let mut spec =
                StreamSpec::new(rule.topic.clone(), rule.kind, rule.rate_hz).with_channels(channels);
            spec.frame.clone_from(&rule.frame);
            spec.native = Some(format!("{}:{}", mapping.format, rule.from));
            planned.push(Planned { spec, from: from.clone(), fill });
        }
    }
    if questions.is_empty() { Ok(planned) } else { Err(questions) }
}

struct Planner<'p> {
    rule: &'p StreamRule,
    card: &'p Card,
    message: &'p Value,
    questions: Vec<String>,
}

impl Planner<'_> {
    fn ask<T>(&mut self, question: impl Into<String>) -> Option<T> {
        self.questions.push(question.into());
        None
    }

    fn fill(&mut self) -> Option<(Vec<Channel>, Fill)> {
        self.check_keys();
        match self.rule.kind {
            StreamKind::JointStates | StreamKind::JointCommand => self.joints(),
            StreamKind::Pose => self.pose(),
            StreamKind::Wrench => self.wrench(),
            StreamKind::Tactile => self.tactile(),
            StreamKind::Imu => self.imu(),
            StreamKind::Video => self.video(),
            StreamKind::Depth => self.depth(),
            StreamKind::Calibration => self.calibration(),
            other => self.ask(format!(
                "expected joint_states, joint_command, pose, wrench, tactile, imu, video, depth or calibration, found {other:?}, which is not \
                 filled from recordings"
            )),
        }
    }

    /// Keys that a stream of this kind does not have.
    fn check_keys(&mut self) {
        let rule = self.rule;
        let allowed: &[&str] = match rule.kind {
            StreamKind::JointStates => &["names", "channels", "position", "velocity", "effort"],
            StreamKind::JointCommand => &["names", "channels", "position"],
            StreamKind::Pose => &["position", "orientation"],
            StreamKind::Wrench => &["force", "torque", "tared"],
            StreamKind::Tactile => &["values", "rows", "columns"],
            StreamKind::Imu => &["angular_velocity", "linear_acceleration"],
            StreamKind::Video => &["data", "format"],
            StreamKind::Depth => &["data", "format", "unit", "scale"],
            StreamKind::Calibration => &["rows", "columns"],
            _ => return,
        };
        let given = [
            ("names", rule.names.is_some()),
            ("channels", !rule.channels.is_empty()),
            ("position", rule.position.is_some()),
            ("velocity", rule.velocity.is_some()),
            ("effort", rule.effort.is_some()),
            ("orientation", rule.orientation.is_some()),
            ("force", rule.force.is_some()),
            ("torque", rule.torque.is_some()),
            ("tared", rule.tared.is_some()),
            ("values", rule.values.is_some()),
            ("rows", rule.rows.is_some()),
            ("columns", rule.columns.is_some()),
            ("angular_velocity", rule.angular_velocity.is_some()),
            ("linear_acceleration", rule.linear_acceleration.is_some()),
            ("data", rule.data.is_some()),
            ("format", rule.format.is_some()),
            ("unit", rule.unit.is_some()),
            ("scale", rule.scale.is_some()),
        ];
        for (key, _) in given.iter().filter(|(key, given)| *given && !allowed.contains(key)) {
            self.questions
                .push(format!("expected {}, found `{key}`: what is it to this kind?", allowed.join(", ")));
        }
    }

    fn joints(&mut self) -> Option<(Vec<Channel>, Fill)> {
        let rule = self.rule;
        let Some(position) = rule.position.as_ref().or(rule.velocity.as_ref()).or(rule.effort.as_ref())
        else {
            return self.ask("which field has the positions?");
        };
        let (channels, names) = self.channels(position)?;
        let specs: Vec<Channel> = channels
            .iter()
            .map(|channel| Some(Channel { name: channel.name.clone(), unit: self.target(channel)? }))
            .collect::<Option<_>>()?;
        let lane = |planner: &mut Self, lane: Option<&Lane>, kind| match lane {
            None => Some(None),
            Some(lane) => planner.joint_lane(lane, kind, &channels, &specs, names.is_none()).map(Some),
        };
        let position = lane(self, rule.position.as_ref(), Quantity::Position)?;
        let velocity = lane(self, rule.velocity.as_ref(), Quantity::Velocity)?;
        let effort = lane(self, rule.effort.as_ref(), Quantity::Effort)?;
        let fill = match (rule.kind, position) {
            (StreamKind::JointCommand, Some(asked)) => Fill::Command { asked, names },
            (StreamKind::JointCommand, None) => return self.ask("which field has the positions asked for?"),
            (_, position) => Fill::Joints { position, velocity, effort, names },
        };
        Some((specs, fill))
    }

    /// The unit that a channel has in the episode: its joint's on the card, or its own.
    fn target(&mut self, channel: &ChannelRule) -> Option<Unit> {
        if let Some(joint) = self.card.joints.iter().find(|joint| joint.name == channel.name) {
            return Some(joint.unit);
        }
        let lane = self.rule.position.as_ref().and_then(|lane| lane.unit.as_deref()).and_then(unit_of);
        match channel.unit.or(lane.map(|(unit, _)| unit)) {
            Some(unit) => Some(unit),
            None => self.ask(format!("in which unit is `{}`?", channel.name)),
        }
    }

    /// The channels, and where their places are found by name in each message.
    fn channels(&mut self, lane: &Lane) -> Option<(Vec<ChannelRule>, Option<Box<Names>>)> {
        let rule = self.rule;
        let Some(paths) = &rule.names else {
            if rule.channels.is_empty() {
                let width = self.width(&lane.field).unwrap_or(0);
                let field = lane.field.text();
                return self.ask(format!(
                    "{field} has {width} numbers and nothing names them: which joint is each? (`names` or `channels`)"
                ));
            }
            if let Some(channel) = rule.channels.iter().find(|channel| channel.source.is_some()) {
                let source = channel.source.as_deref().unwrap_or_default();
                return self.ask(format!(
                    "`{source}` is a name of the source: which field has the names? (`names`)"
                ));
            }
            return Some((rule.channels.clone(), None));
        };
        let Some(found) = names_of(paths.all(), self.message) else {
            return self.ask(format!("expected names in {}, found none", paths.text()));
        };
        let mut seen = BTreeSet::new();
        if let Some(twice) = found.iter().find(|name| !seen.insert(name.as_str())) {
            return self.ask(format!("`{twice}` stands twice in {}: which is which?", paths.text()));
        }
        let channels = if rule.channels.is_empty() { self.by_card(&found)? } else { rule.channels.clone() };
        let wanted: Vec<String> = channels
            .iter()
            .map(|channel| channel.source.clone().unwrap_or_else(|| channel.name.clone()))
            .collect();
        let absent: Vec<&String> = wanted.iter().filter(|name| !found.contains(name)).collect();
        if !absent.is_empty() {
            return self.ask(format!(
                "{absent:?} are not among the names of {}: {found:?}; which are they?",
                paths.text()
            ));
        }
        Some((channels, Some(Box::new(Names::new(paths.all().to_vec(), wanted)))))
    }

    /// Channels in the card's order; every name must be a joint's.
    fn by_card(&mut self, found: &[String]) -> Option<Vec<ChannelRule>> {
        let known = |name: &String| self.card.joints.iter().any(|joint| joint.name == *name);
        let unknown: Vec<&String> = found.iter().filter(|name| !known(name)).collect();
        if !unknown.is_empty() {
            let named =
                unknown.iter().take(40).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            let more = unknown.len().saturating_sub(40);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            return self.ask(format!(
                "the card has no joints called {named}{more}: which of its joints are they? (`channels` with `source`)"
            ));
        }
        let joints = self.card.joints.iter().filter(|joint| found.contains(&joint.name));
        Some(joints.map(|joint| channel_named(&joint.name)).collect())
    }

    fn joint_lane(
        &mut self,
        lane: &Lane,
        quantity: Quantity,
        channels: &[ChannelRule],
        specs: &[Channel],
        by_place: bool,
    ) -> Option<Numbers> {
        if by_place {
            let width = self.width(&lane.field);
            // Velocities and efforts may be absent from a message.
            let may_be_absent = quantity != Quantity::Position && matches!(width, None | Some(0));
            if width != Some(channels.len()) && !may_be_absent {
                let found = width.map_or_else(|| "none".to_owned(), |width| width.to_string());
                return self.ask(format!(
                    "expected {} numbers in {} for as many channels, found {found}",
                    channels.len(),
                    lane.field.text()
                ));
            }
        }
        let mut adjust = Vec::new();
        for (channel, spec) in channels.iter().zip(specs) {
            adjust.push(self.adjust(lane, quantity, channel, spec)?);
        }
        Some(Numbers::new(lane.field.all().to_vec(), adjust))
    }

    fn adjust(
        &mut self,
        lane: &Lane,
        quantity: Quantity,
        channel: &ChannelRule,
        spec: &Channel,
    ) -> Option<Adjust> {
        let field = lane.field.text();
        let sign_scale = channel.sign * channel.scale * lane.scale;
        if channel.sign.abs() != 1.0 || !sign_scale.is_finite() || sign_scale == 0.0 {
            return self
                .ask(format!("`{}`: expected a sign of 1 or -1 and a scale that is not 0", channel.name));
        }
        let stated = lane.unit.as_deref();
        let parsed = stated.and_then(unit_of);
        if stated.is_some() && parsed.is_none() {
            return self.ask(format!("{field}: `{}` is no unit that is known", stated.unwrap_or_default()));
        }
        match quantity {
            Quantity::Effort => match parsed {
                Some((Unit::NewtonMetre | Unit::Newton, false)) => {
                    Some(Adjust { factor: channel.sign * lane.scale, offset: 0.0 })
                }
                _ => self.ask(format!(
                    "{field}: in which unit are the efforts, N*m or N? (currents are no efforts)"
                )),
            },
            Quantity::Velocity => match parsed {
                Some((unit, true)) => {
                    let factor = self.factor(unit, spec, &field)?;
                    Some(Adjust { factor: sign_scale * factor, offset: 0.0 })
                }
                // Without a unit of its own it is in the channel's unit per second.
                _ => match channel.unit.filter(|_| stated.is_none()) {
                    Some(unit) => {
                        let factor = self.factor(unit, spec, &field)?;
                        Some(Adjust { factor: sign_scale * factor, offset: 0.0 })
                    }
                    None => self.ask(format!("{field}: in which unit per second is it (such as rad/s)?")),
                },
            },
            Quantity::Position => match channel.unit.or(parsed.filter(|(_, per)| !per).map(|(unit, _)| unit))
            {
                Some(unit) => {
                    let factor = self.factor(unit, spec, &field)?;
                    Some(Adjust {
                        factor: sign_scale * factor,
                        offset: (channel.offset + lane.offset) * factor,
                    })
                }
                None => self.ask(format!("in which unit is {field}?")),
            },
        }
    }

    /// What a number in `unit` is multiplied with to be in the channel's.
    fn factor(&mut self, unit: Unit, spec: &Channel, field: &str) -> Option<f64> {
        if unit == spec.unit {
            return Some(1.0);
        }
        let same = |a, b| (unit == a && spec.unit == b) || (unit == b && spec.unit == a);
        if !same(Unit::Degree, Unit::Radian) && !same(Unit::Millimetre, Unit::Metre) {
            return self.ask(format!(
                "{field}: the card's `{}` is in {}, the mapping says {unit}: what is the scale from one to the other?",
                spec.name, spec.unit
            ));
        }
        Some(unit.to_si()? / spec.unit.to_si()?)
    }

    /// `width` numbers in one unit.
    fn vector(
        &mut self,
        what: &str,
        lane: Option<&Lane>,
        width: usize,
        units: &[(&str, f64)],
    ) -> Option<Numbers> {
        let Some(lane) = lane else { return self.ask(format!("which field has the {what}?")) };
        let field = lane.field.text();
        let found = self.width(&lane.field);
        if found != Some(width) {
            let found = found.map_or_else(|| "none".to_owned(), |found| found.to_string());
            return self.ask(format!("expected {width} numbers of {what} in {field}, found {found}"));
        }
        let known: Vec<&str> = units.iter().map(|(unit, _)| *unit).collect();
        let factor = units.iter().find(|(unit, _)| lane.unit.as_deref() == Some(*unit));
        let Some((_, factor)) = factor else {
            let found = lane.unit.as_deref().unwrap_or("none");
            return self
                .ask(format!("in which unit is {field}? Expected {}, found {found}", known.join(" or ")));
        };
        let adjust = Adjust { factor: lane.scale * factor, offset: lane.offset * factor };
        Some(Numbers::new(lane.field.all().to_vec(), vec![adjust; width]))
    }

    fn frame(&mut self) -> Option<()> {
        if self.rule.frame.is_none() {
            return self.ask("in which frame are its numbers expressed? (`frame`)");
        }
        Some(())
    }

    fn pose(&mut self) -> Option<(Vec<Channel>, Fill)> {
        self.frame();
        let rule = self.rule;
        let position = self.vector("position", rule.position.as_ref(), 3, &[("m", 1.0), ("mm", 1e-3)]);
        let Some(lane) = &rule.orientation else { return self.ask("which field has the orientation?") };
        let field = lane.field.text();
        let width = lane.order.map_or(4, QuaternionOrder::width);
        if self.width(&lane.field) != Some(width) {
            return self.ask(format!("expected the {width} numbers of a rotation in {field}"));
        }
        let path = lane.field.all().first();
        let is_named = path.is_some_and(|path| matches!(path.value(self.message), Some(Value::Struct(_))));
        let order = match (is_named, lane.order) {
            (true, None | Some(QuaternionOrder::Xyzw)) => QuaternionOrder::Xyzw,
            (true, Some(_)) => {
                return self
                    .ask(format!("{field} names its parts x y z w: why would their order be another?"));
            }
            (false, Some(order)) => order,
            (false, None) => {
                return self.ask(format!(
                    "is the quaternion {field} in the order xyzw or wxyz, or is it a matrix? (`order`)"
                ));
            }
        };
        let adjust = vec![Adjust { factor: lane.scale, offset: lane.offset }; width];
        let orientation = Numbers::new(lane.field.all().to_vec(), adjust);
        Some((Vec::new(), Fill::Pose { position: position?, orientation, order }))
    }

    fn wrench(&mut self) -> Option<(Vec<Channel>, Fill)> {
        self.frame();
        let rule = self.rule;
        let force = self.vector("force", rule.force.as_ref(), 3, &[("N", 1.0)]);
        let torque = self.vector("torque", rule.torque.as_ref(), 3, &[("N*m", 1.0)]);
        let Some(tared) = rule.tared else { return self.ask("was the sensor's zero taken off? (`tared`)") };
        Some((Vec::new(), Fill::Wrench { force: force?, torque: torque?, tared }))
    }

    fn tactile(&mut self) -> Option<(Vec<Channel>, Fill)> {
        let rule = self.rule;
        let (Some(rows), Some(columns)) = (rule.rows, rule.columns) else {
            return self.ask("how many `rows` and `columns` of taxels are there?");
        };
        let Some(lane) = &rule.values else { return self.ask("which field has the taxels? (`values`)") };
        let unit = lane.unit.as_deref().and_then(unit_of);
        let Some((unit, false)) = unit else {
            return self.ask(format!("in which unit is {}?", lane.field.text()));
        };
        let width = (rows as usize).saturating_mul(columns as usize);
        let found = self.width(&lane.field);
        if found != Some(width) {
            return self.ask(format!(
                "expected {rows} x {columns} numbers in {}, found {found:?}",
                lane.field.text()
            ));
        }
        let adjust = Adjust { factor: lane.scale, offset: lane.offset };
        let values = Numbers::new(lane.field.all().to_vec(), vec![adjust; width]);
        Some((vec![Channel { name: "taxel".to_owned(), unit }], Fill::Tactile { values, rows, columns }))
    }

    fn imu(&mut self) -> Option<(Vec<Channel>, Fill)> {
        /// Standard gravity, m/s² (CGPM 1901).
        const GRAVITY: f64 = 9.806_65;
        self.frame();
        let rule = self.rule;
        let turn = [("rad/s", 1.0), ("deg/s", std::f64::consts::PI / 180.0)];
        let angular = self.vector("angular velocity", rule.angular_velocity.as_ref(), 3, &turn);
        let push = [("m/s^2", 1.0), ("g", GRAVITY)];
        let linear = self.vector("linear acceleration", rule.linear_acceleration.as_ref(), 3, &push);
        Some((Vec::new(), Fill::Imu { angular: angular?, linear: linear? }))
    }

    fn width(&self, paths: &Paths) -> Option<usize> {
        let widths =
            paths.all().iter().map(|path| path.numbers(self.message).map(|found| found.numbers.len()));
        widths.sum()
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Quantity {
    Position,
    Velocity,
    Effort,
}

fn channel_named(name: &str) -> ChannelRule {
    ChannelRule { name: name.to_owned(), source: None, unit: None, sign: 1.0, scale: 1.0, offset: 0.0 }
}

/// The names that paths lead to, joined.
pub(crate) fn names_of(paths: &[Path], message: &Value) -> Option<Vec<String>> {
    let mut names = Vec::new();
    for path in paths {
        names.extend(path.texts(message)?.into_iter().map(str::to_owned));
    }
    Some(names)
}
