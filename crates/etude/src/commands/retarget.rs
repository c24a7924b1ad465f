//! `etude retarget`: an episode for another body, with a report.

use super::cards;
use crate::cli::{Format, FrameChoice, HandsChoice, PathChoice, RetargetArgs};
use crate::hint::Advised;
use crate::output::Output;
use crate::{exit, folders};
use anyhow::Context;
use etude_episode::Episode;
use etude_kinematics::retarget::{Report, Rules};
use etude_model::Card;
use etude_sim::Scene;
use etude_station::crossing::look::Look;
use etude_station::crossing::replay::{Replayed, Stage};
use etude_station::crossing::source::Origin;
use etude_station::crossing::{self, Frame, HandsBy, Moved, Request};
use serde_json::json;
use std::path::Path;
use std::process::ExitCode;

/// The scene, task and start that an episode tells of.
struct Known {
    scene: Scene,
    task: String,
    seed: u64,
}

/// Moves an episode.
pub(crate) fn run(arguments: &RetargetArgs, output: &Output) -> anyhow::Result<ExitCode> {
    let models = folders::models(arguments.models.as_deref())?;
    let robots = arguments.robots.as_deref();
    let target = cards::named(&arguments.to, robots)?;
    let body = arguments.body.as_deref().map(|card| cards::named(card, robots)).transpose()?;
    for card in [Some(&target), body.as_ref()].into_iter().flatten() {
        cards::model_at_hand(card, &models)?;
    }
    let rules = rules(arguments.rules.as_deref())?;
    let episode = Episode::open(&arguments.episode)?;
    let source = crossing::card_of(&episode)?;
    let known = known(&episode, robots)?;
    let frame = frame(arguments, &source, &target, known.is_some())?;
    let known = known.filter(|_| frame == Frame::Work);
    let request = Request {
        models: &models,
        target: &target,
        body: body.as_ref(),
        frame,
        origin: arguments.from.map(origin),
        hands: arguments.hands.map(hands_by),
        rate_hz: arguments.rate.map(f64::from),
        scene: known.as_ref().map(|known| &known.scene),
        rules,
    };
    let mut look = known.as_ref().map(|known| look(known, &target, &models)).transpose()?;
    let moved = crossing::retarget(&episode, &request, arguments.out.as_deref(), look.as_mut())?;
    let replayed = match (&arguments.out, arguments.replay) {
        (Some(out), true) => Some(replay(out, known.as_ref(), &target, &models)?),
        _ => None,
    };
    tell(arguments, frame, &moved, replayed.as_ref(), output)?;
    Ok(exit::DONE)
}

/// What a path is read from, as typed.
pub(super) fn origin(choice: PathChoice) -> Origin {
    match choice {
        PathChoice::Trainer => Origin::Trainer,
        PathChoice::Commands => Origin::Commands,
        PathChoice::States => Origin::States,
    }
}

/// What leads the fingers, as typed.
pub(super) fn hands_by(choice: HandsChoice) -> HandsBy {
    match choice {
        HandsChoice::Closure => HandsBy::Closure,
        HandsChoice::Fingertips => HandsBy::Fingertips,
    }
}

fn rules(file: Option<&Path>) -> anyhow::Result<Rules> {
    let Some(file) = file else { return Ok(Rules::default()) };
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("the rule set {} cannot be read", file.display()))?;
    crossing::rules_from_toml(&text).with_context(|| format!("the rule set {}", file.display()))
}

fn frame(arguments: &RetargetArgs, source: &Card, target: &Card, scene: bool) -> anyhow::Result<Frame> {
    let placed = source.simulation.is_some() && target.simulation.is_some();
    match arguments.frame {
        Some(FrameChoice::Torso) => Ok(Frame::Torso),
        Some(FrameChoice::Work) if !placed => {
            let message = "where both bodies stand before a work surface is not known";
            Err(Advised::new(message, "both cards need a section [simulation]; or use --frame torso").into())
        }
        Some(FrameChoice::Work) => Ok(Frame::Work),
        None => Ok(if placed && scene { Frame::Work } else { Frame::Torso }),
    }
}

/// The scene that the episode names, if it is among the scenes beside the cards and the start is told.
fn known(episode: &Episode, robots: Option<&Path>) -> anyhow::Result<Option<Known>> {
    let manifest = episode.manifest();
    let seed = manifest.notes.get("seed").and_then(|seed| seed.parse().ok());
    let (Some(scene), Some(task), Some(seed)) = (&manifest.scene, &manifest.task, seed) else {
        return Ok(None);
    };
    let robots = folders::robots(robots)?;
    let folder = robots.parent().unwrap_or(Path::new(".")).join("scenes").join(scene.as_str());
    if !folder.join("scene.toml").is_file() {
        return Ok(None);
    }
    Ok(Some(Known { scene: Scene::load(&folder)?, task: task.to_string(), seed }))
}

