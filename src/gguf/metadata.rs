//! The key/value pairs of a GGUF file, with typed and checked access.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use crate::{Error, ErrorKind, Result};

/// One metadata value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// GGUF types 0, 2, 4, 10 (u8, u16, u32, u64).
    Unsigned(u64),
    /// GGUF types 1, 3, 5, 11 (i8, i16, i32, i64).
    Signed(i64),
    /// GGUF types 6, 12 (f32, f64).
    Float(f64),
    /// GGUF type 7.
    Bool(bool),
    /// GGUF type 8, valid UTF-8.
    String(String),
    /// GGUF type 9.
    Array(Array),
    /// What cannot be read, and why. It is an error only where somebody asks for it: files carry keys for other
    /// programs.
    Unreadable(String),
}

/// An array of one element type.
#[derive(Clone, Debug, PartialEq)]
pub enum Array {
    /// Elements of an unsigned type.
    Unsigned(Vec<u64>),
    /// Elements of a signed type.
    Signed(Vec<i64>),
    /// Elements of a float type.
    Float(Vec<f64>),
    /// Booleans.
    Bool(Vec<bool>),
    /// Strings, valid UTF-8.
    String(Vec<String>),
}

impl Array {
    /// The number of elements.
    pub fn len(&self) -> usize {
        match self {
            Self::Unsigned(v) => v.len(),
            Self::Signed(v) => v.len(),
            Self::Float(v) => v.len(),
            Self::Bool(v) => v.len(),
            Self::String(v) => v.len(),
        }
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Value {
    fn kind(&self) -> &'static str {
        match self {
            Self::Unsigned(_) => "an unsigned integer",
            Self::Signed(_) => "a signed integer",
            Self::Float(_) => "a float",
            Self::Bool(_) => "a boolean",
            Self::String(_) => "a string",
            Self::Array(_) => "an array",
            Self::Unreadable(_) => "something unreadable",
        }
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Unsigned(number)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Float(number)
    }
}

/// All key/value pairs of a file. A key that the file has twice is unreadable.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metadata {
    values: BTreeMap<String, Value>,
}

impl Metadata {
    /// Adds a pair. A key that is there already becomes unreadable: nobody knows which of its values is meant.
    pub(crate) fn insert(&mut self, key: String, value: Value) {
        match self.values.entry(key) {
            Entry::Vacant(entry) => drop(entry.insert(value)),
            Entry::Occupied(mut entry) => drop(entry.insert(Value::Unreadable("the key stands twice".into()))),
        }
    }

    /// The value of `key`.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.values.get(key)
    }

    /// Removes and returns the value of `key`: for the vocabulary, which nobody wants to hold twice.
    pub fn take(&mut self, key: &str) -> Option<Value> {
        self.values.remove(key)
    }

    /// All pairs, ordered by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.values.iter().map(|(k, v)| (k.as_str(), v))
    }

    /// The string at `key`, if the key is there.
    ///
    /// # Errors
    /// `InvalidModel` if the value is no string.
    pub fn string(&self, key: &str) -> Result<Option<&str>> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::String(s)) => Ok(Some(s)),
            Some(other) => Err(mismatch(key, "a string", other)),
        }
    }

    /// The boolean at `key`, if the key is there.
    ///
    /// # Errors
    /// `InvalidModel` if the value is no boolean.
    pub fn bool(&self, key: &str) -> Result<Option<bool>> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::Bool(b)) => Ok(Some(*b)),
            Some(other) => Err(mismatch(key, "a boolean", other)),
        }
    }

    /// The integer at `key` as a u32, whatever integer type the writer chose.
    ///
    /// # Errors
    /// `InvalidModel` if the value is no integer or does not fit.
    pub fn u32(&self, key: &str) -> Result<Option<u32>> {
        let value = match self.get(key) {
            None => return Ok(None),
            Some(Value::Unsigned(v)) => u32::try_from(*v).ok(),
            Some(Value::Signed(v)) => u32::try_from(*v).ok(),
            Some(other) => return Err(mismatch(key, "an integer", other)),
        };
        value.map(Some).ok_or_else(|| {
            Error::new(ErrorKind::InvalidModel, format!("metadata {key}: expected an integer from 0 to 4294967295"))
        })
    }

    /// The token ids at `key`, one or an array of them. Writers put -1, or the greatest number of the type, where there
    /// is no such token: ids that are not below `vocab_size` are left out.
    ///
    /// # Errors
    /// `InvalidModel` if the value is neither an integer nor an array of integers.
    pub fn token_ids(&self, key: &str, vocab_size: usize) -> Result<Vec<u32>> {
        let unsigned = |id: &u64| usize::try_from(*id).ok();
        let signed = |id: &i64| usize::try_from(*id).ok();
        let ids: Vec<Option<usize>> = match self.get(key) {
            None => Vec::new(),
            Some(Value::Unsigned(id)) => vec![unsigned(id)],
            Some(Value::Signed(id)) => vec![signed(id)],
            Some(Value::Array(Array::Unsigned(ids))) => ids.iter().map(unsigned).collect(),
            Some(Value::Array(Array::Signed(ids))) => ids.iter().map(signed).collect(),
            Some(other) => return Err(mismatch(key, "a token id", other)),
        };
        Ok(ids.into_iter().flatten().filter(|&id| id < vocab_size).filter_map(|id| u32::try_from(id).ok()).collect())
    }

    /// The number at `key` as an f32.
    ///
    /// # Errors
    /// `InvalidModel` if the value is no number.
    pub fn f32(&self, key: &str) -> Result<Option<f32>> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::Float(v)) => Ok(Some(*v as f32)),
            Some(Value::Unsigned(v)) => Ok(Some(*v as f32)),
            Some(Value::Signed(v)) => Ok(Some(*v as f32)),
            Some(other) => Err(mismatch(key, "a number", other)),
        }
    }

    /// The array at `key`, if the key is there.
    ///
    /// # Errors
    /// `InvalidModel` if the value is no array.
    pub fn array(&self, key: &str) -> Result<Option<&Array>> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::Array(a)) => Ok(Some(a)),
            Some(other) => Err(mismatch(key, "an array", other)),
        }
    }

    /// Like [`u32`](Self::u32), but the key must be there.
    ///
    /// # Errors
    /// `InvalidModel` if the key is missing or its value is no u32.
    pub fn require_u32(&self, key: &str) -> Result<u32> {
        self.u32(key)?.ok_or_else(|| missing(key))
    }

    /// Like [`string`](Self::string), but the key must be there.
    ///
    /// # Errors
    /// `InvalidModel` if the key is missing or its value is no string.
    pub fn require_string(&self, key: &str) -> Result<&str> {
        self.string(key)?.ok_or_else(|| missing(key))
    }
}

fn missing(key: &str) -> Error {
    Error::new(
        ErrorKind::InvalidModel,
        format!("metadata {key} is missing: this GGUF file does not describe a language model"),
    )
}

/// The error of a value that is not what its reader needs.
pub(crate) fn mismatch(key: &str, expected: &str, found: &Value) -> Error {
    if let Value::Unreadable(why) = found {
        return Error::new(ErrorKind::InvalidGguf, format!("gguf: metadata {key}: {why}"));
    }
    Error::new(ErrorKind::InvalidModel, format!("metadata {key}: expected {expected}, found {}", found.kind()))
}
