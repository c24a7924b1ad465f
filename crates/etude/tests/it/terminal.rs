//! `etude robot enroll` at a terminal: what a person types at its questions, through a pseudo-terminal of util-linux's `script`.

use crate::robot::two_arms;
use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

/// So long nothing may be silent that is waited for.
const PATIENCE: Duration = Duration::from_mins(1);
/// What the keys send: Enter, and Ctrl with C and D.
const ENTER: &str = "\r";
const CTRL_C: &str = "\x03";
const CTRL_D: &str = "\x04";

/// A program at a terminal of its own.
struct Terminal {
    child: Child,
    keys: ChildStdin,
    screen: Receiver<Vec<u8>>,
    /// What was shown since something was last waited for.
    shown: String,
}

impl Terminal {
    /// Starts `etude` there; nothing, with a word, where there is no `script`.
    fn start(folder: &Path, arguments: &[&str]) -> Option<Self> {
        if Command::new("script").arg("--version").output().is_err() {
            eprintln!("skipped: no `script` (util-linux) to make a terminal with");
            return None;
        }
        let quoted = |word: &str| format!("'{}'", word.replace('\'', "'\\''"));
        let words: Vec<String> =
            [env!("CARGO_BIN_EXE_etude")].iter().chain(arguments).map(|word| quoted(word)).collect();
        let mut child = Command::new("script")
            .args(["--quiet", "--return", "--command", &words.join(" "), "/dev/null"])
            .current_dir(folder)
            .env("SHELL", "/bin/sh")
            .env("NO_COLOR", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it was there a moment ago");
        let keys = child.stdin.take().expect("it is piped");
        let mut shown = child.stdout.take().expect("it is piped");
        let (send, screen) = mpsc::channel();
        std::thread::spawn(move || {
            let mut bytes = [0; 1024];
            while let Ok(count @ 1..) = shown.read(&mut bytes) {
                if send.send(bytes[..count].to_vec()).is_err() {
                    break;
                }
            }
        });
        Some(Self { child, keys, screen, shown: String::new() })
    }

    /// Waits for words; what was shown up to them is forgotten. Gives what that was.
    fn until(&mut self, words: &str) -> String {
        loop {
            if let Some(place) = self.shown.find(words) {
                let rest = self.shown.split_off(place + words.len());
                return std::mem::replace(&mut self.shown, rest);
            }
            match self.screen.recv_timeout(PATIENCE) {
                Ok(bytes) => self.shown.push_str(&String::from_utf8_lossy(&bytes)),
                Err(why) => panic!("{words:?} did not come ({why}): {}", self.shown),
            }
        }
    }

    fn types(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).and_then(|()| self.keys.flush()).expect("it listens");
    }

    /// Waits for the end: exit code and what was still shown.
    fn ends(mut self) -> (Option<i32>, String) {
        while let Ok(bytes) = self.screen.recv_timeout(PATIENCE) {
            self.shown.push_str(&String::from_utf8_lossy(&bytes));
        }
        (self.child.wait().expect("it was started").code(), std::mem::take(&mut self.shown))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // After a test that failed; one that has ended cannot be ended again.
        drop(self.child.kill());
    }
}

/// Starts the enrolment of a robot made up here and waits for its first question.
fn enrolling(folder: &Path) -> Option<Terminal> {
    fs::write(folder.join("pair.urdf"), two_arms()).expect("written");
    let arguments = ["robot", "enroll", "pair.urdf", "--out", "robots/pair"];
    let mut terminal = Terminal::start(folder, &arguments)?;
    let head = terminal.until("Who makes the robot? [unknown] (vendor)");
    assert!(head.contains("Enter keeps what is drafted"), "{head}");
    terminal.until("> ");
    Some(terminal)
}

#[test]
fn answers_are_typed_and_a_wrong_one_is_asked_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(mut terminal) = enrolling(folder.path()) else { return };
    terminal.types("Maker");
    terminal.types(ENTER);
    terminal.until("Which package ships the model");
    terminal.types(&format!("pair==1.0{ENTER}"));
    terminal.until("Under which licence");
    terminal.types(&format!("?{ENTER}"));
    terminal.until("How fast may these joints move?");
    terminal.until("> ");
    terminal.types(&format!("quickly{ENTER}"));
    terminal.until("expected a speed above 0, rad/s or m/s, found \"quickly\"");
    terminal.until("How fast may these joints move?");
    terminal.types(&format!("2.5{ENTER}"));
    // The rest stays as drafted.
    for question in
        ["Does the robot's wire carry the joints in this order", "Do links reach into each other at home?"]
    {
        terminal.until(question);
        terminal.until("> ");
        terminal.types(ENTER);
    }
    terminal.until("1 question open");
    let (code, shown) = terminal.ends();
    assert!(code == Some(0) && shown.contains("robots/pair/card.toml"), "{code:?} {shown}");
    let card = fs::read_to_string(folder.path().join("robots/pair/card.toml")).expect("a card");
    for line in ["vendor = \"Maker\"", "package = \"pair==1.0\"", "velocity = 2.5"] {
        assert!(card.contains(line), "{line}: {card}");
    }
    assert!(!card.contains("velocity = 0.5"), "the answer replaces what was drafted: {card}");
    assert!(card.contains("settled = \"confirmed\"") && !card.contains("accepted_unseen"), "{card}");
    let open = card.split("[[doubt]]").skip(1).filter(|doubt| !doubt.contains("settled"));
    assert!(open.collect::<String>().contains("Under which licence"), "{card}");
}

#[test]
fn who_stops_answering_leaves_no_card() {
    for (key, expected) in [(CTRL_D, Some(1)), (CTRL_C, Some(130))] {
        let folder = tempfile::tempdir().expect("a folder");
        let Some(mut terminal) = enrolling(folder.path()) else { return };
        terminal.types(&format!("Maker{ENTER}"));
        terminal.until("Which package ships the model");
        terminal.until("> ");
        terminal.types(key);
        if key == CTRL_D {
            terminal.until("no card was written");
            terminal.until("hint: `?` leaves one question open");
        }
        let (code, shown) = terminal.ends();
        assert_eq!(code, expected, "{shown}");
        assert!(!folder.path().join("robots").exists(), "{shown}");
    }
}

#[test]
fn nobody_is_asked_for_a_card_that_is_there() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir_all(folder.path().join("robots/pair")).expect("made");
    fs::write(folder.path().join("robots/pair/card.toml"), "mine").expect("written");
    fs::write(folder.path().join("pair.urdf"), two_arms()).expect("written");
    let arguments = ["robot", "enroll", "pair.urdf", "--out", "robots/pair"];
    let Some(mut terminal) = Terminal::start(folder.path(), &arguments) else { return };
    let before = terminal.until("hint: a card is never overwritten");
    assert!(!before.contains("Who makes the robot?"), "{before}");
    assert_eq!(terminal.ends().0, Some(1));
    let card = fs::read_to_string(folder.path().join("robots/pair/card.toml")).expect("it is still there");
    assert_eq!(card, "mine");
}
