//! Signals of one take, for the report's plots.

use crate::page::plot::Curve;
use anyhow::Context;
use etude_episode::Episode;
use etude_model::{Sample, Topic};
use std::path::Path;

/// What one joint was asked, granted and did: the joint of an arm that moved most, unit of its channel.
pub(super) fn busiest_joint(path: &Path) -> anyhow::Result<Option<(String, Vec<Curve>)>> {
    let episode = Episode::open(path)?;
    let commands = read(&episode, Topic::JOINT_COMMANDS, |sample| match sample {
        Sample::JointCommand(command) => Some((command.asked, command.granted)),
        _ => None,
    })?;
    let states = read(&episode, Topic::JOINT_STATES, |sample| match sample {
        Sample::JointStates(states) => Some(states.position),
        _ => None,
    })?;
    let card = etude_model::Card::from_toml(&episode.card_toml()?)?;
    let in_arm = |joint: usize| {
        let name = card.joints.get(joint).map(|joint| &joint.name);
        !card.hands.iter().any(|hand| hand.joints.iter().any(|finger| Some(finger) == name))
    };
    let Some(joint) = busiest(commands.iter().map(|(_, (asked, _))| asked.as_slice()), in_arm) else {
        return Ok(None);
    };
    let spec = episode.stream(Topic::JOINT_COMMANDS).map(|stream| &episode.stream_info(stream).spec);
    let name =
        spec.and_then(|spec| spec.channels.get(joint)).context("the commands have no channel names")?;
    let curve = |name: &str, points: Vec<(f64, f64)>| Curve { name: name.to_owned(), points };
    let of = |values: &[f64]| values.get(joint).copied().unwrap_or(f64::NAN);
    Ok(Some((
        format!("{} ({})", name.name, name.unit),
        vec![
            curve("asked", commands.iter().map(|(time, (asked, _))| (*time, of(asked))).collect()),
            curve("granted", commands.iter().map(|(time, (_, granted))| (*time, of(granted))).collect()),
            curve("measured", states.iter().map(|(time, position)| (*time, of(position))).collect()),
        ],
    )))
}

/// What the touch sensors feel, N: the sum of each sensor's taxels, sensors that felt something.
pub(super) fn touch(path: &Path) -> anyhow::Result<Vec<Curve>> {
    let episode = Episode::open(path)?;
    let mut curves = Vec::new();
    for topic in topics(&episode, "/robot/tactile/") {
        let points = read(&episode, &topic, |sample| match sample {
            Sample::Tactile(tactile) => Some(tactile.values.iter().map(|value| f64::from(*value)).sum()),
            _ => None,
        })?;
        if points.iter().any(|(_, force)| *force > 0.5) {
            curves.push(Curve { name: short(&topic), points });
        }
    }
    Ok(curves)
}

/// The size of the force at each wrist, N.
pub(super) fn wrist_forces(path: &Path) -> anyhow::Result<Vec<Curve>> {
    let episode = Episode::open(path)?;
    let mut curves = Vec::new();
    for topic in topics(&episode, "/robot/wrench/") {
        let points = read(&episode, &topic, |sample| match sample {
            Sample::Wrench(wrench) => Some(wrench.force_n.iter().map(|axis| axis * axis).sum::<f64>().sqrt()),
            _ => None,
        })?;
        curves.push(Curve { name: short(&topic), points });
    }
    Ok(curves)
}

fn topics(episode: &Episode, prefix: &str) -> Vec<String> {
    let all = episode.streams().iter().map(|info| info.spec.topic.to_string());
    all.filter(|topic| topic.starts_with(prefix)).collect()
}

fn short(topic: &str) -> String {
    topic.rsplit('/').next().unwrap_or(topic).replace('_', " ")
}

fn read<T>(
    episode: &Episode,
    topic: &str,
    mut pick: impl FnMut(Sample) -> Option<T>,
) -> anyhow::Result<Vec<(f64, T)>> {
    let Some((start, _)) = episode.log_range() else { return Ok(Vec::new()) };
    let mut picked = Vec::new();
    for message in episode.messages(&[topic], ..)? {
        let message = message?;
        if let Some(value) = pick(message.sample) {
            picked.push(((message.stamp.log - start).as_s(), value));
        }
    }
    Ok(picked)
}

/// The place whose values have the widest range, among those that count.
fn busiest<'a>(rows: impl Iterator<Item = &'a [f64]>, counts: impl Fn(usize) -> bool) -> Option<usize> {
    let mut ranges: Vec<(f64, f64)> = Vec::new();
    for row in rows {
        ranges.resize(row.len().max(ranges.len()), (f64::INFINITY, f64::NEG_INFINITY));
        for ((low, high), value) in ranges.iter_mut().zip(row) {
            (*low, *high) = (low.min(*value), high.max(*value));
        }
    }
    let width = |(low, high): &(f64, f64)| high - low;
    (0..ranges.len())
        .filter(|&place| counts(place))
        .max_by(|a, b| width(&ranges[*a]).total_cmp(&width(&ranges[*b])))
}
