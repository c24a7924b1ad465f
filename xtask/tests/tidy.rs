//! Keeps the tree in the shape that ARCHITECTURE.md and CONTRIBUTING.md describe.
//!
//! Looks at every file that git tracks or would track. Each test names all that is wrong at once, with the place.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

#[path = "tidy/crates.rs"]
mod crates;
#[path = "tidy/exceptions.rs"]
mod exceptions;
#[path = "../src/formats.rs"]
mod formats;
#[path = "tidy/source.rs"]
mod source;

use exceptions::Exceptions;

/// Lines of a source file before its unit tests.
const FILE_LINES: usize = 500;
/// Lines of a function, from its `fn` to its closing brace.
const FUNCTION_LINES: usize = 70;
/// Bytes of a tracked file.
const FILE_BYTES: u64 = 200 * 1024;

/// What ties a text to one machine or to one way to a registry.
const LOCAL: [&str; 9] = [
    "/work/",
    "/root/",
    "/tmp/",
    "pypi.org",
    "pythonhosted.org",
    "index.crates.io",
    "static.crates.io",
    "registry.npmjs.org",
    "deb.debian.org",
];

#[test]
fn a_crate_depends_only_on_crates_above_it_in_the_table() {
    let text = read(&root().join("ARCHITECTURE.md"));
    let table = crates::table(&text).unwrap_or_else(|problem| panic!("ARCHITECTURE.md: {problem}"));
    report(&crates::problems(&table, &crates::members(&root())));
}

#[test]
fn a_source_file_opens_with_what_it_is_for() {
    let silent = rust_files().into_iter().filter(|file| !read(&root().join(file)).starts_with("//!"));
    report(&silent.map(|file| format!("{file}: the first line is no `//!`")).collect::<Vec<_>>());
}

#[test]
fn files_and_functions_are_small_or_listed_with_a_reason() {
    let mut exceptions = Exceptions::read(&root().join("xtask/tests/tidy_exceptions.txt"));
    let mut problems = Vec::new();
    for file in rust_files() {
        let text = read(&root().join(&file));
        let lines = source::lines_before_tests(&text);
        if lines > FILE_LINES && !exceptions.covers(&file) {
            problems.push(format!("{file}: {lines} lines before its tests, at most {FILE_LINES} wanted"));
        }
        for function in source::functions(&text) {
            let name = format!("{file}::{}", function.name);
            if function.lines > FUNCTION_LINES && !exceptions.covers(&name) {
                let place = format!("{file}:{}", function.line);
                let length = function.lines;
                problems.push(format!(
                    "{place}: {} has {length} lines, at most {FUNCTION_LINES} wanted",
                    function.name
                ));
            }
        }
    }
    problems.extend(exceptions.problems());
    report(&problems);
}

#[test]
fn the_page_of_formats_is_what_the_tests_show() {
    let (sources, pins) = formats::read(&root()).expect("the tests can be read");
    let page = formats::page(&sources, &pins).unwrap_or_else(|problems| panic!("{}", problems.join("\n")));
    let found = read(&root().join(formats::PAGE));
    assert!(found == page, "{}: `cargo xtask formats` makes it anew", formats::PAGE);
}

#[test]
fn a_marker_of_a_format_names_a_test_and_known_facts() {
    let pins = ["h5py==3.16.0 \\\n".to_owned()];
    let source =
        |mark: &str| vec![("a.rs".to_owned(), format!("// shows: {mark}\n/// Why.\n#[test]\nfn b() {{}}\n"))];
    let page = formats::page(&source("robomimic write, peer h5py"), &pins).expect("a page");
    assert!(page.ends_with("| robomimic HDF5 | | yes | | h5py 3.16.0 | `b` |\n"), "{page}");
    for (mark, problem) in [
        ("robomimick write", "a.rs:1: robomimick is no format of the page"),
        ("robomimic writes", "expected read-real, read-made, write"),
        ("robomimic peer zarr", "tests/peers pins no zarr"),
    ] {
        let problems = formats::page(&source(mark), &pins).expect_err("a problem").join("\n");
        assert!(problems.contains(problem), "{problems}");
    }
    let alone = vec![("a.rs".to_owned(), "// shows: bvh write\nfn b() {}\n".to_owned())];
    assert!(formats::page(&alone, &pins).expect_err("a problem")[0].contains("no test follows"));
}

#[test]
fn no_file_is_a_dump() {
    let large = files().into_iter().filter(|file| file != "Cargo.lock").filter_map(|file| {
        let bytes = fs::metadata(root().join(&file)).ok()?.len();
        (bytes > FILE_BYTES).then(|| format!("{file}: {bytes} bytes, at most {FILE_BYTES} wanted"))
    });
    report(&large.collect::<Vec<_>>());
}

#[test]
fn no_file_speaks_of_one_machine() {
    let mut problems = Vec::new();
    // This file must name what it looks for.
    for file in files().into_iter().filter(|file| file != "xtask/tests/tidy.rs" && file != "Cargo.lock") {
        let Ok(bytes) = fs::read(root().join(&file)) else { continue };
        for (index, line) in String::from_utf8_lossy(&bytes).lines().enumerate() {
            let found = LOCAL.iter().filter(|pattern| speaks_of(line, pattern));
            problems.extend(found.map(|pattern| format!("{file}:{}: speaks of {pattern}", index + 1)));
        }
    }
    report(&problems);
}

#[test]
fn only_whole_paths_and_hosts_count_as_local() {
    assert!(speaks_of("see /tmp/x", "/tmp/") && speaks_of("\"/root/a\"", "/root/"));
    assert!(!speaks_of("target/tmp/x", "/tmp/") && !speaks_of("~/work/x", "/work/"));
}

/// Whether the line holds the pattern, and not as the end of a longer path.
fn speaks_of(line: &str, pattern: &str) -> bool {
    let continues = |before: char| before.is_alphanumeric() || "~._-})>$*".contains(before);
    let is_path = pattern.starts_with('/');
    line.match_indices(pattern).any(|(at, _)| !is_path || !line[..at].ends_with(continues))
}

fn report(problems: &[String]) {
    assert!(problems.is_empty(), "{} to mend:\n{}\n", problems.len(), problems.join("\n"));
}

fn root() -> PathBuf {
    // Asked for when it runs: one target folder serves several checkouts, and a test that was built in another one counts as
    // fresh.
    let package = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    package.parent().expect("xtask lies in the workspace").to_path_buf()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn rust_files() -> Vec<String> {
    let ours = |file: &String| file.starts_with("crates/") || file.starts_with("xtask/");
    let rust = |file: &String| Path::new(file).extension().is_some_and(|extension| extension == "rs");
    files().into_iter().filter(|file| ours(file) && rust(file)).collect()
}

/// Tracked files, and those that would be tracked if they were added; relative to the root, in order.
fn files() -> BTreeSet<String> {
    let mut git = Command::new("git");
    git.current_dir(root()).args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let output = git.output().expect("git is needed to know which files are ours");
    assert!(output.status.success(), "git ls-files: {}", String::from_utf8_lossy(&output.stderr));
    let names = String::from_utf8_lossy(&output.stdout).into_owned();
    let present = |name: &&str| !name.is_empty() && root().join(name).is_file();
    names.split('\0').filter(present).map(str::to_owned).collect()
}
