//! What a person could do about an error, out of what the crates say of it.

use etude_episode::{ReadError, RecoverError, WriteError};
use std::error::Error;
use std::fmt;
use std::io;

/// An error of the command itself, with its hint.
#[derive(Debug)]
pub(crate) struct Advised {
    message: String,
    hint: String,
}

impl Advised {
    /// What is wrong, and what to do about it.
    pub(crate) fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: hint.into() }
    }
}

impl fmt::Display for Advised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for Advised {}

/// The error and its causes, outermost first; a cause that was already said is not said again.
pub(crate) fn message(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        let cause = cause.to_string().trim_end().to_owned();
        if text.is_empty() {
            text = cause;
        } else if !text.contains(&cause) {
            text = format!("{text}\n  because: {cause}");
        }
    }
    text
}

/// What to do about it: what the outermost error that knows says.
pub(crate) fn of(error: &anyhow::Error) -> String {
    error.chain().find_map(known).unwrap_or_else(|| {
        "`etude help COMMAND` tells what it expects; where that does not help, please report it with this message"
            .to_owned()
    })
}

fn known(error: &(dyn Error + 'static)) -> Option<String> {
    if let Some(error) = error.downcast_ref::<Advised>() {
        return Some(error.hint.clone());
    }
    if let Some(error) = error.downcast_ref::<etude_store::Error>() {
        return of_store(error);
    }
    if let Some(error) = error.downcast_ref::<etude_store::FilterError>() {
        return Some(error.hint.clone());
    }
    if let Some(error) = error.downcast_ref::<etude_dataset::foreign::Error>() {
        return error.hint().map(str::to_owned);
    }
    if let Some(error) = error.downcast_ref::<etude_dataset::export::Error>() {
        return error.hint().map(str::to_owned);
    }
    #[cfg(feature = "ffmpeg")]
    if let Some(error) = error.downcast_ref::<etude_dataset::lerobot::Error>() {
        return error.hint().map(str::to_owned);
    }
    let boxed = error.downcast_ref::<Box<ReadError>>().map(Box::as_ref);
    if let Some(error) = error.downcast_ref::<ReadError>().or(boxed) {
        return of_reading(error);
    }
    if let Some(error) = error.downcast_ref::<RecoverError>() {
        return of_recovery(error);
    }
    if let Some(error) = error.downcast_ref::<etude_dataset::release::Error>() {
        return Some(of_release(error).to_owned());
    }
    if error.is::<etude_inspect::rules::Error>() {
        return Some(
            "docs/reference/inspection.md lists measurements and shows how rules are written".to_owned(),
        );
    }
    if let Some(etude_model::CardError::Draft { .. }) = error.downcast_ref::<etude_model::CardError>() {
        return Some(
            "answer its questions: `etude robot enroll MODEL` asks them again, or see `[[doubt]]` in the card".to_owned(),
        );
    }
    if error.is::<etude_model::CardError>() {
        return Some("compare it with a card of the folder `robots/`; unknown keys are refused".to_owned());
    }
    error.downcast_ref::<io::Error>().and_then(of_system)
}

fn of_store(error: &etude_store::Error) -> Option<String> {
    match error {
        // It stands for the error within and does not show it as its cause.
        etude_store::Error::Release(error) => Some(of_release(error).to_owned()),
        etude_store::Error::Changed { .. } => {
            Some("the file was changed after it was filed; bring it back from a copy".to_owned())
        }
        other => other.hint(),
    }
}

fn of_reading(error: &ReadError) -> Option<String> {
    match error {
        ReadError::NotClosed { name, .. } => {
            Some(format!("`etude episode recover {name}` rescues what is there"))
        }
        ReadError::Format { name, .. }
        | ReadError::Record { name, .. }
        | ReadError::Crc { name, .. }
        | ReadError::Codec { name, .. } => Some(format!(
            "`etude episode check {name}` lists what is wrong, `etude episode recover {name}` rescues what is whole"
        )),
        ReadError::Version { .. } => Some("a newer Etude wrote it: bring this one up to date".to_owned()),
        ReadError::Topic { name, .. } => Some(format!("`etude episode info {name}` lists the streams")),
        ReadError::Io { .. } | ReadError::Overlap { .. } => None,
    }
}

fn of_recovery(error: &RecoverError) -> Option<String> {
    match error {
        RecoverError::Nothing { .. } => Some(
            "without its head nobody can say what an episode's numbers mean; is it an episode at all?"
                .to_owned(),
        ),
        RecoverError::Write { source: WriteError::Io { source, .. } }
            if source.kind() == io::ErrorKind::AlreadyExists =>
        {
            Some("an episode is never overwritten: name another file with --out".to_owned())
        }
        _ => None,
    }
}

fn of_release(error: &etude_dataset::release::Error) -> &'static str {
    use etude_dataset::release::Error;
    match error {
        Error::Name { .. } => "a name becomes a file's name, such as `bottles-1`",
        Error::Empty => {
            "`etude list --centre CENTRE` shows what is there; without --where only accepted episodes are chosen, and \
             `etude inspect CENTRE` says why one is not"
        }
        Error::Twice { .. } => "narrow the choice with --where, such as \"digest != '…'\"",
        _ => "the release's file was changed or is another version's; make it again from the centre",
    }
}

fn of_system(error: &io::Error) -> Option<String> {
    Some(match error.kind() {
        io::ErrorKind::NotFound => "is the path right?".to_owned(),
        io::ErrorKind::PermissionDenied => {
            "does this account have the right to read or write there?".to_owned()
        }
        io::ErrorKind::AlreadyExists => {
            "choose another name; nothing that is there is overwritten".to_owned()
        }
        io::ErrorKind::IsADirectory => "that is a folder; name a file in it".to_owned(),
        io::ErrorKind::NotADirectory => "that is a file; name a folder".to_owned(),
        io::ErrorKind::StorageFull => "make room on the disk, then do it again".to_owned(),
        io::ErrorKind::ReadOnlyFilesystem => "choose a folder that can be written".to_owned(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context;

    #[test]
    fn what_was_said_is_not_said_again() {
        let inner = io::Error::new(io::ErrorKind::NotFound, "no such file");
        let error =
            Err::<(), _>(inner).context("a.toml: no such file").context("the card").expect_err("an error");
        assert_eq!(message(&error), "the card\n  because: a.toml: no such file");
        assert_eq!(of(&error), "is the path right?");
    }

    #[test]
    fn the_outermost_hint_counts_and_there_is_always_one() {
        let error = anyhow::Error::from(Advised::new("wrong", "do it right")).context("while working");
        assert_eq!(of(&error), "do it right");
        assert!(of(&anyhow::anyhow!("unheard of")).contains("report it"));
    }
}
