//! Plots of what a verdict objects to: the signal over the whole take, with the time marked that the finding is about.

use crate::page::escape;
use crate::page::plot::{self, Curve};
use etude_episode::Episode;
use etude_inspect::Report;
use etude_model::verdict::{Finding, Severity};
use etude_model::{Sample, StreamKind, StreamSpec};

/// Plots of one take.
const MAX_PLOTS: usize = 4;

/// A plot for each of the gravest findings about a signal of numbers; what cannot be read is not drawn.
pub(super) fn plots(episode: &Episode, report: &Report) -> Vec<String> {
    let mut drawn: Vec<(String, String)> = Vec::new();
    for finding in report.verdict.findings.iter().filter(|finding| finding.severity > Severity::Note) {
        let Some(topic) = &finding.measurement.topic else { continue };
        let channel = finding.measurement.channel.as_deref();
        let title = [topic.as_str(), channel.unwrap_or_default()].join(" ");
        if drawn.len() == MAX_PLOTS || drawn.iter().any(|(known, _)| *known == title) {
            continue;
        }
        if let Some(svg) = plot(episode, finding, topic.as_str(), channel) {
            let plot = format!("<div><h3>{}</h3>{svg}</div>", escape(&title));
            drawn.push((title, plot));
        }
    }
    drawn.into_iter().map(|(_, plot)| plot).collect()
}

fn plot(episode: &Episode, finding: &Finding, topic: &str, channel: Option<&str>) -> Option<String> {
    let spec = |topic: &str| episode.stream(topic).map(|stream| &episode.stream_info(stream).spec);
    let own = spec(topic)?;
    let mut curves = vec![curve(episode, own, channel)?];
    // A joint's command stands beside its state, and the other way round.
    let other = match own.kind {
        StreamKind::JointStates => Some(StreamKind::JointCommand),
        StreamKind::JointCommand => Some(StreamKind::JointStates),
        _ => None,
    };
    let beside = episode.streams().iter().map(|info| &info.spec).find(|spec| {
        Some(spec.kind) == other && spec.channels.iter().any(|own| Some(own.name.as_str()) == channel)
    });
    curves.extend(beside.and_then(|spec| curve(episode, spec, channel)));
    let unit = own.channels.iter().find(|own| Some(own.name.as_str()) == channel);
    let unit = unit.map_or_else(String::new, |channel| channel.unit.to_string());
    let (start, _) = episode.log_range()?;
    let measurement = &finding.measurement;
    let span =
        measurement.from.map(|from| ((from - start).as_s(), (measurement.to.unwrap_or(from) - start).as_s()));
    plot::lines(&curves, &unit, &finding.message, span)
}

/// A channel of a stream of joints, or what a stream of another kind comes to.
fn curve(episode: &Episode, spec: &StreamSpec, channel: Option<&str>) -> Option<Curve> {
    let place = spec.channels.iter().position(|own| Some(own.name.as_str()) == channel);
    let (start, _) = episode.log_range()?;
    let mut points = Vec::new();
    for message in episode.messages(&[spec.topic.as_str()], ..).ok()? {
        let message = message.ok()?;
        let of = |values: &[f64]| place.and_then(|place| values.get(place)).copied();
        let size = |axes: &[f64]| axes.iter().map(|axis| axis * axis).sum::<f64>().sqrt();
        let value = match &message.sample {
            Sample::JointStates(states) => of(&states.position),
            Sample::JointCommand(command) => of(&command.asked),
            Sample::Wrench(wrench) => Some(size(&wrench.force_n)),
            Sample::Tactile(tactile) => Some(tactile.values.iter().map(|value| f64::from(*value)).sum()),
            _ => None,
        };
        points.extend(value.map(|value| ((message.stamp.log - start).as_s(), value)));
    }
    let name = match spec.kind {
        StreamKind::JointStates => "measured",
        StreamKind::JointCommand => "asked",
        StreamKind::Wrench => "size of the force, N",
        _ => "sum",
    };
    (!points.is_empty()).then(|| Curve { name: name.to_owned(), points })
}