fn look(known: &Known, target: &Card, models: &Path) -> anyhow::Result<Look> {
    let mut look = Look::new(&known.scene, target, models)?;
    look.reset(&known.task, known.seed)?;
    Ok(look)
}

fn replay(out: &Path, known: Option<&Known>, target: &Card, models: &Path) -> anyhow::Result<Replayed> {
    let known = known.ok_or_else(|| {
        let message = "the scene and start of this take are not known, so it cannot be replayed";
        Advised::new(message, "a replay needs a simulated take whose scene is here; leave --replay out")
    })?;
    let mut stage = Stage::new(&known.scene, target, models)?;
    Ok(stage.replay(&Episode::open(out)?, &known.task, known.seed)?)
}

fn tell(
    arguments: &RetargetArgs,
    frame: Frame,
    moved: &Moved,
    replayed: Option<&Replayed>,
    output: &Output,
) -> anyhow::Result<()> {
    if arguments.format.format == Format::Json {
        let replay = replayed.map(|replayed| {
            json!({
                "success": replayed.progress.success,
                "lifted_m": replayed.progress.lifted_m,
                "why": replayed.why(),
                "governor_interventions": replayed.interventions,
                "strongest_wrist_force_n": replayed.strongest_force_n,
            })
        });
        return output.json(&json!({
            "report": moved.report,
            "frame": frame.name(),
            "from": moved.origin.name(),
            "rate_hz": moved.rate_hz,
            "digest": moved.closed.as_ref().map(|closed| closed.digest.to_string()),
            "replay": replay,
        }));
    }
    let report = &moved.report;
    let heads =
        ["hand", "reached", "position error", "", "", "angle error", "", "", "grasp turned", "grasps"];
    let under = ["", "", "median", "p95", "max", "median", "p95", "max", "", ""].map(str::to_owned).to_vec();
    let rows = report.hands.iter().map(|hand| {
        let mm = |value: f64| format!("{:.2} mm", value * 1e3);
        let degrees = |value: f64| format!("{:.2}°", value.to_degrees());
        let (position, angle) = (hand.position_error_m, hand.angle_error_rad);
        vec![
            hand.side.clone(),
            format!("{:.1} %", hand.reached_share * 100.0),
            mm(position.median),
            mm(position.p95),
            mm(position.max),
            degrees(angle.median),
            degrees(angle.p95),
            degrees(angle.max),
            format!("{:.0}°", hand.grasp_turn_rad.to_degrees()),
            hand.grasps.to_string(),
        ]
    });
    output.data(&output.table(&heads, std::iter::once(under).chain(rows)))?;
    output.data("")?;
    output.data(&output.pairs(&pairs(arguments, frame, moved, replayed)))?;
    Ok(())
}

fn pairs<'a>(
    arguments: &RetargetArgs,
    frame: Frame,
    moved: &Moved,
    replayed: Option<&Replayed>,
) -> Vec<(&'a str, String)> {
    let report: &Report = &moved.report;
    let limits =
        report.limits.iter().take(5).map(|touch| format!("{} {:.1} %", touch.joint, touch.share * 100.0));
    let pace = &report.pace;
    let verdict = if report.verdict.accepted { "accepted".to_owned() } else { "rejected".to_owned() };
    let verdict =
        [vec![format!("{verdict} by {}", report.verdict.rules)], report.verdict.findings.clone()].concat();
    let replay = replayed.map_or_else(String::new, |replayed| {
        if replayed.progress.success {
            "the task succeeds".to_owned()
        } else {
            format!("the task fails: {}", replayed.why())
        }
    });
    vec![
        ("from", format!("{}, by its {}, {} samples", report.source, moved.origin.name(), report.samples)),
        (
            "to",
            format!("{} in the {} frame, {} commands per second", report.target, frame.name(), moved.rate_hz),
        ),
        ("adapted", report.adapted.join("\n")),
        ("at limits", limits.collect::<Vec<_>>().join("\n")),
        (
            "pace",
            format!(
                "{:.1} s of the source take {:.1} s; slowed at most {:.1} times",
                pace.source_s, pace.needed_s, pace.slowest
            ),
        ),
        (
            "collisions",
            report.collisions.as_ref().map_or_else(
                || "nobody looked: the scene is not known".to_owned(),
                |found| format!("{} of {} postures looked at {}", found.found, found.looked, found.first),
            ),
        ),
        ("verdict", verdict.join("\n")),
        ("replay", replay),
        ("episode", arguments.out.as_ref().map_or_else(String::new, |out| out.display().to_string())),
    ]
}
