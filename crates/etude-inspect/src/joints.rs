//! Joints as a whole: which of them moved, stood still or froze, what idled, and what follows its command how late.

use crate::array::{Array, Label};
use crate::channel::Channel;
use crate::correlation::lag_of_motion;
use crate::definition::{Fill, measured, name};
use crate::windows::WINDOW_NS;
use etude_model::{Card, Measurement, Topic, Unit};
use std::collections::HashSet;

/// Share of its span that a channel must pass to count as moving.
const MOVED: f64 = 0.01;
/// Share of its span below which a channel counts as still.
const STILL: f64 = 1e-3;
/// Share of its span that a command must move in a window to expect the state to move.
const COMMANDED: f64 = 0.03;
/// Share of a joint's span that it may move in a window and still idle.
const IDLE: f64 = 0.002;
/// Correlation below which no lag is given.
const MIN_CORRELATION: f64 = 0.3;
/// Lags that a state is searched at behind its command, s.
const LAG_RANGE_S: (f64, f64) = (-0.5, 1.5);

/// An array and the stream it belongs to.
#[derive(Clone, Copy)]
pub(crate) struct Of<'a> {
    pub(crate) topic: &'a Topic,
    pub(crate) array: &'a Array,
}

/// The command streams that hold channels of one stream of states, the one that shares most of them first.
///
/// Streams are paired by the names of their channels: a robot may command arms and hands together and report them apart, or
/// the other way round.
pub(crate) struct Commands<'a>(Vec<Of<'a>>);

/// What one joint was sent.
#[derive(Clone, Copy)]
struct Asked<'a> {
    array: &'a Array,
    index: usize,
    channel: &'a Channel,
}

impl<'a> Commands<'a> {
    /// Those of all command streams that concern `states`.
    pub(crate) fn of(states: Of<'_>, all: &[Of<'a>]) -> Self {
        let names: HashSet<&str> = states.array.labels.iter().map(|label| label.name.as_str()).collect();
        let shared =
            |of: &Of<'_>| of.array.labels.iter().filter(|label| names.contains(label.name.as_str())).count();
        let mut sharing: Vec<Of<'a>> = all.iter().copied().filter(|of| shared(of) > 0).collect();
        sharing.sort_by_key(|of| std::cmp::Reverse(shared(of)));
        Self(sharing)
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn of_joint(&self, label: &Label) -> Option<Asked<'a>> {
        self.0.iter().find_map(|of| {
            let index = of.array.labels.iter().position(|other| other.name == label.name)?;
            Some(Asked { array: of.array, index, channel: of.array.channels.get(index)? })
        })
    }
}

/// What is measured of a stream of joint positions beside their commands; `others_move`: whether a joint of any stream moves.
pub(crate) fn finish(
    states: Of<'_>,
    commands: &Commands<'_>,
    others_move: bool,
    card: &Card,
) -> Vec<Measurement> {
    let mut out = bounds(states);
    out.extend(not_si(states));
    out.extend(unit_implausible(states));
    out.extend(frozen_and_still(states, commands, others_move));
    out.extend(copied(states, commands, card));
    if !commands.is_empty() {
        out.extend(frozen_spans(states, commands));
        out.extend(lags(states, commands));
    }
    out
}

/// Whether any joint of a stream moves at all.
pub(crate) fn moves(states: Of<'_>) -> bool {
    states.array.named().any(|(label, channel)| channel.range() / label.scale.span > MOVED)
}

/// Idle share and longest idle stretch of the whole body: a hand that rests while the arms work is not idle.
pub(crate) fn idle(states: &[Of<'_>]) -> Vec<Measurement> {
    let windows = states.iter().filter_map(|of| of.array.windows.as_ref());
    // The stream that goes on for longest gives the windows.
    let Some(reference) = windows.max_by_key(|windows| windows.len()) else { return Vec::new() };
    let rests = |of: &Of<'_>, at_ns: i64| {
        let Some(windows) = &of.array.windows else { return true };
        let Some(window) = windows.window_at(at_ns) else { return true };
        of.array.labels.iter().enumerate().all(|(channel, label)| {
            windows.range(window, channel).is_none_or(|range| range < IDLE * label.scale.span)
        })
    };
    let still = |window: usize| {
        let middle_ns = reference.start_of(window) + WINDOW_NS / 2;
        states.iter().all(|of| rests(of, middle_ns))
    };
    let idle: Vec<bool> = (0..reference.len()).map(still).collect();
    let share = idle.iter().filter(|idle| **idle).count() as f64 / idle.len().max(1) as f64;
    let mut out = vec![measured(name::IDLE_SHARE).value(share)];
    let longest = longest_run(&idle);
    let seconds = longest.map_or(0.0, |(from, to)| (to - from) as f64 * WINDOW_NS as f64 * 1e-9);
    let filled = measured(name::IDLE_LONGEST).value(seconds);
    out.push(match longest {
        Some((from, to)) => filled.span(reference.start_of(from), reference.start_of(to)),
        None => filled,
    });
    out
}

