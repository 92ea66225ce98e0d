//! The one error: what a caller asks for is wrong, or cannot be enforced.

use std::fmt;

/// Why a format was refused, or an answer cannot go on with it: a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error(String);

/// `Result` with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error that says `sentence`.
    pub fn new(sentence: impl Into<String>) -> Self {
        Self(sentence.into())
    }

    /// What the library says behind what was tried.
    pub(crate) fn of(what: &str, cause: &dyn fmt::Display) -> Self {
        // Where it is verbose the library appends its state, for its own developers.
        let cause = cause.to_string();
        let cause = match cause.split("\n<").next().unwrap_or_default().trim() {
            // Its name for a mask without a token.
            "NoExtensionBias" => "no text satisfies it, or none that this vocabulary can spell",
            cause => cause,
        };
        Self(format!("{what}: {cause}"))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}
