//! The report of a day: one HTML file with everything in it, to open in any browser.

use crate::cli::DemoArgs;
use crate::demo::filing::Filed;
use crate::demo::{Harvest, TASKS, signals};
use crate::page::plot::{self, Curve};
use crate::page::{STYLE, escape};
use anyhow::Context;
use etude_model::take::{Outcome, TakeState};
use etude_model::verdict::{Finding, Severity};
use etude_store::Centre;
use std::fmt::Write;
use std::path::Path;

/// Share of a take at which its stills are taken: the hand is on its way with the object.
#[cfg(feature = "ffmpeg")]
const STILL_AT: f64 = 0.52;

/// Writes the report.
pub(super) fn write(
    path: &Path,
    harvests: &[Harvest],
    centre: &Centre,
    args: &DemoArgs,
) -> anyhow::Result<()> {
    let mut html = String::with_capacity(4 << 20);
    head(&mut html, harvests, args)?;
    for harvest in harvests {
        robot(&mut html, harvest)?;
    }
    places(&mut html, harvests, centre, args)?;
    html.push_str("</main></body></html>\n");
    std::fs::write(path, html).with_context(|| format!("the report {} cannot be written", path.display()))
}

fn head(html: &mut String, harvests: &[Harvest], args: &DemoArgs) -> std::fmt::Result {
    let takes: Vec<&Filed> = harvests.iter().flat_map(|harvest| &harvest.takes).collect();
    let saved = takes.iter().filter(|take| take.state == TakeState::Saved).count();
    let success = takes.iter().filter(|take| take.outcome == Outcome::Success).count();
    let minutes = takes.iter().map(|take| take.duration_s).sum::<f64>() / 60.0;
    write!(
        html,
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>\
         <meta name='viewport' content='width=device-width,initial-scale=1'><title>Etude: a school day in miniature</title>\
         <style>{STYLE}</style></head><body><main><h1>A school day in miniature</h1>\
         <p class='lead'>{} robots of {} vendors were led through {} tasks by a scripted trainer with a person's timing, \
         tremor and blunders. {} takes, {minutes:.1} minutes of recording; {saved} saved, {success} successful. \
         Seed {}: the same seed gives the same releases.</p>",
        harvests.len(),
        harvests.len(),
        TASKS.len(),
        takes.len(),
        args.seed,
    )?;
    html.push_str(
        "<section><table><tr><th>Robot</th><th>Task</th><th class='n'>Takes</th><th class='n'>Saved</th>\
         <th class='n'>Success</th><th class='n'>Mean length</th><th class='n'>Camera frames</th>\
         <th class='n'>Missing messages</th><th class='n'>Governor stepped in</th></tr>",
    );
    for harvest in harvests {
        for (_, task) in TASKS {
            let of_task: Vec<&Filed> = harvest.takes.iter().filter(|take| take.task == task).collect();
            let count = of_task.len().max(1) as f64;
            write!(
                html,
                "<tr><td>{}</td><td>{}</td><td class='n'>{}</td><td class='n'>{}</td><td class='n'>{}</td>\
                 <td class='n'>{:.1} s</td><td class='n'>{}</td><td class='n'>{}</td><td class='n'>{}</td></tr>",
                escape(&harvest.embodiment),
                task.replace('_', " "),
                of_task.len(),
                of_task.iter().filter(|take| take.state == TakeState::Saved).count(),
                of_task.iter().filter(|take| take.outcome == Outcome::Success).count(),
                of_task.iter().map(|take| take.duration_s).sum::<f64>() / count,
                of_task.iter().map(|take| take.pictures).sum::<u64>(),
                of_task.iter().map(|take| take.missing).sum::<u64>(),
                of_task.iter().map(|take| take.interventions).sum::<u64>(),
            )?;
        }
    }
    html.push_str("</table></section>");
    Ok(())
}

fn robot(html: &mut String, harvest: &Harvest) -> anyhow::Result<()> {
    write!(html, "<h2>{}</h2>", escape(&harvest.embodiment))?;
    for (_, task) in TASKS {
        let of_task = || harvest.takes.iter().filter(|take| take.task == task);
        let shown = of_task().find(|take| take.outcome == Outcome::Success).or_else(|| of_task().next());
        if let Some(take) = shown {
            write!(html, "<section><h3>{}, take {}</h3>", task.replace('_', " "), take.number + 1)?;
            stills(html, &take.path)?;
            plots(html, &take.path)?;
            html.push_str("</section>");
        }
    }
    takes(html, harvest)?;
    Ok(())
}

#[cfg(feature = "ffmpeg")]
fn stills(html: &mut String, path: &Path) -> anyhow::Result<()> {
    html.push_str("<div class='stills'>");
    for still in crate::demo::stills::at(path, STILL_AT)? {
        let camera = escape(&still.camera);
        write!(
            html,
            "<figure><img alt='{camera} camera' src='{}'><figcaption>{camera}</figcaption></figure>",
            still.url
        )?;
    }
    html.push_str("</div>");
    Ok(())
}

