//! Why the store cannot be used.

use wasm_bindgen::JsValue;

use crate::web::runtime::globals;

/// A reason why the store cannot be used.
#[derive(Debug)]
pub enum Problem {
    /// The browser gives no storage here: a private window, blocked site data, no IndexedDB.
    Unavailable(String),
    /// Another tab has a newer or an older version of this database open.
    OtherVersion,
    /// No room is left.
    Full,
    /// Another tab, or the user, has deleted this model.
    Gone,
    /// Anything else.
    Failed(String),
}

impl Problem {
    /// The reason, for a person.
    pub fn reason(&self) -> String {
        match self {
            Self::Unavailable(reason) => format!("this browser gives no storage here ({reason})"),
            Self::OtherVersion => "another tab runs another version of this page; close it to use the cache".into(),
            Self::Full => "the browser's storage is full".into(),
            Self::Gone => "the cached model was deleted, in another tab or by the browser".into(),
            Self::Failed(reason) => format!("the browser's storage failed ({reason})"),
        }
    }

    /// The reason and its consequence for a load, for a person.
    pub fn sentence(&self) -> String {
        format!("{}: the model runs from memory and is not kept", self.reason())
    }

    pub fn of(thrown: &JsValue) -> Self {
        let text = |name| globals::get(thrown, name).and_then(|value| value.as_string());
        let name = text("name").unwrap_or_default();
        match name.as_str() {
            "QuotaExceededError" => Self::Full,
            "VersionError" => Self::OtherVersion,
            _ => Self::Failed(format!("{name}: {}", text("message").unwrap_or_default())),
        }
    }
}
