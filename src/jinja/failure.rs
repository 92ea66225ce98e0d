//! Why a template failed.

use std::fmt;

/// What kind of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// The source is no template.
    Syntax,
    /// An expression failed where it was evaluated.
    Runtime,
    /// The template refused its input by `raise_exception`.
    Raised,
    /// A bound was exceeded: the template is broken or hostile.
    Limit,
}

/// A failure and its sentence.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Its kind.
    pub kind: FailureKind,
    /// What went wrong.
    pub message: String,
    /// Line of the source, from 1; 0 where unknown.
    pub line: u32,
}

/// `Result` with this module's [`Failure`].
pub type Result<T> = std::result::Result<T, Failure>;

impl Failure {
    fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), line: 0 }
    }

    pub(super) fn syntax(line: u32, message: impl Into<String>) -> Self {
        Self { line, ..Self::new(FailureKind::Syntax, message) }
    }

    pub(super) fn runtime(message: impl Into<String>) -> Self {
        Self::new(FailureKind::Runtime, message)
    }

    pub(super) fn raised(message: impl Into<String>) -> Self {
        Self::new(FailureKind::Raised, message)
    }

    pub(super) fn limit(message: impl Into<String>) -> Self {
        Self::new(FailureKind::Limit, message)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if self.line > 0 {
            write!(f, " (line {})", self.line)?;
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}
