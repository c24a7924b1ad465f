//! Which number of a dataset goes to which channel of which stream: by the card, or not at all.
//!
//! A card's `[[stream]]` with `native = "lerobot:FEATURE"` claims, by name, the numbers of that feature that its
//! channels name, by info.json or as `left_arm.0` by `modality.json`; `native = "lerobot:FEATURE[from:to]"` claims a range by position, for datasets without names. Where
//! no stream claims `observation.state` or `action`, the names must be those of the card's joints: joints of a hand go
//! to `/robot/hand/<side>/…`, the others to `/robot/joint_…`.

use super::error::Error;
use super::info::{Feature, Info};
use super::modality::BodyPart;
use etude_model::card::Side;
use etude_model::{Card, Channel, StreamKind, StreamSpec, Topic, Unit};
use std::collections::{BTreeMap, BTreeSet};

/// One stream that is filled from one feature.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// The feature.
    pub feature: String,
    /// The stream, with its channels.
    pub stream: StreamSpec,
    /// For each channel, the number's place in the feature.
    pub places: Vec<usize>,
}

/// Where everything of a dataset goes.
#[derive(Clone, Debug, Default)]
pub struct Mapping {
    /// Streams of numbers.
    pub parts: Vec<Part>,
    /// Streams of video: the feature's key and the stream.
    pub cameras: Vec<(String, StreamSpec)>,
    /// Features that no meaning is known of; their numbers are kept under `/imported/…`.
    pub unknown: Vec<String>,
    /// Features that cannot be kept, with the reason.
    pub unread: Vec<(String, String)>,
}

impl Mapping {
    /// Plans an import; `dropped`: features that the person does not want.
    pub fn plan(info: &Info, card: &Card, dropped: &BTreeSet<String>) -> Result<Self, Error> {
        let mut mapping = Self::default();
        let mut questions = Vec::new();
        let wanted = info.features.iter().filter(|feature| !dropped.contains(&feature.key));
        for feature in wanted.filter(|feature| !feature.is_numbering()) {
            if feature.dtype == "video" || info.in_files().any(|camera| camera.key == feature.key) {
                mapping.cameras.push((feature.key.clone(), camera_stream(feature, card, info.fps)));
            } else if !feature.is_numeric() {
                let reason = match feature.dtype.as_str() {
                    "audio" => "an episode has no stream for sound".to_owned(),
                    dtype => format!("its type {dtype} is not read"),
                };
                mapping.unread.push((feature.key.clone(), reason));
            } else {
                match parts(feature, card, info.fps) {
                    Ok(Some(parts)) => mapping.parts.extend(parts),
                    Ok(None) => {
                        mapping.parts.push(unknown_part(feature, info.fps));
                        mapping.unknown.push(feature.key.clone());
                    }
                    Err(open) => questions.extend(open),
                }
            }
        }
        questions.extend(contradictions(&mapping, card));
        if questions.is_empty() { Ok(mapping) } else { Err(Error::Questions { questions }) }
    }

    /// Every stream, numbers first.
    pub fn streams(&self) -> Vec<StreamSpec> {
        let cameras = self.cameras.iter().map(|(_, stream)| stream.clone());
        self.parts.iter().map(|part| part.stream.clone()).chain(cameras).collect()
    }
}

/// `FEATURE` and the range of `lerobot:FEATURE[from:to]`.
fn native_of(stream: &StreamSpec) -> Option<(&str, Option<(usize, usize)>)> {
    let text = stream.native.as_deref()?.strip_prefix("lerobot:")?;
    let Some((feature, range)) = text.strip_suffix(']').and_then(|text| text.split_once('[')) else {
        return Some((text, None));
    };
    let (from, to) = range.split_once(':')?;
    Some((feature, Some((from.parse().ok()?, to.parse().ok()?))))
}

/// The streams of one feature; `None` where the card says nothing of it and it need not.
fn parts(feature: &Feature, card: &Card, rate_hz: f64) -> Result<Option<Vec<Part>>, Vec<String>> {
    let claims: Vec<&StreamSpec> = card
        .streams
        .iter()
        .filter(|stream| native_of(stream).is_some_and(|(key, _)| key == feature.key))
        .filter(|stream| matches!(stream.kind, StreamKind::JointStates | StreamKind::JointCommand))
        .collect();
    let parts = if claims.is_empty() {
        let kind = match feature.key.as_str() {
            "observation.state" => StreamKind::JointStates,
            "action" => StreamKind::JointCommand,
            _ => return Ok(None),
        };
        let parts = by_joint_names(feature, card, kind)?;
        let open = no_joints(feature, &parts);
        if !open.is_empty() {
            return Err(open);
        }
        parts
    } else {
        claims.into_iter().map(|stream| claimed(feature, stream)).collect::<Result<Vec<_>, _>>()?
    };
    let parts: Vec<Part> =
        parts.into_iter().map(|part| Part { stream: with_rate(part.stream, rate_hz), ..part }).collect();
    let open = uncovered(feature, &parts);
    if open.is_empty() { Ok(Some(parts)) } else { Err(open) }
}