/// Whether any joint of a stream moved by more than 0.02 of its span between two instants of host time.
pub(crate) fn moved_between(states: Of<'_>, from_ns: i64, to_ns: i64) -> bool {
    let Some(windows) = &states.array.windows else { return false };
    let (Some(first), Some(last)) = (windows.window_at(from_ns), windows.window_at(to_ns)) else {
        return false;
    };
    // The windows at both ends may have moved outside of the stretch.
    (first + 1..last).any(|window| {
        let mut labels = states.array.labels.iter().enumerate();
        labels.any(|(channel, label)| {
            windows.range(window, channel).is_some_and(|range| range > 0.02 * label.scale.span)
        })
    })
}

/// The longest run of `true`, as the half-open range of its indices; the first of equals.
pub(crate) fn longest_run(flags: &[bool]) -> Option<(usize, usize)> {
    let mut best: Option<(usize, usize)> = None;
    let mut start = None;
    for (i, flag) in flags.iter().chain([&false]).enumerate() {
        match (flag, start) {
            (true, None) => start = Some(i),
            (false, Some(from)) => {
                if best.is_none_or(|(a, b)| i - from > b - a) {
                    best = Some((from, i));
                }
                start = None;
            }
            _ => {}
        }
    }
    best
}

fn bounds(states: Of<'_>) -> Vec<Measurement> {
    let mut out = Vec::new();
    for (label, channel) in states.array.named().filter(|(_, channel)| channel.finite > 0) {
        for (name, value) in [(name::MINIMUM, channel.low), (name::MAXIMUM, channel.high)] {
            out.push(
                measured(name).on(states.topic).channel(&label.name).value(value).unit(label.unit.symbol()),
            );
        }
    }
    out
}

fn not_si(states: Of<'_>) -> Vec<Measurement> {
    let unlike: Vec<&Label> =
        states.array.labels.iter().filter(|label| label.unit.to_si().is_none()).collect();
    let filled = measured(name::NOT_SI).on(states.topic).value(unlike.len() as f64);
    let Some(first) = unlike.first() else { return vec![filled] };
    let names: Vec<&str> = unlike.iter().map(|label| label.name.as_str()).collect();
    let words = format!("in {}, not in rad or m: {}", first.unit, names.join(", "));
    vec![filled.detail(words)]
}

fn unit_implausible(states: Of<'_>) -> Vec<Measurement> {
    states.array.per_channel(states.topic, name::UNIT_IMPLAUSIBLE, |label, channel| {
        if channel.finite == 0 {
            return None;
        }
        let (low, high) = (channel.low, channel.high);
        let largest = low.abs().max(high.abs());
        // A joint that rests on its own stop touches an end as well, and says nothing of its unit.
        let stops = label.scale.position.unwrap_or([f64::NAN; 2]);
        let is_stop = |at: f64| stops.iter().any(|stop| (stop - at).abs() <= 0.01 * label.scale.span);
        let touches_end =
            (low.abs() <= STILL && !is_stop(0.0)) || ((high - 1.0).abs() <= STILL && !is_stop(1.0));
        let words = match label.unit {
            Unit::Radian if largest > 10.0 => format!("{low:.3}..{high:.3}: degrees declared as rad?"),
            Unit::Radian
                if label.of_hand && low >= 0.0 && high <= 1.0 && touches_end && high - low > 0.05 =>
            {
                format!("{low:.3}..{high:.3} within 0..1: a share of a range declared as rad?")
            }
            Unit::Metre if largest > 10.0 => format!("{low:.3}..{high:.3}: millimetres declared as m?"),
            _ => return None,
        };
        Some(measured(name::UNIT_IMPLAUSIBLE).value(1.0).detail(words))
    })
}

fn frozen_and_still(states: Of<'_>, commands: &Commands<'_>, others_move: bool) -> Vec<Measurement> {
    let share = |label: &Label, channel: &Channel| channel.range() / label.scale.span;
    let commanded = |label: &Label| commands.of_joint(label).map(|asked| share(label, asked.channel));
    let mut out = states.array.per_channel(states.topic, name::FROZEN, |label, channel| {
        let asked = commanded(label).filter(|asked| *asked >= MOVED)?;
        let moved = share(label, channel);
        let words = format!("moved by {moved:.5} of its range, commanded over {asked:.3} of it");
        (channel.finite > 1 && moved < STILL).then(|| measured(name::FROZEN).value(moved).detail(words))
    });
    // A stream without a frozen channel says so with the least that a commanded channel moved.
    for stream_level in out.iter_mut().filter(|measurement| measurement.channel.is_none()) {
        let moved = states
            .array
            .named()
            .filter(|(label, channel)| {
                channel.finite > 1 && commanded(label).is_some_and(|asked| asked >= MOVED)
            })
            .map(|(label, channel)| share(label, channel))
            .min_by(f64::total_cmp);
        stream_level.value = moved;
        stream_level.detail = match moved {
            Some(_) => "the least that a commanded channel moved".to_owned(),
            None => "no channel was commanded to move".to_owned(),
        };
    }
    let still = |label: &Label, channel: &Channel| {
        let moved = share(label, channel);
        let at_rest = commanded(label).is_none_or(|asked| asked < MOVED);
        (at_rest && others_move && channel.finite > 1 && moved < STILL).then_some(moved)
    };
    for (label, channel) in states.array.named() {
        if let Some(moved) = still(label, channel) {
            let is_commanded = commands.of_joint(label).is_some();
            let words = if is_commanded { "not commanded to move" } else { "no commands to compare with" };
            out.push(measured(name::STILL).on(states.topic).channel(&label.name).value(moved).detail(words));
        }
    }
    out
}

