//! Reading settings out of JSON, with errors that name the file and the key.

use serde_json::{Map, Value};

use crate::{Error, ErrorKind, Result};

/// An object in a file, or within an object of one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Object<'a> {
    /// The file, and the keys that lead to the object.
    place: &'a str,
    entries: &'a Map<String, Value>,
}

/// Parses the text of a file, which must be an object.
pub(crate) fn parse(file: &str, text: &str) -> Result<Map<String, Value>> {
    // Editors of some systems put a mark there.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match serde_json::from_str(text) {
        Ok(Value::Object(entries)) => Ok(entries),
        Ok(other) => Err(invalid(format!("{file}: expected an object, found {}", kind(&other)))),
        Err(source) => Err(invalid(format!("{file}: this is no JSON: {source}")).with_source(source)),
    }
}

impl<'a> Object<'a> {
    pub(crate) fn new(place: &'a str, entries: &'a Map<String, Value>) -> Self {
        Self { place, entries }
    }

    /// All entries.
    pub(crate) fn entries(self) -> impl Iterator<Item = (&'a String, &'a Value)> {
        self.entries.iter()
    }

    /// The value of `key`; null is as good as none.
    pub(crate) fn get(self, key: &str) -> Option<&'a Value> {
        self.entries.get(key).filter(|value| !value.is_null())
    }

    pub(crate) fn string(self, key: &str) -> Result<Option<&'a str>> {
        self.read(key, "a string", Value::as_str)
    }

    pub(crate) fn flag(self, key: &str) -> Result<Option<bool>> {
        self.read(key, "true or false", Value::as_bool)
    }

    pub(crate) fn whole(self, key: &str) -> Result<Option<u64>> {
        self.read(key, "a whole number", |value| value.as_u64().filter(|&number| number <= u64::from(u32::MAX)))
    }

    pub(crate) fn number(self, key: &str) -> Result<Option<f64>> {
        self.read(key, "a number", Value::as_f64)
    }

    pub(crate) fn object(self, key: &str) -> Result<Option<&'a Map<String, Value>>> {
        self.read(key, "an object", Value::as_object)
    }

    pub(crate) fn array(self, key: &str) -> Result<Option<&'a Vec<Value>>> {
        self.read(key, "an array", Value::as_array)
    }

    /// One token id, or several.
    pub(crate) fn ids(self, key: &str) -> Result<Vec<u64>> {
        let bad = || invalid(format!("{}: {key}: expected a token id, or an array of them", self.place));
        match self.get(key) {
            None => Ok(Vec::new()),
            Some(Value::Array(ids)) => ids.iter().map(|id| id.as_u64().ok_or_else(bad)).collect(),
            Some(id) => Ok(vec![id.as_u64().ok_or_else(bad)?]),
        }
    }

    pub(crate) fn require<T>(self, key: &str, value: Option<T>) -> Result<T> {
        value.ok_or_else(|| invalid(format!("{}: {key} is missing", self.place)))
    }

    fn read<T>(self, key: &str, expected: &str, read: impl Fn(&'a Value) -> Option<T>) -> Result<Option<T>> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let found = || invalid(format!("{}: {key}: expected {expected}, found {}", self.place, kind(value)));
        read(value).map(Some).ok_or_else(found)
    }

    /// What `key` says means a computation that this build does not know.
    pub(crate) fn refuse(self, key: &str, advice: &str) -> Error {
        let found = self.get(key).map_or_else(|| "missing".to_owned(), shown);
        Error::new(ErrorKind::Unsupported, format!("{}: {key} is {found}: {advice}", self.place))
    }
}

/// A short text for a value.
fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(80) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn kind(value: &Value) -> String {
    match value {
        Value::Array(_) => "an array".to_owned(),
        Value::Object(_) => "an object".to_owned(),
        other => shown(other),
    }
}

pub(crate) fn invalid(context: String) -> Error {
    Error::new(ErrorKind::InvalidModel, context)
}
