//! Features that are asked for besides: poses, wrenches, touch, what joints were measured to do beyond their positions.

use super::error::Error;
use super::layout::{Feature, Field, Number, Role, Source, float};
use super::options::RowOptions;
use etude_episode::Episode;
use etude_model::sample::HAND_JOINTS;
use etude_model::{Sample, StreamKind, StreamSpec, Topic, Unit};

const AXES: [&str; 4] = ["x", "y", "z", "w"];
/// Arrays of joint states that a topic may be followed by, as in `/robot/joint_states.velocity`.
const OF_JOINTS: [&str; 2] = ["velocity", "effort"];

/// The arrays of a stream's messages, each with its numbers.
type Arrays = Vec<(&'static str, Vec<Number>)>;

/// A stream that was asked for besides, such as `/robot/ee/left/pose` or `/robot/joint_states.velocity`.
pub(super) fn further(
    topic: &Topic,
    specs: &[&StreamSpec],
    episode: &Episode,
    options: &RowOptions,
) -> Result<Feature, Error> {
    let asked = topic.as_str();
    let of = |name: &str| specs.iter().find(|spec| spec.topic.as_str() == name).copied();
    let found = match OF_JOINTS
        .into_iter()
        .find_map(|field| Some((asked.strip_suffix(field)?.strip_suffix('.')?, field)))
    {
        Some((stem, field)) => match of(stem).filter(|spec| spec.kind == StreamKind::JointStates) {
            Some(spec) => joints(spec, field, episode)?.map(|arrays| (spec, arrays)),
            None => None,
        },
        None => match of(asked) {
            Some(spec) => arrays(spec, episode)?.map(|arrays| (spec, arrays)),
            None => None,
        },
    };
    let Some((spec, arrays)) = found else {
        let (subject, topic) = (episode.name().to_owned(), topic.to_string());
        return Err(Error::Stream { subject, expected: expected(specs), topic });
    };
    let key = format!("observation{}", asked.replace('/', "."));
    let (mut numbers, mut sources) = (Vec::new(), Vec::new());
    for (field, of_array) in arrays {
        for (place, number) in of_array.into_iter().enumerate() {
            numbers.push(number);
            sources.push(Source { topic: spec.topic.clone(), field: Field::Named(field), place });
        }
    }
    Ok(Feature { number: float(&key, episode, options), key, role: Role::Stream, numbers, sources })
}

/// What could be asked for.
fn expected(specs: &[&StreamSpec]) -> String {
    let usable = specs.iter().flat_map(|spec| match spec.kind {
        StreamKind::JointStates => OF_JOINTS.iter().map(|field| format!("{}.{field}", spec.topic)).collect(),
        StreamKind::Tactile => vec![spec.topic.to_string()],
        _ if fixed(spec).is_some() => vec![spec.topic.to_string()],
        _ => Vec::new(),
    });
    let usable: Vec<String> = usable.collect();
    format!(
        "a stream of poses, wrenches, touch, hands or inertia, or what joints did (it has: {})",
        usable.join(", ")
    )
}

/// Velocities or efforts of every joint of a stream; `None` where its messages carry none.
fn joints(spec: &StreamSpec, field: &'static str, episode: &Episode) -> Result<Option<Arrays>, Error> {
    let width = match first(spec, episode)? {
        Some(Sample::JointStates(states)) if field == "velocity" => states.velocity.len(),
        Some(Sample::JointStates(states)) => states.effort.len(),
        _ => 0,
    };
    if width != spec.channels.len() {
        return Ok(None);
    }
    let number = |channel: &etude_model::Channel| {
        let unit = match (field, channel.unit) {
            ("velocity", Unit::Radian) => Some(Unit::RadianPerSecond),
            ("velocity", Unit::Metre) => Some(Unit::MetrePerSecond),
            ("effort", Unit::Radian) => Some(Unit::NewtonMetre),
            ("effort", Unit::Metre) => Some(Unit::Newton),
            _ => None,
        };
        Number { name: format!("{}.{field}", channel.name), unit }
    };
    Ok(Some(vec![(field, spec.channels.iter().map(number).collect())]))
}

/// The arrays of a stream's messages, whose widths its kind or its first message settles.
fn arrays(spec: &StreamSpec, episode: &Episode) -> Result<Option<Arrays>, Error> {
    if spec.kind != StreamKind::Tactile {
        return Ok(fixed(spec));
    }
    let Some(Sample::Tactile(touch)) = first(spec, episode)? else { return Ok(None) };
    let unit = spec.channels.first().map(|channel| channel.unit);
    let taxel =
        |row: u32| (0..touch.columns).map(move |column| Number { name: format!("{row}.{column}"), unit });
    Ok(Some(vec![("values", (0..touch.rows).flat_map(taxel).collect())]))
}

/// The arrays of kinds whose messages all have the same widths.
fn fixed(spec: &StreamSpec) -> Option<Arrays> {
    let axes = |field: &'static str, count: usize, unit: Option<Unit>| {
        let number = |axis: &&str| Number { name: format!("{field}.{axis}"), unit };
        (field, AXES.iter().take(count).map(number).collect::<Vec<_>>())
    };
    Some(match spec.kind {
        StreamKind::Pose => {
            vec![axes("position_m", 3, Some(Unit::Metre)), axes("orientation_xyzw", 4, None)]
        }
        StreamKind::Wrench => {
            vec![axes("force_n", 3, Some(Unit::Newton)), axes("torque_n_m", 3, Some(Unit::NewtonMetre))]
        }
        StreamKind::Imu => vec![
            axes("angular_velocity_rad_s", 3, Some(Unit::RadianPerSecond)),
            axes("linear_acceleration_m_s2", 3, None),
        ],
        StreamKind::TrainerInput => {
            vec![("closure", vec![Number { name: "closure".to_owned(), unit: Some(Unit::Ratio) }])]
        }
        StreamKind::HandPose => {
            let of_joint = |joint: usize| {
                let number = move |(what, unit): (String, Option<Unit>)| Number {
                    name: format!("{joint}.{what}"),
                    unit,
                };
                let position = AXES[..3].iter().map(|axis| (format!("position_m.{axis}"), Some(Unit::Metre)));
                let turn = AXES.iter().map(|axis| (format!("orientation_xyzw.{axis}"), None));
                position.chain(turn).map(number)
            };
            vec![("joints", (0..HAND_JOINTS).flat_map(of_joint).collect())]
        }
        _ => return None,
    })
}

/// The first message of a stream.
fn first(spec: &StreamSpec, episode: &Episode) -> Result<Option<Sample>, Error> {
    let failed = |error: etude_episode::ReadError| Error::episode(episode.name(), error.to_string());
    let mut messages = episode.messages(&[spec.topic.as_str()], ..).map_err(failed)?;
    Ok(messages.next().transpose().map_err(failed)?.map(|message| message.sample))
}
