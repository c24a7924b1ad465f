//! `etude episode check`: does a file keep the specification?

use crate::cli::{CheckArgs, Format};
use crate::commands::sound;
use crate::output::{self, Output};
use anyhow::Context;
use serde_json::json;
use std::process::ExitCode;

/// Checks a file and lists every deviation.
pub(crate) fn run(arguments: &CheckArgs, output: &Output) -> anyhow::Result<ExitCode> {
    let file = arguments.file.display();
    let found = etude_episode::check(&arguments.file).with_context(|| format!("{file} cannot be read"))?;
    match arguments.format.format {
        Format::Json => {
            let problems = found.problems.iter().map(|problem| {
                json!({ "offset": problem.offset, "expected": problem.expected, "found": problem.found })
            });
            output.json(&json!({
                "file": arguments.file,
                "conforms": found.is_conformant(),
                "messages": found.messages,
                "chunks": found.chunks,
                "problems": problems.collect::<Vec<_>>(),
                "further_problems": found.further,
                "remarks": found.remarks,
            }))?;
        }
        Format::Table if found.is_conformant() => {
            output
                .data(&format!("{file} conforms: {} messages in {} chunks", found.messages, found.chunks))?;
        }
        Format::Table => {
            let rows = found.problems.iter().map(|problem| {
                vec![problem.offset.to_string(), problem.expected.clone(), problem.found.clone()]
            });
            output.data(&output.table(&["byte", "expected", "found"], rows))?;
        }
    }
    for remark in &found.remarks {
        output.note(&format!("remark: {remark}"));
    }
    if !found.is_conformant() {
        let problems = output::count(found.problems.len() + found.further as usize, "deviation");
        output.note(&format!(
            "{file} does not conform: {problems}\nhint: `etude episode recover {file}` rescues what is whole"
        ));
    }
    Ok(sound(found.is_conformant()))
}