#[cfg(not(feature = "ffmpeg"))]
fn stills(html: &mut String, _path: &Path) -> anyhow::Result<()> {
    html.push_str("<p class='lead'>Stills need a build with the feature <code>ffmpeg</code>.</p>");
    Ok(())
}

fn plots(html: &mut String, path: &Path) -> anyhow::Result<()> {
    html.push_str("<div class='plots'>");
    let mut plot = |title: &str, curves: &[Curve], unit: &str| {
        if let Some(svg) = plot::lines(curves, unit, title, None) {
            let _ = write!(html, "<div><h3>{}</h3>{svg}</div>", escape(title));
        }
    };
    if let Some((joint, curves)) = signals::busiest_joint(path)? {
        plot(&format!("Both sides of an action: {joint}"), &curves, "");
    }
    plot("Touch", &signals::touch(path)?, "N");
    plot("Force at the wrists", &signals::wrist_forces(path)?, "N");
    html.push_str("</div>");
    Ok(())
}

fn takes(html: &mut String, harvest: &Harvest) -> std::fmt::Result {
    html.push_str(
        "<section><h3>Takes</h3><table><tr><th>Task</th><th class='n'>Take</th><th class='n'>Length</th><th>Outcome</th>\
         <th>Verdict</th><th>What the inspection found</th><th>Episode</th></tr>",
    );
    for take in &harvest.takes {
        let good = |is_good: bool| if is_good { "good" } else { "bad" };
        let verdict = take
            .reason
            .as_deref()
            .map_or_else(|| take.state.to_string(), |reason| format!("discarded: {reason}"));
        write!(
            html,
            "<tr><td>{}</td><td class='n'>{}</td><td class='n'>{:.1} s</td><td class='{}'>{}</td><td class='{}'>{}</td>\
             <td>{}</td><td><code>{}</code></td></tr>",
            take.task.replace('_', " "),
            take.number + 1,
            take.duration_s,
            good(take.outcome == Outcome::Success),
            take.outcome,
            good(take.state == TakeState::Saved),
            escape(&verdict),
            found(&take.report.verdict.findings),
            take.digest.short(),
        )?;
    }
    html.push_str("</table></section>");
    Ok(())
}

/// What a person should look at, in the order of the verdict; notes are counted only.
fn found(findings: &[Finding]) -> String {
    let grave: Vec<&Finding> = findings.iter().filter(|finding| finding.severity > Severity::Note).collect();
    let mut lines: Vec<String> = grave.iter().take(4).map(|finding| escape(&finding.message)).collect();
    if grave.len() > 4 {
        lines.push(format!("{} more", grave.len() - 4));
    }
    match findings.len() - grave.len() {
        0 if lines.is_empty() => lines.push("nothing".to_owned()),
        0 => {}
        1 => lines.push("1 note".to_owned()),
        notes => lines.push(format!("{notes} notes")),
    }
    lines.join("<br>")
}

fn places(html: &mut String, harvests: &[Harvest], centre: &Centre, args: &DemoArgs) -> std::fmt::Result {
    let root = centre.layout().root().display().to_string();
    html.push_str(
        "<h2>What was made</h2><section><table><tr><th>Release</th><th>Digest</th><th class='n'>Episodes</th>\
         <th class='n'>Rows</th><th>Video parts copied / coded anew</th><th>LeRobot dataset</th></tr>",
    );
    for harvest in harvests {
        for dataset in &harvest.exported {
            write!(
                html,
                "<tr><td>{}</td><td><code>{}</code></td><td class='n'>{}</td><td class='n'>{}</td><td>{} / {}</td>\
                 <td><code>{}</code></td></tr>",
                harvest.robot,
                harvest.release.as_deref().and_then(|digest| digest.get(..12)).unwrap_or_default(),
                dataset.episodes,
                dataset.rows,
                dataset.videos_copied,
                dataset.videos_encoded,
                escape(&dataset.folder.display().to_string()),
            )?;
        }
    }
    write!(
        html,
        "</table><h3>Try next</h3><pre>etude list --centre {root} --where \"outcome = 'failure'\"\netude inspect {root}\n\
         etude export {} --centre {root} --format lerobot-v3 --out {}</pre></section>",
        harvests.first().map_or("RELEASE", |harvest| harvest.robot.as_str()),
        escape(&args.out.join("again").display().to_string()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use etude_model::Measurement;

    fn finding(severity: Severity, message: &str) -> Finding {
        let measurement = Measurement {
            name: "made_up".to_owned(),
            topic: None,
            channel: None,
            value: None,
            unit: String::new(),
            from: None,
            to: None,
            detail: String::new(),
        };
        Finding { rule: "rule".to_owned(), severity, message: message.to_owned(), measurement }
    }

    #[test]
    fn findings_are_listed_and_notes_are_counted() {
        let findings = [
            finding(Severity::Fault, "black <pictures>"),
            finding(Severity::Warning, "a lag"),
            finding(Severity::Note, "a hand rests"),
        ];
        assert_eq!(found(&findings), "black &lt;pictures&gt;<br>a lag<br>1 note");
        assert_eq!(found(&[]), "nothing");
    }
}
