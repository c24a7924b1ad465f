//! Which features rows have: decided by the first episode and its card, held against every other.

use super::error::Error;
use super::further::further;
use super::options::{FloatType, NumberType, RowOptions, RowRule};
use etude_episode::Episode;
use etude_model::{Card, ClockKind, StreamKind, StreamSpec, Topic, Unit};
use std::collections::{BTreeMap, BTreeSet};

/// What an episode gives to the rows of a dataset.
#[derive(Clone, Debug)]
pub struct Layout {
    /// The robot.
    pub card: Card,
    /// Rows per second.
    pub fps: u32,
    /// Numbers: state, action, imported features, then what was asked for besides.
    pub features: Vec<Feature>,
    /// Pictures.
    pub cameras: Vec<Camera>,
    /// The rule of every stream that the rows use.
    pub rules: BTreeMap<Topic, RowRule>,
    /// Streams of the episode that rows do not carry.
    pub left_out: Vec<Topic>,
}

/// What a feature is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Positions of the card's joints, in the card's order.
    State,
    /// Commands of the card's joints, in the card's order.
    Action,
    /// A feature whose meaning was unknown when it was imported.
    Imported,
    /// Another stream that was asked for.
    Stream,
}

/// A feature of numbers.
#[derive(Clone, Debug)]
pub struct Feature {
    /// Its name in LeRobot's manner, such as `observation.state`.
    pub key: String,
    /// What it is.
    pub role: Role,
    /// How its numbers are stored.
    pub number: NumberType,
    /// Its numbers, in order.
    pub numbers: Vec<Number>,
    /// For each number, where it comes from.
    pub sources: Vec<Source>,
}

impl Feature {
    /// Numbers per row.
    pub fn width(&self) -> usize {
        self.sources.len()
    }

    /// Names of the numbers, in order.
    pub fn names(&self) -> Vec<&str> {
        self.numbers.iter().map(|number| number.name.as_str()).collect()
    }
}

/// One number of a feature.
#[derive(Clone, Debug, PartialEq)]
pub struct Number {
    /// Its name; for joints the name on the card.
    pub name: String,
    /// Its unit; absent where the name says it.
    pub unit: Option<Unit>,
}

/// Where a number comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The stream.
    pub topic: Topic,
    /// The array of its messages.
    pub field: Field,
    /// The place within the array.
    pub place: usize,
}

/// An array of a stream's messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// By its name in aligned tables.
    Named(&'static str),
    /// What the governor let through of a command, where the episode says it, and what was asked elsewhere.
    Command,
}

/// A camera.
#[derive(Clone, Debug, PartialEq)]
pub struct Camera {
    /// Its name on the card.
    pub name: String,
    /// Its feature's name in LeRobot's manner, `observation.images.<name>`.
    pub key: String,
    /// Its stream.
    pub topic: Topic,
}

impl Layout {
    /// What this episode gives.
    pub fn of(episode: &Episode, options: &RowOptions) -> Result<Self, Error> {
        let failed = |message: String| Error::episode(episode.name(), message);
        let text = episode.card_toml().map_err(|error| failed(error.to_string()))?;
        let card = Card::from_toml(&text).map_err(|error| failed(error.to_string()))?;
        let specs: Vec<&StreamSpec> = episode.streams().iter().map(|stream| &stream.spec).collect();
        let cameras: Vec<Camera> = specs
            .iter()
            .filter(|spec| spec.kind == StreamKind::Video)
            .filter_map(|spec| {
                let name = spec.topic.camera()?.to_owned();
                let key = format!("observation.images.{name}");
                Some(Camera { name, key, topic: spec.topic.clone() })
            })
            .collect();
        let mut features = Vec::new();
        for role in [Role::State, Role::Action] {
            features.extend(joints(role, &card, &specs, episode, options));
        }
        features.extend(specs.iter().filter_map(|spec| imported(spec, episode, options)));
        for topic in &options.with {
            features.push(further(topic, &specs, episode, options)?);
        }
        if features.is_empty() {
            let streams: Vec<&str> = specs.iter().map(|spec| spec.topic.as_str()).collect();
            let (subject, streams) = (episode.name().to_owned(), streams.join(", "));
            return Err(Error::NoJoints { subject, streams });
        }
        let fps = match options.fps {
            Some(fps) => fps,
            None => rate(episode, &cameras, &features)?,
        };
        let rules = rules(&features, &cameras, &specs, options)?;
        let left_out = specs.iter().map(|spec| &spec.topic).filter(|topic| !rules.contains_key(*topic));
        let left_out = left_out.cloned().collect();
        Ok(Self { card, fps, features, cameras, rules, left_out })
    }

    /// What another episode has otherwise; `None` where both fit into one dataset.
    pub fn difference(&self, other: &Self) -> Option<(String, String)> {
        let list = |layout: &Self| -> Vec<String> {
            let numbers = layout.features.iter().map(|feature| {
                format!(
                    "{} {}[{}] ({})",
                    feature.key,
                    feature.number.name(),
                    feature.width(),
                    feature.names().join(" ")
                )
            });
            numbers.chain(layout.cameras.iter().map(|camera| camera.key.clone())).collect()
        };
        let (mine, theirs) = (list(self), list(other));
        if self.fps != other.fps {
            return Some((format!("{} Hz", self.fps), format!("{} Hz", other.fps)));
        }
        (mine != theirs).then(|| (mine.join(", "), theirs.join(", ")))
    }

