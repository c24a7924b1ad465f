//! What went wrong, what the reader can do about it, and the exit code.

/// The result of every step.
pub(crate) type Result<T> = std::result::Result<T, Failure>;

/// A step that did not succeed.
#[derive(Debug)]
pub(crate) struct Failure {
    /// What was being done, what was expected and what was found.
    pub(crate) what: String,
    /// What to do next, where we know.
    pub(crate) hint: Option<String>,
    /// 1 failed, 2 usage or something to do by hand first.
    pub(crate) code: u8,
}

impl Failure {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), hint: None, code: 1 }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) fn code(mut self, code: u8) -> Self {
        self.code = code;
        self
    }

    /// For `map_err` on file operations: `doing` names the action and the path.
    pub(crate) fn io(doing: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let doing = doing.into();
        move |error| Self::new(format!("{doing}: {error}"))
    }
}
