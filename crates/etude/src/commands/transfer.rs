//! `etude transfer-matrix`: whose takes serve whom, proved by replay in physics.

mod heat;

use super::cards;
use crate::cli::{Format, TransferMatrixArgs};
use crate::hint::Advised;
use crate::output::Output;
use crate::{exit, folders};
use anyhow::Context;
use etude_sim::Scene;
use etude_station::crossing::matrix::{Cell, Matrix, MatrixOrder, Share, matrix};
use std::fmt::Write;
use std::path::Path;
use std::process::ExitCode;

/// Makes the matrix.
pub(crate) fn run(arguments: &TransferMatrixArgs, output: &Output) -> anyhow::Result<ExitCode> {
    let models = folders::models(arguments.models.as_deref())?;
    let robots = folders::robots(arguments.robots.as_deref())?;
    let scene = scene_of(&robots, &arguments.task)?;
    let named = |name: &String| {
        let card = cards::named(Path::new(name), Some(&robots))?;
        cards::model_at_hand(&card, &models)?;
        Ok((name.clone(), card))
    };
    let order = MatrixOrder {
        scene,
        task: arguments.task.clone(),
        cards: arguments.cards.iter().map(named).collect::<anyhow::Result<_>>()?,
        models,
        takes: arguments.takes,
        seed: arguments.seed,
        folder: fresh(&arguments.out)?.join("episodes"),
        origin: arguments.from.map(super::retarget::origin),
        hands: arguments.hands.map(super::retarget::hands_by),
    };
    let made = matrix(&order, &mut |words| output.note(words))?;
    let write = |name: &str, text: String| {
        let path = arguments.out.join(name);
        std::fs::write(&path, text).with_context(|| format!("{} cannot be written", path.display()))
    };
    write("matrix.csv", csv(&made))?;
    write("matrix.svg", heat::svg(&made))?;
    write("matrix.json", serde_json::to_string_pretty(&made)?)?;
    match arguments.format.format {
        Format::Json => output.json(&made)?,
        Format::Table => tell(&made, output)?,
    }
    output.note(&format!("matrix.csv, matrix.svg and matrix.json are in {}", arguments.out.display()));
    Ok(exit::DONE)
}

fn fresh(out: &Path) -> anyhow::Result<&Path> {
    if out.read_dir().is_ok_and(|mut entries| entries.next().is_some()) {
        let message = format!("{} is not empty, and nothing is overwritten", out.display());
        return Err(Advised::new(message, "name another folder with --out, or remove this one").into());
    }
    std::fs::create_dir_all(out).with_context(|| format!("the folder {} cannot be made", out.display()))?;
    Ok(out)
}

/// The scene, of those beside the cards, that has a task.
fn scene_of(robots: &Path, task: &str) -> anyhow::Result<Scene> {
    let folder = robots.parent().unwrap_or(Path::new(".")).join("scenes");
    let mut known = Vec::new();
    for entry in folder.read_dir().with_context(|| format!("the scenes in {}", folder.display()))?.flatten() {
        if !entry.path().join("scene.toml").is_file() {
            continue;
        }
        let scene = Scene::load(&entry.path())?;
        if scene.task(task).is_some() {
            return Ok(scene);
        }
        known.extend(scene.description.tasks.iter().map(|task| task.description.id.to_string()));
    }
    known.sort();
    let hint = format!("the scenes in {} have the tasks {}", folder.display(), known.join(", "));
    Err(Advised::new(format!("there is no task {task}"), hint).into())
}

/// One row per cell.
fn csv(matrix: &Matrix) -> String {
    let mut text =
        "task,source,target,successes,trials,share,low_95,high_95,of_source,accepted,reached_share,\
                    position_p95_mm,slowest,failures,adapted\n"
            .to_owned();
    for cell in &matrix.cells {
        let [low, high] = cell.replay.interval();
        let words = |counts: &std::collections::BTreeMap<String, u32>| {
            let each: Vec<String> = counts.iter().map(|(words, count)| format!("{words}: {count}")).collect();
            format!("\"{}\"", each.join("; ").replace('"', "'"))
        };
        let kept = matrix.kept(cell).map_or_else(String::new, |kept| format!("{kept:.3}"));
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{},{},{},{},{},{:.3},{low:.3},{high:.3},{kept},{},{:.4},{:.3},{:.2},{},{}",
            matrix.task,
            cell.source,
            cell.target,
            cell.replay.successes,
            cell.replay.trials,
            cell.replay.value(),
            cell.accepted,
            cell.reached_share,
            cell.position_p95_m * 1e3,
            cell.slowest,
            words(&cell.failures),
            words(&cell.adapted)
        );
    }
    text
}

fn tell(matrix: &Matrix, output: &Output) -> anyhow::Result<()> {
    let heads: Vec<&str> =
        std::iter::once("source \\ target").chain(matrix.bodies.iter().map(String::as_str)).collect();
    let shown = |cell: Option<&Cell>| {
        cell.map_or_else(String::new, |cell| {
            let [low, high] = cell.replay.interval();
            let Share { successes, trials } = cell.replay;
            format!("{successes}/{trials} ({:.0}-{:.0} %)", low * 100.0, high * 100.0)
        })
    };
    let rows = matrix.bodies.iter().map(|source| {
        let cells = matrix.bodies.iter().map(|target| shown(matrix.cell(source, target)));
        std::iter::once(source.clone()).chain(cells).collect()
    });
    output.data(&output.table(&heads, rows))?;
    output.data("")?;
    for cell in &matrix.cells {
        let low = matrix.kept(cell).is_none_or(|kept| kept < 0.8);
        if low && cell.source != cell.target {
            let why: Vec<String> =
                cell.failures.iter().map(|(words, count)| format!("{words} ({count})")).collect();
            output.data(&format!("{} to {}: {}", cell.source, cell.target, why.join(", ")))?;
            let adapted: Vec<&str> = cell.adapted.keys().map(String::as_str).collect();
            output.data(&format!("  {}", adapted.join("; ")))?;
        }
    }
    Ok(())
}
