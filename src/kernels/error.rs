//! The one error type: a kind with a stable code, and a sentence that says what was expected, what was
//! found and what to do.

use std::error::Error as StdError;
use std::fmt;

/// What went wrong, as a stable code that callers may switch on. The code never changes once released.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The bytes are no GGUF file, or break the GGUF format.
    InvalidGguf,
    /// The file ends before all of its tensors.
    Truncated,
    /// A GGUF version, architecture, tensor type or tokenizer that this build cannot run.
    Unsupported,
    /// The file is GGUF, but its metadata or tensors do not make a consistent model.
    InvalidModel,
    /// The model does not fit into the memory that this build can address or was given.
    OutOfMemory,
    /// An option or argument of the caller is out of its range.
    InvalidArgument,
    /// A JSON schema, an expression or a grammar that an answer is to follow is wrong, takes too much work, or asks for what
    /// cannot be enforced.
    InvalidGrammar,
    /// The chat template failed to render, or exceeded its limits.
    ChatTemplate,
    /// The prompt and the answer do not fit into the context.
    ContextOverflow,
    /// The network failed, or a server answered with something else than the file.
    Network,
    /// The server has no such file (HTTP 404 and 410).
    NotFound,
    /// The server wants to know who asks (HTTP 401).
    Unauthorized,
    /// The server refuses this file to whoever asks (HTTP 403 and 451).
    Forbidden,
    /// The file on the server is not the one that the download began with.
    Changed,
    /// Bytes do not match their checksum.
    Integrity,
    /// What was saved comes from another model, precision or other adapters.
    OtherModel,
    /// The browser's storage failed or is full.
    Storage,
    /// As many requests run and wait as may.
    QueueFull,
    /// The caller cancelled.
    Aborted,
    /// A worker trapped or stopped answering; load the model again.
    Crashed,
    /// A bug of this library.
    Internal,
}

impl ErrorKind {
    /// The stable code, as JavaScript sees it in `BitNetError.code`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::InvalidGguf => "invalid_gguf",
            Self::Truncated => "truncated",
            Self::Unsupported => "unsupported",
            Self::InvalidModel => "invalid_model",
            Self::OutOfMemory => "out_of_memory",
            Self::InvalidArgument => "invalid_argument",
            Self::InvalidGrammar => "invalid_grammar",
            Self::ChatTemplate => "chat_template",
            Self::ContextOverflow => "context_overflow",
            Self::Network => "network",
            Self::NotFound => "not_found",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::Changed => "changed",
            Self::Integrity => "integrity",
            Self::OtherModel => "other_model",
            Self::Storage => "storage",
            Self::QueueFull => "queue_full",
            Self::Aborted => "aborted",
            Self::Crashed => "crashed",
            Self::Internal => "internal",
        }
    }
}

/// A number or a word behind an error's sentence, for programs.
#[derive(Clone, Debug, PartialEq)]
pub enum Detail {
    /// Counts and sizes are whole and below 2^53.
    Number(f64),
    /// A name or a list in words.
    Text(String),
}

impl From<usize> for Detail {
    fn from(number: usize) -> Self {
        Self::Number(number as f64)
    }
}

impl From<u16> for Detail {
    fn from(number: u16) -> Self {
        Self::Number(f64::from(number))
    }
}

impl From<String> for Detail {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

/// An error: its kind, a sentence for a person, the cause where there is one, and the details behind the sentence.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    context: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
    details: Vec<(&'static str, Detail)>,
}

/// `Result` with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error without a deeper cause. `context` is a full sentence or `where: expected, found, advice`.
    pub fn new(kind: ErrorKind, context: impl Into<String>) -> Self {
        Self { kind, context: context.into(), source: None, details: Vec::new() }
    }

    /// Keeps `source` as the cause; its text is appended when the error is shown.
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Adds a detail. `name` is in camel case, as JavaScript sees it in `BitNetError.details`.
    pub fn with_detail(mut self, name: &'static str, value: impl Into<Detail>) -> Self {
        self.details.push((name, value.into()));
        self
    }

    /// The same error with another sentence: kind and details stay. `context` quotes the cause if it is to be shown.
    pub fn reworded(self, context: impl Into<String>) -> Self {
        Self { context: context.into(), source: None, ..self }
    }

    /// The numbers and names behind the sentence, in the order in which they were added.
    pub fn details(&self) -> &[(&'static str, Detail)] {
        &self.details
    }

    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The stable code of the kind.
    pub fn code(&self) -> &'static str {
        self.kind.code()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.context)?;
        if let Some(source) = &self.source {
            write!(f, ": {source}")?;
        }
        Ok(())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|s| s as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_shows_its_context_and_its_cause() {
        let error = Error::new(ErrorKind::Network, "GET /m.gguf failed").with_source("connection reset");
        assert_eq!(error.to_string(), "GET /m.gguf failed: connection reset");
        assert_eq!(error.code(), "network");
    }

    #[test]
    fn another_sentence_keeps_code_and_details() {
        let error = Error::new(ErrorKind::Forbidden, "no").with_source("cause").with_detail("status", 403_u16);
        let message = format!("{error}, really");
        let error = error.reworded(message);
        assert_eq!((error.to_string().as_str(), error.code()), ("no: cause, really", "forbidden"));
        assert_eq!(error.details(), [("status", Detail::Number(403.0))]);
    }

    #[test]
    fn details_keep_their_order() {
        let error = Error::new(ErrorKind::Network, "status 503");
        assert_eq!(error.details(), []);
        let error = error.with_detail("status", 503_u16).with_detail("url", "/m.gguf".to_owned());
        assert_eq!(error.details(), [("status", Detail::Number(503.0)), ("url", Detail::Text("/m.gguf".into()))]);
    }
}