fn with_rate(mut stream: StreamSpec, rate_hz: f64) -> StreamSpec {
    stream.rate_hz = Some(rate_hz);
    stream
}

fn claimed(feature: &Feature, stream: &StreamSpec) -> Result<Part, Vec<String>> {
    let whole = || format!("the card's stream {}", stream.topic);
    let places = match (native_of(stream).and_then(|(_, range)| range), &feature.names) {
        (Some((from, to)), _) => {
            if to > feature.width() || from >= to || to - from != stream.channels.len() {
                return Err(vec![format!(
                    "- {} claims the numbers {from} to {to} of {} for {} channels; the feature has {}",
                    whole(),
                    feature.key,
                    stream.channels.len(),
                    feature.width()
                )]);
            }
            (from..to).collect()
        }
        (None, Some(names)) => {
            let place = |channel: &Channel| {
                let named = names.iter().position(|name| *name == channel.name);
                let of_part = |place: &usize| feature.part_name(*place).as_ref() == Some(&channel.name);
                named.or_else(|| (0..feature.width()).find(of_part)).ok_or_else(|| {
                    format!(
                        "- {} names `{}`; which number of {} is that?",
                        whole(),
                        channel.name,
                        feature.key
                    )
                })
            };
            let (places, open): (Vec<_>, Vec<_>) = stream.channels.iter().map(place).partition(Result::is_ok);
            let open: Vec<String> = open.into_iter().filter_map(Result::err).collect();
            if !open.is_empty() {
                return Err(open);
            }
            places.into_iter().flatten().collect()
        }
        (None, None) => {
            return Err(vec![format!(
                "- {} has {} numbers without names: which joint is each?",
                feature.key,
                feature.width()
            )]);
        }
    };
    Ok(Part { feature: feature.key.clone(), stream: stream.clone(), places })
}

fn by_joint_names(feature: &Feature, card: &Card, kind: StreamKind) -> Result<Vec<Part>, Vec<String>> {
    let Some(names) = &feature.names else {
        let width = feature.width();
        return Err(vec![format!(
            "- {} has {width} numbers without names: which joint is each?",
            feature.key
        )]);
    };
    let mut parts: BTreeMap<Option<Side>, Part> = BTreeMap::new();
    // The order of channels is the card's, whatever the dataset's is.
    for joint in &card.joints {
        let Some(place) = names.iter().position(|name| *name == joint.name) else { continue };
        let side = card.hands.iter().find(|hand| hand.joints.contains(&joint.name)).map(|hand| hand.side);
        let part = parts.entry(side).or_insert_with(|| Part {
            feature: feature.key.clone(),
            stream: StreamSpec::new(topic(side, kind), kind, None),
            places: Vec::new(),
        });
        part.places.push(place);
        part.stream.channels.push(Channel { name: joint.name.clone(), unit: joint.unit });
    }
    Ok(parts.into_values().collect())
}

fn topic(side: Option<Side>, kind: StreamKind) -> String {
    let command = kind == StreamKind::JointCommand;
    match side {
        None if command => Topic::JOINT_COMMANDS.to_owned(),
        None => Topic::JOINT_STATES.to_owned(),
        Some(side) => format!("/robot/hand/{}/{}", side.name(), if command { "command" } else { "state" }),
    }
}

/// Parts that `modality.json` calls rotations or differences, though their numbers bear names of joints.
fn no_joints(feature: &Feature, parts: &[Part]) -> Vec<String> {
    let claimed = |part: &BodyPart| parts.iter().flat_map(|of| &of.places).any(|at| part.places.contains(at));
    let odd = feature.parts.iter().filter(|part| claimed(part)).filter_map(|part| {
        let said = match (&part.rotation, part.absolute) {
            (Some(rotation), _) => format!("a rotation ({rotation})"),
            (None, Some(false)) => "relative (absolute = false)".to_owned(),
            _ => return None,
        };
        Some((part, said))
    });
    odd.map(|(part, said)| {
        format!(
            "- modality.json says that {} in {} is {said}, and its numbers bear names of joints: which is it? (a \
             [[stream]] of the card with native = \"lerobot:{}\" settles it)",
            part.name, feature.key, feature.key
        )
    })
    .collect()
}

