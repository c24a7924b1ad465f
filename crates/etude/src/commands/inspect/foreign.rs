//! Foreign datasets and recordings: each episode is one of ours as long as it is looked at.

use super::super::{SOFTWARE, cards, import};
use super::{Inspected, draw};
use crate::cli::{InspectArgs, InspectFormat};
use crate::output::Output;
use anyhow::Context;
use etude_dataset::Problem;
use etude_dataset::convert::Conversion;
use etude_dataset::export::Episodes;
use etude_dataset::lerobot::{ImportOptions, Importer};
use etude_inspect::{Options, RuleSet, inspect_episode};
use etude_model::Card;
use std::path::Path;

/// Inspects every source that is named, under one card.
pub(super) fn inspect(
    robot: &Path,
    arguments: &InspectArgs,
    rules: &RuleSet,
    output: &Output,
) -> anyhow::Result<Inspected> {
    let card = cards::named(robot, arguments.robots.as_deref())?;
    let (format, inspected) = (arguments.format, Inspected::default());
    let mut looking = Looking { card: &card, rules, format, output, inspected };
    // Only a name: the episode that is looked at lies beside it.
    let beside = std::env::temp_dir().join("etude-inspect");
    for source in &arguments.paths {
        let failed = || format!("{} cannot be inspected", source.display());
        if import::is_lerobot(source) {
            if arguments.mapping.is_some() {
                return Err(import::takes_no_mapping(source));
            }
            let (mut importer, problems) =
                Importer::open(source, &card, ImportOptions::new(SOFTWARE)).with_context(failed)?;
            looking.inspected.problems.extend(problems);
            let episodes = Conversion::of_lerobot(&mut importer, &[], &beside).with_context(failed)?;
            looking.at(source, "episode ", episodes).with_context(failed)?;
        } else {
            let importer = import::by_mapping(source, arguments.mapping.as_deref(), &card)?;
            looking.inspected.problems.extend(importer.source().problems.iter().cloned());
            let episodes = Conversion::of_recordings(&importer, &[], &beside).with_context(failed)?;
            looking.at(source, "", episodes).with_context(failed)?;
        }
    }
    Ok(looking.inspected)
}

struct Looking<'l> {
    card: &'l Card,
    rules: &'l RuleSet,
    format: InspectFormat,
    output: &'l Output,
    inspected: Inspected,
}

impl Looking<'_> {
    /// Inspects the episodes of a source; `kind`: what stands before their names.
    fn at(&mut self, source: &Path, kind: &str, mut episodes: Conversion<'_>) -> anyhow::Result<()> {
        let bar = self.output.bar(episodes.count() as u64, "inspecting");
        while let Some((episode, _)) = episodes.next(&mut self.inspected.problems)? {
            let name = format!("{kind}{}", episode.name());
            match inspect_episode(&episode, self.card, self.rules, &Options::default()) {
                Ok(mut report) => {
                    report.source = Some(name);
                    let is_drawn = self.format == InspectFormat::Html;
                    let drawn = if is_drawn { draw::plots(&episode, &report) } else { Vec::new() };
                    self.inspected.drawn.push(drawn);
                    self.inspected.reports.push(report);
                    self.inspected.files.push(source.to_owned());
                }
                Err(error) => self.inspected.problems.push(Problem::loss(name, error.to_string())),
            }
            bar.inc(1);
        }
        bar.finish_and_clear();
        Ok(())
    }
}
