//! Which features a dataset has: decided by the first episode, held against every other.

use super::super::error::Error;
use super::super::tables::{Column, NumberType};
use super::{ExportOptions, FloatType};
use etude_episode::Episode;
use etude_model::{Card, ClockKind, StreamKind, StreamSpec, Topic};

/// What an episode gives to the features of a dataset.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) card: Card,
    pub(super) fps: u32,
    pub(super) features: Vec<FeaturePlan>,
    pub(super) cameras: Vec<CameraPlan>,
}

/// A feature of numbers.
#[derive(Clone, Debug)]
pub(super) struct FeaturePlan {
    pub(super) column: Column,
    pub(super) names: Vec<String>,
    /// For each number, the stream and the place in its array.
    pub(super) sources: Vec<(Topic, usize)>,
    /// Whether the streams are commands.
    pub(super) is_command: bool,
}

/// A camera.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct CameraPlan {
    pub(super) key: String,
    pub(super) topic: Topic,
}

impl Plan {
    pub(super) fn of(episode: &Episode, options: &ExportOptions) -> Result<Self, Error> {
        let failed = |message: String| Error::Episode { path: episode.name().into(), message };
        let text = episode.card_toml().map_err(|error| failed(error.to_string()))?;
        let card = Card::from_toml(&text).map_err(|error| failed(error.to_string()))?;
        let specs: Vec<&StreamSpec> = episode.streams().iter().map(|stream| &stream.spec).collect();
        let cameras: Vec<CameraPlan> = specs
            .iter()
            .filter(|spec| spec.kind == StreamKind::Video)
            .filter_map(|spec| {
                let key = format!("observation.images.{}", spec.topic.camera()?);
                Some(CameraPlan { key, topic: spec.topic.clone() })
            })
            .collect();
        let mut features = Vec::new();
        for (key, kind) in
            [("observation.state", StreamKind::JointStates), ("action", StreamKind::JointCommand)]
        {
            features.extend(joints(key, kind, &card, &specs, float(key, episode, options)));
        }
        features.extend(specs.iter().filter_map(|spec| imported(spec, episode, options)));
        if features.is_empty() {
            return Err(failed("it has neither joint states nor commands of the card's joints".to_owned()));
        }
        let fps = match options.fps {
            Some(fps) => fps,
            None => rate(episode, &cameras, &features)?,
        };
        Ok(Self { card, fps, features, cameras })
    }

    /// What another episode has otherwise; `None` where both fit into one dataset.
    pub(super) fn difference(&self, other: &Self) -> Option<(String, String)> {
        let list = |plan: &Self| -> Vec<String> {
            let numbers = plan.features.iter().map(|f| {
                format!(
                    "{} {}[{}] ({})",
                    f.column.key,
                    f.column.number.name(),
                    f.column.width,
                    f.names.join(" ")
                )
            });
            numbers.chain(plan.cameras.iter().map(|camera| camera.key.clone())).collect()
        };
        let (mine, theirs) = (list(self), list(other));
        if self.fps != other.fps {
            return Some((format!("{} Hz", self.fps), format!("{} Hz", other.fps)));
        }
        (mine != theirs).then(|| (mine.join(", "), theirs.join(", ")))
    }
}

/// The card's joints in their order, as far as a stream of this kind carries them.
fn joints(
    key: &str,
    kind: StreamKind,
    card: &Card,
    specs: &[&StreamSpec],
    number: NumberType,
) -> Option<FeaturePlan> {
    let (mut names, mut sources) = (Vec::new(), Vec::new());
    let robot =
        || specs.iter().filter(|spec| spec.kind == kind && spec.topic.as_str().starts_with("/robot/"));
    for joint in &card.joints {
        let place = robot().find_map(|spec| {
            let place = spec.channels.iter().position(|channel| channel.name == joint.name)?;
            Some((spec.topic.clone(), place))
        });
        if let Some(source) = place {
            names.push(joint.name.clone());
            sources.push(source);
        }
    }
    let column = Column::new(key, number, names.len());
    (!names.is_empty()).then_some(FeaturePlan {
        column,
        names,
        sources,
        is_command: kind == StreamKind::JointCommand,
    })
}

/// The type that an imported feature had in its source.
fn source_type<'e>(key: &str, episode: &'e Episode) -> Option<&'e str> {
    episode.manifest().notes.get(&format!("lerobot.dtype.{key}")).map(String::as_str)
}

fn float(key: &str, episode: &Episode, options: &ExportOptions) -> NumberType {
    match (options.float, source_type(key, episode)) {
        (FloatType::F64, _) | (FloatType::Auto, Some("float64")) => NumberType::F64,
        _ => NumberType::F32,
    }
}

/// A feature whose meaning was unknown when it was imported goes out as it came in.
fn imported(spec: &StreamSpec, episode: &Episode, options: &ExportOptions) -> Option<FeaturePlan> {
    let key = spec.topic.as_str().strip_prefix("/imported/")?;
    let number = match source_type(key, episode)? {
        "bool" => NumberType::Bool,
        kind if kind.starts_with("int") || kind.starts_with("uint") => NumberType::I64,
        _ => float(key, episode, options),
    };
    Some(FeaturePlan {
        column: Column::new(key, number, spec.channels.len()),
        names: spec.channels.iter().map(|channel| channel.name.clone()).collect(),
        sources: (0..spec.channels.len()).map(|place| (spec.topic.clone(), place)).collect(),
        is_command: false,
    })
}

/// The rate that an episode suggests.
fn rate(episode: &Episode, cameras: &[CameraPlan], features: &[FeaturePlan]) -> Result<u32, Error> {
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
            .or(first_joint().map(|(topic, _)| topic))
            .and_then(of_topic),
    };
    let found = found.unwrap_or(f64::NAN);
    if found.fract() == 0.0 && (1.0..=1e6).contains(&found) {
        return Ok(found as u32);
    }
    Err(Error::Rate { subject: episode.name().to_owned(), found })
}