/// Numbers that no stream, or more than one, carries.
fn uncovered(feature: &Feature, parts: &[Part]) -> Vec<String> {
    let mut claims = vec![0usize; feature.width()];
    for place in parts.iter().flat_map(|part| &part.places) {
        if let Some(count) = claims.get_mut(*place) {
            *count += 1;
        }
    }
    let name = |place: usize| {
        let name = feature.names.as_ref().and_then(|names| names.get(place));
        let part = feature.part_name(place).filter(|part| Some(part) != name);
        let part = part.map(|part| format!(", `{part}` of modality.json,")).unwrap_or_default();
        match name {
            Some(name) => format!("`{name}` ({}[{place}]){part}", feature.key),
            None => format!("{}[{place}]{part}", feature.key),
        }
    };
    let mut open = Vec::new();
    for (place, count) in claims.iter().enumerate() {
        match count {
            0 => open.push(format!("- which joint of the card is {}, and in which unit?", name(place))),
            1 => {}
            _ => open.push(format!("- {} is claimed {count} times: which stream carries it?", name(place))),
        }
    }
    if let Some(names) = &feature.names {
        let mut seen = BTreeSet::new();
        let twice = names.iter().filter(|name| !seen.insert(name.as_str()));
        open.extend(twice.map(|name| format!("- `{name}` stands twice in {}: which is which?", feature.key)));
    }
    open
}

/// Channels that name a joint must have the joint's unit, and no topic may be filled twice.
fn contradictions(mapping: &Mapping, card: &Card) -> Vec<String> {
    let mut open = Vec::new();
    let mut topics = BTreeSet::new();
    for stream in mapping.streams() {
        if !topics.insert(stream.topic.clone()) {
            open.push(format!("- two features go to {}: which one is it?", stream.topic));
        }
        for channel in &stream.channels {
            let joint = card.joints.iter().find(|joint| joint.name == channel.name);
            if let Some(joint) = joint.filter(|joint| joint.unit != channel.unit) {
                open.push(format!(
                    "- the card's joint `{}` is in {}, its channel of {} in {}: which is it?",
                    joint.name, joint.unit, stream.topic, channel.unit
                ));
            }
        }
    }
    open
}

fn camera_stream(feature: &Feature, card: &Card, rate_hz: f64) -> StreamSpec {
    let claim = card.streams.iter().find(|stream| {
        stream.kind == StreamKind::Video && native_of(stream).is_some_and(|(key, _)| key == feature.key)
    });
    let topic = claim.map_or_else(
        || format!("/camera/{}/video", camera_name(&feature.key)),
        |stream| stream.topic.as_str().to_owned(),
    );
    let mut stream =
        claim.cloned().unwrap_or_else(|| StreamSpec::new(topic.clone(), StreamKind::Video, None));
    stream.rate_hz = Some(rate_hz);
    stream.native = Some(format!("lerobot:{}", feature.key));
    if stream.frame.is_none() {
        stream.frame = Topic::new(topic).camera().map(str::to_owned);
    }
    stream
}

/// The camera of `observation.images.<camera>`.
pub(crate) fn camera_name(key: &str) -> String {
    let name =
        key.strip_prefix("observation.images.").or_else(|| key.strip_prefix("observation.")).unwrap_or(key);
    name.replace('/', "_")
}

/// Where the numbers of a feature without a known meaning are kept.
pub(crate) fn unknown_topic(key: &str) -> String {
    format!("/imported/{key}")
}