fn copied(states: Of<'_>, commands: &Commands<'_>, card: &Card) -> Vec<Measurement> {
    let coupled = |a: &str, b: &str| {
        let follows = |x: &str, y: &str| {
            card.joints
                .iter()
                .any(|joint| joint.name == x && joint.mimic.as_ref().is_some_and(|m| m.joint == y))
        };
        follows(a, b) || follows(b, a)
    };
    let moving: Vec<(&Label, &Channel)> =
        states.array.named().filter(|(_, channel)| channel.finite > 10 && channel.range() > 0.0).collect();
    let mut out = Vec::new();
    for (i, (label, channel)) in moving.iter().enumerate() {
        let twin = moving.iter().take(i).find(|(other, twin)| {
            twin.fingerprint == channel.fingerprint && !coupled(&label.name, &other.name)
        });
        let as_many = |asked: &Asked<'_>| asked.array.messages == states.array.messages;
        let command = commands.of_joint(label).filter(as_many);
        let words = match (twin, command) {
            (Some((other, _)), _) => format!("equals `{}` in every sample", other.name),
            (None, Some(asked)) if asked.channel.fingerprint == channel.fingerprint => {
                "equals its command in every sample".to_owned()
            }
            _ => continue,
        };
        out.push(measured(name::COPIED).on(states.topic).channel(&label.name).value(1.0).detail(words));
    }
    if out.is_empty() {
        out.push(measured(name::COPIED).on(states.topic).value(0.0));
    }
    out
}

fn frozen_spans(states: Of<'_>, commands: &Commands<'_>) -> Vec<Measurement> {
    let Some(windows) = &states.array.windows else { return Vec::new() };
    let mut out = Vec::new();
    for (channel, label) in states.array.labels.iter().enumerate() {
        let Some(command) = commands.of_joint(label) else { continue };
        let Some(asked) = &command.array.windows else { continue };
        let stuck = |window: usize| {
            let repeats = windows.range_of_two(window, channel) == Some(0.0);
            let at = asked.window_at(windows.start_of(window) + WINDOW_NS / 2);
            let moved = at.and_then(|at| asked.range(at, command.index)).unwrap_or(0.0);
            repeats && moved > COMMANDED * label.scale.span
        };
        let flags: Vec<bool> = (0..windows.len()).map(stuck).collect();
        if let Some((from, to)) = longest_run(&flags) {
            // A window counts when it and the next one repeat the value, so the hold is one window longer.
            let seconds = (to + 1 - from) as f64 * WINDOW_NS as f64 * 1e-9;
            out.push(
                measured(name::FROZEN_SPAN)
                    .on(states.topic)
                    .channel(&label.name)
                    .value(seconds)
                    .span(windows.start_of(from), windows.start_of(to + 1)),
            );
        }
    }
    if out.is_empty() {
        out.push(measured(name::FROZEN_SPAN).on(states.topic).value(0.0));
    }
    out
}

fn lags(states: Of<'_>, commands: &Commands<'_>) -> Vec<Measurement> {
    let Some(followers) = &states.array.series else { return Vec::new() };
    let mut out = Vec::new();
    for (channel, (label, state)) in states.array.named().enumerate() {
        let Some(asked) = commands.of_joint(label) else { continue };
        let Some(leaders) = &asked.array.series else { continue };
        let at_rest = |channel: &Channel| channel.range() < MOVED * label.scale.span;
        if at_rest(asked.channel) || at_rest(state) {
            continue;
        }
        let (leader, follower) = (leaders.channel(asked.index), followers.channel(channel));
        let lag = lag_of_motion(leaders.signal(&leader), followers.signal(&follower), LAG_RANGE_S);
        let filled = |name| measured(name).on(states.topic).channel(&label.name);
        let Some(lag) = lag else {
            out.push(filled(name::LAG).detail("too little shared motion"));
            continue;
        };
        out.push(filled(name::LAG_CORRELATION).value(lag.correlation));
        if lag.correlation < MIN_CORRELATION {
            let words = format!("state and command hardly agree: correlation {:.2}", lag.correlation);
            out.push(filled(name::LAG).detail(words));
            continue;
        }
        let words = format!("± {:.1} ms, correlation {:.2}", lag.uncertainty_s * 1e3, lag.correlation);
        out.push(filled(name::LAG).value(lag.lag_s * 1e3).detail(words));
        out.push(filled(name::LAG_GAIN).value(lag.gain));
    }
    out
}
