//! `etude demo`: a school day in miniature, on the same crates that a centre uses.
//!
//! Stations of several vendors' robots (in physics) work side by side, each led by a scripted trainer through both
//! tasks; every take is recorded, inspected and filed; each robot's accepted takes become a release and a dataset that
//! LeRobot opens; a report shows what there is. The same seed gives the same releases.

mod filing;
mod report;
mod signals;
mod station;
#[cfg(feature = "ffmpeg")]
mod stills;

use crate::cli::DemoArgs;
use crate::commands::now_us;
use crate::demo::filing::Filed;
use crate::demo::station::{Job, Made};
use crate::hint::Advised;
use crate::output::Output;
use crate::{exit, folders};
use anyhow::Context;
use etude_model::take::{Outcome, TakeState};
use etude_store::Centre;
use indicatif::ProgressBar;
use std::path::Path;
use std::process::ExitCode;
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// The robots of the day, if nobody names others: folders under `robots/`.
const ROBOTS: [&str; 3] = ["unitree_g1_dex3", "trossen_aloha2", "enactic_openarm2"];
/// The tasks of the day: scene and task.
const TASKS: [(&str, &str); 2] = [("flat", "lift_can"), ("parcel_bay", "parcel_to_bin")];

/// One robot's harvest.
pub(crate) struct Harvest {
    /// Its folder under `robots/`, also the name of its release.
    pub(crate) robot: String,
    /// Vendor and model.
    pub(crate) embodiment: String,
    /// Its takes, in the order of tasks and numbers.
    pub(crate) takes: Vec<Filed>,
    /// The release's digest; absent where no take was accepted.
    pub(crate) release: Option<String>,
    /// What was exported.
    pub(crate) exported: Vec<etude_dataset::lerobot::Exported>,
}

/// Runs the day.
pub(crate) fn run(args: &DemoArgs, output: &Output) -> anyhow::Result<ExitCode> {
    let began = Instant::now();
    let robots = folders::robots(args.robots.as_deref())?;
    let models = folders::models(args.models.as_deref())?;
    let scenes = robots.parent().unwrap_or(Path::new(".")).join("scenes");
    let day: Vec<String> =
        if args.only.is_empty() { ROBOTS.map(str::to_owned).into() } else { args.only.clone() };
    fresh(&args.out)?;
    let centre = Centre::create_or_open(&args.out.join("centre"))?;
    output.note(&format!(
        "A school day in miniature: {} robots, {} tasks, {} takes each, seed {}.",
        day.len(),
        TASKS.len(),
        args.takes,
        args.seed
    ));
    let jobs = jobs(args, &day, &robots, &models, &scenes);
    let bar = if args.headless {
        ProgressBar::hidden()
    } else {
        output.bar(jobs.len() as u64 * u64::from(args.takes), "takes")
    };
    let filed = work(jobs, &centre, output, &bar, args.headless)?;
    bar.finish_and_clear();
    let mut harvests = Vec::new();
    for robot in &day {
        let takes: Vec<Filed> = filed.iter().filter(|take| take.robot == *robot).cloned().collect();
        harvests.push(harvest(robot, takes, &centre, &args.out, output)?);
    }
    let report = args.out.join("report.html");
    report::write(&report, &harvests, &centre, args)?;
    close(&harvests, &centre, &args.out, &report, began, output)?;
    Ok(exit::DONE)
}

/// Refuses a folder that holds something already: nothing is overwritten.
fn fresh(out: &Path) -> anyhow::Result<()> {
    let holds_something = out.read_dir().is_ok_and(|mut entries| entries.next().is_some());
    if holds_something {
        let message = format!("{} is not empty, and a demonstration overwrites nothing", out.display());
        return Err(Advised::new(message, "name another folder with --out, or remove this one").into());
    }
    std::fs::create_dir_all(out).with_context(|| format!("the folder {} cannot be made", out.display()))
}

fn jobs(args: &DemoArgs, day: &[String], robots: &Path, models: &Path, scenes: &Path) -> Vec<Job> {
    let mut jobs = Vec::new();
    for (place, robot) in day.iter().enumerate() {
        for (shift, (scene, task)) in (0..).zip(TASKS) {
            jobs.push(Job {
                shift,
                robot: robot.clone(),
                scene: scenes.join(scene),
                task: task.to_owned(),
                takes: args.takes,
                seed: args.seed,
                station: format!("station-{}", place + 1),
                robots: robots.to_owned(),
                models: models.to_owned(),
                folder: args.out.join("takes").join(robot).join(task),
            });
        }
    }
    jobs
}