fn unknown_part(feature: &Feature, rate_hz: f64) -> Part {
    let names = feature
        .names
        .clone()
        .unwrap_or_else(|| (0..feature.width()).map(|place| place.to_string()).collect());
    let channels = names.into_iter().map(|name| Channel { name, unit: Unit::Unknown }).collect();
    let mut stream = StreamSpec::new(unknown_topic(&feature.key), StreamKind::JointStates, Some(rate_hz))
        .with_channels(channels);
    stream.native = Some(format!("lerobot:{}", feature.key));
    Part { feature: feature.key.clone(), stream, places: (0..feature.width()).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CARD: &str = r#"
        schema = 1
        vendor = "Maker"
        model = "One"
        revision = "a"
        source = "a test"
        [[joint]]
        name = "elbow"
        kind = "revolute"
        unit = "rad"
        position = [0.0, 2.0]
        velocity = 3.0
        [[joint]]
        name = "finger"
        kind = "revolute"
        unit = "ratio"
        position = [0.0, 1.0]
        velocity = 3.0
        [[hand]]
        side = "left"
        kind = "gripper"
        joints = ["finger"]
        open = [0.0]
        closed = [1.0]
    "#;

    fn info(state: &str) -> Info {
        let features = vec![Feature {
            key: "observation.state".to_owned(),
            dtype: "float32".to_owned(),
            shape: vec![state.split(' ').count()],
            names: Some(state.split(' ').map(str::to_owned).collect()),
            parts: Vec::new(),
        }];
        Info {
            version: super::super::info::Version::V21,
            fps: 30.0,
            robot_type: None,
            features,
            total_frames: None,
            total_episodes: None,
            chunks_size: 1000,
            data_path: String::new(),
            video_path: None,
            image_path: None,
            licence: None,
        }
    }

    #[test]
    fn names_decide_whatever_the_order() {
        let card = Card::from_toml(CARD).expect("a card");
        let mapping = Mapping::plan(&info("finger elbow"), &card, &BTreeSet::new()).expect("a mapping");
        let found: Vec<_> =
            mapping.parts.iter().map(|p| (p.stream.topic.to_string(), p.places.clone())).collect();
        assert_eq!(
            found,
            [("/robot/joint_states".to_owned(), vec![1]), ("/robot/hand/left/state".to_owned(), vec![0])]
        );
    }

    #[test]
    fn what_names_do_not_settle_is_asked() {
        let card = Card::from_toml(CARD).expect("a card");
        let error =
            Mapping::plan(&info("finger elbow gripper"), &card, &BTreeSet::new()).expect_err("a question");
        assert!(error.to_string().contains("`gripper` (observation.state[2])"), "{error}");
        let error = Mapping::plan(&info("elbow elbow"), &card, &BTreeSet::new()).expect_err("a question");
        assert!(error.to_string().contains("stands twice"), "{error}");
        let mut nameless = info("finger elbow");
        nameless.features[0].names = None;
        let error = Mapping::plan(&nameless, &card, &BTreeSet::new()).expect_err("a question");
        assert!(error.to_string().contains("without names"), "{error}");
    }

    #[test]
    fn a_card_can_speak_by_parts() {
        let text = format!(
            "{CARD}\n[[stream]]\ntopic = \"/robot/joint_states\"\nkind = \"joint_states\"\n\
             native = \"lerobot:observation.state\"\nchannels = [{{ name = \"hand.0\", unit = \"ratio\" }}, \
             {{ name = \"arm.0\", unit = \"rad\" }}]\n"
        );
        let card = Card::from_toml(&text).expect("a card");
        let mut named = info("motor_0 motor_1");
        let part =
            |name: &str, places| BodyPart { name: name.to_owned(), places, rotation: None, absolute: None };
        named.features[0].parts = vec![part("arm", 0..1), part("hand", 1..2)];
        let mapping = Mapping::plan(&named, &card, &BTreeSet::new()).expect("a mapping");
        assert_eq!(mapping.parts[0].places, [1, 0]);
        let card = Card::from_toml(CARD).expect("a card");
        let error = Mapping::plan(&named, &card, &BTreeSet::new()).expect_err("a question").to_string();
        assert!(error.contains("`motor_1` (observation.state[1]), `hand.0` of modality.json,"), "{error}");
    }

    #[test]
    fn differences_and_rotations_are_no_joints() {
        let card = Card::from_toml(CARD).expect("a card");
        for (rotation, absolute, said) in [
            (None, Some(false), "relative"),
            (Some("quaternion".to_owned()), None, "a rotation (quaternion)"),
        ] {
            let mut info = info("finger elbow");
            info.features[0].parts =
                vec![BodyPart { name: "arm".to_owned(), places: 1..2, rotation, absolute }];
            let error = Mapping::plan(&info, &card, &BTreeSet::new()).expect_err("a question").to_string();
            assert!(error.contains(&format!("arm in observation.state is {said}")), "{error}");
        }
    }

    #[test]
    fn a_card_can_speak_by_position() {
        let text = format!(
            "{CARD}\n[[stream]]\ntopic = \"/robot/joint_states\"\nkind = \"joint_states\"\n\
             native = \"lerobot:observation.state[0:2]\"\nchannels = [{{ name = \"elbow\", unit = \"rad\" }}, \
             {{ name = \"finger\", unit = \"ratio\" }}]\n"
        );
        let card = Card::from_toml(&text).expect("a card");
        let mut nameless = info("a b");
        nameless.features[0].names = None;
        let mapping = Mapping::plan(&nameless, &card, &BTreeSet::new()).expect("a mapping");
        assert_eq!(mapping.parts[0].places, [0, 1]);
    }
}
