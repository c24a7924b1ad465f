//! Where results and words go: results to stdout, everything else to stderr.
//!
//! Colours and progress bars only where a person looks: on a terminal, without `NO_COLOR` and `--quiet`.

use crate::cli::GlobalArgs;
use crate::{environment, hint};
use comfy_table::{ContentArrangement, Table, presets};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use std::io::{self, IsTerminal, Write};

/// The two outputs of a command.
#[derive(Debug)]
pub(crate) struct Output {
    quiet: bool,
    colour: bool,
}

#[expect(clippy::unused_self, reason = "who writes a result holds the output that it goes to")]
impl Output {
    /// What the options and the terminal allow.
    pub(crate) fn new(options: &GlobalArgs) -> Self {
        Self { quiet: options.quiet, colour: io::stderr().is_terminal() && !environment::no_colour() }
    }

    /// A result: to stdout, as it is.
    pub(crate) fn data(&self, text: &str) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(text.as_bytes())?;
        if !text.ends_with('\n') {
            stdout.write_all(b"\n")?;
        }
        stdout.flush()
    }

    /// A result for programs: indented JSON to stdout.
    pub(crate) fn json(&self, value: &impl Serialize) -> anyhow::Result<()> {
        Ok(self.data(&serde_json::to_string_pretty(value)?)?)
    }

    /// A word on the way: to stderr, unless it shall be quiet.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet {
            self.stderr("", "", text);
        }
    }

    /// What was lost: to stderr, always.
    pub(crate) fn loss(&self, text: &str) {
        self.stderr("lost", "33", text);
    }

    /// What ended the command, its causes and what to do about it: to stderr, always.
    pub(crate) fn error(&self, error: &anyhow::Error) {
        self.stderr("error", "31", &hint::message(error));
        self.stderr("hint", "36", &hint::of(error));
    }

    /// A bar for `length` steps; silent where nobody would see it.
    pub(crate) fn bar(&self, length: u64, doing: &str) -> ProgressBar {
        // Where stderr is no terminal, indicatif itself draws nothing.
        let target = if self.quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(Some(length), target);
        let style =
            ProgressStyle::with_template("{msg:16} [{bar:32}] {pos}/{len}  {per_sec}  {elapsed}, {eta} left")
                .expect("the template is well formed");
        bar.set_style(style.progress_chars("=> "));
        bar.set_message(doing.to_owned());
        bar
    }

    /// Columns under heads: as wide as their cells, and on a terminal no wider than it.
    pub(crate) fn table(&self, heads: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        if io::stdout().is_terminal() {
            table.set_content_arrangement(ContentArrangement::Dynamic);
        } else {
            table.force_no_tty();
        }
        table.set_header(heads.iter().copied());
        for row in rows {
            table.add_row(row);
        }
        if let Some(first) = table.column_mut(0) {
            first.set_padding((0, 1));
        }
        table.trim_fmt()
    }

    /// Names and what they are, one a line; what is empty is left out.
    pub(crate) fn pairs(&self, pairs: &[(&str, String)]) -> String {
        let width = pairs.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        let shown = pairs.iter().filter(|(_, value)| !value.is_empty());
        let below = format!("\n{:width$}  ", "");
        let lines = shown.map(|(name, value)| format!("{name:width$}  {}", value.replace('\n', &below)));
        lines.chain([String::new()]).collect::<Vec<_>>().join("\n")
    }

    fn paint(code: &str, text: &str) -> String {
        format!("\x1b[1;{code}m{text}\x1b[0m")
    }

    fn stderr(&self, head: &str, code: &str, text: &str) {
        let head = match (head, self.colour) {
            ("", _) => String::new(),
            (head, true) => format!("{} ", Self::paint(code, &format!("{head}:"))),
            (head, false) => format!("{head}: "),
        };
        // Where stderr is closed, nobody is there to be told.
        drop(writeln!(io::stderr().lock(), "{head}{text}"));
    }
}

/// Whether the reader of stdout has gone away.
pub(crate) fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let closed = |error: &io::Error| error.kind() == io::ErrorKind::BrokenPipe;
    error.downcast_ref::<io::Error>().is_some_and(closed)
}

/// Bytes for people.
pub(crate) fn bytes(count: u64) -> String {
    match count {
        0..10_000 => format!("{count} B"),
        10_000..10_000_000 => format!("{:.1} kB", count as f64 / 1e3),
        10_000_000..10_000_000_000 => format!("{:.1} MB", count as f64 / 1e6),
        _ => format!("{:.1} GB", count as f64 / 1e9),
    }
}

/// One thing or several: `1 episode`, `2 episodes`.
pub(crate) fn count(number: usize, thing: &str) -> String {
    if number == 1 { format!("1 {thing}") } else { format!("{number} {thing}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(bytes(9_999), "9999 B");
        assert_eq!(bytes(1_234_567), "1234.6 kB");
        assert_eq!(bytes(20_000_000_000), "20.0 GB");
        assert_eq!(count(1, "episode"), "1 episode");
        assert_eq!(count(0, "episode"), "0 episodes");
    }

    #[test]
    fn a_closed_pipe_is_told_from_other_errors() {
        let closed = anyhow::Error::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert!(is_closed_pipe(&closed));
        assert!(!is_closed_pipe(&anyhow::anyhow!("another")));
    }

    #[test]
    fn tables_stand_at_the_left_edge() {
        let output = Output { quiet: true, colour: false };
        let table = output.table(&["a", "long head"], [vec!["x".to_owned(), "y".to_owned()]]);
        assert_eq!(table, "a  long head\nx  y");
        assert_eq!(output.pairs(&[("a", "1\n2".into()), ("none", String::new())]), "a     1\n      2\n");
    }
}
