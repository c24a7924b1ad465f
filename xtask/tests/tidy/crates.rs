//! The table of crates in ARCHITECTURE.md against what the workspace really is.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

const OPENS: &str = "<!-- crates -->";
const CLOSES: &str = "<!-- /crates -->";
/// Builds and tests everything else, so that it has no place in the order.
const EXEMPT: &str = "xtask";

/// A member of the workspace and the packages that it names, for building, running or testing.
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) dependencies: Vec<String>,
}

/// The names in the first column between the markers, from top to bottom.
pub(crate) fn table(text: &str) -> Result<Vec<String>, String> {
    let after = text.split_once(OPENS).ok_or_else(|| format!("no {OPENS}"))?.1;
    let inside = after.split_once(CLOSES).ok_or_else(|| format!("no {CLOSES}"))?.0;
    let first_cells = inside.lines().filter_map(|line| line.trim().strip_prefix('|')?.split('|').next());
    let names: Vec<String> = first_cells
        .filter_map(|cell| cell.trim().strip_prefix('`')?.strip_suffix('`'))
        .map(str::to_owned)
        .collect();
    if names.is_empty() { Err(format!("no crate between {OPENS} and {CLOSES}")) } else { Ok(names) }
}

/// The members of the workspace as cargo knows them.
pub(crate) fn members(root: &Path) -> Vec<Member> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(root).args(["metadata", "--format-version=1", "--no-deps", "--offline"]);
    let output = cargo.output().expect("cargo started this test, so that it can be started");
    assert!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON");
    list(&metadata["packages"])
        .iter()
        .map(|package| Member {
            name: text(&package["name"]),
            dependencies: list(&package["dependencies"]).iter().map(|other| text(&other["name"])).collect(),
        })
        .collect()
}

/// Everything in which the table and the workspace disagree.
pub(crate) fn problems(table: &[String], members: &[Member]) -> Vec<String> {
    let place = |name: &str| table.iter().position(|row| row == name);
    let is_member = |name: &str| members.iter().any(|member| member.name == name);
    let mut problems = Vec::new();
    for row in table.iter().filter(|row| !is_member(row)) {
        problems.push(format!("{row} is in the table of crates and not in the workspace"));
    }
    for member in members.iter().filter(|member| member.name != EXEMPT) {
        let Some(own) = place(&member.name) else {
            problems.push(format!("{} is in the workspace and not in the table of crates", member.name));
            continue;
        };
        for other in member.dependencies.iter().filter(|other| is_member(other)) {
            if place(other).is_none_or(|other| other >= own) {
                problems.push(format!("{} -> {other}: the table has {other} no higher", member.name));
            }
        }
    }
    problems
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[test]
fn a_table_is_what_stands_between_the_markers() {
    let text = "| `x` | no |\n<!-- crates -->\n| crate | is |\n|---|---|\n| `a` | one |\n| `b` | two |\n<!-- /crates -->\n| `y` |";
    assert_eq!(table(text), Ok(vec!["a".to_owned(), "b".to_owned()]));
    assert!(table("| `a` | one |").is_err(), "markers are needed");
}

#[test]
fn an_edge_downwards_and_a_missing_row_are_named() {
    let member = |name: &str, dependencies: &[&str]| Member {
        name: name.to_owned(),
        dependencies: dependencies.iter().map(|&other| other.to_owned()).collect(),
    };
    let table = ["a".to_owned(), "b".to_owned(), "gone".to_owned()];
    let members =
        [member("a", &["b", "serde"]), member("b", &["a"]), member("new", &[]), member(EXEMPT, &["a"])];
    assert_eq!(
        problems(&table, &members),
        [
            "gone is in the table of crates and not in the workspace",
            "a -> b: the table has b no higher",
            "new is in the workspace and not in the table of crates",
        ]
    );
}