/// Lets stations work, as many at once as the machine has cores, and files what they make as it comes.
fn work(
    jobs: Vec<Job>,
    centre: &Centre,
    output: &Output,
    bar: &ProgressBar,
    headless: bool,
) -> anyhow::Result<Vec<Filed>> {
    let order: Vec<(String, String)> = jobs.iter().map(|job| (job.robot.clone(), job.task.clone())).collect();
    let workers = std::thread::available_parallelism().map_or(1, usize::from).min(jobs.len());
    let waiting = Arc::new(Mutex::new(jobs.into_iter().rev().collect::<Vec<_>>()));
    let (made, makes) = mpsc::channel::<anyhow::Result<Made>>();
    let mut filed = Vec::new();
    std::thread::scope(|scope| -> anyhow::Result<()> {
        for _ in 0..workers {
            let (waiting, made) = (Arc::clone(&waiting), made.clone());
            scope.spawn(move || {
                let next = || waiting.lock().ok().and_then(|mut jobs| jobs.pop());
                while let Some(job) = next() {
                    if let Err(error) = job.run(&mut |take| made.send(Ok(take)).is_ok()) {
                        // The receiver may have given up on another station's error already.
                        drop(made.send(Err(error.context(format!("{} at {}", job.robot, job.task)))));
                        return;
                    }
                }
            });
        }
        drop(made);
        for take in makes {
            let take = take?;
            let line = told(&take);
            if headless {
                output.note(&line);
            } else {
                bar.println(line);
                bar.inc(1);
            }
            filed.push(filing::file(centre, take)?);
        }
        Ok(())
    })?;
    let place =
        |take: &Filed| order.iter().position(|(robot, task)| *robot == take.robot && *task == take.task);
    filed.sort_by_key(|take| (place(take), take.number));
    Ok(filed)
}

/// One take in a line.
fn told(made: &Made) -> String {
    let result = &made.result;
    let ended = match (&result.state, &result.reason) {
        (TakeState::Discarded, Some(reason)) => format!("discarded: {reason}"),
        (state, _) => state.to_string(),
    };
    format!(
        "{:<18} {:<14} take {:<2} {:>5.1} s  {:<7}  {ended}",
        made.robot,
        made.task,
        made.number + 1,
        (result.span.1 - result.span.0).as_s(),
        result.outcome.to_string(),
    )
}

fn harvest(
    robot: &str,
    takes: Vec<Filed>,
    centre: &Centre,
    out: &Path,
    output: &Output,
) -> anyhow::Result<Harvest> {
    let embodiment = takes.first().map_or_else(String::new, |take| take.embodiment.clone());
    if !takes.iter().any(|take| take.state == TakeState::Saved) {
        output.note(&format!("{robot}: no take was saved, so there is nothing to release"));
        return Ok(Harvest {
            robot: robot.to_owned(),
            embodiment,
            takes,
            release: None,
            exported: Vec::new(),
        });
    }
    let query = format!("embodiment = '{}' and accepted", embodiment.replace('\'', "''"));
    let filter = etude_store::Filter::parse(&query)?;
    let release = centre.create_release(robot, &filter, now_us())?;
    let folder = out.join("lerobot").join(robot);
    output.note(&format!(
        "release {robot}: {} episodes, digest {}",
        release.episodes.len(),
        release.digest().short()
    ));
    let options = etude_dataset::lerobot::ExportOptions::default();
    let exported = etude_dataset::lerobot::export_release(
        &release,
        centre.layout().root(),
        &centre.labels(&release)?,
        &folder,
        &options,
        &mut |_, _| {},
    )?;
    Ok(Harvest {
        robot: robot.to_owned(),
        embodiment,
        takes,
        release: Some(release.digest().to_string()),
        exported,
    })
}

/// The table per robot, where everything is, and what to try next.
fn close(
    harvests: &[Harvest],
    centre: &Centre,
    out: &Path,
    report: &Path,
    began: Instant,
    output: &Output,
) -> anyhow::Result<()> {
    let heads = ["robot", "task", "takes", "saved", "success", "mean", "frames", "gaps", "governor"];
    for harvest in harvests {
        let rows = TASKS.iter().map(|(_, task)| {
            let takes: Vec<&Filed> = harvest.takes.iter().filter(|take| take.task == *task).collect();
            let sum = |of: &dyn Fn(&Filed) -> f64| takes.iter().map(|take| of(take)).sum::<f64>();
            let count =
                |of: &dyn Fn(&Filed) -> bool| takes.iter().filter(|take| of(take)).count().to_string();
            vec![
                harvest.embodiment.clone(),
                (*task).to_owned(),
                takes.len().to_string(),
                count(&|take| take.state == TakeState::Saved),
                count(&|take| take.outcome == Outcome::Success),
                format!("{:.1} s", sum(&|take| take.duration_s) / takes.len().max(1) as f64),
                format!("{}", sum(&|take| take.pictures as f64)),
                format!("{}", sum(&|take| take.missing as f64)),
                format!("{}", sum(&|take| take.interventions as f64)),
            ]
        });
        output.data(&output.table(&heads, rows))?;
        output.data("")?;
    }
    let shown = |path: &Path| path.display().to_string();
    let mut places = vec![("centre", shown(centre.layout().root()))];
    for harvest in harvests {
        for dataset in &harvest.exported {
            places.push(("dataset", format!("{} ({} rows)", shown(&dataset.folder), dataset.rows)));
        }
    }
    places.push(("report", shown(report)));
    output.data(&output.pairs(&places))?;
    let root = shown(centre.layout().root());
    output.data("Try next:")?;
    output.data(&format!("  etude list --centre {root} --where \"outcome = 'failure'\""))?;
    output.data(&format!("  etude inspect {}", shown(&out.join("centre"))))?;
    output.data(&format!(
        "  etude export {} --centre {root} --format lerobot-v3 --out {}",
        harvests.first().map_or("RELEASE", |harvest| harvest.robot.as_str()),
        shown(&out.join("again"))
    ))?;
    output.note(&format!("done in {:.0} s", began.elapsed().as_secs_f64()));
    Ok(())
}