    /// The feature of a role.
    pub fn feature(&self, role: Role) -> Option<&Feature> {
        self.features.iter().find(|feature| feature.role == role)
    }
}

/// The card's joints in their order, as far as a stream carries them.
fn joints(
    role: Role,
    card: &Card,
    specs: &[&StreamSpec],
    episode: &Episode,
    options: &RowOptions,
) -> Option<Feature> {
    let (key, kind, field) = match role {
        Role::Action => ("action", StreamKind::JointCommand, Field::Command),
        _ => ("observation.state", StreamKind::JointStates, Field::Named("position")),
    };
    let (mut numbers, mut sources) = (Vec::new(), Vec::new());
    let robot =
        || specs.iter().filter(|spec| spec.kind == kind && spec.topic.as_str().starts_with("/robot/"));
    for joint in &card.joints {
        let found = robot().find_map(|spec| {
            let place = spec.channels.iter().position(|channel| channel.name == joint.name)?;
            let unit = spec.channels.get(place).map(|channel| channel.unit);
            Some((Source { topic: spec.topic.clone(), field, place }, unit))
        });
        if let Some((source, unit)) = found {
            numbers.push(Number { name: joint.name.clone(), unit });
            sources.push(source);
        }
    }
    let number = float(key, episode, options);
    (!numbers.is_empty()).then_some(Feature { key: key.to_owned(), role, number, numbers, sources })
}

/// The type that an imported feature had in its source.
fn source_type<'e>(key: &str, episode: &'e Episode) -> Option<&'e str> {
    episode.manifest().notes.get(&format!("lerobot.dtype.{key}")).map(String::as_str)
}

pub(super) fn float(key: &str, episode: &Episode, options: &RowOptions) -> NumberType {
    match (options.float, source_type(key, episode)) {
        (FloatType::F64, _) | (FloatType::Auto, Some("float64")) => NumberType::F64,
        _ => NumberType::F32,
    }
}

/// A feature whose meaning was unknown when it was imported goes out as it came in.
fn imported(spec: &StreamSpec, episode: &Episode, options: &RowOptions) -> Option<Feature> {
    let key = spec.topic.as_str().strip_prefix("/imported/")?;
    let number = match source_type(key, episode)? {
        "bool" => NumberType::Bool,
        kind if kind.starts_with("int") || kind.starts_with("uint") => NumberType::I64,
        _ => float(key, episode, options),
    };
    let channel =
        |channel: &etude_model::Channel| Number { name: channel.name.clone(), unit: Some(channel.unit) };
    let source = |place| Source { topic: spec.topic.clone(), field: Field::Named("position"), place };
    Some(Feature {
        key: key.to_owned(),
        role: Role::Imported,
        number,
        numbers: spec.channels.iter().map(channel).collect(),
        sources: (0..spec.channels.len()).map(source).collect(),
    })
}

/// The rule of each stream in use; a rule that a stream cannot have is refused, and so is one for a stream that is not
/// in use.
fn rules(
    features: &[Feature],
    cameras: &[Camera],
    specs: &[&StreamSpec],
    options: &RowOptions,
) -> Result<BTreeMap<Topic, RowRule>, Error> {
    // Causal for what is measured; a frame is the nearest one, so that clocks that differ by a breath do not repeat one
    // and skip the next.
    let numbers = features.iter().flat_map(|feature| &feature.sources);
    let numbers = numbers.map(|source| (source.topic.clone(), RowRule::Previous));
    let pictures = cameras.iter().map(|camera| (camera.topic.clone(), RowRule::Nearest));
    let mut rules: BTreeMap<Topic, RowRule> = numbers.chain(pictures).collect();
    let whole: BTreeSet<&Topic> = features
        .iter()
        .filter(|feature| matches!(feature.number, NumberType::I64 | NumberType::Bool))
        .flat_map(|feature| feature.sources.iter().map(|source| &source.topic))
        .collect();
    for (topic, rule) in &options.rules {
        let kind = specs.iter().find(|spec| spec.topic == *topic).map(|spec| spec.kind);
        let refused = |expected| Error::Rule { topic: topic.to_string(), expected, found: rule.name() };
        let Some(place) = rules.get_mut(topic) else {
            return Err(refused("a stream whose values the rows use"));
        };
        if rule.is_between() && (kind == Some(StreamKind::Video) || whole.contains(topic)) {
            return Err(refused("`previous` or `nearest`, for pictures, counts and flags"));
        }
        if *rule == RowRule::Slerp && kind != Some(StreamKind::Pose) {
            return Err(refused("a stream of poses for `slerp`"));
        }
        *place = *rule;
    }
    Ok(rules)
}

/// The rate that an episode suggests.
fn rate(episode: &Episode, cameras: &[Camera], features: &[Feature]) -> Result<u32, Error> {
    let of_topic = |topic: &Topic| {
        let stream = episode.stream(topic.as_str())?;
        episode.stream_info(stream).spec.rate_hz
    };
    let first_joint = || features.first().and_then(|feature| feature.sources.first());
    let found = match episode.manifest().clock {
        ClockKind::Synthetic { rate_hz } => Some(rate_hz),
        _ => cameras
            .first()
            .map(|camera| &camera.topic)
            .or(first_joint().map(|source| &source.topic))
            .and_then(of_topic),
    };
    let found = found.unwrap_or(f64::NAN);
    if found.fract() == 0.0 && (1.0..=1e6).contains(&found) {
        return Ok(found as u32);
    }
    Err(Error::Rate { subject: episode.name().to_owned(), found })
}
